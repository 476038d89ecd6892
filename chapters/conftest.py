"""Plain `pytest --nbval chapters/NN_*.ipynb` runs and compares the notebooks as `make test` does."""

from course_book.nbval_plugin import pytest_configure, pytest_itemcollected  # noqa: F401
