"""Hostile and broken submissions of the assignment `probe`, and what each must get.

`lost` names the tests that give no points, with the status that they must have; every other test must be passed. Most
attacks come with wrong code for `add`, so that a success would show as points.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .assignment import HONEST, NAME, POINTS, as_json

ADD = ("test_add_public", "test_add_hidden")
CENTER = ("test_center_public", "test_center_hidden")
AFTER_ADD = tuple(POINTS)[2:]
NAP = 100_000 + os.getpid()  # seconds that a process sleeps that should be gone: tells it from those of a run beside


@dataclass(frozen=True)
class Attack:
    """One submission.

    Attributes:
        name: The student's name.
        sources: Sources of solution cells that are not the honest ones.
        lost: Status by test that gives no points; a tuple where more than one status is right.
        edit: Changes the notebook (a dict of JSON) or returns other content of the file.
        files: Makes other files in the submission's folder.
    """

    name: str
    sources: dict[str, str] = field(default_factory=dict)
    lost: dict[str, str | tuple[str, ...]] = field(default_factory=dict)
    edit: Callable[[dict], str | bytes | None] | None = None
    files: Callable[[Path], None] | None = None

    def write(self, folder: Path, release: dict) -> None:
        """Hand it in."""
        folder.mkdir(parents=True)
        notebook = json.loads(json.dumps(release))
        for cell in notebook["cells"]:
            name = cell["metadata"].get("nbgrader", {}).get("grade_id")
            if name in HONEST:
                cell["source"] = self.sources.get(name, HONEST[name])
        content = self.edit(notebook) if self.edit else None
        if content is None:
            content = as_json(notebook)
        if isinstance(content, str):
            content = content.encode("utf-8", "surrogatepass")
        if content != b"no file":
            (folder / f"{NAME}.ipynb").write_bytes(content)
        if self.files:
            self.files(folder)


def on(tests: tuple[str, ...], status: str | tuple[str, ...]) -> dict[str, str | tuple[str, ...]]:
    """The same status for several tests."""
    return dict.fromkeys(tests, status)


def cheat(name: str, code: str, status: str | tuple[str, ...] = "failed", body: str = "    return 0") -> Attack:
    """Code beside a wrong `add`, which must lose the points of `add` and nothing else."""
    return Attack(name, {"add": f"{code}\ndef add(a, b):\n{body}"}, on(ADD, status))


def suicide(name: str, code: str) -> Attack:
    """Code beside a wrong `add` that breaks the student's own process: no test is passed any more."""
    broken = ("failed", "error", "timeout", "crashed")
    return Attack(name, {"add": f"{code}\ndef add(a, b):\n    return 0"}, on(tuple(POINTS), broken))


def edit(name: str, lost: dict, change: Callable[[dict], object], wrong: bool = True) -> Attack:
    """A changed file, with a wrong `add` unless said otherwise."""

    def changed(notebook: dict) -> str | bytes | None:
        result = change(notebook)
        return result if isinstance(result, str | bytes) else None

    return Attack(name, {"add": "def add(a, b):\n    return 0"} if wrong else {}, lost, changed)


def cells(notebook: dict, name: str) -> list[dict]:
    """Cells of one grade_id."""
    return [cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == name]


