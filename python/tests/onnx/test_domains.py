"""The plugins' nodes in each ONNX domain: exports, schemas, and runs in onnx's reference evaluator."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import graphs
import numpy as np
import onnx
import pytest
import torch
from exporting import EXPORTERS, Calling, assert_same, plugin_nodes, run
from onnx.defs import has

from tensorrt_scatter.__main__ import main
from tensorrt_scatter._declarations import BY_OP_TYPE
from tensorrt_scatter.onnx import convert, convert_file, nodes, ops, reference, register_symbolic, translation_table

INPUTS = {"src": torch.arange(15.0).reshape(5, 3), "index": torch.tensor([0, 1, 2, 1, 0])}


def call(src: torch.Tensor, index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return ops.scatter_max(src, index, 0, dim_size=4)


def exported(exporter: str, domain: str) -> onnx.ModelProto:
    """A model that calls `ops.scatter_max`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if exporter == "torchscript":
            register_symbolic(domain=domain)
            file = io.BytesIO()
            try:
                torch.onnx.export(
                    Calling(call),
                    tuple(INPUTS.values()),
                    file,
                    dynamo=False,
                    opset_version=17,
                    input_names=list(INPUTS),
                )
            finally:
                register_symbolic()
            return onnx.load_from_string(file.getvalue())
        program = torch.onnx.export(
            Calling(call),
            tuple(INPUTS.values()),
            dynamo=True,
            verbose=False,
            input_names=list(INPUTS),
            custom_translation_table=translation_table(domain=domain),
        )
        assert program is not None
        return program.model_proto


@pytest.mark.parametrize("domain", nodes.DOMAINS)
@pytest.mark.parametrize("exporter", EXPORTERS)
def test_exports(exporter: str, domain: str, operators: ModuleType) -> None:
    model = exported(exporter, domain)
    onnx.checker.check_model(model, full_check=True)
    assert [node.domain for node in plugin_nodes(model)] == [domain]
    assert {opset.domain for opset in model.opset_import} == {"", domain}
    assert_same(run(model, INPUTS, operators), call(*INPUTS.values()))


@pytest.mark.parametrize("domain", nodes.DOMAINS)
def test_every_operator_has_a_schema(domain: str) -> None:
    for op_type in BY_OP_TYPE:
        assert has(op_type, domain)


@pytest.mark.parametrize("domain", nodes.DOMAINS)
def test_shapes_are_inferred(domain: str) -> None:
    model = onnx.parser.parse_model(f"""<ir_version: 10, opset_import: ["" : 18, "{domain}" : 1]>
        g (float[r, 3] src, int64[e] index, int64[e] destination) => (float[i, j] out)
        {{ out = {domain}.TRTS_GatherScatter <dim_size = 4> (src, index, destination) }}""")
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    assert [dim.dim_value for dim in inferred.graph.output[0].type.tensor_type.shape.dim] == [4, 3]


