"""What one touches on diffusion's page: the browser walks as PyTorch does."""

import pytest
import torch
from pages import LESSONS
from test_play import PHONE, of_page, visit
from torch.testing import assert_close

from docs.play.export import BUILD
from tools.catalogue import lessons

diffusion = lessons()["diffusion"].module()

pytestmark = pytest.mark.skipif(
    "diffusion" not in LESSONS, reason="NN_PAGES leaves diffusion out"
)
STARTS = [(0.8, -0.4), (-2.0, 1.5), (0.0, -3.0), (2.9, 0.1)]
HEAPS = ["in the left heap", "in the right heap", "in the lower heap"]
NOWHERE = "in no heap, where hardly any data are"


@pytest.fixture(scope="module")
def guesses():
    tensors = torch.load(BUILD / "diffusion.pt", weights_only=True)
    network = diffusion.Denoiser(size=2, hidden=128)
    kept = {name: tensors[name] for name in network.state_dict()}
    network.load_state_dict(kept)
    return {"network": network.guess, "formula": diffusion.best_guess}


def walk(guesses, who: str, start, moves: int) -> torch.Tensor:
    places = diffusion.generate(guesses[who], torch.tensor([start]), moves)
    return torch.cat(places)


def told(guesses, who: str, start, moves: int) -> str:
    first, *_, last = walk(guesses, who, start, moves)
    near = (last - diffusion.CENTRES).norm(dim=1) < 3 * diffusion.WIDTH
    where = HEAPS[near.int().argmax()] if near.any() else NOWHERE
    places = [", ".join(f"{v:.2f}" for v in place.tolist()) for place in (first, last)]
    many = f"{moves} move{'s' * (moves > 1)}"
    return (
        f"The {who}, from the noise ({places[0]}) in {many}: to ({places[1]}), {where}."
    )


@pytest.mark.parametrize("who", ["network", "formula"])
def test_the_guesses_and_the_walks_are_those_of_pytorch(page, guesses, who):
    visit(page, "diffusion")
    for start in STARTS:
        for t in (0.05, 0.5, 1.0):
            call = "nn.diffusion.guess(...given)"
            found = of_page(page, call, [list(start), t, who])
            with torch.no_grad():
                right = guesses[who](torch.tensor([start]), torch.tensor([[t]]))[0]
            assert_close(found, right, atol=1e-5, rtol=1e-5)
        for moves in (1, 4, 20):
            call = "nn.diffusion.walk(...given)"
            found = of_page(page, call, [list(start), moves, who])
            # Near a border, a walk makes rounding errors larger.
            assert_close(found, walk(guesses, who, start, moves), atol=1e-4, rtol=0)


def test_what_the_tasks_of_the_page_promise_is_so(guesses):
    ends = torch.stack([walk(guesses, "formula", start, 1)[-1] for start in STARTS])
    the_mean = (diffusion.SHARES[:, None] * diffusion.CENTRES).sum(dim=0)
    assert_close(ends, the_mean.expand(4, 2))
    for start, heap in [((-2.9, 0.5), 0), ((2.9, 0.5), 1), ((0.0, -2.9), 2)]:
        for who in guesses:
            end = walk(guesses, who, start, 100)[-1]
            assert (diffusion.CENTRES - end).norm(dim=1).argmin() == heap
    grid = torch.cartesian_prod(torch.arange(-10, 11) / 10, torch.arange(-10, 11) / 10)
    ends = diffusion.generate(guesses["network"], grid, 100)[-1]
    assert 0.8 < diffusion.in_a_heap(ends) < 1  # one can find some that end in none


def test_moves_change_by_arrow_key_and_the_guesser_by_a_click(page, guesses):
    visit(page, "diffusion", "#moves=4&across=38&up=26&who=network")
    answer = page.locator("#nn-answer")
    assert answer.inner_text() == told(guesses, "network", (0.8, -0.4), 4)
    page.locator("#nn-moves").focus()
    page.keyboard.press("ArrowRight")
    assert answer.inner_text() == told(guesses, "network", (0.8, -0.4), 5)
    assert page.locator("#nn-count").inner_text() == "5"
    page.get_by_label("the formula", exact=True).check()
    assert answer.inner_text() == told(guesses, "formula", (0.8, -0.4), 5)
    page.locator("#nn-across").focus()
    page.keyboard.press("ArrowRight")
    page.locator("#nn-up").focus()
    page.keyboard.press("ArrowLeft")
    assert answer.inner_text() == told(guesses, "formula", (0.9, -0.5), 5)
    for name, value in (("across", "0.9"), ("up", "-0.5")):
        assert page.locator(f"#nn-is-{name}").inner_text() == value
        assert page.locator(f"#nn-{name}").input_value() == value
    assert page.locator("#nn-plane .nn-datum").count() == 200
    assert page.locator("#nn-path").get_attribute("d").count("L") == 5
    assert page.wrong == []


def test_a_click_into_the_plane_chooses_the_noise(page, guesses):
    visit(page, "diffusion", "#moves=1&who=formula")
    box = page.locator("#nn-plane").bounding_box()
    at = {"x": box["width"] * 0.25, "y": box["height"] * 0.125}
    page.locator("#nn-plane").click(position=at)
    found = page.locator("#nn-answer").inner_text()
    assert found.startswith("The formula, from the noise (-1.50, 2.2")
    assert page.evaluate("location.hash").startswith("#moves=1&across=15&up=5")
    assert page.wrong == []


def test_the_address_keeps_the_settings_and_what_is_strange_is_ignored(page, guesses):
    visit(page, "diffusion")
    first = page.locator("#nn-answer").inner_text()
    assert first == told(guesses, "network", (0.8, -0.4), 1)
    page.get_by_label("the formula", exact=True).check()
    page.locator("#nn-moves").fill("8")
    hash = page.evaluate("location.hash")
    assert hash == "#moves=100&across=38&up=26&who=formula"
    page.reload(wait_until="load")
    kept = page.locator("#nn-answer").inner_text()
    assert kept == told(guesses, "formula", (0.8, -0.4), 100)
    for strange in ("#moves=6&across=61&up=-1&who=<b>", "#moves=0", "#who=constructor"):
        visit(page, "diffusion", strange)
        assert page.locator("#nn-answer").inner_text() == first and page.wrong == []


def test_a_finger_chooses_the_noise(new_context, guesses):
    page = new_context(has_touch=True, is_mobile=True, viewport=PHONE).new_page()
    visit(page, "diffusion", "#moves=100&who=formula")
    before = page.locator("#nn-answer").inner_text()
    page.locator("#nn-plane").tap(position={"x": 80, "y": 100})
    assert page.locator("#nn-answer").inner_text() != before
    assert "in the left heap" in page.locator("#nn-answer").inner_text()
