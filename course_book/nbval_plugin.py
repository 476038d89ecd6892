"""Hooks for nbval, loaded by chapters/conftest.py: the chapters' surroundings, and tolerance where a tag states it.

nbval runs the cells and compares everything exactly. For a cell with a tolerance tag, each text of the new output that
agrees with the stored one within the tolerance is replaced by the stored one before nbval compares; missing outputs,
further outputs and everything else then fail by nbval's own rules, with what differs said in front.
"""

from __future__ import annotations

import copy
import functools
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from nbformat import NotebookNode
from nbval.plugin import IPyNbCell

from course_book.surroundings import surroundings
from course_book.tolerance import Tolerance, differences, tolerance_of

PATIENCE = 600  # seconds for a kernel to start or to say what it printed; a busy machine must decide nothing


def pytest_configure(config: pytest.Config) -> None:
    """Let kernels start in the chapters' surroundings, with this Python."""
    if not getattr(config.option, "nbval", False):
        return
    config.option.nbval_current_env = True
    config.option.nbval_kernel_startup_timeout = PATIENCE
    stack = ExitStack()
    stack.enter_context(surroundings())
    config.add_cleanup(stack.close)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Give each cell our comparison."""
    if isinstance(item, IPyNbCell):
        item.output_timeout = PATIENCE
        item.compare_outputs = functools.partial(compare, item)


def compare(cell: IPyNbCell, new: list, stored: list, skip_compare: tuple | None = None) -> bool:
    """nbval's comparison of a cell's outputs, within the tolerance of its tags.

    Args:
        cell: nbval's item; what differs is left in its `comparison_traceback`.
        new, stored: Outputs.
        skip_compare: Kinds of output that are not compared.
    """
    said = [f"on stderr: {text}" for kind, holder, key in _texts(new) if kind == "stderr" for text in [holder[key]]]
    tolerance = tolerance_of(cell.cell.metadata.get("tags", []))
    if tolerance is not None:
        new, faults = _settle(new, stored, tolerance)
        said += faults
    same = type(cell).compare_outputs(cell, new, stored, skip_compare)
    cell.comparison_traceback[:0] = [f"cell {cell.cell_num}: {line}" for line in said]
    return same


def _settle(new: list, stored: list, tolerance: Tolerance) -> tuple[list, list[str]]:
    """Replace texts that agree within the tolerance by the stored ones, and say what differs in the others."""
    wanted = defaultdict(list)
    for kind, holder, key in _texts(stored):
        wanted[kind].append(holder[key])
    settled, faults = copy.deepcopy(new), []
    for kind, holder, key in _texts(settled):
        if wanted[kind]:
            text = wanted[kind].pop(0)
            found = differences(text, holder[key], tolerance)
            faults += [f"{kind}, {line}" for line in found]
            holder[key] = holder[key] if found else text
    return settled, faults


def _texts(outputs: list[NotebookNode]) -> Iterator[tuple[str, NotebookNode, str]]:
    """All texts of some outputs: the kind of each, and where it lies."""
    for output in outputs:
        if output.output_type == "stream":
            yield output.name, output, "text"
        for kind, content in output.get("data", {}).items():
            if isinstance(content, str) and not kind.startswith("image/"):
                yield kind, output.data, kind
