"""A table of layers: every plugin with attributes, and inputs that fit."""

import dataclasses
import math

import numpy as np

from numpy_operators import FORMULAS, REDUCTIONS

#: Numbers whose sums and products are exact in any order, as long as groups are small.
FACTORS = {"f": [-2.0, -1.0, -0.5, 0.5, 1.0, 2.0], "i": [-3, -2, -1, 1, 2, 3]}

FLOATS = (np.float32, np.float16)
VALUES = (*FLOATS, np.int32)

#: How far results of exponentials may lie apart, relative to 1.
TOLERANCES = {np.float32: 1e-5, np.float16: 2e-3}


def values(random, shape, dtype):
    return random.choice(np.array(FACTORS[np.dtype(dtype).kind], dtype), shape)


def indices(random, shape, groups):
    """Indices, of which some lie outside [0, groups)."""
    return random.integers(-1, groups + 1, shape).astype(np.int32)


def bounds(random, shape, end):
    """Rows that rise from 0 to `end`."""
    rows = np.sort(random.integers(0, end + 1, shape), axis=-1)
    rows[..., 0], rows[..., -1] = 0, end
    return rows.astype(np.int32)


@dataclasses.dataclass
class Layer:
    """A plugin with its attributes; sizes by which inputs are drawn: [batch, length, columns] of src, and the number of
    groups, segments or rows."""

    plugin: str
    attributes: dict
    has_base: bool = False
    #: The types of the first input.
    dtypes: tuple = VALUES
    #: Weights of an element, or scores: 0 for an input without weights, 1 for weights [.., E], 2 for weights [.., E, H]
    #: with two heads, or one where the columns are odd. These are FLOAT where src is HALF. Of TRTS_GatherDot, 1 and 2
    #: stand for weights [K] of src's type, and of FLOAT where src is HALF.
    heads: int = 0

    def __str__(self):
        with_heads = f" with weights of {self.heads}" if self.heads else ""
        return f"{self.plugin} {self.attributes}{' with base' if self.has_base else ''}{with_heads}"

    @property
    def is_composite(self):
        return self.dtypes == FLOATS

    @property
    def outputs(self):
        """The names of the outputs. Only some reductions have the second one of the other plugins."""
        return ("perm", "indptr") if self.plugin == "TRTS_GroupIndex" else ("out", "arg_out")

    def inputs(self, random, dtype, batch, length, columns, groups):
        """src, index and base, by name. The leading axis of the index is 1 or the batch."""
        if self.plugin == "TRTS_GatherSegmentCSR":
            return self._inputs_of_gather_segments(random, dtype, batch, length, columns, groups)
        if self.plugin in ("TRTS_GatherScatter", "TRTS_GatherSegmentCOO"):
            inputs = self._inputs_of_gather_segments(random, dtype, batch, length, columns, groups)
            inputs["indptr"] = indices(random, (random.choice([1, batch]), 2 * length), groups)
            if self.plugin == "TRTS_GatherSegmentCOO":
                inputs["indptr"].sort(axis=-1)
            # The destinations are where the indptr of the other plugin is.
            return {"destination" if name == "indptr" else name: array for name, array in inputs.items()}
        if self.plugin == "TRTS_AttentionCSR":
            inputs = self._inputs_of_gather_segments(random, dtype, batch, length, columns, groups)
            return {"score" if name == "weight" else name: array for name, array in inputs.items()}
        if self.plugin == "TRTS_GatherDot":
            return self._inputs_of_gather_dot(random, dtype, batch, length, columns, groups)
        if self.plugin == "TRTS_GroupIndex":
            return {"index": indices(random, (batch, length), groups)}
        long, short = (batch, length, columns), (batch, groups, columns)
        rows = random.choice([1, batch])
        if self.plugin == "TRTS_SegmentCSR" or (self.is_composite and self.plugin.endswith("CSR")):
            src, index, base = long, bounds(random, (rows, groups + 1), length), short
        elif self.plugin == "TRTS_GatherCOO":
            src, index, base = short, indices(random, (rows, length), groups), long
        elif self.plugin == "TRTS_GatherCSR":
            src, index, base = short, bounds(random, (rows, groups + 1), length), long
        else:
            src, index, base = long, indices(random, (rows, length), groups), short
        if self.plugin == "TRTS_SegmentCOO":
            index = np.sort(index, axis=-1)
        inputs = {"src": values(random, src, dtype), "index": index}
        if self.has_base:
            inputs["base"] = values(random, base, dtype)
        return inputs

    def _inputs_of_gather_segments(self, random, dtype, batch, length, columns, groups):
        """src, index, indptr and weight: the index names each row of src twice or so. A leading axis is 1 or the batch."""
        elements = 2 * length
        rows, segments, factors = random.choice([1, batch], 3)
        inputs = {
            "src": values(random, (batch, length, columns), dtype),
            "index": indices(random, (rows, elements), length),
            "indptr": bounds(random, (segments, groups + 1), elements),
        }
        if self.heads == 1:
            inputs["weight"] = values(random, (factors, elements), dtype)
        elif self.heads:
            heads = math.gcd(self.heads, columns)
            inputs["weight"] = values(random, (factors, elements, heads), np.float32 if dtype is np.float16 else dtype)
        return inputs

    def _inputs_of_gather_dot(self, random, dtype, batch, length, columns, groups):
        """src, index, other, other_index and weight: each head has `columns` columns."""
        columns *= self.attributes.get("heads", 1)
        (rows, other_rows), pairs = random.choice([1, batch], 2), 2 * length
        inputs = {
            "src": values(random, (batch, length, columns), dtype),
            "index": indices(random, (rows, pairs), length),
            "other": values(random, (batch, groups, columns), dtype),
            "other_index": indices(random, (other_rows, pairs), groups),
        }
        if self.heads:
            of_weights = np.float32 if self.heads == 2 and dtype is np.float16 else dtype
            inputs["weight"] = values(random, (columns,), of_weights)
        return inputs


