"""The digest of what a chapter uses changes with the code and data that it reaches, and with nothing else."""

from __future__ import annotations

import pytest

from course_book.digest import digest
from course_book.paths import ROOT

FILES = {
    "__init__.py": '"""Head."""\n',
    "tools/__init__.py": "from course_lib.tools.add import add, twice\nfrom course_lib.tools.far import far\n",
    "tools/add.py": '"""Head."""\nimport math\n\nSTEP = 1\n\n\ndef add(x: int) -> int:\n    """Words."""\n'
    "    return x + STEP  # counts\n\n\ndef twice(x):\n    return add(add(x))\n\n\ndef unused(x):\n    return 5\n",
    "tools/far.py": "from course_lib.deep import Deep as Base\n\n\nclass Far(Base):\n    def go(self):\n"
    "        return 1\n\n\ndef far():\n    return Far().go()\n\n\ndef other():\n    return 2\n",
    "deep.py": "TABLE = {}\nfor name in 'ab':\n    TABLE[name] = name\n\n\nclass Deep:\n    size = 3\n"
    "\n\ndef alone():\n    from course_lib.tools.add import STEP\n    return STEP\n",
    "weights.py": "from pathlib import Path\n\nFOLDER = Path('checkpoints')\n\n\ndef load(name):\n"
    '    return (FOLDER / f"{name}.safetensors").read_bytes()\n',
    "checkpoints/tabby.safetensors": "1",
    "checkpoints/tabby.json": "{}",
    "checkpoints/dog.safetensors": "2",
}
LOCK = "numpy==2.0.0 \\\n    --hash=sha256:0\nruff==1.0\ntorch==2.6.0\n"


@pytest.fixture
def library(tmp_path):
    """A small library; called with a file's name and a replacement in it, or with a name and a whole new text."""
    for name, text in FILES.items():
        path = tmp_path / "course_lib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "chapters" / "cards").mkdir(parents=True)
    (tmp_path / "chapters" / "cards" / "01_costs.json").write_text("1")
    (tmp_path / "requirements.lock").write_text(LOCK)

    def edit(name, old, new):
        path = tmp_path / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    edit.root = tmp_path
    return edit


def changes(library, code, *edit) -> bool:
    before = digest([code], library.root)
    library(*edit)
    return digest([code], library.root) != before


ADD = "course_lib/tools/add.py"
IMPORTS = {
    "from the package": "from course_lib.tools import add\nadd(1)",
    "from the file": "from course_lib.tools.add import add as plus\nplus(1)",
    "the package": "from course_lib import tools\ntools.add(1)",
    "the package under a name": "import course_lib.tools as t\nt.add(1)",
    "the whole path": "import course_lib.tools.add\ncourse_lib.tools.add.add(1)",
    "inside a function": "def f():\n    from course_lib.tools import add\n    return add(1)",
    "through a second one": "from course_lib.tools import twice\ntwice(1)",
}


@pytest.mark.parametrize("way", IMPORTS)
def test_each_way_to_import_sees_the_code_and_its_constants(library, way):
    assert changes(library, IMPORTS[way], ADD, "x + STEP", "x - STEP")
    assert changes(library, IMPORTS[way], ADD, "STEP = 1", "STEP = 2")


UNCHANGED = {
    "a docstring": (ADD, "Words.", "Other words."),
    "a comment and layout": (ADD, "    return x + STEP  # counts", "    # more\n    return (x +\n        STEP)"),
    "an annotation": (ADD, "x: int", "x: float"),
    "a function that nobody calls": (ADD, "return 5", "return 6"),
    "a new function": (ADD, "def unused", "def brand_new():\n    return 1\n\n\ndef unused"),
    "a new export": ("course_lib/tools/__init__.py", "import add, twice", "import add, twice, unused"),
    "an unused import": (ADD, "import math", "import cmath"),
    "another file": ("course_lib/tools/far.py", "return 1", "return 7"),
    "a checkpoint that nobody names": ("course_lib/checkpoints/tabby.safetensors", "1", "3"),
    "a tool's version": ("requirements.lock", "ruff==1.0", "ruff==1.1"),
}


@pytest.mark.parametrize("what", UNCHANGED)
def test_what_the_code_does_not_use_changes_nothing(library, what):
    assert not changes(library, "from course_lib.tools import add\nadd(1)", *UNCHANGED[what])


def test_base_classes_and_their_modules_count(library):
    code = "from course_lib import tools\ntools.far()"
    assert changes(library, code, "course_lib/deep.py", "size = 3", "size = 4")
    assert changes(library, code, "course_lib/tools/far.py", "return 1", "return 7")
    assert not changes(library, code, "course_lib/tools/far.py", "return 2", "return 3")


def test_statements_that_run_at_import_count_wherever_they_are_imported(library):
    assert changes(library, "from course_lib.tools import add\nadd(1)", "course_lib/deep.py", "'ab'", "'abc'")


