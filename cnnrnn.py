# /// script
# requires-python = ">=3.11"
# dependencies = ["matplotlib", "numpy", "scikit-learn", "torch", "torchvision"]
# ///
r"""
A CNN for the frames, a GRU for their order
===========================================

A CNN sees where a digit is in each frame, a GRU reads these views one after another. On
a torus (out on the left, in on the right) every place is equally likely at any moment,
so one frame says nothing of the motion. Backwards, the same frames move the other way.

:Run: ``python cnnrnn.py --steps 100``
:Shapes: B batch, T time, F features of a frame, H hidden, C motions
:Paper: Donahue et al. 2014, https://arxiv.org/abs/1411.4389
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

ASK = "How much can six frames tell if nobody says in which order they came?"
CLAIM = "Six frames in order name 100 % of the motions, one frame 20 %, and six in \
unknown order 60 %, within 5 points: they show the axis, not the direction."
LIMITS, MARGIN = dict(one_frame=0.2, any_order=0.6, in_order=1.0), 0.05  # and how close
THREADS = 1  # a second gains little on layers this small, and loses beside others
VIEWS = {"any_order": lambda x: x.mean(1, keepdim=True), "in_order": lambda x: x}
MOTIONS = dict(still=(0, 0), left=(0, -4), right=(0, 4), up=(-4, 0), down=(4, 0))
Data, Device = Literal["auto", "mnist", "digits"], Literal["cpu", "cuda", "mps", "xpu"]


# %%
# A digit walks on a torus; a CNN reads each frame, a GRU the frames
# ------------------------------------------------------------------
def film(image: Tensor, start: Tensor, motion: str, frames: int = 6) -> Tensor:
    way = torch.arange(frames)[:, None] * torch.tensor(MOTIONS[motion])  # (T, 2)
    y, x = ((torch.arange(28) - (start[:, None] + way)[..., None]) % 28).unbind(dim=2)
    rows = image.take_along_dim(y[..., None], dim=2)  # (B, T, 28, 28)
    return rows.take_along_dim(x[:, :, None], dim=3)[:, :, None]  # (B, T, 1, 28, 28)


class ImageSequenceClassifierCNNRNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(nn.AvgPool2d(4), nn.Conv2d(1, 8, 3), nn.ReLU())
        self.rnn = nn.GRU(8 * 5 * 5, 128, batch_first=True)  # nn.RNN ends below 65 %
        self.head = nn.Linear(128, len(MOTIONS))

    def forward(self, x: Tensor, every_frame: bool = False) -> Tensor:
        if x.ndim != 5 or x.shape[2:] != (1, 28, 28):
            raise ValueError(f"expected (B, T, 1, 28, 28), got {tuple(x.shape)}")
        views = self.cnn(x.flatten(0, 1)).flatten(1)  # (B * T, F)
        h = self.rnn(views.unflatten(0, x.shape[:2]))[0]  # (B, T, H)
        return self.head(h if every_frame else h[:, -1])  # (..., C)


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
# From each place all five motions: the films of a batch differ in nothing else
# -----------------------------------------------------------------------------
def shoot(images: Tensor, n: int) -> tuple[Tensor, Tensor]:
    digits, start = images[torch.randint(len(images), (n,))], torch.randint(28, (n, 2))
    films = torch.cat([film(digits, start, motion) for motion in MOTIONS])
    return films, torch.arange(len(MOTIONS)).repeat_interleave(n)


def train(images: Tensor, view: str, steps: int, device: str) -> nn.Module:
    reader = ImageSequenceClassifierCNNRNN().to(device)
    adam = torch.optim.Adam(reader.parameters(), lr=5e-3)
    for _ in range(steps):  # asked at the end alone, it would need all six frames
        films, motion = (part.to(device) for part in shoot(images, 13))
        logits = reader(VIEWS[view](films), every_frame=True)  # (B, T, C)
        loss = F.cross_entropy(logits.mT, motion[:, None].expand(logits.shape[:2]))
        adam.zero_grad()
        loss.backward()
        adam.step()
    return reader.requires_grad_(False)


# %%
# The picture
# -----------
def figure(frames: Tensor, logits: Tensor, share: dict[str, float]) -> Figure:
    strip, right = (fig := plt.figure()).subfigures(1, 2, width_ratios=[3, 1])
    for t, (top, low) in enumerate(strip.subplots(2, len(frames), sharey="row").T):
        top.imshow(F.pad(frames[t, 0], (1,) * 4, value=1).numpy(), cmap="gray_r")
        top.set(title=f"frame {t + 1}", xticks=[], yticks=[])
        low.barh([*MOTIONS], logits[t].softmax(dim=0).tolist())
        low.set(xlim=(0, 1), xticks=[0, 1], ylim=(4.5, -0.5), xlabel="probability")
    ax = right.subplots(subplot_kw={"ylabel": "right (dashed: the limits)"})
    bars = ax.bar([name.replace("_", "\n") for name in share], share.values(), 0.95)
    ax.bar_label(bars, label_type="center", fmt="{:.0%}", color="white")
    ax.hlines(LIMITS.values(), -0.5, 2.5, "black", "dashed")
    fig.suptitle(f"In any order {share['any_order']:.0%}: the axis, not the direction")
    return fig


# %%
# The lesson
# ----------
def main(steps=300, data: Data = "auto", device: Device = "cpu", seed=0):
    print(f"{ASK}\n")
    images, _, unseen, _ = load_digits(data)
    share = {}
    for name, view in VIEWS.items():
        torch.manual_seed(seed)  # the same weights and the same films for both
        reader = train(images, name, steps, device)
        films, motion = (part.to(device) for part in shoot(unseen, 500))
        logits = reader(view(films), every_frame=True)
        right = (logits.argmax(dim=2) == motion[:, None]).float().mean(dim=0)
        share |= {"one_frame": right[0].item(), name: right[-1].item()}
        print(f"{name}: {right[-1]:.1%}, limit {LIMITS[name]:.0%}")
    print(f"one_frame: {right[0]:.1%}\nOutput shape: {list(reader(films[:4]).shape)}")
    holds = all(abs(share[name] - LIMITS[name]) <= MARGIN for name in LIMITS)
    conclude(holds, cnnrnn=figure(films[500].cpu(), logits[500].cpu(), share))
    return share | {"holds": float(holds)}


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
