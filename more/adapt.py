# /// script
# requires-python = ">=3.11"
# dependencies = ["matplotlib>=3.10.7", "scikit-learn>=1.6", "torch>=2.9", "tyro>=0.9"]
# ///
r"""
Learn something new, and change almost nothing
==============================================

A network can read digits. Now it shall read them in a mirror. To *adapt* a network is
to train it further, on something new. What it learned before is its *pretraining*. The
plain way to adapt it is *full fine-tuning*: training may change all of its
*parameters*, the numbers that training can change at all. The largest networks have
billions of them, and who adapts one to a hundred tasks keeps a hundred copies. Must all
of these numbers really change?

**A linear layer** multiplies its input by a *matrix* W, a table of numbers, and adds a
vector, the *bias*. Nearly all parameters of our network stand in such matrices. We
*freeze* them, and the biases too: training must not touch them any more. Beside each
matrix W we put another one, just as large, the *update*, and the layer computes with
W + update. Only the update is learned.

**Rank.** So far nothing is saved. But not every update is allowed, only a special kind:
a column of numbers times a row of numbers. This is called an *outer product*; the next
part makes one by hand. Say W has 128 rows and 128 columns. Then the column has 128
numbers, and so has the row: 256 numbers stand for a table of 16,384. A matrix of this
kind has *rank* 1. The sum of two of them has rank 2, that of r of them rank r (unless
they are not all needed, as when two are equal: then one that is doubled will do). Our
table can have a rank of up to 128: a sum of 128 outer products can be any table at all.

**LoRA**, *low-rank adaptation*, is this: freeze W, and learn an update of a low rank.
It is written ``scale * columns @ rows``. ``columns`` holds the r columns side by side,
and ``rows`` the r rows below each other. (The paper calls them B and A.) Their matrix
product, ``columns @ rows``, is the sum of the r outer products. The *scale*, 2 here,
says how strongly the update counts. We choose it once; it is not learned.

**The experiment.** A network learns to read upright digits. Then we adapt it to
mirrored ones, with updates of rank 1, 2 and 4, and by full fine-tuning. We test it on
mirrored digits that nobody has used before. If a low rank is enough: is it because
mirrored digits are easy, or because the network could read before? The *control* is to
tell. It has the same updates, the same digits and as many steps, but its frozen numbers
are those that the network had before its pretraining. They are random.

:Run: ``python more/adapt.py --seed 1``
:Shapes: B images, R rank of the update
:Paper: Hu et al. 2021, https://arxiv.org/abs/2106.09685
"""

import copy
import math
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn import datasets
from torch import Tensor, nn

ASK = "How few numbers of a network must change, if it is to learn something new?"
CLAIM = (
    "An update of rank 1, with less than 3 % as many numbers as the network, is enough "
    "to name more than 80 % of mirrored digits, if the network can read upright ones. "
    "Without an update it names less than 60 %. With rank 4 it is less than 6 "
    "percentage points below a training of all numbers. On random numbers the same "
    "updates do not get as far: rank 1 is more than 15 points worse there, though full "
    "training from the same start names more than 90 %. When an update is merged into "
    "the weights, no score changes by more than rounding does."
)
HIDDEN = 128  # numbers between two layers
BATCH = 64  # images in one step of training
RANKS = (1, 2, 4)
SCALE = 2.0  # what every update is multiplied by
LEARN_RATE = 0.003  # the learning rate of the pretraining
UPDATE_RATES = (0.003, 0.01, 0.03)  # to choose from, for an update
FULL_RATES = (0.001, 0.003)  # to choose from, if all numbers may change
Set = tuple[Tensor, Tensor]  # images (B, 64) and their labels (B,)


# %%
# With a pencil: a table made of a column and a row
# -------------------------------------------------
# The column b is (1, 2, 3), and the row a is (2, 0, -1, 1). In their outer product, row
# i and column j have the number b[i] * a[j]:
#
# * 1 times the row: 2, 0, -1, 1
# * 2 times the row: 4, 0, -2, 2
# * 3 times the row: 6, 0, -3, 3
#
# Seven numbers make a table of twelve. All rows are multiples of one row: this is what
# rank 1 means.
#
# What does a layer with this table do? Multiply it by the input x = (1, 5, 0, 2). Each
# row gives one number: multiply by x, number by number, and add up. The first row gives
# 2 + 0 + 0 + 2 = 4, the second 8, the third 12. It is quicker to begin with the row a:
# a times x is 4. Then 4 times the column (1, 2, 3) is (4, 8, 12). So a table of rank 1
# looks at its input through one number only, here 4, and all that it can answer are
# multiples of one column. A table of rank r has r such numbers in the middle.
def outer_product(column: list[float], row: list[float]) -> list[list[float]]:
    table = []
    for b in column:
        table.append([b * a for a in row])
    return table


