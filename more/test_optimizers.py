"""What optimizers.py claims, as tests."""

import math
from statistics import median

import matplotlib.pyplot as plt
import pytest
import torch
import torch.nn.functional as F
from sklearn import datasets, utils
from torch import Tensor, nn
from torch.autograd import gradcheck
from torch.testing import assert_close

import optimizers
from optimizers import (
    BALLS,
    CONDITIONS,
    NAMES,
    RATES,
    VALLEYS,
    Valley,
    adam,
    all_arrived,
    apart,
    at_the_bottom,
    best_rate,
    claim_holds,
    exponent,
    figure,
    gradient_descent,
    in_all_valleys,
    kept,
    main,
    make_optimizer,
    momentum,
    place_balls,
    print_loss,
    print_table,
    roll,
    slope,
    steps_of,
    train,
    turn,
    with_a_pencil,
)
from tools.contract import ModelContract
from tools.store import full

every_optimizer = pytest.mark.parametrize("name", NAMES)
the_other_two = pytest.mark.parametrize("name", ["gradient_descent", "momentum"])


def double(*rows) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


class TestValley(ModelContract):
    output = ()

    def make(self):
        return Valley(condition=7.0, angle=30.0)

    def inputs(self, batch):
        return torch.rand(batch, 2, dtype=torch.float64, requires_grad=True)


# By hand


def test_gradient_descent_on_paper():
    path = gradient_descent([1.0, 1.0], slope, rate=0.4, steps=2)
    assert_close(double(*path), double([-0.6, 0.6], [0.36, 0.36]))


def test_momentum_on_paper():
    path = momentum([1.0, 1.0], slope, rate=0.25, keep=0.5, steps=2)
    assert path == [[0.0, 0.75], [-0.5, 0.4375]]


def test_the_first_step_of_adam_is_as_long_as_the_learning_rate_in_each_number():
    (path,) = adam([3.0, -0.001], slope, rate=0.25, steps=1)
    # A millionth of the step is missing in the second: its gradient is only a
    # thousandth, and 1e-8 is added to it.
    assert path == pytest.approx([2.75, 0.249], abs=1e-5)


def test_adam_goes_through_a_stretched_valley_as_through_a_round_one():
    path = adam([1.0, 1.0], slope, rate=0.5, steps=30)
    for x, y in path:
        assert x == pytest.approx(y, abs=1e-6)


def test_the_list_that_is_handed_over_stays_as_it_is():
    start = [1.0, 1.0]
    gradient_descent(start, slope, rate=0.4, steps=2)
    momentum(start, slope, rate=0.4, keep=0.5, steps=2)
    adam(start, slope, rate=0.4, steps=2)
    assert start == [1.0, 1.0]


KEEP = {"gradient_descent": 0.0, "momentum": 0.8, "adam": 0.0}


def by_hand(name: str, start: list[float], slope, steps: int) -> list[list[float]]:
    if name == "gradient_descent":
        return gradient_descent(start, slope, rate=0.01, steps=steps)
    if name == "momentum":
        return momentum(start, slope, rate=0.01, keep=KEEP[name], steps=steps)
    return adam(start, slope, rate=0.01, steps=steps)


def check_equal_to_pytorch(name: str) -> None:
    """Step by step, in a valley of five numbers that lies anyhow; both gradients, too:
    one is written down, and one comes from autograd."""
    torch.manual_seed(0)
    roots = torch.randn(5, 5, dtype=torch.float64)
    matrix = roots @ roots.T
    start = torch.randn(5, dtype=torch.float64)

    def slope_there(place):
        return (matrix @ double(*place)).tolist()

    place = nn.Parameter(start.clone())
    optimizer = make_optimizer(name, place, rate=0.01, keep=KEEP[name])
    for ours in by_hand(name, start.tolist(), slope_there, steps=60):
        written_down = slope_there(place.tolist())
        height = place @ matrix @ place / 2
        optimizer.zero_grad()
        height.backward()
        assert_close(double(*written_down), place.grad, atol=1e-12, rtol=0)
        optimizer.step()
        assert_close(double(*ours), place.detach(), atol=1e-12, rtol=0)


def test_gradient_descent_by_hand_is_that_of_pytorch_step_by_step():
    """Which place does the second step start from?"""
    check_equal_to_pytorch("gradient_descent")


def test_momentum_by_hand_is_that_of_pytorch_step_by_step():
    """What is the velocity after two steps, if both gradients are 1?"""
    check_equal_to_pytorch("momentum")


def test_adam_by_hand_is_that_of_pytorch_step_by_step():
    """How long is the first step, if the gradient is 8, and how long, if it is 1/8?"""
    check_equal_to_pytorch("adam")


