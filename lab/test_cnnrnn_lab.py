"""What the lab of cnnrnn shows, as tests."""

import io
from itertools import pairwise

import cnnrnn_lab
import pytest
import shared
import torch
from cnnrnn_lab import (
    DATA,
    ORDER,
    VIEWS,
    animate,
    answer,
    in_words,
    kept,
    played,
    shares,
    shoot,
    shuffled,
)
from PIL import Image, ImageChops, ImageSequence
from playwright.sync_api import expect

import cnnrnn

BACKWARDS = dict(still="still", left="right", right="left", up="down", down="up")


@pytest.fixture(autouse=True)
def own_cache(cache, monkeypatch):
    monkeypatch.setattr(shared, "CACHE", cache)
    for view in VIEWS:  # else the first page waits for their training
        kept(view, 0)


def said(view: str, film: torch.Tensor) -> str:
    last = answer(kept(view, 0), view, film)[-1]
    return cnnrnn.MOTIONS[last.argmax()]


# The numbers


def test_the_shares_are_those_of_main_trained_or_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # main saves its picture
    monkeypatch.setattr(cnnrnn_lab, "STEPS", 20)
    with shared.alone():
        want = cnnrnn.main(steps=20, data=DATA, seed=4)
    del want["holds"]
    for _ in range(2):
        correct = {view: kept(view, 4).correct for view in VIEWS}
        found = shares(**correct)
        assert list(found) == list(want)
        assert list(found.values()) == pytest.approx(list(want.values()))


def test_the_network_is_the_lessons_own():
    with shared.alone():
        torch.manual_seed(0)
        network = cnnrnn.ImageSequenceClassifierCNNRNN()
        cnnrnn.train(network, cnnrnn_lab.images, 300, in_order=True)
    film = shoot(0, (0, 0), "left", ORDER)
    scores = network(film, every_frame=True)[0].detach()
    chances = answer(kept("in_order", 0), "in_order", film)
    assert chances.equal(scores.softmax(dim=-1))


def test_an_unseen_digit_is_filmed_by_the_lesson():
    film = shoot(7, (3, 20), "up", ORDER)
    assert film.shape == (1, 6, 1, 28, 28)
    digit = cnnrnn_lab.unseen[7]
    assert film[0, 2].equal(digit.roll((3 - 2 * 4, 20), dims=(1, 2)))


@pytest.mark.parametrize("motion", BACKWARDS)
def test_played_backwards_the_answer_is_the_opposite_motion(motion):
    assert said("in_order", shoot(0, (0, 0), motion, ORDER)) == motion
    assert said("in_order", shoot(0, (0, 0), motion, ORDER[::-1])) == BACKWARDS[motion]


def test_the_network_of_any_order_does_not_notice_a_shuffle():
    order = [3, 0, 5, 1, 4, 2]
    films = shoot(0, (0, 0), "left", ORDER), shoot(0, (0, 0), "left", order)
    one, other = (answer(kept("any_order", 0), "any_order", film) for film in films)
    torch.testing.assert_close(one, other)
    assert "only be guessed" in played(order) and "opposite" in played(ORDER[::-1])


def test_a_shuffle_is_always_another_order():
    assert all(shuffled([0, 1]) == [1, 0] for _ in range(50))
    assert sorted(shuffled(ORDER)) == ORDER


def test_the_film_plays_frame_by_frame_with_its_probabilities():
    film = shoot(0, (0, 0), "left", ORDER)
    said = [answer(kept(v, 0), v, film) for v in ("in_order", "any_order")]
    with shared.alone():
        playing = Image.open(io.BytesIO(animate(film, *said, ORDER)[0]))
    assert playing.n_frames == 6
    shown = [frame.convert("L").copy() for frame in ImageSequence.Iterator(playing)]
    moved = [ImageChops.difference(*pair).getbbox() for pair in pairwise(shown)]
    assert all(moved)  # between any two of them
    right = ImageChops.difference(shown[0], shown[5]).getbbox()[2]
    assert right < playing.width / 2  # the mean and its answer stand still


# In the browser


def line(page):
    return page.locator("h3").filter(has_text="In any order")


def order(page):
    return page.get_by_text("Filmed: ")


def test_backwards_flips_the_motion_on_the_screen(page, open_lab):
    open_lab("cnnrnn")
    expect(line(page)).to_contain_text("As played: left")
    film = shoot(0, (0, 0), "left", ORDER)
    words = in_words(answer(kept("in_order", 0), "in_order", film)[-1])
    expect(line(page)).to_contain_text(words)
    page.get_by_role("button", name="Play backwards").click()
    expect(line(page)).to_contain_text("As played: right")
    expect(order(page)).to_contain_text("frames 6 5 4 3 2 1, played backwards")
    page.get_by_role("button", name="As filmed").click()
    expect(line(page)).to_contain_text("As played: left")
    page.get_by_label("Motion").select_option("down")
    expect(line(page)).to_contain_text("As played: down")


def test_a_shuffle_changes_the_order_and_not_what_any_order_says(page, open_lab):
    open_lab("cnnrnn")
    before = line(page).inner_text().split("In any order")[1]
    frames = order(page).inner_text()
    page.get_by_role("button", name="Shuffle").click()
    expect(order(page)).not_to_have_text(frames)
    assert line(page).inner_text().split("In any order")[1] == before
    page.get_by_role("button", name="Reset").click()
    expect(order(page)).to_contain_text("frames 1 2 3 4 5 6, played as filmed")


def test_by_keyboard_alone_and_with_bad_numbers(page, open_lab):
    open_lab("cnnrnn")
    digit = page.get_by_role("textbox", name="Digit")
    before = page.locator("img").first.get_attribute("src")
    digit.press("ArrowUp")
    page.wait_for_function(
        "before => document.querySelector('img').getAttribute('src') != before",
        arg=before,
    )
    digit.fill("")
    digit.press("Enter")
    expect(page.get_by_text("Which digit?")).to_be_visible()
    digit.fill("99999999")
    digit.press("Enter")
    expect(digit).to_have_value(f"{len(cnnrnn_lab.unseen) - 1:,}")
    expect(line(page)).to_be_visible()
    page.get_by_role("button", name="Play backwards").press("Enter")
    expect(order(page)).to_contain_text("played backwards")
    page.get_by_role("button", name="Reset").press("Enter")
    expect(page.get_by_role("textbox", name="Digit")).to_have_value("0")


def test_training_streams_and_stop_stops(page, open_lab, watch_and_stop):
    open_lab("cnnrnn")
    page.get_by_role("button", name="Watch both train").click()
    told = page.locator("img[alt^='Training']")
    told.wait_for()
    watch_and_stop(lambda: told.get_attribute("src"), pictures=2)
    expect(told).to_be_visible()  # nothing said of unseen digits


def test_on_a_phone_nothing_sticks_out(page, open_lab):
    page.set_viewport_size({"width": 390, "height": 844})
    open_lab("cnnrnn")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
