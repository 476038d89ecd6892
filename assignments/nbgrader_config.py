"""Settings of the course for nbgrader; run its commands in this folder.

    nbgrader generate_assignment a1_linear_fitting      source/ -> release/, without solutions, hidden tests, rubric
    nbgrader release_assignment a1_linear_fitting       release/ -> exchange
    nbgrader collect a1_linear_fitting                  exchange -> submitted/
    nbgrader autograde a1_linear_fitting                submitted/ -> autograded/ and gradebook.db
    nbgrader generate_feedback a1_linear_fitting        autograded/ -> feedback/ (one HTML page a student)
    nbgrader release_feedback a1_linear_fitting         feedback/ -> exchange

Activate the project's environment first (source ../.venv/bin/activate): nbgrader calls other programs of it by name.
No exchange is set here, so nbgrader's own applies (/usr/local/share/nbgrader/exchange); another folder that everybody
can write to is named with --Exchange.root=FOLDER. Without an exchange, submissions go to submitted/STUDENT/ASSIGNMENT/.

Two things differ from stock nbgrader: text on stderr costs no points, and feedback shows no hidden test and no rubric.
"""

from nbconvert.preprocessors import ClearMetadataPreprocessor, CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    Execute,
    GetGrades,
    IgnorePattern,
    LimitOutput,
    NbGraderPreprocessor,
    SaveAutoGrades,
)
from nbgrader.utils import is_grade

c = get_config()  # noqa: F821 (given by nbgrader)
c.CourseDirectory.course_id = "cvdl"

# The longest a cell may run. A solution's slowest cell needs about one second.
c.Execute.timeout = 30
# Kernels keep no history file, and do not warn that they listen on this machine's own ports.
c.Execute.extra_arguments = ["--HistoryManager.hist_file=:memory:", "--IPKernelApp.log_level=40"]


class StderrIsNoVerdict(NbGraderPreprocessor):
    """Relabel what a test cell printed on stderr as ordinary output: nbgrader would give such a cell no points."""

    def preprocess_cell(self, cell, resources, index):
        if is_grade(cell):
            for output in cell.get("outputs", []):
                if output.output_type == "stream":
                    output.name = "stdout"
        return cell, resources


class HideTracebacks(NbGraderPreprocessor):
    """Keep the message of a failed test and drop the traceback, which would print the hidden test's lines."""

    def preprocess_cell(self, cell, resources, index):
        if is_grade(cell):
            for output in cell.get("outputs", []):
                if output.output_type == "error":
                    output.traceback = [f"{output.ename}: {output.evalue}"]
        return cell, resources


c.Autograde.autograde_preprocessors = [
    Execute,
    StderrIsNoVerdict,
    IgnorePattern,
    ClearMetadataPreprocessor,
    LimitOutput,
    SaveAutoGrades,
    AssignLatePenalties,
    CheckCellMetadata,
]
c.GenerateFeedback.preprocessors = [
    GetGrades,
    ClearHiddenTests,
    ClearMarkScheme,
    HideTracebacks,
    CSSHTMLHeaderPreprocessor,
]

# The rubric stands in the locked cell of the written question. Release and feedback lose it, the grader sees it.
c.ClearMarkScheme.enforce_metadata = False
