"""What rnn.py claims, as tests."""

import copy
import itertools
import math
import statistics

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd import gradcheck
from torch.func import jacrev
from torch.testing import assert_close

import rnn
from rnn import (
    ASK,
    CLAIM,
    NETWORKS,
    STARTS,
    SYMBOLS,
    WAITS,
    SequenceClassifierRNN,
    claim_holds,
    compare,
    compare_gradients,
    count_recalling,
    deal,
    figure,
    gradient_left,
    learn_and_recall,
    main,
    make_network,
    print_loss,
    recall,
    train,
)
from tools.contract import ModelContract
from tools.store import full


def twin(ours: SequenceClassifierRNN) -> nn.RNN:
    """PyTorch's recurrent layer with our weights; its second bias is 0."""
    hidden, size = ours.W.shape
    theirs = nn.RNN(size, hidden, batch_first=True)
    weights = {"weight_ih_l0": ours.W, "weight_hh_l0": ours.U, "bias_ih_l0": ours.b}
    weights["bias_hh_l0"] = torch.zeros_like(ours.b)
    theirs.load_state_dict(weights)
    return theirs


def left_by_autograd(network: SequenceClassifierRNN, x: torch.Tensor) -> list[float]:
    """The most that is left of a nudge to h_0 in each state, from PyTorch alone."""

    def every_state(h):
        return torch.stack(network.states(x, h))[:, 0]  # (T, H)

    jacobians = jacrev(every_state)(torch.zeros(1, len(network.U)))[:, :, 0]
    return [torch.linalg.svdvals(jacobian)[0].item() for jacobian in jacobians]


@pytest.fixture
def deal64(float64, monkeypatch):
    """The lesson deals as always, but float64, as its networks are here."""

    def in_float64(count, wait):
        x, first = deal(count, wait)
        return x.double(), first

    monkeypatch.setattr(rnn, "deal", in_float64)
    return in_float64


class TestSequenceClassifierRNN(ModelContract):
    output = (3,)

    def make(self):
        return SequenceClassifierRNN()

    def inputs(self, batch):
        return torch.rand(batch, 1, 6)


def test_a_sequence_of_no_steps_is_refused_and_an_empty_batch_is_not():
    with pytest.raises(ValueError, match=r"expected \(B, T, 6\), got \(2, 0, 6\)"):
        SequenceClassifierRNN()(torch.rand(2, 0, 6))
    assert SequenceClassifierRNN()(torch.rand(0, 7, 6)).shape == (0, 3)


# Definition


def test_two_steps_with_a_pencil(float64):
    """Which state does the second time step start from?"""
    ours = SequenceClassifierRNN(1, 1, 1)
    for parameter, value in [(ours.W, 2.0), (ours.U, -1.0), (ours.b, 0.5)]:
        nn.init.constant_(parameter, value)
    one, two = ours.states(torch.tensor([[[1.0], [0.0]]]), torch.zeros(1, 1))
    assert one.item() == pytest.approx(math.tanh(2 * 1 + 0.5))
    assert two.item() == pytest.approx(math.tanh(2 * 0 + 0.5 - math.tanh(2.5)))


def test_the_pencil_our_class_and_pytorch_print_the_same_two_states(capsys):
    first = math.tanh(1)
    second = math.tanh(0.5 * first)
    rnn.two_steps_with_a_pencil()
    rnn.compare_with_pytorch()
    assert capsys.readouterr().out.splitlines() == [
        f"read 1: the state was 0.0000 and becomes {first:.4f}",
        f"read 0: the state was {first:.4f} and becomes {second:.4f}",
        f"state 1: our class {first:.4f}, nn.RNN {first:.4f}",
        f"state 2: our class {second:.4f}, nn.RNN {second:.4f}",
    ]


def test_a_row_of_u_says_what_one_unit_hears_from_the_others(float64):
    """The state is a row here: is it U, or U turned round?"""
    ours = SequenceClassifierRNN(1, 2, 1)
    for parameter in ours.parameters():
        nn.init.zeros_(parameter)
    ours.U.data[0, 1] = 2.0  # the first unit hears the second
    (h,) = ours.states(torch.zeros(1, 1, 1), torch.tensor([[0.1, 0.3]]))
    assert_close(h, torch.tensor([[math.tanh(2 * 0.3), 0.0]]))


