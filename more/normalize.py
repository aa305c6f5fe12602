# /// script
# requires-python = ">=3.11"
# dependencies = ["matplotlib>=3.10.7", "scikit-learn>=1.6", "torch>=2.9", "tyro>=0.9"]
# ///
r"""
Normalization: numbers that are kept in range
=============================================

A network hands numbers from layer to layer. If the weights of a layer are large, then
its numbers are large, too, and so are those of all layers behind it. It is hard to
train a network whose numbers grow from layer to layer, or shrink.

**To normalize** some numbers is to do two things. Subtract their *mean*: now they lie
around 0. Divide by their *standard deviation*, which says how far from their mean they
lie: now this distance is about 1. (The *variance* is the mean of the squared distances,
and the standard deviation is its root.) Multiply all numbers by 100, and both the mean
and the standard deviation become 100 times as large: the result stays the same.

**Which numbers?** A network reads many images at once, a *batch*. Between two layers
there is a table: a row for each image, and a column for each number that the layer
computes of it. *Batch norm* normalizes each column: one number, as it is in all images
of the batch. *Layer norm* normalizes each row: all numbers of one image. In both, each
column is then multiplied by a number of its own, its *gamma*, and another one, its
*beta*, is added. These two are learned, so the network may choose another range for a
column, if it needs one. A layer that normalizes is called a *norm* for short.

**Company.** With batch norm, what the network says of an image depends on the other
images of its batch: they are part of the mean. But later, when the network is used, an
image may come alone. So batch norm remembers means and variances from its training, its
*running statistics*. Once the network is told to ``eval()``, it uses these, and company
no longer matters. Layer norm looks at one image only. It needs no company, and nothing
to remember.

**The experiment.** Three networks read digits. They differ in one thing: between their
layers there is batch norm, layer norm, or nothing. First we take them as they are
before any training, and multiply the weights of all hidden layers by 100. (The *hidden*
layers are all but the last, which makes the scores.) Then we begin anew, with weights
of the usual size, and train the networks with seven learning rates; the network without
a norm is the *control*. At last we ask those that were trained with the rate 0.3 for
the same digits in other company. Here layer norm is the control.

:Run: ``python more/normalize.py --seed 1``
:Shapes: B images in a batch, H numbers of each
:Paper: Ioffe, Szegedy 2015, https://arxiv.org/abs/1502.03167; Ba, Kiros, Hinton 2016,
    https://arxiv.org/abs/1607.06450
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
from matplotlib.figure import Figure
from sklearn import datasets
from torch import Tensor, nn

ASK = "We multiply the weights of all hidden layers by 100: who notices?"
CLAIM = (
    "With batch norm or layer norm, nobody who sees the scores: they change by less "
    "than a thousandth. Without a norm they become a million times as large. But with "
    "a norm the gradient of these weights becomes a hundredth: large weights learn "
    "slowly. A learning rate of 3 leads to more than 90 % with batch norm, and so does "
    "1,000, if only the hidden layers get it; without a norm neither does. The price "
    "is company: in batches of four, more than a quarter of the answers change with "
    "the other three, and among digits of its own kind batch norm names less than 30 % "
    "correctly. With layer norm, company changes less than one answer in a hundred."
)
SIZE = 64  # pixels of an image, and numbers behind each hidden layer
BATCH = 100  # images in one step of training
RATES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)  # learning rates that we try
KEPT = 0.3  # one that works for all three networks
HUGE = 1000.0  # a learning rate for hidden layers alone
NORMS = {"none": "without a norm", "batch": "batch norm", "layer": "layer norm"}
Set = tuple[Tensor, Tensor]  # images (B, 64) and their labels (B,)


# %%
# With a pencil: to normalize
# ---------------------------
# The numbers 0, 6, 6, 8 have the mean 20 / 4 = 5. They lie -5, 1, 1 and 3 from it. The
# squares of these are 25, 1, 1 and 9, and their mean is the variance: 36 / 4 = 9. The
# standard deviation is the root, 3. So the numbers become -5/3, 1/3, 1/3 and 1. Now
# take 0, 600, 600, 800: the mean is 500, the standard deviation 300, and the result is
# the same.
#
# If all numbers are equal, we would divide 0 by 0. So a very small number, *epsilon*,
# is added to the variance before the root is taken. Because of it, two results that
# should be equal differ a little, here behind the sixth digit.
EPSILON = 1e-5


def normalize(numbers: list[float]) -> list[float]:
    mean = sum(numbers) / len(numbers)
    squares = [(number - mean) ** 2 for number in numbers]
    variance = sum(squares) / len(numbers)
    deviation = math.sqrt(variance + EPSILON)
    return [(number - mean) / deviation for number in numbers]


def aligned(numbers: list[float]) -> str:
    return " ".join(f"{number:6.2f}" for number in numbers)


def with_a_pencil() -> None:
    for numbers in ([0.0, 6.0, 6.0, 8.0], [0.0, 600.0, 600.0, 800.0]):
        column = torch.tensor(numbers)[:, None]  # (B, 1)
        theirs = nn.BatchNorm1d(1)(column).flatten()  # (B,)
        print(f"{numbers} normalized:")
        print(f"    by hand        {aligned(normalize(numbers))}")
        print(f"    nn.BatchNorm1d {aligned(theirs.tolist())}")
    print()


# %%
# With a pencil: down the columns, or along the rows
# --------------------------------------------------
# Here are four images with three numbers each. The second column is 10 times the first,
# and the third 100 times. Batch norm goes down: all three columns become the same. It
# has forgotten that one column was larger than another. Layer norm goes along: the last
# three images become the same, although the numbers of the fourth are larger. It has
# forgotten that one image was larger than another. (The first image has variance 0:
# thanks to epsilon it becomes zeros.)
TABLE = [[0.0, 0, 0], [6, 60, 600], [6, 60, 600], [8, 80, 800]]


def down_or_along() -> None:
    table = torch.tensor(TABLE)  # (B, H)
    down = [normalize(column) for column in table.T.tolist()]
    along = [normalize(row) for row in table.tolist()]
    by_hand = {"batch norm": torch.tensor(down).T, "layer norm": torch.tensor(along)}
    built_in = {"batch norm": nn.BatchNorm1d(3), "layer norm": nn.LayerNorm(3)}
    print("     the table               batch norm              layer norm")
    for row in range(4):
        batch = aligned(by_hand["batch norm"][row].tolist())
        layer = aligned(by_hand["layer norm"][row].tolist())
        print(f"{aligned(TABLE[row])}    {batch}    {layer}")
    for name, ours in by_hand.items():
        same = torch.allclose(ours, built_in[name](table), atol=1e-5)
        print(f"PyTorch's {name} says the same: {same}")
    print()


# %%
# With a pencil: running statistics
# ---------------------------------
# In training, batch norm remembers. The running mean begins at 0, and each batch moves
# it by a tenth of the way to the mean of that batch. The mean of 0, 6, 6, 8 is 5, so
# the running mean becomes 0.5; after 50 such batches it is almost 5.
#
# The running variance begins at 1. For it we divide the sum of the squares not by 4 but
# by 3, one less: 36 / 3 = 12. Why? It is to hold for all images, and the batch is only
# a few of them. These lie closer to their own mean than to that of all images, so their
# squares come out too small; to divide by one less makes up for it. The running
# variance becomes 0.9 * 1 + 0.1 * 12 = 2.1.
#
# So batch norm has two variances. It divides by the one over 4, and remembers the one
# over 3.
NEW = 0.1  # the part that a new batch has in the running statistics


def moved(running: float, new: float) -> float:
    return (1 - NEW) * running + NEW * new


def running_statistics() -> None:
    theirs = nn.BatchNorm1d(1)
    column = torch.tensor([[0.0], [6.0], [6.0], [8.0]])  # (B, 1)
    mean = 0.0
    variance = 1.0
    print("Running mean and running variance, by hand and nn.BatchNorm1d:")
    for batch in range(1, 51):
        mean = moved(mean, 5.0)
        variance = moved(variance, 12.0)
        theirs(column)  # this also moves its running statistics
        if batch in (1, 2, 50):
            by_hand = aligned([mean, variance])
            built_in = aligned([theirs.running_mean.item(), theirs.running_var.item()])
            print(f"    after {batch:2} batches {by_hand}   {built_in}")
    print()


# %%
# Batch norm
# ----------
# All columns at once: ``dim=0`` is the mean over the images. ``correction=0`` divides
# the sum of the squares by B, ``correction=1`` by B - 1. The running statistics are
# *buffers*: they are saved with the network, but no gradient changes them.
#
# A batch of one image has no variance. It is its own mean, and nothing would be left.
class BatchNorm(nn.Module):
    """A table (B, H), each column normalized; ValueError for another shape."""

    def __init__(self, size: int):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(size))
        self.beta = nn.Parameter(torch.zeros(size))
        self.register_buffer("running_mean", torch.zeros(size))
        self.register_buffer("running_variance", torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 2 or x.shape[1] != len(self.gamma):
            raise ValueError(f"expected (B, {len(self.gamma)}), got {tuple(x.shape)}")
        if self.training:
            if len(x) == 1:
                raise ValueError("a batch of one image is its own mean")
            mean = x.mean(dim=0)  # (H,)
            variance = x.var(dim=0, correction=0)  # (H,)
            self.remember(x)
        else:
            mean = self.running_mean
            variance = self.running_variance
        x = (x - mean) / torch.sqrt(variance + EPSILON)  # (B, H)
        return self.gamma * x + self.beta

    def remember(self, x: Tensor) -> None:
        with torch.no_grad():  # the running statistics are not learned
            mean = x.mean(dim=0)  # (H,)
            variance = x.var(dim=0, correction=1)  # (H,)
            self.running_mean += NEW * (mean - self.running_mean)
            self.running_variance += NEW * (variance - self.running_variance)


# %%
# Layer norm
# ----------
# All rows at once. It knows no modes: in training and afterwards it does the same.
# ``keepdim`` leaves a column of B numbers, so that each row has its own one subtracted.
class LayerNorm(nn.Module):
    """A table (B, H), each row normalized; ValueError for another shape."""

    def __init__(self, size: int):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(size))
        self.beta = nn.Parameter(torch.zeros(size))

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 2 or x.shape[1] != len(self.gamma):
            raise ValueError(f"expected (B, {len(self.gamma)}), got {tuple(x.shape)}")
        mean = x.mean(dim=1, keepdim=True)  # (B, 1)
        variance = x.var(dim=1, correction=0, keepdim=True)  # (B, 1)
        x = (x - mean) / torch.sqrt(variance + EPSILON)  # (B, H)
        return self.gamma * x + self.beta


# %%
# The network
# -----------
# A linear layer makes 64 sums of the 64 pixels, each with weights of its own. Then
# comes the norm, or nothing; then ReLU, which puts 0 in place of negative numbers. All
# this three times, each time with the 64 numbers of the time before. A last linear
# layer makes ten scores, one for each digit, and the largest is the answer.
#
# To be fair to the network without a norm, all three get the start that was made for
# networks without one, by Kaiming He and others: random weights, just so large that
# the numbers neither grow nor shrink from layer to layer, as long as training has not
# begun. A *bias*, the number that a linear layer adds to each sum, begins at 0.
def make_norm(norm: str) -> nn.Module:
    if norm == "batch":
        return BatchNorm(SIZE)
    if norm == "layer":
        return LayerNorm(SIZE)
    return nn.Identity()  # hands on what it gets


class Reader(nn.Module):
    """Images (B, 64) -> scores (B, 10); ValueError for another shape."""

    def __init__(self, norm: str):
        super().__init__()
        self.linears = nn.ModuleList([nn.Linear(SIZE, SIZE) for _ in range(3)])
        self.norms = nn.ModuleList([make_norm(norm) for _ in range(3)])
        self.last = nn.Linear(SIZE, 10)
        for linear in self.linears:
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 2 or x.shape[1] != SIZE:
            raise ValueError(f"expected (B, {SIZE}), got {tuple(x.shape)}")
        for linear, norm in zip(self.linears, self.norms, strict=True):
            sums = linear(x)  # (B, 64)
            x = F.relu(norm(sums))  # (B, 64)
        return self.last(x)  # (B, 10)


# %%
# Two sets of digits
# ------------------
# 1,797 of them come with scikit-learn, with 8 x 8 pixels each: 0 where the paper is
# white, 1 where all is ink. They are mixed anew for each seed. 1,197 are to train
# with, 600 for the test.
def deal(seed: int) -> tuple[Set, Set]:
    digits = datasets.load_digits()  # pixels from 0 to 16
    images = torch.tensor(digits.data / 16).float()  # (B, 64)
    labels = torch.tensor(digits.target)  # (B,)
    torch.manual_seed(seed)
    mixed = torch.randperm(len(images))
    training = mixed[600:]
    test = mixed[:600]
    return (images[training], labels[training]), (images[test], labels[test])


# %%
# Training
# --------
# The *loss* says how wrong the network is: a softmax turns its scores into
# probabilities, and the loss is -log of the probability of the right digit. The
# *gradient* says for each weight how the loss changes if that weight grows a bit. The
# simplest training subtracts from each weight its gradient, times the *learning rate*.
# Too small a rate learns little; too large a rate overshoots, and the loss explodes.
def train(
    network: Reader,
    digits: Set,
    steps: int,
    rate: float,
    others: float,
    watch: Callable[[int, float], None] | None = None,
) -> None:
    """Train `network`: its hidden layers with the learning rate `rate`, all the rest
    with `others`; `watch`, if given, is called with each step and its loss."""
    images, labels = digits
    rest = list(network.norms.parameters()) + list(network.last.parameters())
    hidden = {"params": network.linears.parameters(), "lr": rate}
    optimizer = torch.optim.SGD([hidden, {"params": rest, "lr": others}])
    network.train()  # norms use their batch, and remember
    shuffled = torch.randperm(len(images))  # the numbers of the images, mixed
    for step in range(steps):
        numbers = torch.arange(step * BATCH, (step + 1) * BATCH)  # 0 ... 99, 100 ...
        batch = shuffled[numbers % len(images)]  # after the last image, the first again
        loss = F.cross_entropy(network(images[batch]), labels[batch])
        optimizer.zero_grad()  # forget the gradients of the last step
        loss.backward()  # how does the loss depend on each parameter?
        optimizer.step()  # change each parameter a little, against its gradient
        if watch is not None:
            watch(step, loss.item())


def print_loss(step: int, loss: float) -> None:
    if step % 60 == 0:
        print(f"    step {step:3}: loss {loss:.3f}")


def accuracy(network: nn.Module, digits: Set) -> float:
    """The share of digits whose largest score is that of their label."""
    images, labels = digits
    network.eval()  # norms use their running statistics
    with torch.no_grad():  # nothing is learned here
        scores = network(images)  # (B, 10)
    answers = scores.argmax(dim=1)  # (B,)
    return (answers == labels).float().mean().item()


# %%
# First experiment: all hidden weights times 100
# ----------------------------------------------
# Each column of sums becomes 100 times as large, and so do its mean and its standard
# deviation. Behind batch norm all is as before: this is certain, but for epsilon and
# rounding. With layer norm it is the same, row by row. Without a norm, the three hidden
# layers multiply by 100 three times, and ReLU lets each factor of 100 pass.
#
# What about the gradient? If all weights of a layer are 100 times as large, it takes a
# nudge that is 100 times as large to change the scores as much. So the same nudge
# changes the loss 100 times less: with a norm, the gradient is divided by 100. (We look
# at the gradient of the first layer.) A step then changes a weight 100 times less, and
# compared with the weight, 10,000 times less.
#
# This should help where a learning rate is too large. Take a layer of two weights only,
# (3, 4). Its length is 5, the root of 3² + 4². To go along the weights is to multiply
# them by a factor, which changes nothing. So the gradient has no part along them: it
# stands at a right angle to them, as (4, -3) does. A step with the rate 1 leads to
# (3 - 4, 4 + 3) = (-1, 7), whose length is 7.1; a step with the rate 10 leads to
# (-37, 34), of length 50. Each step makes the weights longer, and one that is too long
# makes them much longer. Long weights have small gradients: at 50, ten times the 5 we
# began with, they are about a tenth. What had been too fast gets slower by itself.
#
# (Here the networks are asked as in training. With ``eval()`` batch norm would notice:
# its running statistics are still those of the small numbers.)
def enlarge(network: Reader, times: float) -> Reader:
    """A copy of the network, its hidden weights and biases multiplied."""
    larger = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in larger.linears.parameters():
            parameter *= times
    return larger


def scores_and_gradient(network: Reader, digits: Set) -> tuple[Tensor, Tensor]:
    """The scores, and the gradient of the first weights."""
    images, labels = digits
    scores = network(images)  # (B, 10)
    F.cross_entropy(scores, labels).backward()
    return scores.detach(), network.linears[0].weight.grad


def who_notices(norm: str, digits: Set, seed: int) -> dict[str, float]:
    """What changes if the hidden weights of a new network are multiplied by 100."""
    torch.manual_seed(seed)  # the same first weights for all three networks
    network = Reader(norm)
    before, gradient = scores_and_gradient(network, digits)
    after, gradient_after = scores_and_gradient(enlarge(network, 100), digits)
    largest = before.abs().max()
    return {
        f"{norm}_times": (after.abs().max() / largest).item(),
        f"{norm}_change": ((after - before).abs().max() / largest).item(),
        f"{norm}_gradient": (gradient_after.norm() / gradient.norm()).item(),
    }


# %%
# Second experiment: seven learning rates
# ---------------------------------------
# Each is about three times the one before. The control, without a norm, gets the same
# seven, the same first weights and the same batches. A learning rate *works* if the
# network names more than 90 % of the unseen digits.
#
# The last layer, and gamma and beta right in front of it, have no norm behind them, so
# nothing slows them down. To see what a norm does for the weights in front of it, we
# try once more: the hidden layers get a learning rate of 1,000, and all others the one
# that works for all.
def learn(
    norm: str,
    rate: float,
    others: float,
    digits: Set,
    steps: int,
    seed: int,
    watch: Callable[[int, float], None] | None = None,
) -> Reader:
    torch.manual_seed(seed)  # the same first weights, whatever the norm and the rate
    network = Reader(norm)
    torch.manual_seed(seed)  # the same batches
    train(network, digits, steps, rate, others, watch)
    return network


def length(network: Reader) -> float:
    """How large the hidden weights are, all in all: the root of their squares' sum."""
    squares = [linear.weight.square().sum().item() for linear in network.linears]
    return math.sqrt(sum(squares))


