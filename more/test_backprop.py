"""What backprop.py claims, as tests."""

import math

import matplotlib.pyplot as plt
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

import backprop
from backprop import (
    BATCH,
    FORMULAS,
    PLACES,
    RATE,
    SIZES,
    Number,
    Table,
    accuracy,
    apart,
    backward,
    backward_tables,
    by_differences,
    by_pytorch,
    by_tape,
    claim_holds,
    dot,
    figure,
    learn_to_read,
    loss_of_numbers,
    loss_of_tables,
    main,
    make_weights,
    measure_costs,
    on_tape,
    outputs_of,
    print_loss,
    small_tape,
    threes_and_eights,
    train,
)
from tools.store import full

NO_MODEL = "its network is two tables of weights and a tape, and no nn.Module"


def random(*shape: int) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64)


def some(B: int = 6, J: int = 5, H: int = 4):  # noqa: N803, the lesson's letters
    """Weights, images and targets of a small network."""
    torch.manual_seed(3)
    return make_weights(J, H), random(B, J), random(B, 1)


def exact(one, other) -> None:
    assert_close(one, other, atol=1e-10, rtol=0)


# With a pencil


def test_the_tape_holds_the_numbers_in_the_order_in_which_they_are_computed():
    tape = small_tape(2.0, 3.0)
    assert [number.value for number in tape] == [2, 3, 6, 8, 24]
    places = {id(number): place for place, number in enumerate(tape)}
    for place, number in enumerate(tape):
        for parent in number.parents:
            assert places[id(parent)] < place
    assert [len(number.parents) for number in tape] == [0, 0, 2, 2, 2]


def test_with_a_pencil_the_parts_of_a_number_used_twice_add_up():
    """If a number is used in two places, what becomes of the two parts that it gets?"""
    tape = small_tape(2.0, 3.0)
    operations = backward(tape)
    assert [number.gradient for number in tape] == [12, 14, 3, 3, 1]
    assert operations == 12  # six arrows


def test_a_product_hands_to_each_the_other():
    """If a in a * b grows by 1, by how much does the product grow?"""
    tape = []
    a, b = Number(2.0, tape), Number(5.0, tape)
    product = a * b
    assert product.value == 10 and product.slopes == (5, 2)
    backward(tape)
    assert (a.gradient, b.gradient) == (5, 2)


def test_a_sum_hands_its_gradient_on_to_both():
    tape = []
    a, b = Number(2.0, tape), Number(5.0, tape)
    total = a + b
    assert total.value == 7 and total.slopes == (1, 1)
    backward(tape)
    assert (a.gradient, b.gradient) == (1, 1)


@pytest.mark.parametrize("value, slope", [(3.0, 1), (-3.0, 0), (0.0, 0)])
def test_a_relu_lets_the_gradient_through_only_where_it_was_positive(value, slope):
    """What does a ReLU hand back, if its input was negative?"""
    tape = []
    number = Number(value, tape)
    kept = number.relu()
    assert kept.value == max(value, 0) and kept.slopes == (slope,)
    backward(tape)
    assert number.gradient == slope
    x = nn.Parameter(torch.tensor([[value]], dtype=torch.float64))
    F.relu(x).backward()
    assert x.grad.item() == slope


def test_the_slope_is_the_rise_for_a_small_step():
    tape = small_tape(2.0, 3.0)
    backward(tape)
    a, b = tape[:2]
    step = 1e-6
    rise_a = small_tape(2.0 + step, 3.0)[-1].value - tape[-1].value
    rise_b = small_tape(2.0, 3.0 + step)[-1].value - tape[-1].value
    assert rise_a / step == pytest.approx(a.gradient, abs=1e-4)
    assert rise_b / step == pytest.approx(b.gradient, abs=1e-4)


def test_with_a_pencil_prints_what_pytorch_says(capsys):
    backprop.with_a_pencil()
    assert capsys.readouterr().out.splitlines() == [
        "y = (a * b + a) * b. On the tape, from its end:",
        "    y = 24.0, gradient  1.0",
        "    d =  8.0, gradient  3.0",
        "    c =  6.0, gradient  3.0",
        "    b =  3.0, gradient 14.0",
        "    a =  2.0, gradient 12.0",
        "PyTorch says 14.0 of b, and 12.0 of a.",
        "",
    ]


