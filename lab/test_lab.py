"""What every lab must do, and the frame that they share."""

import ast
import asyncio
import contextlib
import hashlib
import inspect
import logging
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urljoin, urlparse
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

import cnnrnn_lab
import marimo as mo
import matplotlib.pyplot as plt
import psutil
import pytest
import shared
import torch
from axe_playwright_python.sync_playwright import Axe
from marimo._config.reader import find_nearest_pyproject_toml
from marimo._config.utils import get_user_config_path
from matplotlib.axes import Axes
from playwright.sync_api import expect
from starlette.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from lab import __main__ as launcher
from lab import host
from mistakes.__main__ import read
from tools.catalogue import ROOT, LessonError, lessons

LABS = list(launcher.pages())
every_lab = pytest.mark.parametrize("name", LABS)


# The frame


def test_turns_are_taken_in_the_order_of_asking():
    turns, order = shared.Turns(), []

    def visit(number):
        with turns:
            order.append(number)

    with turns:
        visitors = [threading.Thread(target=visit, args=[n]) for n in range(8)]
        for count, visitor in enumerate(visitors, start=2):
            visitor.start()
            while len(turns.line) < count:
                pass
    for visitor in visitors:
        visitor.join()
    assert order == [*range(8)]


@shared.watched
def train_a_line(seed: int, steps: int = 20, watch=None) -> list[float]:
    torch.manual_seed(seed)
    net, losses = torch.nn.Linear(3, 1), []
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for step in range(steps):
        loss = (net(torch.randn(8, 3)) - 1).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if watch is not None:
            watch(step + 1, loss.item())
    return losses


def test_eight_trainings_in_turns_are_what_each_is_alone():
    alone = [train_a_line(seed) for seed in range(8)]
    together, order = {}, []

    def visit(seed):
        with shared.alone(lambda loss: order.append(seed)):
            together[seed] = train_a_line(seed)

    visitors = [threading.Thread(target=visit, args=[seed]) for seed in range(8)]
    with shared.TURNS:
        for visitor in visitors:
            visitor.start()
        while len(shared.TURNS.line) < 9:
            pass
    for visitor in visitors:
        visitor.join()
    assert [together[seed] for seed in range(8)] == alone
    assert len(set(order[:8])) == 8  # they did alternate, step by step
    assert len(shared.TURNS.line) == 0


def test_whoever_asked_leaves_the_seed_as_it_was():
    torch.manual_seed(5)
    want = torch.rand(3)
    torch.manual_seed(5)
    with shared.alone():
        train_a_line(1)
    assert torch.equal(torch.rand(3), want)


def test_a_training_that_fails_gives_its_turn_back():
    with pytest.raises(ZeroDivisionError), shared.alone(lambda loss: 1 / 0):
        train_a_line(0)
    with shared.alone():
        train_a_line(0)
    assert len(shared.TURNS.line) == 0


def test_a_mistake_in_training_is_told_and_others_go_on(monkeypatch):
    told = []
    monkeypatch.setattr(shared.mo, "Thread", threading.Thread)
    monkeypatch.setattr(shared.mo.output, "replace", told.append)
    jobs = []
    shared.start(jobs, lambda: 1 / 0, lambda losses, result: "drawn")
    jobs[0].thread.join()
    shared.start(jobs, lambda: 1, lambda losses, result: f"drawn {result}")
    jobs[0].thread.join()
    assert len(jobs) == 1 and len(shared.TURNS.line) == 0
    assert "division by zero" in told[0].text and told[1:] == ["drawn 1"]


def test_a_visitor_who_leaves_as_a_training_ends_raises_no_error(monkeypatch):
    failed = []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    monkeypatch.setattr(shared.mo, "Thread", threading.Thread)
    jobs = []
    shared.start(jobs, lambda: 1, lambda losses, result: gone)  # noqa: F821
    jobs[0].thread.join()
    assert not failed and len(shared.TURNS.line) == 0


def test_the_oldest_files_make_room(tmp_path):
    first, *_, last = paths = [tmp_path / f"rnn_{n:016x}.pt" for n in range(203)]
    for number, path in enumerate(paths):
        shared.store(path, b"x")
        os.utime(path, (number, number))
    assert len(kept := {*tmp_path.iterdir()}) <= 201
    assert last in kept and first not in kept


def test_only_what_the_lab_has_written_makes_room(tmp_path):
    others = [tmp_path / name for name in ("thesis.tex", "model.pt", "cnn_best.pt")]
    for path in others:
        path.write_text("not ours")
        os.utime(path, (0, 0))
    for number in range(203):
        shared.store(tmp_path / f"cnn-{number:016x}.png", b"x")
    assert all(path.read_text() == "not ours" for path in others)


@pytest.mark.parametrize("damage", [b"", b"no checkpoint", b"PK\x03\x04 torn"])
def test_what_was_trained_is_read_again_and_a_damaged_file_is_made_anew(
    tmp_path, monkeypatch, damage
):
    monkeypatch.setattr(shared, "CACHE", tmp_path / "cache")
    trained = []

    def train(net):
        trained.append(net)
        net.U.data.fill_(len(trained))

    make = sys.modules[shared.lesson("rnn")[0].__name__].SequenceClassifierRNN
    assert shared.keep("a", make(), train).U[0, 0] == 1
    assert shared.keep("a", make(), train).U[0, 0] == 1 == len(trained)
    assert shared.keep("another", make(), train).U[0, 0] == 2
    for path in (tmp_path / "cache").iterdir():
        path.write_bytes(damage)
    assert shared.keep("a", make(), train).U[0, 0] == 3
    assert shared.keep("a", make(), train).U[0, 0] == 3 == len(trained)


