"""Compares every operator, on random arrays of each library, with its definition in NumPy."""

from __future__ import annotations

import itertools
from typing import Any

import libraries
import numpy as np
import numpy_functions
import pytest

import tensorrt_scatter as ts
from tensorrt_scatter._declarations import GATHER_SCATTER, GATHER_SEGMENT_CSR, SCATTER, SEGMENT_COO, SEGMENT_CSR

SHAPE, GROUPS = (7, 40, 8), 6
REDUCES = [each.name for each in SCATTER.reductions]
COO_REDUCES = [each.name for each in SEGMENT_COO.reductions]
CSR_REDUCES = [each.name for each in SEGMENT_CSR.reductions]
GATHER_SCATTER_REDUCES = [each.name for each in GATHER_SCATTER.reductions]
GATHER_SEGMENT_REDUCES = [each.name for each in GATHER_SEGMENT_CSR.reductions]

#: An ulp of each 16-bit type.
ULPS = {"float16": 2.0**-10, "bfloat16": 2.0**-7}


def random(*shape: int, dtype: str = "float32") -> np.ndarray:
    """Multiples of 0.5 from 0.5 to 2. Their sums are exact and their products nearly exact."""
    generator = np.random.default_rng(len(shape) * 1000 + sum(shape))
    return (generator.integers(1, 5, shape) / 2).astype(libraries.DTYPES[dtype])


def groups(*shape: int, axis: int = 0) -> np.ndarray:
    """Indices that give every group at least one element along the axis."""
    index = np.random.default_rng(sum(shape)).integers(0, GROUPS, shape)
    np.moveaxis(index, axis, -1)[..., :GROUPS] = np.arange(GROUPS)
    return index


def function(operator: str, reduce: str, suffix: str = "") -> Any:
    return getattr(ts, f"{operator}_{reduce}{suffix}")


def defined(operator: str, reduce: str, suffix: str = "") -> Any:
    return getattr(numpy_functions, f"{operator}_{reduce}{suffix}")


def assert_results(library: libraries.Library, given: Any, expected: Any, rtol: float = 2e-6, atol: float = 0) -> None:
    results, wanted = (each if isinstance(each, tuple) else (each,) for each in (given, expected))
    assert len(results) == len(wanted)
    assert all(library.is_one(result) for result in results)
    out = library.back(results[0])
    np.testing.assert_allclose(out.astype(np.float64), wanted[0].astype(np.float64), rtol, atol)
    if len(results) == 2:
        np.testing.assert_array_equal(library.back(results[1]), wanted[1])


def test_scatter(library: libraries.Library) -> None:
    src = random(*SHAPE)
    for axis, reduce in itertools.product(range(3), REDUCES):
        along, full = groups(SHAPE[axis]), groups(*SHAPE, axis=axis)
        for index in (along, full, full[:1] if axis else full[:, :1]):
            given = function("scatter", reduce)(library.make(src), library.make(index), axis - 3)
            assert_results(library, given, defined("scatter", reduce)(src, index, dim=axis, dim_size=GROUPS))


def test_scatter_from_an_out(library: libraries.Library) -> None:
    src, index, base = random(*SHAPE), groups(SHAPE[1]), random(7, GROUPS, 8)
    for reduce in REDUCES:
        out = library.make(base)
        given = function("scatter", reduce)(library.make(src), library.make(index), 1, out)
        assert_results(library, given, defined("scatter", reduce)(src, index, dim=1, out=base))
        result = given[0] if isinstance(given, tuple) else given
        assert (result is out) == library.writes_out


def test_segments(library: libraries.Library) -> None:
    src, index = random(40, 5), np.sort(groups(40))
    indptr = np.searchsorted(index, np.arange(GROUPS + 1))
    arrays = library.make(src), library.make(index), library.make(indptr)
    for reduce in COO_REDUCES:
        expected = defined("segment", reduce, "_coo")(src, index)
        assert_results(library, function("segment", reduce, "_coo")(*arrays[:2]), expected)
        assert_results(library, function("segment", reduce, "_coo")(*arrays[:2], dim_size=GROUPS), expected)
    for reduce in CSR_REDUCES:
        expected = defined("segment", reduce, "_csr")(src, indptr)
        assert_results(library, function("segment", reduce, "_csr")(arrays[0], arrays[2]), expected)


def test_segments_with_an_out(library: libraries.Library) -> None:
    src, index, base = random(40, 5), np.sort(groups(40)), random(GROUPS, 5)
    indptr = np.searchsorted(index, np.arange(GROUPS + 1))
    for reduce in COO_REDUCES:
        given = function("segment", reduce, "_coo")(library.make(src), library.make(index), library.make(base))
        assert_results(library, given, defined("segment", reduce, "_coo")(src, index, out=base))
    for reduce in CSR_REDUCES:
        given = function("segment", reduce, "_csr")(library.make(src), library.make(indptr), library.make(base))
        assert_results(library, given, defined("segment", reduce, "_csr")(src, indptr))


def test_gathers(library: libraries.Library) -> None:
    src, index = random(GROUPS, 5), groups(40)
    indptr = np.array([0, 3, 3, 11, 20, 21, 40])
    given = ts.gather_coo(library.make(src), library.make(index))
    assert_results(library, given, defined("gather", "coo")(src, index))
    given = ts.gather_csr(library.make(src), library.make(indptr))
    assert_results(library, given, defined("gather", "csr")(src, indptr))
    longer = random(42, 5)
    given = ts.gather_csr(library.make(src), library.make(indptr), library.make(longer))
    assert_results(library, given, defined("gather", "csr")(src, indptr, out=longer))


