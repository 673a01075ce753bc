"""What every operator does with arrays: look at them, make room for the result, call the C ABI."""

from __future__ import annotations

import ctypes
import enum
from typing import Any, TypeVar

from ._arrays import Arrays, View, arrays_of
from ._c_abi import CPU, QUERY_WORKSPACE_BYTES, REDUCES, Options, Requirements, Target, Tensor
from ._errors import check
from ._library import loaded

A = TypeVar("A")

_INDEX_TYPES = ("int32", "int64")
_ARG_REDUCES = frozenset({REDUCES["min"], REDUCES["max"]})


class Operator(enum.Enum):
    """trts_operator, and what the operator takes."""

    SCATTER = 0
    SEGMENT_COO = 1
    SEGMENT_CSR = 2
    GATHER_COO = 3
    GATHER_CSR = 4
    SOFTMAX = 5
    LOG_SOFTMAX = 6
    LOGSUMEXP = 7
    STD = 8

    @property
    def starts_from_out(self) -> bool:
        """Whether ``out`` is read too."""
        return self in (Operator.SCATTER, Operator.SEGMENT_COO)

    @property
    def index_name(self) -> str:
        """The parameter that says which elements belong together."""
        return "indptr" if self in (Operator.SEGMENT_CSR, Operator.GATHER_CSR) else "index"


def reduce_arrays(operator: Operator, src: A, index: Any, out: A | None, options: Options) -> tuple[A, Any]:
    """Runs scatter, segment_coo or segment_csr: the result, and arg_out for min and max."""
    return _run(operator, src, index, out, options)


def map_arrays(operator: Operator, src: A, index: Any, out: A | None, options: Options) -> A:
    """Runs an operator that has no arg_out."""
    result: A = _run(operator, src, index, out, options)[0]
    return result


def _run(operator: Operator, src: Any, index: Any, out: Any, options: Options) -> tuple[Any, Any]:
    arrays = arrays_of({"src": src, operator.index_name: index, "out": out})
    with arrays.on_device():
        call = _Call(arrays, operator, src, index, out, options)
        required = call.query()
        return call.run(required)


class _Call:
    def __init__(self, arrays: Arrays, operator: Operator, src: Any, index: Any, out: Any, options: Options) -> None:
        self.library = loaded()
        self.arrays, self.operator, self.options = arrays, operator, options
        self.src, self.index, self.out = src, index, out
        self.src_view = arrays.view("src", src)
        self.index_view = arrays.view(operator.index_name, index)
        if self.index_view.dtype not in _INDEX_TYPES:
            raise ValueError(
                f"{operator.index_name} has dtype {self.index_view.dtype}; expected {' or '.join(_INDEX_TYPES)}"
            )
        self.out_view = None if out is None else arrays.view("out", out)
        if self.out_view is not None and self.out_view.dtype != self.src_view.dtype:
            raise ValueError(f"out has dtype {self.out_view.dtype}; expected src's, {self.src_view.dtype}")
        # Where out cannot be written to as it is, another array takes the result.
        self.in_place = self.out_view is not None and self.out_view.is_array
        self.target = Target.of(arrays.device, arrays.stream)
        self.workspace: View | None = None

    def query(self) -> Requirements:
        """The result's shape. The number of groups, which may have been read from the index, goes to the options."""
        needs_out = self.operator.starts_from_out or self.operator is Operator.GATHER_CSR
        out = _tensor(self.out_view) if needs_out else None
        if self.options.dim_size == -1 and out is None:
            self.reserve(QUERY_WORKSPACE_BYTES)
        required = Requirements.empty()
        status = self.library.trts_query(
            self.operator.value,
            _tensor(self.src_view),
            _tensor(self.index_view),
            out,
            self.options,
            self.target,
            required,
        )
        check(self.library, status)
        self.options.dim_size = required.dim_size
        return required

    def run(self, required: Requirements) -> tuple[Any, Any]:
        """The result and arg_out."""
        if self.out_view is not None and self.out_view.shape != required.shape:
            raise ValueError(f"out has shape {self.out_view.shape}, but the result has shape {required.shape}")
        self.reserve(required.workspace_bytes)
        result = self.out if self.in_place else self.arrays.empty(required.shape, self.src)
        has_arg = self.options.reduce in _ARG_REDUCES
        arg_out = self.arrays.empty(required.shape, self.index) if has_arg else None

        arguments: list[Any] = [_tensor(self.src_view), _tensor(self.index_view)]
        if self.operator.starts_from_out:
            arguments.append(_tensor(self.out_view))
        arguments += [self.options, _tensor(self.arrays.view("out", result))]
        if self.operator.value <= Operator.SEGMENT_CSR.value:
            arguments.append(None if arg_out is None else _tensor(self.arrays.view("arg_out", arg_out)))
        function = getattr(self.library, f"trts_{self.operator.name.lower()}")
        check(self.library, function(*arguments, self.target))

        if self.in_place:
            result = self.arrays.written(self.out)
        elif self.out is not None:
            result = self.arrays.store(self.out, result)
        return self.arrays.finish(result), None if arg_out is None else self.arrays.finish(arg_out)

    def reserve(self, count: int) -> None:
        """Makes sure that the target has a workspace of so many bytes, where it is a device."""
        if self.target.device == CPU or count <= self.target.workspace_bytes:
            return
        self.workspace = self.arrays.scratch(count)
        self.target.workspace, self.target.workspace_bytes = self.workspace.address, count


def _tensor(view: View | None) -> ctypes._Pointer[Tensor] | None:
    return None if view is None else ctypes.pointer(Tensor.of(view.address, view.dtype, view.shape))
