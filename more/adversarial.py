# /// script
# requires-python = ">=3.11"
# dependencies = ["matplotlib>=3.10.7", "scikit-learn>=1.6", "torch>=2.9",
#   "torchvision>=0.24", "tyro>=0.9"]
# ///
r"""
Adversarial examples: small changes that add up
===============================================

A network reads handwritten digits. An image is a list of 784 numbers here, the
*pixels*: 0 is white paper, 1 is ink. The network makes ten *scores* of them, one for
each digit, and the largest score is its answer. Somebody may now change each pixel, but
by no more than 0.1. A person sees some grey spots, and still reads the digit. Does the
network?

**Which change does the most harm?** The *loss* says how wrong the network is. The
*gradient* says for each number how fast the loss grows with it. In training these
numbers are the weights. But a loss depends on the pixels, too, so each pixel has a
gradient as well. If it is positive, more ink there makes the loss larger; if it is
negative, less ink does. So add 0.1 where it is positive, and subtract 0.1 where it is
negative. Only the *sign* of the gradient is used, which is 1 or -1 (or 0, where the
gradient is 0). This is the *fast gradient sign method*, FGSM. An image that was changed
so that a network reads it wrong is an *adversarial example*. An *attack* is a way to
make one. Whoever uses this one needs the network and the right answer.

**Why should so little do harm?** One pixel that changes by 0.1 does next to nothing.
But all 784 of them change, and each one to the same end, to make the loss larger. Many
small changes add up. If the signs are random, one pixel helps and the next one harms,
and most of it cancels.

**Two norms** say how much that is. A *norm* is one number for the size of a list. The
*L1 norm* is the sum of all numbers without their signs. The *L2 norm* is the root of
the sum of all squares, the usual length. For a weighted sum of pixels, a step with the
best signs changes the sum by 0.1 times the L1 norm of the weights, and random signs
change it by 0.1 times the L2 norm, typically. The next parts do this with a pencil. A
network is no weighted sum, but if the pixels change little, it is nearly one.

**The experiment.** We train a network, and make an adversarial example of each unseen
digit. The *control* has changes of the same size, but with random signs: is it the size
of the change, or its direction? Then we show the same images to a second network, which
began with other random weights. If it is fooled as well, the attack *transfers*.

**What helps?** *Adversarial training*: in each step of training, the images are first
changed by FGSM, so that the network learns from adversarial examples. It begins with
the same weights as the first network, and sees the same digits in the same order. One
line differs. Then it is attacked anew, with its own gradients. An attacker may also do
better than FGSM: ten smaller steps, with a new gradient before each. This is called
*projected gradient descent*, PGD. What was trained with one attack must also be tested
with a stronger one.

:Run: ``python more/adversarial.py --seed 1``
:Shapes: B images in a batch, N signs drawn, P pixels
:Paper: Goodfellow, Shlens, Szegedy 2014, https://arxiv.org/abs/1412.6572
"""

import copy
import math
import os
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

ASK = "We change each pixel of a digit by at most 0.1: can the network still read it?"
CLAIM = (
    "Not if the change is chosen well. With random signs, changes of a tenth cost less "
    "than 5 percentage points. With the signs of the gradient they leave less than "
    "25 % right, and the same images leave a second network less than 45 %. As long as "
    "changes are small, the signs of the gradient change the loss more than 15 times "
    "as much as random signs do. After adversarial training more than 85 % of "
    "unchanged digits are right, more than 60 % under the same attack, and more than "
    "55 % under a stronger one."
)
PIXELS = 28 * 28
HIDDEN = 128  # numbers in the middle of the network
BATCH = 64  # images in one step of training
RATE = 0.002  # the learning rate
SIZE = 0.1  # no pixel may change by more than this
SIZES = (0.0, 0.05, 0.1, 0.15, 0.2)  # for the picture
SMALL_STEPS = 10  # of the stronger attack
Set = tuple[Tensor, Tensor]  # images (B, 784) and their labels (B,)


