"""Imports files of tests/tensorrt, which run on their own, beside a real TensorRT."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parents[2] / "tests" / "tensorrt"


def load(name: str) -> ModuleType:
    """Imports one file. The files that it imports must be loaded before it.

    The folder is not in sys.path: its cuda.py would pass for NVIDIA's package cuda.
    """
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]
