"""Compare two printed outputs: words exactly, numbers within what a cell's tag allows.

    tolerance-2     each number may differ by 2 of the last unit that the stored number prints: 87.4 by 0.2, 1200 by 2,
                    1.2e-03 by 0.2e-03
    tolerance-5%    each number may differ by 5 % of the stored number

What counts as a number: digits with a sign (- or −), thousands separators, a decimal point and an exponent, also in
tables and HTML. Text, and so compared exactly: digits glued to a letter before them (conv3), integers glued to one
behind them (3x3, 64px, hashes), sizes such as (3, 4) and 8 x 8, versions such as 2.6.0, and nan and inf. Spaces beside
a number are not compared, because a column is padded by the digits that it holds; other runs of spaces count as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

SIZE = r"\(\d+(?:, ?\d+)+,?\)|(?<=Size\()\[\d+(?:, ?\d+)*\]|(?<![\w.])\d+(?: ?[x×] ?\d+)+(?![\w.])|\d+(?:\.\d+){2,}"
DIGITS = r"\d{1,3}(?:[,\u2009\u202f]\d{3})+(?!\d)|\d+"
NUMBER = rf"(?:(?<![\w.)\]])[-+−])?(?<![A-Za-zΑ-ω_.\d])(?:(?:{DIGITS})(?:\.\d+)?|\.\d+)(?:[eE][-+−]?\d+)?(?!\d)"
TOKEN = re.compile(rf"(?P<size>{SIZE})|(?P<number>{NUMBER})")
GAP = re.compile(r"[ \t]+")


@dataclass(frozen=True)
class Tolerance:
    """How far numbers may differ."""

    tag: str
    amount: Decimal
    relative: bool

    def allowed(self, stored: str) -> Decimal:
        """The largest difference from a stored number, as it is printed."""
        if self.relative:
            return abs(value(stored)) * self.amount / 100
        return self.amount * unit(stored)


def tolerance_of(tags: Iterable[str]) -> Tolerance | None:
    """The tolerance that a cell's tags state, or None for an exact comparison.

    Raises:
        ValueError: For a tag that starts with "tolerance" and is none, or for two of them.
    """
    named = [tag for tag in tags if tag.startswith("tolerance")]
    if not named:
        return None
    found = re.fullmatch(r"tolerance-([1-9]\d*)(%?)", named[0])
    if found is None or len(named) > 1:
        raise ValueError(f"one tag such as tolerance-2 or tolerance-5% was wanted, not {' '.join(named)}")
    return Tolerance(named[0], Decimal(found[1]), bool(found[2]))


def value(number: str) -> Decimal:
    """A printed number's value."""
    return Decimal(re.sub("[,\u2009\u202f]", "", number).replace("−", "-"))


def unit(number: str) -> Decimal:
    """The last printed unit: 0.1 for 87.4, 1 for 1200, 0.0001 for 1.2e-03."""
    return Decimal(1).scaleb(int(value(number).as_tuple().exponent))


def split(text: str) -> tuple[list[str], list[str], list[int]]:
    """Take the numbers out of a text.

    Returns:
        The pieces of text around the numbers, one more than there are numbers; the numbers; the line of each, from 1.
    """
    pieces, numbers, lines, last = [""], [], [], 0
    for match in TOKEN.finditer(text):
        pieces[-1] += text[last : match.start()]
        last = match.end()
        if match["size"] or _is_text(match["number"], text[last : last + 1]):
            pieces[-1] += match[0]
        else:
            numbers.append(match["number"])
            lines.append(text.count("\n", 0, match.start()) + 1)
            pieces.append("")
    pieces[-1] += text[last:]
    return pieces, numbers, lines


def _is_text(number: str, follows: str) -> bool:
    """An integer with a letter behind it is part of a word."""
    return number.lstrip("+-−").isdigit() and (follows.isalpha() or follows == "_")


def differences(stored: str, new: str, tolerance: Tolerance) -> list[str]:
    """What differs by more than is allowed, one line each; empty if the outputs agree.

    Args:
        stored, new: Printed outputs.
        tolerance: How far their numbers may differ.
    """
    (words, numbers, lines), (new_words, new_numbers, _) = split(stored), split(new)
    if len(numbers) != len(new_numbers) or _plain(words) != _plain(new_words):
        return [_first_difference(stored, new)]
    found = []
    for number, other, line in zip(numbers, new_numbers, lines, strict=True):
        allowed = tolerance.allowed(number)
        if abs(value(number) - value(other)) > allowed:
            found.append(f"line {line}: {other}, expected {number}, may differ by {allowed:f} ({tolerance.tag})")
    return found


def spread(stored: str, new: str) -> tuple[Decimal, Decimal] | None:
    """The largest difference between the numbers of two outputs, or None if more than numbers differ.

    Returns:
        The difference in printed units, and in per cent of the stored number.
    """
    (words, numbers, _), (new_words, new_numbers, _) = split(stored), split(new)
    if len(numbers) != len(new_numbers) or _plain(words) != _plain(new_words):
        return None
    units = relative = Decimal(0)
    for number, other in zip(numbers, new_numbers, strict=True):
        difference = abs(value(number) - value(other))
        units = max(units, difference / unit(number))
        if difference:
            relative = max(relative, 100 * difference / abs(value(number)) if value(number) else Decimal("Infinity"))
    return units, relative


def _plain(pieces: list[str]) -> list[str]:
    """Text pieces without the spaces beside numbers, with other gaps one space wide."""
    last = len(pieces) - 1
    single = [GAP.sub(" ", piece) for piece in pieces]
    single = [piece.removesuffix(" ") if index < last else piece for index, piece in enumerate(single)]
    single = [piece.removeprefix(" ") if index else piece for index, piece in enumerate(single)]
    return [re.sub(r" ?\n ?", "\n", piece).strip(" ") for piece in single]


def _first_difference(stored: str, new: str) -> str:
    """The first line whose words differ or whose numbers are not as many."""
    old_lines, new_lines = stored.splitlines(), new.splitlines()
    for number, (old, other) in enumerate(zip(old_lines, new_lines, strict=False), start=1):
        (words, numbers, _), (new_words, new_numbers, _) = split(old), split(other)
        if len(numbers) != len(new_numbers) or _plain(words) != _plain(new_words):
            return f"line {number}: {other.strip()!r}, expected {old.strip()!r}; only numbers may differ"
    return f"{len(new_lines)} lines, expected {len(old_lines)}; only numbers may differ"
