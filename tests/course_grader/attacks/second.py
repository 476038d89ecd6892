"""More hostile and unlucky submissions, each with honest neighbours before and after it in the class."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from .assignment import HONEST, NAME, as_json
from .submissions import ADD, ALL, CENTER, GONE, LAST, MALFORMED, Attack, cells, cheat, edit, on

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
    Attack("fills_the_connection_folder", {"label": "import glob\ndef label(n):\n    import time\n    folder = next(d for d in glob.glob('/tmp/grade-*/*') if glob.glob(d + '/kernel.json'))\n    for k in range(40):\n        with open(f'{folder}/big{k}', 'wb') as f:\n            f.write(b'x' * 2**22)\n        time.sleep(0.02)\n    time.sleep(1)\n    return 'item ' + str(n)"}, on(LAST, "error")),
    Attack("buffers_of_sockets", {"label": "def label(n):\n    import os, socket, time\n    for _ in range(20):\n        if os.fork() == 0:\n            pairs = [socket.socketpair() for _ in range(200)]\n            for a, _ in pairs:\n                a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 10**9)\n                a.send(b'x' * 2**17)\n            time.sleep(60)\n    time.sleep(2)\n    return 'item ' + str(n)"}, on(LAST, "out of memory")),
    Attack("tables_of_pages", {"label": "def label(n):\n    import mmap, time\n    m = mmap.mmap(-1, 2**40, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, mmap.PROT_READ)\n    m.madvise(15)\n    for start in range(0, 2**40, 2**21):\n        m[start]\n    time.sleep(1)\n    return 'item ' + str(n)"}, on(LAST, "out of memory")),
    Attack("prints_while_a_test_runs", {"label": "def label(n):\n    print('x' * 10**6)\n    return 'item ' + str(n)"}),
    Attack("asks_for_a_larger_buffer", {"add": "import socket\ndef add(a, b):\n    s, t = socket.socketpair()\n    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 10**6)\n    s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)\n    s.send(b'+')\n    return eval(f'{a} {t.recv(1).decode()} {b}')"}),
    Attack("a_message_of_many_parts", {"label": "def label(n):\n    import zmq\n    s = get_ipython().kernel.iopub_thread.socket\n    for _ in range(12):\n        for _ in range(12):\n            s.send(b'x' * 10**7, zmq.SNDMORE)\n        s.send(b'')\n    return 'item ' + str(n)"}, on(LAST, (*GONE, "error"))),
]  # fmt: skip


# Tensors that are more, or less, than an array of numbers.
TENSORS = [
    cheat("sparse_tensor", "import torch", "error", "    return torch.eye(2).to_sparse()"),
    cheat("compressed_tensor", "import torch", "error", "    return torch.eye(2).to_sparse_csr()"),
    cheat("quantised_tensor", "import torch", "error", "    return torch.quantize_per_tensor(torch.zeros(1), 0.1, 0, torch.quint8)"),
    cheat("meta_tensor", "import torch", "error", "    return torch.zeros(1, device='meta')"),
    cheat("nested_tensor", "import torch", "error", "    return torch.nested.nested_tensor([torch.zeros(1), torch.zeros(2)])"),
    cheat("uninitialised_parameter", "import torch", "error", "    return torch.nn.UninitializedParameter()"),
    cheat("parameter_that_answers_for_itself", "import torch\nclass P(torch.nn.Parameter):\n    @classmethod\n    def __torch_function__(cls, f, types, args=(), kwargs=None):\n        return True", ("failed", "error"), "    return P(torch.zeros(1))"),
    cheat("hook_that_changes_the_result", "import torch", body="    t = torch.zeros((), requires_grad=True)\n    t.register_hook(lambda g: 101940 + g)\n    u = t * 1\n    u.backward()\n    return t"),
    Attack("right_tensor_with_hooks", {"add": "import torch\ndef add(a, b):\n    t = torch.tensor(float(a) + float(b), requires_grad=True)\n    t.register_hook(lambda g: 1 / 0)\n    return torch.nn.Parameter(t)"}),
]  # fmt: skip

_SOCKETS = """import os, socket, stat
def spoil(bad):
    for n in map(int, os.listdir('/proc/self/fd')):
        try:
            if stat.S_ISSOCK(os.fstat(n).st_mode):
                with socket.socket(fileno=os.dup(n)) as s:
                    if s.family == socket.AF_UNIX and b'grade-' in os.fsencode(s.getsockname()):
                        s.send(bad)
        except OSError:
            pass
