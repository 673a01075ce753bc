"""What torch_scatter's functions have no argument for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_unchecked: ContextVar[bool] = ContextVar("unchecked", default=False)
_deterministic: ContextVar[bool] = ContextVar("deterministic", default=False)


@contextlib.contextmanager
def unchecked() -> Iterator[None]:
    """Calls inside do not look for bad indices: ``with unchecked(): ...``.

    Elements with an index out of range are left out, and results for an index that is not sorted are not specified, but
    memory out of bounds is never touched. On CUDA a call with ``out`` or ``dim_size`` then does not wait for its
    stream.
    """
    with _set(_unchecked):
        yield


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    """Sums and means of floats by scatter have the same bits every time, on CUDA too: ``with deterministic(): ...``.

    On the CPU they have so in any case, and so has every other operator but for products on CUDA and the composites
    there.
    """
    with _set(_deterministic):
        yield


def is_unchecked() -> bool:
    """Whether calls leave out the look at the index."""
    return _unchecked.get()


def is_deterministic() -> bool:
    """Whether sums are to have the same bits every time."""
    return _deterministic.get()


@contextlib.contextmanager
def _set(variable: ContextVar[bool]) -> Iterator[None]:
    token = variable.set(True)
    try:
        yield
    finally:
        variable.reset(token)
