"""Fuzzes `tensorrt_scatter.onnx.convert`: `python python/tests/fuzz_convert.py --seconds N --corpus DIR`.

It changes small models at random: their fields and their bytes. A worker process converts each of them. It must not
crash, must not hang, and must not raise anything but ValueError. If onnx's checker accepts the model, it must accept the
converted model too; both must compute the same in onnx's reference evaluator; and a second conversion must change
nothing.

The first model that fails is written to DIR, and the exit code is 1. `test_fuzz_corpus.py` replays the models in
fuzz/corpus/convert. The random changes start from the models in DIR and from those in this file.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import logging
import math
import multiprocessing
import multiprocessing.connection
import random
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import parser

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy_functions

from tensorrt_scatter.onnx import check as check_for_releases
from tensorrt_scatter.onnx import convert, reference

SECONDS_A_MODEL = 10
"""A conversion of a small model that takes longer is a hang."""

_LARGEST_FOLLOWED = 2**24
"""The largest axis in a model that ONNX's shape inference gets with the elements of vectors, as in `convert`."""

_HEADER = '<ir_version: 10, opset_import: ["" : 18, "tensorrt_scatter" : 1]>\n'

SEEDS = (
    """g (float[4, 3] data, int64[5, 3] index, float[5, 3] src) => (float[4, 3] out)
        { out = ScatterElements <axis = 0, reduction = "add"> (data, index, src) }""",
    """g (float[n, c] data, int64[e, c] index, float[e, c] src) => (float[n, c] out)
        { out = ScatterElements <axis = -2, reduction = "max"> (data, index, src) }""",
    """g (float[3, 5] data, int64[i, 5] index, float[u, 5] src) => (float[3, 5] out)
        { out = ScatterElements <reduction = "mul"> (data, index, src) }""",
    """g (int64[6, 1] index, float[6, 2] src) => (float[4, 2] out) {
        size = Constant <value_ints = [4, 2]> ()
        data = ConstantOfShape <value = float[1] {0.0}> (size)
        shape = Shape (src)
        expanded = Expand (index, shape)
        out = ScatterElements <reduction = "add"> (data, expanded, src) }""",
    """g (float[5, 3] data, int64[4, 1] index, float[4, 3] src) => (float[5, 3] out)
        { out = ScatterND <reduction = "min"> (data, index, src) }""",
    """g (float[5, 3] data, int64[2, 2, 1] index, float[2, 2, 3] src) => (float[5, 3] out)
        { out = ScatterND <reduction = "add"> (data, index, src) }""",
    """g (float[5] data, int64[4] flat, float[4] src) => (float[5] out) {
        axes = Constant <value_ints = [1]> ()
        index = Unsqueeze (flat, axes)
        copy = Identity (index)
        out = ScatterND <reduction = "add"> (data, copy, src) }""",
    """g (float[2, e] src, int64[e] index) => (float[2, 4] out) {
        shape = Shape (src)
        expanded = Expand (index, shape)
        out = tensorrt_scatter.TRTS_Scatter <dim = 1, dim_size = 4, reduce = "sum"> (src, expanded) }""",
    """g (float[3, 4] src, int64[1, 6] index) => (float[3, 6] out) {
        shape = Constant <value_ints = [3, 6]> ()
        expanded = Expand (index, shape)
        out = tensorrt_scatter.TRTS_GatherCOO (src, expanded) }""",
    """g (bool flag, float[4] data, int64[5] index, float[5] src) => (float[4] out) {
        out = If (flag) <
            then_branch = a () => (float[4] sums) { sums = ScatterElements <reduction = "add"> (data, index, src) },
            else_branch = b () => (float[4] other) { other = Identity (data) }
        > }""",
    """g (float[4, 3] data, int64[5, 3] index, float[5, 3] src) => (float[4, 3] out) {
        rank = Constant <value_int = 2> ()
        shape = Shape (data)
        size = Size (shape)
        same = Equal (size, rank)
        first = If (same) <
            then_branch = a () => (float[4, 3] one) { one = Identity (data) },
            else_branch = b () => (float[1] two) { two = Constant <value_floats = [1.0]> () }
        >
        out = ScatterElements <reduction = "add"> (first, index, src) }""",
    """g (float[3, 4] data, int64[5] index, float[3, 5] src) => (float[3, 4] out) {
        a = Abs (index)
        axes = Constant <value_ints = [1]> ()
        column = Unsqueeze (a, axes)
        shape = Constant <value_ints = [5, 3]> ()
        rows = Expand (column, shape)
        turned = Transpose <perm = [1, 0]> (rows)
        start = Constant <value_ints = [0, 0]> ()
        end = Shape (turned)
        cut = Slice (src, start, end)
        out = ScatterElements <axis = 1, reduction = "add"> (data, turned, cut) }""",
    """g (float[n, 3] x, int64[2, e] edges, float[e] w) => (float[n, 3] out) {
        zero = Constant <value_int = 0> ()  one = Constant <value_int = 1> ()  last = Constant <value_ints = [1]> ()
        from = Gather <axis = 0> (edges, zero)
        to = Gather <axis = 0> (edges, one)
        rows = Gather <axis = 0> (x, from)
        column = Unsqueeze (w, last)
        messages = Mul (rows, column)
        shape = Shape (messages)
        at = Unsqueeze (to, last)
        index = Expand (at, shape)
        size = Shape (x)
        base = ConstantOfShape <value = float[1] {0.0}> (size)
        out = ScatterElements <axis = 0, reduction = "add"> (base, index, messages) }""",
    """g (float[4, 3] x, int64[5] from, int64[5] to) => (float[4, 3] out, float[4, 3] sums) {
        last = Constant <value_ints = [1]> ()
        rows = Gather (x, from)
        shape = Shape (rows)
        column = Unsqueeze (to, last)
        index = Expand (column, shape)
        size = Shape (x)
        base = ConstantOfShape <value = float[1] {0.0}> (size)
        lowest = ConstantOfShape <value = float[1] {-3.4028234663852886e+38}> (shape)
        start = ScatterElements <reduction = "min"> (base, index, lowest)
        out = ScatterElements <reduction = "max"> (start, index, rows)
        sums = ScatterElements <reduction = "add"> (base, index, rows) }""",
    """g (float[2, n, 2, 2] x, int32[e] from, int32[e] to, float[2, e, 2, 1] w) => (float[2, 3, 2, 2] out) {
        rows = Gather <axis = 1> (x, from)
        messages = Mul (w, rows)
        out = tensorrt_scatter.TRTS_Scatter <dim = 1, dim_size = 3, reduce = "mean"> (messages, to) }""",
    """g (float[n, 3] x, int64[e] from, int64[e] to, float[e, 1] s) => (float[n, 3] out) {
        shape = Shape (s)
        last = Constant <value_ints = [1]> ()
        column = Unsqueeze (to, last)
        count = Shape <start = 0, end = 1> (x)
        size = Concat <axis = 0> (count, last)
        base = ConstantOfShape <value = float[1] {0.0}> (size)
        most = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size_input = 1, reduce = "max"> (s, to, count)
        high = Gather (most, to)
        less = Sub (s, high)
        raised = Exp (less)
        total = ScatterElements <reduction = "add"> (base, column, raised)
        of_each = Gather (total, to)
        w = Div (raised, of_each)
        rows = Gather (x, from)
        messages = Mul (rows, w)
        sums = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size_input = 1, reduce = "sum"> (messages, to, count)
        next = Gather (sums, from)
        out = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size_input = 1, reduce = "sum"> (next, to, count) }""",
    """g (float[5, 2] x, int64[4] from, int64[4] to) => (float[5, 2] out) {
        last = Constant <value_ints = [-1]> ()
        places = Unsqueeze (from, last)
        rows = GatherND (x, places)
        size = Shape (x)
        base = ConstantOfShape <value = float[1] {0.0}> (size)
        at = Unsqueeze (to, last)
        out = ScatterND <reduction = "add"> (base, at, rows) }""",
    """g (float[n, 3] x, int64[e] to, float[m, 2] like) => (float[g, 3] out, bool[n, 1] far) {
        count = Shape <start = 0, end = 1> (like)
        most = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size_input = 1, reduce = "max"> (x, to, count)
        soft = tensorrt_scatter.TRTS_ScatterSoftmax <dim = 0, dim_size_input = 1> (x, to, count)
        sums = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size_input = 1, reduce = "mean"> (soft, to, count)
        out = Add (most, sums)
        axes = Constant <value_ints = [-1]> ()
        length = ReduceL2 <keepdims = 1> (x, axes)
        zero = Constant <value_floats = [0.0]> ()  one = Constant <value_floats = [1.0]> ()
        infinity = Div (one, zero)
        far = Equal (length, infinity) }""",
    """g (float[5, n] x) => (float[a, n] one, float[b, n] two, int64[c] sizes) {
        one, two = Split <num_outputs = 2> (x)
        rest = ReduceMax (two)
        sizes = Shape <start = -1> (x) }""",
)


