"""One thread or two, alone and beside a busy neighbour."""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

from benchmarks.__main__ import LESSONS, machine, run, takes

KEPT = Path(__file__).parent / "threads.json"
BUSY = [sys.executable, "-c", "while True: pass"]


def measure(count: int = 3) -> None:
    """Seconds of each lesson's main on the small digits; write threads.json."""
    rows = []
    for lesson in LESSONS:
        options = {"data": "digits"} if takes(lesson, "data") else {}
        found = {(n, busy): [] for busy in (False, True) for n in (1, 2)}
        for _ in range(count):
            for threads, busy in found:
                neighbour = subprocess.Popen(BUSY) if busy else None
                try:
                    _, used = run(lesson, threads=threads, **options)
                finally:
                    if neighbour:
                        neighbour.kill()
                        neighbour.wait()
                found[threads, busy].append(used["main"])
        rows.append([lesson, *(round(median(times), 2) for times in found.values())])
        print(f"{lesson:16}", *rows[-1][1:], flush=True)
    kept = machine() | {"runs": count, "rows": rows}
    KEPT.write_text(json.dumps(kept, indent=1) + "\n")