#: Of gather_segment_csr: the shapes of src, index, indptr and weight. The elements are ELEMENTS, the segments GROUPS.
GATHER_SEGMENT_SHAPES: list[tuple[tuple[int, ...], ...]] = [
    ((9, 6), (40,), (GROUPS + 1,)),
    ((9, 6), (40,), (GROUPS + 1,), (40,)),
    ((9, 6), (40,), (GROUPS + 1,), (40, 2)),
    ((9, 2, 3), (40,), (GROUPS + 1,), (40, 3)),
    ((3, 9, 4), (1, 40), (3, GROUPS + 1), (3, 40)),
    ((3, 9, 4), (3, 40), (1, GROUPS + 1), (1, 40, 4)),
]


def gathered_segments(src: tuple[int, ...], index: tuple[int, ...], indptr: tuple[int, ...], *weight: Any) -> Any:
    """src, index, indptr and maybe weight of these shapes; src and weight have both signs, and one segment is empty."""
    generator = np.random.default_rng(len(src))
    axis, elements = len(index) - 1, index[-1]
    bounds = np.sort(generator.integers(0, elements + 1, indptr), axis=-1)
    bounds[..., 2] = bounds[..., 1]
    signs = (generator.choice([-1, 1], shape) for shape in (src, *weight))
    values = [random(*shape) * sign.astype(np.float32) for shape, sign in zip((src, *weight), signs)]
    return [values[0], generator.integers(0, src[axis], index), bounds, *values[1:]]


def test_gathered_segments(library: libraries.Library) -> None:
    for shapes, reduce in itertools.product(GATHER_SEGMENT_SHAPES, GATHER_SEGMENT_REDUCES):
        arrays = gathered_segments(*shapes)
        expected = defined("gather_segment", reduce, "_csr")(*arrays)
        given = list(map(library.make, arrays))
        assert_results(library, function("gather_segment", reduce, "_csr")(*given), expected)
        values = expected[0] if isinstance(expected, tuple) else expected
        assert_results(library, ts.gather_segment_csr(*given, reduce=reduce), values)


def test_gathered_segments_with_an_out(library: libraries.Library) -> None:
    arrays = gathered_segments(*GATHER_SEGMENT_SHAPES[2])
    for reduce in GATHER_SEGMENT_REDUCES:
        out = library.make(random(GROUPS, 6))
        given = function("gather_segment", reduce, "_csr")(*map(library.make, arrays), out=out)
        assert_results(library, given, defined("gather_segment", reduce, "_csr")(*arrays))
        assert ((given[0] if isinstance(given, tuple) else given) is out) == library.writes_out


def test_gathered_segments_of_every_type(library: libraries.Library) -> None:
    """Results have the types of src and index. Weights have src's type, or float32 beside 16-bit floats."""
    src, index, indptr, weight = gathered_segments(*GATHER_SEGMENT_SHAPES[2])
    for dtype, index_dtype in itertools.product(library.dtypes, ("int32", "int64")):
        values = (src * 2).astype(libraries.DTYPES[dtype])
        bounds = [array.astype(index_dtype) for array in (index, indptr)]
        is_half = dtype in ("float16", "bfloat16")
        for factor_dtype in (dtype, "float32") if is_half else (dtype,):
            arrays = [values, *bounds, (weight * 2).astype(libraries.DTYPES[factor_dtype])]
            for reduce in ("mean", "max"):
                expected = defined("gather_segment", reduce, "_csr")(*arrays)
                given = function("gather_segment", reduce, "_csr")(*map(library.make, arrays))
                assert_results(library, given, expected, rtol=0 if is_half else 2e-6)
                results = list(map(library.back, given if isinstance(given, tuple) else (given,)))
                assert [each.dtype for each in results] == [libraries.DTYPES[dtype], np.dtype(index_dtype)][
                    : len(results)
                ]


def test_sums_of_weighted_16_bit_floats_are_rounded_once(library: libraries.Library) -> None:
    """0.1 as float32 is no float16, and neither are most of its products."""
    for dtype in set(library.dtypes) & {"float16", "bfloat16"}:
        src = np.full((1, 2), 3, libraries.DTYPES[dtype])
        index, indptr, weight = np.zeros(1000, np.int64), np.array([0, 1000]), np.full(1000, 0.1, np.float32)
        given = library.back(ts.gather_segment_csr(*map(library.make, (src, index, indptr, weight))))
        np.testing.assert_array_equal(given, np.full((1, 2), 300, libraries.DTYPES[dtype]))


def test_bad_indices_of_gathered_segments(library: libraries.Library) -> None:
    src, weight = random(4, 2) * np.float32(-1), random(5)
    index, indptr = np.array([0, 4, 3, -1, 2]), np.array([0, 2, 4, 5])
    arrays = [library.make(array) for array in (src, index, indptr, weight)]
    with pytest.raises(ts.BadIndexError, match=r"index\[1\].* is 4, outside 0 to 3") as caught:
        ts.gather_segment_csr(*arrays)
    assert (caught.value.position, caught.value.value) == (1, 4)
    with pytest.raises(ts.BadIndexError, match=r"indptr\[3\].* is 6"):
        ts.gather_segment_csr(arrays[0], library.make(index % 4), library.make(np.array([0, 2, 4, 6])))
    # The elements 1 and 3 are left out. They count in no mean, and win no maximum, although the others are negative.
    left = np.array([0, 2, 4])
    expected = src[index[left]] * weight[left, None]
    with ts.unchecked():
        mean, (largest, positions) = ts.gather_segment_mean_csr(*arrays), ts.gather_segment_max_csr(*arrays)
    np.testing.assert_array_equal(library.back(mean), expected)
    np.testing.assert_array_equal(library.back(largest), expected)
    np.testing.assert_array_equal(library.back(positions), np.repeat(left[:, None], 2, axis=1))
    # The definition leaves them out too.
    definition = numpy_functions.DEFINITIONS.gather_segment_csr
    np.testing.assert_array_equal(definition(src, index, indptr, weight, reduce="mean")[0], expected)
    np.testing.assert_array_equal(definition(src, index, indptr, weight, reduce="max")[1][:, 0], left)


