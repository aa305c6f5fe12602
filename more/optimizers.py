# /// script
# requires-python = ">=3.11"
# dependencies = ["matplotlib>=3.10.7", "torch>=2.9", "tyro>=0.9"]
# ///
r"""
Optimizers in a turned valley
=============================

Training goes downhill. The weights of a network say where it stands, and its loss is
the height there. Nobody sees the landscape; all that can be felt is the slope under
one's feet. For each weight, the *gradient* says how fast the height grows if that
weight grows. A step against it leads down. The *learning rate*, a small number, says
how far: the gradient is multiplied by it. An *optimizer* is the rule that makes steps
out of gradients.

**A valley** is the simplest landscape in which this is hard. It is steep across and
flat along. The slope grows with the distance from the bottom, and across it grows 1000
times as fast as along: this ratio is the *condition number*. With a learning rate that
is right for the direction along, a step across would leap far over the bottom and up
the other side. So the learning rate must be small, and the way along takes long.

**Three optimizers:**

1. *Gradient descent* subtracts the gradient, times the learning rate.
2. With *momentum*, it goes as with a ball that rolls: it keeps a part of its velocity
   from step to step. Pushes to and fro, across the valley, cancel out; those along it
   add up.
3. *Adam* gives each weight a step length of its own. It takes an average of the past
   gradients of this weight, and divides it by the root of the average of their squares.
   If all gradients of a weight are 1000 times as large, so are both, and the step
   stays the same.

**The experiment.** A *ball* is a place in the valley, that is, a pair of weights. Each
optimizer takes 20 balls to the bottom, and we count its steps. At first the valley lies
along the axes: one weight leads across it, the other along it. Then we turn it by 45
degrees around its bottom, and the balls with it. Whoever stands in it sees no
difference. But now each of the two weights leads as much across as along. Which
optimizer notices? The *control* asks whether we could see it: we turn the paths back
and lay them over those from before, and Adam's must lie elsewhere. And we do all this
in less steep valleys, too, to see how the steps grow with the condition number.

:Run: ``python more/optimizers.py --angle 30``
:Shapes: B balls, T places on a path (the start, and one after each step)
:Paper: Polyak 1964, https://doi.org/10.1016/0041-5553(64)90137-5 (momentum); Kingma and
    Ba 2015, https://arxiv.org/abs/1412.6980 (Adam)
"""

import math
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

ASK = "We turn the valley by 45 degrees: which optimizer notices?"
CLAIM = (
    "Adam does: even with the best learning rate for the turned valley, it needs more "
    "than three times as many steps to the bottom. Gradient descent and momentum take "
    "the same paths as before, only turned: no place differs by more than a billionth. "
    "Before the turn, the steps grow with the condition number to the power of 1 for "
    "gradient descent, 1/2 for momentum and 0 for Adam, give or take a tenth."
)
NAMES = {
    "gradient_descent": "gradient descent",
    "momentum": "momentum",
    "adam": "Adam",
}
BALLS = 20
VALLEYS = ["along", "turned"]
CONDITIONS = (10, 30, 100, 300, 1000)  # the last is the valley of the claim


# %%
# With a pencil: gradient descent
# -------------------------------
# Our small valley has the height (4 x² + y²) / 2 at the place (x, y). The derivative of
# x² / 2 is x. So the gradient is (4 x, y): across, along x, the slope grows 4 times as
# fast as along y. The condition number is 4.
#
# We start at (1, 1), where the gradient is (4, 1). With a learning rate of 0.4 the step
# leads to (1 - 1.6, 1 - 0.4) = (-0.6, 0.6), and the next one to (0.36, 0.36). In each
# step x leaps over the bottom, and both numbers become smaller by the factor 0.6. No
# learning rate is better: a larger one leaps farther in x, and a smaller one leaves
# more of y.
def slope(place: list[float]) -> list[float]:
    """The gradient in the small valley."""
    x, y = place
    return [4 * x, y]


def gradient_descent(
    place: list[float],
    slope: Callable[[list[float]], list[float]],
    rate: float,
    steps: int,
) -> list[list[float]]:
    """The places after each step from this one."""
    path = []
    for _ in range(steps):
        gradient = slope(place)
        place = list(place)  # a new list: the old one stays as it is
        for i in range(len(place)):
            place[i] -= rate * gradient[i]
        path.append(place)
    return path


