"""Writes cases.jsonl: the table of cases with torch_scatter's results, and where this project's rules are sharper,
with those of the rules. README.md describes the format and says how to set up torch_scatter 2.1.2.

    python generate.py            writes cases.jsonl beside this script
    python generate.py --check    only says whether cases.jsonl is what would be written

Each case is computed twice, by torch_scatter on the CPU and by the rules (rule.py). Where the two differ and no
deviation in deviations.py explains the very places, nothing is written. group_index has cases, a rule and a peer of its
own, in groupings.py, and gather_dot in pairs.py. Ends with a count per operator and type, and
one per deviation.
"""

import argparse
import collections
import pathlib
import sys

import torch
import torch_scatter

import deviations
import groupings
import pairs
import peer
from case import case_json
from empties import empties
from layouts import layouts
from rule import ruled
from special_values import special_values

CASES = pathlib.Path(__file__).parent / "cases.jsonl"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where the file would change")
    arguments = parser.parse_args()
    if torch_scatter.__version__ != peer.VERSION:
        sys.exit(f"torch_scatter is {torch_scatter.__version__}; the cases are defined by {peer.VERSION}: install that")
    # The order of torch's own sums must not depend on the machine.
    torch.set_num_threads(1)

    lines, counts, reasons = [], collections.Counter(), collections.Counter()
    names = set()
    for case in (*layouts(), *special_values(), *empties()):
        if case.name in names:
            sys.exit(f"two cases are called {case.name!r}: give one another name")
        names.add(case.name)
        ours = ruled(case)
        theirs = peer.answer_of_a_child(case) if deviations.may_kill(case) else peer.answer(case)
        reason = deviations.sharper(case, ours, theirs)
        # By the rules these are rounded once from float64, which is nearer to the truth than either implementation.
        same = not reason and case.is_exact and not case.rtol
        lines.append(
            case_json(case, theirs.out if same else ours.out, theirs.arg_out if same else ours.arg_out, reason)
        )
        counts[case.op, case.dtype] += 1
        reasons.update(reason.split("; ") if reason else ["the same"])
    for case in groupings.groupings():
        ours, theirs = groupings.ruled(case), groupings.answer(case)
        if not all(map(torch.equal, ours, theirs)):
            sys.exit(f"{case.name}: torch gives {theirs}, by the rules it is {ours}")
        lines.append(groupings.line(case, *ours))
        counts[case.op, case.index_dtype] += 1
        reasons["the same"] += 1
    for case in pairs.pairs():
        if case.name in names:
            sys.exit(f"two cases are called {case.name!r}: give one another name")
        names.add(case.name)
        ours, theirs = pairs.ruled(case), pairs.answer(case)
        if not pairs.same(ours, theirs):
            sys.exit(f"{case.name}: torch gives {theirs}, by the rules it is {ours}")
        lines.append(pairs.line(case, ours))
        counts[case.op, case.dtype] += 1
        reasons["the same"] += 1
    text = "".join(line + "\n" for line in lines)
    report(counts, reasons, len(text))
    if not arguments.check:
        CASES.write_text(text)
    elif not CASES.exists() or CASES.read_text() != text:
        sys.exit(f"{CASES.name} is not what this script writes: run it without --check")


def report(counts, reasons, size):
    dtypes = list(dict.fromkeys(dtype for _, dtype in counts))
    print(f"{'':20}" + "".join(f"{dtype:>10}" for dtype in dtypes))
    for op in dict.fromkeys(op for op, _ in counts):
        print(f"{op:20}" + "".join(f"{counts[op, dtype]:10}" for dtype in dtypes))
    print(f"{counts.total()} cases, {size} bytes")
    for reason, number in reasons.most_common():
        print(f"{number:5}  {reason}")


if __name__ == "__main__":
    main()
