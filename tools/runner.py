"""A lesson's main in a process and an empty folder of its own.

This is how anything here runs a lesson whole: the file is copied alone, as a student
would copy it, so that every run also shows that it needs nothing else.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools.catalogue import ROOT, Lesson, LessonError

PATIENCE = 600  # seconds
CHILD = ROOT / "tools" / "child.py"
MINE = threading.local()  # of a thread of `several`: the event that stops it


class RunError(LessonError):
    """A run that did not come to its end; the message says which lesson's, and why."""


class LostError(RunError):
    """A run that left no report: it was killed, or stopped, or took too long.

    Of a lesson, or of a mistake in it, that says nothing. What an exception ends, its
    own or SystemExit, leaves a report; a process is killed for want of memory, say, and
    another time all is well. Nor can anybody know of one that was not waited for
    whether it would have ended, on a machine that is less busy. So nobody may show or
    count it as what a mistake does; a mistake that never ends has to be another one.
    """


@dataclass
class Run:
    """What a run left behind."""

    numbers: dict[str, float]  # what main returned
    printed: str
    used: dict[str, float]  # seconds (wall, cpu, imports, main) and peak memory in MB
    folder: Path  # figures/, as the lesson saves them; shown/, those left open

    @property
    def last(self) -> str:
        """The last line that it printed."""
        lines = self.printed.strip().splitlines()
        return lines[-1] if lines else ""

    @property
    def pictures(self) -> list[Path]:
        """The figures that it left open, in the order of their making."""
        return sorted(self.folder.glob("shown/*.png"), key=lambda path: int(path.stem))


def environment(**more: str) -> dict[str, str]:
    """Variables for the process of a lesson: no screen, the same data folder, and
    pictures as matplotlib draws them, not as its user likes them."""
    data = Path(os.environ.get("NN_DATA", ROOT / "data")).resolve()
    ours = {"MPLBACKEND": "agg", "MATPLOTLIBRC": os.devnull, "NN_DATA": str(data)}
    return os.environ | ours | more


@contextlib.contextmanager
def several(count: int) -> Iterator[tuple[ThreadPoolExecutor, threading.Event]]:
    """Threads for as many at a time, and what stops them. If anything goes wrong, or
    Ctrl-C is pressed, nothing new begins, and runs and what looks at the event end."""
    stop = threading.Event()
    known = {"initializer": setattr, "initargs": (MINE, "stop", stop)}
    with ThreadPoolExecutor(count, **known) as threads:
        try:
            yield threads, stop
        except BaseException:
            stop.set()
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def run(
    lesson: Lesson,
    folder: Path,
    text: str | None = None,
    threads: int = 0,
    show: bool = False,
    **options,
) -> Run:
    """Run main with these options, in this empty folder. RunError if it ends in an
    error; LostError if its process is killed, or takes longer than PATIENCE.

    Args:
        text: what the file says instead, a mistake for example
        threads: of torch; 0: as many as the lesson says
        show: whether to draw the figures that it leaves open into shown/
    """
    source = lesson.text if text is None else text
    (folder / f"{lesson.name}.py").write_text(source, encoding="utf-8")
    with tempfile.TemporaryDirectory() as elsewhere:
        job, report = Path(elsewhere, "job.json"), Path(elsewhere, "report.json")
        asked = {"lesson": lesson.name, "threads": threads, "options": options}
        job.write_text(json.dumps({"show": show, "run": asked}), encoding="utf-8")
        command = [sys.executable, "-P", str(CHILD), str(job), str(report)]
        variables = environment()
        variables.pop("PYTHONPATH", None)  # it must find nothing of this repository
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        said = wait_for(process, lesson)
        wall = time.perf_counter() - start
        try:
            told = json.loads(report.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # none, or half of one, as on a full disk
            ended = f"{lesson.file}: its process ended with code {process.returncode}"
            raise LostError(f"{ended}\n{said}".strip()) from None
    if told["lost"]:
        raise LostError(f"{lesson.file}: {told['error']}")
    if told["error"]:
        raise RunError(f"{lesson.file}: {told['error']}")
    if not isinstance(told["numbers"], dict) or "holds" not in told["numbers"]:
        raise RunError(f"{lesson.file}: its main returns no numbers with holds")
    used = {"wall": wall} | told["used"]
    used = {name: round(value, 2) for name, value in used.items()}
    return Run(told["numbers"], told["printed"], used, folder)


def wait_for(process: subprocess.Popen, lesson: Lesson) -> str:
    """What it says as errors. It is killed if it takes too long, or is to stop."""
    stop, until = getattr(MINE, "stop", None), time.monotonic() + PATIENCE
    with process:
        try:
            while time.monotonic() < until and not (stop and stop.is_set()):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.communicate(timeout=min(0.5, PATIENCE))[1]
        finally:
            process.kill()  # if it is not at its end
    if stop and stop.is_set():
        raise LostError(f"{lesson.file} was stopped")
    raise LostError(f"{lesson.file} takes over {PATIENCE} s")


def measure(
    lesson: Lesson, threads: int = 0, **options
) -> tuple[dict[str, float], dict[str, float], dict[str, bytes]]:
    """Numbers of a run, what it used, and its pictures, by name; no file is kept."""
    with tempfile.TemporaryDirectory() as folder:
        found = run(lesson, Path(folder), threads=threads, **options)
        drawn = found.folder.glob("figures/*")
        pictures = {path.name: path.read_bytes() for path in drawn}
    return found.numbers, found.used, pictures
