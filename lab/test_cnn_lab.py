"""What the lab of cnn shows, as tests."""

import re

import cnn_lab
import pytest
import shared
import torch
from cnn_lab import DATA, DEFAULT, PLACED, fit, learn, load, read_shuffled, recall
from playwright.sync_api import expect

import cnn

THREE = [(0.3, 0.2), (0.5, 0.13), (0.66, 0.22), (0.66, 0.36), (0.46, 0.47)]
THREE += [(0.68, 0.6), (0.69, 0.76), (0.52, 0.87), (0.3, 0.8)]
MNIST = DATA[0] == "mnist"
load(DATA[0])  # it is kept, before the tests hide the data folder


@pytest.fixture(autouse=True)
def own_cache(cache, monkeypatch):
    monkeypatch.setattr(shared, "CACHE", cache)
    recall(("cnn_centred",), *DEFAULT)  # else the first page waits for its training


def draw(page, points=THREE):
    """One stroke of the mouse through these points of the pad."""
    pad = page.locator("canvas")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    for number, (x, y) in enumerate(points):
        place = box["x"] + x * box["width"], box["y"] + y * box["height"]
        page.mouse.move(*place, steps=5 if number else 1)
        if number == 0:
            page.mouse.down()
    page.mouse.up()


def ink(page) -> int:
    """How many pixels of the pad are drawn on."""
    return page.locator("canvas").evaluate(
        "pad => pad.getContext('2d').getImageData(0, 0, 280, 280).data"
        ".filter((byte, i) => i % 4 == 3 && byte > 0).length"
    )


def wait_until_blank(page) -> None:
    """The pad hears of it a moment after the page."""
    for _ in range(20):
        if not ink(page):
            return
        page.wait_for_timeout(100)
    assert not ink(page)


def headline(page):
    return page.locator("h2")


def reading(x: torch.Tensor) -> str:
    net = recall(("cnn_centred",), *DEFAULT)["cnn_centred"]
    p, answer = net(x)[0].softmax(dim=0).max(dim=0)
    return f"It reads {answer}, probability {p:.0%}"


def sound(page) -> None:
    """Nothing has gone wrong on the page."""
    assert not page.locator(".marimo-error").count()
    assert not page.get_by_text("internal error").count()
    assert not page.get_by_text("Traceback").count()


# The numbers


def test_what_the_networks_read_and_the_shuffled_pixels_are_those_of_main(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)  # main saves its pictures
    with shared.alone():
        want = cnn.main(steps=20, data="digits", seed=3)
        nets = learn(("cnn_centred", *PLACED), "digits", 20, 3)
        tasks = cnn.make_tasks("digits", 3)
    assert {name: net.right.item() for name, net in nets.items()} == {
        name: want[name] for name in nets
    }
    mixed = cnn_lab.shuffle(tasks["in_order"][2], 3)
    assert mixed.equal(tasks["shuffled"][2])


def test_what_is_read_from_the_cache_is_what_was_trained():
    known = learn(("cnn_shuffled",), "digits", 20, 1)
    fresh = {(("cnn_shuffled",), "digits", 20, 1): known}
    assert recall(("cnn_shuffled",), "digits", 20, 1) is None  # nobody has trained it
    for each in fresh, None:
        nets = recall(("cnn_shuffled",), "digits", 20, 1, each).state_dict()
        assert all(
            nets[name].equal(value) for name, value in known.state_dict().items()
        )


@pytest.mark.parametrize("size, corner", [(0.3, 0.05), (0.9, 0.05), (0.3, 0.65)])
@pytest.mark.parametrize("mnist", [True, False])
def test_small_large_or_in_a_corner_a_drawing_is_centred_and_scaled(
    mnist, size, corner
):
    def image(size, corner):
        return fit([[[corner + size * x, corner + size * y] for x, y in THREE]], mnist)

    x = image(size, corner)
    assert (x - image(1, 0)).abs().max() < 0.05
    assert x.shape == (1, 1, 28, 28) and 0 <= x.min() and 0.9 < x.max() <= 1
    rows = x[0, 0].sum(dim=1)
    high = (rows > 0).nonzero().aminmax()
    if mnist:
        columns, grid = x[0, 0].sum(dim=0), torch.arange(28) + 0.5
        for line in rows, columns:
            assert (line @ grid / line.sum()).item() == pytest.approx(14, abs=0.6)
        assert 19 <= high.max - high.min + 1 <= 22
    else:  # it fills the height, as the small digits do
        assert high.max - high.min + 1 >= 26