def test_a_number_squared_gets_both_parts_of_its_gradient():
    tape = []
    number = Number(7.0, tape)
    square = number * number
    backward(tape)
    assert square.value == 49 and number.gradient == 14


def test_a_number_that_y_does_not_depend_on_has_the_gradient_0():
    tape = []
    idle = Number(7.0, tape)
    Number(2.0, tape) * Number(3.0, tape)
    backward(tape)
    assert idle.gradient == 0


def test_a_long_chain_multiplies_its_slopes():
    """Whose turn is it first, so that everybody's gradient is complete by then?"""
    tape = []
    x = Number(1.0, tape)
    y = x
    for _ in range(5000):  # no recursion, so no limit
        y = y * Number(1.001, tape)
    backward(tape)
    assert x.gradient == pytest.approx(1.001**5000)


# PyTorch


def test_a_random_expression_has_pytorchs_gradients():
    draw = torch.Generator().manual_seed(5)

    def pick(count: int) -> int:
        return int(torch.randint(count, (), generator=draw))

    for _ in range(20):
        values = torch.randn(4, generator=draw, dtype=torch.float64).tolist()
        tape = []
        ours = [Number(value, tape) for value in values]
        leaves = [nn.Parameter(torch.tensor(v, dtype=torch.float64)) for v in values]
        theirs = list(leaves)
        for _ in range(12):
            kind, i, j = pick(3), pick(len(ours)), pick(len(ours))
            if kind == 0:
                ours.append(ours[i] + ours[j])
                theirs.append(theirs[i] + theirs[j])
            elif kind == 1:
                ours.append(ours[i] * ours[j])
                theirs.append(theirs[i] * theirs[j])
            else:
                ours.append(ours[i].relu())
                theirs.append(theirs[i].relu())
        backward(tape)
        theirs[-1].backward()
        for number, leaf in zip(ours, leaves, strict=False):
            other = 0.0 if leaf.grad is None else leaf.grad.item()
            assert number.gradient == pytest.approx(other, rel=1e-10, abs=1e-10)


def test_the_gradient_of_the_network_by_tape_is_pytorchs():
    """Is the gradient of every weight that of PyTorch, in the same place?"""
    weights, images, targets = some()
    for image, target in zip(images, targets, strict=True):
        ours, _ = by_tape(weights, image, target.item())
        theirs = by_pytorch(weights, image[None], target[None])
        for one, other in zip(ours, theirs, strict=True):
            assert one.shape == other.shape
            exact(one, other)
        assert theirs[0].abs().max() > 1e-3


def test_tables_have_pytorchs_outputs_loss_and_gradients():
    """What does each factor of a matrix product get of the gradient?"""
    weights, images, targets = some()
    tape, first, second = on_tape(weights)
    outputs = outputs_of(first, second, images).value
    exact(outputs, F.relu(images @ weights[0]) @ weights[1])
    tape, first, second = on_tape(weights)
    loss = loss_of_tables(first, second, images, targets)
    assert loss is tape[-1] and loss.value.shape == (1, 1)
    exact(loss.value[0, 0], F.mse_loss(outputs, targets))
    backward_tables(tape)
    theirs = by_pytorch(weights, images, targets)
    exact(first.gradient, theirs[0])
    exact(second.gradient, theirs[1])


def test_by_pytorch_is_the_mean_squared_error_of_two_layers():
    weights, images, targets = some()
    network = nn.Sequential(
        nn.Linear(5, 4, bias=False), nn.ReLU(), nn.Linear(4, 1, bias=False)
    ).double()
    network[0].weight.data = weights[0].T.clone()
    network[2].weight.data = weights[1].T.clone()
    F.mse_loss(network(images), targets).backward()
    ours = by_pytorch(weights, images, targets)
    exact(ours[0], network[0].weight.grad.T)
    exact(ours[1], network[2].weight.grad.T)


