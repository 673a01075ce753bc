"""A pass of Torch-TensorRT: it takes the expansion off the index of a scatter.

PyTorch's scatters want an index of src's shape, so models expand a 1-D index. The plugin broadcasts it itself.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.fx import GraphModule, Node
from torch_tensorrt.dynamo.lowering.passes._aten_lowering_pass import _aten_lowering_pass

from .._declarations import SCATTER
from ..onnx import nodes
from .lowering import are_equal


def register() -> None:
    """Puts the pass behind Torch-TensorRT's own."""
    _aten_lowering_pass(take_expansions_off)


def take_expansions_off(module: GraphModule, settings: Any = None) -> GraphModule:
    """Takes the expansion off each index that is one behind it, along the axes that are not reduced."""
    scatters = {
        getattr(torch.ops.tensorrt_scatter, name).default for name, operator, _ in nodes.functions() if operator.has_dim
    }
    for node in module.graph.nodes:
        if node.op == "call_function" and node.target in scatters:
            index = _without_expansion(node)
            if index is not None:
                node.update_arg(SCATTER.index, index)
    module.graph.eliminate_dead_code()
    module.recompile()
    return module


def _without_expansion(node: Node) -> Node | None:
    """What a scatter's index is expanded from, where the plugin takes it."""
    if len(node.args) <= SCATTER.index:
        return None
    src, index = node.args[0], node.args[SCATTER.index]
    if not isinstance(src, Node) or not isinstance(index, Node) or index.target != torch.ops.aten.expand.default:
        return None
    inner = index.args[0]
    if not isinstance(inner, Node):
        return None
    # PyTorch's schema names the axis behind the index.
    dim = node.args[2] if len(node.args) > 2 else node.kwargs.get("dim", -1)
    given, expanded, values = inner.meta["val"], index.meta["val"], src.meta["val"]
    if given.dim() != expanded.dim() or expanded.dim() != values.dim() or not isinstance(dim, int):
        return None
    axis = dim % expanded.dim()
    return inner if are_equal([given.shape[axis]], [expanded.shape[axis]]) else None
