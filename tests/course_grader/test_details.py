"""What a student may read of a mistake: enough to mend it, and nothing that a process could smuggle out."""

from __future__ import annotations

import pytest

from course_grader.details import NOT_THERE, UNSOLVED, mistake, syntax_error

PUBLIC, HIDDEN = "check(f(1), 2)", "### BEGIN HIDDEN TESTS\ncheck(f(7), 3)\n### END HIDDEN TESTS"
SAID = {
    "w has shape (D,). (wanted shape (2,), got (2, 1))": "wanted shape (2,), got (2, 1)",
    "Rows. (wanted shape (5, 2), got (5,))": "wanted shape (5, 2), got (5,)",
    "Rows. (wanted one number, got shape (1,))": "wanted one number, got shape (1,)",
    "An array. (wanted a NumPy array, got list)": "wanted a NumPy array, got list",
    "An array. (wanted dtype float64, got int32)": "wanted dtype float64, got int32",
    "Bad input. (wanted a ValueError, got KeyError)": "wanted a ValueError, got KeyError",
    "The mean. (the number is not right)": "the number is not right",
    "It stays. (the function changed its input in place)": "the function changed its input in place",
    "TypeError: unsupported operand": "the test can do nothing with what your function returned (TypeError)",
    "NameError: name 'f' is not defined": NOT_THERE,
    "NotImplementedError: ": UNSOLVED,
    "NotImplementedError": UNSOLVED,
    "Bad input. (wanted a ValueError, got NotImplementedError)": UNSOLVED,
}
SECRETS = [
    "w. (wanted shape (2,), got (31337, 271828))",
    "w. (wanted shape (2,), got (2, 2, 2, 2, 2, 2, 2, 2, 2))",
    "w. (wanted a NumPy array, got s3cret31337)",
    "w. (wanted dtype float64, got s3cret31337)",
    "w. (wanted a ValueError, got S3cret31337Error)",
    "w. (31337)",
    "w. (31337, got list)",
    "w (wanted 4 losses, got 31337)",
    "31337",
    "S3cret31337Error: 31337",
    "(" * 500 + "31337",
]


def kind_of(message: str) -> str:
    """Whether the judge would call it an error of the test's process, or a result that is not the one asked for."""
    return "error" if message.split(":")[0].endswith("Error") else "failed"


@pytest.mark.parametrize("message", SAID)
def test_a_public_test_says_what_kind_of_mistake(message):
    assert mistake(PUBLIC, kind_of(message), message) == SAID[message]


@pytest.mark.parametrize("message", SAID)
def test_a_hidden_test_says_at_most_that_nothing_is_solved(message):
    said = mistake(HIDDEN, kind_of(message), message)
    assert said == (UNSOLVED if SAID[message] == UNSOLVED else "")


ANY_TEXT = "w. (wanted 31337 s3cret words, got list)"  # as an assertion of the test itself might say it
SPOKEN = [("failed", message, False) for message in SECRETS] + [
    (status, f"{kind}{message}", own)
    for message in [*SECRETS, ANY_TEXT]
    for status, kind, own in (
        ("failed", "", True), ("error", "ValueError: ", True), ("error", "StudentError: Mine: ", True),
        ("error", "StudentError: Mine: ", False), ("error", "KeyError: ", False), ("error", "NotPlain: ", False))
]  # fmt: skip


@pytest.mark.parametrize(("status", "message", "own"), SPOKEN)
def test_nothing_is_said_that_a_process_could_choose_freely(status, message, own):
    """An exception of the student's, of a known or unknown type, and what the wire refuses, bear any text."""
    said = mistake(PUBLIC, status, message, own=own)
    assert not [secret for secret in ("31337", "271828", "s3cret", "S3cret", "2, 2, 2") if secret in said]


@pytest.mark.parametrize("message", SAID)
def test_a_students_exception_cannot_speak_for_the_test(message):
    """An AssertionError out of the student's function can bear any text, also one that looks like the test's."""
    assert mistake(PUBLIC, kind_of(message), message, own=True) in (
        UNSOLVED, NOT_THERE, "your function raised an error", "your function raised TypeError")  # fmt: skip


@pytest.mark.parametrize("status", ["timeout", "crashed", "out of memory", "malformed", "missing", "passed"])
def test_other_endings_add_nothing(status):
    assert mistake(PUBLIC, status, "w. (wanted shape (2,), got (2, 1))") == ""


def test_a_shape_of_other_lengths_is_called_another_one():
    assert (
        mistake(PUBLIC, "failed", "w. (wanted shape (3,), got (7, 9))")
        == "wanted shape (3,), got another shape, of 2 axes"
    )


def test_a_cell_that_is_no_python_is_explained_by_its_own_line():
    assert syntax_error("def f(x):\n    return (x\n") == "SyntaxError in line 2: '(' was never closed"
    assert syntax_error("def f(x):\nreturn x").startswith("IndentationError in line 2")
    assert syntax_error("%matplotlib inline\n!ls\nx = 1") == ""
    assert "cannot be read" in syntax_error("x = 1\0")
