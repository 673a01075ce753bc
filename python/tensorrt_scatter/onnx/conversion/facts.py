"""Facts about the values of a model that hold whenever it runs. None or False stands for "not known"."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Union

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

Dim = Union[int, str, None]
"""A size: a number; a symbol, which stands for the same number everywhere; or None if it is unknown."""

# Operators whose result has only elements of their first input.
_MOVES = {"Cast", "Expand", "Flatten", "Gather", "Reshape", "Slice", "Squeeze", "Tile", "Transpose", "Unsqueeze"}
# Operators whose result has no negative elements.
_COUNTS = {"Abs", "ArgMax", "ArgMin", "NonZero", "Shape", "Size"}

# Operators whose result has the elements of their first input, all of them and in their order.
VIEWS = ("Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze")

# The attributes that a Constant may have instead of a tensor.
_CONSTANTS = {
    "value_int": (ir.AttributeType.INT, np.int64),
    "value_ints": (ir.AttributeType.INTS, np.int64),
    "value_float": (ir.AttributeType.FLOAT, np.float32),
    "value_floats": (ir.AttributeType.FLOATS, np.float32),
}


def resolve(value: ir.Value) -> ir.Value:
    """The value from which Identity nodes made `value`."""
    while (producer := made_by(value, "Identity")) is not None:
        value = argument(producer, 0)
    return value


def made_by(value: ir.Value | None, *op_types: str) -> ir.Node | None:
    """The node that makes `value`, if it is in ONNX's own domain and of one of the types."""
    producer = None if value is None else value.producer()
    if producer is not None and producer.domain == "" and producer.op_type in op_types:
        return producer
    return None


def argument(node: ir.Node, position: int) -> ir.Value:
    """A required input of a node."""
    value = node.inputs[position] if position < len(node.inputs) else None
    if value is None:
        raise ValueError(f"input {position} of {node.op_type} {node.name!r} is missing: the model is not valid ONNX")
    return value


def dims(value: ir.Value) -> list[Dim] | None:
    """The sizes of `value`."""
    if value.shape is None:
        return None
    sizes = (size if isinstance(size, int) else size.value for size in value.shape)
    # A negative number is not a size. It stands for an unknown one.
    return [None if isinstance(size, int) and size < 0 else size for size in sizes]


def rank(value: ir.Value) -> int | None:
    """The number of axes of `value`."""
    return None if value.shape is None else len(value.shape)


def same(one: Dim, other: Dim) -> bool:
    """True if two sizes are certainly equal."""
    return one is not None and one == other


def graphs_of(attribute: ir.Attr) -> Sequence[ir.Graph]:
    """The subgraphs in an attribute."""
    if attribute.is_ref():
        return ()
    if attribute.type == ir.AttributeType.GRAPH:
        return (attribute.as_graph(),)
    return attribute.as_graphs() if attribute.type == ir.AttributeType.GRAPHS else ()


def graphs_in(node: ir.Node) -> list[ir.Graph]:
    """The subgraphs of a node."""
    return [graph for attribute in node.attributes.values() for graph in graphs_of(attribute)]


def nested(graph: ir.Graph) -> Iterator[ir.Graph]:
    """The graph and all graphs in it."""
    # onnx_ir's own iterators fail at an attribute that refers to an attribute of a function.
    yield graph
    for node in graph:
        for inner in graphs_in(node):
            yield from nested(inner)


def number(node: ir.Node, name: str, default: int) -> int:
    """The value of an integer attribute."""
    attribute = _attribute(node, name, ir.AttributeType.INT)
    return default if attribute is None else int(attribute.as_int())


def text(node: ir.Node, name: str, default: str) -> str:
    """The value of a string attribute."""
    attribute = _attribute(node, name, ir.AttributeType.STRING)
    if attribute is None:
        return default
    # onnx_ir keeps what is not UTF-8 as bytes.
    if not isinstance(attribute.value, str):
        raise ValueError(f"attribute {name} of {node.op_type} {node.name!r} is no text: the model is not valid ONNX")
    return attribute.value


def numbers(node: ir.Node, name: str) -> list[int] | None:
    """The value of an attribute with a list of integers; None if the node does not have it."""
    attribute = _attribute(node, name, ir.AttributeType.INTS)
    return None if attribute is None else list(attribute.as_ints())


def graph(node: ir.Node, name: str) -> ir.Graph:
    """The value of a required graph attribute."""
    attribute = _attribute(node, name, ir.AttributeType.GRAPH)
    if attribute is None:
        raise ValueError(f"attribute {name} of {node.op_type} {node.name!r} is missing: the model is not valid ONNX")
    return attribute.as_graph()


def tensor(node: ir.Node, name: str) -> NDArray[Any] | None:
    """The value of a tensor attribute; None if the node does not have it."""
    attribute = _attribute(node, name, ir.AttributeType.TENSOR)
    return None if attribute is None else _array(node.name or node.op_type, attribute.as_tensor)