@pytest.mark.parametrize("operation", ["+", "*", "@", "relu"])
def test_each_rule_of_a_table_is_pytorchs(operation):
    """By what does each table multiply the gradient that it hands on?"""
    torch.manual_seed(1)
    a = random(3, 4)
    b = random(4, 2) if operation == "@" else random(3, 4)
    tape = []
    ours = [Table(a, tape), Table(b, tape)]
    theirs = [nn.Parameter(a), nn.Parameter(b)]

    def compute(one, other):
        if operation == "+":
            return one + other
        if operation == "*":
            return one * other
        if operation == "@":
            return one @ other
        return one.relu() * other

    result, other = compute(*ours), compute(*theirs)
    weigh = random(*other.shape)
    result * Table(weigh, tape)  # so that each of its numbers counts differently
    backward_tables(tape)
    (other * weigh).sum().backward()
    exact(result.value, other.detach())
    for one, parameter in zip(ours, theirs, strict=True):
        exact(one.gradient, parameter.grad)


def test_a_table_used_twice_gets_both_parts():
    """A table is used twice: is what it got first still there at the end?"""
    tape = []
    x = Table(torch.tensor([[3.0]], dtype=torch.float64), tape)
    x * x + x
    backward_tables(tape)
    assert x.gradient.item() == 7  # 2 x + 1


def test_backward_leaves_the_values_alone():
    weights, images, targets = some()
    before = [weight.clone() for weight in weights]
    tape, first, second = on_tape(weights)
    loss_of_tables(first, second, images, targets)
    values = [table.value.clone() for table in tape]
    backward_tables(tape)
    assert all(map(torch.equal, values, [table.value for table in tape]))
    assert all(map(torch.equal, weights, before))


# What it costs


def operations(J: int, H: int) -> tuple[int, int, int]:  # noqa: N803
    """Multiplications, additions and ReLUs of the network's loss, counted on paper."""
    multiplications = J * H + H + 1  # the last one is the square
    additions = (J - 1) * H + (H - 1) + 1
    return multiplications, additions, H


@pytest.mark.parametrize("J, H", [(1, 1), (3, 2), (5, 7)])
def test_the_cost_is_that_counted_on_paper(J, H):  # noqa: N803
    """How many operations does backward need for a number with one input, and two?"""
    weights, images, _ = some(B=1, J=J, H=H)
    _, passes = by_tape(weights, images[0], 1.0)
    multiplications, additions, relus = operations(J, H)
    forward = multiplications + additions + relus
    behind = 4 * (multiplications + additions) + 2 * relus
    assert passes == pytest.approx((forward + behind) / forward, rel=1e-12)
    assert passes < 5


def test_backward_counts_two_operations_for_each_arrow():
    tape = []
    a = Number(1.0, tape)
    b = a.relu()
    b + b * a
    assert backward(tape) == 2 * (1 + 2 + 2)


def test_differences_cost_a_pass_for_each_number_and_one_more(monkeypatch):
    """How often does one compute the loss, to nudge each number once?"""
    weights, images, targets = some()
    calls = []

    def counted(*given):
        calls.append(given)
        return loss_of_tables(*given)

    monkeypatch.setattr(backprop, "loss_of_tables", counted)
    slow, passes = by_differences(weights, images, targets)
    assert passes == len(calls) == 5 * 4 + 4 + 1
    for one, other in zip(slow, by_pytorch(weights, images, targets), strict=True):
        assert_close(one, other, atol=1e-4, rtol=0)


def test_differences_are_nearly_right():
    """In how many of their digits may the two losses differ, to tell a slope?"""
    weights, images, targets = some()
    slow, _ = by_differences(weights, images, targets)
    assert 1e-10 < apart(slow, by_pytorch(weights, images, targets)) < 1e-4


def test_each_nudged_weight_is_put_back():
    """After finite differences, are the weights what they were before?"""
    weights, images, targets = some()
    weights[0].fill_(1e-9)  # 1e-9 + 1e-6 - 1e-6 is another number
    before = [weight.clone() for weight in weights]
    by_differences(weights, images, targets)
    assert all(map(torch.equal, weights, before))