#: The number of groups, and of rows of gather_csr, that the attributes below tell.
GROUPS, LENGTH = 50, 300


def _layers():
    for has_base in (False, True):
        size = {} if has_base else {"dim_size": GROUPS}
        for reduce in FORMULAS:
            if reduce in REDUCTIONS["TRTS_Scatter"]:
                yield Layer("TRTS_Scatter", {"dim": 1, "reduce": reduce, **size}, has_base)
            if reduce in ("sum", "mean"):
                yield Layer("TRTS_Scatter", {"dim": 1, "reduce": reduce, "deterministic": 1, **size}, has_base)
            if reduce in REDUCTIONS["TRTS_SegmentCOO"]:
                yield Layer("TRTS_SegmentCOO", {"reduce": reduce, **size}, has_base)
            if reduce in REDUCTIONS["TRTS_SegmentCSR"]:
                yield Layer("TRTS_SegmentCSR", {"reduce": reduce}, has_base)
        yield Layer("TRTS_GatherCOO", {}, has_base)
        yield Layer("TRTS_GatherCSR", {} if has_base else {"size": LENGTH}, has_base)
    for reduce in REDUCTIONS["TRTS_GatherSegmentCSR"]:
        for heads in (0, 1, 2):
            yield Layer("TRTS_GatherSegmentCSR", {"reduce": reduce}, heads=heads)
    for plugin in ("TRTS_GatherScatter", "TRTS_GatherSegmentCOO"):
        for reduce in REDUCTIONS[plugin]:
            for heads in (0, 1, 2):
                yield Layer(plugin, {"reduce": reduce, "dim_size": GROUPS}, heads=heads)
    yield Layer("TRTS_GroupIndex", {"dim_size": GROUPS}, dtypes=(np.int32,))
    groups = {"dim": -2, "dim_size": GROUPS}
    yield Layer("TRTS_ScatterSoftmax", groups, dtypes=FLOATS)
    yield Layer("TRTS_ScatterLogSoftmax", {**groups, "eps": 1e-6}, dtypes=FLOATS)
    yield Layer("TRTS_ScatterLogSumExp", groups, dtypes=FLOATS)
    for unbiased in (0, 1):
        yield Layer("TRTS_ScatterStd", {**groups, "unbiased": unbiased}, dtypes=FLOATS)
        yield Layer("TRTS_StdCSR", {"unbiased": unbiased}, dtypes=FLOATS)
    yield Layer("TRTS_SoftmaxCSR", {}, dtypes=FLOATS)
    yield Layer("TRTS_LogSoftmaxCSR", {"eps": 1e-6}, dtypes=FLOATS)
    yield Layer("TRTS_LogSumExpCSR", {}, dtypes=FLOATS)
    for heads in (1, 2):
        yield Layer("TRTS_AttentionCSR", {}, dtypes=FLOATS, heads=heads)
    yield Layer("TRTS_GatherDot", {}, dtypes=FLOATS)
    for heads in (1, 2):
        yield Layer("TRTS_GatherDot", {"heads": 3}, dtypes=FLOATS, heads=heads)
        yield Layer("TRTS_GatherDot", {"combine": "add", "negative_slope": 0.5, "heads": 2}, dtypes=FLOATS, heads=heads)


LAYERS = list(_layers())
