"""The number of threads of operators on the CPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tensorrt_scatter as ts


def test_the_number_can_be_set_and_restored() -> None:
    default = ts.get_num_threads()
    src, index = np.random.default_rng(0).random((50_000, 8), np.float32), np.arange(50_000) % 1000
    expected = ts.scatter_softmax(src, index, 0)
    try:
        for threads in (1, 3):
            ts.set_num_threads(threads)
            assert ts.get_num_threads() == threads
            assert np.array_equal(ts.scatter_softmax(src, index, 0), expected)
        with pytest.raises(ValueError, match="threads is -1"):
            ts.set_num_threads(-1)
    finally:
        ts.set_num_threads(0)
    assert ts.get_num_threads() == default


def _number_of_a_process(variable: str | None) -> int:
    program = "import tensorrt_scatter as ts; print(ts.get_num_threads())"
    environment = {name: value for name, value in os.environ.items() if name != "RAYON_NUM_THREADS"}
    # The package need not be installed: the child finds it where this process did.
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(ts.__file__).parents[1]), environment.get("PYTHONPATH", "")])
    if variable is not None:
        environment["RAYON_NUM_THREADS"] = variable
    shown = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True, text=True)
    return int(shown.stdout)


def test_the_environment_variable_is_the_default() -> None:
    processors = _number_of_a_process(None)
    assert processors >= 1
    assert [_number_of_a_process(variable) for variable in ("3", "0", "many")] == [3, processors, processors]
