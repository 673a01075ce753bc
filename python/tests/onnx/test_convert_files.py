"""convert_file and `python -m tensorrt_scatter convert`: the content of the files, and that no file is ever lost."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from graphs import Feeds, draw, draw_index, model, op_types
from onnx.reference import ReferenceEvaluator

import tensorrt_scatter as ts
from tensorrt_scatter.__main__ import main
from tensorrt_scatter.onnx import convert, convert_file, reference
from tensorrt_scatter.onnx.conversion import files

FEEDS: Feeds = {"index": draw_index(2, 0, 64, 9, 32), "src": draw(3, 9, 32)}
WEIGHTS = draw(1, 64, 32)


def with_weights(external: bool, path: Path) -> np.ndarray:
    """Writes a model with weights, in its own file or in a second one. Returns what the model computes."""
    original = model("""g (float[64, 32] data, int64[e, 32] index, float[e, 32] src) => (float[64, 32] out)
        { out = ScatterElements <reduction = "add"> (data, index, src) }""")
    original.graph.initializer.append(onnx.numpy_helper.from_array(WEIGHTS, "data"))
    del original.graph.input[0]
    expected: np.ndarray = ReferenceEvaluator(original).run(None, FEEDS)[0]
    # The name that PyTorch's exporter gives the second file.
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / f"{path.name}.data").unlink(missing_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir("/")  # onnx.save looks for the second file in the working folder
        onnx.save(original, path, save_as_external_data=external, location=f"{path.name}.data", size_threshold=0)
    return expected


def assert_right(path: Path, expected: np.ndarray, operators: ModuleType) -> None:
    written = onnx.load(path)
    onnx.checker.check_model(path, full_check=True)
    assert "TRTS_Scatter" in op_types(written.graph)
    np.testing.assert_array_equal(reference.evaluator(written, operators).run(None, FEEDS)[0], expected)


@pytest.mark.parametrize("external", [True, False])
@pytest.mark.parametrize("folder", ["target's", "another"])
def test_an_older_result_is_replaced(
    external: bool, folder: str, tmp_path: Path, operators: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "in" / "in.onnx", tmp_path / "out" / "out.onnx"
    expected = with_weights(external, source)
    target.parent.mkdir()
    monkeypatch.chdir(target.parent if folder == "target's" else tmp_path)
    contents = []
    for _ in range(3):
        convert_file(source, "out.onnx" if folder == "target's" else target)
        contents.append({path.name: path.read_bytes() for path in target.parent.iterdir()})
        assert_right(target, expected, operators)
    assert contents[0] == contents[1] == contents[2]
    assert sorted(contents[0]) == (["out.onnx", "out.onnx.data"] if external else ["out.onnx"])


@pytest.mark.parametrize("external", [True, False])
def test_a_model_is_converted_onto_itself(external: bool, tmp_path: Path, operators: ModuleType) -> None:
    path = tmp_path / "in.onnx"
    expected = with_weights(external, path)
    path.chmod(0o640)
    names = sorted(os.listdir(tmp_path))
    assert len(convert_file(path, path).changes) == 1
    assert len(convert_file(path, path).changes) == 0
    assert_right(path, expected, operators)
    assert sorted(os.listdir(tmp_path)) == names
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_link_to_a_model_stays_one(tmp_path: Path, operators: ModuleType) -> None:
    expected = with_weights(True, tmp_path / "real" / "in.onnx")
    (tmp_path / "link.onnx").symlink_to(tmp_path / "real" / "in.onnx")
    convert_file(tmp_path / "real" / "in.onnx", tmp_path / "link.onnx")
    assert (tmp_path / "link.onnx").is_symlink()
    assert_right(tmp_path / "real" / "in.onnx", expected, operators)


@pytest.mark.parametrize(
    ("external", "fails"),
    [(True, "the model"), (True, "the weights"), (True, "the disk"), (False, "the model"), (False, "the disk")],
)
def test_an_error_leaves_the_files_as_they_were(
    external: bool, fails: str, tmp_path: Path, operators: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "in.onnx"
    with_weights(external, path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    real_replace, real_fsync = os.replace, os.fsync

    def replace(new: Path, old: Path) -> None:
        if Path(old) == {"the model": path, "the weights": Path(f"{path}.data")}.get(fails):
            monkeypatch.setattr(os, "replace", real_replace)
            raise OSError("no such luck")
        real_replace(new, old)

    def fsync(descriptor: int) -> None:
        if fails == "the disk":
            raise OSError("no space left")
        real_fsync(descriptor)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="no s"):
        convert_file(path, path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_weights_that_one_file_cannot_hold_go_to_another(
    tmp_path: Path, operators: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test sets a lower limit than protobuf's 2 GiB."""
    expected = with_weights(False, tmp_path / "in.onnx")
    serialized = files._serialized

    def limited(model: onnx.ModelProto, path: Path) -> bytes | None:
        content = serialized(model, path)
        return None if content is None or len(content) > WEIGHTS.nbytes else content

    monkeypatch.setattr(files, "_serialized", limited)
    convert_file(tmp_path / "in.onnx", tmp_path / "out.onnx")
    assert (tmp_path / "out.onnx.data").stat().st_size == WEIGHTS.nbytes
    assert_right(tmp_path / "out.onnx", expected, operators)
    monkeypatch.setattr(files, "_serialized", lambda *_: None)
    with pytest.raises(ValueError, match="larger than 2 GiB without its weights"):
        convert_file(tmp_path / "in.onnx", tmp_path / "none.onnx")
    assert sorted(os.listdir(tmp_path)) == ["in.onnx", "out.onnx", "out.onnx.data"]


