#!/usr/bin/env python3
"""Runs the GPU test programs in this folder, plain or under compute-sanitizer. It needs Python and a GPU, but no Rust.

    run.py list                                   prints the tests
    run.py test                                   runs every test program
    run.py sanitize                               runs every test under all four tools, in shards
    run.py sanitize --tool memcheck --shards 1    runs the next shard of one tool

A shard ends within --seconds; a test that has not ended by then is killed. The output of the tests goes to the folder
--out. A file in the folder --state remembers which tests have run under which tool, so that the next call continues
with the others; --again starts over. The exit status is 0 if all tests ran without errors, 1 if there were errors,
and 3 if there were none but some tests did not run.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ARCHIVE = "tests.tar.xz"
TOOLS = ("memcheck", "racecheck", "initcheck", "synccheck")

#: Programs that no tool is run on, with the reason.
TOO_LARGE = {"beyond_32_bits_gpu": "its tensors fill the device, and a tool would take hours for them"}

#: What compute-sanitizer exits with where it found an error and the program itself succeeded.
ERRORS_FOUND = 86

#: What compute-sanitizer prints of a process that ends without a call of the driver.
NO_GPU_WORK = "Target application terminated before first instrumented API call"


@dataclasses.dataclass(frozen=True)
class Programs:
    """The test programs by name, and the plugin library that they load."""

    paths: dict[str, Path]
    library: Path

    @classmethod
    def find(cls) -> Programs:
        manifest = json.loads((HERE / "manifest.json").read_text())
        folder = HERE
        if (HERE / ARCHIVE).exists():
            folder = unpacked(HERE / ARCHIVE)
        return cls({name: folder / path for name, path in manifest["programs"].items()}, folder / manifest["library"])

    def environment(self, **more: str) -> dict[str, str]:
        return {**os.environ, "TRTS_PLUGIN_LIBRARY": str(self.library), "TRTS_REQUIRE_GPU": "1", **more}


def unpacked(archive: Path) -> Path:
    """The folder with the archive's files. They are unpacked once."""
    facts = archive.stat()
    folder = Path(tempfile.gettempdir()) / f"trts-gpu-tests-{facts.st_size}-{int(facts.st_mtime)}"
    if not folder.exists():
        partial = folder.with_suffix(f".{os.getpid()}")
        with tarfile.open(archive) as files:
            files.extractall(partial, filter="data")
        partial.rename(folder)
    return folder


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a process ended: its exit status, None where it was killed for its time; what it printed."""

    status: int | None
    output: str
    seconds: float


def run(command: list[str], environment: dict[str, str], seconds: float) -> Ended:
    """Runs a command, and kills it with all that it started when its time is up."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        status: int | None
        try:
            status = process.wait(timeout=max(seconds, 0))
        except subprocess.TimeoutExpired:
            status = None
        # What the process started may outlive it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        output.seek(0)
        return Ended(status, output.read().decode(errors="replace"), time.monotonic() - started)


def tests_of(program: Path, environment: dict[str, str]) -> list[str]:
    listed = run([str(program), "--list", "--format=terse"], environment, 60)
    if listed.status != 0:
        raise SystemExit(f"{program} cannot list its tests (status {listed.status}):\n{listed.output}")
    ignored = run([str(program), "--list", "--format=terse", "--ignored"], environment, 60)
    left_out = set(ignored.output.splitlines())
    lines = [line for line in listed.output.splitlines() if line not in left_out]
    return [line.removesuffix(": test") for line in lines if line.endswith(": test")]


# ---------------------------------------------------------------------------------------------------------- plain tests


def test(programs: Programs, arguments: argparse.Namespace) -> int:
    deadline = time.monotonic() + arguments.seconds
    environment, failures, left = programs.environment(), 0, 0
    # Those that take longest come last, so that they keep no other from running.
    for name, path in sorted(programs.paths.items(), key=lambda item: item[0] in TOO_LARGE):
        if not chosen(name, arguments.only):
            continue
        remaining = deadline - time.monotonic()
        if remaining < 5:
            print(f"did not run  {name}: no time was left", flush=True)
            left += 1
            continue
        ended = run([str(path), "--show-output"], environment, remaining)
        (arguments.out / f"{name}.log").write_text(ended.output)
        result = next((line for line in ended.output.splitlines() if line.startswith("test result: ")), "no result")
        if ended.status == 0:
            verdict = "ok"
        elif ended.status is None:
            verdict, left = "did not end", left + 1
        else:
            verdict, failures = "FAILED", failures + 1
        print(f"{verdict:<12} {name} in {ended.seconds:.0f} s: {result.removeprefix('test result: ')}", flush=True)
        for skip in sorted(set(re.findall(r"^SKIPPED: .*", ended.output, re.MULTILINE))):
            print(f"             {skip}")
        if verdict == "FAILED":
            print("\n".join(ended.output.splitlines()[-60:]))
    return exit_status(failures, left)


