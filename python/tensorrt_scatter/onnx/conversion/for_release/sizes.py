"""A number of groups that is an input of a node (`dim_size_input`) becomes the size of a base, which TensorRT 8 can have.

A sum or mean starts from zeros then, and a product from ones, as they do without a base. A minimum or maximum without a
base gives 0 in a group without a number. So it starts from another scatter, which puts the lowest number (for a
maximum) into each group that has a number, and leaves 0 in the others. A softmax is computed step by step.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ...._declarations import (
    BY_OP_TYPE,
    DIM,
    GATHER_COO,
    MAX,
    MEAN,
    MIN,
    MUL,
    REDUCTION_OF,
    SCATTER,
    SOFTMAX,
    SUM,
    VALUES,
    Base,
    Operator,
)
from ... import nodes
from ...releases import Release
from .. import facts
from ..edit import Editor, graph_of, name_of
from ..facts import Dim
from ..report import Change, Kept, LeftAlone, Report

_OPPOSITE = {MIN: MAX, MAX: MIN}
_START = {SUM: 0, MEAN: 0, MUL: 1}
_SIXTEEN_BITS = (ir.DataType.FLOAT16, ir.DataType.BFLOAT16)
_OLDEST = 12
"""The first opset in which Min and Max take integers, the newest operators that are written here."""
_OF_SIZES = ("dim_size", "dim_size_input", "weight_input", nodes.SHAPE_INPUTS)
"""The attributes that tell where the number of groups is."""


def has_size_as_input(node: ir.Node) -> bool:
    """Whether the last input of a plugin's node is its number of groups."""
    return (
        node.op_type in BY_OP_TYPE
        and node.domain in nodes.DOMAINS
        and facts.number(node, "dim_size_input", 0) == 1
        and bool(node.inputs and node.outputs)
    )


def fix(model: ir.Model, edit: Editor, report: Report) -> None:
    """Lets nodes whose number of groups does not vary have it as an attribute."""
    for node in [node for graph in facts.nested(model.graph) for node in graph if has_size_as_input(node)]:
        size = facts.argument(node, len(node.inputs) - 1)
        count, name, inputs = _known(size), name_of(node), list(node.inputs)
        # More inputs than a node has may be others than they seem.
        if count is None or count < 0 or len(inputs) > len(BY_OP_TYPE[node.op_type].inputs) + 1:
            continue
        # What stays is told by `rewrite`.
        with contextlib.suppress(LeftAlone):
            _put(node, inputs[:-1], [*_kept(node), ir.AttrInt64("dim_size", count)])
            before = f"{node.op_type} with the number of groups as an input"
            report.changes.append(Change(name, before, f"{node.op_type} with dim_size"))
            edit.drop_unused(inputs[-1:])


def _known(size: ir.Value) -> int | None:
    """The number that a size is, if it does not vary."""
    array = facts.constant(size)
    if array is not None:
        return int(array.reshape(())) if array.size == 1 else None
    for view in facts.views(facts.resolve(size)):
        shape = facts.made_by(view, "Shape")
        sizes = None if shape is None else facts.dims(facts.argument(shape, 0))
        if shape is not None and sizes is not None:
            given = sizes[slice(facts.number(shape, "start", 0), facts.number(shape, "end", len(sizes)))]
            return given[0] if len(given) == 1 and isinstance(given[0], int) else None
    return None


def rewrite(model: ir.Model, release: Release, edit: Editor, report: Report) -> None:
    """Rewrites every node that has a number of groups as an input, where the result is certainly the same."""
    for node in [node for graph in facts.nested(model.graph) for node in graph if has_size_as_input(node)]:
        name, op_type = name_of(node), node.op_type
        try:
            with edit.undone_where_left_alone():
                after = _replace(node, edit)
            report.changes.append(Change(name, f"{op_type} with the number of groups as an input", after))
        except LeftAlone as left:
            reason = f"{left}; {release} takes no size as an input"
            report.kept.append(Kept(name, op_type, reason))


def _replace(node: ir.Node, edit: Editor) -> str:
    """Replaces a node. Returns what took its place."""
    operator, before = BY_OP_TYPE[node.op_type], list(node.inputs)
    size = facts.argument(node, len(node.inputs) - 1)
    if operator.base is not Base.START and operator is not SOFTMAX:
        raise LeftAlone("its number of groups is an input, and the plugin has no base that could tell it")
    if edit.model.opset_imports.get("", 0) < _OLDEST:
        raise LeftAlone(f"its number of groups is an input, and the opset is below {_OLDEST}")
    if len(before) != len(operator.inputs) + 1:
        raise LeftAlone(f"it has {len(before)} inputs: expected {len(operator.inputs)} and the number of groups")
    if operator is SOFTMAX:
        _softmax(node, size, edit)
        after = f"{SCATTER.op_type} and {GATHER_COO.op_type} with a base of that size"
    else:
        _start_from_base(node, operator, size, edit)
        after = f"{operator.op_type} with a base of that size"
    edit.drop_unused(before)
    return after


