"""Shapes that a model computes: convert follows them to the sizes that the index of a scatter certainly has."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from checking import check
from exporting import assert_same, export, makers, plugin_nodes, run
from graphs import Feeds, draw, draw_index, model, op_types
from torch import Tensor

from tensorrt_scatter.onnx import convert

GROUPS, COLUMNS = 4, 3


def zeros(*sizes: int) -> Tensor:
    return torch.zeros(*sizes)


def column(index: Tensor) -> Tensor:
    return index.unsqueeze(-1)


# Each makes the index in another way. torch_scatter makes it as the last but one does.
IDIOMS: dict[str, Any] = {
    "expand(-1, F)": lambda x, i: zeros(GROUPS, COLUMNS).scatter_add(0, column(i).expand(-1, COLUMNS), x),
    "expand(-1, x.size(1))": lambda x, i: zeros(GROUPS, COLUMNS).scatter_add(0, column(i).expand(-1, x.size(1)), x),
    "expand(i.size(0), F)": lambda x, i: zeros(GROUPS, COLUMNS).scatter_add(0, column(i).expand(i.size(0), COLUMNS), x),
    "repeat(1, F)": lambda x, i: zeros(GROUPS, COLUMNS).scatter_add(0, column(i).repeat(1, COLUMNS), x),
    "repeat(1, x.size(1))": lambda x, i: zeros(GROUPS, COLUMNS).scatter_add(0, column(i).repeat(1, x.size(1)), x),
    "tile": lambda x, i: zeros(GROUPS, COLUMNS).scatter_add(0, torch.tile(column(i), (1, COLUMNS)), x),
    "broadcast_to": lambda x, i: zeros(GROUPS, COLUMNS).scatter_add(0, torch.broadcast_to(column(i), x.shape), x),
    "negative dim": lambda x, i: zeros(COLUMNS, GROUPS).scatter_add(-1, i.expand(COLUMNS, -1), x.t()),
    "zeros of sizes": lambda x, i: torch.zeros(x.size(0), x.size(1)).scatter_add(0, column(i).expand(x.size()), x),
    "scatter_reduce": lambda x, i: zeros(GROUPS, COLUMNS).scatter_reduce(0, column(i).expand(-1, COLUMNS), x, "amax"),
    "expand(x.size())": lambda x, i: zeros(GROUPS, COLUMNS).scatter_add(0, column(i).expand(x.size()), x),
    "3-D": lambda x, i: zeros(2, GROUPS, COLUMNS).scatter_add(
        1, i.view(1, -1, 1).expand(2, -1, COLUMNS), x.expand(2, -1, -1)
    ),
}
# The exporter that writes a dozen nodes for a shape; the other one writes a constant.
OLDER = "torchscript"


def inputs(n: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(n)
    return {
        "x": torch.randint(-4, 5, (n, COLUMNS), generator=generator).float(),
        "index": torch.randint(0, GROUPS, (n,), generator=generator),
    }


def is_expanded(converted: onnx.ModelProto) -> bool:
    (node,) = plugin_nodes(converted)
    return bool({"Expand", "Tile"} & makers(converted, node.input[1]))


@pytest.mark.parametrize("name", list(IDIOMS))
@pytest.mark.parametrize("varies", [True, False])
def test_an_index_that_is_expanded_in_any_way(name: str, varies: bool, operators: ModuleType) -> None:
    call = IDIOMS[name]
    dynamic = {"x": {0: "n"}, "index": {0: "n"}} if varies else None
    converted, report = convert(export(OLDER, call, inputs(8), dynamic, opset=18))
    onnx.checker.check_model(converted, full_check=True)
    assert not report.kept and not is_expanded(converted), report
    # Nothing is left of what computed the shape of the index, or of a Slice to that shape.
    assert not {"Equal", "Slice", "If"} & set(op_types(converted.graph))
    for n in (8, 5, 13) if varies else (8,):
        assert_same(run(converted, inputs(n), operators), call(*inputs(n).values()))
    again, second = convert(converted)
    assert not second.changes and again == converted


def test_batches(operators: ModuleType) -> None:
    def call(x: Tensor, index: Tensor) -> Tensor:
        batches = torch.zeros(x.size(0), GROUPS, x.size(2))
        return batches.scatter_add(1, index.unsqueeze(-1).expand(x.size()), x)

    def given(b: int, n: int) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(b * n)
        x = torch.randint(-4, 5, (b, n, COLUMNS), generator=generator).float()
        return {"x": x, "index": torch.randint(0, GROUPS, (b, n), generator=generator)}

    dynamic = {"x": {0: "b", 1: "n"}, "index": {0: "b", 1: "n"}}
    converted, report = convert(export(OLDER, call, given(2, 7), dynamic, opset=18))
    assert not report.kept and not is_expanded(converted), report
    for b, n in ((2, 7), (3, 5)):
        assert_same(run(converted, given(b, n), operators), call(*given(b, n).values()))


def scatter(index: str, given: str = "int64[n, 1] column, float[n, 3] src") -> onnx.ModelProto:
    """A scatter whose index the nodes in `index` make."""
    return model(f"""g (float[4, 3] data, {given}) => (float[4, 3] out) {{
        {index}
        out = ScatterElements <axis = 0, reduction = "add"> (data, at, src) }}""")


CERTAIN = {
    "-1 is replaced": """two = Constant <value_ints = [2]> ()  ones = ConstantOfShape <value = int64[1] {1}> (two)
        minus = Constant <value_int = -1> ()  all = Mul (ones, minus)  wanted = Constant <value_ints = [-1, 3]> ()
        keeps = Equal (wanted, all)  shape = Where (keeps, ones, wanted)  at = Expand (column, shape)""",
    "a size is not -1": """shape = Shape (src)  minus = Constant <value_ints = [-1, -1]> ()
        ones = Constant <value_ints = [1, 1]> ()  keeps = Equal (shape, minus)  target = Where (keeps, ones, shape)
        at = Expand (column, target)""",
    "sizes one by one": """sizes = Shape (src)  zero = Constant <value_int = 0> ()  three = Constant <value_ints = [3]> ()
        first = Gather (sizes, zero)  axis = Constant <value_ints = [0]> ()  n = Unsqueeze (first, axis)
        shape = Concat <axis = 0> (n, three)  at = Expand (column, shape)""",
    "a Tile": "counts = Constant <value_ints = [1, 3]> ()  at = Tile (column, counts)",
    "a Tile by a size": """sizes = Shape (src)  one = Constant <value_ints = [1]> ()  two = Constant <value_ints = [2]> ()
        last = Slice (sizes, one, two)  counts = Concat <axis = 0> (one, last)  at = Tile (column, counts)""",
    "a Range": """start = Constant <value_int = 1> ()  end = Constant <value_int = 4> ()  step = Constant <value_int = 2> ()
        shape = Range (start, end, step)  at = Expand (column, shape)""",
}


@pytest.mark.parametrize("name", list(CERTAIN))
def test_shapes_that_are_certain(name: str, operators: ModuleType) -> None:
    original = scatter(CERTAIN[name])
    for n in (1, 6, 0):
        feeds: Feeds = {"data": draw(1, 4, 3), "column": draw_index(2, -4, 4, n, 1), "src": draw(3, n, 3)}
        converted = check(original, feeds, operators)
    assert not is_expanded(converted)


UNCERTAIN = {
    "a size that varies may be another one": "shape = Shape (other)  at = Expand (column, shape)",
    "a sum of sizes": """sizes = Shape (other)  one = Constant <value_ints = [1]> ()  zero = Constant <value_ints = [0]> ()
        c = Slice (sizes, one, zero)  k = Shape <start = 1> (other)  more = Add (k, one)
        n = Shape <end = 1> (src)  shape = Concat <axis = 0> (n, more)  at = Expand (column, shape)""",
    "a Tile of more than one": "counts = Shape (other)  at = Tile (column, counts)",
}


@pytest.mark.parametrize("name", list(UNCERTAIN))
def test_shapes_that_are_not_certain(name: str) -> None:
    original = scatter(UNCERTAIN[name], "int64[n, 1] column, float[n, 3] src, float[n, k] other")
    converted, report = convert(original)
    assert converted.graph.node == original.graph.node and len(report.kept) == 1


def test_a_tile_that_repeats_rows_stays(operators: ModuleType) -> None:
    original = scatter(
        "counts = Constant <value_ints = [2, 1]> ()  at = Tile (column, counts)", "int64[5, 3] column, float[10, 3] src"
    )
    feeds: Feeds = {"data": draw(1, 4, 3), "column": draw_index(2, 0, 4, 5, 3), "src": draw(3, 10, 3)}
    assert "Tile" in op_types(check(original, feeds, operators).graph)


@pytest.mark.parametrize(
    ("sizes", "shape", "feeds"),
    [
        # A 0 in the shape stands for the size of the axis.
        ("n, 2, 3", "zero = Constant <value_ints = [0, 6]> ()", (4, 0)),
        ("n, 2, 3", "zero = Constant <value_ints = [-1, 6]> ()", (4, 0)),
        ("n, 6", "sizes = Shape (x)  zero = Identity (sizes)", (4, 0)),
    ],
)
def test_reshaped_rows(sizes: str, shape: str, feeds: tuple[int, ...], operators: ModuleType) -> None:
    original = model(f"""g (float[{sizes}] x, int64[n] index) => (float[4, 6] out) {{
        {shape}
        src = Reshape (x, zero)
        last = Constant <value_ints = [1]> ()  column = Unsqueeze (index, last)
        target = Constant <value_ints = [1, 6]> ()  at = Expand (column, target)
        all = Constant <value_ints = [4, 6]> ()  data = ConstantOfShape (all)
        out = ScatterElements <axis = 0, reduction = "add"> (data, at, src) }}""")
    for n in feeds:
        given: Feeds = {
            "x": draw(1, *(n if size == "n" else int(size) for size in sizes.split(", "))),
            "index": draw_index(2, 0, 4, n),
        }
        converted = check(original, given, operators)
    assert not is_expanded(converted) and "Slice" not in op_types(converted.graph)


def test_declared_outputs_that_are_wrong_are_not_kept() -> None:
    """PyTorch's older exporter declares them where sizes are fixed and a scatter_reduce is before them."""
    original = scatter(CERTAIN["a Tile"])
    original.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 7
    converted, _ = convert(original)
    assert converted.graph.output[0].type.tensor_type.shape.dim[0].dim_value == 4
    onnx.checker.check_model(converted, full_check=True)


