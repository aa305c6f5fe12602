"""What one touches on normalize's page: the browser's batch of four is PyTorch's."""

import pytest
import torch
from pages import LESSONS
from test_play import PHONE, of_page, painted, same_picture, visit
from torch.testing import assert_close

from docs.play.export import BUILD
from tools.catalogue import lessons

pytestmark = pytest.mark.skipif(
    "normalize" not in LESSONS, reason="NN_PAGES leaves normalize out"
)
NORMS = ["batch", "running", "layer"]
NAMES = {
    "batch": "Batch norm",
    "running": "Batch norm with running statistics",
    "layer": "Layer norm",
}
BATCHES = [[3, 3, 3, 3], [3, 0, 7, 8], [5, 1, 1, 4], [9, 9, 2, 6]]


@pytest.fixture(scope="module")
def exported():
    return torch.load(BUILD / "normalize.pt", weights_only=True)


def scores(exported, kinds: list[int], norm: str, times: int = 1) -> torch.Tensor:
    """What the lesson's network says of a batch of these digits."""
    lesson = lessons()["normalize"].module()
    which = "layer" if norm == "layer" else "batch"
    network = lesson.Reader(which)
    weights = {
        name.removeprefix(f"{which}."): tensor.clone()
        for name, tensor in exported.items()
        if name.startswith(f"{which}.")
    }
    network.load_state_dict(weights)
    network = lesson.enlarge(network.double(), times).train(norm != "running")
    places = torch.arange(len(kinds))
    images = exported["digits"][torch.tensor(kinds), places].double()
    with torch.no_grad():
        return network(images)


def told(exported, kinds: list[int], norm: str, times: int = 1) -> str:
    chances = scores(exported, kinds, norm, times)[0].softmax(dim=-1)
    answer = chances.argmax().item()
    judged = "right" if answer == kinds[0] else "wrong"
    factor = "" if times == 1 else f", hidden weights times {times}"
    others = ", ".join(map(str, kinds[1:]))
    share = f"{100 * chances[answer].item():.0f}%"
    return (
        f"{NAMES[norm]}{factor}: this {kinds[0]}, in a batch with {others}, "
        f"is read as {answer} ({share}): {judged}."
    )


@pytest.mark.parametrize("norm", NORMS)
def test_the_scores_of_a_batch_are_those_of_pytorch(page, exported, norm):
    visit(page, "normalize")
    for kinds in BATCHES:
        for times in (1, 100):
            call = "nn.normalize.scores(...given)"
            found = of_page(page, call, [kinds, norm, times])
            right = scores(exported, kinds, norm, times).float()
            assert_close(found, right, atol=1e-5, rtol=1e-5)


def test_the_digits_are_unseen_ones_of_their_kinds(exported):
    lesson = lessons()["normalize"].module()
    _, (images, labels) = lesson.deal(seed=0)
    for kind in range(10):
        for place in range(4):
            same = (images == exported["digits"][kind, place]).all(dim=1)
            assert labels[same].tolist() == [kind]


def test_what_the_tasks_of_the_page_promise_is_so(exported):
    assert scores(exported, [3, 3, 3, 3], "batch")[0].argmax() != 3
    assert scores(exported, [3, 3, 3, 3], "layer")[0].argmax() == 3
    for kinds in BATCHES:
        alone = scores(exported, [kinds[0], 0, 0, 0], "running")[0]
        assert_close(scores(exported, kinds, "running")[0], alone)
        for norm, same in (("batch", True), ("layer", True), ("running", False)):
            before = scores(exported, kinds, norm)
            after = scores(exported, kinds, norm, 100)
            assert torch.allclose(before, after, atol=0.05, rtol=0.01) is same


def test_norm_factor_and_company_are_chosen_by_keyboard_and_mouse(page, exported):
    visit(page, "normalize", "#norm=batch&times=1&batch=3333")
    answer = page.locator("#nn-answer")
    kinds = [3, 3, 3, 3]
    assert answer.inner_text() == told(exported, kinds, "batch")
    page.get_by_label("layer norm", exact=True).check()
    assert answer.inner_text() == told(exported, kinds, "layer")
    page.get_by_label("running statistics").check()
    assert answer.inner_text() == told(exported, kinds, "running")
    page.locator("#nn-times").focus()
    page.keyboard.press("End")
    assert answer.inner_text() == told(exported, kinds, "running", 100)
    assert page.locator("#nn-factor").inner_text() == "100"
    page.get_by_label("batch norm", exact=True).check()
    page.get_by_label("Other 2").select_option("7")
    page.get_by_label("Asked").select_option("5")
    kinds = [5, 3, 7, 3]
    assert answer.inner_text() == told(exported, kinds, "batch", 100)
    for place, kind in enumerate(kinds):
        image = exported["digits"][kind, place]
        same_picture(painted(page, f"#nn-image{place}"), image)
    chances = scores(exported, kinds, "batch", 100)[0].softmax(dim=-1)
    bars = page.locator("#nn-bars b").all_inner_texts()
    assert bars == [f"{100 * chance:.0f}%" for chance in chances.tolist()]
    assert page.wrong == []


def test_the_address_keeps_the_settings_and_what_is_strange_is_ignored(page, exported):
    visit(page, "normalize")
    first = page.locator("#nn-answer").inner_text()
    page.get_by_label("layer norm", exact=True).check()
    page.locator("#nn-times").fill("2")
    page.get_by_label("Other 1").select_option("8")
    assert page.evaluate("location.hash") == "#norm=layer&times=10&batch=3833"
    page.reload(wait_until="load")
    expected = told(exported, [3, 8, 3, 3], "layer", 10)
    assert page.locator("#nn-answer").inner_text() == expected
    strange = ["#norm=<b>&times=7&batch=33", "#norm=constructor", "#batch=33a3"]
    for settings in strange:
        visit(page, "normalize", settings)
        assert page.locator("#nn-answer").inner_text() == first and page.wrong == []


def test_a_finger_chooses_the_norm(new_context, exported):
    page = new_context(has_touch=True, is_mobile=True, viewport=PHONE).new_page()
    visit(page, "normalize", "#batch=3333")
    page.get_by_label("layer norm", exact=True).tap()
    expected = told(exported, [3, 3, 3, 3], "layer")
    assert page.locator("#nn-answer").inner_text() == expected
