#!/usr/bin/env bash
# LiteRT's SEGMENT_SUM refuses sorted groups if one of them is empty.
#
# Expected: the sums of 1, 2, 3, 4 by the sorted ids 0, 0, 2, 2 are 3, 0, 7. TensorFlow, whose segment_sum becomes this operator,
# gives an empty group the sum 0, and so do torch_scatter's segment_coo and LiteRT's own UNSORTED_SEGMENT_SUM.
# Seen: an error when the model runs, and the same if the first group is the empty one (1, 1, 2, 2): ids must begin at 0 and grow
# by at most 1. UNSORTED_SEGMENT_SUM gives 3, 0, 7 and 0, 3, 7. Which ids come is known when the model runs, so the model loads.
# Packages: ai-edge-litert 2.3.0, flatbuffers 25.12.19, numpy 2.5.5
# Date: 2026-11-27
# Why: nodes without neighbours and voxels without points are empty groups. A model with sorted sums works on a phone until the
# first such input. Its port from segment_coo needs the unsorted operator, which must be told the number of groups.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.12}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check ai-edge-litert==2.3.0 flatbuffers==25.12.19 numpy==2.5.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

TYPES = {np.dtype(np.float32): schema.TensorType.FLOAT32, np.dtype(np.int32): schema.TensorType.INT32}


def tensor(name, shape, dtype):
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer = name, list(shape), TYPES[np.dtype(dtype)], 0
    return made


def run(operator, arrays):
    graph, node, code, model = schema.SubGraphT(), schema.OperatorT(), schema.OperatorCodeT(), schema.ModelT()
    graph.tensors = [tensor(f"input {i}", array.shape, array.dtype) for i, array in enumerate(arrays)]
    graph.tensors.append(tensor("sums", [3], np.float32))
    graph.inputs = node.inputs = list(range(len(arrays)))
    graph.outputs = node.outputs = [len(arrays)]
    node.opcodeIndex, graph.operators = 0, [node]
    code.builtinCode, code.deprecatedBuiltinCode, code.version = operator, min(operator, 127), 1
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [schema.BufferT()]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    interpreter = Interpreter(model_content=bytes(builder.Output()))
    interpreter.allocate_tensors()
    for detail, array in zip(interpreter.get_input_details(), arrays, strict=True):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).tolist()


values = np.arange(1, 5, dtype=np.float32)
cases = (((0, 0, 1, 1), [3, 7, 0], True), ((0, 0, 2, 2), [3, 0, 7], False), ((1, 1, 2, 2), [0, 3, 7], False))
for ids, sums, runs in cases:
    inputs = [values, np.array(ids, np.int32)]
    unsorted = run(schema.BuiltinOperator.UNSORTED_SEGMENT_SUM, [*inputs, np.array([3], np.int32).reshape(())])
    try:
        by_segment = run(schema.BuiltinOperator.SEGMENT_SUM, inputs)
    except RuntimeError as error:
        by_segment = str(error).split(".cc:")[-1].partition(" ")[2].partition("Node")[0]
    print(f"ids {ids}: UNSORTED_SEGMENT_SUM {unsorted}, SEGMENT_SUM {by_segment}")
    assert unsorted == sums
    assert (by_segment == sums[:2]) if runs else isinstance(by_segment, str), "SEGMENT_SUM takes empty groups now"
PYTHON
