"""What compare_blocks.py claims, as tests."""

import copy
import functools
import re

import matplotlib.pyplot as plt
import pytest
import torch
import torch.nn.functional as F
from matplotlib.colors import to_rgba
from sklearn import datasets
from torch import Tensor, nn
from torch.autograd import gradcheck
from torch.func import jacrev
from torch.testing import assert_close

import compare_blocks
from compare_blocks import (
    STACKS,
    PlainBlock,
    Reader,
    ResidualBlock,
    accuracy,
    chain_rule,
    claim_holds,
    compare,
    figure,
    gradient_by_depth,
    load_small_digits,
    main,
    make_blocks,
    predicted_by_depth,
    print_loss,
    print_table,
    train,
    worked_example,
)
from tools.contract import ModelContract
from tools.store import full

every_stack = pytest.mark.parametrize("name", STACKS)


def seeded(name: str, depth: int, size: int, seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return make_blocks(name, depth, size)


def jacobian(block: nn.Module, x: Tensor) -> Tensor:
    """Row i, column j: how much does output i change with input j?"""
    return jacrev(block)(x)[0, :, 0]


def one_glance(count: int) -> tuple[Tensor, Tensor]:
    """Images of two classes that one pixel tells apart."""
    labels = torch.randint(2, (count,))
    images = torch.zeros(count, 64)
    images[:, 0] = 8.0 * labels
    return images, labels


class TestPlainBlock(ModelContract):
    output = (7,)

    def make(self):
        return PlainBlock(7)

    def inputs(self, batch):
        return torch.rand(batch, 7)


class TestResidualBlock(ModelContract):
    output = (7,)

    def make(self):
        return ResidualBlock(7)

    def inputs(self, batch):
        return torch.rand(batch, 7)


class TestReader(ModelContract):
    output = (10,)

    def make(self):
        return Reader("residual", depth=2, size=7)

    def inputs(self, batch):
        return torch.rand(batch, 64)


# By hand


def test_the_slope_of_three_blocks_is_the_product_of_three_slopes(capsys):
    chain_rule()
    _, _, plain, residual = capsys.readouterr().out.splitlines()
    # on paper: -0.25 * 0.2 = -0.05; 0.75 * 1.2 = 0.90
    assert plain == "plain:    0.5 * -0.5 * 0.2 = -0.05, autograd -0.05"
    assert residual == "residual: 1.5 *  0.5 * 1.2 =  0.90, autograd  0.90"


def published(capsys) -> Tensor:
    """The four rows of numbers that the worked example prints."""
    worked_example()
    printed = capsys.readouterr().out
    assert re.findall(r"(\w+) Network:", printed) == ["Residual", "Plain"]
    assert re.findall(r"(Out|Grad)", printed) == ["Out", "Grad"] * 2
    rows = []
    for row in re.findall(r"\[\[(.*?)\]\]", printed):
        rows.append([float(number) for number in row.split()])
    return torch.tensor(rows)


def test_the_worked_example_prints_the_published_numbers(capsys):
    expected = [
        [8.760121, 2.0753431, 2.5167747],
        [-1.8296819, 4.0609355, 3.6003714],
        [-0.49245155, -0.16423884, 0.34569877],
        [0.00071465, -0.0004733, -0.00085846],
    ]
    assert_close(published(capsys), torch.tensor(expected), rtol=1e-5, atol=1e-7)


def test_the_worked_example_is_ten_linear_layers_with_and_without_skip(capsys):
    torch.manual_seed(0)
    rows = []
    for skip in (1.0, 0.0):
        x = torch.tensor([1.0, 2, 3])
        product = torch.eye(3)
        for _ in range(10):
            f = nn.Linear(3, 3)
            x = skip * x + f.weight @ x + f.bias
            product = (skip * torch.eye(3) + f.weight) @ product
        rows.append(x)
        rows.append(product.sum(dim=0))
    found = published(capsys)
    assert_close(found, torch.stack(rows).detach(), rtol=1e-4, atol=1e-6)


# Definition


def test_a_block_is_one_linear_layer_with_or_without_its_input(float64):
    """What does a residual block add to what its layer gives?"""
    plain = PlainBlock(5)
    residual = ResidualBlock(5)
    residual.load_state_dict(plain.state_dict())
    x = torch.randn(4, 5)
    assert_close(plain(x), x @ plain.f.weight.T + plain.f.bias)
    assert_close(residual(x), x + plain(x))


@every_stack
def test_a_stack_has_so_many_blocks_of_its_kind_and_size(name):
    blocks = make_blocks(name, depth=3, size=5)
    assert len(blocks) == 3
    for block in blocks:
        assert type(block) is (PlainBlock if "plain" in name else ResidualBlock)
        assert block.f.weight.shape == (5, 5)


@every_stack
def test_every_block_has_weights_of_its_own(name):
    """Is it one block many times, or many blocks?"""
    one, two = make_blocks(name, depth=2, size=5)
    assert not torch.isclose(one.f.weight, two.f.weight).any()


@pytest.mark.parametrize("name", ["plain", "residual"])
def test_the_first_two_stacks_keep_the_weights_that_pytorch_draws(name):
    blocks = seeded(name, depth=3, size=5)
    torch.manual_seed(0)
    for block in blocks:
        f = nn.Linear(5, 5)
        assert block.f.weight.equal(f.weight) and block.f.bias.equal(f.bias)


def test_small_residual_blocks_have_the_weights_divided_by_the_root_of_the_depth():
    usual = seeded("residual", depth=9, size=5)
    small = seeded("residual_small", depth=9, size=5)
    for one, other in zip(usual, small, strict=True):
        assert_close(other.f.weight, one.f.weight / 3)
        assert other.f.bias.equal(one.f.bias)


def test_weights_divided_by_the_root_of_the_depth_add_up_to_one_block():
    """By which number are the weights divided, and how often?"""
    blocks = make_blocks("residual_small", depth=9, size=1000)
    together = sum(block.f.weight.var().item() for block in blocks)
    assert together == pytest.approx(1 / 3000, rel=0.01)


def test_orthogonal_weights_keep_the_length_of_every_vector_in_both_directions(float64):
    """Which of the stacks gets which weights, and is its matrix orthogonal?"""
    for block in make_blocks("plain_orthogonal", depth=3, size=5):
        weight = block.f.weight
        assert_close(weight @ weight.T, torch.eye(5))
        assert_close(weight.T @ weight, torch.eye(5))


# The law


def test_pytorch_draws_weights_evenly_with_variance_one_third_of_one_over_d():
    weight = PlainBlock(1000).f.weight
    assert abs(weight.mean().item()) < 1e-4
    assert weight.var().item() == pytest.approx(1 / 3000, rel=0.01)
    assert weight.abs().max().item() == pytest.approx(1000**-0.5, rel=0.001)


@pytest.mark.parametrize(
    "name, factor",
    [
        ("plain", 1 / 3),
        ("residual", 4 / 3),
        ("plain_orthogonal", 1),
        ("residual_small", 1 + 1 / 12),  # divided by sqrt(4): a quarter of 1 / 3
    ],
)
def test_the_law_multiplies_the_squared_length_once_for_each_block(name, factor):
    predicted = predicted_by_depth(name, depth=4)
    assert predicted.dtype == torch.float64
    squares = [factor**4, factor**3, factor**2, factor, 1]
    assert predicted.square().tolist() == pytest.approx(squares, rel=1e-12)


@every_stack
def test_the_mean_squared_length_over_many_stacks_is_that_of_the_law(name):
    x = torch.zeros(1, 16)
    squares = []
    for _ in range(300):
        blocks = make_blocks(name, depth=3, size=16)
        squares.append(gradient_by_depth(blocks, x).square())
    mean = torch.stack(squares).mean(dim=0)
    assert_close(mean, predicted_by_depth(name, depth=3).square(), rtol=0.1, atol=0)


# Equivalence


def test_a_skip_adds_the_identity_to_the_jacobian(float64):
    """If the input moves a little, how much of that does the skip hand on?"""
    plain = PlainBlock(5)
    residual = ResidualBlock(5)
    residual.load_state_dict(plain.state_dict())
    x = torch.randn(1, 5)
    assert_close(jacobian(plain, x), plain.f.weight)
    assert_close(jacobian(residual, x), torch.eye(5) + plain.f.weight)


@every_stack
def test_the_gradient_at_each_depth_is_a_product_of_jacobians(name, float64):
    """Of which number is it the gradient, and at which of the states?"""
    blocks = make_blocks(name, depth=3, size=5)
    x = torch.randn(1, 5)
    gradient = torch.ones(5)  # of the sum of all outputs, at the output
    lengths = [gradient.norm()]
    for block in reversed(blocks):
        gradient = gradient @ jacobian(block, x)
        lengths.insert(0, gradient.norm())
    expected = torch.stack(lengths) / 5**0.5
    assert_close(gradient_by_depth(blocks, x), expected.detach())


@every_stack
def test_the_reader_is_linear_then_blocks_with_tanh_then_linear(name, float64):
    reader = Reader(name, depth=3, size=5)
    images = torch.rand(4, 64)
    skip = 1.0 if "residual" in name else 0.0
    x = images @ reader.first.weight.T + reader.first.bias
    for block in reader.blocks:
        x = (skip * x + x @ block.f.weight.T + block.f.bias).tanh()
    by_hand = x @ reader.last.weight.T + reader.last.bias
    assert_close(reader(images), by_hand)
    weights = list(reader.parameters())
    ours = torch.autograd.grad(reader(images).square().sum(), weights)
    theirs = torch.autograd.grad(by_hand.square().sum(), weights)
    for a, b in zip(ours, theirs, strict=True):
        assert_close(a, b)


def test_training_is_adam_on_batches_of_64_drawn_anew_in_each_step(float64):
    images = torch.rand(70, 64)
    labels = torch.randint(10, (70,))
    network = Reader("residual", depth=2, size=5)
    twin = copy.deepcopy(network)
    torch.manual_seed(5)
    train(network, images, labels, steps=4)
    torch.manual_seed(5)
    adam = torch.optim.Adam(twin.parameters(), lr=0.0001)
    for _ in range(4):
        rows = torch.randint(70, (64,))
        log_chances = twin(images[rows]).log_softmax(dim=1)
        adam.zero_grad()
        (-log_chances[torch.arange(64), labels[rows]].mean()).backward()
        adam.step()
    for ours, theirs in zip(network.parameters(), twin.parameters(), strict=True):
        assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


# Gradient


@pytest.mark.parametrize("make_block", [PlainBlock, ResidualBlock])
def test_the_gradient_of_both_blocks_is_right(make_block, float64):
    x = torch.randn(2, 5, requires_grad=True)
    assert gradcheck(make_block(5), x)


def test_the_gradient_of_the_reader_is_right(float64):
    images = torch.rand(2, 64, requires_grad=True)
    assert gradcheck(Reader("residual", depth=3, size=5), images)


# Invariance


@every_stack
def test_the_gradient_is_the_same_for_every_input(name, float64):
    blocks = make_blocks(name, depth=3, size=5)
    one = gradient_by_depth(blocks, torch.randn(1, 5))
    other = gradient_by_depth(blocks, 10 * torch.randn(1, 5))
    assert_close(one, other)


@every_stack
def test_at_the_output_the_gradient_is_the_unit(name):
    found = gradient_by_depth(make_blocks(name, depth=3, size=5), torch.randn(1, 5))
    assert found.shape == (4,) and found[-1] == 1


def test_a_silent_f_passes_input_and_gradient_unchanged(float64):
    blocks = make_blocks("residual", depth=10, size=5)
    for parameter in blocks.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(4, 5)
    assert_close(blocks(x), x)
    assert_close(gradient_by_depth(blocks, x), torch.ones(11))


def test_measuring_leaves_the_stack_as_it_was():
    blocks = seeded("plain", depth=3, size=5)
    gradient_by_depth(blocks, torch.randn(1, 5))
    same = seeded("plain", depth=3, size=5)
    for one, other in zip(blocks.parameters(), same.parameters(), strict=True):
        assert one.equal(other) and one.dtype == torch.float32
        assert one.grad is None


def test_the_measurement_reaches_further_than_32_bits():
    blocks = make_blocks("plain", depth=120, size=64)
    left = gradient_by_depth(blocks, torch.randn(1, 64))[0]
    assert left.dtype == torch.float64 and 1e-32 < left < 1e-26  # the law says 2e-29
    blocks.zero_grad()
    x = torch.randn(1, 64, requires_grad=True)
    blocks(x).sum().backward()
    assert x.grad.norm() == 0


@every_stack
def test_what_comes_out_of_fifty_plain_blocks_hardly_depends_on_the_image(name):
    torch.manual_seed(0)
    reader = Reader(name, depth=50, size=64)
    seen = []
    reader.last.register_forward_hook(lambda layer, given, out: seen.extend(given))
    reader(torch.rand(20, 64))
    spread = seen[0].std(dim=0).max()
    assert spread < 1e-6 if name == "plain" else spread > 0.01


# The digits


def test_the_digits_are_those_of_scikit_learn_each_once_and_with_its_label():
    """Were images and labels mixed in the same way?"""
    images, labels, unseen, answers = load_small_digits()
    assert (images.shape, unseen.shape) == ((1437, 64), (360, 64))
    assert images.dtype == unseen.dtype == torch.float32
    ours = torch.cat([images, unseen]).mul(16).int().tolist()
    known = datasets.load_digits()
    pairs = zip(ours, torch.cat([labels, answers]).tolist(), strict=True)
    expected = zip(known.data.astype(int).tolist(), known.target.tolist(), strict=True)
    assert sorted(pairs) == sorted(expected)


def test_the_digits_are_mixed_in_the_same_way_whatever_the_seed():
    known = torch.tensor(datasets.load_digits().target)
    torch.manual_seed(1)
    one = load_small_digits()
    torch.manual_seed(2)
    other = load_small_digits()
    for a, b in zip(one, other, strict=True):
        assert a.equal(b)
    assert (one[1] == known[:1437]).float().mean() < 0.2
    assert one[3].bincount(minlength=10).min() > 20  # all ten are tested


# Training and exam


def test_watch_hears_every_step_and_its_loss_before_the_weights_change():
    images, labels = one_glance(64)
    images[:] = images[0]  # all alike: every batch has nearly the same loss
    labels[:] = 3
    network = Reader("residual", depth=1, size=64)
    start = F.cross_entropy(network(images), labels).item()
    heard = []

    def watch(step, loss):
        heard.append((step, loss))

    train(network, images, labels, 3, watch)
    assert [step for step, _ in heard] == [0, 1, 2]
    assert heard[0][1] == pytest.approx(start, rel=1e-5)
    assert heard[0][1] > heard[1][1] > heard[2][1]


def test_a_training_prints_five_losses(capsys):
    for step in range(200):
        print_loss(step, 2.345)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "    step    0: loss 2.35"
    assert [line[9:13] for line in lines] == ["   0", "  40", "  80", " 120", " 160"]


def test_accuracy_is_the_share_of_images_that_are_named_correctly():
    scores = torch.eye(10)[torch.arange(37) % 10]
    labels = torch.arange(37) % 10
    assert accuracy(nn.Identity(), scores, labels) == 1
    labels[:10] = (labels[:10] + 1) % 10  # ten wrong labels
    assert accuracy(nn.Identity(), scores, labels) == pytest.approx(27 / 37)


def test_it_learns_either_or_which_no_network_without_bends_can():
    """Is there a bend left in the network?"""
    either = torch.randint(2, (1797, 2))
    images = F.pad(16.0 * either - 8, (0, 62))
    labels = either.sum(dim=1) % 2
    network = Reader("residual", depth=1, size=64)
    train(network, images, labels, steps=600)
    assert accuracy(network, images, labels) > 0.9


@pytest.mark.parametrize("right, expected", [(True, 1), (False, 0)])
def test_learning_is_judged_on_digits_it_never_saw(monkeypatch, right, expected):
    """Is a digit that is tested one that was learned from?"""
    images, labels = one_glance(200)
    unseen, answers = one_glance(50)
    if not right:
        answers = 1 - answers  # who has learned from them answers some rightly

    def load():
        return images, labels, unseen, answers

    monkeypatch.setattr(compare_blocks, "load_small_digits", load)
    _, _, read = compare(depth=1, size=64, steps=300, seed=0)
    assert read == dict.fromkeys(STACKS, expected)


# The experiment


class Heard:
    """What compare hands on to train and to accuracy, stack by stack."""

    def __init__(self, monkeypatch):
        self.trained = []
        self.starts = []
        self.drawn = []
        self.examined = []
        monkeypatch.setattr(compare_blocks, "train", self.train)
        monkeypatch.setattr(compare_blocks, "accuracy", self.accuracy)

    def train(self, network, images, labels, steps, watch):
        self.trained.append((network, images, labels, steps, watch))
        self.starts.append(copy.deepcopy(network))
        self.drawn.append(torch.randint(1000, (9,)))
        nn.init.zeros_(network.last.weight)  # a trace of the training

    def accuracy(self, network, images, labels):
        self.examined.append((network, images, labels))
        assert not network.last.weight.any(), "it is examined after its training"
        return len(self.examined) / 10


@pytest.fixture
def heard(monkeypatch):
    return Heard(monkeypatch)


def test_all_four_train_on_the_first_digits_and_are_tested_on_the_others(heard):
    images, labels, unseen, answers = load_small_digits()
    _, _, read = compare(depth=3, size=5, steps=17, seed=4)
    assert list(read.items()) == [
        ("plain", 0.1),
        ("residual", 0.2),
        ("plain_orthogonal", 0.3),
        ("residual_small", 0.4),
    ]
    for trained, examined in zip(heard.trained, heard.examined, strict=True):
        network, its_images, its_labels, steps, watch = trained
        assert its_images.equal(images) and its_labels.equal(labels)
        assert (steps, watch) == (17, print_loss)
        assert examined[0] is network
        assert examined[1].equal(unseen) and examined[2].equal(answers)


def test_all_four_read_the_same_digits_in_each_step_another_seed_has_others(heard):
    compare(depth=1, size=5, steps=1, seed=4)
    for drawn in heard.drawn:
        assert drawn.equal(heard.drawn[0])
    compare(depth=1, size=5, steps=1, seed=5)
    assert not heard.drawn[4].equal(heard.drawn[0])


def test_all_four_start_from_the_same_weights_another_seed_has_others(heard):
    """Were the weights drawn anew from the same seed for each stack?"""
    compare(depth=4, size=5, steps=1, seed=3)
    plain, residual, orthogonal, small = heard.starts
    for network in heard.starts:
        assert len(network.blocks) == 4
        for layer in ("first", "last"):
            ours = getattr(network, layer)
            assert ours.weight.equal(getattr(plain, layer).weight)
            assert ours.bias.equal(getattr(plain, layer).bias)
    for one, other in zip(plain.blocks, residual.blocks, strict=True):
        assert one.f.weight.equal(other.f.weight)
    for one, other in zip(plain.blocks, small.blocks, strict=True):
        assert_close(other.f.weight, one.f.weight / 2)
    for block in orthogonal.blocks:
        assert_close(block.f.weight @ block.f.weight.T, torch.eye(5))
    assert type(plain.blocks[0]) is type(orthogonal.blocks[0]) is PlainBlock
    assert type(residual.blocks[0]) is type(small.blocks[0]) is ResidualBlock
    compare(depth=4, size=5, steps=1, seed=4)
    assert not heard.starts[4].first.weight.equal(plain.first.weight)


def test_measured_and_predicted_is_the_stack_that_is_then_trained(heard):
    measured, predicted, _ = compare(depth=3, size=5, steps=1, seed=4)
    assert [*measured] == [*predicted] == STACKS
    for name, network in zip(STACKS, heard.starts, strict=True):
        again = gradient_by_depth(network.blocks, torch.zeros(1, 5))
        assert_close(measured[name], again)
        assert predicted[name].equal(predicted_by_depth(name, 3))


def test_what_is_printed_says_which_stack_learns(heard, capsys):
    compare(depth=1, size=5, steps=1, seed=4)
    assert capsys.readouterr().out.split("\n\n") == [
        "\nplain blocks learn to read:",
        "residual blocks learn to read:",
        "plain orthogonal blocks learn to read:",
        "residual small blocks learn to read:\n",
    ]


# The verdict


def numbers_of(plain, residual, orthogonal, small) -> dict[str, float]:
    return dict(zip(STACKS, (plain, residual, orthogonal, small), strict=True))


LAW = numbers_of(1e-12, 1000.0, 1.0, 1.2)
READ = numbers_of(0.1, 0.9, 0.9, 0.9)


def test_the_claim_holds_if_all_of_its_parts_do():
    assert claim_holds(LAW, LAW, READ) is True


@every_stack
@pytest.mark.parametrize(
    "factor, holds",
    [(0.101, True), (0.099, False), (9.9, True), (10.1, False), (0.0, False)],
)
def test_the_claim_fails_if_one_gradient_is_not_as_long_as_predicted(
    name, factor, holds
):
    left = LAW | {name: LAW[name] * factor}
    assert claim_holds(left, LAW, READ) is holds


@pytest.mark.parametrize(
    "name, share, holds",
    [
        ("plain", 0.0, True),
        ("plain", 0.199, True),
        ("plain", 0.2, False),
        ("residual", 0.601, True),
        ("residual", 0.6, False),
        ("plain_orthogonal", 0.601, True),
        ("plain_orthogonal", 0.6, False),
        ("residual_small", 0.601, True),
        ("residual_small", 0.6, False),
    ],
)
def test_the_claim_fails_if_one_stack_reads_too_much_or_too_little(name, share, holds):
    assert claim_holds(LAW, LAW, READ | {name: share}) is holds


# What main does


def lengths(at_the_input: float) -> Tensor:
    return torch.tensor([at_the_input, 7.0, 1.0], dtype=torch.float64)


@pytest.fixture
def run(monkeypatch):
    """Main, with these results of compare; what it asked for, and what it drew."""
    found = {}

    def main_with(left, law, read, **options):
        def compare(*asked):
            found["asked"] = asked
            return measured, predicted, read

        def draw(*shown):
            found["shown"] = shown
            return figure(*shown)

        measured = {name: lengths(left[name]) for name in STACKS}
        predicted = {name: lengths(law[name]) for name in STACKS}
        found["made"] = (measured, predicted, read)
        monkeypatch.setattr(compare_blocks, "compare", compare)
        monkeypatch.setattr(compare_blocks, "figure", draw)
        found["numbers"] = main(**options)
        return found

    return main_with


LEFT = numbers_of(2e-12, 900.0, 1.0, 1.3)
SHARES = numbers_of(0.1, 0.7, 0.8, 0.9)


def test_main_hands_its_options_on_and_what_it_finds(run, tmp_path):
    found = run(LEFT, LAW, SHARES, depth=2, size=3, steps=4, seed=5)
    assert found["asked"] == (2, 3, 4, 5)
    assert found["shown"] == found["made"]
    assert (tmp_path / "figures" / "compare_blocks.png").stat().st_size > 10_000
    assert run(LEFT, LAW, SHARES)["asked"] == (50, 64, 200, 0)


def test_main_returns_what_comes_back_to_the_input_and_what_is_read(run):
    assert run(LEFT, LAW, SHARES)["numbers"] == {
        "left_plain": 2e-12,
        "left_residual": 900,
        "left_plain_orthogonal": 1,
        "left_residual_small": 1.3,
        "read_plain": 0.1,
        "read_residual": 0.7,
        "read_plain_orthogonal": 0.8,
        "read_residual_small": 0.9,
        "holds": 1,
    }


def test_main_asks_for_the_verdict_with_these_numbers(run, capsys):
    run(LEFT, LAW, SHARES)
    assert capsys.readouterr().out.endswith("\nIn this run the claim holds.\n")
    for wrong in (
        (LEFT | {"plain": 2e-10}, LAW, SHARES),
        (LEFT, LAW | {"plain": 2e-10}, SHARES),
        (LEFT, LAW, SHARES | {"plain": 0.21}),
    ):
        assert run(*wrong)["numbers"]["holds"] == 0
        printed = capsys.readouterr().out
        assert printed.endswith("\nIn this run the claim does NOT hold.\n")


def test_the_table_has_a_row_for_each_stack(run, capsys):
    expected = """
How much of the gradient comes back to the input, and what is learned:
                  measured  predicted  digits read
plain              2.0e-12    1.0e-12        10.0%
residual           9.0e+02    1.0e+03        70.0%
plain orthogonal   1.0e+00    1.0e+00        80.0%
residual small     1.3e+00    1.2e+00        90.0%

"""
    print_table(LEFT, LAW, SHARES)
    assert capsys.readouterr().out == expected
    run(LEFT, LAW, SHARES)
    assert expected in capsys.readouterr().out


def test_main_prints_both_examples_first(run, capsys):
    run(LEFT, LAW, SHARES)
    printed = capsys.readouterr().out
    order = [
        compare_blocks.ASK,
        "The slope of three blocks",
        "Plain Network:",
        "How much",
    ]
    places = [printed.index(words) for words in order]
    assert places == sorted(places) and places[0] == 0


@pytest.mark.parametrize("name", ["depth", "size", "steps"])
def test_one_is_the_least_that_an_option_takes(run, name):
    run(LEFT, LAW, SHARES, **{name: 1})
    with pytest.raises(SystemExit, match=f"^--{name} must be at least 1, got 0$"):
        run(LEFT, LAW, SHARES, **{name: 0})


@pytest.mark.parametrize("name", ["depth", "size"])
def test_a_thousand_is_the_most_that_fits_into_memory_and_patience(run, name):
    run(LEFT, LAW, SHARES, **{name: 1000})
    with pytest.raises(SystemExit, match=f"^--{name} must be at most 1000, got 1001$"):
        run(LEFT, LAW, SHARES, **{name: 1001})


# The picture


@pytest.fixture
def drawn():
    """The figure of numbers that are all different, at depth 20."""
    measured = {}
    predicted = {}
    for number, name in enumerate(STACKS):
        measured[name] = torch.logspace(number - 12, 0, 21, dtype=torch.float64)
        predicted[name] = torch.logspace(number - 11.5, 0, 21, dtype=torch.float64)
    fig = figure(measured, predicted, SHARES)
    fig.canvas.draw()
    return fig, measured, predicted


NAMES = ["plain", "residual", "plain orthogonal", "residual small"]


def test_the_lines_are_the_gradients_of_the_stacks_they_name(drawn):
    fig, measured, predicted = drawn
    lines = fig.axes[0].lines
    assert len(lines) == 9
    for number, name in enumerate(STACKS):
        ours, law = lines[2 * number : 2 * number + 2]
        assert ours.get_label() == NAMES[number]
        assert ours.get_xdata().tolist() == list(range(21))
        assert ours.get_ydata().tolist() == measured[name].tolist()
        assert ours.get_linestyle() == "-" and ours.get_markevery() == 2
        assert law.get_xdata().tolist() == list(range(21))
        assert law.get_ydata().tolist() == predicted[name].tolist()
        assert law.get_linestyle() == "--" and law.get_color() == "black"
    assert lines[8].get_label() == "predicted" and not len(lines[8].get_xdata())
    assert (lines[8].get_linestyle(), lines[8].get_color()) == ("--", "black")
    legend = [text.get_text() for text in fig.axes[0].get_legend().get_texts()]
    assert legend == [*NAMES, "predicted"]


def test_without_colours_the_lines_differ_by_their_markers(drawn):
    lines = drawn[0].axes[0].lines
    assert [line.get_marker() for line in lines[:8:2]] == ["o", "v", "s", "x"]
    assert {line.get_fillstyle() for line in lines[:8:2]} == {"none"}
    assert {line.get_marker() for line in lines[1:8:2]} == {"None"}


@pytest.mark.parametrize("depth, every", [(1, 1), (9, 1), (20, 2), (50, 5)])
def test_a_line_has_some_ten_markers(depth, every):
    ones = dict.fromkeys(STACKS, torch.ones(depth + 1))
    fig = figure(ones, ones, SHARES)
    assert fig.axes[0].lines[0].get_markevery() == every


def test_the_left_axes_say_what_they_show(drawn):
    axes = drawn[0].axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "log")
    assert axes.get_xlabel() == "after block (0: at the input)"
    assert axes.get_ylabel() == "length of the gradient (at the output: 1)"
    written = axes.yaxis.get_major_formatter()
    assert written(1e-12) == "1e\N{MINUS SIGN}12" and written(100) == "100"


