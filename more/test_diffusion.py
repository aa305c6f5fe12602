"""What diffusion.py claims, as tests."""

import copy
import math
from statistics import mean

import matplotlib.pyplot as plt
import pytest
import torch
import torch.nn.functional as F
from sklearn import datasets
from torch import Tensor
from torch.autograd import gradcheck
from torch.distributions import (
    Categorical,
    Independent,
    MixtureSameFamily,
    Normal,
)
from torch.testing import assert_close

import diffusion
from diffusion import (
    CENTRES,
    EACH,
    FEW,
    POINTS,
    SETS,
    SHARES,
    WIDTH,
    Denoiser,
    best_guess,
    between,
    claim_holds,
    compare_guesses,
    distance,
    distance_with_a_pencil,
    figure,
    figure_digits,
    generate,
    generate_digits,
    generate_points,
    guess_by_hand,
    guess_of_a_heap,
    guess_with_a_pencil,
    heap_with_a_pencil,
    in_a_heap,
    main,
    make_points,
    mean_distance,
    nearest,
    print_loss,
    root_mean_square,
    train,
    try_it_out,
    two_halves,
    walk,
    walk_with_a_pencil,
)
from tools.contract import ModelContract
from tools.store import full

TIMES = (0.05, 0.3, 0.5, 0.9, 1.0)
MEAN = (SHARES[:, None] * CENTRES).sum(dim=0)


def mixes(count: int, t: float) -> tuple[Tensor, Tensor]:
    """Points anywhere, and their share of noise, in float64."""
    x = 2 * torch.randn(count, 2, dtype=torch.float64)
    return x, torch.full((count, 1), t, dtype=torch.float64)


class Told:
    """A network whose guess is known: some formula's."""

    def __init__(self, guess):
        self.guess = guess


def the_mean(x: Tensor, t: Tensor) -> Tensor:
    return MEAN.expand_as(x)


class TestDenoiser(ModelContract):
    output = (3,)

    def make(self):
        return Denoiser(size=3, hidden=8)

    def inputs(self, batch):
        return torch.randn(batch, 3), torch.rand(batch, 1)

    def wrong_inputs(self):
        t = torch.rand(2, 1)
        shapes = [(2, 2), (2, 4), (3,), (2, 1, 3)]
        return [(torch.rand(shape), t) for shape in shapes]


def test_each_mix_has_one_share_of_noise_of_its_own():
    network = Denoiser(size=3, hidden=8)
    x = torch.rand(4, 3)
    for shape in [(4,), (1, 1), (4, 3), (3, 1)]:
        with pytest.raises(ValueError) as refused:
            network(x, torch.rand(shape))
        assert str(refused.value) == f"expected (B, 1), got {shape}"


# With a pencil


def test_the_best_guess_at_minus_or_plus_one_on_paper():
    """What noise must it have been, if the clean number was -1, and if it was +1?"""
    assert guess_by_hand(0.5, 0.5) == pytest.approx(
        (1 - math.exp(-2)) / (1 + math.exp(-2))
    )
    assert guess_by_hand(0.5, 0.5) == pytest.approx(0.76, abs=0.005)
    for x in (-2.0, 0.0, 0.3, 5.0):
        assert guess_by_hand(x, 1.0) == 0
        for t in (0.2, 0.5, 0.8):
            # Divide both weights by the larger one: what is left is a tanh.
            expected = math.tanh((1 - t) * x / t**2)
            assert guess_by_hand(x, t) == pytest.approx(expected)


def test_no_other_guess_has_a_smaller_squared_error():
    x, t = 0.4, 0.6
    clean = torch.randint(2, (400_000,)) * 2.0 - 1
    mixed = (1 - t) * clean + t * torch.randn(400_000)
    possible = clean[(mixed - x).abs() < 0.02]
    best = guess_by_hand(x, t)
    errors = {g: (possible - g).square().mean() for g in (best, -1.0, 0.0, 0.9, 1.0)}
    assert min(errors, key=errors.get) == best


def test_trying_it_out_finds_the_mean_of_what_became_the_mix():
    clean = torch.randint(2, (400_000,)) * 2.0 - 1
    for x, t in [(0.5, 0.5), (-0.3, 0.7), (1.0, 1.0)]:
        expected = guess_by_hand(x, t)
        assert try_it_out(clean, x, t) == pytest.approx(expected, abs=0.03)
    # Without noise, only what is near x becomes x.
    numbers = torch.tensor([0.49, 0.51, 0.6])
    assert try_it_out(numbers, x=0.5, t=0.0) == pytest.approx(0.5)


