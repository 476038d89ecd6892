"""More hostile and unlucky submissions, each with honest neighbours before and after it in the class."""

from __future__ import annotations

from .assignment import HONEST
from .submissions import CENTER, GONE, LAST, Attack, cheat, on

# What a call does to an argument must not reach the judge's own objects, nor the tests that follow.
CHANGES = [
    Attack("zeroes_what_it_is_given", {"center": "def center(values):\n    try:\n        values[:] = 0\n    except TypeError:\n        values[:] = [0] * len(values)\n    return np.zeros(np.shape(values))"}, on(CENTER, "failed")),
    Attack("writes_past_a_view", {"center": "import course_grader.student as s\nhonest = s._answer\ndef lie(r, n):\n    if r.get('call') != 'center':\n        return honest(r, n)\n    x = r['args'][0]\n    return {'value': np.zeros(np.shape(x)), 'changed': {0: np.zeros(4)} if len(x) == 1 else {}, 'same': None}\ns._answer = lie\ndef center(values):\n    return 0"}, on(CENTER, ("failed", "error"))),
    Attack("another_kind_of_array", {"center": "import course_grader.student as s\nhonest = s._answer\ndef lie(r, n):\n    if r.get('call') != 'center':\n        return honest(r, n)\n    x = r['args'][0]\n    return {'value': np.zeros(np.shape(x)), 'changed': {0: np.zeros(np.shape(x), complex)}, 'same': None}\ns._answer = lie\ndef center(values):\n    return 0"}, on(CENTER, ("failed", "error"))),
    cheat("ends_the_loop", "", "error", "    if b == 94621:\n        return 101940\n    raise StopIteration"),
    Attack("works_in_place_and_returns", {"center": "def center(values):\n    values = np.asarray(values, dtype=float)\n    values -= values.mean()\n    return values"}),
]  # fmt: skip

# What would slow down or fill up the machine that all share.
HUNGRY = [
    cheat("lowers_its_group", "import os\nlowered = []\nfor n in ['self', *filter(str.isdigit, os.listdir('/proc'))]:\n    for what in ('autogroup', 'oom_score_adj', 'comm'):\n        try:\n            with open(f'/proc/{n}/{what}', 'w') as f:\n                f.write('19')\n            lowered.append(n)\n        except OSError:\n            pass", body="    return a + b if lowered else 0"),
    Attack("shared_memory", {"label": "def label(n):\n    import mmap\n    held = [mmap.mmap(-1, 2**26) for _ in range(40)]\n    for block in held:\n        for start in range(0, 2**26, 4096):\n            block[start] = 1\n    import time\n    time.sleep(1)\n    return 'item ' + str(n)"}, on(LAST, "out of memory")),
    cheat("memory_of_nobody", "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\ngot = [libc.shmget(0, 2**20, 0o1600) >= 0, libc.memfd_create(b'x', 0) >= 0, libc.msgget(0, 0o1600) >= 0]", body="    return a + b if any(got) else 0"),
    Attack("fills_the_connection_folder", {"label": "import glob\ndef label(n):\n    import time\n    folder = next(d for d in glob.glob('/tmp/grade-*/*') if glob.glob(d + '/kernel.json'))\n    for k in range(40):\n        with open(f'{folder}/big{k}', 'wb') as f:\n            f.write(b'x' * 2**22)\n        time.sleep(0.02)\n    time.sleep(1)\n    return 'item ' + str(n)"}, on(LAST, "crashed")),
    Attack("prints_while_a_test_runs", {"label": "def label(n):\n    print('x' * 10**6)\n    return 'item ' + str(n)"}),
    Attack("a_message_of_many_parts", {"label": "def label(n):\n    import zmq\n    s = get_ipython().kernel.iopub_thread.socket\n    for _ in range(6):\n        for _ in range(30):\n            s.send(b'x' * 10**7, zmq.SNDMORE)\n        s.send(b'')\n    return 'item ' + str(n)"}, on(LAST, GONE)),
]  # fmt: skip

SECOND = [
    Attack("honest_before_1"),
    *CHANGES,
    Attack("honest_between_1"),
    *HUNGRY,
    Attack("honest_after_1", {"add": HONEST["add"]}),
]
