"""What lightning.py claims, as tests."""

import copy
import csv
import logging
import math
import os
import pickle
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from matplotlib.colors import to_rgb
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch import nn
from torch.testing import assert_close
from torch.utils.data import DataLoader, TensorDataset

import lightning
from conftest import NN_DATA
from lightning import (
    LEARNING_RATE,
    DigitClassifier,
    DigitNetwork,
    MNISTDataModule,
    OneWeight,
    Watch,
    accuracy,
    best_epoch_accuracy,
    claim_holds,
    figure,
    fit_by_hand,
    hush,
    lightning_losses,
    main,
    make_trainer,
    plain_losses,
    print_loss,
    read_losses,
    shuffled,
    subtract,
    train,
    with_a_pencil,
)
from tools.contract import ModelContract
from tools.data import have_mnist
from tools.store import full

# The lesson silences these when it is imported; pytest lets them speak again.
ADVICE = ["LeafSpec", "many workers", "Checkpoint directory", "GPU available"]
pytestmark = [pytest.mark.filterwarnings(f"ignore:.*{words}") for words in ADVICE]


def ignore(step: int, loss: float) -> None:
    """Nobody listens."""


def named_images(count: int, unseen: int = 60):
    """Images that carry their number in every pixel, and as their label."""
    names = torch.arange(count + unseen)
    images = names.view(-1, 1, 1, 1).expand(-1, 1, 28, 28).float()
    return images[:count], names[:count], images[count:], names[count:]


@pytest.fixture
def named(monkeypatch):
    """The lesson reads 1,437 and 60 named images instead of digits."""

    def load(data):
        return named_images(1437)

    monkeypatch.setattr(lightning, "load_digits", load)


@pytest.fixture
def digits() -> MNISTDataModule:
    return MNISTDataModule()


def names_in(loader: DataLoader) -> list[list[int]]:
    """The labels of each batch."""
    return [labels.tolist() for _, labels in loader]


def joined(batches: list[list[int]]) -> list[int]:
    found = []
    for batch in batches:
        found += batch
    return found


def fit(data, epochs: int, seed: int = 0, watch=ignore):
    """The module and the Trainer after Lightning's loop."""
    trainer = make_trainer(epochs, watch=watch)
    torch.manual_seed(seed)
    module = DigitClassifier()
    trainer.fit(module, data)
    return module, trainer


