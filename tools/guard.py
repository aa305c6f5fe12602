"""A lesson's guard, what stands under `if __name__ == "__main__"`, called from here."""

import ast
import functools
from collections.abc import Callable
from pathlib import Path


def obey(module: dict, main: Callable) -> None:
    """Read the command line as the lesson's guard does, and call this main with it.

    Args:
        module: the names of an imported lesson, as `vars` gives them
    """

    @functools.wraps(module["main"])  # the guard reads the options off it
    def ear(**options):
        return main(**options)

    guard = ast.parse(Path(module["__file__"]).read_text(encoding="utf-8")).body[-1]
    code = compile(ast.Module([guard], []), module["__file__"], "exec")
    exec(code, {**module, "__name__": "__main__", "main": ear})
