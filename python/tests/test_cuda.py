"""Tests that need a CUDA device: streams, graphs, contexts, several devices."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest
from libraries import check_torch_finds_a_device

import tensorrt_scatter as ts
from tensorrt_scatter._c_abi import Options, Target, Tensor
from tensorrt_scatter._declarations import MEAN
from tensorrt_scatter._device_memory import DeviceArray
from tensorrt_scatter._errors import check
from tensorrt_scatter._library import loaded


@pytest.fixture
def torch() -> Any:
    module = pytest.importorskip("torch")
    check_torch_finds_a_device(module)
    return module


def test_work_waits_for_what_is_in_the_stream(torch: Any) -> None:
    src, index = torch.zeros(1000, device="cuda"), torch.arange(1000, device="cuda") % 10
    ts.scatter(src, index, dim_size=10)  # loads the kernels
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream), ts.unchecked():
        torch.cuda._sleep(200_000_000)
        src.fill_(1)
        sums = ts.scatter(src, index, dim_size=10)
        # The work is queued, not waited for.
        assert not stream.query()
    stream.synchronize()
    assert sums.tolist() == [100] * 10


def test_unchecked_calls_are_captured_in_a_graph(torch: Any) -> None:
    src, index = torch.rand(1000, 8, device="cuda"), (torch.arange(1000, device="cuda") // 100)
    indptr = torch.arange(0, 1001, 100, device="cuda")
    out = torch.zeros(10, 8, device="cuda")

    def calls() -> list[Any]:
        return [
            ts.scatter(src, index, 0, dim_size=10),
            *ts.scatter_max(src, index, 0, out),
            ts.segment_coo(src, index, dim_size=10),
            ts.segment_csr(src, indptr),
            ts.gather_coo(out, index),
            ts.gather_csr(out, indptr, torch.empty_like(src)),
            ts.gather_segment_csr(out, index, indptr, src[:, :2].contiguous()),
            *ts.gather_segment_max_csr(out, index, indptr),
            *ts.group_index(index, 10),
            ts.gather_scatter(out, index, index, src[:, :2].contiguous(), 10),
            *ts.gather_scatter_max(out, index, index, dim_size=10),
            ts.gather_segment_coo(out, index, index, src[:, :2].contiguous(), 10),
            *ts.gather_segment_max_coo(out, index, index, dim_size=10),
            ts.scatter_softmax(src, index, 0, dim_size=10),
            ts.scatter_std(src, index, 0, dim_size=10),
            ts.softmax_csr(src, indptr),
            ts.log_softmax_csr(src, indptr),
            ts.logsumexp_csr(src, indptr),
            ts.std_csr(src, indptr),
            ts.attention_csr(out, index, indptr, src[:, :2].contiguous()),
            ts.gather_dot(out, index, out, index, heads=2),
        ]

    with ts.unchecked():
        calls()  # loads the kernels
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            captured = calls()
        src.copy_(torch.rand(1000, 8, device="cuda"))
        out.zero_()
        graph.replay()
        replayed = [result.clone() for result in captured]
        out.zero_()
        for given, expected in zip(replayed, calls()):
            torch.testing.assert_close(given, expected)


def test_the_threads_context_stays_what_it_was(torch: Any) -> None:
    driver = ctypes.CDLL("libcuda.so.1")
    before, after = ctypes.c_void_p(), ctypes.c_void_p()
    src = torch.rand(100, device="cuda")
    assert driver.cuCtxGetCurrent(ctypes.byref(before)) == 0
    ts.scatter(src, torch.zeros(100, dtype=torch.int64, device="cuda"))
    assert driver.cuCtxGetCurrent(ctypes.byref(after)) == 0
    assert before.value == after.value


def test_each_device_is_used_where_its_arrays_are(torch: Any) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("there is one CUDA device")
    for device in ("cuda:1", "cuda:0"):
        src = torch.ones(100, device=device)
        sums = ts.scatter(src, torch.arange(100, device=device) % 4)
        assert (sums.device, sums.tolist()) == (src.device, [25] * 4)
        assert torch.cuda.current_device() == 0
    with pytest.raises(ValueError, match="src is on CUDA device 0, but index on CUDA device 1"):
        ts.scatter(src, torch.zeros(100, dtype=torch.int64, device="cuda:1"))


def test_arrays_on_cpu_and_device_are_refused(torch: Any) -> None:
    with pytest.raises(ValueError, match="src is on CUDA device 0, but index on the CPU"):
        ts.scatter(torch.ones(4, device="cuda"), torch.zeros(4, dtype=torch.int64))


def test_a_workspace_that_is_too_small_is_refused(torch: Any) -> None:
    src, index = torch.ones(4, device="cuda"), torch.zeros(4, dtype=torch.int32, device="cuda")
    out = torch.empty(1, device="cuda")
    tensors = [
        ctypes.pointer(Tensor.of(each.data_ptr(), dtype, each.shape))
        for each, dtype in ((src, "float32"), (index, "int32"), (out, "float32"))
    ]
    library, options, target = loaded(), Options.of(reduce=MEAN.number), Target.of(0, 0)
    status = library.trts_scatter(*tensors[:2], None, options, tensors[2], None, target)
    with pytest.raises(ValueError, match=r"the workspace has 0 bytes, but the plan needs \d+"):
        check(library, status)


def test_an_out_that_is_saved_for_backward_is_known_to_be_gone(torch: Any) -> None:
    src, index = torch.ones(4, device="cuda"), torch.tensor([0, 1, 0, 1], device="cuda")
    for out in (torch.zeros(2, device="cuda"), torch.zeros(4, device="cuda")[::2]):
        product = torch.ones(2, device="cuda", requires_grad=True) * out
        version = out._version
        assert ts.scatter(src, index, out=out) is out
        assert out._version > version and out.tolist() == [2, 2]
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            product.sum().backward()


def test_the_negative_bit_is_read_and_kept(torch: Any) -> None:
    index = torch.tensor([0, 1, 0, 1], device="cuda")
    src = torch._neg_view(-torch.tensor([1.0, 5, 2, 3], device="cuda"))
    assert ts.scatter(src, index, reduce="max").tolist() == [2, 5]
    out = torch._neg_view(torch.zeros(2, device="cuda"))
    assert ts.scatter(src, index, out=out) is out
    assert out.is_neg() and out.tolist() == [3, 8]


def test_device_memory_that_cannot_be_had_is_a_memory_error(torch: Any) -> None:
    with pytest.raises(MemoryError):
        DeviceArray(0, (1 << 45,), "float32")
    # The device works as before.
    assert ts.scatter(torch.ones(4, device="cuda"), torch.zeros(4, dtype=torch.int64, device="cuda")).tolist() == [4]


def test_a_device_array_is_taken_by_both_interfaces(torch: Any) -> None:
    array = DeviceArray(0, (2, 3), "float32")
    by_dlpack, by_interface = torch.from_dlpack(array), torch.as_tensor(array, device="cuda")
    by_dlpack.fill_(7)
    torch.cuda.synchronize()
    assert by_interface.tolist() == [[7] * 3] * 2
    del array, by_interface
    np.testing.assert_array_equal(by_dlpack.cpu().numpy(), np.full((2, 3), 7))
    with pytest.raises(BufferError):
        DeviceArray(0, (1,), "int32").__dlpack__(copy=True)