def test_the_answer_is_read_from_the_last_state_and_the_first_follows_zeros(float64):
    ours, x = SequenceClassifierRNN(), torch.randn(4, 7, 6)
    last = ours.states(x, torch.zeros(4, 12))[-1]
    assert_close(ours(x), ours.head(last))


@pytest.mark.parametrize("name", ["W", "U", "b"])
def test_weights_start_uniform_within_one_over_the_root_of_the_hidden_size(name):
    """How many numbers does a unit add up?"""
    weight = getattr(SequenceClassifierRNN(100, 400), name)
    assert weight.abs().max().item() == pytest.approx(400**-0.5, rel=0.02)
    assert weight.std().item() == pytest.approx((1 / 400 / 3) ** 0.5, rel=0.1)
    assert weight.mean().item() == pytest.approx(0, abs=0.005)


def test_the_two_starts_differ_in_u_alone():
    networks = {}
    for start in STARTS:
        torch.manual_seed(3)
        networks[start] = make_network(start)
    uniform = networks["uniform"].state_dict()
    orthogonal = networks["orthogonal"].state_dict()
    different = [name for name in uniform if not uniform[name].equal(orthogonal[name])]
    assert different == ["U"]
    assert_close(orthogonal["U"] @ orthogonal["U"].T, torch.eye(64))
    assert 1 / 8.1 < uniform["U"].abs().max() <= 1 / 8
    assert uniform["W"].shape == (64, 4) and uniform["head.weight"].shape == (3, 64)


# The task


@pytest.mark.parametrize("wait", [7, 13, 25])
def test_a_sequence_has_each_symbol_as_often_then_a_question_mark(wait):
    """Can one symbol come more often than the others?"""
    x, first = deal(50, wait)
    each = {7: 2, 13: 4, 25: 8}[wait]
    assert x.shape == (50, wait, 4)
    assert x.sum(dim=1).tolist() == [[each, each, each, 1]] * 50
    assert x.sum(dim=2).unique().tolist() == [1]
    assert x[:, -1, 3].tolist() == [1] * 50
    assert_close(x[:, 0].argmax(dim=1), first)


def test_every_order_is_equally_likely(monkeypatch):
    """Is some order more frequent: can two of the numbers that are sorted be equal?"""
    x, _ = deal(18_000, wait=7)  # 200 of each order are expected
    orders = dict.fromkeys(itertools.permutations([0, 0, 1, 1, 2, 2]), 0)
    for order in x[:, :-1].argmax(dim=2).tolist():
        orders[tuple(order)] += 1
    assert len(orders) == 90
    # 89 is usual, and more than 165 comes by chance once in a million times. Swapping
    # each place with any other makes some 300.
    assert sum((count - 200) ** 2 / 200 for count in orders.values()) < 165
    # Too few to be seen in the orders: does it sort numbers that are often equal?
    sorted_numbers = []

    def watched(sort):
        def both(numbers, *given, **named):
            sorted_numbers.append(numbers)
            return sort(numbers, *given, **named)

        return both

    with monkeypatch.context() as patch:
        for place, name in itertools.product(
            (torch, torch.Tensor), ("argsort", "sort")
        ):
            patch.setattr(place, name, watched(getattr(place, name)))
        deal(1000, wait=25)
    for numbers in sorted_numbers:
        if numbers.shape == (1000, 24):
            equal = (numbers.sort(dim=1).values.diff(dim=1) == 0).any(dim=1)
            assert equal.float().mean() < 0.01


def test_who_only_counts_must_guess_and_the_last_symbol_helps_a_little():
    for wait, right in [(7, 2 / 5), (25, 8 / 23)]:
        x, first = deal(20_000, wait)
        last = x[:, -2].argmax(dim=1)
        for symbol in range(3):
            share = (first == symbol).float().mean().item()
            assert share == pytest.approx(1 / 3, abs=0.02)
            # one of the two symbols that are not the last
            guess = (last + 1) % 3
            share = (first == guess).float().mean().item()
            assert share == pytest.approx(right, abs=0.02)


