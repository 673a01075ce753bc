"""Imports of parts of the package that need optional packages."""

from __future__ import annotations

import importlib
from typing import Any

#: The extra that installs each optional package.
_EXTRAS = {"onnx": "onnx", "onnxscript": "onnx", "onnx_ir": "onnx", "torch": "torch"}


def of_onnx(name: str) -> Any:
    """Returns the attribute of tensorrt_scatter.onnx with that name.

    Raises:
        ImportError: an optional package is missing; the message says which extra to install.
    """
    try:
        return getattr(importlib.import_module("tensorrt_scatter.onnx"), name)
    except ModuleNotFoundError as error:
        raise explained(error) from error


def explained(error: ModuleNotFoundError) -> ImportError:
    """The same error. Its message says what to install if an extra has the missing package."""
    extra = _EXTRAS.get(str(error.name).partition(".")[0])
    if extra is None:
        return error
    return ImportError(f'{error}; it comes with: pip install "tensorrt-scatter[{extra}]"', name=error.name)
