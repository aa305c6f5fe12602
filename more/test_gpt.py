"""What gpt.py claims, as tests."""

import copy
import math

import matplotlib.pyplot as plt
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import gradcheck
from torch.testing import assert_close

import gpt
from gpt import (
    BATCH,
    GPT,
    HER,
    LENGTH,
    LETTERS,
    LN2,
    NUMBER,
    RATE,
    SENTENCES,
    WINDOW,
    WRITERS,
    Block,
    SelfAttention,
    all_sentences,
    bits_by_place,
    chances,
    claim_holds,
    draw,
    figure,
    four_numbers,
    four_words,
    layer_norm,
    main,
    make_test,
    mean_surprise,
    means,
    print_loss,
    row,
    share_allowed,
    surprises,
    three_places,
    to_numbers,
    to_text,
    train,
    two_beliefs,
    whole_sentences,
    write,
)
from tools.contract import ModelContract
from tools.store import full

WORDS = ["cat.", "car.", "can.", "dog."]
V = len(LETTERS)


class Knower(nn.Module):
    """One who knows the source: the logarithms of the right probabilities, as soon as
    the beginning of the sentence was read; before, all letters are equally likely."""

    def forward(self, letters: Tensor) -> Tensor:
        logits = torch.full((*letters.shape, V), -100.0)
        for logit, numbers in zip(logits, letters, strict=True):
            text = to_text(numbers)
            for place in range(len(text)):
                seen = text[: place + 1]
                if "." not in seen:
                    logit[place] = 0.0
                    continue
                beginning = seen.rpartition(".")[2]
                for letter, probability in chances(beginning, SENTENCES).items():
                    logit[place, NUMBER[letter]] = math.log(probability)
        return logits


class Cheat(nn.Module):
    """One who says the next letter where it can see it, and else an a."""

    def forward(self, letters: Tensor) -> Tensor:
        following = letters.roll(-1, dims=1)
        following[:, -1] = NUMBER["a"]
        return 100.0 * F.one_hot(following, V)


class Always(nn.Module):
    """The same logits everywhere; remembers what it was asked."""

    def __init__(self, logits: Tensor):
        super().__init__()
        self.logits = logits
        self.asked = []

    def forward(self, letters: Tensor) -> Tensor:
        self.asked.append(letters.clone())
        return self.logits.expand(*letters.shape, V)


def some_text(count: int = 300) -> Tensor:
    return to_numbers("".join(draw(count)))


def some_windows(B: int = 3, T: int = WINDOW) -> Tensor:  # noqa: N803
    return torch.randint(V, (B, T))


class TestGPT(ModelContract):
    output = (3, V)

    def make(self):
        return GPT()

    def inputs(self, batch):
        return torch.randint(V, (batch, 3))

    def wrong_inputs(self):
        shapes = [(3,), (2, 3, 4), (2, WINDOW + 1)]
        return [torch.zeros(shape, dtype=torch.long) for shape in shapes]


# With a pencil: surprise and entropy


def test_the_chance_of_a_letter_is_the_share_of_the_sentences_that_go_on_with_it():
    """Among which sentences is the next letter counted?"""
    assert chances("", WORDS) == {"c": 3 / 4, "d": 1 / 4}
    assert chances("c", WORDS) == {"a": 1}
    assert chances("ca", WORDS) == {"t": 1 / 3, "r": 1 / 3, "n": 1 / 3}
    assert chances("dog", WORDS) == {".": 1}
    assert chances("a", SENTENCES) == {"m": 1 / 4, "n": 2 / 4, "l": 1 / 4}
    assert chances("ann", SENTENCES) == {" ": 1 / 2, "a": 1 / 2}


def test_a_letter_that_was_half_likely_surprises_by_one_bit():
    """How many bits is a letter that was certain, and one with the chance of 1/4?"""
    assert surprises("cat.", WORDS) == pytest.approx(
        [math.log2(4 / 3), 0, math.log2(3), 0]
    )
    assert surprises("dog.", WORDS) == [2, 0, 0, 0]
    assert surprises("anna ", ["anna ", "ann  "]) == [0, 0, 0, 1, 0]


def test_every_sentence_costs_its_coins_however_the_letters_share_them():
    for word in WORDS:
        assert sum(surprises(word, WORDS)) == pytest.approx(2)
    for sentence in SENTENCES[::7]:
        assert sum(surprises(sentence, SENTENCES)) == pytest.approx(8)


