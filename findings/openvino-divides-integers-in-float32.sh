#!/usr/bin/env bash
# OpenVINO divides integers in float32, and their maximum may be a number that is not among them.
#
# Expected: operators of INT32 are exact on all of its values, as Add, Mul, CumSum, Max and ScatterElements are in OpenVINO.
# Seen: the CPU device gives 16,777,216 for 16,777,217 (2^24 + 1) divided by 1, and 0 for its remainder by 1,024, which is 1.
# ReduceMax and ReduceMin of this number alone are 16,777,216, and a MatMul with 1 too. The result has the type INT32. It is
# the same for INT64, and if float32 and accuracy are asked for by the hints, which are about floats.
# Packages: openvino 2026.4.1, onnx 1.23.2, numpy 2.5.5
# Date: 2026-11-28
# Why: the key of a voxel is made of three coordinates by Mul and Add, and taken apart by Div and Mod; grids of 512 x 512 x 64
# cells reach 2^24. The points are added up in the right group by the scatter, and then the group has a wrong place.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.12}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check openvino==2026.4.1 onnx==1.23.2 numpy==2.5.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import io

import numpy as np
import onnx
import openvino
from onnx import helper
from onnx.reference import ReferenceEvaluator

CORE = openvino.Core()
HINTS = {"INFERENCE_PRECISION_HINT": "f32", "EXECUTION_MODE_HINT": "ACCURACY"}


def run(op_type, *arrays, **attributes):
    """What OpenVINO, without and with the hints, and the reference evaluator give for a model of one node."""
    names = [f"input_{i}" for i in range(len(arrays))]
    types = [helper.np_dtype_to_tensor_dtype(array.dtype) for array in arrays]
    infos = [helper.make_tensor_value_info(n, t, a.shape) for n, t, a in zip(names, types, arrays, strict=True)]
    node = helper.make_node(op_type, names, ["out"], **attributes)
    graph = helper.make_graph([node], "one", infos, [helper.make_tensor_value_info("out", types[0], arrays[0].shape)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    feeds = dict(zip(names, arrays, strict=True))
    results = []
    for hints in ({}, HINTS):
        compiled = CORE.compile_model(CORE.read_model(io.BytesIO(model.SerializeToString())), "CPU", hints)
        results.append(compiled(feeds)[0])
    results.append(ReferenceEvaluator(model).run(None, feeds)[0])
    assert all(result.dtype == arrays[0].dtype for result in results)
    return [int(result.ravel()[0]) for result in results]


odd = 2**24 + 1
for dtype in (np.int32, np.int64):

    def number(value, shape=(1,), dtype=dtype):
        return np.full(shape, value, dtype)

    index = np.zeros(1, np.int64)
    cases = (
        ("Div", (number(odd), number(1)), {}, odd - 1),
        ("Mod", (number(odd), number(1024)), {}, 0),
        ("ReduceMax", (number(odd),), {}, odd - 1),
        ("ReduceMin", (number(odd),), {}, odd - 1),
        ("MatMul", (number(odd, (1, 1)), number(1, (1, 1))), {}, odd - 1),
        ("Add", (number(odd), number(1)), {}, odd + 1),
        ("Mul", (number(odd), number(3)), {}, 3 * odd),
        ("Max", (number(odd), number(1)), {}, odd),
        ("ScatterElements", (number(1), index, number(odd)), {"reduction": "max"}, odd),
        ("ScatterElements", (number(1), index, number(odd)), {"reduction": "add"}, odd + 1),
    )
    for op_type, arrays, attributes, seen in cases:
        plain, hinted, right = run(op_type, *arrays, **attributes)
        print(f"{np.dtype(dtype)} {op_type} {[a.ravel()[0].item() for a in arrays]}: {plain}, with hints {hinted}; right {right}")
        assert plain == hinted == seen, "an operator of integers has changed"
PYTHON
