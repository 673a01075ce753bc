"""Tensors that are passed by DLPack: what is read, and how long the memory lives."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tensorrt_scatter import _dlpack


class Exporter:
    """Host memory, exported as the package exports a device's."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    def __dlpack__(self, **_: Any) -> Any:
        address = self.array.__array_interface__["data"][0]
        return _dlpack.exported(self, address, (1, 0), self.array.dtype.name, self.array.shape)


def test_what_numpy_exports_is_read() -> None:
    array = np.arange(12, dtype=np.int32).reshape(3, 4)
    for view in (array, array.T, array[1:, ::2]):
        tensor = _dlpack.imported(view.__dlpack__())
        assert (tensor.dtype, tensor.shape) == ("int32", view.shape)
        np.testing.assert_array_equal(_dlpack.as_numpy(tensor), view)


def test_types_without_kernels_are_told_by_name() -> None:
    for dtype in ("bool", "uint8", "int16", "uint64", "complex64"):
        assert _dlpack.imported(np.zeros(1, dtype).__dlpack__()).dtype == dtype


def test_an_imported_tensor_lives_as_long_as_it_is_looked_at() -> None:
    exporter = Exporter(np.arange(3.0))
    alive = weakref.ref(exporter)
    array = _dlpack.as_numpy(_dlpack.imported(exporter.__dlpack__()))
    del exporter
    gc.collect()
    assert alive() is not None
    np.testing.assert_array_equal(array, [0, 1, 2])
    del array
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("consumer", ["numpy", "torch"])
def test_an_exported_tensor_lives_as_long_as_its_consumer(consumer: str) -> None:
    library = pytest.importorskip(consumer)
    exporter = Exporter(np.arange(6, dtype=np.float32).reshape(2, 3))
    alive = weakref.ref(exporter)
    array = library.from_dlpack(exporter)
    del exporter
    gc.collect()
    assert alive() is not None
    np.testing.assert_array_equal(np.asarray(array), [[0, 1, 2], [3, 4, 5]])
    del array
    gc.collect()
    assert alive() is None


def test_a_capsule_that_nobody_takes_lets_go() -> None:
    exporter = Exporter(np.zeros(1))
    alive = weakref.ref(exporter)
    capsule = exporter.__dlpack__()
    del exporter
    gc.collect()
    assert alive() is not None
    del capsule
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("consumer", ["numpy", "torch"])
def test_a_consumer_may_outlive_everything_else(consumer: str) -> None:
    pytest.importorskip(consumer)
    code = f"""
import numpy, {consumer}, test_dlpack
kept = {consumer}.from_dlpack(test_dlpack.Exporter(numpy.ones(1000)))
import builtins
builtins.kept = kept  # is destroyed last
print(len(kept))
"""
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    finished = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "1000\n", "")


def test_row_major_strides() -> None:
    assert _dlpack.is_row_major((2, 3), (3, 1))
    assert _dlpack.is_row_major((1, 3), (77, 1))
    assert _dlpack.is_row_major((), ())
    assert _dlpack.is_row_major((0, 3), (1, 1))
    assert not _dlpack.is_row_major((2, 3), (1, 2))
    assert not _dlpack.is_row_major((4,), (0,))
