"""Measure the lessons, and race them: python -m benchmarks COMMAND.

A leaf: nothing imports this package. What it measured lies beside this file, as JSON;
`render` writes of it what the README and the site show.
"""

import argparse
import contextlib
import errno
import functools
import importlib
import json
import math
import os
import platform
import re
import sys
from importlib.metadata import version as version_of
from pathlib import Path
from statistics import mean, median, stdev

from benchmarks import site
from tools import store
from tools.catalogue import ROOT, Lesson, LessonError, lessons, named, read, recipe
from tools.cli import end, positive
from tools.runner import LostError, Run, measure, several
from tools.whole import from_json, read_json, write, write_all

HERE = Path(__file__).parent
SEEDS = HERE / "seeds.jsonl"
KEPT = HERE / "table.json"
TABLES = HERE / "tables.json"
PICTURES = ROOT / "docs" / "pictures"
FIGURES = ROOT / "figures" / "evening"  # where no lesson writes
LESSONS_MARK = "<!-- python -m benchmarks render: lessons -->"
TABLE_MARK = "<!-- python -m benchmarks render: table -->"
COURSE_MARK = "<!-- python -m benchmarks render: course -->"
WEEKS = 14  # of a course
OPEN = "open: a question of your own, asked as a lesson asks it"
END = "<!-- end -->"


def evening(names: list[str], data: str) -> None:
    """Every lesson once, as on stage: lesson, seconds, whether its claim held. Its
    pictures are kept for the case that it fails there; the site is looked through."""
    failed, together = False, 0.0
    print(f"{'lesson':16}{'seconds':>8}   claim")
    for lesson in chosen(names):
        try:
            run = store.full(lesson, **lesson.on(data))
            keep_pictures(run)
        except (LessonError, OSError) as error:  # the others are of interest, too
            print(f"{lesson.name:24}   FAILS: {error}", flush=True)
            drop_pictures(lesson)
            failed = True
            continue
        together += run.used["wall"]
        holds = run.numbers["holds"]
        failed = failed or not holds
        verdict = "holds" if holds else "does NOT hold"
        print(f"{lesson.name:16}{run.used['wall']:8.1f}   {verdict}", flush=True)
    print(f"{'together':16}{together:8.1f}")
    print("An unchanged lesson is not run again; its seconds are those of its run.")
    print(f"The pictures of these runs, should one fail on stage: {FIGURES}")
    whole = look_through_site(names)
    if failed:
        raise SystemExit("Not every claim held.")
    if not whole:
        raise SystemExit("The site is not whole.")