def test_the_printed_sequence_is_the_dealt_one_with_its_answer(capsys):
    x, first = deal(1, 7)
    torch.manual_seed(0)  # as before every test
    rnn.show_a_sequence()
    letters = [SYMBOLS[row.index(1)] for row in x[0].tolist()]
    answer = "KLM"[first.item()]
    assert letters[0] == answer and letters[-1] == "?"
    told = f"{' '.join(letters)}    the answer is {answer}\n\n"
    assert capsys.readouterr().out == told


# Equivalence


@pytest.mark.parametrize("time", [1, 7, 28])
def test_equals_the_builtin_forward_and_every_gradient(float64, time):
    """Which state does a time step start from, and what is multiplied by U?"""
    ours, x = SequenceClassifierRNN(6, 12), torch.randn(4, time, 6, requires_grad=True)
    theirs, copied = twin(ours), x.detach().clone().requires_grad_()
    start = torch.randn(4, 12)
    states, h = ours.states(x, start), theirs(copied, start[None])[0]
    assert_close(torch.stack(states, dim=1), h)
    weight = torch.randn_like(h)
    (torch.stack(states, dim=1) * weight).sum().backward()
    (h * weight).sum().backward()
    assert_close(x.grad, copied.grad)
    assert_close(ours.W.grad, theirs.weight_ih_l0.grad)
    assert_close(ours.U.grad, theirs.weight_hh_l0.grad)
    assert_close(ours.b.grad, theirs.bias_ih_l0.grad)


# Gradient


def test_the_gradient_is_that_of_finite_differences(float64):
    ours, x = SequenceClassifierRNN(3, 4, 2), torch.randn(2, 3, 3, requires_grad=True)
    assert gradcheck(ours, (x,))


def test_the_last_state_sends_a_gradient_back_to_every_input(float64):
    """The numbers are right: where is the way back cut?"""
    ours, x = SequenceClassifierRNN(), torch.randn(4, 7, 6, requires_grad=True)
    ours(x).sum().backward()
    assert (x.grad != 0).all()


@pytest.mark.parametrize("weight", [0.5, 1.0])
@pytest.mark.parametrize("wait", [1, 2, 25])
def test_a_nudge_by_hand_is_a_product_of_weights_and_slopes(capsys, weight, wait):
    h, left = math.tanh(1), weight * (1 - math.tanh(1) ** 2)
    for _ in range(wait - 1):  # the pencil reads a 1, then only 0
        h = math.tanh(weight * h)
        left *= weight * (1 - h * h)
    rnn.nudge_by_hand(weight, wait)
    told = capsys.readouterr().out
    assert told.startswith(f"U = {weight}, {wait:2} time steps: ")
    numbers = told.split("steps: ")[1].split(", backward(): ")
    assert [float(number) for number in numbers] == pytest.approx(
        [left] * 2, 1e-5, 1e-8
    )


def test_the_product_and_backward_are_computed_on_two_ways(capsys, monkeypatch):
    def double(self):
        (self * 2).backward_as_it_is()

    monkeypatch.setattr(
        torch.Tensor, "backward_as_it_is", torch.Tensor.backward, raising=False
    )
    monkeypatch.setattr(torch.Tensor, "backward", double)
    rnn.nudge_by_hand(1.0, 2)
    by_hand, by_backward = capsys.readouterr().out.split("steps: ")[1].split(", b")
    assert float(by_backward.split(": ")[1]) == pytest.approx(2 * float(by_hand))


@pytest.mark.parametrize("start", STARTS)
def test_the_printed_lengths_are_those_of_a_thousand_nudges_and_the_largest(
    capsys, start
):
    torch.manual_seed(4)
    rnn.print_lengths(start)
    told = capsys.readouterr().out
    torch.manual_seed(4)
    U = make_network(start).U.detach()
    nudges = torch.randn(1000, 64)
    lengths = [(U @ nudge).norm() / nudge.norm() for nudge in nudges]
    mean, most = torch.stack(lengths).mean(), torch.linalg.svdvals(U)[0]
    assert told == f"{start:10} U leaves {mean:.2f} on average, {most:.2f} at most\n"
    assert mean.item() == pytest.approx({"uniform": 0.58, "orthogonal": 1}[start], 0.03)
    assert most.item() == pytest.approx({"uniform": 1.1, "orthogonal": 1}[start], 0.05)


