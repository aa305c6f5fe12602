"""What lightning.py promises when it is many processes, and when they die, as tests."""

import contextlib
import csv
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

import lightning
from tools.catalogue import ROOT

SCRIPT = str(ROOT / "lightning.py")
SAVED = "lightning_logs/checkpoints/*.ckpt"
EPOCHS = 25
GOES_ON = "--resume last goes on after the last epoch"
pytestmark = pytest.mark.slow


class Run:
    """lightning.py on the small digits, in processes that can be killed together."""

    started = []

    def __init__(self, folder: Path, *words, starter=(), name="run", **environment):
        self.out, self.err = folder / f"{name}.out", folder / f"{name}.err"
        known = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-u", *(starter or [SCRIPT]), "--data=digits", *words],
                cwd=folder,
                env=os.environ | known | environment,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        self.started.append(self)

    def printed(self) -> str:
        return self.out.read_text()

    def told(self) -> str:
        return self.err.read_text()

    def wait_for(self, text: str, times: int = 1, seconds: float = 120) -> None:
        until = time.monotonic() + seconds
        while self.printed().count(text) < times:
            assert self.process.poll() is None and time.monotonic() < until, self.told()
            time.sleep(0.01)

    def end(self, code: int = 0, seconds: float = 300) -> str:
        """What it printed, once it has ended by itself."""
        assert self.process.wait(seconds) == code, self.told()
        assert "Warning" not in self.told()
        return self.printed()


@pytest.fixture(autouse=True)
def nobody_stays():
    yield
    for run in Run.started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.process.pid, signal.SIGKILL)
        run.process.wait()
    Run.started.clear()


def final(folder: Path) -> dict:
    """What the newest checkpoint holds."""
    newest = max(folder.glob(SAVED), key=os.path.getmtime)
    return torch.load(newest, weights_only=True)


def same(one: Path, other: Path) -> None:
    """Both runs ended with the same bits, in weights and in every loss."""
    one, other = final(one), final(other)
    assert torch.equal(one["losses"], other["losses"])
    assert one["state_dict"].keys() == other["state_dict"].keys()
    for name, weight in one["state_dict"].items():
        assert torch.equal(weight, other["state_dict"][name]), name


def verdict(printed: str) -> list[str]:
    return printed[printed.index("Test accuracy") :].splitlines()


def difference(printed: str) -> float:
    return float(re.search(r"Largest difference: (\S+),", printed)[1])


def free_port() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


# Same losses


