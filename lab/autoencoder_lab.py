import marimo

app = marimo.App(width="medium", app_title="autoencoder: the lab")

with app.setup:
    import contextlib
    import functools
    import inspect
    import math

    import marimo as mo
    import matplotlib.pyplot as plt
    import shared
    import torch
    from pad import fit

    autoencoder, head = shared.lesson("autoencoder")
    NETS = ("autoencoder", "map", "denoiser")
    ERRORS = [f"{n}{end}" for n in (*NETS, "linear_fit") for end in ("_pca", "")]
    DEFAULT = 8, 800, "auto", 0  # latent_dim, steps, data, seed


@app.function
@functools.cache
def load(data: str) -> list[torch.Tensor]:
    """Images (N, 784) and labels to fit, then unseen ones."""
    return [x.view(len(x), -1).squeeze() for x in autoencoder.load_digits(data)]


@app.function
@functools.cache
def pca(data: str, size: int):
    return autoencoder.fit_pca(load(data)[0], size)


@app.function
def blank(latent_dim: int) -> torch.nn.ModuleDict:
    sizes = zip(NETS, (latent_dim, 2, 32), strict=True)
    nets = {name: autoencoder.SimpleAutoencoder(784, size) for name, size in sizes}
    nets = torch.nn.ModuleDict(nets)
    nets.register_buffer("errors", torch.zeros(8, dtype=torch.float64))
    return nets


@app.function
def learn(latent_dim: int, steps: int, data: str, seed: int) -> torch.nn.ModuleDict:
    """What compare() trains, and in .errors all that it measures."""
    images, _, unseen, _ = load(data)
    errors, trained = autoencoder.compare(images, unseen, latent_dim, steps, seed)
    nets = blank(latent_dim)
    for name in NETS:
        nets[name].load_state_dict(trained[name].state_dict())
    nets.errors.copy_(torch.tensor([errors[name] for name in ERRORS]))
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
        return shared.keep(f"{told} {inspect.getsource(autoencoder)}", nets, train)


@app.function
def errors(nets: torch.nn.ModuleDict) -> dict[str, float]:
    """What main() returns."""
    return dict(zip(ERRORS, nets.errors.tolist(), strict=True))


@app.function
def rebuild(nets: torch.nn.ModuleDict, x: torch.Tensor, noise: float, data, seed):
    """The image (1, 784), with noise, and what PCA and the denoiser make of that."""
    with shared.alone():
        torch.manual_seed(seed)
        noisy = x + noise * torch.randn(x.shape)
    return {"image": x, "with noise": noisy} | {
        "PCA, 32": pca(data, 32)(noisy),
        "ours, 32": nets["denoiser"](noisy),
    }


@app.function
def lost(net, x: torch.Tensor) -> torch.Tensor:
    """The error of each image, (N,)."""
    return (net(x) - x).square().mean(dim=1)


@app.function
def figure_map(nets: torch.nn.ModuleDict, data: str, point, x: torch.Tensor | None):
    """The lesson's map of unseen digits, this point on it, and what it decodes to."""
    _, _, unseen, labels = load(data)
    net = nets["map"]
    nothing = torch.zeros(3, 1, 784)
    fig = autoencoder.figure(nothing, net.encoder(unseen), labels, gain=0)
    left, right = fig.axes
    left.clear()
    decoded = net.decoder(torch.tensor([point])).view(28, 28)
    left.imshow(decoded, cmap="gray_r", vmin=0, vmax=1)
    left.set(xticks=[], yticks=[], title="decoded")
    marks = [(point, "X", "#D55E00", "this point")]
    if x is not None:
        marks += [(net.encoder(x)[0].tolist(), "*", "white", "your digit")]
    for place, marker, color, label in marks:
        style = {"s": 500, "color": color, "edgecolor": "black", "linewidth": 2}
        right.scatter(*place, marker=marker, label=label, zorder=3, **style)
    right.set(xlabel="x", ylabel="y")
    right.legend(loc="lower left")
    fig.suptitle("Two numbers, one image: ({:.1f}, {:.1f})".format(*point))
    fig.set_size_inches(12, 5.4)
    return fig


@app.function
def figure_digit(nets: torch.nn.ModuleDict, views: dict, data: str):
    """The image rebuilt from noise; below, how well it is rebuilt without noise."""
    fig, axes = plt.subplot_mosaic("abcd;eeee", figsize=(12, 7), height_ratios=[3, 2])
    for key, (name, y) in zip("abcd", views.items(), strict=True):
        error = (y - views["image"]).square().mean()
        axes[key].imshow(y.view(28, 28), cmap="gray_r", vmin=0, vmax=1)
        title = name if key in "ab" else f"{name}: {error:.3f}"
        axes[key].set(xticks=[], yticks=[], title=title)
    net, low = nets["autoencoder"], axes["e"]
    unseen, ours = lost(net, load(data)[2]), lost(net, views["image"]).item()
    size = net.encoder[-1].out_features
    low.hist(unseen.numpy(), 40, color="C0", label=f"unseen, mean {unseen.mean():.4f}")
    low.axvline(ours, color="#D55E00", linestyle="--", label=f"this one {ours:.4f}")
    low.set(yticks=[], xlabel=f"error of the image without noise, {size} numbers")
    low.legend(loc="upper right")
    worse = (unseen < ours).float().mean()
    low.set_title(f"More error than {worse:.0%} of unseen digits")
    return fig