def test_who_believes_something_else_pays_more_as_pytorchs_loss_says(float64):
    truth = [1 / 2, 1 / 4, 1 / 4]
    assert mean_surprise(truth, truth) == 1.5
    for _ in range(20):
        belief = torch.randn(3).softmax(dim=0)
        ours = mean_surprise(truth, belief.tolist())
        theirs = F.cross_entropy(belief.log()[None], torch.tensor([truth])) / LN2
        assert ours == pytest.approx(theirs.item())
        assert ours > 1.5
    entropy = torch.distributions.Categorical(torch.tensor(truth)).entropy()
    assert entropy.item() / LN2 == pytest.approx(1.5)


def test_what_is_printed_with_a_pencil_is_equal_on_both_sides(capsys):
    four_words()
    two_beliefs()
    three_places()
    four_numbers()
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "    c 0.42   a 0.00   t 1.58   . 0.00   together 2.00 bits"
    assert lines[4] == "    d 2.00   o 0.00   g 0.00   . 0.00   together 2.00 bits"
    assert "    who knows of the coins 2.00   PyTorch: 2.00" in lines
    assert "    who believes in dog    2.19   PyTorch: 2.19" in lines
    places = [line for line in lines if "mask" in line]
    assert len(places) == 4
    for line, expected in zip(
        places,
        [[1, 1.5, 3], [3, 3, 3], [1, 1.5, 4], [4, 4, 4]],
        strict=True,
    ):
        said = line.partition("mask")[2]
        ours, theirs = said.split("PyTorch")
        assert [float(number) for number in ours.split()] == expected
        assert ours.split() == theirs.split()
    assert ["no mask" in line for line in places] == [False, True, False, True]
    assert [line[4:11] for line in places] == ["1, 2, 6"] * 2 + ["1, 2, 9"] * 2
    norms = [line for line in lines if ": -1.00" in line or "says" in line]
    assert len(norms) == 4
    for line in norms:
        assert line.split()[-4:] == ["-1.00", "-1.00", "1.00", "1.00"]


# The source


def test_eight_coins_choose_one_of_256_sentences_of_16_letters():
    """Does the name decide whether it is her or his, and is every sentence there?"""
    assert all_sentences() == SENTENCES
    assert len(set(SENTENCES)) == 256
    assert sum(map(len, SENTENCES)) == 256 * 16
    assert max(map(len, SENTENCES)) == 18 < WINDOW // 2
    for sentence in SENTENCES:
        name, _, whose, animal = sentence.split(" ")
        assert whose == ("her" if name in HER else "his")
        assert animal.endswith(".") and sentence.count(".") == 1
    assert "amy hid her goat." in SENTENCES and "bob had his ox." in SENTENCES


def test_her_or_his_stands_nine_letters_behind_the_beginning_of_a_name_at_most():
    distances = [sentence.index(" h", 5) + 1 for sentence in SENTENCES]
    assert max(distances) == 9


def test_every_sentence_is_drawn_as_often_as_any_other():
    drawn = draw(256 * 40)
    assert len(drawn) == 256 * 40
    counts = [drawn.count(sentence) for sentence in SENTENCES]
    assert min(counts) > 12 and max(counts) < 75
    assert drawn[:50] != draw(50)


def test_letters_become_numbers_and_come_back():
    assert V == 22 and " " in LETTERS and "." in LETTERS
    text = "amy hid her goat.bob had his ox."
    numbers = to_numbers(text)
    assert numbers.dtype == torch.long and to_text(numbers) == text
    assert len(set(NUMBER.values())) == V


# With a pencil: the mask and LayerNorm


def test_with_the_mask_a_place_is_the_mean_of_itself_and_those_before(float64):
    """Which values does the second of three places see?"""
    assert means([1.0, 2.0, 6.0], masked=True) == [1, 1.5, 3]
    assert means([1.0, 2.0, 6.0], masked=False) == [3, 3, 3]
    values = torch.randn(7, 1)
    nothing = torch.zeros(7, 2)
    for masked in (True, False):
        theirs = F.scaled_dot_product_attention(
            nothing, nothing, values, is_causal=masked
        )
        assert_close(torch.tensor(means(values[:, 0].tolist(), masked)), theirs[:, 0])


def test_layer_norm_is_pytorchs_and_does_not_notice_a_factor(float64):
    numbers = torch.randn(6)
    ours = torch.tensor(layer_norm(numbers.tolist()))
    assert_close(ours, F.layer_norm(numbers, (6,)))
    larger = torch.tensor(layer_norm((1e4 * numbers + 7).tolist()))
    assert_close(larger, ours, atol=1e-4, rtol=0)
    small = [0.001, -0.001]  # here the 0.00001 counts
    assert_close(
        torch.tensor(layer_norm(small)), F.layer_norm(torch.tensor(small), (2,))
    )


