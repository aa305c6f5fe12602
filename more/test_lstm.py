"""What lstm.py claims, as tests."""

import copy
import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd import gradcheck
from torch.func import jacrev
from torch.testing import assert_close

import lstm
from lstm import (
    ASK,
    BIASES,
    CLAIM,
    HIDDEN,
    LETTERS,
    LSTM,
    NETWORKS,
    WAITS,
    Recaller,
    claim_holds,
    compare,
    compare_gradients,
    copy_of,
    count_recalling,
    deal,
    figure,
    learn_and_recall,
    left_of_a_nudge,
    lstm_step,
    main,
    make_network,
    print_loss,
    recall,
    same_weights,
    sigmoid,
    train,
    try_gru,
)
from tools.contract import ModelContract
from tools.store import full


class TestLSTM(ModelContract):
    output = (1, 5)

    def make(self):
        return LSTM(input_size=3, hidden_size=5)

    def inputs(self, batch):
        return torch.rand(batch, 1, 3)


class TestRecaller(ModelContract):
    output = (3,)

    def make(self):
        return Recaller()

    def inputs(self, batch):
        return torch.rand(batch, 1, 7)


class TestRecallerWithGRU(TestRecaller):
    def make(self):
        return Recaller(nn.GRU)


def pair(sizes=(6, 12)) -> tuple[LSTM, nn.LSTM]:
    """Our LSTM and PyTorch's, with the same weights."""
    theirs = nn.LSTM(*sizes, batch_first=True)
    return copy_of(theirs), theirs


# Definition


@pytest.mark.parametrize("number", [-5.0, 0.0, 6.0])
def test_a_sigmoid_is_pytorchs(number):
    theirs = torch.sigmoid(torch.tensor(number, dtype=torch.float64)).item()
    assert sigmoid(number) == pytest.approx(theirs)


def test_one_step_of_the_smallest_lstm_is_right_on_paper():
    """Which gate belongs to which number: do it with a pencil, and compare."""
    # At x = 0.5 with nothing in state and cell, the input gate gets 5 - 5 = 0.
    i, f, cell, state = lstm_step(0.5, 0.0, 0.0, forget_bias=0.0)
    assert (i, f) == pytest.approx((0.5, 0.5))
    assert cell == pytest.approx(0.5 * math.tanh(1))
    assert state == pytest.approx(math.tanh(cell) / (1 + math.exp(-0.5)))
    # At x = 0.5 and state 1 the candidate gets 2, the forget gate 1 + 2.
    i, f, cell, state = lstm_step(0.5, 1.0, 3.0, forget_bias=2.0)
    assert i == pytest.approx(0.5) and f == pytest.approx(1 / (1 + math.exp(-3)))
    assert cell == pytest.approx(3 * f + 0.5 * math.tanh(2))
    assert state == pytest.approx(math.tanh(cell) / (1 + math.exp(-1.5)))


@pytest.mark.parametrize("bias", [0.0, 6.0])
def test_the_smallest_lstm_is_pytorchs(float64, bias):
    x = torch.randn(20)
    theirs, _ = same_weights(bias)(x.view(1, 20, 1))
    state = cell = 0.0
    for number, right in zip(x.tolist(), theirs.flatten().tolist(), strict=True):
        _, _, cell, state = lstm_step(number, state, cell, bias)
        assert state == pytest.approx(right)


@pytest.mark.parametrize("bias", [0.0, 6.0])
def test_the_table_has_the_steps_of_the_pencil(capsys, bias):
    lstm.read_four_numbers(bias)
    title, _, *rows = capsys.readouterr().out.splitlines()
    assert title == f"With a forget bias of {bias:.0f}:"
    state = cell = 0.0
    for x, row in zip([1, 0, 0, 0], rows, strict=True):
        i, f, cell, state = lstm_step(x, state, cell, bias)
        told = [float(number) for number in row.split()]
        assert told == pytest.approx([x, i, f, cell, state, state], abs=0.0051)


