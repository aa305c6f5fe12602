"""The networks of the pages, trained with the lessons' own functions, for a browser.

docs/play/<lesson>.py has `export()`, which returns tensors by name, and a sentence
about them for the page. Here they become `_build/play/<lesson>.weights.js`, a script
that puts them, float32 in base64, where nn.js finds them; and `<lesson>.pt`, for the
tests. What has been exported is kept until the lesson or its docs/play/<lesson>.py
changes.
"""

import base64
import contextlib
import hashlib
import io
import json
import runpy
import sys
from pathlib import Path

import torch

from tools.catalogue import ROOT, Lesson, lessons
from tools.whole import write_all

HERE = Path(__file__).parent
BUILD = ROOT / "docs" / "_build" / "play"


def source(lesson: Lesson) -> Path:
    return HERE / f"{lesson.name}.py"


def script(tensors: dict[str, torch.Tensor], name: str) -> str:
    """The text of <name>.weights.js."""
    told = {}
    for key, tensor in tensors.items():
        array = tensor.detach().float().contiguous().numpy().astype("<f4")
        data = base64.b64encode(array.tobytes()).decode()
        told[key] = {"shape": list(array.shape), "data": data}
    return f"nn.weights.{name} = {json.dumps(told)};\n"


def export(lesson: Lesson) -> str:
    """Write the weights of this lesson's page, if they are not there; what to say of
    them."""
    files = [lesson.path, source(lesson), Path(__file__)]
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    text += torch.__version__
    mark = hashlib.sha256(text.encode()).hexdigest()
    ends = ("json", "pt", "weights.js")
    kept, tensors_file, weights = (BUILD / f"{lesson.name}.{end}" for end in ends)
    if tensors_file.exists() and weights.exists():
        # None, damaged, or of another code: they are exported again
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
            known = json.loads(kept.read_text(encoding="utf-8"))
            if known["mark"] == mark:
                return known["told"]
    BUILD.mkdir(parents=True, exist_ok=True)
    lesson.module()  # so that the next line can import it
    torch.set_num_threads(1)
    tensors, told = runpy.run_path(str(source(lesson)))["export"]()
    torch.save(tensors, saved := io.BytesIO())
    made = {weights: script(tensors, lesson.name), tensors_file: saved.getvalue()}
    write_all(made | {kept: json.dumps({"mark": mark, "told": told})})
    return told


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(export(lessons()[name]))
