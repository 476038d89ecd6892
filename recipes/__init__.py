"""One script a shipped checkpoint or a recorded large run: what was trained, on what, with which command."""
