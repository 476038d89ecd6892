"""The measurements behind the assignments' thresholds, written into MARGINS_aN.md.

    python -m tests.assignments.margins a2 a4

Run it from the top folder after a change of an assignment, of the backbone or of the versions, on a quiet machine; it
takes some minutes for each. Tables stand between comments in these files and are replaced; the prose around them is
written by hand and quotes no number that a table could contradict.
"""