def test_the_walk_in_one_two_and_four_moves_on_paper():
    assert walk(0.8, 1) == [0.8, 0.0]
    assert walk(0.8, 2) == pytest.approx([0.8, 0.4, 0.664], abs=0.001)
    assert walk(0.8, 4) == pytest.approx([0.8, 0.6, 0.487, 0.618, 1.0], abs=0.001)
    for start in (-1.5, -0.01, 0.02, 0.7):
        end = walk(start, 100)[-1]
        assert end == pytest.approx(math.copysign(1, start), abs=1e-3)


def test_the_best_guess_at_a_heap_on_paper():
    """Which share of what the mix is off is owed to the data, and which to noise?"""
    assert guess_of_a_heap(1.0, 0.5, centre=1.0, width=1.0) == pytest.approx(1.5)
    assert guess_of_a_heap(-7.0, 1.0, centre=1.0, width=1.0) == 1.0
    # Without scatter there is nothing to guess.
    assert guess_of_a_heap(3.0, 0.4, centre=2.0, width=0.0) == 2.0


def test_the_best_guess_at_a_heap_is_the_mean_of_all_it_could_be():
    """The integral over all clean numbers, each as likely as it is, given the mix."""
    clean = torch.linspace(-30, 30, 60_001, dtype=torch.float64)
    for x, t, centre, width in [(1.0, 0.5, 1.0, 1.0), (-2.0, 0.3, 0.5, 1.7)]:
        weights = Normal(centre, width).log_prob(clean)
        weights = (weights + Normal((1 - t) * clean, t).log_prob(torch.tensor(x))).exp()
        expected = (weights * clean).sum() / weights.sum()
        found = guess_of_a_heap(x, t, centre, width)
        assert found == pytest.approx(expected.item(), rel=1e-6)


def test_what_is_printed_with_a_pencil_is_equal_on_both_sides(capsys):
    guess_with_a_pencil()
    heap_with_a_pencil()
    rows = [x for x in capsys.readouterr().out.splitlines() if x.startswith("    mix")]
    found = [row.split(":")[1].split() for row in rows]
    assert [float(by_hand) for by_hand, _ in found] == [0.76, 0.22, 0, 1.5, 1.3, 1]
    for by_hand, tried in found:
        assert float(by_hand) == pytest.approx(float(tried), abs=0.04)
    walk_with_a_pencil()
    assert capsys.readouterr().out.splitlines() == [
        "From the noise 0.8:",
        "    number of moves 1: 0.80, 0.00",
        "    number of moves 2: 0.80, 0.40, 0.66",
        "    number of moves 4: 0.80, 0.60, 0.49, 0.62, 1.00",
        "",
    ]
    distance_with_a_pencil()
    assert capsys.readouterr().out.splitlines() == [
        "Energy distance of -1 and 1 from 0 and 0: 1.0",
        "                 from -1 and 1 once more: 0.0",
        "",
    ]


# The best guess at three heaps


def density_of_mixes(t: float) -> MixtureSameFamily:
    """How mixes lie, as PyTorch says it: three heaps, moved together and widened."""
    a = 1 - t
    width = torch.full((3, 2), ((a * WIDTH) ** 2 + t**2) ** 0.5, dtype=torch.float64)
    heaps = Independent(Normal(a * CENTRES.double(), width), 1)
    return MixtureSameFamily(Categorical(SHARES.double()), heaps)


