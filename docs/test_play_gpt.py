"""What one touches on gpt's page: the browser reads and writes as PyTorch does."""

import math

import pytest
import torch
from pages import LESSONS
from test_play import PHONE, visit
from torch.testing import assert_close

from docs.play.export import BUILD
from tools.catalogue import lessons

gpt = lessons()["gpt"].module()

pytestmark = pytest.mark.skipif("gpt" not in LESSONS, reason="NN_PAGES leaves gpt out")
EXAMPLE = ".amy hid her goat.bob had his "
WRONG = ".amy hid his goat.bob had his "
LONG = "".join(gpt.SENTENCES[::40])  # more than a window
KINDS = ["masked", "unmasked"]


@pytest.fixture(scope="module")
def networks():
    """The exported networks, in PyTorch."""
    exported = torch.load(BUILD / "gpt.pt", weights_only=True)
    found = {}
    for name in KINDS:
        network = gpt.GPT(masked=name == "masked")
        state = {key: exported[f"{name}.{key}"] for key in network.state_dict()}
        network.load_state_dict(state)
        found[name] = network.requires_grad_(False)
    return found


def read(network, text: str) -> tuple[list[float], torch.Tensor]:
    """The surprise of each letter of the end but its first, and what comes next."""
    numbers = gpt.to_numbers(text[-gpt.WINDOW :])[None]
    log_probabilities = network(numbers)[0].log_softmax(dim=1)
    told = log_probabilities[:-1].gather(1, numbers[0, 1:, None])[:, 0]
    return (-told / math.log(2)).tolist(), log_probabilities[-1].exp()


def told(page) -> str:
    return page.locator("#nn-answer").inner_text()


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("text", [".", EXAMPLE, WRONG, LONG[: gpt.WINDOW]])
def test_the_logits_are_those_of_pytorch(page, networks, name, text):
    visit(page, "gpt")
    found = page.evaluate(
        "([name, text]) => nn.gpt.network(name, text).map(one => [...one.data])",
        [name, text],
    )
    right = networks[name](gpt.to_numbers(text)[None])[0]
    # 32-bit numbers of size 20 differ in their last digits
    assert_close(torch.tensor(found), right, atol=1e-4, rtol=1e-5)
    ours = torch.tensor(found).softmax(dim=1)
    assert_close(ours, right.softmax(dim=1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", KINDS)
def test_of_a_long_text_the_end_is_read(page, networks, name):
    visit(page, "gpt")
    found = page.evaluate("([name, text]) => nn.gpt.read(name, text)", [name, LONG])
    bits, following = read(networks[name], LONG)
    assert found["end"] == LONG[-gpt.WINDOW :]
    assert found["bits"] == pytest.approx(bits, abs=1e-3)
    assert_close(torch.tensor(found["next"]), following, atol=1e-5, rtol=0)


def test_what_is_told_is_what_pytorch_finds(page, networks):
    for name in KINDS:
        visit(page, "gpt", f"#network={name}")
        bits, following = read(networks[name], EXAMPLE)
        best = gpt.LETTERS[following.argmax()].replace(" ", "␣")
        mean = sum(bits) / len(bits)
        assert told(page).startswith(
            f"Next it expects {best}, probability {100 * following.max():.0f}%."
        )
        assert f"surprise it by {mean:.2f} bits on average." in told(page)
        assert told(page).endswith("True sentences: 1 of 1.")
        bars = page.locator("#nn-bars b").all_inner_texts()
        for shown, p in zip(bars, following.tolist(), strict=True):
            assert abs(int(shown.removesuffix("%")) - 100 * p) <= 0.51
        titles = page.locator("#nn-read li").evaluate_all(
            "all => all.map(x => x.title)"
        )
        assert titles == ["not asked", *[f"{b:.2f}" for b in bits]]


def test_what_the_tasks_of_gpt_promise_is_so(networks):
    place = WRONG.index("his")  # its i
    bits, _ = read(networks["masked"], WRONG)
    assert bits[place] > 5  # of the letter behind the h
    calm, _ = read(networks["masked"], EXAMPLE)
    assert calm[place] < 0.2
    cheat, _ = read(networks["unmasked"], EXAMPLE + LONG[:34])
    assert sum(cheat) / len(cheat) < 0.2
    texts = gpt.write(networks["masked"], gpt.to_numbers(".")[None].expand(20, 1), 100)
    assert gpt.share_allowed(texts) > 0.8


def test_letters_are_drawn_as_their_probabilities_say(page):
    visit(page, "gpt")
    chances = [0.0] * len(gpt.LETTERS)
    chances[3], chances[5] = 0.25, 0.75
    drawn = page.evaluate(
        "p => [0, 0.2, 0.3, 0.99, 1].map(chance => nn.gpt.choose(p, chance))", chances
    )
    letters = gpt.LETTERS
    assert drawn == [letters[3], letters[3], letters[5], letters[5], letters[5]]


def test_it_writes_by_keyboard_and_the_address_keeps_the_text(page):
    visit(page, "gpt", "#network=masked&text=.")
    assert told(page).startswith("Next it expects")
    page.evaluate("Math.random = () => 0.4")
    page.locator("#nn-more").focus()
    page.keyboard.press("Enter")
    text = page.locator("#nn-text").input_value()
    assert len(text) == 21 and text[0] == "."
    page.locator("#nn-one").focus()
    page.keyboard.press("Enter")
    longer = page.locator("#nn-text").input_value()
    assert len(longer) == 22 and longer.startswith(text)
    before = told(page)
    page.reload(wait_until="load")
    assert page.locator("#nn-text").input_value() == longer and told(page) == before
    page.locator("input[value=unmasked]").focus()
    page.keyboard.press("Space")
    assert "network=unmasked" in page.evaluate("location.hash") and page.wrong == []


def test_a_text_is_typed_and_strange_letters_are_refused(page):
    visit(page, "gpt")
    page.locator("#nn-text").fill("eva saw her pi")
    assert page.locator("#nn-read li").count() == 14
    page.locator("#nn-text").fill("eva saw 7")
    assert told(page).startswith("Not read. These are its letters: ␣ . a b")
    page.locator("#nn-text").fill("eva" * 134)
    assert told(page) == "Not read: it takes 400 letters at most."
    assert page.locator("#nn-read li").count() == 14
    page.locator("#nn-text").fill("")
    assert told(page) == "Not read: it needs at least one letter."
    assert page.locator("#nn-read li").count() == 14 and page.wrong == []


def test_what_is_strange_in_the_address_is_ignored_by_gpt(page):
    visit(page, "gpt")
    first = told(page)
    for settings in ("#network=both&text=zzz", "#text=%00", "#text=", "#network=<b>"):
        visit(page, "gpt", settings)
        assert told(page) == first and page.wrong == []


def test_a_finger_lets_it_write(new_context):
    page = new_context(has_touch=True, is_mobile=True, viewport=PHONE).new_page()
    visit(page, "gpt")
    page.get_by_role("button", name="A full stop").tap()
    page.get_by_role("button", name="Write 20").tap()
    assert len(page.locator("#nn-text").input_value()) == 21
