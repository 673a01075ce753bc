"""Gives one symbol to sizes that are certainly equal, and finds sizes that ONNX's shape inference does not.

PyTorch's exporter names the size of a result that depends on values anew each time, even where it then notices that two
of them are the same value: a second layer's rows have another symbol than the index that reads them. And shape inference
does not follow all nodes that compute the shape for an Expand, a Reshape or a Tile.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import onnx_ir as ir

from . import elements, facts
from .elements import Known
from .facts import Dim

_OF_INFERENCE = re.compile(r"unk__\d+")
"""The names that ONNX's shape inference gives to sizes that it does not know."""


def is_of_inference(size: Dim) -> bool:
    """Whether a size is one that ONNX's shape inference does not know. It gives such names anew each time."""
    return isinstance(size, str) and _OF_INFERENCE.fullmatch(size) is not None


def forget(values: Iterable[ir.Value]) -> None:
    """Removes the names that shape inference gave, so that it fills in what it knows by now."""
    for value in values:
        sizes = facts.dims(value)
        if sizes is not None and any(map(is_of_inference, sizes)):
            value.shape = ir.Shape([None if is_of_inference(size) else size for size in sizes])


def known_sizes(values: Iterable[ir.Value]) -> int:
    """How many sizes are numbers, or symbols that do not come from shape inference."""
    sizes = (size for value in values for size in facts.dims(value) or ())
    return sum(size is not None and not is_of_inference(size) for size in sizes)


def unify(values: Iterable[ir.Value]) -> None:
    """Renames the symbols in the shapes of values, and fills in sizes that are not known, where nodes tell them.

    Values come in the order of the graph: what a node tells depends on what is known of its inputs.
    """
    listed, known, names = list(values), Known(), _Names()
    for value in listed:
        told = _shape_told(value, known)
        if told is not None and value.shape is None:
            value.shape = ir.Shape(told)
        places = [*_sizes_told(value), *enumerate(told or ())]
        for axis, size in places:
            if value.shape is None or axis >= len(value.shape) or size is None:
                continue
            given = (facts.dims(value) or [])[axis]
            if isinstance(given, str) and isinstance(size, str):
                names.equal(given, size)
            # A number is better than a symbol. Two numbers differ only in a model that is not valid.
            elif not isinstance(given, int):
                value.shape = _with(value.shape, axis, size)
        # In order, so that nothing has to be asked for far back.
        known.of(value)
    if not names:
        return
    for value in listed:
        if value.shape is not None and any(name in names for name in facts.dims(value) or ()):
            value.shape = ir.Shape([names.of(size) for size in facts.dims(value) or ()])


def _sizes_told(value: ir.Value) -> Iterator[tuple[int, Dim]]:
    """Axes of a value and their sizes, as the node that makes it takes them from its inputs."""
    gather, rows = facts.made_by(value, "Gather"), facts.made_by(value, "GatherND")
    rank = facts.rank(value)
    if gather is not None and rank is not None:
        index = facts.dims(facts.argument(gather, 1))
        axis = facts.number(gather, "axis", 0)
        # A 1-D index leaves the number of axes as it is.
        if index is not None and len(index) == 1 and index[0] is not None and -rank <= axis < rank:
            yield axis % rank, index[0]
    elif rows is not None and rank:
        coordinates = facts.dims(facts.argument(rows, 1))
        if coordinates is not None and len(coordinates) == 2 and coordinates[0] is not None:
            yield 0, coordinates[0]
    elif rank == 1 and facts.made_by(value, "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity") is not None:
        line = facts.dims(facts.line(value) or value) or [None]
        if line[0] is not None:
            yield 0, line[0]


def _shape_told(value: ir.Value, known: Known) -> list[Dim] | None:
    """The shape of a value that the elements of a computed shape tell."""
    told = _computed_shape(value, known)
    # A number below 0 is no size. ONNX's shape inference can end the process at it.
    return None if told is None else [None if isinstance(size, int) and size < 0 else size for size in told]


def _computed_shape(value: ir.Value, known: Known) -> list[Dim] | None:
    node = facts.made_by(value, "Expand", "Reshape", "Tile", "ConstantOfShape", "Slice")
    if node is None:
        return None
    sizes = facts.dims(facts.argument(node, 0))
    if node.op_type == "ConstantOfShape":
        return known.vector(facts.argument(node, 0))
    if sizes is None:
        return None
    if node.op_type == "Slice":
        return _sliced(sizes, node, known)
    given = known.vector(facts.argument(node, 1))
    if given is None:
        return None
    if node.op_type == "Expand":
        return _broadcast(sizes, given)
    if node.op_type == "Tile":
        return [_repeated(size, count) for size, count in zip(sizes, given)] if len(sizes) == len(given) else None
    return _reshaped(sizes, given, facts.number(node, "allowzero", 0) != 0)


