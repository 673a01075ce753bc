"""The plugins' nodes in each ONNX domain: exports, schemas, and runs in onnx's reference evaluator."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
from pathlib import Path
from types import ModuleType

import onnx
import pytest
import torch
from exporting import EXPORTERS, Calling, assert_same, plugin_nodes, run
from onnx.defs import has

from tensorrt_scatter._declarations import BY_OP_TYPE
from tensorrt_scatter.onnx import nodes, ops, register_symbolic, translation_table

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
