"""A plugin of pytest: it tells at once what happens, for examine.py, which looks on.

A line of JSON for each event, in the file that NN_TOLD names. pytest writes its own
report at its end, and a test that ends its process has no end.
"""

import contextlib
import inspect
import json
import os
import re
import threading

from tools import group

LEAST = 4 * 2**30  # bytes; no lesson's tests take half of it
LONGEST = 3600  # seconds of the processor; examine.py ends it far earlier

parts = {}  # of the test that runs: what setup, call and teardown reported


def tell(**event) -> None:
    with open(os.environ["NN_TOLD"], "a", encoding="utf-8") as file:
        file.write(f"{json.dumps(event)}\n")


def limit() -> None:
    """An endless loop must not take all the memory; nor run for ever, if nobody is left
    who would end it, and no other thread gets its turn."""
    try:
        import resource
    except ImportError:  # on Windows
        return
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    most = {resource.RLIMIT_DATA: max(LEAST, there // 2), resource.RLIMIT_CPU: LONGEST}
    for what, value in most.items():
        now, highest = resource.getrlimit(what)
        if now == resource.RLIM_INFINITY:  # nobody has set another
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(what, (value, highest))


limit()
if group.GROUPS:
    parent = int(os.environ["NN_PARENT"])
    threading.Thread(target=group.end_with, args=[parent], daemon=True).start()


def name_of(nodeid: str) -> str:
    """As pytest names it behind the file: `test_it[case]` or `TestAll::test_it`."""
    return nodeid.partition("::")[2]


def pytest_collectreport(report) -> None:
    if report.failed:
        tell(import_error=import_error(str(report.longrepr)))


def import_error(text: str) -> str:
    """The error, and where in the lesson or its tests it stands, if pytest says it."""
    error = text.strip().splitlines()[-1].removeprefix("E ").strip()
    places = re.findall(r"(?m)^([^/\\\s]+\.py):(\d+): in ", text)
    if not places:
        return error
    file, line = places[-1]
    return f"{file}, line {line}: {error}"


def pytest_internalerror(excinfo) -> None:
    tell(import_error=excinfo.exconly().splitlines()[-1])


def pytest_collection_finish(session) -> None:
    asks = {}
    for item in session.items:
        text = inspect.getdoc(item.function)
        if text:
            asks[name_of(item.nodeid)] = text
    tell(tests=len(session.items), asks=asks)


def pytest_runtest_logstart(nodeid, location) -> None:
    parts.clear()
    tell(begins=name_of(nodeid))


def pytest_runtest_logreport(report) -> None:
    parts[report.when] = report


def pytest_runtest_logfinish(nodeid, location) -> None:
    bad = [report for report in parts.values() if report.failed]
    skipped = any(report.skipped for report in parts.values())
    seconds = sum(report.duration for report in parts.values())
    said = complaint(bad[0]) if bad else ""
    tell(ends=name_of(nodeid), seconds=seconds, complaint=said, skipped=skipped)


def pytest_sessionfinish(exitstatus) -> None:
    tell(code=int(exitstatus))


def complaint(report) -> str:
    """The first line of the message, and where the test stands."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(report.longrepr) if crash is None else crash.message
    first = (text.strip() or "no message").splitlines()[0]
    file, line, _ = report.location
    return f"{first}\n{file}, line {line + 1}"
