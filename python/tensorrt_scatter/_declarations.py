"""The types, the reductions and the operators, each in one row of one table.

All lists of them in this package are made from these tables: the C ABI's numbers and signatures, the ONNX schemas, the
torch operators and their fake kernels, what both of PyTorch's exporters write, and how the reference evaluator runs a
node. A new operator is a row of `OPERATORS`, its functions on arrays and in `onnx.ops`, and its formula in
`onnx.eager`. A test fails where one of these is missing.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Union

Default = Union[int, float, bool, str]


@dataclass(frozen=True)
class ElementType:
    """A type of elements."""

    name: str
    """The name that NumPy, ml_dtypes, torch, CuPy and JAX share."""
    number: int
    """trts_type."""
    bytes: int
    dlpack: tuple[int, int]
    """DLPack's code and bits."""
    onnx: str
    """The name in ONNX's type strings."""
    typestr: str | None
    """The array interface's name; None where it has none."""
    in_plugins: bool
    """Whether TensorRT has it."""

    @property
    def is_float(self) -> bool:
        """Whether it is a floating-point type."""
        return "float" in self.name

    @property
    def is_half(self) -> bool:
        """Whether it is a floating-point type of 16 bits. These are multiplied and added as float32."""
        return self.is_float and self.bytes == 2


TYPES = (
    ElementType("float32", 1, 4, (2, 32), "float", "<f4", in_plugins=True),
    ElementType("float16", 2, 2, (2, 16), "float16", "<f2", in_plugins=True),
    ElementType("bfloat16", 3, 2, (4, 16), "bfloat16", None, in_plugins=True),
    ElementType("float64", 4, 8, (2, 64), "double", "<f8", in_plugins=False),
    ElementType("int32", 5, 4, (0, 32), "int32", "<i4", in_plugins=True),
    ElementType("int64", 6, 8, (0, 64), "int64", "<i8", in_plugins=True),
)
"""The types of values."""

TYPE_OF = {each.name: each for each in TYPES}

VALUES = tuple(each.name for each in TYPES)
"""The names of the types that src, base and out may have."""

FLOATS = tuple(each.name for each in TYPES if each.is_float)
"""The names of the types that the composites take."""

INDICES = ("int32", "int64")
"""The names of the types that index, indptr and arg_out may have."""


@dataclass(frozen=True)
class Reduction:
    """A way to reduce the elements of a group to one."""

    name: str
    """torch_scatter's name."""
    number: int
    """trts_reduce."""
    has_arg: bool = False
    """Whether arg_out tells the winner's position."""
    aliases: tuple[str, ...] = ()
    """torch_scatter's other names of it."""

    @property
    def names(self) -> tuple[str, ...]:
        """All names."""
        return (self.name, *self.aliases)


SUM = Reduction("sum", 0, aliases=("add",))
MUL = Reduction("mul", 1)
MEAN = Reduction("mean", 2)
MIN = Reduction("min", 3, has_arg=True)
MAX = Reduction("max", 4, has_arg=True)

REDUCTIONS = (SUM, MUL, MEAN, MIN, MAX)
COMBINES = {"mul": 0, "add": 1}
"""The ways to combine two values, with their numbers of trts_combine."""

REDUCTION_OF = {name: reduction for reduction in REDUCTIONS for name in reduction.names}


class Base(enum.Enum):
    """What an operator does with torch_scatter's ``out``, the input ``base`` of a node."""

    NONE = "a node has no such input"
    SHAPE = "the result has its shape"
    START = "the reduction starts from it"


class Result(enum.Enum):
    """The shape of an output: the first input's, with another size on the axis that the operator works along."""

    SRC = "the first input's own size"
    GROUPS = "the number of groups"
    BOUNDS = "the number of groups and one more"
    SEGMENTS = "indptr's last size less one"
    INDEX = "index's last size"
    ROWS = "the number of rows that is given"
    SCORES = "index's last size; behind it the axes of the first input give way to one of heads"


class Role(enum.Enum):
    """What an array is for."""

    VALUES = "src and out: the values"
    INDICES = "an index, an indptr or positions; those of a call have one type"
    WEIGHTS = "factors or scores of the elements: of src's type, or float32 where src has 16-bit floats"


@dataclass(frozen=True)
class Declared:
    """An array that an operator reads or writes."""

    name: str
    types: tuple[str, ...]
    role: Role


@dataclass(frozen=True)
class Input(Declared):
    """An array that an operator reads."""

    is_optional: bool = False
    """Whether it may be left out. Such inputs come last, in operators whose nodes have no base. Behind them a node may
    have the number of groups: then the attribute `weight_input` tells whether the input before it is the weights."""

    def beside(self, src: str) -> Input:
        """The same input of a call whose src has that type, which weights depend on."""
        if self.role is not Role.WEIGHTS:
            return self
        return replace(self, types=(src, "float32") if TYPE_OF[src].is_half else (src,))


