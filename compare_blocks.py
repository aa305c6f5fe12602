# /// script
# requires-python = ">=3.11"
# dependencies = ["matplotlib>=3.10.7", "scikit-learn>=1.6", "torch>=2.9", "tyro>=0.9"]
# ///
r"""
Residual and plain blocks
=========================

A deep network is a stack of *blocks*. Each block makes D new numbers out of D numbers.
A *plain block* computes ``f(x)``. A *residual block* computes ``x + f(x)``: it hands
its input on, and adds something to it. This path around ``f`` is called the *skip*. In
a real residual block ``f`` has several layers: a convolution, a normalization (which
brings the numbers back to a usual size), a ReLU, and once more a convolution and a
normalization. Here ``f`` is one linear layer. The plus sign is the same, and what it
does to the gradient can then be computed with a pencil.

**The gradient at the input** has one number for each number of the input: how much does
the output change if we change that one a little? If all are nearly 0, the gradient is
said to have *vanished*, and this hurts twice. Training computes gradients from the
output back to the input, block after block: the first blocks can learn only from what
has come back through all others. And the last blocks, which do get their gradient, have
nothing to read from. If the input hardly changes the output, then what reaches them is
nearly the same for each image, and they can only guess.

**The chain rule** says that slopes multiply. Take three blocks that work on one number
each, and let ``f`` multiply it by a1 in the first block, by a2 in the second and by a3
in the third. The gradient at the input is

* ``a1 * a2 * a3`` through plain blocks,
* ``(1 + a1) * (1 + a2) * (1 + a3)`` through residual blocks.

If a1, a2 and a3 are small, the first product has factors near 0, and with many of them
it is almost nothing. The second has factors near 1. Not so near, however, that they
could be forgotten: with many numbers in place of one they will be about 1.15, as we
shall see, and 50 of these make more than 1,000.

**The experiment.** A stack has 50 blocks. PyTorch *draws* its first weights: it fills
each new layer with random numbers. From how it does so we predict how much of the
gradient comes back through the stack, and then we measure. We do so for plain and for
residual blocks, and for both with other first weights. Then we train all four to read
digits. (Depth is what makes it hard: five plain blocks learn, too, if slowly. Try
``--depth 5``: there the claim does not hold.)

:Run: ``python compare_blocks.py --depth 30``
:Shapes: B batch, D numbers in a block, L blocks, N images
:Paper: He et al. 2015, https://arxiv.org/abs/1512.03385
"""

import copy
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

ASK = "Through a deep stack of blocks: how much of the gradient comes back?"
CLAIM = (
    "In each of the four stacks, the gradient that comes back is as long as predicted, "
    "within a factor of ten. Plain blocks with the first weights that PyTorch draws "
    "read less than 20 % of the unseen digits. Each of the other three stacks reads "
    "more than 60 %."
)
STACKS = ["plain", "residual", "plain_orthogonal", "residual_small"]


# %%
# The chain rule, with one number in each block
# ---------------------------------------------
# A plain block computes weight * x: if x grows by 1, the result grows by weight. That
# is its slope. A residual block computes x + weight * x, and its slope is 1 + weight.
# The slope of three blocks in a row is the product of their slopes. (A bias, as in
# weight * x + bias, would change the result but not the slope.)
def chain_rule() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    plain = x
    residual = x
    plain_slope = 1.0
    residual_slope = 1.0
    for weight in (0.5, -0.5, 0.2):
        plain = weight * plain
        residual = residual + weight * residual
        plain_slope = plain_slope * weight
        residual_slope = residual_slope * (1 + weight)

    print("\nThe slope of three blocks in a row, by hand and by PyTorch's autograd:")
    plain.backward()  # autograd applies the chain rule, and puts the slope into x.grad
    print(f"plain:    0.5 * -0.5 * 0.2 = {plain_slope:5.2f}, autograd {x.grad:5.2f}")
    x.grad = None  # otherwise the next slope would be added to this one
    residual.backward()
    print(f"residual: 1.5 *  0.5 * 1.2 = {residual_slope:5.2f}, autograd {x.grad:5.2f}")