#: The operators with destinations: what their functions' names have before the reduction, and after it.
BY_DESTINATION = {"gather_scatter": ("gather_scatter", ""), "gather_segment_coo": ("gather_segment", "_coo")}
by_destination = pytest.mark.parametrize("operator", BY_DESTINATION)

#: Of the operators with destinations: the shapes of src, index, destination and weight.
GATHER_SCATTER_SHAPES: list[tuple[tuple[int, ...], ...]] = [
    ((9, 6), (40,), (40,)),
    ((9, 6), (40,), (40,), (40,)),
    ((9, 2, 3), (40,), (40,), (40, 3)),
    ((3, 9, 4), (1, 40), (3, 40), (3, 40)),
    ((3, 9, 4), (3, 40), (1, 40), (1, 40, 4)),
]


def gathered_groups(
    operator: str, src: tuple[int, ...], index: tuple[int, ...], destination: tuple[int, ...], *weight: Any
) -> Any:
    """src, index, destination and maybe weight of these shapes; src and weight have both signs. The destinations are
    sorted for the operator that takes only such ones."""
    generator = np.random.default_rng(len(src))
    signs = (generator.choice([-1, 1], shape) for shape in (src, *weight))
    values = [random(*shape) * sign.astype(np.float32) for shape, sign in zip((src, *weight), signs)]
    rows = generator.integers(0, src[len(index) - 1], index)
    groups = generator.integers(0, GROUPS, destination)
    return [values[0], rows, np.sort(groups) if operator == "gather_segment_coo" else groups, *values[1:]]


def named(operator: str, reduce: str) -> tuple[str, str, str]:
    """What `function` and `defined` take."""
    before, after = BY_DESTINATION[operator]
    return before, reduce, after


@by_destination
def test_gathered_groups(operator: str, library: libraries.Library) -> None:
    """The last two of the groups are empty."""
    for shapes, reduce in itertools.product(GATHER_SCATTER_SHAPES, GATHER_SCATTER_REDUCES):
        arrays = gathered_groups(operator, *shapes)
        expected = defined(*named(operator, reduce))(*arrays, dim_size=GROUPS + 2)
        given = list(map(library.make, arrays))
        assert_results(library, function(*named(operator, reduce))(*given, dim_size=GROUPS + 2), expected)
        values = expected[0] if isinstance(expected, tuple) else expected
        assert_results(library, getattr(ts, operator)(*given, dim_size=GROUPS + 2, reduce=reduce), values)
        # Without a dim_size, the destinations tell the number of groups.
        expected = defined(*named(operator, reduce))(*arrays)
        assert_results(library, function(*named(operator, reduce))(*given), expected)


@by_destination
def test_gathered_groups_with_an_out(operator: str, library: libraries.Library) -> None:
    arrays = gathered_groups(operator, *GATHER_SCATTER_SHAPES[1])
    for reduce in GATHER_SCATTER_REDUCES:
        out = library.make(random(GROUPS + 1, 6))
        given = function(*named(operator, reduce))(*map(library.make, arrays), out=out)
        assert_results(library, given, defined(*named(operator, reduce))(*arrays, dim_size=GROUPS + 1))
        assert ((given[0] if isinstance(given, tuple) else given) is out) == library.writes_out


@by_destination
def test_gathered_groups_of_every_type(operator: str, library: libraries.Library) -> None:
    """Results have the types of src and index. Weights have src's type, or float32 beside 16-bit floats."""
    src, index, destination, weight = gathered_groups(operator, *GATHER_SCATTER_SHAPES[1])
    for dtype, index_dtype in itertools.product(library.dtypes, ("int32", "int64")):
        values = (src * 2).astype(libraries.DTYPES[dtype])
        places = [array.astype(index_dtype) for array in (index, destination)]
        is_half = dtype in ("float16", "bfloat16")
        for factor_dtype in (dtype, "float32") if is_half else (dtype,):
            arrays = [values, *places, (weight * 2).astype(libraries.DTYPES[factor_dtype])]
            for reduce in ("mean", "max"):
                expected = defined(*named(operator, reduce))(*arrays)
                given = function(*named(operator, reduce))(*map(library.make, arrays))
                assert_results(library, given, expected, rtol=0 if is_half else 2e-6)
                results = list(map(library.back, given if isinstance(given, tuple) else (given,)))
                types = [libraries.DTYPES[dtype], np.dtype(index_dtype)]
                assert [each.dtype for each in results] == types[: len(results)]


def test_gathered_groups_are_the_same_every_time(library: libraries.Library) -> None:
    generator = np.random.default_rng(1)
    src = library.make(generator.normal(size=(1000, 4)).astype(np.float32))
    arrays = [library.make(generator.integers(0, size, 200_000)) for size in (1000, 100)]
    first, *others = (library.back(ts.gather_scatter(src, *arrays)) for _ in range(3))
    assert all(np.array_equal(first, other) for other in others)


