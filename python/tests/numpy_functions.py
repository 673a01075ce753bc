"""The operators' functions on NumPy arrays, computed by the definitions in tests/tensorrt/numpy_operators.py.

The inputs come first; all other arguments have to be named. A bad index raises an IndexError, as in tensorrt_scatter.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorrt_scripts

from tensorrt_scatter._declarations import OPERATORS, Base, Operator, Result

DEFINITIONS = tensorrt_scripts.load("numpy_operators")


def _call(operator: Operator, *inputs: np.ndarray, out: Any = None, **options: Any) -> Any:
    index = inputs[operator.index]
    axis = operator.axis(index.ndim, options.get("dim", -1))
    groups = options.get("dim_size") if out is None else out.shape[axis]
    has_destination = operator.destination != operator.index
    name, result = operator.inputs[operator.index].name, operator.outputs[0].result
    # The segments of gather_csr are of rows of the result; others are of rows of the first input.
    reads_rows = has_destination or result in (Result.INDEX, Result.SEGMENTS, Result.SCORES)
    reads_rows |= name == "indptr" and result is not Result.ROWS
    _check(name, index, inputs[0].shape[axis] if reads_rows else groups)
    if has_destination:
        _check("destination", inputs[operator.destination], groups)
    if result is Result.SCORES:
        _check("other_index", inputs[3], inputs[2].shape[axis])
    if operator.delimiter > operator.index:
        # The segments are of elements of the index.
        _check("indptr", inputs[operator.delimiter], index.shape[-1])
    base = {} if operator.base is Base.NONE else {"base": out}
    results = DEFINITIONS.OF_PLUGIN[operator.op_type](*inputs, **base, **options)
    return results[0] if len(results) == 1 else tuple(results)


def _check(name: str, index: np.ndarray, size: int | None) -> None:
    """Refuses an index that is not less than `size`, and an indptr that exceeds `size` or decreases."""
    largest = index.max(initial=-1)
    too_large = size is not None and (largest > size if name == "indptr" else largest >= size)
    if too_large or index.min(initial=0) < 0 or (name == "indptr" and (np.diff(index) < 0).any()):
        raise IndexError(f"{name} is {index.tolist()}, where the size is {size}")


def _functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    for operator in OPERATORS:
        yield operator.function_of(), functools.partial(_call, operator)
        for name in (name for reduction in operator.reductions for name in reduction.names):
            yield operator.function_of(name), functools.partial(_call, operator, reduce=name)


globals().update(_functions())
