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

What differs from stock nbgrader: submissions are rebuilt from the release, run in a sandbox, and judged in a process
that the student's code cannot reach (course_grader/); feedback shows verdicts and hints, no hidden test and no rubric.
"""

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme

from course_grader.converter import install
from course_grader.feedback import GradesAndWaiting, ShowVerdicts

c = get_config()  # noqa: F821 (given by nbgrader)
c.CourseDirectory.course_id = "cvdl"

install()  # nbgrader autograde runs submissions in a sandbox; c.CourseGrader has its settings

# Imported once, before a process is forked for each submission.
c.CourseGrader.modules = ["numpy", "torch", "torchvision", "matplotlib.pyplot", "sklearn.datasets", "skimage.data"]

c.GenerateFeedback.preprocessors = [
    GradesAndWaiting,
    ShowVerdicts,
    ClearHiddenTests,
    ClearMarkScheme,
    CSSHTMLHeaderPreprocessor,
]
# A written answer is a stranger's Markdown: it is shown as it was written, and nothing in it runs.
c.HTMLExporter.filters = {"markdown2html": "course_grader.written.markdown"}

# The rubric stands in the locked cell of the written question. Release and feedback lose it, the grader sees it.
c.ClearMarkScheme.enforce_metadata = False
