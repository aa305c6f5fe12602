"""The site, read as files, in seconds: pytest docs/test_files.py.

NN_PAGES=cnn restricts it to the page and the deck of this lesson, as in test_docs.py.
NN_MISTAKES=cnn says that the site was built with the runs of this lesson's mistakes.
"""

import ast
import contextlib
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import unicodedata
import zipfile
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urldefrag, urlparse

import jinja2
import matplotlib.pyplot as plt
import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from nbclient import NotebookClient
from pypdf import PdfReader
from sphinx.errors import ExtensionError

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import bundle  # noqa: E402
import lessons  # noqa: E402
import paper  # noqa: E402
from chromium import at_hand  # noqa: E402
from lessons import race_rows, with_mistakes  # noqa: E402
from pages import (  # noqa: E402
    DECKS,
    GALLERY,
    LESSONS,
    PAGES,
    SITE,
    ZIP,
    outside,
    whole_site,
)

from docs.play import export as weights  # noqa: E402
from mistakes import __main__ as mistakes  # noqa: E402
from tools import catalogue, runner, store  # noqa: E402
from tools.runner import LostError, Run, RunError  # noqa: E402

needs_pdfs = pytest.mark.skipif(not at_hand(), reason="no Chromium prints PDFs")
needs_zip = pytest.mark.skipif(not ZIP.exists(), reason="first: make -C docs zip")
FETCHED = {  # what a browser fetches by itself, and the attribute that says from where
    "link": "href",
    "script": "src",
    "img": "src",
    "source": "src",
    "iframe": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
    "object": "data",
}
IN_STYLE = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")


@functools.cache
def read(name: str) -> BeautifulSoup:
    return BeautifulSoup((SITE / name).read_text(encoding="utf-8"), "html.parser")


@functools.cache
def places(name: str) -> set[str]:
    """What a link to this page can point at."""
    return {element["id"] for element in read(name).find_all(id=True)}


def file_of(name: str, url: str) -> Path:
    """The file that this address means on this page."""
    path = unquote(urlparse(url).path)
    folder = SITE if path.startswith("/") else (SITE / name).parent
    file = (folder / path.lstrip("/")).resolve() if path else SITE / name
    return file / "index.html" if file.is_dir() else file


def fetched(name: str) -> list[str]:
    """Every address that the browser asks for to show this page."""
    page, urls = read(name), []
    for tag, attribute in FETCHED.items():
        urls += [one[attribute] for one in page.find_all(tag) if one.get(attribute)]
    for one in page.find_all(srcset=True):
        urls += [part.split()[0] for part in one["srcset"].split(",") if part.strip()]
    styles = [one.get_text() for one in page.find_all("style")]
    styles += [one["style"] for one in page.find_all(style=True)]
    for style in styles:
        urls += in_style(style)
    return [url for url in urls if not url.startswith("data:")]


def in_style(text: str) -> list[str]:
    """The addresses in a style sheet."""
    text = re.sub(r"(?s)/\*.*?\*/", "", text)
    urls = [one or other for one, other in IN_STYLE.findall(text)]
    return [url for url in urls if not url.startswith(("data:", "#"))]


def mistakes_of(lesson: str) -> list[str]:
    """Their names, in mistakes/<lesson>.toml."""
    found = tomllib.loads(LESSONS[lesson].mistakes.read_text(encoding="utf-8"))
    return [name for name in found if name != "blank"]


def without_ends(text: str) -> list[str]:
    """The lines of a text, without spaces at their ends, which a page does not keep."""
    return [line.rstrip() for line in text.strip().splitlines()]


# Every page and every deck


@pytest.mark.parametrize("name", PAGES)
def test_a_page_needs_no_other_host_and_all_it_needs_is_there(name):
    assert read(name).title.get_text().strip()
    urls = fetched(name)
    assert outside(urls) == []
    assert [url for url in urls if not file_of(name, url).exists()] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_forbids_its_browser_to_ask_another_host(name):
    (policy,) = read(name).find_all("meta", {"http-equiv": "Content-Security-Policy"})
    asks = read(name).find(["script", "link", "style", "img"])
    assert asks is None or policy in asks.find_all_previous("meta"), "it comes too late"
    allowed = {}
    for directive in policy["content"].split("; "):
        kind, *sources = directive.split()
        allowed[kind] = {*sources}
    inline = allowed["default-src"] - {"'unsafe-inline'"}
    assert inline == {"'self'", "file:"}  # also for frames, and for what scripts fetch
    for kind in ("img-src", "font-src"):
        assert allowed[kind] <= inline | {"data:"}
    assert allowed["object-src"] == allowed["base-uri"] == {"'none'"}
    assert allowed["form-action"] == inline
    assert len(allowed) == 6


def test_no_style_sheet_needs_another_host():
    sheets = {
        file_of(name, one["href"])
        for name in PAGES
        for one in read(name).find_all("link", rel="stylesheet")
    }
    assert len(sheets) >= 3
    for sheet in sheets:
        assert outside(in_style(sheet.read_text(encoding="utf-8"))) == [], sheet


@pytest.mark.parametrize("name", PAGES)
def test_every_link_inside_the_site_leads_somewhere(name):
    links = [one["href"] for one in read(name).find_all("a", href=True)]
    links = [url for url in links if not urlparse(url).scheme and not outside([url])]
    assert links or name in DECKS
    for link in links:
        path, fragment = urldefrag(link)
        file = file_of(name, path)
        assert file.exists(), link
        if not fragment or file.suffix != ".html" or name in DECKS:  # its own slides
            continue
        assert unquote(fragment) in places(file.relative_to(SITE).as_posix()), link


