"""What one touches on lstm's page: the browser computes what PyTorch does."""

import pytest
import torch
import torch.nn.functional as F
from pages import LESSONS
from test_play import PHONE, visit
from torch.testing import assert_close

from docs.play.export import BUILD
from tools.catalogue import lessons

lstm = lessons()["lstm"].module()

pytestmark = pytest.mark.skipif(
    "lstm" not in LESSONS, reason="NN_PAGES leaves lstm out"
)


@pytest.fixture(scope="module")
def tensors():
    return torch.load(BUILD / "lstm.pt", weights_only=True)


def network(tensors, bias: int, trained: int, turn: float = 0.0):
    """The network of the page, with so much added to all its forget biases."""
    model = lstm.Recaller()
    head = f"{bias}.{200 * trained}."
    names = [name for name in tensors if name.startswith(head)]
    model.load_state_dict({name.removeprefix(head): tensors[name] for name in names})
    model.requires_grad_(False)
    model.memory.bias_ih_l0[lstm.HIDDEN : 2 * lstm.HIDDEN] += turn
    return model


def letters(tensors, example: int, first: int) -> list[int]:
    numbers = tensors["examples"][example].long().tolist()
    numbers[0] = first
    return numbers


def inputs(numbers: list[int]) -> torch.Tensor:
    return F.one_hot(torch.tensor([numbers]), num_classes=7).float()


@pytest.mark.parametrize("turn", [-6.0, 0.0, 1.5])
@pytest.mark.parametrize("trained", [0, 1])
@pytest.mark.parametrize("bias", lstm.BIASES)
def test_states_products_and_answer_are_those_of_pytorch(
    page, tensors, bias, trained, turn
):
    visit(page, "lstm")
    model = network(tensors, bias, trained, turn)
    for example in range(3):
        numbers = letters(tensors, example, example)
        found = page.evaluate(
            """([network, letters, turn]) => {
              const found = nn.lstm.read(network, letters, turn);
              return [found.states.map(({data}) => [...data]), found.left,
                [...found.probabilities.data]];
            }""",
            [f"{bias}.{200 * trained}", numbers, turn],
        )
        states, left, probabilities = (torch.tensor(one) for one in found)
        x = inputs(numbers)
        right, _ = model.memory(x)
        assert_close(states, right[0], atol=1e-5, rtol=1e-5)
        assert_close(probabilities, model(x)[0].softmax(dim=0), atol=1e-5, rtol=1e-5)
        ours = lstm.copy_of(model.memory)
        with torch.enable_grad():
            products, _ = lstm.left_of_a_nudge(ours.double(), x.double(), True)
        assert_close(left, products.mean(dim=1).float(), atol=0, rtol=1e-3)


def test_the_networks_are_those_of_the_lesson(tensors):
    torch.set_num_threads(1)  # as the lesson does, and the export
    assert tensors["biases"].tolist() == lstm.BIASES
    torch.manual_seed(0)
    before = lstm.make_network(1)
    assert_close(network(tensors, 1, 0).state_dict(), before.state_dict())
    torch.manual_seed(5)
    share = lstm.recall(network(tensors, 6, 1), 100)
    assert share > 0.99 and lstm.recall(network(tensors, 0, 1), 100) < 0.45
    for row in tensors["examples"].long():
        assert len(row) == 100 and row[0] < 3 and row[-1] == 6


def said(tensors, bias, trained, first, example=0, turn=0.0) -> str:
    """What the page must say."""
    x = inputs(letters(tensors, example, first))
    p = network(tensors, bias, trained, turn)(x)[0].softmax(dim=0)
    best = int(p.argmax())
    right = "right" if best == first else "wrong"
    told = f"The network says {'KLM'[best]}, {100 * p[best]:.0f}%: {right}."
    return f"{'KLM'[first]} came first. {told}"


def answer(page) -> str:
    return page.locator("#nn-answer").inner_text()


