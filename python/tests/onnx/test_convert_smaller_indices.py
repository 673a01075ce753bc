"""Indices that are smaller than the updates: PyTorch and ONNX's evaluators use a corner of the updates, and so must a
converted model, though the plugin broadcasts an index of size 1."""

from __future__ import annotations

import itertools
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from exporting import EXPORTERS, assert_same, export, plugin_nodes, run
from graphs import Feeds, draw, draw_index, model, op_types
from onnx.reference import ReferenceEvaluator

from tensorrt_scatter.onnx import Report, convert, reference

TORCHS = {"add": "sum", "mul": "prod", "min": "amin", "max": "amax"}


def by_torch(feeds: Feeds, axis: int, reduction: str) -> np.ndarray:
    data, index, src = (torch.from_numpy(feeds[name]) for name in ("data", "index", "src"))
    return data.scatter_reduce(axis, index, src, TORCHS[reduction]).numpy()


def scatter_elements(data: str, index: str, src: str, axis: int, reduction: str, before: str = "") -> onnx.ModelProto:
    at = "expanded" if before else "index"
    return model(f"""g (float[{data}] data, int64[{index}] index, float[{src}] src) => (float[{data}] out)
        {{ {before} out = ScatterElements <axis = {axis}, reduction = "{reduction}"> (data, {at}, src) }}""")


def converted_result(original: onnx.ModelProto, feeds: Feeds, operators: ModuleType) -> tuple[np.ndarray, Report]:
    converted, report = convert(original)
    onnx.checker.check_model(converted, full_check=True)
    assert not convert(converted)[1].changes
    (result,) = reference.evaluator(converted, operators).run(None, feeds)
    return result, report


SHAPES = [
    (index, src, names)
    for index in ((1, 5), (2, 5), (4, 5), (1, 1))
    for src in ((1, 5), (2, 5), (4, 5), (4, 7))
    for names in ("numbers", "symbols", "unknown", "one symbol")
    if index[0] <= src[0] and (names != "one symbol" or index[0] == src[0])
]


@pytest.mark.parametrize("reduction", TORCHS)
@pytest.mark.parametrize(("index", "src", "names"), SHAPES)
def test_the_example_of_pytorchs_documentation_and_its_like(
    index: tuple[int, int], src: tuple[int, int], names: str, reduction: str, operators: ModuleType
) -> None:
    rows = {
        "numbers": (index[0], src[0]),
        "symbols": ("i", "u"),
        "unknown": ("?", "?"),
        "one symbol": ("i", "i"),
    }[names]
    texts = f"{rows[0]}, {index[1]}", f"{rows[1]}, {src[1]}"
    original = scatter_elements(f"3, {index[1]}", *texts, 0, reduction)
    feeds = {"data": draw(1, 3, index[1]), "index": draw_index(2, 0, 3, *index), "src": draw(3, *src)}
    result, report = converted_result(original, feeds, operators)
    np.testing.assert_array_equal(result, by_torch(feeds, 0, reduction))
    assert len(report.changes) == 1
    certain = (names == "numbers" and index == src) or (names == "one symbol" and index[1] == src[1])
    assert any("larger than its indices" in note for note in report.changes[0].notes) == (not certain)


@pytest.mark.parametrize("seed", range(60))
def test_random_shapes(seed: int, operators: ModuleType) -> None:
    random = np.random.default_rng(seed)
    rank = int(random.integers(1, 5))
    axis = int(random.integers(0, rank))
    data = [int(size) for size in random.integers(1, 5, rank)]
    taken = [int(random.integers(0, 6)) if i == axis else size for i, size in enumerate(data)]
    sizes = [size + int(random.integers(0, 3)) for size in taken]
    # A symbol stands for one size. That of data and indices must agree off the axis.
    shared = [f"d{i}" if random.random() < 0.5 else size for i, size in enumerate(data)]
    index_names = [("e" if random.random() < 0.5 else size) if i == axis else shared[i] for i, size in enumerate(taken)]
    src_names: list[Any] = [
        index_names[i] if size == taken[i] and random.random() < 0.5 else random.choice([f"u{i}", "?", str(size)])
        for i, size in enumerate(sizes)
    ]
    reduction = str(random.choice(list(TORCHS)))
    original = scatter_elements(
        *(", ".join(map(str, names)) for names in (shared, index_names, src_names)), axis, reduction
    )
    feeds = {
        "data": draw(seed, *data),
        "index": draw_index(seed, 0, data[axis], *taken),
        "src": draw(seed + 1, *sizes),
    }
    result, report = converted_result(original, feeds, operators)
    np.testing.assert_array_equal(result, by_torch(feeds, axis, reduction))
    assert len(report.changes) == 1, report


