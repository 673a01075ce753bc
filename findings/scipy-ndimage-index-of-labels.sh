#!/usr/bin/env bash
# scipy.ndimage's functions of labels depend on whether the labels are asked for one by one or in a list.
#
# Expected: minimum(x, labels, [2]) has the one element minimum(x, labels, 2). A label that no element has is an error or has
# one fill, and a NaN is treated alike by minimum and maximum.
# Seen: for a label that no element has, minimum and maximum of one label raise an error, and of a list give 0. The median of one
# label is NaN, and of a list it is a value of another label. sum gives 0, mean NaN. Where a label's elements have a NaN,
# minimum, maximum and median of one label are NaN; of a list the maximum is NaN, the minimum is the smallest number, and the
# median counts the NaN as the largest one.
# Packages: scipy 1.18.1, numpy 2.5.5
# Date: 2026-11-28
# Why: these are the segment reductions that need no framework, so that they are taken as a reference for a scatter. A check
# group by group passes and one of all groups differs. A median of a group without elements looks like a real one.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.12}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check scipy==1.18.1 numpy==2.5.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from scipy import ndimage

nan = float("nan")
values, labels = np.array([5.0, 7.0, 3.0, 9.0, nan, 2.0, 4.0]), np.array([0, 0, 1, 3, 4, 4, 4])
# For label 2, which no element has, and for label 4, which has a NaN: alone, and in the list of all labels.
EXPECTED = {
    "minimum": ("ValueError", 0.0, nan, 2.0),
    "maximum": ("ValueError", 0.0, nan, nan),
    "median": (nan, 5.0, nan, 4.0),
    "sum": (0.0, 0.0, nan, nan),
    "mean": (nan, nan, nan, nan),
}
for name, expected in EXPECTED.items():
    function, seen = getattr(ndimage, name), []
    of_all = function(values, labels, range(5))
    for label in (2, 4):
        try:
            alone = float(function(values, labels, label))
        except ValueError:
            alone = "ValueError"
        seen += [alone, float(of_all[label])]
    print(f"{name}: without elements {seen[0]}, in a list {seen[1]}; with a NaN {seen[2]}, in a list {seen[3]}")
    assert str(tuple(seen)) == str(expected), "a function of labels has changed"
    assert function(values, labels, 1) == of_all[1] == 3
PYTHON