@pytest.mark.parametrize("start", STARTS)
def test_what_is_left_is_the_norm_of_the_jacobian_of_every_state(deal64, start):
    """The chain rule: which factor is new, and on which side does it stand?"""
    network = make_network(start)
    x, _ = deal64(1, 7)
    left = gradient_left(network, x)
    assert left == pytest.approx(left_by_autograd(network, x), rel=1e-9)
    assert len(left) == 7


def test_the_three_curves_are_three_networks_that_read_the_same_sequence(deal64):
    curves = compare_gradients(seed=5)
    torch.manual_seed(5)
    x, _ = deal64(1, 25)
    uniform, orthogonal, shrinking = (
        make_network("uniform"),
        make_network("orthogonal"),
        make_network("orthogonal"),
    )
    shrinking.U.data *= 0.8
    networks = {"uniform": uniform, "orthogonal": orthogonal}
    networks["0.8 x orthogonal"] = shrinking
    assert list(curves) == list(networks)
    for start, network in networks.items():
        left = left_by_autograd(network, x)
        assert curves[start] == pytest.approx(left, rel=1e-9)
    assert compare_gradients(seed=6)["uniform"] != curves["uniform"]


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_at_most_the_factor_to_the_power_of_t_comes_back(deal64, factor, seed):
    torch.manual_seed(seed)
    network = make_network("orthogonal")
    network.U.data *= factor
    for T, left in enumerate(gradient_left(network, deal64(1, 31)[0]), start=1):
        assert left <= factor**T * (1 + 1e-9)


def test_all_comes_back_where_tanh_is_straight(float64):
    network = make_network("orthogonal")
    nn.init.zeros_(network.b)
    assert gradient_left(network, torch.zeros(1, 30, 4)) == pytest.approx([1] * 30)


def test_what_the_text_says_is_left_in_the_middle_of_many_seeds_is_left():
    curves = [compare_gradients(seed) for seed in range(25)]
    said = {"uniform": [0.07, 0.003, 6e-6], "orthogonal": [0.9, 0.75, 0.4]}
    for start, numbers in said.items():
        for wait, number in zip(WAITS, numbers, strict=True):
            middle = statistics.median(curve[start][wait - 1] for curve in curves)
            assert number / 1.6 < middle < number * 1.6
    assert all(curve["uniform"][0] > 1 for curve in curves)  # some directions grow
    assert all(curve["uniform"][1] < 1 for curve in curves)  # and none twice


def test_the_states_are_near_0_and_a_column_of_a_uniform_u_is_0_58_long():
    assert make_network("uniform").U.norm(dim=0).mean().item() == pytest.approx(
        math.sqrt(1 / 3), abs=0.02
    )
    x, _ = deal(50, 25)
    states = torch.stack(make_network("orthogonal").states(x, torch.zeros(50, 64)))
    assert states.abs().mean().item() == pytest.approx(0.2, abs=0.05)


@pytest.mark.parametrize(
    "start, wait, low, high",
    [("uniform", 7, 0.02, 0.1), ("uniform", 25, 1e-7, 1e-5)]
    + [("orthogonal", 25, 0.02, 0.2)],
)
def test_the_share_of_the_first_symbol_in_the_gradient_of_w(start, wait, low, high):
    shares = []
    for seed in range(9):
        torch.manual_seed(seed)
        network = make_network(start)
        x, first = deal(32, wait)
        h, parts = torch.zeros(32, 64), []
        for t in range(wait):
            part = F.linear(x[:, t], network.W, network.b).detach().requires_grad_()
            parts.append(part)
            h = torch.tanh(part + h @ network.U.T)
        F.cross_entropy(network.head(h), first).backward()
        lengths = [(part.grad.T @ x[:, t]).norm() for t, part in enumerate(parts)]
        shares.append((lengths[0] / sum(lengths)).item())
    assert low < statistics.median(shares) < high


