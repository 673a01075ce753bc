"""Calls of every operator for export tests: the call, its inputs, and the node that must result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tensorrt_scatter._declarations import (
    GATHER_SCATTER,
    GATHER_SEGMENT_COO,
    GATHER_SEGMENT_CSR,
    SCATTER,
    SEGMENT_COO,
    SEGMENT_CSR,
    Operator,
)

GROUPS = 4
Inputs = dict[str, Tensor]


@dataclass(frozen=True)
class Case:
    """`call` takes a module with torch_scatter's functions, and the tensors of `inputs(n)`."""

    name: str
    call: Callable[..., Any]
    inputs: Callable[[int], Inputs]
    dynamic: dict[str, dict[int, str]]
    op_type: str
    attributes: dict[str, Any] = field(default_factory=dict)
    deviation: str = ""
    """How torch_scatter differs, or why it is not compared."""

    def __str__(self) -> str:
        return self.name


def values(*shape: int) -> Tensor:
    """Small integers of both signs: their sums are equal in any order."""
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randint(-4, 5, shape, generator=generator).float()


def signs(*shape: int) -> Tensor:
    """Ones, minus ones and twos: their products are exact."""
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.tensor([1.0, -1.0, 1.0, -1.0, 2.0])[torch.randint(0, 5, shape, generator=generator)]


def indices(*shape: int, largest: int = GROUPS - 2) -> Tensor:
    """Indices for which the last group is empty."""
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randint(0, largest + 1, shape, generator=generator)


def sorted_indices(*shape: int, largest: int = GROUPS - 2) -> Tensor:
    """As `indices`, sorted along the last axis."""
    return indices(*shape, largest=largest).sort().values