def test_the_bars_are_what_the_stacks_read_that_they_name(drawn):
    fig, _, _ = drawn
    bars = fig.axes[1]
    assert [label.get_text() for label in bars.get_yticklabels()] == NAMES
    assert [bar.get_width() for bar in bars.patches] == [0.1, 0.7, 0.8, 0.9]
    heights = [bar.get_y() + bar.get_height() / 2 for bar in bars.patches]
    assert heights == pytest.approx([0, 1, 2, 3])
    assert [text.get_text() for text in bars.texts] == ["10%", "70%", "80%", "90%"]
    assert [text.xy[1] for text in bars.texts] == pytest.approx([0, 1, 2, 3])
    assert bars.yaxis_inverted()  # the first name on top
    assert bars.get_xlabel() == "unseen digits read\n(guessing: 10%)"
    shown = {tick.get_position()[0]: tick.get_text() for tick in bars.get_xticklabels()}
    assert shown == {0: "0%", 0.5: "50%", 1: "100%"}
    assert bars.get_xlim()[0] == 0 and bars.get_xlim()[1] > 1
    spines = {side: spine.get_visible() for side, spine in bars.spines.items()}
    assert spines == {"left": True, "bottom": True, "top": False, "right": False}


def test_a_bar_has_the_colour_of_its_line(drawn):
    lines, bars = drawn[0].axes
    colours = [to_rgba(line.get_color()) for line in lines.lines[:8:2]]
    assert colours == [bar.get_facecolor() for bar in bars.patches]
    assert len(set(colours)) == 4


