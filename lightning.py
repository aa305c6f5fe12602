# /// script
# requires-python = ">=3.11"
# dependencies = ["matplotlib>=3.10.7", "pytorch-lightning>=2.6", "scikit-learn>=1.6",
#   "torch>=2.9", "torchvision>=0.24", "tyro>=0.9"]
# ///
r"""
The loop and the framework
==========================

All training is the same loop: take a batch, compute the loss, compute the gradients,
change the weights, and again. In *PyTorch Lightning* this loop is ready-made, inside an
object that is called the *Trainer*.

PyTorch is a library: we write the program, and it calls PyTorch's functions. Lightning
is a *framework*, and that is the other way round: **its program calls our functions**.
We write a class with methods of agreed names, the *hooks*, and the Trainer calls each
at its time. ``training_step`` is called for each batch, to get the loss. An *epoch* is
one pass over all training images. After each epoch, ``validation_step`` is called with
batches of other images, which are not trained on, to measure how good the network is.

**What we gain, and what we pay.** We add one option, and a graphics card computes. One
more, and all numbers are written to a log. One more, and there are *checkpoints*, files
from which a stopped training can go on. Even several *processes*, copies of the program
that share the work, need only a few lines. But we pay: we no longer see what happens
when. Who sets the gradients to zero? Who asks for another order of the images in the
next epoch? We must trust the framework, and trust can be tested.

**The experiment.** We train one network twice: in a plain loop, of which we see every
line, and with Lightning. Both start from the same weights and see the same batches in
the same order. Then we subtract their losses, step by step. A computer rounds, but not
at random: the same operations on the same numbers in the same order round in the same
way. So if Lightning really runs our loop, we expect differences of exactly zero. The
claim allows a millionth, which is about ten times what the rounding of one loss can
change. Most faults in a loop make much larger differences: if one of the two forgets to
clear its gradients, losses differ by more than 1.

If all losses were nearly alike, even a wrong comparison would find them equal. So we
subtract a second time, and wrongly on purpose: Lightning's third loss minus the plain
loop's second, and so on. We call this *one step late*. Some of these differences should
be large. And two loops that train nothing would agree as well, so we also look at how
many digits the network reads in the end.

:Run: ``python lightning.py --epochs 5``
:Shapes: B images in a batch, N images
:Paper: Li et al. 2020, https://arxiv.org/abs/2006.15704 (how PyTorch shares a training
    among processes)
"""

import csv
import logging
import os
import pickle
import sys
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import matplotlib.pyplot as plt
import pytorch_lightning as pl  # plain `lightning` would find this very file
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from pytorch_lightning.utilities.exceptions import (
    MisconfigurationException,
    SIGTERMException,
)
from torch import Tensor, nn
from torch.utils.data import (
    DataLoader,
    Dataset,
    DistributedSampler,
    TensorDataset,
    random_split,
)

ASK = "A framework takes over our training loop: what changes in the numbers?"
CLAIM = (
    "Nothing: each loss is within a millionth of the plain loop's at the same step. "
    "And this says something: one step late, some loss differs by more than a "
    "thousandth, and the network learns to name more than half of the unseen digits."
)
LEARNING_RATE = 0.003
QUIET = {"enable_progress_bar": False, "enable_model_summary": False}  # for Trainers


# %%
# The loop that the Trainer runs, in nine lines
# ---------------------------------------------
# A *LightningModule* is a network (an ``nn.Module``) that has the hooks as well. Three
# of them are called below: ``configure_optimizers``, which makes the optimizer,
# ``training_step`` and ``validation_step``. We write those. The lines around them are
# the Trainer's. A *DataLoader* is PyTorch's object that hands out batches.
def fit_by_hand(
    module: pl.LightningModule,
    train_loader: DataLoader,
    val_loader: DataLoader,
    epochs: int,
) -> None:
    """The heart of ``Trainer.fit``. The real one also writes logs and checkpoints, uses
    graphics cards, and tells the loader the epoch. In validation it turns gradients
    off, and what a network does in training only (this one has nothing of the kind).
    """
    optimizer = module.configure_optimizers()
    for _ in range(epochs):
        for batch_idx, batch in enumerate(train_loader):
            loss = module.training_step(batch, batch_idx)
            optimizer.zero_grad()  # forget the gradients of the last step
            loss.backward()  # how does the loss depend on each weight?
            optimizer.step()  # change each weight a little, against its gradient
        for batch_idx, batch in enumerate(val_loader):
            module.validation_step(batch, batch_idx)


