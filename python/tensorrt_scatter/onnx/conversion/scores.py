"""Finds the scores of edges: the rows of both ends, combined column by column, and summed up over the columns.

torch_geometric's TransformerConv multiplies the rows of query and key. Its GATv2Conv adds the rows of both ends, takes
the leaky ReLU, and multiplies the columns by the attention vector. TRTS_GatherDot computes either, and stores no row.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import onnx_ir as ir

from ..._declarations import GATHER_DOT
from . import facts
from .edit import Editor, name_of
from .emission import write_scores
from .facts import Dim
from .messages import Rows, rows_of
from .report import Change, Report

_FLOATS = (ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.BFLOAT16)
_INDICES = (ir.DataType.INT32, ir.DataType.INT64)

_SLOPE_OF_ONNX = 0.01
"""The slope of a LeakyRelu that does not tell it."""


@dataclass(frozen=True)
class Scores:
    """What one TRTS_GatherDot computes."""

    total: ir.Node
    """The ReduceSum whose result they are."""
    rows: Rows
    other: Rows
    weight: ir.Value | None
    """A factor of each column: as many elements as a row has columns."""
    combine: str
    negative_slope: float
    heads: tuple[int, ...]
    """The sizes of the axes between that of the rows and those that are summed up."""


def fuse(graph: ir.Graph, edit: Editor, report: Report) -> None:
    """Replaces the sums of a graph that are scores. The graphs inside its nodes are not looked at."""
    for node in list(graph):
        found = match(node) if node.graph is not None else None
        if found is None:
            continue
        name, before = name_of(node), f"{node.op_type} of gathered rows"
        notes: tuple[str, ...] = ()
        if found.rows.src.dtype in (ir.DataType.FLOAT16, ir.DataType.BFLOAT16):
            notes = ("its 16-bit floats are computed with in float32, and rounded once",)
        write_scores(found, edit)
        report.changes.append(Change(name, before, GATHER_DOT.op_type, notes))


def match(node: ir.Node) -> Scores | None:
    """The scores that a ReduceSum computes. None if it is not certain that one TRTS_GatherDot computes the same, or if
    something else needs what is summed up."""
    if node.domain != "" or node.op_type != "ReduceSum" or not node.outputs:
        return None
    summed = facts.argument(node, 0)
    sizes = facts.dims(summed)
    first = None if sizes is None else _first_summed(node, len(sizes))
    if sizes is None or first is None:
        return None
    heads = sizes[1:first]
    if any(not isinstance(size, int) or size < 1 for size in heads):
        return None
    for combined, weight in _without_weight(summed, sizes):
        pair = _pair(combined, sizes, node.graph)
        if pair is None:
            continue
        rows, other, combine, slope = pair
        if weight is None or weight.dtype == rows.src.dtype:
            of_heads = tuple(size for size in heads if isinstance(size, int))
            return Scores(node, rows, other, weight, combine, slope, of_heads)
    return None


def _first_summed(node: ir.Node, rank: int) -> int | None:
    """The first of the axes that are summed up; None if these are not the last ones, or all."""
    if len(node.inputs) > 1 and node.inputs[1] is not None:
        given = facts.constant(facts.argument(node, 1))
        axes = None if given is None else [int(axis) for axis in given.flat]
    else:
        axes = facts.numbers(node, "axes")
    if not axes or any(not -rank <= axis < rank for axis in axes):
        return None
    found = sorted({axis % rank for axis in axes})
    return found[0] if found[0] >= 1 and found == list(range(found[0], rank)) else None


def _without_weight(summed: ir.Value, sizes: Sequence[Dim]) -> Iterator[tuple[ir.Value, ir.Value | None]]:
    """What may be the combined rows, and the factor of each column that they are multiplied by."""
    yield summed, None
    product = _only_for_the_sum(summed, "Mul")
    if product is None:
        return
    factors = [facts.argument(product, position) for position in (0, 1)]
    for combined, weight in (factors, factors[::-1]):
        given = facts.dims(weight)
        if given is None or len(given) > len(sizes):
            continue
        of_weight: list[Dim] = [*(1 for _ in range(len(sizes) - len(given))), *given]
        if of_weight[0] == 1 and all(map(facts.same, of_weight[1:], sizes[1:])):
            yield combined, weight


def _pair(value: ir.Value, sizes: Sequence[Dim], graph: object) -> tuple[Rows, Rows, str, float] | None:
    """The rows that `value` is combined of, how, and the slope."""
    combine, slope, node = "mul", 0.0, _only_for_the_sum(value, "Mul")
    if node is None:
        combine, slope = "add", 1.0
        relu = _only_for_the_sum(value, "LeakyRelu")
        if relu is not None:
            alpha = relu.attributes.get("alpha")
            slope = _SLOPE_OF_ONNX if alpha is None else float(alpha.as_float())
            value = facts.argument(relu, 0)
        node = _only_for_the_sum(value, "Add")
    if node is None or not math.isfinite(slope):
        return None
    ends = [_rows(facts.argument(node, position), sizes, graph) for position in (0, 1)]
    rows, other = ends
    if rows is None or other is None or rows.src.dtype != other.src.dtype or rows.src.dtype not in _FLOATS:
        return None
    return rows, other, combine, slope


def _rows(value: ir.Value, sizes: Sequence[Dim], graph: object) -> Rows | None:
    """The rows of these sizes that `value` is, if they are gathered in the graph itself. In an outer one it may be done
    less often."""
    rows = rows_of(value, 0)
    maker = None if rows is None else rows.gathered.producer()
    if rows is None or maker is None or maker.graph is not graph or rows.index.dtype not in _INDICES:
        return None
    given, of_src = facts.dims(rows.gathered), facts.dims(rows.src)
    if given is None or of_src is None or len(given) != len(sizes) or len(of_src) != len(sizes):
        return None
    # Nothing is broadcast.
    has_sizes = all(map(facts.same, given, sizes)) and all(map(facts.same, of_src[1:], sizes[1:]))
    return rows if has_sizes else None


def _only_for_the_sum(value: ir.Value, op_type: str) -> ir.Node | None:
    """The node that makes `value`, if it has that type and nothing else uses its result."""
    node = facts.made_by(value, op_type)
    return node if len(value.uses()) == 1 and not value.is_graph_output() else None
