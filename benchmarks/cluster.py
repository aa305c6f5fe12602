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

ROOT = Path(__file__).parent.parent
STEPS = ROOT / "benchmarks" / "cluster.json"
WAYS = {  # of taking a step, and how many processes take it
    "The plain loop": 1,
    "Lightning, one process": 1,
    "Lightning, two processes (DDP)": 2,
}
PLAIN, ALONE, TOGETHER = WAYS
EPOCHS = 20

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


def step_milliseconds(way: str) -> float:
    """Median time from one step of an epoch to its next, in this process."""
    data = lightning.MNISTDataModule(data="digits")
    ends, steps = [], len(data.train_dataloader())

    class Clock(lightning.pl.Callback):
        def on_train_batch_end(self, *_):
            ends.append(time.perf_counter())

    if way == PLAIN:
        for _ in lightning.plain_loop(*data.parts[0], EPOCHS, seed=0):
            Clock.on_train_batch_end(None)
    else:
        options = {"accelerator": "cpu", "devices": WAYS[way]}
        trainer = lightning.make_trainer([], EPOCHS, Clock(), **options)
        trainer.fit(lightning.DigitClassifier(), data)
    pairs = [n for n in range(steps, len(ends) - 1) if (n + 1) % steps]
    return 1e3 * median(
        ends[n + 1] - ends[n] for n in pairs
    )  # the first epoch warms up


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
    STEPS.write_text(json.dumps(kept, indent=1) + "\n")


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
    kept = json.loads(STEPS.read_text())
    times = {way: sorted(kept["milliseconds"][way]) for way in WAYS}
    plain = median(times[PLAIN])
    model = lightning.DigitClassifier()
    small = sum(parameter.numel() for parameter in model.parameters())
    with FlopCounterMode(display=False) as counted:
        images = torch.zeros(lightning.BATCH, 1, 28, 28)
        F.cross_entropy(model(images), torch.zeros(lightning.BATCH).long()).backward()
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
    torch.set_num_threads(1)
    mine = step_milliseconds(sys.argv[1])
    if lightning.rank_zero_only.rank == 0:
        print(mine)
