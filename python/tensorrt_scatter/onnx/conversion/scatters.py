"""Rewrites ScatterElements and ScatterND with a reduction to TRTS_Scatter."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from ..._declarations import MAX, MIN, MUL, SCATTER, SUM, TYPES, Reduction
from ..._settings import is_deterministic
from .. import nodes
from . import facts
from .coordinates import merged
from .edit import Editor
from .index import unexpanded
from .report import LeftAlone

_REDUCTIONS = {"add": SUM, "mul": MUL, "min": MIN, "max": MAX}
_TYPES = {each.onnx for each in TYPES if each.in_plugins}
_FLOATS = {each.onnx for each in TYPES if each.is_float}
_HIGHEST_RANK = 8  # TensorRT's.
_LARGEST_SIZE = 2**31 - 1  # TensorRT's.
# A base with this value has no effect on the reduction.
_NEUTRAL = {SUM: 0, MUL: 1}


def rewrite_scatter_elements(node: ir.Node, edit: Editor) -> tuple[str, ...]:
    """Rewrites ScatterElements(data, indices, updates) to TRTS_Scatter(updates, indices, data). Returns notes.

    In PyTorch and in ONNX's evaluators, indices may be smaller than data and updates along every axis, and negative.
    The plugin instead broadcasts an axis of size 1, and leaves out elements with a negative index.

    Raises:
        LeftAlone: it is not certain that both compute the same.
    """
    reduce = _reduction(node)
    data, indices, updates = (facts.resolve(facts.argument(node, position)) for position in range(3))
    sizes, taken = _sizes(data, "data"), _sizes(indices, "indices")
    _check_rank(len(sizes))
    given_axis = facts.number(node, "axis", 0)
    if len(taken) != len(sizes) or not -len(sizes) <= given_axis < len(sizes):
        raise LeftAlone(
            f"its data has rank {len(sizes)}, its indices {len(taken)}, and its axis is {given_axis}: not valid ONNX"
        )
    axis = given_axis % len(sizes)
    for other, (size, part) in enumerate(zip(sizes, taken)):
        if other != axis and not facts.same(size, part):
            raise LeftAlone(
                f"its indices have size {_text(part)} and its data {_text(size)} on axis {other}: it cannot be told "
                "that they cover the whole axis"
            )
    given = facts.dims(updates)
    if given is not None and len(given) != len(taken):
        raise LeftAlone(f"its updates have rank {len(given)} and its indices {len(taken)}: not valid ONNX")
    src, notes = _cut_to(node, edit, _unsliced(updates, indices), indices, taken)
    index = edit.non_negative(node, _line(node, unexpanded(node, indices, edit), taken, axis, edit), data, axis)
    return notes + _replace(node, edit, reduce, axis, data, index, src)


def rewrite_scatter_nd(node: ir.Node, edit: Editor) -> tuple[str, ...]:
    """Rewrites ScatterND(data, indices [.., count], updates) to TRTS_Scatter along the first axis. Returns notes.

    Where an index has several coordinates, the axes of data that they belong to are merged.

    Raises:
        LeftAlone: it is not certain that both compute the same.
    """
    reduce = _reduction(node)
    data, indices, updates = (facts.resolve(facts.argument(node, position)) for position in range(3))
    sizes, taken = _sizes(data, "data"), _sizes(indices, "indices")
    _check_rank(len(sizes))
    if not sizes or not taken:
        raise LeftAlone("its data or indices are scalars: not valid ONNX")
    count = taken[-1]
    if not isinstance(count, int):
        raise LeftAlone("it is not known how many coordinates each of its indices has")
    if not 1 <= count <= len(sizes):
        raise LeftAlone(f"its indices have {count} coordinates each and its data has rank {len(sizes)}")
    if len(taken) == 1:
        raise LeftAlone("it changes a single row" if count < len(sizes) else "it changes a single element")
    rows = sizes[count:]
    _check_rows(_sizes(updates, "updates"), len(taken) - 1, rows)
    # The rows of data are reshaped where there are several coordinates, and those of updates for several axes.
    is_reshaped = count > 1 or len(taken) > 2
    if is_reshaped and not all(isinstance(size, int) for size in rows):
        what = "have several axes" if count == 1 else f"have {count} coordinates each"
        raise LeftAlone(f"its indices {what} and the sizes of its rows are not fixed")
    # With empty rows, a Reshape to [-1, ..] would be ambiguous.
    if is_reshaped and 0 in rows:
        raise LeftAlone("its rows are empty")
    if count > 1:
        _check_merged(sizes[:count])
    updates, notes = _cut_to(node, edit, updates, indices, taken[:-1])
    if len(taken) > 2:
        updates = _rows_of(node, updates, rows, None, edit)
    if count == 1:
        index = edit.non_negative(node, _column(node, indices, edit), data, 0)
        return notes + _replace(node, edit, reduce, 0, data, index, updates)
    index = merged(node, indices, data, edit)
    wanted = edit.sizes(node, data, range(len(sizes)))
    fixed = [size for size in sizes[:count] if isinstance(size, int)]
    groups = math.prod(fixed) if len(fixed) == count else None
    notes += (f"its {count} coordinates are one index into the first {count} axes of its data, which are merged",)
    return notes + _replace(node, edit, reduce, 0, _rows_of(node, data, rows, groups, edit), index, updates, wanted)


def _check_merged(sizes: list[facts.Dim]) -> None:
    """Checks that axes of these sizes can be one axis."""
    if 0 in sizes:
        raise LeftAlone("its data is empty")
    groups = math.prod(size for size in sizes if isinstance(size, int))
    if groups > _LARGEST_SIZE:
        raise LeftAlone(
            f"the axes of its {len(sizes)} coordinates, merged, have {groups} elements: TensorRT takes at most "
            f"{_LARGEST_SIZE}"
        )


def _rows_of(node: ir.Node, value: ir.Value, rows: list[facts.Dim], count: facts.Dim, edit: Editor) -> ir.Value:
    """`value` with the axes before its rows merged to one of size `count`."""
    shape = edit.constant(node, np.array([-1, *rows], np.int64))
    return edit.insert(node, "Reshape", [value, shape], value.dtype, [count, *rows])


def _sizes(value: ir.Value, name: str) -> list[facts.Dim]:
    sizes = facts.dims(value)
    if sizes is None:
        raise LeftAlone(f"the rank of its {name} is not known")
    largest = max((size for size in sizes if isinstance(size, int)), default=0)
    if largest > _LARGEST_SIZE:
        raise LeftAlone(f"its {name} have an axis of {largest} elements: TensorRT takes at most {_LARGEST_SIZE}")
    return sizes


def _check_rows(updates: list[facts.Dim], first: int, sizes: list[facts.Dim]) -> None:
    """Checks that the axes of updates from `first` on equal the axes of a row of data."""
    if len(updates) != first + len(sizes):
        raise LeftAlone(f"its updates have rank {len(updates)}, and ONNX wants {first + len(sizes)}")
    for axis, (given, size) in enumerate(zip(updates[first:], sizes), first):
        if not facts.same(given, size):
            raise LeftAlone(
                f"its updates have size {_text(given)} on axis {axis} and the rows of its data {_text(size)}: it "
                "cannot be told that they are the same"
            )


def _cut_to(
    node: ir.Node, edit: Editor, updates: ir.Value, indices: ir.Value, taken: list[facts.Dim]
) -> tuple[ir.Value, tuple[str, ...]]:
    """Cuts `updates` to `taken`, the sizes of the first axes of `indices`. Returns the result, and a note on the Slice.

    An element of updates beyond the indices has no index, but the plugin would broadcast indices of size 1 to it. So a
    Slice cuts such elements off, unless the sizes are certainly equal.
    """
    if _is_sliced_to(updates, indices):
        return updates, ()
    sizes = _sizes(updates, "updates")
    axes = [axis for axis, (size, part) in enumerate(zip(sizes, taken)) if not facts.same(size, part)]
    if not axes:
        return updates, ()
    for axis in axes:
        size, part = sizes[axis], taken[axis]
        if isinstance(size, int) and isinstance(part, int) and size < part:
            raise LeftAlone(f"its indices have size {part} and its updates only {size} on axis {axis}: not valid ONNX")
        sizes[axis] = part
    ends = edit.sizes(node, indices, axes)
    starts, places = (edit.constant(node, np.array(array, np.int64)) for array in ([0] * len(axes), axes))
    cut = edit.insert(node, "Slice", [updates, starts, ends, places], updates.dtype, sizes)
    return cut, ("its updates are, or may be, larger than its indices: a Slice cuts off the elements without an index",)


def _reduction(node: ir.Node) -> Reduction:
    reduction = facts.text(node, "reduction", "none")
    if reduction not in _REDUCTIONS:
        raise LeftAlone(f"its reduction is {reduction!r}: not valid ONNX")
    if len(node.outputs) != 1:
        raise ValueError(f"{node.op_type} {node.name!r} has {len(node.outputs)} outputs: the model is not valid ONNX")
    dtype = node.outputs[0].dtype or facts.argument(node, 0).dtype
    if _type_string(dtype) not in _TYPES:
        raise LeftAlone(
            f"its values are {'of an unknown type' if dtype is None else dtype.name}: the plugin has none such"
        )
    return _REDUCTIONS[reduction]


def _type_string(dtype: ir.DataType | None) -> str:
    """ONNX's name for an element type."""
    if dtype is None:
        return ""
    return {ir.DataType.FLOAT: "float", ir.DataType.DOUBLE: "double"}.get(dtype, dtype.name.lower())


