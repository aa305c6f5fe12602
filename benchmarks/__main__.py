"""Measure the lessons: python -m benchmarks evening | seeds | table | cluster."""

import argparse
import ast
import hashlib
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean

ROOT = Path(__file__).parent.parent
SEEDS = ROOT / "benchmarks" / "seeds.jsonl"
RUNS = ROOT / "benchmarks" / "evening.json"
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


def run(lesson: str, pictures: Path | None = None, **options) -> tuple[dict, float]:
    """What main returned in a process of its own, and that process's wall seconds."""
    code = (
        f"import json, os, sys; sys.path.insert(0, {str(ROOT)!r}); home = os.getcwd()\n"
        f"import torch, {lesson} as lesson; torch.set_num_threads(lesson.THREADS)\n"
        f"numbers = lesson.main(**{options!r}); os.chdir(home)\n"
        "json.dump(numbers, open('numbers.json', 'w'))"
    )
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
            raise SystemExit(f"{lesson}.py failed with {options}")
        if pictures:
            shutil.copytree(Path(folder, "figures"), pictures, dirs_exist_ok=True)
        return json.loads(Path(folder, "numbers.json").read_text()), seconds


def takes(lesson: str, option: str) -> bool:
    source = (ROOT / f"{lesson}.py").read_text(encoding="utf-8")
    return re.search(rf"\b{option}: (Data|Literal)", source) is not None


def evening(data: str, save: bool) -> None:
    """Every lesson once, as on stage: lesson, seconds, whether its claim held."""
    failed, rows = False, {}
    print(f"{'lesson':16}{'seconds':>8}   claim")
    for lesson in LESSONS:
        options = {"data": data} if takes(lesson, "data") else {}
        numbers, seconds = run(lesson, PICTURES if save else None, **options)
        rows[lesson] = round(seconds, 1)
        failed |= not numbers["holds"]
        verdict = "holds" if numbers["holds"] else "does NOT hold"
        print(f"{lesson:16}{seconds:8.1f}   {verdict}", flush=True)
    print(f"{'together':16}{sum(rows.values()):8.1f}")
    if save:
        known = json.loads(RUNS.read_text()) if RUNS.exists() else {}
        RUNS.write_text(json.dumps(known | {data: rows}, indent=1) + "\n")
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
        has_data = takes(lesson, "data")
        key = {"lesson": lesson, "data": data if has_data else "none"}
        key["code"] = version(lesson)
        known = [r["seed"] for r in records() if r.items() >= key.items()]
        for seed in [seed for seed in range(count) if seed not in known]:
            options = {"data": data} if has_data else {}
            numbers, seconds = run(lesson, seed=seed, **options)
            record = key | {"seed": seed, "seconds": round(seconds, 1)} | numbers
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


def table() -> str:
    """The README's measured table, from the records beside this file."""
    if not RUNS.exists():
        raise SystemExit("run `python -m benchmarks evening --save` first")
    sys.path.insert(0, str(ROOT))
    runs, all_records = json.loads(RUNS.read_text()), records()
    lines = [
        "| lesson | parameters | seconds, digits | seconds, MNIST | claim held |",
        "|---|--:|--:|--:|---|",
    ]
    for lesson, build in MODELS.items():
        model = eval(build, vars(importlib.import_module(lesson)))
        size = sum(parameter.numel() for parameter in model.parameters())
        held = []
        for data in ("none", "digits", "mnist"):
            key = {"lesson": lesson, "data": data, "code": version(lesson)}
            found = [r["holds"] for r in all_records if r.items() >= key.items()]
            if found:
                name = {"none": "", "digits": " on digits", "mnist": " on MNIST"}[data]
                held.append(f"{sum(found):.0f} of {len(found)} seeds{name}")
        times = [str(runs[data][lesson]) for data in ("digits", "mnist")]
        cells = f"`{lesson}.py`", f"{size:,}", *times, ", ".join(held)
        lines.append(f"| {' | '.join(cells)} |")
    together = [f"{sum(runs[data].values()):.0f}" for data in ("digits", "mnist")]
    return "\n".join([*lines, f"| together | | {' | '.join(together)} | |"])


def write_table() -> None:
    """Renew the measured table in the README."""
    readme = ROOT / "README.md"
    head, mark, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, end, tail = rest.partition(END)
    text = f"{head}{mark}\n{table()}\n{end}{tail}"
    readme.write_text(text, encoding="utf-8")


def steps() -> None:
    """Time a step of lightning.py for its page."""
    from benchmarks import cluster  # only here: it imports the lesson

    cluster.measure()


def main() -> None:
    cli = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = cli.add_subparsers(dest="command", required=True)
    command = commands.add_parser("evening", help=evening.__doc__)
    command.add_argument("--data", choices=["digits", "mnist"], default="digits")
    command.add_argument(
        "--save", action="store_true", help="the times and pictures for the README"
    )
    command = commands.add_parser("seeds", help=seeds.__doc__)
    command.add_argument("lessons", nargs="*", metavar="lesson", help="default: all")
    command.add_argument("--count", type=int, default=20)
    command.add_argument("--data", choices=["digits", "mnist"], default="digits")
    commands.add_parser("table", help=write_table.__doc__)
    commands.add_parser("cluster", help=steps.__doc__)
    options = vars(cli.parse_args())
    unknown = set(options.get("lessons", [])) - set(LESSONS)
    if unknown:
        cli.error(f"no lesson {', '.join(unknown)}; there are {', '.join(LESSONS)}")
    if options.get("count", 1) < 1:
        cli.error(f"argument --count: must be positive, got {options['count']}")
    act = {"evening": evening, "seeds": seeds, "table": write_table, "cluster": steps}
    act[options.pop("command")](**options)


if __name__ == "__main__":
    main()
