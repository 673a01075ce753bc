"""Makes a model smaller without a change to what it computes: before the scatters are rewritten, so that their rules see
less, and after it, for what the rules have left.

What is done here is not reported. It is kept only where a scatter is rewritten.
"""

from __future__ import annotations

import onnx_ir as ir

from . import elements, facts
from .edit import Editor, release_outer
from .elements import Known
from .numbering import Numbering

_SAME_WHERE_SIZES_ARE = ("Expand", "Reshape", "Slice", "Tile", "Cast", "Identity")


_LARGEST_MERGED = 1024
"""The bytes of the largest constant of which copies are removed: the numbers that exporters write anew at each use."""


def simplify(model: ir.Model, edit: Editor, known: Known) -> None:
    """Replaces nodes that compute constants of a few integers, and removes nodes that change nothing, and copies."""
    numbering = Numbering(_LARGEST_MERGED)
    for graph in list(facts.nested(model.graph)):
        first: dict[tuple[int, ...], ir.Node] = {}
        for node in list(graph):
            # In order, so that nothing has to be asked for far back.
            for output in node.outputs:
                known.of(output)
            if node.domain == "" and not any(output.is_graph_output() for output in node.outputs):
                _fold(node, edit, known)
                _skip(node, known)
            if node.graph is not None:
                _merge(node, first, numbering)
    drop_dead(model, edit)


def skip_identities(model: ir.Model) -> None:
    """Lets what uses the result of an Identity use what it was given. Long chains of them would take long to follow."""
    for graph in facts.nested(model.graph):
        for node in graph:
            if node.op_type == "Identity" and node.domain == "":
                for output in node.outputs[:1]:
                    if not output.is_graph_output():
                        output.replace_all_uses_with(facts.argument(node, 0))


def drop_dead(model: ir.Model, edit: Editor) -> None:
    """Removes the nodes whose results nothing uses."""
    for graph in list(facts.nested(model.graph)):
        for node in reversed(list(graph)):
            if node.graph is not None and not any(each.uses() or each.is_graph_output() for each in node.outputs):
                before = list(node.inputs)
                graph.remove(node, safe=True)
                release_outer(node)
                edit.drop_unused(before)


def _fold(node: ir.Node, edit: Editor, known: Known) -> None:
    """Replaces a node by a constant if its elements are known numbers."""
    if len(node.outputs) != 1 or node.op_type == "Constant" or facts.graphs_in(node):
        return
    value = node.outputs[0]
    array = elements.array_of(known.of(value), value.dtype)
    if array is not None and array.size > 0 and value.uses():
        value.replace_all_uses_with(edit.constant(node, array))


def _skip(node: ir.Node, known: Known) -> None:
    """Lets what uses a node's result use what the node was given, where these are the same."""
    if len(node.outputs) != 1 or node.op_type not in _SAME_WHERE_SIZES_ARE:
        return
    before, after = facts.argument(node, 0), node.outputs[0]
    sizes, wanted = facts.dims(before), facts.dims(after)
    if before.dtype is None or before.dtype != after.dtype or sizes is None or wanted is None:
        return
    if len(sizes) != len(wanted) or not all(map(facts.same, sizes, wanted)):
        return
    if node.op_type == "Slice":
        cuts = elements.slices(node, known)
        # With a step below 0 the elements are turned around.
        if cuts is None or any(step < 0 for *_, step in cuts):
            return
    after.replace_all_uses_with(before)


def _merge(node: ir.Node, first: dict[tuple[int, ...], ir.Node], numbering: Numbering) -> None:
    """Lets what uses a node's results use those of an equal node before it."""
    numbers = tuple(numbering.of(output) for output in node.outputs)
    earlier = first.setdefault(numbers, node)
    if earlier is node:
        return
    for output, same in zip(node.outputs, earlier.outputs):
        if not output.is_graph_output():
            output.replace_all_uses_with(same)
