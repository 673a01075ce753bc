"""torch_geometric's maxima and minima as PyTorch's older exporter writes them: bounded by 0. convert mends them."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from exporting import assert_same, export, plugin_nodes, run
from graphs import Feeds, model, op_types
from torch import Tensor

from tensorrt_scatter.onnx import convert, reference

WRITTEN = """g (float[{sizes}] like, float[e, 3] src, int64[e, 1] column) => (float[{sizes}] out) {{
    shape = Shape (src)  at = Expand (column, shape)  size = Shape (like)  base = ConstantOfShape (size)
    {fill}
    start = ScatterElements <reduction = "{reduce}"> (base, at, filled)
    out = ScatterElements <reduction = "{reduce}"> (start, at, src) }}"""
# torch.full of a tensor is written as zeros to which it is added.
FILL = """one = Constant <value_ints = [1]> ()  zero = ConstantOfShape (one)
    {extreme} = Reduce{extreme} <keepdims = 0> (src)  number = Add (zero, {extreme})  filled = Expand (number, shape)"""
FILLS = {"max": FILL.format(extreme="Min"), "min": FILL.format(extreme="Max")}

LIKE = np.zeros((4, 3), np.float32)
SRC = -np.arange(1, 16, dtype=np.float32).reshape(5, 3)
COLUMN = np.array([[0], [2], [2], [0], [3]])


def feeds(reduce: str) -> Feeds:
    """Each group's elements are on the side of 0 at which the bound shows."""
    return {"like": LIKE, "src": SRC if reduce == "max" else -SRC, "column": COLUMN}


def in_pytorch(reduce: str) -> Any:
    src = torch.from_numpy(feeds(reduce)["src"])
    index = torch.from_numpy(COLUMN).expand_as(src)
    return torch.zeros(4, 3).scatter_reduce(0, index, src, f"a{reduce}", include_self=False)


@pytest.mark.parametrize("reduce", ["max", "min"])
@pytest.mark.parametrize("sizes", ["n, 3", "4, 3"])
def test_the_value_of_pytorch(reduce: str, sizes: str, operators: ModuleType) -> None:
    original = model(WRITTEN.format(sizes=sizes, fill=FILLS[reduce], reduce=reduce))
    converted, report = convert(original)
    onnx.checker.check_model(converted, full_check=True)
    assert len(plugin_nodes(converted)) == 1 and "ReduceMin" not in op_types(converted.graph)
    (result,) = reference.evaluator(converted, operators).run(None, feeds(reduce))
    np.testing.assert_array_equal(result, in_pytorch(reduce).numpy())
    assert "as torch_geometric computes it in PyTorch" in str(report) and not report.wrong
    assert not convert(converted)[1].changes


@pytest.mark.parametrize("reduce", ["max", "min"])
def test_where_it_cannot_be_mended_the_report_says_that_it_is_wrong(reduce: str) -> None:
    """A number of groups that varies would be an input, which fuse=False rules out."""
    converted, report = convert(model(WRITTEN.format(sizes="n, 3", fill=FILLS[reduce], reduce=reduce)), fuse=False)
    assert len(plugin_nodes(converted)) == 2
    (wrong,) = report.wrong
    assert "torch_geometric" in wrong.reason and "dynamo=True" in wrong.reason
    assert "WRONG" in str(report) and str(report).endswith("1 WRONG")


@pytest.mark.parametrize(
    "fill",
    [
        "number = ReduceMin <keepdims = 0> (like)  filled = Expand (number, shape)",
        "number = ReduceMax <keepdims = 0> (src)  filled = Expand (number, shape)",
        "axes = Constant <value_ints = [0]> ()  number = ReduceMin (src, axes)  filled = Expand (number, shape)",
        "number = ReduceMin <keepdims = 0, noop_with_empty_axes = 1> (src)  filled = Expand (number, shape)",
    ],
)
def test_what_torch_geometric_does_not_write_is_computed_as_it_is_written(fill: str, operators: ModuleType) -> None:
    original = model(WRITTEN.format(sizes="4, 3", fill=fill, reduce="max"))
    converted, report = convert(original)
    given = feeds("max")
    results = [reference.evaluator(each, operators).run(None, given)[0] for each in (original, converted)]
    np.testing.assert_array_equal(*results)
    assert len(plugin_nodes(converted)) == 2 and not report.wrong


@pytest.mark.parametrize("reduce", ["max", "min"])
def test_torch_geometric_itself(reduce: str, operators: ModuleType) -> None:
    utils = pytest.importorskip("torch_geometric.utils")

    def call(x: Tensor, index: Tensor) -> Tensor:
        result: Tensor = utils.scatter(x, index, 0, 4, reduce)
        return result

    given = {"x": torch.from_numpy(feeds(reduce)["src"]), "index": torch.from_numpy(COLUMN[:, 0])}
    converted, report = convert(export("torchscript", call, given, {"x": {0: "n"}, "index": {0: "n"}}))
    assert len(plugin_nodes(converted)) == 1 and not report.wrong, report
    assert_same(run(converted, given, operators), call(*given.values()))
