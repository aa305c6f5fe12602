# /// script
# requires-python = ">=3.11"
# dependencies = ["matplotlib>=3.10.7", "scikit-learn>=1.6", "torch>=2.9",
#   "torchvision>=0.24", "tyro>=0.9"]
# ///
r"""
An autoencoder against PCA
==========================

**An autoencoder** is a network that learns to give back its input, although the input
has to pass through a narrow place. Its first half, the *encoder*, turns an image of 784
pixels into a few numbers, the *code*. Its second half, the *decoder*, sees only the
code, and rebuilds the image. The *error*, or reconstruction loss, is the mean of the
squared differences between the pixels and the rebuilt pixels. Nobody has to write
labels: the right answer is the input itself.

**PCA**, principal component analysis, does the same without a network. It sees an image
as a point with 784 coordinates, one for each pixel. It computes the mean of all points,
and the few directions along which the points spread most. The code of a point says how
far to go from the mean along each of these directions:

``rebuilt = mean + code[0] * direction[0] + code[1] * direction[1] + ...``

With one number in the code, all rebuilt points lie on a straight line; with two, on a
plane; and so on. We call such a set of points *flat*. No other line (or plane, and so
on) has a smaller error on the points to which PCA was fitted: that is a theorem. But
the points may lie along something curved, and this a network can follow.

**The experiment.** Both get a code of equally many numbers. PCA is fitted to the
*training digits*, and the autoencoder learns from them. We compare their errors on
unseen digits. The *control* is the same network without activations: these are the only
functions in it that are no weighted sums. Without them all that it can rebuild is flat,
too, so it must obey the theorem: on the training digits it cannot beat PCA.

The small digits have 8 x 8 pixels, enlarged to 28 x 28: 64 numbers would be enough to
rebuild them without any error. Those of MNIST (``--data mnist``) have all 784.

:Run: ``python autoencoder.py --latent_dim 2``
:Shapes: B images in a batch, N images or points, M unseen images beside them, K images
    side by side, P numbers in each (pixels or coordinates), L numbers in a code
:Paper: Hinton and Salakhutdinov 2006, https://doi.org/10.1126/science.1127647
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

ASK = "A few numbers for 784 pixels: can a network rebuild digits better than PCA?"
CLAIM = (
    "With a code of few numbers, such as 8, the error of the autoencoder on unseen "
    "digits is at least 15 % below PCA's. On the training digits, the error of the "
    "control, which has no activations, is not below PCA's, and at most 2 % above."
)
PIXELS = 784  # 28 x 28
MIDDLE = 128  # numbers between pixels and code: a longer code could hold no more
BATCH = 64  # images in one step of training


# %%
# How four points spread: the covariance matrix
# ---------------------------------------------
# Before we take images of 784 numbers, let us take four points of two numbers: (1, 3),
# (7, 1), (11, 3) and (13, 9). Their mean is (8, 4). *Centred*, that is, minus the mean,
# they become (-7, -1), (-1, -3), (3, -1) and (5, 5).
#
# How far do they spread? The *variance* of the first coordinate is the mean of its
# squares, (49 + 1 + 9 + 25) / 4 = 21. That of the second is (1 + 9 + 1 + 25) / 4 = 9.
#
# Do the coordinates grow together? Their *covariance* is the mean of their products,
# (7 + 3 - 3 + 25) / 4 = 8. It is positive: a point with a large first coordinate mostly
# has a large second one.
#
# The *covariance matrix* collects all of these: in row i and column j stands the
# covariance of coordinates i and j. Here its rows are (21, 8) and (8, 9).
def covariance_matrix(points: Tensor) -> Tensor:
    """Points (N, P) -> their covariance matrix (P, P), in plain loops."""
    N, P = points.shape
    centred = points - points.mean(dim=0)  # (N, P)
    matrix = torch.zeros(P, P)
    for i in range(P):
        for j in range(P):
            for point in centred:
                matrix[i, j] += point[i] * point[j] / N
    return matrix


# %%
# The direction along which they spread most
# ------------------------------------------
# Multiply this matrix by the vectors (2, 1) and (-1, 2):
#
# * (21 * 2 + 8 * 1, 8 * 2 + 9 * 1) = (50, 25) = 25 * (2, 1)
# * (21 * -1 + 8 * 2, 8 * -1 + 9 * 2) = (-5, 10) = 5 * (-1, 2)
#
# Both keep their direction, and only become longer. Such vectors are called
# *eigenvectors* of the matrix, and the factors, 25 and 5, its *eigenvalues*. For a
# covariance matrix, an eigenvalue is the variance of the points along its eigenvector:
# in the next part we compute it along (2, 1), and get 25. Along any other direction,
# the variance is a mixture of 25 and 5. Take (1, 0). At length 1 the two eigenvectors
# are about (0.89, 0.45) and (-0.45, 0.89). Their products with (1, 0) are 0.89 and
# -0.45, and the squares of these, 0.8 and 0.2, are the shares of the mixture:
# 0.8 * 25 + 0.2 * 5 = 21, as above. A mixture is never more than the larger of the two,
# so the points spread most along (2, 1).
#
# How do we find this vector, if we do not know it? We begin with another, (1, 0), and
# multiply it by the matrix again and again. It is made of both eigenvectors:
#
# (1, 0) = 2/5 * (2, 1) - 1/5 * (-1, 2)
#
# Each time the first part becomes 25 times as long, the second only 5 times. Soon,
# nearly nothing but the first is left. (Only (-1, 2) itself would be a bad beginning:
# it has no part along (2, 1).)
def find_direction(matrix: Tensor, times: int) -> Tensor:
    """(1, 0), multiplied by a 2 x 2 matrix so many times, each time cut to length 1."""
    direction = torch.tensor([1.0, 0.0])
    for _ in range(times):
        direction = matrix @ direction  # @ multiplies a matrix by a vector or a matrix
        direction = direction / direction.norm()  # length 1: only where it points
    return direction


def print_directions(matrix: Tensor) -> None:
    print("The vector (1, 0), multiplied by the matrix, at length 1:")
    for times in (1, 2, 4, 8):
        x, y = find_direction(matrix, times).tolist()
        print(f"    {times} times: ({x:.3f}, {y:.3f})")
    print("This is the direction of (2, 1).\n")


# %%
# One number for each of the four points: on a line, and on a curve
# -----------------------------------------------------------------
# The line goes through the mean, along (2, 1). The code of a point says how many steps
# of (2, 1) lead from the mean to the place on the line that is nearest to the point.
# There, what is missing is perpendicular to the line: its product with (2, 1) is 0. So
#
# product of the centred point and (2, 1) = code * product of (2, 1) and (2, 1)
#
# For (-7, -1) these products are -7 * 2 - 1 * 1 = -15 and 2 * 2 + 1 * 1 = 5, so the
# code is -15 / 5 = -3. Rebuilt from this one number, the point (1, 3) becomes
# (8, 4) - 3 * (2, 1) = (2, 1). What is missing is (-1, 2).
#
# The codes of the four points are -3, -1, 1 and 3, in steps as long as (2, 1), whose
# squared length is 5. The variance is 5 * (9 + 1 + 1 + 9) / 4 = 25: the eigenvalue.
#
# The two outer points miss (-1, 2), the two inner points (1, -2): they lie on the two
# sides of the line, as if along a curve. A decoder that may square the code can follow
# it. For these points we choose (code * code - 5) / 4. This is 1 for the outer codes,
# -3 and 3, and -1 for the inner codes, -1 and 1. So many times we add (-1, 2).
def encode_point(point: Tensor) -> Tensor:
    """How many steps of (2, 1) lead from the mean to the place nearest to a point."""
    centred = point - torch.tensor([8.0, 4.0])
    return (centred * torch.tensor([2.0, 1.0])).sum() / 5


def on_the_line(code: Tensor) -> Tensor:
    return torch.tensor([8.0, 4.0]) + code * torch.tensor([2.0, 1.0])


def on_the_curve(code: Tensor) -> Tensor:
    times = (code * code - 5) / 4
    return on_the_line(code) + times * torch.tensor([-1.0, 2.0])


# %%
# PCA of as many points as you like, with as many coordinates
# -----------------------------------------------------------
# The same for images: mean, covariance matrix, eigenvectors. There are as many
# eigenvectors as pixels, all perpendicular to each other. PCA keeps those with the
# largest eigenvalues, one for each number in the code. (``size`` says how many numbers
# the code has.)
def fit_pca(images: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Images (N, P) -> their mean (P,) and directions (P, L), one a column."""
    mean = images.mean(dim=0)  # (P,)
    centred = images - mean  # (N, P)
    # The three loops in one line: .T makes rows of columns, and the product of row i
    # and column j is the sum, over all images, of pixel i times pixel j.
    matrix = centred.T @ centred / len(images)  # (P, P)
    # eigh returns the eigenvectors as columns, each of length 1. The one with the
    # largest eigenvalue comes last, so we keep the last columns.
    directions = torch.linalg.eigh(matrix).eigenvectors  # (P, P)
    return mean, directions[:, -size:]  # (P,), (P, L)


