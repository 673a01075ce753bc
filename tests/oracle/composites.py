"""How cases of the composites and of attention_csr are made, and how exact their results have to be."""

from case import Case

# The operator, and for std whether it divides by one less than the count.
COMPOSITE_CALLS = (("softmax", None), ("log_softmax", None), ("logsumexp", None), ("std", True), ("std", False))

# The same over segments.
COMPOSITE_CSR_CALLS = tuple((f"{op}_csr", unbiased) for op, unbiased in COMPOSITE_CALLS)

# One ulp of the 16-bit types; 32 ulps of float32 and 64 of float64 leave room for an exp and a log, and for sums
# in any order. What float32 computes near 0 is off by an absolute error, whichever type it is rounded to.
COMPOSITE_TOLERANCES = {
    "float16": (2.0**-10, 2.0**-20),
    "bfloat16": (2.0**-7, 2.0**-20),
    "float32": (2.0**-18, 2.0**-20),
    "float64": (2.0**-46, 2.0**-48),
}

# Values of up to 4 that cancel are off by more than the softmaxes that they are multiplied by.
ATTENTION_TOLERANCES = {dtype: (rtol, 4 * atol) for dtype, (rtol, atol) in COMPOSITE_TOLERANCES.items()}


def composite_name(op, unbiased):
    return op if unbiased is None else f"{op} {'unbiased' if unbiased else 'biased'}"


def composite_case(name, call, dtype, src, index, dim=-1, **options):
    rtol, atol = COMPOSITE_TOLERANCES[dtype]
    op, unbiased = call
    return Case(name, op, dtype, src, index, dim=dim, unbiased=unbiased, rtol=rtol, atol=atol, **options)


def composite_csr_case(name, call, dtype, src, indptr, **options):
    """A composite over the segments of an indptr, which tells the axis."""
    return composite_case(name, call, dtype, src, indptr, dim=None, **options)


def attention_case(name, dtype, src, rows, indptr, score, **options):
    rtol, atol = ATTENTION_TOLERANCES[dtype]
    name = f"attention_csr {dtype}: {name}"
    return Case(name, "attention_csr", dtype, src, indptr, rows=rows, weight=score, rtol=rtol, atol=atol, **options)
