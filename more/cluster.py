# /// script
# requires-python = ">=3.11"
# dependencies = ["matplotlib>=3.10.7", "scikit-learn>=1.6", "torch>=2.9", "tyro>=0.9"]
# ///
r"""
The plug is pulled
==================

Large networks are trained for weeks on a *cluster*, many computers in one room. Some
day one of them fails: the power goes, or somebody else needs the machine. So from time
to time the training saves a *checkpoint*: a file from which it can go on. In it must be
all that the next step depends on:

* the weights;
* what the optimizer remembers: Adam keeps an average of past gradients for each weight,
  another of their squares, and a count of its steps;
* the number of the step, which decides which images come next.

(The program itself and its options, such as the seed, we give to the training again.)

A network with dropout draws random numbers in each step. Then the generator of random
numbers must be saved, too, or it would draw others after the stop. Ours has no dropout.

**Many processes.** A *process* is a running program with a memory of its own. On many
computers there are many, and all of them hold the same network. Each computes the
gradients for its share of the batch. Then they send each other messages, until all have
the sum of all gradients; this is called an *all-reduce*. They divide this sum by the
number of processes and take the same step. If a batch is cut into equal shares, then
the mean of the shares' means is the mean of the whole batch. So all together they train
the network as one would.

**The experiment.** We train a small network in peace. Then we train it in a process
that is killed in the middle, and we damage its newest checkpoint, as a power failure
could do. We start the training again: it finds the checkpoints and goes on. We compare
the weights at the end. Then all this with two processes, of which one is killed; this
time no checkpoint is damaged.

:Run: ``python more/cluster.py --seed 1``
:Shapes: B images in a batch
:Paper: Li et al. 2020, https://arxiv.org/abs/2006.15704 (how PyTorch shares a training
    among processes)
"""

import copy
import hashlib
import io
import multiprocessing
import os
import pickle
import shutil
import signal
import sys
import tempfile
import textwrap
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.distributed as dist
import torch.nn.functional as F
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from torch import Tensor, nn

ASK = "We pull the plug in the middle of training: what is lost?"
CLAIM = (
    "Nothing but time: started again, a training does at most a fifth of its steps "
    "twice, and ends with the same weights, to the last bit, be it one process or two. "
    "The weights of one process and those of two differ by at most a billionth. If the "
    "optimizer forgets what it remembered, some weight ends more than a thousandth off."
)
BATCH = 48  # images in one step of training: 2, 3, 4, 6 or 8 can share them
# Two names that differ between systems; the parts that use them explain them.
LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"
KILL = signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL


# %%
# With a pencil: an optimizer remembers
# -------------------------------------
# With *momentum*, a step subtracts not the gradient from the weight, but a velocity:
# the gradient plus half of the last velocity. Let every gradient be 1. Then the
# velocity is 1, then 1 + 0.5 = 1.5, then 1 + 0.75 = 1.75. With a learning rate of 1 the
# weight goes from 0 to -1, -2.5 and -4.25.
#
# Now we save the weight after two steps, and go on from there. If the velocity is not
# saved, too, it starts from 0 again, and the third step leads to -3.5.
def one_step(weight: nn.Parameter, optimizer: torch.optim.Optimizer) -> None:
    weight.grad = torch.tensor(1.0)
    optimizer.step()


def with_a_pencil() -> None:
    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([weight], lr=1.0, momentum=0.5)
    one_step(weight, optimizer)
    one_step(weight, optimizer)
    saved_weight = weight.detach().clone()
    # state_dict() hands out the optimizer's own memory, which the next step changes.
    saved_velocity = copy.deepcopy(optimizer.state_dict())
    one_step(weight, optimizer)
    print(f"The third step, if nothing happens, leads to {weight.item()};")

    again = nn.Parameter(saved_weight.clone())
    optimizer = torch.optim.SGD([again], lr=1.0, momentum=0.5)
    optimizer.load_state_dict(saved_velocity)
    one_step(again, optimizer)
    print(f"with weight and velocity saved, to {again.item()};")

    again = nn.Parameter(saved_weight.clone())
    optimizer = torch.optim.SGD([again], lr=1.0, momentum=0.5)
    one_step(again, optimizer)
    print(f"with only the weight saved, to {again.item()}.\n")


