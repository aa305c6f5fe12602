"""Chromium, which prints the PDFs and opens the pages in tests; where the site lies."""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
BUILD = HERE / "_build"
SITE = BUILD / "html"
ZIP = BUILD / "nn-lecture.zip"
CHROMIUM = {  # the system's, or what `playwright install chromium` fetched
    "executable_path": shutil.which("chromium") or shutil.which("google-chrome"),
    "args": ["--no-sandbox", "--disable-background-networking", "--disable-quic"]
    + ["--disable-component-update", "--disable-sync", "--no-first-run"],
}


def at_hand() -> bool:
    """Whether there is a browser here. Without one the site has no PDFs, and no links
    to them."""
    if CHROMIUM["executable_path"]:
        return True
    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path).exists()
