"""How much memory and processor the lab takes with a room full of visitors.

python -m lab.load --visitors 10 --minutes 10
"""

import re
import statistics
import subprocess
import sys
import time
from itertools import cycle

import psutil
import tyro
from playwright.sync_api import Page, sync_playwright

from docs.chromium import CHROMIUM
from lab.__main__ import FORGET, pages
from tools.catalogue import ROOT

# What a visitor does in turn: drags the first slider, trains, and drags again
TRAINS = "Train", "Train all four", "Watch both train", "Train with Lightning, too"


def megabytes(process: psutil.Process) -> float:
    return process.memory_info().rss / 2**20


def use(page: Page, turn: int) -> None:
    """One thing that a visitor does: every fifth time a training."""
    button = page.get_by_role("button", name=re.compile(f"^({'|'.join(TRAINS)})$"))
    if turn % 5 == 4 and button.count():
        button.first.click()
        return
    page.get_by_role("slider").first.press("ArrowLeft" if turn % 2 else "ArrowRight")


def start() -> tuple[subprocess.Popen, str]:
    """The lab, and a link with its password."""
    line = [sys.executable, "-m", "lab", "--no-browser"]
    lab = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    for said in lab.stdout:
        if link := re.search(r"http\S+access_token=\S+", said):
            return lab, link[0]
    raise SystemExit("the lab did not start")


def measure(server: psutil.Process, link: str, visitors: int, minutes: float) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**CHROMIUM)
        print(f"{megabytes(server):.0f} MB before the first visitor", flush=True)
        tabs = []
        for _, file in zip(range(visitors), cycle(pages().values())):
            tab = browser.new_context().new_page()
            tab.set_default_timeout(600_000)  # a first visit trains
            tab.goto(f"{link}&file={file}")
            tab.locator("img").first.wait_for()
            tabs.append(tab)
        print(f"{megabytes(server):.0f} MB with {visitors} visitors", flush=True)
        until, turn, late = time.monotonic() + 60 * minutes, 0, []
        server.cpu_percent()
        seconds = sum(server.cpu_times()[:2])
        began = time.monotonic()
        while time.monotonic() < until:
            for tab in tabs:
                use(tab, turn)
            turn += 1
            time.sleep(5)
            late.append(megabytes(server))
            if turn % 12 == 0:
                print(f"{late[-1]:.0f} MB after {turn} turns", flush=True)
        share = (sum(server.cpu_times()[:2]) - seconds) / (time.monotonic() - began)
        print(f"{statistics.median(late[-12:]):.0f} MB in the last minute")
        print(f"{share:.0%} of a core over {minutes:g} minutes, {turn} turns each")
        browser.close()
        for wait in (FORGET + 5, 15):
            time.sleep(wait)
            print(
                f"{server.cpu_percent(interval=5):.0f} % of a core after everybody left"
            )
        print(f"{megabytes(server):.0f} MB then")


def main(visitors: int = 10, minutes: float = 10) -> None:
    """Open so many visitors' tabs, let them use the lab, and print what it takes.

    Args:
        visitors: Tabs, in turn at each page, each a visitor of its own.
        minutes: How long they use it.
    """
    lab, link = start()
    try:
        (server,) = psutil.Process(lab.pid).children()
        measure(server, link, visitors, minutes)
    finally:
        lab.terminate()
        lab.wait()


if __name__ == "__main__":
    tyro.cli(main)