@dataclass(frozen=True)
class Output(Declared):
    """An array that an operator writes."""

    result: Result
    is_of_some_reductions: bool = False
    """Whether only some of the operator's reductions have it. Such outputs come last."""

    def shape(
        self, first: Sequence[Any], index: Sequence[Any], axis: int, given: Any, heads: int | None = None
    ) -> list[Any]:
        """The shape, with None for each size that is unknown.

        `first` is the shape of the first input, `index` that of the input at `Operator.delimiter`, `given` is the size
        from a base or an attribute, and `heads` is the attribute of that name.
        """
        axis %= len(first)
        behind = [heads] if self.result is Result.SCORES else list(first[axis + 1 :])
        return [*first[:axis], self._size(first, index, axis, given), *behind]

    def _size(self, first: Sequence[Any], index: Sequence[Any], axis: int, given: Any) -> Any:
        """The size on the axis."""
        if self.result is Result.SRC:
            return first[axis]
        if self.result in (Result.INDEX, Result.SCORES):
            return index[-1]
        if self.result is Result.SEGMENTS:
            return None if _is_symbol(index[-1]) else index[-1] - 1
        if self.result is Result.BOUNDS:
            return None if _is_symbol(given) else given + 1
        return given


def _is_symbol(size: Any) -> bool:
    """Whether a size is unknown, or known by a name alone."""
    return size is None or isinstance(size, str)


@dataclass(frozen=True)
class Attribute:
    """A number, a flag or a text that an operator takes."""

    name: str
    default: Default
    """What it is where a node leaves it out. -1 stands for "not given" in a size."""
    schema: str = ""
    """Its declaration in the schema of the torch operator; empty for what only nodes have."""
    is_size: bool = False
    """Whether it is a size, which may vary in an exported model."""


@dataclass(frozen=True)
class Operator:
    """An operator."""

    name: str
    """The C function's name after "trts_"."""
    number: int
    """trts_operator."""
    op_type: str
    """The plugin's name, and the ONNX node's."""
    function: str
    """The function's name, which is torch_scatter's if it has one; `{}` stands for a reduction, after an underscore."""
    inputs: tuple[Input, ...]
    """What it reads, in order: src unless it reads an index alone, an index or indptr, and others."""
    outputs: tuple[Output, ...]
    """What it writes, in order."""
    base: Base = Base.NONE
    attributes: tuple[Attribute, ...] = ()
    """In the order of the torch operator's arguments."""
    reductions: tuple[Reduction, ...] = ()
    """The reductions it has."""
    has_groups_output: bool = False
    """Whether a node whose number of groups is an input has a second output, from which TensorRT learns it."""

    @property
    def inputs_of_c(self) -> int:
        """How many tensors the C function reads."""
        return len(self.inputs) + (self.base is Base.START)

    def outputs_of(self, reduction: Reduction | None) -> tuple[Output, ...]:
        """What it writes for a reduction, or, in an operator that has none, for every call."""
        has_arg = reduction is not None and reduction.has_arg
        return tuple(output for output in self.outputs if has_arg or not output.is_of_some_reductions)

    @property
    def has_groups(self) -> bool:
        """Whether it has to be told a number of groups: by `dim_size`, by `dim_size_input` or by its base."""
        return DIM_SIZE in self.attributes

    @property
    def has_dim(self) -> bool:
        """Whether an argument names the axis. Otherwise it is the last one of the index or indptr."""
        return DIM in self.attributes

    @property
    def index(self) -> int:
        """The place of the index or indptr among the inputs, the first one where there are both."""
        return next(place for place, given in enumerate(self.inputs) if given.role is Role.INDICES)

    @property
    def delimiter(self) -> int:
        """The place of indptr among the inputs, or of the index where there is none. `Output.size` takes its shape."""
        return next((place for place, given in enumerate(self.inputs) if given.name == "indptr"), self.index)

    @property
    def destination(self) -> int:
        """The place of the input that names the group of each element: destination, or the index without one."""
        return next((place for place, given in enumerate(self.inputs) if given.name == "destination"), self.index)

    @property
    def size(self) -> Attribute | None:
        """The attribute that is a size of the result."""
        return next((attribute for attribute in self.attributes if attribute.is_size), None)

    def has(self, name: str) -> bool:
        """Whether it has an attribute of that name."""
        return any(attribute.name == name for attribute in self.attributes)

    def defaults(self) -> dict[str, Default]:
        """Each attribute of a node and what it is where the node leaves it out."""
        return {attribute.name: attribute.default for attribute in self.attributes}

    def reduction(self, name: str) -> Reduction:
        """The reduction of that name.

        Raises:
            ValueError: The operator does not have it.
        """
        found = REDUCTION_OF.get(name)
        if found is None or found not in self.reductions:
            given = f"reduce is {name!r}" if found is None else f"{self.name} cannot reduce by {name!r}"
            names = ", ".join(repr(each) for reduction in self.reductions for each in reduction.names)
            raise ValueError(f"{given}; expected one of {names}")
        return found

    def function_of(self, reduce: str = "") -> str:
        """The name of the function for one reduction, or, without one, for any."""
        return self.function.format(f"_{reduce}" if reduce else "")

    def functions(self) -> Iterator[str]:
        """The names of all its functions, aliases too."""
        yield self.function_of()
        for reduction in self.reductions:
            yield from map(self.function_of, reduction.names)

    def axis(self, index_rank: int, dim: int) -> int:
        """The axis of the first input that it works along, maybe counted from the end."""
        return dim if self.has_dim else index_rank - 1


