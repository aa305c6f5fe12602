"""Catalogue, runner, store and the commands of python -m tools, as tests."""

import ast
import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tools import catalogue, parts, runner, store, whole
from tools.catalogue import ROOT, Lesson, LessonError, lessons, recipe
from tools.cli import end
from tools.parts import renewed, sources
from tools.readability import density
from tools.runner import LostError, RunError

# A lesson in small, for recipe: it is never run
SMALL = '''# /// script
# dependencies = ["torch"]
# ///
"""A small lesson."""

import torch

ASK = "Which?"
CLAIM = "This one."
RATE = 3e-3  # measured


@torch.no_grad()
def train(steps):
    """Steps of nothing."""
    x = torch.zeros(3)

    return x + RATE * steps  # (D,)


def figure(x):
    return x


def main(steps=7, seed=0, rate=RATE):
    return {"holds": 1.0}


if __name__ == "__main__":
    main()
'''
CHANGES_NOTHING = {
    "a comment": ("# measured", "# guessed"),
    "no comment": ("  # (D,)", ""),
    "the docstring of the file": ("A small lesson", "A tiny lesson"),
    "the docstring of a function": ("Steps of nothing", "Nothing,\n    in steps"),
    "ASK": ("Which?", "What?"),
    "CLAIM": ('"This one."', '(\n    "That one."\n)'),
    "the picture": ("    return x\n", "    return 2 * x\n"),
    "a blank line": ("\n\n    return x +", "\n    return x +"),
    "two blank lines": ("    x = torch", "\n\n    x = torch"),
    "an import": ("import torch\n", "import math\nimport torch\n"),
    "a package": ('["torch"]', '["torch", "numpy"]'),
    "the guard": ("    main()\n", "    main(3)\n"),
    "an error that ends it with a sentence": (
        "    x = torch.zeros(3)\n",
        "    try:\n        x = torch.zeros(3)\n"
        "    except RuntimeError:\n        sys.exit('no room')\n",
    ),
}
CHANGES_NUMBERS = {
    "a constant": ("3e-3", "3e-2"),
    "a number in a function": ("zeros(3)", "zeros(4)"),
    "a default": ("steps=7", "steps=8"),
    "a name": ("def train", "def fit"),
    "a decorator": ("@torch.no_grad()\n", ""),
    "an error that is mended": (
        "    x = torch.zeros(3)\n",
        "    try:\n        x = torch.zeros(3)\n"
        "    except RuntimeError:\n        x = torch.ones(3)\n",
    ),
    "an error that is mended at times": (
        "    x = torch.zeros(3)\n",
        "    try:\n        x = torch.zeros(3)\n    except RuntimeError:\n"
        "        if steps:\n            return 0\n        sys.exit('no room')\n",
    ),
    "an indentation": ("    return x +", "    if steps:\n        return x +"),
}


def written(folder: Path, text: str, name: str = "small") -> Lesson:
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return Lesson(path)


def changed(old: str, new: str) -> str:
    assert SMALL.count(old) == 1, old
    return SMALL.replace(old, new)


# The catalogue


def test_a_recipe_is_known_by_its_checksum_on_every_python(tmp_path):
    assert recipe(written(tmp_path, SMALL)) == "6b3451fbdd82"


def test_no_python_of_its_own_writes_the_text_of_a_recipe():
    """`ast.dump` and `ast.unparse` write other text on another Python."""
    path = ROOT / "tools" / "catalogue.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    used = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    assert "parse" in used
    assert not {"dump", "unparse"} & set(used)


@pytest.mark.parametrize("change", CHANGES_NOTHING.values(), ids=CHANGES_NOTHING)
def test_a_recipe_ignores_what_changes_no_number(change, tmp_path):
    one = recipe(written(tmp_path, SMALL, "one"))
    assert recipe(written(tmp_path, changed(*change), "other")) == one


@pytest.mark.parametrize("change", CHANGES_NUMBERS.values(), ids=CHANGES_NUMBERS)
def test_a_recipe_notices_what_changes_a_number(change, tmp_path):
    one = recipe(written(tmp_path, SMALL, "one"))
    assert recipe(written(tmp_path, changed(*change), "other")) != one


def test_what_can_be_read_off_a_lesson(tmp_path):
    lesson = written(tmp_path, SMALL)
    assert (lesson.name, lesson.title) == ("small", "A small lesson.")
    assert (lesson.ask, lesson.claim) == ("Which?", "This one.")
    assert lesson.options == {"steps": 7, "seed": 0, "rate": None}
    assert lesson.smallest == {"steps": 2}
    assert lesson.requires == ["torch"]
    assert lesson.on("mnist") == {}
    reader = written(tmp_path, changed("steps=7", 'steps=7, data="mnist"'), "reader")
    assert reader.on("mnist") == {"data": "mnist"}
    assert reader.smallest == {"steps": 2, "data": "digits"}


