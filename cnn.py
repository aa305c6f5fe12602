# /// script
# requires-python = ">=3.11"
# dependencies = ["matplotlib", "numpy", "scikit-learn", "torch", "torchvision"]
# ///
r"""
A CNN and what it takes for granted
===================================

A convolution slides one small kernel over the image, so it knows before it learns that
neighbours belong together. An MLP has a weight for every pixel, in whatever order.

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
CLAIM = "Shuffled, a CNN loses over 10 points; a larger MLP under 5, and it reads half."
MARGIN, BATCH, THREADS = 5, 125, 1  # points; two threads lose beside a busy program
Data, Device = Literal["auto", "mnist", "digits"], Literal["cpu", "cuda", "mps", "xpu"]


# %%
# Convolution and pooling, twice, then a linear classifier; its opponent has neither
# ----------------------------------------------------------------------------------
class ImageClassifierCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Sequential(nn.Conv2d(1, 16, 5), nn.MaxPool2d(2), nn.ReLU())
        self.layer2 = nn.Sequential(nn.Conv2d(16, 32, 5), nn.MaxPool2d(2), nn.ReLU())
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(32 * 4 * 4, 10))

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (1, 28, 28):
            raise ValueError(f"expected (B, 1, 28, 28), got {tuple(x.shape)}")
        h = self.layer1(x)  # (B, 16, 12, 12)
        h = self.layer2(h)  # (B, 32, 4, 4)
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
# Half-size digits at random spots; a training that keeps channels last: it pools faster
# --------------------------------------------------------------------------------------
def place(images: Tensor, labels: Tensor, n: int) -> list[Tensor]:
    rows, spots = torch.randint(len(images), (n,)), torch.randint(15, (n, 2)).tolist()
    small = F.pad(F.avg_pool2d(images[rows], 2), (0, 14, 0, 14))  # (N, 1, 28, 28)
    return [torch.stack([*map(torch.roll, small, spots, [(1, 2)] * n)]), labels[rows]]


def train(net, images, labels, unseen, answers, steps=240, peak=0.009) -> float:
    epochs = range(max(2, BATCH * steps // len(images)))  # every image at least twice
    order = torch.cat([torch.randperm(len(images)) for _ in epochs]).split(BATCH)
    adam = torch.optim.Adam(net.to(memory_format=torch.channels_last).parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, peak, total_steps=len(order))
    for rows in order:
        loss = F.cross_entropy(net(images[rows]), labels[rows])
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    return net.requires_grad_(False)(unseen).argmax(1).eq(answers).float().mean().item()


# %%
# Both pictures: feature maps as tiles, numbers as bars
# -----------------------------------------------------
def figure(title: str, pictures: dict[str, Tensor], bars: dict[str, float]) -> Figure:
    fig, (*left, right) = plt.subplots(1, len(pictures) + 1)
    for ax, (name, (x,)) in zip(left, pictures.items(), strict=True):
        x = F.pad(x.detach().cpu(), (1,) * 4, value=1)
        rows = x.unflatten(0, (min(4, len(x)), -1)).transpose(1, 2).flatten(2)
        ax.imshow(rows.flatten(0, 1).numpy(), cmap="gray_r")
        ax.set(xticks=[], yticks=[], title=name)
    right.bar_label(right.barh([*bars], bars.values()), fmt="{:.0%}", size=22)
    right.set(xlim=(0, 1.3), ylim=(len(bars) - 0.5, -0.5), xlabel="guessing: 0.1")
    fig.suptitle(title)
    return fig


def figure_layers(net: ImageClassifierCNN, x: Tensor) -> Figure:
    p = dict(zip("0123456789", net(x)[0].softmax(dim=0).tolist(), strict=True))
    x = {"digit": x, "layer 1": (h := net.layer1(x)), "layer 2": net.layer2(h)}
    return figure("Two layers of feature maps, one answer", x, p)


# %%
# The lesson
# ----------
def main(steps=240, data: Data = "auto", device: Device = "cpu", seed=0):
    print(f"{ASK}\n\nLogits:", [*ImageClassifierCNN()(torch.rand(4, 1, 28, 28)).shape])
    digits = [part.to(device) for part in load_digits(data)]
    pixels = torch.randperm(784, generator=torch.manual_seed(seed))
    placed = place(*digits[:2], BATCH * steps // 2) + place(*digits[2:], 2000)
    mixed = [x.flatten(1)[:, pixels].view_as(x) if x.ndim > 1 else x for x in placed]
    tasks, got = {"centred": digits, "shuffled": mixed, "in_order": placed}, {}
    for kind, task in [(k, t) for k in ("mlp", "cnn") for t in tasks]:
        torch.manual_seed(seed)  # the same start and the same batches for all
        net = (ImageClassifierCNN if kind == "cnn" else make_mlp)().to(device)
        got[f"{kind}_{task}"] = right = train(net, *tasks[task], steps)
        print(f"{kind.upper()} {task:9}{right:6.1%}, {len(tasks[task][0]):,} images")
    four = {k.replace("_", " "): got[k] for k in sorted(got) if "centred" not in k}
    lost = [100 * (got[k + "_in_order"] - got[k + "_shuffled"]) for k in ("cnn", "mlp")]
    holds = abs(lost[1]) < MARGIN < lost[0] / 2 and got["mlp_shuffled"] > 0.5
    title = "Shuffled, the CNN loses {:.0f} points, the MLP {:z.0f}".format(*lost)
    bars = figure(title, {"in order": placed[2][:1], "shuffled": mixed[2][:1]}, four)
    conclude(holds, cnn=bars, cnn_layers=figure_layers(net, placed[2][:1]))
    return got | {"holds": float(holds)}


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
    except (OSError, KeyboardInterrupt) as error:  # no data, or damaged; Ctrl-C
        cli.error(str(error) or "stopped by Ctrl-C")
    if plt.get_backend().lower() != "agg":  # there is a screen
        plt.show()
