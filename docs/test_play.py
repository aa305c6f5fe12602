"""What is played with on the pages, in a real browser, from a plain folder on the disk.

What PyTorch computes here is what the browser must show.
"""

import base64
import json
import re

import pytest
import torch
import torch.nn.functional as F
from chromium import SITE
from pages import LESSONS, outside, wait_until
from test_docs import CONTRAST
from torch.testing import assert_close

import cnn
from docs.play.export import BUILD, HERE, script
from lab.pad import fit

PLAYED = [path.stem for path in sorted(HERE.glob("*.html")) if path.stem in LESSONS]
THREE = [(0.3, 0.22), (0.42, 0.14), (0.58, 0.14), (0.68, 0.25), (0.64, 0.38)]
THREE += [(0.48, 0.46), (0.64, 0.52), (0.72, 0.66), (0.64, 0.82), (0.46, 0.88)]
THREE += [(0.3, 0.8)]
DRAWINGS = {
    "three": [THREE],
    "seven": [[(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)], [(0.4, 0.5), (0.65, 0.5)]],
    "one": [[(0.5, 0.1), (0.5, 0.9)]],
    "a line along": [[(0.1, 0.5), (0.9, 0.55)]],
    "two dots": [[(0.4, 0.4)], [(0.6, 0.7)]],
}
needs_cnn = pytest.mark.skipif("cnn" not in LESSONS, reason="NN_PAGES leaves cnn out")
PHONE = {"width": 390, "height": 844}


def address(lesson: str) -> str:
    return (SITE / "gallery" / f"{lesson}.html").as_uri()


def visit(page, lesson: str, settings: str = ""):
    page.goto("about:blank")
    page.goto(address(lesson) + settings, wait_until="load")
    return page.locator("#nn-play")


def of_page(page, call: str, given=None) -> torch.Tensor:
    """What this JavaScript, which may use `given`, returns: a tensor of nn.js."""
    found = page.evaluate(
        f"""(given) => {{
          const found = {call};
          return {{shape: [...found.shape], data: [...found.data]}};
        }}""",
        given,
    )
    return torch.tensor(found["data"]).view(found["shape"])


def painted(page, canvas: str) -> torch.Tensor:
    """The pixels of a canvas that nn.paint has filled: 0 is white, 1 is black."""
    pixels = page.locator(canvas).evaluate(
        """canvas => [...canvas.getContext("2d").getImageData(
          0, 0, canvas.width, canvas.height).data].filter((_, i) => i % 4 == 0)"""
    )
    return 1 - torch.tensor(pixels) / 255


def same_picture(pixels: torch.Tensor, image: torch.Tensor) -> None:
    assert_close(pixels, image.clamp(0, 1).flatten(), atol=1 / 255, rtol=0)


# The layers


def told(tensor: torch.Tensor) -> dict:
    return {"shape": list(tensor.shape), "data": tensor.flatten().tolist()}


def of_layer(page, call: str, *tensors: torch.Tensor) -> torch.Tensor:
    """What this call of nn.js makes of the tensors."""
    page.goto("about:blank")
    page.add_script_tag(path=HERE / "nn.js")
    found = page.evaluate(
        f"""(all) => {{
          const [x, y, z] = all.map((one) => nn.tensor(one.shape, one.data));
          const found = {call};
          return {{shape: [...found.shape], data: [...found.data]}};
        }}""",
        [told(tensor) for tensor in tensors],
    )
    return torch.tensor(found["data"]).view(found["shape"])


LAYERS = {
    "nn.linear(x, y, z)": (F.linear, (7,), (5, 7), (5,)),
    "nn.linear(x, y)": (F.linear, (7,), (5, 7)),
    "nn.conv2d(x, y, z)": (F.conv2d, (3, 9, 8), (4, 3, 5, 5), (4,)),
    "nn.conv2d(x, y, z, 2, 2)": (
        lambda x, y, z: F.conv2d(x, y, z, stride=2, padding=2),
        (3, 9, 8),
        (4, 3, 5, 5),
        (4,),
    ),
    "nn.maxPool(x)": (lambda x: F.max_pool2d(x, 2), (3, 9, 8)),
    "nn.relu(x)": (F.relu, (4, 5)),
    "nn.tanh(x)": (torch.tanh, (4, 5)),
    "nn.sigmoid(x)": (torch.sigmoid, (4, 5)),
    "nn.softmax(x)": (lambda x: x.softmax(dim=0), (9,)),
    "nn.add(x, y)": (torch.add, (4, 5), (4, 5)),
    "nn.multiply(x, y)": (torch.mul, (4, 5), (4, 5)),
    "nn.row(x, 2)": (lambda x: x[2], (4, 5, 6)),
}