def test_the_optimizers_are_those_of_pytorch():
    place = nn.Parameter(torch.zeros(2))
    descent = make_optimizer("gradient_descent", place, rate=0.3)
    rolling = make_optimizer("momentum", place, rate=0.2, keep=0.7)
    both = make_optimizer("adam", place, rate=0.1, keep=0.7)
    assert type(descent) is type(rolling) is torch.optim.SGD
    assert type(both) is torch.optim.Adam
    for optimizer, rate in ((descent, 0.3), (rolling, 0.2), (both, 0.1)):
        assert optimizer.defaults["lr"] == rate
        assert optimizer.param_groups[0]["params"][0] is place
    assert descent.defaults["momentum"] == 0 and rolling.defaults["momentum"] == 0.7
    assert both.defaults["betas"] == (0.9, 0.999) and both.defaults["eps"] == 1e-8


def test_what_is_printed_with_a_pencil_is_equal_on_both_sides(capsys):
    with_a_pencil()
    assert capsys.readouterr().out == (
        "Two steps from (1, 1), by hand and by PyTorch:\n"
        "gradient descent\n"
        "    (-0.6000,  0.6000)   PyTorch (-0.6000,  0.6000)\n"
        "    ( 0.3600,  0.3600)   PyTorch ( 0.3600,  0.3600)\n"
        "momentum\n"
        "    ( 0.0000,  0.7500)   PyTorch ( 0.0000,  0.7500)\n"
        "    (-0.5000,  0.4375)   PyTorch (-0.5000,  0.4375)\n"
        "Adam\n"
        "    ( 0.5000,  0.5000)   PyTorch ( 0.5000,  0.5000)\n"
        "    ( 0.0339,  0.0339)   PyTorch ( 0.0339,  0.0339)\n\n"
    )


# The valley


def test_the_height_on_paper():
    places = double([1, 1], [2, 0], [0, 2], [0, 0])
    heights = Valley(condition=4.0, angle=0.0)(places)
    assert_close(heights, double(2.5, 8, 2, 0))
    # Turned by 45 degrees, the place (1, 1) lies in the direction across, at sqrt(2).
    turned = Valley(condition=4.0, angle=45.0)(double([1, 1], [-1, 1]))
    assert_close(turned, double(4, 1))


def test_a_quarter_turn_leads_from_one_axis_to_the_next():
    """Where does (1, 0) go, if it is turned by 90 degrees to the left?"""
    assert_close(turn(double([1, 0], [0, 1]), 90), double([0, 1], [-1, 0]))
    half = math.sqrt(0.5)
    assert_close(turn(double([1, 0], [0, 1]), 45), double([half, half], [-half, half]))


@pytest.mark.parametrize("angle", [0, 10, 45, 90, 200, -30])
def test_a_turn_keeps_lengths_and_can_be_turned_back(angle):
    places = torch.randn(9, 2, dtype=torch.float64)
    turned = turn(places, angle)
    assert_close(turned.norm(dim=1), places.norm(dim=1))
    assert_close(turn(turned, -angle), places)


@pytest.mark.parametrize("angle", [0, 10, 45, 90, 200, -30])
def test_who_is_turned_with_the_valley_stands_as_high_as_before(angle):
    places = torch.randn(9, 2, dtype=torch.float64)
    before = Valley(condition=1000.0, angle=0.0)(places)
    assert_close(Valley(condition=1000.0, angle=angle)(turn(places, angle)), before)


def test_the_gradient_turns_with_the_valley_and_is_the_condition_number_times_across():
    places = torch.randn(9, 2, dtype=torch.float64)
    for angle in (0, 25):
        turned = turn(places, angle).requires_grad_()
        Valley(condition=50.0, angle=angle)(turned).sum().backward()
        expected = torch.stack([50 * places[:, 0], places[:, 1]], dim=1)
        assert_close(turn(turned.grad, -angle), expected)


def test_gradcheck_of_the_height():
    places = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    assert gradcheck(Valley(condition=9.0, angle=33.0), places)


# The balls


def test_the_balls_start_at_a_distance_of_one_in_directions_that_the_seed_decides():
    starts = place_balls(3)
    assert starts.shape == (BALLS, 2) == (20, 2) and starts.dtype == torch.float64
    assert_close(starts.norm(dim=1), torch.ones(20, dtype=torch.float64))
    assert place_balls(3).equal(starts) and not place_balls(4).equal(starts)
    signs = {tuple(row) for row in starts.sign().tolist()}
    assert len(signs) == 4  # they come from all sides


