"""A digest of everything of the library that some code uses, so that outputs are stale exactly when that has changed.

`digest` starts from the names of course_lib that the code imports, follows each to where it is defined (an `__init__`
that only passes a name on does not count), and goes on through all names which that definition mentions. What it meets
is summed up: syntax trees without docstrings, comments and layout; data files that a string names; and the locked
versions of the packages whose arithmetic the numbers come from. Where reading cannot tell (a module handed about as a
value, a star import, a name that nothing defines), the whole module counts, with everything that it contains.
Statements that do something at import count in every module that is imported.
"""

from __future__ import annotations

import ast
import fnmatch
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from course_book.modules import Module, Target, dump_of, mentions, read_program, text_of
from course_book.paths import ROOT

LIBRARY = "course_lib"
DATA = ("chapters/cards", "chapters/images", LIBRARY)  # folders whose files count where a string names them
COMPUTING = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "scikit-image", "pillow", "matplotlib")
SHOWS = ("show_source", "source_of")  # print a definition as it is written, comments and all


def digest(sources: Iterable[str], root: Path = ROOT) -> str:
    """One short digest of all that the library contributes to running some code.

    Args:
        sources: Pieces of Python, such as the code cells of a notebook; they themselves do not count.
        root: The folder that holds course_lib.

    Raises:
        ValueError: If the code cannot be read as Python.
    """
    walk = _Walk(root)
    walk.run(read_program("", "\n".join(sources)))
    data = [f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}" for name, path in walk.files()]
    counted = [*sorted(walk.lines), *data, *_versions(root)]
    return hashlib.sha256("\n".join(counted).encode()).hexdigest()[:16]


