"""What the operators ask of a library of arrays."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from .._c_abi import CPU, TYPES


@dataclasses.dataclass(frozen=True)
class View:
    """A row-major array: its own memory, or a copy's."""

    address: int
    dtype: str
    shape: tuple[int, ...]
    #: What keeps the memory.
    owner: Any
    #: Whether the memory is the array's own and may be written to.
    is_array: bool


class Arrays(abc.ABC):
    """The arrays of one call, all of one library and on one device."""

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        devices = {name: self.device_of(name, array) for name, array in arrays.items()}
        (first, device), *others = devices.items()
        for name, other in others:
            if other != device:
                raise ValueError(
                    f"{first} is on {_device(device)}, but {name} on {_device(other)}; give them one device"
                )
        #: The number of the CUDA device, or CPU.
        self.device = device

    def on_device(self) -> contextlib.AbstractContextManager[Any]:
        """Makes the device the library's current one, for a call."""
        return contextlib.nullcontext()

    @property
    def stream(self) -> int:
        """The CUstream to work on."""
        return 0

    @staticmethod
    @abc.abstractmethod
    def takes(array: Any) -> bool:
        """Whether it is an array of the library."""

    @abc.abstractmethod
    def device_of(self, name: str, array: Any) -> int:
        """The number of an array's CUDA device, or CPU. ValueError if it is neither."""

    @abc.abstractmethod
    def view(self, name: str, array: Any) -> View:
        """An array's memory if it is row-major, or else a copy's that is."""

    @abc.abstractmethod
    def empty(self, shape: Sequence[int], like: Any) -> Any:
        """A row-major array of like's type, whatever it holds."""

    @abc.abstractmethod
    def scratch(self, count: int) -> View:
        """Device memory for the time of the call."""

    @abc.abstractmethod
    def store(self, out: Any, result: Any) -> Any:
        """Copies the result into ``out``, which is given back; the result where ``out`` cannot be written to."""

    def written(self, out: Any) -> Any:
        """``out``, after a call wrote to its memory: the place to tell the library so, where it wants to know."""
        return out

    def finish(self, result: Any) -> Any:
        """What the caller gets for an array of :meth:`empty`'s, or for ``out``."""
        return result


def checked_dtype(name: str, dtype: str) -> str:
    """Refuses types that there are no kernels for."""
    if dtype not in TYPES:
        raise ValueError(f"{name} has dtype {dtype}; expected one of {', '.join(TYPES)}")
    return dtype


def _device(device: int) -> str:
    return "the CPU" if device == CPU else f"CUDA device {device}"