def rebuild_with_pca(images: Tensor, mean: Tensor, directions: Tensor) -> Tensor:
    """Encode images (N, P) as L numbers each, and rebuild them from these."""
    # For each image and each direction, what we did with (-7, -1) and (2, 1) above. A
    # direction has length 1 here, so that there is nothing to divide by.
    code = (images - mean) @ directions  # (N, L)
    return mean + code @ directions.T  # (N, P)


# %%
# The four points, printed
# ------------------------
# The error of the line is 2.5: what is lost is the variance along (-1, 2), which is 5,
# and the error is a mean over two coordinates. The error of the curve is 0. But that
# proves little, for there is a curve through any four points. Does a curve also come
# closer to points that were not there when it was fitted? We have to try. (PyTorch's
# ``F.mse_loss`` computes the error: MSE stands for mean squared error.)
def print_four_points() -> None:
    points = torch.tensor([[1.0, 3], [7, 1], [11, 3], [13, 9]])  # (N, P)
    matrix = covariance_matrix(points)  # (P, P)
    print(f"Four points, their mean, and their covariance matrix:\n{points}")
    print(f"{points.mean(dim=0)}\n{matrix}\n")
    print_directions(matrix)

    print("Each point as one number, its code, and rebuilt from it:")
    lines = []
    curves = []
    for point in points:
        code = encode_point(point)
        line = on_the_line(code)
        curve = on_the_curve(code)
        print(f"    {point.tolist()}: code {code:.0f},", end=" ")
        print(f"on a line {line.tolist()}, on a curve {curve.tolist()}")
        lines.append(line)
        curves.append(curve)

    by_hand = torch.stack(lines)  # (N, P)
    on_curve = torch.stack(curves)  # (N, P)
    print(f"The error of the line: {F.mse_loss(by_hand, points):.1f}")
    print(f"The error of the curve: {F.mse_loss(on_curve, points):.1f}")
    mean, directions = fit_pca(points, size=1)
    rebuilt = rebuild_with_pca(points, mean, directions)  # (N, P)
    print(f"fit_pca finds the same line: {torch.allclose(rebuilt, by_hand)}\n")