def test_a_row_has_two_decimals_and_five_letters_a_number():
    assert row([1.0, -0.5, 12.345]) == " 1.00 -0.50 12.35"


# Attention


def by_loops(attention: SelfAttention, x: Tensor) -> Tensor:
    """The same, one text, one head and one place after the other."""
    B, T, D = x.shape
    K = D // attention.heads
    outputs = torch.zeros(B, T, D)
    q, k, v = attention.query(x), attention.key(x), attention.value(x)
    for b in range(B):
        for h in range(attention.heads):
            piece = slice(h * K, (h + 1) * K)
            for t in range(T):
                seen = t + 1 if attention.masked else T
                scores = k[b, :seen, piece] @ q[b, t, piece] / math.sqrt(K)
                weights = scores.exp() / scores.exp().sum()
                outputs[b, t, piece] = weights @ v[b, :seen, piece]
    return attention.mix(outputs)


@pytest.mark.parametrize("masked", [True, False])
def test_attention_is_a_mean_of_values_for_each_head_and_place(masked, float64):
    """By which root is a score divided: that of D, or that of K?"""
    attention = SelfAttention(size=12, heads=3, masked=masked)
    x = torch.randn(2, 5, 12)
    assert_close(attention(x), by_loops(attention, x))


def same_weights(ours: SelfAttention, theirs: nn.MultiheadAttention) -> None:
    layers = [ours.query, ours.key, ours.value]
    matrices = [layer.weight.detach() for layer in layers]
    biases = [layer.bias.detach() for layer in layers]
    theirs.in_proj_weight.data = torch.cat(matrices)
    theirs.in_proj_bias.data = torch.cat(biases)
    theirs.out_proj.load_state_dict(ours.mix.state_dict())


@pytest.mark.parametrize("masked", [True, False])
def test_a_block_is_pytorchs_transformer_layer_outputs_and_gradients(masked, float64):
    """Where does each LayerNorm stand, and what is added to what was there?"""
    ours = Block(size=12, heads=3, masked=masked)
    for norm in (ours.norm1, ours.norm2):  # else they are all 1 and 0
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    theirs = nn.TransformerEncoderLayer(
        12, 3, dim_feedforward=48, dropout=0.0, batch_first=True, norm_first=True
    )
    same_weights(ours.attention, theirs.self_attn)
    pairs = [
        (ours.norm1, theirs.norm1),
        (ours.norm2, theirs.norm2),
        (ours.widen, theirs.linear1),
        (ours.narrow, theirs.linear2),
    ]
    for mine, other in pairs:
        other.load_state_dict(mine.state_dict())
    mask = None
    if masked:
        mask = torch.ones(5, 5, dtype=torch.bool).triu(diagonal=1)  # True: must not
    x = torch.randn(2, 5, 12, requires_grad=True)
    twin = x.detach().clone().requires_grad_()
    output = ours(x)
    builtin = theirs(twin, src_mask=mask)
    assert_close(output, builtin)
    upstream = torch.randn_like(output)
    output.backward(upstream)
    builtin.backward(upstream)
    assert_close(x.grad, twin.grad)
    for mine, other in [*pairs, (ours.attention.mix, theirs.self_attn.out_proj)]:
        assert_close(mine.weight.grad, other.weight.grad)
        assert_close(mine.bias.grad, other.bias.grad)
    attention = ours.attention
    layers = [attention.query, attention.key, attention.value]
    gradients = torch.cat([layer.weight.grad for layer in layers])
    assert_close(gradients, theirs.self_attn.in_proj_weight.grad)


def test_the_gradient_of_a_block_is_right(float64):
    block = Block(size=4, heads=2, masked=True)
    x = torch.randn(1, 3, 4, requires_grad=True)
    assert gradcheck(block, x)


def test_the_heads_are_cut_and_put_side_by_side_again():
    """Which numbers of a place belong to which head?"""
    attention = SelfAttention(size=6, heads=3, masked=True)
    x = torch.arange(24.0).reshape(1, 4, 6)
    pieces = attention.cut(x)
    assert pieces.shape == (1, 3, 4, 2)
    assert pieces[0, 1, 2].tolist() == [14, 15]  # place 2, the second piece
    assert pieces.transpose(1, 2).reshape(1, 4, 6).equal(x)


def test_with_equal_weights_attention_is_the_mean_of_what_a_place_sees(float64):
    """Does a place that is hidden by the mask still have a weight?"""
    attention = SelfAttention(size=4, heads=2, masked=True)
    nn.init.zeros_(attention.query.weight)
    nn.init.zeros_(attention.query.bias)
    x = torch.randn(1, 5, 4)
    running = attention.value(x).cumsum(dim=1) / torch.arange(1, 6)[:, None]
    assert_close(attention(x), attention.mix(running))