def test_the_bottom_is_a_thousandth_of_the_first_distance():
    starts = double([3, 4], [3, 4], [0, 1])
    places = double([0.003, 0.004], [0.003, 0.0041], [0.00099, 0])
    assert at_the_bottom(places, starts).tolist() == [True, False, True]


def test_a_ball_has_arrived_though_it_has_left_again():
    far, there = [0.0, 1.0], [0.0, 0.0]
    one_after_the_other = double([far, far], [there, far], [far, there], [far, far])
    assert all_arrived(one_after_the_other) is True
    assert all_arrived(one_after_the_other[:2]) is False


@every_optimizer
def test_training_goes_the_way_that_was_gone_by_hand(name):
    """Are there gradients of earlier steps, or of other balls, in a gradient?"""
    starts = double([1, 1], [0.2, -0.9])
    balls = nn.Parameter(starts.clone())
    optimizer = make_optimizer(name, balls, rate=0.01, keep=KEEP[name])
    path = train(balls, Valley(4.0, 0.0), optimizer, steps=25)
    assert path.shape == (26, 2, 2) and path[0].equal(starts)
    for ball in range(2):
        ours = by_hand(name, starts[ball].tolist(), slope, steps=25)
        assert_close(path[1:, ball], double(*ours), atol=1e-12, rtol=0)


def test_training_ends_when_the_last_ball_has_arrived():
    # With this rate, the distance across is 0 at once, and that along half of the last.
    starts = double([1, 0], [0, 1])
    balls = nn.Parameter(starts.clone())
    optimizer = make_optimizer("gradient_descent", balls, rate=0.5)
    path = train(balls, Valley(2.0, 0.0), optimizer, steps=100)
    assert len(path) == 11  # 2 to the power of 10 is 1024
    assert all_arrived(path) and not all_arrived(path[:-1])
    balls = nn.Parameter(starts.clone())
    optimizer = make_optimizer("gradient_descent", balls, rate=0.5)
    assert len(train(balls, Valley(2.0, 0.0), optimizer, steps=7)) == 8


def test_whoever_watches_hears_of_each_step_and_the_heights_before_it():
    heard = []
    balls = nn.Parameter(double([1, 1], [0, 2]))
    optimizer = make_optimizer("gradient_descent", balls, rate=0.4)

    def watch(step, loss):
        heard.append((step, loss))

    path = train(balls, Valley(4.0, 0.0), optimizer, steps=3, watch=watch)
    heights = [Valley(4.0, 0.0)(places).sum().item() for places in path[:-1]]
    assert heard == [(0, 4.5), (1, heights[1]), (2, heights[2])]


def test_some_steps_are_printed_and_ever_fewer(capsys):
    for step in range(5000):
        print_loss(step, 12345.6)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "    step    0: all heights together 1.2e+04"
    steps = [int(line.split()[1].rstrip(":")) for line in lines]
    assert steps == [0, 10, 30, 100, 300, 1000, 3000]


# A fair try for each


@pytest.mark.parametrize("condition", [4, 100])
def test_with_the_best_rate_gradient_descent_shrinks_both_distances_alike(condition):
    rate = best_rate("gradient_descent", condition, 0.0, place_balls(0), 10)
    path = roll("gradient_descent", condition, 0.0, place_balls(0), rate, 10)
    shorter = path[1:].abs() / path[:-1].abs()
    factor = (condition - 1) / (condition + 1)
    assert_close(shorter, torch.full_like(shorter, factor))


@the_other_two
def test_no_other_rate_needs_fewer_steps_than_that_of_the_formula(name):
    starts = place_balls(0)
    best = best_rate(name, 100, 0.0, starts, 1000)
    steps = steps_of(roll(name, 100, 0.0, starts, best, 1000), 1000)
    for n in range(-8, 9):
        other = best * 1.2**n
        assert steps_of(roll(name, 100, 0.0, starts, other, 1000), 1000) >= steps


def test_momentum_keeps_what_polyak_found_and_the_others_keep_nothing():
    assert kept("momentum", 9) == 0.25  # (3 - 1) / (3 + 1), squared
    assert kept("momentum", 1000) == pytest.approx(0.881, abs=0.0005)
    assert best_rate("momentum", 9, 0.0, place_balls(0), 1) == 0.25
    assert kept("gradient_descent", 9) == kept("adam", 9) == 0


def test_momentum_with_another_part_of_the_velocity_is_slower(monkeypatch):
    starts = place_balls(0)
    rate = best_rate("momentum", 100, 0.0, starts, 1000)
    right = kept("momentum", 100)
    steps = steps_of(roll("momentum", 100, 0.0, starts, rate, 1000), 1000)
    for other in (0.0, 0.5, 0.8, 0.9, 0.95):
        monkeypatch.setattr(optimizers, "kept", lambda name, condition: other)  # noqa: B023
        assert steps_of(roll("momentum", 100, 0.0, starts, rate, 1000), 1000) > steps
    assert 0.5 < right < 0.8