@app.function
def show_training(losses: list[float], result):
    fig, ax = plt.subplots(figsize=(12, 4))
    ax.semilogy(losses)
    told = f"Trained, {len(losses)} steps" if result else f"Step {len(losses)}"
    ax.set(xlabel="step, of four networks in turn", ylabel="loss", title=told)
    return shared.picture(fig, f"The loss in training. {told}")


@app.cell
def _():
    head
    return


@app.cell
def _():
    reset = mo.ui.button(label="Reset")
    return (reset,)


@app.cell
def _(reset):
    reset
    jobs = []
    get_fresh, set_fresh = mo.state({})
    pad = mo.ui.anywidget(shared.Pad())
    noise = mo.ui.slider(0, 2, 0.1, value=1, label="Noise", show_value=True)
    numbers = mo.ui.slider(1, 64, value=8, label="Numbers", show_value=True)
    steps = mo.ui.slider(50, 1600, 50, value=800, label="Steps", show_value=True)
    data = mo.ui.dropdown(["auto", "digits"], value="auto", label="Data")
    seed = mo.ui.number(0, 2**32 - 1, value=0, label="Seed")
    train = mo.ui.run_button(label="Train")
    stop = mo.ui.button(
        label="Stop", on_click=lambda _: [job.stop.set() for job in jobs]
    )
    mistake = shared.choose_mistake("autoencoder")
    controls = [numbers, steps, data, seed, train, stop, reset]
    return (
        controls,
        data,
        get_fresh,
        jobs,
        mistake,
        noise,
        numbers,
        pad,
        seed,
        set_fresh,
        steps,
        train,
    )


@app.cell
def _(data, pad):
    sample = mo.ui.number(
        0,
        len(load(data.value)[2]) - 1,
        value=0,
        label="or sample",
        on_change=lambda _: setattr(pad, "strokes", []),
    )
    return (sample,)


@app.cell
def _(data, get_fresh, numbers, seed, steps):
    settings = numbers.value, steps.value, data.value, int(seed.value or 0)
    nets = recall(*settings, get_fresh())
    return nets, settings


@app.cell
def _(data, pad, sample):
    _images, _, _unseen, _ = load(data.value)
    _mnist = len(_images) == 60_000
    x = _unseen[[int(sample.value or 0)]]
    if pad.strokes:
        x = fit(pad.strokes, _mnist)
        x = x if x is None else x.flatten(1)
    return (x,)


@app.cell
def _(data, nets, noise, pad, sample, settings, x):
    if nets is None:
        _view = shared.say("Nobody has trained it with these settings: press Train.")
    elif x is None:
        _view = shared.say("That is only a dot. Draw a digit, and a large one.")
    else:
        _views = rebuild(nets, x, noise.value, data.value, settings[-1])
        with shared.alone():
            _fig = figure_digit(nets, _views, data.value)
            _view = shared.picture(
                _fig, f"Rebuilt from noise. {_fig.axes[-1].get_title()}"
            )
    _left = mo.vstack([pad, sample, noise]).style(width="290px")
    mo.hstack([_left, mo.vstack([_view]).style(flex="1 1 300px")], wrap=True)
    return


@app.cell
def _(data, nets, reset):
    reset
    mo.stop(nets is None)
    _codes = nets["map"].encoder(load(data.value)[2])
    _places = zip(
        "xy", _codes.amin(dim=0).tolist(), _codes.amax(dim=0).tolist(), strict=True
    )
    point = mo.ui.array(
        [
            mo.ui.slider(
                math.floor(low), math.ceil(high), 0.1, 0, label=name, show_value=True
            )
            for name, low, high in _places
        ]
    )
    mo.hstack(["Walk through the map:", *point], justify="start", wrap=True)
    return (point,)


@app.cell
def _(data, nets, point, x):
    with shared.alone():
        _view = shared.picture(
            figure_map(nets, data.value, [float(p) for p in point.value], x),
            "The map of unseen digits, a point on it, and the image it decodes to",
        )
    _view
    return


@app.cell
def _(data, nets):
    mo.stop(nets is None)
    _of = f"Error, trained on {len(load(data.value)[0]):,} digits"
    _told = "\n".join(
        f"| {name.replace('_', ' ')} | {errors(nets)[name]:.4f} "
        f"| {errors(nets)[name + '_pca']:.4f} |"
        for name in (*NETS, "linear_fit")
    )
    mo.md(f"| {_of} | ours | PCA |\n|-|-|-|\n{_told}")
    return


@app.cell
def _(controls):
    mo.hstack(controls, justify="start", wrap=True)
    return


@app.cell
def _(settings):
    shared.command(
        "autoencoder",
        **dict(zip(("latent_dim", "steps", "data", "seed"), settings, strict=True)),
    )
    return


@app.cell
def _(jobs, set_fresh, settings, train):
    mo.stop(not train.value)

    def _train():
        done = {settings: learn(*settings)}
        set_fresh(done)
        return done

    jobs.append(shared.Job(_train, show_training))
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
