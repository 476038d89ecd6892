"""Make `.venv` from the lock file. Standard library only, so that any Python can start it and say what is wrong.

Does nothing when the environment already matches `requirements.lock` and `pyproject.toml`. Written without newer
syntax on purpose: an old Python must get as far as the sentence that says it is too old.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.abspath(__file__))
ENVIRONMENT = os.path.join(ROOT, ".venv")
LOCK = os.path.join(ROOT, "requirements.lock")
OLDEST, NEWEST = (3, 11), (3, 13)
NEEDED_GB = 8 if sys.platform.startswith("linux") else 4  # torch for Linux brings CUDA's libraries


def stop(sentence):
    """End with one line that says what is wrong and what to do."""
    sys.exit("error: " + sentence)


def fingerprint():
    """What the environment was made from."""
    digest = hashlib.sha256(repr(sys.version_info[:2]).encode())
    for name in (LOCK, os.path.join(ROOT, "pyproject.toml")):
        with open(name, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def run(command, doing):
    """Run a command, pass its words on, and turn a failure into one line."""
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, universal_newlines=True)
    said = []
    for line in process.stderr:
        said.append(line.strip())
        if not line.startswith((" + ", " - ", " ~ ")):  # two hundred package names tell a reader nothing
            sys.stderr.write(line)
    if process.wait() == 0:
        return
    text = " ".join(said[-12:])
    if re.search(r"dns|resolve|connect|network|timed out|timeout|unreachable|retries|proxy", text, re.IGNORECASE):
        stop("{0} failed: the package index cannot be reached; check the network or PIP_INDEX_URL".format(doing))
    if re.search(r"no space left|disk quota", text, re.IGNORECASE):
        stop("{0} failed: the disk is full; about {1} GB are needed".format(doing, NEEDED_GB))
    stop("{0} failed: {1}".format(doing, (said or ["no message"])[-1]))


def check_machine():
    """Stop on a Python or a disk that cannot work, before anything is downloaded."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        numbers = OLDEST + NEWEST + tuple(sys.version_info[:2])
        wanted = "Python {0}.{1} to {2}.{3} is needed, this is {4}.{5}".format(*numbers)
        stop(wanted + "; name another one, as in: make course PYTHON=python3.12")
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < NEEDED_GB:
        stop("about {0} GB of free disk are needed here, {1:.1f} GB are left".format(NEEDED_GB, free))


def lock_entry(name):
    """The lines of one package in the lock file, hashes included."""
    with open(LOCK) as file:
        found = re.search(r"^{0}==.*?(?=^\S|\Z)".format(name), file.read(), re.MULTILINE | re.DOTALL)
    return found.group(0)


def install():
    """Create the environment and fill it with exactly what the lock file names."""
    python = os.path.join(ENVIRONMENT, "Scripts" if os.name == "nt" else "bin", "python")
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], stdout=subprocess.PIPE)
    if made.returncode != 0:
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        stop("Python cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv")
    if "UV_INDEX_URL" not in os.environ and "PIP_INDEX_URL" in os.environ:
        os.environ["UV_INDEX_URL"] = os.environ["PIP_INDEX_URL"]
    with tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False) as file:
        file.write(lock_entry("uv"))
    try:
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        run(pip + ["--require-hashes", "-r", file.name], "installing the installer")
    finally:
        os.unlink(file.name)
    uv = [python, "-m", "uv", "pip"]
    # Compiled once here: where Python may not write next to its modules, each process would compile torch again.
    sync = ["sync", "--compile-bytecode", "--python", python, "--require-hashes", LOCK]
    run(uv + sync, "installing the packages")
    run(uv + ["install", "--python", python, "--no-deps", "--no-build-isolation", "-e", ROOT], "installing the course")


def main():
    """Bring `.venv` up to date if it is not."""
    stamp = os.path.join(ENVIRONMENT, "installed-from")
    try:
        with open(stamp) as file:
            if file.read() == fingerprint():
                return
    except (OSError, IOError):
        pass
    check_machine()
    print("Installing the locked packages into .venv (torch with its libraries is about 5.5 GB)")
    install()
    with open(stamp, "w") as file:
        file.write(fingerprint())


if __name__ == "__main__":
    main()
