"""What gpt's page reads and writes with: the two networks of the lesson."""

import inspect

import torch

import gpt as lesson


def export() -> tuple[dict[str, torch.Tensor], str]:
    steps = inspect.signature(lesson.main).parameters["steps"].default
    torch.manual_seed(0)  # as main does it
    text = lesson.to_numbers("".join(lesson.draw(20_000)))
    tensors = {}
    for name, masked in [("masked", True), ("unmasked", False)]:
        torch.manual_seed(0)
        network = lesson.GPT(masked)
        lesson.train(network, text, steps)
        for key, tensor in network.state_dict().items():
            tensors[f"{name}.{key}"] = tensor
    heads = network.blocks[0].attention.heads
    tensors["sizes"] = torch.tensor([len(network.blocks), heads])
    # As numbers: the letters, and all sentences, with blanks behind them.
    longest = max(map(len, lesson.SENTENCES))
    rows = [list(map(ord, one.ljust(longest))) for one in lesson.SENTENCES]
    tensors["sentences"] = torch.tensor(rows)
    tensors["letters"] = torch.tensor(list(map(ord, lesson.LETTERS)))
    told = f"Both networks of this lesson, each after its {steps} steps."
    return tensors, told
