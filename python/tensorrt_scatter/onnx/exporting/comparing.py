"""Compares what an exported model computes with what PyTorch computes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]

TOLERANCES: dict[torch.dtype, tuple[float, float]] = {
    torch.float64: (1e-6, 1e-7),
    torch.float32: (1e-4, 1e-5),
    torch.float16: (1e-2, 2e-3),
    torch.bfloat16: (5e-2, 2e-2),
}
"""What two results may differ by: a part of the element, and a part of the largest element of the output. Sums are added
in another order, and exporters write constants of float64 models as float32. Other types must be equal."""

_SMALLEST_SCALE = 1e-2
"""The largest element of an output counts as at least this, so that what should cancel out to 0 may have a rest."""


class Different(Exception):
    """Two outputs differ. The message says which, and how."""

    def __init__(self, message: str, of_all: bool = False) -> None:
        super().__init__(message)
        self.of_all = of_all
        """Whether every exporter's file differs so."""


@dataclass(frozen=True)
class Difference:
    """How an output of the file differs from PyTorch's."""

    output: str
    largest: float
    """The largest difference of two finite elements."""
    special: int = 0
    """The number of elements where only one is finite, or where they are NaN and an infinity, or two infinities."""

    def __str__(self) -> str:
        text = f"{self.output} equal" if self.largest == 0 else f"{self.output} differs by up to {self.largest:.2g}"
        return f"{text}, and in {self.special} NaN or infinities" if self.special else text


@dataclass(frozen=True)
class Tolerance:
    """What may differ."""

    rtol: float | None = None
    atol: float | None = None
    allow_differences: bool = False
    """Whether NaN and infinities may differ."""

    def of(self, dtype: torch.dtype, scale: float) -> tuple[float, float]:
        rtol, share = TOLERANCES.get(dtype, (0.0, 0.0))
        atol = share * max(scale, _SMALLEST_SCALE)
        return rtol if self.rtol is None else self.rtol, atol if self.atol is None else self.atol


def array(tensor: Tensor) -> Array:
    """A tensor as NumPy has it, and onnx."""
    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype == torch.bfloat16:
        import ml_dtypes

        return tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.numpy()


def compare(
    outputs: Sequence[str], results: Sequence[Any], expected: Sequence[Tensor], tolerance: Tolerance
) -> tuple[Difference, ...]:
    """The differences of all outputs.

    Raises:
        Different: one of them is too large.
    """
    if len(results) != len(expected):
        raise Different(f"the file has {len(results)} outputs, and PyTorch {len(expected)}")
    return tuple(_compare(*each, tolerance) for each in zip(outputs, results, expected))


def _compare(output: str, result: Any, expected: Tensor, tolerance: Tolerance) -> Difference:
    wanted = array(expected)
    if not isinstance(result, np.ndarray) and not np.isscalar(result):
        raise Different(f"{output} is a {type(result).__name__} in the file, and a tensor in PyTorch")
    got = np.asarray(result)
    if got.dtype != wanted.dtype:
        raise Different(f"{output} is {got.dtype} in the file, and {wanted.dtype} in PyTorch")
    if got.shape != wanted.shape:
        raise Different(f"{output} has the shape {list(got.shape)} in the file, and {list(wanted.shape)} in PyTorch")
    if expected.dtype not in TOLERANCES:
        wrong = np.flatnonzero(got != wanted)
        if wrong.size:
            raise Different(_said(output, got, wanted, wrong))
        return Difference(output, 0.0)
    ours, theirs = got.astype(np.float64), wanted.astype(np.float64)
    finite = np.isfinite(ours) & np.isfinite(theirs)
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    special = np.flatnonzero(~finite & ~same)
    if special.size and not tolerance.allow_differences:
        raise Different(
            f"{_said(output, got, wanted, special)}; docs/NUMERICS.md and docs/ONNX.md say where NaN and infinities are "
            "others than PyTorch's: a NaN is never a minimum or maximum. allow_differences=True accepts this",
            # The plugins' rule, whoever exports.
            of_all=bool(np.isnan(theirs.flat[special]).all()),
        )
    with np.errstate(invalid="ignore"):
        off = np.where(finite, np.abs(ours - theirs), 0.0)
    size = np.abs(np.where(finite, theirs, 0.0))
    rtol, atol = tolerance.of(expected.dtype, float(size.max(initial=0.0)))
    wrong = np.flatnonzero(off > atol + rtol * size)
    if wrong.size:
        raise Different(_said(output, got, wanted, wrong))
    return Difference(output, float(off.max(initial=0.0)), int(special.size))


def _said(output: str, got: Array, wanted: Array, wrong: NDArray[np.intp]) -> str:
    first = [int(each) for each in np.unravel_index(wrong[0], wanted.shape)]
    pair = f"{got.flat[wrong[0]]} in the file, and {wanted.flat[wrong[0]]} in PyTorch"
    return f"{output} differs in {wrong.size} of {wanted.size} elements: the one at {first} is {pair}"
