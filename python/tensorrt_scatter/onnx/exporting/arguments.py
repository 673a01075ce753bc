"""The arguments that a model is exported with, as named tensors, and which of their axes vary."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

Model = Callable[..., Any]
"""A torch.nn.Module, or a function of tensors."""


@dataclass(frozen=True)
class Size:
    """A size that varies. Equal names are equal sizes."""

    name: str
    lowest: int = 0
    highest: int | None = None

    def dim(self) -> Any:
        """It, as torch.export wants it."""
        return torch.export.Dim(self.name, min=self.lowest, max=self.highest)


@dataclass(frozen=True)
class Input:
    """A tensor among the arguments."""

    name: str
    """Its name in the ONNX file."""
    tensor: Tensor
    sizes: Mapping[int, Size]
    """The axes that vary."""


@dataclass(frozen=True)
class _Place:
    """Stands for the input of that number."""

    number: int


@dataclass(frozen=True)
class Call:
    """How a model is called: its inputs, and what it is given besides."""

    inputs: tuple[Input, ...]
    args: tuple[Any, ...]
    """The positional arguments, with places for tensors."""
    kwargs: dict[str, Any]
    """The arguments by name, likewise."""

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        return tuple(each.tensor for each in self.inputs)

    @property
    def sizes(self) -> dict[str, Size]:
        """The sizes that vary, by name."""
        return {size.name: size for each in self.inputs for size in each.sizes.values()}

    def filled(self, tensors: Sequence[Tensor]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with these tensors in their places."""
        return tuple(_filled(self.args, tensors)), _filled(self.kwargs, tensors)

    def others(self, args: Any) -> tuple[Tensor, ...]:
        """The tensors of other arguments for the same call.

        Raises:
            ValueError: the arguments are not like the call's own.
        """
        positional, named = split(args)
        other: list[Tensor] = []
        form = [_taken_apart(list(positional), "", other, []), _taken_apart(named, "", other, [])]
        if form != [list(self.args), self.kwargs]:
            raise ValueError("more_args: expected arguments like args: as many tensors, and all else equal")
        for each, tensor in zip(self.inputs, other):
            if (tensor.dtype, tensor.dim()) != (each.tensor.dtype, each.tensor.dim()):
                raise ValueError(
                    f"more_args: {each.name} is {tensor.dtype} with {tensor.dim()} axes: expected "
                    f"{each.tensor.dtype} with {each.tensor.dim()}"
                )
        return tuple(other)


class Flat(nn.Module):
    """A model as a module that takes a tuple of tensors and returns one."""

    def __init__(self, model: Model, call: Call) -> None:
        super().__init__()
        self.model = model
        self.call = call

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        args, kwargs = self.call.filled(tensors)
        returned = [tensor for _, tensor in outputs_of(self.model(*args, **kwargs))]
        # In a file, no tensor has two names.
        return tuple(
            tensor.clone() if any(tensor is other for other in (*tensors, *returned[:place])) else tensor
            for place, tensor in enumerate(returned)
        )


