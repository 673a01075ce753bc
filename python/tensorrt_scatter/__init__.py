"""The operators of torch_scatter on NumPy, torch, CuPy and JAX arrays, and as TensorRT plugins.

The functions have the names and arguments of torch_scatter 2.1.2 and compute what they compute, on the CPU or on the
CUDA device where the arrays are. They record no gradients.
"""

from __future__ import annotations

from typing import Any

from . import composite
from ._errors import BadIndexError
from ._library import library_path, load
from ._scatter import (
    scatter,
    scatter_add,
    scatter_max,
    scatter_mean,
    scatter_min,
    scatter_mul,
    scatter_sum,
)
from ._segment_coo import (
    gather_coo,
    segment_add_coo,
    segment_coo,
    segment_max_coo,
    segment_mean_coo,
    segment_min_coo,
    segment_sum_coo,
)
from ._segment_csr import (
    gather_csr,
    segment_add_csr,
    segment_csr,
    segment_max_csr,
    segment_mean_csr,
    segment_min_csr,
    segment_sum_csr,
)
from ._settings import deterministic, unchecked
from .composite import scatter_log_softmax, scatter_logsumexp, scatter_softmax, scatter_std

__version__ = "0.1.0"

__all__ = [
    "BadIndexError",
    "composite",
    "deterministic",
    "gather_coo",
    "gather_csr",
    "library_path",
    "load",
    "scatter",
    "scatter_add",
    "scatter_log_softmax",
    "scatter_logsumexp",
    "scatter_max",
    "scatter_mean",
    "scatter_min",
    "scatter_mul",
    "scatter_softmax",
    "scatter_std",
    "scatter_sum",
    "segment_add_coo",
    "segment_add_csr",
    "segment_coo",
    "segment_csr",
    "segment_max_coo",
    "segment_max_csr",
    "segment_mean_coo",
    "segment_mean_csr",
    "segment_min_coo",
    "segment_min_csr",
    "segment_sum_coo",
    "segment_sum_csr",
    "unchecked",
]

# Looked up when they are first used: they need onnx or torch, which the operators do not.
_OF_ONNX = frozenset({"convert", "register_symbolic", "translation_table"})


def __getattr__(name: str) -> Any:
    if name not in _OF_ONNX:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ._optional import of_onnx

    return of_onnx(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_OF_ONNX})
