"""Memory that cannot be had is a MemoryError. One element of the index, or dim_size, can ask for any amount of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import tensorrt_scatter as ts

FUNCTIONS = [
    ts.scatter_sum,
    ts.scatter_mul,
    ts.scatter_mean,
    ts.scatter_min,
    ts.scatter_max,
    ts.segment_sum_coo,
    ts.segment_max_coo,
    ts.scatter_softmax,
    ts.scatter_log_softmax,
    ts.scatter_logsumexp,
    ts.scatter_std,
]


# No address space holds as many elements, whatever amount of memory the system promises.
@pytest.mark.parametrize("groups", [2**47, 2**50])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_more_groups_than_memory_can_hold(function: Callable[..., object], dtype: type, groups: int) -> None:
    src = np.ones(3, dtype)
    with pytest.raises(MemoryError):
        function(src, np.array([0, 1, 1]), dim_size=groups)
    with pytest.raises(MemoryError):
        function(src, np.array([0, 1, groups - 1]))
