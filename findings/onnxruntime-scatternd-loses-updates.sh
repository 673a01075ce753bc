#!/usr/bin/env bash
# onnxruntime's ScatterND loses updates of equal indices when it has more than one thread.
#
# Expected: ScatterND with reduction add takes equal indices, as ONNX says, and adds all of their updates, as ScatterElements
# does. Float sums may differ in their last bits between runs; sums of ones are exact.
# Seen: on the CPU, 1,048,576 ones for one place give 1,048,576 in some runs and fewer in others of the same session, such as
# 262,144 or 134,745. Of 100,000 rows of 64 ones for 100 groups up to one in a hundred is lost, in some runs none. Threads add to
# the same place without any order. With one thread, and by ScatterElements, the sums are right; so are those of a thousand rows.
# Packages: onnxruntime 1.32.0, onnx 1.23.2, numpy 2.5.5, with 4 threads; a machine needs two cores to show it
# Date: 2026-11-27
# Why: PyTorch's default exporter writes index_put(accumulate=True) as this operator. A small test of such a model agrees with
# onnxruntime. A real graph or point cloud does not, although the other engine is right. A reference needs one thread.
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

RUNS = 40


def sums(op_type, groups, rows, columns, threads):
    indices = np.repeat(np.arange(rows)[:, None] % groups, columns if op_type == "ScatterElements" else 1, axis=1)
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node(op_type, ["data", "indices", "updates"], ["out"], reduction="add")],
        "scatter",
        [
            info("data", TensorProto.FLOAT, [groups, columns]),
            info("indices", TensorProto.INT64, indices.shape),
            info("updates", TensorProto.FLOAT, [rows, columns]),
        ],
        [info("out", TensorProto.FLOAT, [groups, columns])],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(proto, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    data, updates = np.zeros((groups, columns), np.float32), np.ones((rows, columns), np.float32)
    inputs = {"data": data, "indices": indices, "updates": updates}
    return [int(session.run(None, inputs)[0].sum(dtype=np.float64)) for _ in range(RUNS)]


# How many rows are lost depends on how the threads meet; one place meets always.
for groups, rows, columns in ((1, 1 << 20, 1), (100, 100_000, 64)):
    total = rows * columns
    for op_type, threads in (("ScatterElements", 4), ("ScatterND", 1), ("ScatterND", 4)):
        seen = sums(op_type, groups, rows, columns, threads)
        right = seen.count(total)
        print(f"{op_type} of {total:,} ones, groups {groups}, threads {threads}: {right} of {RUNS} right, least {min(seen):,}")
        if (op_type, threads) != ("ScatterND", 4):
            assert right == RUNS
        elif groups == 1:
            assert right < RUNS, "ScatterND adds all updates now"
PYTHON