def test_sorted_destinations_give_the_bits_of_any_order(library: libraries.Library) -> None:
    generator = np.random.default_rng(2)
    src = library.make(generator.normal(size=(1000, 4)).astype(np.float32))
    index = library.make(generator.integers(0, 1000, 50_000))
    destination = library.make(np.sort(generator.integers(0, 100, 50_000)))
    for reduce in GATHER_SCATTER_REDUCES:
        given = function(*named("gather_segment_coo", reduce))(src, index, destination)
        expected = function(*named("gather_scatter", reduce))(src, index, destination)
        for result, wanted in zip(*((each if isinstance(each, tuple) else (each,)) for each in (given, expected))):
            np.testing.assert_array_equal(library.back(result), library.back(wanted))


def test_destinations_that_are_not_sorted_are_refused(library: libraries.Library) -> None:
    src, index = library.make(random(4, 2)), library.make(np.array([0, 3, 2, 1]))
    with pytest.raises(ts.BadIndexError, match=r"destination\[2\].* is 0, less than the 1 before it") as caught:
        ts.gather_segment_coo(src, index, library.make(np.array([0, 1, 0, 1])))
    assert (caught.value.position, caught.value.value) == (2, 0)
    # Elements outside are left out, in front of the others and behind them.
    for destination in ([-1, 0, 0, 2], [0, 1, 1, -1], [0, 0, 1, 1]):
        with ts.unchecked():
            given, expected = (
                sums(src, index, library.make(np.array(destination)), dim_size=2)
                for sums in (ts.gather_segment_coo, ts.gather_scatter)
            )
        np.testing.assert_array_equal(library.back(given), library.back(expected))


def test_bad_indices_of_gathered_groups(library: libraries.Library) -> None:
    src, weight = random(4, 2) * np.float32(-1), random(6)
    index, destination = np.array([0, 4, 3, -1, 2, 1]), np.array([0, 0, 1, 1, 2, 3])
    arrays = [library.make(array) for array in (src, index, destination, weight)]
    with pytest.raises(ts.BadIndexError, match=r"index\[1\].* is 4, outside 0 to 3") as caught:
        ts.gather_scatter(*arrays)
    assert (caught.value.position, caught.value.value) == (1, 4)
    good = library.make(index % 4)
    with pytest.raises(ts.BadIndexError, match=r"destination\[5\].* is 3, outside 0 to 2"):
        ts.gather_scatter(arrays[0], good, arrays[2], dim_size=3)
    # The elements 1, 3 and 5 are left out. They count in no mean, and win no maximum, although the others are negative.
    left = np.array([0, 2, 4])
    expected = src[index[left]] * weight[left, None]
    with ts.unchecked():
        mean = ts.gather_scatter_mean(*arrays, dim_size=3)
        largest, positions = ts.gather_scatter_max(*arrays, dim_size=3)
    np.testing.assert_array_equal(library.back(mean), expected)
    np.testing.assert_array_equal(library.back(largest), expected)
    np.testing.assert_array_equal(library.back(positions), np.repeat(left[:, None], 2, axis=1))
    # The definition leaves them out too.
    definition = numpy_functions.DEFINITIONS.gather_scatter
    (mean,) = definition(src, index, destination, weight, dim_size=3, reduce="mean")
    np.testing.assert_array_equal(mean, expected)
    np.testing.assert_array_equal(definition(src, index, destination, weight, dim_size=3, reduce="max")[1][:, 0], left)


def test_groupings(library: libraries.Library) -> None:
    """perm and indptr have index's type. Each row has a grouping of its own, and some groups are empty."""
    generator = np.random.default_rng(3)
    for shape, dtype in itertools.product([(40,), (3, 40), (2, 3, 40), (2, 0)], ("int32", "int64")):
        index = generator.integers(0, GROUPS, shape).astype(dtype)
        for options in ({}, {"dim_size": GROUPS + 3}, {"dim_size": np.int64(GROUPS)}):
            given = ts.group_index(library.make(index), **options)
            results, expected = list(map(library.back, given)), defined("group", "index")(index, **options)
            assert all(library.is_one(each) for each in given)
            assert [each.dtype for each in results] == [np.dtype(dtype)] * 2
            for result, wanted in zip(results, expected):
                np.testing.assert_array_equal(result, wanted)


def test_a_grouping_gives_the_segments_of_a_sum(library: libraries.Library) -> None:
    src, index = library.make(random(40, 5)), library.make(groups(40))
    # A library that only describes its arrays gets results of another one.
    perm, indptr = (library.make(library.back(each)) for each in ts.group_index(index, GROUPS))
    given = ts.gather_segment_csr(src, perm, indptr)
    np.testing.assert_array_equal(library.back(given), library.back(ts.scatter(src, index, 0, dim_size=GROUPS)))


def test_bad_indices_of_groupings(library: libraries.Library) -> None:
    index = np.array([2, -1, 0, 3, 2, 0])
    with pytest.raises(ts.BadIndexError, match=r"index\[1\].* is -1, outside 0 to 2") as caught:
        ts.group_index(library.make(index), 3)
    assert (caught.value.position, caught.value.value) == (1, -1)
    with ts.unchecked():
        perm, indptr = map(library.back, ts.group_index(library.make(index), 3))
    assert perm.tolist() == [2, 5, 0, 4, 1, 3]
    assert indptr.tolist() == [0, 2, 2, 4]
    # The definition leaves them out too.
    definition = numpy_functions.DEFINITIONS.group_index(index, dim_size=3)
    assert [each.tolist() for each in definition] == [perm.tolist(), indptr.tolist()]


