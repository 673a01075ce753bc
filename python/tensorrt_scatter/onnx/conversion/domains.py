"""Moves the plugins' nodes of a model to another ONNX domain."""

from __future__ import annotations

import onnx_ir as ir

from ..._declarations import BY_OP_TYPE
from .. import nodes
from . import facts
from .edit import name_of
from .report import Change


def move(model: ir.Model, domain: str) -> list[Change]:
    """Gives a domain to all plugins' nodes, those of functions too. Returns the changes of the nodes that had another.

    Nodes of the same names in a domain that is neither of the two may be something else, and stay.
    """
    changes = []
    holders: list[ir.Model | ir.Function] = [model, *model.functions.values()]
    for holder in holders:
        inside = [node for graph in facts.nested(holder.graph) for node in graph]
        for node in inside:
            if _is_plugin(node) and node.domain != domain:
                changes.append(Change(name_of(node), f"{node.op_type} in {node.domain}", f"in {domain}"))
                node.domain = domain
        used = {node.domain for node in inside}
        if domain in used:
            holder.opset_imports[domain] = nodes.DOMAIN_VERSION
            for other in set(nodes.DOMAINS) - used:
                holder.opset_imports.pop(other, None)
    return changes


def _is_plugin(node: ir.Node) -> bool:
    return node.op_type in BY_OP_TYPE and node.domain in nodes.DOMAINS
