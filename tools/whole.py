"""Files that somebody works on, or that took hours: written whole, or not at all."""

import contextlib
import json
import os
import secrets
import shutil
import time
from pathlib import Path

from tools.catalogue import LessonError, named


def write(path: Path, content: str | bytes) -> None:
    """All of the content, or the file as it was: also if it is stopped in the middle,
    or the disk is full. Nobody's file is in the way of the draft."""
    write_all({path: content})


def write_all(contents: dict[Path, str | bytes]) -> None:
    """The same for several files: none is replaced before all are on the disk, and a
    file that may not be written stays."""
    drafts = {}
    try:
        for path, content in contents.items():
            if path.exists() and not os.access(path, os.W_OK):
                raise PermissionError(f"{named(path)} may not be written")
            draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.draft")
            with draft.open("xb") as file:  # nobody's, and no link to one
                drafts[path] = draft
                file.write(content.encode() if isinstance(content, str) else content)
            if path.exists():  # closed by now: a full disk has been noticed
                shutil.copymode(path, draft)
        for path, draft in drafts.items():
            os.replace(draft, path)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def sweep(folder: Path, pattern: str) -> None:
    """Remove the folders of this name that killed processes have left a day ago."""
    yesterday = time.time() - 24 * 60 * 60
    for left in folder.glob(pattern):
        with contextlib.suppress(OSError):  # somebody else was quicker
            if left.stat().st_mtime < yesterday:
                shutil.rmtree(left)


def read_json(path: Path):
    """What this file holds; LessonError, if it is damaged."""
    return from_json(path.read_text(encoding="utf-8"), named(path))


def from_json(text: str, where: str):
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LessonError(f"{where} is damaged: {error}") from None