# The network


def test_with_the_mask_no_place_knows_what_comes_behind_it(float64):
    """Can place 7 be changed by what stands at place 8?"""
    network = GPT(masked=True)
    letters = some_windows()
    before = network(letters)
    for place in (1, 8, WINDOW - 1):
        changed = letters.clone()
        changed[:, place:] = (changed[:, place:] + 1) % V
        after = network(changed)
        assert_close(after[:, :place], before[:, :place], atol=0, rtol=0)
        assert (after[:, place] != before[:, place]).all()
    attention = SelfAttention(1, 1, masked=True)
    ones = "query.bias", "key.weight", "value.weight", "mix.weight"
    for name, weight in attention.named_parameters():
        nn.init.constant_(weight, float(name in ones))
    for large in (6.0, 60.0, 600.0):
        x = torch.tensor([-large, 0.0, large, -large])  # also the scores, in each row
        means = [seen.softmax(dim=0) @ seen for seen in (x[:1], x[:2], x[:3], x)]
        ours = attention(x[None, :, None])[0, :, 0]
        assert_close(ours, torch.stack(means), atol=0, rtol=1e-9)


def test_without_the_mask_every_place_knows_what_comes_behind_it(float64):
    network = GPT(masked=False)
    letters = some_windows()
    changed = letters.clone()
    changed[:, 8] = (changed[:, 8] + 1) % V
    different = (network(changed) != network(letters)).any(dim=2)
    assert different.all()


def test_with_the_mask_a_shorter_text_says_the_same(float64):
    network = GPT(masked=True)
    letters = some_windows()
    assert_close(network(letters[:, :11]), network(letters)[:, :11])
    blind = GPT(masked=False)
    assert (blind(letters[:, :11]) != blind(letters)[:, :11]).any()


def test_the_order_of_the_letters_counts_because_places_have_numbers(float64):
    """What is added to the embedding of a letter, so that its place counts?"""
    network = GPT(masked=True, blocks=1)
    one = to_numbers("nab")[None]
    other = to_numbers("anb")[None]
    assert (network(one)[:, -1] != network(other)[:, -1]).any()
    nn.init.zeros_(network.place.weight)  # now the last place sees a bag of letters
    assert_close(network(one)[:, -1], network(other)[:, -1])
    assert (network(one)[:, 1] != network(other)[:, 1]).any()


def test_the_network_is_two_tables_its_blocks_and_one_answer_at_each_place(float64):
    network = GPT(masked=True, size=8, heads=2, blocks=3)
    letters = some_windows(T=9)
    x = network.letter.weight[letters] + network.place.weight[:9]
    for block in network.blocks:
        x = block(x)
    assert len(network.blocks) == 3
    normed = F.layer_norm(x, (8,), network.norm.weight, network.norm.bias)
    by_hand = normed @ network.answer.weight.T + network.answer.bias
    assert_close(network(letters), by_hand)


def test_the_default_network_has_two_blocks_of_four_heads_and_a_mask():
    network = GPT()
    assert [block.attention.heads for block in network.blocks] == [4, 4]
    assert [block.attention.masked for block in network.blocks] == [True, True]
    other = GPT(masked=False)
    assert [block.attention.masked for block in other.blocks] == [False, False]
    assert network.letter.weight.shape == (V, 32)
    assert network.place.weight.shape == (WINDOW, 32)
    assert sum(p.numel() for p in network.parameters()) == 28_950


# Training


def test_every_place_is_taught_the_letter_behind_it(float64):
    """Which letter is the right answer at place t?"""
    text = some_text()
    network = GPT(masked=True, size=8, heads=2, blocks=1)
    twin = copy.deepcopy(network)
    torch.manual_seed(5)
    train(network, text, steps=4)
    torch.manual_seed(5)
    adam = torch.optim.Adam(twin.parameters(), lr=RATE)
    for step in range(4):
        starts = torch.randint(len(text) - WINDOW, (BATCH,)).tolist()
        read = torch.stack([text[start : start + WINDOW] for start in starts])
        after = torch.stack([text[start + 1 : start + 1 + WINDOW] for start in starts])
        log_chances = twin(read).log_softmax(dim=2)
        loss = -log_chances.gather(2, after[:, :, None]).mean()
        adam.zero_grad()
        loss.backward()
        adam.param_groups[0]["lr"] = RATE * (1 - step / 4)
        adam.step()
    for ours, theirs in zip(network.parameters(), twin.parameters(), strict=True):
        assert_close(ours, theirs)


