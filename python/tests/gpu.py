"""The rule for skipping tests that need a GPU: only a machine that has none may skip them. The Rust tests have the same rule."""

from __future__ import annotations

import ctypes
import os
from typing import NoReturn

import pytest

#: What the driver answers where it finds no device (`CUDA_ERROR_NO_DEVICE`).
_NO_DEVICE = 100

#: Device files of NVIDIA's drivers: on Linux, under Windows (WSL 2), on Jetson.
_DEVICE_FILES = ("/dev/nvidiactl", "/dev/dxg", "/dev/nvmap")


def absence() -> str | None:
    """Why the machine has no GPU; None where it has one."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        # A libcuda.so.1 that is there and cannot be loaded is a fault of the machine, which a skip would hide.
        missing = str(error).startswith("libcuda.so.1: cannot open shared object file")
        return "there is no libcuda.so.1" if missing else None
    status, count = driver.cuInit(0), ctypes.c_int()
    if status == _NO_DEVICE or (status == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 == count.value):
        return "the driver finds no device"
    if status != 0 and not any(map(os.path.exists, _DEVICE_FILES)):
        return "there is no device file"
    return None


def skip(finding: str) -> NoReturn:
    """Skips the test for what a library of arrays finds, such as "torch finds no CUDA device".

    It fails instead where there is a GPU, and where TRTS_REQUIRE_GPU is 1.
    """
    why = absence()
    if why is None:
        pytest.fail(f"this machine has a GPU, but {finding}")
    if os.environ.get("TRTS_REQUIRE_GPU") == "1":
        pytest.fail(f"TRTS_REQUIRE_GPU is 1, but {finding}: {why}")
    pytest.skip(f"no GPU: {why}")