"""


def _frames(name: str, bad: bytes) -> Attack:
    """Bytes that are no frame of ZeroMQ's protocol, on every channel of the kernel, while a test runs."""
    code = f"{_SOCKETS}\ndef label(n):\n    spoil({bad!r})\n    return 'nothing'"
    return Attack(name, {"label": code}, on(LAST, ("failed", "error", *GONE)))


FRAMES = [
    _frames("a_frame_of_flags_that_are_reserved", b"\xff" * 40),
    _frames("a_frame_of_nine_exabytes", b"\x02" + b"\x7f" * 8),
    _frames("a_command_of_no_name", b"\x04\x00"),
    _frames("a_greeting_in_the_middle", b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(60)),
    _frames("a_frame_that_never_ends", b"\x03\xff" + b"x" * 20),
]

# What is left running beside or after the student's cells.
LEFT = [
    Attack("a_task_goes_on", {"add": f"import asyncio\nasync def spin():\n    while True:\n        await asyncio.sleep(0)\ntask = asyncio.get_event_loop().create_task(spin())\n{HONEST['add']}"}),
    Attack("a_task_that_fails", {"add": f"import asyncio\nasync def later():\n    raise ValueError\ntask = asyncio.get_event_loop().create_task(later())\n{HONEST['add']}"}),
    Attack("hooks_of_events", {"add": f"import atexit, sys, time\ndef hook(*a):\n    global add\n    1 / 0\nfor name in ('pre_execute', 'pre_run_cell', 'post_execute', 'post_run_cell'):\n    get_ipython().events.register(name, hook)\nsys.excepthook = sys.unraisablehook = hook\natexit.register(time.sleep, 1000)\n{HONEST['add']}"}),
    cheat("a_hook_that_replaces", "def hook(*a):\n    globals().update(check_equal=print, add=lambda a, b: 101940 if a > 5 else 0)\nfor name in ('pre_execute', 'post_execute'):\n    get_ipython().events.register(name, hook)"),
    Attack("a_hook_without_end", {"label": f"{HONEST['label']}\ndef hook(*a):\n    while True:\n        try:\n            while True:\n                pass\n        except BaseException:\n            pass\nget_ipython().events.register('post_execute', hook)"}, on(LAST, GONE)),
    Attack("the_loop_is_held", {"label": f"{HONEST['label']}\nimport asyncio, time\nasyncio.get_event_loop().call_soon(time.sleep, 1000)"}, on(LAST, GONE)),
]  # fmt: skip


def _at(time: str) -> Callable[[Path], None]:
    """A timestamp beside the notebook."""
    return lambda folder: (folder / "timestamp.txt").write_text(time) and None


TIMES = [
    Attack("in_the_year_9999", files=_at("9999-12-31 23:59:59.999999 UTC")),
    Attack("in_the_year_1", files=_at("0001-01-01 00:00:00 UTC")),
    Attack("before_all_years", files=_at("0001-01-01 00:00:00 +1400")),
    Attack("after_all_years", files=_at("9999-12-31 23:59:59 -1400")),
]


def _deep(notebook: dict, levels: int) -> str:
    """The file with metadata nested so deep."""
    return as_json(notebook).replace('"metadata": {', '"metadata": {"deep": ' + "[" * levels + "]" * levels + ", ", 1)


def _added(notebook: dict) -> None:
    place = notebook["cells"].index(cells(notebook, "center")[0])
    helper = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "id": "mine"}
    notebook["cells"].insert(
        place, {**helper, "source": "def my_mean(values):\n    return np.sum(values) / np.size(values)"}
    )
    cells(notebook, "center")[0]["source"] = "def center(values):\n    return np.asarray(values) - my_mean(values)"


def _spoils(notebook: dict) -> None:
    _added(notebook)
    spoilt = "check_close = check_equal = lambda *a: None\nimport course_grader.judge as j\nj.Judge = None"
    notebook["cells"][notebook["cells"].index(cells(notebook, "add")[0]) :][0]["source"] = (
        "def add(a, b):\n    return 0"
    )
    notebook["cells"].insert(0, {"cell_type": "code", "metadata": {}, "outputs": [], "source": spoilt})