# %%
# With a pencil: momentum
# -----------------------
# Each number has a velocity, too, which is 0 at the start. A step keeps a part of it,
# here a half, and adds the gradient; then it subtracts the velocity, times the learning
# rate, here 0.25. From (1, 1) the gradient (4, 1) is the first velocity, and the step
# leads to (1 - 1, 1 - 0.25) = (0, 0.75). There the gradient is (0, 0.75), so the
# velocity becomes (2 + 0, 0.5 + 0.75) = (2, 1.25), and the ball rolls on to
# (-0.5, 0.4375). In x it has rolled through the bottom, in y it is getting faster.
def momentum(
    place: list[float],
    slope: Callable[[list[float]], list[float]],
    rate: float,
    keep: float,
    steps: int,
) -> list[list[float]]:
    """The places after each step; `keep` is the part of the velocity that is kept."""
    velocity = [0.0] * len(place)
    path = []
    for _ in range(steps):
        gradient = slope(place)
        place = list(place)
        for i in range(len(place)):
            velocity[i] = keep * velocity[i] + gradient[i]
            place[i] -= rate * velocity[i]
        path.append(place)
    return path


# %%
# With a pencil: Adam
# -------------------
# For each number Adam keeps two averages, of its gradients and of their squares. Both
# are *moving* averages, which slowly forget: the new one is 0.9 times the old one plus
# 0.1 times the gradient, and for the squares it is 0.999 and 0.001. At first they are
# far too small, for they begin at 0: after one step they are a tenth of the gradient
# and a thousandth of its square. So each is divided by the share of it that is there
# already: after t steps, these shares are 1 - 0.9 ** t and 1 - 0.999 ** t.
#
# So in the first step, the averages become the gradient and its square. Divided by the
# root of its square, each gradient becomes 1 (or -1): the step is as long as the
# learning rate, in each number, however large its gradient is. With 0.5 it leads from
# (1, 1) to (0.5, 0.5). And so it goes on: x and y stay equal. That the valley is four
# times as steep in x, Adam does not notice.
def adam(
    place: list[float],
    slope: Callable[[list[float]], list[float]],
    rate: float,
    steps: int,
) -> list[list[float]]:
    """The places after each step."""
    mean = [0.0] * len(place)  # of the gradients
    square = [0.0] * len(place)  # the mean of their squares
    path = []
    for step in range(1, steps + 1):
        gradient = slope(place)
        place = list(place)
        for i in range(len(place)):
            mean[i] = 0.9 * mean[i] + 0.1 * gradient[i]
            square[i] = 0.999 * square[i] + 0.001 * gradient[i] ** 2
            full_mean = mean[i] / (1 - 0.9**step)
            full_square = square[i] / (1 - 0.999**step)
            # The last number is there so that nothing is ever divided by 0.
            place[i] -= rate * full_mean / (math.sqrt(full_square) + 1e-8)
        path.append(place)
    return path


# %%
# PyTorch has all three
# ---------------------
# ``SGD`` is gradient descent; the S is for *stochastic*, by chance, because in training
# each step sees only some of the examples. Ours sees the whole valley.
def make_optimizer(
    name: str, place: nn.Parameter, rate: float, keep: float = 0.0
) -> torch.optim.Optimizer:
    """PyTorch's optimizer of this name; `keep` is for momentum."""
    if name == "adam":
        return torch.optim.Adam([place], lr=rate)
    return torch.optim.SGD([place], lr=rate, momentum=keep)


def with_a_pencil() -> None:
    start = [1.0, 1.0]
    ours = {
        "gradient_descent": gradient_descent(start, slope, rate=0.4, steps=2),
        "momentum": momentum(start, slope, rate=0.25, keep=0.5, steps=2),
        "adam": adam(start, slope, rate=0.5, steps=2),
    }
    print("Two steps from (1, 1), by hand and by PyTorch:")
    for name, rate, keep in [
        ("gradient_descent", 0.4, 0.0),
        ("momentum", 0.25, 0.5),
        ("adam", 0.5, 0.0),
    ]:
        place = nn.Parameter(torch.tensor(start, dtype=torch.float64))
        optimizer = make_optimizer(name, place, rate, keep)
        print(NAMES[name])
        for by_hand in ours[name]:
            gradient = slope(place.tolist())
            place.grad = torch.tensor(gradient, dtype=torch.float64)
            optimizer.step()
            x, y = place.tolist()
            ours_now = f"({by_hand[0]:7.4f}, {by_hand[1]:7.4f})"
            print(f"    {ours_now}   PyTorch ({x:7.4f}, {y:7.4f})")
    print()


