"""Indices with several coordinates each, as those of PyTorch's index_put on a grid: as one index into merged axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from . import facts
from .edit import Editor
from .facts import Dim


def merged(before: ir.Node, indices: ir.Value, data: ir.Value, edit: Editor) -> ir.Value:
    """The 1-D index into the first axes of `data`, merged to one axis, for indices [.., count] with `count` coordinates.

    Coordinates below 0 count from the end of their own axis, so they are made positive first.
    """
    taken, sizes = facts.dims(indices) or [], facts.dims(data) or []
    count = taken[-1]
    assert isinstance(count, int)
    if len(taken) != 2:
        rows = edit.constant(before, np.array([-1, count], np.int64))
        taken = [None, count]
        indices = edit.insert(before, "Reshape", [indices, rows], indices.dtype, taken)
    if edit.wraps(indices):
        zero = edit.constant(before, np.array(0, np.int64))
        negative = edit.insert(before, "Less", [indices, zero], ir.DataType.BOOL, taken)
        sizes_of_axes = edit.sizes(before, data, range(count))
        from_the_end = edit.insert(before, "Add", [indices, sizes_of_axes], indices.dtype, taken)
        indices = edit.insert(before, "Where", [negative, from_the_end, indices], indices.dtype, taken)
    steps = _steps(before, data, sizes[1:count], edit)
    products = edit.insert(before, "Mul", [indices, steps], indices.dtype, taken)
    return edit.sum_of_last_axis(before, products)


def _steps(before: ir.Node, data: ir.Value, sizes: Sequence[Dim], edit: Editor) -> ir.Value:
    """How far apart in the merged axis two neighbours along each axis are. `sizes` are those of all but the first."""
    fixed = [size for size in sizes if isinstance(size, int)]
    if len(fixed) == len(sizes):
        steps = [math.prod(fixed[place:]) for place in range(len(fixed) + 1)]
        return edit.constant(before, np.array(steps, np.int64))
    step = edit.constant(before, np.array([1], np.int64))
    found = [step]
    for axis in range(len(sizes), 0, -1):
        step = edit.insert(before, "Mul", [step, edit.size(before, data, axis)], ir.DataType.INT64, [1])
        found.insert(0, step)
    return edit.insert(before, "Concat", found, ir.DataType.INT64, [len(found)], {"axis": 0})
