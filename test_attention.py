"""What attention.py claims, as tests."""

import copy
import math

import matplotlib.pyplot as plt
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

import attention
from attention import (
    EXAMPLE,
    FIRST_NAMES,
    NAMES,
    TESTS,
    UNKNOWN,
    LookUp,
    Recurrent,
    SelfAttention,
    accuracy,
    accuracy_by_distance,
    attend_by_hand,
    by_distance,
    by_length,
    claim_holds,
    deal,
    examine,
    figure,
    main,
    print_loss,
    scaled_dot_product_attention,
    show_the_example,
    three_identical_tokens,
    train,
    train_three,
    turn_the_knob,
    with_a_pencil,
    words,
)
from tools.contract import ModelContract
from tools.store import full

CAUSAL = torch.ones(5, 5, dtype=torch.bool).tril()
QUERY = torch.tensor([[[1, 0, 0, 1, 1]], [[0, 1, 1, 1, 0]]], dtype=torch.bool)


def qkv(*leading: int, queries: int = 5, keys: int = 5, size: int = 4) -> list:
    shapes = [(queries, size), (keys, size), (keys, 3)]
    return [torch.randn(*leading, *shape, requires_grad=True) for shape in shapes]


def ones(count: int) -> torch.Tensor:
    """Distances for lists whose right pair is the last one."""
    return torch.ones(count, dtype=torch.long)


def place_of_the_right_pair(tokens: torch.Tensor) -> torch.Tensor:
    """For each list, 1 at the pair with the name that is asked for, else 0."""
    return (tokens[:, :-1, 0] == tokens[:, -1:, 0]).double()


def dictionary(tokens):
    """A network that looks up, as a dict does. Half of its weight is on the right pair;
    the rest is on all tokens but this one, in proportion to 1, 2, 3 ..."""
    found = place_of_the_right_pair(tokens)
    digit = (found * tokens[:, :-1, 1]).sum(dim=1).long()
    found = F.pad(found, (0, 1))
    rest = (1 - found) * torch.arange(1, tokens.shape[1] + 1)
    weights = 0.5 * found + 0.5 * rest / rest.sum(dim=1, keepdim=True)
    return F.one_hot(digit, 10), weights


def short_sighted(tokens):
    """A network that looks up in the last ten pairs, and else names a wrong digit."""
    logits, weights = dictionary(tokens)
    seen = place_of_the_right_pair(tokens)[:, -10:].sum(dim=1).bool()
    return torch.where(seen[:, None], logits, logits.roll(1, dims=1)), weights


def always_three(tokens):
    """A network that does not look at all."""
    logits = F.one_hot(torch.full((len(tokens),), 3), 10)
    return logits, torch.full(tokens.shape[:2], 1 / tokens.shape[1])


def same(ours: nn.Module, theirs: nn.Module) -> bool:
    pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


class TestSelfAttention(ModelContract):
    output = (1, 8)

    def make(self):
        return SelfAttention(embed_dim=8)

    def inputs(self, batch):
        return torch.rand(batch, 1, 8)

    def answer(self, output):
        return output[0]  # beside its weights


# Definition, with a pencil


def test_one_query_by_hand_is_the_mean_that_the_paper_says(capsys):
    """Do the weights sum to one, and which value is multiplied by which?"""
    # D is 4, so its root is 2. Dot products 2 and 4, scores 1 and 2.
    query = [1.0, 0.0, 1.0, 2.0]
    keys = [[2.0, 9.0, 0.0, 0.0], [0.0, 5.0, 2.0, 1.0]]
    output = attend_by_hand(query, keys, [10.0, 20.0])
    share = math.e / (math.e + math.e**2)
    assert output == pytest.approx(10 * share + 20 * (1 - share))
    assert capsys.readouterr().out.splitlines() == [
        "dot product   2.00   4.00",
        "score         1.00   2.00",
        "exp(score)    2.72   7.39",
        "weight        0.27   0.73",
    ]


def test_the_loops_the_matrices_and_pytorch_say_the_same():
    generator = torch.Generator().manual_seed(3)
    q = torch.randn(1, 7, generator=generator, dtype=torch.float64)
    k = torch.randn(5, 7, generator=generator, dtype=torch.float64)
    v = torch.randn(5, 1, generator=generator, dtype=torch.float64)
    by_hand = attend_by_hand(q[0].tolist(), k.tolist(), v[:, 0].tolist())
    output, _ = scaled_dot_product_attention(q, k, v)
    assert output.item() == pytest.approx(by_hand)
    assert F.scaled_dot_product_attention(q, k, v).item() == pytest.approx(by_hand)


