# /// script
# requires-python = ">=3.11"
# dependencies = ["matplotlib>=3.10.7", "scikit-learn>=1.6", "torch>=2.9", "tyro>=0.9"]
# ///
r"""
Learned, or only known by heart
===============================

A network learns from examples: images of digits, each with its *label*, the right
answer. After training it names these images correctly. Has it understood what a three
looks like? Or does it know its images one by one, as one knows a list of telephone
numbers? To *memorize* is to be right on what one was told, whatever it was. To
*generalize* is to be right on what one has never seen. A network can do both.

**Unseen examples** tell the two apart. So the examples are parted into three sets. The
network learns from the *training set*. Whoever builds it compares settings on the
*validation set*, and keeps the best. Nothing is ever chosen by the *test set*: it says
what the network is worth on digits that nobody has used for anything.

**Capacity** is how much a network can memorize. A rough measure is the number of its
*parameters*, the numbers that training can change, beside the number of examples. Ours
has 9,610 parameters, some 19 for each of 500 digits. A network that is right on its
training set and clearly worse on unseen examples is *overfitted*.

**Regularization** is whatever keeps a network from memorizing all. We try three ways.
*Weight decay* pulls every weight towards 0 in each step. *Dropout* switches off some
numbers inside the network in each step, at random. *Early stopping* ends training when
the validation set is answered best. And one can get *more data*.

**The experiment.** We shuffle the labels of 500 digits. Each image now has the label of
some other one, and there is nothing to understand. What does the network do? The
*control* is the same network, with the true labels.

Then we train it on only 100 digits. In one case all labels are true. In the other, four
in ten are shuffled, as if somebody had been careless. A wrong label that is known by
heart spoils the answers on similar digits. So regularization should help there. Here
the control is the plain network, without any.

At the end we do what one must not do, and choose one of 30 such networks by its test.
Here the control is a network that nobody chose.

:Run: ``python more/overfit.py --seed 1``
:Shapes: B images, N test digits, C networks to choose from
:Paper: Zhang et al. 2016, https://arxiv.org/abs/1611.03530
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
from matplotlib.figure import Figure
from sklearn import datasets
from torch import Tensor, nn

ASK = "What does a network learn from digits whose labels are shuffled?"
CLAIM = (
    "It learns them by heart: more than 95 % right on training digits, as with true "
    "labels, but less than 25 % on unseen ones, where true labels lead to more than "
    "90 %. With 100 digits and true labels, weight decay, dropout and early stopping "
    "change less than 3 percentage points. If four in ten labels are shuffled, each of "
    "the three adds more than 4. Ten times as many digits add more than 4 in both "
    "cases. Of 30 networks that learned from such labels, the one that is best on 50 "
    "test digits is more than 2 points worse on other digits, and one that nobody "
    "chose is not."
)
HIDDEN = 128  # numbers in the middle of the network
RATE = 0.01  # the learning rate
MANY = 500  # digits to be learned by heart
FEW = 100  # digits, where something has to help
SHUFFLED = 0.4  # the share of labels that are shuffled there
DRAWS = 4  # sets of 100 digits; what helps is a mean over these sets
NETWORKS = 30  # to choose from
TESTED = 50  # test digits to choose by
Set = tuple[Tensor, Tensor]  # images (B, 64) and their labels (B,)


# %%
# With a pencil: four numbers learn four points by heart
# ------------------------------------------------------
# A curve a + b x + c x² + d x³ has four parameters. Through four points there is always
# such a curve, whatever their heights are. For each point we build a curve that is 1
# there and 0 at the other three. Then we multiply each curve by the height of its
# point, and add all four up.
#
# Our points are at x = 0, 1, 2, 3. With the heights 0, 1, 2, 3 there is something to
# understand: the curve is the line y = x, and at x = 4 it says 4. Shuffle the heights
# to 2, 0, 3, 1, and the curve goes through these points just as well. At x = 4 it says
# -16. The training error, 0, is the same. Only a fifth point tells the two apart.
def through_points(xs: list[float], ys: list[float], x: float) -> float:
    """At x, the height of the curve with as many parameters as there are points."""
    height = 0.0
    for i in range(len(xs)):
        part = 1.0  # 1 at point i, 0 at the others
        for j in range(len(xs)):
            if j != i:
                part *= (x - xs[j]) / (xs[i] - xs[j])
        height += ys[i] * part
    return height


def four_points() -> None:
    xs = [0.0, 1.0, 2.0, 3.0]
    for what, ys in [("true", xs), ("shuffled", [2.0, 0.0, 3.0, 1.0])]:
        # PyTorch solves four equations, one for each point, for a, b, c and d.
        powers = torch.linalg.vander(torch.tensor(xs))  # a row: 1, x, x², x³
        solution = torch.linalg.solve(powers, torch.tensor(ys))
        a, b, c, d = solution.tolist()
        fifth = a + b * 4 + c * 4**2 + d * 4**3
        heights = [f"{through_points(xs, ys, x):.0f}" for x in xs]
        print(f"Four points, {what}: the curve is {', '.join(heights)} there.")
        ours = through_points(xs, ys, 4.0)
        print(f"    At x = 4 it is {ours:.2f}   torch.linalg.solve {fifth:.2f}")
    print()


# %%
# With a pencil: weight decay
# ---------------------------
# A step of training subtracts the gradient from a weight, times the learning rate. With
# weight decay it also subtracts a part of the weight itself. A weight that no example
# needs shrinks to 0. One that many examples need grows again: their gradients see to
# it.
#
# The weight is 2, its gradient 1, the learning rate 0.1, the decay 0.5. The step leads
# to 2 - 0.1 · 1 - 0.1 · 0.5 · 2 = 1.8. PyTorch's ``SGD`` does this, and so does
# ``AdamW``. (Adam divides each gradient by its usual size so far. In the first step
# that is its own size, which leaves 1, and so a step of 0.1, as above.) Plain ``Adam``
# adds the decay to the gradient, and divides both together. That leaves 1 again, as if
# there were no decay: 1.9. So we train with ``AdamW``.
def decayed(weight: float, gradient: float, rate: float, decay: float) -> float:
    return weight - rate * gradient - rate * decay * weight


def weight_decay() -> None:
    print(f"Weight decay: 2 becomes {decayed(2.0, 1.0, rate=0.1, decay=0.5):.4f}")
    for optimizer in (torch.optim.SGD, torch.optim.AdamW, torch.optim.Adam):
        weight = nn.Parameter(torch.tensor(2.0))
        weight.grad = torch.tensor(1.0)
        optimizer([weight], lr=0.1, weight_decay=0.5).step()
        print(f"    torch.optim.{optimizer.__name__:6} {weight.item():.4f}")
    print()


# %%
# With a pencil: dropout
# ----------------------
# In each step, each number is switched off with the probability p, that is, becomes 0.
# What is left is divided by 1 - p. Why? With p = 0.5, half of the numbers are missing,
# and the other half counts twice. So the mean over many steps is what it would be
# without dropout. In the test nothing is switched off.
#
# Why should that help? A network that memorizes may rely on single numbers: "if the
# third is 0.71, it was image 42". If the third may be missing at any time, it has to
# rely on what many agree on.
def drop(numbers: list[float], kept: list[bool], p: float) -> list[float]:
    """What is left of the numbers, if only some of them are kept."""
    left = []
    for number, stays in zip(numbers, kept, strict=True):
        if stays:
            left.append(number / (1 - p))
        else:
            left.append(0.0)
    return left


def dropout() -> None:
    numbers = [1.0, 2.0, 3.0, 4.0]
    torch.manual_seed(0)
    theirs = F.dropout(torch.tensor(numbers), p=0.5)
    kept = (theirs != 0).tolist()  # PyTorch draws; we look which ones it has kept
    print(f"Dropout of 1, 2, 3, 4: {drop(numbers, kept, p=0.5)}")
    print(f"    F.dropout          {theirs.tolist()}")
    many = torch.tensor(numbers).expand(10_000, 4)
    means = F.dropout(many, p=0.5).mean(dim=0)
    shown = ", ".join(f"{number:.2f}" for number in means.tolist())
    print(f"    means of 10,000    {shown}\n")


# %%
# With a pencil: the best of twenty who guess
# -------------------------------------------
# A test has four questions, each to be answered with yes or no. Whoever throws a coin
# has all four right once in 16 times. If 20 people throw coins, somebody has all four
# right with a probability of 1 - (15/16)^20 = 0.72. Is that person clever? On the next
# four questions they will have two right, like everybody else. To choose the best by a
# test, and then to believe that test, is called *selection bias*.
#
# How many of ten questions has the best of 20? We count. There are 2^10 ways to answer
# ten questions, and ``math.comb(10, k)`` of them have exactly k right. Added up, and
# divided by 2^10, this gives the probability that one person has at most k right. That
# all 20 have at most k right has this probability to the power of 20. From it we
# subtract the same for k - 1: what is left is the probability that the best one has
# exactly k.
def best_of(people: int, questions: int) -> float:
    """How many right answers the best of those who guess has, on average."""
    expected = 0.0
    at_most = 0.0  # the probability that one person has at most k right
    before = 0.0  # that the best one has less than k right
    for k in range(questions + 1):
        at_most += math.comb(questions, k) / 2**questions
        best_at_most = at_most**people
        expected += k * (best_at_most - before)
        before = best_at_most
    return expected


def guess() -> None:
    torch.manual_seed(0)
    answers = torch.randint(2, (2_000, 20, 10)).float()  # 1 is right, 0 is wrong
    right = answers.sum(dim=2)  # of each person, in each of 2,000 tests
    best = right.amax(dim=1).mean().item()
    print("Of ten questions, the best of 20 who guess has right on average")
    print(f"    {best_of(20, 10):.2f} by counting, {best:.2f} in 2,000 tests.")
    print("On ten new questions the same person has 5.\n")


# %%
# The network
# -----------
# Images have 8 x 8 = 64 pixels here. A linear layer makes 128 numbers of them, ReLU
# puts 0 in place of the negative ones, and another linear layer makes ten scores, one
# for each digit. The largest score is the answer. Dropout stands in the middle (with
# p = 0 it does nothing). PyTorch's module switches numbers off as long as the network
# is told to ``train()``, and none any more once it is told to ``eval()``.
class Reader(nn.Module):
    """Images (B, 64) -> scores (B, 10); ValueError for another shape."""

    def __init__(self, p: float = 0.0):
        super().__init__()
        self.first = nn.Linear(64, HIDDEN)
        self.dropout = nn.Dropout(p)
        self.second = nn.Linear(HIDDEN, 10)

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 2 or x.shape[1] != 64:
            raise ValueError(f"expected (B, 64), got {tuple(x.shape)}")
        x = F.relu(self.first(x))  # (B, 128)
        x = self.dropout(x)
        return self.second(x)  # (B, 10)


# %%
# Three sets of digits
# --------------------
# 1,797 real handwritten digits come with scikit-learn; a pixel is 0 where the paper is
# white and 1 where there is ink. They are mixed anew for each seed, and dealt: 1,000 to
# train with, 300 for validation, 497 for the test. No digit is in two sets.
def deal(seed: int) -> tuple[Set, Set, Set]:
    digits = datasets.load_digits()  # pixels from 0 to 16
    images = torch.tensor(digits.data / 16).float()  # (B, 64)
    labels = torch.tensor(digits.target)  # (B,)
    torch.manual_seed(seed)
    mixed = torch.randperm(len(images))
    training = mixed[:1000]
    validation = mixed[1000:1300]
    test = mixed[1300:]
    return (
        (images[training], labels[training]),
        (images[validation], labels[validation]),
        (images[test], labels[test]),
    )


# %%
# Labels that are shuffled
# ------------------------
# We choose some of the examples, and deal their labels to them anew. Each digit is as
# frequent among the labels as before. By chance, about one in ten of the labels that
# were dealt is still right.
def shuffle_labels(labels: Tensor, share: float) -> Tensor:
    """The labels, with this share of them shuffled among each other."""
    count = round(share * len(labels))
    chosen = torch.randperm(len(labels))[:count]
    dealt = chosen[torch.randperm(count)]
    shuffled = labels.clone()
    shuffled[chosen] = labels[dealt]
    return shuffled


# %%
# Training
# --------
# The *loss* says how wrong the network is: a softmax turns its scores into
# probabilities, and the loss is -log of the probability of the label. The labels are
# all it is told; that some of them are shuffled, it cannot know. We have so few digits
# that each step sees all of them.
def train(
    network: nn.Module,
    digits: Set,
    steps: int,
    decay: float = 0.0,
    watch: Callable[[int, float], None] | None = None,
) -> None:
    """Train `network`; `watch`, if given, is called after each step, with its loss."""
    images, labels = digits
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=decay)
    for step in range(steps):
        loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad()  # forget the gradients of the last step
        loss.backward()  # how does the loss depend on each parameter?
        optimizer.step()  # change each parameter a little, against its gradient
        if watch is not None:
            watch(step, loss.item())


def accuracy(network: nn.Module, digits: Set) -> float:
    """The share of digits whose largest score is that of their label."""
    return right_answers(network, digits).float().mean().item()


def right_answers(network: nn.Module, digits: Set) -> Tensor:
    """For each digit, whether the network gives it its label."""
    images, labels = digits
    network.eval()  # this is no training: nothing is switched off
    with torch.no_grad():
        scores = network(images)  # (B, 10)
    network.train()
    return scores.argmax(dim=1) == labels


# %%
# Looking on while it learns
# --------------------------
# After each step we ask for the accuracy on several sets. Early stopping needs nothing
# else: it takes the step after which the validation set was answered best. (Who wants
# to use that network saves its weights at every new best.) The test set is asked, too,
# but only for us: no choice depends on it.
class Curves:
    """The accuracy of a network on several sets, after each step."""

    def __init__(self, network: nn.Module, sets: dict[str, Set]):
        self.network = network
        self.sets = sets
        self.shares = {name: [] for name in sets}

    def watch(self, step: int, loss: float) -> None:
        for name, digits in self.sets.items():
            self.shares[name].append(accuracy(self.network, digits))


def print_loss(step: int, loss: float) -> None:
    if step % 25 == 0:
        print(f"    step {step:3}: loss {loss:.3f}")


# %%
# First experiment: is there anything that it cannot learn by heart?
# ------------------------------------------------------------------
# The same network, the same first parameters, the same 500 images, the same number of
# steps; only the labels differ. Unseen digits have their true labels, of course.
def by_heart(
    shuffled: float, sets: tuple[Set, Set, Set], steps: int, seed: int
) -> dict[str, list[float]]:
    """The accuracy on 500 training digits and on unseen ones after each step, if this
    share of the training labels is shuffled."""
    training, _, test = sets
    images = training[0][:MANY]
    torch.manual_seed(seed)
    labels = shuffle_labels(training[1][:MANY], shuffled)
    torch.manual_seed(seed)  # the same first parameters, whatever was shuffled
    network = Reader()
    curves = Curves(network, {"seen": (images, labels), "unseen": test})

    def look(step: int, loss: float) -> None:
        print_loss(step, loss)
        curves.watch(step, loss)

    train(network, (images, labels), steps, watch=look)
    return curves.shares


# %%
# Second experiment: what helps, if there are only 100 digits?
# ------------------------------------------------------------
# The control is the plain network. Each of four others differs from it in one thing.
# How strong should decay or dropout be? We try three of each, and the validation set
# decides: this is the fair try.
#
# All this is done twice: with true labels, and with *careless* ones, of which four in
# ten are shuffled. The labels of the validation set are then as careless as those of
# the training set, since whoever builds the network does not know which ones are wrong.
# One can still choose by it: a network that names 90 % correctly is then said to be
# right on some 58 %, one with 50 % on some 34 %. All look worse, but the better one
# still looks better. The test set has its true labels: it is to say what the network is
# worth.
REMEDIES = {
    "more": "ten times the data",
    "decay": "weight decay",
    "dropout": "dropout",
    "stop": "early stopping",
}
DECAYS = (1.0, 3.0, 10.0)
DROPOUTS = (0.3, 0.5, 0.8)


def best_on_validation(
    tries: list[tuple[float, float]], few: Set, validation: Set, steps: int, seed: int
) -> Reader:
    """Of all networks with one of these (dropout, decay), the best one."""
    best = None
    most = -1.0
    for p, decay in tries:
        torch.manual_seed(seed)  # all have the same first parameters
        network = Reader(p)
        train(network, few, steps, decay)
        share = accuracy(network, validation)
        if share > most:
            best = network
            most = share
    return best


def what_helps(
    shuffled: float, sets: tuple[Set, Set, Set], steps: int, seed: int
) -> dict[str, float]:
    """The accuracy on the test set with each remedy, for one draw of 100 digits."""
    (images, labels), (val_images, val_labels), test = sets
    torch.manual_seed(seed)
    mixed = torch.randperm(len(images))
    images = images[mixed]
    labels = shuffle_labels(labels[mixed], shuffled)
    few = (images[:FEW], labels[:FEW])
    validation = (val_images, shuffle_labels(val_labels, shuffled))

    torch.manual_seed(seed)
    control = Reader()
    curves = Curves(control, {"validation": validation, "test": test})
    train(control, few, steps, watch=curves.watch)
    stop = torch.tensor(curves.shares["validation"]).argmax().item()

    torch.manual_seed(seed)
    informed = Reader()
    train(informed, (images, labels), steps)  # all 1,000

    decays = [(0.0, decay) for decay in DECAYS]
    decaying = best_on_validation(decays, few, validation, steps, seed)
    dropouts = [(p, 0.0) for p in DROPOUTS]
    dropping = best_on_validation(dropouts, few, validation, steps, seed)
    return {
        "control": accuracy(control, test),
        "more": accuracy(informed, test),
        "decay": accuracy(decaying, test),
        "dropout": accuracy(dropping, test),
        "stop": curves.shares["test"][stop],
    }


# %%
# Third experiment: who chooses by the test, deceives himself
# -----------------------------------------------------------
# 30 networks learn the same 100 digits, and exactly 40 of their labels are shuffled.
# They differ in their first parameters only. Somebody asks all of them 50 test digits,
# keeps the best one, and reports its accuracy on these 50. What is it on the other test
# digits? The control is a network that was chosen without looking, the first one. Both
# are tried with 200 draws of 50 digits: a single draw is mostly luck.
def choose_by_test(right: Tensor, seed: int) -> dict[str, float]:
    """Of answers (C, N), True where network c is right on digit n: the accuracy of the
    chosen network on the digits it was chosen by, and on fresh ones."""
    torch.manual_seed(seed)
    shares = {"best_chosen": [], "best_fresh": [], "any_chosen": [], "any_fresh": []}
    for _ in range(200):
        mixed = torch.randperm(right.shape[1])  # (N,)
        on_chosen = right[:, mixed[:TESTED]].float().mean(dim=1)  # (C,)
        on_fresh = right[:, mixed[TESTED:]].float().mean(dim=1)  # (C,)
        best = on_chosen.argmax()
        shares["best_chosen"].append(on_chosen[best].item())
        shares["best_fresh"].append(on_fresh[best].item())
        shares["any_chosen"].append(on_chosen[0].item())
        shares["any_fresh"].append(on_fresh[0].item())
    return {name: mean(numbers) for name, numbers in shares.items()}


def answers_of_many(
    sets: tuple[Set, Set, Set], shuffled: float, steps: int, seed: int
) -> Tensor:
    """Whether each of 30 networks is right on each test digit: (C, N)."""
    (images, labels), _, test = sets
    torch.manual_seed(seed)
    few = (images[:FEW], shuffle_labels(labels[:FEW], shuffled))
    rows = []
    for _ in range(NETWORKS):
        network = Reader()  # each time with other parameters
        train(network, few, steps)
        rows.append(right_answers(network, test))
    return torch.stack(rows)  # (C, N)


# %%
# When does the claim hold?
# -------------------------
# If all labels are true, weight decay, dropout and early stopping hardly help: they
# change the accuracy on unseen digits by a point or so, in either direction, and that
# differs from seed to seed by as much. To know 100 true labels by heart does little
# harm. If some labels are wrong, the network learns the wrong ones by heart, too, and
# each of them changes what it says of similar digits. This, we think, is what the three
# hinder: we measured that they help, and not why. More data helps in both cases.
#
# And if nobody chose, no bias: for the control, both accuracies must be equal within 2
# points.
def claim_holds(numbers: dict[str, float]) -> bool:
    learns_truth = numbers["true_seen"] > 0.95
    learns_nonsense = numbers["shuffled_seen"] > 0.95
    knows_others = numbers["true_unseen"] > 0.90
    knows_nothing = numbers["shuffled_unseen"] < 0.25
    holds = learns_truth and learns_nonsense and knows_others and knows_nothing

    for labels in ("true", "careless"):
        gain = numbers[f"more_{labels}"] - numbers[f"control_{labels}"]
        if gain <= 0.04:
            holds = False
    for remedy in ("decay", "dropout", "stop"):
        change = numbers[f"{remedy}_true"] - numbers["control_true"]
        if abs(change) >= 0.03:
            holds = False
        gain = numbers[f"{remedy}_careless"] - numbers["control_careless"]
        if gain <= 0.04:
            holds = False

    bias = numbers["best_chosen"] - numbers["best_fresh"]
    no_bias = numbers["any_chosen"] - numbers["any_fresh"]
    return holds and bias > 0.02 and abs(no_bias) < 0.02


# %%
# The picture
# -----------
def figure(curves: dict[str, dict[str, list[float]]]) -> Figure:
    """The accuracy on training digits and on unseen ones, with true and with shuffled
    labels, after each step."""
    fig, axes = plt.subplots(1, 2, figsize=(8, 4.5), layout="constrained", sharey=True)
    for ax, (labels, shares) in zip(axes, curves.items(), strict=True):
        steps = range(1, len(shares["seen"]) + 1)
        ax.plot(steps, shares["seen"], "k-", linewidth=3, label="training digits")
        ax.plot(
            steps,
            shares["unseen"],
            color="tab:orange",
            linestyle="--",
            linewidth=3,
            label="unseen digits",
        )
        ax.axhline(0.1, linestyle=":", color="black", label="guessing")
        ax.set_title(f"labels {labels}", fontsize=14)
        ax.set_xlabel("step", fontsize=13)
        ax.set_ylim(0, 1.03)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("accuracy", fontsize=13)
    axes[0].legend(fontsize=12, loc="center right")
    fig.suptitle("Both know what they were told; one can read new digits", fontsize=16)
    return fig


# %%
# A second picture: what helps
# ----------------------------
def figure_help(numbers: dict[str, float]) -> Figure:
    """By how many points each remedy changes the accuracy of the control."""
    fig, axes = plt.subplots(1, 2, figsize=(8, 4.5), layout="constrained", sharey=True)
    titles = {"true": "all labels true", "careless": "some labels shuffled"}
    for ax, (labels, title) in zip(axes, titles.items(), strict=True):
        control = numbers[f"control_{labels}"]
        gains = []
        for remedy in REMEDIES:
            gains.append(100 * (numbers[f"{remedy}_{labels}"] - control))
        bars = ax.barh(list(REMEDIES.values()), gains, color="tab:blue")
        ax.bar_label(bars, fmt="%+.1f", padding=4, fontsize=13)
        ax.axvline(0, color="black", linewidth=1)
        ax.set_title(f"{title}\nwithout help {control:.1%}", fontsize=14)
        ax.set_xlabel("points more on unseen digits", fontsize=12)
        ax.set_xlim(-10, 40)
        ax.tick_params(axis="y", labelsize=12)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].invert_yaxis()
    fig.suptitle("100 digits to learn from: what helps?", fontsize=16)
    return fig


# %%
# The lesson
# ----------
def main(
    steps: int = 150, shuffled: float = SHUFFLED, seed: int = 0
) -> dict[str, float]:
    """What does a network learn from digits whose labels are shuffled?

    Args:
        steps: of each training
        shuffled: share of shuffled labels in the second and third experiment
        seed: of everything random
    """
    if steps < 1:
        sys.exit(f"--steps must be at least 1, got {steps}")
    is_a_share = shuffled >= 0 and shuffled <= 1
    if not is_a_share:
        sys.exit(f"--shuffled must be from 0 to 1, got {shuffled}")
    print(f"{ASK}\n")
    four_points()
    weight_decay()
    dropout()
    guess()

    sets = deal(seed)
    numbers = {}
    curves = {}
    for labels, share in [("true", 0.0), ("shuffled", 1.0)]:
        print(f"500 digits, labels {labels}:")
        curves[labels] = by_heart(share, sets, steps, seed)
        seen = curves[labels]["seen"][-1]
        unseen = curves[labels]["unseen"][-1]
        print(f"    right on training digits {seen:.1%}, on unseen ones {unseen:.1%}\n")
        numbers[f"{labels}_seen"] = seen
        numbers[f"{labels}_unseen"] = unseen

    for labels, share in [("true", 0.0), ("careless", shuffled)]:
        print(
            f"100 digits, {share:.0%} of the labels shuffled; right on unseen digits:"
        )
        draws = []
        for draw in range(DRAWS):
            draws.append(what_helps(share, sets, steps, DRAWS * seed + draw))
        for remedy in ("control", *REMEDIES):
            number = mean(found[remedy] for found in draws)
            numbers[f"{remedy}_{labels}"] = number
            print(f"    {REMEDIES.get(remedy, 'control'):20}{number:6.1%}")
        print()

    chosen = choose_by_test(answers_of_many(sets, shuffled, steps, seed), seed)
    numbers |= chosen
    print("30 networks, 50 test digits; right on these, and on the other test digits:")
    for who, name in [("the best on the 50", "best"), ("the first", "any")]:
        there = chosen[f"{name}_chosen"]
        elsewhere = chosen[f"{name}_fresh"]
        print(f"    {who:20}{there:6.1%}{elsewhere:8.1%}")
    print()

    verdict = "does NOT hold"
    if claim_holds(numbers):
        verdict = "holds"
    print(f"{textwrap.fill(CLAIM)}\nIn this run the claim {verdict}.")
    Path("figures").mkdir(exist_ok=True)
    figure(curves).savefig("figures/overfit.png", dpi=160)
    figure_help(numbers).savefig("figures/overfit_help.png", dpi=160)
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
