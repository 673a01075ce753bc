"""The lines that ``python -m tensorrt_scatter info`` prints."""

from __future__ import annotations

import ctypes
import importlib
import platform
from collections.abc import Iterator

from ._driver import device_count
from ._errors import check
from ._library import load, loaded


def lines() -> Iterator[str]:
    """Yields the versions, the library's path, and which TensorRT and GPUs are found."""
    from . import __version__

    library = loaded()
    yield f"tensorrt-scatter  {__version__}, Python {platform.python_version()}"
    yield f"plugin library    {library.trts_version().decode()}, {library._name}"
    yield f"TensorRT          {_tensorrt()}"
    yield from _gpus(library)


def _tensorrt() -> str:
    try:
        version = importlib.import_module("tensorrt").__version__
    except ImportError as error:
        return f"not found: {error}"
    try:
        registered = "registered" if load() else "not registered: the process has no TensorRT library"
    except RuntimeError as error:
        registered = f"not registered: {error}"
    return f"{version}, plugins {registered}"


def _gpus(library: ctypes.CDLL) -> Iterator[str]:
    try:
        count = device_count()
    except RuntimeError as error:
        yield f"GPU               none: {error}"
        return
    if count == 0:
        yield "GPU               none: the CUDA driver finds no device"
    name = ctypes.create_string_buffer(256)
    for device in range(count):
        try:
            check(library, library.trts_device_name(device, name, len(name)))
            yield f"GPU {device:<13} {name.value.decode()}"
        except (MemoryError, RuntimeError) as error:
            yield f"GPU {device:<13} cannot be used: {error}"