def test_the_costs_are_those_of_five_networks(monkeypatch, capsys):
    monkeypatch.setattr(backprop, "SIZES", (3, 6))
    rows = measure_costs(seed=1)
    assert [row["weights"] for row in rows] == [9, 36]
    assert [row["differences"] for row in rows] == [10, 37]
    for row, H in zip(rows, (3, 6), strict=True):
        multiplications, additions, relus = operations(H - 1, H)
        forward = multiplications + additions + relus
        assert row["tape"] == pytest.approx(5 - 2 * relus / forward)
        assert row["tape_apart"] <= 1e-10 < row["differences_apart"] < 1e-3
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "What a gradient costs, in forward passes:"
    assert lines[3].split() == ["36", f"{rows[1]['tape']:.2f}", "37"]
    assert [H * H for H in SIZES][:: len(SIZES) - 1] == [100, 10_000]


def test_apart_is_the_largest_difference_in_any_table():
    one = [torch.zeros(2, 3), torch.zeros(3, 1)]
    other = [torch.full((2, 3), 0.25), torch.zeros(3, 1)]
    other[1][2, 0] = -0.5
    assert apart(one, other) == apart(other, one) == 0.5
    assert apart(one, one) == 0


# The network


def test_the_weights_are_smaller_the_more_there_are_to_add_up():
    torch.manual_seed(0)
    first, second = make_weights(400, 100)
    assert first.shape == (400, 100) and second.shape == (100, 1)
    assert first.dtype == second.dtype == torch.float64
    assert first.std().item() == pytest.approx(1 / 20, rel=0.05)
    assert second.std().item() == pytest.approx(1 / 10, rel=0.3)
    assert (random(500, 400) @ first).std().item() == pytest.approx(1, rel=0.05)


def test_numbers_and_tables_compute_the_same_loss():
    weights, images, targets = some(B=1)
    tape = []
    first = [[Number(w, tape) for w in column] for column in weights[0].T.tolist()]
    second = [Number(w, tape) for w in weights[1].flatten().tolist()]
    xs = [Number(x, tape) for x in images[0].tolist()]
    loss = loss_of_numbers(xs, first, second, Number(-targets.item(), tape))
    _, table_first, table_second = on_tape(weights)
    other = loss_of_tables(table_first, table_second, images, targets)
    assert loss.value == pytest.approx(other.value.item(), rel=1e-12)
    assert loss is tape[-1]


def test_a_dot_product_multiplies_and_adds_up():
    tape = []
    xs = [Number(x, tape) for x in (1.0, 2.0, 3.0)]
    weights = [Number(w, tape) for w in (4.0, -5.0, 6.0)]
    assert dot(xs, weights).value == 12
    assert len(tape) == 6 + 3 + 2


@pytest.mark.parametrize("shape", [(5,), (6, 4), (6, 5, 1)])
def test_images_of_a_wrong_shape_are_refused_with_both_shapes(shape):
    weights, _, _ = some()
    _, first, second = on_tape(weights)
    with pytest.raises(ValueError) as error:
        outputs_of(first, second, torch.zeros(shape, dtype=torch.float64))
    assert str(error.value) == f"expected (B, 5), got {shape}"


def test_the_order_of_a_batch_makes_no_difference():
    weights, images, targets = some()
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    gradients = []
    for rows in (torch.arange(6), order):
        tape, first, second = on_tape(weights)
        loss_of_tables(first, second, images[rows], targets[rows])
        backward_tables(tape)
        gradients.append([first.gradient, second.gradient])
    assert apart(*gradients) <= 1e-12


def test_the_gradient_of_a_batch_is_the_mean_of_those_of_its_images():
    """Is the loss of a batch the sum of its images' losses, or their mean?"""
    weights, images, targets = some()
    tape, first, second = on_tape(weights)
    loss_of_tables(first, second, images, targets)
    backward_tables(tape)
    total = torch.zeros_like(weights[0])
    for image, target in zip(images, targets, strict=True):
        gradient, _ = by_tape(weights, image, target.item())
        total += gradient[0]
    exact(first.gradient, total / 6)