class _Walk:
    """The definitions met so far."""

    def __init__(self, root: Path):
        self.root = root
        self.lines: set[str] = set()  # what the digest is made of
        self.words: set[str] = set()  # strings, which may name files
        self.reached: set[tuple[str, str]] = set()
        self.entered: set[str] = set()
        self.text_counts = False
        self.modules: dict[str, Module | None] = {}

    def run(self, program: Module) -> None:
        """Follow everything that a program mentions."""
        showing = [s for s in program.statements if any(name[-1] in SHOWS for name in mentions(s).names)]
        calls = [node for statement in showing for node in ast.walk(statement) if isinstance(node, ast.Call)]
        shown = [argument for call in calls if _is_show(call) for argument in call.args]
        self.text_counts = any(not isinstance(argument, ast.Attribute | ast.Name) for argument in shown)
        for argument in shown:
            for name, *rest in mentions(argument).names:
                self.text_counts |= not program.imports.get(name)
                for module, taken in program.imports.get(name, ()):
                    self._resolve(module, [*taken, *rest], shown=True)
        self._import_all(program)
        for statement in program.statements:
            self._follow(program, statement)

    def files(self) -> list[tuple[str, Path]]:
        """The data files that the strings name, with or without folder and ending."""
        names = {word.rsplit("/", 1)[-1] for word in self.words if len(word) < 200}
        wild = [name for name in names if "*" in name and len(name.replace("*", "")) > 2]
        found = {}
        for path in _data_files(self.root):
            if path.name in names or path.stem in names or any(_like(path, pattern) for pattern in wild):
                found[path.relative_to(self.root).as_posix()] = path
        return sorted(found.items())

    def _load(self, name: str) -> Module | None:
        """A module of the library, or None for one of another package or none at all."""
        if name not in self.modules:
            self.modules[name] = None
            if name.split(".")[0] == LIBRARY:
                path = self.root / name.replace(".", "/")
                path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
                if path.is_file():
                    self.modules[name] = read_program(name, path.read_text(encoding="utf-8"))
        return self.modules[name]

    def _import_all(self, module: Module) -> None:
        """Import what a module imports: statements that do something then count, and so do star imports."""
        for local, targets in list(module.imports.items()):
            for name, taken in targets:
                self._enter(name)
                self._enter(".".join([name, *taken]))
                if local == "*":
                    self._whole(name)

    def _enter(self, name: str) -> None:
        module = self._load(name)
        if module is None or name in self.entered:
            return
        self.entered.add(name)
        if "." in name:
            self._enter(name.rpartition(".")[0])
        for number, statement in enumerate(module.effects):
            self.lines.add(f"{name} does {number} {dump_of(statement)}")
            self._follow(module, statement)
        self._import_all(module)

    def _follow(self, module: Module, statement: ast.AST) -> None:
        """Count everything that a statement of a module mentions."""
        found = mentions(statement)
        for name, *rest in found.names:
            if name in module.bindings:
                self._reach(module, name)
            for target in module.imports.get(name, ()):
                self._alias(module, name, target, rest)
        for word in found.words:
            stem = word.rsplit("/", 1)[-1].partition(".")[0]
            if not module.name or stem.strip("*"):  # the library's f"{name}.json" stands for a name that somebody says
                self.words.add(word)
            if word.startswith(LIBRARY) and re.fullmatch(rf"{LIBRARY}(\.\w+)+", word):  # import_module and its like
                self._whole(word) if self._load(word) else self._resolve(LIBRARY, word.split(".")[1:])

    def _alias(self, module: Module, name: str, target: Target, rest: list[str]) -> None:
        """Count what an imported name stands for."""
        goal = self._resolve(target[0], [*target[1], *rest])
        self.lines.add(f"{module.name}: {name} is {goal}")

    def _reach(self, module: Module, name: str) -> None:
        """Count a definition, once, and what it mentions; a program's own are counted by `run`."""
        if not module.name or (module.name, name) in self.reached:
            return
        self.reached.add((module.name, name))
        for statement in module.bindings[name]:
            self.lines.add(f"{module.name}.{name} {dump_of(statement)}")
            if self.text_counts:
                self.lines.add(f"{module.name} shows\n{text_of(module, statement)}")
            self._follow(module, statement)

    def _resolve(self, name: str, parts: list[str], shown: bool = False) -> str:
        """Count what dotted parts lead to from a module, and return its full name.

        Args:
            name: The module.
            parts: Such as ["ridge"], or none for the module itself.
            shown: Count the definition's text too.
        """
        module = self._load(name)
        if module is None:
            return ".".join([name, *parts])
        if not parts or parts[0] == "*":
            return self._whole(name)
        first, *rest = parts
        if first in module.bindings:
            self._reach(module, first)
            if shown:
                self.lines.update(f"{name} shows\n{text_of(module, s)}" for s in module.bindings[first])
            return f"{name}.{first}"
        if first in module.imports:
            goals = [self._resolve(goal, [*taken, *rest], shown) for goal, taken in module.imports[first]]
            return " and ".join(sorted(goals))
        if self._load(f"{name}.{first}"):
            return self._resolve(f"{name}.{first}", rest, shown)
        return self._whole(name)

    def _whole(self, name: str) -> str:
        """Count everything in a module; in a package, everything in its modules too."""
        module = self._load(name)
        if module is None or (name, "") in self.reached:
            return name
        self.reached.add((name, ""))
        self._enter(name)
        for statement in module.statements:
            self.lines.add(f"{name} whole {dump_of(statement)}")
            self._follow(module, statement)
        for bound, targets in list(module.imports.items()):
            for target in targets:
                if target[0].split(".")[0] == LIBRARY and target != (LIBRARY, ()):
                    self._alias(module, bound, target, [])
        folder = self.root.joinpath(*name.split("."))
        for path in sorted(folder.glob("*")) if folder.is_dir() else ():
            if path.name != "__init__.py" and (path.suffix == ".py" or (path / "__init__.py").exists()):
                self._whole(f"{name}.{path.stem}")
        return name


def _is_show(call: ast.Call) -> bool:
    return any(name[-1] in SHOWS for name in mentions(call.func).names)


def _like(path: Path, pattern: str) -> bool:
    return fnmatch.fnmatchcase(path.name, pattern) or fnmatch.fnmatchcase(path.stem, pattern)


def _data_files(root: Path) -> list[Path]:
    files = [path for folder in DATA for path in (root / folder).rglob("*")]
    return [path for path in files if path.suffix not in (".py", ".pyc") and path.is_file()]


def _versions(root: Path) -> list[str]:
    """The pins of the packages that compute, from the lock file."""
    lock = root / "requirements.lock"
    text = lock.read_text(encoding="utf-8") if lock.exists() else ""
    return re.findall(rf"^(?:{'|'.join(COMPUTING)})==\S+", text, re.MULTILINE)