# %%
# A valley that can be turned
# ---------------------------
# Seen from the bottom, there are two directions, each a vector of length 1: ``across``
# and ``along``. If the valley is not turned, they are (1, 0) and (0, 1), the axes. A
# place times a direction (multiply number by number, and add up) is how far it lies in
# that direction. The height is half of the condition number times the square of the
# one, plus half of the square of the other.
class Valley(nn.Module):
    """Places (B, 2) -> their heights (B,); ValueError for another shape."""

    def __init__(self, condition: float, angle: float):
        super().__init__()
        self.condition = condition
        axes = torch.eye(2, dtype=torch.float64)  # (2, 2)
        # Across and along, a row each. A buffer belongs to a model, but is not trained.
        self.register_buffer("directions", turn(axes, angle))

    def forward(self, places: Tensor) -> Tensor:
        if places.dim() != 2 or places.shape[1] != 2:
            raise ValueError(f"expected (B, 2), got {tuple(places.shape)}")
        parts = places @ self.directions.T  # (B, 2)
        across = parts[:, 0]  # (B,)
        along = parts[:, 1]  # (B,)
        return (self.condition * across**2 + along**2) / 2  # (B,)


def turn(places: Tensor, angle: float) -> Tensor:
    """Places (B, 2), turned around (0, 0) to the left, by an angle in degrees."""
    cos = math.cos(math.radians(angle))
    sin = math.sin(math.radians(angle))
    x = places[:, 0]  # (B,)
    y = places[:, 1]  # (B,)
    return torch.stack([cos * x - sin * y, sin * x + cos * y], dim=1)  # (B, 2)


# %%
# The balls, and when they are there
# ----------------------------------
# Each ball starts at a distance of 1, in a random direction. It has reached the bottom
# as soon as its distance is a thousandth of that. Turning changes no distance, so this
# asks the same in both valleys. (Whether a ball stays there, we do not ask. If Adam
# goes on with the same learning rate, it may leave again. That is why one lowers the
# learning rate towards the end when one trains a network.)
def place_balls(seed: int) -> Tensor:
    torch.manual_seed(seed)
    places = torch.randn(BALLS, 2, dtype=torch.float64)  # (B, 2)
    return places / places.norm(dim=1, keepdim=True)  # (B, 2)


def at_the_bottom(places: Tensor, starts: Tensor) -> Tensor:
    """True for each ball that is there now."""
    return places.norm(dim=-1) <= starts.norm(dim=-1) / 1000


def all_arrived(path: Tensor) -> bool:
    """Whether each ball of a path (T, B, 2) has been at the bottom."""
    there = at_the_bottom(path, path[0])  # (T, B)
    return bool(there.any(dim=0).all())


# %%
# Training
# --------
# In other lessons these lines train a network. Here all that is trained are the places
# of the balls. PyTorch computes the gradient of a single number, so we add up the
# heights of all balls. That mixes nothing: the height of one ball does not depend on
# where another is.
def train(
    balls: nn.Parameter,
    valley: Valley,
    optimizer: torch.optim.Optimizer,
    steps: int,
    watch: Callable[[int, float], None] | None = None,
) -> Tensor:
    """The path (T, B, 2) of the balls until the last of them has been at the bottom,
    but of no more than so many steps."""
    starts = balls.detach().clone()  # (B, 2)
    arrived = torch.zeros(len(starts), dtype=torch.bool)  # (B,)
    path = [starts]
    for step in range(steps):
        loss = valley(balls).sum()
        optimizer.zero_grad()  # forget the gradients of the last step
        loss.backward()  # how does the height depend on each number?
        optimizer.step()  # change each number, against its gradient
        path.append(balls.detach().clone())
        arrived = arrived | at_the_bottom(path[-1], starts)  # (B,)
        if watch is not None:
            watch(step, loss.item())
        if arrived.all():
            break
    return torch.stack(path)  # (T, B, 2)


def print_loss(step: int, loss: float) -> None:
    if step in (0, 10, 30, 100, 300, 1000, 3000):
        print(f"    step {step:4}: all heights together {loss:.1e}")


