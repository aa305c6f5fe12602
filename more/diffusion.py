# /// script
# requires-python = ">=3.11"
# dependencies = ["matplotlib>=3.10.7", "scikit-learn>=1.6", "torch>=2.9", "tyro>=0.9"]
# ///
r"""
Diffusion: from noise to data in small moves
============================================

We have many examples, say images of digits, and want a new one that could have been
among them. To *generate* is to make one. A computer can easily make *noise*: random
numbers that mean nothing. Diffusion turns noise into data.

**The noising rule.** Take an example, called *clean*, and noise of the same size, and
mix them: mixed = a · clean + s · noise. Here a = 1 - t and s = t, where t is the *share
of noise*, from 0 to 1. At t = 0 the mix is the example itself. At t = 0.5 it is half
example, half noise. At t = 1 it is pure noise, and nothing is left of the example. The
noise is *Gaussian*: each number is drawn from the bell curve around 0 whose *standard
deviation* is 1, so that two thirds of them are between -1 and 1. This is what
``torch.randn`` does.

**The training rule.** A network is shown a mix and its t. It has to guess the clean
example. It cannot be sure, since many examples could have become this mix. Training
punishes the square of its error, and then the best guess is the *mean* of all that it
could have been, the likely ones counting more. A network that guesses the clean example
is called a *denoiser*.

**What is wrong with one move?** Show the denoiser pure noise. Any example could have
become this, so its best guess is the mean of all examples. Let half of the data be -1,
and half +1: the mean is 0, and 0 is no datum, none of the data. The mean of all digits
is a grey spot.

**The sampling rule.** So do not believe the guess at once. Move only a little towards
it, as if a bit of the noise were gone. Then guess again. Pure noise says nothing of the
example. But of what is a mix now, the place says something: examples near it count
more, and the guess is a little less of a mean. With n moves left, go 1/n of the way:
with 100 left, go a hundredth of it; with one left, go all of it. (In the field a move
is called a *sampling step*. We say move, because training has steps, too.)

**The experiment.** First the data are points in a plane, in three heaps. There the best
guess can be computed by a formula, and the network has to find it from examples. We
generate points in one move and in a hundred, from the same noise and with the same
network, and ask how far they are from unseen data. How far is far? The *control* is the
distance between two sets of true data: a perfect generator would come to about that.
And so that nobody can say it was the network's fault, one move is also tried with the
best guess itself. At the end we try handwritten digits, without a formula.

:Run: ``python more/diffusion.py --seed 1``
:Shapes: B points or images, D numbers in each, K heaps
:Paper: Ho, Jain, Abbeel 2020, https://arxiv.org/abs/2006.11239; Liu, Gong, Liu 2022,
    https://arxiv.org/abs/2209.03003 (with our noising and sampling rule)
"""

import math
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn import datasets
from torch import Tensor, nn

ASK = "From pure noise to data: in one move, or in a hundred?"
CLAIM = (
    "From points in three heaps, a network learns the best guess to within a tenth of "
    "the spread of the data. With it, a hundred moves make new data, at most 3 times "
    "as far from unseen data as true data are. One move makes the mean, where there is "
    "no datum: more than 40 times as far, and so it is with the best guess itself. "
    "With digits, a hundred moves come to at most 5 times as far, and one move to more "
    "than 15 times."
)
CENTRES = torch.tensor([[-1.5, 1.0], [1.5, 1.0], [0.0, -1.5]])  # of the three heaps
SHARES = torch.tensor([0.5, 0.3, 0.2])  # half of all points are in the first heap
WIDTH = 0.2  # the standard deviation of the points in a heap
POINTS = 10_000  # to learn from
SETS = 20  # of generated points, and of unseen ones
EACH = 500  # points in a set
FEW = {1, 2, 5, 10}  # numbers of moves, to be compared with a hundred


