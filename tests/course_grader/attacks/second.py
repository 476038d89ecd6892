"""More hostile and unlucky submissions, each with honest neighbours before and after it in the class."""

from __future__ import annotations

from .assignment import HONEST
from .submissions import CENTER, Attack, cheat, on

# What a call does to an argument must not reach the judge's own objects, nor the tests that follow.
CHANGES = [
    Attack("zeroes_what_it_is_given", {"center": "def center(values):\n    try:\n        values[:] = 0\n    except TypeError:\n        values[:] = [0] * len(values)\n    return np.zeros(np.shape(values))"}, on(CENTER, "failed")),
    Attack("writes_past_a_view", {"center": "import course_grader.student as s\nhonest = s._answer\ndef lie(r, n):\n    if r.get('call') != 'center':\n        return honest(r, n)\n    x = r['args'][0]\n    return {'value': np.zeros(np.shape(x)), 'changed': {0: np.zeros(4)} if len(x) == 1 else {}, 'same': None}\ns._answer = lie\ndef center(values):\n    return 0"}, on(CENTER, ("failed", "error"))),
    Attack("another_kind_of_array", {"center": "import course_grader.student as s\nhonest = s._answer\ndef lie(r, n):\n    if r.get('call') != 'center':\n        return honest(r, n)\n    x = r['args'][0]\n    return {'value': np.zeros(np.shape(x)), 'changed': {0: np.zeros(np.shape(x), complex)}, 'same': None}\ns._answer = lie\ndef center(values):\n    return 0"}, on(CENTER, ("failed", "error"))),
    cheat("ends_the_loop", "", "error", "    if b == 94621:\n        return 101940\n    raise StopIteration"),
    Attack("works_in_place_and_returns", {"center": "def center(values):\n    values = np.asarray(values, dtype=float)\n    values -= values.mean()\n    return values"}),
]  # fmt: skip

SECOND = [
    Attack("honest_before_1"),
    *CHANGES,
    Attack("honest_after_1", {"add": HONEST["add"]}),
]