@pytest.mark.parametrize("t", [0.05, 0.3, 0.5, 0.9])
def test_the_best_guess_and_its_gradient_are_those_of_pytorchs_mixture(t):
    """The mix, plus s² times how the logarithm of its density grows, divided by a:
    Tweedie's formula for the mean of all that was clean."""
    x, share = mixes(40, t)
    x.requires_grad_()
    log_density = density_of_mixes(t).log_prob(x).sum()
    (slope,) = torch.autograd.grad(log_density, x, create_graph=True)
    theirs = (x + t**2 * slope) / (1 - t)
    ours = best_guess(x, share)
    assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    direction = torch.randn_like(x)
    (of_ours,) = torch.autograd.grad((ours * direction).sum(), x, retain_graph=True)
    (of_theirs,) = torch.autograd.grad((theirs * direction).sum(), x)
    assert_close(of_ours, of_theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("t", TIMES)
def test_one_heap_is_the_formula_for_one_heap_in_each_coordinate(monkeypatch, t):
    monkeypatch.setattr(diffusion, "CENTRES", torch.tensor([[0.5, -2.0]]))
    monkeypatch.setattr(diffusion, "SHARES", torch.tensor([1.0]))
    x, share = mixes(10, t)
    for ours, (first, second) in zip(best_guess(x, share), x.tolist(), strict=True):
        by_hand = [
            guess_of_a_heap(first, t, 0.5, WIDTH),
            guess_of_a_heap(second, t, -2.0, WIDTH),
        ]
        assert ours.tolist() == pytest.approx(by_hand)


@pytest.mark.parametrize("t", TIMES)
def test_two_heaps_without_width_are_minus_and_plus_one(monkeypatch, t):
    monkeypatch.setattr(diffusion, "CENTRES", torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))
    monkeypatch.setattr(diffusion, "SHARES", torch.tensor([0.5, 0.5]))
    monkeypatch.setattr(diffusion, "WIDTH", 0.0)
    x, share = mixes(10, t)
    x = x.clamp(-1.2, 1.2)  # farther away, all weights by hand are rounded to 0
    by_hand = [guess_by_hand(first, t) for first in x[:, 0].tolist()]
    assert best_guess(x, share)[:, 0].tolist() == pytest.approx(by_hand, abs=1e-6)


def test_at_pure_noise_the_best_guess_is_the_mean_and_without_noise_the_mix_itself():
    """How much does a mix that is pure noise say about the data?"""
    x, pure = mixes(20, 1.0)
    assert_close(best_guess(x, pure), MEAN.double().expand(20, 2))
    assert_close(best_guess(x, torch.zeros_like(pure)), x)
    # The mean lies in no heap: more than five widths away from each of them.
    assert (MEAN - CENTRES).norm(dim=1).min() > 5 * WIDTH


def test_each_mix_is_guessed_by_itself_with_its_own_share_of_noise():
    x = torch.randn(len(TIMES), 2)
    t = torch.tensor(TIMES)[:, None]
    together = best_guess(x, t)
    for i in range(len(TIMES)):
        assert_close(together[i : i + 1], best_guess(x[i : i + 1], t[i : i + 1]))


def test_turning_all_heaps_and_the_mix_turns_the_guess(monkeypatch):
    x, t = mixes(10, 0.4)
    before = best_guess(x, t)
    turn = torch.tensor([[0.6, 0.8], [-0.8, 0.6]], dtype=torch.float64)
    monkeypatch.setattr(diffusion, "CENTRES", CENTRES.double() @ turn)
    assert_close(best_guess(x @ turn, t), before @ turn)


def test_points_lie_in_heaps_of_these_shares_and_this_width():
    """Around which centres, how often, and how closely do the points lie?"""
    points = make_points(20_000)
    heap = torch.cdist(points, CENTRES).argmin(dim=1)
    shares = heap.bincount() / len(points)
    assert_close(shares, SHARES, atol=0.015, rtol=0)
    for k in range(3):
        off = points[heap == k] - CENTRES[k]
        assert_close(off.std(dim=0), torch.full((2,), WIDTH), atol=0.01, rtol=0)
        assert off.mean(dim=0).abs().max() < 0.01


# The network


def test_the_network_is_three_linear_layers_with_silu_between(float64):
    """What does each layer get, the first one above all?"""
    network = Denoiser(size=2, hidden=8)
    x = torch.randn(5, 2)
    t = torch.rand(5, 1)
    weights = list(network.parameters())
    h = torch.cat([x, t], dim=1) @ weights[0].T + weights[1]
    h = (h * h.sigmoid()) @ weights[2].T + weights[3]
    by_hand = (h * h.sigmoid()) @ weights[4].T + weights[5]
    assert_close(network(x, t), by_hand)
    ours = torch.autograd.grad(network(x, t).square().sum(), weights)
    theirs = torch.autograd.grad(by_hand.square().sum(), weights)
    for a, b in zip(ours, theirs, strict=True):
        assert_close(a, b)
    x.requires_grad_()
    assert gradcheck(network, (x, t))