@pytest.mark.parametrize(
    "strokes", [[], [[]], [[[0.5, 0.5]]], [[[0.1, 0.1]] * 1500 + [[0.9, 0.9]] * 1500]]
)
def test_what_is_no_drawing_is_not_read(strokes):
    assert fit(strokes, mnist=True) is None


def test_half_as_large_at_random_spots_the_pixels_are_the_same_in_another_order():
    nets, x = recall(PLACED, *DEFAULT), load(DATA[0])[2][:1]
    with shared.alone():
        views, first, share = read_shuffled(nets, x, 7, 0)
        placed, mixed = views["in_order"], views["shuffled"]
        again = cnn_lab.shuffle(placed, 0)
    assert mixed.equal(again) and not mixed.equal(placed)
    assert mixed.flatten(1).sort()[0].equal(placed.flatten(1).sort()[0])
    for name, net in nets.items():
        answers = net(mixed if "shuffled" in name else placed).argmax(dim=1)
        assert first[name] == answers[0]
        assert share[name] == answers.eq(7).float().mean()


# In the browser


def test_a_three_drawn_with_the_mouse_is_read_as_three(page, open_lab):
    open_lab("cnn")
    draw(page)
    if MNIST:
        expect(headline(page)).to_contain_text("It reads 3")
        expect(page.get_by_text("Trained on 60,000 digits of MNIST.")).to_be_visible()
    else:
        expect(headline(page)).not_to_have_text(reading(load(DATA[0])[2][:1]))
        expect(headline(page)).to_contain_text("It reads")
        expect(page.get_by_text("small digits: expect mistakes")).to_be_visible()
    assert ink(page) > 1000
    page.get_by_role("button", name="Clear").click()
    expect(headline(page)).to_have_text(reading(load(DATA[0])[2][:1]))
    wait_until_blank(page)


def test_it_is_read_while_it_is_drawn_and_the_pad_stays(page, open_lab):
    open_lab("cnn")
    pad = page.locator("canvas").element_handle()
    box = pad.bounding_box()
    before = headline(page).inner_text()
    page.mouse.move(box["x"] + 80, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 180, box["y"] + 60, steps=4)
    page.wait_for_timeout(300)
    page.mouse.move(box["x"] + 100, box["y"] + 240, steps=4)
    expect(headline(page)).not_to_have_text(before)
    drawn = ink(page)
    page.mouse.move(box["x"] + 200, box["y"] + 200, steps=4)
    assert ink(page) > drawn and pad.evaluate("pad => pad.isConnected")
    page.mouse.up()


def test_a_finger_draws_too(browser, open_lab):
    context = browser.new_context(
        has_touch=True, viewport={"width": 390, "height": 844}
    )
    page = open_lab("cnn", context.new_page())
    before = headline(page).inner_text()
    page.locator("canvas").scroll_into_view_if_needed()
    box, finger = page.locator("canvas").bounding_box(), context.new_cdp_session(page)
    for number, (x, y) in enumerate(THREE):
        place = {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}
        kind = "touchMove" if number else "touchStart"
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [place]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(headline(page)).not_to_have_text(before)
    assert ink(page) > 1000
    context.close()


def test_a_sample_by_keyboard_alone_is_read_as_the_network_reads_it(page, open_lab):
    open_lab("cnn")
    expect(headline(page)).to_have_text(reading(load(DATA[0])[2][:1]))
    sample = page.get_by_role("textbox", name="Sample")
    draw(page)
    sample.focus()
    page.keyboard.press("ArrowUp")
    expect(headline(page)).to_have_text(reading(load(DATA[0])[2][1:2]))
    wait_until_blank(page)  # the sample takes the place of the drawing
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("8")
    page.keyboard.press("Enter")
    expect(headline(page)).to_have_text(reading(load(DATA[0])[2][8:9]))


def test_shuffled_the_same_drawing_stands_beside_it_with_the_answers(page, open_lab):
    open_lab("cnn")
    page.get_by_role("switch").press("Space")
    nets, (_, _, unseen, labels) = recall_when_trained(page), load(DATA[0])
    with shared.alone():
        _, first, share = read_shuffled(nets, unseen[:1], labels[0], 0)
    told = (
        f"Shuffled, the CNN reads {share['cnn_shuffled']:.0%} of 100 spots, "
        f"the MLP {share['mlp_shuffled']:.0%}"
    )
    expect(headline(page)).to_have_text(told)
    expect(page.get_by_alt_text(told)).to_be_visible()
    line = f"shuffled the CNN reads {first['cnn_shuffled']} and the MLP"
    expect(page.get_by_text(line)).to_be_visible()
    line = f"cnn shuffled {nets['cnn_shuffled'].right:.1%}"
    expect(page.get_by_text(line)).to_be_visible()
    draw(page)
    expect(headline(page)).not_to_have_text(told)
    page.get_by_role("switch").press("Space")
    expect(headline(page)).to_contain_text("It reads")


