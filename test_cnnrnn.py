"""What cnnrnn.py claims, as tests."""

import copy
import math
from collections import Counter, defaultdict

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

import cnnrnn
from cnnrnn import (
    ANY_ORDER,
    FRAMES,
    IN_ORDER,
    MOTIONS,
    ONE_FRAME,
    ImageSequenceClassifierCNNRNN,
    accuracy,
    average_frames,
    claim_holds,
    figure,
    film,
    fold_and_unfold,
    gru_step,
    load_digits,
    loss_at_every_frame,
    main,
    play_backwards,
    print_loss,
    read_three_numbers,
    roll_a_row,
    same_weights,
    shoot,
    train,
)
from tools.contract import ModelContract
from tools.store import full

BACKWARDS = torch.tensor([0, 2, 1, 4, 3])  # still stays, left and right change places


@pytest.fixture
def digit() -> torch.Tensor:
    """A real digit, as whole numbers: sums of its frames are exact."""
    images, *_ = load_digits("digits")
    return (images[0] * 255).round()


def point() -> torch.Tensor:
    """An image of a single pixel, at the top left."""
    image = torch.zeros(1, 28, 28)
    image[0, 0, 0] = 1
    return image


def everything(digit: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Every film there is of one digit: 784 places, five motions."""
    films = []
    labels = []
    for label, motion in enumerate(MOTIONS):
        for place in range(784):
            films.append(film(digit, place // 28, place % 28, motion))
            labels.append(label)
    return torch.stack(films), torch.tensor(labels)


def best(seen: list, motions: torch.Tensor) -> float:
    """What a network scores that answers every sight with its most frequent motion."""
    answers = defaultdict(Counter)
    for sight, motion in zip(seen, motions.tolist(), strict=True):
        answers[sight][motion] += 1
    return sum(max(counts.values()) for counts in answers.values()) / len(seen)


def frames_of(films: torch.Tensor) -> list[list[bytes]]:
    return [[frame.numpy().tobytes() for frame in one] for one in films]


class TestImageSequenceClassifierCNNRNN(ModelContract):
    output = (5,)

    def make(self):
        return ImageSequenceClassifierCNNRNN()

    def inputs(self, batch):
        return torch.rand(batch, 1, 1, 28, 28)


# Worked examples


def test_one_step_of_the_smallest_gru_is_right_on_paper():
    """Which gate does what: do it with a pencil, and compare number by number."""
    # At x = 0.5 and state 0 both gates get 0, and are half open. The candidate gets
    # 4 * 0.5 - 2 = 0 from x, and half of -0.5 from the state.
    candidate = math.tanh(-0.25)
    assert gru_step(0.5, 0.0) == pytest.approx((0.5, 0.5, candidate, candidate / 2))
    # At x = 1 and state 1 the reset gate gets -4 + 1 + 2, the update gate -12 - 1 + 6.
    reset, update, candidate, state = gru_step(1.0, 1.0)
    assert reset == pytest.approx(1 / (1 + math.e))
    assert update == pytest.approx(1 / (1 + math.e**7))
    assert candidate == pytest.approx(math.tanh(2 + 0.5 * reset))
    assert state == pytest.approx(candidate + update * (1 - candidate))


def test_at_1_the_smallest_gru_writes_and_at_0_it_keeps():
    for before in (-0.9, 0.0, 0.9):
        reset, update, candidate, state = gru_step(1.0, before)
        assert reset < 0.3 and update < 0.01
        assert state == pytest.approx(candidate, abs=0.02)
        reset, update, candidate, state = gru_step(0.0, before)
        assert update > 0.99
        assert state == pytest.approx(before, abs=0.02)


def test_the_smallest_gru_is_pytorchs_in_outputs_and_gradients(float64):
    x = torch.randn(1, 20, 1, requires_grad=True)
    theirs, _ = same_weights()(x)
    assert theirs.dtype == torch.float64
    (gradient,) = torch.autograd.grad(theirs[0, -1, 0], x)

    def read(numbers: list[float]) -> list[float]:
        states = [0.0]
        for number in numbers:
            states.append(gru_step(number, states[-1])[3])
        return states[1:]

    numbers = x.flatten().tolist()
    assert_close(torch.tensor(read(numbers)), theirs.flatten())
    nudge = 1e-6
    for t in (0, 10, 18, 19):
        more = read(numbers[:t] + [numbers[t] + nudge] + numbers[t + 1 :])[-1]
        less = read(numbers[:t] + [numbers[t] - nudge] + numbers[t + 1 :])[-1]
        assert gradient[0, t, 0].item() == pytest.approx(
            (more - less) / (2 * nudge), rel=1e-4, abs=1e-8
        )


def test_three_numbers_are_read_beside_pytorch(capsys):
    read_three_numbers()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["x", "reset", "update", "candidate", "state", "nn.GRU"]
    state = 0.0
    for x, line in zip((1.0, 0.0, 0.5), lines[1:4], strict=True):
        reset, update, candidate, state = gru_step(x, state)
        shown = [float(word) for word in line.split()]
        ours = [x, reset, update, candidate, state, state]
        assert shown == pytest.approx(ours, abs=0.005)
    assert lines[3].split() == ["0.5", "0.72", "0.28", "0.31", "0.49", "0.49"]


def test_the_column_of_pytorch_is_not_our_own(monkeypatch, capsys):
    monkeypatch.setattr(cnnrnn, "gru_step", lambda x, state: (0.1, 0.2, 0.3, 0.4))
    read_three_numbers()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines[1:4]] == ["0.96", "0.95", "0.49"]
    assert [line.split()[-2] for line in lines[1:4]] == ["0.40"] * 3


def test_frames_in_one_row_come_back_to_their_films_if_cut_the_right_way(capsys):
    fold_and_unfold()
    films, row, again, wrong = capsys.readouterr().out.splitlines()[:4]
    assert films.endswith(": [[11, 12, 13], [21, 22, 23]]")
    assert row.endswith(": " + " " * 4 + "[11, 12, 13, 21, 22, 23]")
    assert again.split(":")[1].strip() == films.split(":")[1].strip()
    assert wrong.endswith(" [[11, 13, 22], [12, 21, 23]]")


def test_a_row_rolled_to_the_left_comes_in_again_on_the_right(capsys):
    roll_a_row()
    lines = capsys.readouterr().out.splitlines()
    row = [7, 8, 0, 0, 0]
    for t in range(4):
        assert lines[t] == f"Rolled to the left by {t}: {row[t:] + row[:t]}"


def test_the_example_of_a_film_played_backwards_is_looked_at(
    digit, monkeypatch, capsys
):
    play_backwards(digit)
    assert "the same film as right? True" in capsys.readouterr().out

    def never_comes_in_again(image, top, left, motion):
        frames = film(image, top, left, motion)
        frames[..., 0] = float(motion == "left")
        return frames

    monkeypatch.setattr(cnnrnn, "film", never_comes_in_again)
    play_backwards(digit)
    assert "the same film as right? False" in capsys.readouterr().out


# Definition


def test_a_pixel_goes_the_way_its_motion_says_and_comes_back_on_the_other_side():
    """Along which axis, and in which direction, does this motion go?"""
    ways = {
        "still": [(1, 26), (1, 26), (1, 26)],
        "left": [(1, 26), (1, 22), (1, 18)],
        "right": [(1, 26), (1, 2), (1, 6)],
        "up": [(1, 26), (25, 26), (21, 26)],
        "down": [(1, 26), (5, 26), (9, 26)],
    }
    assert list(ways) == MOTIONS == list(cnnrnn.VELOCITY)
    for motion, way in ways.items():
        frames = film(point(), 1, 26, motion)
        assert frames.shape == (6, 1, 28, 28) and frames.sum() == 6
        places = [tuple(frame[0].nonzero()[0].tolist()) for frame in frames]
        assert places[:3] == way


def test_a_film_is_its_digit_further_on_in_every_frame(digit):
    grid = torch.arange(28)
    for motion, (down, right) in cnnrnn.VELOCITY.items():
        frames = film(digit, 5, 27, motion)
        for t in range(6):
            rows = (grid - 5 - t * down) % 28
            columns = (grid - 27 - t * right) % 28
            assert frames[t, 0].equal(digit[0][rows][:, columns])


def test_a_film_begins_and_ends_anywhere_whatever_its_motion():
    films, motions = shoot(point()[None], 1400)
    assert motions.bincount().tolist() == 5 * [1400]
    for t in 0, 5:
        for label in range(5):
            places = films[motions == label, t, 0].flatten(1).argmax(dim=1)
            assert len(places.unique()) > 600  # of 784; 653 expected, sd 10
            for lines in places // 28, places % 28:
                counts = lines.bincount(minlength=28)
                assert counts.min() > 15 and counts.max() < 90  # 50 expected, sd 7


def test_the_five_films_of_a_digit_differ_in_nothing_but_the_motion():
    """Do the five begin at the same place, and is each label its motion's?"""
    images, *_ = load_digits("digits")
    films, motions = shoot(images, 7)
    assert films.shape == (35, 6, 1, 28, 28)
    assert motions.tolist() == [0, 1, 2, 3, 4] * 7
    firsts = films[:, 0].unflatten(0, (7, 5))
    for label in range(5):
        assert firsts[:, label].equal(firsts[:, 0])
    assert len({one.numpy().tobytes() for one in firsts[:, 0]}) == 7
    for one, motion in zip(films, motions.tolist(), strict=True):
        assert one.equal(film(one[0], 0, 0, MOTIONS[motion]))  # one[0] is in its place
    torch.manual_seed(4)
    films, _ = shoot(images, 1)
    torch.manual_seed(4)
    (chosen,) = torch.randint(len(images), (1,)).tolist()
    top, left = torch.randint(28, (2,)).tolist()
    assert top != left and films[0].equal(film(images[chosen], top, left, MOTIONS[0]))


def test_all_digits_are_filmed():
    images = torch.zeros(20, 1, 28, 28)
    images += torch.arange(20).view(20, 1, 1, 1)  # each of one colour
    films, _ = shoot(images, 400)
    assert films[:, 0, 0, 0, 0].unique().tolist() == list(range(20))


def test_the_network_gives_scores_and_no_probabilities():
    scores = ImageSequenceClassifierCNNRNN()(torch.rand(20, 6, 1, 28, 28))
    assert scores.min() < 0
    assert (scores.exp().sum(dim=1) - 1).abs().min() > 1


def test_accuracy_is_the_share_of_correct_answers_after_each_frame():
    films = torch.zeros(10, 3, 1, 28, 28)
    motions = torch.arange(10) % 5

    def network(films, every_frame):
        assert every_frame and not torch.is_grad_enabled()
        answers = motions[:, None].repeat(1, 3)
        answers[:7, 0] += 1  # seven wrong after the first frame, two after the second
        answers[:2, 1] += 1
        return F.one_hot(answers % 5, 5).float()

    assert accuracy(network, films, motions) == pytest.approx([0.3, 0.8, 1.0])


# What can be known, by enumeration


def test_played_backwards_left_becomes_right_and_up_becomes_down(digit):
    films, motions = everything(digit)
    known = {}
    for frames, motion in zip(frames_of(films), motions, strict=True):
        known[b"".join(frames)] = motion
    for frames, motion in zip(frames_of(films.flip(1)), motions, strict=True):
        assert known[b"".join(frames)] == BACKWARDS[motion]


def test_one_frame_cannot_tell_more_than_20_percent(digit):
    films, motions = everything(digit)
    for t in range(FRAMES):
        seen = [frames[t] for frames in frames_of(films)]
        assert best(seen, motions) == pytest.approx(ONE_FRAME)


def test_six_frames_in_unknown_order_cannot_tell_more_than_60_percent(digit):
    films, motions = everything(digit)
    seen = [tuple(sorted(frames)) for frames in frames_of(films)]
    assert best(seen, motions) == pytest.approx(ANY_ORDER)


def test_in_order_two_frames_tell_everything_and_six_as_much(digit):
    films, motions = everything(digit)
    for count in (2, 6):
        seen = [tuple(frames[:count]) for frames in frames_of(films)]
        assert best(seen, motions) == IN_ORDER == 1


def test_two_frames_in_unknown_order_tell_as_much_as_six(digit):
    films, motions = everything(digit)
    seen = [tuple(sorted(frames[:2])) for frames in frames_of(films)]
    assert best(seen, motions) == pytest.approx(ANY_ORDER)


def test_the_mean_of_all_frames_loses_the_order_and_nothing_else(digit):
    films, motions = everything(digit)
    averaged = average_frames(films)
    assert averaged.shape == (3920, 1, 1, 28, 28)
    totals = (averaged * 6).round()
    assert totals[:, 0].equal(films.sum(dim=1))
    seen = [one.numpy().tobytes() for one in totals]
    assert best(seen, motions) == pytest.approx(ANY_ORDER)


# Equivalence


def by_hand(network: ImageSequenceClassifierCNNRNN, x: torch.Tensor) -> torch.Tensor:
    """The same network, frame by frame, with the gates written out."""
    conv, gru, classifier = network.conv, network.gru, network.classifier
    state = x.new_zeros(len(x), 128)
    answers = []
    for frame in x.unbind(dim=1):
        coarse = frame.view(-1, 1, 7, 4, 7, 4).mean(dim=(3, 5))
        features = F.conv2d(coarse, conv.weight, conv.bias).relu().flatten(1)
        new = (features @ gru.weight_ih_l0.T + gru.bias_ih_l0).chunk(3, dim=1)
        old = (state @ gru.weight_hh_l0.T + gru.bias_hh_l0).chunk(3, dim=1)
        reset = (new[0] + old[0]).sigmoid()
        update = (new[1] + old[1]).sigmoid()
        candidate = (new[2] + reset * old[2]).tanh()
        state = (1 - update) * candidate + update * state
        answers.append(state @ classifier.weight.T + classifier.bias)
    return torch.stack(answers, dim=1)


@pytest.mark.parametrize("length", [1, 2, 6])
def test_the_network_is_a_gru_over_the_features_of_its_frames(length, float64):
    """From which frame, and from which of the two outputs, is the answer read?"""
    network = ImageSequenceClassifierCNNRNN()
    x = torch.rand(3, length, 1, 28, 28)
    ours, theirs = network(x, every_frame=True), by_hand(network, x)
    assert_close(ours, theirs)
    assert_close(network(x), theirs[:, -1])
    weights = list(network.parameters())
    one = torch.autograd.grad(ours.square().sum(), weights)
    other = torch.autograd.grad(theirs.square().sum(), weights)
    for a, b in zip(one, other, strict=True):
        assert_close(a, b)


# Gradient


def test_the_last_answer_depends_on_every_frame_and_an_early_one_on_no_later(float64):
    network = ImageSequenceClassifierCNNRNN()
    x = torch.rand(2, 6, 1, 28, 28, requires_grad=True)
    answers = network(x, every_frame=True)
    for t in range(6):
        (grad,) = torch.autograd.grad(answers[:, t].sum(), x, retain_graph=True)
        reached = grad.flatten(2).norm(dim=2) > 0
        assert reached[:, : t + 1].all()
        assert not reached[:, t + 1 :].any()


# Invariance


def test_the_answer_after_t_frames_is_the_answer_to_a_film_of_t_frames(float64):
    """Does an answer know a frame that has not come yet?"""
    network = ImageSequenceClassifierCNNRNN()
    films = torch.rand(4, 6, 1, 28, 28)
    answers = network(films, every_frame=True)
    for t in range(1, 7):
        assert_close(network(films[:, :t]), answers[:, t - 1])


def test_each_film_of_a_batch_is_read_on_its_own(float64):
    """Change one film: why does the answer to another change? Which axis is time?"""
    network = ImageSequenceClassifierCNNRNN()
    films = torch.rand(4, 6, 1, 28, 28)
    together = network(films)
    alone = [network(one[None]) for one in films]
    assert_close(torch.cat(alone), together)
    assert_close(network(films.flip(0)), together.flip(0))


def test_only_who_sees_the_mean_of_all_frames_is_blind_to_their_order(float64):
    network = ImageSequenceClassifierCNNRNN()
    films = torch.rand(4, 6, 1, 28, 28)
    shuffled = films[:, [3, 0, 5, 1, 4, 2]]
    one, other = average_frames(films), average_frames(shuffled)
    assert_close(network(one), network(other))
    assert not torch.allclose(network(films), network(shuffled))


def test_a_digit_4_pixels_further_on_has_the_same_features_one_place_further_on(
    float64,
):
    network = ImageSequenceClassifierCNNRNN()
    heard = []
    network.conv.register_forward_hook(lambda module, given, out: heard.append(out))
    image = torch.rand(1, 1, 1, 28, 28)
    network(image)
    network(image.roll((4, 8), (3, 4)))
    before, after = heard
    assert_close(after[..., 1:, 2:], before[..., :-1, :-2])
    assert not torch.allclose(after, before)  # the place is in the features


def test_after_one_frame_exactly_one_answer_of_five_is_correct_trained_or_not():
    images, *_ = load_digits("digits")
    films, motions = shoot(images, 40)
    network = ImageSequenceClassifierCNNRNN()
    assert accuracy(network, films, motions)[0] == pytest.approx(0.2)
    train(network, images, 2, in_order=True)
    assert accuracy(network, films, motions)[0] == pytest.approx(0.2)


# The loss


def test_the_label_of_a_film_stands_beside_each_answer_to_it():
    """All frames of the first film come first: and their labels?"""
    motions = torch.tensor([1, 4, 0])
    sure = 100.0 * F.one_hot(motions, 5)[:, None].expand(3, 6, 5)  # every answer is
    assert loss_at_every_frame(sure, motions).item() == pytest.approx(0, abs=1e-6)
    for number in range(3):
        others = motions.clone()
        others[number] = 3
        loss = loss_at_every_frame(sure, others).item()
        assert loss == pytest.approx(100 / 3)  # one film of three is named wrongly


def test_the_loss_is_the_mean_over_all_films_and_all_frames(float64):
    scores = torch.randn(4, 6, 5)
    motions = torch.tensor([2, 0, 4, 1])
    chances = scores.exp() / scores.exp().sum(dim=2, keepdim=True)
    costs = []
    for number in range(4):
        for t in range(6):
            costs.append(-chances[number, t, motions[number]].log())
    assert_close(loss_at_every_frame(scores, motions), torch.stack(costs).mean())


def test_the_lowest_losses_are_those_of_who_knows_what_can_be_known():
    motions = torch.arange(5)
    scores = 100.0 * F.one_hot(motions, 5)[:, None].repeat(1, 6, 1)
    scores[:, 0] = 0  # after one frame 1/5 to each
    loss = loss_at_every_frame(scores, motions).item()
    assert loss == pytest.approx(math.log(5) / 6) == pytest.approx(0.27, abs=0.005)
    scores = torch.full((5, 1, 5), -100.0)
    scores[0, 0, 0] = 0  # still
    scores[1:3, 0, 1:3] = 0  # left or right
    scores[3:5, 0, 3:5] = 0  # up or down
    loss = loss_at_every_frame(scores, motions).item()
    assert loss == pytest.approx(4 / 5 * math.log(2)) == pytest.approx(0.55, abs=0.005)


# Training


@pytest.mark.parametrize("in_order", [True, False])
def test_training_is_adam_on_the_mean_loss_over_all_frames(in_order, float64):
    """Is the loss of all frames taken, and is no step of training missing?"""
    images, *_ = load_digits("digits")
    images = images.double()
    network = ImageSequenceClassifierCNNRNN()
    twin = copy.deepcopy(network)
    heard = []
    torch.manual_seed(5)
    train(network, images, 4, in_order, lambda step, loss: heard.append((step, loss)))
    torch.manual_seed(5)
    adam = torch.optim.Adam(twin.parameters(), lr=0.005)
    losses = []
    for step in range(4):
        films, motions = shoot(images, 13)
        if not in_order:
            films = films.sum(dim=1, keepdim=True) / 6
        log_chances = twin(films, every_frame=True).log_softmax(dim=-1)
        costs = []
        for t in range(films.shape[1]):
            costs.append(-log_chances[torch.arange(65), t, motions].mean())
        loss = torch.stack(costs).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append((step, loss.item()))
    for ours, theirs in zip(network.parameters(), twin.parameters(), strict=True):
        assert_close(ours, theirs, rtol=1e-6, atol=1e-8)
    assert [step for step, _ in heard] == [0, 1, 2, 3]
    assert [loss for _, loss in heard] == pytest.approx([loss for _, loss in losses])


def test_one_step_follows_the_gradient_of_its_own_batch_alone(monkeypatch):
    """What is still in .grad when the next gradient is added?"""
    sums = []

    def listen(adam):
        weights = adam.param_groups[0]["params"]
        sums.append(sum(p.grad.square().sum().item() for p in weights))

    monkeypatch.setattr(torch.optim.Adam, "step", listen)  # the weights stand still
    images, *_ = load_digits("digits")
    train(ImageSequenceClassifierCNNRNN(), images, 20, in_order=True)
    assert max(sums) < 5 * min(sums)  # added up, the last would be 400 times the first


def test_watch_hears_every_step_and_its_loss_before_the_weights_change():
    images, *_ = load_digits("digits")
    network = ImageSequenceClassifierCNNRNN()
    torch.manual_seed(3)
    films, motions = shoot(images, 13)
    scores = network(films, every_frame=True)
    first = loss_at_every_frame(scores, motions).item()
    heard = []
    torch.manual_seed(3)
    train(network, images, 3, True, lambda step, loss: heard.append((step, loss)))
    assert [step for step, _ in heard] == [0, 1, 2]
    assert heard[0][1] == pytest.approx(first, rel=1e-5)


def test_a_training_prints_five_losses(capsys):
    for step in range(300):
        print_loss(step, 1.234)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "    step    0: loss 1.23",
        "    step   60: loss 1.23",
        "    step  120: loss 1.23",
        "    step  180: loss 1.23",
        "    step  240: loss 1.23",
    ]


