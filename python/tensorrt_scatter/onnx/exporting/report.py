"""What `export` did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx

from ..._declarations import BY_OP_TYPE
from ..conversion import Report
from ..inspection.check import CheckReport
from ..inspection.finding import Finding
from .comparing import Difference


@dataclass(frozen=True)
class Failed:
    """An exporter that gave no file, or a wrong one."""

    exporter: str
    reason: str

    def __str__(self) -> str:
        return f"{self.exporter}: {self.reason}"


def grouped(failed: Sequence[Failed]) -> tuple[Failed, ...]:
    """Exporters that failed for one reason, in one line."""
    titles: dict[str, list[str]] = {}
    for each in failed:
        titles.setdefault(each.reason, []).append(each.exporter)
    return tuple(Failed("; ".join(exporters), reason) for reason, exporters in titles.items())


@dataclass(frozen=True)
class Comparison:
    """A comparison of the file with PyTorch."""

    arguments: str
    """What the arguments were, for example "n = 15, e = 48"."""
    differences: tuple[Difference, ...]
    """One for each output; none where there was nothing to compare."""
    reason: str = ""
    """Why there was nothing to compare."""

    def __str__(self) -> str:
        return f"{self.arguments}: {self.reason or ', '.join(map(str, self.differences))}"


@dataclass(frozen=True)
class ExportReport:
    """What `export` did. As text it is for people."""

    path: Path
    signature: str
    """The inputs and outputs of the file, with their shapes."""
    exporter: str
    """The exporter that the file comes from."""
    failed: tuple[Failed, ...]
    """The exporters that were tried before."""
    plugins: dict[str, int]
    """The plugins' nodes in the file: how many of each kind."""
    other_nodes: int
    """The number of all other nodes."""
    conversion: Report
    """What `convert` did."""
    check: CheckReport
    """What the release of `target` does with the file, or without a target each release."""
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]

    @property
    def problems(self) -> tuple[Finding, ...]:
        """What TensorRT would refuse or misread."""
        return self.check.problems

    @property
    def largest_difference(self) -> float:
        """The largest difference from PyTorch in all comparisons."""
        return max((each.largest for one in self.comparisons for each in one.differences), default=0.0)

    def __str__(self) -> str:
        plugins = ", ".join(f"{count} {op_type}" for op_type, count in self.plugins.items()) or "none"
        lines = [f"wrote {self.path}: {self.signature}", f"exporter: {self.exporter}"]
        lines += [f"  not {each}" for each in self.failed]
        lines += [f"plugins' nodes: {plugins}; other nodes: {self.other_nodes}"]
        conversion = self.conversion
        # Deeper lines are notes of a change.
        lines += [
            f"  {each}".replace("\n", "\n  ") for each in (*conversion.changes, *conversion.kept, *conversion.unfused)
        ]
        lines += ["compared with PyTorch, by onnx's reference evaluator:"]
        lines += [f"  {each}" for each in self.comparisons]
        lines += [f"note: {each}" for each in self.notes]
        return "\n".join([*lines, str(self.check)])


def counted(model: onnx.ModelProto) -> tuple[dict[str, int], int]:
    """How many plugins' nodes of each kind a model has, and how many others."""
    counts = Counter(node.op_type for node in model.graph.node)
    plugins = {op_type: counts.pop(op_type) for op_type in sorted(counts) if op_type in BY_OP_TYPE}
    return plugins, sum(counts.values())


def signature(model: onnx.ModelProto) -> str:
    """The inputs and outputs of a model, for example "x [n, 16], edges [2, e] -> out [n, 8]"."""
    sides: Sequence[Sequence[onnx.ValueInfoProto]] = (model.graph.input, model.graph.output)
    return " -> ".join(", ".join(map(_described, values)) for values in sides)


def _described(value: onnx.ValueInfoProto) -> str:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return value.name
    sizes = (
        size.dim_param or (str(size.dim_value) if size.HasField("dim_value") else "?") for size in tensor.shape.dim
    )
    return f"{value.name} [{', '.join(sizes)}]"
