"""What a TensorRT release does with a node."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Kind(enum.Enum):
    """How grave a finding is."""

    REFUSED = "refused"
    """No engine can be built."""
    MISREAD = "misread"
    """An engine can compute something else than ONNX says."""
    NOTE = "note"
    """Something to know: it depends on what else is loaded, or on the values."""


@dataclass(frozen=True)
class Remark:
    """What a rule says of a node."""

    kind: Kind
    reason: str
    remedy: str


@dataclass(frozen=True)
class Finding:
    """What a release does with a node."""

    release: str
    """The release, for example "TensorRT 8.6"."""
    node: str
    """The name of the node, or of its first output; empty for the whole model."""
    op_type: str
    kind: Kind
    reason: str
    remedy: str
    """What to do."""

    @property
    def is_problem(self) -> bool:
        """Whether the release refuses or misreads the node."""
        return self.kind is not Kind.NOTE

    def __str__(self) -> str:
        what = f"{self.op_type}: " if self.op_type else ""
        return f"{self.node or 'the model'}: {what}{self.release}: {self.kind.value}: {self.reason}; {self.remedy}"