# The experiment


class Asked:
    """What main hands on to train, accuracy and figure, which here only listen."""

    def __init__(self, monkeypatch):
        self.after_each = [0.21, 0.3, 0.4, 0.5, 0.6, 0.97]  # what accuracy says
        self.averaged = 0.62
        self.trained, self.tested, self.drawn = [], [], []
        monkeypatch.setattr(cnnrnn, "train", self.train)
        monkeypatch.setattr(cnnrnn, "accuracy", self.accuracy)
        monkeypatch.setattr(cnnrnn, "figure", self.figure)

    def train(self, network, images, steps, in_order, watch):
        start = [p.detach().clone() for p in network.parameters()]
        drawn = torch.get_rng_state()
        self.trained.append((network, images, steps, in_order, watch, start, drawn))

    def accuracy(self, network, films, motions):
        self.tested.append((network, films, motions))
        return self.after_each if films.shape[1] == 6 else [self.averaged]

    def figure(self, frames, chances, shares):
        self.drawn.append((frames, chances, shares))
        return figure(frames, chances, shares)


@pytest.fixture
def asked(monkeypatch) -> Asked:
    return Asked(monkeypatch)


def test_one_network_is_trained_without_the_order_and_one_with_it(asked):
    main(steps=40, seed=3)
    images, *_ = load_digits("digits")
    assert [in_order for _, _, _, in_order, *_ in asked.trained] == [False, True]
    for _, shown, steps, _, watch, *_ in asked.trained:
        assert shown.equal(images)
        assert (steps, watch) == (40, print_loss)


