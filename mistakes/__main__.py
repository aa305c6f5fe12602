"""The classic mistakes of each lesson: shown, practised, checked, and killed.

python -m mistakes                           list them
python -m mistakes show attention unscaled   right and wrong side by side
python -m mistakes practice attention        a broken copy, for you to mend
python -m mistakes check attention           what holds of it by now
python -m mistakes prove                     each is found by the test that it names
python -m mistakes kill                      all the tests of the lesson, on each
python -m mistakes mutate attention          small random changes: do tests see them?
"""

import argparse
import ast
import difflib
import functools
import hashlib
import inspect
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from collections import Counter
from pathlib import Path
from unittest.mock import patch

from mistakes.examine import TOLD, Examined, examine
from tools import catalogue, store
from tools.catalogue import Lesson, LessonError
from tools.cli import end, positive
from tools.guard import obey
from tools.runner import LostError, Run, RunError, several
from tools.whole import write, write_all

PRACTICE = Path("practice")
LARGEST = 2**24  # bytes of a practice file
MISTAKE = "says", "symptom", "right", "wrong", "hints", "killer"
BLANK = "right", "ask", "hints", "killer"


class UsageError(LessonError):
    """What was asked for cannot be done; the message says why, and what can."""


# The data: mistakes/<lesson>.toml


def choose(name: str, known: list[str], what: str) -> str:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.3) or known
        raise UsageError(f"no {what} {name!r}; the nearest: {', '.join(near)}")
    return name


def find(name: str) -> Lesson:
    """The lesson of this name; UsageError with the nearest, if there is none."""
    known = catalogue.lessons()
    return known[choose(name, list(known), "lesson")]


def read(name: str) -> tuple[str, dict[str, dict], dict[str, dict]]:
    """Source, mistakes and blanks of a lesson; UsageError where an entry is stale."""
    lesson = find(name)
    path = lesson.mistakes
    try:
        mistakes = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # missing, not TOML, or not UTF-8
        raise UsageError(f"{path}: {error}") from None
    blanks = mistakes.pop("blank", {})
    if not mistakes:
        raise UsageError(f"{path}: no mistakes in it")
    source = lesson.text
    tests = tests_of(lesson)
    named = [(name, MISTAKE, entry) for name, entry in mistakes.items()]
    if not isinstance(blanks, dict):
        raise UsageError(f"{path}: blank is no table, [blank.<name>]")
    named += [(f"blank.{name}", BLANK, entry) for name, entry in blanks.items()]
    for name, keys, entry in named:
        if not isinstance(entry, dict):
            raise UsageError(f"{path}: {name} is no table, [{name}]")
        if wrong := [key for key in keys if not fits(key, entry.get(key))]:
            raise UsageError(f"{path} [{name}]: without a good {', '.join(wrong)}")
        try:
            choose(function(entry["killer"]), tests, f"test of {lesson.name}")
        except UsageError as error:
            raise UsageError(f"{path} [{name}]: killer: {error}") from None
        right = entry["right"] = entry["right"].strip("\n")
        if (count := source.count(right)) != 1:
            lines, n = source.splitlines(), right.count("\n") + 1
            texts = ["\n".join(lines[i : i + n]) for i in range(len(lines))]
            near = max(texts, key=functools.partial(shared, right))
            raise UsageError(
                f"{path} [{name}]: `right` stands {count} times in {lesson.file}, "
                f"not once. The nearest text is:\n{near}"
            )
    return source, mistakes, blanks


def tests_of(lesson: Lesson) -> list[str]:
    """The test functions that stand in its test file."""
    text = catalogue.read(lesson.test)
    return re.findall(r"(?m)^def (test_\w+)\(", text)


def quick_tests_of(lesson: Lesson) -> list[str]:
    """Of these the ones that are not marked as slow."""
    slow = set()
    for node in ast.parse(catalogue.read(lesson.test)).body:
        marks = getattr(node, "decorator_list", [])
        if "pytest.mark.slow" in map(ast.unparse, marks):
            slow.add(node.name)
    return [test for test in tests_of(lesson) if test not in slow]


def function(test: str) -> str:
    """The function of a test, without the case: test_it of test_it[case]."""
    return test.partition("[")[0]


def fits(key: str, value) -> bool:
    if key == "hints":
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    return isinstance(value, str)


def shared(one: str, other: str) -> int:
    """How many characters the two have in common, in order."""
    matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks())


