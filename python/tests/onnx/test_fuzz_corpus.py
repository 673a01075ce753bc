"""Replays the seeds of fuzz_convert.py, and the models of fuzz/corpus/convert, which made a conversion fail once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fuzz_convert
import pytest

ROOT = Path(__file__).parents[3]
CORPUS = ROOT / "fuzz" / "corpus" / "convert"


@pytest.fixture(scope="module")
def worker() -> Iterator[fuzz_convert.Worker]:
    made = fuzz_convert.Worker()
    yield made
    made.close()


@pytest.mark.parametrize("number", range(len(fuzz_convert.SEEDS)))
def test_what_fuzzing_begins_with(number: int, worker: fuzz_convert.Worker) -> None:
    assert worker.fault(fuzz_convert.seeds()[number]) == ""


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.onnx")), ids=lambda path: path.name)
def test_what_has_failed_once(path: Path, worker: fuzz_convert.Worker) -> None:
    assert worker.fault(path.read_bytes()) == ""


def test_the_corpus_is_there() -> None:
    assert len(list(CORPUS.glob("*.onnx"))) >= 10


def test_a_fault_is_found_and_kept(tmp_path: Path) -> None:
    """By the harness as it is run, on a conversion that forgets the Slice."""
    code = f"""
import sys
sys.path[:0] = [{str(ROOT / "python" / "tests")!r}]
import fuzz_convert
from tensorrt_scatter.onnx.conversion import scatters
scatters._cut_to = lambda node, edit, updates, indices, taken: (updates, ())
sys.argv = ["fuzz_convert.py", "--seconds", "100", "--corpus", {str(tmp_path)!r}, "--seed", "1"]
sys.exit(fuzz_convert.main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    (kept,) = tmp_path.iterdir()
    assert str(kept) in done.stdout


def test_crashes_and_hangs_are_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    faults = {b"crash": "SIGABRT", b"hang": "no answer after 1 s", b"raise": "KeyError"}

    def check(data: bytes) -> None:
        import os
        import time

        if data == b"crash":
            os.abort()
        if data == b"hang":
            time.sleep(100)
        if data == b"raise":
            raise KeyError("x")

    monkeypatch.setattr(fuzz_convert, "check", check)
    monkeypatch.setattr(fuzz_convert, "SECONDS_A_MODEL", 1)
    made = fuzz_convert.Worker()
    for data, words in faults.items():
        assert words in made.fault(data)
        assert made.fault(b"good") == ""
    made.close()
