"""What lightning.py claims, as tests."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

import lightning
from conftest import NN_DATA
from lightning import MARGIN, DigitClassifier, DigitNetwork, MNISTDataModule

ROOT = Path(__file__).parent


@pytest.fixture
def digits() -> MNISTDataModule:
    return MNISTDataModule()


def train(data: MNISTDataModule, epochs: int, seed: int = 0):
    """The losses, the module and the trainer after a run of Lightning's loop."""
    trainer = lightning.make_trainer(losses := [], epochs, "cpu", 1)
    torch.manual_seed(seed)
    trainer.fit(model := DigitClassifier(), data)
    return torch.stack(losses), model, trainer


def process(rank: int, of: int, epoch: int = 0) -> SimpleNamespace:
    return SimpleNamespace(current_epoch=epoch, global_rank=rank, world_size=of)


def labels(loader) -> list[list[int]]:
    return [batch.tolist() for _, batch in loader]


# Definition


@pytest.mark.parametrize(
    "read, parts", [(60_000, [55_000, 5_000, 10_000]), (1_437, [1_150, 287, 360])]
)
def test_every_image_stands_in_one_part_and_the_seed_says_in_which(
    read, parts, monkeypatch
):
    def numbered(data):
        left, tested = torch.arange(read), torch.arange(parts[2]) + read
        return [left.view(-1, 1, 1, 1), left, tested.view(-1, 1, 1, 1), tested]

    monkeypatch.setattr(lightning, "load_digits", numbered)
    one, same, other = (MNISTDataModule(seed=seed).parts for seed in (3, 3, 4))
    assert [len(images) for images, _ in one] == parts
    assert all(torch.equal(images.flatten(), names) for images, names in one)
    together = torch.cat([names for _, names in one])
    assert torch.equal(together.sort().values, torch.arange(read + parts[2]))
    assert torch.equal(one[2][1], torch.arange(parts[2]) + read)
    for part in (0, 1):
        assert torch.equal(one[part][1], same[part][1])
        assert not torch.equal(one[part][1], other[part][1])


