"""What one touches on rnn's page: the browser computes what PyTorch does."""

import re

import pytest
import torch
import torch.nn.functional as F
from pages import LESSONS
from test_play import PHONE, visit
from torch.testing import assert_close

import rnn
from docs.play.export import BUILD

pytestmark = pytest.mark.skipif("rnn" not in LESSONS, reason="NN_PAGES leaves rnn out")
FAIR_25 = "LLKMKLMMKLKMKLMLMKKLMKLM"
SEQUENCES = ["", "K", "LLK", "MKLLKM", "KLMKLMKLMKLM", FAIR_25, "K" * 24]


@pytest.fixture(scope="module")
def reader():
    """Called with a start and a number of time steps, the network trained over them."""
    torch.set_num_threads(1)  # as the lesson does, and the export
    tensors = torch.load(BUILD / "rnn.pt", weights_only=True)

    def build(start: str, trained: int) -> rnn.SequenceClassifierRNN:
        network = rnn.SequenceClassifierRNN(4, 64, 3)
        head = f"{start}.{trained}."
        names = [name for name in tensors if name.startswith(head)]
        mine = {name.removeprefix(head): tensors[name] for name in names}
        network.load_state_dict(mine)
        return network.requires_grad_(False)

    return build


def one_hot(symbols: str) -> torch.Tensor:
    """What the network reads, (1, T, 4), with the question mark."""
    numbers = [rnn.SYMBOLS.index(symbol) for symbol in symbols + "?"]
    return F.one_hot(torch.tensor([numbers]), num_classes=4).float()


def said_of(reader, symbols: str, trained: int) -> list[str]:
    """What the page must say of both networks."""
    said = []
    for start in rnn.STARTS:
        p = reader(start, trained)(one_hot(symbols))[0].softmax(dim=0)
        best = rnn.SYMBOLS[p.argmax()]
        right = "right" if best == symbols[0] else "wrong"
        share = f"{best}, {100 * p.max():.0f}%: {right}."
        said.append(f"The network from the {start} start says {share}")
    return said


@pytest.mark.parametrize("trained", [0, 7, 13, 25])
@pytest.mark.parametrize("start", rnn.STARTS)
def test_states_answer_and_what_is_left_are_those_of_pytorch(
    page, reader, start, trained
):
    visit(page, "rnn")
    network = reader(start, trained)
    for symbols in SEQUENCES:
        found = page.evaluate(
            """([start, trained, sequence]) => {
              const found = nn.rnn.read(start, trained, sequence);
              return [found.states.map(({data}) => [...data]), found.left,
                [...found.probabilities.data]];
            }""",
            [start, trained, f"{symbols}?"],
        )
        states, left, probabilities = (torch.tensor(numbers) for numbers in found)
        x = one_hot(symbols)
        right = torch.cat(network.states(x, torch.zeros(1, 64)))
        assert_close(states, right, atol=1e-5, rtol=1e-5)
        p = network(x)[0].softmax(dim=0)
        assert_close(probabilities, p, atol=1e-5, rtol=1e-5)
        right = torch.tensor(rnn.gradient_left(network, x))
        assert_close(left, right, atol=0, rtol=5e-5)  # also of some millionths


