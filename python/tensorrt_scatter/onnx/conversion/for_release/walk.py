"""What the passes share: the nodes that they go through, and how they replace one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import onnx_ir as ir

from .. import facts
from ..edit import Editor, graph_of, name_of
from ..report import Change, Report


def nodes_of(model: ir.Model, *op_types: str) -> list[ir.Node]:
    """The nodes of ONNX's own domain in the graph and the graphs inside it; of some types, where these are given.

    A node without an output computes nothing, and is left out.
    """
    found = (node for graph in facts.nested(model.graph) for node in graph if node.domain == "" and node.outputs)
    return [node for node in found if not op_types or node.op_type in op_types]


def put(node: ir.Node, inputs: Sequence[ir.Value | None], attributes: Iterable[ir.Attr], edit: Editor) -> None:
    """Puts a node with other inputs and attributes in the place of one. The outputs keep their names."""
    before, outputs = list(node.inputs), list(node.outputs)
    new = ir.Node(node.domain, node.op_type, inputs, attributes, num_outputs=len(outputs), name=node.name)
    ir.convenience.replace_nodes_and_values(graph_of(node), node, [node], [new], outputs, new.outputs)
    edit.drop_unused(before)


def summed_up(changed: Iterable[ir.Node], before: str, after: str, report: Report) -> None:
    """Adds one line to the report for all nodes that a pass changed. They may be many, and none is a scatter."""
    names = [name_of(node) for node in changed]
    if names:
        report.changes.append(Change(", ".join(names), before, after))
