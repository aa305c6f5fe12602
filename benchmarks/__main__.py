"""Measure the lessons, and race them: python -m benchmarks COMMAND."""

import argparse
import ast
import contextlib
import hashlib
import importlib
import json
import math
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version as version_of
from pathlib import Path
from statistics import mean, median, stdev

ROOT = Path(__file__).parent.parent
SEEDS = ROOT / "benchmarks" / "seeds.jsonl"
KEPT = ROOT / "benchmarks" / "table.json"
PICTURES = ROOT / "docs" / "pictures"
BEGIN, END = "<!-- python -m benchmarks table -->", "<!-- end -->"
MODELS = {  # what is counted under "parameters"
    "cnn": "ImageClassifierCNN()",
    "rnn": "SequenceClassifierRNN(4, 64)",
    "cnnrnn": "ImageSequenceClassifierCNNRNN()",
    "compare_blocks": "make_blocks('residual', 50, 64)",
    "attention": "LookUp()",
    "autoencoder": "SimpleAutoencoder()",
    "lightning": "DigitClassifier()",
}
LESSONS = list(MODELS)


CHILD = """
import time; begin = time.perf_counter()
import json, os, sys; sys.path.insert(0, {root!r}); home = os.getcwd()
import torch, {lesson} as lesson; torch.set_num_threads({threads} or lesson.THREADS)
imported = time.perf_counter()
numbers = lesson.main(**{options!r}); os.chdir(home)
used = {{"imports": imported - begin, "main": time.perf_counter() - imported}}
used["cpu"] = time.process_time()
try:
    import resource  # not on Windows
    used["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
except ImportError:
    used["peak"] = 0
json.dump([numbers, used], open("numbers.json", "w"))
"""


def run(lesson: str, pictures: Path | None = None, threads=0, **given):
    """What main returned in a process of its own; and that process's seconds (wall,
    cpu, imports, main) and peak memory in MB. Threads 0: as many as the lesson says."""
    code = CHILD.format(root=str(ROOT), lesson=lesson, threads=threads, options=given)
    data = str(Path(os.environ.get("NN_DATA", ROOT / "data")).resolve())
    rc = {"MATPLOTLIBRC": str(ROOT / "matplotlibrc"), "MPLBACKEND": "agg"}
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=folder,
            env=os.environ | rc | {"NN_DATA": data},
            stdout=subprocess.DEVNULL,
        )
        seconds = time.perf_counter() - start
        if done.returncode:
            raise SystemExit(f"{lesson}.py failed with {given}")
        if pictures:
            shutil.copytree(Path(folder, "figures"), pictures, dirs_exist_ok=True)
        numbers, used = json.loads(Path(folder, "numbers.json").read_text())
        used = {name: round(value, 2) for name, value in used.items()}
        return numbers, {"wall": round(seconds, 2)} | used


def takes(lesson: str, option: str) -> bool:
    """Whether its main has this option."""
    source = (ROOT / f"{lesson}.py").read_text(encoding="utf-8")
    return re.search(rf"\b{option}: (Data|Literal)", source) is not None


def options(lesson: str, data: str = "digits") -> dict[str, str]:
    """Of its main, to run on this data, if it takes any."""
    return {"data": data} if takes(lesson, "data") else {}


def evening(data: str) -> None:
    """Every lesson once, as on stage: lesson, seconds, whether its claim held."""
    failed, together = False, 0
    print(f"{'lesson':16}{'seconds':>8}   claim")
    for lesson in LESSONS:
        numbers, used = run(lesson, **options(lesson, data))
        together += used["wall"]
        failed |= not numbers["holds"]
        verdict = "holds" if numbers["holds"] else "does NOT hold"
        print(f"{lesson:16}{used['wall']:8.1f}   {verdict}", flush=True)
    print(f"{'together':16}{together:8.1f}")
    if failed:
        raise SystemExit("A claim did not hold.")


NO_NUMBERS = {"ASK", "CLAIM", "fetch_mnist", "figure", "conclude"}


def version(lesson: str) -> str:
    """A checksum of the code that makes the numbers: no words, picture or plumbing."""
    tree = ast.parse((ROOT / f"{lesson}.py").read_text(encoding="utf-8"))
    kept = []
    for node in tree.body[1:-1]:  # without the docstring and the guard
        target = getattr(node, "targets", [node])[0]
        name = getattr(target, "id", getattr(target, "name", ""))
        if name not in NO_NUMBERS and not isinstance(node, ast.Import | ast.ImportFrom):
            kept.append(ast.dump(node))
    return hashlib.sha256("".join(kept).encode()).hexdigest()[:12]


