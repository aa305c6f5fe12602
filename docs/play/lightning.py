"""What lightning's page steps through: the pencil example, as the lesson has it."""

import ast
import contextlib
import inspect
import io
import textwrap
from unittest import mock

import torch
from torch.utils.data import DataLoader

import lightning


class EnoughError(Exception):
    """Enough of the lesson's example has run."""


def example() -> tuple[lightning.OneWeight, DataLoader, DataLoader]:
    """The module and the loaders that the lesson gives to its nine lines."""
    with mock.patch.object(lightning, "fit_by_hand", side_effect=EnoughError) as fit:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.suppress(EnoughError),
        ):
            lightning.with_a_pencil()
    return fit.call_args.args


def code(thing: type | object) -> list[ast.stmt]:
    """The statements of a function or class, without what documents them."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(thing))).body
    body = tree.body
    return body[1:] if ast.get_docstring(tree) is not None else body


def nine_lines() -> list[str]:
    statements = code(lightning.fit_by_hand)
    return "\n".join(ast.unparse(one) for one in statements).splitlines()


def hooks() -> list[str]:
    """The methods of OneWeight, but not how it is made, and without its types."""
    lines = []
    for method in code(lightning.OneWeight):
        if method.name == "__init__":
            continue
        method.returns = None
        for argument in method.args.args:
            argument.annotation = None
        lines += ast.unparse(method).splitlines()
    return lines


def letters(lines: list[str]) -> torch.Tensor:
    """Lines as numbers: a row each, letter by letter, with blanks behind it."""
    longest = max(len(line) for line in lines)
    return torch.tensor([list(map(ord, line.ljust(longest))) for line in lines])


def export() -> tuple[dict[str, torch.Tensor], str]:
    module, train_loader, val_loader = example()
    (group,) = module.configure_optimizers().param_groups
    tensors = {
        "lines": letters(nine_lines()),
        "hooks": letters(hooks()),
        "start": module.weight.detach(),
        "rate": torch.tensor(group["lr"]),
        "train": torch.stack(list(train_loader)),  # (batches, B)
        "val": torch.stack(list(val_loader)),
    }
    told = "The nine lines and the network of one weight, as they stand below. Here the"
    told += " browser does what each line does, and waits for you before the next."
    return tensors, told
