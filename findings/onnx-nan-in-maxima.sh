#!/usr/bin/env bash
# Whether a NaN wins a maximum depends on the operator, the runtime and its place.
#
# Expected: ScatterElements and ScatterND with reduction max treat a NaN alike, in one runtime at least, and wherever it
# stands.
# Seen: the onnx reference evaluator never lets it win in ScatterElements and always in ScatterND. onnxruntime lets it win in
# both only if it is the last of its group; the next number replaces it, even one that is smaller than an earlier number (3,
# NaN, 2 has the maximum 2).
# Packages: onnx 1.23.2, onnxruntime 1.32.0, numpy 2.5.5
# Date: 2026-11-27
# Why: there is no common rule to follow: a plugin for maxima has to choose one and say so, and an engine that differs from
# onnxruntime on NaN is not thereby wrong.
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


def model(op_type, reduction, data_type, count):
    indices = [count, 1] if op_type == "ScatterND" else [count]
    attributes = {"reduction": reduction} | ({} if op_type == "ScatterND" else {"axis": 0})
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node(op_type, ["data", "indices", "updates"], ["out"], **attributes)],
        "scatter",
        [info("data", data_type, [1]), info("indices", TensorProto.INT64, indices), info("updates", data_type, [count])],
        [info("out", data_type, [1])],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(made, full_check=True)
    return made


def feeds(op_type, data, updates):
    indices = np.zeros([len(updates), 1] if op_type == "ScatterND" else [len(updates)], np.int64)
    return {"data": data, "indices": indices, "updates": updates}


nan = float("nan")
CANDIDATES = ([nan, 3, 2], [1, nan, 2], [3, nan, 2], [1, 3, nan])
EXPECTED = {
    ("reference", "ScatterElements"): [3, 2, 3, 3],
    ("reference", "ScatterND"): [nan, nan, nan, nan],
    ("onnxruntime", "ScatterElements"): [3, 2, 2, nan],
    ("onnxruntime", "ScatterND"): [3, 2, 2, nan],
}
for op_type in ("ScatterElements", "ScatterND"):
    proto = model(op_type, "max", TensorProto.FLOAT, 3)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    runs = {
        "reference": lambda inputs: ReferenceEvaluator(proto).run(None, inputs)[0],
        "onnxruntime": lambda inputs: session.run(None, inputs)[0],
    }
    for runtime, run in runs.items():
        rows = [np.array(row, np.float32) for row in CANDIDATES]
        seen = [float(run(feeds(op_type, np.full(1, -5, np.float32), row))[0]) for row in rows]
        print(f"{op_type}, {runtime}: the maxima of {CANDIDATES} are {seen}")
        np.testing.assert_array_equal(seen, EXPECTED[runtime, op_type], "the rule has changed")
PYTHON
