"""Sizes that a file computes from values. TensorRT wants sizes before it has values."""

from __future__ import annotations

import onnx

from ..._declarations import BY_OP_TYPE

_SIZE_INPUTS = {
    "ConstantOfShape": (0,),
    "Expand": (1,),
    "Range": (0, 1, 2),
    "Reshape": (1,),
    "Tile": (1,),
}
"""The inputs of ONNX's operators that are sizes."""
_LARGEST_SIZES = 64
"""TensorRT takes an input of up to so many integers as sizes."""


def from_values(model: onnx.ModelProto) -> list[str]:
    """The nodes that take a size which comes from values, neither from the shape of a tensor nor from a constant."""
    graph = model.graph
    producers = {output: node for node in graph.node for output in node.output}
    known = {value.name: _may_be_sizes(value) for value in graph.input}
    known |= dict.fromkeys((each.name for each in graph.initializer), True)

    def is_size(name: str) -> bool:
        # Not recursive: a model may have thousands of nodes in a row.
        pending, seen = [name], set()
        while pending:
            name = pending.pop()
            node = producers.get(name)
            if name in seen or not name or (node is not None and node.op_type in ("Shape", "Size")):
                continue
            seen.add(name)
            if node is not None:
                pending += node.input
            elif not known.get(name, False):
                return False
        return True

    return [
        f"{node.op_type} ({node.name or node.output[0]})"
        for node in graph.node
        if not all(is_size(node.input[place]) for place in _sizes_of(node))
    ]


def _sizes_of(node: onnx.NodeProto) -> tuple[int, ...]:
    """The inputs of a node that are sizes."""
    if node.op_type in BY_OP_TYPE:
        has = any(attribute.name == "dim_size_input" and attribute.i == 1 for attribute in node.attribute)
        return (len(node.input) - 1,) if has else ()
    return _SIZE_INPUTS.get(node.op_type, ()) if node.domain == "" else ()


def _may_be_sizes(value: onnx.ValueInfoProto) -> bool:
    tensor = value.type.tensor_type
    if tensor.elem_type not in (onnx.TensorProto.INT32, onnx.TensorProto.INT64) or not tensor.HasField("shape"):
        return False
    dims = tensor.shape.dim
    return not dims or (len(dims) == 1 and 0 < dims[0].dim_value <= _LARGEST_SIZES)