def test_what_is_read_again_is_not_the_next_to_go(tmp_path, monkeypatch):
    monkeypatch.setattr(shared, "CACHE", tmp_path / "cache")
    make = sys.modules[shared.lesson("rnn")[0].__name__].SequenceClassifierRNN
    shared.keep("evening before", make(), lambda net: None)
    (path,) = (tmp_path / "cache").iterdir()
    for number in range(199):
        new = path.with_name(f"rnn_{number:016x}.pt")
        shared.store(new, b"x")
        os.utime(new, (1, 1))
    os.utime(path, (0, 0))  # older than all
    shared.keep("evening before", make(), lambda net: None)
    shared.store(path.with_name(f"rnn_{200:016x}.pt"), b"x")  # one too many
    assert path.exists()
    os.utime(path, (0, 0))
    shared.store(path.with_name(f"rnn_{201:016x}.pt"), b"x")
    assert not path.exists()


def test_a_cache_that_carries_code_does_not_run_it(tmp_path, monkeypatch):
    monkeypatch.setattr(shared, "CACHE", tmp_path / "cache")
    make = sys.modules[shared.lesson("rnn")[0].__name__].SequenceClassifierRNN
    shared.keep("a", make(), lambda net: None)
    (path,) = (tmp_path / "cache").iterdir()
    torch.save(Payload(tmp_path / "it ran"), path)
    shared.keep("a", make(), lambda net: None)
    assert not (tmp_path / "it ran").exists()


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def pictures() -> list[str]:
    """One by the lab, one by a lesson, and the animation; as hashes."""
    fig, ax = shared.Drawing.subplots(2, figsize=(8, 4), sharex=True)
    ax[0].plot(range(20))
    cnn, _ = shared.lesson("cnn")
    image = torch.linspace(0, 1, 784).view(1, 28, 28)
    right = {
        f"{net}_{way}": 0.5
        for net in ("cnn", "mlp")
        for way in ("in_order", "shuffled")
    }
    lessons_own = cnn.figure(image[0], image[0], right)
    made = [shared.picture(each, "A picture").text for each in (fig, lessons_own)]
    chances = torch.linspace(0, 1, 30).view(6, 5)
    film = cnnrnn_lab.shoot(0, (0, 0), "left", cnnrnn_lab.ORDER)
    made.append(str(cnnrnn_lab.animate(film, chances, chances[-1:], cnnrnn_lab.ORDER)))
    return [hashlib.sha256(each.encode()).hexdigest() for each in made]


def test_pictures_stay_right_if_another_visitors_cell_closes_all_figures(monkeypatch):
    want, draw, closed = pictures(), Axes.draw, []

    def draw_while_another_closes(*args):  # as marimo does it after each cell
        closed.append(plt.close("all"))
        return draw(*args)

    monkeypatch.setattr(Axes, "draw", draw_while_another_closes)
    assert pictures() == want and closed


@every_lab
def test_a_lesson_in_a_lab_draws_what_is_on_no_list(name):
    module, _ = shared.lesson(name)
    used = set(re.findall(r"\bplt\.(\w+)", inspect.getsource(module))) - {"show"}
    given = {"figure": [], "subplots": [1, 2], "subplot_mosaic": [[["a", "b"]]]}
    assert used and used <= set(given)
    for draw in used:
        made = getattr(module.plt, draw)(*given[draw], figsize=(8, 4.5))
        fig = made if draw == "figure" else made[0]
        assert fig.canvas.manager is None  # what is on pyplot's list has one
        assert plt.get_fignums() == []
    lab = lessons()[name].lab.read_text(encoding="utf-8")
    assert "pyplot" not in lab


def test_the_command_line_names_what_differs_from_the_default():
    line = shared.command("compare_blocks", depth=80, size=64, seed=0).text
    assert "python compare_blocks.py --depth 80<" in line


# Every lab in the browser


def test_the_gallery_has_all_labs_and_nothing_else(page, server):
    page.goto(server.link())
    page.locator("a[href*='file=']").first.wait_for()
    links = page.eval_on_selector_all("a", "all => all.map(a => a.href)")
    files = [link.partition("file=")[2] for link in links if "file=" in link]
    assert files == list(launcher.pages().values())  # in the lessons' order
    for name, file in launcher.pages().items():
        card = page.locator(f"a[href$='file={file}']")
        expect(card).to_contain_text(shared.lesson(name)[0].ASK)
        source = card.locator("img").get_attribute("src")
        shown = page.request.get(urljoin(server.address, source)).body()
        assert shown == (shared.ROOT / "docs" / "pictures" / f"{name}.png").read_bytes()


def below(process) -> list[psutil.Process]:
    """All that it has started, and what these have."""
    return psutil.Process(process.pid).children(recursive=True)


