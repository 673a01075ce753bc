"""Calls in child processes, as DataLoader's workers and multiprocessing make them."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorrt_scatter as ts

SRC = np.arange(200_000, dtype=np.float32)
INDEX = np.arange(200_000) % 100
INDPTR = np.arange(0, 200_001, 1000)

CALLS: dict[str, Callable[[], Any]] = {
    "scatter": lambda: ts.scatter(SRC, INDEX),
    "scatter_max": lambda: ts.scatter_max(SRC, INDEX),
    "segment_csr": lambda: ts.segment_csr(SRC, INDPTR),
    "gather_coo": lambda: ts.gather_coo(SRC, INDEX),
    "scatter_softmax": lambda: ts.scatter_softmax(SRC, INDEX),
    "gather_segment_csr": lambda: ts.gather_segment_csr(SRC, INDEX, INDPTR, SRC),
    "group_index": lambda: ts.group_index(INDEX),
    "gather_scatter": lambda: ts.gather_scatter(SRC, INDEX, INDEX, SRC),
    "gather_segment_coo": lambda: ts.gather_segment_coo(SRC, INDEX, np.sort(INDEX), SRC),
    "softmax_csr": lambda: ts.softmax_csr(SRC, INDPTR),
    "attention_csr": lambda: ts.attention_csr(SRC, INDEX, INDPTR, SRC),
    "gather_dot": lambda: ts.gather_dot(SRC, INDEX, SRC, INDEX),
}


def _call(name: str, answer: multiprocessing.connection.Connection) -> None:
    result = CALLS[name]()
    answer.send(result[0] if isinstance(result, tuple) else result)


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("name", CALLS)
def test_a_childs_calls_end_after_the_parents(name: str, method: str) -> None:
    parents = CALLS[name]()  # starts threads, which a fork does not copy
    context = multiprocessing.get_context(method)
    answer, other = context.Pipe(duplex=False)
    child = context.Process(target=_call, args=(name, other), daemon=True)
    child.start()
    other.close()
    try:
        assert answer.poll(60), "the child did not answer within a minute"
        expected = parents[0] if isinstance(parents, tuple) else parents
        np.testing.assert_array_equal(answer.recv(), expected)
    finally:
        child.kill()
        child.join()


def _bad_index() -> None:
    ts.scatter(SRC[:4], np.array([0, 1, -7, 9]), dim_size=3)


def test_a_workers_error_reaches_its_parent() -> None:
    context, bad = multiprocessing.get_context("spawn"), pytest.raises(ts.BadIndexError, match=r"index\[2\]")
    with context.Pool(1) as pool, bad as caught:
        pool.apply_async(_bad_index).get(60)
    assert (caught.value.position, caught.value.value) == (2, -7)


def test_workers_of_a_data_loader() -> None:
    data = pytest.importorskip("torch.utils.data")

    class Sums(data.Dataset):  # type: ignore[misc, name-defined]
        def __len__(self) -> int:
            return 4

        def __getitem__(self, number: int) -> Any:
            return ts.scatter(SRC + number, INDEX)

    ts.scatter(SRC, INDEX)
    loader = data.DataLoader(Sums(), batch_size=None, num_workers=1, timeout=60)
    for number, sums in enumerate(loader):
        np.testing.assert_array_equal(sums.numpy(), ts.scatter(SRC + number, INDEX))
