"""Applies all rules to a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import onnx_ir as ir

from ..conversion import facts
from ..conversion.edit import name_of
from ..releases import Release
from . import misreads, operators, plugins
from .finding import Finding, Kind, Remark

_INLINE = "inline it, by onnx.inliner.inline_local_functions"


def findings(model: ir.Model, of: Iterable[Release]) -> list[Finding]:
    """What each release would refuse or misread, and notes. Shapes and types must have been inferred."""
    return [finding for release in of for finding in _of_release(model, release)]


def _of_release(model: ir.Model, release: Release) -> Iterator[Finding]:
    version = model.opset_imports.get("", 0)
    for remark in _of_model(model, release, version):
        yield Finding(release.title, "", "", remark.kind, remark.reason, remark.remedy)
    functions = {(function.domain, function.name) for function in model.functions.values()}
    # A node without an output computes nothing.
    for node in (node for graph in facts.nested(model.graph) for node in graph if node.outputs):
        for remark in _of_node(node, release, version, functions):
            yield Finding(release.title, name_of(node), node.op_type, remark.kind, remark.reason, remark.remedy)


def _of_node(node: ir.Node, release: Release, version: int, functions: set[tuple[str, str]]) -> Iterator[Remark]:
    if (node.domain, node.op_type) in functions:
        if not release.has_functions:
            yield Remark(Kind.REFUSED, "it calls a function of the model", _INLINE)
    elif node.domain == "":
        remarks = [each for rule in (*operators.RULES, *misreads.RULES) for each in rule(node, release, version)]
        yield from remarks
        if not any(each.kind is not Kind.NOTE for each in remarks):
            yield from operators.newer_definition(node, release, version)
    else:
        for rule in plugins.RULES:
            yield from rule(node, release, version)


def _of_model(model: ir.Model, release: Release, version: int) -> Iterator[Remark]:
    values = [*model.graph.inputs, *model.graph.initializers.values()]
    for dtype in sorted({each.dtype for each in values if each.dtype is not None}, key=lambda each: each.name):
        if dtype.name not in release.types:
            yield operators.unknown_type(dtype, release)
    if version > release.highest_opset:
        reason = f"its opset is {version}, and {release} is made for opsets up to {release.highest_opset}"
        yield Remark(
            Kind.NOTE, reason, f"convert it with target={release.name!r}: nodes with another meaning are named"
        )
    narrowed = [each.name for each in (*model.graph.inputs, *model.graph.outputs) if each.dtype is ir.DataType.INT64]
    if narrowed and "INT64" in release.narrowed:
        names = ", ".join(map(str, narrowed))
        reason = f"{release} has INT32 in the place of INT64"
        yield Remark(Kind.NOTE, reason, f"bind INT32 arrays as {names}")
    for function in model.functions.values():
        yield Remark(Kind.NOTE, f"the nodes in its function {function.name} are not looked at", _INLINE)
