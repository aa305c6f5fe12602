import marimo

app = marimo.App(width="medium", app_title="attention: the lab")

with app.setup:
    import re
    from functools import partial

    import marimo as mo
    import numpy
    import shared
    import torch
    from torch import Tensor

    attention, head = shared.lesson(
        "attention",
        "Move the knob to 100, then ask for another name: where does it look?",
    )
    FIRST = attention.FIRST_NAMES
    NAMES = [*FIRST, *(f"name{n}" for n in range(len(FIRST), attention.NAMES))]
    KINDS = ["", "weight_", "rival_"]  # of the numbers that main() finds
    NETWORKS = ["attention", "averaging", "recurrent"]
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
        return f"Those are {len(text):,} letters. Please write at most 60 pairs."
    if not pairs or len(question) != 2 or question[1] != "?":
        return form
    for number, pair in enumerate(pairs, start=1):
        if len(pair) != 2 or pair[1] not in [*"0123456789"]:
            return f"Pair {number} is no name and digit. {form}"
    names = [name for name, _ in [*pairs, question]]
    for number, name in enumerate(names, start=1):
        if name not in NAMES:
            known = f"{', '.join(FIRST)} and {NAMES[len(FIRST)]} to {NAMES[-1]}"
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
def untrained(seed: int = 0):
    """The lesson's network before its training, with room for what main() finds."""
    torch.manual_seed(seed)
    return with_room(attention.LookUp())


@app.function
def with_room(net):
    """.tested: right answers, weight and rival's weight in each of the lesson's TESTS;
    .right: right answers of the three networks at distances 1 to 60."""
    shape = len(attention.TESTS), len(KINDS)
    net.register_buffer("tested", torch.zeros(shape, dtype=torch.float64))
    net.register_buffer("right", torch.zeros(3, 60, dtype=torch.float64))
    return net


@app.function
def learn(steps: int = STEPS, seed: int = 0):
    """Attention as main() trains it, and what main() finds of it and of the others."""
    networks = attention.train_three(steps, 1, seed)
    found = attention.by_length(networks)
    attention.by_distance(networks, 8)  # or the next lists are not main()'s
    right = attention.by_distance(networks, 60)
    net = with_room(networks["attention"])
    for row, (name, pairs, _) in enumerate(attention.TESTS):
        for column, kind in enumerate(KINDS):
            net.tested[row, column] = found[f"{name}_{kind}{pairs}"]
    for row, name in enumerate(NETWORKS):
        net.right[row] = torch.tensor(right[name])
    return net.requires_grad_(False)


@app.function
def learn_from(steps: int, seed: int) -> list:
    """Attention before and after its training."""
    return [untrained(seed).requires_grad_(False), learn(steps, seed)]


