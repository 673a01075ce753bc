"""What the operators ask of a library of arrays."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from .._c_abi import CPU
from .._declarations import FLOATS, Input


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
    def view(self, declared: Input, array: Any) -> View:
        """An array's memory if it is row-major, or else a copy's that is.

        Raises:
            TypeError: It is an array whose memory does not say all.
            ValueError: Its type, layout or device is not one that the argument may have.
        """

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


#: What to convert a type to: the first that is taken.
_WIDER = {
    "bool": ("int32", "float32"),
    "int8": ("int32", "float32"),
    "uint8": ("int32", "float32"),
    "int16": ("int32", "float32"),
    "uint16": ("int32", "float32"),
    "uint32": ("int64", "float64"),
    "uint64": ("int64", "float64"),
    "int32": ("float32",),
    "int64": ("float32",),
    "float128": ("float64",),
    "longdouble": ("float64",),
}


def checked_dtype(declared: Input, dtype: str, conversion: str) -> str:
    """The type, which is one that the argument may have.

    Args:
        declared: The argument.
        dtype: Its type.
        conversion: How its library converts an array, `{name}` to `{dtype}`.

    Raises:
        ValueError: There are no kernels for the type.
    """
    if dtype in declared.types:
        return dtype
    wider = ("float32",) if dtype.startswith(("float8", "float6", "float4")) else _WIDER.get(dtype, ())
    taken = next((each for each in wider if each in declared.types), None)
    remedy = "" if taken is None else f": convert it, by {conversion.format(name=declared.name, dtype=taken)}"
    expected = f"{', '.join(declared.types[:-1])} or {declared.types[-1]}"
    if declared.types == FLOATS:
        expected = f"a floating-point type, {expected}"
    raise ValueError(f"{declared.name} has dtype {dtype}; expected {expected}{remedy}")


def _device(device: int) -> str:
    return "the CPU" if device == CPU else f"CUDA device {device}"
