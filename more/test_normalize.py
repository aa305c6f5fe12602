"""What normalize.py claims, as tests."""

import copy
import math
from statistics import mean, pstdev

import matplotlib.pyplot as plt
import pytest
import torch
import torch.nn.functional as F
from sklearn import datasets
from torch import Tensor, nn
from torch.autograd import gradcheck
from torch.testing import assert_close

import normalize as lesson
from normalize import (
    BATCH,
    COMPANY,
    EPSILON,
    HUGE,
    KEPT,
    LOOKS,
    NORMS,
    RATES,
    SIZE,
    TABLE,
    BatchNorm,
    LayerNorm,
    Reader,
    accuracy,
    ask,
    claim_holds,
    deal,
    down_or_along,
    enlarge,
    figure,
    figure_company,
    in_company,
    learn,
    length,
    main,
    make_norm,
    moved,
    normalize,
    print_loss,
    running_statistics,
    scores_and_gradient,
    train,
    who_notices,
    with_a_pencil,
    working,
)
from tools.contract import ModelContract
from tools.store import full


def some(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images that anyone can tell apart: class k has a bright pixel number k."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 10
    images = 0.1 * torch.rand(count, SIZE, generator=draw)
    images[torch.arange(count), labels] += 1
    return images, labels


def twins(ours: nn.Module, theirs: nn.Module) -> None:
    """Give both norms the same gamma and beta, and no special ones."""
    with torch.no_grad():
        ours.gamma.copy_(torch.linspace(-2, 3, len(ours.gamma)))
        ours.beta.copy_(torch.linspace(1, -1, len(ours.beta)))
        theirs.weight.copy_(ours.gamma)
        theirs.bias.copy_(ours.beta)


class Knowing(nn.Module):
    """Looks at the bright pixel."""

    def forward(self, x):
        return x[:, :10]


class TestReaderWithLayerNorm(ModelContract):
    output = (10,)

    def make(self):
        return Reader("layer")

    def inputs(self, batch):
        return torch.rand(batch, SIZE)


class TestReaderWithBatchNorm(TestReaderWithLayerNorm):
    """In use, where a batch may be a single image."""

    def make(self):
        return Reader("batch").eval()


class TestLayerNorm(ModelContract):
    output = (5,)

    def make(self):
        return LayerNorm(5)

    def inputs(self, batch):
        return torch.rand(batch, 5)


class TestBatchNorm(TestLayerNorm):
    def make(self):
        return BatchNorm(5).eval()


# With a pencil


def test_0_6_6_8_have_the_mean_5_and_the_standard_deviation_3():
    """What is subtracted, and by what is the rest divided?"""
    found = normalize([0.0, 6.0, 6.0, 8.0])
    assert found == pytest.approx([-5 / 3, 1 / 3, 1 / 3, 1], rel=1e-6)
    numbers = [1.5, -2.0, 0.25, 7.0, 1.0]
    found = normalize(numbers)
    assert mean(found) == pytest.approx(0, abs=1e-12)
    assert pstdev(found) == pytest.approx(1, rel=1e-5)


def test_equal_numbers_become_0_and_epsilon_stands_under_the_root():
    """Where is epsilon added: before the root is taken, or after it?"""
    assert normalize([7.0, 7.0, 7.0]) == [0, 0, 0]
    small = 1e-3  # its variance, a millionth, is less than epsilon
    expected = small / math.sqrt(small**2 + EPSILON)
    assert normalize([small, -small]) == pytest.approx([expected, -expected])


def test_what_is_printed_with_a_pencil_is_equal_on_both_sides(capsys):
    with_a_pencil()
    down_or_along()
    running_statistics()
    lines = capsys.readouterr().out.splitlines()
    for line in (1, 2, 4, 5):
        numbers = lines[line].split()[-4:]
        assert numbers == ["-1.67", "0.33", "0.33", "1.00"]
    assert "0.0, 6.0, 6.0, 8.0" in lines[0] and "600.0" in lines[3]
    assert "by hand" in lines[1] and "nn.BatchNorm1d" in lines[2]
    assert lines.count("PyTorch's batch norm says the same: True") == 1
    assert lines.count("PyTorch's layer norm says the same: True") == 1
    for row, line in zip(TABLE, lines[8:12], strict=True):
        numbers = [float(word) for word in line.split()]
        down = normalize([0.0, 6.0, 6.0, 8.0])[lines.index(line, 8) - 8]
        if row == TABLE[2]:
            down = 1 / 3
        expected = row + [down] * 3 + normalize(row)
        assert numbers == pytest.approx(expected, abs=0.006)
    after = [line.split() for line in lines if line.startswith("    after")]
    assert [words[1] for words in after] == ["1", "2", "50"]
    for words in after:
        assert words[3:5] == words[5:7]
    assert after[0][3:5] == ["0.50", "2.10"]


def test_a_running_number_moves_by_a_tenth_of_the_way():
    assert moved(0.0, 5.0) == pytest.approx(0.5)
    assert moved(1.0, 12.0) == pytest.approx(2.1)
    assert moved(3.0, 3.0) == pytest.approx(3)


# Batch norm and layer norm are those of PyTorch


def test_batch_norm_and_its_gradients_are_those_of_pytorch(float64):
    """Does the gradient go through mean and variance, too?"""
    ours, theirs = BatchNorm(5), nn.BatchNorm1d(5)
    twins(ours, theirs)
    x = (3 * torch.randn(7, 5) + torch.arange(5)).requires_grad_()
    same = x.detach().clone().requires_grad_()
    ask_about = torch.randn(7, 5)
    (ours(x) * ask_about).sum().backward()
    (theirs(same) * ask_about).sum().backward()
    assert_close(ours(x), theirs(same))
    assert_close(x.grad, same.grad)
    assert_close(ours.gamma.grad, theirs.weight.grad)
    assert_close(ours.beta.grad, theirs.bias.grad)


def test_the_variance_of_the_batch_is_divided_by_all_of_its_images(float64):
    """By how much is the sum of the squares divided, when a batch is normalized?"""
    column = torch.tensor([[0.0], [6.0], [6.0], [8.0]])
    expected = torch.tensor(normalize(column.flatten().tolist()))
    assert_close(BatchNorm(1)(column).flatten(), expected)
    two = BatchNorm(1)(torch.tensor([[10.0], [30.0]])).flatten()
    assert_close(two, torch.tensor([-1.0, 1.0]), atol=1e-6, rtol=0)


def test_running_statistics_are_those_of_pytorch(float64):
    """By how much is the sum of the squares divided, for what is remembered?"""
    ours, theirs = BatchNorm(5), nn.BatchNorm1d(5)
    twins(ours, theirs)
    assert ours.running_mean.tolist() == [0] * 5
    assert ours.running_variance.tolist() == [1] * 5
    for _ in range(6):
        x = 3 * torch.randn(4, 5) + 2
        ours(x)
        theirs(x)
    assert_close(ours.running_mean, theirs.running_mean)
    assert_close(ours.running_variance, theirs.running_var)
    x = torch.randn(3, 5)
    ours.eval()
    theirs.eval()
    before = ours.running_mean.clone()
    assert_close(ours(x), theirs(x))
    assert ours.running_mean.equal(before)  # in use nothing is remembered


def test_epsilon_stands_under_the_root_of_both_norms(float64):
    """Where is epsilon added: before the root is taken, or after it?"""
    x = 1e-3 * torch.randn(6, 5)
    assert_close(BatchNorm(5)(x), nn.BatchNorm1d(5, eps=EPSILON)(x))
    assert_close(LayerNorm(5)(x), nn.LayerNorm(5, eps=EPSILON)(x))
    assert_close(BatchNorm(5).eval()(x), nn.BatchNorm1d(5).eval()(x))


def test_layer_norm_and_its_gradients_are_those_of_pytorch(float64):
    """Whose mean is subtracted: that of the row, or that of the column?"""
    ours, theirs = LayerNorm(5), nn.LayerNorm(5)
    twins(ours, theirs)
    x = (3 * torch.randn(7, 5) + torch.arange(5)).requires_grad_()
    same = x.detach().clone().requires_grad_()
    ask_about = torch.randn(7, 5)
    (ours(x) * ask_about).sum().backward()
    (theirs(same) * ask_about).sum().backward()
    assert_close(ours(x), theirs(same))
    assert_close(x.grad, same.grad)
    assert_close(ours.gamma.grad, theirs.weight.grad)
    assert_close(ours.beta.grad, theirs.bias.grad)
    assert_close(ours.eval()(x), theirs(same))


@pytest.mark.parametrize("norm", [BatchNorm, LayerNorm])
def test_the_gradient_of_a_norm_is_right(norm, float64):
    x = torch.randn(4, 3, requires_grad=True)
    assert gradcheck(norm(3), x)


def test_running_statistics_are_saved_with_the_network_and_are_not_learned():
    """Would they be there again, if the network were saved and loaded?"""
    names = set(BatchNorm(3).state_dict())
    assert names == {"gamma", "beta", "running_mean", "running_variance"}
    assert [name for name, _ in BatchNorm(3).named_parameters()] == ["gamma", "beta"]
    network = Reader("batch")
    train(network, some(100), steps=3, rate=0.1, others=0.1)
    twin = Reader("batch")
    twin.load_state_dict(network.state_dict())
    images, _ = some(7, seed=1)
    assert network.eval()(images).equal(twin.eval()(images))


def test_what_is_remembered_keeps_no_graph():
    """What does each batch leave behind in the memory, beside two numbers a column?"""
    norm = BatchNorm(3)
    x = torch.randn(4, 3, requires_grad=True)
    norm(x)
    for statistic in (norm.running_mean, norm.running_variance):
        assert not statistic.requires_grad


def test_a_batch_of_one_image_is_refused_in_training_as_by_pytorch():
    for norm in (BatchNorm(3), nn.BatchNorm1d(3)):
        with pytest.raises(ValueError):
            norm(torch.rand(1, 3))
        norm.eval()(torch.rand(1, 3))
    with pytest.raises(ValueError, match="a batch of one image is its own mean"):
        BatchNorm(3)(torch.rand(1, 3))


# Theorems: who notices


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_without_epsilon_a_factor_is_lost_to_the_last_digit(norm, monkeypatch, float64):
    monkeypatch.setattr(lesson, "EPSILON", 0.0)
    network = Reader(norm)
    images, _ = some(30)
    scores = network(images)
    for times in (0.01, 7.0, 100.0):
        assert_close(enlarge(network, times)(images), scores, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_the_gradient_is_divided_by_the_factor(norm, monkeypatch, float64):
    monkeypatch.setattr(lesson, "EPSILON", 0.0)
    digits = some(30)
    network = Reader(norm)
    _, gradient = scores_and_gradient(network, digits)
    _, smaller = scores_and_gradient(enlarge(network, 100), digits)
    assert_close(100 * smaller, gradient, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_a_gradient_stands_at_a_right_angle_to_the_weights(norm, monkeypatch, float64):
    monkeypatch.setattr(lesson, "EPSILON", 0.0)
    network = Reader(norm)
    _, gradient = scores_and_gradient(network, some(30))
    weight = network.linears[0].weight
    assert (weight * gradient).sum().item() == pytest.approx(0, abs=1e-12)
    plain = Reader("none")
    _, gradient = scores_and_gradient(plain, some(30))
    assert abs((plain.linears[0].weight * gradient).sum().item()) > 1e-3


def test_what_is_added_in_front_of_batch_norm_makes_no_difference(float64):
    images, _ = some(30)
    for norm, same in (("batch", True), ("layer", False), ("none", False)):
        network = Reader(norm)
        before = network(images)
        with torch.no_grad():
            network.linears[0].bias += torch.randn(SIZE)
        assert torch.allclose(network(images), before) is same


def test_without_a_norm_three_layers_multiply_three_times(float64):
    """How many layers multiply by 100, and what becomes of their product?"""
    network = Reader("none")
    images, _ = some(30)
    larger = enlarge(network, 100)
    assert_close(larger(images), 1e6 * network(images))
    for ours, theirs in zip(larger.linears, network.linears, strict=True):
        assert_close(ours.weight, 100 * theirs.weight)
    assert larger.last.weight.equal(network.last.weight)
    with torch.no_grad():
        network.linears[1].bias += 1
    assert_close(enlarge(network, 3).linears[1].bias, torch.full((SIZE,), 3.0))


def test_in_use_batch_norm_notices_as_its_running_statistics_are_the_old_ones(float64):
    images, _ = some(30)
    network = Reader("batch")
    for _ in range(50):
        network(images)
    network.eval()
    larger = enlarge(network, 100)
    assert (larger(images) - network(images)).abs().max() > 1
    larger.train()
    for _ in range(200):  # it gets used to the large numbers
        larger(images)
    network.train()
    for _ in range(200):
        network(images)
    assert_close(larger.eval()(images), network.eval()(images), rtol=1e-2, atol=1e-3)


def test_layer_norm_answers_each_image_as_if_it_were_alone(float64):
    network = Reader("layer")
    images, _ = some(20)
    alone = torch.cat([network(image[None]) for image in images])
    assert_close(network(images), alone)


def test_batch_norm_does_not_see_the_order_of_a_batch_but_what_is_in_it(float64):
    network = Reader("batch")
    images, _ = some(20)
    order = torch.randperm(20)
    assert_close(network(images[order]), network(images)[order])
    others, _ = some(20, seed=1)
    others[0] = images[0]
    assert not torch.allclose(network(others)[0], network(images)[0])


def test_who_notices_measures_scores_and_gradients_of_the_same_new_network():
    """Do all three networks begin with the same weights?"""
    digits = some(50)
    for norm in NORMS:
        found = who_notices(norm, digits, seed=3)
        assert list(found) == [f"{norm}_times", f"{norm}_change", f"{norm}_gradient"]
        torch.manual_seed(3)
        network = Reader(norm)
        before, gradient = scores_and_gradient(network, digits)
        after, smaller = scores_and_gradient(enlarge(network, 100), digits)
        times = after.abs().max() / before.abs().max()
        change = (after - before).abs().max() / before.abs().max()
        assert found[f"{norm}_times"] == pytest.approx(times.item())
        assert found[f"{norm}_change"] == pytest.approx(change.item())
        ratio = smaller.square().sum().sqrt() / gradient.square().sum().sqrt()
        assert found[f"{norm}_gradient"] == pytest.approx(ratio.item(), rel=1e-4)


def test_scores_and_gradient_are_of_the_first_weights(float64):
    network = Reader("layer")
    images, labels = some(12)
    scores, gradient = scores_and_gradient(network, (images, labels))
    assert_close(scores, network(images))
    loss = -network(images).log_softmax(dim=-1)[torch.arange(12), labels].mean()
    (expected,) = torch.autograd.grad(loss, network.linears[0].weight)
    assert_close(gradient, expected)


# The network


@pytest.mark.parametrize("name", NORMS)
def test_the_network_is_linear_norm_relu_three_times_and_linear(name, float64):
    network = Reader(name)
    images = torch.rand(6, SIZE)
    built_in = {"none": nn.Identity(), "batch": nn.BatchNorm1d(SIZE)}
    built_in["layer"] = nn.LayerNorm(SIZE)
    x = images
    for linear in network.linears:
        sums = x @ linear.weight.T + linear.bias
        x = built_in[name](sums).relu()
    by_hand = x @ network.last.weight.T + network.last.bias
    assert_close(network(images), by_hand)
    weights = [linear.weight for linear in network.linears]
    ours = torch.autograd.grad(network(images).square().sum(), weights)
    theirs = torch.autograd.grad(by_hand.square().sum(), weights)
    for a, b in zip(ours, theirs, strict=True):
        assert_close(a, b)


def test_the_three_networks_differ_in_the_norm_alone():
    """Do all three networks begin with the same weights?"""
    starts = []
    for name in NORMS:
        torch.manual_seed(5)
        starts.append(Reader(name))
    for one in starts[1:]:
        for ours, theirs in zip(one.linears, starts[0].linears, strict=True):
            assert ours.weight.equal(theirs.weight)
        assert one.last.weight.equal(starts[0].last.weight)
    sizes = [sum(p.numel() for p in one.parameters()) for one in starts]
    assert sizes == [13_130, 13_130 + 3 * 128, 13_130 + 3 * 128]
    kinds = [type(make_norm(name)) for name in ("none", "batch", "layer")]
    assert kinds == [nn.Identity, BatchNorm, LayerNorm]


def test_the_start_keeps_the_numbers_in_range_and_has_no_biases():
    network = Reader("none")
    for linear in network.linears:
        wanted = math.sqrt(2 / SIZE)
        assert linear.weight.std().item() == pytest.approx(wanted, rel=0.1)
        assert not linear.bias.any()
    assert not network.last.bias.any()
    images = torch.rand(200, SIZE)
    sizes = []
    x = images
    for linear in network.linears:
        x = F.relu(linear(x))
        sizes.append(x.square().mean().item())
    assert max(sizes) < 4 * min(sizes)


# The digits


def test_training_and_test_share_no_digit_and_lose_none():
    """Is a digit that is tested one that was learned from?"""
    parts = deal(seed=3)
    assert [len(images) for images, _ in parts] == [1197, 600]
    digits = datasets.load_digits()
    rows = torch.cat([images for images, _ in parts])
    labels = torch.cat([labels for _, labels in parts])
    together = torch.cat([rows, labels[:, None].float()], dim=1)
    known = torch.tensor(digits.data / 16).float()
    known = torch.cat([known, torch.tensor(digits.target)[:, None].float()], dim=1)
    assert sorted(together.tolist()) == sorted(known.tolist())
    assert rows.unique(dim=0).shape[0] == len(rows)  # no digit stands there twice
    assert not parts[0][0].equal(deal(seed=4)[0][0])
    assert parts[0][0].equal(deal(seed=3)[0][0])


# Training


@pytest.mark.parametrize("name", NORMS)
def test_training_is_plain_gradient_descent_with_two_learning_rates(name, float64):
    """Which step of training is missing, and which rate is whose?"""
    images, labels = some(230)
    images = images.double()
    network = Reader(name)
    twin = copy.deepcopy(network)
    torch.manual_seed(7)
    train(network, (images, labels), steps=4, rate=0.3, others=0.02)
    torch.manual_seed(7)
    order = torch.randperm(230).repeat(3)
    hidden = {id(p) for p in twin.linears.parameters()}
    for step in range(4):
        rows = order[step * BATCH : (step + 1) * BATCH]
        log_chances = twin(images[rows]).log_softmax(dim=-1)
        twin.zero_grad()
        (-log_chances[torch.arange(BATCH), labels[rows]].mean()).backward()
        with torch.no_grad():
            for parameter in twin.parameters():
                rate = 0.3 if id(parameter) in hidden else 0.02
                parameter -= rate * parameter.grad
    for ours, theirs in zip(network.parameters(), twin.parameters(), strict=True):
        assert_close(ours, theirs)
    for ours, theirs in zip(network.buffers(), twin.buffers(), strict=True):
        assert_close(ours, theirs)


def test_training_begins_in_training_even_after_a_test():
    """Does batch norm still learn its running statistics after a test?"""
    network = Reader("batch").eval()
    before = network.norms[0].running_mean.clone()
    train(network, some(100), steps=1, rate=0.1, others=0.1)
    assert not network.norms[0].running_mean.equal(before)


def test_watch_hears_every_step_and_its_loss_before_the_weights_change():
    images, labels = some(BATCH)
    network = Reader("layer")
    start = F.cross_entropy(network(images), labels).item()
    heard = []

    def watch(step, loss):
        heard.append((step, loss))

    train(network, (images, labels), 3, rate=0.1, others=0.1, watch=watch)
    assert [step for step, _ in heard] == [0, 1, 2]
    assert heard[0][1] == pytest.approx(start, rel=1e-5)
    assert heard[2][1] < start


def test_a_training_prints_four_losses(capsys):
    for step in range(240):
        print_loss(step, 2.3456)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[0] == "    step   0: loss 2.346"
    assert lines[-1].startswith("    step 180")


def test_accuracy_is_the_share_of_digits_that_get_their_label():
    images, labels = some(37)
    assert accuracy(Knowing(), (images, labels)) == 1
    labels[:10] = (labels[:10] + 1) % 10  # ten wrong labels
    assert accuracy(Knowing(), (images, labels)) == pytest.approx(27 / 37)


def test_a_test_asks_with_running_statistics_and_changes_nothing():
    """Does the network know that it is being tested?"""
    network = Reader("batch")
    digits = some(60)
    train(network, digits, steps=30, rate=0.1, others=0.1)
    state = copy.deepcopy(network.state_dict())
    right = accuracy(network, digits)
    for name, value in network.state_dict().items():
        assert value.equal(state[name]), name
    one_by_one = [
        accuracy(network, (digits[0][i : i + 1], digits[1][i : i + 1]))
        for i in range(60)
    ]
    assert right == pytest.approx(mean(one_by_one))


# The experiments


def test_all_trainings_have_the_same_start_and_the_same_batches(monkeypatch):
    """Do the runs differ in anything but norm and learning rate?"""
    calls = []

    def ear(network, digits, steps, rate, others, watch=None):
        start = [linear.weight.detach().clone() for linear in network.linears]
        calls.append((start, digits, steps, rate, others, watch, torch.rand(1).item()))

    monkeypatch.setattr(lesson, "train", ear)
    digits = some(10)
    for norm, rate, others in [("none", 1.0, 2.0), ("batch", 3.0, 4.0)]:
        network = learn(norm, rate, others, digits, 9, seed=4, watch=print_loss)
        assert type(network.norms[0]) is type(make_norm(norm))
    one, other = calls
    for a, b in zip(one[0], other[0], strict=True):
        assert a.equal(b)
    assert one[1] is other[1] is digits
    assert one[2:6] == (9, 1.0, 2.0, print_loss)
    assert other[2:6] == (9, 3.0, 4.0, print_loss)
    assert one[6] == other[6]  # what is drawn next is the same: the batches
    learn("none", 1.0, 2.0, digits, 9, seed=5)
    assert not calls[2][0][0].equal(one[0][0]) and calls[2][6] != one[6]


def test_a_learning_rate_works_if_more_than_90_percent_are_right():
    assert working([0.9, 0.901, 0.2, 0.95, 0.9, 0.1, 1.0]) == [0.03, 0.3, 10]
    assert working([0.5] * 7) == []


def test_the_length_of_the_weights_is_the_root_of_the_sum_of_squares():
    network = Reader("none")
    with torch.no_grad():
        for linear in network.linears:
            linear.weight.zero_()
            linear.bias.fill_(9.0)  # no weight
        network.linears[0].weight[1, 2] = 2.0
        network.linears[1].weight[5, 5] = -3.0
        network.linears[2].weight[0, 1] = 6.0
    assert length(network) == pytest.approx(7)
    assert length(enlarge(network, 10)) == pytest.approx(70)


def test_each_group_is_one_batch_and_the_network_stays_as_it_was():
    """What does batch norm do in training with all that it is asked?"""
    network = Reader("batch").eval()
    images, _ = some(24)
    state = copy.deepcopy(network.state_dict())
    groups = torch.randperm(24).split(4)
    answers = ask(network, images, groups)
    assert not network.training
    for name, value in network.state_dict().items():
        assert value.equal(state[name]), name
    expected = torch.full((24,), -1)
    twin = copy.deepcopy(network).train()
    for group in groups:
        scores = twin(images[group])
        for place, number in enumerate(group.tolist()):
            expected[number] = scores[place].argmax()
    assert answers.equal(expected)
    assert ask(network, images, groups[:1]).eq(-1).sum() == 20  # not asked


def test_company_is_mixed_in_hundreds_and_fours_and_at_last_of_one_kind(monkeypatch):
    """Who is in the batch together with a digit?"""
    heard = []

    def ear(network, images, groups):
        heard.append(groups)
        told = {0: labels, 1: wrong, 2: labels, 3: zeros}
        return told[len(heard) - 1]

    images, labels = some(600)
    wrong = labels.clone()
    wrong[:150] = (wrong[:150] + 1) % 10
    zeros = torch.zeros_like(labels)
    monkeypatch.setattr(lesson, "ask", ear)
    monkeypatch.setattr(lesson, "accuracy", lambda network, digits: 0.97)
    found = in_company(Knowing(), (images, labels), seed=1)
    expected = {"alone": 0.97, "four": 1, "changed": 0.25, "many": 1, "kind": 0.1}
    assert found == pytest.approx(expected)
    fours, others, many, kinds = heard
    for groups, size in ((fours, 4), (others, 4), (many, 100)):
        assert [len(group) for group in groups] == [size] * (600 // size)
        assert torch.cat(list(groups)).sort().values.equal(torch.arange(600))
        assert len(labels[groups[0]].unique()) > 1
    assert not fours[0].equal(others[0])
    assert torch.cat(list(kinds)).sort().values.equal(torch.arange(600))
    for digit, group in enumerate(kinds):
        assert (labels[group] == digit).all()
    torch.rand(9)
    heard.clear()
    in_company(Knowing(), (images, labels), seed=1)
    for now, before in zip(heard[0], fours, strict=True):
        assert now.equal(before)  # both networks have the same company


# Claim

HOLDS = {
    "none_times": 1_000_000.0,
    "batch_change": 0.00002,
    "layer_change": 0.00001,
    "batch_gradient": 0.01,
    "layer_gradient": 0.01,
    "batch_3": 0.97,
    "batch_huge": 0.97,
    "none_3": 0.1,
    "none_huge": 0.1,
    "batch_alone": 0.96,
    "batch_many": 0.95,
    "batch_four": 0.7,
    "batch_changed": 0.44,
    "batch_kind": 0.1,
    "layer_changed": 0.0,
    "layer_alone": 0.97,
    "layer_many": 0.97,
    "layer_four": 0.97,
    "layer_kind": 0.97,
}


@pytest.mark.parametrize(
    "holds, changed",
    [
        (True, {}),
        (True, {"batch_change": 0.00099}),
        (False, {"batch_change": 0.001}),
        (True, {"layer_change": 0.00099}),
        (False, {"layer_change": 0.001}),
        (True, {"none_times": 1_009_999.0}),
        (False, {"none_times": 1_010_001.0}),
        (True, {"none_times": 990_001.0}),
        (False, {"none_times": 989_999.0}),
        (True, {"batch_gradient": 0.01049}),
        (False, {"batch_gradient": 0.01051}),
        (True, {"batch_gradient": 0.00951}),
        (False, {"batch_gradient": 0.00949}),
        (True, {"layer_gradient": 0.01049}),
        (False, {"layer_gradient": 0.01051}),
        (False, {"layer_gradient": 0.00949}),
        (True, {"batch_3": 0.901}),
        (False, {"batch_3": 0.9}),
        (True, {"batch_huge": 0.901}),
        (False, {"batch_huge": 0.9}),
        (True, {"none_3": 0.9}),
        (False, {"none_3": 0.901}),
        (True, {"none_huge": 0.9}),
        (False, {"none_huge": 0.901}),
        (True, {"batch_changed": 0.251}),
        (False, {"batch_changed": 0.25}),
        (True, {"batch_kind": 0.299}),
        (False, {"batch_kind": 0.3}),
        (True, {"layer_changed": 0.0099}),
        (False, {"layer_changed": 0.01}),
    ],
)
def test_the_claim_holds_only_if_each_of_its_parts_does(holds, changed):
    assert claim_holds(HOLDS | changed) is holds


def test_claim_a_norm_hides_the_factor_and_batch_norm_depends_on_company():
    numbers = full(lesson).numbers
    assert numbers["holds"] and claim_holds(numbers)


@pytest.mark.slow
def test_claim_it_holds_for_another_seed():
    numbers = full(lesson, seed=1).numbers
    assert numbers["holds"] and claim_holds(numbers)


def test_what_is_certain_is_certain_without_training():
    numbers = main(steps=1, seed=2)
    assert numbers["batch_change"] < 0.001 and numbers["layer_change"] < 0.001
    assert numbers["none_times"] == pytest.approx(1e6, rel=1e-4)
    assert numbers["layer_changed"] == 0
    assert numbers["holds"] == 0


# Main


def test_main_hands_each_experiment_its_norm_rate_and_seed(monkeypatch, capsys):
    calls = []

    def ear(norm, rate, others, digits, steps, seed, watch=None):
        assert len(digits[0]) == 1197
        calls.append((norm, rate, others, steps, seed, watch))
        network = Reader(norm)
        network.told = (norm, rate, others)
        return enlarge(network, 5) if norm == "batch" else network

    def judge(network, digits):
        assert len(digits[0]) == 600
        norm, rate, others = network.told
        place = list(NORMS).index(norm)
        return (place + 0.001 * rate) / 10 + (rate != others) / 2

    def company(network, digits, seed):
        assert len(digits[0]) == 600 and network.told[1:] == (KEPT, KEPT)
        base = {"batch": 0.1, "layer": 0.5}[network.told[0]] + seed / 100
        names = ["alone", "many", "four", "kind", "changed"]
        return {name: base + i / 1000 for i, name in enumerate(names)}

    monkeypatch.setattr(lesson, "learn", ear)
    monkeypatch.setattr(lesson, "accuracy", judge)
    monkeypatch.setattr(lesson, "in_company", company)
    numbers = main(steps=8, seed=3)
    expected = []
    for norm in NORMS:
        expected.append((norm, KEPT, KEPT, 8, 3, print_loss))
        expected += [(norm, rate, rate, 8, 3, None) for rate in RATES]
    expected += [(norm, HUGE, KEPT, 8, 3, None) for norm in NORMS]
    assert calls == expected
    assert numbers["layer_0_03"] == pytest.approx(0.200003)
    assert numbers["batch_10"] == pytest.approx(0.101)
    assert numbers["none_huge"] == pytest.approx(0.6)
    assert numbers["batch_grown"] == pytest.approx(5, rel=0.1)
    assert numbers["batch_four"] == pytest.approx(0.132)
    assert numbers["layer_changed"] == pytest.approx(0.534)
    assert numbers["none_times"] == pytest.approx(1e6, rel=1e-4)
    printed = capsys.readouterr().out
    assert "have become 5 times as large" in printed
    assert "batch norm, answers that another batch of 4 changes: 13.4%" in printed


# Pictures


def test_the_curves_of_the_picture_are_the_accuracies_at_each_learning_rate():
    shares = {
        "none": [0.6, 0.8, 0.9, 0.95, 0.3, 0.1, 0.1],
        "batch": [0.7, 0.9, 0.95, 0.96, 0.97, 0.98, 0.2],
        "layer": [0.7, 0.9, 0.95, 0.96, 0.93, 0.1, 0.1],
    }
    (ax,) = figure(shares).axes
    *curves, threshold = ax.lines
    for norm, line in zip(NORMS, curves, strict=True):
        assert tuple(line.get_xdata()) == RATES
        assert list(line.get_ydata()) == shares[norm]
        assert line.get_label() == NORMS[norm]
        assert line.get_linestyle() == LOOKS[norm]["linestyle"]
        assert line.get_marker() == LOOKS[norm]["marker"]
    assert len({line.get_linestyle() for line in curves}) == 3
    assert len({line.get_marker() for line in curves}) == 3
    assert list(threshold.get_ydata()) == [0.9, 0.9]
    assert ax.get_xscale() == "log" and ax.get_ylim() == (0, 1.03)
    ticks = [text.get_text() for text in ax.get_xticklabels()]
    assert ticks == ["0.01", "0.03", "0.1", "0.3", "1", "3", "10"]
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["without a norm", "batch norm", "layer norm"]


def test_the_bars_of_the_second_picture_are_what_is_right_in_each_company():
    numbers = HOLDS | {"batch_four": 0.71, "layer_kind": 0.52}
    left, right = figure_company(numbers).axes
    for ax, norm in ((left, "batch"), (right, "layer")):
        shares = [numbers[f"{norm}_{company}"] for company in COMPANY]
        assert [bar.get_width() for bar in ax.patches] == shares
        assert [text.get_text() for text in ax.texts] == [f"{x:.1%}" for x in shares]
        assert ax.get_title() == NORMS[norm]
        assert ax.lines[0].get_xdata()[0] == 0.1  # guessing
    assert [text.get_text() for text in left.get_yticklabels()] == [*COMPANY.values()]
    assert list(COMPANY) == ["alone", "many", "four", "kind"]
    assert left.yaxis_inverted()
    plt.close("all")
