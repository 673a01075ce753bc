#!/usr/bin/env bash
# keras.ops.segment_max has another type or another fill on each backend.
#
# Expected: one call gives one result on all backends, which is what keras.ops are for; integers keep their type, as they do in
# segment_sum and as Keras says of the symbolic result. An empty group is -inf in float32 on all of them.
# Seen: on the NumPy backend the maxima of int32 and uint8 are float64, with and without an empty group, and an empty group is
# -inf. JAX and OpenVINO keep the type and give the lowest integer. In float32 an empty group is -inf on NumPy and JAX and the
# lowest finite number, -3.4e38, on OpenVINO. The symbolic result is int32 on all three.
# Packages: keras 3.15.1, jax 0.12.0.1, jaxlib 0.12.0.1, openvino 2026.4.1, numpy 2.5.5, on the CPU
# Date: 2026-11-27
# Why: the maximum of an empty group has to be replaced, by 0 in torch_scatter. A test for -inf finds no empty group on one
# backend; a maximum that is used as an index is a float on another. A port needs the counts of the groups, not the fill.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.12}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    keras==3.15.1 jax==0.12.0.1 jaxlib==0.12.0.1 openvino==2026.4.1 numpy==2.5.5
cd "$work"
export KERAS_HOME="$work/keras"
cat > maxima.py <<'PYTHON'
import math

import keras
import numpy as np

name = keras.backend.backend()
integers = {"numpy": ("float64", -math.inf), "jax": ("int32", -(2**31)), "openvino": ("int32", -(2**31))}[name]
fill = {"numpy": -math.inf, "jax": -math.inf, "openvino": float(np.finfo(np.float32).min)}[name]


def run(function, dtype, ids):
    result = function(np.array([1, 2, 3, 4], dtype), np.array(ids), max(ids) + 1)
    return keras.backend.standardize_dtype(result.dtype), np.array(result).tolist()


symbolic = keras.ops.segment_max(keras.KerasTensor((4,), "int32"), keras.KerasTensor((4,), "int32"), 3).dtype
full, gap = [0, 0, 1, 1], [0, 0, 2, 2]
of_full, of_gap, of_floats = (
    run(keras.ops.segment_max, dtype, ids) for dtype, ids in (("int32", full), ("int32", gap), ("float32", gap))
)
of_bytes, sums = run(keras.ops.segment_max, "uint8", full), run(keras.ops.segment_sum, "int32", gap)
print(f"{name}: int32 {of_full}, with an empty group {of_gap}, symbolic {symbolic}; float32 {of_floats}; uint8 {of_bytes}")
assert symbolic == "int32" and sums == ("int32", [3, 0, 7])
assert of_full == (integers[0], [2, 4]) and of_gap == (integers[0], [2, integers[1], 4]), "maxima of integers have changed"
assert of_bytes == ("float64" if name == "numpy" else "uint8", [2, 4]), "maxima of bytes have changed"
assert of_floats == ("float32", [2, fill, 4]), "the fill of empty groups has changed"
PYTHON
for backend in numpy jax openvino; do
    KERAS_BACKEND=$backend "$work/venv/bin/python" -W ignore maxima.py
done