# Training


def test_threes_and_eights_are_chosen_halved_and_get_their_targets():
    """Which of the two digits has the target 1?"""
    labels = torch.tensor([8, 0, 3, 5, 8])
    images = torch.rand(5, 1, 28, 28)
    inputs, targets = threes_and_eights(images, labels)
    assert targets.flatten().tolist() == [1, -1, 1]
    assert inputs.shape == (3, 197) and inputs.dtype == targets.dtype == torch.float64
    assert inputs[:, -1].tolist() == [1, 1, 1]
    for row, place in enumerate((0, 2, 4)):
        corner = images[place, 0, :2, :2].double().mean()
        assert inputs[row, 0].item() == pytest.approx(corner.item(), rel=1e-6)
        last = images[place, 0, -2:, -2:].double().mean()
        assert inputs[row, 195].item() == pytest.approx(last.item(), rel=1e-6)


def test_training_goes_the_way_of_pytorch():
    """After some steps, are the weights those that PyTorch's SGD would have found?"""
    torch.manual_seed(4)
    images, targets = random(120, 7), random(120, 1)
    weights = make_weights(7, 5)
    theirs = [nn.Parameter(weight.clone()) for weight in weights]
    optimizer = torch.optim.SGD(theirs, lr=RATE)
    torch.manual_seed(6)
    losses = []
    train(
        weights, images, targets, steps=7, watch=lambda step, loss: losses.append(loss)
    )
    torch.manual_seed(6)
    rows = torch.randperm(120).repeat(3)  # 120 images are two batches and a half
    for step in range(7):
        batch = rows[step * BATCH : (step + 1) * BATCH]
        loss = F.mse_loss(F.relu(images[batch] @ theirs[0]) @ theirs[1], targets[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert losses[step] == pytest.approx(loss.item(), rel=1e-9)
    for one, other in zip(weights, theirs, strict=True):
        exact(one, other.detach())


def test_training_tells_who_looks_on_each_step_and_its_loss(capsys):
    weights, images, targets = some()
    told = []
    train(weights, images, targets, steps=3, watch=lambda *given: told.append(given))
    assert [step for step, _ in told] == [0, 1, 2]
    train(weights, images, targets, steps=1)
    assert capsys.readouterr().out == ""
    print_loss(40, 0.1239)
    print_loss(41, 0.1239)
    assert capsys.readouterr().out == "    step  40: loss 0.124\n"


def test_accuracy_is_the_share_of_right_signs():
    weights = [
        torch.eye(2, dtype=torch.float64),
        torch.tensor([[1.0], [-1.0]]).double(),
    ]
    images = torch.tensor([[2.0, 1.0], [1.0, 2.0], [3.0, 1.0], [1.0, 3.0]]).double()
    targets = torch.tensor([[1.0], [-1.0], [1.0], [1.0]]).double()
    assert accuracy(weights, images, targets) == 0.75


def test_learning_reports_what_it_cost(capsys):
    numbers = learn_to_read("digits", steps=3, seed=2)
    multiplications, additions, relus = operations(197, 50)
    passes = 5 - 2 * relus / (multiplications + additions + relus)
    assert numbers["passes"] == pytest.approx(3 * passes, rel=1e-12)
    assert numbers["steps_by_differences"] == pytest.approx(3 * passes / 9901)
    assert numbers["tables_apart"] <= 1e-10
    assert 0.3 < numbers["untrained"] < 0.8
    assert capsys.readouterr().out.startswith("    step   0: loss ")


def test_it_is_tested_with_digits_that_it_has_not_seen(monkeypatch):
    """Which images does the network name: those it has learned, or others?"""
    load = backprop.load_digits

    def with_false_answers(data):
        images, labels, _, _ = load(data)
        return images, labels, images, 11 - labels  # 3 is called 8, and 8 is called 3

    monkeypatch.setattr(backprop, "load_digits", with_false_answers)
    assert learn_to_read("digits", steps=60, seed=0)["read"] < 0.2


# The claim


@pytest.mark.parametrize("seed", [0, pytest.param(7, marks=pytest.mark.slow)])
def test_the_claim_holds(seed):
    numbers = full(backprop, seed=seed).numbers
    assert numbers["holds"] == 1
    assert numbers["tape_most"] == max(numbers["tape_100"], numbers["tape_10000"])


def test_the_longer_training_costs_more_than_a_step_of_differences():
    _, passes = by_tape(make_weights(197, 50), random(197), 1.0)
    assert 1999 * passes > 9901 > 1900 * passes


GOOD = {
    "tape_most": 5.0,
    "tape_apart": 1e-10,
    "tables_apart": 1e-10,
    "differences_100": 101.0,
    "differences_10000": 10_001.0,
    "read": 0.901,
    "steps_by_differences": 0.999,
}
WORSE = {
    "tape_most": 5.001,
    "tape_apart": 1.1e-10,
    "tables_apart": 1.1e-10,
    "differences_100": 100.0,
    "differences_10000": 10_000.0,
    "read": 0.90,
    "steps_by_differences": 1.0,
}


def test_the_claim_holds_by_a_hair():
    assert claim_holds(GOOD) is True


@pytest.mark.parametrize("name", WORSE)
def test_the_claim_fails_by_a_hair_in_each_condition(name):
    assert claim_holds(GOOD | {name: WORSE[name]}) is False
    assert claim_holds(GOOD | {name: math.nan}) is False


def test_steps_must_be_at_least_one():
    with pytest.raises(SystemExit, match="--steps must be at least 1, got 0"):
        main(steps=0)


# The picture


def test_the_picture_shows_the_graph_and_the_costs():
    rows = [
        {"weights": 100, "tape": 4.9, "differences": 101},
        {"weights": 2500, "tape": 4.96, "differences": 2501},
    ]
    fig = figure(rows)
    graph, costs = fig.axes
    said = {text.get_text(): text.get_position() for text in graph.texts}
    gradients = {"a": (2, 12), "b": (3, 14), "c": (6, 3), "d": (8, 3), "y": (24, 1)}
    for name, (value, gradient) in gradients.items():
        label = f"{FORMULAS[name]} = {value}\ngradient {gradient}"
        assert said[label] == PLACES[name]
    slopes = [
        (text.get_text(), text.get_position())
        for text in graph.texts
        if text.get_text().startswith("× ")
    ]
    middles = {}
    for start, end, slope in [
        ("a", "c", 3),
        ("b", "c", 2),
        ("c", "d", 1),
        ("a", "d", 1),
        ("d", "y", 3),
        ("b", "y", 8),
    ]:
        x = (PLACES[start][0] + PLACES[end][0]) / 2
        y = (PLACES[start][1] + PLACES[end][1]) / 2
        middles[x, y] = f"× {slope}"
    assert {place: label for label, place in slopes} == middles
    arrows = [text for text in graph.texts if getattr(text, "arrow_patch", None)]
    assert len(arrows) == 6

    differences, tape = costs.lines
    assert list(tape.get_xdata()) == list(differences.get_xdata()) == [100, 2500]
    assert list(tape.get_ydata()) == [4.9, 4.96]
    assert list(differences.get_ydata()) == [101, 2501]
    assert tape.get_label() == "tape"
    assert differences.get_label() == "finite differences"
    assert tape.get_linestyle() != differences.get_linestyle()
    assert tape.get_marker() != differences.get_marker()
    assert costs.get_xscale() == costs.get_yscale() == "log"
    assert costs.get_xlabel() == "weights"
    assert costs.get_ylabel() == "forward passes"
    assert costs.get_ylim()[0] <= 1 and costs.get_ylim()[1] >= 10_001
    legend = [text.get_text() for text in costs.get_legend().get_texts()]
    assert legend == ["finite differences", "tape"]
    title = "The gradient of 2,500 numbers: 5.0 passes by tape, 2,501 without"
    assert fig.get_suptitle() == title
    plt.close(fig)
