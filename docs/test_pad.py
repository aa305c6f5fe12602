"""The pad on the cnn page, in a real browser, from a folder of a plain static server.

What PyTorch computes here is what the browser must show.
"""

import re

import pytest
import torch
from bundle import BUILD, SITE
from pages import needs_pad, outside
from test_docs import CONTRAST

import cnn
from lab.pad import fit

pytestmark = needs_pad
KEPT = BUILD / "pad.json"  # there, if the cnn page is
MNIST = KEPT.exists() and "MNIST" in KEPT.read_text(encoding="utf-8")
THREE = [(0.3, 0.22), (0.42, 0.14), (0.58, 0.14), (0.68, 0.25), (0.64, 0.38)]
THREE += [(0.48, 0.46), (0.64, 0.52), (0.72, 0.66), (0.64, 0.82), (0.46, 0.88)]
THREE += [(0.3, 0.8)]
SEVEN = [[(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)], [(0.4, 0.5), (0.65, 0.5)]]
WAVE = [(0.5 + 0.3 * (i % 40 - 20) / 20, 0.1 + i / 500) for i in range(400)]
DRAWINGS = {
    "three": [THREE],
    "seven": SEVEN,
    "one": [[(0.5, 0.1), (0.5, 0.9)]],
    "wave": [WAVE],
    "two dots": [[(0.4, 0.4)], [(0.6, 0.7)]],
}
HEAVY = re.compile(r"\.wasm|/ort\.js|\.onnx")
PAD = "#nn-pad > div canvas"


@pytest.fixture(scope="session")
def base_url(serve):
    return f"{serve(BUILD)}html/"  # the site may lie in a folder


@pytest.fixture(scope="module")
def net():
    net = cnn.ImageClassifierCNN()
    net.load_state_dict(torch.load(BUILD / "pad.pt", weights_only=True))
    return net.requires_grad_(False)


def layers(net, x):
    """What both layers make of the image, as the network hands it on."""
    one = net.pool(net.conv1(x).relu())
    return [one, net.pool(net.conv2(one).relu())]


def visit(page, base_url):
    page.goto(f"{base_url}gallery/cnn.html", wait_until="networkidle")
    page.locator(PAD).wait_for()
    page.locator("#nn-pad").evaluate("pad => pad.scrollIntoView({block: 'center'})")
    return page.locator("#nn-pad p")


