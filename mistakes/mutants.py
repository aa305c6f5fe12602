"""Do the tests notice small random changes? python -m mistakes.mutants [lesson ...]

Needs cosmic-ray (pip install cosmic-ray), a tool for development only. Draws mutants of
the models and measurements: no pictures, loader, guard or main, nor what is printed.
"""

import argparse
import ast
import difflib
import random
import signal

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.plugins import get_operator, operator_names

from benchmarks.__main__ import LESSONS, ROOT
from mistakes.scratch import examine, workers

LEFT_OUT = "figure fetch_mnist read_mnist load_digits conclude main".split()
PATIENCE = 200  # seconds; a mutant that never ends is noticed, too


def mutated_lines(source: str) -> set[int]:
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if not node.name.startswith(tuple(LEFT_OUT)):
                found |= set(range(node.lineno, node.end_lineno + 1))
    for node in ast.walk(ast.parse(source)):
        said = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
        if said or isinstance(node, ast.Raise):
            found -= set(range(node.lineno, node.end_lineno + 1))
    return found


def mutants(lesson: str, count: int, seed: int) -> list[str]:
    """The lesson's text, changed in one place, `count` times."""
    source = (ROOT / f"{lesson}.py").read_text(encoding="utf-8")
    lines, places = mutated_lines(source), []
    nodes = list(ast_nodes(get_ast(source)))
    for name in sorted(operator_names()):
        if "Variable" not in name:  # these two want to be told which
            find = get_operator(name)().mutation_positions
            spots = [start for node in nodes for start, _ in find(node)]
            places += [(name, i) for i, at in enumerate(spots) if at[0] in lines]
    drawn = random.Random(seed).sample(places, min(count, len(places)))
    print(f"{lesson}: {len(drawn)} of {len(places)} mutants, seed {seed}", flush=True)
    return [
        MutationVisitor(i, get_operator(name)()).walk(get_ast(source)).get_code()
        for name, i in drawn
    ]


def patient(job: tuple) -> tuple[dict, dict]:
    def stop(*_):
        raise TimeoutError("it never ends")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(PATIENCE)
    folder, text, (lesson, *rest) = job
    return examine((folder, lesson, text, *rest))


def main() -> None:
    cli = argparse.ArgumentParser(prog="python -m mistakes.mutants")
    cli.add_argument("lessons", nargs="*", choices=[[], *LESSONS], metavar="lesson")
    cli.add_argument("--count", type=int, default=60)
    cli.add_argument("--seed", type=int, default=0)
    cli.add_argument("--workers", type=int, default=2)
    options = cli.parse_args()
    for lesson in options.lessons or LESSONS:
        source = (ROOT / f"{lesson}.py").read_text(encoding="utf-8")
        texts, killed = mutants(lesson, options.count, options.seed), 0
        with workers(options.workers) as (pool, folder):
            right = (folder / "right", lesson, source, {})
            order, complaints = pool.apply(examine, [right])
            assert not complaints, complaints
            rest = lesson, order, "--maxfail=1"
            jobs = [(folder / str(i), text, rest) for i, text in enumerate(texts)]
            found = pool.imap(patient, jobs)
            for text, (_, complaints) in zip(texts, found, strict=True):
                killed += bool(complaints)
                if not complaints:
                    both = source.splitlines(), text.splitlines()
                    changed = list(difflib.unified_diff(*both, n=0, lineterm=""))[2:]
                    print("  survives", *changed, sep="\n    ", flush=True)
        print(f"  {killed} of {len(texts)} die, {killed / len(texts):.0%}", flush=True)


if __name__ == "__main__":
    main()
