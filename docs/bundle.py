"""nn-lecture.zip: the site with its PDFs, notebooks and pictures, for a stick."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import paper
from chromium import BUILD, SITE, at_hand

from tools.catalogue import LessonError
from tools.cli import end

ZIP = BUILD / "nn-lecture.zip"


def main() -> None:
    if not at_hand():
        raise LessonError(
            "the zip holds PDFs, which Chromium prints: playwright install chromium"
        )
    paper.main()
    with tempfile.TemporaryDirectory(dir=BUILD) as work:  # until the new one is whole
        folder = Path(work, ZIP.stem)
        shutil.copytree(SITE, folder, ignore=shutil.ignore_patterns(".*"))
        made = shutil.make_archive(str(folder), "zip", work, folder.name)
        os.replace(made, ZIP)
    print(ZIP)


if __name__ == "__main__":
    sys.exit(end("docs/bundle.py", main))