# %%
# With a pencil: small steps add up
# ---------------------------------
# The smallest network has one score, a weighted sum: each pixel times its weight, added
# up. A positive score shall mean "this is a 3". There are four pixels. Their weights
# are (4, -2, 2, -1), and the image is (0.5, 0.5, 0.2, 0.8). The score is
# 2 - 1 + 0.4 - 0.8 = 0.6: a 3.
#
# The attack wants a smaller score. How fast does the score grow with a pixel? As fast
# as the weight of this pixel says: that is its gradient. So the attack subtracts 0.1
# where the weight is positive, and adds 0.1 where it is negative. The image becomes
# (0.4, 0.6, 0.1, 0.9). The first pixel makes the score smaller by 0.4, the next ones by
# 0.2, 0.2 and 0.1, together 0.9. The score is now -0.3: no 3 any more.
#
# The change is 0.1 * (4 + 2 + 2 + 1) = 0.1 * 9. The 9 is the L1 norm of the weights. No
# other change of at most 0.1 a pixel does more: each pixel already does all it can.
WEIGHTS = [4.0, -2.0, 2.0, -1.0]
IMAGE = [0.5, 0.5, 0.2, 0.8]


def weighted_sum(weights: list[float], pixels: list[float]) -> float:
    total = 0.0
    for weight, pixel in zip(weights, pixels, strict=True):
        total += weight * pixel
    return total


def sign(number: float) -> float:
    if number > 0:
        return 1.0
    if number < 0:
        return -1.0
    return 0.0


def lowered(weights: list[float], pixels: list[float], size: float) -> list[float]:
    """Each pixel, changed by `size` so that the weighted sum becomes smaller."""
    changed = []
    for weight, pixel in zip(weights, pixels, strict=True):
        changed.append(pixel - size * sign(weight))
    return changed


def small_steps() -> None:
    before = weighted_sum(WEIGHTS, IMAGE)
    after = weighted_sum(WEIGHTS, lowered(WEIGHTS, IMAGE, SIZE))
    print("Four pixels (0.5, 0.5, 0.2, 0.8), weights (4, -2, 2, -1):")
    print(f"    score {before:.2f}; changed by 0.1 a pixel {after:.2f}")
    norm = torch.linalg.vector_norm(torch.tensor(WEIGHTS), ord=1).item()
    print(f"    0.1 times the L1 norm {SIZE * norm:.2f} (PyTorch)\n")


# %%
# With a pencil: random signs mostly cancel
# -----------------------------------------
# Now each pixel changes by 0.1, up or down, and a coin decides. Begin with two pixels
# and the weights 4 and 2. There are four ways to throw two coins. The sum changes by
# 0.1 times 4 + 2, 4 - 2, -4 + 2 or -4 - 2, which is 0.6, 0.2, -0.2 or -0.6. The mean of
# these is 0. What is a typical size, then? Take the *root mean square*: the mean of the
# squares, and its root. The squares are 0.36, 0.04, 0.04 and 0.36, their mean is 0.2.
# And this is 0.1 * 0.1 * (16 + 4): of each weight only its square is left. (In the
# square of 4 + 2 there is also 2 * 4 * 2, and in that of 4 - 2 the same with a minus.
# In the mean they cancel.) The root of 16 + 4 is the L2 norm of the weights.
#
# So with four weights the typical change is 0.1 times the root of 16 + 4 + 4 + 1, which
# is 0.1 * 5 = 0.5. The attack changed 0.9. We go through all 16 ways to throw four
# coins. The score falls below 0 if the change is below -0.6. Which ones are these?
# -4 - 2 - 2 - 1 = -9, and -4 - 2 - 2 + 1 = -7. The next is -5. So it happens in 2 of 16
# cases.
def all_signs(count: int) -> list[list[float]]:
    """All ways to choose this many signs."""
    ways = [[]]
    for _ in range(count):
        longer = []
        for way in ways:
            longer.append(way + [1.0])
            longer.append(way + [-1.0])
        ways = longer
    return ways


def root_mean_square(numbers: list[float]) -> float:
    total = 0.0
    for number in numbers:
        total += number * number
    return math.sqrt(total / len(numbers))


