"""torch's tensors, on the CPU or on a CUDA device, on torch's current stream."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from .._c_abi import CPU
from .._declarations import Declared
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

    def view(self, declared: Declared, array: Any) -> View:
        torch, name = _torch(), declared.name
        if torch.jit.is_tracing():
            raise RuntimeError(
                "torch.jit.trace does not see this call, whose result would be a constant of the traced model; call "
                "the function of the same name in tensorrt_scatter.onnx.ops"
            )
        if array.requires_grad and torch.is_grad_enabled():
            raise RuntimeError(
                f"{name} requires a gradient, which these operators do not record; give {name}.detach(), or call them "
                "under torch.no_grad()"
            )
        _refuse_without_memory(name, array)
        if name == "out" and array.is_inference() and not torch.is_inference_mode_enabled():
            raise RuntimeError(
                "out was made under torch.inference_mode(), and torch lets a call write to it only there; give "
                "out.clone(), or call the operator under torch.inference_mode()"
            )
        dtype = checked_dtype(declared, str(array.dtype).removeprefix("torch."), "{name}.to(torch.{dtype})")
        # In a tensor with the negative bit, the memory holds the elements with the opposite sign.
        row_major = array.detach().resolve_neg().contiguous()
        is_array = row_major.data_ptr() == array.data_ptr() and not array.is_neg()
        return View(row_major.data_ptr(), dtype, tuple(row_major.shape), row_major, is_array)

    def empty(self, shape: Sequence[int], like: Any) -> Any:
        return _torch().empty(tuple(shape), dtype=like.dtype, device=like.device)

    def scratch(self, count: int) -> View:
        torch = _torch()
        memory = torch.empty(count, dtype=torch.uint8, device=f"cuda:{self.device}")
        return View(memory.data_ptr(), "uint8", (count,), memory, is_array=True)

    def store(self, out: Any, result: Any) -> Any:
        return out.copy_(result)

    def written(self, out: Any) -> Any:
        # Autograd must refuse to compute a gradient from a saved value that was overwritten. An in-place operation on
        # zero elements raises the version of the whole tensor, in every release of torch.
        out.detach()[:0].zero_()
        return out


def _refuse_without_memory(name: str, array: Any) -> None:
    """Refuses tensors whose elements are not in memory at their address.

    Raises:
        ValueError: the message names the kind of tensor and what to give instead.
    """
    torch = _torch()
    if array.is_nested or array.layout is not torch.strided:
        kind = "is a nested tensor" if array.is_nested else f"has layout {array.layout}"
        raise ValueError(f"{name} {kind}; expected a dense tensor: give {_dense(name, array)}")
    if array._is_zerotensor():
        raise ValueError(f"{name} is a ZeroTensor, which has no memory; give {name}.clone()")
    if type(array).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__:
        raise ValueError(
            f"{name} is a {type(array).__name__}, which has no memory of its own; these functions compute at once, on "
            "real tensors: torch.export and torch.compile take the functions of tensorrt_scatter.onnx.ops"
        )
    if torch._C._functorch.is_functorch_wrapped_tensor(array) or torch._is_functional_tensor(array):
        raise ValueError(
            f"{name} is a tensor inside torch.vmap, torch.func.grad or torch.func.functionalize, which has no memory "
            "of its own; call the function outside of them"
        )


def _dense(name: str, array: Any) -> str:
    return f"{name}.to_padded_tensor(0)" if array.is_nested else f"{name}.to_dense()"


def _torch() -> Any:
    # The caller imported it: there was a tensor.
    return sys.modules["torch"]
