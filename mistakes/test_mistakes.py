"""What python -m mistakes promises, as tests; its command `prove` proves the rest."""

import ast
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import pytest

from mistakes import __main__ as tool
from mistakes import examine as examine_module
from mistakes.__main__ import broken, main, read
from mistakes.examine import TOLD, Examined, examine
from tools import catalogue, group, runner
from tools.catalogue import ROOT, LessonError
from tools.runner import LostError, RunError

every_lesson = pytest.mark.parametrize("lesson", catalogue.lessons())
ANSWERS = ROOT / "mistakes" / "answers" / "answers.toml"
ANSWERS = tomllib.loads(ANSWERS.read_text("utf-8"))
KINDS = "right", "wrong", "also_right", "also_wrong"
SMALL = """\
ASK = "How much is twice two?"
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
killer = "test_twice_two_is_four"

[blank.twice]
right = '''
    y = 2 * x  # (B, D)
'''
ask = "y = twice x, of the same shape"
hints = ["How often is x in it?", "What is added to x?"]
killer = "test_twice_nothing_is_nothing"
"""
BLANKS = 'hints = ["How often is x in it?", "What is added to x?"]'
KILLER = 'killer = "test_twice_two_is_four"'


@pytest.fixture
def sums(tmp_path, monkeypatch) -> Path:
    """A repository of one tiny lesson, `sums`, in a folder of its own."""
    root = tmp_path / "a root"
    (root / "mistakes").mkdir(parents=True)
    (root / "sums.py").write_text(SMALL)
    (root / "test_sums.py").write_text(TESTS)
    (root / "mistakes" / "sums.toml").write_text(ENTRIES)
    monkeypatch.setattr(catalogue, "ROOT", root)
    monkeypatch.setattr(catalogue, "FOLDERS", (root,))
    # without conftest.py, which imports torch: that takes seconds
    monkeypatch.setattr("mistakes.examine.BESIDE", ["pyproject.toml"])
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
        assert len(entry["hints"]) >= 2 and all(entry["hints"]), name
        assert max(map(len, text.splitlines())) <= 88, name


