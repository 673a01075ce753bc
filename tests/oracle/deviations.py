"""Where this project's rules are sharper than torch_scatter 2.1.2: each way in which the two are known to differ,
and the places of a result where it may. Anywhere else they have to agree."""

import signal
from dataclasses import dataclass, replace

import numpy as np
import torch

from case import INTEGERS, SIXTEEN_BITS, extremes
from rule import expanded_index, groups, index_of_rows, largest, over_rows


@dataclass
class Deviation:
    """A reason, and the places (True) of out and arg_out that it explains."""

    reason: str
    out: np.ndarray
    arg_out: np.ndarray


class Disagreement(Exception):
    """torch_scatter and the rules differ, and no known reason explains it."""


def may_kill(case):
    """Divisions by zero in torch_scatter's C++."""
    if case.op == "attention_csr":
        # It sums segments of as many elements, whatever the scores are.
        case = replace(case, op="gather_segment_csr", weight=None)
    case = over_rows(case)
    return case.src.numel() > 0 and (
        (case.op == "segment_csr" and case.index.shape[-1] < 2) or (case.op == "gather_coo" and not case.index.numel())
    )


def sharper(case, ours, theirs):
    """The reasons for which torch_scatter's answer is another, joined; empty where it is the same."""
    case = over_rows(case)
    if may_kill(case):
        if theirs.killed_by != signal.SIGFPE:
            raise Disagreement(f"{case.name}: torch_scatter was expected to divide by zero")
        return "torch_scatter divides by zero and dies where there is nothing to reduce to or to gather"
    if theirs.raised is not None:
        return reason_to_refuse(case, theirs.raised)
    if theirs.out.shape != ours.out.shape:
        return reason_for_shape(case, ours, theirs)
    return reasons_for_values(case, ours, theirs)


def reason_to_refuse(case, message):
    if case.op == "gather_coo" and "src.size(i) == index.size(i)" in message:
        return "torch_scatter's gather_coo does not expand the index's leading axes"
    if case.op == "gather_coo" and "idx <= next_idx" in message:
        return "torch_scatter's gather_coo refuses an index that is not sorted"
    if counts_apart(case) and fewer_axes_than_dim(case) and "must match" in message:
        return "torch_scatter counts along the index's last axis where the index has too few axes to reach dim"
    if counts_apart(case) and case.src.numel() == 0 and ("out of bounds" in message or "must match" in message):
        return "torch_scatter counts by an index of which no element of src takes part, and finds it out of bounds"
    if case.op == "logsumexp" and not expanded_index(case).size and "input.numel() == 0" in message:
        return "torch_scatter's logsumexp looks for the maximum of an empty index"
    raise Disagreement(f"{case.name}: torch_scatter raised {message}")


def reason_for_shape(case, ours, theirs):
    if case.op == "gather_csr" and case.src.numel() == 0 and theirs.out.shape[case.axis] == 0:
        return "torch_scatter's gather_csr gathers no rows from a src without elements, whatever indptr says"
    raise Disagreement(f"{case.name}: shape {tuple(theirs.out.shape)}, by the rules {tuple(ours.out.shape)}")


def counts_apart(case):
    """Whether torch_scatter counts by the index as it was given, not as it lies over src."""
    return case.op == "std" or (case.op == "scatter" and case.reduce == "mean")


def fewer_axes_than_dim(case):
    return 1 < case.index.dim() <= case.axis


def one_along_dim(case):
    along = 0 if case.index.dim() == 1 else case.axis
    return along < case.index.dim() and case.index.shape[along] == 1 and case.src.shape[case.axis] > 1


def reasons_for_values(case, ours, theirs):
    differs_out = ~agrees(theirs.out, ours.out, case.rtol, case.atol)
    differs_arg = np.zeros(differs_out.shape, dtype=bool)
    if ours.arg_out is not None:
        differs_arg = (theirs.arg_out != ours.arg_out).numpy()
    reasons = []
    unexplained_out, unexplained_arg = differs_out.copy(), differs_arg.copy()
    for deviation in known(case, ours, theirs):
        if (differs_out & deviation.out).any() or (differs_arg & deviation.arg_out).any():
            reasons.append(deviation.reason)
            unexplained_out &= ~deviation.out
            unexplained_arg &= ~deviation.arg_out
    if unexplained_out.any() or unexplained_arg.any():
        raise Disagreement(
            f"{case.name}\nout {theirs.out}\nby the rules {ours.out}\n"
            f"arg_out {theirs.arg_out}\nby the rules {ours.arg_out}\nexplained by {reasons}"
        )
    return "; ".join(reasons)


