"""Adapters from each array library to what the C ABI takes: an address, a type, a shape and a device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .base import Arrays, View
from .cupy_arrays import CupyArrays
from .dlpack_arrays import DlpackArrays
from .numpy_arrays import NumpyArrays
from .torch_arrays import TorchArrays

__all__ = ["Arrays", "View", "arrays_of"]

_EXPECTED = "expected a NumPy, torch, CuPy or JAX array, or another with __dlpack__ or __cuda_array_interface__"


def arrays_of(arguments: Mapping[str, Any]) -> Arrays:
    """Wraps the arguments of one call. Arguments that are None are left out.

    Raises:
        TypeError: an argument is not an array, or the arrays come from several libraries.
        ValueError: the arrays are on several devices.
    """
    given = {name: array for name, array in arguments.items() if array is not None}
    first, *others = given
    kind = _kind(first, given[first])
    for name in others:
        if _kind(name, given[name]) is not kind:
            raise TypeError(
                f"{first} is a {_type(given[first])}, but {name} a {_type(given[name])}; give arrays of one library"
            )
    return kind(given)


def _kind(name: str, array: Any) -> type[Arrays]:
    for kind in (NumpyArrays, TorchArrays, CupyArrays, DlpackArrays):
        if kind.takes(array):
            return kind
    raise TypeError(f"{name} is a {_type(array)}; {_EXPECTED}")


def _type(array: Any) -> str:
    return f"{type(array).__module__}.{type(array).__qualname__}"