@pytest.mark.parametrize("name", PAGES)
def test_every_picture_says_in_words_what_it_shows(name):
    pictures = read(name).find_all("img")
    assert [one["src"] for one in pictures if len(one.get("alt", "")) < 30] == []


# The site


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_front_page_has_a_card_of_the_lesson_that_does_not_give_it_away(lesson):
    links = read("index.html").select(f".sd-card a[href='gallery/{lesson}.html']")
    (card,) = [link.find_parent(class_="sd-card") for link in links]
    known = json.loads((GALLERY / f"{lesson}.json").read_text(encoding="utf-8"))
    said = " ".join(card.get_text().split())
    assert known["ask"] in said
    for sentence in re.split(r"(?<=\.) ", " ".join(known["claim"].split())):
        assert sentence not in said
    assert plt.imread(file_of("index.html", card.img["src"])).shape[1] > 300


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_page_is_whole(lesson):
    """In the reader's order: the answers folded, the idea drawn, all that came out."""
    name = f"gallery/{lesson}.html"
    page = read(name)
    known = json.loads((GALLERY / f"{lesson}.json").read_text(encoding="utf-8"))
    printed = page.select(".sphx-glr-script-out")[-1].get_text()
    assert "In this run the claim holds." in printed
    assert without_ends(known["printed"]) == without_ends(printed)
    heads = [one.get_text().rstrip("#") for one in page.select("h2")]
    order = ["Predict before you run", "The idea", "Play with it", "The lesson"]
    order += ["Real handwritten digits", "The command line", "What it prints"]
    order += ["The picture of this run", "The pictures of this run", "The claim"]
    order += ["With pencil and paper", "Mistakes", "How it connects", "References"]
    assert [head for head in heads if head in order] == [
        head for head in order if head in heads
    ]
    assert len({*order} - {*heads}) <= 3  # one or several pictures; no loader, no play
    idea = page.select_one("#the-idea")
    assert len(idea.select("svg [class~=nn-step], svg .nn-step")) >= 3
    assert idea.select_one("svg title") and idea.select_one("figcaption").get_text()
    assert idea.select_one("math")
    claim = " ".join(page.select_one("#the-claim").get_text().split())
    held = r"it held with \d+ of \d+ seeds( on digits, \d+ of \d+ seeds on MNIST)?\."
    assert re.search(held, claim), claim
    shown = page.select("#the-picture-of-this-run img, #the-pictures-of-this-run img")
    assert len(shown) == len(known["pictures"]) > 0
    for picture, kept in zip(shown, known["pictures"], strict=True):
        file = file_of(name, picture["src"])
        assert file.read_bytes() == (SITE / "pictures" / f"{kept}.png").read_bytes()
    folded = page.select("details.sd-dropdown")
    answers = page.select("details.nn-answer")
    assert len(answers) == 4 + 3  # predictions and the claim; exercises on paper
    for head in ("Imports and constants", "tyro.cli"):  # what may be skipped is folded
        assert any(head in fold.get_text() for fold in folded if fold not in answers)
    open_code = [
        one.get_text()
        for one in page.select(".highlight-Python")
        if not one.find_parent("details")
    ]
    assert open_code and "def claim_holds" in " ".join(open_code)
    assert not page.select(".highlight-default")  # a formula in the colours of Python
    command = idea.select_one(".field-list")  # behind the sentence that announces it
    assert command in idea.select_one("figure").find_all_previous(class_="field-list")
    for skipped in ("import torch\n", "def figure(", "def load_digits", "tyro"):
        assert not any(skipped in one for one in open_code)
    assert not any(fold.has_attr("open") for fold in folded)
    assert all(fold.select_one(".sd-summary-content").get_text() for fold in folded)
    mistakes = mistakes_of(lesson)
    assert len(mistakes) >= 5
    assert len(page.select("#mistakes section")) == len(mistakes)
    assert len(page.select("#mistakes .highlight-diff")) == len(mistakes)
    taught = tomllib.loads(LESSONS[lesson].teach.read_text(encoding="utf-8"))
    rows = page.select("#mistakes td:first-child")  # of its tables of numbers
    assert {row.get_text() for row in rows} <= {*taught["words"].values()}
    said = page.select_one("#mistakes").get_text()
    assert all(f"(Its name: {name}.)" in said for name in mistakes)
    ran = sum(bool(run) for run in runs_of(lesson))
    assert said.count("It ends with: ") == ran
    assert said.count("built without its run. To see it: ") == len(mistakes) - ran
    links = [
        one["href"] for one in page.find_all("a") if "Open in Colab" in one.get_text()
    ]
    alone = "__file__" in LESSONS[lesson].text  # its processes read its file
    if alone or not lessons.colab():
        assert links == []
    else:
        assert links == [f"{lessons.colab()}/{lesson}.ipynb"]


def test_colab_is_told_the_repository_and_nothing_if_there_is_none(monkeypatch):
    monkeypatch.setenv("GITHUB_REPOSITORY", "somebody/lessons")
    start = "https://colab.research.google.com/github"
    assert lessons.colab() == f"{start}/somebody/lessons/blob/gh-pages/notebooks"
    monkeypatch.delenv("GITHUB_REPOSITORY")
    for address in (
        "https://github.com/me/nn.git\n",
        "https://github.com/me/nn/",
        "git@github.com:me/nn.git",
        "ssh://git@github.com/me/nn",
    ):
        monkeypatch.setattr(lessons, "remote", lambda address=address: address)
        assert lessons.colab() == f"{start}/me/nn/blob/gh-pages/notebooks"
    for address in ("", "/work/main\n", "https://example.org/me/nn.git"):
        monkeypatch.setattr(lessons, "remote", lambda address=address: address)
        assert lessons.colab() == ""