def broken(source: str, entry: dict) -> str:
    """The lesson with the mistake made, or with the blank cut out."""
    if "wrong" in entry:
        return source.replace(entry["right"], entry["wrong"].strip("\n"))
    right = entry["right"]
    indent = " " * (len(right) - len(right.lstrip()))
    words = textwrap.wrap(entry["ask"], 70 - len(indent), drop_whitespace=False)
    lines = [f"{indent}    {word!r}" for word in words]
    stub = [f"{indent}raise NotImplementedError(", *lines, f"{indent})"]
    return source.replace(right, "\n".join(stub))


def code(lesson: Lesson, entry: dict) -> str:
    """A checksum of the lines that make the numbers and of what the mistake changes."""
    changed = [catalogue.recipe(lesson), entry["right"], entry["wrong"].strip("\n")]
    return hashlib.sha256("\n".join(changed).encode()).hexdigest()[:12]


# The commands


def listing() -> None:
    for lesson in catalogue.lessons():
        _, mistakes, blanks = read(lesson)
        for name, entry in mistakes.items():
            silent = "silent" if entry.get("silent") else ""
            print(f"{lesson:15}{name:23}{silent:7}{entry['says']}")
        print(f"{lesson:15}blanks: {', '.join(blanks)}")


def difference(entry: dict) -> str:
    texts = entry["right"].splitlines(), entry["wrong"].strip("\n").splitlines()
    lines = list(difflib.unified_diff(*texts, lineterm="", n=0))[2:]
    return "\n".join(line for line in lines if line[:2] != "@@")


def show(lesson: str, mistake: str, words: list[str]) -> None:
    """Right and wrong from the same seed: the numbers, the verdicts, both pictures."""
    source, mistakes, _ = read(lesson)
    entry = mistakes[choose(mistake, list(mistakes), f"mistake of {lesson}")]
    options = parse(find(lesson), words)
    line = source[: source.index(entry["right"])].count("\n") + 1
    print(f"{lesson}: {entry['says']}\n\n{find(lesson).file}, line {line}", flush=True)
    print(f"{difference(entry)}\n", flush=True)
    right, wrong = both(find(lesson), source, broken(source, entry), options)
    print(f"{'':32}{'right':>12}{'wrong':>12}")
    for name, number in right.numbers.items():
        if name != "holds":
            other = wrong.numbers.get(name, float("nan"))
            print(f"{name:32}{number:12.4g}{other:12.4g}")
    sides = right, wrong
    verdicts = ["holds" if side.numbers.get("holds") else "NOT" for side in sides]
    print(f"{'the claim':32}{verdicts[0]:>12}{verdicts[1]:>12}")
    failed = "" if wrong.numbers else wrong.last
    print(f"{failed}\n{textwrap.fill(entry['symptom'], 72)}")
    drawn = [side.folder / "figures" / f"{lesson}.png" for side in sides]
    fig = pair(entry["says"], drawn)
    path = Path("figures", f"{lesson}_{mistake}.png")
    path.parent.mkdir(exist_ok=True)
    content = io.BytesIO()
    fig.savefig(content, format="png")
    write(path, content.getvalue())
    print(f"\nBoth pictures: {path}")
    display()


def parse(lesson: Lesson, words: list[str]) -> dict[str, object]:
    """The options that these words of a command line set, as the lesson reads them."""
    found, module = {}, lesson.module()
    with patch.object(sys, "argv", [lesson.path.name, *words]):
        obey(vars(module), lambda **options: found.update(options))
    known = inspect.signature(module.main).parameters
    return {n: value for n, value in found.items() if value != known[n].default}


def both(lesson: Lesson, text: str, wrong: str, options: dict) -> tuple[Run, Run]:
    """The runs of the lesson's text and of the wrong one, at the same time."""
    with several(2) as (threads, _):
        right = threads.submit(store.full, lesson, text, **options)
        other = threads.submit(store.full, lesson, wrong, **options)
        try:
            return right.result(), other.result()
        except LostError:
            raise  # it was killed, say: no mistake does that
        except RunError as error:
            if not right.exception():  # the mistake ends it
                return right.result(), Run({}, str(error), {}, Path("nowhere"))
            raise


def pair(title: str, pictures: list[Path]):
    """Both side by side, as high as they are and no higher."""
    import matplotlib.pyplot as plt

    images = [plt.imread(path) if path.exists() else None for path in pictures]
    rows, columns = images[0].shape[:2]
    size = 19.2, 9.6 * rows / columns + 1.2  # inches: below the title, and theirs
    fig, axes = plt.subplots(1, 2, figsize=size, layout="constrained")
    for ax, side, image in zip(axes, ("right", "wrong"), images, strict=True):
        ax.axis("off")
        if image is not None:  # a run that failed has none
            ax.imshow(image)
            ax.set_title(side, fontsize=20)
    fig.suptitle(title, fontsize=24)
    return fig


