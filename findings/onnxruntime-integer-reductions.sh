#!/usr/bin/env bash
# onnxruntime adds integers in floating point in ReduceSum, and exactly elsewhere.
#
# Expected: a sum of INT64 is exact, and a sum of INT32 that does not fit wraps, as in NumPy, the onnx reference evaluator, and
# onnxruntime's own Add, CumSum, MatMul and ScatterElements.
# Seen: ReduceSum of INT64 goes by float64: 2^53 + 1 and 1 have the sum 2^53, and 2^53 + 1 and 0 too, which is less than an
# element. INT32 does not wrap: 2^31 - 1 and 1 have the sum 2^31 - 1. ReduceProd does the same, and so does an Einsum that only
# adds ("i->"); one that multiplies first ("i,i->") is exact.
# Packages: onnxruntime 1.32.0, onnx 1.23.2, numpy 2.5.5, on the CPU
# Date: 2026-11-28
# Why: identifiers, hashes of voxels and time stamps in nanoseconds are INT64 above 2^53. One group's sum by ReduceSum differs
# from the same sum by a scatter, in one runtime: an engine that is compared with it looks wrong where it is exact.
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
from onnx import helper
from onnx.reference import ReferenceEvaluator

AXIS = np.array([0], np.int64)


def run(op_type, *arrays, **attributes):
    """What the runtime and the reference evaluator give for a model of one node, as one number each."""
    names = [f"input_{i}" for i in range(len(arrays))]
    types = [helper.np_dtype_to_tensor_dtype(array.dtype) for array in arrays]
    infos = [helper.make_tensor_value_info(n, t, a.shape) for n, t, a in zip(names, types, arrays, strict=True)]
    node = helper.make_node(op_type, names, ["out"], **attributes)
    shape = [] if op_type.startswith(("Reduce", "Einsum")) else arrays[0].shape
    graph = helper.make_graph([node], "sum", infos, [helper.make_tensor_value_info("out", types[0], shape)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    feeds = dict(zip(names, arrays, strict=True))
    runs = (session.run(None, feeds)[0], ReferenceEvaluator(model).run(None, feeds)[0])
    assert all(result.dtype == arrays[0].dtype for result in runs)
    return tuple(int(result.ravel()[-1]) for result in runs)


def check(name, seen, runtime, right):
    print(f"{name}: onnxruntime {seen[0]}, reference {seen[1]}")
    assert seen == (runtime, right), "a reduction of integers has changed"


big, most = 2**53, 2**31 - 1
long, int32 = np.array([big + 1, 1], np.int64), np.array([most, 1], np.int32)
zero = np.array([0], np.int64)
check("INT64 ReduceSum of 2^53 + 1 and 1", run("ReduceSum", long, AXIS, keepdims=0), big, big + 2)
check("INT64 ReduceSum of 2^53 + 1 and 0", run("ReduceSum", np.array([big + 1, 0]), AXIS, keepdims=0), big, big + 1)
check("INT64 ReduceProd of 2^53 + 1 and 1", run("ReduceProd", long, AXIS, keepdims=0), big, big + 1)
check("INT64 Einsum i->", run("Einsum", long, equation="i->"), big, big + 2)
check("INT64 Einsum i,i->", run("Einsum", long, np.array([1, 1]), equation="i,i->"), big + 2, big + 2)
check("INT64 CumSum", run("CumSum", long, np.array(0)), big + 2, big + 2)
check("INT64 ScatterElements", run("ScatterElements", long[:1], zero, long[1:], reduction="add"), big + 2, big + 2)
check("INT32 ReduceSum of 2^31 - 1 and 1", run("ReduceSum", int32, AXIS, keepdims=0), most, -(2**31))
check("INT32 ReduceProd of 2^31 - 1 and 2", run("ReduceProd", np.array([most, 2], np.int32), AXIS, keepdims=0), most, -2)
check("INT32 CumSum", run("CumSum", int32, np.array(0)), -(2**31), -(2**31))
check("INT32 Add", run("Add", int32[:1], int32[1:]), -(2**31), -(2**31))
check("INT32 ScatterElements", run("ScatterElements", int32[:1], zero, int32[1:], reduction="add"), -(2**31), -(2**31))
PYTHON