# %%
# Who may choose which learning rate?
# -----------------------------------
# Each optimizer gets its best learning rate. For gradient descent and momentum one can
# compute it. With the rate r, a step of gradient descent multiplies the distance across
# by 1 - r * condition, and the distance along by 1 - r. The best r is 2 / (condition +
# 1): then both shrink by the same factor, (condition - 1) / (condition + 1). For
# momentum Polyak found the best rate and the best part of the velocity to keep: 0.88 of
# it, if the condition number is 1000. These formulas know nothing of the angle.
#
# For Adam there is no formula. We let all balls roll with 13 rates, from 10 down to
# 0.01, and take the one with the fewest steps, in each valley anew. (Each rate is 0.56
# times the one before. Adam's 0.9 and 0.999 stay as they are.)
RATES = [10 / 10 ** (n / 4) for n in range(13)]


def kept(name: str, condition: float) -> float:
    """The best part of the velocity to keep."""
    root = math.sqrt(condition)
    if name == "momentum":
        return ((root - 1) / (root + 1)) ** 2
    return 0.0


def roll(
    name: str,
    condition: float,
    angle: float,
    starts: Tensor,
    rate: float,
    steps: int,
    watch: Callable[[int, float], None] | None = None,
) -> Tensor:
    """The path (T, B, 2) of balls from these starts in the valley before it is turned;
    the balls are turned with it."""
    valley = Valley(condition, angle)
    balls = nn.Parameter(turn(starts, angle))  # (B, 2)
    optimizer = make_optimizer(name, balls, rate, kept(name, condition))
    return train(balls, valley, optimizer, steps, watch)


def best_rate(
    name: str, condition: float, angle: float, starts: Tensor, steps: int
) -> float:
    if name == "gradient_descent":
        return 2 / (condition + 1)
    if name == "momentum":
        return 4 / (math.sqrt(condition) + 1) ** 2
    best = RATES[0]
    for rate in RATES:
        path = roll(name, condition, angle, starts, rate, steps)
        if all_arrived(path):
            best = rate
            steps = len(path) - 2  # the next one must be faster than this one
    return best


# %%
# Why only Adam notices
# ---------------------
# Turn the valley, and each gradient turns with it. Gradient descent and momentum only
# multiply gradients by a number, and add them up. Whether one adds arrows first and
# turns the sum, or turns them first and adds: the sum is the same. So all the path
# turns, and nothing else happens to it.
#
# Adam squares and divides, and it does so number by number. Follow one ball, which lies
# 1 across and 1 along, in the valley of 1000. Along the axes it is at (1, 1), and its
# gradient is (1000, 1). In Adam's first step, each number is divided by its own size: a
# step against (1, 1) is left, and it leads straight to the bottom at (0, 0). The valley
# might as well be round.
#
# Turned by 45 degrees, the same ball is at (0, 1.41), and its gradient is (706, 708):
# both numbers are large, for the steep direction is in both. Divided each by its own
# size, (1, 1) is left again. But now this is no way to the bottom, which lies straight
# below: it is the direction across. Both numbers were divided by about the same, which
# is no more than a smaller learning rate, and the valley stays as steep across and as
# flat along as it was. In it, Adam is gradient descent with some momentum, and not the
# best amount of it: it needs more steps than momentum with its best settings.
def apart(path: Tensor, turned: Tensor, angle: float) -> float:
    """How far the paths (T, B, 2) of two valleys are apart, once the second one is
    turned back: the largest distance of a ball at the same step."""
    T = min(len(path), len(turned))
    places = turned[:T].flatten(end_dim=1)  # (T * B, 2)
    back = turn(places, -angle).view(T, -1, 2)  # (T, B, 2)
    return (back - path[:T]).norm(dim=2).max().item()


# %%
# The law: steps and condition number
# -----------------------------------
# Gradient descent shrinks all distances by (c - 1) / (c + 1) in each step, where c is
# the condition number. That is about 1 - 2 / c. To shrink to a thousandth it must be
# done about ln(1000) * c / 2 = 3.45 * c times: the steps grow as c to the power of 1.
# For momentum, in the same formula, the square root of c stands in place of c (Polyak
# 1964): the power is 1/2. But its balls must first get going, which takes longer if c
# is large, so we shall measure a little more than 1/2. And along the axes Adam's steps
# do not depend on c at all: the power is 0.
#
# To measure a power, take logarithms. If steps = a * c ** p, then log(steps) = log(a) +
# p * log(c), which is a straight line, and p says how steep it is. With noise, one
# takes the line that lies closest to all points, and that is what the function below
# computes. (It subtracts the mean of x, and not that of y: once x has mean 0, the sum
# of ``x * y`` is the same either way.)
def exponent(conditions: tuple[float, ...], steps: list[float]) -> float:
    x = torch.tensor(conditions, dtype=torch.float64).log()
    y = torch.tensor(steps, dtype=torch.float64).log()
    x = x - x.mean()
    return ((x * y).sum() / (x * x).sum()).item()