def records() -> list[dict]:
    lines = SEEDS.read_text().splitlines() if SEEDS.exists() else []
    return [json.loads(line) for line in lines]


def seeds(lessons: list[str], count: int, data: str) -> None:
    """Append the numbers of seeds 0 ... count - 1, leaving out those already there."""
    for lesson in lessons or LESSONS:
        of = options(lesson, data)
        key = {"lesson": lesson, "data": "none"} | of | {"code": version(lesson)}
        known = [r["seed"] for r in records() if r.items() >= key.items()]
        for seed in [seed for seed in range(count) if seed not in known]:
            numbers, used = run(lesson, seed=seed, **of)
            record = key | {"seed": seed, "seconds": round(used["wall"], 1)} | numbers
            with SEEDS.open("a") as file:  # one write: several may append at once
                file.write(json.dumps(record) + "\n")
        summary(key)


def summary(key: dict) -> None:
    found = [r for r in records() if r.items() >= key.items()]
    print(f"\n{key['lesson']}, {key['data']}: {len(found)} seeds")
    print(f"  {'':32}{'lowest':>12}{'mean':>12}{'highest':>12}")
    for name in found[0]:
        if name not in (*key, "seed"):
            values = [record[name] for record in found]
            low, high = min(values), max(values)
            print(f"  {name:32}{low:12.4g}{mean(values):12.4g}{high:12.4g}")


def measure(lessons: list[str], count: int) -> None:
    """Run every lesson several times; write table.json, the pictures and the README."""
    known = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    found = {"digits": {}, "mnist": {}}
    has_mnist = (Path(os.environ.get("NN_DATA", ROOT / "data")) / "MNIST").exists()
    for _ in range(count):  # in turns, so that a busy minute meets all of them
        for data in ["digits", *["mnist"] * has_mnist]:
            for lesson in lessons or LESSONS:
                if data == "digits" or takes(lesson, "data"):
                    pictures = PICTURES if data == "digits" else None
                    _, used = run(lesson, pictures, **options(lesson, data))
                    found[data].setdefault(lesson, []).append(used)
                    print(f"{lesson:16}{data:8}{used['wall']:8.1f} s", flush=True)
    if {**known, "runs": 0} != machine() | {"runs": 0}:
        known = {}  # of another machine, or another torch
    runs = {data: known.get("runs", {}).get(data, {}) | found[data] for data in found}
    KEPT.write_text(json.dumps(machine() | {"runs": runs}, indent=1) + "\n")
    write_table()


def machine() -> dict:
    """What the numbers were measured on."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, IndexError):
        found = re.findall(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        name = found[0]
    kept = {"processor": name, "cores": os.cpu_count()}
    return kept | {"python": platform.python_version(), "torch": version_of("torch")}


def used(lesson: str, data: str) -> dict[str, float]:
    """Medians of table.json's runs of this lesson; on digits, if it takes no data."""
    runs = json.loads(KEPT.read_text())["runs"]
    found = runs[data if takes(lesson, "data") else "digits"].get(lesson, [])
    names = found[0] if found else ()
    return {name: median(one[name] for one in found) for name in names}


def parameters(lesson: str) -> int:
    sys.path.insert(0, str(ROOT))
    model = eval(MODELS[lesson], vars(importlib.import_module(lesson)))
    return sum(parameter.numel() for parameter in model.parameters())


def lines(lesson: str) -> int:
    return len((ROOT / f"{lesson}.py").read_text(encoding="utf-8").splitlines())


def tried(lesson: str) -> dict[str, list[dict]]:
    """The records of this code's seeds, by data."""
    found = {}
    for name, said in {
        "none": "",
        "digits": " on digits",
        "mnist": " on MNIST",
    }.items():
        key = {"lesson": lesson, "data": name, "code": version(lesson)}
        if here := [r for r in records() if r.items() >= key.items()]:
            found[said] = here
    return found


