"""What adversarial's page begins with: two networks, digits, and random signs."""

import copy

import torch

import adversarial as lesson

STEPS, SHOWN = 1_000, 40  # as many steps as in the lesson


def export() -> tuple[dict[str, torch.Tensor], str]:
    seen, (images, labels) = lesson.lists_of_pixels("digits")
    torch.manual_seed(0)
    plain = lesson.Reader()
    robust = copy.deepcopy(plain)
    lesson.train(plain, seen, STEPS, seed=0)
    lesson.train(robust, seen, STEPS, seed=0, signs="gradients")
    tensors = {}
    for name, network in [("plain", plain), ("robust", robust)]:
        for part, parameter in network.named_parameters():
            tensors[f"{name}.{part}"] = parameter.detach()
    tensors["images"] = images[:SHOWN]
    tensors["labels"] = labels[:SHOWN].float()
    torch.manual_seed(0)
    tensors["signs"] = lesson.coin_signs(tensors["images"].shape)
    told = "Both networks are those of the lesson, with its seed 0. Here are the first"
    told += f" {SHOWN} of the digits that they have not seen. Your browser computes the"
    told += " gradients of the pixels."
    return tensors, told
