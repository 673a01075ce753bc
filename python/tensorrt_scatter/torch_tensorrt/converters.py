"""Torch-TensorRT's converters of the operators `torch.ops.tensorrt_scatter.*`: each becomes one plugin's layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import tensorrt as trt
import torch
from torch.fx import Node
from torch_tensorrt.dynamo.conversion import dynamo_tensorrt_converter
from torch_tensorrt.dynamo.conversion.converter_utils import cast_trt_tensor, get_trt_tensor

from .._declarations import DIM_SIZE, Operator, Reduction, Role
from ..onnx import nodes
from ..onnx.translation import signature_of
from . import layers
from .lowering import in_plugins


def register() -> None:
    """Registers them. The overloads whose size is a tensor have none: they stay in PyTorch."""
    for name, operator, reduction in nodes.functions():
        dynamo_tensorrt_converter(
            getattr(torch.ops.tensorrt_scatter, name).default,
            capability_validator=_validator(operator),
            supports_dynamic_shapes=True,
        )(_converter(name, operator, reduction))


def _validator(operator: Operator) -> Callable[..., bool]:
    """Whether the plugin takes a node of the graph."""
    signature = signature_of(operator)

    def is_valid(node: Node, settings: Any = None) -> bool:
        given = _given(signature, node.args, node.kwargs)
        tensors = [(declared.types, given.get(declared.name)) for declared in operator.inputs]
        tensors.append((operator.inputs[0].types, given.get("out")))
        if not all(tensor is None or _is_taken(tensor, types) for types, tensor in tensors):
            return False
        size = operator.size
        if size is None or "out" in given:
            return True
        # A size that varies can be an input of the plugin only where it is the number of groups.
        return size.name in given and (size is DIM_SIZE or isinstance(given[size.name], int))

    return is_valid


def _is_taken(tensor: Any, types: tuple[str, ...]) -> bool:
    value = tensor.meta.get("val") if isinstance(tensor, Node) else tensor
    return isinstance(value, torch.Tensor) and in_plugins(value, types)


def _given(signature: inspect.Signature, args: Any, kwargs: Any) -> dict[str, Any]:
    """The arguments that are not None, by name."""
    arguments = signature.bind(*args, **kwargs)
    arguments.apply_defaults()
    return {name: value for name, value in arguments.arguments.items() if value is not None}


def _converter(name: str, operator: Operator, reduction: Reduction | None) -> Callable[..., Any]:
    signature = signature_of(operator)

    def convert(ctx: Any, target: Any, args: Any, kwargs: Any, layer_name: str) -> Any:
        given = _tensors(ctx, operator, _given(signature, args, kwargs), layer_name)
        constants = {argument: value for argument, value in given.items() if isinstance(value, (int, float, str))}
        call = nodes.call(name, operator, reduction, given, constants)
        sizes = [] if call.varying_size is None else [_vector(ctx, call.varying_size, layer_name)]
        layer = layers.add_layer(ctx.net, operator.op_type, layer_name, call.inputs, sizes, call.attributes)
        results = []
        for place, output in enumerate(operator.outputs_of(reduction)):
            result = layer.get_output(place)
            if output.is_of_some_reductions:
                # The plugin's positions are INT32. PyTorch's have the index's type.
                index = call.inputs[operator.index]
                result = cast_trt_tensor(ctx, result, index.dtype, f"{layer_name}_{output.name}")
            results.append(result)
        return results[0] if len(results) == 1 else tuple(results)

    return convert


def _tensors(ctx: Any, operator: Operator, given: Mapping[str, Any], layer_name: str) -> dict[str, Any]:
    """The arguments with the network's own tensors: constants become layers, and all indices have one type."""
    made = dict(given)
    for declared in operator.inputs:
        if declared.name in given:
            made[declared.name] = get_trt_tensor(ctx, given[declared.name], f"{layer_name}_{declared.name}")
    if "out" in given:
        made["out"] = get_trt_tensor(ctx, given["out"], f"{layer_name}_out")
    indices = [each.name for each in operator.inputs if each.role is Role.INDICES and each.name in given]
    if any(made[each].dtype == trt.int64 for each in indices):
        for each in indices:
            made[each] = cast_trt_tensor(ctx, made[each], trt.int64, f"{layer_name}_{each}")
    return made


def _vector(ctx: Any, size: Any, layer_name: str) -> Any:
    """A size as a tensor of one axis."""
    if len(size.shape) == 1:
        return size
    layer = ctx.net.add_shuffle(size)
    layer.reshape_dims = (1,)
    layer.name = f"{layer_name}_size"
    return layer.get_output(0)
