"""cnn.py with each of its ingredients left out: accuracy and seconds over seeds."""

import json
import time
from pathlib import Path
from statistics import mean, median, stdev

import torch

from benchmarks.__main__ import machine
from tools.whole import write

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "benchmarks" / "ablation.json"
SCHEDULE = "        schedule.step()  # the learning rate of the next step\n", ""
MADE = """    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.009, total_steps=steps
    )
"""
RATE = "    optimizer.param_groups[0]['lr'] = {}\n"
STEPS = {"digits": 240, "mnist": 960}  # as main trains on the centred digits
LEFT_OUT = {  # what, and the text that goes with what comes in its place
    "nothing": [],
    "the schedule (rate 0.001)": [SCHEDULE, (MADE, "")],
    "the schedule (rate 0.003)": [SCHEDULE, (MADE, RATE.format(0.003))],
    "the schedule (rate 0.009)": [SCHEDULE, (MADE, RATE.format(0.009))],
    "half of the steps": [
        ("range(steps)", "range(steps // 2)"),
        ("=steps\n", "=steps // 2\n"),
    ],
    "the second ReLU": [("F.relu(self.conv2(x))", "self.conv2(x)")],
    "the second convolution": [
        ("self.pool(F.relu(self.conv2(x)))", "F.max_pool2d(x, 3)"),
        ("nn.Linear(32 * 4 * 4, 10)", "nn.Linear(16 * 4 * 4, 10)"),
    ],
}


def without(changes: list[tuple[str, str]]) -> dict:
    """The lesson's module with these texts replaced, each standing there once."""
    text = (ROOT / "cnn.py").read_text(encoding="utf-8")
    for right, instead in changes:
        if text.count(right) != 1:
            raise SystemExit(f"cnn.py holds this {text.count(right)} times: {right}")
        text = text.replace(right, instead)
    exec(compile(text, "cnn.py", "exec"), module := {"__name__": "cnn"})
    return module


def measure(count: int = 10) -> None:
    """Train every variant with every seed, in turns; write ablation.json.

    Of MNIST, where a training takes five times as long, three seeds at most."""
    if count < 2:
        raise SystemExit("--count must be at least 2: one seed has no spread")
    torch.set_num_threads(1)
    rows = []
    for data in "digits", "mnist":
        modules = {name: without(changes) for name, changes in LEFT_OUT.items()}
        images, labels, unseen, answers = modules["nothing"]["load_digits"](data)
        right = {name: [] for name in modules}
        seconds = {name: [] for name in modules}
        seeds = count if data == "digits" else min(count, 3)
        for seed in range(seeds):
            for name, module in modules.items():
                torch.manual_seed(seed)
                network = module["ImageClassifierCNN"]()
                start = time.perf_counter()
                module["train"](network, images, labels, STEPS[data])
                seconds[name].append(time.perf_counter() - start)
                share = module["accuracy"](network, unseen, answers)
                right[name].append(100 * share)
        for name in modules:
            numbers = mean(right[name]), stdev(right[name]), min(right[name])
            row = [round(number, 2) for number in (*numbers, median(seconds[name]))]
            rows.append([data, name, seeds, *row])
            print(f"{data:8}without {name:32}", *row, flush=True)
        kept = machine() | {"rows": rows}
        write(KEPT, json.dumps(kept, indent=1) + "\n")  # MNIST takes a while
