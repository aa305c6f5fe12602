"""What one touches on overfit's page: the browser finds the curves of PyTorch."""

import pytest
import torch
from pages import LESSONS
from test_play import PHONE, of_page, visit
from torch.testing import assert_close

from docs.play.export import BUILD

pytestmark = pytest.mark.skipif(
    "overfit" not in LESSONS, reason="NN_PAGES leaves overfit out"
)
LABELS = ["true", "shuffled"]


@pytest.fixture(scope="module")
def points():
    tensors = torch.load(BUILD / "overfit.pt", weights_only=True)
    return {name: tensor.double() for name, tensor in tensors.items()}


def powers(x, count: int):
    """A row for each number: 1, x, x², ..."""
    return torch.stack([x**n for n in range(count)], dim=1)


def solved(points, parameters: int, labels: str):
    """The curve of powers with so many parameters, by torch.linalg."""
    rows = powers(points["seen_x"], parameters)
    found = torch.linalg.lstsq(rows, points[labels][:, None]).solution

    def curve(x):
        return (powers(x, parameters) @ found)[:, 0]

    return curve


def errors(points, parameters: int, labels: str) -> list[float]:
    curve = solved(points, parameters, labels)
    found = []
    for xs, ys in [("seen_x", labels), ("unseen_x", "unseen_y")]:
        gaps = curve(points[xs]) - points[ys]
        found.append(gaps.square().mean().sqrt().item())
    return found


def told(points, parameters: int, labels: str) -> str:
    seen, unseen = errors(points, parameters, labels)
    many = f"{parameters} parameter{'s' * (parameters > 1)}"
    return (
        f"{many}, {labels} heights: error {seen:.2f} on the points it was made for, "
        f"{unseen:.2f} on unseen ones."
    )


@pytest.mark.parametrize("labels", LABELS)
def test_the_curves_and_their_errors_are_those_of_pytorch(page, points, labels):
    visit(page, "overfit")
    xs = torch.linspace(-1, 1, 31, dtype=torch.float64)
    for parameters in range(1, 9):
        call = "nn.overfit.heights(...given)"
        found = of_page(page, call, [parameters, labels, xs.tolist()])
        right = solved(points, parameters, labels)(xs).float()
        assert_close(found, right, atol=1e-5, rtol=1e-5)
        found = of_page(page, "nn.overfit.errors(...given)", [parameters, labels])
        right = torch.tensor(errors(points, parameters, labels))
        assert_close(found, right, atol=1e-5, rtol=1e-5)


def test_shuffled_heights_are_the_true_ones_in_another_order(points):
    true, shuffled = points["true"], points["shuffled"]
    assert not true.equal(shuffled)
    assert true.sort().values.equal(shuffled.sort().values)


def test_what_the_tasks_of_the_page_promise_is_so(points):
    seen = [errors(points, n, "true")[0] for n in range(1, 9)]
    assert seen == sorted(seen, reverse=True) and seen[-1] < 1e-6
    unseen = [errors(points, n, "true")[1] for n in range(1, 9)]
    assert min(unseen) < unseen[-1] and min(unseen) < unseen[0]
    learned, elsewhere = errors(points, 8, "shuffled")
    assert learned < 1e-6 and elsewhere > 2 * unseen[-1]


def test_parameters_move_by_arrow_key_and_heights_are_shuffled_by_a_click(page, points):
    visit(page, "overfit", "#parameters=3&labels=true")
    answer = page.locator("#nn-answer")
    assert answer.inner_text() == told(points, 3, "true")
    page.locator("#nn-parameters").focus()
    page.keyboard.press("ArrowRight")
    assert answer.inner_text() == told(points, 4, "true")
    assert page.locator("#nn-count").inner_text() == "4"
    page.get_by_label("shuffled", exact=True).check()
    assert answer.inner_text() == told(points, 4, "shuffled")
    page.locator("#nn-parameters").fill("1")
    assert answer.inner_text() == told(points, 1, "shuffled")
    assert page.locator("#nn-plot circle").count() == 15
    assert page.wrong == []


def test_the_address_keeps_the_settings_and_what_is_strange_is_ignored(page, points):
    visit(page, "overfit")
    first = page.locator("#nn-answer").inner_text()
    page.locator("#nn-parameters").fill("8")
    page.get_by_label("shuffled", exact=True).check()
    assert page.evaluate("location.hash") == "#parameters=8&labels=shuffled"
    page.reload(wait_until="load")
    assert page.locator("#nn-answer").inner_text() == told(points, 8, "shuffled")
    for strange in ("#parameters=9&labels=<b>", "#parameters=0", "#labels=constructor"):
        visit(page, "overfit", strange)
        assert page.locator("#nn-answer").inner_text() == first and page.wrong == []


def test_a_finger_shuffles_the_heights(new_context, points):
    page = new_context(has_touch=True, is_mobile=True, viewport=PHONE).new_page()
    visit(page, "overfit", "#parameters=8")
    page.get_by_label("shuffled", exact=True).tap()
    assert page.locator("#nn-answer").inner_text() == told(points, 8, "shuffled")