def test_both_networks_begin_alike_and_see_the_same_films(asked):
    """What was drawn between the two trainings: were both seeded?"""
    main(steps=40, seed=3)
    one, other = asked.trained
    assert one[0] is not other[0]
    assert_close(one[5], other[5], rtol=0, atol=0)
    assert one[6].equal(other[6])  # so the same random films come
    main(steps=40, seed=4)
    assert not asked.trained[2][5][0].equal(one[5][0])
    assert not asked.trained[2][6].equal(one[6])


def test_networks_are_trained_on_some_digits_and_tested_with_others(asked):
    """Which digits are the films made of that test it?"""
    main(steps=40, seed=3)
    _, _, unseen, _ = load_digits("digits")
    torch.manual_seed(3)
    films, motions = shoot(unseen, 500)
    (without, averaged, answers), (with_order, shown, same) = asked.tested
    assert without is asked.trained[0][0] and with_order is asked.trained[1][0]
    assert_close(averaged, films.mean(dim=1, keepdim=True))
    assert shown.equal(films)
    assert answers.equal(motions) and same.equal(motions)
    main(steps=40, seed=4)
    assert not asked.tested[3][1].equal(films)


def test_the_numbers_that_are_returned_are_those_that_are_printed(asked, capsys):
    numbers = main(steps=40)
    assert numbers == {
        "one_frame": 0.21,
        "any_order": 0.62,
        "in_order": 0.97,
        "holds": 1.0,
    }
    printed = capsys.readouterr().out
    assert "    correct: 62.0%\n" in printed
    assert "frame: 21.0%, 30.0%, 40.0%, 50.0%, 60.0%, 97.0%\n" in printed
    assert "five scores for each out: [4, 5]" in printed
    assert printed.endswith("In this run the claim holds.\n")