def test_composites(library: libraries.Library) -> None:
    src, index = random(*SHAPE), groups(SHAPE[1])
    calls: list[tuple[str, dict[str, Any]]] = [
        ("softmax", {}),
        ("log_softmax", {}),
        ("log_softmax", {"eps": 0.25}),
        ("logsumexp", {}),
        ("logsumexp", {"eps": 0.25}),
        ("std", {}),
        ("std", {"unbiased": False}),
    ]
    for what, options in calls:
        given = function("scatter", what)(library.make(src), library.make(index), 1, **options)
        expected = defined("scatter", what)(src, index, dim=1, **options)
        assert_results(library, given, expected, rtol=1e-5, atol=1e-6)


#: A composite over segments, and its options.
COMPOSITES_CSR: list[tuple[str, dict[str, Any]]] = [
    ("softmax", {}),
    ("log_softmax", {}),
    ("log_softmax", {"eps": 0.25}),
    ("logsumexp", {}),
    ("logsumexp", {"eps": 0.25}),
    ("std", {}),
    ("std", {"unbiased": False}),
]


def composite_csr(what: str) -> tuple[Any, Any]:
    """The function and its definition."""
    return getattr(ts, f"{what}_csr"), getattr(numpy_functions, f"{what}_csr")


def test_composites_over_segments(library: libraries.Library) -> None:
    """One segment is empty. The first elements and the last ones are in none."""
    src = random(*SHAPE)
    of_row = np.array([[2, 5, 5, 14, 38], [0, 1, 20, 20, 40], [0, 0, 39, 40, 40]])
    for (what, options), bounds in itertools.product(
        COMPOSITES_CSR, (of_row[:1], of_row[[0, 1, 2, 0, 1, 2, 0]], of_row[:1, :1])
    ):
        call, definition = composite_csr(what)
        given = call(library.make(src), library.make(bounds), **options)
        assert_results(library, given, definition(src, bounds, **options), rtol=1e-5, atol=1e-6)
    column, bounds = src[0, :, 0].copy(), of_row[0]
    for what, options in COMPOSITES_CSR:
        call, definition = composite_csr(what)
        given = call(library.make(column), library.make(bounds), **options)
        assert_results(library, given, definition(column, bounds, **options), rtol=1e-5, atol=1e-6)


def test_composites_over_segments_of_every_type(library: libraries.Library) -> None:
    floats = [dtype for dtype in library.dtypes if "float" in dtype]
    for dtype, index_dtype in itertools.product(floats, ("int32", "int64")):
        src, indptr = random(40, 5, dtype=dtype), np.array([0, 3, 3, 11, 39]).astype(index_dtype)
        rtol = ULPS.get(dtype, 1e-5)
        for what in dict(COMPOSITES_CSR):
            call, definition = composite_csr(what)
            given = call(library.make(src), library.make(indptr))
            assert library.back(given).dtype == libraries.DTYPES[dtype]
            assert_results(library, given, definition(src, indptr), rtol=rtol, atol=1e-6)


def test_composites_over_segments_agree_with_those_over_groups(library: libraries.Library) -> None:
    src, index = library.make(random(40, 5)), np.sort(groups(40))
    indptr, index = library.make(np.searchsorted(index, np.arange(GROUPS + 1))), library.make(index)
    for what in dict(COMPOSITES_CSR):
        expected = library.back(function("scatter", what)(src, index, 0))
        np.testing.assert_allclose(library.back(composite_csr(what)[0](src, indptr)), expected, rtol=1e-5, atol=1e-6)


def test_bad_bounds_of_composites_over_segments(library: libraries.Library) -> None:
    src = library.make(random(4))
    for what in dict(COMPOSITES_CSR):
        call, definition = composite_csr(what)
        for bounds, position, value in (([0, 3, 2, 4], 2, 2), ([0, 2, 5], 2, 5), ([-1, 2, 4], 0, -1)):
            with pytest.raises(ts.BadIndexError, match=rf"indptr\[{position}\]") as caught:
                call(src, library.make(np.array(bounds)))
            assert (caught.value.position, caught.value.value) == (position, value)
            with pytest.raises(IndexError):
                definition(random(4), np.array(bounds))
    # Unchecked bounds are clamped to [0, E].
    with ts.unchecked():
        given = library.back(ts.softmax_csr(src, library.make(np.array([-3, 2, 9]))))
    np.testing.assert_array_equal(given, library.back(ts.softmax_csr(src, library.make(np.array([0, 2, 4])))))


#: Of attention_csr: the shapes of src, index, indptr and score.
ATTENTION_SHAPES = [shapes for shapes in GATHER_SEGMENT_SHAPES if len(shapes) == 4]


def test_attention_over_segments(library: libraries.Library) -> None:
    """It is a softmax, and then a weighted sum."""
    for shapes in ATTENTION_SHAPES:
        arrays = gathered_segments(*shapes)
        src, index, indptr, score = map(library.make, arrays)
        given = ts.attention_csr(src, index, indptr, score)
        assert_results(library, given, numpy_functions.attention_csr(*arrays), rtol=1e-5, atol=1e-6)
        # A library that only describes its arrays gets results of another one.
        weight = library.make(library.back(ts.softmax_csr(score, indptr)))
        expected = library.back(ts.gather_segment_csr(src, index, indptr, weight))
        np.testing.assert_allclose(library.back(given), expected, rtol=1e-5, atol=1e-6)


