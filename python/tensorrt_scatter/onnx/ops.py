"""torch_scatter's functions. Each call is one operator, and one node in an exported model.

The names, the arguments and the results are those of torch_scatter 2.1.2, with three differences. The functions do not
write to `out`: use the result. They have no gradient. In an export they need `dim_size` or `out`, where torch_scatter
looks for the largest index. torch_scatter is not needed; `torch_scatter_as_plugins` serves models that call it.
torch_scatter has no gather_segment_csr, no gather_segment_coo, no gather_scatter, no attention_csr and no gather_dot,
which therefore have no `out` here, no group_index, and no softmax_csr, log_softmax_csr, logsumexp_csr and std_csr.
"""

from __future__ import annotations

from typing import Any, Union, cast

import torch
from torch import Tensor

from .._declarations import (
    GATHER_SCATTER,
    GATHER_SEGMENT_COO,
    GATHER_SEGMENT_CSR,
    SCATTER,
    SEGMENT_COO,
    SEGMENT_CSR,
    Operator,
    functions,
)
from .._settings import is_deterministic

# It declares torch.ops.tensorrt_scatter.
from . import declared as _declared  # noqa: F401
from . import nodes

__all__ = sorted(functions())

Size = Union[int, torch.SymInt, Tensor, None]
"""A number of groups. Inside torch.jit.trace, `x.size(0)` is a tensor; so it can vary in the traced model."""


def scatter_sum(src: Tensor, index: Tensor, dim: int = -1, out: Tensor | None = None, dim_size: Size = None) -> Tensor:
    """The sum of the elements of `src` that share an index along `dim`: `src` with `dim_size` groups on that axis."""
    return cast(Tensor, _call("scatter_sum", src, index, dim, out, dim_size, is_deterministic()))


scatter_add = scatter_sum


def scatter_mul(src: Tensor, index: Tensor, dim: int = -1, out: Tensor | None = None, dim_size: Size = None) -> Tensor:
    """As `scatter_sum`, their product; an empty group is 1."""
    return cast(Tensor, _call("scatter_mul", src, index, dim, out, dim_size, is_deterministic()))


def scatter_mean(src: Tensor, index: Tensor, dim: int = -1, out: Tensor | None = None, dim_size: Size = None) -> Tensor:
    """As `scatter_sum`, their mean: (out + sum) / count."""
    return cast(Tensor, _call("scatter_mean", src, index, dim, out, dim_size, is_deterministic()))


def scatter_min(
    src: Tensor, index: Tensor, dim: int = -1, out: Tensor | None = None, dim_size: Size = None
) -> tuple[Tensor, Tensor]:
    """As `scatter_sum`, their minimum, and its position along `dim`: src's size if nothing arrived or `out` won."""
    return cast("tuple[Tensor, Tensor]", _call("scatter_min", src, index, dim, out, dim_size, is_deterministic()))


def scatter_max(
    src: Tensor, index: Tensor, dim: int = -1, out: Tensor | None = None, dim_size: Size = None
) -> tuple[Tensor, Tensor]:
    """As `scatter_min`, for the maximum."""
    return cast("tuple[Tensor, Tensor]", _call("scatter_max", src, index, dim, out, dim_size, is_deterministic()))


def scatter(
    src: Tensor,
    index: Tensor,
    dim: int = -1,
    out: Tensor | None = None,
    dim_size: Size = None,
    reduce: str = "sum",
) -> Tensor:
    """`scatter_sum`, `scatter_mul`, `scatter_mean`, or the values of `scatter_min`, `scatter_max`, by `reduce`."""
    return _reduced(SCATTER, reduce, src, index, dim, out, dim_size, is_deterministic())


def segment_sum_coo(src: Tensor, index: Tensor, out: Tensor | None = None, dim_size: Size = None) -> Tensor:
    """The sum of the elements of `src` that share an index along index's last axis, on which it is sorted."""
    return cast(Tensor, _call("segment_sum_coo", src, index, out, dim_size))


segment_add_coo = segment_sum_coo


def segment_mean_coo(src: Tensor, index: Tensor, out: Tensor | None = None, dim_size: Size = None) -> Tensor:
    """As `segment_sum_coo`, their mean."""
    return cast(Tensor, _call("segment_mean_coo", src, index, out, dim_size))


def segment_min_coo(
    src: Tensor, index: Tensor, out: Tensor | None = None, dim_size: Size = None
) -> tuple[Tensor, Tensor]:
    """As `segment_sum_coo`, their minimum and its position."""
    return cast("tuple[Tensor, Tensor]", _call("segment_min_coo", src, index, out, dim_size))