def test_a_claim_that_does_not_hold_is_said_not_to(asked, capsys):
    wrong = "In this run the claim does NOT hold.\n"
    asked.after_each = [0.21, 0.3, 0.4, 0.5, 0.97, 0.6]  # too bad in order
    assert main(steps=40)["holds"] == 0
    assert capsys.readouterr().out.endswith(wrong)
    asked.after_each = [0.97, 0.97, 0.97, 0.97, 0.97, 0.97]  # too good after a frame
    assert main(steps=40)["holds"] == 0
    assert capsys.readouterr().out.endswith(wrong)
    asked.after_each = [0.21, 0.3, 0.4, 0.5, 0.6, 0.97]
    asked.averaged = 0.5  # too bad in unknown order
    assert main(steps=40)["holds"] == 0
    assert capsys.readouterr().out.endswith(wrong)


def test_the_picture_gets_an_unseen_digit_the_networks_answers_and_the_numbers(asked):
    main(steps=40)
    _, _, unseen, _ = load_digits("digits")
    ((frames, chances, shares),) = asked.drawn
    assert frames.equal(film(unseen[0], 0, 8, "left"))
    network = asked.trained[1][0]  # that sees the order
    scores = network(frames[None], every_frame=True)[0].detach()
    assert_close(chances, scores.exp() / scores.exp().sum(dim=1, keepdim=True))
    assert shares == [0.21, 0.62, 0.97]