def times(table: list[list[float]], x: list[float]) -> list[float]:
    """The table, a list of rows, times the input x: one number for each row."""
    results = []
    for row in table:
        total = 0.0
        for weight, number in zip(row, x, strict=True):
            total += weight * number
        results.append(total)
    return results


def column_and_row() -> None:
    column = [1.0, 2.0, 3.0]
    row = [2.0, 0.0, -1.0, 1.0]
    x = [1.0, 5.0, 0.0, 2.0]
    table = outer_product(column, row)
    print(f"Column (1, 2, 3) times row (2, 0, -1, 1):\n    {table}")
    theirs = torch.outer(torch.tensor(column), torch.tensor(row))
    print(f"torch.outer says:\n    {theirs.tolist()}")
    print(f"Its rank, as PyTorch finds it: {torch.linalg.matrix_rank(theirs)}")

    (in_the_middle,) = times([row], x)
    quicker = [b * in_the_middle for b in column]
    print(f"The table times (1, 5, 0, 2): {times(table, x)}")
    print(f"By way of the one number {in_the_middle:.0f}:    {quicker}\n")


# %%
# With a pencil: why one of the two starts at 0, and not both
# -----------------------------------------------------------
# At the start an update should change nothing: the network would forget what it can do.
# So let b be 0. Then b times a is 0, whatever a is. Is that a place to learn from?
#
# Take the smallest layer: one weight w = 1, frozen. Its update is a column of one
# number, b = 0, times a row of one number, a = 3. It computes y = w x + b a x. The
# input is x = 2, so y is 2. It should be -1. The error is 2 - -1 = 3, and the loss is
# its square, 9. How fast does the loss grow with b, and with a? The chain rule says:
# twice the error, times how fast y grows.
#
# * y grows a x = 6 times as fast as b. The gradient of b is 2 * 3 * 6 = 36.
# * y grows b x = 0 times as fast as a. The gradient of a is 2 * 3 * 0 = 0.
#
# So the first step of training moves b alone. Then b is no longer 0, and from there on
# a learns, too. If both were 0, both gradients would be 0, nothing would move, and
# nothing would ever be learned. (If a were 0 and b not, it would work as well.)
def gradients(a: float, b: float) -> tuple[float, float]:
    """The gradients of a and b for w = 1 and x = 2, if y should be -1."""
    w = 1.0
    x = 2.0
    target = -1.0
    error = w * x + b * a * x - target
    return 2 * error * b * x, 2 * error * a * x


def at_the_start() -> None:
    for first_a, first_b in [(3.0, 0.0), (0.0, 0.0)]:
        of_a, of_b = gradients(first_a, first_b)
        a = nn.Parameter(torch.tensor(first_a))
        b = nn.Parameter(torch.tensor(first_b))
        loss = (1.0 * 2.0 + b * a * 2.0 + 1.0) ** 2
        loss.backward()
        print(f"a = {first_a:.0f}, b = {first_b:.0f}: the gradients of a and b are")
        print(f"    by hand {of_a:.0f} and {of_b:.0f}", end="")
        print(f"   PyTorch {a.grad.item():.0f} and {b.grad.item():.0f}")
    print()