def test_bob_asks_and_the_pencil_agrees_with_pytorch(capsys):
    with_a_pencil()
    lines = capsys.readouterr().out.splitlines()
    root = math.sqrt(2)
    exps = [1, math.exp(2 / root), math.exp(1 / root)]
    weights = [part / sum(exps) for part in exps]
    output = 7 * weights[0] + 3 * weights[1] + 9 * weights[2]
    row = "".join(f"{weight:7.2f}" for weight in weights)
    assert "dot product   0.00   2.00   1.00" in lines
    assert "score         0.00   1.41   0.71" in lines
    assert f"weight     {row}" in lines
    assert lines[-3] == f"The mean of 7, 3 and 9 with these weights: {output:.4f}"
    assert lines[-2] == f"F.scaled_dot_product_attention says:       {output:.4f}"


def test_the_knob_turns_the_mean_into_a_mixture_and_then_into_a_dictionary(capsys):
    turn_the_knob()
    head, mean, mixture, looked_up, _ = capsys.readouterr().out.splitlines()
    assert head.split() == ["anna", "bob", "cleo", "output"]
    assert mean.split() == ["scores", "x", "0", "0.33", "0.33", "0.33", "6.33"]
    assert mixture.split() == ["scores", "x", "1", "0.14", "0.58", "0.28", "5.26"]
    assert looked_up.split() == ["scores", "x", "100", "0.00", "1.00", "0.00", "3.00"]
    assert looked_up.endswith(f"{dict(anna=7, bob=3, cleo=9)['bob']:.2f}")


def test_three_identical_tokens_get_a_third_each_and_looking_back_all_there_is(capsys):
    output, weights = SelfAttention(embed_dim=4)(torch.ones(1, 3, 4))
    assert_close(weights, torch.full((1, 3, 3), 1 / 3))
    assert_close(output[0, 0], output[0, 2])
    three_identical_tokens()
    printed = capsys.readouterr().out
    thirds = "[0.3333, 0.3333, 0.3333]"
    everywhere, _, looking_back = printed.partition("may look ahead")
    assert everywhere.count(thirds) == 3 and looking_back.count(thirds) == 1
    rows = looking_back.index("[1.0000, 0.0000, 0.0000]")
    assert rows < looking_back.index("[0.5000, 0.5000, 0.0000]")
    assert looking_back.index("[0.5000, 0.5000") < looking_back.index(thirds)


# Definition


def test_a_weight_is_the_share_of_exp_of_q_times_k_by_the_root_of_d(float64):
    """Is the dot product divided by the root of D, once, before exp?"""
    q, k, v = [x.detach() for x in qkv(queries=2, keys=3)]
    output, weights = scaled_dot_product_attention(q, k, v)
    for t in range(2):
        exps = [math.exp(q[t] @ k[s] / 2) for s in range(3)]
        shares = torch.tensor([part / sum(exps) for part in exps])
        assert_close(weights[t], shares)
        assert_close(output[t], sum(shares[s] * v[s] for s in range(3)))


@pytest.mark.parametrize("score", [141.0, -141.0, 1000.0])
def test_a_score_at_which_exp_overflows_or_is_zero_has_its_share_too(score):
    """nan: does exp overflow, or is every exp zero, at a score of 141?"""
    q = torch.tensor([[score, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]])  # and one beside
    k = torch.tensor([[2.0, 0.0, 0.0, 0.0], [2.0, 9.0, 9.0, 9.0]])  # both scores alike
    output, weights = scaled_dot_product_attention(q, k, torch.eye(2))
    assert_close(weights, torch.full((2, 2), 0.5))
    assert_close(output, torch.full((2, 2), 0.5))


def test_true_in_the_mask_means_may_attend():
    q, k, v = qkv()
    output, weights = scaled_dot_product_attention(q, k, v, torch.eye(5).bool())
    assert_close(weights, torch.eye(5))
    assert_close(output, v)


def test_what_the_mask_forbids_gets_no_weight_and_no_gradient():
    inputs = qkv()
    output, weights = scaled_dot_product_attention(*inputs, CAUSAL)
    assert (weights[~CAUSAL] == 0).all() and (weights[CAUSAL] > 0).all()
    output[:2].sum().backward()
    for x in inputs:
        assert not x.grad[2:].any() and x.grad[:2].any()


def test_a_query_without_any_key_has_no_weights_that_are_numbers():
    mask = CAUSAL.clone()
    mask[2] = False
    _, weights = scaled_dot_product_attention(*qkv(), mask)
    assert weights[2].isnan().all() and weights[[0, 1, 3, 4]].isfinite().all()


def test_the_question_repeats_a_name_and_its_answer_stands_at_the_given_distance():
    """What does the question tell, and where is distance 1?"""
    distance = torch.arange(1, 61)
    tokens, answer = deal(60, distance)
    assert tokens.shape == (60, 61, 2) and answer.shape == (60,)
    for i in range(60):
        known = [tuple(pair) for pair in tokens[i, :-1].tolist()]
        asked, digit = tokens[i, -1].tolist()
        assert known[-distance[i]] == (asked, answer[i])
        assert digit == UNKNOWN
        assert len(dict(known)) == 60  # no name twice


