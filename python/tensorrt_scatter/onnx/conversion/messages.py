"""Finds messages: rows that a Gather reads, each times its weight, which a TRTS_Scatter reduces."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import onnx_ir as ir

from ..._declarations import GATHER_SCATTER, REDUCTION_OF, SUM, Reduction
from . import facts
from .edit import Editor
from .facts import Dim
from .report import LeftAlone
from .without_self import base_of, uses_arg

_INDICES = (ir.DataType.INT32, ir.DataType.INT64)

_STEPS_BACK = 64
"""How many values before a scatter are searched for a Gather, for the report."""

_COMPUTED = "its elements are not gathered rows times weights: {} computes them"
_BEHIND_SLICE = "a Slice cuts its elements: it cannot be told that its index has as many elements as there are rows"


@dataclass(frozen=True)
class Groups:
    """The number of groups: `count`, or the elements of the vector `given`, or the size of `base` on an axis."""

    count: int = -1
    given: ir.Value | None = None
    base: ir.Value | None = None
    axis: int = 0

    def vector(self, before: ir.Node, edit: Editor) -> ir.Value | None:
        """The number as an INT64 vector of one element; None if it does not vary."""
        if self.given is not None:
            return self.given
        return None if self.base is None else edit.size(before, self.base, self.axis)

    def key(self, edit: Editor) -> Hashable:
        """What equals another one's key where the numbers are certainly equal."""
        if self.given is not None:
            # As `size_key` has it: a symbol, or what the number is an element of.
            known = edit.known.vector(self.given)
            size = known[0] if known is not None and len(known) == 1 else None
            return ("element", edit.numbering.of(self.given)) if size is None else size
        return self.count if self.base is None else edit.size_key(self.base, self.axis)


@dataclass(frozen=True)
class Rows:
    """Rows of `src` along an axis, read by an index [E] or [E, 1]."""

    src: ir.Value
    index: ir.Value
    axis: int
    gathered: ir.Value
    """The value that they are."""


@dataclass(frozen=True)
class Weight:
    """A factor of each row, or of each head of a row: neighbouring columns, as many in each."""

    value: ir.Value
    trailing: int
    """How many axes at the end have size 1."""
    heads: tuple[Dim, ...]
    """The sizes of the axes before these, up to the axis of the rows."""
    of_each_column: bool
    """Whether each column is a head, so that the weights are as large as the rows."""


@dataclass(frozen=True)
class Message:
    """What one TRTS_GatherScatter computes."""

    scatter: ir.Node
    reduce: Reduction
    rows: Rows
    weight: Weight | None
    destination: ir.Value
    """The group of each row, [E] or with more axes of size 1, and without negative numbers that count from the end."""
    groups: Groups


def match(node: ir.Node, edit: Editor) -> Message | None:
    """The messages that a TRTS_Scatter reduces. None if no Gather is before it.

    Raises:
        LeftAlone: there is a Gather, but it is not certain that one TRTS_GatherScatter computes the same.
    """
    updates = facts.resolve(facts.argument(node, 0))
    sizes = facts.dims(updates)
    dim = facts.number(node, "dim", -1)
    if not sizes or not node.outputs or not -len(sizes) <= dim < len(sizes):
        return None
    axis = dim % len(sizes)
    found = _weighted(updates, sizes, axis)
    if found is None:
        _check_nothing_between(updates, axis)
        return None
    rows, weight = found
    reduce = _reduction(node)
    base = base_of(node)
    if base is not None and not (reduce not in _WITHOUT_BASE and facts.fill(base) == 0):
        raise LeftAlone(
            "it starts from a base that is not 0" if reduce not in _WITHOUT_BASE else "it starts from a base"
        )
    if uses_arg(node):
        raise LeftAlone("its positions are used")
    destination = facts.argument(node, 1)
    _check_lies_along(destination, sizes, axis)
    for each in (rows.index, destination):
        if each.dtype not in _INDICES:
            raise LeftAlone("it is not known that its indices are of INT32 or INT64")
    return Message(node, reduce, rows, weight, destination, _groups(node, axis))


_WITHOUT_BASE = tuple(each for each in GATHER_SCATTER.reductions if each.has_arg)
"""The reductions that a base of zeros changes."""


def _reduction(node: ir.Node) -> Reduction:
    name = facts.text(node, "reduce", SUM.name)
    reduce = REDUCTION_OF.get(name)
    if reduce not in GATHER_SCATTER.reductions:
        raise LeftAlone(f"its reduction is {name!r}, which {GATHER_SCATTER.op_type} does not have")
    return reduce


def _groups(node: ir.Node, axis: int) -> Groups:
    if facts.number(node, "dim_size_input", 0) == 1:
        given = node.inputs[-1]
        if given is None or len(node.inputs) != 3:
            raise LeftAlone("its number of groups is not where the plugin expects it")
        return Groups(given=given)
    count = facts.number(node, "dim_size", -1)
    if count >= 0:
        return Groups(count)
    base = base_of(node)
    sizes = None if base is None else facts.dims(base)
    if base is None or sizes is None or axis >= len(sizes):
        raise LeftAlone("nothing tells its number of groups")
    size = sizes[axis]
    return Groups(size) if isinstance(size, int) else Groups(base=base, axis=axis)


