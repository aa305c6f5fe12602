"""What the labs share: one lock, a training that can be watched, a cache, the frame.

marimo serves every visitor from a thread of one process, and torch's seed and its
default dtype exist once per process. So whoever seeds, trains or draws does it inside
`alone()`, and a training gives way to the others after each step. Nobody draws with
pyplot: marimo closes all of pyplot's figures after each cell of every visitor.
"""

import base64
import contextlib
import functools
import hashlib
import html
import inspect
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import defaultdict, deque
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import anywidget  # noqa: E402
import marimo as mo  # noqa: E402
import matplotlib  # noqa: E402
import torch  # noqa: E402
import traitlets  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.text import Text  # noqa: E402

from mistakes import __main__ as mistakes  # noqa: E402
from tools import store as runs  # noqa: E402
from tools.catalogue import lessons  # noqa: E402
from tools.whole import sweep  # noqa: E402


def within(kind) -> None:
    """Hold what is sent to the ends of a slider or a number, and to whole numbers: the
    browser does, but not everybody sends with a browser. Else it is the lower end."""
    convert = kind._convert_value

    @functools.wraps(convert)
    def checked(self, value):
        try:
            number = convert(self, value)
            whole = isinstance(number, int) or not isinstance(self.start, int)
            if number is None or (whole and self.start <= number <= self.stop):
                return number
        except (TypeError, ValueError, LookupError, OverflowError):
            pass
        return self.start

    kind._convert_value = checked


for control in (mo.ui.slider, mo.ui.number):
    within(control)

CACHE = Path(os.environ.get("NN_LAB_CACHE", ROOT / "lab" / ".cache"))
matplotlib.rc_file(ROOT / "lab" / "matplotlibrc")
torch.set_num_threads(1)


# One at a time


class Turns:
    """A lock that is given in the order of asking."""

    def __init__(self):
        self.changed, self.line = threading.Condition(), deque()

    def __enter__(self):
        with self.changed:
            self.line.append(ticket := object())
            try:
                self.changed.wait_for(lambda: self.line[0] is ticket)
            except BaseException:
                self.line.remove(ticket)
                raise

    def __exit__(self, *_):
        with self.changed:
            self.line.popleft()
            self.changed.notify_all()


TURNS, MINE, TRAINED = Turns(), threading.local(), defaultdict(threading.Lock)


@contextlib.contextmanager
def alone(watch=None):
    """This thread alone seeds, trains and draws; `watch(loss)` is called every step."""
    with TURNS, torch.random.fork_rng(devices=[]):
        MINE.watch = watch or (lambda loss: None)
        try:
            yield
        finally:
            MINE.watch = None


def watch(step: int, loss: float) -> None:
    """What every training in a lab calls after each step: it tells the job that it
    belongs to, and lets somebody else take a turn."""
    told = getattr(MINE, "watch", None)
    if told is None:  # a test trains, without a turn of its own
        return
    told(loss)
    if len(TURNS.line) > 1:  # somebody waits: give way, and go on as before
        state, MINE.watch = torch.get_rng_state(), None
        TURNS.__exit__()
        TURNS.__enter__()
        torch.set_rng_state(state)
        MINE.watch = told


def watched(train):
    """The lesson's `train`, which calls `watch` of ours, too."""
    signature = inspect.signature(train)

    @functools.wraps(train)
    def wrapped(*args, **options):
        given = signature.bind(*args, **options)
        theirs = given.arguments.get("watch")

        def both(step: int, loss: float) -> None:
            if theirs is not None:
                theirs(step, loss)
            watch(step, loss)

        given.arguments["watch"] = both
        return train(*given.args, **given.kwargs)

    return wrapped


class StoppedError(Exception):
    """Somebody pressed stop, or the cell that started it runs anew."""


class Job:
    """A training in a thread of its own, drawn as it goes, to be stopped at any step.

    `train()` is the lesson's own; `draw(losses, result)` makes what is shown, with
    result None until the end.
    """

    def __init__(self, train, draw):
        self.train, self.draw, self.losses = train, draw, []
        self.stop = threading.Event()
        self.thread = mo.Thread(target=self.run)
        self.thread.start()

    def watch(self, loss: float) -> None:
        if self.stop.is_set() or mo.current_thread().should_exit:
            raise StoppedError
        self.losses.append(loss)
        if (start := time.monotonic()) > self.due:
            mo.output.replace(self.draw(self.losses, None))
            took, others = (end := time.monotonic()) - start, len(TURNS.line) - 1
            self.due = end + 0.1 + 3 * took * others  # a full hall trains, too

    def run(self) -> None:
        self.due, result, stopped = 0, None, False
        with alone(self.watch):
            try:
                result = self.train()
            except StoppedError:
                if mo.current_thread().should_exit:  # what is there now is not ours
                    return
                stopped = True
            except NameError:  # the visitor has left, and took the page's names along
                return None
            except (Exception, SystemExit) as error:
                traceback.print_exc()
                return mo.output.replace(say(f"This cannot be trained: {error}"))
            MINE.watch = None
            with contextlib.suppress(NameError):  # the visitor has left just now
                view = self.draw(self.losses, result)
                if stopped:
                    said = tell(f"Stopped at step {len(self.losses)}.")
                    view = mo.vstack([view, said])
                mo.output.replace(view)


