"""What the formulas need of an exporter: nodes, constants, and what is known of a value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Union

from ..._declarations import TYPE_OF
from ..._settings import is_deterministic

Size = Union[int, str, None]
"""A size of an axis: a number, the name of one that varies, or None where nothing is known of it."""

LAST = 2**63 - 1
"""Where a Slice ends that goes to the end of an axis."""

_WIDENED = {"bool": "int32", "uint8": "int32", "int8": "int32", "int16": "int32"}
"""Types that the plugins do not have, and the type in which such values are reduced to the same."""


class Graph(ABC):
    """The ONNX graph that an exporter makes. A value is the exporter's own.

    The types and sizes of an operator's arguments are known, those of new nodes are not.
    """

    def __init__(self, sizes_are_inputs: bool) -> None:
        self.sizes_are_inputs = sizes_are_inputs
        """Whether a number of groups that varies may be an input of a node."""

    @abstractmethod
    def op(self, op_type: str, *inputs: Any, **attributes: Any) -> Any:
        """The output of a new node of ONNX."""

    @abstractmethod
    def plugin(self, name: str, constants: dict[str, Any], **given: Any) -> tuple[Any, ...]:
        """The outputs of a new node for an operator of torch.ops.tensorrt_scatter, by its name and arguments."""

    @abstractmethod
    def constant(self, values: Any, dtype: str = "int64") -> Any:
        """A constant tensor: of rank 0 for a number, of rank 1 for a list."""

    @abstractmethod
    def filled(self, shape: Any, number: float, dtype: str) -> Any:
        """A tensor of a shape, which is a value, filled with a number."""

    @abstractmethod
    def sizes_of(self, value: Any) -> Sequence[Size] | None:
        """What is known of a value's shape; None if not even the rank is."""

    @abstractmethod
    def dtype_of(self, value: Any) -> str:
        """torch's name of a value's type, such as "float32"."""

    @abstractmethod
    def filling_of(self, value: Any) -> float | None:
        """The number that all elements of a value are, if the graph shows one."""

    def sizes(self, value: Any, call: str) -> list[Size]:
        """What is known of the shape of an argument of `call`.

        Raises:
            ValueError: its rank is unknown.
        """
        sizes = self.sizes_of(value)
        if sizes is None:
            raise ValueError(f"{call}: the rank of {value} is unknown; give the model tensors of a known rank")
        return list(sizes)

    def cast(self, value: Any, dtype: str, wanted: str) -> Any:
        """A value of type `dtype` in the type that is wanted."""
        return value if dtype == wanted else self.op("Cast", value, to=ONNX_TYPES[wanted])

    def shape(self, value: Any, first: int = 0, last: int = LAST) -> Any:
        """The sizes of some axes as a value. TensorRT 8 reads no start and end of a Shape, so a Slice follows."""
        shape = self.op("Shape", value)
        return shape if (first, last) == (0, LAST) else self.slice(shape, [first], [last], [0])

    def slice(self, value: Any, starts: Any, ends: Any, axes: list[int]) -> Any:
        """A part of a value. The bounds are lists or values."""
        bounds = [self.constant(each) if isinstance(each, list) else each for each in (starts, ends)]
        return self.op("Slice", value, *bounds, self.constant(axes))

    def concat(self, values: Sequence[Any], axis: int) -> Any:
        """Values behind each other; a list stands for a constant."""
        parts = [self.constant(each) if isinstance(each, list) else each for each in values]
        return self.op("Concat", *parts, axis=axis)

    def reshape(self, value: Any, shape: Any) -> Any:
        """The value in another shape, which is a list or a value."""
        return self.op("Reshape", value, self.constant(shape) if isinstance(shape, list) else shape)

    def vector(self, value: Any, rank: int) -> Any:
        """A value of rank 0 as one of rank 1; others as they are."""
        return value if rank else self.reshape(value, [-1])

    def scatter(self, how: str, src: Any, index: Any, dim: int, **given: Any) -> tuple[Any, ...]:
        """`scatter_sum` and so on. `given` has out, or dim_size as a number or as a value."""
        constants: dict[str, Any] = {"dim": dim, "deterministic": is_deterministic()}
        if isinstance(given.get("dim_size"), int):
            constants["dim_size"] = given["dim_size"]
        return self.plugin(f"scatter_{how}", constants, src=src, index=index, **given)


ONNX_TYPES = {
    "float32": 1,
    "uint8": 2,
    "int8": 3,
    "int16": 5,
    "int32": 6,
    "int64": 7,
    "bool": 9,
    "float16": 10,
    "float64": 11,
    "bfloat16": 16,
}
"""The number of each type in ONNX's TensorProto.DataType, by torch's name."""


def computed_in(dtype: str, call: str) -> str:
    """The type in which values of `dtype` are reduced.

    Raises:
        ValueError: the plugins cannot reduce such values.
    """
    if dtype in TYPE_OF:
        return dtype
    if dtype not in _WIDENED:
        raise ValueError(f"{call}: src is {dtype}: expected one of {', '.join(TYPE_OF)}; convert it first")
    return _WIDENED[dtype]


def same(first: Size, second: Size) -> bool:
    """Whether two sizes are certainly equal."""
    return first is not None and first == second


def all_same(first: Sequence[Size], second: Sequence[Size]) -> bool:
    """Whether two shapes are certainly equal."""
    return len(first) == len(second) and all(same(*pair) for pair in zip(first, second))


def filling(numbers: Any) -> float | None:
    """The number that all elements of an array or a tensor are; None if they differ."""
    flat = numbers.reshape(-1)
    return float(flat[0]) if len(flat) and (flat == flat[0]).all() else None
