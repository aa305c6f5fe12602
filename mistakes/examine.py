"""The tests of a lesson on another text of it, in a process and folder of their own."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

from tools import runner
from tools.catalogue import ROOT, Lesson

PATIENCE = 600  # seconds for the tests of one lesson
GRACE = 5  # seconds for a process to tidy up, after it was told to end
TOLD = "import"  # whose complaint it is, if no test could be asked
BESIDE = "conftest.py", "pyproject.toml"  # what the tests read


@dataclass
class Examined:
    """What the tests say. A test that was skipped is in neither of the two."""

    seconds: dict[str, float] = field(default_factory=dict)  # of each test that ran
    complaints: dict[str, str] = field(default_factory=dict)  # test: message and place


def examine(
    lesson: Lesson,
    text: str,
    *words: str,
    tests: list[str] | None = None,
    timeout: float = PATIENCE,
    stop: threading.Event | None = None,
) -> Examined:
    """Run the tests of a lesson whose file says `text`.

    Args:
        words: more words for pytest
        tests: names of the only tests to run; default: all
        timeout: seconds after which it is ended, which is a complaint too
        stop: ends it at once, if another thread sets it
    """
    with tempfile.TemporaryDirectory() as folder:
        work, report = Path(folder, lesson.name), Path(folder, "report.xml")
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
        command += [f"--junitxml={report}", "-o", "junit_family=xunit1"]
        ended = finish(command, work, environment(Path(folder)), timeout, stop)
        written = report.exists()  # pytest writes it at its end
        found = read_report(report) if written else Examined()
    if not found.complaints and not (written and ended in (0, 1)):
        found.complaints[TOLD] = reason(ended, timeout)
    return found


def environment(folder: Path) -> dict[str, str]:
    """Variables for pytest: nothing that its user set, and one thread for each."""
    ours = {
        "PYTHONPATH": str(ROOT),  # for tools; the lesson in the folder comes before it
        "OMP_NUM_THREADS": "1",
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "torch"),  # torch leaves one behind
    }
    found = runner.environment(**ours)
    for name in (
        "PYTEST_ADDOPTS",
        "PYTEST_PLUGINS",
        "PYTHONSAFEPATH",
        "PYTHONOPTIMIZE",
    ):
        found.pop(name, None)
    return found


def finish(
    command: list[str],
    folder: Path,
    variables: dict[str, str],
    timeout: float,
    stop: threading.Event | None,
) -> int | None:
    """The exit code of this command; None, if it took too long or was stopped.

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
    deadline = time.monotonic() + timeout
    try:
        while process.poll() is None:
            if time.monotonic() > deadline or (stop and stop.is_set()):
                return None
            time.sleep(0.05)
        return process.returncode
    finally:
        end(process)


def end(process: subprocess.Popen) -> None:
    """End it and all that it started: first kindly, that it may tidy up."""
    if process.poll() is None:
        tell(process, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
    tell(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait()


def tell(process: subprocess.Popen, what: int) -> None:
    if not hasattr(os, "killpg"):  # Windows, where only the process itself is known
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, what)


def reason(ended: int | None, timeout: float) -> str:
    if ended is None:
        return f"it never ends ({timeout:.0f} s)"
    if ended in (4, 5):  # pytest's codes for a name it does not know, and for no test
        return "no test ran"
    return f"the tests were ended from inside, with code {ended}"


def read_report(path: Path) -> Examined:
    """What pytest wrote into its report."""
    found = Examined()
    for case in ElementTree.parse(path).iter("testcase"):
        bad = [part for part in case if part.tag in ("failure", "error")]
        if bad and case.get("line") is None:  # no test, but the import, or pytest
            found.complaints[TOLD] = bad[0].text.strip().splitlines()[-1]
        elif case.find("skipped") is None:
            name = name_of(case)
            before = found.seconds.get(name, 0)
            found.seconds[name] = before + float(case.get("time"))
            if bad:
                found.complaints.setdefault(name, complaint(case, bad[0]))
    return found


def name_of(case: ElementTree.Element) -> str:
    """As pytest names it behind the file: `test_it[case]` or `TestAll::test_it`."""
    classes = case.get("classname").split(".")[1:]
    return "::".join([*classes, case.get("name")])


def complaint(case: ElementTree.Element, bad: ElementTree.Element) -> str:
    """The first line of the message, and where the test stands."""
    message = (bad.get("message") or bad.text or "no message").strip()
    place = f"{case.get('file')}, line {int(case.get('line')) + 1}"
    return f"{message.splitlines()[0]}\n{place}"
