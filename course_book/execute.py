"""Turn a chapter's text into an executed notebook, and measure what that took.

The stored notebook is normalised: cell ids come from the cells' text, and nothing that changes from run to run
(times, versions, counters of the kernel) is kept. Executing the same text twice gives the same bytes. Where the code
and what it uses of the library are as they were, the stored outputs are copied to the new text and nothing is executed.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from typing import TYPE_CHECKING

import jupytext
import nbformat
from nbformat import NotebookNode

from course_book.digest import digest
from course_book.paths import MEASURED, ROOT, notebook_path, text_path
from course_book.surroundings import surroundings

if TYPE_CHECKING:
    from nbclient import NotebookClient

# Asked of the kernel after the last cell; never stored. On Linux `ru_maxrss` would not do: a process takes over its
# parent's, through fork and exec, so that a small notebook run by a large program would look as large as that program.
PEAK_MEMORY = """
import pathlib, resource, sys
status = pathlib.Path("/proc/self/status")
if status.exists():
    print(next(int(line.split()[1]) * 1024 for line in status.open() if line.startswith("VmHWM:")))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


def read_text(name: str) -> NotebookNode:
    """A chapter's text as a notebook without outputs, with cell ids made from what the cells say."""
    notebook = jupytext.read(text_path(name), fmt="md:myst")
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        seen[digest] += 1
        cell["id"] = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
    notebook.metadata = {
        "jupytext": {"formats": "ipynb,text//md:myst"},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def code_sources(notebook: NotebookNode) -> list[str]:
    """The sources of a notebook's code cells, in order."""
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def fold(notebook: NotebookNode) -> None:
    """Let JupyterLab open with what the book folds folded, too: code that only draws, and solutions.

    Args:
        notebook: Whose cells have the tags `hide-input` and `hide-cell`; changed in place.
    """
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", ())
        if cell.cell_type == "code" and {"hide-input", "hide-cell"} & set(tags):
            cell.metadata["jupyter"] = {"source_hidden": True}
            if "hide-cell" in tags:
                cell.metadata["jupyter"]["outputs_hidden"] = True


def store(name: str, again: bool = False) -> dict[str, float]:
    """Make a chapter's notebook from its text; execute it only if the stored outputs are not those of its code.

    Args:
        name: Such as 02_optimization.
        again: Execute it in any case.

    Returns:
        Seconds and peak memory in GiB of the execution; empty if there was none.

    Raises:
        RuntimeError: If a cell raises; nothing is stored then.
        ValueError: If a cell wrote to stderr; nothing is stored then.
    """
    notebook = read_text(name)
    notebook.metadata["course"] = {"digest": digest(code_sources(notebook))}
    fold(notebook)
    measured = {} if not again and _copy_outputs(name, notebook) else execute(name, notebook)
    nbformat.validate(notebook)
    notebook_path(name).write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    return _record(name, measured) if measured else {}


def _copy_outputs(name: str, notebook: NotebookNode) -> bool:
    """Give the text's code cells the stored outputs, if they are those of the same code with the same library."""
    if not notebook_path(name).exists():
        return False
    stored = nbformat.read(notebook_path(name), as_version=4)
    if stored.metadata.get("course") != notebook.metadata["course"] or code_sources(stored) != code_sources(notebook):
        return False
    old = [cell for cell in stored.cells if cell.cell_type == "code"]
    for cell, known in zip((c for c in notebook.cells if c.cell_type == "code"), old, strict=True):
        cell.outputs, cell.execution_count = known.outputs, known.execution_count
    return all(cell.execution_count is not None for cell in old)


def execute(name: str, notebook: NotebookNode, **variables: str) -> dict[str, float]:
    """Execute a notebook in place, as the chapters are executed, and normalise it.

    Args:
        name: The chapter's, for what is said when a cell fails.
        notebook: From `read_text`.
        **variables: Of the kernel's environment, such as COURSE_THREADS="2".

    Returns:
        Seconds and peak memory in GiB.

    Raises:
        RuntimeError: If a cell raises.
        ValueError: If a cell wrote to stderr.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        coalesce_streams=True,
        extra_arguments=["--IPKernelApp.log_level=40"],
        resources={"metadata": {"path": str(ROOT / "chapters")}},
    )
    started = time.perf_counter()
    with surroundings(**variables), client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            try:
                client.execute_cell(cell, index)
            except CellExecutionError as error:
                raise RuntimeError(f"cell {index} of {name} raised; nothing was stored\n{error}") from None
        seconds = time.perf_counter() - started
        peak = int(_ask(client, PEAK_MEMORY))
    _normalise(notebook)
    return {"seconds": round(seconds, 1), "peak_gib": round(peak / 2**30, 2)}


def _ask(client: NotebookClient, code: str) -> str:
    """Run code in the kernel outside the notebook and return what it printed."""
    client.nb.cells.append(nbformat.v4.new_code_cell(code))
    cell = client.execute_cell(client.nb.cells[-1], len(client.nb.cells) - 1, store_history=False)
    client.nb.cells.pop()
    return "".join(output.text for output in cell.outputs)


def _normalise(notebook: NotebookNode) -> None:
    """Keep what is the same on every run, and refuse warnings."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.metadata.pop("execution", None)
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                line = output.text.strip().splitlines()[0]
                raise ValueError(f"a cell wrote to stderr, so nothing was stored: {line}")


def _record(name: str, measured: dict[str, float]) -> dict[str, float]:
    """Keep this run's figures unless the recorded ones are within a fifth of them, which is noise."""
    table = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    old = table.get(name)
    if old is None or any(abs(measured[key] - old[key]) > 0.2 * old[key] for key in measured):
        table[name] = measured
        MEASURED.write_text(json.dumps(dict(sorted(table.items())), indent=2) + "\n")
    return measured
