"""What cnnrnn.py claims, as tests."""

from collections import Counter, defaultdict

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

import cnnrnn
from cnnrnn import (
    LIMITS,
    MARGIN,
    MOTIONS,
    VIEWS,
    ImageSequenceClassifierCNNRNN,
    film,
    load_digits,
    main,
    shoot,
    train,
)
from tools.contract import ModelContract
from tools.store import full

PLACES = torch.cartesian_prod(torch.arange(28), torch.arange(28))
BACKWARDS = torch.tensor([0, 2, 1, 4, 3])  # still stays, left and right change places


@pytest.fixture
def digit() -> torch.Tensor:
    """A real digit, as whole numbers: sums of its frames are exact."""
    images, *_ = load_digits("digits")
    return (images[:1] * 255).round()


def everything(digit: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Every film there is of one digit: 784 places, five motions."""
    digits = digit.expand(784, -1, -1, -1)
    films = torch.cat([film(digits, PLACES, motion) for motion in MOTIONS])
    return films, torch.arange(5).repeat_interleave(784)


def best(seen: list, motion: torch.Tensor) -> float:
    """What a reader scores who answers every sight with its most frequent motion."""
    answers = defaultdict(Counter)
    for sight, answer in zip(seen, motion.tolist(), strict=True):
        answers[sight][answer] += 1
    return sum(max(counts.values()) for counts in answers.values()) / len(seen)


def frames_of(films: torch.Tensor) -> list[list[bytes]]:
    return [[frame.numpy().tobytes() for frame in one] for one in films]


class TestImageSequenceClassifierCNNRNN(ModelContract):
    output = (5,)

    def make(self):
        return ImageSequenceClassifierCNNRNN()

    def inputs(self, batch):
        return torch.rand(batch, 1, 1, 28, 28)


# Definition


def test_a_pixel_goes_the_way_its_motion_says_and_comes_back_on_the_other_side():
    point = torch.zeros(1, 1, 28, 28)
    point[0, 0, 0, 0] = 1
    ways = {
        "still": [(1, 26), (1, 26), (1, 26)],
        "left": [(1, 26), (1, 22), (1, 18)],
        "right": [(1, 26), (1, 2), (1, 6)],
        "up": [(1, 26), (25, 26), (21, 26)],
        "down": [(1, 26), (5, 26), (9, 26)],
    }
    assert list(ways) == list(MOTIONS)
    for motion, way in ways.items():
        frames = film(point, torch.tensor([[1, 26]]), motion, frames=3)
        assert frames.shape == (1, 3, 1, 28, 28) and frames.sum() == 3
        assert [tuple(frame[0].nonzero()[0].tolist()) for frame in frames[0]] == way


def test_a_film_is_its_digit_rolled(digit):
    images = torch.rand(3, 1, 28, 28)
    start = torch.tensor([[0, 0], [5, 27], [20, 9]])
    for motion, (down, right) in MOTIONS.items():
        for image, (row, col), frames in zip(
            images, start.tolist(), film(images, start, motion), strict=True
        ):
            for t, frame in enumerate(frames):
                place = row + t * down, col + t * right
                assert frame.equal(image.roll(place, dims=(1, 2)))


def test_a_film_begins_and_ends_anywhere_whatever_its_motion():
    point = torch.zeros(1, 1, 28, 28)
    point[0, 0, 0, 0] = 1
    films, motion = shoot(point, 1400)
    assert motion.bincount().tolist() == 5 * [1400]
    for t in 0, 5:
        for answer in range(5):
            place = films[motion == answer, t, 0].flatten(1).argmax(dim=1)
            assert len(place.unique()) > 600  # of 784; 653 expected, sd 10
            for line in place // 28, place % 28:
                counts = line.bincount(minlength=28)
                assert counts.min() > 15 and counts.max() < 90  # 50 expected, sd 7


def test_the_films_of_a_batch_differ_in_nothing_but_the_motion():
    films, motion = shoot(load_digits("digits")[0], 7)
    first = films[:, 0].unflatten(0, (5, 7))
    assert all(one.equal(first[0]) for one in first)
    assert len({one.numpy().tobytes() for one in first[0]}) == 7
    assert motion.tolist() == [m for m in range(5) for _ in range(7)]


# What can be known, by enumeration


def test_played_backwards_left_becomes_right_and_up_becomes_down(digit):
    films, motion = everything(digit)
    known = {b"".join(f): m for f, m in zip(frames_of(films), motion, strict=True)}
    for one, answer in zip(frames_of(films.flip(1)), motion, strict=True):
        assert known[b"".join(one)] == BACKWARDS[answer]


def test_one_frame_cannot_tell_more_than_20_percent(digit):
    films, motion = everything(digit)
    for t in range(6):
        seen = [one[t] for one in frames_of(films)]
        assert best(seen, motion) == pytest.approx(LIMITS["one_frame"])


def test_six_frames_in_unknown_order_cannot_tell_more_than_60_percent(digit):
    films, motion = everything(digit)
    seen = [tuple(sorted(one)) for one in frames_of(films)]
    assert best(seen, motion) == pytest.approx(LIMITS["any_order"])


def test_six_frames_in_order_tell_everything(digit):
    films, motion = everything(digit)
    seen = [tuple(one) for one in frames_of(films)]
    assert best(seen, motion) == LIMITS["in_order"] == 1


def test_the_photograph_of_all_frames_loses_the_order_and_nothing_else(digit):
    films, motion = everything(digit)
    view = (VIEWS["any_order"](films) * 6).round()
    assert view.shape == (3920, 1, 1, 28, 28)
    assert_close(view[:, 0], films.sum(dim=1))
    seen = [one.numpy().tobytes() for one in view]
    assert best(seen, motion) == pytest.approx(LIMITS["any_order"])
    assert VIEWS["in_order"](films) is films


# Equivalence


def by_hand(reader: ImageSequenceClassifierCNNRNN, x: torch.Tensor) -> torch.Tensor:
    """The same network, frame by frame, with the gates written out."""
    weight, rnn, h = reader.cnn[1], reader.rnn, x.new_zeros(len(x), 128)
    answers = []
    for frame in x.unbind(dim=1):
        coarse = frame.view(-1, 1, 7, 4, 7, 4).mean(dim=(3, 5))
        view = F.conv2d(coarse, weight.weight, weight.bias).relu().flatten(1)
        new = (view @ rnn.weight_ih_l0.T + rnn.bias_ih_l0).chunk(3, dim=1)
        old = (h @ rnn.weight_hh_l0.T + rnn.bias_hh_l0).chunk(3, dim=1)
        reset, keep = (new[0] + old[0]).sigmoid(), (new[1] + old[1]).sigmoid()
        h = (1 - keep) * (new[2] + reset * old[2]).tanh() + keep * h
        answers.append(h @ reader.head.weight.T + reader.head.bias)
    return torch.stack(answers, dim=1)


@pytest.mark.parametrize("length", [1, 2, 6])
def test_the_reader_is_a_gru_over_the_views_of_its_frames(length, float64):
    reader, x = ImageSequenceClassifierCNNRNN(), torch.rand(3, length, 1, 28, 28)
    ours, theirs = reader(x, every_frame=True), by_hand(reader, x)
    assert_close(ours, theirs)
    assert_close(reader(x), theirs[:, -1])
    weights = list(reader.parameters())
    for one, other in zip(
        torch.autograd.grad(ours.square().sum(), weights, retain_graph=True),
        torch.autograd.grad(theirs.square().sum(), weights),
        strict=True,
    ):
        assert_close(one, other)


# Gradient


def test_the_last_answer_depends_on_every_frame_and_an_early_one_on_no_later(float64):
    reader = ImageSequenceClassifierCNNRNN()
    x = torch.rand(2, 6, 1, 28, 28, requires_grad=True)
    answers = reader(x, every_frame=True)
    for t in range(6):
        (grad,) = torch.autograd.grad(answers[:, t].sum(), x, retain_graph=True)
        reached = grad.flatten(2).norm(dim=2) > 0
        assert reached[:, : t + 1].all() and not reached[:, t + 1 :].any()


# Invariance


def test_the_answer_after_t_frames_is_the_answer_to_a_film_of_t_frames(float64):
    reader, films = ImageSequenceClassifierCNNRNN(), torch.rand(4, 6, 1, 28, 28)
    answers = reader(films, every_frame=True)
    for t in range(1, 7):
        assert_close(reader(films[:, :t]), answers[:, t - 1])


def test_each_film_of_a_batch_is_read_on_its_own(float64):
    reader, films = ImageSequenceClassifierCNNRNN(), torch.rand(4, 6, 1, 28, 28)
    together = reader(films)
    assert_close(torch.cat([reader(one[None]) for one in films]), together)
    assert_close(reader(films.flip(0)), together.flip(0))


def test_only_the_reader_of_the_photograph_is_blind_to_the_order(float64):
    reader, films = ImageSequenceClassifierCNNRNN(), torch.rand(4, 6, 1, 28, 28)
    shuffled = films[:, [3, 0, 5, 1, 4, 2]]
    answers = {name: reader(view(films)) for name, view in VIEWS.items()}
    assert_close(reader(VIEWS["any_order"](shuffled)), answers["any_order"])
    assert not torch.allclose(reader(VIEWS["in_order"](shuffled)), answers["in_order"])


# Training


def test_training_is_adam_on_the_mean_loss_over_all_frames(float64):
    images, *_ = load_digits("digits")
    torch.manual_seed(1)
    reader = train(images.double(), "in_order", 2, "cpu")
    torch.manual_seed(1)
    twin = ImageSequenceClassifierCNNRNN()
    adam = torch.optim.Adam(twin.parameters(), lr=5e-3)
    for _ in range(2):
        films, motion = shoot(images.double(), 13)
        answers = twin(films, every_frame=True)
        losses = [F.cross_entropy(answer, motion) for answer in answers.unbind(dim=1)]
        adam.zero_grad()
        torch.stack(losses).mean().backward()
        adam.step()
    for one, other in zip(reader.parameters(), twin.parameters(), strict=True):
        assert_close(one, other.detach())


def test_readers_are_trained_on_some_digits_and_examined_on_others(monkeypatch, capsys):
    shot, split = [], load_digits("digits")
    monkeypatch.setattr(cnnrnn, "load_digits", lambda data: split)
    monkeypatch.setattr(
        cnnrnn, "shoot", lambda images, n: shot.append(images) or shoot(images, n)
    )
    assert main(steps=2)["holds"] == 0  # nothing is learned in two steps
    assert [images is split[0] for images in shot] == 2 * [True, True, False]
    assert [images is split[2] for images in shot] == 2 * [False, False, True]


def test_both_readers_begin_alike_and_see_the_same_films(monkeypatch, capsys):
    starts, shot = [], []

    class Kept(ImageSequenceClassifierCNNRNN):
        def __init__(self):
            super().__init__()
            starts.append([p.detach().clone() for p in self.parameters()])

    def kept(images, n):
        shot.append(shoot(images, n)[0])
        return shoot(images, n)

    monkeypatch.setattr(cnnrnn, "ImageSequenceClassifierCNNRNN", Kept)
    monkeypatch.setattr(cnnrnn, "shoot", kept)
    main(steps=2)
    one, other = starts
    assert_close(one, other, rtol=0, atol=0)
    for one, other in zip(shot[:3], shot[3:], strict=True):  # two for training, an exam
        assert one.equal(other)


def test_one_step_follows_the_gradient_of_its_own_batch_alone(monkeypatch):
    sums = []
    step = torch.optim.Adam.step

    def listen(adam, *rest):
        weights = adam.param_groups[0]["params"]
        sums.append(sum(p.grad.square().sum().item() for p in weights))
        adam.param_groups[0]["lr"] = 1e-9  # the weights stand still
        step(adam, *rest)

    monkeypatch.setattr(torch.optim.Adam, "step", listen)
    train(load_digits("digits")[0], "in_order", 20, "cpu")
    assert max(sums) < 5 * min(sums)  # added up, the last would be 400 times the first


def test_the_label_of_a_film_stands_beside_each_answer_to_it(monkeypatch):
    def lit(images, n):  # each motion lights a band of its own, in every frame
        motion = torch.arange(5).repeat_interleave(n)
        line = F.one_hot(motion, 7).float().repeat_interleave(4, dim=1)  # (5 n, 28)
        return line[:, None, None, None].expand(-1, 6, 1, 28, 28), motion

    monkeypatch.setattr(cnnrnn, "shoot", lit)
    reader = train(torch.zeros(1), "in_order", 40, "cpu")
    films, motion = lit(None, 1)
    chances = reader(films, every_frame=True).softmax(dim=2)
    assert chances[motion, :, motion].min() > 0.8


# Claim


@pytest.fixture(scope="module")
def exam():
    images, _, unseen, _ = load_digits("digits")
    torch.manual_seed(0)
    return images, *shoot(unseen, 500)


def scores(reader, films, motion) -> list[float]:
    hits = reader(films, every_frame=True).argmax(dim=2) == motion[:, None]
    return hits.float().mean(dim=0).tolist()


# main() over 20 seeds, in percent: in order 99.4 (sd 0.6, lowest 97.2), any order 59.4
# (sd 0.7, from 58.4 to 60.6), one frame 20 by construction. With 200 steps the lowest
# of 8 seeds was 95.6 in order and 56.4 in any order: too close to the margin.
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_claim_the_order_of_the_frames_tells_the_direction(seed, exam):
    images, films, motion = exam
    torch.manual_seed(seed)
    reader = train(images, "in_order", 300, "cpu")
    after = scores(reader, films, motion)
    assert after[0] == pytest.approx(LIMITS["one_frame"])
    assert after[1] > LIMITS["any_order"] and after[-1] >= LIMITS["in_order"] - MARGIN
    backwards = scores(reader, films.flip(1), BACKWARDS[motion])[-1]
    assert backwards >= LIMITS["in_order"] - MARGIN


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_claim_without_it_a_reader_reaches_the_limit_and_no_more(seed, exam):
    images, films, motion = exam
    torch.manual_seed(seed)
    reader = train(images, "any_order", 300, "cpu")
    (share,) = scores(reader, VIEWS["any_order"](films), motion)
    assert abs(share - LIMITS["any_order"]) <= MARGIN


def test_the_whole_lesson_holds():
    share = full(cnnrnn).numbers
    assert list(share) == [*LIMITS, "holds"] and share["holds"] == 1
    assert share["one_frame"] == pytest.approx(0.2) and share["in_order"] >= 0.95
    assert "Output shape: [4, 5]" in full(cnnrnn).printed