def test_all_names_and_all_digits_are_dealt_anywhere_and_unknown_only_in_questions():
    tokens, answer = deal(8, ones(4000))
    names = tokens[:, :-1, 0]
    digits = tokens[:, :-1, 1]
    for place in range(8):
        assert len(names[:, place].unique()) > 0.9 * NAMES
        counts = digits[:, place].bincount(minlength=10)
        assert len(counts) == 10 and counts.min() > 300 and counts.max() < 500
    assert len(names.unique()) == NAMES == 1000
    assert len(answer.unique()) == 10
    assert (tokens[:, -1, 1] == UNKNOWN).all()  # it does not tell the answer


def test_sixty_pairs_have_each_digit_six_times_and_more_pairs_a_larger_deck():
    for pairs, each in [(60, 6), (100, 10), (1000, 100)]:
        tokens, _ = deal(pairs, ones(20))
        for digit in range(10):
            assert ((tokens[:, :-1, 1] == digit).sum(dim=1) == each).all()
    few, _ = deal(30, ones(500))
    most = F.one_hot(few[:, :-1, 1]).sum(dim=1).amax()
    assert most == 6  # dealt from the same deck of 60


def test_the_networks_answer_with_logits_because_the_loss_takes_the_softmax(float64):
    """Must the answers sum to one here, or does the loss see to that?"""
    tokens, _ = deal(8, torch.arange(1, 9))
    for network in (LookUp(), Recurrent()):
        before, _ = network(tokens)
        network.answer.bias.data += 5  # a probability would stay below 1
        after, _ = network(tokens)
        assert_close(after, before + 5)


def test_accuracy_is_the_share_of_right_answers():
    tokens, answer = deal(8, torch.randint(1, 9, (37,)))
    assert accuracy(dictionary, tokens, answer) == 1
    answer[:10] = (answer[:10] + 1) % 10  # ten wrong ones
    assert accuracy(dictionary, tokens, answer) == pytest.approx(27 / 37)


def test_one_step_farther_away_is_the_same_list_with_its_first_pair_behind_the_others():
    tokens, answer = deal(12, ones(6))
    heard = []

    def ear(given):
        heard.append(given)
        return short_sighted(given)

    right = accuracy_by_distance(ear, tokens, answer)
    assert right == [1.0] * 10 + [0.0] * 2  # it sees the last ten pairs
    assert len(heard) == 12
    for step, given in enumerate(heard):
        assert given[:, :-1].equal(torch.roll(tokens[:, :-1], -step, dims=1))
        assert given[:, -1].equal(tokens[:, -1])
        found = place_of_the_right_pair(given).argmax(dim=1)
        assert (12 - found == step + 1).all()  # so the right pair is farther away


def test_who_looks_up_the_name_passes_the_examination(monkeypatch):
    right, on_the_pair, on_the_rival = examine(dictionary, pairs=8, lists=20)
    assert right == 1
    assert on_the_pair == pytest.approx(0.5)
    # Tokens 1 to 7 are wrong pairs, 8 is the right one, 9 is the question.
    assert on_the_rival == pytest.approx(0.5 * 7 / (1 + 2 + 3 + 4 + 5 + 6 + 7 + 9))

    def wrong_by_one(tokens):
        logits, weights = dictionary(tokens)
        return logits.roll(1, dims=1), weights

    assert examine(wrong_by_one, 8, 20)[0] == 0
    dealt = []

    def record(pairs, distance):
        dealt.append((pairs, len(distance)))
        return deal(pairs, distance)

    monkeypatch.setattr(attention, "deal", record)
    assert 0 < examine(always_three, 70, 200)[0] < 0.25
    assert {pairs for pairs, _ in dealt} == {70}
    assert sum(count for _, count in dealt) == 200


# Equivalence


MASKS = {"no mask": None, "causal": CAUSAL, "per query": QUERY, "per key": CAUSAL[3:4]}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("leading", [(), (2,), (3, 2)])
def test_ours_equals_the_builtin_forward_and_backward(mask, leading, float64):
    """Same shape, other numbers: is it the scores, the softmax's axis, or the mean?"""
    if mask is QUERY and leading == ():
        leading = (2,)
    ours = qkv(*leading)
    theirs = [x.detach().clone().requires_grad_() for x in ours]
    output, weights = scaled_dot_product_attention(*ours, mask)
    builtin = F.scaled_dot_product_attention(*theirs, mask)
    assert_close(output, builtin)
    assert_close(weights.sum(dim=-1), torch.ones(*leading, 5))
    upstream = torch.randn_like(output)
    found = torch.autograd.grad(output, ours, upstream)
    assert_close(found, torch.autograd.grad(builtin, theirs, upstream))


def twin(ours: SelfAttention) -> nn.MultiheadAttention:
    """PyTorch's module with the same matrices, and nothing behind the one head."""
    size = ours.query.in_features
    builtin = nn.MultiheadAttention(size, num_heads=1, bias=False, batch_first=True)
    matrices = [ours.query.weight, ours.key.weight, ours.value.weight]
    builtin.in_proj_weight.data = torch.cat(matrices).detach()
    builtin.out_proj.weight.data = torch.eye(size)
    return builtin


