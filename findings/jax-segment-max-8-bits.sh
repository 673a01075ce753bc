#!/usr/bin/env bash
# jax.ops.segment_max and segment_min of 8-bit floats without an infinity are NaN for every group.
#
# Expected: the maximum of the float8_e4m3fn values 1, 2 and 4 is 4, as jax.numpy.max gives it. A group without elements gets
# the lowest value of the type, -448, since the type has no infinity; so it is with int8 (-128) and float4_e2m1fn (-6).
# Seen: both groups are NaN, the full one and the empty one, jitted or not. It is so in float8_e4m3fn, float8_e4m3b11fnuz and
# float8_e5m2fnuz, which have no infinity but a NaN: the fill of -inf becomes NaN, and NaN wins every maximum. float8_e5m2 and
# float8_e4m3 have an infinity and give 4. The same scatter onto zeros, `.at[].max`, gives 4 in all of them.
# Packages: jax 0.12.0.1, jaxlib 0.12.0.1, on the CPU
# Date: 2026-11-27
# Why: features in 8 bits are pooled by maximum in quantised graph networks, and a softmax over groups subtracts the maximum
# first. A kernel that starts a maximum with a converted -inf has the same fault: it needs the lowest finite value.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.12}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check jax==0.12.0.1 jaxlib==0.12.0.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import math

import jax
import jax.numpy as jnp

groups = jnp.zeros(3, jnp.int32)
cases = (
    (jnp.float8_e4m3fn, math.nan),
    (jnp.float8_e4m3b11fnuz, math.nan),
    (jnp.float8_e5m2fnuz, math.nan),
    (jnp.float8_e5m2, -math.inf),
    (jnp.float8_e4m3, -math.inf),
    (jnp.float4_e2m1fn, -6.0),
)
for dtype, of_empty in cases:
    values = jnp.array([1, 2, 4], jnp.float32).astype(dtype)
    greatest = [float(value) for value in jax.ops.segment_max(values, groups, 2)]
    jitted = [float(value) for value in jax.jit(lambda v: jax.ops.segment_max(v, groups, 2))(values)]
    least = float(jax.ops.segment_min(values, groups, 2)[0])
    whole, scattered = float(jnp.max(values)), float(jnp.zeros(2, dtype).at[groups].max(values)[0])
    print(f"{values.dtype}: jax.numpy.max {whole}, .at[].max {scattered}, segment_max {greatest}, segment_min {least}")
    assert whole == scattered == 4
    assert str(greatest) == str(jitted)
    seen_nan = [math.isnan(value) for value in (*greatest, least)]
    assert seen_nan == [math.isnan(of_empty)] * 3, "segment_max of 8-bit floats has changed"
    assert math.isnan(of_empty) or (greatest == [4, of_empty] and least == 1), "segment_max of 8-bit floats has changed"
PYTHON
