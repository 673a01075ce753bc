"""What holds for every conversion."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import onnx
from graphs import Feeds

from tensorrt_scatter.onnx import convert, reference


def check(original: onnx.ModelProto, feeds: Feeds, operators: ModuleType, atol: float = 0) -> onnx.ModelProto:
    """Converts a model. Both models must be valid and compute the same."""
    before = original.SerializeToString()
    converted, _ = convert(original)
    assert original.SerializeToString() == before
    onnx.checker.check_model(converted, full_check=True)
    results = reference.evaluator(converted, operators).run(None, feeds)
    # The original may have plugins' nodes too.
    for result, expected in zip(results, reference.evaluator(original, operators).run(None, feeds), strict=True):
        assert result.dtype == expected.dtype and result.shape == expected.shape
        np.testing.assert_allclose(result, expected, rtol=0, atol=atol)
    again, report = convert(converted)
    assert not report.changes and again == converted
    return converted
