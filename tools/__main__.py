"""What can be read off the lessons, and what is copied into them.

python -m tools list                     every lesson: name, file, title, question
python -m tools copy                     put the shared parts, tools/parts/, into all
python -m tools readability [FILE ...]   how dense lessons and these files are
"""

import argparse
import sys

from tools.catalogue import lessons
from tools.cli import end
from tools.parts import copy
from tools.readability import report


def listing() -> str:
    rows = [(x.name, x.file, x.title, x.ask) for x in lessons().values()]
    sizes = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [cell.ljust(size) for cell, size in zip(row, sizes, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    prog = {"prog": "python -m tools", "allow_abbrev": False}
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=raw, **prog)
    commands = cli.add_subparsers(dest="command", metavar="command", required=True)
    commands.add_parser("list", help="the lessons")
    commands.add_parser("copy", help="the shared parts, from tools/parts/")
    command = commands.add_parser("readability", help="counted, not judged")
    command.add_argument("files", nargs="*", metavar="FILE")
    given = cli.parse_args()
    if given.command == "list":
        print(listing())
        return
    if given.command == "copy":
        for lesson in copy():
            print(f"{lesson.file} renewed")
        return
    try:
        print(report(given.files))
    except ValueError as error:
        cli.exit(2, f"python -m tools: error: {error}\n")


if __name__ == "__main__":
    sys.exit(end("python -m tools", main))
