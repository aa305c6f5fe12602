import marimo

app = marimo.App(width="medium", app_title="cnn: the lab")

with app.setup:
    import contextlib
    import functools

    import marimo as mo
    import shared
    import torch
    from pad import fit

    from tools.data import have_mnist

    cnn, head = shared.lesson(
        "cnn",
        "Draw a digit in the box, then shuffle the pixels: who still reads it?",
    )
    load = cnn.load_digits
    PLACED = ("cnn_in_order", "cnn_shuffled", "mlp_in_order", "mlp_shuffled")
    DATA = ["mnist", "digits"] if have_mnist() else ["digits"]
    DEFAULT, SPOTS = (DATA[0], 240, 0), 100  # data, steps, seed
    MAKERS = {"cnn": cnn.ImageClassifierCNN, "mlp": cnn.make_mlp}


@app.function
def shuffle(images: torch.Tensor, seed: int) -> torch.Tensor:
    """The lesson's shuffle, the same for every image; its order is drawn first."""
    order = torch.randperm(784, generator=torch.manual_seed(seed))
    return cnn.shuffle_pixels(images, order)


@app.function
def blank(names: tuple[str, ...]) -> torch.nn.ModuleDict:
    nets = torch.nn.ModuleDict()
    for name in names:
        nets[name] = MAKERS[name[:3]]()
        nets[name].register_buffer("right", torch.zeros(()))
    return nets


@app.function
def learn(names: tuple[str, ...], data: str, steps: int, seed: int):
    """Networks as main() trains them; .right is what each reads of unseen digits."""
    tasks, nets = cnn.make_tasks(data, seed), torch.nn.ModuleDict()
    for name in names:
        kind, task = name.split("_", 1)
        enough = 4 * steps if (data, task) == ("mnist", "centred") else steps
        net, right = cnn.learn(MAKERS[kind], tasks[task], enough, "cpu", seed)
        net.register_buffer("right", torch.tensor(right))
        nets[name] = net
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

    told = f"{names} {len(load(data)[0])} {steps} {seed} {shared.source_of(cnn)}"
    with contextlib.suppress(shared.StoppedError):
        return shared.keep(told, nets, train)


@app.function
def picture(fig, told: str):
    """A lesson's picture, so small that it is read beside the pad and on a phone."""
    fig.set_size_inches(10, 5)
    fig.suptitle("")  # its sentence is the headline
    return shared.picture(fig, told)


@app.function
def show_layers(net: torch.nn.Module, x: torch.Tensor):
    """The headline, and what both layers make of the drawing."""
    p, answer = (v.item() for v in net(x)[0].softmax(dim=0).max(dim=0))
    told = f"It reads {answer}, probability {p:.0%}"
    with shared.alone():
        return told, picture(cnn.figure_layers(net, x[0]), f"{told}. Both layers' maps")


@app.function
def read_shuffled(nets: torch.nn.ModuleDict, x: torch.Tensor, digit: int, seed: int):
    """The digit at random spots, in order and shuffled; what each network reads at the
    first spot, and at what share of them it reads the digit."""
    torch.manual_seed(seed)
    placed = cnn.place(x, torch.zeros(1), SPOTS)[0]
    views = {"in_order": placed, "shuffled": shuffle(placed, seed)}
    answers = {n: net(views[n.split("_", 1)[1]]).argmax(1) for n, net in nets.items()}
    first = {name: each[0].item() for name, each in answers.items()}
    share = {n: each.eq(digit).float().mean().item() for n, each in answers.items()}
    return views, first, share


@app.function
def show_shuffled(nets: torch.nn.ModuleDict, x: torch.Tensor, digit: int, seed: int):
    """The headline, and the lesson's other picture, of this digit."""
    with shared.alone():
        views, first, share = read_shuffled(nets, x, digit, seed)
        told = "Shuffled, the CNN reads {:.0%} of {} spots, the MLP {:.0%}".format(
            share["cnn_shuffled"], SPOTS, share["mlp_shuffled"]
        )
        fig = cnn.figure(views["in_order"][0, 0], views["shuffled"][0, 0], share)
        fig.axes[-1].set_xlabel(f"read as {digit}\n(dashed: guessing)")
        view = picture(fig, told)
    said = "At the spot shown, in order the CNN reads {cnn_in_order} and the MLP \
{mlp_in_order}; shuffled the CNN reads {cnn_shuffled} and the MLP {mlp_shuffled}. They \
were trained on digits at random spots, two of them only on shuffled ones; of unseen \
ones they read: "
    said = said.format(**first)
    said += ", ".join(f"{n.replace('_', ' ')} {v.right:.1%}" for n, v in nets.items())
    return told, mo.vstack([view, mo.md(f"{said}.")])


