"""The assignments: their releases, sample submissions with known points, and the nbgrader commands."""