# %%
# The two blocks differ in one plus sign
# --------------------------------------
# These blocks work on D numbers. The linear layer computes f(x) = W x + b with a table
# W of D x D weights. A block now has D x D slopes: how much does each number of the
# output change with each number of the input? This table is the *Jacobian* of the
# block, the matrix that stands in place of the slope. For a plain block it is W. For a
# residual block it is I + W, where I has ones on the diagonal and zeros elsewhere: this
# is the 1 + weight of above. The product of slopes becomes a product of matrices.
class PlainBlock(nn.Module):
    def __init__(self, size: int):
        super().__init__()
        self.size = size
        self.f = nn.Linear(in_features=size, out_features=size)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (self.size,):
            raise ValueError(f"expected (B, {self.size}), got {tuple(x.shape)}")
        return self.f(x)  # (B, D)


class ResidualBlock(PlainBlock):  # the rest is as in PlainBlock
    def forward(self, x: Tensor) -> Tensor:
        # super().forward(x) is what the plain block computes: f(x).
        return x + super().forward(x)  # (B, D)


# %%
# Ten blocks with three numbers each
# ----------------------------------
# A gradient always belongs to a single number, in training to the loss. Here this
# number is the sum of the outputs. Its gradient at the input has three numbers, and the
# plain blocks leave little of them. (The blocks of the two networks also differ in
# their weights: the second network is made of the random numbers that follow. So
# compare how large the gradients are, not number by number.)
def worked_example() -> None:
    torch.manual_seed(0)
    for name, make_block in [("Residual", ResidualBlock), ("Plain", PlainBlock)]:
        blocks = nn.Sequential()
        for _ in range(10):
            blocks.append(make_block(size=3))
        x = torch.tensor([[1.0, 2.0, 3.0]], requires_grad=True)  # (B, D)
        y = blocks(x)  # (B, D)
        y.sum().backward()
        print(f"\n{name} Network:")
        print(f"Final Output: {y.detach().numpy()}")
        print(f"Input Gradients: {x.grad.numpy()}")


# %%
# Four stacks
# -----------
# "plain" and "residual" keep the weights that PyTorch draws. The other two begin with
# weights through which the gradient neither vanishes nor grows much. (The length of a
# vector, a list of numbers, is the square root of the sum of their squares.)
#
# - "plain_orthogonal": a matrix is *orthogonal* if it changes the length of no vector,
#   but only turns or mirrors it. On its way back the gradient meets the matrix with
#   rows and columns exchanged, and this one is orthogonal, too. So the gradient keeps
#   its length without a skip. But training changes the matrices, and nothing keeps them
#   orthogonal. A skip has no weights that could change.
# - "residual_small": all weights of W are divided by the square root of L, the number
#   of blocks. Why by the root? The next part shows that each block adds a share to the
#   *squared* length of the gradient, and that this share is proportional to the squares
#   of the weights. If the weights are divided by the root of L, the share is divided by
#   L. So all L blocks together lengthen the gradient about as much as a single block
#   with PyTorch's weights.
#
# What harm does it do if the gradient grows? In its simplest form, a step of training
# is the longer, the longer the gradient: the first blocks can get far too long a step.
# Networks in use prevent this, by a normalization in each block, or by a small f at the
# start. Here both residual stacks learn. One reason may be our optimizer: Adam divides
# each gradient by its usual size, so that all weights make steps of similar length.
#
# Then why does Adam not save the plain stack? So as not to divide by 0, it adds 1e-8
# (a hundred-millionth) to that size, and a gradient that has vanished is far smaller:
# the first blocks hardly move. We tried it with 1e-30 instead, and 13 seeds. Then they
# do move, and the plain stacks still read only 8 to 22 % of the digits: the last blocks
# have nothing to read, as before.
def make_blocks(name: str, depth: int, size: int) -> nn.Sequential:
    blocks = nn.Sequential()
    for _ in range(depth):
        if name in ("plain", "plain_orthogonal"):
            blocks.append(PlainBlock(size))
        else:
            blocks.append(ResidualBlock(size))

    for block in blocks:
        if name == "plain_orthogonal":
            nn.init.orthogonal_(block.f.weight)
        if name == "residual_small":
            with torch.no_grad():  # no gradient is needed here
                block.f.weight /= depth**0.5
    return blocks