def start(jobs: list[Job], train, draw) -> None:
    """A new training among those that still run."""
    running = [job for job in jobs if job.thread.is_alive()]
    jobs[:] = [*running, Job(train, draw)]


def stop_button(jobs: list[Job]) -> mo.ui.button:
    return mo.ui.button(
        label="Stop", on_click=lambda _: [job.stop.set() for job in jobs]
    )


# What has been trained is kept

OURS = re.compile(r"\w+[_-][0-9a-f]{16}\.(pt|png)")  # names of what `store` writes
DRAFTS = ".nn-lab-"


def store(path: Path, content: bytes) -> None:
    """A whole file or none, where one may write; of ours, the 200 that were wanted last
    are kept there."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=DRAFTS, dir=path.parent) as folder:
            draft = Path(folder, path.name)
            draft.write_bytes(content)
            draft.replace(path)
        sweep(path.parent, f"{DRAFTS}*")
        ours = [one for one in path.parent.iterdir() if OURS.fullmatch(one.name)]
        for old in sorted(ours, key=os.path.getmtime)[:-200]:
            old.unlink()


def wanted(path: Path) -> None:
    """It was of use just now: it is not the next to go."""
    with contextlib.suppress(OSError):
        os.utime(path)


def keep(name: str, net: torch.nn.Module, train) -> torch.nn.Module:
    """The net as `train(net)` leaves it, read from disk if it has been there before.

    Not to be called inside `alone()`: it waits for others who train the same.
    """
    source = source_of(sys.modules[type(net).__module__])
    mark = hashlib.sha256(f"{name} {source} {torch.__version__}".encode()).hexdigest()
    path = CACHE / f"{type(net).__module__}_{mark[:16]}.pt"
    with TRAINED[path]:
        try:
            net.load_state_dict(torch.load(path, weights_only=True))
            wanted(path)
        except Exception:  # not there, damaged, or not ours: train it again
            with (
                mo.status.spinner("It trains, once; next time it is here at once"),
                alone(),
            ):
                train(net)
            trained = io.BytesIO()
            torch.save(net.state_dict(), trained)
            store(path, trained.getvalue())
    return net.requires_grad_(False)


# Pictures

TYPE = 14  # pixels on the screen, at least
GRID = inspect.signature(Figure.subplots).parameters
MOSAIC = inspect.signature(Figure.subplot_mosaic).parameters


class Drawing:
    """What the lessons draw with, in pyplot's place: the same figures, on no list.

    Whoever closes all of pyplot's figures takes their canvas away, also from one that
    is just being saved, and it is saved wrong.
    """

    figure = Figure

    @staticmethod
    def subplots(*shape: int, **options):
        grid = {name: options.pop(name) for name in GRID if name in options}
        fig = Figure(**options)
        return fig, fig.subplots(*shape, **grid)

    @staticmethod
    def subplot_mosaic(mosaic, **options):
        grid = {name: options.pop(name) for name in MOSAIC if name in options}
        fig = Figure(**options)
        return fig, fig.subplot_mosaic(mosaic, **grid)


# The frame around every lab

DIGITS, SHOWN = [], threading.Lock()


def imported(name: str):
    """The lesson as a module, which knows its own text: the file may be edited while
    the lab is open."""
    module = lessons()[name].module()
    source_of(module)
    return module


@functools.cache
def source_of(module) -> str:
    """Its text when this was first asked for: of a lesson, at its import."""
    return inspect.getsource(module)


def lesson(name: str, first: str = ""):
    """The lesson as a module; and what stands above everything else: its question,
    what to do `first`, and its claim."""
    module = imported(name)
    module.print = lambda *_, **__: None  # what it prints is on the screen already
    module.plt = Drawing
    if not hasattr(module.train, "__wrapped__"):  # every lab imports it anew
        module.train = watched(module.train)
    if hasattr(module, "load_digits"):  # the same in all lessons, and large
        if not DIGITS:
            DIGITS.append(functools.cache(module.load_digits))
        module.load_digits = DIGITS[0]
    claim = mo.accordion({"The claim": mo.md(module.CLAIM)})
    return module, mo.vstack([mo.md(f"# {module.ASK}"), mo.md(first), claim])


SEEDS = range(2**32)


def spell(value) -> str:
    """A setting as it stands in the address: 1, not 1.0."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def asked(reset: int, **settings) -> dict:
    """What each setting starts with: what the address asks for, if it is allowed, until
    somebody presses reset. A setting is (default, allowed): a range, a list, or str."""
    query, values = mo.query_params(), {}
    for name, (default, allowed) in settings.items():
        text = None if reset else query.get(name)
        values[name] = default
        if allowed is str and isinstance(text, str):
            values[name] = text
        elif isinstance(allowed, list):
            known = {spell(one): one for one in allowed}
            if isinstance(text, str):  # and no list, of a setting that stands twice
                values[name] = known.get(text, default)
        elif isinstance(text, str) and text.isdecimal() and len(text) <= 10:
            values[name] = int(text) if int(text) in allowed else default
    return values