def agrees(given, expected, rtol, atol):
    """Bit for bit where there is no tolerance; NaNs are equal to each other."""
    if not expected.is_floating_point():
        return (given == expected).numpy()
    given, expected = given.to(torch.float64).numpy(), expected.to(torch.float64).numpy()
    same = (given == expected) & (np.signbit(given) == np.signbit(expected)) | np.isnan(given) & np.isnan(expected)
    with np.errstate(all="ignore"):
        near = np.abs(given - expected) <= rtol * np.abs(expected) + atol
    return same | near & (rtol + atol > 0)


def known(case, ours, theirs):
    none = np.zeros(ours.out.shape, dtype=bool)
    everywhere = ~none
    segment = case.op.startswith("segment")
    if case.selects:
        yield from known_of_selections(case, ours, none, everywhere)
    if case.op == "segment_coo" and case.base is not None:
        where = first_groups(case, none)
        yield Deviation("torch_scatter's segment_coo starts its first group from row 0 of out", where, where)
    if segment and case.reduce == "mean" and case.dtype in INTEGERS:
        truncated = (ours.out < 0).numpy()
        yield Deviation("torch_scatter's segment means of integers round towards zero", truncated, none)
    if case.dtype in SIXTEEN_BITS and case.reduce in ("sum", "mul", "mean"):
        # Its segment sums are kept in float32 and rounded once, as by the rules.
        where = ours.left_the_type if case.op == "scatter" or case.reduce == "mean" else none
        yield Deviation("torch_scatter keeps sums, products or counts in 16 bits", where, none)
    if counts_apart(case) and one_along_dim(case):
        yield Deviation("torch_scatter counts an index of size 1 along dim once, not once an element", everywhere, none)
    if counts_apart(case) and fewer_axes_than_dim(case):
        reason = "torch_scatter counts along the index's last axis where the index has too few axes to reach dim"
        yield Deviation(reason, everywhere, none)
    if case.op == "scatter" and case.reduce == "mul" and case.src.numel() == 0:
        yield Deviation("torch_scatter's product of nothing is 0 where src has no elements", everywhere, none)
    if case.op == "segment_csr" and case.base is not None and case.src.numel() == 0:
        yield Deviation("torch_scatter leaves out as it was where src has no elements", everywhere, none)
    if case.composite in ("softmax", "log_softmax"):
        where = groups_of_the_lowest(case)
        yield Deviation("torch_scatter takes a maximum of the lowest finite number for 0", where, none)
    if not case.is_exact and case.dtype in SIXTEEN_BITS:
        where = reach_of_rounding(case, ours, theirs)
        yield Deviation("torch_scatter rounds every step to 16 bits", where, none)


def reach_of_rounding(case, ours, theirs):
    """Where half an ulp in each step can be the cause. The largest element bounds what a step rounds; 16 covers the
    steps, and a value off by more would be another matter."""
    finite = case.src[torch.isfinite(case.src)].to(torch.float64)
    scale = max([1.0, *finite.abs().tolist()])
    near = agrees(theirs.out, ours.out, 16 * case.rtol, 16 * case.rtol * scale)
    # Its 1e-12 rounds to 0 in float16, and so a logarithm to -inf, and what is made of that to NaN or 0.
    no_logarithm = ~torch.isfinite(theirs.out).numpy() | (ours.out == extremes(case.dtype)[1]).numpy()
    return near | no_logarithm


def known_of_selections(case, ours, none, everywhere):
    """min and max."""
    arrived = ours.count > 0
    won = (ours.arg_out != case.src.shape[case.axis]).numpy()
    if case.base is None or case.op == "segment_csr":
        lowest, highest = extremes(case.dtype)
        extreme = (ours.out <= lowest if case.reduce == "max" else ours.out >= highest).numpy()
        where = won & extreme
        yield Deviation("torch_scatter takes the value it starts a min or max from for an empty group", where, where)
        if case.op != "scatter":
            where = arrived & ~won
            yield Deviation("torch_scatter's segment min and max do not notice a group of NaN alone", where, where)
    elif case.op == "segment_coo":
        where = arrived & ~won
        yield Deviation("torch_scatter's segment_coo leaves a stale position where out wins", none, where)


def first_groups(case, none):
    """segment_coo's first group of each row of the index, where that is not row 0."""
    where = none.copy()
    rows = index_of_rows(case)
    if rows.shape[-1]:
        for lead in np.ndindex(*rows.shape[:-1]):
            where[(*lead, rows[lead][0])] |= rows[lead][0] != 0
    return where


def groups_of_the_lowest(case):
    """The elements of groups whose largest number is the type's lowest."""
    group, n = groups(case)
    src = np.moveaxis(case.src.to(torch.float64).numpy(), case.axis, -1)
    group = np.moveaxis(group, case.axis, -1)
    where = np.zeros(src.shape, dtype=bool)
    for lead in np.ndindex(*src.shape[:-1]):
        for number in range(n):
            members = group[lead] == number
            where[lead] |= members & (largest(src[lead][members]) == extremes(case.dtype)[0])
    return np.moveaxis(where, -1, case.axis)
