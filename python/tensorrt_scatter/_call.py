"""The steps of a call, the same for every operator: view the arrays, allocate the results, call the C ABI."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

from ._arrays import Arrays, View, arrays_of
from ._c_abi import CPU, QUERY_WORKSPACE_BYTES, Options, Requirements, Target, Tensor
from ._declarations import GATHER_CSR, Base, Operator, Reduction, Result, Role
from ._errors import BadIndexError, check
from ._library import loaded


def reduced(operator: Operator, inputs: Mapping[str, Any], out: Any, reduce: str, **options: Any) -> tuple[Any, ...]:
    """Runs an operator that reduces. Returns out, and arg_out if the reduction has it.

    Raises:
        ValueError: the operator does not have the reduction, or an argument does not fit.
        BadIndexError: an index is out of range, or is not sorted although it must be.
    """
    reduction = operator.reduction(reduce)
    return _run(operator, inputs, out, reduction, Options.of(reduce=reduction.number, **options))


def called(operator: Operator, inputs: Mapping[str, Any], out: Any = None, **options: Any) -> Any:
    """Runs an operator that does not reduce. Returns its result, or a tuple of them if it has several.

    Raises:
        ValueError: an argument does not fit.
        BadIndexError: an index is out of range, or is not sorted although it must be.
    """
    results = _run(operator, inputs, out, None, Options.of(**options))
    return results[0] if len(results) == 1 else results


def _run(
    operator: Operator, inputs: Mapping[str, Any], out: Any, reduction: Reduction | None, options: Options
) -> tuple[Any, ...]:
    arrays = arrays_of({**inputs, "out": out})
    if out is not None:
        # out decides on the number of groups and dim_size does not count, as in torch_scatter.
        options.dim_size = -1
    with arrays.on_device():
        call = _Call(arrays, operator, inputs, out, reduction, options)
        try:
            return call.run(call.query())
        except BadIndexError as error:
            raise error.of(operator) from None


class _Call:
    def __init__(
        self,
        arrays: Arrays,
        operator: Operator,
        inputs: Mapping[str, Any],
        out: Any,
        reduction: Reduction | None,
        options: Options,
    ) -> None:
        self.library = loaded()
        self.arrays, self.operator, self.reduction, self.options = arrays, operator, reduction, options
        self.inputs, self.out = inputs, out
        declared, *others = operator.inputs
        self.first = first = arrays.view(declared, inputs[declared.name])
        # None stands for an input that was left out.
        self.views: list[View | None] = [first]
        for declared in others:
            array = inputs[declared.name]
            self.views.append(None if array is None else arrays.view(declared.beside(first.dtype), array))
        self.out_view = None if out is None else arrays.view(operator.outputs[0], out)
        if self.out_view is not None and self.out_view.dtype != first.dtype:
            raise ValueError(f"out has dtype {self.out_view.dtype}; expected src's, {first.dtype}")
        # If out is not row-major, the result goes to a new array and is copied to out.
        self.in_place = self.out_view is not None and self.out_view.is_array
        self.target = Target.of(arrays.device, arrays.stream)
        self.workspace: View | None = None

    def query(self) -> Requirements:
        """Finds the shape of the result. Writes the number of groups into the options; it may come from the index."""
        views = list(self.views)
        needs_out = self.operator.base is Base.START or self.operator is GATHER_CSR
        if needs_out:
            views.append(self.out_view)
        elif self.out_view is not None and self.operator.has_groups:
            self.options.dim_size = self.groups_of(self.out_view)
        if self.options.dim_size == -1 and not (needs_out and self.out_view is not None):
            self.reserve(QUERY_WORKSPACE_BYTES)
        required = Requirements.empty()
        # A null pointer, as ctypes makes of None, stands for an input that was left out.
        pointers: Any = ctypes.POINTER(Tensor) * len(views)
        tensors = pointers(*map(_tensor, views))
        number, count = self.operator.number, len(views)
        status = self.library.trts_query_inputs(number, tensors, count, self.options, self.target, required)
        check(self.library, status)
        self.options.dim_size = required.dim_size
        return required

    def groups_of(self, out: View) -> int:
        """The number of groups that an out has; -1 where it has no such axis."""
        index = self.views[self.operator.index]
        axis = self.operator.axis(0 if index is None else len(index.shape), self.options.dim)
        return out.shape[axis] if 0 <= axis < len(out.shape) else -1

    def run(self, required: Requirements) -> tuple[Any, ...]:
        """Computes the results."""
        if self.out_view is not None and self.out_view.shape != required.shape:
            raise ValueError(f"out has shape {self.out_view.shape}, but the result has shape {required.shape}")
        self.reserve(required.workspace_bytes)
        names = [declared.name for declared in self.operator.inputs]
        first, index = self.inputs[names[0]], self.inputs[names[self.operator.index]]
        outputs = self.operator.outputs_of(self.reduction)
        results: list[Any] = []
        for output in outputs:
            if self.in_place and not results:
                results.append(self.out)
                continue
            shape = self.first.shape if output.result is Result.SRC else required.shape
            results.append(self.arrays.empty(shape, first if output.role is Role.VALUES else index))

        read: list[Any] = [_tensor(view) for view in self.views]
        if self.operator.base is Base.START:
            read.append(_tensor(self.out_view))
        views = [self.arrays.view(*pair) for pair in zip(outputs, results)]
        written = [_tensor(view) for view in views]
        written += [None] * (len(self.operator.outputs) - len(written))
        function = getattr(self.library, f"trts_{self.operator.name}")
        check(self.library, function(*read, self.options, *written, self.target))

        if self.in_place:
            results[0] = self.arrays.written(self.out)
        elif self.out is not None:
            results[0] = self.arrays.store(self.out, results[0])
        return tuple(map(self.arrays.finish, results))

    def reserve(self, count: int) -> None:
        """Gives the target a workspace of at least `count` bytes if it is a CUDA device."""
        if self.target.device == CPU or count <= self.target.workspace_bytes:
            return
        self.workspace = self.arrays.scratch(count)
        self.target.workspace, self.target.workspace_bytes = self.workspace.address, count


def _tensor(view: View | None) -> ctypes._Pointer[Tensor] | None:
    return None if view is None else ctypes.pointer(Tensor.of(view.address, view.dtype, view.shape))
