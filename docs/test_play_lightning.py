"""What one touches on lightning's page: the browser computes what PyTorch does."""

import inspect
import sys

import pytest
import torch
from pages import LESSONS
from test_play import visit
from torch.utils.data import DataLoader

import lightning

pytestmark = pytest.mark.skipif(
    "lightning" not in LESSONS, reason="NN_PAGES leaves lightning out"
)
EPOCHS = 8  # as many as its page runs


def lines_that_run() -> list[dict]:
    """Python's own trace of fit_by_hand: each line, and what is true after it."""
    code = lightning.fit_by_hand.__code__
    source, start = inspect.getsourcelines(code)
    (made,) = [i for i, line in enumerate(source) if "configure_optimizers" in line]
    module, ran = lightning.OneWeight(), []

    def number(tensor: torch.Tensor | None) -> float | None:
        return None if tensor is None else tensor.item()

    def trace(frame, event, _):
        if frame.f_code is not code:
            return None
        if ran:  # the line before has run
            ran[-1]["weight"] = number(module.weight)
            ran[-1]["gradient"] = number(module.weight.grad)
            ran[-1]["loss"] = number(frame.f_locals.get("loss"))
        if event == "line":
            ran.append({"line": frame.f_lineno - start - made})
        return trace

    train_loader = DataLoader(torch.tensor([3.0, 3.0, 3.0]), batch_size=1)
    val_loader = DataLoader(torch.tensor([3.0]), batch_size=1)
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        lightning.fit_by_hand(module, train_loader, val_loader, epochs=EPOCHS)
    finally:
        sys.settrace(before)
    return ran


@pytest.mark.parametrize("forget", [False, True])
def test_the_page_runs_the_lines_that_python_runs(page, capsys, monkeypatch, forget):
    if forget:
        monkeypatch.setattr(torch.optim.SGD, "zero_grad", lambda self: None)
    right = lines_that_run()
    if forget:
        right = [one for one in right if one["line"] != 4]
    visit(page, "lightning")
    found = page.evaluate("forget => nn.lightning.runs[forget]", forget)
    assert [one["line"] for one in found] == [one["line"] for one in right]
    for one, other in zip(found, right, strict=True):
        for name in ("weight", "gradient", "loss"):
            assert (one[name] is None) == (other[name] is None)
            assert other[name] is None or abs(one[name] - other[name]) <= 1e-5
    ends = [one for one in found if "the end of epoch" in one["says"]]
    shown = [line for one in ends for line in one["printed"]]
    printed = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert shown == printed and len(ends) == EPOCHS
    assert len(found[-1]["path"]) == 1 + 3 * EPOCHS


def test_the_code_is_the_lesson_s(page):
    play = visit(page, "lightning")
    lines = play.locator("#nn-lines code").all_text_contents()
    loop = inspect.getsource(lightning.fit_by_hand)
    assert len(lines) == 9 and all(line in loop for line in lines)
    hooks = play.locator("#nn-hooks li").evaluate_all(
        "all => all.map(e => e.dataset.hook)"
    )
    assert hooks == ["configure_optimizers", "training_step", "validation_step"]
    body = play.locator("#nn-hooks code").all_text_contents()
    source = inspect.getsource(lightning.OneWeight).replace('"', "'")
    assert all(line in source for line in body if not line.startswith("def "))


def running(page) -> tuple[str, list[str]]:
    """The marked line and the marked hooks."""
    line = page.locator("#nn-lines [aria-current]").inner_text()
    hooks = page.locator("#nn-hooks [aria-current]")
    return line.strip(), hooks.evaluate_all("all => all.map(e => e.dataset.hook)")


def numbers(page) -> list[str]:
    cells = page.locator("#nn-numbers td").all_inner_texts()
    return [cell.split("→")[-1].strip() for cell in cells]


