import marimo

app = marimo.App(width="medium", app_title="attention: the lab")

with app.setup:
    import re
    from functools import partial

    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy
    import shared
    import torch
    from torch import Tensor

    attention, head = shared.lesson("attention")
    NAMES = [*attention.NAMES, *(f"name{n}" for n in range(len(attention.NAMES), 70))]
    KNOBS = [0, 0.1, 0.2, 0.5, 1, 2, 5, 10, 100]
    STEPS = 800


@app.function
def words(tokens: Tensor) -> list[str]:
    return [f"{NAMES[name]} {'0123456789?'[digit]}" for name, digit in tokens]


@app.function
def parse(text: str) -> Tensor | str:
    """Tokens (N + 1, 2) from "anna 7, bob 3 ... bob?", or a friendly line."""
    pieces = re.split(r",|\.\.\.", text.casefold().replace("?", " ? "))
    *pairs, question = [piece.split() for piece in pieces if piece.strip()] or [[]]
    form = "Write pairs of a name and one digit, and a question: `anna 7, bob 3, bob ?`"
    if len(text) > 1000 or len(pairs) > 60:
        return "That is a long list. Please write at most 60 pairs."
    if not pairs or len(question) != 2 or question[1] != "?":
        return form
    for number, pair in enumerate(pairs, start=1):
        if len(pair) != 2 or pair[1] not in [*"0123456789"]:
            return f"Pair {number} is no name and digit. {form}"
    names = [name for name, _ in [*pairs, question]]
    for number, name in enumerate(names, start=1):
        if name not in NAMES:
            known = f"{', '.join(attention.NAMES)} and {NAMES[7]} to {NAMES[-1]}"
            return f"The name in place {number} is unknown. It has learned {known}."
    if len({*names[:-1]}) < len(pairs):
        return "A name stands there twice. A dictionary has each key once."
    if names[-1] not in names[:-1]:
        return "Whom you ask for is not in the list. A dictionary has no answer."
    digits = [*(int(digit) for _, digit in pairs), 10]
    return torch.tensor([*zip(map(NAMES.index, names), digits, strict=True)])


@app.function
def far(distance: int, seed: int = 0) -> Tensor:
    """60 pairs from the lesson's decks; the question is so far from its answer."""
    torch.manual_seed(seed)  # the same pairs at any distance
    return attention.deal(60, torch.tensor([distance]))[0][0]


@app.function
def learn(knob: float, steps: int = STEPS, seed: int = 0):
    """The lesson's model, trained, and what main() finds at each distance."""
    net = attention.train(knob, steps, "cpu", seed)
    places = [(pairs, d + 1) for pairs in (8, 60) for d in range(pairs)]
    found = [attention.examine(net, *place) for place in places]
    net.register_buffer("found", torch.stack(found))  # (8 + 60, 2)
    return net


@app.function
def learn_both(steps: int, seed: int) -> list:
    """Averaging and attention, as main() trains them, and attention untrained."""
    models = [learn(knob, steps, seed) for knob in (0, 1)]
    return [*models, attention.train(1, 0, "cpu", seed)]


@app.function
def kept():
    """main()'s attention, trained for the first who asks."""
    with shared.alone():  # it draws random weights
        net = attention.LookUp()
    net.register_buffer("found", torch.zeros(8 + 60, 2))
    return shared.keep(
        "attention", net, lambda net: net.load_state_dict(learn(1).state_dict())
    )


@app.function
def look(models, tokens: Tensor, knob: float = 1, mask=None) -> tuple[Tensor, Tensor]:
    """The last model's probability of each answer (10,); of each all weights (T, T)."""
    tables = []
    for net in models:
        net.attention.knob = knob
        with_mask = net.attention.register_forward_pre_hook(lambda _, x: (*x, mask))
        keep = net.attention.register_forward_hook(lambda _, x, y: tables.append(y[1]))
        logits, _ = net(tokens[None])
        with_mask.remove()
        keep.remove()
    return logits[0].softmax(dim=-1), torch.cat(tables)


@app.function
def pencil(knob: float) -> Tensor:
    """The lesson's example: bob's weights (3,) on anna, bob and cleo."""
    q, k = torch.tensor([[0.0, 1]]), torch.tensor([[2.0, 0], [0, 2], [1, 1]])
    return attention.scaled_dot_product_attention(knob * q, k, k)[1][0]


@app.function
def numbers(averaging, attending, steps: int, seed: int) -> str:
    """What main() prints of its two models."""
    lines = [f"After {steps} steps from seed {seed}:"]
    for name, net in {"averaging": averaging, "attention": attending}.items():
        for pairs, found in zip((8, 60), net.found.split([8, 60]), strict=True):
            right, weight = found.mean(dim=0).tolist()
            lines += [f"- {name} {pairs}: {right:.1%} right, weight there {weight:.1%}"]
    spread = (found.amax(dim=0) - found.amin(dim=0)).max()
    return "\n".join([*lines, f"- attention at 1 to 60: {spread:.1%} apart at most"])