def test_from_the_mix_the_share_t_of_the_arrow_is_still_to_go():
    """Where does the clean example lie, seen from the mix?"""
    clean = torch.randn(6, 3)
    noise = torch.randn(6, 3)
    t = torch.rand(6, 1)

    class Knowing(Denoiser):
        def forward(self, x, t):
            return clean - noise

    mixed = (1 - t) * clean + t * noise
    assert_close(Knowing(3, 4).guess(mixed, t), clean)
    network = Denoiser(3, 4)
    assert_close(network.guess(mixed, t), mixed + t * network(mixed, t))
    assert network.guess(mixed, torch.zeros(6, 1)).equal(mixed)


# Training


class Ear(Denoiser):
    """A network that keeps what it was shown."""

    def __init__(self, size, hidden):
        super().__init__(size, hidden)
        self.heard = []

    def forward(self, x, t):
        self.heard.append((x.detach().clone(), t.clone()))
        return super().forward(x, t)


def test_training_mixes_examples_with_new_noise_and_every_share_of_it():
    """Which share of the mix is noise, is it new each time, and of which size?"""
    network = Ear(2, 4)
    examples = torch.tensor([[5.0, -3.0]]).expand(7, 2)
    train(network, examples, steps=40)
    x = torch.cat([x for x, _ in network.heard])
    t = torch.cat([t for _, t in network.heard])
    assert len(network.heard) == 40 and x.shape == (40 * 128, 2)
    counts = (10 * t[:, 0]).floor().long().bincount(minlength=10)
    assert counts.sum() == len(t) and counts.min() > 400 and counts.max() < 620
    noise = ((x - (1 - t) * examples[0]) / t)[t[:, 0] > 0.05]
    assert noise.mean(dim=0).abs().max() < 0.06
    assert_close(noise.std(dim=0), torch.ones(2), atol=0.05, rtol=0)
    assert abs(noise.T.corrcoef()[0, 1]) < 0.06
    assert len(noise[:, 0].unique()) > 0.99 * len(noise)
    assert abs(torch.corrcoef(torch.stack([noise[:, 0], t[t > 0.05]]))[0, 1]) < 0.06


def test_training_uses_all_examples():
    examples = torch.arange(10.0)[:, None] * 100
    network = Ear(1, 4)
    train(network, examples, steps=5)
    x = torch.cat([x for x, _ in network.heard])
    t = torch.cat([t for _, t in network.heard])
    nearly_clean = x[t < 0.1] / (1 - t[t < 0.1])
    assert set((nearly_clean / 100).round().int().tolist()) == set(range(10))


def test_training_is_adam_on_the_squared_error_of_the_arrow(float64):
    """What does the loss compare, and which step of training is missing?"""
    examples = torch.randn(30, 2)
    network = Denoiser(2, 4)
    twin = copy.deepcopy(network)
    torch.manual_seed(3)
    train(network, examples, steps=5)
    torch.manual_seed(3)
    adam = torch.optim.Adam(twin.parameters())
    for step in range(5):
        clean = examples[torch.randint(30, (128,))]
        noise = torch.randn(128, 2)
        t = torch.rand(128, 1)
        adam.param_groups[0]["lr"] = 0.003 * (1 - step / 5)
        arrows = twin(clean + t * (noise - clean), t)
        adam.zero_grad()
        ((arrows + noise - clean) ** 2).mean().backward()
        adam.step()
    for ours, theirs in zip(network.parameters(), twin.parameters(), strict=True):
        assert_close(ours, theirs)


def test_watch_hears_every_step_and_its_loss():
    network = Denoiser(2, 4)
    twin = copy.deepcopy(network)
    heard = []
    torch.manual_seed(1)
    train(network, torch.zeros(4, 2), 3, watch=lambda step, loss: heard.append(loss))
    torch.manual_seed(1)
    torch.randint(4, (128,))
    noise = torch.randn(128, 2)
    t = torch.rand(128, 1)
    first = F.mse_loss(twin(t * noise, t), -noise).item()
    assert len(heard) == 3 and heard[0] == pytest.approx(first, rel=1e-5)


def test_a_training_prints_six_losses(capsys):
    for step in range(3000):
        print_loss(step, 1.2345)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[0] == "    step    0: loss 1.234"
    assert lines[-1].startswith("    step 2500")


def test_a_network_learns_the_best_guess_at_a_heap():
    network = Denoiser(1, 32)
    train(network, 1 + torch.randn(4000, 1), steps=600)
    x = torch.tensor([[-0.5], [0.5], [1.0]])
    for t in (0.3, 0.6, 1.0):
        found = network.guess(x, torch.full((3, 1), t))[:, 0].tolist()
        by_hand = [guess_of_a_heap(v, t, 1.0, 1.0) for v in x[:, 0].tolist()]
        assert found == pytest.approx(by_hand, abs=0.25)


