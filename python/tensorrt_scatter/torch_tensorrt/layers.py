"""Layers of the plugins in a network of TensorRT 10 and newer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorrt as trt

from ..onnx import nodes

_VERSION, _NAMESPACE = "1", ""
"""What every plugin of this library has."""


def add_layer(
    network: Any,
    op_type: str,
    name: str,
    inputs: Sequence[Any],
    shape_inputs: Sequence[Any],
    attributes: Mapping[str, nodes.AttributeValue],
) -> Any:
    """Adds a plugin's layer.

    Args:
        network: The network, a tensorrt.INetworkDefinition.
        op_type: The plugin's name.
        name: The layer's name, which TensorRT's messages have.
        inputs: The tensors, in the plugin's order.
        shape_inputs: The shape tensors behind them.
        attributes: The attributes of a node in ONNX.

    Raises:
        RuntimeError: TensorRT has no such plugin, or the plugin or the network refused.
    """
    plugin = _plugin(op_type, name, attributes)
    layer = network.add_plugin_v3(list(inputs), list(shape_inputs), plugin)
    if layer is None:
        raise RuntimeError(f"TensorRT refused the layer {name!r} of plugin {op_type}; its log says why")
    layer.name = name
    return layer


def _plugin(op_type: str, name: str, attributes: Mapping[str, nodes.AttributeValue]) -> Any:
    creator = trt.get_plugin_registry().get_creator(op_type, _VERSION, _NAMESPACE)
    if creator is None:
        raise RuntimeError(
            f"TensorRT's registry has no plugin {op_type}: call register_converters() in the process that builds"
        )
    # The attribute for ONNX's parser has no meaning here: the network is told which inputs are shapes.
    given = {key: value for key, value in attributes.items() if key != nodes.SHAPE_INPUTS}
    # A field does not keep its array alive.
    arrays = {key: _array(value) for key, value in given.items()}
    fields = [trt.PluginField(key, array, _field_type(given[key])) for key, array in arrays.items()]
    plugin = creator.create_plugin(name, trt.PluginFieldCollection(fields), trt.TensorRTPhase.BUILD)
    if plugin is None:
        raise RuntimeError(f"plugin {op_type} refused the attributes {given}; TensorRT's log says why")
    return plugin


def _array(value: Any) -> Any:
    if isinstance(value, str):
        return np.frombuffer(value.encode(), np.int8)
    return np.array([value], np.float32 if isinstance(value, float) else np.int32)


def _field_type(value: Any) -> Any:
    if isinstance(value, str):
        return trt.PluginFieldType.CHAR
    return trt.PluginFieldType.FLOAT32 if isinstance(value, float) else trt.PluginFieldType.INT32
