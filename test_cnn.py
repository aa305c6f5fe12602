"""What cnn.py claims, as tests."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd import gradcheck
from torch.testing import assert_close

import cnn
from cnn import (
    BATCH,
    ImageClassifierCNN,
    accuracy,
    as_tiles,
    claim_holds,
    convolve,
    figure,
    figure_layers,
    learn,
    load_digits,
    main,
    make_mlp,
    make_tasks,
    place,
    print_loss,
    shuffle_pixels,
    train,
)
from tools.contract import ModelContract
from tools.store import full


def size(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def blobs(count: int = 230) -> tuple[torch.Tensor, torch.Tensor]:
    """Images that anyone can tell apart: class k is a bright row number 2 k + 4."""
    labels = torch.arange(count) % 10
    images = 0.1 * torch.rand(count, 1, 28, 28)
    images[torch.arange(count), 0, 2 * labels + 4] += 1
    return images, labels


class TestImageClassifierCNN(ModelContract):
    output = (10,)

    def make(self):
        return ImageClassifierCNN()

    def inputs(self, batch):
        return torch.rand(batch, 1, 28, 28)


# Definition


def test_a_convolution_multiplies_and_adds_what_lies_under_the_kernel():
    """Where does the window begin and end, and is the product number by number?"""
    image = torch.tensor([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]])
    kernel = torch.tensor([[1.0, 10], [100, 1000]])
    # top left: 1 * 1 + 2 * 10 + 4 * 100 + 5 * 1000; then one pixel further
    assert convolve(image, kernel).tolist() == [[5421, 6532], [8754, 9865]]


def test_an_edge_detector_finds_the_edge_and_nothing_else(capsys):
    image = torch.tensor([[0.0, 0, 1, 1]]).expand(4, 4)
    edge = torch.tensor([[-1.0, 1], [-1, 1]])
    assert convolve(image, edge).tolist() == [[0, 2, 0]] * 3
    cnn.find_an_edge()
    printed = capsys.readouterr().out
    assert "tensor([[0., 2., 0.],\n        [0., 2., 0.]])" in printed
    assert "says the same: True" in printed


def test_pooling_keeps_the_strongest_of_each_2_x_2_and_relu_no_negative():
    """Convolution, ReLU, pooling, twice: is one missing or at another place?"""
    network = ImageClassifierCNN()
    nn.init.zeros_(network.conv1.weight)
    network.conv1.weight.data[:, 0, 0, 0] = torch.tensor([1.0, -1.0] * 8)
    nn.init.zeros_(network.conv1.bias)
    image = torch.zeros(1, 1, 28, 28)
    image[0, 0, :2, :2] = torch.tensor([[1.0, 2], [3, 4]])
    seen = []
    network.conv2.register_forward_hook(lambda module, given, out: seen.extend(given))
    network(image)
    up, down = seen[0][0, :2]
    assert up[0, 0] == 4 and up.sum() == 4 and down.sum() == 0


def test_the_network_gives_scores_and_no_probabilities():
    """Who applies the softmax: the network, or the loss?"""
    scores = ImageClassifierCNN()(torch.rand(20, 1, 28, 28))
    assert scores.min() < 0
    assert (scores.exp().sum(dim=1) - 1).abs().min() > 1


def test_shuffling_moves_the_pixel_at_order_i_to_place_i_in_every_image():
    """Does order say where a pixel goes, or where it comes from?"""
    images = torch.rand(3, 1, 28, 28)
    order = torch.randperm(784)
    shuffled = shuffle_pixels(images, order)
    assert shuffled.shape == images.shape
    for image, moved in zip(images, shuffled, strict=True):
        for i in (0, 1, 500, 783):
            assert moved.flatten()[i] == image.flatten()[order[i]]


def test_a_placed_digit_is_whole_half_as_large_and_anywhere():
    images, labels = blobs(30)
    labels = torch.arange(30)  # to know each again
    placed, names = place(images, labels, 900)
    assert placed.shape == (900, 1, 28, 28) and len(set(names.tolist())) == 30
    rows, columns = set(), set()
    for canvas, name in zip(placed[:, 0], names, strict=True):
        inked = canvas.nonzero()
        top, left = inked.amin(dim=0)
        bottom, right = inked.amax(dim=0)
        assert bottom - top == right - left == 13  # never split by an edge
        small = canvas[top : bottom + 1, left : right + 1]
        assert_close(small, F.avg_pool2d(images[name], 2)[0])
        rows.add(top.item())
        columns.add(left.item())
    assert rows == columns == set(range(15))


def test_accuracy_is_the_share_of_images_that_are_named_correctly():
    images, labels = blobs(37)

    def reader(x):  # it knows that class k is a bright row number 2 k + 4
        return x[:, 0, 4:24:2, 0]

    assert accuracy(reader, images, labels) == 1
    labels[:10] = (labels[:10] + 1) % 10  # ten wrong labels
    assert accuracy(reader, images, labels) == pytest.approx(27 / 37)


# Equivalence


def test_the_loops_equal_the_built_in_convolution_and_so_do_their_gradients(float64):
    image = torch.rand(6, 7, requires_grad=True)
    kernel = torch.randn(3, 3, requires_grad=True)
    ours = convolve(image, kernel)
    theirs = F.conv2d(image[None, None], kernel[None, None])[0, 0]
    assert_close(ours, theirs)
    parts = [image, kernel]
    by_hand = torch.autograd.grad(ours.square().sum(), parts)
    built_in = torch.autograd.grad(theirs.square().sum(), parts)
    for a, b in zip(by_hand, built_in, strict=True):
        assert_close(a, b)


def test_a_layer_adds_up_the_lessons_convolutions_of_all_its_channels(float64):
    layer = ImageClassifierCNN().conv2
    x = torch.rand(16, 6, 7)
    maps = layer(x)
    for number in (0, 31):
        total = layer.bias[number]
        for channel in range(16):
            total = total + convolve(x[channel], layer.weight[number, channel])
        assert_close(maps[number], total)


def test_the_network_is_convolution_relu_and_pooling_twice_then_linear(float64):
    """Convolution, ReLU, pooling, twice: is one missing or at another place?"""
    network = ImageClassifierCNN()
    x = torch.rand(3, 1, 28, 28)
    weights = list(network.parameters())
    h = F.max_pool2d(F.conv2d(x, *weights[:2]).relu(), 2)
    h = F.max_pool2d(F.conv2d(h, *weights[2:4]).relu(), 2)
    by_hand = h.flatten(1) @ weights[4].T + weights[5]
    assert_close(network(x), by_hand)
    ours = torch.autograd.grad(network(x).square().sum(), weights)
    theirs = torch.autograd.grad(by_hand.square().sum(), weights)
    for a, b in zip(ours, theirs, strict=True):
        assert_close(a, b)


def test_training_is_adam_with_one_cycle_of_the_learning_rate(float64):
    """Which step of training is missing, or in another place?"""
    images, labels = blobs()
    network = ImageClassifierCNN()
    twin = copy.deepcopy(network)
    torch.manual_seed(5)
    train(network, images, labels, steps=4)
    torch.manual_seed(5)
    order = torch.cat([torch.randperm(230)] * 3)
    adam = torch.optim.Adam(twin.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, 0.009, total_steps=4)
    for rows in order.split(BATCH)[:4]:
        log_chances = twin(images[rows]).log_softmax(dim=1)
        adam.zero_grad()
        (-log_chances[torch.arange(len(rows)), labels[rows]].mean()).backward()
        adam.step()
        schedule.step()
    for ours, theirs in zip(network.parameters(), twin.parameters(), strict=True):
        assert_close(ours, theirs, rtol=1e-5, atol=1e-7)


# Gradient


def test_the_gradient_of_both_layers_is_right(float64):
    network = ImageClassifierCNN()
    x = torch.rand(1, 1, 14, 14, requires_grad=True)

    def two_layers(x):
        return network.conv2(network.pool(F.relu(network.conv1(x))))[:, :5]

    assert gradcheck(two_layers, x)


# Invariance


def test_shifting_the_image_shifts_the_feature_maps_exactly(float64):
    network = ImageClassifierCNN()
    image = torch.rand(1, 1, 28, 28)
    one = network.conv1(image)
    two = network.conv1(image.roll((1, 3), (2, 3)))
    assert_close(two[..., 1:, 3:], one[..., :-1, :-3])
    one = network.pool(F.relu(network.conv1(image)))
    two = network.pool(F.relu(network.conv1(image.roll(2, 3))))
    assert_close(two[..., 1:], one[..., :-1])


def test_an_mlp_cannot_notice_the_shuffle_columns_move_with_the_pixels(float64):
    order = torch.randperm(784)
    images, labels = blobs()
    shuffled = shuffle_pixels(images, order)
    mlp = make_mlp()
    twin = copy.deepcopy(mlp)
    twin[1].weight.data = mlp[1].weight.data[:, order]
    assert_close(twin(shuffled), mlp(images))
    for network, x in [(mlp, images), (twin, shuffled)]:  # nor does its training
        torch.manual_seed(3)
        train(network, x, labels, steps=5)
    assert_close(twin(shuffled), mlp(images))
    assert_close(twin[1].weight, mlp[1].weight[:, order])


class Ear(nn.Module):
    """A network that keeps the number which each image carries in its first pixel."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(784, 10)
        self.heard = []

    def forward(self, x):
        self.heard.append(x[:, 0, 0, 0].int())
        return self.linear(x.flatten(1))


