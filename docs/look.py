"""Pictures of a lesson's page and deck, as the site was built, to look at them.

python -m docs.look lstm

In docs/_build/look/: the page on a projector, on a phone and in the dark, as far as it
goes, and each slide as a projector shows it.
"""

import sys
from pathlib import Path
from typing import Annotated

import tyro
from playwright.sync_api import Browser, sync_playwright

from docs.chromium import BUILD, CHROMIUM, SITE, at_hand
from tools.catalogue import LessonError
from tools.cli import end

PROJECTOR, PHONE = {"width": 1280, "height": 720}, {"width": 390, "height": 844}
WAYS = {
    "projector": {"viewport": PROJECTOR},
    "phone": {"viewport": PHONE, "has_touch": True, "is_mobile": True},
    "dark": {"viewport": PROJECTOR, "color_scheme": "dark"},
}


def look_at_page(browser: Browser, lesson: str, folder: Path) -> None:
    for name, way in WAYS.items():
        page = browser.new_context(**way).new_page()
        page.goto((SITE / "gallery" / f"{lesson}.html").as_uri())
        page.screenshot(path=folder / f"{lesson}_{name}.png", full_page=True)


def look_at_deck(browser: Browser, lesson: str, folder: Path) -> None:
    page = browser.new_page(viewport=PROJECTOR)
    page.goto((SITE / "slides" / f"{lesson}.html").as_uri())
    page.wait_for_function("Reveal.isReady()")
    for number in range(page.evaluate("Reveal.getTotalSlides()")):
        page.evaluate("number => Reveal.slide(number)", number)
        page.evaluate("while (Reveal.nextFragment()) {}")  # all steps of a diagram
        page.screenshot(path=folder / f"{lesson}_slide_{number + 1:02}.png")


def main(lesson: Annotated[str, tyro.conf.Positional]) -> None:
    """Open the page and the deck of this lesson in Chromium, and take pictures."""
    if not at_hand():
        raise LessonError("no Chromium is here; first: playwright install chromium")
    files = [SITE / part / f"{lesson}.html" for part in ("gallery", "slides")]
    if not all(file.exists() for file in files):
        build = f"make -C docs html LESSON={lesson}"
        raise LessonError(f"no page and deck of {lesson!r}; first: {build}")
    folder = BUILD / "look"
    folder.mkdir(exist_ok=True)
    for old in folder.glob(f"{lesson}_*.png"):
        old.unlink()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**CHROMIUM)
        look_at_page(browser, lesson, folder)
        look_at_deck(browser, lesson, folder)
        browser.close()
    print(f"{len([*folder.glob(f'{lesson}_*.png')])} pictures in {folder}")


if __name__ == "__main__":
    sys.exit(
        end("python -m docs.look", lambda: tyro.cli(main, prog="python -m docs.look"))
    )
