"""What attention's page looks up with: the lesson's network, trained on 8 pairs."""

import inspect

import torch

import attention

KNOBS = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 5.0, 10.0, 100.0]


def export() -> tuple[dict[str, torch.Tensor], str]:
    steps = inspect.signature(attention.main).parameters["steps"].default
    torch.manual_seed(0)  # as train_three does it
    network = attention.LookUp()
    torch.manual_seed(0)
    attention.train(network, steps, learning_rate=0.02)
    names = attention.FIRST_NAMES
    tensors = dict(network.state_dict())
    tensors["name.weight"] = tensors["name.weight"][: len(names)].clone()
    # The names letter by letter, as numbers: a row each, with blanks behind it.
    longest = max(len(name) for name in names)
    tensors["names"] = torch.tensor([list(map(ord, n.ljust(longest))) for n in names])
    tensors["example"] = torch.tensor(attention.EXAMPLE)
    tensors["knobs"] = torch.tensor(KNOBS)
    told = f"The network of this lesson, after its {steps} steps on lists of 8 pairs."
    told += f" Of the {attention.NAMES} names that it knows, {len(names)} are here."
    return tensors, told