def listening(process) -> set[str]:
    """The addresses that a process and those that it started answer at."""
    return {
        connection.laddr.ip
        for each in [psutil.Process(process.pid), *below(process)]
        for connection in each.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }


def test_it_is_bound_to_loopback(server):
    assert listening(server) == {"127.0.0.1"}


def test_nobody_gets_in_without_the_password(page, server):
    page.goto(server.address)
    assert "login" in page.url
    page.locator("input[name=password]").fill("aaaaaaaa")
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_contain_text("Invalid")
    page.locator("input[name=password]").fill(server.password)
    page.keyboard.press("Enter")
    page.locator("a[href*='file=']").first.wait_for()


def test_a_page_of_another_site_opens_no_session(server):
    room = server.address.replace("http", "ws") + "ws?session_id=evil&file=01_cnn.py"
    with pytest.raises(InvalidStatus), connect(room, origin="http://evil.example"):
        pass


OPEN_A_SESSION = """(room) => new Promise((resolve) => {
  const socket = new WebSocket(room);
  socket.onopen = () => resolve("open");
  socket.onerror = () => resolve("refused");
})"""


class OtherSite(BaseHTTPRequestHandler):
    def do_GET(self):  # noqa: N802
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"Hello")

    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def other_site():
    """The port of another program of this computer."""
    with ThreadingHTTPServer(("127.0.0.1", 0), OtherSite) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        yield site.server_port
        site.shutdown()


# To a browser, localhost is another site than 127.0.0.1; another port of it is not
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_page_of_another_site_opens_none_either_where_somebody_has_logged_in(
    page, server, cache, other_site, host
):
    room = server.address.replace("http", "ws") + "ws?file=01_cnn.py&session_id="
    page.goto(server.link())  # this browser has the lab's cookie now
    page.locator("a[href*='file=']").first.wait_for()
    assert page.evaluate(OPEN_A_SESSION, f"{room}ours") == "open"
    page.goto(f"http://{host}:{other_site}/")
    assert page.evaluate(OPEN_A_SESSION, f"{room}evil") == "refused"
    assert "handshake" not in (cache / "log").read_text()


def test_another_port_of_this_computer_is_sent_no_cookie(page, server, other_site):
    page.goto(server.link())  # this browser has the lab's cookie now
    page.locator("a[href*='file=']").first.wait_for()
    (cookie,) = page.context.cookies(server.address)
    with page.expect_request("**/by-link") as asked:
        page.goto(f"http://127.0.0.1:{other_site}/by-link")
    assert cookie["name"] not in asked.value.all_headers().get("cookie", "")
    at = urlparse(server.address)
    assert cookie["path"] == at.path.rstrip("/") and len(cookie["path"]) == 9
    # Others of this computer can read what a program was started with, and its ports.
    for each in below(server):
        assert cookie["path"] not in " ".join(each.cmdline())
    assert logged_in(server, "", f"{at.scheme}://{at.netloc}/") == 404


def test_a_page_of_another_port_has_no_lab_in_a_frame(page, server, other_site):
    page.goto(server.link())  # this browser has the lab's cookie now
    page.locator("a[href*='file=']").first.wait_for()
    page.goto(f"http://127.0.0.1:{other_site}/")
    framed = "link => document.body.innerHTML = `<iframe src='${link}'></iframe>`"
    page.evaluate(framed, f"{server.address}?file=01_cnn.py")
    frame = page.frame_locator("iframe").locator("body")
    expect(frame).to_have_text(host.FOREIGN)
    answer = page.request.get(server.address)  # where a browser does not say more
    assert host.OURS.decode() in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "foreign, path, headers",
    [
        (False, "/", {}),  # not a browser: it has to know the password
        (False, "/ws", {"origin": "http://127.0.0.1:2718"}),
        (True, "/ws", {"origin": "http://127.0.0.1:2719"}),
        (True, "/ws", {"origin": "http://localhost:2718"}),
        (True, "/ws", {"origin": "null"}),
        (True, "/ws", {"origin": "http://["}),
        (True, "/sse", {}),
        (False, "/", {"sec-fetch-site": "same-origin", "sec-fetch-dest": "image"}),
        (False, "/", {"sec-fetch-site": "same-site", "sec-fetch-dest": "document"}),
        (True, "/", {"sec-fetch-site": "same-site", "sec-fetch-dest": "iframe"}),
        (True, "/", {"sec-fetch-site": "cross-site", "sec-fetch-dest": "empty"}),
    ],
)
def test_who_is_let_through_the_door(foreign, path, headers):
    said = Headers({"host": "127.0.0.1:2718"} | headers)
    assert host.is_foreign(path, said) is foreign


def logged_in(server, path: str, above: str = "") -> int:
    """The status of what a visitor who has the password gets there."""
    address = f"{above or server.address}{path}?access_token={server.password}"
    try:
        with urlopen(address) as got:
            return got.status
    except HTTPError as error:
        return error.code


def test_who_has_no_password_cannot_fill_the_memory(server):
    """marimo reads the body of a login as long as it is."""
    at = urlparse(server.address)
    for length in ("1001", "1048577", "400000000", "9" * 5000, "-1", "x"):
        ask = HTTPConnection(at.hostname, at.port, timeout=20)
        ask.putrequest("POST", f"{at.path}auth/login")
        ask.putheader("Content-Type", "application/x-www-form-urlencoded")
        ask.putheader("Content-Length", length)
        ask.endheaders()
        assert ask.getresponse().status in (400, 413), length
        ask.close()


