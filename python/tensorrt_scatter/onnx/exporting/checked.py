"""Whether a file computes what the model computes."""

from __future__ import annotations

import re
from collections.abc import Sequence

import onnx
import torch
from torch import Tensor

from .. import reference
from ..patching import libraries_as_plugins
from . import cases, sizes
from .arguments import Call, Model, outputs_of
from .cases import Case, Symbols
from .comparing import Different, Tolerance, array, compare
from .report import Comparison

_TOKEN = re.compile(r"[A-Za-z_]\w*")


class Oracle:
    """What PyTorch computes."""

    def __init__(self, model: Model, call: Call, dim_size: int | None, target: str | None) -> None:
        self.model = model
        self.call = call
        self.dim_size = dim_size
        self.target = target
        self.has_numbered = False
        """Whether the number of groups has changed a result: then the libraries themselves compute another one."""

    def named(self, tensors: Sequence[Tensor]) -> list[str]:
        """The names of the outputs."""
        return [name for name, _ in self._outputs(tensors)]

    def __call__(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        own = [tensor for _, tensor in self._outputs(tensors)]
        if self.dim_size is None:
            return own
        try:
            with libraries_as_plugins(self.dim_size, self.target):
                numbered = [tensor for _, tensor in self._outputs(tensors)]
        except (IndexError, RuntimeError) as error:
            raise ValueError(
                f"dim_size is {self.dim_size}, and the model fails with it: {_line(error)}; expected a number that is larger "
                "than every index"
            ) from error
        if all(map(_alike, own, numbered)):
            return own
        self.has_numbered = True
        return numbered

    def _outputs(self, tensors: Sequence[Tensor]) -> list[tuple[str, Tensor]]:
        # A model may write to its inputs.
        args, kwargs = self.call.filled([tensor.clone() for tensor in tensors])
        return list(outputs_of(self.model(*args, **kwargs)))


def _alike(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape:
        return False
    return torch.allclose(one.double(), other.double(), rtol=1e-4, atol=1e-5, equal_nan=True)


class Checker:
    """Compares files with a model.

    Raises:
        Different: the model gives another result each time.
    """

    def __init__(
        self, call: Call, outputs: list[str], oracle: Oracle, others: Sequence[Sequence[Tensor]], tolerance: Tolerance
    ) -> None:
        self.call = call
        self.outputs = outputs
        self.oracle = oracle
        self.others = others
        self.tolerance = tolerance
        cases_given = [Case("the given arguments", call.tensors)]
        cases_given += [Case(f"more_args[{place}]", tuple(tensors)) for place, tensors in enumerate(others)]
        self.given = [(case, oracle(case.tensors)) for case in cases_given]
        """What the user gave, with PyTorch's results."""
        if not all(map(_alike, self.given[0][1], oracle(call.tensors))):
            raise Different("the model gives another result each time it is called: random numbers cannot be compared")

    def symbols(self, model: onnx.ModelProto) -> Symbols:
        """The axes of each input that vary in the file. In the model they get the names that the user gave.

        Raises:
            Different: an axis that was to vary does not.
        """
        declared = {value.name: value.type.tensor_type.shape.dim for value in model.graph.input}
        names: dict[str, str] = {}
        found = []
        for each in self.call.inputs:
            of: dict[int, str] = {}
            for axis, size in each.sizes.items():
                dims = declared.get(each.name)
                if dims is not None and not dims[axis].dim_param:
                    raise Different(
                        f"{each.name} has {dims[axis].dim_value} elements on axis {axis} for good: the model, or the "
                        f"exporter, fixes {size.name!r}"
                    )
                symbol = size.name if dims is None else dims[axis].dim_param
                of[axis] = names.setdefault(symbol, size.name)
            found.append(of)
        _rename(model, names)
        return found

    def notes(self, model: onnx.ModelProto) -> list[str]:
        """What is to be known about the file."""
        known = {value.name for value in model.graph.input}
        notes = [
            f"the file has no input {each.name}: the model does not use it"
            for each in self.call.inputs
            if each.name not in known
        ]
        computed = sizes.from_values(model)
        if computed:
            notes.append(
                f"TensorRT builds no engine where a size comes from values: {', '.join(computed)}; give the number of groups by "
                "dim_size, or compute it outside of the model"
            )
        if self.oracle.has_numbered:
            notes.append(
                f"results depend on dim_size={self.oracle.dim_size}: there the file is compared with the model in which each "
                "call that gives no number of groups has this one"
            )
        return notes

    def compare(self, model: onnx.ModelProto, symbols: Symbols) -> list[Comparison]:
        """Compares a file with PyTorch on the given arguments, other values and other sizes.

        Raises:
            Different: it computes something else.
        """
        run = _Run(self, model)
        done = [run.compared(*each) for each in self.given]
        changed = cases.changed_values(self.call)
        if changed:
            done.append(self._changed(run, changed))
        compared = [tuple(tensors) for tensors in self.others]
        for makers in cases.resized(self.call, symbols):
            accepted = self._first(makers)
            if accepted is not None:
                done.append(run.compared(*accepted))
                compared.append(accepted[0].tensors)
        self._check_sizes(compared)
        return done

    def _check_sizes(self, compared: Sequence[Sequence[Tensor]]) -> None:
        """Checks that each size that is to vary was compared at another size than the given one."""
        for place, each in enumerate(self.call.inputs):
            for axis, size in each.sizes.items():
                if all(tensors[place].size(axis) == each.tensor.size(axis) for tensors in compared):
                    raise Different(
                        f"{size.name!r} is to vary, and could be compared at {each.tensor.size(axis)} only: the model refuses "
                        "the given arguments with their rows repeated or left out. Give arguments of other sizes by more_args, "
                        f"or leave {size.name!r} out of dynamic_shapes",
                        of_all=True,
                    )

    def _changed(self, run: _Run, changed: Sequence[Case]) -> Comparison:
        """Compares on the first of the cases that PyTorch takes and that do not lead to NaN."""
        was_finite = all(map(_is_finite, self.given[0][1]))
        reasons = []
        for case in changed:
            try:
                expected = self.oracle(case.tensors)
            except Exception as error:
                reasons.append(f"PyTorch refuses them: {_line(error)}")
                continue
            if not was_finite or all(map(_is_finite, expected)):
                return run.compared(case, expected)
            reasons.append("PyTorch gives NaN or infinities")
        return Comparison(changed[0].title, (), f"not compared: {reasons[0]}")

    def _first(self, makers: Sequence[cases.Maker]) -> tuple[Case, list[Tensor]] | None:
        """The first of the cases that PyTorch takes, and its results."""
        for make in makers:
            case = make()
            try:
                return case, self.oracle(case.tensors)
            except Exception:
                # An index points behind the end of an axis, or the model wants more elements.
                continue
        return None


class _Run:
    """A file in the evaluator."""

    def __init__(self, checker: Checker, model: onnx.ModelProto) -> None:
        self.checker = checker
        self.known = {value.name for value in model.graph.input}
        try:
            self.evaluator = reference.evaluator(model)
        except Exception as error:
            raise Different(
                f"onnx's reference evaluator cannot run it, so it is not compared: {_line(error)}"
            ) from error

    def compared(self, case: Case, expected: Sequence[Tensor]) -> Comparison:
        """Compares on one case.

        Raises:
            Different: the file computes something else.
        """
        checker = self.checker
        pairs = zip(checker.call.inputs, case.tensors)
        feeds = {each.name: array(tensor) for each, tensor in pairs if each.name in self.known}
        try:
            results = list(self.evaluator.run(None, feeds))
        except Exception as error:
            reason = f"onnx's reference evaluator stops there: {_line(error)}"
            if case.small:
                # The evaluator does not know all operators on nothing.
                return Comparison(case.title, (), f"not compared: {reason}")
            raise Different(f"with {case.title}, {reason}") from error
        try:
            return Comparison(case.title, compare(checker.outputs, results, expected, checker.tolerance))
        except Different as error:
            remedy = ""
            if case.small:
                remedy = f'; if it is never so small, say so: torch.export.Dim("{case.small}", min=2) in dynamic_shapes'
            raise Different(f"with {case.title}, {error}{remedy}", error.of_all) from error


def _is_finite(tensor: Tensor) -> bool:
    return not tensor.dtype.is_floating_point or bool(tensor.isfinite().all())


def _line(error: BaseException) -> str:
    """The first line of an error."""
    return (str(error).strip() or type(error).__name__).partition("\n")[0]


def _rename(model: onnx.ModelProto, names: dict[str, str]) -> None:
    """Renames sizes in a model, also where they are parts of a formula."""

    def renamed(text: str) -> str:
        if text in names:
            return names[text]
        return _TOKEN.sub(lambda found: names.get(found[0], found[0]), text)

    def visit(graph: onnx.GraphProto) -> None:
        for value in (*graph.input, *graph.output, *graph.value_info):
            for size in value.type.tensor_type.shape.dim:
                if size.dim_param:
                    size.dim_param = renamed(size.dim_param)
        for node in graph.node:
            for attribute in node.attribute:
                for inner in (attribute.g, *attribute.graphs):
                    visit(inner)

    visit(model.graph)