def display() -> None:
    import matplotlib.pyplot as plt

    if plt.get_backend().lower() != "agg":  # there is a screen
        plt.show()


def practice(lesson: str, mistake: str, blank: str, seed: int, force: bool) -> None:
    """Put a broken copy into practice/, with no hint what is broken."""
    source, mistakes, blanks = read(lesson)
    if blank is not None:
        name = choose(blank, list(blanks), f"blank of {lesson}")
        task = f"the blank {name}: look for NotImplementedError"
    else:
        seed = random.randrange(1000) if seed is None else seed
        name = mistake or random.Random(seed).choice(list(mistakes))
        name = choose(name, list(mistakes), f"mistake of {lesson}")
        task = "one mistake" + ("" if mistake else f" (--seed {seed})")
    path, note = PRACTICE / f"{lesson}.py", PRACTICE / f".{lesson}.json"
    text = broken(source, mistakes[name] if blank is None else blanks[name])
    made = {"mistake" if blank is None else "blank": name, "of": mark(source)}
    PRACTICE.mkdir(exist_ok=True)
    if not force:
        try:
            path.open("x").close()  # also if two ask at the same time
        except FileExistsError:
            there = f"{path} is there already; --force overwrites it"
            raise UsageError(there) from None
    try:
        write_all({path: text, note: json.dumps(made)})
    except BaseException:
        if not force:
            path.unlink(missing_ok=True)
        raise
    print(f"{path} holds {task}. Mend it, then: python -m mistakes check {lesson}")


def mark(source: str) -> str:
    """Which version of a lesson this is."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def sentence(test: str) -> str:
    """What the name of a test says."""
    return test.rpartition("::")[2].removeprefix("test_").replace("_", " ")


def folded(tests) -> list[str]:
    """The sentences, each once, with the number of its cases."""
    cases = Counter(sentence(function(test)) for test in tests)
    return [f"{name} ({n} cases)" if n > 1 else name for name, n in cases.items()]


def read_note(note: Path) -> dict:
    """What `practice` has noted of a file; nothing, if it is gone or damaged."""
    try:
        if not note.is_file():  # nor a pipe, as for the file
            return {}
        return dict(json.loads(note.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return {}


def find_hint(path: Path, note: Path, hint: int, mistakes: dict, blanks: dict) -> str:
    made = read_note(note)
    try:
        entry = blanks[made["blank"]] if "blank" in made else mistakes[made["mistake"]]
    except (TypeError, LookupError):
        raise UsageError(f"{path} has no note of its mistake; practice anew") from None
    hints = entry["hints"]
    if hint > len(hints):
        raise UsageError(f"no hint {hint} for {path}: {len(hints)} hints")
    return hints[hint - 1]


def show_running(found: Examined | None) -> None:
    """One line of the terminal says which test runs; without any, it is empty again."""
    if not (sys.stdout and sys.stdout.isatty()):  # there may be none: `>&-`
        return
    line = ""
    if found:
        width = shutil.get_terminal_size().columns - 1
        number = len(found.seconds) + 1
        test = sentence(found.running) if found.running else "starting"
        line = f"{number} of {found.count or '?'}: {test}"[:width]
    print(f"\r\033[K{line}", end="", flush=True)


def not_run(lesson: Lesson, found: Examined) -> dict[str, str]:
    """Complaints about tests that the text has skipped, or kept from running."""
    if found.complaints:
        return {}
    ran = {function(test) for test in [*found.seconds, *found.skipped]}
    if left := [test for test in quick_tests_of(lesson) if test not in ran]:
        return {TOLD: f"some tests did not run: {', '.join(map(sentence, left))}"}
    if not found.skipped:
        return {}
    right = examine(lesson, lesson.text, tests=found.skipped, watch=show_running)
    said = "it was skipped, and with the lesson's own code it is not"  # as for MNIST
    return {test: said for test in found.skipped if test in right.seconds}


# In a process of its own: what is nested deeply enough ends the whole interpreter.
COMPILE = """
import sys
try:
    compile(sys.stdin.buffer.read(), "practice", "exec")
except SyntaxError as error:
    print(f"line {error.lineno}: {error.msg}" if error.lineno else error.msg)
except (ValueError, RecursionError, MemoryError) as error:  # null bytes; too deep
    print(str(error) or type(error).__name__)
