"""Shape with start and end becomes Shape and Slice: TensorRT 8.6 gives all sizes, whatever start and end are."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from .. import facts
from ..edit import Editor, graph_of
from ..report import Report
from .walk import nodes_of, summed_up

_END = 2**31 - 1
"""An end behind all axes, which TensorRT 8.6 can hold."""


def has_range(node: ir.Node) -> bool:
    """Whether a Shape may leave out sizes."""
    rank = facts.rank(facts.argument(node, 0))
    start, end = facts.number(node, "start", 0), facts.number(node, "end", _END)
    from_the_first = start == 0 or (rank is not None and start <= -rank)
    to_the_last = end >= (_END if rank is None else rank)
    return not (from_the_first and to_the_last)


def rewrite(model: ir.Model, edit: Editor, report: Report) -> None:
    """Rewrites every Shape that has start or end."""
    changed = [node for node in nodes_of(model, "Shape") if {"start", "end"} & set(node.attributes)]
    ranged = [node for node in changed if has_range(node)]
    summed_up(ranged, "Shape with start or end", "Shape and Slice", report)
    summed_up([node for node in changed if node not in ranged], "Shape with start or end", "Shape", report)
    for node in changed:
        start, end = facts.number(node, "start", 0), facts.number(node, "end", _END)
        is_ranged = has_range(node)
        for name in ("start", "end"):
            node.attributes.pop(name, None)
        if is_ranged:
            _slice(node, start, end, edit)


def _slice(node: ir.Node, start: int, end: int, edit: Editor) -> None:
    """Puts a Slice behind a Shape. The Slice clamps and counts from the end as Shape did."""
    out = node.outputs[0]
    rank = facts.rank(facts.argument(node, 0))
    sizes = edit.insert(node, "Shape", [facts.argument(node, 0)], ir.DataType.INT64, [rank])
    first, last, axes = (edit.constant(node, np.array([number], np.int64)) for number in (start, end, 0))
    cut = ir.node("Slice", [sizes, first, last, axes], name=node.name)
    ir.convenience.replace_nodes_and_values(graph_of(node), node, [node], [cut], [out], cut.outputs)
