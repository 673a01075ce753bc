"""Memory of CUDA devices, for arrays whose library cannot be asked for some."""

from __future__ import annotations

import ctypes
import math
import weakref
from typing import Any

from . import _dlpack
from ._arrays.base import View
from ._errors import check
from ._library import loaded

_ITEM_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2, "float64": 8, "int32": 4, "int64": 8, "uint8": 1}

#: The array interface's names. It has none for bfloat16.
_TYPESTRS = {"float32": "<f4", "float16": "<f2", "float64": "<f8", "int32": "<i4", "int64": "<i8"}


class DeviceArray:
    """A row-major array in a CUDA device's memory, for other libraries to take by DLPack or the CUDA array interface.

    It is complete: no stream has to be waited for.
    """

    def __init__(self, device: int, shape: tuple[int, ...], dtype: str) -> None:
        library = loaded()
        buffer, address = ctypes.c_void_p(), ctypes.c_void_p()
        # Not none, since consumers do not all take null.
        count = max(math.prod(shape) * _ITEM_BYTES[dtype], 1)
        check(library, library.trts_buffer_new(device, count, ctypes.byref(buffer), ctypes.byref(address)))
        # Not at exit, when a consumer may still use the memory, which ends with the process.
        weakref.finalize(self, library.trts_buffer_free, buffer).atexit = False
        self._address = address.value or 0
        self._device = device
        #: The sizes, outermost first.
        self.shape = shape
        #: NumPy's name of the type.
        self.dtype = dtype

    def view(self) -> View:
        """The memory, for a call."""
        return View(self._address, self.dtype, self.shape, self, is_array=True)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (_dlpack.CUDA, self._device)

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        if copy or (dl_device is not None and tuple(dl_device) != self.__dlpack_device__()):
            raise BufferError("only the memory itself can be handed over, not a copy of it")
        return _dlpack.exported(self, self._address, self.__dlpack_device__(), self.dtype, self.shape)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        if self.dtype not in _TYPESTRS:
            raise AttributeError(f"the CUDA array interface has no type for {self.dtype}; use __dlpack__")
        return {
            "shape": self.shape,
            "typestr": _TYPESTRS[self.dtype],
            "data": (self._address, False),
            "version": 3,
            "stream": None,
        }
