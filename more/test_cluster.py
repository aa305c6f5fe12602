"""What cluster.py claims, as tests."""

import io
import math
import multiprocessing
import os
import pickle
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import sklearn.datasets
import torch
from torch import nn
from torch.testing import assert_close

import cluster
from cluster import (
    BATCH,
    Trap,
    average_gradients,
    checksum,
    claim_holds,
    cut_newest,
    distance,
    figure,
    final_weights,
    main,
    make_network,
    meet,
    newest,
    one_step,
    open_a_trap,
    print_checkpoints,
    print_loss,
    rank_and_processes,
    read,
    read_digits,
    read_losses,
    rows_of,
    run,
    run_and_print,
    save,
    start,
    subtract,
    train,
)
from tools.catalogue import ROOT
from tools.store import full

NO_MODEL = "its network is a plain nn.Sequential; new is what lies around it"


def some(folder: Path, name: str) -> Path:
    """An empty folder of this name."""
    path = folder / name
    path.mkdir()
    return path


def trained(steps: int = 3) -> tuple[nn.Module, torch.optim.Optimizer]:
    """A network and its optimizer after so many steps on random images."""
    network = make_network()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(steps):
        images = torch.rand(BATCH, 64, dtype=torch.float64)
        optimizer.zero_grad()
        network(images).square().mean().backward()
        optimizer.step()
    return network, optimizer


def same(one, other) -> bool:
    """Whether two checkpoints, or two parts of them, are equal to the last bit."""
    if isinstance(one, torch.Tensor):
        alike = isinstance(other, torch.Tensor) and one.dtype == other.dtype
        return alike and torch.equal(one, other)
    if isinstance(one, dict):
        if not isinstance(other, dict) or list(one) != list(other):
            return False
        return all(same(one[key], other[key]) for key in one)
    return one == other


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def one_of_two(monkeypatch):
    """This process believes that it is one of two, but nobody answers."""

    def become(rank: int) -> None:
        monkeypatch.setattr(cluster, "rank_and_processes", lambda: (rank, 2))
        monkeypatch.setattr(cluster, "average_gradients", lambda network, count: None)

    return become


# With a pencil


def test_the_velocity_is_half_of_the_last_one_and_the_gradient():
    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([weight], lr=1.0, momentum=0.5)
    seen = []
    for _ in range(3):
        one_step(weight, optimizer)
        velocity = optimizer.state[weight]["momentum_buffer"].item()
        seen.append((velocity, weight.item()))
    assert seen == [(1, -1), (1.5, -2.5), (1.75, -4.25)]


def test_with_a_pencil_the_weight_alone_leads_elsewhere(capsys):
    """What does Adam remember besides the weight?"""
    cluster.with_a_pencil()
    assert capsys.readouterr().out.splitlines() == [
        "The third step, if nothing happens, leads to -4.25;",
        "with weight and velocity saved, to -4.25;",
        "with only the weight saved, to -3.5.",
        "",
    ]


def test_with_a_pencil_the_mean_of_two_halves_is_the_mean_of_the_whole(capsys):
    cluster.two_halves()
    assert capsys.readouterr().out.splitlines() == [
        "The mean of 1, 2, 3, 4 is 2.5, and from two halves 2.5.",
        "But (0.1 + 0.2) + 0.3 = 0.6000000000000001",
        "and 0.1 + (0.2 + 0.3) = 0.6",
        "",
    ]


# The network and the digits


def test_the_network_is_two_layers_with_64_bits_for_each_number():
    network = make_network()
    x = torch.rand(5, 64, dtype=torch.float64)
    one, two, three, four = network.parameters()
    assert_close(network(x), (x @ one.T + two).clamp(min=0) @ three.T + four)
    shapes = [tuple(weight.shape) for weight in network.parameters()]
    assert shapes == [(32, 64), (32,), (10, 32), (10,)]
    assert {weight.dtype for weight in network.parameters()} == {torch.float64}


def test_the_digits_are_those_of_scikit_learn_between_0_and_1():
    images, labels = read_digits()
    known = sklearn.datasets.load_digits()
    assert images.shape == (1797, 64) and images.dtype == torch.float64
    assert (images.min(), images.max()) == (0, 1)
    assert (images * 16).tolist() == known.data.tolist()
    assert labels.tolist() == known.target.tolist()


# Which images belong to a step?


def test_an_epoch_shows_every_image_at_most_once():
    for epoch in (0, 1, 7):
        shown = [rows_of(37 * epoch + step, 1797, seed=3) for step in range(37)]
        assert [len(rows) for rows in shown] == [BATCH] * 37
        shown = torch.cat(shown)
        assert len(shown.unique()) == 37 * BATCH == 1776  # 21 have to wait
        assert shown.min() >= 0 and shown.max() <= 1796
        assert shown.tolist() != shown.sort().values.tolist()
    few = torch.cat([rows_of(step, 96, seed=0) for step in (2, 3)])
    assert sorted(few.tolist()) == list(range(96))


def test_the_images_of_a_step_depend_on_its_number_and_the_seed_alone():
    """Would a process that starts anew at this step draw the same images?"""
    steps = [0, 36, 37, 100]
    before = [rows_of(step, 1797, seed=2).tolist() for step in steps]
    torch.rand(17)  # as if something else had drawn
    torch.manual_seed(99)
    state = torch.get_rng_state()
    after = [rows_of(step, 1797, seed=2).tolist() for step in reversed(steps)]
    assert before == list(reversed(after))
    assert torch.equal(state, torch.get_rng_state())  # nor does it disturb others


def test_every_epoch_and_every_seed_has_an_order_of_its_own():
    """Which seed and epoch have the order of seed 1 in epoch 0?"""
    epochs = [(seed, epoch) for seed in range(5) for epoch in range(5)]
    epochs += [(seed, epoch) for seed in range(2) for epoch in range(5, 100)]
    orders = {tuple(rows_of(37 * epoch, 1797, seed).tolist()) for seed, epoch in epochs}
    assert len(orders) == len(epochs)


# Writing a checkpoint


def test_a_checkpoint_holds_weights_optimizer_and_step_to_the_last_bit(tmp_path):
    network, optimizer = trained()
    save(tmp_path, network, optimizer, 20)
    assert names(tmp_path) == ["000020.ckpt"]  # and no draft
    found = read(tmp_path / "000020.ckpt")
    assert list(found) == ["steps", "weights", "optimizer"] and found["steps"] == 20
    assert same(dict(network.state_dict()), dict(found["weights"]))
    assert same(optimizer.state_dict(), found["optimizer"])
    assert found["optimizer"]["state"][0]["exp_avg"].any()


