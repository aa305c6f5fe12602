# /// script
# requires-python = ">=3.11"
# dependencies = ["matplotlib>=3.10.7", "scikit-learn>=1.6", "torch>=2.9",
#   "torchvision>=0.24", "tyro>=0.9"]
# ///
r"""
Backpropagation: ten thousand derivatives at once
=================================================

How fast does y grow if a grows? This is the *derivative* of y with respect to a: if it
is 5, and a grows by a millionth, then y grows by about 5 millionths. Training asks
this of every weight of a network: how fast does the loss, the number that says how
wrong the network is, grow if this weight grows? The list of all answers is the
*gradient*. (A single number's part of this list is called its gradient, too.) With it,
each step of training changes all weights a little, so that the loss falls: the ones
that make it grow become smaller, the others larger.

One can try it out. Compute the loss from the weights: this is a *forward pass*. Nudge
one weight by a millionth, compute the loss again, and compare. These are *finite
differences*. They need a forward pass for every weight, in every step of training.

**The chain rule** is cheaper. If c grows 3 times as fast as a, and y grows 5 times as
fast as c, then y grows 15 times as fast as a: along a path, multiply. If there are two
paths from a to y, both count: add them up.

**The graph.** Take y = (a * b + a) * b, with a = 2 and b = 3. It is computed in three
steps: c = a * b = 6, then d = c + a = 8, then y = d * b = 24. Draw each of the five
numbers as a box, with an arrow to every number that is computed from it: this is the
*graph* of a computation. On each arrow stands a *slope*: how fast the number at its
head grows with the one at its tail, if all else stays. From d to y it is b, which is 3;
from c to d it is 1. We write the numbers on a *tape*, in the order in which they are
computed: a, b, c, d, y. So each comes after those it was computed from, which are its
*parents*. (Such an order is called *topological*.)

**Backward.** The last number on the tape is y. It grows as fast as itself, so its
gradient is 1. Now go through the tape from the end. Each number gives each of its
parents its own gradient times the slope of the arrow between them, and a parent adds up
all that it is given. So y gives 1 * 3 to d; d gives 3 * 1 to c, and 3 * 1 to a; c gives
3 * 3 to a. Now a has 3 + 9 = 12, over two paths. When we come to a number, all that was
computed from it has had its turn, so its sum is complete. One such *backward pass*
finds the gradients of all numbers. This is *backpropagation*.

**Why from the end?** One can also go forward: choose one number a, and compute of each
number on the tape, beside its value, how fast it grows with a. This is called *forward
mode*, and the way from the end *reverse mode*. In forward mode, one pass finds how all
numbers grow with one of them, so 10,000 weights need 10,000 passes. In reverse mode,
one pass finds how one number grows with all others. That is the right way round for
training: the loss is one number, and the weights are many.

**The experiment.** We build the tape and count its operations, with 100 weights, with
10,000, and with numbers in between. The *control*, what we compare with, is the plain
way: finite differences, which compute nearly the same gradients. How many operations
both need can be counted on paper. Two things could turn out wrong: whether our
gradients are those of PyTorch, and whether a network learns with them. Ours learns to
tell the digits 3 and 8 apart; who guesses is right half of the time.

:Run: ``python more/backprop.py --seed 1``
:Shapes: N images, B of them in a batch, J inputs, H hidden numbers
:Paper: Rumelhart, Hinton, Williams 1986, https://doi.org/10.1038/323533a0; Baydin et
    al. 2018, https://arxiv.org/abs/1502.05767 (a survey)
"""

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

ASK = "A function of 10,000 numbers: what does its gradient cost?"
CLAIM = (
    "At most five forward passes, be it of 100 numbers or of 10,000, and it equals "
    "PyTorch's to a ten-billionth. Finite differences need one pass for each number, "
    "and one more. A network that learns with our tape names more than 90 % of the "
    "unseen 3s and 8s correctly. For the price of its whole training, finite "
    "differences would not finish a single one of its steps."
)
BATCH = 50  # images in one step of training
SIZES = (10, 20, 40, 70, 100)  # hidden numbers of the networks whose cost we measure


