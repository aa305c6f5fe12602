import marimo

app = marimo.App(width="medium", app_title="rnn: the lab")

with app.setup:
    import marimo as mo
    import shared
    import torch
    import torch.nn.functional as F

    rnn, head = shared.lesson(
        "rnn", "Press Watch both train: only the first random weights differ."
    )
    STARTS = {"uniform": "C0", "orthogonal": "C1"}  # and their colours
    STEPS, SYMBOLS, LONGEST = 200, rnn.SYMBOLS[:3].lower(), 200


@app.function
def trained(start: str, wait: int, seed: int) -> torch.nn.Module:
    """The network that main() trains with this seed, and its share in .recall."""
    with shared.alone():  # its first weights are drawn, too
        net = rnn.make_network(start)
        net.register_buffer("recall", torch.zeros(()))

    def train(net):
        torch.manual_seed(seed)
        net.load_state_dict(rnn.make_network(start).state_dict(), strict=False)
        torch.manual_seed(seed)  # as in the lesson's learn_and_recall
        rnn.train(net, wait, STEPS)
        net.recall.fill_(rnn.recall(net, wait))

    return shared.keep(f"{start} {wait} {STEPS} {seed}", net, train)


@app.function
def deal(wait: int, seed: int) -> str:
    """A sequence as the lesson deals it, in letters and without its question mark."""
    with shared.alone():
        torch.manual_seed(seed)
        x, _ = rnn.deal(1, wait)
    return "".join(SYMBOLS[number] for number in x[0, :-1].argmax(dim=1))


@app.function
def problem(text: str) -> str:
    """Why this cannot be read, in a friendly line; empty if it can."""
    if not text:
        return "Nothing to remember yet: type some letters, each k, l or m."
    if len(text) > LONGEST:
        return f"That is {len(text):,} letters. Up to {LONGEST} can still be seen here."
    others = "".join(sorted(set(text) - set(SYMBOLS)))[:5]
    return f"It knows three symbols, k, l and m, but not `{others}`" if others else ""