@pytest.mark.parametrize("mask", [None, CAUSAL], ids=["no mask", "causal"])
def test_ours_equals_multihead_attention_with_one_head(mask, float64):
    ours = SelfAttention(embed_dim=6)
    theirs = twin(ours)
    x = torch.randn(3, 5, 6)
    opposite = None if mask is None else ~mask  # there True means must not
    output, weights = ours(x, mask)
    builtin, builtin_weights = theirs(x, x, x, attn_mask=opposite)
    assert_close(output, builtin)
    assert_close(weights, builtin_weights)
    upstream = torch.randn_like(output)
    output.backward(upstream)
    builtin.backward(upstream)
    layers = [ours.query, ours.key, ours.value]
    gradients = torch.cat([layer.weight.grad for layer in layers])
    assert_close(gradients, theirs.in_proj_weight.grad)
    assert all(layer.bias is None for layer in layers)


@pytest.mark.parametrize("knob", [0.0, 1.0, 3.0])
def test_looking_up_is_one_query_among_sums_of_two_vectors(knob, float64):
    network = LookUp(size=6, knob=knob)
    tokens, _ = deal(8, torch.arange(1, 9))
    parameters = list(network.parameters())
    name, digit, query, key, value, matrix, bias = parameters
    x = name[tokens[:, :, 0]] + digit[tokens[:, :, 1]]
    asked = x[:, -1:] @ query.T
    scores = knob * asked @ (x @ key.T).mT / math.sqrt(6)
    shares = scores.exp() / scores.exp().sum(dim=2, keepdim=True)
    by_hand = (shares @ (x @ value.T))[:, 0] @ matrix.T + bias
    logits, weights = network(tokens)
    assert_close(logits, by_hand)
    assert_close(weights, shares[:, 0])
    ours = torch.autograd.grad(logits.square().sum(), parameters)
    theirs = torch.autograd.grad(by_hand.square().sum(), parameters)
    assert_close(ours, theirs)


def test_the_recurrent_network_answers_from_its_last_memory_alone(float64):
    network = Recurrent(size=6, memory=5)
    tokens, _ = deal(8, torch.arange(1, 9))
    parameters = list(network.parameters())
    x = network.name(tokens[:, :, 0]) + network.digit(tokens[:, :, 1])
    memory = torch.zeros(8, 5)
    for t in range(9):
        memory = torch.gru_cell(x[:, t], memory, *network.gru.parameters())
    by_hand = network.answer(memory)
    logits, last = network(tokens)
    assert_close(last, memory)
    assert_close(logits, by_hand)
    ours = torch.autograd.grad(logits.square().sum(), parameters)
    theirs = torch.autograd.grad(by_hand.square().sum(), parameters)
    assert_close(ours, theirs)
    assert Recurrent().gru.hidden_size == 64 == 2 * Recurrent().gru.input_size


def test_training_is_adam_whose_learning_rate_falls_to_zero_in_a_line(float64):
    """Which step of training is missing, or in another place?"""
    network = LookUp(size=4)
    ours = copy.deepcopy(network)
    heard = []
    torch.manual_seed(5)
    train(ours, 4, 0.02, lambda step, loss: heard.append((step, loss)))
    torch.manual_seed(5)
    adam = torch.optim.Adam(network.parameters())
    losses = []
    for step in range(4):
        adam.param_groups[0]["lr"] = 0.02 * (1 - step / 4)
        tokens, answer = deal(8, torch.randint(1, 9, (64,)))
        logits, _ = network(tokens)
        log_chances = logits.log_softmax(dim=1)
        loss = -log_chances[torch.arange(64), answer].mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    for one, other in zip(ours.parameters(), network.parameters(), strict=True):
        assert_close(one, other, rtol=1e-6, atol=1e-9)
    assert [step for step, _ in heard] == [0, 1, 2, 3]
    assert [loss for _, loss in heard] == pytest.approx(losses)


# Gradient


@pytest.mark.parametrize("mask", [None, CAUSAL[:3]], ids=["no mask", "causal"])
def test_the_gradient_is_the_slope(mask, float64):
    def output_and_weights(q, k, v):
        return scaled_dot_product_attention(q, k, v, mask)

    assert torch.autograd.gradcheck(output_and_weights, qkv(queries=3))


def test_unscaled_scores_leave_almost_no_gradient(float64):
    q, k, v = [x.detach() for x in qkv(queries=200, keys=8, size=4096)]
    slopes = []
    for factor in (1, math.sqrt(4096)):  # with and without the scale
        knob = torch.tensor(float(factor), requires_grad=True)
        _, weights = scaled_dot_product_attention(knob * q, k, v)
        (slope,) = torch.autograd.grad(weights[:, 0].square().sum(), knob)
        slopes.append(abs(slope.item()))
    assert slopes[1] < slopes[0] / 100


