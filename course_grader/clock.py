"""Time limits that a busy machine does not shorten.

A limit counts the seconds of the clock, less those in which a process could have run and had no CPU, because others
had it. What its own children and threads have used does not count as theirs. The kernel keeps these numbers for each
process (the second of /proc/PID/schedstat); where it does not, the clock alone counts. Waiting for anything else is the
submission's own time: one that sleeps is stopped as early as ever.

    deadline = Deadline(60.0, lambda: sandbox.waited(job))
    while deadline.left() > 0: ...
"""

from __future__ import annotations

import time
from collections.abc import Callable

LONGEST = 20.0  # times the limit by the clock: a machine that is busier than that can grade nobody


class Deadline:
    """The end of a limit that begins now.

    Args:
        seconds: The limit.
        waited: For how many seconds, up to now, the processes have waited for a CPU.
    """

    def __init__(self, seconds: float, waited: Callable[[], float]) -> None:
        self.seconds, self._waited = seconds, waited
        self._begin, self._before = time.monotonic(), waited()

    def left(self) -> float:
        """Seconds that are left, negative when it is over; asks for the waiting only when the clock has run out."""
        passed = time.monotonic() - self._begin
        if passed >= self.seconds:
            passed = max(passed - max(self._waited() - self._before, 0.0), passed / LONGEST)
        return self.seconds - passed