def test_batches_go_through_all_images_in_an_order_that_is_not_the_files():
    """Is every image seen once in an epoch, and in another order than in the file?"""
    images = torch.zeros(300, 1, 28, 28)
    images[:, 0, 0, 0] = torch.arange(300)
    ear = Ear()
    train(ear, images, torch.zeros(300).long(), steps=5)
    heard = torch.cat(ear.heard)
    assert [len(batch) for batch in ear.heard] == [BATCH] * 5
    assert heard[:300].sort().values.tolist() == list(range(300))
    assert heard[300:600].tolist() == heard[:300].tolist()
    assert heard[:300].tolist() != sorted(heard[:300].tolist())


def test_watch_hears_every_step_and_its_loss_before_the_weights_change():
    images, labels = blobs(BATCH)
    network = ImageClassifierCNN()
    start = F.cross_entropy(network(images), labels).item()
    heard = []
    train(network, images, labels, 3, lambda step, loss: heard.append((step, loss)))
    assert [step for step, _ in heard] == [0, 1, 2]
    assert heard[0][1] == pytest.approx(start, rel=1e-5)
    assert heard[2][1] < start


def test_a_training_prints_four_losses(capsys):
    for step in range(240):
        print_loss(step, 2.345)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "    step   0: loss 2.35" and lines[3].startswith("    step 180")
    assert len(lines) == 4