def working(shares: list[float]) -> list[float]:
    """Of these accuracies, one for each learning rate: the rates that work."""
    return [rate for rate, share in zip(RATES, shares, strict=True) if share > 0.9]


# %%
# Third experiment: the same digits in other company
# --------------------------------------------------
# The networks are trained, and their weights stay as they are. But we ask them as in
# training: batch norm takes mean and variance from the batch. Each group of images is
# one batch. We ask for each unseen digit in mixed batches of 100, and of 4; in other
# mixed batches of 4; and in a batch of its own kind: a three among threes only. Beside
# it stands the usual way, with running statistics.
#
# What could go wrong there? What all images of a batch have in common is their mean,
# and that is subtracted. Say one column is large for each three, and small for other
# digits. Among threes only, all are near their mean. It is subtracted, and what is
# left, the small differences between threes, is stretched to the usual size. What makes
# a three is gone.
def ask(network: Reader, images: Tensor, groups: list[Tensor]) -> Tensor:
    """The answer for each image, if each group (their numbers) is one batch."""
    network = copy.deepcopy(network)  # it will remember what it was asked
    network.train()
    answers = torch.full((len(images),), -1)  # (B,)
    with torch.no_grad():
        for group in groups:
            answers[group] = network(images[group]).argmax(dim=1)
    return answers


