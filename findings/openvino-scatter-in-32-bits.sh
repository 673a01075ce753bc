#!/usr/bin/env bash
# OpenVINO adds the 64-bit values of a scatter in 32 bits.
#
# Expected: a model whose tensors are INT64 or DOUBLE is run in these types, or refused. Runtimes that lower the precision of
# values say so or offer it as a hint.
# Seen: the CPU device gives 0 for 2^40 + 2^40 and the largest float32, 3.4e38, for 1e300 + 1e300, by ScatterElements and by
# ScatterND. The output still has the type INT64 or DOUBLE, and there is no warning. onnxruntime gives 2^41 and 2e300.
# Packages: openvino 2026.4.1, onnx 1.23.2, onnxruntime 1.32.0, numpy 2.5.5
# Date: 2026-11-27
# Why: sums of 64-bit identifiers, time stamps in nanoseconds and counters are what int64 scatters are used for. A model that
# is compared with OpenVINO as the reference looks wrong where it is right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.12}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check openvino==2026.4.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.5.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
import openvino
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


core = openvino.Core()
for op_type in ("ScatterElements", "ScatterND"):
    for data_type, dtype, value in ((TensorProto.INT64, np.int64, 2**40), (TensorProto.DOUBLE, np.float64, 1e300)):
        proto = model(op_type, "add", data_type, 2).SerializeToString()
        inputs = feeds(op_type, np.zeros(1, dtype), np.full(2, value, dtype))
        other = onnxruntime.InferenceSession(proto, providers=["CPUExecutionProvider"]).run(None, inputs)[0]
        seen = core.compile_model(core.read_model(proto), "CPU")(inputs)[0]
        print(f"{op_type} of {np.dtype(dtype).name}: onnxruntime {other[0]}, OpenVINO {seen[0]} as {seen.dtype}")
        assert other[0] == 2 * value and seen.dtype == dtype
        assert seen[0] != 2 * value, "OpenVINO adds in 64 bits now"
PYTHON