# Sampling


def test_many_points_walk_as_one_did_with_a_pencil():
    """How far does a move go, and how much noise is left when the guess is made?"""

    def guess(x, t):
        pairs = zip(x[:, 0].tolist(), t[:, 0].tolist(), strict=True)
        return x.new_tensor([[guess_by_hand(place, share)] for place, share in pairs])

    starts = torch.tensor([[0.8], [-0.1], [2.0]], dtype=torch.float64)
    for moves in (1, 2, 4, 7):
        places = generate(guess, starts, moves)
        assert len(places) == moves + 1
        for i, start in enumerate(starts[:, 0].tolist()):
            found = [place[i, 0].item() for place in places]
            assert found == pytest.approx(walk(start, moves))


def test_a_guess_is_told_how_much_noise_is_left():
    """Before each move, how much noise is left, and what is the guess told of it?"""
    told = []

    def guess(x, t):
        told.append(t.clone())
        return torch.zeros_like(x)

    places = generate(guess, torch.ones(3, 2), moves=4)
    assert [t.tolist() for t in told] == [[[s]] * 3 for s in (1.0, 0.75, 0.5, 0.25)]
    # Of a way of 1, with 4, 3, 2 and 1 moves left, a quarter each time.
    expected = [1.0, 0.75, 0.5, 0.25, 0.0]
    assert [place[0, 0].item() for place in places] == pytest.approx(expected)


def test_sampling_learns_nothing_and_leaves_the_noise_as_it_was():
    network = Denoiser(2, 4)
    noise = torch.randn(5, 2)
    before = noise.clone()
    places = generate(network.guess, noise, moves=3)
    assert places[0].equal(before) and noise.equal(before)
    assert not places[-1].requires_grad
    assert generate(network.guess, noise, moves=3)[-1].equal(places[-1])


def test_one_move_with_the_best_guess_makes_the_mean_and_a_hundred_make_heaps():
    noise = torch.randn(2000, 2)
    assert_close(generate(best_guess, noise, 1)[-1], MEAN.expand(2000, 2))
    made = generate(best_guess, noise, 100)[-1]
    assert in_a_heap(made) > 0.97
    shares = torch.cdist(made, CENTRES).argmin(dim=1).bincount(minlength=3) / 2000
    assert_close(shares, SHARES, atol=0.05, rtol=0)


# Distance


def test_the_energy_distance_on_paper():
    """Which mean distances count, how often, and with which sign?"""
    data = torch.tensor([[-1.0], [1.0]])
    assert distance(data, torch.zeros(2, 1)) == 1
    assert distance(data, data) == 0
    # Only one of the two: 2 · 1 - 1 - 0
    assert distance(data, torch.ones(2, 1)) == 1
    square = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    assert between(square, square) == 2.5


def test_the_energy_distance_is_a_mean_over_all_pairs(float64):
    xs, ys = torch.randn(6, 3), torch.randn(4, 3) + 1
    pairs = {}
    for name, some, others in [("xy", xs, ys), ("xx", xs, xs), ("yy", ys, ys)]:
        norms = [(x - y).square().sum().sqrt().item() for x in some for y in others]
        pairs[name] = mean(norms)
    expected = 2 * pairs["xy"] - pairs["xx"] - pairs["yy"]
    assert distance(xs, ys) == pytest.approx(expected)
    assert distance(ys, xs) == pytest.approx(expected)
    assert distance(xs + 7, ys + 7) == pytest.approx(expected)
    assert expected > 0


def test_the_mean_distance_is_that_of_pairs_of_sets_each_met_once():
    """Of how many pairs of sets is this the mean?"""
    xs, ys = torch.randn(3 * EACH, 2), torch.randn(3 * EACH, 2)
    expected = []
    for i in range(3):
        part = slice(i * EACH, (i + 1) * EACH)
        expected.append(distance(xs[part], ys[part]))
    assert mean_distance(xs, ys) == pytest.approx(mean(expected))
    with pytest.raises(ValueError):
        mean_distance(xs, ys[:EACH])