def in_company(network: Reader, digits: Set, seed: int) -> dict[str, float]:
    images, labels = digits
    torch.manual_seed(seed)  # the same company for both networks
    mixed = torch.randperm(len(images)).split(4)
    others = torch.randperm(len(images)).split(4)
    many = torch.randperm(len(images)).split(BATCH)
    kinds = [(labels == digit).nonzero()[:, 0] for digit in range(10)]
    in_four = ask(network, images, mixed)  # (B,)
    in_other_four = ask(network, images, others)  # (B,)
    in_many = ask(network, images, many)  # (B,)
    in_kind = ask(network, images, kinds)  # (B,)
    return {
        "alone": accuracy(network, digits),
        "many": (in_many == labels).float().mean().item(),
        "four": (in_four == labels).float().mean().item(),
        "kind": (in_kind == labels).float().mean().item(),
        "changed": (in_four != in_other_four).float().mean().item(),
    }


# %%
# When does the claim hold?
# -------------------------
# Some of it is certain beforehand, but for epsilon and rounding. With a norm the scores
# stay the same (no score may change by a thousandth of the largest one), and the
# gradient becomes a hundredth; without, the scores become 100 * 100 * 100 times as
# large; and layer norm does not see who else is in the batch. If this did not come out,
# there would be an error in our code.
#
# What could come out otherwise: which learning rates work, how many answers change with
# the company, and what is left of the accuracy among digits of one kind.
#
# At a learning rate of 1 the network without a norm fails, too, but some runs come
# rather far: so the claim speaks of 3. A norm does not help everywhere: where the
# learning rate is too small, it helps only a little. And that large weights learn
# slowly cannot be the whole reason. With layer norm they do so, too, but it fails at 3,
# and with 1,000 for the hidden layers, too, in most runs.
def claim_holds(numbers: dict[str, float]) -> bool:
    batch_stays = numbers["batch_change"] < 0.001
    layer_stays = numbers["layer_change"] < 0.001
    million = abs(numbers["none_times"] / 1_000_000 - 1) < 0.01
    scores_are_right = batch_stays and layer_stays and million

    batch_hundredth = abs(100 * numbers["batch_gradient"] - 1) < 0.05
    layer_hundredth = abs(100 * numbers["layer_gradient"] - 1) < 0.05
    gradients_are_right = batch_hundredth and layer_hundredth

    rates_are_right = True
    for rate in ("3", "huge"):
        if numbers[f"batch_{rate}"] <= 0.90 or numbers[f"none_{rate}"] > 0.90:
            rates_are_right = False

    company_counts = numbers["batch_changed"] > 0.25
    kind_is_lost = numbers["batch_kind"] < 0.30
    layer_ignores_it = numbers["layer_changed"] < 0.01
    company_is_right = company_counts and kind_is_lost and layer_ignores_it
    certain = scores_are_right and gradients_are_right
    return certain and rates_are_right and company_is_right