def test_a_save_that_fails_leaves_what_was_there_and_nothing_half_written(
    tmp_path, monkeypatch
):
    """The plug is pulled while it saves: what lies there under the old name?"""
    network, optimizer = trained()
    save(tmp_path, network, optimizer, 10)
    old = (tmp_path / "000010.ckpt").read_bytes()
    write = Path.write_bytes

    def half(path, content):
        write(path, content[:1000])
        raise OSError("no space left on the disk")

    monkeypatch.setattr(Path, "write_bytes", half)
    for steps in (10, 20):  # one that would take an old name, and one with a new one
        with pytest.raises(OSError):
            save(tmp_path, network, optimizer, steps)
        assert [path.name for path in tmp_path.glob("*.ckpt")] == ["000010.ckpt"]
        assert (tmp_path / "000010.ckpt").read_bytes() == old
    monkeypatch.undo()
    save(tmp_path, network, optimizer, 20)  # the draft that is left does no harm
    assert names(tmp_path) == ["000010.ckpt", "000020.ckpt"]


def test_the_name_is_given_in_one_moment_to_a_file_that_is_whole(tmp_path, monkeypatch):
    given = []

    def replace(draft, name):
        found = read(draft)
        given.append((Path(draft).parent, Path(name), found["steps"]))

    monkeypatch.setattr(os, "replace", replace)
    save(tmp_path, *trained(), 30)
    assert given == [(tmp_path, tmp_path / "000030.ckpt", 30)]  # on the same disk


# Reading a checkpoint that may be torn


@pytest.fixture
def written(tmp_path) -> Path:
    save(tmp_path, *trained(), 10)
    return tmp_path / "000010.ckpt"


