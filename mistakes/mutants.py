"""Do the tests notice small random changes? python -m mistakes.mutants [lesson ...]

Needs cosmic-ray (pip install cosmic-ray), a tool for development only. Draws mutants of
the models and measurements: no pictures, loader, guard or main, nor what is printed.
"""

import argparse
import ast
import difflib
import random

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.plugins import get_operator, operator_names

from mistakes.examine import examine
from tools import catalogue
from tools.catalogue import Lesson
from tools.runner import several

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


def mutants(lesson: Lesson, count: int, seed: int) -> list[str]:
    """The lesson's text, changed in one place, `count` times."""
    source = lesson.text
    lines, places = mutated_lines(source), []
    nodes = list(ast_nodes(get_ast(source)))
    for name in sorted(operator_names()):
        if "Variable" not in name:  # these two want to be told which
            find = get_operator(name)().mutation_positions
            spots = [start for node in nodes for start, _ in find(node)]
            places += [(name, i) for i, at in enumerate(spots) if at[0] in lines]
    drawn = random.Random(seed).sample(places, min(count, len(places)))
    print(
        f"{lesson.name}: {len(drawn)} of {len(places)} mutants, seed {seed}", flush=True
    )
    return [
        MutationVisitor(i, get_operator(name)()).walk(get_ast(source)).get_code()
        for name, i in drawn
    ]


def survivors(lesson: Lesson, texts: list[str], count: int) -> list[str]:
    """Those of the texts in which no test of the lesson finds anything wrong; each is
    printed as soon as it is known."""
    found = []
    with several(count) as (threads, stop):
        asked = {"timeout": PATIENCE, "stop": stop}
        right = threads.submit(examine, lesson, lesson.text, **asked).result()
        assert right.seconds and not right.complaints, right.complaints
        jobs = []
        for text in texts:
            job = threads.submit(examine, lesson, text, "--maxfail=1", **asked)
            jobs.append(job)
        for text, job in zip(texts, jobs, strict=True):
            if not job.result().complaints:
                both = lesson.text.splitlines(), text.splitlines()
                changed = list(difflib.unified_diff(*both, n=0, lineterm=""))[2:]
                print("  survives", *changed, sep="\n    ", flush=True)
                found.append(text)
    return found


def main() -> None:
    cli = argparse.ArgumentParser(prog="python -m mistakes.mutants")
    known = catalogue.lessons()
    cli.add_argument("lessons", nargs="*", choices=[[], *known], metavar="lesson")
    cli.add_argument("--count", type=int, default=60)
    cli.add_argument("--seed", type=int, default=0)
    cli.add_argument("--workers", type=int, default=2)
    options = cli.parse_args()
    for name in options.lessons or known:
        texts = mutants(known[name], options.count, options.seed)
        killed = len(texts) - len(survivors(known[name], texts, options.workers))
        print(f"  {killed} of {len(texts)} die, {killed / len(texts):.0%}", flush=True)


if __name__ == "__main__":
    main()
