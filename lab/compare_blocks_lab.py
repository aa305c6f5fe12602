# /// script
# [tool.marimo.opengraph]
# title = "compare_blocks"
# description = "Fifty blocks deep: how much of the gradient comes back to the input?"
# ///
import marimo

app = marimo.App(width="medium", app_title="compare_blocks: the lab")

with app.setup:
    import functools
    import math

    import marimo as mo
    import matplotlib.pyplot as plt
    import shared
    from sklearn import datasets

    if not hasattr(datasets.load_digits, "cache_info"):  # 20 ms of each response
        datasets.load_digits = functools.cache(datasets.load_digits)
    compare_blocks, head = shared.lesson("compare_blocks")
    STEPS = 200
    STACKS = "plain", "residual", "plain_orthogonal", "residual_small"
    RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    PLACE = {"left": 0.1, "right": 0.98, "top": 0.89, "bottom": 0.16}
    FAST = {f"figure.subplot.{side}": place for side, place in PLACE.items()}
    FAST["figure.constrained_layout.use"] = False  # it draws everything twice
    FAST["figure.figsize"] = 10.8, 4.8  # to be seen together with the controls


@app.function
def compare(depth: int, size: int, seed: int, steps: int = 0):
    """The lesson's law, gradients and accuracies; steps 0: nothing is trained."""
    return compare_blocks.compare(depth, size, steps, seed, "cpu")


@app.function
def figure_gradients(law, left, learned):
    """The lesson's picture; nothing has been trained yet, so nothing can read."""
    with plt.rc_context(FAST):
        fig = compare_blocks.figure(left, law, learned)
    (ax,) = fig.axes
    for name, text in zip(learned, ax.get_legend().get_texts(), strict=True):
        text.set_text(f"{name.replace('_', ', ')}: untrained")
    ax.minorticks_off()
    ax.yaxis.set_major_formatter(ten_to_the)
    return fig


@app.function
def ten_to_the(value: float, _) -> str:
    """10⁻¹², without the formula reader that every label would ask."""
    return "10" + f"{round(math.log10(value))}".translate(RAISED)


@app.function
def figure_losses(losses: list[float], learned: dict[str, float] | None = None):
    """The losses of the four stacks, which are trained one after another."""
    with plt.rc_context(FAST):
        fig, ax = plt.subplots()
    for run, name in enumerate(STACKS):
        label = name.replace("_", ", ")
        if learned:
            label = f"{label}: reads {learned[name]:.0%}"
        ax.plot(losses[STEPS * run : STEPS * (run + 1)], label=label)
    ax.axhline(2.303, linestyle="--", color="gray", label="guessing: ln 10")
    ax.set(xlim=(0, STEPS), ylim=(0, 3), xlabel="step", ylabel="loss")
    ax.set_title("Four stacks, the same digits: which one learns?")
    fig.subplots_adjust(right=0.62)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))  # the lines fill the rest
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
    jobs, more = [], reset.value % 2  # another bound, or the old seed stays seen
    depth = mo.ui.slider(1, 100, value=50, label="Depth", show_value=True)
    size = mo.ui.slider(8, 128, 8, value=64, label="Size", show_value=True)
    seed = mo.ui.number(0, 2**32 - 1 - more, 1, value=0, label="Seed")
    train = mo.ui.run_button(label="Train all four")
    stop = shared.stop_button(jobs)
    mistake = shared.choose_mistake("compare_blocks")
    buttons = [train, stop, reset]
    mo.hstack([depth, size, seed, *buttons], justify="start", wrap=True)
    return depth, jobs, mistake, seed, size, train


@app.cell
def _(depth, seed, size):
    mo.stop(seed.value is None, shared.say("Which seed? A whole number, please."))
    setting = depth.value, size.value, int(seed.value)
    return (setting,)


@app.cell
def _(setting):
    with shared.alone():
        _view = shared.picture(
            figure_gradients(*compare(*setting)),
            "The gradient at each block of four stacks, and the law",
        )
    _view
    return


@app.cell
def _(setting):
    _depth, _size, _seed = setting
    shared.command("compare_blocks", depth=_depth, size=_size, seed=_seed)
    return


@app.function
def show_training(losses: list[float], result):
    """The losses so far; at the end, how many digits each stack reads."""
    told, learned = f"Step {len(losses)} of {STEPS * len(STACKS)}", None
    if result:
        _, _, learned = result
        shares = [
            f"{name.replace('_', ', ')} {share:.1%}" for name, share in learned.items()
        ]
        told = f"Reads after training: {'; '.join(shares)}"
    fig = figure_losses(losses, learned)
    return mo.vstack([shared.picture(fig, f"The losses. {told}"), mo.md(told)])


@app.cell
def _(jobs, setting, train):
    mo.stop(not train.value)
    shared.start(jobs, lambda: compare(*setting, STEPS), show_training)
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
