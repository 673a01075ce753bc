"""`python -m tensorrt_scatter`."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

import tensorrt_scatter as ts
from tensorrt_scatter import _info
from tensorrt_scatter.__main__ import main

_NO_DEVICE = 4


def test_info_tells_versions_path_and_devices(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    printed = capsys.readouterr().out
    for part in (f"tensorrt-scatter  {ts.__version__}", ts.library_path(), "TensorRT ", "GPU "):
        assert part in printed


def test_a_missing_package_is_named_with_the_extra_that_brings_it() -> None:
    code = """
import sys
sys.modules["onnx"] = None  # its import fails, also where it is installed
from tensorrt_scatter.__main__ import main
main(["convert", "model.onnx", "converted.onnx"])
"""
    path = str(Path(ts.__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", code], cwd=path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'pip install "tensorrt-scatter[onnx]"' in done.stderr


class ThreeDevices:
    """A library in a process with three CUDA devices, the first of which it cannot use."""

    def trts_device_name(self, device: int, name: Any, size: int) -> int:
        name.value = f"device {device}".encode()
        return _NO_DEVICE if device == 0 else 0

    def trts_last_error(self) -> bytes:
        return b"the device has compute capability 6.1; the kernels need 7.5 or newer"


def test_info_goes_on_past_a_device_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_info, "device_count", lambda: 3)
    first, *others = _info._gpus(cast(ctypes.CDLL, ThreeDevices()))
    assert first == (
        "GPU 0             cannot be used: the device has compute capability 6.1; the kernels need 7.5 or newer"
    )
    assert others == ["GPU 1             device 1", "GPU 2             device 2"]


def test_info_says_why_there_is_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> int:
        raise RuntimeError("no driver")

    monkeypatch.setattr(_info, "device_count", missing)
    library = cast(ctypes.CDLL, ThreeDevices())
    assert list(_info._gpus(library)) == ["GPU               none: no driver"]
    monkeypatch.setattr(_info, "device_count", lambda: 0)
    assert list(_info._gpus(library)) == ["GPU               none: the CUDA driver finds no device"]


def test_a_missing_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "{info,export-example,convert,check}" in capsys.readouterr().err


def test_an_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        ts.nothing_of_the_kind  # noqa: B018
