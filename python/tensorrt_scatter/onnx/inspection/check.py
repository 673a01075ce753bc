"""`check`: what each TensorRT release would refuse or misread in a model."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import onnx

from .. import releases
from ..conversion import files, inferred
from ..releases import RELEASES, Release
from . import rules
from .finding import Finding, Kind


@dataclass(frozen=True)
class CheckReport:
    """What releases would do with a model. As text it has a paragraph for each release."""

    releases: tuple[str, ...]
    """The releases that were asked about, for example ("TensorRT 8.6",)."""
    findings: tuple[Finding, ...]
    """Node by node, in the order of the releases."""

    @property
    def problems(self) -> tuple[Finding, ...]:
        """What is refused or misread."""
        return tuple(each for each in self.findings if each.is_problem)

    def of(self, release: str) -> tuple[Finding, ...]:
        """What one of the releases does: "TensorRT 8.6", or "8.6"."""
        return tuple(each for each in self.findings if each.release in (release, f"TensorRT {release}"))

    def __str__(self) -> str:
        return "\n".join(line for release in self.releases for line in _lines(release, self.of(release)))

    def to_dict(self) -> dict[str, Any]:
        """The report for a program: what `check --json` prints."""
        return {
            release: [
                {
                    "node": each.node,
                    "op_type": each.op_type,
                    "kind": each.kind.value,
                    "reason": each.reason,
                    "remedy": each.remedy,
                }
                for each in self.of(release)
            ]
            for release in self.releases
        }


def check(model_or_path: onnx.ModelProto | str | os.PathLike[str], target: str | None = None) -> CheckReport:
    """Says, node by node, what TensorRT releases would refuse in a model, or misread, and what to do.

    It knows what the parser of each release has importers for, and what was seen in engines. A model without findings
    may still be refused when an engine is built: only TensorRT's builder knows what it finds kernels for.

    Args:
        model_or_path: A model, or the path of one. It is not modified.
        target: The release: "8.6", "10" or "11". None stands for each of them.

    Raises:
        FileNotFoundError: there is no such file, or its external data is missing.
        ValueError: it is not a valid ONNX model, or there is no such target.
    """
    asked: tuple[Release, ...] = RELEASES if target is None else (releases.named(target),)
    proto = model_or_path if isinstance(model_or_path, onnx.ModelProto) else files.load(model_or_path)
    found = rules.findings(inferred(proto), asked)
    return CheckReport(tuple(release.title for release in asked), tuple(found))


def _lines(release: str, found: Iterable[Finding]) -> list[str]:
    """A line for the release, and one for each thing that it does, with the nodes that it does it to."""
    grouped: dict[tuple[Kind, str, str, str], list[str]] = {}
    for each in found:
        names = grouped.setdefault((each.kind, each.op_type, each.reason, each.remedy), [])
        names.append(each.node)
    counts = [
        f"{sum(len(names) for key, names in grouped.items() if key[0] is kind)} {word}"
        for kind, word in ((Kind.REFUSED, "refused"), (Kind.MISREAD, "misread"), (Kind.NOTE, "notes"))
    ]
    lines = [f"{release}: {', '.join(counts)}"]
    for kind in Kind:
        for (of_kind, op_type, reason, remedy), names in grouped.items():
            if of_kind is kind:
                what = f"{op_type} " if op_type else ""
                where = ", ".join(names) if op_type else "the model"
                lines.append(f"  {kind.value}: {what}({where}): {reason}; {remedy}")
    return lines
