"""Exports by either exporter, and runs of the exported models."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor

from tensorrt_scatter.onnx import reference, register_symbolic, translation_table

EXPORTERS = ("torchscript", "dynamo")


class Calling(torch.nn.Module):
    """A module that calls a function."""

    def __init__(self, call: Callable[..., Any]) -> None:
        super().__init__()
        self.call = call

    def forward(self, *inputs: Tensor) -> Any:
        return self.call(*inputs)


def export(
    exporter: str,
    call: Callable[..., Any],
    inputs: dict[str, Tensor],
    dynamic: dict[str, dict[int, str]] | None = None,
    opset: int | None = None,
    **options: Any,
) -> onnx.ModelProto:
    """Exports `call` of the tensors in `inputs`, in their order. `dynamic` has the names of axes that vary.

    `options` are those of register_symbolic and translation_table.
    """
    dynamic = dynamic or {name: {} for name in inputs}
    module = call if isinstance(call, torch.nn.Module) else Calling(call)
    names = list(inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if exporter == "torchscript":
            register_symbolic(**options)
            file = io.BytesIO()
            torch.onnx.export(
                module,
                tuple(inputs.values()),
                file,
                dynamo=False,
                opset_version=opset or 17,
                input_names=names,
                dynamic_axes=dynamic,
            )
            return onnx.load_from_string(file.getvalue())
        dims = {name: torch.export.Dim.DYNAMIC for axes in dynamic.values() for name in axes.values()}
        shapes = tuple({axis: dims[name] for axis, name in dynamic[key].items()} for key in names)
        program = torch.onnx.export(
            module,
            tuple(inputs.values()),
            dynamo=True,
            verbose=False,
            input_names=names,
            opset_version=opset,
            dynamic_shapes=shapes if isinstance(call, torch.nn.Module) else (shapes,),
            custom_translation_table=translation_table(**options),
        )
        assert program is not None
        return program.model_proto


def run(model: onnx.ModelProto, inputs: dict[str, Tensor], operators: Any) -> list[NDArray[Any]]:
    """The model's outputs, computed by onnx's reference evaluator."""
    known = {value.name for value in model.graph.input}
    feeds = {name: tensor.numpy() for name, tensor in inputs.items() if name in known}
    return list(reference.evaluator(model, operators).run(None, feeds))


def assert_same(results: list[NDArray[Any]], expected: Any, exact: bool = True) -> None:
    """Compares a model's outputs with what PyTorch computed."""
    expected = [expected] if isinstance(expected, Tensor) else list(expected)
    assert len(results) == len(expected)
    for result, tensor in zip(results, expected, strict=True):
        wanted = tensor.numpy()
        assert result.dtype == wanted.dtype and result.shape == wanted.shape
        if exact or wanted.dtype.kind == "i":
            np.testing.assert_array_equal(result, wanted)
        else:
            np.testing.assert_allclose(result, wanted, rtol=2e-6, atol=1e-6)


def plugin_nodes(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """The model's nodes that are plugins."""
    return [node for node in model.graph.node if node.op_type.startswith("TRTS_")]


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """A node's attributes, texts as str."""
    found = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in found.items()}


def makers(model: onnx.ModelProto, name: str) -> set[str]:
    """The op types of all nodes that a value is made by, directly or not, those that only sizes come from left out."""
    producers = {output: node for node in model.graph.node for output in node.output}
    found, pending = set(), [name]
    while pending:
        node = producers.get(pending.pop())
        if node is not None:
            found.add(node.op_type)
            pending += [] if node.op_type == "Shape" else node.input
    return found
