"""What diffusion's page begins with: a trained network, and points it never saw."""

import torch

import diffusion as lesson


def export() -> tuple[dict[str, torch.Tensor], str]:
    torch.manual_seed(0)
    network = lesson.Denoiser(size=2, hidden=128)
    lesson.train(network, lesson.make_points(lesson.POINTS), steps=3000)
    tensors = dict(network.state_dict())
    tensors |= {
        "points": lesson.make_points(200),
        "centres": lesson.CENTRES,
        "shares": lesson.SHARES,
        "width": torch.tensor([lesson.WIDTH]),
    }
    told = "The network has learned from 10,000 points, as in the lesson, and none of"
    told += " those you see. Your browser computes each of its guesses."
    return tensors, told