def steps_of(path: Tensor, limit: int) -> int:
    """Steps until the last ball has been at the bottom; one more than the limit, if
    some ball has not."""
    if all_arrived(path):
        return len(path) - 1
    return limit + 1


# %%
# The same for each optimizer, in each valley
# -------------------------------------------
def in_all_valleys(
    name: str, angle: float, starts: Tensor, steps: int
) -> tuple[list[int], Tensor, float]:
    """The steps for each condition number; for the last one, which is the valley of the
    claim, the path (T, B, 2) and the learning rate, too."""
    counts = []
    for condition in CONDITIONS[:-1]:
        rate = best_rate(name, condition, angle, starts, steps)
        path = roll(name, condition, angle, starts, rate, steps)
        counts.append(steps_of(path, steps))

    rate = best_rate(name, CONDITIONS[-1], angle, starts, steps)
    print(f"{NAMES[name]}, learning rate {rate:.2g}, valley turned by {angle:g}:")
    path = roll(name, CONDITIONS[-1], angle, starts, rate, steps, print_loss)
    counts.append(steps_of(path, steps))
    return counts, path, rate


def print_table(counts: dict[str, list[int]], angle: float) -> None:
    print("Steps until the last ball is at the bottom, and how they grow:")
    head = "".join(f"{condition:7,}" for condition in CONDITIONS)
    print(f"{'condition number':33}{head}  power")
    for name in NAMES:
        for which in VALLEYS:
            row = counts[f"{name}_{which}"]
            where = "along the axes"
            if which == "turned":
                where = f"turned by {angle:g}"
            cells = "".join(f"{steps:7,}" for steps in row)
            label = f"{NAMES[name]}, {where}"
            print(f"{label:33}{cells}{exponent(CONDITIONS, row):7.2f}")
    print()


# %%
# When does the claim hold?
# -------------------------
# A ball that never arrives makes no claim true. For Adam, we saw five times as many
# steps in the turned valley; we claim more than three times. The paths of the other two
# must be the same up to rounding. Could we see it, if they were not? Adam is the
# control here: with one learning rate in both valleys, its paths must be far apart.
#
# What does it mean for a network? Its axes are no accident: each of them is one weight,
# and Adam gives each weight a step length of its own. But a real landscape lies neither
# just along the axes nor just askew, and a turn need not hurt: in a network that reads
# digits, Adam even gained by one (a test of this lesson does it again). What we have
# shown says who can notice a turn, and not who gains by it.
def claim_holds(numbers: dict[str, float]) -> bool:
    all_arrive = numbers["late"] == 0
    adam_is_slower = numbers["adam_turned"] > 3 * numbers["adam_along"]
    adam_goes_elsewhere = numbers["apart_adam"] > 0.1
    descent_is_same = numbers["apart_gradient_descent"] <= 1e-9
    momentum_is_same = numbers["apart_momentum"] <= 1e-9
    descent_has_one = abs(numbers["power_gradient_descent"] - 1) <= 0.1
    momentum_has_half = abs(numbers["power_momentum"] - 1 / 2) <= 0.1
    adam_has_none = abs(numbers["power_adam"]) <= 0.1
    adam_notices = adam_is_slower and adam_goes_elsewhere
    others_do_not = descent_is_same and momentum_is_same
    laws_are_right = descent_has_one and momentum_has_half and adam_has_none
    return all_arrive and adam_notices and others_do_not and laws_are_right


