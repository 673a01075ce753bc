"""Rules on operators and element types: what a release has no importer for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx_ir as ir

from .. import releases
from ..conversion import facts
from ..conversion.for_release import opset
from ..releases import Release
from .finding import Kind, Remark

_LARGEST_INT32 = 2**31 - 1
_MOVES = {
    "Cast", "Concat", "Constant", "Expand", "Flatten", "Gather", "Identity", "If", "Loop", "Reshape", "Scan", "Squeeze",
    "Unsqueeze",
}  # fmt: skip
"""Operators that only move integers. What uses their results is looked at itself, if it takes a constant."""


def importer(node: ir.Node, release: Release, _opset: int) -> Iterator[Remark]:
    """Whether the release imports the operator."""
    since = releases.imported_since(node.op_type)
    if since is None:
        yield Remark(Kind.REFUSED, f"no TensorRT imports {node.op_type}", "compute it outside of the model")
    elif since > release.version:
        first = f"TensorRT {since[0]}.{since[1]} is the first that imports {node.op_type}"
        yield Remark(Kind.REFUSED, first, "use that release, or write it with other operators")


def types(node: ir.Node, release: Release, _opset: int) -> Iterator[Remark]:
    """Whether the release has the element types of the results, and the operator those of its inputs."""
    for value in node.outputs:
        if value.dtype is not None and value.dtype.name not in release.types:
            yield unknown_type(value.dtype, release)
            break
    first = node.inputs[0].dtype if node.inputs and node.inputs[0] is not None else None
    if first is None:
        return
    for refusal in releases.REFUSALS:
        is_refused = refusal.before is None or release.version < refusal.before
        if node.op_type in refusal.op_types and first.name in refusal.types and is_refused:
            yield Remark(Kind.REFUSED, f"{node.op_type} takes no {first.name} there", "put Casts around it")
            return
    taken = {value.dtype.name for value in node.inputs if value is not None and value.dtype is not None}
    if "UINT8" in taken and node.op_type not in releases.WITH_BYTES:
        yield Remark(
            Kind.REFUSED, "UINT8 is a type of the network's inputs and outputs alone", "put a Cast to INT32 before it"
        )


def varying_inputs(node: ir.Node, release: Release, _opset: int) -> Iterator[Remark]:
    """Inputs that the importer wants to know when it reads the model."""
    place, since = releases.KNOWN_INPUTS.get(node.op_type, (0, release.version))
    given = node.inputs[place] if place < len(node.inputs) else None
    if release.version < since and given is not None and facts.constant(given) is None:
        yield Remark(Kind.REFUSED, f"its input {place} is computed in the model", "export with a constant")


def unknown_type(dtype: ir.DataType, release: Release) -> Remark:
    """The remark on a type that a release does not have."""
    smaller = "FLOAT16 or FLOAT" if dtype.is_floating_point() else "INT32"
    return Remark(Kind.REFUSED, f"{release} has no {dtype.name}", f"export the model with {smaller}")


def large_integers(node: ir.Node, release: Release, _opset: int) -> Iterator[Remark]:
    """Constants that do not fit into the type to which a release narrows INT64."""
    if "INT64" not in release.narrowed or node.op_type in _MOVES:
        return
    for place, value in enumerate(node.inputs):
        # The ends of a Slice are clamped to the sizes anyway.
        if value is None or value.dtype is not ir.DataType.INT64 or (node.op_type == "Slice" and place in (1, 2)):
            continue
        array = facts.constant(value)
        if array is not None and array.size and (np.abs(array.astype(np.float64)) > _LARGEST_INT32 + 1).any():
            yield Remark(
                Kind.MISREAD,
                f"its constant {value.name!r} does not fit into INT32, to which {release} clamps INT64",
                "use a smaller number",
            )


def doubles(node: ir.Node, release: Release, _opset: int) -> Iterator[Remark]:
    """DOUBLE, which every release computes in FLOAT."""
    if "DOUBLE" in release.narrowed and any(each.dtype is ir.DataType.DOUBLE for each in node.outputs):
        yield Remark(Kind.NOTE, f"{release} computes DOUBLE in FLOAT", "export the model with FLOAT, and compare")


def newer_definition(node: ir.Node, release: Release, version: int) -> Iterator[Remark]:
    """A node whose definition came with an opset that the release is not made for. It is for nodes of which the other
    rules know nothing."""
    if version <= release.highest_opset or releases.imported_since(node.op_type) is None:
        return
    why = opset.why_newer(node, version, release.highest_opset)
    if why is not None:
        reason = f"{release} is made for opsets up to {release.highest_opset}, and its definition is newer: {why}"
        yield Remark(Kind.NOTE, reason, f"export with opset {release.highest_opset}, and compare the results")


def sizes_from_data(node: ir.Node, _release: Release, _opset: int) -> Iterator[Remark]:
    """Results whose size depends on values."""
    if node.op_type in ("NonZero", "NonMaxSuppression"):
        reason = "the size of its result depends on values: memory is reserved for the largest that it could have"
        yield Remark(Kind.NOTE, reason, "compute it outside of the model where the engine is not built")


def largest_k(node: ir.Node, _release: Release, _opset: int) -> Iterator[Remark]:
    """TopK of more elements than TensorRT gives."""
    if node.op_type != "TopK" or len(node.inputs) < 2 or node.inputs[1] is None:
        return
    count = facts.constant(node.inputs[1])
    if count is None:
        reason = f"its K varies, and TensorRT's TopK gives at most {releases.LARGEST_K} elements"
        yield Remark(Kind.NOTE, reason, "sort outside of the model where there may be more")
    elif count.size == 1 and int(count.reshape(())) > releases.LARGEST_K:
        reason = f"its K is {int(count.reshape(()))}, and TensorRT's TopK gives at most {releases.LARGEST_K} elements"
        yield Remark(Kind.REFUSED, reason, "sort outside of the model")


RULES = (importer, types, varying_inputs, large_integers, doubles, sizes_from_data, largest_k)