def test_lessons_are_the_files_that_ask_the_roots_first_each_folder_in_its_order(
    tmp_path, monkeypatch
):
    more = tmp_path / "more"
    teach = tmp_path / "docs" / "teach"
    more.mkdir()
    teach.mkdir(parents=True)
    monkeypatch.setattr(catalogue, "ROOT", tmp_path)
    monkeypatch.setattr(catalogue, "FOLDERS", (tmp_path, more))
    for name in ("apple", "pear", "plum"):
        written(tmp_path, SMALL, name)
    written(more, SMALL, "aaa")
    written(tmp_path, "import pear\n\nassert pear.ASK\n", "test_pear")
    (teach / "pear.toml").write_text("order = 1")
    (teach / "plum.toml").write_text("order = 2")
    assert list(lessons()) == ["pear", "plum", "apple", "aaa"]
    assert lessons()["aaa"].file == "more/aaa.py"
    assert lessons()["aaa"].test == more / "test_aaa.py"


def test_a_module_of_any_folder_is_imported_and_its_model_made(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    lesson = written(tmp_path, SMALL, "apart")
    assert lesson.module().RATE == 3e-3
    assert lesson.model() is None
    monkeypatch.setitem(vars(lesson), "taught", {"model": "train(2)"})
    assert lesson.model().tolist() == pytest.approx([6e-3] * 3)
    del sys.modules["apart"]


GOOD = '''# /// script
# dependencies = ["numpy>=2", "torch"]
# ///
"""Title."""

ASK = "Which?"


def main(seed=0):
    return {}
'''


@pytest.mark.parametrize(
    "old, new, asked, said",
    [
        ("def main", "def main(:", "tree", r"invalid syntax"),
        ("# /// script", "# script", "requires", "has no # /// script"),
        ("dependencies", "needs", "requires", "its first lines: 'dependencies'"),
        ('torch"]', "torch", "requires", "its first lines: "),
        ("def main", "def lesson", "options", "no main"),
        ("seed=0", "seed", "options", "an option of main has no default"),
        ('"""Title."""', "", "title", "no docstring"),
    ],
)
def test_a_lesson_that_is_not_finished_is_named(tmp_path, old, new, asked, said):
    lesson = written(tmp_path, GOOD, "fine")
    assert getattr(lesson, asked)
    lesson = written(tmp_path, GOOD.replace(old, new), "open")
    with pytest.raises(LessonError, match=rf"open\.py: .*{said}"):
        getattr(lesson, asked)


def test_packages_are_listed_without_their_versions(tmp_path):
    assert written(tmp_path, GOOD, "fine").requires == ["numpy", "torch"]


@pytest.mark.parametrize("first", ["# mine\n", "#!/usr/bin/env python\n", "\ufeff"])
def test_something_may_stand_above_the_first_lines(tmp_path, first):
    lesson = written(tmp_path, first + GOOD, "fine")
    assert lesson.requires == ["numpy", "torch"]
    assert lesson.ask and lesson.docstring


@pytest.fixture
def folders(tmp_path, monkeypatch) -> tuple[Path, Path]:
    """An empty repository: its root, and more/."""
    more = tmp_path / "more"
    more.mkdir()
    monkeypatch.setattr(catalogue, "ROOT", tmp_path)
    monkeypatch.setattr(catalogue, "FOLDERS", (tmp_path, more))
    return tmp_path, more


def test_two_lessons_of_one_name_are_an_error_that_names_both(folders):
    for folder in folders:
        written(folder, GOOD, "twice")
    with pytest.raises(LessonError, match=r"more/twice\.py has the name of twice\.py"):
        lessons()


@pytest.mark.parametrize("name", ["json", "tools"])
def test_a_lesson_named_like_a_module_is_an_error(folders, name):
    written(folders[1], GOOD, name)
    with pytest.raises(LessonError, match=rf"more/{name}\.py has the name of a module"):
        lessons()


def test_what_is_no_file_is_no_lesson_and_what_is_no_text_is_named(folders):
    root, more = folders
    (more / "folder.py").mkdir()
    (more / "gone.py").symlink_to(root / "nowhere")
    written(root, GOOD, "fine")
    assert list(lessons()) == ["fine"]
    (more / "latin.py").write_bytes(b"# caf\xe9")
    with pytest.raises(LessonError, match=r"more/latin\.py: not UTF-8"):
        lessons()


@pytest.mark.parametrize(
    "text, said",
    [
        ("x = ", "Invalid value"),
        ("order = 1\norder = 2", "Cannot overwrite"),
        ('order = "first"', "order must be a number"),
        ("order = nan", "order must be a number"),
    ],
)
def test_a_damaged_teaching_file_is_named(folders, text, said):
    written(folders[0], GOOD, "fine")
    path = folders[0] / "docs" / "teach" / "fine.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(LessonError, match=rf"docs/teach/fine\.toml: .*{said}"):
        lessons()


# The runner and the store


# It counts its runs in a file elsewhere, and does what its name says
KILLED = -9 if os.name == "posix" else 9  # the code of a process that is killed
RUNS = '''# /// script
# dependencies = ["numpy"]
# ///
"""Count."""

import os

ASK = "How often?"


def main(seed=0):
    with open({count!r}, "a") as file:
        file.write("run\\n")
    print("said")
    {act}
    return {{"seed": float(seed), "holds": 1.0}}


if __name__ == "__main__":
    main()
'''


@pytest.fixture
def count(tmp_path, monkeypatch) -> Path:
    """The file with a line for each run; the store is empty."""
    monkeypatch.setenv("NN_RUNS", str(tmp_path / "runs"))
    return tmp_path / "count.txt"


def counting(count: Path, act: str = "pass") -> Lesson:
    (count.parent / "lesson").mkdir()
    text = RUNS.format(count=str(count), act=act)
    return written(count.parent / "lesson", text, "counted")


def runs(count: Path) -> int:
    return len(count.read_text().splitlines())


def kept() -> list[Path]:
    return [path for path in store.folder().iterdir() if path.is_dir()]


def test_a_run_is_made_once_and_again_if_anything_it_depends_on_changes(
    count, monkeypatch
):
    lesson = counting(count)
    one, same = store.full(lesson), store.full(lesson)
    assert runs(count) == 1
    assert one == same
    assert one.numbers == {"seed": 0, "holds": 1}
    assert (one.printed, one.last) == ("said\n", "said")
    assert one.used["wall"] >= one.used["main"] >= 0
    assert store.full(lesson, seed=3).numbers["seed"] == 3
    assert runs(count) == 2
    store.full(lesson, lesson.text.replace("said", "sawd"))
    assert runs(count) == 3
    assert len(kept()) == 3


def of_another_package(monkeypatch, tmp_path):
    monkeypatch.setattr(store, "version", lambda name: "0.1")


def of_another_python(monkeypatch, tmp_path):
    monkeypatch.setattr(store.platform, "python_version", lambda: "3.99.0")


def of_another_child(monkeypatch, tmp_path):
    text = runner.CHILD.read_text(encoding="utf-8") + "# changed\n"
    (tmp_path / "child.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr(runner, "CHILD", tmp_path / "child.py")


CHANGES = of_another_package, of_another_python, of_another_child


@pytest.mark.parametrize("change", CHANGES)
def test_a_run_of_other_things_it_depends_on_is_another_run(
    count, change, monkeypatch, tmp_path
):
    lesson = counting(count)
    store.full(lesson)
    change(monkeypatch, tmp_path)
    assert not store.has(lesson)
    store.full(lesson)
    store.full(lesson)
    assert runs(count) == 2


def test_a_version_of_what_a_listed_package_brings_along_counts_too(count):
    found = store.versions(counting(count))
    assert {"numpy", "scipy"} <= set(found)


def test_a_package_that_is_missing_is_named(count, monkeypatch):
    lesson = counting(count)

    def version(name):
        raise store.PackageNotFoundError(name)

    monkeypatch.setattr(store, "version", version)
    name = lesson.requires[0]
    with pytest.raises(RunError, match=rf"counted\.py: {name} is not installed"):
        store.full(lesson)


def test_a_run_that_is_used_is_not_the_next_to_be_forgotten(count):
    lesson = counting(count)
    store.full(lesson)
    (here,) = kept()
    os.utime(here, (1000, 1000))
    store.full(lesson)
    assert here.stat().st_mtime > 1000


def test_two_who_ask_at_once_get_the_same_run(count):
    lesson = counting(count, "import time; time.sleep(0.5)")
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(store.full, [lesson, lesson])
    assert one == other
    assert runs(count) == 1


@pytest.mark.parametrize(
    "act, said",
    [
        ('OSError("no network")', "OSError: no network"),
        ('SystemExit("--steps must be at least 1")', "--steps must be at least 1"),
        ("SystemExit(0)", "SystemExit: 0"),
    ],
)
@pytest.mark.parametrize("mistake", [False, True])
def test_a_run_that_ends_in_an_error_is_told_and_never_kept(count, act, said, mistake):
    """A network that is dead today may be there tomorrow; Ctrl-C is no result."""
    lesson = counting(count, f"raise {act}")
    text = lesson.text + "# changed\n" if mistake else None
    for times in (1, 2):
        with pytest.raises(RunError, match=rf"counted\.py: {said}$") as found:
            store.full(lesson, text)
        assert not isinstance(found.value, LostError)  # the lesson's own doing
        assert runs(count) == times
    assert kept() == []


TOLD = "type('SIGTERMException', (SystemExit,), {})()"  # as Lightning does
SAID = f"""try:
        raise {TOLD}
    except SystemExit:
        sys.exit('end')"""


@pytest.mark.parametrize(
    "act, said",
    [
        ("raise OSError(28, 'No space left on device')", "OSError: .* No space left"),
        (f"raise {TOLD}", "SIGTERMException: "),
        (SAID, "end"),
    ],
)
def test_a_full_disk_or_a_word_to_end_is_no_result_of_a_lesson(count, act, said):
    """Or a mistake would be said to end the run: no lesson does these."""
    with pytest.raises(LostError, match=rf"counted\.py: {said}"):
        store.full(counting(count, f"import sys\n    {act}"))
    assert kept() == []


def test_the_error_of_a_lesson_that_has_lost_its_folder_is_its_own(count):
    lost = (
        "import tempfile\n    os.chdir(tempfile.mkdtemp())\n    os.rmdir(os.getcwd())"
    )
    lesson = counting(count, f"{lost}\n    raise ValueError('nowhere')")
    with pytest.raises(RunError, match=r"counted\.py: ValueError: nowhere") as found:
        store.full(lesson)
    assert not isinstance(found.value, LostError)


def test_an_error_on_a_disk_that_is_full_is_no_result_either(count, monkeypatch):
    """torch.save says nothing of the disk then."""
    text = runner.CHILD.read_text(encoding="utf-8")
    child = count.with_name("child.py")
    child.write_text(text.replace("ROOM = 2**20", "ROOM = 2**80"), encoding="utf-8")
    monkeypatch.setattr(runner, "CHILD", child)
    with pytest.raises(LostError, match=r"counted\.py: RuntimeError: writing failed"):
        store.full(counting(count, "raise RuntimeError('writing failed')"))


@pytest.mark.parametrize(
    "act, code", [("os._exit(3)", 3), ("os.kill(os.getpid(), 9)", KILLED)]
)
def test_a_process_that_is_killed_is_told_and_leaves_nothing(count, act, code):
    lesson = counting(count, f"import os; {act}")
    with pytest.raises(LostError, match=rf"counted\.py: .* ended with code {code}"):
        store.full(lesson)
    assert runs(count) == 1
    assert kept() == []


def test_a_run_that_takes_too_long_is_told_and_leaves_nothing(count, monkeypatch):
    monkeypatch.setattr(runner, "PATIENCE", 0.1)
    with pytest.raises(LostError, match=r"counted\.py takes over 0\.1 s"):
        store.full(counting(count, "import time; time.sleep(120)"))
    assert kept() == []


def test_runs_at_the_same_time_end_as_soon_as_their_command_is_told_to(count):
    lesson = counting(count, "import time; time.sleep(120)")
    with pytest.raises(KeyboardInterrupt), runner.several(1) as (threads, _):
        threads.submit(store.full, lesson)
        while not count.exists():
            time.sleep(0.1)
        begin = time.monotonic()
        raise KeyboardInterrupt
    assert time.monotonic() - begin < 60
    assert kept() == []


def test_a_lesson_stands_alone_in_its_folder_and_its_pictures_are_kept(count):
    draw = """
    import matplotlib.pyplot as plt
    print(set(os.listdir()) - {"__pycache__"})
    fig, _ = plt.subplots()
    os.mkdir("figures")
    fig.savefig("figures/saved.png")
    plt.subplots()
"""
    run = store.full(counting(count, draw.strip()))
    assert run.printed == "said\n{'counted.py'}\n"
    assert [path.name for path in run.folder.glob("figures/*")] == ["saved.png"]
    assert [path.name for path in run.pictures] == ["1.png", "2.png"]
    assert len(list(run.folder.glob("shown/*.svg"))) == 2


def test_only_the_newest_runs_are_kept_and_nothing_of_others_is_touched(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("NN_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(store, "KEPT", 2)
    old, older, oldest = (f"lesson-{key:016x}" for key in (10, 11, 12))
    for age, name in enumerate([old, older, oldest, "exp-1", f"lesson-{'x' * 16}"]):
        place = store.folder() / name
        place.mkdir(parents=True)
        (place / "run.json").touch()
        place.with_name(f"{place.name}.lock").touch()
        os.utime(place, (1000 - age, 1000 - age))
    others = ["tmp_thesis", "my-notes", f"{store.WORK}running", f"{store.WORK}killed"]
    for name in others:
        (store.folder() / name).mkdir()
        os.utime(store.folder() / name, (900, 900))
    os.utime(store.folder() / f"{store.WORK}running")
    store.forget()
    left = {old, older, "exp-1", f"lesson-{'x' * 16}", *others}
    assert {path.name for path in kept()} == left - {f"{store.WORK}killed"}
    assert not (store.folder() / f"{oldest}.lock").exists()


WHOLE = '{"numbers": {"holds": 1}, "printed": "", "used": {"wall": 1}, "left": {}}'
DAMAGES = ["", "{", "[]", "null", '{"numbers": {}}', "[" * 10**5]
DAMAGES += [WHOLE.replace(old, "") for old in ('"holds": 1', '"wall": 1')]
DAMAGES += [WHOLE.replace(', "left": {}', ""), WHOLE.replace("{}", '{"a.png": "b"}')]
DAMAGES += [WHOLE.replace(old, '"x"') for old in ("1", '{"holds": 1}', '{"wall": 1}')]


@pytest.mark.parametrize("damage", DAMAGES, ids=range(len(DAMAGES)))
def test_what_is_kept_in_another_form_is_no_run(tmp_path, damage):
    (tmp_path / "run.json").write_text(WHOLE)
    (tmp_path / ".DS_Store").touch()  # of who looks at the folder
    assert store.kept(tmp_path).numbers == {"holds": 1}
    (tmp_path / "run.json").write_text(damage)
    assert store.kept(tmp_path) is None


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"numbers": {}}'])
def test_a_damaged_run_is_made_anew(count, damage):
    lesson = counting(count)
    right = store.full(lesson)
    (right.folder / "run.json").write_text(damage)
    assert store.full(lesson).numbers == right.numbers
    assert runs(count) == 2


@pytest.mark.parametrize("damage", ["", "a pict", None])
def test_a_run_whose_picture_is_damaged_or_gone_is_made_anew(
    count, monkeypatch, damage
):
    def run(lesson, work, *_, **__):
        (work / "figures").mkdir()
        for name, text in {"drawn": "a picture", "empty": ""}.items():
            (work / "figures" / name).write_text(text)
        return runner.Run({"holds": 1}, "", {"wall": 1}, work)

    monkeypatch.setattr(runner, "run", run)
    lesson = counting(count)
    picture = store.full(lesson).folder / "figures" / "drawn"
    picture.unlink()
    if damage is not None:  # by a power cut, or a disk that is full
        picture.write_text(damage)
    store.full(lesson)
    assert picture.read_text() == "a picture"


def test_a_report_that_a_full_disk_cut_is_told_and_not_kept(count):
    leave = "import sys; open(sys.argv[2], 'w').write('{\"numbers'); os._exit(1)"
    with pytest.raises(LostError, match=r"counted\.py: its process ended with code 1"):
        store.full(counting(count, leave))
    assert kept() == []


def test_an_empty_name_of_the_store_means_the_usual_place(monkeypatch):
    monkeypatch.setenv("NN_RUNS", "")
    assert store.folder() == ROOT / ".runs"


def test_a_lesson_that_is_edited_while_others_run_it_is_kept_under_its_own_text(count):
    """Whoever waits for a run, and then has to make it, runs what it has asked for."""
    lesson = counting(count)
    here = store.place(lesson)
    old = lesson.path.read_text()
    lesson.path.write_text(old.replace("float(seed)", "99.0"))
    assert old != lesson.path.read_text()
    assert store.full(lesson).numbers["seed"] == 0
    assert store.place(lesson) == here
    again = Lesson(lesson.path)
    assert store.full(again).numbers["seed"] == 99 and store.place(again) != here


def test_a_verdict_that_is_no_number_is_told_and_not_taken_for_one(count):
    lesson = counting(count, "return {'holds': float('nan')}")
    with pytest.raises(RunError, match=r"counted\.py: what its run left is no result"):
        store.full(lesson)


@pytest.mark.parametrize("told", ["None", "{}", '{"seed": 1}', "3"])
def test_a_main_without_a_verdict_is_told_and_not_kept(count, told):
    lesson = counting(count, f"return {told}")
    with pytest.raises(RunError, match="its main returns no numbers with holds"):
        store.full(lesson)
    assert kept() == []


# The commands


def command(*words: str, folder: Path = ROOT, expect: int = 0) -> str:
    """What `python -m <words>` prints in this folder; of an error, what it tells."""
    run = subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True
    )
    assert run.returncode == expect, run.stdout + run.stderr
    return run.stderr if expect else run.stdout


def test_the_list_has_a_line_for_each_lesson():
    lines = command("tools", "list").splitlines()
    for line, lesson in zip(lines, lessons().values(), strict=True):
        parts = [lesson.name, lesson.file, lesson.title, lesson.ask]
        assert re.split(r"\s{2,}", line) == parts


def test_statements_operations_and_words_are_counted():
    text = '''# /// script
# dependencies = ["torch"]
# ///
"""Two words."""
x = f(1) + y[0]  # three more words
for i in x:
    x += -i if i > 0 else [j for j in x]
'''
    found = density(text)
    assert found.statements == 3  # x =, for, x +=
    # call, plus, index; +=, minus, condition, comparison, comprehension
    assert found.operations == 8
    assert found.words == 5
    assert found.each(found.operations) == pytest.approx(8 / 3)


def test_docstrings_are_words_and_no_statements():
    found = density(
        'class A:\n    """One."""\n\n    def f(self):\n        """Two."""\n'
    )
    assert (found.statements, found.words) == (2, 2)


def test_the_table_has_a_row_for_each_lesson_and_each_given_file(tmp_path):
    (tmp_path / "given.py").write_text("x = 1\n")
    path = str(tmp_path / "given.py")
    head, *rows = command("tools", "readability", path).splitlines()
    files = [lesson.file for lesson in lessons().values()]
    assert [row.split()[0] for row in rows] == [*files, path]
    assert rows[-1].split()[1:] == ["1", "0.0", "0.0"]
    assert len({len(line) for line in [head, *rows]}) == 1  # aligned


@pytest.mark.parametrize("content", [None, b"x = \n", b"\xff\xfe", b"x = '\0'\n"])
def test_what_is_no_python_is_named_in_one_line(content, tmp_path):
    path = tmp_path / "given.py"
    if content is not None:
        path.write_bytes(content)
    (line,) = command("tools", "readability", str(path), expect=2).splitlines()
    assert line.startswith(f"python -m tools: error: {path}")


# A lesson more


TINY = '''# /// script
# requires-python = ">=3.11"
# dependencies = ["matplotlib", "torch", "tyro"]
# ///
r"""
Twice is a sum
==============

The smallest lesson there can be: it doubles numbers.

:Run: ``python tiny.py --steps 4``
:Shapes: B batch, D size
:Paper: none
"""

import sys
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

ASK = "Is twice a number more than the number added to itself?"
CLAIM = "Twice a number is the number added to itself."


# %%
# It doubles
# ----------
class Doubler(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.full((3,), 2.0))

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (3,):
            raise ValueError(f"expected (B, 3), got {tuple(x.shape)}")
        return self.w * x  # (B, D)


# %%
# The verdict
# -----------
def claim_holds(gap: float) -> bool:
    return gap < 1e-6


# %%
# The picture
# -----------
def figure(x: Tensor, y: Tensor) -> Figure:
    fig, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
    ax.plot(x.flatten().numpy(), y.flatten().numpy(), "o")
    return fig


# %%
# The lesson
# ----------
def main(steps: int = 4, seed: int = 0) -> dict[str, float]:
    """Is twice a sum?

    Args:
        steps: how many numbers, times three
        seed: of these numbers
    """
    if steps < 1:
        sys.exit(f"--steps must be at least 1, got {steps}")
    print(f"{ASK}\\n")
    torch.manual_seed(seed)
    x = torch.rand(steps, 3)  # (B, D)
    y = Doubler()(x).detach()  # (B, D)
    gap = (y - x - x).abs().max().item()
    print(f"The sum of all: {y.sum():.3f}, the largest difference: {gap:.1e}\\n")
    verdict = "holds" if claim_holds(gap) else "does NOT hold"
    print(f"{textwrap.fill(CLAIM)}\\nIn this run the claim {verdict}.")
    Path("figures").mkdir(exist_ok=True)
    figure(x, y).savefig("figures/tiny.png", dpi=160)
    return {"sum": y.sum().item(), "gap": gap, "holds": float(claim_holds(gap))}


# %%
# The command line
# ----------------
'''
TINY_TEST = '''"""What tiny.py claims, as tests."""

import torch

import tiny
from tiny import Doubler
from tools.contract import ModelContract
from tools.store import full


class TestDoubler(ModelContract):
    output = (3,)

    def make(self):
        return Doubler()

    def inputs(self, batch):
        return torch.rand(batch, 3)


def test_one_doubled_is_two():
    assert Doubler()(torch.ones(1, 3)).tolist() == [[2, 2, 2]]


def test_claim_twice_is_a_sum():
    assert full(tiny).numbers["holds"] == 1
'''
TINY_MISTAKES = """[thrice]
says    = "Triple instead"
symptom = "The claim does not hold."
right   = "        self.w = nn.Parameter(torch.full((3,), 2.0))"
wrong   = "        self.w = nn.Parameter(torch.full((3,), 3.0))"
hints   = ["Which weights?", "How often?"]
killer  = "test_one_doubled_is_two"

[blank.double]
right   = "        return self.w * x  # (B, D)"
ask     = "twice x (B, D)"
hints   = ["Which of its weights are there?", "What becomes of a number times two?"]
killer  = "test_one_doubled_is_two"
"""
SLIDES = (
    "ask",
    "predict",
    "idea",
    "diagram",
    "It doubles",
    "The verdict",
    "printed",
    "picture",
    "answers",
    "claim",
)
TINY_TEACH = """order = 99
model = "Doubler()"
leaves = "nothing"
alt = ["Dots on a line through zero that rises by two for every one."]
references = ["Euclid: Elements"]
caption = "Two equal lengths, one behind the other, are twice one of them."
formula = 'x + x = 2 x'
where = "*x* is a number."
by_hand = { printed = 1, parts = ["It doubles"] }
"""
for kind in ("question", "paper"):
    TINY_TEACH += (
        f"""
[[{kind}]]
ask = "What is twice four?"
answer = "Eight; and the largest difference is {{gap}}."
"""
        * 3
    )
for slide in SLIDES:
    TINY_TEACH += f'''
[slide."{slide}"]
minutes = 1
say = "Nothing."
'''
TINY_TEACH += """
[words]
sum = "sum of all"
gap = "largest difference"
"""
TINY_DIAGRAM = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 300"
  role="img" aria-labelledby="tiny-title tiny-desc" font-size="24" fill="currentColor">
<title id="tiny-title">Twice is a sum</title>
<desc id="tiny-desc">Two bars of equal length, one behind the other; below them one bar
that is as long as both together.</desc>
<g class="nn-step"><rect x="20" y="40" width="200" height="40"/></g>
<g class="nn-step"><rect x="230" y="40" width="200" height="40"/></g>
<g class="nn-step"><rect x="20" y="140" width="410" height="40"/></g>
</svg>
"""


@pytest.mark.slow
def test_a_lesson_put_into_more_appears_everywhere_without_an_edit(
    tmp_path, monkeypatch
):
    copy = tmp_path / "repository"
    copied(copy)
    files = {
        "more/tiny.py": TINY,
        "more/test_tiny.py": TINY_TEST,
        "mistakes/tiny.toml": TINY_MISTAKES,
        "docs/teach/tiny.toml": TINY_TEACH,
        "docs/teach/tiny.svg": TINY_DIAGRAM,
    }
    for name, text in files.items():
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text(text, encoding="utf-8")

    assert "more/tiny.py renewed" in command("tools", "copy", folder=copy)
    *_, last = command("tools", "list", folder=copy).splitlines()
    assert last.split()[:2] == ["tiny", "more/tiny.py"]

    places = "more", "tools/test_house.py"
    printed = command("pytest", *places, "-q", "-k", "tiny", folder=copy)
    assert int(re.search(r"(\d+) passed", printed)[1]) >= 15

    printed = command("mistakes", folder=copy)
    assert re.search(r"(?m)^tiny +thrice +Triple instead$", printed)

    printed = command("mistakes", "prove", "tiny", folder=copy)
    assert "2 mistakes and blanks, 0 not as they should be" in printed

    printed = command("benchmarks", "evening", "tiny", folder=copy)
    assert re.search(r"(?m)^tiny +\d+\.\d   holds$", printed)

    command("benchmarks", "render", folder=copy)
    readme = (copy / "README.md").read_text(encoding="utf-8")
    asked = "Is twice a number more than the number added to itself?"
    (row,) = re.findall(r"(?m)^\|.*more/tiny\.py.*\| " + re.escape(asked), readme)
    (row,) = re.findall(r"(?m)^\| `more/tiny\.py` \| 3 \|", readme)

    if importlib.util.find_spec("sphinx_gallery") is None:
        return  # docs/requirements.txt is not installed: no site to look at
    monkeypatch.setenv("LESSON", "tiny")
    site = copy / "docs" / "_build" / "html"
    command("sphinx", "-W", "-b", "html", "docs", str(site), folder=copy)
    slides = str(site / "slides")
    command("sphinx", "-W", "-b", "revealjs", "docs/slides", slides, folder=copy)
    for page in ("index.html", "gallery/tiny.html", "slides/tiny.html"):
        assert asked in (site / page).read_text(encoding="utf-8"), page
    command("docs.paper", folder=copy)
    for pdf in re.findall(
        r'href="([^"]+pdf)"', (site / "index.html").read_text("utf-8")
    ):
        assert (site / pdf).exists(), pdf


def copied(place: Path) -> None:
    """The files of this repository, those not yet committed too."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("git does not know this folder")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, place / name)


# How a command ends


@pytest.mark.parametrize(
    "error, code, said",
    [
        (LessonError("more/x.py: no main"), 2, "nn: error: more/x.py: no main\n"),
        (PermissionError("no disk"), 2, "nn: error: no disk\n"),
        (KeyboardInterrupt(), 130, "\nstopped; nothing is left behind\n"),
    ],
)
def test_what_a_user_can_cause_is_one_line(error, code, said, capsys, monkeypatch):
    monkeypatch.setattr("signal.signal", lambda *_: None)

    def main():
        raise error

    assert end("nn", main) == code
    assert capsys.readouterr().err == said


@pytest.mark.skipif(sys.platform == "win32", reason="no head, no SIGPIPE")
@pytest.mark.parametrize("words", [("tools", "list"), ("mistakes",)])
def test_a_reader_who_has_seen_enough_is_no_error(words):
    shell = f"{shlex.quote(sys.executable)} -u -m {' '.join(words)} | head -1"
    done = subprocess.run(shell, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert (done.stderr, done.stdout.count("\n")) == ("", 1)


def test_a_letter_that_the_screen_does_not_know_is_no_error():
    code = "from tools.cli import end; end('nn', lambda: print('a \u2192 b'))"
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    line = [sys.executable, "-c", code]
    done = subprocess.run(line, env=env, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("a \\u2192 b\n", "")


# Shared parts


def test_the_shared_parts_are_known_by_their_headings():
    assert set(sources()) == {"Real handwritten digits", "The command line"}
    for title, text in sources().items():
        lines = text.splitlines()
        assert lines[0] == "# %%" and lines[1] == f"# {title}"
        assert lines[2] == "# " + "-" * len(title)


def test_a_part_of_a_shared_heading_is_renewed_and_nothing_else_changes():
    before = '"""Title"""\n\n\n# %%\n# Mine\n# ----\nx = 1\n\n\n'
    old = "# %%\n# The command line\n# ----------------\nsomething_old()\n"
    text = renewed(before + old)
    assert text.startswith(before)
    assert text == before + sources()["The command line"]
    assert renewed(text) == text


def test_a_shared_part_in_the_middle_keeps_the_empty_lines_behind_it():
    part = "# %%\n# Real handwritten digits\n# -------\nold\n\n\n"
    after = "# %%\n# Mine\n# ----\nx = 1\n"
    text = renewed(part + after)
    assert text == sources()["Real handwritten digits"].rstrip() + "\n\n\n" + after


def test_the_first_lines_get_the_lowest_versions_and_nothing_else_changes():
    text = SMALL.replace('["torch"]', '["nowhere",\n#  "torch>=1"]')
    lines = 'dependencies = ["nowhere", "torch>='
    assert lines in renewed(text)
    asked = [line for line in renewed(text).splitlines() if "torch>=" in line]
    known = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert re.search(r'"(torch>=[\d.]+)"', asked[0])[1] in known.splitlines()
    assert renewed(renewed(text)) == renewed(text)
    behind = (
        '"]  # as the hall has\n# [tool.uv]\n# extra-index-url = ["https://hall"]\n'
    )
    more = renewed(text).replace('"]\n', behind, 1)
    assert behind in more and renewed(more) == more
    assert renewed(SMALL).partition("# ///\n")[2] == SMALL.partition("# ///\n")[2]


def test_copy_renews_the_lessons_that_need_it_and_names_them(tmp_path, monkeypatch):
    lesson = tmp_path / "tiny.py"
    lesson.write_text("# %%\n# The command line\n# -------\nold\n")
    same = tmp_path / "same.py"
    same.write_text("x = 1\n")
    found = {"tiny": lesson, "same": same}
    known = lambda: {name: Lesson(path) for name, path in found.items()}  # noqa: E731
    monkeypatch.setattr(parts, "lessons", known)
    assert [one.name for one in parts.copy()] == ["tiny"]
    assert lesson.read_text() == sources()["The command line"]
    assert parts.copy() == []


# Files that are written whole


def test_a_file_is_written_whole_and_keeps_its_rights(tmp_path):
    path = tmp_path / "work.py"
    whole.write(path, "one \u2192\n")
    path.chmod(0o640)
    whole.write(path, "two \u2192\n")
    assert path.read_text(encoding="utf-8") == "two \u2192\n"
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("stopped", [OSError("no space left"), KeyboardInterrupt()])
def test_who_is_stopped_while_writing_leaves_the_file_as_it_was(
    tmp_path, monkeypatch, stopped
):
    path = tmp_path / "work.py"
    path.write_text("hours of work")

    def stop(*_):
        raise stopped

    monkeypatch.setattr("os.replace", stop)
    with pytest.raises(type(stopped)):
        whole.write(path, "new")
    assert path.read_text() == "hours of work"
    assert list(tmp_path.iterdir()) == [path]


def test_of_several_files_none_is_replaced_if_one_cannot_be_written(tmp_path):
    paths = [tmp_path / "work.py", tmp_path / "gone" / "note.json"]
    paths[0].write_text("hours of work")
    with pytest.raises(FileNotFoundError):
        whole.write_all(dict.fromkeys(paths, "new"))
    assert paths[0].read_text() == "hours of work"
    assert list(tmp_path.iterdir()) == [paths[0]]


def test_a_picture_is_written_byte_by_byte(tmp_path):
    whole.write(tmp_path / "a.png", bytes(range(256)))
    assert (tmp_path / "a.png").read_bytes() == bytes(range(256))


def test_a_file_that_may_not_be_written_stays(tmp_path, monkeypatch):
    path = tmp_path / "work.py"
    path.write_text("hours of work")
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK)  # not for root
    with pytest.raises(PermissionError, match=r"work\.py may not be written"):
        whole.write(path, "new")
    assert path.read_text() == "hours of work"


def test_a_draft_is_written_through_no_link(tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.write_text("not ours")
    monkeypatch.setattr("secrets.token_hex", lambda size: "known")
    (tmp_path / ".work.py.known.draft").symlink_to(other)
    with pytest.raises(FileExistsError):
        whole.write(tmp_path / "work.py", "text")
    assert other.read_text() == "not ours"


@pytest.mark.parametrize("text", ["", '{"a": ', "[" * 10**5])
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / "kept.json").write_text(text)
    with pytest.raises(LessonError, match=r"kept\.json is damaged: .+"):
        whole.read_json(tmp_path / "kept.json")


# What tells a command to end


@pytest.mark.skipif(os.name != "posix", reason="a shell of its own")
def test_a_command_without_a_stdout_ends_as_usual():
    line = f'"{sys.executable}" -m tools list >&-'
    done = subprocess.run(line, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


WAITS = """
import time
from tools.cli import end
def main():
    try:
        print("ready", flush=True)
        time.sleep(60)
    finally:
        print("tidied up", flush=True)
end("waits", main)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGQUIT"])
def test_a_command_tidies_up_when_its_terminal_is_closed_or_it_is_told_to_end(name):
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-c", WAITS]
    number = getattr(signal, name)
    before = signal.signal(number, signal.SIG_DFL)  # what nohup ignores, children do
    with subprocess.Popen(line, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        signal.signal(number, before)
        process.send_signal(number)
        assert process.communicate(timeout=60)[0] == "tidied up\n"
    assert process.returncode == 128 + number


PRINTS = """
import sys
class torch:
    set_num_threads = int
class plt:
    show = int
def main():
    for number in range({count}):
        print(number)
"""


@pytest.mark.parametrize("count", [1, 100_000], ids=["at the end", "in the middle"])
def test_a_lesson_whose_reader_has_seen_enough_says_nothing_more(tmp_path, count):
    guard = (ROOT / "tools" / "parts" / "guard.txt").read_text(encoding="utf-8")
    path = tmp_path / "prints.py"
    path.write_text(PRINTS.format(count=count) + guard)
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, str(path)], **both) as process:
        process.stdout.close()  # as `| head -1` does
        assert process.stderr.read() == b""