# %%
# The picture
# -----------
# The darker, the higher. We draw a ball that starts near the middle of the valley: at a
# distance of about 0.1 across. One from farther up would cover the picture with its
# leaps.
def draw_path(axes: Axes, valley: Valley, path: Tensor) -> None:
    """The path (T, 2) of one ball, over lines of equal height."""
    side = torch.linspace(-1.5, 1.5, 201, dtype=torch.float64)  # (201,)
    x, y = torch.meshgrid(side, side, indexing="xy")
    places = torch.stack([x.flatten(), y.flatten()], dim=1)  # (201 * 201, 2)
    # The root of the height grows evenly up the walls, and so do the lines.
    heights = valley(places).sqrt().view(201, 201)
    highest = heights.max().item()
    axes.contourf(x, y, heights, levels=10, cmap="Greys", vmax=3 * highest)
    axes.plot(path[:, 0], path[:, 1], "k-", linewidth=0.3)
    axes.plot(path[:, 0], path[:, 1], "k.", markersize=2.5)
    axes.plot(path[0, 0], path[0, 1], "ko", markersize=9)
    axes.plot(0, 0, "k*", markersize=14, markerfacecolor="white")
    axes.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), xticks=[], yticks=[], aspect="equal")


def figure(paths: dict[str, Tensor], numbers: dict[str, float], angle: float) -> Figure:
    """The path (T, 2) of one ball for each optimizer in each valley."""
    fig, axes = plt.subplots(2, 3, figsize=(8, 4.5), layout="constrained")
    for column, name in enumerate(NAMES):
        for row, which in enumerate(VALLEYS):
            ax = axes[row, column]
            valley = Valley(CONDITIONS[-1], row * angle)  # the first is not turned
            draw_path(ax, valley, paths[f"{name}_{which}"])
            ax.set_xlabel(f"{numbers[f'{name}_{which}']:,.0f} steps", size=13)
        axes[0, column].set_title(NAMES[name], size=14)
    axes[0, 0].set_ylabel("along the axes", size=12)
    axes[1, 0].set_ylabel(f"turned by {angle:g}°", size=12)
    along = numbers["adam_along"]
    turned = numbers["adam_turned"]
    title = f"Adam needs {along:,.0f} steps along the axes, {turned:,.0f} if turned"
    fig.suptitle(title, size=16)
    return fig


# %%
# The lesson
# ----------
def main(angle: float = 45.0, steps: int = 5000, seed: int = 0) -> dict[str, float]:
    """We turn the valley: which optimizer notices?

    Args:
        angle: by how many degrees the valley is turned
        steps: that a ball may take at most
        seed: of the places where the balls start
    """
    if steps < 1:
        sys.exit(f"--steps must be at least 1, got {steps}")
    if not math.isfinite(angle):
        sys.exit(f"--angle must be a number of degrees, got {angle}")
    print(f"{ASK}\n")
    with_a_pencil()
    starts = place_balls(seed)
    shown = (starts[:, 0].abs() - 0.1).abs().argmin().item()
    counts = {}
    paths = {}
    numbers = {"late": 0.0}
    for name in NAMES:
        along, path, rate = in_all_valleys(name, 0.0, starts, steps)
        turned, other, other_rate = in_all_valleys(name, angle, starts, steps)
        print()
        same_rate = roll(name, CONDITIONS[-1], angle, starts, rate, steps)
        counts |= {f"{name}_along": along, f"{name}_turned": turned}
        paths |= {f"{name}_along": path[:, shown], f"{name}_turned": other[:, shown]}
        for row in (along, turned):
            numbers["late"] += sum(count > steps for count in row)
        numbers[f"{name}_along"] = float(along[-1])
        numbers[f"{name}_turned"] = float(turned[-1])
        numbers[f"rate_{name}_along"] = rate
        numbers[f"rate_{name}_turned"] = other_rate
        numbers[f"apart_{name}"] = apart(path, same_rate, angle)
        numbers[f"power_{name}"] = exponent(CONDITIONS, along)
        numbers[f"power_{name}_turned"] = exponent(CONDITIONS, turned)
    print_table(counts, angle)
    print("With the same learning rate in both valleys, a ball is so far from the path")
    print("of the other valley at most:")
    for name in NAMES:
        print(f"    {NAMES[name]:18}{numbers[f'apart_{name}']:.1g}")

    verdict = "does NOT hold"
    if claim_holds(numbers):
        verdict = "holds"
    print(f"\n{textwrap.fill(CLAIM)}\nIn this run the claim {verdict}.")
    Path("figures").mkdir(exist_ok=True)
    figure(paths, numbers, angle).savefig("figures/optimizers.png", dpi=160)
    return numbers | {"holds": float(claim_holds(numbers))}


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