@pytest.mark.parametrize("lesson", LESSONS)
@pytest.mark.parametrize("pdfs, colab", [(True, "https://colab"), (False, "")])
def test_a_page_links_only_to_what_is_made(monkeypatch, tmp_path, lesson, pdfs, colab):
    """PDFs where Chromium prints them; Colab where it can find the notebooks."""
    shutil.copy(GALLERY / f"{lesson}.json", tmp_path)
    monkeypatch.setattr(lessons, "GALLERY", tmp_path)
    monkeypatch.setattr(lessons, "with_mistakes", list)
    monkeypatch.setattr(lessons, "stored", lambda lesson, mistake: False)
    monkeypatch.setattr(lessons, "PLAYED_WITH", [])
    app = SimpleNamespace(
        config=SimpleNamespace(paper=pdfs, colab=colab),
        env=SimpleNamespace(note_dependency=lambda path: None),
    )
    gallery = (GALLERY / f"{lesson}.rst").read_text(encoding="utf-8")
    page = lessons.page(app, lesson, gallery)
    assert page.count(f"<../handouts/{lesson}.pdf>") == page.count(".pdf>") == pdfs
    alone = "__file__" in LESSONS[lesson].text
    assert page.count("Open in Colab") == bool(colab and not alone)
    assert page.count("OWNER") == 0
    index = Path(__file__).with_name("index.rst").read_text(encoding="utf-8")
    known = lessons.known(lesson) | {"title": "", "file": ""}
    index = jinja2.Template(index).render(pdfs=pdfs, lessons=[known], table=[])
    assert index.count(".pdf>") == 3 * pdfs


def test_no_picture_is_transparent_and_lost_in_the_dark():
    pictures = [*SITE.glob("_images/*.png"), *SITE.glob("pictures/*.png")]
    pictures = [path for path in pictures if "_thumb" not in path.name]
    for lesson in LESSONS:
        own = [path.stem for path in pictures if path.name.startswith(f"{lesson}_")]
        assert own, lesson
        if all(runs_of(lesson)):  # those that look different
            assert any(
                stem.startswith(f"{lesson}_{name}_")
                for stem in own
                for name in mistakes_of(lesson)
            ), lesson
    for path in pictures:
        picture = plt.imread(path)
        assert picture.shape[2] == 3 or picture[..., 3].min() == 1, path


