"""Rules on nodes that a release imports, and computes otherwise than ONNX says, or only in some forms."""

from __future__ import annotations

from collections.abc import Iterator

import onnx_ir as ir

from .. import releases
from ..conversion import facts
from ..conversion.for_release import grid_sample, infinity, reduce_axes, shape_range
from ..releases import Release
from .finding import Kind, Remark


def _convert(release: Release) -> str:
    return f"convert the model with target={release.name!r}"


def shape(node: ir.Node, release: Release, _opset: int) -> Iterator[Remark]:
    """Shape with start or end."""
    if node.op_type == "Shape" and not release.reads_start_and_end_of_shape and shape_range.has_range(node):
        yield Remark(
            Kind.MISREAD,
            "start and end of Shape are not read: it gives all sizes",
            f"{_convert(release)}, which puts a Slice behind it",
        )


def reductions(node: ir.Node, release: Release, _opset: int) -> Iterator[Remark]:
    """Reductions whose axes are an input, or vary."""
    reads_input = release.reads_axes_as_inputs or node.op_type == "ReduceSum"
    if node.op_type not in reduce_axes.REDUCTIONS and node.op_type != "ReduceSum":
        return
    if reduce_axes.is_no_op(node):
        if not release.reads_axes_as_inputs:
            reason = "noop_with_empty_axes is not read: it reduces all axes"
            yield Remark(Kind.MISREAD, reason, "remove the node, which leaves its input as it is")
        return
    if reads_input and reduce_axes.varies(node):
        yield Remark(Kind.REFUSED, "its axes are computed in the model", "export with constant axes")
    elif not reads_input and not _is_of_all_axes(node):
        yield Remark(
            Kind.MISREAD,
            f"the axes of {node.op_type} are not read where they are an input: it reduces all axes",
            f"{_convert(release)}, which makes them an attribute if they are constant",
        )


def _is_of_all_axes(node: ir.Node) -> bool:
    """Whether a reduction certainly has no axes as an input, or all axes of its first input."""
    if reduce_axes.varies(node):
        return False
    axes, rank = reduce_axes.axes_of(node), facts.rank(facts.argument(node, 0))
    return axes is None or (bool(rank) and {axis % (rank or 1) for axis in axes} == set(range(rank or 0)))


def infinities(node: ir.Node, release: Release, _opset: int) -> Iterator[Remark]:
    """Comparisons with an infinity."""
    if release.finds_equal_infinities:
        return
    if infinity.matched(node) is not None:
        yield Remark(
            Kind.MISREAD,
            "an infinity is not found to be equal to an infinity",
            f"{_convert(release)}, which writes IsInf",
        )
    elif node.op_type == "IsNaN":
        reason = "its parser finds NaN by Equal(x, x), so that an infinity may pass for NaN"
        yield Remark(Kind.NOTE, reason, "compare the results where there may be infinities")


def scatters(node: ir.Node, release: Release, _opset: int) -> Iterator[Remark]:
    """Scatters with a reduction, and those whose indices are larger than the data."""
    if node.op_type not in ("ScatterElements", "ScatterND"):
        return
    reduction, convert = facts.text(node, "reduction", "none"), "convert the model; where it stays, the report says why"
    if node.op_type == "ScatterElements":
        if reduction != "none" and not release.reads_reduction_of_scatter_elements:
            reason = f"reduction {reduction!r} is not read: of elements that share an index one is kept"
            yield Remark(Kind.MISREAD, reason, convert)
        elif reduction != "none":
            reason = "a plugin of NVIDIA's library computes its reduction"
            yield Remark(Kind.NOTE, reason, "load that library (initLibNvInferPlugins), or convert the model")
        elif _has_more_indices(node):
            yield Remark(Kind.REFUSED, "its indices are larger than its data", "write it with other operators")
    elif reduction != "none":
        if release.refuses_reduction_of_scatter_nd:
            yield Remark(Kind.REFUSED, f"ScatterND has no reduction {reduction!r} there", convert)
        else:
            reason = f"reduction {reduction!r} is not read: of elements that share an index one is kept"
            yield Remark(Kind.MISREAD, reason, convert)
    elif "reduction" in node.attributes and release.refuses_attribute_of_scatter_nd:
        reason = 'up to TensorRT 10.8 the attribute reduction is refused, even where it is "none"'
        yield Remark(Kind.REFUSED, reason, f"{_convert(release)}, which removes it")


def _has_more_indices(node: ir.Node) -> bool:
    data = facts.dims(facts.argument(node, 0)) or []
    others = [facts.dims(facts.argument(node, place)) or [] for place in (1, 2)]
    pairs = [pair for each in others for pair in zip(each, data)]
    return any(isinstance(size, int) and isinstance(of_data, int) and size > of_data for size, of_data in pairs)


def splits(node: ir.Node, release: Release, _opset: int) -> Iterator[Remark]:
    """Splits into a number of parts that may be unequal."""
    if node.op_type != "Split" or release.reads_number_of_split_outputs or "num_outputs" not in node.attributes:
        return
    sizes, axis = facts.dims(facts.argument(node, 0)), facts.number(node, "axis", 0)
    size = sizes[axis] if sizes is not None and -len(sizes) <= axis < len(sizes) else None
    if not isinstance(size, int) or size % len(node.outputs):
        reason = "all parts get the same size, rounded down: what is left over is lost"
        yield Remark(Kind.MISREAD, reason, f"{_convert(release)}, or split into known sizes")


def pads(node: ir.Node, release: Release, _opset: int) -> Iterator[Remark]:
    """Pads of some axes."""
    if node.op_type == "Pad" and not release.reads_axes_of_pad and len(node.inputs) > 3 and node.inputs[3] is not None:
        yield Remark(Kind.REFUSED, "Pad has no axes there", "give the pads of all axes")


def grid_samples(node: ir.Node, release: Release, _opset: int) -> Iterator[Remark]:
    """GridSample with the modes of opset 20."""
    if node.op_type == "GridSample" and not release.has_new_modes_of_grid_sample and grid_sample.has_new_mode(node):
        reason = "its mode is not known: the nearest pixel is taken"
        yield Remark(Kind.MISREAD, reason, f"{_convert(release)}; for a cubic one, export with opset 19 or older")


def integer_order(node: ir.Node, release: Release, _opset: int) -> Iterator[Remark]:
    """Integers that are compared as float32."""
    if node.op_type in ("TopK", "ArgMax", "ArgMin") and release.compares_integers_as_floats:
        dtype = facts.argument(node, 0).dtype
        if dtype in (ir.DataType.INT32, ir.DataType.INT64):
            reason = "integers are compared as float32: beyond 16,777,216 neighbours are equal"
            yield Remark(Kind.NOTE, reason, "keep the numbers smaller")


def group_normalization(node: ir.Node, release: Release, version: int) -> Iterator[Remark]:
    """GroupNormalization of opset 21."""
    if (
        node.op_type == "GroupNormalization"
        and version >= 21
        and release.version <= releases.LAST_GROUP_NORMALIZATION_OF_18
    ):
        reason = "up to TensorRT 10.8 scale and bias are read as those of groups, not of channels"
        yield Remark(Kind.MISREAD, reason, "write it with other operators")


RULES = (
    shape,
    reductions,
    infinities,
    scatters,
    splits,
    pads,
    grid_samples,
    integer_order,
    group_normalization,
)
