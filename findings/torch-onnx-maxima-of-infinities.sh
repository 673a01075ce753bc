#!/usr/bin/env bash
# PyTorch's default ONNX exporter makes a finite number of a maximum of -infinities.
#
# Expected: scatter_reduce("amax", include_self=False) ignores what the tensor held before. So a group whose values are all
# -inf has the maximum -inf in PyTorch, and in the exported model too: "amax" with include_self=True keeps -inf.
# Seen: the export has two ScatterElements. Over a tensor of zeros, the first one puts the lowest finite number of the type
# where values arrive; the second one takes the maximum with it. The maximum of -infinities becomes -3.4e38 (float16: -65504),
# the minimum of infinities 3.4e38. No warning.
# Packages: torch 2.15.0, onnx 1.23.2, onnxscript 0.7.2
# Date: 2026-11-28
# Why: -inf is how an element is masked, and how a group without any is told from others. Behind the exported maximum, a test
# for -inf finds nothing, and a sum or product with it is finite; torch_geometric's maxima and softmax have this maximum.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.12}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 onnx==1.23.2 onnxscript==0.7.2 numpy==2.5.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import torch
from onnx.reference import ReferenceEvaluator

INF = float("inf")


class Extremes(torch.nn.Module):
    def __init__(self, reduce, include_self):
        super().__init__()
        self.reduce, self.include_self = reduce, include_self

    def forward(self, values, index):
        of_nothing = -INF if self.reduce == "amax" else INF
        start = torch.full((2,), of_nothing if self.include_self else 0.0, dtype=values.dtype)
        return start.scatter_reduce(0, index, values, self.reduce, include_self=self.include_self)


def exported(model, values, index):
    proto = torch.onnx.export(model, (values, index), dynamo=True, verbose=False).model_proto
    return ReferenceEvaluator(proto).run(None, {"values": values.numpy(), "index": index.numpy()})[0]


index = torch.tensor([0, 0, 1])
for dtype in (torch.float32, torch.float16):
    largest = torch.finfo(dtype).max
    for reduce, sign in (("amax", -1), ("amin", 1)):
        values = torch.tensor([sign * INF, sign * INF, 1.0], dtype=dtype)
        for include_self, seen in ((True, sign * INF), (False, sign * largest)):
            model = Extremes(reduce, include_self)
            right, given = model(values, index).tolist(), exported(model, values, index).tolist()
            print(f"{dtype}, {reduce}, include_self={include_self}: PyTorch {right}, exported {given}")
            assert right == [sign * INF, 1.0]
            assert given == [seen, 1.0], "the exporter has changed"
PYTHON