@pytest.mark.parametrize("lesson", LESSONS)
def test_what_a_part_prints_stands_on_the_slide_behind_its_code(lesson):
    known = lessons.known(lesson)
    printed = lessons.between(known["printed"])
    _, _, *blocks = lessons.blocks(lesson)
    heads = [text.strip().splitlines()[0] for _, text, _ in blocks[::2]]
    code = dict(zip(heads, [code for _, code, _ in blocks[1::2]], strict=False))
    sections = read(f"slides/{lesson}.html").select("section > section")
    titles = [section.find(["h1", "h2"]).get_text() for section in sections]
    for set_as, written in (("\N{RIGHT SINGLE QUOTATION MARK}", "'"), ("\xa0", " ")):
        titles = [title.replace(set_as, written) for title in titles]
    shown = []  # behind which part, what
    for number, title in enumerate(titles):
        if title.startswith("What this prints"):
            before = [one for one in titles[:number] if "this prints" not in one][-1]
            shown.append((before, sections[number].get_text()))
    everything = "\n".join(code[head] for head in known["slide"] if head in code)
    words = [
        node.value.strip()
        for node in ast.walk(ast.parse(everything))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    for head, slide in known["slide"].items():
        for _ in range(slide.get("prints", 0)):
            first, paragraph = printed[0].splitlines()[0], printed.pop(0)
            assert any(one.startswith(head) and first in text for one, text in shown)
            assert any(len(one) > 3 and one in paragraph for one in words), head
    assert shown  # each lesson has an example to do by hand


@pytest.mark.parametrize("lesson", LESSONS)
def test_what_a_deck_lets_one_guess_at_is_a_whole_digit(lesson):
    taught = tomllib.loads(LESSONS[lesson].teach.read_text(encoding="utf-8"))
    if "guess" not in taught:
        assert f"{lesson}_guess" not in str(read(f"slides/{lesson}.html"))
        return
    second = read(f"slides/{lesson}.html").select(".slides > section section")[1]
    shown = second.select("img.guess")
    assert len(shown) == 1 and shown[0]["alt"] == taught["guess"]["alt"]
    piece = plt.imread(file_of(f"slides/{lesson}.html", shown[0]["src"]))[..., 0]
    assert piece.std() > 0.1
    for row in range(28):  # each of its 28 x 28 pixels is a square of one grey
        for column in range(28):
            y = int((row + 0.5) * piece.shape[0] / 28)
            x = int((column + 0.5) * piece.shape[1] / 28)
            square = piece[y - 4 : y + 5, x - 4 : x + 5]
            assert square.min() == square.max()


def test_a_missed_target_is_bold_and_further_columns_are_there():
    row = {"what": "slow", "threads": 1, "pairs": 3, "ours": 1234.5, "theirs": 0.123}
    rows = [
        row | {"ratio": [0.9, 0.9527, 1.2], "target": target}
        for target in (0.95, 1, None)
    ]
    rows[0]["errors"] = [0.25, 0.5]
    further, (missed, met, none) = race_rows(rows)
    assert further == ["error, ours; theirs"]
    same = ["slow", 1, 3, "1,234", "0.123", "0.900"]
    assert missed == [*same, "**0.953**", "1.2", "0.95", "0.25; 0.5"]
    assert met == [*same, "0.953", "1.2", "1", ""]
    assert none == [*same, "0.953", "1.2", "", ""]


def measured_over_seeds(share: list[float], code: str) -> dict:
    numbers = {"share": share, "steps": [1.0, 2.0, 3.0], "holds": [0.0, 1.0, 1.0]}
    return {"code": code, "seeds": 5, "ended": 5, "numbers": numbers, "holds": 4.0}


def test_of_a_mistake_s_numbers_those_are_shown_that_no_seed_explains(
    tmp_path, monkeypatch
):
    lesson = catalogue.lessons()["cnn"]
    entry = {"right": "a", "wrong": "b"}
    kept = {"": measured_over_seeds([0.8, 0.85, 0.9], catalogue.recipe(lesson))}
    code = mistakes.code(lesson, entry)
    kept["lower"] = measured_over_seeds([0.5, 0.6123, 0.79], code)
    kept["touches"] = measured_over_seeds([0.5, 0.6, 0.8], code)
    kept["of_fewer_seeds"] = kept["lower"] | {"seeds": 4}
    kept["of_another_time"] = measured_over_seeds([0.5, 0.6, 0.7], "0" * 12)
    monkeypatch.setattr(lessons, "OVER_SEEDS", tmp_path / "mistakes.json")
    lessons.OVER_SEEDS.write_text(json.dumps({"cnn": kept}))
    found = lessons.over_seeds("cnn", "lower", entry)
    assert found["rows"] == [["share", "0.85 (0.8 to 0.9)", "0.612 (0.5 to 0.79)"]]
    assert (found["alike"], found["held"]) == (1, 4)
    assert lessons.over_seeds("cnn", "touches", entry)["rows"] == []
    assert lessons.over_seeds("cnn", "of_another_time", entry) is None
    assert lessons.over_seeds("cnn", "of_fewer_seeds", entry) is None
    assert lessons.over_seeds("cnn", "never_measured", entry) is None
    assert lessons.over_seeds("cnn", "lower", entry | {"wrong": "c"}) is None
    assert lessons.over_seeds("rnn", "lower", entry) is None
    assert lessons.spread(0.33333, 0.33333, 0.33333) == "0.333"
    assert lessons.spread(3806.0, 3846.0, 5001.0) == "3,846 (3,806 to 5,001)"


@pytest.mark.parametrize("code", ["the same", "another", "unknown"])
def test_of_seeds_nothing_is_said_where_none_has_tried_this_code(
    tmp_path, monkeypatch, code
):
    lesson = catalogue.lessons()["backprop"]
    kept = json.loads(lessons.TABLES.read_text(encoding="utf-8"))
    assert kept["code"]["backprop"] == catalogue.recipe(lesson)
    if code == "another":
        kept["code"]["backprop"] = "0" * 12
    if code == "unknown":  # of a tables.json that is older
        del kept["code"]
    monkeypatch.setattr(lessons, "TABLES", tmp_path / "tables.json")
    lessons.TABLES.write_text(json.dumps(kept), encoding="utf-8")
    found = lessons.tables()
    (row,) = [row for row in found["measured"] if row[0] == "`more/backprop.py`"]
    numbers = [row[0] for row in found["claimed"] if row[0].startswith("backprop")]
    if code == "the same":
        assert "20 of 20 seeds" in row[-1] and row[-1] == lessons.held("backprop")
        assert {*numbers} == {"backprop on digits", "backprop on MNIST"}
    else:
        assert row[-1] == "not tried yet" and numbers == []
        assert lessons.held("backprop") == ""
    assert len(row) == len(kept["measured"][0])
    for other in ("claimed", "measured"):
        rows = [row for row in kept[other] if "backprop" not in row[0]]
        left = [row for row in found[other] if "backprop" not in row[0]]
        assert code == "unknown" or rows == left


def test_a_damaged_table_is_named_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(lessons, "TABLES", tmp_path / "tables.json")
    lessons.TABLES.write_text('{"measured": [')
    with pytest.raises(
        SystemExit, match=r"^No site is built: .*tables.json is damaged"
    ):
        lessons.tables()


def runs_of(lesson: str) -> list[str]:
    """Of its mistakes, what the page shows; "" for one that was not run for it."""
    known = lessons.runs_shown(GALLERY / f"{lesson}.json")
    return [run for mistake, run in known.items() if mistake]


def test_wrong_runs_are_made_of_the_named_lessons_alone(monkeypatch):
    for lesson in {*with_mistakes()} & {*LESSONS}:  # as the site was built
        assert all(runs_of(lesson)), lesson
    monkeypatch.delenv("NN_MISTAKES", raising=False)
    assert with_mistakes() == []
    everything = [*catalogue.lessons()]
    for said, named in [
        ("", []),
        ("all", everything),
        (f"{everything[1]}, {everything[0]}", everything[:2]),
    ]:
        monkeypatch.setenv("NN_MISTAKES", said)
        assert with_mistakes() == named
    monkeypatch.setenv("NN_MISTAKES", "nowhere")
    with pytest.raises(SystemExit, match="no lesson 'nowhere'; there are cnn,.*or all"):
        with_mistakes()


@pytest.mark.parametrize(
    "target, variables, said",
    [
        ("html", {}, ""),
        ("zip", {}, "all"),
        ("zip", {"NN_MISTAKES": "cnn"}, "cnn"),
    ],
)
def test_the_zip_asks_for_all_wrong_runs(tmp_path, target, variables, said):
    shutil.copy(Path(__file__).with_name("Makefile"), tmp_path)
    (tmp_path / "fake").write_text('#!/bin/sh\necho "$NN_MISTAKES" >> log\n')
    (tmp_path / "fake").chmod(0o755)
    own = {n: os.environ[n] for n in os.environ if n not in ("LESSON", "NN_MISTAKES")}
    command = ["make", target, "PYTHON=./fake"]
    subprocess.run(command, cwd=tmp_path, env=own | variables, check=True)
    assert {*(tmp_path / "log").read_text().splitlines()} == {said}


# What a build does, if something happens meanwhile


@pytest.fixture
def one(monkeypatch, tmp_path):
    """A copy of cnn.py, the only lesson of a site to build: its folder. No run takes
    time; each of `ends`, by its text, ends as it says."""
    path, ends = tmp_path / "cnn.py", {}
    shutil.copy(catalogue.lessons()["cnn"].path, path)

    def run(lesson, folder, text, show, **options):
        if text in ends:
            raise ends[text]
        return Run({"holds": 1.0}, "said", {"wall": 1.0}, folder)

    monkeypatch.setattr(runner, "run", run)
    monkeypatch.setattr(lessons, "LESSONS", {"cnn": catalogue.Lesson(path)})
    monkeypatch.setattr(lessons, "PLAYED", {})
    monkeypatch.setattr(lessons, "STAGE", tmp_path / "stage")
    monkeypatch.setattr(lessons, "GALLERY", tmp_path / "gallery")
    monkeypatch.setattr(lessons, "PICTURES", tmp_path / "gallery" / "pictures")
    lessons.GALLERY.mkdir()
    monkeypatch.setenv("NN_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("LESSON", raising=False)
    monkeypatch.setenv("NN_MISTAKES", "all")
    lessons.texts.cache_clear()
    yield SimpleNamespace(path=path, ends=ends)
    lessons.texts.cache_clear()


FAKE = """#!/bin/sh
# In place of Python: what a build starts, whether it finds trees, and the power cut
echo "$* $(ls -d _build/*trees gallery/*.md5 2> /dev/null | tr '\\n' ' ')" >> log
case "$*" in *"-b html"*) kind=trees ;; *revealjs*) kind=deck_trees ;; *) kind= ;; esac
if [ "$kind" ]; then mkdir -p gallery _build/$kind; touch gallery/cnn.py.md5; fi
if [ "$kind" ] && [ "$kind" = "$CUT" ]; then kill -9 0; fi
if [ "$kind" ] && [ "$kind" = "$REFUSED" ]; then exit 1; fi
exit 0
"""


@pytest.mark.parametrize("what", ["CUT", "REFUSED"])
@pytest.mark.parametrize("kind", ["trees", "deck_trees"])
def test_what_was_built_by_halves_is_built_anew(tmp_path, what, kind):
    """Sphinx keeps what it has read before it has written all that comes of it."""
    shutil.copy(Path(__file__).with_name("Makefile"), tmp_path)
    (tmp_path / "fake").write_text(FAKE)
    (tmp_path / "fake").chmod(0o755)

    def make(**variables):
        (tmp_path / "log").unlink(missing_ok=True)
        plain = {n: os.environ[n] for n in os.environ if n not in ("LESSON", "CUT")}
        code = subprocess.run(
            ["make", "html", "PYTHON=./fake"],
            cwd=tmp_path,
            env=plain | variables,
            start_new_session=True,  # `kill -9 0` is for all of it
            capture_output=True,
        ).returncode
        lines = (tmp_path / "log").read_text().splitlines()
        return code, lines[0].partition("_build/html ")[2].split()

    assert make(**{what: kind})[0] != 0
    assert make() == (0, [])
    whole = ["_build/deck_trees", "_build/trees", "gallery/cnn.py.md5"]
    assert make() == (0, whole)  # and what is whole is kept


@pytest.mark.parametrize("when", ["the runs", "the pages"])
def test_a_lesson_that_is_edited_during_a_build_gets_no_page_of_two_codes(one, when):
    def edit():
        one.path.write_text(one.path.read_text(encoding="utf-8") + "# edited\n")

    lessons.played("cnn")
    if when == "the runs":
        edit()
        with pytest.raises(SystemExit, match=r"cnn\.py was edited .* build it again$"):
            lessons.stage()
        return
    lessons.stage()
    edit()
    app = SimpleNamespace(builder=SimpleNamespace(name="html"))
    with pytest.raises(SystemExit, match=r"cnn\.py was edited .* build it again$"):
        lessons.copy_downloads(app, None)


def test_right_and_wrong_runs_of_a_build_are_of_one_text(one):
    """Minutes may lie between them, and an editor saves in a moment."""
    right = one.path.read_text(encoding="utf-8")
    mistake = next(name for name in lessons.texts("cnn") if name)
    one.path.write_text(right + "# edited\n", encoding="utf-8")
    found = lessons.played("cnn").folder
    assert found == store.place(lessons.LESSONS["cnn"], right)
    wrong = lessons.played("cnn", mistake).folder
    text = lessons.texts("cnn")[mistake]
    assert wrong == store.place(lessons.LESSONS["cnn"], text)
    assert "# edited" not in text


def test_a_wrong_run_that_was_killed_ends_the_build_and_is_no_symptom(one):
    texts = lessons.texts("cnn")
    mistake = [name for name in texts if name][-1]
    said = "cnn.py: its process ended with code -9"
    one.ends[texts[mistake]] = LostError(f"{said}\nmore")
    with pytest.raises(SystemExit, match=rf"^No site is built: {said}.*{mistake}.*$"):
        lessons.prepare(None)
    one.ends.clear()
    lessons.prepare(None)
    assert lessons.played("cnn", mistake).last == "said"


def test_a_wrong_run_that_ends_in_an_error_is_shown_as_long_as_it_does(one):
    mistake = next(name for name in lessons.texts("cnn") if name)
    text = lessons.texts("cnn")[mistake]
    one.ends[text] = RunError("cnn.py: ValueError: no\nmore")
    lessons.prepare(None)
    found = lessons.wrong_side("cnn", mistake, lessons.GALLERY)
    assert found["last"] == "cnn.py: ValueError: no"
    mark = lessons.GALLERY / "cnn.py.md5"

    def built_again():
        """Whether another build makes the page anew; it does what the gallery does."""
        lessons.PLAYED.clear()
        mark.touch()
        lessons.prepare(None)
        kept = mark.exists()
        lessons.show("cnn", {})
        return not kept

    assert built_again()  # there was no page
    assert not built_again()
    one.ends[text] = RunError("cnn.py: ValueError: another")
    assert built_again()
    one.ends.clear()
    assert built_again()
    assert not built_again()


@pytest.mark.parametrize("text", ["", '{"mark": "', "[]", "{}", '{"mark": "MARK"}'])
def test_weights_whose_note_is_damaged_are_exported_again(monkeypatch, tmp_path, text):
    lesson = SimpleNamespace(name="small", path=tmp_path / "small.py", module=str)
    lesson.path.write_text(
        "def export():\n    import torch\n    return {'w': torch.ones(2)}, 'told'\n"
    )
    monkeypatch.setattr(weights, "HERE", tmp_path)
    monkeypatch.setattr(weights, "BUILD", tmp_path / "play")
    assert weights.export(lesson) == "told"
    note = tmp_path / "play" / "small.json"
    whole = note.read_text()
    note.write_text(text.replace("MARK", json.loads(whole)["mark"]))
    assert weights.export(lesson) == "told"
    assert note.read_text() == whole


@pytest.mark.parametrize("text", ["", '{"run": "cnn', "[]"])
def test_what_a_build_that_was_stopped_left_of_a_page_is_made_anew(tmp_path, text):
    (tmp_path / "cnn.json").write_text(text)
    assert lessons.runs_shown(tmp_path / "cnn.json") is None


# What the search shows, and what is printed


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_search_has_the_text_of_the_page_and_of_its_sections(lesson):
    script = (SITE / "_static" / "texts.js").read_text(encoding="utf-8")
    texts = json.loads(script.removeprefix("const pageTexts = ").strip().rstrip(";"))
    text = BeautifulSoup(texts[f"gallery/{lesson}"], "html.parser")
    claim = json.loads((GALLERY / f"{lesson}.json").read_text(encoding="utf-8"))[
        "claim"
    ]
    assert claim in " ".join(
        text.select_one("[role=main] #the-claim").get_text().split()
    )
    assert "<svg" not in text.get_text()  # nobody searches for what draws
    changed = text.select_one("[role=main] #mistakes").get_text()
    right, *wrong = lessons.texts(lesson).values()
    for text in wrong:
        for line in lessons.difference(right, text):
            assert line in changed


def letters_of(path: Path) -> list[str]:
    """Letters and digits of each page: spaces and hyphens are the printer's."""
    texts = [page.extract_text() for page in PdfReader(path).pages]
    return [only_letters(text) for text in texts]


def only_letters(text: str) -> str:
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text))


