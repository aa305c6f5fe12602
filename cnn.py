# /// script
# requires-python = ">=3.11"
# dependencies = ["matplotlib>=3.10.7", "scikit-learn>=1.6", "torch>=2.9",
#   "torchvision>=0.24", "tyro>=0.9"]
# ///
r"""
A CNN and what it takes for granted
===================================

**What a convolution computes.** An image is a table of numbers, the pixels; here 0 is
white paper and 1 is ink. A *kernel* is a small table of weights, 5 x 5 in this lesson.
Lay it on a corner of the image, multiply each weight by the pixel under it, and add up
the 25 products: that sum is one number of the output. Move the kernel by one pixel and
do it again, until it has been everywhere. The sums form a new, slightly smaller image,
the *feature map*. A sum is large where the image looks like the kernel: ink under the
large weights, paper under the negative ones. Nobody chooses the weights, training finds
them. A network with such layers is a convolutional neural network, a *CNN*.

**What it takes for granted**, before it has seen a single image:

1. What belongs together is close together: a kernel sees only 5 x 5 pixels at a time.
2. A pattern means the same everywhere: the same kernel is used at every place.

A *multilayer perceptron* (MLP), a network of linear layers, takes neither for granted.
It sees an image as a list of 28 x 28 = 784 numbers and has weights of its own for each
of them. Which pixels are neighbours is written nowhere in it.

**The experiment.** Both networks learn to name handwritten digits that may stand
anywhere in the image. Then we put the pixels of all images into the same new order, and
train both anew. Nothing is lost: whoever knows the order can restore every image. But
pixels that were neighbours are far apart now, and when a digit stands elsewhere its
dots lie in another pattern: both assumptions are wrong. Which network gets worse?

:Run: ``python cnn.py --seed 1``
:Shapes: B images in a batch, N images, H height, W width, K side of a kernel
:Paper: LeCun et al. 1998, https://doi.org/10.1109/5.726791
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
from matplotlib.figure import Figure
from torch import Tensor, nn

ASK = "We shuffle the pixels of all images in the same way: which network gets worse?"
CLAIM = (
    "Shuffling costs the CNN more than 10 percentage points of accuracy. The MLP, "
    "which has four times as many weights, changes by less than 5, and still names "
    "more than half of the digits."
)
BATCH = 125  # images in one step of training


# %%
# What a convolution computes, in plain loops
# -------------------------------------------
# A kernel of side K fits at H - K + 1 places into an image of height H. A kernel of
# side 2, for example, fits at 3 places into 4 pixels: at the first, second and third.
def convolve(image: Tensor, kernel: Tensor) -> Tensor:
    """The feature map of one image (H, W) under one kernel (K, K)."""
    K = len(kernel)
    H, W = image.shape
    feature_map = torch.zeros(H - K + 1, W - K + 1)
    for row in range(H - K + 1):
        for column in range(W - K + 1):
            window = image[row : row + K, column : column + K]  # (K, K)
            feature_map[row, column] = (window * kernel).sum()
    return feature_map


def find_an_edge() -> None:
    # 0 on the left, 1 on the right: there is an edge in the middle.
    image = torch.tensor([[0.0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]])  # (H, W)
    # Right minus left: 0 where both are equal, large where the right side is larger.
    kernel = torch.tensor([[-1.0, 1], [-1, 1]])  # (K, K)
    ours = convolve(image, kernel)
    print(f"The image\n{image}\nunder the kernel\n{kernel}\nbecomes\n{ours}")
    # PyTorch's conv2d expects many images, each a stack of tables, called channels
    # (red, green and blue, for example), and many kernels, each with a table for each
    # channel. We have one of each: an index of None adds a dimension of size one in
    # front.
    images = image[None, None]  # (1, 1, H, W)
    kernels = kernel[None, None]  # (1, 1, K, K)
    theirs = F.conv2d(images, kernels)[0, 0]  # of the first image, for the first kernel
    print(f"and PyTorch's conv2d says the same: {torch.equal(ours, theirs)}\n")


# %%
# The CNN: convolution, ReLU and pooling, twice; then one linear layer
# --------------------------------------------------------------------
# The first layer has 16 kernels. Each makes a feature map of its own, and the 16 maps
# go on together, as the 16 channels of one image.
#
# Between two layers there must be something that is no weighted sum. A sum of sums is
# again a sum, so two layers of sums could be replaced by one with other weights. *ReLU*
# is the usual choice: it sets negative numbers to 0. A place that does not look like
# the kernel counts as nothing then, however little it looks like it.
#
# *Pooling* keeps the largest of each 2 x 2 numbers. The map then has half the height
# and half the width, and if a pattern moves by one pixel, its largest sum is often
# still in the same square.
#
# Why a second layer? A kernel of the first layer sees 5 x 5 pixels, enough for a piece
# of a stroke. The second layer has 32 kernels. Each has 5 x 5 weights for each of the
# 16 channels and adds up all 400 products. Five numbers in a row of a halved map go
# back to 14 pixels of the image: this layer can see how pieces of strokes lie to each
# other.
#
# What is left are 32 maps of 4 x 4 numbers. The last, linear layer makes one score for
# each of the ten digits out of them. The largest score is the network's answer.
class ImageClassifierCNN(nn.Module):
    """Images (B, 1, 28, 28) -> scores (B, 10); ValueError for another shape."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels=1, out_channels=16, kernel_size=5)
        self.conv2 = nn.Conv2d(in_channels=16, out_channels=32, kernel_size=5)
        self.pool = nn.MaxPool2d(kernel_size=2)
        self.classifier = nn.Linear(32 * 4 * 4, 10)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (1, 28, 28):
            raise ValueError(f"expected (B, 1, 28, 28), got {tuple(x.shape)}")
        # A kernel fits at 28 - 5 + 1 = 24 places. Pooling leaves half of them: 12.
        x = self.pool(F.relu(self.conv1(x)))  # (B, 16, 12, 12)
        # The next fits at 12 - 5 + 1 = 8 places, and pooling leaves 4.
        x = self.pool(F.relu(self.conv2(x)))  # (B, 32, 4, 4)
        x = x.flatten(start_dim=1)  # (B, 512)
        return self.classifier(x)  # (B, 10)