# Claim


@pytest.mark.parametrize(
    "holds, one_frame, any_order, in_order",
    [
        (True, 0.2, 0.6, 1.0),
        (True, 0.151, 0.6, 1.0),
        (True, 0.249, 0.6, 1.0),
        (True, 0.2, 0.551, 1.0),
        (True, 0.2, 0.649, 1.0),
        (True, 0.2, 0.6, 0.951),
        (True, 0.249, 0.551, 0.951),
        (False, 0.149, 0.6, 1.0),  # one frame tells too little
        (False, 0.251, 0.6, 1.0),  # or too much
        (False, 0.2, 0.549, 1.0),  # six in unknown order tell too little
        (False, 0.2, 0.651, 1.0),  # or too much
        (False, 0.2, 0.6, 0.949),  # six in order tell too little
        (False, 0.6, 0.2, 1.0),  # a number in the place of another
        (False, 0.2, 1.0, 0.6),
        (False, 0.2, 0.2, 0.2),  # a network that only guesses
        (False, 1.0, 1.0, 1.0),
    ],
)
def test_the_claim_holds_only_if_each_number_is_near_its_limit(
    holds, one_frame, any_order, in_order
):
    assert claim_holds(one_frame, any_order, in_order) is holds


def test_claim_the_three_numbers_come_to_their_limits():
    numbers = full(cnnrnn).numbers
    assert list(numbers) == ["one_frame", "any_order", "in_order", "holds"]
    shares = [numbers["one_frame"], numbers["any_order"], numbers["in_order"]]
    assert numbers["holds"] and claim_holds(*shares)
    assert numbers["one_frame"] == pytest.approx(0.2)  # whatever is answered