@pytest.mark.parametrize(
    # One epoch in float64: 2e-15. In float32, 20 seeds: losses at most 5e-7 apart,
    # parameters 1e-5. From there on runs drift apart: after three epochs of the digits
    # three seeds of 20 up to 7e-4, after three of MNIST 6e-2; in float64 still 1e-15.
    "precision, bound",
    [("64-true", 1e-10), ("32-true", 1e-4)],
)
def test_two_processes_with_half_of_each_batch_get_the_parameters_of_one(
    precision, bound, tmp_path
):
    runs, words = [], ("--epochs=1", f"--precision={precision}")
    for devices in 1, 2:
        (tmp_path / str(devices)).mkdir()
        runs.append(Run(tmp_path / str(devices), *words, f"--devices={devices}"))
    one, two = [final(run.out.parent) for run in runs if run.end()]
    torch.testing.assert_close(two["losses"], one["losses"], rtol=0, atol=bound)
    for name, weight in one["state_dict"].items():
        torch.testing.assert_close(two["state_dict"][name], weight, rtol=0, atol=bound)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A run of the lesson by two processes."""
    run = Run(tmp_path_factory.mktemp("two"), "--devices=2")
    run.end()
    return run


def test_accuracy_over_the_uneven_last_batches_of_two_processes_is_exact(two):
    folder = two.out.parent
    (log,) = folder.glob("lightning_logs/*/metrics.csv")
    rows = list(csv.DictReader(log.read_text().splitlines()))
    parts = lightning.MNISTDataModule(data="digits").parts
    model = lightning.DigitClassifier()

    def counted(path, images, labels):
        model.load_state_dict(torch.load(path, weights_only=True)["state_dict"])
        return (model(images).argmax(1) == labels).double().mean().item()

    saved = sorted(folder.glob(SAVED), key=os.path.getmtime)
    right = [counted(path, *parts[1]) for path in saved]  # 287 images
    told = [float(row["validation"]) for row in rows if row["validation"]]
    assert len(told) == 3 and told == pytest.approx(right, abs=1e-6)
    best = saved[right.index(max(right))]
    right = counted(best, *parts[2])  # 360
    assert float(rows[-1]["accuracy"]) == pytest.approx(right, abs=1e-6)


def test_only_the_first_of_two_processes_speaks_draws_and_writes(two):
    folder, printed = two.out.parent, two.printed()
    assert printed.count(lightning.ASK) == printed.count("the claim") == 1
    assert printed.count("steps: validation") == 3
    assert two.told() == ""
    assert [path.name for path in folder.glob("figures/*")] == ["lightning.png"]
    assert len(list(folder.glob("lightning_logs/version_*"))) == 1
    assert len(list(folder.glob(SAVED))) == 3


def test_a_plain_torchrun_needs_no_option(tmp_path):
    starter = "-m", "torch.distributed.run", "--nproc-per-node=2", SCRIPT
    printed = Run(tmp_path, "--precision=64-true", starter=starter).end()
    assert difference(printed) < 1e-10 and printed.count("the claim holds") == 1


def test_the_slurm_script_of_the_page(tmp_path):
    """Slurm's part is played by its variables: two nodes with one process each."""
    page = (ROOT / "docs" / "templates" / "cluster.rst").read_text(encoding="utf-8")
    script = page[page.index("#!/bin/bash") :].replace("\\\n", "")
    nodes = int(re.search(r"--nodes=(\d+)", script)[1])
    tasks = int(re.search(r"--ntasks-per-node=(\d+)", script)[1])
    words = re.search(r"srun python lightning.py (.*)", script)[1].split()
    assert words.count("$SLURM_NNODES") == 1 and f"--devices {tasks}" in script
    swap = {"cuda": "cpu", "mnist": "digits", "$SLURM_NNODES": "2", str(tasks): "1"}
    words = [swap.get(word, word) for word in words]
    assert nodes > 1 and "--resume" in words and "--num_nodes" in words
    assert 55_000 % (nodes * tasks) == 200 % (nodes * tasks) == 0 and "200" in words
    port, runs = free_port(), []
    for rank in range(2):
        slurm = {"JOB_ID": "7", "JOB_NAME": "nn", "NTASKS": 2, "NTASKS_PER_NODE": 1}
        slurm |= {"NNODES": 2, "NODELIST": "127.0.0.1", "LOCALID": 0}
        slurm |= {"PROCID": rank, "NODEID": rank}
        slurm = {f"SLURM_{name}": str(value) for name, value in slurm.items()}
        slurm |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        words += ["--precision=64-true"] * (rank == 0)
        runs.append(Run(tmp_path, *words, name=f"node{rank}", **slurm))
    first, second = [run.end() for run in runs]
    assert difference(first) < 1e-10 and second == ""
    assert "No checkpoint: starting afresh" in first


# Nothing lost


# Kills itself while it writes the n-th checkpoint: before the finished file is moved to
# its place; or as on a disk that loses power, with a part of it there.
KILLER = """
import os, runpy, shutil, sys
from pathlib import Path
from lightning_fabric.plugins.io import torch_io

save, left, share = torch_io._atomic_save, int(sys.argv.pop(1)), float(sys.argv.pop(1))
sys.argv.pop(0)

def die(*_):
    os.kill(os.getpid(), 9)

def last(saved, path):
    global left
    left -= 1
    if left == 0 and share == 1:
        shutil.move = die
    save(saved, path)
    if left == 0:
        whole = Path(path).read_bytes()
        Path(path).write_bytes(whole[: int(share * len(whole))])
        die()

torch_io._atomic_save = last
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def gone(run: Run, seconds: float) -> None:
    """No process of it is left, within so many seconds."""
    until = time.monotonic() + seconds
    while True:
        try:
            os.killpg(run.process.pid, 0)
        except ProcessLookupError:
            return
        assert time.monotonic() < until, run.told()
        time.sleep(0.1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Runs never killed, with one process and with two."""
    folders = {
        devices: tmp_path_factory.mktemp(f"whole{devices}") for devices in (1, 2)
    }
    runs = [
        Run(folder, f"--devices={devices}", f"--epochs={EPOCHS}")
        for devices, folder in folders.items()
    ]
    for run in runs:
        run.end()
    return folders