def sizes(path: Path) -> list:
    """Width and height of each page, within a point."""
    pages = PdfReader(path).pages
    return [
        pytest.approx([float(n) for n in page.mediabox[2:]], abs=1) for page in pages
    ]


@needs_pdfs
@pytest.mark.parametrize("lesson", LESSONS)
def test_a_handout_is_whole_on_four_pages_and_its_answers_come_last(lesson):
    path = SITE / "handouts" / f"{lesson}.pdf"
    sides = sizes(path)
    assert 2 <= len(sides) <= 4 and all(size == [595, 842] for size in sides)
    known = lessons.known(lesson)
    foot = only_letters(f"of {len(sides)} · nn, CC BY 4.0")
    text = "".join(letters_of(path))
    assert text.count(foot) == len(sides)
    for number in range(len(sides)):  # the foot of a page may cut a sentence in two
        text = re.sub(
            f"{only_letters(LESSONS[lesson].title)}{number + 1}{foot}", "", text
        )
    order = [LESSONS[lesson].title, known["ask"]]
    order += [one["ask"] for one in known["question"]]
    order += ["The idea", known["caption"], *known["by_hand"]["parts"]]
    order += [known["printed"].strip().split("\n\n")[1], "The picture", known["claim"]]
    order += [one["ask"] for one in known["paper"]] + ["The answers"]
    order += [one["answer"] for one in known["question"] + known["paper"]]
    at = 0
    for words in order:
        words = only_letters(words.replace("``", "").replace("*", ""))
        assert words in text[at:], words
        at += text[at:].index(words) + len(words)
    assert text[at:] == ""  # behind the last answer stands nothing


