"""What python -m mistakes promises, as tests; its command `kill` proves the rest."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from benchmarks.__main__ import LESSONS
from mistakes import __main__ as tool
from mistakes.__main__ import ROOT, broken, main, read
from mistakes.scratch import play, workers

every_lesson = pytest.mark.parametrize("lesson", LESSONS)
SMALL = """\
DEPTH = 2
def double(x):
    y = 2 * x  # (B, D)
    return y
def main(depth=DEPTH):
    return {"twice": double(depth), "holds": 1.0}
"""
TESTS = """\
import sums
def test_twice_two_is_four():
    assert sums.double(2) == 4
def test_twice_nothing_is_nothing():
    assert sums.double(0) == 0
"""
ENTRIES = """\
[squared]
says = "Square instead"
symptom = "All is well for two"
right = "2 * x"
wrong = "x ** 3"
hints = ["Look at the sum", "What is twice three?"]

[blank.twice]
right = '''
    y = 2 * x  # (B, D)
'''
ask = "y = twice x, of the same shape"
"""


@pytest.fixture
def sums(tmp_path, monkeypatch) -> Path:
    """A repository of one tiny lesson, `sums`, in a folder of its own."""
    root = tmp_path / "a root"
    (root / "mistakes").mkdir(parents=True)
    (root / "sums.py").write_text(SMALL)
    (root / "test_sums.py").write_text(TESTS)
    (root / "mistakes" / "sums.toml").write_text(ENTRIES)
    monkeypatch.setattr(tool, "ROOT", root)
    monkeypatch.setattr(tool, "HERE", root / "mistakes")
    monkeypatch.setattr(tool, "LESSONS", ["sums"])
    return root


def call(monkeypatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["mistakes", *words])
    try:
        return main()
    except SystemExit as stop:
        return stop.code


# The data


@every_lesson
def test_each_lesson_has_five_mistakes_one_of_them_silent_and_two_blanks(lesson):
    _, mistakes, blanks = read(lesson)  # which checks that `right` stands once
    assert len(mistakes) >= 5 and len(blanks) >= 2
    assert any(entry.get("silent") for entry in mistakes.values())


@every_lesson
def test_every_entry_is_whole_and_short_enough_for_the_screen(lesson):
    source, mistakes, blanks = read(lesson)
    for name, entry in mistakes.items():
        assert name.isidentifier() and len(name) < 23, name
        assert len(entry["says"]) <= 56, name
        assert len(entry["symptom"].split()) > 5, name
        assert len(entry["hints"]) >= 2 and all(entry["hints"]), name
        compile(broken(source, entry), name, "exec")
    for name, entry in blanks.items():
        text = broken(source, entry)
        compile(text, name, "exec")
        assert source.count(f"\n{entry['right']}\n") == 1, f"{name}: whole lines"
        assert max(map(len, text.splitlines())) <= 88, name


def test_no_hint_gives_the_code_away():
    for lesson in LESSONS:
        for entry in read(lesson)[1].values():
            for line in entry["right"].splitlines():
                assert line.strip() not in " ".join(entry["hints"])


# Bad input


def test_an_unknown_name_gets_the_nearest_ones(monkeypatch, capsys):
    assert call(monkeypatch, "practice", "atention") == 2
    assert "attention" in (line := capsys.readouterr().err) and line.count("\n") == 1
    assert call(monkeypatch, "show", "attention", "unscaledd") == 2
    assert "unscaled" in capsys.readouterr().err
    assert call(monkeypatch, "check", "attention", "--hind", "1") == 2
    assert call(monkeypatch, "check", "attention", "--hint", "0") == 2
    assert call(monkeypatch, "kill", "--workers", "0") == 2
    assert call(monkeypatch, "practice", "cnn", "one", "--blank", "other") == 2


def test_a_broken_toml_names_file_and_line(sums, monkeypatch, capsys):
    (sums / "mistakes" / "sums.toml").write_text("[squared]\nsays = never quoted\n")
    assert call(monkeypatch) == 2
    printed = capsys.readouterr().err
    assert "sums.toml" in printed and "line 2" in printed


def test_a_stale_entry_names_file_entry_and_nearest_text(sums, monkeypatch, capsys):
    (sums / "sums.py").write_text(SMALL.replace("2 * x", "x * 2"))
    assert call(monkeypatch, "kill") == 2
    printed = capsys.readouterr().err
    assert "sums.toml [squared]" in printed and "y = x * 2" in printed


@pytest.mark.parametrize(
    "old, new, said",
    [
        ('symptom = "All is well for two"', "", "[squared]: without a good symptom"),
        ('wrong = "x ** 3"', "wrong = 3", "[squared]: without a good wrong"),
        (
            '["Look at the sum", "What is twice three?"]',
            '"one"',
            "without a good hints",
        ),
        ("[squared]", "x = 1\n[squared]", "x is no table"),
        (ENTRIES, "", "no mistakes in it"),
    ],
)
def test_an_entry_of_another_form_is_named(sums, monkeypatch, capsys, old, new, said):
    (sums / "mistakes" / "sums.toml").write_text(ENTRIES.replace(old, new))
    assert call(monkeypatch) == 2
    printed = capsys.readouterr().err
    assert said in printed and printed.count("\n") == 1


# Practice


def test_a_mistake_is_put_into_practice_and_the_lesson_stays(sums, monkeypatch, capsys):
    assert call(monkeypatch, "practice", "sums", "--seed", "3") == 0
    assert Path("practice/sums.py").read_text() == SMALL.replace("2 * x", "x ** 3")
    assert (sums / "sums.py").read_text() == SMALL
    printed = capsys.readouterr().out
    assert "--seed 3" in printed and "squared" not in printed


def test_work_is_never_overwritten_without_force(sums, monkeypatch, capsys):
    call(monkeypatch, "practice", "sums")
    Path("practice/sums.py").write_text("my work")
    assert call(monkeypatch, "practice", "sums") == 2
    assert Path("practice/sums.py").read_text() == "my work"
    assert "--force" in capsys.readouterr().err
    assert call(monkeypatch, "practice", "sums", "--blank", "twice", "--force") == 0
    text = Path("practice/sums.py").read_text()
    assert "    raise NotImplementedError(\n        'y = twice x, of the same" in text


def test_hints_come_from_vague_to_strong_and_end(sums, monkeypatch, capsys):
    call(monkeypatch, "practice", "sums", "squared")
    path, note, known = (
        Path("practice/sums.py"),
        Path("practice/.sums.json"),
        read("sums"),
    )
    for number, hint in enumerate(["Look at the sum", "What is twice three?"], 1):
        assert tool.find_hint(path, note, number, *known[1:]) == hint
    assert call(monkeypatch, "check", "sums", "--hint", "3") == 2
    assert f"no hint 3 for {path}: 2 hints" in capsys.readouterr().err
    for damaged in ("", '{"mist', '["a"]', "{}"):
        note.write_text(damaged)
        assert call(monkeypatch, "check", "sums", "--hint", "1") == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_there_is_nothing_to_check_before_practice(sums, monkeypatch, capsys):
    assert call(monkeypatch, "check", "sums") == 2
    assert "python -m mistakes practice sums" in capsys.readouterr().err


# Whole commands, in processes of their own


def command(*words: str, **options) -> subprocess.CompletedProcess:
    line = [sys.executable, "-m", "mistakes", *words]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(line, capture_output=True, text=True, env=env, **options)


def test_the_list_fits_one_screen():
    lines = command().stdout.splitlines()
    assert 35 + len(LESSONS) <= len(lines) <= 60 and max(map(len, lines)) <= 101


@pytest.mark.slow
def test_check_passes_another_right_solution_and_nothing_less():
    source, mistakes, _ = read("compare_blocks")
    right = "return x + super().forward(x)  # (B, D)"
    entry = next(one for one in mistakes.values() if one["right"] in right)
    command("practice", "compare_blocks")
    path = Path("practice/compare_blocks.py")
    path.write_text(broken(source, entry))
    done = command("check", "compare_blocks")
    assert done.returncode == 1 and "Fails first: " in done.stdout
    path.write_text(source.replace(right, "return super().forward(x).add(x)  # (B, D)"))
    done = command("check", "compare_blocks")
    assert done.returncode == 0 and "mended" in done.stdout
    for ended in ("import sys; sys.exit()", "raise KeyboardInterrupt", "def main(:"):
        path.write_text(f"{source}\n{ended}\n")
        done = command("check", "compare_blocks")
        assert done.returncode == 1 and "It cannot be tested: " in done.stdout


@pytest.mark.slow
def test_right_and_wrong_are_shown_side_by_side():
    name = next(iter(read("attention")[1]))
    done = command("show", "attention", name, "--steps", "20")
    assert done.returncode == 0 and re.search(r"right +wrong\n", done.stdout)
    assert Path(f"figures/attention_{name}.png").stat().st_size > 20_000
    bad = command("show", "attention", name, "--step", "20")
    assert bad.returncode == 2 and "--step" in bad.stderr.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS)
def test_a_silent_mistake_runs_to_its_end(lesson, tmp_path):
    steps = ["--epochs=1"] if lesson == "lightning" else ["--steps=20"]
    source, mistakes, _ = read(lesson)
    silent = {n: broken(source, e) for n, e in mistakes.items() if e.get("silent")}
    with workers(1) as (pool, folder):
        jobs = [(folder / n, lesson, text, *steps) for n, text in silent.items()]
        for name, (numbers, printed) in zip(silent, pool.map(play, jobs), strict=True):
            assert "holds" in numbers, (name, printed)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a child")
def test_ctrl_c_leaves_nothing_behind():
    folder = Path(tempfile.mkdtemp(dir="/tmp"))  # a socket's path must be short
    env = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    line = [sys.executable, "-m", "mistakes", "kill", "compare_blocks"]
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(line, env=env, start_new_session=True, **quiet)
    while not list(folder.glob("*/compare_blocks")):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    assert process.communicate(timeout=60)[1] == "\nstopped; nothing is left behind\n"
    assert process.returncode == 130
    folder.rmdir()  # it is empty


def test_the_note_beside_the_practice_names_no_code(sums, monkeypatch):
    call(monkeypatch, "practice", "sums", "squared")
    assert json.loads(Path("practice/.sums.json").read_text()) == {"mistake": "squared"}