# %%
# A frozen layer and its update
# -----------------------------
# ``requires_grad_(False)`` freezes the layer: PyTorch computes no gradients for its
# numbers, and so no step changes them. Only ``columns`` and ``rows`` learn. The input
# first meets the rows: each makes one number of it. These r numbers then say how much
# of each column is in the output.
#
# The columns start at 0. The rows start at random, so that no two look for the same.
# (Many random numbers add up to something large. So we divide a row by the root of how
# many numbers it has.) In code, images are rows of a table ``x``: ``x @ self.rows.T``
# multiplies each image by each of the r rows. (``.T`` exchanges rows and columns.)
#
# *Merging.* W x + update x is (W + update) x. So after training we can add the update
# to W, and have a plain layer again, which computes the same and costs no more than
# before. Or we leave the update beside W. Then it can be taken away again, and the
# network reads upright digits as before.
class LowRank(nn.Module):
    def __init__(self, linear: nn.Linear, rank: int):
        super().__init__()
        inputs = linear.in_features
        self.linear = linear
        self.linear.requires_grad_(False)
        self.rows = nn.Parameter(torch.randn(rank, inputs) / math.sqrt(inputs))
        self.columns = nn.Parameter(torch.zeros(linear.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        in_the_middle = x @ self.rows.T  # (B, R)
        return self.linear(x) + SCALE * in_the_middle @ self.columns.T

    def merged(self) -> nn.Linear:
        """One plain layer that computes the same."""
        linear = copy.deepcopy(self.linear)
        with torch.no_grad():  # this is no part of training
            linear.weight += SCALE * self.columns @ self.rows
        return linear


# %%
# The network
# -----------
# Images have 8 x 8 = 64 pixels here. There are three linear layers, one after the
# other. Each makes 128 numbers of what it gets, and ReLU puts 0 in place of the
# negative ones. A last linear layer makes ten scores, one for each digit. The largest
# score is the answer.
class Reader(nn.Module):
    """Images (B, 64) -> scores (B, 10); ValueError for another shape."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(64, HIDDEN)
        self.second = nn.Linear(HIDDEN, HIDDEN)
        self.third = nn.Linear(HIDDEN, HIDDEN)
        self.last = nn.Linear(HIDDEN, 10)

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 2 or x.shape[1] != 64:
            raise ValueError(f"expected (B, 64), got {tuple(x.shape)}")
        x = F.relu(self.first(x))  # (B, 128)
        x = F.relu(self.second(x))
        x = F.relu(self.third(x))
        return self.last(x)  # (B, 10)


# %%
# From a network to an adapted one, and back
# ------------------------------------------
# Each of the four layers gets an update. This is done on a copy: the network itself
# stays as it is, and can be adapted again. How many numbers may change then? A row is
# as long as the input of its layer, a column as its output. So for rank 1 the first
# layer has 64 + 128 numbers, the next two have 128 + 128 each, and the last 128 + 10:
# together 842. For rank r there are r times as many. The network itself has 42,634.
def adapt(network: Reader, rank: int) -> Reader:
    """A copy whose layers are frozen, and have updates of this rank."""
    adapted = copy.deepcopy(network)
    for name, layer in list(adapted.named_children()):
        setattr(adapted, name, LowRank(layer, rank))  # adapted.first, and so on
    return adapted


def merge(adapted: Reader) -> Reader:
    """A plain network that computes the same as the adapted one."""
    merged = copy.deepcopy(adapted)
    for name, layer in adapted.named_children():
        setattr(merged, name, layer.merged())
    return merged


def learning(network: nn.Module) -> list[nn.Parameter]:
    """The parameters that are not frozen."""
    return [p for p in network.parameters() if p.requires_grad]


def count(parameters: list[nn.Parameter]) -> int:
    return sum(p.numel() for p in parameters)


# %%
# Digits, and digits in a mirror
# ------------------------------
# 1,797 real handwritten digits come with scikit-learn; a pixel is 0 where the paper is
# white, 1 where all is ink, and between where there is some. What is learned upright
# and what is learned in the mirror are the same 1,000 digits. They are mixed anew for
# each seed, and dealt: 1,000 to train with (the *training set*), 300 to choose the
# learning rate by (the *validation set*), and 497 for the test. No digit is in two
# sets.
def deal(seed: int) -> list[Set]:
    """Training, validation and test set."""
    digits = datasets.load_digits()  # pixels from 0 to 16
    images = torch.tensor(digits.data / 16).float()  # (B, 64)
    labels = torch.tensor(digits.target)  # (B,)
    torch.manual_seed(seed)
    mixed = torch.randperm(len(images))
    sets = []
    for chosen in (mixed[:1000], mixed[1000:1300], mixed[1300:]):
        sets.append((images[chosen], labels[chosen]))
    return sets


def mirror(digits: Set) -> Set:
    """The same digits, with left and right exchanged."""
    images, labels = digits
    squares = images.view(-1, 8, 8)  # (B, 8, 8)
    return squares.flip(2).flatten(1), labels


# %%
# Training
# --------
# The *loss* says how wrong the network is. With the pencil it was a squared error. Here
# a softmax turns the scores into probabilities, positive numbers whose sum is 1, and
# the loss is -log of the probability of the label. The optimizer gets only what is not
# frozen.
def train(
    network: nn.Module,
    digits: Set,
    steps: int,
    rate: float,
    watch: Callable[[int, float], None] | None = None,
) -> None:
    """Train `network`; `watch`, if given, is called after each step, with its loss."""
    images, labels = digits
    optimizer = torch.optim.Adam(learning(network), lr=rate)
    for step in range(steps):
        chosen = torch.randint(len(images), (BATCH,))  # (B,)
        loss = F.cross_entropy(network(images[chosen]), labels[chosen])
        optimizer.zero_grad()  # forget the gradients of the last step
        loss.backward()  # how does the loss depend on each parameter?
        optimizer.step()  # change each parameter a little, against its gradient
        if watch is not None:
            watch(step, loss.item())


def print_loss(step: int, loss: float) -> None:
    if step % 50 == 0:
        print(f"    step {step:3}: loss {loss:.3f}")


def accuracy(network: nn.Module, digits: Set) -> float:
    """The share of digits whose largest score is that of their label."""
    images, labels = digits
    with torch.no_grad():
        scores = network(images)  # (B, 10)
    return (scores.argmax(dim=1) == labels).float().mean().item()


# %%
# A fair try for each
# -------------------
# An update may need another learning rate than full fine-tuning, and random numbers
# another one than pretrained ones. So each is trained with several rates, from the
# same start, and the validation set decides which one is kept. The test set is not
# asked.
def fine_tuned(start: Reader, digits: list[Set], steps: int, seed: int) -> Reader:
    """All numbers may change."""
    tries = []
    for rate in FULL_RATES:
        torch.manual_seed(seed)  # the same batches for all rates
        network = copy.deepcopy(start)
        train(network, digits[0], steps, rate)
        tries.append(network)
    return best_on_validation(tries, digits[1])


def updated(
    start: Reader, rank: int, digits: list[Set], steps: int, seed: int
) -> Reader:
    """Only an update of this rank is learned."""
    tries = []
    for rate in UPDATE_RATES:
        torch.manual_seed(seed)  # the same first rows, and the same batches
        network = adapt(start, rank)
        train(network, digits[0], steps, rate)
        tries.append(network)
    return best_on_validation(tries, digits[1])


def best_on_validation(tries: list[Reader], validation: Set) -> Reader:
    best = tries[0]
    for network in tries:
        if accuracy(network, validation) > accuracy(best, validation):
            best = network
    return best


# %%
# What merging changes
# --------------------
# On paper nothing. A computer rounds, and rounds elsewhere if it adds in another order.
# So we compare in ``double``, with some 16 digits, where rounding is far smaller than
# anything a mistake would do.
def change_by_merging(adapted: Reader, images: Tensor) -> float:
    """The largest difference between the scores before and after merging."""
    precise = copy.deepcopy(adapted).double()
    with torch.no_grad():
        before = precise(images.double())  # (B, 10)
        after = merge(precise)(images.double())  # (B, 10)
    return (before - after).abs().max().item()


# %%
# When does the claim hold?
# -------------------------
# Full training from the random start is part of the claim: it shows that the task can
# be learned from there, with as many digits and steps, if only enough may change.
def claim_holds(numbers: dict[str, float]) -> bool:
    few_numbers = numbers["share_1"] < 0.03
    enough = numbers["pretrained_1"] > 0.80
    something_new = numbers["without_update"] < 0.60
    behind = numbers["pretrained_all"] - numbers["pretrained_4"]
    as_good = behind < 0.06
    worse = numbers["pretrained_1"] - numbers["random_1"]
    pretraining_counts = worse > 0.15
    fair = numbers["random_all"] > 0.90
    merges = numbers["change_by_merging"] < 1e-9
    adapts = few_numbers and enough and something_new and as_good
    return adapts and pretraining_counts and fair and merges


# %%
# The picture
# -----------
STARTS = {"pretrained": "could read upright digits", "random": "random numbers"}


def figure(digits: Set, numbers: dict[str, float]) -> Figure:
    """One digit upright and mirrored; and the accuracy for each rank."""
    fig = plt.figure(figsize=(8, 4.5), layout="constrained")
    grid = fig.add_gridspec(2, 2, width_ratios=[1, 3.4])
    nine = (digits[1] == 9).int().argmax()  # the first one: its left is not its right
    both = [("learned first", digits), ("to be learned", mirror(digits))]
    for i, (title, (images, _)) in enumerate(both):
        ax = fig.add_subplot(grid[i, 0])
        ax.imshow(images[nine].view(8, 8).numpy(), cmap="gray_r")
        ax.set_title(title, fontsize=13)
        ax.set_xticks([])
        ax.set_yticks([])
    draw_accuracy(fig.add_subplot(grid[:, 1]), numbers)
    fig.suptitle("How few numbers must change to read in a mirror?", fontsize=16)
    return fig


def draw_accuracy(ax: Axes, numbers: dict[str, float]) -> None:
    names = [*(str(rank) for rank in RANKS), "all"]
    ticks = [f"rank {rank}\n{numbers[f'share_{rank}']:.0%}" for rank in RANKS]
    ticks.append("all\n100%")
    styles = {"pretrained": "o-", "random": "s--"}
    colors = {"pretrained": "black", "random": "tab:orange"}
    for start, label in STARTS.items():
        heights = [numbers[f"{start}_{name}"] for name in names]
        ax.plot(
            range(4),
            heights,
            styles[start],
            color=colors[start],
            linewidth=3,
            markersize=9,
            label=label,
        )
    ax.axhline(
        numbers["without_update"],
        color="gray",
        linestyle=":",
        linewidth=2,
        label="read before, no update",
    )
    ax.set_xticks(range(4), ticks, fontsize=13)
    ax.set_xlabel("numbers that may change, as a share of the network", fontsize=12)
    ax.set_ylabel("right on unseen mirrored digits", fontsize=12)
    ax.set_ylim(0, 1.03)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(fontsize=12, loc="lower right")


# %%
# The lesson
# ----------
def main(steps: int = 300, seed: int = 0) -> dict[str, float]:
    """How few numbers of a network must change, if it is to learn something new?

    Args:
        steps: of each training
        seed: of everything random
    """
    if steps < 1:
        sys.exit(f"--steps must be at least 1, got {steps}")
    print(f"{ASK}\n")
    column_and_row()
    at_the_start()

    upright = deal(seed)
    mirrored = [mirror(digits) for digits in upright]
    torch.manual_seed(seed)
    network = Reader()
    starts = {"random": copy.deepcopy(network), "pretrained": network}
    print("Pretraining on upright digits:")
    train(network, upright[0], steps, LEARN_RATE, watch=print_loss)
    numbers = {
        "upright": accuracy(network, upright[2]),
        "without_update": accuracy(network, mirrored[2]),
    }
    print(f"    right on unseen digits {numbers['upright']:.1%},", end=" ")
    print(f"on mirrored ones {numbers['without_update']:.1%}\n")

    total = count(learning(network))
    for start, first in starts.items():
        for rank in RANKS:
            adapted = updated(first, rank, mirrored, steps, seed)
            numbers[f"{start}_{rank}"] = accuracy(adapted, mirrored[2])
            numbers[f"share_{rank}"] = count(learning(adapted)) / total
        tuned = fine_tuned(first, mirrored, steps, seed)
        numbers[f"{start}_all"] = accuracy(tuned, mirrored[2])
    # The pretrained network came last: this is its update of the largest rank.
    numbers["change_by_merging"] = change_by_merging(adapted, mirrored[2][0])

    print("Adapted to mirrored digits; right on unseen ones:")
    print("                numbers   share   could read    random")
    for rank in RANKS:
        share = numbers[f"share_{rank}"]
        print(f"    rank {rank}  {round(share * total):12,}{share:8.1%}", end="")
        print(f"{numbers[f'pretrained_{rank}']:13.1%}{numbers[f'random_{rank}']:10.1%}")
    print(f"    all     {total:12,}{1:8.1%}", end="")
    print(f"{numbers['pretrained_all']:13.1%}{numbers['random_all']:10.1%}")
    changed = numbers["change_by_merging"]
    print(f"Merging rank 4 into the weights changes scores by {changed:.0e} at most.\n")

    verdict = "does NOT hold"
    if claim_holds(numbers):
        verdict = "holds"
    print(f"{textwrap.fill(CLAIM)}\nIn this run the claim {verdict}.")
    Path("figures").mkdir(exist_ok=True)
    figure(upright[2], numbers).savefig("figures/adapt.png", dpi=160)
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
