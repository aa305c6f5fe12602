"""What autoencoder.py claims, as tests."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

import autoencoder
from autoencoder import (
    CLOSE,
    MARGIN,
    SimpleAutoencoder,
    compare,
    figure,
    fit_pca,
    load_digits,
    main,
    train,
)
from conftest import NN_DATA
from tools.contract import ModelContract
from tools.store import full


@pytest.fixture
def digits():
    """Images (1437, 784) and labels to fit, then 360 unseen ones."""
    return [part.flatten(1) if part.ndim > 1 else part for part in load_digits("auto")]


def mse(x: torch.Tensor, y: torch.Tensor) -> float:
    return F.mse_loss(x, y).item()


def pca_by_hand(images: torch.Tensor, size: int):
    """The mean image, and the directions of largest variance, (K, P)."""
    mean = images.mean(dim=0)
    return mean, torch.linalg.svd(images - mean, full_matrices=False)[2][:size]


class TestSimpleAutoencoder(ModelContract):
    output = (784,)

    def make(self):
        return SimpleAutoencoder()

    def inputs(self, batch):
        return torch.rand(batch, 784)


# definition


def test_pca_of_points_on_a_line_puts_every_point_on_that_line():
    pca = fit_pca(torch.tensor([[1.0, 1.0], [3.0, 1.0]]), 1)  # the line y = 1
    assert_close(pca(torch.tensor([[7.0, 5.0]])), torch.tensor([[7.0, 1.0]]))


def test_pca_keeps_the_directions_that_vary_most(float64):
    images = torch.randn(200, 3) * torch.tensor([1.0, 9.0, 4.0]) + 5
    lost = (fit_pca(images, 1)(images) - images).var(dim=0)
    assert lost[1] < 0.1 and lost[0] > 0.5 and lost[2] > 10


def test_the_code_has_as_many_numbers_as_asked_and_128_units_stand_before_it():
    network = SimpleAutoencoder(784, 32)
    x = torch.rand(4, 784)
    assert network.encoder(x).shape == (4, 32)
    assert network.decoder(network.encoder(x)).shape == x.shape
    assert network.encoder[0].out_features == network.decoder[0].out_features == 128


def test_no_bend_limits_the_code_or_the_pixels():
    for half in (SimpleAutoencoder().encoder, SimpleAutoencoder().decoder):
        wide = half(1000 * torch.randn(50, half[0].in_features))
        assert wide.min() < -5 and wide.max() > 5


def test_the_worked_example_prints_a_shape_and_a_loss(capsys):
    main(steps=2)
    printed = capsys.readouterr().out
    assert "[4, 784]" in printed
    loss = float(printed.split("Reconstruction loss: ")[1].split()[0])
    assert loss == pytest.approx(1 / 3, abs=0.05)  # E[x^2] of a uniform x, and y near 0


# equivalence


def test_ours_is_scikit_learns_pca_on_images_it_never_saw(float64):
    from sklearn.decomposition import PCA

    images, unseen = torch.rand(50, 12), torch.rand(20, 12)
    theirs = PCA(5).fit(images.numpy())
    rebuilt = theirs.inverse_transform(theirs.transform(unseen.numpy()))
    assert_close(fit_pca(images, 5)(unseen), torch.tensor(rebuilt))


def test_the_network_is_two_matrices_and_one_bend_each_way(float64):
    network, x = SimpleAutoencoder(7, 3), torch.randn(4, 7)
    a, b, c, d, e, f, g, h = twin = [p.detach().clone() for p in network.parameters()]
    for parameter in twin:
        parameter.requires_grad_()
    z = F.gelu(x @ a.T + b) @ c.T + d
    y = F.gelu(z @ e.T + f) @ g.T + h
    assert_close(network(x), y)
    ours = torch.autograd.grad(network(x).square().sum(), [*network.parameters()])
    assert_close(ours, torch.autograd.grad(y.square().sum(), twin))


def linear_with_the_weights_of_pca(images: torch.Tensor, size: int) -> nn.Module:
    network = SimpleAutoencoder(images.shape[1], size, nn.Identity)
    mean, axes = pca_by_hand(images, size)
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    with torch.no_grad():
        network.encoder[0].weight[:size] = axes
        network.encoder[0].bias[:size] = -axes @ mean
        network.decoder[2].weight[:, :size] = axes.T
        network.decoder[2].bias.copy_(mean)
        nn.init.eye_(network.encoder[2].weight)
        nn.init.eye_(network.decoder[0].weight)
    return network


def test_pca_is_an_autoencoder_without_bends(float64):
    images, unseen = torch.rand(50, 12), torch.rand(20, 12)
    network = linear_with_the_weights_of_pca(images, 5)
    assert_close(network(unseen), fit_pca(images, 5)(unseen))


# gradient


def test_at_pca_the_linear_autoencoder_has_nothing_left_to_learn(float64):
    images = torch.rand(50, 12)
    network = linear_with_the_weights_of_pca(images, 5)
    F.mse_loss(network(images), images).backward()
    for parameter in network.parameters():
        assert_close(parameter.grad, torch.zeros_like(parameter))
    with torch.no_grad():
        best = F.mse_loss(network(images), images)
        for parameter in network.parameters():
            parameter += 0.01 * torch.randn(parameter.shape)
        assert F.mse_loss(network(images), images) > best  # Eckart and Young


def test_the_gradient_of_the_network_is_right(float64):
    network = SimpleAutoencoder(5, 2)
    assert torch.autograd.gradcheck(network, torch.randn(3, 5, requires_grad=True))


# invariance


def test_without_bends_a_code_of_three_numbers_spans_three_directions(float64):
    network = SimpleAutoencoder(12, 3, nn.Identity)
    moves = network(torch.randn(30, 12)) - network(torch.zeros(1, 12))
    assert torch.linalg.matrix_rank(moves) == 3
    bent = SimpleAutoencoder(12, 3)
    moves = bent(torch.randn(30, 12)) - bent(torch.zeros(1, 12))
    assert torch.linalg.matrix_rank(moves) == 12


def test_to_rebuild_twice_by_pca_is_to_rebuild_once(float64):
    pca, x = fit_pca(torch.rand(50, 12), 5), torch.rand(20, 12)
    assert_close(pca(pca(x)), pca(x))


def test_pca_never_looks_at_the_images_it_is_tested_on(float64):
    pca, x = fit_pca(torch.rand(50, 12), 5), torch.rand(20, 12)
    assert_close(pca(x), torch.cat([pca(row[None]) for row in x]))


def test_pca_does_not_know_which_pixels_are_neighbours(float64):
    images, x, order = torch.rand(50, 12), torch.rand(20, 12), torch.randperm(12)
    shuffled = fit_pca(images[:, order], 5)(x[:, order])
    assert_close(shuffled, fit_pca(images, 5)(x)[:, order])


def test_the_images_tested_on_change_nothing_that_was_fitted(capsys):
    seen, probe = torch.rand(60, 40), torch.rand(5, 40)
    tested = torch.rand(20, 40), torch.rand(20, 40).square()
    one, other = (compare(seen, x, 8, steps=3, seed=0)[1] for x in tested)
    for name in one:
        assert_close(one[name](probe), other[name](probe))


def test_the_denoiser_is_asked_for_the_clean_image():
    clean = torch.full((64, 12), 0.5)  # all the same: the answer is known
    denoiser = train(clean, 3, steps=200, seed=0, noise=1.0)
    assert mse(denoiser(clean + torch.randn(clean.shape)), clean) < 0.05


def test_training_leaves_the_images_as_they_were():
    images = torch.rand(70, 12)
    before = images.clone()
    train(images, 3, steps=3, seed=0, noise=1.0)
    assert_close(images, before, rtol=0, atol=0)


def test_training_draws_from_all_images():
    images = torch.eye(200)  # each lights a pixel of its own
    start = train(images, 3, steps=60, seed=0, peak=1e-9).encoder[0].weight
    moved = (train(images, 3, steps=60, seed=0).encoder[0].weight - start).abs()
    assert (moved.amax(dim=0) > 1e-3).all()


def test_every_step_follows_its_own_gradient_only(monkeypatch):
    sums = []
    step = torch.optim.Adam.step

    def listen(adam, *rest):
        sums.append([p.grad.norm().item() for p in adam.param_groups[0]["params"]])
        step(adam, *rest)

    monkeypatch.setattr(torch.optim.Adam, "step", listen)
    train(torch.rand(64, 12), 3, steps=50, seed=0, peak=1e-9)  # the weights stand still
    assert sums[-1] == pytest.approx(sums[0], rel=0.5)


def test_the_seed_alone_decides_what_is_learned():
    images = torch.rand(70, 12)
    one, same, other = (train(images, 3, 3, seed)(images) for seed in (1, 1, 2))
    assert_close(one, same, rtol=0, atol=0)
    assert not torch.equal(one, other)


def test_the_picture_shows_the_rows_it_is_given_and_every_digit_of_the_map():
    rows = torch.rand(3, 4, 784)
    labels = torch.arange(50) % 10
    left, right = figure(rows, torch.randn(50, 2), labels, gain=0.25).axes
    shown = left.images[0].get_array()
    assert_close(torch.tensor(shown[34:62, 66:94]), rows[1, 2].view(28, 28))
    assert sum(len(marks.get_offsets()) for marks in right.collections) == 50
    assert "75%" in left.figure.get_suptitle()


# claim: error / PCA's error, 20 seeds, 800 steps:
# 8 numbers 0.52 +- 0.03, highest 0.594; 2 numbers 0.733 +- 0.013, highest 0.758;
# linear, on the images fitted to, 1.0036 +- 0.0013, 1.0020 to 1.0066


def test_main_says_that_the_claim_holds():
    errors, printed = full(autoencoder).numbers, full(autoencoder).printed
    assert errors["holds"] == 1.0
    assert errors["autoencoder"] < (1 - MARGIN) * errors["autoencoder_pca"]
    assert 1 < errors["linear_fit"] / errors["linear_fit_pca"] < CLOSE
    assert "In this run the claim holds." in printed
    assert printed.count("numbers, seen ") == 2  # the one training error, and PCA's


def test_main_says_so_when_the_claim_does_not_hold(capsys):
    assert main(steps=20)["holds"] == 0.0
    assert "does NOT hold at this setting" in capsys.readouterr().out


def test_network_and_pca_have_as_many_numbers(monkeypatch, capsys):
    fitted, trained = [], []
    pca, nothing = autoencoder.fit_pca, nn.Identity()
    monkeypatch.setattr(
        "autoencoder.fit_pca", lambda x, n: fitted.append(n) or pca(x, n)
    )
    monkeypatch.setattr("autoencoder.train", lambda *a: trained.append(a[1]) or nothing)
    autoencoder.compare(torch.rand(99, 50), torch.rand(9, 50), 7, 1, seed=0)
    assert fitted == trained == [7, 2, 32, 7]


@pytest.mark.parametrize(
    ("ours", "linear", "verdict"),
    [(0.84, 1.01, 1.0), (0.86, 1.01, 0.0), (0.5, 1.03, 0.0), (0.5, 0.99, 0.0)],
)
def test_the_verdict_needs_both_halves_of_the_claim(ours, linear, verdict, monkeypatch):
    errors = {"autoencoder": ours, "autoencoder_pca": 1.0}
    errors |= {"linear_fit": linear, "linear_fit_pca": 1.0}
    nets = {name: SimpleAutoencoder(784, 2).requires_grad_(False) for name in "abc"}
    nets["map"] = nets["a"]
    monkeypatch.setattr("autoencoder.compare", lambda *_: (errors, nets))
    assert main()["holds"] == verdict


# 400 steps, 4 seeds: 0.616 to 0.694
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_claim_the_autoencoder_beats_the_best_linear_code(seed, digits):
    images, _, unseen, _ = digits
    network, pca = train(images, 8, 400, seed), fit_pca(images, 8)
    assert mse(network(unseen), unseen) < (1 - MARGIN) * mse(pca(unseen), unseen)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_claim_without_bends_it_comes_close_to_pca_and_never_beats_it(seed, digits):
    images, *_ = digits
    linear = train(images, 8, 800, seed, bend=nn.Identity, peak=4e-3)
    above = mse(linear(images), images) / mse(fit_pca(images, 8)(images), images)
    assert 1 < above < CLOSE


def test_each_error_is_that_of_its_own_network_and_images(digits):
    images, _, unseen, _ = digits
    errors, nets = compare(images, unseen, 8, steps=30, seed=3)
    for name, x in [("autoencoder", unseen), ("map", unseen), ("linear_fit", images)]:
        for key in (name, f"{name}_pca"):
            assert errors[key] == pytest.approx(mse(nets[key](x), x)), key
    assert nets["map"].encoder(unseen).shape == (360, 2)
    again = train(images, 8, 30, seed=3)  # each training starts from the seed
    assert_close(nets["autoencoder"](unseen), again(unseen))
    for key, size in [("autoencoder", 8), ("map", 2), ("denoiser", 32)]:
        mean, axes = pca_by_hand(images, size)
        if key != "denoiser":
            rebuilt = mean + (unseen - mean) @ axes.T @ axes
            assert errors[f"{key}_pca"] == pytest.approx(mse(rebuilt, unseen), rel=1e-3)
    # 32 numbers of noise are kept: 0.0008 + 32 / 784
    assert errors["denoiser_pca"] == pytest.approx(0.0416, rel=0.1)


# 20 seeds: 0.0137 +- 0.0002; the best linear filter 0.0154, PCA at its best 0.0215
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_claim_the_denoiser_beats_the_noise_pca_and_the_best_linear_filter(
    seed, digits
):
    images, _, unseen, _ = digits
    denoiser = train(images, 32, 800, seed, noise=1.0)
    noisy = unseen + torch.randn(unseen.shape)
    error = mse(denoiser(noisy), unseen)
    mean = images.mean(dim=0)
    variance, axes = torch.linalg.eigh(images.T.cov())
    signal = variance / (variance + 1)  # Wiener: shrink each direction by its noise
    assert error < 0.95 * mse(mean + (noisy - mean) @ axes * signal @ axes.T, unseen)
    for size in (4, 8, 16, 32):
        assert error < 0.75 * mse(fit_pca(images, size)(noisy), unseen)
    assert error < 0.02 * mse(noisy, unseen)


def test_with_half_the_true_dimensions_pca_wins_and_the_lesson_says_so(capsys):
    """The 8 x 8 digits have 64: nothing is left for bends to find at 32."""
    errors = main(latent_dim=32, steps=200)
    assert errors["holds"] == 0.0
    assert errors["autoencoder"] > errors["autoencoder_pca"]


@pytest.mark.slow
def test_two_numbers_place_most_digits_beside_their_like(digits):
    from sklearn.neighbors import KNeighborsClassifier

    images, known, unseen, labels = digits
    mean, axes = pca_by_hand(images, 2)

    def named(train_places, places):
        nearest = KNeighborsClassifier(5).fit(train_places.numpy(), known.numpy())
        return nearest.score(places.numpy(), labels.numpy())

    pca = named((images - mean) @ axes.T, (unseen - mean) @ axes.T)
    for seed in range(3):
        encode = train(images, 2, 800, seed).encoder
        assert named(encode(images), encode(unseen)) > pca + 0.05


@pytest.mark.slow
def test_features_for_a_linear_classifier_win_only_while_numbers_are_few(digits):
    """4 numbers: ours 91.7 %, PCA 83.9 %. 16 numbers: 96.7 and 97.5 %, pixels 96.9."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    images, known, unseen, labels = digits

    def accuracy(encode):
        reader = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
        reader.fit(encode(images).numpy(), known.numpy())
        return reader.score(encode(unseen).numpy(), labels.numpy())

    pixels = accuracy(nn.Identity())
    for size, low, high in [(4, 0.04, 0.12), (16, -0.03, 0.01)]:
        mean, axes = pca_by_hand(images, size)
        pca = accuracy(lambda x, mean=mean, axes=axes: (x - mean) @ axes.T)
        for seed in range(3):
            ours = accuracy(train(images, size, 800, seed).encoder)
            assert low < ours - pca < high
            assert ours < pixels + 0.01  # 16 of 784 numbers are no better than all


