"""Grade a class with many processes, on this machine or on others, with Dask.

Workers run submissions and send back results; this process alone writes, one submission at a time, as they come in.
It can be stopped at any moment: the same command goes on with those that are left. A worker that dies is replaced by
Dask, and its submission is run again elsewhere; when the scheduler is lost, what was graded until then stands.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, as_completed
from distributed.client import FutureCancelledError
from tqdm import tqdm

from course_grader.converter import begin, record
from course_grader.course import Assignment, Course, GradingError, HandedIn, grade_all, read_folder
from course_grader.folders import own_folder
from course_grader.grade import Graded
from course_grader.reader import try_out
from course_grader.sandbox import Sandbox, SandboxError, why_no_sandbox
from course_grader.tls import temporary_security

PATIENCE = 10.0  # seconds in which a scheduler must answer; its first worker may come later
OPEN = "everybody who reaches its port can run code as you"
# Scheduler and workers serve pages over HTTP, which asks nobody who he is.
NO_PAGES: dict[str, list] = {f"distributed.{who}.http.routes": [] for who in ("scheduler", "worker")}
AHEAD = 3  # submissions a worker that are sent before results have come back; more would only fill memory

_sandboxes: dict[tuple, Sandbox] = {}  # of this worker process


@dataclass(frozen=True)
class Line:
    """One submission in the log and in the table."""

    student: str
    points: float | None
    max_points: float
    statuses: dict[str, int]
    seconds: float
    note: str = ""


def grade_class(
    course: Course, name: str, workers: int = 2, scheduler: str = "", force: bool = False, show: bool = True
) -> list[Line]:
    """Grade everybody who has handed in an assignment and is not graded yet.

    Args:
        course: The course.
        name: The assignment.
        workers: Processes on this machine; not used with a scheduler.
        scheduler: Address of a running Dask scheduler, as tcp://host:8786; its workers need this package.
        force: Grade also those who have grades.
        show: Whether to draw a progress bar.

    Returns:
        One line for each submission that was graded now.

    Raises:
        GradingError: The assignment cannot be graded, or the workers were lost; grades written until then stay.
    """
    assignment = course.assignment(name)
    isolate = not (course.settings.accept_no_sandbox and why_no_sandbox())
    if not scheduler and (reason := why_no_sandbox(isolate)):
        raise GradingError(reason)
    todo = [student for student in course.students(name) if force or course.is_new(student, name)]
    lines: list[Line] = [
        Line(folder, None, 0.0, {}, 0.0, "not graded: the folder's name is no student's; rename it")
        for folder in course.bad_names(name)
    ]
    log = course.root / "autograded" / f"{name}.jsonl"
    log.parent.mkdir(exist_ok=True)
    if not todo:
        return lines
    key = (tuple(course.settings.modules), isolate)
    with _client(workers, scheduler) as client, open(log, "a", encoding="utf-8") as file:
        bar = tqdm(total=len(todo), desc=name, unit="submission", disable=not show)
        try:
            _prepare(client, key)
            for student, results in _results(client, course, assignment, todo, key):
                line = _line(course, assignment, student, results)
                lines.append(line)
                file.write(json.dumps({"time": round(time.time(), 3), "assignment": name, **asdict(line)}) + "\n")
                file.flush()
                bar.update()
        except (OSError, TimeoutError, RuntimeError, FutureCancelledError) as error:
            left = len(todo) - sum(line.student in todo for line in lines)
            reason = f"the workers were lost ({type(error).__name__}); {left} are left: run the same command again"
            raise GradingError(reason) from None
        finally:
            bar.close()
    return lines


def _prepare(client: Client, key: tuple) -> None:
    """Start every worker's sandbox; what is wrong with a machine is said once, before anybody is graded.

    Raises:
        GradingError: A worker has no sandbox that works, or there is no worker; one line.
    """
    try:
        client.wait_for_workers(1, timeout=3 * PATIENCE)
    except TimeoutError:
        raise GradingError(
            f"nobody is graded: the scheduler at {client.scheduler_info()['address']} has no workers"
        ) from None
    workers = list(client.nthreads())
    notes: dict[str, str] = {}  # by machine
    for worker, future in [(one, client.submit(prepare, key, workers=[one], pure=False)) for one in workers]:
        where = "" if len(set(map(_host, workers))) == 1 else f" on {_host(worker)}"
        error = future.exception()
        if isinstance(error, Exception):
            raise GradingError(f"nobody is graded{where}: {str(error) or type(error).__name__}")
        notes[where] = future.result()
    for where, note in notes.items():
        if note:
            print(f"note{where}: {note}", file=sys.stderr)


def _host(worker: str) -> str:
    """The machine of a worker's address, as tls://host:34567."""
    return worker.rpartition(":")[0].rpartition("/")[2]


def prepare(key: tuple) -> str:
    """Start a worker's sandbox and run a process in it; which limit the machine does not offer."""
    try_out(_sandbox(key))
    return _sandbox(key).missing


def _sandbox(key: tuple) -> Sandbox:
    """The sandbox of this worker process, made when it is first asked for."""
    if key not in _sandboxes:
        modules, isolate = key
        _sandboxes[key] = Sandbox(modules, isolate=isolate)
        atexit.register(_sandboxes[key].close)
    return _sandboxes[key]


