"""The axes of a reduction as an attribute, as they were before opset 18."""

from __future__ import annotations

import onnx_ir as ir

from .. import facts
from ..edit import Editor
from ..report import LeftAlone
from .walk import put

REDUCTIONS = (
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSumSquare",
)
"""The reductions whose axes became an input in opset 18. Those of ReduceSum did in opset 13, and TensorRT reads them."""


def axes_of(node: ir.Node) -> list[int] | None:
    """The axes that a reduction has as an input; None if it has none, and so reduces all.

    Raises:
        LeftAlone: they vary, or the node leaves its input as it is.
    """
    given = node.inputs[1] if len(node.inputs) > 1 else None
    array = None if given is None else facts.constant(given)
    if given is not None and array is None:
        raise LeftAlone("its axes vary")
    if array is None or array.size == 0:
        if facts.number(node, "noop_with_empty_axes", 0):
            raise LeftAlone("it has no axes, and noop_with_empty_axes leaves its input as it is")
        return None
    return [int(axis) for axis in array.reshape(-1)]


def write(node: ir.Node, axes: list[int] | None, edit: Editor) -> None:
    """Gives a reduction its axes as an attribute."""
    attributes = {name: each for name, each in node.attributes.items() if name != "noop_with_empty_axes"}
    if axes is not None:
        attributes["axes"] = ir.AttrInt64s("axes", axes)
    put(node, node.inputs[:1], attributes.values(), edit)