def tests(notebook: dict) -> list[dict]:
    return [cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade")]


def meta(notebook: dict, **values: object) -> None:
    """Set something in nbgrader's metadata of every cell."""
    for cell in notebook["cells"]:
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"].update(values)


ALL = tuple(POINTS)
FAILED = on(ADD, "failed")
MALFORMED = on(ALL, "malformed")

SAME_PROCESS = [
    cheat("patched_checks", "check_equal = check_close = lambda *a, **k: None"),
    cheat("patched_checks_globally", "import builtins\nbuiltins.check_equal = lambda *a: None\nget_ipython().user_ns['check_equal'] = print"),
    cheat("patched_numpy", "np.allclose = np.array_equal = np.isclose = lambda *a, **k: True\nnp.testing = None"),
    cheat("patched_builtins", "import builtins\nbuiltins.AssertionError = Warning\nbuiltins.any = builtins.all = lambda *a: True"),
    suicide("destroyed_builtins", "import builtins\nbuiltins.isinstance = lambda *a: True\nbuiltins.compile = None"),
    cheat("lying_eq", "class L(int):\n    def __eq__(self, o):\n        return True\n    __hash__ = None", body="    return L(0)"),
    cheat("lying_float", "class L(float):\n    def __eq__(self, o):\n        return True\n    def __sub__(self, o):\n        return 0.0", body="    return L(0)"),
    cheat("lying_object", "class L:\n    def __eq__(self, o):\n        return True", "error", "    return L()"),
    cheat("lying_string", "class L(str):\n    def __eq__(self, o):\n        return True", body="    return L('x')"),
    cheat("lying_repr_error", "class L(Exception):\n    def __str__(self):\n        raise SystemExit", "error", "    raise L"),
    Attack("ndarray_subclass", {"center": "class A(np.ndarray):\n    def __array_function__(self, *a):\n        return True\n    def __eq__(self, o):\n        return np.bool_(True)\ndef center(values):\n    return np.zeros(np.shape(values)).view(A)"}, on(CENTER, "failed")),
    Attack("masked_array", {"center": "def center(values):\n    return np.ma.masked_all(np.shape(values))"}, on(CENTER, "failed")),
    Attack("array_of_liars", {"center": "class L:\n    def __sub__(self, o):\n        return 0\ndef center(values):\n    return np.full(np.shape(values), L(), dtype=object)"}, on(CENTER, "error")),
    Attack("tensor_subclass", {"add": "import torch\nclass T(torch.Tensor):\n    @classmethod\n    def __torch_function__(cls, *a, **k):\n        return True\ndef add(a, b):\n    return torch.zeros(()).as_subclass(T)"}, on(ADD, ("failed", "error"))),
    Attack("zeroed_arguments", {"center": "def center(values):\n    if isinstance(values, np.ndarray):\n        values[:] = 0\n        return values.copy()\n    values[:] = [0] * len(values)\n    return np.zeros(len(values))"}, on(CENTER, "failed")),
    cheat("display_hook", "import sys\nsys.displayhook = lambda v: None\nget_ipython().display_pub.publish({'text/plain': '2.0'})", body="    from IPython.display import display\n    display(2.0)\n    return 0"),
    cheat("run_cell_wrapped", "shell = get_ipython()\nold = type(shell).run_cell\ntype(shell).run_cell = lambda self, code, *a, **k: old(self, 'pass' if 'assert' in code else code, *a, **k)"),
    suicide("do_execute_wrapped", "k = get_ipython().kernel\nasync def ok(*a, **kw):\n    return {'status': 'ok', 'execution_count': 1, 'payload': [], 'user_expressions': {}}\nk.do_execute = ok"),
    cheat("session_filtered", "s = get_ipython().kernel.session\nold = s.send\ndef send(stream, m, *a, **k):\n    if m == 'error':\n        return\n    return old(stream, m, *a, **k)\ns.send = send"),
    suicide("session_silent", "get_ipython().kernel.session.send = lambda *a, **k: None"),
    cheat("input_transformer", "get_ipython().input_transformers_post.append(lambda lines: [l for l in lines if 'assert' not in l and 'check' not in l])"),
    cheat("ast_transformer", "import ast\nclass R(ast.NodeTransformer):\n    def visit_Assert(self, n):\n        return ast.Pass()\n    def visit_Expr(self, n):\n        return ast.Pass() if 'check' in ast.dump(n) else n\nget_ipython().ast_transformers.append(R())"),
    cheat("reads_In", "def find():\n    import re\n    text = ' '.join(In) + ' '.join(map(str, get_ipython().history_manager.input_hist_raw))\n    return [int(x) for x in re.findall(r'add\\(7319.*?= (\\d+)', text)]", body="    return (find() or [0])[0]"),
    cheat("walks_frames", "", body="    import sys\n    f = sys._getframe()\n    while f:\n        for v in {**f.f_globals, **f.f_locals}.copy().values():\n            if type(v) is int and v == 101940:\n                return v\n        if 'expected' in f.f_locals:\n            return f.f_locals['expected']\n        f = f.f_back\n    return 0"),
    cheat("searches_gc", "", body="    import gc\n    for o in gc.get_objects():\n        if type(o) is dict and 'expected' in o and type(o['expected']) in (int, float):\n            return o['expected']\n        if type(o) is str and '7319 +' in o:\n            return 7319 + 94621\n    return 0"),
    cheat("pickle_reduce", "class P:\n    def __reduce__(self):\n        import os\n        return os.system, ('touch /tmp/pwned',)", "error", "    return P()"),
    suicide("patched_server", "import course_grader.student as s, course_grader.wire as w\ns._answer = lambda r, n: {'status': 'passed', 'points': 99.0, 'value': True}\ns.describe = lambda e: [[], '']"),
    suicide("patched_wire", "import course_grader.wire as w\nw.encode = lambda v, *a: b'\\x00\\x00\\x00\\x02{}'"),
    suicide("garbage_on_the_wire", "import course_grader.wire as w\nw.send = lambda c, m: c.sendall(b'\\xff' * 64)"),
    suicide("claims_a_huge_answer", "import course_grader.wire as w, struct\nw.send = lambda c, m: c.sendall(struct.pack('>Q', 2**62))"),
    suicide("answers_before_the_question", "import course_grader.student as s, course_grader.wire as w\nw.send(s._SERVED[0], w.encode({'id': '0' * 16, 'value': 3}))\nw.send(s._SERVED[0], w.encode({'id': '0' * 16, 'value': 101940}))"),
    cheat("claims_changes_everywhere", "import course_grader.student as s\nold = s._answer\ns._answer = lambda r, n: {'value': 0, 'changed': {0: 0, 1: 0, '__builtins__': {}}, 'same': 1} if r.get('call') == 'add' else old(r, n)"),
    cheat("fake_exception_types", "AssertionError = type('SystemExit', (Exception,), {})", "error", "    raise AssertionError('passed')"),
    cheat("raises_system_exit", "", "error", "    raise SystemExit(0)"),
    cheat("raises_keyboard_interrupt", "", ("error", "timeout"), "    raise KeyboardInterrupt"),
    cheat("raises_stop_iteration", "", "error", "    raise StopIteration(101940)"),
]  # fmt: skip

OUTSIDE = [
    cheat("reads_environment", "import os\nprint(dict(os.environ))\nassert not [k for k in os.environ if 'TOKEN' in k or 'SECRET' in k or 'KEY' in k]"),
    cheat("searches_files", "import os\nfound = [os.path.join(d, f) for top in os.listdir('/') if top not in ('proc', 'sys', 'dev', 'usr', 'lib') for d, ds, fs in os.walk('/' + top) if ds.__setitem__(slice(None), [x for x in ds if x != 'site-packages']) is None for f in fs if f in ('gradebook.db', 'probe.ipynb', 'nbgrader_config.py')]\nprint(found)", body="    import json\n    for f in found:\n        if f.endswith('.ipynb'):\n            exec('\\n'.join(c['source'] for c in json.load(open(f))['cells']))\n            return locals()['add'](a, b)\n    return 1 / 0 if found else 0"),
    cheat("writes_the_system", "import os, sys\nwritten = []\nfor top in (sys.prefix, np.__path__[0], '/', '/usr', '/etc', '/dev', '/proc', '/proc/sys/kernel', '/proc/sys/vm', '/sys'):\n    try:\n        open(os.path.join(top, 'new'), 'w').close()\n        written.append(top)\n    except OSError:\n        pass\n    for f in os.listdir(top):\n        path = os.path.join(top, f)\n        if os.path.isfile(path) and not path.startswith('/dev'):\n            try:\n                os.close(os.open(path, os.O_WRONLY))\n                written.append(path)\n            except OSError:\n                pass\nprint('written', written)"),
    cheat("network", "import socket\ndef reach(host, port):\n    try:\n        socket.create_connection((host, port), timeout=0.5)\n        return True\n    except OSError:\n        return False\nopen_ports = [p for p in (22, 80, 443, 5432, 8888) if reach('127.0.0.1', p)] + [h for h in ('1.1.1.1', '8.8.8.8') if reach(h, 53)]\nprint('reached', open_ports)", body="    return 3 if open_ports else 0"),
    suicide("judges_sockets", "import os, socket, glob\nfor n in range(3, 256):\n    try:\n        os.write(n, b'\\x00' * 8 + b'passed')\n    except OSError:\n        pass"),
    cheat("looks_into_proc", "import os\nseen = []\nfor n in os.listdir('/proc'):\n    if n.isdigit() and n != str(os.getpid()):\n        for what in ('environ', 'mem', 'maps', 'fd'):\n            try:\n                p = f'/proc/{n}/{what}'\n                data = [os.readlink(f'{p}/{k}') for k in os.listdir(p)] if what == 'fd' else open(p, 'rb').read(10)\n                if data and os.readlink(f'/proc/self') != n:\n                    seen.append((n, what))\n            except OSError:\n                pass\nprint('seen', seen)"),
    cheat("kills_all_it_sees", "import os, signal\nfor n in os.listdir('/proc'):\n    if n.isdigit() and int(n) != os.getpid():\n        try:\n            os.kill(int(n), signal.SIGKILL)\n        except OSError:\n            pass"),
    cheat("new_namespaces", "import ctypes\nlibc = ctypes.CDLL(None)\nassert libc.unshare(0x10000000) == -1\nassert libc.mount(b'none', b'/tmp', b'tmpfs', 0, None) == -1\nassert libc.ptrace(16, 1, 0, 0) == -1"),
    cheat("detached_daemon", f"import subprocess, sys, os\nsubprocess.Popen([sys.executable, '-c', 'import time, os\\nif os.fork():\\n    os._exit(0)\\nos.setsid()\\nif os.fork():\\n    os._exit(0)\\ntime.sleep({NAP})'], start_new_session=True)"),
    cheat("forked_servant", f"import os\nif os.fork() == 0:\n    os.setsid()\n    import time\n    time.sleep({NAP})"),
    cheat("thread_goes_on", "import threading\ndef spin():\n    while True:\n        pass\nfor _ in range(3):\n    threading.Thread(target=spin, daemon=True).start()"),
]  # fmt: skip


def _shadow(folder: Path) -> None:
    for name in ("numpy", "torch", "ipykernel_launcher", "course_lib", "course_grader", "conftest", "sitecustomize"):
        (folder / f"{name}.py").write_text("raise SystemExit('shadowed')\n")
    (folder / "evil.pth").write_text("import os; os._exit(1)\n")
    (folder / "data.txt").write_text("18\n")


def _links(folder: Path) -> None:
    (folder / "zero").symlink_to("/dev/zero")
    (folder / "up").symlink_to("../../..")
    os.mkfifo(folder / "pipe")


def _linked_notebook(folder: Path) -> None:
    (folder / f"{NAME}.ipynb").symlink_to(f"../../../source/{NAME}/{NAME}.ipynb")


def _fifo_notebook(folder: Path) -> None:
    os.mkfifo(folder / f"{NAME}.ipynb")


def _folder_notebook(folder: Path) -> None:
    (folder / f"{NAME}.ipynb").mkdir()


def _bad_time(folder: Path) -> None:
    (folder / "timestamp.txt").write_text("yesterday, long before the deadline\n")


def _drop(notebook: dict, chosen: Callable[[dict], bool]) -> None:
    notebook["cells"] = [cell for cell in notebook["cells"] if not chosen(cell)]


def _swap_ids(notebook: dict) -> None:
    for cell in tests(notebook):
        cell["metadata"]["nbgrader"]["grade_id"] = "add"


NOTHING = Attack("nothing_handed_in", lost=on(ALL, "missing"), edit=lambda n: b"no file")
WRONG_ADD = {"add": "def add(a, b):\n    return 0"}
FILES = [
    Attack("shadow_modules", WRONG_ADD, FAILED, files=_shadow),
    Attack("symbolic_links", WRONG_ADD, FAILED, files=_links),
    Attack("notebook_is_a_link", {}, MALFORMED, lambda n: b"no file", _linked_notebook),
    Attack("notebook_is_a_pipe", {}, MALFORMED, lambda n: b"no file", _fifo_notebook),
    Attack("notebook_is_a_folder", {}, MALFORMED, lambda n: b"no file", _folder_notebook),
    Attack("timestamp_is_no_time", WRONG_ADD, FAILED, files=_bad_time),
    NOTHING,
    edit("more_points", FAILED, lambda n: meta(n, points=1000)),
    edit("points_for_the_solution", FAILED, lambda n: [c["metadata"]["nbgrader"].update(grade=True, points=50) for c in cells(n, "add")]),
    edit("tests_unlocked_and_rewritten", FAILED, lambda n: [c.update(source="pass") for c in tests(n)]),
    edit("tests_skipped_by_tag", FAILED, lambda n: [c["metadata"].update(tags=["skip-execution", "raises-exception"]) for c in n["cells"]]),
    edit("tests_as_text", FAILED, lambda n: [c.update(cell_type="raw") for c in tests(n)]),
    edit("tests_deleted", FAILED, lambda n: _drop(n, lambda c: bool(c["metadata"].get("nbgrader", {}).get("grade")))),
    edit("tests_twice", FAILED, lambda n: n["cells"].extend(tests(n))),
    edit("tests_named_like_the_solution", on(ADD, "malformed"), _swap_ids),
    edit("solution_twice", {}, lambda n: n["cells"].extend(cells(n, "add")), wrong=False),
    edit("solution_deleted", on(ADD, "missing"), lambda n: _drop(n, lambda c: c in cells(n, "add")), wrong=False),
    edit("solution_as_text", on(ADD, "malformed"), lambda n: [c.update(cell_type="markdown") for c in cells(n, "add")], wrong=False),
    edit("solution_is_a_number", on(ADD, "malformed"), lambda n: [c.update(source=7) for c in cells(n, "add")], wrong=False),
    edit("solution_is_a_megabyte", on(ADD, "malformed"), lambda n: [c.update(source="#" * 10**6) for c in cells(n, "add")], wrong=False),
    edit("schema_1", {}, lambda n: meta(n, schema_version=1), wrong=False),
    edit("schema_99", FAILED, lambda n: meta(n, schema_version=99)),
    edit("other_kernel", FAILED, lambda n: n["metadata"].update(kernelspec={"name": "bash", "language": "bash", "display_name": "x"})),
    edit("metadata_is_a_list", on(ALL, ("missing",)), lambda n: [c.update(metadata=[]) for c in n["cells"]], wrong=False),
    edit("outputs_are_nonsense", FAILED, lambda n: [c.update(outputs={"text": 3}, execution_count="x") for c in tests(n)]),
    edit("lone_surrogate_in_solution", on(ADD, "malformed"), lambda n: [c.update(source="def add(a, b):\n    return '\ud800'") for c in cells(n, "add")], wrong=False),
    edit("lone_surrogate_elsewhere", FAILED, lambda n: [c.update(source="\udfff") for c in tests(n)]),
    edit("not_json", MALFORMED, lambda n: '{"cells": ['),
    edit("zero_bytes", MALFORMED, lambda n: b""),
    edit("binary", MALFORMED, lambda n: bytes(range(256)) * 10),
    edit("utf_16", FAILED, lambda n: as_json(n).encode("utf-16")),
    edit("nbformat_3", MALFORMED, lambda n: json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": []}]})),
    edit("nbformat_99", MALFORMED, lambda n: json.dumps({**n, "nbformat": 99})),
    edit("merge_marks", MALFORMED, lambda n: "<<<<<<< HEAD\n" + as_json(n) + "\n=======\n>>>>>>> mine\n"),
    edit("nested_too_deeply", MALFORMED, lambda n: "[" * 100_000),
    edit("a_list", MALFORMED, lambda n: "[1, 2]"),
    edit("cells_are_a_number", MALFORMED, lambda n: json.dumps({**n, "cells": 3})),
    edit("sixty_megabytes", MALFORMED, lambda n: as_json(n) + " " * 60_000_000),
    edit("cells_are_strings", on(ALL, "missing"), lambda n: json.dumps({**n, "cells": ["add"] * 9}), wrong=False),
]  # fmt: skip

LAST = ("test_label_hidden",)
GONE = ("timeout", "crashed", "out of memory")


def after(tests_: tuple[str, ...], status: str | tuple[str, ...]) -> dict:
    """A status for some tests, and the end of the process for all that come later."""
    first = ALL.index(tests_[0])
    return {**on(ALL[first:], GONE), **on(tests_, status)}


HUNGRY = [
    Attack("a_gigabyte_of_lines", {"add": HONEST["add"] + "\nfor _ in range(10**7):\n    print('x' * 100)"}),
    Attack("a_line_of_100_megabytes", {"add": HONEST["add"] + "\nprint('x' * 10**8)"}),
    Attack("html_of_200_megabytes", {"add": HONEST["add"] + "\nfrom IPython.display import HTML, display\ndisplay(HTML('<b>' * (2 * 10**8 // 3)))"}),
    Attack("many_pictures", {"add": HONEST["add"] + "\nfrom IPython.display import display, Image\nfor _ in range(2000):\n    display({'image/png': 'A' * 10**5}, raw=True)"}),
    Attack("endless_cell", {"add": HONEST["add"] + "\nwhile True:\n    pass"}),
    Attack("endless_function", {"add": "def add(a, b):\n    while True:\n        pass"}, on(ADD, "timeout")),
    Attack("endless_and_deaf", {"label": "def label(n):\n    while True:\n        try:\n            while True:\n                pass\n        except BaseException:\n            pass"}, on(LAST, "timeout")),
    Attack("endless_sleep", {"label": "def label(n):\n    import time\n    time.sleep(1000)"}, on(LAST, "timeout")),
    Attack("endless_generator", {"center": "import itertools\ndef center(values):\n    return itertools.count()"}, on(CENTER, "error")),
    Attack("endless_list", {"center": "class E(list):\n    def __iter__(self):\n        while True:\n            yield 0\n    def __len__(self):\n        return 10**12\ndef center(values):\n    return E()"}, on(CENTER, "failed")),
    Attack("contains_itself", {"center": "def center(values):\n    x = []\n    x.append(x)\n    return x"}, on(CENTER, "error")),
    Attack("nested_a_million_deep", {"center": "def center(values):\n    x = 0\n    for _ in range(10**6):\n        x = [x]\n    return x"}, on(CENTER, ("error", *GONE))),
    Attack("huge_result", {"center": "def center(values):\n    return np.zeros(30_000_000)"}, on(CENTER, ("error", "out of memory"))),
    Attack("broadcast_giant", {"center": "def center(values):\n    return np.broadcast_to(0.0, (10**6, 10**6))"}, on(CENTER, ("error", "out of memory"))),
    Attack("flood_of_nan", {"center": "def center(values):\n    return np.full(10**6, np.nan)"}, on(CENTER, ("failed", "error"))),
    Attack("huge_number", {"add": "def add(a, b):\n    return 10 ** 100000"}, on(ADD, "error")),
    Attack("recursion", {"add": "def add(a, b):\n    return add(a, b)"}, on(ADD, "error")),
    Attack("allocates_64_gigabytes", {"center": "def center(values):\n    return np.ones(8 * 10**9)"}, on(CENTER, "out of memory")),
    Attack("allocates_in_many_processes", {"label": "def label(n):\n    import os, time\n    for _ in range(8):\n        if os.fork() == 0:\n            keep = [bytearray(b'x' * 2**20) for _ in range(200)]\n            time.sleep(60)\n    time.sleep(60)"}, on(LAST, ("out of memory", "timeout"))),
    Attack("fork_bomb", {"label": "def label(n):\n    import os\n    while True:\n        try:\n            os.fork()\n        except OSError:\n            pass"}, on(LAST, GONE)),
    Attack("fills_the_disk", {"add": HONEST["add"] + "\nwith open('big', 'wb') as f:\n    while True:\n        f.write(b'x' * 10**6)"}),
    Attack("exits_in_the_last_test", {"label": "def label(n):\n    import os\n    os._exit(0)"}, on(LAST, "crashed")),
    Attack("exits_in_its_cell", {"center": HONEST["center"] + "\nimport os\nos._exit(0)"}, after(CENTER, "crashed")),
    Attack("segmentation_fault", {"label": "def label(n):\n    import ctypes\n    ctypes.string_at(0)"}, on(LAST, "crashed")),
    Attack("kills_itself", {"label": "def label(n):\n    import os, signal\n    os.kill(os.getpid(), signal.SIGKILL)"}, on(LAST, "crashed")),
    Attack("closes_its_files", {"label": "def label(n):\n    import os\n    os.closerange(3, 4096)\n    return 'item 12'"}, on(LAST, ("crashed", "timeout", "error"))),
    Attack("quits_in_its_cell", {"add": HONEST["add"] + "\nquit()"}),
    Attack("exits_and_works_on", {"add": HONEST["add"] + "\nexit()", "center": "import time\ntime.sleep(0.5)\n" + HONEST["center"]}),
    Attack("syntax_error", {"add": "def add(a, b)\n    return"}, on(ADD, "error")),
    Attack("prints_hidden_arguments", {"label": "seen = []\ndef label(n):\n    seen.append(n)\n    print('LEAK', n)\n    raise ValueError(f'LEAK {n}')", "answer": "LEAK <script>alert(1)</script>"}, on(LAST, "error")),
]  # fmt: skip

RIGHT = [
    Attack("honest_a"),
    Attack("honest_m"),
    Attack("honest_z"),
    Attack("warns_and_logs", {"add": "import logging, warnings, sys\ndef add(a, b):\n    warnings.warn('careful')\n    logging.error('loud')\n    print('x', file=sys.stderr)\n    return a + b"}),
    Attack("shows_progress", {"center": "from tqdm import tqdm\ndef center(values):\n    for _ in tqdm(range(3)):\n        pass\n    return np.asarray(values) - np.mean(values)"}),
    Attack("plots", {"add": "import matplotlib.pyplot as plt\ndef add(a, b):\n    plt.plot([1, 2])\n    return a + b\nplt.plot([0, 1])\nplt.show()"}),
    Attack("uses_threads", {"center": "from concurrent.futures import ThreadPoolExecutor\ndef center(values):\n    with ThreadPoolExecutor(4) as pool:\n        m = pool.submit(np.mean, values).result()\n    return np.asarray(values) - m"}),
    Attack("uses_processes", {"add": "import subprocess\ndef add(a, b):\n    subprocess.run(['true'], check=True)\n    return a + b"}),
    Attack("numpy_scalars", {"add": "def add(a, b):\n    return np.float64(a) + np.float64(b)", "limit": "limit = np.float32(0.5)"}),
    Attack("magics_and_files", {"add": "%matplotlib inline\n!echo hello\nwith open('notes.txt', 'w') as f:\n    f.write(open('data.txt').read())\nassert open('notes.txt').read() == '17\\n'\ndef add(a, b):\n    return a + b"}),
    Attack("functions_that_call_each_other", {"label": "def label(n):\n    return 'item ' + str(n) * add(0, 1)"}),
]  # fmt: skip

ATTACKS = [*SAME_PROCESS, *OUTSIDE, *FILES, *HUNGRY]
CLASS = [*RIGHT, *ATTACKS]