def test_thirteen_rates_are_tried_from_ten_down_to_a_hundredth():
    assert len(RATES) == 13
    assert RATES[0] == 10 and RATES[4] == 1 and RATES[12] == pytest.approx(0.01)
    assert RATES[1] == pytest.approx(5.62, abs=0.01)


@pytest.mark.parametrize("angle", [0.0, 45.0])
def test_adam_gets_the_rate_that_needs_the_fewest_steps(angle):
    """Is the rate that you return the fastest one of those that arrive?"""
    starts = place_balls(1)
    found = best_rate("adam", 100, angle, starts, 600)
    steps = {}
    for rate in RATES:
        path = roll("adam", 100, angle, starts, rate, 600)
        steps[rate] = steps_of(path, 600)
    assert steps[found] == min(steps.values()) < 600
    assert max(steps.values()) > 2 * steps[found]


def test_if_no_rate_arrives_the_first_is_taken():
    assert best_rate("adam", 100, 0.0, place_balls(0), 2) == RATES[0]


@every_optimizer
def test_the_balls_are_turned_with_the_valley(name):
    """From which places do the balls start in the turned valley?"""
    starts = place_balls(2)
    path = roll(name, 10, 30.0, starts, 0.1, 1)
    assert_close(path[0], turn(starts, 30.0))
    assert_close(Valley(10, 30.0)(path[0]), Valley(10, 0.0)(starts))


def test_roll_hands_on_rate_steps_velocity_and_who_watches(monkeypatch):
    asked = {}

    def make(name, place, rate, keep):
        asked["made"] = (name, rate, keep)
        return "an optimizer"

    def train_instead(balls, valley, optimizer, steps, watch):
        asked["trained"] = (optimizer, valley.condition, steps, watch)
        return "a path"

    monkeypatch.setattr(optimizers, "make_optimizer", make)
    monkeypatch.setattr(optimizers, "train", train_instead)
    assert roll("momentum", 9, 5.0, place_balls(0), 0.7, 8, print) == "a path"
    assert asked["made"] == ("momentum", 0.7, 0.25)
    assert asked["trained"] == ("an optimizer", 9, 8, print)


# Who notices


@the_other_two
@pytest.mark.parametrize("angle", [10.0, 45.0, 90.0])
def test_the_path_of_gradient_descent_and_of_momentum_turns_with_the_valley(
    name, angle
):
    starts = place_balls(0)
    rate = best_rate(name, 30, 0.0, starts, 300)
    path = roll(name, 30, 0.0, starts, rate, 300)
    turned = roll(name, 30, angle, starts, rate, 300)
    assert len(path) == len(turned)
    back = turn(turned.flatten(end_dim=1), -angle).view_as(turned)
    assert_close(back, path, atol=1e-12, rtol=0)


def test_the_path_of_adam_does_not_turn_with_the_valley_unless_the_axes_change_places():
    starts = place_balls(0)
    path = roll("adam", 30, 0.0, starts, 0.1, 60)
    elsewhere = roll("adam", 30, 45.0, starts, 0.1, 60)
    assert apart(path, elsewhere, 45.0) > 0.1
    axes_exchanged = roll("adam", 30, 90.0, starts, 0.1, 60)
    assert apart(path, axes_exchanged, 90.0) < 1e-6


def test_along_the_axes_adam_does_not_notice_the_condition_number():
    starts = place_balls(0)
    round_one = roll("adam", 1, 0.0, starts, 0.1, 60)
    steep = roll("adam", 1000, 0.0, starts, 0.1, 60)
    # The small number in Adam's divisor makes no more difference than this.
    assert_close(steep, round_one, atol=1e-5, rtol=0)
    turned_round = roll("adam", 1, 45.0, starts, 0.1, 60)
    turned_steep = roll("adam", 1000, 45.0, starts, 0.1, 60)
    assert (turned_steep - turned_round).abs().max() > 0.1


def test_the_first_step_of_adam_in_a_turned_valley_leads_nowhere_along():
    # From a start halfway between the axes of the valley, both gradients in the turned
    # one have the sign of the steep part: both numbers take the same step, and that is
    # a step straight across.
    half = math.sqrt(0.5)
    path = roll("adam", 1000, 45.0, double([half, half]), 0.1, 1)
    back = turn(path[:, 0], -45.0)
    assert back[1, 1].item() == pytest.approx(back[0, 1].item(), abs=1e-6)
    assert back[0, 0] - back[1, 0] == pytest.approx(0.1 * math.sqrt(2), abs=1e-6)