def split(args: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The positional arguments, and those by name: a dictionary is arguments by name, a tensor one argument."""
    if isinstance(args, dict):
        return (), args
    return tuple(args) if isinstance(args, (tuple, list)) else (args,), {}


def call_of(model: Model, args: Any, dynamic_shapes: Any, input_names: Sequence[str] | None) -> Call:
    """Names the tensors among the arguments, and their axes that vary.

    Raises:
        ValueError: the model does not take the arguments, `dynamic_shapes` does not fit them, or there are too few or
            equal names.
    """
    positional, named = split(args)
    parameters = list(_parameters(model, positional, named))
    tensors: list[Tensor] = []
    names: list[str] = []
    args_form = [_taken_apart(value, name, tensors, names) for name, value in parameters[: len(positional)]]
    kwargs_form = {name: _taken_apart(value, name, tensors, names) for name, value in parameters[len(positional) :]}
    if not tensors:
        raise ValueError(f"args has no tensor: expected the tensors that the model is called with, not {args!r}")
    sizes = _sizes(dynamic_shapes, parameters, len(positional), names, tensors)
    if input_names is not None:
        if len(input_names) != len(tensors):
            raise ValueError(
                f"input_names has {len(input_names)} names: expected {len(tensors)}, for {', '.join(names)}"
            )
        names = list(input_names)
    check_unique("input_names", names)
    inputs = tuple(Input(name, tensor, of) for name, tensor, of in zip(names, tensors, sizes))
    _check_sizes(inputs)
    return Call(inputs, tuple(args_form), kwargs_form)


def check_unique(argument: str, names: Sequence[str]) -> None:
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise ValueError(f"two tensors are called {twice!r}: give each a name of its own by {argument}")


def outputs_of(value: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors that a model returns, with names: those of a dictionary, else numbers. None is left out."""
    if isinstance(value, Tensor):
        yield name or "out", value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from outputs_of(each, f"{name}_{_text(key)}" if name else _text(key))
    elif isinstance(value, (tuple, list)):
        for place, each in enumerate(value):
            yield from outputs_of(each, f"{name or 'out'}_{place}")
    elif value is not None:
        raise ValueError(
            f"the model returns a {type(value).__name__}: expected tensors, in tuples, lists and dictionaries; wrap the "
            "model in a module that returns these"
        )


def _text(key: Any) -> str:
    """A key as a part of a name: torch_geometric has tuples of texts."""
    return "_".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _parameters(model: Model, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each argument with the name that the model has for it, positional ones first."""
    function = model.forward if isinstance(model, nn.Module) else model
    try:
        bound = inspect.signature(function).bind(*args, **kwargs)
    except TypeError as error:
        raise ValueError(f"the model cannot be called with args: {error}") from error
    names: list[str] = []
    for name, parameter in bound.signature.parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            names += [f"{name}_{place}" for place in range(len(args) - len(names))]
        elif parameter.kind is not parameter.KEYWORD_ONLY and len(names) < len(args):
            names.append(name)
    yield from zip(names, args)
    yield from kwargs.items()


def _taken_apart(value: Any, name: str, tensors: list[Tensor], names: list[str]) -> Any:
    """A value with a place for each tensor in it. The tensors and their names are added to the lists."""
    if isinstance(value, Tensor):
        tensors.append(value)
        names.append(name)
        return _Place(len(tensors) - 1)
    if isinstance(value, dict):
        return {key: _taken_apart(each, f"{name}_{_text(key)}", tensors, names) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        parts = [_taken_apart(each, f"{name}_{place}", tensors, names) for place, each in enumerate(value)]
        if isinstance(value, list):
            return parts
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if value is None or isinstance(value, (bool, int, float, str, torch.dtype, torch.device)):
        return value
    raise ValueError(
        f"{name} is a {type(value).__name__}: expected tensors, numbers and texts, in tuples, lists and dictionaries; "
        "pass the tensors in it"
    )


def _filled(form: Any, tensors: Sequence[Tensor]) -> Any:
    if isinstance(form, _Place):
        return tensors[form.number]
    if isinstance(form, dict):
        return {key: _filled(each, tensors) for key, each in form.items()}
    if isinstance(form, (list, tuple)):
        parts = [_filled(each, tensors) for each in form]
        if isinstance(form, list):
            return parts
        return type(form)(*parts) if hasattr(form, "_fields") else tuple(parts)
    return form


def _sizes(
    given: Any, parameters: list[tuple[str, Any]], positional: int, names: list[str], tensors: list[Tensor]
) -> list[dict[int, Size]]:
    """The axes that vary, of each tensor."""
    found: list[dict[int, Size]] = [{} for _ in tensors]
    if given is None:
        return found
    wanted: dict[str, Any]
    if isinstance(given, dict):
        wanted = dict(given)
    elif isinstance(given, (tuple, list)):
        if len(given) != positional:
            raise ValueError(
                f"dynamic_shapes has {len(given)} entries: expected one for each of {positional} arguments"
            )
        wanted = {name: each for (name, _), each in zip(parameters, given)}
    else:
        raise ValueError(f"dynamic_shapes is {given!r}: expected a dictionary by argument, or a tuple")
    place = 0
    for name, value in parameters:
        count = _count(value)
        specs = _specs(value, wanted.pop(name), name) if name in wanted else [None] * count
        for number, spec in enumerate(specs, place):
            # A tensor inside an argument may be named by itself.
            spec = wanted.pop(names[number]) if names[number] in wanted else spec
            found[number] = dict(_axes(spec, names[number], tensors[number]))
        place += count
    if wanted:
        raise ValueError(f"dynamic_shapes names {next(iter(wanted))!r}: expected one of {', '.join(names)}")
    return found


def _count(value: Any) -> int:
    if isinstance(value, (tuple, list)):
        return sum(map(_count, value))
    return sum(map(_count, value.values())) if isinstance(value, dict) else int(isinstance(value, Tensor))


def _specs(value: Any, spec: Any, name: str) -> list[Any]:
    """What is said of each tensor in an argument."""
    if spec is None:
        return [None] * _count(value)
    if isinstance(value, Tensor):
        return [spec]
    if isinstance(value, dict) and isinstance(spec, dict):
        return [one for key, each in value.items() for one in _specs(each, spec.get(key), f"{name}_{_text(key)}")]
    if isinstance(value, (tuple, list)) and isinstance(spec, (tuple, list)) and len(value) == len(spec):
        pairs = enumerate(zip(value, spec))
        return [one for place, (each, inner) in pairs for one in _specs(each, inner, f"{name}_{place}")]
    raise ValueError(f"dynamic_shapes of {name} is {spec!r}, which does not have the form of the argument")


def _axes(spec: Any, name: str, tensor: Tensor) -> Iterator[tuple[int, Size]]:
    if spec is None:
        return
    if isinstance(spec, (tuple, list)):
        if len(spec) != tensor.dim():
            raise ValueError(
                f"dynamic_shapes of {name} has {len(spec)} sizes: expected one for each of {tensor.dim()} axes"
            )
        spec = dict(enumerate(spec))
    if not isinstance(spec, dict):
        raise ValueError(f'dynamic_shapes of {name} is {spec!r}: expected axes with names, such as {{0: "n"}}')
    for axis, size in spec.items():
        if isinstance(axis, bool) or not isinstance(axis, int) or not -tensor.dim() <= axis < tensor.dim():
            raise ValueError(f"dynamic_shapes of {name} has the axis {axis!r}: expected 0 to {tensor.dim() - 1}")
        axis %= tensor.dim()
        if size is None or isinstance(size, int) or size is torch.export.Dim.STATIC:
            continue
        yield axis, _size(size, name, axis)


def _size(size: Any, name: str, axis: int) -> Size:
    if isinstance(size, str):
        if not size.isidentifier():
            raise ValueError(f"dynamic_shapes of {name}: {size!r} is no name: expected letters, digits and underscores")
        return _checked(Size(size))
    lowest, highest = getattr(size, "min", None), getattr(size, "max", None)
    # torch.export says by a number this large that there is no highest one.
    if not isinstance(highest, int) or highest >= 2**62:
        highest = None
    if type(size) is type(torch.export.Dim.DYNAMIC):
        return _checked(Size(f"{name}_{axis}", lowest or 0, highest))
    # A size that is computed from another has a root.
    if hasattr(size, "root") or not hasattr(size, "__name__") or not isinstance(lowest, int):
        raise ValueError(
            f"dynamic_shapes of {name} has {size!r} for axis {axis}: expected a name, a torch.export.Dim or None"
        )
    return _checked(Size(str(size.__name__), lowest, highest))


def _checked(size: Size) -> Size:
    if re.fullmatch(r"[suz]f?\d+", size.name):
        raise ValueError(
            f"dynamic_shapes calls a size {size.name!r}, as PyTorch may call others: expected another name"
        )
    return size


def _check_sizes(inputs: Sequence[Input]) -> None:
    seen: dict[str, tuple[int, str]] = {}
    ranges: dict[str, Size] = {}
    for each in inputs:
        for axis, size in each.sizes.items():
            length = each.tensor.size(axis)
            before, where = seen.setdefault(size.name, (length, f"{each.name} on axis {axis}"))
            if before != length:
                raise ValueError(
                    f"dynamic_shapes calls two sizes {size.name!r}: {before}, of {where}, and {length}, of {each.name} on "
                    f"axis {axis}; sizes that may differ need two names"
                )
            if ranges.setdefault(size.name, size) != size:
                raise ValueError(f"dynamic_shapes gives {size.name!r} two ranges: expected one")
            if length < size.lowest or (size.highest is not None and length > size.highest):
                raise ValueError(f"{each.name} has {length} on axis {axis}, outside of the range of {size.name!r}")