# %%
# With a pencil: the best guess
# -----------------------------
# The clean number is -1 or +1, each as often. We are shown the mix x, and its t. If the
# clean number was c, then x = (1 - t) · c + t · noise, so the noise must have been (x -
# (1 - t) · c) / t. Noise near 0 is common, large noise is rare: the bell curve says
# that the noise z is as likely as exp(-z² / 2). So both numbers get this weight.
#
# Let t = 0.5 and x = 0.5. For c = +1 the noise was 0, with the weight 1. For c = -1 it
# was 2, with the weight exp(-2) = 0.135. The mean, with these weights, is (1 · 1 -
# 0.135 · 1) / 1.135 = 0.76. With t = 1, the noise was x, whatever c is: both weights
# are equal, and the mean is 0.
#
# Why guess a mean that is neither -1 nor +1? Because of the square. If both are equally
# likely, the guess 0 always has the squared error 1. The guess +1 has 0 or 4: 2 on
# average.
def guess_by_hand(x: float, t: float) -> float:
    """The mean of all that the clean number could be, if it is -1 or +1."""
    total = 0.0
    weights = 0.0
    for clean in (-1.0, 1.0):
        noise = (x - (1 - t) * clean) / t
        weight = math.exp(-(noise**2) / 2)
        total += weight * clean
        weights += weight
    return total / weights


def try_it_out(clean: Tensor, x: float, t: float) -> float:
    """The same without a formula: mix all these numbers, and see which became x."""
    mixed = (1 - t) * clean + t * torch.randn_like(clean)
    near = (mixed - x).abs() < 0.02
    return clean[near].mean().item()


def guess_with_a_pencil() -> None:
    clean = torch.randint(2, (1_000_000,)) * 2.0 - 1  # a million times 0 - 1 or 2 - 1
    print("The clean number is -1 or +1. Best guess by hand, and by trying it out:")
    for x, t in [(0.5, 0.5), (0.5, 0.75), (0.5, 1.0)]:
        by_hand = guess_by_hand(x, t)
        tried = try_it_out(clean, x, t)
        print(f"    mix {x:.2f}, share of noise {t:.2f}: {by_hand:6.2f} {tried:7.2f}")
    print()


# %%
# With a pencil: one, two and four moves
# --------------------------------------
# We start with the noise 0.8. In one move we go all the way to the best guess at pure
# noise, and stand at 0, where no datum is. In two moves we first go half of the way, to
# 0.4. This is just what a mix of both would be, of the guess 0 and the noise 0.8, with
# t = 0.5: 0.5 · 0 + 0.5 · 0.8 = 0.4. So we may ask for the best guess at such a mix.
# (It is a mix with a guess, not with a datum. In small moves this matters less, for the
# guess gets better on the way.) It is no longer 0: it is 0.66. With one move left we go
# all the way there. In four moves we come to 1.00, which is a datum.
def walk(x: float, moves: int) -> list[float]:
    """All places from pure noise x on."""
    places = [x]
    for left in range(moves, 0, -1):  # with 4 moves: 4, 3, 2, 1 are left
        t = left / moves
        x = x + (guess_by_hand(x, t) - x) / left
        places.append(x)
    return places


def walk_with_a_pencil() -> None:
    print("From the noise 0.8:")
    for moves in (1, 2, 4):
        shown = ", ".join(f"{place:.2f}" for place in walk(0.8, moves))
        print(f"    number of moves {moves}: {shown}")
    print()