@app.function
def heat(ax, table: Tensor, columns: list[str], rows: list[str], size: int = 16):
    """A table of weights as in the lesson; numbers only where there is room."""
    few = len(columns) <= 12
    ax.imshow(table, vmin=0, vmax=1, aspect="auto")
    for axis, labels in (ax.xaxis, columns), (ax.yaxis, rows):
        every = slice(None, None, -(-len(labels) // 30))  # or they overlap
        axis.set_ticks(range(len(labels))[every], labels[every])
        axis.set_tick_params(labelsize=min(size, 15) if len(labels) <= 12 else 9)
    ax.xaxis.set_tick_params(rotation=0 if few else 90)
    for (y, x), weight in numpy.ndenumerate(table) if few else ():
        color = "wk"[int(weight > 0.5)]
        if weight:  # what is masked stays empty
            ax.text(x, y, f"{weight:.2f}", color=color, ha="center", fontsize=size)


@app.function
def figure_list(tokens: Tensor, table: Tensor, knob: float, title: str):
    """The lesson's picture, for any list and any knob."""
    fig, axes = plt.subplots(1, 2, width_ratios=[3, 8], figsize=(12.8, 4.2))
    by_hand = torch.stack([pencil(0), pencil(knob), pencil(100)])
    rows = ["bob asks\nscores x 0", f"x {knob:g}", "x 100"]
    heat(axes[0], by_hand, words(attention.EXAMPLE)[:3], rows)
    heat(axes[1], table, words(tokens), ["untrained", "trained"])
    fig.suptitle(title)
    return fig


@app.function
def figure_distance(table: Tensor, found: Tensor, distance: int, title: str):
    """One list of 60 pairs; below it the mean of main()'s 400 at each distance."""
    fig, (top, low) = plt.subplots(
        2, sharex=True, height_ratios=[2, 3], figsize=(12.8, 5.6)
    )
    top.imshow(table[:, :-1], extent=(60.5, 0.5, 1.5, -0.5), vmin=0, vmax=1)
    top.set(aspect="auto", yticks=[0, 1], yticklabels=["untrained", "trained"])
    top.plot(distance, -0.62, "v", color="#D55E00", ms=16, clip_on=False)
    places = range(1, 61)
    low.plot(places, found[:, 0], color="k", label="answers right")
    low.plot(places, found[:, 1], "--", color="#0072B2", label="weight there")
    low.axvline(distance, color="#D55E00")
    low.set(ylim=(0, 1.05), xlabel="tokens from the answer to the question")
    low.set_xticks([60, 50, 40, 30, 20, 10, 1])
    low.legend(loc="lower left")
    fig.suptitle(title)
    return fig


@app.function
def figure_mask(tokens: Tensor, tables: list[Tensor], title: str):
    """Who looks at whom: every token's weights, a row each."""
    fig, axes = plt.subplots(1, 2, sharey=True, figsize=(12.8, 6))
    for ax, table, name in zip(axes, tables, ["untrained", "trained"], strict=True):
        heat(ax, table, words(tokens), words(tokens), 12)
        ax.set_title(name)
    axes[0].set_ylabel("who asks")
    fig.suptitle(title)
    return fig


@app.function
def figure_losses(losses: list[float], steps: int):
    """Averaging is trained first, then attention, on the same lists."""
    fig, ax = plt.subplots(figsize=(12.8, 5))
    ax.plot(losses[:steps], label="averaging: its knob at 0", color="#E69F00")
    ax.plot(losses[steps:], label="attention", color="#0072B2")
    ax.axhline(2.303, linestyle="--", color="gray", label="guessing: ln 10")
    ax.set(xlim=(0, steps), ylim=(0, 3), xlabel="step", ylabel="loss")
    ax.set_title("Same start, same lists: they differ in the knob alone")
    ax.legend(loc="center right")
    return fig


@app.function
def show(losses: list[float], models, setting: tuple[int, int], set_trained):
    """The losses so far; at the end main()'s numbers, and new models for above."""
    steps, _ = setting
    told = f"Step {len(losses)} of {2 * steps}"
    if models:
        averaging, trained, untrained = models
        told = numbers(averaging, trained, *setting)
        set_trained(((untrained, trained), steps))
    alt = "The losses of averaging and of attention"
    fig = figure_losses(losses, steps)
    return mo.vstack([shared.picture(fig, alt), mo.md(told)])


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
    _net = kept()
    with shared.alone():
        _models = attention.train(1, 0, "cpu", 0), _net
    trained, set_trained = mo.state((_models, STEPS))
    _example = ", ".join(words(attention.EXAMPLE))
    text = mo.ui.text(_example, label="The list and its question", full_width=True)
    knob = mo.ui.slider(
        steps=KNOBS,
        value=1,
        label="The knob, from mean to dictionary: scores times",
        show_value=True,
    )
    distance = mo.ui.slider(1, 60, value=30, label="Distance", show_value=True)
    causal = mo.ui.switch(value=True, label="Causal mask")
    steps = mo.ui.slider(10, STEPS, 10, value=STEPS, label="Steps", show_value=True)
    seed = mo.ui.number(0, 2**32 - 1, value=0, label="Seed")
    train = mo.ui.run_button(label="Train")
    stop = mo.ui.button(
        label="Stop", on_click=lambda _: [job.stop.set() for job in jobs]
    )
    mistake = shared.choose_mistake("attention")
    mo.vstack([text, mo.hstack([knob, reset], justify="start", wrap=True)])
    return (
        causal,
        distance,
        jobs,
        knob,
        mistake,
        seed,
        set_trained,
        steps,
        stop,
        text,
        train,
        trained,
    )


@app.cell
def _(text):
    tokens = parse(text.value)
    mo.stop(isinstance(tokens, str), isinstance(tokens, str) and shared.say(tokens))
    return (tokens,)


@app.cell
def _(knob, tokens, trained):
    _models, _steps = trained()
    _place = tokens[:-1, 0].tolist().index(int(tokens[-1, 0]))
    with shared.alone():
        _answer, _tables = look(_models, tokens, knob.value)
        _rows = _tables[:, -1]
        _told = f"{_steps} steps move the weight on {words(tokens)[_place]}"
        _told = f"{_told} from {_rows[0, _place]:.0%} to {_rows[1, _place]:.0%}"
        _fig = figure_list(tokens, _rows, knob.value, _told)
        _view = shared.picture(_fig, f"The weights of the question: {_told}")
    _told = f"{_told}; it answers **{_answer.argmax()}**, {_answer.max():.0%} sure."
    mo.vstack([_view, mo.md(_told)])
    return


@app.cell
def _(distance):
    mo.vstack([mo.md("## Farther away: 60 pairs, and the answer moves"), distance])
    return


@app.cell
def _(distance, trained):
    _models, _ = trained()
    _place = 60 - distance.value
    with shared.alone():
        _tokens = far(distance.value)
        _answer, _tables = look(_models, _tokens)
        _before, _after = _tables[:, -1, _place]
        _told = f"{distance.value} tokens away: the weight there is {_after:.0%}"
        _told = f"{_told}, before training {_before:.0%}"
        _found = _models[1].found[8:]
        _fig = figure_distance(_tables[:, -1], _found, distance.value, _told)
        _view = shared.picture(_fig, f"The weights on 60 pairs. {_told}")
    _asked, _there = words(_tokens)[-1], words(_tokens)[_place]
    _told = f"{_asked} It stands at {_there}; the model answers **{_answer.argmax()}**."
    mo.vstack([_view, mo.md(_told)])
    return


@app.cell
def _(causal):
    mo.vstack([mo.md("## Every token asks: the whole table of your list"), causal])
    return


@app.cell
def _(causal, knob, tokens, trained):
    _mask = torch.ones(len(tokens), len(tokens)).tril().bool() if causal.value else None
    _told = "Without a mask each token looks at all, earlier and later"
    _told = "The causal mask empties the upper triangle" if causal.value else _told
    with shared.alone():
        _, _tables = look(trained()[0], tokens, knob.value, _mask)
        _fig = figure_mask(tokens, _tables, _told)
        _view = shared.picture(_fig, f"Weights of all tokens on all tokens. {_told}")
    mo.vstack([_view, mo.md(f"{_told}. The question, last, may see all in both.")])
    return


@app.cell
def _(seed, steps, stop, train):
    mo.vstack(
        [
            mo.md("## Train it yourself: what you train is shown above, too"),
            mo.hstack([steps, seed, train, stop], justify="start", wrap=True),
            shared.command("attention", steps=steps.value, seed=seed.value),
        ]
    )
    return


@app.cell
def _(jobs, seed, set_trained, steps, train):
    mo.stop(not train.value)
    _setting = steps.value, seed.value
    _show = partial(show, setting=_setting, set_trained=set_trained)
    jobs.append(shared.Job(partial(learn_both, *_setting), _show))
    return


@app.cell
def _(mistake):
    mistake
    return


@app.cell
def _(mistake):
    shared.show_mistake("attention", mistake.value)
    return


if __name__ == "__main__":
    app.run()