# ------------------------------------------------------------------------------------------------------------ sanitizer


@dataclasses.dataclass(frozen=True)
class Finding:
    """What came of one test under one tool."""

    #: "ok", "errors", "test failed", "skipped", "no GPU work", "timeout", "tool failed".
    verdict: str
    note: str


def judge(ended: Ended) -> Finding:
    """Reads what compute-sanitizer printed. Without its summary the tool failed, or the test never called the driver."""
    if ended.status is None:
        return Finding("timeout", f"killed after {ended.seconds:.0f} s")
    summaries = re.findall(r"^========= (?:ERROR|RACECHECK) SUMMARY: (.*)$", ended.output, re.MULTILINE)
    if not summaries and NO_GPU_WORK in ended.output and re.search(r"^test result: ok\.", ended.output, re.MULTILINE):
        return Finding("no GPU work", "")
    if not summaries:
        last = [line for line in ended.output.splitlines() if line.strip()][-3:]
        return Finding("tool failed", f"exit status {ended.status}: {' / '.join(last) or 'it printed nothing'}")
    # Each process has a summary of its own.
    if any(int(number) for summary in summaries for number in re.findall(r"\d+", summary)):
        return Finding("errors", "; ".join(summaries))
    if ended.status != 0:
        panic = next((line for line in ended.output.splitlines() if "panicked at" in line), "")
        return Finding("test failed", f"exit status {ended.status} {panic}".strip())
    skip = re.search(r"^SKIPPED: (.*)$", ended.output, re.MULTILINE)
    return Finding("skipped", skip[1]) if skip else Finding("ok", "")


def find_sanitizer(given: str | None) -> str:
    candidates = [given] if given else ["compute-sanitizer", "/usr/local/cuda/bin/compute-sanitizer"]
    found = next(filter(None, map(shutil.which, candidates)), None)
    if found is None:
        raise SystemExit(
            f"there is no {' or '.join(candidates)}; install NVIDIA's cuda-sanitizer, or give --sanitizer PATH"
        )
    return found


def sanitize(programs: Programs, arguments: argparse.Namespace) -> int:
    sanitizer = find_sanitizer(arguments.sanitizer)
    # Generated cases are few: a tool makes each take up to a hundred times as long.
    environment = programs.environment(PROPTEST_CASES=str(arguments.cases))
    names = [name for name in programs.paths if chosen(name, arguments.only)]
    for name in names:
        if name in TOO_LARGE:
            print(f"did not run  {name}: {TOO_LARGE[name]}")
    tests = [
        f"{name}::{each}"
        for name in names
        if name not in TOO_LARGE
        for each in tests_of(programs.paths[name], environment)
    ]
    failures = left = 0
    for tool in arguments.tool or TOOLS:
        state_file = arguments.state / f"{tool}.json"
        done = {} if arguments.again or not state_file.exists() else json.loads(state_file.read_text())
        shard = 0
        while any(each not in done for each in tests) and shard != arguments.shards:
            shard += 1
            waiting = [each for each in tests if each not in done]
            print(f"{tool}, shard {shard}: {len(waiting)} of {len(tests)} tests are to run", flush=True)
            command = [sanitizer, "--tool", tool, "--error-exitcode", str(ERRORS_FOUND), "--target-processes", "all"]
            ran = run_shard(command, tool, waiting, programs, environment, arguments)
            done.update({each: dataclasses.asdict(finding) for each, finding in ran.items()})
            state_file.write_text(json.dumps(done, indent=1))
            report(ran)
            if not ran:
                break
        findings = [done[each]["verdict"] for each in tests if each in done]
        failures += sum(verdict not in ("ok", "skipped", "no GPU work") for verdict in findings)
        missing = [each for each in tests if each not in done]
        left += len(missing)
        counts = ", ".join(f"{findings.count(verdict)} {verdict}" for verdict in sorted(set(findings)))
        print(f"{tool}: {len(tests)} tests: {counts or 'none ran'}; {len(missing)} did not run", flush=True)
        for each in missing:
            print(f"  did not run  {each}")
    return exit_status(failures, left)


