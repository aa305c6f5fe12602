"""What compare_blocks.py claims, as tests."""

import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import jacrev
from torch.testing import assert_close

import compare_blocks
from compare_blocks import (
    CHANCE,
    MARGIN,
    PlainBlock,
    ResidualBlock,
    compare,
    gradient_by_depth,
    learn,
    main,
    make_blocks,
)
from tools.contract import ModelContract
from tools.store import full

STACKS = ["plain", "residual", "plain_orthogonal", "residual_small"]


def stack(block: type[PlainBlock], depth: int, size: int = 5) -> nn.Sequential:
    return nn.Sequential(*(block(size) for _ in range(depth)))


class TestResidualBlock(ModelContract):
    output = (7,)

    def make(self):
        return ResidualBlock(7)

    def inputs(self, batch):
        return torch.rand(batch, 7)


def test_the_worked_example_prints_the_published_numbers(capsys):
    main(depth=1, steps=1)
    printed = re.findall(r"\[\[(.*?)\]\]", capsys.readouterr().out)
    published = [
        [8.760121, 2.0753431, 2.5167747],
        [-1.8296819, 4.0609355, 3.6003714],
        [-0.49245155, -0.16423884, 0.34569877],
        [0.00071465, -0.0004733, -0.00085846],
    ]
    numbers = torch.tensor([[float(n) for n in row.split()] for row in printed])
    assert_close(numbers, torch.tensor(published), rtol=1e-5, atol=1e-7)


def test_a_block_is_one_linear_layer_with_or_without_its_input(float64):
    plain, residual, x = PlainBlock(5), ResidualBlock(5), torch.randn(4, 5)
    residual.load_state_dict(plain.state_dict())
    assert_close(plain(x), x @ plain.f.weight.T + plain.f.bias)
    assert_close(residual(x), x + plain(x))


def test_the_worked_weights_are_drawn_with_variance_one_third_of_one_over_d():
    weight = PlainBlock(1000).f.weight
    assert weight.var().item() == pytest.approx(1 / 3000, rel=0.01)


def test_branches_divided_by_the_root_of_the_depth_add_up_to_one_branch():
    blocks = make_blocks("residual_small", depth=9, size=1000)
    together = sum(block.f.weight.var().item() for block in blocks)
    assert together == pytest.approx(1 / 3000, rel=0.01)


@pytest.mark.parametrize("name", STACKS)
def test_every_block_has_weights_of_its_own(name):
    one, two = make_blocks(name, depth=2, size=5)
    assert not torch.isclose(one.f.weight, two.f.weight).any()


def test_orthogonal_weights_keep_the_length_of_every_vector(float64):
    (block,) = make_blocks("plain_orthogonal", depth=1, size=5)
    assert_close(block.f.weight @ block.f.weight.T, torch.eye(5))


def test_a_skip_adds_the_identity_to_the_jacobian(float64):
    plain, residual, x = PlainBlock(5), ResidualBlock(5), torch.randn(1, 5)
    residual.load_state_dict(plain.state_dict())
    jacobian = jacrev(residual)(x)[0, :, 0]
    assert_close(jacobian, torch.eye(5) + plain.f.weight)


@pytest.mark.parametrize("block", [PlainBlock, ResidualBlock])
def test_backprop_is_a_product_of_jacobians(block, float64):
    blocks, x = stack(block, depth=3), torch.randn(1, 5)
    h, product = x, torch.eye(5)
    for layer in blocks:
        h, product = layer(h), jacrev(layer)(h)[0, :, 0] @ product
    left = gradient_by_depth(blocks, x.clone())
    assert_close(left[0], product.sum(dim=0).norm() / 5**0.5)


def test_the_gradient_is_the_mean_over_the_batch_not_its_sum(float64):
    blocks, x = stack(ResidualBlock, depth=3), torch.randn(1, 5)
    one, four = (gradient_by_depth(blocks, x.repeat(n, 1)) for n in (1, 4))
    assert_close(one, four)


def test_a_silent_branch_passes_input_and_gradient_unchanged(float64):
    blocks, x = stack(ResidualBlock, depth=10), torch.randn(4, 5)
    for parameter in blocks.parameters():
        nn.init.zeros_(parameter)
    assert_close(blocks(x), x)
    assert_close(gradient_by_depth(blocks, x), torch.ones(11))


def test_every_stack_starts_from_the_same_weights_and_inputs():
    law, left, learned = compare(depth=1, size=8, steps=1, seed=3, device="cpu")
    again = compare(depth=1, size=8, steps=1, seed=3, device="cpu")
    assert (law, learned) == (again[0], again[2])
    plain, residual = (
        torch.manual_seed(3) and make_blocks(name, 2, 8)
        for name in ("plain", "residual")
    )
    for a, b in zip(plain.parameters(), residual.parameters(), strict=True):
        assert_close(a, b)


