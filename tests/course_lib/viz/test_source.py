"""What a chapter shows of the library is the library's code, whole but for the docstrings."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterator

import pytest

import course_lib
from course_lib.linear import normal_equation, ridge
from course_lib.optim import SGD
from course_lib.viz import source as module
from course_lib.viz.source import show_source, source_of

from ..refusals import refused


def public_definitions() -> Iterator[Callable]:
    for found in pkgutil.walk_packages(course_lib.__path__, "course_lib."):
        home = importlib.import_module(found.name)
        for name, value in vars(home).items():
            if (inspect.isfunction(value) or inspect.isclass(value)) and value.__module__ == home.__name__:
                yield pytest.param(value, id=f"{home.__name__}.{name}")


def statements(code: str) -> list[str]:
    """All simple statements and the heads of compound ones, in a form that does not depend on layout."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.stmt):
            for part in ("body", "orelse", "finalbody", "handlers"):
                if isinstance(getattr(node, part, None), list):
                    setattr(node, part, [])
            found.append(ast.dump(node))
    return found


@pytest.mark.parametrize("definition", list(public_definitions()))
def test_what_is_shown_is_code_of_the_definition_and_nothing_else(definition):
    """Each line that a chapter shows stands in the file; what is missing is docstrings, checks and their sentences."""
    whole, shown = source_of(definition, docstring=True), source_of(definition)
    known = statements(whole)
    for statement in statements(shown):
        assert statement in known or "Ellipsis" in statement
    tree = ast.parse(shown)
    assert type(tree.body[0]) is type(ast.parse(whole).body[0])
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            assert ast.get_docstring(node) is None or len(node.body) == 1
    code = [line for line in shown.splitlines() if not line.lstrip().startswith("#")]
    assert max(map(len, code)) <= 88 or any('"' in line for line in code if len(line) > 88)
    assert not shown.endswith("\n")


def test_checks_their_sentences_and_what_was_made_for_them_go_and_the_rest_stays():
    def example(x, y, size=3):
        """One line."""
        check_tensors(x=(x, "N"))  # noqa: F821
        wanted = f"size must be odd, not {size}"
        low, high = x.min(), x.max()
        if size % 2 == 0:
            raise ValueError(wanted)
        if low < 0:
            words = f"{low} to {high}"
            raise ValueError(words)
        # a comment
        total = x + y  # (N,)

        if total > 3:
            return None
        for part in total:
            if part < 0:
                raise ValueError("negative")
            if part > 9:
                print(part)
                raise ValueError("large")
            total += part
        raise ValueError(f"nothing found in {total}")

    assert source_of(example).splitlines() == [
        "def example(x, y, size=3):",
        "    # a comment",
        "    total = x + y  # (N,)",
        "",
        "    if total > 3:",
        "        return None",
        "    for part in total:",
        "        if part > 9:",
        "            print(part)",
        "            raise ValueError(...)",
        "        total += part",
        "    raise ValueError(...)",
    ]
    assert "check_tensors" in source_of(example, docstring=True)


def test_a_body_of_checks_alone_stays():
    def example(x):
        if x < 0:
            raise ValueError("negative")

    assert source_of(example).splitlines()[1:] == ["    if x < 0:", "        raise ValueError(...)"]


def test_long_lines_are_wrapped_and_long_comments_go_above():
    def example(first_argument, second_argument):
        some_value = first_argument * second_argument + first_argument  # a comment which is rather long
        return [some_value, some_value + first_argument, some_value + second_argument, second_argument - some_value]

    shown = source_of(example)
    assert max(map(len, shown.splitlines())) <= 88
    assert "    # a comment which is rather long\n    some_value = first_argument" in shown
    assert ast.dump(ast.parse(shown)) == ast.dump(ast.parse(source_of(example, docstring=True)))


def test_without_ruff_lines_stay_as_they_are(monkeypatch):
    monkeypatch.setitem(sys.modules, "ruff.__main__", None)
    assert module.wrap("x = 1\n") == "x = 1\n"


def test_methods_are_dedented_and_keep_their_decorator():
    assert source_of(SGD.step).startswith("@torch.no_grad()\ndef step(self)")


def test_several_definitions_stand_in_the_order_given():
    shown = source_of(ridge, normal_equation)
    assert [node.name for node in ast.parse(shown).body] == ["ridge", "normal_equation"]
    assert "\n\n\n" in shown


def test_shows_a_highlighted_block_with_the_files_it_comes_from(monkeypatch):
    shown = []
    monkeypatch.setattr(module, "display", shown.append)
    show_source(ridge, normal_equation)
    show_source(ridge, docstring=True)
    lines = shown[0].data.splitlines()
    assert lines[0] == "```python"
    assert lines[1] == "# course_lib/linear/ridge.py, course_lib/linear/least_squares.py"
    assert lines[-1] == "```"
    assert "Closed-form ridge regression" not in shown[0].data
    assert "Closed-form ridge regression" in shown[1].data


@pytest.mark.parametrize("thing", [len, max, 3, "text"])
def test_what_has_no_python_source_is_refused(thing):
    refused(lambda: source_of(thing), r"show_source wants functions or classes written in Python, not")
