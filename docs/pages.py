"""Which pages the tests look at: all, or those of the lessons that NN_PAGES names.

NN_PAGES="cnn,attention" leaves these lessons' pages and decks, and nothing of the rest
of the site: what a change of two lessons asks for. Without it every page is visited.
"""

import os
import sys
from pathlib import Path
from urllib.parse import urlparse

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from chromium import SITE, ZIP  # noqa: E402, F401

from tools import catalogue  # noqa: E402

GALLERY = HERE / "gallery"
LESSONS = catalogue.lessons()
NAMED = [name for name in os.environ.get("NN_PAGES", "").split(",") if name]
if not {*NAMED} <= {*LESSONS}:
    raise pytest.UsageError(f"NN_PAGES={','.join(NAMED)}: not all of them are lessons")
if NAMED:
    LESSONS = {name: LESSONS[name] for name in NAMED}
DECKS = [f"slides/{lesson}.html" for lesson in LESSONS]
PAGES = [f"gallery/{lesson}.html" for lesson in LESSONS] + DECKS
if not all((SITE / name).exists() for name in PAGES):
    raise pytest.UsageError("no site to test; first: make -C docs html")
if not NAMED:
    PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
    PAGES = [name for name in PAGES if "_static" not in name]

whole_site = pytest.mark.skipif(bool(NAMED), reason="NN_PAGES names pages of lessons")


def wait_until(page, expression: str) -> None:
    """Until JavaScript finds this true. Playwright's own wait_for_function evaluates
    text inside the page, which a page's policy forbids."""
    for _ in range(600):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"it never comes true: {expression}")


def outside(urls: list[str]) -> list[str]:
    """Those of other hosts than this machine."""
    known = "", "127.0.0.1"
    return [url for url in urls if (urlparse(url).hostname or "") not in known]
