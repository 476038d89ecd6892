"""What a student of the tests hands in: the instructor's solution with some cells changed, and what it must lose."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """One student's submission, as changes to the solution.

    Attributes:
        name: The student's name; it says the mistake.
        lost: The test cells that must fail, no others.
        points: What is left of the automatic points; None stands for all of them.
        changes: By solution cell, a new source, or pieces of the solution's source and what replaces them.
    """

    name: str
    lost: frozenset[str]
    points: int | None
    changes: dict[str, str | list[tuple[str, str]]] = field(default_factory=dict)

    def sources(self, solution: dict[str, str]) -> dict[str, str]:
        """The sources of all solution cells with this student's changes."""
        sources = dict(solution)
        for cell, change in self.changes.items():
            if isinstance(change, str):
                sources[cell] = change
                continue
            for old, new in change:
                assert old in sources[cell], f"{self.name}: {old!r} does not occur in {cell}"
                sources[cell] = sources[cell].replace(old, new)
        return sources


def wrong(name: str, points: int, lost: str, **changes: str | list[tuple[str, str]]) -> Case:
    """A case with its failing tests in brief: "fit: public hidden" stands for test_fit_public and test_fit_hidden."""
    cells = set()
    for group in lost.split(";"):
        concept, _, kinds = group.partition(":")
        cells |= {f"test_{concept.strip()}_{kind}" for kind in kinds.split()}
    return Case(name, frozenset(cells), points, changes)


def right(name: str, changes: dict[str, str | list[tuple[str, str]]]) -> Case:
    """A correct variant: no test may fail."""
    return Case(name, frozenset(), None, dict(changes))