@pytest.mark.parametrize(
    "path, most", [("/abc/auth/login", 1000), ("/abc/api/kernel/instantiate", 2**20)]
)
def test_a_body_that_does_not_say_its_length_ends_where_it_is_too_long(path, most):
    heard = []

    async def app(scope, receive, send):
        while (message := await receive())["type"] == "http.request":
            heard.append(message["body"])
        heard.append(message["type"])

    async def receive():
        return {"type": "http.request", "body": bytes(most // 4), "more_body": True}

    scope = {"type": "http", "path": path, "headers": []}
    ask = host.Door(app)(scope, receive, None)
    with ThreadPoolExecutor(1) as threads:  # Playwright's loop runs in this one
        threads.submit(asyncio.run, ask).result()
    assert [len(each) for each in heard[:-1]] == [most // 4] * 4
    assert heard[-1] == "http.disconnect"


def test_a_socket_without_sense_is_closed_in_one_line(server, cache):
    """A letter that is not ASCII in place of the password; a page that is not there."""
    before = (cache / "log").read_text()
    at = urlparse(server.address)
    key = f"access_token={server.password}&session_id=s_abcdef"
    for asked in ("access_token=%C3%A4", f"{key}&file=nowhere.py"):
        with socket.create_connection((at.hostname, at.port), timeout=20) as line:
            line.sendall(
                f"GET {at.path}ws?{asked} HTTP/1.1\r\nHost: {at.netloc}\r\n"
                "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: aaaaaaaaaaaaaaaaaaaaaa==\r\n\r\n".encode()
            )
            assert line.recv(1000)

    def lines() -> list[str]:
        told = (cache / "log").read_text().removeprefix(before)
        assert "Traceback" not in told, told
        return [line for line in told.splitlines() if line.startswith("lab: ")]

    until = time.monotonic() + 20
    while not lines() and time.monotonic() < until:
        time.sleep(0.1)
    # marimo itself may answer the second, in silence.
    assert 1 <= len(lines()) <= 2 and all("/ws'" in line for line in lines()), lines()


def test_what_comes_a_thousand_times_is_said_once_a_second(monkeypatch):
    now = 100.0
    monkeypatch.setattr(host.time, "monotonic", lambda: now)
    seldom, told = host.Seldom(), []
    for _ in range(1000):
        words = {"msg": "accept: no %s", "args": ("room" * 500,)}
        words["exc_info"] = (1, 2, 3)
        record = logging.makeLogRecord(words)
        if seldom.filter(record):
            told.append((len(record.getMessage()), record.exc_info))
        now += 0.0025
    assert told == [(300, None)] * 3
    other = logging.makeLogRecord({"msg": "a task failed", "exc_info": (1, 2, 3)})
    assert seldom.filter(other) and seldom.filter(other) and other.exc_info


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("path", ["/ws_sync", "/abc/ws_sync", "/api/export/html"])
def test_what_no_page_of_ours_asks_for_is_closed(kind, path):
    scope = {"type": kind, "path": path, "headers": []}
    assert host.refused(scope)[0] == 404
    assert host.refused(scope | {"path": "/abc/ws"}) is None


def test_a_lesson_that_cannot_be_imported_does_not_close_the_others(
    monkeypatch, capsys
):
    asked = []

    def imported(name):
        asked.append(name)
        raise SyntaxError("half a line")

    monkeypatch.setattr(shared, "imported", imported)
    monkeypatch.setattr(host.builtins, "compile", compile)
    host.prepare()
    assert asked == LABS
    assert "lab: rnn: SyntaxError: half a line" in capsys.readouterr().err


def test_the_log_is_short_names_no_session_and_is_no_file(server, cache):
    """A stranger chooses some of the words, and a whole room may see them."""
    before = (cache / "log").read_text()
    jar = build_opener(HTTPCookieProcessor())
    html = jar.open(server.link("rnn")).read().decode()
    token = re.search(r'"serverToken":\s*"([^"]+)"', html)[1]
    for sent in (token, "x" + " " * 5000 + "The lab is open at evil" + "y" * 5000):
        head = {"Marimo-Session-Id": "s_nobody", "Marimo-Server-Token": sent}
        head["Content-Type"] = "application/json"
        address = f"{server.address}api/kernel/set_ui_element_value"
        with pytest.raises(HTTPError):
            jar.open(Request(address, b'{"objectIds": [], "values": []}', head))
    after = (cache / "log").read_text().removeprefix(before)
    assert "Valid" not in after and "The lab is open at evil" in after
    assert max(map(len, after.splitlines())) < 400
    assert " " * 10 not in after.split("x", 1)[-1]
    (host_process, *_) = below(server)
    assert not [file for file in host_process.open_files() if "marimo" in file.path]


@pytest.mark.parametrize(
    "sent", [30_000, -1, 10**18, "x", None, [1], float("nan"), 2.5]
)
def test_what_is_sent_without_a_browser_stays_within_the_ends(sent):
    slider = mo.ui.slider(2, 100, value=50)
    number = mo.ui.number(2, 2**32 - 1, 1, value=50)
    assert slider._convert_value(sent) == 2 and slider._convert_value(70) == 70
    some = mo.ui.slider(0.0, 1.0, 0.1, value=0.5)
    assert some._convert_value(0.3) == 0.3 and some._convert_value(9) == 0
    allowed = sent in (30_000, None)  # None: who deletes it to type another one
    assert number._convert_value(sent) == (sent if allowed else 2)
    steps = mo.ui.slider(steps=[0, 1, 10], value=1)
    assert steps._convert_value(sent) in (0, 1, 10) and steps._convert_value(2) == 10


def test_three_who_come_first_and_at_once_all_get_in(launch, browser):
    """Each visitor has a thread: do two of them import torch at the same time?"""
    words = "--no-browser", "--port=0"
    _, said, _ = launch(*words, until="Ctrl-C ends it.")
    link = re.search(r"With the password in it: (\S+)", said)[1]
    names = "rnn", "compare_blocks", "cnn"
    tabs = [browser.new_context().new_page() for _ in names]
    for tab, name in zip(tabs, names, strict=True):
        tab.goto(f"{link}&file={launcher.pages()[name]}", wait_until="commit")
    for tab, name in zip(tabs, names, strict=True):
        asked = shared.lesson(name)[0].ASK
        expect(tab.locator("h1").first).to_have_text(asked, timeout=120_000)
        tab.context.close()


def test_syntax_trees_are_made_one_at_a_time():
    inside, most = [], []

    def build(*words, **options):
        inside.append(words)
        most.append(len(inside))
        time.sleep(0.05)
        inside.pop()
        return compile(*words, **options)

    alone = host.one_at_a_time(build)
    for flags, together in ((ast.PyCF_ONLY_AST, 1), (0, 2)):
        most.clear()
        with ThreadPoolExecutor(2) as threads:
            words = ["1 + 1"] * 4, ["x"] * 4, ["eval"] * 4, [flags] * 4
            made = list(threads.map(alone, *words))
        assert max(most) == together and len(made) == 4
    assert isinstance(alone("1", "x", "eval", ast.PyCF_ONLY_AST), ast.Expression)


@pytest.mark.skipif(sys.platform == "win32", reason="a name lives while it is open")
def test_what_other_programs_share_in_memory_is_no_file_of_the_lab(server):
    secret = SharedMemory(create=True, size=6)
    try:
        secret.buf[:6] = b"secret"
        for name in (secret.name, f"-{secret.name}", f"1-{secret.name}", "/etc/passwd"):
            assert logged_in(server, f"@file/6-{name}") == 404
        assert logged_in(server, "@file/0-empty.txt") == 200
    finally:
        secret.close()
        secret.unlink()


def test_a_file_that_is_gone_is_one_line_in_the_log(server, cache):
    with contextlib.suppress(HTTPException, OSError):
        logged_in(server, "@file/9-123-abcdEFG1.png")
    until = time.monotonic() + 10
    while "abcdEFG1" not in (told := (cache / "log").read_text()):
        assert time.monotonic() < until, told
    assert "Traceback" not in told


def test_a_page_follows_no_settings_of_the_folders_above_it(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text("[tool.marimo.runtime]\npythonpath=['x']")
    (tmp_path / ".marimo.toml").write_text("[runtime]\npythonpath=['x']")
    folder = tmp_path / "pages"
    folder.mkdir()
    launcher.lay_out(folder)
    for page in launcher.pages().values():
        found = find_nearest_pyproject_toml(folder / page)
        assert found == folder / "pyproject.toml" and found.read_text() == ""
    monkeypatch.chdir(folder)
    found = Path(get_user_config_path())
    assert found.samefile(folder / ".marimo.toml") and found.read_text() == ""


def test_marimo_runs_where_its_empty_settings_are(server):
    (host_process, *_) = below(server)
    assert "lab.host" in host_process.cmdline()
    for name in launcher.SETTINGS:
        assert Path(host_process.cwd(), name).read_text() == ""


def test_who_is_quicker_to_listen_is_told_nothing(tmp_path, monkeypatch, capfd):
    launcher.lay_out(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as thief:
        port = thief.getsockname()[1]
        monkeypatch.setattr(launcher, "find_port", lambda *asked: port)
        with pytest.raises(LessonError, match="marimo ended"):
            launcher.serve(str(tmp_path), None, room=False, browser=False, port=port)
        thief.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody has knocked
            thief.accept()
    assert "password" not in capfd.readouterr().out


def test_a_folder_of_the_user_in_that_of_the_lab_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(launcher, "ROOT", tmp_path)
    (tmp_path / "lab" / "open-day").mkdir(parents=True)
    left = tmp_path / "lab" / f"{launcher.WAY}0123"
    left.mkdir()
    for folder in (tmp_path / "lab").iterdir():
        os.utime(folder, (0, 0))
    with launcher.way_in("http://127.0.0.1:9/") as way:
        assert way.is_file()
    assert [each.name for each in (tmp_path / "lab").iterdir()] == ["open-day"]


@pytest.mark.parametrize("steers", ["\x1b[2J", "\x9b2J", "a\x07", "\x7f"])
@pytest.mark.parametrize("name", ["Marimo-Server-Token", "Referer"])
def test_nobody_steers_the_terminal_of_the_lab(server, cache, name, steers):
    at = urlparse(server.address)
    before = (cache / "log").read_text()
    for path in ("/", at.path, f"{at.path}api/version"):
        ask = HTTPConnection(at.hostname, at.port)
        ask.putrequest("POST", path)
        ask._output(f"{name}: x{steers}".encode("latin-1"))  # it would refuse, too
        ask.putheader("Content-Length", "0")
        ask.endheaders()
        ask.getresponse().read()
        ask.close()
    after = (cache / "log").read_text().removeprefix(before)
    assert after.replace("\n", "").isprintable(), after
    if name == "Marimo-Server-Token":  # marimo tells it
        assert f"x{steers}".encode("unicode_escape").decode() in after


def test_a_request_that_makes_no_sense_is_one_line_in_the_log(server, cache):
    with pytest.raises(HTTPError, match="500"):
        urlopen(f"{server.address}?access_token=%C3%A4")
    until = time.monotonic() + 10
    while "/': TypeError" not in (told := (cache / "log").read_text()):
        assert time.monotonic() < until, told
    assert "Traceback" not in told


def test_a_password_is_typed_letters_and_another_each_time():
    many = {launcher.password() for _ in range(200)}
    assert len(many) == 200 and {len(one) for one in many} == {8}
    assert not set("".join(many)) & set("0o1il")


@pytest.fixture
def launch(tmp_path, ctrl_c):
    """Starts the launcher; afterwards it is ended as by Ctrl-C."""
    started = []

    def start(*words: str, until: str):
        log, visited = tmp_path / "log", tmp_path / "visited"
        browser = tmp_path / "browser"
        browser.write_text(f'#!/bin/sh\necho "$1" > {visited}\n')
        browser.chmod(0o755)
        with log.open("w") as told:
            line = [sys.executable, "-m", "lab", *words]
            options = {"stdout": told, "stderr": told, "cwd": shared.ROOT}
            settings = os.environ | {"BROWSER": str(browser), "PYTHONHASHSEED": "0"}
            process = subprocess.Popen(line, env=settings, **options)
        started.append(process)
        while until not in log.read_text() and process.poll() is None:
            time.sleep(0.1)
        return process, log.read_text(), visited

    yield start
    for process in started:
        inside = below(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert not any(each.is_running() for each in inside)


def test_the_browser_of_this_computer_is_opened_at_the_lesson_without_a_password_asked(
    launch, page
):
    process, said, visited = launch("rnn", until="Ctrl-C ends it.")
    word = re.search("password (.+)", said)[1]
    while not visited.exists() or not visited.read_text():
        time.sleep(0.1)
    link = visited.read_text().strip()
    assert word not in link  # everybody on this computer can read it
    file = Path(urlparse(link).path)
    assert word in file.read_text()
    assert os.name != "posix" or file.parent.stat().st_mode & 0o077 == 0
    page.goto(link)
    expect(page.locator("h1").first).to_have_text(shared.lesson("rnn")[0].ASK)
    inside = below(process)
    assert inside and not any(word in " ".join(each.cmdline()) for each in inside)


def test_with_room_others_are_let_in_and_get_a_qr_code(launch):
    process, said, _ = launch("--room", "--no-browser", until="Ctrl-C ends it.")
    assert listening(process) == {"0.0.0.0"}
    assert "\u2588" in said or "\u2584" in said  # blocks of the code
    link = re.search(r"With the password in it: (\S+)", said)[1]
    assert not link.startswith("http://127.")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize("name", ["SIGKILL", "SIGQUIT", "SIGTERM", "SIGINT"])
def test_no_lab_and_nothing_of_it_stays_without_its_launcher(tmp_path, name, page):
    def heed():  # a shell lets what runs in its background ignore these
        for ignored in signal.SIGQUIT, signal.SIGINT:
            signal.signal(ignored, signal.SIG_DFL)

    line = [sys.executable, "-m", "lab", "--no-browser", "--port=0"]
    options = {"stdout": subprocess.PIPE, "cwd": shared.ROOT, "text": True}
    options["preexec_fn"] = heed
    new = dict.fromkeys(["NN_LAB_CACHE", "NN_RUNS"], str(tmp_path))
    options["env"] = os.environ | new
    with subprocess.Popen(line, **options) as process:
        while "http" not in (said := process.stdout.readline()) or "access" not in said:
            assert process.poll() is None
        page.goto(f"{said.split()[-1]}&file={launcher.pages()['compare_blocks']}")
        mistakes = page.get_by_label("Make a classic mistake")
        mistakes.select_option("Subtract f(x) from the skip")
        while len(inside := below(process)) < 4:  # marimo, show, right and wrong
            time.sleep(0.1)
        for _ in range(2 if name == "SIGINT" else 1):  # who is impatient presses twice
            process.send_signal(getattr(signal, name))
            time.sleep(0.3)
        _, alive = psutil.wait_procs(inside, timeout=12)  # by itself it takes longer
    for each in alive:
        each.kill()
    assert inside and not alive


def test_a_lesson_without_a_lab_is_told_in_one_line():
    line = [sys.executable, "-m", "lab", "cluster"]
    options = {"capture_output": True, "text": True, "cwd": shared.ROOT}
    done = subprocess.run(line, **options)
    assert done.returncode == 2

    told = f"no lab 'cluster'; there are {', '.join(LABS)}"
    assert done.stderr == f"python -m lab: error: {told}\n"


@every_lab
def test_question_claim_command_mistakes_phone_and_nobody_else_is_asked(
    page, open_lab, name
):
    open_lab(name)
    module = sys.modules.get(name) or shared.lesson(name)[0]
    ask, claim = " ".join(module.ASK.split()), " ".join(module.CLAIM.split())
    expect(page.locator("h1").first).to_have_text(ask)
    told = page.get_by_role("region", name="The claim")
    expect(told).not_to_be_visible()
    page.get_by_role("button", name="The claim").click()
    expect(told).to_have_text(claim)
    expect(page.get_by_text(f"python {lessons()[name].file}").first).to_be_visible()
    expect(page.get_by_role("button", name="Reset")).to_be_visible()
    page.get_by_label("Make a classic mistake").wait_for()  # the last cell
    options = page.locator("select option").all_inner_texts()
    assert {entry["says"] for entry in read(name)[1].values()} <= set(options)
    words = page.eval_on_selector_all("img", "all => all.map(i => i.alt)")
    assert all(len(alt) > 9 for alt in words)
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    page.locator("img").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.hosts <= {"127.0.0.1", "", None}


FIRST = {  # what each first screen says to do, and with what
    "cnn": ("Draw a digit", "canvas"),
    "autoencoder": ("Draw a digit", "canvas"),
    "compare_blocks": ("Drag the depth", "role=slider"),
    "attention": ("Move the knob", "role=slider"),
    "cnnrnn": ("Press Play backwards", "role=button[name='Play backwards']"),
    "rnn": ("Press Watch both train", "role=button[name='Watch both train']"),
    "lightning": ("Press Train with", "role=button[name='Train with Lightning, too']"),
}


@every_lab
def test_the_first_screen_says_what_to_do_and_has_what_it_takes(page, open_lab, name):
    open_lab(name)
    said, control = FIRST[name]
    page.get_by_label("Make a classic mistake").wait_for()
    for part in page.get_by_text(said).first, page.locator(control).first:
        box = part.bounding_box()
        assert box["y"] + box["height"] <= 720, part


@every_lab
@pytest.mark.parametrize("width", [1280, 390])
def test_a_pictures_type_is_as_large_as_that_of_the_page(page, open_lab, name, width):
    page.set_viewport_size({"width": width, "height": 844})
    open_lab(name)
    page.get_by_label("Make a classic mistake").wait_for()
    shown = page.eval_on_selector_all(
        "img",
        "all => all.map(i => [i.clientWidth, parseInt(i.closest('[style*=min-width]')"
        ".style.minWidth), i.closest('[style*=overflow]').clientWidth])",
    )
    assert shown
    for wide, least, room in shown:
        assert wide >= least > 200
        assert room >= least or width < 1280  # moved sideways on a phone only


MARIMOS = {"button-name": "radix-", "color-contrast": "<span>Back</span>"}  # not ours


@every_lab
def test_axe_finds_no_serious_fault_of_ours_on_a_phone(page, open_lab, name):
    page.set_viewport_size({"width": 390, "height": 844})
    open_lab(name)
    page.get_by_label("Make a classic mistake").wait_for()
    faults = [
        (fault["id"], node["html"])
        for fault in Axe().run(page).response["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
        if MARIMOS.get(fault["id"], "nothing") not in node["html"]
    ]
    assert not faults


@every_lab
def test_settings_come_from_the_address_a_reload_keeps_them_and_reset_forgets(
    page, server, name
):
    line = page.get_by_text(re.compile(f"^python {lessons()[name].file}"))
    page.goto(server.link(name, seed=8))  # no picture of it: nobody trained it yet
    seed = page.get_by_role("textbox", name="Seed")
    expect(seed).to_have_value("8")
    seed.fill("16")
    seed.press("Enter")
    page.wait_for_url(lambda url: "seed=16" in url, timeout=60_000)
    expect(line).to_contain_text(f"--seed {2 if name == 'rnn' else 16}")
    page.reload()
    expect(seed).to_have_value("16")
    page.get_by_role("button", name="Reset").click()
    expect(seed).to_have_value("0")
    page.wait_for_url(lambda url: "seed=0" in url, timeout=60_000)


@pytest.mark.parametrize(
    "bad", ["-1", "4294967296", "1e3", "9" * 5000, "seven", "", ["1", "2"]]
)
def test_what_an_address_cannot_ask_for_is_not_set(monkeypatch, bad):
    query = {"seed": bad, "motion": bad, "depth": bad}
    monkeypatch.setattr(shared.mo, "query_params", lambda: query)
    allowed = dict(seed=(0, shared.SEEDS), motion=("left", ["left", "up"]))
    start = shared.asked(0, **allowed, depth=(50, range(1, 101)))
    assert start == {"seed": 0, "motion": "left", "depth": 50}


def test_what_an_address_asks_for_is_set_until_reset(monkeypatch):
    query = {
        "seed": "4294967295",
        "noise": "1",
        "knob": "0.1",
        "on": "True",
        "list": "anna 7",
    }
    monkeypatch.setattr(shared.mo, "query_params", lambda: query)
    settings = dict(
        seed=(0, shared.SEEDS), noise=(0.3, [0.3, 1.0]), knob=(1, [0, 0.1, 1])
    )
    settings |= dict(on=(False, [False, True]), list=("", str))
    want = {"seed": 4294967295, "noise": 1.0, "knob": 0.1, "on": True, "list": "anna 7"}
    assert shared.asked(0, **settings) == want
    assert shared.asked(1, **settings) == {
        "seed": 0,
        "noise": 0.3,
        "knob": 1,
        "on": False,
        "list": "",
    }


def test_type_that_is_half_as_large_needs_twice_the_room():
    fig, ax = shared.Drawing.subplots(figsize=(5, 3), layout="none")
    ax.set(xticks=[], yticks=[])
    words = ax.text(0, 0, "words", fontsize=14)
    assert shared.readable(fig) == 5 * 72
    words.set_fontsize(7)
    assert shared.readable(fig) == 5 * 144


def test_half_a_file_of_mnist_is_told(monkeypatch):
    told = []
    monkeypatch.setattr(shared.mo, "Thread", threading.Thread)
    monkeypatch.setattr(shared.mo.output, "replace", told.append)
    jobs = []
    shared.start(jobs, lambda: sys.exit("no MNIST"), lambda losses, result: "drawn")
    jobs[0].thread.join()
    assert "no MNIST" in told[0].text


def test_after_stop_it_says_that_it_has_stopped(page, open_lab):
    open_lab("compare_blocks")
    page.get_by_role("button", name="Train all four").click()
    page.get_by_text("of 800", exact=False).wait_for()
    expect(page.get_by_text("Stopped at step")).to_have_count(0)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped at step")).to_be_visible()


def test_a_mistake_is_shown_right_and_wrong(page, open_lab):
    open_lab("compare_blocks")
    page.get_by_label("Make a classic mistake").select_option(
        "Subtract f(x) from the skip"
    )
    expect(page.locator("img[alt^='Right and wrong']")).to_be_visible(timeout=120_000)
    expect(
        page.get_by_text("Everything holds, and nothing looks wrong")
    ).to_be_visible()


# Many visitors


def test_eight_visitors_each_see_their_own(browser, server):
    contexts = [browser.new_context() for _ in range(8)]
    pages = [context.new_page() for context in contexts]
    for visitor in pages:
        visitor.goto(server.link("compare_blocks"))
    for seed, visitor in enumerate(pages):
        visitor.locator("img").first.wait_for(timeout=120_000)
        visitor.get_by_role("textbox", name="Seed").fill(str(seed))
        visitor.keyboard.press("Enter")
        visitor.get_by_role("slider").first.press("Home")
        for _ in range(seed):
            visitor.keyboard.press("ArrowRight")
        options = f" --depth {1 + seed}{f' --seed {seed}' if seed else ''}"
        visitor.get_by_text(f"python compare_blocks.py{options}", exact=True).wait_for()
    for visitor in pages:
        visitor.get_by_role("button", name="Train all four").click()
    for seed, visitor in enumerate(pages):
        told = visitor.get_by_text("Reads after training:")
        told.wait_for(timeout=120_000)
        with shared.alone():
            module, _ = shared.lesson("compare_blocks")
            _, _, learned = module.compare(1 + seed, 64, 200, seed)
        for name, share in learned.items():
            assert f"{name.replace('_', ' ')} {share:.1%}" in told.inner_text()
    for context in contexts:
        context.close()


def test_what_a_closed_tab_trains_stops(browser, server):
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.link("lightning", epochs=20, batch_size=10))
    page.locator("img[alt*=' of 2300'], img[alt*=' of 96000']").wait_for()
    (marimo,) = psutil.Process(server.pid).children()
    assert marimo.cpu_percent(interval=2) > 20
    context.close()
    time.sleep(launcher.FORGET + 5)
    assert marimo.cpu_percent(interval=3) < 5


def test_memory_stays_bounded_over_200_interactions(page, open_lab, server):
    open_lab("compare_blocks")
    slider = page.get_by_role("slider").first
    slider.press("Home")  # one block: 200 quick responses
    page.get_by_text("python compare_blocks.py --depth 1", exact=True).wait_for()
    (marimo,), megabytes = psutil.Process(server.pid).children(), []
    for number in range(200):
        page.keyboard.press("ArrowRight" if number % 40 < 20 else "ArrowLeft")
        depth = 2 + number % 40 if number % 40 < 20 else 40 - number % 40
        line = f"python compare_blocks.py --depth {depth}"
        page.get_by_text(line, exact=True).wait_for()
        megabytes.append(marimo.memory_info().rss / 2**20)
    early, late = (
        statistics.median(megabytes[40:60]),
        statistics.median(megabytes[-20:]),
    )
    print(f"{early:.0f} MB after 50 interactions, {late:.0f} MB after 200")
    assert late - early < 50


def test_the_measurement_of_a_room_begins():
    command = [sys.executable, "-m", "lab.load", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "--visitors" in done.stdout, done.stderr
