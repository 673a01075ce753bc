"""Engines with this library's plugins, made through TensorRT 8's Python API, and runs of them."""

import argparse
import ctypes
import os
import sys
import traceback
import unittest

import numpy as np
import tensorrt as trt

import cuda


class Logger(trt.ILogger):
    """Keeps TensorRT's messages, so that a test can look for one."""

    def __init__(self):
        super().__init__()
        self.messages = []

    def log(self, severity, message):
        if severity <= trt.ILogger.WARNING:
            self.messages.append(message)


LOGGER = Logger()

#: nvinfer1::DataType of a NumPy type, as far as TensorRT 8 has it.
TYPES = {np.dtype(np.float32): trt.float32, np.dtype(np.float16): trt.float16, np.dtype(np.int32): trt.int32}


_library = None


def use_library(path=None):
    """Loads the plugin library once, which registers its plugins, and makes the device current. Under pytest the
    environment variable TRTS_PLUGIN_LIBRARY names it. Returns its path."""
    global _library
    if _library is None:
        cuda.use_device()
        trt.init_libnvinfer_plugins(LOGGER, "")
        path = path or os.environ.get("TRTS_PLUGIN_LIBRARY")
        assert path, "TRTS_PLUGIN_LIBRARY does not name libtensorrt_scatter_plugin.so"
        _library = ctypes.CDLL(os.path.abspath(path), mode=ctypes.RTLD_GLOBAL)
    return _library._name


def field(name, value):
    """A plugin's attribute as the ONNX parser would hand it over."""
    if isinstance(value, str):
        return trt.PluginField(name, np.frombuffer(value.encode(), np.int8), trt.PluginFieldType.CHAR)
    if isinstance(value, float):
        return trt.PluginField(name, np.array([value], np.float32), trt.PluginFieldType.FLOAT32)
    return trt.PluginField(name, np.array([value], np.int32), trt.PluginFieldType.INT32)


def plugin(name, attributes):
    """A plugin with the given attributes; None where its creator refuses them."""
    creator = trt.get_plugin_registry().get_plugin_creator(name, "1", "")
    assert creator is not None, f"the library has not registered {name}"
    fields = [field(attribute, value) for attribute, value in attributes.items()]
    return creator.create_plugin("layer", trt.PluginFieldCollection(fields))


def plugin_network(name, attributes, inputs):
    """Defines a network of one plugin over `inputs`: a name, a shape and a NumPy type each, in order."""

    def define(network):
        tensors = [network.add_input(input, TYPES[np.dtype(dtype)], shape) for input, shape, dtype in inputs]
        layer = network.add_plugin_v2(tensors, plugin(name, attributes))
        for i in range(layer.num_outputs):
            output = layer.get_output(i)
            output.name = f"output{i}"
            # TensorRT would make FLOAT of a HALF output; arg_out is INT32 by itself.
            if i == 0:
                output.dtype = tensors[0].dtype
            network.mark_output(output)
            tensors.append(output)
        # With the flag DIRECT_IO the layer itself has to take and give these types; without, TensorRT may run it in others.
        for tensor in tensors:
            tensor.allowed_formats = 1 << int(trt.TensorFormat.LINEAR)

    return define


def onnx_network(path):
    """Parses an ONNX file."""

    def parse(network):
        parser = trt.OnnxParser(network, LOGGER)
        with open(path, "rb") as file:
            if not parser.parse(file.read()):
                raise AssertionError("; ".join(str(parser.get_error(i)) for i in range(parser.num_errors)))

    return parse


