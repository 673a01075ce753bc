"""The elements of the shapes that a model computes, one by one.

An exporter computes the shape for an Expand or a Reshape by a dozen nodes, of constants and of sizes of other tensors.
ONNX's shape inference follows only some of them. Here an element is a number, the symbol of a size, or unknown.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from typing import Any, Union

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from . import facts
from .facts import Dim

Element = Union[int, bool, str, None]
"""A number or truth value; a symbol, which is a size, so not negative; or None if it is unknown."""

Elements = NDArray[np.object_]

_LARGEST = 64
"""The most elements that are followed. A shape has one for each axis, and TensorRT has 8 axes."""

_INTEGERS = {ir.DataType.INT64, ir.DataType.INT32, ir.DataType.BOOL}

_MOVES = ("Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze")


class Known:
    """The elements of values. Ask for them in the order of the graph: nothing is computed twice."""

    def __init__(self) -> None:
        self._found: dict[ir.Value, Elements | None] = {}

    def of(self, value: ir.Value | None) -> Elements | None:
        """The elements of a value that has integers or truth values, and not many of them; None for another value."""
        if value is None:
            return None
        if value not in self._found:
            self._found[value] = self._elements(value)
        return self._found[value]

    def vector(self, value: ir.Value | None) -> list[Dim] | None:
        """The elements of a vector of sizes."""
        found = self.of(value)
        if found is None or found.ndim != 1 or any(isinstance(each, bool) for each in found):
            return None
        return list(found)

    def _elements(self, value: ir.Value) -> Elements | None:
        sizes = facts.dims(value)
        if value.dtype is not None and value.dtype not in _INTEGERS:
            return None
        if sizes is not None and _count(sizes) > _LARGEST:
            return None
        array = facts.constant(value)
        if array is not None:
            return array.astype(object) if array.size <= _LARGEST and array.dtype.kind in "bi" else None
        node = value.producer()
        rule = None if node is None or node.domain != "" else _RULES.get(node.op_type)
        found = None if node is None or rule is None else rule(node, self)
        shape = _fixed(value)
        if found is None:
            return None if shape is None else np.full(shape, None, object)
        # What inference says of the shape may be wrong only in a model that is not valid.
        if found.size > _LARGEST or (shape is not None and found.shape != shape):
            return None
        limits = np.iinfo(np.int32 if value.dtype == ir.DataType.INT32 else np.int64)
        return _each(lambda one: one if not isinstance(one, int) or limits.min <= one <= limits.max else None, found)


def array_of(found: Elements | None, dtype: ir.DataType | None) -> NDArray[Any] | None:
    """The elements as an array of that type, if all of them are known."""
    if found is None or dtype not in _INTEGERS or dtype is None:
        return None
    kind = bool if dtype == ir.DataType.BOOL else int
    return found.astype(dtype.numpy()) if all(type(each) is kind for each in found.flat) else None


def numbers(elements: Elements | None) -> list[int] | None:
    """The elements in their order, if all of them are numbers."""
    if elements is None or any(isinstance(each, bool) or not isinstance(each, int) for each in elements.flat):
        return None
    return list(elements.flat)


def _fixed(value: ir.Value) -> tuple[int, ...] | None:
    """The shape of a value of integers, if it does not vary and has few elements."""
    sizes = facts.dims(value)
    if sizes is None or value.dtype is None:
        return None
    known = tuple(size for size in sizes if isinstance(size, int))
    return known if len(known) == len(sizes) and _count(known) <= _LARGEST else None


def _count(sizes: Iterable[Dim]) -> int:
    """The product of the sizes that are numbers."""
    return math.prod(size for size in sizes if isinstance(size, int))


def _inputs(node: ir.Node, known: Known) -> list[Elements] | None:
    found = [known.of(each) for each in node.inputs]
    return None if any(each is None for each in found) else [each for each in found if each is not None]


def _shape(node: ir.Node, known: Known) -> Elements | None:
    sizes = facts.dims(facts.argument(node, 0))
    if sizes is None:
        return None
    start, end = facts.number(node, "start", 0), facts.number(node, "end", len(sizes))
    return _array(sizes[start:end])


def _array(elements: Iterable[Element]) -> Elements:
    listed = list(elements)
    array = np.empty(len(listed), object)
    array[:] = listed
    return array


def _size(node: ir.Node, known: Known) -> Elements | None:
    sizes = facts.dims(facts.argument(node, 0))
    result: Element = 1
    for size in sizes or ():
        result = _times(result, size)
    return None if sizes is None else np.full((), result, object)


def _moved(node: ir.Node, known: Known) -> Elements | None:
    found, sizes = known.of(facts.argument(node, 0)), _fixed(node.outputs[0])
    if found is None or sizes is None or _count(sizes) != found.size:
        return None
    return found.reshape(sizes)


def _cast(node: ir.Node, known: Known) -> Elements | None:
    value, found = facts.argument(node, 0), known.of(facts.argument(node, 0))
    if found is None or value.dtype not in _INTEGERS:
        return None
    to = ir.DataType(facts.number(node, "to", int(ir.DataType.INT64)))
    if to == ir.DataType.BOOL:
        return _each(lambda one: None if isinstance(one, str) or one is None else bool(one), found)
    # A symbol fits: sizes have at most 31 bits in TensorRT.
    return _each(lambda one: int(one) if isinstance(one, bool) else one, found) if to in _INTEGERS else None


def _concat(node: ir.Node, known: Known) -> Elements | None:
    parts = _inputs(node, known)
    axis = facts.number(node, "axis", 0)
    if not parts or not -parts[0].ndim <= axis < parts[0].ndim:
        return None
    others = {(*each.shape[: axis % each.ndim], *each.shape[axis % each.ndim + 1 :]) for each in parts if each.ndim}
    if len({each.ndim for each in parts}) != 1 or len(others) != 1:
        return None
    return np.concatenate(parts, axis)


def _gather(node: ir.Node, known: Known) -> Elements | None:
    found, index = (known.of(facts.argument(node, position)) for position in (0, 1))
    axis, places = facts.number(node, "axis", 0), numbers(index)
    if found is None or index is None or places is None or not -found.ndim <= axis < found.ndim:
        return None
    size = found.shape[axis]
    if any(not -size <= place < size for place in places):
        return None
    taken = np.take(found, np.array(places, np.int64).reshape(index.shape), axis)
    # NumPy gives the element itself where there is one alone.
    return np.asarray(taken, object)


def _slice(node: ir.Node, known: Known) -> Elements | None:
    found, cuts = known.of(facts.argument(node, 0)), slices(node, known)
    if found is None or cuts is None:
        return None
    places = [slice(None)] * found.ndim
    for axis, start, end, step in cuts:
        if not isinstance(start, int) or not isinstance(end, int) or axis >= found.ndim:
            return None
        # Python and ONNX agree on what is beyond the ends, except where a negative step comes to the first element.
        if step < 0:
            return None
        places[axis] = slice(start, end, step)
    return found[tuple(places)]


def slices(node: ir.Node, known: Known) -> list[tuple[int, Dim, Dim, int]] | None:
    """What a Slice does: an axis, the start, the end and the step, of each axis that it names."""
    value, inputs = facts.argument(node, 0), list(node.inputs)
    rank = facts.rank(value)
    if len(inputs) < 3 or rank is None:
        return None
    starts, ends = known.vector(inputs[1]), known.vector(inputs[2])
    if starts is None or ends is None or len(starts) != len(ends):
        return None
    axes, steps = (
        default if len(inputs) <= place or inputs[place] is None else numbers(known.of(inputs[place]))
        for place, default in ((3, list(range(len(starts)))), (4, [1] * len(starts)))
    )
    if axes is None or steps is None or not len(axes) == len(steps) == len(starts):
        return None
    if any(not -rank <= axis < rank for axis in axes) or 0 in steps:
        return None
    return [(axis % rank, *rest) for axis, *rest in zip(axes, starts, ends, steps)]  # type: ignore[misc]


def _filled(node: ir.Node, known: Known) -> Elements | None:
    sizes = numbers(known.of(facts.argument(node, 0)))
    value = facts.tensor(node, "value")
    if sizes is None or any(size < 0 for size in sizes) or _count(sizes) > _LARGEST:
        return None
    if value is None or value.size != 1 or value.dtype.kind not in "bi":
        return None
    return np.full(sizes, value.item(), object)


def _expanded(node: ir.Node, known: Known) -> Elements | None:
    found, sizes = known.of(facts.argument(node, 0)), numbers(known.of(facts.argument(node, 1)))
    if found is None or sizes is None or _count(sizes) > _LARGEST:
        return None
    try:
        return np.broadcast_to(found, np.broadcast_shapes(found.shape, tuple(sizes)))
    except ValueError:
        return None


def _range(node: ir.Node, known: Known) -> Elements | None:
    bounds = [numbers(known.of(each)) for each in node.inputs]
    if len(bounds) != 3 or any(each is None or len(each) != 1 for each in bounds):
        return None
    start, limit, step = (each[0] for each in bounds if each is not None)
    if step == 0 or abs(limit - start) > abs(step) * _LARGEST:
        return None
    return _array(range(start, limit, step))


def _where(node: ir.Node, known: Known) -> Elements | None:
    def chosen(condition: Element, one: Element, other: Element) -> Element:
        if isinstance(condition, bool):
            return one if condition else other
        return one if same(one, other) else None

    return _of_each(chosen, node, known, 3)


def _each(rule: Callable[..., Element], *given: Elements) -> Elements | None:
    try:
        arrays = np.broadcast_arrays(*given)
    except ValueError:
        return None
    result = np.empty(arrays[0].shape, object)
    for place in np.ndindex(result.shape):
        result[place] = rule(*(array[place] for array in arrays))
    return result


def _of_each(rule: Callable[..., Element], node: ir.Node, known: Known, count: int | None) -> Elements | None:
    given = _inputs(node, known)
    return _each(rule, *given) if given and count in (None, len(given)) else None


def _elementwise(rule: Callable[..., Element], count: int | None = 2) -> Callable[[ir.Node, Known], Elements | None]:
    """The rule for a node that computes each element alone, from `count` inputs, or from any number of them."""
    return lambda node, known: _of_each(rule, node, known, count)


def same(one: Element, other: Element) -> bool:
    """True if two elements are certainly equal."""
    return one is not None and one == other


def _are_numbers(*given: Element) -> bool:
    return all(isinstance(each, int) and not isinstance(each, bool) for each in given)


def _plus(one: Element, other: Element) -> Element:
    if _are_numbers(one, other):
        return one + other  # type: ignore[operator]
    return other if one == 0 else one if other == 0 else None


def _minus(one: Element, other: Element) -> Element:
    if _are_numbers(one, other):
        return one - other  # type: ignore[operator]
    return one if other == 0 else 0 if same(one, other) else None


def _times(one: Element, other: Element) -> Element:
    if _are_numbers(one, other):
        return one * other  # type: ignore[operator]
    if 0 in (one, other):
        return 0
    return other if one == 1 else one if other == 1 else None


def _over(one: Element, other: Element) -> Element:
    if _are_numbers(one, other) and one >= 0 and other > 0:  # type: ignore[operator]
        return one // other  # type: ignore[operator]
    return one if other == 1 else None


def _largest(*given: Element) -> Element:
    return _extreme(max, given)


def _smallest(*given: Element) -> Element:
    return _extreme(min, given)


def _extreme(choose: Callable[[Iterable[int]], int], given: tuple[Element, ...]) -> Element:
    if _are_numbers(*given):
        return choose(given)  # type: ignore[arg-type]
    if all(same(each, given[0]) for each in given):
        return given[0]
    if choose is max and len(given) == 2:
        # A size is not below 0.
        one, other = given
        for each, bound in ((one, other), (other, one)):
            if isinstance(each, str) and _are_numbers(bound) and bound <= 0:  # type: ignore[operator]
                return each
    return None


def _equal(one: Element, other: Element) -> Element:
    if one is None or other is None:
        return None
    if isinstance(one, str) or isinstance(other, str):
        if one == other:
            return True
        number = other if isinstance(one, str) else one
        # A size is not below 0.
        return False if isinstance(number, int) and number < 0 else None
    return one == other


def _compared(compare: Callable[[Any, Any], bool]) -> Callable[[Element, Element], Element]:
    def rule(one: Element, other: Element) -> Element:
        if _are_numbers(one, other):
            return compare(one, other)
        if same(one, other):
            return compare(0, 0)
        # A size is not below 0: compared with a number below 0 it is as 0 is.
        if isinstance(one, str) and _are_numbers(other) and other < 0:  # type: ignore[operator]
            return compare(0, other)
        if isinstance(other, str) and _are_numbers(one) and one < 0:  # type: ignore[operator]
            return compare(one, 0)
        return None

    return rule


def _not(one: Element) -> Element:
    return not one if isinstance(one, bool) else None


_RULES: dict[str, Callable[[ir.Node, Known], Elements | None]] = {
    "Shape": _shape,
    "Size": _size,
    **{op_type: _moved for op_type in _MOVES},
    "Cast": _cast,
    "Concat": _concat,
    "Gather": _gather,
    "Slice": _slice,
    "ConstantOfShape": _filled,
    "Expand": _expanded,
    "Range": _range,
    "Where": _where,
    "Add": _elementwise(_plus),
    "Sub": _elementwise(_minus),
    "Mul": _elementwise(_times),
    "Div": _elementwise(_over),
    "Max": _elementwise(_largest, None),
    "Min": _elementwise(_smallest, None),
    "Equal": _elementwise(_equal),
    "Less": _elementwise(_compared(operator.lt)),
    "LessOrEqual": _elementwise(_compared(operator.le)),
    "Greater": _elementwise(_compared(operator.gt)),
    "GreaterOrEqual": _elementwise(_compared(operator.ge)),
    "Not": _elementwise(_not, 1),
}
