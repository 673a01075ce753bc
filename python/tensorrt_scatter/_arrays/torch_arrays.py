"""torch's tensors, on the CPU or on a CUDA device, on torch's current stream."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from .._c_abi import CPU
from .base import Arrays, View, checked_dtype


class TorchArrays(Arrays):
    """torch's tensors."""

    @staticmethod
    def takes(array: Any) -> bool:
        torch = sys.modules.get("torch")
        return torch is not None and isinstance(array, torch.Tensor)

    def device_of(self, name: str, array: Any) -> int:
        kind = array.device.type
        if kind == "cpu":
            return CPU
        if kind == "cuda" and _torch().version.cuda is not None:
            return int(array.device.index)
        raise ValueError(f"{name} is on device {array.device}; expected the CPU or a CUDA device: move it by .to()")

    @property
    def stream(self) -> int:
        return 0 if self.device == CPU else int(_torch().cuda.current_stream(self.device).cuda_stream)

    def view(self, name: str, array: Any) -> View:
        torch = _torch()
        if array.requires_grad and torch.is_grad_enabled():
            raise RuntimeError(
                f"{name} requires a gradient, which these operators do not record; give {name}.detach(), or call them "
                "under torch.no_grad()"
            )
        if array.layout is not torch.strided:
            raise ValueError(f"{name} has layout {array.layout}; expected a dense tensor: give {name}.to_dense()")
        dtype = checked_dtype(name, str(array.dtype).removeprefix("torch."))
        row_major = array.detach().contiguous()
        is_array = row_major.data_ptr() == array.data_ptr()
        return View(row_major.data_ptr(), dtype, tuple(row_major.shape), row_major, is_array)

    def empty(self, shape: Sequence[int], like: Any) -> Any:
        return _torch().empty(tuple(shape), dtype=like.dtype, device=like.device)

    def scratch(self, count: int) -> View:
        torch = _torch()
        memory = torch.empty(count, dtype=torch.uint8, device=f"cuda:{self.device}")
        return View(memory.data_ptr(), "uint8", (count,), memory, is_array=True)

    def store(self, out: Any, result: Any) -> Any:
        return out.copy_(result)


def _torch() -> Any:
    # The caller imported it: there was a tensor.
    return sys.modules["torch"]
