"""The tests of tensorrt_scatter.torch_tensorrt share the calls of each operator with those of tensorrt_scatter.onnx."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "onnx")]

pytest.importorskip("torch")
