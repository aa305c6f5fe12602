import marimo

app = marimo.App(width="medium", app_title="autoencoder: the lab")

with app.setup:
    import contextlib
    import functools

    import marimo as mo
    import shared
    import torch
    import torch.nn.functional as F
    from pad import fit

    from tools.data import have_mnist

    autoencoder, head = shared.lesson(
        "autoencoder",
        "Draw a digit in the box, then add noise: what is rebuilt?",
    )
    MAIN = ("autoencoder_pca", "autoencoder", "linear_unseen")
    MAIN += ("linear_fit_pca", "linear_fit")  # what main() returns
    ERRORS = (*MAIN, "map_pca", "map", "denoiser_pca", "denoiser")
    DATA = ["mnist", "digits"] if have_mnist() else ["digits"]
    DEFAULT = 8, 1600, DATA[0], 0  # latent_dim, steps, data, seed


@app.function
def load(data: str) -> list[torch.Tensor]:
    """Images (N, 784) and labels to learn from, then unseen ones."""
    images, labels, unseen, answers = autoencoder.load_digits(data)
    return [images.flatten(1), labels, unseen.flatten(1), answers]


@app.function
@functools.cache
def fit_pca(data: str, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    return autoencoder.fit_pca(load(data)[0], size)


@app.function
def pca(data: str, size: int, x: torch.Tensor) -> torch.Tensor:
    return autoencoder.rebuild_with_pca(x, *fit_pca(data, size))


@app.class_definition
class Noisy(torch.nn.Module):
    """The lesson's train gives it clean images, as input and as target: so the network
    inside learns to remove the noise that is added here."""

    def __init__(self, network: torch.nn.Module):
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x + torch.randn_like(x))


@app.function
def blank(latent_dim: int) -> torch.nn.ModuleDict:
    """The lesson's autoencoder, and two of the lab's own."""
    sizes = {"autoencoder": latent_dim, "map": 2, "denoiser": 32}
    nets = torch.nn.ModuleDict()
    for name, size in sizes.items():
        nets[name] = autoencoder.SimpleAutoencoder(latent_dim=size)
    nets.register_buffer("errors", torch.zeros(len(ERRORS), dtype=torch.float64))
    return nets


@app.function
def learn(latent_dim: int, steps: int, data: str, seed: int) -> torch.nn.ModuleDict:
    """The networks, and in .errors all that is measured of them."""
    images, _, unseen, _ = load(data)
    ours, control = autoencoder.learn_both(images, latent_dim, steps, seed)
    found, _, _ = autoencoder.measure(ours, control, images, unseen, latent_dim)
    torch.manual_seed(seed)
    nets = blank(latent_dim)
    nets["autoencoder"] = ours
    autoencoder.train(nets["map"], images, steps)
    autoencoder.train(Noisy(nets["denoiser"]), images, steps)
    noisy = unseen + torch.randn(unseen.shape)
    with torch.no_grad():
        found["map"] = F.mse_loss(nets["map"](unseen), unseen).item()
        found["denoiser"] = F.mse_loss(nets["denoiser"](noisy), unseen).item()
    found["map_pca"] = F.mse_loss(pca(data, 2, unseen), unseen).item()
    found["denoiser_pca"] = F.mse_loss(pca(data, 32, noisy), unseen).item()
    nets.errors.copy_(torch.tensor([found[name] for name in ERRORS]))
    return nets


@app.function
def recall(latent_dim: int, steps: int, data: str, seed: int, fresh=None):
    """These networks; None if nobody has trained them yet, and it takes a button."""
    settings = latent_dim, steps, data, seed
    with shared.alone():  # it draws random weights
        nets = blank(latent_dim)

    def train(nets):
        known = (fresh or {}).get(settings)
        if not known and settings != DEFAULT:
            raise shared.StoppedError
        nets.load_state_dict((known or learn(*settings)).state_dict())

    told = f"{latent_dim} {steps} {len(load(data)[0])} {seed}"
    with contextlib.suppress(shared.StoppedError):
        return shared.keep(f"{told} {shared.source_of(autoencoder)}", nets, train)


@app.function
def errors(nets: torch.nn.ModuleDict) -> dict[str, float]:
    """What main() returns, and the same of the map and the denoiser."""
    return dict(zip(ERRORS, nets.errors.tolist(), strict=True))


@app.function
def rebuild(nets: torch.nn.ModuleDict, x: torch.Tensor, noise: float, data, seed):
    """The image (1, 784), with noise, and what 32 numbers keep of that."""
    with shared.alone():
        torch.manual_seed(seed)
        noisy = x + noise * torch.randn(x.shape)
    return {"image": x, "with noise": noisy} | {
        "PCA": pca(data, 32, noisy),
        "ours": nets["denoiser"](noisy),
    }


@app.function
def lost(net, x: torch.Tensor) -> torch.Tensor:
    """The error of each image, (N,)."""
    return (net(x) - x).square().mean(dim=1)


@app.function
def show_pixels(ax, image: torch.Tensor, title: str):
    ax.imshow(image.view(28, 28).numpy(), cmap="gray_r", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[], title=title)
    ax.spines[:].set_visible(True)


