"""What the lab of autoencoder shows, as tests."""

import re

import pytest
import shared
import torch
from autoencoder_lab import (
    DATA,
    DEFAULT,
    MAIN,
    Noisy,
    decode,
    errors,
    figure_map,
    fit,
    learn,
    load,
    lost,
    pca,
    rebuild,
    recall,
)
from playwright.sync_api import expect
from test_cnn_lab import THREE, draw, headline, sound, wait_until_blank

import autoencoder

MNIST = DATA[0] == "mnist"
load(DATA[0])  # it is kept, before the tests hide the data folder


@pytest.fixture(autouse=True)
def own_cache(cache, monkeypatch):
    monkeypatch.setattr(shared, "CACHE", cache)
    recall(*DEFAULT)  # else the first page waits for its training


def told(x: torch.Tensor, noise: float) -> str:
    """The headline over this image."""
    views = rebuild(recall(*DEFAULT), x, noise, DATA[0], 0)
    ours, linear = ((views[k] - x).square().mean() for k in ("ours", "PCA"))
    way = "out of noise" if noise else "without noise"
    return f"Rebuilt {way}, with {ours / linear:.0%} of PCA's error"


def harder(x: torch.Tensor) -> str:
    net = recall(*DEFAULT)["autoencoder"]
    share = lost(net, load(DATA[0])[2]).lt(lost(net, x)).float().mean()
    return f"Harder to rebuild than {share:.0%} of unseen digits"


def walk(page):
    return page.locator("img[alt^='The numbers']")


def above(page):
    return page.locator("img[alt^='Rebuilt']")


# The numbers


def test_the_errors_are_those_of_main_trained_or_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # main saves its picture
    with shared.alone():
        want = autoencoder.main(latent_dim=5, steps=20, data="digits", seed=3)
        nets = learn(5, 20, "digits", 3)
    del want["holds"]
    found = errors(nets)
    assert {name: found[name] for name in MAIN} == want
    settings = 5, 20, "digits", 3
    assert recall(*settings) is None  # nobody has trained it
    for fresh in {settings: nets}, None:
        kept = recall(*settings, fresh)
        assert errors(kept) == found
        assert lost(kept["autoencoder"], load("digits")[2]).mean().item() == (
            pytest.approx(want["autoencoder"], rel=1e-5)
        )


def test_the_picture_at_a_point_is_what_the_lessons_decoder_draws_there():
    nets, (_, _, unseen, labels) = recall(*DEFAULT), load(DATA[0])
    net, shown = nets["map"], []
    codes = net.encoder(unseen)
    for point in [0.0, 0.0], [1.5, -0.5]:
        with shared.alone():
            fig = figure_map(net, codes, labels, point, {"the sample": [0, 0]})
            shown.append(torch.tensor(fig.axes[0].images[0].get_array()))
        assert shown[-1].flatten().equal(net.decoder(torch.tensor(point)))
        assert decode(net, point)[0].equal(net.decoder(torch.tensor(point)))
    assert not shown[0].equal(shown[1])
    assert decode(net, codes[0].tolist()).allclose(net(unseen[:1]), atol=1e-5)


def test_the_map_shows_each_unseen_digit_at_its_code_at_most_40_of_a_kind():
    codes, labels = torch.randn(450, 2), torch.arange(450) % 10
    labels[:3] = 7
    net = recall(*DEFAULT)["map"]
    with shared.alone():
        fig = figure_map(net, codes, labels, [0.0, 0.0], {})
        shown = [torch.tensor(marks.get_offsets()) for marks in fig.axes[1].collections]
    for digit, places in zip(range(10), shown, strict=False):
        assert places.float().equal(codes[labels == digit][:40])


def test_the_denoiser_learns_from_noisy_images_to_give_back_clean_ones():
    heard, given = [], torch.rand(64, 784)

    def ear(x):
        heard.append(x)
        return x

    Noisy(ear)(given)
    assert (heard[0] - given).std().item() == pytest.approx(1, rel=0.05)
    clean = torch.full((64, 784), 0.5)  # all the same: the answer is known
    with shared.alone():
        torch.manual_seed(0)
        denoiser = autoencoder.SimpleAutoencoder(latent_dim=3)
        autoencoder.train(Noisy(denoiser), clean, 200)
        rebuilt = denoiser(clean + torch.randn(clean.shape))
    assert (rebuilt - clean).square().mean() < 0.05