@app.function
def show_training(losses: list[float], result, networks: int = 1):
    fig, ax = shared.Drawing.subplots(figsize=(10, 3.6), layout="none")
    fig.subplots_adjust(bottom=0.2)
    ax.plot(losses)
    ax.axhline(2.303, linestyle="--", color="gray", label="guessing: ln 10")
    told = f"Trained, {len(losses)} steps" if result else f"Step {len(losses)}"
    step = "step" if networks == 1 else f"step, of {networks} networks in turn"
    ax.set(xlabel=step, ylabel="loss", ylim=(0, 3), title=told)
    ax.legend(loc="upper right")
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
        shuffled=(False, [False, True]),
        data=(DATA[0], DATA),
        steps=(240, range(20, 481, 20)),
        seed=(0, shared.SEEDS),
    )
    shuffled = mo.ui.switch(_start["shuffled"], label="Shuffle the pixels")
    data = mo.ui.dropdown(DATA, value=_start["data"], label="Data")
    steps = mo.ui.slider(
        20, 480, 20, value=_start["steps"], label="Steps", show_value=True
    )
    seed = mo.ui.number(0, 2**32 - 1 - more, 1, value=_start["seed"], label="Seed")
    train = mo.ui.run_button(label="Train")
    stop = shared.stop_button(jobs)
    mistake = shared.choose_mistake("cnn")
    controls = [data, steps, seed, train, stop, reset]
    return (
        controls,
        data,
        get_fresh,
        jobs,
        mistake,
        more,
        pad,
        seed,
        set_fresh,
        shuffled,
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
def _(data, seed, steps):
    settings = None
    if seed.value is not None:
        settings = data.value, steps.value, int(seed.value)
    return (settings,)


@app.cell
def _(get_fresh, settings):
    nets = settings and recall(("cnn_centred",), *settings, get_fresh())
    return (nets,)


@app.cell
def _(get_fresh, nets, settings, shuffled):
    mixed = None  # the networks of the shuffled world, when they are asked for
    if shuffled.value and nets is not None:
        mixed = recall(PLACED, *settings, get_fresh())
    return (mixed,)


@app.cell
def _(data, mixed, nets, pad, sample, settings, shuffled):
    _images, _, _unseen, _labels = load(data.value)
    _mnist = len(_images) == 60_000
    _x = _digit = _view = None
    if settings is None:
        _told = "Which seed? A whole number, please."
    elif nets is None or (shuffled.value and mixed is None):
        _told = "Nobody has trained it with these settings: press Train."
    elif pad.strokes:
        _x = fit(pad.strokes, _mnist)
        _told = "Only a dot: draw a large digit"
    elif sample.value is None:
        _told = "Which sample? Or draw a digit."
    else:
        _row = int(sample.value)
        _x, _digit = _unseen[[_row]], _labels[_row].item()
    if _x is not None and shuffled.value:
        if _digit is None:  # nobody but the network says what was drawn
            _digit = nets["cnn_centred"](_x).argmax().item()
        _told, _view = show_shuffled(mixed, _x, _digit, settings[-1])
    elif _x is not None:
        _told, _view = show_layers(nets["cnn_centred"], _x)
    _from = "digits of MNIST" if _mnist else "small digits: expect mistakes"
    _from = f"Trained on {len(_images):,} {_from}. "
    _from += f"Reads {nets['cnn_centred'].right:.1%} of unseen ones." if nets else ""
    _left = mo.vstack([pad, sample, shuffled, mo.md(_from)]).style(width="290px")
    _right = mo.vstack([_view] if _view else []).style(flex="1 1 300px")
    mo.vstack([shared.tell(f"## {_told}"), mo.hstack([_left, _right], wrap=True)])
    return


@app.cell
def _(controls):
    mo.hstack(controls, justify="start", wrap=True)
    return


@app.cell
def _(settings, shuffled):
    mo.stop(settings is None)
    _options = dict(zip(("data", "steps", "seed"), settings, strict=True))
    shared.remember(shuffled=shuffled.value, **_options)
    shared.command("cnn", **_options)
    return


@app.cell
def _(jobs, set_fresh, settings, shuffled, train):
    mo.stop(not train.value or settings is None)

    def _train():
        wanted = [("cnn_centred",), PLACED][: 1 + shuffled.value]
        done = {(names, *settings): learn(names, *settings) for names in wanted}
        set_fresh(done)
        return done

    _draw = functools.partial(show_training, networks=5 if shuffled.value else 1)
    shared.start(jobs, _train, _draw)
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
