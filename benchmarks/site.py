"""Whether a built or unpacked site is whole: read as files, without a browser."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tools.catalogue import ROOT, Lesson
from tools.site import left_out, unfinished

PLACES = [ROOT / "docs" / "_build" / "html", ROOT / "nn-lecture"]  # built; unpacked


def found() -> Path | None:
    """The folder of the site; None, if none was built or unpacked here."""
    for folder in PLACES:
        if (folder / "index.html").exists():
            return folder
    return None


def pages(folder: Path) -> list[Path]:
    """Its pages and decks, but not what comes with a theme."""
    paths = sorted(folder.rglob("*.html"))
    return [path for path in paths if "_static" not in path.relative_to(folder).parts]


def pdfs(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.pdf"))


def problems(folder: Path, lessons: list[Lesson]) -> list[str]:
    """What is missing, cut off, or leads nowhere; nothing, if the site is whole."""
    said = []
    if unfinished(folder):
        said.append("its build did not come to its end")
    lacks = left_out(folder, [lesson.name for lesson in lessons])
    for lesson in lessons:
        if lesson.name in lacks:
            said.append(f"its first page does not name {lesson.file}")
        for page in (f"gallery/{lesson.name}.html", f"slides/{lesson.name}.html"):
            if not (folder / page).exists():
                said.append(f"{page} is missing")
        shown = folder / "lessons" / lesson.file
        if not shown.exists():
            said.append(f"lessons/{lesson.file} is missing")
        elif shown.read_bytes() != lesson.path.read_bytes():
            said.append(f"its pages are of another {lesson.file} than this one")
    for page in pages(folder):
        name = page.relative_to(folder).as_posix()
        text = page.read_text(encoding="utf-8", errors="replace")
        if not text.rstrip().endswith("</html>"):
            said.append(f"{name} is cut off")
        for url in sorted(set(addresses(text))):
            if not leads_somewhere(page, url):
                said.append(f"{name} leads to {url}, which is missing or empty")
    for pdf in pdfs(folder):
        content = pdf.read_bytes()
        if not content.startswith(b"%PDF-") or b"%%EOF" not in content[-1024:]:
            said.append(f"{pdf.relative_to(folder).as_posix()} is cut off")
    return said


class Addresses(HTMLParser):
    """Collects what a page links to, and what it is made of."""

    def __init__(self):
        super().__init__()
        self.urls = []

    def handle_starttag(self, tag: str, attributes: list) -> None:
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.urls.append(value)


def addresses(text: str) -> list[str]:
    parser = Addresses()
    parser.feed(text)
    return parser.urls


def leads_somewhere(page: Path, url: str) -> bool:
    """Whether the file is there. Other hosts are not asked: the hall has no network."""
    parts = urlsplit(url)
    if parts.scheme or parts.netloc or not parts.path:
        return True
    path = page.parent / unquote(parts.path)
    if path.is_dir():
        path = path / "index.html"
    return path.is_file() and path.stat().st_size > 0
