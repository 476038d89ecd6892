"""One name for a thing: what CONTRIBUTING's page of words promises about arguments, held for every public function."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INSTEAD = {  # a name that is not used, and the one that is
    **dict.fromkeys(("rng", "gen", "random_state", "stream"), "generator"),
    **dict.fromkeys(("num_classes", "n_classes", "nb_classes"), "classes"),
    **dict.fromkeys(("learning_rate", "step_size", "lr"), "rate"),
    **dict.fromkeys(("iterations", "n_steps", "num_steps", "n_iter", "max_iter", "sweeps"), "steps"),
    **dict.fromkeys(("n_epochs", "num_epochs", "passes"), "epochs"),
    **dict.fromkeys(("mode", "padding_mode", "border_mode", "fill_mode"), "border or interpolation"),
    **dict.fromkeys(("batch_size", "bs"), "batch"),
    **dict.fromkeys(("img", "imgs", "pic"), "image or images"),
    **dict.fromkeys(("verbose", "show_progress"), "progress"),
}
OPTIMISERS = Path("optim")  # have the interface of torch's optimisers, with lr


def functions(path: Path) -> Iterator[tuple[str, ast.FunctionDef, int]]:
    """Public functions and constructors of a file: name, node, and how many leading arguments are `self`."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, node, 0
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                    yield node.name, part, 1


FILES = sorted((ROOT / "course_lib").rglob("*.py"))
PUBLIC = [(path.relative_to(ROOT / "course_lib"), *found) for path in FILES for found in functions(path)]


def test_there_is_something_to_hold():
    assert len(PUBLIC) > 400


@pytest.mark.parametrize(("path", "name", "node", "skip"), PUBLIC, ids=[f"{path}-{name}" for path, name, *_ in PUBLIC])
def test_arguments_have_the_course_s_names_and_are_named_after_the_third(path, name, node, skip):
    positional = [argument.arg for argument in node.args.posonlyargs + node.args.args][skip:]
    assert len(positional) <= 3, f"{path}: {name} takes {len(positional)} arguments by place; put * after the third"
    for argument in positional + [argument.arg for argument in node.args.kwonlyargs]:
        if argument == "lr" and path.parts[0] == OPTIMISERS.name:
            continue
        assert argument not in INSTEAD, f"{path}: {name}({argument}) is called {INSTEAD[argument]} in this course"


@pytest.mark.parametrize("path", sorted((ROOT / "chapters" / "text").glob("*.md")), ids=lambda path: path.stem)
def test_no_private_helper_is_taught(path):
    text = path.read_text(encoding="utf-8")
    cells = "\n".join(re.findall(r"^```\{code-cell\}.*?^```", text, re.MULTILINE | re.DOTALL))
    used = re.findall(r"\b\w+\._[a-z]\w*", cells) + re.findall(r"import (?:\w+, )*_[a-z]\w*", cells)
    assert used == [], f"a chapter uses private names of the library: {', '.join(used)}"


@pytest.mark.parametrize("word", ["generator", "classes", "rate", "steps", "border"])
def test_the_page_of_words_explains(word):
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Words")[2].partition("\n## ")[0]
    assert re.search(rf"^\| `{word}`", page, re.MULTILINE), f"CONTRIBUTING, Words, has no row for {word}"
