"""What one touches on optimizers' page: the browser goes the way that PyTorch goes."""

import re

import pytest
import torch
from pages import LESSONS
from test_play import PHONE, visit
from torch.testing import assert_close

from docs.play.export import BUILD
from tools.catalogue import lessons

optimizers = lessons()["optimizers"].module()

pytestmark = pytest.mark.skipif(
    "optimizers" not in LESSONS, reason="NN_PAGES leaves optimizers out"
)
every_optimizer = pytest.mark.parametrize("name", optimizers.NAMES)
MOST = 5000  # steps


def starts() -> torch.Tensor:
    """The places that the browser has, with the 32 bits that it has of them."""
    tensors = torch.load(BUILD / "optimizers.pt", weights_only=True)
    return tensors["starts"].float().double()


def shown() -> int:
    """The ball that the lesson draws."""
    return (starts()[:, 0].abs() - 0.1).abs().argmin().item()


def check_roll(page, name: str, condition: int, angle: int) -> None:
    """The path of the ball that is drawn, and all steps, with the lesson's rate."""
    rate = optimizers.best_rate(name, condition, angle, starts(), MOST)
    path = optimizers.roll(name, condition, angle, starts(), rate, MOST)
    found = page.evaluate(
        f"nn.optimizers.roll('{name}', {condition}, {angle}, {rate!r})"
    )
    assert found["steps"] == optimizers.steps_of(path, MOST)
    ours = torch.tensor(found["path"], dtype=torch.float64)
    assert_close(ours, path[:, shown()], atol=1e-5, rtol=0)


@every_optimizer
@pytest.mark.parametrize("condition, angle", [(10, 0), (100, 20), (1000, 45)])
def test_the_path_and_the_steps_are_those_of_pytorch(page, name, condition, angle):
    visit(page, "optimizers")
    torch.set_num_threads(1)
    check_roll(page, name, condition, angle)


@every_optimizer
@pytest.mark.parametrize("angle", [0, 45])
def test_the_learning_rate_is_the_one_that_the_lesson_chooses(page, name, angle):
    visit(page, "optimizers")
    rate = optimizers.best_rate(name, 100, angle, starts(), MOST)
    found = page.evaluate(f"nn.optimizers.best('{name}', 100, {angle})")
    assert found["rate"] == pytest.approx(rate, rel=1e-6)


def steps(page, name: str, condition: int, angle: int) -> int:
    return page.evaluate(f"nn.optimizers.best('{name}', {condition}, {angle}).steps")


def test_what_the_tasks_of_optimizers_promise_is_so(page):
    visit(page, "optimizers")
    along = steps(page, "adam", 1000, 0)
    assert steps(page, "adam", 1000, 45) > 5 * along
    assert steps(page, "adam", 1000, 90) == along
    for name in ("gradient_descent", "momentum"):
        before = steps(page, name, 1000, 0)
        for angle in (1, 30, 45, 77, 90):
            assert abs(steps(page, name, 1000, angle) - before) <= 1
    descent = steps(page, "gradient_descent", 1000, 0)
    assert 95 < descent / steps(page, "gradient_descent", 10, 0) < 100
    rolling = steps(page, "momentum", 1000, 0)
    assert 12.5 < rolling / steps(page, "momentum", 10, 0) < 13.5
    for condition in (1, 3, 10, 30, 100, 300):
        assert steps(page, "adam", condition, 0) == along
    assert steps(page, "adam", 300, 45) < steps(page, "adam", 1000, 45)


def told(page) -> str:
    return page.locator("#nn-answer").inner_text()


def test_a_valley_is_turned_by_keyboard_and_the_steps_are_told(page):
    visit(page, "optimizers")
    along = steps(page, "adam", 1000, 0)
    assert told(page) == (
        f"Adam, condition number 1000, along the axes: {along} steps."
    )
    page.locator("#nn-angle").focus()
    for key in ("End", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
    assert page.locator("#nn-degrees").inner_text() == "88°"
    turned = steps(page, "adam", 1000, 88)
    assert told(page) == (
        f"Adam, condition number 1000, turned by 88°: {turned} steps."
        f" Along the axes: {along}."
    )
    page.get_by_label("Adam", exact=True).focus()
    page.keyboard.press("ArrowUp")
    assert told(page).startswith("Momentum, condition number 1000, turned by 88°: 204")
    page.locator("#nn-steepness").focus()
    page.keyboard.press("Home")
    assert page.locator("#nn-condition").inner_text() == "1"
    assert told(page).startswith("Momentum, condition number 1, turned by 88°: 1 steps")
    settings = "#optimizer=momentum&angle=88&condition=1"
    assert page.evaluate("location.hash") == settings and page.wrong == []


@every_optimizer
def test_the_address_keeps_what_was_chosen(page, name):
    settings = f"#optimizer={name}&angle=45&condition=300"
    visit(page, "optimizers", settings)
    assert page.locator(f"input[value={name}]").is_checked()
    assert page.locator("#nn-angle").input_value() == "45"
    assert page.locator("#nn-condition").inner_text() == "300"
    count = steps(page, name, 300, 45)
    assert re.search(rf"condition number 300, turned by 45°: {count} steps", told(page))
    rate = page.evaluate(f"nn.optimizers.best('{name}', 300, 45).rate")
    assert float(page.locator("#nn-rate").inner_text()) == pytest.approx(rate, rel=0.05)


def test_what_is_strange_in_the_address_is_ignored(page):
    visit(page, "optimizers")
    first = told(page)
    strange = ("#angle=91&optimizer=toString&condition=7", "#angle=-1&condition=<b>")
    for settings in strange:
        visit(page, "optimizers", settings)
        assert told(page) == first and page.wrong == []


def test_a_finger_turns_the_valley(new_context):
    page = new_context(has_touch=True, is_mobile=True, viewport=PHONE).new_page()
    visit(page, "optimizers")
    page.locator("#nn-angle").scroll_into_view_if_needed()
    box = page.locator("#nn-angle").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    angle = int(page.locator("#nn-angle").input_value())
    assert 43 <= angle <= 47 and f"turned by {angle}°" in told(page)
    page.get_by_role("radio", name="gradient descent").tap()
    assert told(page).startswith("Gradient descent")


def test_the_drawing_is_the_path_in_the_turned_valley(page):
    visit(page, "optimizers", "#optimizer=momentum&angle=30&condition=100")
    path = page.evaluate("nn.optimizers.best('momentum', 100, 30).path")
    drawn, rings = page.locator("#nn-valley").evaluate(
        """svg => [[...svg.querySelector("path").getAttribute("d").matchAll(
          /[ML](\\S+) ([^L]+)/g)].map(([, x, y]) => [+x, -y]),
          [...svg.querySelectorAll("ellipse")].map(one => [
            one.getAttribute("ry") / one.getAttribute("rx"),
            one.getAttribute("transform")])]"""
    )
    assert_close(torch.tensor(drawn), torch.tensor(path), atol=1e-4, rtol=0)
    # A ring of equal height is as much longer than wide as the root of the number says;
    # SVG turns to the right, so a turn to the left is a negative one.
    for ratio, turned in rings:
        assert ratio == pytest.approx(10) and turned == "rotate(-30)"