# %%
# A number that remembers
# -----------------------
# Of a sum c = a + b, both slopes are 1: if a grows, c grows as fast. Of a product
# c = a * b, the slope on a's arrow is b: if a grows by 1, then c grows by b. And on b's
# arrow it is a. The ReLU is 0 for negative numbers, and leaves the others as they are:
# its slope is 0 or 1.
#
# So when a number is computed, it is easy to say the slopes on the arrows that lead to
# it. It keeps them for later, together with its *parents*, the numbers that it was
# computed from. (For ``a + b`` Python calls ``__add__``, and for ``a * b``
# ``__mul__``.)
class Number:
    def __init__(
        self,
        value: float,
        tape: list["Number"],
        parents: tuple["Number", ...] = (),
        slopes: tuple[float, ...] = (),
    ):
        self.value = value
        self.tape = tape
        self.parents = parents  # the numbers that it was computed from
        self.slopes = slopes  # how fast it grows with each of them
        self.gradient = 0.0  # how fast the last number on the tape grows with it
        tape.append(self)

    def __add__(self, other: "Number") -> "Number":
        value = self.value + other.value
        return Number(value, self.tape, (self, other), (1.0, 1.0))

    def __mul__(self, other: "Number") -> "Number":
        value = self.value * other.value
        return Number(value, self.tape, (self, other), (other.value, self.value))

    def relu(self) -> "Number":
        slope = 0.0
        if self.value > 0:
            slope = 1.0
        return Number(slope * self.value, self.tape, (self,), (slope,))


# %%
# Through the tape from its end
# -----------------------------
# This is all of backpropagation. The ``+=`` is the second half of the chain rule: a
# number that was used twice is handed two parts of its gradient. With ``=`` the second
# part would wipe out the first.
def backward(tape: list[Number]) -> int:
    """Find the gradients of all numbers on the tape; return the count of operations."""
    operations = 0
    tape[-1].gradient = 1.0
    for number in reversed(tape):
        for parent, slope in zip(number.parents, number.slopes, strict=True):
            parent.gradient += slope * number.gradient
            operations += 2  # a multiplication and an addition
    return operations


# %%
# With a pencil
# -------------
# The example from above, y = (a * b + a) * b. The tape is: a = 2, b = 3,
# c = a * b = 6, d = c + a = 8, y = d * b = 24. Now from its end, with both gradients:
#
# * y has the gradient 1. It was d * b, so it hands 1 * 3 to d, and 1 * 8 to b.
# * d has 3. It was c + a, and hands 3 to c, and 3 to a.
# * c has 3. It was a * b, so it hands 3 * 3 to a, and 3 * 2 to b.
# * b has 8 + 6 = 14, and a has 3 + 9 = 12.
#
# Both were used twice, and their parts add up. Check it: if a is 2.001, then y is
# (6.003 + 2.001) * 3 = 24.012. It has grown by 0.012, which is 12 times as much as a.
def small_tape(a: float, b: float) -> list[Number]:
    """The tape of y = (a * b + a) * b."""
    tape = []
    number_a = Number(a, tape)
    number_b = Number(b, tape)
    number_c = number_a * number_b
    number_d = number_c + number_a
    number_y = number_d * number_b
    return number_y.tape


def with_a_pencil() -> None:
    tape = small_tape(2.0, 3.0)
    backward(tape)
    print("y = (a * b + a) * b. On the tape, from its end:")
    for name, number in zip("ydcba", reversed(tape), strict=True):
        print(f"    {name} = {number.value:4.1f}, gradient {number.gradient:4.1f}")

    a = nn.Parameter(torch.tensor(2.0))
    b = nn.Parameter(torch.tensor(3.0))
    y = (a * b + a) * b
    y.backward()
    print(f"PyTorch says {b.grad:.1f} of b, and {a.grad:.1f} of a.\n")


# %%
# A network, number by number
# ---------------------------
# J inputs lead to H hidden numbers, each with J weights of its own: multiply input by
# weight, add up, and take the ReLU. Then H more weights lead to the output. The loss is
# the square of the error, and the error is the output minus the *target*, the number
# that it should be. To subtract the target, we add its negative.
def dot(xs: list[Number], weights: list[Number]) -> Number:
    total = xs[0] * weights[0]
    for i in range(1, len(xs)):
        total = total + xs[i] * weights[i]
    return total


