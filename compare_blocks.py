# /// script
# requires-python = ">=3.11"
# dependencies = ["matplotlib", "numpy", "scikit-learn", "torch"]
# ///
r"""
Residual and plain blocks
=========================

A plain block computes ``f(x)``, a residual block ``x + f(x)``. On the way back the
gradient meets one Jacobian per block: ``J`` in a plain stack, ``I + J`` in a residual
one. PyTorch draws the D * D weights of ``f`` with variance ``1 / (3 D)``, so a plain
block scales a gradient by about ``sqrt(1/3)``, a residual block by ``sqrt(1 + 1/3)``.

:Run: ``python compare_blocks.py --depth 20``
:Shapes: B batch, D size of a block, L depth, N digits
:Paper: He et al. 2015, https://arxiv.org/abs/1512.03385
"""

import argparse
import inspect
import sys
import textwrap
from pathlib import Path
from typing import Literal, get_args

import matplotlib.pyplot as plt
import numpy
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor, nn

ASK = "Fifty blocks deep: how much of the gradient comes back to the input?"
CLAIM = (
    "The blackboard is right: (1/3)^(L/2) of the gradient comes back through L plain "
    "blocks, (4/3)^(L/2) through residual ones, about 1 with orthogonal weights or a "
    "branch / sqrt(L); and where plain ones stay at chance on digits, the others learn."
)
MARGIN = 10  # the law is right within this factor
CHANCE = 0.1  # plain reads less than twice, the others more than six times as much
THREADS = 1  # a second gains little on layers this small, and loses beside others


# %%
# The two blocks differ in one plus sign
# --------------------------------------
class PlainBlock(nn.Module):
    def __init__(self, size: int):
        super().__init__()
        self.f = nn.Linear(size, size)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != self.f.bias.shape:
            raise ValueError(f"expected (B, {len(self.f.bias)}), got {tuple(x.shape)}")
        return self.f(x)  # (B, D)


class ResidualBlock(PlainBlock):
    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)  # (B, D)


# %%
# Small enough to follow by hand
# ------------------------------
def worked_example() -> None:
    torch.manual_seed(0)
    for name, block in {"Residual": ResidualBlock, "Plain": PlainBlock}.items():
        blocks = nn.Sequential(*(block(3) for _ in range(10)))
        x = torch.tensor([[1.0, 2.0, 3.0]], requires_grad=True)  # (B, D)
        y = blocks(x)  # (B, D)
        y.sum().backward()
        print(f"{name} Network:\nFinal Output: {y.detach().numpy()}")
        print(f"Input Gradients: {x.grad.numpy()}\n")


# %%
# Four stacks, and the gradient at every block of each
# ----------------------------------------------------
def make_blocks(name: str, depth: int, size: int) -> nn.Sequential:
    block = ResidualBlock if "residual" in name else PlainBlock
    blocks = nn.Sequential(*(block(size) for _ in range(depth)))
    for layer in blocks:
        if name == "plain_orthogonal":
            nn.init.orthogonal_(layer.f.weight)
        if name == "residual_small":
            layer.f.weight.data /= depth**0.5
    return blocks


def gradient_by_depth(blocks: nn.Sequential, x: Tensor) -> Tensor:
    """Mean gradient norm at h_0 (the input) ... h_L (the output), relative to h_L."""
    stream = [x.requires_grad_()]
    for block in blocks:
        stream.append(block(stream[-1]))
    grads = torch.stack(torch.autograd.grad(stream[-1].sum(), stream))  # (L + 1, B, D)
    norms = grads.norm(dim=-1).mean(dim=-1)  # (L + 1,)
    return norms / norms[-1]


