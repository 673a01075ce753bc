#!/usr/bin/env bash
# onnxruntime's Unique makes one group of all numbers if the first of them is NaN.
#
# Expected: a NaN is a value of its own: one group for all NaNs, as in NumPy and the onnx reference evaluator, or a group for
# each, as in PyTorch. The numbers are grouped as without it.
# Seen: Unique of NaN, 1, 2 has one value, NaN, that all three elements are said to be. If the NaN comes later, it is counted
# as the smallest number: 1, 2, NaN, 2 has the values 1 and 2, and the NaN belongs to 1. Rows (axis 0) likewise, after a NaN in
# the first column of the first row. sorted=0 does not change it.
# Packages: onnxruntime 1.32.0, onnx 1.23.2, numpy 2.5.5, on the CPU
# Date: 2026-11-28
# Why: voxels are made by torch.unique of floored coordinates, which exports as Unique, and its inverse is the index of the
# scatter that follows. In a scan a point without a return is often NaN. If it is the first one, all points are in one voxel;
# if not, it is put into a real one.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.12}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.5.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

nan = float("nan")


def run(elements, **attributes):
    array = np.array(elements, np.float32)
    info = helper.make_tensor_value_info
    outputs = [("values", TensorProto.FLOAT, [None] * array.ndim if "axis" in attributes else [None])]
    outputs += [(name, TensorProto.INT64, [None]) for name in ("first", "inverse", "counts")]
    node = helper.make_node("Unique", ["x"], [name for name, _, _ in outputs], **attributes)
    graph = helper.make_graph(
        [node], "unique", [info("x", TensorProto.FLOAT, array.shape)], [info(*output) for output in outputs]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return [runner.run(None, {"x": array}) for runner in (session, ReferenceEvaluator(model))]


rows = [[nan, 0], [3, 4], [5, 6], [3, 4]]
# The elements, the attributes, and what the runtime gives: the values, the inverse, the counts.
CASES = (
    ([1, 2, 5, 2], {}, [1, 2, 5], [0, 1, 2, 1], [1, 2, 1]),
    ([nan, 1, 2], {}, [nan], [0, 0, 0], [3]),
    ([nan, 1, 2], {"sorted": 0}, [nan], [0, 0, 0], [3]),
    ([1, 2, nan, 2], {}, [1, 2], [0, 1, 0, 1], [2, 2]),
    ([2, 1, nan], {}, [1, 2], [1, 0, 0], [2, 1]),
    (rows, {"axis": 0}, [rows[0]], [0, 0, 0, 0], [4]),
)
for elements, attributes, values, inverse, counts in CASES:
    (of_runtime, _, inverse_of_runtime, counts_of_runtime), (of_reference, _, inverse_of_reference, _) = run(
        elements, **attributes
    )
    print(f"{elements} {attributes or ''}: onnxruntime {of_runtime.tolist()}, groups {inverse_of_runtime.tolist()};", end=" ")
    print(f"reference {of_reference.tolist()}, groups {inverse_of_reference.tolist()}")
    np.testing.assert_array_equal(of_runtime, values, "Unique has changed")
    np.testing.assert_array_equal(inverse_of_runtime, inverse, "Unique has changed")
    np.testing.assert_array_equal(counts_of_runtime, counts, "Unique has changed")
    distinct = {str(element) for element in elements}
    assert len(of_reference) == len(distinct)
PYTHON