def _results(
    client: Client, course: Course, assignment: Assignment, todo: list[str], key: tuple
) -> Iterator[tuple[str, dict[str, Graded] | Exception]]:
    """Students and their results, in the order in which they are ready."""
    shared = client.scatter(assignment, broadcast=True)
    waiting = iter(todo)
    students: dict[object, str] = {}  # by the key of what was sent

    def send(student: str) -> Future:
        future: Future
        try:
            begin(course, assignment.name, student)
            handed_in = read_folder(assignment, course.folder("submitted", student, assignment.name))
        except Exception as error:  # of this submission alone
            future = client.submit(_fail, f"{type(error).__name__}: {error}", pure=False)
        else:
            future = client.submit(grade_in_worker, shared, handed_in, key, pure=False, retries=1)
        students[future.key] = student
        return future

    threads = sum(client.nthreads().values()) or 1
    first = [send(student) for _, student in zip(range(AHEAD * threads), waiting, strict=False)]
    queue = as_completed(first, loop=client.loop)
    for future in queue:
        student = students.pop(future.key)
        error = future.exception()
        yield student, error if error is not None else future.result()
        future.release()
        for following in waiting:
            queue.add(send(following))
            break


def _fail(reason: str) -> dict[str, Graded]:
    """Fail in a worker, as grading a submission would that could not be read."""
    raise GradingError(reason)


def _line(course: Course, assignment: Assignment, student: str, results: dict[str, Graded] | Exception) -> Line:
    """Record one result, and say in a line what it was."""
    name = assignment.name
    if isinstance(results, Exception):
        reason = f"{type(results).__name__}: {results}"
        if isinstance(results, KilledWorker):
            reason = "its worker was killed each time, by lack of memory perhaps"
        return Line(student, None, 0.0, {}, 0.0, f"not graded: {reason}"[:300])
    try:
        record(course, name, student, results)
    except Exception as error:  # of this submission alone; its older grades stay, marked as stale
        return Line(student, None, 0.0, {}, 0.0, f"not recorded: {type(error).__name__}: {error}"[:300])
    verdicts = [verdict for graded in results.values() for verdict in graded.verdicts]
    statuses = {verdict.status: 0 for verdict in verdicts}
    for verdict in verdicts:
        statuses[verdict.status] += 1
    points, most = sum(v.points for v in verdicts), sum(v.max_points for v in verdicts)
    seconds = round(sum(graded.seconds for graded in results.values()), 2)
    return Line(student, points, most, statuses, seconds, course.remarks(student, assignment))


def grade_in_worker(assignment: Assignment, handed_in: HandedIn, key: tuple) -> dict[str, Graded]:
    """Grade one submission in a worker; the worker's sandbox is made at the first one, and again if it was lost."""
    for attempt in range(2):
        try:
            return grade_all(assignment, handed_in, _sandbox(key))
        except SandboxError:
            if key in _sandboxes:
                _sandboxes.pop(key).close()
            if attempt:
                raise
    raise AssertionError("unreachable")


@contextlib.contextmanager
def _client(workers: int, scheduler: str) -> Iterator[Client]:
    """A connection to Dask, with a cluster of this machine where no scheduler is given."""
    for logger in [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]:
        logging.getLogger(logger).setLevel(logging.CRITICAL)  # our own errors say what was lost
    if scheduler:
        if not scheduler.startswith("tls://"):
            print(f"warning: {scheduler} is not protected: {OPEN}; see the instructors' guide", file=sys.stderr)
        try:
            client = Client(scheduler, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:  # TypeError: TLS without certificates in Dask's configuration
            raise GradingError(f"no Dask scheduler answers at {scheduler}: {error}") from None
        with client:
            yield client
        return
    options: dict = {"threads_per_worker": 1, "processes": True, "memory_limit": 0}
    options["scheduler_kwargs"] = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    options["silence_logs"] = logging.CRITICAL  # of the workers too
    with own_folder() as folder:
        security = temporary_security(folder)
        if security is None:
            print(f"warning: there is no openssl, so while this class is graded {OPEN}", file=sys.stderr)
        else:
            options |= {"protocol": "tls://", "security": security}
        with (
            dask.config.set(NO_PAGES),
            LocalCluster(n_workers=workers, **options) as cluster,
            Client(cluster, security=security, set_as_default=False) as client,
        ):
            cluster.scheduler.http_server.stop()
            yield client


def table(lines: list[Line]) -> str:
    """The lines as text, with a summary."""
    if not lines:
        return "nothing to grade: everybody who has handed in has grades (--force grades again)"
    width = max(len(line.student) for line in lines)
    rows = [f"{'student':{width}s}   points          seconds  tests"]
    for line in sorted(lines, key=lambda line: line.student):
        points = "   -" if line.points is None else f"{line.points:6g} / {line.max_points:<6g}"
        statuses = ", ".join(f"{number} {status}" for status, number in line.statuses.items())
        said = ", ".join(filter(None, [statuses, line.note]))
        rows.append(f"{line.student:{width}s}  {points:>15s}  {line.seconds:8.1f}  {said}")
    graded = [line.points for line in lines if line.points is not None]
    mean = f", mean {sum(graded) / len(graded):.1f} points" if graded else ""
    rows.append(f"{len(graded)} of {len(lines)} graded{mean}")
    return "\n".join(rows)