# Invariance


def test_a_later_input_never_changes_an_earlier_state(float64):
    ours, x, h = SequenceClassifierRNN(), torch.randn(4, 7, 6), torch.zeros(4, 12)
    changed = x.clone()
    changed[:, 4:] += 1
    before, after = ours.states(x, h), ours.states(changed, h)
    for t in range(4):
        assert torch.equal(before[t], after[t])
    assert not torch.allclose(before[4], after[4])


def test_no_sequence_feels_its_neighbours_in_the_batch(float64):
    ours, x = SequenceClassifierRNN(), torch.randn(4, 7, 6)
    assert_close(ours(x)[2:3], ours(x[2:3]))


def test_nothing_is_remembered_from_one_call_to_the_next(float64):
    """Ask twice: what is the state before the first input?"""
    ours, x = SequenceClassifierRNN(), torch.randn(4, 7, 6)
    assert_close(ours(x), ours(x))


def test_order_matters_to_it(float64):
    ours, x = SequenceClassifierRNN(), torch.randn(4, 7, 6)
    assert not torch.allclose(ours(x), ours(x.flip(1)))


# Training


def test_training_is_adam_on_shortened_gradients_with_one_cycle_of_the_rate(deal64):
    network = make_network("orthogonal")
    network.head.weight.data *= 1.8  # so that some gradients are longer than 1
    other = copy.deepcopy(network)
    torch.manual_seed(3)
    train(network, wait=7, steps=9)
    torch.manual_seed(3)
    adam = torch.optim.Adam(other.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, 0.005, total_steps=9)
    lengths = []
    for _ in range(9):
        x, first = deal64(32, 7)
        log_chances = other(x).log_softmax(dim=1)
        adam.zero_grad()
        (-log_chances[torch.arange(32), first].mean()).backward()
        gradients = [parameter.grad for parameter in other.parameters()]
        length = torch.cat([gradient.flatten() for gradient in gradients]).norm()
        lengths.append(length.item())
        for gradient in gradients:
            gradient /= max(1, length + 1e-6)
        adam.step()
        schedule.step()
    assert max(lengths) > 1.2 and min(lengths) < 0.95
    for ours, theirs in zip(network.parameters(), other.parameters(), strict=True):
        assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


def test_watch_hears_every_step_and_its_loss_before_the_weights_change():
    network = make_network("uniform")
    torch.manual_seed(3)
    x, first = deal(32, 7)
    start = F.cross_entropy(network(x), first).item()
    heard = []

    def watch(step, loss):
        heard.append((step, loss))

    torch.manual_seed(3)
    train(network, 7, 60, watch)
    assert [step for step, _ in heard] == list(range(60))
    assert heard[0][1] == pytest.approx(start, rel=1e-5)
    assert heard[59][1] < 0.5 * start


def test_a_training_prints_five_losses(capsys):
    for step in range(200):
        print_loss(step, 1.2345)
    assert capsys.readouterr().out.splitlines() == [
        "    training step    0: loss 1.234",
        "    training step   40: loss 1.234",
        "    training step   80: loss 1.234",
        "    training step  120: loss 1.234",
        "    training step  160: loss 1.234",
    ]


def test_recall_is_the_share_of_a_thousand_sequences_whose_first_symbol_is_named(
    monkeypatch,
):
    asked = []

    def remember(count, wait):
        asked.append((count, wait, *deal(count, wait)))
        return asked[-1][2:]

    def reads_the_first(x):
        return x[:, 0, :3]

    def never_says_m(x):
        return x[:, 0, :2]

    monkeypatch.setattr(rnn, "deal", remember)
    assert recall(reads_the_first, 13) == 1
    share = recall(never_says_m, 13)
    for count, wait, _, _ in asked:
        assert (count, wait) == (1000, 13)
    assert share == pytest.approx((asked[1][3] != 2).float().mean().item())
    assert share < 0.75 and not asked[0][2].equal(asked[1][2])


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

    monkeypatch.setattr(rnn, "train", train_ear)
    monkeypatch.setattr(rnn, "recall", recall_ear)
    return calls


