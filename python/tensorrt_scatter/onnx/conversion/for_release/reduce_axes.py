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


def varies(node: ir.Node) -> bool:
    """Whether a reduction has axes that are computed in the model."""
    given = _given(node)
    return given is not None and facts.constant(given) is None


def is_no_op(node: ir.Node) -> bool:
    """Whether a reduction certainly leaves its input as it is."""
    given = _given(node)
    array = None if given is None else facts.constant(given)
    is_empty = given is None or (array is not None and array.size == 0)
    return is_empty and "axes" not in node.attributes and facts.number(node, "noop_with_empty_axes", 0) == 1


def axes_of(node: ir.Node) -> list[int] | None:
    """The axes that a reduction has as an input; None if it has none, and so reduces all.

    Raises:
        LeftAlone: they vary, or the node leaves its input as it is.
    """
    if varies(node):
        raise LeftAlone("its axes vary")
    if is_no_op(node):
        raise LeftAlone("it has no axes, and noop_with_empty_axes leaves its input as it is")
    given = _given(node)
    array = None if given is None else facts.constant(given)
    return None if array is None or array.size == 0 else [int(axis) for axis in array.reshape(-1)]


def _given(node: ir.Node) -> ir.Value | None:
    return node.inputs[1] if len(node.inputs) > 1 else None


def write(node: ir.Node, axes: list[int] | None, edit: Editor) -> None:
    """Gives a reduction its axes as an attribute."""
    attributes = {name: each for name, each in node.attributes.items() if name != "noop_with_empty_axes"}
    if axes is not None:
        attributes["axes"] = ir.AttrInt64s("axes", axes)
    put(node, node.inputs[:1], attributes.values(), edit)
