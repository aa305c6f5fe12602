"""Prints the lessons that the last commit changed, as in cnn,rnn.

`python -m tools.changed [REV]`: since that commit instead. A lesson has changed if its
file, its test, its mistakes, what is taught of it, what is played with on its page or
its lab has.
"""

import argparse
import shutil
import subprocess

from tools.catalogue import ROOT, LessonError, lessons


def changed(files: list[str]) -> list[str]:
    """The lessons that one of these files belongs to."""
    found = []
    for lesson in lessons().values():
        own = [lesson.path, lesson.test, lesson.mistakes, lesson.teach, lesson.lab]
        own.append(lesson.diagram)
        names = [path.relative_to(ROOT).as_posix() for path in own]
        names += [f"docs/play/{lesson.name}.{end}" for end in ("html", "js", "py")]
        if {*names} & {*files}:
            found.append(lesson.name)
    return found


def touched(since: str) -> list[str] | None:
    """Files that differ from that commit, new ones too; None, if git cannot tell."""
    if not shutil.which("git"):
        return None
    found = []
    for words in (
        ["diff", "--name-only", "--end-of-options", since, "--"],
        ["ls-files", "--others", "--exclude-standard"],
    ):
        command = ["git", "-c", "core.quotepath=off", *words]
        told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if told.returncode:
            return None
        found += told.stdout.splitlines()
    return found


def main() -> None:
    cli = argparse.ArgumentParser(prog="python -m tools.changed", description=__doc__)
    cli.add_argument("since", nargs="?", metavar="REV")
    since = cli.parse_args().since
    files = touched(since or "HEAD~1")
    if files is None and since:
        cli.error(f"git knows no commit {since}")
    try:
        # Without a history, as in a shallow clone, none counts as changed
        print(",".join(changed(files or [])))
    except LessonError as error:
        cli.error(str(error))


if __name__ == "__main__":
    main()