def test_on_the_cpu_attention_has_the_bits_of_a_softmax_and_a_weighted_sum() -> None:
    for dtype in (np.float32, np.float64):
        for shapes in ATTENTION_SHAPES:
            src, index, indptr, score = gathered_segments(*shapes)
            # Thirds are rounded in every step.
            src, score = (src / 3).astype(dtype), (score / 3).astype(dtype)
            expected = ts.gather_segment_csr(src, index, indptr, ts.softmax_csr(score, indptr))
            np.testing.assert_array_equal(ts.attention_csr(src, index, indptr, score), expected)


def test_attention_with_an_out(library: libraries.Library) -> None:
    arrays = gathered_segments(*ATTENTION_SHAPES[1])
    out = library.make(random(GROUPS, 6))
    given = ts.attention_csr(*map(library.make, arrays), out=out)
    assert_results(library, given, numpy_functions.attention_csr(*arrays), rtol=1e-5, atol=1e-6)
    assert (given is out) == library.writes_out


def test_attention_of_every_type(library: libraries.Library) -> None:
    """Scores have src's type, or float32 beside 16-bit floats."""
    src, index, indptr, score = gathered_segments(*ATTENTION_SHAPES[1])
    floats = [dtype for dtype in library.dtypes if "float" in dtype]
    for dtype, index_dtype in itertools.product(floats, ("int32", "int64")):
        for score_dtype in (dtype, "float32") if dtype in ULPS else (dtype,):
            arrays = [src.astype(libraries.DTYPES[dtype]), index.astype(index_dtype), indptr.astype(index_dtype)]
            arrays.append(score.astype(libraries.DTYPES[score_dtype]))
            given = ts.attention_csr(*map(library.make, arrays))
            assert library.back(given).dtype == libraries.DTYPES[dtype]
            expected = numpy_functions.attention_csr(*arrays)
            assert_results(library, given, expected, rtol=ULPS.get(dtype, 1e-5), atol=1e-6)


def test_attention_of_16_bit_floats_is_rounded_once(library: libraries.Library) -> None:
    for dtype in set(library.dtypes) & set(ULPS):
        # 0.001 is no 16-bit float, and neither are sums of it.
        src, index, indptr = np.full((1, 2), 3, libraries.DTYPES[dtype]), np.zeros(1000, np.int64), np.array([0, 1000])
        for score_dtype in (dtype, "float32"):
            score = np.ones(1000, libraries.DTYPES[score_dtype])
            given = library.back(ts.attention_csr(*map(library.make, (src, index, indptr, score))))
            np.testing.assert_array_equal(given, src)
        # As 16-bit floats, these scores would be equal.
        src, score = np.array([1, 3], libraries.DTYPES[dtype]), np.array([20_000.5, 20_000], np.float32)
        given = library.back(ts.attention_csr(*map(library.make, (src, np.array([0, 1]), np.array([0, 2]), score))))
        share = 1 / (1 + np.exp(-0.5))
        np.testing.assert_allclose(given.astype(np.float64), [share + 3 * (1 - share)], rtol=ULPS[dtype])


def test_scores_beyond_numbers(library: libraries.Library) -> None:
    """What a score spoils is its own segment, and its own head there."""
    nan, inf = np.nan, np.inf
    of_segments = [[nan, 0], [inf, 0], [-inf, -inf], [-inf, 1], [2, 2]]
    score = np.array([[value, 0] for of_segment in of_segments for value in of_segment], np.float32)
    src, index, indptr = np.array([[1, 1], [3, 3]], np.float32), np.array([0, 1] * 5), np.array([0, 2, 4, 6, 8, 10, 10])
    given = library.back(ts.attention_csr(*map(library.make, (src, index, indptr, score))))
    np.testing.assert_allclose(given[:, 0], [nan, nan, nan, 3, 2, 0], rtol=1e-6)
    np.testing.assert_allclose(given[:, 1], [2, 2, 2, 2, 2, 0], rtol=1e-6)
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(numpy_functions.attention_csr(src, index, indptr, score), given, rtol=1e-6)


def test_attention_is_the_same_every_time(library: libraries.Library) -> None:
    generator = np.random.default_rng(1)
    src, score = (library.make(generator.normal(size=shape).astype(np.float32)) for shape in ((1000, 4), (200_000, 2)))
    index, indptr = generator.integers(0, 1000, 200_000), np.sort(generator.integers(0, 200_000, 101))
    arrays = [src, library.make(index), library.make(indptr), score]
    first, *others = (library.back(ts.attention_csr(*arrays)) for _ in range(3))
    assert all(np.array_equal(first, other) for other in others)


