"""marimo behind a door of ours: `host.py PID SIGN ...`, for as long as that process
lives. When it listens, it makes the file SIGN. The variable NN_LAB_BELOW, which nobody
else can read, says below which path the lab is.

Ctrl-C ends the lab, but not everything that ends its launcher can be heard by it. A
room must not stay open then, for whoever has the password.
"""

import ast
import builtins
import contextlib
import functools
import importlib
import logging
import math
import os
import re
import runpy
import sys
import threading
import time
from pathlib import Path

import uvicorn
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from mistakes.examine import plain
from tools import group
from tools.catalogue import lessons

FOREIGN = "The lab answers its own pages only."
OURS = b"frame-ancestors 'self'"  # no page of others may show it in a frame
# As marimo names what its pages show. It would also read, and in the end remove, what
# any program of this user shares in memory: an address must not name that.
SHOWN = re.compile(r"\d+-\d+-[A-Za-z0-9]{8}\.\w+|0-empty\.txt")
# What no page of ours asks for: documents that are written together, a page as a file.
CLOSED = re.compile(r"/ws_sync|/api/export\b")
MOST = 2**20  # bytes that a request may bring: what is drawn on a pad are far fewer
LOGIN = 1000  # and a login: strangers can send many at a time, and each is kept


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
        brought, allowed = 0, most(scope["path"])

        async def receive_some() -> dict:
            """A body that does not say how long it is may not be too long, either."""
            nonlocal brought
            message = await receive()
            brought += len(message.get("body", b""))
            return message if brought <= allowed else {"type": "http.disconnect"}

        async def send_ours(message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message["headers"], (b"content-security-policy", OURS)]
                message = message | {"headers": headers}
            await send(message)

        try:
            await self.app(scope, receive_some, send_ours)
        except Exception as error:  # of a request without sense, or of what is gone
            said = f"{type(error).__name__}, {error}".replace("\n", " ")
            print(f"lab: {scope['path']!a}: {said[:200]}", file=sys.stderr)
            if scope["type"] == "websocket":
                with contextlib.suppress(Exception):  # it is closed already
                    await send({"type": "websocket.close", "code": 1011})


def refused(scope) -> tuple[int, str] | None:
    """Status and words for what marimo must not hear of. It would read a body of any
    size, also of somebody without the password, and all others would wait."""
    headers = Headers(scope=scope)
    if is_foreign(scope["path"], headers):
        return 403, FOREIGN
    length = headers.get("content-length", "0")
    if not length.isdecimal() or len(length) > 9 or int(length) > most(scope["path"]):
        return 413, "That is too much."
    if CLOSED.search(scope["path"]):
        return 404, "The lab has no such page."
    _, asked, name = scope["path"].partition("/@file/")
    if asked and not SHOWN.fullmatch(name):
        return 404, "No such file."
    return None


def most(path: str) -> int:
    """Bytes that a request there may bring."""
    return LOGIN if path.endswith("/auth/login") else MOST


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
    """What marimo tells, on a terminal that a whole room may see: short, for strangers
    choose some of the words. Not that a page's picture for the gallery is no setting
    for the page itself; and not whose sessions there are: who knows that is let in
    there."""
    said = " ".join(record.getMessage().split())
    record.msg, record.args = said[:300], ()
    return "tool.marimo.opengraph" not in said and not said.startswith("Valid ")


class Seldom(logging.Filter):
    """If strangers open more connections than there can be, asyncio says so thousands
    of times, each with a traceback. One line a second is enough. The rest passes."""

    last = -math.inf

    def filter(self, record: logging.LogRecord) -> bool:
        if "accept" not in record.getMessage():
            return True
        now, before = time.monotonic(), self.last
        if now - before < 1:
            return False
        self.last = now
        record.msg, record.args, record.exc_info = record.getMessage()[:300], (), None
        return True


def prepare() -> None:
    """Import what the pages need, before anybody can come. Each visitor has a thread,
    and two that import torch at the same time may leave it broken for all."""
    if sys.version_info < (3, 12):
        builtins.compile = one_at_a_time(compile)
    importlib.import_module("IPython.display")
    shared = importlib.import_module("shared")
    for name, lesson in lessons().items():
        if lesson.lab.exists():
            try:
                shared.imported(name)
            except Exception as error:  # its page will say it, too; the others are well
                print(f"lab: {name}: {type(error).__name__}: {error}", file=sys.stderr)
    marimo = logging.getLogger("marimo")
    marimo.addFilter(is_news)
    logging.getLogger("asyncio").addFilter(Seldom())
    for handler in [*marimo.handlers]:  # a file of any size that stays
        if isinstance(handler, logging.FileHandler):
            marimo.removeHandler(handler)
            handler.close()


def one_at_a_time(build):
    """The builtin compile, where two threads that ask for a syntax tree get in each
    other's way: https://github.com/python/cpython/issues/106905"""
    turn = threading.Lock()

    @functools.wraps(build)
    def compile_alone(source, filename, mode, flags=0, *words, **options):
        asked = source, filename, mode, flags
        if not flags & ast.PyCF_ONLY_AST:
            return build(*asked, *words, **options)
        with turn:
            return build(*asked, *words, **options)

    return compile_alone


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
    prepare()
    uvicorn.Config = Config
    runpy.run_module("marimo", run_name="__main__", alter_sys=True)