@pytest.mark.parametrize("call", LAYERS)
def test_a_layer_computes_what_pytorch_computes(page, call):
    layer, *shapes = LAYERS[call]
    tensors = [3 * torch.randn(shape) for shape in shapes]
    assert_close(of_layer(page, call, *tensors), layer(*tensors), atol=1e-5, rtol=1e-5)


def test_a_softmax_of_large_scores_is_no_nan(page):
    scores = torch.tensor([1000.0, 999.0, -1000.0])
    found = of_layer(page, "nn.softmax(x)", scores)
    assert_close(found, scores.softmax(dim=0))


def test_weights_reach_the_browser_to_the_last_bit(page):
    tensors = {"a": torch.randn(3, 4), "b": torch.tensor([1e-30, -0.1])}
    page.goto("about:blank")
    page.add_script_tag(path=HERE / "nn.js")
    page.add_script_tag(content=script(tensors, "some"))
    found = page.evaluate(
        """() => Object.entries(nn.load("some")).map(([name, {shape, data}]) =>
          [name, shape, [...new Uint8Array(data.buffer)]])"""
    )
    for name, shape, content in found:
        assert shape == list(tensors[name].shape)
        assert bytes(content) == tensors[name].numpy().tobytes()
    assert [name for name, _, _ in found] == ["a", "b"]


# Every page that can be played with


@pytest.mark.parametrize("lesson", PLAYED)
def test_the_page_has_the_weights_that_were_exported(lesson):
    text = (SITE / "play" / f"{lesson}.weights.js").read_text(encoding="utf-8")
    known = json.loads(text.partition(" = ")[2].strip().rstrip(";"))
    tensors = torch.load(BUILD / f"{lesson}.pt", weights_only=True)
    assert known.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert known[name]["shape"] == list(tensor.shape)
        content = base64.b64decode(known[name]["data"])
        assert content == tensor.float().contiguous().numpy().tobytes()


@pytest.mark.parametrize("lesson", PLAYED)
def test_from_a_disk_without_a_network_it_is_there_at_once(page, context, lesson):
    context.set_offline(True)
    play = visit(page, lesson)
    assert play.is_visible() and play.locator("[role=status]").first.inner_text()
    assert all(url.startswith(("file:", "data:")) for url in page.asked)
    assert outside(page.asked) == [] and page.wrong == []
    assert page.evaluate("location.hash") == ""  # it leaves the address alone


@pytest.mark.parametrize("lesson", PLAYED)
def test_everything_has_a_name_and_can_be_reached_by_keyboard(page, lesson):
    play = visit(page, lesson)
    names = play.evaluate(
        """play => [...play.querySelectorAll(
          "button, select, input, textarea, canvas, svg[role=img], [tabindex]")].map(
          e => e.ariaLabel || e.labels?.[0]?.textContent.trim()
          || (e.tagName === "BUTTON" && e.textContent.trim())
          || document.getElementById(e.getAttribute("aria-labelledby"))?.textContent
          || `? ${e.outerHTML.slice(0, 60)}`)"""
    )
    assert names and [name for name in names if name.startswith("?")] == []
    assert play.locator("[tabindex]:not([tabindex='0'])").count() == 0


@pytest.mark.parametrize("lesson", PLAYED)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_said_there_can_be_read(page, lesson, scheme):
    page.emulate_media(color_scheme=scheme)
    visit(page, lesson)
    assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("lesson", PLAYED)
def test_on_a_phone_nothing_is_wider_than_the_screen(new_context, lesson):
    page = new_context(has_touch=True, is_mobile=True, viewport=PHONE).new_page()
    play = visit(page, lesson)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    small = play.evaluate(
        """play => [...play.querySelectorAll("*")].filter(e => e.checkVisibility()
          && [...e.childNodes].some(n => n.nodeType == 3 && n.textContent.trim())
          && parseFloat(getComputedStyle(e).fontSize) < 12).map(e => e.textContent)"""
    )
    assert small == []


# cnn


@pytest.fixture(scope="module")
def network():
    return with_weights(cnn.ImageClassifierCNN(), "")


def with_weights(network, name: str):
    """This network with those weights of cnn's page whose names begin so."""
    weights = torch.load(BUILD / "cnn.pt", weights_only=True)
    network.load_state_dict({key: weights[name + key] for key in network.state_dict()})
    return network.requires_grad_(False)