def seeds() -> list[bytes]:
    """The models to start from, as the bytes of files."""
    return [parser.parse_model(_HEADER + text).SerializeToString() for text in SEEDS]


def check(data: bytes) -> None:
    """Converts the model in `data`, for any TensorRT and for 8.6, and checks it for each release.

    Raises:
        AssertionError: The conversion is wrong.
    """
    try:
        model = onnx.load_from_string(data)
    except DecodeError:
        return
    for target in (None, "8.6"):
        _check_conversion(model, target)


def _check_conversion(model: onnx.ModelProto, target: str | None) -> None:
    before = model.SerializeToString(deterministic=True)
    try:
        converted, report = convert(model, target=target)
        str(check_for_releases(model, target))
    except ValueError:
        return
    finally:
        assert model.SerializeToString(deterministic=True) == before, "the model that was given has changed"
    str(report)
    if not report.changes or not _is_valid(model):
        return
    # The checker finds wrong declared shapes in the branch that was not visible inside an If.
    onnx.checker.check_model(converted, full_check=all(node.op_type != "If" for node in model.graph.node))
    second = convert(converted, target=target)[1]
    assert not second.changes, f"converted once more, it has changes: {second}"
    # Declared shapes may contradict the computed ones.
    graph = model.graph
    declared_twice = {value.name for value in graph.input} & {value.name for value in graph.output}
    if not graph.value_info and not declared_twice:
        _check_results(model, converted)