@pytest.mark.parametrize("start", STARTS)
def test_one_network_is_made_trained_and_then_asked(trained, start):
    assert learn_and_recall(start, 13, 9, seed=3, watch=print_loss) == 0.625
    torch.manual_seed(3)
    network = make_network(start)
    train_call, recall_call = trained
    name, made, wait, steps, watch, weights, _ = train_call
    assert (name, wait, steps, watch) == ("train", 13, 9, print_loss)
    assert recall_call == ("recall", made, 13)
    assert_close(weights, network.state_dict(), rtol=0, atol=0)


def test_with_the_same_seed_both_starts_read_the_same_sequences(trained):
    """What was drawn before the sequences: is it seeded after that?"""
    for start in STARTS:
        learn_and_recall(start, 7, 9, seed=3)
    learn_and_recall("uniform", 7, 9, seed=4)
    uniform, orthogonal, other = [call[-1] for call in trained[::2]]
    assert uniform.equal(orthogonal)
    assert not uniform.equal(other)


def test_it_is_trained_and_asked_in_one_stream_of_random_numbers():
    """So no sequence of the test is one of the training."""
    share = learn_and_recall("uniform", 25, 30, seed=3)
    torch.manual_seed(3)
    network = make_network("uniform")
    torch.manual_seed(3)
    train(network, 25, 30)
    x, first = deal(1000, 25)
    right = (network(x).argmax(dim=1) == first).float().mean().item()
    assert share == right
    assert share < 0.95  # if all recalled, there would be nothing to compare


def made_up(start: str, wait: int, seed: int) -> float:
    """A share for each start, wait and seed, different from all others."""
    return 0.5 + 0.2 * STARTS.index(start) + 0.001 * wait + 0.0001 * seed


@pytest.fixture
def asked(monkeypatch):
    """What is asked of learn_and_recall, which answers at once."""
    calls = []

    def ear(start, wait, steps, seed, watch=None):
        calls.append((start, wait, steps, seed, watch))
        return made_up(start, wait, seed)

    monkeypatch.setattr(rnn, "learn_and_recall", ear)
    return calls


def test_each_seed_of_the_lesson_has_eight_of_its_own(asked, capsys):
    recalled = compare(steps=9, seed=3)
    wanted = itertools.product(STARTS, WAITS, [9], range(24, 32), [None])
    assert asked == list(wanted)
    assert NETWORKS == 8
    for start in STARTS:
        for wait in [7, 13, 25]:
            shares = [made_up(start, wait, seed) for seed in range(24, 32)]
            assert recalled[start][wait] == shares
    assert list(recalled) == STARTS and list(recalled["uniform"]) == WAITS
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == "uniform     7 time steps: " + " ".join([" 51%"] * 8)
    assert rows[5] == "orthogonal 25 time steps: " + " ".join([" 73%"] * 8)
    assert len(rows) == 6


# Claim


def shares(recalling: int, best: float = 1.0) -> list[float]:
    """Eight shares, of which this many recall."""
    return [0.4] * (8 - recalling) + [best] * recalling


HOLDS = {
    "uniform": {7: shares(8), 13: shares(5), 25: shares(2)},
    "orthogonal": {7: shares(8), 13: shares(8), 25: shares(8)},
}
JUST_NOT = [0.989, *shares(7)[1:]]  # one network in a hundred answers too few


