"""Exports of models that call torch_scatter."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import FunctionType
from typing import Any

import torch

from ..._declarations import REDUCTION_OF
from .. import ops
from .groups import Groups, base
from .replacing import replaced


@contextmanager
def torch_scatter_as_plugins(dim_size: int | None = None, target: str | None = None) -> Iterator[None]:
    """Inside it, torch_scatter's functions are those of `ops`, however a model holds them.

    An export inside has one node for each call, by either exporter. torch_scatter's own functions export as several
    nodes (scatter_sum, scatter_mean and the composites) or not at all (`dynamo=True`). Do not use it while other
    threads call torch_scatter. It may be nested; the innermost arguments count.

    Args:
        dim_size: The number of groups for all calls that give neither `dim_size` nor `out`. It must be larger than
            every index.
        target: The version of TensorRT, such as "8.6" or "10". Before 10, a number of groups that varies becomes the
            shape of a base instead of an input. None stands for 10 or newer.

    Raises:
        ModuleNotFoundError: torch_scatter is not installed. Call the functions of `ops` then.
        ValueError: an argument has another value than these.
    """
    torch_scatter = import_module("torch_scatter")
    groups = Groups.of("torch_scatter_as_plugins", dim_size, target)
    names = (name for name in ops.__all__ if hasattr(torch_scatter, name))
    functions: dict[FunctionType, Callable[..., Any]] = {
        getattr(torch_scatter, name): _with_groups(name, getattr(ops, name), groups) for name in names
    }
    with replaced(functions):
        yield


def _with_groups(name: str, ours: Callable[..., Any], groups: Groups) -> Callable[..., Any]:
    """`ours`, with a number of groups for the calls that give none."""
    names = list(inspect.signature(ours).parameters)
    if "dim_size" not in names:
        return ours
    place = names.index("dim_size")

    def call(*args: Any, **kwargs: Any) -> Any:
        arguments = {**dict(zip(names, args)), **kwargs}
        if arguments.get("out") is not None:
            return ours(*args, **kwargs)
        size = groups.given(arguments.get("dim_size"), name)
        if groups.has_base(size):
            return _started(name, ours, {**arguments, "dim_size": size})
        if len(args) > place:
            return ours(*args[:place], size, *args[place + 1 :], **kwargs)
        return ours(*args, **{**kwargs, "dim_size": size})

    return call


def _started(name: str, ours: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """A call whose number of groups becomes the shape of a base.

    A group whose minimum or maximum is the value that the base has (of floats an infinity) counts as empty, as in
    torch_scatter.
    """
    src, size = arguments["src"], arguments.pop("dim_size")
    family, _, how = name.removesuffix("_coo").partition("_")
    if how and how not in REDUCTION_OF:
        raise ValueError(
            f"{name}: dim_size varies, and before TensorRT 10 the plugin takes a fixed one; pass a number (and no "
            'strict=True to torch.export), or export for target="10"'
        )
    has_pair = how in ("min", "max")
    how = how or arguments.pop("reduce", "sum")
    dim = arguments.get("dim", -1) % src.dim() if family == "scatter" else arguments["index"].dim() - 1
    arguments["out"] = base(src, dim, size, how)
    function = getattr(ops, f"scatter_{how}" if family == "scatter" else f"segment_{how}_coo")
    results = function(**arguments)
    if how not in ("min", "max"):
        return results
    values, position = results
    values = torch.where(position < src.size(dim), values, torch.zeros_like(values))
    return (values, position) if has_pair else values