@pytest.mark.slow
def test_claim_it_holds_for_another_seed():
    numbers = full(cnnrnn, seed=1).numbers
    shares = [numbers["one_frame"], numbers["any_order"], numbers["in_order"]]
    assert numbers["holds"] and claim_holds(*shares)


def test_claim_backwards_the_network_names_the_opposite_motion():
    images, _, unseen, _ = load_digits("digits")
    films, motions = shoot(unseen, 100)
    network = ImageSequenceClassifierCNNRNN()
    train(network, images, 200, in_order=True)
    share = accuracy(network, films, motions)
    assert share[1] > ANY_ORDER  # two frames in order tell more than six without
    assert accuracy(network, films.flip(1), BACKWARDS[motions])[-1] > 0.8
    assert accuracy(network, films.flip(1), motions)[-1] < 0.3  # still ones alone


@pytest.mark.slow
def test_claim_it_holds_for_the_run_that_the_lesson_recommends():
    assert "python cnnrnn.py --steps 600``" in cnnrnn.__doc__
    assert full(cnnrnn, steps=600).numbers["holds"]


@pytest.mark.slow
def test_asked_only_at_the_end_a_network_answers_poorly_before(monkeypatch):
    def loss_at_the_end(scores, motions):
        return F.cross_entropy(scores[:, -1], motions)

    images, _, unseen, _ = load_digits("digits")
    films, motions = shoot(unseen, 200)
    monkeypatch.setattr(cnnrnn, "loss_at_every_frame", loss_at_the_end)
    network = ImageSequenceClassifierCNNRNN()
    train(network, images, 300, in_order=True)
    share = accuracy(network, films, motions)
    assert share[-1] > 0.95
    assert share[1] < 0.7 and share[2] < 0.85


