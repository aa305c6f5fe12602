"""The classic mistakes of each lesson: shown, practised, checked, and killed.

python -m mistakes                           list them
python -m mistakes show attention unscaled   right and wrong side by side
python -m mistakes practice attention        a broken copy, for you to mend
python -m mistakes check attention           what holds of it by now
python -m mistakes kill                      prove that the tests find every one
"""

import argparse
import difflib
import functools
import json
import multiprocessing
import os
import random
import sys
import textwrap
import tomllib
from collections import Counter
from pathlib import Path

from benchmarks.__main__ import LESSONS, ROOT, takes
from mistakes.scratch import examine, play, workers

HERE = Path(__file__).parent
PRACTICE = Path("practice")
MISTAKE = "says", "symptom", "right", "wrong", "hints"
BLANK = "right", "ask"
PATIENCE = 600  # seconds for the tests of one lesson


class UsageError(Exception):
    """What was asked for cannot be done; the message says why, and what can."""


# The data: mistakes/<lesson>.toml


def choose(name: str, known: list[str], what: str) -> str:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.3) or known
        raise UsageError(f"no {what} {name!r}; the nearest: {', '.join(near)}")
    return name


def read(lesson: str) -> tuple[str, dict[str, dict], dict[str, dict]]:
    """Source, mistakes and blanks of a lesson; UsageError where an entry is stale."""
    path = HERE / f"{choose(lesson, LESSONS, 'lesson')}.toml"
    try:
        mistakes = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # missing, not TOML, or not UTF-8
        raise UsageError(f"{path}: {error}") from None
    blanks = mistakes.pop("blank", {})
    if not mistakes:
        raise UsageError(f"{path}: no mistakes in it")
    source = (ROOT / f"{lesson}.py").read_text(encoding="utf-8")
    named = [(name, MISTAKE, entry) for name, entry in mistakes.items()]
    if isinstance(blanks, dict):
        named += [(f"blank.{name}", BLANK, entry) for name, entry in blanks.items()]
    for name, keys, entry in named:
        if not isinstance(entry, dict):
            raise UsageError(f"{path}: {name} is no table, [{name}]")
        if wrong := [key for key in keys if not fits(key, entry.get(key))]:
            raise UsageError(f"{path} [{name}]: without a good {', '.join(wrong)}")
        right = entry["right"] = entry["right"].strip("\n")
        if (count := source.count(right)) != 1:
            lines, n = source.splitlines(), right.count("\n") + 1
            texts = ["\n".join(lines[i : i + n]) for i in range(len(lines))]
            near = max(texts, key=functools.partial(shared, right))
            raise UsageError(
                f"{path} [{name}]: `right` stands {count} times in {lesson}.py, "
                f"not once. The nearest text is:\n{near}"
            )
    return source, mistakes, blanks


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


# The commands


def listing() -> None:
    for lesson in LESSONS:
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
    if takes(lesson, "data") and not any(w.startswith("--data") for w in words):
        words = [*words, "--data", "digits"]
    texts = {"right": source, "wrong": broken(source, entry)}
    line = source[: source.index(entry["right"])].count("\n") + 1
    print(f"{lesson}: {entry['says']}\n\n{lesson}.py, line {line}", flush=True)
    print(f"{difference(entry)}\n", flush=True)
    with workers(2) as (pool, folder):
        jobs = [(folder / side, lesson, text, *words) for side, text in texts.items()]
        (right, ended), (wrong, failed) = pool.map_async(play, jobs, 1).get(PATIENCE)
        if not right:
            raise UsageError(ended.partition(": error: ")[2] or ended)
        drawn = [folder / side / "figures" / f"{lesson}.png" for side in texts]
        fig = pair(entry["says"], [path for path in drawn if path.exists()])
    print(f"{'':32}{'right':>12}{'wrong':>12}")
    for name, number in [(n, v) for n, v in right.items() if n != "holds"]:
        print(f"{name:32}{number:12.4g}{wrong.get(name, float('nan')):12.4g}")
    verdicts = ["holds" if side.get("holds") else "NOT" for side in (right, wrong)]
    print(f"{'the claim':32}{verdicts[0]:>12}{verdicts[1]:>12}")
    print(f"{'' if wrong else failed}\n{textwrap.fill(entry['symptom'], 72)}")
    path = Path("figures", f"{lesson}_{mistake}.png")
    path.parent.mkdir(exist_ok=True)
    fig.savefig(path)
    print(f"\nBoth pictures: {path}")
    display()


def pair(title: str, pictures: list[Path]):
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 2, figsize=(19.2, 6.4))
    for ax, side, path in zip(axes, ("right", "wrong"), pictures, strict=False):
        ax.imshow(plt.imread(path))
        ax.set_title(side)
    for ax in axes:
        ax.axis("off")
    fig.suptitle(title)
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
    if os.path.lexists(path) and not force:
        raise UsageError(f"{path} is there already; --force overwrites it")
    PRACTICE.mkdir(exist_ok=True)
    text = broken(source, mistakes[name] if blank is None else blanks[name])
    replace(path, text)
    replace(note, json.dumps({"mistake" if blank is None else "blank": name}))
    print(f"{path} holds {task}. Mend it, then: python -m mistakes check {lesson}")


def replace(path: Path, text: str) -> None:
    """All of the text, or the file as it was."""
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)


