"""Gelu and Mish by the operators that ONNX defines them with, for releases that import neither."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from ... import releases
from ...releases import Release
from .. import facts
from ..edit import Editor, graph_of, name_of
from ..report import Change, Kept, LeftAlone, Report
from .walk import nodes_of


def rewrite(model: ir.Model, release: Release, edit: Editor, report: Report) -> None:
    """Rewrites every Gelu and Mish that the release does not import."""
    for node in nodes_of(model, "Gelu", "Mish"):
        since = releases.imported_since(node.op_type)
        if since is not None and since <= release.version:
            continue
        try:
            product = _factors(node, edit)
        except LeftAlone as left:
            report.kept.append(Kept(name_of(node), node.op_type, str(left)))
            continue
        report.changes.append(Change(name_of(node), node.op_type, "the operators that define it"))
        new = ir.node("Mul", product, name=node.name)
        old = node.outputs[0]
        ir.convenience.replace_nodes_and_values(graph_of(node), node, [node], [new], [old], new.outputs)


def _factors(node: ir.Node, edit: Editor) -> list[ir.Value]:
    """The two factors whose product is the result."""
    x = facts.argument(node, 0)
    dtype, sizes = x.dtype, facts.dims(x)
    if dtype is None or not dtype.is_floating_point():
        raise LeftAlone(f"no {node.op_type} is imported, and the type of its input is not known")

    def unary(op_type: str, value: ir.Value) -> ir.Value:
        return edit.insert(node, op_type, [value], dtype, sizes)

    def with_number(op_type: str, value: ir.Value, number: float) -> ir.Value:
        constant = edit.constant(node, np.array(number, dtype.numpy()))
        return edit.insert(node, op_type, [value, constant], dtype, sizes)

    if node.op_type == "Mish":
        return [x, unary("Tanh", unary("Softplus", x))]
    half = with_number("Mul", x, 0.5)
    if facts.text(node, "approximate", "none") == "tanh":
        cube = edit.insert(node, "Mul", [edit.insert(node, "Mul", [x, x], dtype, sizes), x], dtype, sizes)
        bent = edit.insert(node, "Add", [x, with_number("Mul", cube, 0.044715)], dtype, sizes)
        curve = unary("Tanh", with_number("Mul", bent, math.sqrt(2 / math.pi)))
    else:
        curve = unary("Erf", with_number("Mul", x, math.sqrt(0.5)))
    return [half, with_number("Add", curve, 1)]