def test_small_constants_are_computed_and_copies_removed(operators: ModuleType) -> None:
    original = model("""g (float[4, 3] data, int64[5] index, float[5, 3] src) => (float[4, 3] out, int64[2] sizes) {
        last = Constant <value_ints = [1]> ()  column = Unsqueeze (index, last)
        shape = Shape (src)  at = Expand (column, shape)
        again = Constant <value_ints = [1]> ()  other = Unsqueeze (index, again)  shape2 = Shape (src)
        at2 = Expand (other, shape2)
        one = ScatterElements <axis = 0, reduction = "add"> (data, at, src)
        out = ScatterElements <axis = 0, reduction = "max"> (one, at2, src)
        unused = Relu (src)
        sizes = Shape (src) }""")
    feeds: Feeds = {"data": draw(1, 4, 3), "index": draw_index(2, 0, 4, 5), "src": draw(3, 5, 3)}
    converted = check(original, feeds, operators)
    kinds = op_types(converted.graph)
    assert kinds.count("Unsqueeze") <= 1 and "Relu" not in kinds and kinds.count("Where") == 1
    # What is an output stays as it was.
    assert kinds.count("Shape") == 1
    # Nothing is changed in a model in which no scatter is rewritten.
    plain = model("g (float[5, 3] x) => (int64[2] out) { s = Shape (x)  t = Shape (x)  out = Add (s, t) }")
    assert convert(plain)[0] == plain


def test_random_numbers_are_not_copies(operators: ModuleType) -> None:
    original = model("""g (float[4] data, int64[5] index, float[5] src) => (float[4] out, float[2, 5] noise) {
        a = RandomUniformLike (src)  b = RandomUniformLike (src)
        axes = Constant <value_ints = [0]> ()  x = Unsqueeze (a, axes)  y = Unsqueeze (b, axes)
        noise = Concat <axis = 0> (x, y)
        out = ScatterElements <reduction = "add"> (data, index, src) }""")
    converted, _ = convert(original)
    assert op_types(converted.graph).count("RandomUniformLike") == 2
    assert np.unique([node.input[0] for node in converted.graph.node if node.op_type == "Unsqueeze"]).size == 2
