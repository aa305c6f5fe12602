# /// script
# [tool.marimo.opengraph]
# title = "rnn"
# description = "Same code, same task, another seed: will it still remember?"
# ///
import marimo

app = marimo.App(width="medium", app_title="rnn: the lab")

with app.setup:
    import threading

    import marimo as mo
    import matplotlib.pyplot as plt
    import shared
    import torch
    import torch.nn.functional as F
    from torch.optim.optimizer import register_optimizer_step_post_hook

    rnn, head = shared.lesson("rnn")
    STARTS = {"uniform": "C0", "orthogonal": "C1"}  # and their colours
    STEPS, SYMBOLS, LONGEST = 200, "abc", 200


@app.function
def trained(start: str, rounds: int, seed: int) -> torch.nn.Module:
    """The network that the lesson's train() leaves, and in .recall what it returns."""
    with shared.alone():  # its first weights are drawn, too
        net, found = rnn.SequenceClassifierRNN(4, 64), []
    net.register_buffer("recall", torch.zeros(()))

    def train(net):
        me = threading.get_ident()  # another visitor's training may step between ours
        hook = register_optimizer_step_post_hook(
            lambda adam, *_: found.append(adam) if threading.get_ident() == me else None
        )
        try:
            net.recall.fill_(rnn.train(start, rounds, STEPS, seed, "cpu"))
        finally:
            hook.remove()
        theirs = found[-1].param_groups[0]["params"]
        torch.nn.utils.vector_to_parameters(
            torch.nn.utils.parameters_to_vector(theirs).detach(), net.parameters()
        )

    return shared.keep(f"{start} {rounds} {STEPS} {seed}", net, train)


@app.function
def deal(rounds: int, seed: int) -> str:
    """A sequence as the lesson deals it, in letters and without its cue."""
    with shared.alone():
        torch.manual_seed(seed)
        x, _ = rnn.deal(1, rounds)
    return "".join(SYMBOLS[number] for number in x[0, :-1].argmax(dim=1))


@app.function
def problem(text: str) -> str:
    """Why this cannot be read, in a friendly line; empty if it can."""
    if not text:
        return "Nothing to remember yet: type some letters, each a, b or c."
    if len(text) > LONGEST:
        return f"That is {len(text):,} letters. Up to {LONGEST} can still be seen here."
    others = "".join(sorted(set(text) - set(SYMBOLS)))[:5]
    return f"It knows three symbols, a, b and c, but not `{others}`" if others else ""