def test_the_networks_are_those_of_the_lesson(reader):
    tensors = torch.load(BUILD / "rnn.pt", weights_only=True)
    assert tensors["waits"].tolist() == rnn.WAITS
    for row, start in enumerate(rnn.STARTS):
        share = rnn.learn_and_recall(start, 25, steps=200, seed=0)
        assert abs(tensors["right"][row, -1].item() - share) < 1e-6
        torch.manual_seed(0)
        before = rnn.make_network(start)
        assert_close(reader(start, 0).state_dict(), before.state_dict())
    for wait in rnn.WAITS:
        for row in tensors[f"examples.{wait}"].long():
            assert len(row) == wait and row[-1] == 3  # the question mark
            assert row.bincount().tolist() == [(wait - 1) // 3] * 3 + [1]


def test_a_sequence_is_typed_and_pushed_and_taken_back(page, reader):
    visit(page, "rnn")
    page.locator("#nn-sequence").fill("")
    assert page.locator("#nn-answer").inner_text() == "Type K, L or M."
    page.locator("#nn-sequence").press_sequentially("mk x?3lk")
    assert page.locator("#nn-sequence").input_value() == "MKLK"
    page.locator("#nn-trained").select_option("7")
    page.get_by_role("button", name="Add L").click()
    page.get_by_role("button", name="Add M").focus()
    page.keyboard.press("Enter")
    told = page.locator("#nn-answer").inner_text()
    assert told == " ".join(["M came first.", *said_of(reader, "MKLKLM", 7)])
    for start in rnn.STARTS:
        p = reader(start, 7)(one_hot("MKLKLM"))[0].softmax(dim=0)
        bars = page.locator(f"#nn-bars-{start} b").all_inner_texts()
        assert bars == [f"{100 * share:.0f}%" for share in p.tolist()]
    page.locator("#nn-back").click()
    assert page.locator("#nn-sequence").input_value() == "MKLKL"
    assert (
        "over 7 time steps, and this has 6" in page.locator("#nn-answer").inner_text()
    )
    page.locator("#nn-sequence").fill("kx")
    told = page.locator("#nn-answer").inner_text()
    assert told.startswith("Only K, L and M are read. K came first.")
    page.locator("#nn-sequence").fill("KL" * 30)
    assert page.locator("#nn-sequence").input_value() == "KL" * 12
    page.locator("#nn-trained").select_option("25")
    assert "equally often; here they do" in page.locator("#nn-answer").inner_text()
    assert page.wrong == []


def test_another_symbol_comes_first_and_each_is_as_often_as_before(page, reader):
    visit(page, "rnn", "#symbols=LLKMMK&trained=7")
    seen = []
    for _ in range(3):
        page.locator("#nn-swap").click()
        symbols = page.locator("#nn-sequence").input_value()
        assert sorted(symbols) == sorted("LLKMMK")
        told = page.locator("#nn-answer").inner_text()
        assert told == " ".join(
            [f"{symbols[0]} came first.", *said_of(reader, symbols, 7)]
        )
        seen.append(symbols[0])
    assert seen == ["M", "K", "L"]


def test_the_time_step_moves_by_arrow_key_and_by_a_click(page, reader):
    visit(page, "rnn", f"#symbols={FAIR_25}&trained=0&step=7")
    page.locator("#nn-step").focus()
    page.keyboard.press("ArrowLeft")

    def shown() -> list[float]:
        told = page.locator("#nn-told").inner_text()
        step, *left = re.search(
            r"step (\d+), .*?at most ([\d.]+) times .*? start, ([\d.]+) times", told
        ).groups()
        assert f"read {' '.join(FAIR_25[: int(step)])}" in told
        return [int(step), *map(float, left)]

    def right(step: int) -> list[float]:
        x = one_hot(FAIR_25)
        left = [rnn.gradient_left(reader(s, 0), x)[step - 1] for s in rnn.STARTS]
        return [step, *left]

    assert shown() == pytest.approx(right(6), rel=0.06)  # two digits are shown
    box = page.locator("#nn-state-orthogonal").bounding_box()
    page.locator("#nn-state-orthogonal").click(
        position={"x": 19.5 / 25 * box["width"], "y": 60}
    )
    assert shown() == pytest.approx(right(20), rel=0.06)
    assert page.locator("#nn-step").input_value() == "20"


def test_the_address_keeps_the_sequence_and_what_is_strange_is_ignored(page):
    visit(page, "rnn")
    first = page.locator("#nn-answer").inner_text()
    page.get_by_role("button", name="Take a sequence of 13 time steps").click()
    page.locator("#nn-trained").select_option("13")
    page.locator("#nn-step").fill("5")
    symbols = page.locator("#nn-sequence").input_value()
    assert page.evaluate("location.hash") == f"#symbols={symbols}&trained=13&step=5"
    before = page.locator("#nn-play [role=status]").all_inner_texts()
    page.reload(wait_until="load")
    assert page.locator("#nn-play [role=status]").all_inner_texts() == before
    for strange in ("#symbols=<b>&trained=8&step=x", "#trained=&step=-1", "#step=1e9"):
        visit(page, "rnn", strange)
        assert page.locator("#nn-answer").inner_text() == first and page.wrong == []


def test_a_finger_takes_a_sequence_and_every_example_comes_in_turn(new_context):
    page = new_context(has_touch=True, is_mobile=True, viewport=PHONE).new_page()
    visit(page, "rnn")
    seen = set()
    for _ in range(9):
        page.get_by_role("button", name="Take a sequence of 7 time steps").tap()
        seen.add(page.locator("#nn-sequence").input_value())
    examples = torch.load(BUILD / "rnn.pt", weights_only=True)["examples.7"]
    assert len(seen) == len(examples.unique(dim=0))


def test_what_the_tasks_of_rnn_promise_is_so(reader):
    torch.manual_seed(7)
    x, first = rnn.deal(500, 25)
    answers = reader("orthogonal", 25)(x).argmax(dim=1)
    assert (answers == first).float().mean() > 0.99
    for one in x[:10]:
        left = [rnn.gradient_left(reader(s, 0), one[None])[-1] for s in rnn.STARTS]
        assert 2e-6 < left[0] < 9e-6 and 0.35 < left[1] < 0.55
        assert rnn.gradient_left(reader("orthogonal", 25), one[None])[-1] > 1
    x, first = rnn.deal(500, 7)
    for start in rnn.STARTS:
        assert (reader(start, 13)(x).argmax(dim=1) == first).float().mean() < 0.9


def test_what_is_left_stays_within_the_plot(reader):
    torch.manual_seed(8)
    x, _ = rnn.deal(5, 25)
    all_same = torch.cat([one_hot(symbol * 24) for symbol in "KLM"])
    for start in rnn.STARTS:
        for trained in [0, *rnn.WAITS]:
            for one in [*x, *all_same]:
                left = rnn.gradient_left(reader(start, trained), one[None])
                assert 1e-6 < min(left) and max(left) < 1e3