# %%
# The opponent sees a list of 784 numbers, without rows and columns
# -----------------------------------------------------------------
# It has 76,330 weights, the CNN has 18,378 (both counted with the biases: one number
# more that PyTorch's layers learn for each kernel, and add to its sums). So if the MLP
# names fewer digits, it is not for want of weights.
def make_mlp() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 96),
        nn.ReLU(),
        nn.Linear(96, 10),
    )


# %%
# Half-size digits at random places
# ---------------------------------
# In the usual images the digit stands in the middle. Each stroke is always at about the
# same pixels, and an MLP can learn pixel by pixel what to expect there. So we make the
# digits half as large, each 2 x 2 pixels replaced by their mean (PyTorch calls that
# pooling, too), and put them at random places. Now it should help to know that a
# pattern means the same everywhere.
def place(images: Tensor, labels: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """This many images (count, 1, 28, 28), each with a digit drawn from the given ones
    at a place of its own, and their labels."""
    chosen = torch.randint(len(images), (count,))
    small = F.avg_pool2d(images[chosen], kernel_size=2)  # (N, 1, 14, 14)
    placed = torch.zeros(count, 1, 28, 28)
    for i in range(count):
        # 14 pixels fit into 28 at 15 places.
        top = torch.randint(15, ()).item()
        left = torch.randint(15, ()).item()
        placed[i, :, top : top + 14, left : left + 14] = small[i]
    return placed, labels[chosen]


# %%
# The same images with their pixels shuffled
# ------------------------------------------
# The order is a list of the numbers 0 to 783, drawn once. The pixel at place i of a
# shuffled image is the one that stood at place order[i] before. This order is the same
# for all images. If each had an order of its own, no place would mean anything, and all
# that a network could still see is how much ink there is, and how dark it is.
def shuffle_pixels(images: Tensor, order: Tensor) -> Tensor:
    lists = images.flatten(start_dim=1)  # (N, 784)
    shuffled = lists[:, order]  # (N, 784)
    return shuffled.view(-1, 1, 28, 28)  # (N, 1, 28, 28)


# %%
# Training
# --------
# The *loss* says how wrong the network is. A softmax turns its ten scores into
# probabilities that sum to one (exp of each, divided by the sum of all ten). The loss
# is -log of the probability of the right digit: 0 if that is 1, and -log(0.1) = 2.3 if
# all ten digits get the same 0.1. ``F.cross_entropy`` computes softmax and loss in one,
# so the network itself ends without a softmax.
#
# The *gradient* says for each weight how the loss changes if that weight grows a bit. A
# step of training looks at a *batch* of 125 images and changes every weight a little
# against its gradient. How much is up to the optimizer, here Adam, and to the *learning
# rate*: too small, and little is learned; too large, and the steps overshoot. Ours
# follows a common recipe, one cycle: it starts small, rises to 0.009, and falls to
# almost 0, so that the weights settle.
def train(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    steps: int,
    watch: Callable[[int, float], None] | None = None,
) -> None:
    """Train `network`; `watch`, if given, is called with each step and its loss."""
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.009, total_steps=steps
    )

    shuffled = torch.randperm(len(images))  # the numbers of the images, mixed
    for step in range(steps):
        numbers = torch.arange(step * BATCH, (step + 1) * BATCH)  # 0 ... 124, 125 ...
        batch = shuffled[numbers % len(images)]  # after the last image, the first again
        loss = F.cross_entropy(network(images[batch]), labels[batch])
        optimizer.zero_grad()  # forget the gradients of the last step
        loss.backward()  # how does the loss depend on each weight?
        optimizer.step()  # change each weight a little, against its gradient
        schedule.step()  # the learning rate of the next step
        if watch is not None:
            watch(step, loss.item())