def bounds(n: int) -> Tensor:
    """The bounds of `GROUPS` segments of n elements, one of them empty."""
    return torch.tensor([0, n // 3, n // 3, n // 2, n])


SRC_AXIS = {"src": {1: "n"}}
ROWS = {"src": {0: "n"}, "index": {0: "n"}}


def scatter_cases() -> list[Case]:
    cases = []
    for how in (each.name for each in SCATTER.reductions):
        draw = signs if how == "mul" else values
        layouts: dict[str, tuple[Callable[[int], Tensor], dict[int, str]]] = {
            "index [n]": (lambda n: indices(n), {0: "n"}),
            "index [2, n]": (lambda n: indices(2, n), {1: "n"}),
            "index [1, n, 1]": (lambda n: indices(1, n, 1), {1: "n"}),
            "index [2, n, 3]": (lambda n: indices(2, n, 3), {1: "n"}),
        }
        for layout, (index, axes) in list(layouts.items())[:: 1 if how in ("sum", "max") else 2]:
            cases.append(
                Case(
                    f"scatter_{how} {layout}",
                    lambda to, src, index, how=how: getattr(to, f"scatter_{how}")(src, index, 1, dim_size=GROUPS),
                    lambda n, draw=draw, index=index: {"src": draw(2, n, 3), "index": index(n)},
                    {**SRC_AXIS, "index": axes},
                    "TRTS_Scatter",
                    {"dim": 1, "dim_size": GROUPS, "reduce": how},
                )
            )
        cases.append(
            Case(
                f"scatter_{how} out",
                lambda to, src, index, out, how=how: getattr(to, f"scatter_{how}")(src, index, -2, out),
                lambda n, draw=draw: {"src": draw(2, n, 3), "index": indices(n), "out": draw(2, GROUPS, 3)},
                {**SRC_AXIS, "index": {0: "n"}, "out": {}},
                "TRTS_Scatter",
                {"reduce": how},
            )
        )
    return cases


def segment_cases() -> list[Case]:
    cases = []
    for how in (each.name for each in SEGMENT_COO.reductions):
        cases += [
            Case(
                f"segment_{how}_coo index [n]",
                lambda to, src, index, how=how: getattr(to, f"segment_{how}_coo")(src, index, dim_size=GROUPS),
                lambda n: {"src": values(n, 3), "index": indices(n).sort().values},
                ROWS,
                "TRTS_SegmentCOO",
                {"dim_size": GROUPS, "reduce": how},
            ),
            Case(
                f"segment_{how}_coo index [1, n], out",
                lambda to, src, index, out, how=how: getattr(to, f"segment_{how}_coo")(src, index, out),
                lambda n: {"src": values(2, n, 3), "index": indices(1, n).sort().values, "out": values(2, GROUPS, 3)},
                {**SRC_AXIS, "index": {1: "n"}, "out": {}},
                "TRTS_SegmentCOO",
                {"reduce": how},
                "leaves a stale position where out wins, and starts its first group from row 0 of out",
            ),
        ]
    for how in (each.name for each in SEGMENT_CSR.reductions):
        cases += [
            Case(
                f"segment_{how}_csr indptr [{GROUPS + 1}]",
                lambda to, src, index, how=how: getattr(to, f"segment_{how}_csr")(src, index),
                lambda n: {"src": values(n, 3), "index": bounds(n)},
                {"src": {0: "n"}, "index": {}},
                "TRTS_SegmentCSR",
                {"reduce": how},
            ),
            Case(
                f"segment_{how}_csr indptr [1, n]",
                lambda to, src, index, how=how: getattr(to, f"segment_{how}_csr")(src, index),
                lambda n: {"src": values(2, 12, 3), "index": torch.arange(n)[None]},
                {"src": {}, "index": {1: "n"}},
                "TRTS_SegmentCSR",
                {"reduce": how},
            ),
        ]
    return cases


def gather_cases() -> list[Case]:
    return [
        Case(
            "gather_coo index [n]",
            lambda to, src, index: to.gather_coo(src, index),
            lambda n: {"src": values(GROUPS, 3), "index": indices(n)},
            {"src": {}, "index": {0: "n"}},
            "TRTS_GatherCOO",
            deviation="refuses an index that is not sorted",
        ),
        Case(
            "gather_coo index [n], sorted",
            lambda to, src, index: to.gather_coo(src, index),
            lambda n: {"src": values(GROUPS, 3), "index": indices(n).sort().values},
            {"src": {}, "index": {0: "n"}},
            "TRTS_GatherCOO",
        ),
        Case(
            "gather_coo index [1, n], out",
            lambda to, src, index, out: to.gather_coo(src, index, out),
            lambda n: {"src": values(2, GROUPS, 3), "index": indices(1, n), "out": values(2, n, 3)},
            {"src": {}, "index": {1: "n"}, "out": {1: "n"}},
            "TRTS_GatherCOO",
            deviation="does not expand the leading axes of an index",
        ),
        Case(
            "gather_csr out",
            lambda to, src, index, out: to.gather_csr(src, index, out),
            lambda n: {"src": values(GROUPS, 3), "index": bounds(n), "out": values(n, 3)},
            {"src": {}, "index": {}, "out": {0: "n"}},
            "TRTS_GatherCSR",
        ),
        Case(
            "gather_csr size",
            lambda to, src, index: to.gather_csr(src, index, size=12),
            lambda n: {"src": values(n, GROUPS, 3), "index": bounds(12)[None]},
            {"src": {0: "n"}, "index": {}},
            "TRTS_GatherCSR",
            {"size": 12},
            "has no size",
        ),
    ]


#: Of gather_segment_csr: the inputs, and their axes that vary.
GATHER_SEGMENT_LAYOUTS: dict[str, tuple[Callable[[int], Inputs], dict[str, dict[int, str]]]] = {
    "without weights": (
        lambda n: {"src": values(7, 3), "index": indices(n, largest=6), "indptr": bounds(n)},
        {"src": {}, "index": {0: "n"}, "indptr": {}},
    ),
    "weights [2, n]": (
        lambda n: {
            "src": values(2, 7, 3),
            "index": indices(1, n, largest=6),
            "indptr": bounds(n).expand(2, GROUPS + 1),
            "weight": values(2, n),
        },
        {"src": {}, "index": {1: "n"}, "indptr": {}, "weight": {1: "n"}},
    ),
    "weights [12, 2], indptr [n]": (
        lambda n: {
            "src": values(7, 2, 3),
            "index": indices(12, largest=6),
            "indptr": torch.arange(n),
            "weight": values(12, 2),
        },
        {"src": {}, "index": {}, "indptr": {0: "n"}, "weight": {}},
    ),
}


def gather_segment_cases() -> list[Case]:
    return [
        Case(
            f"gather_segment_{how}_csr {layout}",
            lambda to, *tensors, how=how: getattr(to, f"gather_segment_{how}_csr")(*tensors),
            inputs,
            dynamic,
            "TRTS_GatherSegmentCSR",
            {"reduce": how},
            "has no gather_segment_csr",
        )
        for how in (each.name for each in GATHER_SEGMENT_CSR.reductions)
        for layout, (inputs, dynamic) in GATHER_SEGMENT_LAYOUTS.items()
    ]


def by_destination_cases(operator: Operator, destinations: Callable[..., Tensor]) -> list[Case]:
    cases = []
    for how in (each.name for each in operator.reductions):
        name = operator.function_of(how)
        layouts: dict[str, tuple[Callable[[int], Inputs], dict[str, dict[int, str]]]] = {
            "without weights": (
                lambda n: {"src": values(7, 3), "index": indices(n, largest=6), "destination": destinations(n)},
                {"src": {}, "index": {0: "n"}, "destination": {0: "n"}},
            ),
            "weights [2, n]": (
                lambda n: {
                    "src": values(2, 7, 3),
                    "index": indices(1, n, largest=6),
                    "destination": destinations(2, n),
                    "weight": values(2, n),
                },
                {"src": {}, "index": {1: "n"}, "destination": {1: "n"}, "weight": {1: "n"}},
            ),
            "weights [n, 2]": (
                lambda n: {
                    "src": values(7, 2, 3),
                    "index": indices(n, largest=6),
                    "destination": destinations(n),
                    "weight": values(n, 2),
                },
                {"src": {}, "index": {0: "n"}, "destination": {0: "n"}, "weight": {0: "n"}},
            ),
        }
        for layout, (inputs, dynamic) in layouts.items():
            cases.append(
                Case(
                    f"{name} {layout}",
                    lambda to, *tensors, name=name: getattr(to, name)(*tensors, dim_size=GROUPS),
                    inputs,
                    dynamic,
                    operator.op_type,
                    {"reduce": how, "dim_size": GROUPS},
                    f"has no {operator.name}",
                )
            )
    return cases


def group_index_cases() -> list[Case]:
    return [
        Case(
            f"group_index index [{', '.join(map(str, [*leading, 'n']))}]",
            lambda to, index: to.group_index(index, GROUPS),
            lambda n, leading=leading: {"index": indices(*leading, n)},
            {"index": {len(leading): "n"}},
            "TRTS_GroupIndex",
            {"dim_size": GROUPS},
            "has no group_index",
        )
        for leading in ((), (2,), (2, 3))
    ]


def composite_cases() -> list[Case]:
    table: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
        "TRTS_ScatterSoftmax": (lambda to, src, index: to.scatter_softmax(src, index, 0, GROUPS), {}),
        "TRTS_ScatterLogSoftmax": (
            lambda to, src, index: to.scatter_log_softmax(src, index, 0, 1e-3, GROUPS),
            {"eps": 1e-3},
        ),
        "TRTS_ScatterLogSumExp": (
            lambda to, src, index: to.scatter_logsumexp(src, index, 0, dim_size=GROUPS, eps=1e-3),
            {"eps": 1e-3},
        ),
        "TRTS_ScatterStd": (
            lambda to, src, index: to.scatter_std(src, index, 0, dim_size=GROUPS, unbiased=False),
            {"unbiased": 0},
        ),
    }
    return [
        Case(
            op_type,
            call,
            lambda n: {"src": values(n, 3), "index": indices(n)},
            ROWS,
            op_type,
            {"dim": 0, "dim_size": GROUPS, **attributes},
        )
        for op_type, (call, attributes) in table.items()
    ]


def composite_csr_cases() -> list[Case]:
    table: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
        "TRTS_SoftmaxCSR": (lambda to, src, indptr: to.softmax_csr(src, indptr), {}),
        "TRTS_LogSoftmaxCSR": (lambda to, src, indptr: to.log_softmax_csr(src, indptr, 1e-3), {"eps": 1e-3}),
        "TRTS_LogSumExpCSR": (lambda to, src, indptr: to.logsumexp_csr(src, indptr, eps=1e-3), {"eps": 1e-3}),
        "TRTS_StdCSR": (lambda to, src, indptr: to.std_csr(src, indptr, unbiased=False), {"unbiased": 0}),
    }
    layouts: dict[str, tuple[Callable[[int], Inputs], dict[str, dict[int, str]]]] = {
        f"indptr [{GROUPS + 1}]": (
            lambda n: {"src": values(n, 3), "indptr": bounds(n)},
            {"src": {0: "n"}, "indptr": {}},
        ),
        # Some elements are in no segment.
        "indptr [1, n]": (
            lambda n: {"src": values(2, 17, 3), "indptr": torch.arange(1, n + 1)[None]},
            {"src": {}, "indptr": {1: "n"}},
        ),
    }
    return [
        Case(f"{op_type} {layout}", call, inputs, dynamic, op_type, attributes, "has no composites over segments")
        for op_type, (call, attributes) in table.items()
        for layout, (inputs, dynamic) in layouts.items()
    ]


