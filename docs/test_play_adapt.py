"""What one touches on adapt's page: the browser reads as PyTorch does."""

import pytest
import torch
from pages import LESSONS
from test_play import PHONE, of_page, visit
from torch.testing import assert_close

from docs.play.export import BUILD
from tools.catalogue import lessons

pytestmark = pytest.mark.skipif(
    "adapt" not in LESSONS, reason="NN_PAGES leaves adapt out"
)
LAYERS = ["first", "second", "third", "last"]


@pytest.fixture(scope="module")
def lesson():
    return lessons()["adapt"].module()


@pytest.fixture(scope="module")
def tensors():
    return torch.load(BUILD / "adapt.pt", weights_only=True)


def network(lesson, tensors, share: float, rank: int):
    """The lesson's network with this share of the update in its weights."""
    reader = lesson.Reader()
    with torch.no_grad():
        for name in LAYERS:
            layer = getattr(reader, name)
            update = tensors[f"{name}.columns.{rank}"] @ tensors[f"{name}.rows.{rank}"]
            layer.weight.copy_(tensors[f"{name}.weight"] + share * update)
            layer.bias.copy_(tensors[f"{name}.bias"])
    return reader


def right(lesson, tensors, share: float, rank: int) -> list[int]:
    """How many of the digits are read upright, and mirrored."""
    reader = network(lesson, tensors, share, rank)
    digits = tensors["images"], tensors["labels"].long()
    found = []
    for seen in (digits, lesson.mirror(digits)):
        found.append(round(len(digits[0]) * lesson.accuracy(reader, seen)))
    return found


def told(lesson, tensors, percent: int, rank: int) -> str:
    upright, mirrored = right(lesson, tensors, percent / 100, rank)
    return (
        f"With {percent} % of the update of rank {rank}, the network reads {upright} "
        f"of 100 unseen digits upright, and {mirrored} in a mirror."
    )


def test_the_scores_are_those_of_pytorch(page, lesson, tensors):
    visit(page, "adapt")
    digits = tensors["images"], tensors["labels"]
    for share, rank in ((0.0, 1), (0.3, 1), (1.0, 1), (0.5, 4), (1.0, 4)):
        reader = network(lesson, tensors, share, rank)
        for mirrored, (images, _) in enumerate((digits, lesson.mirror(digits))):
            call = "nn.adapt.scores(...given)"
            found = of_page(page, call, [7, mirrored, share, str(rank)])
            with torch.no_grad():
                expected = reader(images[7:8])[0]
            assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_what_is_counted_is_what_pytorch_counts(page, lesson, tensors):
    visit(page, "adapt")
    for share, rank in ((0.0, 1), (1.0, 1), (0.5, 4), (1.0, 4)):
        found = of_page(page, "nn.adapt.right(...given)", [share, str(rank)])
        assert found.tolist() == right(lesson, tensors, share, rank)


def test_what_the_tasks_of_the_page_promise_is_so(lesson, tensors):
    before = right(lesson, tensors, 0.0, 1)
    one = right(lesson, tensors, 1.0, 1)
    four = right(lesson, tensors, 1.0, 4)
    assert before[0] > one[0] and before[1] < one[1]
    assert four[1] > one[1]
    digits = tensors["images"], tensors["labels"].long()
    both = torch.ones(100, dtype=torch.bool)
    for share in (0.0, 1.0):
        reader = network(lesson, tensors, share, 1)
        for images, labels in (digits, lesson.mirror(digits)):
            both &= reader(images).argmax(dim=1) == labels
    found = digits[1][both].bincount(minlength=10)
    assert both.any() and found[[0, 1, 4, 8]].sum() > 0.7 * both.sum()


def test_share_and_rank_change_by_key_and_click(page, lesson, tensors):
    visit(page, "adapt", "#digit=3&share=90&rank=1")
    answer = page.locator("#nn-answer")
    assert answer.inner_text() == told(lesson, tensors, 90, 1)
    page.locator("#nn-share").focus()
    page.keyboard.press("ArrowRight")
    assert answer.inner_text() == told(lesson, tensors, 100, 1)
    page.get_by_label("4 (3,368 numbers)", exact=True).check()
    assert answer.inner_text() == told(lesson, tensors, 100, 4)
    page.locator("#nn-digit").fill("5")
    label = int(tensors["labels"][5])
    assert page.locator("#nn-label").inner_text() == f"a {label}"
    reader = network(lesson, tensors, 1.0, 4)
    digits = tensors["images"], tensors["labels"]
    for name, (images, _) in (
        ("upright", digits),
        ("mirrored", lesson.mirror(digits)),
    ):
        read = reader(images[5:6]).argmax().item()
        said = page.locator(f"#nn-says-{name}").inner_text()
        assert said.startswith(f"{name}: read as {read} (")
    assert page.wrong == []


def test_the_address_keeps_the_settings_and_what_is_strange_is_ignored(page):
    visit(page, "adapt")
    first = page.locator("#nn-answer").inner_text()
    page.locator("#nn-share").fill("40")
    page.get_by_label("4 (3,368 numbers)", exact=True).check()
    assert page.evaluate("location.hash") == "#digit=0&share=40&rank=4"
    kept = page.locator("#nn-answer").inner_text()
    page.reload(wait_until="load")
    assert page.locator("#nn-answer").inner_text() == kept
    for strange in ("#digit=100&share=41&rank=2", "#share=-1", "#rank=constructor"):
        visit(page, "adapt", strange)
        assert page.locator("#nn-answer").inner_text() == first and page.wrong == []


def test_a_finger_chooses_the_rank(new_context, lesson, tensors):
    page = new_context(has_touch=True, is_mobile=True, viewport=PHONE).new_page()
    visit(page, "adapt", "#share=100")
    page.get_by_label("4 (3,368 numbers)", exact=True).tap()
    assert page.locator("#nn-answer").inner_text() == told(lesson, tensors, 100, 4)
