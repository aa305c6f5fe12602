"""What is on paper: of each lesson a handout, its slides, and its slides with notes.

    python docs/paper.py

Chromium prints them, from the decks and from what the site's build kept of the lessons,
into the site. What has not changed since is not printed again.
"""

import hashlib
import re
import sys
from pathlib import Path
from urllib.parse import unquote

from playwright.sync_api import Page, sync_playwright
from pypdf import PdfReader, PdfWriter, Transformation

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import compose  # noqa: E402
import lessons  # noqa: E402
from chromium import BUILD, CHROMIUM, HERE, SITE, at_hand  # noqa: E402

from tools.catalogue import LessonError  # noqa: E402
from tools.cli import end  # noqa: E402

MADE = BUILD / "paper"  # the handouts as Chromium reads them, and what was printed
STYLE = HERE / "templates" / "handout.css"
A4 = 595, 842  # points
MARGIN = 28  # of a sheet of notes
MOST = 4  # pages of a handout
NAMED = re.compile(r"""(?:href|src)="([^"]+)\"""")  # files, in a page
# For printing, reveal.js takes the margin of slides.css away. (None below: a picture
# that is too high for what is left would be moved off its page.)
SLIDES = """
html.reveal-print .reveal .pdf-page > section { padding: 40px 40px 0 !important }
"""
# Beside its slide a note is small: large letters, and a line around the slide
NOTES = """
.speaker-notes-pdf { font-size: 46px !important; line-height: 1.25 !important }
.speaker-notes-pdf::before { content: none !important }
.speaker-notes-pdf:last-child { break-after: auto !important }
.pdf-page { outline: 3px solid gray; outline-offset: -3px }
"""


def main() -> None:
    """Print what is missing or has changed; say what, for each takes some seconds."""
    if not at_hand():
        print("No Chromium here: the site has no PDFs, and no links to them.")
        return
    for lesson in (chosen := lessons.chosen()):
        for made in (lessons.GALLERY / f"{lesson}.json", deck_of(lesson)):
            if not made.exists():
                said = f"no page and deck of {lesson} are built: make -C docs html"
                raise LessonError(said)
    MADE.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**CHROMIUM)
        page = browser.new_page()
        for lesson in chosen:
            handout = MADE / f"{lesson}.html"
            handout.write_text(text(lesson), encoding="utf-8")
            deck = deck_of(lesson)
            printed(page, handout, f"handouts/{lesson}.pdf", print_handout)
            printed(page, deck, f"slides/{lesson}.pdf", print_deck)
            printed(page, deck, f"slides/{lesson}-notes.pdf", print_notes)
        browser.close()


def deck_of(lesson: str) -> Path:
    return SITE / "slides" / f"{lesson}.html"


def printed(page: Page, source: Path, name: str, how) -> None:
    """See that this PDF of the site is of the source as it is now."""
    path, mark = SITE / name, MADE / f"{name.replace('/', '-')}.txt"
    now = checksum(source)
    if path.exists() and mark.exists() and mark.read_text() == now:
        return
    path.parent.mkdir(exist_ok=True)
    mark.unlink(missing_ok=True)  # what is refused now, or torn, is of no source
    how(page, source, path)
    mark.write_text(now)
    print(f"  {name}, {len(PdfReader(path).pages)} pages", flush=True)


def checksum(source: Path) -> str:
    """Of a page, the files that it names, and what prints it."""
    source_text = source.read_text(encoding="utf-8")
    found = hashlib.sha256(source_text.encode() + Path(__file__).read_bytes())
    for name in sorted({unquote(name) for name in NAMED.findall(source_text)}):
        file = source.parent / name.partition("?")[0].removeprefix("file://")
        if file.is_file():
            found.update(file.read_bytes())
    return found.hexdigest()


# The handout


