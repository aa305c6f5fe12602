"""nn-lecture.zip: the site, a PDF of each deck, notebooks and pictures, for a stick."""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
BUILD = HERE / "_build"
SITE = BUILD / "html"
CHROMIUM = {  # the system's, or what `playwright install chromium` fetched
    "executable_path": shutil.which("chromium") or shutil.which("google-chrome"),
    "args": ["--no-sandbox", "--disable-background-networking", "--disable-quic"]
    + ["--disable-component-update", "--disable-sync", "--no-first-run"],
}


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**CHROMIUM)
        page = browser.new_page()
        for deck in sorted(HERE.glob("slides/*.rst")):
            file = SITE / "slides" / f"{deck.stem}.html"
            for kind, how in {"": "", "-notes": "&showNotes=separate-page"}.items():
                page.goto(f"{file.as_uri()}?print-pdf{how}")
                page.locator(".pdf-page").last.wait_for()
                options = {"prefer_css_page_size": True, "print_background": True}
                path = file.with_name(f"{deck.stem}{kind}.pdf")
                page.pdf(path=path, tagged=True, **options)
        browser.close()
    folder = BUILD / "nn-lecture"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SITE, folder, ignore=shutil.ignore_patterns(".*"))
    print(shutil.make_archive(str(folder), "zip", BUILD, folder.name))


if __name__ == "__main__":
    main()
