"""A drawing in the form that a network knows; pad.js is what one draws on."""

import torch
import torch.nn.functional as F
from torch import Tensor


def ink(starts: Tensor, ends: Tensor, mnist: bool) -> Tensor:
    """Lines between points (L, 2) in [0, 1], as an image (1, 1, 28, 28) in [0, 1].

    A digit of MNIST is 20 pixels long, its centre of mass in the middle. A small one
    is 32 high, 20 wide, and in each block of 4 x 4 the ink was counted.
    """
    size, pen, box = (28, 2.5, (20, 20)) if mnist else (32, 5.5, (20, 32))
    starts, ends = starts.double(), ends.double()  # the same on every machine
    low, high = ends.amin(dim=0), ends.amax(dim=0)
    longest = (high - low).amax(dim=0)
    x, y = (torch.tensor(box) - pen) / torch.maximum(high - low, longest / 4)
    scale = torch.stack([torch.minimum(x, y), torch.minimum(x, y) if mnist else y])
    length = (ends - starts).norm(dim=1, keepdim=True).clamp(min=1e-6)  # dots only
    mass = ((starts + ends) / 2 * length).sum(dim=0) / length.sum()
    middle = mass if mnist else (low + high) / 2
    starts, ends = ((p - middle) * scale + size / 2 for p in (starts, ends))
    grid = torch.arange(size) + 0.5
    pixels = torch.cartesian_prod(grid, grid).flip(1).double()  # (P, 2)
    way = ends - starts
    long = way.square().sum(dim=1).clamp(min=1e-9)
    along = pixels @ way.T - (starts * way).sum(dim=1)  # (P, L)
    part = (along / long).clamp(0, 1)
    apart = pixels.square().sum(dim=1, keepdim=True) - 2 * pixels @ starts.T
    apart = apart + starts.square().sum(dim=1) + part * (part * long - 2 * along)
    away = apart.amin(dim=1).clamp(min=0).sqrt()
    image = (pen / 2 + 0.5 - away).clamp(0, 1).float().view(1, 1, size, size)
    if mnist:
        return image
    return F.interpolate(F.avg_pool2d(image, 4), size=28, mode="bilinear")


def fit(strokes: list, mnist: bool) -> Tensor | None:
    """The drawing as `ink` makes it; None: it is only a dot, or no drawing at all."""
    if not all(strokes) or not 0 < sum(map(len, strokes)) <= 2000:
        return None
    ends = torch.tensor([p for stroke in strokes for p in stroke])
    starts = torch.tensor([p for stroke in strokes for p in [stroke[0], *stroke[:-1]]])
    if (ends.amax(dim=0) - ends.amin(dim=0)).max() < 0.05:
        return None
    return ink(starts, ends, mnist)
