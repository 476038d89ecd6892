"""Which library code a chapter's stored outputs were made with.

A digest of the syntax trees of all course_lib modules that the chapter imported, docstrings left out: editing a
docstring or a comment leaves stored outputs valid, changing a line of code does not.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from pathlib import Path

from course_book.paths import ROOT


def source_file(module: str) -> Path:
    """The file of a module of this repository, such as course_lib.linear.ridge."""
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def library_digest(modules: Iterable[str]) -> str:
    """One short digest for the code of all named modules; a module that is gone counts as empty."""
    digest = hashlib.sha256()
    for module in sorted(modules):
        path = source_file(module)
        digest.update(f"{module}\n{_code(path) if path.exists() else ''}\n".encode())
    return digest.hexdigest()[:16]


def _code(path: Path) -> str:
    """The file's syntax tree as text, without docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)
