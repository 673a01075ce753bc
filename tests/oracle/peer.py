"""torch_scatter's own answer to a case."""

import math
import os
from dataclasses import dataclass, replace

import torch
import torch_scatter
from torch_scatter import composite

from case import COMPOSITES_CSR, Case

VERSION = "2.1.2"


@dataclass
class Answer:
    """A result, or the message of an exception, or the signal that killed the process."""

    out: torch.Tensor | None = None
    arg_out: torch.Tensor | None = None
    raised: str | None = None
    killed_by: int | None = None


def answer(case: Case) -> Answer:
    try:
        result = call(case)
    except (RuntimeError, IndexError) as error:
        return Answer(raised=str(error))
    return Answer(*result) if isinstance(result, tuple) else Answer(result)


def answer_of_a_child(case: Case) -> Answer:
    """Runs a call that may kill its process in a child. The answer only tells whether it did."""
    child = os.fork()
    if child == 0:
        answer(case)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return Answer(killed_by=os.WTERMSIG(status)) if os.WIFSIGNALED(status) else Answer()


def products(case):
    """The rows that the index names, times their weights. torch reads them: torch_scatter's gather_coo refuses an index
    that is not sorted, and does not expand one."""
    src, axis = case.src, case.axis
    trailing = src.shape[axis + 1 :]
    rows = case.rows.reshape(*case.rows.shape, *[1] * len(trailing))
    rows = torch.take_along_dim(src, rows.expand(*src.shape[:axis], case.rows.shape[-1], *trailing), axis)
    if case.weight is None:
        return rows
    weight, columns = case.weight, math.prod(trailing)
    if weight.dim() == axis + 1:
        weight = weight.unsqueeze(-1)
    weight = weight.repeat_interleave(columns // weight.shape[-1], -1) if weight.shape[-1] else weight
    wide = rows.reshape(*rows.shape[: axis + 1], columns).to(weight.dtype) * weight
    return wide.to(src.dtype).reshape(rows.shape)


def over_segments(case):
    """A composite over segments by torch_scatter's own composite: each element has its segment for an index. The
    elements that are in no segment are one more group; softmax and log_softmax are 0 there."""
    src, axis, n = case.src, case.axis, max(case.index.shape[-1] - 1, 0)
    bounds = case.index.expand(*src.shape[:axis], case.index.shape[-1]).contiguous()
    elements = torch.arange(src.shape[axis]).expand(*src.shape[:axis], -1).contiguous()
    segment = torch.searchsorted(bounds, elements, right=True) - 1
    index = torch.where(segment < 0, n, segment.clamp(max=n)).reshape(*segment.shape, *[1] * (src.dim() - axis - 1))
    index = index.expand(src.shape)
    result = call(replace(case, op=case.composite, index=index, dim=axis, dim_size=n + 1))
    if case.composite in ("softmax", "log_softmax"):
        return torch.where(index < n, result, 0)
    return result.narrow(axis, 0, n)


def attention(case):
    """attention_csr by torch_scatter's softmax over the segments of the scores, and its sum of the segments of the rows
    times these."""
    leading = case.src.shape[: case.axis]
    score = case.weight.expand(*leading, *case.weight.shape[case.axis :])
    softmaxes = over_segments(replace(case, op="softmax_csr", src=score, rows=None, weight=None))
    return torch_scatter.segment_sum_csr(products(replace(case, weight=softmaxes)), case.index)


def call(case):
    # It works in place on what it is given.
    base = None if case.base is None else case.base.clone()
    match case.op:
        case "scatter":
            function = getattr(torch_scatter, f"scatter_{case.reduce}")
            return function(case.src, case.index, case.dim, base, case.dim_size)
        case "segment_coo":
            return getattr(torch_scatter, f"segment_{case.reduce}_coo")(case.src, case.index, base, case.dim_size)
        case "segment_csr":
            return getattr(torch_scatter, f"segment_{case.reduce}_csr")(case.src, case.index, base)
        case "gather_segment_csr":
            return getattr(torch_scatter, f"segment_{case.reduce}_csr")(products(case), case.index)
        case "attention_csr":
            return attention(case)
        case "gather_segment_coo":
            # torch_scatter's segment_coo leaves a stale position in some places; its scatter takes a sorted index too.
            return call(replace(case, op="gather_scatter"))
        case "gather_scatter":
            function = getattr(torch_scatter, f"scatter_{case.reduce}")
            return function(products(case), case.index, case.axis, None, case.dim_size)
        case "gather_coo" | "gather_csr":
            return getattr(torch_scatter, case.op)(case.src, case.index, base)
        case op if op in COMPOSITES_CSR:
            return over_segments(case)
        case "std":
            return composite.scatter_std(case.src, case.index, case.dim, dim_size=case.dim_size, unbiased=case.unbiased)
        case _:
            function = getattr(composite, f"scatter_{case.op}")
            return function(case.src, case.index, case.dim, dim_size=case.dim_size)