DIM = Attribute("dim", -1, "int dim=-1")
DIM_SIZE = Attribute("dim_size", -1, "SymInt? dim_size=None", is_size=True)
SIZE = Attribute("size", -1, "SymInt? size=None", is_size=True)
EPS = Attribute("eps", 1e-12, "float eps=1e-12")
UNBIASED = Attribute("unbiased", 1, "bool unbiased=True")
COMBINE = Attribute("combine", "mul", 'str combine="mul"')
HEADS = Attribute("heads", 1, "int heads=1")
NEGATIVE_SLOPE = Attribute("negative_slope", 0.2, "float negative_slope=0.2")
DETERMINISTIC = Attribute("deterministic", 0, "bool deterministic=False")
# Of nodes alone.
REDUCE = Attribute("reduce", "sum")
ARG_TYPE = Attribute("arg_type", "int32")
DIM_SIZE_INPUT = Attribute("dim_size_input", 0)
WEIGHT_INPUT = Attribute("weight_input", 0)

_SRC, _FLOAT_SRC = Input("src", VALUES, Role.VALUES), Input("src", FLOATS, Role.VALUES)
_INDEX, _INDPTR = Input("index", INDICES, Role.INDICES), Input("indptr", INDICES, Role.INDICES)
_DESTINATION = Input("destination", INDICES, Role.INDICES)
_WEIGHT = Input("weight", VALUES, Role.WEIGHTS, is_optional=True)
_SCORE = Input("score", FLOATS, Role.WEIGHTS)
_OTHER = Input("other", FLOATS, Role.VALUES)
_OTHER_INDEX = Input("other_index", INDICES, Role.INDICES)
_GROUPS = (DIM_SIZE, DIM_SIZE_INPUT)
_REDUCE = (REDUCE, ARG_TYPE)
_OF_SEGMENTS = (SUM, MEAN, MIN, MAX)


def _out(result: Result) -> tuple[Output]:
    return (Output("out", VALUES, Role.VALUES, result),)


def _reduced(result: Result) -> tuple[Output, Output]:
    return (*_out(result), Output("arg_out", INDICES, Role.INDICES, result, is_of_some_reductions=True))


