"""What a chapter shows of the library is the library's code, whole but for the docstrings."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator

import pytest

import course_lib
from course_lib.linear import normal_equation, ridge
from course_lib.optim import SGD
from course_lib.viz import source as module
from course_lib.viz.source import show_source, source_of


def public_definitions() -> Iterator[Callable]:
    for found in pkgutil.walk_packages(course_lib.__path__, "course_lib."):
        home = importlib.import_module(found.name)
        for name, value in vars(home).items():
            if (inspect.isfunction(value) or inspect.isclass(value)) and value.__module__ == home.__name__:
                yield pytest.param(value, id=f"{home.__name__}.{name}")


def bare(code: str) -> str:
    """The syntax tree without docstrings; a definition that is nothing but its docstring keeps it."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) and len(node.body) > 1:
            node.body = node.body[1:]
    return ast.dump(tree)


@pytest.mark.parametrize("definition", list(public_definitions()))
def test_every_definition_is_shown_whole_without_its_docstring(definition):
    whole, shown = source_of(definition, docstring=True), source_of(definition)
    assert ast.dump(ast.parse(shown)) == bare(whole)
    node = ast.parse(shown).body[0]
    assert ast.get_docstring(node) is None or len(node.body) == 1
    assert not shown.endswith("\n")


def test_comments_and_layout_stay_and_methods_are_dedented():
    def example(x):
        """One line."""

        # a comment
        y = x + 1  # (N,)

        return y

    assert source_of(example) == "def example(x):\n    # a comment\n    y = x + 1  # (N,)\n\n    return y"
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
    with pytest.raises(ValueError, match=r"show_source wants functions or classes written in Python, not") as caught:
        source_of(thing)
    assert "\n" not in str(caught.value)
