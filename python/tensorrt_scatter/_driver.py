"""Calls of the CUDA driver, by ctypes."""

from __future__ import annotations

import ctypes
import functools

_CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL = 9  # of cuda.h


def device_count() -> int:
    """The number of CUDA devices.

    Raises:
        RuntimeError: there is no driver, or it does not start.
    """
    try:
        driver = _driver()
    except OSError as error:
        raise RuntimeError(f"there is no CUDA driver: {error}") from error
    count = ctypes.c_int()
    _check(driver, "cuInit", driver.cuInit(0))
    _check(driver, "cuDeviceGetCount", driver.cuDeviceGetCount(ctypes.byref(count)))
    return count.value


def device_of_address(address: int) -> int:
    """The number of the CUDA device whose memory contains an address; 0 for a null pointer.

    Raises:
        ValueError: the address is not in device memory.
    """
    if not address:
        return 0
    device = ctypes.c_int(0)
    # The library that made the array has loaded the driver.
    status = _driver().cuPointerGetAttribute(
        ctypes.byref(device), _CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, ctypes.c_uint64(address)
    )
    if status != 0:
        raise ValueError(f"{address:#x} of __cuda_array_interface__ is no address in a CUDA device's memory")
    return device.value


@functools.cache
def _driver() -> ctypes.CDLL:
    return ctypes.CDLL("libcuda.so.1")


def _check(driver: ctypes.CDLL, function: str, status: int) -> None:
    if status == 0:
        return
    text = ctypes.c_char_p()
    driver.cuGetErrorString(status, ctypes.byref(text))
    raise RuntimeError(f"{function} answered {status}: {(text.value or b'unknown error').decode()}")
