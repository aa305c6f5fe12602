"""What compare_blocks' page draws: how long the gradient is after each block."""

import torch

import compare_blocks as lesson

DEPTH = 100  # at most
WIDTHS = [4, 16, 64]
SEEDS = 5


def measure(name: str, depth: int, size: int, seed: int) -> torch.Tensor:
    """Lengths (L + 1,) of the gradient through one stack."""
    torch.manual_seed(seed)
    blocks = lesson.make_blocks(name, depth, size)
    return lesson.gradient_by_depth(blocks, torch.randn(1, size))


def measure_all(name: str, size: int, seed: int) -> torch.Tensor:
    """The lengths of all stacks of 1 ... DEPTH blocks.

    The length after a block depends only on the blocks behind it. So the last L blocks
    of one deep stack are a stack of L blocks, and its lengths hold those of all others.
    Only in residual_small the weights change with the depth: each stack is measured,
    and their lengths stand one after the other: 2 numbers, then 3, then 4 ..."""
    if name != "residual_small":
        return measure(name, DEPTH, size, seed)
    depths = range(1, DEPTH + 1)
    return torch.cat([measure(name, depth, size, seed) for depth in depths])


def export() -> tuple[dict[str, torch.Tensor], str]:
    tensors = {"widths": torch.tensor(WIDTHS).float()}
    for name in lesson.STACKS:
        # By what the law multiplies the squared length in each of 1 ... DEPTH blocks.
        laws = [lesson.predicted_by_depth(name, n + 1)[n] ** 2 for n in range(DEPTH)]
        tensors[f"factor.{name}"] = torch.stack(laws).float()  # (DEPTH,)
        for size in WIDTHS:
            lengths = [measure_all(name, size, seed) for seed in range(SEEDS)]
            tensors[f"{name}.{size}"] = torch.stack(lengths).float()
    told = f"Measured in {SEEDS} stacks of each kind, with the seeds 0 to {SEEDS - 1}."
    told += " The law predicts the average of the squared length."
    return tensors, told