def test_windows_begin_anywhere_in_the_text():
    """Do windows begin anywhere, the last possible place included?"""
    text = torch.arange(WINDOW + 5) % V
    network = Always(torch.zeros(V))
    network.weight = nn.Parameter(torch.zeros(1))
    network.forward = lambda letters: (
        network.asked.append(letters.clone())
        or network.weight * torch.ones(*letters.shape, V)
    )
    train(network, text, steps=40)
    assert all(asked.shape == (BATCH, WINDOW) for asked in network.asked)
    firsts = torch.cat(network.asked)[:, 0]
    assert sorted(firsts.unique().tolist()) == [0, 1, 2, 3, 4]
    counts = firsts.bincount()
    assert counts.min() > 80 and counts.max() < 180  # 128 each, on average


def test_watch_hears_every_step_and_the_loss_falls():
    heard = []
    torch.manual_seed(1)
    network = GPT()
    train(network, some_text(), 12, lambda step, loss: heard.append((step, loss)))
    assert [step for step, _ in heard] == list(range(12))
    assert 2.5 < heard[0][1] < 4 and heard[-1][1] < heard[0][1] - 0.5


def test_training_without_anybody_watching_is_the_same():
    text = some_text()
    network = GPT(size=8, heads=2)
    twin = copy.deepcopy(network)
    torch.manual_seed(2)
    train(network, text, 3)
    torch.manual_seed(2)
    train(twin, text, 3, watch=print)
    for one, other in zip(network.parameters(), twin.parameters(), strict=True):
        assert one.equal(other)


def test_a_training_prints_six_losses_in_bits(capsys):
    """PyTorch's loss takes the natural logarithm: by what is it divided?"""
    for step in range(600):
        print_loss(step, LN2 * 1.5)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[0] == "    step    0: loss 1.500 bits"
    assert lines[-1] == "    step  500: loss 1.500 bits"


# The test


def test_the_floor_is_what_one_pays_who_knows_the_source():
    """Does every bit stand at the letter that it belongs to?"""
    windows, floor = make_test(30)
    assert windows.shape == floor.shape == (30, WINDOW + 1)
    text = to_text(windows.flatten())
    bits = floor.flatten().tolist()
    place = 0
    for sentence in text.split(".")[:-1]:
        sentence += "."
        assert sentence in SENTENCES
        expected = surprises(sentence, SENTENCES)
        assert bits[place : place + len(sentence)] == pytest.approx(expected)
        place += len(sentence)
    assert len(text) - place < 18


def test_the_floor_of_a_long_text_is_half_a_bit():
    _, floor = make_test(1000)
    assert floor.mean().item() == pytest.approx(0.5, abs=0.01)


def test_who_knows_the_source_is_at_the_floor_in_the_second_half():
    """Is the loss in bits, and at which place does it stand?"""
    windows, floor = make_test(12)
    half = WINDOW // 2
    bits = bits_by_place(Knower(), windows)
    assert bits.shape == (WINDOW,)
    assert_close(bits[half:], floor[:, half + 1 :].mean(dim=0), atol=1e-5, rtol=1e-5)
    assert bits[0] > 3  # it may not know where it is


def test_a_cheat_pays_nothing_but_at_the_last_place():
    """Is the loss in bits, and the one of each place by itself?"""
    windows, _ = make_test(200)
    bits = bits_by_place(Cheat(), windows)
    assert bits[:-1].abs().max() < 1e-6
    wrong = (windows[:, -1] != NUMBER["a"]).float().mean()
    assert_close(bits[-1], 100 * wrong / LN2)
    level = bits_by_place(Always(torch.zeros(V)), windows)
    assert_close(level, torch.full((WINDOW,), math.log2(V)))


def test_in_a_test_no_gradient_is_kept():
    windows, _ = make_test(2)
    assert not bits_by_place(GPT(), windows).requires_grad


# Writing


def test_letters_are_drawn_with_the_probabilities_of_the_last_place():
    """Is a letter drawn, or is the most likely one taken?"""

    class Reader(Always):
        def forward(self, letters):
            assert not torch.is_grad_enabled()  # nobody asks for a gradient here
            return super().forward(letters)

    logits = torch.full((V,), -100.0)
    logits[NUMBER["a"]] = math.log(0.75)
    logits[NUMBER["."]] = math.log(0.25)
    texts = write(Reader(logits), some_windows(B=50), 40)
    assert len(texts) == 50 and all(len(text) == 40 for text in texts)
    written = "".join(texts)
    assert set(written) == {"a", "."}
    assert written.count("a") / len(written) == pytest.approx(0.75, abs=0.04)
    assert len(set(texts)) == 50