def table() -> str:
    """The README's measured table, from the records beside this file."""
    if not KEPT.exists():
        raise SystemExit("run `python -m benchmarks table` first")
    rows = [
        "| lesson | parameters | lines | s, digits | s, MNIST | MB | claim held |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    total = {"digits": 0.0, "mnist": 0.0}
    for lesson in LESSONS:
        held = [
            f"{sum(r['holds'] for r in found):.0f} of {len(found)} seeds{said}"
            for said, found in tried(lesson).items()
        ]
        here = {data: used(lesson, data) for data in total}
        for data in total:
            total[data] += here[data].get("wall", math.nan)
        times = [f"{here[data].get('wall', math.nan):.1f}" for data in total]
        peak = f"{max(one.get('peak', 0) for one in here.values()):,.0f}"
        cells = f"`{lesson}.py`", f"{parameters(lesson):,}", str(lines(lesson)), *times
        rows.append(f"| {' | '.join([*cells, peak, ', '.join(held)])} |")
    together = [f"{seconds:.0f}" for seconds in total.values()]
    return "\n".join([*rows, f"| together | | | {' | '.join(together)} | | |"])


def measured_on() -> str:
    """How table.json was measured, and on what."""
    known = json.loads(KEPT.read_text())
    runs = min(len(found) for data in known["runs"].values() for found in data.values())
    return (
        "Seconds and MB (of the larger data) are those of a whole process, imports "
        f"included:\nmedians of {runs} runs on one machine ({known['processor']}, "
        f"{known['cores']} cores; Python {known['python']},\n"
        f"PyTorch {known['torch']}); yours will differ."
    )


def resources() -> list[list[str]]:
    """The site's table: what each lesson takes, on digits and on MNIST."""
    runs = json.loads(KEPT.read_text())["runs"]
    return [
        [lesson, {"digits": "digits", "mnist": "MNIST"}[data] * takes(lesson, "data")]
        + [
            f"{used(lesson, data)[name]:.1f}"
            for name in ("wall", "cpu", "imports", "main")
        ]
        + [f"{used(lesson, data)['peak']:,.0f}", f"{parameters(lesson):,}"]
        + [str(lines(lesson))]
        for lesson in LESSONS
        for data in runs
        if lesson in runs[data]
    ]


def claimed() -> list[list[str]]:
    """The site's table: what main returned, over all seeds tried."""
    rows = []
    for lesson in LESSONS:
        for said, found in tried(lesson).items():
            for name in found[0]:
                if name not in ("lesson", "data", "code", "seed", "seconds", "holds"):
                    values = [record[name] for record in found]
                    spread = stdev(values) if len(values) > 1 else math.nan
                    numbers = mean(values), spread, min(values), max(values)
                    rows.append([lesson + said, str(len(values)), name])
                    rows[-1] += [f"{number:.4g}" for number in numbers]
    return rows


def write_table() -> None:
    """Write the measured table into the README."""
    readme = ROOT / "README.md"
    head, mark, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, end, tail = rest.partition(END)
    text = f"{head}{mark}\n{table()}\n\n{measured_on()}\n{end}{tail}"
    readme.write_text(text, encoding="utf-8")


# What is measured by a module of its own, imported only then, as it imports lessons
APART = {
    "cluster": "Time a step of lightning.py for its page.",
    "race": "Side by side, in turns: the lessons and what people use instead.",
    "growth": "How time and memory grow with length, depth, batch and width.",
    "ablation": "cnn.py with each of its ingredients left out.",
    "floors": "How far the lessons are from what this machine could do.",
    "threads": "One thread or two, alone and beside a busy neighbour.",
}


def main() -> None:
    cli = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = cli.add_subparsers(dest="command", required=True)
    command = commands.add_parser("evening", help=evening.__doc__)
    command.add_argument("--data", choices=["digits", "mnist"], default="digits")
    command = commands.add_parser("seeds", help=seeds.__doc__)
    command.add_argument("lessons", nargs="*", metavar="lesson", help="default: all")
    command.add_argument("--count", type=int, default=20)
    command.add_argument("--data", choices=["digits", "mnist"], default="digits")
    command = commands.add_parser("table", help=measure.__doc__)
    command.add_argument("lessons", nargs="*", metavar="lesson", help="default: all")
    command.add_argument("--count", type=int, default=5, help="of runs")
    command = commands.add_parser("render", help=write_table.__doc__)
    for name, about in APART.items():
        command = commands.add_parser(name, help=about)
        if name == "race":
            command.add_argument(
                "names", nargs="*", metavar="race", help="default: all"
            )
        command.add_argument("--count", type=int, help="of repetitions")
    given = vars(cli.parse_args())
    unknown = set(given.get("lessons", [])) - set(LESSONS)
    if unknown:
        cli.error(f"no lesson {', '.join(unknown)}; there are {', '.join(LESSONS)}")
    if (given.get("count") or 1) < 1:
        cli.error(f"argument --count: must be positive, got {given['count']}")
    name = given.pop("command")
    act = {"evening": evening, "seeds": seeds, "table": measure, "render": write_table}
    if name in APART:
        given = {key: value for key, value in given.items() if value}
        act[name] = importlib.import_module(f"benchmarks.{name}").measure
    act[name](**given)


if __name__ == "__main__":
    main()