@app.function
def read(net: torch.nn.Module, text: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The states (T, H), and what it answers if the cue comes next (T, C)."""
    x = F.one_hot(torch.tensor([SYMBOLS.index(one) for one in text]), 4).float()
    h = torch.cat(net.states(x[None], torch.zeros(1, 64)))
    cue = F.one_hot(torch.full((len(h), 1), 3), 4).float()
    return h, net.head(net.states(cue, h)[-1]).softmax(dim=1)


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
    place = {"left": 0.14, "right": 0.87, "top": 0.9, "bottom": 0.17, "hspace": 0.06}
    return plt.subplots(
        rows, figsize=(6.8, 4.7), layout="none", gridspec_kw=place | options
    )


@app.function
def figure_states(start: str, net: torch.nn.Module, text: str, rounds: int):
    h, chances = read(net, text)
    fig, (top, low) = canvas(2, height_ratios=[3, 2])
    top.imshow(h.T.numpy(), aspect="auto", interpolation="nearest", vmin=-1, vmax=1)
    top.set(ylabel="64 units", xticks=[], yticks=[])
    styles = zip(SYMBOLS, ("o-", "s--", "^:"), ("C0", "C1", "C2"), strict=True)
    for place, (symbol, line, color) in enumerate(styles):
        low.plot(chances[:, place], line, color=color, label=symbol, markersize=6)
    if len(text) >= 3 * rounds:  # where it was trained to be asked
        low.axvline(3 * rounds - 1, color="gray", linewidth=12, alpha=0.3)
    low.set(xlim=(-0.5, len(text) - 0.5), ylim=(-0.06, 1.06), yticks=[0, 1])
    low.set(ylabel="probability", xlabel="asked after this symbol")
    if len(text) <= 36:
        low.set_xticks(range(len(text)), text)
    low.legend(loc="upper left", bbox_to_anchor=(1, 1.05), handlelength=0.8)
    fig.suptitle(f"{start}: recalls {net.recall:.0%}")
    return fig


@app.function
def figure_fading(wait: int, seed: int):
    """The gradient in the weights that this seed starts from."""
    fig, ax = canvas()
    for rho, (start, color) in enumerate(STARTS.items()):  # 0: uniform
        left = rnn.gradient_by_wait(rho, wait, seed)
        ax.semilogy(range(1, wait + 1), left, color, label=start)
    ax.minorticks_off()
    ax.set(xlabel="steps T", ylabel="gradient left", ylim=(1e-8, 4))
    ax.set_title("Before training: what comes back")
    ax.legend(loc="lower left")
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
    ax.set(xlim=(0, STEPS), ylim=(0, 1.6), xlabel="step", ylabel="loss", title=title)
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
    wait = mo.ui.slider(
        steps=[*range(4, 38, 3)], value=25, label="Wait", show_value=True, debounce=True
    )
    seed = mo.ui.number(0, most, 1, value=0, label="Seed")
    train = mo.ui.run_button(label="Watch both train")
    compare = mo.ui.run_button(label="Train eight seeds")
    stop = shared.stop_button(jobs)
    mistake = shared.choose_mistake("rnn")
    mo.hstack([wait, seed, train, compare, stop, reset], justify="start", wrap=True)
    return compare, jobs, mistake, seed, train, wait


@app.cell
def _(seed, wait):
    mo.stop(seed.value is None, shared.say("Which seed? A whole number, please."))
    rounds, start_at = wait.value // 3, int(seed.value)
    text = mo.ui.text(
        deal(rounds, start_at), label="Symbols", full_width=True, debounce=False
    )
    text
    return rounds, start_at, text


@app.cell
def _(rounds, start_at, text):
    _text = "".join(text.value.lower().split())
    mo.stop(problem(_text), shared.say(problem(_text)))
    _nets = {start: trained(start, rounds, start_at) for start in STARTS}
    with shared.alone():
        _pictures = [
            shared.picture(
                figure_states(start, net, _text, rounds),
                f"{start} start: 64 units and three probabilities, symbol by symbol",
            )
            for start, net in _nets.items()
        ]
    _trained = f"""
    Asked by the cue after each symbol; it was trained to be asked after {3 * rounds}
    only (the grey bar), and elsewhere it may well say something else. Below, the same
    symbols in other orders.
    """
    mo.vstack(
        [
            shared.beside(*_pictures),
            mo.md(_trained),
            mo.md(ask_each_order(_nets, _text)),
        ]
    )
    return


@app.cell
def _(rounds, start_at, wait):
    _place = f"rows T = {wait.value}, number {start_at % rnn.SEEDS + 1} of {rnn.SEEDS}"
    if wait.value not in rnn.WAITS:
        _call = f"rnn.train('uniform', {rounds}, {STEPS}, {start_at}, 'cpu')"
        _call = f"import rnn; rnn.torch.set_num_threads(1); print({_call})"
        _place = f'or for this wait, uniform: `python -c "{_call}"`'
    _line = shared.command("rnn", seed=start_at // rnn.SEEDS)
    mo.hstack([_line, mo.md(_place)], justify="start", wrap=True)
    return


@app.cell
def _(jobs, rounds, start_at, train, wait):
    with shared.alone():
        _fading = shared.picture(
            figure_fading(wait.value, start_at),
            "The gradient left after each step, from both starts",
        )

    def _draw(losses, result):
        said = dict(zip(STARTS, result or [], strict=False))
        told = ", ".join(f"{start} {share:.0%}" for start, share in said.items())
        title = "Training" if losses else "The losses: press Watch both train"
        title = f"Recalls: {told}" if told else title
        fig = figure_losses(losses, title)
        return shared.beside(_fading, shared.picture(fig, f"{title}. The losses"))

    if train.value:

        def _train():
            return [rnn.train(s, rounds, STEPS, start_at, "cpu") for s in STARTS]

        shared.start(jobs, _train, _draw)
    else:
        with shared.alone():
            mo.output.replace(_draw([], None))
    return


@app.cell
def _(compare, jobs, start_at):
    mo.stop(not compare.value)

    def _draw(losses, result):
        if result:
            number = start_at // rnn.SEEDS
            rhos = (1, 0.8, 0)
            fading = {rho: rnn.gradient_by_wait(rho, 30, number) for rho in rhos}
            fig = rnn.figure(fading, result)
            return shared.picture(fig, "What eight seeds recall from either start")
        networks = rnn.SEEDS * len(STARTS) * len(rnn.WAITS)
        title = f"Training {len(losses) // STEPS + 1} of {networks}"
        waits = ", ".join(str(wait) for wait in rnn.WAITS)
        told = (
            f"Eight seeds from both starts over waits of {waits}: {networks} networks."
        )
        fig = shared.picture(figure_losses(losses, title, networks), title)
        return shared.beside(fig, mo.md(told))

    shared.start(jobs, lambda: rnn.compare(STEPS, start_at // 8, "cpu"), _draw)
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
