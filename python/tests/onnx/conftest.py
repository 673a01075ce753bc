"""The tests of tensorrt_scatter.onnx need torch, onnx and onnxscript. They are skipped if one is missing."""

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
    """The functions that compute the plugins' nodes in onnx's reference evaluator."""
    return importlib.import_module("tensorrt_scatter")
