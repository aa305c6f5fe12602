# /// script
# requires-python = ">=3.11"
# dependencies = ["matplotlib", "numpy", "pytorch-lightning", "scikit-learn", "torch",
#   "torchmetrics", "torchvision"]
# ///
r"""
The loop and the framework
==========================

A framework takes the training loop away and asks for its parts; in return they run on a
GPU or on many processes. It can be trusted only if the numbers stay the same: so we
train one network twice, by a plain loop and by Lightning, and subtract the losses.

A GPU adds in another order from run to run: there even one loop alone does not repeat
its losses. ``deterministic=True`` asks PyTorch, and so both loops, for a fixed order.

:Run: ``python lightning.py --devices 2``; after a Ctrl-C, with ``--resume last``
:Shapes: B batch
:Paper: Li et al. 2020, https://arxiv.org/abs/2006.15704
"""

import argparse
import gzip
import hashlib
import inspect
import logging
import os
import pickle
import socket
import sys
import textwrap
import warnings
import zipfile
from pathlib import Path
from typing import Literal, get_args

import matplotlib.pyplot as plt
import numpy
import pytorch_lightning as pl  # plain `lightning` would find this very file
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from pytorch_lightning.utilities import exceptions, rank_zero_only
from torch import Tensor, nn
from torch.utils.data import StackDataset
from torchmetrics.classification import MulticlassAccuracy

ASK = "A framework takes over our training loop: what changes in the numbers?"
CLAIM = "Nothing: same seed, same losses, each within 1e-6 of the plain loop's."
MARGIN = 1e-6  # of a loss; one step late, it is off by more than 0.1
TRAIN, BATCH, RATE = {60_000: 55_000, 1_437: 1_150}, 50, 3e-3  # 50 divides both
THREADS = 1  # a second gains little, and loses beside others
EPOCH = "{0.global_step:6} steps: validation {0.callback_metrics[validation]:.1%}"


# %%
# A network, without batch norm or dropout: an image must not feel who shares its batch
# -------------------------------------------------------------------------------------
class DigitNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 8, 5, 2, 2), nn.Conv2d(8, 16, 5, 2, 2)
        self.linear = nn.Linear(16 * 7 * 7, 10)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (1, 28, 28):
            raise ValueError(f"expected (B, 1, 28, 28), got {tuple(x.shape)}")
        x = F.relu(self.conv2(F.relu(self.conv1(x))))  # (B, 16, 7, 7)
        return self.linear(x.flatten(1))  # (B, 10)


# %%
# The order is a function of seed and epoch; process i of n gets every n-th image
# -------------------------------------------------------------------------------
def shuffled(size: int, seed: int) -> Tensor:
    return torch.randperm(size, generator=torch.Generator().manual_seed(seed))


