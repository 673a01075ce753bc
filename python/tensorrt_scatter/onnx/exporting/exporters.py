"""PyTorch's ways from a model to ONNX, in the order in which they are tried."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir
import torch
from onnx_ir.passes import common
from onnxscript import optimizer

from ..conversion import files
from ..patching import libraries_as_plugins
from ..symbolic import registered
from ..translation import translation_table
from .arguments import Call, Flat

_OPSET = 18
"""The opset of PyTorch's exporter over torch.export. Every opset above needs a conversion of the model; `convert` makes
17 of it for TensorRT 8.6."""
_OPSET_OF_TORCHSCRIPT = 17
"""All releases of TensorRT from 8.6 on read it."""

_MOST_PLACES = 3
"""The places that a note names."""


@dataclass
class Request:
    """What is to be exported, and how."""

    module: Flat
    call: Call
    outputs: list[str]
    target: str | None
    domain: str
    dim_size: int | None
    notes: list[str] = field(default_factory=list)
    """What an exporter says of its result."""

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.call.inputs]

    @property
    def tensors(self) -> tuple[torch.Tensor, ...]:
        return tuple(each.clone() for each in self.call.tensors)

    def shapes(self, by_name: bool) -> Any:
        """The axes that vary, as torch.export wants them: with names, or as what it finds out about them."""
        if not self.call.sizes:
            return None
        dims = {name: size.dim() if by_name else torch.export.Dim.DYNAMIC for name, size in self.call.sizes.items()}
        return (tuple({axis: dims[size.name] for axis, size in each.sizes.items()} for each in self.call.inputs),)


@dataclass(frozen=True)
class Exporter:
    """One of the ways."""

    name: str
    """What `export(exporter=)` calls it and those like it."""
    title: str
    run: Callable[[Request], onnx.ModelProto]


def _direct(request: Request) -> onnx.ModelProto:
    # It captures sizes of 0 and 1 as well, and cannot capture some models that torch.export alone can.
    return _translated(request, request.module, request.tensors, dynamic_shapes=request.shapes(by_name=True))


def _captured(strict: bool) -> Callable[[Request], onnx.ModelProto]:
    def run(request: Request) -> onnx.ModelProto:
        def capture(by_name: bool) -> Any:
            shapes = request.shapes(by_name)
            return torch.export.export(request.module, request.tensors, dynamic_shapes=shapes, strict=strict)

        try:
            program = capture(by_name=True)
        except torch._dynamo.exc.UserError:
            # Perhaps the model wants two sizes to be equal.
            program = capture(by_name=False)
        return _translated(request, program)

    return run


def _translated(request: Request, *model: Any, **options: Any) -> onnx.ModelProto:
    program: Any = torch.onnx.export(
        *model,
        dynamo=True,
        verbose=False,
        # Its optimizer takes an addition of 1e-8 for one of 0.
        optimize=False,
        opset_version=_OPSET,
        input_names=request.names,
        output_names=request.outputs,
        custom_translation_table=translation_table(request.domain, pytorch=True, target=request.target),
        **options,
    )
    _simplify(program.model)
    exported: onnx.ModelProto = ir.to_proto(program.model)
    return exported


def _simplify(model: ir.Model) -> None:
    """Takes constants and repetitions out of a model. No result changes."""
    common.InlinePass()(model)
    # Without types a CastLike stays.
    optimizer.fold_constants(model, onnx_shape_inference=True)
    ir.passes.Sequential(
        common.RemoveUnusedNodesPass(),
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        common.DeduplicateInitializersPass(),
        common.CommonSubexpressionEliminationPass(),
        common.RemoveUnusedNodesPass(),
        common.OutputFixPass(),
        common.NameFixPass(),
    )(model)


def _torchscript(request: Request) -> onnx.ModelProto:
    axes = {each.name: {axis: size.name for axis, size in each.sizes.items()} for each in request.call.inputs}
    options = {"domain": request.domain, "pytorch": True, "target": request.target}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        path = Path(folder) / "model.onnx"
        with registered(**options):
            torch.onnx.export(
                request.module,
                request.tensors,
                str(path),
                dynamo=False,
                opset_version=_OPSET_OF_TORCHSCRIPT,
                input_names=request.names,
                output_names=request.outputs,
                dynamic_axes=axes,
            )
        # Of most warnings PyTorch's own code is the cause, and the comparison finds what they warn of.
        tracer: Any = torch.jit
        frozen = [each for each in said if issubclass(each.category, tracer.TracerWarning)]
        places = sorted({f"{each.filename}, line {each.lineno}" for each in frozen})
        if places:
            rest = f" and {len(places) - _MOST_PLACES} more places" if len(places) > _MOST_PLACES else ""
            request.notes.append(
                "the older exporter records what the model computed for the given arguments; what Python decided is fixed "
                f"in the file, at {', '.join(places[:_MOST_PLACES])}{rest}"
            )
        return files.load(path)


EXPORTERS = (
    Exporter("dynamo", "torch.onnx.export(dynamo=True)", _direct),
    Exporter("dynamo", "torch.export.export(strict=False), then torch.onnx.export(dynamo=True)", _captured(False)),
    Exporter("dynamo", "torch.export.export(strict=True), then torch.onnx.export(dynamo=True)", _captured(True)),
    Exporter("torchscript", "torch.onnx.export(dynamo=False)", _torchscript),
)


def run(exporter: Exporter, request: Request) -> onnx.ModelProto:
    """Exports by one of the ways, with the libraries' functions as plugins and without the exporters' messages."""
    with _quiet(), libraries_as_plugins(request.dim_size, request.target):
        return exporter.run(request)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps exporters from printing what went wrong, whole graphs among it: the report has the causes."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    nowhere = io.StringIO()
    try:
        with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