# %%
# What follows from it: can the stack learn to read?
# --------------------------------------------------
def learn(blocks: nn.Sequential, digits: list[Tensor], steps: int) -> float:
    """Accuracy on the last 360 digits after `steps` batches of 64 from the others."""
    images, labels = digits  # (N, 64), (N,)
    size = len(blocks[0].f.bias)
    layers = [layer for block in blocks for layer in (block, nn.Tanh())]
    network = nn.Sequential(nn.Linear(64, size), *layers, nn.Linear(size, 10))
    network.to(images.device)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    for _ in range(steps):
        batch = torch.randint(1437, (64,))
        loss = F.cross_entropy(network(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    hits = network(images[1437:]).argmax(dim=1) == labels[1437:]
    return hits.float().mean().item()


# %%
# The picture
# -----------
def figure(left: dict[str, Tensor], law: dict, learned: dict[str, float]) -> Figure:
    fig, ax = plt.subplots()
    for (name, norms), marker in zip(left.items(), "ovsd", strict=True):
        label = f"{name.replace('_', ', ')}: reads {learned[name]:.0%} of the digits"
        (line,) = ax.semilogy(norms, marker=marker, markevery=0.1, label=label)
        ax.semilogy([0, len(norms) - 1], [law[name], 1], "--", color=line.get_color())
    ax.set_title("Plain dies, residual grows, and both can be computed (dashed)")
    ax.set(xlabel="block (0 = input)", ylabel="gradient, relative to the top")
    ax.legend()
    return fig


# %%
# Each stack from the same seed: same inputs, same batches
# --------------------------------------------------------
def compare(depth: int, size: int, steps: int, seed: int, device: str):
    from sklearn import datasets  # only here: it takes 1 s

    order = numpy.random.RandomState(0).permutation(1797)
    images, labels = datasets.load_digits(return_X_y=True)
    digits = torch.tensor(images[order] / 16).float(), torch.tensor(labels[order])
    law = {"plain": 1 / 3, "residual": 4 / 3, "plain_orthogonal": 1}
    law["residual_small"] = 1 + 1 / (3 * depth)
    left, learned = {}, {}
    for name in law:
        torch.manual_seed(seed)
        x = torch.randn(32, size, dtype=torch.float64)  # (B, D)
        blocks = make_blocks(name, depth, size).double()  # float32 would underflow
        left[name] = gradient_by_depth(blocks, x)  # (L + 1,)
        torch.manual_seed(seed)
        learned[name] = learn(blocks.float(), [d.to(device) for d in digits], steps)
        law[name] = torch.tensor(law[name]).double().pow(depth / 2).item()
        print(f"{name:17}{left[name][0]:8.0e}{law[name]:11.0e}{learned[name]:8.0%}")
    return law, left, learned


# %%
# The lesson
# ----------
def main(
    depth: int = 50,
    size: int = 64,
    steps: int = 200,
    seed: int = 0,
    device: Literal["cpu", "cuda", "mps", "xpu"] = "cpu",
) -> dict[str, float]:
    print(f"{ASK}\n")
    worked_example()
    print(f"{depth} blocks{'gradient':>16} predicted   reads scikit-learn's digits")
    law, left, learned = compare(depth, size, steps, seed, device)
    law_holds = all(1 / MARGIN < left[name][0] / law[name] < MARGIN for name in law)
    plain, *others = learned.values()
    holds = law_holds and plain < 2 * CHANCE and min(others) > 6 * CHANCE
    conclude(holds, compare_blocks=figure(left, law, learned))
    numbers = {f"left_{name}": left[name][0].item() for name in law}
    numbers |= {f"read_{name}": learned[name] for name in law}
    return numbers | {"holds": float(holds)}


# %%
# The verdict, the picture, the command line
# ------------------------------------------
def conclude(holds: bool, **figures: Figure) -> None:
    for name, fig in figures.items():
        try:
            Path("figures").mkdir(exist_ok=True)
            fig.savefig(f"figures/{name}.png")
        except OSError as error:
            print(f"The picture is not saved: {error}")
    verdict = "holds" if holds else "does NOT hold at this setting"
    print(f"\n{textwrap.fill(CLAIM, 72)}\nIn this run the claim {verdict}.")


if __name__ == "__main__":
    torch.set_num_threads(THREADS)
    cli = argparse.ArgumentParser(usage="%(prog)s [options]", allow_abbrev=False)
    for name, option in inspect.signature(main).parameters.items():
        kind, choices = type(option.default), get_args(option.annotation) or None
        value = {"type": kind, "choices": choices, "default": option.default}
        cli.add_argument(f"--{name}", **value, help="default: %(default)s")
    # a notebook has no command line
    options = vars(cli.parse_args([] if "ipykernel" in sys.modules else None))
    for name, value in options.items():
        low = -1 if name == "seed" else 0
        if not isinstance(value, str) and not low < value < 2**32:
            cli.error(f"argument --{name}: must be positive, got {value}")
        if name == "device" and not torch.get_device_module(value).is_available():
            cli.error(f"argument --device: this machine has no {value}")
    try:
        main(**options)
    except (OSError, KeyboardInterrupt) as error:  # no data, or damaged; Ctrl-C
        cli.error(str(error) or "stopped by Ctrl-C")
    if plt.get_backend().lower() != "agg":  # there is a screen
        plt.show()