# %%
# The law: how much of the gradient should come back
# --------------------------------------------------
# Let g1, g2 ... be the D numbers of the gradient at the output of a plain block, and S
# the sum of their squares: its squared length. A number at the input acts on each of
# the D outputs, by the weights w1, w2 ... of one column of W. So by the chain rule its
# gradient is the sum w1 g1 + w2 g2 + ... (The g have come back through the blocks
# between this one and the output, so they do not depend on w. This is why the averages
# below are over w alone.)
#
# PyTorch draws all weights independently and evenly between -1 / sqrt(D) and
# 1 / sqrt(D). Their mean is 0. The mean of their squares, the *variance*, is 1 / (3 D):
# for numbers spread evenly between -1 and 1 the mean square is 1/3, which is the area
# under the curve x * x from 0 to 1; and all squares are divided by D here.
#
# 1. Square this sum. On average w1 w2 is 0, and so is the mixed product w1 g1 w2 g2.
#    But w1 w1 is 1 / (3 D). What remains is (g1 g1 + g2 g2 + ...) / (3 D) = S / (3 D).
# 2. The input has D numbers, so there are D such sums. Their squares together, the
#    squared length at the input, are S / 3 on average.
# 3. In a residual block the skip adds g1 to the first sum, g2 to the second and so on.
#    The squares of these are S together, and the new mixed products, such as g1 w1 g1,
#    are 0 on average. So the squared length at the input is S + S / 3 on average.
#
# So each block, with weights of its own, multiplies the average squared length by 1/3,
# or by 1 + 1/3. The length itself changes by about the square roots of these, 0.58 and
# 1.15. The average is over all weights that PyTorch might draw. A single stack differs
# from it by chance, which comes in anew with each block: so it differs more if there
# are more blocks, or fewer numbers in each. With 50 blocks of 64 numbers we often
# measured twice or half as much as predicted, and now and then three times or a third.
def predicted_by_depth(name: str, depth: int) -> Tensor:
    """The length of the gradient at the input and after each block, as the law has it.

    The unit is its length after the last block."""
    if name == "plain":
        factor = 1 / 3
    elif name == "residual":
        factor = 1 + 1 / 3
    elif name == "plain_orthogonal":
        factor = 1.0
    else:  # weights divided by sqrt(L) have a variance divided by L
        factor = 1 + 1 / (3 * depth)
    # The gradient at the input has come through L blocks, that at the output through
    # none. The factor is one of squares. Half the power is the root of the power.
    passed = torch.arange(depth, -1, -1, dtype=torch.float64)  # (L + 1,)
    return factor ** (passed / 2)  # (L + 1,)


# %%
# The measurement: how much does come back
# ----------------------------------------
# Blocks that are linear have the same slopes everywhere. So the gradient is the same
# for each input x, and one x is enough.
def gradient_by_depth(blocks: nn.Sequential, x: Tensor) -> Tensor:
    """The length of the gradient at the input and after each block, as measured.

    The unit is its length after the last block."""
    # We measure a copy with numbers of 64 bits. For 50 blocks the usual 32 bits would
    # do. But through some 95 plain blocks, the squares that a length is computed from
    # become smaller than the smallest number of 32 bits, and the length would be 0.
    blocks = copy.deepcopy(blocks).double()
    states = [x.double().requires_grad_()]  # the input; then the output of each block
    for block in blocks:
        states.append(block(states[-1]))
    # How does the sum of all outputs change with each number in each of the states?
    gradients = torch.autograd.grad(states[-1].sum(), states)  # one for each state
    lengths = torch.stack([gradient.norm() for gradient in gradients])  # (L + 1,)
    return lengths / lengths[-1]  # (L + 1,)