def test_step_by_step_with_the_keyboard_as_with_a_pencil(page):
    visit(page, "lightning")
    assert running(page)[1] == ["configure_optimizers"]
    assert numbers(page) == ["0", "None", "None"]
    page.locator("#nn-step").focus()
    seen = {}
    for _ in range(7):
        page.keyboard.press("Enter")
        line, hooks = running(page)
        seen[line.split("(")[0]] = (hooks, numbers(page))
    assert seen["loss = module.training_step"] == (
        ["training_step"],
        ["0", "None", "9"],
    )
    assert seen["optimizer.zero_grad"] == ([], ["0", "None", "9"])
    assert seen["loss.backward"] == ([], ["0", "−6", "9"])
    assert seen["optimizer.step"] == ([], ["1.5", "−6", "9"])
    page.keyboard.press("Enter")
    assert page.locator("#nn-says").inner_text().startswith("Line 4. ")
    assert numbers(page) == ["1.5", "−6", "2.25"]
    assert page.locator("#nn-numbers td").last.inner_text() == "9 → 2.25"
    printed = "training_step: weight 0.000, loss 9.0000\n"
    printed += "training_step: weight 1.500, loss 2.2500"
    assert page.locator("#nn-printed").inner_text() == printed
    page.get_by_role("button", name="Reset").click()
    assert numbers(page) == ["0", "None", "None"]


def test_epochs_run_to_their_end_and_the_loop_ends(page):
    visit(page, "lightning")
    run, weight = page.get_by_role("button", name="Run an epoch"), 0.0
    for epoch in range(1, EPOCHS + 1):
        run.click()
        weight = 3 - (3 - weight) / 8  # three steps, each halves the distance
        assert float(numbers(page)[0]) == pytest.approx(weight, abs=1e-4)
        assert f"the end of epoch {epoch}." in page.locator("#nn-says").inner_text()
        assert page.locator("#nn-printed").inner_text().count("\n") == 3
        assert page.locator("#nn-plot circle").count() == 3 * epoch + 1
    for _ in range(2):
        run.click()
        page.get_by_role("button", name="Step", exact=True).click()
        assert "the loop is over" in page.locator("#nn-says").inner_text()


def test_who_forgets_zero_grad_runs_past_the_target_and_never_settles(page):
    visit(page, "lightning")
    page.get_by_role("button", name="Run an epoch").click()
    assert numbers(page)[0] == "2.625"
    page.locator("#nn-forget").focus()
    page.keyboard.press("Space")  # the same place, had it always been forgotten
    assert "the end of epoch 1." in page.locator("#nn-says").inner_text()
    assert numbers(page)[0] == "5.625"
    assert page.locator("#nn-lines s").inner_text() == "optimizer.zero_grad()"
    assert page.locator("#nn-plot polyline").count() == 3  # also as it should have been
    weights = page.evaluate("nn.lightning.runs.true.at(-1).path")
    assert max(weights) == 6.1875
    swings = [max(abs(w - 3) for w in weights[i : i + 9]) for i in (1, 9, 16)]
    assert min(swings) > 3
    page.keyboard.press("Space")
    assert numbers(page)[0] == "2.625" and page.locator("#nn-lines s").count() == 0
    assert page.locator("#nn-plot polyline").count() == 2
    # zero_grad is marked, and then forgotten: there is no such line any more
    visit(page, "lightning", "#at=4")
    assert running(page)[0] == "optimizer.zero_grad()"
    page.locator("#nn-forget").click()
    assert running(page)[0].startswith("loss = module.training_step")


def test_the_address_keeps_the_place_in_the_run_and_strange_ones_are_ignored(page):
    visit(page, "lightning")
    page.locator("#nn-forget").click()
    page.get_by_role("button", name="Run an epoch").click()
    page.get_by_role("button", name="Step", exact=True).click()
    assert page.evaluate("location.hash") == "#at=18&forget=1"
    before = page.locator("#nn-says").inner_text()
    page.reload(wait_until="load")
    assert page.locator("#nn-says").inner_text() == before
    assert page.locator("#nn-forget").is_checked()
    for strange in ("#at=length", "#at=-1", "#at=100000", "#at=1.5&forget=x", "#at="):
        visit(page, "lightning", strange)
        assert running(page)[1] == ["configure_optimizers"] and page.wrong == []
