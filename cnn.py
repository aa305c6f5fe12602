# /// script
# requires-python = ">=3.11"
# dependencies = ["matplotlib", "numpy", "scikit-learn", "torch", "torchvision"]
# ///
r"""
A CNN and what it takes for granted
===================================

A convolution slides one small kernel over the image: every output sees 5 x 5 pixels,
through the same weights everywhere. An MLP gives every pixel weights of its own.

:Run: ``python cnn.py --steps 100``
:Shapes: B batch, N digits
:Paper: LeCun et al. 1998, https://doi.org/10.1109/5.726791
"""

import argparse
import gzip
import hashlib
import inspect
import os
import socket
import sys
import textwrap
from pathlib import Path
from typing import Literal, get_args

import matplotlib.pyplot as plt
import numpy
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor, nn

ASK = "We shuffle every image's pixels in the same way: which network notices?"
CLAIM = "The CNN loses over 10 points, an MLP with more weights under 5: what a \
convolution knows is that neighbours belong together."
MARGIN, THREADS = 0.05, 1  # a second thread gains a third, and stalls beside neighbours
Data, Device = Literal["auto", "mnist", "digits"], Literal["cpu", "cuda", "mps", "xpu"]


# %%
# Convolution and pooling, twice, then a linear classifier; its opponent has neither
# ----------------------------------------------------------------------------------
class ImageClassifierCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Sequential(nn.Conv2d(1, 16, 5), nn.MaxPool2d(2), nn.ReLU())
        self.layer2 = nn.Sequential(nn.Conv2d(16, 48, 5), nn.MaxPool2d(2), nn.ReLU())
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(48 * 4 * 4, 10))

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (1, 28, 28):
            raise ValueError(f"expected (B, 1, 28, 28), got {tuple(x.shape)}")
        h = self.layer1(x)  # (B, 16, 12, 12)
        h = self.layer2(h)  # (B, 48, 4, 4)
        return self.classifier(h)  # (B, 10)


def make_mlp() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 96), nn.ReLU(), nn.Linear(96, 10))


# %%
# Real handwritten digits
# -----------------------
MNIST = {  # the archives in torchvision's order, and the start of each SHA-256
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea37026",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cc",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e3",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd",
}


def fetch_mnist(folder: Path) -> None:
    from torchvision import datasets  # only here: it takes 1.5 s

    socket.setdefaulttimeout(5)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in [name for name in MNIST if not (folder / name).exists()]:
            url = datasets.MNIST.mirrors[0] + name
            torch.hub.download_url_to_file(url, folder / name, MNIST[name], False)
    except (OSError, RuntimeError) as error:
        raise OSError(f"no MNIST: {error}; --data digits needs no network") from error
    finally:
        socket.setdefaulttimeout(None)


def read_mnist(path: Path) -> Tensor:
    content = path.read_bytes()
    if not hashlib.sha256(content).hexdigest().startswith(MNIST[path.name]):
        raise OSError(f"{path} is damaged: delete it, then run with --data mnist")
    numbers = torch.frombuffer(bytearray(gzip.decompress(content)), dtype=torch.uint8)
    images = "images" in path.name
    return numbers[16:].view(-1, 1, 28, 28) / 255 if images else numbers[8:].long()


def load_digits(data: str) -> list[Tensor]:
    """Training images (N, 1, 28, 28) in [0, 1] and labels (N,), then those for test."""
    folder = Path(os.environ.get("NN_DATA", "data"), "MNIST", "raw")
    if data == "mnist":
        fetch_mnist(folder)
    if data != "digits" and all((folder / name).exists() for name in MNIST):
        print("Data: MNIST, 70,000 digits (--data digits: 1,797 small ones)\n")
        return [read_mnist(folder / name) for name in MNIST]
    print("Data: 1,797 small digits (--data mnist: fetch the 70,000 of MNIST)\n")
    from sklearn import datasets  # only here: it takes 1 s

    digits = datasets.load_digits()
    images = torch.tensor(digits.images[:, None] / 16, dtype=torch.float32)
    images = F.interpolate(images, size=28, mode="bilinear")
    parts = images, torch.tensor(digits.target)
    order = torch.tensor(numpy.random.RandomState(0).permutation(1797)).split(1437)
    return [part[rows] for rows in order for part in parts]


# %%
# Digits of half the size, each somewhere on the canvas; and the training
# -----------------------------------------------------------------------
def place(images: Tensor, labels: Tensor, count: int) -> list[Tensor]:
    rows, spots = torch.randint(len(images), (count,)), torch.randint(15, (count, 2))
    small = F.pad(F.avg_pool2d(images[rows], 2), (0, 14, 0, 14))  # (N, 1, 28, 28)
    moved = [x.roll(s, (1, 2)) for x, s in zip(small, spots.tolist(), strict=True)]
    return [torch.stack(moved), labels[rows]]


def train(network, images: Tensor, labels: Tensor, epochs=2, batch=100, peak=0.01):
    network.to(memory_format=torch.channels_last)  # the CPU pools several times faster
    order = torch.cat([torch.randperm(len(images)) for _ in range(epochs)]).split(batch)
    adam = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, peak, total_steps=len(order))
    for rows in order:
        loss = F.cross_entropy(network(images[rows]), labels[rows])
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()