def _check_rank(rank: int) -> None:
    if rank > _HIGHEST_RANK:
        raise LeftAlone(f"its data has rank {rank}: the plugin takes at most {_HIGHEST_RANK}")


def _line(node: ir.Node, index: ir.Value, taken: list[facts.Dim], axis: int, edit: Editor) -> ir.Value:
    """The 1-D index that `index` is, with more axes of size 1: the plugin lets a 1-D index lie along its axis."""
    sizes, array = facts.dims(index) or [], facts.constant(index)
    if array is not None and array.ndim == len(taken) and array.size > 0:
        # An exporter may have computed the Expand of a constant index.
        rows = np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1)
        if (rows == rows[:, :1]).all():
            return edit.constant(node, np.ascontiguousarray(rows[:, 0]))
    others_are_1 = all(size == 1 for other, size in enumerate(sizes) if other != axis)
    if not others_are_1 or len(sizes) != len(taken) or not facts.same(sizes[axis], taken[axis]):
        return index
    line = facts.line(index)
    if line is None:
        return index
    if facts.dims(line) == [None]:
        line.shape = ir.Shape([sizes[axis]])
    edit.drop_unused([index])
    return line


def _column(node: ir.Node, indices: ir.Value, edit: Editor) -> ir.Value:
    """Reshapes indices [.., 1] to one axis."""
    unsqueeze = facts.made_by(indices, "Unsqueeze")
    if unsqueeze is not None:
        inner = facts.resolve(facts.argument(unsqueeze, 0))
        shape = facts.dims(inner)
        # Unsqueeze made [E, 1] from [E].
        if shape is not None and len(shape) == 1 and len(facts.dims(indices) or []) == 2:
            return inner
    shape_of_index = facts.dims(indices) or []
    length = shape_of_index[0] if len(shape_of_index) == 2 else None
    all_of_it = edit.constant(node, np.array([-1], np.int64))
    return edit.insert(node, "Reshape", [indices, all_of_it], indices.dtype, [length])


