"""Expanded indices: an Expand in front of a scatter is memory and time for what the kernels do by themselves."""

from __future__ import annotations

import onnx_ir as ir

from ..._declarations import BY_OP_TYPE, SEGMENT_COO
from . import facts
from .edit import Editor, name_of
from .report import LeftAlone


def unexpanded(node: ir.Node, index: ir.Value, edit: Editor) -> ir.Value:
    """`index` as it was before any Expand, with as many axes as it has."""
    index = facts.resolve(index)
    wanted = facts.dims(index)
    # What to do again after the Expands: the order of axes, or None for axes in front.
    steps: list[tuple[ir.Value, list[int] | None]] = []
    inner = index
    while (maker := facts.made_by(inner, "Expand", "Transpose")) is not None:
        before = facts.resolve(facts.argument(maker, 0))
        sizes = facts.dims(before)
        if facts.dims(inner) is None or sizes is None:
            break
        order = None
        if maker.op_type == "Transpose":
            order = facts.numbers(maker, "perm") or list(range(len(sizes)))[::-1]
            if sorted(order) != list(range(len(sizes))):
                raise ValueError(f"perm of {name_of(maker)} is {order}: the model is not valid ONNX")
        steps.append((inner, order))
        inner = before
    while steps and steps[-1][1] is not None:
        # Nothing was expanded before it.
        inner = steps.pop()[0]
    for value, order in reversed(steps):
        rank = len(facts.dims(value) or ())
        if order is None:
            inner = edit.unsqueeze_front(node, inner, rank)
        else:
            sizes = facts.dims(inner) or [None] * rank
            inner = edit.insert(
                node, "Transpose", [inner], inner.dtype, [sizes[axis] for axis in order], {"perm": order}
            )
    return index if wanted is None else inner


def unexpand_plugin(node: ir.Node, edit: Editor) -> bool:
    """Gives a plugin's node its index as it was before it was expanded to src; False where it was not expanded.

    An index that fits src once it is expanded also fits before: each axis is 1 or src's. Only the last axis of the
    segments' and gathers' index is not broadcast, and must not have been.

    Raises:
        LeftAlone: Where that cannot be told.
    """
    index = facts.argument(node, 1)
    expand = facts.made_by(facts.resolve(index), "Expand")
    if expand is None:
        return False
    before, after = facts.dims(facts.resolve(facts.argument(expand, 0))), facts.dims(index)
    if before is None or after is None:
        raise LeftAlone("its index is expanded, from or to a rank that is not known")
    if not BY_OP_TYPE[node.op_type].has_dim:
        _check_last_axis(node, before[-1] if before else 1, after)
    node.replace_input_with(1, unexpanded(node, index, edit))
    edit.drop_unused([index])
    return True


def _check_last_axis(node: ir.Node, size: facts.Dim, after: list[facts.Dim]) -> None:
    # Expand changes a 1 alone.
    if (isinstance(size, int) and size != 1) or facts.same(size, after[-1]):
        return
    src = facts.dims(facts.argument(node, 0))
    axis = len(after) - 1
    if node.op_type == SEGMENT_COO.op_type and src is not None and facts.same(size, src[axis]):
        return
    raise LeftAlone("its index is expanded, maybe along its last axis, which it cannot be told to do otherwise")