def test_apart_is_the_largest_distance_once_the_second_path_is_turned_back():
    """What is left between the paths, if the second one is the first one, turned?"""
    path = torch.randn(7, 3, 2, dtype=torch.float64)
    turned = turn(path.flatten(end_dim=1), 30.0).view(7, 3, 2)
    assert apart(path, turned, 30.0) == pytest.approx(0, abs=1e-12)
    turned[2, 1] += double(0.3, 0.4)
    turned[6, 0] += double(0, 0.1)
    assert apart(path, turned, 30.0) == pytest.approx(0.5)
    assert apart(path, turned[:5], 30.0) == pytest.approx(0.5)  # of the common steps
    assert apart(path[:2], turned, 30.0) == pytest.approx(0, abs=1e-12)


# The law


def test_the_exponent_of_a_power_is_found():
    """By how much does the logarithm of the steps grow, if that of c grows by 1?"""
    conditions = (10.0, 100.0, 1000.0)
    assert exponent(conditions, [7, 70, 700]) == pytest.approx(1)
    assert exponent(conditions, [5, 5, 5]) == pytest.approx(0)
    assert exponent(conditions, [8, 4, 2]) == pytest.approx(-math.log10(2))
    roots = [3 * math.sqrt(c) for c in CONDITIONS]
    assert exponent(CONDITIONS, roots) == pytest.approx(0.5)
    bent = exponent([1, 10, 100], [1, 1, 100])  # the line that lies closest: slope 1
    assert bent == pytest.approx(1) and isinstance(bent, float)
    bent = exponent([1, 10, 100, 1000], [1, 10, 1, 1])
    assert bent == pytest.approx(-0.1)  # and not 0, from end to end


def test_the_exponent_is_that_of_the_closest_line():
    # On paper: x is -1, 0, 1 and y is 0, 0, 3 in powers of ten: 3 / 2.
    assert exponent((1.0, 10.0, 100.0), [1, 1, 1000]) == pytest.approx(1.5)


@pytest.mark.parametrize("condition", [10, 100, 1000])
def test_the_steps_of_gradient_descent_can_be_computed(condition):
    starts = place_balls(0)
    rate = best_rate("gradient_descent", condition, 0.0, starts, 5000)
    path = roll("gradient_descent", condition, 0.0, starts, rate, 5000)
    exact = math.log(1000) / math.log((condition + 1) / (condition - 1))
    assert steps_of(path, 5000) == math.ceil(exact)
    assert exact == pytest.approx(3.45 * condition, rel=0.01)


def test_the_steps_are_counted_from_the_start_and_one_more_than_the_limit_is_too_many():
    far, there = [0.0, 1.0], [0.0, 0.0]
    assert steps_of(double([far], [far], [there]), 2) == 2
    assert steps_of(double([far], [far], [far]), 2) == 3


@pytest.fixture
def small(monkeypatch):
    """Two condition numbers and two rates: a lesson of a second."""
    monkeypatch.setattr(optimizers, "CONDITIONS", (10, 30))
    monkeypatch.setattr(optimizers, "RATES", [1.0, 0.3])


@every_optimizer
@pytest.mark.parametrize("angle", [0.0, 45.0])
def test_in_each_valley_the_rate_is_chosen_anew(name, angle, small, monkeypatch):
    """In which valley were the rates tried, and in which are the steps counted?"""
    tried = []

    def choose(name, condition, angle, starts, steps):
        tried.append((condition, angle))
        return best_rate(name, condition, angle, starts, steps)

    monkeypatch.setattr(optimizers, "best_rate", choose)
    starts = place_balls(0)
    counts, path, rate = in_all_valleys(name, angle, starts, 150)
    assert tried == [(10, angle), (30, angle)]
    first = best_rate(name, 10, angle, starts, 150)
    assert rate == best_rate(name, 30, angle, starts, 150)
    assert counts == [
        steps_of(roll(name, 10, angle, starts, first, 150), 150),
        steps_of(roll(name, 30, angle, starts, rate, 150), 150),
    ]
    assert path.equal(roll(name, 30, angle, starts, rate, 150))


def test_of_the_last_valley_it_is_printed_how_the_balls_go_down(small, capsys):
    in_all_valleys("momentum", 45.0, place_balls(0), 12)
    head, first, later = capsys.readouterr().out.splitlines()
    assert head == "momentum, learning rate 0.095, valley turned by 45:"
    height = Valley(30, 0.0)(place_balls(0)).sum().item()
    assert first == f"    step    0: all heights together {height:.1e}"
    assert later.startswith("    step   10: all heights together ")


