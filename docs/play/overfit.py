"""What overfit's page begins with: points for a curve, and unseen ones between them."""

import torch

import overfit as lesson

POINTS = 8


def export() -> tuple[dict[str, torch.Tensor], str]:
    torch.manual_seed(0)
    seen_x = torch.linspace(-1, 1, POINTS)
    unseen_x = (seen_x[1:] + seen_x[:-1]) / 2  # one in each gap
    seen_y = torch.sin(2.5 * seen_x) + 0.15 * torch.randn(POINTS)
    unseen_y = torch.sin(2.5 * unseen_x) + 0.15 * torch.randn(POINTS - 1)
    tensors = {
        "seen_x": seen_x,
        "true": seen_y,
        "shuffled": lesson.shuffle_labels(seen_y, share=1.0),
        "unseen_x": unseen_x,
        "unseen_y": unseen_y,
    }
    told = f"The {POINTS} points are a smooth curve with some noise; shuffled, they are"
    told += " the same heights in another order. Your browser finds the best curve."
    return tensors, told
