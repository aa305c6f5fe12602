"""Prints the newest other CPython on this machine that the lessons promise to run on.

`python -m tools.pythons`: its path; where there is none, nothing but a line on stderr.
It asks uv, and looks where pyenv keeps what it built, which uv alone would pass over.
"""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

from tools.catalogue import ROOT


def oldest() -> tuple[int, int]:
    """The oldest Python that pyproject.toml promises."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    target = settings["tool"]["ruff"]["target-version"]  # py311
    return int(target[2]), int(target[3:])


def newest_other(found: list[dict], here: tuple[int, int]) -> str | None:
    """The path of the newest CPython among uv's findings that is not this one."""
    good = []
    for one in found:
        parts = one["version_parts"]
        version = parts["major"], parts["minor"], parts["patch"]
        plain = one["implementation"] == "cpython" and one["variant"] == "default"
        released = one["version"].replace(".", "").isdigit()  # not 3.15.0a1
        promised = version[:2] >= oldest() and version[:2] != here
        if plain and released and promised and one["path"]:
            good.append((version, one["path"]))
    return max(good)[1] if good else None


def main() -> None:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    built = [str(path) for path in pyenv.glob("versions/*/bin")]
    path = os.pathsep.join([*built, os.environ.get("PATH", os.defpath)])
    command = ["uv", "python", "list", "--only-installed", "--output-format", "json"]
    environment = os.environ | {"PATH": path}
    try:
        told = subprocess.run(command, capture_output=True, env=environment, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"uv cannot be asked: {error}")
    here = sys.version_info[:2]
    other = newest_other(json.loads(told.stdout), here)
    if other:
        print(other)
    else:
        version = ".".join(map(str, here))
        print(f"no other CPython than {version} is here", file=sys.stderr)


if __name__ == "__main__":
    main()
