"""Files that somebody works on, or that took hours: written whole, or not at all."""

import json
import os
import shutil
from pathlib import Path

from tools.catalogue import LessonError, named


def write(path: Path, text: str) -> None:
    """All of the text, or the file as it was: also if it is stopped in the middle, or
    the disk is full. Nobody's file is in the way of the draft."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    with draft.open("x", encoding="utf-8") as file:  # nobody's, and no link to one
        try:
            file.write(text)
            file.close()  # here a full disk is noticed at the latest
            if path.exists():
                shutil.copymode(path, draft)
            os.replace(draft, path)
        except BaseException:
            draft.unlink()
            raise


def read_json(path: Path):
    """What this file holds; LessonError, if it is damaged."""
    return from_json(path.read_text(encoding="utf-8"), named(path))


def from_json(text: str, where: str):
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LessonError(f"{where} is damaged: {error}") from None
