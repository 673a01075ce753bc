"""Functions of a library that do something else for a time."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch

from tensorrt_scatter.onnx.patching.replacing import copied, replaced


def given(first: int, second: int = 10, *, third: int = 100) -> int:
    return first + second + third


def ours(first: int, second: int = 0, *, third: int = 0) -> int:
    return -(first + second + third)


class Layer(torch.nn.Module):
    of_the_class = staticmethod(given)

    def __init__(self) -> None:
        super().__init__()
        self.of_the_layer = given


def closure() -> Callable[[int], int]:
    inside = given
    return lambda first: inside(first)


layer = Layer()
HOLDERS: dict[str, Callable[..., int]] = {
    "module": lambda first: given(first),
    "class": lambda first: Layer.of_the_class(first),
    "layer": lambda first: layer.of_the_layer(first),
    "dictionary": lambda first, held={"f": given}: held["f"](first),
    "tuple": lambda first, held=(given,): held[0](first),
    "partial": functools.partial(given),
    "partial with an argument": functools.partial(given, third=100),
    "default": lambda first, held=given: held(first),
    "closure": closure(),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_it_does_not_matter_who_holds_a_function(name: str) -> None:
    call = HOLDERS[name]
    with replaced({given: ours}):  # type: ignore[dict-item]
        assert call(1) == (-101 if name == "partial with an argument" else -1)
    assert call(1) == 111


def test_everything_is_as_before_after_an_error() -> None:
    code = given.__code__
    with pytest.raises(RuntimeError, match="inside"), replaced({given: ours}):  # type: ignore[dict-item]
        raise RuntimeError("inside")
    assert given.__code__ is code and given(1) == 111


def test_replacements_can_be_nested() -> None:
    function: Any = given

    def outer(*args: Any) -> Any:
        return "outer", before_outer(*args)

    def inner(*args: Any) -> Any:
        return "inner", before_inner(*args)

    before_outer = copied(function)
    with replaced({function: outer}):
        before_inner = copied(function)
        with replaced({function: inner}):
            assert function(1) == ("inner", ("outer", 111))
        assert function(1) == ("outer", 111)
    assert function(1) == 111


def test_only_plain_functions_can_be_replaced() -> None:
    functions: list[tuple[Any, str]] = [(torch.add, "builtin"), (closure(), "is a closure")]
    for function, words in functions:
        with pytest.raises(TypeError, match=words), replaced({function: ours}):
            pass