def serialize(network_of, profiles=(), configure=lambda config: None):
    """The bytes of an engine of the network that `network_of(network)` defines; None where TensorRT refuses. A profile
    is an input's name and its smallest, usual and largest shape; `configure(config)` may change the configuration."""
    builder = trt.Builder(LOGGER)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH))
    network_of(network)
    config = builder.create_builder_config()
    config.set_tactic_sources(0)
    config.set_flag(trt.BuilderFlag.DIRECT_IO)
    # With the flag TensorRT may run layers of FLOAT tensors in HALF too, which is not what their tests compare.
    if any(network.get_input(i).dtype == trt.float16 for i in range(network.num_inputs)):
        config.set_flag(trt.BuilderFlag.FP16)
    if profiles:
        profile = builder.create_optimization_profile()
        for name, shapes in profiles:
            profile.set_shape(name, *shapes)
        config.add_optimization_profile(profile)
    configure(config)
    serialized = builder.build_serialized_network(network, config)
    return None if serialized is None else bytes(serialized)


def build(network_of, profiles=()):
    """An engine; None where TensorRT refuses. It goes through bytes, as a file would: the plugin is deserialized."""
    serialized = serialize(network_of, profiles)
    return None if serialized is None else load(serialized)


def load(serialized):
    """An engine of its bytes."""
    return trt.Runtime(LOGGER).deserialize_cuda_engine(serialized)


class Run:
    """An execution context with its inputs on the device and room for its outputs."""

    def __init__(self, engine, inputs):
        # A context does not keep its engine alive.
        self.engine = engine
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
            self.buffers[name] = cuda.Buffer(np.zeros(tuple(self.context.get_tensor_shape(name)), dtype))
        self.poison()
        for name, buffer in self.buffers.items():
            assert self.context.set_tensor_address(name, buffer.address), name

    def poison(self):
        """Fills the outputs, so that an element which is not written is seen."""
        for name in self.outputs:
            self.buffers[name].write(np.full(self.buffers[name].shape, 77, self.buffers[name].dtype))

    def enqueue(self):
        assert self.context.execute_async_v3(self.stream.handle), LOGGER.messages[-3:]

    def results(self):
        self.stream.synchronize()
        return [self.buffers[name].read() for name in self.outputs]

    def __call__(self):
        self.enqueue()
        return self.results()


def check_equal(results, expected, what, tolerance=0.0):
    """Fails where results differ: in any bit, or by more than a tolerance relative to 1 and to the result."""
    assert len(results) == len(expected), f"{what}: {len(results)} outputs, expected {len(expected)}"
    for name, result, wanted in zip(("out", "arg_out"), results, expected):
        assert result.shape == wanted.shape, f"{what}: {name} has shape {result.shape}, expected {wanted.shape}"
        wanted = wanted.astype(result.dtype)
        if tolerance:
            distance = np.abs(result.astype(np.float64) - wanted.astype(np.float64))
            different = np.flatnonzero(~(distance <= tolerance * np.maximum(np.abs(wanted.astype(np.float64)), 1)))
        else:
            bits = f"u{result.dtype.itemsize}"
            different = np.flatnonzero(result.view(bits).ravel() != wanted.view(bits).ravel())
        assert different.size == 0, (
            f"{what}: {name} differs in {different.size} of {result.size} elements, first at {different[0]}: "
            f"{result.ravel()[different[0]]} instead of {wanted.ravel()[different[0]]}"
        )


def main(description, tests, add_arguments=lambda parser: None, choose=None):
    """Runs tests without pytest: one line each, and "N passed, N failed, N skipped" at the end. `choose(arguments)` may
    give other tests than all. A test that cannot run raises unittest.SkipTest, which pytest knows too."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("library", help="libtensorrt_scatter_plugin.so")
    add_arguments(parser)
    arguments = parser.parse_args()
    use_library(arguments.library)
    passed, failed, skipped = 0, 0, 0
    tests = choose(arguments) if choose else tests
    for test in tests:
        name = getattr(test, "func", test).__name__
        try:
            test()
            passed += 1
            print(f"ok      {name}", flush=True)
        except unittest.SkipTest as reason:
            skipped += 1
            print(f"skipped {name}: {reason}", flush=True)
        except Exception:
            failed += 1
            print(f"FAILED  {name}\n{traceback.format_exc()}{LOGGER.messages[-5:]}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)
