"""Adaptive binary arithmetic coding (chapter 4, "video-compression"): a symbol of probability p costs -log2 p bits.

The coder keeps an interval of numbers, low to low + span. Each yes/no is coded by cutting the interval in proportion
to its probability and keeping one part; any number of the last interval tells the whole story. Bytes that can no longer
change are written out. Probabilities are learned while coding, the same way on both sides, so no table is sent: each
context holds 4,096 times the probability of "no" and moves by 1/16 of the way to what came. This is the scheme of
LZMA's range coder (Martin, 1979; Pavlov); video standards since H.264 use a relative of it (CABAC).

Whole numbers are made of yes/no answers (Exp-Golomb): in unary how many binary digits n + 1 has, then its digits.
"""

from __future__ import annotations

from collections import defaultdict

ONE, SHIFT, SMALLEST = 1 << 12, 4, 1 << 24
SIGN, DIGITS = 16, 17  # places in a context: 0 to 15 for counting digits, then the sign, then the digits themselves
MOST_DIGITS = 40
PLACES = DIGITS + (MOST_DIGITS + 1) * MOST_DIGITS // 2


def _contexts() -> defaultdict[object, list[int]]:
    """For each key the probabilities of its questions, at first one half."""
    return defaultdict(lambda: [ONE >> 1] * PLACES)


class BitWriter:
    """Collects decisions; `finish` gives the bytes. Contexts are named by any hashable key."""

    def __init__(self) -> None:
        self.low, self.span, self.cache, self.pending = 0, 0xFFFFFFFF, 0, 1
        self.out = bytearray()
        self.contexts = _contexts()

    def bit(self, key: object, value: int, place: int = 0) -> None:
        """Code one decision with the learned probability of its context; a number asks at several places."""
        chances = self.contexts[key]
        chance = chances[place]
        bound = (self.span >> 12) * chance
        if value:
            self.low += bound
            self.span -= bound
            chances[place] = chance - (chance >> SHIFT)
        else:
            self.span = bound
            chances[place] = chance + ((ONE - chance) >> SHIFT)
        while self.span < SMALLEST:
            self.span = (self.span << 8) & 0xFFFFFFFF
            self._shift()

    def unsigned(self, key: object, value: int) -> None:
        """Code a whole number of 0 or more.

        Raises:
            ValueError: For a negative number, or one of more than 40 binary digits.
        """
        digits = (value + 1).bit_length() - 1
        if value < 0 or digits > MOST_DIGITS:
            raise ValueError(f"only whole numbers from 0 to 2^{MOST_DIGITS + 1} - 2 can be coded, not {value}")
        for i in range(digits):
            self.bit(key, 1, i if i < 15 else 15)
        self.bit(key, 0, digits if digits < 15 else 15)
        first = DIGITS + digits * (digits - 1) // 2
        for i in range(digits - 1, -1, -1):
            self.bit(key, value + 1 >> i & 1, first + i)

    def signed(self, key: object, value: int) -> None:
        """Code a whole number of either sign."""
        self.unsigned(key, abs(value))
        if value:
            self.bit(key, int(value < 0), SIGN)

    def finish(self) -> bytes:
        """All bytes, the last ones included."""
        for _ in range(5):
            self._shift()
        return bytes(self.out)

    def _shift(self) -> None:
        """Write the top byte of low; a run of 255 waits, because a carry may still come."""
        if self.low < 0xFF000000 or self.low > 0xFFFFFFFF:
            carry = self.low >> 32
            byte = self.cache
            while self.pending:
                self.out.append((byte + carry) & 0xFF)
                byte = 0xFF
                self.pending -= 1
            self.cache = (self.low >> 24) & 0xFF
        self.pending += 1
        self.low = (self.low << 8) & 0xFFFFFFFF


class BitReader:
    """Gives back, call by call, what a `BitWriter` was told, if asked with the same contexts in the same order."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place, self.span, self.code = data, 5, 0xFFFFFFFF, int.from_bytes(data[1:5], "big")
        self.contexts = _contexts()

    def bit(self, key: object, place: int = 0) -> int:
        """The next decision."""
        chances = self.contexts[key]
        chance = chances[place]
        bound = (self.span >> 12) * chance
        if self.code < bound:
            self.span, value = bound, 0
            chances[place] = chance + ((ONE - chance) >> SHIFT)
        else:
            self.code -= bound
            self.span -= bound
            value = 1
            chances[place] = chance - (chance >> SHIFT)
        while self.span < SMALLEST:
            if self.place >= len(self.data):
                raise ValueError(f"the data ends too early: {len(self.data)} bytes came, more were written")
            byte = self.data[self.place]
            self.place += 1
            self.span = (self.span << 8) & 0xFFFFFFFF
            self.code = (self.code << 8 | byte) & 0xFFFFFFFF
        return value

    def unsigned(self, key: object) -> int:
        """The next whole number of 0 or more.

        Raises:
            ValueError: If the bytes cannot be a coded number.
        """
        digits = 0
        while self.bit(key, digits if digits < 15 else 15):
            digits += 1
            if digits > MOST_DIGITS:
                raise ValueError(f"the bytes are damaged: a number with more than {MOST_DIGITS} binary digits")
        value, first = 1, DIGITS + digits * (digits - 1) // 2
        for i in range(digits - 1, -1, -1):
            value = value << 1 | self.bit(key, first + i)
        return value - 1

    def signed(self, key: object) -> int:
        """The next whole number of either sign."""
        size = self.unsigned(key)
        return -size if size and self.bit(key, SIGN) else size
