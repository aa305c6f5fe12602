# /// script
# requires-python = ">=3.11"
# dependencies = ["matplotlib>=3.10.7", "scikit-learn>=1.6", "torch>=2.9",
#   "torchvision>=0.24", "tyro>=0.9"]
# ///
r"""
A CNN for the frames, a GRU for their order
===========================================

**A film needs two readers.** Inside a frame, what counts is which pixels are close
together, and a stroke is the same stroke wherever it stands. So a CNN (convolutional
neural network) reads each frame: it slides the same few weights over all places. From
frame to frame, what counts is which came first. So a *recurrent* network reads the
frames one after another, and has a memory: a list of numbers, called its *state*. At
every frame the same weights make the new state from the old one and the frame. In 2014,
Donahue et al. joined two such networks to name what people do in films.

**What a GRU does.** A gated recurrent unit is a recurrent network that decides what to
keep. Let h be its state and x what it reads now. From both it computes three lists, as
long as the state:

* the **reset gate** r: how much of the old state the candidate takes into account,
* the **candidate** n: a proposal for the new state,
* the **update gate** z: how much of the old state stays.

A gate has a number between 0 (nothing) and 1 (all) for each number of the state. The
new state h' is a mixture of the candidate and the old state, number by number::

    h' = (1 - z) * n + z * h

Where z is 1 in every step, a number stays as it is for as long as you like. Where z is
0, the candidate takes its place. And where r is 0, too, the candidate is made of x
alone, as if nothing had been read before: so a GRU begins anew. When to do which, it
learns from examples. (This is the z of PyTorch. In some books z and 1 - z change
places.)

**The experiment.** A digit stands still, or walks left, right, up or down, 4 pixels per
frame, for six frames. Where it leaves the image it comes in again on the other side.
Two networks, built alike, learn to name the motion. One sees the frames in order and
answers after each of them: first from one frame, at the end from all six. The other
sees all six, but not in which order they came. We work out how often each answer can be
correct, and then we try, with 300 steps of training. Do twice as many help? See with
this command:

:Run: ``python cnnrnn.py --steps 600``
:Shapes: B films, T frames, D features, H size of a state, C motions, N images
:Paper: Donahue et al. 2014, https://arxiv.org/abs/1411.4389
"""

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
from matplotlib.figure import Figure
from torch import Tensor, nn

ASK = "How much can six frames tell if nobody says in which order they came?"
CLAIM = (
    "From one frame a network names 20 % of the motions correctly, from six frames in "
    "unknown order 60 %, from six frames in order 100 %: each within 5 percentage "
    "points."
)
FRAMES = 6  # in a film
MOTIONS = ["still", "left", "right", "up", "down"]  # label 0 is "still", 4 is "down"
# How many pixels the digit goes down and to the right, from one frame to the next.
VELOCITY = {
    "still": (0, 0),
    "left": (0, -4),
    "right": (0, 4),
    "up": (-4, 0),
    "down": (4, 0),
}


# %%
# One step of a GRU, with plain numbers
# -------------------------------------
# The smallest GRU there is: it reads one number at a time, and its state is one number.
# So each gate is one number, too: a weight times x, plus a weight times the state, plus
# a constant (called a bias), and then *sigmoid*. It squeezes any number into 0 ... 1:
# far below 0 it is almost 0, at 0 it is 1/2, far above 0 almost 1. The candidate has
# weights and biases of its own, and *tanh* (hyperbolic tangent), which looks like
# sigmoid but reaches from -1 to 1.
#
# Usually the weights are learned. Here we chose them so that x = 1 means "something
# new: forget, and write it down", and x = 0 means "nothing new, keep what you have".
def sigmoid(number: float) -> float:
    return 1 / (1 + math.exp(-number))


def gru_step(x: float, state: float) -> tuple[float, float, float, float]:
    """Reset gate, update gate, candidate and new state."""
    # The weights of x are negative: a large x makes both gates small. A small reset
    # gate means: leave the old state out. A small update gate means: write the
    # candidate.
    reset = sigmoid(-4 * x + 1 * state + 2)
    update = sigmoid(-12 * x - 1 * state + 6)
    # Two biases: -2 stands beside x, -0.5 beside the state. The reset gate multiplies
    # all that comes from the state, the -0.5 included. (So it is in PyTorch. In Cho et
    # al. 2014, who invented the GRU, it multiplies the state before any weight does.)
    candidate = math.tanh(4 * x - 2 + reset * (1 * state - 0.5))
    new_state = (1 - update) * candidate + update * state
    return reset, update, candidate, new_state