def recall_when_trained(page):
    headline(page).filter(has_text="Shuffled").wait_for()
    return recall(PLACED, *DEFAULT)


def test_two_visitors_do_not_see_each_others_drawing(browser, open_lab):
    contexts = [browser.new_context() for _ in range(2)]
    one, other = (open_lab("cnn", context.new_page()) for context in contexts)
    before = headline(other).inner_text()
    source = other.locator("img").first.get_attribute("src")
    draw(one, [(0.5, 0.1), (0.5, 0.9)])
    expect(headline(one)).not_to_have_text(before)
    assert ink(one) > 1000 and ink(other) == 0
    assert headline(other).inner_text() == before
    assert other.locator("img").first.get_attribute("src") == source
    draw(other)
    assert ink(one) != ink(other)
    for context in contexts:
        context.close()


def test_bad_input_gets_a_friendly_line(page, open_lab):
    open_lab("cnn")
    draw(page, [(0.5, 0.5), (0.51, 0.51)])
    expect(headline(page)).to_have_text("Only a dot: draw a large digit")
    page.get_by_role("button", name="Clear").click()
    expect(headline(page)).to_contain_text("It reads")
    sample = page.get_by_role("textbox", name="Sample")
    seed = page.get_by_role("textbox", name="Seed")
    for field, line in (sample, "Which sample?"), (seed, "Which seed?"):
        field.fill("")
        field.press("Enter")
        expect(headline(page)).to_contain_text(line)
    sound(page)
    seed.fill("99999999999999999999")
    seed.press("Enter")
    expect(headline(page)).to_contain_text("Nobody has trained it")
    line = re.compile("python cnn.py .*--seed 4294967295")
    expect(page.get_by_text(line)).to_be_visible()
    seed.fill("0")
    seed.press("Enter")
    sample.fill("99999999999999999999")
    sample.press("Enter")
    expect(headline(page)).to_have_text(reading(load(DATA[0])[2][-1:]))
    sound(page)


def test_training_streams_stop_stops_and_reset_restores_everything(
    page, open_lab, watch_and_stop
):
    open_lab("cnn")
    first = headline(page).inner_text()
    draw(page)
    page.get_by_label("Data").select_option("digits")
    page.get_by_role("textbox", name="Sample").fill("5")
    page.get_by_role("textbox", name="Seed").fill("7")
    page.get_by_role("slider").press("End")
    line = "python cnn.py --steps 480 --seed 7"
    expect(page.get_by_text(line)).to_be_visible()
    expect(headline(page)).to_contain_text("press Train")
    draw(page)
    page.get_by_role("button", name="Train").click()
    told = page.locator("img[alt*='Step ']")
    told.wait_for()
    watch_and_stop(lambda: told.get_attribute("alt"))
    expect(headline(page)).to_contain_text("press Train")  # nothing half trained
    page.get_by_role("button", name="Reset").click()
    expect(headline(page)).to_have_text(first)
    wait_until_blank(page)
    expect(page.get_by_role("textbox", name="Sample")).to_have_value("0")
    expect(page.get_by_role("textbox", name="Seed")).to_have_value("0")
    expect(page.get_by_label("Data")).to_have_value(DATA[0])
    expect(
        page.get_by_text(re.compile(r"^python cnn.py( --data mnist)?$"))
    ).to_be_visible()
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuenow", "240")
    sound(page)


def test_what_was_trained_by_button_is_shown_with_its_numbers(page, open_lab):
    open_lab("cnn")
    page.get_by_label("Data").select_option("digits")
    page.get_by_role("slider").press("Home")
    expect(page.get_by_text("--steps 20")).to_be_visible()
    page.get_by_role("button", name="Train").click()
    page.locator("img[alt*='Trained, ']").wait_for()
    with shared.alone():
        right = learn(("cnn_centred",), "digits", 20, 0)["cnn_centred"].right
    expect(page.get_by_text(f"Reads {right:.1%} of unseen ones")).to_be_visible()
    expect(headline(page)).to_contain_text("It reads")
    page.wait_for_timeout(500)
    expect(page.locator("img[alt*='Trained, ']")).to_be_visible()  # it stays
    sound(page)