@needs_pdfs
@pytest.mark.parametrize("lesson", LESSONS)
def test_a_slide_on_paper_keeps_its_margin_and_its_picture(lesson):
    """reveal.js moves each slide for printing, out of reach of a rule for screens."""
    lefts = []

    def look(text, transformation, matrix, font, size):
        if text.strip():
            lefts.append(transformation[0] * matrix[4] + transformation[4])

    drawn = 0
    for page in PdfReader(SITE / "slides" / f"{lesson}.pdf").pages:
        head = page.extract_text(visitor_text=look)
        if head.startswith("The picture"):
            assert len(page.images) == 1  # what is too high is moved off its page
            drawn += 1
    assert drawn == len(lessons.known(lesson)["pictures"])
    assert len(lefts) > 50 and min(lefts) >= 23  # points: the slide's number has 32 px


@needs_pdfs
@pytest.mark.parametrize("lesson", LESSONS)
def test_a_sheet_of_notes_has_two_slides_beside_what_is_said(lesson):
    slides = letters_of(SITE / "slides" / f"{lesson}.pdf")
    path = SITE / "slides" / f"{lesson}-notes.pdf"
    sheets = letters_of(path)
    assert all(size == [842, 595] for size in sizes(path))
    assert len(sheets) == (len(slides) + 1) // 2 > 5
    for number, slide in enumerate(slides):
        assert slide in sheets[number // 2]
    says = [one["say"] for one in lessons.known(lesson)["slide"].values()]
    said = [note for say in says for note in ([say] if isinstance(say, str) else say)]
    for note in said:
        note = only_letters(note.replace("``", "").replace("*", ""))
        assert any(note in sheet for sheet in sheets), note


def test_notes_for_more_slides_than_there_are_are_refused(monkeypatch):
    lesson = next(iter(LESSONS))
    known = lessons.known(lesson)
    said = {"minutes": 1, "say": ["Draw it.", "Draw it again."]}  # it is one slide
    known["slide"] = known["slide"] | {"diagram": said}
    monkeypatch.setattr(lessons, "known", lambda lesson: known)
    with pytest.raises(ExtensionError, match="diagram: say is one text, or 1, one for"):
        lessons.deck(lesson)


def test_a_handout_of_parts_that_the_lesson_has_not_is_refused(monkeypatch):
    lesson = next(iter(LESSONS))
    known = lessons.known(lesson) | {"by_hand": {"parts": ["No such"], "printed": 1}}
    monkeypatch.setattr(lessons, "known", lambda lesson: known)
    with pytest.raises(ValueError, match=f"{lesson}.toml: by_hand names no such parts"):
        paper.text(lesson)


def test_what_has_not_changed_is_not_printed_again(monkeypatch, tmp_path):
    picture, source = tmp_path / "a.png", tmp_path / "a.html"
    picture.write_text("old")
    source.write_text('<img src="a.png?v=1">')
    monkeypatch.setattr(paper, "SITE", tmp_path)
    monkeypatch.setattr(paper, "MADE", tmp_path)
    times = []

    def how(page, source, path):
        times.append(path.name)
        path.write_bytes(next(SITE.rglob("*.pdf")).read_bytes())

    for _ in range(2):
        paper.printed(None, source, "slides/a.pdf", how)
    assert times == ["a.pdf"]
    picture.write_text("new")
    paper.printed(None, source, "slides/a.pdf", how)
    (tmp_path / "slides" / "a.pdf").unlink()
    paper.printed(None, source, "slides/a.pdf", how)
    assert times == ["a.pdf"] * 3


def test_a_pdf_that_was_refused_or_torn_is_printed_again(monkeypatch, tmp_path):
    source = tmp_path / "a.html"
    monkeypatch.setattr(paper, "SITE", tmp_path)
    monkeypatch.setattr(paper, "MADE", tmp_path)
    whole = next(SITE.rglob("*.pdf")).read_bytes()

    def how(page, source, path):
        path.write_bytes(whole if source.read_text() == "short" else b"torn")
        if source.read_text() != "short":
            raise ValueError("more than 4 pages")

    for text in ("short", "long", "short"):
        source.write_text(text)
        with contextlib.suppress(ValueError):
            paper.printed(None, source, "slides/a.pdf", how)
    assert (tmp_path / "slides" / "a.pdf").read_bytes() == whole


def test_what_is_not_built_is_not_printed_but_named(monkeypatch, tmp_path):
    monkeypatch.setattr(paper, "at_hand", lambda: True)
    monkeypatch.setattr(paper, "SITE", tmp_path)
    monkeypatch.setattr(paper, "MADE", tmp_path / "paper")
    with pytest.raises(catalogue.LessonError, match="no page and deck of"):
        paper.main()
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("stopped", [KeyboardInterrupt, OSError, None])
def test_the_last_zip_stays_until_the_new_one_is_whole(monkeypatch, tmp_path, stopped):
    for name, value in (("SITE", tmp_path / "html"), ("BUILD", tmp_path)):
        monkeypatch.setattr(bundle, name, value)
    monkeypatch.setattr(bundle, "ZIP", tmp_path / "nn-lecture.zip")
    monkeypatch.setattr(bundle, "at_hand", lambda: True)
    monkeypatch.setattr(paper, "main", lambda: None)
    monkeypatch.setattr(bundle, "runs_shown", lambda path: {"": "cnn-1"})
    (tmp_path / "html").mkdir()
    front = "".join(f"gallery/{name}.html" for name in catalogue.lessons())
    (tmp_path / "html" / "index.html").write_text(front)
    bundle.ZIP.write_text("old")
    (tmp_path / "nn-lecture").write_text("in the way")
    pack = shutil.make_archive

    def broken_off(*words):
        made = pack(*words)
        Path(made).write_text("half")
        raise stopped

    if stopped:
        monkeypatch.setattr(bundle.shutil, "make_archive", broken_off)
        with pytest.raises(stopped):
            bundle.main()
        assert bundle.ZIP.read_text() == "old"
    else:
        bundle.main()
        with zipfile.ZipFile(bundle.ZIP) as archive:
            assert archive.read("nn-lecture/index.html").decode() == front
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"html", "nn-lecture", "nn-lecture.zip"}


