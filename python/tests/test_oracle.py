"""Repeats every call of tests/oracle/cases.jsonl with the arrays of every library."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import libraries
import numpy as np

import tensorrt_scatter as ts
from tensorrt_scatter._declarations import OPERATORS, Role

CASES = Path(__file__).parents[2] / "tests" / "oracle" / "cases.jsonl"
BY_NAME = {operator.name: operator for operator in OPERATORS}

#: JAX compiles the code that makes an array for each shape, which is slow: it gets every 20th case.
SLOW = {"jax on the CPU": 20, "jax on CUDA": 20}


@functools.cache
def cases() -> list[dict[str, Any]]:
    return [json.loads(line) for line in CASES.read_text().splitlines()]


def tensor(case: dict[str, Any], name: str, dtype: str) -> np.ndarray:
    return libraries.parse(dtype, case[name]["data"]).reshape(case[name]["shape"])


def dtype_of(case: dict[str, Any], role: Role) -> str:
    if role is Role.INDICES:
        return case["index_dtype"]
    return case.get("weight_dtype", case["dtype"]) if role is Role.WEIGHTS else case["dtype"]


def call(case: dict[str, Any], library: libraries.Library) -> tuple[Any, ...]:
    """Calls the case's operator."""
    operator, reduce = BY_NAME[case["op"]], case.get("reduce")
    arguments = [
        library.make(tensor(case, declared.name, dtype_of(case, declared.role)))
        for declared in operator.inputs
        if declared.name in case or not declared.is_optional
    ]
    options = {
        name: case[name]
        for name in ("dim", "dim_size", "unbiased", "combine", "heads", "negative_slope")
        if name in case
    }
    if "base" in case:
        options["out"] = library.make(tensor(case, "base", case["dtype"]))
    if reduce in ("min", "max"):
        results: tuple[Any, ...] = getattr(ts, operator.function_of(reduce))(*arguments, **options)
        return results
    if reduce is not None:
        options["reduce"] = reduce
    result = getattr(ts, operator.function_of())(*arguments, **options)
    return result if len(operator.outputs) > 1 and not operator.reductions else (result,)


def differs(case: dict[str, Any], given: np.ndarray, expected: np.ndarray) -> bool:
    if given.shape != expected.shape or given.dtype != expected.dtype:
        return True
    if "rtol" not in case:
        same_sign = np.signbit(given) == np.signbit(expected) if given.dtype.kind not in "iu" else True
        return not np.all(((given == expected) & same_sign) | ((given != given) & (expected != expected)))
    wide = [array.astype(np.float64) for array in (given, expected)]
    return not np.allclose(*wide, rtol=case["rtol"], atol=case["atol"], equal_nan=True)


def test_results_are_the_oracles(library: libraries.Library) -> None:
    wrong = []
    for case in cases()[:: SLOW.get(library.name, 1)]:
        if case.get("dtype", case["index_dtype"]) not in library.dtypes:
            continue
        results = [library.back(result) for result in call(case, library)]
        outputs = [output for output in BY_NAME[case["op"]].outputs if output.name in case]
        expected = [tensor(case, output.name, dtype_of(case, output.role)) for output in outputs]
        if len(results) != len(expected) or any(differs(case, *pair) for pair in zip(results, expected)):
            wrong.append(f"{case['name']}: {results} instead of {expected}")
    assert not wrong, f"{len(wrong)} of {len(cases())}:\n" + "\n".join(wrong[:5])
