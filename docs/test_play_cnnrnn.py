"""What one touches on cnnrnn's page: the browser computes what PyTorch does."""

import pytest
import torch
from pages import LESSONS
from test_play import PHONE, of_page, painted, same_picture, visit
from torch.testing import assert_close

import cnnrnn
from docs.play.export import BUILD

pytestmark = pytest.mark.skipif(
    "cnnrnn" not in LESSONS, reason="NN_PAGES leaves cnnrnn out"
)


@pytest.fixture(scope="module")
def filmed():
    """What cnnrnn's page has; and the lesson's network with those weights."""
    tensors = torch.load(BUILD / "cnnrnn.pt", weights_only=True)
    network = cnnrnn.ImageSequenceClassifierCNNRNN()
    network.load_state_dict({name: tensors[name] for name in network.state_dict()})
    return tensors, network.requires_grad_(False)


def chances(network, film: torch.Tensor) -> torch.Tensor:
    """The probabilities after each frame, (T, C)."""
    return network(film[None], every_frame=True)[0].softmax(dim=-1)


def percents(page) -> list[list[str]]:
    """What the table says: of each motion, after each frame that is shown."""
    rows = page.locator("#nn-frames tr").all()[1:]
    rows = [row.locator("td").all_inner_texts() for row in rows]
    return [[text.strip() for text in row if text.strip()] for row in rows]


def says(page, network, film: torch.Tensor, told: str) -> None:
    """The page must show the answers of PyTorch to this film, and say this of it."""
    p = chances(network, film)
    for shown, right in zip(percents(page), p.T, strict=True):
        for text, one in zip(shown, right.tolist(), strict=True):
            assert abs(float(text.strip("%")) - 100 * one) <= 0.51
    best = cnnrnn.MOTIONS[p[-1].argmax()]
    text = page.locator("#nn-answer").inner_text()
    assert text.startswith(f"It answers {best}, probability ") and told in text


@pytest.mark.parametrize("motion", cnnrnn.MOTIONS)
def test_a_film_and_its_answers_are_those_of_pytorch(page, filmed, motion):
    visit(page, "cnnrnn")
    tensors, network = filmed
    order = [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [2, 0, 5], [4]]
    assert page.locator("#nn-motion option").all_inner_texts() == cnnrnn.MOTIONS
    given = {"top": 23, "left": 9, "motion": cnnrnn.MOTIONS.index(motion)}
    for digit, frames in zip((0, 3, 8, 9), order, strict=True):
        film = cnnrnn.film(tensors["examples"][digit], 23, 9, motion)
        shot = """(() => {
          const image = nn.row(nn.load("cnnrnn").examples, given.digit);
          const all = nn.cnnrnn.film(image, given.top, given.left, given.motion);
          const chosen = given.frames.map((t) => all[t]);
          const join = (list) => ({shape: [list.length, ...list[0].shape],
            data: list.flatMap((one) => [...one.data])});
          return WHAT;
        })()"""
        given |= {"digit": digit, "frames": frames}
        found = of_page(page, shot.replace("WHAT", "join(chosen)"), given)
        assert torch.equal(found, film[frames])
        call = shot.replace("WHAT", "join(nn.cnnrnn.network(chosen))")
        right = chances(network, film[frames])
        assert_close(of_page(page, call, given), right, atol=1e-5, rtol=1e-5)


def test_a_step_of_the_gru_is_pytorchs(page, filmed):
    visit(page, "cnnrnn")
    _, network = filmed
    x, state = 3 * torch.randn(200), 2 * torch.rand(128) - 1
    call = """nn.cnnrnn.step(...given.map((one) => nn.tensor([one.length], one)))"""
    found = of_page(page, call, [x.tolist(), state.tolist()])
    _, right = network.gru(x[None, None], state[None, None])
    assert_close(found, right[0, 0], atol=1e-5, rtol=1e-5)


def test_the_examples_are_unseen_digits(filmed):
    _, _, unseen, labels = cnnrnn.load_digits("digits")
    for digit, example in enumerate(filmed[0]["examples"]):
        (place,) = (unseen == example).flatten(1).all(dim=1).nonzero()[:, 0]
        assert labels[place] == digit


