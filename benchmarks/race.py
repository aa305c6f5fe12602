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
import timeit
from pathlib import Path
from statistics import median

import numpy
import torch
import torch.nn.functional as F
from threadpoolctl import threadpool_limits
from torch import nn

import attention
import autoencoder
import rnn
from benchmarks import cluster, recipes
from benchmarks.__main__ import machine
from tools.whole import read_json, write

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "benchmarks" / "race.json"
SIZES = [(64, 28, 28, 64), (64, 28, 28, 128), (4, 7, 6, 12), (32, 128, 64, 256)]
LENGTHS = [128, 512, 1024]
BLOCK = 0.01  # seconds
STEPS = [200, 1600]  # of autoencoder.py; 1600 is its own
WHOLE = {"official": 0.1, "tuned": 0.7}  # of the opponent's whole process


def pairs(ours, theirs, threads: int, count: int, seconds: float = 1.0) -> dict:
    """Milliseconds of both in turns, so that a busy moment meets both; their ratios.

    A pair holds the medians of many short blocks in turns, which last `seconds` in all:
    on a shared machine the next moment is like this one, and the next second is not."""
    sides, times, before = [], [], torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with threadpool_limits(threads):  # PyTorch does not tell scikit-learn's BLAS
            for timer in map(timeit.Timer, (ours, theirs)):
                number, taken = timer.autorange()  # and warms up
                block = max(1, round(BLOCK * number / taken))
                sides.append((timer, block, block * taken / number))
            often = max(1, round(seconds / sum(spent for *_, spent in sides)))
            for _ in range(count):
                found = [[t.timeit(n) / n for t, n, _ in sides] for _ in range(often)]
                times.append([1e3 * median(side) for side in zip(*found, strict=True)])
    finally:
        torch.set_num_threads(before)
    return summary(times) | {"threads": threads}


def summary(times: list[list[float]]) -> dict:
    """Of pairs (ours, theirs): both medians; the ratio's lowest, median, highest."""
    ratios = sorted(mine / other for mine, other in times)
    ours, theirs = (median(one) for one in zip(*times, strict=True))
    ratio = [round(r, 4) for r in (ratios[0], median(ratios), ratios[-1])]
    return {"pairs": len(times), "ours": ours, "theirs": theirs, "ratio": ratio}


def turns(codes: list[str], take, count: int) -> list[list[float]]:
    """What `take` says of each code, again and again; the first turn warms up."""
    return [[take(code) for code in codes] for _ in range(count + 1)][1:]


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
    """The two matrix products of such a pass and no more."""
    q, k, v = (torch.randn(32, 4, length, 64) for _ in range(3))
    return lambda: q @ k.mT @ v


def attention_race(count: int) -> list[dict]:
    """attention.py beside the built-in, which does not keep its weights."""
    rows = []
    for threads in 1, 2:
        sides = products(LENGTHS[0]), attend(LENGTHS[0], ours=False)
        what = {"what": f"two products alone, T = {LENGTHS[0]}", "target": None}
        rows.append(what | pairs(*map(forward, sides), threads, count))
    for length in LENGTHS:
        for passes in forward, both:
            peaks = [memory(passes.__name__, length, one) for one in (True, False)]
            target = 1.15 if length == LENGTHS[0] else None
            what = {"what": f"{passes.__name__}, T = {length}", "target": target}
            for threads in 1, 2:
                ours, theirs = (passes(attend(length, one)) for one in (True, False))
                row = pairs(ours, theirs, threads, count)
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


def fitted(images, size: int, steps: int) -> autoencoder.SimpleAutoencoder:
    """The lesson's autoencoder, trained from seed 0."""
    torch.manual_seed(0)
    network = autoencoder.SimpleAutoencoder(latent_dim=size)
    autoencoder.train(network, images, steps)
    return network.requires_grad_(False)


def autoencoder_race(count: int) -> list[dict]:
    """autoencoder.py, for its 1600 steps and for 200, beside PCA of torch's SVD and of
    scikit-learn."""
    from sklearn.decomposition import PCA

    size, rows = 8, []
    for data in "digits", "mnist":
        with contextlib.redirect_stdout(io.StringIO()):
            seen, _, unseen, _ = autoencoder.load_digits(data)
        seen, unseen = seen.flatten(1), unseen.flatten(1)

        def ours(steps, seen=seen, unseen=unseen):
            return fitted(seen, size, steps)(unseen)

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
                outputs = mine(), theirs()
                errors = [round(F.mse_loss(x, unseen).item(), 5) for x in outputs]
                what = {"what": f"{name}, {data}, {steps} steps", "target": 5}
                for threads in 1, 2:
                    row = pairs(mine, theirs, threads, count)
                    rows.append(what | {"errors": errors} | row)
        rows += whole_processes(data, seen, size, max(STEPS), count)
    return rows