def remember(**settings) -> None:
    """Put the settings into the address: a reload keeps them, and it can be shared."""
    query = mo.query_params()
    for name, value in settings.items():
        if value is not None and query.get(name) != spell(value):
            query[name] = spell(value)


def command(name: str, **options) -> mo.Html:
    """The command line that computes what is on the screen."""
    known = inspect.signature(lessons()[name].module().main).parameters
    words = [
        f" --{option} {shlex.quote(str(value))}"
        for option, value in options.items()
        if value != known[option].default
    ]
    return mo.md(f"`python {lessons()[name].file}{''.join(words)}`")


def picture(fig, alt: str) -> mo.Html:
    """The figure as an image."""
    file = io.BytesIO()
    fig.savefig(file, dpi=75)
    return show_image(file.getvalue(), alt, readable(fig))


def readable(fig) -> int:
    """How wide the figure has to be on a screen for its type to be read, in pixels."""
    words = [text for text in fig.findobj(Text) if text.get_text()]
    smallest = min(text.get_fontsize() for text in words)
    return round(fig.get_figwidth() * 72 * TYPE / smallest)


def show_image(content: bytes, alt: str, least: int) -> mo.Html:
    """The bytes of a PNG, in the page itself: a file may be gone when it is asked for.

    Where there are not the `least` pixels that its type needs, it is moved sideways,
    also by keyboard. marimo puts alt between quotes as it is.
    """
    source = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    image = mo.image(source, alt=html.escape(alt), width="100%").text
    inside = f'<div style="min-width: {least}px">{image}</div>'
    by_keys = 'tabindex="0" role="group" aria-label="Picture"'
    return mo.Html(f'<div style="overflow-x: auto" {by_keys}>{inside}</div>')


class Pad(anywidget.AnyWidget):
    """What one draws on: strokes, lists of points [x, y] in [0, 1]."""

    _esm = ROOT / "lab" / "pad.js"
    strokes = traitlets.List([]).tag(sync=True)


def beside(*parts: mo.Html, widths: tuple[int, ...] = (1, 1)) -> mo.Html:
    """Side by side, or on a phone one below the other."""
    inside = ""
    for part, width in zip(parts, widths, strict=True):
        room = f"{width} 1 {12 + 18 * width / max(widths)}rem"
        inside += f'<div style="flex: {room}; min-width: 0">{part.text}</div>'
    return mo.Html(f'<div style="display: flex; flex-wrap: wrap">{inside}</div>')


def tell(text: str) -> mo.Html:
    """What has come out; a screen reader says it when it changes."""
    return mo.Html(f'<div role="status">{mo.md(text).text}</div>')


def say(text: str) -> mo.Html:
    """A friendly line, where something cannot be done."""
    return mo.callout(mo.md(text), kind="warn")


def choose_mistake(name: str) -> mo.ui.dropdown:
    entries = mistakes.read(name)[1]
    options = {entry["says"]: key for key, entry in entries.items()}
    return mo.ui.dropdown(options, label="Make a classic mistake:", full_width=True)


def show_mistake(name: str, chosen: str | None) -> mo.Html:
    """Right and wrong side by side, each trained in a process of its own."""
    if not chosen:
        return mo.md("")
    source, entries, _ = mistakes.read(name)
    entry = entries[chosen]
    text = mistakes.broken(source, entry)
    path = CACHE / f"{runs.place(lessons()[name], text).name}.png"
    line = [sys.executable, "-m", "mistakes", "show", name, chosen]
    paths = {"PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"}
    options = {"capture_output": True, "text": True, "env": os.environ | paths}
    wait = mo.status.spinner("Right and wrong are training, some 15 seconds")
    with wait, SHOWN, tempfile.TemporaryDirectory() as folder:
        if path.exists():
            content = path.read_bytes()
            wanted(path)
        else:
            done = subprocess.run(line, cwd=folder, **options)
            if done.returncode:
                return say(f"It cannot be shown. {done.stderr.strip()[-200:]}")
            content = Path(folder, "figures", f"{name}_{chosen}.png").read_bytes()
            store(path, content)
    return mo.vstack(
        [
            mo.md(f"```diff\n{mistakes.difference(entry)}\n```\n\n{entry['symptom']}"),
            show_image(content, f"Right and wrong: {entry['says']}", 700),
        ]
    )
