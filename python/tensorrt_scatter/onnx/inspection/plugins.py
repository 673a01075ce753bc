"""Rules on nodes of other domains than ONNX's own: TensorRT looks for a plugin with the name of their type."""

from __future__ import annotations

from collections.abc import Iterator

import onnx_ir as ir

from ..._declarations import ARG_TYPE, BY_OP_TYPE, Base, Operator
from .. import nodes
from ..conversion import facts
from ..releases import Release
from .finding import Kind, Remark

_PREFIX = "TRTS_"
_HIGHEST_RANK = 8
_OF_OTHER_ENGINES = {
    "ai.onnx.ml",
    "ai.onnx.preview",
    "ai.onnx.preview.training",
    "com.microsoft",
    "com.microsoft.nchwc",
}
"""Domains whose operators TensorRT does not have."""


def plugin(node: ir.Node, release: Release, _opset: int) -> Iterator[Remark]:
    """A node of a plugin: of this library, or of another one."""
    operator = BY_OP_TYPE.get(node.op_type)
    if operator is not None:
        yield from _sizes(node, operator, release)
        yield from _types(node, operator, release)
    elif node.op_type.startswith(_PREFIX):
        known = ", ".join(BY_OP_TYPE)
        yield Remark(Kind.REFUSED, f"there is no plugin {node.op_type}", f"use one of {known}")
    elif node.domain in _OF_OTHER_ENGINES:
        reason = f"TensorRT has no {node.op_type} of {node.domain}"
        yield Remark(Kind.REFUSED, reason, "export without the optimizations of another engine")
    else:
        reason = f"TensorRT looks for a plugin {node.op_type}"
        yield Remark(Kind.NOTE, reason, "load the library that has it before the model is parsed")


def _sizes(node: ir.Node, operator: Operator, release: Release) -> Iterator[Remark]:
    """How a node is told its number of groups."""
    if not operator.has_groups:
        return
    size, given = facts.number(node, "dim_size", -1), len([each for each in node.inputs if each is not None])
    if facts.number(node, "dim_size_input", 0) == 1:
        place = len(node.inputs) - 1
        if not release.has_sizes_as_inputs:
            yield Remark(
                Kind.REFUSED,
                f"its number of groups is an input, and {release} takes no size as an input",
                f"convert the model with target={release.name!r}; what that leaves, export with a fixed number",
            )
        elif facts.numbers(node, nodes.SHAPE_INPUTS) not in ([place], [-1]):
            reason = f"its attribute {nodes.SHAPE_INPUTS} does not say that input {place} is a size"
            yield Remark(Kind.REFUSED, reason, f"set it to [{place}]")
        if size >= 0:
            yield Remark(Kind.REFUSED, "it has dim_size and a size as an input", "give one of them")
    elif size < 0 and (operator.base is Base.NONE or given <= len(operator.inputs)):
        ways = "dim_size" if operator.base is Base.NONE else "dim_size or a base"
        yield Remark(Kind.REFUSED, "nothing tells its number of groups", f"give it {ways}")


def _types(node: ir.Node, operator: Operator, release: Release) -> Iterator[Remark]:
    if facts.text(node, ARG_TYPE.name, "int32") == "int64" and "INT64" in release.narrowed:
        reason = f"its positions are INT64, which {release} does not have"
        yield Remark(Kind.REFUSED, reason, "leave the attribute arg_type out, and put a Cast behind it")
    for given, value in zip(operator.inputs, node.inputs):
        dtype = None if value is None else value.dtype
        if dtype is None:
            continue
        narrowed = release.narrowed.get(dtype.name, dtype.name)
        names = {"FLOAT": "float32", "DOUBLE": "float64"}
        if names.get(narrowed, narrowed.lower()) not in given.types:
            reason = f"its input {given.name} has type {dtype.name}, which the plugin does not take"
            yield Remark(Kind.REFUSED, reason, "put Casts around it")
    ranks = [facts.rank(value) for value in node.inputs if value is not None]
    if any(rank is not None and rank > _HIGHEST_RANK for rank in ranks):
        yield Remark(Kind.REFUSED, f"an input has more than {_HIGHEST_RANK} axes", "reshape it")


RULES = (plugin,)