def segment_max_coo(
    src: Tensor, index: Tensor, out: Tensor | None = None, dim_size: Size = None
) -> tuple[Tensor, Tensor]:
    """As `segment_sum_coo`, their maximum and its position."""
    return cast("tuple[Tensor, Tensor]", _call("segment_max_coo", src, index, out, dim_size))


def segment_coo(
    src: Tensor, index: Tensor, out: Tensor | None = None, dim_size: Size = None, reduce: str = "sum"
) -> Tensor:
    """`segment_sum_coo`, `segment_mean_coo`, or the values of `segment_min_coo`, `segment_max_coo`, by `reduce`."""
    return _reduced(SEGMENT_COO, reduce, src, index, out, dim_size)


def gather_coo(src: Tensor, index: Tensor, out: Tensor | None = None) -> Tensor:
    """`out[.., e, ..] = src[.., index[.., e], ..]` along index's last axis."""
    return cast(Tensor, _call("gather_coo", src, index, out))


def segment_sum_csr(src: Tensor, indptr: Tensor, out: Tensor | None = None) -> Tensor:
    """The sum of each segment of `src`, from `indptr[.., n]` to before `indptr[.., n + 1]` along indptr's last axis."""
    return cast(Tensor, _call("segment_sum_csr", src, indptr, out))


segment_add_csr = segment_sum_csr


def segment_mean_csr(src: Tensor, indptr: Tensor, out: Tensor | None = None) -> Tensor:
    """As `segment_sum_csr`, their mean."""
    return cast(Tensor, _call("segment_mean_csr", src, indptr, out))