# %%
# Digits of 8 x 8 pixels
# ----------------------
# They were written by hand, and come with scikit-learn. A pixel is 0 where the paper is
# white, and 1 where there is ink.
def load_small_digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images (N, 64) in [0, 1] and labels (N,) to train on; the same to test."""
    from sklearn import datasets, utils

    digits = datasets.load_digits()  # 1,797 images of 8 x 8 pixels from 0 to 16
    # In a mixed order, and always the same one, whatever the seed of the lesson.
    images, labels = utils.shuffle(digits.data, digits.target, random_state=0)
    images = torch.tensor(images / 16).float()  # (N, 64)
    labels = torch.tensor(labels)  # (N,)
    return images[:1437], labels[:1437], images[1437:], labels[1437:]


# %%
# A network that reads digits, with a stack inside
# ------------------------------------------------
# The first layer turns the 64 pixels of a digit into D numbers. The last one turns D
# numbers into ten scores, one for each digit; the largest is the answer. And now a tanh
# follows each block, also after the plus, where the paper has one more ReLU. The tanh
# puts every number between -1 and 1, and is not linear: without it, fifty linear layers
# could compute no more than one, and depth would be of no use.
#
# So the stack that we measure is not quite the network that we train: it has the same
# blocks, and no tanh. The slope of tanh is 1 at 0 and less elsewhere. So on the way
# back, a tanh can only shorten what comes through it, also on the skip, and it does so
# the more, the larger the numbers are that it was given.
class Reader(nn.Module):
    def __init__(self, name: str, depth: int, size: int):
        super().__init__()
        # These two are made before the blocks: one seed makes them equal in all four.
        self.first = nn.Linear(in_features=64, out_features=size)
        self.last = nn.Linear(in_features=size, out_features=10)
        self.blocks = make_blocks(name, depth, size)

    def forward(self, images: Tensor) -> Tensor:
        if images.shape[1:] != (64,):
            raise ValueError(f"expected (B, 64), got {tuple(images.shape)}")
        x = self.first(images)  # (B, D)
        for block in self.blocks:
            x = torch.tanh(block(x))  # (B, D)
        return self.last(x)  # (B, 10)


# %%
# Training, and an exam on digits that the network has not seen
# -------------------------------------------------------------
# All four train alike. The *loss* says how wrong a network is. A softmax turns its ten
# scores into probabilities. If the right digit has the probability p, the loss is
# -ln(p), where ln is the natural logarithm. So one that guesses, with 10 % for each
# digit, has a loss of -ln(0.1) = 2.30. (We gave the 50 plain blocks a fair try: five
# times as many steps, and learning rates from a tenth to a hundred times this one. They
# still guessed.)
def train(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    steps: int,
    watch: Callable[[int, float], None] | None = None,
) -> None:
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    for step in range(steps):
        rows = torch.randint(len(images), (64,))  # a batch of 64 digits
        loss = F.cross_entropy(network(images[rows]), labels[rows])
        optimizer.zero_grad()  # forget the gradients of the last step
        loss.backward()  # how does the loss depend on each weight?
        optimizer.step()  # change each weight a little, against its gradient
        if watch is not None:
            watch(step, loss.item())


def print_loss(step: int, loss: float) -> None:
    if step % 40 == 0:
        print(f"    step {step:4}: loss {loss:.2f}")


def accuracy(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        answers = network(images).argmax(dim=1)  # (N,)
    return (answers == labels).float().mean().item()


# %%
# The verdict
# -----------
# In each of the four stacks, the gradient at the input must be more than a tenth of
# what the law predicts, and less than ten times as much. (With 50 blocks, a single
# stack is very rarely off by a factor of ten.) Guessing reads some 10 %
# of the digits. The plain stack must read less than twice as many, and each of the
# others more than six times as many.
def claim_holds(
    left: dict[str, float], predicted: dict[str, float], read: dict[str, float]
) -> bool:
    law_is_right = True
    for name in STACKS:
        not_too_short = left[name] > predicted[name] / 10
        not_too_long = left[name] < predicted[name] * 10
        law_is_right = law_is_right and not_too_short and not_too_long
    plain_guesses = read["plain"] < 0.20
    residual_reads = read["residual"] > 0.60
    orthogonal_reads = read["plain_orthogonal"] > 0.60
    small_reads = read["residual_small"] > 0.60
    others_read = residual_reads and orthogonal_reads and small_reads
    return law_is_right and plain_guesses and others_read


# %%
# The picture
# -----------
# Its left half is the gradient. The axis is logarithmic: equal distances are equal
# factors. So the law, with the same factor in each block, is a straight line. The right
# half is what the four networks read.
def draw_gradients(
    axes: Axes, measured: dict[str, Tensor], predicted: dict[str, Tensor]
) -> None:
    markers = {
        "plain": "o",
        "residual": "v",
        "plain_orthogonal": "s",
        "residual_small": "x",
    }
    depth = len(measured["plain"]) - 1
    every = max(1, depth // 10)  # some ten markers on a line
    for name in STACKS:
        axes.semilogy(
            measured[name],
            label=name.replace("_", " "),
            marker=markers[name],
            markevery=every,
            fillstyle="none",
        )
        axes.semilogy(predicted[name], linestyle="--", color="black", linewidth=1)
    # An empty line: one entry in the legend for all four predictions.
    axes.plot([], linestyle="--", color="black", linewidth=1, label="predicted")
    axes.legend()
    axes.set(xlabel="after block (0: at the input)")
    axes.set(ylabel="length of the gradient (at the output: 1)")
    axes.yaxis.set_major_formatter("{x:g}")


def figure(
    measured: dict[str, Tensor], predicted: dict[str, Tensor], read: dict[str, float]
) -> Figure:
    """Lengths (L + 1,) of the gradient in each stack, and the share that it reads."""
    fig, axes = plt.subplots(
        1, 2, figsize=(8, 4.5), layout="constrained", width_ratios=[3, 2]
    )
    lines, bars = axes
    draw_gradients(lines, measured, predicted)
    for name in STACKS:
        bar = bars.barh(name.replace("_", " "), read[name])
        bars.bar_label(bar, fmt="{:.0%}", padding=3, fontsize=12)
    bars.invert_yaxis()  # the first at the top
    bars.set(xlim=(0, 1.2), xticks=[0, 0.5, 1])
    bars.set(xlabel="unseen digits read\n(guessing: 10%)")
    bars.xaxis.set_major_formatter("{x:.0%}")
    bars.spines[["top", "right"]].set_visible(False)

    depth = len(measured["plain"]) - 1
    back = measured["plain"][0].item()  # at the input
    share = read["plain"]
    fig.suptitle(
        f"A plain stack of depth {depth} lets {back:.1g} of the gradient through.\n"
        f"With a tanh after each block, it reads {share:.0%} of the unseen digits",
        fontsize=14,
    )
    return fig


# %%
# The same for all four stacks
# ----------------------------
# The seed is set anew for each stack. So PyTorch draws the same first weights for all
# (then ``orthogonal_`` draws others in their place, and "small" ones are divided). And
# all stacks read the same digits in each step.
def compare(
    depth: int, size: int, steps: int, seed: int
) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, float]]:
    train_images, train_labels, test_images, test_labels = load_small_digits()
    measured = {}
    predicted = {}
    read = {}
    for name in STACKS:
        torch.manual_seed(seed)
        network = Reader(name, depth, size)
        measured[name] = gradient_by_depth(network.blocks, torch.randn(1, size))
        predicted[name] = predicted_by_depth(name, depth)

        label = name.replace("_", " ")
        print(f"\n{label} blocks learn to read:")
        torch.manual_seed(seed)
        train(network, train_images, train_labels, steps, watch=print_loss)
        read[name] = accuracy(network, test_images, test_labels)
    return measured, predicted, read


# %%
# The table
# ---------
# PyTorch and Python write 1.2e-12 for 1.2 divided by ten, twelve times; and 5.7e+02 for
# 5.7 multiplied by ten, twice.
def print_table(
    left: dict[str, float], predicted: dict[str, float], read: dict[str, float]
) -> None:
    print("\nHow much of the gradient comes back to the input, and what is learned:")
    print("                  measured  predicted  digits read")
    for name in STACKS:
        label = name.replace("_", " ")
        print(f"{label:16}{left[name]:10.1e}{predicted[name]:11.1e}{read[name]:13.1%}")
    print()


# %%
# The lesson
# ----------
def main(
    depth: int = 50, size: int = 64, steps: int = 200, seed: int = 0
) -> dict[str, float]:
    """How much of the gradient comes back through a stack, and does it learn?

    Args:
        depth: number of blocks in a stack
        size: how many numbers a block works on
        steps: number of training steps, each on 64 digits
        seed: of everything random
    """
    for name, value in [("depth", depth), ("size", size), ("steps", steps)]:
        if value < 1:
            sys.exit(f"--{name} must be at least 1, got {value}")
    for name, value in [("depth", depth), ("size", size)]:
        if value > 1000:  # it would take hours, or all of the memory
            sys.exit(f"--{name} must be at most 1000, got {value}")
    print(ASK)
    chain_rule()
    worked_example()
    measured, predicted, read = compare(depth, size, steps, seed)

    left = {}
    law = {}
    numbers = {}
    for name in STACKS:
        left[name] = measured[name][0].item()  # at the input
        law[name] = predicted[name][0].item()
        numbers[f"left_{name}"] = left[name]
        numbers[f"read_{name}"] = read[name]
    print_table(left, law, read)

    holds = claim_holds(left, law, read)
    verdict = "holds" if holds else "does NOT hold"
    print(textwrap.fill(CLAIM))
    print(f"In this run the claim {verdict}.")
    Path("figures").mkdir(exist_ok=True)
    figure(measured, predicted, read).savefig("figures/compare_blocks.png", dpi=160)
    numbers["holds"] = float(holds)
    return numbers


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
