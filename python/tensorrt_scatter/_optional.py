"""What needs packages that the operators do not."""

from __future__ import annotations

import importlib
from typing import Any

#: Packages, and the extra that brings each.
_EXTRAS = {"onnx": "onnx", "onnxscript": "onnx", "onnx_ir": "onnx", "torch": "torch"}


def of_onnx(name: str) -> Any:
    """What tensorrt_scatter.onnx has under that name.

    Raises:
        ImportError: says which extra to install where a package is missing.
    """
    try:
        return getattr(importlib.import_module("tensorrt_scatter.onnx"), name)
    except ModuleNotFoundError as error:
        raise explained(error) from error


def explained(error: ModuleNotFoundError) -> ImportError:
    """The error with what to install, where an extra brings the missing package."""
    extra = _EXTRAS.get(str(error.name).partition(".")[0])
    if extra is None:
        return error
    return ImportError(f'{error}; it comes with: pip install "tensorrt-scatter[{extra}]"', name=error.name)
