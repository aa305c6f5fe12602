"""Prints the lessons that the last commit changed, and the first one: cnn,rnn.

`python -m tools.changed [REV]`: since that commit instead. A lesson has changed if its
file, its test, its mistakes, its teaching file or its lab has. The first is always
there, so that one page and one deck are always opened.
"""

import contextlib
import subprocess
import sys

from tools.catalogue import ROOT, lessons


def changed(files: list[str]) -> list[str]:
    """The lessons that one of these files belongs to, after the first of all."""
    first, *rest = lessons().values()
    found = [first.name]
    for lesson in rest:
        own = (lesson.path, lesson.test, lesson.mistakes, lesson.teach, lesson.lab)
        if any(path.relative_to(ROOT).as_posix() in files for path in own):
            found.append(lesson.name)
    return found


def main() -> None:
    since = sys.argv[1] if len(sys.argv) > 1 else "HEAD~1"
    command = ["git", "diff", "--name-only", since]
    files = []
    with contextlib.suppress(FileNotFoundError):  # no git
        told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        files = told.stdout.splitlines()  # none, without a history: a shallow clone
    print(",".join(changed(files)))


if __name__ == "__main__":
    main()
