"""The rule for skipping tests that need a GPU."""

from __future__ import annotations

import gpu
import pytest


def test_a_machine_without_a_gpu_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "absence", lambda: "there is no libcuda.so.1")
    monkeypatch.delenv("TRTS_REQUIRE_GPU", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"no GPU: there is no libcuda\.so\.1"):
        gpu.skip("torch finds no CUDA device")


def test_a_skip_fails_where_a_gpu_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "absence", lambda: "there is no libcuda.so.1")
    monkeypatch.setenv("TRTS_REQUIRE_GPU", "1")
    with pytest.raises(pytest.fail.Exception, match="TRTS_REQUIRE_GPU is 1, but torch finds no CUDA device"):
        gpu.skip("torch finds no CUDA device")


def test_a_gpu_that_a_library_does_not_find_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "absence", lambda: None)
    with pytest.raises(pytest.fail.Exception, match="this machine has a GPU, but torch finds no CUDA device"):
        gpu.skip("torch finds no CUDA device")


class _Driver:
    """A driver with chosen answers, as `ctypes` has it."""

    def __init__(self, status: int, devices: int) -> None:
        self.status, self.devices = status, devices

    def cuInit(self, flags: int) -> int:
        return self.status

    def cuDeviceGetCount(self, count: object) -> int:
        count._obj.value = self.devices  # type: ignore[attr-defined]
        return 0


@pytest.mark.parametrize(
    ("status", "devices", "absent"),
    [(100, 0, "the driver finds no device"), (0, 0, "the driver finds no device"), (0, 1, None), (0, 8, None)],
)
def test_the_driver_tells_whether_there_is_a_gpu(
    monkeypatch: pytest.MonkeyPatch, status: int, devices: int, absent: str | None
) -> None:
    monkeypatch.setattr(gpu.ctypes, "CDLL", lambda name: _Driver(status, devices))
    assert gpu.absence() == absent


def test_a_driver_that_does_not_start_is_a_fault_where_device_files_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu.ctypes, "CDLL", lambda name: _Driver(999, 1))
    monkeypatch.setattr(gpu.os.path, "exists", lambda path: False)
    assert gpu.absence() == "there is no device file"
    monkeypatch.setattr(gpu.os.path, "exists", lambda path: path == "/dev/nvidiactl")
    assert gpu.absence() is None


def test_a_driver_that_cannot_be_loaded_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise OSError(f"{name}: {reason}")

    monkeypatch.setattr(gpu.ctypes, "CDLL", refuse)
    reason = "cannot open shared object file: No such file or directory"
    assert gpu.absence() == "there is no libcuda.so.1"
    reason = "file too short"
    assert gpu.absence() is None
