"""Finds softmaxes over the elements of each group: the weights of attention layers.

torch_geometric writes one as: the maximum of each group; the scores less the maximum of their group; the exponentials
of these; their sum for each group; and the exponentials over the sum of their group. TRTS_AttentionCSR computes all of
this, and the messages that the softmax weights, of the scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

from ..._declarations import MAX, REDUCTION_OF, SCATTER, SUM, Reduction
from . import facts
from .edit import Editor
from .index import plain
from .messages import Message, rows_of
from .without_self import base_of

_FLOATS = (ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.BFLOAT16)

_SMALLEST_ADDED = 2.0**-25
"""The largest number that is taken for one that only avoids a division by zero: a sum is 1 or more, because it has the
exponential of 0, and float32 rounds such a sum to itself. torch_geometric adds 1e-16."""


NOTE = "TRTS_AttentionCSR computes the softmax of its weights too"
"""What the report says of a message that was fused with the softmax."""


@dataclass(frozen=True)
class Softmax:
    """A softmax over the elements of each group."""

    scores: ir.Value
    """[E], or [E, H] for H heads, perhaps with axes of size 1 behind."""
    highest: ir.Node
    """The TRTS_Scatter that computes the maximum of each group."""
    total: ir.Node
    """The TRTS_Scatter that computes the sum of each group."""


def match(weights: ir.Value, destination: ir.Value, edit: Editor) -> Softmax | None:
    """The softmax over the elements of each destination whose result the weights are, maybe with other axes.

    A small number that is added to the sums, to avoid a division by zero, does not matter.
    """
    division = next((made for each in facts.views(weights) if (made := facts.made_by(each, "Div"))), None)
    if division is None:
        return None
    exponentials, total = (facts.resolve(facts.argument(division, position)) for position in (0, 1))
    exponential = facts.made_by(exponentials, "Exp")
    difference = None if exponential is None else facts.made_by(facts.resolve(facts.argument(exponential, 0)), "Sub")
    if difference is None:
        return None
    scores, highest = (facts.resolve(facts.argument(difference, position)) for position in (0, 1))
    sums, maxima = _gathered_from(_without_added(total), SUM), _gathered_from(highest, MAX)
    if sums is None or maxima is None:
        return None
    (sum_node, sum_index), (max_node, max_index) = sums, maxima
    if facts.resolve(facts.argument(sum_node, 0)) is not exponentials:
        return None
    if facts.resolve(facts.argument(max_node, 0)) is not scores or not _starts_empty(sum_node, max_node):
        return None
    scattered = {plain(each, edit) for each in (destination, facts.argument(sum_node, 1), facts.argument(max_node, 1))}
    if len(scattered) != 1:
        return None
    # A Gather itself counts negative elements from the end, of as many groups as the scatter has whose result it reads.
    number, size = scattered.pop()
    if any(plain(each, edit) not in ((number, size), (number, None)) for each in (sum_index, max_index)):
        return None
    return Softmax(scores, max_node, sum_node)


def is_of_scores(message: Message, found: Softmax) -> bool:
    """Whether TRTS_AttentionCSR computes what the message does of the softmax's scores."""
    weight, sizes = message.weight, facts.dims(found.scores)
    if weight is None or sizes is None or message.reduce is not SUM or message.rows.axis != 0:
        return False
    # Scores as large as the rows stay where they are: to order them would take a copy of that size.
    if weight.of_each_column or message.rows.src.dtype not in _FLOATS:
        return False
    axes = 1 + len(weight.heads)
    if len(sizes) < axes or any(size != 1 for size in sizes[axes:]):
        return False
    has_heads = all(map(facts.same, sizes[1:axes], weight.heads))
    return has_heads and found.scores.dtype in (message.rows.src.dtype, ir.DataType.FLOAT)


def _gathered_from(value: ir.Value, reduce: Reduction) -> tuple[ir.Node, ir.Value] | None:
    """The TRTS_Scatter with a reduction whose result `value` reads for each element, and the index that it reads by."""
    rows = rows_of(value, 0)
    if rows is None:
        return None
    result = _without_added(rows.src) if reduce is SUM else rows.src
    node = result.producer()
    if node is None or node.op_type != SCATTER.op_type or result is not node.outputs[0]:
        return None
    if REDUCTION_OF.get(facts.text(node, "reduce", SUM.name)) is not reduce:
        return None
    # The axis of the groups is the first one.
    rank = facts.rank(facts.argument(node, 0))
    return (node, rows.index) if rank and facts.number(node, "dim", -1) % rank == 0 else None


def _without_added(value: ir.Value) -> ir.Value:
    """What a small number was added to, to avoid a division by zero."""
    value = facts.resolve(value)
    addition = facts.made_by(value, "Add")
    if addition is None:
        return value
    one, other = (facts.resolve(facts.argument(addition, position)) for position in (0, 1))
    for kept, added in ((one, other), (other, one)):
        number = facts.fill(added)
        if number is not None and 0 <= number <= _SMALLEST_ADDED:
            return kept
    return value


def _starts_empty(total: ir.Node, highest: ir.Node) -> bool:
    zeros = base_of(total)
    return (zeros is None or facts.fill(zeros) == 0) and base_of(highest) is None
