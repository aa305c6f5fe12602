"""What the lab of attention shows, as tests."""

import copy
import io

import attention_lab
import pytest
import shared
import torch
from attention_lab import far, kept, learn, look, parse, untrained
from PIL import Image
from playwright.sync_api import expect

import attention

LIST = "anna 7, bob 3, cleo 9, dan 1, eva 4, finn 8, gus 5, bob ?"
CAUSAL = torch.ones(8, 8).tril().bool()


@pytest.fixture(autouse=True)
def own_cache(cache, monkeypatch):
    monkeypatch.setattr(shared, "CACHE", cache)


def picture(page, start: str):
    return page.locator(f"img[alt^='{start}']")


# The numbers


def test_the_numbers_are_those_of_main(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # main saves its picture
    drawn = []

    def draw(weights, right):
        drawn.append(right)
        return figure(weights, right)

    figure = attention.figure
    monkeypatch.setattr(attention, "figure", draw)
    with shared.alone():
        want = attention.main(steps=20, seed=3)
        net = learn(20, 3)
    told = attention_lab.numbers(net, 20, 3)
    rows = zip(attention.TESTS, net.tested.tolist(), strict=True)
    for (name, pairs, _), (right, weight, rival) in rows:
        assert right == want[f"{name}_{pairs}"]
        assert weight == want[f"{name}_weight_{pairs}"]
        assert rival == want[f"{name}_rival_{pairs}"]
        line = f"- {name} {pairs}: {right:.1%} right, weight there {weight:.1%}"
        assert line in told
    (found,) = drawn
    assert list(found) == attention_lab.NETWORKS
    assert net.right.tolist() == list(found.values())
    for name, shares in found.items():
        line = f"- {name} among 60, right 1 away: {shares[0]:.1%}, 60 away"
        assert f"{line} {shares[-1]:.1%}" in told


def test_the_first_models_are_the_lessons_own_read_from_the_cache_the_second_time():
    with shared.alone():
        torch.manual_seed(0)
        net = attention.LookUp()
        start = copy.deepcopy(net).state_dict()
        torch.manual_seed(0)
        attention.train(net, 800, learning_rate=0.02)
        first = untrained().state_dict()
    for _ in range(2):
        got = kept().state_dict()
        for name, value in net.state_dict().items():
            assert got[name].equal(value) and first[name].equal(start[name])


def test_the_picture_of_the_distances_shows_the_three_networks():
    right = torch.rand(3, 60)
    with shared.alone():
        (ax,) = attention_lab.figure_distances(right, 30).axes
    for name, shares, line in zip(
        attention_lab.NETWORKS, right, ax.lines, strict=False
    ):
        assert line.get_label() == name
        assert torch.tensor(line.get_ydata()).equal(shares)
        assert list(line.get_xdata()) == list(range(1, 61))
    assert list(ax.lines[3].get_xdata()) == [30, 30]
    assert ax.xaxis_inverted()  # the question is on the right


def test_the_losses_of_the_three_trainings_lie_over_each_other():
    losses = [float(number) for number in range(25)]  # in the third of 10 steps
    with shared.alone():
        (ax,) = attention_lab.figure_losses(losses, 10).axes
    labels = [line.get_label() for line in ax.lines]
    assert labels == [*attention_lab.NETWORKS, "guessing: ln 10"]
    assert list(ax.lines[0].get_ydata()) == losses[:10]
    assert list(ax.lines[1].get_ydata()) == losses[10:20]
    assert list(ax.lines[2].get_ydata()) == losses[20:]


def test_the_weights_are_those_that_the_lessons_model_returns():
    net, tokens = kept(), parse(LIST)
    chances, tables = look([net], tokens)
    logits, weights = net(tokens[None])
    assert chances.equal(logits[0].softmax(dim=0))
    assert tables[:, -1].equal(weights)


def test_the_knob_goes_from_the_mean_to_the_dictionary():
    net, tokens = kept(), parse(LIST)
    mean, one = (look([net], tokens, knob)[1][0, -1] for knob in (0, 100))
    torch.testing.assert_close(mean, torch.full((8,), 1 / 8))
    assert one[1] > 0.999


def test_the_causal_mask_empties_the_upper_triangle_and_the_question_sees_all():
    net, tokens = kept(), parse(LIST)
    with_mask, without = (look([net], tokens, 1, mask)[1][0] for mask in (CAUSAL, None))
    assert with_mask[~CAUSAL].eq(0).all() and without[~CAUSAL].gt(0).any()
    torch.testing.assert_close(with_mask.sum(dim=1), torch.ones(8))
    torch.testing.assert_close(with_mask[-1], without[-1])


def test_what_is_masked_is_empty_and_a_weight_of_0_is_not():
    table = torch.zeros(8, 8)
    with shared.alone():
        masked, whole = (
            attention_lab.figure_mask(parse(LIST), table, mask, "").axes[0]
            for mask in (CAUSAL, None)
        )
        assert (masked.images[0].get_array().mask == ~CAUSAL.numpy()).all()
        assert [text.get_text() for text in masked.texts] == ["0.00"] * 36
        assert [text.get_text() for text in whole.texts] == ["0.00"] * 64


def test_training_moves_the_weight_to_the_answer():
    with shared.alone():
        start = untrained()
    tables = look([start, kept()], parse(LIST))[1][:, -1]
    assert tables[0, 1] < 0.5 < 0.9 < tables[1, 1]


def test_the_answer_moves_farther_away_among_the_same_60_pairs():
    net, pairs = kept(), set()
    for distance in (1, 30, 60):
        with shared.alone():
            tokens = far(distance)
        chances, tables = look([net], tokens)
        assert tables[0, -1].argmax() == 60 - distance
        assert tokens[60 - distance].tolist() == [tokens[-1, 0], chances.argmax()]
        pairs.add(str(tokens[:-1]))
    assert len(pairs) == 1


def test_visitors_do_not_turn_each_others_knobs():
    mine, yours = kept(), kept()
    before = look([mine], parse(LIST))[1]
    look([yours], parse(LIST), 100)
    assert mine.attention.knob == 1 and yours.attention.knob == 100
    assert look([mine], parse(LIST))[1].equal(before)


@pytest.mark.parametrize(
    "text", [LIST, "ANNA 7,bob 3 ... Bob?", "name999 0, name999 ?"]
)
def test_a_list_and_its_question_are_read(text):
    tokens = parse(text)
    assert tokens[-1, 0] in tokens[:-1, 0] and tokens[-1, 1] == 10
    assert parse(", ".join(attention_lab.words(tokens))).equal(tokens)


def test_the_first_list_is_the_lessons():
    assert parse(LIST).tolist() == [list(token) for token in attention.EXAMPLE]


@pytest.mark.parametrize(
    ("text", "line"),
    {
        "": "Write pairs",
        "😀": "Write pairs",
        "bob ?": "Write pairs",
        "anna 7, bob": "Write pairs",
        "anna 😀, anna ?": "Pair 1 is no name and digit",
        "anna 10, anna ?": "Pair 1 is no name and digit",
        "anna 7, bob ², anna ?": "Pair 2 is no name and digit",
        "anna ?, anna ?": "Pair 1 is no name and digit",
        "a" * 10_000 + " 7, bob ?": "Those are 10,009 letters",
        "anna 7, zoe 3, anna ?": "The name in place 2 is unknown",
        "anna 7, anna 3, anna ?": "A name stands there twice",
        "anna 7, bob 3, cleo ?": "is not in the list",
        "anna 1, " * 61 + "anna ?": "at most 60 pairs",
    }.items(),
)
def test_what_cannot_be_read_gets_a_friendly_line(text, line):
    assert line in parse(text)


# In the browser


def colors(page, name: str) -> Image.Image:
    """The table on the screen, a pixel from the corner of each of its 8 x 8 cells."""
    shot = picture(page, f"Weights of all tokens on all tokens, {name}").screenshot()
    image = Image.open(io.BytesIO(shot)).convert("RGB")
    left, right, top, low = 0.15, 0.98, 0.11, 0.92  # the margins of its panel
    width, height = (right - left) * image.width, (low - top) * image.height
    box = [left * image.width, top * image.height]
    return [
        [
            image.getpixel(
                (
                    int(box[0] + width * (x + 0.5) / 8),
                    int(box[1] + height * (y + 0.15) / 8),
                )
            )
            for x in range(8)
        ]
        for y in range(8)
    ]


def test_the_causal_mask_empties_the_upper_triangle_on_the_screen(page, open_lab):
    open_lab("attention")
    expect(picture(page, "Weights of all tokens").first).to_be_visible()
    for name in ("untrained", "trained"):
        white = [[c == (255, 255, 255) for c in row] for row in colors(page, name)]
        assert white == (~CAUSAL).tolist()
    page.get_by_role("switch").click()
    expect(page.get_by_text("Without a mask each token")).to_be_visible()
    for name in ("untrained", "trained"):
        assert (255, 255, 255) not in sum(colors(page, name), [])


def test_another_list_another_answer_and_bad_ones_are_refused(page, open_lab):
    open_lab("attention")
    text = page.get_by_label("The list and its question")
    for typed, line in {
        "cleo 2, gus 6, gus?": "it answers 6",
        "": "Write pairs of a name and one digit",
        "😀": "Write pairs of a name and one digit",
        "a" * 10_000 + " 1, bob ?": "Those are 10,009 letters",
        "anna 7, zoe 3, anna ?": "The name in place 2 is unknown",
        LIST: "it answers 3",
    }.items():
        text.fill(typed)
        text.press("Enter")
        expect(page.get_by_text(line)).to_be_visible()
        assert not page.get_by_text("Traceback").count()


def test_by_keyboard_alone_one_gets_mains_numbers_and_reset_brings_all_back(
    page, open_lab, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with shared.alone():
        want = attention.main(steps=10, seed=5)
    open_lab("attention")
    told = picture(page, "The weights of the question")
    first = told.get_attribute("alt")
    trained = look([kept()], parse(LIST))[1][0, -1, 1]
    with shared.alone():
        start = look([untrained()], parse(LIST))[1][0, -1, 1]
    assert f"Weight on bob 3: {start:.0%}, trained {trained:.0%}" in first
    knob, distance, steps = (page.get_by_role("slider").nth(n) for n in range(3))
    knob.press("Home")
    alt = "Weight on bob 3: 12%, trained 12%"  # an eighth
    expect(page.get_by_alt_text(alt)).to_be_visible()
    knob.press("End")
    expect(page.get_by_alt_text("trained 100%").first).to_be_visible()
    for _ in range(4):  # past the list and two pictures to the distance
        page.keyboard.press("Tab")
    expect(distance).to_be_focused()
    strip = picture(page, "The weights on 60 pairs")
    before = strip.screenshot()
    page.keyboard.press("ArrowRight")
    expect(picture(page, "The weights on 60 pairs, 31 tokens away")).to_be_visible()
    strip.evaluate("img => img.decode()")
    assert strip.screenshot() != before
    page.get_by_role("switch").press(" ")
    expect(page.get_by_text("Without a mask each token")).to_be_visible()
    steps.press("Home")
    seed = page.get_by_role("textbox", name="Seed")
    seed.fill("5")
    seed.press("Enter")
    line = page.get_by_text("python attention.py --steps 10 --seed 5")
    expect(line).to_be_visible()
    page.get_by_role("button", name="Train").press("Enter")
    expect(page.get_by_text("After 10 steps from seed 5:")).to_be_visible()
    right, weight = want["attention_60"], want["attention_weight_60"]
    line = f"attention 60: {right:.1%} right, weight there {weight:.1%}"
    expect(page.get_by_text(line)).to_be_visible()
    expect(page.get_by_text("After 10 steps from seed 5 it answers")).to_be_visible()
    text = page.get_by_label("The list and its question")
    text.fill("cleo 2, gus 6, gus?")
    text.press("Enter")
    expect(picture(page, "The weights of the question. Weight on gus")).to_be_visible()
    page.get_by_role("button", name="Reset").press("Enter")
    expect(told).to_have_attribute("alt", first)
    expect(text).to_have_value(LIST)
    expect(seed).to_have_value("0")
    expect(page.get_by_text("python attention.py", exact=True)).to_be_visible()
    expect(picture(page, "The weights on 60 pairs, 30 tokens away")).to_be_visible()
    expect(page.get_by_role("switch")).to_be_checked()
    for slider, place in (knob, "4"), (distance, "30"), (steps, "800"):
        expect(slider).to_have_attribute("aria-valuenow", place)
    expect(page.get_by_text("After 800 steps from seed 0 it answers")).to_be_visible()


def test_training_streams_and_stop_stops(page, open_lab, watch_and_stop):
    open_lab("attention")
    page.get_by_role("button", name="Train").click()
    told = page.get_by_text("of 2400")
    last = watch_and_stop(told.inner_text)
    assert 0 < int(last.split()[1]) < 2400
    page.get_by_role("slider").first.press("End")  # and the page still answers
    expect(page.get_by_alt_text("trained 100%").first).to_be_visible()
    expect(page.get_by_text("After 800 steps from seed 0 it answers")).to_be_visible()


def test_without_a_seed_it_asks_for_one(page, open_lab):
    open_lab("attention")
    seed = page.get_by_role("textbox", name="Seed")
    seed.fill("")
    seed.press("Enter")
    expect(page.get_by_text("Which seed?")).to_be_visible()
    expect(page.get_by_text("python attention.py")).not_to_be_visible()
    page.get_by_role("button", name="Train").click()
    expect(picture(page, "The losses")).to_have_count(0)
