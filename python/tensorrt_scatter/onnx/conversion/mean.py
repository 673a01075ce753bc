"""Finds means: sums of groups over the numbers of their elements, as torch_geometric writes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import onnx_ir as ir

from ..._declarations import MEAN, REDUCTION_OF, SCATTER, SUM
from . import facts
from .edit import Editor, name_of
from .index import plain
from .report import Change, Report
from .without_self import base_of

_FLOATS = (ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.BFLOAT16)


@dataclass(frozen=True)
class Mean:
    """What one TRTS_Scatter computes."""

    total: ir.Node
    """The TRTS_Scatter that computes the sum of each group."""
    count: ir.Node
    """The TRTS_Scatter that counts the elements of each group."""


def simplify(node: ir.Node, edit: Editor, report: Report) -> None:
    """Replaces a division by a TRTS_Scatter, if it is a mean."""
    found = match(node, edit)
    if found is None:
        return
    name, parts = name_of(node), [(part, name_of(part)) for part in (found.total, found.count)]
    notes: tuple[str, ...] = ()
    if node.outputs[0].dtype != ir.DataType.FLOAT:
        notes = ("its 16-bit floats are added in float32, and rounded once",)
    before = list(node.inputs)
    inputs = [value for value in found.total.inputs if value is not None]
    attributes: dict[str, Any] = {key: each.value for key, each in found.total.attributes.items()}
    edit.replace(node, SCATTER, inputs, {**attributes, "reduce": MEAN.name})
    edit.drop_unused(before)
    report.changes.append(Change(name, "Div of a sum by a count", SCATTER.op_type, notes))
    for part, part_name in parts:
        if part.graph is None:
            report.absorb(part_name, name)


def match(node: ir.Node, edit: Editor) -> Mean | None:
    """The mean that a division computes. An empty group has the sum 0, and counts as one element."""
    if node.op_type != "Div" or node.domain != "" or not node.outputs:
        return None
    total, count = (_sum(facts.argument(node, 0)), _count(facts.argument(node, 1)))
    if total is None or count is None or total.graph is not node.graph:
        return None
    src, out = facts.argument(total, 0), total.outputs[0]
    sizes, of_count = facts.dims(out), facts.dims(count.outputs[0])
    if src.dtype not in _FLOATS or not sizes or of_count is None or len(of_count) != 1:
        return None
    # What else uses the sum would need it beside the mean.
    if len(out.uses()) != 1 or out.is_graph_output():
        return None
    dim = facts.number(total, "dim", -1)
    if not -len(sizes) <= dim < len(sizes) or not facts.same(sizes[dim], of_count[0]):
        return None
    # The sums are not broadcast.
    wanted = facts.dims(node.outputs[0])
    if wanted is None or len(wanted) != len(sizes) or not all(map(facts.same, wanted, sizes)):
        return None
    if not _lies_along(facts.argument(node, 1), dim % len(sizes), sizes):
        return None
    return Mean(total, count) if _has_one_index(total, count, dim % len(sizes), edit) else None


def _sum(value: ir.Value) -> ir.Node | None:
    """The TRTS_Scatter whose sums, which start from nothing, `value` is."""
    node = facts.resolve(value).producer()
    if node is None or node.op_type != SCATTER.op_type or not node.outputs:
        return None
    if REDUCTION_OF.get(facts.text(node, "reduce", SUM.name)) is not SUM:
        return None
    base = base_of(node)
    return node if base is None or facts.fill(base) == 0 else None


def _count(divisor: ir.Value) -> ir.Node | None:
    """The TRTS_Scatter that counts the elements of each group, if the divisor is that count, but 1 for an empty group."""
    value = _before_copies(divisor)
    bound = facts.made_by(value, "Max", "Clip")
    if bound is None or len(bound.inputs) < 2:
        return None
    # A Clip may have an upper bound too.
    if any(each is not None for each in bound.inputs[2:]):
        return None
    given = [facts.argument(bound, position) for position in (0, 1)]
    for counted, lowest in (given, given[::-1]) if bound.op_type == "Max" else (given,):
        node = _sum(counted)
        if node is not None and facts.dims(lowest) in ([], [1]) and facts.fill(lowest) == 1:
            return node if facts.fill(facts.argument(node, 0)) == 1 else None
    return None


def _before_copies(value: ir.Value) -> ir.Value:
    while (made := facts.made_by(value, "Expand", "Tile", *facts.VIEWS)) is not None:
        value = facts.argument(made, 0)
    return value


def _lies_along(divisor: ir.Value, axis: int, sizes: list[facts.Dim]) -> bool:
    """Whether a divisor, which is made of one number for each group, has that of a group at its place on the axis."""
    value = facts.resolve(divisor)
    wanted = [size if place == axis else 1 for place, size in enumerate(sizes)]
    while (made := facts.made_by(value, "Expand", "Tile")) is not None:
        value = facts.argument(made, 0)
    given = facts.dims(value)
    if given is None or len(given) > len(sizes) or len(given) < len(sizes) - axis:
        return False
    padded: list[facts.Dim] = [*(1 for _ in range(len(sizes) - len(given))), *given]
    # Before these steps there is the count, with views alone in between.
    is_count = facts.made_by(list(facts.views(value))[-1], "Max", "Clip") is not None
    return is_count and all(map(facts.same, padded, wanted))


def _has_one_index(total: ir.Node, count: ir.Node, axis: int, edit: Editor) -> bool:
    """Whether the sums and the counts are of the same 1-D index along the axis."""
    index, counted = (facts.argument(node, 1) for node in (total, count))
    sizes = facts.dims(index)
    if sizes is None or facts.rank(facts.argument(count, 0)) != 1:
        return False
    along = 0 if len(sizes) == 1 else axis
    if along >= len(sizes) or any(size != 1 for place, size in enumerate(sizes) if place != along):
        return False
    return plain(index, edit) == plain(counted, edit)