# %%
# The autoencoder: encoder and decoder
# ------------------------------------
# Each half has two linear layers (weighted sums), and between them an *activation*: a
# function that is no weighted sum, and changes every number by itself. Ours, *GELU*,
# multiplies a number by a factor that rises smoothly from 0, far below zero, to 1, far
# above: a ReLU with a round corner. GELU(-3) is about 0, GELU(0) is 0, GELU(3) is about
# 3.
#
# This is how the decoder can draw a curve. Its first layer makes 128 different sums of
# the numbers in the code. GELU keeps those above zero, and lets hardly anything through
# of those below. As the code changes, some sums begin to count and others cease to, and
# the rebuilt image, as a point with 784 coordinates, moves on in another direction.
# Where this happens is learned: nobody has to say that a square would be right.
#
# Neither half ends in an activation. The numbers in a code may be negative, as those of
# PCA are, and a GELU at the end would cut them off: the decoder could make do with the
# rest, but half of every axis of the code would lie idle. The code is called *latent*,
# hidden, because nobody says what its numbers should mean. With ``latent_dim=2``, they
# put every image at a place on a map.
class SimpleAutoencoder(nn.Module):
    """Images (B, input_dim) -> rebuilt images; ValueError for another shape."""

    def __init__(
        self,
        input_dim: int = PIXELS,
        latent_dim: int = 32,
        activation: type[nn.Module] = nn.GELU,
    ):
        super().__init__()
        self.input_dim = input_dim
        self.encoder = nn.Sequential(
            nn.Linear(input_dim, MIDDLE),
            activation(),
            nn.Linear(MIDDLE, latent_dim),
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, MIDDLE),
            activation(),
            nn.Linear(MIDDLE, input_dim),
        )

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (self.input_dim,):
            raise ValueError(f"expected (B, {self.input_dim}), got {tuple(x.shape)}")
        code = self.encoder(x)  # (B, L)
        return self.decoder(code)  # (B, P)


