"""What becomes of a lesson: the page around it, its deck, and its mistakes.

Nothing is trained here. What a lesson printed, drew and returned, right and with each
of its mistakes, comes from the store of runs (tools/store.py).
"""

import difflib
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import as_completed
from pathlib import Path
from typing import NoReturn

import compose
import jinja2
import lecture
import matplotlib.pyplot as plt
from sphinx.errors import ExtensionError
from sphinx_gallery.py_source_parser import split_code_and_text_blocks
from sphinx_gallery.scrapers import figure_rst

from docs.play.export import BUILD as WEIGHTS
from docs.play.export import export
from mistakes import __main__ as mistakes
from tools import catalogue, store
from tools.catalogue import ROOT, Lesson, LessonError
from tools.runner import LostError, Run, several
from tools.whole import read_json, write

HERE = Path(__file__).parent
BUILD = HERE / "_build"
STAGE = BUILD / "lessons"  # what the gallery reads: the lessons of every folder
GALLERY, PICTURES = HERE / "gallery", HERE / "gallery" / "pictures"
try:
    LESSONS = catalogue.lessons()
except catalogue.LessonError as damaged:
    sys.exit(f"No site is built: {damaged}")
WORKERS = 2  # runs at a time
FOR_OTHERS = {"order", "week", "after", "model"}  # docs/teach/ has them for others
TAUGHT = {"alt", "question", "references", "slide", "leaves", "caption", "formula"}
TAUGHT |= {"where", "paper", "by_hand", "words"}
MAY_BE_TAUGHT = {"guess"}  # a piece of the first picture, shown before anything is told
PLAYED_WITH = [path.stem for path in sorted(HERE.glob("play/*.html"))]


def no_site(why: object) -> NoReturn:
    """End the build with one line that says why, and of which lesson; no traceback."""
    sys.exit(f"No site is built: {why}")


def chosen() -> dict[str, Lesson]:
    """The lessons to build: all, or the one that the variable LESSON names."""
    name = os.environ.get("LESSON", "")
    if not name:
        return LESSONS
    if name not in LESSONS:
        no_site(f"no lesson {name!r}; there are {', '.join(LESSONS)}")
    return {name: LESSONS[name]}


def with_mistakes() -> list[str]:
    """The lessons whose wrong runs are made: those that the variable NN_MISTAKES names,
    as in NN_MISTAKES=cnn,rnn, or "all". What the store has is shown in any case."""
    asked = os.environ.get("NN_MISTAKES", "")
    if asked == "all":
        return [*LESSONS]
    named = [name.strip() for name in asked.split(",") if name.strip()]
    for name in named:
        if name not in LESSONS:
            known = ", ".join(LESSONS)
            no_site(f"NN_MISTAKES: no lesson {name!r}; there are {known}, or all")
    return [name for name in LESSONS if name in named]


def position(filename: str) -> int:
    return list(LESSONS).index(filename.removesuffix(".py"))


# Before the gallery: every run that the site shows, and its verdict

PLAYED = {}  # (lesson, mistake): its Run, or the error that it came to


@functools.cache
def texts(lesson: str) -> dict[str, str]:
    """What the file says with each mistake, under the mistake's name; first, under the
    empty one, without any. It is read once: whoever edits it does not part the two."""
    try:
        source, entries, _ = mistakes.read(lesson)
    except LessonError as error:  # of the lesson's file, or of its mistakes
        no_site(error)
    wrong = {name: mistakes.broken(source, entry) for name, entry in entries.items()}
    return {"": source} | wrong


def played(lesson: str, mistake: str = "") -> Run | LessonError:
    """The run of the lesson, right or with this mistake, from the store. If it was
    killed, or the like, no page can say how it ends: no site is built."""
    key = lesson, mistake
    if key not in PLAYED:
        try:
            PLAYED[key] = store.full(LESSONS[lesson], texts(lesson)[mistake])
        except LostError as error:
            where = f", with the mistake {mistake}" if mistake else ""
            no_site(f"{first_line(error)}{where}")
        except LessonError as error:
            PLAYED[key] = error
    return PLAYED[key]


def stored(lesson: str, mistake: str) -> bool:
    """Whether the store has this run already."""
    return store.has(LESSONS[lesson], texts(lesson)[mistake])


