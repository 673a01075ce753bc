"""Models whose nodes a TensorRT release misreads or refuses."""

from __future__ import annotations

from typing import Any

import onnx
from graphs import model


def with_constant(text: str, name: str, array: Any, opset: int = 18) -> onnx.ModelProto:
    """A model of a graph in text, whose input `name` becomes a constant."""
    parsed = model(text, opset)
    parsed.graph.input.remove(next(value for value in parsed.graph.input if value.name == name))
    parsed.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    return parsed


def sized(
    op_type: str, reduce: str = "", dtype: str = "float", attribute: str = "", size: str = "count"
) -> onnx.ModelProto:
    """A node whose number of groups is the number of rows of `like`."""
    given = f'reduce = "{reduce}", ' if reduce else ""
    outputs = "out, arg" if reduce in ("min", "max") else "out"
    return model(f"""g ({dtype}[e, 3] src, int64[e] index, float[n, 2] like) => ({dtype}[a, b] out) {{
        count = Shape <end = 1> (like)
        {outputs} = tensorrt_scatter.{op_type} <{given}{attribute} dim_size_input = 1,
            tensorrt_plugin_shape_input_indices = [2]> (src, index, {size}) }}""")


LAYER = """g (float[n, 3] x, int64[2, e] edges, float[e, 1] weight) => (float[n, 3] out) {
    one = Constant <value_int = 1> ()  zero = Constant <value_int = 0> ()
    from = Gather <axis = 0> (edges, zero)  to = Gather <axis = 0> (edges, one)
    rows = Gather <axis = 0> (x, from)  messages = Mul (rows, weight)
    axis = Constant <value_ints = [1]> ()  column = Unsqueeze (to, axis)
    shape = Shape (messages)  at = Expand (column, shape)  size = Shape (x)  base = ConstantOfShape (size)
    out = ScatterElements <axis = 0, reduction = "add"> (base, at, messages) }"""
"""A layer over the edges of a graph, whose number of nodes varies."""