def test_a_point_lies_in_a_heap_up_to_three_widths_from_its_centre():
    assert in_a_heap(CENTRES) == 1
    assert in_a_heap(MEAN[None]) == 0
    near = CENTRES + torch.tensor([0.0, 2.99 * WIDTH])
    far = CENTRES + torch.tensor([3.01 * WIDTH, 0.0])
    assert in_a_heap(torch.cat([near, far, far])) == pytest.approx(1 / 3)
    # Of true data 1 - exp(-9/2) lies there, in two dimensions.
    assert 1 - math.exp(-4.5) == pytest.approx(0.989, abs=0.0005)
    assert in_a_heap(make_points(20_000)) == pytest.approx(0.989, abs=0.004)


def test_root_mean_square_and_nearest_on_paper():
    off = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    assert root_mean_square(off) == pytest.approx((25 / 2) ** 0.5)
    xs = torch.tensor([[0.0, 0.0], [10.0, 0.0]])
    ys = torch.tensor([[3.0, 4.0], [10.0, 1.0], [99.0, 0.0]])
    assert nearest(xs, ys) == pytest.approx((5 + 1) / 2)


# The experiments


def test_the_gap_is_0_for_the_formula_and_large_for_somebody_who_says_the_mean():
    """Does the comparison notice a network that has learned nothing but the mean?"""
    perfect = compare_guesses(Told(best_guess))
    assert perfect["gap"] == 0
    variance = 2 * WIDTH**2 + (SHARES * (CENTRES - MEAN).square().sum(dim=1)).sum()
    assert perfect["spread"] == pytest.approx(variance.item() ** 0.5, rel=0.02)
    dull = compare_guesses(Told(the_mean))
    assert 0.5 * dull["spread"] < dull["gap"] < dull["spread"]


def test_the_gap_is_measured_on_new_mixes_with_every_share_of_noise():
    shown = []

    def guess(x, t):
        shown.append((x, t))
        return best_guess(x, t) + torch.tensor([3.0, 4.0])

    assert compare_guesses(Told(guess))["gap"] == pytest.approx(5)
    ((x, t),) = shown
    assert x.shape == (POINTS, 2) and t.shape == (POINTS, 1)
    assert t.min() < 0.01 and t.max() > 0.99
    noise = x[t[:, 0] > 0.99]
    assert_close(noise.std(dim=0), torch.ones(2), atol=0.25, rtol=0)
    clean = x[t[:, 0] < 0.02]
    assert in_a_heap(clean) > 0.9


def test_true_data_are_1_from_unseen_data_and_the_mean_is_far(capsys, monkeypatch):
    """In what is the distance of generated points measured?"""
    monkeypatch.setattr(diffusion, "SETS", 10)
    points = make_points(10 * EACH)

    def guess(x, t):
        return points

    numbers, paths = generate_points(Told(guess), moves=3)
    assert 0.3 < numbers["far_3"] < 3
    assert numbers["far_3"] == pytest.approx(numbers["far_1"], rel=1e-4)
    assert numbers["best_1"] > 40 and numbers["inside_3"] > 0.97
    assert numbers["off_mean"] == pytest.approx(
        root_mean_square(points[:EACH] - MEAN), rel=1e-4
    )
    for count in FEW | {3}:
        assert len(paths[count]) == count + 1
        assert paths[count][0].equal(paths[1][0]) and len(paths[count][0]) == EACH
        assert_close(paths[count][-1], points[:EACH])
    rows = [row.split() for row in capsys.readouterr().out.splitlines()[2:7]]
    assert [int(row[0]) for row in rows] == [1, 2, 3, 5, 10]
    for row in rows:
        assert float(row[1]) == pytest.approx(numbers[f"far_{row[0]}"], abs=0.051)
        inside = float(row[2].rstrip("%"))
        assert inside == pytest.approx(100 * numbers[f"inside_{row[0]}"], abs=0.051)
        assert float(row[3]) == pytest.approx(numbers[f"best_{row[0]}"], abs=0.051)


def test_network_and_formula_start_from_the_same_noise():
    """Do one move and a hundred, network and formula differ in anything else?"""
    numbers, paths = generate_points(Told(best_guess), moves=3)
    for count in FEW | {3}:
        assert numbers[f"far_{count}"] == numbers[f"best_{count}"]
    start = paths[1][0]
    assert_close(start.std(dim=0), torch.ones(2), atol=0.1, rtol=0)
    assert numbers["off_mean"] == pytest.approx(0, abs=1e-6)
    assert numbers["far_1"] > 40 > 20 > numbers["far_3"]