def attention_cases() -> list[Case]:
    """Those of gather_segment_csr, whose weights are scores here."""

    def renamed(given: dict[str, Any]) -> dict[str, Any]:
        return {"score" if name == "weight" else name: each for name, each in given.items()}

    return [
        Case(
            f"attention_csr {layout.replace('weights', 'scores')}",
            lambda to, *tensors: to.attention_csr(*tensors),
            lambda n, inputs=inputs: renamed(inputs(n)),
            renamed(dynamic),
            "TRTS_AttentionCSR",
            deviation="has no attention_csr",
        )
        for layout, (inputs, dynamic) in GATHER_SEGMENT_LAYOUTS.items()
        if "weight" in dynamic
    ]


def gather_dot_cases() -> list[Case]:
    def weighted(n: int) -> Inputs:
        return {**rows(n), "weight": signs(6)}

    def rows(n: int) -> Inputs:
        return {
            "src": values(7, 2, 3),
            "index": indices(n, largest=6),
            "other": values(5, 2, 3),
            "other_index": indices(n, largest=4),
        }

    def batches(n: int) -> Inputs:
        return {
            "src": values(2, 7, 4),
            "index": indices(1, n, largest=6),
            "other": values(2, 3, 4),
            "other_index": indices(2, n, largest=2),
        }

    pairs = {"src": {}, "index": {0: "n"}, "other": {}, "other_index": {0: "n"}}
    of_batches = {"src": {}, "index": {1: "n"}, "other": {}, "other_index": {1: "n"}}
    add = {"combine": "add", "heads": 3, "negative_slope": 0.5}
    table: dict[str, tuple[Callable[[int], Inputs], dict[str, dict[int, str]], dict[str, Any]]] = {
        "rows": (rows, pairs, {}),
        "rows in heads": (rows, pairs, {"heads": 2}),
        "sums of rows with weights": (weighted, {**pairs, "weight": {}}, add),
        "batches": (batches, of_batches, {"heads": 4}),
    }
    return [
        Case(
            f"gather_dot {layout}",
            lambda to, *tensors, options=options: to.gather_dot(*tensors, **options),
            inputs,
            dynamic,
            "TRTS_GatherDot",
            options,
            "has no gather_dot",
        )
        for layout, (inputs, dynamic, options) in table.items()
    ]


ALL = [
    *scatter_cases(),
    *segment_cases(),
    *gather_cases(),
    *gather_segment_cases(),
    *by_destination_cases(GATHER_SCATTER, indices),
    *by_destination_cases(GATHER_SEGMENT_COO, sorted_indices),
    *group_index_cases(),
    *composite_cases(),
    *composite_csr_cases(),
    *attention_cases(),
    *gather_dot_cases(),
]