# %%
# The picture
# -----------
LOOKS = {
    "none": {"color": "black", "linestyle": ":", "marker": "o"},
    "batch": {"color": "tab:blue", "linestyle": "-", "marker": "s"},
    "layer": {"color": "tab:orange", "linestyle": "--", "marker": "^"},
}


def figure(shares: dict[str, list[float]]) -> Figure:
    """The accuracy of each network with each learning rate."""
    fig, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for norm, name in NORMS.items():
        ax.semilogx(RATES, shares[norm], label=name, linewidth=3, ms=9, **LOOKS[norm])
    ax.axhline(0.9, color="grey", linewidth=1)
    ax.set(ylim=(0, 1.03), yticks=[0, 0.5, 0.9], yticklabels=["0", "50 %", "90 %"])
    ax.set_xticks(RATES, [f"{rate:g}" for rate in RATES], fontsize=13)
    ax.set_xlabel("learning rate", fontsize=14)
    ax.set_ylabel("right on unseen digits", fontsize=14)
    ax.minorticks_off()
    ax.tick_params(axis="y", labelsize=13)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(fontsize=13, loc="lower left", handlelength=3)
    fig.suptitle("Which learning rates work?", fontsize=18)
    return fig


# %%
# A second picture: company
# -------------------------
COMPANY = {
    "alone": "by itself,\nrunning statistics",
    "many": "in a batch of 100",
    "four": "in a batch of 4",
    "kind": "in a batch of\nits own kind",
}


