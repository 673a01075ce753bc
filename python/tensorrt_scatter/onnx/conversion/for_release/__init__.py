"""Writes what a TensorRT release reads as ONNX means it. Each module has one pass; `releases` has the facts.

A pass changes only what certainly computes the same afterwards. `inspection` says what is left.
"""

from __future__ import annotations

import onnx_ir as ir

from ...releases import Release
from ..edit import Editor
from ..report import Report
from . import activations, grid_sample, infinity, opset, scatter_nd, shape_range, sizes


def prepare(model: ir.Model, release: Release, edit: Editor, report: Report) -> None:
    """Does what fusions depend on: a number of groups that does not vary is no input."""
    if not release.has_sizes_as_inputs:
        sizes.fix(model, edit, report)


def rewrite(model: ir.Model, release: Release, edit: Editor, report: Report) -> None:
    """Runs the passes that a release needs."""
    if not release.has_sizes_as_inputs:
        sizes.rewrite(model, release, edit, report)
    if not release.reads_start_and_end_of_shape:
        shape_range.rewrite(model, edit, report)
    if not release.finds_equal_infinities:
        infinity.rewrite(model, edit, report)
    if release.refuses_attribute_of_scatter_nd or not release.refuses_reduction_of_scatter_nd:
        scatter_nd.rewrite(model, report)
    if not release.has_new_modes_of_grid_sample:
        grid_sample.rewrite(model, report)
    activations.rewrite(model, release, edit, report)
    opset.rewrite(model, release, edit, report)
