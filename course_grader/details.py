"""What a student may read of a test that failed, beyond its hint: the kind of the mistake, in few words.

A public test stands in the student's notebook, with what it wants. What the student's function gave back is another
matter: its process may have seen the arguments of hidden tests, and could hand them on in whatever it returns. So of
the judge's message only what has few possible values is kept: fixed sentences, names of types that Python and NumPy
have, and shapes made of the lengths that were wanted. Of a test with hidden cases nothing is said but its hint, and
whether the exercise is solved at all.
"""

from __future__ import annotations

import ast
import builtins
import re

import numpy as np
from IPython.core.inputtransformer2 import TransformerManager

HIDDEN = "### BEGIN HIDDEN TESTS"
UNSOLVED = "not solved yet"
NOT_THERE = "a name is not defined (NameError): did the cell that defines it run?"
SENTENCES = (
    "the shape is right, a value is not",
    "the number is not right",
    "wanted a ValueError, but nothing was raised",
    "the message should be one line that is not empty",
    "the function changed its input in place",
)
UNREADABLE = "this cell cannot be read as Python"
TYPES = ("NoneType", "bool", "int", "float", "complex", "str", "list", "tuple", "dict", "set", "ndarray", "Tensor")


def mistake(source: str, status: str, message: str, *, own: bool = False) -> str:
    """The kind of mistake, or nothing where nothing may be said.

    Args:
        source: The test cell, with its hidden cases.
        status: What the judge found; of a crash or a timeout there is nothing to add.
        message: What the judge says to the instructor: of a failed test "hint (wanted shape (2,), got (2, 1))", of an
            error "TypeError: ...".
        own: Whether the exception came out of the student's function, so that its message is the student's.
    """
    if status not in ("failed", "error"):
        return ""
    kind = (re.match(r"(\w+)(?::|$)", message) or [""])[0].rstrip(":") if status == "error" else ""
    if kind == "NotImplementedError" or message.endswith("(wanted a ValueError, got NotImplementedError)"):
        return UNSOLVED
    if HIDDEN in source:
        return ""
    if kind == "NameError":
        return NOT_THERE
    if own:
        return f"your function raised {kind}" if _is_error(kind) else "your function raised an error"
    if status == "error":  # in the test itself, which could not go on with what it got
        return f"the test can do nothing with what your function returned ({kind})" if _is_error(kind) else ""
    found = re.search(r"\(((?:[^()]|\([^()]*\))*)\)$", message.strip())
    reason = found.group(1) if found else ""
    return reason if reason in SENTENCES else _type(reason) or _shape(reason)


def syntax_error(source: str) -> str:
    """Why a student's own cell is no Python, with the line; nothing if it is."""
    try:
        ast.parse(str(TransformerManager().transform_cell(source)))
    except SyntaxError as error:
        if error.lineno:
            return f"{type(error).__name__} in line {error.lineno}: {error.msg}"
        return UNREADABLE
    except (ValueError, RecursionError, MemoryError):
        return UNREADABLE
    return ""


def _type(reason: str) -> str:
    """ "wanted a list, got int" or "wanted dtype float64, got int64", if both ends are known names."""
    found = re.fullmatch(r"(wanted [\w .]{1,60}), got (\w+)", reason)
    if found is None or not (found.group(2) in TYPES or _is_dtype(found.group(2)) or _is_error(found.group(2))):
        return ""
    return reason


def _shape(reason: str) -> str:
    """ "wanted shape (2,), got (2, 1)"; a shape of other lengths is called another one."""
    found = re.fullmatch(r"wanted (?:shape (\([\d, ]*\))|one number), got (?:shape )?(\([\d, ]*\))", reason)
    if found is None:
        return ""
    wanted, got = (re.findall(r"\d+", text or "") for text in found.groups())
    if set(got) <= {*wanted, "0", "1"} and len(got) <= len(wanted) + 2:
        return reason
    axes = f"{len(got)} axes" if len(got) <= 4 else "more than 4 axes"
    return f"wanted {f'shape {found.group(1)}' if found.group(1) else 'one number'}, got another shape, of {axes}"


def _is_error(name: str) -> bool:
    kind = getattr(builtins, name, None)
    return isinstance(kind, type) and issubclass(kind, Exception)


def _is_dtype(name: str) -> bool:
    kind = getattr(np, name, None)
    return isinstance(kind, type) and issubclass(kind, np.generic)