# The picture


def drawn(chances: torch.Tensor, frames: torch.Tensor, shares: list[float]):
    """The figure, its six upper and six lower panels, and the bars on the right."""
    fig = figure(frames, chances, shares)
    strip, side = fig.subfigs
    (bars,) = side.axes
    return fig, strip.axes[:6], strip.axes[6:], bars


def test_each_frame_stands_above_what_the_network_says_after_it():
    frames = torch.rand(6, 1, 28, 28)
    chances = torch.rand(6, 5)
    fig, uppers, lowers, _ = drawn(chances, frames, [0.2, 0.6, 1.0])
    assert len(lowers) == 6
    for t in range(6):
        (image,) = uppers[t].images
        assert torch.tensor(image.get_array().data).equal(frames[t, 0])
        assert (image.get_clim(), image.get_cmap().name) == ((0, 1), "gray_r")
        assert uppers[t].get_title() == f"frame {t + 1}"
        assert len(uppers[t].get_xticks()) == len(uppers[t].get_yticks()) == 0
        bars = lowers[t].patches
        assert [bar.get_width() for bar in bars] == pytest.approx(chances[t].tolist())
        places = [bar.get_y() + bar.get_height() / 2 for bar in bars]
        assert places == pytest.approx([0, 1, 2, 3, 4])
        assert lowers[t].yaxis_inverted()  # the first motion on top
        assert lowers[t].get_xlim() == (0, 1)
        assert lowers[t].get_xticks().tolist() == [0, 1]
        above = uppers[t].get_position(), lowers[t].get_position()
        assert above[0].y0 > above[1].y1 - 0.01 and above[0].x0 == above[1].x0
    names = [label.get_text() for label in lowers[0].get_yticklabels()]
    assert names == MOTIONS
    assert lowers[0].get_yticks() == [0, 1, 2, 3, 4]
    assert "(true: left)" in fig.subfigs[0].get_supxlabel()


