"""Lines that a student's editor or platform needed, and that here would only cost points or time.

There is no screen and no network where submissions run. `%matplotlib widget`, `matplotlib.use("TkAgg")`, `%gui qt`
and `%conda install ...` would end their cell with an error, and pip would ask the network until its patience is over;
`import ipympl` fails where that is not installed. None of them says anything about the solution: figures are drawn
inline whatever is asked for, what would install something is left out, and ipympl is an empty module.

    forgive()        before the kernel starts, in the student's process
"""

from __future__ import annotations

import functools
import re
import sys
from types import ModuleType
from typing import Any

INSTALLERS = re.compile(r"\s*(\S*python[\d.]*\s+-m\s+|uv\s+)?(pip[\d.]*|conda|mamba|micromamba)\s")
MAGICS = ("pip", "conda", "mamba", "micromamba", "uv")
# Any other backend needs a screen or a browser.
DRAWN = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template", "inline", "module://matplotlib_inline.backend_inline")
LEFT_OUT = "[left out: nothing is installed where submissions run]"
SHELLS = re.compile(r"\s*(\S*/)?(ba|da|z)?sh(\s|$)")  # a line that names the program of a cell, as of %%bash
# At the beginning of a script: functions, which a shell prefers to programs, on one line so that none is shifted.
NO_PYTHON = '() {{ case "$1 $2" in "-m pip") pip;; *) command {0} "$@";; esac; }}'
PRELUDE = (
    f"pip() {{ echo '{LEFT_OUT}'; }}; "
    + "".join(f"{name}() {{ pip; }}; " for name in ("pip3", "conda", "mamba", "micromamba", "uv"))
    + "; ".join(name + NO_PYTHON.format(name) for name in ("python", "python3"))
)


def forgive() -> None:
    """Let these lines do nothing in this process, which is to become a kernel."""
    import matplotlib
    from ipykernel import zmqshell
    from IPython.core.magics import PackagingMagics, ScriptMagics
    from matplotlib import pyplot

    shell: Any = zmqshell.ZMQInteractiveShell
    for name in MAGICS:
        if hasattr(PackagingMagics, name):  # which there are depends on IPython's version
            setattr(PackagingMagics, name, lambda magics, line="": print(LEFT_OUT))
    enable, system = shell.enable_matplotlib, zmqshell.system  # which gets the command with its variables filled in
    shell.enable_matplotlib = lambda shell, gui=None: enable(shell, "inline")
    shell.enable_gui = lambda shell, gui=None: None
    zmqshell.system = lambda cmd: system(f"echo '{LEFT_OUT}'" if INSTALLERS.match(cmd) else cmd)
    run = ScriptMagics.shebang

    @functools.wraps(run)
    def shebang(magics: ScriptMagics, line: str, cell: str) -> object:
        return run(magics, line, f"{PRELUDE}; {cell}" if SHELLS.match(line) else cell)

    ScriptMagics.shebang = shebang  # type: ignore[method-assign]
    sys.modules["ipympl"] = ModuleType("ipympl")
    use, switch = matplotlib.use, pyplot.switch_backend
    matplotlib.use = lambda backend, *, force=True: use(backend, force=force) if _is_drawn(backend) else None
    pyplot.switch_backend = lambda newbackend: switch(newbackend) if _is_drawn(newbackend) else None


def _is_drawn(backend: object) -> bool:
    """Whether matplotlib can draw with this backend into memory and files."""
    return str(backend).lower() in DRAWN