def _check_lies_along(index: ir.Value, sizes: list[Dim], axis: int) -> None:
    """Checks that an index has one number for each row."""
    of_index = facts.dims(index)
    if of_index is None or not of_index:
        raise LeftAlone("the rank of its index is not known")
    along = 0 if len(of_index) == 1 else axis
    if any(size != 1 for other, size in enumerate(of_index) if other != along):
        raise LeftAlone("its index has more than one number for each row, or it cannot be told that it has one")
    if along >= len(of_index) or not facts.same(of_index[along], sizes[axis]):
        raise LeftAlone("it cannot be told that its index has as many elements as there are rows")


def _weighted(updates: ir.Value, sizes: list[Dim], axis: int) -> tuple[Rows, Weight | None] | None:
    """The rows and the weights whose product is `updates`.

    Raises:
        LeftAlone: it is a product of gathered rows with something that is no weight.
    """
    rows = rows_of(updates, axis)
    if rows is not None:
        return rows, None
    product = facts.made_by(updates, "Mul")
    if product is None:
        return None
    factors = [facts.resolve(facts.argument(product, position)) for position in (0, 1)]
    reason = None
    for one, other in (factors, factors[::-1]):
        rows = rows_of(one, axis)
        if rows is None:
            continue
        try:
            _check_sizes(one, sizes)
            return rows, _weight(other, sizes, axis)
        except LeftAlone as left:
            reason = reason or left
    if reason is not None:
        raise reason
    return None


def rows_of(value: ir.Value, axis: int) -> Rows | None:
    """The rows along an axis that `value` is, if a 1-D index reads them."""
    gather = facts.made_by(facts.resolve(value), "Gather", "GatherND")
    if gather is None:
        return None
    src, index = (facts.resolve(facts.argument(gather, position)) for position in (0, 1))
    rank, taken = facts.rank(src), facts.dims(index)
    if rank is None or taken is None:
        return None
    if gather.op_type == "Gather":
        reads_rows = len(taken) == 1 and -rank <= facts.number(gather, "axis", 0) < rank
        reads_rows = reads_rows and facts.number(gather, "axis", 0) % rank == axis
    else:
        # One coordinate for each row, along the first axis: PyTorch's exporter writes x[index] like that.
        reads_rows = axis == 0 and len(taken) == 2 and taken[1] == 1 and facts.number(gather, "batch_dims", 0) == 0
    return Rows(src, index, axis, gather.outputs[0]) if reads_rows else None


def _check_sizes(rows: ir.Value, sizes: list[Dim]) -> None:
    given = facts.dims(rows)
    if given is None or len(given) != len(sizes) or not all(map(facts.same, given, sizes)):
        raise LeftAlone("it cannot be told that the product with the weights has the sizes of the gathered rows")


def _weight(value: ir.Value, rows: list[Dim], axis: int) -> Weight:
    """Factors of rows whose sizes are `rows`, as ONNX broadcasts them.

    Raises:
        LeftAlone: they are not one factor for each row, or for each of its heads.
    """
    given = facts.dims(value)
    if given is None or len(given) > len(rows):
        raise LeftAlone("the rank of the weights is not known")
    sizes: list[Dim] = [*(1 for _ in range(len(rows) - len(given))), *given]
    if len(given) < len(rows) - axis or not facts.same(sizes[axis], rows[axis]):
        raise LeftAlone("the rows are multiplied by something that is not, or maybe not, one weight for each row")
    if not all(size == 1 or facts.same(size, of_rows) for size, of_rows in zip(sizes, rows)):
        raise LeftAlone("it cannot be told how the weights are broadcast to the rows")
    # The last axis on which the weights differ; the columns of a head are on the axes after it.
    last = max((place for place in range(axis, len(rows)) if place == axis or sizes[place] != 1), default=axis)
    heads = tuple(sizes[axis + 1 : last + 1])
    if not all(map(facts.same, heads, rows[axis + 1 : last + 1])):
        raise LeftAlone("the weights differ within the rows, but not from one head of neighbouring columns to the next")
    if len(heads) > 1 and not all(isinstance(size, int) for size in heads):
        raise LeftAlone("the heads of the weights are on several axes whose sizes vary")
    of_each_column = bool(heads) and all(size == 1 for size in rows[last + 1 :])
    return Weight(value, len(rows) - 1 - last, heads, of_each_column)


def _check_nothing_between(updates: ir.Value, axis: int) -> None:
    """Raises LeftAlone where the elements are computed from gathered rows, by operators that no plugin has."""
    maker = updates.producer()
    while (cut := facts.made_by(updates, "Slice")) is not None:
        updates = facts.resolve(facts.argument(cut, 0))
    given = facts.dims(updates) or []
    elements = given[axis] if axis < len(given) else None
    pending, seen = [updates], set[ir.Value]()
    while pending and len(seen) < _STEPS_BACK:
        value = facts.resolve(pending.pop())
        producer, sizes = value.producer(), facts.dims(value)
        if value in seen or producer is None or sizes is None or axis >= len(sizes):
            continue
        seen.add(value)
        if rows_of(value, axis) is not None and maker is not None:
            raise LeftAlone(_BEHIND_SLICE if maker.op_type == "Slice" else _COMPUTED.format(maker.op_type))
        # What has another number of elements on the axis does not belong to single elements.
        if facts.same(sizes[axis], elements) or sizes[axis] is None or elements is None:
            pending += [each for each in producer.inputs if each is not None]