def test_the_bars_are_the_shares_they_are_named_after_below_their_limits():
    frames, chances = torch.rand(6, 1, 28, 28), torch.rand(6, 5)
    _, _, _, bars = drawn(chances, frames, [0.25, 0.5, 0.875])
    names = [label.get_text() for label in bars.get_xticklabels()]
    assert names == ["one\nframe", "any\norder", "in\norder"]
    assert bars.get_xticks() == [0, 1, 2]
    middles = [bar.get_x() + bar.get_width() / 2 for bar in bars.patches]
    assert middles == pytest.approx([0, 1, 2])
    assert [bar.get_height() for bar in bars.patches] == [0.25, 0.5, 0.875]
    assert [text.get_text() for text in bars.texts] == ["25.0%", "50.0%", "87.5%"]
    segments = []
    for lines in bars.collections:
        segments += [segment.tolist() for segment in lines.get_segments()]
        (style,) = lines.get_linestyle()
        assert style[1] is not None  # dashed
        assert lines.get_color().tolist() == [[0, 0, 0, 1]]
    assert segments == [
        [[-0.5, ONE_FRAME], [0.5, ONE_FRAME]],
        [[0.5, ANY_ORDER], [1.5, ANY_ORDER]],
        [[1.5, IN_ORDER], [2.5, IN_ORDER]],
    ]
    assert bars.get_ylim() == (0, 1.05)
    assert bars.get_ylabel() == "correct answers (dashed: the limits)"


def test_the_title_says_what_no_run_can_contradict():
    frames, chances = torch.rand(6, 1, 28, 28), torch.rand(6, 5)
    title = "Without their order, frames cannot tell left from right"
    for shares in ([0.2, 0.6, 1.0], [0.2, 0.2, 0.2], [0.2, 0.99, 0.2]):
        fig, *_ = drawn(chances, frames, shares)
        assert fig.get_suptitle() == title