@app.function
def kept():
    """main()'s attention, trained for the first who asks."""
    with shared.alone():  # it draws random weights
        net = untrained()
    return shared.keep(
        "attention", net, lambda net: net.load_state_dict(learn().state_dict())
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
def numbers(net, steps: int, seed: int) -> str:
    """What main() prints of the networks, at every length and distance."""
    lines = [f"After {steps} steps from seed {seed}:"]
    for (name, pairs, _), tested in zip(attention.TESTS, net.tested, strict=True):
        right, weight, rival = tested.tolist()
        said = f"{right:.1%} right, weight there {weight:.1%}, on its rival {rival:.1%}"
        lines.append(f"- {name} {pairs}: {said}")
    for name, shares in zip(NETWORKS, net.right, strict=True):
        said = f"{shares[0]:.1%}, 60 away {shares[-1]:.1%}"
        lines.append(f"- {name} among 60, right 1 away: {said}")
    return "\n".join(lines)


@app.function
def panel(width: float, height: float, left: float = 0.1, low: float = 0.14):
    """Fixed margins: to compute them means to draw everything twice."""
    place = {"left": left, "right": 0.98, "top": 0.89, "bottom": low}
    size = width, height
    return shared.Drawing.subplots(figsize=size, layout="none", gridspec_kw=place)


@app.function
def crowded(labels: list[str]) -> bool:
    """Too much to stand side by side: turn them."""
    return len(labels) * max(map(len, labels)) > 50


@app.function
def heat(ax, table: Tensor, columns: list[str], rows: list[str]):
    """A table of weights as in the lesson; numbers only where there is room."""
    few, table = len(columns) <= 12, table.numpy()
    ax.imshow(table, vmin=0, vmax=1, aspect="auto")
    for axis, labels in (ax.xaxis, columns), (ax.yaxis, rows):
        every = slice(None, None, -(-len(labels) // 30))  # or they overlap
        axis.set_ticks(range(len(labels))[every], labels[every])
        axis.set_tick_params(labelsize=13 if len(labels) <= 12 else 9)
    ax.xaxis.set_tick_params(rotation=90 if crowded(columns) else 0)
    for (y, x), weight in numpy.ndenumerate(table) if few else ():
        if not numpy.isnan(weight):  # what is masked stays empty
            color = "wk"[int(weight > 0.5)]
            ax.text(x, y, f"{weight:.2f}", color=color, ha="center", va="center")


@app.function
def figure_list(tokens: Tensor, table: Tensor, title: str):
    """The lesson's picture, for any list."""
    fig, ax = panel(8.4, 3.5, left=0.14, low=0.24 if crowded(words(tokens)) else 0.14)
    heat(ax, table, words(tokens), ["untrained", "trained"])
    fig.suptitle(title)
    return fig


@app.function
def figure_far(table: Tensor, distance: int, title: str):
    """The question's weights on one list of 60 pairs."""
    fig, ax = panel(6.8, 4.7, left=0.2)
    ax.imshow(table[:, :-1].numpy(), extent=(60.5, 0.5, 1.5, -0.5), vmin=0, vmax=1)
    ax.set(aspect="auto", yticks=[0, 1], yticklabels=["untrained", "trained"])
    ax.plot(distance, -0.56, "v", color="#D55E00", ms=16, clip_on=False)
    ax.set_xticks([60, 50, 40, 30, 20, 10, 1])
    ax.set(xlabel="tokens to the question")
    fig.suptitle(title)
    return fig


@app.function
def figure_distances(right: Tensor, distance: int):
    """What main() finds of its three networks: the same 300 lists at each distance."""
    fig, ax = panel(6.8, 4.7)
    styles = [("-", "k"), ("--", "#E69F00"), (":", "#0072B2")]
    for name, shares, (line, color) in zip(NETWORKS, right, styles, strict=True):
        ax.plot(range(1, 61), shares, line, color=color, lw=2.5, label=name)
    ax.axvline(distance, color="#D55E00")
    ax.set(xlim=(60.5, 0.5), ylim=(0, 1.05), xlabel="tokens to the question")
    ax.set_xticks([60, 50, 40, 30, 20, 10, 1])
    ax.set_title("Answers right, of the same 300 lists")
    ax.legend(loc="center left")
    return fig


@app.function
def figure_mask(tokens: Tensor, table: Tensor, mask: Tensor | None, title: str):
    """Who looks at whom: every token's weights, a row each; what is masked, empty."""
    fig, ax = panel(6.8, 6, left=0.15, low=0.18 if crowded(words(tokens)) else 0.08)
    shown = table if mask is None else table.masked_fill(~mask, torch.nan)
    heat(ax, shown, words(tokens), words(tokens))
    ax.set_title(title)
    return fig


@app.function
def figure_losses(losses: list[float], steps: int):
    """The three networks are trained one after the other, on the same lists."""
    fig, ax = panel(8.4, 4.8)
    colors = ["#0072B2", "#E69F00", "#009E73"]
    for number, (name, color) in enumerate(zip(NETWORKS, colors, strict=True)):
        part = losses[number * steps : (number + 1) * steps]
        ax.plot(part, label=name, color=color)
    ax.axhline(2.303, linestyle="--", color="gray", label="guessing: ln 10")
    ax.set(xlim=(0, steps), ylim=(0, 3), xlabel="step", ylabel="loss")
    ax.set_title("Three networks learn from the same lists")
    ax.legend(loc="center right")
    return fig


@app.function
def show(losses: list[float], models, setting: tuple[int, int], set_trained):
    """The losses so far; at the end main()'s numbers, and new models for above."""
    steps, _ = setting
    told = f"Step {len(losses)} of {3 * steps}"
    if models:
        told = numbers(models[1], *setting)
        set_trained((models, setting))
    alt = "The losses of attention, of averaging and of the recurrent network"
    view = shared.picture(figure_losses(losses, steps), alt)
    return shared.beside(view, mo.md(told), widths=(2, 1))


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
    _net = kept()
    with shared.alone():
        _models = [untrained().requires_grad_(False), _net]
    trained, set_trained = mo.state((_models, (STEPS, 0)))
    _example = ", ".join(words(attention.EXAMPLE))
    _start = shared.asked(
        reset.value,
        list=(_example, str),
        knob=(1, KNOBS),
        distance=(30, range(1, 61)),
        causal=(True, [False, True]),
        steps=(STEPS, range(10, STEPS + 1, 10)),
        seed=(0, shared.SEEDS),
    )
    text = mo.ui.text(
        _start["list"], label="The list and its question", full_width=True
    )
    knob = mo.ui.slider(
        steps=KNOBS, value=_start["knob"], label="Knob: scores times", show_value=True
    )
    distance = mo.ui.slider(
        1, 60, value=_start["distance"], label="Distance", show_value=True
    )
    causal = mo.ui.switch(value=_start["causal"], label="Causal mask")
    steps = mo.ui.slider(
        10, STEPS, 10, value=_start["steps"], label="Steps", show_value=True
    )
    seed = mo.ui.number(0, 2**32 - 1 - more, 1, value=_start["seed"], label="Seed")
    train = mo.ui.run_button(label="Train")
    stop = shared.stop_button(jobs)
    mistake = shared.choose_mistake("attention")
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
    _models, (_steps, _seed) = trained()
    _place = tokens[:-1, 0].tolist().index(int(tokens[-1, 0]))
    with shared.alone():
        _answer, _tables = look(_models, tokens, knob.value)
        _rows = _tables[:, -1]
        _before, _after = _rows[:, _place]
        _there = (
            f"Weight on {words(tokens)[_place]}: {_before:.0%}, trained {_after:.0%}"
        )
        _view = shared.picture(
            figure_list(tokens, _rows, _there),
            f"The weights of the question. {_there}",
        )
    _told = f"After {_steps} steps from seed {_seed} it answers **{_answer.argmax()}**"
    _told = f"{_told}, {_answer.max():.0%} sure."
    if _before > 0.5:
        _told += " Untrained it looks there by luck: one token must get the most."
    mo.vstack([_view, shared.tell(_told)])
    return


@app.cell
def _(knob, text):
    _say = """Your question compares itself with every name: from the **mean** of all
    (knob at 0) to a **dictionary**, which looks at one (knob at 100)."""
    mo.vstack([knob, text, mo.md(_say)])
    return


@app.cell
def _(distance, trained):
    _models, _ = trained()
    _place = 60 - distance.value
    with shared.alone():
        _tokens = far(distance.value)
        _answer, _tables = look(_models, _tokens)
        _before, _after = _tables[:, -1, _place]
        _there = f"Weight there: {_before:.0%}, trained {_after:.0%}"
        _views = [
            shared.picture(
                figure_far(_tables[:, -1], distance.value, _there),
                f"The weights on 60 pairs, {distance.value} tokens away. {_there}",
            ),
            shared.picture(
                figure_distances(_models[1].right, distance.value),
                "Right answers of three networks at each distance, 1 to 60",
            ),
        ]
    _asked, _there = words(_tokens)[-1], words(_tokens)[_place]
    _told = f"{_asked} It stands at {_there}; the model answers **{_answer.argmax()}**."
    _say = """## Farther away
    It was trained on 8 pairs. Here are 60: move the answer away from its question."""
    mo.vstack([mo.md(_say), shared.beside(*_views), shared.tell(_told)])
    return


@app.cell
def _(distance):
    distance
    return


@app.cell
def _(causal, knob, tokens, trained):
    _mask = torch.ones(len(tokens), len(tokens)).tril().bool() if causal.value else None
    _told = "Without a mask each token looks at all, earlier and later"
    _told = "The causal mask empties the upper triangle" if causal.value else _told
    with shared.alone():
        _, _tables = look(trained()[0], tokens, knob.value, _mask)
        _views = [
            shared.picture(
                figure_mask(tokens, table, _mask, name),
                f"Weights of all tokens on all tokens, {name}. {_told}",
            )
            for name, table in zip(["untrained", "trained"], _tables, strict=True)
        ]
    _told = shared.tell(f"{_told}. The question, last, may see all in both.")
    _say = """## Every token asks
    All rows of your list's table. With a **causal mask** no token sees a later one."""
    mo.vstack([mo.md(_say), shared.beside(*_views), _told])
    return


@app.cell
def _(causal):
    causal
    return


@app.cell
def _(reset, seed, steps, stop, train):
    _say = """## Train it yourself
    First attention, then averaging and a recurrent network; above, all pictures show
    the new ones."""
    _buttons = [steps, seed, train, stop, reset]
    mo.vstack([mo.md(_say), mo.hstack(_buttons, justify="start", wrap=True)])
    return


@app.cell
def _(seed, steps):
    mo.stop(seed.value is None, shared.say("Which seed? A whole number, please."))
    setting = steps.value, int(seed.value)
    return (setting,)


@app.cell
def _(causal, distance, knob, setting, text):
    _steps, _seed = setting
    shared.remember(
        list=text.value,
        knob=knob.value,
        distance=distance.value,
        causal=causal.value,
        steps=_steps,
        seed=_seed,
    )
    shared.command("attention", steps=_steps, seed=_seed)
    return


@app.cell
def _(jobs, set_trained, setting, train):
    mo.stop(not train.value)
    _show = partial(show, setting=setting, set_trained=set_trained)
    shared.start(jobs, partial(learn_from, *setting), _show)
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
