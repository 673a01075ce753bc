"""CUDA device memory, for array libraries that have no function to allocate it."""

from __future__ import annotations

import ctypes
import math
import weakref
from typing import Any

from . import _dlpack
from ._arrays.base import View
from ._declarations import TYPE_OF
from ._errors import check
from ._library import loaded

SCRATCH = "uint8"
"""The type of a workspace."""


class DeviceArray:
    """A row-major array in CUDA device memory. Other libraries take it by DLPack or the CUDA array interface.

    Its elements are complete: a consumer need not wait for a stream.
    """

    def __init__(self, device: int, shape: tuple[int, ...], dtype: str) -> None:
        library = loaded()
        item_bytes = 1 if dtype == SCRATCH else TYPE_OF[dtype].bytes
        buffer, address = ctypes.c_void_p(), ctypes.c_void_p()
        # At least one byte: some consumers do not take a null pointer.
        count = max(math.prod(shape) * item_bytes, 1)
        check(library, library.trts_buffer_new(device, count, ctypes.byref(buffer), ctypes.byref(address)))
        # Not at exit: a consumer may still use the memory, and the end of the process frees it.
        weakref.finalize(self, library.trts_buffer_free, buffer).atexit = False
        self._address = address.value or 0
        self._device = device
        #: The sizes, outermost first.
        self.shape = shape
        #: The type's name in NumPy.
        self.dtype = dtype

    def view(self) -> View:
        """The memory as an argument of a call."""
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
        typestr = "|u1" if self.dtype == SCRATCH else TYPE_OF[self.dtype].typestr
        if typestr is None:
            raise AttributeError(f"the CUDA array interface has no type for {self.dtype}; use __dlpack__")
        return {
            "shape": self.shape,
            "typestr": typestr,
            "data": (self._address, False),
            "version": 3,
            "stream": None,
        }
