"""A minimum or maximum that does not count what was there before: PyTorch's scatter_reduce(include_self=False).

Exporters write it as two scatters into zeros. The plugin without a base computes it in one step: an empty group is 0.

PyTorch's exporter puts the lowest number (for a maximum) into each group that has elements, and the second scatter starts
from its result. So an empty group keeps what was there before.

torch_geometric, where PyTorch's older exporter exports it, puts the smallest of all elements into each such group, also by
a maximum. That has no effect on the second maximum: both start from 0, so that no group is below 0. In PyTorch itself
torch_geometric computes the maximum of the elements alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
import onnx_ir as ir

from ..._declarations import MAX, MIN, SCATTER
from .. import nodes
from . import facts
from .edit import Editor

_OPPOSITE = {MAX.name: MIN.name, MIN.name: MAX.name}

_EXTREME = {MAX.name: "ReduceMin", MIN.name: "ReduceMax"}
"""What torch_geometric puts into the groups, of all elements."""

NOTE = (
    "a group of nothing but infinities keeps them, as in PyTorch; ONNX's nodes gave the largest or lowest finite number"
)

_BOUNDED = {MAX.name: "never below 0", MIN.name: "never above 0"}


@dataclass(frozen=True)
class Start:
    """The first of the two scatters."""

    node: ir.Node
    is_of_torch_geometric: bool
    """Whether a group that has elements counts the 0 too, in ONNX's nodes and not in PyTorch."""

    def note(self, reduce: str) -> str:
        """What the report says where the two are one."""
        if not self.is_of_torch_geometric:
            return NOTE
        return (
            f"torch_geometric has PyTorch's older exporter write a {reduce} that is {_BOUNDED[reduce]}; here it is that of "
            "the group's elements, as torch_geometric computes it in PyTorch"
        )

    def fault(self, reduce: str) -> str | None:
        """What is wrong with the model where the two stay."""
        if not self.is_of_torch_geometric:
            return None
        return (
            f"torch_geometric has PyTorch's older exporter write a {reduce} that is {_BOUNDED[reduce]}: a group whose "
            "elements are all beyond 0 is 0, and not what torch_geometric computes in PyTorch; export with dynamo=True"
        )


def start_of(node: ir.Node, edit: Editor) -> Start | None:
    """The first of the two scatters, if `node` is the second one of TRTS_Scatter and empty groups are 0."""
    base = base_of(node)
    reduce = facts.text(node, "reduce", "sum")
    first = None if base is None else facts.resolve(base).producer()
    if base is None or first is None or first.op_type != SCATTER.op_type or reduce not in _OPPOSITE:
        return None
    if not node.outputs or facts.resolve(base) is not first.outputs[0]:
        return None
    zeros = base_of(first)
    if zeros is None or facts.fill(zeros) != 0:
        return None
    filled, of_first = facts.argument(first, 0), facts.text(first, "reduce", "sum")
    is_of_torch_geometric = of_first == reduce and _is_extreme(filled, facts.argument(node, 0), reduce, edit)
    if not is_of_torch_geometric and not (of_first == _OPPOSITE[reduce] and _is_worst(filled, reduce)):
        return None
    rank = facts.rank(facts.argument(node, 0))
    if not rank or facts.number(first, "dim", -1) % rank != facts.number(node, "dim", -1) % rank:
        return None
    one, other = (edit.numbering.of(facts.argument(each, 1)) for each in (first, node))
    return Start(first, is_of_torch_geometric) if one == other else None


def base_of(node: ir.Node) -> ir.Value | None:
    """What a TRTS_Scatter starts from."""
    if facts.number(node, "dim_size_input", 0) == 1:
        return None
    return node.inputs[2] if len(node.inputs) > 2 else None


def drop_start(node: ir.Node, start: Start, edit: Editor, takes_groups: bool) -> bool:
    """Lets a TRTS_Scatter start from nothing, where it is the second of the two scatters. Returns False if it must not.

    Without a base the number of groups has to be told in another way. A number tells it to every TensorRT; where it
    varies, it is an input, which only some TensorRT take: that is done if `takes_groups`.
    """
    base = base_of(start.node)
    varies = facts.number(node, "dim_size", -1) < 0
    if uses_arg(node) or (varies and (base is None or not takes_groups)):
        return False
    before = list(node.inputs)
    inputs = [facts.argument(node, position) for position in (0, 1)]
    attributes: dict[str, Any] = {name: each.value for name, each in node.attributes.items()}
    if varies and base is not None:
        axis = facts.number(node, "dim", -1) % (facts.rank(inputs[0]) or 1)
        attributes.update(nodes.groups_as_input(SCATTER, len(inputs)))
        inputs.append(edit.size(node, base, axis))
    edit.replace(node, SCATTER, inputs, attributes)
    edit.drop_unused(before[2:])
    return True


def uses_arg(node: ir.Node) -> bool:
    """Whether something needs the positions that a node tells."""
    return any(output.uses() or output.is_graph_output() for output in node.outputs[1:])


def _is_extreme(filled: ir.Value, src: ir.Value, reduce: str, edit: Editor) -> bool:
    """Whether each element of `filled` is the smallest of all elements of src, for a maximum."""
    value, src = _uncut(filled), _uncut(src)
    while True:
        copies, addition = facts.made_by(value, "Expand", "Tile", *facts.VIEWS), facts.made_by(value, "Add")
        if copies is not None:
            value = facts.argument(copies, 0)
        elif addition is not None:
            # The exporter writes torch.full of a tensor as zeros to which it adds the tensor.
            one, other = (facts.argument(addition, position) for position in (0, 1))
            if facts.fill(one) == 0:
                value = other
            elif facts.fill(other) == 0:
                value = one
            else:
                return False
        else:
            break
    node = facts.made_by(value, _EXTREME[reduce])
    if node is None or facts.numbers(node, "axes") is not None or (len(node.inputs) > 1 and node.inputs[1] is not None):
        return False
    if facts.number(node, "noop_with_empty_axes", 0) != 0:
        return False
    return edit.numbering.of(facts.argument(node, 0)) == edit.numbering.of(src)


def _uncut(value: ir.Value) -> ir.Value:
    """A scatter's updates before they are cut to its indices."""
    value = facts.resolve(value)
    while (cut := facts.made_by(value, "Slice")) is not None:
        value = facts.resolve(facts.argument(cut, 0))
    return value


def _is_worst(value: ir.Value, reduce: str) -> bool:
    """True if no element of `value` can win a reduction."""
    value = _uncut(value)
    number, dtype = facts.fill(value), value.dtype
    if number is None or dtype is None:
        return False
    of_floats = dtype.is_floating_point()
    # ml_dtypes has no type hints.
    limits_of: Any = ml_dtypes.finfo if of_floats else ml_dtypes.iinfo
    limits = limits_of(dtype.numpy())
    worst = {MIN.name: limits.max, MAX.name: limits.min}[reduce]
    return bool(number == worst) or (of_floats and number == {MIN.name: np.inf, MAX.name: -np.inf}[reduce])