def segment_min_csr(src: Tensor, indptr: Tensor, out: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """As `segment_sum_csr`, their minimum and its position."""
    return cast("tuple[Tensor, Tensor]", _call("segment_min_csr", src, indptr, out))


def segment_max_csr(src: Tensor, indptr: Tensor, out: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """As `segment_sum_csr`, their maximum and its position."""
    return cast("tuple[Tensor, Tensor]", _call("segment_max_csr", src, indptr, out))


def segment_csr(src: Tensor, indptr: Tensor, out: Tensor | None = None, reduce: str = "sum") -> Tensor:
    """`segment_sum_csr`, `segment_mean_csr`, or the values of `segment_min_csr`, `segment_max_csr`, by `reduce`."""
    return _reduced(SEGMENT_CSR, reduce, src, indptr, out)


def gather_csr(src: Tensor, indptr: Tensor, out: Tensor | None = None, size: Size = None) -> Tensor:
    """Each row of `src` repeated over its segment. `size`, or out's size on that axis, is indptr's last value."""
    return cast(Tensor, _call("gather_csr", src, indptr, out, size))


def gather_segment_sum_csr(src: Tensor, index: Tensor, indptr: Tensor, weight: Tensor | None = None) -> Tensor:
    """The sum of `weight[.., e] * src[.., index[.., e], ..]` over e from `indptr[.., n]` to before `indptr[.., n + 1]`.

    `weight` is [.., E], or [.., E, H] for H heads of K / H neighbouring columns. None multiplies by nothing.
    """
    return cast(Tensor, _call("gather_segment_sum_csr", src, index, indptr, weight))


gather_segment_add_csr = gather_segment_sum_csr


def gather_segment_mean_csr(src: Tensor, index: Tensor, indptr: Tensor, weight: Tensor | None = None) -> Tensor:
    """As `gather_segment_sum_csr`, their mean: the sum over the number of elements."""
    return cast(Tensor, _call("gather_segment_mean_csr", src, index, indptr, weight))


def gather_segment_min_csr(
    src: Tensor, index: Tensor, indptr: Tensor, weight: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """As `gather_segment_sum_csr`, their minimum and its element e: E, index's last size, if nothing arrived."""
    return cast("tuple[Tensor, Tensor]", _call("gather_segment_min_csr", src, index, indptr, weight))


def gather_segment_max_csr(
    src: Tensor, index: Tensor, indptr: Tensor, weight: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """As `gather_segment_min_csr`, for the maximum."""
    return cast("tuple[Tensor, Tensor]", _call("gather_segment_max_csr", src, index, indptr, weight))


def gather_segment_csr(
    src: Tensor, index: Tensor, indptr: Tensor, weight: Tensor | None = None, reduce: str = "sum"
) -> Tensor:
    """`gather_segment_sum_csr`, `_mean_`, or the values of `_min_` and `_max_`, by `reduce`."""
    return _reduced(GATHER_SEGMENT_CSR, reduce, src, index, indptr, weight)


def gather_scatter_sum(
    src: Tensor, index: Tensor, destination: Tensor, weight: Tensor | None = None, dim_size: Size = None
) -> Tensor:
    """The sum of `weight[.., e] * src[.., index[.., e], ..]` over all e with `destination[.., e] == n`, in any order.

    `weight` is [.., E], or [.., E, H] for H heads of K / H neighbouring columns. None multiplies by nothing.
    """
    return cast(Tensor, _call("gather_scatter_sum", src, index, destination, weight, dim_size))


gather_scatter_add = gather_scatter_sum


def gather_scatter_mean(
    src: Tensor, index: Tensor, destination: Tensor, weight: Tensor | None = None, dim_size: Size = None
) -> Tensor:
    """As `gather_scatter_sum`, their mean: the sum over the number of elements."""
    return cast(Tensor, _call("gather_scatter_mean", src, index, destination, weight, dim_size))


def gather_scatter_min(
    src: Tensor, index: Tensor, destination: Tensor, weight: Tensor | None = None, dim_size: Size = None
) -> tuple[Tensor, Tensor]:
    """As `gather_scatter_sum`, their minimum and its element e: E, index's last size, if nothing arrived."""
    return cast("tuple[Tensor, Tensor]", _call("gather_scatter_min", src, index, destination, weight, dim_size))


def gather_scatter_max(
    src: Tensor, index: Tensor, destination: Tensor, weight: Tensor | None = None, dim_size: Size = None
) -> tuple[Tensor, Tensor]:
    """As `gather_scatter_min`, for the maximum."""
    return cast("tuple[Tensor, Tensor]", _call("gather_scatter_max", src, index, destination, weight, dim_size))


def gather_scatter(
    src: Tensor,
    index: Tensor,
    destination: Tensor,
    weight: Tensor | None = None,
    dim_size: Size = None,
    reduce: str = "sum",
) -> Tensor:
    """`gather_scatter_sum`, `_mean`, or the values of `_min` and `_max`, by `reduce`."""
    return _reduced(GATHER_SCATTER, reduce, src, index, destination, weight, dim_size)


def gather_segment_sum_coo(
    src: Tensor, index: Tensor, destination: Tensor, weight: Tensor | None = None, dim_size: Size = None
) -> Tensor:
    """As `gather_scatter_sum`, for destinations that are sorted along their last axis."""
    return cast(Tensor, _call("gather_segment_sum_coo", src, index, destination, weight, dim_size))


gather_segment_add_coo = gather_segment_sum_coo


def gather_segment_mean_coo(
    src: Tensor, index: Tensor, destination: Tensor, weight: Tensor | None = None, dim_size: Size = None
) -> Tensor:
    """As `gather_segment_sum_coo`, their mean: the sum over the number of elements."""
    return cast(Tensor, _call("gather_segment_mean_coo", src, index, destination, weight, dim_size))


def gather_segment_min_coo(
    src: Tensor, index: Tensor, destination: Tensor, weight: Tensor | None = None, dim_size: Size = None
) -> tuple[Tensor, Tensor]:
    """As `gather_segment_sum_coo`, their minimum and its element e: E, index's last size, if nothing arrived."""
    return cast("tuple[Tensor, Tensor]", _call("gather_segment_min_coo", src, index, destination, weight, dim_size))


def gather_segment_max_coo(
    src: Tensor, index: Tensor, destination: Tensor, weight: Tensor | None = None, dim_size: Size = None
) -> tuple[Tensor, Tensor]:
    """As `gather_segment_min_coo`, for the maximum."""
    return cast("tuple[Tensor, Tensor]", _call("gather_segment_max_coo", src, index, destination, weight, dim_size))


def gather_segment_coo(
    src: Tensor,
    index: Tensor,
    destination: Tensor,
    weight: Tensor | None = None,
    dim_size: Size = None,
    reduce: str = "sum",
) -> Tensor:
    """`gather_segment_sum_coo`, `_mean_`, or the values of `_min_` and `_max_`, by `reduce`."""
    return _reduced(GATHER_SEGMENT_COO, reduce, src, index, destination, weight, dim_size)


def group_index(index: Tensor, dim_size: Size = None) -> tuple[Tensor, Tensor]:
    """The positions of index's elements by their group, and the bounds of the `dim_size` groups: perm and indptr.

    The positions of group n are `perm[.., indptr[.., n]:indptr[.., n + 1]]`, in rising order.
    """
    return cast("tuple[Tensor, Tensor]", _call("group_index", index, dim_size))


def scatter_softmax(src: Tensor, index: Tensor, dim: int = -1, dim_size: Size = None) -> Tensor:
    """The softmax over the elements of `src` that share an index along `dim`, of src's shape."""
    return cast(Tensor, _call("scatter_softmax", src, index, dim, dim_size))


def scatter_log_softmax(src: Tensor, index: Tensor, dim: int = -1, eps: float = 1e-12, dim_size: Size = None) -> Tensor:
    """The logarithm of `scatter_softmax`, `eps` being added to each sum of exponentials."""
    return cast(Tensor, _call("scatter_log_softmax", src, index, dim, dim_size, eps))


def scatter_logsumexp(
    src: Tensor,
    index: Tensor,
    dim: int = -1,
    out: Tensor | None = None,
    dim_size: Size = None,
    eps: float = 1e-12,
) -> Tensor:
    """The logarithm of the sum of the exponentials of each group."""
    _check_no_out("scatter_logsumexp", out)
    return cast(Tensor, _call("scatter_logsumexp", src, index, dim, dim_size, eps))


def scatter_std(
    src: Tensor,
    index: Tensor,
    dim: int = -1,
    out: Tensor | None = None,
    dim_size: Size = None,
    unbiased: bool = True,
) -> Tensor:
    """The standard deviation of each group."""
    _check_no_out("scatter_std", out)
    return cast(Tensor, _call("scatter_std", src, index, dim, dim_size, unbiased))


def softmax_csr(src: Tensor, indptr: Tensor) -> Tensor:
    """The softmax over each segment of `src`, from `indptr[.., n]` to before `indptr[.., n + 1]` along indptr's last
    axis. It has src's shape, and is 0 where an element is in no segment."""
    return cast(Tensor, _call("softmax_csr", src, indptr))


def log_softmax_csr(src: Tensor, indptr: Tensor, eps: float = 1e-12) -> Tensor:
    """The logarithm of `softmax_csr`, `eps` being added to each sum of exponentials; 0 for an element in no segment."""
    return cast(Tensor, _call("log_softmax_csr", src, indptr, eps))


def logsumexp_csr(src: Tensor, indptr: Tensor, eps: float = 1e-12) -> Tensor:
    """The logarithm of the sum of the exponentials of each segment."""
    return cast(Tensor, _call("logsumexp_csr", src, indptr, eps))


def std_csr(src: Tensor, indptr: Tensor, unbiased: bool = True) -> Tensor:
    """The standard deviation of each segment."""
    return cast(Tensor, _call("std_csr", src, indptr, unbiased))


def attention_csr(src: Tensor, index: Tensor, indptr: Tensor, score: Tensor) -> Tensor:
    """As `gather_segment_sum_csr`, where the weights are the softmax of `score` over each segment.

    `score` is [.., E], or [.., E, H] for H heads of K / H neighbouring columns. An empty segment is 0.
    """
    return cast(Tensor, _call("attention_csr", src, index, indptr, score))


def gather_dot(
    src: Tensor,
    index: Tensor,
    other: Tensor,
    other_index: Tensor,
    weight: Tensor | None = None,
    *,
    combine: str = "mul",
    heads: int = 1,
    negative_slope: float = 0.2,
) -> Tensor:
    """The scores [.., E, heads] of the rows `src[.., index[.., e], ..]` and `other[.., other_index[.., e], ..]`.

    A score is the sum, over K / heads neighbouring columns of the K, of both values combined: their product, or, where
    `combine` is "add", the leaky ReLU of their sum. `weight` is [K], a factor for each column.
    """
    return cast(Tensor, _call("gather_dot", src, index, other, other_index, weight, combine, heads, negative_slope))


def _operators() -> dict[str, tuple[Any, Any, int | None]]:
    """For each operator: the overload with the size as a number, the one with a tensor, and the size's position."""
    found: dict[str, tuple[Any, Any, int | None]] = {}
    for name, operator, _ in nodes.functions():
        packet = getattr(torch.ops.tensorrt_scatter, name)
        if operator.size is None:
            found[name] = packet.default, packet.default, None
        else:
            place = list(nodes.parameters(operator)).index(operator.size.name)
            found[name] = packet.default, getattr(packet, operator.size.name), place
    return found


# Looked up once: torch.export and torch.compile cannot trace how a packet is asked for its overloads.
_OPERATORS = _operators()


def _call(name: str, *arguments: Any) -> Any:
    default, varying, place = _OPERATORS[name]
    return (varying if place is not None and isinstance(arguments[place], Tensor) else default)(*arguments)


def _reduced(operator: Operator, reduce: str, *arguments: Any) -> Tensor:
    reduction = operator.reduction(reduce)
    result = _call(operator.function_of(reduction.name), *arguments)
    return cast(Tensor, result[0] if reduction.has_arg else result)


def _check_no_out(name: str, out: Tensor | None) -> None:
    if out is not None:
        raise NotImplementedError(
            f"{name}: the plugin has no out; pass dim_size=out.size(dim) and combine the result with out"
        )
