"""Show a definition from the library in a chapter, instead of pasting a copy that would grow old.

What is shown is the idea: docstrings, argument checks and the sentences of errors are left out, and long lines are
wrapped to the width of the column. What runs is the file, whose path is the first line of the listing.
"""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path

from IPython.display import Markdown, display

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 88


def source_of(*definitions: Callable, docstring: bool = False) -> str:
    """The source text of functions or classes, as it is or as a chapter shows it.

    Args:
        *definitions: Functions, classes or methods of the library.
        docstring: The whole text, with docstrings, checks and long lines.

    Raises:
        ValueError: For something that has no Python source, such as a built-in.
    """
    return "\n\n\n".join(_one(definition, docstring) for definition in definitions)


def show_source(*definitions: Callable, docstring: bool = False) -> None:
    """Display the source of functions or classes, and the names of the files they live in.

    Args:
        *definitions: Functions, classes or methods of the library.
        docstring: Show docstrings and checks too.
    """
    code = source_of(*definitions, docstring=docstring)
    paths = (Path(inspect.getfile(inspect.unwrap(definition))).resolve() for definition in definitions)
    files = dict.fromkeys(path.relative_to(ROOT).as_posix() for path in paths)
    display(Markdown(f"```python\n# {', '.join(files)}\n{code}\n```"))


def _one(definition: Callable, whole: bool) -> str:
    try:
        code = textwrap.dedent(inspect.getsource(definition)).rstrip()
    except (TypeError, OSError) as error:
        raise ValueError(f"show_source wants functions or classes written in Python, not {definition!r}") from error
    return code if whole else wrap(without_checks(code))


def without_checks(code: str) -> str:
    """Cut docstrings, calls of `check_...`, tests that only raise, and what was computed for these alone."""
    code = _without_sentences(code)
    while True:  # what a cut leaves unused is cut in the next round
        tree, lines = ast.parse(code), code.splitlines()
        drop: set[int] = set()
        for node in ast.walk(tree):
            for body in (getattr(node, name, []) for name in ("body", "orelse")):
                if isinstance(body, list) and body and isinstance(body[0], ast.stmt):
                    drop |= _lines_of(_superfluous(node, body), body, lines)
        kept = "\n".join(line for number, line in enumerate(lines) if number not in drop)
        if kept == code:
            return code
        code = kept


def _without_sentences(code: str) -> str:
    """Errors that stay are shown without their words: `raise ValueError(...)`."""
    lines = code.splitlines()
    raised = [n.exc for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Raise)]
    calls = [call for call in raised if isinstance(call, ast.Call) and call.args]
    for call in sorted(calls, key=lambda call: -call.lineno):
        first, last = call.args[0], call.args[-1]
        start, end = first.lineno - 1, (last.end_lineno or last.lineno) - 1
        before = lines[start].encode()[: first.col_offset].decode()
        after = lines[end].encode()[last.end_col_offset :].decode()
        lines[start : end + 1] = [f"{before}...{after}"]
    return "\n".join(lines)


def _superfluous(owner: ast.AST, body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements of one body that a reader of the idea does not need; never all of them."""
    documented = isinstance(owner, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(owner) is not None
    docstring = body[:1] if documented and len(body) > 1 else []
    found = [statement for statement in body if _is_check(statement)]
    if isinstance(owner, ast.FunctionDef):
        used = {n.id for n in ast.walk(owner) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        found += [statement for statement in body if _assigns(statement) and not used & set(_targets(statement))]
    return docstring + found if len(docstring) + len(found) < len(body) else docstring


def _is_check(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        function = statement.value.func
        name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        return name.lstrip("_").startswith("check")
    if not isinstance(statement, ast.If) or statement.orelse:
        return False
    kinds = {type(inner) for inner in statement.body}
    return ast.Raise in kinds and kinds <= {ast.Raise, ast.Assign}


def _assigns(statement: ast.stmt) -> bool:
    """An assignment to plain names, which is superfluous where only a check has used them."""
    if not isinstance(statement, ast.Assign):
        return False
    names = [n for target in statement.targets for n in (target.elts if isinstance(target, ast.Tuple) else [target])]
    return all(isinstance(name, ast.Name) for name in names)


def _targets(statement: ast.stmt) -> Iterable[str]:
    return [n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]


def _lines_of(statements: list[ast.stmt], body: list[ast.stmt], lines: list[str]) -> set[int]:
    """Line numbers from 0: the statements, comments on top of them, and blank lines that would open a body."""
    found: set[int] = set()
    for statement in statements:
        first, last = statement.lineno - 1, statement.end_lineno or statement.lineno
        if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Constant):
            while lines[first - 1].lstrip().startswith("#"):
                first -= 1
        found.update(range(first, last))
        if statement is body[0]:
            while last < len(lines) and not lines[last].strip():
                found.add(last)
                last += 1
    return found


def wrap(code: str, width: int = WIDTH) -> str:
    """Lay code out for a column of `width` characters with ruff, if that is installed; long comments go above."""
    try:
        from ruff.__main__ import find_ruff_bin
    except ImportError:
        return code
    lines = []
    for line in re.sub(r"  # fmt: skip$", "", code, flags=re.MULTILINE).splitlines():
        before, mark, comment = line.partition("  # ")
        if len(line) > width and mark and before.strip():
            indent = before[: len(before) - len(before.lstrip())]
            lines += textwrap.wrap(comment, width, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
            line = before
        lines.append(line)
    settings = [f"line-length={width}", "format.skip-magic-trailing-comma=true"]
    flags = [part for setting in settings for part in ("--config", setting)]
    command = [find_ruff_bin(), "format", "--isolated", "--quiet", *flags, "-"]
    laid_out = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, check=False)
    return laid_out.stdout.rstrip() if laid_out.returncode == 0 else code
