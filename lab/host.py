"""marimo, with a door of ours: `host.py PID ...`, for as long as that process lives.

Ctrl-C ends the lab, but not everything that ends its launcher can be heard by it. A
room must not stay open then, for whoever has the password.
"""

import os
import runpy
import signal
import sys
import threading
import time

import uvicorn
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse

FOREIGN = "The lab answers its own pages only."
USED = "This link works once. The terminal names another, with the password in it."


def end_with(launcher: int) -> None:
    """Wait until it has ended; then end, too, with all that was started here."""
    while os.getppid() == launcher:  # on Windows it is never another
        time.sleep(1)
    if hasattr(os, "killpg") and os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


class Door:
    """What every request has to pass before marimo hears of it.

    A browser sends its cookies to all ports of a computer, whoever listens there, so
    that a cookie does not show whose page asks. The header Origin does, and no page
    can change it.

    Args:
        app: marimo
        key: /once/<key> leads to `link`, one time. A browser is opened with an address
            that everybody on its computer can read; the password must not stand there.
    """

    def __init__(self, app, key: str, link: str):
        self.app, self.once, self.link = app, f"/once/{key}", link

    async def __call__(self, scope, receive, send) -> None:
        answer = self.app
        if scope["type"] in ("http", "websocket"):
            said = Headers(scope=scope)
            origin, host = said.get("origin"), said.get("host")
            if origin is not None and origin.partition("://")[2] != host:
                answer = PlainTextResponse(FOREIGN, status_code=403)
            elif scope["path"] == self.once:
                link, self.link = self.link, ""
                answer = RedirectResponse(link, status_code=303)
                if not link:
                    answer = PlainTextResponse(USED, status_code=403)
        await answer(scope, receive, send)


class Config(uvicorn.Config):
    """What marimo makes its server from."""

    def __init__(self, app, *words, **options):
        door = Door(app, os.environ.pop("NN_LAB_KEY"), os.environ.pop("NN_LAB_LINK"))
        super().__init__(door, *words, **options)


if __name__ == "__main__":
    launcher = int(sys.argv.pop(1))
    threading.Thread(target=end_with, args=(launcher,), daemon=True).start()
    uvicorn.Config = Config
    runpy.run_module("marimo", run_name="__main__", alter_sys=True)