def play(jobs: list[tuple[str, str]]) -> None:
    """Make those of these runs that the store has not; say which, and how it goes."""
    missing = [job for job in jobs if not stored(*job)]
    print(f"  in the store: {len(jobs) - len(missing)} of {len(jobs)}", flush=True)
    with several(WORKERS) as (threads, _):
        futures = {threads.submit(played, *job): job for job in missing}
        for number, future in enumerate(as_completed(futures), start=1):
            lesson, mistake = futures[future]
            found = future.result()
            if isinstance(found, LessonError):
                said = first_line(found)
            else:
                said = f"{found.used['wall']:.1f} s"
            what = f"{LESSONS[lesson].file} {mistake}"
            print(f"  {number:3} of {len(missing)}  {what:40} {said}", flush=True)


def first_line(error: LessonError) -> str:
    return str(error).splitlines()[0]


def prepare(app) -> None:
    """Have every run of the site, see that the claims hold, stage the lessons."""
    wrong = [(name, one) for name in chosen() for one in texts(name) if one]
    print("Runs of the lessons, two at a time:", flush=True)
    play([(name, "") for name in chosen()])
    for name in chosen():
        refuse(name)
    print("Runs of their mistakes:", flush=True)
    play([job for job in wrong if made(*job)])
    if lacks := [job for job in wrong if not made(*job)]:
        print(f"  not made: {len(lacks)}; with NN_MISTAKES=all they are", flush=True)
    stage()
    print(f"Every claim holds. Pages of {', '.join(chosen())} ...", flush=True)


def refuse(lesson: str) -> None:
    """No site with a lesson that fails, or whose claim does not hold."""
    run = played(lesson)
    if isinstance(run, LessonError):
        no_site(first_line(run))
    if not run.numbers.get("holds"):
        file = LESSONS[lesson].file
        no_site(f"{file}: its claim does not hold. See python {file}")


def stage() -> None:
    """Copy the lessons of every folder into one, where the gallery looks for them.

    It goes by their text: an unchanged lesson keeps its page. One whose runs are others
    than its page shows, right or wrong, as with a newer torch, is made anew.
    """
    STAGE.mkdir(parents=True, exist_ok=True)
    files = [lesson.path for lesson in chosen().values()]
    files.append(HERE / "GALLERY_HEADER.rst")
    for old in STAGE.iterdir():
        if old.name not in [file.name for file in files]:
            old.unlink()
    for file in files:
        shutil.copy2(file, STAGE)
    for name in chosen():
        see_unedited(name, STAGE / f"{name}.py")
        if runs_shown(GALLERY / f"{name}.json") != runs(name):
            (GALLERY / f"{name}.py.md5").unlink(missing_ok=True)


def see_unedited(lesson: str, path: Path) -> None:
    """No site where code stands above what another code printed."""
    try:
        same = catalogue.read(path) == texts(lesson)[""]
    except LessonError:  # not even UTF-8 any more
        same = False
    if not same:
        file = LESSONS[lesson].file
        no_site(f"{file} was edited while its site was built; build it again")


def runs(lesson: str) -> dict[str, str]:
    """What its page shows: the name of its run, and of each mistake's, or how that
    ends; nothing of one that is not run for this site."""
    return {mistake: shown(lesson, mistake) for mistake in texts(lesson)}


def shown(lesson: str, mistake: str) -> str:
    if not made(lesson, mistake):
        return ""
    run = played(lesson, mistake)
    return first_line(run) if isinstance(run, LessonError) else run.folder.name


