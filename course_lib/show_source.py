"""Show a definition from the library in a chapter, instead of pasting a copy that would grow old."""

from __future__ import annotations

import ast
import inspect
import textwrap
from pathlib import Path

from IPython.display import Markdown, display

ROOT = Path(__file__).resolve().parent.parent


def source_of(*definitions: object, docstring: bool = False) -> str:
    """The source text of functions or classes, by default without their docstrings.

    Args:
        *definitions: Functions, classes or methods of the library.
        docstring: Keep the docstring too.

    Raises:
        ValueError: For something that has no Python source, such as a built-in.
    """
    return "\n\n\n".join(_one(definition, docstring) for definition in definitions)


def show_source(*definitions: object, docstring: bool = False) -> None:
    """Display the source of functions or classes with the name of the file they live in.

    Args:
        *definitions: Functions, classes or methods of the library.
        docstring: Show the docstring too.
    """
    code = source_of(*definitions, docstring=docstring)
    files = dict.fromkeys(Path(inspect.getsourcefile(d)).resolve().relative_to(ROOT).as_posix() for d in definitions)
    display(Markdown(f"```python\n# {', '.join(files)}\n{code}\n```"))


def _one(definition: object, docstring: bool) -> str:
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
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None and len(node.body) > 1:
            drop.update(range(node.body[0].lineno - 1, node.body[0].end_lineno))
            following = node.body[0].end_lineno
            if following < len(lines) and not lines[following].strip():
                drop.add(following)
    return "\n".join(line for number, line in enumerate(lines) if number not in drop)
