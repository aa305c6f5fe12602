"""The tests of a lesson on another text of it, in a process and folder of their own."""

import contextlib
import json
import math
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tools import group, runner
from tools.catalogue import ROOT, Lesson, LessonError

PATIENCE = 600  # seconds for the tests of one lesson
GRACE = 5  # seconds for a process to tidy up, after it was told to end
TOLD = "import"  # whose complaint it is, if no test could be asked
BESIDE = "conftest.py", "pyproject.toml"  # what the tests read
SHORT = 20  # seconds that any test may take
TIMES = 5  # and beyond them so many times what it takes on the lesson itself
ROOM = 2**24  # bytes that the tests need on the disk, to say what they find
LETTERS = 500  # of a line that a test says; a number may have a million digits
MOST = 2**24  # bytes of all that they say
KILLED = -9  # the code of a process that was, as where memory is short
TAMPERED = "it wrote where its tests tell what happens"
AT_ONCE = os.O_RDONLY  # and of these what the system has
for flag in "O_NONBLOCK", "O_NOFOLLOW", "O_BINARY":
    AT_ONCE |= getattr(os, flag, 0)


@dataclass
class Examined:
    """What the tests say."""

    seconds: dict[str, float] = field(default_factory=dict)  # of each test that ran
    skipped: list[str] = field(default_factory=list)  # the others
    complaints: dict[str, str] = field(default_factory=dict)  # test: message and place
    asks: dict[str, str] = field(default_factory=dict)  # test: what its docstring asks
    count: int = 0  # of the tests that were to run
    ended: int = 0  # of those that came to their end
    running: str = ""  # the test that began, and has not ended yet
    since: float = field(default_factory=time.monotonic)  # when it began
    whole: bool = False  # whether pytest came to its end
    lost: bool = False  # whether somebody killed it: that says nothing of the text

    def hear(self, event: dict) -> None:
        """Take in what mistakes/listener.py tells."""
        event = cleaned(event)
        if "import_error" in event:
            self.complaints.setdefault(TOLD, event["import_error"])
        if "tests" in event:
            self.count, self.asks = event["tests"], event["asks"]
        if "begins" in event:
            self.running, self.since = event["begins"], time.monotonic()
        if "ends" in event:
            self.running = ""
            self.ended += 1
            if event["skipped"]:
                self.skipped.append(event["ends"])
            else:
                self.seconds[event["ends"]] = event["seconds"]
            if event["complaint"]:
                self.complaints[event["ends"]] = event["complaint"]
        if "code" in event:
            self.whole = event["code"] in (0, 1)


def cleaned(told):
    """The same, and nothing in its texts steers the terminal of whoever reads them."""
    if isinstance(told, dict):
        return {cleaned(key): cleaned(value) for key, value in told.items()}
    if isinstance(told, str):
        return "\n".join(plain(line[:LETTERS]) for line in told.split("\n"))
    return told


def plain(line: str) -> str:
    return "".join(one if one.isprintable() else escaped(one) for one in line)


def escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()


def examine(
    lesson: Lesson,
    text: str,
    *words: str,
    tests: list[str] | None = None,
    timeout: float = PATIENCE,
    stop: threading.Event | None = None,
    paced: bool = False,
    fresh: bool = False,
    watch: Callable[[Examined], None] | None = None,
) -> Examined:
    """Run the tests of a lesson whose file says `text`.

    Args:
        words: more words for pytest
        tests: names of the only tests to run; default: all
        timeout: seconds after which it is ended, which is a complaint too; not if paced
        stop: ends it at once, if another thread sets it
        paced: ends a test, too, that takes much longer than on the lesson itself
        fresh: no run is taken from the store
        watch: called with what is known by now, many times a second
    """
    # It may be written to still, by what has left its session
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if shutil.disk_usage(folder).free < ROOM:
            raise LessonError(
                f"{Path(folder).parent}: the disk is full, nothing is tried"
            )
        work = Path(folder, lesson.name)
        work.mkdir()
        (work / lesson.path.name).write_text(text, encoding="utf-8")
        shutil.copy(lesson.test, work)
        for name in BESIDE:
            shutil.copy(ROOT / name, work)
        named = [lesson.test.name]
        if tests is not None:
            named = [f"{lesson.test.name}::{name}" for name in tests]
        command = [sys.executable, "-m", "pytest", *named, *words]
        command += ["-p", "no:cacheprovider", f"--basetemp={Path(folder, 'tmp')}"]
        command += ["-s"]  # what an endless loop prints must not fill the disk
        command += ["-p", "mistakes.listener"]
        variables = environment(Path(folder), fresh)
        if os.pathsep in str(ROOT):  # it parts the folders where Python looks
            raise LessonError(f"{ROOT}: rename it, to a path without {os.pathsep}")
        found = Examined()
        with Pace(lesson) if paced else contextlib.nullcontext() as pace:
            told = Path(variables["NN_TOLD"])
            look = Look(told, found, timeout, stop, pace, watch)
            code = finish(command, work, variables, look)
            look.read()
    blamed = found.running or TOLD
    if look.reason:
        found.complaints[blamed] = look.reason
    elif found.running or (not found.complaints and not heard_out(found)):
        found.complaints[blamed] = reason(code)
        found.lost = code == KILLED
    return found