def test_bad_indices_of_attention(library: libraries.Library) -> None:
    src, score = random(4, 2), np.array([0, 100, 0, np.nan, 5, 1], np.float32)
    index, indptr = np.array([0, 4, 3, -1, 2, 9]), np.array([0, 2, 4, 5, 6])
    arrays = [library.make(array) for array in (src, index, indptr, score)]
    with pytest.raises(ts.BadIndexError, match=r"index\[1\].* is 4, outside 0 to 3") as caught:
        ts.attention_csr(*arrays)
    assert (caught.value.position, caught.value.value) == (1, 4)
    good = library.make(index % 4)
    with pytest.raises(ts.BadIndexError, match=r"indptr\[3\].* is 7"):
        ts.attention_csr(arrays[0], good, library.make(np.array([0, 2, 4, 7])), arrays[3])
    # The elements 1, 3 and 5 are in no segment: neither their rows nor their scores count.
    expected = np.concatenate([src[[0, 3, 2]], np.zeros((1, 2))])
    with ts.unchecked():
        given = library.back(ts.attention_csr(*arrays))
        # Bounds are clamped to [0, E].
        clamped = library.back(ts.attention_csr(*arrays[:2], library.make(np.array([-3, 2, 2, 9])), arrays[3]))
        expected_of_bounds = library.back(
            ts.attention_csr(*arrays[:2], library.make(np.array([0, 2, 2, 6])), arrays[3])
        )
    np.testing.assert_array_equal(given, expected)
    np.testing.assert_array_equal(clamped, expected_of_bounds)
    # The definition leaves them out too.
    np.testing.assert_array_equal(numpy_functions.DEFINITIONS.attention_csr(src, index, indptr, score)[0], expected)


#: Of gather_dot: the shapes of src, index, other, other_index and perhaps weight, and the number of heads.
PAIR_SHAPES = [
    (((6,), (9,), (4,), (9,)), 1),
    (((6, 4), (9,), (5, 4), (9,)), 2),
    (((6, 4), (9,), (5, 4), (9,), (4,)), 4),
    (((7, 2, 33), (11,), (3, 2, 33), (11,), (66,)), 2),
    (((2, 5, 6), (1, 8), (2, 3, 6), (2, 8), (6,)), 3),
    (((2, 3, 5), (2, 3, 7), (2, 3, 4), (1, 3, 7), (1,)), 1),
]


def pairs_of_rows(src: Any, index: Any, other: Any, other_index: Any, weight: Any = None) -> list[np.ndarray]:
    generator = np.random.default_rng(sum(src))
    arrays = [random(*src) - 1, generator.integers(0, src[len(index) - 1], index)]
    arrays += [random(*other) - 1.5, generator.integers(0, other[len(index) - 1], other_index)]
    return arrays if weight is None else [*arrays, random(*weight)]


@pytest.mark.parametrize("combine", ["mul", "add"])
def test_scores_of_pairs(library: libraries.Library, combine: str) -> None:
    for shapes, heads in PAIR_SHAPES:
        arrays = pairs_of_rows(*shapes)
        for slope in (0.5, 1.0):
            options = {"combine": combine, "heads": heads, "negative_slope": slope}
            given = ts.gather_dot(*map(library.make, arrays), **options)
            assert_results(library, given, numpy_functions.gather_dot(*arrays, **options), rtol=1e-5)


def test_scores_of_pairs_with_an_out(library: libraries.Library) -> None:
    arrays = pairs_of_rows(*PAIR_SHAPES[2][0])
    out = library.make(random(9, 2))
    given = ts.gather_dot(*map(library.make, arrays), out=out, heads=2)
    assert_results(library, given, numpy_functions.gather_dot(*arrays, heads=2))
    assert (given is out) == library.writes_out


def test_scores_of_pairs_of_every_type(library: libraries.Library) -> None:
    """Weights have src's type, or float32 beside 16-bit floats."""
    src, index, other, other_index, weight = pairs_of_rows(*PAIR_SHAPES[2][0])
    floats = [dtype for dtype in library.dtypes if "float" in dtype]
    for dtype, index_dtype in itertools.product(floats, ("int32", "int64")):
        for weight_dtype in (dtype, "float32") if dtype in ULPS else (dtype,):
            arrays = [src.astype(libraries.DTYPES[dtype]), index.astype(index_dtype)]
            arrays += [other.astype(libraries.DTYPES[dtype]), other_index.astype(index_dtype)]
            arrays.append(weight.astype(libraries.DTYPES[weight_dtype]))
            given = ts.gather_dot(*map(library.make, arrays), combine="add")
            assert library.back(given).dtype == libraries.DTYPES[dtype]
            expected = numpy_functions.gather_dot(*arrays, combine="add")
            assert_results(library, given, expected, rtol=ULPS.get(dtype, 1e-5))


def test_bad_indices_of_pairs(library: libraries.Library) -> None:
    src, index, other, other_index = random(4, 2), np.array([0, 4, 3, -1, 2]), random(3, 2), np.array([0, 1, 3, 2, 2])
    arrays = [library.make(array) for array in (src, index, other, other_index)]
    with pytest.raises(ts.BadIndexError, match=r"index\[1\].* is 4, outside 0 to 3") as caught:
        ts.gather_dot(*arrays)
    assert (caught.value.position, caught.value.value) == (1, 4)
    with pytest.raises(ts.BadIndexError, match=r"other_index\[2\].* is 3, outside 0 to 2.*unchecked\(\)"):
        ts.gather_dot(arrays[0], library.make(index % 4), *arrays[2:])
    expected = np.array([src[0] @ other[0], 0, 0, 0, src[2] @ other[2]])[:, None]
    with ts.unchecked():
        given = library.back(ts.gather_dot(*arrays))
    np.testing.assert_array_equal(given, expected)
    # The definition has zeros there too.
    np.testing.assert_array_equal(numpy_functions.DEFINITIONS.gather_dot(src, index, other, other_index)[0], expected)