def figure_company(numbers: dict[str, float]) -> Figure:
    """How many digits are named correctly in which company."""
    fig, axes = plt.subplots(1, 2, figsize=(8, 4.5), layout="constrained", sharey=True)
    for ax, norm in zip(axes, ("batch", "layer"), strict=True):
        shares = [numbers[f"{norm}_{company}"] for company in COMPANY]
        bars = ax.barh(list(COMPANY.values()), shares, color=LOOKS[norm]["color"])
        ax.bar_label(bars, fmt="{:.1%}", padding=4, fontsize=14)
        ax.axvline(0.1, linestyle="--", color="black")
        ax.set_title(NORMS[norm], fontsize=15)
        ax.set_xlabel("right (dashed: guessing)", fontsize=13)
        ax.set(xlim=(0, 1.35), xticks=[0, 0.5, 1], xticklabels=["0", "50 %", "100 %"])
        ax.tick_params(axis="y", labelsize=13)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].invert_yaxis()
    fig.suptitle("The same digits in other company: what is still right?", fontsize=17)
    return fig


# %%
# The lesson
# ----------
def main(steps: int = 240, seed: int = 0) -> dict[str, float]:
    """We multiply the weights of all hidden layers by 100: who notices?

    Args:
        steps: of each training, each on 100 digits
        seed: of everything random
    """
    if steps < 1:
        sys.exit(f"--steps must be at least 1, got {steps}")
    print(f"{ASK}\n")
    with_a_pencil()
    down_or_along()
    running_statistics()

    training, test = deal(seed)
    numbers = {}
    print("Hidden weights 100 times as large make these so many times as large:")
    print("                          largest score        gradient")
    for norm, name in NORMS.items():
        numbers |= who_notices(norm, test, seed)
        times = numbers[f"{norm}_times"]
        gradient = numbers[f"{norm}_gradient"]
        print(f"    {name:16}{times:19,.2f}{gradient:16,.2f}")
    for norm in ("batch", "layer"):
        change = numbers[f"{norm}_change"]
        print(
            f"{NORMS[norm]}: no score changes by more than {change:.6f} of the largest"
        )
    print()

    shares = {}
    networks = {}
    for norm, name in NORMS.items():
        print(f"{name}, learning rate {KEPT}:")
        networks[norm] = learn(norm, KEPT, KEPT, training, steps, seed, print_loss)
        shares[norm] = []
        for rate in RATES:
            share = accuracy(learn(norm, rate, rate, training, steps, seed), test)
            shares[norm].append(share)
            numbers[f"{norm}_{rate:g}".replace(".", "_")] = share  # batch_0_3
    print()

    print("Right on unseen digits, with the learning rate")
    print("                    " + "".join(f"{rate:7g}" for rate in RATES))
    for norm, name in NORMS.items():
        print(f"    {name:16}" + "".join(f"{share:7.1%}" for share in shares[norm]))
    for norm, name in NORMS.items():
        rates = ", ".join(f"{rate:g}" for rate in working(shares[norm]))
        print(f"{name}, more than 90 %: {rates}")
    print(f"\nHidden layers {HUGE:g}, all others {KEPT}:")
    fast = {}
    for norm, name in NORMS.items():
        fast[norm] = learn(norm, HUGE, KEPT, training, steps, seed)
        numbers[f"{norm}_huge"] = accuracy(fast[norm], test)
        print(f"    {name:16}{numbers[f'{norm}_huge']:8.1%} right")
    torch.manual_seed(seed)
    grown = length(fast["batch"]) / length(Reader("batch"))
    numbers["batch_grown"] = grown
    print(
        f"With batch norm, the hidden weights have become {grown:.0f} times as large.\n"
    )

    print("The same digits in other company, right:")
    print("                      by itself   of 100     of 4  own kind")
    for norm in ("batch", "layer"):
        found = in_company(networks[norm], test, seed)
        numbers |= {f"{norm}_{company}": share for company, share in found.items()}
        row = "".join(f"{found[company]:9.1%}" for company in COMPANY)
        print(f"    {NORMS[norm]:16}  {row}")
    for norm in ("batch", "layer"):
        changed = numbers[f"{norm}_changed"]
        print(f"{NORMS[norm]}, answers that another batch of 4 changes: {changed:.1%}")
    print()

    verdict = "does NOT hold"
    if claim_holds(numbers):
        verdict = "holds"
    print(f"{textwrap.fill(CLAIM)}\nIn this run the claim {verdict}.")
    Path("figures").mkdir(exist_ok=True)
    figure(shares).savefig("figures/normalize.png", dpi=160)
    figure_company(numbers).savefig("figures/normalize_company.png", dpi=160)
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