def keep_pictures(run: Run) -> None:
    """Copy what the run has drawn into figures/evening/, for the stage."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    for path in run.folder.glob("figures/*"):
        write(FIGURES / path.name, path.read_bytes())


def drop_pictures(lesson: Lesson) -> None:
    """Those of another evening do not stand for a lesson that fails tonight."""
    name = lesson.name
    for old in [*FIGURES.glob(f"{name}.png"), *FIGURES.glob(f"{name}_*.png")]:
        with contextlib.suppress(OSError):  # somebody looks at it
            old.unlink()


def look_through_site(names: list[str]) -> bool:
    """Say whether pages and PDFs will open, if there is a site; whether all is well."""
    folder = site.found()
    if folder is None:
        print("No site here: unpack a release's nn-lecture.zip, or make -C docs html")
        return True
    wrong = site.problems(folder, chosen(names))
    for line in wrong:
        print(f"    {line}")
    counted = f"{len(site.pages(folder))} pages, {len(site.pdfs(folder))} PDFs"
    verdict = f"{len(wrong)} things are wrong" if wrong else "all is there"
    print(f"The site in {folder}: {counted}, {verdict}.")
    return not wrong


def chosen(names: list[str]) -> list[Lesson]:
    """These lessons; all of them, if none is named."""
    known = lessons()
    return [known[name] for name in names or known]


def records() -> list[dict]:
    lines = SEEDS.read_text().splitlines() if SEEDS.exists() else []
    where = f"{named(SEEDS)}, line"
    return [from_json(line, f"{where} {n}") for n, line in enumerate(lines, start=1)]


def seeds(names: list[str], count: int, data: str) -> None:
    """Append the numbers of seeds 0 ... count - 1, leaving out those already there."""
    for lesson in chosen(names):
        on = lesson.on(data)
        key = {"lesson": lesson.name, "data": "none"} | on | {"code": recipe(lesson)}
        known = [record["seed"] for record in of_seeds(key)]
        for seed in range(count):
            if seed in known:
                continue
            numbers, used, _ = measure(lesson, seed=seed, **on)
            record = key | {"seed": seed, "seconds": round(used["wall"], 1)} | numbers
            append(json.dumps(record))
        summary(key)


def of_seeds(key: dict) -> list[dict]:
    """The records of this code, each seed once: two may have measured it at the same
    time, and a merge may have kept both."""
    return [*{r["seed"]: r for r in records() if r.items() >= key.items()}.values()]


def append(line: str) -> None:
    """One line more in seeds.jsonl, in one write: several may append at once. It stands
    alone also if the last one has lost its end, in an editor; and what a full disk has
    taken of it is taken back."""
    with SEEDS.open("a+b", buffering=0) as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
        torn = file.read(1) not in (b"", b"\n")
        line = b"\n" * torn + line.encode() + b"\n"
        if (written := file.write(line)) < len(line):
            file.truncate(file.tell() - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(SEEDS))


def claims(names: list[str], count: int, data: str) -> None:
    """Does every claim hold over seeds 0 ... count - 1 with what is installed today?"""
    failed, broken, asked = False, False, 0
    for lesson in chosen(names):
        if data == "mnist" and not lesson.on(data):
            if names:  # all the others are asked, too
                print(f"{lesson.name:16}reads no MNIST: not asked", flush=True)
            continue
        asked += 1
        with several(2) as (threads, _):
            held = functools.partial(holds, lesson, data)
            found = list(threads.map(held, range(count)))
        lost = [str(seed) for seed, held in enumerate(found) if held is False]
        errors = [str(seed) for seed, held in enumerate(found) if held is None]
        failed, broken = failed or bool(lost), broken or bool(errors)
        said = f"not with {', '.join(lost)} " if lost else ""
        said += f"and no end with {', '.join(errors)}" if errors else ""
        held = f"{found.count(True)} of {count} seeds"
        print(f"{lesson.name:16}{data:8}holds with {held} {said}".rstrip(), flush=True)
    if failed:
        raise SystemExit("A claim did not hold.")
    if broken:
        raise SystemExit("Not every run came to its end: these claims were not tried.")
    if not asked:
        raise LessonError("none of these lessons reads MNIST: no claim was tried")


def holds(lesson: Lesson, data: str, seed: int) -> bool | None:
    """Whether its claim holds with this seed; None, and a word, if it ends in an error.
    LostError if its process was killed, or the like."""
    try:
        return bool(store.full(lesson, seed=seed, **lesson.on(data)).numbers["holds"])
    except LostError:
        raise
    except LessonError as error:
        print(f"seed {seed}: {error}", flush=True)
        return None


def summary(key: dict) -> None:
    found = of_seeds(key)
    print(f"\n{key['lesson']}, {key['data']}: {len(found)} seeds")
    print(f"  {'':32}{'lowest':>12}{'mean':>12}{'highest':>12}")
    for name in found[0]:
        if name not in (*key, "seed"):
            values = [record[name] for record in found]
            low, high = min(values), max(values)
            print(f"  {name:32}{low:12.4g}{mean(values):12.4g}{high:12.4g}")


def measure_table(names: list[str], count: int) -> None:
    """Run every lesson several times; write table.json, the pictures and the README."""
    known = read_json(KEPT) if KEPT.exists() else {}
    if {**known, "runs": 0} != machine() | {"runs": 0}:
        known = {}  # of another machine, or another torch
        if names:
            said = "table.json is of another machine or other versions"
            raise SystemExit(f"{said}: measure all lessons, not only {names[0]}")
    found = {"digits": {}, "mnist": {}}
    has_mnist = (Path(os.environ.get("NN_DATA", ROOT / "data")) / "MNIST").exists()
    pictures = {}
    asked = chosen(names)  # once: the text of each, whoever edits it meanwhile
    for _ in range(count):  # in turns, so that a busy minute meets all of them
        for data in ["digits", *["mnist"] * has_mnist]:
            for lesson in asked:
                if data == "digits" or lesson.on(data):
                    _, used, drawn = measure(lesson, **lesson.on(data))
                    found[data].setdefault(lesson.name, []).append(used)
                    if data == "digits":
                        pictures |= {PICTURES / name: drawn[name] for name in drawn}
                    print(f"{lesson.name:16}{data:8}{used['wall']:8.1f} s", flush=True)
    if known:  # what somebody else has measured meanwhile stays
        known = read_json(KEPT)
    runs = {data: known.get("runs", {}).get(data, {}) | found[data] for data in found}
    text = json.dumps(machine() | {"runs": runs}, indent=1) + "\n"
    write_all(pictures | {KEPT: text})
    render()


def machine() -> dict:
    """What the numbers were measured on."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, IndexError):
        found = re.findall(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        name = found[0]
    kept = {"processor": name, "cores": os.cpu_count()}
    return kept | {"python": platform.python_version(), "torch": version_of("torch")}


def used(lesson: Lesson, data: str) -> dict[str, float]:
    """Medians of table.json's runs of this lesson; on digits, if it takes no data."""
    runs = read_json(KEPT)["runs"]
    found = runs[data if lesson.on(data) else "digits"].get(lesson.name, [])
    names = found[0] if found else ()
    return {name: median(one[name] for one in found) for name in names}


def parameters(lesson: Lesson) -> int | None:
    """Those of the model that its teaching file names; None, if it names none."""
    model = lesson.model()
    return model and sum(parameter.numel() for parameter in model.parameters())


def lines(lesson: Lesson) -> int:
    return len(lesson.text.splitlines())


def tried(lesson: Lesson) -> dict[str, list[dict]]:
    """The records of this code's seeds, by data."""
    found = {}
    code = recipe(lesson)
    for data, said in {
        "none": "",
        "digits": " on digits",
        "mnist": " on MNIST",
    }.items():
        key = {"lesson": lesson.name, "data": data, "code": code}
        if here := of_seeds(key):
            found[said] = here
    return found


HEAD = "lesson", "parameters", "lines", "s, digits", "s, MNIST", "MB", "claim held"


def table() -> list[list[str]]:
    """The measured table, from the records beside this file: a row a lesson."""
    if not KEPT.exists():
        raise SystemExit("run `python -m benchmarks table` first")
    rows = []
    total = {"digits": 0.0, "mnist": 0.0}
    for lesson in lessons().values():
        held = [
            f"{sum(r['holds'] for r in found):.0f} of {len(found)} seeds{said}"
            for said, found in tried(lesson).items()
        ]
        here = {data: used(lesson, data) for data in total}
        for data in total:
            total[data] += here[data].get("wall", 0)
        times = [number(here[data].get("wall"), ".1f") for data in total]
        peak = max(one.get("peak", 0) for one in here.values()) or None
        size = number(parameters(lesson), ",")
        row = [f"`{lesson.file}`", size, str(lines(lesson)), *times]
        rows.append([*row, number(peak, ",.0f"), ", ".join(held) or "not tried yet"])
    together = [f"{seconds:.0f}" for seconds in total.values()]
    return [list(HEAD), *rows, ["together", "", "", *together, "", ""]]


def number(value: float | None, form: str) -> str:
    """Written in this form; a dash, if it is not measured."""
    return "-" if value is None else format(value, form)


def lesson_table() -> list[list[str]]:
    """The README's first table: what each lesson asks, claims and leaves open."""
    rows = [["lesson", "asks", "claims", "leaves open → answered by"]]
    for lesson in lessons().values():
        link, picture = f"[`{lesson.file}`]({lesson.file})", ""
        if (PICTURES / f"{lesson.name}.png").exists():
            picture = (
                f'<br><img src="docs/pictures/{lesson.name}.png" width="220" '
                f'alt="The picture of {lesson.name}.py">'
            )
        leaves = lesson.taught.get("leaves", "")
        rows.append([link + picture, lesson.ask, lesson.claim, leaves])
    return rows


def course() -> list[dict]:
    """The plan of a course: the lessons of each week, and what they build on. Those
    that name no week stand at its end."""
    weeks = {str(week): [] for week in range(1, WEEKS + 1)} | {"further": []}
    for lesson in lessons().values():
        week = str(lesson.taught.get("week", "further"))
        after = lesson.taught.get("after", [])
        entry = {"lesson": lesson.name, "title": lesson.title, "file": lesson.file}
        weeks[week].append(entry | {"after": after})
    nobody = {"lesson": "", "title": OPEN, "file": "", "after": []}
    for week in range(1, WEEKS + 1):
        if not weeks[str(week)]:
            weeks[str(week)].append(nobody)
    return [{"week": week} | entry for week, found in weeks.items() for entry in found]


def course_table() -> list[list[str]]:
    """The README's third table."""
    rows = [["week", "lesson", "builds on"]]
    for entry in course():
        title = entry["title"]
        if entry["lesson"]:
            title += f": [`{entry['file']}`]({entry['file']})"
        before = ", ".join(f"`{name}.py`" for name in entry["after"])
        rows.append([entry["week"], title, before or "-"])
    return rows


def markdown(rows: list[list[str]], marks: str) -> str:
    """A table; the marks stand below its head, and say where the cells stand."""
    head, *rest = [re.sub(" +", " ", f"| {' | '.join(row)} |") for row in rows]
    return "\n".join([head, marks, *rest])


def measured_on() -> str:
    """How table.json was measured, and on what."""
    known = read_json(KEPT)
    runs = min(len(found) for data in known["runs"].values() for found in data.values())
    return (
        "Seconds and MB (of the larger data) are those of a whole process, imports "
        f"included:\nmedians of {runs} runs on one machine ({known['processor']}, "
        f"{known['cores']} cores; Python {known['python']},\n"
        f"PyTorch {known['torch']}); yours will differ."
    )


def resources() -> list[list[str]]:
    """The site's table: what each lesson takes, on digits and on MNIST."""
    rows = []
    runs = read_json(KEPT)["runs"]
    for lesson in lessons().values():
        for data, said in {"digits": "digits", "mnist": "MNIST"}.items():
            if lesson.name in runs[data]:
                took = used(lesson, data)
                times = [f"{took[n]:.1f}" for n in ("wall", "cpu", "imports", "main")]
                size = number(parameters(lesson), ",")
                row = [lesson.name, said if lesson.on(data) else "", *times]
                rows.append([*row, f"{took['peak']:,.0f}", size, str(lines(lesson))])
    return rows


def claimed() -> list[list[str]]:
    """The site's table: what main returned, over all seeds tried."""
    rows = []
    for lesson in lessons().values():
        for said, found in tried(lesson).items():
            for name in found[0]:
                if name not in ("lesson", "data", "code", "seed", "seconds", "holds"):
                    values = [record[name] for record in found]
                    spread = stdev(values) if len(values) > 1 else math.nan
                    numbers = mean(values), spread, min(values), max(values)
                    rows.append([lesson.name + said, str(len(values)), name])
                    rows[-1] += [f"{number:.4g}" for number in numbers]
    return rows


def tables() -> dict:
    """What the site shows of all this, as tables.json holds it."""
    cluster = importlib.import_module("benchmarks.cluster")  # it imports a lesson
    return {
        "code": {name: recipe(lesson) for name, lesson in lessons().items()},
        "measured": table(),
        "resources": resources(),
        "claimed": claimed(),
        "course": course(),
        "cluster": cluster.known(),
    }


def readme_tables() -> dict[str, str]:
    """The README's three tables, each with the mark that it stands behind."""
    measured = markdown(table(), "|---|--:|--:|--:|--:|--:|---|")
    return {
        LESSONS_MARK: markdown(lesson_table(), "|---|---|---|---|"),
        COURSE_MARK: markdown(course_table(), "|--:|---|---|"),
        TABLE_MARK: f"{measured}\n\n{measured_on()}",
    }


def readme(text: str, parts: dict[str, str]) -> str:
    """The README with these tables."""
    for mark, part in parts.items():
        text = between(text, mark, part)
    return text


def between(text: str, mark: str, part: str) -> str:
    """The text, with this part between the mark and the next END."""
    head, found, rest = text.partition(mark)
    _, end, tail = rest.partition(END)
    if not found or not end:
        raise SystemExit(f"README.md has no {mark} ... {END}")
    return f"{head}{mark}\n{part}\n{end}{tail}"


def render() -> None:
    """Write what was measured into the README and into tables.json, for the site."""
    path, parts = ROOT / "README.md", readme_tables()
    site = json.dumps(tables(), indent=1, ensure_ascii=False) + "\n"
    # Last of all: somebody may have saved it in the half minute since.
    write_all({path: readme(read(path), parts), TABLES: site})


# What is measured by a module of its own, imported only then, as it imports lessons
APART = {
    "cluster": "Time a step of lightning.py for its page.",
    "mistakes": "Every mistake with five seeds: what it does to the numbers.",
    "race": "Side by side, in turns: the lessons and what people use instead.",
    "growth": "How time and memory grow with length, depth, batch and width.",
    "ablation": "cnn.py with each of its ingredients left out.",
    "floors": "How far the lessons are from what this machine could do.",
    "threads": "One thread or two, alone and beside a busy neighbour.",
}


def main() -> None:
    prog = {"prog": "python -m benchmarks", "allow_abbrev": False}
    cli = argparse.ArgumentParser(description=__doc__, **prog)
    commands = cli.add_subparsers(dest="command", required=True)
    command = commands.add_parser("evening", help=evening.__doc__)
    add_lessons(command)
    command.add_argument("--data", choices=["digits", "mnist"], default="digits")
    command = commands.add_parser("seeds", help=seeds.__doc__)
    add_lessons(command)
    command.add_argument("--count", type=positive, default=20)
    command.add_argument("--data", choices=["digits", "mnist"], default="digits")
    command = commands.add_parser("claims", help=claims.__doc__)
    add_lessons(command)
    command.add_argument("--count", type=positive, default=20)
    command.add_argument("--data", choices=["digits", "mnist"], default="digits")
    command = commands.add_parser("table", help=measure_table.__doc__)
    add_lessons(command)
    command.add_argument("--count", type=positive, default=5, help="of runs")
    command = commands.add_parser("render", help=render.__doc__)
    for name, about in APART.items():
        command = commands.add_parser(name, help=about)
        if name == "race":
            command.add_argument(
                "names", nargs="*", metavar="race", help="default: all"
            )
        if name == "mistakes":
            add_lessons(command)
        command.add_argument("--count", type=positive, help="of repetitions")
    given = vars(cli.parse_args())
    name = given.pop("command")
    if "names" in given and name != "race":
        known = lessons()
        unknown = set(given["names"]) - set(known)
        if unknown:
            cli.error(f"no lesson {', '.join(unknown)}; there are {', '.join(known)}")
    act = {
        "evening": evening,
        "seeds": seeds,
        "claims": claims,
        "table": measure_table,
        "render": render,
    }
    if name in APART:
        given = {key: value for key, value in given.items() if value}
        act[name] = importlib.import_module(f"benchmarks.{name}").measure
    act[name](**given)


def add_lessons(command: argparse.ArgumentParser) -> None:
    command.add_argument("names", nargs="*", metavar="lesson", help="default: all")


if __name__ == "__main__":
    sys.exit(end("python -m benchmarks", main))