def random_steps() -> None:
    score = weighted_sum(WEIGHTS, IMAGE)
    changes = []
    for signs in all_signs(4):
        changes.append(SIZE * weighted_sum(WEIGHTS, signs))
    negative = 0
    for change in changes:
        if score + change < 0:
            negative += 1
    print("The same size of change with random signs, all 16 ways:")
    print(f"    typical change {root_mean_square(changes):.2f}", end="")
    norm = torch.linalg.vector_norm(torch.tensor(WEIGHTS), ord=2).item()
    print(f", 0.1 times the L2 norm {SIZE * norm:.2f} (PyTorch)")
    print(f"    the score falls below 0 in {negative} of {len(changes)} cases\n")


# %%
# The more pixels, the more the signs matter
# ------------------------------------------
# Let all weights be 1 or -1. Then the L1 norm of P weights is P, and the L2 norm is the
# root of P. The best signs go farther than random ones by a factor of P divided by its
# root, which is the root of P again: 2 for 4 pixels, 8 for 64, 28 for 784. It is never
# more than that: if some weights are larger than others, the factor is smaller. (With
# the weights (4, -2, 2, -1) it is 9 / 5 = 1.8.)
#
# For 784 pixels nobody can go through all ways to choose the signs. So we draw 2,000.
def coin_signs(shape: tuple[int, ...]) -> Tensor:
    """Numbers that are 1 or -1, by a coin for each."""
    coins = torch.randint(2, shape)  # 0 or 1
    return 2.0 * coins - 1.0


def typical_change(weights: Tensor, draws: int) -> float:
    """The root mean square of what random signs change in the weighted sum."""
    signs = coin_signs((draws, len(weights)))  # (N, P)
    changes = SIZE * signs @ weights  # (N,)
    return changes.square().mean().sqrt().item()


def more_pixels() -> None:
    torch.manual_seed(0)
    print("All weights 1 or -1; 0.1 a pixel changes the sum by")
    print("    pixels   best signs   random signs   2,000 draws")
    for count in (4, 64, PIXELS):
        weights = coin_signs((count,))
        best = SIZE * count
        typical = SIZE * math.sqrt(count)
        drawn = typical_change(weights, 2_000)
        print(f"    {count:6}{best:13.1f}{typical:15.2f}{drawn:14.2f}")
    print()


# %%
# With a pencil: the gradient of a pixel
# --------------------------------------
# With several scores, how fast does the loss grow with a pixel? First the scores. A
# *softmax* turns them into probabilities, positive numbers whose sum is 1: exp of each
# score, divided by the sum of all these. The loss is -log of the probability of the
# right digit. That is the log of the sum, minus the right score. The log of the sum
# grows with each score as fast as the probability of its digit says. (This is its
# derivative: exp of the score, divided by the sum.) The right score is subtracted, so
# for the right digit 1 is subtracted from the probability.
#
# And a score grows with a pixel as fast as the weight between them. So the gradient of
# a pixel is a weighted sum. Of each digit, take its weight for this pixel, times its
# probability; but for the right digit, times its probability minus 1.
#
# An example has two pixels, (0.6, 0.4), and two digits. The weights of the first digit,
# the right one, are (1, -1), those of the second (0, 0.5). The scores are 0.6 - 0.4 =
# 0.2 and 0.5 * 0.4 = 0.2. They are equal, so both probabilities are 0.5. The gradients
# are
#
# * 1 * (0.5 - 1) + 0 * 0.5 = -0.5 for the first pixel,
# * -1 * (0.5 - 1) + 0.5 * 0.5 = 0.75 for the second one.
#
# The signs are - and +. FGSM makes (0.5, 0.5) of the image. The scores are now 0 and
# 0.25: the second digit wins.
def softmax(scores: list[float]) -> list[float]:
    powers = [math.exp(score) for score in scores]
    return [power / sum(powers) for power in powers]


def gradient_by_hand(
    weights: list[list[float]], pixels: list[float], label: int
) -> list[float]:
    """For each pixel, how fast the loss grows with it; `weights` has a row for each
    digit."""
    scores = [weighted_sum(row, pixels) for row in weights]
    speeds = softmax(scores)  # how fast the loss grows with each score
    speeds[label] -= 1
    gradient = []
    for pixel in range(len(pixels)):
        column = [row[pixel] for row in weights]
        gradient.append(weighted_sum(speeds, column))
    return gradient


