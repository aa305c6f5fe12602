"""The site, the decks and nn-lecture.zip in a real browser: pytest docs.

NN_PAGES=cnn pytest docs opens the page and the deck of this lesson alone (pages.py).
What can be read off the files is in test_files.py.
"""

import json
import re
import sys
import unicodedata
import zipfile
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from pypdf import PdfReader

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

from pages import (  # noqa: E402
    DECKS,
    GALLERY,
    LESSONS,
    PAGES,
    SITE,
    ZIP,
    outside,
    wait_until,
    whole_site,
)

# Every page and every deck


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_no_other_host_and_nothing_goes_wrong(page, base_url, name):
    page.goto(base_url + name, wait_until="networkidle")
    assert page.title()
    assert outside(page.asked) == []
    assert page.wrong == []


ASK_ELSEWHERE = """async () => {
  const refused = [];
  document.addEventListener("securitypolicyviolation",
    (event) => refused.push(event.effectiveDirective));
  const elsewhere = "http://192.0.2.1/";  // nobody's address
  for (const kind of ["img", "script", "iframe"]) {
    const element = document.createElement(kind);
    element.src = elsewhere;
    document.body.append(element);
  }
  await fetch(elsewhere).catch(() => null);
  await new Promise((resolve) => setTimeout(resolve, 300));
  return refused.sort();
}"""


@pytest.mark.parametrize("name", PAGES)
def test_a_page_on_a_disk_works_and_is_not_let_to_another_host(page, name):
    page.goto((SITE / name).as_uri(), wait_until="networkidle")
    assert page.title()
    assert page.wrong == []
    refused = ["connect-src", "frame-src", "img-src", "script-src-elem"]
    assert page.evaluate(ASK_ELSEWHERE) == refused


CUT_OFF = "all => all.filter(e => e.scrollWidth > e.clientWidth).map(e => e.innerText)"


@pytest.mark.parametrize("name", [page for page in PAGES if page not in DECKS])
def test_a_page_fits_a_phone(page, base_url, name):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(base_url + name)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator(".nn-formula").evaluate_all(CUT_OFF) == []


# The site


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_front_page_has_a_card_that_leads_to_the_lesson(page, base_url, lesson):
    page.goto(base_url)
    card = page.locator(f".sd-card:has(a[href='gallery/{lesson}.html'])")
    known = json.loads((GALLERY / f"{lesson}.json").read_text(encoding="utf-8"))
    assert known["ask"] in card.inner_text()
    assert card.locator("img").evaluate("image => image.naturalWidth") > 0
    card.click()
    page.wait_for_url(f"**/gallery/{lesson}.html")


def shows_where(page, word: str) -> None:
    """Each page found shows the word among its neighbours, marked."""
    results = page.locator("#search-results li.kind-text")
    results.first.wait_for()
    assert results.count() >= 3
    for result in results.all():
        said = result.locator("p.context")
        said.locator("span.highlighted").first.wait_for()
        assert word in said.inner_text().lower() and len(said.inner_text()) > 200


@whole_site
def test_search_finds_softmax_and_shows_where(page, base_url):
    page.goto(base_url + "search.html?q=softmax", wait_until="networkidle")
    shows_where(page, "softmax")
    assert "dictionary" in page.locator("#search-results").inner_text()
    assert [url for url in page.asked if "/gallery/" in url] == []  # none is fetched
    assert page.wrong == []


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_answers_fold_out_by_keyboard_and_the_rest_is_seen(page, base_url, lesson):
    page.goto(f"{base_url}gallery/{lesson}.html")
    printed = page.locator(".sphx-glr-script-out").all_inner_texts()
    assert "In this run the claim holds." in printed[-1]
    folded = page.locator("details.nn-answer")
    assert folded.count() == 4 + 3  # predictions and the claim; exercises on paper
    for fold in folded.all():
        answer = fold.locator(".sd-summary-content")
        assert not answer.is_visible()
        fold.locator("summary").focus()
        page.keyboard.press("Enter")
        assert answer.is_visible()


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_page_printed_from_the_browser_shows_its_answers(
    page, base_url, lesson, tmp_path
):
    page.emulate_media(color_scheme="dark")
    page.goto(f"{base_url}gallery/{lesson}.html")
    page.locator("details.nn-answer").first.locator("summary").click()
    answers = page.locator("details.nn-answer .sd-summary-content").all_text_contents()
    page.pdf(path=tmp_path / "page.pdf", format="A4")
    texts = [one.extract_text() for one in PdfReader(tmp_path / "page.pdf").pages]
    printed = re.sub(r"\W", "", unicodedata.normalize("NFKC", "".join(texts)))
    for answer in answers:
        assert re.sub(r"\W", "", unicodedata.normalize("NFKC", answer)) in printed
    theme, opened = "document.documentElement.dataset.theme", "details.nn-answer[open]"
    assert page.evaluate(theme) == "dark"  # again, and as many open as before
    assert page.locator(opened).count() == 1
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(theme) == "light"
    assert page.locator(opened).count() == 4 + 3