def test_the_table_has_a_row_for_each_optimizer_in_each_valley(capsys):
    counts = {}
    for number, name in enumerate(NAMES):
        counts[f"{name}_along"] = [number + steps for steps in (21, 31, 41, 51, 61)]
        counts[f"{name}_turned"] = [10 * condition for condition in CONDITIONS]
    print_table(counts, 22.5)
    assert capsys.readouterr().out == (
        """\
Steps until the last ball is at the bottom, and how they grow:
condition number                      10     30    100    300  1,000  power
gradient descent, along the axes      21     31     41     51     61   0.23
gradient descent, turned by 22.5     100    300  1,000  3,000 10,000   1.00
momentum, along the axes              22     32     42     52     62   0.22
momentum, turned by 22.5             100    300  1,000  3,000 10,000   1.00
Adam, along the axes                  23     33     43     53     63   0.22
Adam, turned by 22.5                 100    300  1,000  3,000 10,000   1.00

"""
    )


# The verdict

HOLDING = {
    "late": 0.0,
    "adam_along": 100.0,
    "adam_turned": 500.0,
    "apart_gradient_descent": 1e-14,
    "apart_momentum": 1e-13,
    "apart_adam": 1.0,
    "power_gradient_descent": 1.0,
    "power_momentum": 0.5,
    "power_adam": 0.0,
}


def test_the_claim_holds_if_all_of_its_parts_do():
    assert claim_holds(HOLDING) is True


@pytest.mark.parametrize(
    "name, number, holds",
    [
        ("late", 1.0, False),
        ("adam_turned", 301.0, True),
        ("adam_turned", 300.0, False),
        ("adam_along", 166.0, True),
        ("adam_along", 167.0, False),
        ("apart_adam", 0.11, True),
        ("apart_adam", 0.1, False),
        ("apart_gradient_descent", 1e-9, True),
        ("apart_gradient_descent", 1.01e-9, False),
        ("apart_momentum", 1e-9, True),
        ("apart_momentum", 1.01e-9, False),
        ("power_gradient_descent", 1.099, True),
        ("power_gradient_descent", 1.101, False),
        ("power_gradient_descent", 0.901, True),
        ("power_gradient_descent", 0.899, False),
        ("power_momentum", 0.599, True),
        ("power_momentum", 0.601, False),
        ("power_momentum", 0.401, True),
        ("power_momentum", 0.399, False),
        ("power_adam", 0.1, True),
        ("power_adam", 0.101, False),
        ("power_adam", -0.1, True),
        ("power_adam", -0.101, False),
    ],
)
def test_the_claim_fails_by_a_hair_in_one_condition(name, number, holds):
    assert claim_holds(HOLDING | {name: number}) is holds


# What main does


def test_main_returns_what_the_valleys_gave(small):
    numbers = main(angle=30.0, steps=200, seed=4)
    starts = place_balls(4)
    late = 0
    for name in NAMES:
        along, path, rate = in_all_valleys(name, 0.0, starts, 200)
        turned, _, other_rate = in_all_valleys(name, 30.0, starts, 200)
        assert numbers[f"{name}_along"] == along[-1]
        assert numbers[f"{name}_turned"] == turned[-1]
        assert numbers[f"rate_{name}_along"] == rate
        assert numbers[f"rate_{name}_turned"] == other_rate
        assert numbers[f"power_{name}"] == exponent((10, 30), along)
        assert numbers[f"power_{name}_turned"] == exponent((10, 30), turned)
        same_rate = roll(name, 30, 30.0, starts, rate, 200)
        assert numbers[f"apart_{name}"] == apart(path, same_rate, 30.0)
        late += sum(steps > 200 for steps in along + turned)
    assert numbers["late"] == late
    assert numbers["holds"] == claim_holds(numbers)


def test_main_counts_the_valleys_in_which_some_ball_is_late(small):
    assert main(steps=2)["late"] == 12  # three optimizers, four valleys each
    assert main(steps=2)["adam_turned"] == 3


def test_main_asks_first_and_then_holds_the_pencil(small, capsys):
    main(steps=2)
    printed = capsys.readouterr().out
    words = [optimizers.ASK, "Two steps from", "gradient descent, learning", "Steps"]
    places = [printed.index(word) for word in words]
    assert places == sorted(places) and places[0] == 0
    assert printed.endswith("\nIn this run the claim does NOT hold.\n")