def deal(part: list[Tensor], batch_size: int, trainer=None) -> StackDataset:
    i, n = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
    return StackDataset(*(x[i::n].split(batch_size // n) for x in part))


# %%
# The plain loop
# --------------
def plain_loop(images, labels, epochs, seed, batch_size=BATCH, lr=RATE):
    torch.manual_seed(seed)
    network = DigitNetwork().to(images)  # its device and dtype
    optimizer = torch.optim.Adam(network.parameters(), lr=lr)
    for epoch in range(epochs):
        for rows in shuffled(len(images), seed + epoch).split(batch_size):
            loss = F.cross_entropy(network(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield loss.detach()


# %%
# The same network as a LightningModule: it also knows its loss and its optimiser
# -------------------------------------------------------------------------------
class DigitClassifier(DigitNetwork, pl.LightningModule):
    def __init__(self, lr: float = RATE):
        super().__init__()
        self.lr, self.accuracy = lr, MulticlassAccuracy(10, average="micro")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.lr)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return F.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.accuracy(self(batch[0]), batch[1])  # it counts: batches differ in size
        self.log("accuracy" if self.trainer.testing else "validation", self.accuracy)

    test_step = validation_step


# %%
# The data module: the same split and the same batches in every process
# ---------------------------------------------------------------------
class MNISTDataModule(pl.LightningDataModule):
    def __init__(self, data_dir=None, batch_size=BATCH, data="auto", seed=0):
        super().__init__()
        os.environ["NN_DATA"] = str(data_dir or os.environ.get("NN_DATA", "data"))
        images, labels, *test = load_digits(data)
        rows = shuffled(len(images), seed).split(TRAIN[len(images)])
        self.parts = [*([images[part], labels[part]] for part in rows), test]
        self.batch_size, self.seed = batch_size, seed

    def train_dataloader(self) -> StackDataset:  # in every epoch
        epoch = self.trainer.current_epoch if self.trainer else 0
        order = shuffled(len(self.parts[0][1]), self.seed + epoch)
        return deal([x[order] for x in self.parts[0]], self.batch_size, self.trainer)

    def val_dataloader(self) -> StackDataset:
        return deal(self.parts[1], self.batch_size, self.trainer)

    def test_dataloader(self) -> StackDataset:
        return deal(self.parts[2], self.batch_size, self.trainer)


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
# The trainer turns the crank
# ---------------------------
def make_trainer(losses: list, epochs: int, *callbacks: pl.Callback, **options):
    warnings.filterwarnings("ignore", ".*LeafSpec|GPU available|Checkpoint directory")
    for package in "pytorch_lightning", "lightning_fabric":
        logging.getLogger(package).setLevel("WARNING")  # no tips
    best = {"monitor": "validation", "mode": "max", "save_top_k": -1}
    saver = pl.callbacks.ModelCheckpoint("lightning_logs/checkpoints", **best)
    try:
        return pl.Trainer(
            max_epochs=epochs,
            callbacks=[watch(losses), saver, *callbacks],
            logger=pl.loggers.CSVLogger("."),
            log_every_n_steps=1,  # the digits have only 23 in an epoch
            reload_dataloaders_every_n_epochs=1,  # each has its own order
            deterministic=options["accelerator"] == "cuda",  # of all of PyTorch
            enable_progress_bar=sys.stdout.isatty(),
            enable_model_summary=False,
            **options,
        )
    except (ValueError, exceptions.MisconfigurationException) as error:
        raise OSError(textwrap.shorten(f"the Trainer refuses: {error}", 400)) from error


# %%
# Fit, then test the epoch with the best validation
# -------------------------------------------------
def fit_and_test(trainer: pl.Trainer, data: MNISTDataModule, resume: str) -> dict:
    size, n = len(data.parts[0][1]), trainer.num_devices * trainer.num_nodes
    if data.batch_size % n or size % n:  # or some images would count more than others
        batches = f"{size:,} images in batches of {data.batch_size}"
        raise OSError(f"{n} processes cannot share {batches} evenly")
    run = {"images": size, "batch_size": data.batch_size, "seed": data.seed}
    data.hparams.update(run)  # a checkpoint carries them along
    torch.manual_seed(data.seed)
    model, path = trainer.precision_plugin.convert_module(DigitClassifier()), None
    if resume != "none":
        path = newest(resume, model, run, trainer.max_epochs)
        print(f"Going on from {path}" if path else "No checkpoint: starting afresh")
    trainer.fit(model, data, ckpt_path=path, weights_only=True)
    (scores,) = trainer.test(None, data, "best", verbose=False, weights_only=True)
    print(f"Test accuracy of the best epoch: {scores['accuracy']:.1%} (chance 10%)")
    return scores


# %%
# The picture and the verdict, once for all processes
# ---------------------------------------------------
def figure(plain: Tensor, ours: Tensor) -> Figure:
    fig, (top, low) = plt.subplots(2, sharex=True, height_ratios=[3, 2])
    gap, step = ours - plain, torch.arange(1, len(plain), -(-len(plain) // 100))
    for ax, line, points in (top, plain, ours), (low, plain.roll(1) - plain, gap):
        ax.plot(step, line[step].abs(), "0.7", step, points[step].abs(), "o", lw=10)
    low.set_yscale("symlog", linthresh=MARGIN)
    low.set(xlabel="step", ylabel="difference\n(grey: one step late)")
    top.set(ylabel="loss", title=f"Two loops, losses at most {max(abs(gap)):.2g} apart")
    top.legend(["plain loop", "Lightning"])
    return fig


@rank_zero_only
def compare(scores: dict, ours: Tensor, data: MNISTDataModule, epochs: int) -> dict:
    digits = data.parts[0][0].to(ours), data.parts[0][1].to(ours.device)
    plain = torch.stack([*plain_loop(*digits, epochs, data.seed, data.batch_size)])
    gap, late = (plain - ours).abs().max().item(), plain.diff().abs().max().item()
    print(f"\nLargest difference: {gap:.1e}, one step late: {late:.2f}")
    conclude(holds := gap <= MARGIN < late, lightning=figure(plain.cpu(), ours.cpu()))
    return scores | {"difference": gap, "one_step_late": late, "holds": float(holds)}


# %%
# The lesson
# ----------
def main(
    epochs: int = 3,
    batch_size: int = BATCH,
    seed: int = 0,
    data: Literal["auto", "mnist", "digits"] = "auto",
    resume: str = "none",
    accelerator: Literal["cpu", "cuda", "mps"] = "cpu",
    devices: int = int(os.environ.get("LOCAL_WORLD_SIZE", 1)),  # torchrun's
    num_nodes: int = int(os.environ.get("GROUP_WORLD_SIZE", 1)),
    strategy: Literal["auto", "ddp", "fsdp"] = "auto",
    precision: Literal["32-true", "64-true", "bf16-mixed"] = "32-true",
) -> dict[str, float]:
    sys.stdout = open(os.devnull, "w") if rank_zero_only.rank else sys.stdout
    print(f"{ASK}\n")
    engine = {"accelerator": accelerator, "devices": devices, "num_nodes": num_nodes}
    engine |= {"strategy": strategy, "precision": precision}
    trainer = make_trainer(losses := [], epochs, **engine)
    digits = MNISTDataModule(None, batch_size, data, seed)
    scores = fit_and_test(trainer, digits, resume)
    return compare(scores, torch.tensor(losses, device=accelerator), digits, epochs)


# %%
# Nothing lost, nothing trusted blindly
# -------------------------------------
def watch(losses: list) -> pl.Callback:
    def step(trainer, module, outputs, *_):
        losses.append(trainer.strategy.reduce(outputs["loss"]))  # of all processes
        if not losses[-1].isfinite():
            raise OSError(f"the loss is {losses[-1]} at step {trainer.global_step}")

    def stop(trainer, module, error):  # Ctrl-C, SIGTERM, a lost process
        lost = trainer.world_size > 1 and isinstance(error, RuntimeError)
        if lost or isinstance(error, KeyboardInterrupt | SystemExit):
            sys.exit(f"Stopped ({error!r}); --resume last goes on after the last epoch")

    return pl.callbacks.LambdaCallback(
        on_train_batch_end=step,
        on_train_epoch_end=lambda t, module: module.print(EPOCH.format(t)),
        on_save_checkpoint=lambda t, m, file: file.update(losses=torch.tensor(losses)),
        on_load_checkpoint=lambda t, m, saved: losses or losses.extend(saved["losses"]),
        on_exception=stop,
    )


def sound(path: Path) -> dict | None:
    try:
        if zipfile.ZipFile(path).testzip():  # torch.load compares no checksums
            raise zipfile.BadZipFile
        return torch.load(path, "cpu", weights_only=True)
    except (zipfile.BadZipFile, RuntimeError, UnicodeDecodeError):
        print(f"{path} is torn")
    except pickle.UnpicklingError as why:
        raise OSError(f"{path} is refused: it holds more than numbers") from why


def newest(resume: str, model: nn.Module, run: dict, epochs: int) -> Path | None:
    paths = Path().rglob("*.ckpt") if resume == "last" else [Path(resume)]
    for path in sorted(paths, key=os.path.getmtime, reverse=True):
        if (saved := sound(path)) is not None:
            try:
                model.load_state_dict({**saved}["state_dict"])
                theirs, done = saved["datamodule_hyper_parameters"], saved["epoch"] + 1
                if theirs != run or done > epochs:
                    raise LookupError(f"{done} epochs of {theirs}, not of {run}")
                return path
            except (RuntimeError, LookupError, TypeError) as why:
                line = f"{path} does not fit: {why}"
                raise OSError(textwrap.shorten(line, 400)) from why
    if resume != "last":
        raise OSError(f"{resume} is torn")


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