# %%
# The control: the same network without activations cannot beat PCA
# -----------------------------------------------------------------
# ``nn.Identity`` returns what it gets, so it is no activation. The second linear layer
# of the decoder then makes weighted sums of weighted sums. These are weighted sums
# again: the two layers can do no more than one.
#
# ``rebuilt = shift + code[0] * image_0 + code[1] * image_1 + ...``
#
# It learns the images (its weights) and the shift (its biases). This is PCA's formula,
# with other names for the directions and the mean. Whatever codes the encoder chooses,
# what is rebuilt from them is flat. And of everything flat with as many numbers in the
# code, PCA has the smallest error on the images to which it was fitted (Eckart and
# Young, 1936). So on the training digits this network cannot beat PCA, however long it
# learns and however many weights it has. If it did, something would be wrong with our
# PCA. If it comes close, it has learned nearly all that it can without activations.
#
# On unseen digits the theorem says nothing: there the control may end a little below
# PCA, and with some seeds it does, by up to 3 %.
def make_control(latent_dim: int) -> SimpleAutoencoder:
    return SimpleAutoencoder(latent_dim=latent_dim, activation=nn.Identity)


# %%
# Training: the target is the input
# ---------------------------------
# The *loss* is what training makes small; here it is the error on one batch. The
# *gradient* says for each weight how the loss changes if this weight grows a little. A
# step of training changes every weight against its gradient. How far is up to the
# optimizer, here Adam, and to the *learning rate*. Ours rises to 0.004, and then falls
# to almost 0: in the end the steps become small, so that the weights settle.
#
# A *denoising* autoencoder would differ in one line: the network gets the batch plus
# random noise, and its target is the batch without. So it learns to remove noise.
def train(
    network: nn.Module,
    images: Tensor,
    steps: int,
    watch: Callable[[int, float], None] | None = None,
) -> None:
    """Train on random batches. `watch`, if given, hears each step and its loss."""
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.004, total_steps=steps
    )

    for step in range(steps):
        chosen = torch.randint(len(images), (BATCH,))
        batch = images[chosen]  # (B, P)
        loss = F.mse_loss(network(batch), batch)  # the batch is input and target
        optimizer.zero_grad()  # forget the gradients of the last step
        loss.backward()  # how does the loss depend on each weight?
        optimizer.step()  # change each weight a little, against its gradient
        schedule.step()  # the learning rate of the next step
        if watch is not None:
            watch(step, loss.item())


