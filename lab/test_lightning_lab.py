"""What the lab of lightning shows, as tests."""

import re
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import shared
from lightning_lab import figure_losses, loops, show
from playwright.sync_api import expect

import lightning

losses = "img[alt^='Losses of two loops']"
# pytest forgets what the lesson's hush() has silenced
ADVICE = "LeafSpec", "many workers", "Checkpoint directory", "GPU available"
pytestmark = [pytest.mark.filterwarnings(f"ignore:.*{words}") for words in ADVICE]


@pytest.fixture(autouse=True)
def empty_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # main() writes its picture


def digits(batch_size: int = 50, seed: int = 0) -> lightning.MNISTDataModule:
    return lightning.MNISTDataModule("digits", batch_size, seed)


# The numbers


@pytest.mark.parametrize("epochs, batch_size, seed", [(1, 50, 0), (2, 115, 3)])
def test_the_numbers_are_those_of_main(epochs, batch_size, seed):
    with shared.alone():
        numbers = lightning.main(epochs=epochs, batch_size=batch_size, seed=seed)
        shown = loops(digits(batch_size, seed), epochs)
    for name in "accuracy", "difference", "one_step_late":
        assert shown[name] == numbers[name]


@pytest.mark.parametrize("batch_size", [25, 1150])
def test_both_loops_agree_at_any_batch_size(batch_size):
    with shared.alone():
        shown = loops(digits(batch_size), 2)
    steps = list(range(1, 1 + 2 * 1150 // batch_size))
    assert [*shown["plain"]] == [*shown["ours"]] == steps
    assert shown["difference"] <= 1e-6 and shown["one_step_late"] > 1e-3


def test_a_training_of_one_step_is_shown_too():
    with shared.alone():
        shown = loops(digits(1150), 1)
        show([*shown["plain"].values()], shown, total=1)
    assert shown["one_step_late"] == 0 and len(shown["ours"]) == 1


def test_without_lightning_the_plain_loop_alone_trains():
    with shared.alone():
        result = loops(digits(), 1, both=False)
    assert [*result] == ["plain"]


def test_lightning_leaves_nothing_in_the_folder_and_nothing_in_the_data():
    given = digits(1150)
    with shared.alone():
        loops(given, 1)
    assert given.trainer is None and not list(Path().iterdir())


def test_lightnings_losses_are_drawn_from_the_first_step_again():
    with shared.alone():
        fig = figure_losses([5.0, 4.0, 3.0, 2.9, 1.9], 3, "Training")
        plain, ours = fig.axes[0].lines
        short = [plain.get_xdata(), plain.get_ydata(), ours.get_xdata()]
        fig = figure_losses([1.0] * 250, 200, "Training")
        many = [list(line.get_xdata()) for line in fig.axes[0].lines]
    assert [list(numbers) for numbers in short] == [[1, 2, 3], [5, 4, 3], [1, 2]]
    assert list(ours.get_ydata()) == [2.9, 1.9]
    assert many == [list(range(1, 200, 2)), list(range(1, 50, 2))]


@pytest.mark.parametrize("epochs, both, times", [(2, True, 2), (3, False, 1)])
def test_a_job_is_told_each_loss_of_each_loop_once(monkeypatch, epochs, both, times):
    monkeypatch.setattr(shared.mo, "Thread", threading.Thread)
    going_on = SimpleNamespace(should_exit=False)
    monkeypatch.setattr(shared.mo, "current_thread", lambda: going_on)
    shown = []
    monkeypatch.setattr(shared.mo.output, "replace", shown.append)
    jobs, given = [], digits(230)
    shared.start(
        jobs, lambda: loops(given, epochs, both), lambda losses, result: result
    )
    (job,) = jobs
    job.thread.join()
    total = epochs * len(given.train_dataloader())
    result = shown[-1]
    want = [
        loss for loop in ("plain", "ours")[:times] for loss in result[loop].values()
    ]
    assert len(job.losses) == times * total == len(want)
    assert job.losses == want


# In the browser


def test_the_curve_grows_at_once_and_lightning_comes_to_lie_on_it(page, open_lab):
    open_lab("lightning")
    page.get_by_role("slider").nth(1).press("End")  # few steps, on real MNIST, too
    expect(page.get_by_text("--batch_size 1150")).to_be_visible()
    waits = {"timeout": 120_000}
    expect(page.get_by_text("what will Lightning's losses be?")).to_be_visible(**waits)
    page.get_by_role("button", name="Train with Lightning, too").click()
    expect(page.get_by_text("Largest difference: ")).to_be_visible(**waits)
    told = page.get_by_text(re.compile(r"names \d+\.\d% of the unseen digits"))
    expect(told).to_be_visible()


def test_stop_stops_and_a_new_setting_starts_anew(page, open_lab, watch_and_stop):
    open_lab("lightning")
    slider = page.get_by_role("slider").first
    page.get_by_role("slider").nth(1).press("Home")  # batches of 10
    slider.press("End")  # 20 epochs
    told = page.locator("img[alt*=' of 2300'], img[alt*=' of 96000']")
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
    page.keyboard.press("Tab")  # data
    page.keyboard.press("Tab")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("7")
    page.keyboard.press("Enter")
    expect(page.get_by_text("--seed 7")).to_be_visible()
    page.get_by_role("button", name="Reset").press("Enter")
    line = re.compile(r"^python lightning.py( --data mnist)?$")
    expect(page.get_by_text(line)).to_be_visible()


def test_bad_numbers_get_a_friendly_line(page, open_lab):
    open_lab("lightning")
    seed = page.get_by_role("textbox", name="Seed")
    seed.fill("")
    seed.press("Enter")
    expect(page.get_by_text("Which seed?")).to_be_visible()
    seed.fill("99999999999")
    seed.press("Enter")
    expect(page.get_by_text(f"--seed {2**32 - 1}")).to_be_visible()
