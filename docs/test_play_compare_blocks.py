"""What one touches on compare_blocks's page: the browser computes what PyTorch does."""

import re

import pytest
import torch
from pages import LESSONS
from test_play import visit
from torch.testing import assert_close

import compare_blocks

pytestmark = pytest.mark.skipif(
    "compare_blocks" not in LESSONS, reason="NN_PAGES leaves compare_blocks out"
)
WIDTHS = [4, 16, 64]
MADE_OF = {  # the kind of block and the first weights of each stack
    "plain": ("plain", "pytorch"),
    "residual": ("residual", "pytorch"),
    "plain_orthogonal": ("plain", "orthogonal"),
    "residual_small": ("residual", "small"),
}


def stacks_of(name: str, depths: list[int], size: int, seed: int) -> list:
    """The lesson's stacks of these depths; but where the weights do not depend on the
    depth, the last blocks of the deepest."""
    if name != "residual_small":
        torch.manual_seed(seed)
        blocks = compare_blocks.make_blocks(name, 100, size)
        return [blocks[-depth:] for depth in depths]
    stacks = []
    for depth in depths:
        torch.manual_seed(seed)
        stacks.append(compare_blocks.make_blocks(name, depth, size))
    return stacks


def of_blocks(page, call: str) -> torch.Tensor:
    numbers = page.evaluate(f"nn.compare_blocks.{call}")
    return torch.tensor(numbers, dtype=torch.float64)


@pytest.mark.parametrize("name", compare_blocks.STACKS)
def test_the_lengths_are_those_that_the_lesson_measures(page, name):
    visit(page, "compare_blocks")
    torch.set_num_threads(1)  # as the lesson does, and the export
    depths = [1, 2, 37, 100]
    for size in WIDTHS:
        for seed in (0, 4):
            stacks = stacks_of(name, depths, size, seed)
            for depth, blocks in zip(depths, stacks, strict=True):
                x = torch.randn(1, size)
                right = compare_blocks.gradient_by_depth(blocks, x)
                found = of_blocks(page, f"measured('{name}', {size}, {depth})")
                assert found.shape == (5, depth + 1)
                assert_close(found[seed], right, atol=0, rtol=1e-5)


@pytest.mark.parametrize("name", compare_blocks.STACKS)
def test_the_law_is_the_lessons_and_the_formula_says_the_same(page, name):
    play = visit(page, "compare_blocks")
    text = play.locator(f"[data-law={name}]").text_content()
    factor = re.match(r"[\d +/()L]+", text.strip())[0].replace("3 L", "3 * L")
    power = re.search(r"(\(.*\)|1)L/2", text.strip())[1].replace("3 L", "3 * L")
    for depth in (1, 2, 26, 50, 100):
        right = compare_blocks.predicted_by_depth(name, depth)
        found = of_blocks(page, f"law('{name}', {depth})")
        assert_close(found, right, atol=0, rtol=1e-5)
        for formula in (factor, power):
            length = eval(formula, {"L": depth}) ** (depth / 2)
            assert length == pytest.approx(right[0].item())


def numbers_told(page) -> list[float]:
    """What the law leaves; the least and the most that came back."""
    text = page.locator("#nn-answer").inner_text()
    return [float(number) for number in re.findall(r"\d[\d.]*(?:e[+-]\d+)?", text)[-4:]]


@pytest.mark.parametrize("name", compare_blocks.STACKS)
def test_every_stack_can_be_chosen_and_is_told_and_kept_in_the_address(page, name):
    visit(page, "compare_blocks")
    kind, first = MADE_OF[name]
    page.locator("#nn-kind").select_option(kind)
    page.locator("#nn-first").select_option(first)
    page.locator("#nn-width").select_option("16")
    page.locator("#nn-depth").focus()
    for key in ("Home", "ArrowRight", "ArrowRight", "End", "ArrowLeft"):
        page.keyboard.press(key)
    assert page.locator("#nn-blocks").inner_text() == "99"
    law = compare_blocks.predicted_by_depth(name, 99)[0].item()
    back = of_blocks(page, f"measured('{name}', 16, 99)")[:, 0]
    right = [law, len(back), back.min().item(), back.max().item()]
    assert numbers_told(page) == pytest.approx(right, rel=0.06)  # two digits are told
    assert page.locator("[data-law]:visible").get_attribute("data-law") == name
    assert float(page.locator("#nn-law").inner_text()) == pytest.approx(law, rel=0.06)
    settings = f"#depth=99&kind={kind}&first={first}&width=16"
    assert page.evaluate("location.hash") == settings
    before = page.locator("#nn-answer").inner_text()
    page.reload(wait_until="load")
    assert page.locator("#nn-answer").inner_text() == before
    assert page.locator("#nn-first").input_value() == first and page.wrong == []


def test_another_kind_of_block_has_other_first_weights(page):
    visit(page, "compare_blocks", "#first=orthogonal")
    assert page.locator("#nn-first").input_value() == "orthogonal"
    page.locator("#nn-kind").select_option("residual")
    assert page.locator("#nn-first").input_value() == "pytorch"
    offered = page.locator("#nn-first option")
    values = offered.evaluate_all("all => all.map((option) => option.value)")
    assert values == ["pytorch", "small"]


def test_it_begins_as_the_lesson_does_and_ignores_what_is_strange(page):
    visit(page, "compare_blocks")
    first = page.locator("#nn-answer").inner_text()
    assert first.startswith("Through 50 plain blocks of 64 numbers")
    strange = ("#depth=0&kind=toString&width=5", "#depth=1e9&first=small", "#kind=<b>")
    for settings in strange:
        visit(page, "compare_blocks", settings)
        assert page.locator("#nn-answer").inner_text() == first and page.wrong == []


@pytest.mark.parametrize("name", compare_blocks.STACKS)
def test_every_line_stays_within_the_same_limits(page, name):
    kind, first = MADE_OF[name]
    for size in WIDTHS:
        visit(
            page,
            "compare_blocks",
            f"#depth=100&kind={kind}&first={first}&width={size}",
        )
        lines, axis = page.locator("#nn-plot").evaluate(
            """svg => [[...svg.querySelectorAll("path")].slice(-6).map(line => [
              ...line.getAttribute("d").matchAll(/[ML]([^,]+),([^L]+)/g)].map(
              ([, x, y]) => [+x, +y])), [...svg.querySelectorAll("text")].map(
              text => text.textContent)]"""
        )
        assert [len(line) for line in lines] == [101] * 6  # five stacks and the law
        heights = [y for line in lines for _, y in line]
        assert 34 <= min(heights) and max(heights) <= 330
        assert {"1e-32", "1e+08"} <= set(axis)


def test_what_the_tasks_of_compare_blocks_promise_is_so(page):
    visit(page, "compare_blocks")
    assert of_blocks(page, "law('plain', 25)")[0] > 1e-6
    assert of_blocks(page, "law('plain', 26)")[0] < 1e-6
    law = of_blocks(page, "law('plain', 100)")[0]
    ratios = of_blocks(page, "measured('plain', 4, 100)")[:, 0] / law
    assert ratios.max() < 1e-3 and ratios.max() / ratios.min() > 1000
    orthogonal = of_blocks(page, "measured('plain_orthogonal', 4, 100)")
    assert_close(orthogonal, torch.ones_like(orthogonal), atol=1e-5, rtol=1e-5)
    grown = of_blocks(page, "law('residual', 100)")[0]
    assert grown / of_blocks(page, "law('residual', 50)")[0] > 1000
    for depth in range(1, 101):
        assert of_blocks(page, f"law('residual_small', {depth})")[0] < 1.19
