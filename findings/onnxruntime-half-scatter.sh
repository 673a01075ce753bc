#!/usr/bin/env bash
# onnxruntime loads float16 scatters that it cannot run.
#
# Expected: a session that is made for a model can run it, and an operator has kernels for a type for all of its reductions or
# for none.
# Seen: sessions are made for float16 ScatterElements and ScatterND of every reduction. When they run, ScatterElements has max
# and min and raises an error for add and mul; ScatterND raises one for all four.
# Packages: onnxruntime 1.32.0, onnx 1.23.2, numpy 2.5.5
# Date: 2026-11-27
# Why: a half-precision model of a graph network fails at its first request and not when it is loaded. To check such a model
# without a GPU takes the onnx reference evaluator or float32.
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


onnxruntime.set_default_logger_severity(4)
runs = {}
for op_type in ("ScatterElements", "ScatterND"):
    for reduction in ("add", "mul", "max", "min"):
        proto = model(op_type, reduction, TensorProto.FLOAT16, 2).SerializeToString()
        session = onnxruntime.InferenceSession(proto, providers=["CPUExecutionProvider"])
        try:
            session.run(None, feeds(op_type, np.ones(1, np.float16), np.ones(2, np.float16)))
            runs[op_type, reduction] = True
        except Exception as error:
            assert "MLFloat16 data type is not supported" in str(error)
            runs[op_type, reduction] = False
        outcome = "runs" if runs[op_type, reduction] else "raises an error when it runs"
        print(f"{op_type} {reduction} of float16: loaded, {outcome}")
expected = {key: key in (("ScatterElements", "max"), ("ScatterElements", "min")) for key in runs}
assert runs == expected, "the kernels for float16 have changed"
PYTHON