# %%
# With a pencil: data in one heap
# -------------------------------
# Data need not be -1 or +1. Now let them be Gaussian: a *heap* around its centre c,
# with the standard deviation w, its width. Mixed with noise, they lie around a · c.
# They are scattered for two reasons: the data were, which gives a standard deviation of
# a · w; and there is noise, which gives s. The squares of both add up: v = (a · w)² +
# s².
#
# A mix x is off a · c by x - a · c. Of this, the part (a · w)² / v is owed to the data,
# on average, and the rest to noise. (We do not derive this; below we try it out.) In
# the mix, the data are a times as large. So we divide by a: the clean number is off c
# by (x - a · c) · a · w² / v, on average. That is the best guess.
#
# Let c = 1, w = 1, and t = 0.5. Then a = s = 0.5, and v = 0.25 + 0.25 = 0.5. For x = 1
# the guess is 1 + (1 - 0.5) · 0.5 / 0.5 = 1.5. With t = 1, a is 0: the guess is the
# centre, the mean of the data, whatever x is.
def guess_of_a_heap(x: float, t: float, centre: float, width: float) -> float:
    a = 1 - t
    s = t
    variance = (a * width) ** 2 + s**2
    return centre + (x - a * centre) * a * width**2 / variance


def heap_with_a_pencil() -> None:
    clean = 1 + torch.randn(1_000_000)
    print("The clean number is in a heap around 1, of width 1. The same two guesses:")
    for x, t in [(1.0, 0.5), (1.0, 0.75), (1.0, 1.0)]:
        by_hand = guess_of_a_heap(x, t, centre=1.0, width=1.0)
        tried = try_it_out(clean, x, t)
        print(f"    mix {x:.2f}, share of noise {t:.2f}: {by_hand:6.2f} {tried:7.2f}")
    print()


# %%
# Points in three heaps
# ---------------------
# Choose a heap by its share, and scatter a point around its centre. Such data are
# called a *Gaussian mixture*. The best guess at them puts together what we have seen.
# Each heap makes the guess that would be best if it were the only one. Its weight is
# its share, times how likely its mixes are to lie here: exp(-d² / (2 · v)), where d is
# the distance from x to a · c. Then take the mean, as with -1 and +1.
def make_points(count: int) -> Tensor:
    heaps = torch.multinomial(SHARES, count, replacement=True)  # numbers of the heaps
    return CENTRES[heaps] + WIDTH * torch.randn(count, 2)  # (B, 2)


def best_guess(x: Tensor, t: Tensor) -> Tensor:
    """The mean of all clean points that mixes (B, 2) could come from, with the shares
    of noise (B, 1)."""
    a = 1 - t  # (B, 1)
    s = t  # (B, 1)
    variance = (a * WIDTH) ** 2 + s**2  # (B, 1)
    # An index of None adds a dimension of size one: each point meets each heap.
    off = x[:, None] - a[:, None] * CENTRES  # (B, K, 2)
    guesses = CENTRES + off * (a * WIDTH**2 / variance)[:, None]  # (B, K, 2)
    squares = off.square().sum(dim=2)  # (B, K)
    # A softmax takes exp of each number, and divides by the sum. So the weights sum to
    # one, and the exp of a share's logarithm is the share itself.
    weights = (SHARES.log() - squares / (2 * variance)).softmax(dim=-1)  # (B, K)
    return (weights[:, :, None] * guesses).sum(dim=1)  # (B, 2)