def points(page, stroke):
    box = page.locator(PAD).bounding_box()
    return [
        (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke
    ]


def draw(page, stroke=THREE):
    first, *rest = points(page, stroke)
    page.mouse.move(*first)
    page.mouse.down()
    for point in rest:
        page.mouse.move(*point, steps=4)
    page.mouse.up()


def answer(page):
    """The digit it reads, when the page has come to rest."""
    told = page.locator("#nn-pad p")
    page.locator("#nn-pad.nn-pad-answered").wait_for()
    page.wait_for_timeout(500)
    return re.fullmatch(r"It reads (\d), probability (\d+)%", told.inner_text())


def test_a_three_drawn_by_mouse_is_read(page, base_url):
    headers = {}
    page.on("response", lambda r: headers.update({r.url: r.headers}))
    visit(page, base_url)
    assert not [url for url in page.asked if HEAVY.search(url)]  # nobody drew yet
    draw(page)
    digit = answer(page)[1]
    assert not MNIST or digit == "3"
    assert len([url for url in page.asked if HEAVY.search(url)]) == 3
    assert outside(page.asked) == [] and page.wrong == []
    assert not any("cross-origin" in name for all in headers.values() for name in all)
    assert page.evaluate("[crossOriginIsolated, typeof Worker]") == [False, "function"]


@pytest.mark.parametrize("name", DRAWINGS)
def test_the_browser_computes_what_pytorch_computes(page, base_url, net, name):
    visit(page, base_url)
    strokes = DRAWINGS[name]
    got = page.evaluate(
        """async (strokes) => {
          const {run} = await import("../pad/draw.js"), all = {};
          for (const [name, value] of Object.entries(await run(strokes)))
            all[name] = [[...value.data], [...value.dims]];
          const times = [];
          for (let i = 0; i < 50; i++) {
            const start = performance.now();
            await run(strokes);
            times.push(performance.now() - start);
          }
          return {all, times: times.sort((a, b) => a - b)};
        }""",
        strokes,
    )
    got, times = (
        {n: torch.tensor(v).view(s) for n, (v, s) in got["all"].items()},
        got["times"],
    )
    x = fit(strokes, MNIST)
    one, two = layers(net, x)
    right = {"image": x, "probabilities": net(x)[0].softmax(0)}
    right |= {"layer1": one, "layer2": two}
    assert {*got} == {*right}
    far = {n: (got[n] - right[n]).abs().max().item() for n in got}
    lines = sum(map(len, strokes))
    print(
        f"\n{name}, {lines} lines: median {times[25]:.1f} ms, longest {times[-1]:.1f}"
    )
    print({n: f"{v:.1e}" for n, v in far.items()})
    for n in got:
        torch.testing.assert_close(got[n], right[n], atol=1e-5, rtol=0)


def test_what_is_shown_is_what_was_computed(page, base_url, net):
    """The picture of the drawing, given to PyTorch, yields the pictures below it."""
    visit(page, base_url)
    draw(page)
    digit, p = map(int, answer(page).groups())
    shown = page.locator("#nn-pad figure canvas").evaluate_all(
        """all => all.map(c => {
          const {data} = c.getContext("2d").getImageData(0, 0, c.width, c.height);
          return [c.height, c.width, [...data].filter((_, i) => i % 4 == 0)];
        })"""
    )
    x, *maps = [1 - torch.tensor(v).view(h, w) / 255 for h, w, v in shown]
    x = x[None, None]
    right = layers(net, x)
    for picture, (layer,) in zip(maps, right, strict=True):
        side = layer.shape[-1]
        tiles = (
            picture.unfold(0, side, side + 1).unfold(1, side, side + 1).flatten(0, 1)
        )
        torch.testing.assert_close(tiles, layer / layer.max(), atol=0.06, rtol=0)
    bars = page.locator("#nn-pad li b").all_inner_texts()
    assert len(bars) == 10 and bars[digit] == f"{p}%"
    for bar, share in zip(bars, net(x)[0].softmax(dim=0), strict=True):
        assert abs(int(bar.removesuffix("%")) / 100 - share) < 0.06
    widths = page.locator("#nn-pad li i").evaluate_all(
        "all => all.map(i => getComputedStyle(i).getPropertyValue('--p'))"
    )
    assert [round(100 * float(w)) for w in widths] == [int(b[:-1]) for b in bars]


def test_a_finger_draws_on_a_phone_and_the_page_stays(new_context, base_url):
    phone = {"width": 390, "height": 844}
    page = new_context(has_touch=True, is_mobile=True, viewport=phone).new_page()
    visit(page, base_url)
    page.locator(PAD).scroll_into_view_if_needed()
    above, finger = page.evaluate("scrollY"), page.context.new_cdp_session(page)
    where = [{"x": x, "y": y} for x, y in points(page, THREE)]
    kinds = ["touchStart", *["touchMove"] * (len(where) - 1)]
    for kind, point in zip(kinds, where, strict=True):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    digit = answer(page)[1]
    assert not MNIST or digit == "3"
    assert page.evaluate("scrollY") == above
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#nn-pad figure canvas").last.bounding_box()["width"] <= 358


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_clear_clears_by_keyboard_and_contrast_is_aa(page, base_url, scheme):
    page.emulate_media(color_scheme=scheme)
    told = visit(page, base_url)
    ink = f"document.querySelector('{PAD}').getContext('2d')"
    ink += ".getImageData(0, 0, 280, 280).data.some(v => v)"
    hint = told.inner_text()
    draw(page)
    answer(page)
    assert page.evaluate(ink) and page.evaluate(CONTRAST) == []
    page.locator("#nn-pad button").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => !document.querySelector('.nn-pad-answered')")
    assert told.inner_text() == hint and not page.evaluate(ink)
    assert "".join(page.locator("#nn-pad li b").all_inner_texts()) == ""
    assert not page.locator("#nn-pad figure").first.is_visible()


def test_a_dot_gets_a_friendly_line_and_one_can_draw_on(page, base_url):
    told = visit(page, base_url)
    page.mouse.click(*points(page, [(0.5, 0.5)])[0])
    page.wait_for_function(
        "() => /only a dot/.test(document.querySelector('#nn-pad p').textContent)"
    )
    assert not page.locator("#nn-pad figure").first.is_visible()
    draw(page)
    assert answer(page), told.inner_text()


@pytest.mark.parametrize("lost", ["ort.js", "*.wasm", "network.onnx"])
def test_a_network_that_cannot_be_had_gets_a_friendly_line(page, base_url, lost):
    told = visit(page, base_url)
    broken = []
    page.on("pageerror", lambda error: broken.append(error))
    page.route(f"**/pad/{lost}", lambda route: route.abort())
    draw(page)
    page.wait_for_function(
        "() => /could not/.test(document.querySelector('#nn-pad p').textContent)"
    )
    assert "Reload the page" in told.inner_text() and broken == []


def test_from_a_disk_it_says_what_it_needs(page):
    page.goto((SITE / "gallery" / "cnn.html").as_uri(), wait_until="networkidle")
    assert "python -m http.server" in page.locator("#nn-pad p").inner_text()
    assert page.wrong == []