# %%
# The same weights in PyTorch's GRU
# ---------------------------------
# nn.GRU takes a whole sequence and makes all its steps. With a state of one number,
# each tensor of weights has three rows, and each tensor of biases three numbers: for
# the reset gate, for the update gate, for the candidate. In their names, ih means from
# the input to the state (PyTorch calls it the hidden state), hh from the old state to
# the new one, and l0 layer 0. (A layer 1 would read the states of layer 0, one after
# another. We have none.) PyTorch gives each gate two biases, too. In a gate only their
# sum counts, so here the second one is 0.
def same_weights() -> nn.GRU:
    gru = nn.GRU(input_size=1, hidden_size=1, batch_first=True)
    with torch.no_grad():
        gru.weight_ih_l0.copy_(torch.tensor([[-4.0], [-12.0], [4.0]]))  # times x
        gru.weight_hh_l0.copy_(torch.tensor([[1.0], [-1.0], [1.0]]))  # times the state
        gru.bias_ih_l0.copy_(torch.tensor([2.0, 6.0, -2.0]))
        gru.bias_hh_l0.copy_(torch.tensor([0.0, 0.0, -0.5]))  # beside the state
    return gru


def read_three_numbers() -> None:
    numbers = [1.0, 0.0, 0.5]
    sequence = torch.tensor(numbers).view(1, 3, 1)  # (B, T, D)
    gru = same_weights()
    # The state after each step; and the last one once more, which we do not need: `_`.
    states, _ = gru(sequence)  # (B, T, H), (1, B, H)
    state = 0.0  # nothing is remembered yet
    print("  x  reset  update  candidate  state  nn.GRU")
    for t in range(3):
        reset, update, candidate, state = gru_step(numbers[t], state)
        gates = f"{reset:5.2f}  {update:6.2f}"
        both = f"{state:5.2f}  {states[0, t, 0].item():6.2f}"
        print(f"{numbers[t]}  {gates}  {candidate:9.2f}  {both}")
    # Check the last line on paper: (1 - 0.28) * 0.31 + 0.28 * 0.95 = 0.49
    print("At 1 it writes the candidate down, at 0 it keeps its state, though")
    print("the candidate is far from it, and at 0.5 it mixes the two.\n")


# %%
# From films to frames, and back
# ------------------------------
# A CNN takes a batch of images, not of films. So we put all frames of all films in one
# long row: T of the first film, then T of the second, and so on. The CNN treats each on
# its own, and need not know which belong together. Afterwards we cut the row into films
# again: B pieces of T frames. Beware: to cut T pieces of B, and then exchange rows and
# columns, gives the same shape and no error. But the films get each other's frames.
def fold_and_unfold() -> None:
    # Each frame is one number here: 23 is the third frame of the second film.
    films = torch.tensor([[11, 12, 13], [21, 22, 23]])  # (B, T)
    B, T = films.shape
    row = films.flatten(start_dim=0, end_dim=1)  # (B * T,)
    # unflatten makes two dimensions of one, here of dimension 0.
    again = row.unflatten(0, (B, T))  # (B, T)
    wrong = row.unflatten(0, (T, B)).T  # (B, T)
    print(f"Two films of three frames: {films.tolist()}")
    print(f"All frames in one row:     {row.tolist()}")
    print(f"Cut into films again:      {again.tolist()}")
    print(f"Cut in the wrong way:      {wrong.tolist()}\n")


# %%
# The model: the CNN makes 200 numbers of each frame, the GRU reads them in order
# -------------------------------------------------------------------------------
# To see where a digit is, one need not look closely: first we take the mean of each
# 4 x 4 pixels, which leaves 7 x 7 numbers and saves work. Then eight kernels, tables of
# 3 x 3 weights, slide over these numbers. Each fits at 5 x 5 places, which makes
# 8 x 25 = 200 numbers: the *features* of the frame. The weights are the same at all
# places, but each place has a number of its own, so the features say where the digit
# is. (Many CNNs pool once more after the convolution, because they only want to know
# what there is. We want to see how its place changes.)
#
# The GRU's state has 128 numbers. Each has gates of its own, and each gate looks at all
# features and the whole state. The last layer turns a state into five scores, one for
# each motion. The largest score is the network's answer.
class ImageSequenceClassifierCNNRNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool = nn.AvgPool2d(kernel_size=4)
        self.conv = nn.Conv2d(in_channels=1, out_channels=8, kernel_size=3)
        # batch_first: the first dimension is the film, the second is time.
        self.gru = nn.GRU(input_size=8 * 5 * 5, hidden_size=128, batch_first=True)
        self.classifier = nn.Linear(128, len(MOTIONS))

    def forward(self, x: Tensor, every_frame: bool = False) -> Tensor:
        """Scores (B, C) after the last frame; (B, T, C), after each, if every_frame."""
        if x.dim() != 5 or x.shape[2:] != (1, 28, 28):
            raise ValueError(f"expected (B, T, 1, 28, 28), got {tuple(x.shape)}")
        B, T = x.shape[:2]
        frames = x.flatten(start_dim=0, end_dim=1)  # (B * T, 1, 28, 28)
        coarse = self.pool(frames)  # (B * T, 1, 7, 7)
        maps = F.relu(self.conv(coarse))  # (B * T, 8, 5, 5)
        features = maps.flatten(start_dim=1)  # (B * T, D)
        sequences = features.unflatten(0, (B, T))  # (B, T, D)
        states, _ = self.gru(sequences)  # (B, T, H), (1, B, H)
        if not every_frame:
            states = states[:, -1]  # (B, H)
        return self.classifier(states)  # (..., C)


