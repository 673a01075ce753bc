"""Gives one symbol to sizes that are certainly equal.

PyTorch's exporter names the size of a result that depends on values anew each time, even where it then notices that two
of them are the same value: a second layer's rows have another symbol than the index that reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import onnx_ir as ir

from . import facts


def unify(values: Iterable[ir.Value]) -> None:
    """Renames the symbols in the shapes of values, and fills in sizes that are not known, where nodes tell them."""
    known = list(values)
    names = _Names()
    for value in known:
        for axis, size in _sizes_told(value):
            given = (facts.dims(value) or [])[axis]
            if isinstance(given, str) and isinstance(size, str):
                names.equal(given, size)
            elif given is None and value.shape is not None:
                value.shape = _with(value.shape, axis, size)
    if not names:
        return
    for value in known:
        if value.shape is not None and any(name in names for name in facts.dims(value) or ()):
            value.shape = ir.Shape([names.of(size) for size in facts.dims(value) or ()])


def _sizes_told(value: ir.Value) -> Iterator[tuple[int, facts.Dim]]:
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


def _with(shape: ir.Shape, axis: int, size: facts.Dim) -> ir.Shape:
    return ir.Shape([size if place == axis else given for place, given in enumerate(shape)])


class _Names:
    """Symbols that stand for the same size. The first one that was met stands for all."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._first)

    def __contains__(self, size: facts.Dim) -> bool:
        return size in self._first

    def of(self, size: facts.Dim) -> facts.Dim:
        """The symbol that stands for a symbol; a number stays."""
        while isinstance(size, str) and size in self._first:
            size = self._first[size]
        return size

    def equal(self, one: str, other: str) -> None:
        """Notes that two symbols stand for the same size."""
        first, second = self.of(other), self.of(one)
        if first != second:
            self._first[str(second)] = str(first)