def test_the_forget_gate_keeps_and_the_input_gate_writes(float64):
    """Which gate is multiplied by the old cell, and which by the candidate?"""
    ours = LSTM(2, 3)
    for part in ours.children():
        nn.init.zeros_(part.weight)
    nn.init.constant_(ours.candidate.bias, 0.5)
    x, h, c = torch.randn(1, 2), torch.randn(1, 3), torch.randn(1, 3)
    for forget, write in [(50.0, -50.0), (-50.0, 50.0), (50.0, 50.0)]:
        nn.init.constant_(ours.forget_gate.bias, forget)
        nn.init.constant_(ours.input_gate.bias, write)
        for show in (-50.0, 50.0):
            nn.init.constant_(ours.output_gate.bias, show)
            new_h, new_c, f = ours.step(x, h, c)
            kept = c if forget > 0 else torch.zeros_like(c)
            right = kept + (math.tanh(0.5) if write > 0 else 0.0)
            assert_close(new_c, right)
            assert_close(new_h, torch.tanh(right) if show > 0 else 0 * right)
            assert_close(f, torch.full_like(f, float(forget > 0)))


# Equivalence


@pytest.mark.parametrize("time", [1, 7, 28])
def test_equals_the_builtin_in_outputs_and_every_gradient(float64, time):
    """In which order does nn.LSTM keep its four parts, and what about two biases?"""
    ours, theirs = pair()
    x = torch.randn(4, time, 6, requires_grad=True)
    copied = x.detach().clone().requires_grad_()
    states, (right, _) = ours(x), theirs(copied)
    assert_close(states, right)
    weight = torch.randn_like(right)
    (states * weight).sum().backward()
    (right * weight).sum().backward()
    assert_close(x.grad, copied.grad)
    parts = [ours.input_gate, ours.forget_gate, ours.candidate, ours.output_gate]
    from_both = torch.cat([part.weight.grad for part in parts])
    both = torch.cat([theirs.weight_ih_l0.grad, theirs.weight_hh_l0.grad], dim=1)
    assert_close(from_both, both)
    biases = torch.cat([part.bias.grad for part in parts])
    assert_close(biases, theirs.bias_ih_l0.grad)
    assert_close(biases, theirs.bias_hh_l0.grad)


def test_the_cell_is_pytorchs_too(float64):
    ours, theirs = pair()
    x = torch.randn(4, 7, 6)
    h = c = torch.zeros(4, 12)
    for x_t in x.unbind(dim=1):
        h, c, _ = ours.step(x_t, h, c)
    _, (right_h, right_c) = theirs(x)
    assert_close((h, c), (right_h[0], right_c[0]))


def test_a_copy_keeps_the_precision_and_shares_nothing():
    theirs = nn.LSTM(6, 12, batch_first=True).double()
    ours = copy_of(theirs)
    assert ours.forget_gate.weight.dtype == torch.float64
    nn.init.zeros_(theirs.bias_ih_l0)
    assert ours.forget_gate.bias.abs().min() > 0


def test_what_is_printed_of_the_comparison_can_say_no(capsys, monkeypatch):
    lstm.compare_with_pytorch()
    assert (
        "states [4, 7, 12] of our LSTM and of nn.LSTM: equal\n"
        in capsys.readouterr().out
    )
    monkeypatch.setattr(lstm, "copy_of", lambda theirs: LSTM(6, 12).double())
    lstm.compare_with_pytorch()
    assert "LSTM: different\n" in capsys.readouterr().out


# The task


@pytest.mark.parametrize("wait", WAITS)
def test_a_sequence_is_a_first_letter_then_others_then_a_question_mark(wait):
    """Can a K, an L or an M stand anywhere but at the beginning?"""
    x, first = deal(500, wait)
    assert x.shape == (500, wait, 7) and x.dtype == torch.float32
    assert x.sum(dim=2).unique().tolist() == [1]
    numbers = x.argmax(dim=2)
    assert_close(numbers[:, 0], first)
    assert sorted(first.unique().tolist()) == [0, 1, 2]
    assert sorted(numbers[:, 1:-1].unique().tolist()) == [3, 4, 5]
    assert numbers[:, -1].unique().tolist() == [6]


def test_the_first_letter_is_any_of_three_and_the_rest_tells_nothing_of_it():
    x, first = deal(20_000, wait=4)
    for one, second, third in itertools.product(range(3), range(3, 6), range(3, 6)):
        numbers = x.argmax(dim=2)
        fits = (first == one) & (numbers[:, 1] == second) & (numbers[:, 2] == third)
        assert fits.float().mean().item() == pytest.approx(1 / 27, abs=0.008)