@pytest.mark.parametrize("reduction", TORCHS)
@pytest.mark.parametrize("rows", [1, 2, 4])
def test_an_expanded_index_that_is_smaller(rows: int, reduction: str, operators: ModuleType) -> None:
    for target in (f"{rows}, 3", "1, 3"):
        if target == "1, 3" and rows != 1:
            continue
        before = f"shape = Constant <value_ints = [{target}]> () expanded = Expand (index, shape)"
        original = scatter_elements("5, 3", f"{rows}, 1", "4, 3", 0, reduction, before)
        feeds = {"data": draw(1, 5, 3), "index": draw_index(2, 0, 5, rows, 1), "src": draw(3, 4, 3)}
        result, report = converted_result(original, feeds, operators)
        wanted = by_torch({**feeds, "index": np.repeat(feeds["index"], 3, 1)}, 0, reduction)
        np.testing.assert_array_equal(result, wanted)
        assert len(report.changes) == 1


@pytest.mark.parametrize("reduction", TORCHS)
@pytest.mark.parametrize(
    ("indices", "updates"), [("1", "1"), ("1", "4"), ("3", "4"), ("i", "u"), ("?", "?"), ("i", "i")]
)
def test_scatter_nd(indices: str, updates: str, reduction: str, operators: ModuleType) -> None:
    original = model(f"""g (float[5, 3] data, int64[{indices}, 1] index, float[{updates}, 3] src) => (float[5, 3] out)
        {{ out = ScatterND <reduction = "{reduction}"> (data, index, src) }}""")
    for e, u in itertools.product((1, 3), (1, 3, 4)):
        fits = all(name in ("i", "u", "?", str(size)) for name, size in ((indices, e), (updates, u)))
        if u < e or not fits or (indices == updates == "i" and e != u):
            continue
        feeds = {"data": draw(1, 5, 3), "index": draw_index(2, 0, 5, e, 1), "src": draw(3, u, 3)}
        result, report = converted_result(original, feeds, operators)
        assert len(report.changes) == 1
        np.testing.assert_array_equal(result, ReferenceEvaluator(original).run(None, feeds)[0])
        rows = np.repeat(feeds["index"], 3, 1)
        np.testing.assert_array_equal(result, by_torch({**feeds, "index": rows}, 0, reduction))


def test_scatter_nd_of_indices_with_several_axes(operators: ModuleType) -> None:
    original = model("""g (float[5, 3] data, int64[a, b, 1] index, float[c, d, 3] src) => (float[5, 3] out)
        { out = ScatterND <reduction = "add"> (data, index, src) }""")
    for a, b, c, d in ((1, 2, 1, 2), (2, 1, 2, 3), (1, 1, 4, 2), (2, 2, 3, 3)):
        feeds: Feeds = {"data": draw(1, 5, 3), "index": draw_index(2, 0, 5, a, b, 1), "src": draw(3, c, d, 3)}
        result, report = converted_result(original, feeds, operators)
        assert len(report.changes) == 1
        np.testing.assert_array_equal(result, ReferenceEvaluator(original).run(None, feeds)[0])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            """(float[4, 3] data, int64[5, 1] index, float[5, c] src) => (float[4, 3] out)
            { out = ScatterND <reduction = "add"> (data, index, src) }""",
            "size c on axis 1 and the rows of its data 3",
        ),
        (
            """(float[4, 3] data, int64[5, 1] index, float[5, 1] src) => (float[4, 3] out)
            { out = ScatterND <reduction = "add"> (data, index, src) }""",
            "size 1 on axis 1",
        ),
        (
            """(float[4, 3] data, int64[5, 1] index, float[5] src) => (float[4, 3] out)
            { out = ScatterND <reduction = "add"> (data, index, src) }""",
            "rank 1",
        ),
        (
            """(float[4, 3] data, int64[5, 3] index, float[2, 3] src) => (float[4, 3] out)
            { out = ScatterElements <reduction = "add"> (data, index, src) }""",
            "its updates only 2 on axis 0",
        ),
        (
            """(float[4, 3] data, int64[5, 3] index, float[k] flat, int64[m] shape) => (float[4, 3] out)
            { src = Reshape (flat, shape) out = ScatterElements <reduction = "add"> (data, index, src) }""",
            "the rank of its updates",
        ),
        (
            """(float[4, 3] data, int64[5, 3] index, float[5, 3] src) => (float[4, 3] out)
            { out = ScatterElements <axis = 2, reduction = "add"> (data, index, src) }""",
            "not valid ONNX",
        ),
    ],
)
def test_what_is_left_alone(text: str, reason: str) -> None:
    original = model("g " + text)
    converted, report = convert(original)
    assert converted.graph.node == original.graph.node
    (kept,) = report.kept
    assert reason in kept.reason


