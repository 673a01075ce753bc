"""The tests of tensorrt_scatter.onnx. They need torch, onnx and onnxscript, and skip where one is missing."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

PYTHON = Path(__file__).parents[2]
sys.path[:0] = [str(PYTHON), str(Path(__file__).parent)]

for needed in ("torch", "onnx", "onnxscript"):
    pytest.importorskip(needed)


@pytest.fixture(scope="session", params=["numpy twin", "tensorrt_scatter"])
def operators(request: pytest.FixtureRequest) -> ModuleType:
    """What computes the plugins' nodes in onnx's reference evaluator: the tests' own twin, and the package's CPU backend."""
    if request.param == "numpy twin":
        return importlib.import_module("numpy_operators")
    package = importlib.import_module("tensorrt_scatter")
    if not hasattr(package, "scatter_sum"):
        pytest.skip("tensorrt_scatter has no NumPy operators in this checkout")
    return package
