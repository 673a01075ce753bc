"""From a PyTorch model to a checked ONNX file, by one call.

- `arguments` names the tensors among the arguments, and their axes that vary.
- `calls` notes the operators that the model calls, `exporters` has PyTorch's ways to ONNX, and `causes` says why one fails.
- `cases` makes other arguments, and `comparing` compares a file with PyTorch on them; `checked` does both.
- `sizes` finds sizes that come from values, and `report` says what was done.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..._errors import ExportError
from .. import nodes, releases
from ..conversion import convert, files
from ..conversion.files import FilePath
from ..inspection.check import check
from . import exporters
from .arguments import Flat, Model, call_of, check_unique
from .calls import Calls
from .causes import cause_of, is_refused_here
from .checked import Checker, Oracle
from .comparing import Different, Tolerance
from .exporters import EXPORTERS, Request
from .report import Comparison, ExportReport, Failed, counted, grouped, signature

__all__ = ["Comparison", "ExportError", "ExportReport", "export"]


def export(
    model: Model,
    args: Any,
    path: FilePath,
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
    """Exports a model to ONNX, with plugins for its scatters, and compares the file with the model.

    torch_scatter's and torch_geometric's functions, and PyTorch's own scatters and segments, become the plugins' nodes.
    PyTorch's exporters are tried one after the other. Each result is converted as by `convert`, and computed by onnx's
    reference evaluator on the CPU: for the given arguments, for other values, and for other sizes, if sizes vary. The
    first result that equals PyTorch's everywhere is written. If there is none, no file is written or changed. The model
    is exported as in `model.eval()`, and stays as it is.

    Args:
        model: A torch.nn.Module, or a function of tensors.
        args: A tensor, a tuple of arguments, or a dictionary of arguments by name. Tensors in tuples, lists and
            dictionaries become inputs of the file. All else, such as numbers, is fixed in it. Small ones are best: the
            evaluator is slow.
        path: The ONNX file to write.
        target: The TensorRT release that the file is for, "8.6", "10" or "11"; see `convert`. None stands for 10 or
            newer, and changes nothing for a release.
        dim_size: The number of groups for all calls of torch_scatter and torch_geometric that give none. It must be
            larger than every index; a pool's result has so many rows.
        dynamic_shapes: The axes that vary, by argument: `{"x": {0: "n"}, "edges": {1: "e"}}`, or in a tuple. Equal names
            are equal sizes. A `torch.export.Dim("e", min=2)` has a range: no other size is compared.
        input_names: The names of the inputs in the file. None takes the names of the model's arguments.
        output_names: The names of the outputs. None takes "out", "out_0", …, or the keys of a dictionary.
        more_args: More arguments to compare on, each like `args`, of other sizes where these vary.
        exporter: "dynamo" or "torchscript": only this one is tried. None tries both.
        domain: The ONNX domain of the plugins' nodes, "tensorrt_scatter" or "trt.plugins".
        external_data: Whether the weights go to a second file, `path` with ".data" added. They also do where one file
            cannot hold them.
        allow_differences: Whether NaN and infinities may differ, as docs/NUMERICS.md says. The report counts them.
        rtol: What an output may differ by, as a part of its element. None: 1e-4 for float32, 1e-6 for float64, 1e-2 for
            float16, 5e-2 for bfloat16. Integers and bools must be equal.
        atol: What it may differ by besides. None: 1e-5, 1e-7, 2e-3 or 2e-2 of the largest element of the output.

    Returns:
        A report. Printed, it says what was written and how, what was fused, what was compared, and what TensorRT would
        refuse or misread; `report.problems` has the latter.

    Raises:
        ExportError: no exporter gives a file that computes what the model computes. The message has the reason of each.
        OSError: the file cannot be written.
        ValueError: an argument is not as described here.
    """
    if target is not None:
        releases.named(target)
    ways = [each for each in EXPORTERS if exporter in (None, each.name)]
    if not ways:
        names = " or ".join(repr(name) for name in dict.fromkeys(each.name for each in EXPORTERS))
        raise ValueError(f"exporter is {exporter!r}: expected {names}, or None")
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder: expected a path in one that exists")
    call = call_of(model, args, dynamic_shapes, input_names)
    others = [call.others(each) for each in more_args]
    with _prepared(model):
        oracle = Oracle(model, call, dim_size, target)
        with Calls() as calls:
            outputs = _output_names(oracle.named(call.tensors), output_names, [each.name for each in call.inputs])
        request = Request(
            Flat(model, call).eval(), call, outputs, target, nodes.checked_domain(domain or nodes.DOMAIN), dim_size
        )
        try:
            checker = Checker(call, outputs, oracle, others, Tolerance(rtol, atol, allow_differences))
        except Different as error:
            raise ExportError(path, (str(error),)) from None
        failed: list[Failed] = []
        last: Exception | None = None
        for way in ways:
            if way.name == "torchscript" and calls.on_views:
                failed.append(
                    Failed(way.title, f"not tried: it loses {calls.on_views[0]}; write the call without a view")
                )
                continue
            request.notes = []
            try:
                exported = exporters.run(way, request)
            except Exception as error:
                last = error
                failed.append(Failed(way.title, cause_of(error, request.names, calls.places)))
                if is_refused_here(error):
                    # No exporter can do it.
                    break
                continue
            try:
                symbols = checker.symbols(exported)
                converted, conversion = convert(exported, domain=domain, target=target)
                # A lost reduction shows in the values only where two elements share an index.
                for wrong in conversion.wrong:
                    raise Different(str(wrong))
                comparisons = checker.compare(converted, symbols)
            except Exception as error:
                last = error
                failed.append(Failed(way.title, f"the file is not taken: {error}"))
                if isinstance(error, Different) and error.of_all:
                    break
                continue
            report = ExportReport(
                Path(path),
                signature(converted),
                way.title,
                grouped(failed),
                *counted(converted),
                conversion,
                check(converted, target),
                tuple(comparisons),
                tuple([*request.notes, *checker.notes(converted)]),
            )
            files.save(converted, path, external=external_data)
            return report
    raise ExportError(path, tuple(map(str, grouped(failed)))) from last


@contextlib.contextmanager
def _prepared(model: Model) -> Iterator[None]:
    """Puts a model into the state that it is exported in, and back."""
    modules = list(model.modules()) if isinstance(model, nn.Module) else []
    training = [each for each in modules if each.training]
    # Some models count their calls, or keep what they computed.
    buffers = [(each, each.clone()) for each in model.buffers()] if isinstance(model, nn.Module) else []
    with torch.no_grad():
        try:
            for each in training:
                each.training = False
            yield
        finally:
            for each in training:
                each.training = True
            for buffer, before in buffers:
                buffer.copy_(before)


def _output_names(found: list[str], wanted: Sequence[str] | None, inputs: list[str]) -> list[str]:
    if wanted is None:
        names = [f"{name}_out" if name in inputs else name for name in found]
    elif len(wanted) != len(found):
        raise ValueError(f"output_names has {len(wanted)} names: expected {len(found)}, for {', '.join(found)}")
    else:
        names = list(wanted)
    check_unique("output_names", [*inputs, *names])
    return names
