"""python -m tensorrt_scatter."""

from __future__ import annotations

import sys

import pytest

import tensorrt_scatter as ts
from tensorrt_scatter.__main__ import main


def test_info_tells_versions_path_and_devices(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    printed = capsys.readouterr().out
    for part in (f"tensorrt-scatter  {ts.__version__}", ts.library_path(), "TensorRT ", "GPU "):
        assert part in printed


def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in [name for name in sys.modules if name.partition(".")[0] == "onnx" or name == "tensorrt_scatter.onnx"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(SystemExit) as caught:
        main(["convert", "model.onnx", "converted.onnx"])
    assert caught.value.code == 1
    assert 'pip install "tensorrt-scatter[onnx]"' in capsys.readouterr().err


def test_a_missing_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "{info,export-example,convert}" in capsys.readouterr().err


def test_an_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        ts.nothing_of_the_kind  # noqa: B018
