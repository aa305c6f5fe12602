"""What becomes of a lesson: the page around it, its deck, and its mistakes."""

import contextlib
import difflib
import functools
import hashlib
import io
import json
import re
import shutil
import tomllib
from pathlib import Path

import jinja2
import matplotlib.pyplot as plt
import torch
from sphinx.errors import ExtensionError
from sphinx_gallery.py_source_parser import split_code_and_text_blocks

from benchmarks import cluster
from benchmarks.__main__ import LESSONS, ROOT, claimed, resources, table
from mistakes import __main__ as mistakes
from mistakes.scratch import play, workers

HERE = Path(__file__).parent
BUILD = HERE / "_build"
GALLERY, PICTURES = HERE / "gallery", HERE / "gallery" / "pictures"
PLUMBING = {  # no slides
    "Real handwritten digits",
    "Nothing lost, nothing trusted blindly",
    "The verdict, the picture, the command line",
}
LINES = 20  # of a slide


def position(filename: str) -> int:
    return LESSONS.index(filename.removesuffix(".py"))


# While the gallery runs a lesson


def record(block, block_vars, gallery_conf) -> str:
    """Not a scraper, but called as one: between a lesson's cells, to wrap its main."""
    cell = block_vars["example_globals"]
    if "main" in cell and not hasattr(cell["main"], "__wrapped__"):
        lesson = Path(block_vars["src_file"]).stem
        call = functools.partial(keep, lesson, cell, cell["main"])
        cell["main"] = functools.wraps(cell["main"])(call)
    return ""


