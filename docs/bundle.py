"""nn-lecture.zip: the site with its PDFs, notebooks and pictures, for a stick."""

import shutil
import sys

import paper
from chromium import BUILD, SITE, at_hand


def main() -> None:
    if not at_hand():
        sys.exit(
            "The zip holds PDFs, which Chromium prints: playwright install chromium"
        )
    paper.main()
    folder = BUILD / "nn-lecture"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SITE, folder, ignore=shutil.ignore_patterns(".*"))
    print(shutil.make_archive(str(folder), "zip", BUILD, folder.name))


if __name__ == "__main__":
    main()
