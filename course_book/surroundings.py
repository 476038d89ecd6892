"""What a chapter's kernel finds around it, the same whoever starts it: a home of its own, one thread, the CPU.

A person's home folder could decide a result (settings of matplotlib, start-up files of IPython, downloaded weights),
and a home that cannot be written, or a font list that is made while a clock runs, puts warnings into a chapter.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Variables that would lead back to somebody's settings or caches.
ELSEWHERE = (
    "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "MATPLOTLIBRC", "MPLBACKEND",
    "PYTHONWARNINGS", "SCIKIT_LEARN_DATA", "TORCH_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
)  # fmt: skip
# An older CPU: other instructions, so other roundings.
OLDER = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "MKL_CBWR": "COMPATIBLE",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
}


@contextmanager
def surroundings(**more: str) -> Iterator[None]:
    """Set the variables that kernels started inside inherit, and put the old ones back afterwards.

    Args:
        **more: Further variables, such as COURSE_THREADS="2".
    """
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="course-home-", ignore_cleanup_errors=True) as home:
        for name in ELSEWHERE:
            os.environ.pop(name, None)
        os.environ.update({"HOME": home, "USERPROFILE": home, "COURSE_STATIC": "1"})  # sliders draw their first picture
        os.environ.setdefault("COURSE_DEVICE", "cpu")  # what the book's numbers are stated for
        os.environ.setdefault("COURSE_THREADS", "1")
        os.environ.update(more)
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[name] = os.environ["COURSE_THREADS"]
        os.environ["MPLCONFIGDIR"] = str(font_folder(Path(home)))
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def font_folder(home: Path) -> Path:
    """Where matplotlib finds its list of fonts; made here if need be, which takes it a second or, cold, many.

    Args:
        home: Where to make it if this Python's own folder cannot be written.
    """
    folder = Path(sys.prefix) / "matplotlib"
    with suppress(OSError):
        folder.mkdir(exist_ok=True)
    if not os.access(folder, os.W_OK):
        folder = home / "matplotlib"
        folder.mkdir()
    if not any(folder.glob("fontlist-*.json")):
        command = [sys.executable, "-c", "import matplotlib.font_manager"]
        environment = {**os.environ, "MPLCONFIGDIR": str(folder)}
        subprocess.run(command, env=environment, check=True, capture_output=True)
    return folder
