"""What adapt's page reads with: a pretrained network, and two updates of it."""

import copy

import torch

import adapt as lesson

STEPS, RATE, SHOWN = 300, 0.01, 100


def export() -> tuple[dict[str, torch.Tensor], str]:
    training, _, (images, labels) = lesson.deal(seed=0)
    torch.manual_seed(0)
    network = lesson.Reader()
    lesson.train(network, training, STEPS, lesson.LEARN_RATE)
    tensors = {name: p.detach() for name, p in network.named_parameters()}
    for rank in (1, 4):
        torch.manual_seed(0)
        adapted = lesson.adapt(copy.deepcopy(network), rank)
        lesson.train(adapted, lesson.mirror(training), STEPS, RATE)
        for name, layer in adapted.named_children():
            # What the lesson multiplies by the scale has it here already.
            tensors[f"{name}.rows.{rank}"] = layer.rows.detach()
            tensors[f"{name}.columns.{rank}"] = lesson.SCALE * layer.columns.detach()
    tensors["images"] = images[:SHOWN]
    tensors["labels"] = labels[:SHOWN].float()
    told = f"The network learned {len(training[0]):,} upright digits, and its updates"
    told += " the same digits in a mirror. Here are the first"
    told += f" {SHOWN} of the unseen ones."
    return tensors, told
