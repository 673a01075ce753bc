"""Exports graph networks, builds and runs their engines, and runs them in PyTorch on the same GPU.

    python run.py                                         everything in this Python
    python run.py --tensorrt-python PYTHON                another Python has TensorRT
    python run.py --steps tensorrt pytorch                export.py has been run before, maybe on another machine

Ends with a table. Each step is a program of its own, so that none sees the memory of another.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import graph

MEBIBYTE = 1 << 20
HERE = Path(__file__).resolve().parent
STEPS = ("export", "tensorrt", "pytorch")
RESULTS = ("pytorch", "engine")
"""The files with what the last two steps have found."""
TITLES = {"gat": "GAT", "sage": "GraphSAGE", "sage, CSR": "GraphSAGE, edges as a CSR matrix"}


def call(python: Path, script: str, *arguments: str) -> int:
    """Runs a script of this folder. Returns its exit code."""
    print(f"== {script}", flush=True)
    return subprocess.run([str(python), str(HERE / script), *arguments], check=False).returncode


def table(folder: Path) -> list[str]:
    """The lines of the table, from what the steps have found."""
    found = [graph.read_facts(folder, name) if graph.facts_file(folder, name).exists() else {} for name in RESULTS]
    lines = [
        "| | a run | as a CUDA graph | memory for a run | memory in all | error |",
        "|---|---|---|---|---|---|",
    ]
    for form, title in TITLES.items():
        for runner, facts in zip(("PyTorch", "TensorRT"), found):
            # None: its engine could not be built, or its result is wrong.
            numbers = facts.get(form)
            if numbers:
                cells = [
                    f"{title}: {runner} {facts[runner]}",
                    f"{numbers['enqueued']:.3f} ms",
                    _milliseconds(numbers.get("captured")),
                    _mebibytes(numbers.get("working memory")),
                    _mebibytes(numbers.get("used memory")),
                    f"{numbers['error']:.1e}",
                ]
                lines.append(f"| {' | '.join(cells)} |")
    of = graph.read_facts(folder, "graph")
    lines += ["", f"{of['nodes']} nodes, {of['edges']} edges; linear layers of the engines: {of['linear']}"]
    return lines


def _milliseconds(time: float | None) -> str:
    return "" if time is None else f"{time:.3f} ms"


def _mebibytes(size: int | None) -> str:
    return "" if size is None else f"{size / MEBIBYTE:.0f} MiB"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=graph.FOLDER, help="the folder between the steps")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="the Python that has PyTorch")
    parser.add_argument("--tensorrt-python", type=Path, help="the Python that has TensorRT, if another one")
    parser.add_argument("--library", type=Path, help="libtensorrt_scatter_plugin.so, if not that of target/release")
    parser.add_argument("--nodes", type=int, default=graph.NODES)
    parser.add_argument("--edges", type=int, default=graph.EDGES)
    parser.add_argument("--repetitions", type=int, default=100, help="runs whose median time is taken")
    parser.add_argument("--device", default="cuda", help="where PyTorch runs: cpu for a try without a GPU")
    parser.add_argument("--linear", default="matmul", help="see export.py")
    parser.add_argument("--tactic-sources", nargs="*", metavar="NAME", help="see engine.py")
    parser.add_argument("--layers", action="store_true", help="print the time of each layer of the engines too")
    arguments = parser.parse_args()
    shared = ["--folder", str(arguments.folder)]
    timed = [*shared, "--repetitions", str(arguments.repetitions)]
    failed = []
    for name in RESULTS:
        # The table has nothing of an earlier call.
        graph.facts_file(arguments.folder, name).unlink(missing_ok=True)
    if "export" in arguments.steps:
        sizes = ["--nodes", str(arguments.nodes), "--edges", str(arguments.edges)]
        if call(arguments.python, "export.py", *shared, *sizes, "--linear", arguments.linear):
            # The other steps would run what an earlier call exported.
            return 1
    if "tensorrt" in arguments.steps:
        options = [*timed, *(["--layers"] if arguments.layers else [])]
        if arguments.library is not None:
            options += ["--library", str(arguments.library)]
        if arguments.tactic_sources is not None:
            options += ["--tactic-sources", *arguments.tactic_sources]
        if call(arguments.tensorrt_python or arguments.python, "engine.py", *options):
            failed.append("tensorrt")
    if "pytorch" in arguments.steps and call(arguments.python, "pytorch.py", *timed, "--device", arguments.device):
        failed.append("pytorch")
    print("\n" + "\n".join(table(arguments.folder)))
    if failed:
        print(f"FAILED: {', '.join(failed)}; the messages are above")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
