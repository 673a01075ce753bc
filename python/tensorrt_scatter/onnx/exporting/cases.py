"""Other arguments for a model, made of the given ones: other values, and other sizes.

Indices must stay valid. So sizes change by repeating and leaving out rows: an axis of `old` elements gets the elements
`round(i * (old - 1) / (new - 1))`. What is sorted stays sorted, and bounds keep their first and last one. Where an axis
becomes smaller, integers that could point behind its end become its last element: PyTorch does not check all of them, and
would read other memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .arguments import Call, Size

Tensors = tuple[Tensor, ...]

_EXPENSIVE = 4096
"""Axes from this size on grow by a few elements instead of twice: the evaluator is slow."""


@dataclass(frozen=True)
class Case:
    """Arguments to compare on."""

    title: str
    tensors: Tensors
    small: str = ""
    """The name of the size that is 0 or 1 here, if one is."""


Symbols = Sequence[dict[int, str]]
"""The axes of each input that vary in a file, with their symbols there: equal symbols are equal sizes."""


def changed_values(call: Call) -> list[Case]:
    """Arguments of the same sizes whose values show what is fixed in a file; the first that PyTorch takes is enough.

    Floats get the other sign, integers lose their largest value, and bools are negated.
    """
    kinds = [_kind(each) for each in call.tensors]
    found: list[Case] = []
    for wanted in (("floats", "integers", "bools"), ("floats", "integers"), ("floats",), ("integers",)):
        changed = tuple(_changed(each) if kind in wanted else each for each, kind in zip(call.tensors, kinds))
        of = [kind for kind in wanted if kind in kinds]
        known = any(_are_equal(changed, each.tensors) for each in found)
        if not known and not _are_equal(changed, call.tensors):
            found.append(Case(f"other values of {' and '.join(of)}", changed))
    return found


Maker = Callable[[], Case]


def resized(call: Call, symbols: Symbols) -> Iterator[list[Maker]]:
    """Cases of other sizes, in lists of which the first that PyTorch takes is enough."""
    sizes: dict[str, tuple[int, Size]] = {}
    whole: set[str] = set()
    for each, of in zip(call.inputs, symbols):
        for axis, symbol in of.items():
            sizes[symbol] = each.tensor.size(axis), each.sizes[axis]
            if _kind(each.tensor) != "floats":
                whole.add(symbol)
    larger = {
        symbol: old + place + (1 if old >= _EXPENSIVE else old)
        for place, (symbol, (old, _)) in enumerate(sizes.items(), 1)
        if old > 0
    }
    smaller = {symbol: (old + 1) // 2 for symbol, (old, _) in sizes.items() if old > 2 and symbol in whole}
    for wanted in (larger, smaller):
        allowed = {symbol: new for symbol, new in wanted.items() if _allows(sizes[symbol][1], new)}
        if allowed:
            alone = [{symbol: new} for symbol, new in allowed.items()]
            yield [_maker(call, symbols, each) for each in ([allowed, *alone] if len(alone) > 1 else alone)]
    for symbol, (old, size) in sizes.items():
        for new in (1, 0):
            if old not in (0, new) and _allows(size, new):
                yield [_maker(call, symbols, {symbol: new}, size.name)]


def _allows(size: Size, new: int) -> bool:
    return size.lowest <= new and (size.highest is None or new <= size.highest)


def _maker(call: Call, symbols: Symbols, wanted: dict[str, int], small: str = "") -> Maker:
    def make() -> Case:
        tensors = []
        said: dict[str, int] = {}
        lengths = {
            symbol: each.tensor.size(axis) for each, of in zip(call.inputs, symbols) for axis, symbol in of.items()
        }
        smallest = min((new for symbol, new in wanted.items() if new < lengths[symbol]), default=None)
        for each, of in zip(call.inputs, symbols):
            tensor = each.tensor
            for axis, symbol in of.items():
                if symbol in wanted:
                    tensor = tensor.index_select(axis, _positions(tensor.size(axis), wanted[symbol], tensor.device))
                said[each.sizes[axis].name] = tensor.size(axis)
            if smallest is not None and _kind(tensor) == "integers":
                tensor = tensor.clamp(max=max(smallest - 1, 0))
            tensors.append(tensor)
        return Case(", ".join(f"{name} = {length}" for name, length in said.items()), tuple(tensors), small=small)

    return make


def _positions(old: int, new: int, device: torch.device) -> Tensor:
    if new <= 1:
        return torch.zeros(new, dtype=torch.int64, device=device)
    return (torch.arange(new, device=device) * (old - 1) * 2 + new - 1) // (2 * (new - 1))


def _kind(tensor: Tensor) -> str:
    if tensor.dtype == torch.bool:
        return "bools"
    return "floats" if tensor.dtype.is_floating_point or tensor.dtype.is_complex else "integers"


def _changed(tensor: Tensor) -> Tensor:
    if tensor.numel() == 0:
        return tensor
    if tensor.dtype == torch.bool:
        return ~tensor
    if _kind(tensor) == "floats":
        return -tensor
    # Not below 0: no index becomes negative.
    return tensor.clamp(max=max(int(tensor.max()) - 1, 0))


def _are_equal(some: Tensors, others: Tensors) -> bool:
    return all(torch.equal(one, other) for one, other in zip(some, others))
