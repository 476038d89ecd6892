"""Numbers may differ by what a cell's tag says and by no more; words, lines and the count of numbers by nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from course_book.tolerance import differences, split, tolerance_of, unit

TABLE = "| model | error (%) | steps |\n| :--- | ---: | ---: |\n| plain | 9.9 | 1,200 |\n| deep | 7.5 | 80 |"


def faults(stored: str, new: str, tag: str = "tolerance-2") -> list[str]:
    return differences(stored, new, tolerance_of([tag]))


@pytest.mark.parametrize(
    ("number", "last"),
    [("87.4", "0.1"), ("12", "1"), ("1200", "1"), ("1,234.50", "0.01"), ("1.2e-03", "0.0001"), ("−0.30", "0.01"),
     ("2e5", "100000"), (".5", "0.1"), ("1.2e−3", "0.0001")],
)  # fmt: skip
def test_the_last_printed_unit(number, last):
    assert unit(number) == Decimal(last)


WITHIN = {
    "the digit": ("accuracy 87.4 %", "accuracy 87.6 %"),
    "downwards": ("accuracy 87.4 %", "accuracy 87.2 %"),
    "nothing": (TABLE, TABLE),
    "one digit more, padded": ("loss  9.9 | n", "loss 10.0 | n"),
    "one digit more, no padding": ("loss 9.9", "loss 10.0"),
    "one digit less, column of words": ("10.0 good\n 3.0 bad", "9.9  good\n3.1  bad"),
    "a heading that grows with its column": ("name   err  n\nplain  9.9  1", "name   err   n\nplain  10.0  1"),
    "a table": (TABLE, TABLE.replace("9.9", "10.1").replace("1,200", "1,199").replace("80", "82")),
    "a thousand": ("999 steps", "1,001 steps"),
    "HTML": ('<td class="c3">0.97</td>', '<td class="c3">0.96</td>'),
    "an exponent": ("gap 1.2e-03", "gap 1.4e-03"),
    "another exponent": ("gap 1.0e-03", "gap 9.8e-04"),
    "a sign": ("gap 0.1", "gap -0.1"),
    "a real minus": ("gap −0.1", "gap −0.3"),
    "minus nought": ("gap -0.0", "gap 0.0"),
    "plus and minus": ("0.91±0.02", "0.92±0.03"),
    "a number before a unit": ("12.3px and 3.1x", "12.4px and 3.0x"),
    "integers": ("right: 96 of 100", "right: 95 of 100"),
    "nan twice": ("nan 1.0", "nan 1.1"),
}


@pytest.mark.parametrize("what", WITHIN)
def test_agrees(what):
    assert faults(*WITHIN[what]) == []


BEYOND = {
    "the digit": ("accuracy 87.4 %", "accuracy 87.7 %", "line 1: 87.7, expected 87.4, may differ by 0.2 (tolerance-2)"),
    "a digit less printed": ("loss 9.99", "loss 10.1", "line 1: 10.1, expected 9.99, may differ by 0.02 (tolerance-2)"),
    "a sign": ("gap 0.5", "gap -0.5", "line 1: -0.5, expected 0.5"),
    "a real minus": ("gap −0.5", "gap 0.5", "line 1: 0.5, expected −0.5"),
    "a thousand": ("1,200 steps", "1,203 steps", "line 1: 1,203, expected 1,200, may differ by 2"),
    "an exponent": ("gap 1.2e-03", "gap 1.2e-02", "may differ by 0.0002"),
    "a word": ("deep wins by 1.0", "plain wins by 1.0", "line 1: 'plain wins by 1.0', expected 'deep wins by 1.0'"),
    "a letter": ("1.0 epochs", "1.0 epoch", "only numbers may differ"),
    "percent": ("1.0 %", "1.0", "only numbers may differ"),
    "a missing line": ("a 1.0\nb 2.0", "a 1.0", "1 lines, expected 2"),
    "a further line": ("a 1.0", "a 1.0\nb 2.0", "2 lines, expected 1"),
    "a line broken": ("a 1.0 b", "a 1.0\nb", "only numbers may differ"),
    "a missing number": ("a 1.0 2.0", "a 1.0", "expected 'a 1.0 2.0'"),
    "a further number": ("a 1.0", "a 1.0 2.0", "line 1: 'a 1.0 2.0'"),
    "nan": ("loss 1.0", "loss nan", "line 1: 'loss nan', expected 'loss 1.0'"),
    "no longer nan": ("loss nan", "loss 1.0", "only numbers may differ"),
    "infinity": ("loss 1.0", "loss inf", "only numbers may differ"),
    "minus infinity": ("loss -inf", "loss inf", "only numbers may differ"),
    "another order": ("deep 7.5\nplain 9.9", "plain 9.9\ndeep 7.5", "only numbers may differ"),
    "another order of numbers": ("7.5 9.9", "9.9 7.5", "line 1: 9.9, expected 7.5"),
    "a name": ("conv3 1.0", "conv4 1.0", "only numbers may differ"),
    "a name with a point": ("layer4.1 1.0", "layer4.2 1.0", "only numbers may differ"),
    "a size": ("(3, 64, 64) 1.0", "(3, 64, 65) 1.0", "only numbers may differ"),
    "a size of torch's": ("torch.Size([3]) 1.0", "torch.Size([4]) 1.0", "only numbers may differ"),
    "a kernel": ("3x3 1.0", "4x4 1.0", "only numbers may differ"),
    "a spaced kernel": ("8 x 8 | 1.0", "9 x 9 | 1.0", "only numbers may differ"),
    "a hash": ("a3f901 1.0", "a3f902 1.0", "only numbers may differ"),
    "a colour": ("#0072b2 1.0", "#0073b2 1.0", "only numbers may differ"),
    "a version": ("torch 2.6.0", "torch 2.6.1", "only numbers may differ"),
    "pixels": ("64px", "65px", "only numbers may differ"),
    "glued words": ("a 1.0", "a1.0", "only numbers may differ"),
}  # fmt: skip


@pytest.mark.parametrize("what", BEYOND)
def test_differs(what):
    stored, new, wanted = BEYOND[what]
    found = faults(stored, new)
    assert any(wanted in line for line in found), found
    assert all("\n" not in line for line in found)


@pytest.mark.parametrize(("new", "agrees"), [("210", True), ("190", True), ("211", False), ("189", False)])
def test_a_relative_tolerance_is_of_the_stored_number(new, agrees):
    assert (faults("200 s", f"{new} s", "tolerance-5%") == []) == agrees


def test_a_relative_tolerance_of_nought_is_nought():
    (line,) = faults("0.00", "0.01", "tolerance-50%")
    assert line == "line 1: 0.01, expected 0.00, may differ by 0.00 (tolerance-50%)"


def test_every_number_that_differs_is_said():
    found = faults("a 1.0 b 2.0\nc 3.0", "a 1.5 b 2.1\nc 3.5")
    assert [line.split(",")[0] for line in found] == ["line 1: 1.5", "line 2: 3.5"]


def test_the_numbers_of_a_hard_line():
    text = "in 2024-05-01, 10-3: [1, 2] and x=0.5,1,5 of 12,345.6 (0.5, 3) 1e-3."
    assert " ".join(split(text)[1]) == "2024 05 01 10 3 1 2 0.5 1 5 12,345.6 0.5 3 1e-3"


@pytest.mark.parametrize("tags", [[], ["hide-input", "interactive"]])
def test_without_a_tag_there_is_no_tolerance(tags):
    assert tolerance_of(tags) is None


@pytest.mark.parametrize(
    "tags", [["tolerance"], ["tolerance-x"], ["tolerance-0"], ["tolerance-2.5"], ["tolerance-1", "tolerance-5%"]]
)
def test_a_wrong_tag_is_one_line(tags):
    with pytest.raises(ValueError, match=f"^one tag such as tolerance-2 or tolerance-5% was wanted, not {tags[0]}"):
        tolerance_of(tags)