@pytest.mark.parametrize(
    "holds, start, wait, eight",
    [
        (True, "uniform", 7, shares(8, best=0.99)),
        (False, "uniform", 7, JUST_NOT),  # one does not recall over 7
        (False, "uniform", 7, shares(0)),
        (True, "uniform", 13, shares(0)),  # of this the claim says nothing
        (True, "uniform", 13, shares(8)),
        (True, "uniform", 25, shares(0)),
        (True, "uniform", 25, shares(6)),
        (True, "uniform", 25, [0.989, 0.989, *shares(6)[2:]]),
        (False, "uniform", 25, [0.4, 0.99, *shares(6)[2:]]),  # only one fails
        (False, "uniform", 25, shares(7)),
        (False, "uniform", 25, shares(8)),
        (True, "orthogonal", 7, shares(8, best=0.99)),
        (False, "orthogonal", 7, JUST_NOT),  # one does not recall
        (True, "orthogonal", 13, shares(8, best=0.99)),
        (False, "orthogonal", 13, JUST_NOT),
        (True, "orthogonal", 25, shares(8, best=0.99)),
        (False, "orthogonal", 25, JUST_NOT),
        (False, "orthogonal", 25, shares(0)),
    ],
)
def test_the_claim_holds_only_if_each_of_its_parts_does(holds, start, wait, eight):
    recalled = copy.deepcopy(HOLDS)
    recalled[start][wait] = eight
    assert claim_holds(recalled) is holds


def test_to_recall_is_to_be_right_in_99_of_100_cases():
    assert count_recalling([0.9899, 0.99, 0.991, 1.0, 0.0]) == 3


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_claim_it_holds_in_the_lesson_and_for_another_seed(seed):
    numbers = full(rnn, seed=seed).numbers if seed else full(rnn).numbers
    assert numbers["holds"] == 1
    assert numbers["short_worst"] >= 0.99
    assert numbers["orthogonal_worst"] >= 0.99
    assert numbers["uniform_worst"] < 0.6


def test_training_from_the_orthogonal_start_widens_the_way():
    torch.manual_seed(0)
    network = make_network("orthogonal")
    x, _ = deal(1, 25)
    before = gradient_left(network, x)[-1]
    train(network, 25, 200)
    assert before < 1 and gradient_left(network, x)[-1] > 10


# The lesson


def test_main_hands_on_its_seed_and_steps_and_returns_what_it_shows(
    asked, monkeypatch, capsys
):
    shown = []

    def ear(*told):
        shown.append(told)
        return figure(*told)

    monkeypatch.setattr(rnn, "figure", ear)
    numbers = main(steps=9, seed=3)
    printed = capsys.readouterr().out
    assert asked[:2] == [
        ("uniform", 7, 9, 24, print_loss),
        ("uniform", 25, 9, 24, print_loss),
    ]
    assert {call[2:] for call in asked[2:]} == {(9, n, None) for n in range(24, 32)}
    assert len(asked) == 2 + 48

    gradients, recalled = shown[0]
    assert gradients == compare_gradients(3)
    assert recalled == compare(9, 3)
    assert numbers == {
        "uniform_best": made_up("uniform", 25, 31),
        "uniform_worst": made_up("uniform", 25, 24),
        "orthogonal_best": made_up("orthogonal", 25, 31),
        "orthogonal_worst": made_up("orthogonal", 25, 24),
        "short_worst": made_up("uniform", 7, 24),
        "holds": 0.0,
    }

    one = made_up("uniform", 7, 24)
    head = "One uniform network over 7 time steps (guessing: loss 1.099):\n"
    assert f"{head}{one:.0%} of its answers are right.\n" in printed
    for start in STARTS:
        for wait in WAITS:
            most = gradients[start][wait - 1]
            row = f"{start:10} {wait:2} time steps: at most {most:.6f} is left\n"
            assert row in printed
    for weight in ("0.5", "1.0"):
        for wait in (" 2", "25"):
            assert f"U = {weight}, {wait} time steps: " in printed
    assert "for each out: [4, 3]\n" in printed
    assert printed.startswith(f"{ASK}\n\nread 1: ")
    assert printed.endswith("In this run the claim does NOT hold.\n")
    assert CLAIM in " ".join(printed.splitlines())
    assert max(len(line) for line in printed.splitlines()) <= 72


def test_the_verdict_can_be_yes(asked, monkeypatch, capsys):
    monkeypatch.setattr(rnn, "compare", lambda steps, seed: HOLDS)
    assert main(steps=9)["holds"] == 1
    assert capsys.readouterr().out.endswith("In this run the claim holds.\n")


def test_no_training_steps_are_refused_in_one_line():
    with pytest.raises(SystemExit, match="--steps must be at least 1, got 0"):
        main(steps=0)


# The picture


