"""Settings for which torch_scatter's functions have no argument."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_unchecked: ContextVar[bool] = ContextVar("unchecked", default=False)
_deterministic: ContextVar[bool] = ContextVar("deterministic", default=False)


@contextlib.contextmanager
def unchecked() -> Iterator[None]:
    """Calls inside ``with unchecked():`` do not check their indices.

    They leave out elements with an index out of range. The result for an index that should be sorted and is not is
    unspecified. Memory out of bounds is never touched. On CUDA, a call with ``out`` or ``dim_size`` does not wait for
    its stream.
    """
    with _set(_unchecked):
        yield


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    """Sums and means of floats by scatter have the same bits every time inside ``with deterministic():``.

    This concerns CUDA. The CPU's results always have the same bits. On CUDA the other operators do so too, except
    products and the composites over the groups of an index, which have no such setting. If each row of ``src`` has one
    index, such a scatter groups the index and adds each group in an order that depends on the sizes only. Otherwise it
    adds integers, and reads ``src`` twice. Nodes that are exported inside have the attribute ``deterministic``.
    """
    with _set(_deterministic):
        yield


def is_unchecked() -> bool:
    """True inside ``with unchecked():``."""
    return _unchecked.get()


def is_deterministic() -> bool:
    """True inside ``with deterministic():``."""
    return _deterministic.get()


@contextlib.contextmanager
def _set(variable: ContextVar[bool]) -> Iterator[None]:
    token = variable.set(True)
    try:
        yield
    finally:
        variable.reset(token)
