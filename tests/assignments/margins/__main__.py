"""Measure, and write the tables of the assignments that are named."""

from __future__ import annotations

import argparse
import importlib

from .report import write

MEASURED = ("a2", "a3", "a4", "a5")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.assignments.margins", description=__doc__)
    parser.add_argument("assignments", nargs="+", choices=MEASURED)
    for name in parser.parse_args().assignments:
        tables = importlib.import_module(f".{name}", __package__).measure()
        write(name, tables)
        print(f"MARGINS_{name}.md", *tables.values(), sep="\n\n")


if __name__ == "__main__":
    main()
