"""The store of runs: what an unchanged lesson printed, drew and returned.

A full run takes some 15 seconds, and a dozen places want it: tests, evening, README,
site. It is made once, and kept in .runs/ (or the folder that NN_RUNS names) under a
checksum of all that it depends on: the file's text, the options, and the versions of
Python and of the packages that the lesson lists. Change a letter of any of them, and it
is run again. A run that ends in an error is never kept: a network that is dead today
may be there tomorrow. `rm -r .runs` forgets everything, and costs only time.
"""

import contextlib
import hashlib
import json
import os
import platform
import shutil
import tempfile
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

from filelock import FileLock

from tools import runner
from tools.catalogue import ROOT, Lesson
from tools.runner import Run, RunError
from tools.whole import sweep

BROUGHT = "numpy", "scipy"
WORK = ".nn-work-"  # begins the name of a folder that is not finished
KEPT = 1000  # runs; the oldest beyond them are forgotten


def folder() -> Path:
    return Path(os.environ.get("NN_RUNS") or ROOT / ".runs").resolve()


def key(lesson: Lesson, text: str, options: dict) -> str:
    """A checksum of all that a run's numbers, words and pictures depend on."""
    depends = {
        "lesson": lesson.name,
        "text": text,
        "options": lesson.options | options,  # seed=0 is the default's run
        "child": runner.CHILD.read_text(encoding="utf-8"),
        "python": platform.python_version(),
        "versions": versions(lesson),
    }
    return hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:16]


def versions(lesson: Lesson) -> dict[str, str]:
    """Of the packages that it lists, and of those two that these bring along and that
    do their sums."""
    found = {}
    for name in [*lesson.requires, *BROUGHT]:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            if name in lesson.requires:
                raise RunError(f"{lesson.file}: {name} is not installed") from None
    return found


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
        text: what the file says instead, a mistake for example

    Raises:
        RunError: it does not come to its end
    """
    if isinstance(lesson, ModuleType):
        lesson = Lesson(Path(lesson.__file__))
    here = place(lesson, text, **options)
    here.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{here}.lock"):  # whoever wants the same waits for it
        found = kept(here)
        if found is None:
            keep(lesson, text, lesson.on("digits") | options, here)
            found = kept(here)
        if found is None:  # a claim that is nan, for example
            raise RunError(f"{lesson.file}: what its run left is no result")
        os.utime(here)  # what is used is not forgotten
    return found


def kept(here: Path) -> Run | None:
    """The run in this folder; None, if there is none, or a damaged one."""
    try:
        told = dict(json.loads((here / "run.json").read_text(encoding="utf-8")))
        if not dict(told.pop("left")).items() <= left_in(here).items():
            return None  # a picture is damaged, or gone
        run = Run(**told, folder=here)
        sound = run.numbers["holds"] >= 0 and run.used["wall"] >= 0
        return run if sound and isinstance(run.printed, str) else None
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return None


def left_in(folder: Path) -> dict[str, str]:
    """The files that a run has left in this folder: name and checksum."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "run.json":
            name = path.relative_to(folder).as_posix()
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return found


def keep(lesson: Lesson, text: str | None, options: dict, here: Path) -> None:
    """Run it, and put what it left into this folder: all of it, or nothing."""
    with tempfile.TemporaryDirectory(prefix=WORK, dir=here.parent) as scratch:
        work, new = Path(scratch, "work"), Path(scratch, "new")
        work.mkdir()
        new.mkdir()
        found = runner.run(lesson, work, text, show=True, **options)
        for name in ("figures", "shown"):
            if (work / name).is_dir():
                shutil.copytree(work / name, new / name)
        told = asdict(found) | {"left": left_in(new)}
        del told["folder"]
        (new / "run.json").write_text(json.dumps(told), encoding="utf-8")
        shutil.rmtree(here, ignore_errors=True)  # what a killed run may have left
        new.rename(here)
    forget()


def forget() -> None:
    """Drop the runs beyond KEPT that were longest not used, and what killed runs left
    a day ago. Whatever else lies in that folder is not ours."""
    ours = f"*-{'[0-9a-f]' * 16}"  # a lesson's name and a key
    places = [path.parent for path in folder().glob(f"{ours}/run.json")]
    places.sort(key=lambda path: path.stat().st_mtime)
    for old in places[:-KEPT]:
        gone = old.with_name(f"{WORK}{old.name}")
        with contextlib.suppress(OSError):  # somebody else has it, or it is gone
            old.rename(gone)  # at once: nobody finds half of it
            shutil.rmtree(gone)
            old.with_name(f"{old.name}.lock").unlink()
    sweep(folder(), f"{WORK}*")
