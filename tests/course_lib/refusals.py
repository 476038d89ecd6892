"""How the library says no."""

from __future__ import annotations

from collections.abc import Callable

import pytest


def refused(call: Callable[[], object], message: str) -> None:
    """A call raises a ValueError with one line of less than 200 characters.

    Args:
        call: Has bad input.
        message: A pattern that the line contains.
    """
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200