def test_control_is_the_distance_of_true_data_from_unseen_data(monkeypatch):
    """Between which sets is the control measured?"""
    drawn = []

    def draw(count):
        drawn.append(make_points(count))
        return drawn[-1]

    monkeypatch.setattr(diffusion, "make_points", draw)
    numbers, _ = generate_points(Told(the_mean), moves=1)
    unseen, others = drawn
    assert len(unseen) == len(others) == SETS * EACH
    assert numbers["control"] == mean_distance(others, unseen) > 0
    points = MEAN.expand(SETS * EACH, 2)
    expected = mean_distance(points, unseen) / numbers["control"]
    assert numbers["far_1"] == pytest.approx(expected, rel=1e-4)


def test_the_halves_share_no_digit_and_lose_none():
    """Is a digit that is called unseen one that was learned from?"""
    training, unseen = two_halves()
    assert (len(training), len(unseen)) == (898, 899)
    digits = torch.tensor(datasets.load_digits().data).float() / 8 - 1
    both = torch.cat([training, unseen])
    assert sorted(both.tolist()) == sorted(digits.tolist())
    assert both.min() == -1 and both.max() == 1
    assert both.unique(dim=0).shape[0] == len(both)
    assert not training.equal(two_halves()[0])


@pytest.fixture
def halves(monkeypatch):
    """Halves that are known, a training that is only heard, and what was made."""
    training, unseen = two_halves()
    calls = []

    def ear(network, examples, steps, watch):
        calls.append((network, examples, steps, watch))

    monkeypatch.setattr(diffusion, "two_halves", lambda: (training, unseen))
    monkeypatch.setattr(diffusion, "train", ear)
    return training, unseen, calls


def test_a_network_for_digits_learns_from_the_training_half_alone(halves):
    """Which half does the network see?"""
    training, unseen, calls = halves
    numbers, rows = generate_digits(steps=7, moves=2)
    ((network, examples, steps, watch),) = calls
    assert examples is training and steps == 7 and watch is print_loss
    assert network.size == 64 and network.first.out_features == 256
    assert list(rows) == ["unseen", "2 moves", "1 move"]
    assert rows["unseen"] is unseen
    assert numbers["digits_control"] == distance(training, unseen)
    assert numbers["nearest_unseen"] == nearest(unseen, training)
    for count, name in [(2, "2 moves"), (1, "1 move")]:
        far = distance(rows[name], unseen) / numbers["digits_control"]
        assert numbers[f"digits_{count}"] == pytest.approx(far)
    assert numbers["nearest_made"] == nearest(rows["2 moves"], training)


def test_digits_are_made_in_so_many_moves_from_the_same_noise(halves, monkeypatch):
    training, unseen, _ = halves
    starts = []

    def made(guess, noise, moves):
        starts.append((moves, noise))
        return [noise, training]

    monkeypatch.setattr(diffusion, "generate", made)
    numbers, rows = generate_digits(steps=1, moves=4)
    assert [moves for moves, _ in starts] == [1, 2, 4, 5, 10]
    for _, noise in starts:
        assert noise is starts[0][1] and noise.shape == unseen.shape
    assert noise.std().item() == pytest.approx(1, abs=0.02)
    assert numbers["digits_4"] == numbers["digits_1"] == 1
    assert numbers["nearest_made"] == pytest.approx(0, abs=0.01)
    assert rows["4 moves"] is training


# Claim

HOLDS = {
    "gap": 0.1,
    "spread": 1.6,
    "off_mean": 0.2,
    "far_many": 1.0,
    "far_1": 100.0,
    "best_1": 120.0,
    "digits_many": 2.0,
    "digits_1": 30.0,
}


@pytest.mark.parametrize(
    "holds, changed",
    [
        (True, {}),
        (True, {"gap": 0.1599}),
        (False, {"gap": 0.1601}),
        (False, {"spread": 0.99, "off_mean": 0.1}),
        (True, {"far_many": 3.0}),
        (False, {"far_many": 3.001}),
        (True, {"far_1": 40.001}),
        (False, {"far_1": 40.0}),
        (True, {"best_1": 40.001}),
        (False, {"best_1": 40.0}),
        (True, {"off_mean": 0.3199}),
        (False, {"off_mean": 0.3201}),
        (True, {"digits_many": 5.0}),
        (False, {"digits_many": 5.001}),
        (True, {"digits_1": 15.001}),
        (False, {"digits_1": 15.0}),
    ],
)
def test_the_claim_holds_only_if_each_of_its_parts_does(holds, changed):
    assert claim_holds(HOLDS | changed) is holds