def loss_of_numbers(
    inputs: list[Number],
    first: list[list[Number]],
    second: list[Number],
    minus_target: Number,
) -> Number:
    """`first` has a list of J weights for each hidden number, `second` H weights."""
    hidden = []
    for weights in first:
        hidden.append(dot(inputs, weights).relu())
    error = dot(hidden, second) + minus_target
    return error * error


# %%
# What does it cost?
# ------------------
# Each number on the tape that was computed from others is one operation of the forward
# pass: an addition, a multiplication or a ReLU. At most two arrows lead to it, and
# backward does two operations for each. So backward costs at most four times the
# forward pass, and both together at most five forward passes, *however many weights
# there are*.
#
# Our weights lie in two tables, ``first`` (J, H) and ``second`` (H, 1). On a tape of
# numbers there are no tables: we write down each weight by itself, and collect their
# gradients at the end.
def write_down(numbers: list[float], tape: list[Number]) -> list[Number]:
    return [Number(number, tape) for number in numbers]


def gradients_of(numbers: list[Number]) -> list[float]:
    return [number.gradient for number in numbers]


def by_tape(
    weights: list[Tensor], inputs: Tensor, target: float
) -> tuple[list[Tensor], float]:
    """The gradient by a tape of numbers, and its cost in forward passes."""
    tape = []
    columns = weights[0].T.tolist()  # H lists of J weights
    first = [write_down(column, tape) for column in columns]
    second = write_down(weights[1].flatten().tolist(), tape)
    xs = write_down(inputs.tolist(), tape)
    loss_of_numbers(xs, first, second, Number(-target, tape))

    forward_cost = sum(1 for number in tape if number.parents)
    backward_cost = backward(tape)
    rows = [gradients_of(column) for column in first]
    of_first = torch.tensor(rows, dtype=torch.float64).T  # (J, H)
    of_second = torch.tensor(gradients_of(second), dtype=torch.float64)  # (H,)
    gradient = [of_first, of_second[:, None]]
    return gradient, (forward_cost + backward_cost) / forward_cost


# %%
# The same tape, each number now a table
# --------------------------------------
# A tape of numbers is slow: Python handles each by itself. So we let each entry on the
# tape be a whole table, a PyTorch Tensor. Nothing changes but the slopes. A product of
# matrices C = A @ B has no single number for a slope. What it has is a *rule*: if G is
# the gradient of C, a table as large as C, then G @ B.T is A's part, and A.T @ G is
# B's.
#
# Why? Say A has one row, [p, q], and B two columns: their rows are [1, 2] and [3, 4].
# Then C = [p * 1 + q * 3, p * 2 + q * 4]. So p goes into C's first number with the
# slope 1, and into the second with 2. If G is [10, 100], p is given 10 * 1 + 100 * 2,
# and q 10 * 3 + 100 * 4. This is G times B with rows and columns exchanged: that is
# B.T, the *transpose* of B.
class Table:
    def __init__(
        self,
        value: Tensor,
        tape: list["Table"],
        parents: tuple["Table", ...] = (),
        rules: tuple[Callable[[Tensor], Tensor], ...] = (),
    ):
        self.value = value
        self.tape = tape
        self.parents = parents
        self.rules = rules  # each makes one input's part from this table's gradient
        self.gradient = torch.zeros_like(value)
        tape.append(self)

    def __add__(self, other: "Table") -> "Table":
        def as_it_is(gradient: Tensor) -> Tensor:
            return gradient

        value = self.value + other.value
        return Table(value, self.tape, (self, other), (as_it_is, as_it_is))

    def __mul__(self, other: "Table") -> "Table":  # number by number
        def to_self(gradient: Tensor) -> Tensor:
            return gradient * other.value

        def to_other(gradient: Tensor) -> Tensor:
            return gradient * self.value

        value = self.value * other.value
        return Table(value, self.tape, (self, other), (to_self, to_other))

    def __matmul__(self, other: "Table") -> "Table":
        def to_self(gradient: Tensor) -> Tensor:
            return gradient @ other.value.T

        def to_other(gradient: Tensor) -> Tensor:
            return self.value.T @ gradient

        value = self.value @ other.value
        return Table(value, self.tape, (self, other), (to_self, to_other))

    def relu(self) -> "Table":
        def where_positive(gradient: Tensor) -> Tensor:
            return gradient * (self.value > 0)

        value = self.value * (self.value > 0)
        return Table(value, self.tape, (self,), (where_positive,))


