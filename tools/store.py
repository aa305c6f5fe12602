"""The store of runs: what an unchanged lesson printed, drew and returned.

A full run takes some 15 seconds, and a dozen places want it: tests, evening, README,
site. It is made once, and kept in .runs/ (or the folder that NN_RUNS names) under a
checksum of all that it depends on: the file's text, the options, the style, and the
versions of Python and of the packages that the lesson lists. Change a letter of any of
them, and it is run again. `rm -r .runs` forgets everything; nothing else depends on it.
"""

import hashlib
import json
import os
import platform
import shutil
import tempfile
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from filelock import FileLock

from tools import runner
from tools.catalogue import ROOT, Lesson
from tools.runner import Run, RunError

KEPT = 1000  # runs; the oldest beyond them are forgotten


def folder() -> Path:
    return Path(os.environ.get("NN_RUNS", ROOT / ".runs")).resolve()


def key(lesson: Lesson, text: str, options: dict) -> str:
    """A checksum of all that a run's numbers, words and pictures depend on."""
    versions = {name: version(name) for name in lesson.requires}
    depends = {
        "lesson": lesson.name,
        "text": text,
        "options": lesson.options | options,  # seed=0 is the default's run
        "style": runner.STYLE.read_text(encoding="utf-8"),
        "child": runner.CHILD.read_text(encoding="utf-8"),
        "python": platform.python_version(),
        "versions": versions,
    }
    return hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:16]


def place(lesson: Lesson, text: str | None = None, **options) -> Path:
    """Where the run with these options is kept, if it is; on the small digits, if no
    other data are named."""
    text = lesson.text if text is None else text
    options = lesson.on("digits") | options
    return folder() / f"{lesson.name}-{key(lesson, text, options)}"


def has(lesson: Lesson, text: str | None = None, **options) -> bool:
    """Whether `full` would find this run here."""
    return (place(lesson, text, **options) / "run.json").exists()


def full(lesson: Lesson | ModuleType, text: str | None = None, **options) -> Run:
    """The run of main on the small digits with these options; from the store, if an
    equal one is there. A module stands for the lesson that its file is.

    Args:
        text: what the file says instead; then an error is a result like any other

    Raises:
        RunError: the lesson as it is ends in an error. That is never kept: a network
            that was dead today may be there tomorrow.
    """
    if isinstance(lesson, ModuleType):
        lesson = Lesson(Path(lesson.__file__))
    here = place(lesson, text, **options)
    here.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{here}.lock"):  # whoever wants the same waits for it
        if not (here / "run.json").exists():
            keep(lesson, text, lesson.on("digits") | options, here)
    told = json.loads((here / "run.json").read_text(encoding="utf-8"))
    return Run(**told, folder=here)


def keep(lesson: Lesson, text: str | None, options: dict, here: Path) -> None:
    """Run it, and put what it left into this folder: all of it, or nothing."""
    with tempfile.TemporaryDirectory(dir=here.parent) as scratch:
        work, new = Path(scratch, "work"), Path(scratch, "new")
        work.mkdir()
        new.mkdir()
        found = runner.run(lesson, work, text, show=True, **options)
        if found.error and text is None:
            raise RunError(f"{lesson.file}: {found.error}")
        for name in ("figures", "shown"):
            if (work / name).is_dir():
                shutil.copytree(work / name, new / name)
        told = asdict(found)
        del told["folder"]
        (new / "run.json").write_text(json.dumps(told), encoding="utf-8")
        shutil.rmtree(here, ignore_errors=True)  # what a killed run may have left
        new.rename(here)
    forget()


def forget() -> None:
    """Drop the oldest runs beyond KEPT, and what killed runs left a day ago."""
    places = [path for path in folder().glob("*-*") if path.is_dir()]
    places.sort(key=lambda path: path.stat().st_mtime)
    yesterday = time.time() - 24 * 60 * 60
    left = [path for path in folder().glob("tmp*") if path.stat().st_mtime < yesterday]
    for old in places[:-KEPT] + left:
        shutil.rmtree(old, ignore_errors=True)
        old.with_name(f"{old.name}.lock").unlink(missing_ok=True)