def test_only_the_last_place_is_asked_and_it_sees_the_last_64_letters():
    network = Always(torch.zeros(V))
    beginnings = some_windows()
    (text, *_) = write(network, beginnings, 3)
    assert [asked.shape for asked in network.asked] == [(3, WINDOW)] * 3
    assert network.asked[0].equal(beginnings)
    assert network.asked[2][:, :-2].equal(beginnings[:, 2:])
    assert to_text(network.asked[2][0, -2:]) == text[:2]

    class Last(nn.Module):
        def forward(self, letters):
            logits = torch.zeros(*letters.shape, V)
            logits[:, -1, NUMBER["y"]] = 100.0
            return logits

    assert write(Last(), beginnings, 5) == ["yyyyy"] * 3


def test_who_knows_the_source_writes_what_the_source_makes():
    windows, _ = make_test(4)
    texts = write(Knower(), windows[:, :-1], 60)
    assert share_allowed(texts) == 1


def test_sentences_are_counted_from_the_first_full_stop_to_the_last():
    """Is a sentence counted whose beginning or end is missing?"""
    written = "s cat.amy hid her goat.bob had her ox.eli h"
    assert whole_sentences(written) == ["amy hid her goat.", "bob had her ox."]
    assert whole_sentences("no stop") == whole_sentences("one. stop") == []
    assert share_allowed([written]) == 0.5
    assert share_allowed([written, "x.amy hid her goat.amy"]) == pytest.approx(2 / 3)
    assert share_allowed(["aaaa", "bbb."]) == 0


# Main


@pytest.fixture
def heard(monkeypatch):
    """What each training gets; instead of training, nothing."""
    calls = []

    def ear(network, text, steps, watch):
        start = [p.detach().clone() for p in network.parameters()]
        calls.append((network, text, steps, watch, start, torch.rand(1).item()))

    monkeypatch.setattr(gpt, "train", ear)
    return calls


@pytest.fixture
def known(monkeypatch):
    """Losses and texts that we know, in place of the networks'."""
    asked = []

    def losses(network, windows):
        base = 1.0 if network.blocks[0].attention.masked else 2.0
        return base + torch.arange(WINDOW) / 100

    def texts(network, beginnings, count):
        asked.append((network, beginnings, count))
        right = "x.amy hid her goat.amy hid her goat.a"
        wrong = "z.amy hid his goat.amy hid his goat.z"
        if network.blocks[0].attention.masked:
            return {1: [right], WINDOW: [right, right, right, wrong]}[
                beginnings.shape[1]
            ]
        return {1: [wrong], WINDOW: [right, wrong]}[beginnings.shape[1]]

    monkeypatch.setattr(gpt, "bits_by_place", losses)
    monkeypatch.setattr(gpt, "write", texts)
    return asked


def texts_of(seed: int) -> tuple[Tensor, Tensor]:
    """The test of main: its windows, and their floor."""
    torch.manual_seed(seed)
    draw(20_000)
    return make_test(1_000)


def test_the_two_networks_differ_in_the_mask_and_in_nothing_else(heard, known):
    """Do both have the same first parameters, the same text, the same windows?"""
    main(steps=3, seed=4)
    masked, unmasked = heard
    assert masked[0].blocks[0].attention.masked
    assert not unmasked[0].blocks[0].attention.masked
    for one, other in zip(masked[4], unmasked[4], strict=True):
        assert one.equal(other)
    assert masked[1].equal(unmasked[1]) and len(masked[1]) > 300_000
    assert masked[2] == unmasked[2] == 3
    assert masked[3] is unmasked[3] is print_loss
    assert masked[5] == unmasked[5]  # what is drawn next: the windows
    for i, call in enumerate(heard):
        for network, _, count in known[2 * i : 2 * i + 2]:
            assert network is call[0] and count == LENGTH
    assert len(known) == 4
    for alone in (known[0][1], known[2][1]):
        assert alone.shape == (WRITERS, 1) and (alone == NUMBER["."]).all()
    assert known[1][1].shape == (WRITERS, WINDOW) and known[1][1].equal(known[3][1])


def test_another_seed_is_another_text_and_another_start(heard, known):
    main(steps=3, seed=4)
    main(steps=3, seed=5)
    assert not heard[0][1][:100].equal(heard[2][1][:100])
    assert not heard[0][4][0].equal(heard[2][4][0])