def sentence(test: str) -> str:
    return test.removeprefix("test_").replace("_", " ")


def folded(tests) -> list[str]:
    """The sentences, each once, with the number of its cases."""
    cases = Counter(sentence(test.partition("[")[0]) for test in tests)
    return [f"{name} ({n} cases)" if n > 1 else name for name, n in cases.items()]


def find_hint(path: Path, note: Path, hint: int, mistakes: dict, blanks: dict) -> str:
    try:
        made = json.loads(note.read_text(encoding="utf-8"))
        entry = blanks[made["blank"]] if "blank" in made else mistakes[made["mistake"]]
    except (OSError, ValueError, TypeError, LookupError):
        raise UsageError(f"{path} has no note of its mistake; practice anew") from None
    hints = entry.get("hints", [])
    if hint > len(hints):
        said = "a blank says what to write" if "ask" in entry else f"{len(hints)} hints"
        raise UsageError(f"no hint {hint} for {path}: {said}")
    return hints[hint - 1]


def check(lesson: str, hint: int | None) -> int:
    """Which properties hold of practice/<lesson>.py, and which fails first."""
    _, mistakes, blanks = read(lesson)
    path, note = PRACTICE / f"{lesson}.py", PRACTICE / f".{lesson}.json"
    if not path.exists():
        raise UsageError(f"no {path}; first: python -m mistakes practice {lesson}")
    said = hint and find_hint(path, note, hint, mistakes, blanks)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8: {error}") from None
    print(f"Running the tests of {lesson} on {path} ...\n", flush=True)
    with workers(1) as (pool, folder):
        job = pool.apply_async(examine, [(folder / "check", lesson, text, {})])
        try:
            seconds, complaints = job.get(PATIENCE)
        except multiprocessing.TimeoutError:
            seconds, complaints = {}, {"import": f"it never ends ({PATIENCE} s)"}
    if "import" in complaints or not seconds:
        print(f"It cannot be tested: {complaints.get('import', 'no test ran')}")
    else:
        good = [name for name in seconds if name not in complaints]
        print("These hold:", *folded(good), sep="\n  ")
    if complaints.keys() - {"import"}:
        first, complaint = next(iter(complaints.items()))
        print("\nThese fail:", *folded(complaints), sep="\n  ")
        print(f"\nFails first: {sentence(first)}")
        print(textwrap.indent(complaint, "  "))
    if said:
        print(f"\nHint {hint}: {said}")
    if complaints or not seconds:
        return 1
    print(f"\nAll {len(seconds)} cases hold: mended.")
    return 0


def kill(lessons: list[str], count: int) -> int:
    """The tests pass on the right code, and find every mistake and every blank."""
    known = {lesson: read(lesson) for lesson in lessons or LESSONS}
    survivors, orders = 0, {}
    with workers(count) as (pool, folder):
        jobs = [(folder / lesson, lesson, known[lesson][0], {}) for lesson in known]
        results = pool.imap(examine, jobs)
        for lesson in known:
            orders[lesson], complaints = results.next(PATIENCE)
            survivors += bool(complaints) or not orders[lesson]
            good = len(orders[lesson]) - len(complaints)
            verdict = f"{good} of {len(orders[lesson])} tests pass"
            print(f"{lesson:15}{'(right)':23}{verdict}", *complaints, flush=True)
        jobs = [
            (folder / f"{lesson}-{name}", lesson, broken(source, entry), orders[lesson])
            for lesson, (source, mistakes, blanks) in known.items()
            for name, entry in [*mistakes.items(), *blanks.items()]
        ]
        results = pool.imap(examine, [(*job, "--maxfail=1") for job in jobs])
        for path, lesson, *_ in jobs:
            _, complaints = results.next(PATIENCE)
            killer = sentence(next(iter(complaints), "SURVIVES"))
            survivors += killer in ("SURVIVES", "import")
            name = path.name.partition("-")[2]
            print(f"{lesson:15}{name:23}{killer}", flush=True)
    print(f"\n{len(jobs)} mistakes and blanks, {survivors} not as they should be")
    return min(survivors, 1)


def positive(word: str) -> int:
    if not word.isdecimal() or int(word) == 0:
        raise argparse.ArgumentTypeError(f"must be positive, got {word}")
    return int(word)


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
    one = commands.add_parser("kill", help=kill.__doc__, allow_abbrev=False)
    one.add_argument("lessons", nargs="*", metavar="lesson", help="default: all")
    one.add_argument("--workers", dest="count", type=positive, default=os.cpu_count())
    options, words = cli.parse_known_args()
    command = vars(options).pop("command")
    if command == "show":
        options.words = words
    elif words:
        cli.error(f"unrecognized arguments: {' '.join(words)}")
    act = {"show": show, "practice": practice, "check": check, "kill": kill}
    try:
        return act.get(command, listing)(**vars(options)) or 0
    except multiprocessing.TimeoutError:
        cli.exit(
            2,
            f"python -m mistakes: error: a run took over {PATIENCE} s\n",
        )
    except (UsageError, OSError) as error:
        cli.exit(2, f"python -m mistakes: error: {error}\n")
    except KeyboardInterrupt:
        cli.exit(130, "\nstopped; nothing is left behind\n")


if __name__ == "__main__":
    sys.exit(main())
