"""Finds the plugin library and registers its plugins."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tensorrt_scatter as ts
from tensorrt_scatter import _library


def run_python(code: str, **environment: str) -> str:
    """What the code prints in a process of its own."""
    path = os.pathsep.join([str(Path(ts.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    variables = {**os.environ, "PYTHONPATH": path, **environment}
    finished = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_the_path_is_that_of_the_loaded_library() -> None:
    assert Path(ts.library_path()).is_file()
    assert _library.loaded()._name == ts.library_path()


def test_package_and_library_are_of_one_version() -> None:
    assert _library.loaded().trts_version().decode() == ts.__version__


def test_a_named_library_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRTS_PLUGIN_LIBRARY", "/nowhere/library.so")
    with pytest.raises(FileNotFoundError, match=r"/nowhere/library.so.*TRTS_PLUGIN_LIBRARY"):
        ts.library_path()


def test_a_library_of_something_else_is_refused() -> None:
    code = """
import ctypes.util, os
os.environ["TRTS_PLUGIN_LIBRARY"] = next(line.split()[-1] for line in open("/proc/self/maps") if "libc.so" in line)
import tensorrt_scatter
try:
    tensorrt_scatter.load()
except ImportError as error:
    print(error)
"""
    assert "has version None of the C ABI, but this package needs 1" in run_python(code)


def test_importing_the_package_takes_neither_torch_nor_onnx_nor_the_library() -> None:
    code = "import sys, tensorrt_scatter; print({'torch', 'onnx', 'jax', 'cupy', 'ml_dtypes'} & set(sys.modules))"
    assert run_python(code, TRTS_PLUGIN_LIBRARY="/nowhere/library.so") == "set()\n"


def test_without_tensorrt_nothing_is_registered() -> None:
    code = """
import sys
sys.modules["tensorrt"] = None  # its import fails, also where it is installed
import tensorrt_scatter
print(tensorrt_scatter.load(), tensorrt_scatter.load())
"""
    assert run_python(code) == "False False\n"


def test_a_tensorrt_is_found_whenever_it_is_loaded() -> None:
    tensorrt = os.environ.get("TRTS_NVINFER_LEAN")
    if tensorrt is None:
        pytest.skip("TRTS_NVINFER_LEAN names no TensorRT")
    code = f"""
import ctypes, sys
sys.modules["tensorrt"] = None
import tensorrt_scatter
print(tensorrt_scatter.load())
ctypes.CDLL({tensorrt!r})
print(tensorrt_scatter.load(), tensorrt_scatter.load())
"""
    assert run_python(code) == "False\nTrue True\n"
    first = f"import ctypes, tensorrt_scatter; ctypes.CDLL({tensorrt!r}); print(tensorrt_scatter.load())"
    assert run_python(first) == "True\n"


def test_tensorrt_rtx_is_refused_in_words() -> None:
    rtx = os.environ.get("TRTS_TENSORRT_RTX")
    if rtx is None:
        pytest.skip("TRTS_TENSORRT_RTX names no TensorRT-RTX")
    code = f"""
import ctypes, sys
sys.modules["tensorrt"] = None
import tensorrt_scatter
ctypes.CDLL({rtx!r})
for _ in range(2):
    try:
        tensorrt_scatter.load()
    except RuntimeError as error:
        print(error)
"""
    reason = "no plugins are registered with TensorRT-RTX 1.7.1: a network of TensorRT-RTX takes no plugin layers"
    assert [line.startswith(reason) for line in run_python(code).splitlines()] == [True, True]


def test_the_registry_answers_after_its_library_is_taken_out() -> None:
    tensorrt = os.environ.get("TRTS_NVINFER_LEAN")
    if tensorrt is None:
        pytest.skip("TRTS_NVINFER_LEAN names no TensorRT")
    # IPluginRegistry's loadLibrary, deregisterLibrary and getCreator are functions 6, 7 and 10 of TensorRT 11's class.
    code = f"""
import ctypes, sys
sys.modules["tensorrt"] = None
import tensorrt_scatter

tensorrt = ctypes.CDLL({tensorrt!r})
tensorrt.getPluginRegistry.restype = ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p))
registry = tensorrt.getPluginRegistry()

def call(slot, *arguments):
    return ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_void_p] * len(arguments))(registry[0][slot])(
        ctypes.cast(registry, ctypes.c_void_p), *arguments
    )

def has_scatter():
    return bool(call(10, *map(ctypes.c_char_p, (b"TRTS_Scatter", b"1", b""))))

handle = call(6, ctypes.c_char_p(tensorrt_scatter.library_path().encode()))
print(has_scatter(), tensorrt_scatter.load())
call(7, handle)
print(has_scatter(), tensorrt_scatter.load(), has_scatter())
"""
    assert run_python(code) == "True True\nFalse True True\n"


def test_a_second_copy_of_the_library_is_no_failure(tmp_path: Path) -> None:
    tensorrt = os.environ.get("TRTS_NVINFER_LEAN")
    if tensorrt is None:
        pytest.skip("TRTS_NVINFER_LEAN names no TensorRT")
    copy = tmp_path / "libtensorrt_scatter_plugin.so"
    copy.write_bytes(Path(ts.library_path()).read_bytes())
    code = f"""
import ctypes, sys
sys.modules["tensorrt"] = None
import tensorrt_scatter
ctypes.CDLL({tensorrt!r})
ctypes.CDLL({str(copy)!r})
print(tensorrt_scatter.load())
"""
    assert run_python(code) == "True\n"
