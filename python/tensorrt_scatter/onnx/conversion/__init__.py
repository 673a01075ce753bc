"""Models that were exported without the plugins, rewritten to use them."""

from __future__ import annotations

from collections.abc import Callable

import onnx
import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass

from ..._declarations import BY_OP_TYPE, SCATTER

# It tells shape inference of the plugins.
from .. import schemas as _schemas  # noqa: F401
from . import constant_if, files
from .edit import Editor, name_of
from .files import FilePath
from .index import unexpand_plugin
from .report import Change, Kept, LeftAlone, Report
from .scatters import rewrite_scatter_elements, rewrite_scatter_nd

__all__ = ["Change", "Kept", "Report", "convert", "convert_file"]

_RULES: dict[str, Callable[[ir.Node, Editor], tuple[str, ...]]] = {
    "ScatterElements": rewrite_scatter_elements,
    "ScatterND": rewrite_scatter_nd,
}


def convert(
    model_or_path: onnx.ModelProto | FilePath, *, wrap_negative_indices: bool = True
) -> tuple[onnx.ModelProto, Report]:
    """Rewrites a model's scatters to the plugins, wherever these certainly compute the same.

    ScatterElements and ScatterND with a reduction become TRTS_Scatter, negative indices being made plain ones first
    unless none can be there; an Expand of the index of a plugin's node is taken out; an If around a scatter whose
    condition is constant gives way to its branch. Everything else stays as it is: opsets, inputs and outputs with their
    names and dynamic axes, weights. Subgraphs are converted too, functions are not. To convert a model again changes
    nothing.

    Args:
        model_or_path: A model, which is left as it was, or the path of one; its external data is loaded.
        wrap_negative_indices: Whether an index that may be negative, for all that the model says, is made plain: ONNX
            counts it from the end, the plugin leaves its element out. Without, the model computes the same only where
            none is negative, as PyTorch's scatter_add, scatter_reduce and index_add demand; that saves a small kernel.

    Returns:
        The new model and what was done to it. `convert_file` writes it to a file, whatever its size.

    Raises:
        FileNotFoundError: There is no such file, or its external data is missing.
        ValueError: It is not an ONNX model.
    """
    proto = model_or_path if isinstance(model_or_path, onnx.ModelProto) else files.load(model_or_path)
    model = ir.from_proto(proto)
    report = Report()
    _infer_shapes(model)
    while folded := constant_if.fold(model):
        report.changes += folded
        _infer_shapes(model)
    edit = Editor(model, wrap_negative_indices)
    for node in list(model.graph.all_nodes()):
        _visit(node, edit, report)
    for function in model.functions.values():
        reason = f"it is in the function {function.name}: inline it first, by onnx.inliner.inline_local_functions"
        scatters = (node for node in function.all_nodes() if node.op_type in _RULES and node.domain == "")
        report.kept += [Kept(name_of(node), node.op_type, reason) for node in scatters]
    if not report.changes:
        unchanged = onnx.ModelProto()
        unchanged.CopyFrom(proto)
        return unchanged, report
    _infer_shapes(model)
    converted = ir.to_proto(model)
    _declare_outputs(converted, proto)
    return converted, report


def convert_file(source: FilePath, target: FilePath, *, wrap_negative_indices: bool = True) -> Report:
    """Converts the model at `source` into a file at `target`. For the rest, see `convert`.

    Weights are written to a file beside it, called like it with ".data" added, where the source has external data too, or
    where one file cannot hold them. `target` may be `source`. Files that are there are replaced once the new ones are
    complete: an error leaves them as they were.

    Raises:
        FileNotFoundError: As `convert`.
        OSError: A file cannot be read or written.
        ValueError: As `convert`; or the model is larger than 2 GiB without its weights.
    """
    model, report = convert(source, wrap_negative_indices=wrap_negative_indices)
    files.save(model, target, external=files.has_external_data(source))
    return report


def _visit(node: ir.Node, edit: Editor, report: Report) -> None:
    name, op_type = name_of(node), node.op_type
    try:
        if node.domain == "" and op_type in _RULES:
            before = f"{op_type}({node.attributes.get_string('reduction', 'none')})"
            with edit.undone_where_left_alone():
                notes = _RULES[op_type](node, edit)
            report.changes.append(Change(name, before, SCATTER.op_type, notes))
        elif op_type in BY_OP_TYPE and unexpand_plugin(node, edit):
            report.changes.append(Change(name, f"{op_type} of an expanded index", f"{op_type} of the index itself"))
    except LeftAlone as left:
        report.kept.append(Kept(name, op_type, str(left)))


def _infer_shapes(model: ir.Model) -> None:
    ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)(model)


def _declare_outputs(converted: onnx.ModelProto, original: onnx.ModelProto) -> None:
    """Describes the outputs as the original does: an axis that is dynamic there stays so where inference knows more."""
    for output, declared in zip(converted.graph.output, original.graph.output):
        # A wrong rank is not kept: PyTorch's exporter over TorchScript gives one to the result of an If.
        if len(output.type.tensor_type.shape.dim) == len(declared.type.tensor_type.shape.dim):
            output.CopyFrom(declared)