def chain(number: int, devices: int, folder: Path, whole: Path) -> None:
    """Five times killed, at random or while it writes, and then run to its end."""
    draw, printed, torn = random.Random(number), "", None
    (folder / "killer.py").write_text(KILLER)
    words = f"--devices={devices}", f"--epochs={EPOCHS}", "--resume=last"
    kills = ["anywhere", "anywhere", "anywhere", "torn", "move"]
    draw.shuffle(kills)
    for kill in [*kills, None]:
        known = sorted(folder.glob(SAVED), key=os.path.getmtime)
        starter = [SCRIPT]
        if kill in ("torn", "move"):
            share = 1 if kill == "move" else draw.choice([0, 0.3, 0.99])
            at = [str(draw.randint(1, 5)), str(share)]
            starter = [str(folder / "killer.py"), *at, SCRIPT]
        run = Run(folder, *words, starter=starter)
        if kill == "anywhere":
            epochs = draw.randint(0, 4)
            run.wait_for("steps: validation" if epochs else "Data:", max(epochs, 1))
            time.sleep(draw.uniform(0, 0.15 if epochs else 0.6))
            assert run.process.poll() is None
            run.process.kill()
        assert run.process.wait(120) == (-signal.SIGKILL if kill else 0), run.told()
        gone(run, 60)  # the other process, if there are two
        assert "Traceback" not in run.told()
        told = run.printed()
        printed += told
        if "\n" in told.partition("Data:")[2].strip():  # it came as far as resuming
            assert ("is torn" in told) == (torn is not None)
            if torn:
                assert f"{torn.relative_to(folder)} is torn" in told
                known.remove(torn)
                torn.unlink()
                torn = None
            where = known[-1].relative_to(folder) if known else None
            where = f"Going on from {where}" if where else "No checkpoint: starting"
            assert where in told
        if kill == "torn":
            torn = max(folder.glob(SAVED), key=os.path.getmtime)
    same(folder, whole)
    assert verdict(told) == verdict((whole / "run.out").read_text())
    # of each epoch that was cut short, the steps alone are computed again
    assert EPOCHS <= printed.count("steps: validation") <= EPOCHS + len(kills)


def test_25_kills_and_not_a_bit_is_lost(whole, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        chains = []
        for number, devices in enumerate([2, 1, 1, 1, 1]):
            (tmp_path / str(number)).mkdir()
            task = number, devices, tmp_path / str(number), whole[devices]
            chains.append(pool.submit(chain, *task))
        for one in chains:
            one.result()


@pytest.mark.parametrize(
    "devices, number", [(1, signal.SIGINT), (2, signal.SIGINT), (1, signal.SIGTERM)]
)
def test_ctrl_c_ends_cleanly_and_says_how_to_go_on(
    devices, number, whole, tmp_path, ctrl_c
):
    words = f"--devices={devices}", f"--epochs={EPOCHS}"
    run = Run(tmp_path, *words)
    run.wait_for("steps: validation", 5)
    os.killpg(run.process.pid, number)  # as a terminal does
    assert run.process.wait(60) not in (0, 2)
    gone(run, 60)
    assert GOES_ON in run.told() and "Traceback" not in run.told()
    Run(tmp_path, *words, "--resume=last", name="again").end()
    same(tmp_path, whole[devices])


# Two nodes, both of them this machine


def two_nodes(folder: Path, name: str, *words: str) -> list[Run]:
    port, runs = free_port(), []
    for node in range(2):
        starter = ["-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1"]
        starter += ["--rdzv-backend=c10d", f"--rdzv-endpoint=127.0.0.1:{port}"]
        starter += ["--rdzv-id=nn", "--local-addr=127.0.0.1", SCRIPT]
        runs.append(Run(folder, *words, starter=starter, name=f"{name}{node}"))
        time.sleep(2)  # the first to come keeps the rendezvous
    return runs


def workers(run: Run) -> list[int]:
    command = ["pgrep", "-P", str(run.process.pid)]
    found = subprocess.run(command, capture_output=True, text=True).stdout
    return [int(word) for word in found.split()]


@pytest.mark.parametrize("victim", [0, 1])
def test_two_nodes_get_the_losses_of_one_process_also_if_one_dies(victim, tmp_path):
    words = f"--epochs={EPOCHS}", "--precision=64-true"
    runs = two_nodes(tmp_path, "first", *words)
    while sum(run.printed().count("steps: validation") for run in runs) < 2:
        assert all(run.process.poll() is None for run in runs), runs[0].told()
        time.sleep(0.1)
    other = runs[1 - victim]
    (killed,), (worker,) = workers(runs[victim]), workers(other)
    os.kill(killed, signal.SIGKILL)
    runs[victim].process.kill()
    until = time.monotonic() + 60
    while Path(f"/proc/{worker}").exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert not Path(f"/proc/{worker}").exists()
    assert GOES_ON in other.told()
    other.process.kill()
    runs = two_nodes(tmp_path, "again", *words, "--resume=last")
    printed = "".join(run.end() for run in runs)
    assert printed.count("Going on from lightning_logs/checkpoints/epoch=") == 1
    assert difference(printed) < 1e-10  # of one process, before and after the kill
    images, labels = lightning.MNISTDataModule(data="digits").parts[0]
    plain = torch.stack([*lightning.plain_loop(images.double(), labels, 3, seed=0)])
    losses = final(tmp_path)["losses"]
    assert len(losses) == 23 * EPOCHS
    torch.testing.assert_close(losses[: len(plain)], plain, rtol=0, atol=1e-10)