@every_lesson
def test_every_killer_asks_whoever_fails_it_one_question(lesson):
    known = catalogue.lessons()[lesson]
    asks = {}
    for node in ast.parse(known.test.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            asks[node.name] = ast.get_docstring(node) or ""
    _, mistakes, blanks = read(lesson)
    for name, entry in {**mistakes, **blanks}.items():
        question = asks[tool.function(entry["killer"])]
        assert re.fullmatch(r"[^\n]+[?.]", question), (name, entry["killer"])
        assert "?" in question or ":" in question, (name, question)


def test_no_hint_gives_the_code_away():
    for lesson in catalogue.lessons():
        _, mistakes, blanks = read(lesson)
        for entry in [*mistakes.values(), *blanks.values()]:
            for line in filter(str.strip, entry["right"].splitlines()):
                assert line.strip() not in " ".join(entry["hints"])


# Answers that a student might give


def answers() -> list[tuple[str, str, str]]:
    """Lesson, blank and kind of each answer in mistakes/answers/answers.toml."""
    found = []
    for lesson, blanks in ANSWERS.items():
        for blank, entry in blanks.items():
            found += [(lesson, blank, kind) for kind in entry]
    return found


def answered(lesson: str, blank: str, kind: str) -> str:
    """The lesson with this answer in its blank."""
    source, _, blanks = read(lesson)
    answer = ANSWERS[lesson][blank][kind].strip("\n")
    assert answer not in source
    return source.replace(blanks[blank]["right"], answer)


def test_every_lesson_has_a_right_and_a_wrong_answer_to_a_blank():
    assert ANSWERS.keys() == catalogue.lessons().keys()
    for lesson, blank, kind in answers():
        assert kind in KINDS
        compile(answered(lesson, blank, kind), f"{lesson} {blank} {kind}", "exec")
    kinds = [(lesson, kind) for lesson, _, kind in answers()]
    assert all((lesson, kind) in kinds for lesson in ANSWERS for kind in KINDS[:2])


@pytest.mark.slow
@pytest.mark.parametrize("lesson, blank, kind", answers())
def test_the_tests_let_right_answers_pass_and_no_wrong_one(lesson, blank, kind):
    text = answered(lesson, blank, kind)
    words = ["-k", "not claim", "--maxfail=1"]
    found = examine(catalogue.lessons()[lesson], text, *words)
    assert found.seconds and TOLD not in found.complaints
    assert bool(found.complaints) == kind.endswith("wrong"), found.complaints


# Bad input


def test_an_unknown_name_gets_the_nearest_ones(monkeypatch, capsys):
    assert call(monkeypatch, "practice", "atention") == 2
    assert "attention" in (line := capsys.readouterr().err) and line.count("\n") == 1
    assert call(monkeypatch, "show", "attention", "unscaledd") == 2
    assert "unscaled" in capsys.readouterr().err
    assert call(monkeypatch, "check", "attention", "--hind", "1") == 2
    assert call(monkeypatch, "check", "attention", "--hint", "0") == 2
    assert call(monkeypatch, "kill", "--workers", "0") == 2
    assert call(monkeypatch, "prove", "--workers", "0") == 2
    assert call(monkeypatch, "prove", "atention") == 2
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
        (BLANKS, "", "[blank.twice]: without a good hints"),
        (KILLER, "", "[squared]: without a good killer"),
        (KILLER, "killer = 4", "[squared]: without a good killer"),
        (KILLER, 'killer = "test_twice"', "[squared]: killer: no test of sums"),
        ("test_twice_nothing_is_nothing", "sums", "[blank.twice]: killer: no test"),
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


def test_a_practice_takes_no_other_file_of_that_folder(sums, monkeypatch, capsys):
    mine, other = Path("practice/sums.new"), Path("thesis")
    mine.parent.mkdir()
    mine.write_text("my notes")
    other.write_text("my thesis")
    Path("practice/.sums.new").symlink_to(other.resolve())
    assert call(monkeypatch, "practice", "sums") == 0
    assert (mine.read_text(), other.read_text()) == ("my notes", "my thesis")


def test_a_practice_that_cannot_be_written_leaves_no_draft(sums, monkeypatch, capsys):
    Path("practice/sums.py").mkdir(parents=True)
    assert call(monkeypatch, "practice", "sums", "--force") == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert [path.name for path in Path("practice").iterdir()] == ["sums.py"]


def test_of_two_who_practise_at_the_same_time_one_is_refused(sums, monkeypatch, capsys):
    write_all = tool.write_all

    def the_second_is_quicker(contents):
        monkeypatch.setattr(tool, "write_all", write_all)
        assert call(monkeypatch, "practice", "sums", "--seed", "4") == 2
        write_all(contents)

    monkeypatch.setattr(tool, "write_all", the_second_is_quicker)
    assert call(monkeypatch, "practice", "sums", "--seed", "3") == 0
    assert "is there already" in capsys.readouterr().err


def test_on_a_full_disk_there_is_no_empty_practice(sums, monkeypatch, capsys):
    def full(contents):
        raise OSError("No space left on device")

    monkeypatch.setattr(tool, "write_all", full)
    assert call(monkeypatch, "practice", "sums") == 2
    assert not [*Path("practice").iterdir()]
    Path("practice/sums.py").write_text("my work")
    assert call(monkeypatch, "practice", "sums", "--force") == 2
    assert Path("practice/sums.py").read_text() == "my work"


def test_a_practice_file_that_is_too_large_is_not_read(sums, monkeypatch, capsys):
    call(monkeypatch, "practice", "sums")
    with Path("practice/sums.py").open("r+b") as file:
        file.truncate(tool.LARGEST + 1)
    assert call(monkeypatch, "check", "sums") == 2
    assert "larger than 16 MB" in capsys.readouterr().err


def test_without_a_terminal_nothing_is_shown_that_runs(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)  # `>&-`
    tool.show_running(None)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize("code, said", [(-9, "SIGKILL: out of"), (-40, "code -40")])
def test_every_signal_that_ends_the_tests_is_told(code, said):
    assert said in examine_module.reason(code)


def test_a_folder_that_python_would_cut_in_two_is_named(sums, monkeypatch):
    monkeypatch.setattr(examine_module, "ROOT", Path(f"/wed 14{os.pathsep}00"))
    monkeypatch.setattr(examine_module, "BESIDE", [])
    with pytest.raises(LessonError, match="rename it"):
        examine(tiny(), SMALL)


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
    call(monkeypatch, "practice", "sums", "--blank", "twice", "--force")
    for number, hint in enumerate(["How often is x in it?", "What is added to x?"], 1):
        assert tool.find_hint(path, note, number, *known[1:]) == hint
    for damaged in ("", '{"mist', '["a"]', "{}", "[" * 10**5):
        note.write_text(damaged)
        assert call(monkeypatch, "check", "sums", "--hint", "1") == 2
        assert capsys.readouterr().err.count("\n") == 1
    if hasattr(os, "mkfifo"):
        note.unlink()
        os.mkfifo(note)  # from which nothing ever comes
        assert call(monkeypatch, "check", "sums", "--hint", "1") == 2
        assert "practice anew" in capsys.readouterr().err


def test_there_is_nothing_to_check_before_practice(sums, monkeypatch, capsys):
    assert call(monkeypatch, "check", "sums") == 2
    assert "python -m mistakes practice sums" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such pipes")
def test_a_pipe_is_no_practice(sums, monkeypatch, capsys):
    Path("practice").mkdir()
    os.mkfifo("practice/sums.py")  # whoever reads it waits for ever
    monkeypatch.setattr(Path, "read_text", None)
    monkeypatch.setattr(tool, "read", lambda name: ("", {}, {}))
    assert call(monkeypatch, "check", "sums") == 2
    assert "no practice/sums.py" in capsys.readouterr().err


ASKING = TESTS.replace("nothing():", 'nothing():\n    """What is twice nothing?"""')


def practised(sums, monkeypatch, capsys, text: str) -> tuple[int, str]:
    """Exit code and words of `check`, with this text as the student's."""
    call(monkeypatch, "practice", "sums", "squared", "--force")
    Path("practice/sums.py").write_text(text)
    (sums / "test_sums.py").write_text(ASKING)
    capsys.readouterr()
    return call(monkeypatch, "check", "sums"), capsys.readouterr().out


def test_check_asks_a_question_about_the_first_that_fails(sums, monkeypatch, capsys):
    text = SMALL.replace("2 * x", "2 * x + (x == 0)")
    code, printed = practised(sums, monkeypatch, capsys, text)
    assert code == 1 and "These hold:\n  twice two is four\n" in printed
    assert "Fails first: twice nothing is nothing\n  assert 1 == 0\n" in printed
    assert printed.endswith("\nAsk yourself: What is twice nothing?\n")
    code, printed = practised(sums, monkeypatch, capsys, SMALL)
    assert code == 0 and printed.endswith("\nAll 2 cases hold: mended.\n")


@pytest.mark.parametrize(
    "line, said",
    [
        ("def main(:", "line 8: invalid syntax"),
        ("x = '", "line 8: unterminated string literal"),
        ("\0", "null bytes"),
        ("x = nowhere", "sums.py, line 8: NameError: name 'nowhere' is not defined"),
        ("1 / 0", "sums.py, line 8: ZeroDivisionError: division by zero"),
        (f"x = [a {'for a in b ' * 100_000}]", ""),  # some Pythons do not survive it
    ],
)
def test_check_says_in_which_line_it_is_no_python(
    sums, monkeypatch, capsys, line, said
):
    code, printed = practised(sums, monkeypatch, capsys, f"{SMALL}{line}\n")
    assert code == 1
    last = printed.splitlines()[-1]
    assert last.startswith("It cannot be tested: ") and said in last


def test_a_mark_in_front_of_the_text_is_no_mistake(sums, monkeypatch, capsys):
    code, printed = practised(sums, monkeypatch, capsys, f"\ufeff{SMALL}")
    assert code == 0, printed


def test_what_a_file_says_does_not_steer_the_terminal(sums, monkeypatch, capsys):
    said = r"\x1b[2J\x1b[1;1HAll 2 cases hold: mended. \ud800"  # clears it, and lies
    fails = f"raise ValueError('{said} → ' + 'y' * 10**6)"
    text = SMALL.replace(TEST, f"    {fails}\n{TEST}")
    code, printed = practised(sums, monkeypatch, capsys, text)
    assert code == 1 and f"ValueError: {said} → yyy" in printed
    assert printed.replace("\n", "").isprintable()
    assert max(map(len, printed.splitlines())) < 600


def test_check_names_the_test_that_ended_all(sums, monkeypatch, capsys):
    ended = SMALL.replace("    y =", "    import os; os._exit(0)\n    y =")
    code, printed = practised(sums, monkeypatch, capsys, ended)
    assert code == 1 and "Fails first: twice two is four\n" in printed
    assert "from inside, with code 0" in printed and "were not run" in printed
    assert "mended" not in printed


def test_a_terminal_sees_which_test_runs_and_a_file_does_not(monkeypatch, capsys):
    found = Examined(running="test_twice_two_is_four", count=2)
    tool.show_running(found)
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    tool.show_running(found)
    assert capsys.readouterr().out == "\r\033[K1 of 2: twice two is four"
    tool.show_running(None)
    assert capsys.readouterr().out == "\r\033[K"


# The tests, in processes of their own


def tiny() -> catalogue.Lesson:
    return catalogue.lessons()["sums"]


def test_what_is_examined_is_the_text_and_not_the_file(sums):
    assert examine(tiny(), SMALL).complaints == {}
    found = examine(tiny(), SMALL.replace("2 * x", "3 * x"))
    assert list(found.seconds) == [
        "test_twice_two_is_four",
        "test_twice_nothing_is_nothing",
    ]
    said = "assert 6 == 4\ntest_sums.py, line 2"
    assert found.complaints == {"test_twice_two_is_four": said}


@pytest.mark.parametrize(
    "line, said",
    [
        ("import os; os._exit(0)", "the tests were ended from inside, with code 0"),
        ("import os; os.abort()", "the tests were ended from inside, with code"),
        ("import sys; sys.exit()", "SystemExit"),
        ("raise KeyboardInterrupt", "the tests were ended from inside, with code 2"),
        ("import nowhere", "No module named 'nowhere'"),
        ("def main(:", "SyntaxError: invalid syntax"),
    ],
)
def test_a_file_that_ends_its_process_is_noticed_at_once(sums, line, said):
    begin = time.monotonic()
    found = examine(tiny(), f"{SMALL}\n{line}\n")
    assert time.monotonic() - begin < 60  # not PATIENCE
    assert found.seconds == {} and list(found.complaints) == [TOLD]
    assert said in found.complaints[TOLD] and "\n" not in found.complaints[TOLD]


def test_colours_of_a_terminal_change_no_word(sums, monkeypatch):
    text = f"{SMALL}\nimport nowhere\n"
    plain = examine(tiny(), text).complaints
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("PY_COLORS", "1")
    assert examine(tiny(), text).complaints == plain
    assert "ModuleNotFoundError" in plain[TOLD]


def test_on_a_busy_machine_all_tests_together_may_take_long(sums):
    assert examine(tiny(), SMALL, timeout=0.01).complaints
    assert examine(tiny(), SMALL, timeout=0.01, paced=True).complaints == {}


def test_how_a_user_likes_pictures_fails_no_test(sums, tmp_path, monkeypatch):
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 9\n")
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path))
    look = 'import matplotlib\nassert matplotlib.rcParams["lines.linewidth"] == 1.5\n'
    assert examine(tiny(), look + SMALL).complaints == {}
    line = [sys.executable, "-c", look]
    assert subprocess.run(line, env=runner.environment(), cwd="/").returncode == 0
    assert subprocess.run(line, cwd="/", stderr=subprocess.DEVNULL).returncode == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such session")
