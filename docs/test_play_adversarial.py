"""What one touches on adversarial's page: the browser attacks as PyTorch does."""

import pytest
import torch
from pages import LESSONS
from test_play import PHONE, of_page, painted, same_picture, visit
from torch.testing import assert_close

from docs.play.export import BUILD
from tools.catalogue import lessons

pytestmark = pytest.mark.skipif(
    "adversarial" not in LESSONS, reason="NN_PAGES leaves adversarial out"
)
NETWORKS = ["plain", "robust"]
WAYS = {"random": "at random", "gradient": "by the sign of its gradient"}
TRAININGS = {"plain": "plain", "robust": "adversarial"}
MANY = 40


@pytest.fixture(scope="module")
def lesson():
    return lessons()["adversarial"].module()


@pytest.fixture(scope="module")
def tensors():
    return torch.load(BUILD / "adversarial.pt", weights_only=True)


@pytest.fixture(scope="module")
def networks(lesson, tensors):
    found = {}
    for name in NETWORKS:
        found[name] = lesson.Reader()
        state = {
            key.removeprefix(f"{name}."): tensor
            for key, tensor in tensors.items()
            if key.startswith(f"{name}.")
        }
        found[name].load_state_dict(state)
    return found


def changed(lesson, tensors, networks, size: float, way: str, name: str):
    images, labels = tensors["images"], tensors["labels"].long()
    if way == "random":
        return (images + size * tensors["signs"]).clamp(0, 1)
    return lesson.fgsm(networks[name], images, labels, size)


@pytest.fixture
def read(lesson, tensors, networks):
    """What is said of a digit."""

    def told(digit: int, hundredths: int, way: str, name: str) -> str:
        size = hundredths / 100
        images = changed(lesson, tensors, networks, size, way, name)
        labels = tensors["labels"].long()
        right = round(MANY * lesson.accuracy(networks[name], (images, labels)))
        with torch.no_grad():
            chances = networks[name](images[digit : digit + 1]).softmax(dim=1)[0]
        sure = f"{100 * chances.max().item():.0f}%"
        return (
            f"{size:.2f} a pixel, {WAYS[way]}; {TRAININGS[name]} training: this "
            f"{labels[digit]} is read as {chances.argmax()} ({sure}). Of all {MANY} "
            f"digits, changed like this, {right} are read correctly."
        )

    return told


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_images_and_scores_are_those_of_pytorch(
    page, lesson, tensors, networks, name
):
    visit(page, "adversarial")
    labels = tensors["labels"].long()
    gradients = lesson.pixel_gradients(networks[name], tensors["images"], labels)
    for digit in (0, 7, 39):
        found = of_page(page, "nn.adversarial.gradients(...given)", [digit, name])
        assert_close(found, gradients[digit], atol=1e-5, rtol=1e-4)
    for size, way in ((0.0, "gradient"), (0.07, "random"), (0.1, "gradient")):
        images = changed(lesson, tensors, networks, size, way, name)
        given = [7, size, way, name]
        found = of_page(page, "nn.adversarial.changed(...given)", given)
        # Where a gradient is all but 0, its sign is a matter of rounding.
        same = (found - images[7]).abs() < 1e-5
        assert (~same).sum() <= 2
        with torch.no_grad():
            expected = networks[name](found[None])[0]
        found = of_page(page, "nn.adversarial.scores(...given)", given)
        assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_what_is_counted_is_what_pytorch_counts(page, lesson, tensors, networks):
    visit(page, "adversarial")
    labels = tensors["labels"].long()
    for name in NETWORKS:
        for size, way in ((0.0, "random"), (0.2, "random"), (0.1, "gradient")):
            images = changed(lesson, tensors, networks, size, way, name)
            right = round(MANY * lesson.accuracy(networks[name], (images, labels)))
            given = [size, way, name]
            found = of_page(page, "nn.adversarial.right(...given)", given)
            assert found.tolist() == [right]


def test_what_the_tasks_of_the_page_promise_is_so(lesson, tensors, networks):
    labels = tensors["labels"].long()

    def right(size, way, name):
        images = changed(lesson, tensors, networks, size, way, name)
        return lesson.accuracy(networks[name], (images, labels))

    ways = [right(size / 100, "gradient", "plain") for size in (0, 5, 10, 20)]
    assert ways == sorted(ways, reverse=True) and ways[-1] < 0.1
    for size in (0.1, 0.2):
        assert right(size, "random", "plain") > 0.85
    assert right(0.1, "gradient", "robust") > 0.5 > right(0.2, "gradient", "robust")


def test_signs_are_random_and_each_digit_has_its_own(tensors):
    signs = tensors["signs"]
    assert set(signs.unique().tolist()) == {-1.0, 1.0}
    assert signs.mean(dim=1).abs().max() < 0.15
    assert not signs[0].equal(signs[1])


def test_change_and_direction_and_network_are_chosen_by_key_and_click(
    page, lesson, tensors, networks, read
):
    visit(page, "adversarial", "#digit=3&size=9&way=gradient&network=plain")
    answer = page.locator("#nn-answer")
    assert answer.inner_text() == read(3, 9, "gradient", "plain")
    page.locator("#nn-size").focus()
    page.keyboard.press("ArrowRight")
    assert answer.inner_text() == read(3, 10, "gradient", "plain")
    assert page.locator("#nn-hundredths").inner_text() == "0.10"
    page.get_by_label("adversarial", exact=True).check()
    assert answer.inner_text() == read(3, 10, "gradient", "robust")
    page.get_by_label("random signs", exact=True).check()
    assert answer.inner_text() == read(3, 10, "random", "robust")
    page.locator("#nn-digit").fill("12")
    assert answer.inner_text() == read(12, 10, "random", "robust")
    assert page.locator("#nn-number").inner_text() == "13 of 40"
    label = int(tensors["labels"][12])
    assert page.locator("#nn-label").inner_text() == f"A {label}."
    images = changed(lesson, tensors, networks, 0.1, "random", "robust")
    same_picture(painted(page, "#nn-image"), images[12])
    assert page.locator("#nn-bars li").count() == 10
    assert page.wrong == []


def test_the_address_keeps_the_settings_and_what_is_strange_is_ignored(page, read):
    visit(page, "adversarial")
    first = page.locator("#nn-answer").inner_text()
    assert first == read(0, 10, "random", "plain")
    page.locator("#nn-size").fill("4")
    page.get_by_label("signs of the gradient", exact=True).check()
    kept = "#digit=0&size=4&way=gradient&network=plain"
    assert page.evaluate("location.hash") == kept
    page.reload(wait_until="load")
    assert page.locator("#nn-answer").inner_text() == read(0, 4, "gradient", "plain")
    for strange in (
        "#digit=40&size=21&way=<b>&network=constructor",
        "#size=-1",
        "#way=toString",
    ):
        visit(page, "adversarial", strange)
        assert page.locator("#nn-answer").inner_text() == first and page.wrong == []


def test_a_finger_chooses_the_direction(new_context, read):
    page = new_context(has_touch=True, is_mobile=True, viewport=PHONE).new_page()
    visit(page, "adversarial", "#size=10")
    page.get_by_label("signs of the gradient", exact=True).tap()
    assert page.locator("#nn-answer").inner_text() == read(0, 10, "gradient", "plain")
