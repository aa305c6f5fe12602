"""Every shape comment, executed: `y = x @ w  # (B, T, D)` must be reached and true.

A comment speaks of the names assigned on its statement, of the target of a `for`, or of
the value of a `return`. Its letters are declared under `:Shapes:` and keep their value
within one call of a function; `...` stands for any leading dimensions.
"""

import ast
import inspect
import re
import sys
import tokenize
from collections.abc import Callable
from types import ModuleType

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


def check_shapes(module: ModuleType, run: Callable):
    """What `run()` returns; AssertionError with file, line and true shape if a comment
    of this module is false, or is never reached."""
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
        values = tuple(eval(ast.unparse(name), scope) for name in names)
        pair = len(values) == 1 and isinstance(values[0], tuple)  # both = (x, y)
        return values[0] if pair and values[0] else values

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        result = run()
    finally:
        sys.settrace(before)
    assert not missed, f"{module.__file__}:{min(missed)}: never reached"
    return result
