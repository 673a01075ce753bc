"""Small ONNX models in ONNX's text format."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import parser

HEADER = '<ir_version: 10, opset_import: ["" : {opset}, "tensorrt_scatter" : 1]>\n'
Feeds = dict[str, NDArray[Any]]


def model(text: str, opset: int = 18) -> onnx.ModelProto:
    """A checked model of a graph in text: `name (inputs) => (outputs) { nodes }`."""
    parsed = parser.parse_model(HEADER.format(opset=opset) + text)
    onnx.checker.check_model(parsed)
    return parsed


def op_types(graph: onnx.GraphProto) -> list[str]:
    """The op types of all nodes. Those of a subgraph come after the node that has it."""
    found = []
    for node in graph.node:
        found.append(node.op_type)
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                found += op_types(attribute.g)
    return found


def draw(seed: int, *shape: int) -> NDArray[np.float32]:
    """Small integers as float32."""
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(np.float32)


def draw_index(seed: int, low: int, high: int, *shape: int) -> NDArray[np.int64]:
    """Indices from `low` to before `high`."""
    return np.random.default_rng(seed).integers(low, high, shape)
