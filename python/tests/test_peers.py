"""docs/PEERS.md: each row of its tables has a call and what it gives. This runs the calls of the installed packages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from peers import PACKAGES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "PEERS.md"

VERSIONS = "Versions"
"""The section about the packages. Every other section is a question."""
BY_HAND = "not tested here"
"""Marks a row that no test runs."""
BY_TESTS = "by the tests"
"""Marks a package that the tests' environment has."""


@dataclass(frozen=True)
class Row:
    """A row of a question's table."""

    question: str
    setup: str
    """The code above the table, which gives the arrays."""
    package: str
    call: str
    result: str
    note: str

    def __str__(self) -> str:
        return f"{self.question}: {self.package}: {self.call}"

    @property
    def is_tested(self) -> bool:
        return BY_HAND not in self.note


def sections() -> dict[str, str]:
    """The page's sections by their titles."""
    parts = re.split(r"^## (.+)\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def table(section: str) -> list[list[str]]:
    """The cells of a section's table, its head first, without backticks."""
    lines = [line.strip("|").replace("`", "") for line in section.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    return cells[:1] + cells[2:]


def rows() -> Iterator[Row]:
    """The rows of all questions."""
    for question, section in sections().items():
        if question == VERSIONS:
            continue
        head, *body = table(section)
        assert head == ["package", "call", "gives", ""], f"{PAGE.name}, {question}: the table's head is {head}"
        setup = "\n".join(re.findall(r"^```python\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL))
        for package, call, result, note in body:
            yield Row(question, setup, package, call, result, note)


ROWS = list(rows())


@pytest.mark.parametrize("row", [row for row in ROWS if row.is_tested], ids=str)
@pytest.mark.filterwarnings("ignore")
def test_each_row_of_the_page_is_what_its_package_gives(row: Row) -> None:
    package = PACKAGES[row.package]
    package.skip_where_absent()
    assert package.run(row.setup, row.call) == row.result, f"{PAGE.name} says {row.result}"


def test_the_rows_that_no_test_runs_are_of_packages_that_no_test_can_run() -> None:
    # A row of another package would escape its test by the mark.
    assert {row.package for row in ROWS if not row.is_tested} == {"TensorRT"}
    assert "TensorRT" not in PACKAGES


def test_each_question_has_the_rule_of_this_library() -> None:
    for question, section in sections().items():
        assert question == VERSIONS or section.lstrip().startswith("**This library.** "), question


def test_the_versions_are_those_of_the_rows_packages() -> None:
    _, *body = table(sections()[VERSIONS])
    assert [package for package, *_ in body] == [*PACKAGES, "TensorRT"]
    assert {row.package for row in ROWS} == {*PACKAGES, "TensorRT"}
    for package, version, run, _ in body[1:]:
        assert re.search(r"\d+\.\d+", version), f"{package} has the version {version!r}"
        if run != BY_TESTS:
            assert re.search(r"20\d\d-\d\d-\d\d", run), f"{package} was run {run!r}, which is no date"


def test_the_packages_that_the_tests_run_are_installed_for_them() -> None:
    files = ("requirements-test.txt", "requirements-torch.txt")
    lines = "\n".join((ROOT / "python" / file).read_text(encoding="utf-8") for file in files)
    installed = {"tensorrt_scatter", *re.findall(r"^\w+", lines, flags=re.MULTILINE)}
    _, *body = table(sections()[VERSIONS])
    marked = {PACKAGES[package].module for package, _, run, _ in body if run == BY_TESTS}
    assert marked == installed & {package.module for package in PACKAGES.values()}