def test_the_networks_are_tested_on_a_text_that_they_have_not_read(
    heard, known, monkeypatch
):
    """Is the test a text of its own?"""
    tested = []

    def losses(network, windows):
        tested.append(windows)
        return torch.ones(WINDOW)

    monkeypatch.setattr(gpt, "bits_by_place", losses)
    main(steps=3)
    text = to_text(heard[0][1])
    for windows in tested:
        assert windows.shape == (1_000, WINDOW + 1)
        found = [to_text(window) in text for window in windows[:60]]
        assert sum(found) < 20  # by chance a piece may be there, too


def test_main_returns_the_losses_of_the_second_half_and_of_the_last_place(
    heard, known, capsys
):
    numbers = main(steps=3, seed=1)
    second_half = sum(range(32, 64)) / 32 / 100
    assert numbers["masked"] == pytest.approx(1 + second_half)
    assert numbers["unmasked"] == pytest.approx(2 + second_half)
    assert numbers["masked_last"] == pytest.approx(1.63)
    assert numbers["unmasked_last"] == pytest.approx(2.63)
    assert numbers["masked_1"] == 1 and numbers["masked_64"] == 0.75
    assert numbers["unmasked_1"] == 0 and numbers["unmasked_64"] == 0.5
    assert numbers["floor"] == pytest.approx(0.5, abs=0.01)
    _, floor = texts_of(seed=1)
    assert numbers["floor"] == floor[:, 33:].mean().item()
    assert numbers["floor_last"] == floor[:, 64].mean().item()
    printed = capsys.readouterr().out.splitlines()
    stop = printed.index("Behind a full stop it writes:")
    assert printed[stop + 1] == "    x.amy hid her goat.amy hid her goat.a"
    assert printed.count("    z.amy hid his goat.amy hid his goat.z") == 1
    (table,) = [line for line in printed if line.startswith("unmasked   ")]
    assert table.split() == ["unmasked", "2.475", "2.630", "0.0%", "50.0%"]
    (table,) = [line for line in printed if line.startswith("masked   ")]
    assert table.split() == ["masked", "1.475", "1.630", "100.0%", "75.0%"]
    (table,) = [line for line in printed if line.startswith("knows the source")]
    floors = [f"{numbers['floor']:.3f}", f"{numbers['floor_last']:.3f}"]
    assert table.split()[3:] == [*floors, "100.0%", "100.0%"]


@pytest.mark.parametrize("verdict", [True, False])
def test_main_says_and_draws_what_came_out(heard, known, monkeypatch, capsys, verdict):
    judged = []
    drawn = []

    def judge(numbers):
        judged.append(dict(numbers))
        return verdict

    def picture(losses, allowed):
        drawn.append((losses, allowed))
        return plt.figure()

    monkeypatch.setattr(gpt, "claim_holds", judge)
    monkeypatch.setattr(gpt, "figure", picture)
    numbers = main(steps=3)
    assert numbers == judged[0] | {"holds": float(verdict)}
    last = capsys.readouterr().out.splitlines()[-1]
    said = "holds" if verdict else "does NOT hold"
    assert last == f"In this run the claim {said}."
    ((losses, allowed),) = drawn
    _, floor = texts_of(seed=0)
    assert losses["knows the source"] == floor[:, 1:].mean(dim=0).tolist()
    assert losses["masked"] == pytest.approx([1 + t / 100 for t in range(WINDOW)])
    assert losses["unmasked"] == pytest.approx([2 + t / 100 for t in range(WINDOW)])
    assert allowed == {"masked": [1.0, 0.75], "unmasked": [0.0, 0.5]}


@pytest.mark.parametrize("bad", [0, -3])
def test_less_than_one_step_is_refused(bad):
    with pytest.raises(SystemExit, match=f"--steps must be at least 1, got {bad}"):
        main(steps=bad)


# Claim

HOLDS = {
    "floor": 0.5,
    "floor_last": 0.5,
    "masked": 0.51,
    "masked_last": 0.51,
    "unmasked": 0.03,
    "unmasked_last": 0.8,
    "masked_1": 0.95,
    "masked_64": 0.95,
    "unmasked_1": 0.0,
    "unmasked_64": 0.1,
}