def _kept(node: ir.Node) -> list[ir.Attr]:
    """The attributes of a node but for those that tell where the number of groups is."""
    return [each for name, each in node.attributes.items() if name not in _OF_SIZES]


def _put(node: ir.Node, inputs: Sequence[ir.Value | None], attributes: Sequence[ir.Attr]) -> None:
    """Replaces a plugin's node by one with other inputs and attributes."""
    outputs = _outputs(node, BY_OP_TYPE[node.op_type])
    new = ir.Node(node.domain, node.op_type, inputs, attributes, num_outputs=len(outputs), name=node.name)
    ir.convenience.replace_nodes_and_values(graph_of(node), node, [node], [new], outputs, new.outputs)


def _start_from_base(node: ir.Node, operator: Operator, size: ir.Value, edit: Editor) -> None:
    src, index = (facts.argument(node, place) for place in (0, 1))
    reduce = REDUCTION_OF.get(facts.text(node, "reduce", SUM.name))
    if reduce not in operator.reductions:
        raise LeftAlone(f"{operator.op_type} does not have its reduction")
    axis = _axis(node, operator)
    base = _filled(node, src, axis, size, _START.get(reduce, 0), edit)
    if reduce in _OPPOSITE:
        if any(each.uses() or each.is_graph_output() for each in node.outputs[1:]):
            raise LeftAlone("its positions are used, which it cannot be told to give with a base")
        attributes: dict[str, nodes.AttributeValue] = {"reduce": _OPPOSITE[reduce].name, "arg_type": nodes.ARG_TYPE}
        if operator.has_dim:
            attributes[DIM.name] = axis
        sizes = facts.dims(base)
        described = [("start", src.dtype, sizes), ("start_arg_out", ir.DataType.INT32, sizes)]
        marks = _lowest(node, src, is_low=reduce is MAX, edit=edit)
        base = _insert_plugin(node, operator, [marks, index, base], attributes, described, edit)
    _put(node, [src, index, base], _kept(node))


def _axis(node: ir.Node, operator: Operator) -> int:
    """The axis of src that a node works along."""
    rank, of_index = facts.rank(facts.argument(node, 0)), facts.rank(facts.argument(node, operator.index))
    if rank is None or of_index is None:
        raise LeftAlone("its number of groups is an input, and the rank of its src or index is not known")
    axis = operator.axis(of_index, facts.number(node, "dim", -1))
    if not -rank <= axis < rank:
        raise LeftAlone(f"its number of groups is an input, and its src has no axis {axis}")
    return axis % rank


def _filled(node: ir.Node, src: ir.Value, axis: int, size: ir.Value, number: float, edit: Editor) -> ir.Value:
    """A tensor of one number with the sizes of `src`, but for `axis`."""
    dtype = _type(src)
    sizes = list(facts.dims(src) or ())
    count = size if facts.dims(size) == [1] else _vector(node, size, edit)
    if count.dtype != ir.DataType.INT64:
        count = edit.insert(node, "Cast", [count], ir.DataType.INT64, [1], {"to": int(ir.DataType.INT64)})
    parts = []
    for axes in (range(axis), range(axis + 1, len(sizes))):
        parts.append(edit.sizes(node, src, list(axes)) if len(axes) else None)
    given = [part for part in (parts[0], count, parts[1]) if part is not None]
    shape = given[0]
    if len(given) > 1:
        shape = edit.insert(node, "Concat", given, ir.DataType.INT64, [len(sizes)], {"axis": 0})
    known: list[Dim] = [*sizes[:axis], None, *sizes[axis + 1 :]]
    value = ir.tensor(np.array([number], dtype.numpy()))
    return edit.insert(node, "ConstantOfShape", [shape], dtype, known, {"value": value})


def _type(src: ir.Value) -> ir.DataType:
    """The element type of src, one that the plugins have."""
    names = {"FLOAT": "float32", "DOUBLE": "float64"}
    if src.dtype is None or names.get(src.dtype.name, src.dtype.name.lower()) not in VALUES:
        raise LeftAlone("its number of groups is an input, and it is not known that its src has a type of the plugin")
    return src.dtype


def _vector(node: ir.Node, size: ir.Value, edit: Editor) -> ir.Value:
    one = edit.constant(node, np.array([1], np.int64))
    return edit.insert(node, "Reshape", [size, one], size.dtype, [1])


