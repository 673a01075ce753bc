"""The few calls of the CUDA driver that the engine tests need, through ctypes: no other package is required."""

import ctypes

import numpy as np

_driver = ctypes.CDLL("libcuda.so.1")
_pointer = ctypes.c_void_p


def call(name, *arguments):
    """Calls a driver function and raises where it does not answer CUDA_SUCCESS."""
    answer = getattr(_driver, name)(*arguments)
    if answer != 0:
        text = ctypes.c_char_p()
        _driver.cuGetErrorName(answer, ctypes.byref(text))
        raise RuntimeError(f"{name}: {text.value.decode() if text.value else answer}")


def use_device(ordinal=0):
    """Makes the device's primary context current."""
    context, device = _pointer(), ctypes.c_int()
    call("cuInit", 0)
    call("cuDeviceGet", ctypes.byref(device), ordinal)
    call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
    call("cuCtxSetCurrent", context)


def used_bytes():
    """The device memory that all processes use."""
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
    return total.value - free.value


class Buffer:
    """Device memory of an array's size; freed with the object."""

    def __init__(self, array):
        self.shape, self.dtype, self.bytes = array.shape, array.dtype, max(array.nbytes, 1)
        self._address = ctypes.c_uint64()
        call("cuMemAlloc_v2", ctypes.byref(self._address), ctypes.c_size_t(self.bytes))
        self.write(array)

    @property
    def address(self):
        return self._address.value

    def write(self, array):
        array = np.ascontiguousarray(array)
        if array.nbytes:
            call("cuMemcpyHtoD_v2", self._address, array.ctypes.data_as(_pointer), ctypes.c_size_t(array.nbytes))
            # A small copy may be on its way when the call returns, and streams do not wait for it.
            call("cuCtxSynchronize")

    def read(self):
        array = np.empty(self.shape, self.dtype)
        if array.nbytes:
            call("cuMemcpyDtoH_v2", array.ctypes.data_as(_pointer), self._address, ctypes.c_size_t(array.nbytes))
        return array

    def __del__(self):
        _driver.cuMemFree_v2(self._address)


class Stream:
    """A stream that does not wait for the default stream; destroyed with the object."""

    def __init__(self):
        self._stream = _pointer()
        call("cuStreamCreate", ctypes.byref(self._stream), 1)

    def __del__(self):
        _driver.cuStreamDestroy_v2(self._stream)

    @property
    def handle(self):
        return self._stream.value

    def synchronize(self):
        call("cuStreamSynchronize", self._stream)

    def capture(self, work):
        """Captures the work that `work` puts on the stream, and returns a function that replays it."""
        graph, executable = _pointer(), _pointer()
        call("cuStreamBeginCapture_v2", self._stream, 2)
        work()
        call("cuStreamEndCapture", self._stream, ctypes.byref(graph))
        call("cuGraphInstantiateWithFlags", ctypes.byref(executable), graph, ctypes.c_uint64(0))
        return lambda: call("cuGraphLaunch", executable, self._stream)

    def milliseconds(self, work):
        """The time on the device of the work that `work` puts on the stream."""
        start, end, elapsed = _pointer(), _pointer(), ctypes.c_float()
        call("cuEventCreate", ctypes.byref(start), 0)
        call("cuEventCreate", ctypes.byref(end), 0)
        call("cuEventRecord", start, self._stream)
        work()
        call("cuEventRecord", end, self._stream)
        call("cuEventSynchronize", end)
        call("cuEventElapsedTime", ctypes.byref(elapsed), start, end)
        call("cuEventDestroy_v2", start)
        call("cuEventDestroy_v2", end)
        return elapsed.value