"""


def no_python(text: str) -> str:
    """Why this is no Python at all, and where; empty, if it is. Nothing of it runs."""
    line = [sys.executable, "-I", "-X", "utf8", "-W", "ignore", "-c", COMPILE]
    try:
        done = subprocess.run(
            line, input=text.encode(), capture_output=True, timeout=60
        )
    except subprocess.TimeoutExpired:
        return "Python cannot read it within a minute"
    if done.returncode:
        return f"Python itself ends when it reads it, with code {done.returncode}"
    return done.stdout.decode().strip()


def check(lesson: str, hint: int | None) -> int:
    """Which properties hold of practice/<lesson>.py, and which fails first."""
    source, mistakes, blanks = read(lesson)
    path, note = PRACTICE / f"{lesson}.py", PRACTICE / f".{lesson}.json"
    if not path.is_file():  # nor a pipe, from which nothing ever comes
        raise UsageError(f"no {path}; first: python -m mistakes practice {lesson}")
    if path.stat().st_size > LARGEST:
        raise UsageError(f"{path} is larger than 16 MB; a lesson has some 30 kB")
    said = hint and find_hint(path, note, hint, mistakes, blanks)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8: {error}") from None
    if read_note(note).get("of", mark(source)) != mark(source):
        print(f"{path} was made of another version of the lesson; the tests may want")
        print("what that had not. practice --force begins anew, without your work.")
    print(f"Running the tests of {lesson} on {path} ...\n", flush=True)
    if unreadable := no_python(text):
        found = Examined(complaints={TOLD: unreadable})
    else:
        found = examine(find(lesson), text, paced=True, watch=show_running)
        found.complaints |= not_run(find(lesson), found)
    show_running(None)
    seconds, complaints = found.seconds, found.complaints
    if TOLD in complaints or not (seconds or complaints):
        print(f"It cannot be tested: {complaints.get(TOLD, 'no test ran')}")
    else:
        good = [name for name in seconds if name not in complaints]
        print("These hold:", *folded(good), sep="\n  ")
    if found.lost:
        print("\nThe system killed the tests, maybe for memory; try it again.")
    if failed := {test: said for test, said in complaints.items() if test != TOLD}:
        first, complaint = next(iter(failed.items()))
        print("\nThese fail:", *folded(failed), sep="\n  ")
        print(f"\nFails first: {sentence(first)}")
        print(textwrap.indent(complaint, "  "))
        if asked := [found.asks[test] for test in failed if test in found.asks]:
            print(f"\nAsk yourself: {asked[0]}")
        if not found.whole:
            print("\nWith this test it ended: the tests after it were not run.")
    if said:
        print(f"\nHint {hint}: {said}")
    if complaints or not seconds:
        return 1
    print(f"\nAll {len(seconds)} cases hold: mended.")
    return 0


def entries_of(lessons: list[str]) -> list[tuple[Lesson, str, str, str]]:
    """Each mistake and each blank of these lessons, or of all: lesson, name, the text
    with it, killer."""
    found = []
    for lesson in lessons or catalogue.lessons():
        source, mistakes, blanks = read(lesson)
        for name, entry in [*mistakes.items(), *blanks.items()]:
            text = broken(source, entry)
            found.append((find(lesson), name, text, entry["killer"]))
    return found


def say(lesson: Lesson, name: str, found: Examined, verdict: str) -> None:
    seconds = sum(found.seconds.values())
    print(f"{lesson.name:15}{name:23}{seconds:6.1f} s  {verdict}", flush=True)


def killed_by(found: Examined) -> str:
    """The first test that fails, as a sentence; SURVIVES with the reason, if none."""
    if found.lost:
        return "SURVIVES: its tests were killed, which says nothing; try it again"
    if TOLD in found.complaints:
        return f"SURVIVES: {found.complaints[TOLD]}"
    if found.complaints:
        return sentence(function(next(iter(found.complaints))))
    return "SURVIVES" if found.seconds else "SURVIVES: no test ran"


def examine_all(lessons: list[str], count: int, named: bool) -> int:
    """The tests pass on the right code, and find every mistake and every blank.

    Args:
        named: only the killers that mistakes/<lesson>.toml names, not all the tests
    """
    entries, bad = entries_of(lessons), 0
    killers: dict[Lesson, list[str]] = {}
    for lesson, _, _, killer in entries:
        killers.setdefault(lesson, []).append(killer)
    with several(count) as (threads, stop):
        right, wrong = [], []
        for lesson, names in killers.items():
            tests = list(dict.fromkeys(names)) if named else None  # each once
            asked = {"tests": tests, "stop": stop}
            right.append(threads.submit(examine, lesson, lesson.text, **asked))
        for lesson, _, text, killer in entries:
            asked = {"tests": [killer] if named else None, "stop": stop}
            job = threads.submit(examine, lesson, text, "--maxfail=1", **asked)
            wrong.append(job)
        for lesson, job in zip(killers, right, strict=True):
            found = job.result()
            lost = missing(killers[lesson], found) if named else []
            bad += bool(found.complaints or lost or not found.seconds)
            good = len(found.seconds.keys() - found.complaints.keys())
            say(lesson, "(right)", found, f"{good} of {len(found.seconds)} tests pass")
            for test, complaint in found.complaints.items():
                print(f"  {test}: {complaint.splitlines()[0]}", flush=True)
            for test in lost:
                print(f"  {test}: was not run", flush=True)
        for (lesson, name, _, killer), job in zip(entries, wrong, strict=True):
            found = job.result()
            verdict = killed_by(found)
            if verdict.startswith("SURVIVES"):
                bad += 1
                verdict += f" ({sentence(killer)})" if named else ""
            say(lesson, name, found, verdict)
    print(f"\n{len(entries)} mistakes and blanks, {bad} not as they should be")
    return min(bad, 1)


def missing(tests: list[str], found: Examined) -> list[str]:
    """Which of these tests were skipped, or not even selected."""
    ran = found.seconds.keys() | {function(test) for test in found.seconds}
    return [test for test in dict.fromkeys(tests) if test not in ran]


def prove(lessons: list[str], count: int) -> int:
    """Each mistake and each blank is found by the test that it names as its killer."""
    return examine_all(lessons, count, named=True)


def kill(lessons: list[str], count: int) -> int:
    """All the tests pass on the right code, and find every mistake and every blank."""
    return examine_all(lessons, count, named=False)


def mutate(lessons: list[str], count: int, seed: int, workers: int) -> None:
    """Small random changes of code, verdict and figure: do the tests see them?"""
    try:
        from mistakes import mutants
    except ImportError as error:
        raise UsageError(f"{error}: pip install cosmic-ray") from None
    for lesson in [find(name) for name in lessons] or catalogue.lessons().values():
        mutants.mutate(lesson, count, seed, workers)


def main() -> int:
    prog = {"prog": "python -m mistakes", "allow_abbrev": False}
    raw = argparse.RawDescriptionHelpFormatter
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=raw, **prog)
    commands = cli.add_subparsers(dest="command", metavar="command")
    one = commands.add_parser("show", help=show.__doc__, allow_abbrev=False)
    one.add_argument("lesson")
    one.add_argument("mistake")
    one = commands.add_parser("practice", help=practice.__doc__, allow_abbrev=False)
    one.add_argument("lesson")
    which = one.add_mutually_exclusive_group()
    which.add_argument("mistake", nargs="?", help="default: one at random")
    which.add_argument("--blank", help="cut these lines out instead")
    one.add_argument("--seed", type=int, help="which one at random")
    one.add_argument("--force", action="store_true", help="overwrite your work")
    one = commands.add_parser("check", help=check.__doc__, allow_abbrev=False)
    one.add_argument("lesson")
    one.add_argument("--hint", type=positive, help="1 is vague, 2 is strong")
    for name, act in {"prove": prove, "kill": kill}.items():
        one = commands.add_parser(name, help=act.__doc__, allow_abbrev=False)
        one.add_argument("lessons", nargs="*", metavar="lesson", help="default: all")
        how = {"type": positive, "default": os.cpu_count(), "dest": "count"}
        one.add_argument("--workers", **how, help="so many processes at a time")
    one = commands.add_parser("mutate", help=mutate.__doc__, allow_abbrev=False)
    one.add_argument("lessons", nargs="*", metavar="lesson", help="default: all")
    one.add_argument("--count", type=positive, default=40, help="of each kind")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--workers", type=positive, default=os.cpu_count())
    options, words = cli.parse_known_args()
    command = vars(options).pop("command")
    if command == "show":
        options.words = words
    elif words:
        cli.error(f"unrecognized arguments: {' '.join(words)}")
    acts = {"show": show, "practice": practice, "check": check}
    acts |= {"prove": prove, "kill": kill, "mutate": mutate}
    try:
        return acts.get(command, listing)(**vars(options)) or 0
    except BrokenPipeError:  # no error: its reader has seen enough
        raise
    except (LessonError, OSError) as error:
        cli.exit(2, f"python -m mistakes: error: {error}\n")


if __name__ == "__main__":
    sys.exit(end("python -m mistakes", main))
