"""The operators `torch.ops.tensorrt_scatter.*`: schemas, implementations in plain PyTorch and fake kernels.

Importing this module declares them. They are functional: they do not write to `out`. torch_scatter is not needed; its
own operators have no fake kernels, so `torch.export` cannot export them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Union

import torch
from torch import Tensor

from .._declarations import DIM_SIZE, HEADS, Input, Operator, Reduction, Result, Role
from . import eager, nodes

NAMESPACE = "tensorrt_scatter"

Outputs = Union[Tensor, tuple[Tensor, ...]]

Inputs = list[Any]
"""The operator's inputs, in order: tensors, and None for each that was left out."""

# torch.library has no type hints.
_torch_library: Any = torch.library
if not hasattr(_torch_library, "register_fake"):
    raise ImportError(
        f"tensorrt_scatter.onnx needs PyTorch 2.4 or newer, and this is {torch.__version__}; the functions of "
        "tensorrt_scatter itself work with it"
    )
_library = _torch_library.Library(NAMESPACE, "DEF")


def _declare(name: str, operator: Operator, reduction: Reduction | None) -> None:
    """Declares an operator. It returns a tensor, or a tuple if it has several outputs.

    An operator with a size has a second overload, with the size's name, that takes the size as a tensor:
    torch.jit.trace records a tensor, and would freeze a number.
    """
    kernel, fake = _implementation(operator, reduction, _compute), _implementation(operator, reduction, _describe)
    count = len(operator.outputs_of(reduction))
    outputs = "Tensor" if count == 1 else f"({', '.join(['Tensor'] * count)})"
    schemas = nodes.parameters(operator)
    _define(name, f"{name}({', '.join(schemas.values())}) -> {outputs}", kernel, fake)
    if operator.size is not None:
        # A schema has no defaults before an argument without one.
        size = operator.size.name
        names = list(schemas)
        before = [schemas[argument].split("=")[0] for argument in names[: names.index(size)]]
        after = [schemas[argument] for argument in names[names.index(size) + 1 :]]
        arguments = ", ".join([*before, f"Tensor {size}", *after])
        _define(f"{name}.{size}", f"{name}.{size}({arguments}) -> {outputs}", kernel, fake)


def _define(name: str, schema: str, kernel: Callable[..., Outputs], fake: Callable[..., Outputs]) -> None:
    _library.define(schema)
    # Not implicit: exporters would replace the operator by what its kernel calls.
    _library.impl(name, kernel, "CompositeExplicitAutograd")
    _torch_library.register_fake(f"{NAMESPACE}::{name}", fake, lib=_library)


def _implementation(
    operator: Operator, reduction: Reduction | None, compute: Callable[..., tuple[Tensor, ...]]
) -> Callable[..., Outputs]:
    names = list(nodes.parameters(operator))
    defaults = operator.defaults() | {"out": None}
    defaults |= {declared.name: None for declared in operator.inputs if declared.is_optional}
    if operator.size is not None:
        defaults[operator.size.name] = None

    def implementation(*args: Any, **kwargs: Any) -> Outputs:
        given = defaults | dict(zip(names, args)) | kwargs
        inputs = [given[declared.name] for declared in operator.inputs]
        out = given["out"]
        _check(operator, inputs, out)
        axis = _axis(operator.axis(inputs[operator.index].dim(), given.get("dim", 0)), operator, inputs[0])
        constants = {
            attribute.name: given[attribute.name]
            for attribute in operator.attributes
            if attribute.schema and not attribute.is_size and attribute.name not in ("dim", "deterministic")
        }
        if reduction is not None:
            constants["reduce"] = reduction.name
        size = None if operator.size is None else given[operator.size.name]
        results = compute(operator, reduction, inputs, axis, out, size, constants)
        return results[0] if len(results) == 1 else results

    return implementation


def _compute(
    operator: Operator,
    reduction: Reduction | None,
    inputs: Inputs,
    axis: int,
    out: Tensor | None,
    size: Any,
    constants: dict[str, Any],
) -> tuple[Tensor, ...]:
    """The kernel: computes the operator's formula."""
    if operator.size is not None:
        if out is not None:
            size = out.shape[axis]
        elif size is not None:
            size = int(size)
        else:
            size = eager.size_of(inputs[operator.destination], is_index=operator.size is DIM_SIZE)
    formula: Callable[..., tuple[Tensor, ...]] = getattr(eager, operator.name)
    return formula(*inputs, axis=axis, out=out, size=size, **constants)


def _describe(
    operator: Operator,
    reduction: Reduction | None,
    inputs: Inputs,
    axis: int,
    out: Tensor | None,
    size: Any,
    constants: dict[str, Any],
) -> tuple[Tensor, ...]:
    """The fake kernel: returns tensors with the right shapes and types."""
    first, index, delimiter = inputs[0], inputs[operator.index], inputs[operator.delimiter]
    if operator.size is not None:
        if out is None and size is None:
            raise ValueError(nodes.missing_size(operator))
        if out is not None:
            size = out.shape[axis]
        elif isinstance(size, Tensor):
            # The value is unknown until the model runs.
            size = _torch_library.get_ctx().new_dynamic_size()
    made = []
    for output in operator.outputs_of(reduction):
        like = first if output.role is Role.VALUES else index
        shape = output.shape(first.shape, delimiter.shape, axis, size, constants.get(HEADS.name))
        # An output of the first input's shape has its strides too.
        made.append(torch.empty_like(first) if output.result is Result.SRC else like.new_empty(shape))
    return tuple(made)


def _check(operator: Operator, inputs: Inputs, out: Tensor | None) -> None:
    src, index = inputs[0], inputs[operator.index]
    for declared, tensor in zip(operator.inputs, inputs):
        if tensor is None:
            continue
        _check_type(declared.beside(_dtype_name(src.dtype)), tensor)
        if declared.role is Role.INDICES and tensor.dtype != index.dtype:
            raise ValueError(f"{declared.name} is {tensor.dtype}: expected index's type, {index.dtype}")
    if out is not None and out.dtype != src.dtype:
        raise ValueError(f"out is {out.dtype}: expected src's type, {src.dtype}")


def _dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _check_type(declared: Input, tensor: Tensor) -> None:
    if _dtype_name(tensor.dtype) not in declared.types:
        raise ValueError(
            f"{declared.name} is {tensor.dtype}: expected one of {', '.join(declared.types)}; convert it first, by "
            f"{declared.name}.to(torch.{declared.types[-1] if 'int' in declared.types[0] else declared.types[0]})"
        )


def _axis(dim: int, operator: Operator, first: Tensor) -> int:
    rank = first.dim()
    if not -rank <= dim < rank:
        raise IndexError(f"dim is {dim}, but {operator.inputs[0].name} has {rank} axes: expected {-rank} to {rank - 1}")
    return dim % rank


for _name, _operator, _reduction in nodes.functions():
    _declare(_name, _operator, _reduction)