@pytest.mark.parametrize("name", [page for page in PAGES if page not in DECKS])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_aa(page, base_url, name, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(base_url + name)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    low = page.evaluate(CONTRAST)
    assert low == []


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(new_context, base_url, name, scheme):
    """axe-core looks at the whole page, and at all slides of a deck: as on a phone."""
    wide = 390 if name in DECKS else 1280
    page = new_context(viewport={"width": wide, "height": 844}).new_page()
    page.emulate_media(color_scheme=scheme)
    page.goto(base_url + name)
    if name in DECKS:
        wait_until(page, "Reveal.isReady()")
    found = Axe().run(page).response["violations"]
    assert [
        (one["id"], node["target"], node["html"][:200])
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ] == []


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


@whole_site
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
def test_every_slide_has_a_margin_and_large_type(page, base_url, name):
    """At 1280 x 720, nothing is scaled: a pixel here is a pixel there."""
    page.goto(base_url + name)
    wait_until(page, "Reveal.isReady()")
    assert page.evaluate("Reveal.getScale()") == 1
    count = page.evaluate("Reveal.getTotalSlides()")
    assert count >= 10
    for number in range(count):
        page.evaluate("n => Reveal.slide(n)", number)
        told = page.evaluate(SLIDE)
        assert told["left"] >= 39 and told["right"] <= 1241, told
        least = 15 if told["picture"] else 39  # a picture has a margin of its own
        assert told["top"] >= least and told["bottom"] <= 720 - least, told
        assert told["cut"] == [], told
        assert told["small"] >= 20, told
        # A printed table is whole, and so may be smaller than code.
        printed = told["head"].startswith(("What it prints", "What this prints"))
        assert told["code"] >= (24 if printed else 28), told
        assert told["text"] >= 32, told
        assert page.evaluate(CONTRAST) == []
    page.goto(f"{base_url}{name}?print-pdf")
    page.locator(".pdf-page").last.wait_for()
    assert page.locator(".pdf-page").count() == count  # none is cut in two


SLIDE = """() => {
  const slide = Reveal.getCurrentSlide();
  const inner = [...slide.querySelectorAll("*:not(aside, title, desc)")]
    .filter(e => e.getBoundingClientRect().width > 0);
  const boxes = inner.map(e => e.getBoundingClientRect());
  const size = e => parseFloat(getComputedStyle(e).fontSize);
  const smallest = (list) => Math.min(99, ...list.map(size));
  const texts = inner.filter(e => [...e.childNodes].some(
    n => n.nodeType == 3 && n.textContent.trim()));
  return {
    head: slide.innerText.slice(0, 40),
    picture: slide.querySelector(":scope > img:not(.guess)") != null,
    left: Math.min(...boxes.map(box => box.left)),
    right: Math.max(...boxes.map(box => box.right)),
    top: Math.min(...boxes.map(box => box.top)),
    bottom: Math.max(...boxes.map(box => box.bottom)),
    cut: inner.filter(e => {
      const style = getComputedStyle(e);
      return e.scrollWidth > e.clientWidth + 1 && style.overflowX != "visible"
        || e.scrollHeight > e.clientHeight + 1 && style.overflowY != "visible";
    }).map(e => e.outerHTML.slice(0, 60)),
    small: smallest(texts),
    code: smallest(inner.filter(e => e.matches("pre, pre *"))),
    text: smallest(inner.filter(e => e.matches("p, li"))),
  };
}"""


STEER = """async () => {
  const image = '"><img src=x onerror="document.title=1">';
  const said = JSON.stringify({method: "previewIframe", args: [image]});
  document.querySelector("iframe").contentWindow.postMessage(said, "*");
  await new Promise((resolve) => setTimeout(resolve, 1000));
}"""


def frame_of(page, words: str):
    """The deck in a frame whose address has these words, when it is ready."""
    for _ in range(300):
        for frame in page.frames[1:]:
            if words in frame.url:
                wait_until(frame, "window.Reveal && Reveal.isReady()")
                return frame
        page.wait_for_timeout(100)
    raise AssertionError([frame.url for frame in page.frames])


def test_a_page_of_others_that_frames_a_deck_does_not_steer_it(page, base_url):
    """reveal.js obeys messages. One of them writes what it is told into the page."""
    theirs = f'<iframe width="1280" height="720" src="{base_url}{DECKS[0]}"></iframe>'
    page.goto(base_url.replace("127.0.0.1", "localhost") + "nowhere")  # another origin
    page.evaluate("theirs => { document.body.innerHTML = theirs; }", theirs)
    deck = frame_of(page, DECKS[0])
    title = deck.title()
    page.evaluate(STEER)
    assert deck.title() == title and deck.locator("iframe").count() == 0


def test_the_speakers_view_follows_the_deck_and_its_address_runs_nothing(
    page, base_url
):
    page.goto(f"{base_url}{DECKS[0]}?url=javascript:alert(1)&x-URL=x&plugins=x")
    wait_until(page, "Reveal.isReady()")
    assert "javascript" not in page.url and not page.evaluate("Reveal.getConfig().url")
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    view = opened.value
    wait_until(page, "Reveal.isReady()")
    slide = frame_of(view, "postMessageEvents")  # and one more, of the next slide
    page.evaluate("Reveal.slide(3)")
    wait_until(slide, "Reveal.getIndices().h === 3")
    assert not [each.url for each in view.frames if each.url.startswith("javascript")]


@pytest.mark.parametrize("name", DECKS)
def test_on_a_phone_a_deck_is_a_page_that_can_be_read(new_context, base_url, name):
    phone = {"width": 390, "height": 844}
    page = new_context(has_touch=True, is_mobile=True, viewport=phone).new_page()
    page.goto(base_url + name)
    wait_until(page, "Reveal.isReady()")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator(".nn-formula").evaluate_all(CUT_OFF) == []
    slides = page.locator(".slides > section > section")
    boxes = [slide.bounding_box() for slide in slides.all()]
    for above, below in zip(boxes, boxes[1:], strict=False):
        assert below["y"] >= above["y"] + above["height"] - 1  # none over another
    assert all(box["width"] <= 390 and box["height"] > 30 for box in boxes)
    small = page.evaluate(
        """() => [...document.querySelectorAll(".slides p, .slides li, .slides pre")]
          .filter(e => e.checkVisibility())
          .map(e => [parseFloat(getComputedStyle(e).fontSize), e.textContent])
          .filter(([size]) => size < 14)"""
    )
    assert small == []
    assert all(slide.is_visible() for slide in slides.all())
    hidden = ".slides section[hidden], .slides section[aria-hidden=true]"
    assert page.locator(hidden).count() == 0
    last = slides.last
    last.scroll_into_view_if_needed()
    assert page.evaluate("scrollY") > 2000
    middle = "box => document.elementFromPoint(195, box.y + box.height / 2).innerText"
    seen = page.evaluate(middle, last.bounding_box())  # nothing lies over it
    assert seen and seen in last.inner_text()


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_slide_has_notes_with_its_minutes(page, base_url, lesson):
    page.goto(f"{base_url}slides/{lesson}.html")
    wait_until(page, "Reveal.isReady()")
    slides = page.evaluate("Reveal.getSlides().map(s => Reveal.getSlideNotes(s))")
    times = [
        re.match(r"\D*([\d.]+) min, until ([\d.]+) of ([\d.]+)\.", n) for n in slides
    ]
    minutes, many = [], []  # what each note says, and for how many slides
    for note, found in zip(slides, times, strict=True):
        if found:
            minutes.append(float(found[1]))
            many.append(1)
        else:
            assert "The rest of it" in note
            many[-1] += 1
    for there, needed in zip(minutes, many, strict=True):
        assert there / needed >= 0.25
    plan = Path(__file__).parent.with_name("README.md").read_text(encoding="utf-8")
    planned = re.search(rf"\| (\d+) \| `{lesson}\.py` \|", plan)
    assert sum(minutes) in ([int(planned[1])] if planned else [15, 20, 25])
    with page.expect_popup() as opened:  # the speaker's window
        page.keyboard.press("s")
    opened.value.locator(".speaker-controls-notes").wait_for()
    code = " ".join(page.locator("pre").all_text_contents())
    for plumbing in ("cli.parse_args", "tyro.cli", "def load_digits", "def figure"):
        assert plumbing not in code


# What is taken home


@whole_site
def test_the_zip_opens_from_disk_with_the_network_off(page, context, tmp_path):
    assert ZIP.exists(), "first: make -C docs zip"
    with zipfile.ZipFile(ZIP) as archive:
        archive.extractall(tmp_path)
    home = tmp_path / "nn-lecture"
    context.set_offline(True)
    for name in PAGES:
        page.goto((home / name).as_uri(), wait_until="networkidle")
        assert page.title()
    assert all(url.startswith(("file:", "data:")) for url in page.asked)
    page.goto((home / "search.html").as_uri() + "?q=softmax", wait_until="networkidle")
    shows_where(page, "softmax")
    assert page.wrong == []
