"""Opens the lab, for this computer alone or for a room.

python -m lab            the gallery of all lessons
python -m lab cnn        one lesson
python -m lab --room     for others, too: an address, a password, and both as a QR code
"""

import contextlib
import html
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import segno
import tyro

from tools import group
from tools.catalogue import ROOT, LessonError, lessons
from tools.cli import end
from tools.whole import sweep

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # no 0 and o, no 1, i and l
PORT = 2718  # of a room, if it is free: marimo's own
PATIENCE = 10  # seconds for marimo to end
SETTINGS = "pyproject.toml", ".marimo.toml"  # above a page; above where marimo runs
WAY = "nn-way-in-"  # how the folder is called that leads a browser there
FORGET = 10  # seconds; what a closed tab trains stops then


def pages() -> dict[str, str]:
    """The file of each lesson's page; marimo lists them in the order of their names."""
    labs = [name for name, lesson in lessons().items() if lesson.lab.exists()]
    return {name: f"{number:02}_{name}.py" for number, name in enumerate(labs, start=1)}


def lay_out(folder: Path) -> None:
    """Copy the pages there, with question and picture where marimo looks for them. It
    also looks for settings, in all folders above, too, until it has found some, and
    does what they ask for: it must find empty ones of ours."""
    for settings in SETTINGS:
        (folder / settings).touch()
    for name, file in pages().items():
        lesson, pictures = lessons()[name], folder / "__marimo__" / "assets" / file[:-3]
        words = (
            f"# title = {json.dumps(name)}\n# description = {json.dumps(lesson.ask)}"
        )
        header = f"# /// script\n# [tool.marimo.opengraph]\n{words}\n# ///\n"
        text = header + lesson.lab.read_text(encoding="utf-8")
        (folder / file).write_text(text, encoding="utf-8")
        pictures.mkdir(parents=True)
        picture = ROOT / "docs" / "pictures" / f"{name}.png"
        shutil.copy(picture, pictures / "opengraph.png")


def password() -> str:
    """Short enough to be typed from a slide, and nobody can compute it."""
    return "".join(secrets.choice(LETTERS) for _ in range(8))


def find_port(host: str, wanted: int) -> int:
    """This one, or another if somebody listens there."""
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            free.bind((host, wanted))
        except OSError:  # another lab is open
            free.bind((host, 0))
        return free.getsockname()[1]


def find_address() -> str:
    """This computer's address in its network. Nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.connect(("192.0.2.1", 9))  # nobody's address
        return way.getsockname()[0]


def wait_until_open(process: subprocess.Popen, sign: Path) -> None:
    """Until it says so. Nothing is sent to the port before that: whoever were quicker
    to listen there would hear the password."""
    while not sign.exists():
        if process.poll() is not None:
            raise LessonError("marimo ended; what it printed says why")
        time.sleep(0.1)


@contextlib.contextmanager
def way_in(link: str) -> Iterator[Path]:
    """A file that leads a browser there, and that nobody else may read. The address
    that a browser is opened with can be read by everybody on its computer, so the
    password must not stand in it. It lies here, since a browser that is packed by
    itself, as on Ubuntu, sees no files but those of its user. Where files are opened
    by another program than a browser, the printed link is left."""
    sweep(ROOT / "lab", f"{WAY}*")
    try:
        made = tempfile.TemporaryDirectory(prefix=WAY, dir=ROOT / "lab")
    except OSError:  # we may not write here
        made = tempfile.TemporaryDirectory()
    with made as folder:  # its rights are 700
        page = Path(folder, "lab.html")
        refresh = f"0; url={html.escape(link)}"
        page.write_text(f'<meta http-equiv="refresh" content="{refresh}">')
        yield page


def main(
    lesson: Annotated[str | None, tyro.conf.Positional] = None,
    *,
    room: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
    port: int | None = None,
    browser: bool = True,
) -> int:
    """Open the lab in a browser.

    Args:
        lesson: Open this one, not the gallery.
        room: Let others in who have the password.
        port: Listen there; if it is taken, or 0, at another. Without it a room has
            2718, if that is free, and a lab for this computer another port each time.
        browser: Open a browser on this computer.
    """
    if port is None:
        # A page that another program has shown at a port of this computer may stay in
        # the browser, and hear all that is asked there later (a service worker).
        port = PORT if room else 0
    if not 0 <= port < 2**16:
        raise LessonError(f"no port {port}: they go from 0 to 65535")
    if lesson is not None and lesson not in pages():
        raise LessonError(f"no lab {lesson!r}; there are {', '.join(pages())}")
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder))
        return serve(folder, lesson, room, browser, port)


def serve(folder: str, lesson: str | None, room: bool, browser: bool, port: int) -> int:
    """Run marimo on this folder until it ends; say where it is, and with what word."""
    host = "0.0.0.0" if room else "127.0.0.1"
    port, address = find_port(host, port), find_address() if room else host
    # A browser sends a cookie to all ports of a computer, but not to other paths. Who
    # reads the address from a slide has to type it, so a room has none.
    word, below = password(), "" if room else f"/{password()}"
    sign = Path(folder, "it-is-open")
    line = [sys.executable, "-m", "lab.host", str(os.getpid()), str(sign)]
    line += ["--quiet", "run", folder, "--headless"]
    line += [f"--host={host}", f"--port={port}", f"--session-ttl={FORGET}"]
    page = {"file": pages()[lesson]} if lesson else {}
    query = urlencode(page | {"access_token": word})
    paths = [str(ROOT / "lab"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    settings = {"PYTHONPATH": os.pathsep.join(paths), "MARIMO_SKIP_UPDATE_CHECK": "1"}
    settings["NN_LAB_BELOW"] = below
    for name in ("NN_DATA", "NN_RUNS", "NN_LAB_CACHE"):
        if name in os.environ:
            settings[name] = os.path.abspath(os.environ[name])
    settings.setdefault("NN_DATA", os.path.abspath("data"))
    process = subprocess.Popen(
        [*line, "--token-password-file=-"],
        stdin=subprocess.PIPE,  # the password is nobody else's on this computer
        text=True,
        cwd=folder,
        env=os.environ | settings,
        start_new_session=True,  # or marimo asks, too, whether Ctrl-C is meant
    )
    try:
        process.stdin.write(word)
        process.stdin.close()
        wait_until_open(process, sign)
        link = f"http://{address}:{port}{below}/?{query}"
        if room:
            segno.make(link).terminal(compact=True)
        print(f"The lab is open at http://{address}:{port}{below}, password {word}")
        print(f"With the password in it: {link}")
        print("Ctrl-C ends it.", flush=True)
        if not browser:
            return process.wait()
        with way_in(link) as way:
            webbrowser.open(way.as_uri())
            return process.wait()
    finally:  # with what it started: right and wrong of a mistake
        group.end(process, signal.SIGTERM, PATIENCE)


if __name__ == "__main__":
    sys.exit(end("python -m lab", lambda: tyro.cli(main, prog="python -m lab")))