def backward_tables(tape: list[Table]) -> None:
    """As `backward`, but with a rule in place of each slope."""
    tape[-1].gradient = torch.ones_like(tape[-1].value)
    for table in reversed(tape):
        for parent, rule in zip(table.parents, table.rules, strict=True):
            parent.gradient += rule(table.gradient)


# %%
# The same network, with tables
# -----------------------------
# It reads B images at once, and the loss is the mean of their squared errors.
def outputs_of(first: Table, second: Table, images: Tensor) -> Table:
    """One output for each image (B, J)."""
    if images.dim() != 2 or images.shape[1] != len(first.value):
        raise ValueError(f"expected (B, {len(first.value)}), got {tuple(images.shape)}")
    hidden = (Table(images, first.tape) @ first).relu()  # B rows of H numbers
    return hidden @ second  # B rows of one number


def loss_of_tables(
    first: Table, second: Table, images: Tensor, targets: Tensor
) -> Table:
    B = len(images)
    errors = outputs_of(first, second, images) + Table(-targets, first.tape)
    squares = errors * errors
    # A row of numbers 1 / B times a column is the mean of the column.
    shares = torch.full((1, B), 1 / B, dtype=torch.float64)  # (1, B)
    return Table(shares, first.tape) @ squares


def on_tape(weights: list[Tensor]) -> tuple[list[Table], Table, Table]:
    """A new tape with nothing on it but the weights."""
    tape = []
    first = Table(weights[0], tape)
    second = Table(weights[1], tape)
    return tape, first, second


# %%
# Two other ways to the same gradient
# -----------------------------------
# PyTorch has a tape, too, and calls it *autograd*. And there are finite differences:
# they count how often they compute the loss.
def by_pytorch(weights: list[Tensor], images: Tensor, targets: Tensor) -> list[Tensor]:
    first = nn.Parameter(weights[0].clone())
    second = nn.Parameter(weights[1].clone())
    errors = F.relu(images @ first) @ second - targets
    errors.square().mean().backward()
    return [first.grad, second.grad]


def by_differences(
    weights: list[Tensor], images: Tensor, targets: Tensor
) -> tuple[list[Tensor], int]:
    """The gradient by finite differences, and how many forward passes it took."""
    nudge = 1e-6
    tape, first, second = on_tape(weights)
    before = loss_of_tables(first, second, images, targets).value.item()
    passes = 1
    gradient = []
    for table in weights:
        slopes = torch.zeros_like(table)
        for i in range(table.numel()):
            kept = table.view(-1)[i].item()
            table.view(-1)[i] = kept + nudge
            tape, first, second = on_tape(weights)
            after = loss_of_tables(first, second, images, targets).value.item()
            table.view(-1)[i] = kept
            slopes.view(-1)[i] = (after - before) / nudge
            passes += 1
        gradient.append(slopes)
    return gradient, passes


def apart(one: list[Tensor], other: list[Tensor]) -> float:
    """The largest difference of two gradients."""
    differences = [(a - b).abs().max().item() for a, b in zip(one, other, strict=True)]
    return max(differences)


# %%
# Five networks of 100 to 10,000 weights
# --------------------------------------
# A network of J = H - 1 inputs has (H - 1) * H weights in its first table, and H in the
# second: H * H together. Weights, inputs and target are random: to the cost it makes no
# difference.
def make_weights(inputs: int, hidden: int) -> list[Tensor]:
    """Random, and smaller the more there are to add up: so no sum is very large."""
    first = torch.randn(inputs, hidden, dtype=torch.float64) / inputs**0.5
    second = torch.randn(hidden, 1, dtype=torch.float64) / hidden**0.5
    return [first, second]