def test_the_printed_sequence_is_the_dealt_one_with_its_answer(capsys):
    x, first = deal(1, 10)
    torch.manual_seed(0)  # as before every test
    lstm.show_a_sequence()
    letters = " ".join(LETTERS[row.index(1)] for row in x[0].tolist())
    answer = LETTERS[first.item()]
    assert capsys.readouterr().out == f"{letters}    the answer is {answer}\n\n"
    assert letters[0] == answer and letters[-1] == "?"


# The network


def test_the_answer_is_read_from_the_last_state(float64):
    """The question mark comes last: which state has seen it, and all before it?"""
    network, x = Recaller(), torch.randn(4, 9, 7)
    states, _ = network.memory(x)
    assert_close(network(x), network.head(states[:, -1]))


def test_no_sequence_feels_its_neighbours_and_every_letter_counts(float64):
    """Which dimension is the batch, and which is time?"""
    network, x = make_network(6), torch.randn(4, 9, 7)
    assert_close(network(x)[2:3], network(x[2:3]))
    for t in range(9):
        changed = x.clone()
        changed[2, t] += 1
        assert (network(changed) != network(x)).any(dim=1).tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize("bias", BIASES)
def test_only_the_forget_gates_differ_from_bias_to_bias(bias):
    """Two biases are added: is their sum the number that was asked for?"""
    torch.manual_seed(3)
    network = make_network(bias).memory
    torch.manual_seed(3)
    plain = Recaller().memory
    both = network.bias_ih_l0 + network.bias_hh_l0
    write, forget, candidate, output = both.chunk(4)
    assert forget.tolist() == [bias] * HIDDEN
    assert write.tolist() == [-5] * HIDDEN
    right = (plain.bias_ih_l0 + plain.bias_hh_l0).chunk(4)
    assert_close((candidate, output), right[2:])
    assert_close(network.weight_ih_l0, plain.weight_ih_l0)
    assert_close(network.weight_hh_l0, plain.weight_hh_l0)
    assert isinstance(network, nn.LSTM) and network.hidden_size == 16


def test_our_class_finds_the_bias_in_the_forget_gates():
    """Set in nn.LSTM, found in our class: is it the same gate?"""
    ours = copy_of(make_network(6).memory)
    assert ours.forget_gate.bias.tolist() == [6] * HIDDEN
    assert ours.input_gate.bias.tolist() == [-5] * HIDDEN


def test_of_a_gru_it_is_the_update_gate_that_keeps(float64):
    """Where the update gate is open, is the old state kept?"""
    network = make_network(50, nn.GRU).memory
    torch.manual_seed(3)
    start = torch.randn(1, 4, HIDDEN)
    states, _ = network(torch.randn(4, 9, 7), start)
    assert_close(states, start[0][:, None].expand(-1, 9, -1))
    plain = make_network(0, nn.GRU).memory
    assert (plain(torch.randn(4, 9, 7), start)[0][:, -1] - start[0]).abs().max() > 0.1


# Gradient


def test_the_gradient_is_that_of_finite_differences(float64):
    ours, x = LSTM(3, 4), torch.randn(2, 3, 3, requires_grad=True)
    assert gradcheck(ours, (x,))


def nudged(ours: LSTM, x: torch.Tensor) -> torch.Tensor:
    """What is left of a nudge to each number after the first step, by PyTorch alone."""
    zeros = torch.zeros(1, ours.hidden_size)
    h, c, _ = ours.step(x[:, 0], zeros, zeros)

    def rest(c):
        state = h
        for x_t in x[:, 1:].unbind(dim=1):
            state, c, _ = ours.step(x_t, state, c)
        return c[0]

    return jacrev(rest)(c)[:, 0].diagonal()


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("size", [0.5, 3.0])
def test_along_the_cell_the_gradient_is_exactly_the_product(float64, bias, size):
    """Which ways does a nudge have besides the cell: are they cut off?"""
    ours = copy_of(make_network(bias).memory)
    for parameter in ours.parameters():
        parameter.data += size * torch.randn_like(parameter)  # as if it were trained
    x = deal(1, 12)[0].double()
    products, along = left_of_a_nudge(ours, x, only_cell=True)
    assert_close(along, products[-1], rtol=1e-12, atol=0)


def test_on_all_ways_the_gradient_is_that_of_pytorch_and_not_the_product(float64):
    """The other ways are not cut off: what is left by all of them?"""
    ours = copy_of(make_network(1).memory)
    for parameter in ours.parameters():
        parameter.data += torch.randn_like(parameter)
    x = deal(1, 12)[0].double()
    products, whole = left_of_a_nudge(ours, x, only_cell=False)
    assert_close(whole, nudged(ours, x))
    assert not torch.allclose(whole, products[-1], rtol=0.01)