@pytest.mark.parametrize(
    "holds, changed",
    [
        (True, {}),
        (True, {"masked": 0.5}),
        (False, {"masked": 0.499}),  # below the entropy
        (True, {"masked": 0.524}),
        (False, {"masked": 0.526}),  # too far above
        (True, {"unmasked": 0.124}),
        (False, {"unmasked": 0.126}),
        (False, {"unmasked": 0.125}),
        (True, {"unmasked_last": 0.601}),
        (False, {"unmasked_last": 0.599}),
        (False, {"floor_last": 0.67}),
        (True, {"masked_1": 0.801}),
        (False, {"masked_1": 0.80}),
        (True, {"masked_64": 0.801}),
        (False, {"masked_64": 0.80}),
        (True, {"unmasked_1": 0.049}),
        (False, {"unmasked_1": 0.05}),
        (True, {"unmasked_64": 0.399}),
        (False, {"unmasked_64": 0.40}),
        (False, {"floor": 1.0, "masked": 1.05}),
        (False, {"floor": 1.0, "masked": 1.01, "unmasked": 0.25}),
        (False, {"floor_last": 1.0, "unmasked_last": 1.2}),
    ],
)
def test_the_claim_holds_only_if_each_of_its_parts_does(holds, changed):
    assert claim_holds(HOLDS | changed) is holds


def test_claim_with_the_mask_it_comes_close_and_without_it_is_below_the_entropy():
    numbers = full(gpt).numbers
    assert numbers["holds"] and claim_holds(numbers)
    assert numbers["floor"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.slow
def test_claim_it_holds_for_another_seed():
    numbers = full(gpt, seed=1).numbers
    assert numbers["holds"] and claim_holds(numbers)


def test_the_network_without_a_mask_had_a_fair_try():
    """At its last place it did learn: who knows only how frequent each letter is has a
    loss of more than 3 bits, and its own is far below."""
    counts = torch.zeros(V)
    for sentence in SENTENCES:
        for letter in sentence:
            counts[NUMBER[letter]] += 1
    frequencies = torch.distributions.Categorical(counts)
    assert frequencies.entropy().item() / LN2 > 3
    assert full(gpt).numbers["unmasked_last"] < 1.5


# The picture


def test_the_picture_shows_these_losses_and_these_shares():
    losses = {
        "masked": [1.5 - t / 100 for t in range(WINDOW)],
        "unmasked": [0.1 + t / 1000 for t in range(WINDOW - 1)] + [0.87],
        "knows the source": [0.5 + t / 5000 for t in range(WINDOW)],
    }
    allowed = {"masked": [0.97, 0.93], "unmasked": [0.02, 0.31]}
    fig = figure(losses, allowed)
    lines, bars = fig.axes
    masked, unmasked, floor, last = lines.lines
    names = ["masked", "unmasked", "knows the source"]
    for line, name in zip(lines.lines, names, strict=False):
        assert line.get_label() == name
        assert list(line.get_xdata()) == list(range(1, WINDOW + 1))
        assert list(line.get_ydata()) == losses[name]
    styles = [line.get_linestyle() for line in lines.lines[:3]]
    assert styles == ["-", "--", ":"]  # to tell them apart without colours
    assert list(last.get_xdata()) == [WINDOW] and list(last.get_ydata()) == [0.87]
    assert last.get_marker() == "o" and last.get_color() == unmasked.get_color()
    legend = [text.get_text() for text in lines.get_legend().get_texts()]
    assert legend == names
    assert lines.get_xlabel() == "place in the window"
    assert lines.get_ylabel() == "loss, in bits"
    assert lines.get_ylim()[0] < 0 and 1.5 < lines.get_ylim()[1] < 1.7

    heights = [bar.get_height() for bar in bars.patches]
    assert heights == [0.97, 0.93, 0.02, 0.31]
    middles = [bar.get_x() + bar.get_width() / 2 for bar in bars.patches]
    assert middles == pytest.approx([-0.2, 0.8, 0.2, 1.2])
    colors = [bar.get_facecolor()[:3] for bar in bars.patches]
    assert colors[0] == colors[1] != colors[2] == colors[3]
    for line, color in ((masked, colors[0]), (unmasked, colors[2])):
        assert plt.matplotlib.colors.to_rgb(line.get_color()) == color
    said = [text.get_text() for text in bars.texts]
    assert said == ["97%", "93%", "2%", "31%"]
    ticks = [label.get_text() for label in bars.get_xticklabels()]
    assert ticks == ["behind\na full stop", "behind\n64 letters"]
    assert list(bars.get_xticks()) == [0, 1] and list(bars.get_yticks()) == [0, 0.5, 1]
    assert bars.get_ylim() == (0, 1.1)
    assert bars.get_ylabel() == "share of true sentences"
    for axes in (lines, bars):
        shown = [axes.spines[side].get_visible() for side in ("top", "right")]
        assert shown == [False, False]
    assert fig.get_suptitle() == (
        "Without the mask: 0.16 bits where it sees the next letter, "
        "0.87 where it does not"
    )
    losses["masked"][0] = 4.0  # as with a mistake: no curve leaves the picture
    assert figure(losses, allowed).axes[0].get_ylim()[1] > 4