# The experiment


def test_the_mlp_has_four_times_the_weights_and_is_not_linear():
    """What are two linear layers without anything between them?"""
    mlp = make_mlp()
    x = torch.randn(5, 784)
    assert size(mlp) > 4 * size(ImageClassifierCNN())
    assert (size(mlp), size(ImageClassifierCNN())) == (76_330, 18_378)
    assert (mlp(x) + mlp(-x) - 2 * mlp(0 * x)).abs().max() > 0.1  # 0 if it were affine


def test_one_and_the_same_shuffle_for_training_and_test():
    """Are training and test shuffled in the same way?"""
    tasks = make_tasks("digits", seed=0)
    placed, mixed = tasks["in_order"], tasks["shuffled"]
    pixels = torch.cat([placed[0], placed[2]]).flatten(1).T
    moved = torch.cat([mixed[0], mixed[2]]).flatten(1).T
    assert_close(pixels.unique(dim=0), moved.unique(dim=0))  # the same 784 columns
    assert (pixels != moved).any(dim=1).sum() > 500
    assert placed[1].equal(mixed[1]) and placed[3].equal(mixed[3])


def test_another_seed_has_other_places_and_another_shuffle():
    one, other = make_tasks("digits", seed=0), make_tasks("digits", seed=1)
    for task, image in [("in_order", 0), ("shuffled", 0), ("in_order", 2)]:
        assert not one[task][image].equal(other[task][image])
    # where one image has ink at all, tells the shuffles apart
    used = [tasks["shuffled"][0].amax(dim=0).flatten() > 0 for tasks in (one, other)]
    known = [tasks["in_order"][0].amax(dim=0).flatten() > 0 for tasks in (one, other)]
    assert known[0].sum() == used[0].sum()
    assert not (used[0] == used[1]).all()


