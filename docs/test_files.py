"""The site, read as files, in seconds: pytest docs/test_files.py.

NN_PAGES=cnn restricts it to the page and the deck of this lesson, as in test_docs.py.
NN_MISTAKES=cnn says that the site is a draft, with the wrong runs of this lesson alone.
"""

import functools
import json
import re
import sys
import tomllib
import zipfile
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse

import matplotlib.pyplot as plt
import nbformat
import pytest
from bs4 import BeautifulSoup
from nbclient import NotebookClient

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import lessons as site  # noqa: E402
from lessons import race_rows, with_mistakes  # noqa: E402
from pages import (  # noqa: E402
    DECKS,
    GALLERY,
    LESSONS,
    NAMED,
    PAGES,
    SITE,
    ZIP,
    outside,
    whole_site,
)

from mistakes import __main__ as mistakes  # noqa: E402
from tools import catalogue  # noqa: E402

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
        if file.suffix == ".pdf" and not ZIP.exists():  # of the decks; bundle.py's
            continue
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
def test_the_front_page_has_a_card_of_the_lesson(lesson):
    links = read("index.html").select(f".sd-card a[href='gallery/{lesson}.html']")
    (card,) = [link.find_parent(class_="sd-card") for link in links]
    known = json.loads((GALLERY / f"{lesson}.json").read_text(encoding="utf-8"))
    said = " ".join(card.get_text().split())
    assert known["ask"] in said and " ".join(known["claim"].split()) in said
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
    for skipped in ("import torch\n", "def figure(", "def load_digits", "tyro"):
        assert not any(skipped in one for one in open_code)
    assert not any(fold.has_attr("open") for fold in folded)
    assert all(fold.select_one(".sd-summary-content").get_text() for fold in folded)
    mistakes = mistakes_of(lesson)
    assert len(mistakes) >= 5
    assert len(page.select("#mistakes section")) == len(mistakes)
    assert len(page.select("#mistakes .highlight-diff")) == len(mistakes)
    said = page.select_one("#mistakes").get_text()
    assert said.count("It ends with: ") == len(mistakes)
    links = [
        one["href"] for one in page.find_all("a") if "Open in Colab" in one.get_text()
    ]
    if "__file__" in LESSONS[lesson].text:  # it starts processes that read its file
        assert not links
        return
    (colab,) = links
    start = "https://colab.research.google.com/github/"
    assert colab.startswith(start)
    assert colab.endswith(f"/blob/gh-pages/notebooks/{lesson}.ipynb")
    assert len(colab.removeprefix(start).partition("/blob/")[0].split("/")) == 2


def test_no_picture_is_transparent_and_lost_in_the_dark():
    pictures = [*SITE.glob("_images/*.png"), *SITE.glob("pictures/*.png")]
    pictures = [path for path in pictures if "_thumb" not in path.name]
    wrong = [name for name in LESSONS if name in with_mistakes()]  # all, but in a draft
    several = len(LESSONS) + sum(len(mistakes_of(lesson)) for lesson in wrong)
    others = 0 if NAMED else 5  # a site of one lesson alone has fewer of other pages
    assert len(pictures) >= several + others  # of 7 lessons, each with 7 mistakes: 61
    for path in pictures:
        picture = plt.imread(path)
        assert picture.shape[2] == 3 or picture[..., 3].min() == 1, path


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
    lesson = LESSONS["cnn"]
    entry = {"right": "a", "wrong": "b"}
    kept = {"": measured_over_seeds([0.8, 0.85, 0.9], catalogue.recipe(lesson))}
    code = mistakes.code(lesson, entry)
    kept["lower"] = measured_over_seeds([0.5, 0.6123, 0.79], code)
    kept["touches"] = measured_over_seeds([0.5, 0.6, 0.8], code)
    kept["of_another_time"] = measured_over_seeds([0.5, 0.6, 0.7], "0" * 12)
    monkeypatch.setattr(site, "OVER_SEEDS", tmp_path / "mistakes.json")
    site.OVER_SEEDS.write_text(json.dumps({"cnn": kept}))
    found = site.over_seeds("cnn", "lower", entry)
    assert found["rows"] == [["share", "0.85 (0.8 to 0.9)", "0.612 (0.5 to 0.79)"]]
    assert (found["alike"], found["held"]) == (1, 4)
    assert site.over_seeds("cnn", "touches", entry)["rows"] == []
    assert site.over_seeds("cnn", "of_another_time", entry) is None
    assert site.over_seeds("cnn", "never_measured", entry) is None
    assert site.over_seeds("cnn", "lower", entry | {"wrong": "c"}) is None
    assert site.over_seeds("rnn", "lower", entry) is None
    assert site.spread(0.33333, 0.33333, 0.33333) == "0.333"


def test_a_draft_makes_the_wrong_runs_of_the_named_lessons_alone(monkeypatch):
    monkeypatch.delenv("NN_MISTAKES", raising=False)
    everything = with_mistakes()
    assert set(LESSONS) <= set(everything)
    monkeypatch.setenv("NN_MISTAKES", f"{everything[1]},{everything[0]}")
    assert with_mistakes() == everything[:2]
    monkeypatch.setenv("NN_MISTAKES", "")
    assert with_mistakes() == []


# What is taken home


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
    script = SITE / "lessons" / f"{lesson}.py"
    assert script.read_bytes() == LESSONS[lesson].path.read_bytes()
    notebook = nbformat.read(SITE / "notebooks" / f"{lesson}.ipynb", as_version=4)
    cells = "\n".join(cell.source for cell in notebook.cells)
    assert "def main(" in cells and "__main__" in cells
    for ending in ("png", "svg"):
        assert list((SITE / "pictures").glob(f"{lesson}_*.{ending}"))


@whole_site
@needs_zip
def test_the_zip_holds_the_site_and_a_pdf_of_each_deck():
    with zipfile.ZipFile(ZIP) as archive:
        names = {name.removeprefix("nn-lecture/") for name in archive.namelist()}
        for lesson in LESSONS:
            for kind in ("", "-notes"):
                pdf = archive.read(f"nn-lecture/slides/{lesson}{kind}.pdf")
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
