"""Scatters without a reduction: the report tells those that are certainly wrong from those that are harmless."""

from __future__ import annotations

import onnx
import pytest
import torch
from exporting import export
from graphs import model
from torch import Tensor

from tensorrt_scatter.onnx import convert

ADDED = "sizes = Constant <value_ints = [4, 3]> ()  zeros = ConstantOfShape (sizes)"


def reported(original: onnx.ModelProto) -> tuple[str, list[str]]:
    """The reason in the report, and what is wrong."""
    report = convert(original)[1]
    (kept,) = report.kept
    assert str(report).endswith("WRONG") is bool(report.wrong)
    return kept.reason, [each.reason for each in report.wrong]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            """(float[4] data, int64[5] index) => (float[4] out) {
            size = Constant <value_ints = [5]> ()  ones = ConstantOfShape <value = float[1] {1.0}> (size)
            out = ScatterElements (data, index, ones) }""",
            "the same number",
        ),
        (
            """(float[4] data, float[3] src) => (float[4] out) {
            index = Constant <value_ints = [2, 0, 3]> ()  out = ScatterElements (data, index, src) }""",
            "no two elements share an index",
        ),
        (
            """(float[4, 3] data, float[1, 3] src, int64[1, 1] index) => (float[4, 3] out)
            { out = ScatterND (data, index, src) }""",
            "no two elements share an index",
        ),
        (
            """(float[4] data, bool[4] mask, float[k] src) => (float[4] out) {
            found = NonZero (mask)  index = Transpose (found)  out = ScatterND (data, index, src) }""",
            "no two elements share an index",
        ),
    ],
)
def test_what_needs_no_reduction(text: str, reason: str) -> None:
    found, wrong = reported(model("g " + text))
    assert "needs none" in found and reason in found and not wrong


@pytest.mark.parametrize(
    "index",
    [
        "int64[5] index",
        # -1 is the last element, as 3 is.
        "int64[5] unused",
    ],
)
def test_what_may_need_one(index: str) -> None:
    constant = "index = Constant <value_ints = [3, 0, 1, 2, -1]> ()" if "unused" in index else ""
    found, wrong = reported(
        model(
            f"g (float[4] data, {index}, float[5] src) => (float[4] out) {{ {constant} out = ScatterElements (data, index, src) }}"
        )
    )
    assert "one is kept" in found and not wrong


@pytest.mark.parametrize(("e", "is_wrong"), [("5", True), ("4", False), ("e", False)])
@pytest.mark.parametrize("scatter", ["ScatterElements (zeros, at, src)", "ScatterND (zeros, column, src)"])
def test_an_index_add_of_the_older_exporter(e: str, is_wrong: bool, scatter: str) -> None:
    """Five elements in four places share one."""
    found, wrong = reported(
        model(f"""g (float[4, 3] self, int64[{e}, 1] column, float[{e}, 3] src) => (float[4, 3] out) {{
        {ADDED}  shape = Shape (src)  at = Expand (column, shape)
        placed = {scatter}
        out = Add (self, placed) }}""")
    )
    assert "index_add" in found and bool(wrong) is is_wrong


def test_exports_that_lose_a_reduction() -> None:
    def mean(x: Tensor, index: Tensor) -> Tensor:
        return torch.zeros(4, 3).scatter_reduce(0, index[:, None].expand_as(x), x, "mean")

    def index_add(x: Tensor, index: Tensor) -> Tensor:
        return torch.zeros(4, 3).index_add(0, index, x)

    given = {"x": torch.rand(9, 3), "index": torch.arange(9) % 4}
    found, wrong = reported(export("dynamo", mean, given))
    assert "scatter_reduce" in found and "scatter_mean" in wrong[0]
    # Without sizes that vary, this exporter itself refuses more elements than places.
    found, wrong = reported(export("torchscript", index_add, given, {"x": {0: "n"}, "index": {0: "n"}}))
    assert "index_add" in found and "dynamo=True" in found and not wrong
