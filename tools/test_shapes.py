"""Every shape comment, executed: `y = x @ w  # (B, T, D)` must be reached and true.

A comment speaks of the names assigned on its statement, of the target of a `for`, or of
the value of a `return`. Its letters are declared under `:Shapes:` and keep their value
within one call of a function; `...` stands for any leading dimensions.
"""

import ast
import importlib
import inspect
import re
import sys
import tokenize
from types import ModuleType

import pytest

from test_house import every_lesson, smallest

SHAPE = r"\((?:[\w\s,+*/-]|\.\.\.)*\)"
COMMENT = re.compile(rf"#\s*({SHAPE}(?:,\s*{SHAPE})*)\s*$")
Shape = tuple[str, ...]


def comments(module: ModuleType) -> dict[int, list[Shape]]:
    """Line number -> the shapes its comment states."""
    found = {}
    with tokenize.open(module.__file__) as file:
        for token in tokenize.generate_tokens(file.readline):
            match = token.type == tokenize.COMMENT and COMMENT.match(token.string)
            if match and token.line[: token.start[1]].strip():
                shapes = re.findall(r"\(([^()]*)\)", match[1])
                split = (
                    [part.strip() for part in shape.split(",")] for shape in shapes
                )
                found[token.start[0]] = [tuple(filter(None, parts)) for parts in split]
    return found


def statements_with_shapes(
    module: ModuleType,
) -> dict[int, tuple[ast.stmt, list[Shape]]]:
    """First line of each commented statement -> the statement and its shapes."""
    shapes, found = comments(module), {}
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Return):
            last = node.end_lineno
        elif isinstance(node, ast.For):
            last = node.iter.end_lineno
        else:
            continue
        if last in shapes:
            found[node.lineno] = node, shapes.pop(last)
    assert not shapes, f"{module.__file__}:{min(shapes)}: nothing here has that shape"
    return found


def fits(said: Shape, true: tuple[int, ...], letters: dict[str, int]) -> bool:
    """Whether a shape is what a comment says; a letter met first takes its value."""
    if said and said[0] == "...":
        said = said[1:]
        true = true[len(true) - len(said) :]
    if len(said) != len(true):
        return False
    sizes = [*zip(said, true, strict=True), *letters.pop("later", [])]
    later = []
    for expression, size in sizes:
        unknown = set(re.findall(r"[A-Z]\w*", expression)) - set(letters)
        if len(unknown) > 1:  # as B * T, until both are known
            later.append((expression, size))
            continue
        for letter in unknown:
            for letters[letter] in range(size * size + 2):
                if eval(expression, {}, letters) == size:
                    break
        if eval(expression, {}, letters) != size:
            return False
    letters["later"] = later
    return True


def check_shapes(module: ModuleType, run) -> None:
    """Call `run()`; AssertionError with file, line and true shape if one is false."""
    statements = statements_with_shapes(module)
    declared = re.search(r":Shapes:(.*?)(?=\n:|\Z)", module.__doc__, re.DOTALL)[1]
    for line, (_, shapes) in statements.items():
        used = set(re.findall(r"[A-Za-z]\w*", str(shapes)))
        undeclared = used - set(re.findall(r"\b[A-Z]\w?\b", declared))
        assert not undeclared, f"{module.__file__}:{line}: declare {undeclared}"
    missed = set(statements)

    def check(line: int, values: tuple, letters: dict) -> None:
        shapes = statements[line][1]
        for said, value in zip(
            shapes * (len(values) // len(shapes)), values, strict=True
        ):
            where = f"{module.__file__}:{line} says ({', '.join(said)})"
            known = dict(letters)
            true = tuple(value.shape)
            assert fits(said, true, letters), f"{where} but it is {true}, with {known}"
        missed.discard(line)

    def trace(frame, event, _):
        if (
            frame.f_code.co_filename != module.__file__
            or frame.f_code.co_name[0] == "<"
        ):
            return None
        letters, waiting = {}, []

        def follow(frame, event, value):
            if event == "exception":
                waiting.clear()
            if waiting:
                node, line = statements[waiting[0]][0], frame.f_lineno
                if isinstance(node, ast.Return):
                    if event == "return":
                        parts = value if isinstance(value, tuple) else (value,)
                        check(waiting.pop(), parts, letters)
                elif isinstance(node, ast.For):
                    if line >= node.body[0].lineno and line <= node.end_lineno:
                        check(waiting.pop(), look(node.target, frame), letters)
                elif event == "return" or not node.lineno <= line <= node.end_lineno:
                    target = getattr(node, "targets", None) or [node.target]
                    check(waiting.pop(), look(target[-1], frame), letters)
            if event == "line" and frame.f_lineno in statements:
                waiting[:] = [frame.f_lineno]
            return follow

        return follow

    def look(target: ast.expr, frame) -> tuple:
        names = target.elts if isinstance(target, ast.Tuple) else [target]
        scope = frame.f_globals | frame.f_locals
        return tuple(eval(ast.unparse(name), scope) for name in names)

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    assert not missed, f"{module.__file__}:{min(missed)}: never reached"


@every_lesson
def test_every_shape_comment_is_reached_and_true(lesson, capsys):
    module = importlib.import_module(lesson)
    check_shapes(module, lambda: module.main(**smallest(module.main)))


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("x = torch.ones(2, 3)  # (B, D)", None),
        ("x = torch.ones(\n        2,\n        3,\n    )  # (B, 3)", None),
        ("x = torch.stack([torch.ones(3) for _ in range(2)])  # (B, D)", None),
        ("for x in torch.ones(2, 3):  # (D,)\n        pass", None),
        ("x, y = torch.ones(2, 3), torch.ones(4)  # (B, D), (D + 1,)", None),
        ("x = torch.ones(7, 2, 3)  # (..., B, D)", None),
        ("return torch.ones(2, 3)  # (B, D)", None),
        ("return torch.ones(2), torch.ones(3)  # (B,), (D,)", None),
        ("x = torch.ones(6)  # (B * D,)\n    y = torch.ones(2, 3)  # (B, D)", None),
        (
            "x = torch.ones(6)  # (B * D,)\n    y = torch.ones(2, 4)  # (B, D)",
            r":8 says \(B, D\) but it is \(2, 4\)",
        ),
        ("x = torch.ones(3, 2)  # (3, 3)", r":7 says \(3, 3\) but it is \(3, 2\)"),
        ("x = torch.ones(3, 2)  # (B, B)", r":7 says \(B, B\) but it is \(3, 2\)"),
        ("x = torch.ones(3, 2)  # (B,)", r":7 says \(B\) but it is \(3, 2\)"),
        ("return torch.ones(2, 3)  # (D,)", r":7 says \(D\) but it is \(2, 3\)"),
        ("if B:\n        x = torch.ones(2)  # (B,)", r":8: never reached"),
        ("x = torch.ones(2)  # (K,)", r":7: declare {'K'}"),
        ("print('no tensor')  # (B, D)", r":7: nothing here has that shape"),
    ],
)
def test_a_false_comment_is_named_with_file_line_and_true_shape(
    code, complaint, tmp_path, monkeypatch
):
    head = '"""Try.\n\n:Shapes: B batch, D size\n"""\nimport torch\n'
    text = f"{head}def f(B=0):\n    {code}\n"
    (tmp_path / "tried.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tried", raising=False)
    module = importlib.import_module("tried")
    if complaint is None:
        return check_shapes(module, module.f)
    with pytest.raises(AssertionError, match=rf"tried\.py{complaint}"):
        check_shapes(module, module.f)