def test_the_denoiser_beats_the_noise_pca_and_the_best_linear_filter():
    nets, (images, _, unseen, _) = recall(*DEFAULT), load(DATA[0])
    with shared.alone():
        torch.manual_seed(1)
        noisy = unseen + torch.randn(unseen.shape)

    def off(rebuilt):
        return (rebuilt - unseen).square().mean()

    error = off(nets["denoiser"](noisy))
    assert error.item() == pytest.approx(errors(nets)["denoiser"], rel=0.05)
    mean = images.mean(dim=0)
    variance, axes = torch.linalg.eigh(images.T.cov())
    signal = variance / (variance + 1)  # Wiener: shrink each direction by its noise
    assert error < 0.95 * off(mean + (noisy - mean) @ axes * signal @ axes.T)
    for size in (4, 8, 16, 32):
        assert error < 0.75 * off(pca(DATA[0], size, noisy))
    assert error < 0.02 * off(noisy)


def test_noise_is_added_before_both_rebuild_and_without_it_the_image_is_as_it_was():
    nets, x = recall(*DEFAULT), load(DATA[0])[2][:1]
    clean, noisy, again = (rebuild(nets, x, n, DATA[0], 0) for n in (0, 1.5, 1.5))
    assert clean["with noise"].equal(x)
    assert (noisy["with noise"] - x).std().item() == pytest.approx(1.5, rel=0.1)
    assert all(again[name].equal(view) for name, view in noisy.items())
    assert noisy["ours"].equal(nets["denoiser"](noisy["with noise"]))
    assert noisy["PCA"].equal(pca(DATA[0], 32, noisy["with noise"]))


def test_a_scribble_is_harder_to_rebuild_than_nearly_all_digits():
    net = recall(*DEFAULT)["autoencoder"]
    steps = torch.linspace(0, 1, 14).tolist()
    zigzag = [[[x, float(number % 2)] for number, x in enumerate(steps)]]
    x = fit(zigzag, MNIST).flatten(1)
    worse = lost(net, load(DATA[0])[2]).lt(lost(net, x)).float().mean()
    assert worse > 0.98
    assert harder(x) == f"Harder to rebuild than {worse:.0%} of unseen digits"


# In the browser


def test_the_first_view_is_a_clean_digit_on_its_own_place_of_the_map(page, open_lab):
    open_lab("autoencoder")
    x = load(DATA[0])[2][:1]
    expect(headline(page)).to_have_text(told(x, 1))
    expect(above(page)).to_have_attribute("alt", f"{told(x, 1)}. {harder(x)}")
    net = recall(*DEFAULT)["map"]
    point = [round(number, 1) + 0.0 for number in net.encoder(x)[0].tolist()]
    words = "The numbers {:.1f} and {:.1f} draw this".format(*point)
    expect(page.locator(f"img[alt^='{words}']")).to_be_visible()
    assert lost(lambda x: decode(net, point), x) < 1.2 * lost(net, x)
    for name, error in errors(recall(*DEFAULT)).items():
        told_there = page.locator("table").inner_text()
        assert f"{error:.4f}" in told_there, name
    sound(page)


def test_the_pair_of_sliders_walks_through_the_map_by_keyboard(page, open_lab):
    open_lab("autoencoder")
    walk(page).wait_for()
    net = recall(*DEFAULT)["map"]
    x, y = (round(n, 1) + 0.0 for n in net.encoder(load(DATA[0])[2][:1])[0].tolist())
    for slider, key, dx, dy in (1, "Right", 0.1, 0), (2, "Left", 0.1, -0.1):
        before = walk(page).get_attribute("src")
        page.get_by_role("slider").nth(slider).press(f"Arrow{key}")
        words = f"The numbers {x + dx:.1f} and {y + dy:.1f} draw this"
        expect(page.locator(f"img[alt^='{words}']")).to_be_visible()
        assert walk(page).get_attribute("src") != before
    sound(page)


def test_a_drawing_gets_noise_and_is_rebuilt_and_cleared(page, open_lab):
    open_lab("autoencoder")
    x = load(DATA[0])[2][:1]
    expect(headline(page)).to_have_text(told(x, 1))
    noise = page.get_by_role("slider").first
    noise.press("ArrowRight")
    expect(headline(page)).to_have_text(told(x, 1.1))
    noise.press("Home")
    expect(headline(page)).to_have_text(told(x, 0))
    before = above(page).get_attribute("alt")
    draw(page, THREE)
    expect(above(page)).not_to_have_attribute("alt", before)
    page.get_by_role("button", name="Clear").click()
    expect(above(page)).to_have_attribute("alt", before)
    wait_until_blank(page)
    page.get_by_role("textbox", name="Sample").press("ArrowUp")
    expect(headline(page)).to_have_text(told(load(DATA[0])[2][1:2], 0))