def run_shard(
    command: list[str],
    tool: str,
    waiting: list[str],
    programs: Programs,
    environment: dict[str, str],
    arguments: argparse.Namespace,
) -> dict[str, Finding]:
    """Runs tests, each in a process of its own, until the shard's time is up."""
    deadline = time.monotonic() + arguments.seconds

    def run_one(each: str) -> tuple[str, Finding] | None:
        remaining = deadline - time.monotonic()
        limit = min(remaining, arguments.test_seconds)
        # A test that would be killed for what is left of the shard waits for the next one.
        if remaining < arguments.seconds / 4 and remaining < arguments.test_seconds:
            return None
        name, test_name = each.split("::", 1)
        line = [*command, str(programs.paths[name]), "--exact", test_name, "--nocapture", "--test-threads=1"]
        ended = run(line, environment, limit)
        (arguments.out / f"{tool}-{name}-{test_name.replace('::', '.')}.log").write_text(ended.output)
        return each, judge(ended)

    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        return dict(filter(None, pool.map(run_one, waiting)))


def report(ran: dict[str, Finding]) -> None:
    verdicts = [finding.verdict for finding in ran.values()]
    print(
        f"  ran {len(ran)}: " + ", ".join(f"{verdicts.count(each)} {each}" for each in sorted(set(verdicts))),
        flush=True,
    )
    for each, finding in ran.items():
        if finding.verdict != "ok":
            print(f"  {finding.verdict:<12} {each}: {finding.note}", flush=True)


# ----------------------------------------------------------------------------------------------------------------------


def chosen(name: str, only: list[str]) -> bool:
    return not only or any(part in name for part in only)


def exit_status(failures: int, left: int) -> int:
    return 1 if failures else 3 if left else 0


def parse() -> argparse.Namespace:
    folder = Path(os.environ.get("OUT") or Path(tempfile.gettempdir()) / "trts-gpu-tests-out")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--out", type=Path, default=folder, help="where logs go (default: $OUT, else %(default)s)")
    common.add_argument("--only", action="append", default=[], metavar="TEXT", help="programs whose name has this text")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", parents=[common])
    plain = commands.add_parser("test", parents=[common])
    plain.add_argument("--seconds", type=float, default=540, help="for all programs together (default %(default)s)")
    tools = commands.add_parser("sanitize", parents=[common])
    tools.add_argument("--tool", action="append", choices=TOOLS, help="(default: all four)")
    tools.add_argument("--seconds", type=float, default=470, help="of a shard (default %(default)s)")
    tools.add_argument("--test-seconds", type=float, default=300, help="of a test (default %(default)s)")
    tools.add_argument("--shards", type=int, default=-1, help="how many to run (default: until all tests have run)")
    tools.add_argument(
        "--jobs", type=int, default=min(8, os.cpu_count() or 1), help="tests at a time (default %(default)s)"
    )
    tools.add_argument("--cases", type=int, default=4, help="generated cases of each test (default %(default)s)")
    tools.add_argument("--sanitizer", metavar="PATH", help="compute-sanitizer, where it is not on PATH")
    tools.add_argument("--state", type=Path, default=Path(tempfile.gettempdir()) / "trts-sanitize-state", metavar="DIR")
    tools.add_argument("--again", action="store_true", help="run all tests, also those that have run")
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    arguments.out.mkdir(parents=True, exist_ok=True)
    programs = Programs.find()
    if arguments.command == "list":
        for name, path in programs.paths.items():
            print("\n".join(f"{name}::{each}" for each in tests_of(path, programs.environment())))
        return 0
    if arguments.command == "test":
        return test(programs, arguments)
    arguments.state.mkdir(parents=True, exist_ok=True)
    return sanitize(programs, arguments)


if __name__ == "__main__":
    sys.exit(main())
