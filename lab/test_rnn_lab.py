"""What the lab of rnn shows, as tests."""

import re
import threading

import pytest
import rnn_lab
import shared
import torch
from playwright.sync_api import expect
from rnn_lab import deal, problem, read, reorder, trained

import rnn


@pytest.fixture(autouse=True)
def own_cache(cache, monkeypatch):
    monkeypatch.setattr(shared, "CACHE", cache)


def picture(page, start: str):
    return page.locator(f"img[alt^='{start} start']")


# The numbers


@pytest.mark.parametrize("start", ["uniform", "orthogonal"])
def test_the_network_and_its_recall_are_those_of_the_lesson(start):
    net = trained(start, 25, seed=0)
    with shared.alone():
        share = rnn.learn_and_recall(start, 25, 200, 0)
        x, first = rnn.deal(4000, 25)
    assert net.recall.item() == pytest.approx(share)
    right = (net(x).argmax(dim=1) == first).float().mean().item()
    assert right == pytest.approx(share, abs=0.06)  # other sequences: sd 0.018
    assert trained(start, 25, seed=0).recall == net.recall  # from the cache


def test_a_full_comparison_asks_for_what_main_asks_for(monkeypatch):
    told, compare = [], rnn.compare

    def learn_and_recall(start, wait, steps, seed, watch=None):
        told.append((start, wait, steps, seed))
        return 1.0

    def ear(*options):
        told.append(options)
        return compare(*options)

    monkeypatch.setattr(rnn, "learn_and_recall", learn_and_recall)
    monkeypatch.setattr(rnn, "compare", ear)
    with shared.alone():
        rnn.main()
    assert (rnn_lab.STEPS, 0) in told
    assert {("uniform", 25, rnn_lab.STEPS, n) for n in range(8)} <= set(told)


def test_each_answer_is_what_the_lesson_answers_to_the_symbols_so_far():
    net, text = trained("uniform", 7, seed=0), "klmkml"
    h, chances = read(net, text)
    assert h.shape == (6, 64)
    for t in range(1, 7):
        numbers = torch.tensor([[*map("klm".index, text[:t]), 3]])
        x = torch.nn.functional.one_hot(numbers, 4).float()
        torch.testing.assert_close(chances[t - 1], net(x)[0].softmax(dim=0))


def test_the_first_text_is_dealt_by_the_lesson():
    with shared.alone():
        torch.manual_seed(3)
        x, _ = rnn.deal(1, 25)
    assert deal(25, 3) == "".join("klm"[n] for n in x[0, :-1].argmax(dim=1))


def test_the_same_counts_and_another_first_symbol_want_another_answer():
    net, orders = trained("orthogonal", 7, seed=0), reorder("klmkml")
    assert [order[0] for order in orders] == ["k", "l", "m"]
    assert len({tuple(sorted(order)) for order in orders}) == 1
    said = ["klm"[read(net, order)[1][-1].argmax()] for order in orders]
    assert said == ["k", "l", "m"]


@pytest.mark.parametrize(
    ("text", "guess"), [("mkl", "k 33%"), ("lmk", "k 33%"), ("kllm", "l 50%")]
)
def test_who_only_counts_says_the_most_frequent_symbol_whatever_the_order(text, guess):
    nets = {start: trained(start, 7, seed=0) for start in rnn_lab.STARTS}
    head, _, *rows = rnn_lab.ask_each_order(nets, text).splitlines()
    assert head.endswith("| only counts |") and len(rows) == 3
    assert all(row.endswith(f"| {guess} |") for row in rows)


@pytest.mark.parametrize("text", ["", "klx", "😀", "klm" * 3334, "k?"])
def test_what_cannot_be_read_gets_a_friendly_line(text):
    assert problem(text)


def test_whatever_it_was_trained_for_it_reads_any_length_up_to_the_limit():
    net = trained("uniform", 7, seed=0)
    for text in "k", "l" * rnn_lab.LONGEST:
        assert not problem(text)
        with shared.alone():
            rnn_lab.figure_states("uniform", net, text, 7)


