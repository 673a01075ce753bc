"""Every operator by both of PyTorch's exporters: one node, which computes what PyTorch computes at every size."""

import functools
from types import ModuleType
from typing import Any, cast

import cases
import numpy as np
import numpy_functions
import onnx
import pytest
import torch
from exporting import EXPORTERS, assert_same, attributes, export, plugin_nodes, run
from torch import Tensor

from tensorrt_scatter.onnx import ops, register_symbolic

EXPORTED_AT, RUN_AT = 8, (8, 13)


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("case", cases.ALL, ids=str)
def test_export(case: cases.Case, exporter: str, operators: ModuleType) -> None:
    call = functools.partial(case.call, ops)
    model = export(exporter, call, case.inputs(EXPORTED_AT), case.dynamic)
    onnx.checker.check_model(model, full_check=True)
    (node,) = plugin_nodes(model)
    assert node.op_type == case.op_type
    given = attributes(node)
    assert {name: given.get(name) for name in case.attributes} == pytest.approx(case.attributes)
    # Nothing but a plugin's node and the cast of its positions: the index reaches it as it came in.
    assert list(node.input) == [value.name for value in model.graph.input]
    assert {other.op_type for other in model.graph.node} <= {case.op_type, "Cast"}
    for n in RUN_AT:
        inputs = case.inputs(n)
        composite = any(name in case.op_type for name in ("Softmax", "LogSumExp", "Std", "Attention"))
        results = run(model, inputs, operators)
        assert_same(results, call(*inputs.values()), exact=not composite)
        # A size that the model declares is one at every n.
        for value, result in zip(model.graph.output, results, strict=True):
            for size, actual in zip(value.type.tensor_type.shape.dim, result.shape, strict=True):
                assert not size.HasField("dim_value") or size.dim_value == actual


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_number_of_groups_that_varies(exporter: str, operators: ModuleType) -> None:
    """A size of another input becomes an input of the node. Nothing is a constant."""

    def call(src: Tensor, index: Tensor, nodes: Tensor) -> tuple[Tensor, ...]:
        count = nodes.size(0)
        best, position = ops.scatter_max(src, index, 0, dim_size=count)
        weights = ops.scatter_softmax(src, index, 0, dim_size=count)
        return best, position, weights, ops.segment_sum_coo(src, index, dim_size=count)

    def inputs(n: int, count: int) -> dict[str, Tensor]:
        index = cases.indices(n, largest=count - 1).sort().values
        return {"src": cases.values(n, 3), "index": index, "nodes": cases.values(count, 2)}

    model = export(exporter, call, inputs(8, 5), {**cases.ROWS, "nodes": {0: "count"}})
    onnx.checker.check_model(model, full_check=True)
    assert len(plugin_nodes(model)) == 3
    for node in plugin_nodes(model):
        assert attributes(node)["dim_size_input"] == 1
        # This tells TensorRT's parser that the input is a shape tensor.
        assert list(attributes(node)["tensorrt_plugin_shape_input_indices"]) == [2] and len(node.input) == 3
        assert "dim_size" not in attributes(node)
    for n, count in ((8, 5), (12, 9)):
        feeds = inputs(n, count)
        assert_same(run(model, feeds, operators), call(*feeds.values()), exact=False)


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_a_grouping_and_the_sum_over_it(exporter: str, dtype: torch.dtype, operators: ModuleType) -> None:
    """The number of groups varies. perm and indptr go from one node to the other as they are."""

    def call(src: Tensor, index: Tensor, nodes: Tensor) -> tuple[Tensor, ...]:
        perm, indptr = ops.group_index(index, nodes.size(0))
        return ops.gather_segment_csr(src, perm, indptr), perm, indptr

    def inputs(n: int, count: int) -> dict[str, Tensor]:
        index = cases.indices(n, largest=count - 1).to(dtype)
        return {"src": cases.values(n, 3), "index": index, "nodes": cases.values(count, 2)}

    model = export(exporter, call, inputs(8, 5), {**cases.ROWS, "nodes": {0: "count"}})
    onnx.checker.check_model(model, full_check=True)
    grouping, total = plugin_nodes(model)
    assert (grouping.op_type, total.op_type) == ("TRTS_GroupIndex", "TRTS_GatherSegmentCSR")
    assert attributes(grouping)["dim_size_input"] == 1 and "dim_size" not in attributes(grouping)
    assert list(attributes(grouping)["tensorrt_plugin_shape_input_indices"]) == [1] and len(grouping.input) == 2
    assert list(total.input) == ["src", *grouping.output]
    for n, count in ((8, 5), (12, 9)):
        feeds = inputs(n, count)
        assert_same(run(model, feeds, operators), call(*feeds.values()))


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("with_weight", [False, True])
@pytest.mark.parametrize(
    ("largest", "op_type", "destinations"),
    [
        (ops.gather_scatter_max, "TRTS_GatherScatter", cases.indices),
        (ops.gather_segment_max_coo, "TRTS_GatherSegmentCOO", cases.sorted_indices),
    ],
    ids=["any order", "sorted"],
)
def test_gathered_groups_whose_number_varies(
    largest: Any, op_type: str, destinations: Any, exporter: str, with_weight: bool, operators: ModuleType
) -> None:
    """The number of groups is the last input. Attribute weight_input tells whether the one before it is the weights."""

    def call(src: Tensor, index: Tensor, destination: Tensor, nodes: Tensor, *weight: Tensor) -> tuple[Tensor, ...]:
        return cast("tuple[Tensor, ...]", largest(src, index, destination, *weight, dim_size=nodes.size(0)))

    def inputs(n: int, count: int) -> dict[str, Tensor]:
        given = {
            "src": cases.values(7, 4),
            "index": cases.indices(n, largest=6),
            "destination": destinations(n, largest=count - 1),
            "nodes": cases.values(count, 2),
        }
        return {**given, "weight": cases.values(n, 2)} if with_weight else given

    class Layer(torch.nn.Module):
        def forward(self, src: Tensor, index: Tensor, destination: Tensor, nodes: Tensor) -> tuple[Tensor, ...]:
            return call(src, index, destination, nodes)

    class WeightedLayer(torch.nn.Module):
        def forward(
            self, src: Tensor, index: Tensor, destination: Tensor, nodes: Tensor, weight: Tensor
        ) -> tuple[Tensor, ...]:
            return call(src, index, destination, nodes, weight)

    dynamic = {"src": {}, "index": {0: "n"}, "destination": {0: "n"}, "nodes": {0: "count"}}
    layer = WeightedLayer() if with_weight else Layer()
    model = export(exporter, layer, inputs(8, 5), {**dynamic, "weight": {0: "n"}} if with_weight else dynamic)
    onnx.checker.check_model(model, full_check=True)
    (node,) = plugin_nodes(model)
    others = 4 if with_weight else 3
    assert (node.op_type, len(node.input)) == (op_type, others + 1)
    written = attributes(node)
    assert written["dim_size_input"] == 1 and "dim_size" not in written
    assert written.get("weight_input", 0) == int(with_weight)
    assert list(written["tensorrt_plugin_shape_input_indices"]) == [others]
    for n, count in ((8, 5), (12, 9)):
        feeds = inputs(n, count)
        assert_same(run(model, feeds, operators), call(*feeds.values()))


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.float64, torch.int32, torch.int64])
@pytest.mark.parametrize("index_dtype", [torch.int32, torch.int64])
def test_other_types(exporter: str, dtype: torch.dtype, index_dtype: torch.dtype, operators: ModuleType) -> None:
    def call(src: Tensor, index: Tensor) -> tuple[Tensor, ...]:
        return *ops.scatter_max(src, index, 0, dim_size=4), ops.scatter_sum(src, index, 0, dim_size=4)

    inputs = {"src": cases.values(8, 3).to(dtype), "index": cases.indices(8).to(index_dtype)}
    model = export(exporter, call, inputs, cases.ROWS)
    onnx.checker.check_model(model, full_check=True)
    assert_same(run(model, inputs, operators), call(*inputs.values()))


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("weight_dtype", [torch.float16, torch.float32])
@pytest.mark.parametrize("index_dtype", [torch.int32, torch.int64])
def test_weights_beside_16_bit_floats(
    exporter: str, weight_dtype: torch.dtype, index_dtype: torch.dtype, operators: ModuleType
) -> None:
    def call(src: Tensor, index: Tensor, indptr: Tensor, weight: Tensor) -> tuple[Tensor, ...]:
        # An argument by name takes its place among the node's inputs.
        mean = ops.gather_segment_csr(src, weight=weight, indptr=indptr, index=index, reduce="mean")
        return *ops.gather_segment_max_csr(src, index, indptr, weight), mean

    inputs = {
        "src": cases.values(7, 4).half() / 8,
        "index": cases.indices(8, largest=6).to(index_dtype),
        "indptr": cases.bounds(8).to(index_dtype),
        # No 1 / 3 is a float16, and most products of 16 bits are rounded.
        "weight": (cases.values(8, 2) / 3).to(weight_dtype),
    }
    model = export(exporter, call, inputs)
    onnx.checker.check_model(model, full_check=True)
    assert [list(node.input) for node in plugin_nodes(model)] == [list(inputs)] * 2
    results = run(model, inputs, operators)
    assert_same(results, call(*inputs.values()))
    src, index, indptr, weight = (tensor.numpy() for tensor in inputs.values())
    expected = numpy_functions.gather_segment_max_csr(src, index, indptr, weight)
    expected = [*expected, numpy_functions.gather_segment_mean_csr(src, index, indptr, weight)]
    for result, wanted in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result, wanted)


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("score_dtype", [torch.float16, torch.float32])
@pytest.mark.parametrize("index_dtype", [torch.int32, torch.int64])
def test_scores_beside_16_bit_floats(
    exporter: str, score_dtype: torch.dtype, index_dtype: torch.dtype, operators: ModuleType
) -> None:
    def call(src: Tensor, index: Tensor, indptr: Tensor, score: Tensor) -> Tensor:
        # An argument by name takes its place among the node's inputs.
        return ops.attention_csr(src, score=score, indptr=indptr, index=index)

    inputs = {
        "src": cases.values(7, 4).half() / 8,
        "index": cases.indices(8, largest=6).to(index_dtype),
        "indptr": cases.bounds(8).to(index_dtype),
        # These are no float16; rounded to it, the scores of an element would differ by hundredths.
        "score": (cases.values(8, 2) / 3 + 50).to(score_dtype),
    }
    model = export(exporter, call, inputs)
    onnx.checker.check_model(model, full_check=True)
    (node,) = plugin_nodes(model)
    assert (node.op_type, list(node.input)) == ("TRTS_AttentionCSR", list(inputs))
    (result,) = run(model, inputs, operators)
    wanted = numpy_functions.attention_csr(*(tensor.numpy() for tensor in inputs.values()))
    for given in (result, call(*inputs.values()).numpy()):
        assert given.dtype == np.float16
        np.testing.assert_allclose(given, wanted, rtol=2.0**-10, atol=1e-6)


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_layer_of_a_graph_network(exporter: str, operators: ModuleType) -> None:
    """A node takes the weighted sum of its neighbours, whose number varies, and a linear layer follows."""

    class Layer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = torch.nn.Linear(4, 2)

        def forward(self, x: Tensor, index: Tensor, indptr: Tensor, attention: Tensor) -> Tensor:
            result: Tensor = self.linear(ops.gather_segment_csr(x, index, indptr, attention.exp()) + x)
            return result

    def inputs(n: int) -> dict[str, Tensor]:
        return {
            "x": cases.values(cases.GROUPS, 4),
            "index": cases.indices(n, largest=cases.GROUPS - 1),
            "indptr": cases.bounds(n),
            "attention": cases.values(n, 2) / 4,
        }

    layer = Layer().eval()
    dynamic = {"x": {}, "index": {0: "n"}, "indptr": {}, "attention": {0: "n"}}
    model = export(exporter, layer, inputs(8), dynamic)
    onnx.checker.check_model(model, full_check=True)
    (node,) = plugin_nodes(model)
    assert (node.op_type, len(node.input), attributes(node)["reduce"]) == ("TRTS_GatherSegmentCSR", 4, "sum")
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    (out,) = (value for value in inferred.graph.value_info if value.name == node.output[0])
    assert [size.dim_value for size in out.type.tensor_type.shape.dim] == [cases.GROUPS, 4]
    for n in RUN_AT:
        with torch.no_grad():
            expected = layer(*inputs(n).values())
        np.testing.assert_allclose(run(model, inputs(n), operators)[0], expected.numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_size_that_does_not_vary_is_an_attribute(exporter: str) -> None:
    def call(src: Tensor, index: Tensor, nodes: Tensor) -> Tensor:
        return ops.scatter_sum(src, index, 0, dim_size=nodes.size(0)) + nodes

    inputs = {"src": cases.values(8, 3), "index": cases.indices(8), "nodes": cases.values(4, 3)}
    (node,) = plugin_nodes(export(exporter, call, inputs, {**cases.ROWS, "nodes": {}}))
    assert attributes(node)["dim_size"] == 4


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda src, index: ops.scatter_sum(src, index, 0), "dim_size"),
        (lambda src, index: ops.segment_max_coo(src, index), "dim_size"),
        (lambda src, index: ops.scatter_softmax(src, index, 0), "dim_size"),
        (lambda src, index: ops.group_index(index)[0] + src[:, 0], "dim_size"),
        (lambda src, index: ops.gather_scatter(src, index.clamp(max=3), index), "dim_size"),
        (lambda src, index: ops.gather_csr(src, index), "size="),
    ],
)
def test_an_export_without_a_number_of_groups_says_what_to_do(exporter: str, call: Any, words: str) -> None:
    inputs = {"src": cases.values(4, 3), "index": torch.tensor([0, 1, 2, 4, 4])[: 4 if words == "dim_size" else 5]}
    with pytest.raises(Exception, match=f"pass .*{words}"):
        export(exporter, call, inputs)


def test_one_symbolic_function_can_be_registered() -> None:
    register_symbolic("scatter_max", 11)
    with pytest.raises(ValueError, match="'scatter_median': expected one of scatter_sum"):
        register_symbolic("scatter_median")
