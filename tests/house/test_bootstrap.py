"""bootstrap.py speaks in one line when the machine cannot work, and does nothing when all is in place."""

from __future__ import annotations

import importlib.util
import sys
from collections import namedtuple
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "bootstrap.py")
bootstrap = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bootstrap)
Version = namedtuple("Version", "major minor micro releaselevel serial")


def said(function, *arguments) -> str:
    with pytest.raises(SystemExit) as stopped:
        function(*arguments)
    message = str(stopped.value)
    assert message.startswith("error: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("minor", [9, 10, 14])
def test_wrong_python(monkeypatch, minor):
    monkeypatch.setattr(sys, "version_info", Version(3, minor, 0, "final", 0))
    assert f"this is 3.{minor}" in said(bootstrap.check_machine)


def test_small_disk(monkeypatch):
    monkeypatch.setattr(bootstrap.shutil, "disk_usage", lambda path: namedtuple("Usage", "free")(1.5e9))
    assert "1.5 GB are left" in said(bootstrap.check_machine)


def test_good_machine_passes(monkeypatch):
    monkeypatch.setattr(bootstrap.shutil, "disk_usage", lambda path: namedtuple("Usage", "free")(100e9))
    assert bootstrap.check_machine() is None


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("error sending request: dns error: failed to lookup address", "the package index cannot be reached"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("Hash mismatch for torch", "Hash mismatch for torch"),
    ],
)
def test_failing_step(printed, expected, capfd):
    command = [sys.executable, "-c", f"import sys; sys.stderr.write({printed!r} + chr(10)); sys.exit(1)"]
    assert expected in said(bootstrap.run, command, "installing the packages")


def test_an_unreachable_index_is_named(tmp_path):
    uv = [sys.executable, "-m", "uv", "pip", "install", "--no-cache", "--target", str(tmp_path)]
    command = [*uv, "--index-url", "http://127.0.0.1:9/simple", "six"]
    assert "cannot be reached" in said(bootstrap.run, command, "installing the packages")


def test_the_installer_is_taken_from_the_lock():
    lines = bootstrap.lock_entry("uv").splitlines()
    assert lines[0].startswith("uv==")
    assert all("--hash=sha256:" in line for line in lines[1:])


def test_up_to_date_environment_is_left_alone(monkeypatch, tmp_path):
    monkeypatch.setattr(bootstrap, "ENVIRONMENT", str(tmp_path))
    monkeypatch.setattr(bootstrap, "install", lambda: pytest.fail("installed again"))
    (tmp_path / "installed-from").write_text(bootstrap.fingerprint())
    bootstrap.main()


def test_changed_lock_installs_again(monkeypatch, tmp_path):
    monkeypatch.setattr(bootstrap, "ENVIRONMENT", str(tmp_path))
    monkeypatch.setattr(bootstrap, "check_machine", lambda: None)
    done = []
    monkeypatch.setattr(bootstrap, "install", lambda: done.append(True))
    (tmp_path / "installed-from").write_text("something else")
    bootstrap.main()
    assert done
    assert (tmp_path / "installed-from").read_text() == bootstrap.fingerprint()


def test_installed_packages_are_compiled():
    """Else every process of grading would compile torch again where Python may not write next to its modules."""
    module = importlib.util.find_spec("torch.optim.lbfgs").origin
    assert Path(importlib.util.cache_from_source(module)).exists()
