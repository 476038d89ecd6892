"""What instructors run: build, collect and grade submissions of the course's assignments. Built on nbgrader."""