def _unsliced(updates: ir.Value, indices: ir.Value) -> ir.Value:
    """`updates` without a Slice that changes nothing. PyTorch's exporter adds it, to the shape of `indices`."""
    cut = facts.made_by(updates, "Slice")
    if cut is None or not _is_sliced_to(updates, indices):
        return updates
    whole = facts.resolve(facts.argument(cut, 0))
    sizes, wanted = facts.dims(whole), facts.dims(indices)
    if sizes is None or wanted is None or len(sizes) != len(wanted) or not all(map(facts.same, sizes, wanted)):
        return updates
    return whole


def _is_sliced_to(updates: ir.Value, indices: ir.Value) -> bool:
    """True if a Slice cuts `updates` to the shape of `indices` on every axis."""
    node = facts.made_by(updates, "Slice")
    if node is None or len(node.inputs) != 3:
        return False
    start, end = facts.constant(facts.argument(node, 1)), facts.made_by(node.inputs[2], "Shape")
    rank = facts.dims(indices)
    if start is None or start.any() or end is None or end.attributes or rank is None or len(start) != len(rank):
        return False
    return facts.resolve(facts.argument(end, 0)) is indices


def _replace(
    node: ir.Node,
    edit: Editor,
    reduce: Reduction,
    axis: int,
    data: ir.Value,
    index: ir.Value,
    updates: ir.Value,
    wanted: ir.Value | None = None,
) -> tuple[str, ...]:
    """Replaces a scatter into `data`. `wanted` is the shape of its result, where data does not have that shape."""
    attributes: dict[str, int | str] = {"dim": axis, "reduce": reduce.name}
    inputs = [updates, index, data]
    sizes = facts.dims(data) or []
    size = sizes[axis]
    if isinstance(size, int):
        attributes["dim_size"] = size
        if reduce in _NEUTRAL and facts.fill(data) == _NEUTRAL[reduce]:
            inputs.pop()
    before = [*node.inputs, data]
    is_float = _type_string(data.dtype) in _FLOATS
    if is_deterministic():
        attributes["deterministic"] = 1
    if reduce.has_arg:
        attributes["arg_type"] = nodes.ARG_TYPE
    if wanted is None:
        # A scatter's result has the shape of data. PyTorch's exporter over TorchScript declares others around Ifs.
        node.outputs[0].shape = data.shape
        edit.replace(node, SCATTER, inputs, attributes)
    else:
        outputs = [("merged", data.dtype, sizes), ("merged_arg_out", ir.DataType.INT32, sizes)]
        written = edit.insert_plugin(node, SCATTER, inputs, attributes, outputs if reduce.has_arg else outputs[:1])
        edit.replace_by_view(node, written[0], wanted)
    edit.drop_unused(before)
    if reduce.has_arg and is_float:
        return (
            f"a NaN never wins a {reduce.name} here; ONNX does not say what it does there, and PyTorch returns NaN",
        )
    return ()


def _text(size: facts.Dim) -> str:
    return "of unknown value" if size is None else str(size)