@pytest.mark.slow
def test_a_digit_never_seen_is_rebuilt_badly_but_not_every_digit(digits, capsys):
    from sklearn.metrics import roc_auc_score

    images, known, unseen, labels = digits
    ours, pca = torch.zeros(10), torch.zeros(10)
    for digit in range(10):
        normal = images[known != digit]
        nets = [train(normal, 8, 300, seed) for seed in range(3)]
        for area, rebuild in [(pca, [fit_pca(normal, 8)] * 3), (ours, nets)]:
            for net in rebuild:
                error = (net(unseen) - unseen).square().mean(dim=1)
                area[digit] += roc_auc_score(labels == digit, error) / 3
    # measured: mean 0.936 against 0.877; at 6 ours is 0.905, PCA 0.915
    assert ours.mean() > pca.mean() + 0.03
    assert {digit for digit in range(10) if ours[digit] < pca[digit]} <= {0, 4, 5, 6}
    # and where it fails: a one, though never seen, is rebuilt too well (0.795)
    assert ours.argmin() == 1 and ours[1] < 0.88


@pytest.mark.slow
def test_claim_on_mnist_32_numbers_beat_32_of_pca(monkeypatch):
    """PCA 0.0168; ours 0.0139 to 0.0141, five seeds."""
    if not (NN_DATA / "MNIST" / "raw").exists():
        pytest.skip("MNIST is not on disk")
    monkeypatch.setenv("NN_DATA", str(NN_DATA))
    images, _, unseen, _ = [
        part.flatten(1) if part.ndim > 1 else part for part in load_digits("auto")
    ]
    assert mse(fit_pca(images, 32)(unseen), unseen) == pytest.approx(0.0168, abs=1e-4)
    assert mse(train(images, 32, 800, seed=0)(unseen), unseen) < 0.0150