@app.function
def decode(net, point: list[float]) -> torch.Tensor:
    """The image (1, 784) at this point of the map."""
    return net.decoder(torch.tensor([point]))


@app.function
def figure_map(net, codes, labels, point: list[float], marks: dict[str, list[float]]):
    """The map of unseen digits, this point on it, and what it decodes to."""
    # without a layout it is twice as fast: it follows the sliders
    fig, (left, right) = shared.Drawing.subplots(1, 2, figsize=(10, 4.7), layout="none")
    left.set_position((0.02, 0.05, 0.38, 0.81))
    right.set_position((0.49, 0.16, 0.49, 0.64))
    show_pixels(left, decode(net, point), "")
    for digit in range(10):  # at most 40 of each, or nobody could read them
        x, y = codes[labels == digit][:40].T.numpy()
        right.scatter(x, y, 150, marker=f"${digit}$")
    style = {"edgecolor": "black", "linewidth": 2, "zorder": 3}
    for label, place in marks.items():
        right.scatter(*place, 600, "white", marker="*", label=label, **style)
    right.scatter(*point, 300, "#D55E00", marker="X", label="this point", **style)
    right.set(xlabel="x", ylabel="y")
    legend = {"loc": "lower center", "bbox_to_anchor": (0.5, 0.98), "ncols": 2}
    right.legend(**legend, markerscale=0.6, handletextpad=0.2)
    fig.suptitle("The numbers {:.1f} and {:.1f} draw this".format(*point))
    return fig


@app.function
def figure_digit(views: dict, errors: torch.Tensor, error: float, size: int):
    """The image rebuilt from noise; below, how well it is rebuilt without noise."""
    fig, axes = shared.Drawing.subplot_mosaic(
        "abcd;eeee", figsize=(10, 5.2), height_ratios=[4, 3]
    )
    for key, (name, y) in zip("abcd", views.items(), strict=True):
        off = (y - views["image"]).square().mean()
        show_pixels(axes[key], y, name if key in "ab" else f"{name}: {off:.3f}")
    low, mean = axes["e"], errors.mean()
    low.hist(errors.numpy(), 40, color="C0", label=f"unseen digits, mean {mean:.3f}")
    low.axvline(error, color="#D55E00", linestyle="--", label=f"this one {error:.3f}")
    few = autoencoder.say_numbers(size)
    low.set(yticks=[], xlabel=f"error of the image without noise, {few}")
    low.legend(loc="upper right")
    worse = errors.lt(error).float().mean()
    low.set_title(f"Harder to rebuild than {worse:.0%} of unseen digits")
    return fig


@app.function
def show_training(losses: list[float], result):
    fig, ax = shared.Drawing.subplots(figsize=(10, 3.6), layout="none")
    fig.subplots_adjust(bottom=0.2)
    ax.semilogy(losses)
    ax.minorticks_off()  # half of the time to draw it
    told = f"Trained, {len(losses)} steps" if result else f"Step {len(losses)}"
    ax.set(xlabel="step, of four networks in turn", ylabel="loss", title=told)
    return shared.picture(fig, f"The loss in training. {told}")


@app.cell
def _():
    head
    return


@app.cell
def _():
    reset = mo.ui.button(value=0, on_click=lambda n: n + 1, label="Reset")
    return (reset,)


@app.cell
def _(reset):
    jobs, more = [], reset.value % 2  # another bound, or the old number stays seen
    get_fresh, set_fresh = mo.state({})
    pad = mo.ui.anywidget(shared.Pad())
    _start = shared.asked(
        reset.value,
        noise=(1, [tenth / 10 for tenth in range(21)]),
        latent_dim=(8, range(1, 65)),
        steps=(1600, range(100, 3201, 100)),
        data=(DATA[0], DATA),
        seed=(0, shared.SEEDS),
    )
    noise = mo.ui.slider(
        0, 2, 0.1, value=_start["noise"], label="Noise", show_value=True
    )
    numbers = mo.ui.slider(
        1, 64, value=_start["latent_dim"], label="Numbers", show_value=True
    )
    steps = mo.ui.slider(
        100, 3200, 100, value=_start["steps"], label="Steps", show_value=True
    )
    data = mo.ui.dropdown(DATA, value=_start["data"], label="Data")
    seed = mo.ui.number(0, 2**32 - 1 - more, 1, value=_start["seed"], label="Seed")
    train = mo.ui.run_button(label="Train")
    stop = shared.stop_button(jobs)
    mistake = shared.choose_mistake("autoencoder")
    controls = [numbers, steps, data, seed, train, stop, reset]
    return (
        controls,
        data,
        get_fresh,
        jobs,
        mistake,
        more,
        noise,
        numbers,
        pad,
        seed,
        set_fresh,
        steps,
        train,
    )


@app.cell
def _(data, more, pad):
    sample = mo.ui.number(
        0,
        len(load(data.value)[2]) - 1 - more,
        1,
        value=0,
        label="Sample",
        on_change=lambda _: setattr(pad, "strokes", []),
    )
    return (sample,)


