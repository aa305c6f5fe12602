"""How far the lessons are from what this machine could do, and from import torch."""

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import torch

from benchmarks.__main__ import LESSONS, machine, run, takes

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "benchmarks" / "floors.json"
OPERATIONS = """
import contextlib, io, sys
sys.path.insert(0, {root!r})
import torch, {lesson} as lesson
from torch.utils.flop_counter import FlopCounterMode
counted, quiet = FlopCounterMode(display=False), io.StringIO()
with counted, contextlib.redirect_stdout(quiet):
    lesson.main(**{options!r})
print(counted.get_total_flops())
"""


def peak(size: int = 1024) -> float:
    """Operations a second of one thread, in the product of two large matrices."""
    torch.set_num_threads(1)
    one, other, best = torch.randn(size, size), torch.randn(size, size), 0.0
    for _ in range(20):
        start = time.perf_counter()
        one @ other
        best = max(best, 2 * size**3 / (time.perf_counter() - start))
    return best


def operations(lesson: str, folder: str) -> int:
    """Of matrix products and convolutions, in one run on the small digits."""
    options = {"data": "digits"} if takes(lesson, "data") else {}
    code = OPERATIONS.format(root=str(ROOT), lesson=lesson, options=options)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True)
    return int(done.stdout)


def start_up(code: str) -> float:
    """Seconds of a process that does this alone."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    return time.perf_counter() - start


def measure(count: int = 5) -> None:
    """Operations, peak and start-up; write floors.json."""
    import tempfile

    most, rows = peak(), []
    starts = {name: [] for name in ["torch", *LESSONS]}
    for _ in range(count):
        for name in starts:
            starts[name].append(start_up(f"import {name}"))
    for lesson in LESSONS:
        with tempfile.TemporaryDirectory() as folder:
            needed = operations(lesson, folder) / most
        options = {"data": "digits"} if takes(lesson, "data") else {}
        spent = median(run(lesson, **options)[1]["main"] for _ in range(count))
        row = [round(n, 2) for n in (needed, spent, spent / needed)]
        row += [round(median(starts[lesson]), 2)]
        rows.append([lesson, *row])
        print(f"{lesson:16}", *row, flush=True)
    kept = machine() | {"peak": most, "torch_starts": round(median(starts["torch"]), 2)}
    KEPT.write_text(json.dumps(kept | {"rows": rows}, indent=1) + "\n")