def _lowest(node: ir.Node, src: ir.Value, is_low: bool, edit: Editor) -> ir.Value:
    """The lowest number, or the highest one, in place of each number of `src`. NaN stays: it never wins."""
    dtype, sizes = _type(src), facts.dims(src)
    if dtype.is_floating_point():
        worst = edit.constant(node, np.array(-np.inf if is_low else np.inf, dtype.numpy()))
        is_nan = edit.insert(node, "IsNaN", [src], ir.DataType.BOOL, sizes)
        return edit.insert(node, "Where", [is_nan, src, worst], dtype, sizes)
    limits = np.iinfo(dtype.numpy())
    worst = edit.constant(node, np.array(limits.min if is_low else limits.max, dtype.numpy()))
    return edit.insert(node, "Min" if is_low else "Max", [src, worst], dtype, sizes)


def _softmax(node: ir.Node, size: ir.Value, edit: Editor) -> None:
    """exp(src - maximum) / sum of these. An element with a bad index gives 0: no group has it in its sum."""
    src, index = (facts.argument(node, place) for place in (0, 1))
    axis, of_index, outputs = _axis(node, SOFTMAX), facts.dims(index) or [], _outputs(node, SOFTMAX)
    if len(of_index) != 1 and len(of_index) != axis + 1:
        raise LeftAlone("its number of groups is an input, and its index has axes behind the one of the groups")
    sizes, dtype, values = facts.dims(src), _type(src), src
    if not dtype.is_floating_point():
        raise LeftAlone(f"its src has type {dtype.name}, which the plugin does not take")
    if dtype in _SIXTEEN_BITS:
        # As in the plugin, which computes them in float32.
        values = edit.insert(node, "Cast", [src], ir.DataType.FLOAT, sizes, {"to": int(ir.DataType.FLOAT)})
    # TRTS_GatherCOO works along the last axis of its index.
    rows = edit.unsqueeze_front(node, index, axis + 1)

    def gathered(reduced: ir.Value) -> ir.Value:
        return _insert_plugin(node, GATHER_COO, [reduced, rows], {}, [("gathered", values.dtype, sizes)], edit)

    def reduced(given: ir.Value, reduce: str, start: float) -> ir.Value:
        base = _filled(node, values, axis, size, start, edit)
        wanted = facts.dims(base)
        described = [(reduce, values.dtype, wanted), ("arg_out", ir.DataType.INT32, wanted)]
        attributes: dict[str, nodes.AttributeValue] = {"dim": axis, "reduce": reduce}
        if reduce == MAX.name:
            attributes["arg_type"] = nodes.ARG_TYPE
        described = described if reduce == MAX.name else described[:1]
        return _insert_plugin(node, SCATTER, [given, index, base], attributes, described, edit)

    highest = gathered(reduced(values, MAX.name, -np.inf))
    above = edit.insert(node, "Sub", [values, highest], values.dtype, sizes)
    exponentials = edit.insert(node, "Exp", [above], values.dtype, sizes)
    total = gathered(reduced(exponentials, SUM.name, 0))
    quotient = edit.insert(node, "Div", [exponentials, total], values.dtype, sizes)
    zero = edit.constant(node, np.array(0, _type(values).numpy()))
    of_no_group = edit.insert(node, "Equal", [total, zero], ir.DataType.BOOL, sizes)
    chosen = [of_no_group, zero, quotient]
    if values is src:
        last = ir.node("Where", chosen, name=node.name)
    else:
        result = edit.insert(node, "Where", chosen, values.dtype, sizes)
        last = ir.node("Cast", [result], attributes={"to": int(dtype)}, name=node.name)
    # Where the old output has no shape, later nodes find the new one's.
    last.outputs[0].type, last.outputs[0].shape = ir.TensorType(dtype), None if sizes is None else ir.Shape(sizes)
    ir.convenience.replace_nodes_and_values(graph_of(node), node, [node], [last], outputs, last.outputs)


def _outputs(node: ir.Node, operator: Operator) -> list[ir.Value]:
    """The outputs of a node without the one from which TensorRT learns the number of groups.

    Raises:
        LeftAlone: something uses that one.
    """
    count = len(node.outputs)
    if operator.has_groups_output:
        count = len(operator.outputs)
    if any(each.uses() or each.is_graph_output() for each in node.outputs[count:]):
        raise LeftAlone("its output groups is used")
    return list(node.outputs[:count])


def _insert_plugin(
    node: ir.Node,
    operator: Operator,
    inputs: Sequence[ir.Value],
    attributes: dict[str, nodes.AttributeValue],
    outputs: Sequence[tuple[str, ir.DataType | None, Sequence[Dim] | None]],
    edit: Editor,
) -> ir.Value:
    """Inserts a plugin's node of the same domain before `node`. Returns its first output."""
    made = edit.insert_plugin(node, operator, inputs, attributes, outputs)[0]
    producer = made.producer()
    assert producer is not None
    producer.domain = node.domain
    return made
