"""The functions of `tensorrt_scatter.onnx` that users need most.

`tensorrt_scatter.onnx` needs optional packages, so these functions import it when they are called."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._optional import of_onnx

if TYPE_CHECKING:
    import onnx

    from .onnx import Report

__all__ = ["convert", "register_symbolic", "translation_table"]


def convert(
    model_or_path: onnx.ModelProto | str | os.PathLike[str],
    *,
    wrap_negative_indices: bool = True,
    fuse: bool = True,
    domain: str | None = None,
    target: str | None = None,
) -> tuple[onnx.ModelProto, Report]:
    """Rewrites the scatters of an ONNX model to the plugins: see :func:`tensorrt_scatter.onnx.convert`.

    Raises:
        ImportError: onnx or onnxscript is not installed; the message says what to install.
        FileNotFoundError: There is no such file, or its external data is missing.
        ValueError: It is not an ONNX model, or there is no such domain or target.
    """
    result: tuple[onnx.ModelProto, Report] = of_onnx("convert")(
        model_or_path, wrap_negative_indices=wrap_negative_indices, fuse=fuse, domain=domain, target=target
    )
    return result


def register_symbolic(op_name: str | None = None, opset_version: int = 17) -> None:
    """Prepares `torch.onnx.export(..., dynamo=False)`: see :func:`tensorrt_scatter.onnx.register_symbolic`.

    Raises:
        ImportError: torch is not installed; the message says what to install.
        ValueError: There is no operator of that name.
    """
    of_onnx("register_symbolic")(op_name, opset_version)


def translation_table() -> dict[Callable[..., Any], Callable[..., Any]]:
    """For `torch.onnx.export(..., dynamo=True)`: see :func:`tensorrt_scatter.onnx.translation_table`.

    Raises:
        ImportError: torch or onnxscript is not installed; the message says what to install.
    """
    result: dict[Callable[..., Any], Callable[..., Any]] = of_onnx("translation_table")()
    return result
