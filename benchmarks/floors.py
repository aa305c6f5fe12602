"""How far the lessons are from what this machine could do, and from import torch."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from benchmarks.__main__ import machine
from tools import runner
from tools.catalogue import Lesson, lessons
from tools.whole import write

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "benchmarks" / "floors.json"
COUNT = """
import sys; sys.path[:0] = {path!r}
import torch, {lesson} as lesson
from benchmarks.floors import Operations
torch.set_num_threads(1)
with Operations() as counted:
    lesson.main(**{options!r})
print(counted.total)
"""


class Operations(TorchDispatchMode):
    """Counts those of matrix products and convolutions, forward and backward; what
    FlopCounterMode counts, without looking into all the other operations."""

    total = 0

    def __torch_dispatch__(self, function, types, args=(), options=None):
        result = function(*args, **(options or {}))
        if count := flop_registry.get(function.overloadpacket):
            self.total += count(*args, **(options or {}), out_val=result)
        return result


def peak(size: int = 1024) -> float:
    """Operations a second of one thread, in the product of two large matrices."""
    torch.set_num_threads(1)
    one, other, best = torch.randn(size, size), torch.randn(size, size), 0.0
    for _ in range(50):
        start = time.perf_counter()
        one @ other
        best = max(best, 2 * size**3 / (time.perf_counter() - start))
    return best


def operations(lesson: Lesson) -> int:
    """Of matrix products and convolutions, in one run on the small digits."""
    path, on = [str(ROOT), str(lesson.path.parent)], lesson.on()
    code = COUNT.format(path=path, lesson=lesson.name, options=on)
    command = [sys.executable, "-c", code]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True)
    return int(done.stdout.split()[-1])


STARTS = {  # what a process does after `import torch`
    "nothing": "pass",
    "import matplotlib.pyplot": "import matplotlib.pyplot",
    "build an optimiser": "torch.optim.Adam([torch.zeros(1)])",
    "import torchvision.datasets": "import torchvision.datasets",
    "import sklearn.datasets": "import sklearn.datasets",
    "import pytorch_lightning": "import pytorch_lightning",
}


def start_ups(count: int) -> list[list]:
    """Seconds of such processes, medians in turns, and what each adds to torch's."""
    found = {name: [] for name in STARTS}
    for _ in range(count):
        for name, code in STARTS.items():
            start = time.perf_counter()
            command = [sys.executable, "-c", f"import torch; {code}"]
            subprocess.run(command, check=True)
            found[name].append(time.perf_counter() - start)
    least = median(found["nothing"])
    whole = {name: median(times) for name, times in found.items()}
    return [[name, round(s, 2), round(s - least, 2)] for name, s in whole.items()]


def measure(count: int = 3) -> None:
    """Count operations, time main and start-up, in one run; write floors.json."""
    starts, most = start_ups(count), peak()
    times = {name: [] for name in lessons()}
    for _ in range(count):
        for name, lesson in lessons().items():
            _, used, _ = runner.measure(lesson, **lesson.on())
            times[name].append(used["main"])
        most = max(most, peak())
    rows = []
    for name, lesson in lessons().items():
        needed, spent = operations(lesson) / most, median(times[name])
        rows.append([name, *(round(n, 2) for n in (needed, spent, spent / needed))])
        print(*rows[-1], flush=True)
    kept = machine() | {"peak": most, "starts": starts}
    write(KEPT, json.dumps(kept | {"rows": rows}, indent=1) + "\n")