def test_the_title_says_what_this_run_found(drawn):
    fig, measured, predicted = drawn
    assert fig.get_suptitle() == (
        "A plain stack of depth 20 lets 1e-12 of the gradient through.\n"
        "With a tanh after each block, it reads 10% of the unseen digits"
    )
    measured["plain"] = torch.tensor([0.0423, 0.3, 1.0])
    other = figure(measured, predicted, SHARES | {"plain": 0.314})
    assert other.get_suptitle() == (
        "A plain stack of depth 2 lets 0.04 of the gradient through.\n"
        "With a tanh after each block, it reads 31% of the unseen digits"
    )


def test_the_figure_stays_open_and_is_not_drawn_twice():
    ones = dict.fromkeys(STACKS, torch.ones(3))
    plt.close("all")
    fig = figure(ones, ones, SHARES)
    assert plt.get_fignums() == [fig.number]


# The claim


def check_claim(numbers: dict[str, float], depth: int) -> bool:
    left = {name: numbers[f"left_{name}"] for name in STACKS}
    read = {name: numbers[f"read_{name}"] for name in STACKS}
    law = {name: predicted_by_depth(name, depth)[0].item() for name in STACKS}
    return claim_holds(left, law, read)


def test_claim_fifty_plain_blocks_guess_where_the_others_learn():
    numbers = full(compare_blocks).numbers
    assert numbers["holds"] and check_claim(numbers, depth=50)
    assert numbers["left_plain_orthogonal"] == pytest.approx(1)


