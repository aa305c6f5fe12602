import marimo

app = marimo.App(width="medium", app_title="cnn: the lab")

with app.setup:
    import contextlib
    import functools
    import inspect

    import marimo as mo
    import matplotlib.pyplot as plt
    import shared
    import torch
    from pad import fit

    cnn, head = shared.lesson("cnn")
    load = functools.cache(cnn.load_digits)
    PLACED = ("cnn_in_order", "cnn_shuffled", "mlp_in_order", "mlp_shuffled")
    DEFAULT, SPOTS = ("auto", 240, 0), 200  # data, steps, seed


@app.function
def shuffle(images: torch.Tensor, seed: int) -> torch.Tensor:
    """The lesson's shuffle, the same for every image."""
    pixels = torch.randperm(784, generator=torch.manual_seed(seed))
    return images.flatten(1)[:, pixels].view_as(images)


@app.function
def make_tasks(data: str, steps: int, seed: int) -> dict[str, list[torch.Tensor]]:
    """The tasks of main(), drawn in its order."""
    digits = load(data)
    shuffle(digits[2], seed)  # as in main(), the pixels are drawn first
    placed = cnn.place(*digits[:2], cnn.BATCH * steps // 2)
    placed += cnn.place(*digits[2:], 2000)
    mixed = [shuffle(x, seed) if x.ndim > 1 else x for x in placed]
    return {"centred": digits, "shuffled": mixed, "in_order": placed}


@app.function
def blank(names: tuple[str, ...]) -> torch.nn.ModuleDict:
    nets = torch.nn.ModuleDict()
    for name in names:
        nets[name] = cnn.make_mlp() if "mlp" in name else cnn.ImageClassifierCNN()
        nets[name].register_buffer("right", torch.zeros(()))
    return nets


@app.function
def learn(names: tuple[str, ...], data: str, steps: int, seed: int):
    """Networks as main() trains them; .right is what each reads of unseen digits."""
    tasks, nets = make_tasks(data, steps, seed), torch.nn.ModuleDict()
    for name in names:
        torch.manual_seed(seed)
        nets.update(blank((name,)))
        task = tasks[name.split("_", 1)[1]]
        nets[name].right.fill_(cnn.train(nets[name], *task, steps))
    return nets


@app.function
def recall(names: tuple[str, ...], data: str, steps: int, seed: int, fresh=None):
    """These networks; None if nobody has trained them yet, and it takes a button."""
    with shared.alone():  # it draws random weights
        nets = blank(names)

    def train(nets):
        known = (fresh or {}).get((names, data, steps, seed))
        if not known and (data, steps, seed) != DEFAULT:
            raise shared.StoppedError
        nets.load_state_dict((known or learn(names, data, steps, seed)).state_dict())

    told = f"{names} {len(load(data)[0])} {steps} {seed} {inspect.getsource(cnn)}"
    with contextlib.suppress(shared.StoppedError):
        return shared.keep(told, nets, train)


@app.function
def picture(fig, told: str):
    """A lesson's picture, less high, so that all of it fits beside the pad."""
    fig.set_size_inches(12, 6)
    return shared.picture(fig, told)


@app.function
def show_layers(net: torch.nn.Module, x: torch.Tensor):
    p, answer = (v.item() for v in net(x)[0].softmax(dim=0).max(dim=0))
    told = f"It reads {answer}, probability {p:.0%}"
    with shared.alone():
        view = picture(cnn.figure_layers(net, x), f"{told}. The maps of both layers")
    return mo.vstack([mo.md(f"## {told}"), view], gap=0)


@app.function
def show_shuffled(nets: torch.nn.ModuleDict, x: torch.Tensor, digit: int, seed: int):
    """The lesson's other picture, with this digit at many random spots."""
    with shared.alone():
        torch.manual_seed(seed)
        placed = cnn.place(x, torch.zeros(1), SPOTS)[0]
        mixed, read = shuffle(placed, seed), {}
        for name, net in nets.items():
            answers = net(mixed if "shuffled" in name else placed).argmax(dim=1)
            read[name.replace("_", " ")] = answers.eq(digit).float().mean().item()
        title = f"At how many of {SPOTS} spots is it a {digit}?"
        told = ", ".join(f"{name} {share:.0%}" for name, share in read.items())
        pictures = {"in order": placed[:1], "shuffled": mixed[:1]}
        view = picture(cnn.figure(title, pictures, read), f"{title} {told}")
    right = ", ".join(f"{n.replace('_', ' ')} {v.right:.1%}" for n, v in nets.items())
    told = f"Each network was trained on digits like these: half as large, at random \
spots, and two of them on shuffled images only. Of unseen ones they read: {right}."
    return mo.vstack([view, mo.md(told)])


@app.function
def show_training(losses: list[float], result):
    fig, ax = plt.subplots(figsize=(12.8, 4))
    ax.plot(losses)
    ax.axhline(2.303, linestyle="--", color="gray", label="guessing: ln 10")
    told = f"Trained, {len(losses)} steps" if result else f"Step {len(losses)}"
    ax.set(xlabel="step", ylabel="loss", ylim=(0, 3), title=told)
    ax.legend(loc="upper right")
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
    shuffled = mo.ui.switch(label="Shuffle the pixels")
    data = mo.ui.dropdown(["auto", "digits"], value="auto", label="Data")
    steps = mo.ui.slider(20, 480, 20, value=240, label="Steps", show_value=True)
    seed = mo.ui.number(0, 2**32 - 1, value=0, label="Seed")
    train = mo.ui.run_button(label="Train")
    stop = mo.ui.button(
        label="Stop", on_click=lambda _: [job.stop.set() for job in jobs]
    )
    mistake = shared.choose_mistake("cnn")
    controls = [data, steps, seed, train, stop, reset]
    return (
        controls,
        data,
        get_fresh,
        jobs,
        mistake,
        pad,
        seed,
        set_fresh,
        shuffled,
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
def _(data, get_fresh, seed, steps):
    settings = data.value, steps.value, int(seed.value or 0)
    nets = recall(("cnn_centred",), *settings, get_fresh())
    return nets, settings


@app.cell
def _(data, nets, pad, sample):
    _images, _, _unseen, _ = load(data.value)
    _mnist = len(_images) == 60_000
    _row = int(sample.value or 0)
    x = fit(pad.strokes, _mnist) if pad.strokes else _unseen[[_row]]
    if nets is None:
        _view = shared.say("Nobody has trained it with these settings: press Train.")
    elif x is None:
        _view = shared.say("That is only a dot. Draw a digit, and a large one.")
    else:
        _view = show_layers(nets["cnn_centred"], x)
    _told = f"Trained on {len(_images):,} {'of MNIST' if _mnist else 'small'} digits"
    _told += ". " if _mnist else ": expect mistakes. "
    _told += f"Reads {nets['cnn_centred'].right:.1%} of unseen ones." if nets else ""
    _left = mo.vstack([pad, sample, mo.md(_told)]).style(width="290px")
    mo.hstack([_left, mo.vstack([_view]).style(flex="1 1 300px")], wrap=True)
    return (x,)


@app.cell
def _(shuffled):
    shuffled
    return


@app.cell
def _(get_fresh, nets, settings, shuffled, x):
    mo.stop(not shuffled.value or nets is None or x is None)
    _four = recall(PLACED, *settings, get_fresh())
    if _four is None:
        _view = shared.say("Nobody has trained these four yet: press Train.")
    else:
        _answer = nets["cnn_centred"](x).argmax().item()
        _view = show_shuffled(_four, x, _answer, settings[2])
    _view
    return


@app.cell
def _(controls):
    mo.hstack(controls, justify="start", wrap=True)
    return


@app.cell
def _(settings):
    shared.command("cnn", **dict(zip(("data", "steps", "seed"), settings, strict=True)))
    return


@app.cell
def _(jobs, set_fresh, settings, shuffled, train):
    mo.stop(not train.value)

    def _train():
        wanted = [("cnn_centred",), PLACED][: 1 + shuffled.value]
        done = {(names, *settings): learn(names, *settings) for names in wanted}
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
    shared.show_mistake("cnn", mistake.value)
    return


if __name__ == "__main__":
    app.run()
