"""Exports of models that call torch_scatter, without a change to the models."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType

from . import ops


@contextmanager
def torch_scatter_as_plugins() -> Iterator[None]:
    """Inside it, every module that has imported torch_scatter's functions has those of `ops` instead.

    An export inside has one node for each call, by either exporter. torch_scatter's own functions export as several
    nodes (scatter_sum, scatter_mean and the composites) or not at all (`dynamo=True`). Do not use it while other
    threads call torch_scatter.

    Raises:
        ModuleNotFoundError: torch_scatter is not installed. Call the functions of `ops` then.
    """
    torch_scatter = importlib.import_module("torch_scatter")
    replaced = [
        (module, attribute, function, getattr(ops, function.__name__))
        for module in list(sys.modules.values())
        if isinstance(module, ModuleType)
        for attribute, function in list(vars(module).items())
        if _is_torch_scatters(function, torch_scatter.__name__)
    ]
    for module, attribute, _, ours in replaced:
        setattr(module, attribute, ours)
    try:
        yield
    finally:
        for module, attribute, function, _ in replaced:
            setattr(module, attribute, function)


def _is_torch_scatters(value: object, package: str) -> bool:
    return (
        type(value) is FunctionType and value.__module__.partition(".")[0] == package and value.__name__ in ops.__all__
    )
