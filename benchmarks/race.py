"""Side by side, in one run, in turns: the lessons and what people use instead."""

import contextlib
import functools
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F
from threadpoolctl import threadpool_limits
from torch import nn
from torch.utils.benchmark import Timer

import attention
import autoencoder
import rnn
from benchmarks import cluster, recipes
from benchmarks.__main__ import machine

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "benchmarks" / "race.json"
SIZES = [(64, 28, 28, 64), (64, 28, 28, 128), (4, 7, 6, 12), (32, 128, 64, 256)]
LENGTHS = [128, 512, 1024]
STEPS = [200, 800]  # of autoencoder.py; 800 is its own
WHOLE = {"official": 0.1, "tuned": 0.7}  # of the opponent's whole process


def pairs(ours, theirs, threads: int, count: int, seconds: float = 0.2) -> dict:
    """Milliseconds of both in turns, so that a busy moment meets both; their ratios."""
    timers = [
        Timer("f()", globals={"f": f}, num_threads=threads) for f in (ours, theirs)
    ]
    times = []
    with threadpool_limits(threads):  # Timer does not tell scikit-learn's BLAS
        for _ in range(count + 1):  # the first pair warms up
            found = [timer.blocked_autorange(min_run_time=seconds) for timer in timers]
            times.append([1e3 * one.median for one in found])
    return summary(times[1:]) | {"threads": threads}


def summary(times: list[list[float]]) -> dict:
    """Medians of ours and theirs, and the ratio's lowest, median and highest."""
    ratios = sorted(mine / other for mine, other in times)
    ours, theirs = (median(one) for one in zip(*times, strict=True))
    ratio = [round(r, 4) for r in (ratios[0], median(ratios), ratios[-1])]
    return {"ours": ours, "theirs": theirs, "ratio": ratio}


def recurrence(count: int) -> list[dict]:
    """rnn.py's recurrence beside nn.RNN, with the same weights."""
    rows = []
    for B, T, D, H in SIZES:
        ours = rnn.SequenceClassifierRNN(D, H, H)
        theirs = nn.RNN(D, H, batch_first=True)
        weights = ours.W, ours.U, ours.b, torch.zeros(H)
        names = "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"
        theirs.load_state_dict(dict(zip(names, weights, strict=True)))
        x, h = torch.randn(B, T, D), torch.zeros(B, H)

        def mine(ours=ours, x=x, h=h):
            return ours.states(x, h)[-1]

        def other(theirs=theirs, x=x):
            return theirs(x)[1][0]

        torch.testing.assert_close(mine(), other())  # or it is no race
        for target, passes in (1.0, forward), (0.95, both):
            for threads in 1, 2:
                row = pairs(passes(mine), passes(other), threads, count)
                size = ", ".join(map(str, (B, T, D, H)))
                what = {"what": f"{passes.__name__}, ({size})", "target": target}
                rows.append(what | row)
    return rows


def forward(function):
    def once():
        with torch.no_grad():
            function()

    return once


def both(function):
    return lambda: function().sum().backward()


def attend(length: int, ours: bool):
    """A pass of attention over (32, 4, T, 64)."""
    q, k, v = (torch.randn(32, 4, length, 64, requires_grad=True) for _ in range(3))
    if ours:
        return lambda: attention.scaled_dot_product_attention(q, k, v)[0]
    return lambda: F.scaled_dot_product_attention(q, k, v)


def products(length: int):
    """The two matrix products of such a pass and no more: ours cannot do with less."""
    q, k, v = (torch.randn(32, 4, length, 64) for _ in range(3))
    return lambda: q @ k.mT @ v


def attention_race(count: int) -> list[dict]:
    """attention.py beside the built-in, which does not keep its weights."""
    rows = []
    for threads in 1, 2:
        least, theirs = (
            forward(products(LENGTHS[0])),
            forward(attend(LENGTHS[0], False)),
        )
        what = {"what": f"two products alone, T = {LENGTHS[0]}", "target": None}
        rows.append(what | pairs(least, theirs, threads, count))
    for length in LENGTHS:
        for passes in forward, both:
            for threads in 1, 2:
                ours, theirs = (passes(attend(length, one)) for one in (True, False))
                row = pairs(ours, theirs, threads, count)
                target = 1.15 if length == LENGTHS[0] else None
                what = {"what": f"{passes.__name__}, T = {length}", "target": target}
                peaks = [memory(passes.__name__, length, one) for one in (True, False)]
                rows.append(what | row | {"megabytes": peaks})
    return rows


