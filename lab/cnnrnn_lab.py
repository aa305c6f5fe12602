import marimo

app = marimo.App(width="medium", app_title="cnnrnn: the lab")

with app.setup:
    import random

    import marimo as mo
    import matplotlib.pyplot as plt
    import shared
    import torch

    cnnrnn, head = shared.lesson("cnnrnn")
    images, _, unseen, _ = cnnrnn.load_digits("auto")
    STEPS, ORDER = 300, [0, 1, 2, 3, 4, 5]


@app.function
def learn(view: str, seed: int) -> tuple[torch.nn.Module, torch.Tensor]:
    """The lesson's reader of a view, and how often it is right after each frame."""
    torch.manual_seed(seed)
    reader = cnnrnn.train(images, view, STEPS, "cpu")
    films, motion = cnnrnn.shoot(unseen, 500)
    answers = reader(cnnrnn.VIEWS[view](films), every_frame=True).argmax(dim=2)
    return reader, (answers == motion[:, None]).float().mean(dim=0)


@app.function
def kept(view: str, seed: int) -> torch.nn.Module:
    """The same, from the cache; the shares are in .right."""
    with shared.alone():  # its first weights are drawn, too
        reader = cnnrnn.ImageSequenceClassifierCNNRNN()
    reader.register_buffer("right", torch.zeros(6 if view == "in_order" else 1))

    def train(reader):
        learned, right = learn(view, seed)
        reader.load_state_dict(learned.state_dict() | {"right": right})

    return shared.keep(f"{view} {STEPS} {seed} {len(images)}", reader, train)


@app.function
def shares(in_order: torch.Tensor, any_order: torch.Tensor) -> dict[str, float]:
    """As main() returns them."""
    first, last = in_order[0].item(), in_order[-1].item()
    return {"one_frame": first, "any_order": any_order[-1].item(), "in_order": last}


@app.function
def shoot(digit: int, place: tuple[int, int], motion: str, order: list[int]):
    """One film (1, T, 1, 28, 28), its frames in this order."""
    image = unseen[digit : digit + 1]
    return cnnrnn.film(image, torch.tensor([place]), motion)[:, order]


@app.function
def answer(reader: torch.nn.Module, view: str, film: torch.Tensor) -> torch.Tensor:
    """What it answers after each frame that the view shows, (T, C)."""
    return reader(cnnrnn.VIEWS[view](film), every_frame=True)[0]


@app.function
def in_words(logits: torch.Tensor) -> str:
    """The likely motions, with their probabilities."""
    chances = dict(zip(cnnrnn.MOTIONS, logits.softmax(dim=0).tolist(), strict=True))
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
    return "shuffled: the frames tell the axis, the direction was in their order"


@app.function
def figure_any_order(film: torch.Tensor, logits: torch.Tensor):
    """All that is left where the order is unknown: the mean of the frames."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(12.8, 3.4))
    left.imshow(cnnrnn.VIEWS["any_order"](film)[0, 0, 0].numpy(), cmap="gray_r")
    left.set(xticks=[], yticks=[])
    right.barh([*cnnrnn.MOTIONS], logits[-1].softmax(dim=0).tolist())
    right.set(xlim=(0, 1), xticks=[0, 1], ylim=(4.5, -0.5), xlabel="probability")
    fig.suptitle("In any order: this is all that it sees")
    return fig


@app.function
def figure_losses(losses: list[float], title: str):
    """The losses of the two readers, which are trained one after the other."""
    fig, ax = plt.subplots(figsize=(12.8, 5))
    for start, name in enumerate(cnnrnn.VIEWS):
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
    digit = mo.ui.number(0, len(unseen) - 1 - more, 1, value=0, label="Digit")
    motion = mo.ui.dropdown([*cnnrnn.MOTIONS], value="left", label="Motion")
    row = mo.ui.slider(0, 27, value=0, label="Down", show_value=True)
    column = mo.ui.slider(0, 27, value=0, label="Across", show_value=True)
    seed = mo.ui.number(0, 2**32 - 1 - more, 1, value=0, label="Seed")
    filmed = mo.ui.button(label="As filmed", on_click=lambda _: set_order(ORDER))
    backwards = mo.ui.button(
        label="Play backwards", on_click=lambda _: set_order(lambda order: order[::-1])
    )
    shuffle = mo.ui.button(
        label="Shuffle", on_click=lambda _: set_order(random.sample(ORDER, 6))
    )
    train = mo.ui.run_button(label="Watch both train")
    stop = mo.ui.button(
        label="Stop", on_click=lambda _: [job.stop.set() for job in jobs]
    )
    mistake = shared.choose_mistake("cnnrnn")
    mo.vstack(
        [
            mo.hstack([digit, motion, row, column], justify="start", wrap=True),
            mo.hstack(
                [backwards, shuffle, filmed, seed, train, stop, reset],
                justify="start",
                wrap=True,
            ),
        ]
    )
    return column, digit, jobs, mistake, motion, row, seed, train


@app.cell
def _(column, digit, get_order, motion, row, seed):
    _missing = None in (digit.value, seed.value, motion.value)
    mo.stop(_missing, shared.say("Each field wants a value: which digit, which seed?"))
    _readers = {view: kept(view, int(seed.value)) for view in cnnrnn.VIEWS}
    _film = shoot(
        int(digit.value), (row.value, column.value), motion.value, get_order()
    )
    _said = {view: answer(reader, view, _film) for view, reader in _readers.items()}
    _order = " ".join(str(number + 1) for number in get_order())
    _line = mo.md(
        f"### In order: {in_words(_said['in_order'][-1])}. "
        f"In any order: {in_words(_said['any_order'][-1])}.\n\n"
        f"Filmed: {motion.value}; frames {_order}, {played(get_order())}."
    )
    with shared.alone():
        _share = shares(_readers["in_order"].right, _readers["any_order"].right)
        _strip = cnnrnn.figure(_film[0], _said["in_order"], _share)
        _strip.set_size_inches(12.8, 4.9)  # to be seen together with the controls
        _pictures = [
            shared.picture(
                _strip,
                f"Six frames of a digit, filmed {motion.value} and played {_order}, "
                "and the five probabilities after each",
            ),
            shared.picture(
                figure_any_order(_film, _said["any_order"]),
                "The mean of the six frames, and the five probabilities",
            ),
        ]
    mo.vstack([_line, *_pictures])
    return


@app.cell
def _(seed):
    shared.command("cnnrnn", seed=int(seed.value or 0))
    return


@app.cell
def _(jobs, seed, train):
    mo.stop(not train.value or seed.value is None)

    def _draw(losses, result):
        told = [f"{name.replace('_', ' ')} {share:.1%}" for name, share in result or ()]
        title = f"Right on unseen digits: {', '.join(told)}" if told else "Training"
        return shared.picture(figure_losses(losses, title), f"{title}. The losses")

    def _learn():
        right = {view: learn(view, int(seed.value))[1] for view in cnnrnn.VIEWS}
        return shares(**right).items()

    jobs.append(shared.Job(_learn, _draw))
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
