"""What optimizers' page begins with: the places where the lesson's balls start."""

import torch

import optimizers as lesson


def export() -> tuple[dict[str, torch.Tensor], str]:
    tensors = {
        "starts": lesson.place_balls(seed=0),
        "rates": torch.tensor(lesson.RATES),
    }
    told = (
        f"The {lesson.BALLS} balls start where they do in the lesson, with its seed 0."
    )
    told += " All that they do then, your browser computes."
    return tensors, told
