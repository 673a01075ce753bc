"""The plugin library in real TensorRT 8.6 engines on a GPU. Needs TensorRT's Python package and NumPy.

    python engine_test.py LIBRARY                          engines made through TensorRT's network API
    python engine_test.py LIBRARY --onnx MODEL SWEEP...    an exported scatter-max model on lidar sweeps

A model has inputs src [batch, n, 4], index [n], base [batch, groups, 4] and a TRTS_Scatter node with reduce "max";
a sweep is float32 [n, 5]. Results must equal the reference bit for bit. Prints one line per check and ends with
"N passed, N failed".
"""

import argparse
import ctypes
import functools
import statistics
import sys
import traceback

import numpy as np
import tensorrt as trt

import cuda

GROUPS = 10_000


class Logger(trt.ILogger):
    """Keeps TensorRT's messages, so that a test can look for one."""

    def __init__(self):
        super().__init__()
        self.messages = []

    def log(self, severity, message):
        if severity <= trt.ILogger.WARNING:
            self.messages.append(message)


LOGGER = Logger()


def build(network_of, profiles=()):
    """An engine of the network that `network_of(network)` defines; None where TensorRT refuses."""
    builder = trt.Builder(LOGGER)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH))
    if network_of(network) is False:
        return None
    config = builder.create_builder_config()
    config.set_tactic_sources(0)
    if profiles:
        profile = builder.create_optimization_profile()
        for name, shapes in profiles:
            profile.set_shape(name, *shapes)
        config.add_optimization_profile(profile)
    serialized = builder.build_serialized_network(network, config)
    if serialized is None:
        return None
    # Through bytes, as a file would be: the plugin is deserialized, not kept.
    return trt.Runtime(LOGGER).deserialize_cuda_engine(bytes(serialized))


class Run:
    """An execution context with its inputs on the device and room for its outputs."""

    def __init__(self, engine, inputs):
        self.context, self.stream, self.buffers = engine.create_execution_context(), cuda.Stream(), {}
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        for name in names:
            if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT:
                array = inputs[name].astype(trt.nptype(engine.get_tensor_dtype(name)))
                assert self.context.set_input_shape(name, array.shape), name
                self.buffers[name] = cuda.Buffer(array)
        self.outputs = [name for name in names if name not in self.buffers]
        for name in self.outputs:
            dtype = trt.nptype(engine.get_tensor_dtype(name))
            # Poisoned, so that an element which is not written is seen.
            self.buffers[name] = cuda.Buffer(np.full(tuple(self.context.get_tensor_shape(name)), 77, dtype))
        for name, buffer in self.buffers.items():
            assert self.context.set_tensor_address(name, buffer.address), name

    def enqueue(self):
        assert self.context.execute_async_v3(self.stream.handle)

    def __call__(self):
        self.enqueue()
        self.stream.synchronize()
        return [self.buffers[name].read() for name in self.outputs]


def reference(reduce, src, index, base, groups):
    """scatter along axis 1 of src [batch, n, k] by index [n]: the definition, group by group in NumPy."""
    out = np.full((src.shape[0], groups, src.shape[2]), 1 if reduce == "mul" else 0, np.float32)
    if base is not None:
        out[:] = base
    arg = np.full(out.shape, src.shape[1], np.int32)
    count = np.bincount(index, minlength=groups)[:groups]
    for batch in range(src.shape[0]):
        if reduce in ("sum", "mean"):
            np.add.at(out[batch], index, src[batch])
        elif reduce == "mul":
            np.multiply.at(out[batch], index, src[batch])
        else:
            better = np.maximum if reduce == "max" else np.minimum
            best = np.full(out[batch].shape, -np.inf if reduce == "max" else np.inf, np.float32)
            better.at(best, index, src[batch])
            if base is None:
                takes = np.broadcast_to((count > 0)[:, None], best.shape)
            else:
                takes = (best > out[batch]) if reduce == "max" else (best < out[batch])
            out[batch] = np.where(takes, best, out[batch])
            position = np.arange(src.shape[1], dtype=np.int32)[:, None]
            wins = (src[batch] == best[index]) & takes[index]
            rows, columns = np.nonzero(wins)
            np.minimum.at(arg[batch], (index[rows], columns), position[rows, 0])
    if reduce == "mean":
        out /= np.maximum(count, 1)[None, :, None].astype(np.float32)
    return [out, arg] if reduce in ("min", "max") else [out]