def test_the_products_are_those_of_the_gates_of_every_step(float64):
    """After which time step does the first forget gate count?"""
    ours = copy_of(make_network(1).memory)
    x = deal(1, 12)[0].double()
    products, _ = left_of_a_nudge(ours, x, only_cell=True)
    h = c = torch.zeros(1, HIDDEN)
    gates = []
    for x_t in x.unbind(dim=1):
        h, c, f = ours.step(x_t, h, c)
        gates.append(f[0])
    assert products.shape == (12, HIDDEN)
    assert products[0].tolist() == [1] * HIDDEN
    for t in range(1, 12):
        assert_close(products[t], torch.stack(gates[1 : t + 1]).prod(dim=0))


def test_the_table_of_gradients_is_computed_and_printed(capsys):
    found = compare_gradients(seed=5)
    rows = capsys.readouterr().out.splitlines()[2:]
    assert list(found) == BIASES
    for bias, row in zip(BIASES, rows, strict=False):
        torch.manual_seed(5)
        ours = copy_of(make_network(bias).memory.double())
        x = deal(1, 100)[0].double()
        products, along = left_of_a_nudge(ours, x, only_cell=True)
        _, whole = left_of_a_nudge(ours, x, only_cell=False)
        one = found[bias]
        assert one["products"] == pytest.approx(products.mean(dim=1).tolist())
        assert one["along"] == pytest.approx(along.mean().item())
        assert one["whole"] == pytest.approx(whole.mean().item())
        assert 0 <= one["apart"] < 1e-9
        told = [float(number) for number in row.split()]
        means = [products[-1].mean(), along.mean(), whole.mean()]
        right = [bias, sigmoid(bias), *[mean.item() for mean in means]]
        assert told == pytest.approx(right, rel=0.06, abs=0)
    assert compare_gradients(seed=6)[1]["products"] != found[1]["products"]


def test_how_far_along_and_product_are_apart_is_the_worst_of_all(monkeypatch):
    def ear(ours, x, only_cell):
        products = torch.full((3, HIDDEN), 2.0)
        along = torch.full((HIDDEN,), 2.0)
        along[4] = 1.5
        along[5] = 2.1
        return products, along

    monkeypatch.setattr(lstm, "left_of_a_nudge", ear)
    assert compare_gradients(0)[0]["apart"] == pytest.approx(0.25)


# Training


def test_training_is_adam_on_fresh_sequences(float64, monkeypatch):
    def deal64(count, wait):
        x, first = deal(count, wait)
        return x.double(), first

    monkeypatch.setattr(lstm, "deal", deal64)
    network = make_network(6)
    other = copy.deepcopy(network)
    torch.manual_seed(3)
    train(network, wait=7, steps=9)
    torch.manual_seed(3)
    adam = torch.optim.Adam(other.parameters(), lr=0.02)
    for _ in range(9):
        x, first = deal64(16, 7)
        log_chances = other(x).log_softmax(dim=1)
        adam.zero_grad()
        (-log_chances[torch.arange(16), first].mean()).backward()
        adam.step()
    for ours, theirs in zip(network.parameters(), other.parameters(), strict=True):
        assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


def test_watch_hears_every_step_and_its_loss_before_the_weights_change():
    network = make_network(6)
    torch.manual_seed(3)
    x, first = deal(16, 7)
    start = F.cross_entropy(network(x), first).item()
    heard = []

    def watch(step, loss):
        heard.append((step, loss))

    torch.manual_seed(3)
    train(network, 7, 150, watch)
    assert [step for step, _ in heard] == list(range(150))
    assert heard[0][1] == pytest.approx(start, rel=1e-5)
    assert heard[149][1] < 0.3 * start


def test_a_training_prints_four_losses(capsys):
    for step in range(200):
        print_loss(step, 1.2345)
    assert capsys.readouterr().out.splitlines() == [
        f"    training step {step:4}: loss 1.234" for step in (0, 50, 100, 150)
    ]