def _is_valid(model: onnx.ModelProto) -> bool:
    # With a negative size ONNX's own shape inference may end the process. A vector of so many elements it follows one by
    # one.
    sizes = [m.dim_value for m in _messages(model) if isinstance(m, onnx.TensorShapeProto.Dimension)]
    if any(size < 0 or size > _LARGEST_FOLLOWED for size in sizes):
        return False
    try:
        onnx.checker.check_model(model, full_check=True)
        # Wrong declared sizes of what is made from a vector of sizes.
        onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    except Exception:
        return False
    # The checker does not look at them.
    kinds = onnx.TensorProto.DataType.values()
    return all(message.elem_type in kinds for message in _messages(model) if isinstance(message, onnx.TypeProto.Tensor))


def _check_results(model: onnx.ModelProto, converted: onnx.ModelProto) -> None:
    for seed in range(2):
        feeds = _feeds(model, seed)
        if feeds is None:
            return
        try:
            # The original may have plugins' nodes too.
            expected = reference.evaluator(model, numpy_functions).run(None, feeds)
        except Exception:
            # An index is out of range, or shapes do not fit.
            continue
        results = reference.evaluator(converted, numpy_functions).run(None, feeds)
        for result, wanted in zip(results, expected, strict=True):
            given, right = np.asarray(result), np.asarray(wanted)
            assert given.shape == right.shape and given.dtype == right.dtype, f"{given} instead of {right}"
            # A NaN is treated differently; sums of 16-bit floats depend on the order.
            if right.dtype.kind != "f" or not np.isnan(right).any():
                close = np.isclose(given.astype(np.float64), right.astype(np.float64), 1e-2, 1e-2)
                assert close.all(), f"{given} instead of {right} for {feeds}"