def heard_out(found: Examined) -> bool:
    """Whether pytest, and each of its tests, came to its end."""
    return found.whole and found.ended == found.count


def environment(folder: Path, fresh: bool = False) -> dict[str, str]:
    """Variables for pytest: nothing that its user set, and one thread for each."""
    ours = {
        "PYTHONPATH": str(ROOT),  # for tools; the lesson in the folder comes before it
        "OMP_NUM_THREADS": "1",
        "PY_COLORS": "0",  # what pytest says is read by us
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "torch"),  # torch leaves one behind
        "NN_TOLD": str(folder / "told"),
        "NN_PARENT": str(os.getpid()),
    }
    if fresh:
        ours["NN_RUNS"] = str(folder / "runs")
    found = runner.environment(**ours)
    for name in (
        "PYTEST_ADDOPTS",
        "PYTEST_PLUGINS",
        "PYTHONSAFEPATH",
        "PYTHONOPTIMIZE",
    ):
        found.pop(name, None)
    return found


class Pace:
    """How long a test may take: SHORT, and TIMES what it takes on the lesson itself.

    That is measured when a test takes longer than SHORT, at the same time and so on
    an equally busy machine. Most never do, and cost nothing.
    """

    def __init__(self, lesson: Lesson):
        self.lesson, self.stop = lesson, threading.Event()
        self.threads = ThreadPoolExecutor(1)
        self.measured: dict[str, Future] = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.threads.shutdown()

    def limit(self, test: str) -> float:
        """Seconds for this test, "" for the import; infinite, while nobody knows."""
        if test not in self.measured:
            self.measured[test] = self.threads.submit(self.measure, test)
        if not self.measured[test].done():
            return float("inf")
        return SHORT + TIMES * self.measured[test].result()

    def measure(self, test: str) -> float:
        tests, words = ([test], []) if test else (None, ["--collect-only"])
        asked = {"tests": tests, "stop": self.stop, "fresh": True}
        begin = time.monotonic()
        found = examine(self.lesson, self.lesson.text, *words, **asked)
        return found.seconds.get(test, time.monotonic() - begin)


def at_once(path: str, flags: int) -> int:
    return os.open(path, AT_ONCE)


class Look:
    """Looks at running tests: what they told, and whether they take too long."""

    def __init__(self, told, found, timeout, stop, pace, watch):
        self.told, self.found, self.stop = told, found, stop
        self.timeout = math.inf if pace else timeout  # each test has its own then
        self.deadline = time.monotonic() + self.timeout
        self.pace, self.watch = pace, watch
        self.read_to, self.reason = 0, ""

    def enough(self) -> bool:
        """Whether they are to be ended; the reason is kept."""
        self.read()
        if self.watch:
            self.watch(self.found)
        now = time.monotonic()
        took = now - self.found.since
        if now > self.deadline or (self.stop and self.stop.is_set()):
            self.reason = f"it never ends ({self.timeout:.0f} s)"
        elif self.pace and took > SHORT:
            limit = self.pace.limit(self.found.running)
            if took > limit:
                right = (limit - SHORT) / TIMES
                instead = f"with the lesson's own code it takes {right:.1f} s"
                self.reason = f"it does not end in {took:.0f} s; {instead}"
        return bool(self.reason)

    def written(self) -> bytes:
        """What has been written since. OSError, if it is no file of a sensible size:
        a pipe that a test has put there must not be waited for."""
        with open(self.told, "rb", opener=at_once) as told:
            known = os.fstat(told.fileno())
            if not stat.S_ISREG(known.st_mode) or known.st_size > MOST:
                raise OSError(TAMPERED)
            told.seek(self.read_to)
            return told.read()

    def read(self) -> None:
        """Hear the whole lines that have been written since."""
        try:
            lines = self.written()
        except FileNotFoundError:  # the tests have not begun
            return
        except OSError:
            self.reason = TAMPERED
            return
        end = lines.rfind(b"\n") + 1  # a half line is read the next time
        self.read_to += end
        for line in lines[:end].splitlines():
            try:
                self.found.hear(dict(json.loads(line)))
            except (ValueError, TypeError, LookupError, RecursionError):
                self.reason = TAMPERED


def finish(
    command: list[str], folder: Path, variables: dict[str, str], look: Look
) -> int:
    """The exit code of this command; it is ended as soon as `look` has seen enough.

    It gets a session of its own, so that nothing that it started outlives it.
    """
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while process.poll() is None and not look.enough():
            time.sleep(0.05)
    finally:
        group.end(process, signal.SIGINT, GRACE)
    return process.returncode


def reason(code: int) -> str:
    """Why the tests have no end, from the exit code of their process."""
    if code in (4, 5):  # pytest's codes for a name it does not know, and for no test
        return "no test ran"
    said = f"the tests were ended from inside, with code {code}"
    if -code in [*signal.Signals]:  # on Windows there are none; and some have no name
        said = f"{said}, {signal.Signals(-code).name}"
    if code == KILLED:
        said = f"{said}: out of memory?"
    return said
