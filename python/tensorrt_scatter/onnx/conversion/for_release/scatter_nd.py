"""ScatterND loses the attribute `reduction` where that is "none", as it is without the attribute.

TensorRT 10.0 to 10.8 refuse a node that has the attribute, and PyTorch's exporter always writes it.
"""

from __future__ import annotations

import onnx_ir as ir

from .. import facts
from ..report import Report
from .walk import nodes_of, summed_up


def rewrite(model: ir.Model, report: Report) -> None:
    """Removes the attribute."""
    changed = [
        node
        for node in nodes_of(model, "ScatterND")
        if "reduction" in node.attributes and facts.text(node, "reduction", "none") == "none"
    ]
    for node in changed:
        node.attributes.pop("reduction")
    summed_up(changed, 'ScatterND with reduction "none"', "ScatterND without the attribute", report)