# Invariance


def test_without_a_mask_permuting_the_tokens_permutes_the_outputs(float64):
    """Every shape is right: are numbers of two keys mixed?"""
    network = SelfAttention(6)
    x = torch.randn(2, 5, 6)
    order = torch.randperm(5)
    output, weights = network(x)
    moved, moved_weights = network(x[:, order])
    assert_close(moved, output[:, order])
    assert_close(moved_weights, weights[:, order][:, :, order])


def test_the_pairs_of_a_list_may_stand_in_any_order_and_weights_move_along(float64):
    """So distance cannot matter: a theorem, before any training."""
    network = LookUp()
    tokens, _ = deal(20, torch.arange(1, 9))
    order = torch.cat([torch.randperm(20), torch.tensor([20])])
    logits, weights = network(tokens)
    moved, moved_weights = network(tokens[:, order])
    assert_close(moved, logits)
    assert_close(moved_weights, weights[:, order])
    memory = Recurrent()
    other, _ = memory(tokens[:, order])
    assert (other - memory(tokens)[0]).abs().max() > 0.01  # to a memory it matters


def test_under_the_causal_mask_the_future_changes_nothing_earlier(float64):
    """A later token reached an earlier output: over which axis is the softmax?"""
    network = SelfAttention(6)
    x = torch.randn(2, 5, 6)
    before, _ = network(x, CAUSAL)
    for t in range(1, 5):
        changed = torch.cat([x[:, :t], torch.randn(2, 5 - t, 6)], dim=1)
        after, _ = network(changed, CAUSAL)
        assert torch.equal(before[:, :t], after[:, :t])
        assert (before[:, t] != after[:, t]).any()  # a token sees itself


@pytest.mark.parametrize("size", [4, 64, 256])
def test_unscaled_scores_have_variance_d_and_ours_have_variance_one(size, float64):
    """How far do the scores spread, and what divides them?"""
    q, k = torch.randn(2, 500, size)
    _, weights = scaled_dot_product_attention(q, k, k)
    assert (q @ k.mT).var().item() == pytest.approx(size, rel=0.1)
    logs = weights.log()  # the scores, but for one number per row
    assert logs.var(dim=1).mean().item() == pytest.approx(1, rel=0.1)


def test_untrained_attention_looks_almost_everywhere():
    _, weights = SelfAttention(64)(torch.randn(8, 50, 64))
    entropy = -(weights * weights.log()).sum(dim=-1)
    assert math.log(50) - 0.1 < entropy.mean() < math.log(50)


def test_leading_dimensions_broadcast_and_a_batch_is_many_of_one(float64):
    q, k, v = qkv(2, 3, keys=7)
    mask = torch.rand(3, 1, 7) > 0.3
    mask[:, :, 0] = True  # every query needs a key
    output, weights = scaled_dot_product_attention(q, k[:1], v[:1], mask)
    assert output.shape == (2, 3, 5, 3) and weights.shape == (2, 3, 5, 7)
    for b in range(2):
        for h in range(3):
            one = scaled_dot_product_attention(q[b, h], k[0, h], v[0, h], mask[h])
            assert_close(one, (output[b, h], weights[b, h]))


@pytest.mark.parametrize("make", [LookUp, Recurrent])
def test_a_list_is_answered_alike_alone_and_among_others(make, float64):
    network = make()
    tokens, _ = deal(8, torch.arange(1, 9))
    logits, beside = network(tokens)
    assert (logits[0] != logits[1]).any()
    for i in range(8):
        alone, its_own = network(tokens[i : i + 1])
        assert_close(alone[0], logits[i])
        assert_close(its_own[0], beside[i])


def test_with_its_knob_at_zero_a_network_averages_and_else_is_the_same():
    torch.manual_seed(3)
    averaging = LookUp(knob=0.0)
    torch.manual_seed(3)
    network = LookUp()
    assert same(averaging, network)
    tokens, _ = deal(8, torch.arange(1, 9))
    logits, weights = averaging(tokens)
    assert_close(weights, torch.full((8, 9), 1 / 9))
    network.attention.knob = 0
    assert torch.equal(network(tokens)[0], logits)


# Training


def test_every_step_of_training_reads_fresh_lists_of_8_pairs_at_all_distances(
    monkeypatch,
):
    """Does each step draw lists of its own, or the same again?"""
    dealt = []
    asked = []

    def record(pairs, distance):
        tokens, answer = deal(pairs, distance)
        dealt.append(tokens)
        asked.append(distance)
        return tokens, answer

    monkeypatch.setattr(attention, "deal", record)
    train(LookUp(size=2), 30, 0.01)
    assert [tokens.shape for tokens in dealt] == [(64, 9, 2)] * 30
    lists = torch.cat(dealt).flatten(start_dim=1)
    assert len(lists.unique(dim=0)) == 30 * 64
    counts = torch.cat(asked).bincount()
    assert counts[0] == 0 and len(counts) == 9
    assert counts[1:].min() > 180 and counts[1:].max() < 300  # 240 each, on average