def test_training_and_test_digits_stay_apart():
    """Is an image that is tested one that was learned from?"""
    images, labels, unseen, answers = load_digits("digits")
    tasks = make_tasks("digits", seed=0)
    assert_close(tasks["centred"], (images, labels, unseen, answers))
    placed = tasks["in_order"]
    assert len(placed[0]) == 15_000 and len(placed[2]) == 2_000
    for ours, known in [(placed[0], images), (placed[2], unseen)]:
        ink = F.avg_pool2d(known, 2).sum(dim=(1, 2, 3))
        apart = (ours.sum(dim=(1, 2, 3))[:, None] - ink).abs().amin(dim=1)
        assert apart.max() < 1e-3


def test_every_task_has_the_same_start_and_the_same_batches(monkeypatch):
    started, drawn = [], []

    def ear(network, images, labels, steps, watch):
        started.append([p.clone() for p in network.parameters()])
        drawn.append(torch.randperm(len(images)))

    monkeypatch.setattr(cnn, "train", ear)
    images, labels = blobs(20)
    for x in (images, images.flip(0), 1 - images):
        learn(ImageClassifierCNN, (x, labels, x, labels), 3, "cpu", seed=4)
    assert_close(started[0], started[1])
    assert_close(started[0], started[2])
    assert drawn[0].equal(drawn[1]) and drawn[0].equal(drawn[2])
    learn(ImageClassifierCNN, (images, labels, images, labels), 3, "cpu", seed=5)
    assert not started[3][0].equal(started[0][0])


def test_learn_trains_on_the_first_two_and_tests_on_the_last_two():
    images, labels = blobs()
    unseen, answers = blobs(37)
    task = (images, labels, unseen, (answers + 1) % 10)  # all answers are wrong
    network, share = learn(ImageClassifierCNN, task, 60, "cpu", seed=0)
    assert share == 0
    assert accuracy(network, unseen, answers) == 1


@pytest.fixture
def asked(monkeypatch):
    """What main asks learn for, by the name of the number that it returns."""
    calls = []

    def ear(make, task, steps, device, seed, watch):
        calls.append((make, task, steps, seed, watch))
        return ImageClassifierCNN(), len(calls) / 100

    monkeypatch.setattr(cnn, "learn", ear)

    def ask(**options):
        numbers = main(**options)
        numbers.pop("holds")
        found = {}
        for name, number in numbers.items():
            found[name] = calls[round(number * 100) - 1]
        return found

    return ask


def test_main_trains_both_networks_on_all_three_tasks(asked):
    found = asked(steps=40, seed=3)
    tasks = make_tasks("digits", 3)
    assert len(found) == 6
    for name, (make, task, steps, seed, watch) in found.items():
        kind, _, what = name.partition("_")
        assert make is {"cnn": ImageClassifierCNN, "mlp": make_mlp}[kind]
        assert_close(task, tasks[what])
        assert (steps, seed, watch) == (40, 3, print_loss)


def test_mnist_gets_four_times_the_steps_where_it_has_60_000_images(asked, monkeypatch):
    monkeypatch.setattr(cnn, "load_digits", lambda data: blobs(50) + blobs(50))
    for name, (_, _, steps, *_) in asked(steps=10, data="mnist").items():
        assert steps == (40 if name.endswith("centred") else 10)


# Claim

HOLDS = {"cnn_in_order": 0.9, "cnn_shuffled": 0.79}
HOLDS |= {"mlp_in_order": 0.70, "mlp_shuffled": 0.70}


