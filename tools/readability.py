"""How dense a file is, counted and not judged.

A statement is one of Python's, simple or compound: an assignment, a `return`, a `def`,
a `for`. Docstrings are none. An operation is a call, an operator (arithmetic, and, or,
not, a comparison, `+=`), an index or a slice, a condition inside an expression, or a
comprehension. A word of explanation is a word of a docstring or a comment; the list of
packages in a lesson's first lines explains nothing.
"""

import ast
import io
import re
import tokenize
from dataclasses import dataclass
from pathlib import Path

from tools.catalogue import HEADER, ROOT, lessons

OPERATIONS = (
    ast.Call,
    ast.BinOp,
    ast.UnaryOp,
    ast.BoolOp,
    ast.Compare,
    ast.AugAssign,
    ast.Subscript,
    ast.IfExp,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
TITLES = "file", "statements", "operations each", "words each"


@dataclass(frozen=True)
class Density:
    statements: int
    operations: int
    words: int

    def each(self, count: int) -> float:
        return count / max(self.statements, 1)


def density(text: str) -> Density:
    """Of a Python file's text; SyntaxError or ValueError, if it is none."""
    nodes = list(ast.walk(ast.parse(text)))
    found = [ast.get_docstring(node) for node in nodes if isinstance(node, DOCUMENTED)]
    docstrings = [said for said in found if said is not None]
    statements = sum(isinstance(node, ast.stmt) for node in nodes) - len(docstrings)
    operations = sum(isinstance(node, OPERATIONS) for node in nodes)
    explained = [*docstrings, *comments(HEADER.sub("", text))]
    words = sum(len(re.findall(r"\w+", said)) for said in explained)
    return Density(statements, operations, words)


def comments(text: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


def report(files: list[str]) -> str:
    """The table: every lesson, then these files. ValueError names one that is no
    Python."""
    rows = [TITLES]
    for lesson in lessons().values():
        rows.append(row(lesson.file, ROOT / lesson.file))
    for file in files:
        rows.append(row(file, Path(file)))
    return aligned(rows)


def row(name: str, path: Path) -> tuple[str, ...]:
    try:
        found = density(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{name}: {error.strerror}") from None
    except (SyntaxError, ValueError) as error:  # ValueError: not UTF-8, or zero bytes
        raise ValueError(f"{name} is not Python: {error}") from None
    operations, words = found.each(found.operations), found.each(found.words)
    return name, str(found.statements), f"{operations:.1f}", f"{words:.1f}"


def aligned(rows: list[tuple[str, ...]]) -> str:
    """Words to the left, numbers to the right."""
    first, *others = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for name, *numbers in rows:
        cells = [n.rjust(size) for n, size in zip(numbers, others, strict=True)]
        lines.append("  ".join([name.ljust(first), *cells]))
    return "\n".join(lines)
