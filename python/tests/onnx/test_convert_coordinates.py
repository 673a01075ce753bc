"""ScatterND with several coordinates for each index: PyTorch's index_put(accumulate=True) on a grid."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import onnx
import pytest
import torch
from checking import check
from exporting import assert_same, attributes, export, plugin_nodes, run
from graphs import Feeds, draw, model, op_types
from torch import Tensor

from tensorrt_scatter.onnx import convert


def indices(
    seed: int, axes: tuple[int, ...], sizes: tuple[int, ...]
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Coordinates of each axis from its end to its last element."""
    generator = np.random.default_rng(seed)
    return np.stack([generator.integers(-size, size, axes) for size in sizes], -1)


@pytest.mark.parametrize("reduction", ["add", "mul", "min", "max"])
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("axes", [("9",), ("e",), ("2", "3")])
def test_coordinates(reduction: str, count: int, axes: tuple[str, ...], operators: ModuleType) -> None:
    rows = (4, 3, 2)[count:]
    dims, of_rows = ", ".join(axes), "".join(f", {size}" for size in rows)
    original = model(f"""g (float[4, 3, 2] data, int64[{dims}, {count}] index, float[{dims}{of_rows}] src)
            => (float[4, 3, 2] out)
        {{ out = ScatterND <reduction = "{reduction}"> (data, index, src) }}""")
    given = tuple(7 if axis == "e" else int(axis) for axis in axes)
    feeds: Feeds = {
        "data": draw(1, 4, 3, 2),
        "index": indices(2, given, (4, 3, 2)[:count]),
        "src": draw(3, *given, *rows),
    }
    (node,) = plugin_nodes(check(original, feeds, operators))
    assert attributes(node)["dim_size"] == (12 if count == 2 else 24) and attributes(node)["dim"] == 0


@pytest.mark.parametrize(("sizes", "given"), [("n, 3, 2", (4, 3, 2)), ("n, c, 2", (4, 5, 2)), ("4, c, 2", (4, 5, 2))])
@pytest.mark.parametrize("wrap", [True, False])
def test_axes_that_vary(sizes: str, given: tuple[int, ...], wrap: bool, operators: ModuleType) -> None:
    original = model(f"""g (float[{sizes}] data, int64[e, 2] index, float[e, 2] src) => (float[{sizes}] out)
        {{ out = ScatterND <reduction = "add"> (data, index, src) }}""")
    feeds: Feeds = {"data": draw(1, *given), "index": indices(2, (9,), given[:2]), "src": draw(3, 9, 2)}
    converted = check(original, feeds, operators)
    assert len(plugin_nodes(converted)) == 1 and converted.graph.output == original.graph.output
    if not wrap:
        assert "Where" not in op_types(convert(original, wrap_negative_indices=False)[0].graph)


@pytest.mark.parametrize("opset", [16, 18])
def test_a_grid_of_zeros_has_no_base(opset: int, operators: ModuleType) -> None:
    original = model(
        """g (int64[e, 2] index, float[e] src) => (float[4, 3] out) {
        sizes = Constant <value_ints = [4, 3]> ()
        data = ConstantOfShape (sizes)
        out = ScatterND <reduction = "add"> (data, index, src) }""",
        opset,
    )
    feeds: Feeds = {"index": indices(2, (9,), (4, 3)), "src": draw(3, 9)}
    converted = check(original, feeds, operators)
    (node,) = plugin_nodes(converted)
    assert len(node.input) == 2 and attributes(node)["dim_size"] == 12
    assert "ConstantOfShape" not in op_types(converted.graph)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("float[4, 3, c] data, int64[5, 2] index, float[5, c] src", "sizes of its rows are not fixed"),
        ("float[4, 3, 2] data, int64[5, k] index, float[5, 2] src", "how many coordinates"),
        ("float[4, 3, 2] data, int64[2] index, float[2] src", "a single row"),
        ("float[4, 3] data, int64[2] index, float src", "a single element"),
        ("float[4, 3, 2] data, int64[5, 2] index, float[5, 1] src", "updates have size 1"),
        ("float[65536, 65536, 2] data, int64[5, 2] index, float[5, 2] src", "4294967296 elements"),
    ],
)
def test_what_is_left_alone(text: str, reason: str) -> None:
    rank = text.split("]")[0].count(",") + 1
    out = ", ".join("abc"[:rank])
    original = model(f'g ({text}) => (float[{out}] out) {{ out = ScatterND <reduction = "add"> (data, index, src) }}')
    converted, report = convert(original)
    assert converted.graph.node == original.graph.node
    assert [reason in kept.reason for kept in report.kept] == [True], report


def test_scatters_with_the_same_coordinates_share_the_index(operators: ModuleType) -> None:
    original = model("""g (float[4, 3, 2] data, int64[e, 2] index, float[e, 2] src) => (float[4, 3, 2] out) {
        first = ScatterND <reduction = "add"> (data, index, src)
        out = ScatterND <reduction = "max"> (first, index, src) }""")
    feeds: Feeds = {"data": draw(1, 4, 3, 2), "index": indices(2, (9,), (4, 3)), "src": draw(3, 9, 2)}
    kinds = op_types(check(original, feeds, operators).graph)
    assert kinds.count("Where") == 1 and kinds.count("ReduceSum") == 1


def test_index_put_on_a_grid(operators: ModuleType) -> None:
    """As a bird's-eye view is made of points. The exporter gives each of three tensors a size of its own."""

    def call(x: Tensor, row: Tensor, column: Tensor) -> Tensor:
        return torch.zeros(4, 5, 3).index_put((row, column), x, accumulate=True)

    def given(n: int) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(n)
        places = {
            name: torch.randint(-size, size, (n,), generator=generator) for name, size in (("row", 4), ("column", 5))
        }
        return {"x": torch.randint(-4, 5, (n, 3), generator=generator).float(), **places}

    dynamic = {"x": {0: "n"}, "row": {0: "n"}, "column": {0: "n"}}
    converted, report = convert(export("dynamo", call, given(9), dynamic))
    onnx.checker.check_model(converted, full_check=True)
    (node,) = plugin_nodes(converted)
    assert node.op_type == "TRTS_Scatter" and not report.kept, report
    for n in (9, 14, 2):
        assert_same(run(converted, given(n), operators), call(*given(n).values()))