def print_loss(step: int, loss: float) -> None:
    if step % 200 == 0:
        print(f"    step {step:4}: loss {loss:.4f}")


# %%
# Both networks learn
# -------------------
def learn_both(
    images: Tensor,
    latent_dim: int,
    steps: int,
    seed: int,
    watch: Callable[[int, float], None] | None = None,
) -> tuple[SimpleAutoencoder, SimpleAutoencoder]:
    """The autoencoder and the control, trained on these images."""
    print("The autoencoder learns:")
    torch.manual_seed(seed)
    autoencoder = SimpleAutoencoder(latent_dim=latent_dim)
    train(autoencoder, images, steps, watch)

    print("\nThe control, without activations, learns:")
    torch.manual_seed(seed)  # the same start and the same batches
    control = make_control(latent_dim)
    train(control, images, steps, watch)
    return autoencoder, control


# %%
# Five errors
# -----------
# The autoencoder is measured on unseen digits, PCA and the control on both. Does the
# autoencoder's lead come from its activations? In nothing else does the control differ.
# So if it does, the control's error on unseen digits must be about as large as PCA's.
def measure(
    autoencoder: SimpleAutoencoder,
    control: SimpleAutoencoder,
    images: Tensor,
    unseen: Tensor,
    latent_dim: int,
) -> tuple[dict[str, float], Tensor, Tensor]:
    """The five errors, and the unseen digits rebuilt by PCA and by the autoencoder."""
    mean, directions = fit_pca(images, latent_dim)
    pca = rebuild_with_pca(unseen, mean, directions)  # (M, P)
    pca_fit = rebuild_with_pca(images, mean, directions)  # (N, P)

    with torch.no_grad():  # nothing is learned here
        ours = autoencoder(unseen)  # (M, P)
        control_unseen = control(unseen)  # (M, P)
        control_fit = control(images)  # (N, P)

    errors = {
        "autoencoder": F.mse_loss(ours, unseen).item(),
        "autoencoder_pca": F.mse_loss(pca, unseen).item(),
        "linear_unseen": F.mse_loss(control_unseen, unseen).item(),
        "linear_fit": F.mse_loss(control_fit, images).item(),
        "linear_fit_pca": F.mse_loss(pca_fit, images).item(),
    }
    return errors, pca, ours


# %%
# When does the claim hold?
# -------------------------
# Each network is compared with PCA on the same images. ``linear_fit`` is the error of
# the control on the training digits (without activations it is called a linear
# autoencoder). It must come close to PCA's: if the control had not learned, its defeat
# would prove nothing.
def claim_holds(errors: dict[str, float]) -> bool:
    """The verdict, from the errors of both networks and of PCA."""
    beats_pca = errors["autoencoder"] <= 0.85 * errors["autoencoder_pca"]
    obeys_theorem = errors["linear_fit"] >= errors["linear_fit_pca"]
    comes_close = errors["linear_fit"] <= 1.02 * errors["linear_fit_pca"]
    return beats_pca and obeys_theorem and comes_close


# %%
# The picture
# -----------
# Both pairs of bars have the same scale, so that their lengths can be compared.
def figure(rows: list[Tensor], errors: dict[str, float], latent_dim: int) -> Figure:
    """Rows of images (K, 784), originals, PCA's and ours, and four of the errors."""
    fig, axes = plt.subplot_mosaic(
        [["digits", "unseen"], ["digits", "control"]],
        figsize=(8, 4.5),
        width_ratios=[6, 5],
        layout="constrained",
    )
    strips = []
    for images in rows:
        framed = F.pad(images.view(-1, 28, 28), (2, 2, 2, 2))  # (K, 32, 32)
        strips.append(torch.cat(list(framed), dim=1))  # side by side
    tiles = torch.cat(strips, dim=0)  # one strip below the other
    axes["digits"].imshow(tiles.numpy(), cmap="gray_r", vmin=0, vmax=1)
    few = say_numbers(latent_dim)
    names = ["original,\n784 pixels", f"PCA,\n{few}", f"autoencoder,\n{few}"]
    axes["digits"].set_yticks([16, 48, 80], names)
    axes["digits"].set(xticks=[], title="unseen digits")

    draw_errors(axes["unseen"], errors, "autoencoder", "autoencoder")
    axes["unseen"].set_title("error on unseen digits")
    draw_errors(axes["control"], errors, "linear_fit", "control, no\nactivations")
    axes["control"].set_title("error on training digits")
    share = errors["autoencoder"] / errors["autoencoder_pca"]
    title = f"{few} for 784 pixels: the autoencoder makes {share:.0%} of PCA's error"
    fig.suptitle(title, size=14)
    return fig