FIT = """
import numpy, threadpoolctl
x = numpy.load({path!r})
{imports}
threadpoolctl.threadpool_limits({threads})
{way}
"""


def whole_processes(data: str, seen, size: int, steps: int, count: int) -> list[dict]:
    """From the start of Python to the end; both sides find the images in a file."""
    train = (
        f"network = autoencoder.SimpleAutoencoder(latent_dim={size}); "
        f"autoencoder.train(network, torch.from_numpy(x), {steps})"
    )
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        numpy.save(path := f"{folder}/seen.npy", seen.numpy())
        for threads in 1, 2:
            ways = {
                f"import autoencoder, torch; torch.set_num_threads({threads})": train,
                "from sklearn.decomposition import PCA": f"PCA({size}).fit(x)",
            }
            codes = [
                FIT.format(path=path, imports=imports, threads=threads, way=way)
                for imports, way in ways.items()
            ]
            row = {"what": f"whole process, scikit-learn, {data}", "target": 5}
            times = turns(codes, clock, count)
            rows.append(row | {"threads": threads} | summary(times))
    return rows


def clock(code: str) -> float:
    """Milliseconds of a process that runs this."""
    start = time.perf_counter()
    alone("-c", code + "\nprint('done')")
    return 1e3 * (time.perf_counter() - start)


STEP = """
import torch
from benchmarks import cluster, opponents
torch.set_num_threads({threads})
{way}
"""


def pipeline(count: int) -> list[dict]:
    """A step of lightning.py, of Lightning's defaults, and of the plain loop."""
    ways = (
        f"cluster.take_steps({cluster.ALONE!r})",
        f"opponents.defaults({cluster.EPOCHS})",
        f"cluster.take_steps({cluster.PLAIN!r})",
    )
    rows = []
    for threads in 1, 2:
        codes = [STEP.format(threads=threads, way=way) for way in ways]
        found = turns(codes, lambda code: float(alone("-c", code)), count)
        for name, target, one, other in (
            ("Lightning's defaults", 0.5, 0, 1),
            ("the plain loop", 1.5, 0, 2),
            ("the plain loop beside those defaults", None, 2, 1),
        ):
            row = {"what": name, "target": target, "threads": threads}
            rows.append(row | summary([[turn[one], turn[other]] for turn in found]))
    return sorted(rows, key=lambda row: row["what"])


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
        rows += [against(name, threads, runs) for name, runs in found.items()]
    return rows


def against(recipe: str, threads: int, runs: list[tuple[dict, dict]]) -> dict:
    """A row of the race from pairs of what benchmarks.recipes printed.

    Beside ratios: both accuracies at the moment ours ends, and theirs at its end."""
    whole = summary([[one["whole"] for one in pair] for pair in runs])
    training = summary([[one["runs"][-1][1] for one in pair] for pair in runs])
    at_once = []
    for mine, theirs in runs:
        _, deadline, accuracy = mine["runs"][-1]
        later = [run for run in theirs["runs"] if run[1] >= deadline]
        at_once.append([accuracy, (later or theirs["runs"][-1:])[0][2]])
    ended = median(theirs["runs"][-1][2] for _, theirs in runs)
    about = {"what": recipe, "threads": threads, "target": WHOLE.get(recipe)}
    about |= {"training": training["ratio"][1], "ended": ended}
    about["accuracies"] = [median(side) for side in zip(*at_once, strict=True)]
    return about | whole


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
        rows = RACES[name](count)
        for row in rows:
            low, middle, high = row["ratio"]
            words = f"{name:12} {row['what']:36} threads {row['threads']}  "
            words += f"ratio {middle:6.3f} ({low:.3f} to {high:.3f})  "
            print(f"{words}target {row['target']}", flush=True)
        known = read_json(KEPT) if KEPT.exists() else {}
        kept = machine() | {"rows": rows}
        write(KEPT, json.dumps(known | {name: kept}, indent=1) + "\n")
