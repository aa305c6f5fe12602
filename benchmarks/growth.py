"""How time and memory grow with sequence length, depth, batch and width."""

import json
from math import log
from pathlib import Path
from statistics import median

import numpy
import torch
from torch.utils.benchmark import Timer

import attention
import compare_blocks
import rnn
from benchmarks.__main__ import machine
from tools.whole import write

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "benchmarks" / "growth.json"
TIME, MEMORY = "milliseconds", "megabytes"
LAST = 3  # sizes to fit the exponent to: small ones pay for other things


def recurrence(length=64, batch=64, width=64):
    network, x = rnn.SequenceClassifierRNN(8, width), torch.randn(batch, length, 8)
    return lambda: network(x).sum().backward()


def self_attention(length=64, batch=8, width=64):
    network, x = attention.SelfAttention(width), torch.randn(batch, length, width)
    return lambda: network(x)[0].sum().backward()


def residual_blocks(depth=16, batch=64, width=64):
    blocks = compare_blocks.make_blocks("residual", depth, width)
    x = torch.randn(batch, width)
    return lambda: blocks(x).sum().backward()


# The step, what grows, from where to where, and the exponents on paper: of time, of
# memory. Weights of width x width cost the square; what is kept of a token does not.
WAYS = [
    (recurrence, "length", 64, 1024, 1, 1),
    (recurrence, "batch", 64, 1024, 1, 1),
    (recurrence, "width", 64, 1024, 2, 1),
    (self_attention, "length", 128, 2048, 2, 2),
    (self_attention, "batch", 8, 128, 1, 1),
    (self_attention, "width", 64, 1024, 2, 1),
    (residual_blocks, "depth", 16, 256, 1, 1),
    (residual_blocks, "batch", 64, 1024, 1, 1),
    (residual_blocks, "width", 64, 1024, 2, 2),  # weights are kept too
]


def kept(once) -> float:
    """Megabytes that autograd keeps of this step, until the backward pass."""
    storages = {}

    def note(x):
        storage = x.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes(), storage  # alive: no reuse
        return x

    with torch.autograd.graph.saved_tensors_hooks(note, lambda x: x):
        once()
    return sum(size for size, _ in storages.values()) / 1e6


def exponent(sizes: list[int], values: list[float]) -> float:
    """The slope on log-log axes, of the largest sizes."""
    logs = [[log(one) for one in some[-LAST:]] for some in (sizes, values)]
    return float(numpy.polyfit(*logs, deg=1)[0])


def measure(count: int = 3) -> None:
    """Time and memory of a step of rnn, attention and compare_blocks, as sizes grow."""
    rows = []
    for build, what, low, high, *expected in WAYS:
        sizes = [low * 2**n for n in range(int(log(high / low, 2)) + 1)]
        steps = [build(**{what: size}) for size in sizes]
        timers = [Timer("once()", globals={"once": x}, num_threads=1) for x in steps]
        turns = [[t.blocked_autorange().median for t in timers] for _ in range(count)]
        found = {
            TIME: [round(1e3 * median(times), 3) for times in zip(*turns, strict=True)],
            MEMORY: [round(kept(once), 3) for once in steps],
        }
        slopes = [round(exponent(sizes, found[one]), 2) for one in (TIME, MEMORY)]
        rows.append(
            {"step": build.__name__.replace("_", " "), "grows": what, "sizes": sizes}
            | found
            | {"expected": expected, "fitted": slopes}
        )
        print(
            f"{rows[-1]['step']:16}{what:8}{sizes[-1]:6} {slopes} on paper {expected}"
        )
    write(KEPT, json.dumps(machine() | {"rows": rows}, indent=1) + "\n")
    draw(rows)


def draw(rows: list[dict]) -> None:
    """Both pictures, for the site."""
    import matplotlib.pyplot as plt

    plt.rcParams.update(plt.rcParamsDefault)
    plt.style.use(ROOT / "lab" / "matplotlibrc")
    titles = {
        TIME: "Longer sequences: no line is as steep as attention's",
        MEMORY: "Kept for the backward pass: attention squares with the length",
    }
    steps = list(dict.fromkeys(row["step"] for row in rows))
    for which, (unit, title) in enumerate(titles.items()):
        fig, axes = plt.subplots(1, len(steps), sharey=True)
        for ax, step in zip(axes, steps, strict=True):
            for row, mark in zip(
                [row for row in rows if row["step"] == step], "o^s", strict=True
            ):
                times = [size / row["sizes"][0] for size in row["sizes"]]
                label = f"{row['grows']}: {row['fitted'][which]:.1f}"
                ax.loglog(times, row[unit], mark + "-", label=label)
            ax.set(xlabel="size, in multiples", title=step)
            ax.set_xticks([1, 4, 16], ["1", "4", "16"])
            ax.minorticks_off()
            ax.legend(title="exponent")
        axes[0].set_ylabel(unit)
        fig.suptitle(title)
        fig.savefig(ROOT / "docs" / "pictures" / f"growth_{unit}.png", dpi=75)
        plt.close(fig)