def test_a_data_module_takes_a_folder_and_a_batch_size(tmp_path):
    data = MNISTDataModule(str(tmp_path / "elsewhere"), 64)
    assert os.environ["NN_DATA"] == str(tmp_path / "elsewhere")
    for loader, size in [
        (data.train_dataloader(), 1150),
        (data.val_dataloader(), 287),
        (data.test_dataloader(), 360),
    ]:
        images, names = next(iter(loader))
        assert images.shape == (64, 1, 28, 28) and names.shape == (64,)
        assert sum(len(names) for _, names in loader) == size
        assert len(loader) == -(-size // 64)


def test_an_epoch_shows_every_image_once_and_the_next_in_another_order(digits):
    digits.parts[0][1] = torch.arange(1150)  # names instead of labels
    orders = []
    for epoch in (0, 0, 1):
        digits.trainer = process(0, of=1, epoch=epoch)
        batches = labels(digits.train_dataloader())
        assert {len(batch) for batch in batches} == {lightning.BATCH}
        orders.append(sum(batches, []))
        assert sorted(orders[-1]) == list(range(1150))
    assert orders[0] == orders[1] != orders[2]


def test_the_images_of_the_test_had_no_say_in_training_or_in_choosing(digits):
    digits.parts = [[names, names] for names in torch.arange(240).split([150, 57, 33])]
    for loader, (names, _) in zip(
        [digits.train_dataloader(), digits.val_dataloader(), digits.test_dataloader()],
        digits.parts,
        strict=True,
    ):
        assert sorted(sum(labels(loader), [])) == names.tolist()


@pytest.mark.parametrize("of", [2, 3])
def test_processes_share_each_batch_of_the_plain_loop(digits, of):
    digits.parts[0][1] = torch.arange(1150)
    digits.trainer = process(0, of=1, epoch=5)
    whole = labels(digits.train_dataloader())
    shares = []
    for rank in range(of):
        digits.trainer = process(rank, of, epoch=5)
        shares.append(labels(digits.train_dataloader()))
    for batch, *parts in zip(whole, *shares, strict=True):
        assert sorted(sum(parts, [])) == sorted(batch)
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


# Equivalence


def test_the_module_is_the_network_and_its_training_step_the_cross_entropy(float64):
    torch.manual_seed(7)
    network = DigitNetwork()
    torch.manual_seed(7)
    module = DigitClassifier()
    x, y = torch.rand(9, 1, 28, 28), torch.randint(10, (9,))
    conv = F.relu(F.conv2d(x, network.conv1.weight, network.conv1.bias, 2, 2))
    conv = F.relu(F.conv2d(conv, network.conv2.weight, network.conv2.bias, 2, 2))
    logits = conv.flatten(1) @ network.linear.weight.T + network.linear.bias
    right = logits.gather(1, y[:, None]).squeeze(1)
    loss = (logits.logsumexp(1) - right).mean()
    assert_close(module(x), logits)
    assert_close(module.training_step((x, y), 0), loss)
    ours = torch.autograd.grad(module.training_step((x, y), 0), module.parameters())
    assert_close(ours, torch.autograd.grad(loss, network.parameters()))


def test_both_loops_end_with_the_same_weights(digits, monkeypatch):
    built = []

    class Kept(DigitNetwork):
        def __init__(self):
            super().__init__()
            built.append(self)

    monkeypatch.setattr(lightning, "DigitNetwork", Kept)
    list(lightning.plain_loop(*digits.parts[0], 2, seed=0))
    _, module, _ = train(digits, 2)
    (network,) = built
    assert_close(dict(module.named_parameters()), dict(network.named_parameters()))


def test_the_plain_loop_is_one_step_of_adam_per_batch(digits):
    images, names = digits.parts[0]
    torch.manual_seed(1)
    network = DigitNetwork()
    first = lightning.shuffled(1150, seed=1)[:50]
    loss = F.cross_entropy(network(images[first]), names[first])
    with torch.no_grad():  # the first step of Adam: each weight moves by lr
        for weight, slope in zip(
            network.parameters(),
            torch.autograd.grad(loss, list(network.parameters())),
            strict=True,
        ):
            weight -= 0.01 * slope / (slope.abs() + 1e-8)
    second = lightning.shuffled(1150, seed=1)[50:100]
    after = F.cross_entropy(network(images[second]), names[second])
    steps = lightning.plain_loop(images, names, 1, seed=1, lr=0.01)
    assert_close(next(steps), loss.detach())
    assert_close(next(steps), after.detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [10, 60])  # 60: the last batch is smaller
def test_both_loops_take_any_batch_size(size):
    data = MNISTDataModule(batch_size=size)
    ours, _, _ = train(data, 1)
    plain = [*lightning.plain_loop(*data.parts[0], 1, seed=0, batch_size=size)]
    assert len(plain) == -(-1150 // size)
    assert_close(ours, torch.stack(plain), rtol=0, atol=MARGIN)


def test_no_step_remembers_the_gradients_of_earlier_batches(digits):
    images, names = digits.parts[0]
    torch.manual_seed(1)
    network = DigitNetwork()
    weights = list(network.parameters())
    adam = torch.optim.Adam(weights, lr=lightning.RATE)
    steps = lightning.plain_loop(images, names, 1, seed=1)
    for rows in lightning.shuffled(1150, seed=1).split(50)[:4]:
        loss = F.cross_entropy(network(images[rows]), names[rows])
        assert_close(next(steps), loss.detach(), rtol=1e-4, atol=1e-5)
        for weight, slope in zip(
            weights, torch.autograd.grad(loss, weights), strict=True
        ):
            weight.grad = slope
        adam.step()


def test_an_image_of_the_last_and_smaller_batch_counts_as_much_as_any(digits):
    model, (images, _) = DigitClassifier(), digits.parts[1]
    names = model(images).argmax(dim=1)
    names[250:] = (names[250:] + 1) % 10  # all 37 of the last batch are wrong
    digits.parts[1] = [images, names]
    trainer = lightning.make_trainer([], 1, "cpu", 1)
    (scores,) = trainer.validate(model, digits, verbose=False)
    assert scores["validation"] == pytest.approx(250 / 287)  # not 5 / 6


def test_lightning_tests_the_best_epoch_and_counts_every_image_once(digits):
    _, module, trainer = train(digits, 3)
    (scores,) = trainer.test(None, digits, "best", verbose=False, weights_only=True)
    best = trainer.checkpoint_callback.best_model_path
    saved = torch.load(best, weights_only=True)["state_dict"]
    module.load_state_dict(saved)
    images, names = digits.parts[2]  # 360: seven full batches and one of ten
    right = (module(images).argmax(1) == names).double().mean().item()
    assert scores["accuracy"] == pytest.approx(right, abs=1e-6)
    images, names = digits.parts[1]
    right = (module(images).argmax(1) == names).double().mean().item()
    assert trainer.checkpoint_callback.best_model_score.item() == pytest.approx(right)
    log = Path(trainer.log_dir, "metrics.csv").read_text().splitlines()
    column = log[0].split(",").index("validation")
    seen = [float(value) for line in log[1:] if (value := line.split(",")[column])]
    assert len(seen) == 3 and max(seen) == pytest.approx(right)


# Gradient


def test_the_mean_of_two_halves_gradients_is_the_gradient_of_the_whole(float64):
    module = DigitClassifier()
    x, y = torch.rand(8, 1, 28, 28), torch.randint(10, (8,))

    def gradient(part):
        loss = module.training_step((x[part], y[part]), 0)
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, weights)])

    weights = list(module.parameters())
    halves = gradient(slice(0, None, 2)), gradient(slice(1, None, 2))
    assert_close(sum(halves) / 2, gradient(slice(None)))


