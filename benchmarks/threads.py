"""One thread or two, alone and beside a busy neighbour."""

import itertools
import json
import subprocess
import sys
from pathlib import Path
from statistics import median

from benchmarks.__main__ import machine
from tools import runner
from tools.catalogue import lessons
from tools.whole import write

KEPT = Path(__file__).parent / "threads.json"
WHILE_WE_LIVE = "import os\nours = os.getppid()\nwhile os.getppid() == ours: pass"
BUSY = [sys.executable, "-c", WHILE_WE_LIVE]


def measure(count: int = 3) -> None:
    """Seconds of each lesson's main on the small digits; write threads.json."""
    found = {}
    for turn in range(1, count + 1):
        for lesson in lessons().values():
            for busy, threads in itertools.product((False, True), (1, 2)):
                neighbour = subprocess.Popen(BUSY) if busy else None
                try:
                    _, used, _ = runner.measure(lesson, threads=threads, **lesson.on())
                finally:
                    if neighbour:
                        neighbour.kill()
                        neighbour.wait()
                found.setdefault((lesson.name, busy, threads), []).append(used["main"])
                print(
                    f"{lesson.name:16}{threads} {'busy' * busy:4}{used['main']:8.1f} s",
                    flush=True,
                )
        rows = [
            [name] + [round(median(t), 2) for key, t in found.items() if key[0] == name]
            for name in lessons()
        ]
        kept = machine() | {"runs": turn, "rows": rows}
        write(KEPT, json.dumps(kept, indent=1) + "\n")  # what is there is kept