# %%
# With a pencil: a network of one weight
# --------------------------------------
# Its loss is the squared distance of the weight to 3, and the gradient of that is
# 2 (weight - 3). *SGD*, the plainest optimizer, subtracts the gradient times the
# *learning rate*, here 1/4. So each step halves the distance: the weight is 0, then
# 1.5, 2.25, and at last 2.625. A step computes its loss before it changes the weight:
# 9, 2.25 and 0.5625.
class OneWeight(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.0))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.25)

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        loss = (self.weight - batch.mean()) ** 2  # the batch is [3.0]
        weight = self.weight.item()
        print(f"    training_step: weight {weight:.3f}, loss {loss.item():.4f}")
        return loss

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        print(f"    validation_step: weight {self.weight.item():.3f}")


# %%
# The same by hand and by the Trainer
# -----------------------------------
# Three batches of a single number, always 3, to train on, and one more for validation.
# If both print the same lines, the Trainer calls our hooks as our nine lines do.
def with_a_pencil() -> None:
    train_loader = DataLoader(torch.tensor([3.0, 3.0, 3.0]), batch_size=1)
    val_loader = DataLoader(torch.tensor([3.0]), batch_size=1)
    print("Our nine lines call:")
    fit_by_hand(OneWeight(), train_loader, val_loader, epochs=1)
    trainer = pl.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        num_sanity_val_steps=0,  # else it tries out the validation before it begins
        **QUIET,
    )
    print("Lightning's Trainer calls:")
    trainer.fit(OneWeight(), train_loader, val_loader)


