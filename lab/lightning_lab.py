import marimo

app = marimo.App(width="medium", app_title="lightning: the lab")

with app.setup:
    import copy
    import logging
    import tempfile
    from functools import partial

    import marimo as mo
    import matplotlib.pyplot as plt
    import shared
    import torch
    from torch import Tensor

    lightning, head = shared.lesson("lightning")
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # no tips
    RATES = [1e-4, 3e-4, 1e-3, lightning.RATE, 1e-2, 3e-2, 0.1, 1]


@app.function
def loops(data, epochs: int, lr: float, both: bool = True) -> dict:
    """The losses of the plain loop and of Lightning, and main()'s numbers."""
    losses = lightning.plain_loop(*data.parts[0], epochs, data.seed, lr=lr)
    result = {"plain": torch.stack([*losses])}
    return result | framework(data, epochs, lr, result["plain"]) if both else result


@app.function
def framework(data, epochs: int, lr: float, plain: Tensor) -> dict:
    """As main() does it, but for a folder that is gone afterwards."""
    trainer = lightning.make_trainer(losses := [], epochs, "cpu", 1)
    data = copy.copy(data)  # the trainer leaves its name in it
    with tempfile.TemporaryDirectory() as folder:
        trainer.logger = lightning.pl.loggers.CSVLogger(folder)
        torch.manual_seed(data.seed)
        trainer.fit(lightning.DigitClassifier(lr), data)
        (scores,) = trainer.test(None, data, "best", verbose=False, weights_only=True)
    ours, late = torch.stack(losses), plain.diff().abs().max().item()
    gap = (plain - ours).abs().max().item()
    return {"ours": ours, **scores, "difference": gap, "one_step_late": late}


@app.function
def figure_losses(losses: list[float], total: int, title: str):
    """The plain loop is trained first; Lightning's losses come to lie on it."""
    fig, ax = plt.subplots()
    every = -(-total // 100)  # as many points as in the lesson's own
    plain, ours = losses[:total:every], losses[total::every]
    ax.plot(range(1, 1 + len(plain) * every, every), plain, "0.7", lw=10)
    ax.plot(range(1, 1 + len(ours) * every, every), ours, "o")
    ax.set(xlim=(0, total + 1), xlabel="step", ylabel="loss", title=title)
    ax.set_ylim(0, max(2.6, *losses[:total]) if len(losses) > 1 else 2.6)
    ax.legend(["plain loop", "Lightning"])
    return fig


@app.function
def show(losses: list[float], result: dict | None, total: int) -> mo.Html:
    """The losses so far; at the end the lesson's own picture."""
    if result and "ours" in result:
        gap, late = result["difference"], result["one_step_late"]
        told = f"Largest difference: {gap:.1e}, one step late: {late:.2f}. "
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
    reset = mo.ui.button(label="Reset")
    return (reset,)


@app.cell
def _(reset):
    reset
    jobs = []
    epochs = mo.ui.slider(1, 20, value=3, label="Epochs", show_value=True)
    rate = mo.ui.slider(
        steps=RATES, value=lightning.RATE, label="Learning rate", show_value=True
    )
    seed = mo.ui.number(0, 2**32 - 1, value=0, label="Seed")
    train = mo.ui.run_button(label="Train with Lightning, too")
    stop = mo.ui.button(
        label="Stop", on_click=lambda _: [job.stop.set() for job in jobs]
    )
    mistake = shared.choose_mistake("lightning")
    mo.hstack([epochs, rate, seed, train, stop, reset], justify="start", wrap=True)
    return epochs, jobs, mistake, rate, seed, train


@app.cell
def _(seed):
    data = lightning.MNISTDataModule(seed=seed.value)
    return (data,)


@app.cell
def _(data, epochs, jobs, rate, train):
    _train = partial(loops, data, epochs.value, rate.value, train.value)
    _total = epochs.value * len(data.train_dataloader())
    jobs.append(shared.Job(_train, partial(show, total=_total)))
    return


@app.cell
def _(epochs, rate, seed):
    _line = shared.command("lightning", epochs=epochs.value, seed=seed.value)
    _note = f"""The lesson has no option for the learning rate: this line trains at
    {lightning.RATE}. The two loops take it as `plain_loop(..., lr={rate.value})` and
    `DigitClassifier(lr={rate.value})`."""
    mo.vstack([_line, mo.md("" if rate.value == lightning.RATE else _note)])
    return


@app.cell
def _():
    mo.accordion({"Which part goes where": mo.md(f"```\n{lightning.PARTS}\n```")})
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
