# /// script
# [tool.marimo.opengraph]
# title = "lightning"
# description = "A framework takes over our training loop: what changes in the numbers?"
# ///
import marimo

app = marimo.App(width="medium", app_title="lightning: the lab")

with app.setup:
    import copy
    import logging
    import math
    import tempfile
    from functools import partial

    import marimo as mo
    import matplotlib.pyplot as plt
    import shared
    import torch
    from torch import Tensor

    lightning, head = shared.lesson("lightning")
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # no tips
    SIZES = [10, 25, 50, 115, 230, 575, 1150]
    RATES = [1e-4, 3e-4, 1e-3, lightning.RATE, 1e-2, 3e-2, 0.1, 1]


@app.function
def loops(data, epochs: int, lr: float, both: bool = True) -> dict:
    """The losses of the plain loop and of Lightning, and main()'s numbers."""
    options = {"lr": lr, "batch_size": data.batch_size}
    losses = lightning.plain_loop(*data.parts[0], epochs, data.seed, **options)
    result = {"plain": torch.stack([*losses])}
    return result | framework(data, epochs, lr, result["plain"]) if both else result


@app.function
def framework(data, epochs: int, lr: float, plain: Tensor) -> dict:
    """As main() does it, but for a folder that is gone afterwards."""
    engine = {"accelerator": "cpu", "devices": 1}
    trainer = lightning.make_trainer(losses := [], epochs, **engine)
    data = copy.copy(data)  # the trainer leaves its name in it
    with tempfile.TemporaryDirectory() as folder:
        trainer.logger = lightning.pl.loggers.CSVLogger(folder)
        trainer.checkpoint_callback.dirpath = folder
        torch.manual_seed(data.seed)
        trainer.fit(lightning.DigitClassifier(lr), data)
        (scores,) = trainer.test(None, data, "best", verbose=False, weights_only=True)
    ours = torch.stack(losses)
    late = max([0.0, *plain.diff().abs().tolist()])
    gap = (plain - ours).abs().max().item()
    return {"ours": ours, **scores, "difference": gap, "one_step_late": late}


@app.function
def reproduce(epochs: int, size: int, lr: float, seed: int) -> mo.Html:
    """The command line; main() has no option for the rate, so the plain loop's line."""
    if lr == lightning.RATE:
        options = {"epochs": epochs, "batch_size": size, "seed": seed}
        return shared.command("lightning", **options)
    data = f"MNISTDataModule(None, {size}, seed={seed}).parts[0]"
    loop = f"plain_loop(*{data}, {epochs}, {seed}, {size}, {lr})"
    code = f"from lightning import *; torch.set_num_threads(1); print(*{loop})"
    return mo.md(f'The losses of the plain loop: `python -c "{code}"`')


@app.function
def figure_losses(losses: list[float], total: int, title: str):
    """The plain loop is trained first; Lightning's losses come to lie on it."""
    fig, ax = plt.subplots()
    every = -(-total // 100)  # as many points as in the lesson's own
    plain, ours = losses[:total:every], losses[total::every]
    ax.plot(range(1, 1 + len(plain) * every, every), plain, "0.7", lw=10)
    ax.plot(range(1, 1 + len(ours) * every, every), ours, "o")
    ax.set(xlim=(0, total + 1), xlabel="step", ylabel="loss", title=title)
    ax.set_ylim(0, max(filter(math.isfinite, [2.6, *losses])))
    ax.legend(["plain loop", "Lightning"])
    return fig


@app.function
def show(losses: list[float], result: dict | None, total: int) -> mo.Html:
    """The losses so far; at the end the lesson's own picture."""
    if result and "ours" in result:
        gap, late = result["difference"], result["one_step_late"]
        told = f"Largest difference: {gap:.1e}; of the plain loop to itself one step "
        told += f"late: {late:.2f}. "
        told += f"Test accuracy of the best epoch: {result['accuracy']:.1%}."
        fig = lightning.figure(result["plain"], result["ours"])
        fig.axes[1].yaxis.label.set_size(12)
    else:
        part = "Lightning" if len(losses) > total else "Plain loop"
        told = f"{part}: step {(len(losses) - 1) % total + 1} of {total}"
        if result:
            told = "The plain loop has trained: what will Lightning's losses be?"
        fig = figure_losses(losses, total, told)
    fig.set_size_inches(12.8, 4.8)  # on a projector with its controls
    return mo.vstack([shared.picture(fig, f"Losses of two loops. {told}"), mo.md(told)])


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
    epochs = mo.ui.slider(1, 20, value=3, label="Epochs", show_value=True)
    size = mo.ui.slider(
        steps=SIZES, value=lightning.BATCH, label="Batch size", show_value=True
    )
    rate = mo.ui.slider(
        steps=RATES, value=lightning.RATE, label="Learning rate", show_value=True
    )
    seed = mo.ui.number(0, most, value=0, label="Seed")
    both = mo.ui.run_button(label="Train with Lightning, too")
    stop = shared.stop_button(jobs)
    mistake = shared.choose_mistake("lightning")
    settings = mo.hstack([epochs, size, rate, seed], justify="start", wrap=True)
    buttons = mo.hstack([both, stop, reset], justify="start", wrap=True)
    mo.vstack([settings, buttons])
    return both, epochs, jobs, mistake, rate, seed, size


@app.cell
def _(seed, size):
    mo.stop(seed.value is None, shared.say("Which seed? A whole number, please."))
    with shared.alone():
        data = lightning.MNISTDataModule(batch_size=size.value, seed=int(seed.value))
    return (data,)


@app.cell
def _(both, data, epochs, jobs, rate):  # the plain loop trains at every change
    _train = partial(loops, data, epochs.value, rate.value, both.value)
    _total = epochs.value * len(data.train_dataloader())
    shared.start(jobs, _train, partial(show, total=_total))
    return


@app.cell
def _(data, epochs, rate):
    mo.vstack(
        [
            reproduce(epochs.value, data.batch_size, rate.value, data.seed),
            mo.md(
                f"Trains on {len(data.parts[0][1]):,} digits, a new order each epoch."
            ),
        ]
    )
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