def test_recall_is_the_share_of_a_thousand_fresh_sequences(monkeypatch):
    asked = []

    def remember(count, wait):
        asked.append((count, wait, *deal(count, wait)))
        return asked[-1][2:]

    def reads_the_first(x):
        return x[:, 0, :3]

    def never_says_m(x):
        return x[:, 0, :2]

    monkeypatch.setattr(lstm, "deal", remember)
    assert recall(reads_the_first, 13) == 1
    share = recall(never_says_m, 13)
    for count, wait, _, _ in asked:
        assert (count, wait) == (1000, 13)
    assert share == pytest.approx((asked[1][3] != 2).float().mean().item())
    assert not asked[0][2].equal(asked[1][2])


@pytest.fixture
def trained(monkeypatch):
    """What learn_and_recall asks for: the networks to train, and to recall."""
    calls = []

    def train_ear(*told):
        weights = copy.deepcopy(told[0].state_dict())
        calls.append(("train", *told, weights, torch.rand(3)))

    def recall_ear(*told):
        calls.append(("recall", *told))
        return 0.625

    monkeypatch.setattr(lstm, "train", train_ear)
    monkeypatch.setattr(lstm, "recall", recall_ear)
    return calls


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_one_network_is_made_trained_and_then_asked(trained, kind):
    share = learn_and_recall(3, 13, 9, seed=4, kind=kind, watch=print_loss)
    assert share == 0.625
    torch.manual_seed(4)
    network = make_network(3, kind)
    (name, made, *told, weights, _), recall_call = trained
    assert (name, told) == ("train", [13, 9, print_loss])
    assert recall_call == ("recall", made, 13)
    assert_close(weights, network.state_dict(), rtol=0, atol=0)


def test_with_any_bias_it_reads_the_same_sequences(trained):
    """What was drawn before the sequences: is it seeded after that?"""
    learn_and_recall(0, 7, 9, seed=3)
    learn_and_recall(6, 7, 9, seed=3)
    learn_and_recall(6, 7, 9, seed=3, kind=nn.GRU)  # it draws fewer weights
    learn_and_recall(6, 7, 9, seed=4)
    low, high, gru, other = [call[-1] for call in trained[::2]]
    assert low.equal(high) and low.equal(gru)
    assert not low.equal(other)


def made_up(bias: int, wait: int, seed: int) -> float:
    """A share for each bias, wait and seed, different from all others."""
    return 0.5 + 0.05 * bias + 0.001 * wait + 0.0001 * seed


@pytest.fixture
def asked(monkeypatch):
    """What is asked of learn_and_recall, which answers at once."""
    calls = []

    def ear(bias, wait, steps, seed, kind=nn.LSTM, watch=None):
        calls.append((bias, wait, steps, seed, kind, watch))
        return made_up(bias, wait, seed)

    monkeypatch.setattr(lstm, "learn_and_recall", ear)
    return calls


def test_each_seed_of_the_lesson_has_four_of_its_own(asked, capsys):
    recalled = compare(steps=9, seed=3)
    order = itertools.product(WAITS, BIASES, range(12, 16))
    assert asked == [(b, w, 9, s, nn.LSTM, None) for w, b, s in order]
    for wait in WAITS:
        for bias in BIASES:
            shares = [made_up(bias, wait, seed) for seed in range(12, 16)]
            assert recalled[wait][bias] == shares
    rows = capsys.readouterr().out.splitlines()[1:]
    assert len(rows) == 8
    assert rows[0] == "     10 time steps, forget bias 0:  51.1%" + "  51.1%" * 3
    assert rows[7].startswith("    100 time steps, forget bias 6:  90.1%  90.1%")


def test_a_gru_is_tried_with_both_biases(asked, capsys):
    shares = try_gru(steps=9, seed=3)
    assert asked == [(b, 100, 4, 12, nn.GRU, None) for b in (0, 6)]
    assert shares == {0: made_up(0, 100, 12), 6: made_up(6, 100, 12)}
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == "    100 time steps, GRU, update bias 0:  60.1%"
    assert rows[1] == "    100 time steps, GRU, update bias 6:  90.1%"


# Claim


HOLDS = {
    10: {0: [0.99] * 4, 1: [0.3] * 4, 3: [0.3] * 4, 6: [0.99] * 4},
    100: {0: [0.45] * 4, 1: [0.45] * 4, 3: [0.7] * 4, 6: [0.99] * 4},
}


