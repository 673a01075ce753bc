#!/usr/bin/env bash
# The weights of torch_geometric's softmax in 16 bits add up to more than 1, by ptr or compiled.
#
# Expected: the weights of a softmax add up to 1, in bfloat16 as well as its rounding allows, and utils.softmax by ptr and by
# index, eager and compiled, agree.
# Seen: on the CPU, the weights of 4,096 equal bfloat16 scores add up to 1 by index and to 16 by ptr; of 512 scores to 2; in
# float16, of 4,096 to 2. Compiled for one thread they do by index too. The sum that they are divided by is kept in 16 bits and
# stops at 256 or 2,048.
# Packages: torch_geometric 2.8.1, torch 2.15.0, without torch_scatter; a C++ compiler is needed, as torch.compile needs one
# Date: 2026-11-28
# Why: attention over neighbours or over the points of a scan is 16 times too large at a hub, and right at all small nodes. The
# ptr is meant to be the faster way, and torch.compile too. The weights by torch.softmax of the row add up to 1.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.12}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 torch_geometric==2.8.1 numpy==2.5.5
cd "$work"
export TORCHINDUCTOR_CACHE_DIR="$work/cache"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import torch
from torch_geometric.utils import softmax


def by_index(scores, index):
    return softmax(scores, index, num_nodes=1)


torch.set_num_threads(1)
for dtype, count, seen in (
    (torch.bfloat16, 256, 1),
    (torch.bfloat16, 512, 2),
    (torch.bfloat16, 4096, 16),
    (torch.float16, 4096, 2),
):
    torch.compiler.reset()
    scores, index, ptr = torch.zeros(count, dtype=dtype), torch.zeros(count, dtype=torch.int64), torch.tensor([0, count])
    weights = {
        "torch.softmax": torch.softmax(scores, 0),
        "by index": by_index(scores, index),
        "by ptr": softmax(scores, ptr=ptr),
        "by index, compiled": torch.compile(by_index)(scores, index),
    }
    # The weights are powers of two, so that their sums are exact.
    sums = {name: tensor.double().sum().item() for name, tensor in weights.items()}
    print(f"{count} scores of {dtype}: {sums}")
    assert list(sums.values()) == [1, 1, seen, seen], "the softmax has changed"
PYTHON
