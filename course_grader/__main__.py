"""Command line: autograde, export, update, lint and check; see `python -m course_grader --help`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from course_grader.exits import Command


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m course_grader", description="Grade a class, export grades, check.")
    commands = parser.add_subparsers(dest="command", required=True)
    grade = commands.add_parser("autograde", help="grade everybody who has handed in an assignment")
    grade.add_argument("assignment")
    grade.add_argument("--workers", type=int, default=2, help="processes on this machine (default: 2)")
    grade.add_argument("--scheduler", default="", help="address of a Dask scheduler, as tcp://host:8786")
    grade.add_argument("--force", action="store_true", help="grade also those who have grades")
    out = commands.add_parser("export", help="write the grades of an assignment as CSV")
    out.add_argument("assignment")
    out.add_argument("--format", default="table", choices=("table", "canvas", "moodle"))
    out.add_argument("--to", type=Path, help="file (default: standard output)")
    easy = commands.add_parser("lint", help="name the tests of an assignment that are too easy to pass")
    easy.add_argument("assignment")
    new = commands.add_parser("update", help="take over a changed assignment that students have handed in")
    new.add_argument("assignment")
    for command in (grade, out, easy, new):
        command.add_argument("--root", type=Path, default=None, help="course root (default: here, or assignments/)")
    own = commands.add_parser("check", help="run the visible tests of your notebook as the grader does")
    own.add_argument("notebook", type=Path)
    own.add_argument("--release", type=Path, help="the notebook as it was handed out (default: looked for)")
    return parser


def _root(given: Path | None) -> Path:
    """The course root that is meant."""
    if given is not None:
        return given
    here = Path.cwd()
    return here if (here / "nbgrader_config.py").is_file() else here / "assignments"


def main(arguments: list[str] | None = None) -> int:
    """Run a command; its exit status is one of `Command`."""
    options = _parser().parse_args(arguments)
    from course_grader.course import Course, GradingError  # these imports take seconds; --help should not
    from course_grader.sandbox import SandboxError

    try:
        if options.command == "check":
            from course_grader.check import check, report

            print(report(check(options.notebook, options.release)))
        elif options.command == "lint":
            from course_grader import lint

            course = Course(_root(options.root))
            with course.sandbox() as sandbox:
                found = lint.lint(course.source(options.assignment), sandbox)
            print(lint.report(found))
            return Command.FAILED if found else Command.DONE
        elif options.command == "update":
            from course_grader.update import update

            print("\n".join(update(Course(_root(options.root)), options.assignment)))
        elif options.command == "export":
            from course_grader.export import export, remarks

            course = Course(_root(options.root))
            text = export(course, options.assignment, options.format)
            if options.format == "canvas":
                for line in remarks(course, options.assignment):
                    print(line, file=sys.stderr)
            if options.to:
                options.to.write_text(text, encoding="utf-8")
            else:
                print(text, end="")
        else:
            from course_grader.batch import grade_class, table

            if options.workers < 1:
                raise GradingError(f"--workers must be at least 1, got {options.workers}")
            course = Course(_root(options.root))
            lines = grade_class(course, options.assignment, options.workers, options.scheduler, options.force)
            print(table(lines))
            return Command.DONE if all(line.points is not None for line in lines) else Command.FAILED
    except (GradingError, SandboxError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return Command.FAILED
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on with those that are left", file=sys.stderr)
        return Command.INTERRUPTED
    return Command.DONE


if __name__ == "__main__":
    sys.exit(main())