@pytest.mark.parametrize(
    "site, said",
    [
        ("none", "no site is built"),
        ("of one lesson", "it is without .*attention, "),
        ("half", "its build did not come to its end"),
        (
            "without wrong runs",
            "not every .* run on the pages of cnn, attention;",
        ),
        ("whole", ""),
    ],
)
def test_half_a_site_or_one_lesson_alone_is_not_packed(
    monkeypatch, tmp_path, site, said
):
    names = [name for name in catalogue.lessons() if name != "attention"]
    for name, value in (("SITE", tmp_path / "html"), ("BUILD", tmp_path)):
        monkeypatch.setattr(bundle, name, value)
    monkeypatch.setattr(bundle, "ZIP", tmp_path / "nn-lecture.zip")
    monkeypatch.setattr(bundle, "at_hand", lambda: True)
    monkeypatch.setattr(paper, "main", lambda: None)
    runs = {"cnn": {"": "cnn-1", "no_relu": ""}, "attention": None}
    whole = {"": "one", "wrong": "another"}
    shown = runs if site == "without wrong runs" else {}
    monkeypatch.setattr(bundle, "runs_shown", lambda path: shown.get(path.stem, whole))
    bundle.ZIP.write_text("old")
    if site != "none":
        (tmp_path / "html").mkdir()
        named = {"of one lesson": ["cnn"]}.get(site, ["attention", *names])
        front = "".join(f"gallery/{name}.html" for name in named)
        (tmp_path / "html" / "index.html").write_text(front)
    if site == "half":
        (tmp_path / "unfinished").touch()
    if said:
        with pytest.raises(catalogue.LessonError, match=said):
            bundle.main()
        assert bundle.ZIP.read_text() == "old"
    else:
        bundle.main()
        assert zipfile.is_zipfile(bundle.ZIP)