def two_pixels() -> None:
    weights = [[1.0, -1.0], [0.0, 0.5]]
    pixels = [0.6, 0.4]
    ours = gradient_by_hand(weights, pixels, label=0)
    linear = nn.Linear(2, 2, bias=False)
    linear.weight.data = torch.tensor(weights)
    theirs = pixel_gradients(linear, torch.tensor([pixels]), torch.tensor([0]))[0]
    print("Two pixels (0.6, 0.4), and their gradients:")
    print(f"    by hand {ours[0]:.2f} and {ours[1]:.2f}", end="")
    print(f"   PyTorch {theirs[0].item():.2f} and {theirs[1].item():.2f}\n")


# %%
# The digits
# ----------
# The small ones are 1,437 to train on, and 360 unseen ones. They have 8 x 8 pixels at
# first, and are enlarged to 28 x 28. Each image is a list: row after row.
def lists_of_pixels(data: str) -> tuple[Set, Set]:
    """The digits to train on, and the unseen ones, each image as a list."""
    images, labels, test_images, test_labels = load_digits(data)
    seen = images.flatten(start_dim=1)  # (B, 784)
    unseen = test_images.flatten(start_dim=1)
    return (seen, labels), (unseen, test_labels)


# %%
# The network
# -----------
# A linear layer makes 128 weighted sums of the 784 pixels. ReLU puts 0 in place of the
# negative ones. Another linear layer makes ten scores of these numbers, one for each
# digit.
class Reader(nn.Module):
    """Images (B, 784) -> scores (B, 10); ValueError for another shape."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(PIXELS, HIDDEN)
        self.second = nn.Linear(HIDDEN, 10)

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 2 or x.shape[1] != PIXELS:
            raise ValueError(f"expected (B, 784), got {tuple(x.shape)}")
        x = F.relu(self.first(x))  # (B, 128)
        return self.second(x)  # (B, 10)


# %%
# The attack, and its control
# ---------------------------
# Training asks for the gradients of the weights. Here we ask for those of the pixels.
# ``requires_grad_()`` says that PyTorch should keep track of them. The losses of all
# images are added up, not averaged. So each image gets the gradient that it would have
# alone: its pixels do not change the loss of any other one.
#
# A network that is very sure gives the right digit a probability of nearly 1. We need
# the probability minus 1, and in the usual 32 bits this is rounded to 0. Then the
# gradient is wrong, and it looks as if nobody could fool this network. So the scores
# become numbers of 64 bits first, which ``double`` does.
#
# A pixel stays between 0 and 1, white paper and ink: what would be outside is set to
# the nearer end. This is what ``clamp`` does. White paper cannot become whiter, so some
# pixels do not change at all. It is the same for the attack and for its control.
def pixel_gradients(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """For each pixel of each image, how fast the loss of this image grows with it."""
    pixels = images.clone().requires_grad_()
    scores = network(pixels).double()  # (B, 10)
    loss = F.cross_entropy(scores, labels, reduction="sum")
    (gradients,) = torch.autograd.grad(loss, [pixels])
    return gradients


def fgsm(network: nn.Module, images: Tensor, labels: Tensor, size: float) -> Tensor:
    """Each pixel, changed by `size` so that the loss becomes larger."""
    gradients = pixel_gradients(network, images, labels)
    changed = images + size * gradients.sign()
    return changed.clamp(0, 1)


def random_signs(images: Tensor, size: float) -> Tensor:
    """Each pixel, changed by `size`, up or down as a coin falls."""
    signs = coin_signs(images.shape)
    changed = images + size * signs
    return changed.clamp(0, 1)


# %%
# A stronger attack: ten smaller steps
# ------------------------------------
# The gradient is right where it was computed. After a step of 0.1 it may point
# elsewhere. So PGD takes ten steps of 0.025, each with the gradient of the place where
# it has come to. Ten such steps could lead 0.25 away. So after each step, each pixel
# that is farther than 0.1 from where it was at first is set back to that distance. This
# is the *projection*, the P of PGD.
def pgd(network: nn.Module, images: Tensor, labels: Tensor, size: float) -> Tensor:
    """Each pixel, changed by at most `size`, in ten smaller steps."""
    changed = images
    for _ in range(SMALL_STEPS):
        changed = fgsm(network, changed, labels, size / 4)
        changed = torch.maximum(changed, images - size)
        changed = torch.minimum(changed, images + size)
    return changed


# %%
# Training, plain and adversarial
# -------------------------------
# Both trainings are the same, but for one line: in adversarial training, the images of
# a batch are changed by FGSM first. The changes are made anew in each step, for they
# must fool the network as it is now.
def train(
    network: nn.Module,
    digits: Set,
    steps: int,
    adversarial: bool = False,
    watch: Callable[[int, float], None] | None = None,
) -> None:
    """Train `network`; `watch`, if given, is called after each step, with its loss."""
    images, labels = digits
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    for step in range(steps):
        chosen = torch.randint(len(images), (BATCH,))  # (B,)
        batch = images[chosen]  # (B, 784)
        if adversarial:
            batch = fgsm(network, batch, labels[chosen], SIZE)
        loss = F.cross_entropy(network(batch), labels[chosen])
        optimizer.zero_grad()  # forget the gradients of the last step
        loss.backward()  # how does the loss depend on each weight?
        optimizer.step()  # change each weight a little, against its gradient
        if watch is not None:
            watch(step, loss.item())


def print_loss(step: int, loss: float) -> None:
    if step % 200 == 0:
        print(f"    step {step:3}: loss {loss:.3f}")


def accuracy(network: nn.Module, digits: Set) -> float:
    """The share of images whose largest score is that of their label."""
    images, labels = digits
    answers = answers_to(network, images)
    return (answers == labels).float().mean().item()


def answers_to(network: nn.Module, images: Tensor) -> Tensor:
    """What the network reads in each image."""
    with torch.no_grad():
        scores = network(images)  # (B, 10)
    return scores.argmax(dim=1)  # (B,)


# %%
# How much farther do the best signs go?
# --------------------------------------
# As long as an image changes little, its loss changes like a weighted sum of its
# pixels, and the gradients are the weights. So the best signs change the loss by 0.1
# times the L1 norm of the gradients, and random ones by 0.1 times their L2 norm. How
# many times as much is that? At most 28, the root of 784, as we saw. We measure it for
# each image, and take the mean. (With larger changes, both the gradients and the loss
# bend: then it is a rough guide.)
def advantage(network: nn.Module, digits: Set) -> float:
    """The L1 norm of an image's gradients, divided by their L2 norm; the mean of all
    images."""
    images, labels = digits
    gradients = pixel_gradients(network, images, labels).double()
    ones = torch.linalg.vector_norm(gradients, ord=1, dim=1)  # (B,)
    twos = torch.linalg.vector_norm(gradients, ord=2, dim=1)  # (B,)
    return (ones / twos).mean().item()


# %%
# When does the claim hold?
# -------------------------
# Each number is a share of the unseen digits that are read correctly, but for the last
# one, the advantage of the best signs. ``fgsm_10`` is the network under an attack with
# a size of 0.10.
def claim_holds(numbers: dict[str, float]) -> bool:
    cost = numbers["fgsm_0"] - numbers["random_10"]
    noise_is_harmless = cost < 0.05
    fooled = numbers["fgsm_10"] < 0.25
    transfers = numbers["transfer"] < 0.45
    reads = numbers["robust_0"] > 0.85
    helps = numbers["robust_10"] > 0.60
    still_helps = numbers["robust_pgd"] > 0.55
    adds_up = numbers["advantage"] > 15
    attack = noise_is_harmless and fooled and transfers and adds_up
    return attack and reads and helps and still_helps


def key(name: str, size: float) -> str:
    """The name of a number: fgsm_10 is FGSM with a size of 0.10."""
    return f"{name}_{round(100 * size)}"


# %%
# The picture
# -----------
LINES = {
    "random": "random signs",
    "fgsm": "FGSM, signs of the gradient",
    "robust": "FGSM, after adversarial training",
}


def figure(
    images: list[Tensor], answers: list[int], numbers: dict[str, float]
) -> Figure:
    """A digit, unchanged, changed by random signs and by FGSM, and what the network
    reads; and the accuracy for each size of change."""
    fig = plt.figure(figsize=(8, 4.5), layout="constrained")
    grid = fig.add_gridspec(3, 2, width_ratios=[1, 2.6])
    titles = ("unchanged", "random signs", "FGSM")
    for place, title in enumerate(titles):
        ax = fig.add_subplot(grid[place, 0])
        ax.imshow(images[place].view(28, 28).numpy(), cmap="gray_r", vmin=0, vmax=1)
        ax.set_title(f"{title}: read as {answers[place]}", fontsize=11)
        ax.set_xticks([])
        ax.set_yticks([])
    draw_accuracy(fig.add_subplot(grid[:, 1]), numbers)
    fig.suptitle("The same size of change, in two directions", fontsize=16)
    return fig


def example(network: nn.Module, digits: Set) -> tuple[list[Tensor], list[int]]:
    """The first digit that is read until FGSM changes it (or the first of all, if there
    is none): unchanged, with random signs, with FGSM; and the three answers."""
    images, labels = digits
    attacked = fgsm(network, images, labels, SIZE)
    was_right = answers_to(network, images) == labels
    is_wrong = answers_to(network, attacked) != labels
    place = (was_right & is_wrong).int().argmax().item()
    noisy = random_signs(images, SIZE)
    three = [images[place], noisy[place], attacked[place]]
    return three, answers_to(network, torch.stack(three)).tolist()


def draw_accuracy(ax: Axes, numbers: dict[str, float]) -> None:
    styles = {"random": "s--", "robust": "^-.", "fgsm": "o-"}
    colors = {"random": "gray", "robust": "tab:blue", "fgsm": "black"}
    for name, label in LINES.items():
        heights = [numbers[key(name, size)] for size in SIZES]
        ax.plot(
            SIZES,
            heights,
            styles[name],
            color=colors[name],
            linewidth=3,
            markersize=9,
            label=label,
        )
    ax.plot([SIZE, SIZE], [0, 1], ":", color="gray", linewidth=2)
    ax.set_xticks(SIZES)
    ax.set_xlabel("change of each pixel, at most", fontsize=13)
    ax.set_ylabel("right on unseen digits", fontsize=13)
    ax.set_ylim(0, 1.4)  # room for the legend
    ax.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    ax.tick_params(labelsize=12)
    ax.spines["left"].set_bounds(0, 1)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(fontsize=12, loc="upper left", frameon=False)


# %%
# The lesson
# ----------
def report(numbers: dict[str, float]) -> None:
    print("Right on unseen digits, by the most that a pixel changes:")
    print("                         " + "".join(f"{size:8.2f}" for size in SIZES))
    for name, words in [
        ("random", "random signs"),
        ("fgsm", "FGSM"),
        ("robust", "FGSM, trained for it"),
    ]:
        print(f"    {words:21}", end="")
        for size in SIZES:
            print(f"{numbers[key(name, size)]:8.1%}", end="")
        print()
    print("Changes of 0.1 a pixel:")
    print(f"    PGD: plain {numbers['pgd']:.1%}", end="")
    print(f", trained against FGSM {numbers['robust_pgd']:.1%}")
    print(f"    the second network: unchanged {numbers['second']:.1%}", end="")
    print(f", FGSM of the first {numbers['transfer']:.1%}")
    print("Signs of the gradient change the loss more than random signs do, by")
    print(f"    a factor of {numbers['advantage']:.1f}", end="")
    print(f"; after adversarial training {numbers['robust_advantage']:.1f}\n")


def main(
    steps: int = 1000, data: Literal["digits", "mnist"] = "digits", seed: int = 0
) -> dict[str, float]:
    """We change each pixel by at most 0.1: can the network still read the digit?

    Args:
        steps: of each training
        data: 1,797 small digits, offline; or MNIST, fetched once (11 MB)
        seed: of everything random
    """
    if steps < 1:
        sys.exit(f"--steps must be at least 1, got {steps}")
    print(f"{ASK}\n")
    small_steps()
    random_steps()
    more_pixels()
    two_pixels()

    seen, unseen = lists_of_pixels(data)
    images, labels = unseen
    torch.manual_seed(seed)
    network = Reader()
    robust = copy.deepcopy(network)  # the same first weights
    second = Reader()  # other ones
    print("Plain training:")
    torch.manual_seed(seed)
    train(network, seen, steps, watch=print_loss)
    print("Adversarial training, from the same first weights:")
    torch.manual_seed(seed)  # the same batches
    train(robust, seen, steps, adversarial=True, watch=print_loss)
    train(second, seen, steps)
    print()

    numbers = {}
    for size in SIZES:
        noisy = random_signs(images, size)
        attacked = fgsm(network, images, labels, size)
        attacked_anew = fgsm(robust, images, labels, size)
        numbers[key("random", size)] = accuracy(network, (noisy, labels))
        numbers[key("fgsm", size)] = accuracy(network, (attacked, labels))
        numbers[key("robust", size)] = accuracy(robust, (attacked_anew, labels))
    for name, reader in [("pgd", network), ("robust_pgd", robust)]:
        attacked = pgd(reader, images, labels, SIZE)
        numbers[name] = accuracy(reader, (attacked, labels))
    numbers["second"] = accuracy(second, unseen)
    attacked = fgsm(network, images, labels, SIZE)  # made for the first network
    numbers["transfer"] = accuracy(second, (attacked, labels))
    numbers["advantage"] = advantage(network, unseen)
    numbers["robust_advantage"] = advantage(robust, unseen)
    report(numbers)

    verdict = "does NOT hold"
    if claim_holds(numbers):
        verdict = "holds"
    print(f"{textwrap.fill(CLAIM)}\nIn this run the claim {verdict}.")
    three, answers = example(network, unseen)
    Path("figures").mkdir(exist_ok=True)
    figure(three, answers, numbers).savefig("figures/adversarial.png", dpi=160)
    return numbers | {"holds": float(claim_holds(numbers))}


# %%
# Real handwritten digits
# -----------------------
# The small ones come with scikit-learn. MNIST is a well-known collection of 70,000. It
# is fetched once, into the folder data, or the one that the environment variable
# NN_DATA names. In both, a pixel is 0 where the paper is white, and 1 where there is
# ink.
def load_digits(data: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images (N, 1, 28, 28) in [0, 1] and labels (N,) to train on; the same to test."""
    if data == "mnist":
        from torchvision.datasets import MNIST

        folder = os.environ.get("NN_DATA", "data")
        seen = MNIST(folder, train=True, download=True)
        unseen = MNIST(folder, train=False, download=True)
        train_images = seen.data[:, None] / 255  # pixels are whole numbers up to 255
        test_images = unseen.data[:, None] / 255
        return train_images, seen.targets, test_images, unseen.targets

    from sklearn import datasets, utils

    digits = datasets.load_digits()  # 1,797 images of 8 x 8 pixels from 0 to 16
    # In a mixed order, and always the same one, whatever the seed of the lesson.
    images, labels = utils.shuffle(digits.images, digits.target, random_state=0)
    images = torch.tensor(images[:, None] / 16).float()  # (N, 1, 8, 8)
    images = F.interpolate(images, size=28, mode="bilinear")  # (N, 1, 28, 28)
    labels = torch.tensor(labels)  # (N,)
    return images[:1437], labels[:1437], images[1437:], labels[1437:]


# %%
# The command line
# ----------------
if __name__ == "__main__":
    torch.set_num_threads(1)  # more threads hardly help on networks this small
    if "kernel_launcher" in sys.argv[0]:  # a notebook: its arguments are not for us
        main()
    else:
        import tyro  # turns the arguments of main into options

        for word in sys.argv[1:]:
            number = word.rpartition("=")[2].strip("+-").replace("_", "")
            if number.isdecimal() and len(number) > 15:  # PyTorch counts in 64 bits
                sys.exit(f"A number must have at most 15 digits, got {word[:40]}")
        try:
            tyro.cli(main)
            sys.stdout.flush()
        except BrokenPipeError:  # its reader has seen enough, as in `| head -1`
            sys.stdout = None
        except OSError as error:  # a folder that cannot be written, a full disk
            sys.exit(f"{type(error).__name__}: {error}")
    plt.show()  # a window, where there is a screen
