import marimo

app = marimo.App(width="medium", app_title="lightning: the lab")

with app.setup:
    import copy
    import tempfile
    from functools import partial

    import marimo as mo
    import shared

    from tools.data import have_mnist

    lightning, head = shared.lesson(
        "lightning", "Press Train with Lightning, too, and see if its losses differ."
    )
    DATA = ["mnist", "digits"] if have_mnist() else ["digits"]
    SIZES = [10, 25, 50, 115, 230, 575, 1150]  # the last is all the small digits


@app.function
def loops(digits, epochs: int, both: bool = True) -> dict:
    """The losses of the plain loop and of Lightning, and main()'s numbers."""
    plain = lightning.plain_losses(digits, epochs, "cpu", digits.seed)
    if not both:
        return {"plain": plain}
    ours, share = framework(digits, epochs)
    same = lightning.subtract(plain, ours, late=0)
    late = lightning.subtract(plain, ours, late=1)
    return {
        "plain": plain,
        "ours": ours,
        "accuracy": share,
        "difference": max(same.values()),
        "one_step_late": max(late.values(), default=0.0),  # one step has none before it
    }


@app.function
def framework(digits, epochs: int) -> tuple[dict[int, float], float]:
    """As main() does it, but for a folder that is gone afterwards."""
    trainer = lightning.make_trainer(epochs, watch=shared.watch)
    digits = copy.copy(digits)  # the trainer leaves its name in it
    with tempfile.TemporaryDirectory() as folder:
        trainer.logger = lightning.pl.loggers.CSVLogger(folder)
        trainer.checkpoint_callback.dirpath = folder
        losses = lightning.lightning_losses(trainer, digits, "none", digits.seed)
        return losses, lightning.best_epoch_accuracy(trainer, digits)


@app.function
def figure_losses(losses: list[float], total: int, title: str):
    """The plain loop is trained first; Lightning's losses come to lie on it."""
    fig, ax = shared.Drawing.subplots()
    every = -(-total // 100)  # few points, for it is drawn again and again
    plain, ours = losses[:total:every], losses[total::every]
    ax.plot(range(1, 1 + len(plain) * every, every), plain, "0.7", linewidth=8)
    ax.plot(range(1, 1 + len(ours) * every, every), ours, "k.")
    ax.set(xlim=(0, total + 1), ylim=(0, max(2.6, *losses)))
    ax.set(xlabel="step of training", ylabel="loss", title=title)
    ax.legend(["plain loop", "Lightning"])
    return fig


@app.function
def show(losses: list[float], result: dict | None, total: int) -> mo.Html:
    """The losses so far; at the end the lesson's own picture."""
    if result and "ours" in result:
        told = (
            "Largest difference: {difference:.1g}, one step late: {one_step_late:.2g}. \
Lightning's best epoch names {accuracy:.1%} of the unseen digits correctly.".format_map(
                result
            )
        )
        fig = lightning.figure(result["plain"], result["ours"])
    else:
        part = "Lightning" if len(losses) > total else "Plain loop"
        told = f"{part}: step {(len(losses) - 1) % total + 1} of {total}"
        if result:
            told = "The plain loop has trained: what will Lightning's losses be?"
        fig = figure_losses(losses, total, told)
    fig.set_size_inches(12.8, 3.9)  # on a projector with its controls
    view = shared.picture(fig, f"Losses of two loops. {told}")
    return mo.vstack([view, shared.tell(told)])


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
    jobs, most = [], 2**32 - 1 - reset.value % 2  # or the old seed stays on the screen
    _start = shared.asked(
        reset.value,
        epochs=(3, range(1, 21)),
        batch_size=(50, SIZES),
        data=(DATA[0], DATA),
        seed=(0, shared.SEEDS),
    )
    epochs = mo.ui.slider(
        1, 20, value=_start["epochs"], label="Epochs", show_value=True
    )
    size = mo.ui.slider(
        steps=SIZES, value=_start["batch_size"], label="Batch size", show_value=True
    )
    data = mo.ui.dropdown(DATA, value=_start["data"], label="Data")
    seed = mo.ui.number(0, most, value=_start["seed"], label="Seed")
    both = mo.ui.run_button(label="Train with Lightning, too")
    stop = shared.stop_button(jobs)
    mistake = shared.choose_mistake("lightning")
    controls = [epochs, size, data, seed, both, stop, reset]
    return both, controls, data, epochs, jobs, mistake, seed, size


@app.cell
def _(data, seed, size):
    mo.stop(seed.value is None, shared.say("Which seed? A whole number, please."))
    digits = lightning.MNISTDataModule(data.value, size.value, int(seed.value))
    return (digits,)


@app.cell
def _(both, digits, epochs, jobs):  # the plain loop trains at every change
    _train = partial(loops, digits, epochs.value, both.value)
    _total = epochs.value * len(digits.train_dataloader())
    shared.start(jobs, _train, partial(show, total=_total))
    return


@app.cell
def _(controls):
    mo.hstack(controls, justify="start", wrap=True)
    return


@app.cell
def _(data, digits, epochs):
    _options = {"batch_size": digits.batch_size, "seed": digits.seed}
    _options |= {"epochs": epochs.value, "data": data.value}
    shared.remember(**_options)
    _told = f"Trains on {len(digits.train_set):,} digits, a new order each epoch."
    mo.vstack([shared.command("lightning", **_options), mo.md(_told)])
    return


@app.cell
def _(mistake):
    mistake
    return


@app.cell
def _(mistake):
    shared.show_mistake("lightning", mistake.value)
    return


if __name__ == "__main__":
    app.run()