def keep(lesson: str, cell: dict, main, **options) -> dict[str, float]:
    """Call the lesson's main; keep what it prints, draws and returns."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        numbers = main(**options)
    print(printed.getvalue(), end="")
    PICTURES.mkdir(exist_ok=True)
    for number in plt.get_fignums():
        for ending in ("svg", "png"):
            plt.figure(number).savefig(PICTURES / f"{lesson}_{number}.{ending}")
    kept = {name.lower(): cell[name] for name in ("ASK", "CLAIM")}
    kept |= {"numbers": numbers, "printed": printed.getvalue()}
    kept["pictures"] = [f"{lesson}_{number}" for number in plt.get_fignums()]
    (GALLERY / f"{lesson}.json").write_text(json.dumps(kept), encoding="utf-8")
    return numbers


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
        taught = filled(tomllib.loads(path.read_text(encoding="utf-8")))
        if sorted(taught) != ["alt", "question", "references", "slide"]:
            raise ValueError(f"alt, question, references, slide; not {[*taught]}")
        if len(taught["alt"]) != len(kept["pictures"]):
            raise ValueError(f"alt: one for each of {kept['pictures']}")
        for entry in [*taught["slide"].values(), *taught["question"]]:
            if {*entry} not in ({"minutes", "say"}, {"ask", "answer"}):
                raise ValueError(f"minutes and say, or ask and answer; not {entry}")
    except Exception as error:  # a typo in it must not look like a bug of the build
        raise ExtensionError(f"{path}: {error!r}") from None
    return {"lesson": lesson, **kept, **taught}


def render(template: str, **context) -> str:
    loader = jinja2.FileSystemLoader(HERE / "templates")
    options = {"trim_blocks": True, "lstrip_blocks": True}
    environment = jinja2.Environment(
        loader=loader, undefined=jinja2.StrictUndefined, **options
    )
    return environment.get_template(template).render(context)


# The page: what the gallery wrote, and around it what is taught and what goes wrong


def complete(app, docname: str, source: list[str]) -> None:
    if docname == "index":
        read = [ROOT / "README.md", *(ROOT / "benchmarks").glob("*.json*")]
        for path in [*read, *GALLERY.glob("*.json"), *HERE.glob("teach/*.toml")]:
            app.env.note_dependency(str(path))
        rows = [row.split("|")[1:-1] for row in table().splitlines()]
        del rows[1]
        source[0] = jinja2.Template(source[0]).render(
            lessons=[known(lesson) | {"title": title(lesson)} for lesson in LESSONS],
            table=[[cell.replace("`", "``").strip() for cell in row] for row in rows],
        )
    if docname == "gallery/index":
        source[0] = re.sub(
            r"sphx_glr_(\w+)_thumb.png\n    :alt:",
            lambda found: f"{found[0]} {known(found[1])['alt'][0]}",
            source[0],
        )
    if docname == "measured":
        for path in (ROOT / "benchmarks").glob("*.json*"):
            app.env.note_dependency(str(path))
        options = {"trim_blocks": True, "lstrip_blocks": True}
        source[0] = jinja2.Template(source[0], **options).render(measured())
    folder, _, lesson = docname.partition("/")
    if folder == "gallery" and lesson in LESSONS:
        read = [ROOT / "mistakes" / f"{lesson}.toml", HERE / "teach" / f"{lesson}.toml"]
        read += [GALLERY / f"{lesson}.json", *HERE.glob("templates/*.rst")]
        for path in read:
            app.env.note_dependency(str(path))
        about = known(lesson) | {"colab": app.config.colab}
        about |= {"pad": None, "cluster": None}
        if lesson == "cnn":
            app.env.note_dependency(str(BUILD / "pad.json"))
            about["pad"] = json.loads((BUILD / "pad.json").read_text(encoding="utf-8"))
        if lesson == "lightning":
            app.env.note_dependency(str(cluster.STEPS))
            about["cluster"] = cluster.known()
        head, code, rest = source[0].partition(".. code-block:: Python")
        alts = iter(about["alt"])
        rest = re.sub(r":alt: .*", lambda _: f":alt: {next(alts)}", rest)
        before = render("before.rst", **about)
        after = render("after.rst", **about, mistakes=both_sides(lesson))
        source[0] = f"{head}\n{before}\n{code}{rest}\n{after}"


def measured() -> dict:
    """What the benchmarks kept, as rows of tables."""
    files = (ROOT / "benchmarks").glob("*.json")
    kept = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in files}
    growth = [
        [row["step"], row["grows"], f"{row['sizes'][-1]:,}"]
        + [f"{row[which][n]:g}" for n in (0, 1) for which in ("expected", "fitted")]
        for row in kept.get("growth", {"rows": []})["rows"]
    ]
    races = {name: race_rows(one["rows"]) for name, one in kept.get("race", {}).items()}
    tables = {"resources": resources(), "claimed": claimed(), "growth": growth}
    functions = {"ratio": ratio, "two_of_one": two_of_one}
    return tables | functions | {"kept": kept, "more": races}


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


def title(lesson: str) -> str:
    return blocks(lesson)[0][1].strip().splitlines()[0]


def blocks(lesson: str) -> list:
    return split_code_and_text_blocks(str(ROOT / f"{lesson}.py"))[1]


# The wrong picture beside the right one; drawn anew only if the wrong file is another


def both_sides(lesson: str) -> list[dict]:
    source, entries, _ = mistakes.read(lesson)
    folder = GALLERY / "mistakes"
    folder.mkdir(exist_ok=True)
    texts = {name: mistakes.broken(source, entry) for name, entry in entries.items()}
    style = (ROOT / "matplotlibrc").read_text(encoding="utf-8") + torch.__version__
    marks = {n: hashlib.sha256((t + style).encode()) for n, t in texts.items()}
    paths = {n: folder / f"{lesson}_{n}_{marks[n].hexdigest()[:12]}.png" for n in texts}
    missing = [name for name in texts if not paths[name].with_suffix(".json").exists()]
    for old in folder.glob(f"{lesson}_*"):
        if old.with_suffix(".png") not in paths.values():
            old.unlink()
    if missing:
        with workers(2) as (pool, scratch):
            jobs = [(scratch / name, lesson, texts[name]) for name in missing]
            played = pool.map_async(play, jobs, 1).get(900)
            for name, (numbers, last) in zip(missing, played, strict=True):
                drawn = scratch / name / "figures" / f"{lesson}.png"
                if drawn.exists():
                    shutil.copy(drawn, paths[name])
                kept = {"last": last, "drawn": drawn.exists(), "numbers": numbers}
                paths[name].with_suffix(".json").write_text(json.dumps(kept))
    return [
        entry
        | {"name": name, "path": f"/gallery/mistakes/{paths[name].name}"}
        | {"difference": difference(source, texts[name])}
        | json.loads(paths[name].with_suffix(".json").read_text())
        for name, entry in entries.items()
    ]


def difference(source: str, text: str) -> list[str]:
    """What changes, with two lines around it."""
    lines = difflib.unified_diff(
        source.splitlines(), text.splitlines(), "", "", "", "", 2
    )
    return ["..." if line[:2] == "@@" else line for line in [*lines][3:]]


# The deck


def write_decks(app) -> None:
    for lesson in LESSONS:
        path, text = HERE / "slides" / f"{lesson}.rst", deck(lesson)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def deck(lesson: str) -> str:
    """A slide for each part, but for imports, loader and guard."""
    about = known(lesson)
    (_, text, _), _, *parts = blocks(lesson)
    text = text.strip().splitlines()
    heads = [part[1].strip().splitlines()[0] for part in parts[::2]]
    cells = [part[1].strip("\n").splitlines() for part in parts[1::2]]
    shown = {h: c for h, c in zip(heads, cells, strict=True) if h not in PLUMBING}
    names = ["picture", *(f"picture {n}" for n in range(2, 9))]
    pictures = dict(zip(names, about["pictures"], strict=False))
    slides = [
        "ask",
        "predict",
        "idea",
        *shown,
        "printed",
        *pictures,
        "answers",
        "claim",
    ]
    if [*about["slide"]] != slides:
        raise ExtensionError(f"docs/teach/{lesson}.toml: [slide] must be {slides}")
    notes, now = {}, 0
    planned = sum(slide["minutes"] for slide in about["slide"].values())
    for name, slide in about["slide"].items():
        now += slide["minutes"]
        times = f"{slide['minutes']:g} min, until {now:g} of {planned:g}."
        notes[name] = f"{times} {slide['say']}"
    paragraphs = about["printed"].strip().split("\n\n")
    return render(
        "deck.rst",
        **about,
        title=text[0],
        idea="\n".join(text[2:]),
        notes=notes,
        parts={head: (size(lines), lines) for head, lines in shown.items()},
        figures=pictures,
        alts=dict(zip(pictures, about["alt"], strict=True)),
        printed_slides=[(size(lines), lines) for lines in pages(paragraphs[1:-1])],
    )


def pages(paragraphs: list[str]) -> list[list[str]]:
    """As many paragraphs on each slide as fit."""
    slides = [[]]
    for paragraph in paragraphs:
        lines = paragraph.splitlines()
        if slides[-1] and len(slides[-1]) + 1 + len(lines) > LINES:
            slides.append([])
        slides[-1] += ["", *lines] if slides[-1] else lines
    return slides


def size(lines: list[str]) -> int:
    """The largest type, in pixels, in which this code fits a slide; 23 always does."""
    fit = min(1240 / 0.602 / max(map(len, lines)), 560 / 1.2 / len(lines))
    return max(size for size in (23, 26, 29, 32) if size <= max(fit, 23))


# What can be taken home


def copy_downloads(app, exception) -> None:
    if exception or app.builder.name != "html":
        return
    for folder, files in {
        "notebooks": [GALLERY / f"{lesson}.ipynb" for lesson in LESSONS],
        "pictures": [path for path in PICTURES.iterdir()],
        "lessons": [ROOT / f"{lesson}.py" for lesson in LESSONS],
        "pad": [ROOT / "lab" / "pad.js", HERE / "draw.js", *(BUILD / "pad").iterdir()],
    }.items():
        (app.outdir / folder).mkdir(exist_ok=True)
        for file in files:
            shutil.copy(file, app.outdir / folder)