def test_an_import_inside_a_function_of_the_library_is_followed(library):
    assert changes(library, "from course_lib.deep import alone\nalone()", ADD, "STEP = 1", "STEP = 2")


BLIND = {
    "a module as a value": "from course_lib import tools\nf = [tools][0]",
    "getattr": "from course_lib import tools\ngetattr(tools, 'a' + 'dd')(1)",
    "a star": "from course_lib.tools.add import *",
    "a name that nothing defines": "from course_lib.tools import add as a\nimport course_lib.tools.add as m\nm.hidden",
    "a module's name in a string": "import importlib\nimportlib.import_module('course_lib.tools.add')",
}


@pytest.mark.parametrize("how", BLIND)
def test_where_reading_cannot_tell_the_whole_module_counts(library, how):
    assert changes(library, BLIND[how], ADD, "return 5", "return 6")


def test_an_alias_that_points_elsewhere_counts_although_both_goals_are_used(library):
    code = "from course_lib.tools import add, twice\nfrom course_lib.tools.far import other\nadd(twice(other()))"
    library("course_lib/tools/far.py", "def other():\n    return 2", "from course_lib.tools.add import add\n"
            "from course_lib.tools.add import twice as t\n\n\ndef other():\n    return add(t(2))")  # fmt: skip
    assert changes(library, code, "course_lib/tools/far.py", "import twice as t", "import add as t")


def test_shown_source_counts_as_it_is_written_but_not_its_docstring(library):
    code = "from course_lib.tools import add\nfrom course_lib.show import show_source\nshow_source(add)"
    assert changes(library, code, ADD, "# counts", "# counts one")
    assert changes(library, code, ADD, "x: int", "x: float")
    assert not changes(library, code, ADD, "Words.", "Other words.")
    assert not changes(library, code, ADD, "return 5", "return 5  # five")
    assert changes(library, code.replace("(add)", "(*[add])"), ADD, "# counts one", "# counts")


DATA = {
    "a checkpoint by name": ("load('tabby')", "course_lib/checkpoints/tabby.safetensors"),
    "its card": ("load('tabby')", "course_lib/checkpoints/tabby.json"),
    "a checkpoint by file": ("load('folder/tabby.safetensors')", "course_lib/checkpoints/tabby.safetensors"),
    "part of a name": ("load(f'{1}bby')", "course_lib/checkpoints/tabby.safetensors"),
    "a card by path": ("open('cards/01_costs.json')", "chapters/cards/01_costs.json"),
    "a card by half a path": ("open(f'cards/{1}_costs.json')", "chapters/cards/01_costs.json"),
    "a card by format": ("open('cards/{:02d}_costs.json'.format(1))", "chapters/cards/01_costs.json"),
    "all cards": ("open(folder / f'{name}.json')", "chapters/cards/01_costs.json"),
}


@pytest.mark.parametrize("how", DATA)
def test_named_data_counts(library, how):
    code, path = DATA[how]
    text = (library.root / path).read_text()
    assert changes(library, "from course_lib.weights import load\n" + code, path, text, text + " ")


@pytest.mark.parametrize("path", ["course_lib/checkpoints/dog.safetensors", "chapters/cards/01_costs.json"])
def test_other_data_does_not_count(library, path):
    text = (library.root / path).read_text()
    assert not changes(library, "from course_lib.weights import load\nload('tabby')", path, text, text + " ")


@pytest.mark.parametrize("package", ["torch==2.6.0", "numpy==2.0.0"])
def test_the_locked_versions_count(library, package):
    assert changes(library, "print(1)", "requirements.lock", package, package + ".1")


def test_commands_of_the_notebook_are_no_fault_but_broken_python_is_one_line(library):
    assert digest(["%timeit f()", "!ls", "x = 1"], library.root)
    with pytest.raises(ValueError, match=r"^the code is not Python: line 2: ") as error:
        digest(["x = 1", "x ="], library.root)
    assert "\n" not in str(error.value)


def test_the_order_of_files_and_of_the_code_does_not_matter(library):
    codes = ["from course_lib.tools import add\nadd(1)", "from course_lib.tools.far import other\nother()"]
    assert digest(codes, library.root) == digest(codes[::-1], library.root)


def test_an_export_line_makes_no_chapter_of_ours_stale(tmp_path):
    """The case that used to cost the execution of every chapter."""
    import shutil

    from course_book.execute import code_sources, read_text

    sources = code_sources(read_text("05_filters_and_pyramids"))
    shutil.copytree(ROOT / "course_lib", tmp_path / "course_lib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "chapters" / "cards", tmp_path / "chapters" / "cards")
    shutil.copy(ROOT / "requirements.lock", tmp_path)
    before = digest(sources, tmp_path)
    for init in (tmp_path / "course_lib").rglob("__init__.py"):
        init.write_text(init.read_text() + "\nfrom math import tau\n\n\ndef brand_new():\n    return tau\n")
    assert digest(sources, tmp_path) == before
