"""The operators that a model calls, and where."""

from __future__ import annotations

import sys
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

_BY_INDEX = frozenset(
    {
        "_index_put_impl",
        "index_add",
        "index_copy",
        "index_fill",
        "index_put",
        "index_reduce",
        "put",
        "scatter",
        "scatter_add",
        "scatter_reduce",
    }
)
"""The operators that write to elements that an index names, in place where a "_" follows."""

_OWN = __name__.partition(".")[0]


class Calls(TorchDispatchMode):
    """While it is open, it notes the operators of PyTorch that are called."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.places: dict[str, list[str]] = {}
        """Where each operator is called, by its name, such as "index_add"."""
        self.on_views: list[str] = []
        """The calls that write by an index to a view, such as `x.T.index_add_(0, index, rows)`.

        PyTorch's older exporter follows no such call to the tensor that the view is of: it leaves the call out, or loses the
        index.
        """

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        called = func._schema.name.rpartition("::")[2]
        name, place = called.rstrip("_"), _place()
        places = self.places.setdefault(name, [])
        if place not in places:
            places.append(place)
        if called.endswith("_") and name in _BY_INDEX and isinstance(args[0], Tensor) and args[0]._is_view():
            self.on_views.append(f"{called} on a view, {place}")
        return func(*args, **(kwargs or {}))


def _place() -> str:
    """Where the model makes a call: the innermost place that is not in PyTorch."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in ("torch", _OWN):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}, line {frame.f_lineno}"
