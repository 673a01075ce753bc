"""Symbolic functions for `torch.onnx.export(..., dynamo=False)`, the exporter over TorchScript."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import _C
from torch.onnx import symbolic_helper

from .._declarations import DIM, HEADS, Operator, Output, Reduction, Role
from .._settings import is_deterministic

# It declares torch.ops.tensorrt_scatter.
from . import declared as _declared  # noqa: F401
from . import nodes

Symbolic = Callable[..., Any]

_INT64 = 7  # ONNX's TensorProto.DataType.INT64; onnx itself need not be installed here.
_NEWEST_OPSET = 20
"""The newest opset for which the exporter over TorchScript has functions."""
_registered: list[tuple[str, int]] = []
"""What is registered for PyTorch's own operators: their names, each with an opset."""

_last: dict[str, Any] = {}
"""The options of the last registration of all operators."""

_NAMESPACES = ("tensorrt_scatter", "torch_scatter")


def register_symbolic(
    op_name: str | None = None,
    opset_version: int = 17,
    domain: str = nodes.DOMAIN,
    *,
    pytorch: bool = False,
    target: str | None = None,
) -> None:
    """Registers the symbolic functions: then torch_scatter's operators in a model export as the plugins' nodes.

    They are for the operators of torch_scatter (`torch.ops.torch_scatter.*`) and for those of
    `tensorrt_scatter.onnx.ops`. It may be called again.

    Args:
        op_name: A name in `SYMBOLICS`, such as "scatter_max". None stands for all of them.
        opset_version: The lowest opset version for which they are registered.
        domain: The nodes' domain, "tensorrt_scatter" or "trt.plugins"; the latter is for ONNX Runtime's TensorRT
            execution provider.
        pytorch: Whether PyTorch's own scatters, segments and embedding bags become the plugins' nodes too (see
            docs/ONNX.md). It concerns all later exports of this process, until it is called again without. Calls of
            these that cannot be equal to PyTorch then end the export with a message.
        target: The version of TensorRT, such as "8.6" or "10". It matters for PyTorch's own: before 10, a number of
            groups that varies becomes the shape of a base instead of an input. None stands for 10 or newer.

    Raises:
        ValueError: there is no operator of that name, nodes cannot have that domain, `target` is no version, or an
            `op_name` and `pytorch` are given.
    """
    nodes.checked_domain(domain)
    if pytorch and op_name is not None:
        raise ValueError(f"op_name is {op_name!r} and pytorch is True: expected one of both")
    sizes_are_inputs = nodes.takes_sizes_as_inputs(target)
    if op_name is not None and op_name not in SYMBOLICS:
        raise ValueError(f"no operator is called {op_name!r}: expected one of {', '.join(SYMBOLICS)}")
    symbolics = SYMBOLICS if domain == nodes.DOMAIN else _symbolics(domain)
    for name in SYMBOLICS if op_name is None else (op_name,):
        for namespace in _NAMESPACES:
            torch.onnx.utils.register_custom_op_symbolic(f"{namespace}::{name}", symbolics[name], opset_version)
    if op_name is None:
        _register_pytorch(domain, sizes_are_inputs, opset_version if pytorch else None)
        _last.update(opset_version=opset_version, domain=domain, pytorch=pytorch, target=target)


@contextmanager
def registered(**options: Any) -> Iterator[None]:
    """Inside it, what `register_symbolic(**options)` registers; afterwards, what was registered before."""
    before = dict(_last)
    register_symbolic(**options)
    try:
        yield
    finally:
        register_symbolic(**before)


def _register_pytorch(domain: str, sizes_are_inputs: bool, opset_version: int | None) -> None:
    """Registers the symbolic functions of PyTorch's own operators, or takes them back where the version is None."""
    for name, version in _registered:
        torch.onnx.utils.unregister_custom_op_symbolic(name, version)
    _registered.clear()
    if opset_version is None:
        return
    from .aten import torchscript

    for name, function in torchscript.symbolics(domain, sizes_are_inputs).items():
        # PyTorch's own function of a newer opset would win over one of an older opset.
        for version in range(opset_version, _NEWEST_OPSET + 1):
            torch.onnx.utils.register_custom_op_symbolic(name, function, version)
            _registered.append((name, version))


def _symbolic(name: str, operator: Operator, reduction: Reduction | None, domain: str) -> Symbolic:
    schemas = nodes.parameters(operator)

    def symbolic(g: Any, *values: _C.Value) -> Any:
        # torch_scatter's own operators have fewer arguments.
        given = {argument: value for argument, value in zip(schemas, values) if not symbolic_helper._is_none(value)}
        constants = _constants(operator, given)
        if "deterministic" in schemas and "deterministic" not in given:
            constants["deterministic"] = is_deterministic()
        return emit(g, operator, reduction, nodes.call(name, operator, reduction, given, constants), domain)

    return symbolic