def runs_shown(path: Path) -> dict[str, str] | None:
    """The runs that this page shows; None, if there is none, or half of one."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))["runs"]
    except (OSError, ValueError, LookupError, TypeError):
        return None


def leave_out(app, config) -> None:
    """Pages that an earlier build left, of lessons that are not built now."""
    known = {"index", *chosen()}
    for path in sorted(GALLERY.glob("*.rst")):
        if path.stem not in known:
            config.exclude_patterns.append(f"gallery/{path.name}")


# While the gallery goes through a lesson


def pictures(block, block_vars, gallery_conf) -> str:
    """The gallery's scraper, which it calls after each cell of a lesson.

    After the cell that defines main, it puts the lesson's run in main's place. After
    the one that has called it, it hands over the run's pictures.
    """
    lesson = Path(block_vars["src_file"]).stem
    cell = block_vars["example_globals"]
    if "main" not in cell:
        return ""
    if not hasattr(cell["main"], "__wrapped__"):
        call = functools.partial(show, lesson, cell)
        cell["main"] = functools.wraps(cell["main"])(call)
        return ""
    if not cell.pop("__shown__", False):
        return ""
    places = []
    for path in played(lesson).pictures:
        places.append(block_vars["image_path_iterator"].next())
        shutil.copy(path, places[-1])
    return figure_rst(places, gallery_conf["src_dir"])


def show(lesson: str, cell: dict, **options) -> dict[str, float]:
    """In main's place: print what it printed; keep what is known of the run."""
    run = played(lesson)
    print(run.printed, end="")
    PICTURES.mkdir(exist_ok=True)
    for path in run.pictures:
        for ending in ("svg", "png"):
            to = PICTURES / f"{lesson}_{path.stem}.{ending}"
            shutil.copy(path.with_suffix(f".{ending}"), to)
    kept = {"ask": LESSONS[lesson].ask, "claim": LESSONS[lesson].claim}
    kept |= {"runs": runs(lesson), "seconds": run.used["wall"]}
    kept |= {"numbers": run.numbers, "printed": run.printed}
    kept["pictures"] = [f"{lesson}_{path.stem}" for path in run.pictures]
    write(GALLERY / f"{lesson}.json", json.dumps(kept))
    cell["__shown__"] = True
    return run.numbers


# What is known of a lesson afterwards


def known(lesson: str) -> dict:
    """What the run left, with the words of docs/teach/, its {names} filled in."""
    kept = json.loads((GALLERY / f"{lesson}.json").read_text(encoding="utf-8"))
    path = HERE / "teach" / f"{lesson}.toml"

    def filled(value):
        if isinstance(value, str):
            return " ".join(value.format(**kept["numbers"]).split())
        if isinstance(value, list):
            return [filled(item) for item in value]
        if isinstance(value, dict):
            return {name: filled(item) for name, item in value.items()}
        return value

    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        if not TAUGHT <= {*found} <= TAUGHT | MAY_BE_TAUGHT | FOR_OTHERS:
            raise ValueError(f"{', '.join(sorted(TAUGHT))}; not {[*found]}")
        taught = filled({name: found[name] for name in TAUGHT - {"formula"}})
        taught["guess"] = filled(found.get("guess"))
        taught["formula"] = compose.mathml(found["formula"])  # its braces are its own
        taught["leaves"] = taught["leaves"].replace("`", "``")
        taught["svg"] = LESSONS[lesson].diagram.read_text(encoding="utf-8").strip()
        if len(taught["alt"]) != len(kept["pictures"]):
            raise ValueError(f"alt: one for each of {kept['pictures']}")
        if len(taught["paper"]) != 3 or len(taught["question"]) != 3:
            raise ValueError("three questions and three exercises on paper")
        unsaid = ({*kept["numbers"]} - {"holds"}) ^ {*taught["words"]}
        if unsaid:
            raise ValueError(f"words: one for each number of main; {sorted(unsaid)}")
        asked = [*taught["question"], *taught["paper"]]
        for entry in [*taught["slide"].values(), *asked]:
            if {*entry} - {"prints"} not in ({"minutes", "say"}, {"ask", "answer"}):
                raise ValueError(f"minutes and say, or ask and answer; not {entry}")
            if not isinstance(entry.get("prints", 0), int):
                raise ValueError(f"prints: a number of paragraphs; not {entry}")
    except Exception as error:  # a typo in it must not look like a bug of the build
        raise ExtensionError(f"{path}: {error!r}") from None
    return {"lesson": lesson, **kept, **taught}


def render(template: str, **context) -> str:
    loader = jinja2.FileSystemLoader(HERE / "templates")
    options = {"trim_blocks": True, "lstrip_blocks": True}
    environment = jinja2.Environment(
        loader=loader, undefined=jinja2.StrictUndefined, **options
    )
    environment.globals["shortly"] = shortly
    return environment.get_template(template).render(context)


# The page: what the gallery wrote, and around it what is taught and what goes wrong


