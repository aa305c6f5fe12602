"""What rnn.py claims, as tests."""

import itertools
import math

import pytest
import torch
from torch import nn
from torch.autograd import gradcheck
from torch.func import jacrev
from torch.testing import assert_close

import rnn
from rnn import (
    MARGIN,
    SEEDS,
    WAITS,
    SequenceClassifierRNN,
    deal,
    gradient_by_wait,
    main,
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


class TestSequenceClassifierRNN(ModelContract):
    output = (3,)

    def make(self):
        return SequenceClassifierRNN()

    def inputs(self, batch):
        return torch.rand(batch, 1, 6)


# Definition


def test_two_steps_with_a_pencil(float64):
    ours = SequenceClassifierRNN(1, 1, 1)
    for parameter, value in [(ours.W, 2.0), (ours.U, -1.0), (ours.b, 0.5)]:
        nn.init.constant_(parameter, value)
    one, two = ours.states(torch.tensor([[[1.0], [0.0]]]), torch.zeros(1, 1))
    assert one.item() == pytest.approx(math.tanh(2 * 1 + 0.5))
    assert two.item() == pytest.approx(math.tanh(2 * 0 + 0.5 - math.tanh(2.5)))


def test_a_row_of_u_says_what_one_unit_hears_from_the_others(float64):
    ours = SequenceClassifierRNN(1, 2, 1)
    for parameter in ours.parameters():
        nn.init.zeros_(parameter)
    ours.U.data[0, 1] = 2.0  # the first unit hears the second
    (h,) = ours.states(torch.zeros(1, 1, 1), torch.tensor([[0.1, 0.3]]))
    assert_close(h, torch.tensor([[math.tanh(2 * 0.3), 0.0]]))


def test_the_answer_is_read_from_the_last_state(float64):
    ours, x = SequenceClassifierRNN(), torch.randn(4, 7, 6)
    last = ours.states(x, torch.zeros(4, 12))[-1]
    assert_close(ours(x), ours.head(last))


@pytest.mark.parametrize("name", ["W", "U", "b"])
def test_weights_start_uniform_within_one_over_the_root_of_the_hidden_size(name):
    weight = getattr(SequenceClassifierRNN(100, 400), name)
    assert weight.abs().max().item() == pytest.approx(400**-0.5, rel=0.02)
    assert weight.std().item() == pytest.approx((1 / 400 / 3) ** 0.5, rel=0.1)


@pytest.mark.parametrize("rounds", [2, 4])
def test_a_sequence_has_each_symbol_as_often_then_a_cue(rounds):
    x, first = deal(50, rounds)
    assert x.shape == (50, 3 * rounds + 1, 4)
    assert x.sum(dim=1).tolist() == [[rounds, rounds, rounds, 1]] * 50
    assert x[:, -1, 3].tolist() == [1] * 50
    assert_close(x[:, 0].argmax(dim=1), first)


def test_every_order_is_equally_likely():
    x, _ = deal(9000, rounds=2)
    orders = {order: 0 for order in set(itertools.permutations([0, 0, 1, 1, 2, 2]))}
    for order in x[:, :-1].argmax(dim=2).tolist():
        orders[tuple(order)] += 1
    assert len(orders) == 90 and 50 < min(orders.values()) <= max(orders.values()) < 160


def test_an_order_blind_reader_is_at_chance_by_construction():
    """It sees the same bag each time, and each symbol came first in a third of them."""
    orders = set(itertools.permutations([0, 0, 1, 1, 2, 2]))
    bags = {tuple(sorted(order)) for order in orders}
    firsts = [order[0] for order in orders]
    assert len(bags) == 1 and [firsts.count(s) for s in range(3)] == [30, 30, 30]


# Equivalence


@pytest.mark.parametrize("time", [1, 7, 28])
def test_equals_the_builtin_forward_and_every_gradient(float64, time):
    ours, x = SequenceClassifierRNN(6, 12), torch.randn(4, time, 6, requires_grad=True)
    theirs, copy = twin(ours), x.detach().clone().requires_grad_()
    states, h = ours.states(x, torch.zeros(4, 12)), theirs(copy)[0]
    assert_close(torch.stack(states, dim=1), h)
    weight = torch.randn_like(h)
    (torch.stack(states, dim=1) * weight).sum().backward()
    (h * weight).sum().backward()
    assert_close(x.grad, copy.grad)
    assert_close(ours.W.grad, theirs.weight_ih_l0.grad)
    assert_close(ours.U.grad, theirs.weight_hh_l0.grad)
    assert_close(ours.b.grad, theirs.bias_ih_l0.grad)


# Gradient


def test_the_gradient_is_that_of_finite_differences(float64):
    ours, x = SequenceClassifierRNN(3, 4, 2), torch.randn(2, 3, 3, requires_grad=True)
    assert gradcheck(ours, (x,))


def test_the_last_state_sends_a_gradient_back_to_every_input(float64):
    ours, x = SequenceClassifierRNN(), torch.randn(4, 7, 6, requires_grad=True)
    ours(x).sum().backward()
    assert (x.grad != 0).all()


def test_the_fading_gradient_is_the_jacobian_of_the_last_state(float64):
    torch.manual_seed(5)
    ours = SequenceClassifierRNN(4, 64)
    nn.init.orthogonal_(ours.U)
    ours.U.data *= 0.9
    x = torch.eye(4)[torch.randint(3, (1, 6))]
    jacobian = jacrev(lambda h: ours.states(x, h)[-1])(torch.zeros(1, 64))[0, :, 0]
    norm = torch.linalg.matrix_norm(jacobian, ord=2)
    assert_close(gradient_by_wait(0.9, wait=6, seed=5)[-1], norm)


@pytest.mark.parametrize("rho", [0.5, 0.8, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_at_most_rho_to_the_power_of_t_comes_back(rho, seed):
    left = gradient_by_wait(rho, wait=30, seed=seed)
    bound = rho ** torch.arange(1, 31, dtype=torch.float64)
    assert (left <= bound * (1 + 1e-9)).all()


def test_far_less_comes_back_from_the_uniform_start():
    uniform, orthogonal = (gradient_by_wait(rho, 25, seed=0)[-1] for rho in (0, 1))
    assert uniform < 1e-3 < 0.1 < orthogonal


def test_the_bound_is_reached_where_tanh_is_straight(float64):
    ours = SequenceClassifierRNN(4, 64)
    nn.init.orthogonal_(ours.U)
    nn.init.zeros_(ours.b)
    silence = torch.zeros(1, 30, 4)
    jacobian = jacrev(lambda h: ours.states(silence, h)[-1])(torch.zeros(1, 64))
    singular = torch.linalg.svdvals(jacobian[0, :, 0])
    assert_close(singular, torch.ones(64))


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
    ours, x = SequenceClassifierRNN(), torch.randn(4, 7, 6)
    assert_close(ours(x), ours(x))


def test_order_matters_to_it(float64):
    ours, x = SequenceClassifierRNN(), torch.randn(4, 7, 6)
    assert not torch.allclose(ours(x), ours(x.flip(1)))


# Training


def test_training_is_adam_on_clipped_gradients():
    """Nine steps written out, and the exam: the same share of the same sequences."""
    torch.manual_seed(3)
    ours = SequenceClassifierRNN(4, 64)
    nn.init.orthogonal_(ours.U)
    torch.manual_seed(3)  # the sequences are those of the other start
    adam = torch.optim.Adam(ours.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, 0.005, total_steps=9)
    for _ in range(9):
        x, first = deal(32, 2)
        adam.zero_grad()
        nn.functional.cross_entropy(ours(x), first).backward()
        nn.utils.clip_grad_norm_(ours.parameters(), 1)
        adam.step()
        schedule.step()
    x, first = deal(1000, 2)
    share = (ours(x).argmax(dim=1) == first).float().mean().item()
    assert train("orthogonal", rounds=2, steps=9, seed=3, device="cpu") == share


def test_both_starts_read_the_same_sequences(monkeypatch):
    dealt = {"uniform": [], "orthogonal": []}
    for start, seen in dealt.items():

        def record(*args, seen=seen):
            seen.append(deal(*args))
            return seen[-1]

        monkeypatch.setattr("rnn.deal", record)
        train(start, rounds=2, steps=2, seed=0, device="cpu")
    assert_close(dealt["uniform"], dealt["orthogonal"], rtol=0, atol=0)


def test_clipping_and_the_start_are_what_the_lesson_says(monkeypatch):
    clipped, drawn = [], []
    monkeypatch.setattr(nn.utils, "clip_grad_norm_", lambda p, n: clipped.append(n))
    draw = nn.init.orthogonal_
    monkeypatch.setattr(nn.init, "orthogonal_", lambda u: drawn.append(u) or draw(u))
    train("uniform", rounds=2, steps=3, seed=0, device="cpu")
    assert clipped == [1, 1, 1] and not drawn
    train("orthogonal", rounds=2, steps=1, seed=0, device="cpu")
    assert [u.shape for u in drawn] == [(64, 64)]


# Claim


def test_a_sequence_of_no_steps_is_refused_and_an_empty_batch_is_not():
    with pytest.raises(ValueError, match=r"expected \(B, T, 6\), got \(2, 0, 6\)"):
        SequenceClassifierRNN()(torch.rand(2, 0, 6))
    assert SequenceClassifierRNN()(torch.rand(0, 7, 6)).shape == (0, 3)


def test_each_seed_of_the_lesson_has_eight_of_its_own(monkeypatch):
    tried = []
    monkeypatch.setattr("rnn.train", lambda *told: tried.append(told) or 1.0)
    rnn.compare(steps=9, seed=3, device="cpu")
    for start in ("uniform", "orthogonal"):
        for rounds in WAITS.values():
            eight, tried = tried[:8], tried[8:]
            assert eight == [(start, rounds, 9, n, "cpu") for n in range(24, 32)]


@pytest.mark.parametrize("seed", range(3))
def test_claim_a_short_wait_is_no_trouble(seed):
    assert train("uniform", WAITS[7], 200, seed, "cpu") >= 0.99


@pytest.mark.parametrize("seed", range(5))
def test_claim_from_orthogonal_weights_every_seed_recalls_over_25(seed):
    assert train("orthogonal", WAITS[25], 200, seed, "cpu") >= 0.99  # 240 of 240 seeds


def test_claim_from_uniform_weights_a_long_wait_is_a_lottery():
    """Of 40 seeds 28 end at least 30 points below the best."""
    shares = [train("uniform", WAITS[25], 200, seed, "cpu") for seed in range(SEEDS)]
    assert max(shares) - min(shares) >= MARGIN


def test_claim_holds_in_the_lesson():
    numbers = full(rnn).numbers
    assert numbers["holds"] and numbers["orthogonal_worst"] >= 0.99
    assert numbers["uniform_best"] - numbers["uniform_worst"] >= MARGIN


@pytest.mark.parametrize("lucky", [0.4, 1.0])
def test_the_verdict_can_be_no(lucky, monkeypatch, capsys):
    monkeypatch.setattr(rnn, "train", lambda *_: lucky)
    assert not main()["holds"]
