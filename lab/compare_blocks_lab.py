import marimo

app = marimo.App(width="medium", app_title="compare_blocks: the lab")

with app.setup:
    import marimo as mo
    import matplotlib.pyplot as plt
    import shared

    compare_blocks, head = shared.lesson("compare_blocks")
    STEPS = 200


@app.function
def compare(depth: int, size: int, seed: int, steps: int = 0):
    """The lesson's law, gradients and accuracies; steps 0: nothing is trained."""
    return compare_blocks.compare(depth, size, steps, seed, "cpu")


@app.function
def figure_losses(losses: list[float]):
    """The losses of the four stacks, which are trained one after another."""
    fig, ax = plt.subplots()
    for start, name in enumerate(
        ("plain", "residual", "plain_orthogonal", "residual_small")
    ):
        ax.plot(
            losses[STEPS * start : STEPS * (start + 1)], label=name.replace("_", ", ")
        )
    ax.axhline(2.303, linestyle="--", color="gray", label="guessing: ln 10")
    ax.set(xlim=(0, STEPS), ylim=(0, 3), xlabel="step", ylabel="loss")
    ax.set_title(
        "Plain stays at chance, the others learn"
        if len(losses) == 4 * STEPS
        else "Training"
    )
    ax.legend(loc="lower left", ncols=2)
    return fig


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
    depth = mo.ui.slider(1, 200, value=50, label="Depth", show_value=True)
    size = mo.ui.slider(8, 128, 8, value=64, label="Size", show_value=True)
    seed = mo.ui.number(0, 2**32 - 1, value=0, label="Seed")
    train = mo.ui.run_button(label="Train all four")
    stop = mo.ui.button(
        label="Stop", on_click=lambda _: [job.stop.set() for job in jobs]
    )
    mistake = shared.choose_mistake("compare_blocks")
    buttons = [train, stop, reset]
    mo.hstack([depth, size, seed, *buttons], justify="start", wrap=True)
    return depth, jobs, mistake, seed, size, train


@app.cell
def _(depth, seed, size):
    with shared.alone():
        _law, _left, _learned = compare(depth.value, size.value, seed.value)
        _fig = compare_blocks.figure(_left, _law, _learned)
        _view = shared.picture(
            _fig, "The gradient at each block of four stacks, and the law"
        )
    _view
    return


@app.cell
def _(depth, seed, size):
    shared.command(
        "compare_blocks", depth=depth.value, size=size.value, seed=seed.value
    )
    return


@app.function
def show_training(losses: list[float], result):
    """The losses so far; at the end, how many digits each stack reads."""
    told = "Training ..."
    if result:
        shares = [
            f"{name.replace('_', ', ')} {share:.1%}"
            for name, share in result[2].items()
        ]
        told = f"Reads after training: {'; '.join(shares)}"
    return mo.vstack([shared.picture(figure_losses(losses), told), mo.md(told)])


@app.cell
def _(depth, jobs, seed, size, train):
    mo.stop(not train.value)
    setting = depth.value, size.value, seed.value, STEPS
    jobs.append(shared.Job(lambda: compare(*setting), show_training))
    return


@app.cell
def _(mistake):
    mistake
    return


@app.cell
def _(mistake):
    shared.show_mistake("compare_blocks", mistake.value)
    return


if __name__ == "__main__":
    app.run()