def test_training_without_anybody_watching_is_the_same():
    torch.manual_seed(1)
    network = LookUp(size=4)
    twin = copy.deepcopy(network)
    torch.manual_seed(2)
    train(network, 3, 0.02)
    torch.manual_seed(2)
    train(twin, 3, 0.02, watch=print)
    assert same(network, twin)


def test_a_training_prints_four_losses(capsys):
    for step in range(800):
        print_loss(step, 2.3456)
    assert capsys.readouterr().out.splitlines() == [
        "    step     0: loss 2.346",
        "    step   200: loss 2.346",
        "    step   400: loss 2.346",
        "    step   600: loss 2.346",
    ]


@pytest.fixture
def trainings(monkeypatch):
    """What train_three asks train for, and the lists that would come next."""
    calls = []

    def ear(network, steps, learning_rate, watch):
        tokens, _ = deal(8, ones(3))
        call = {"network": copy.deepcopy(network), "steps": steps, "tokens": tokens}
        call |= {"learning_rate": learning_rate, "watch": watch}
        calls.append(call)

    monkeypatch.setattr(attention, "train", ear)
    return calls


def test_three_networks_train_on_the_same_lists_from_the_same_start(trainings, capsys):
    networks = train_three(steps=7, patience=1, seed=4)
    assert list(networks) == ["attention", "averaging", "recurrent"]
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed] == ["Attention", "Averaging", "The"]
    for call, network in zip(trainings, networks.values(), strict=True):
        assert type(call["network"]) is type(network)
        assert same(call["network"], network)
        assert call["steps"] == 7
        assert call["watch"] is print_loss
        assert call["tokens"].equal(trainings[0]["tokens"])
    assert [call["learning_rate"] for call in trainings] == [0.02, 0.02, 0.003]
    looks, averages, remembers = networks.values()
    assert same(looks, averages)
    assert looks.attention.knob == 1 and averages.attention.knob == 0
    assert isinstance(remembers, Recurrent)


def test_patience_is_for_the_recurrent_network_alone(trainings):
    train_three(steps=7, patience=30, seed=4)
    assert [call["steps"] for call in trainings] == [7, 7, 210]


def test_another_seed_is_another_start_and_other_lists(trainings):
    for seed in (4, 5):
        train_three(steps=7, patience=1, seed=seed)
    for one, other in zip(trainings[:3], trainings[3:], strict=True):
        assert not same(one["network"], other["network"])
        assert not one["tokens"].equal(other["tokens"])


# What is printed and returned


def test_the_example_shows_the_weight_of_every_token(capsys):
    weights = show_the_example(dictionary)
    assert weights[1] == 0.5 and sum(weights) == pytest.approx(1)
    lines = capsys.readouterr().out.splitlines()[2:]
    assert lines[0] == "    anna 7  0.015" and lines[1] == "    bob 3   0.500"
    assert lines[-1] == "    bob ?   0.118"  # 8 of 1 + 3 + 4 + ... + 8, and half of it
    assert [line[4:11].strip() for line in lines] == [words(x) for x in EXAMPLE]


def test_a_token_in_words_is_a_name_and_its_digit_or_a_question_mark():
    assert words([0, 7]) == "anna 7" and words([6, 0]) == "gus 0"
    assert words([1, UNKNOWN]) == "bob ?" and UNKNOWN == 10
    assert len(FIRST_NAMES) == 7


def test_every_length_is_tested_with_the_network_that_its_line_names(
    monkeypatch, capsys
):
    asked = []

    def ear(network, pairs, lists):
        asked.append((network, pairs, lists))
        number = len(asked) / 100
        return number, number + 0.001, number + 0.002

    monkeypatch.setattr(attention, "examine", ear)
    numbers = by_length({"attention": "one", "averaging": "two", "recurrent": None})
    assert asked == [
        ("two", 8, 1000),
        ("two", 60, 1000),
        ("one", 8, 1000),
        ("one", 60, 1000),
        ("one", 300, 500),
        ("one", 1000, 150),
    ]
    lines = capsys.readouterr().out.splitlines()[2:]
    assert len(numbers) == 18
    for number, (name, pairs, _) in enumerate(TESTS, start=1):
        share = number / 100
        assert numbers[f"{name}_{pairs}"] == share
        assert numbers[f"{name}_weight_{pairs}"] == share + 0.001
        assert numbers[f"{name}_rival_{pairs}"] == share + 0.002
        line = lines[number - 1].split()
        assert line[:3] == [f"{name},", f"{pairs}", "pairs:"]
        assert line[3:] == [f"{number}.0%", f"{number}.1%", f"{number}.2%"]