# %%
# The network guesses an arrow
# ----------------------------
# An arrow leads from the noise to the clean example: arrow = clean - noise. The mix
# lies on it. With t = 0.3, three tenths of the arrow are still to go from there: clean
# = mixed + t · arrow. (Put in mixed = (1 - t) · clean + t · noise, and see.) So who
# knows the arrow knows the clean example, and the best guess of one makes the best
# guess of the other.
#
# Why not guess the clean example directly? Near the end, t is small, and the mix is
# nearly clean. The network would have to hand on its input with hardly any error. With
# the arrow, the input goes on by itself, and an error of the network counts t times
# only. (Many networks guess the noise: the same knowledge once
# more. With an arrow, diffusion is also called *flow matching*.)
#
# Between the linear layers stands *SiLU*, a smooth relative of ReLU: large numbers
# pass, and numbers far below 0 become almost 0.
class Denoiser(nn.Module):
    """Mixes (B, D) and their shares of noise (B, 1) -> arrows (B, D)."""

    def __init__(self, size: int, hidden: int):
        super().__init__()
        self.size = size
        self.first = nn.Linear(size + 1, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.third = nn.Linear(hidden, size)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        if x.dim() != 2 or x.shape[1] != self.size:
            raise ValueError(f"expected (B, {self.size}), got {tuple(x.shape)}")
        if t.shape != (len(x), 1):
            raise ValueError(f"expected (B, 1), got {tuple(t.shape)}")
        h = torch.cat([x, t], dim=1)  # (B, D + 1)
        h = F.silu(self.first(h))
        h = F.silu(self.second(h))
        return self.third(h)  # (B, D)

    def guess(self, x: Tensor, t: Tensor) -> Tensor:
        """The clean example, as far as one can tell: the share t is still to go."""
        return x + t * self(x, t)  # (B, D)


# %%
# Training
# --------
# Each step draws examples, and for each of them new noise and a new t. The loss does
# not fall to 0, and could not: many arrows lead through the same mix, and the network
# can only learn their mean.
def train(
    network: Denoiser,
    examples: Tensor,
    steps: int,
    watch: Callable[[int, float], None] | None = None,
) -> None:
    """Train `network`; `watch`, if given, is called with each step and its loss."""
    optimizer = torch.optim.Adam(network.parameters(), lr=0.003)
    # The learning rate falls to 0 in a straight line, so that the network settles.
    schedule = torch.optim.lr_scheduler.LinearLR(
        optimizer, start_factor=1.0, end_factor=0.0, total_iters=steps
    )

    for step in range(steps):
        clean = examples[torch.randint(len(examples), (128,))]  # (B, D)
        noise = torch.randn_like(clean)  # (B, D)
        t = torch.rand_like(clean[:, :1])  # (B, 1)
        mixed = (1 - t) * clean + t * noise  # (B, D)
        loss = F.mse_loss(network(mixed, t), clean - noise)
        optimizer.zero_grad()  # forget the gradients of the last step
        loss.backward()  # how does the loss depend on each parameter?
        optimizer.step()  # change each parameter a little, against its gradient
        schedule.step()
        if watch is not None:
            watch(step, loss.item())


def print_loss(step: int, loss: float) -> None:
    if step % 500 == 0:
        print(f"    step {step:4}: loss {loss:.3f}")


# %%
# Sampling
# --------
# The walk that we took with a pencil, for many points at once. Chance is only in the
# noise at the beginning: the same noise always leads to the same place. (There are
# rules that add some fresh noise in each move.)
#
# It takes any function that guesses, the network's or the formula.
Guess = Callable[[Tensor, Tensor], Tensor]


def generate(guess: Guess, noise: Tensor, moves: int) -> list[Tensor]:
    """All places (B, D), from the noise on; the last one is what was generated."""
    x = noise
    places = [x]
    with torch.no_grad():  # nothing is learned here
        for left in range(moves, 0, -1):
            t = torch.full_like(x[:, :1], left / moves)  # (B, 1)
            x = x + (guess(x, t) - x) / left  # (B, D)
            places.append(x)
    return places


# %%
# How far is one set of points from another?
# ------------------------------------------
# We cannot compare point by point: no generated point belongs to a certain datum. So we
# take 2 times the mean distance from the points of one set to those of the other, and
# subtract the mean distance within the one set, and that within the other. This is the
# *energy distance*. (Within a set, each point also meets itself, at distance 0.)
#
# On paper: data -1 and +1, generated 0 and 0. Between the sets each distance is 1, so
# the mean is 1. Within the data the distances are 0, 2, 2, 0: 1 on average. Within the
# generated all are 0. The energy distance is 2 · 1 - 1 - 0 = 1. Had we generated -1 and
# +1, it would be 2 · 1 - 1 - 1 = 0. It is 0 if both sets are the same, and never less.
# So it also notices what is missing: whoever generates only +1 is far from these data.
def between(xs: Tensor, ys: Tensor) -> float:
    return torch.cdist(xs, ys).mean().item()  # each of the one with each of the other


def distance(xs: Tensor, ys: Tensor) -> float:
    return 2 * between(xs, ys) - between(xs, xs) - between(ys, ys)


def distance_with_a_pencil() -> None:
    data = torch.tensor([[-1.0], [1.0]])
    zeros = torch.zeros(2, 1)
    print(f"Energy distance of -1 and 1 from 0 and 0: {distance(data, zeros):.1f}")
    print(f"                 from -1 and 1 once more: {distance(data, data):.1f}\n")


# %%
# First experiment: does the network find the best guess?
# -------------------------------------------------------
# It never sees the formula. We compare both guesses of the clean point on new mixes.
# The *gap* is a typical distance between them: square all distances, take the mean, and
# then the root. To see whether that is much, we compare it with the *spread*, which is
# the same for the distances between the data and their mean.
def root_mean_square(off: Tensor) -> float:
    return off.square().sum(dim=1).mean().sqrt().item()


def compare_guesses(network: Denoiser) -> dict[str, float]:
    clean = make_points(POINTS)  # (B, 2)
    t = torch.rand(POINTS, 1)  # (B, 1)
    mixed = (1 - t) * clean + t * torch.randn(POINTS, 2)  # (B, 2)
    with torch.no_grad():
        gap = root_mean_square(network.guess(mixed, t) - best_guess(mixed, t))
    spread = root_mean_square(clean - clean.mean(dim=0))
    print(f"Network and formula are {gap:.3f} apart on average.")
    print(f"The spread of the data is {spread:.3f}.\n")
    return {"gap": gap, "spread": spread}


# %%
# Second experiment: one move, or a hundred?
# ------------------------------------------
# Even two sets of true data are a little apart: they are different points, and in one
# set there may be more of the first heap than in the other. The more points in a set,
# the less. How much is also luck, so we take means of 20 pairs of sets. In the same way
# we compare 20 generated sets with 20 unseen ones.
#
# Easier to imagine, and also printed: the share of points that lie in a heap, less than
# three widths from its centre. Of true data it is 98.9 %. Of a hundred moves it is a
# little less: a few points stop between the heaps.
def mean_distance(xs: Tensor, ys: Tensor) -> float:
    distances = []
    for some, others in zip(xs.split(EACH), ys.split(EACH), strict=True):
        distances.append(distance(some, others))
    return mean(distances)


def in_a_heap(xs: Tensor) -> float:
    nearest = torch.cdist(xs, CENTRES).amin(dim=1)  # (B,)
    return (nearest < 3 * WIDTH).float().mean().item()


def generate_points(
    network: Denoiser, moves: int
) -> tuple[dict[str, float], dict[int, list[Tensor]]]:
    """How far generated points are from unseen ones, in distances of true data; and all
    places of the first set, for each number of moves."""
    unseen = make_points(SETS * EACH)  # (B, 2)
    control = mean_distance(make_points(SETS * EACH), unseen)
    noise = torch.randn(SETS * EACH, 2)  # (B, 2)
    print(f"True data are {control:.4f} from unseen data. In such distances:")
    print("    moves    network   in a heap    best guess")
    numbers = {"control": control}
    paths = {}
    for count in sorted(FEW | {moves}):
        places = generate(network.guess, noise, count)
        best = generate(best_guess, noise, count)
        far = mean_distance(places[-1], unseen) / control
        best_far = mean_distance(best[-1], unseen) / control
        inside = in_a_heap(places[-1])
        print(f"    {count:5}{far:11.1f}{inside:12.1%}{best_far:14.1f}")
        numbers |= {f"far_{count}": far, f"best_{count}": best_far}
        numbers[f"inside_{count}"] = inside
        paths[count] = [place[:EACH] for place in places]
    the_mean = (SHARES[:, None] * CENTRES).sum(dim=0)  # (2,)
    numbers["off_mean"] = root_mean_square(paths[1][-1] - the_mean)
    print(f"One move ends {numbers['off_mean']:.3f} from the mean of the data.\n")
    return numbers, paths


# %%
# Third experiment: digits
# ------------------------
# 1,797 handwritten digits of 8 x 8 pixels come with scikit-learn: to us, points with 64
# coordinates. Paper is -1 here and ink is 1, so that the numbers are about as large as
# noise. Half of the digits are for training, and half stay unseen. The control is the
# distance between the two halves.
#
# For all digits that could be written, nobody knows a formula. For those of the
# training set one is known: a mean of them, with weights, as with -1 and +1. Who
# follows it exactly ends at one of them. Does the network only copy its training
# digits? Then each generated digit would lie on one of them. So we look how far it is
# from the nearest one, and compare with unseen digits. Ours are farther away than
# these: they are new, and a bit rough.
def two_halves() -> tuple[Tensor, Tensor]:
    pixels = torch.tensor(datasets.load_digits().data).float()  # (B, 64)
    mixed = torch.randperm(len(pixels))
    digits = (pixels / 8 - 1)[mixed]  # (B, 64)
    half = len(digits) // 2
    return digits[:half], digits[half:]


def nearest(xs: Tensor, ys: Tensor) -> float:
    """The mean distance from each of xs to the nearest of ys."""
    return torch.cdist(xs, ys).amin(dim=1).mean().item()


def generate_digits(
    steps: int, moves: int
) -> tuple[dict[str, float], dict[str, Tensor]]:
    training, unseen = two_halves()
    network = Denoiser(size=64, hidden=256)
    print("A network learns from digits:")
    train(network, training, steps, print_loss)
    noise = torch.randn_like(unseen)  # (B, 64)
    control = distance(training, unseen)
    print(f"Two halves of the digits are {control:.4f} apart. In such distances:")
    print("    moves    network")
    numbers = {"digits_control": control}
    made = {}
    for count in sorted(FEW | {moves}):
        made[count] = generate(network.guess, noise, count)[-1]  # (B, 64)
        far = distance(made[count], unseen) / control
        print(f"    {count:5}{far:11.1f}")
        numbers[f"digits_{count}"] = far

    numbers["nearest_made"] = nearest(made[moves], training)
    numbers["nearest_unseen"] = nearest(unseen, training)
    print("From the nearest training digit, on average:")
    print(f"    a generated digit {numbers['nearest_made']:.2f}")
    print(f"    an unseen digit   {numbers['nearest_unseen']:.2f}\n")
    return numbers, {"unseen": unseen, f"{moves} moves": made[moves], "1 move": made[1]}


# %%
# When does the claim hold?
# -------------------------
# One move makes the mean if what it makes is less than a fifth of the spread of the
# data away from it. It is not exactly the mean, for the network is not exactly the
# formula.
def claim_holds(numbers: dict[str, float]) -> bool:
    learns = numbers["gap"] < 0.1 * numbers["spread"]
    many_is_data = numbers["far_many"] <= 3
    one_is_far = numbers["far_1"] > 40
    best_is_far = numbers["best_1"] > 40
    one_is_the_mean = numbers["off_mean"] < 0.2 * numbers["spread"]
    points = learns and many_is_data and one_is_far and best_is_far and one_is_the_mean
    digits_are_near = numbers["digits_many"] <= 5
    mean_is_no_digit = numbers["digits_1"] > 15
    return points and digits_are_near and mean_is_no_digit


# %%
# The picture
# -----------
def draw_cloud(ax: Axes, points: Tensor, title: str) -> None:
    for centre in CENTRES.tolist():
        heap = plt.Circle(centre, 3 * WIDTH, fill=False, linestyle=":", linewidth=1.5)
        ax.add_patch(heap)
    ax.scatter(points[:, 0], points[:, 1], s=3, color="tab:blue")
    ax.set_title(title, fontsize=13)
    ax.set(xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[], aspect="equal")


def figure(many: list[Tensor], one: list[Tensor]) -> Figure:
    """The cloud at five times on its way in many moves, and before and after one."""
    fig, axes = plt.subplot_mosaic(
        [["0", "1", "2", "3", "4"], ["before", "way", "way", "way", "after"]],
        figsize=(8, 4.5),
        layout="constrained",
    )
    moves = len(many) - 1
    for quarter in range(5):
        done = round(quarter * moves / 4)
        draw_cloud(axes[str(quarter)], many[done], f"{done} moves")
    draw_cloud(axes["before"], one[0], "the same noise")
    draw_cloud(axes["after"], one[1], "one move")
    arrow = {"arrowstyle": "-|>", "linewidth": 2.5, "mutation_scale": 25}
    arrow |= {"color": "black"}
    axes["way"].annotate("", xy=(1, 0.5), xytext=(0, 0.5), arrowprops=arrow)
    axes["way"].text(0.5, 0.6, "all the way at once", ha="center", fontsize=14)
    axes["way"].set(xticks=[], yticks=[])
    axes["way"].axis("off")
    fig.suptitle(f"From noise to data: {moves} moves above, one below", fontsize=16)
    return fig


# %%
# A second picture: digits
# ------------------------
def figure_digits(rows: dict[str, Tensor]) -> Figure:
    """Eight digits (B, 64) of each kind: unseen, made in many moves, and in one."""
    fig, axes = plt.subplots(len(rows), 8, figsize=(8, 4.5), layout="constrained")
    for row, (name, images) in zip(axes, rows.items(), strict=True):
        for ax, image in zip(row, images[:8], strict=True):
            ax.imshow(image.view(8, 8).numpy(), cmap="gray_r", vmin=-1, vmax=1)
            ax.set(xticks=[], yticks=[])
        row[0].set_ylabel(name, fontsize=14)
    fig.suptitle("Real digits, and two ways to make some", fontsize=16)
    return fig


# %%
# The lesson
# ----------
def main(steps: int = 3000, moves: int = 100, seed: int = 0) -> dict[str, float]:
    """From pure noise to data: in one move, or in a hundred?

    Args:
        steps: number of training steps, each on 128 examples
        moves: how many moves lead from noise to data, to be compared with one
        seed: of everything random
    """
    for name, value in [("steps", steps), ("moves", moves)]:
        if value < 1:
            sys.exit(f"--{name} must be at least 1, got {value}")
    print(f"{ASK}\n")
    torch.manual_seed(seed)
    guess_with_a_pencil()
    walk_with_a_pencil()
    heap_with_a_pencil()
    distance_with_a_pencil()

    network = Denoiser(size=2, hidden=128)
    print("A network learns from points in three heaps:")
    train(network, make_points(POINTS), steps, print_loss)
    numbers = compare_guesses(network)
    found, paths = generate_points(network, moves)
    numbers |= found
    numbers["far_many"] = found[f"far_{moves}"]
    of_digits, rows = generate_digits(steps, moves)
    numbers |= of_digits
    numbers["digits_many"] = of_digits[f"digits_{moves}"]

    holds = claim_holds(numbers)
    verdict = "holds" if holds else "does NOT hold"
    if moves != 100:
        verdict += ", but it speaks of --moves 100"
    print(f"{textwrap.fill(CLAIM)}\nIn this run the claim {verdict}.")
    Path("figures").mkdir(exist_ok=True)
    figure(paths[moves], paths[1]).savefig("figures/diffusion.png", dpi=160)
    figure_digits(rows).savefig("figures/diffusion_digits.png", dpi=160)
    return numbers | {"holds": float(holds)}


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
            print(end="", flush=True)
        except BrokenPipeError:  # who reads this has enough, as with `| head -1`
            sys.stdout = None
        except OSError as error:  # a folder that cannot be written, a full disk
            sys.exit(f"{type(error).__name__}: {error}")
    plt.show()  # a window, where there is a screen