@app.function
def read(net: torch.nn.Module, text: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The states (T, H), and what it answers if the question mark comes next (T, C)."""
    x = F.one_hot(torch.tensor([SYMBOLS.index(one) for one in text]), 4).float()
    h = torch.cat(net.states(x[None], torch.zeros(1, 64)))
    question = F.one_hot(torch.full((len(h), 1), 3), 4).float()
    return h, net.head(net.states(question, h)[-1]).softmax(dim=1)


@app.function
def reorder(text: str) -> list[str]:
    """The text, and with two symbols exchanged, so that each of them is first once."""
    others = sorted(set(text) - {text[0]})
    places = [text.index(one) for one in others]
    return [text] + [text[i] + text[1:i] + text[0] + text[i + 1 :] for i in places]


@app.function
def ask_each_order(nets: dict[str, torch.nn.Module], text: str) -> str:
    """The same counts each time: who only counts says the same each time."""
    counts = ", ".join(f"{text.count(one)} {one}" for one in SYMBOLS)
    columns = [counts, "first", *nets, "only counts"]
    lines = [f"| {' | '.join(columns)} |", "|:--" * len(columns) + "|"]
    most = max(SYMBOLS, key=text.count)
    guess = f"{most} {text.count(most) / len(text):.0%}"  # any symbol may be the first
    for order in reorder(text):
        short = order if len(order) < 13 else f"{order[:4]}…{order[-4:]}"
        last = {start: read(net, order)[1][-1] for start, net in nets.items()}
        said = [f"{SYMBOLS[p.argmax()]} {p.max():.0%}" for p in last.values()]
        lines.append(f"| `{short}` | **{order[0]}** | {' | '.join(said)} | {guess} |")
    return "\n".join(lines)


@app.function
def canvas(rows: int = 1, **options):
    place = {"left": 0.14, "right": 0.87, "top": 0.88, "bottom": 0.2, "hspace": 0.06}
    return shared.Drawing.subplots(
        rows, figsize=(6.8, 4), layout="none", gridspec_kw=place | options
    )


@app.function
def figure_states(start: str, net: torch.nn.Module, text: str, wait: int):
    h, chances = read(net, text)
    fig, (top, low) = canvas(2, height_ratios=[3, 2])
    top.imshow(h.T.numpy(), aspect="auto", interpolation="nearest", vmin=-1, vmax=1)
    top.set(ylabel="64 units", xticks=[], yticks=[])
    styles = zip(SYMBOLS, ("o-", "s--", "^:"), ("C0", "C1", "C2"), strict=True)
    for place, (symbol, line, color) in enumerate(styles):
        low.plot(chances[:, place], line, color=color, label=symbol, markersize=6)
    if len(text) >= wait - 1:  # where it was trained to be asked
        low.axvline(wait - 2, color="gray", linewidth=12, alpha=0.3)
    low.set(xlim=(-0.5, len(text) - 0.5), ylim=(-0.06, 1.06), yticks=[0, 1])
    low.set(ylabel="probability", xlabel="asked after this symbol")
    if len(text) <= 36:
        low.set_xticks(range(len(text)), text)
    low.legend(loc="upper left", bbox_to_anchor=(1, 1.05), handlelength=0.8)
    fig.suptitle(f"{start}: recalls {net.recall:.0%}")
    return fig


@app.function
def figure_losses(losses: list[float], title: str, runs: int = 2):
    """The losses of trainings one after another: the first half starts uniform."""
    fig, ax = canvas()
    for run in range(runs):
        start = [*STARTS][2 * run // runs]
        label = None if run % (runs // 2) else start
        ax.plot(losses[STEPS * run : STEPS * (run + 1)], STARTS[start], label=label)
    ax.axhline(1.0986, linestyle="--", color="gray", label="guessing: ln 3")
    ax.set(
        xlim=(0, STEPS),
        ylim=(0, 1.6),
        xlabel="training step",
        ylabel="loss",
        title=title,
    )
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
    jobs, most = (
        [],
        2**32 - 1 - reset.value % 2,
    )  # another bound, or the old seed stays seen
    _start = shared.asked(
        reset.value, wait=(25, range(4, 38, 3)), seed=(0, shared.SEEDS)
    )
    wait = mo.ui.slider(
        4,
        37,
        3,
        value=_start["wait"],
        label="Time steps",
        show_value=True,
        debounce=True,
    )
    seed = mo.ui.number(0, most, 1, value=_start["seed"], label="Seed")
    train = mo.ui.run_button(label="Watch both train")
    compare = mo.ui.run_button(label="Train eight of each")
    stop = shared.stop_button(jobs)
    mistake = shared.choose_mistake("rnn")
    controls = [wait, seed, train, compare, stop, reset]
    return compare, controls, jobs, mistake, seed, train, wait


@app.cell
def _(seed, wait):
    mo.stop(seed.value is None, shared.say("Which seed? A whole number, please."))
    start_at = int(seed.value)
    text = mo.ui.text(
        deal(wait.value, start_at), label="Symbols", full_width=True, debounce=False
    )
    return start_at, text


@app.cell
def _(start_at, text, wait):
    symbols = "".join(text.value.lower().split())
    mo.stop(problem(symbols), shared.say(problem(symbols)))
    nets = {start: trained(start, wait.value, start_at) for start in STARTS}
    with shared.alone():
        _pictures = [
            shared.picture(
                figure_states(start, net, symbols, wait.value),
                f"{start} start: 64 units and three probabilities, symbol by symbol",
            )
            for start, net in nets.items()
        ]
    shared.beside(*_pictures)
    return nets, symbols


@app.cell
def _(text):
    text
    return


@app.cell
def _(controls):
    mo.hstack(controls, justify="start", wrap=True)
    return


@app.cell
def _(nets, symbols, wait):
    _trained = f"""
    Asked after each symbol; it was trained to be asked after {wait.value - 1}
    only (the grey bar), and elsewhere it may well say something else. Below, the same
    symbols in other orders.
    """
    mo.vstack([mo.md(_trained), mo.md(ask_each_order(nets, symbols))])
    return


@app.cell
def _(start_at, wait):
    shared.remember(wait=wait.value, seed=start_at)
    _number = f"number {start_at % rnn.NETWORKS + 1} of {rnn.NETWORKS}"
    _place = f"rows of {wait.value} time steps, {_number}"
    if wait.value not in rnn.WAITS:
        _call = f"rnn.learn_and_recall('uniform', {wait.value}, {STEPS}, {start_at})"
        _call = f"import rnn; rnn.torch.set_num_threads(1); print({_call})"
        _place = f'or for so many time steps, uniform: `python -c "{_call}"`'
    _line = shared.command("rnn", seed=start_at // rnn.NETWORKS)
    mo.hstack([_line, mo.md(_place)], justify="start", wrap=True)
    return


@app.cell
def _(jobs, start_at, train, wait):
    def _draw(losses, result):
        said = dict(zip(STARTS, result or [], strict=False))
        told = ", ".join(f"{start} {share:.0%}" for start, share in said.items())
        title = "Training" if losses else "The losses: press Watch both train"
        title = f"Recalls: {told}" if told else title
        return shared.picture(figure_losses(losses, title), f"{title}. The losses")

    if train.value:

        def _train():
            options = wait.value, STEPS, start_at
            return [rnn.learn_and_recall(start, *options) for start in STARTS]

        shared.start(jobs, _train, _draw)
    else:
        with shared.alone():
            mo.output.replace(_draw([], None))
    return


@app.cell
def _(compare, jobs, start_at):
    mo.stop(not compare.value)
    _seed = start_at // rnn.NETWORKS

    def _draw(losses, result):
        if result:
            fig = rnn.figure(rnn.compare_gradients(_seed), result)
            return shared.picture(fig, "What eight networks recall from either start")
        networks = rnn.NETWORKS * len(STARTS) * len(rnn.WAITS)
        title = f"Training {len(losses) // STEPS + 1} of {networks}"
        waits = ", ".join(str(wait) for wait in rnn.WAITS)
        told = f"Eight networks from both starts over {waits} time steps: {networks}."
        fig = shared.picture(figure_losses(losses, title, networks), title)
        return shared.beside(fig, mo.md(told))

    shared.start(jobs, lambda: rnn.compare(STEPS, _seed), _draw)
    return


@app.cell
def _(mistake):
    mistake
    return


@app.cell
def _(mistake):
    shared.show_mistake("rnn", mistake.value)
    return


if __name__ == "__main__":
    app.run()