def measure_costs(seed: int) -> list[dict[str, float]]:
    """What the gradient of each network costs, and how far each is from PyTorch's."""
    torch.manual_seed(seed)
    print("What a gradient costs, in forward passes:")
    print("    weights    by tape    by finite differences")
    rows = []
    for H in SIZES:
        weights = make_weights(H - 1, H)
        image = torch.randn(1, H - 1, dtype=torch.float64)
        target = torch.randn(1, 1, dtype=torch.float64)
        ours, passes = by_tape(weights, image[0], target.item())
        slow, many = by_differences(weights, image, target)
        theirs = by_pytorch(weights, image, target)
        row = {"weights": H * H, "tape": passes, "differences": many}
        row["tape_apart"] = apart(ours, theirs)
        row["differences_apart"] = apart(slow, theirs)
        rows.append(row)
        print(f"    {H * H:7,}{passes:11.2f}{many:25,}")
    return rows


# %%
# Threes and eights
# -----------------
# These two look much alike. Half-size images are enough (each 2 x 2 pixels replaced by
# their mean), so there are 14 * 14 = 196 pixels. (The small digits were enlarged from
# 8 x 8, and some 70 of the unseen ones are 3s and 8s.) One more input is always 1: its
# weights play the part of *biases*, numbers that most layers add to their sums. The
# target is 1 for an eight, and -1 for a three. With 50 hidden numbers the network has
# 50 * 197 + 50 = 9,900 weights.
def threes_and_eights(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The inputs (N, J) and targets (N, 1) of these two digits only."""
    chosen = (labels == 3) | (labels == 8)
    small = F.avg_pool2d(images[chosen], kernel_size=2)  # (N, 1, 14, 14)
    pixels = small.flatten(start_dim=1).double()  # (N, 196)
    ones = torch.ones(len(pixels), 1, dtype=torch.float64)  # (N, 1)
    inputs = torch.cat([pixels, ones], dim=1)  # (N, J)
    targets = torch.full((len(pixels), 1), -1.0, dtype=torch.float64)  # (N, 1)
    targets[labels[chosen] == 8] = 1.0
    return inputs, targets


# %%
# Training
# --------
# The usual loop, with nothing of PyTorch's but its tables. Each step begins a new tape,
# so all gradients begin with 0, and those of the last step are forgotten. Plain
# gradient descent changes the weights: from each it subtracts its gradient, times the
# *learning rate*.
RATE = 0.03


def train(
    weights: list[Tensor],
    images: Tensor,
    targets: Tensor,
    steps: int,
    watch: Callable[[int, float], None] | None = None,
) -> None:
    """Train `weights`; `watch`, if given, is called with each step and its loss."""
    shuffled = torch.randperm(len(images))  # the numbers of the images, mixed
    for step in range(steps):
        numbers = torch.arange(step * BATCH, (step + 1) * BATCH)  # 0 ... 49, 50 ...
        batch = shuffled[numbers % len(images)]  # after the last image, the first again
        tape, first, second = on_tape(weights)  # forget the gradients of the last step
        loss = loss_of_tables(first, second, images[batch], targets[batch])
        backward_tables(tape)  # how does the loss depend on each weight?
        # Change each weight a little, against its gradient.
        weights[0] -= RATE * first.gradient
        weights[1] -= RATE * second.gradient
        if watch is not None:
            watch(step, loss.value.item())


def print_loss(step: int, loss: float) -> None:
    if step % 40 == 0:
        print(f"    step {step:3}: loss {loss:.3f}")


def accuracy(weights: list[Tensor], images: Tensor, targets: Tensor) -> float:
    """The share of images whose output has the sign of the target."""
    tape, first, second = on_tape(weights)
    outputs = outputs_of(first, second, images).value  # (N, 1)
    return ((outputs > 0) == (targets > 0)).double().mean().item()


# %%
# A network learns to read
# ------------------------
# To be fair to finite differences, we count the training as if it had used the tape of
# numbers, and not the faster one of tables. We count the passes that one image costs;
# each further image costs the same, in both ways.
def learn_to_read(data: str, steps: int, seed: int) -> dict[str, float]:
    images, labels, test_images, test_labels = load_digits(data)
    inputs, targets = threes_and_eights(images, labels)
    test_inputs, test_targets = threes_and_eights(test_images, test_labels)
    torch.manual_seed(seed)
    weights = make_weights(inputs=197, hidden=50)
    untrained = accuracy(weights, test_inputs, test_targets)

    tape, first, second = on_tape(weights)
    loss_of_tables(first, second, inputs[:BATCH], targets[:BATCH])
    backward_tables(tape)
    ours = [first.gradient, second.gradient]
    theirs = by_pytorch(weights, inputs[:BATCH], targets[:BATCH])
    _, passes = by_tape(weights, inputs[0], targets[0].item())

    train(weights, inputs, targets, steps, print_loss)
    return {
        "untrained": untrained,
        "read": accuracy(weights, test_inputs, test_targets),
        "tables_apart": apart(ours, theirs),
        "passes": steps * passes,
        "steps_by_differences": steps * passes / (50 * 198 + 1),
    }


# %%
# When does the claim hold?
# -------------------------
# That five passes are enough is certain beforehand, if the tape is right, and so is the
# price of finite differences. What could come out otherwise: that the gradients are
# those of PyTorch, and that a network learns with them.
#
# Finite differences could use one image in each step, in place of 50. For the same
# price they would then come to five steps. And with ``--steps 2000`` the claim does not
# hold: the training then costs more than 9,901 passes, which is one step of finite
# differences.
def claim_holds(numbers: dict[str, float]) -> bool:
    tape_is_cheap = numbers["tape_most"] <= 5
    tape_is_right = numbers["tape_apart"] <= 1e-10
    tables_are_right = numbers["tables_apart"] <= 1e-10
    one_pass_for_each = numbers["differences_100"] == 101
    many_for_many = numbers["differences_10000"] == 10_001
    network_reads = numbers["read"] > 0.90
    no_step_without = numbers["steps_by_differences"] < 1
    gradients_are_right = tape_is_right and tables_are_right
    differences_are_dear = one_pass_for_each and many_for_many and no_step_without
    return (
        tape_is_cheap and gradients_are_right and differences_are_dear and network_reads
    )


# %%
# The picture
# -----------
# On the left, the example with a pencil as a graph: values, gradients, and the slopes
# on the arrows. On the right, the cost; on both axes, each labelled mark is ten times
# the one before.
PLACES = {"a": (0, 2), "b": (0, 0), "c": (1, 1), "d": (2, 2), "y": (3, 1)}
FORMULAS = {"a": "a", "b": "b", "c": "c = a·b", "d": "d = c + a", "y": "y = d·b"}


def draw_graph(axes: Axes, tape: list[Number]) -> None:
    """The small tape: its boxes, and arrows with the slopes on them."""
    names = {}
    boxes = {}
    for name, number in zip(PLACES, tape, strict=True):
        x, y = PLACES[name]
        label = f"{FORMULAS[name]} = {number.value:g}\ngradient {number.gradient:g}"
        box = {"boxstyle": "round", "facecolor": "white"}
        text = axes.text(x, y, label, ha="center", va="center", size=11, bbox=box)
        names[number] = name
        boxes[number] = text.get_bbox_patch()
    for number in tape:
        for parent, slope in zip(number.parents, number.slopes, strict=True):
            x, y = PLACES[names[number]]
            from_x, from_y = PLACES[names[parent]]
            arrow = {"arrowstyle": "-|>", "color": "black", "mutation_scale": 16}
            arrow |= {"patchA": boxes[parent], "patchB": boxes[number]}
            axes.annotate("", xy=(x, y), xytext=(from_x, from_y), arrowprops=arrow)
            axes.text(
                (x + from_x) / 2,
                (y + from_y) / 2,
                f"× {slope:g}",
                ha="center",
                va="center",
                size=11,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )
    axes.set(xlim=(-0.6, 3.6), ylim=(-0.4, 2.4), xticks=[], yticks=[])
    axes.axis("off")


def figure(rows: list[dict[str, float]]) -> Figure:
    """The small graph, and the cost of each gradient in forward passes."""
    fig, (left, right) = plt.subplots(
        1, 2, figsize=(8, 4.5), layout="constrained", width_ratios=[5, 4]
    )
    tape = small_tape(2.0, 3.0)
    backward(tape)
    draw_graph(left, tape)
    weights = [row["weights"] for row in rows]
    tape_costs = [row["tape"] for row in rows]
    differences = [row["differences"] for row in rows]
    right.loglog(weights, differences, "k--s", label="finite differences")
    right.loglog(weights, tape_costs, "-o", linewidth=3, label="tape")
    right.set(xlabel="weights", ylabel="forward passes", ylim=(1, 30_000))
    right.legend(loc="upper left")
    right.spines[["top", "right"]].set_visible(False)
    last = rows[-1]
    fig.suptitle(
        f"The gradient of {last['weights']:,} numbers: {last['tape']:.1f} passes by "
        f"tape, {last['differences']:,} without",
        size=14,
    )
    return fig


# %%
# The lesson
# ----------
def main(
    steps: int = 200, data: Literal["digits", "mnist"] = "digits", seed: int = 0
) -> dict[str, float]:
    """A function of 10,000 numbers: what does its gradient cost?

    Args:
        steps: number of training steps, each on 50 images
        data: 1,797 small digits, offline; or MNIST, fetched once (11 MB)
        seed: of everything random
    """
    if steps < 1:
        sys.exit(f"--steps must be at least 1, got {steps}")
    print(f"{ASK}\n")
    with_a_pencil()
    rows = measure_costs(seed)
    numbers = {
        "tape_most": max(row["tape"] for row in rows),
        "tape_100": rows[0]["tape"],
        "tape_10000": rows[-1]["tape"],
        "tape_apart": max(row["tape_apart"] for row in rows),
        "differences_100": float(rows[0]["differences"]),
        "differences_10000": float(rows[-1]["differences"]),
        "differences_apart": max(row["differences_apart"] for row in rows),
    }
    print("So far is the gradient from PyTorch's at most:")
    print(f"    by tape {numbers['tape_apart']:.1g}")
    print(f"    by finite differences {numbers['differences_apart']:.1g}\n")

    print("A network of 9,900 weights learns to tell 3 from 8:")
    numbers |= learn_to_read(data, steps, seed)
    print(f"It names {numbers['read']:.1%} of the unseen ones correctly.")
    print(f"(Before training it was {numbers['untrained']:.1%}.)")
    print(f"The training cost {numbers['passes']:,.0f} forward passes of a batch.")
    print("With as many, finite differences would have come to")
    print(f"{numbers['steps_by_differences']:.2f} steps.\n")

    verdict = "does NOT hold"
    if claim_holds(numbers):
        verdict = "holds"
    print(f"{textwrap.fill(CLAIM)}\nIn this run the claim {verdict}.")
    Path("figures").mkdir(exist_ok=True)
    figure(rows).savefig("figures/backprop.png", dpi=160)
    return numbers | {"holds": float(claim_holds(numbers))}


# %%
# Real handwritten digits
# -----------------------
# The small ones come with scikit-learn. MNIST is a well-known collection of 70,000. It
# is fetched once, into the folder data, or the one that the environment variable
# NN_DATA names. In both, a pixel is 0 where the paper is white, and 1 where there is
# ink.
def load_digits(data: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images (N, 1, 28, 28) in [0, 1], labels (N,), to train on; others to test on."""
    if data == "mnist":
        from torchvision.datasets import MNIST

        folder = os.environ.get("NN_DATA", "data")
        try:
            seen = MNIST(folder, train=True, download=True)
            unseen = MNIST(folder, train=False, download=True)
        # no internet, or half a file
        except (OSError, RuntimeError, ValueError, AssertionError, KeyError) as error:
            said = f"{folder}/MNIST is not complete, and could not be fetched"
            wish = "Remove it and try again, or use --data digits"
            sys.exit(f"--data mnist: {said} ({type(error).__name__}). {wish}.")
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
            print(end="", flush=True)
        except BrokenPipeError:  # who reads this has enough, as with `| head -1`
            sys.stdout = None
        except OSError as error:  # a folder that cannot be written, a full disk
            sys.exit(f"{type(error).__name__}: {error}")
    plt.show()  # a window, where there is a screen
