"""Which lessons there are, in which order, and what can be read off their files.

A lesson is a file of the root or of more/ that asks a question: it assigns ASK. Beside
it lies its test. What else belongs to it is found by its name: mistakes/<lesson>.toml,
docs/teach/<lesson>.toml, lab/<lesson>_lab.py. Nothing has to be entered anywhere.
"""

import ast
import functools
import hashlib
import importlib
import io
import re
import sys
import tokenize
import tomllib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = (ROOT, ROOT / "more")
# The shortest run of main that does everything once: of these options those it has
SMALLEST = {"epochs": 1, "steps": 2, "depth": 2, "data": "digits"}
WORDS = {"ASK", "CLAIM"}  # constants that are said, and change no number
PLUMBING = {"fetch_mnist", "figure", "conclude"}  # functions that change no number
HEADER = re.compile(r"# /// script\n((?:#.*\n)+?)# ///\n")


@dataclass(frozen=True)
class Lesson:
    """One lesson, known by its file."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def test(self) -> Path:
        return self.path.with_name(f"test_{self.name}.py")

    @property
    def mistakes(self) -> Path:
        return ROOT / "mistakes" / f"{self.name}.toml"

    @property
    def teach(self) -> Path:
        return ROOT / "docs" / "teach" / f"{self.name}.toml"

    @property
    def lab(self) -> Path:
        return ROOT / "lab" / f"{self.name}_lab.py"

    @property
    def file(self) -> str:
        """Its place in the repository, as a command line names it: `more/gpt.py`."""
        inside = self.path.is_relative_to(ROOT)  # a copy elsewhere has its whole path
        return (self.path.relative_to(ROOT) if inside else self.path).as_posix()

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @functools.cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @functools.cached_property
    def taught(self) -> dict:
        """docs/teach/<lesson>.toml; nothing, if it is not written yet."""
        if not self.teach.exists():
            return {}
        return tomllib.loads(self.teach.read_text(encoding="utf-8"))

    @property
    def order(self) -> float:
        """Its place among the lessons of its folder; at the end, if it names none."""
        return self.taught.get("order", float("inf"))

    @property
    def docstring(self) -> str:
        return ast.get_docstring(self.tree) or ""

    @property
    def title(self) -> str:
        return self.docstring.splitlines()[0]

    @property
    def ask(self) -> str:
        return constant(self.tree, "ASK")

    @property
    def claim(self) -> str:
        return constant(self.tree, "CLAIM")

    @functools.cached_property
    def options(self) -> dict[str, object]:
        """The options of its main, and their defaults where they are written out."""
        (main,) = [
            node
            for node in self.tree.body
            if isinstance(node, ast.FunctionDef) and node.name == "main"
        ]
        names = [argument.arg for argument in main.args.args]
        return dict(zip(names, map(written_out, main.args.defaults), strict=True))

    @property
    def smallest(self) -> dict[str, object]:
        """Options for the shortest run of its main."""
        return {n: value for n, value in SMALLEST.items() if n in self.options}

    def on(self, data: str = "digits") -> dict[str, str]:
        """The options of its main to run on this data, if it reads any."""
        return {"data": data} if "data" in self.options else {}

    @functools.cached_property
    def requires(self) -> list[str]:
        """The packages that its first lines list."""
        header = re.sub("(?m)^# ?", "", HEADER.match(self.text)[1])
        return tomllib.loads(header)["dependencies"]

    def module(self) -> ModuleType:
        if str(self.path.parent) not in sys.path:
            sys.path.insert(0, str(self.path.parent))
        return importlib.import_module(self.name)

    def model(self):
        """The model that the teaching file names, new; None, if it names none."""
        if "model" not in self.taught:
            return None
        return eval(self.taught["model"], vars(self.module()))


def constant(tree: ast.Module, name: str):
    """What the module assigns to this name; None, if nothing."""
    for node in tree.body:
        if isinstance(node, ast.Assign):
            if any(getattr(target, "id", "") == name for target in node.targets):
                return written_out(node.value)


def written_out(node: ast.expr):
    """The value of a literal; None, if it has to be computed."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def lessons() -> dict[str, Lesson]:
    """All lessons by name, in the order of a course: first those of the root."""
    found = []
    for folder in FOLDERS:
        here = []
        for path in sorted(folder.glob("*.py")):
            if re.search(r"(?m)^ASK = ", path.read_text(encoding="utf-8")):
                here.append(Lesson(path))
        found += sorted(here, key=lambda lesson: lesson.order)
    return {lesson.name: lesson for lesson in found}


def recipe(lesson: Lesson) -> str:
    """A checksum of the lines that make the numbers, the same on every Python.

    It is of text: what `ast.dump` and `ast.unparse` print differs between Pythons.
    Left out are words (docstrings, comments, ASK, CLAIM), pictures, plumbing, imports
    and the guard, and empty lines.
    """
    lines = without_comments(lesson.text).splitlines()
    kept = []
    for node in lesson.tree.body[1:-1]:  # without the docstring and the guard
        target = getattr(node, "targets", [node])[0]
        name = getattr(target, "id", getattr(target, "name", ""))
        if name in WORDS | PLUMBING or isinstance(node, ast.Import | ast.ImportFrom):
            continue
        first = min([node.lineno, *(d.lineno for d in decorators(node))])
        numbers = set(range(first, node.end_lineno + 1))
        for inner in ast.walk(node):
            numbers -= docstring_lines(inner)
        kept += [lines[number - 1].rstrip() for number in sorted(numbers)]
    text = "\n".join(line for line in kept if line)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def decorators(node: ast.stmt) -> list[ast.expr]:
    return getattr(node, "decorator_list", [])


def docstring_lines(node: ast.AST) -> set[int]:
    body = getattr(node, "body", None)
    if not isinstance(node, ast.FunctionDef | ast.ClassDef) or not body:
        return set()
    if isinstance(body[0], ast.Expr) and isinstance(written_out(body[0].value), str):
        return set(range(body[0].lineno, body[0].end_lineno + 1))
    return set()


def without_comments(text: str) -> str:
    """The same lines, without what stands behind a # in them."""
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return "\n".join(lines)
