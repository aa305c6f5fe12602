"""What the lab of lightning shows, as tests."""

import math
import re
import subprocess
import sys

import pytest
import shared
from lightning_lab import figure_losses, loops, reproduce, show
from playwright.sync_api import expect

import lightning

losses = "img[alt^='Losses of two loops']"


@pytest.fixture(autouse=True)
def small_digits(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # main() writes its picture
    load = lightning.load_digits
    monkeypatch.setattr(lightning, "load_digits", lambda _: load("digits"))


# The numbers


@pytest.mark.parametrize("epochs, seed", [(1, 0), (2, 3)])
def test_the_numbers_are_those_of_main(epochs, seed):
    with shared.alone():
        numbers = lightning.main(epochs=epochs, seed=seed, data="digits")
        shown = loops(lightning.MNISTDataModule(seed=seed), epochs, lightning.RATE)
    for name in "accuracy", "difference", "one_step_late":
        assert shown[name] == pytest.approx(numbers[name], abs=1e-12)


@pytest.mark.parametrize("size, lr", [(25, 1e-3), (1150, 0.1)])
def test_both_loops_agree_at_any_batch_size_and_learning_rate(size, lr):
    with shared.alone():
        shown = loops(lightning.MNISTDataModule(batch_size=size), 2, lr)
    assert len(shown["plain"]) == 2 * 1150 // size
    assert shown["difference"] <= lightning.MARGIN


def test_a_training_of_one_step_is_shown_too():
    with shared.alone():
        shown = loops(lightning.MNISTDataModule(batch_size=1150), 1, lightning.RATE)
        show(shown["plain"].tolist(), shown, total=1)
    assert shown["one_step_late"] == 0 and len(shown["ours"]) == 1


def test_without_lightning_the_plain_loop_alone_trains():
    with shared.alone():
        result = loops(lightning.MNISTDataModule(), 1, lightning.RATE, both=False)
    assert [*result] == ["plain"]


def test_the_command_line_gives_the_losses_on_the_screen(monkeypatch):
    assert "python lightning.py --seed 4<" in reproduce(3, 50, 3e-3, 4).text
    line = reproduce(1, 25, 3e-3, 0).text
    assert "python lightning.py --epochs 1 --batch_size 25<" in line
    line = reproduce(1, 575, 0.01, 4).text
    code = re.search('-c "(.*)"', line)[1]
    code = code.replace("(None, 575,", "(None, 575, 'digits',")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=shared.ROOT, capture_output=True, text=True
    )
    with shared.alone():
        data = lightning.MNISTDataModule(batch_size=575, seed=4)
        want = loops(data, 1, 0.01, both=False)["plain"]
    told = done.stdout.splitlines()[-1]
    assert [float(part.split("(")[1].rstrip(")")) for part in told.split()] == [
        pytest.approx(loss.item(), abs=1e-4) for loss in want
    ]


@pytest.mark.parametrize("worst", [math.nan, math.inf, 1e9])
def test_a_loss_that_explodes_is_still_drawn(worst):
    with shared.alone():
        shared.picture(figure_losses([2.3, worst, 2.0], 5, "Training"), "told")


# In the browser


def test_the_curve_grows_at_once_and_lightning_comes_to_lie_on_it(page, open_lab):
    open_lab("lightning")
    page.get_by_role("slider").nth(1).press("End")  # few steps, on real MNIST, too
    expect(page.get_by_text("--batch_size 1150")).to_be_visible()
    waits = {"timeout": 120_000}
    expect(page.get_by_text("what will Lightning's losses be?")).to_be_visible(**waits)
    page.get_by_role("button", name="Train with Lightning, too").click()
    expect(page.get_by_text("Largest difference: ")).to_be_visible(**waits)
    expect(page.get_by_text("Test accuracy of the best epoch: ")).to_be_visible()


def test_stop_stops_and_a_new_setting_starts_anew(page, open_lab, watch_and_stop):
    open_lab("lightning")
    slider = page.get_by_role("slider").first
    page.get_by_role("slider").nth(1).press("Home")  # batches of 10
    slider.press("End")  # 20 epochs
    told = page.locator("img[alt*=' of 2300'], img[alt*=' of 110000']")
    told.wait_for()
    watch_and_stop(lambda: page.locator(losses).get_attribute("src"), pictures=2)
    assert "Plain loop: step " in told.get_attribute("alt")
    slider.focus()
    page.keyboard.press("Home")
    told = page.get_by_text("what will Lightning's losses be?")
    expect(told).to_be_visible(timeout=120_000)


def test_by_keyboard_alone_and_reset(page, open_lab):
    open_lab("lightning")
    page.get_by_role("slider").nth(1).focus()
    page.keyboard.press("ArrowLeft")  # batches of 25
    expect(page.get_by_text("--batch_size 25")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("25, 0.01)")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("7")
    page.keyboard.press("Enter")
    expect(page.get_by_text("seed=7")).to_be_visible()
    page.get_by_role("button", name="Reset").press("Enter")
    expect(page.get_by_text("python lightning.py", exact=True)).to_be_visible()


def test_bad_numbers_get_a_friendly_line(page, open_lab):
    open_lab("lightning")
    seed = page.get_by_role("textbox", name="Seed")
    seed.fill("")
    seed.press("Enter")
    expect(page.get_by_text("Which seed?")).to_be_visible()
    seed.fill("99999999999")
    seed.press("Enter")
    expect(page.get_by_text(f"--seed {2**32 - 1}")).to_be_visible()
