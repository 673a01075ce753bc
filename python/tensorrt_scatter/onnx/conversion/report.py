"""The report of a conversion, node by node."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..inspection.finding import Finding


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


@dataclass(frozen=True)
class Unfused:
    """A scatter of gathered rows that reads them from memory, where the plugin could have gathered them itself."""

    node: str
    """The name of the node, or of its first output."""
    reason: str

    def __str__(self) -> str:
        return f"{self.node}: not fused with the gather before it: {self.reason}"


@dataclass
class Report:
    """The changes of a conversion. As text it has a line for each node that was rewritten, left alone or not fused."""

    changes: list[Change] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    unfused: list[Unfused] = field(default_factory=list)
    left: list[Finding] = field(default_factory=list)
    """What the release that the model was converted for would refuse or misread."""

    def replace(self, change: Change) -> None:
        """Adds a change of a node. If the node was rewritten already, the two become one."""
        earlier = next((each for each in self.changes if each.node == change.node), None)
        if earlier is None:
            self.changes.append(change)
            return
        notes = (*earlier.notes, *(note for note in change.notes if note not in earlier.notes))
        self.changes[self.changes.index(earlier)] = Change(change.node, earlier.before, change.after, notes)

    def absorb(self, node: str, other: str) -> None:
        """Says of a node that `other` has taken over what it did."""
        earlier = next((each for each in self.changes if each.node == node), None)
        change = Change(node, "TRTS_Scatter" if earlier is None else earlier.before, f"a part of {other}")
        if earlier is None:
            self.changes.append(change)
        else:
            self.changes[self.changes.index(earlier)] = change

    def __str__(self) -> str:
        lines = [*map(str, self.changes), *map(str, self.kept), *map(str, self.unfused), *map(str, self.left)]
        counts = f"{len(self.changes)} rewritten, {len(self.kept)} left alone"
        if self.unfused:
            counts += f", {len(self.unfused)} not fused"
        if self.left:
            counts += f", {len(self.left)} that {self.left[0].release} refuses or misreads"
        return "\n".join([*lines, counts])
