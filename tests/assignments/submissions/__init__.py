"""Sample submissions: one module for each assignment, named like it, with the lists WRONG and RIGHT."""

from __future__ import annotations

import importlib

from ..conftest import NAMES
from .case import Case


def cases(assignment: str) -> list[Case]:
    """All submissions of one assignment, the wrong ones first."""
    module = importlib.import_module(f"{__name__}.{assignment}")
    return [*module.WRONG, *module.RIGHT]


ALL = [(assignment, case) for assignment in NAMES for case in cases(assignment)]