# Invariance


def test_an_image_feels_neither_its_neighbours_nor_the_mode(float64):
    module, x = DigitClassifier(), torch.rand(6, 1, 28, 28)
    assert_close(module.train()(x)[:1], module.eval()(x[:1]))


def test_random_numbers_drawn_elsewhere_change_no_split_and_no_order(digits):
    torch.rand(5)
    again = MNISTDataModule()
    assert torch.equal(digits.parts[0][0], again.parts[0][0])
    for one, other in zip(
        digits.train_dataloader(), again.train_dataloader(), strict=True
    ):
        torch.rand(5)
        assert torch.equal(one[0], other[0])
    quiet = lightning.plain_loop(*digits.parts[0], 2, seed=2)
    noisy = ((loss, torch.rand(5))[0] for loss in quiet)
    again = lightning.plain_loop(*digits.parts[0], 2, seed=2)
    assert torch.equal(torch.stack([*noisy]), torch.stack([*again]))


# The command line


def test_what_the_trainer_refuses_ends_with_one_clear_line(monkeypatch, capsys):
    from pytorch_lightning.accelerators import CUDAAccelerator

    monkeypatch.setattr(CUDAAccelerator, "is_available", staticmethod(lambda: False))
    monkeypatch.setattr(sys, "argv", ["lightning.py", "--accelerator", "cuda"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(ROOT / "lightning.py"), run_name="__main__")
    usage, line = capsys.readouterr().err.splitlines()
    assert stop.value.code == 2 and usage == "usage: lightning.py [options]"
    assert line.startswith("lightning.py: error: the Trainer refuses: `CUDA")


def test_the_best_epoch_is_tested_though_it_is_not_the_last(digits, tmp_path, capsys):
    numbers = lightning.main(epochs=5, seed=1)  # validation: 94.4 %, then 92.7 %
    (best,) = tmp_path.glob("lightning_logs/*/checkpoints/*.ckpt")
    assert "epoch=4" not in best.name
    module = DigitClassifier()
    module.load_state_dict(torch.load(best, weights_only=True)["state_dict"])
    images, names = digits.parts[2]
    right = (module(images).argmax(1) == names).double().mean().item()
    assert numbers["accuracy"] == pytest.approx(right, abs=1e-6)


# The claim


@pytest.mark.parametrize("seed", range(5))
def test_claim_both_loops_see_the_same_losses(seed):
    data = MNISTDataModule(seed=seed)
    ours, _, _ = train(data, 2, seed)
    plain = torch.stack([*lightning.plain_loop(*data.parts[0], 2, seed)])
    assert len(ours) == len(plain) == 46
    assert (ours - plain).abs().max() <= MARGIN  # 10 seeds, 3 epochs: always exactly 0
    assert plain.diff().abs().max() > 1000 * MARGIN  # one step late: 0.2 and more


@pytest.mark.parametrize("off, holds", [(MARGIN / 2, 1.0), (3 * MARGIN, 0.0)])
def test_the_verdict_notices_one_loss_that_is_off(digits, off, holds, capsys):
    losses = torch.stack([*lightning.plain_loop(*digits.parts[0], 1, seed=0)]).double()
    losses[losses.argmin()] += off
    assert lightning.compare({}, losses, digits, 1)["holds"] == holds


def test_claim_the_whole_lesson_holds_and_stays_quiet(tmp_path, capfd, caplog):
    numbers = lightning.main()
    assert numbers["holds"] == 1 and numbers["difference"] <= MARGIN
    assert numbers["accuracy"] > 0.9  # 10 seeds: mean 95.0 %, lowest 93.6, spread 0.8
    out, err = capfd.readouterr()
    assert err == "" and not caplog.records  # no tips, no warnings
    assert "[4, 10]" in out and out.count("steps: validation") == 3
    assert len(out.splitlines()) < 25
    assert {path.name for path in tmp_path.iterdir()} == {"figures", "lightning_logs"}
    (folder,) = (tmp_path / "lightning_logs").iterdir()
    assert (folder / "metrics.csv").exists()
    assert len(list(folder.glob("checkpoints/*.ckpt"))) == 1


# Longer ones


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_claim_97_percent_on_mnist(seed, monkeypatch, capsys):
    monkeypatch.setenv("NN_DATA", str(NN_DATA))
    if not (NN_DATA / "MNIST" / "raw").exists():
        pytest.skip("MNIST is not on this disk")
    numbers = lightning.main(data="mnist", seed=seed)
    # 2 seeds: 98.3 and 98.4 %
    assert numbers["accuracy"] > 0.97 and numbers["holds"] == 1


def run(script: Path, *words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-W", "error", script, *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, env=environment
    )


@pytest.mark.slow
def test_two_processes_run_the_lesson_and_one_of_them_speaks(tmp_path):
    done = run(ROOT / "lightning.py", "--devices", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(lightning.ASK) == done.stdout.count("the claim") == 1
    assert done.stdout.count("steps: validation") == 3
    assert "Traceback" not in done.stderr and "Warning" not in done.stderr
    assert (tmp_path / "figures" / "lightning.png").exists()
    (folder,) = (tmp_path / "lightning_logs").iterdir()
    assert len(list(folder.glob("checkpoints/*.ckpt"))) == 1


TWO = """
import torch, lightning
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
data = lightning.MNISTDataModule()
data.parts = [[images.double(), labels] for images, labels in data.parts]
trainer = lightning.make_trainer(losses := [], 2, "cpu", 2)
torch.manual_seed(0)
trainer.fit(lightning.DigitClassifier(), data)
ours = trainer.strategy.reduce(torch.stack(losses))
if trainer.is_global_zero:
    plain = torch.stack([*lightning.plain_loop(*data.parts[0], 2, 0)])
    print("apart:", (ours - plain).abs().max().item(), len(plain))
"""


@pytest.mark.slow
def test_two_processes_with_half_of_each_batch_see_the_same_losses(tmp_path):
    script = tmp_path / "two.py"
    script.write_text(TWO)
    done = run(script)
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("apart")]
    apart, steps = line.split()[1:]
    assert float(apart) < 1e-10 and steps == "46"  # measured 1e-15


def test_losses_that_never_move_prove_nothing(monkeypatch, capsys):
    monkeypatch.setattr("lightning.plain_loop", lambda *_: iter(torch.zeros(4)))
    data = SimpleNamespace(parts=[([], [])], seed=0)
    assert lightning.compare({}, torch.zeros(4), data, epochs=1)["holds"] == 0.0
