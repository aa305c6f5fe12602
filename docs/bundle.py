"""nn-lecture.zip: the site, a PDF of each deck, notebooks and pictures, for a stick."""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
BUILD = HERE / "_build"
CHROMIUM = {  # the system's, or what `playwright install chromium` fetched
    "executable_path": shutil.which("chromium") or shutil.which("google-chrome"),
    "args": ["--no-sandbox", "--disable-background-networking", "--disable-quic"]
    + ["--disable-component-update", "--disable-sync", "--no-first-run"],
}


def main() -> None:
    folder = BUILD / "nn-lecture"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(BUILD / "html", folder)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**CHROMIUM)
        page = browser.new_page()
        for deck in sorted(HERE.glob("slides/*.rst")):
            address = (folder / "slides" / f"{deck.stem}.html").as_uri()
            page.goto(f"{address}?print-pdf")
            page.locator(".pdf-page").first.wait_for()
            file = folder / "slides" / f"{deck.stem}.pdf"
            page.pdf(path=file, prefer_css_page_size=True, print_background=True)
        browser.close()
    print(shutil.make_archive(str(BUILD / "nn-lecture"), "zip", BUILD, "nn-lecture"))


if __name__ == "__main__":
    main()
