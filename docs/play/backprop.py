"""What backprop's page begins with: the small tape of the lesson."""

import torch

import backprop as lesson


def export() -> tuple[dict[str, torch.Tensor], str]:
    tape = lesson.small_tape(2.0, 3.0)
    lesson.backward(tape)
    tensors = {
        "values": torch.tensor([number.value for number in tape]),
        "gradients": torch.tensor([number.gradient for number in tape]),
    }
    told = "It begins with the example and the numbers of this lesson. All that it does"
    told += (
        " then, your browser computes: forward at once, backward when you ask for it."
    )
    return tensors, told
