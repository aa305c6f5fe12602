"""The site, the decks and nn-lecture.zip in a real browser: pytest docs."""

import json
import re
import sys
import zipfile
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse

import matplotlib.pyplot as plt
import nbformat
import pytest
from nbclient import NotebookClient

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

from bundle import BUILD, SITE  # noqa: E402
from lessons import race_rows  # noqa: E402

from benchmarks.__main__ import LESSONS  # noqa: E402

PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
PAGES = [name for name in PAGES if "_static" not in name]
DECKS = [f"slides/{lesson}.html" for lesson in LESSONS]
if not set(DECKS) <= set(PAGES):
    raise pytest.UsageError("no site to test; first: make -C docs zip")


def outside(urls: list[str]) -> list[str]:
    known = "", "127.0.0.1"
    return [url for url in urls if (urlparse(url).hostname or "") not in known]


# Every page and every deck


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_no_other_host_and_nothing_goes_wrong(page, base_url, name):
    page.goto(base_url + name, wait_until="networkidle")
    assert page.title()
    assert outside(page.asked) == []
    assert page.wrong == []


@pytest.mark.parametrize("name", PAGES)
def test_every_link_inside_the_site_leads_somewhere(page, base_url, name):
    page.goto(base_url + name)
    links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
    for link in links:
        if not link.startswith(base_url) or name in DECKS:  # a deck's are its slides
            continue
        path, fragment = urldefrag(link)
        file = SITE / unquote(urlparse(path).path).lstrip("/").partition("?")[0]
        file = file / "index.html" if file.is_dir() else file
        assert file.exists(), link
        if fragment and file.suffix == ".html":
            assert f'id="{unquote(fragment)}"' in file.read_text(encoding="utf-8"), link


@pytest.mark.parametrize("name", PAGES)
def test_every_picture_says_in_words_what_it_shows(page, base_url, name):
    page.goto(base_url + name)
    words = page.eval_on_selector_all("img", "all => all.map(i => [i.src, i.alt])")
    assert [source for source, alt in words if len(alt) < 30] == []


@pytest.mark.parametrize("name", [page for page in PAGES if page not in DECKS])
def test_a_page_fits_a_phone(page, base_url, name):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(base_url + name)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


# The site


def test_the_front_page_has_a_card_per_lesson_that_leads_to_it(page, base_url):
    for lesson in LESSONS:
        page.goto(base_url)
        card = page.locator(f".sd-card:has(a[href='gallery/{lesson}.html'])")
        known = json.loads(
            Path(__file__)
            .with_name("gallery")
            .joinpath(f"{lesson}.json")
            .read_text(encoding="utf-8")
        )
        assert known["ask"] in card.inner_text()
        assert card.locator("img").evaluate("image => image.naturalWidth") > 0
        card.click()
        page.wait_for_url(f"**/gallery/{lesson}.html")


def test_search_finds_softmax(page, base_url):
    page.goto(base_url + "search.html?q=softmax")
    page.locator("#search-results li").first.wait_for()
    assert "dictionary" in page.locator("#search-results").inner_text()


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_page_is_whole(page, base_url, lesson):
    """The run's output and picture, three answers that fold out, mistakes, Colab."""
    page.goto(f"{base_url}gallery/{lesson}.html")
    printed = page.locator(".sphx-glr-script-out").all_inner_texts()
    assert "In this run the claim holds." in printed[-1]
    assert page.locator("img.sphx-glr-single-img, .sphx-glr-multi-img").count()
    folded = page.locator("details.sd-dropdown")
    assert folded.count() == 4
    for fold in folded.all():
        answer = fold.locator(".sd-summary-content")
        assert not answer.is_visible()
        fold.locator("summary").focus()
        page.keyboard.press("Enter")
        assert answer.is_visible()
    assert page.locator("#mistakes section").count() == 7
    assert page.locator("#mistakes .highlight-diff").count() == 7
    colab = page.get_by_role("link", name="Open in Colab").get_attribute("href")
    start = "https://colab.research.google.com/github/"
    assert colab.startswith(start)
    assert colab.endswith(f"/blob/gh-pages/notebooks/{lesson}.ipynb")
    assert len(colab.removeprefix(start).partition("/blob/")[0].split("/")) == 2


