"""Do a lesson's tests notice small random changes? python -m mistakes mutate

Needs cosmic-ray (pip install cosmic-ray), a tool for development only. Three kinds of
places are changed: the code that computes, the verdict, and what draws the figures.
Left out are what every lesson shares, main, what is only printed or raised, and the
sizes and colours that a figure is drawn with.
"""

import ast
import difflib
import random

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.plugins import get_operator, operator_names

from mistakes.examine import examine
from tools.catalogue import Lesson
from tools.runner import several

KINDS = "code", "verdict", "figure"
VERDICT = "claim_holds"
DRAWS = "figure", "draw", "as_tiles"  # begin the names of what makes a figure
LEFT_OUT = "load_digits", "print_loss", "main"
LOOKS = {"figsize", "size", "fontsize", "linewidth", "markersize", "width_ratios"}
LOOKS |= {"padding", "color", "alpha", "height_ratios", "xlim", "ylim", "width"}
PATIENCE = 200  # seconds; a mutant that never ends is noticed, too


def kind_of(name: str) -> str | None:
    """Which kind of place the function or class of this name is, if any."""
    if name in LEFT_OUT:
        return None
    if name == VERDICT:
        return "verdict"
    return "figure" if name.startswith(DRAWS) else "code"


def places(source: str) -> dict[int, str]:
    """The lines that may be changed, each with its kind."""
    found = {}
    tree = ast.parse(source)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            kind = kind_of(node.name)
            if kind:
                lines = range(node.lineno, node.end_lineno + 1)
                found |= dict.fromkeys(lines, kind)
    for node in ast.walk(tree):
        said = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
        if said or isinstance(node, ast.Raise):
            for line in range(node.lineno, node.end_lineno + 1):
                found.pop(line, None)
        if isinstance(node, ast.keyword) and node.arg in LOOKS:
            lines = range(node.value.lineno, node.value.end_lineno + 1)
            for line in lines:
                if found.get(line) == "figure":
                    found.pop(line)
    return found


def mutants(lesson: Lesson, count: int, seed: int) -> dict[str, list[str]]:
    """For each kind, the lesson's text changed in one place, `count` times at most."""
    source = lesson.text
    where = places(source)
    spots = {kind: [] for kind in KINDS}
    nodes = list(ast_nodes(get_ast(source)))
    for name in sorted(operator_names()):
        if "Variable" in name:  # these two want to be told which
            continue
        find = get_operator(name)().mutation_positions
        starts = [start for node in nodes for start, _ in find(node)]
        for number, (line, _) in enumerate(starts):
            if line in where:
                spots[where[line]].append((name, number))
    found = {}
    for kind in KINDS:
        drawn = random.Random(seed).sample(spots[kind], min(count, len(spots[kind])))
        print(f"{lesson.name}, {kind}: {len(drawn)} of {len(spots[kind])}, seed {seed}")
        found[kind] = [changed(source, *spot) for spot in drawn]
    return found


def changed(source: str, operator: str, number: int) -> str:
    visitor = MutationVisitor(number, get_operator(operator)())
    return visitor.walk(get_ast(source)).get_code()


def survivors(lesson: Lesson, texts: list[str], count: int) -> list[str]:
    """Those of the texts in which no test of the lesson finds anything wrong; each is
    printed as soon as it is known."""
    found = []
    with several(count) as (threads, stop):
        asked = {"timeout": PATIENCE, "stop": stop}
        jobs = []
        for text in texts:
            job = threads.submit(examine, lesson, text, "--maxfail=1", **asked)
            jobs.append(job)
        for text, job in zip(texts, jobs, strict=True):
            found_out = job.result()
            if found_out.lost:  # that says nothing
                print("  its tests were killed", flush=True)
            if found_out.lost or not found_out.complaints:
                both = lesson.text.splitlines(), text.splitlines()
                difference = list(difflib.unified_diff(*both, n=0, lineterm=""))[2:]
                print("  survives", *difference, sep="\n    ", flush=True)
                found.append(text)
    return found


def mutate(lesson: Lesson, count: int, seed: int, workers: int) -> None:
    """Print, kind by kind, how many of the changes the lesson's tests notice."""
    right = examine(lesson, lesson.text, timeout=PATIENCE)
    assert right.seconds and not right.complaints, right.complaints
    for kind, texts in mutants(lesson, count, seed).items():
        dead = len(texts) - len(survivors(lesson, texts, workers))
        share = dead / max(1, len(texts))
        print(f"{lesson.name}, {kind}: {dead} of {len(texts)} die, {share:.0%}")
