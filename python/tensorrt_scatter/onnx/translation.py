"""Translations for `torch.onnx.export(..., dynamo=True)`, the exporter over torch.export."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch

from .._declarations import Operator, Reduction

# It declares torch.ops.tensorrt_scatter.
from . import declared as _declared  # noqa: F401
from . import nodes

Translation = Callable[..., Any]


def translation_table(
    domain: str = nodes.DOMAIN, *, pytorch: bool = False, target: str | None = None
) -> dict[Callable[..., Any], Translation]:
    """The table for `torch.onnx.export(..., custom_translation_table=...)`: it turns each operator into its plugin's
    node.

    The operators are those of `tensorrt_scatter.onnx.ops`. `torch.export` cannot export torch_scatter's own operators,
    which have no fake kernels. For a model that calls these, export inside `torch_scatter_as_plugins`.

    Args:
        domain: The nodes' domain, "tensorrt_scatter" or "trt.plugins"; the latter is for ONNX Runtime's TensorRT
            execution provider.
        pytorch: Whether the table also has PyTorch's own scatters, segments and embedding bags (see docs/ONNX.md).
            Calls of these that cannot be equal to PyTorch then end the export with a message.
        target: The version of TensorRT, such as "8.6" or "10". It matters for PyTorch's own: before 10, a number of
            groups that varies becomes the shape of a base instead of an input. None stands for 10 or newer.

    Raises:
        ModuleNotFoundError: onnxscript is not installed. PyTorch's exporter needs it.
        ValueError: nodes cannot have that domain, or `target` is no version.
    """
    nodes.checked_domain(domain)
    sizes_are_inputs = nodes.takes_sizes_as_inputs(target)
    table: dict[Callable[..., Any], Translation] = {}
    if pytorch:
        from .aten import dynamo

        table |= dynamo.translations(domain, sizes_are_inputs)
    for name, operator, reduction in nodes.functions():
        packet = getattr(torch.ops.tensorrt_scatter, name)
        for overload in packet.overloads():
            table[getattr(packet, overload)] = _translation(name, operator, reduction, domain)
    return table


def _translation(name: str, operator: Operator, reduction: Reduction | None, domain: str) -> Translation:
    signature = signature_of(operator)

    def translate(*args: Any, **kwargs: Any) -> Any:
        arguments = signature.bind(*args, **kwargs)
        arguments.apply_defaults()
        given = {argument: value for argument, value in arguments.arguments.items() if value is not None}
        constants = {argument: value for argument, value in given.items() if isinstance(value, (bool, int, float, str))}
        return emit(operator, reduction, nodes.call(name, operator, reduction, given, constants), domain)

    # The exporter reads the names of the arguments from here.
    translate.__signature__ = signature  # type: ignore[attr-defined]
    translate.__annotations__ = {}
    return translate


def signature_of(operator: Operator) -> inspect.Signature:
    """The arguments of the torch operator, with their defaults."""
    return inspect.Signature(
        [
            inspect.Parameter(argument, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=_default(schema))
            for argument, schema in nodes.parameters(operator).items()
        ]
    )


def _default(schema: str) -> Any:
    _, has_default, text = schema.partition("=")
    if not has_default:
        return inspect.Parameter.empty
    constants = {"None": None, "True": True, "False": False}
    if text.startswith('"'):
        return text[1:-1]
    return constants[text] if text in constants else (int(text) if schema.startswith("int ") else float(text))


def emit(operator: Operator, reduction: Reduction | None, call: nodes.Call[Any], domain: str) -> Any:
    """Makes the node. A Cast gives arg_out the index's type, as in PyTorch."""
    import onnx_ir as ir
    from onnxscript import opset18
    from onnxscript.values import Op, Opset

    from . import schemas

    op: Any = opset18
    inputs = list(call.inputs)
    if call.varying_size is not None:
        inputs.append(op.Reshape(call.varying_size, op.Constant(value_ints=[1])))
    # The exporter makes as many outputs as the schema has. So each number of outputs needs its own schema.
    schema = schemas.schema(operator, outputs=len(operator.outputs_of(reduction)), domain=domain)
    results = Op(Opset(domain, nodes.DOMAIN_VERSION), operator.op_type, schema)(*inputs, **call.attributes)
    if reduction is None or not reduction.has_arg:
        return results
    out, arg_out = results
    if inputs[operator.index].dtype == ir.DataType.INT32:
        return out, arg_out
    return out, op.Cast(arg_out, to=ir.DataType.INT64)