def _broadcast(sizes: Sequence[Dim], given: Sequence[Dim]) -> list[Dim]:
    rank = max(len(sizes), len(given))
    pairs = zip([1] * (rank - len(sizes)) + [*sizes], [1] * (rank - len(given)) + [*given])
    return [_of_both(one, other) for one, other in pairs]


def _of_both(one: Dim, other: Dim) -> Dim:
    """The size that two sizes are broadcast to."""
    if one == 1 or facts.same(one, other):
        return other
    if other == 1:
        return one
    # Beside a number other than 1, the other size is 1 or that number.
    return next((size for size in (one, other) if isinstance(size, int)), None)


def _repeated(size: Dim, count: Dim) -> Dim:
    if isinstance(size, int) and isinstance(count, int):
        return size * count
    return count if size == 1 else size if count == 1 else None


def _reshaped(sizes: Sequence[Dim], given: Sequence[Dim], takes_zeros: bool) -> list[Dim] | None:
    wanted: list[Dim] = []
    for axis, size in enumerate(given):
        if size == 0 and not takes_zeros:
            if axis >= len(sizes):
                return None
            size = sizes[axis]
        elif isinstance(size, str) and not takes_zeros and not _is_itself(axis, sizes, given):
            size = None
        wanted.append(size)
    if wanted.count(-1) != 1:
        return wanted if -1 not in wanted else None
    place = wanted.index(-1)
    wanted[place] = _rest(sizes, [size for size in wanted if size != -1])
    return wanted


def _is_itself(axis: int, sizes: Sequence[Dim], given: Sequence[Dim]) -> bool:
    """Whether a symbol in the shape for a Reshape certainly stands for itself. If it is 0, it stands for the size of the
    axis: which is the same symbol, or is not there, or would give the result other elements than it is made of."""
    if axis >= len(sizes) or sizes[axis] == given[axis]:
        return True
    others = (size for place, size in enumerate(given) if place != axis)
    return all(isinstance(size, int) and size > 0 for size in (sizes[axis], *others)) and given[axis] in sizes


def _rest(sizes: Sequence[Dim], others: Sequence[Dim]) -> Dim:
    """The size for which its product with `others` is that of `sizes`."""
    if None in others or None in sizes:
        return None
    left: list[Dim] = [*sizes]
    for size in others:
        if isinstance(size, str):
            if size not in left:
                return None
            left.remove(size)
    symbols = [size for size in left if isinstance(size, str)]
    count, divisor = (_product(part) for part in (left, others))
    if divisor == 0 or count % divisor:
        return None
    if not symbols:
        return count // divisor
    return symbols[0] if len(symbols) == 1 and count == divisor else None


def _product(sizes: Sequence[Dim]) -> int:
    product = 1
    for size in sizes:
        product *= size if isinstance(size, int) else 1
    return product


def _sliced(sizes: Sequence[Dim], node: ir.Node, known: Known) -> list[Dim] | None:
    cuts = elements.slices(node, known)
    if cuts is None:
        return None
    result: list[Dim] = [*sizes]
    for axis, start, end, step in cuts:
        size = sizes[axis]
        is_whole = start == 0 and step == 1 and (facts.same(end, size) or _is_beyond(end, size))
        if not is_whole:
            # ONNX's own shape inference knows the size where the numbers tell it.
            result[axis] = None
    return result


def _is_beyond(end: Dim, size: Dim) -> bool:
    """Whether an end is certainly not before the last element."""
    limit = 2**31 - 1 if size is None or isinstance(size, str) else size
    return isinstance(end, int) and end >= limit


def _with(shape: ir.Shape, axis: int, size: Dim) -> ir.Shape:
    return ir.Shape([size if place == axis else given for place, given in enumerate(shape)])


class _Names:
    """Symbols that stand for the same size. The first one that was met stands for all; but one that comes from the model
    stands for one that comes from shape inference."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._first)

    def __contains__(self, size: Dim) -> bool:
        return size in self._first

    def of(self, size: Dim) -> Dim:
        """The symbol that stands for a symbol; a number stays."""
        while isinstance(size, str) and size in self._first:
            size = self._first[size]
        return size

    def equal(self, one: str, other: str) -> None:
        """Notes that two symbols stand for the same size."""
        first, second = str(self.of(other)), str(self.of(one))
        if first == second:
            return
        if is_of_inference(first) and not is_of_inference(second):
            first, second = second, first
        self._first[second] = first
