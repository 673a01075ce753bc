"""Removes the Expand or Tile of an index: the kernels broadcast an index themselves, without memory and time for it."""

from __future__ import annotations

from collections.abc import Hashable

import onnx_ir as ir

from ..._declarations import BY_OP_TYPE, SEGMENT_COO
from . import facts
from .edit import Editor, name_of
from .report import LeftAlone


def unexpanded(node: ir.Node, index: ir.Value, edit: Editor) -> ir.Value:
    """`index` before its Expands, and Tiles that do the same, with the same number of axes."""
    index = facts.resolve(index)
    wanted = facts.dims(index)
    # The steps to repeat on the index before them: an order of axes, or None to add axes at the front.
    steps: list[tuple[ir.Value, list[int] | None]] = []
    inner = index
    while (maker := expansion(inner, edit) or facts.made_by(inner, "Transpose")) is not None:
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
        # No Expand comes before this Transpose.
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


def expansion(value: ir.Value, edit: Editor) -> ir.Node | None:
    """The Expand that made `value`, or a Tile that does the same: it repeats axes of size 1 alone."""
    expand = facts.made_by(value, "Expand")
    if expand is not None:
        return expand
    tile = facts.made_by(value, "Tile")
    sizes = None if tile is None else facts.dims(facts.argument(tile, 0))
    counts = None if tile is None else edit.known.vector(facts.argument(tile, 1))
    if sizes is None or counts is None or len(sizes) != len(counts):
        return None
    return tile if all(size == 1 or count == 1 for size, count in zip(sizes, counts)) else None


def unexpand_plugin(node: ir.Node, edit: Editor) -> bool:
    """Gives a plugin's node the index before its Expand or Tile. Returns False if the index was not expanded.

    An index without src beside it stays: its shape is the result's. An expanded index that fits src also fits before the
    Expand, because each axis has size 1 or src's size. There is one exception: segments and gathers do not broadcast the
    last axis of their index, so the Expand must not change it.

    Raises:
        LeftAlone: it is not known whether the Expand changes the last axis, or there is no such axis.
    """
    operator = BY_OP_TYPE[node.op_type]
    if operator.index == 0:
        return False
    index = facts.argument(node, operator.index)
    expand = expansion(facts.resolve(index), edit)
    if expand is None:
        return False
    before, after = facts.dims(facts.resolve(facts.argument(expand, 0))), facts.dims(index)
    if before is None or after is None:
        raise LeftAlone("its index is expanded, from or to a rank that is not known")
    if not operator.has_dim:
        _check_last_axis(node, before[-1] if before else 1, after)
    node.replace_input_with(operator.index, unexpanded(node, index, edit))
    edit.drop_unused([index])
    return True


def _check_last_axis(node: ir.Node, size: facts.Dim, after: list[facts.Dim]) -> None:
    if not after:
        raise LeftAlone("its index is expanded to a scalar, which has no axis to work along")
    # Expand changes only an axis of size 1.
    if (isinstance(size, int) and size != 1) or facts.same(size, after[-1]):
        return
    src = facts.dims(facts.argument(node, 0))
    axis = len(after) - 1
    if node.op_type == SEGMENT_COO.op_type and src is not None and axis < len(src) and facts.same(size, src[axis]):
        return
    raise LeftAlone("its index is expanded, maybe along its last axis, which it cannot be told to do otherwise")


def plain(index: ir.Value, edit: Editor) -> tuple[int, Hashable]:
    """The number of a 1-D index before the nodes that add the size to its negative elements, and the key of that size;
    None where there are no such nodes."""
    index = facts.line(index) or facts.resolve(index)
    wrapped = edit.unwrapped(index)
    if wrapped is None:
        return edit.numbering.of(index), None
    given, size = wrapped
    return edit.numbering.of(facts.line(given) or facts.resolve(given)), size
