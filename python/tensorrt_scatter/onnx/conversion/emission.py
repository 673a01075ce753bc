"""Writes the nodes that compute messages in place of the scatters that did."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from ..._declarations import (
    ATTENTION_CSR,
    GATHER_DOT,
    GATHER_SCATTER,
    GATHER_SEGMENT_CSR,
    GROUP_INDEX,
    HEADS,
    NEGATIVE_SLOPE,
    Operator,
)
from .. import nodes
from . import facts
from .edit import Editor
from .messages import Message, Rows

if TYPE_CHECKING:
    from .scores import Scores

_Attributes = dict[str, nodes.AttributeValue]


def write_alone(message: Message, edit: Editor) -> Operator:
    """Replaces the scatter of one message. The plugin sorts the destinations itself."""
    operator, node, dtype = GATHER_SCATTER, message.scatter, _index_type([message])
    index = _index(message, dtype, edit)
    destination = _typed(node, flat(node, message.destination, edit), dtype, edit)
    inputs = [message.rows.src, *(_at_axis(message, each, 1, edit) for each in (index, destination))]
    if message.weight is not None:
        inputs.append(_at_axis(message, _weight(message, edit), _weight_axes(message), edit))
    attributes = _add_groups(node, message, operator, inputs, edit)
    _replace(message, operator, inputs, {**_reduction(message), **attributes}, edit)
    return operator


class Sharing:
    """What messages with equal destinations and numbers of groups share: one order of their elements."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.count = len(messages)
        self.dtype = _index_type(messages)
        self._grouping: _Grouping | None = None

    def grouping(self, message: Message, edit: Editor) -> _Grouping:
        """The elements by their group. `message` is the first one in the graph, or a later one."""
        if self._grouping is None:
            self._grouping = _group(message, self.dtype, edit)
        return self._grouping


def write_with_others(message: Message, sharing: Sharing, edit: Editor) -> Operator:
    """Replaces the scatter of one of several messages, of which the first one in the graph comes first.

    TRTS_GroupIndex puts the elements with a bad destination behind all groups. So they are left out, as they were
    before.
    """
    weight = None if message.weight is None else _weight(message, edit)
    inputs = _ordered_inputs(message, weight, sharing, edit)
    _replace(message, GATHER_SEGMENT_CSR, inputs, _reduction(message), edit)
    return GATHER_SEGMENT_CSR


def write_attention(message: Message, scores: ir.Value, sharing: Sharing, edit: Editor) -> Operator:
    """Replaces the scatter of a message whose weights are the softmax of scores. The softmax goes too, if nothing else
    uses it."""
    assert message.weight is not None
    trailing = (facts.rank(scores) or 0) - 1 - len(message.weight.heads)
    factors = _of_elements(message, scores, trailing, message.weight.heads, edit)
    _replace(message, ATTENTION_CSR, _ordered_inputs(message, factors, sharing, edit), {}, edit)
    return ATTENTION_CSR


def write_scores(scores: Scores, edit: Editor) -> None:
    """Replaces the sum whose result the scores are. What it summed up goes, and the rows if nothing else uses them."""
    node, dtype = scores.total, _widest((scores.rows.index, scores.other.index))
    inputs = []
    for rows in (scores.rows, scores.other):
        inputs += [rows.src, _index_of(node, rows, dtype, edit)]
    if scores.weight is not None:
        inputs.append(_line_of(node, scores.weight, edit))
    count = math.prod(scores.heads)
    attributes: _Attributes = {"combine": scores.combine, HEADS.name: count}
    if scores.combine == "add":
        attributes[NEGATIVE_SLOPE.name] = scores.negative_slope
    before, wanted = list(node.inputs), facts.dims(node.outputs[0])
    pairs = (facts.dims(scores.rows.gathered) or [None])[0]
    if wanted is not None and wanted[1:] == [count]:
        edit.replace(node, GATHER_DOT, inputs, attributes)
    else:
        src = scores.rows.src
        (out,) = edit.insert_plugin(node, GATHER_DOT, inputs, attributes, [("scores", src.dtype, [pairs, count])])
        # A sum without an axis of heads, or with several ones, or with those of the columns as axes of size 1.
        sizes = [*scores.heads, *(1 for _ in range((facts.rank(facts.argument(node, 0)) or 0) - 1 - len(scores.heads)))]
        keeps_axes = facts.number(node, "keepdims", 1) == 1
        # A 0 keeps the size of an axis.
        shape = [0, *(sizes if keeps_axes else scores.heads)]
        edit.replace_by_view(node, out, shape)
    edit.drop_unused(before)


