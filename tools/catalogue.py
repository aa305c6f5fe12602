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
TAKEN = sys.stdlib_module_names | {"benchmarks", "docs", "lab", "mistakes", "tools"}
# The shortest run of main that does everything once: of these options those it has
SMALLEST = {"epochs": 1, "steps": 2, "depth": 2, "data": "digits"}
WORDS = {"ASK", "CLAIM"}  # constants that are said, and change no number
SILENT = ("figure", "print_loss")  # begin names of functions that change no number
HEADER = re.compile(r"(?m)^# /// script\n((?:#.*\n)+?)# ///\n")


class LessonError(Exception):
    """Something is wrong with a lesson; the message names the file, and says what."""


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
    def diagram(self) -> Path:
        return self.teach.with_suffix(".svg")

    @property
    def lab(self) -> Path:
        return ROOT / "lab" / f"{self.name}_lab.py"

    @property
    def file(self) -> str:
        """Its place in the repository, as a command line names it: `more/gpt.py`."""
        return named(self.path)

    @functools.cached_property
    def text(self) -> str:
        """As it was when first asked for: somebody may edit the file while it is run,
        and what comes out must not be told of the new one."""
        return read(self.path)

    @functools.cached_property
    def tree(self) -> ast.Module:
        try:
            return ast.parse(self.text)
        except SyntaxError as error:
            raise LessonError(f"{self.file}: {error}") from None

    @functools.cached_property
    def taught(self) -> dict:
        """docs/teach/<lesson>.toml; nothing, if it is not written yet."""
        if not self.teach.exists():
            return {}
        try:
            return tomllib.loads(read(self.teach))
        except tomllib.TOMLDecodeError as error:
            raise LessonError(f"{named(self.teach)}: {error}") from None

    @property
    def order(self) -> float:
        """Its place among the lessons of its folder; at the end, if it names none."""
        found = self.taught.get("order", float("inf"))
        if not isinstance(found, int | float) or found != found:
            raise LessonError(f"{named(self.teach)}: order must be a number")
        return found

    @property
    def docstring(self) -> str:
        return ast.get_docstring(self.tree) or ""

    @property
    def title(self) -> str:
        if not self.docstring:
            raise LessonError(f"{self.file}: no docstring")
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
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef) and node.name == "main":
                names = [argument.arg for argument in node.args.args]
                defaults = [written_out(value) for value in node.args.defaults]
                if len(names) != len(defaults):
                    raise LessonError(f"{self.file}: an option of main has no default")
                return dict(zip(names, defaults, strict=True))
        raise LessonError(f"{self.file}: no main")

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
        header = HEADER.search(self.text)
        if not header:
            raise LessonError(f"{self.file}: it has no # /// script at its beginning")
        try:
            listed = tomllib.loads(re.sub("(?m)^# ?", "", header[1]))["dependencies"]
        except (tomllib.TOMLDecodeError, KeyError) as error:
            raise LessonError(f"{self.file}: its first lines: {error}") from None
        return [re.split(r"[^\w.-]", one)[0] for one in listed]  # without versions

    def module(self) -> ModuleType:
        if str(self.path.parent) not in sys.path:
            sys.path.insert(0, str(self.path.parent))
        return importlib.import_module(self.name)

    def model(self):
        """The model that the teaching file names, new; None, if it names none."""
        if "model" not in self.taught:
            return None
        try:
            return eval(self.taught["model"], vars(self.module()))
        except Exception as error:  # whatever is wrong with what was typed there
            raise LessonError(f"{named(self.teach)}: model: {error}") from None


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


def named(path: Path) -> str:
    """A file as a message names it: from the root on, if it lies there."""
    inside = path.is_relative_to(ROOT)
    return (path.relative_to(ROOT) if inside else path).as_posix()


def read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise LessonError(f"{named(path)}: not UTF-8: {error}") from None


def lessons() -> dict[str, Lesson]:
    """All lessons by name, in the order of a course: first those of the root."""
    found = {}
    for folder in FOLDERS:
        here = []
        for path in sorted(folder.glob("*.py")):
            if path.is_file() and re.search(r"(?m)^ASK = ", read(path)):
                here.append(Lesson(path))
        for lesson in sorted(here, key=lambda lesson: lesson.order):
            if lesson.name in found:
                other = found[lesson.name].file
                raise LessonError(f"{lesson.file} has the name of {other}")
            if lesson.name in TAKEN:
                raise LessonError(f"{lesson.file} has the name of a module")
            found[lesson.name] = lesson
    return found


def recipe(lesson: Lesson) -> str:
    """A checksum of the lines that make the numbers, the same on every Python.

    It is of text: what `ast.dump` and `ast.unparse` print differs between Pythons.
    Left out are words (docstrings, comments, ASK, CLAIM), pictures, plumbing, imports
    and the guard, what catches an error to end with a sentence, and empty lines.
    """
    lines = without_comments(lesson.text).splitlines()
    kept = []
    for node in lesson.tree.body[1:-1]:  # without the docstring and the guard
        target = getattr(node, "targets", [node])[0]
        name = getattr(target, "id", getattr(target, "name", ""))
        said = name in WORDS or name.startswith(SILENT)
        if said or isinstance(node, ast.Import | ast.ImportFrom):
            continue
        first = min([node.lineno, *(d.lineno for d in decorators(node))])
        numbers = set(range(first, node.end_lineno + 1))
        for inner in ast.walk(node):
            numbers -= docstring_lines(inner)
            if isinstance(inner, ast.Try) and ends_in_words(inner):
                numbers -= {inner.lineno, *lines_of(inner.handlers)}
                deeper = inner.body[0].col_offset - inner.col_offset
                for number in lines_of(inner.body):
                    lines[number - 1] = lines[number - 1][deeper:]
        kept += [lines[number - 1].rstrip() for number in sorted(numbers)]
    text = "\n".join(line for line in kept if line)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def ends_in_words(node: ast.Try) -> bool:
    """Whether whatever it catches ends the program: `except ...: sys.exit(said)`."""
    for handler in node.handlers:
        last = handler.body[-1]
        called = last.value if isinstance(last, ast.Expr) else last
        name = getattr(getattr(called, "func", called), "attr", "")
        if not isinstance(called, ast.Call) or name != "exit":
            return False
        leaves = ast.Return, ast.Continue, ast.Break  # before that, and it goes on
        if any(isinstance(inner, leaves) for inner in ast.walk(handler)):
            return False
    return not node.orelse and not node.finalbody


def lines_of(nodes: list) -> set[int]:
    return {n for node in nodes for n in range(node.lineno, node.end_lineno + 1)}


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
