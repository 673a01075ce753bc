"""What can be said of a model's values without running it; None or False where nothing can be said."""

from __future__ import annotations

from typing import Any, Union

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

Dim = Union[int, str, None]
"""A size: a number, a symbol that stands for the same number wherever it is, or not known."""

# Operators whose result holds only values of their first input.
_MOVES = {"Cast", "Expand", "Flatten", "Gather", "Reshape", "Slice", "Squeeze", "Tile", "Transpose", "Unsqueeze"}
# Operators whose result is never negative.
_COUNTS = {"Abs", "ArgMax", "ArgMin", "NonZero", "Shape", "Size"}


def resolve(value: ir.Value) -> ir.Value:
    """The value that `value` is, seen through Identity."""
    while (producer := made_by(value, "Identity")) is not None:
        value = argument(producer, 0)
    return value


def made_by(value: ir.Value | None, *op_types: str) -> ir.Node | None:
    """The node that makes `value`, where it is of one of the types of ONNX's own domain."""
    producer = None if value is None else value.producer()
    if producer is not None and producer.domain == "" and producer.op_type in op_types:
        return producer
    return None


def argument(node: ir.Node, position: int) -> ir.Value:
    """A node's input that cannot be missing."""
    value = node.inputs[position] if position < len(node.inputs) else None
    if value is None:
        raise ValueError(f"input {position} of {node.op_type} {node.name!r} is missing: the model is not valid ONNX")
    return value


def dims(value: ir.Value) -> list[Dim] | None:
    """The sizes of `value`."""
    if value.shape is None:
        return None
    return [size if isinstance(size, int) else size.value for size in value.shape]


def same(one: Dim, other: Dim) -> bool:
    """Whether two sizes are certainly the same."""
    return one is not None and one == other


def constant(value: ir.Value) -> NDArray[Any] | None:
    """The array that `value` always is: of an initializer that is no input, or of a Constant."""
    value = resolve(value)
    if value.const_value is not None and not value.is_graph_input():
        return value.const_value.numpy()
    node = made_by(value, "Constant")
    if node is None:
        return None
    # Not by ir.convenience.get_const_tensor, which renames the tensor in the model that was given.
    kind, attribute = next(iter(node.attributes.items()))
    if kind == "value":
        return attribute.as_tensor().numpy()
    types = {"value_int": np.int64, "value_ints": np.int64, "value_float": np.float32, "value_floats": np.float32}
    return np.array(attribute.value, types[kind]) if kind in types else None


def fill(value: ir.Value) -> float | int | None:
    """The number that every element of `value` is; -0 counts as none."""
    value = resolve(value)
    producer = made_by(value, "ConstantOfShape", "Expand")
    if producer is not None and producer.op_type == "Expand":
        return fill(argument(producer, 0))
    if producer is not None:
        attribute = producer.attributes.get("value")
        array: NDArray[Any] | None = np.zeros(1) if attribute is None else attribute.as_tensor().numpy()
    else:
        array = constant(value)
    if array is None or array.size == 0 or (array != array.flat[0]).any() or np.signbit(array).any():
        return None
    number: float | int = array.flat[0].item()
    return number


def never_negative(value: ir.Value) -> bool:
    """Whether no element of `value` can be negative."""
    value = resolve(value)
    array = constant(value)
    if array is not None:
        return bool((array >= 0).all())
    if made_by(value, *_COUNTS) is not None:
        return True
    if (moved := made_by(value, *_MOVES)) is not None:
        return never_negative(argument(moved, 0))
    if (joined := made_by(value, "Concat")) is not None:
        return all(part is not None and never_negative(part) for part in joined.inputs)
    if (largest := made_by(value, "Max", "Clip")) is not None:
        bounds = largest.inputs if largest.op_type == "Max" else largest.inputs[1:2]
        return any(bound is not None and never_negative(bound) for bound in bounds)
    return False


def truth(value: ir.Value) -> bool | None:
    """Whether `value`, a condition, is always true or always false. PyTorch's exporter asks for ranks that way."""
    array = constant(value)
    if array is not None:
        return bool(array.reshape(()))
    comparison = made_by(resolve(value), "Equal")
    if comparison is None:
        return None
    one, other = (_number(argument(comparison, position)) for position in (0, 1))
    return None if one is None or other is None else one == other


def _number(value: ir.Value) -> int | None:
    array = constant(value)
    if array is not None:
        return int(array.reshape(())) if array.size == 1 else None
    size = made_by(resolve(value), "Size")
    shape = made_by(argument(size, 0), "Shape") if size is not None else None
    # With a start or an end, Shape leaves axes out.
    if shape is None or shape.attributes:
        return None
    sizes = dims(argument(shape, 0))
    return None if sizes is None else len(sizes)