def memory(name: str, length: int, ours: bool) -> float:
    """Megabytes by which such a pass raises the peak of a fresh process."""
    code = (
        "from benchmarks import race\n"
        f"race.{name}(race.attend(8, {ours}))()\n"
        f"once = race.{name}(race.attend({length}, {ours}))\n"
        "before = race.peak(); once(); print(race.peak() - before)"
    )
    return round(float(alone("-c", code)), 1)


def peak() -> float:
    """Megabytes. getrusage would begin at the peak of the process that started us."""
    status = Path("/proc/self/status").read_text()  # of Linux
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def alone(*words: str) -> str:
    """The last word that Python prints in a process and a folder of its own."""
    data = str(Path(os.environ.get("NN_DATA", ROOT / "data")).resolve())
    known = {"PYTHONPATH": str(ROOT), "NN_DATA": data}
    with tempfile.TemporaryDirectory() as folder:  # Lightning leaves checkpoints
        done = subprocess.run(
            [sys.executable, *words],
            cwd=folder,
            env=os.environ | known,
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise SystemExit(f"{done.stderr}failed: python {' '.join(words)}")
    return done.stdout.split()[-1]


def autoencoder_race(count: int) -> list[dict]:
    """autoencoder.py, for its 800 steps and for 200, beside PCA of torch's SVD and of
    scikit-learn."""
    from sklearn.decomposition import PCA

    size, rows = 8, []
    for data in "digits", "mnist":
        with contextlib.redirect_stdout(io.StringIO()):
            seen, _, unseen, _ = autoencoder.load_digits(data)
        seen, unseen = seen.flatten(1), unseen.flatten(1)

        def ours(steps, seen=seen, unseen=unseen):
            return autoencoder.train(seen, size, steps, seed=0)(unseen)

        def svd(seen=seen, unseen=unseen):
            mean = seen.mean(dim=0)
            axes = torch.linalg.svd(seen - mean, full_matrices=False).Vh[:size]
            return (unseen - mean) @ axes.T @ axes + mean

        def sklearn(seen=seen, unseen=unseen):
            pca = PCA(size).fit(seen.numpy())
            codes = pca.transform(unseen.numpy())
            return torch.from_numpy(pca.inverse_transform(codes))

        for name, theirs in ("torch's SVD", svd), ("scikit-learn", sklearn):
            for steps in STEPS:
                mine = functools.partial(ours, steps)
                both = mine(), theirs()
                errors = [round(F.mse_loss(x, unseen).item(), 5) for x in both]
                what = {"what": f"{name}, {data}, {steps} steps", "target": 5}
                for threads in 1, 2:
                    row = pairs(mine, theirs, threads, count)
                    rows.append(what | {"errors": errors} | row)
    return rows + whole_processes(size, max(STEPS), count)


def whole_processes(size: int, steps: int, count: int) -> list[dict]:
    """From the start of Python to the end, with the lesson's loader on both sides."""
    ways = (
        f"autoencoder.train(x, {size}, {steps}, seed=0)",
        f"from sklearn.decomposition import PCA; PCA({size}).fit(x.numpy())",
    )
    rows = []
    for data in "digits", "mnist":
        for threads in 1, 2:
            codes = [FIT.format(data=data, threads=threads, way=way) for way in ways]
            times = [[clock(code) for code in codes] for _ in range(count)]
            row = {"what": f"whole process, {data}", "target": 5, "threads": threads}
            rows.append(row | summary(times))
    return rows


FIT = """
import autoencoder, threadpoolctl, torch
torch.set_num_threads({threads}); threadpoolctl.threadpool_limits({threads})
x = autoencoder.load_digits("{data}")[0].flatten(1)
{way}
"""


def clock(code: str) -> float:
    """Milliseconds of a process that runs this."""
    start = time.perf_counter()
    alone("-c", code)
    return 1e3 * (time.perf_counter() - start)


def pipeline(count: int) -> list[dict]:
    """A step of lightning.py beside Lightning as it comes, and the plain loop."""
    lesson = f"cluster.step_milliseconds({cluster.ALONE!r})"
    ways = {
        "Lightning's defaults": (0.5, f"opponents.defaults({cluster.EPOCHS})"),
        "the plain loop": (1.5, f"cluster.step_milliseconds({cluster.PLAIN!r})"),
    }
    rows = []
    for name, (target, way) in ways.items():
        for threads in 1, 2:
            sides = (STEP.format(threads=threads, way=one) for one in (lesson, way))
            codes = [*sides]
            times = [[float(alone("-c", code)) for code in codes] for _ in range(count)]
            row = {"what": name, "target": target, "threads": threads}
            rows.append(row | summary(times))
    return rows


STEP = """
import contextlib, io, torch
from benchmarks import cluster, opponents
torch.set_num_threads({threads})
with contextlib.redirect_stdout(io.StringIO()):
    found = {way}
print(found)
"""


def trained(recipe: str, seed: int, threads: int, deadline: float) -> dict:
    """A process of its own, until it reads 99 % of MNIST's test, or its epochs end."""
    words = recipe, str(seed), str(threads), str(deadline), str(time.time())
    return json.loads(alone("-m", "benchmarks.recipes", *words))


def digits(count: int) -> list[dict]:
    """cnn.py, trained to its end on MNIST, beside recipes for the same digits.

    Seconds are those of whole processes, without their tests; beside them training."""
    rows, others = [], [*recipes.DIGITS][1:]
    if not importlib.util.find_spec("keras"):
        others.remove("keras")
        print("keras is missing: pip install -r benchmarks/requirements.txt")
    for threads in 1, 2:
        found = {recipe: [] for recipe in others}
        for seed in range(min(count, 3)):
            mine = trained("cnn.py", seed, threads, 0)
            for recipe in others:
                if seed == 0 or recipe == "tuned":  # the others take minutes
                    theirs = trained(recipe, seed, threads, mine["runs"][-1][1])
                    found[recipe].append((mine, theirs))
        rows += [against(name, threads, pairs) for name, pairs in found.items()]
    return rows


def against(recipe: str, threads: int, pairs: list[tuple[dict, dict]]) -> dict:
    whole = summary([[one["whole"] for one in pair] for pair in pairs])
    training = summary([[one["runs"][-1][1] for one in pair] for pair in pairs])
    at_once, reached = [], []
    for mine, theirs in pairs:
        deadline = mine["runs"][-1][1]
        later = [run for run in theirs["runs"] if run[1] >= deadline]
        at_once.append([mine["runs"][-1][2], (later or theirs["runs"][-1:])[0][2]])
        reached.append(theirs["runs"][-1][2] >= recipes.GOAL)
    ours, theirs = (median(side) for side in zip(*at_once, strict=True))
    about = {"what": recipe, "threads": threads, "target": WHOLE.get(recipe)}
    about |= {"training": training["ratio"][1], "accuracies": [ours, theirs]}
    return about | whole | {"reached": all(reached)}


RACES = {
    "recurrence": recurrence,
    "attention": attention_race,
    "pipeline": pipeline,
    "autoencoder": autoencoder_race,
    "digits": digits,
}


def measure(names: list[str] = (), count: int = 15) -> None:
    """Race the lessons against what people use instead."""
    if unknown := set(names) - set(RACES):
        raise SystemExit(f"no race {', '.join(unknown)}; there are {', '.join(RACES)}")
    for name in names or RACES:
        start = time.perf_counter()
        rows = RACES[name](count)
        for row in rows:
            low, middle, high = row["ratio"]
            print(
                f"{name:12} {row['what']:30} threads {row['threads']}  "
                f"ratio {middle:6.3f} ({low:.3f} to {high:.3f})  target {row['target']}"
            )
        known = json.loads(KEPT.read_text()) if KEPT.exists() else {}
        kept = {"pairs": count, "seconds": round(time.perf_counter() - start)}
        kept = machine() | kept | {"rows": rows}
        KEPT.write_text(json.dumps(known | {name: kept}, indent=1) + "\n")