@pytest.mark.parametrize("name", [page for page in PAGES if page not in DECKS])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_aa(page, base_url, name, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(base_url + name)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    low = page.evaluate(CONTRAST)
    assert low == []


def test_no_picture_is_transparent_and_lost_in_the_dark():
    pictures = [*SITE.glob("_images/*.png"), *SITE.glob("pictures/*.png")]
    pictures = [path for path in pictures if "_thumb" not in path.name]
    assert len(pictures) > 60
    for path in pictures:
        picture = plt.imread(path)
        assert picture.shape[2] == 3 or picture[..., 3].min() == 1, path


CONTRAST = """() => {
  const canvas = document.createElement("canvas")
    .getContext("2d", {willReadFrequently: true});
  const rgba = color => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const color = rgba(getComputedStyle(e).backgroundColor);
      if (color[3] > 250) return color;
    }
    return [255, 255, 255, 255];
  };
  const low = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode, element = text.parentElement;
    if (!text.textContent.trim() || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    if (element.getBoundingClientRect().width < 2 || style.opacity == 0) continue;
    const [a, b] = [light(rgba(style.color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = parseFloat(style.fontSize) >= 24;
    if (ratio < (large ? 3 : 4.5))
      low.push([text.textContent.trim().slice(0, 40), ratio, style.color]);
  }
  return low;
}"""


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


def test_the_keyboard_reaches_search_and_the_first_lesson(page, base_url):
    page.goto(base_url)
    page.keyboard.press("Control+k")
    assert page.evaluate("document.activeElement.type") == "search"
    page.keyboard.press("Escape")
    for _ in range(60):
        page.keyboard.press("Tab")
        if "gallery/cnn.html" in page.evaluate("document.activeElement.href ?? ''"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/gallery/cnn.html")


# The decks


@pytest.mark.parametrize("name", DECKS)
def test_no_slide_overflows_and_no_letter_is_under_20_px(page, base_url, name):
    page.goto(base_url + name)
    page.wait_for_function("Reveal.isReady()")
    count = page.evaluate("Reveal.getTotalSlides()")
    assert count >= 10
    for number in range(count):
        page.evaluate("n => Reveal.slide(n)", number)
        told = page.evaluate(
            """() => {
              const slide = Reveal.getCurrentSlide();
              const box = slide.getBoundingClientRect(), scale = Reveal.getScale();
              const inner = [...slide.querySelectorAll("*:not(aside)")];
              const right = inner.map(e => e.getBoundingClientRect().right - box.left);
              const left = inner.map(e => e.getBoundingClientRect().left - box.left);
              const text = inner.filter(e => [...e.childNodes].some(
                n => n.nodeType == 3 && n.textContent.trim()));
              return {head: slide.innerText.slice(0, 40),
                high: slide.scrollHeight, left: Math.min(...left) / scale,
                cut: inner.some(e => e.scrollHeight > e.clientHeight + 1
                  && getComputedStyle(e).overflowY != "visible"),
                wide: Math.max(...right) / scale,
                scrolls: inner.some(e => e.scrollWidth > e.clientWidth + 1
                  && getComputedStyle(e).overflowX != "visible"),
                small: Math.min(99, ...text.map(
                  e => parseFloat(getComputedStyle(e).fontSize)))};
            }"""
        )
        assert told["high"] <= 684, told  # below is the number of the slide
        assert (
            told["left"] >= -1
            and told["wide"] <= 1281
            and not told["scrolls"]
            and not told["cut"]
        ), told
        assert told["small"] >= 20, told
        assert page.evaluate(CONTRAST) == []
    page.goto(f"{base_url}{name}?print-pdf")
    page.locator(".pdf-page").last.wait_for()
    assert page.locator(".pdf-page").count() == count  # none is cut in two


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_slide_has_notes_with_its_minutes(page, base_url, lesson):
    page.goto(f"{base_url}slides/{lesson}.html")
    page.wait_for_function("Reveal.isReady()")
    slides = page.evaluate("Reveal.getSlides().map(s => Reveal.getSlideNotes(s))")
    times = [
        re.match(r"\D*([\d.]+) min, until ([\d.]+) of ([\d.]+)\.", n) for n in slides
    ]
    minutes = [float(found[1]) for found in times if found]
    rest = [note for note, found in zip(slides, times, strict=True) if not found]
    assert all("The rest of it" in note for note in rest)
    plan = Path(__file__).parent.with_name("README.md").read_text(encoding="utf-8")
    planned = re.search(rf"\| (\d+) \| `{lesson}\.py` \|", plan)
    assert sum(minutes) == (int(planned[1]) if planned else 15)  # or is homework
    with page.expect_popup() as opened:  # the speaker's window
        page.keyboard.press("s")
    opened.value.locator(".speaker-controls-notes").wait_for()
    code = " ".join(page.locator("pre").all_text_contents())
    assert "cli.parse_args" not in code and "def load_digits" not in code


# What is taken home


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_notebook_runs_top_to_bottom_in_a_bare_kernel(lesson, tmp_path):
    notebook = nbformat.read(SITE / "notebooks" / f"{lesson}.ipynb", as_version=4)
    done = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    printed = json.dumps(done.cells[-1].outputs)
    assert "In this run the claim" in printed and "image/png" in printed


def test_the_zip_opens_from_disk_with_the_network_off(page, context, tmp_path):
    with zipfile.ZipFile(BUILD / "nn-lecture.zip") as archive:
        archive.extractall(tmp_path)
    home = tmp_path / "nn-lecture"
    for lesson in LESSONS:
        for kind in ("", "-notes"):
            file = home / "slides" / f"{lesson}{kind}.pdf"
            assert file.read_bytes()[:4] == b"%PDF"
        assert (home / "notebooks" / f"{lesson}.ipynb").exists()
        for ending in ("png", "svg"):
            assert list((home / "pictures").glob(f"{lesson}_*.{ending}"))
    context.set_offline(True)
    for name in PAGES:
        page.goto((home / name).as_uri(), wait_until="networkidle")
        assert page.title()
    assert all(url.startswith(("file:", "data:")) for url in page.asked)
    assert page.wrong == []
    page.goto((home / "search.html").as_uri() + "?q=softmax")
    page.locator("#search-results li").first.wait_for()
