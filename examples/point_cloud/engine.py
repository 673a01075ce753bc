"""An engine of an ONNX file, built and run. Needs TensorRT (8.5 or newer) and NumPy, not PyTorch or a CUDA toolkit."""

from __future__ import annotations

import ctypes
import statistics
import sys
from pathlib import Path

import numpy as np
import tensorrt as trt

# The CUDA driver through ctypes, as the tests have it.
sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "tensorrt"))
import cuda  # noqa: E402

LOGGER = trt.Logger(trt.Logger.WARNING)
Arrays = dict[str, np.ndarray]


def load_plugins(library: Path) -> None:
    """Loads the plugin library, which registers itself with TensorRT."""
    if not library.exists():
        raise SystemExit(f"there is no {library}: make it by cargo build --release -p tensorrt-scatter-plugin")
    cuda.use_device()
    ctypes.CDLL(str(library.resolve()), mode=ctypes.RTLD_GLOBAL)


def build(model: Path, smallest: Arrays, largest: Arrays, with_cublas: bool, tf32: bool) -> bytes | None:
    """A serialized engine for inputs from the size of `smallest` to that of `largest`; None where TensorRT cannot."""
    builder = trt.Builder(LOGGER)
    # From TensorRT 10 on there is no other kind of batch.
    explicit = getattr(trt.NetworkDefinitionCreationFlag, "EXPLICIT_BATCH", None)
    network = builder.create_network(1 << int(explicit) if explicit is not None else 0)
    parser = trt.OnnxParser(network, LOGGER)
    if not parser.parse(model.read_bytes()):
        errors = [str(parser.get_error(i)) for i in range(parser.num_errors)]
        raise SystemExit(f"TensorRT cannot parse {model}: {'; '.join(errors)}")
    config = builder.create_builder_config()
    if not tf32:
        # Full float32, as PyTorch computes.
        config.clear_flag(trt.BuilderFlag.TF32)
    if not with_cublas:
        config.set_tactic_sources(0)
    profile = builder.create_optimization_profile()
    for name in smallest:
        low, high = smallest[name].shape, largest[name].shape
        profile.set_shape(name, low, high, high)
    config.add_optimization_profile(profile)
    engine = builder.build_serialized_network(network, config)
    return None if engine is None else bytes(engine)


class Engine:
    """A serialized engine, ready to run."""

    def __init__(self, serialized: bytes) -> None:
        self._runtime = trt.Runtime(LOGGER)
        self._engine = self._runtime.deserialize_cuda_engine(serialized)
        self._context = self._engine.create_execution_context()
        self._stream = cuda.Stream()

    def run(self, inputs: Arrays, repetitions: int) -> tuple[Arrays, float]:
        """The outputs, by name, and the median time of `repetitions` runs in microseconds."""
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        buffers = {}
        for name in names:
            if name in inputs:
                # TensorRT 8 has no INT64: its parser makes INT32 of it.
                array = inputs[name].astype(trt.nptype(self._engine.get_tensor_dtype(name)))
                self._context.set_input_shape(name, array.shape)
                buffers[name] = cuda.Buffer(array)
        for name in names:
            if name not in inputs:
                shape = tuple(self._context.get_tensor_shape(name))
                buffers[name] = cuda.Buffer(np.zeros(shape, trt.nptype(self._engine.get_tensor_dtype(name))))
        for name, buffer in buffers.items():
            self._context.set_tensor_address(name, buffer.address)
        times = [self._stream.milliseconds(self._enqueue) for _ in range(repetitions)]
        self._stream.synchronize()
        outputs = {name: buffer.read() for name, buffer in buffers.items() if name not in inputs}
        return outputs, statistics.median(times) * 1e3

    def _enqueue(self) -> None:
        if not self._context.execute_async_v3(self._stream.handle):
            raise SystemExit("TensorRT could not run the engine: its messages are above")