def check_equal(results, expected, what):
    assert len(results) == len(expected), f"{what}: {len(results)} outputs, expected {len(expected)}"
    for name, result, wanted in zip(("out", "arg_out"), results, expected):
        assert result.shape == wanted.shape, f"{what}: {name} has shape {result.shape}, expected {wanted.shape}"
        different = np.flatnonzero(result.view(np.int32).ravel() != wanted.view(np.int32).ravel())
        assert different.size == 0, (
            f"{what}: {name} differs in {different.size} of {result.size} elements, first at {different[0]}: "
            f"{result.ravel()[different[0]]} instead of {wanted.ravel()[different[0]]}"
        )


def read_sweep(path):
    """src, index and base from a sweep, as the example of the existing CUDA C++ plugins makes them."""
    points = np.fromfile(path, np.float32).reshape(-1, 5)
    position = np.trunc(points[:, :3]).astype(np.int64)
    x_max, y_max = int(position[:, 0].max()), int(position[:, 1].max())
    x, y, z = (position - position.min(axis=0)).T
    raw = z * (x_max * y_max + 1) + y * (x_max + 1) + x
    index = np.floor(GROUPS / (raw.max() + 1) * raw).astype(np.int64)
    src = np.ascontiguousarray(points[None, :, :4])
    return src, index, np.full((1, GROUPS, 4), 1.123456789, np.float32)


def plugin(fields):
    """A TRTS_Scatter plugin with the given attributes; None where its creator refuses them."""
    creator = trt.get_plugin_registry().get_plugin_creator("TRTS_Scatter", "1", "")
    assert creator is not None, "the library has not registered TRTS_Scatter"
    collection = []
    for name, value in fields.items():
        if isinstance(value, str):
            collection.append(trt.PluginField(name, np.frombuffer(value.encode(), np.int8), trt.PluginFieldType.CHAR))
        else:
            collection.append(trt.PluginField(name, np.array([value], np.int32), trt.PluginFieldType.INT32))
    return creator.create_plugin("layer", trt.PluginFieldCollection(collection))


def scatter_network(fields, inputs):
    """Defines a network of one TRTS_Scatter over the inputs, in order."""

    def define(network):
        tensors = [
            network.add_input(name, trt.int32 if name == "index" else trt.float32, shape) for name, shape in inputs
        ]
        layer = network.add_plugin_v2(tensors, plugin(fields))
        for i in range(layer.num_outputs):
            output = layer.get_output(i)
            output.name = f"output{i}"
            network.mark_output(output)

    return define


def check_onnx(model, sweeps):
    def parse(network):
        parser = trt.OnnxParser(network, LOGGER)
        with open(model, "rb") as file:
            if not parser.parse(file.read()):
                raise AssertionError("; ".join(str(parser.get_error(i)) for i in range(parser.num_errors)))

    counts = sorted(read_sweep(path)[0].shape[1] for path in sweeps)
    profiles = [
        ("src", ((1, 1, 4), (1, counts[0], 4), (1, counts[-1], 4))),
        ("index", ((1,), (counts[0],), (counts[-1],))),
        ("base", ((1, GROUPS, 4),) * 3),
    ]
    engine = build(parse, profiles)
    assert engine is not None, f"no engine: {LOGGER.messages[-3:]}"
    for path in sweeps:
        check_sweep(engine, path)


def check_sweep(engine, path):
    """One sweep through the engine, enqueued and as a CUDA graph. A function of its own: TensorRT gives an
    optimization profile to one context at a time, and the context goes with the locals."""
    src, index, base = read_sweep(path)
    run = Run(engine, {"src": src, "index": index, "base": base})
    expected = reference("max", src, index, base, GROUPS)
    check_equal(run(), expected, path)
    replay = run.stream.capture(run.enqueue)
    for name in run.outputs:
        run.buffers[name].write(np.full(run.buffers[name].shape, 77, run.buffers[name].dtype))
    replay()
    run.stream.synchronize()
    check_equal([run.buffers[name].read() for name in run.outputs], expected, f"{path}, CUDA graph")
    times = [
        statistics.median(run.stream.milliseconds(work) for _ in range(200)) * 1e3 for work in (run.enqueue, replay)
    ]
    print(f"  {path}: {src.shape[1]} points, {times[0]:.1f} us enqueued, {times[1]:.1f} us as a CUDA graph")


