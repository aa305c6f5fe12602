"""What each mistake does to a lesson's numbers: python -m benchmarks mistakes

One seed can be luck. So the lesson runs with five, right and with each of its mistakes,
and mistakes.json keeps lowest, median and highest of every number. The lessons' pages
show them. The runs come from the store: what was interrupted goes on where it was.
"""

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from mistakes import __main__ as mistakes
from tools import store
from tools.catalogue import Lesson, LessonError, lessons, recipe
from tools.runner import LostError, several
from tools.whole import read_json, write

KEPT = Path(__file__).parent / "mistakes.json"


def measure(names: Sequence[str] = (), count: int = 5) -> None:
    """Run these lessons (default: all) with each mistake and seeds 0 ... count - 1."""
    known = lessons()
    for name in names or known:
        lesson = known[name]
        source, entries, _ = mistakes.read(name)
        if source != lesson.text:
            raise LessonError(f"{lesson.file} was edited just now; measure it again")
        right = several_seeds(lesson, source, count)
        if right["ended"] < count:
            missing = f"{count - right['ended']} of {count} runs without a mistake"
            raise LessonError(f"{name}: {missing} came to no end; nothing is kept")
        keep(name, "", {"code": recipe(lesson), **right})
        for mistake, entry in entries.items():
            found = several_seeds(lesson, mistakes.broken(source, entry), count)
            keep(name, mistake, {"code": mistakes.code(lesson, entry), **found})
            print(f"{name:16}{mistake:24}{said(found)}", flush=True)


def several_seeds(lesson: Lesson, text: str, count: int) -> dict:
    """Lowest, median and highest of each number, and how many runs came to an end."""
    with several(2) as (threads, _):
        one = functools.partial(numbers, lesson, text)
        found = list(threads.map(one, range(count)))
    ended = [each for each in found if each]
    kept = {"seeds": count, "ended": len(ended), "numbers": {}}
    if ended:
        for name in ended[0]:
            values = [each[name] for each in ended]
            kept["numbers"][name] = [min(values), median(values), max(values)]
        kept["holds"] = sum(each["holds"] for each in ended)
    return kept


def numbers(lesson: Lesson, text: str, seed: int) -> dict[str, float]:
    """What main returns with this seed; nothing, if it ends in an error. LostError if
    its process was killed, or the like: no mistake does that."""
    try:
        return store.full(lesson, text, seed=seed).numbers
    except LostError:
        raise
    except LessonError:
        return {}


def keep(lesson: str, mistake: str, found: dict) -> None:
    """Write this into mistakes.json; the right runs under the empty name."""
    kept = read_json(KEPT) if KEPT.exists() else {}
    kept.setdefault(lesson, {})[mistake] = found
    write(KEPT, json.dumps(kept, indent=1) + "\n")


def said(found: dict) -> str:
    ended = f"{found['ended']} of {found['seeds']} runs come to an end"
    return f"{ended}, the claim holds in {found.get('holds', 0):.0f}"