def test_what_never_ends_is_ended_with_all_that_it_started(sums, tmp_path):
    note = tmp_path / "number of a process"
    loop = "import time; time.sleep(600)"
    start = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "{loop}"])
open({str(note)!r}, "w").write(str(child.pid))
{loop}
"""
    found = examine(tiny(), SMALL + start, timeout=15)
    assert found.complaints == {TOLD: "it never ends (15 s)"}
    number = int(note.read_text())
    for _ in range(100):
        if not alive(number):
            return
        time.sleep(0.1)
    raise AssertionError(f"process {number} is left running")


TEST = "    y = 2 * x  # (B, D)"  # what runs in a test, and not when it is imported


def spoiled(line: str) -> str:
    return SMALL.replace(TEST, f"    {line}\n{TEST}")


@pytest.mark.parametrize(
    "line, said",
    [
        ("import os; os._exit(0)", "ended from inside, with code 0"),
        ("import os; os._exit(1)", "ended from inside, with code 1"),
        ("import os; os.abort()", "ended from inside, with code"),
        ("import os; os.kill(os.getpid(), 9)", "ended from inside, with code"),
        ("import ctypes; ctypes.string_at(0)", "ended from inside, with code"),
        ("raise KeyboardInterrupt", "ended from inside, with code 2"),
    ],
)
def test_a_test_that_ends_its_process_is_named_and_what_held_before(sums, line, said):
    begin = time.monotonic()
    found = examine(tiny(), spoiled(f"if x == 0: {line}"))
    assert time.monotonic() - begin < 60
    assert list(found.seconds) == ["test_twice_two_is_four"]  # which held
    assert list(found.complaints) == ["test_twice_nothing_is_nothing"]
    assert said in found.complaints["test_twice_nothing_is_nothing"]


@pytest.mark.skipif(sys.platform == "win32", reason="there nobody is killed so")
def test_tests_that_were_killed_prove_nothing(sums):
    """Where memory is short, the system kills: that is no fault of the text."""
    found = examine(tiny(), spoiled("import os; os.kill(os.getpid(), 9)"))
    assert found.lost and found.complaints
    assert tool.killed_by(found).startswith("SURVIVES: its tests were killed")
    found = examine(tiny(), spoiled("import os; os._exit(1)"))
    assert not found.lost and not tool.killed_by(found).startswith("SURVIVES")


def test_on_a_full_disk_nobody_is_blamed(sums, monkeypatch, capsys):
    assert call(monkeypatch, "practice", "sums", "squared") == 0
    monkeypatch.setattr("mistakes.examine.ROOM", 2**80)
    capsys.readouterr()
    assert call(monkeypatch, "check", "sums") == 2
    told = capsys.readouterr()
    assert "the disk is full" in told.err and "These fail" not in told.out


def test_a_practice_file_of_another_version_of_the_lesson_is_said_to_be(
    sums, monkeypatch, capsys
):
    assert call(monkeypatch, "practice", "sums", "squared") == 0
    call(monkeypatch, "check", "sums")
    assert "another version" not in capsys.readouterr().out
    (sums / "sums.py").write_text(SMALL + "# a word more\n")
    call(monkeypatch, "check", "sums")
    assert "was made of another version of the lesson" in capsys.readouterr().out


TELL = "os.write(os.open(os.environ['NN_TOLD'], os.O_WRONLY | os.O_APPEND), b'{}')"


@pytest.mark.parametrize("told", [r"nonsense\n", r"[1]\n", '{{"begins": ', r"\xff\n"])
def test_who_writes_where_the_tests_tell_is_found_out(sums, told):
    found = examine(tiny(), spoiled(f"import os; {TELL.format(told)}"))
    said = "it wrote where its tests tell what happens"
    assert said in found.complaints.values()


def test_who_takes_away_what_the_tests_tell_has_not_mended_it(sums):
    found = examine(tiny(), spoiled("import os; os.remove(os.environ['NN_TOLD'])"))
    assert "ended from inside" in " ".join(found.complaints.values())


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such session")
def test_who_writes_on_behind_the_tests_spoils_no_verdict(sums):
    later = "time.time() + 3"
    child = (
        "import os, time\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        f"        until, place = {later}, os.path.dirname(os.environ['NN_TOLD'])\n"
        "        while time.time() < until and os.path.isdir(place):\n"
        "            try: os.makedirs(f'{place}/z/{time.time()}')\n"
        "            except OSError: pass\n"
        "            time.sleep(0.001)\n"
        "        os._exit(0)"
    )
    assert examine(tiny(), spoiled(child)).complaints == {}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="it looks into /proc")
def test_what_an_endless_loop_prints_fills_no_disk(sums, tmp_path):
    note = tmp_path / "where it prints"
    line = f"import os; open({str(note)!r}, 'w').write(os.readlink('/proc/self/fd/1'))"
    examine(tiny(), spoiled(line))
    assert note.read_text() == os.devnull


@pytest.mark.skipif(sys.platform != "linux", reason="only there it is sure to be heard")
def test_what_an_endless_loop_keeps_does_not_take_the_whole_memory(sums):
    line = "there = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')"
    most = "max(4 * 2**30, there // 2)"
    take = f"import mmap; all = mmap.mmap(-1, {most}, flags=mmap.MAP_PRIVATE)"
    found = examine(tiny(), spoiled(f"import os; {line}; {take}"))
    assert "Cannot allocate memory" in " ".join(found.complaints.values())


def test_a_test_that_takes_far_longer_than_on_the_lesson_is_ended(sums, monkeypatch):
    monkeypatch.setattr("mistakes.examine.SHORT", 1)
    text = spoiled("if x == 0: import time; time.sleep(600)")
    begin = time.monotonic()
    found = examine(tiny(), text, paced=True)
    assert time.monotonic() - begin < 60
    assert list(found.complaints) == ["test_twice_nothing_is_nothing"]
    said = found.complaints["test_twice_nothing_is_nothing"]
    assert re.search(r"not end in \d+ s; with the lesson's own code it takes 0", said)


def test_an_import_that_never_ends_is_ended_too(sums, monkeypatch):
    monkeypatch.setattr("mistakes.examine.SHORT", 1)
    begin = time.monotonic()
    found = examine(tiny(), f"{SMALL}\nwhile True: pass\n", paced=True)
    assert time.monotonic() - begin < 60
    assert "it does not end in" in found.complaints[TOLD]


def test_a_slow_computer_is_no_fault_of_the_answer(sums, monkeypatch):
    monkeypatch.setattr("mistakes.examine.SHORT", 1)
    slow = "import time; time.sleep(3)"  # the lesson, too, takes that long here
    (sums / "test_sums.py").write_text(TESTS.replace("():\n", f"():\n    {slow}\n"))
    found = examine(tiny(), SMALL, paced=True)
    assert found.complaints == {} and len(found.seconds) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such session")
@pytest.mark.parametrize("end", ["pass", "os._exit(0)"])
def test_what_a_test_has_started_does_not_outlive_it(sums, tmp_path, end):
    note = tmp_path / "number of a process"
    line = (
        "import os, subprocess, sys; "
        "child = subprocess.Popen(['sleep', '600']); "
        f"print(child.pid, file=open({str(note)!r}, 'w'), flush=True); {end}"
    )
    examine(tiny(), spoiled(f"if x == 0: {line}"))
    number = int(note.read_text())
    for _ in range(100):
        if not alive(number):
            return
        time.sleep(0.1)
    raise AssertionError(f"process {number} is left running")


def test_the_screen_is_told_which_test_runs(sums):
    seen = []

    def note(found):
        seen.append((found.running, found.count))

    examine(tiny(), spoiled("import time; time.sleep(0.5)"), watch=note)
    assert ("test_twice_two_is_four", 2) in seen
    assert ("test_twice_nothing_is_nothing", 2) in seen


def alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{number}/stat")  # nobody may have waited for it yet
    return not (state.exists() and ") Z" in state.read_text())


def test_each_mistake_is_proved_by_the_killer_that_it_names(sums, monkeypatch, capsys):
    assert call(monkeypatch, "prove", "sums", "--workers", "2") == 0
    right, squared, twice, _, end = capsys.readouterr().out.splitlines()
    assert right.startswith("sums           (right)") and "2 of 2 tests pass" in right
    assert squared.startswith("sums           squared")
    assert squared.endswith(" s  twice two is four")
    assert twice.startswith("sums           twice")
    assert twice.endswith(" s  twice nothing is nothing")
    assert end == "2 mistakes and blanks, 0 not as they should be"
    assert call(monkeypatch, "kill", "--workers", "2") == 0
    assert capsys.readouterr().out.endswith("blanks, 0 not as they should be\n")


def spoil(sums: Path, old: str, new: str) -> None:
    """The tiny lesson with another test file."""
    assert old in TESTS
    (sums / "test_sums.py").write_text(TESTS.replace(old, new))


@pytest.mark.parametrize(
    "old, new, said",
    [
        ("double(2) == 4", "double(2) > 3", "SURVIVES (twice two is four)"),
        ("double(2) == 4", "double(2) == 5", "assert 4 == 5"),
        (
            "import sums\n",
            "import pytest, sums\n@pytest.mark.skip\n",
            "SURVIVES: no test ran (twice two is four)",
        ),
        (
            "import sums\n",
            "import pytest, sums\n@pytest.mark.slow\n",
            "SURVIVES: no test ran (twice two is four)",
        ),
        (
            "import sums\n",
            "import pytest, sums\n@pytest.mark.skip\n",
            "test_twice_two_is_four: was not run",
        ),
        ("import sums\n", "import sums, nowhere\n", "SURVIVES: "),
    ],
    ids=["passes", "fails on right", "skipped", "slow", "skipped on right", "import"],
)
def test_what_proves_nothing_is_no_kill(sums, monkeypatch, capsys, old, new, said):
    spoil(sums, old, new)
    assert call(monkeypatch, "prove", "--workers", "2") == 1
    assert said in capsys.readouterr().out


def test_a_killer_that_selects_no_case_is_no_kill(sums, monkeypatch, capsys):
    text = ENTRIES.replace('is_four"', 'is_four[five]"')
    (sums / "mistakes" / "sums.toml").write_text(text)
    assert call(monkeypatch, "prove", "--workers", "2") == 1
    printed = capsys.readouterr().out
    assert "SURVIVES: no test ran (twice two is four[five])" in printed
    assert "test_twice_two_is_four[five]: was not run" in printed


# Whole commands, in processes of their own


def command(*words: str, **options) -> subprocess.CompletedProcess:
    line = [sys.executable, "-m", "mistakes", *words]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(line, capture_output=True, text=True, env=env, **options)


def test_the_list_has_a_line_for_each_mistake_and_fits_the_screen_s_width():
    lines = command().stdout.splitlines()
    mistakes = sum(len(read(name)[1]) for name in catalogue.lessons())
    assert len(lines) == mistakes + len(catalogue.lessons())  # and one for the blanks
    assert max(map(len, lines)) <= 101


def test_the_mutants_command_starts():
    pytest.importorskip("cosmic_ray")
    importlib.import_module("mistakes.mutants")


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
    for ended in ("import os; os._exit(0)", "raise KeyboardInterrupt", "def main(:"):
        path.write_text(f"{source}\n{ended}\n")
        done = command("check", "compare_blocks")
        assert done.returncode == 1 and "It cannot be tested: " in done.stdout


@pytest.mark.slow
def test_right_and_wrong_are_shown_side_by_side(tmp_path, monkeypatch):
    monkeypatch.setenv("NN_RUNS", str(tmp_path / "runs"))
    name = next(iter(read("attention")[1]))
    done = command("show", "attention", name, "--steps", "20")
    assert done.returncode == 0 and re.search(r"right +wrong\n", done.stdout)
    assert Path(f"figures/attention_{name}.png").stat().st_size > 20_000
    bad = command("show", "attention", name, "--step", "20")
    assert bad.returncode == 2 and "Unrecognized options: --step" in bad.stderr
    bad = command("show", "attention", name, "--steps", "few")
    assert bad.returncode == 2 and "'few'" in bad.stderr
    bad = command("show", "attention", name, "--steps", "0")
    assert bad.returncode == 2 and "--steps must be at least 1, got 0" in bad.stderr


@pytest.mark.parametrize("error, shown", [(RunError, True), (LostError, False)])
def test_of_a_mistake_its_own_error_is_shown_and_no_killed_process(
    monkeypatch, error, shown
):
    def full(lesson, text):
        if text == "wrong":
            raise error("cnn.py: it ends")
        return runner.Run({"holds": 1.0}, "", {}, ROOT)

    monkeypatch.setattr(tool.store, "full", full)
    lesson = catalogue.lessons()["cnn"]
    if shown:
        assert (
            tool.both(lesson, lesson.text, "wrong", {})[1].printed == "cnn.py: it ends"
        )
    else:
        with pytest.raises(LostError):
            tool.both(lesson, lesson.text, "wrong", {})


@pytest.mark.slow
@every_lesson
def test_a_silent_mistake_runs_to_its_end(lesson, tmp_path):
    source, mistakes, _ = read(lesson)
    known = catalogue.lessons()[lesson]
    short = {"epochs": 1, "steps": 20, "data": "digits"}
    options = {name: value for name, value in short.items() if name in known.options}
    for name, entry in mistakes.items():
        if entry.get("silent"):
            (tmp_path / name).mkdir()
            text = broken(source, entry)
            done = runner.run(known, tmp_path / name, text, **options)
            assert "holds" in done.numbers, (name, done.last)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a child")
@pytest.mark.parametrize("command", ["prove", "kill"])
def test_ctrl_c_leaves_nothing_behind(command, ctrl_c):
    folder = Path(tempfile.mkdtemp())
    env = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    line = [sys.executable, "-m", "mistakes", command, "compare_blocks"]
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
    note = json.loads(Path("practice/.sums.json").read_text())
    assert note.keys() == {"mistake", "of"} and note["mistake"] == "squared"


INSTEAD = "import os; told = os.environ['NN_TOLD']; os.unlink(told)"


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes and links there")
@pytest.mark.parametrize(
    "instead",
    [
        "os.mkfifo(told)",
        "os.symlink('/dev/zero', told)",
        "os.mkdir(told)",
        "open(told, 'w').truncate(10**13)",
    ],
)
def test_what_stands_there_instead_is_found_out_and_not_read(sums, instead):
    line = f"{INSTEAD}; {instead}; import time; time.sleep(600)"
    begin = time.monotonic()
    found = examine(tiny(), spoiled(line))
    assert time.monotonic() - begin < 60
    assert "it wrote where its tests tell" in " ".join(found.complaints.values())


EXAMINE = """
import sys
from pathlib import Path
from mistakes.examine import examine
from tools.catalogue import Lesson
examine(Lesson(Path(sys.argv[1])), sys.argv[2])
"""


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no groups of processes")
def test_no_test_goes_on_if_what_looks_on_is_killed(sums, tmp_path):
    note = tmp_path / "pid"
    text = spoiled(f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid()))")
    text = text.replace(TEST, f"    time.sleep(600)\n{TEST}")
    command = [sys.executable, "-c", EXAMINE, str(sums / "sums.py"), text]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}) as one:
        while not note.exists() or not note.read_text():
            assert one.poll() is None
            time.sleep(0.1)
        one.kill()
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.kill(int(note.read_text()), 0)
            time.sleep(0.1)


SKIPS = "if x == 0: import pytest; pytest.skip('later')"
LEAVES = """if x == 2:
        import json, os
        ends = {"ends": "x", "seconds": 1, "skipped": 0, "complaint": ""}
        with open(os.environ["NN_TOLD"], "a") as told:
            for event in (ends, ends, {"code": 0}):
                told.write(json.dumps(event) + chr(10))
        os._exit(0)"""


@pytest.mark.parametrize(
    "line, said", [(SKIPS, "it was skipped"), (LEAVES, "some tests did not run")]
)
def test_what_skips_a_test_or_leaves_before_it_is_not_mended(
    sums, monkeypatch, capsys, line, said
):
    call(monkeypatch, "practice", "sums", "squared")
    Path("practice/sums.py").write_text(spoiled(line))
    assert call(monkeypatch, "check", "sums") == 1
    told = capsys.readouterr().out
    assert said in told and "mended" not in told


def test_a_test_that_is_skipped_for_everybody_is_no_fault(sums, monkeypatch, capsys):
    test = sums / "test_sums.py"
    test.write_text(f"import pytest\n{TESTS}    pytest.skip('no MNIST here')\n")
    call(monkeypatch, "practice", "sums", "squared")
    Path("practice/sums.py").write_text(SMALL)
    assert call(monkeypatch, "check", "sums") == 0
    assert "mended" in capsys.readouterr().out


STUBBORN = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no groups of processes")
def test_who_is_told_to_end_twice_leaves_no_test_running(monkeypatch):
    command = [sys.executable, "-c", STUBBORN]
    asked = {"stdout": subprocess.PIPE, "start_new_session": True}
    with subprocess.Popen(command, **asked) as process:
        process.stdout.readline()
        wait = process.wait

        def told_again(timeout=None):
            raise SystemExit(143)

        monkeypatch.setattr(process, "wait", told_again)
        with pytest.raises(SystemExit):
            group.end(process, signal.SIGINT, 5)
        monkeypatch.undo()
        assert wait(5) == -signal.SIGKILL