@pytest.mark.parametrize(
    "holds, wait, bias, share",
    [
        (True, 10, 0, 0.99),
        (True, 10, 0, 0.0),  # one of four may fail
        (True, 10, 1, 0.0),  # of this the claim says nothing
        (True, 10, 3, 1.0),
        (True, 10, 6, 0.0),
        (True, 100, 0, 0.45),
        (False, 100, 0, 0.4501),
        (False, 100, 1, 0.4501),
        (True, 100, 3, 0.0),  # nor of this
        (True, 100, 3, 1.0),
        (True, 100, 6, 0.0),  # one of four may fail
        (True, 100, 6, 1.0),
    ],
)
@pytest.mark.parametrize("number", [0, 3])
def test_the_claim_holds_only_if_each_of_its_parts_does(
    holds, wait, bias, share, number
):
    recalled = copy.deepcopy(HOLDS)
    recalled[wait][bias][number] = share
    assert claim_holds(1e-9, recalled) is holds


@pytest.mark.parametrize("wait, bias", [(10, 0), (10, 6), (100, 6)])
def test_the_claim_fails_if_two_of_four_networks_do_not_recall(wait, bias):
    recalled = copy.deepcopy(HOLDS)
    recalled[wait][bias] = [0.9899, 0.99, 0.99, 0.99]
    assert claim_holds(0.0, recalled)
    recalled[wait][bias] = [0.9899, 0.9899, 1.0, 1.0]
    assert not claim_holds(0.0, recalled)


def test_the_claim_fails_if_the_gradient_is_not_the_product():
    assert claim_holds(0.0, HOLDS) and not claim_holds(1.1e-9, HOLDS)


def test_to_recall_is_to_be_right_in_99_of_100_cases():
    assert count_recalling([0.9899, 0.99, 0.991, 1.0, 0.0]) == 3


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_claim_it_holds_in_the_lesson_and_for_another_seed(seed):
    numbers = full(lstm, seed=seed).numbers
    assert numbers["holds"] == 1
    assert numbers["best_0"] < 0.4 and numbers["best_1"] < 0.4
    assert numbers["product_0"] < 1e-24 and 0.7 < numbers["product_6"] < 0.85
    assert numbers["whole_6"] == pytest.approx(numbers["product_6"], rel=0.1)


def share_with_input_gates_as_they_come(forget: float | None, seed: int) -> float:
    torch.manual_seed(seed)
    network = Recaller()
    if forget is not None:
        lstm.set_bias(network.memory, slice(HIDDEN, 2 * HIDDEN), forget)
    torch.manual_seed(seed)
    train(network, 100, 200)
    return recall(network, 100)


@pytest.mark.slow
def test_with_input_gates_as_pytorch_makes_them_a_high_bias_is_not_enough():
    as_it_comes = [share_with_input_gates_as_they_come(None, s) for s in range(4)]
    high = [share_with_input_gates_as_they_come(6, s) for s in range(8)]
    assert max(as_it_comes) < 0.45
    assert count_recalling(high) <= 5


# The lesson


@pytest.fixture
def quick_gradients(monkeypatch):
    found = {}
    for bias in BIASES:
        products = [sigmoid(bias) ** t for t in range(100)]
        found[bias] = {"products": products, "along": 0.1, "whole": 0.2 + bias}
        found[bias]["apart"] = 1e-12 * (bias + 1)
    monkeypatch.setattr(lstm, "compare_gradients", lambda seed: found)
    return found


def test_main_hands_on_its_seed_and_steps_and_returns_what_it_shows(
    asked, quick_gradients, monkeypatch, capsys
):
    shown = []

    def ear(*told):
        shown.append(told)
        return figure(*told)

    monkeypatch.setattr(lstm, "figure", ear)
    numbers = main(steps=9, seed=3)
    printed = capsys.readouterr().out
    assert asked[:2] == [(b, 100, 9, 12, nn.LSTM, print_loss) for b in (0, 6)]
    assert len(asked) == 2 + 2 * 4 * NETWORKS + 2
    assert {call[2] for call in asked[:-2]} == {9}
    assert {call[2] for call in asked[-2:]} == {4}  # the GRUs
    assert {call[3] for call in asked[2:]} == set(range(12, 16))
    products, recalled = shown[0]
    assert products == {b: quick_gradients[b]["products"] for b in BIASES}
    assert recalled == compare(9, 3)
    expected = {f"product_{b}": sigmoid(b) ** 99 for b in BIASES}
    expected |= {"whole_0": 0.2, "whole_6": 6.2, "apart": 7e-12}
    for bias in (0, 6):
        expected[f"short_{bias}"] = made_up(bias, 10, 12)
        expected[f"gru_{bias}"] = made_up(bias, 100, 12)
    for bias in (0, 1, 3):
        expected[f"best_{bias}"] = made_up(bias, 100, 15)
    expected |= {"worst_6": made_up(6, 100, 12), "holds": 0.0}
    assert numbers == expected
    assert printed.startswith(f"{ASK}\n\nWith a forget bias of 0:\n")
    assert "With a forget bias of 6:\n" in printed
    for bias in (0, 6):
        assert f"100 time steps, forget bias {bias} (guessing: 1.099):" in printed
    assert printed.endswith("In this run the claim does NOT hold.\n")
    assert CLAIM in " ".join(printed.splitlines())
    assert max(len(line) for line in printed.splitlines()) <= 80