def test_results_have_the_types_of_src_and_index(library: libraries.Library) -> None:
    for dtype, index_dtype in itertools.product(library.dtypes, ("int32", "int64")):
        src, index = random(40, dtype=dtype), groups(40).astype(index_dtype)
        out, arg_out = map(library.back, ts.scatter_max(library.make(src), library.make(index)))
        assert (out.dtype, arg_out.dtype) == (libraries.DTYPES[dtype], np.dtype(index_dtype))
        expected, positions = defined("scatter", "max")(src, index)
        np.testing.assert_array_equal(out.astype(np.float64), expected.astype(np.float64))
        np.testing.assert_array_equal(arg_out, positions)
        # A mean of integers rounds down, which only negative ones tell from rounding to 0.
        mean = library.back(ts.scatter_mean(library.make(-src), library.make(index)))
        expected = defined("scatter", "mean")(-src, index)
        assert mean.dtype == expected.dtype
        np.testing.assert_array_equal(mean.astype(np.float64), expected.astype(np.float64))


def test_a_bad_index_is_told(library: libraries.Library) -> None:
    src, index = library.make(random(4)), np.array([0, 1, -7, 9])
    with pytest.raises(ts.BadIndexError, match=r"index\[2\].* is -7") as caught:
        ts.scatter(src, library.make(index), dim_size=3)
    assert (caught.value.position, caught.value.value) == (2, -7)
    with pytest.raises(IndexError, match=r"index\[2\] .* is 1, less than the 2 before it"):
        ts.segment_coo(src, library.make(np.array([0, 2, 1, 2])))
    with pytest.raises(IndexError, match=r"indptr\[2\]"):
        ts.segment_csr(src, library.make(np.array([0, 3, 2, 4])))


def test_bad_indices_are_left_out_of_unchecked_calls(library: libraries.Library) -> None:
    src, index = random(4), np.array([0, 1, -7, 9])
    with ts.unchecked():
        given = library.back(ts.scatter(library.make(src), library.make(index), dim_size=3))
    np.testing.assert_array_equal(given, [src[0], src[1], 0])
    with pytest.raises(IndexError):
        ts.scatter(library.make(src), library.make(index), dim_size=3)


def test_deterministic_sums_are_the_same_every_time(library: libraries.Library) -> None:
    src = np.random.default_rng(1).normal(size=200_000).astype(np.float32)
    index = np.random.default_rng(2).integers(0, 100, src.shape)
    arrays = library.make(src), library.make(index)
    with ts.deterministic():
        first, *others = (library.back(ts.scatter(*arrays)) for _ in range(3))
    assert all(np.array_equal(first, other) for other in others)
    expected = np.bincount(index, src.astype(np.float64))
    np.testing.assert_allclose(first, expected, rtol=1e-4, atol=1e-3)


def test_no_elements(library: libraries.Library) -> None:
    src, index = random(0, 3), np.zeros(0, np.int64)
    assert library.back(ts.scatter(library.make(src), library.make(index), 0)).shape == (0, 3)
    given = library.back(ts.scatter(library.make(src), library.make(index), 0, dim_size=2))
    np.testing.assert_array_equal(given, np.zeros((2, 3)))
    assert library.back(ts.gather_coo(library.make(random(2, 3)), library.make(index))).shape == (0, 3)
    perm, indptr = map(library.back, ts.group_index(library.make(index)))
    assert (perm.shape, indptr.tolist()) == ((0,), [0])
    perm, indptr = map(library.back, ts.group_index(library.make(index), 2))
    assert (perm.shape, indptr.tolist()) == ((0,), [0, 0, 0])
    for bounds in ([0, 0, 0], [0], []):
        arrays = library.make(src), library.make(np.array(bounds, np.int64))
        assert library.back(ts.softmax_csr(*arrays)).shape == library.back(ts.log_softmax_csr(*arrays)).shape == (0, 3)
        for each in (ts.logsumexp_csr(*arrays), ts.std_csr(*arrays)):
            np.testing.assert_array_equal(library.back(each), np.zeros((max(len(bounds) - 1, 0), 3)))
    # No elements, and no rows either.
    for rows, weight in itertools.product((2, 0), ([], [library.make(np.zeros((0, 3), np.float32))])):
        arrays = library.make(random(rows, 3)), library.make(index), library.make(np.zeros(3, np.int64))
        given = [ts.gather_segment_max_csr(*arrays, *weight)]
        for largest in (ts.gather_scatter_max, ts.gather_segment_max_coo):
            given.append(largest(arrays[0], arrays[1], arrays[1], *weight, dim_size=2))
        for out, arg_out in (map(library.back, results) for results in given):
            np.testing.assert_array_equal(out, np.zeros((2, 3)))
            np.testing.assert_array_equal(arg_out, np.zeros((2, 3)))
    for rows, heads, bounds in itertools.product((2, 0), ((), (3,)), ([0, 0, 0], [0], [])):
        arrays = library.make(random(rows, 3)), library.make(index), library.make(np.array(bounds, np.int64))
        out = library.back(ts.attention_csr(*arrays, library.make(np.zeros((0, *heads), np.float32))))
        np.testing.assert_array_equal(out, np.zeros((max(len(bounds) - 1, 0), 3)))
    for rows, others in itertools.product((2, 0), (3, 0)):
        arrays = library.make(random(rows, 4)), library.make(index), library.make(random(others, 4))
        assert library.back(ts.gather_dot(*arrays, arrays[1], heads=2)).shape == (0, 2)
    arrays = library.make(random(2, 0)), library.make(np.zeros(5, np.int64)), library.make(random(3, 0))
    np.testing.assert_array_equal(library.back(ts.gather_dot(*arrays, arrays[1], heads=3)), np.zeros((5, 3)))
