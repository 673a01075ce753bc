"""Comparisons with an infinity become IsInf: TensorRT 8.6 does not find that an infinity equals another.

Its parser writes GreaterOrEqual and LessOrEqual as Greater or Less, or Equal, so these are rewritten too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from .. import facts
from ..edit import Editor, graph_of, name_of
from ..report import Kept, LeftAlone, Report
from .walk import nodes_of, summed_up

_FLIPPED = {"Equal": "Equal", "GreaterOrEqual": "LessOrEqual", "LessOrEqual": "GreaterOrEqual"}
_SIXTEEN_BITS = (ir.DataType.FLOAT16, ir.DataType.BFLOAT16)


@dataclass(frozen=True)
class Comparison:
    """A comparison of `value` with an infinity: with negative infinity where `is_negative`."""

    value: ir.Value
    infinity: ir.Value
    op_type: str
    is_negative: bool

    @property
    def strict(self) -> str | None:
        """The comparison that holds for finite numbers, where it holds for these: all are below infinity."""
        return {("LessOrEqual", False): "Less", ("GreaterOrEqual", True): "Greater"}.get(
            (self.op_type, self.is_negative)
        )


def matched(node: ir.Node) -> Comparison | None:
    """The comparison of a node of ONNX's own domain."""
    if node.op_type not in _FLIPPED:
        return None
    one, other = (facts.argument(node, place) for place in (0, 1))
    for value, given, op_type in ((one, other, node.op_type), (other, one, _FLIPPED[node.op_type])):
        number = facts.fill(_uncast(given))
        if number is not None and np.isinf(number):
            return Comparison(value, given, op_type, number < 0)
    return None


def _uncast(value: ir.Value) -> ir.Value:
    """What a value was before its Casts: of floats, an infinity stays one."""
    while (cast := facts.made_by(facts.resolve(value), "Cast", "CastLike")) is not None:
        value = facts.argument(cast, 0)
    return value


def rewrite(model: ir.Model, edit: Editor, report: Report) -> None:
    """Rewrites the comparisons of floats with a constant infinity."""
    changed = []
    for node in nodes_of(model, *_FLIPPED):
        found = matched(node)
        if found is None:
            continue
        try:
            _check_shape(found)
        except LeftAlone as left:
            report.kept.append(Kept(name_of(node), node.op_type, str(left)))
            continue
        changed.append(node)
        _replace(node, found, edit)
    summed_up(changed, "a comparison with infinity", "IsInf", report)


def _check_shape(found: Comparison) -> None:
    """Checks that the infinity is not broadcast to more axes than the value has."""
    sizes, of_infinity = facts.dims(found.value), facts.dims(found.infinity)
    if of_infinity == []:
        return
    if sizes is None or of_infinity is None or len(of_infinity) > len(sizes):
        raise LeftAlone("it compares with infinity, but it is not known how the infinity is broadcast")
    behind = sizes[len(sizes) - len(of_infinity) :]
    if not all(size == 1 or facts.same(size, wanted) for size, wanted in zip(of_infinity, behind)):
        raise LeftAlone("it compares with infinity, but it is not known how the infinity is broadcast")


def _replace(node: ir.Node, found: Comparison, edit: Editor) -> None:
    value, sizes, old = found.value, facts.dims(found.value), node.outputs[0]
    before = list(node.inputs)
    if value.dtype in _SIXTEEN_BITS:
        # Before opset 20 IsInf takes no 16-bit floats. Infinities and NaN stay what they are.
        value = edit.insert(node, "Cast", [value], ir.DataType.FLOAT, sizes, {"to": int(ir.DataType.FLOAT)})
    signs = {"detect_negative": int(found.is_negative), "detect_positive": int(not found.is_negative)}
    if found.strict is None:
        new = ir.node("IsInf", [value], attributes=signs, name=node.name)
    else:
        is_infinity = edit.insert(node, "IsInf", [value], ir.DataType.BOOL, sizes, signs)
        is_beside = edit.insert(node, found.strict, [found.value, found.infinity], ir.DataType.BOOL, sizes)
        new = ir.node("Or", [is_beside, is_infinity], name=node.name)
    ir.convenience.replace_nodes_and_values(graph_of(node), node, [node], [new], [old], new.outputs)
    edit.drop_unused(before)
