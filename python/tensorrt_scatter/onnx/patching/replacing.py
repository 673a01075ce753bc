"""Makes functions of a library do something else for a time, wherever a program holds them.

A function is not put in another's place, but gets other code. So it does not matter who holds it, or how: a module, a
class, a layer, a dictionary, a tuple, a functools.partial or a closure.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any

REPLACEMENTS: dict[str, Callable[..., Any]] = {}
"""What each function with other code calls, by a key that its code has."""

# Each replacement has a key of its own: so the code of an outer one still finds what belongs to it.
_numbers = itertools.count()

_CODE = """
def replaced(*args, **kwargs):
    from {module} import REPLACEMENTS
    return REPLACEMENTS[{key!r}](*args, **kwargs)
"""


@contextmanager
def replaced(functions: Mapping[FunctionType, Callable[..., Any]]) -> Iterator[None]:
    """Inside it, a call of each function calls the other one of the mapping. It may be nested.

    Raises:
        TypeError: a function is no plain Python function, such as one that torch.jit.script has compiled.
    """
    for function in functions:
        _check(function)
    saved = [(each, each.__code__, each.__defaults__, each.__kwdefaults__) for each in functions]
    keys = []
    try:
        for function, ours in functions.items():
            keys.append(f"{function.__module__}.{function.__qualname__} {next(_numbers)}")
            REPLACEMENTS[keys[-1]] = ours
            function.__code__ = _code_of(keys[-1])
            # The new code has no argument for them.
            function.__defaults__ = function.__kwdefaults__ = None
        yield
    finally:
        for function, code, defaults, keyword_defaults in saved:
            function.__code__ = code
            function.__defaults__, function.__kwdefaults__ = defaults, keyword_defaults
        for key in keys:
            del REPLACEMENTS[key]


def copied(function: FunctionType) -> Callable[..., Any]:
    """A function that does what `function` does now, also after it has got other code."""
    copy = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def _check(function: Any) -> None:
    name = getattr(function, "__name__", repr(function))
    if type(function) is not FunctionType:
        raise TypeError(
            f"{name} is a {type(function).__name__}: expected a Python function. A function that torch.jit.script has "
            "compiled cannot be replaced; export without torch.jit.script"
        )
    if function.__closure__ is not None:
        raise TypeError(
            f"{name} of {function.__module__} is a closure: expected a function of the module. This version of the "
            "library is not known here; call the functions of tensorrt_scatter.onnx.ops instead"
        )


def _code_of(key: str) -> CodeType:
    namespace: dict[str, FunctionType] = {}
    exec(compile(_CODE.format(module=__name__, key=key), __file__, "exec"), namespace)
    return namespace["replaced"].__code__