# %%
# A film: one image, rolled a little further in each frame
# --------------------------------------------------------
# torch.roll shifts all pixels. What leaves on the left comes in again on the right,
# what leaves at the top comes in again at the bottom: as if the left edge were glued to
# the right one, and the top to the bottom. (What you get by glueing is the surface of a
# ring, a *torus*.) So the digit never meets an edge, and no place is special to it.
def roll_a_row() -> None:
    row = torch.tensor([7, 8, 0, 0, 0])
    for t in range(4):
        rolled = torch.roll(row, shifts=-t, dims=0)
        print(f"Rolled to the left by {t}: {rolled.tolist()}")
    print()


def film(image: Tensor, top: int, left: int, motion: str) -> Tensor:
    """The frames of an image (1, 28, 28) that first is rolled to its starting place."""
    down, right = VELOCITY[motion]
    frames = []
    for t in range(FRAMES):
        shifts = (top + t * down, left + t * right)
        frames.append(torch.roll(image, shifts, dims=(1, 2)))
    return torch.stack(frames)  # (T, 1, 28, 28)


# %%
# What anybody could know: 20, 60 and 100 %
# -----------------------------------------
# *One frame.* The digit starts anywhere: all places are equally likely. There is no
# edge to stop it, so at any later moment, too, all places are equally likely, whatever
# the motion. (The kernels of the network do not wrap around, and so they can tell
# places apart. But no place speaks for a motion.) One frame fits all five motions
# equally well. Whatever one answers, it is correct once in five times: 20 %.
#
# *Six frames in unknown order.* If all are equal, the digit stands still. If not, they
# show whether it walks along a row or along a column. But play a film to the left
# backwards: it is a film to the right, made of the same six frames. Both are equally
# likely, so one can only toss a coin. The same is true of up and down. One motion is
# always named correctly, four half of the time: (1 + 4 x 1/2) / 5 = 60 %.
#
# *Six frames in order.* The first two already tell the motion: 100 %. Why six, then?
# All three limits would be the same with two. But now we also see whether the network
# keeps what it knows while more frames come, and whether they make it surer.
#
# Except by luck, no network can do better. Whether ours do as well, we shall see.
def play_backwards(image: Tensor) -> None:
    to_the_left = film(image, top=7, left=20, motion="left")
    # After five steps of 4 pixels it is at 0. From there it walks back.
    to_the_right = film(image, top=7, left=0, motion="right")
    backwards = to_the_left.flip(dims=[0])  # (T, 1, 28, 28)
    same = torch.equal(backwards, to_the_right)
    print(f"Is left, played backwards, the same film as right? {same}\n")


# %%
# Six frames in unknown order
# ---------------------------
# A GRU reads frames in some order: how can we keep it from knowing which? We show it a
# single frame, the mean of all six, like a photograph with a long exposure: six pale
# digits, one over the other, or a dark one if it stood still. A mean is the same in any
# order. So the order is gone, whatever the network does. If more than the order were
# gone, the network would not come near 60 %.
#
# With a single frame the GRU makes a single step, and its memory has nothing to do. We
# keep it nevertheless: so both networks are built alike, and differ only in what they
# see.
def average_frames(films: Tensor) -> Tensor:
    return films.mean(dim=1, keepdim=True)  # (B, 1, 1, 28, 28)


