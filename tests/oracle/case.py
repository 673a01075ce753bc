"""A case: what an operator is given, and how it is written down. README.md describes the format."""

import json
import math
from dataclasses import dataclass

import numpy as np
import torch

DTYPES = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float64": torch.float64,
    "int32": torch.int32,
    "int64": torch.int64,
}
FLOATS = ("float32", "float16", "bfloat16", "float64")
SIXTEEN_BITS = ("float16", "bfloat16")
INTEGERS = ("int32", "int64")

INDEX_DTYPES = ("int64", "int32")

SCATTER_REDUCTIONS = ("sum", "mul", "mean", "min", "max")
SEGMENT_REDUCTIONS = ("sum", "mean", "min", "max")
COMPOSITES = ("softmax", "log_softmax", "logsumexp", "std")
COMPOSITES_CSR = tuple(f"{op}_csr" for op in COMPOSITES)
BY_INDPTR = ("segment_csr", "gather_csr", "gather_segment_csr", "attention_csr", *COMPOSITES_CSR)
BY_DESTINATION = ("gather_scatter", "gather_segment_coo")


@dataclass
class Case:
    """One call of an operator. `index` is indptr for the operators that take one, and destination for gather_scatter
    and gather_segment_coo; `rows` is the index of these two, gather_segment_csr and attention_csr. Both are always
    int64 here. `weight` holds attention_csr's scores."""

    name: str
    op: str
    dtype: str
    src: torch.Tensor
    index: torch.Tensor
    index_dtype: str = "int64"
    reduce: str | None = None
    base: torch.Tensor | None = None
    rows: torch.Tensor | None = None
    weight: torch.Tensor | None = None
    dim: int | None = None
    dim_size: int | None = None
    unbiased: bool | None = None
    rtol: float = 0.0
    atol: float = 0.0

    @property
    def torch_dtype(self):
        return DTYPES[self.dtype]

    @property
    def axis(self):
        """The axis of src that the operator works along, counted from 0."""
        return self.index.dim() - 1 if self.dim is None else self.dim % self.src.dim()

    @property
    def composite(self):
        """The formula of a composite, whatever tells its groups; None for other operators."""
        return self.op.removesuffix("_csr") if self.op in (*COMPOSITES, *COMPOSITES_CSR) else None

    @property
    def index_name(self):
        """The name of `index` in a line."""
        if self.op in BY_DESTINATION:
            return "destination"
        return "indptr" if self.op in BY_INDPTR else "index"

    @property
    def weight_name(self):
        """The name of `weight` in a line."""
        return "score" if self.op == "attention_csr" else "weight"

    @property
    def is_exact(self):
        """Whether the result is the same in whatever order it is computed. The others have exponentials or roots."""
        return self.composite is None and self.op != "attention_csr"

    @property
    def selects(self):
        return self.reduce in ("min", "max")


def extremes(dtype):
    """The lowest and the highest finite number of a type."""
    kind = DTYPES[dtype]
    info = torch.finfo(kind) if kind.is_floating_point else torch.iinfo(kind)
    return info.min, info.max


def token(value):
    """The shortest decimal that reads back as this number."""
    if not isinstance(value, (float, np.floating)):
        return str(value)
    if math.isnan(value):
        return "NaN"
    text = str(value)
    return text.removesuffix(".0")


def tensor_json(tensor):
    if tensor.dtype == torch.float64:
        values = tensor.flatten().tolist()
    elif tensor.is_floating_point():
        # 16-bit numbers are written as the float32 they equal: its shortest decimal reads back exactly.
        values = tensor.flatten().to(torch.float32).numpy()
    else:
        values = tensor.flatten().tolist()
    return {"shape": list(tensor.shape), "data": " ".join(map(token, values))}


def case_json(case, out, arg_out, sharper):
    """The line for a case. Fields that do not apply are left out."""
    fields = {
        "name": case.name,
        "op": case.op,
        "reduce": case.reduce,
        "dtype": case.dtype,
        "index_dtype": case.index_dtype,
        "dim": case.dim,
        "dim_size": case.dim_size,
        "unbiased": case.unbiased,
        "weight_dtype": None if case.weight is None or case.weight.dtype == case.src.dtype else "float32",
        "src": tensor_json(case.src),
        **({} if case.rows is None else {"index": tensor_json(case.rows)}),
        case.index_name: tensor_json(case.index),
        case.weight_name: None if case.weight is None else tensor_json(case.weight),
        "base": None if case.base is None else tensor_json(case.base),
        "out": tensor_json(out),
        "arg_out": None if arg_out is None else tensor_json(arg_out),
        "rtol": case.rtol or None,
        "atol": case.atol or None,
        "sharper": sharper or None,
    }
    return json.dumps({key: value for key, value in fields.items() if value is not None}, separators=(",", ":"))
