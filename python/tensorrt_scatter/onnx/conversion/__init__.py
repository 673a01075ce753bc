"""Rewrites models that were exported without the plugins to use them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import onnx
import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass

from ..._declarations import BY_OP_TYPE, SCATTER
from .. import nodes, releases

# Registers the plugins' schemas, for shape inference.
from .. import schemas as _schemas  # noqa: F401
from ..inspection import rules
from . import constant_if, domains, facts, files, for_release, fusion, scores, symbols, without_self
from .edit import Editor, name_of
from .files import FilePath
from .index import unexpand_plugin
from .report import Change, Kept, LeftAlone, Report, Unfused
from .scatters import rewrite_scatter_elements, rewrite_scatter_nd

__all__ = ["Change", "Kept", "Report", "Unfused", "convert", "convert_file"]

_LARGEST_FOLLOWED = 2**24
"""The largest axis in a model in which shape inference may propagate the elements of vectors."""

_OTHER_NAME = "ai.onnx"

_RULES: dict[str, Callable[[ir.Node, Editor], tuple[str, ...]]] = {
    "ScatterElements": rewrite_scatter_elements,
    "ScatterND": rewrite_scatter_nd,
}


def convert(
    model_or_path: onnx.ModelProto | FilePath,
    *,
    wrap_negative_indices: bool = True,
    fuse: bool = True,
    domain: str | None = None,
    target: str | None = None,
) -> tuple[onnx.ModelProto, Report]:
    """Rewrites the scatters of a model to plugins, wherever the plugins certainly compute the same.

    ScatterElements and ScatterND with a reduction become TRTS_Scatter. Where they reduce rows that a Gather reads,
    maybe times weights, they become TRTS_GatherScatter; or TRTS_GatherSegmentCSR, where several of them have the same
    destinations, which one TRTS_GroupIndex then sorts; or TRTS_AttentionCSR, where the weights are the softmax of scores
    over each group. A ReduceSum over products, or over leaky ReLUs of sums, of rows that two Gathers read becomes
    TRTS_GatherDot. Where an index may be negative, nodes before it add the size of
    the axis. An Expand of the index of a plugin's node is removed. An If around a scatter is replaced by its branch if
    the condition is constant. Everything else stays as it is: opsets, weights, and the names and axes of inputs and
    outputs. Subgraphs are converted too; functions are not. A second conversion changes nothing.

    Args:
        model_or_path: A model, which is not modified, or the path of a model; its external data is loaded.
        wrap_negative_indices: True adds nodes for indices that may be negative: in ONNX they count from the end, and
            the plugin leaves them out. False is right where no index is negative, which PyTorch's scatter_add,
            scatter_reduce, index_add and index_select require; it saves a small kernel.
        fuse: False leaves every Gather where it is, and every ReduceSum. A fused scatter whose number of groups varies needs TensorRT 10; a
            TRTS_Scatter does not.
        domain: The ONNX domain of all plugins' nodes, "tensorrt_scatter" or "trt.plugins"; ONNX Runtime's TensorRT
            execution provider wants the latter. None gives new nodes "tensorrt_scatter", and leaves others as they are.
        target: The TensorRT release that the model is for: "8.6", "10" or "11". The nodes that this release misreads
            are replaced by others that compute the same, no fusion is made that it cannot have, and `Report.left` tells
            what it would still refuse or misread. None changes nothing of the kind.

    Returns:
        The new model, and a report of the changes. To write a file of any size, call `convert_file`.

    Raises:
        FileNotFoundError: there is no such file, or its external data is missing.
        ValueError: it is not a valid ONNX model, nodes cannot have that domain, or there is no such target.
    """
    release = None if target is None else releases.named(target)
    new_domain = nodes.DOMAIN if domain is None else nodes.checked_domain(domain)
    proto = model_or_path if isinstance(model_or_path, onnx.ModelProto) else files.load(model_or_path)
    model = _opened(proto)
    report = Report()
    _infer_shapes(model)
    while folded := constant_if.fold(model):
        report.changes += folded
        _infer_shapes(model)
    symbols.unify(_values_of(model.graph))
    edit = Editor(model, wrap_negative_indices, new_domain)
    if release is not None:
        for_release.prepare(model, release, edit, report)
    for rule in (_visit, _simplify):
        for node in [node for graph in facts.nested(model.graph) for node in graph]:
            rule(node, edit, report)
    if fuse:
        edit.begin()
        for graph in list(facts.nested(model.graph)):
            scores.fuse(graph, edit, report)
        # What is inserted for a score may come after a scatter that could use it.
        edit.begin()
        for graph in list(facts.nested(model.graph)):
            fusion.fuse(graph, edit, report, release)
            for node in list(graph):
                _unexpand(node, edit)
    _report_functions(model, report)
    if domain is not None:
        report.changes += domains.move(model, domain)
    if release is not None:
        _infer_shapes(model)
        for_release.rewrite(model, release, edit, report)
        _infer_shapes(model)
        report.left = [each for each in rules.findings(model, [release]) if each.is_problem]
    if not report.changes:
        unchanged = onnx.ModelProto()
        unchanged.CopyFrom(proto)
        return unchanged, report
    _infer_shapes(model)
    try:
        converted = ir.to_proto(model)
    except Exception as error:
        raise _not_valid(error) from error
    _declare_as(proto, converted)
    return converted, report


def convert_file(
    source: FilePath,
    output: FilePath,
    *,
    wrap_negative_indices: bool = True,
    fuse: bool = True,
    domain: str | None = None,
    target: str | None = None,
) -> Report:
    """Converts the model at `source` into a file at `output`. For the rest, see `convert`.

    If the source has external data, or if one file cannot hold the weights, they go to a second file: the name of
    `output` with ".data" added. `output` may be `source`. Existing files are replaced only when the new ones are
    complete; an error leaves them unchanged.

    Raises:
        FileNotFoundError: as `convert`.
        OSError: a file cannot be read or written.
        ValueError: as `convert`; or the model is larger than 2 GiB without its weights.
    """
    model, report = convert(
        source, wrap_negative_indices=wrap_negative_indices, fuse=fuse, domain=domain, target=target
    )
    files.save(model, output, external=files.has_external_data(source))
    return report


def inferred(proto: onnx.ModelProto) -> ir.Model:
    """Opens a model by onnx_ir, and infers its types and shapes.

    Raises:
        ValueError: it is not valid ONNX.
    """
    model = _opened(proto)
    _infer_shapes(model)
    return model


def _opened(proto: onnx.ModelProto) -> ir.Model:
    """Opens a model by onnx_ir.

    Raises:
        ValueError: it is not valid ONNX.
    """
    try:
        model = ir.from_proto(proto)
    except Exception as error:
        raise _not_valid(error) from error
    # ONNX's own domain has two names. onnx_ir gives its nodes the empty one.
    if _OTHER_NAME in model.opset_imports:
        model.opset_imports.setdefault("", model.opset_imports.pop(_OTHER_NAME))
    for value in _values(model):
        # Some exporters write -1 for a size that varies. ONNX's shape inference can end the process at such a size.
        if value.shape is not None and any(isinstance(size, int) and size < 0 for size in value.shape):
            value.shape = ir.Shape(facts.dims(value) or ())
    for graph in (model.graph, *(function.graph for function in model.functions.values())):
        _check_order(graph, set())
    for node in (node for graph in facts.nested(model.graph) for node in graph):
        for attribute in node.attributes.values():
            if attribute.is_ref():
                raise ValueError(
                    f"the model is not valid ONNX: {attribute.name} of {name_of(node)} refers to an attribute of a "
                    "function, but the node is in no function"
                )
        # ONNX's shape inference ends the process where a Split has more outputs than it says.
        if (node.domain, node.op_type) == ("", "Split"):
            said, outputs = facts.number(node, "num_outputs", len(node.outputs)), len(node.outputs)
            if said != outputs:
                raise ValueError(
                    f"the model is not valid ONNX: num_outputs of {name_of(node)} is {said}, but it has {outputs} outputs"
                )
    return model


def _not_valid(error: BaseException) -> ValueError:
    # The first cause of an onnx_ir error says what is wrong; the errors above it say where.
    while error.__cause__ is not None:
        error = error.__cause__
    return ValueError(f"the model is not valid ONNX: {error}")


def _check_order(graph: ir.Graph, seen: set[ir.Node]) -> None:
    """Checks that each node comes after the nodes whose results it takes. Then the graph has no cycles."""
    for node in graph:
        for value in node.inputs:
            producer = None if value is None else value.producer()
            if value is not None and producer is not None and producer not in seen:
                raise ValueError(
                    f"the model is not valid ONNX: {name_of(node)} takes {value.name!r}, which a later node makes"
                )
        for attribute in node.attributes.values():
            for inner in facts.graphs_of(attribute):
                _check_order(inner, seen)
        seen.add(node)


def _visit(node: ir.Node, edit: Editor, report: Report) -> None:
    name, op_type = name_of(node), node.op_type
    try:
        if node.domain == "" and op_type in _RULES:
            before = f"{op_type}({facts.text(node, 'reduction', 'none')})"
            with edit.undone_where_left_alone():
                notes = _RULES[op_type](node, edit)
            report.changes.append(Change(name, before, SCATTER.op_type, notes))
        elif op_type in BY_OP_TYPE and unexpand_plugin(node, edit):
            report.changes.append(Change(name, f"{op_type} of an expanded index", f"{op_type} of the index itself"))
    except LeftAlone as left:
        report.kept.append(Kept(name, op_type, str(left)))


def _unexpand(node: ir.Node, edit: Editor) -> None:
    """Takes an Expand off the index that a fused node has from a Gather. The report names the node already."""
    if node.op_type in BY_OP_TYPE:
        # What cannot be taken off stays.
        with contextlib.suppress(LeftAlone):
            unexpand_plugin(node, edit)


def _simplify(node: ir.Node, edit: Editor, report: Report) -> None:
    if node.op_type != SCATTER.op_type or node.graph is None:
        return
    start = without_self.start_of(node, edit)
    name, start_name = name_of(node), "" if start is None else name_of(start)
    reduce = facts.text(node, "reduce", "sum")
    if start is not None and without_self.drop_start(node, edit) is not None:
        report.replace(Change(name, f"{SCATTER.op_type}({reduce})", SCATTER.op_type, (without_self.NOTE,)))
        if start.graph is None:
            report.absorb(start_name, name)


def _report_functions(model: ir.Model, report: Report) -> None:
    for function in model.functions.values():
        reason = f"it is in the function {function.name}: inline it first, by onnx.inliner.inline_local_functions"
        inner = (node for graph in facts.nested(function.graph) for node in graph)
        scatters = (node for node in inner if node.op_type in _RULES and node.domain == "")
        report.kept += [Kept(name_of(node), node.op_type, reason) for node in scatters]


def _infer_shapes(model: ir.Model) -> None:
    # A vector may be a shape, so data propagation copies all its elements at a Slice: 0.4 us for each. Any axis may be
    # the only one after a Gather of one element.
    sizes = (facts.dims(value) or [] for value in _values(model))
    is_quick = all(not isinstance(size, int) or size <= _LARGEST_FOLLOWED for dims in sizes for size in dims)
    try:
        ShapeInferencePass(check_type=False, strict_mode=False, data_prop=is_quick)(model)
    except Exception as error:
        raise _not_valid(error) from error


def _values(model: ir.Model) -> Iterator[ir.Value]:
    for graph in (model.graph, *(function.graph for function in model.functions.values())):
        yield from _values_of(graph)


def _values_of(outer: ir.Graph) -> Iterator[ir.Value]:
    """The values of a graph and of the graphs in it."""
    for graph in facts.nested(outer):
        yield from graph.inputs
        yield from graph.initializers.values()
        for node in graph:
            yield from node.outputs


def _declare_as(original: onnx.ModelProto, converted: onnx.ModelProto) -> None:
    """Describes inputs and outputs as the original does. An axis that varies there stays so if inference knows more."""
    for value, declared in zip(converted.graph.input, original.graph.input):
        value.CopyFrom(declared)
    for value, declared in zip(converted.graph.output, original.graph.output):
        # PyTorch's exporter over TorchScript declares a wrong rank for the result of an If: that is not kept.
        if len(value.type.tensor_type.shape.dim) == len(declared.type.tensor_type.shape.dim):
            value.CopyFrom(declared)