def print_loss(step: int, loss: float) -> None:
    if step % 60 == 0:
        print(f"    step {step:3}: loss {loss:.2f}")


def accuracy(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The share of images whose largest score is that of the right digit."""
    with torch.no_grad():  # nothing is learned here
        scores = network(images)  # (N, 10)
    answers = scores.argmax(dim=1)  # (N,)
    return (answers == labels).float().mean().item()


# %%
# When does the claim hold?
# -------------------------
# To an MLP the order of its list makes no difference. Why does its accuracy not stay
# exactly the same? Its first layer starts with the same random weights, but they belong
# to other pixels now: it is another start, and another start ends a little differently.
# Our seeds differ by less than 5 points. And since a network that only guesses has
# nothing to lose, the MLP must name more than half.
#
# The CNN need not fall as far as guessing, 10 %. Its last layer has weights of its own
# for each of the 4 x 4 places, and these can learn something. Nor has it come to an
# end: its loss is still falling at the last step. With ``--steps 960``, four times as
# many, all four networks read better, and the shuffled CNN comes to some 80 %. It is
# still more than ten points below the one in order.
def claim_holds(right: dict[str, float]) -> bool:
    """The verdict, from the accuracies on digits in order and shuffled."""
    cnn_lost = right["cnn_in_order"] - right["cnn_shuffled"]
    mlp_lost = right["mlp_in_order"] - right["mlp_shuffled"]
    cnn_gets_worse = cnn_lost > 0.10
    mlp_stays = abs(mlp_lost) < 0.05
    mlp_reads = right["mlp_shuffled"] > 0.50
    return cnn_gets_worse and mlp_stays and mlp_reads


# %%
# The picture
# -----------
# Ink is drawn in black.
def figure(in_order: Tensor, shuffled: Tensor, right: dict[str, float]) -> Figure:
    """One image (28, 28), in order and shuffled, and what the four networks read."""
    fig, axes = plt.subplots(1, 3, figsize=(8, 4.5), layout="constrained")
    left, middle, bars = axes
    left.imshow(in_order.numpy(), cmap="gray_r")
    left.set(title="a digit, in order", xticks=[], yticks=[])
    middle.imshow(shuffled.numpy(), cmap="gray_r")
    middle.set(title="the same, shuffled", xticks=[], yticks=[])

    cnn = bars.barh(
        ["CNN, in order", "CNN, shuffled"],
        [right["cnn_in_order"], right["cnn_shuffled"]],
        color="tab:blue",
    )
    mlp = bars.barh(
        ["MLP, in order", "MLP, shuffled"],
        [right["mlp_in_order"], right["mlp_shuffled"]],
        color="tab:orange",
    )
    bars.bar_label(cnn, fmt="{:.0%}", padding=3, fontsize=12)
    bars.bar_label(mlp, fmt="{:.0%}", padding=3, fontsize=12)
    bars.axvline(0.1, linestyle="--", color="black")
    bars.invert_yaxis()
    bars.spines[["top", "right"]].set_visible(False)
    bars.set(xlim=(0, 1.2), xticks=[0, 0.5, 1], xlabel="accuracy\n(dashed: guessing)")
    fig.suptitle("Which network gets worse if all pixels are shuffled?", fontsize=16)
    return fig


# %%
# A second picture: the feature maps of one digit
# -----------------------------------------------
# They are drawn as they go on, after ReLU and pooling: dark where a kernel found what
# it looks for.
def as_tiles(maps: Tensor, columns: int) -> Tensor:
    """Feature maps (N, H, W) side by side in one table, with grey lines between."""
    N, H, W = maps.shape
    rows = N // columns
    grey = maps.max().item() / 3
    tiles = torch.full((rows * (H + 1) - 1, columns * (W + 1) - 1), grey)
    for i in range(N):
        top = (i // columns) * (H + 1)
        left = (i % columns) * (W + 1)
        tiles[top : top + H, left : left + W] = maps[i]
    return tiles


def figure_layers(network: ImageClassifierCNN, image: Tensor) -> Figure:
    """What both layers make of one image (1, 28, 28), and the ten probabilities."""
    with torch.no_grad():
        x = image[None]  # (1, 1, 28, 28)
        maps1 = network.pool(F.relu(network.conv1(x)))  # (1, 16, 12, 12)
        maps2 = network.pool(F.relu(network.conv2(maps1)))  # (1, 32, 4, 4)
        chances = network(x).softmax(dim=-1)  # (1, 10)
    fig, axes = plt.subplots(
        1, 4, figsize=(8, 4.5), layout="constrained", width_ratios=[3, 3, 6, 2]
    )
    axes[0].imshow(image[0].numpy(), cmap="gray_r")
    axes[0].set_title("a digit")
    axes[1].imshow(as_tiles(maps1[0], columns=4).numpy(), cmap="gray_r")
    axes[1].set_title("layer 1: 16 maps")
    axes[2].imshow(as_tiles(maps2[0], columns=8).numpy(), cmap="gray_r")
    axes[2].set_title("layer 2: 32 maps")
    for ax in axes[:3]:
        ax.set(xticks=[], yticks=[])
    axes[3].barh(range(10), chances[0].tolist())
    axes[3].set(yticks=range(10), xlim=(0, 1), xticks=[0, 1], title="probability")
    axes[3].invert_yaxis()
    fig.suptitle("Where each kernel finds its pattern in one digit", fontsize=16)
    return fig


# %%
# Three tasks, two networks
# -------------------------
# A task is four tables: images and labels to train on, images and labels to test with.
# No handwritten digit is in both parts. The three tasks are ``centred``, the usual
# digits in the middle, for comparison (there both networks are good); ``in_order``,
# half-size digits at random places; and ``shuffled``, the same images, shuffled.
Task = tuple[Tensor, Tensor, Tensor, Tensor]


def make_tasks(data: str, seed: int) -> dict[str, Task]:
    images, labels, test_images, test_labels = load_digits(data)
    torch.manual_seed(seed)
    order = torch.randperm(784)  # one order, for all images of training and test
    placed, placed_labels = place(images, labels, 15_000)
    test_placed, test_placed_labels = place(test_images, test_labels, 2_000)
    shuffled = shuffle_pixels(placed, order)
    test_shuffled = shuffle_pixels(test_placed, order)
    return {
        "centred": (images, labels, test_images, test_labels),
        "in_order": (placed, placed_labels, test_placed, test_placed_labels),
        "shuffled": (shuffled, placed_labels, test_shuffled, test_placed_labels),
    }


def learn(
    make: Callable[[], nn.Module],
    task: Task,
    steps: int,
    device: str,
    seed: int,
    watch: Callable[[int, float], None] | None = None,
) -> tuple[nn.Module, float]:
    """A new network, trained on this task, and its accuracy there."""
    images, labels, test_images, test_labels = [part.to(device) for part in task]
    torch.manual_seed(seed)  # the same first weights for every task
    network = make().to(device)
    torch.manual_seed(seed)  # the same batches for both networks
    train(network, images, labels, steps, watch)
    return network, accuracy(network, test_images, test_labels)


# %%
# The lesson
# ----------
def main(
    steps: int = 240,
    data: Literal["digits", "mnist"] = "digits",
    device: Literal["cpu", "cuda", "mps", "xpu"] = "cpu",
    seed: int = 0,
) -> dict[str, float]:
    """Which network gets worse, if the pixels of all images are shuffled?

    Args:
        steps: number of training steps, each on 125 images
        data: 1,797 small digits, offline; or MNIST, fetched once (11 MB)
        device: what computes: the processor (cpu) or a graphics card
        seed: of everything random
    """
    if steps < 1:
        sys.exit(f"--steps must be at least 1, got {steps}")
    if not torch.get_device_module(device).is_available():
        sys.exit(f"--device {device}: this machine has none")
    print(f"{ASK}\n")
    find_an_edge()
    torch.manual_seed(seed)
    scores = ImageClassifierCNN()(torch.rand(4, 1, 28, 28))  # (B, 10)
    print(f"Four images in, ten scores for each out: {list(scores.shape)}\n")

    tasks = make_tasks(data, seed)
    networks = {}
    right = {}
    for name, make in {"mlp": make_mlp, "cnn": ImageClassifierCNN}.items():
        for task in ("centred", "in_order", "shuffled"):
            enough = steps
            if data == "mnist" and task == "centred":
                enough = 4 * steps  # there are 60,000 images in this task
            print(f"{name.upper()}, {task.replace('_', ' ')}:")
            network, share = learn(make, tasks[task], enough, device, seed, print_loss)
            networks[f"{name}_{task}"] = network
            right[f"{name}_{task}"] = share
            print(f"    names {share:.1%} of the unseen digits correctly\n")

    verdict = "holds" if claim_holds(right) else "does NOT hold"
    print(f"{textwrap.fill(CLAIM)}\nIn this run the claim {verdict}.")

    one = tasks["in_order"][2][0]  # (1, 28, 28)
    same = tasks["shuffled"][2][0]  # (1, 28, 28)
    Path("figures").mkdir(exist_ok=True)
    figure(one[0], same[0], right).savefig("figures/cnn.png", dpi=160)
    layers = figure_layers(networks["cnn_in_order"].cpu(), one)
    layers.savefig("figures/cnn_layers.png", dpi=160)
    return right | {"holds": float(claim_holds(right))}


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