def complete(app, docname: str, source: list[str]) -> None:
    if docname == "index":
        read = [ROOT / "README.md", *(ROOT / "benchmarks").glob("*.json*")]
        read += [lesson.path for lesson in LESSONS.values()]  # which seeds count
        for path in [*read, *GALLERY.glob("*.json"), *HERE.glob("teach/*.toml")]:
            app.env.note_dependency(str(path))
        source[0] = jinja2.Template(source[0]).render(
            pdfs=app.config.paper,
            lessons=[
                known(name) | {"title": lesson.title, "file": lesson.file}
                for name, lesson in chosen().items()
            ],
            table=[
                [cell.replace("`", "``") for cell in row]
                for row in tables()["measured"]
            ],
            course=tables()["course"],
        )
    if docname == "gallery/index":
        source[0] = re.sub(
            r"sphx_glr_(\w+)_thumb.png\n    :alt:",
            lambda found: f"{found[0]} {known(found[1])['alt'][0]}",
            source[0],
        )
    if docname == "measured":
        read = [lesson.path for lesson in LESSONS.values()]  # which seeds count
        for path in [*read, *(ROOT / "benchmarks").glob("*.json*")]:
            app.env.note_dependency(str(path))
        options = {"trim_blocks": True, "lstrip_blocks": True}
        source[0] = jinja2.Template(source[0], **options).render(measured())
    if docname == "words":
        source[0] = jinja2.Template(source[0]).render(
            shapes=[{"name": name, "letters": letters(name)} for name in chosen()]
        )
    print(f"  {docname}", flush=True)
    folder, _, lesson = docname.partition("/")
    if folder == "gallery" and lesson in chosen():
        read = [LESSONS[lesson].mistakes, LESSONS[lesson].teach]
        read.append(LESSONS[lesson].diagram)
        read += [GALLERY / f"{lesson}.json", *HERE.glob("templates/*.rst")]
        for path in read:
            app.env.note_dependency(str(path))
        source[0] = page(app, lesson, source[0])


def letters(lesson: str) -> str:
    """What the lesson's :Shapes: say."""
    found = re.search(r"(?m)^:Shapes: (.+(?:\n    .+)*)", LESSONS[lesson].docstring)
    return " ".join(found[1].split())


def page(app, lesson: str, gallery: str) -> str:
    """The text of a lesson's page, from what the gallery wrote about it."""
    about = known(lesson) | {"play": None, "cluster": None}
    about |= {"colab": app.config.colab, "pdfs": app.config.paper}
    if lesson in PLAYED_WITH:
        html = (HERE / "play" / f"{lesson}.html").read_text(encoding="utf-8")
        about["play"] = {"html": html.strip(), "told": export(LESSONS[lesson])}
        for path in HERE.glob(f"play/{lesson}.*"):
            app.env.note_dependency(str(path))
    app.env.note_dependency(str(TABLES))
    app.env.note_dependency(str(OVER_SEEDS))
    if lesson == "cluster":
        about["cluster"] = tables()["cluster"]
    here = list(LESSONS).index(lesson)
    before = list(LESSONS)[here - 1] if here else ""
    about["before_it"] = f"/gallery/{before}" if before in chosen() else ""
    about["runs_as_notebook"] = "__file__" not in LESSONS[lesson].text
    about["held"] = held(lesson)
    found = compose.cut(gallery)
    found.imports = compose.code(found.imports, "   ")
    for part in found.parts:
        part.code = compose.code(part.code, "   " if part.folded else "")
    return render(
        "page.rst",
        **about,
        page=found,
        file=LESSONS[lesson].file,
        claims=lecture.sentences(about["claim"]),
        diagram=compose.diagram(about["svg"]),
        mistakes=both_sides(lesson),
    )


TABLES = ROOT / "benchmarks" / "tables.json"  # `python -m benchmarks render` writes it
OVER_SEEDS = ROOT / "benchmarks" / "mistakes.json"  # `python -m benchmarks mistakes`


recipe = functools.cache(catalogue.recipe)  # of the text that was read first


def tables() -> dict:
    """What the benchmarks found, as rows of tables; read, for nothing imports them. It
    says nothing of seeds that have tried another code than the lesson's is now."""
    if not TABLES.exists():
        no_site(f"no {TABLES}; first: python -m benchmarks render")
    try:
        found = read_json(TABLES)
    except LessonError as error:
        no_site(error)
    tried = found.get("code", {})
    other = [name for name, one in LESSONS.items() if tried.get(name) != recipe(one)]
    files = [f"`{LESSONS[name].file}`" for name in other]
    found["measured"] = [
        [*row[:-1], "not tried yet"] if row[0] in files else row
        for row in found["measured"]
    ]
    rows = found["claimed"]  # each begins with "cnn" or "cnn on digits"
    found["claimed"] = [row for row in rows if row[0].split()[0] not in other]
    return found


