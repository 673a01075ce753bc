"""Scatters without a reduction: which of them are as they should be, and which are certainly wrong.

PyTorch's exporters write some of its reductions without one: then one of the elements that share an index is kept.
"""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from . import facts
from .edit import name_of
from .report import Kept, Report, Wrong

_MADE_FROM = "pkg.torch.onnx.fx_node"
"""Where PyTorch's exporter notes the call that a node was made from."""

_REDUCES = "torch.ops.aten.scatter_reduce"


def report_on(node: ir.Node, report: Report) -> None:
    """Says of a scatter without a reduction what is known of it."""
    if facts.fill(facts.argument(node, 2)) is not None:
        reason = "it has no reduction, and needs none: its elements are all the same number"
    elif _is_distinct(node):
        reason = "it has no reduction, and needs none: no two elements share an index"
    elif _REDUCES in node.metadata_props.get(_MADE_FROM, ""):
        reason = "it has no reduction, and PyTorch's scatter_reduce has one, which the exporter has lost"
        remedy = "call tensorrt_scatter.onnx.ops.scatter_mean instead of scatter_reduce('mean')"
        report.wrong.append(Wrong(name_of(node), f"{reason}: {remedy}"))
    elif _is_added(node):
        reason = "it has no reduction, and is added to another tensor, as PyTorch's older exporter writes index_add and index_put"
        if _repeats(node):
            remedy = "export with dynamo=True, or call tensorrt_scatter.onnx.ops.scatter_sum"
            report.wrong.append(
                Wrong(name_of(node), f"{reason}; some elements share an index, and all but one are lost: {remedy}")
            )
        else:
            reason += ": where elements share an index, all but one are lost; then export with dynamo=True"
    else:
        reason = (
            "it has no reduction, so of elements that share an index one is kept (PyTorch's exporters lose some "
            "reductions that way: over TorchScript those of index_add and index_put, with dynamo=True the mean of "
            "scatter_reduce)"
        )
    report.kept.append(Kept(name_of(node), node.op_type, reason))


def _is_distinct(node: ir.Node) -> bool:
    """Whether no two elements certainly share an index."""
    indices = facts.resolve(facts.argument(node, 1))
    taken = facts.dims(indices)
    if node.op_type == "ScatterND":
        # An index alone, or the places that a NonZero found.
        if taken is not None and all(size == 1 for size in taken[:-1]):
            return True
        turned = facts.made_by(indices, "Transpose")
        return turned is not None and facts.made_by(facts.resolve(facts.argument(turned, 0)), "NonZero") is not None
    axis, array = facts.number(node, "axis", 0), facts.constant(indices)
    if array is None or not -array.ndim <= axis < array.ndim or array.size == 0 or array.min() < 0:
        return False
    ordered = np.sort(array, axis)
    return bool((np.diff(ordered, axis=axis) != 0).all())


def _is_added(node: ir.Node) -> bool:
    """Whether a scatter into zeros is only added to something."""
    out = node.outputs[0]
    users = [use.node for use in out.uses()]
    is_sum = bool(users) and all(user.domain == "" and user.op_type == "Add" for user in users)
    return is_sum and not out.is_graph_output() and facts.fill(facts.argument(node, 0)) == 0


def _repeats(node: ir.Node) -> bool:
    """Whether some elements certainly share an index: there are more of them than places."""
    sizes, taken = facts.dims(facts.argument(node, 0)), facts.dims(facts.argument(node, 1))
    if not sizes or not taken:
        return False
    if node.op_type == "ScatterND":
        count = taken[-1]
        places: list[facts.Dim] = sizes[:count] if isinstance(count, int) else [None]
        elements = taken[:-1]
    else:
        axis = facts.number(node, "axis", 0)
        if not -len(sizes) <= axis < len(sizes) or len(taken) != len(sizes):
            return False
        places, elements = [sizes[axis]], [taken[axis]]
    counts = [[size for size in part if isinstance(size, int)] for part in (elements, places)]
    are_fixed = len(counts[0]) == len(elements) and len(counts[1]) == len(places)
    return are_fixed and math.prod(counts[0]) > math.prod(counts[1])