@app.cell
def _(data, numbers, seed, steps):
    settings = None
    if seed.value is not None:
        settings = numbers.value, steps.value, data.value, int(seed.value)
    return (settings,)


@app.cell
def _(data, get_fresh, settings):
    nets = settings and recall(*settings, get_fresh())
    codes = unseen_errors = None
    if nets is not None:
        _unseen = load(data.value)[2]
        codes = nets["map"].encoder(_unseen)
        unseen_errors = lost(nets["autoencoder"], _unseen)
    return codes, nets, unseen_errors


@app.cell
def _(data, nets, pad, sample, settings):
    _images, _, _unseen, _ = load(data.value)
    x, problem = None, "Only a dot: draw a large digit"
    if settings is None:
        problem = "Which seed? A whole number, please."
    elif nets is None:
        problem = "Nobody has trained it with these settings: press Train."
    elif pad.strokes:
        x = fit(pad.strokes, len(_images) == 60_000)
        x = x if x is None else x.flatten(1)
    elif sample.value is None:
        problem = "Which sample? Or draw a digit."
    else:
        x = _unseen[[int(sample.value)]]
    return problem, x


@app.cell
def _(data, nets, noise, pad, problem, sample, settings, unseen_errors, x):
    _told, _view = problem, None
    if x is not None:
        _views = rebuild(nets, x, noise.value, data.value, settings[-1])
        _off = [(_views[name] - x).square().mean() for name in ("ours", "PCA")]
        _from = "out of noise" if noise.value else "without noise"
        _told = f"Rebuilt {_from}, with {_off[0] / _off[1]:.0%} of PCA's error"
        _error = lost(nets["autoencoder"], x).item()
        with shared.alone():
            _fig = figure_digit(_views, unseen_errors, _error, settings[0])
            _alt = f"{_told}. {_fig.axes[-1].get_title()}"
            _view = shared.picture(_fig, _alt)
    _left = mo.vstack([pad, sample, noise]).style(width="290px")
    _right = mo.vstack([_view] if _view else []).style(flex="1 1 300px")
    mo.vstack([shared.tell(f"## {_told}"), mo.hstack([_left, _right], wrap=True)])
    return


@app.cell
def _(codes, more):
    mo.stop(codes is None)
    _low, _high = codes.amin(dim=0).floor().tolist(), codes.amax(dim=0).ceil().tolist()
    _start = [round(number, 1) + 0.0 for number in codes[0].tolist()]  # no -0.0
    point = mo.ui.array(
        [
            mo.ui.slider(low, high + more, 0.1, start, label=name, show_value=True)
            for name, low, high, start in zip("xy", _low, _high, _start, strict=True)
        ]
    )
    mo.hstack(["Walk through the map:", *point], justify="start", wrap=True)
    return (point,)


@app.cell
def _(codes, data, nets, pad, point, x):
    _name = "your drawing" if pad.strokes else "the sample"
    _marks = {} if x is None else {_name: nets["map"].encoder(x)[0].tolist()}
    _point = [float(number) for number in point.value]
    with shared.alone():
        _fig = figure_map(nets["map"], codes, load(data.value)[3], _point, _marks)
        _view = shared.picture(
            _fig, f"{_fig.get_suptitle()}: a point on the map of unseen digits"
        )
    _view
    return


@app.cell
def _(data, nets, settings):
    mo.stop(nets is None)
    _size, _errors = settings[0], errors(nets)
    _few = autoencoder.say_numbers(_size)
    _rows = [
        (f"{_few}, unseen digits", "autoencoder", "autoencoder_pca"),
        (f"{_few}, no activations, unseen", "linear_unseen", "autoencoder_pca"),
        (f"{_few}, no activations, training", "linear_fit", "linear_fit_pca"),
        ("2 numbers, the map, unseen digits", "map", "map_pca"),
        ("32 numbers, unseen digits out of noise", "denoiser", "denoiser_pca"),
    ]
    _told = "\n".join(
        f"| {told} | {_errors[ours]:.4f} | {_errors[theirs]:.4f} |"
        for told, ours, theirs in _rows
    )
    _of = f"Error, trained on {len(load(data.value)[0]):,} digits"
    mo.md(f"| {_of} | ours | PCA |\n|:--|--:|--:|\n{_told}")
    return


@app.cell
def _(controls):
    mo.hstack(controls, justify="start", wrap=True)
    return


@app.cell
def _(noise, settings):
    mo.stop(settings is None)
    _names = "latent_dim", "steps", "data", "seed"
    _options = dict(zip(_names, settings, strict=True))
    shared.remember(noise=noise.value, **_options)
    shared.command("autoencoder", **_options)
    return


@app.cell
def _(jobs, set_fresh, settings, train):
    mo.stop(not train.value or settings is None)

    def _train():
        done = {settings: learn(*settings)}
        set_fresh(done)
        return done

    shared.start(jobs, _train, show_training)
    return


@app.cell
def _(mistake):
    mistake
    return


@app.cell
def _(mistake):
    shared.show_mistake("autoencoder", mistake.value)
    return


if __name__ == "__main__":
    app.run()
