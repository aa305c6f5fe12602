"""What the lab of compare_blocks shows, as tests."""

import compare_blocks_lab
import pytest
import shared
from compare_blocks_lab import compare, figure_gradients, figure_losses
from playwright.sync_api import expect

import compare_blocks

GRADIENTS = "img[alt^='The gradient at each block']"


# The numbers


@pytest.mark.parametrize(("depth", "size", "seed"), [(50, 64, 0), (100, 24, 3)])
def test_gradients_and_readings_are_those_of_main(
    depth, size, seed, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)  # main saves its picture
    with shared.alone():
        want = compare_blocks.main(depth=depth, size=size, steps=5, seed=seed)
        untrained, _, _ = compare(depth, size, seed)
        measured, _, read = compare(depth, size, seed, 5)
    for name in compare_blocks_lab.STACKS:
        assert measured[name][0] == untrained[name][0] == want[f"left_{name}"]
        assert read[name] == want[f"read_{name}"]


def test_the_lines_are_the_gradients_and_the_lessons_law():
    with shared.alone():
        measured, predicted, _ = compare(80, 64, 0)
        ax = figure_gradients(measured, predicted).axes[0]
        whole = [line.get_ydata() for line in ax.lines[:8:2]]
        dashed = [line.get_ydata() for line in ax.lines[1:8:2]]
    for number, name in enumerate(compare_blocks_lab.STACKS):
        assert whole[number].tolist() == measured[name].tolist()
        assert dashed[number].tolist() == predicted[name].tolist()
    law = [(1 / 3) ** 40, (4 / 3) ** 40, 1, (1 + 1 / 240) ** 40]
    assert [line[0] for line in dashed] == pytest.approx(law, rel=1e-9)
    back = f"{measured['plain'][0]:.1g}"
    assert ax.get_title().startswith(f"A plain stack of depth 80 lets {back} of")


def test_before_training_nothing_is_said_to_read_and_after_it_the_losses_tell():
    with shared.alone():
        measured, predicted, read = compare(3, 8, 0)
        legend = figure_gradients(measured, predicted).axes[0].get_legend()
        assert [text.get_text() for text in legend.get_texts()] == [
            "plain",
            "residual",
            "plain orthogonal",
            "residual small",
            "predicted",
        ]
        shares = dict.fromkeys(compare_blocks_lab.STACKS, 0.5)
        legend = figure_losses([2.0] * 800, shares).axes[0].get_legend()
        assert legend.get_texts()[2].get_text() == "plain orthogonal: reads 50%"
    assert list(read) == compare_blocks_lab.STACKS


# In the browser


DOTS = """img => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [img.naturalWidth, img.naturalHeight];
    canvas.getContext("2d").drawImage(img, 0, 0);
    return canvas.toDataURL();
}"""


def look(page) -> tuple[str, str]:
    """The picture's address, new each time it is drawn, and its dots."""
    picture = page.locator(GRADIENTS)
    picture.evaluate("img => img.decode()")
    return picture.get_attribute("src"), picture.evaluate(DOTS)


def look_again(page, before: tuple[str, str]) -> tuple[str, str]:
    """The same, of the next picture that comes."""
    expect(page.locator(GRADIENTS)).not_to_have_attribute("src", before[0])
    return look(page)


def test_dragging_the_depth_to_100_changes_the_picture(page, open_lab):
    open_lab("compare_blocks")
    before = look(page)
    thumb = page.get_by_role("slider").first
    box = thumb.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x := x + 40, y, steps=4)
    while thumb.get_attribute("aria-valuenow") != "100":
        page.mouse.move(x := x + 1, y)
    page.mouse.up()
    line = page.get_by_text("python compare_blocks.py --depth 100", exact=True)
    expect(line).to_be_visible()
    assert look_again(page, before)[1] != before[1]


def test_depth_size_and_seed_by_keyboard_alone_and_reset(page, open_lab, at_rest):
    open_lab("compare_blocks")
    before = look(page)
    depth, size = (page.get_by_role("slider").nth(n) for n in range(2))
    depth.focus()
    page.keyboard.press("End")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Tab")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("7")
    page.keyboard.press("Enter")
    line = "python compare_blocks.py --depth 100 --size 56 --seed 7"
    expect(page.get_by_text(line, exact=True)).to_be_visible()
    changed = at_rest(lambda: look(page))
    assert changed[1] != before[1]
    page.get_by_role("button", name="Reset").press("Enter")
    expect(page.get_by_text("python compare_blocks.py", exact=True)).to_be_visible()
    look_again(page, changed)
    assert at_rest(lambda: look(page))[1] == before[1]
    expect(page.get_by_role("textbox", name="Seed")).to_have_value("0")
    for slider, value in (depth, "50"), (size, "64"):
        expect(slider).to_have_attribute("aria-valuenow", value)


def test_without_a_seed_it_asks_for_one_and_an_absurd_one_is_none(page, open_lab):
    open_lab("compare_blocks")
    seed = page.get_by_role("textbox", name="Seed")
    seed.fill("")
    seed.press("Enter")
    expect(page.get_by_text("Which seed?")).to_be_visible()
    expect(page.locator("img")).to_have_count(0)
    page.get_by_role("button", name="Train all four").click()
    expect(page.locator("img")).to_have_count(0)
    seed.fill("99999999999999")
    seed.press("Enter")
    expect(seed).to_have_value("4,294,967,295")  # the largest there is
    expect(page.get_by_text("--seed 4294967295")).to_be_visible()
    expect(page.locator(GRADIENTS)).to_be_visible()


def test_all_four_train_before_your_eyes_to_what_the_lesson_says(page, open_lab):
    open_lab("compare_blocks")
    page.get_by_role("slider").first.press("Home")  # one block: it takes a second
    expect(page.get_by_text("--depth 1", exact=False)).to_be_visible()
    page.get_by_role("button", name="Train all four").click()
    with shared.alone():
        _, _, learned = compare_blocks.compare(1, 64, 200, 0)
    shares = [f"{name.replace('_', ' ')} {learned[name]:.1%}" for name in learned]
    told = f"Reads after training: {'; '.join(shares)}"
    expect(page.get_by_text(told, exact=True)).to_be_visible()


def test_what_was_begun_for_other_settings_leaves_no_picture_behind(page, open_lab):
    open_lab("compare_blocks")
    page.get_by_role("button", name="Train all four").click()
    told = page.get_by_text("of 800", exact=False)
    told.wait_for()
    page.get_by_role("slider").first.press("ArrowRight")
    expect(told).to_have_count(0)
    page.wait_for_timeout(1000)
    expect(told).to_have_count(0)


def test_training_streams_and_stop_stops(page, open_lab, watch_and_stop):
    open_lab("compare_blocks")
    page.get_by_role("button", name="Train all four").click()
    told, before = page.get_by_text("of 800", exact=False), look(page)
    last = watch_and_stop(told.inner_text)
    assert 0 < int(last.split()[1]) < 800
    page.get_by_role("slider").first.press("ArrowRight")  # and nobody holds the lock
    look_again(page, before)
