"""The functions of `tensorrt_scatter.onnx` that users need most.

`tensorrt_scatter.onnx` needs optional packages, so these functions import it when they are called."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ._optional import of_onnx

if TYPE_CHECKING:
    import onnx

    from .onnx import ExportReport, Report

__all__ = ["convert", "export", "register_symbolic", "translation_table"]


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


def export(
    model: Callable[..., Any],
    args: Any,
    path: str | os.PathLike[str],
    *,
    target: str | None = None,
    dim_size: int | None = None,
    dynamic_shapes: Any = None,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    more_args: Sequence[Any] = (),
    exporter: str | None = None,
    domain: str | None = None,
    external_data: bool = False,
    allow_differences: bool = False,
    rtol: float | None = None,
    atol: float | None = None,
) -> ExportReport:
    """Exports a PyTorch model to ONNX with the plugins' nodes, and compares the file with the model: see
    :func:`tensorrt_scatter.onnx.export`.

    Raises:
        ExportError: No exporter gives a file that computes what the model computes; nothing is written.
        ImportError: torch, onnx or onnxscript is not installed; the message says what to install.
        OSError: The file cannot be written.
        ValueError: An argument is wrong.
    """
    result: ExportReport = of_onnx("export")(
        model,
        args,
        path,
        target=target,
        dim_size=dim_size,
        dynamic_shapes=dynamic_shapes,
        input_names=input_names,
        output_names=output_names,
        more_args=more_args,
        exporter=exporter,
        domain=domain,
        external_data=external_data,
        allow_differences=allow_differences,
        rtol=rtol,
        atol=atol,
    )
    return result


def register_symbolic(
    op_name: str | None = None,
    opset_version: int = 17,
    domain: str = "tensorrt_scatter",
    *,
    pytorch: bool = False,
    target: str | None = None,
) -> None:
    """Prepares `torch.onnx.export(..., dynamo=False)`: see :func:`tensorrt_scatter.onnx.register_symbolic`.

    Raises:
        ImportError: torch is not installed; the message says what to install.
        ValueError: There is no operator of that name, or another argument has no such value.
    """
    of_onnx("register_symbolic")(op_name, opset_version, domain, pytorch=pytorch, target=target)


def translation_table(
    domain: str = "tensorrt_scatter", *, pytorch: bool = False, target: str | None = None
) -> dict[Callable[..., Any], Callable[..., Any]]:
    """For `torch.onnx.export(..., dynamo=True)`: see :func:`tensorrt_scatter.onnx.translation_table`.

    Raises:
        ImportError: torch or onnxscript is not installed; the message says what to install.
        ValueError: An argument has no such value.
    """
    result: dict[Callable[..., Any], Callable[..., Any]] = of_onnx("translation_table")(
        domain, pytorch=pytorch, target=target
    )
    return result
