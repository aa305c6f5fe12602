"""nn-lecture.zip: the site with its PDFs, notebooks and pictures, for a stick."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import paper
from chromium import BUILD, SITE, ZIP, at_hand
from lessons import GALLERY, runs_shown

from tools.catalogue import LessonError, lessons
from tools.cli import end
from tools.site import left_out, unfinished

README = """nn: neural network lessons in PyTorch

Open index.html in a browser; it needs no network. In the folders beside it lie

    slides/     the decks, also as PDF, with and without notes
    handouts/   each lesson on at most four pages
    lessons/    the lessons; in this folder: python cnn.py, or python more/gpt.py.
                Each says in its first lines what it needs.
    notebooks/  the same as notebooks
    pictures/   what they draw, if a run fails you in the lecture

What else the pages name (tests, mistakes to practise, the lab, benchmarks and their
`evening`) is in the repository, not here.
"""


def main() -> None:
    if not at_hand():
        raise LessonError(
            "the zip holds PDFs, which Chromium prints: playwright install chromium"
        )
    see_whole()
    paper.main()
    with tempfile.TemporaryDirectory(dir=BUILD) as work:  # until the new one is whole
        folder = Path(work, ZIP.stem)
        shutil.copytree(SITE, folder, ignore=shutil.ignore_patterns(".*"))
        see_whole()  # still: another build may have begun meanwhile
        (folder / "README.txt").write_text(README, encoding="utf-8")
        made = shutil.make_archive(str(folder), "zip", work, folder.name)
        os.replace(made, ZIP)
    print(ZIP)


def see_whole() -> None:
    """No zip of half a site, or of a site of one lesson alone: it looks like all."""
    first = "first, without LESSON: make -C docs zip (README: without make)"
    if not (SITE / "index.html").exists():
        raise LessonError(f"no site is built; {first}")
    if unfinished(SITE):
        said = "the site is half a one, its build did not come to its end"
        raise LessonError(f"{said}; {first}")
    if lacks := left_out(SITE, [*lessons()]):
        said = f"the site is not whole, it is without {', '.join(lacks)}"
        raise LessonError(f"{said}; {first}")
    lacks = [name for name in lessons() if not all_ran(name)]
    if lacks:
        said = f"not every mistake has its run on the pages of {', '.join(lacks)}"
        raise LessonError(f"{said}; {first}")


def all_ran(lesson: str) -> bool:
    """Whether its page shows the run of each of its mistakes."""
    runs = runs_shown(GALLERY / f"{lesson}.json")
    return runs is not None and all(runs.values())


if __name__ == "__main__":
    sys.exit(end("docs/bundle.py", main))
