"""Builds an engine of each exported model, runs it on the GPU, and compares it with PyTorch's result.

Needs TensorRT (8.5 or newer), NumPy and a CUDA driver; not PyTorch and not a CUDA toolkit.

    python engine.py --library libtensorrt_scatter_plugin.so

Ends with 1 where an engine cannot be built, or where its result is not PyTorch's.
"""

from __future__ import annotations

import argparse
import ctypes
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import graph
import numpy as np
import tensorrt as trt

# The CUDA driver through ctypes, as the tests have it.
sys.path.append(str(graph.REPOSITORY / "tests" / "tensorrt"))
import cuda  # noqa: E402

LIBRARY = graph.REPOSITORY / "target" / "release" / "libtensorrt_scatter_plugin.so"
LOGGER = trt.Logger(trt.Logger.WARNING)
MEBIBYTE = 1 << 20

# Sums of float32 in another order have other errors than PyTorch's on the CPU, but not errors of another size.
TIMES_PYTORCHS_ERROR = 10
# Below this, an error is that of the rounding of a few values.
SMALLEST_TOLERANCE = 1e-6


class LayerTimes(trt.IProfiler):
    """The time of each layer in milliseconds, in the order of the engine."""

    def __init__(self) -> None:
        super().__init__()
        self.times: dict[str, list[float]] = {}

    def report_layer_time(self, layer_name: str, ms: float) -> None:
        self.times.setdefault(layer_name, []).append(ms)


def build(model: Path, tactic_sources: list[str] | None) -> bytes | None:
    """A serialized engine; None where TensorRT cannot build it, which its messages explain."""
    builder = trt.Builder(LOGGER)
    # From TensorRT 10 on there is no other kind of batch.
    explicit = getattr(trt.NetworkDefinitionCreationFlag, "EXPLICIT_BATCH", None)
    network = builder.create_network(1 << int(explicit) if explicit is not None else 0)
    parser = trt.OnnxParser(network, LOGGER)
    if not parser.parse(model.read_bytes()):
        errors = [str(parser.get_error(i)) for i in range(parser.num_errors)]
        raise SystemExit(f"TensorRT cannot parse {model}: {'; '.join(errors)}")
    config = builder.create_builder_config()
    # Full float32, as PyTorch computes.
    config.clear_flag(trt.BuilderFlag.TF32)
    if tactic_sources is not None:
        config.set_tactic_sources(sum(1 << int(getattr(trt.TacticSource, name)) for name in tactic_sources))
    engine = builder.build_serialized_network(network, config)
    return None if engine is None else bytes(engine)


class Run:
    """An engine with its inputs on the device and room for its output."""

    def __init__(self, serialized: bytes, inputs: dict[str, np.ndarray]) -> None:
        self._runtime = trt.Runtime(LOGGER)
        self.engine = self._runtime.deserialize_cuda_engine(serialized)
        self.context = self.engine.create_execution_context()
        self.stream = cuda.Stream()
        self._buffers = {}
        for i in range(self.engine.num_io_tensors):
            name = self.engine.get_tensor_name(i)
            dtype = trt.nptype(self.engine.get_tensor_dtype(name))
            if name in inputs:
                # TensorRT 8 has no INT64: its parser makes INT32 of it.
                array = inputs[name].astype(dtype)
            else:
                # What is not written is seen.
                array = np.full(tuple(self.engine.get_tensor_shape(name)), np.nan, dtype)
            self._buffers[name] = cuda.Buffer(array)
            self.context.set_tensor_address(name, self._buffers[name].address)

    def enqueue(self) -> None:
        if not self.context.execute_async_v3(self.stream.handle):
            raise SystemExit("TensorRT cannot run the engine: its messages are above")

    def working_memory(self) -> int:
        """The bytes that a run needs for what is between the layers, and the plugins' workspace."""
        # TensorRT 10 has a function for more than 2 GiB.
        size: int = getattr(self.engine, "device_memory_size_v2", None) or self.engine.device_memory_size
        return size

    def result(self) -> np.ndarray:
        self.stream.synchronize()
        result: np.ndarray = self._buffers["out"].read()
        return result

    def median(self, work: Callable[[], None], repetitions: int) -> float:
        return statistics.median(self.stream.milliseconds(work) for _ in range(repetitions))


