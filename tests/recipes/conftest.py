"""What tests of recipes share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType

import pytest
import torch


@pytest.fixture
def same_pictures(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[ModuleType, Iterable[str], Callable[[str], object]], int]:
    """Train several methods and check that all saw the same pictures in the same order, none twice.

    The function takes a recipe, the names of its methods and what trains one of them; it returns how many pictures.
    """

    def check(recipe: ModuleType, names: Iterable[str], train: Callable[[str], object]) -> int:
        drawn, seen = recipe.scene_block, []
        for name in names:
            parts: list[torch.Tensor] = []

            def block(*args, parts=parts, **options):
                values = drawn(*args, **options)
                parts.append(values[0])
                return values

            monkeypatch.setattr(recipe, "scene_block", block)
            train(name)
            seen.append(torch.cat(parts))
        first, *others = seen
        assert others
        assert all(torch.equal(first, other) for other in others)
        assert len(first.flatten(1).unique(dim=0)) == len(first)
        return len(first)

    return check