def test_without_a_browser_no_pdf_is_made_and_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(paper, "at_hand", lambda: False)
    paper.main()
    assert "no PDFs, and no links to them" in capsys.readouterr().out


# What is taken home


def test_a_release_gets_the_zip_and_only_publishing_may_write():
    path = Path(__file__).parents[1] / ".github" / "workflows" / "docs.yml"
    flow = yaml.safe_load(path.read_text(encoding="utf-8"))
    asked = flow[True]  # YAML 1.1 reads the key `on` so
    assert asked["release"] == {"types": ["published"]}
    assert flow["permissions"] == {"contents": "read"}
    build, publish = flow["jobs"]["build"], flow["jobs"]["publish"]
    assert "permissions" not in build
    assert publish["permissions"] == {"contents": "write"}
    assert publish["needs"] == "build" and "pull_request" in publish["if"]
    said = [step.get("run", "") for step in build["steps"]]
    assert said.index("make -C docs zip") < said.index("pytest docs -n 2")
    (kept,) = [
        step["with"] for step in build["steps"] if "path" in step.get("with", {})
    ]
    assert "docs/_build/nn-lecture.zip" in kept["path"].split()
    assert kept["if-no-files-found"] == "error"
    (upload,) = [one for one in publish["steps"] if "gh release" in one.get("run", "")]
    assert upload["if"] == "github.event_name == 'release'"
    assert upload["run"].startswith(
        'gh release upload "$GITHUB_REF_NAME" nn-lecture.zip'
    )


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS)
def test_a_notebook_runs_top_to_bottom_in_a_bare_kernel(lesson, tmp_path):
    if "__file__" in LESSONS[lesson].text:
        pytest.skip("it starts processes that read its file, and says so")
    notebook = nbformat.read(SITE / "notebooks" / f"{lesson}.ipynb", as_version=4)
    done = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    printed = json.dumps(done.cells[-1].outputs)
    assert "In this run the claim" in printed and "image/png" in printed


@pytest.mark.parametrize("lesson", LESSONS)
def test_what_is_taken_home_is_the_lesson(lesson):
    """The script as it is; a notebook with its cells; its pictures, in both forms."""
    script = SITE / "lessons" / LESSONS[lesson].file
    assert script.read_bytes() == LESSONS[lesson].path.read_bytes()
    notebook = nbformat.read(SITE / "notebooks" / f"{lesson}.ipynb", as_version=4)
    cells = "\n".join(cell.source for cell in notebook.cells)
    assert "def main(" in cells and "__main__" in cells
    for ending in ("png", "svg"):
        assert list((SITE / "pictures").glob(f"{lesson}_*.{ending}"))


@whole_site
@needs_zip
def test_the_zip_holds_the_site_and_every_pdf():
    with zipfile.ZipFile(ZIP) as archive:
        names = {name.removeprefix("nn-lecture/") for name in archive.namelist()}
        for lesson in LESSONS:
            for kind in ("slides/{}", "slides/{}-notes", "handouts/{}"):
                pdf = archive.read(f"nn-lecture/{kind.format(lesson)}.pdf")
                assert pdf[:4] == b"%PDF"
    for lesson in LESSONS:
        assert f"notebooks/{lesson}.ipynb" in names
        for ending in ("png", "svg"):
            picture = re.compile(rf"pictures/{lesson}_\d+\.{ending}")
            assert any(picture.fullmatch(name) for name in names)
    files = [path for path in SITE.rglob("*") if path.is_file()]
    files = [path.relative_to(SITE) for path in files]
    hidden = [file for file in files if any(part[0] == "." for part in file.parts)]
    assert {file.as_posix() for file in files if file not in hidden} <= names