# %%
# With a pencil: two halves
# -------------------------
# The mean of 1, 2, 3 and 4 is 2.5. The means of its halves are 1.5 and 3.5, and the
# mean of these is 2.5 again. On paper it is always so. But a computer rounds each sum,
# and the same numbers, added in another order, may end in another last digit.
def two_halves() -> None:
    whole = (1 + 2 + 3 + 4) / 4
    halves = ((1 + 2) / 2 + (3 + 4) / 2) / 2
    print(f"The mean of 1, 2, 3, 4 is {whole}, and from two halves {halves}.")
    print(f"But (0.1 + 0.2) + 0.3 = {(0.1 + 0.2) + 0.3}")
    print(f"and 0.1 + (0.2 + 0.3) = {0.1 + (0.2 + 0.3)}\n")


# %%
# The network and the digits
# --------------------------
# Two layers for small images. They compute with 64 bits for each number (``double``)
# instead of the usual 32. Then errors of rounding are some hundred million times
# smaller, and cannot be mistaken for a step that went wrong.
def make_network() -> nn.Module:
    network = nn.Sequential(
        nn.Linear(64, 32),
        nn.ReLU(),
        nn.Linear(32, 10),
    )
    return network.double()


def read_digits() -> tuple[Tensor, Tensor]:
    """1,797 real handwritten digits, of 8 x 8 = 64 pixels each, and their labels."""
    digits = load_digits()
    return torch.tensor(digits.data / 16), torch.tensor(digits.target)


# %%
# Which images belong to a step?
# ------------------------------
# Each *epoch*, a pass over all images, has an order of its own. (The last 21 of each
# order are left out: too few for a batch.) It depends on the seed and on the number of
# the epoch, and on nothing else. So the seed and the number of a step tell which images
# it takes, also in the middle of an epoch.
def rows_of(step: int, count: int, seed: int) -> Tensor:
    """Which of `count` images come next, after so many steps."""
    steps_per_epoch = count // BATCH
    epoch = step // steps_per_epoch
    start = BATCH * (step % steps_per_epoch)
    draw = torch.Generator().manual_seed(1000 * seed + epoch)
    order = torch.randperm(count, generator=draw)
    return order[start : start + BATCH]  # (B,)