@pytest.mark.parametrize("modules", ["schemas, reference", "reference, schemas"])
def test_the_order_of_imports_does_not_matter(modules: str, tmp_path: Path) -> None:
    """onnx's reference evaluator cannot be imported after two domains have an operator of the same name."""
    onnx.save(exported("dynamo", nodes.DOMAIN_OF_ONNX_RUNTIME), tmp_path / "model.onnx")
    code = f"""
import sys
sys.path[:0] = {sys.path!r}
import onnx
from tensorrt_scatter.onnx import {modules}
import numpy, numpy_functions
import onnx.reference
session = reference.evaluator({str(tmp_path / "model.onnx")!r}, numpy_functions)
print(session.run(None, {{"src": numpy.ones((5, 3), numpy.float32), "index": numpy.zeros(5, int)}})[1].tolist())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str([[0] * 3] + [[5] * 3] * 3)


def test_another_domain_is_refused() -> None:
    for call_with_a_domain in (translation_table, register_symbolic):
        with pytest.raises(ValueError, match=r"domain is 'mine': expected 'tensorrt_scatter', or 'trt\.plugins'"):
            call_with_a_domain(domain="mine")


LAYER = """g (float[6, 3] x, int64[2, e] edges, bool flag) => (float[6, 3] out) {
    first = Constant <value_int = 0> ()  second = Constant <value_int = 1> ()  behind = Constant <value_ints = [1]> ()
    source = Gather (edges, first)  destination = Gather (edges, second)
    rows = Gather (x, source)  shape = Shape (rows)
    column = Unsqueeze (destination, behind)  at = Expand (column, shape)
    size = Shape (x)  base = ConstantOfShape (size)
    sums = ScatterElements <reduction = "add"> (base, at, rows)
    highest = ScatterElements <reduction = "max"> (base, at, sums_of_rows)
    both = Add (sums, highest)
    out = If (flag) <
        then_branch = a () => (float[6, 3] again) { again = ScatterElements <reduction = "add"> (both, at, rows2) },
        else_branch = b () => (float[6, 3] other) { other = Identity (both) }
    > }"""


def layer() -> onnx.ModelProto:
    """A graph layer, scatters that are not fused, and one inside an If."""
    nodes_of_rows = "rows = Gather (x, source)  sums_of_rows = Relu (rows)  rows2 = Relu (sums_of_rows)"
    return graphs.model(LAYER.replace("rows = Gather (x, source)", nodes_of_rows))


@pytest.mark.parametrize("given", [None, *nodes.DOMAINS])
def test_converted_models(given: str | None, operators: ModuleType) -> None:
    original = layer()
    model, _ = convert(original, domain=given)
    onnx.checker.check_model(model, full_check=True)
    found = list(plugins_of(model.graph))
    assert len(found) == 3 and {node.domain for node in found} == {given or nodes.DOMAIN}
    assert {opset.domain for opset in model.opset_import} == {"", given or nodes.DOMAIN}
    feeds = {"x": graphs.draw(1, 6, 3), "edges": graphs.draw_index(2, -6, 6, 2, 9), "flag": np.array(True)}
    results = [reference.evaluator(each, operators).run(None, feeds)[0] for each in (original, model)]
    np.testing.assert_array_equal(*results)
    for domain in (None, given):
        again, report = convert(model, domain=domain)
        assert not report.changes and again == model


def test_nodes_move_from_one_domain_to_the_other(operators: ModuleType) -> None:
    first, _ = convert(layer())
    second, report = convert(first, domain=nodes.DOMAIN_OF_ONNX_RUNTIME)
    assert len(report.changes) == 3
    assert "TRTS_Scatter in tensorrt_scatter is now in trt.plugins" in str(report)
    assert second == convert(layer(), domain=nodes.DOMAIN_OF_ONNX_RUNTIME)[0]
    back, _ = convert(second, domain=nodes.DOMAIN)
    assert [node.domain for node in plugins_of(back.graph)] == [nodes.DOMAIN] * 3


def test_nodes_in_functions_move() -> None:
    text = """<ir_version: 10, opset_import: ["" : 18, "tensorrt_scatter" : 1, "local" : 1]>
        g (float[5] src, int64[5] index) => (float[4] out) { out = local.add (src, index) }
        <domain: "local", opset_import: ["" : 18, "tensorrt_scatter" : 1]> add (src, index) => (out)
        { out = tensorrt_scatter.TRTS_Scatter <dim_size = 4> (src, index) }"""
    model, _ = convert(onnx.parser.parse_model(text), domain=nodes.DOMAIN_OF_ONNX_RUNTIME)
    (function,) = model.functions
    assert function.node[0].domain == nodes.DOMAIN_OF_ONNX_RUNTIME
    assert {opset.domain for opset in function.opset_import} == {"", nodes.DOMAIN_OF_ONNX_RUNTIME}


def test_files_and_the_command(tmp_path: Path) -> None:
    source, target = str(tmp_path / "in.onnx"), str(tmp_path / "out.onnx")
    onnx.save(layer(), source)
    convert_file(source, target, domain=nodes.DOMAIN_OF_ONNX_RUNTIME)
    expected = onnx.load(target)
    assert {node.domain for node in plugins_of(expected.graph)} == {nodes.DOMAIN_OF_ONNX_RUNTIME}
    assert main(["convert", source, target, "--domain", "trt.plugins"]) == 0
    assert onnx.load(target) == expected
    assert main(["convert", source, target, "--no-fusion"]) == 0
    assert {node.op_type for node in plugins_of(onnx.load(target).graph)} == {"TRTS_Scatter"}
    with pytest.raises(SystemExit) as left:
        main(["convert", source, target, "--domain", "mine"])
    assert left.value.code == 1
    with pytest.raises(ValueError, match="domain is 'mine'"):
        convert(layer(), domain="mine")


def plugins_of(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """The plugins' nodes of a graph and of its subgraphs."""
    for node in graph.node:
        if node.op_type in BY_OP_TYPE:
            yield node
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from plugins_of(attribute.g)