def _constants(operator: Operator, given: dict[str, _C.Value]) -> dict[str, Any]:
    helper: Any = symbolic_helper
    constants: dict[str, Any] = {}
    for attribute in operator.attributes:
        value = given.get(attribute.name)
        if value is None:
            continue
        if attribute.is_size:
            size = _static(value)
            if size is not None:
                constants[attribute.name] = size
        else:
            # The helper wants "f" for a float, "s" for a text, and "i" for an integer or a flag.
            kind = suffix(attribute.default)
            constants[attribute.name] = helper._get_const(value, kind, attribute.name)
    return constants


def emit(g: Any, operator: Operator, reduction: Reduction | None, call: nodes.Call[_C.Value], domain: str) -> Any:
    """Adds the node and sets the types of its outputs. A Cast gives arg_out the index's type, as in PyTorch."""
    inputs = list(call.inputs)
    if call.varying_size is not None:
        inputs.append(g.op("Reshape", call.varying_size, g.op("Constant", value_t=torch.tensor([1]))))
    outputs = operator.outputs_of(reduction)
    attributes = {f"{name}_{suffix(value)}": value for name, value in call.attributes.items()}
    made = g.op(f"{domain}::{operator.op_type}", *inputs, outputs=len(outputs), **attributes)
    results = [made] if len(outputs) == 1 else list(made)
    index_type = inputs[operator.index].type()
    for place, output in enumerate(outputs):
        sizes = _sizes_of(output, operator, call)
        like = inputs[0].type() if output.role is Role.VALUES else index_type
        if not output.is_of_some_reductions:
            _typed(results[place], like, sizes)
            continue
        _typed(results[place], index_type.with_dtype(torch.int32), sizes)
        if index_type.dtype() != torch.int32:
            results[place] = _typed(g.op("Cast", results[place], to_i=_INT64), index_type, sizes)
    return results[0] if len(results) == 1 else tuple(results)


def suffix(value: nodes.AttributeValue) -> str:
    """The suffix by which torch.onnx knows the type of an attribute."""
    return "s" if isinstance(value, str) else "f" if isinstance(value, float) else "i"


def _sizes_of(output: Output, operator: Operator, call: nodes.Call[_C.Value]) -> list[int | None] | None:
    """The sizes of an output, with None for an unknown size; None if its rank is unknown."""
    first, index = sizes_of(call.inputs[0]), sizes_of(call.inputs[operator.delimiter])
    dim = call.attributes.get(DIM.name, DIM.default)
    if first is None or not isinstance(dim, int) or (index is None and not operator.has_dim):
        return None
    axis = operator.axis(len(index or ()), dim)
    given = None if operator.size is None else call.attributes.get(operator.size.name)
    if len(call.inputs) > len(operator.inputs):
        base = sizes_of(call.inputs[-1])
        given = None if base is None else base[axis]
    heads = call.attributes.get(HEADS.name, HEADS.default)
    return output.shape(first, index or (None,), axis, given, heads if isinstance(heads, int) else None)


def _typed(value: _C.Value, like: Any, sizes: list[int | None] | None) -> _C.Value:
    """Gives `value` the element type of `like` and the sizes. None stands for an unknown size."""
    if sizes is not None and isinstance(like, _C.TensorType):
        value.setType(like.with_sizes(sizes))
    return value


def sizes_of(value: _C.Value) -> list[int | None] | None:
    sizes = symbolic_helper._get_tensor_sizes(value)
    return None if sizes is None else list(sizes)


def _static(value: _C.Value) -> int | None:
    """The constant number that `value` is, or None. The size of an axis that does not vary is constant too."""
    number = symbolic_helper._maybe_get_const(value, "i")
    if isinstance(number, int):
        return number
    node = value.node()
    if node.kind() != "onnx::Gather":
        return None
    shape, axis = node.inputs()
    position = symbolic_helper._maybe_get_const(axis, "i")
    if shape.node().kind() != "onnx::Shape" or not isinstance(position, int):
        return None
    sizes = sizes_of(next(iter(shape.node().inputs())))
    return None if sizes is None else sizes[position]


def _symbolics(domain: str) -> dict[str, Symbolic]:
    return {name: _symbolic(name, operator, reduction, domain) for name, operator, reduction in nodes.functions()}


SYMBOLICS: dict[str, Symbolic] = _symbolics(nodes.DOMAIN)
"""The symbolic function of each operator, by the operator's name."""
