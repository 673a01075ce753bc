"""Split by a number of outputs, as it is from opset 18 on, becomes a Split into sizes."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from .. import facts
from ..edit import Editor
from ..report import LeftAlone
from .walk import put


def sizes_of(node: ir.Node) -> list[int] | None:
    """The sizes of the parts of a Split that has their number; None if it has their sizes already.

    Raises:
        LeftAlone: the size that is split is not known.
    """
    if len(node.inputs) > 1 and node.inputs[1] is not None:
        return None
    dims = facts.dims(facts.argument(node, 0))
    axis, count = facts.number(node, "axis", 0), len(node.outputs)
    size = dims[axis] if dims is not None and -len(dims) <= axis < len(dims) else None
    if not isinstance(size, int):
        raise LeftAlone("it has a number of outputs, and the size that it splits is not known")
    part = -(-size // count)
    sizes = [part] * (count - 1) + [size - part * (count - 1)]
    if sizes[-1] < 0:
        raise LeftAlone(f"it has {count} outputs, more than {size} elements fill")
    return sizes


def write(node: ir.Node, sizes: list[int] | None, edit: Editor) -> None:
    """Gives a Split the sizes of its parts."""
    attributes = [each for name, each in node.attributes.items() if name != "num_outputs"]
    inputs = list(node.inputs)
    if sizes is not None:
        inputs = [inputs[0], edit.constant(node, np.array(sizes, np.int64))]
    put(node, inputs, attributes, edit)
