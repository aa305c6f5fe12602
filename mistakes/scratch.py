"""A lesson or its tests, each in a process and a folder of its own."""

import ast
import functools
import io
import multiprocessing
import os
import runpy
import shutil
import signal
import sys
import tempfile
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from multiprocessing import resource_tracker
from pathlib import Path
from unittest.mock import patch

from benchmarks.__main__ import ROOT


class Record:
    """A pytest plugin: cheap tests first, and each test's seconds and complaint."""

    def __init__(self, seconds: dict[str, float]):
        self.order, self.seconds, self.complaints = seconds, {}, {}

    def pytest_collection_modifyitems(self, items) -> None:
        items.sort(key=lambda item: self.order.get(item.name, 0))

    def pytest_collectreport(self, report) -> None:
        if report.failed:
            self.complaints["import"] = str(report.longrepr).strip().splitlines()[-1]

    def pytest_runtest_logreport(self, report) -> None:
        name = report.nodeid.partition("::")[2]
        self.seconds[name] = self.seconds.get(name, 0) + report.duration
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            complaint = crash.message if crash else str(report.longrepr)
            place = f"{report.location[0]}, line {report.location[1] + 1}"
            self.complaints.setdefault(name, f"{complaint.splitlines()[0]}\n{place}")


def scratch(folder: Path, lesson: str, text: str) -> None:
    """The lesson as `text` beside its tests, where nothing shadows it."""
    known = os.environ.get("NN_DATA", ROOT / "data")
    os.environ["NN_DATA"] = str(Path(known).resolve())
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)
    os.environ |= {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    folder.mkdir()
    (folder / f"{lesson}.py").write_text(text, encoding="utf-8")
    for name in (f"test_{lesson}.py", "conftest.py", "pyproject.toml", "matplotlibrc"):
        shutil.copy(ROOT / name, folder)
    os.chdir(folder)


def examine(job: tuple) -> tuple[dict[str, float], dict[str, str]]:
    """Every test's seconds, and the complaints, for a lesson that reads `text`."""
    import pytest

    folder, lesson, text, order, *options = job
    scratch(folder, lesson, text)
    record = Record(order)
    words = [f"test_{lesson}.py", "-p", "no:terminal", "-p", "no:cacheprovider"]
    words += [f"--basetemp={folder / 'tmp'}", *options]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        status = pytest.main(words, plugins=[record])
    os.chdir(ROOT)
    if status not in (0, 1) and not record.complaints:
        record.complaints["import"] = "the tests were ended from inside"
    return record.seconds, record.complaints


def obey(module: dict, main) -> None:
    """Read the command line as the lesson's guard does, and call main with it."""
    guard = ast.parse(Path(module["__file__"]).read_text(encoding="utf-8")).body[-1]
    code = compile(ast.Module([guard], []), module["__file__"], "exec")
    wrapped = functools.wraps(module["main"])(main)
    exec(code, {**module, "__name__": "__main__", "main": wrapped})


def play(job: tuple) -> tuple[dict[str, float], str]:
    """What main returns, or nothing; and the last line printed."""
    folder, lesson, text, *words = job
    scratch(folder, lesson, text)
    sys.argv, numbers = [f"{lesson}.py", *words], {}
    with redirect_stdout(printed := io.StringIO()), redirect_stderr(printed):
        try:
            module = runpy.run_path(f"{lesson}.py", run_name=lesson)
            obey(module, lambda **options: numbers.update(module["main"](**options)))
        except (Exception, SystemExit) as error:
            if not isinstance(error, SystemExit):
                print(f"{type(error).__name__}: {error}", file=printed)
    os.chdir(ROOT)
    return numbers, (printed.getvalue().strip().splitlines() or [""])[-1]


@contextmanager
def workers(count: int):
    """A pool, each task in a fresh process, and a folder; both are gone afterwards."""
    known = multiprocessing.get_all_start_methods()
    method = "forkserver" if "forkserver" in known else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":  # what takes seconds to import, once
        context.set_forkserver_preload(["pytest", "sklearn.datasets", "torch._dynamo"])
    with tempfile.TemporaryDirectory() as folder:
        cache = {"TORCHINDUCTOR_CACHE_DIR": folder}  # torch leaves one behind
        with patch.dict(os.environ, cache), interrupts_for_this_process_only():
            pool = context.Pool(count, maxtasksperchild=1)
        with pool:
            yield pool, Path(folder)


@contextmanager
def interrupts_for_this_process_only():
    """Processes started inside never see Ctrl-C: the pool's end is theirs."""
    if os.name == "posix":  # else the tracker is started inside, and unblocks
        resource_tracker.ensure_running()
    block = getattr(signal, "pthread_sigmask", lambda *_: None)
    block(getattr(signal, "SIG_BLOCK", 0), {signal.SIGINT})
    try:
        yield
    finally:
        block(getattr(signal, "SIG_UNBLOCK", 0), {signal.SIGINT})