def some_digits(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(count, 1, 28, 28), torch.arange(count) % 10


class TestDigitNetwork(ModelContract):
    output = (10,)

    def make(self):
        return DigitNetwork()

    def inputs(self, batch):
        return torch.rand(batch, 1, 28, 28)


class TestDigitClassifier(TestDigitNetwork):
    def make(self):
        return DigitClassifier()


class Told(DigitClassifier):
    """It keeps what it logs."""

    def __init__(self):
        super().__init__()
        self.told = []

    def log(self, name, value, **options):
        self.told.append((name, value, options))


# With a pencil


def test_both_loops_print_what_is_on_paper(capsys):
    with_a_pencil()
    on_paper = [
        "    training_step: weight 0.000, loss 9.0000",
        "    training_step: weight 1.500, loss 2.2500",
        "    training_step: weight 2.250, loss 0.5625",
        "    validation_step: weight 2.625",
    ]
    assert capsys.readouterr().out.splitlines() == [
        "Our nine lines call:",
        *on_paper,
        "Lightning's Trainer calls:",
        *on_paper,
    ]


def test_the_second_half_is_printed_by_the_trainer(capsys, monkeypatch):
    class Silent:
        def __init__(self, **options):
            self.options = options

        def fit(self, module, train_loader, val_loader):
            assert self.options["max_epochs"] == 1
            print("here", type(module).__name__, len(train_loader), len(val_loader))

    monkeypatch.setattr(pl, "Trainer", Silent)
    with_a_pencil()
    lines = capsys.readouterr().out.splitlines()
    assert lines[5:] == ["Lightning's Trainer calls:", "here OneWeight 3 1"]


class Diary(pl.LightningModule):
    """It writes down what is called, and with which weight."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.0))
        self.weight.register_hook(self.backward_came)
        self.pages = []

    def write(self, *words):
        self.pages.append((*words, round(self.weight.item(), 5)))

    def backward_came(self, gradient):
        self.write("backward", gradient.item())

    def configure_optimizers(self):
        self.write("configure_optimizers")
        diary = self

        class SGD(torch.optim.SGD):
            def zero_grad(self, set_to_none=True):
                diary.write("zero_grad")
                super().zero_grad(set_to_none)

        def stepped(optimizer, given, options):
            diary.write("step")

        optimizer = SGD(self.parameters(), lr=0.25)
        optimizer.register_step_post_hook(stepped)
        return optimizer

    def training_step(self, batch, batch_idx):
        self.write("training_step", batch_idx, batch.item())
        return (self.weight - batch.mean()) ** 2

    def validation_step(self, batch, batch_idx):
        self.write("validation_step", batch_idx, batch.item())


def test_nine_lines_call_the_hooks_in_the_trainers_order():
    train_loader = DataLoader(torch.tensor([3.0, 5.0, 1.0]), batch_size=1)
    val_loader = DataLoader(torch.tensor([4.0, 2.0]), batch_size=1)
    ours, theirs = Diary(), Diary()
    fit_by_hand(ours, train_loader, val_loader, epochs=2)
    trainer = pl.Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        num_sanity_val_steps=0,
        **lightning.QUIET,
    )
    trainer.fit(theirs, train_loader, val_loader)
    assert ours.pages == theirs.pages
    assert ours.pages[:6] == [
        ("configure_optimizers", 0.0),
        ("training_step", 0, 3.0, 0.0),
        ("zero_grad", 0.0),
        ("backward", -6.0, 0.0),
        ("step", 1.5),
        ("training_step", 1, 5.0, 1.5),
    ]
    assert len(ours.pages) == 1 + 2 * (3 * 4 + 2)


def test_a_step_of_the_one_weight_halves_its_distance_to_3():
    module = OneWeight()
    optimizer = module.configure_optimizers()
    for distance in (3, 1.5, 0.75):
        assert 3 - module.weight.item() == distance
        optimizer.zero_grad()
        module.training_step(torch.tensor([3.0]), 0).backward()
        assert module.weight.grad.item() == -2 * distance
        optimizer.step()


# Definition


def test_accuracy_is_the_share_of_largest_scores_that_are_right():
    scores = torch.tensor([[1.0, 5, 2], [9, 8, 7], [-3, -2, -1], [0, 1, 0]])
    assert accuracy(scores, torch.tensor([1, 0, 2, 1])) == 1
    assert accuracy(scores, torch.tensor([1, 1, 2, 1])) == 0.75
    assert accuracy(scores, torch.tensor([0, 2, 0, 2])) == 0


def test_every_image_stands_in_one_part_and_the_seed_says_in_which(named):
    parts = []
    for seed in (3, 3, 4):
        torch.rand(2)
        data = MNISTDataModule(seed=seed)
        sets = (data.train_set, data.val_set, data.test_set)
        assert [len(one) for one in sets] == [1150, 287, 60]
        found = []
        for one in sets:
            ((images, labels),) = DataLoader(one, batch_size=2000)
            assert images[:, 0, 0, 0].equal(labels.float())  # still together
            found.append(labels.tolist())
        assert sorted(joined(found)) == list(range(1497))
        assert found[2] == list(range(1437, 1497))
        parts.append(found)
    one, same, other = parts
    assert one == same
    assert one[0] != other[0]
    assert set(one[1]) != set(other[1])


def test_a_data_module_reads_the_data_that_it_is_told(monkeypatch):
    told = []

    def load(data):
        told.append(data)
        return named_images(40)

    monkeypatch.setattr(lightning, "load_digits", load)
    MNISTDataModule("mnist")
    MNISTDataModule()
    assert told == ["mnist", "digits"]


def test_the_images_of_the_test_had_no_say_in_training_or_in_choosing(named):
    """Which images choose the best epoch?"""
    data = MNISTDataModule(seed=2)
    trained = joined(names_in(data.train_dataloader()))
    chosen = joined(names_in(data.val_dataloader()))
    tested = joined(names_in(data.test_dataloader()))
    assert sorted(tested) == list(range(1437, 1497))
    assert sorted(trained + chosen) == list(range(1437))
    assert sorted(trained) == sorted(data.train_set.indices)


def test_all_three_loaders_take_the_batch_size(named):
    data = MNISTDataModule(batch_size=46)
    for loader, size in [
        (data.train_dataloader(), 1150),
        (data.val_dataloader(), 287),
        (data.test_dataloader(), 60),
    ]:
        batches = names_in(loader)
        assert {len(batch) for batch in batches[:-1]} == {46}
        assert len(joined(batches)) == size
        assert len(batches) == -(-size // 46)


def test_an_epoch_shows_every_image_once_and_the_next_in_another_order(named):
    orders = []
    for epoch, seed in [(0, 5), (0, 5), (1, 5), (0, 6)]:
        loader = shuffled(MNISTDataModule().train_set, 50, seed)
        loader.sampler.set_epoch(epoch)
        orders.append(joined(names_in(loader)))
    first, again, next_epoch, other_seed = orders
    for order in orders:
        assert sorted(order) == sorted(first)
        assert len(set(order)) == 1150
        assert order != sorted(order)
    assert first == again
    assert first != next_epoch
    assert first != other_seed


@pytest.mark.parametrize("processes", [2, 5])
def test_processes_share_each_batch_of_the_plain_loop_evenly(named, processes):
    """How many images does each process take, and is none taken twice?"""
    data = MNISTDataModule(seed=7)
    loader = data.train_dataloader()
    loader.sampler.set_epoch(5)
    whole = names_in(loader)
    shares = []
    for rank in range(processes):
        loader = shuffled(data.train_set, 50, 7, processes=processes, rank=rank)
        loader.sampler.set_epoch(5)
        shares.append(names_in(loader))
    for batch, *parts in zip(whole, *shares, strict=True):
        assert {len(part) for part in parts} == {50 // processes}
        assert sorted(joined(parts)) == sorted(batch)


def test_processes_cover_every_image_also_where_the_last_cannot_be_shared():
    names = torch.arange(7)
    seen = []
    for rank in range(2):
        loader = shuffled(TensorDataset(names, names), 4, 0, processes=2, rank=rank)
        batches = names_in(loader)
        assert [len(batch) for batch in batches] == [2, 2]
        seen += joined(batches)
    assert set(seen) == set(range(7))


def test_the_data_ask_the_trainer_which_share_is_theirs(named):
    data = MNISTDataModule(batch_size=30, seed=4)
    for rank in range(3):
        data.trainer = SimpleNamespace(world_size=3, global_rank=rank)
        right = shuffled(data.train_set, 30, 4, processes=3, rank=rank)
        assert names_in(data.train_dataloader()) == names_in(right)


# Equivalence


def test_the_network_is_two_strided_convolutions_and_a_linear_layer(float64):
    network = DigitNetwork()
    x = torch.rand(9, 1, 28, 28)
    weights = list(network.parameters())
    h = F.conv2d(F.pad(x, (2, 2, 2, 2)), *weights[:2])[..., ::2, ::2].clamp(min=0)
    h = F.conv2d(F.pad(h, (2, 2, 2, 2)), *weights[2:4])[..., ::2, ::2].clamp(min=0)
    by_hand = h.flatten(1) @ weights[4].T + weights[5]
    assert_close(network(x), by_hand)
    ours = torch.autograd.grad(network(x).square().sum(), weights)
    theirs = torch.autograd.grad(by_hand.square().sum(), weights)
    assert_close(ours, theirs)


def test_the_training_step_is_the_cross_entropy_of_the_networks_scores(float64):
    """Does the loss get scores or probabilities, and who takes the step?"""
    torch.manual_seed(7)
    network = DigitNetwork()
    torch.manual_seed(7)
    module = Told()
    images, labels = some_digits(9)
    scores = network(images)
    right = scores[torch.arange(9), labels]
    loss = (scores.logsumexp(dim=1) - right).mean()
    step = module.training_step([images, labels], 0)
    assert_close(module(images), scores)
    assert_close(step, loss)
    ours = torch.autograd.grad(step, module.parameters())
    assert_close(ours, torch.autograd.grad(loss, network.parameters()))
    ((name, value, options),) = module.told
    assert name == "train_loss"
    assert_close(value, loss)
    # Of each step, and over all processes; also in a bar, if somebody wants one.
    assert options.get("sync_dist") is True and not options.get("on_epoch")


@pytest.mark.parametrize("step", ["validation_step", "test_step"])
def test_validation_and_test_log_the_accuracy_over_all_processes(step):
    module = Told()
    images, labels = some_digits(40)
    right = (module(images).argmax(dim=1) == labels).float().mean()
    getattr(module, step)([images, labels], 0)
    name = {"validation_step": "val_accuracy", "test_step": "accuracy"}[step]
    assert module.told == [(name, right, {"sync_dist": True})]
    assert 0 < right < 1


def test_the_modules_optimizer_is_the_plain_loops():
    module = DigitClassifier()
    adam = module.configure_optimizers()
    assert type(adam) is torch.optim.Adam
    (group,) = adam.param_groups
    assert group["lr"] == LEARNING_RATE
    assert group["params"] == list(module.network.parameters())
    bare = torch.optim.Adam(module.parameters(), lr=LEARNING_RATE).defaults
    assert adam.defaults == bare


def test_the_plain_loop_is_one_step_of_adam_per_batch_and_keeps_no_gradient(float64):
    """Which step of training is missing, or in another place?"""
    images, labels = some_digits(23)
    loader = shuffled(TensorDataset(images, labels), batch_size=5, seed=8)
    network = DigitNetwork()
    twin = copy.deepcopy(network)
    heard = []

    def hear(step, loss):
        heard.append((step, loss))

    train(network, loader, epochs=2, watch=hear)
    weights = list(twin.parameters())
    adam = torch.optim.Adam(weights, lr=0.003)
    losses = []
    for epoch in range(2):
        draw = torch.Generator().manual_seed(8 + epoch)
        for rows in torch.randperm(23, generator=draw).split(5):
            chances = twin(images[rows]).log_softmax(dim=1)
            loss = -chances[torch.arange(len(rows)), labels[rows]].mean()
            slopes = torch.autograd.grad(loss, weights)
            for weight, slope in zip(weights, slopes, strict=True):
                weight.grad = slope  # of this batch alone
            adam.step()
            losses.append(loss.item())
    assert [step for step, _ in heard] == list(range(1, 11))
    assert [loss for _, loss in heard] == pytest.approx(losses, rel=1e-9)
    assert_close(list(network.parameters()), weights)


def test_both_loops_end_with_the_same_weights(digits):
    torch.manual_seed(3)
    network = DigitNetwork()
    train(network, digits.train_dataloader(), epochs=2)
    module, trainer = fit(digits, 2, seed=3)
    assert trainer.global_step == 46
    assert_close(module.network.state_dict(), network.state_dict())


@pytest.mark.parametrize("size", [115, 180])  # 180: the last batch is smaller
def test_both_loops_take_any_batch_size(size):
    data = MNISTDataModule(batch_size=size)
    plain = plain_losses(data, 2, "cpu", seed=1)
    framework = lightning_losses(make_trainer(2), data, "none", seed=1)
    assert list(framework) == list(plain) == list(range(1, 2 * -(-1150 // size) + 1))
    assert max(subtract(plain, framework, late=0).values()) <= 1e-6


def test_both_trainings_start_from_the_seeds_weights_and_its_first_batch(digits):
    torch.manual_seed(6)
    network = DigitNetwork()
    images, labels = next(iter(digits.train_dataloader()))
    start = F.cross_entropy(network(images), labels).item()
    torch.rand(5)
    assert plain_losses(digits, 1, "cpu", seed=6)[1] == pytest.approx(start, abs=1e-6)
    torch.rand(5)
    framework = lightning_losses(make_trainer(1), digits, "none", seed=6)
    assert framework[1] == pytest.approx(start, abs=1e-6)
    other = plain_losses(digits, 1, "cpu", seed=5)
    assert abs(other[1] - start) > 1e-6


class Ear(nn.Module):
    """A network that keeps the number which each image carries in its pixels."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 10)
        self.heard = []

    def forward(self, x):
        self.heard.append(x[:, 0, 0, 0].int().tolist())
        return self.linear(x[:, 0, 0, :1] / 1000)


def test_the_plain_loop_tells_the_order_which_epoch_it_is():
    """Do two epochs have the same order?"""
    images, _, _, _ = named_images(23)
    labels = torch.zeros(23).long()
    loader = shuffled(TensorDataset(images, labels), batch_size=5, seed=8)
    ear = Ear()
    train(ear, loader, epochs=3)
    epochs = [joined(ear.heard[first : first + 5]) for first in (0, 5, 10)]
    for epoch, order in enumerate(epochs):
        draw = torch.Generator().manual_seed(8 + epoch)
        assert order == torch.randperm(23, generator=draw).tolist()
    assert epochs[0] != epochs[1] != epochs[2]


@pytest.mark.parametrize("load", ["val", "test"])
def test_an_image_of_the_last_and_smaller_batch_counts_as_much_as_any(digits, load):
    """Is it a mean of batches, or a mean of images?"""
    module = DigitClassifier()
    images = torch.rand(230, 1, 28, 28)
    names = module(images).argmax(dim=1)
    names[200:] = (names[200:] + 1) % 10  # all 30 of the last batch are wrong
    digits.val_set = digits.test_set = TensorDataset(images, names)
    trainer = make_trainer(1)
    if load == "val":
        (scores,) = trainer.validate(module, digits, verbose=False)
        assert scores == {"val_accuracy": pytest.approx(200 / 230)}  # not 4 / 5
    else:
        (scores,) = trainer.test(module, digits, verbose=False)
        assert scores == {"accuracy": pytest.approx(200 / 230)}


# The best epoch


@pytest.fixture
def second_is_best(monkeypatch):
    """Validation likes the second of three epochs best, and the third least; the
    weights after each of them."""
    weights = []

    def validation_step(self, batch, batch_idx):
        self.log("val_accuracy", [0.5, 0.9, 0.1][self.current_epoch])

    def on_train_epoch_end(self):
        weights.append(copy.deepcopy(self.network.state_dict()))

    monkeypatch.setattr(DigitClassifier, "validation_step", validation_step)
    monkeypatch.setattr(DigitClassifier, "on_train_epoch_end", on_train_epoch_end)
    return weights


def test_the_best_epoch_is_tested_though_it_is_not_the_last(digits, second_is_best):
    """Which checkpoint is tested: the best, or the newest?"""
    _, trainer = fit(digits, 3)
    images = digits.test_set.tensors[0]
    answers = []
    for weights in second_is_best:
        network = DigitNetwork()
        network.load_state_dict(weights)
        answers.append(network(images).argmax(dim=1))
    for epoch in (0, 2):
        assert not answers[epoch].equal(answers[1])  # or this would prove nothing
    answers[1][:5] = (answers[1][:5] + 1) % 10  # the last batch has ten images
    digits.test_set = TensorDataset(images, answers[1])
    assert best_epoch_accuracy(trainer, digits) == pytest.approx(355 / 360)
    best = Path(trainer.checkpoint_callback.best_model_path)
    assert best.name == "epoch=1-step=46.ckpt"


def test_the_log_has_the_accuracy_of_each_epoch_on_the_validation_images(digits):
    module, trainer = fit(digits, 2)
    with Path(trainer.log_dir, "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["val_accuracy"]]
    assert [row["epoch"] for row in rows] == ["0", "1"]
    ((images, labels),) = DataLoader(digits.val_set, batch_size=287)
    right = (module(images).argmax(dim=1) == labels).float().mean().item()
    assert float(rows[1]["val_accuracy"]) == pytest.approx(right)
    assert float(rows[0]["val_accuracy"]) != pytest.approx(right)


def test_the_best_epoch_is_tested_by_one_process_however_many_trained(monkeypatch):
    told = []

    class Tester:
        def __init__(self, **options):
            told.append(options)

        def test(self, module, data, verbose):
            told.append((module, data, verbose))
            return [{"accuracy": 0.25}]

    def load(path, weights_only):
        return path, weights_only

    monkeypatch.setattr(pl, "Trainer", Tester)
    monkeypatch.setattr(DigitClassifier, "load_from_checkpoint", load)
    keeper = SimpleNamespace(best_model_path="best.ckpt")
    trainer = SimpleNamespace(checkpoint_callback=keeper)
    assert best_epoch_accuracy(trainer, "the data") == 0.25
    options, tested = told
    assert (options["accelerator"], options["devices"]) == ("cpu", 1)
    assert not options["logger"]
    assert not options["enable_progress_bar"]
    assert tested == (("best.ckpt", True), "the data", False)


# Gradient


def test_the_mean_of_two_halves_gradients_is_the_gradient_of_the_whole(float64):
    module = Told()
    weights = list(module.parameters())
    images, labels = some_digits(8)
    found = []
    for part in (slice(0, None, 2), slice(1, None, 2), slice(None)):
        loss = module.training_step([images[part], labels[part]], 0)
        found.append(torch.autograd.grad(loss, weights))
    for one, other, whole in zip(*found, strict=True):
        assert_close((one + other) / 2, whole)


# Invariance


def test_an_image_feels_neither_its_neighbours_nor_the_mode(float64):
    module = DigitClassifier()
    images = torch.rand(6, 1, 28, 28)
    together = module.train()(images)
    assert_close(together, module.train()(images))
    alone = module.eval()(images[:1])
    assert_close(together[:1], alone)


def test_random_numbers_drawn_elsewhere_change_no_split_and_no_order(named):
    """From which generator is the order drawn: from its own, or from everybody's?"""
    torch.manual_seed(1)
    one = MNISTDataModule(seed=2)
    order = names_in(one.train_dataloader())
    torch.manual_seed(9)
    other = MNISTDataModule(seed=2)
    assert one.val_set.indices == other.val_set.indices
    torch.rand(5)
    assert names_in(other.train_dataloader()) == order
    assert names_in(one.train_dataloader()) == order


def test_whoever_draws_random_numbers_during_a_training_changes_no_loss(digits):
    heard, noisy = {}, {}

    def hear(step, loss):
        heard[step] = loss

    def hear_and_draw(step, loss):
        noisy[step] = loss
        torch.rand(5)

    fit(digits, 2, watch=hear)
    fit(digits, 2, watch=hear_and_draw)
    assert heard == noisy
    torch.manual_seed(0)
    train(DigitNetwork(), digits.train_dataloader(), 2, watch=hear_and_draw)
    assert heard == pytest.approx(noisy, abs=1e-6)


# Watching


def test_watch_hears_each_step_and_its_loss_from_lightning_too(digits):
    heard = []

    def hear(step, loss):
        heard.append((step, loss))

    _, trainer = fit(digits, 2, watch=hear)
    assert [step for step, _ in heard] == list(range(1, 47))
    losses = read_losses(Path(trainer.log_dir, "metrics.csv"))
    assert list(losses.items()) == heard


def test_of_several_processes_only_the_first_speaks():
    heard = []

    def hear(step, loss):
        heard.append((step, loss))

    loss = torch.tensor(0.5)
    for first in (True, False):
        trainer = SimpleNamespace(is_global_zero=first, global_step=4)
        trainer.callback_metrics = {"train_loss": loss}
        Watch(hear).on_train_batch_end(trainer, None, None, None, 3)
    assert heard == [(4, 0.5)]


def test_ten_losses_are_printed_however_long_the_training(capsys):
    for step in range(1, 3000):
        print_loss(step, 2.34567891)
    lines = capsys.readouterr().out.splitlines()
    numbers = [" 1", 11, 21, 31, 41, 51, 61, 71, 81, 91]
    assert lines == [f"    step {number}: loss 2.345679" for number in numbers]


def test_plain_losses_keeps_every_loss_and_prints_some(digits, capsys):
    losses = plain_losses(digits, 1, "cpu", seed=0)
    assert list(losses) == list(range(1, 24))
    assert capsys.readouterr().out.splitlines() == [
        f"    step {step:2}: loss {losses[step]:.6f}" for step in (1, 11, 21)
    ]


def test_the_plain_loop_takes_images_and_labels_to_the_device(digits):
    network = DigitNetwork().to("meta")  # there, a tensor has a shape and no numbers
    train(network, digits.train_dataloader(), 1, device="meta")
    assert network.linear.bias.grad.is_meta
    with pytest.raises(RuntimeError):  # not all is on one device
        train(network, digits.train_dataloader(), 1, device="cpu")


# Stopped, and gone on


def test_a_run_that_was_stopped_goes_on_to_the_same_losses(
    digits, tmp_path, monkeypatch, second_is_best
):
    whole = lightning_losses(make_trainer(3), digits, "none", seed=0)
    (tmp_path / "again").mkdir()
    monkeypatch.chdir(tmp_path / "again")
    first = lightning_losses(make_trainer(1), digits, "none", seed=0)
    torch.rand(5)
    data = MNISTDataModule()
    rest = lightning_losses(make_trainer(3), data, "last", seed=0)
    assert list(first) == list(range(1, 24))
    assert list(rest) == list(range(24, 70))
    assert first | rest == whole  # to the last bit
    assert_close(second_is_best[5], second_is_best[2], rtol=0, atol=0)


def test_a_finished_run_cannot_go_on_and_says_so_in_one_line(digits):
    fit(digits, 1)
    with pytest.raises(SystemExit) as stop:
        lightning_losses(make_trainer(1), digits, "last", seed=0)
    line = stop.value.code
    assert "last" in line
    assert line.endswith("ask for more with --epochs")
    assert "\n" not in line


def test_a_run_goes_on_from_the_checkpoint_that_it_is_told(digits, second_is_best):
    fit(digits, 3)
    path = "lightning_logs/checkpoints/epoch=1-step=46.ckpt"
    trainer = make_trainer(3)
    assert list(lightning_losses(trainer, digits, path, seed=0)) == list(range(47, 70))
    best = Path(trainer.checkpoint_callback.best_model_path)
    assert best.name == "epoch=1-step=46.ckpt"  # also the best epoch is remembered
    assert_close(second_is_best[3], second_is_best[2], rtol=0, atol=0)


# With save_top_k=1, the default, ModelCheckpoint writes last.ckpt only where it also
# keeps a best epoch: after an epoch that is not the best so far, last.ckpt is older.
def test_the_last_checkpoint_is_of_the_last_epoch_though_it_is_not_the_best(
    digits, second_is_best
):
    fit(digits, 3)  # the second is the best
    saved = torch.load("lightning_logs/checkpoints/last.ckpt", weights_only=True)
    assert saved["epoch"] == 2


def test_a_resumed_main_compares_the_steps_that_it_took(capsys):
    main(epochs=1)
    capsys.readouterr()
    numbers = main(epochs=2, resume="last")
    assert "Steps compared: 24 to 46\n" in capsys.readouterr().out
    assert numbers["difference"] <= 1e-6
    assert numbers["holds"]


@pytest.mark.parametrize(
    "resume, epochs", [("nowhere.ckpt", 3), ("lightning_logs/checkpoints/last.ckpt", 1)]
)
def test_a_checkpoint_that_is_missing_or_has_gone_too_far_is_one_line(
    digits, resume, epochs
):
    fit(digits, 2)
    with pytest.raises(SystemExit) as stop:
        lightning_losses(make_trainer(epochs), digits, resume, seed=0)
    assert stop.value.code.startswith(f"--resume {resume}: ")
    assert len(stop.value.code.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there it ends at once")
def test_who_is_told_to_end_says_how_to_go_on_and_has_not_succeeded(
    digits, monkeypatch
):
    """Slurm does this where time is up, and takes 0 for a training that is done."""
    steps, learn = [], lightning.DigitClassifier.training_step

    def told(self, batch, number):
        steps.append(number)
        if len(steps) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return learn(self, batch, number)

    monkeypatch.setattr(lightning.DigitClassifier, "training_step", told)
    with pytest.raises(SystemExit) as stop:
        lightning_losses(make_trainer(2), digits, "none", seed=0)
    assert stop.value.code.startswith(
        "told to end; if an epoch was done, --resume last"
    )
    assert len(steps) < 46


@pytest.mark.skipif(sys.platform == "win32", reason="there it ends at once")
def test_who_is_told_to_end_while_it_tests_has_not_succeeded(digits, monkeypatch):
    trainer = make_trainer(1)
    lightning_losses(trainer, digits, "none", seed=0)
    look = lightning.DigitClassifier.test_step

    def told(self, batch, number):
        os.kill(os.getpid(), signal.SIGTERM)
        return look(self, batch, number)

    monkeypatch.setattr(lightning.DigitClassifier, "test_step", told)
    with pytest.raises(SystemExit, match="^told to end, before"):
        lightning.best_epoch_accuracy(trainer, digits)


def an_empty_file(path: Path) -> None:
    path.write_bytes(b"")  # what a power cut may leave


def a_file_that_is_cut(path: Path) -> None:
    torch.save({"state_dict": torch.rand(1000)}, path)
    path.write_bytes(path.read_bytes()[:2000])


def weights_of_somebody_else(path: Path) -> None:
    torch.save({"weights": torch.rand(3)}, path)


@pytest.mark.parametrize(
    "write", [an_empty_file, a_file_that_is_cut, weights_of_somebody_else]
)
def test_a_file_that_is_no_checkpoint_is_one_line(digits, tmp_path, write):
    write(tmp_path / "other.ckpt")
    with pytest.raises(SystemExit) as stop:
        lightning_losses(make_trainer(2), digits, "other.ckpt", seed=0)
    assert stop.value.code.startswith("--resume other.ckpt: ")
    assert len(stop.value.code.splitlines()) == 1


def test_an_error_that_no_checkpoint_made_is_not_hidden(digits, monkeypatch):
    def full_disk(self, batch, batch_idx):
        raise OSError("no space is left")

    monkeypatch.setattr(DigitClassifier, "training_step", full_disk)
    with pytest.raises(OSError, match="no space is left"):
        lightning_losses(make_trainer(1), digits, "none", seed=0)


class Payload:
    def __reduce__(self):
        return open, ("payload was here", "w")


def test_a_checkpoint_with_a_payload_is_refused_and_does_not_run(digits, tmp_path):
    fit(digits, 1)
    saved = torch.load("lightning_logs/checkpoints/last.ckpt", weights_only=True)
    torch.save(saved | {"more": Payload()}, "trap.ckpt")
    with pytest.raises(SystemExit) as stop:
        lightning_losses(make_trainer(2), digits, "trap.ckpt", seed=0)
    assert stop.value.code.startswith("--resume trap.ckpt: ")
    assert "more than numbers" in stop.value.code
    keeper = SimpleNamespace(best_model_path="trap.ckpt")
    with pytest.raises(pickle.UnpicklingError):
        best_epoch_accuracy(SimpleNamespace(checkpoint_callback=keeper), digits)
    assert not (tmp_path / "payload was here").exists()
    torch.load("trap.ckpt", weights_only=False)["more"].close()  # it would have run
    assert (tmp_path / "payload was here").exists()


@pytest.mark.parametrize("name", ["last_model_path", "kth_best_model_path"])
def test_a_strangers_checkpoint_removes_no_file_of_ours(digits, tmp_path, name):
    _, trainer = fit(digits, 1)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("mine")
    saved = torch.load("lightning_logs/checkpoints/last.ckpt", weights_only=True)
    told = saved["callbacks"][trainer.checkpoint_callback.state_key]
    del told["dirpath"]  # it counts as ours then
    told |= {name: "local://thesis", "best_model_path": "http://127.0.0.1:9/a"}
    told["best_k_models"] = {"local://thesis": torch.tensor(2.0)}
    torch.save(saved, "stranger.ckpt")
    trainer = make_trainer(3)
    lightning_losses(trainer, digits, "stranger.ckpt", seed=0)
    assert (tmp_path / "thesis" / "chapter").read_text() == "mine"
    best = Path(trainer.checkpoint_callback.best_model_path)
    assert best.parent == tmp_path / "lightning_logs" / "checkpoints"


def test_a_resumed_run_knows_how_good_the_epochs_before_were(digits):
    _, trainer = fit(digits, 2)
    best = trainer.checkpoint_callback.best_k_models
    trainer = make_trainer(3)
    lightning_losses(trainer, digits, "last", seed=0)
    known = trainer.checkpoint_callback.best_k_models
    assert len(best) == 2 and len(known) == 3
    assert all(known[path] == score for path, score in best.items())


FOREIGN = [1, 2], {"weights": torch.zeros(3)}, 7, torch.zeros(3)


@pytest.mark.parametrize("content", FOREIGN)
def test_another_programs_file_is_named_in_one_line(digits, content):
    torch.save(content, "foreign.ckpt")
    with pytest.raises(SystemExit) as stop:
        lightning_losses(make_trainer(3), digits, "foreign.ckpt", seed=0)
    assert stop.value.code.startswith("--resume foreign.ckpt: ")
    assert "\n" not in stop.value.code


def test_slurms_ntasks_without_ntasks_per_node_ends_in_one_line(monkeypatch):
    for name, value in {"NTASKS": "4", "JOB_ID": "1", "JOB_NAME": "one"}.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    with pytest.raises(SystemExit, match="--ntasks-per-node=4") as stop:
        main(epochs=1)
    assert "\n" not in stop.value.code


# Options


@pytest.fixture
def asked(monkeypatch):
    """What the Trainer is asked for, without one."""
    told = {}

    def trainer(**options):
        told.update(options)

    monkeypatch.setattr(pl, "Trainer", trainer)
    return told


@pytest.mark.parametrize("accelerator", ["cpu", "cuda", "mps"])
def test_on_a_graphics_card_and_only_there_a_fixed_order_is_asked_for(
    accelerator, asked
):
    make_trainer(1, accelerator)
    assert asked["deterministic"] == (accelerator == "cuda")
    assert asked["accelerator"] == accelerator


@pytest.mark.parametrize("devices, strategy", [(1, "auto"), (2, "ddp_spawn")])
def test_several_processes_are_one_option_and_the_data_are_dealt_by_us(
    devices, strategy, asked
):
    make_trainer(7, devices=devices)
    assert asked["max_epochs"] == 7
    assert asked["devices"] == devices
    assert asked["strategy"] == strategy
    assert asked["use_distributed_sampler"] is False
    assert asked["log_every_n_steps"] == 1


def test_the_trainer_gets_both_callbacks_and_a_silent_table(asked):
    make_trainer(1, watch=ignore)
    watch, saver, *_ = asked["callbacks"]
    assert watch.watch is ignore
    assert (saver.monitor, saver.mode) == ("val_accuracy", "max")
    assert isinstance(asked["logger"], pl.loggers.CSVLogger)
    assert not asked["enable_progress_bar"]
    assert not asked["enable_model_summary"]
    make_trainer(1)
    assert asked["callbacks"][0].watch is print_loss


@pytest.mark.parametrize(
    "options, reason",
    [
        ({"epochs": 0}, "--epochs must be at least 1, got 0"),
        ({"epochs": -2}, "--epochs must be at least 1, got -2"),
        ({"devices": 0}, "--devices must be at least 1, got 0"),
        ({"devices": 17}, "--devices must be at most 16, got 17"),
        ({"devices": 10**6}, "--devices must be at most 16, got 1000000"),
        ({"devices": 3}, "--batch-size must be a multiple of 3, got 50"),
        (
            {"devices": 2, "batch_size": 51},
            "--batch-size must be a multiple of 2, got 51",
        ),
    ],
)
def test_what_cannot_be_ends_with_one_clear_line(options, reason, capsys):
    with pytest.raises(SystemExit) as stop:
        main(**options)
    assert stop.value.code == reason
    assert capsys.readouterr().out == ""
    assert not list(Path().iterdir())


def a_folder(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("Windows has no named pipes")
    os.mkfifo(path)  # whoever reads it waits for somebody who writes


def nothing(path: Path) -> None:
    pass


@pytest.mark.parametrize("make", [a_folder, a_pipe, nothing])
def test_what_is_no_file_cannot_be_resumed_and_nothing_is_trained(make, capsys):
    make(Path("odd"))
    for odd in ("odd", "", "best", "a\0b", "x" * 5000):
        with pytest.raises(SystemExit) as stop:
            main(resume=odd)
        line = f"--resume {odd}: no such file; give a checkpoint, last, or none"
        assert stop.value.code == line
    assert capsys.readouterr().out == ""


def of_other_sizes(weights: dict) -> dict:
    return {name: torch.cat([weight, weight]) for name, weight in weights.items()}


def of_other_names(weights: dict) -> dict:
    return {f"encoder.{name}": weight for name, weight in weights.items()}


@pytest.mark.parametrize(
    "change, found, right",
    [
        (of_other_sizes, "[16, 1, 5, 5]", "[8, 1, 5, 5]"),
        (of_other_names, "Missing key(s)", '"network.conv1.weight"'),
    ],
)
def test_of_another_networks_weights_it_says_which_and_what_would_fit(
    digits, change, found, right
):
    fit(digits, 1)
    saved = torch.load("lightning_logs/checkpoints/last.ckpt", weights_only=True)
    saved["state_dict"] = change(saved["state_dict"])
    torch.save(saved, "other.ckpt")
    with pytest.raises(SystemExit) as stop:
        lightning_losses(make_trainer(2), digits, "other.ckpt", seed=0)
    assert stop.value.code.startswith(
        "--resume other.ckpt: it cannot be used: Error(s) in"
    )
    assert found in stop.value.code and right in stop.value.code
    assert "\n" not in stop.value.code


@pytest.mark.parametrize("message", ["2 of [0, 1]\n But your machine has: [0]", "one"])
def test_devices_that_are_not_there_are_one_line(message, monkeypatch):
    def refuse(*options):
        raise MisconfigurationException(message)

    monkeypatch.setattr(lightning, "make_trainer", refuse)
    with pytest.raises(SystemExit) as stop:
        main(devices=2)
    assert stop.value.code == message.replace("\n", "")


@pytest.mark.parametrize("size", [0, -1, -50])
def test_a_batch_has_at_least_one_image(size):
    with pytest.raises(SystemExit, match=f"^--batch-size must be .*, got {size}$"):
        main(batch_size=size)
    assert not list(Path().iterdir())


@pytest.mark.parametrize("accelerator", ["cuda", "mps"])
def test_an_accelerator_that_is_not_there_is_named(accelerator, monkeypatch):
    def none_of_it(name):
        return SimpleNamespace(is_available=lambda: name == "cpu")

    monkeypatch.setattr(torch, "get_device_module", none_of_it)
    with pytest.raises(SystemExit) as stop:
        main(accelerator=accelerator)
    assert stop.value.code == f"--accelerator {accelerator}: this machine has none"
    assert not list(Path().iterdir())


@pytest.fixture
def rehearsal(monkeypatch):
    """main without its trainings: what it hands on, and with which losses."""
    calls = []
    losses = {"plain": {1: 2.0, 2: 1.5, 3: 1.0}}
    losses["framework"] = losses["plain"] | {3: 1.0 + 2**-22}

    def ear(name, answer):
        def listen(*given):
            calls.append((name, *given))
            return answer

        monkeypatch.setattr(lightning, name, listen)

    ear("MNISTDataModule", "data")
    ear("make_trainer", "trainer")
    ear("plain_losses", losses["plain"])
    ear("lightning_losses", losses["framework"])
    ear("best_epoch_accuracy", 0.9375)
    ear("figure", lightning.plt.figure())
    return calls, losses


def test_main_hands_on_what_it_was_told_the_trainer_first(rehearsal, monkeypatch):
    calls, losses = rehearsal

    def all_of_them(name):
        return SimpleNamespace(is_available=lambda: True)

    monkeypatch.setattr(torch, "get_device_module", all_of_them)
    given = {"epochs": 7, "batch_size": 40, "seed": 3, "data": "mnist"}
    Path("some.ckpt").touch()
    main(**given, resume="some.ckpt", accelerator="mps", devices=4)
    # The Trainer first: where it asks for a fixed order, the plain loop has it, too.
    assert calls == [
        ("make_trainer", 7, "mps", 4),
        ("MNISTDataModule", "mnist", 40, 3),
        ("plain_losses", "data", 7, "mps", 3),
        ("lightning_losses", "trainer", "data", "some.ckpt", 3),
        ("best_epoch_accuracy", "trainer", "data"),
        ("figure", losses["plain"], losses["framework"]),
    ]


def test_main_has_three_epochs_of_batches_of_50_on_one_processor(rehearsal):
    calls, _ = rehearsal
    main()
    assert calls[:4] == [
        ("make_trainer", 3, "cpu", 1),
        ("MNISTDataModule", "digits", 50, 0),
        ("plain_losses", "data", 3, "cpu", 0),
        ("lightning_losses", "trainer", "data", "none", 0),
    ]


def test_main_returns_what_it_prints(rehearsal, capsys):
    _, losses = rehearsal
    losses["framework"].clear()
    losses["framework"].update({2: 1.5 - 2**-20, 3: 1.0 + 2**-21})
    numbers = main()
    assert numbers == {
        "accuracy": 0.9375,
        "difference": 2**-20,  # of a million, a little less than one
        "one_step_late": 0.5 + 2**-20,
        "holds": 1.0,
    }
    printed = capsys.readouterr().out
    for line in [
        "Its best epoch names 93.8% of the unseen digits correctly.\n",
        "Steps compared: 2 to 3\n",
        "Largest difference: 1e-06, one step late: 0.5\n",
    ]:
        assert line in printed
    assert printed.startswith(f"{lightning.ASK}\n\nOur nine lines call:\n")
    assert printed.endswith("\nIn this run the claim holds.\n")
    assert Path("figures", "lightning.png").exists()


@pytest.mark.parametrize(
    "framework",
    [
        {1: 2.0, 2: 1.5, 3: 1.0 + 2**-19},  # one loss is off
        {1: 2.0},  # of a single step there is none before
    ],
)
def test_main_says_so_when_the_claim_does_not_hold(framework, rehearsal, capsys):
    _, losses = rehearsal
    losses["framework"].clear()
    losses["framework"].update(framework)
    assert main()["holds"] == 0.0
    assert capsys.readouterr().out.endswith("In this run the claim does NOT hold.\n")


# Silence


def test_lightnings_advice_is_silent_and_all_else_is_not():
    with warnings.catch_warnings(record=True) as heard:
        warnings.resetwarnings()
        hush()
        for words in ADVICE:
            warnings.warn(f"Here: {words} and more", stacklevel=1)
        assert not heard
        warnings.warn("the loss is nan", stacklevel=1)
        assert len(heard) == 1
    for name in ("pytorch_lightning", "lightning_fabric"):
        logger = logging.getLogger(name)
        assert not logger.isEnabledFor(logging.INFO)
        assert logger.isEnabledFor(logging.WARNING)


def in_silence(*words: str) -> str:
    """What `python <words>` prints; it must end well and complain of nothing."""
    here = {"PYTHONPATH": str(Path(lightning.__file__).parent), "MPLBACKEND": "agg"}
    command = [sys.executable, *words]
    run = subprocess.run(command, capture_output=True, text=True, env=os.environ | here)
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout


def test_a_run_and_one_that_goes_on_stay_quiet_and_leave_a_picture_and_logs(tmp_path):
    words = "lightning.main(1); lightning.main(2, resume='last')"
    printed = in_silence("-W", "error", "-c", f"import lightning; {words}")
    assert printed.count("In this run the claim holds.") == 2
    assert {path.name for path in tmp_path.iterdir()} == {"figures", "lightning_logs"}
    logs = tmp_path / "lightning_logs"
    assert (logs / "version_0" / "metrics.csv").exists()
    assert (logs / "version_1" / "metrics.csv").exists()
    assert (logs / "checkpoints" / "last.ckpt").exists()


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path, capsys):
    words = ["--devices", "2", "--epochs", "2", "--data", "digits"]
    printed = in_silence(lightning.__file__, *words)
    assert printed.count("    step  1: loss ") == 2  # of two processes one speaks
    assert "Steps compared: 1 to 46\n" in printed
    logs = tmp_path / "lightning_logs"
    framework = read_losses(logs / "version_0" / "metrics.csv")
    plain = plain_losses(MNISTDataModule(), 2, "cpu", seed=0)
    assert list(framework) == list(plain)
    assert framework == pytest.approx(plain, abs=1e-4)  # they round otherwise
    assert max(subtract(plain, framework, late=1).values()) > 1e-2
    one = main(epochs=2)
    capsys.readouterr()
    assert f"names {one['accuracy']:.1%} of" in printed


# Losses, read and subtracted


def test_the_table_counts_from_0_and_has_rows_without_a_loss(tmp_path):
    table = """\
epoch,step,train_loss,val_accuracy
0,0,2.5,
0,1,2.25,
0,1,,0.875
1,2,0.1234567890123,
1,2,,0.9
"""
    path = tmp_path / "metrics.csv"
    path.write_text(table)
    assert read_losses(path) == {1: 2.5, 2: 2.25, 3: 0.1234567890123}


def test_losses_are_subtracted_at_the_same_step_or_one_late():
    plain = {1: 8.0, 2: 4.0, 3: 1.0, 4: 0.5}
    framework = {1: 8.0, 2: 4.5, 3: 0.5, 4: 0.5}
    assert subtract(plain, framework, late=0) == {1: 0, 2: 0.5, 3: 0.5, 4: 0}
    assert subtract(plain, framework, late=1) == {2: 3.5, 3: 3.5, 4: 0.5}
    resumed = {3: 0.5, 4: 0.5}
    assert subtract(plain, resumed, late=0) == {3: 0.5, 4: 0}
    assert subtract(plain, resumed, late=1) == {3: 3.5, 4: 0.5}
    assert subtract(plain, {1: 8.0}, late=1) == {}


# Claim

ABOVE_A_MILLIONTH = math.nextafter(1e-6, 1)
ABOVE_A_THOUSANDTH = math.nextafter(1e-3, 1)


@pytest.mark.parametrize(
    "holds, difference, one_step_late, accuracy",
    [
        (True, 0.0, 0.3, 0.9),
        (True, 1e-6, 0.3, 0.9),
        (False, ABOVE_A_MILLIONTH, 0.3, 0.9),
        (False, 0.3, 0.3, 0.9),
        (True, 0.0, ABOVE_A_THOUSANDTH, 0.9),
        (False, 0.0, 1e-3, 0.9),
        (False, 0.0, 0.0, 0.9),  # losses that never move prove nothing
        (True, 1e-6, ABOVE_A_THOUSANDTH, 0.9),
        (False, ABOVE_A_MILLIONTH, 1e-3, 0.9),
        (False, math.nan, 0.3, 0.9),
        (False, 0.0, math.nan, 0.9),
        (True, 0.0, 0.3, 0.501),
        (False, 0.0, 0.3, 0.5),
        (False, 0.0, 0.3, 0.1),  # two loops that train nothing agree, too
    ],
)
def test_the_claim_holds_only_if_each_of_its_parts_does(
    holds, difference, one_step_late, accuracy
):
    assert claim_holds(difference, one_step_late, accuracy) is holds


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_claim_each_loss_is_the_plain_loops_and_the_network_learns(seed):
    numbers = full(lightning, seed=seed).numbers
    assert numbers["holds"]
    assert numbers["accuracy"] > 0.9


def test_claim_the_whole_lesson_compares_69_steps():
    run = full(lightning)
    assert "Steps compared: 1 to 69\n" in run.printed
    printed = run.printed.splitlines()
    plain = printed[printed.index("The plain loop:") + 1 :][:7]
    framework = printed[printed.index("Lightning:") + 1 :][:7]
    assert plain == framework
    assert plain[6].startswith("    step 61: loss ")


@pytest.mark.slow
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no card of NVIDIA here")
def test_on_a_graphics_card_the_losses_are_the_same_to_the_last_bit():
    try:
        numbers = main(accelerator="cuda")
        assert numbers["difference"] == 0
        assert numbers["holds"]
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.slow
def test_claim_97_percent_on_mnist(monkeypatch):
    monkeypatch.setenv("NN_DATA", str(NN_DATA))
    if not have_mnist():
        pytest.skip("MNIST is not on this disk")
    numbers = full(lightning, data="mnist").numbers
    assert numbers["accuracy"] >= 0.97
    assert numbers["holds"]


# Picture

PLAIN = {1: 8.0, 2: 4.0, 3: 1.0, 4: 0.5}
FRAMEWORK = {2: 4.0, 3: 0.75, 4: 0.625}


def test_the_lines_are_the_losses_and_differences_that_their_labels_name():
    top, low = figure(PLAIN, FRAMEWORK).axes
    shown = {}
    for ax in (top, low):
        for line in ax.lines:
            x, y = list(line.get_xdata()), list(line.get_ydata())
            shown[line.get_label()] = ax, x, y
    limit = 1e-6
    assert shown == {
        "plain loop": (top, [1, 2, 3, 4], [8, 4, 1, 0.5]),
        "Lightning": (top, [2, 3, 4], [4, 0.75, 0.625]),
        "one step late": (low, [2, 3, 4], [4, 3.25, 0.375]),
        "a millionth": (low, [0, 1], [limit, limit]),
        "same step": (low, [2, 3, 4], [0, 0.25, 0.125]),
    }
    for ax in (top, low):
        labels = [line.get_label() for line in ax.lines]
        named = [text.get_text() for text in ax.get_legend().get_texts()]
        assert sorted(named) == sorted(labels)
    (_, limit, _) = low.lines
    assert limit.get_linestyle() == "--"
    assert top.get_position().y0 > low.get_position().y1  # above it


def test_the_axes_name_what_they_show_and_have_room_for_a_difference_of_0():
    fig = figure(PLAIN, FRAMEWORK)
    top, low = fig.axes
    assert tuple(fig.get_size_inches()) == (8, 4.5)
    assert (top.get_ylabel(), low.get_ylabel()) == ("loss", "difference")
    assert low.get_xlabel() == "step of training"
    assert top.get_shared_x_axes().joined(top, low)
    assert top.get_yscale() == "linear"
    assert low.get_yscale() == "symlog"
    assert low.yaxis.get_transform().linthresh == 1e-6
    assert low.get_yticks().tolist() == [0, 1e-6, 1e-3, 1]
    bottom, highest = low.get_ylim()
    assert -1e-6 < bottom < 0  # a point at 0 is seen whole
    assert highest > 100


def test_black_points_lie_on_a_broad_grey_line_also_for_the_colour_blind():
    top, low = figure(PLAIN, FRAMEWORK).axes
    for ax in (top, low):
        broad, *_, points = ax.lines
        assert to_rgb(broad.get_color()) == (0.7, 0.7, 0.7)
        assert broad.get_linewidth() >= 4
        assert broad.get_marker() == "None"
        assert to_rgb(points.get_color()) == (0, 0, 0)
        assert points.get_marker() == "."
        assert points.get_linestyle() == "None"
        assert points.get_zorder() >= broad.get_zorder()  # drawn later


def test_the_title_says_how_many_losses_and_the_largest_difference():
    said = "Two loops, 3 losses: the largest difference is 0.2"
    assert figure(PLAIN, FRAMEWORK).get_suptitle() == said
    many = {step: 1 / step for step in range(1, 1201)}
    said = "Two loops, 1,200 losses: the largest difference is 0"
    assert figure(many, many).get_suptitle() == said
    off = many | {700: many[700] + 3e-7}
    said = "Two loops, 1,200 losses: the largest difference is 3e-07"
    assert figure(many, off).get_suptitle() == said
