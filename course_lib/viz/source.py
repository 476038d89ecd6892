"""Show a definition from the library in a chapter, instead of pasting a copy that would grow old."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path

from IPython.display import Markdown, display

ROOT = Path(__file__).resolve().parents[2]


def source_of(*definitions: Callable, docstring: bool = False) -> str:
    """The source text of functions or classes, by default without their docstrings.

    Args:
        *definitions: Functions, classes or methods of the library.
        docstring: Keep the docstring too.

    Raises:
        ValueError: For something that has no Python source, such as a built-in.
    """
    return "\n\n\n".join(_one(definition, docstring) for definition in definitions)


def show_source(*definitions: Callable, docstring: bool = False) -> None:
    """Display the source of functions or classes with the name of the file they live in.

    Args:
        *definitions: Functions, classes or methods of the library.
        docstring: Show the docstring too.
    """
    code = source_of(*definitions, docstring=docstring)
    paths = (Path(inspect.getfile(inspect.unwrap(definition))).resolve() for definition in definitions)
    files = dict.fromkeys(path.relative_to(ROOT).as_posix() for path in paths)
    display(Markdown(f"```python\n# {', '.join(files)}\n{code}\n```"))


def _one(definition: Callable, docstring: bool) -> str:
    try:
        code = textwrap.dedent(inspect.getsource(definition)).rstrip()
    except (TypeError, OSError) as error:
        raise ValueError(f"show_source wants functions or classes written in Python, not {definition!r}") from error
    return code if docstring else _without_docstrings(code)


def _without_docstrings(code: str) -> str:
    """Cut the lines of every docstring; comments and layout stay as they are."""
    lines = code.splitlines()
    drop: set[int] = set()
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or not ast.get_docstring(node) or len(node.body) == 1:
            continue
        first, after = node.body[0].lineno - 1, node.body[1].lineno - 1
        last = node.body[0].end_lineno or first + 1
        drop.update(range(first, last))
        drop.update(n for n in range(last, after) if not lines[n].strip())
    return "\n".join(line for number, line in enumerate(lines) if number not in drop)