def test_a_letter_is_put_first_by_keyboard_and_others_follow(page, tensors):
    visit(page, "lstm")
    for first, letter in enumerate("KLM"):
        page.get_by_role("button", name=f"Put {letter} first").focus()
        page.keyboard.press("Enter")
        assert answer(page) == said(tensors, 6, 1, first)
        assert answer(page).endswith("right.")
        assert page.locator("#nn-read").inner_text().startswith(f"{letter} ")
    before = page.locator("#nn-read").inner_text()
    page.get_by_role("button", name="Other letters").click()
    after = page.locator("#nn-read").inner_text()
    assert after != before and after.startswith("M ") and after.endswith("?")
    assert answer(page) == said(tensors, 6, 1, 2, example=1)
    assert page.wrong == []


def test_one_number_is_turned_and_the_memory_is_gone(page, tensors):
    visit(page, "lstm")
    page.locator("#nn-turn").focus()
    page.keyboard.press("Home")
    assert page.locator("#nn-is-turn").inner_text() == "−8"
    answers = set()
    for first, letter in enumerate("KLM"):
        page.get_by_role("button", name=f"Put {letter} first").click()
        assert answer(page) == said(tensors, 6, 1, first, turn=-8)
        answers.add(answer(page).split("says ")[1][0])
    assert len(answers) == 1
    assert "zeros behind the point" in page.locator("#nn-told").inner_text()
    page.locator("#nn-back").click()
    assert answer(page) == said(tensors, 6, 1, 2)


def test_the_time_step_moves_by_arrow_key_and_by_a_click(page, tensors):
    visit(page, "lstm")
    page.locator("#nn-step").focus()
    page.keyboard.press("ArrowLeft")
    assert "After time step 99," in page.locator("#nn-told").inner_text()
    box = page.locator("#nn-cells").bounding_box()
    page.locator("#nn-cells").click(position={"x": 0.195 * box["width"], "y": 60})
    told = page.locator("#nn-told").inner_text()
    assert "After time step 20," in told
    x = inputs(letters(tensors, 0, 0))
    ours = lstm.copy_of(network(tensors, 6, 1).memory)
    products, _ = lstm.left_of_a_nudge(ours, x, True)
    assert f"left {products[19].mean():.3f}." in told


def test_the_address_keeps_all_and_what_is_strange_is_ignored(page, tensors):
    visit(page, "lstm", "#bias=3&trained=0&first=2&example=4&turn=-1.5&step=7")
    assert answer(page) == said(tensors, 3, 0, 2, example=4, turn=-1.5)
    assert page.locator("#nn-step").input_value() == "7"
    assert not page.locator("#nn-trained").is_checked()
    visit(page, "lstm")
    first = answer(page)
    for strange in ("#bias=2&trained=2&first=3&turn=x", "#turn=9&step=101&example=99"):
        visit(page, "lstm", strange)
        assert answer(page) == first and page.wrong == []


def test_a_finger_chooses_another_network(new_context, tensors):
    page = new_context(has_touch=True, is_mobile=True, viewport=PHONE).new_page()
    visit(page, "lstm")
    page.locator("#nn-bias").select_option("0")
    page.get_by_role("button", name="Put L first").tap()
    assert answer(page) == said(tensors, 0, 1, 1)


def test_what_the_tasks_of_lstm_promise_is_so(tensors):
    for example in range(8):
        answers = {"as it is": [], "turned": [], "low": [], "raised": []}
        for first in range(3):
            x = inputs(letters(tensors, example, first))
            answers["as it is"].append(int(network(tensors, 6, 1)(x).argmax()))
            answers["turned"].append(int(network(tensors, 6, 1, -8)(x).argmax()))
            answers["low"].append(int(network(tensors, 0, 1)(x).argmax()))
            answers["raised"].append(int(network(tensors, 0, 1, 6)(x).argmax()))
        assert answers["as it is"] == [0, 1, 2]
        assert len(set(answers["turned"])) == len(set(answers["low"])) == 1
        assert answers["raised"] != [0, 1, 2]
