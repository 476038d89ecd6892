"""`python -m course_book COMMAND`: what the Makefile calls. Errors are one line; `--help` lists the commands."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from course_book.paths import ROOT, find_chapter


def _execute(arguments: argparse.Namespace) -> None:
    from course_book.execute import store

    name = find_chapter(arguments.chapter)
    measured = store(name, again=arguments.again)
    how = "the code and what it uses are as they were, so nothing was executed (--again does)"
    if measured:
        how = f"{measured['seconds']:.1f} s, peak memory {measured['peak_gib']:.2f} GiB"
    print(f"chapters/{name}.ipynb stored: {how}")


def _tolerances(arguments: argparse.Namespace) -> None:
    from course_book.tolerances import tolerances

    found = tolerances(find_chapter(arguments.chapter))
    print("\n".join(found) if found else "every cell prints the same each way")


def _portable(arguments: argparse.Namespace) -> None:
    from course_book.tolerances import compare_with_older

    compare_with_older(find_chapter(arguments.chapter))


def _check(arguments: argparse.Namespace) -> None:
    from course_book.check import faults

    found = faults()
    print("\n".join(found) if found else "all chapters: text, notebook and outputs belong together")
    if found:
        sys.exit(1)


def _build(arguments: argparse.Namespace) -> None:
    from course_book.build import build

    build(clean=arguments.clean)


def _font(arguments: argparse.Namespace) -> None:
    from course_book.font import FIGURES, FONT, caption_letters, letters_used, make_font

    print(f"{FONT.name}: {make_font(letters_used())} letters")
    print(f"{FIGURES.name}: {make_font(caption_letters(), FIGURES)} letters")


def _serve(arguments: argparse.Namespace) -> None:
    from course_book.serve import serve

    serve(arguments.port)


def _lab(arguments: argparse.Namespace) -> None:
    from course_book.serve import lab

    lab(arguments.port, arguments.edit)


def _grade(arguments: argparse.Namespace) -> None:
    from course_book.serve import grade

    grade(arguments.port, arguments.course)


def _test(arguments: argparse.Namespace) -> None:
    from course_book.run import run_tests

    run_tests(everything=arguments.all)


def _course(arguments: argparse.Namespace) -> None:
    from course_book.run import run_course

    run_course()


def main() -> None:
    """Parse the command line and run one command."""
    parser = argparse.ArgumentParser(prog="python -m course_book", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, function, words in (
        ("execute", _execute, "execute one chapter's text and store the notebook"),
        ("tolerances", _tolerances, "execute one chapter three ways and propose tolerance tags"),
        ("portable", _portable, "compare one chapter's outputs with the arithmetic of an older CPU"),
        ("check", _check, "check that texts, notebooks and outputs belong together"),
        ("build", _build, "build the book into _build/html"),
        ("font", _font, "put the Chinese letters that the chapters use into the book's font"),
        ("serve", _serve, "show the built book in a browser"),
        ("lab", _lab, "open JupyterLab"),
        ("grade", _grade, "open nbgrader's formgrader"),
        ("test", _test, "run everything that continuous integration runs"),
        ("course", _course, "build the book, release the assignments and grade the sample class"),
    ):
        command = commands.add_parser(name, help=words, description=words)
        command.set_defaults(run=function)
        if name in ("execute", "tolerances", "portable"):
            command.add_argument("chapter", help="number or name, such as 02")
        if name == "execute":
            command.add_argument("--again", action="store_true", help="also if nothing but prose has changed")
        if name == "test":
            command.add_argument("--all", action="store_true", help="also what has not changed since it last passed")
        if name == "build":
            command.add_argument("--clean", action="store_true", help="build every page anew")
        if name in ("serve", "lab", "grade"):
            command.add_argument("--port", type=int, default=8000)
        if name == "grade":
            command.add_argument(
                "--course", type=Path, default=ROOT / "assignments", help="its folder, if not this one's"
            )
        if name == "lab":
            command.add_argument("--edit", action="store_true", help="the chapters themselves instead of copies")
    arguments = parser.parse_args()
    try:
        arguments.run(arguments)
    except (ValueError, OSError, RuntimeError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")


if __name__ == "__main__":
    main()
