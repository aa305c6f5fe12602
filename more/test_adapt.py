"""What adapt.py claims, as tests."""

import copy

import matplotlib.pyplot as plt
import pytest
import torch
import torch.nn.functional as F
from sklearn import datasets
from torch import Tensor, nn
from torch.autograd import gradcheck
from torch.testing import assert_close

import adapt
from adapt import (
    BATCH,
    FULL_RATES,
    HIDDEN,
    LEARN_RATE,
    RANKS,
    SCALE,
    STARTS,
    UPDATE_RATES,
    LowRank,
    Reader,
    accuracy,
    at_the_start,
    best_on_validation,
    change_by_merging,
    claim_holds,
    column_and_row,
    count,
    deal,
    figure,
    fine_tuned,
    gradients,
    learning,
    main,
    merge,
    mirror,
    outer_product,
    print_loss,
    times,
    train,
    updated,
)
from tools.contract import ModelContract
from tools.store import full


def some(number: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images that anyone can tell apart: class k has a bright pixel number k."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.arange(number) % 10
    images = 0.1 * torch.rand(number, 64, generator=draw)
    images[torch.arange(number), labels] += 1
    return images, labels


def layer(rank: int = 2) -> LowRank:
    """A layer of five inputs and four outputs, whose update is no longer 0."""
    low_rank = LowRank(nn.Linear(5, 4), rank)
    nn.init.normal_(low_rank.columns)
    return low_rank


def adapted_by_chance(rank: int = 2) -> Reader:
    """A network with updates as after some training."""
    network = adapt.adapt(Reader(), rank)
    for low_rank in network.children():
        nn.init.normal_(low_rank.columns, std=0.1)
    return network


class TestReader(ModelContract):
    output = (10,)

    def make(self):
        return Reader()

    def inputs(self, batch):
        return torch.rand(batch, 64)


# With a pencil


def test_a_column_times_a_row_is_a_table_of_all_their_products():
    """Which two numbers are multiplied for row i and column j?"""
    table = outer_product([1.0, 2.0, 3.0], [2.0, 0.0, -1.0, 1.0])
    assert table == [[2, 0, -1, 1], [4, 0, -2, 2], [6, 0, -3, 3]]
    assert outer_product([2.0], [3.0, 4.0]) == [[6, 8]]


def test_the_table_and_its_gradient_are_those_of_pytorch(float64):
    column = torch.randn(3, requires_grad=True)
    row = torch.randn(4, requires_grad=True)
    x = torch.randn(4)
    table = outer_product(list(column), list(row))
    results = torch.stack(times(table, list(x)))
    theirs = torch.outer(column, row) @ x
    assert_close(results, theirs)
    by_hand = torch.autograd.grad(results.square().sum(), [column, row])
    built_in = torch.autograd.grad(theirs.square().sum(), [column, row])
    for ours, other in zip(by_hand, built_in, strict=True):
        assert_close(ours, other)


def test_a_table_times_an_input_goes_row_by_row():
    """Does each row of the table give one number, from the whole input?"""
    assert times([[1.0, 2.0], [3.0, 4.0], [0.0, 1.0]], [10.0, 100.0]) == [210, 430, 100]


def test_a_sum_of_outer_products_has_a_rank_of_as_many(float64):
    total = torch.zeros(6, 7)
    for rank in range(1, 6):
        total += torch.outer(torch.randn(6), torch.randn(7))
        assert torch.linalg.matrix_rank(total) == rank


def test_the_gradients_of_the_smallest_layer_are_right():
    """By which of the two numbers is the gradient of the other multiplied?"""
    assert gradients(3.0, 0.0) == (0, 36)
    assert gradients(0.0, 0.0) == (0, 0)
    for a, b in ((1.5, -0.5), (0.0, 2.0)):
        known = torch.tensor([a, b], requires_grad=True)
        loss = (2.0 + known[1] * known[0] * 2.0 + 1.0) ** 2
        loss.backward()
        assert gradients(a, b) == pytest.approx(tuple(known.grad.tolist()))


def test_what_is_printed_with_a_pencil_is_equal_on_both_sides(capsys):
    column_and_row()
    at_the_start()
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == lines[3] and lines[1].startswith("    [[2.0, 0.0, -1.0, 1.0],")
    assert lines[4].endswith("finds it: 1")
    direct, by_way = lines[5:7]
    assert "one number 4:" in by_way
    assert direct.partition("[")[2] == by_way.partition("[")[2] == "4.0, 8.0, 12.0]"
    assert "    by hand 0 and 36   PyTorch 0 and 36" in lines
    assert "    by hand 0 and 0   PyTorch 0 and 0" in lines


# A layer with an update


def test_at_the_start_an_update_changes_nothing(float64):
    """What is the update before the first step of training?"""
    linear = nn.Linear(5, 4)
    x = torch.randn(3, 5)
    before = linear(x)
    for rank in (1, 3):
        assert LowRank(linear, rank)(x).equal(before)
    network = Reader()
    images = torch.rand(6, 64)
    assert adapt.adapt(network, 2)(images).equal(network(images))


def test_at_the_start_the_columns_get_a_gradient_and_soon_the_rows_do(float64):
    """If both the rows and the columns were 0, what would move in the first step?"""
    low_rank = LowRank(nn.Linear(5, 4), 2)
    x = torch.randn(3, 5)
    low_rank(x).square().sum().backward()
    assert low_rank.rows.grad.abs().max() == 0
    assert low_rank.columns.grad.abs().min() > 0
    with torch.no_grad():
        low_rank.columns -= 0.01 * low_rank.columns.grad
    low_rank(x).square().sum().backward()
    assert low_rank.rows.grad.abs().min() > 0


def test_rows_start_different_and_as_large_for_any_number_of_inputs():
    """How large are the numbers in the middle at the start?"""
    for inputs in (50, 800):
        rows = LowRank(nn.Linear(inputs, 4), 200).rows
        in_the_middle = torch.randn(300, inputs) @ rows.T
        assert in_the_middle.std().item() == pytest.approx(1, abs=0.05)
        assert torch.linalg.matrix_rank(rows) == min(200, inputs)


def test_a_layer_and_its_update_are_one_matrix_in_outputs_and_gradients(float64):
    """By what is the update multiplied, and where is it added?"""
    low_rank = layer()
    weight, bias = low_rank.linear.weight, low_rank.linear.bias
    x = torch.randn(3, 5, requires_grad=True)
    known = [x, low_rank.rows, low_rank.columns]
    together = weight + SCALE * low_rank.columns @ low_rank.rows
    expected = F.linear(x, together, bias)
    assert_close(low_rank(x), expected)
    ours = torch.autograd.grad(low_rank(x).square().sum(), known)
    theirs = torch.autograd.grad(expected.square().sum(), known)
    for a, b in zip(ours, theirs, strict=True):
        assert_close(a, b)


def test_the_gradient_of_a_layer_with_an_update_is_right(float64):
    assert gradcheck(layer(), torch.randn(2, 5, requires_grad=True))


def test_the_update_has_the_rank_that_was_asked_for(float64):
    for rank in (1, 2, 3):
        low_rank = layer(rank)
        update = low_rank.merged().weight - low_rank.linear.weight
        assert torch.linalg.matrix_rank(update, atol=1e-10) == rank
        assert low_rank.rows.shape == (rank, 5)
        assert low_rank.columns.shape == (4, rank)


def test_only_rows_and_columns_get_a_gradient():
    """Who may change when an update is learned?"""
    network = adapted_by_chance()
    network(torch.rand(8, 64)).square().sum().backward()
    for name, parameter in network.named_parameters():
        part = name.split(".")[1]
        learns = part in ("rows", "columns")
        assert (parameter.grad is not None) == learns == parameter.requires_grad, name
    assert len(learning(network)) == 8


def test_training_an_update_leaves_the_frozen_numbers_as_they_were():
    """Which numbers may differ after training?"""
    network = Reader()
    adapted = adapt.adapt(network, 1)
    before = copy.deepcopy(adapted.state_dict())
    train(adapted, some(40), steps=3, rate=0.01)
    for name, tensor in adapted.state_dict().items():
        learns = name.endswith(("rows", "columns"))
        assert tensor.equal(before[name]) != learns, name


# From a network to an adapted one, and back


def test_an_adapted_network_is_a_copy_and_the_other_one_learns_as_before():
    """Is the network that was adapted still what it was?"""
    network = Reader()
    before = copy.deepcopy(network.state_dict())
    adapted = adapt.adapt(network, 2)
    train(adapted, some(40), steps=3, rate=0.01)
    assert list(network.state_dict()) == list(before)
    for name, tensor in network.state_dict().items():
        assert tensor.equal(before[name])
    assert len(learning(network)) == 8  # all of them: four weights, four biases
    kept = [child.linear.weight for child in adapted.children()]
    assert all(weight is not network.first.weight for weight in kept)


def test_merging_changes_no_output(float64):
    """What must be added to the weights, so that nothing changes?"""
    adapted = adapted_by_chance()
    images = torch.rand(20, 64)
    before = adapted(images)
    merged = merge(adapted)
    assert_close(merged(images), before, rtol=0, atol=1e-12)
    assert adapted(images).equal(before)  # the adapted one stays as it was
    assert [type(child) for child in merged.children()] == [nn.Linear] * 4
    names = list(Reader().state_dict())
    assert list(merged.state_dict()) == names


def test_the_change_by_merging_is_the_largest_of_all_scores(monkeypatch):
    adapted = adapted_by_chance()
    images = torch.rand(20, 64)
    assert change_by_merging(adapted, images) < 1e-12
    assert next(adapted.parameters()).dtype == torch.float32

    def spoilt(network):
        merged = merge(network)
        with torch.no_grad():
            merged.last.bias[7] -= 0.25
        return merged

    monkeypatch.setattr(adapt, "merge", spoilt)
    assert change_by_merging(adapted, images) == pytest.approx(0.25)


def test_the_numbers_that_may_change_are_counted():
    """Which numbers count: all, or those that may change?"""
    network = Reader()
    assert count(learning(network)) == 42_634
    for rank in RANKS:
        assert count(learning(adapt.adapt(network, rank))) == rank * 842


def test_the_network_is_four_linear_layers_with_relu_between_them(float64):
    network = Reader()
    x = torch.rand(3, 64)
    weights = list(network.parameters())
    by_hand = x
    for place in range(0, 6, 2):
        by_hand = (by_hand @ weights[place].T + weights[place + 1]).relu()
    by_hand = by_hand @ weights[6].T + weights[7]
    assert_close(network(x), by_hand)
    assert network.second.weight.shape == (HIDDEN, HIDDEN)
    assert gradcheck(network, torch.rand(2, 64, requires_grad=True))


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


def test_a_mirror_exchanges_left_and_right():
    """Which of the two directions of an image does a mirror turn around?"""
    image = torch.arange(64.0).view(1, 64)
    labels = torch.tensor([5])
    mirrored, same = mirror((image, labels))
    assert mirrored[0, :8].tolist() == [7, 6, 5, 4, 3, 2, 1, 0]
    assert mirrored[0, 8:16].tolist() == [15, 14, 13, 12, 11, 10, 9, 8]
    assert same is labels
    digits = deal(seed=0)[1]
    assert mirror(mirror(digits))[0].equal(digits[0])


# Training


def test_training_is_adam_on_batches_drawn_at_random(float64):
    """Which of the five lines is missing, and which digits does a step see?"""
    images, labels = some(200)
    images = images.double()
    network = Reader()
    twin = copy.deepcopy(network)
    torch.manual_seed(5)
    train(network, (images, labels), steps=4, rate=0.02)
    torch.manual_seed(5)
    adam = torch.optim.Adam(twin.parameters(), lr=0.02)
    for _ in range(4):
        chosen = torch.randint(200, (BATCH,))
        log_chances = twin(images[chosen]).log_softmax(dim=1)
        adam.zero_grad()
        (-log_chances[torch.arange(BATCH), labels[chosen]].mean()).backward()
        adam.step()
    for ours, theirs in zip(network.parameters(), twin.parameters(), strict=True):
        assert_close(ours, theirs)


def test_watch_hears_every_step_and_its_loss():
    images, labels = some(1)
    network = Reader()
    start = F.cross_entropy(network(images), labels).item()
    heard = []

    def watch(step, loss):
        heard.append((step, loss))

    train(network, (images, labels), 3, 0.003, watch)
    assert [step for step, _ in heard] == [0, 1, 2]
    assert heard[0][1] == pytest.approx(start, rel=1e-5)
    assert heard[2][1] < start


def test_a_training_prints_six_losses(capsys):
    for step in range(300):
        print_loss(step, 2.3456)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[0] == "    step   0: loss 2.346"
    assert lines[-1].startswith("    step 250")


def test_accuracy_is_the_share_of_digits_that_get_their_label():
    class Knowing(nn.Module):
        def forward(self, x):
            return x[:, :10]

    images, labels = some(40)
    assert accuracy(Knowing(), (images, labels)) == 1
    spoilt = labels.clone()
    spoilt[:10] = (spoilt[:10] + 1) % 10
    assert accuracy(Knowing(), (images, spoilt)) == 0.75


# A fair try


@pytest.fixture
def heard(monkeypatch):
    """What each training gets, in place of a training."""
    calls = []

    def ear(network, digits, steps, rate, watch=None):
        state = copy.deepcopy(network.state_dict())
        draw = torch.rand(1).item()  # what the next random number would be
        calls.append((network, digits, steps, rate, state, draw))

    monkeypatch.setattr(adapt, "train", ear)
    return calls


def test_each_rate_begins_with_the_same_numbers_and_the_same_batches(heard):
    """In what may two tries differ, if only the rate is to be chosen?"""
    sets = [some(20), some(10, seed=1), some(30, seed=2)]
    start = Reader()
    updated(start, 2, sets, steps=7, seed=3)
    fine_tuned(start, sets, steps=7, seed=3)
    updates, full_ones = heard[: len(UPDATE_RATES)], heard[len(UPDATE_RATES) :]
    assert [call[3] for call in updates] == list(UPDATE_RATES)
    assert [call[3] for call in full_ones] == list(FULL_RATES)
    for calls in (updates, full_ones):
        for network, digits, steps, _, state, draw in calls:
            assert digits is sets[0] and steps == 7
            assert draw == calls[0][5]
            assert list(state) == list(calls[0][4])
            for name, tensor in state.items():
                assert tensor.equal(calls[0][4][name])
            assert network is not start
    frozen = updates[0][4]["second.linear.weight"]
    assert frozen.equal(start.second.weight)
    assert full_ones[0][4]["second.weight"].equal(start.second.weight)
    assert updates[0][4]["second.rows"].shape == (2, HIDDEN)


def test_the_rate_is_chosen_by_the_validation_set_and_not_by_the_test(monkeypatch):
    """Which set decides which learning rate is kept?"""
    sets = [some(20), some(10, seed=1), some(30, seed=2)]
    asked = []

    def judged(network, digits):
        asked.append(digits)
        return 0.5

    monkeypatch.setattr(adapt, "accuracy", judged)
    updated(Reader(), 1, sets, steps=1, seed=0)
    fine_tuned(Reader(), sets, steps=1, seed=0)
    assert asked
    for digits in asked:
        assert digits is sets[1]


def test_the_best_on_validation_is_kept_and_of_equals_the_first(monkeypatch):
    tries = [Reader() for _ in range(4)]
    shares = dict(zip(map(id, tries), [0.2, 0.7, 0.7, 0.1], strict=True))
    monkeypatch.setattr(adapt, "accuracy", lambda network, digits: shares[id(network)])
    assert best_on_validation(tries, some(3)) is tries[1]
    assert best_on_validation(tries[::-1], some(3)) is tries[2]


# Claim

HOLDS = {
    "share_1": 0.02,
    "without_update": 0.40,
    "pretrained_1": 0.90,
    "pretrained_2": 0.93,
    "pretrained_4": 0.95,
    "pretrained_all": 0.96,
    "random_1": 0.55,
    "random_2": 0.80,
    "random_4": 0.92,
    "random_all": 0.96,
    "change_by_merging": 1e-14,
}


@pytest.mark.parametrize(
    "holds, changed",
    [
        (True, {}),
        (True, {"share_1": 0.0299}),
        (False, {"share_1": 0.03}),
        (True, {"pretrained_1": 0.801}),
        (False, {"pretrained_1": 0.80}),
        (True, {"without_update": 0.599}),
        (False, {"without_update": 0.60}),
        (True, {"pretrained_4": 0.901}),
        (False, {"pretrained_4": 0.899}),
        (False, {"pretrained_4": 0.0, "pretrained_all": 0.06}),
        (True, {"pretrained_4": 0.99}),
        (True, {"random_1": 0.749}),
        (False, {"random_1": 0.751}),
        (True, {"pretrained_1": 1.0, "random_1": 0.849}),
        (False, {"pretrained_1": 1.0, "random_1": 0.851}),
        (True, {"random_all": 0.901}),
        (False, {"random_all": 0.90}),
        (True, {"change_by_merging": 0.99e-9}),
        (False, {"change_by_merging": 1e-9}),
    ],
)
def test_the_claim_holds_only_if_each_of_its_parts_does(holds, changed):
    assert claim_holds(HOLDS | changed) is holds


def test_claim_few_numbers_are_enough_if_the_network_could_read():
    numbers = full(adapt).numbers
    assert numbers["holds"] and claim_holds(numbers)


@pytest.mark.slow
def test_claim_it_holds_for_another_seed():
    numbers = full(adapt, seed=1).numbers
    assert numbers["holds"] and claim_holds(numbers)


# Main


def test_the_control_differs_only_in_its_pretraining(monkeypatch):
    """Where do the random numbers of the control come from?"""
    trained, starts, tested = [], [], []

    def ear(network, digits, steps, rate, watch=None):
        trained.append((copy.deepcopy(network.state_dict()), digits, steps, rate))
        with torch.no_grad():
            network.last.bias += 1  # so that one sees what was trained

    def update(start, rank, digits, steps, seed):
        starts.append((start, rank, digits, steps, seed))
        return adapt.adapt(start, rank)

    def tune(start, digits, steps, seed):
        starts.append((start, "all", digits, steps, seed))
        return start

    def judge(network, digits):
        tested.append(digits)
        return 0.5

    monkeypatch.setattr(adapt, "train", ear)
    monkeypatch.setattr(adapt, "updated", update)
    monkeypatch.setattr(adapt, "fine_tuned", tune)
    monkeypatch.setattr(adapt, "accuracy", judge)
    numbers = main(steps=9, seed=4)
    ((first, digits, steps, rate),) = trained
    assert (steps, rate) == (9, LEARN_RATE)
    sets = deal(seed=4)
    assert digits[0].equal(sets[0][0]) and digits[1].equal(sets[0][1])

    assert [call[1] for call in starts] == 2 * [*RANKS, "all"]
    for place, (start, _, mirrored, steps, seed) in enumerate(starts):
        pretrained = int(place >= len(RANKS) + 1)
        for name, tensor in start.state_dict().items():
            change = pretrained * int(name == "last.bias")
            assert tensor.equal(first[name] + change), (place, name)
        assert (steps, seed) == (9, 4)
        for ours, upright in zip(mirrored, sets, strict=True):
            expected = mirror(upright)
            assert ours[0].equal(expected[0]) and ours[1].equal(expected[1])
    # Upright digits are tested once, and then only mirrored ones of the test set.
    assert tested[0][0].equal(sets[2][0])
    assert len(tested) == 10
    for digits in tested[1:]:
        assert digits[0].equal(mirror(sets[2])[0])
    assert numbers["share_4"] == pytest.approx(4 * 842 / 42_634)


def test_what_main_prints_is_what_it_returns():
    run = full(adapt)
    numbers, printed = run.numbers, run.printed
    for name in ("1", "2", "4", "all"):
        row = f"{numbers[f'pretrained_{name}']:13.1%}{numbers[f'random_{name}']:10.1%}"
        assert row in printed
    for rank in RANKS:
        assert f"rank {rank}{842 * rank:14,}{numbers[f'share_{rank}']:8.1%}" in printed
    assert f"on mirrored ones {numbers['without_update']:.1%}" in printed


# Picture


def test_the_picture_shows_a_digit_in_a_mirror_and_each_accuracy():
    numbers = HOLDS | {"share_2": 0.04, "share_4": 0.079}
    digits = deal(seed=0)[2]
    first, other, ax = figure(digits, numbers).axes
    shown = first.images[0].get_array()
    nine = digits[0][digits[1] == 9][0].view(8, 8)
    assert torch.tensor(shown.data).equal(nine)
    assert (other.images[0].get_array() == shown[:, ::-1]).all()
    assert (first.get_title(), other.get_title()) == ("learned first", "to be learned")

    *lines, before = ax.lines
    for start, line in zip(("pretrained", "random"), lines, strict=True):
        heights = [numbers[f"{start}_{name}"] for name in ("1", "2", "4", "all")]
        assert list(line.get_ydata()) == heights
        assert list(line.get_xdata()) == [0, 1, 2, 3]
        assert line.get_label() == STARTS[start]
    assert [line.get_linestyle() for line in ax.lines] == ["-", "--", ":"]
    assert before.get_ydata()[0] == numbers["without_update"]
    ticks = [text.get_text() for text in ax.get_xticklabels()]
    assert ticks == ["rank 1\n2%", "rank 2\n4%", "rank 4\n8%", "all\n100%"]
    assert ax.get_ylim() == (0, 1.03)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == [*STARTS.values(), "read before, no update"]
    plt.close("all")
