"""Ifs around scatters whose condition is constant.

PyTorch's exporter over TorchScript puts scatter_reduce between two Ifs that ask for its rank, and makes the index of a
scatter by such Ifs where torch.tile does. TensorRT wants the two branches of an If to agree in shape, which these do not.
"""

from __future__ import annotations

import onnx_ir as ir

from . import facts
from .edit import name_of, release_outer
from .elements import Known
from .report import Change

_SCATTERS = ("ScatterElements", "ScatterND")
_STEPS = ("Cast", "Expand", "If", "Reshape", "Shape", "Slice", "Tile")
"""What may stand between an If and the scatter whose index it is for."""


def fold(model: ir.Model) -> list[Change]:
    """Replaces each such If by the branch that it always takes."""
    changes, known = [], Known()
    # In order, because the condition of an If may depend on the result of an earlier If.
    for node in list(model.graph):
        for output in node.outputs:
            known.of(output)
        if node.op_type != "If" or node.domain != "" or not _is_at_a_scatter(node):
            continue
        condition = known.of(facts.argument(node, 0))
        answer = condition.item() if condition is not None and condition.size == 1 else None
        if isinstance(answer, bool):
            _inline(model.graph, node, facts.graph(node, "then_branch" if answer else "else_branch"))
            changes.append(
                Change(name_of(node), "If", f"its branch for a condition that is always {str(answer).lower()}")
            )
    return changes


def _is_at_a_scatter(node: ir.Node) -> bool:
    inner = (value for branch in facts.graphs_in(node) for child in branch for value in child.inputs)
    return _feeds_a_scatter(node) or any(facts.made_by(value, *_SCATTERS) is not None for value in inner)


def _feeds_a_scatter(node: ir.Node) -> bool:
    pending, seen = [node], set[ir.Node]()
    while pending:
        users = {user for output in pending.pop().outputs for user in output.consumers()} - seen
        if any(user.op_type in _SCATTERS for user in users):
            return True
        seen |= users
        pending += [user for user in users if user.op_type in _STEPS]
    return False


def _inline(graph: ir.Graph, node: ir.Node, branch: ir.Graph) -> None:
    results = list(branch.outputs)
    moved = list(branch)
    branch.outputs.clear()
    branch.remove(moved)
    graph.insert_before(node, moved)
    for value in list(branch.initializers.values()):
        branch.initializers.pop(str(value.name))
        graph.register_initializer(value)
    # The declared shapes may be those of the other branch. They are inferred again.
    _forget_shapes([*(value for child in moved for value in child.outputs), *node.outputs])
    for output, result in zip(node.outputs, results):
        name, is_output = output.name, output.is_graph_output()
        output.replace_all_uses_with(result, replace_graph_outputs=True)
        if is_output:
            result.name = name
    graph.remove(node, safe=True)
    release_outer(node)


def _forget_shapes(values: list[ir.Value]) -> None:
    """Removes the shapes of `values`, and of everything that ONNX's own operators compute from them."""
    pending, seen = list(values), set[ir.Value]()
    while pending:
        value = pending.pop()
        if value not in seen:
            seen.add(value)
            value.shape = None
            pending += [output for user in value.consumers() if user.domain == "" for output in user.outputs]
