"""What one touches on backprop's page: the browser's gradients are PyTorch's."""

import pytest
import torch
from pages import LESSONS
from test_play import PHONE, visit
from torch import nn

from docs.play.export import BUILD
from tools.catalogue import lessons

backprop = lessons()["backprop"].module()

pytestmark = pytest.mark.skipif(
    "backprop" not in LESSONS, reason="NN_PAGES leaves backprop out"
)


def first(a, b):
    return (a * b + a) * b


def second(a, b):
    return (a + b) * (a * b)


def third(a, b):
    return (a * b).relu() + a


FORMULAS = {"(a · b + a) · b": first, "(a + b) · (a · b)": second}
FORMULAS["relu(a · b) + a"] = third


def by_pytorch(formula, a: float, b: float) -> list[float]:
    """The value of y, and the gradients of a and b."""
    x = nn.Parameter(torch.tensor(a, dtype=torch.float64))
    z = nn.Parameter(torch.tensor(b, dtype=torch.float64))
    y = formula(x, z)
    y.backward()
    return [y.item(), x.grad.item(), 0.0 if z.grad is None else z.grad.item()]


def run(page, title: str, a: float, b: float) -> dict[str, dict]:
    return page.evaluate(
        """([title, a, b]) => {
          const tape = nn.backprop.forward(title, a, b);
          nn.backprop.backward(tape, 3, false);
          return tape;
        }""",
        [title, a, b],
    )


@pytest.mark.parametrize("title", FORMULAS)
def test_values_and_gradients_are_those_of_pytorch(page, title):
    visit(page, "backprop")
    assert page.evaluate("nn.backprop.TITLES") == list(FORMULAS)
    for a in (-5.0, -1.5, 0.0, 2.0, 4.5):
        for b in (-3.5, 0.0, 1.0, 3.0):
            tape = run(page, title, a, b)
            found = [tape["y"]["value"], tape["a"]["gradient"], tape["b"]["gradient"]]
            assert found == pytest.approx(by_pytorch(FORMULAS[title], a, b), abs=1e-5)


def test_it_begins_with_the_tape_of_the_lesson(page):
    visit(page, "backprop")
    tensors = torch.load(BUILD / "backprop.pt", weights_only=True)
    tape = run(page, "(a · b + a) · b", 2.0, 3.0)
    assert [tape[name]["value"] for name in "abcdy"] == tensors["values"].tolist()
    assert [tape[name]["gradient"] for name in "abcdy"] == tensors["gradients"].tolist()
    assert gradients(page) == {"y": "1"}  # who has not gone back, can predict
    assert page.locator("#nn-check").inner_text() == ""
    page.get_by_role("button", name="All the way back").click()
    assert gradients(page) == {"a": "12", "b": "14", "c": "3", "d": "3", "y": "1"}


def gradients(page) -> dict[str, str]:
    """What the boxes show."""
    words = page.locator("#nn-boxes text").all_text_contents()
    found = {}
    for box, below in zip(words, words[2:], strict=False):  # between is the value
        if below.startswith("gradient "):
            found[box[0]] = below.removeprefix("gradient ")
    return found


def told(page) -> str:
    return page.locator("#nn-says").inner_text()


def test_box_by_box_from_the_end_by_keyboard(page):
    visit(page, "backprop", "#at=3")
    page.locator("#nn-reset").focus()
    page.keyboard.press("Enter")
    assert gradients(page) == {"y": "1"} and "Nobody has had a turn yet" in told(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert gradients(page) == {"y": "1", "d": "3", "b": "8"}
    assert "y has handed 1 · 3 = 3 to d, and 1 · 8 = 8 to b." in told(page)
    page.keyboard.press("Enter")
    assert gradients(page) == {"y": "1", "d": "3", "b": "8", "c": "3", "a": "3"}
    page.keyboard.press("Enter")
    assert gradients(page) == {"y": "1", "d": "3", "b": "14", "c": "3", "a": "12"}
    assert "All are done: a has the gradient 12, and b 14." in told(page)
    page.keyboard.press("Enter")  # there is no more
    assert "All are done" in told(page) and page.wrong == []


def test_with_the_mistake_the_last_part_wipes_out_the_one_before(page):
    visit(page, "backprop", "#at=3")
    page.locator("#nn-wrong").focus()
    page.keyboard.press("Space")
    assert gradients(page)["a"] == "9" and gradients(page)["b"] == "6"
    check = page.locator("#nn-check").inner_text()
    assert "y grows 12 times as much as a, and 14.002 times as much as b" in check


def test_a_relu_below_0_hands_back_nothing(page):
    visit(page, "backprop", "#at=3")
    page.locator("#nn-formula").select_option(label="relu(a · b) + a")
    page.locator("#nn-b").focus()
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
    assert page.locator("#nn-is-b").inner_text() == "−1"
    assert gradients(page) == {"y": "1", "d": "1", "c": "0", "b": "0", "a": "1"}
    assert page.evaluate("location.hash") == "#formula=2&a=2&b=-1&at=3&wrong=0"


def test_a_box_is_dragged_and_all_gradients_follow(page):
    visit(page, "backprop", "#at=3")
    page.locator("#nn-graph").scroll_into_view_if_needed()
    box = page.locator("[data-name=a]").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    unit = box["width"] / 156
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 32 * unit, y, steps=4)
    assert page.locator("#nn-is-a").inner_text() == "3"
    assert gradients(page)["b"] == "21"  # 2 a b + a
    page.mouse.move(x - 2000, y, steps=4)
    page.mouse.up()
    assert page.locator("#nn-is-a").inner_text() == "−5"
    page.mouse.move(x, y)
    assert page.locator("#nn-is-a").inner_text() == "−5" and page.wrong == []


def test_a_finger_steps_back(new_context):
    page = new_context(has_touch=True, is_mobile=True, viewport=PHONE).new_page()
    visit(page, "backprop", "#at=3")
    page.get_by_role("button", name="Only forward").tap()
    page.get_by_role("button", name="One box back").tap()
    assert "y has handed" in told(page)
    page.get_by_role("button", name="All the way back").tap()
    assert "All are done" in told(page)


def test_the_address_keeps_the_graph_and_strange_ones_are_ignored(page):
    visit(page, "backprop", "#formula=1&a=-0.5&b=4&at=2&wrong=1")
    assert page.locator("#nn-is-a").inner_text() == "−0.5"
    assert page.locator("#nn-is-b").inner_text() == "4"
    assert page.locator("#nn-wrong").is_checked()
    assert "d has handed" in told(page)
    visit(page, "backprop")
    before = told(page)
    for strange in ("#formula=3&a=9&b=x&at=4", "#formula=-1&a=0.3&b=&at=1.5&wrong=2"):
        visit(page, "backprop", strange)
        assert told(page) == before and page.wrong == []
