#!/usr/bin/env bash
# jax.ops.segment_sum keeps its sums in 16 bits, jax.numpy.sum does not.
#
# Expected: the sum of one segment with all elements equals the sum of the array: both add float16 in float32 and round once,
# as jax.numpy.sum does.
# Seen: 4,096 float16 ones give 4,096 by jax.numpy.sum and 2,048 by segment_sum, jitted or not; in bfloat16 segment_sum stops
# at 256.
# Packages: jax 0.12.0.1, jaxlib 0.12.0.1, on the CPU
# Date: 2026-11-27
# Why: graph networks in JAX aggregate by segment_sum. A model moved from JAX to an engine with float32 sums gives other
# results, and the engine is the one that is right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.12}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check jax==0.12.0.1 jaxlib==0.12.0.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import jax
import jax.numpy as jnp

for dtype, stops_at in ((jnp.float16, 2048), (jnp.bfloat16, 256)):
    ones, segments = jnp.ones(4096, dtype), jnp.zeros(4096, jnp.int32)
    whole = float(jnp.sum(ones))
    segment = float(jax.ops.segment_sum(ones, segments, 1)[0])
    jitted = float(jax.jit(lambda x, s: jax.ops.segment_sum(x, s, 1))(ones, segments)[0])
    print(f"{ones.dtype}: jax.numpy.sum {whole}, segment_sum {segment}, jitted {jitted}")
    assert whole == 4096
    assert segment == jitted == stops_at, "segment_sum has changed"
PYTHON