def test_every_distance_is_tested_with_the_same_lists_for_all_networks(capsys):
    networks = {"attention": dictionary, "recurrent": short_sighted}
    heard = []

    def ear(tokens):
        heard.append(tokens)
        return always_three(tokens)

    right = by_distance(networks | {"averaging": ear}, pairs=40)
    assert right["attention"] == [1.0] * 40
    assert right["recurrent"] == [1.0] * 10 + [0.0] * 30
    assert len(right["averaging"]) == 40 and len(set(right["averaging"])) == 1
    assert 0.03 < right["averaging"][0] < 0.18  # a guess, among 300 lists
    assert heard[0].shape == (300, 41, 2)
    head, *lines = capsys.readouterr().out.splitlines()[1:]
    assert head.split() == ["40", "pairs;", "distance:", "1", "2", "4", "8", "16", "32"]
    assert lines[0].split() == ["attention"] + ["100.0%"] * 6
    assert lines[1].split() == ["recurrent"] + ["100.0%"] * 4 + ["0.0%"] * 2


def test_the_numbers_under_a_distance_are_those_of_that_distance(monkeypatch, capsys):
    monkeypatch.setattr(
        attention,
        "accuracy_by_distance",
        lambda network, tokens, answer: [number / 100 for number in range(1, 61)],
    )
    by_distance({"attention": None}, pairs=60)
    head, line = capsys.readouterr().out.splitlines()[1:]
    shown = ["1", "2", "4", "8", "16", "32", "60"]
    assert head.split()[3:] == shown
    assert line.split()[1:] == [f"{distance}.0%" for distance in shown]


NETWORKS = {
    "attention": dictionary,
    "averaging": always_three,
    "recurrent": short_sighted,
}


@pytest.fixture
def untrained(monkeypatch):
    """What main hands to train_three, which gives it networks that we know."""
    asked = []

    def ear(steps, patience, seed):
        asked.append((steps, patience, seed))
        return dict(NETWORKS)

    monkeypatch.setattr(attention, "train_three", ear)
    return asked


def test_main_returns_what_the_networks_can_at_every_length_and_distance(
    untrained, capsys
):
    numbers = main(steps=11, patience=2, seed=3)
    assert untrained == [(11, 2, 3)]
    for pairs in (8, 60, 300, 1000):
        assert numbers[f"attention_{pairs}"] == 1
        assert numbers[f"attention_weight_{pairs}"] == pytest.approx(0.5)
    assert numbers["averaging_weight_60"] == pytest.approx(1 / 61)
    assert 0.05 < numbers["averaging_60"] < 0.15
    assert numbers["spread"] == 0
    assert numbers["recurrent_8"] == numbers["recurrent_near"] == 1
    assert numbers["recurrent_60"] == pytest.approx(10 / 60)
    assert numbers["recurrent_far"] == 0
    assert numbers["holds"] == 0  # who never errs, errs no more among 1000
    printed = capsys.readouterr().out
    assert printed.endswith("does NOT hold, but it speaks of --patience 1.\n")
    assert "attention, 1000 pairs:     100.0%            50.0%" in printed


def test_near_are_the_first_five_distances_and_far_the_last_thirty(
    untrained, monkeypatch
):
    rising = [number / 1000 for number in range(1, 61)]

    def shares(networks, pairs):
        assert networks == NETWORKS
        if pairs == 8:
            return {"attention": [0.9] * 8, "recurrent": [0.1] * 4 + [0.3] * 4}
        return {"attention": [0.7] * 30 + [0.9] + [0.8] * 29, "recurrent": rising}

    monkeypatch.setattr(attention, "by_distance", shares)
    monkeypatch.setattr(attention, "figure", lambda weights, right: plt.figure())
    numbers = main()
    assert numbers["recurrent_near"] == pytest.approx(0.003)
    assert numbers["recurrent_far"] == pytest.approx(0.0455)
    assert numbers["recurrent_60"] == pytest.approx(0.0305)
    assert numbers["recurrent_8"] == pytest.approx(0.2)
    assert numbers["spread"] == pytest.approx(0.2)


@pytest.mark.parametrize("verdict", [True, False])
@pytest.mark.parametrize("patience", [1, 2])
def test_main_says_and_draws_what_came_out(
    untrained, monkeypatch, capsys, verdict, patience
):
    judged = []
    drawn = []

    def judge(numbers):
        judged.append(dict(numbers))
        return verdict

    def draw(weights, right):
        drawn.append((weights, right))
        return figure(weights, right)

    monkeypatch.setattr(attention, "claim_holds", judge)
    monkeypatch.setattr(attention, "figure", draw)
    numbers = main(patience=patience)
    assert numbers == judged[0] | {"holds": float(verdict)}
    last = capsys.readouterr().out.splitlines()[-1]
    said = "holds" if verdict else "does NOT hold"
    if patience > 1:
        said += ", but it speaks of --patience 1"
    assert last == f"In this run the claim {said}."
    ((weights, right),) = drawn
    assert weights[1] == 0.5 and len(weights) == 8
    assert list(right) == ["attention", "averaging", "recurrent"]
    assert right["recurrent"] == [1.0] * 10 + [0.0] * 50