def test_main_shows_the_ball_that_starts_a_tenth_off_the_middle(small, monkeypatch):
    shown = {}

    def draw(paths, numbers, angle):
        shown["paths"] = paths
        shown["angle"] = angle
        return figure(paths, numbers, angle)

    monkeypatch.setattr(optimizers, "figure", draw)
    main(angle=60.0, steps=5, seed=1)
    starts = place_balls(1)
    off = (starts[:, 0].abs() - 0.1).abs()
    ball = starts[off == off.min()]
    assert shown["angle"] == 60
    for name in NAMES:
        assert_close(shown["paths"][f"{name}_along"][:1], ball)
        assert_close(shown["paths"][f"{name}_turned"][:1], turn(ball, 60.0))


@pytest.mark.parametrize("angle", [math.nan, math.inf])
def test_an_angle_is_a_number_of_degrees(angle):
    complaint = f"^--angle must be a number of degrees, got {angle}$"
    with pytest.raises(SystemExit, match=complaint):
        main(angle=angle)


def test_one_step_is_the_least(small):
    main(steps=1)
    with pytest.raises(SystemExit, match="^--steps must be at least 1, got 0$"):
        main(steps=0)


# The picture


@pytest.fixture
def drawn():
    paths = {}
    numbers = {}
    for number, name in enumerate(NAMES):
        for row, which in enumerate(VALLEYS):
            key = f"{name}_{which}"
            paths[key] = torch.rand(5 + number, 2, dtype=torch.float64) - row
            numbers[key] = 1000.0 * (number + 1) + row
    fig = figure(paths, numbers, 30.0)
    fig.canvas.draw()
    return fig, paths


def test_each_panel_shows_the_path_of_its_optimizer_in_its_valley(drawn):
    fig, paths = drawn
    for number, axes in enumerate(fig.axes):
        name = list(NAMES)[number % 3]
        path = paths[f"{name}_{VALLEYS[number // 3]}"]
        line, dots, start, bottom = axes.lines
        for one in (line, dots):
            assert one.get_xdata().tolist() == path[:, 0].tolist()
            assert one.get_ydata().tolist() == path[:, 1].tolist()
        assert (line.get_linestyle(), dots.get_linestyle()) == ("-", "None")
        assert (line.get_marker(), dots.get_marker()) == ("None", ".")
        assert [float(x) for x in start.get_xydata()[0]] == path[0].tolist()
        assert start.get_marker() == "o"
        assert bottom.get_xydata().tolist() == [[0, 0]] and bottom.get_marker() == "*"
        assert {one.get_color() for one in axes.lines} == {"k"}
        assert axes.get_xlim() == axes.get_ylim() == (-1.5, 1.5)
        assert axes.get_aspect() == 1 and not len(axes.get_xticks())


def test_the_panels_say_optimizer_valley_and_steps(drawn):
    axes = drawn[0].axes
    assert [one.get_title() for one in axes[:3]] == list(NAMES.values())
    assert [one.get_title() for one in axes[3:]] == [""] * 3
    labels = [one.get_ylabel() for one in axes]
    assert labels == ["along the axes", "", "", "turned by 30°", "", ""]
    steps = [one.get_xlabel() for one in axes]
    assert steps[:3] == ["1,000 steps", "2,000 steps", "3,000 steps"]
    assert steps[3:] == ["1,001 steps", "2,001 steps", "3,001 steps"]


def test_the_title_says_what_this_run_found(drawn):
    title = "Adam needs 3,000 steps along the axes, 3,001 if turned"
    assert drawn[0].get_suptitle() == title


def test_the_heights_are_those_of_the_valley_and_darker_is_higher(monkeypatch):
    seen = []
    contourf = plt.Axes.contourf

    def listen(axes, x, y, heights, **looks):
        seen.append((x, y, heights))
        assert looks["cmap"] == "Greys" and looks["vmax"] > heights.max()
        return contourf(axes, x, y, heights, **looks)

    monkeypatch.setattr(plt.Axes, "contourf", listen)
    one = torch.zeros(1, 2, dtype=torch.float64)
    paths = {f"{name}_{which}": one for name in NAMES for which in VALLEYS}
    figure(paths, dict.fromkeys(paths, 1.0), 30.0)
    assert len(seen) == 6
    for number, (x, y, heights) in enumerate(seen):
        valley = Valley(1000, 30.0 * (number % 2))  # column by column
        places = torch.stack([x, y], dim=2).view(-1, 2)
        assert x.min() == y.min() == -1.5 and x.max() == y.max() == 1.5
        assert_close(heights.flatten() ** 2, valley(places))


def test_the_figure_stays_open_and_is_not_drawn_twice(drawn):
    plt.close("all")
    one = torch.zeros(1, 2, dtype=torch.float64)
    paths = {f"{name}_{which}": one for name in NAMES for which in VALLEYS}
    fig = figure(paths, dict.fromkeys(paths, 1.0), 30.0)
    assert plt.get_fignums() == [fig.number]


# The claim


