"""Steps of the test command: words of one beside others come at the end, no failure is lost, all are said."""

from __future__ import annotations

import contextlib
import re

import pytest

from course_book import run
from course_book.run import _beside, run_tests


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


@pytest.mark.parametrize(
    ("fails", "noted"),
    [("chapters (nbval)", {"class", "attacks"}), ("tests of grading", {"chapter"}),
     ("other tests", {"chapter", "class", "attacks"})],
)  # fmt: skip
def test_tests_go_on_behind_a_failing_step_and_what_passed_is_noted(fails, noted, monkeypatch):
    ran, passed = [], []

    def step(title, *_, **__):
        ran.append(title)
        if title == fails:
            raise RuntimeError(f"{title}: failed")
        return 1.0

    monkeypatch.setattr(run, "_run", step)
    monkeypatch.setattr(run, "_beside", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr(run, "faults", list)
    monkeypatch.setattr(run, "classes_were_graded", lambda _: True)
    monkeypatch.setattr(run, "record", lambda names, _: passed.extend(names))
    with pytest.raises(RuntimeError, match=rf"^{re.escape(fails)}: failed$"):
        run_tests(everything=True)
    assert ran[-3:] == ["chapters (nbval)", "other tests", "tests of grading"]
    assert {name.split()[0] for name in passed} == noted
