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


@pytest.fixture(scope="session")
def operators() -> ModuleType:
    """What computes the plugins' nodes in onnx's reference evaluator: the package's CPU backend, or, in a checkout
    without it, the tests' own twin."""
    package = importlib.import_module("tensorrt_scatter")
    return package if hasattr(package, "scatter_sum") else importlib.import_module("numpy_operators")