def _feeds(model: onnx.ModelProto, seed: int) -> dict[str, Any] | None:
    """Small random inputs of the declared shapes; None if a shape is too large or not declared."""
    generator = np.random.default_rng(seed)
    symbols: dict[str, int] = {}
    feeds = {}
    for value in model.graph.input:
        kind = value.type.tensor_type
        shape = []
        for dim in kind.shape.dim:
            symbol = dim.dim_param or f"?{len(symbols)}"
            size = (
                dim.dim_value
                if dim.HasField("dim_value")
                else symbols.setdefault(symbol, int(generator.integers(0, 6)))
            )
            shape.append(size)
        if (
            not kind.HasField("shape")
            or len(shape) > 8
            or min(shape, default=0) < 0
            or math.prod(max(size, 1) for size in shape) > 10_000
        ):
            return None
        try:
            dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
        except KeyError:
            return None
        feeds[value.name] = generator.integers(-2, 4, shape).astype(dtype)
    return feeds


def mutated(data: bytes, pool: list[bytes], generator: random.Random) -> bytes:
    """The model in `data` with one or more changes."""
    model = None
    try:
        model = onnx.load_from_string(data)
    except DecodeError:
        return _mutated_bytes(data, generator)
    if generator.random() < 0.15:
        return _mutated_bytes(data, generator)
    for _ in range(generator.choice((1, 1, 1, 2, 3, 5))):
        _mutate(model, pool, generator)
    return model.SerializeToString()


