import marimo

app = marimo.App(width="medium", app_title="cnnrnn: the lab")

with app.setup:
    import io
    import random

    import marimo as mo
    import numpy
    import shared
    import torch
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    from tools.data import have_mnist

    cnnrnn, head = shared.lesson(
        "cnnrnn", "Press Play backwards, then Shuffle: what can still be told?"
    )
    DATA = "mnist" if have_mnist() else "digits"
    images, _, unseen, _ = cnnrnn.load_digits(DATA)
    STEPS, ORDER = 300, list(range(cnnrnn.FRAMES))
    VIEWS = ("any_order", "in_order")  # what a network sees, in the order of main()


@app.function
def see(view: str, films: torch.Tensor) -> torch.Tensor:
    """What the network of this view sees of the films."""
    return films if view == "in_order" else cnnrnn.average_frames(films)


@app.function
def learn(view: str, seed: int) -> tuple[torch.nn.Module, torch.Tensor]:
    """A network as main() trains it, and its share of correct answers after each
    frame that it sees."""
    torch.manual_seed(seed)
    films, motions = cnnrnn.shoot(unseen, 500)
    torch.manual_seed(seed)
    network = cnnrnn.ImageSequenceClassifierCNNRNN()
    cnnrnn.train(network, images, STEPS, in_order=view == "in_order")
    share = cnnrnn.accuracy(network, see(view, films), motions)
    return network, torch.tensor(share)


@app.function
def kept(view: str, seed: int) -> torch.nn.Module:
    """The same, from the cache; the shares are in .correct."""
    with shared.alone():  # its first weights are drawn, too
        network = cnnrnn.ImageSequenceClassifierCNNRNN()
    answers = len(ORDER) if view == "in_order" else 1
    network.register_buffer("correct", torch.zeros(answers))

    def train(network):
        learned, share = learn(view, seed)
        network.load_state_dict(learned.state_dict() | {"correct": share})

    return shared.keep(f"{view} {STEPS} {seed} {len(images)}", network, train)


@app.function
def shares(in_order: torch.Tensor, any_order: torch.Tensor) -> dict[str, float]:
    """As main() returns them."""
    first, last = in_order[0].item(), in_order[-1].item()
    return {"one_frame": first, "any_order": any_order[-1].item(), "in_order": last}


@app.function
def shuffled(order: list[int]) -> list[int]:
    """Another order, at random: never the same one, or the button seems dead."""
    new = random.sample(order, len(order))
    return new if new != order else shuffled(order)


@app.function
def shoot(digit: int, place: tuple[int, int], motion: str, order: list[int]):
    """One film (1, T, 1, 28, 28), its frames in this order."""
    return cnnrnn.film(unseen[digit], *place, motion)[None, order]


@app.function
def answer(network: torch.nn.Module, view: str, film: torch.Tensor) -> torch.Tensor:
    """The probabilities of the motions after each frame that it sees, (T, C)."""
    return network(see(view, film), every_frame=True)[0].softmax(dim=-1)


@app.function
def in_words(probabilities: torch.Tensor) -> str:
    """The likely motions, with their probabilities."""
    chances = dict(zip(cnnrnn.MOTIONS, probabilities.tolist(), strict=True))
    likely = sorted(chances, key=chances.get, reverse=True)
    return ", ".join(
        f"{one} {chances[one]:.0%}" for one in likely if chances[one] > 0.05
    )


@app.function
def played(order: list[int]) -> str:
    """The order of the frames, and what it leaves to be told."""
    if order == ORDER:
        return "played as filmed"
    if order == ORDER[::-1]:
        return "played backwards: the opposite motion, if any"
    return "shuffled: row or column still shows, which way can only be guessed"