# %%
# Films to train and test with
# ----------------------------
# Each digit is filmed in all five motions, from the same place: the five films differ
# in nothing but the motion. (A film to the left, played backwards, is none of these
# five, because it starts where the other ends. But such a film is drawn just as often:
# all places are equally likely.)
#
# So the five films of a digit have the same first frame. After it, a network must give
# the same answer five times, and exactly one of the five is correct: 20 %, trained or
# not. That is no achievement, but a check. Any other number would mean that the network
# has seen more than this frame.
def shoot(images: Tensor, digits: int) -> tuple[Tensor, Tensor]:
    """Films of so many random digits, five of each, and the label of each film."""
    films = []
    labels = []
    for chosen in torch.randint(len(images), (digits,)).tolist():
        image = images[chosen]  # (1, 28, 28)
        top, left = torch.randint(28, (2,)).tolist()
        for label in range(len(MOTIONS)):
            films.append(film(image, top, left, MOTIONS[label]))
            labels.append(label)
    return torch.stack(films), torch.tensor(labels)  # (B, T, 1, 28, 28), (B,)


# %%
# The loss: the network is asked after every frame
# ------------------------------------------------
# No practice can lift its answers after one frame above 20 %. But there it should not
# be sure of anything, and after two frames it can be. It learns both if it is asked
# after every frame. Asked only at the end, it would learn to answer there, and after
# two or three frames its answers would be poor.
#
# A softmax turns the five scores of an answer into probabilities that sum to one (exp
# of each score, divided by the sum of all five). The answer costs minus the logarithm
# of the probability of the true motion: nothing if that is 1. The loss is the mean over
# all answers. ``F.cross_entropy`` computes all of this.
#
# After one frame, the best that a network can do is to give 1/5 to each motion, which
# costs ln 5 = 1.61 (ln is the natural logarithm, math.log). Even if the other five
# answers are perfect and cost nothing, the mean is 1.61 / 6 = 0.27. In unknown order
# there is only one answer. For four motions of five it is a tossed coin, which costs
# ln 2 = 0.69: the mean is 4/5 x 0.69 = 0.55. So do not expect a loss near 0.
def loss_at_every_frame(scores: Tensor, motions: Tensor) -> Tensor:
    T = scores.shape[1]
    # In one row again: T answers to the first film, then T to the second, and so on.
    answers = scores.flatten(start_dim=0, end_dim=1)  # (B * T, C)
    # The label of the first film T times, then that of the second T times, and so on.
    labels = motions.repeat_interleave(T)  # (B * T,)
    return F.cross_entropy(answers, labels)


# %%
# Training
# --------
# One function trains both networks: ``in_order`` says what the network may see. The
# *gradient* says for each weight how the loss changes if that weight grows a bit. In
# every step Adam, the optimizer, changes each weight a little against its gradient; how
# much, depends on the learning rate, 0.005.
def train(
    network: nn.Module,
    images: Tensor,
    steps: int,
    in_order: bool,
    watch: Callable[[int, float], None] | None = None,
) -> None:
    optimizer = torch.optim.Adam(network.parameters(), lr=0.005)
    for step in range(steps):
        films, motions = shoot(images, digits=13)  # 65 new films in every step
        if not in_order:
            films = average_frames(films)
        scores = network(films, every_frame=True)  # (B, T, C)
        loss = loss_at_every_frame(scores, motions)
        optimizer.zero_grad()  # forget the gradients of the last step
        loss.backward()  # how does the loss depend on each weight?
        optimizer.step()  # change each weight a little, against its gradient
        if watch is not None:
            watch(step, loss.item())


def print_loss(step: int, loss: float) -> None:
    if step % 60 == 0:
        print(f"    step {step:4}: loss {loss:.2f}")


# %%
# How many answers are correct after each frame?
# ----------------------------------------------
def accuracy(network: nn.Module, films: Tensor, motions: Tensor) -> list[float]:
    """The share of correct answers after the first frame, the second, and so on."""
    with torch.no_grad():
        scores = network(films, every_frame=True)  # (B, T, C)
    answers = scores.argmax(dim=2)  # (B, T)
    # None makes the labels a column, (B, 1): each is compared with T answers.
    correct = answers == motions[:, None]  # (B, T)
    return correct.float().mean(dim=0).tolist()


# %%
# The verdict: three numbers near three limits
# --------------------------------------------
# Far below its limit, a network has not learned what can be learned. Far above 20 or
# 60 %, it knows what cannot be known: there must be an error in the experiment. We
# allow 5 points in either direction: the training is short, and of so many tossed coins
# seldom just one half shows heads.
ONE_FRAME = 0.20
ANY_ORDER = 0.60
IN_ORDER = 1.00


def claim_holds(one_frame: float, any_order: float, in_order: float) -> bool:
    one_frame_is_near = abs(one_frame - ONE_FRAME) <= 0.05
    any_order_is_near = abs(any_order - ANY_ORDER) <= 0.05
    in_order_is_near = abs(in_order - IN_ORDER) <= 0.05
    return one_frame_is_near and any_order_is_near and in_order_is_near