def test_a_file_that_is_cut_anywhere_is_torn(written):
    whole = written.read_bytes()
    places = [0, 1, 3, 4, 30, 100, 1000, len(whole) // 2, len(whole) - 100]
    places += [len(whole) - 23, len(whole) - 22, len(whole) - 2, len(whole) - 1]
    places += range(500, len(whole), 3001)
    for place in places:
        written.write_bytes(whole[:place])
        assert read(written) is None, place
    written.write_bytes(whole)
    assert read(written)["steps"] == 10


def test_a_file_that_ends_in_zeros_is_torn(written):
    whole = written.read_bytes()
    for place in (0, 5000, len(whole) // 2, len(whole) - 30):
        written.write_bytes(whole[:place] + bytes(len(whole) - place))
        assert read(written) is None, place


def flip(written: Path, places: list[int], bits: int) -> int:
    """Change these bits of one byte after another. How many are seen."""
    whole = written.read_bytes()
    seen = 0
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= bits
        written.write_bytes(changed)
        if read(written) is None:
            seen += 1
    return seen


def test_a_byte_that_changed_is_noticed(written):
    """A disk may change a byte: what is compared when the file is read?"""
    size = written.stat().st_size
    draw = random.Random(0)
    places = draw.sample(range(size), 200)
    places += draw.sample(range(size - 1500, size), 100)  # the table of contents
    places += range(32)  # the checksum itself
    assert flip(written, places, bits=1) == len(places)


def test_a_changed_weight_could_be_loaded_but_is_not_taken_for_sound(written):
    whole = bytearray(written.read_bytes())
    weights = read(written)["weights"]["0.weight"]
    place = whole.index(bytes(weights.view(torch.uint8).flatten()[:64].tolist()))
    whole[place + 7] ^= 1
    written.write_bytes(whole)
    file = io.BytesIO(whole[32:])
    loaded = torch.load(file, weights_only=True)["weights"]["0.weight"]
    assert (loaded != weights).sum() == 1  # torch alone believes it
    assert read(written) is None


@pytest.mark.slow
def test_of_all_bytes_there_is_none_whose_change_is_taken_for_sound(written):
    places = list(range(written.stat().st_size))
    for bits in (0x01, 0x10, 0xFF):
        assert flip(written, places, bits) == len(places)


def test_the_newest_passes_over_torn_files(tmp_path):
    """If the last file is torn, which is asked next?"""
    assert newest(tmp_path) is None
    network, optimizer = trained()
    for steps in (0, 10, 20, 100):
        save(tmp_path, network, optimizer, steps)
    for age, path in enumerate(sorted(tmp_path.glob("*.ckpt"))):  # as after a copy
        os.utime(path, (1e9 - age, 1e9 - age))
    (tmp_path / "draft").write_bytes(b"half")
    (tmp_path / "zzz.txt").write_bytes(b"a stranger")
    assert newest(tmp_path)["steps"] == 100
    for torn, steps in [("000100", 20), ("000020", 10), ("000010", 0)]:
        path = tmp_path / f"{torn}.ckpt"
        path.write_bytes(path.read_bytes()[:999])
        assert newest(tmp_path)["steps"] == steps
    (tmp_path / "000000.ckpt").write_bytes(b"")
    assert newest(tmp_path) is None
    assert len(list(tmp_path.glob("*.ckpt"))) == 4  # none was thrown away


def test_what_cannot_be_read_at_all_is_an_error_and_not_torn(tmp_path):
    some(tmp_path, "000010.ckpt")  # a folder
    with pytest.raises(OSError):
        newest(tmp_path)  # or a training would begin anew, without a word


# Reading a checkpoint that may be a trap


class Payload:
    """Makes a folder on the computer of whoever is careless."""

    def __init__(self, path: Path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_program_in_a_checkpoint_is_refused_and_does_not_run(tmp_path):
    ran = tmp_path / "ran"
    path = tmp_path / "000020.ckpt"
    save(tmp_path, *trained(), 10)
    file = io.BytesIO()
    torch.save({"steps": 20, "weights": Payload(ran)}, file)
    path.write_bytes(checksum(file.getvalue()) + file.getvalue())
    with pytest.raises(pickle.UnpicklingError):
        read(path)
    with pytest.raises(pickle.UnpicklingError):
        newest(tmp_path)  # it is not torn: somebody should look at it
    assert not ran.exists()
    torch.load(io.BytesIO(file.getvalue()), weights_only=False)
    assert ran.exists()


def test_the_trap_is_sprung_once_with_false_and_never_with_true(tmp_path, capsys):
    open_a_trap(tmp_path / "trap")
    ran = "    I am a program, and I have just run on your computer"
    assert capsys.readouterr().out.splitlines() == [
        "A stranger's checkpoint, read with weights_only=False:",
        ran,
        "and with weights_only=True:",
        "    refused",
        "",
    ]
    pickle.loads(pickle.dumps(Trap()))
    assert capsys.readouterr().out == f"{ran}\n"


# Training


def adam_by_hand(steps: range, seed: int) -> tuple[list[torch.Tensor], list[float]]:
    """The weights and the losses of the loop, written out."""
    torch.manual_seed(seed)
    weights = list(make_network().parameters())
    first = [torch.zeros_like(weight) for weight in weights]
    second = [torch.zeros_like(weight) for weight in weights]
    images, labels = read_digits()
    losses = []
    for step in steps:
        rows = rows_of(step, 1797, seed)
        hidden = (images[rows] @ weights[0].T + weights[1]).relu()
        log_chances = (hidden @ weights[2].T + weights[3]).log_softmax(dim=1)
        loss = -log_chances[torch.arange(BATCH), labels[rows]].mean()
        gradients = torch.autograd.grad(loss, weights)
        losses.append(loss.item())
        count = len(losses)
        for i, gradient in enumerate(gradients):
            first[i] = 0.9 * first[i] + 0.1 * gradient
            second[i] = 0.999 * second[i] + 0.001 * gradient**2
            mean = first[i] / (1 - 0.9**count)
            size = (second[i] / (1 - 0.999**count)).sqrt()
            weights[i] = (weights[i] - 0.01 * mean / (size + 1e-8)).detach()
            weights[i].requires_grad_()
    return weights, losses


def test_training_is_adam_on_the_cross_entropy_step_by_step(tmp_path):
    heard = []
    run(tmp_path, 38, seed=4, watch=lambda *told: heard.append(told))  # 2 epochs
    weights, losses = adam_by_hand(range(38), seed=4)
    assert [step for step, _ in heard] == list(range(1, 39))
    assert_close(torch.tensor([loss for _, loss in heard]), torch.tensor(losses))
    by_hand = torch.cat([weight.flatten() for weight in weights])
    assert_close(final_weights(tmp_path), by_hand, rtol=1e-9, atol=1e-11)


def test_training_goes_on_after_the_steps_that_are_done(tmp_path):
    torch.manual_seed(6)
    network = make_network()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    heard = []

    def listen(step, loss):
        heard.append((step, loss))

    train(network, optimizer, tmp_path, 33, 37, 6, listen)
    weights, losses = adam_by_hand(range(33, 37), seed=6)
    assert [step for step, _ in heard] == [34, 35, 36, 37]
    assert_close(torch.tensor([loss for _, loss in heard]), torch.tensor(losses))
    for ours, by_hand in zip(network.parameters(), weights, strict=True):
        assert_close(ours, by_hand, rtol=1e-9, atol=1e-11)
    assert names(tmp_path) == ["000036.ckpt"]  # every third step of 37


def test_checkpoints_are_named_and_numbered_by_the_steps_that_are_done(tmp_path):
    """How many steps are done when this file is written?"""
    long, short = some(tmp_path, "long"), some(tmp_path, "short")
    run(long, 25, seed=0)
    assert names(long) == [f"{steps:06}.ckpt" for steps in [*range(2, 25, 2), 25]]
    for path in long.iterdir():
        assert read(path)["steps"] == int(path.stem)
    run(short, 10, seed=0)
    assert names(short) == [f"{steps:06}.ckpt" for steps in range(1, 11)]
    assert same(read(long / "000010.ckpt"), read(short / "000010.ckpt"))
    few = some(tmp_path, "few")
    run(few, 3, seed=0)
    assert names(few) == ["000001.ckpt", "000002.ckpt", "000003.ckpt"]


def test_a_training_that_is_interrupted_ends_with_the_same_bits(tmp_path):
    """What of the training is not in the checkpoint, or is not taken out of it?"""
    peace, often = some(tmp_path, "peace"), some(tmp_path, "often")
    run(peace, 40, seed=1)
    for steps in (7, 10, 11, 36, 40):
        torch.rand(steps)  # the common random numbers are elsewhere each time
        run(often, steps, seed=1)
    assert same(newest(peace), newest(often))
    assert distance(peace, often) == 0
    one, other = newest(peace), newest(often)
    assert one["optimizer"]["state"][0]["step"] == 40
    assert same(one["optimizer"], other["optimizer"])


def test_a_training_that_is_done_is_left_as_it_is(tmp_path):
    run(tmp_path, 20, seed=1)
    before = newest(tmp_path)
    heard = []
    run(tmp_path, 20, seed=1, watch=lambda *told: heard.append(told))
    assert heard == [] and same(before, newest(tmp_path))


def test_without_what_the_optimizer_remembered_it_ends_elsewhere(tmp_path):
    peace, cut = some(tmp_path, "peace"), some(tmp_path, "cut")
    run(peace, 30, seed=1)
    run(cut, 20, seed=1)
    forgetful = tmp_path / "forgetful"
    shutil.copytree(cut, forgetful)
    before = newest(forgetful)
    run(forgetful, 30, seed=1, forget_optimizer=True)
    assert distance(peace, forgetful) > 1e-3
    heard = []

    def compare(step, loss):
        heard.append(step)

    again = tmp_path / "again"
    shutil.copytree(cut, again)
    assert same(before, newest(again))
    losses = {}
    run(again, 21, 1, watch=losses.__setitem__, forget_optimizer=True)
    known = {}
    run(cut, 21, 1, watch=known.__setitem__)
    assert losses == known  # it begins with the right weights, and at the right step
    assert list(losses) == [21]


def test_another_seed_is_another_network(tmp_path):
    one, other = some(tmp_path, "one"), some(tmp_path, "other")
    run(one, 1, seed=0)
    run(other, 1, seed=1)
    assert distance(one, other) > 0.05


# Several processes, played by one


def test_alone_a_process_is_the_first_of_one():
    assert rank_and_processes() == (0, 1)


class Ear(nn.Module):
    """A network that keeps the images which it was shown."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network
        self.heard = []

    def forward(self, images):
        self.heard.append(images)
        return self.network(images)


def test_the_shares_of_two_processes_make_up_the_batch(tmp_path, one_of_two):
    """Does each image of the batch go to exactly one process?"""
    shares = []
    for rank in (0, 1):
        one_of_two(rank)
        network, optimizer = trained()
        ear = Ear(network)
        train(ear, optimizer, tmp_path, 33, 36, seed=2)
        shares.append(ear.heard)
    images, _ = read_digits()
    for step, one, other in zip((33, 34, 35), *shares, strict=True):
        batch = images[rows_of(step, 1797, seed=2)]
        assert len(one) == len(other) == BATCH // 2
        together = torch.cat([one, other])
        assert sorted(together.tolist()) == sorted(batch.tolist())


def test_all_processes_begin_with_the_same_weights(tmp_path, one_of_two, monkeypatch):
    """What are the first weights of process 1 drawn from?"""
    begun = []

    def ear(network, optimizer, *rest):
        begun.append([weight.clone() for weight in network.parameters()])

    monkeypatch.setattr(cluster, "train", ear)
    for rank in (0, 1):
        one_of_two(rank)
        torch.rand(rank)
        run(tmp_path, 0, seed=3)
        for path in tmp_path.iterdir():
            path.unlink()
    for one, other in zip(*begun, strict=True):
        assert torch.equal(one, other)


def test_only_the_first_process_saves(tmp_path, one_of_two):
    one_of_two(1)
    run(tmp_path, 25, seed=0)
    assert names(tmp_path) == []
    one_of_two(0)
    run(tmp_path, 25, seed=0)
    assert len(names(tmp_path)) == 13


def test_gradients_are_averaged_after_they_are_computed_and_before_the_step(
    tmp_path, monkeypatch
):
    network, _ = trained()
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    before = [weight.detach().clone() for weight in network.parameters()]

    def all_ones(network, processes):
        assert processes == 1
        for weight in network.parameters():
            assert weight.grad.any()
            weight.grad = torch.ones_like(weight)

    monkeypatch.setattr(cluster, "average_gradients", all_ones)
    train(network, optimizer, tmp_path, 0, 1, seed=0)
    for old, new in zip(before, network.parameters(), strict=True):
        assert_close(new, old - 1)


def test_who_is_alone_asks_nobody(monkeypatch):
    monkeypatch.setattr(cluster.dist, "all_reduce", None)
    network, _ = trained()
    before = [weight.grad.clone() for weight in network.parameters()]
    average_gradients(network, 1)
    for old, weight in zip(before, network.parameters(), strict=True):
        assert torch.equal(old, weight.grad)


def test_three_processes_divide_their_sum_by_three(monkeypatch):
    """Of how many gradients is the mean taken?"""

    def sum_of_three(tensor, *_, **__):
        tensor *= 3  # the other two have the same

    monkeypatch.setattr(cluster.dist, "all_reduce", sum_of_three)
    network, _ = trained()
    before = [weight.grad.clone() for weight in network.parameters()]
    average_gradients(network, 3)
    for old, weight in zip(before, network.parameters(), strict=True):
        assert_close(weight.grad, old)


class EndedError(Exception):
    """In the place of the end of a process."""


@pytest.fixture
def ends(monkeypatch):
    """Nothing here ends the process of the tests; what it was told instead."""
    told = []

    def end(code):
        told.append(code)
        raise EndedError

    def kill(process, number):
        told.append((process, number))
        raise EndedError

    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(os, "kill", kill)
    return told


def test_who_gets_no_answer_ends_with_an_error(monkeypatch, ends):
    def no_answer(tensor, *_, **__):
        raise RuntimeError("Connection closed by peer")

    monkeypatch.setattr(cluster.dist, "all_reduce", no_answer)
    network, _ = trained()
    with pytest.raises(EndedError):
        average_gradients(network, 2)
    assert ends == [1]


def test_processes_meet_at_a_file_and_wait_two_minutes(tmp_path, monkeypatch):
    told = {}

    def ear(backend, store, **options):
        told.update(options, backend=backend, path=store.path)

    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "")
    monkeypatch.setattr(cluster.dist, "init_process_group", ear)
    meet(3, 5, tmp_path)
    assert os.environ["GLOO_SOCKET_IFNAME"] in ("lo", "lo0")
    assert told == {
        "backend": "gloo",
        "path": str(tmp_path / "meeting"),
        "timeout": timedelta(minutes=2),
        "rank": 3,
        "world_size": 5,
    }


@pytest.mark.parametrize(
    "rank, processes, plug, last",
    [
        (0, 1, 12, 12),
        (0, 1, 0, 14),  # never
        (0, 2, 12, 14),  # the last one is meant, not the first
        (1, 2, 12, 12),
        (1, 2, 14, 14),
    ],
)
def test_the_last_process_pulls_its_own_plug_after_its_step(
    rank, processes, plug, last, tmp_path, ends, monkeypatch
):
    met = []
    monkeypatch.setattr(cluster, "meet", lambda *told: met.append(told))

    def steps_of(folder, steps, seed, watch):
        assert (folder, steps, seed) == (tmp_path, 14, 8)
        assert torch.get_num_threads() == 2
        for step in range(1, steps + 1):
            watch(step, step / 8)

    monkeypatch.setattr(cluster, "run", steps_of)
    with pytest.raises(EndedError):
        cluster.work(rank, processes, 2, tmp_path, 14, 8, plug)
    pulled = [(os.getpid(), signal.SIGKILL)]
    if plug == last:
        assert ends == pulled
    else:
        assert ends == [0]
    if processes == 2:
        assert met == [(rank, 2, tmp_path)]
    else:
        assert met == []
    if rank == 0:
        steps = range(1, last + 1)
        assert read_losses(tmp_path) == {step: step / 8 for step in steps}
    else:
        assert names(tmp_path) == []


def test_losses_are_written_down_to_the_last_bit(tmp_path):
    (tmp_path / "losses").write_text(f"9 {1 / 3}\n10 {math.pi}\n11 1e-07\n")
    assert read_losses(tmp_path) == {9: 1 / 3, 10: math.pi, 11: 1e-7}


def test_a_start_starts_new_pythons_and_waits_for_all(tmp_path, monkeypatch):
    asked = []
    waited = []

    class Process:
        def __init__(self, target, args, daemon):
            assert target is cluster.work and daemon
            assert not (tmp_path / "meeting").exists()
            asked.append(args)
            self.exitcode = 10 + args[0]

        def start(self):
            assert waited == []

        def join(self):
            waited.append(self.exitcode)

    class Context:
        def __init__(self, kind):
            assert kind == "spawn"
            self.Process = Process

    monkeypatch.setattr(multiprocessing, "get_context", Context)
    torch.set_num_threads(2)
    (tmp_path / "meeting").write_text("of processes that are dead")
    assert start(3, tmp_path, 40, 5, 25) == [10, 11, 12] == waited
    assert asked == [(rank, 3, 2, tmp_path, 40, 5, 25) for rank in range(3)]
    waited.clear()
    with pytest.raises(SystemExit, match=r"ended with \[10\], and none"):
        start(1, tmp_path, 40, 5)
    assert asked[-1] == (0, 1, 2, tmp_path, 40, 5, 0)


# Several processes, real ones


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two processes, of which one was killed after step 13 of 24, and started again:
    folder, what lay there after the kill, seconds, and exit codes."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("two of us")  # blanks in its name
    begin = time.monotonic()
    killed = start(2, folder, 24, seed=5, plug=13)
    seconds = time.monotonic() - begin
    left = names(folder)
    again = start(2, folder, 24, seed=5)
    return folder, left, seconds, killed, again


def test_a_killed_process_has_code_minus_9_and_its_partner_ends_with_1(two):
    folder, left, seconds, killed, again = two
    assert killed == [1, -9]
    assert again == [0, 0]
    assert seconds < 90  # nobody waits two minutes for the dead
    saved = {f"{steps:06}.ckpt" for steps in range(2, 13, 2)}
    assert set(left) - {"meeting", "draft"} == saved | {"losses"}
    assert multiprocessing.active_children() == []


def test_two_processes_train_the_network_that_one_would(two, tmp_path):
    """Where do two processes and one part: in images, gradients, or steps?"""
    run(tmp_path, 24, seed=5)
    assert newest(two[0])["steps"] == 24
    assert distance(tmp_path, two[0]) < 1e-12
    assert set(read_losses(two[0])) == set(range(1, 25))


def gradients(rank: int, folder: Path) -> None:
    """What one of two processes does: the gradient of its half, averaged, to a file."""
    torch.set_num_threads(1)
    meet(rank, 2, folder)
    assert rank_and_processes() == (rank, 2)
    torch.manual_seed(7)
    network = make_network()
    images, labels = read_digits()
    rows = rows_of(0, 1797, 7)[rank::2]
    nn.functional.cross_entropy(network(images[rows]), labels[rows]).backward()
    average_gradients(network, 2)
    found = [weight.grad for weight in network.parameters()]
    torch.save(found, folder / f"gradients{rank}")
    os._exit(0)  # as the lesson's processes: do not wait for anybody


def test_two_processes_have_the_gradient_of_the_whole_batch(tmp_path):
    """Two halves, one mean: is it a sum, or one half's?"""
    context = multiprocessing.get_context("spawn")
    started = []
    for rank in (0, 1):
        process = context.Process(target=gradients, args=(rank, tmp_path), daemon=True)
        process.start()
        started.append(process)
    for process in started:
        process.join(100)
    assert [process.exitcode for process in started] == [0, 0]
    torch.manual_seed(7)
    network = make_network()
    images, labels = read_digits()
    rows = rows_of(0, 1797, 7)
    nn.functional.cross_entropy(network(images[rows]), labels[rows]).backward()
    one = torch.load(tmp_path / "gradients0")
    other = torch.load(tmp_path / "gradients1")
    for weight, ours, theirs in zip(network.parameters(), one, other, strict=True):
        assert torch.equal(ours, theirs)
        assert_close(ours, weight.grad, rtol=0, atol=1e-12)


# Many kills


@pytest.fixture(scope="module")
def peace(tmp_path_factory):
    """One training of 40 steps in peace, by one process and by two."""
    torch.set_num_threads(1)
    folders = {}
    for processes in (1, 2):
        folders[processes] = tmp_path_factory.mktemp(f"peace{processes}")
        assert start(processes, folders[processes], 40, seed=2) == [0] * processes
    return folders


PLUGS = [1, 40, *random.Random(0).sample(range(2, 40), 10)]


@pytest.mark.slow
@pytest.mark.parametrize("plug", PLUGS)
@pytest.mark.parametrize("processes", [1, 2])
def test_whenever_it_is_killed_it_ends_with_the_same_bits(
    processes, plug, peace, tmp_path
):
    codes = start(processes, tmp_path, 40, 2, plug)
    assert codes[-1] == -9
    if processes == 2:
        assert codes[0] == 1 or plug == 40  # or the first had already done its work
    if list(tmp_path.glob("*.ckpt")):
        cut_newest(tmp_path)
    assert start(processes, tmp_path, 40, 2) == [0] * processes
    assert same(newest(tmp_path), newest(peace[processes]))


@pytest.mark.slow
def test_killed_again_and_again_it_ends_with_the_same_bits(peace, tmp_path):
    for plug in (9, 10, 21, 12, 33):  # of 12, the kill comes while nothing is new
        start(1, tmp_path, 40, 2, plug)
    assert start(1, tmp_path, 40, 2) == [0]
    assert same(newest(tmp_path), newest(peace[1]))


@pytest.mark.slow
def test_the_first_of_two_may_die_as_well(tmp_path):
    context = multiprocessing.get_context("spawn")
    killed, quiet = some(tmp_path, "killed"), some(tmp_path, "quiet")
    started = []
    for rank in (0, 1):
        arguments = (rank, 2, 1, killed, 2000, 2, 0)
        process = context.Process(target=cluster.work, args=arguments, daemon=True)
        process.start()
        started.append(process)
    until = time.monotonic() + 100
    while not list(killed.glob("*.ckpt")):
        assert time.monotonic() < until
        time.sleep(0.01)
    started[0].kill()  # at any moment
    for process in started:
        process.join(100)
    assert [process.exitcode for process in started] == [-9, 1]
    done = newest(killed)["steps"]
    assert done < 2000
    assert start(2, killed, done + 15, 2) == [0, 0]
    assert start(2, quiet, done + 15, 2) == [0, 0]
    assert same(newest(killed), newest(quiet))


# Kills itself while it writes its n-th checkpoint
WRITER = """
import os, sys
from pathlib import Path

lesson, folder, how, number = sys.argv[1:]
sys.path.insert(0, lesson)
import torch
import cluster

write, replace, left = Path.write_bytes, os.replace, int(number)

def die():
    os.kill(os.getpid(), 9)

def torn_write(path, content):
    global left
    left -= 1
    if left == 0 and how == "in the draft":
        write(path, content[: len(content) // 3])
        die()
    write(path, content)

def last_replace(draft, path):
    if left == 0 and how == "before the name":
        die()
    replace(draft, path)
    if left == 0:
        die()

Path.write_bytes, os.replace = torn_write, last_replace
torch.set_num_threads(1)
cluster.run(Path(folder), 40, 2)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("how", ["in the draft", "before the name", "after the name"])
def test_killed_while_it_writes_it_loses_nothing(how, number, peace, tmp_path):
    folder = some(tmp_path, "killed")
    lesson = Path(cluster.__file__).parent
    words = [lesson, folder, how, str(number)]
    command = [sys.executable, "-c", WRITER, *words]
    assert subprocess.run(command, timeout=100).returncode == -9
    done = number - 1
    if how == "after the name":
        done = number
    found = list(folder.glob("*.ckpt"))
    assert len(found) == done
    assert all(read(path) is not None for path in found)
    assert (folder / "draft").exists() == (how != "after the name")
    run(folder, 40, 2)
    assert same(newest(folder), newest(peace[1]))


@pytest.mark.slow
def test_two_runs_at_a_time_from_other_folders_leave_nothing_behind(tmp_path):
    temporary = some(tmp_path, "my temporary files")
    started = []
    for name in ("my lessons", "your lessons"):
        folder = some(tmp_path, name)
        shutil.copy(cluster.__file__, folder)
        process = subprocess.Popen(
            [sys.executable, "-B", "-W", "error", "cluster.py", "--steps=40"],
            cwd=folder,
            env=os.environ | {"TMPDIR": str(temporary), "MPLBACKEND": "agg"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append((folder, process))
    for folder, process in started:
        printed, told = process.communicate(timeout=300)
        assert (process.returncode, told) == (0, "")
        assert printed.endswith("In this run the claim holds.\n")
        assert names(folder) == ["cluster.py", "figures"]
        until = time.monotonic() + 60  # Python's own helper ends a little later
        with pytest.raises(ProcessLookupError):
            while time.monotonic() < until:
                os.killpg(process.pid, 0)
                time.sleep(0.1)
    assert names(temporary) == []


# What is printed and looked at


def test_a_training_prints_every_twentieth_loss(capsys):
    for step in range(1, 101):
        print_loss(step, step + 0.2346)
    assert capsys.readouterr().out.splitlines() == [
        "    step  20: loss 20.235",
        "    step  40: loss 40.235",
        "    step  60: loss 60.235",
        "    step  80: loss 80.235",
        "    step 100: loss 100.235",
    ]


def test_run_and_print_keeps_every_loss(tmp_path, capsys):
    ours, theirs = some(tmp_path, "ours"), some(tmp_path, "theirs")
    losses = run_and_print(ours, 21, 3)
    known = {}
    run(theirs, 21, 3, known.__setitem__)
    assert losses == known and list(losses) == list(range(1, 22))
    assert capsys.readouterr().out == f"    step  20: loss {losses[20]:.3f}\n"
    run_and_print(ours, 30, 3, forget_optimizer=True)
    run(theirs, 30, 3, forget_optimizer=True)
    assert distance(ours, theirs) == 0


def test_the_newest_is_cut_and_the_last_three_are_named(tmp_path, capsys):
    network, optimizer = trained()
    for steps in (10, 20, 30, 100):
        save(tmp_path, network, optimizer, steps)
    size = (tmp_path / "000100.ckpt").stat().st_size
    cut_newest(tmp_path)
    assert (tmp_path / "000100.ckpt").stat().st_size == size // 2
    assert (tmp_path / "000030.ckpt").stat().st_size == size
    print_checkpoints(tmp_path)
    assert capsys.readouterr().out.splitlines() == [
        "    000020.ckpt is sound",
        "    000030.ckpt is sound",
        "    000100.ckpt is torn",
    ]


def test_the_distance_is_the_largest_difference_of_a_weight(tmp_path):
    one, other = some(tmp_path, "one"), some(tmp_path, "other")
    network, optimizer = trained()
    save(one, network, optimizer, 10)
    assert final_weights(one).shape == (64 * 32 + 32 + 32 * 10 + 10,)
    with torch.no_grad():
        network[0].weight[3, 4] += 0.25
        network[2].bias[9] -= 0.5  # the very last
    save(other, network, optimizer, 10)
    assert distance(one, other) == distance(other, one) == 0.5
    assert distance(one, one) == 0


# The lesson, with processes that are played by this one


class PlugPulledError(Exception):
    """In the place of SIGKILL."""


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """What main starts, and where it puts its files."""
    asked = []

    def played(processes, folder, steps, seed, plug=0):
        asked.append((processes, folder.name, steps, seed, plug))

        def write_down_or_stop(step, loss):
            with (folder / "losses").open("a") as file:
                file.write(f"{step} {loss}\n")
            if step == plug:
                raise PlugPulledError

        try:
            run(folder, steps, seed, write_down_or_stop)
        except PlugPulledError:
            return [1] * (processes - 1) + [-9]
        return [0] * processes

    monkeypatch.setattr(cluster, "start", played)
    temporary = some(tmp_path, "my temporary files")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    return asked


def test_main_kills_one_process_and_one_of_two_in_the_middle(stage):
    numbers = main(steps=40, seed=3)
    assert stage == [
        (1, "killed", 40, 3, 21),
        (2, "two_in_peace", 40, 3, 0),
        (2, "two_killed", 40, 3, 21),
        (2, "two_killed", 40, 3, 0),
    ]
    assert names(Path("my temporary files")) == []
    matters = numbers.pop("optimizer_forgot")
    assert matters > 1e-3
    assert numbers == {
        "killed": 2.0,
        "done_twice": 5 / 40,  # the steps 17 to 21
        "one_process": 0.0,
        "two_processes": 0.0,
        "one_and_two": 0.0,
        "holds": 1.0,
    }


def test_main_tells_what_happened_in_narrow_lines(stage, capsys):
    numbers = main(steps=41, seed=3)
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert lines[0] == cluster.ASK and lines[-1] == "In this run the claim holds."
    assert max(map(len, lines)) <= 72
    assert " ".join(cluster.CLAIM.split()) in " ".join(printed.split())
    story = printed[printed.index("One process, in peace:") :]
    headings = [line for line in story.splitlines() if line[:4] != "    "]
    assert headings[:8] == [
        "One process, in peace:",
        "Killed after step 21 (exit code -9). Its checkpoints:",
        "Started again:",
        "Started again, but without what the optimizer remembered:",
        "Two processes, one killed after step 21: exit codes [1, -9]",
        "Both started again, with step 21: exit codes [0, 0]",
        "",
        "Steps done twice: at most 12% of all",
    ]
    assert "    000016.ckpt is sound\n    000020.ckpt is torn\n" in story
    forgot = f"{numbers['optimizer_forgot']:.1g}"
    table = story[story.index("The largest difference") :].splitlines()
    assert table[1:5] == [
        "    killed or not, one process:   0",
        "    killed or not, two processes: 0",
        "    one process or two:           0",
        f"    the optimizer forgot:         {forgot}",
    ]


def test_the_smallest_run_comes_to_its_end(stage):
    for steps in (2, 3):
        numbers = main(steps=steps)
        assert numbers["killed"] == 2
        assert numbers["one_process"] == numbers["two_processes"] == 0


@pytest.mark.parametrize(
    "one, two, share", [(2, 15, 0.5), (15, 2, 0.5), (21, 22, 0.025), (22, 22, 0)]
)
def test_done_twice_is_the_larger_share_of_the_two(one, two, share, monkeypatch):
    """Of 40 steps, the plug being pulled after step 21; here all is played."""
    known = dict.fromkeys(range(1, 41), 0.5)
    again = dict.fromkeys(range(one, 41), 0.5)
    losses = {"in peace": known, "killed": dict.fromkeys(range(1, 22), 0.5)}
    losses |= {"started again": again, "optimizer forgot": again}
    monkeypatch.setattr(cluster, "kill_one_process", lambda *told: (losses, [-9]))
    monkeypatch.setattr(cluster, "kill_one_of_two", lambda *told: ([1, -9], two))
    monkeypatch.setattr(cluster, "distance", lambda one, other: 0.0)
    numbers = main(steps=40)
    assert numbers["done_twice"] == share
    assert numbers["killed"] == 2


@pytest.mark.parametrize(
    "one, two, killed",
    [
        ([-9], [1, -9], 2),
        ([0], [0, 0], 0),
        ([-9], [0, 0], 1),
        ([1], [1, -9], 1),
    ],
)
def test_killed_are_those_that_ended_by_the_signal(one, two, killed, monkeypatch):
    known = dict.fromkeys(range(1, 41), 0.5)
    losses = dict.fromkeys(["in peace", "killed", "started again"], known)
    losses["optimizer forgot"] = known
    monkeypatch.setattr(cluster, "kill_one_process", lambda *told: (losses, one))
    monkeypatch.setattr(cluster, "kill_one_of_two", lambda *told: (two, 21))
    monkeypatch.setattr(cluster, "distance", lambda one, other: 0.0)
    assert main(steps=40)["killed"] == killed


def test_each_number_is_the_distance_that_it_is_called_after(stage, monkeypatch):
    asked = []

    def ear(one, other):
        asked.append((one.name, other.name))
        return len(asked) / 1000

    monkeypatch.setattr(cluster, "distance", ear)
    numbers = main(steps=40)
    pairs = {}
    for name, number in numbers.items():
        if 0 < number < 0.01:
            pairs[name] = asked[round(1000 * number) - 1]
    assert pairs == {
        "one_process": ("peace", "killed"),
        "two_processes": ("two_in_peace", "two_killed"),
        "one_and_two": ("peace", "two_in_peace"),
        "optimizer_forgot": ("peace", "forgetful"),
    }
    assert numbers["holds"] == 0


def test_the_verdict_is_printed_as_it_is_returned(stage, monkeypatch, capsys):
    monkeypatch.setattr(cluster, "distance", lambda one, other: 0.5)
    assert main(steps=40)["holds"] == 0
    assert capsys.readouterr().out.endswith("In this run the claim does NOT hold.\n")


def test_main_draws_all_four_trainings(stage, monkeypatch):
    told = {}

    def ear(losses):
        told.update(losses)
        return plt.figure()

    monkeypatch.setattr(cluster, "figure", ear)
    main(steps=40, seed=3)
    assert Path("figures/cluster.png").exists()
    assert list(told) == ["in peace", "killed", "started again", "optimizer forgot"]
    assert list(told["in peace"]) == list(range(1, 41))
    assert list(told["killed"]) == list(range(1, 22))
    assert list(told["started again"]) == list(range(17, 41))
    assert list(told["optimizer forgot"]) == list(range(17, 41))
    for name in ("killed", "started again"):
        assert told[name].items() <= told["in peace"].items(), name
    forgetful = told["optimizer forgot"]
    assert forgetful[17] == told["in peace"][17]
    assert forgetful[19] != told["in peace"][19]


@pytest.mark.parametrize("steps", [1, 0, -3])
def test_too_few_steps_end_in_one_line_and_nothing_is_written(steps, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(steps=steps)
    assert stop.value.code == f"--steps must be at least 2, got {steps}"
    assert capsys.readouterr().out == "" and names(tmp_path) == []


def test_a_notebook_is_told_in_one_line_to_save_it_as_a_file(monkeypatch, capsys):
    monkeypatch.delattr(cluster, "__file__")
    with pytest.raises(SystemExit) as stop:
        main()
    assert "as a file" in stop.value.code and "\n" not in stop.value.code
    assert capsys.readouterr().out == ""


# Claim

HOLDS = {"killed": 2.0, "one_process": 0.0, "two_processes": 0.0}
HOLDS |= {"one_and_two": 1e-9, "optimizer_forgot": 0.0011}
HOLDS |= {"done_twice": 0.2}


@pytest.mark.parametrize(
    "holds, changed",
    [
        (True, {}),
        (True, {"one_and_two": 0.0, "optimizer_forgot": 5.0}),
        (False, {"killed": 1.0}),  # one of the two was not killed
        (False, {"killed": 0.0}),
        (False, {"killed": 3.0}),
        (False, {"done_twice": 0.201}),
        (False, {"done_twice": 1.0}),  # it began anew
        (False, {"one_process": 5e-324}),  # the last bit
        (False, {"one_process": float("nan")}),
        (False, {"two_processes": 5e-324}),
        (False, {"one_and_two": 1.01e-9}),
        (False, {"optimizer_forgot": 0.001}),
        (True, {"optimizer_forgot": 0.00101}),
        (False, {"optimizer_forgot": 0.0}),
    ],
)
def test_the_claim_holds_only_if_each_of_its_parts_does(holds, changed):
    assert claim_holds(HOLDS | changed) is holds


def test_claim_nothing_is_lost_and_the_optimizer_matters():
    found = full(cluster)
    assert found.numbers["holds"] and claim_holds(found.numbers)
    story = found.printed
    assert "Killed after step 51 (exit code -9)." in story
    assert "000040.ckpt is sound\n    000050.ckpt is torn" in story
    assert "Two processes, one killed after step 51: exit codes [1, -9]" in story
    assert "exit codes [0, 0]" in story


@pytest.mark.slow
def test_claim_it_holds_for_another_seed():
    numbers = full(cluster, seed=1).numbers
    assert numbers["holds"] and claim_holds(numbers)


# The picture

PEACE = {1: 2.0, 2: 1.5, 3: 1.0, 4: 0.75, 5: 0.5}
LOSSES = {
    "in peace": PEACE,
    "killed": {1: 2.0, 2: 1.5, 3: 1.0, 4: 0.75},
    "started again": {3: 1.0, 4: 0.75, 5: 0.5},
    "optimizer forgot": {3: 1.0, 4: 1.0, 5: 0.375},
}


def series(line) -> dict[int, float]:
    return dict(zip(line.get_xdata(), line.get_ydata(), strict=True))


def test_differences_are_those_from_peace_at_the_same_step():
    assert subtract(LOSSES["optimizer forgot"], PEACE) == {3: 0.0, 4: 0.25, 5: 0.125}
    assert subtract({}, PEACE) == {}


def test_the_upper_lines_are_the_losses_of_the_trainings_that_they_name():
    top, low = figure(LOSSES).axes
    grey, black, dots, cross = top.lines
    assert grey.get_label() == "in peace" and series(grey) == PEACE
    assert black.get_label() == "killed" and series(black) == LOSSES["killed"]
    assert dots.get_label() == "started again"
    assert series(dots) == LOSSES["started again"]
    assert (dots.get_marker(), dots.get_linestyle()) == (".", "None")
    assert grey.get_linewidth() > 3 * black.get_linewidth()  # seen behind the other
    assert cross.get_marker() == "X" and series(cross) == {4: 0.75}
    shown = [text.get_text() for text in top.get_legend().get_texts()]
    assert shown == ["in peace", "killed", "started again"]
    (arrow,) = top.texts
    assert arrow.get_text() == "the plug is pulled"
    assert arrow.xy == (4, 0.85) and arrow.xyann == (4, 1.0)
    assert top.get_ylabel() == "loss"


def test_the_lower_lines_are_the_differences_from_peace():
    top, low = figure(LOSSES).axes
    dotted, dots = low.lines
    assert dotted.get_label() == "optimizer forgot"
    assert series(dotted) == {3: 0.0, 4: 0.25, 5: 0.125}
    assert dotted.get_linestyle() == ":"
    assert dots.get_label() == "started again"
    assert series(dots) == {3: 0.0, 4: 0.0, 5: 0.0}
    assert (dots.get_marker(), dots.get_linestyle()) == (".", "None")
    shown = [text.get_text() for text in low.get_legend().get_texts()]
    assert shown == ["optimizer forgot", "started again"]
    assert low.get_yscale() == "symlog"
    assert low.yaxis.get_transform().linthresh == 1e-6
    assert low.get_yticks().tolist() == [0, 1e-6, 1e-3, 1]
    assert low.get_ylim() == (-3e-7, 10)  # a difference of 0 is seen above the edge
    assert (low.get_xlabel(), low.get_ylabel()) == ("step of training", "difference")
    assert top.get_shared_x_axes().joined(top, low)


def test_the_title_says_where_it_was_killed_and_how_far_apart_it_ended():
    fig = figure(LOSSES)
    title = "Killed after step 4, gone on after step 2: losses differ by at most"
    assert fig.get_suptitle() == f"{title} 0"
    assert tuple(fig.get_size_inches()) == (8, 4.5)
    other = LOSSES | {"started again": {3: 1.0, 4: 0.5, 5: 0.625}}
    assert figure(other).get_suptitle() == f"{title} 0.2"


# The page's job for a cluster


PAGE = (ROOT / "docs" / "templates" / "cluster.rst").read_text(encoding="utf-8")


def block(language: str) -> str:
    """The page's first block of code in this language."""
    _, _, rest = PAGE.partition(f".. code-block:: {language}\n\n")
    lines = []
    for line in rest.splitlines():
        if line and not line.startswith("   "):
            break
        lines.append(line.removeprefix("   "))
    return "\n".join(lines)


@pytest.fixture
def job(tmp_path, monkeypatch) -> Path:
    """A folder with the page's job.py beside cluster.py, for 40 steps."""
    folder = tmp_path / "a job"
    folder.mkdir()
    shutil.copy(cluster.__file__, folder)
    text = block("python").replace("steps=1000", "steps=40")
    assert text.count("steps=40") == 2
    (folder / "job.py").write_text(text)
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", cluster.LOOPBACK)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return folder


def ends_as_one_process_does(job: Path, folder: Path) -> None:
    torch.set_num_threads(1)
    folder.mkdir()
    run(folder, 40, seed=0)
    assert newest(job / "checkpoints")["steps"] == 40
    assert distance(job / "checkpoints", folder) <= 1e-9


@pytest.mark.slow
def test_the_pages_job_trains_by_torchrun_and_goes_on_after_a_kill(job, tmp_path):
    line = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    line += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0", "job.py"]
    first = subprocess.Popen(line, cwd=job, start_new_session=True)
    until = time.monotonic() + 120
    while not list((job / "checkpoints").glob("*.ckpt")):
        assert first.poll() is None and time.monotonic() < until
        time.sleep(0.01)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    subprocess.run(line, cwd=job, check=True, timeout=300)
    ends_as_one_process_does(job, tmp_path / "one")


@pytest.mark.slow
def test_the_pages_script_for_slurm_with_two_nodes_on_this_computer(
    job, tmp_path, monkeypatch
):
    commands = tmp_path / "commands"
    commands.mkdir()
    python = f'"{sys.executable}" -m torch.distributed.run "$@"'
    for name, text in {
        "scontrol": "echo localhost",
        "srun": '"$@" & "$@" & wait -n && wait -n',
        "torchrun": python,
    }.items():
        (commands / name).write_text(f"#!/bin/bash\n{text}\n")
        (commands / name).chmod(0o755)
    (job / ".venv" / "bin").mkdir(parents=True)
    (job / ".venv" / "bin" / "activate").write_text("")
    script = block("bash").replace("--nproc-per-node 4", "--nproc-per-node 1")
    script = script.replace(":29500", f":{free_port()}")
    (job / "job.sh").write_text(script)
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_JOB_NODELIST", "node[1-2]")
    subprocess.run(["bash", "job.sh"], cwd=job, check=True, timeout=300)
    ends_as_one_process_does(job, tmp_path / "one")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