@app.function
def animate(film, in_order: torch.Tensor, any_order: torch.Tensor, order: list[int]):
    """An animated PNG, played three times: film and answer, and both without order;
    and how many pixels wide it has to be."""
    fig, axes = shared.Drawing.subplots(
        1, 4, figsize=(12.8, 3), dpi=75, width_ratios=[2, 3, 2, 3]
    )
    mean = cnnrnn.average_frames(film)[0, 0, 0]
    images, charts = axes[::2], axes[1::2]
    for ax, image in zip(images, (film[0, 0, 0], mean), strict=True):
        ax.imshow(image.numpy(), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
    for ax, chances in zip(charts, (in_order, any_order), strict=True):
        ax.barh(cnnrnn.MOTIONS, chances[-1].tolist())
        ax.set(xlim=(0, 1), xticks=[0, 1], ylim=(4.5, -0.5), xlabel="probability")
    images[0].set_title("as played")
    below = {"transform": images[0].transAxes, "ha": "center", "va": "top"}
    number = images[0].text(0.5, -0.08, "", fontsize=14, **below)
    images[1].set_title("in any order")
    screen, bars = images[0].images[0], charts[0].patches
    for artist in (screen, number, *bars):
        artist.set_animated(True)
    canvas = FigureCanvasAgg(fig)
    canvas.draw()  # once; then only what moves is drawn
    still, frames = canvas.copy_from_bbox(fig.bbox), []
    for image, chances, place in zip(film[0, :, 0], in_order, order, strict=True):
        canvas.restore_region(still)
        screen.set_data(image.numpy())
        number.set_text(f"frame {place + 1}")
        for bar, chance in zip(bars, chances.tolist(), strict=True):
            bar.set_width(chance)
        for artist in (screen, number, *bars):
            artist.axes.draw_artist(artist)
        frames.append(Image.fromarray(numpy.array(canvas.buffer_rgba())))
    file, times = io.BytesIO(), {"duration": [600] * 5 + [1800], "loop": 3}
    frames[0].save(file, "PNG", append_images=frames[1:], save_all=True, **times)
    return file.getvalue(), shared.readable(fig)


@app.function
def figure_losses(losses: list[float], title: str):
    """The losses of the two networks, which are trained one after the other."""
    fig, ax = shared.Drawing.subplots(figsize=(12.8, 5))
    for start, name in enumerate(VIEWS):
        run = losses[STEPS * start : STEPS * (start + 1)]
        ax.plot(run, label=name.replace("_", " "))
    ax.axhline(1.609, linestyle="--", color="gray", label="guessing: ln 5")
    ax.set(xlim=(0, STEPS), ylim=(0, 1.8), xlabel="step", ylabel="loss", title=title)
    ax.legend(loc="lower left")
    return fig


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
    reset
    get_order, set_order = mo.state(ORDER)
    return get_order, set_order


@app.cell
def _(reset, set_order):
    jobs, more = (
        [],
        reset.value % 2,
    )  # another bound, or the old number stays on the screen
    _start = shared.asked(
        reset.value,
        digit=(0, range(len(unseen))),
        motion=("left", cnnrnn.MOTIONS),
        row=(0, range(28)),
        column=(0, range(28)),
        seed=(0, shared.SEEDS),
    )
    digit = mo.ui.number(
        0, len(unseen) - 1 - more, 1, value=_start["digit"], label="Digit"
    )
    motion = mo.ui.dropdown(
        cnnrnn.MOTIONS, _start["motion"], label="Motion", allow_select_none=False
    )
    row = mo.ui.slider(0, 27, value=_start["row"], label="Down", show_value=True)
    column = mo.ui.slider(
        0, 27, value=_start["column"], label="Across", show_value=True
    )
    seed = mo.ui.number(0, 2**32 - 1 - more, 1, value=_start["seed"], label="Seed")
    filmed = mo.ui.button(label="As filmed", on_click=lambda _: set_order(ORDER))
    backwards = mo.ui.button(
        label="Play backwards", on_click=lambda _: set_order(lambda order: order[::-1])
    )
    shuffle = mo.ui.button(label="Shuffle", on_click=lambda _: set_order(shuffled))
    train = mo.ui.run_button(label="Watch both train")
    stop = shared.stop_button(jobs)
    mistake = shared.choose_mistake("cnnrnn")
    controls = [backwards, shuffle, filmed, digit, motion, row, column]
    controls += [seed, train, stop, reset]
    return column, controls, digit, jobs, mistake, motion, row, seed, train


@app.cell
def _(seed):
    mo.stop(seed.value is None, shared.say("Which seed? A whole number, please."))
    networks = {view: kept(view, int(seed.value)) for view in VIEWS}
    return (networks,)


@app.cell
def _(column, digit, get_order, motion, networks, row):
    mo.stop(digit.value is None, shared.say("Which digit? A whole number, please."))
    place = row.value, column.value
    film = shoot(int(digit.value), place, motion.value, get_order())
    said = {view: answer(net, view, film) for view, net in networks.items()}
    order = " ".join(str(number + 1) for number in get_order())
    _line = shared.tell(
        f"### As played: {in_words(said['in_order'][-1])}. "
        f"In any order: {in_words(said['any_order'][-1])}.\n\n"
        f"Filmed: {motion.value}; frames {order}, {played(get_order())}."
    )
    with shared.alone():
        _film, _least = animate(film, said["in_order"], said["any_order"], get_order())
    _playing = shared.show_image(
        _film,
        "The film with the probabilities as it plays; beside it the mean of all "
        "frames, and what can be told from that",
        _least,
    )
    mo.vstack([_line, _playing])
    return film, order, said


@app.cell
def _(controls):
    mo.hstack(controls, justify="start", wrap=True)
    return


@app.cell
def _(film, get_order, motion, networks, order, said):
    with shared.alone():
        _share = shares(**{view: net.correct for view, net in networks.items()})
        _strip = cnnrnn.figure(film[0], said["in_order"], list(_share.values()))
        _strip.set_size_inches(12.8, 5.6)
        _strip.subfigs[0].supxlabel("probability of each motion after this frame")
        _strip.suptitle("The network's answers, frame by frame")
        for _ax, _place in zip(_strip.axes, get_order(), strict=False):
            _ax.set_title(f"frame {_place + 1}", fontsize=15)
        _view = shared.picture(
            _strip,
            f"Six frames of a digit, filmed {motion.value} and played {order}, "
            "and the five probabilities after each",
        )
    _view
    return


@app.cell
def _(column, digit, motion, row, seed):
    shared.remember(
        digit=digit.value,
        motion=motion.value,
        row=row.value,
        column=column.value,
        seed=seed.value,
    )
    shared.command("cnnrnn", data=DATA, seed=int(seed.value or 0))
    return


@app.cell
def _(jobs, seed, train):
    mo.stop(not train.value or seed.value is None)

    def _draw(losses, result):
        told = [f"{name.replace('_', ' ')} {share:.1%}" for name, share in result or ()]
        title = f"Correct on unseen digits: {', '.join(told)}" if told else "Training"
        return shared.picture(figure_losses(losses, title), f"{title}. The losses")

    def _learn():
        found = {view: learn(view, int(seed.value))[1] for view in VIEWS}
        return shares(**found).items()

    shared.start(jobs, _learn, _draw)
    return


@app.cell
def _(mistake):
    mistake
    return


@app.cell
def _(mistake):
    shared.show_mistake("cnnrnn", mistake.value)
    return


if __name__ == "__main__":
    app.run()
