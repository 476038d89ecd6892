"""What a killed grader leaves behind goes at the next start: its folder, and the keys of its class."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from course_grader.folders import own_folder

FOLDER = """
from course_grader.folders import own_folder
with own_folder() as folder:
    print(folder, flush=True)
    os._exit(9)
"""
KEYS = """
from course_grader.batch import _client
if __name__ == "__main__":
    with _client(1, None) as client:
        print(client.security.tls_client_key, flush=True)
        os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("code", [FOLDER, KEYS], ids=["folder", "keys"])
def test_what_a_killed_grader_leaves_goes_and_what_a_living_one_has_stays(tmp_path, code):
    (tmp_path / "killed.py").write_text("import os\n" + code)
    done = subprocess.run([sys.executable, tmp_path / "killed.py"], capture_output=True, text=True)
    left = Path(done.stdout.strip())
    assert left.exists(), done.stderr[-500:]
    with own_folder() as one, own_folder() as other:
        assert not left.exists()
        assert one.is_dir()
        assert other.is_dir()
        assert one.stat().st_mode & 0o077 == 0
    assert not one.exists()