def _line_of(before: ir.Node, value: ir.Value, edit: Editor) -> ir.Value:
    """The elements of `value` on one axis."""
    sizes = facts.dims(value) or []
    if len(sizes) == 1:
        return value
    count = math.prod(size for size in sizes if isinstance(size, int))
    length = [count if all(isinstance(size, int) for size in sizes) else None]
    return edit.insert(before, "Reshape", [value, edit.constant(before, np.array([-1]))], value.dtype, length)


def _ordered_inputs(message: Message, factors: ir.Value | None, sharing: Sharing, edit: Editor) -> list[ir.Value]:
    """The inputs src, index, indptr and, if there are factors of the elements, these, in the order of the groups."""
    node, grouping = message.scatter, sharing.grouping(message, edit)
    index = grouping.ordered(node, _index(message, sharing.dtype, edit), edit)
    inputs = [message.rows.src, *(_at_axis(message, each, 1, edit) for each in (index, grouping.indptr))]
    if factors is not None:
        axis = (facts.rank(factors) or 0) - _weight_axes(message)
        inputs.append(_at_axis(message, grouping.ordered(node, factors, edit, axis), _weight_axes(message), edit))
    return inputs


def flat(before: ir.Node, index: ir.Value, edit: Editor) -> ir.Value:
    """An index with one number for each row as a 1-D index."""
    line = facts.line(index)
    if line is not None:
        return line
    length = next((size for size in facts.dims(index) or () if size != 1), 1)
    return edit.insert(before, "Reshape", [index, edit.constant(before, np.array([-1]))], index.dtype, [length])


@dataclass(frozen=True)
class _Grouping:
    """The results of a TRTS_GroupIndex, and what was put into their order."""

    perm: ir.Value
    indptr: ir.Value
    _ordered: dict[Hashable, ir.Value] = field(default_factory=dict)

    def ordered(self, before: ir.Node, value: ir.Value, edit: Editor, axis: int = 0) -> ir.Value:
        """`value` with the elements of an axis in the order of the groups. Equal values are ordered once."""
        key = edit.numbering.of(value), axis
        if key not in self._ordered:
            sizes = facts.dims(value)
            inputs = [value, self.perm]
            self._ordered[key] = edit.insert(before, "Gather", inputs, value.dtype, sizes, {"axis": axis})
        return self._ordered[key]


def _group(message: Message, dtype: ir.DataType, edit: Editor) -> _Grouping:
    before, operator = message.scatter, GROUP_INDEX
    inputs = [_typed(before, flat(before, message.destination, edit), dtype, edit)]
    sizes = facts.dims(inputs[0])
    attributes = _add_groups(before, message, operator, inputs, edit)
    count = attributes.get("dim_size")
    bounds: list[facts.Dim] = [count + 1 if isinstance(count, int) else None]
    perm, indptr = edit.insert_plugin(
        before, operator, inputs, attributes, [("perm", dtype, sizes), ("indptr", dtype, bounds)]
    )
    return _Grouping(perm, indptr)


def _index_type(messages: Iterable[Message]) -> ir.DataType:
    """The type for all indices of messages that share nodes."""
    return _widest(value for each in messages for value in (each.rows.index, each.destination))