# %%
# Every network has the same start and sees the same batches
# ----------------------------------------------------------
def compare(tasks: dict[str, list[Tensor]], steps: int, seed: int) -> tuple[dict, dict]:
    read, networks = {}, {}
    for kind, make in {"cnn": ImageClassifierCNN, "mlp": make_mlp}.items():
        for task, (images, labels, unseen, answers) in tasks.items():
            torch.manual_seed(seed)
            network = networks[f"{kind}_{task}"] = make().to(images.device)
            train(network, images, labels, max(2, 100 * steps // len(images)))
            with torch.no_grad():
                right = (network(unseen).argmax(dim=1) == answers).float().mean()
            read[f"{kind}_{task}"] = right.item()
            print(f"{kind.upper()} {task.replace('_', ' '):9}{right:7.1%}")
    return read, networks


# %%
# Feature maps as tiles, numbers as bars: both pictures
# -----------------------------------------------------
def figure(title: str, pictures: list[Tensor], bars: dict[str, float]) -> Figure:
    fig, (*left, right) = plt.subplots(1, len(pictures) + 1)
    for ax, x in zip(left, pictures, strict=True):
        rows = F.pad(x.cpu(), (1,) * 4).unflatten(0, (int(len(x) ** 0.5), -1))
        ax.imshow(rows.transpose(1, 2).flatten(2).flatten(0, 1).numpy(), cmap="gray_r")
        ax.set(xticks=[], yticks=[], title="{} x {} x {}".format(*x.shape))
    hatch = ["//" if "shuffled" in name else "" for name in bars]
    drawn = right.barh(list(bars), bars.values(), hatch=hatch, edgecolor="white")
    right.bar_label(drawn, fmt="{:.0%}", size=22, padding=4)
    right.set(xlim=(0, 1.3), ylim=(len(bars) - 0.5, -0.5), xlabel="chance: 10%")
    fig.suptitle(title)
    return fig


@torch.no_grad()
def figure_layers(network: ImageClassifierCNN, x: Tensor) -> Figure:
    pictures = [x[0], (h := network.layer1(x))[0], network.layer2(h)[0]]
    chances = dict(zip("0123456789", network(x)[0].softmax(0).tolist(), strict=True))
    return figure("Pixels, 16 maps, 48 smaller ones, ten chances", pictures, chances)


# %%
# The lesson
# ----------
def main(steps=300, data: Data = "auto", device: Device = "cpu", seed=0):
    print(f"{ASK}\n")
    digits = [part.to(device) for part in load_digits(data)]
    pixels = torch.randperm(784, generator=torch.manual_seed(seed))
    placed = place(*digits[:2], 50 * steps) + place(*digits[2:], 2000)
    mixed = [x.flatten(1)[:, pixels].view_as(x) if x.ndim > 1 else x for x in placed]
    tasks = {"centred": digits, "in_order": placed, "shuffled": mixed}
    read, networks = compare(tasks, steps, seed)
    network = networks["cnn_in_order"]
    print(f"Logits of four images: {list(network(placed[2][:4]).shape)}")
    _, cnn, cnn_shuffled, _, mlp, mlp_shuffled = read.values()
    holds = abs(mlp - mlp_shuffled) < MARGIN < (cnn - cnn_shuffled) / 2
    title = f"Shuffled, the CNN reads {cnn_shuffled:.0%}, the MLP {mlp_shuffled:.0%}"
    four = {k.replace("_", " "): read[k] for k in read if "centred" not in k}
    bars = figure(title, [placed[2][0], mixed[2][0]], four)
    layers = figure_layers(network, placed[2][:1])
    conclude(holds, cnn=bars, cnn_layers=layers)
    return read | {"holds": float(holds)}


# %%
# The verdict, the picture, the command line
# ------------------------------------------
def conclude(holds: bool, **figures: Figure) -> None:
    for name, fig in figures.items():
        try:
            Path("figures").mkdir(exist_ok=True)
            fig.savefig(f"figures/{name}.png")
        except OSError as error:
            print(f"The picture is not saved: {error}")
    verdict = "holds" if holds else "does NOT hold at this setting"
    print(f"\n{textwrap.fill(CLAIM, 72)}\nIn this run the claim {verdict}.")


if __name__ == "__main__":
    torch.set_num_threads(THREADS)
    cli = argparse.ArgumentParser(usage="%(prog)s [options]", allow_abbrev=False)
    for name, option in inspect.signature(main).parameters.items():
        kind, choices = type(option.default), get_args(option.annotation) or None
        value = {"type": kind, "choices": choices, "default": option.default}
        cli.add_argument(f"--{name}", **value, help="default: %(default)s")
    # a notebook has no command line
    options = vars(cli.parse_args([] if "ipykernel" in sys.modules else None))
    for name, value in options.items():
        low = -1 if name == "seed" else 0
        if not isinstance(value, str) and not low < value < 2**32:
            cli.error(f"argument --{name}: must be positive, got {value}")
        if name == "device" and not torch.get_device_module(value).is_available():
            cli.error(f"argument --device: this machine has no {value}")
    try:
        main(**options)
    except OSError as error:  # data that cannot be had, or is damaged
        cli.error(str(error))
    if plt.get_backend().lower() != "agg":  # there is a screen
        plt.show()