def held(lesson: str) -> str:
    """With how many seeds its claim held; nothing, if this code was not tried."""
    rows = {row[0].strip("`"): row[-1] for row in tables()["measured"]}
    found = rows.get(LESSONS[lesson].file, "")  # a new one has no row
    return found if "seeds" in found else ""


def measured() -> dict:
    """What the benchmarks kept, as rows of tables."""
    files = (ROOT / "benchmarks").glob("*.json")
    try:
        kept = {path.stem: read_json(path) for path in files}
    except LessonError as error:
        no_site(error)
    growth = [
        [row["step"], row["grows"], f"{row['sizes'][-1]:,}"]
        + [f"{row[which][n]:g}" for n in (0, 1) for which in ("expected", "fitted")]
        for row in kept.get("growth", {"rows": []})["rows"]
    ]
    races = {name: race_rows(one["rows"]) for name, one in kept.get("race", {}).items()}
    rows = {name: tables()[name] for name in ("resources", "claimed")}
    functions = {"ratio": ratio, "two_of_one": two_of_one}
    return rows | functions | {"growth": growth, "kept": kept, "more": races}


def two_of_one(rows: list[list], one: int) -> str:
    """Seconds with two threads over those with one, of all lessons: lowest and highest.

    Those with one stand in column `one` of threads.json's rows, the others beside it.
    """
    found = [row[one + 1] / row[one] for row in rows]
    return f"{min(found):.1f} to {max(found):.1f}"


def ratio(race: dict, what: str) -> str:
    """The median ratios of a row of a race, with one thread and with two."""
    found = [row["ratio"][1] for row in race["rows"] if row["what"] == what]
    return " and ".join(f"{one:.3g}" for one in found)


FURTHER = {  # columns that some races have
    "megabytes": "MB, ours; theirs",
    "errors": "error, ours; theirs",
    "training": "ratio, training",
    "accuracies": "test when ours ends, ours; theirs",
    "ended": "theirs, at its end",
}


def race_rows(rows: list[dict]) -> tuple[list[str], list[list[str]]]:
    """The further columns of a race, and all its rows; a missed target is bold."""
    further = {
        name: head for name, head in FURTHER.items() if any(name in row for row in rows)
    }
    table = []
    for row in rows:
        ours, theirs, *ratio = (
            f"{n:,.0f}" if n >= 100 else f"{n:.3g}" if n >= 1 else f"{n:.3f}"
            for n in (row["ours"], row["theirs"], *row["ratio"])
        )
        if row["target"] and row["ratio"][1] > row["target"]:
            ratio[1] = f"**{ratio[1]}**"
        target = f"{row['target']:g}" if row["target"] else ""
        values = [row.get(name, []) for name in further]
        more = [
            "; ".join(f"{n:.4g}" for n in (one if isinstance(one, list) else [one]))
            for one in values
        ]
        about = [row["what"], row["threads"], row["pairs"]]
        table.append([*about, ours, theirs, *ratio, target, *more])
    return [*further.values()], table


def blocks(lesson: str) -> list:
    return split_code_and_text_blocks(str(LESSONS[lesson].path))[1]


# The wrong picture beside the right one


def both_sides(lesson: str) -> list[dict]:
    folder = GALLERY / "mistakes"
    folder.mkdir(exist_ok=True)
    _, entries, _ = mistakes.read(lesson)
    right = texts(lesson)[""]
    sides = []
    for name, entry in entries.items():
        side = {"name": name, "difference": difference(right, texts(lesson)[name])}
        side["seeds"] = over_seeds(lesson, name, entry)
        sides.append(entry | side | wrong_side(lesson, name, folder))
    known = [Path(side["path"]).name for side in sides]
    for old in folder.glob(f"{lesson}_*"):
        if old.name not in known:
            old.unlink()
    return sides