@pytest.fixture
def picture():
    gradients = {"uniform": [0.5**t for t in range(1, 26)]}
    gradients["orthogonal"] = [0.95**t for t in range(1, 26)]
    gradients["0.8 x orthogonal"] = [0.8**t for t in range(1, 26)]
    recalled = {"uniform": {}, "orthogonal": {}}
    for start, wait, count in [
        ("uniform", 7, 7),
        ("uniform", 13, 4),
        ("uniform", 25, 1),
        ("orthogonal", 7, 8),
        ("orthogonal", 13, 6),
        ("orthogonal", 25, 5),
    ]:
        low = [made_up(start, wait, seed) for seed in range(8 - count)]
        recalled[start][wait] = [0.999] * count + low
    return gradients, recalled, figure(gradients, recalled)


def test_the_first_half_shows_what_is_left_of_a_nudge_from_each_start(picture):
    gradients, _, fig = picture
    left = fig.axes[0]
    assert [text.get_text() for text in left.texts] == list(gradients)
    for line, name in zip(left.lines, left.texts, strict=True):
        most = gradients[name.get_text()]
        assert list(line.get_xdata()) == list(range(1, 26))
        assert list(line.get_ydata()) == most
        x, y = name.get_position()
        assert 13 <= x <= 14 and 1 < y / most[12] < 1.5  # it stands above its line
    assert [line.get_linestyle() for line in left.lines] == ["-", "-", "--"]
    assert left.get_yscale() == "log" and left.get_xscale() == "linear"
    assert left.get_xticks().tolist() == WAITS
    assert left.get_xlabel() == "time steps"
    assert left.get_ylabel() == "share that is left of a nudge, at most"
    assert left.get_title() == "before training"


def test_the_second_half_shows_the_share_of_every_network_at_its_wait(picture):
    _, recalled, fig = picture
    right = fig.axes[1]
    uniform, orthogonal, guessing = right.lines
    names = [text.get_text() for text in right.get_legend().get_texts()]
    assert names == ["uniform", "orthogonal", "guessing"]
    assert [line.get_label() for line in right.lines] == names
    assert right.get_xticks().tolist() == [0, 1, 2]
    assert [tick.get_text() for tick in right.get_xticklabels()] == ["7", "13", "25"]
    for line, side in [(uniform, -1), (orthogonal, 1)]:
        points = list(zip(line.get_xdata(), line.get_ydata(), strict=True))
        for place, wait in enumerate(WAITS):
            near = [(x - place, y) for x, y in points if abs(x - place) < 0.5]
            assert [y for _, y in near] == recalled[line.get_label()][wait]
            assert all(0 < side * x < 0.45 for x, _ in near)
            assert len({round(x, 3) for x, _ in near}) == 8  # none hides another
    assert uniform.get_marker() != orthogonal.get_marker()
    assert list(guessing.get_ydata()) == [1 / 3, 1 / 3]
    assert right.get_xlabel() == "time steps"
    assert right.get_ylabel() == "right answers of each network"
    assert right.get_title() == "after training: how many recall"
    assert right.get_ylim() == (0, 1.15)


def test_the_counts_above_the_marks_and_in_the_title_are_counted(picture):
    _, _, fig = picture
    counts = {}
    for text in fig.axes[1].texts:
        x, y = text.get_position()
        assert y > 1
        counts[round(x, 2)] = text.get_text()
    assert list(counts.values()) == [f"{count} of 8" for count in (7, 4, 1, 8, 6, 5)]
    places = [round(x) for x in counts]
    assert places == [0, 1, 2, 0, 1, 2]
    assert [x < round(x) for x in counts] == [True] * 3 + [False] * 3
    title = "A uniform start lets 1 of 8 networks recall over 25 time steps, "
    assert fig.get_suptitle() == f"{title}an orthogonal one 5"


def test_a_start_has_one_colour_in_both_halves(picture):
    left, right = picture[2].axes
    uniform, orthogonal, _ = [line.get_color() for line in left.lines]
    assert [line.get_color() for line in right.lines[:2]] == [uniform, orthogonal]
    assert uniform != orthogonal