def say_numbers(count: int) -> str:
    if count == 1:
        return "1 number"
    return f"{count} numbers"


def draw_errors(ax: Axes, errors: dict[str, float], key: str, name: str) -> None:
    lengths = [errors[f"{key}_pca"], errors[key]]
    bars = ax.barh(["PCA", name], lengths, color=["0.7", "tab:blue"])
    ax.bar_label(bars, fmt="{:.5f}", padding=3)
    ax.invert_yaxis()
    ax.spines[["top", "right"]].set_visible(False)
    ax.set(xlim=(0, 1.35 * max(errors.values())), xticks=[0])


# %%
# The lesson
# ----------
def main(
    latent_dim: int = 8,
    steps: int = 1600,
    data: Literal["digits", "mnist"] = "digits",
    seed: int = 0,
) -> dict[str, float]:
    """Can a network rebuild digits from a few numbers better than PCA?

    Args:
        latent_dim: how many numbers are kept of each image, by PCA and by the network
        steps: number of training steps, each on 64 images
        data: 1,797 small digits, offline; or MNIST, fetched once (11 MB)
        seed: of everything random
    """
    if latent_dim < 1:
        sys.exit(f"--latent-dim must be at least 1, got {latent_dim}")
    if latent_dim > MIDDLE:
        sys.exit(f"--latent-dim must be at most {MIDDLE}, got {latent_dim}")
    if steps < 1:
        sys.exit(f"--steps must be at least 1, got {steps}")
    print(f"{ASK}\n")
    print_four_points()
    torch.manual_seed(seed)
    x = torch.rand(4, PIXELS)  # (B, P)
    rebuilt = SimpleAutoencoder(latent_dim=latent_dim)(x)  # (B, P)
    print(f"Four images of random pixels, rebuilt untrained: {list(rebuilt.shape)}")
    print(f"Reconstruction loss: {F.mse_loss(rebuilt, x):.4f}\n")

    images, _, unseen, _ = load_digits(data)  # the labels are not needed
    images = images.flatten(start_dim=1)  # (N, P)
    unseen = unseen.flatten(start_dim=1)  # (M, P)
    autoencoder, control = learn_both(images, latent_dim, steps, seed, print_loss)
    errors, pca, ours = measure(autoencoder, control, images, unseen, latent_dim)
    print(f"\nErrors with {say_numbers(latent_dim)} for each image:")
    print(f"    unseen digits, PCA:           {errors['autoencoder_pca']:.5f}")
    print(f"    unseen digits, control:       {errors['linear_unseen']:.5f}")
    print(f"    unseen digits, autoencoder:   {errors['autoencoder']:.5f}")
    print(f"    training digits, PCA:         {errors['linear_fit_pca']:.5f}")
    print(f"    training digits, control:     {errors['linear_fit']:.5f}")

    verdict = "holds" if claim_holds(errors) else "does NOT hold"
    print(f"\n{textwrap.fill(CLAIM)}\nIn this run the claim {verdict}.")
    Path("figures").mkdir(exist_ok=True)
    rows = [unseen[:4], pca[:4], ours[:4]]
    figure(rows, errors, latent_dim).savefig("figures/autoencoder.png", dpi=160)
    return errors | {"holds": float(claim_holds(errors))}


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
