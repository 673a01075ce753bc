"""The package is checked, packed and installed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import tensorrt_scatter as ts

PROJECT = Path(__file__).parents[1]


def run(*command: str, cwd: Path = PROJECT) -> str:
    finished = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_types_are_right() -> None:
    # tensorrt_scatter.onnx has types of theirs.
    for package in ("mypy", "torch", "onnx", "onnxscript"):
        pytest.importorskip(package)
    run(sys.executable, "-m", "mypy", "--cache-dir", "/dev/null", "tensorrt_scatter")


CALLER = """
from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray

import tensorrt_scatter as ts
from tensorrt_scatter import convert, register_symbolic, scatter_max, translation_table
from tensorrt_scatter.onnx import Report, convert_file, ops, reference, torch_scatter_as_plugins

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]


def use(src: Floats, index: Positions, model: onnx.ModelProto) -> tuple[Floats, Positions]:
    sums: Floats = ts.scatter(src, index, 0, dim_size=4, reduce="sum")
    best, where = scatter_max(src, index)
    reveal_type(best)
    reveal_type(where)
    reveal_type(ts.segment_min_csr(src, index))
    reveal_type(ts.gather_segment_max_csr(src, index, index, src))
    reveal_type(ts.gather_segment_csr(src, index, index, reduce="mean", out=sums))
    reveal_type(ts.group_index(index, 4))
    reveal_type(ts.gather_scatter_max(src, index, index, src))
    reveal_type(ts.gather_scatter(src, index, index, dim_size=4, reduce="mean", out=sums))
    reveal_type(ts.gather_segment_min_coo(src, index, index))
    reveal_type(ts.gather_segment_coo(src, index, index, src, out=sums))
    reveal_type(ts.segment_coo(src, index, out=sums))
    reveal_type(ts.gather_csr(src, index))
    reveal_type(ts.composite.scatter_softmax(src, index))
    reveal_type(ts.std_csr(src, index, unbiased=False))
    reveal_type(ts.attention_csr(src, index, index, src, out=sums))
    reveal_type(ts.gather_dot(src, index, src, index, combine="add", heads=2))
    reveal_type(ts.load())
    converted, report = convert(model)
    reveal_type(converted)
    reveal_type(report)
    register_symbolic("scatter_max", 17)
    table = translation_table()
    reveal_type(len(table))
    reveal_type(convert_file("in.onnx", "out.onnx", wrap_negative_indices=False))
    with ts.unchecked(), ts.deterministic(), torch_scatter_as_plugins():
        try:
            ts.scatter(src, index)
        except ts.BadIndexError as error:
            reveal_type(error.position)
    print(report.changes[0].node, ops.scatter_sum, reference.evaluator(model), Report)
    return best, where


ts.scatter(1, 2, dimension=3)  # wrong
ts.convert(5)  # wrong
"""


def test_a_callers_types_are_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No result that a caller gets has the type Any."""
    for package in ("mypy", "onnx", "torch"):
        pytest.importorskip(package)
    (tmp_path / "caller.py").write_text(CALLER)
    monkeypatch.setenv("MYPYPATH", str(PROJECT))
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--no-pretty",
        "--no-error-summary",
        "--cache-dir",
        "/dev/null",
    ]
    # Errors inside of torch do not count.
    command += ["--follow-imports", "silent", "caller.py"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    lines = [line.partition(": ")[2] for line in finished.stdout.splitlines()]
    revealed = re.findall(r'Revealed type is "(.*)"', finished.stdout)
    floats, positions = revealed[:2]
    assert "float" in floats and "int" in positions
    assert revealed == [
        floats,
        positions,
        f"tuple[{floats}, {positions}]",
        f"tuple[{floats}, {positions}]",
        floats,
        f"tuple[{positions}, {positions}]",
        f"tuple[{floats}, {positions}]",
        floats,
        f"tuple[{floats}, {positions}]",
        floats,
        floats,
        floats,
        floats,
        floats,
        floats,
        floats,
        "bool",
        "onnx.onnx_ml_pb2.ModelProto",
        "tensorrt_scatter.onnx.conversion.report.Report",
        "int",
        "tensorrt_scatter.onnx.conversion.report.Report",
        "int",
    ]
    errors = [line for line in lines if line.startswith("error")]
    assert len(errors) == 2, finished.stdout
    assert 'Unexpected keyword argument "dimension"' in errors[0]
    assert 'Argument 1 to "convert" has incompatible type "int"' in errors[1]


def test_style_is_right() -> None:
    pytest.importorskip("ruff")
    run(sys.executable, "-m", "ruff", "check", "--no-cache", ".")
    run(sys.executable, "-m", "ruff", "format", "--no-cache", "--check", ".")


def test_a_wheel_works_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("hatchling", "auditwheel"):
        pytest.importorskip(package)
    # The library that these tests use is packed, rather than another built.
    monkeypatch.setenv("TRTS_PLUGIN_LIBRARY", ts.library_path())
    pip = ("-m", "pip", "--disable-pip-version-check")
    run(sys.executable, *pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(PROJECT))
    (wheel,) = tmp_path.glob("*.whl")
    assert "-py3-none-linux_" in wheel.name
    # What `cargo xtask wheel` turns that into: the library needs nothing that such systems lack.
    assert "manylinux_2_" in run(sys.executable, "-m", "auditwheel", "show", str(wheel))

    run(sys.executable, "-m", "venv", str(tmp_path / "clean"))
    python = str(tmp_path / "clean" / "bin" / "python")
    installed = subprocess.run(
        [python, *pip, "install", "--quiet", str(wheel)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    if "No matching distribution" in installed.stderr:
        pytest.skip("NumPy cannot be had from PyPI")
    assert installed.returncode == 0, installed.stderr

    monkeypatch.delenv("TRTS_PLUGIN_LIBRARY")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    code = """
import numpy as np, tensorrt_scatter as ts
print(ts.library_path(), ts.load())
print(ts.scatter_max(np.array([1.5, 5, 2]), np.array([0, 1, 0])))
"""
    path, registered, *results = run(python, "-c", code, cwd=tmp_path).split(maxsplit=2)
    assert path.startswith(str(tmp_path / "clean"))
    assert registered == "False"
    assert results == ["(array([2., 5.]), array([2, 1]))\n"]
    assert path in run(python, "-m", "tensorrt_scatter", "info", cwd=tmp_path)
