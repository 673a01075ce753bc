"""The package as it is checked, packed and installed."""

from __future__ import annotations

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
