#!/usr/bin/env bash
# The variance of a group cancels in torch_geometric and in TensorFlow's ragged tensors, and not elsewhere in these libraries.
#
# Expected: the standard deviation of equal values is 0 or a rounding error, and the variance of 10,000, 10,001 and 10,002 is
# 2/3. tf.math.reduce_std and reduce_variance of a tensor and of a ragged tensor with the same row agree, and
# torch_geometric's StdAggregation agrees with torch.std.
# Seen: in float32, the standard deviation of three times 12,345.678 is 5.66 in both, and 0.001 by TensorFlow for a tensor; the
# variance of 10,000, 10,001 and 10,002 is 0 in both. They subtract the squared mean from the mean square.
# Packages: torch_geometric 2.8.1, torch 2.15.0, tensorflow-cpu 2.21.0
# Date: 2026-11-28
# Why: coordinates in metres of a map are of this size, and PNA's aggregators have var and std. The spread of a voxel or of a
# node's neighbours is 0 where it is 0.8, and 5.7 where it is 0. torch_scatter subtracts the mean first: a plugin that does the
# same differs, and is right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name in torch tensorflow; do
    "${PYTHON:-python3.12}" -m venv "$work/$name"
done
"$work/torch/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 torch_geometric==2.8.1 numpy==2.5.5
"$work/tensorflow/bin/pip" install --quiet --disable-pip-version-check tensorflow-cpu==2.21.0
cd "$work"
cat > cases.py <<'PYTHON'
import math

EQUAL, STEPS = [12345.678] * 3, [10000.0, 10001.0, 10002.0]


def check(name, variance, deviation):
    """Both functions get a list of numbers, which is a group."""
    seen = variance(STEPS), deviation(EQUAL)
    print(f"{name}: the variance of {STEPS} is {seen[0]:.4f}, the deviation of {EQUAL} {seen[1]:.4f}")
    assert seen[0] == 0 and math.isclose(seen[1], 32**0.5, rel_tol=1e-6), "a variance has changed"


def check_whole(name, variance, deviation):
    """The same for functions that have one group."""
    seen = variance(STEPS), deviation(EQUAL)
    print(f"{name}: {seen[0]:.4f} and {seen[1]:.4f}")
    assert math.isclose(seen[0], 2 / 3, rel_tol=1e-3) and seen[1] < 0.01
PYTHON
PYTHONPATH=$work "$work/torch/bin/python" -W ignore - <<'PYTHON'
import torch
from cases import check, check_whole
from torch_geometric.nn import StdAggregation, VarAggregation


def grouped(aggregation):
    return lambda row: aggregation(torch.tensor(row)[:, None], torch.zeros(len(row), dtype=torch.int64)).item()


def whole(function):
    return lambda row: function(torch.tensor(row), correction=0).item()


check("torch_geometric", grouped(VarAggregation()), grouped(StdAggregation()))
check_whole("torch", whole(torch.var), whole(torch.std))
PYTHON
PYTHONPATH=$work TF_CPP_MIN_LOG_LEVEL=3 "$work/tensorflow/bin/python" -W ignore - <<'PYTHON'
import tensorflow as tf
from cases import check, check_whole


def ragged(function):
    return lambda row: float(function(tf.ragged.constant([row]), 1)[0])


def whole(function):
    return lambda row: float(function(tf.constant(row)))


variance, deviation = tf.math.reduce_variance, tf.math.reduce_std
check("TensorFlow, ragged", ragged(variance), ragged(deviation))
check_whole("TensorFlow, a tensor", whole(variance), whole(deviation))
PYTHON
