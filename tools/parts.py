"""Plumbing that lessons share: one source here, a copy in each file.

A lesson imports nothing from this repository, so what several need stands in each of
them. It is written once, in tools/parts/, and `python -m tools copy` puts it into the
lessons: a part of the same heading is replaced. Nobody copies it by hand. It does
the same with the lowest versions of requirements.txt, in the list that a lesson begins
with.
"""

import re
import textwrap
import tomllib

from tools.catalogue import HEADER, ROOT, Lesson, lessons
from tools.whole import write

FOLDER = ROOT / "tools" / "parts"
MARK = "# %%\n"  # begins a part of a lesson
LISTED = re.compile(r'(?m)^# dependencies = \[(?:[^"\[\]]|"[^"\n]*")*\]')


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
    text = with_floors(text)
    parts = []
    for part in split(text):
        ending = part[len(part.rstrip()) :]  # empty lines before the next part
        shared = known.get(heading(part))
        parts.append(part if shared is None else shared.rstrip() + ending)
    return "".join(parts)


def floors() -> dict[str, str]:
    """What requirements.txt asks for, by package: `numpy>=2.0` for numpy."""
    found = {}
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        asked = line.partition("#")[0].strip()
        if asked:
            found[name_of(asked)] = asked
    return found


def name_of(requirement: str) -> str:
    return re.match(r"[\w.-]+", requirement)[0]


def with_floors(text: str) -> str:
    """The text whose first lines list its packages as requirements.txt does."""
    header = HEADER.match(text)
    if not header:
        return text
    lines = re.sub("(?m)^# ?", "", header[1])
    try:
        listed = tomllib.loads(lines)["dependencies"]
    except (tomllib.TOMLDecodeError, KeyError):
        return text  # tools/catalogue.py says what is wrong with it
    known = floors()
    asked = [known.get(name_of(one), one) for one in listed]
    quoted = ", ".join(f'"{one}"' for one in asked)
    wrapped = textwrap.wrap(
        f"# dependencies = [{quoted}]",
        width=88,
        subsequent_indent="#   ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    old = LISTED.search(header[0])  # what stands behind the list stays there
    return text.replace(old[0], "\n".join(wrapped), 1) if old else text


def copy() -> list[Lesson]:
    """Renew the shared parts of every lesson; those that had others before."""
    changed = []
    for lesson in lessons().values():
        text = renewed(lesson.text)
        if text != lesson.text:
            write(lesson.path, text)
            changed.append(lesson)
    return changed
