"""A minimum or maximum that does not count what was there before: PyTorch's scatter_reduce(include_self=False).

PyTorch's exporter writes it as two scatters. The first one puts the lowest number (for a maximum) into each group that
has elements, and the second one starts from its result. So an empty group keeps what was there before. Where that is 0,
the plugin without a base computes the same in one step.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import onnx_ir as ir

from ..._declarations import MAX, MIN, SCATTER
from . import facts
from .edit import Editor

_OPPOSITE = {MAX.name: MIN.name, MIN.name: MAX.name}

NOTE = (
    "a group of nothing but infinities keeps them, as in PyTorch; ONNX's nodes gave the largest or lowest finite number"
)


def start_of(node: ir.Node, edit: Editor) -> ir.Node | None:
    """The first of the two scatters, if `node` is the second one of TRTS_Scatter and empty groups are 0."""
    base = base_of(node)
    reduce = facts.text(node, "reduce", "sum")
    first = None if base is None else facts.resolve(base).producer()
    if base is None or first is None or first.op_type != SCATTER.op_type or reduce not in _OPPOSITE:
        return None
    if not node.outputs:
        return None
    zeros = base_of(first)
    if facts.text(first, "reduce", "sum") != _OPPOSITE[reduce] or facts.resolve(base) is not first.outputs[0]:
        return None
    if zeros is None or facts.fill(zeros) != 0 or not _is_worst(facts.argument(first, 0), reduce):
        return None
    rank = facts.rank(facts.argument(node, 0))
    if not rank or facts.number(first, "dim", -1) % rank != facts.number(node, "dim", -1) % rank:
        return None
    one, other = (edit.numbering.of(facts.argument(each, 1)) for each in (first, node))
    return first if one == other else None


def base_of(node: ir.Node) -> ir.Value | None:
    """What a TRTS_Scatter starts from."""
    if facts.number(node, "dim_size_input", 0) == 1:
        return None
    return node.inputs[2] if len(node.inputs) > 2 else None


def drop_start(node: ir.Node, edit: Editor) -> ir.Node | None:
    """Lets a TRTS_Scatter start from nothing, where it is the second of the two scatters. Returns the first one.

    Without a base the number of groups has to be told in another way. A number tells it to every TensorRT; so this is
    done only where it does not vary.
    """
    first = start_of(node, edit)
    if first is None or facts.number(node, "dim_size", -1) < 0 or uses_arg(node):
        return None
    before = list(node.inputs)
    src, index = (facts.argument(node, position) for position in (0, 1))
    edit.replace(node, SCATTER, [src, index], {name: each.value for name, each in node.attributes.items()})
    edit.drop_unused(before[2:])
    return first


def uses_arg(node: ir.Node) -> bool:
    """Whether something needs the positions that a node tells."""
    return any(output.uses() or output.is_graph_output() for output in node.outputs[1:])


def _is_worst(value: ir.Value, reduce: str) -> bool:
    """True if no element of `value` can win a reduction."""
    value = facts.resolve(value)
    # A scatter's updates are cut to its indices.
    while (cut := facts.made_by(value, "Slice")) is not None:
        value = facts.resolve(facts.argument(cut, 0))
    number, dtype = facts.fill(value), value.dtype
    if number is None or dtype is None:
        return False
    of_floats = dtype.is_floating_point()
    # ml_dtypes has no type hints.
    limits_of: Any = ml_dtypes.finfo if of_floats else ml_dtypes.iinfo
    limits = limits_of(dtype.numpy())
    worst = {MIN.name: limits.max, MAX.name: limits.min}[reduce]
    return bool(number == worst) or (of_floats and number == {MIN.name: np.inf, MAX.name: -np.inf}[reduce])
