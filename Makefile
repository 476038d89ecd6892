# `make help` lists the targets. Everything runs in .venv, which bootstrap.py makes from requirements.lock.
PYTHON ?= python3
PORT ?= 8000
N ?=
ALL ?=
EDIT ?=
COURSE ?=
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help install course book serve lab grade chapter check portable tolerance test lint bench lock

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: ## Make .venv from the lock file (does nothing when it is up to date)
	@$(PYTHON) bootstrap.py

course: install ## Build the book, release the assignments, grade the sample class, show where everything is
	@$(BIN)/python -m course_book course

book: install ## Build the book into _build/html
	@$(BIN)/python -m course_book build

serve: install ## Show the built book at http://localhost:8000 (PORT=... for another port)
	@$(BIN)/python -m course_book serve --port $(PORT)

lab: install ## Open JupyterLab with copies of all notebooks (PORT=... for another port); EDIT=1: the book's own
	@$(BIN)/python -m course_book lab --port $(PORT) $(if $(EDIT),--edit)

grade: install ## Open the formgrader on what has been graded (PORT=..., COURSE=folder for another course)
	@$(BIN)/python -m course_book grade --port $(PORT) $(if $(COURSE),--course "$(COURSE)")

chapter: install ## Execute one chapter's text and store the notebook: make chapter N=02
	@$(BIN)/python -m course_book execute "$(N)"

check: install ## Check that text, notebooks and stored outputs belong together
	@$(BIN)/python -m course_book check

portable: install ## Compare one chapter's outputs with the arithmetic of an older CPU: make portable N=08
	@$(BIN)/python -m course_book portable "$(N)"

tolerance: install ## Execute one chapter three ways and propose tolerance tags: make tolerance N=08
	@$(BIN)/python -m course_book tolerances "$(N)"

test: install ## Run what continuous integration runs: what changed, a fifth of the rest; ALL=1: everything
	@$(BIN)/python -m course_book test $(if $(ALL),--all)

lint: install ## Ruff (rules and format), mypy, and the check of the chapters
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/python -m course_book check

bench: install ## Compare our speed with numpy, scikit-learn and torch, side by side
	@$(BIN)/python -m benchmarks

lock: install ## Resolve the dependencies of pyproject.toml again
	@$(BIN)/uv pip compile --quiet --universal --upgrade --python-version 3.11 --fork-strategy fewest --all-extras \
		--generate-hashes --no-annotate --no-header pyproject.toml -o requirements.lock
	@sed -nE 's/^([a-z0-9][^\\]*[^ \\]) *\\$$/\1/p' requirements.lock > constraints.txt