def test_text_formats_are_kept(tmp_path: Path, operators: ModuleType) -> None:
    expected = with_weights(False, tmp_path / "in.onnx")
    for suffix in (".onnx", ".json", ".textproto"):
        target = tmp_path / f"out{suffix}"
        convert_file(tmp_path / "in.onnx", target)
        written = onnx.load(target)
        np.testing.assert_array_equal(reference.evaluator(written, operators).run(None, FEEDS)[0], expected)
        assert target.read_bytes()[:1] == {".onnx": b"\x08", ".json": b"{", ".textproto": b"i"}[suffix]


def test_weights_in_functions_and_attributes_are_loaded(tmp_path: Path) -> None:
    text = """g (float[4] x) => (float[4] y) { y = local.add (x) }
        <domain: "local", opset_import: ["" : 18]> add (x) => (y)
        { w = Constant <value = float[4] {1, 2, 3, 4}> ()  y = Add (x, w) }"""
    original = onnx.parser.parse_model('<ir_version: 10, opset_import: ["" : 18, "local" : 1]>\n' + text)
    tensor = original.functions[0].node[0].attribute[0].t
    values = np.arange(4, dtype=np.float32)
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, "w"))
    (tmp_path / "weights").write_bytes(tensor.raw_data)
    onnx.external_data_helper.set_external_data(tensor, "weights", 0, values.nbytes)
    tensor.ClearField("raw_data")
    (tmp_path / "in.onnx").write_bytes(original.SerializeToString())
    loaded = files.load(tmp_path / "in.onnx")
    (result,) = ReferenceEvaluator(loaded).run(None, {"x": values})
    np.testing.assert_array_equal(result, 2 * values)


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with_weights(True, tmp_path / "in.onnx")
    (tmp_path / "in.onnx.data").unlink()
    (tmp_path / "bad.onnx").write_bytes(b"not a model" * 100)
    (tmp_path / "bad.json").write_bytes(b"not a model")
    (tmp_path / "bad.onnxtxt").write_bytes(b"not a model")
    for name, error, words in (
        ("none.onnx", FileNotFoundError, r"none\.onnx"),
        ("in.onnx", FileNotFoundError, r"in\.onnx has its tensor 'data' in .*in\.onnx\.data, which is not a file"),
        ("bad.onnx", ValueError, r"bad\.onnx is not an ONNX model"),
        ("bad.json", ValueError, r"bad\.json is not an ONNX model"),
        ("bad.onnxtxt", ValueError, r"bad\.onnxtxt is not an ONNX model"),
    ):
        for call in (convert, lambda path: convert_file(path, tmp_path / "out.onnx")):
            with pytest.raises(error, match=words):
                call(tmp_path / name)
    assert not (tmp_path / "out.onnx").exists()


@pytest.mark.parametrize("external", [True, False])
@pytest.mark.parametrize("keep", [True, False])
def test_the_command_does_what_the_function_does(
    external: bool, keep: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_weights(external, tmp_path / "in.onnx")
    one, other = tmp_path / "one" / "out.onnx", tmp_path / "other" / "out.onnx"
    for path in (one, other):
        path.parent.mkdir()
    report = convert_file(tmp_path / "in.onnx", one, wrap_negative_indices=not keep)
    flags = ["--keep-negative-indices"] if keep else []
    assert main(["convert", str(tmp_path / "in.onnx"), str(other), *flags]) == 0
    assert capsys.readouterr().out == f"{report}\nwrote {other}\n"
    written = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in (one.parent, other.parent)]
    assert written[0] == written[1]
    assert ("Where" in op_types(onnx.load(other).graph)) != keep


def test_the_commands_failures_are_lines_and_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"not a model" * 100)
    for name, words in (("bad.onnx", "bad.onnx is not an ONNX model"), ("none.onnx", "none.onnx")):
        with pytest.raises(SystemExit) as caught:
            main(["convert", str(tmp_path / name), str(tmp_path / "out.onnx")])
        assert caught.value.code == 1
        printed = capsys.readouterr().err
        assert printed.startswith("error: ") and words in printed and "Traceback" not in printed


def test_the_commands_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"tensorrt-scatter {ts.__version__}\n"