def over_seeds(lesson: str, mistake: str, entry: dict) -> dict | None:
    """What the mistake does to the numbers, right and wrong over the same seeds.

    Only the numbers that part are named: all wrong ones are below all right ones, or
    above. None, if the lesson or the mistake is another one than was measured, or was
    measured with another number of seeds.
    """
    kept = json.loads(OVER_SEEDS.read_text(encoding="utf-8")).get(lesson, {})
    right, wrong = kept.get("", {}), kept.get(mistake, {})
    if right.get("code") != catalogue.recipe(LESSONS[lesson]):
        return None
    if wrong.get("code") != mistakes.code(LESSONS[lesson], entry):
        return None
    if wrong["seeds"] != right["seeds"]:
        return None
    rows, alike = [], 0
    for name, (low, middle, high) in wrong["numbers"].items():
        lowest, median, highest = right["numbers"][name]
        if name == "holds":
            continue
        if low > highest or high < lowest:
            cells = spread(lowest, median, highest), spread(low, middle, high)
            rows.append([name, *cells])
        else:
            alike += 1
    found = {"rows": rows, "alike": alike, "held": right["holds"]}
    return found | {"right": right, "wrong": wrong}


def shortly(number: float) -> str:
    """Three digits of it; from 1,000 to a million, all before the point."""
    return f"{number:,.0f}" if 999.5 <= abs(number) < 10**6 else f"{number:.3g}"


def spread(low: float, middle: float, high: float) -> str:
    """A median, and in brackets the lowest and the highest, if they differ."""
    low, middle, high = map(shortly, (low, middle, high))
    return middle if low == high else f"{middle} ({low} to {high})"


def wrong_side(lesson: str, mistake: str, folder: Path) -> dict:
    """What the run with this mistake left, its picture copied into the folder.

    The picture's name changes with the run, so that no page shows an older one.
    """
    nothing = {"numbers": {}, "drawn": False, "path": "", "same": False}
    nothing |= {"last": "", "made": made(lesson, mistake)}
    if not nothing["made"]:
        return nothing
    run = played(lesson, mistake)
    if isinstance(run, LessonError):
        return nothing | {"last": first_line(run)}
    key = run.folder.name.removeprefix(f"{lesson}-")
    path = folder / f"{lesson}_{mistake}_{key}.png"
    drawn = run.folder / "figures" / f"{lesson}.png"
    if drawn.exists():
        shutil.copy(drawn, path)
    found = {"last": run.last, "numbers": run.numbers, "drawn": drawn.exists()}
    found["same"] = drawn.exists() and drawn.read_bytes() == right_picture(lesson)
    return nothing | found | {"path": f"/gallery/mistakes/{path.name}"}


def made(lesson: str, mistake: str) -> bool:
    """Whether there is such a run for this site; it need not have all wrong ones."""
    return not mistake or lesson in with_mistakes() or stored(lesson, mistake)


def right_picture(lesson: str) -> bytes:
    return (played(lesson).folder / "figures" / f"{lesson}.png").read_bytes()


def difference(source: str, text: str) -> list[str]:
    """What changes, with two lines around it."""
    lines = difflib.unified_diff(
        source.splitlines(), text.splitlines(), "", "", "", "", 2
    )
    return ["..." if line[:2] == "@@" else line for line in [*lines][3:]]


# The deck