SCATTER = Operator(
    "scatter",
    0,
    "TRTS_Scatter",
    "scatter{}",
    (_SRC, _INDEX),
    _reduced(Result.GROUPS),
    Base.START,
    (DIM, *_GROUPS, DETERMINISTIC, *_REDUCE),
    REDUCTIONS,
)
SEGMENT_COO = Operator(
    "segment_coo",
    1,
    "TRTS_SegmentCOO",
    "segment{}_coo",
    (_SRC, _INDEX),
    _reduced(Result.GROUPS),
    Base.START,
    (*_GROUPS, *_REDUCE),
    _OF_SEGMENTS,
)
SEGMENT_CSR = Operator(
    "segment_csr",
    2,
    "TRTS_SegmentCSR",
    "segment{}_csr",
    (_SRC, _INDPTR),
    _reduced(Result.SEGMENTS),
    Base.SHAPE,
    _REDUCE,
    _OF_SEGMENTS,
)
GATHER_COO = Operator("gather_coo", 3, "TRTS_GatherCOO", "gather_coo", (_SRC, _INDEX), _out(Result.INDEX), Base.SHAPE)
GATHER_CSR = Operator(
    "gather_csr", 4, "TRTS_GatherCSR", "gather_csr", (_SRC, _INDPTR), _out(Result.ROWS), Base.SHAPE, (SIZE,)
)
SOFTMAX = Operator(
    "softmax",
    5,
    "TRTS_ScatterSoftmax",
    "scatter_softmax",
    (_FLOAT_SRC, _INDEX),
    _out(Result.SRC),
    attributes=(DIM, *_GROUPS),
    has_groups_output=True,
)
LOG_SOFTMAX = Operator(
    "log_softmax",
    6,
    "TRTS_ScatterLogSoftmax",
    "scatter_log_softmax",
    (_FLOAT_SRC, _INDEX),
    _out(Result.SRC),
    attributes=(DIM, *_GROUPS, EPS),
    has_groups_output=True,
)
LOGSUMEXP = Operator(
    "logsumexp",
    7,
    "TRTS_ScatterLogSumExp",
    "scatter_logsumexp",
    (_FLOAT_SRC, _INDEX),
    _out(Result.GROUPS),
    attributes=(DIM, *_GROUPS, EPS),
)
STD = Operator(
    "std",
    8,
    "TRTS_ScatterStd",
    "scatter_std",
    (_FLOAT_SRC, _INDEX),
    _out(Result.GROUPS),
    attributes=(DIM, *_GROUPS, UNBIASED),
)
GATHER_SEGMENT_CSR = Operator(
    "gather_segment_csr",
    9,
    "TRTS_GatherSegmentCSR",
    "gather_segment{}_csr",
    (_SRC, _INDEX, _INDPTR, _WEIGHT),
    _reduced(Result.SEGMENTS),
    attributes=_REDUCE,
    reductions=_OF_SEGMENTS,
)
GROUP_INDEX = Operator(
    "group_index",
    10,
    "TRTS_GroupIndex",
    "group_index",
    (_INDEX,),
    (Output("perm", INDICES, Role.INDICES, Result.SRC), Output("indptr", INDICES, Role.INDICES, Result.BOUNDS)),
    attributes=_GROUPS,
)
GATHER_SCATTER = Operator(
    "gather_scatter",
    11,
    "TRTS_GatherScatter",
    "gather_scatter{}",
    (_SRC, _INDEX, _DESTINATION, _WEIGHT),
    _reduced(Result.GROUPS),
    attributes=(*_GROUPS, WEIGHT_INPUT, *_REDUCE),
    reductions=_OF_SEGMENTS,
)
SOFTMAX_CSR = Operator("softmax_csr", 12, "TRTS_SoftmaxCSR", "softmax_csr", (_FLOAT_SRC, _INDPTR), _out(Result.SRC))
LOG_SOFTMAX_CSR = Operator(
    "log_softmax_csr",
    13,
    "TRTS_LogSoftmaxCSR",
    "log_softmax_csr",
    (_FLOAT_SRC, _INDPTR),
    _out(Result.SRC),
    attributes=(EPS,),
)
LOGSUMEXP_CSR = Operator(
    "logsumexp_csr",
    14,
    "TRTS_LogSumExpCSR",
    "logsumexp_csr",
    (_FLOAT_SRC, _INDPTR),
    _out(Result.SEGMENTS),
    attributes=(EPS,),
)
STD_CSR = Operator(
    "std_csr",
    15,
    "TRTS_StdCSR",
    "std_csr",
    (_FLOAT_SRC, _INDPTR),
    _out(Result.SEGMENTS),
    attributes=(UNBIASED,),
)
ATTENTION_CSR = Operator(
    "attention_csr",
    16,
    "TRTS_AttentionCSR",
    "attention_csr",
    (_FLOAT_SRC, _INDEX, _INDPTR, _SCORE),
    _out(Result.SEGMENTS),
)
GATHER_SEGMENT_COO = replace(
    GATHER_SCATTER,
    name="gather_segment_coo",
    number=17,
    op_type="TRTS_GatherSegmentCOO",
    function="gather_segment{}_coo",
)
GATHER_DOT = Operator(
    "gather_dot",
    18,
    "TRTS_GatherDot",
    "gather_dot",
    (_FLOAT_SRC, _INDEX, _OTHER, _OTHER_INDEX, _WEIGHT),
    _out(Result.SCORES),
    attributes=(COMBINE, HEADS, NEGATIVE_SLOPE),
)

OPERATORS = (
    SCATTER,
    SEGMENT_COO,
    SEGMENT_CSR,
    GATHER_COO,
    GATHER_CSR,
    SOFTMAX,
    LOG_SOFTMAX,
    LOGSUMEXP,
    STD,
    GATHER_SEGMENT_CSR,
    GROUP_INDEX,
    GATHER_SCATTER,
    SOFTMAX_CSR,
    LOG_SOFTMAX_CSR,
    LOGSUMEXP_CSR,
    STD_CSR,
    ATTENTION_CSR,
    GATHER_SEGMENT_COO,
    GATHER_DOT,
)
BY_OP_TYPE = {operator.op_type: operator for operator in OPERATORS}


def functions() -> Iterator[str]:
    """The names of the functions of all operators."""
    for operator in OPERATORS:
        yield from operator.functions()