def check_reductions():
    random = np.random.default_rng(1)
    for reduce in ("sum", "add", "mul", "mean", "min", "max"):
        for with_base in (False, True):
            batch, n, k, groups = 2, 999, 3, 50
            # Small integers and signs: exact in any order.
            src = random.integers(-4, 5, (batch, n, k)).astype(np.float32)
            if reduce == "mul":
                src = np.sign(src) + (src == 0)
            index = random.integers(0, groups, n).astype(np.int32)
            base = random.integers(-4, 5, (batch, groups, k)).astype(np.float32) if with_base else None
            expected = reference("sum" if reduce == "add" else reduce, src, index, base, groups)
            for index_shape in ((n,), (1, n), (1, n, 1), (batch, n, k)):
                values = {"src": src, "index": np.broadcast_to(index.reshape(1, n, 1), (batch, n, k))}
                if len(index_shape) < 3 or index_shape[-1] == 1:
                    values["index"] = index.reshape(index_shape)
                if with_base:
                    values["base"] = base
                fields = {"dim": 1, "reduce": reduce, **({} if with_base else {"dim_size": groups})}
                inputs = [(name, array.shape) for name, array in values.items()]
                engine = build(scatter_network(fields, inputs))
                assert engine is not None, f"no engine: {LOGGER.messages[-3:]}"
                check_equal(Run(engine, values)(), expected, f"{reduce}, base {with_base}, index {index_shape}")


def check_bad_indices():
    src, index = np.ones((1, 4, 2), np.float32), np.array([0, -1, 7, 1], np.int32)
    inputs = [("src", src.shape), ("index", index.shape)]
    engine = build(scatter_network({"dim": 1, "dim_size": 3, "reduce": "sum"}, inputs))
    (out,) = Run(engine, {"src": src, "index": index})()
    assert out.tolist() == [[[1, 1], [1, 1], [0, 0]]], out


def check_dynamic_and_empty():
    inputs = [("src", (-1, -1, 2)), ("index", (-1,))]
    profiles = [("src", ((1, 0, 2), (1, 8, 2), (2, 8, 2))), ("index", ((0,), (8,), (8,)))]
    engine = build(scatter_network({"dim": 1, "dim_size": 3, "reduce": "max"}, inputs), profiles)
    assert engine is not None, f"no engine: {LOGGER.messages[-3:]}"
    for batch, n in ((1, 0), (1, 1), (2, 5), (2, 8)):
        src = np.arange(batch * n * 2, dtype=np.float32).reshape(batch, n, 2) - 3
        index = (np.arange(n) % 2).astype(np.int32)
        check_equal(Run(engine, {"src": src, "index": index})(), reference("max", src, index, None, 3), f"n = {n}")


def check_refusals():
    for fields, word in (
        ({"dim": 1, "dim_size": 3, "reduce": "median"}, "median"),
        ({"dim": 1, "dim_size": -3, "reduce": "sum"}, "dim_size"),
        ({"dim": "one", "reduce": "sum"}, "dim"),
    ):
        LOGGER.messages.clear()
        assert plugin(fields) is None, fields
        assert any(word in message for message in LOGGER.messages), (fields, LOGGER.messages)
    for fields, inputs, word in (
        ({"dim": 1, "reduce": "sum"}, [("src", (1, 4, 2)), ("index", (4,))], "dim_size"),
        ({"dim": 5, "dim_size": 3, "reduce": "sum"}, [("src", (1, 4, 2)), ("index", (4,))], "dim"),
        ({"dim": 1, "dim_size": 3, "reduce": "sum"}, [("src", (1, 4, 2)), ("index", (5,))], "index"),
        ({"dim": 1, "reduce": "sum"}, [("src", (1, 4, 2)), ("index", (4,)), ("base", (1, 3))], "base"),
        ({"dim": 1, "reduce": "sum"}, [("src", (1, 4, 2))], "index"),
    ):
        LOGGER.messages.clear()
        assert build(scatter_network(fields, inputs)) is None, (fields, inputs)
        assert any("TRTS_Scatter" in m and word in m for m in LOGGER.messages), (fields, inputs, LOGGER.messages)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", help="libtensorrt_scatter_plugin.so")
    parser.add_argument("--onnx", nargs="+", metavar=("MODEL", "SWEEP"), help="a model and the sweeps to run it on")
    arguments = parser.parse_args()
    cuda.use_device()
    trt.init_libnvinfer_plugins(LOGGER, "")
    ctypes.CDLL(arguments.library, mode=ctypes.RTLD_GLOBAL)
    checks = [check_reductions, check_bad_indices, check_dynamic_and_empty, check_refusals]
    if arguments.onnx:
        checks = [functools.partial(check_onnx, arguments.onnx[0], arguments.onnx[1:])]
    failed = 0
    for check in checks:
        name = getattr(check, "func", check).__name__
        try:
            check()
            print(f"ok      {name}")
        except Exception:
            failed += 1
            print(f"FAILED  {name}\n{traceback.format_exc()}{LOGGER.messages[-5:]}")
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