def test_claim_one_move_makes_the_mean_and_a_hundred_make_data():
    numbers = full(diffusion).numbers
    assert numbers["holds"] and claim_holds(numbers)
    assert numbers["far_many"] == numbers["far_100"]
    assert numbers["digits_many"] == numbers["digits_100"]


@pytest.mark.slow
def test_claim_it_holds_for_another_seed():
    numbers = full(diffusion, seed=1).numbers
    assert numbers["holds"] and claim_holds(numbers)


def test_generated_digits_are_no_copies_of_training_digits():
    numbers = full(diffusion).numbers
    assert numbers["nearest_made"] > numbers["nearest_unseen"] > 1


# Main


@pytest.fixture
def quick(monkeypatch):
    """Experiments of a moment, and what main hands to them."""
    calls = []
    places = [make_points(9), make_points(9)]
    of_points = {"far_1": 100.0, "best_1": 120.0, "off_mean": 0.2}

    def learn(network, examples, steps, watch):
        calls.append((network.size, len(examples), steps, watch))

    def guesses(network):
        return {"gap": 0.1, "spread": 1.6}

    def points(network, moves):
        calls.append(("points", network.size, moves))
        return of_points | {f"far_{moves}": 1.5}, {1: places, moves: places}

    def digits(steps, moves):
        calls.append(("digits", steps, moves))
        rows = {"unseen": torch.zeros(8, 64), "made": torch.zeros(8, 64)}
        return {"digits_1": 30.0, f"digits_{moves}": 2.5}, rows

    monkeypatch.setattr(diffusion, "train", learn)
    monkeypatch.setattr(diffusion, "compare_guesses", guesses)
    monkeypatch.setattr(diffusion, "generate_points", points)
    monkeypatch.setattr(diffusion, "generate_digits", digits)
    return calls


def test_main_hands_each_experiment_its_steps_and_moves(quick, capsys):
    numbers = main(steps=8, moves=100, seed=3)
    learned = (2, POINTS, 8, print_loss)
    assert quick == [learned, ("points", 2, 100), ("digits", 8, 100)]
    assert numbers["far_many"] == 1.5 and numbers["digits_many"] == 2.5
    assert numbers["holds"] == 1
    assert capsys.readouterr().out.endswith("In this run the claim holds.\n")


def test_other_numbers_of_moves_are_not_what_the_claim_speaks_of(quick, capsys):
    main(steps=8, moves=7)
    said = "In this run the claim holds, but it speaks of --moves 100.\n"
    assert capsys.readouterr().out.endswith(said)


@pytest.mark.parametrize("bad", [0, -2])
def test_there_is_at_least_one_move(bad):
    with pytest.raises(SystemExit, match=f"--moves must be at least 1, got {bad}"):
        main(moves=bad)


# Pictures


def test_the_picture_shows_the_cloud_at_five_times_and_one_move_below():
    many = [make_points(5) for _ in range(9)]
    one = [many[0], make_points(5)]
    fig = figure(many, one)
    shown = [
        (many[0], "0 moves"),
        (many[2], "2 moves"),
        (many[4], "4 moves"),
        (many[6], "6 moves"),
        (many[8], "8 moves"),
        (one[0], "the same noise"),
        (one[1], "one move"),
    ]
    for points, title in shown:
        ax = fig_axes(fig, title)
        (cloud,) = ax.collections
        assert_close(torch.tensor(cloud.get_offsets().data).float(), points)
        assert [circle.center for circle in ax.patches] == CENTRES.tolist()
        for circle in ax.patches:
            assert circle.radius == pytest.approx(3 * WIDTH)
        assert ax.get_xlim() == ax.get_ylim() == (-3, 3)
    assert "8 moves above, one below" in fig.get_suptitle()


def fig_axes(fig, title: str):
    (found,) = [ax for ax in fig.axes if ax.get_title() == title]
    return found


def test_the_second_picture_shows_eight_digits_of_each_kind():
    rows = {"unseen": torch.rand(9, 64), "1 move": torch.rand(9, 64)}
    axes = figure_digits(rows).axes
    assert len(axes) == 16
    for i, images in enumerate(rows.values()):
        assert axes[8 * i].get_ylabel() == list(rows)[i]
        for j in range(8):
            (shown,) = axes[8 * i + j].images
            assert_close(torch.tensor(shown.get_array().data), images[j].view(8, 8))
            assert shown.get_clim() == (-1, 1)
            assert shown.get_cmap().name == "gray_r"
    plt.close("all")
