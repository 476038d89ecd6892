"""A step that runs beside others: its words come at the end, and its failure is not lost."""

from __future__ import annotations

import pytest

from course_book.run import _beside


def test_a_step_beside_others_is_waited_for_and_shown(capfd):
    seconds: dict[str, float] = {}
    with _beside("a step", seconds, "timeit", "-n1", "-r1", "print('its words')", LANG="C"):
        print("the body")
    out = capfd.readouterr().out
    assert out.index("the body") < out.index("=== a step (ran beside the others)") < out.index("its words")
    assert seconds["a step"] > 0


def test_a_failing_step_is_an_error_of_one_line(capfd):
    wanted = r"^a step: failed, see above; alone it is: python -m no_such_module now$"
    with pytest.raises(RuntimeError, match=wanted), _beside("a step", {}, "no_such_module", "now"):
        pass
    assert "No module named no_such_module" in capfd.readouterr().out


def test_a_failing_body_still_shows_the_step(capfd):
    with pytest.raises(ValueError, match="the body"), _beside("a step", {}, "timeit", "-n1", "-r1", "print('words')"):
        raise ValueError("the body")
    assert "words" in capfd.readouterr().out
