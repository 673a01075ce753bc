"""A recorder in the place of TensorRT's builder, which needs a GPU: it keeps the layers that converters add.

The registry of plugins, their creators, the plugins and their fields are TensorRT's own. Only the network is not, and
it computes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import tensorrt as trt


class Tensor(trt.ITensor):  # type: ignore[misc]
    """A tensor of the recorded network. TensorRT's class has no constructor for Python.

    Each attribute stands in the place of TensorRT's own, which would read a tensor that is not there.
    """

    name: str = ""
    shape: tuple[int, ...] = ()
    dtype: Any = None

    @classmethod
    def of(cls, name: str, shape: Any, dtype: Any) -> Tensor:
        """A tensor with these."""
        tensor: Tensor = cls.__new__(cls)
        tensor.name, tensor.shape, tensor.dtype = name, tuple(shape), dtype
        return tensor


@dataclass
class Layer:
    """A recorded layer."""

    type: trt.LayerType
    inputs: list[Any]
    outputs: list[Tensor]
    shape_inputs: list[Any] = field(default_factory=list)
    name: str = ""
    plugin: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)

    def get_output(self, place: int) -> Tensor:
        """The output."""
        return self.outputs[place]


class Network:
    """A network that keeps its layers. It has the methods that the tests' graphs need, and no others."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.layers: list[Layer] = []
        self.outputs: list[Tensor] = []

    @property
    def plugins(self) -> list[Layer]:
        """The layers of plugins."""
        return [layer for layer in self.layers if layer.type == trt.LayerType.PLUGIN_V3]

    def add_input(self, name: str, shape: Any, dtype: Any) -> Tensor:
        return Tensor.of(name, shape, dtype)

    def mark_output(self, tensor: Tensor) -> None:
        self.outputs.append(tensor)

    def add_plugin_v3(self, inputs: list[Tensor], shape_inputs: list[Tensor], plugin: Any) -> Layer:
        core, build = map(
            plugin.get_capability_interface, (trt.PluginCapabilityType.CORE, trt.PluginCapabilityType.BUILD)
        )
        attributes = self.builder.fields
        # The second output of a reduction has positions.
        behind = trt.int32 if "arg_type" in attributes else inputs[0].dtype
        outputs = [
            self._tensor(inputs[0].shape, behind if place else inputs[0].dtype) for place in range(build.num_outputs)
        ]
        layer = Layer(
            trt.LayerType.PLUGIN_V3, inputs, outputs, shape_inputs, plugin=core.plugin_name, attributes=attributes
        )
        return self._keep(layer)

    def add_cast(self, tensor: Tensor, dtype: Any) -> Layer:
        return self._keep(Layer(trt.LayerType.CAST, [tensor], [self._tensor(tensor.shape, dtype)]))

    def add_constant(self, shape: Any, weights: Any) -> Layer:
        return self._keep(Layer(trt.LayerType.CONSTANT, [], [self._tensor(shape, weights.dtype)]))

    def add_shape(self, tensor: Tensor) -> Layer:
        return self._keep(Layer(trt.LayerType.SHAPE, [tensor], [self._tensor((len(tensor.shape),), trt.int64)]))

    def add_gather(self, tensor: Tensor, indices: Tensor, axis: int) -> Layer:
        return self._keep(Layer(trt.LayerType.GATHER, [tensor, indices], [self._tensor(indices.shape, tensor.dtype)]))

    def add_shuffle(self, tensor: Tensor) -> Layer:
        return self._keep(Layer(trt.LayerType.SHUFFLE, [tensor], [self._tensor((1,), tensor.dtype)]))

    def _keep(self, layer: Layer) -> Layer:
        self.layers.append(layer)
        return layer

    def _tensor(self, shape: Any, dtype: Any) -> Tensor:
        return Tensor.of(f"tensor {len(self.layers)}", shape, dtype)


class Builder:
    """In the place of tensorrt.Builder."""

    def __init__(self, logger: Any) -> None:
        self.fields: dict[str, Any] = {}

    def create_network(self, flags: int) -> Network:
        return Network(self)

    def create_optimization_profile(self) -> Any:
        return SimpleNamespace(set_shape=lambda *shapes: None, set_shape_input=lambda *shapes: None)


def record(patch: pytest.MonkeyPatch) -> None:
    """Puts the recorder in the place of the builder. Of a plugin's fields it keeps names and values."""
    builder = Builder(None)
    collection = trt.PluginFieldCollection

    def kept(fields: list[Any]) -> Any:
        builder.fields = {each.name: _value(each) for each in fields}
        return collection(fields)

    patch.setattr(trt, "Builder", lambda logger: builder)
    patch.setattr(trt, "PluginFieldCollection", kept)


def _value(given: Any) -> Any:
    if given.type == trt.PluginFieldType.CHAR:
        return bytes(given.data).decode()
    (number,) = given.data
    assert given.type == (trt.PluginFieldType.INT32 if isinstance(number.item(), int) else trt.PluginFieldType.FLOAT32)
    return number.item()