def _mutated_bytes(data: bytes, generator: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(generator.randint(1, 8)):
        at = generator.randint(0, len(changed))
        kind = generator.randrange(4)
        if kind == 0 and changed:
            changed[at % len(changed)] ^= 1 << generator.randrange(8)
        elif kind == 1:
            changed[at:at] = generator.randbytes(generator.randint(1, 8))
        elif kind == 2:
            del changed[at : at + generator.randint(1, 16)]
        else:
            start = generator.randint(0, len(changed))
            changed[at:at] = changed[start : start + generator.randint(1, 64)]
    return bytes(changed)


_NUMBERS = (-(2**63), -(2**31), -9, -2, -1, 0, 1, 2, 3, 4, 5, 6, 8, 9, 127, 2**31, 2**63 - 1)
_TEXTS = ("", "add", "mul", "min", "max", "none", "sum", "mean", "index", "data", "src", "out", "n", "axis", "reduce")
_OP_TYPES = (
    *(
        "ScatterElements",
        "ScatterND",
        "Scatter",
        "Expand",
        "Tile",
        "Identity",
        "Shape",
        "Slice",
        "Reshape",
        "Unsqueeze",
    ),
    *(
        "Squeeze",
        "Transpose",
        "If",
        "Loop",
        "Constant",
        "ConstantOfShape",
        "Cast",
        "Gather",
        "GatherND",
        "Mul",
        "Concat",
        "Equal",
        "LessOrEqual",
        "ReduceMax",
        "ReduceSum",
        "Split",
        "Max",
        "Clip",
        "Abs",
    ),
    *(
        "TRTS_Scatter",
        "TRTS_GatherScatter",
        "TRTS_SegmentCOO",
        "TRTS_SegmentCSR",
        "TRTS_GatherCOO",
        "TRTS_ScatterSoftmax",
    ),
)


def _mutate(model: onnx.ModelProto, pool: list[bytes], generator: random.Random) -> None:
    """Changes one field of one message anywhere in the model."""
    message = generator.choice(list(_messages(model)))
    fields = [field for field in message.DESCRIPTOR.fields if field.name not in ("doc_string", "producer_name")]
    filled = [field for field, _ in message.ListFields() if field in fields]
    field = generator.choice(filled if filled and generator.random() < 0.8 else fields)
    if _is_repeated(field):
        _mutate_list(message, field, generator)
    elif field.message_type is not None:
        if generator.random() < 0.3:
            message.ClearField(field.name)
    elif generator.random() < 0.1:
        message.ClearField(field.name)
    else:
        setattr(message, field.name, _value(field, model, generator))


def _mutate_list(message: Any, field: Any, generator: random.Random) -> None:
    values = getattr(message, field.name)
    kind = generator.randrange(4)
    if values and kind == 0:
        del values[generator.randrange(len(values))]
    elif len(values) > 1 and kind == 1:
        one, other = generator.sample(range(len(values)), 2)
        copies = list(values)
        copies[one], copies[other] = copies[other], copies[one]
        copies = [
            copy if field.message_type is None else type(copy).FromString(copy.SerializeToString()) for copy in copies
        ]
        del values[:]
        values.extend(copies)
    elif field.message_type is not None:
        if values and kind == 2:
            values.add().CopyFrom(generator.choice(list(values)))
        else:
            values.add()
    elif values and kind == 2:
        values[generator.randrange(len(values))] = _value(field, message, generator)
    else:
        values.append(_value(field, message, generator))


def _value(field: Any, around: Any, generator: random.Random) -> Any:
    """A value for a field, often one that the model already contains."""
    if field.enum_type is not None:
        return generator.choice(field.enum_type.values).number
    if field.cpp_type == field.CPPTYPE_STRING:
        names = [name for message in _messages(around) for name in _names(message)]
        words = _OP_TYPES if field.name == "op_type" else (*_TEXTS, *names)
        word = generator.choice(words)
        return word.encode() if field.type == field.TYPE_BYTES else word
    if field.cpp_type in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        return generator.choice((0.0, -0.0, 1.0, float("nan"), float("inf"), 1e30))
    number = generator.choice(_NUMBERS)
    return number if field.cpp_type == field.CPPTYPE_INT64 else max(min(number, 2**31 - 1), 0)


def _is_repeated(field: Any) -> bool:
    # Releases of protobuf before 6.31 know the label alone, later ones the property.
    return bool(field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED)


def _messages(message: Any) -> Any:
    """The message and all in it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value if _is_repeated(field) else (value,):
                yield from _messages(inner)


def _names(message: Any) -> Any:
    for field, value in message.ListFields():
        if field.cpp_type == field.CPPTYPE_STRING and field.type != field.TYPE_BYTES:
            yield from value if _is_repeated(field) else (value,)


def _work(connection: multiprocessing.connection.Connection) -> None:
    """Checks the models that arrive. Answers with the error of each, or with an empty text."""
    faulthandler.enable()
    # onnx_ir logs much about models that are not valid.
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    while True:
        data = connection.recv_bytes()
        try:
            check(data)
            connection.send("")
        except Exception:
            connection.send(traceback.format_exc())


class Worker:
    """A process that checks models. It is started again after a crash or a hang."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._connection, other = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(target=_work, args=(other,), daemon=True)
        self._process.start()
        other.close()

    def fault(self, data: bytes) -> str:
        """The error of a model's conversion; "" if there is none."""
        try:
            self._connection.send_bytes(data)
            if self._connection.poll(SECONDS_A_MODEL):
                return str(self._connection.recv())
            fault = f"no answer after {SECONDS_A_MODEL} s"
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode or 0
            fault = f"the process ended: {signal.Signals(-code).name if code < 0 else code}"
        self.close()
        self._start()
        return fault

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.join()


def main() -> int:
    """Runs for the given time. Returns 1 if a model failed."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--seconds", type=float, default=60)
    arguments.add_argument("--corpus", type=Path, required=True)
    arguments.add_argument("--seed", type=int, default=None, help="of the random changes; the time, by default")
    options = arguments.parse_args()
    options.corpus.mkdir(parents=True, exist_ok=True)
    pool = [*seeds(), *(path.read_bytes() for path in sorted(options.corpus.iterdir()) if path.is_file())]
    seed = time.time_ns() if options.seed is None else options.seed
    generator, worker = random.Random(seed), Worker()
    print(f"seed {seed}, {len(pool)} models to begin with")
    deadline, runs = time.monotonic() + options.seconds, 0
    pending = list(pool)
    while time.monotonic() < deadline:
        data = pending.pop() if pending else mutated(generator.choice(pool), pool, generator)
        runs += 1
        fault = worker.fault(data)
        if fault:
            path = options.corpus / f"{hashlib.sha256(data).hexdigest()[:16]}.onnx"
            path.write_bytes(data)
            print(f"{path} after {runs} models:\n{fault}")
            worker.close()
            return 1
        # Later changes start from some of the changed models too. The pool stays small.
        if generator.random() < 0.05 and len(data) < 4096:
            pool.append(data)
            if len(pool) > 500:
                pool.pop(generator.randrange(len(SEEDS), len(pool)))
    worker.close()
    print(f"{runs} models, none of which failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