@pytest.mark.parametrize(
    "holds, changed",
    [
        (True, {}),
        (True, {"cnn_shuffled": 0.799}),
        (False, {"cnn_shuffled": 0.801}),  # the CNN lost less than 10 points
        (False, {"cnn_shuffled": 1.0}),
        (False, {"cnn_in_order": 0.25, "cnn_shuffled": 0.15}),  # exactly 10
        (True, {"mlp_shuffled": 0.651}),
        (False, {"mlp_shuffled": 0.649}),  # the MLP lost more than 5
        (True, {"mlp_shuffled": 0.749}),
        (False, {"mlp_shuffled": 0.751}),  # or gained more than 5
        (True, {"mlp_in_order": 0.501, "mlp_shuffled": 0.501}),
        (False, {"mlp_in_order": 0.499, "mlp_shuffled": 0.499}),  # it reads too little
        (False, {"mlp_in_order": 0.501, "mlp_shuffled": 0.499}),
        (False, {"mlp_in_order": 0.5, "mlp_shuffled": 0.5}),  # exactly half
    ],
)
def test_the_claim_holds_only_if_each_of_its_parts_does(holds, changed):
    assert claim_holds(HOLDS | changed) is holds


def test_claim_the_cnn_gets_worse_and_the_mlp_does_not():
    numbers = full(cnn).numbers
    assert numbers["holds"] and claim_holds(numbers)
    assert numbers["cnn_centred"] >= 0.98


@pytest.mark.slow
def test_claim_it_holds_for_another_seed():
    numbers = full(cnn, seed=1).numbers
    assert numbers["holds"] and claim_holds(numbers)


# Pictures


def test_the_bars_are_the_accuracies_of_the_networks_they_name():
    right = {"cnn_in_order": 0.9, "cnn_shuffled": 0.4}
    right |= {"mlp_in_order": 0.8, "mlp_shuffled": 0.7}
    in_order, shuffled = torch.rand(28, 28), torch.rand(28, 28)
    fig = figure(in_order, shuffled, right)
    left, middle, bars = fig.axes
    assert torch.tensor(left.images[0].get_array().data).equal(in_order)
    assert torch.tensor(middle.images[0].get_array().data).equal(shuffled)
    assert (left.get_title(), middle.get_title()) == (
        "a digit, in order",
        "the same, shuffled",
    )
    names = [label.get_text() for label in bars.get_yticklabels()]
    shown = dict(zip(names, [bar.get_width() for bar in bars.patches], strict=True))
    assert shown == {
        "CNN, in order": 0.9,
        "CNN, shuffled": 0.4,
        "MLP, in order": 0.8,
        "MLP, shuffled": 0.7,
    }
    assert [text.get_text() for text in bars.texts] == ["90%", "40%", "80%", "70%"]
    colours = [bar.get_facecolor() for bar in bars.patches]
    assert colours[0] == colours[1] != colours[2] == colours[3]
    assert bars.yaxis_inverted()  # the first name on top
    assert bars.lines[0].get_xdata()[0] == 0.1 and "guessing" in bars.get_xlabel()


def test_tiles_are_the_maps_row_by_row():
    maps = torch.rand(6, 2, 3)
    tiles = as_tiles(maps, columns=3)
    assert tiles.shape == (5, 11)
    assert tiles[:2, 4:7].equal(maps[1]) and tiles[3:, 8:].equal(maps[5])
    assert tiles[2].unique() == tiles[0, 3] == maps.max() / 3


def test_the_second_picture_shows_the_digit_both_layers_and_the_probabilities():
    network, image = ImageClassifierCNN(), torch.rand(1, 28, 28)
    heard = []
    network.pool.register_forward_hook(lambda module, given, out: heard.append(out[0]))
    chances = network(image[None]).softmax(dim=1)[0]
    digit, one, two, bars = figure_layers(network, image).axes
    shown = [torch.tensor(ax.images[0].get_array().data) for ax in (digit, one, two)]
    assert shown[0].equal(image[0])
    assert_close(shown[1], as_tiles(heard[0], 4))
    assert_close(shown[2], as_tiles(heard[1], 8))
    titles = [ax.get_title() for ax in (digit, one, two, bars)]
    assert titles == ["a digit", "layer 1: 16 maps", "layer 2: 32 maps", "probability"]
    widths = [bar.get_width() for bar in bars.patches]
    assert widths == pytest.approx(chances.tolist())
    assert [bar.get_y() + bar.get_height() / 2 for bar in bars.patches] == list(
        range(10)
    )