def points(page, stroke):
    box = page.locator("#nn-draw").bounding_box()
    return [
        (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke
    ]


def draw(page, stroke=THREE):
    page.locator("#nn-draw").scroll_into_view_if_needed()
    first, *rest = points(page, stroke)
    page.mouse.move(*first)
    page.mouse.down()
    for point in rest:
        page.mouse.move(*point, steps=4)
    page.mouse.up()


def answer(page) -> tuple[int, int]:
    """The digit it reads, and its probability in percent."""
    text = page.locator("#nn-answer").inner_text()
    digit, share = re.fullmatch(r"It reads (\d), probability (\d+)%\.", text).groups()
    return int(digit), int(share)


@needs_cnn
@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_becomes_the_image_and_the_answer_of_pytorch(page, network, name):
    visit(page, "cnn")
    found = page.evaluate(
        """(strokes) => {
          const image = nn.cnn.ink(strokes), found = {image, ...nn.cnn.network(image)};
          return Object.entries(found).map(([name, {shape, data}]) =>
            [name, shape, [...data]]);
        }""",
        DRAWINGS[name],
    )
    found = {name: torch.tensor(data).view(shape) for name, shape, data in found}
    image = fit(DRAWINGS[name], mnist=False)
    layer1 = network.pool(network.conv1(image).relu())
    right = {
        "image": image,
        "map": network.conv1(image),
        "layer1": layer1,
        "layer2": network.pool(network.conv2(layer1).relu()),
        "probabilities": network(image).softmax(dim=1),
    }
    assert found.keys() == right.keys()
    for name, tensor in right.items():
        assert_close(found[name], tensor[0], atol=1e-5, rtol=1e-5)


@needs_cnn
def test_a_digit_drawn_by_mouse_is_read_and_cleared_by_keyboard(page, network):
    visit(page, "cnn")
    draw(page)
    digit, share = answer(page)
    bars = page.locator("#nn-bars b").all_inner_texts()
    assert len(bars) == 10 and bars[digit] == f"{share}%"
    page.locator("#nn-clear").focus()
    page.keyboard.press("Enter")
    assert page.locator("#nn-answer").inner_text() == "Draw a digit."
    assert "".join(page.locator("#nn-bars b").all_inner_texts()) == ""
    page.get_by_role("button", name="Take an unseen 8").click()
    page.mouse.click(*points(page, [(0.5, 0.5)])[0])
    assert "only a dot" in page.locator("#nn-answer").inner_text()
    assert page.locator("#nn-others").inner_text() == ""
    empty = network.pool(network.conv1(torch.zeros(1, 1, 28, 28)).relu())[0]
    assert_close(of_page(page, "nn.cnn.network(nn.tensor([1, 28, 28])).layer1"), empty)
    drawn = painted(page, "#nn-layer1").view(2 * 13 - 1, -1)  # not the maps of the 8
    tile = (empty[0] / empty.max()).clamp(0, 1)
    same_picture(drawn[:12, :12].flatten(), tile)


@needs_cnn
def test_a_finger_draws_on_a_phone_and_the_page_stays(new_context):
    page = new_context(has_touch=True, is_mobile=True, viewport=PHONE).new_page()
    visit(page, "cnn")
    page.locator("#nn-draw").scroll_into_view_if_needed()
    page.locator("#nn-clear").tap()
    above, finger = page.evaluate("scrollY"), page.context.new_cdp_session(page)
    where = [{"x": x, "y": y} for x, y in points(page, THREE)]
    kinds = ["touchStart", *["touchMove"] * (len(where) - 1)]
    for kind, point in zip(kinds, where, strict=True):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    answer(page)
    assert page.evaluate("scrollY") == above


@needs_cnn
def test_every_example_is_an_unseen_digit_and_is_answered_as_pytorch_does(
    page, network
):
    visit(page, "cnn")
    _, _, unseen, labels = cnn.load_digits("digits")
    examples = torch.load(BUILD / "cnn.pt", weights_only=True)["examples"]
    for digit in range(10):
        page.get_by_role("button", name=f"Take an unseen {digit}").click()
        (place,) = (unseen == examples[digit]).flatten(1).all(dim=1).nonzero()[:, 0]
        assert labels[place] == digit
        p = network(examples[digit][None])[0].softmax(dim=0)
        assert answer(page) == (p.argmax().item(), round(100 * p.max().item()))


@needs_cnn
def test_the_window_shows_25_products_and_moves_with_the_arrow_keys(page, network):
    visit(page, "cnn", "#digit=7&kernel=4")
    image = torch.load(BUILD / "cnn.pt", weights_only=True)["examples"][7, 0]
    kernel, bias = network.conv1.weight[4, 0], network.conv1.bias[4].item()
    page.locator("#nn-image").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    row, column = 11, 8
    window = image[row : row + 5, column : column + 5]
    shown = page.locator("#nn-products b").all_inner_texts()
    products = (window * kernel).flatten()
    for text, product in zip(shown, products.tolist(), strict=True):
        assert abs(float(text) - product) <= 0.0051
    numbers = re.findall(r"-?\d+\.\d+", page.locator("#nn-sum").inner_text())
    total = products.sum().item()
    for text, number in zip(numbers, (total, bias, total + bias), strict=True):
        assert abs(float(text) - number) <= 0.0051
    for _ in range(40):
        page.keyboard.press("ArrowRight")  # it stops at the edge
    products = (image[row : row + 5, 23:] * kernel).flatten()
    shown = page.locator("#nn-products b").all_inner_texts()
    for text, product in zip(shown, products.tolist(), strict=True):
        assert abs(float(text) - product) <= 0.0051
    assert page.wrong == []


@needs_cnn
def test_the_address_keeps_digit_and_kernel(page):
    visit(page, "cnn")
    page.get_by_role("button", name="Take an unseen 5").click()
    page.locator("#nn-kernel").select_option(index=9)
    assert page.evaluate("location.hash") == "#digit=5&kernel=9"
    before = page.locator("#nn-sum").inner_text()
    page.reload(wait_until="load")
    assert page.locator("#nn-kernel").input_value() == "9"
    assert page.locator("#nn-sum").inner_text() == before


@needs_cnn
def test_the_mlp_and_the_network_for_shuffled_pixels_answer_as_in_pytorch(page):
    visit(page, "cnn")
    weights = torch.load(BUILD / "cnn.pt", weights_only=True)
    mlp = with_weights(cnn.make_mlp(), "mlp.")
    other = with_weights(cnn.ImageClassifierCNN(), "shuffled.")
    for digit in (0, 3, 8):
        page.get_by_role("button", name=f"Take an unseen {digit}").click()
        image = weights["examples"][digit]
        shuffled = cnn.shuffle_pixels(image[None], weights["order"])
        same_picture(painted(page, "#nn-shuffled"), shuffled)
        told = page.locator("#nn-others").inner_text()
        found = re.findall(r"reads (\d), probability (\d+)%", told)
        for (reads, share), scores in zip(
            found, (mlp(image[None]), other(shuffled)), strict=True
        ):
            p = scores[0].softmax(dim=0)
            assert int(reads) == p.argmax()
            assert abs(int(share) - 100 * p.max()) <= 0.51


GREY = """() => {
  const map = document.getElementById("nn-map"), brush = map.getContext("2d");
  let grey = 0;
  for (let i = 0; i < 576; i++) {
    const x = 8 * (i % 24) + 4, y = 8 * Math.floor(i / 24) + 4;
    grey += brush.getImageData(x, y, 1, 1).data.join() === "200,200,200,255";
  }
  return grey;
}"""


@needs_cnn
def test_the_window_slides_and_the_map_fills_in_until_it_is_paused(page):
    visit(page, "cnn")
    assert page.evaluate(GREY) < 20  # the map is there
    page.get_by_role("button", name="Step", exact=True).click()
    page.get_by_role("button", name="Step", exact=True).click()
    assert page.evaluate(GREY) >= 560
    page.get_by_role("button", name="Slide it over the image").focus()
    page.keyboard.press("Enter")
    wait_until(page, f"({GREY})() < 540")
    page.get_by_role("button", name="Pause").click()
    before = page.evaluate(GREY)
    assert before > 20
    page.wait_for_timeout(200)
    assert page.evaluate(GREY) == before
    page.locator("#nn-image").press("ArrowDown")  # by hand: the whole map again
    assert page.evaluate(GREY) < 20 and page.wrong == []


@needs_cnn
def test_who_wants_no_motion_gets_the_whole_map_at_once(page):
    page.emulate_media(reduced_motion="reduce")
    visit(page, "cnn")
    page.get_by_role("button", name="Step", exact=True).click()
    page.get_by_role("button", name="Slide it over the image").click()
    assert page.evaluate(GREY) < 20
    assert page.get_by_role("button", name="Pause").count() == 0


@needs_cnn
def test_the_address_keeps_a_drawing(page):
    visit(page, "cnn", "#digit=7&kernel=2")
    page.locator("#nn-clear").click()
    draw(page)
    settings = page.evaluate("location.hash")
    assert re.fullmatch(r"#drawn=(\d{4})+&kernel=2", settings)
    before = page.locator("#nn-play").inner_text()
    visit(page, "cnn", settings)
    assert page.locator("#nn-play").inner_text() == before
    for strange in ("#drawn=123&kernel=99", "#drawn=-&digit=12"):
        visit(page, "cnn", strange)
        assert answer(page)[0] == 3 and page.wrong == []