def measure(name: str, of: graph.Graph, arguments: argparse.Namespace, tolerance: float) -> dict[str, float] | None:
    """Builds and runs the engine of a model. None where there is none, or where its result is wrong."""
    start = time.perf_counter()
    serialized = build(arguments.folder / f"{name}.onnx", arguments.tactic_sources)
    if serialized is None:
        print(f"FAILED  {name}: TensorRT cannot build an engine: its messages are above")
        return None
    print(f"{name}: built in {time.perf_counter() - start:.1f} s, {len(serialized) / MEBIBYTE:.1f} MiB")

    before = cuda.used_bytes()
    run = Run(serialized, of.inputs(name))
    run.enqueue()
    error = graph.error(run.result(), np.load(arguments.folder / f"{name}.npy"))
    facts = {
        "error": error,
        "tolerance": tolerance,
        "working memory": run.working_memory(),
        "used memory": cuda.used_bytes() - before,
        "enqueued": run.median(run.enqueue, arguments.repetitions),
    }
    replay = run.stream.capture(run.enqueue)
    replay()
    again = graph.error(run.result(), np.load(arguments.folder / f"{name}.npy"))
    facts["captured"] = run.median(replay, arguments.repetitions)
    # Not "larger than": a NaN is wrong too.
    good = error <= tolerance and again <= tolerance
    print(
        f"{'ok    ' if good else 'FAILED'}  {name}: error {error:.1e}, as a CUDA graph {again:.1e}, "
        f"tolerance {tolerance:.1e}; "
        f"{facts['enqueued']:.3f} ms, as a CUDA graph {facts['captured']:.3f} ms; working memory "
        f"{facts['working memory'] / MEBIBYTE:.0f} MiB, all memory {facts['used memory'] / MEBIBYTE:.0f} MiB"
    )
    if arguments.layers:
        times = LayerTimes()
        run.context.profiler = times
        for _ in range(20):
            run.enqueue()
            run.stream.synchronize()
        for layer, milliseconds in times.times.items():
            print(f"    {statistics.median(milliseconds):7.3f} ms  {layer}")
    return facts if good else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=graph.FOLDER, help="the folder that export.py wrote")
    parser.add_argument("--library", type=Path, default=LIBRARY, help="libtensorrt_scatter_plugin.so")
    parser.add_argument("--repetitions", type=int, default=100, help="runs whose median time is taken")
    parser.add_argument("--layers", action="store_true", help="print the time of each layer too")
    parser.add_argument(
        "--tactic-sources",
        nargs="*",
        metavar="NAME",
        help="the only libraries that TensorRT may take kernels from, such as CUBLAS; none where no name follows",
    )
    arguments = parser.parse_args()
    if not arguments.library.exists():
        raise SystemExit(
            f"there is no {arguments.library}: make it by cargo build --release -p tensorrt-scatter-plugin"
        )
    of = graph.exported(arguments.folder)
    errors = graph.read_facts(arguments.folder, "graph")["error of PyTorch's float32"]
    cuda.use_device()
    # The library registers its plugins when it is loaded.
    ctypes.CDLL(str(arguments.library.resolve()), mode=ctypes.RTLD_GLOBAL)
    found = {}
    for name in graph.MODELS:
        tolerance = max(TIMES_PYTORCHS_ERROR * errors[name], SMALLEST_TOLERANCE)
        found[name] = measure(name, of, arguments, tolerance)
    graph.write_facts(arguments.folder, "engine", {"TensorRT": trt.__version__, **found})
    return int(None in found.values())


if __name__ == "__main__":
    sys.exit(main())
