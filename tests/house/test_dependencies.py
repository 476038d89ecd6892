"""pyproject.toml, requirements.lock and environment.yml must name the same packages."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def declared() -> list[Requirement]:
    lines = PROJECT["dependencies"] + [line for extra in PROJECT["optional-dependencies"].values() for line in extra]
    return [Requirement(line) for line in lines]


def locked() -> list[Requirement]:
    text = (ROOT / "requirements.lock").read_text()
    return [Requirement(line.split(" \\")[0]) for line in re.findall(r"^[a-z0-9].*", text, re.MULTILINE)]


def test_the_lock_holds_one_allowed_version_of_each_declared_package():
    pins = {}
    for requirement in locked():
        pins.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    for wanted in declared():
        found = pins[canonicalize_name(wanted.name)]
        assert len(found) == 1, f"{wanted.name} is pinned {len(found)} times"
        (pin,) = (specifier.version for specifier in found[0].specifier)
        assert wanted.specifier.contains(pin, prereleases=True), f"{wanted} does not allow the locked {pin}"


def test_every_pin_is_exact_and_hashed_and_names_no_index():
    text = (ROOT / "requirements.lock").read_text()
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(locked())
    for block in blocks:
        assert re.match(r"\S+==\S+", block), block.splitlines()[0]
        assert "--hash=sha256:" in block, block.splitlines()[0]
    assert "://" not in text


SYSTEMS = {
    "linux": ("Linux", "posix", "x86_64"),
    "darwin": ("Darwin", "posix", "arm64"),
    "win32": ("Windows", "nt", "AMD64"),
}


def environments():
    """What a marker sees on each supported Python and system."""
    for version in ("3.11", "3.12", "3.13"):
        for platform, (system, name, machine) in SYSTEMS.items():
            yield {
                "python_full_version": f"{version}.0",
                "python_version": version,
                "sys_platform": platform,
                "platform_machine": machine,
                "platform_system": system,
                "os_name": name,
                "implementation_name": "cpython",
                "platform_python_implementation": "CPython",
                "extra": "",
            }


def test_the_lock_covers_the_python_versions_that_the_project_supports():
    assert PROJECT["requires-python"] == ">=3.11,<3.14"
    for requirement in locked():
        if requirement.marker is not None:
            marker = Marker(str(requirement.marker))
            assert any(map(marker.evaluate, environments())), f"{requirement} is locked but never installed"


def test_this_environment_is_the_locked_one():
    for requirement in locked():
        if requirement.marker is None or requirement.marker.evaluate():
            installed = importlib.metadata.version(requirement.name)
            assert requirement.specifier.contains(installed, prereleases=True), f"{requirement.name}: {installed}"


def test_environment_yml_installs_the_same():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, _, pip = environment["dependencies"]
    assert python == f"python{PROJECT['requires-python']}"
    constraints, editable = pip["pip"]
    extras = set(re.fullmatch(r"-e \.\[(.*)\]", editable).group(1).split(","))
    assert extras == set(PROJECT["optional-dependencies"])
    assert constraints == "-c constraints.txt"


def test_the_constraints_are_the_locks_versions():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert sorted(lines) == sorted(
        re.findall(r"^[a-z0-9][^\\\n]*[^ \\\n]", (ROOT / "requirements.lock").read_text(), re.M)
    )
    assert len(lines) > 150


def test_pip_accepts_the_very_lines_that_conda_passes_to_it(tmp_path):
    """conda writes them into a file beside environment.yml. Everything is installed, so that no index is asked."""
    lines = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"][-1]["pip"]
    requirements = ROOT / f"condaenv.{tmp_path.name}.requirements.txt"
    requirements.write_text("\n".join(lines))
    flags = ["--dry-run", "--no-index", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "install", *flags, "-r", requirements.name]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    finally:
        requirements.unlink()
    assert done.returncode == 0, done.stderr[-2000:]