@pytest.mark.parametrize("option", ["steps", "patience"])
def test_less_than_one_step_or_turn_is_refused(option):
    with pytest.raises(SystemExit, match=f"--{option} must be at least 1, got 0"):
        main(**{option: 0})


# Claim

HOLDS = {"attention_60": 0.99, "attention_1000": 0.95, "spread": 0.0}
HOLDS |= {"recurrent_near": 0.30, "recurrent_far": 0.15, "averaging_60": 0.10}


@pytest.mark.parametrize(
    "holds, changed",
    [
        (True, {}),
        (True, {"attention_60": 0.981, "attention_1000": 0.9}),
        (False, {"attention_60": 0.98, "attention_1000": 0.9}),  # too many mistakes
        (True, {"spread": 0.009}),
        (False, {"spread": 0.01}),  # distance matters
        (True, {"attention_1000": 0.969}),
        (False, {"attention_1000": 0.971}),  # less than three times as many mistakes
        (False, {"attention_60": 1 - 1 / 64, "attention_1000": 1 - 3 / 64}),
        (False, {"attention_1000": 1.0}),
        (True, {"attention_1000": 0.5}),
        (True, {"recurrent_far": 0.199}),
        (False, {"recurrent_far": 0.201}),  # it lost less than 10 points
        (False, {"recurrent_near": 0.1, "recurrent_far": 0.0}),
        (False, {"recurrent_far": 0.45}),  # or gained
        (True, {"recurrent_near": 0.251}),
        (False, {"recurrent_near": 0.249}),
        (True, {"averaging_60": 0.149}),
        (False, {"averaging_60": 0.15}),  # it does more than to guess
    ],
)
def test_the_claim_holds_only_if_each_of_its_parts_does(holds, changed):
    assert claim_holds(HOLDS | changed) is holds


def test_claim_attention_looks_up_one_of_60_at_any_distance():
    numbers = full(attention).numbers
    assert numbers["holds"] and claim_holds(numbers)
    assert numbers["attention_weight_60"] > 0.9
    assert numbers["averaging_weight_60"] == pytest.approx(1 / 61)


@pytest.mark.slow
def test_claim_it_holds_for_another_seed():
    numbers = full(attention, seed=1).numbers
    assert numbers["holds"] and claim_holds(numbers)


def test_averaging_had_a_fair_try():
    """Of 8 digits it can name the most frequent, and after training it nearly does."""
    tokens, _ = deal(8, ones(20000))
    counts = F.one_hot(tokens[:, :-1, 1], 10).sum(dim=1)
    ceiling = (counts.amax(dim=1) / 8).mean().item()
    assert 0.25 < ceiling < 0.30
    assert ceiling - 0.05 < full(attention).numbers["averaging_8"] < ceiling + 0.05


# The picture


def test_the_picture_shows_these_weights_and_these_shares():
    weights = [0.01, 0.62, 0.03, 0.04, 0.05, 0.06, 0.07, 0.12]
    right = {
        "attention": [0.91 - distance / 50 for distance in range(40)],
        "averaging": [0.11 + distance / 1000 for distance in range(40)],
        "recurrent": [0.52 - distance / 100 for distance in range(40)],
    }
    fig = figure(weights, right)
    bars, lines = fig.axes
    labels = [label.get_text() for label in bars.get_yticklabels()]
    assert labels == [words(token) for token in EXAMPLE]
    assert [bar.get_width() for bar in bars.patches] == weights
    middles = [bar.get_y() + bar.get_height() / 2 for bar in bars.patches]
    assert middles == pytest.approx(list(bars.get_yticks()))
    assert bars.yaxis_inverted()  # the first token on top
    said = [text.get_text() for text in bars.texts]
    assert said == [f"{weight:.2f}" for weight in weights]
    assert bars.get_xlabel() == 'attention: weights of "bob ?"'
    assert bars.get_xlim()[0] == 0 and bars.get_xlim()[1] > 1
    assert list(bars.get_xticks()) == [0, 0.5, 1]

    assert [line.get_label() for line in lines.lines] == list(right)
    for line in lines.lines:
        assert list(line.get_xdata()) == list(range(1, 41))
        assert list(line.get_ydata()) == right[line.get_label()]
    styles = [line.get_linestyle() for line in lines.lines]
    assert styles == ["-", "--", ":"]  # to tell them apart without colours
    legend = lines.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == list(right)
    assert [line.get_linestyle() for line in legend.get_lines()] == styles
    assert lines.get_xlabel() == "distance of the right pair, in tokens"
    assert lines.get_ylabel() == "share of right answers"
    assert lines.get_ylim()[0] == 0 and lines.get_ylim()[1] > 1
    assert fig.get_suptitle() == (
        "1 to 40 tokens away: attention 91% to 13% right, recurrent 52% to 13%"
    )
