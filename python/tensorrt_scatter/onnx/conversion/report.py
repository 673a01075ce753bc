"""The report of a conversion, node by node."""

from __future__ import annotations

from dataclasses import dataclass, field


class LeftAlone(Exception):
    """A node is not rewritten. The message is the reason."""


@dataclass(frozen=True)
class Change:
    """A node that was rewritten."""

    node: str
    """The name of the node, or of its first output."""
    before: str
    """The old node, for example "ScatterElements(max)"."""
    after: str
    """The new node."""
    notes: tuple[str, ...] = ()
    """Notes on the result, for example where a NaN is treated differently."""

    def __str__(self) -> str:
        notes = "".join(f"\n    {note}" for note in self.notes)
        return f"{self.node}: {self.before} is now {self.after}{notes}"


@dataclass(frozen=True)
class Kept:
    """A node that could have been rewritten and was not."""

    node: str
    """The name of the node, or of its first output."""
    op_type: str
    reason: str

    def __str__(self) -> str:
        return f"{self.node}: {self.op_type} left alone: {self.reason}"


@dataclass
class Report:
    """The changes of a conversion. As text it has a line for each node that was rewritten or left alone."""

    changes: list[Change] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [*map(str, self.changes), *map(str, self.kept)]
        return "\n".join([*lines, f"{len(self.changes)} rewritten, {len(self.kept)} left alone"])
