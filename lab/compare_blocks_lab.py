import marimo

app = marimo.App(width="medium", app_title="compare_blocks: the lab")

with app.setup:
    import functools

    import marimo as mo
    import shared

    compare_blocks, head = shared.lesson(
        "compare_blocks", "Drag the depth from 1 to 100, and see the gradient die."
    )
    load = compare_blocks.load_small_digits
    if not hasattr(load, "cache_info"):  # 20 ms of each response
        compare_blocks.load_small_digits = functools.cache(load)
    STEPS = 200
    STACKS = compare_blocks.STACKS
    PLACE = {"left": 0.15, "right": 0.98, "top": 0.86, "bottom": 0.2}
    FAST = {"layout": "none", "gridspec_kw": PLACE}  # a layout draws everything twice
    FAST["figsize"] = 10.8, 3.9  # to be seen together with the controls


@app.function
def compare(depth: int, size: int, seed: int, steps: int = 0):
    """The lesson's gradients, law and accuracies; steps 0: nothing is trained."""
    return compare_blocks.compare(depth, size, steps, seed)


@app.function
def figure_gradients(measured, predicted):
    """The left half of the lesson's picture: nothing has been trained yet."""
    fig, ax = shared.Drawing.subplots(**FAST)
    compare_blocks.draw_gradients(ax, measured, predicted)
    ax.minorticks_off()
    ax.set(xlim=(-2, 102), ylim=(1e-28, 1e8))  # whatever the depth: it is seen to die
    ax.legend(loc="lower right")
    ax.set_ylabel("length of the gradient\n(at the output: 1)")
    depth, back = len(measured["plain"]) - 1, measured["plain"][0].item()
    told = f"A plain stack of depth {depth} lets {back:.1g} of the gradient through"
    ax.set_title(told)
    return fig


@app.function
def figure_losses(losses: list[float], learned: dict[str, float] | None = None):
    """The losses of the four stacks, which are trained one after another."""
    place = {"gridspec_kw": PLACE | {"right": 0.62}}  # beside it, the legend
    fig, ax = shared.Drawing.subplots(**FAST | place)
    for run, name in enumerate(STACKS):
        label = name.replace("_", " ")
        if learned:
            label = f"{label}: reads {learned[name]:.0%}"
        ax.plot(losses[STEPS * run : STEPS * (run + 1)], label=label)
    ax.axhline(2.303, linestyle="--", color="gray", label="guessing: ln 10")
    ax.set(xlim=(0, STEPS), ylim=(0, 3), xlabel="step", ylabel="loss")
    ax.set_title("Four stacks, the same digits: which one learns?")
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
    _start = shared.asked(
        reset.value,
        depth=(50, range(1, 101)),
        size=(64, range(8, 129, 8)),
        seed=(0, shared.SEEDS),
    )
    depth = mo.ui.slider(1, 100, value=_start["depth"], label="Depth", show_value=True)
    size = mo.ui.slider(8, 128, 8, value=_start["size"], label="Size", show_value=True)
    seed = mo.ui.number(0, 2**32 - 1 - more, 1, value=_start["seed"], label="Seed")
    train = mo.ui.run_button(label="Train all four")
    stop = shared.stop_button(jobs)
    mistake = shared.choose_mistake("compare_blocks")
    controls = [depth, size, seed, train, stop, reset]
    return controls, depth, jobs, mistake, seed, size, train


@app.cell
def _(depth, seed, size):
    mo.stop(seed.value is None, shared.say("Which seed? A whole number, please."))
    setting = depth.value, size.value, int(seed.value)
    return (setting,)


@app.cell
def _(setting):
    with shared.alone():
        _view = shared.picture(
            figure_gradients(*compare(*setting)[:2]),
            "The gradient at each block of four stacks, and the law",
        )
    _view
    return


@app.cell
def _(controls):
    mo.hstack(controls, justify="start", wrap=True)
    return


@app.cell
def _(setting):
    _depth, _size, _seed = setting
    shared.remember(depth=_depth, size=_size, seed=_seed)
    shared.command("compare_blocks", depth=_depth, size=_size, seed=_seed)
    return


@app.function
def show_training(losses: list[float], result):
    """The losses so far; at the end, how many digits each stack reads."""
    told, learned = f"Step {len(losses)} of {STEPS * len(STACKS)}", None
    if result:
        _, _, learned = result
        shares = [
            f"{name.replace('_', ' ')} {share:.1%}" for name, share in learned.items()
        ]
        told = f"Reads after training: {'; '.join(shares)}"
    fig = figure_losses(losses, learned)
    return mo.vstack([shared.picture(fig, f"The losses. {told}"), shared.tell(told)])


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