def text(lesson: str) -> str:
    """The handout as a page: from the words of the page, and no others."""
    about = lessons.known(lesson)
    source = lessons.GALLERY / f"{lesson}.rst"
    found = compose.cut(source.read_text(encoding="utf-8"))
    by_hand = about["by_hand"]
    parts = [part for part in found.parts if part.heading in by_hand["parts"]]
    for part in parts:
        part.code = compose.code(part.code)
    if not parts or len(parts) != len(by_hand["parts"]):
        raise ValueError(f"docs/teach/{lesson}.toml: by_hand names no such parts")
    shown = lessons.between(about["printed"])[: by_hand["printed"]]
    return compose.html(
        lessons.render(
            "handout.rst",
            **about | {"printed": "\n\n".join(shown)},
            page=found,
            parts=parts,
            diagram=compose.diagram(about["svg"]),
            drawn=[(lessons.PICTURES / f"{n}.svg").as_uri() for n in about["pictures"]],
        ),
        STYLE,
    )


def print_handout(page: Page, source: Path, path: Path) -> None:
    """On at most four pages: with the answers on a page of their own, if need be in
    smaller letters; else without. (Another machine may have wider letters.)"""
    page.goto(source.as_uri())
    foot = f"{page.title()} · <span class='pageNumber'></span> of "
    foot += "<span class='totalPages'></span> · nn, CC BY 4.0"
    style = "font: 8pt sans-serif; width: 100%; text-align: center"
    margin = {"top": "14mm", "bottom": "16mm", "left": "17mm", "right": "17mm"}
    for apart, scale in ((True, 1), (True, 0.93), (False, 1), (False, 0.93)):
        page.evaluate("on => document.body.classList.toggle('apart', on)", apart)
        page.pdf(
            path=path,
            format="A4",
            scale=scale,
            margin=margin,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=f"<div style='{style}'>{foot}</div>",
            tagged=True,
        )
        if len(PdfReader(path).pages) <= MOST:
            return
    raise ValueError(f"{path.name} has more than {MOST} pages")


# The decks


def print_deck(page: Page, source: Path, path: Path, notes: str = "") -> None:
    page.goto(f"{source.as_uri()}?print-pdf{notes}")
    page.locator(".pdf-page").last.wait_for()
    page.add_style_tag(content=SLIDES + NOTES if notes else SLIDES)
    page.pdf(path=path, tagged=True, prefer_css_page_size=True, print_background=True)


def print_notes(page: Page, source: Path, path: Path) -> None:
    """Two slides to a sheet of A4, each with its notes on its right."""
    print_deck(page, source, path, "&showNotes=separate-page")
    pages = PdfReader(path).pages  # a slide, its notes, the next slide ...
    if len(pages) != 2 * page.locator(".speaker-notes-pdf").count():
        raise ValueError(f"{path.name}: the notes of a slide are too long for a page")
    sheets = PdfWriter()
    high, wide = A4
    slide_wide = 0.55 * (wide - 2 * MARGIN)
    note_wide = wide - 2 * MARGIN - slide_wide
    for number in range(0, len(pages), 2):
        if number % 4 == 0:
            sheet = sheets.add_blank_page(wide, high)
        top = high - MARGIN - (number % 4) / 2 * (high / 2 - MARGIN / 2)
        place(sheet, pages[number], MARGIN, top, slide_wide)
        place(sheet, pages[number + 1], MARGIN + slide_wide, top, note_wide)
    sheets.compress_identical_objects()
    sheets.add_metadata({"/Title": page.title()})
    sheets.write(path)


def place(sheet, page, left: float, top: float, wide: float) -> None:
    """The page, as wide as this, with its upper left corner there on the sheet."""
    scale = wide / float(page.mediabox.width)
    bottom = top - scale * float(page.mediabox.height)
    move = Transformation().scale(scale).translate(left, bottom)
    sheet.merge_transformed_page(page, move)


if __name__ == "__main__":
    sys.exit(end("docs/paper.py", main))