def write_decks(app) -> None:
    for lesson in chosen():
        path, text = HERE / "slides" / f"{lesson}.rst", deck(lesson)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def deck(lesson: str) -> str:
    """Slides for each part, but for imports, pictures, main, loader and guard. How much
    stands on each, lecture.py decides."""
    about = known(lesson)
    (_, text, _), (_, first, _), *parts = blocks(lesson)
    text = text.strip().splitlines()
    heads = [part[1].strip().splitlines()[0] for part in parts[::2]]
    cells = [part[1].strip("\n") for part in parts[1::2]]
    heads = heads[: heads.index("The lesson")]  # what follows may be skipped
    shown = {
        head: cell
        for head, cell in zip(heads, cells, strict=False)
        if not any(map(compose.draws, cell.splitlines()))
    }
    names = ["picture", *(f"picture {n}" for n in range(2, 9))]
    pictures = dict(zip(names, about["pictures"], strict=False))
    slides = [
        "ask",
        "predict",
        "idea",
        "diagram",
        *shown,
        "printed",
        *pictures,
        "answers",
        "claim",
    ]
    if [*about["slide"]] != slides:
        raise ExtensionError(f"docs/teach/{lesson}.toml: [slide] must be {slides}")
    outputs, rest = {}, between(about["printed"])  # of parts, behind their code
    for head in shown:
        many = about["slide"][head].get("prints", 0)
        outputs[head] = lecture.printed_slides(rest[:many])
        rest = rest[many:]
    asked = [name for name, one in about["slide"].items() if "prints" in one]
    if not {*asked} <= {*shown} or not rest:
        said = "prints: of headings with code, and something is left for printed"
        raise ExtensionError(f"docs/teach/{lesson}.toml: {said}")
    if about["guess"]:
        cut_out(about["pictures"][0], about["guess"]["box"], f"{lesson}_guess")
    code = {head: lecture.code_slides(lines) for head, lines in shown.items()}
    several = lecture.with_constants(code, first) | {
        "idea": lecture.ideas("\n".join(text[2:])),
        "printed": lecture.printed_slides(rest),
        "answers": about["question"],
        "claim": lecture.claims(about["claim"]),
    }
    notes, now = {}, 0
    planned = sum(slide["minutes"] for slide in about["slide"].values())
    for name, slide in about["slide"].items():
        now += slide["minutes"]
        time = f"{slide['minutes']:g} min, until {now:g} of {planned:g}."
        many = len(several.get(name, [name]))
        printed = len(outputs.get(name, []))  # behind these: what they print
        say = slide["say"] if isinstance(slide["say"], list) else [slide["say"]] * many
        if len(say) not in (many, many + printed):
            said = f"{name}: say is one text, or {many}, one for each of its slides"
            raise ExtensionError(f"docs/teach/{lesson}.toml: {said}")
        notes[name] = [f"{time} {say[0]}", *say[1:]]
    return render(
        "deck.rst",
        **about,
        title=text[0],
        diagram=compose.diagram(about["svg"], "fragment"),
        notes=notes,
        parts={head: several[head] for head in code},
        several=several,
        figures=pictures,
        alts=dict(zip(pictures, about["alt"], strict=True)),
        outputs=outputs,
    )


def between(printed: str) -> list[str]:
    """The paragraphs that a lesson prints between its question and its claim."""
    return printed.strip().split("\n\n")[1:-1]


def cut_out(picture: str, box: list[int], name: str) -> None:
    """A piece of a picture, as a picture; the box is left, top, right and bottom."""
    left, top, right, bottom = box
    pixels = plt.imread(PICTURES / f"{picture}.png")
    plt.imsave(PICTURES / f"{name}.png", pixels[top:bottom, left:right])


# What can be taken home


def colab() -> str:
    """The folder of Colab that has the notebooks: it reads the branch that the GitHub
    workflow publishes. Nothing, if this repository is not on GitHub."""
    name = os.environ.get("GITHUB_REPOSITORY") or on_github(remote())
    start = "https://colab.research.google.com/github"
    return f"{start}/{name}/blob/gh-pages/notebooks" if name else ""


def remote() -> str:
    """The address from which git has cloned this repository, if any."""
    if not shutil.which("git"):
        return ""
    command = ["git", "config", "--get", "remote.origin.url"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout


def on_github(address: str) -> str:
    """The owner/name in an address of GitHub; nothing, of another one."""
    found = re.search(
        r"github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$", address.strip()
    )
    return found[1] if found else ""


def copy_downloads(app, exception) -> None:
    if exception or app.builder.name != "html":
        return
    for name, lesson in chosen().items():
        see_unedited(name, lesson.path)
    names = [name for lesson in chosen() for name in known(lesson)["pictures"]]
    copied = {
        "notebooks": [GALLERY / f"{lesson}.ipynb" for lesson in chosen()],
        "pictures": [PICTURES / f"{n}.{end}" for n in names for end in ("png", "svg")],
    }
    copied["play"] = [HERE / "play" / "nn.js"]
    for lesson in {*PLAYED_WITH} & {*chosen()}:
        copied["play"].append(HERE / "play" / f"{lesson}.js")
        copied["play"].append(WEIGHTS / f"{lesson}.weights.js")
    for folder, files in copied.items():
        (app.outdir / folder).mkdir(exist_ok=True)
        for file in files:
            shutil.copy(file, app.outdir / folder)
    shutil.rmtree(app.outdir / "lessons", ignore_errors=True)
    for lesson in chosen().values():  # in more/, as the pages say: python more/gpt.py
        path = app.outdir / "lessons" / lesson.file
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(lesson.path, path)
