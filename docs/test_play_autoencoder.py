"""What one touches on autoencoder's page: the browser computes what PyTorch does."""

import itertools
import json
import re

import pytest
import torch
import torch.nn.functional as F
from pages import LESSONS
from test_play import PHONE, of_page, painted, same_picture, visit
from torch.testing import assert_close

import autoencoder
from docs.play.export import BUILD

pytestmark = pytest.mark.skipif(
    "autoencoder" not in LESSONS, reason="NN_PAGES leaves autoencoder out"
)


@pytest.fixture(scope="module")
def coded():
    """What autoencoder's page has; and the lesson's network with that decoder."""
    tensors = torch.load(BUILD / "autoencoder.pt", weights_only=True)
    network = autoencoder.SimpleAutoencoder(latent_dim=2).requires_grad_(False)
    for name, tensor in network.decoder.state_dict().items():
        tensor.copy_(tensors[f"decoder.{name}"])
    return tensors, network.decoder


def ring(page) -> tuple[float, float]:
    """The two numbers where the ring is, as the page says them."""
    text = page.locator("#nn-place").inner_text()
    x, y, _ = re.fullmatch(
        r"(-?\d\.\d\d) and (-?\d\.\d\d) draw this. Nearest digit: (\d).", text
    ).groups()
    return float(x), float(y)


def on_the_map(page, code) -> tuple[float, float]:
    """Where on the screen a code is."""
    box = page.locator("#nn-codes").bounding_box()
    codes = torch.load(BUILD / "autoencoder.pt", weights_only=True)["codes"]
    low, high = codes.amin(dim=0), codes.amax(dim=0)
    side = 1.08 * (high - low).max()
    x, y = ((torch.tensor(code) - (low + high - side) / 2) / side).tolist()
    return box["x"] + x * box["width"], box["y"] + (1 - y) * box["height"]


def test_the_decoder_draws_what_pytorch_draws(page, coded):
    visit(page, "autoencoder")
    _, decoder = coded
    for x in (-6.5, -2.0, 0.0, 0.3, 4.5):
        for y in (-4.5, -0.7, 0.0, 1.8, 5.0):
            call = "nn.autoencoder.decode(nn.tensor([2], given))"
            found = of_page(page, call, [x, y])
            right = decoder(torch.tensor([x, y])).view(1, 28, 28)
            assert_close(found, right, atol=1e-5, rtol=1e-5)


def test_the_digits_are_the_unseen_ones_and_pca_is_the_lessons(page, coded):
    visit(page, "autoencoder")
    tensors, decoder = coded
    images, _, unseen, labels = autoencoder.load_digits("digits")
    assert tensors["labels"].tolist() == labels.tolist()
    mean, directions = autoencoder.fit_pca(images.flatten(1), 2)
    flat = autoencoder.rebuild_with_pca(unseen.flatten(1), mean, directions)
    for index in (0, 7, 100, 359):
        found = of_page(page, "nn.autoencoder.digit(given)", index)
        assert_close(found, unseen[index], atol=1e-6, rtol=0)
        call = "nn.autoencoder.pca(nn.autoencoder.digit(given))"
        found = of_page(page, call, index)
        assert_close(found, flat[index].view(1, 28, 28), atol=1e-5, rtol=1e-5)
    ours = F.mse_loss(decoder(tensors["codes"]), unseen.flatten(1))
    pca = F.mse_loss(flat, unseen.flatten(1))
    told = json.loads((BUILD / "autoencoder.json").read_text(encoding="utf-8"))["told"]
    assert f"its error is {ours:.4f}" in told and f"two numbers {pca:.4f}." in told


def test_the_map_has_every_unseen_digit_at_its_code(page, coded):
    play = visit(page, "autoencoder")
    tensors, _ = coded
    characters = play.locator("#nn-codes text")
    shown = characters.all_text_contents()
    boxes = characters.evaluate_all(
        """all => all.map(e => e.getBoundingClientRect()).map(box =>
          [box.x + box.width / 2, box.y + box.height / 2])"""
    )
    right = zip(tensors["codes"].tolist(), tensors["labels"].tolist(), strict=True)
    right = sorted((*on_the_map(page, code), int(label)) for code, label in right)
    found = sorted((*box, int(label)) for box, label in zip(boxes, shown, strict=True))
    distances = torch.cdist(
        torch.tensor([one[:2] for one in right]), torch.tensor([f[:2] for f in found])
    )
    assert distances.amin(dim=1).max() < 3  # pixels
    assert sorted(one[2] for one in right) == sorted(one[2] for one in found)
    sizes = characters.evaluate_all("all => all.map(e => getComputedStyle(e).fontSize)")
    assert set(sizes) == {"14px", "24px"} and sizes.count("24px") == 1


