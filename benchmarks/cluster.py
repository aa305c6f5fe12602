"""What a step of lightning.py costs, measured; and on a cluster, computed on paper."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

import lightning
from benchmarks.__main__ import machine
from tools.whole import read_json, write

ROOT = Path(__file__).parent.parent
STEPS = ROOT / "benchmarks" / "cluster.json"
WAYS = {  # of taking a step, and how many processes take it
    "The plain loop": 1,
    "Lightning, one process": 1,
    "Lightning, two processes (DDP)": 2,
}
PLAIN, ALONE, TOGETHER = WAYS
EPOCHS, BATCH = 20, 50

# On paper. Every assumption stands here, and from here on the lesson's page.
PARAMETERS = 1_000_000_000  # of a large model, trained in float32 by Adam
BYTES, STATE = 4, 16  # a parameter's gradient; itself, gradient and Adam's two moments
TOKENS = 16_384  # of one GPU in one step, each 6 operations a parameter
SPEED, MEMORY = 400e12, 80e9  # operations a second, and bytes, of one GPU
NODE = 8  # GPUs
LINK, NETWORK = 450e9, 50e9  # bytes a second of each GPU: in its node, between nodes
DELAY = 5e-6  # seconds of each message
BACKWARD = 2 / 3  # of a step's operations, behind which messages can hide


# Measured


class Clock(lightning.pl.Callback):
    """When each step ended; at the end, the first process prints `step`'s answer."""

    def __init__(self):
        self.ends = []

    def on_train_batch_end(self, *_):
        self.ends.append(time.perf_counter())

    def on_fit_end(self, trainer, module):
        if trainer.is_global_zero:
            print(step(self.ends, trainer.num_training_batches))


def step(ends: list[float], steps: int) -> float:
    """Median milliseconds from one end to the next in an epoch of so many steps."""
    taken = []
    for n in range(steps, len(ends) - 1):  # the first epoch warms up
        if (n + 1) % steps:
            taken.append(ends[n + 1] - ends[n])
    return 1e3 * median(taken)


def take_steps(way: str) -> None:
    """Train in this way, and print the milliseconds of a step."""
    data = lightning.MNISTDataModule("digits")
    clock = Clock()
    torch.manual_seed(0)
    if way == PLAIN:
        loader = data.train_dataloader()
        network = lightning.DigitNetwork()
        lightning.train(network, loader, EPOCHS, watch=clock.on_train_batch_end)
        print(step(clock.ends, len(loader)))
        return
    trainer = lightning.make_trainer(EPOCHS, devices=WAYS[way], watch=nothing)
    trainer.callbacks.append(clock)
    trainer.fit(lightning.DigitClassifier(), data)


def nothing(step: int, loss: float) -> None:
    """Prints no loss, where a step is timed."""


def measure(count: int = 5) -> None:
    """Time a step of lightning.py: the plain loop, Lightning, two processes."""
    found = {way: [] for way in WAYS}
    for _ in range(count):  # side by side: a busy minute meets all of them
        for way in WAYS:
            with tempfile.TemporaryDirectory() as folder:
                known = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
                done = subprocess.run(
                    [sys.executable, "-m", "benchmarks.cluster", way],
                    cwd=folder,
                    env=os.environ | known,
                    stdout=subprocess.PIPE,
                    check=True,
                )
            found[way].append(round(float(done.stdout.split()[-1]), 4))
            print(f"{way:32}{found[way][-1]:8.2f} ms", flush=True)
    kept = machine() | {"milliseconds": found}
    write(STEPS, json.dumps(kept, indent=1) + "\n")


# On paper


def ring(count: int, size: float) -> float:
    """Bytes that each of so many processes sends to add up this many in a ring."""
    return 2 * (count - 1) / count * size


def shares(count: int, size: float, operations: float) -> tuple[float, float]:
    """Of a step: all communication, and what the backward pass cannot hide of it."""
    speed = LINK if count <= NODE else NETWORK
    sending = ring(count, size) / speed + 2 * (count - 1) * DELAY
    computing = operations / SPEED
    seen = max(0.0, sending - BACKWARD * computing)
    return sending / (computing + sending), seen / (computing + seen)


def known() -> dict:
    """What the lesson's page shows: both tables, and every number between them."""
    kept = read_json(STEPS)
    times = {way: sorted(kept["milliseconds"][way]) for way in WAYS}
    plain = median(times[PLAIN])
    model = lightning.DigitClassifier()
    small = sum(parameter.numel() for parameter in model.parameters())
    with FlopCounterMode(display=False) as counted:
        images = torch.zeros(BATCH, 1, 28, 28)
        F.cross_entropy(model(images), torch.zeros(BATCH).long()).backward()
    models = {
        f"this one, {small:,}": (small, counted.get_total_flops()),
        f"{PARAMETERS:,}": (PARAMETERS, 6 * PARAMETERS * TOKENS),
    }
    return kept | {
        "steps": [
            [way, WAYS[way], *(f"{ms:.2f}" for ms in (median(ts), ts[0], ts[-1]))]
            + [f"{median(ts) - plain:+.2f}" if way != PLAIN else ""]
            for way, ts in times.items()
        ],
        "paper": [
            [name, f"{count:,}", f"{ring(count, BYTES * size) / 1e6:,.2f}"]
            + [f"{share:.0%}" for share in shares(count, BYTES * size, operations)]
            for name, (size, operations) in models.items()
            for count in (8, 64, 1024)
        ],
        "two": f"{ring(2, BYTES * small):,.0f}",
        "ddp": f"{STATE * PARAMETERS / 1e9:.0f}",
        "most": f"{MEMORY / STATE / 1e9:.0f}",
        "fsdp": f"{STATE * PARAMETERS / NODE / 1e9:.0f}",
        "assumed": {
            "tokens": f"{TOKENS:,}",
            "speed": f"{SPEED / 1e12:.0f}",
            "memory": f"{MEMORY / 1e9:.0f}",
            "link": f"{LINK / 1e9:.0f}",
            "network": f"{NETWORK / 1e9:.0f}",
            "delay": f"{DELAY * 1e6:.0f}",
            "state": STATE,
            "bytes": BYTES,
            "node": NODE,
        },
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("python -m benchmarks cluster starts this, with the name of a way")
    torch.set_num_threads(1)
    take_steps(sys.argv[1])