OTHERS = [{"seed": 1}, {"angle": 30.0}]
OTHERS = [pytest.param(other, marks=pytest.mark.slow) for other in OTHERS]


@pytest.mark.parametrize("options", [{}, *OTHERS])
def test_claim_only_adam_notices(options):
    numbers = full(optimizers, **options).numbers
    assert numbers["holds"] and claim_holds(numbers)
    assert numbers["gradient_descent_along"] == 3454
    assert abs(numbers["gradient_descent_turned"] - 3454) <= 1
    assert abs(numbers["momentum_turned"] - numbers["momentum_along"]) <= 1
    assert numbers["adam_turned"] > numbers["momentum_turned"]
    assert numbers["adam_turned"] < numbers["gradient_descent_turned"]


def test_claim_it_fails_if_nothing_is_turned():
    numbers = full(optimizers, angle=0.0).numbers
    assert not numbers["holds"] and not claim_holds(numbers)
    assert numbers["apart_adam"] == 0
    assert numbers["adam_along"] == numbers["adam_turned"]


# Beyond the valley of the claim


def steps_in_ten_dimensions(name: str, turned: bool, seed: int, limit: int) -> int:
    """Steps of 20 balls in a valley with ten condition numbers from 1 to 1000, turned
    at random."""
    torch.manual_seed(seed)
    steepness = torch.logspace(0, 3, 10, dtype=torch.float64)
    starts = torch.randn(20, 10, dtype=torch.float64)
    starts /= starts.norm(dim=1, keepdim=True)
    rotation = nn.init.orthogonal_(torch.empty(10, 10, dtype=torch.float64))
    if not turned:
        rotation = torch.eye(10, dtype=torch.float64)
    fewest = limit + 1
    rates = RATES
    if name != "adam":
        rates = [best_rate(name, 1000, 0.0, starts, 1)]
    for rate in rates:
        balls = nn.Parameter(starts @ rotation.T)
        optimizer = make_optimizer(name, balls, rate, kept(name, 1000))
        arrived = torch.zeros(20, dtype=torch.bool)
        for step in range(1, fewest):
            height = ((balls @ rotation) ** 2 * steepness).sum() / 2
            optimizer.zero_grad()
            height.backward()
            optimizer.step()
            arrived = arrived | (balls.detach().norm(dim=1) <= 0.001)
            if arrived.all():
                fewest = step
                break
    return fewest


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_in_ten_dimensions_turned_at_random_only_adam_needs_more_steps(seed):
    for name in ("gradient_descent", "momentum"):
        before = steps_in_ten_dimensions(name, False, seed, 5000)
        after = steps_in_ten_dimensions(name, True, seed, 5000)
        assert abs(before - after) <= 1 and before < 5000
    before = steps_in_ten_dimensions("adam", False, seed, 5000)
    after = steps_in_ten_dimensions("adam", True, seed, 5000)
    assert after > 2.5 * before


def loss_with_pixels(turned: bool, name: str, rate: float, seed: int) -> float:
    """Of a small network after 300 steps, on the digits it was trained with. If their
    64 pixels are turned as one arrow, so are its first weights."""
    digits = datasets.load_digits()
    images, labels = utils.shuffle(digits.data, digits.target, random_state=0)
    images = torch.tensor(images[:1437] / 16)
    labels = torch.tensor(labels[:1437])
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)).double()
    rotation = nn.init.orthogonal_(torch.empty(64, 64, dtype=torch.float64))
    order = torch.randperm(len(images))
    if turned:
        images = images @ rotation
        with torch.no_grad():
            network[0].weight.copy_(network[0].weight @ rotation)
    if name == "adam":
        optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    else:
        keep = 0.9 if name == "momentum" else 0.0
        optimizer = torch.optim.SGD(network.parameters(), lr=rate, momentum=keep)
    for step in range(300):
        rows = order[torch.arange(125 * step, 125 * (step + 1)) % len(order)]
        loss = F.cross_entropy(network(images[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return F.cross_entropy(network(images), labels).item()


@pytest.mark.slow
def test_turned_pixels_only_adam_notices_and_it_ends_lower_in_twenty_of_twenty_seeds():
    ratios = []
    for seed in range(20):
        for name, rate in (("gradient_descent", 1.0), ("momentum", 0.3)):
            before = loss_with_pixels(False, name, rate, seed)
            after = loss_with_pixels(True, name, rate, seed)
            assert after == pytest.approx(before, rel=1e-9)
        before = loss_with_pixels(False, "adam", 0.003, seed)
        ratios.append(loss_with_pixels(True, "adam", 0.003, seed) / before)
    assert max(ratios) < 1 and median(ratios) < 0.95
