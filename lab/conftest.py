"""One marimo server for all tests of the labs, and Chromium to visit it."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode, urlparse

import matplotlib.pyplot as plt
import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "docs")]

from chromium import CHROMIUM  # noqa: E402
from playwright.sync_api import expect  # noqa: E402

from lab.__main__ import pages  # noqa: E402

expect.set_options(timeout=120_000)  # a busy machine is slow, not wrong


@pytest.fixture(autouse=True)
def no_figure_is_on_pyplots_list():
    """Another visitor's cell closes those while they are drawn."""
    plt.close("all")
    yield
    assert not plt.get_fignums()


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """Where this run keeps trained networks: nothing old passes for new."""
    os.environ["NN_LAB_CACHE"] = str(folder := tmp_path_factory.mktemp("cache"))
    return folder


@pytest.fixture(scope="session")
def server(cache):
    """The process of `python -m lab`, its address, and links with the password."""
    line = [sys.executable, "-m", "lab", "--no-browser", "--port=0"]
    log = cache / "log"
    with log.open("w") as told:
        options = {"stdout": told, "stderr": subprocess.STDOUT}
        process = subprocess.Popen(line, cwd=HERE.parent, **options)
    until = time.monotonic() + 120
    while not (said := log.read_text()).endswith("Ctrl-C ends it.\n"):
        assert process.poll() is None and time.monotonic() < until, said
        time.sleep(0.1)
    process.address = re.search(r"http://127.0.0.1:\d+/\w+", said)[0] + "/"
    process.password = re.search("password (.+)", said)[1]

    def link(name: str = "", **settings: object) -> str:
        page = {"file": pages()[name]} if name else {}
        asked = page | settings | {"access_token": process.password}
        return f"{process.address}?{urlencode(asked)}"

    process.link = link
    yield process
    process.terminate()
    process.wait(timeout=20)
    assert "Traceback" not in log.read_text(), log.read_text()
    assert "opengraph" not in log.read_text(), log.read_text()


@pytest.fixture(scope="session")
def base_url(server):
    return server.address


@pytest.fixture(scope="session")
def browser_type_launch_args():
    return CHROMIUM


@pytest.fixture
def page(page):
    """A page that remembers which hosts it asked."""
    page.hosts = set()
    page.on("request", lambda request: page.hosts.add(urlparse(request.url).hostname))
    page.set_viewport_size({"width": 1280, "height": 720})
    return page


@pytest.fixture
def open_lab(page, server):
    def visit(name: str, page=page, **settings):
        page.set_default_timeout(180_000)  # a first visit trains
        page.goto(server.link(name, **settings))
        page.locator("img").first.wait_for()
        return page

    return visit


@pytest.fixture
def at_rest(page):
    """What `read()` says once it has said the same for so many seconds."""

    def wait(read, seconds: float = 1):
        for _ in range(10):
            last = read()
            page.wait_for_timeout(1000 * seconds)
            if read() == last:
                return last
        raise AssertionError(f"it never rests: {last}")

    return wait


@pytest.fixture
def watch_and_stop(page, at_rest):
    """What `read()` still says after Stop; before that so many things, as it trains."""

    def watch(read, pictures: int = 5):
        seen, since, longest = {read()}, time.monotonic(), 0
        while len(seen) < pictures:
            page.wait_for_timeout(50)
            took = time.monotonic() - since
            assert took < 60, seen
            if (new := read()) not in seen:
                seen.add(new)
                since, longest = since + took, max(longest, took)
        page.get_by_role("button", name="Stop").click()
        return at_rest(read, max(1, 3 * longest))

    return watch