@pytest.mark.slow
def test_claim_it_holds_for_another_seed():
    numbers = full(compare_blocks, seed=1).numbers
    assert numbers["holds"] and check_claim(numbers, depth=50)


def test_claim_it_fails_for_five_plain_blocks_which_learn_too():
    numbers = full(compare_blocks, depth=5).numbers
    assert not numbers["holds"] and not check_claim(numbers, depth=5)
    assert numbers["read_plain"] > 0.2
    guessing = numbers | {"read_plain": 0.1}
    assert check_claim(guessing, depth=5)  # all else holds


@pytest.mark.parametrize("seed", range(5))
@every_stack
def test_claim_the_law_predicts_what_comes_back_through_fifty_blocks(name, seed):
    blocks = seeded(name, depth=50, size=64, seed=seed)
    left = gradient_by_depth(blocks, torch.zeros(1, 64))[0]
    law = predicted_by_depth(name, depth=50)[0]
    assert law / 10 < left < law * 10


@pytest.mark.slow
@pytest.mark.parametrize("rate", [1e-5, 1e-4, 1e-3, 1e-2])
def test_a_fair_try_for_plain_five_times_the_steps_and_other_rates_do_not_help(
    rate, monkeypatch
):
    adam = torch.optim.Adam

    def with_this_rate(weights, lr):
        assert lr == 1e-4
        return adam(weights, lr=rate)

    monkeypatch.setattr(torch.optim, "Adam", with_this_rate)
    images, labels, unseen, answers = load_small_digits()
    torch.manual_seed(0)
    network = Reader("plain", depth=50, size=64)
    train(network, images, labels, steps=1000)
    assert accuracy(network, unseen, answers) < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_the_first_blocks_move_if_adam_adds_next_to_nothing_and_that_is_not_enough(
    seed, monkeypatch
):
    adam = torch.optim.Adam
    images, labels, unseen, answers = load_small_digits()
    moved = []
    for eps in (1e-8, 1e-30):  # the first is what PyTorch takes
        monkeypatch.setattr(torch.optim, "Adam", functools.partial(adam, eps=eps))
        torch.manual_seed(seed)
        network = Reader("plain", depth=50, size=64)
        before = network.blocks[0].f.weight.detach().clone()
        train(network, images, labels, steps=200)
        change = network.blocks[0].f.weight.detach() - before
        moved.append(change.abs().mean().item())
        assert accuracy(network, unseen, answers) < 0.3
    assert moved[0] < 1e-7 and moved[1] > 1e-3