def test_the_blackboard_multiplies_one_variance_per_block(monkeypatch):
    monkeypatch.setattr("compare_blocks.learn", lambda *_: 0.0)
    law, _, _ = compare(depth=4, size=8, steps=1, seed=0, device="cpu")
    assert law == pytest.approx(
        {
            "plain": (1 / 3) ** 2,
            "residual": (1 + 1 / 3) ** 2,
            "plain_orthogonal": 1,
            "residual_small": (1 + 1 / 12) ** 2,  # a branch / sqrt(4): variance / 4
        }
    )


def test_the_four_stacks_read_the_same_inputs_and_the_same_batches(monkeypatch):
    read, drawn = [], []

    def measure(blocks, x):
        read.append(x)
        return torch.ones(2)

    def draw(blocks, digits, steps):
        drawn.append(torch.rand(9))
        return 0.0

    monkeypatch.setattr("compare_blocks.gradient_by_depth", measure)
    monkeypatch.setattr("compare_blocks.learn", draw)
    compare(depth=1, size=8, steps=1, seed=3, device="cpu")
    assert_close(read, read[:1] * 4, rtol=0, atol=0)
    assert_close(drawn, drawn[:1] * 4, rtol=0, atol=0)


def test_every_image_keeps_its_label(monkeypatch):
    """So the most similar image among the others has, nearly always, the same one."""
    given = []

    def take(blocks, digits, steps):
        given.append(digits)
        return 0.0

    monkeypatch.setattr("compare_blocks.learn", take)
    compare(depth=1, size=8, steps=1, seed=0, device="cpu")
    for images, labels in given:
        nearest = torch.cdist(images[1437:], images[:1437]).argmin(dim=1)
        assert (labels[nearest] == labels[1437:]).float().mean() > 0.95


def one_glance() -> tuple[torch.Tensor, torch.Tensor]:
    """As many digits as the real ones, of two classes that one pixel tells apart."""
    labels = torch.randint(2, (1797,))
    return 8.0 * labels[:, None] * torch.eye(64)[0], labels


def test_learning_is_judged_on_digits_it_never_saw():
    images, labels = one_glance()
    for right, unseen in [(1, labels[1437:]), (0, 1 - labels[1437:])]:
        digits = images, torch.cat([labels[:1437], unseen])
        blocks = make_blocks("residual", depth=1, size=64)
        assert learn(blocks, digits, steps=600) == pytest.approx(right, abs=0.02)


def test_it_learns_either_or_which_no_network_without_bends_can():
    either = torch.randint(2, (1797, 2))
    digits = F.pad(16.0 * either - 8, (0, 62)), either.sum(dim=1) % 2
    assert learn(make_blocks("residual", 1, size=64), digits, steps=600) > 0.9


@pytest.mark.parametrize("rate", [1e-2, 1e-3, 1e-4, 1e-5])
def test_no_learning_rate_saves_the_plain_stack(rate, monkeypatch):
    adam = torch.optim.Adam
    monkeypatch.setattr(torch.optim, "Adam", lambda weights, lr: adam(weights, rate))
    assert learn(make_blocks("plain", 50, size=64), one_glance(), steps=100) < 0.7


@pytest.mark.parametrize("seed", range(5))
def test_claim_the_blackboard_predicts_what_is_left_after_50_blocks(seed):
    for name, per_block in [("plain", 1 / 3), ("residual", 4 / 3)]:
        torch.manual_seed(seed)
        blocks = make_blocks(name, depth=50, size=64).double()
        left = gradient_by_depth(blocks, torch.randn(32, 64, dtype=torch.float64))[0]
        assert 1 / MARGIN < left / per_block**25 < MARGIN  # 0.14 .. 1.6, 20 seeds


@pytest.mark.parametrize("seed", range(3))
def test_claim_fifty_plain_blocks_stay_at_chance_where_the_others_learn(seed):
    numbers = full(compare_blocks, seed=seed).numbers
    assert numbers["holds"]
    assert numbers["read_plain"] < 2 * CHANCE < 6 * CHANCE < numbers["read_residual"]
    assert numbers["left_plain_orthogonal"] == pytest.approx(1)
    assert numbers["left_residual_small"] == pytest.approx(151**25 / 150**25, rel=0.5)


def test_the_claim_can_fail_five_plain_blocks_learn_too():
    assert not main(depth=5)["holds"]
