"""Plumbing that lessons share: one source here, a copy in each file.

A lesson imports nothing from this repository, so what several need stands in each of
them. It is written once, in tools/parts/, and `python -m tools copy` puts it into the
lessons: a part of the same heading is replaced. Nobody copies it by hand.
"""

import re

from tools.catalogue import ROOT, Lesson, lessons

FOLDER = ROOT / "tools" / "parts"
MARK = "# %%\n"  # begins a part of a lesson


def sources() -> dict[str, str]:
    """The shared parts, by their headings."""
    found = {}
    for path in sorted(FOLDER.glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        found[heading(text)] = text
    return found


def heading(part: str) -> str:
    return part.removeprefix(MARK).partition("\n")[0].removeprefix("# ")


def split(text: str) -> list[str]:
    """A lesson's text, cut before each part."""
    return re.split(rf"(?m)^(?={MARK})", text)


def renewed(text: str) -> str:
    """The text with its shared parts as tools/parts/ has them."""
    known = sources()
    parts = []
    for part in split(text):
        ending = part[len(part.rstrip()) :]  # empty lines before the next part
        shared = known.get(heading(part))
        parts.append(part if shared is None else shared.rstrip() + ending)
    return "".join(parts)


def copy() -> list[Lesson]:
    """Renew the shared parts of every lesson; those that had others before."""
    changed = []
    for lesson in lessons().values():
        text = renewed(lesson.text)
        if text != lesson.text:
            lesson.path.write_text(text, encoding="utf-8")
            changed.append(lesson)
    return changed