def test_a_rule_that_gives_up_leaves_nothing_behind() -> None:
    # The other scatter is rewritten, so that the model is written anew.
    original = model("""g (float[4, 3] data, int64[5, 3] index, float[2, 3] few, float[5, 3] src)
            => (float[4, 3] one, float[4, 3] two) {
        one = ScatterElements <reduction = "add"> (data, index, few)
        two = ScatterElements <reduction = "add"> (data, index, src) }""")
    converted, report = convert(original, wrap_negative_indices=False)
    assert (len(report.changes), len(report.kept)) == (1, 1)
    assert op_types(converted.graph) == ["ScatterElements", "TRTS_Scatter"]


def test_nodes_that_several_removed_ones_used_are_removed_once() -> None:
    original = model("""g (int64[n, 1] column, float[n, 3] src, float[4, 3] base) => (float[4, 3] out)
            <int64[n, 3] index> {
        rank = Constant <value_ints = [2]> ()
        ones = ConstantOfShape <value = int64[1] {1}> (rank)
        minus = Constant <value_int = -1> ()
        all = Mul (ones, minus)
        wanted = Constant <value_ints = [-1, 3]> ()
        keeps = Equal (wanted, all)
        shape = Where (keeps, ones, wanted)
        index = Expand (column, shape)
        out = ScatterElements <reduction = "add"> (base, index, src) }""")
    converted, report = convert(original, wrap_negative_indices=False)
    assert (len(report.changes), report.kept) == (1, [])
    assert op_types(converted.graph) == ["TRTS_Scatter"]


INDEX = torch.tensor([[0, 1, 2, 0, 0]])
SRC = torch.arange(1.0, 11).reshape(2, 5)
CALLS: dict[str, Any] = {
    "scatter_add": lambda src, index: torch.zeros(3, 5).scatter_add(0, index, src),
    **{
        f"scatter_reduce {how}": lambda src, index, how=how: torch.full((3, 5), 2.0).scatter_reduce(0, index, src, how)
        for how in TORCHS.values()
    },
}


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", CALLS)
def test_pytorchs_exports(name: str, exporter: str, operators: ModuleType) -> None:
    call = CALLS[name]
    for dynamic in ({"src": {}, "index": {}}, {"src": {0: "u"}, "index": {0: "i"}}):
        # Sizes other than 1, which torch.export would take for fixed.
        exported_at = {"src": torch.ones(4, 5), "index": INDEX.repeat(2, 1)} if dynamic["src"] else {}
        inputs = {"src": SRC, "index": INDEX}
        converted, report = convert(export(exporter, call, exported_at or inputs, dynamic, opset=18))
        assert len(plugin_nodes(converted)) == 1, report
        sizes = ((1, 2), (2, 2), (2, 4), (1, 1)) if dynamic["src"] else ((1, 2),)
        for e, u in sizes:
            feeds = {"src": SRC.repeat(2, 1)[:u], "index": INDEX.repeat(e, 1)}
            assert_same(run(converted, feeds, operators), call(*feeds.values()))
