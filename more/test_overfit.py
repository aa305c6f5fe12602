"""What overfit.py claims, as tests."""

import copy
import math
from collections import Counter
from itertools import product
from statistics import mean

import matplotlib.pyplot as plt
import pytest
import torch
import torch.nn.functional as F
from sklearn import datasets
from torch import Tensor, nn
from torch.autograd import gradcheck
from torch.testing import assert_close

import overfit
from overfit import (
    DECAYS,
    DRAWS,
    DROPOUTS,
    FEW,
    MANY,
    NETWORKS,
    RATE,
    REMEDIES,
    TESTED,
    Curves,
    Reader,
    accuracy,
    answers_of_many,
    best_of,
    best_on_validation,
    by_heart,
    choose_by_test,
    claim_holds,
    deal,
    decayed,
    drop,
    dropout,
    figure,
    figure_help,
    four_points,
    guess,
    main,
    print_loss,
    right_answers,
    shuffle_labels,
    through_points,
    train,
    weight_decay,
    what_helps,
)
from tools.contract import ModelContract
from tools.store import full


def some(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images that anyone can tell apart: class k has a bright pixel number k."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 10
    images = 0.1 * torch.rand(count, 64, generator=draw)
    images[torch.arange(count), labels] += 1
    return images, labels


def oracle(images: Tensor) -> Tensor:
    """Scores of somebody who looks at the bright pixel."""
    return images[:, :10]


class Knowing(nn.Module):
    def forward(self, x):
        return oracle(x)


class TestReader(ModelContract):
    output = (10,)

    def make(self):
        return Reader(p=0.0)

    def inputs(self, batch):
        return torch.rand(batch, 64)


# With a pencil


def test_the_curve_goes_through_its_points_whatever_their_heights_are():
    """Is part i of the curve 1 at point i, and 0 at the others?"""
    xs = [0.0, 1.0, 2.0, 3.0]
    for ys in ([0.0, 1.0, 2.0, 3.0], [2.0, 0.0, 3.0, 1.0], [-7.0, 7.0, 7.0, 0.5]):
        assert [through_points(xs, ys, x) for x in xs] == pytest.approx(ys)
    # Unequal distances, and three points: 1 + x ** 2
    assert through_points([0.0, 1.0, 3.0], [1.0, 2.0, 10.0], 2.0) == pytest.approx(5)


def test_at_a_fifth_point_true_and_shuffled_heights_differ():
    xs = [0.0, 1.0, 2.0, 3.0]
    assert through_points(xs, xs, 4.0) == pytest.approx(4)
    assert through_points(xs, [2.0, 0.0, 3.0, 1.0], 4.0) == pytest.approx(-16)


def test_the_curve_and_its_gradient_are_those_of_the_solved_equations(float64):
    xs = torch.tensor([0.0, 0.5, 2.0, 3.0])
    ys = torch.randn(4, requires_grad=True)
    for x in (-1.0, 1.3, 4.0):
        ours = through_points(xs.tolist(), list(ys), x)
        solution = torch.linalg.solve(torch.linalg.vander(xs), ys)
        theirs = sum(solution[n] * x**n for n in range(4))
        assert_close(ours, theirs)
        (by_hand,) = torch.autograd.grad(ours, ys)
        (built_in,) = torch.autograd.grad(theirs, ys)
        assert_close(by_hand, built_in)


def test_a_step_with_weight_decay_is_that_of_pytorchs_sgd(float64):
    """By what is the part of the weight that is subtracted multiplied?"""
    assert decayed(2.0, 1.0, rate=0.1, decay=0.5) == pytest.approx(1.8)
    assert decayed(3.0, 0.0, rate=0.1, decay=2.0) == pytest.approx(2.4)
    weights = torch.randn(6)
    gradients = torch.randn(6)
    theirs = nn.Parameter(weights.clone())
    theirs.grad = gradients.clone()
    torch.optim.SGD([theirs], lr=0.3, weight_decay=0.7).step()
    ours = [
        decayed(weight, gradient, 0.3, 0.7)
        for weight, gradient in zip(weights.tolist(), gradients.tolist(), strict=True)
    ]
    assert_close(torch.tensor(ours), theirs.data)


def test_dropout_keeps_the_mean_and_is_that_of_pytorch(float64):
    """What must be done to the numbers that are left, so that their mean stays?"""
    numbers = [1.0, 2.0, 3.0, 4.0]
    assert drop(numbers, [True, False, False, True], p=0.5) == [2, 0, 0, 8]
    for p in (0.2, 0.5, 0.75):
        x = torch.tensor(numbers, requires_grad=True)
        theirs = F.dropout(x, p)
        kept = theirs != 0
        ours = drop(numbers, kept.tolist(), p)
        assert_close(torch.tensor(ours), theirs.detach())
        theirs.sum().backward()
        assert_close(x.grad, torch.tensor(drop([1.0] * 4, kept.tolist(), p)))
    # The mean over all 16 ways to keep some of them, each as likely as the others
    ways = [drop(numbers, list(kept), 0.5) for kept in product([True, False], repeat=4)]
    assert_close(torch.tensor(ways).mean(dim=0), torch.tensor(numbers))


def test_the_best_of_those_who_guess_is_counted_right():
    """How likely is it that all of them have at most k right?"""
    assert best_of(1, 10) == pytest.approx(5)
    assert best_of(2, 1) == pytest.approx(3 / 4)
    # All ways in which three people can answer three questions
    best = []
    for way in product([0, 1], repeat=9):
        best.append(max(sum(way[:3]), sum(way[3:6]), sum(way[6:])))
    assert best_of(3, 3) == pytest.approx(mean(best))
    assert 1 - (15 / 16) ** 20 == pytest.approx(0.72, abs=0.005)


def test_what_is_printed_with_a_pencil_is_equal_on_both_sides(capsys):
    four_points()
    weight_decay()
    dropout()
    guess()
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert lines[:4] == [
        "Four points, true: the curve is 0, 1, 2, 3 there.",
        "    At x = 4 it is 4.00   torch.linalg.solve 4.00",
        "Four points, shuffled: the curve is 2, 0, 3, 1 there.",
        "    At x = 4 it is -16.00   torch.linalg.solve -16.00",
    ]
    assert "Weight decay: 2 becomes 1.8000" in lines
    assert "    torch.optim.SGD    1.8000" in lines
    assert "    torch.optim.AdamW  1.8000" in lines
    assert "    torch.optim.Adam   1.9000" in lines
    (ours,) = [line for line in lines if line.startswith("Dropout of")]
    (theirs,) = [line for line in lines if line.startswith("    F.dropout")]
    assert ours.partition("[")[2] == theirs.partition("[")[2]
    (means,) = [line for line in lines if line.startswith("    means of")]
    found = [float(number) for number in means.split("10,000")[1].split(",")]
    assert found == pytest.approx([1, 2, 3, 4], rel=0.04)
    (best,) = [line for line in lines if "by counting" in line]
    counted, tried = [float(best.split()[i]) for i in (0, 3)]
    assert counted == pytest.approx(best_of(20, 10), abs=0.005)
    assert tried == pytest.approx(counted, abs=0.1)


# The network


def test_the_network_is_linear_relu_linear(float64):
    network = Reader()
    x = torch.rand(3, 64)
    weights = list(network.parameters())
    by_hand = (x @ weights[0].T + weights[1]).relu() @ weights[2].T + weights[3]
    assert_close(network(x), by_hand)
    ours = torch.autograd.grad(network(x).square().sum(), weights)
    theirs = torch.autograd.grad(by_hand.square().sum(), weights)
    for a, b in zip(ours, theirs, strict=True):
        assert_close(a, b)
    assert sum(p.numel() for p in network.parameters()) == 9_610


def test_the_gradient_of_the_network_is_right(float64):
    network = Reader()
    x = torch.rand(2, 64, requires_grad=True)
    assert gradcheck(network, x)


def test_dropout_stands_behind_the_relu_with_the_probability_that_is_asked_for():
    network = Reader(p=0.8)
    seen = []
    network.second.register_forward_hook(lambda module, given, out: seen.extend(given))
    x = torch.rand(200, 64)
    network(x)
    hidden = F.relu(network.first(x))
    on = hidden > 0
    left = seen[0][on]
    assert (left == 0).float().mean().item() == pytest.approx(0.8, abs=0.03)
    assert_close(left[left != 0], 5 * hidden[on][left != 0])


# The digits


def test_training_validation_and_test_share_no_digit_and_lose_none():
    """Is a digit that is tested one that was learned from, or chosen by?"""
    parts = deal(seed=3)
    assert [len(images) for images, _ in parts] == [1000, 300, 497]
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


def test_a_share_of_the_labels_is_shuffled_among_each_other():
    """How many labels change, and is each digit as frequent as before?"""
    labels = torch.arange(1000) % 10
    before = labels.clone()
    for share in (0.0, 0.4, 1.0):
        shuffled = shuffle_labels(labels, share)
        assert shuffled.bincount().equal(labels.bincount())
        # A shuffled label is still right once in ten times.
        changed = (shuffled != labels).float().mean().item()
        assert changed == pytest.approx(0.9 * share, abs=0.04)
    assert labels.equal(before)  # the list that was handed over stays as it is
    distinct = torch.arange(1000)
    moved = shuffle_labels(distinct, 0.4) != distinct
    assert 390 <= moved.sum() <= 400
    assert 100 < moved[:500].sum() < 300  # anywhere in the list
    # Every order may come, also the one in which each label keeps its place.
    orders = Counter()
    for _ in range(18_000):
        orders[tuple(shuffle_labels(torch.arange(3), 1.0).tolist())] += 1
    assert len(orders) == 6
    # Each as likely as the others: 5 is usual, and more than 40 hardly ever comes by
    # chance. Swapping each place with any other makes some 200.
    assert sum((count - 3000) ** 2 / 3000 for count in orders.values()) < 40


# Training


def test_training_is_adamw_on_all_digits_at_once(float64):
    """Which step of training is missing, and who gets the decay?"""
    images, labels = some(30)
    images = images.double()
    network = Reader()
    twin = copy.deepcopy(network)
    train(network, (images, labels), steps=4, decay=2.0)
    # AdamW shrinks each weight first, and then takes a step of Adam without decay.
    adam = torch.optim.Adam(twin.parameters(), lr=RATE)
    for _ in range(4):
        log_chances = twin(images).log_softmax(dim=1)
        adam.zero_grad()
        (-log_chances[torch.arange(30), labels].mean()).backward()
        with torch.no_grad():
            for weight in twin.parameters():
                weight *= 1 - RATE * 2.0
        adam.step()
    for ours, theirs in zip(network.parameters(), twin.parameters(), strict=True):
        assert_close(ours, theirs, rtol=1e-5, atol=1e-7)


def test_without_decay_nothing_pulls_at_the_weights():
    network = Reader()
    with torch.no_grad():
        for weight in network.parameters():
            weight.zero_()
        network.first.weight[:, 63] = 1.0  # a pixel that is white in all images
    images, labels = some(10)
    images[:, 63] = 0.0
    before = network.first.weight[:, 63].clone()
    train(network, (images, labels), steps=3)
    assert network.first.weight[:, 63].equal(before)
    train(network, (images, labels), steps=1, decay=3.0)
    assert_close(network.first.weight[:, 63], before * (1 - RATE * 3.0))


def test_the_order_of_the_digits_makes_no_difference(float64):
    images, labels = some(30)
    images = images.double()
    network = Reader()
    twin = copy.deepcopy(network)
    mixed = torch.randperm(30)
    train(network, (images, labels), steps=5)
    train(twin, (images[mixed], labels[mixed]), steps=5)
    assert_close(network(images), twin(images))


def test_watch_hears_every_step_and_its_loss_before_the_weights_change():
    digits = some(30)
    network = Reader()
    start = F.cross_entropy(network(digits[0]), digits[1]).item()
    heard = []
    train(network, digits, 3, watch=lambda step, loss: heard.append((step, loss)))
    assert [step for step, _ in heard] == [0, 1, 2]
    assert heard[0][1] == pytest.approx(start, rel=1e-5)
    assert heard[2][1] < start


def test_a_training_prints_six_losses(capsys):
    for step in range(150):
        print_loss(step, 2.3456)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[0] == "    step   0: loss 2.346"
    assert lines[-1].startswith("    step 125")


def test_accuracy_is_the_share_of_digits_that_get_their_label():
    images, labels = some(37)
    assert accuracy(Knowing(), (images, labels)) == 1
    labels[:10] = (labels[:10] + 1) % 10  # ten wrong labels
    assert accuracy(Knowing(), (images, labels)) == pytest.approx(27 / 37)
    assert (
        right_answers(Knowing(), (images, labels)).tolist()
        == [False] * 10 + [True] * 27
    )


def test_in_a_test_nothing_is_switched_off_and_in_training_it_is_again():
    """Does the network know that it is being tested?"""
    network = Reader(p=0.5)
    digits = some(50)
    first = right_answers(network, digits)
    calm = network.eval()(digits[0]).argmax(dim=1) == digits[1]
    network.train()
    assert first.equal(calm)
    for _ in range(5):
        assert right_answers(network, digits).equal(first)
        assert network.training and network.dropout.training


def test_the_curves_are_the_accuracies_after_each_step():
    digits, others = some(30), some(20, seed=1)
    network = Reader()
    twin = copy.deepcopy(network)
    curves = Curves(network, {"one": digits, "two": others})
    train(network, digits, 6, watch=curves.watch)
    for steps in range(6):
        train_again = copy.deepcopy(twin)
        train(train_again, digits, steps + 1)
        assert curves.shares["one"][steps] == accuracy(train_again, digits)
        assert curves.shares["two"][steps] == accuracy(train_again, others)
    assert len(curves.shares["one"]) == 6


# The experiments


@pytest.fixture
def heard(monkeypatch):
    """What each training gets, in place of a training."""
    calls = []

    def ear(network, digits, steps, decay=0.0, watch=None):
        start = [p.detach().clone() for p in network.parameters()]
        calls.append((network, digits, steps, decay, watch, start))
        if watch is not None:
            watch(0, 1.0)

    monkeypatch.setattr(overfit, "train", ear)
    return calls


def test_true_and_shuffled_labels_have_the_same_digits_and_the_same_start(heard):
    """Do the two runs differ in anything but their labels?"""
    sets = deal(seed=0)
    for share in (0.0, 1.0):
        shares = by_heart(share, sets, steps=7, seed=5)
        assert list(shares) == ["seen", "unseen"]
    one, other = heard
    assert one[1][0].equal(other[1][0]) and one[1][0].equal(sets[0][0][:MANY])
    assert one[1][1].equal(sets[0][1][:MANY])
    changed = (one[1][1] != other[1][1]).float().mean().item()
    assert changed == pytest.approx(0.9, abs=0.05)
    for a, b in zip(one[5], other[5], strict=True):
        assert a.equal(b)
    assert one[2:4] == other[2:4] == (7, 0.0)


def test_what_is_learned_by_heart_is_measured_against_the_labels_that_were_taught():
    """Against which labels does it count as right on its training digits?"""
    sets = deal(seed=0)
    shares = by_heart(1.0, sets, steps=60, seed=0)
    assert shares["seen"][-1] > 0.6 and shares["unseen"][-1] < 0.3
    assert len(shares["seen"]) == len(shares["unseen"]) == 60


def test_each_remedy_differs_from_the_control_in_one_thing(heard):
    """Do control and remedies have the same digits, labels, start and steps?"""
    sets = deal(seed=0)
    found = what_helps(0.4, sets, steps=9, seed=2)
    assert list(found) == ["control", *REMEDIES]
    control, informed, *others = heard
    assert len(control[1][0]) == FEW and len(informed[1][0]) == 1000
    assert informed[1][0][:FEW].equal(control[1][0])
    assert informed[1][1][:FEW].equal(control[1][1])
    strengths = [(network.dropout.p, decay) for network, _, _, decay, *_ in others]
    expected = [(0.0, decay) for decay in DECAYS] + [(p, 0.0) for p in DROPOUTS]
    assert strengths == expected
    for network, digits, steps, _, _, start in heard:
        assert steps == 9
        for a, b in zip(start, control[5], strict=True):
            assert a.equal(b)
        if network is not informed[0]:
            assert digits[0].equal(control[1][0]) and digits[1].equal(control[1][1])
    assert [call[3] for call in heard[:2]] == [0.0, 0.0]
    assert [call[0].dropout.p for call in heard[:2]] == [0.0, 0.0]


def test_of_1000_digits_the_same_share_of_labels_is_shuffled_as_of_few(heard):
    sets = deal(seed=0)
    what_helps(0.4, sets, steps=1, seed=2)
    truth = dict(zip(map(tuple, sets[0][0].tolist()), sets[0][1].tolist(), strict=True))
    for call, about in ((heard[0], 0.15), (heard[1], 0.04)):
        images, labels = call[1]
        true = torch.tensor([truth[tuple(row)] for row in images.tolist()])
        wrong = (labels != true).float().mean().item()
        assert wrong == pytest.approx(0.36, abs=about)


def test_the_validation_set_is_as_careless_as_the_training_set(heard):
    """Who would know which labels of the validation set are wrong?"""
    sets = deal(seed=0)
    what_helps(0.4, sets, steps=1, seed=2)
    watching = heard[0][4].__self__
    images, labels = watching.sets["validation"]
    assert images.equal(sets[1][0])
    wrong = (labels != sets[1][1]).float().mean().item()
    assert wrong == pytest.approx(0.36, abs=0.08)
    assert watching.sets["test"][1].equal(sets[2][1])  # the test set is not


def test_early_stopping_looks_at_the_validation_set_and_not_at_the_test(monkeypatch):
    """By which set is the step chosen after which training stops?"""
    shown = {"validation": [0.1, 0.6, 0.9, 0.9, 0.2], "test": [0.3, 0.8, 0.5, 0.4, 0.7]}

    class Told(Curves):
        def watch(self, step, loss):
            for name in self.sets:
                self.shares[name].append(shown[name][step])

    monkeypatch.setattr(overfit, "Curves", Told)
    found = what_helps(0.4, deal(seed=0), steps=5, seed=0)
    assert found["stop"] == 0.5


def test_strength_is_chosen_by_the_validation_set(monkeypatch):
    """By which set is the strength of a remedy chosen?"""
    validation = some(20)
    asked = []

    def judged(network, digits):
        asked.append(digits)
        return {0.3: 0.2, 0.5: 0.7, 0.8: 0.7}[network.dropout.p]

    monkeypatch.setattr(overfit, "accuracy", judged)
    tries = [(p, 0.0) for p in DROPOUTS]
    best = best_on_validation(tries, some(10), validation, steps=1, seed=0)
    assert best.dropout.p == 0.5
    for digits in asked:
        assert digits is validation


def test_remedies_are_tested_on_the_test_set(heard, monkeypatch):
    """On which set is each remedy compared with the control?"""
    sets = deal(seed=0)
    asked = []
    real = overfit.accuracy

    def judged(network, digits):
        asked.append(len(digits[0]))
        return real(network, digits)

    monkeypatch.setattr(overfit, "accuracy", judged)
    what_helps(0.0, sets, steps=1, seed=0)
    assert asked[-4:] == [497] * 4


# Choosing by the test


def test_who_chooses_by_some_digits_is_tested_on_all_others():
    """Is the chosen one's accuracy measured on digits that it was chosen by?"""
    right = torch.rand(NETWORKS, 497) < 0.5  # all networks guess
    found = choose_by_test(right, seed=0)
    assert found["best_chosen"] > 0.6
    for name in ("best_fresh", "any_chosen", "any_fresh"):
        assert found[name] == pytest.approx(0.5, abs=0.06)
    one = torch.zeros(3, 497, dtype=torch.bool)
    one[1] = True  # only the second is good, wherever one looks
    found = choose_by_test(one, seed=0)
    assert found == {
        "best_chosen": 1,
        "best_fresh": 1,
        "any_chosen": 0,
        "any_fresh": 0,
    }


def test_the_digits_to_choose_by_are_50_and_drawn_anew_each_time():
    right = torch.zeros(1, 200, dtype=torch.bool)
    right[0, :60] = True
    found = choose_by_test(right, seed=0)
    assert found["any_chosen"] == found["best_chosen"]
    assert found["any_chosen"] == pytest.approx(0.3, abs=0.02)
    total = TESTED * found["any_chosen"] + (200 - TESTED) * found["any_fresh"]
    assert total == pytest.approx(60)  # each digit is in one of the two parts


def test_the_bias_of_guessers_is_the_one_that_was_counted():
    torch.manual_seed(0)
    found = []
    for seed in range(5):
        right = torch.rand(20, 2_000) < 0.5
        found.append(choose_by_test(right, seed)["best_chosen"])
    assert mean(found) == pytest.approx(best_of(20, TESTED) / TESTED, abs=0.015)


def test_the_networks_to_choose_from_differ_in_their_start_alone(heard):
    sets = deal(seed=0)
    right = answers_of_many(sets, 0.4, steps=3, seed=1)
    assert right.shape == (NETWORKS, 497) and right.dtype == torch.bool
    assert len(heard) == NETWORKS
    first = heard[0]
    for call in heard[1:]:
        assert call[1][0].equal(first[1][0]) and call[1][1].equal(first[1][1])
        assert not call[5][0].equal(first[5][0])
        assert call[2:4] == (3, 0.0)
    assert first[1][0].equal(sets[0][0][:FEW])
    for row, call in zip(right, heard, strict=True):
        assert row.equal(right_answers(call[0], sets[2]))


# Claim

HOLDS = {
    "true_seen": 1.0,
    "shuffled_seen": 0.97,
    "true_unseen": 0.95,
    "shuffled_unseen": 0.11,
    "best_chosen": 0.7,
    "best_fresh": 0.6,
    "any_chosen": 0.58,
    "any_fresh": 0.58,
    "control_true": 0.5,
    "more_true": 0.6,
    "decay_true": 0.51,
    "dropout_true": 0.49,
    "stop_true": 0.5,
    "control_careless": 0.5,
    "more_careless": 0.7,
    "decay_careless": 0.6,
    "dropout_careless": 0.6,
    "stop_careless": 0.6,
}


@pytest.mark.parametrize(
    "holds, changed",
    [
        (True, {}),
        (True, {"true_seen": 0.951}),
        (False, {"true_seen": 0.95}),
        (True, {"shuffled_seen": 0.951}),
        (False, {"shuffled_seen": 0.95}),
        (True, {"true_unseen": 0.901}),
        (False, {"true_unseen": 0.90}),
        (True, {"shuffled_unseen": 0.249}),
        (False, {"shuffled_unseen": 0.25}),
        (True, {"more_true": 0.541}),
        (False, {"more_true": 0.539}),
        (
            False,
            {
                "control_true": 0.0,
                "more_true": 0.04,
                "decay_true": 0.0,
                "dropout_true": 0.0,
                "stop_true": 0.0,
            },
        ),
        (True, {"more_careless": 0.541}),
        (False, {"more_careless": 0.539}),
        (True, {"decay_true": 0.529}),
        (False, {"decay_true": 0.531}),
        (False, {"decay_true": 0.469}),
        (True, {"decay_true": 0.471}),
        (False, {"dropout_true": 0.531}),
        (False, {"dropout_true": 0.469}),
        (False, {"stop_true": 0.531}),
        (False, {"stop_true": 0.469}),
        (
            False,
            {
                "control_true": 0.0,
                "more_true": 0.5,
                "decay_true": 0.03,
                "dropout_true": 0.0,
                "stop_true": 0.0,
            },
        ),
        (True, {"decay_careless": 0.541}),
        (False, {"decay_careless": 0.539}),
        (False, {"dropout_careless": 0.539}),
        (False, {"stop_careless": 0.539}),
        (False, {"control_careless": 0.0, "stop_careless": 0.04}),
        (True, {"best_fresh": 0.679}),
        (False, {"best_fresh": 0.681}),
        (False, {"best_chosen": 0.02, "best_fresh": 0.0}),
        (True, {"any_chosen": 0.599}),
        (False, {"any_chosen": 0.601}),
        (False, {"any_chosen": 0.559}),
        (False, {"any_chosen": 0.02, "any_fresh": 0.0}),
    ],
)
def test_the_claim_holds_only_if_each_of_its_parts_does(holds, changed):
    assert claim_holds(HOLDS | changed) is holds


def test_claim_it_learns_nonsense_by_heart_and_what_helps_depends_on_the_labels():
    numbers = full(overfit).numbers
    assert numbers["holds"] and claim_holds(numbers)


@pytest.mark.slow
def test_claim_it_holds_for_another_seed():
    numbers = full(overfit, seed=1).numbers
    assert numbers["holds"] and claim_holds(numbers)


# Main


def test_main_hands_each_experiment_its_labels_and_its_seed(monkeypatch):
    calls = {"by_heart": [], "what_helps": [], "answers_of_many": []}

    def heart(share, sets, steps, seed):
        calls["by_heart"].append((share, steps, seed))
        return {"seen": [0.1, 0.9 - share / 2], "unseen": [0.1, 0.5 - share / 4]}

    def helps(share, sets, steps, seed):
        calls["what_helps"].append((share, steps, seed))
        return dict.fromkeys(["control", *REMEDIES], share + seed / 100)

    def many(sets, share, steps, seed):
        calls["answers_of_many"].append((share, steps, seed))
        return torch.ones(2, 100, dtype=torch.bool)

    monkeypatch.setattr(overfit, "by_heart", heart)
    monkeypatch.setattr(overfit, "what_helps", helps)
    monkeypatch.setattr(overfit, "answers_of_many", many)
    numbers = main(steps=8, shuffled=0.25, seed=3)
    assert calls["by_heart"] == [(0.0, 8, 3), (1.0, 8, 3)]
    draws = [DRAWS * 3 + draw for draw in range(DRAWS)]
    expected = [(share, 8, draw) for share in (0.0, 0.25) for draw in draws]
    assert calls["what_helps"] == expected
    assert calls["answers_of_many"] == [(0.25, 8, 3)]
    assert numbers["true_seen"] == 0.9 and numbers["shuffled_unseen"] == 0.25
    assert numbers["stop_careless"] == pytest.approx(0.25 + mean(draws) / 100)
    assert numbers["decay_true"] == pytest.approx(mean(draws) / 100)
    assert numbers["best_chosen"] == 1 and numbers["holds"] == 0


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_a_share_is_from_0_to_1(bad):
    with pytest.raises(SystemExit, match="--shuffled must be from 0 to 1, got"):
        main(shuffled=bad)


# Pictures


def test_the_curves_of_the_picture_are_the_accuracies_step_by_step():
    curves = {
        "true": {"seen": [0.2, 0.6, 1.0], "unseen": [0.1, 0.5, 0.9]},
        "shuffled": {"seen": [0.1, 0.4, 0.8], "unseen": [0.1, 0.12, 0.09]},
    }
    left, right = figure(curves).axes
    for ax, labels in ((left, "true"), (right, "shuffled")):
        assert ax.get_title() == f"labels {labels}"
        seen, unseen, guessing = ax.lines
        assert list(seen.get_xdata()) == list(unseen.get_xdata()) == [1, 2, 3]
        assert list(seen.get_ydata()) == curves[labels]["seen"]
        assert list(unseen.get_ydata()) == curves[labels]["unseen"]
        assert guessing.get_ydata()[0] == 0.1
        assert seen.get_linestyle() != unseen.get_linestyle()
        assert ax.get_ylim() == (0, 1.03)
    names = [text.get_text() for text in left.get_legend().get_texts()]
    assert names == ["training digits", "unseen digits", "guessing"]


def test_the_bars_of_the_second_picture_are_what_each_remedy_adds():
    numbers = dict(HOLDS)
    numbers |= {"more_true": 0.6, "decay_true": 0.48, "stop_careless": 0.62}
    left, right = figure_help(numbers).axes
    for ax, labels in ((left, "true"), (right, "careless")):
        names = [text.get_text() for text in left.get_yticklabels()]
        assert names == list(REMEDIES.values())
        gains = [
            100 * (numbers[f"{remedy}_{labels}"] - numbers[f"control_{labels}"])
            for remedy in REMEDIES
        ]
        assert [bar.get_width() for bar in ax.patches] == pytest.approx(gains)
        shown = [text.get_text() for text in ax.texts]
        assert shown == [f"{gain:+.1f}" for gain in gains]
    assert "all labels true" in left.get_title() and "50.0%" in left.get_title()
    assert "shuffled" in right.get_title()
    assert left.yaxis_inverted()
    plt.close("all")