def _attribute(node: ir.Node, name: str, kind: ir.AttributeType) -> ir.Attr | None:
    attribute = node.attributes.get(name)
    if attribute is not None and (attribute.type != kind or attribute.is_ref()):
        raise ValueError(
            f"attribute {name} of {node.op_type} {node.name!r} is no {kind.name}: the model is not valid ONNX"
        )
    return attribute


def _array(name: str, given: Callable[[], Any]) -> NDArray[Any]:
    try:
        array: NDArray[Any] = given().numpy()
        return array
    except Exception as error:
        raise ValueError(f"the tensor of {name} cannot be read: {error}: the model is not valid ONNX") from error


def constant(value: ir.Value) -> NDArray[Any] | None:
    """The array of a constant `value`: an initializer that is not an input, or the result of a Constant."""
    value = resolve(value)
    if value.const_value is not None and not value.is_graph_input():
        return _array(value.name or "", lambda: value.const_value)
    node = made_by(value, "Constant")
    if node is None:
        return None
    # ir.convenience.get_const_tensor would rename the tensor in the caller's model.
    if "value" in node.attributes:
        return tensor(node, "value")
    for name, (kind, dtype) in _CONSTANTS.items():
        attribute = _attribute(node, name, kind)
        if attribute is not None:
            return np.array(attribute.value, dtype)
    return None


def fill(value: ir.Value) -> float | int | None:
    """The number to which all elements of `value` are equal; None for -0."""
    value = resolve(value)
    while (copies := made_by(value, "Expand", "Tile", *VIEWS)) is not None:
        value = argument(copies, 0)
    producer = made_by(value, "ConstantOfShape")
    if producer is not None:
        array = tensor(producer, "value")
        array = np.zeros(1) if array is None else array
    else:
        array = constant(value)
    if array is None or array.size == 0 or (array != array.flat[0]).any() or (np.signbit(array) & (array == 0)).any():
        return None
    number: float | int = array.flat[0].item()
    return number


def views(value: ir.Value) -> Iterator[ir.Value]:
    """`value`, and the values that have the same elements in the same order, with other axes; the first one last."""
    yield value
    while (view := made_by(value, *VIEWS)) is not None:
        value = argument(view, 0)
        yield value


def line(value: ir.Value) -> ir.Value | None:
    """The first value with one axis that has the elements of `value` in the same order."""
    lines = [each for each in views(value) if len(dims(each) or ()) == 1]
    return lines[-1] if lines else None


def shape_given(value: ir.Value) -> ir.Value | None:
    """The vector of sizes from which `value` was made."""
    value = resolve(value)
    filled = made_by(value, "ConstantOfShape")
    if filled is not None:
        return resolve(argument(filled, 0))
    expand = made_by(value, "Expand")
    if expand is None:
        return None
    before, after, shape = dims(argument(expand, 0)), dims(value), resolve(argument(expand, 1))
    # A shape with fewer axes, or with a 1 where the value has more, would not be the result's shape.
    if before is None or after is None or any(size != 1 for size in before) or len(before) > len(after):
        return None
    return shape if dims(shape) == [len(after)] else None


def piece(vector: ir.Value, place: int) -> ir.Value | None:
    """The vector of one element that became the element of `vector` at a place."""
    while (joined := made_by(vector, "Concat")) is not None:
        for part in joined.inputs:
            length = None if part is None else dims(part)
            if part is None or length is None or len(length) != 1 or not isinstance(length[0], int):
                return None
            if place < length[0]:
                vector = resolve(part)
                break
            place -= length[0]
        else:
            return None
    return vector if dims(vector) == [1] and place == 0 else None


def never_negative(value: ir.Value) -> bool:
    """True if no element of `value` can be negative."""
    # None of the pending values may have negative elements. Operators that do not change signs lead from them to
    # `value`.
    pending, seen = [resolve(value)], set[ir.Value]()
    while pending:
        value = pending.pop()
        if value in seen:
            continue
        seen.add(value)
        array = constant(value)
        if array is not None:
            if not (array >= 0).all():
                return False
        elif (moved := made_by(value, *_MOVES)) is not None:
            pending.append(resolve(argument(moved, 0)))
        elif (joined := made_by(value, "Concat")) is not None:
            pending += [resolve(part) for part in joined.inputs if part is not None]
        elif (largest := made_by(value, "Max", "Clip")) is not None:
            bounds = largest.inputs if largest.op_type == "Max" else largest.inputs[1:2]
            known = (constant(bound) for bound in bounds if bound is not None)
            if not any(array is not None and bool((array >= 0).all()) for array in known):
                return False
        elif made_by(value, *_COUNTS) is None:
            return False
    return True