# %%
# The network
# -----------
# A small convolutional network, as ``cnn.py`` explains it. With a stride of 2 the
# kernel moves two pixels at a time, so each convolution halves height and width.
#
# It has no *dropout*, which switches off a random part of a network in each step: with
# it, losses would only be equal if both loops drew the same random numbers, and
# Lightning may draw some for itself in between. And it has no *batch norm*, which
# computes with the mean of a whole batch: with it, two processes that have half a batch
# each would compute other losses than one process.
class DigitNetwork(nn.Module):
    """Images (B, 1, 28, 28) -> scores (B, 10); ValueError for another shape."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=5, stride=2, padding=2)
        self.conv2 = nn.Conv2d(8, 16, kernel_size=5, stride=2, padding=2)
        self.linear = nn.Linear(16 * 7 * 7, 10)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (1, 28, 28):
            raise ValueError(f"expected (B, 1, 28, 28), got {tuple(x.shape)}")
        x = F.relu(self.conv1(x))  # (B, 8, 14, 14)
        x = F.relu(self.conv2(x))  # (B, 16, 7, 7)
        x = x.flatten(start_dim=1)  # (B, 784)
        return self.linear(x)  # (B, 10)


# %%
# How good is it?
# ---------------
def accuracy(scores: Tensor, labels: Tensor) -> Tensor:
    """The share of images whose largest score is that of the right digit."""
    answers = scores.argmax(dim=1)  # (B,)
    return (answers == labels).float().mean()


# %%
# In which order do the images come?
# ----------------------------------
# The DataLoader asks a *sampler*. Most programs write ``shuffle=True``, and get one
# that draws at random. We need an order that depends on the seed and on the number of
# the epoch, and on nothing else. Then both loops see the same batches. And a training
# that was stopped and goes on sees the batches that it would have seen without a stop.
# PyTorch's DistributedSampler shuffles in this way.
#
# Its name tells what it is made for: it deals the images to several processes, like
# cards, and each takes its share of every batch. Here one process is enough, unless
# --devices asks for more, and it gets all images.
def shuffled(
    dataset: Dataset, batch_size: int, seed: int, processes: int = 1, rank: int = 0
) -> DataLoader:
    """Batches for the process with this rank: its number, 0 for the first."""
    sampler = DistributedSampler(dataset, processes, rank, seed=seed)
    return DataLoader(dataset, batch_size=batch_size // processes, sampler=sampler)


# %%
# The data, as a LightningDataModule
# ----------------------------------
# A class for the data, also with hooks. Three of them hand out images: to train on; for
# *validation*, which tells after which epoch the network was best; and for the *test*
# of that best network, on images that were used for neither. (It is called
# MNISTDataModule, but these are the small digits, unless --data asks for MNIST.
# ``load_digits``, near the end of this file, loads them.)
#
# A *TensorDataset* is a list of images with their labels, and ``random_split`` cuts it
# in two at random. A hook can ask ``self.trainer`` how many processes there are
# (``world_size``) and which of them this one is (``global_rank``). Where no Trainer
# uses this object, as in our plain loop, ``self.trainer`` is None.
class MNISTDataModule(pl.LightningDataModule):
    def __init__(self, data: str = "digits", batch_size: int = 50, seed: int = 0):
        super().__init__()
        self.batch_size = batch_size
        self.seed = seed
        images, labels, test_images, test_labels = load_digits(data)
        seen = TensorDataset(images, labels)
        draw = torch.Generator().manual_seed(seed)
        self.train_set, self.val_set = random_split(seen, [0.8, 0.2], draw)
        self.test_set = TensorDataset(test_images, test_labels)

    def train_dataloader(self) -> DataLoader:
        if self.trainer is None:
            return shuffled(self.train_set, self.batch_size, self.seed)
        processes = self.trainer.world_size
        rank = self.trainer.global_rank
        return shuffled(self.train_set, self.batch_size, self.seed, processes, rank)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.val_set, batch_size=self.batch_size)

    def test_dataloader(self) -> DataLoader:
        return DataLoader(self.test_set, batch_size=self.batch_size)


# %%
# The plain loop
# --------------
# This is the loop that we compare with Lightning. (The nine lines above only showed
# what a Trainer does; they are not used again.) It has a network, a loader, no hooks.
# It takes its steps with *Adam*, an optimizer that most networks are trained with. What
# the Trainer takes over from this loop, and what we still write:
#
# =================================  ===============================================
# In the plain loop                  With Lightning
# =================================  ===============================================
# ``torch.optim.Adam(...)``          our ``configure_optimizers``, called once
# ``for images, labels in loader``   the Trainer, with our ``train_dataloader``
# ``sampler.set_epoch(epoch)``       the Trainer
# ``.to(device)``                    the Trainer, by its option ``accelerator``
# ``loss = F.cross_entropy(...)``    our ``training_step``, called for each batch
# ``zero_grad, backward, step``      the Trainer
# ``watch(step, loss)``              our ``self.log``, or a callback (see below)
# (none: it trains, and no more)     the Trainer, with our ``validation_step``
# =================================  ===============================================
def train(
    network: nn.Module,
    loader: DataLoader,
    epochs: int,
    device: str = "cpu",
    watch: Callable[[int, float], None] | None = None,
) -> None:
    """The plain loop. After each step it calls watch(step, loss), if `watch` is given,
    with steps counted from 1."""
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    step = 0
    for epoch in range(epochs):
        loader.sampler.set_epoch(epoch)  # else each epoch has the order of the first
        for images, labels in loader:
            loss = F.cross_entropy(network(images.to(device)), labels.to(device))
            optimizer.zero_grad()  # forget the gradients of the last step
            loss.backward()  # how does the loss depend on each weight?
            optimizer.step()  # change each weight a little, against its gradient
            step += 1
            if watch is not None:
                watch(step, loss.item())


def print_loss(step: int, loss: float) -> None:
    if step % 10 == 1 and step < 100:  # a few lines, also of MNIST's thousands of steps
        print(f"    step {step:2}: loss {loss:.6f}")


# %%
# The same as a LightningModule
# -----------------------------
# It has no loop. It says what a step is, and the Trainer says when. ``self.log`` keeps
# a number under a name. In training it keeps one for each step. In validation and test
# it keeps one for each run through the images, their mean. With ``sync_dist=True`` each
# number is also the mean over all processes.
class DigitClassifier(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.network = DigitNetwork()

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)  # (B, 10)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=LEARNING_RATE)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        images, labels = batch
        loss = F.cross_entropy(self(images), labels)
        self.log("train_loss", loss, sync_dist=True)
        return loss  # zero_grad, backward and step are the Trainer's

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        images, labels = batch
        self.log("val_accuracy", accuracy(self(images), labels), sync_dist=True)

    def test_step(self, batch: list[Tensor], batch_idx: int) -> None:
        images, labels = batch
        self.log("accuracy", accuracy(self(images), labels), sync_dist=True)


# %%
# Callbacks: what belongs neither to the network nor to the loop
# --------------------------------------------------------------
# A *callback* has hooks, too: for printing, saving, stopping early. Lightning brings
# many. ``ModelCheckpoint`` saves after each epoch what is needed to go on (the weights,
# what Adam remembers, the number of the epoch), and remembers which epoch was the best.
# The newest file is also there as ``last.ckpt`` (in a second run ``last-v1.ckpt``).
#
# ``Watch`` is one of our own, so that we see losses while it trains. The Trainer keeps
# the numbers that ``self.log`` was given, and ``Watch`` finds them there, in
# ``callback_metrics``.
class Watch(pl.Callback):
    """Calls watch(step, loss) after each step, as the plain loop does."""

    def __init__(self, watch: Callable[[int, float], None]):
        self.watch = watch

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx) -> None:
        if trainer.is_global_zero:  # of several processes only the first speaks
            loss = trainer.callback_metrics["train_loss"]
            self.watch(trainer.global_step, loss.item())


# A checkpoint is also a list of paths: those of the other checkpoints of its run. When
# a training goes on from it, Lightning calls ``load_state_dict`` with this list, takes
# it over, and may later delete what stands in it. In a stranger's checkpoint, that
# could be any folder of ours. So we take over only how good each earlier epoch was, and
# only of files in our own folder.
class Saver(pl.callbacks.ModelCheckpoint):
    def load_state_dict(self, state_dict: dict) -> None:
        for path, score in state_dict["best_k_models"].items():
            if Path(path).parent == Path(self.dirpath) and os.path.isfile(path):
                self.best_k_models[path] = score


def make_saver() -> pl.Callback:
    return Saver(
        "lightning_logs/checkpoints",
        monitor="val_accuracy",
        mode="max",  # the best epoch has the highest; the default is the lowest
        save_top_k=-1,  # keep the files of all epochs, not only of the best
        save_last=True,
    )


# %%
# The Trainer
# -----------
# Graphics cards (an ``accelerator``), several processes, a log, checkpoints: in a loop
# of our own each of them would take new lines. Here each is an argument. The *logger*
# is the object that writes down what ``self.log`` is told. The *strategy* is how
# processes are started and share the work: "ddp" stands for PyTorch's
# DistributedDataParallel, where each process has a copy of the network, and they
# average their gradients in each step. ``more/cluster.py`` shows it without a
# framework.
def make_trainer(
    epochs: int,
    accelerator: str = "cpu",
    devices: int = 1,
    watch: Callable[[int, float], None] = print_loss,
) -> pl.Trainer:
    strategy = "auto"
    if devices > 1:
        strategy = "ddp_spawn"  # ddp; and this process starts the others

    return pl.Trainer(
        max_epochs=epochs,
        accelerator=accelerator,
        devices=devices,
        strategy=strategy,
        use_distributed_sampler=False,  # our own, in train_dataloader, has our seed
        # A graphics card may add in another order each time. Ask all of PyTorch for a
        # fixed one, and so for the plain loop, too.
        deterministic=accelerator == "cuda",
        logger=pl.loggers.CSVLogger("."),  # a table, lightning_logs/.../metrics.csv
        log_every_n_steps=1,  # each step has its row; the default is every 50th
        callbacks=[Watch(watch), make_saver()],
        **QUIET,
    )


# %%
# Hush!
# -----
# Lightning gives advice for larger programs than this one. We hide what is only
# information, and four warnings that contain these words.
def hush() -> None:
    for package in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(package).setLevel(logging.WARNING)
    advice = "LeafSpec|many workers|Checkpoint directory|GPU available"
    warnings.filterwarnings("ignore", f".*({advice})")


hush()  # here, for the processes that Lightning starts: they do not call main


# %%
# Both trainings
# --------------
# Each ends in a dictionary of losses: {1: the loss of the first step, ...}. Lightning's
# losses are read from the table that its CSVLogger writes, with all their digits. There
# the steps are counted from 0.
def plain_losses(
    data: MNISTDataModule, epochs: int, device: str, seed: int
) -> dict[int, float]:
    losses = {}

    def keep_and_print(step: int, loss: float) -> None:
        losses[step] = loss
        print_loss(step, loss)

    torch.manual_seed(seed)
    network = DigitNetwork().to(device)
    train(network, data.train_dataloader(), epochs, device, keep_and_print)
    return losses


def read_losses(log: Path) -> dict[int, float]:
    losses = {}
    with log.open() as file:
        for row in csv.DictReader(file):
            if row["train_loss"]:  # empty where a row is about validation
                losses[int(row["step"]) + 1] = float(row["train_loss"])
    return losses


# %%
# Lightning's fit, and the test of its best epoch
# -----------------------------------------------
# ``fit`` runs the training. If there is a checkpoint to go on from, it takes weights,
# Adam's memory and the number of the epoch from this file, and trains only for the
# epochs that are missing. If none is missing, it takes no step, and writes no log. (The
# plain loop always begins anew. So if their losses agree, stopping and going on has
# changed nothing, either.)
#
# ``weights_only=True``: read only numbers, names and lists of them from a checkpoint. A
# file from a stranger could hold a program, and without this option it would be run.
def lightning_losses(
    trainer: pl.Trainer, data: MNISTDataModule, resume: str, seed: int
) -> dict[int, float]:
    checkpoint = None
    if resume != "none":
        checkpoint = resume
    log = Path(trainer.log_dir, "metrics.csv")  # in a new folder for each run
    torch.manual_seed(seed)  # the same weights to start from
    module = DigitClassifier()

    try:
        trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
    except SIGTERMException:  # as where a cluster needs the computer, or it shuts down
        sys.exit("told to end; if an epoch was done, --resume last goes on after it")
    except (pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError):
        if checkpoint is None:
            raise
        sys.exit(f"--resume {resume}: it is damaged, or holds more than numbers")
    except (OSError, RuntimeError, MisconfigurationException) as error:
        if checkpoint is None:
            raise
        # If weights do not fit, the second line of the error says which.
        lines = [line.strip() for line in str(error).splitlines()]
        sys.exit(f"--resume {resume}: it cannot be used: {' '.join(lines[:2])}")
    if not log.exists():
        sys.exit(f"--resume {resume}: no epoch is left, ask for more with --epochs")
    return read_losses(log)


def best_epoch_accuracy(trainer: pl.Trainer, data: MNISTDataModule) -> float:
    """The share of the unseen digits that the best epoch names correctly."""
    path = trainer.checkpoint_callback.best_model_path
    best = DigitClassifier.load_from_checkpoint(path, weights_only=True)
    # Several processes would repeat some images, to have equal shares. One does not.
    tester = pl.Trainer(accelerator="cpu", devices=1, logger=False, **QUIET)
    try:
        results = tester.test(best, data, verbose=False)
    except SIGTERMException:
        sys.exit("told to end, before the test was done")
    return results[0]["accuracy"]


# %%
# The losses, subtracted
# ----------------------
# With ``late`` 0 the same steps are compared: Lightning's third loss with the plain
# loop's third. With ``late`` 1 Lightning's third is compared with the plain second.
def subtract(
    plain: dict[int, float], framework: dict[int, float], late: int
) -> dict[int, float]:
    """For each step in `framework`, the distance of its loss to that of the plain loop
    `late` steps earlier."""
    differences = {}
    for step in framework:
        if step > late:
            differences[step] = abs(framework[step] - plain[step - late])
    return differences


# %%
# When does the claim hold?
# -------------------------
def claim_holds(difference: float, one_step_late: float, accuracy: float) -> bool:
    """The verdict, from the largest difference, the largest one step late, and the
    share of unseen digits that the best epoch names correctly."""
    same_losses = difference <= 1e-6
    lateness_shows = one_step_late > 1e-3
    learns = accuracy > 0.5
    return same_losses and lateness_shows and learns


# %%
# The picture
# -----------
def figure(plain: dict[int, float], framework: dict[int, float]) -> Figure:
    """The losses {step: loss} of both loops, and their differences."""
    size = {"figsize": (8, 4.5), "layout": "constrained"}
    fig, (top, low) = plt.subplots(2, sharex=True, height_ratios=[4, 3], **size)
    top.plot(plain.keys(), plain.values(), color="0.7", linewidth=8, label="plain loop")
    top.plot(framework.keys(), framework.values(), "k.", label="Lightning")
    top.set(ylabel="loss")
    top.legend()

    late = subtract(plain, framework, late=1)
    same = subtract(plain, framework, late=0)
    low.plot(late.keys(), late.values(), "0.7", linewidth=4, label="one step late")
    low.axhline(1e-6, color="black", linestyle="--", linewidth=1, label="a millionth")
    low.plot(same.keys(), same.values(), "k.", label="same step")
    low.set_yscale("symlog", linthresh=1e-6, linscale=2)  # a logarithm with room for 0
    low.set(xlabel="step of training", ylabel="difference")
    low.set(yticks=[0, 1e-6, 1e-3, 1], ylim=(-3e-7, 1e4))
    low.tick_params(axis="y", labelsize=12)  # exponents are smaller than the rest
    low.legend(ncols=3, loc="upper center")
    apart = max(same.values())
    title = (
        f"Two loops, {len(framework):,} losses: the largest difference is {apart:.1g}"
    )
    fig.suptitle(title, size=14)
    return fig


# %%
# The lesson
# ----------
def main(
    epochs: int = 3,
    batch_size: int = 50,
    seed: int = 0,
    data: Literal["digits", "mnist"] = "digits",
    resume: str = "none",
    accelerator: Literal["cpu", "cuda", "mps"] = "cpu",
    devices: int = 1,
) -> dict[str, float]:
    """What changes in the numbers, if a framework takes over our training loop?

    Args:
        epochs: how often each training image is seen
        batch_size: images in one step of training
        seed: of the weights, of the order of the images, and of their split
        data: 1,797 small digits, offline; or MNIST, fetched once (11 MB)
        resume: the checkpoint from which Lightning goes on: a path, or last, or none.
            Its run must have had the same batch size, seed and data
        accelerator: what computes: the processor (cpu), or a graphics card of NVIDIA
            (cuda) or Apple (mps)
        devices: how many of them. Two processes add their numbers in another order than
            one, and over many steps these small differences grow: the claim may fail
    """
    if epochs < 1:
        sys.exit(f"--epochs must be at least 1, got {epochs}")
    if devices < 1:
        sys.exit(f"--devices must be at least 1, got {devices}")
    if devices > 16:  # each is a process, with a PyTorch of its own
        sys.exit(f"--devices must be at most 16, got {devices}")
    if batch_size < 1:
        sys.exit(f"--batch-size must be at least 1, got {batch_size}")
    if batch_size % devices != 0:
        sys.exit(f"--batch-size must be a multiple of {devices}, got {batch_size}")
    if not torch.get_device_module(accelerator).is_available():
        sys.exit(f"--accelerator {accelerator}: this machine has none")
    if resume not in ("none", "last") and not os.path.isfile(resume):
        sys.exit(f"--resume {resume}: no such file; give a checkpoint, last, or none")
    hush()  # and here, if somebody has asked for warnings since
    try:  # before the plain loop, whose order of adding it fixes, too
        trainer = make_trainer(epochs, accelerator, devices)
    except (RuntimeError, MisconfigurationException) as error:
        # Slurm's --ntasks without --ntasks-per-node; or more devices than there are
        sys.exit(" ".join(str(error).split()))
    print(f"{ASK}\n")
    with_a_pencil()

    digits = MNISTDataModule(data, batch_size, seed)
    print("\nThe plain loop:")
    plain = plain_losses(digits, epochs, accelerator, seed)
    print("Lightning:")
    framework = lightning_losses(trainer, digits, resume, seed)
    if max(framework) not in plain:
        sys.exit(f"--resume {resume}: its run had another --batch-size or --data")
    share = best_epoch_accuracy(trainer, digits)
    print(f"Its best epoch names {share:.1%} of the unseen digits correctly.\n")

    difference = max(subtract(plain, framework, late=0).values())
    one_step_late = max(subtract(plain, framework, late=1).values(), default=0.0)
    print(f"Steps compared: {min(framework)} to {max(framework)}")
    print(f"Largest difference: {difference:.1g}, one step late: {one_step_late:.2g}")
    verdict = "does NOT hold"
    if claim_holds(difference, one_step_late, share):
        verdict = "holds"
    print(f"\n{textwrap.fill(CLAIM)}\nIn this run the claim {verdict}.")

    Path("figures").mkdir(exist_ok=True)
    figure(plain, framework).savefig("figures/lightning.png", dpi=160)
    return {
        "accuracy": share,
        "difference": difference,
        "one_step_late": one_step_late,
        "holds": float(claim_holds(difference, one_step_late, share)),
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