# %%
# Writing a checkpoint
# --------------------
# A process that is killed while it writes leaves half a file. So it writes a draft, and
# when that is complete, ``os.replace`` gives it the name of a checkpoint. A file gets
# its name in one moment, so whoever looks finds a whole checkpoint or none.
#
# In front of the checkpoint's bytes we write their *checksum*: 32 bytes that are
# computed from all others. If a single one of those is changed, so is the checksum.
def checksum(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def save(
    folder: Path, network: nn.Module, optimizer: torch.optim.Optimizer, steps: int
) -> None:
    """Save all that is needed to go on after so many steps."""
    checkpoint = {
        "steps": steps,
        "weights": network.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    file = io.BytesIO()  # a file in memory
    torch.save(checkpoint, file)
    content = file.getvalue()
    draft = folder / "draft"
    draft.write_bytes(checksum(content) + content)
    os.replace(draft, folder / f"{steps:06}.ckpt")


# %%
# Reading a checkpoint that may be torn
# -------------------------------------
# Writing drafts is enough where a process is killed. When the power fails it is not: a
# system says "written" before all has reached the disk. So even a file that has its
# name may be *torn*: cut short, or wrong in the middle. Then its bytes do not fit their
# checksum. PyTorch compares no checksums: it would take a wrong byte for a weight.
#
# All checkpoints are kept. If the newest is torn, the one before it is as good: only a
# few more steps have to be done again.
def read(path: Path) -> dict | None:
    """The checkpoint in this file, or None if the file is torn."""
    found = path.read_bytes()
    content = found[32:]
    if checksum(content) != found[:32]:
        return None
    return torch.load(io.BytesIO(content), weights_only=True)  # see the next part


def newest(folder: Path) -> dict | None:
    """The newest checkpoint that is not torn; None if there is none."""
    for path in sorted(folder.glob("*.ckpt"), reverse=True):
        checkpoint = read(path)
        if checkpoint is not None:
            return checkpoint
    return None


# %%
# Reading a checkpoint that may be a trap
# ---------------------------------------
# A checksum tells that nothing has changed. It does not tell who has written the file.
# Python saves an object as a recipe (it calls this *pickle*): "to have it back, call
# this function with these arguments". It may be any function. So whoever reads a
# stranger's file in this way runs a stranger's program. With ``weights_only=True``,
# PyTorch accepts tensors, numbers, texts and lists of such, and a few functions that it
# knows to be harmless. A file that asks for any other is refused, with an
# ``UnpicklingError``.
#
# The class below is such a recipe: "call print with this text". It could as well delete
# all files.
class Trap:
    def __reduce__(self):  # here Python asks for the function and its arguments
        return print, ("    I am a program, and I have just run on your computer",)


def open_a_trap(path: Path) -> None:
    torch.save({"weights": torch.zeros(3), "more": Trap()}, path)
    print("A stranger's checkpoint, read with weights_only=False:")
    torch.load(path, weights_only=False)
    print("and with weights_only=True:")
    try:
        torch.load(path, weights_only=True)
    except pickle.UnpicklingError:
        print("    refused\n")


# %%
# Training, by one process or by several
# --------------------------------------
# The *rank* of a process is its number, 0 for the first. The loop is the usual one, and
# does three things more. Each process takes its share of the batch, as cards are
# dealt: ``rows[rank::processes]`` is every second row with two processes, from the
# first row for rank 0, from the second for rank 1. They average their gradients before
# the step. And the first of them saves checkpoints.
def rank_and_processes() -> tuple[int, int]:
    if dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1  # alone


def train(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    folder: Path,
    done: int,
    steps: int,
    seed: int,
    watch: Callable[[int, float], None] | None = None,
) -> None:
    """Go on after `done` steps, until there are `steps`. `watch`, if given, is called
    with the number of each step, from 1 on, and the loss of this process's share."""
    rank, processes = rank_and_processes()
    images, labels = read_digits()
    save_every = max(1, steps // 10)

    for step in range(done, steps):
        rows = rows_of(step, len(images), seed)[rank::processes]
        loss = F.cross_entropy(network(images[rows]), labels[rows])
        optimizer.zero_grad()  # forget the gradients of the last step
        loss.backward()  # how does the loss depend on each weight?
        average_gradients(network, processes)
        optimizer.step()  # change each weight a little, against its gradient
        if watch is not None:
            watch(step + 1, loss.item())
        if rank == 0 and (step + 1) % save_every == 0:
            save(folder, network, optimizer, step + 1)


# %%
# What they say to each other
# ---------------------------
# ``all_reduce`` waits until all processes have sent their numbers; then each has the
# sum. PyTorch's ``DistributedDataParallel`` does the same, but sends the gradients of
# the last layer while those of the first are still being computed.
#
# If another process has died, waiting for its numbers ends with an error. Then this one
# ends, too: ``os._exit(1)`` does it at once. (The usual ``sys.exit`` first closes what
# is open, and could wait for the dead process's messages once more.)
def average_gradients(network: nn.Module, processes: int) -> None:
    if processes == 1:
        return
    try:
        for weight in network.parameters():
            dist.all_reduce(weight.grad)  # it is now the sum
            weight.grad /= processes
    except RuntimeError:  # no answer: another process is dead
        os._exit(1)


# %%
# Starting, and starting again
# ----------------------------
# Both are the same call: if there is a checkpoint in the folder, it goes on from there.
# So on a cluster a program can start a dead training again, at any hour.
def run(
    folder: Path,
    steps: int,
    seed: int,
    watch: Callable[[int, float], None] | None = None,
    forget_optimizer: bool = False,
) -> None:
    rank, processes = rank_and_processes()
    if BATCH % processes != 0:
        sys.exit(f"{processes} processes cannot share {BATCH} images evenly")
    torch.manual_seed(seed)  # all processes begin with the same weights
    network = make_network()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)

    done = 0
    checkpoint = newest(folder)
    if checkpoint is not None:
        done = checkpoint["steps"]
        network.load_state_dict(checkpoint["weights"])
        if not forget_optimizer:
            optimizer.load_state_dict(checkpoint["optimizer"])
    train(network, optimizer, folder, done, steps, seed, watch)
    if rank == 0:  # the last steps may have been too few for a checkpoint
        save(folder, network, optimizer, steps)


# %%
# Looking on
# ----------
def print_loss(step: int, loss: float) -> None:
    if step % 20 == 0:
        print(f"    step {step:3}: loss {loss:.3f}")


def run_and_print(
    folder: Path, steps: int, seed: int, forget_optimizer: bool = False
) -> dict[int, float]:
    """Train in this process, and return its losses: {1: the first step's, ...}."""
    losses = {}

    def keep_and_print(step: int, loss: float) -> None:
        losses[step] = loss
        print_loss(step, loss)

    run(folder, steps, seed, keep_and_print, forget_optimizer)
    return losses


# %%
# How processes find each other
# -----------------------------
# Ours meet at a file, in which each writes its address. On a cluster, a program of
# PyTorch, ``torchrun``, starts them, and tells each its rank and the address of the
# first. "gloo" is the part of PyTorch that sends the messages; for graphics cards there
# is "nccl". Messages of ours take the *loopback*, a network from this computer to
# itself. When a process ends, its connections break, and the others notice. One that is
# silent for two minutes is taken for dead, too.
def meet(rank: int, processes: int, folder: Path) -> None:
    if sys.platform != "win32":
        os.environ["GLOO_SOCKET_IFNAME"] = LOOPBACK  # only inside of this computer
    dist.init_process_group(
        "gloo",
        store=dist.FileStore(str(folder / "meeting"), processes),
        timeout=timedelta(minutes=2),
        rank=rank,
        world_size=processes,
    )


# %%
# A process, and its end
# ----------------------
# A *signal* is how the system interrupts a process. SIGKILL ends it at once, and it
# cannot do anything before, as when the power goes. (On Windows, that signal is called
# SIGTERM.) So that the kill comes in the same step each time, the process sends the
# signal to itself.
def work(
    rank: int,
    processes: int,
    threads: int,
    folder: Path,
    steps: int,
    seed: int,
    plug: int,
) -> None:
    """What a process does. The one with the highest rank is killed after the step
    `plug`, unless that is 0."""
    torch.set_num_threads(threads)
    if processes > 1:
        meet(rank, processes, folder)

    def write_down_or_die(step: int, loss: float) -> None:
        if rank == 0:
            with (folder / "losses").open("a") as file:  # we shall read them
                file.write(f"{step} {loss}\n")
        if step == plug and rank == processes - 1:
            os.kill(os.getpid(), KILL)

    run(folder, steps, seed, write_down_or_die)
    os._exit(0)  # all is well; do not wait for anybody


# %%
# Starting processes
# ------------------
# Each is a new Python, which reads this file and calls ``work`` ("spawn"). Its *exit
# code* tells how it ended: 0 is well, 1 with an error. After SIGKILL, which is number
# 9, it is -9 (on Windows 15).
def start(
    processes: int, folder: Path, steps: int, seed: int, plug: int = 0
) -> list[int]:
    """Start so many processes, wait until all have ended, and return their codes."""
    context = multiprocessing.get_context("spawn")
    threads = torch.get_num_threads()  # with others, sums would round differently
    (folder / "meeting").unlink(missing_ok=True)  # what dead processes have written
    started = []
    for rank in range(processes):
        arguments = (rank, processes, threads, folder, steps, seed, plug)
        process = context.Process(target=work, args=arguments, daemon=True)
        process.start()
        started.append(process)
    for process in started:
        process.join()
    codes = [process.exitcode for process in started]
    if plug == 0 and any(codes):
        sys.exit(f"Processes ended with {codes}, and none was to be killed")
    return codes


# %%
# What is there after a kill
# --------------------------
# A killed process leaves whole checkpoints. So that it is as after a power failure, we
# cut the newest in half.
def cut_newest(folder: Path) -> None:
    path = sorted(folder.glob("*.ckpt"))[-1]
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def print_checkpoints(folder: Path) -> None:
    for path in sorted(folder.glob("*.ckpt"))[-3:]:
        state = "torn"
        if read(path) is not None:
            state = "sound"
        print(f"    {path.name} is {state}")


def read_losses(folder: Path) -> dict[int, float]:
    """What a killed process has written down."""
    losses = {}
    for line in (folder / "losses").read_text().splitlines():
        step, loss = line.split()
        losses[int(step)] = float(loss)
    return losses


# %%
# One process: in peace, and killed
# ---------------------------------
# There is a *control*, too: a training that goes on with the right weights and at the
# right step, but whose optimizer has forgotten what it remembered. It must end with
# other weights. Otherwise the comparison could not tell that something was lost.
def kill_one_process(
    base: Path, steps: int, seed: int, plug: int
) -> tuple[dict[str, dict[int, float]], list[int]]:
    """The losses of the four trainings, and the exit code of the killed process."""
    losses = {}
    peace = base / "peace"
    peace.mkdir()
    print("One process, in peace:")
    losses["in peace"] = run_and_print(peace, steps, seed)

    killed = base / "killed"
    killed.mkdir()
    codes = start(1, killed, steps, seed, plug)
    losses["killed"] = read_losses(killed)
    cut_newest(killed)
    print(f"Killed after step {plug} (exit code {codes[0]}). Its checkpoints:")
    print_checkpoints(killed)
    forgetful = base / "forgetful"
    shutil.copytree(killed, forgetful)

    print("Started again:")
    losses["started again"] = run_and_print(killed, steps, seed)
    print("Started again, but without what the optimizer remembered:")
    losses["optimizer forgot"] = run_and_print(
        forgetful, steps, seed, forget_optimizer=True
    )
    return losses, codes


# %%
# Two processes: in peace, and one of them killed
# -----------------------------------------------
# The other one gets no answer any more, and ends.
def kill_one_of_two(
    base: Path, steps: int, seed: int, plug: int
) -> tuple[list[int], int]:
    """The exit codes after the kill, and the first step after the new start."""
    peace = base / "two_in_peace"
    peace.mkdir()
    start(2, peace, steps, seed)
    killed = base / "two_killed"
    killed.mkdir()
    codes = start(2, killed, steps, seed, plug)
    print(f"Two processes, one killed after step {plug}: exit codes {codes}")
    (killed / "losses").write_text("")  # from here on, those of the new start
    codes_again = start(2, killed, steps, seed)
    went_on = min(read_losses(killed), default=steps + 1)
    print(f"Both started again, with step {went_on}: exit codes {codes_again}\n")
    return codes, went_on


# %%
# How far apart did they end?
# ---------------------------
def final_weights(folder: Path) -> Tensor:
    """All weights of the newest checkpoint, in one long row."""
    weights = newest(folder)["weights"]
    return torch.cat([weight.flatten() for weight in weights.values()])


def distance(one: Path, other: Path) -> float:
    """The largest difference of a weight."""
    return (final_weights(one) - final_weights(other)).abs().max().item()


# %%
# When does the claim hold?
# -------------------------
# Equal weights prove nothing if no process was killed, or if after the kill a training
# began anew instead of going on. So we also ask whether a process was killed in both
# experiments, with one process and with two, and how many steps were done twice.
def claim_holds(numbers: dict[str, float]) -> bool:
    both_killed = numbers["killed"] == 2
    both_went_on = numbers["done_twice"] <= 0.2
    one_loses_nothing = numbers["one_process"] == 0
    two_lose_nothing = numbers["two_processes"] == 0
    two_are_as_one = numbers["one_and_two"] <= 1e-9
    optimizer_matters = numbers["optimizer_forgot"] > 1e-3
    nothing_lost = both_went_on and one_loses_nothing and two_lose_nothing
    return both_killed and nothing_lost and two_are_as_one and optimizer_matters


# %%
# The picture
# -----------
def subtract(losses: dict[int, float], peace: dict[int, float]) -> dict[int, float]:
    """How far each loss is from the one in peace at the same step."""
    differences = {}
    for step, loss in losses.items():
        differences[step] = abs(loss - peace[step])
    return differences


def figure(losses: dict[str, dict[int, float]]) -> Figure:
    """The losses {step: loss} of the four trainings by one process."""
    peace = losses["in peace"]
    killed = losses["killed"]
    again = losses["started again"]
    plug = max(killed)
    size = {"figsize": (8, 4.5), "layout": "constrained"}
    fig, (top, low) = plt.subplots(2, sharex=True, height_ratios=[4, 3], **size)
    top.plot(peace.keys(), peace.values(), "0.7", linewidth=8, label="in peace")
    top.plot(killed.keys(), killed.values(), "k-", label="killed")
    top.plot(again.keys(), again.values(), "k.", label="started again")
    top.plot(plug, killed[plug], "kX", markersize=14, markeredgecolor="white")
    top.annotate(
        "the plug is pulled",
        xy=(plug, killed[plug] + 0.1),
        xytext=(plug, killed[1] / 2),
        arrowprops={"arrowstyle": "->"},
        horizontalalignment="center",
    )
    top.set(ylabel="loss")
    top.legend()

    same = subtract(again, peace)
    other = subtract(losses["optimizer forgot"], peace)
    low.plot(other.keys(), other.values(), "k:", linewidth=2, label="optimizer forgot")
    low.plot(same.keys(), same.values(), "k.", label="started again")
    low.set_yscale("symlog", linthresh=1e-6)  # a logarithm that has room for 0
    low.set(xlabel="step of training", ylabel="difference")
    low.set(yticks=[0, 1e-6, 1e-3, 1], ylim=(-3e-7, 10))
    low.legend(loc="center left")
    apart = max(same.values())
    title = f"Killed after step {plug}, gone on after step {min(again) - 1}"
    fig.suptitle(f"{title}: losses differ by at most {apart:.1g}", size=14)
    return fig


# %%
# The lesson
# ----------
def main(steps: int = 100, seed: int = 0) -> dict[str, float]:
    """We pull the plug in the middle of training: what is lost?

    Args:
        steps: of each training
        seed: of the weights and of the order of the images
    """
    if steps < 2:
        sys.exit(f"--steps must be at least 2, got {steps}")
    if "__file__" not in globals():
        sys.exit("Save this lesson as a file: the processes that it starts read it")
    print(f"{ASK}\n")
    with_a_pencil()
    two_halves()
    plug = steps // 2 + 1  # of 100 steps, one step after a checkpoint
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        open_a_trap(base / "trap")
        losses, codes = kill_one_process(base, steps, seed, plug)
        more_codes, two_went_on = kill_one_of_two(base, steps, seed, plug)
        codes += more_codes
        one_went_on = min(losses["started again"])
        numbers = {
            "killed": float(codes.count(-KILL) + codes.count(KILL)),  # Windows: KILL
            "done_twice": (plug + 1 - min(one_went_on, two_went_on)) / steps,
            "one_process": distance(base / "peace", base / "killed"),
            "two_processes": distance(base / "two_in_peace", base / "two_killed"),
            "one_and_two": distance(base / "peace", base / "two_in_peace"),
            "optimizer_forgot": distance(base / "peace", base / "forgetful"),
        }
    print(f"Steps done twice: at most {numbers['done_twice']:.0%} of all")
    print("The largest difference of a weight at the end:")
    print(f"    killed or not, one process:   {numbers['one_process']:.1g}")
    print(f"    killed or not, two processes: {numbers['two_processes']:.1g}")
    print(f"    one process or two:           {numbers['one_and_two']:.1g}")
    print(f"    the optimizer forgot:         {numbers['optimizer_forgot']:.1g}")

    verdict = "does NOT hold"
    if claim_holds(numbers):
        verdict = "holds"
    print(f"\n{textwrap.fill(CLAIM)}\nIn this run the claim {verdict}.")
    Path("figures").mkdir(exist_ok=True)
    figure(losses).savefig("figures/cluster.png", dpi=160)
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
