#!/usr/bin/env bash
# PyTorch's default ONNX exporter gives a query that attends to nothing the mean of all values, or NaN.
#
# Expected: scaled_dot_product_attention gives 0 for a query whose mask allows no key, and so does the exported model: for a
# mask of bools it even has an IsNaN that puts 0 in place of a softmax of nothing.
# Seen: for a mask of bools, the exported model gives the mean of the values, masked ones too. It adds the lowest finite number
# where the mask is false, so the softmax is even and the IsNaN finds nothing. For the same mask as floats (0 and -inf) it
# gives NaN. Both are so at the default opset, 20, and at 18; at 23, where one Attention node is written, both give 0. With
# dynamo=False bools give 0 and floats NaN. There is no warning.
# Packages: torch 2.15.0, onnx 1.23.2, onnxscript 0.7.2
# Date: 2026-11-28
# Why: graphs of different sizes that are padded to one batch have such queries, and so has a node without neighbours whose
# adjacency matrix is the mask. The mean is an ordinary number: pooled over the nodes, it mixes masked nodes into the result.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.12}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 onnx==1.23.2 onnxscript==0.7.2 numpy==2.5.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import io

import numpy as np
import onnx
import torch
from onnx.reference import ReferenceEvaluator

NAN = float("nan")


class Attention(torch.nn.Module):
    def forward(self, nodes, values, mask):
        return torch.nn.functional.scaled_dot_product_attention(nodes, nodes, values, mask)


nodes, values = torch.ones(1, 1, 2, 1), torch.tensor([1.0, 3.0]).reshape(1, 1, 2, 1)
# The first node attends to itself, the second one to none.
allowed = torch.tensor([[True, False], [False, False]])
masks = {"bools": allowed, "floats": torch.zeros(2, 2).masked_fill(~allowed, -float("inf"))}
names = ["nodes", "values", "mask"]


def exported(inputs, opset):
    if opset == "older":
        file = io.BytesIO()
        torch.onnx.export(Attention(), inputs, file, dynamo=False, input_names=names)
        proto = onnx.load_from_string(file.getvalue())
    else:
        options = {} if opset is None else {"opset_version": opset}
        proto = torch.onnx.export(Attention(), inputs, dynamo=True, verbose=False, input_names=names, **options).model_proto
    onnx.checker.check_model(proto)
    feeds = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True)}
    return ReferenceEvaluator(proto).run(None, feeds)[0].ravel()


CASES = ((None, 2.0, NAN), (18, 2.0, NAN), (23, 0.0, 0.0), ("older", 0.0, NAN))
for opset, of_bools, of_floats in CASES:
    for kind, seen in (("bools", of_bools), ("floats", of_floats)):
        inputs = (nodes, values, masks[kind])
        right, given = Attention()(*inputs).ravel(), exported(inputs, opset)
        print(f"opset {opset or 'of the default'}, mask of {kind}: PyTorch {right.tolist()}, exported {given.tolist()}")
        assert right.tolist() == [1.0, 0.0]
        np.testing.assert_array_equal(given, [1.0, seen], "the exporter has changed")
PYTHON