def test_visitors_who_train_at_the_same_time_each_get_their_own_network():
    nets = {}

    def visit(seed):
        nets[seed] = trained("orthogonal", 4, seed)

    visitors = [threading.Thread(target=visit, args=[seed]) for seed in range(3)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    shared.CACHE = shared.CACHE / "alone"
    for seed, net in nets.items():
        alone = trained("orthogonal", 4, seed).state_dict()
        assert all(alone[name].equal(value) for name, value in net.state_dict().items())


# In the browser


def test_a_typed_symbol_is_one_more_column_and_bad_ones_are_refused(page, open_lab):
    open_lab("rnn")
    symbols = page.get_by_label("Symbols")
    before = picture(page, "uniform").get_attribute("src")
    symbols.press("End")
    symbols.press("k")
    expect(page.get_by_text("9 k, 8 l, 8 m")).to_be_visible()
    assert picture(page, "uniform").get_attribute("src") != before
    for text, line in {
        "": "Nothing to remember yet",
        "klmX": "It knows three symbols",
        "😀": "It knows three symbols",
        "klm" * 3400: "That is 10,200 letters",
    }.items():
        symbols.fill(text)
        expect(page.get_by_text(line)).to_be_visible()
    symbols.fill("K l M")
    expect(page.get_by_text("1 k, 1 l, 1 m")).to_be_visible()


def test_another_wait_and_seed_by_keyboard_alone_and_reset(page, open_lab):
    open_lab("rnn")
    first = page.get_by_label("Symbols").input_value()
    page.get_by_role("slider").first.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("7 k, 7 l, 7 m")).to_be_visible()
    call = "rnn.learn_and_recall('uniform', 22, 200, 0)"
    expect(page.get_by_text(call)).to_be_visible()
    page.keyboard.press("Tab")  # to the seed
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("9")
    page.keyboard.press("Enter")
    expect(page.get_by_text("python rnn.py --seed 1")).to_be_visible()
    page.get_by_role("button", name="Reset").press("Enter")
    expect(page.get_by_role("textbox", name="Seed")).to_have_value("0")
    expect(page.get_by_text("rows of 25 time steps, number 1 of 8")).to_be_visible()
    expect(page.get_by_label("Symbols")).to_have_value(first)


def test_without_a_seed_it_asks_for_one(page, open_lab):
    open_lab("rnn")
    page.get_by_role("textbox", name="Seed").fill("")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Which seed?")).to_be_visible()


def test_both_train_before_your_eyes_to_what_the_lesson_says(page, open_lab):
    open_lab("rnn")
    page.get_by_role("button", name="Watch both train").click()
    with shared.alone():
        one, two = [rnn.learn_and_recall(start, 25, 200, 0) for start in rnn_lab.STARTS]
    alt = f"Recalls: uniform {one:.0%}, orthogonal {two:.0%}. The losses"
    expect(page.get_by_alt_text(alt)).to_be_visible()


def test_stop_stops(page, open_lab, watch_and_stop):
    open_lab("rnn")
    page.get_by_role("button", name="Train eight of each").click()
    told = page.locator("img[alt^='Training '][alt$=' of 48']")
    told.wait_for()
    watch_and_stop(lambda: told.get_attribute("src"), pictures=2)
    assert re.fullmatch(r"Training \d+ of 48", told.get_attribute("alt"))
    page.get_by_label("Symbols").fill("klm")  # and the page still answers
    expect(page.get_by_text("1 k, 1 l, 1 m")).to_be_visible()


def test_on_a_phone_the_two_networks_stand_one_below_the_other(page, open_lab):
    page.set_viewport_size({"width": 390, "height": 844})
    open_lab("rnn")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    one, two = (picture(page, s).bounding_box() for s in ("uniform", "orthogonal"))
    assert one["x"] == two["x"] and one["y"] < two["y"] and one["width"] > 300