def test_the_mouse_takes_the_ring_to_a_digit_and_the_arrow_keys_away(page, coded):
    visit(page, "autoencoder")
    tensors, decoder = coded
    unseen = autoencoder.load_digits("digits")[2]
    code, x, y = tensors["codes"][42], *tensors["codes"][42].tolist()
    page.locator("#nn-codes").scroll_into_view_if_needed()
    page.mouse.move(*on_the_map(page, (0.0, 0.0)))
    page.mouse.down()
    page.mouse.move(*on_the_map(page, (x, y)), steps=5)
    page.mouse.up()
    page.mouse.move(*on_the_map(page, (2.0, -2.0)))  # let go, it stays
    place = ring(page)
    assert abs(place[0] - x) < 0.03 and abs(place[1] - y) < 0.03
    same_picture(painted(page, "#nn-drawn"), decoder(torch.tensor(place)))
    index = (tensors["codes"] - torch.tensor(place)).norm(dim=1).argmin()
    same_picture(painted(page, "#nn-digit"), unseen[index])
    same_picture(painted(page, "#nn-ours"), decoder(tensors["codes"][index]))
    error = (decoder(code) - unseen[42].flatten()).square().mean()
    assert index == 42 and f"{error:.4f}" in page.locator("#nn-error").inner_text()
    above = page.evaluate("scrollY")
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown"):
        page.keyboard.press(key)
    assert abs(ring(page)[0] - place[0] - 0.1) < 1e-6 and ring(page)[1] == place[1]
    assert page.evaluate("scrollY") == above
    low, high = tensors["codes"].aminmax(dim=0)
    side = 1.08 * (high - low).max().item()
    edge = ((low + high)[1].item() - side) / 2
    for _ in range(int(side / 0.1) + 2):
        page.keyboard.press("ArrowDown")  # it stops at the edge
    assert abs(ring(page)[1] - edge) < 0.01 and edge < low[1]


def test_a_finger_moves_the_ring_on_a_phone_and_the_page_stays(new_context):
    page = new_context(has_touch=True, is_mobile=True, viewport=PHONE).new_page()
    visit(page, "autoencoder")
    page.locator("#nn-codes").scroll_into_view_if_needed()
    above, finger = page.evaluate("scrollY"), page.context.new_cdp_session(page)
    ways = {"touchStart": (0.0, 3.0), "touchMove": (1.0, -2.0)}
    for kind, code in ways.items():
        x, y = on_the_map(page, code)
        where = {"type": kind, "touchPoints": [{"x": x, "y": y}]}
        finger.send("Input.dispatchTouchEvent", where)
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert abs(ring(page)[0] - 1) < 0.1 and abs(ring(page)[1] + 2) < 0.1
    assert page.evaluate("scrollY") == above


def test_a_walk_mixes_the_codes_and_for_comparison_the_pixels(page, coded):
    visit(page, "autoencoder")
    tensors, decoder = coded
    unseen = autoencoder.load_digits("digits")[2]
    page.locator("#nn-from").select_option("2")
    page.locator("#nn-to").select_option("9")
    page.locator("#nn-walk").focus()
    for key in ("Home", *["ArrowRight"] * 25):
        page.keyboard.press(key)
    start, end = (tensors["labels"].tolist().index(digit) for digit in (2, 9))
    code = 0.75 * tensors["codes"][start] + 0.25 * tensors["codes"][end]
    assert page.locator("#nn-far").inner_text() == "25 %"
    assert_close(torch.tensor(ring(page)), code, atol=0.0051, rtol=0)
    same_picture(painted(page, "#nn-walked"), decoder(code))
    mixed = 0.75 * unseen[start] + 0.25 * unseen[end]
    same_picture(painted(page, "#nn-mixed"), mixed)
    same_picture(painted(page, "#nn-start"), unseen[start])
    page.keyboard.press("End")
    assert_close(torch.tensor(ring(page)), tensors["codes"][end], atol=0.0051, rtol=0)


def test_the_address_keeps_the_ring_and_the_walk(page):
    visit(page, "autoencoder")
    page.locator("#nn-to").select_option("7")
    page.locator("#nn-codes").focus()
    page.keyboard.press("ArrowUp")
    x, y = ring(page)
    settings = f"#x={x:g}&y={y:g}&from=6&to=7&walk=50"
    assert page.evaluate("location.hash") == settings
    before = painted(page, "#nn-drawn")
    page.reload(wait_until="load")
    assert ring(page) == (x, y) and page.locator("#nn-to").input_value() == "7"
    assert torch.equal(painted(page, "#nn-drawn"), before)


@pytest.mark.parametrize(
    "settings", ["#x=a&y=1", "#x=&y=", "#from=10&to=-1&walk=101", "#x=1e999&y=0", "#%"]
)
def test_autoencoder_ignores_what_is_strange_in_the_address(page, settings):
    visit(page, "autoencoder")
    before = page.locator("#nn-play").inner_text()
    visit(page, "autoencoder", settings)
    assert page.locator("#nn-play").inner_text() == before and page.wrong == []


def test_what_autoencoders_page_says_to_try_is_true(page, coded):
    tensors, decoder = coded
    codes, labels = tensors["codes"], tensors["labels"]
    ends = [(labels == digit).nonzero()[0].item() for digit in range(10)]
    of_a_third_kind = 0
    for one, other in itertools.combinations(range(10), 2):
        middle = (codes[ends[one]] + codes[ends[other]]) / 2
        nearest = labels[(codes - middle).norm(dim=1).argmin()].item()
        of_a_third_kind += nearest not in (one, other)
    assert of_a_third_kind > 10  # of 45
    unseen = autoencoder.load_digits("digits")[2].flatten(1)
    mean, directions = tensors["mean"], tensors["directions"]
    flat = autoencoder.rebuild_with_pca(unseen, mean, directions)
    ours = (decoder(codes) - unseen).square().mean(dim=1)
    worse = ours > (flat - unseen).square().mean(dim=1)
    in_the_middle = (codes.abs() < 1.5).all(dim=1)
    assert (worse & in_the_middle).sum() > 10 and worse.float().mean() < 0.2