def test_the_verdict_can_be_yes(asked, quick_gradients, monkeypatch, capsys):
    monkeypatch.setattr(lstm, "compare", lambda steps, seed: HOLDS)
    assert main(steps=9)["holds"] == 1
    assert capsys.readouterr().out.endswith("In this run the claim holds.\n")


def test_no_training_steps_are_refused_in_one_line():
    with pytest.raises(SystemExit, match="--steps must be at least 1, got 0"):
        main(steps=0)


# The picture


@pytest.fixture
def picture():
    products = {bias: [sigmoid(bias) ** t for t in range(100)] for bias in BIASES}
    recalled = {}
    for wait in WAITS:
        recalled[wait] = {}
        for bias in BIASES:
            recalled[wait][bias] = [made_up(bias, wait, s) - 0.1 for s in range(4)]
    recalled[100][0][2] = 0.99
    recalled[100][6] = [0.99, 1.0, 0.5, 0.995]
    return products, recalled, figure(products, recalled)


def test_the_first_half_shows_the_product_of_each_bias(picture):
    products, _, fig = picture
    left = fig.axes[0]
    assert [line.get_label() for line in left.lines] == [f"bias {b}" for b in BIASES]
    for line, bias in zip(left.lines, BIASES, strict=True):
        assert list(line.get_xdata()) == list(range(1, 101))
        assert list(line.get_ydata()) == products[bias]
    styles = [line.get_linestyle() for line in left.lines]
    assert len(set(styles)) == 4  # told apart in greyscale
    assert left.get_yscale() == "log" and left.get_xscale() == "linear"
    assert left.get_xlabel() == "time steps"
    assert left.get_ylabel() == "product of the forget gates"
    assert left.get_title() == "before training"
    names = [text.get_text() for text in left.get_legend().get_texts()]
    assert names == [f"bias {bias}" for bias in BIASES]


def test_the_second_half_shows_the_share_of_every_network_at_its_bias(picture):
    _, recalled, fig = picture
    right = fig.axes[1]
    short, long, guessing = right.lines
    names = [text.get_text() for text in right.get_legend().get_texts()]
    assert names == ["over 10 time steps", "over 100 time steps", "guessing"]
    assert [line.get_label() for line in right.lines] == names
    assert right.get_xticks().tolist() == [0, 1, 2, 3]
    ticks = [tick.get_text() for tick in right.get_xticklabels()]
    assert ticks == [str(bias) for bias in BIASES]
    for line, wait, side in [(short, 10, -1), (long, 100, 1)]:
        points = list(zip(line.get_xdata(), line.get_ydata(), strict=True))
        for place, bias in enumerate(BIASES):
            near = [(x - place, y) for x, y in points if abs(x - place) < 0.5]
            assert [y for _, y in near] == recalled[wait][bias]
            assert all(0 < side * x < 0.4 for x, _ in near)
            assert len({round(x, 3) for x, _ in near}) == 4  # none hides another
        assert sum(x for x, _ in points) / 16 == pytest.approx(1.5 + 0.2 * side)
    assert short.get_marker() != long.get_marker()
    assert short.get_color() != long.get_color()
    assert list(guessing.get_ydata()) == [1 / 3, 1 / 3]
    assert right.get_xlabel() == "bias of the forget gates"
    assert right.get_ylabel() == "right answers of each network"
    assert right.get_title() == "after training"
    assert right.get_ylim() == (0, 1.1)


def test_the_counts_in_the_title_are_counted(picture):
    title = "Over 100 time steps, a forget bias of 0 lets 1 of 4 networks recall, "
    assert picture[2].get_suptitle() == f"{title}a bias of 6 lets 3"