def _widest(indices: Iterable[ir.Value]) -> ir.DataType:
    """The type that holds the elements of all these indices: INT32 does not hold INT64."""
    has_wide = any(index.dtype == ir.DataType.INT64 for index in indices)
    return ir.DataType.INT64 if has_wide else ir.DataType.INT32


def _typed(before: ir.Node, index: ir.Value, dtype: ir.DataType, edit: Editor) -> ir.Value:
    if index.dtype == dtype:
        return index
    return edit.insert(before, "Cast", [index], dtype, facts.dims(index), {"to": int(dtype)})


def _index(message: Message, dtype: ir.DataType, edit: Editor) -> ir.Value:
    """Which row each element reads."""
    return _index_of(message.scatter, message.rows, dtype, edit)


def _index_of(node: ir.Node, rows: Rows, dtype: ir.DataType, edit: Editor) -> ir.Value:
    """The index of some rows. The Gather also took numbers below 0, which count from the end."""
    index = edit.non_negative(node, flat(node, rows.index, edit), rows.src, rows.axis)
    return _typed(node, index, dtype, edit)


def _weight(message: Message, edit: Editor) -> ir.Value:
    """The weights [.., E], or [.., E, H] for H heads."""
    weight = message.weight
    assert weight is not None
    return _of_elements(message, weight.value, weight.trailing, weight.heads, edit)


def _of_elements(
    message: Message, value: ir.Value, trailing: int, head_sizes: Sequence[facts.Dim], edit: Editor
) -> ir.Value:
    """Numbers of the elements, or of their heads, as [.., E] or [.., E, H]. The last `trailing` axes have size 1."""
    node, sizes = message.scatter, list(facts.dims(value) or ())
    if trailing:
        sizes = sizes[:-trailing]
        found = [each for each in facts.views(value) if _has_sizes(each, sizes)]
        value = found[-1] if found else edit.squeeze_back(node, value, trailing)
    if len(head_sizes) > 1:
        kept = len(sizes) - len(head_sizes)
        heads = math.prod(size for size in head_sizes if isinstance(size, int))
        # A 0 keeps the size of an axis.
        shape = edit.constant(node, np.array([0] * kept + [heads], np.int64))
        value = edit.insert(node, "Reshape", [value, shape], value.dtype, [*sizes[:kept], heads])
    return value


def _has_sizes(value: ir.Value, sizes: list[facts.Dim]) -> bool:
    given = facts.dims(value)
    return given is not None and len(given) == len(sizes) and all(map(facts.same, given, sizes))


def _weight_axes(message: Message) -> int:
    return 2 if message.weight is not None and message.weight.heads else 1


def _at_axis(message: Message, value: ir.Value, axes: int, edit: Editor) -> ir.Value:
    """`value` with axes of size 1 at the front, so that `axes` of its axes are the rows' axis and those behind it."""
    return edit.unsqueeze_front(message.scatter, value, message.rows.axis + axes)


def _add_groups(
    before: ir.Node, message: Message, operator: Operator, inputs: list[ir.Value], edit: Editor
) -> _Attributes:
    """Adds the number of groups to the inputs if it varies. Returns the attributes that tell it."""
    given = message.groups.vector(before, edit)
    if given is None:
        return {"dim_size": message.groups.count}
    attributes = nodes.groups_as_input(operator, len(inputs))
    inputs.append(given)
    return attributes


def _reduction(message: Message) -> _Attributes:
    reduce = message.reduce
    of_positions: _Attributes = {"arg_type": nodes.ARG_TYPE} if reduce.has_arg else {}
    return {"reduce": reduce.name, **of_positions}


def _replace(
    message: Message, operator: Operator, inputs: Sequence[ir.Value], attributes: _Attributes, edit: Editor
) -> None:
    before = list(message.scatter.inputs)
    edit.replace(message.scatter, operator, inputs, attributes)
    edit.drop_unused(before)