def test_the_frames_are_played_backwards_shuffled_and_left_out(page, filmed):
    visit(page, "cnnrnn")
    tensors, network = filmed
    page.locator("#nn-digit").select_option("5")
    page.locator("#nn-motion").select_option("up")
    film = cnnrnn.film(tensors["examples"][5], 0, 8, "up")
    says(page, network, film, "Filmed: up, played as filmed: 1 2 3 4 5 6.")
    page.locator("#nn-backwards").focus()
    page.keyboard.press("Enter")
    says(page, network, film.flip(0), "Filmed: up, played backwards: 6 5 4 3 2 1.")
    same_picture(painted(page, "#nn-frames canvas >> nth=1"), film[4])
    page.locator("#nn-shown").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    says(page, network, film.flip(0)[:4], "played backwards: 6 5 4 3.")
    page.keyboard.press("End")
    orders = [list(range(6))]
    for _ in range(6):
        page.get_by_role("button", name="Shuffle").click()
        heads = page.locator("#nn-frames tr").first.locator("th").all_inner_texts()[1:]
        order = [int(text) - 1 for text in heads]
        assert sorted(order) == list(range(6)) and order != orders[-1]
        orders.append(order)
        says(page, network, film[order], " ".join(str(t + 1) for t in order))
    page.get_by_role("button", name="Play backwards").click()
    says(page, network, film[order[::-1]], "in mixed order")
    page.get_by_role("button", name="As filmed").click()
    says(page, network, film, "as filmed: 1 2 3 4 5 6.")


def test_the_start_is_moved_by_arrow_keys_and_by_mouse_around_the_edge(page, filmed):
    visit(page, "cnnrnn")
    tensors, network = filmed
    place = page.locator("#nn-place")
    place.focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowRight", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
    assert page.locator("#nn-start").inner_text() == "27 down, 8 to the right"
    film = cnnrnn.film(tensors["examples"][3], 27, 8, "left")
    says(page, network, film, "Filmed: left")
    same_picture(painted(page, "#nn-place"), film[0])
    same_picture(painted(page, "#nn-frames canvas >> nth=5"), film[5])
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 10 * box["width"] / 28, y + 3 * box["width"] / 28, steps=7)
    page.mouse.up()
    page.mouse.move(x, y)  # let go, it stays
    assert page.locator("#nn-start").inner_text() == "2 down, 26 to the right"


def test_a_finger_drags_the_digit_on_a_phone_and_the_page_stays(new_context):
    page = new_context(has_touch=True, is_mobile=True, viewport=PHONE).new_page()
    visit(page, "cnnrnn")
    page.locator("#nn-place").scroll_into_view_if_needed()
    box = page.locator("#nn-place").bounding_box()
    above, finger = page.evaluate("scrollY"), page.context.new_cdp_session(page)
    x, y, pixel = box["x"] + 60, box["y"] + 40, box["width"] / 28
    for kind, down in {"touchStart": 0, "touchMove": 12}.items():
        point = {"x": x, "y": y + down * pixel}
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert page.locator("#nn-start").inner_text() == "12 down, 8 to the right"
    assert page.evaluate("scrollY") == above


def test_the_address_keeps_the_film_and_its_order(page):
    visit(page, "cnnrnn")
    page.locator("#nn-motion").select_option("down")
    page.get_by_role("button", name="Play backwards").click()
    settings = "#digit=3&motion=down&top=0&left=8&order=654321&shown=6"
    assert page.evaluate("location.hash") == settings
    before = page.locator("#nn-play").inner_text()
    page.reload(wait_until="load")
    assert page.locator("#nn-play").inner_text() == before
    assert page.locator("#nn-motion").input_value() == "down"


@pytest.mark.parametrize(
    "settings",
    ["#digit=10&motion=away&top=28&left=-1", "#order=123455&shown=0", "#order=12345"],
)
def test_cnnrnn_ignores_what_is_strange_in_the_address(page, settings):
    visit(page, "cnnrnn")
    before = page.locator("#nn-play").inner_text()
    visit(page, "cnnrnn", settings)
    assert page.locator("#nn-play").inner_text() == before and page.wrong == []


def test_what_cnnrnns_page_says_to_try_is_true(filmed):
    tensors, network = filmed
    other = {"still": "still", "left": "right", "right": "left", "up": "down"}
    other["down"] = "up"
    for image in tensors["examples"]:
        for motion in cnnrnn.MOTIONS:
            film = cnnrnn.film(image, 0, 8, motion)
            assert chances(network, film)[0].max() < 0.5
            answer = chances(network, film.flip(0))[-1].argmax()
            assert cnnrnn.MOTIONS[answer] == other[motion]
    up = cnnrnn.film(tensors["examples"][1], 0, 8, "up")
    right = chances(network, up).argmax(dim=1) == cnnrnn.MOTIONS.index("up")
    assert right.tolist() == [False, False, True, True, True, True]
    film, answers = cnnrnn.film(tensors["examples"][3], 0, 8, "left"), []
    for _ in range(100):
        answers.append(chances(network, film[torch.randperm(6)])[-1].argmax().item())
    left, along = answers.count(1), answers.count(1) + answers.count(2)
    assert along >= 90 and 20 <= left <= 80
