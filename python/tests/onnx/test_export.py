"""Every operator through both of PyTorch's exporters: one node each, that computes what PyTorch does at other sizes too."""

from types import ModuleType

import cases
import onnx
import pytest
from exporting import EXPORTERS, assert_same, attributes, export, plugin_nodes, run

EXPORTED_AT, RUN_AT = 8, (8, 13)


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("case", cases.ALL, ids=str)
def test_export(case: cases.Case, exporter: str, operators: ModuleType) -> None:
    model = export(exporter, case.call, case.inputs(EXPORTED_AT), case.dynamic)
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
        composite = "Softmax" in case.op_type or "LogSumExp" in case.op_type or "Std" in case.op_type
        assert_same(run(model, inputs, operators), case.call(*inputs.values()), exact=not composite)