def test_a_scribble_is_told_to_be_hard(page, open_lab):
    open_lab("autoencoder")
    draw(page, [(0.1 + 0.06 * n, 0.1 + 0.8 * (n % 2)) for n in range(14)])
    page.locator("img[alt*='Harder to rebuild than 100%']").or_(
        page.locator("img[alt*='Harder to rebuild than 99%']")
    ).wait_for()


def test_bad_input_gets_a_friendly_line(page, open_lab):
    open_lab("autoencoder")
    draw(page, [(0.5, 0.5), (0.51, 0.51)])
    expect(headline(page)).to_have_text("Only a dot: draw a large digit")
    page.get_by_role("button", name="Clear").click()
    expect(headline(page)).to_contain_text("Rebuilt")
    sample = page.get_by_role("textbox", name="Sample")
    seed = page.get_by_role("textbox", name="Seed")
    for field, line in (sample, "Which sample?"), (seed, "Which seed?"):
        field.fill("")
        field.press("Enter")
        expect(headline(page)).to_contain_text(line)
    sound(page)
    seed.fill("99999999999999999999")
    seed.press("Enter")
    expect(headline(page)).to_contain_text("Nobody has trained it")
    line = re.compile("python autoencoder.py .*--seed 4294967295")
    expect(page.get_by_text(line)).to_be_visible()
    seed.fill("0")
    seed.press("Enter")
    sample.fill("99999999999999999999")
    sample.press("Enter")
    expect(headline(page)).to_have_text(told(load(DATA[0])[2][-1:], 1))
    sound(page)


def test_training_streams_stop_stops_and_reset_restores_everything(
    page, open_lab, watch_and_stop
):
    open_lab("autoencoder")
    first = headline(page).inner_text()
    start = walk(page).get_attribute("alt")
    page.get_by_role("slider").nth(1).press("End")
    expect(walk(page)).not_to_have_attribute("alt", start)
    page.get_by_role("slider").first.press("Home")
    page.get_by_label("Data").select_option("digits")
    page.get_by_role("textbox", name="Sample").fill("5")
    page.get_by_role("slider").nth(3).press("ArrowRight")
    page.get_by_role("slider").last.press("End")
    draw(page)
    line = "python autoencoder.py --latent_dim 9 --steps 3200"
    expect(page.get_by_text(line)).to_be_visible()
    expect(headline(page)).to_contain_text("press Train")
    page.get_by_role("button", name="Train").click()
    training = page.locator("img[alt*='Step ']")
    training.wait_for()
    watch_and_stop(lambda: training.get_attribute("alt"))
    expect(headline(page)).to_contain_text("press Train")  # nothing half trained
    page.get_by_role("button", name="Reset").click()
    expect(headline(page)).to_have_text(first)
    wait_until_blank(page)
    expect(walk(page)).to_have_attribute("alt", start)
    for name in "Sample", "Seed":
        expect(page.get_by_role("textbox", name=name)).to_have_value("0")
    expect(page.get_by_label("Data")).to_have_value(DATA[0])
    expect(
        page.get_by_text(re.compile(r"^python autoencoder.py( --data mnist)?$"))
    ).to_be_visible()
    for place, value in {0: "1", 3: "8", 4: "1600"}.items():
        slider = page.get_by_role("slider").nth(place)
        expect(slider).to_have_attribute("aria-valuenow", value)
    sound(page)


def test_what_was_trained_by_button_is_shown_with_its_numbers(page, open_lab):
    open_lab("autoencoder")
    page.get_by_label("Data").select_option("digits")
    page.get_by_role("slider").last.press("Home")
    expect(page.get_by_text("--steps 100")).to_be_visible()
    page.get_by_role("button", name="Train").click()
    page.locator("img[alt*='Trained, 400 steps']").wait_for()
    with shared.alone():
        want = errors(learn(8, 100, "digits", 0))
    for error in want.values():
        expect(page.locator("table")).to_contain_text(f"{error:.4f}")
    page.wait_for_timeout(500)
    expect(page.locator("img[alt*='Trained, 400 steps']")).to_be_visible()  # it stays
    sound(page)
