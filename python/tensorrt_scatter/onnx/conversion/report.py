"""What a conversion did to a model, node by node."""

from __future__ import annotations

from dataclasses import dataclass, field


class LeftAlone(Exception):
    """A node stays as it is, for the reason that is the message."""


@dataclass(frozen=True)
class Change:
    """A node that was rewritten."""

    node: str
    """The node's name, or that of its first output."""
    before: str
    """What it was, for example "ScatterElements(reduction=max)"."""
    after: str
    """What it is now."""
    notes: tuple[str, ...] = ()
    """What to know of the result, for example where NaNs count differently."""

    def __str__(self) -> str:
        notes = "".join(f"\n    {note}" for note in self.notes)
        return f"{self.node}: {self.before} is now {self.after}{notes}"


@dataclass(frozen=True)
class Kept:
    """A node that was looked at and left alone."""

    node: str
    """The node's name, or that of its first output."""
    op_type: str
    reason: str

    def __str__(self) -> str:
        return f"{self.node}: {self.op_type} left alone: {self.reason}"


@dataclass
class Report:
    """What `convert` did. Printed, it is one line for each node that was rewritten or could not be."""

    changes: list[Change] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [*map(str, self.changes), *map(str, self.kept)]
        return "\n".join([*lines, f"{len(self.changes)} rewritten, {len(self.kept)} left alone"])