# %%
# The picture
# -----------
# Above, a film to the left. Under each frame, how likely each motion is after it, for
# the network that sees the frames in order. On the right, how many answers are correct
# on all films of the test.
def figure(frames: Tensor, chances: Tensor, shares: list[float]) -> Figure:
    """A film to the left (T, 1, 28, 28); after each frame, the probability (T, C) that
    the network gives each motion; correct answers: one frame, any order, in order."""
    fig = plt.figure(figsize=(8, 4.5), layout="constrained")
    fig.suptitle("Without their order, frames cannot tell left from right")
    strip, side = fig.subfigures(1, 2, width_ratios=[2, 1])

    panels = strip.subplots(2, FRAMES, sharey="row", height_ratios=[2, 3])
    for t in range(FRAMES):
        upper, lower = panels[:, t]
        upper.imshow(frames[t, 0].numpy(), cmap="gray_r", vmin=0, vmax=1)
        upper.set_title(f"frame {t + 1}", fontsize=10)
        upper.set(xticks=[], yticks=[])
        lower.barh(MOTIONS, chances[t].tolist())
        lower.set(xlim=(0, 1), xticks=[0, 1])
    panels[1, 0].invert_yaxis()  # the first motion on top
    strip.supxlabel("probability of each motion after this frame (true: left)")

    bars = side.subplots()
    drawn = bars.bar(["one\nframe", "any\norder", "in\norder"], shares, width=0.9)
    bars.bar_label(drawn, label_type="center", fmt="{:.1%}", color="white")
    for place, limit in enumerate([ONE_FRAME, ANY_ORDER, IN_ORDER]):
        bars.hlines(limit, place - 0.5, place + 0.5, "black", "dashed")
    bars.set(ylim=(0, 1.05), ylabel="correct answers (dashed: the limits)")
    return fig


# %%
# The lesson
# ----------
def main(
    steps: int = 300,
    data: Literal["digits", "mnist"] = "digits",
    seed: int = 0,
) -> dict[str, float]:
    """How much do six frames tell of a motion, with and without their order?

    Args:
        steps: number of training steps, each on 65 films
        data: 1,797 small digits, offline; or MNIST, fetched once (11 MB)
        seed: of everything random
    """
    if steps < 1:
        sys.exit(f"--steps must be at least 1, got {steps}")
    print(f"{ASK}\n")
    read_three_numbers()
    fold_and_unfold()
    roll_a_row()
    # Which digit an image shows does not matter here: we do not use these labels.
    train_images, _, test_images, _ = load_digits(data)
    play_backwards(test_images[0])
    torch.manual_seed(seed)
    test_films, test_motions = shoot(test_images, digits=500)

    print("Six frames in unknown order")
    torch.manual_seed(seed)
    without_order = ImageSequenceClassifierCNNRNN()
    train(without_order, train_images, steps, in_order=False, watch=print_loss)
    averaged = average_frames(test_films)  # (B, 1, 1, 28, 28)
    any_order = accuracy(without_order, averaged, test_motions)[0]
    print(f"    correct: {any_order:.1%}\n")

    print("Six frames in order")
    torch.manual_seed(seed)  # the same first weights and the same films as before
    with_order = ImageSequenceClassifierCNNRNN()
    train(with_order, train_images, steps, in_order=True, watch=print_loss)
    after_each = accuracy(with_order, test_films, test_motions)
    one_frame = after_each[0]  # it has seen no more when it gives its first answer
    in_order = after_each[-1]
    shares = ", ".join(f"{share:.1%}" for share in after_each)
    print(f"    correct after each frame: {shares}")
    four = with_order(test_films[:4])  # (4, C)
    print(f"Four films in, five scores for each out: {list(four.shape)}\n")

    holds = claim_holds(one_frame, any_order, in_order)
    verdict = "holds" if holds else "does NOT hold"
    print(textwrap.fill(CLAIM))
    print(f"In this run the claim {verdict}.")

    example = film(test_images[0], top=0, left=8, motion="left")
    with torch.no_grad():
        scores = with_order(example[None], every_frame=True)  # (1, T, C)
    chances = scores[0].softmax(dim=-1)  # (T, C)
    Path("figures").mkdir(exist_ok=True)
    fig = figure(example, chances, [one_frame, any_order, in_order])
    fig.savefig("figures/cnnrnn.png", dpi=160)
    return {
        "one_frame": one_frame,
        "any_order": any_order,
        "in_order": in_order,
        "holds": float(holds),
    }


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