def _split(notebook: dict) -> None:
    cell = cells(notebook, "center")[0]
    first, rest = cell["source"].split("\n", 1)
    cell["source"] = (
        first.replace("def", "mean = np.mean\n\ndef") + "\n" + rest.replace("values.mean()", "mean(values)")
    )
    top, bottom = cell["source"].split("\n\n")
    place = notebook["cells"].index(cell)
    notebook["cells"][place : place + 1] = [
        {**cell, "source": text, "id": f"part{i}"} for i, text in enumerate((top, "", bottom))
    ]


def _again(notebook: dict) -> None:
    notebook["cells"].append({**cells(notebook, "add")[0], "source": "def add(a, b):\n    return a - b", "id": "copy"})


def _other_name(folder: Path) -> None:
    os.rename(folder / f"{NAME}.ipynb", folder / f"{NAME} (1).ipynb")


def _two_names(folder: Path) -> None:
    _other_name(folder)
    shutil.copy(folder / f"{NAME} (1).ipynb", folder / f"{NAME}-Copy1.ipynb")


# What the reader of notebooks must stand, and what students' habits must not cost.
READ = [
    edit("nested_700_deep", {}, lambda n: _deep(n, 700), wrong=False),
    edit("empty_lists", MALFORMED, lambda n: '{"nbformat": 4, "cells": [' + "[]," * 20_000_000 + "1]}"),
    edit("many_empty_lists", on(ALL, "missing"), lambda n: '{"nbformat": 4, "cells": [' + "[]," * 5_000_000 + "1]}"),
    edit("adds_a_helper_cell", {}, _added, wrong=False),
    edit("adds_a_cell_that_spoils", on(ADD, "failed"), _spoils, wrong=False),
    edit("splits_a_cell", {}, _split, wrong=False),
    edit("another_version_at_the_end", on(ADD, "malformed"), _again, wrong=False),
    edit("byte_order_mark", {}, lambda n: as_json(n).encode("utf-8-sig"), wrong=False),
    Attack("under_another_name", files=_other_name),
    Attack("two_under_other_names", lost=on(ALL, "missing"), files=_two_names),
]

_LINES = """import ipympl
import matplotlib
import matplotlib.pyplot as plt
%matplotlib widget
%matplotlib qt
%matplotlib
%gui tk
%pylab --no-import-all qt
matplotlib.use("TkAgg")
plt.switch_backend("Qt5Agg")
%pip install einops
%conda install -y einops
!pip install einops
!{sys.executable} -m pip install -q einops
if True:
    %pip install einops
    !conda install einops
word = "still"
!echo {word} here
plt.plot([1, 2])
plt.show()
"""


def _script(notebook: dict) -> None:
    script = "%%bash\nset -e\npip install einops\nif ! python3 -m pip install -q x; then exit 1; fi\necho $((6 * 7))"
    notebook["cells"].insert(0, {"cell_type": "code", "metadata": {}, "outputs": [], "source": script})


# Lines that an editor or a platform needed, and that say nothing of the solution.
HABITS = [
    edit("installs_in_a_script", {}, _script, wrong=False),
    Attack("lines_of_an_editor", {"add": f"import sys\n{_LINES}{HONEST['add']}"}),
    Attack(
        "an_editor_in_each_call",
        {
            "label": f"def label(n):\n    import matplotlib\n    matplotlib.use('TkAgg')\n    {HONEST['label'].splitlines()[1].strip()}"
        },
    ),
]

MARKERS = Attack(
    "markers_in_a_solution",
    {
        "add": "### BEGIN HIDDEN TESTS\n### BEGIN MARK SCHEME\ndef add(a, b):\n    return a + b",
        "answer": "### BEGIN HIDDEN TESTS\n### END MARK SCHEME",
    },
)

_ALL = [f"### {end} {what}" for what in ("SOLUTION", "HIDDEN TESTS", "MARK SCHEME") for end in ("END", "BEGIN")]
EVERY = Attack(
    "every_marker",
    {
        "add": "\n".join([*_ALL, "def add(a, b):", *(f"    {mark}" for mark in _ALL), "    return a + b", _ALL[1]]),
        "answer": "\n".join(_ALL),
    },
)

SECOND = [
    Attack("honest_before_1"),
    *CHANGES,
    Attack("honest_between_1"),
    *HUNGRY,
    Attack("honest_between_2"),
    *READ,
    MARKERS,
    EVERY,
    *HABITS,
    Attack("honest_between_3"),
    *TENSORS,
    *FRAMES,
    Attack("honest_between_4"),
    *LEFT,
    *TIMES,
    Attack("honest_after_1", {"add": HONEST["add"]}),
]
