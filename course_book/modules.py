"""What a Python file defines, imports and does when it is imported, read from its syntax tree without running it.

The digest of a chapter (`digest.py`) walks from name to name through these tables. Docstrings are dropped, and so are
annotations of arguments and results, because neither changes what a call computes.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

Target = tuple[str, tuple[str, ...]]  # a module, and the name taken from it: ("torch.nn", ("functional",))
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Module:
    """The tables of one file."""

    name: str
    lines: list[str]
    docstrings: set[int] = field(default_factory=set)  # numbers of their lines, from 1
    bindings: dict[str, list[ast.stmt]] = field(default_factory=lambda: defaultdict(list))
    imports: dict[str, list[Target]] = field(default_factory=lambda: defaultdict(list))
    effects: list[ast.stmt] = field(default_factory=list)  # statements that do something at import
    statements: list[ast.stmt] = field(default_factory=list)


@cache
def read_program(name: str, text: str) -> Module:
    """The tables of a text.

    Args:
        name: What the module is called; empty for a program, whose definitions nobody looks up.
        text: Python; lines that start with % or ! are a notebook's commands and are left out.

    Raises:
        ValueError: If the text is no Python.
    """
    text = re.sub(r"^[%!].*$", "pass", text, flags=re.MULTILINE)
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise ValueError(f"{name or 'the code'} is not Python: line {error.lineno}: {error.msg}") from None
    module = Module(name, text.splitlines())
    _read_block(tree, module)
    module.statements.extend(tree.body)
    for statement in tree.body if name else ():  # nobody imports from a program
        if isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass):
            continue
        for bound in _bound(statement):
            module.bindings[bound].append(statement)
        if not isinstance(statement, DEFINITIONS) and not _only_names(statement):
            module.effects.append(statement)
    return module


def _read_block(node: ast.AST, module: Module) -> None:
    """Note the imports of a block and of all blocks inside it, functions too, and drop what does not compute."""
    if isinstance(node, (ast.Module, *DEFINITIONS)) and ast.get_docstring(node, clean=False) is not None:
        first, *node.body = node.body
        module.docstrings.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.decorator_list:
        node.returns = None
        every = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
        for argument in [*every, node.args.vararg, node.args.kwarg]:
            if argument is not None:
                argument.annotation = None
    for block in ("body", "orelse", "finalbody", "handlers", "cases"):
        inside = getattr(node, block, ())
        for statement in inside if isinstance(inside, list) else ():
            if isinstance(statement, ast.Import | ast.ImportFrom):
                for local, target in _targets(statement):
                    module.imports[local].append(target)
            else:
                _read_block(statement, module)


def _targets(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Target]]:
    """The local names that an import binds, with what they stand for."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            yield alias.asname or alias.name, (node.module or "", (alias.name,))
        elif alias.asname:
            yield alias.asname, (alias.name, ())
        else:
            yield alias.name.split(".")[0], (alias.name.split(".")[0], ())
            if "." in alias.name:
                yield f"import {alias.name}", (alias.name, ())  # no name of Python's: only says what is imported


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a top-level statement defines in its module."""
    if isinstance(statement, DEFINITIONS):
        return {statement.name}
    targets = _assigned(statement)
    if targets is not None:
        return {target.id for target in targets if isinstance(target, ast.Name)}
    stored = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return stored | {n.name for n in ast.walk(statement) if isinstance(n, DEFINITIONS)}


def _only_names(statement: ast.stmt) -> bool:
    """Whether a statement only gives values to names, as most constants do."""
    targets = _assigned(statement)
    return targets is not None and all(isinstance(target, ast.Name) for target in targets)


def _assigned(statement: ast.stmt) -> list[ast.expr] | None:
    """What an assignment assigns to, tuples taken apart; None for other statements."""
    if isinstance(statement, ast.Assign):
        return [part for target in statement.targets for part in getattr(target, "elts", [target])]
    return [statement.target] if isinstance(statement, ast.AnnAssign | ast.AugAssign) else None


def text_of(module: Module, statement: ast.stmt) -> str:
    """A definition as it is written, comments and all, without its docstrings."""
    first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
    numbers = range(first, (statement.end_lineno or first) + 1)
    return "\n".join(module.lines[n - 1] for n in numbers if n not in module.docstrings)


@dataclass(frozen=True)
class Mentions:
    """What a piece of code mentions."""

    names: set[tuple[str, ...]] = field(default_factory=set)  # dotted ones whole: ("linear", "ridge")
    words: set[str] = field(default_factory=set)  # strings; a part that is only known at run time is *


@cache
def mentions(node: ast.AST) -> Mentions:
    """All names and strings in a tree."""
    found = Mentions()
    _collect(node, found)
    return found


def _collect(node: ast.AST, found: Mentions) -> None:
    """Add what a tree mentions."""
    if isinstance(node, ast.Attribute | ast.Name):
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if isinstance(node, ast.Name):
            found.names.add((node.id, *reversed(parts)))
        else:
            _collect(node, found)
        return
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            found.words.add(re.sub(r"\{[^{}]*\}|%[sdr]", "*", node.value))
        return
    if isinstance(node, ast.JoinedStr):
        found.words.add("".join(map(_constant, node.values)))
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        found.words.add(_constant(node.left) + _constant(node.right))
    for name in node._fields:
        value = getattr(node, name, None)
        for child in value if isinstance(value, list) else (value,):
            if isinstance(child, ast.AST):
                _collect(child, found)


def _constant(node: ast.AST) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else "*"


@cache
def dump_of(statement: ast.stmt) -> str:
    """`dump` of a statement of a cached file."""
    return dump(statement)


def dump(node: object) -> str:
    """A tree as text that is the same for every version of Python, unlike `ast.dump`."""
    if isinstance(node, list):
        return f"[{','.join(map(dump, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = ((name, getattr(node, name, None)) for name in node._fields)
    said = [f"{name}={dump(value)}" for name, value in fields if value is not None and value != []]
    return f"{type(node).__name__}({','.join(said)})"
