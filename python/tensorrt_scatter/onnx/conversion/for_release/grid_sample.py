"""The mode of GridSample: opset 20 renamed "bilinear" to "linear", and "bicubic" to "cubic".

TensorRT 8.6 and 10.1 know the old names only, and take the nearest pixel where they do not know the name. Without the
attribute both the new definition and these releases are linear.
"""

from __future__ import annotations

import onnx_ir as ir

from .. import facts
from ..report import LeftAlone, Report
from .walk import nodes_of, summed_up

_RENAMED = {"linear": "bilinear", "cubic": "bicubic"}


def has_new_mode(node: ir.Node) -> bool:
    """Whether a GridSample names its mode as only opset 20 and later ones do."""
    return facts.text(node, "mode", "") in _RENAMED


def rewrite(model: ir.Model, report: Report) -> None:
    """Leaves the mode out where it is linear."""
    changed = [node for node in nodes_of(model, "GridSample") if facts.text(node, "mode", "") == "linear"]
    for node in changed:
        node.attributes.pop("mode")
    summed_up(changed, "GridSample with mode linear", "GridSample without the attribute, which is linear too", report)


def check_sizes(node: ir.Node) -> None:
    """Checks that an older GridSample can have the input.

    Raises:
        LeftAlone: it is not known to be an image.
    """
    if facts.rank(facts.argument(node, 0)) != 4:
        raise LeftAlone("its input is not, or maybe not, an image with 4 axes")


def write_older_mode(node: ir.Node) -> None:
    """Names the mode as older definitions do."""
    mode = facts.text(node, "mode", "")
    if mode in _RENAMED:
        node.attributes["mode"] = ir.AttrString("mode", _RENAMED[mode])
