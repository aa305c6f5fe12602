"""marimo behind a door of ours: `host.py PID SIGN ...`, for as long as that process
lives. When it listens, it makes the file SIGN. The variable NN_LAB_BELOW, which nobody
else can read, says below which path the lab is.

Ctrl-C ends the lab, but not everything that ends its launcher can be heard by it. A
room must not stay open then, for whoever has the password.
"""

import logging
import os
import re
import runpy
import sys
import threading
from pathlib import Path

import uvicorn
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from mistakes.examine import plain
from tools import group

FOREIGN = "The lab answers its own pages only."
OURS = b"frame-ancestors 'self'"  # no page of others may show it in a frame
# As marimo names what its pages show. It would also read, and in the end remove, what
# any program of this user shares in memory: an address must not name that.
SHOWN = re.compile(r"\d+-\d+-[A-Za-z0-9]{8}\.\w+|0-empty\.txt")


class Door:
    """What every request has to pass before marimo hears of it.

    A browser sends its cookies to all ports of a computer, whoever listens there, so
    that a cookie does not show whose page asks. Headers do, which no page can change.
    """

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] not in ("http", "websocket"):  # it starts, or ends
            return await self.app(scope, receive, send)
        if why := refused(scope):
            if scope["type"] == "websocket":
                return await send({"type": "websocket.close", "code": 1008})
            answer = PlainTextResponse(why[1], status_code=why[0])
            return await answer(scope, receive, send)

        async def send_ours(message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message["headers"], (b"content-security-policy", OURS)]
                message = message | {"headers": headers}
            await send(message)

        try:
            await self.app(scope, receive, send_ours)
        except Exception as error:  # of a request without sense, or of what is gone
            if scope["type"] == "websocket":
                raise
            said = f"{type(error).__name__}, {error}".replace("\n", " ")
            print(f"lab: {scope['path']!a}: {said[:200]}", file=sys.stderr)


def refused(scope) -> tuple[int, str] | None:
    """Status and words for what marimo must not hear of."""
    if is_foreign(scope["path"], Headers(scope=scope)):
        return 403, FOREIGN
    _, asked, name = scope["path"].partition("/@file/")
    if asked and not SHOWN.fullmatch(name):
        return 404, "No such file."
    return None


def is_foreign(path: str, headers: Headers) -> bool:
    """Whether somebody else's page has sent it. Not every browser sends each header."""
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != headers.get("host"):
        return True
    if path.endswith("/sse"):  # a socket without Origin, which no page of ours opens
        return True
    opened = headers.get("sec-fetch-dest") == "document"  # by a link, on the whole tab
    return headers.get("sec-fetch-site") in ("same-site", "cross-site") and not opened


class Plain:
    """A stream to the terminal of the lab, which nobody steers: marimo writes there
    what visitors and strangers have sent."""

    def __init__(self, stream):
        self.stream = stream

    def write(self, text: str) -> int:
        self.stream.write("\n".join(map(plain, text.split("\n"))))
        return len(text)

    def isatty(self) -> bool:  # no colours: they are codes as well
        return False

    def __getattr__(self, name):
        return getattr(self.stream, name)


def is_news(record: logging.LogRecord) -> bool:
    """Not that a page's picture for the gallery is no setting for the page itself."""
    return "tool.marimo.opengraph" not in record.getMessage()


class Config(uvicorn.Config):
    """What marimo makes its server from."""

    sign: Path

    def __init__(self, app, *words, **options):
        super().__init__(Door(app), *words, callback_notify=self.tell, **options)

    async def tell(self) -> None:
        """That it listens; uvicorn calls this then, and once in a while."""
        self.sign.touch()


if __name__ == "__main__":
    launcher, Config.sign = int(sys.argv.pop(1)), Path(sys.argv.pop(1))
    sys.argv.append(f"--base-url={os.environ.pop('NN_LAB_BELOW')}")
    threading.Thread(target=group.end_with, args=(launcher,), daemon=True).start()
    sys.stdout, sys.stderr = Plain(sys.stdout), Plain(sys.stderr)
    logging.getLogger("marimo").addFilter(is_news)
    uvicorn.Config = Config
    runpy.run_module("marimo", run_name="__main__", alter_sys=True)
