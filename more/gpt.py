# /// script
# requires-python = ">=3.11"
# dependencies = ["matplotlib>=3.10.7", "torch>=2.9", "tyro>=0.9"]
# ///
r"""
A language model must not see the next letter
=============================================

A *language model* reads a text and says what comes next. It does not name one letter:
it gives every letter of the alphabet a probability, and all of them add up to 1. (Many
models read words, or parts of words. Ours reads letters. A space and a full stop count
as letters, too.)

**Surprise** says how good such a probability was, once the next letter is known. If the
letter had the probability p, the surprise is log2(1/p) *bits*: how many times must one
halve 1 to come to p? A letter with p = 1/2 surprises by 1 bit, as one toss of a coin;
1/4 by 2 bits, as two tosses; and a letter that was certain, p = 1, by 0 bits. The mean
surprise of all letters is the *loss* of the model. (PyTorch takes the natural logarithm
in place of log2: its loss is 0.69 times as large.)

**Entropy** is the loss of one who knows exactly how the text is made. If a coin decides
what is written, even this reader is surprised, by one bit for each toss. And on
average, nobody who does not know how the coin will fall *can do better*. So the entropy
is a floor. A model that comes close to it has learned all there is to learn. A model
below it has not learned more: it has seen what it should have predicted.

**The network** is a *GPT*, a stack of *blocks*, each with two parts. In the first,
every *place* in the text, first letter, second letter and so on, looks at other places
and takes something from them: this is *attention* (``attention.py`` says more). In the
second, every place works by itself on what it has found. At the end, each place says
what letter comes next.

In training, all places of a text are asked at once. That is fast, and it is dangerous:
what place 5 should predict stands at place 6. So a *mask* forbids every place to look
at the places after it, those with higher numbers. Such a mask is called *causal*, and
a stack of blocks with it is called a *decoder*.

**The experiment.** We make a text by tossing coins, so we know its entropy: half a bit
for each letter. Two networks read it. They have the same first parameters, the same
text, the same training. One has the mask. The *control* has none, and may look at the
next letter. Which one has the lower loss? And then both write: they continue a text,
letter by letter. Now there is no next letter to look at. A written sentence is *true*
if it is one of those that our coins can make.

:Run: ``python more/gpt.py --seed 1``
:Shapes: B texts, T places in each, D size, H heads, K size of a head, V letters
:Paper: Shannon 1951, https://doi.org/10.1002/j.1538-7305.1951.tb01366.x (entropy of
    English); Vaswani et al. 2017, https://arxiv.org/abs/1706.03762 (the blocks)
"""

import math
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor, nn

ASK = "What happens if a language model may see the next letter?"
CLAIM = (
    "Its loss, in the second half of its window, falls below a quarter of the entropy, "
    "which is the alarm: nobody can know that much. At the only place where it does "
    "not see the next letter, its loss is more than 20 % above the entropy. And it "
    "cannot write: less than 5 % of its sentences are true, and less than 40 % if 64 "
    "letters of a true text stand before. With a mask that hides the next letter, the "
    "same network comes within 5 % of the entropy in that half, and never below it, "
    "and more than 80 % of its sentences are true."
)
WINDOW = 64  # letters that a network reads at once
BATCH = 16  # windows in one step of training
RATE = 0.015  # the learning rate
WRITERS = 60  # texts that a network continues,
LENGTH = 100  # each by so many letters
LN2 = math.log(2)  # PyTorch's loss, divided by this, is in bits


# %%
# With a pencil: four words, two coins
# ------------------------------------
# Two tosses of a coin choose one of four words: ``cat.`` ``car.`` ``can.`` or ``dog.``
# (the full stop belongs to the word). What comes first? In three of four words a c. So
# c has the probability 3/4. After c there is always an a. After ca there is a t, an r
# or an n, each in one of three words.
def chances(beginning: str, sentences: list[str]) -> dict[str, float]:
    """The probability of each next letter, if all sentences are equally likely."""
    counts = {}
    fitting = 0
    for sentence in sentences:
        if sentence.startswith(beginning):
            letter = sentence[len(beginning)]
            counts[letter] = counts.get(letter, 0) + 1
            fitting += 1
    return {letter: count / fitting for letter, count in counts.items()}


# %%
# The surprise of a word
# ----------------------
# The letters of ``cat.`` have the probabilities 3/4, 1, 1/3 and 1. Their surprises are
# 0.42, 0, 1.58 and 0 bits, together 2. For ``dog.`` it is 2 + 0 + 0 + 0, again 2 bits:
# each word costs two tosses of the coin, however its letters share them. (In ``cat.``
# we multiply: 3/4 * 1/3 = 1/4, the probability of the word. The logarithm makes a sum
# of this product.) A word has four letters, so the entropy is half a bit a letter.
def surprises(sentence: str, sentences: list[str]) -> list[float]:
    """How much each letter surprises one who knows the sentences, in bits."""
    bits = []
    for place, letter in enumerate(sentence):
        probability = chances(sentence[:place], sentences)[letter]
        bits.append(math.log2(1 / probability))
    return bits


def four_words() -> None:
    words = ["cat.", "car.", "can.", "dog."]
    print("Two coins choose cat, car, can or dog. How much does each letter surprise?")
    for word in words:
        bits = surprises(word, words)
        columns = [f"{letter} {b:.2f}" for letter, b in zip(word, bits, strict=True)]
        print(f"    {'   '.join(columns)}   together {sum(bits):.2f} bits")
    print()


# %%
# Who believes something else pays more
# -------------------------------------
# Somebody does not know about the coins, and believes in ``dog.`` half of the time and
# in each other word once in six times. So dog surprises by only 1 bit. But it comes no
# more often for that, and each of the others now surprises by log2(6) = 2.58. The mean
# is (1 + 3 * 2.58) / 4 = 2.19 bits, which is more than 2. It is so with every other
# belief: probabilities that are raised for one word are missing at the others. This is
# why the entropy is a floor.
def mean_surprise(truth: list[float], believed: list[float]) -> float:
    """In bits: how often a word comes, times how much it then surprises."""
    total = 0.0
    for often, probability in zip(truth, believed, strict=True):
        total += often * math.log2(1 / probability)
    return total


def two_beliefs() -> None:
    truth = [1 / 4, 1 / 4, 1 / 4, 1 / 4]
    print("Bits a word:")
    for name, believed in [
        ("who knows of the coins", truth),
        ("who believes in dog", [1 / 6, 1 / 6, 1 / 6, 1 / 2]),
    ]:
        ours = mean_surprise(truth, believed)
        # PyTorch's loss takes rows. It makes logarithms of probabilities, and leaves
        # alone what is that already. The truth may be a row of probabilities, too.
        loss = F.cross_entropy(torch.tensor([believed]).log(), torch.tensor([truth]))
        print(f"    {name:22} {ours:.2f}   PyTorch: {loss.item() / LN2:.2f}")
    print()


# %%
# A text from eight coins
# -----------------------
# Our text has longer sentences: a name, what somebody did, and an animal, such as
# ``amy hid her goat.`` or ``bob had his ox.`` Three tosses choose one of 8 names, two
# one of 4 verbs, three one of 8 animals: 8 tosses, and so 8 bits, for one of 256
# sentences. On average they have 16 letters. So the entropy is half a bit a letter.
#
# *Her* or *his* is no toss, the name decides it. To know which, one has to look back,
# past the verb, to the name.
HER = ["amy", "ann", "anna", "eva"]
HIS = ["al", "bob", "dan", "eli"]
VERBS = ["had", "has", "hid", "saw"]
ANIMALS = ["cat", "cow", "dog", "goat", "hen", "ox", "pig", "rat"]


def all_sentences() -> list[str]:
    sentences = []
    for name in HER + HIS:
        whose = "his"
        if name in HER:
            whose = "her"
        for verb in VERBS:
            for animal in ANIMALS:
                sentences.append(f"{name} {verb} {whose} {animal}.")
    return sentences


SENTENCES = all_sentences()
LETTERS = sorted(set("".join(SENTENCES)))  # 22, with the space and the full stop
NUMBER = {letter: number for number, letter in enumerate(LETTERS)}


def draw(count: int) -> list[str]:
    """So many sentences, each chosen by eight coins."""
    chosen = torch.randint(len(SENTENCES), (count,))
    return [SENTENCES[number] for number in chosen.tolist()]


def to_numbers(text: str) -> Tensor:
    """A network computes with numbers: each letter has one."""
    return torch.tensor([NUMBER[letter] for letter in text])


def to_text(numbers: Tensor) -> str:
    return "".join([LETTERS[number] for number in numbers.tolist()])


# %%
# With a pencil: who may look at whom
# -----------------------------------
# Attention gives each place a mean of what stands at the places it looks at. Let three
# places have the values 1, 2 and 6, and let all weights be equal. Without a mask each
# place gets the mean of all three, 3. With the causal mask the first place sees only
# itself, the second sees two places, and the third sees all: 1, 1.5 and 3. Now change
# the last value to 9. Without a mask all three outputs change. With the mask the first
# two stay: they know nothing of the last.
def means(values: list[float], masked: bool) -> list[float]:
    """The mean of what each place sees."""
    outputs = []
    for place in range(len(values)):
        seen = values
        if masked:
            seen = values[: place + 1]  # up to this place, and with it
        outputs.append(sum(seen) / len(seen))
    return outputs


def three_places() -> None:
    print("Three places, and the mean of what each one sees:")
    for values in ([1.0, 2.0, 6.0], [1.0, 2.0, 9.0]):
        # Queries of 0 make equal scores, and so equal weights.
        nothing = torch.zeros(3, 1)
        column = torch.tensor(values)[:, None]
        names = ", ".join([f"{value:.0f}" for value in values])
        for masked in (True, False):
            builtin = F.scaled_dot_product_attention(
                nothing, nothing, column, is_causal=masked
            )
            mask = "no mask"
            if masked:
                mask = "mask"
            ours = means(values, masked)
            theirs = builtin[:, 0].tolist()
            print(f"    {names}, {mask:8}{row(ours)}  PyTorch {row(theirs)}")
    print()


def row(numbers: list[float]) -> str:
    return " ".join([f"{number:5.2f}" for number in numbers])


# %%
# With a pencil: LayerNorm
# ------------------------
# After some blocks the numbers at a place may have become large or small. A *LayerNorm*
# brings them back to the same size: it subtracts their mean, and divides by their
# standard deviation (the root of the mean square of what is left). Of 2, 2, 6 and 6 the
# mean is 4, and -2, -2, 2, 2 are left. Their mean square is 4, its root is 2, and the
# result is -1, -1, 1, 1. Of 200, 200, 600, 600 it is the same. (PyTorch adds 0.00001 to
# the mean square, so that it never divides by 0. And it learns a factor and a summand
# for each number, which begin as 1 and 0.)
def layer_norm(numbers: list[float]) -> list[float]:
    mean = sum(numbers) / len(numbers)
    left = [number - mean for number in numbers]
    mean_square = sum(number**2 for number in left) / len(left)
    return [number / math.sqrt(mean_square + 0.00001) for number in left]


def four_numbers() -> None:
    print("LayerNorm of four numbers:")
    for numbers in ([2.0, 2.0, 6.0, 6.0], [200.0, 200.0, 600.0, 600.0]):
        theirs = F.layer_norm(torch.tensor(numbers), (4,)).tolist()
        print(f"    of {numbers}: {row(layer_norm(numbers))}")
        print(f"    F.layer_norm says:{row(theirs):>32}")
    print()


# %%
# Attention with several heads
# ----------------------------
# Every place makes a *query* of its numbers: what it looks for; a *key*: how it can be
# found; and a *value*: what it has to tell. The score of a place for a query is the
# dot product of query and key, divided by a root so that it is not too large. A softmax
# turns the scores into weights: positive numbers whose sum is 1. The output is the mean
# of the values with these weights.
#
# *Heads.* One mean can look for one thing. But a place may have to look for two: for
# the name (her or his?) and for the letter just before. So we cut query, key and value
# into H pieces of K = D / H numbers. Each piece, a *head*, has scores, weights and a
# mean of its own. Then the pieces are put side by side again, and a linear layer (it
# multiplies by a learned matrix, and adds a learned vector) mixes them. (For our short
# sentences one head is enough: we tried it, and saw no difference.)
#
# *The mask.* Where a place must not look, the score becomes minus infinity. The softmax
# takes exp of each score, and exp of minus infinity is 0: no weight.
class SelfAttention(nn.Module):
    def __init__(self, size: int, heads: int, masked: bool):
        super().__init__()
        self.heads = heads
        self.masked = masked
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(size, size)
        self.value = nn.Linear(size, size)
        self.mix = nn.Linear(size, size)

    def forward(self, x: Tensor) -> Tensor:
        B, T, D = x.shape
        q = self.cut(self.query(x))  # (B, H, T, K)
        k = self.cut(self.key(x))  # (B, H, T, K)
        v = self.cut(self.value(x))  # (B, H, T, K)
        K = q.shape[-1]
        scores = q @ k.mT / math.sqrt(K)  # (B, H, T, T)
        if self.masked:
            # Row t belongs to place t: True up to column t, False to the right.
            may_look = torch.ones(T, T, dtype=torch.bool).tril()  # (T, T)
            scores = scores.masked_fill(~may_look, -math.inf)  # (B, H, T, T)
        weights = scores.softmax(dim=-1)  # (B, H, T, T)
        outputs = weights @ v  # (B, H, T, K)
        # Side by side again: the heads of a place become its D numbers.
        together = outputs.transpose(1, 2).reshape(B, T, D)  # (B, T, D)
        return self.mix(together)  # (B, T, D)

    def cut(self, x: Tensor) -> Tensor:
        """H pieces of each place's numbers; then heads come before places."""
        B, T, D = x.shape
        pieces = x.reshape(B, T, self.heads, D // self.heads)  # (B, T, H, K)
        return pieces.transpose(1, 2)  # (B, H, T, K)


# %%
# A block
# -------
# First the places look at each other. Then each place works on its own numbers: a
# linear layer makes four times as many, ReLU puts 0 in place of the negative ones, and
# a second linear layer makes D numbers again.
#
# *Residual.* What a part computes is added to the numbers that were there, ``x + ...``:
# they are not replaced. So what was there has an open way through the blocks, and at
# the beginning of training, when a part computes only noise, what was there still
# arrives. (``compare_blocks.py`` says more.)
#
# *LayerNorm* stands before each part, so that it always gets numbers of the same size.
# We tried two blocks without it, and saw no difference. What is it for, and who
# notices? That is a lesson of its own, ``more/normalize.py``.
class Block(nn.Module):
    def __init__(self, size: int, heads: int, masked: bool):
        super().__init__()
        self.norm1 = nn.LayerNorm(size)
        self.attention = SelfAttention(size, heads, masked)
        self.norm2 = nn.LayerNorm(size)
        self.widen = nn.Linear(size, 4 * size)
        self.narrow = nn.Linear(4 * size, size)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))  # (B, T, D)
        hidden = F.relu(self.widen(self.norm2(x)))  # (B, T, 4 * D)
        return x + self.narrow(hidden)  # (B, T, D)


# %%
# The network
# -----------
# An *embedding* is a table with a row of D numbers for each letter, and these numbers
# are learned. *Positions:* attention itself does not know which place is where; for it,
# what it sees is a bag of letters. So there is a second table, with a row for each
# place, and both rows are added.
#
# Behind the blocks, a linear layer makes V = 22 scores at each place, one for each
# letter that may come next. Such scores are called *logits*. A softmax would make
# probabilities of them.
class GPT(nn.Module):
    """Numbers of letters (B, T) -> logits (B, T, V); ValueError for another shape."""

    def __init__(
        self, masked: bool = True, size: int = 32, heads: int = 4, blocks: int = 2
    ):
        super().__init__()
        self.letter = nn.Embedding(len(LETTERS), size)
        self.place = nn.Embedding(WINDOW, size)
        stack = [Block(size, heads, masked) for _ in range(blocks)]
        self.blocks = nn.Sequential(*stack)
        self.norm = nn.LayerNorm(size)
        self.answer = nn.Linear(size, len(LETTERS))

    def forward(self, letters: Tensor) -> Tensor:
        if letters.dim() != 2 or letters.shape[1] > WINDOW:
            shape = tuple(letters.shape)
            raise ValueError(f"expected (B, at most {WINDOW}), got {shape}")
        T = letters.shape[1]
        places = self.place(torch.arange(T))  # (T, D)
        x = self.letter(letters) + places  # (B, T, D)
        x = self.blocks(x)  # (B, T, D)
        return self.answer(self.norm(x))  # (B, T, V)


# %%
# Training
# --------
# A *window* is a piece of the text. The network reads its letters but the last. At each
# place the right answer is the letter after it: the same window, from its second letter
# on. So a window has 65 letters: 64 that are read, and for each the next one. 64
# letters are 64 questions, and the network answers all of them at once.
#
# A window may begin anywhere, and so in the middle of a sentence.
def train(
    network: nn.Module,
    text: Tensor,
    steps: int,
    watch: Callable[[int, float], None] | None = None,
) -> None:
    """Train on windows of `text`; `watch`, if given, hears of each step's loss."""
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    # The learning rate falls to 0 in a straight line, so that the network settles.
    schedule = torch.optim.lr_scheduler.LinearLR(
        optimizer, start_factor=1.0, end_factor=0.0, total_iters=steps
    )
    for step in range(steps):
        first = torch.randint(len(text) - WINDOW, (BATCH,))  # (B,)
        places = first[:, None] + torch.arange(WINDOW + 1)  # (B, T + 1)
        windows = text[places]  # (B, T + 1)
        logits = network(windows[:, :-1])  # (B, T, V)
        # cross_entropy applies the softmax, and takes the mean of all surprises. It
        # wants the 22 logits before the places: (B, V, T).
        loss = F.cross_entropy(logits.mT, windows[:, 1:])
        optimizer.zero_grad()  # forget the gradients of the last step
        loss.backward()  # how does the loss depend on each parameter?
        optimizer.step()  # change each parameter a little, against its gradient
        schedule.step()
        if watch is not None:
            watch(step, loss.item())


def print_loss(step: int, loss: float) -> None:
    if step % 100 == 0:
        print(f"    step {step:4}: loss {loss / LN2:.3f} bits")


# %%
# The same letters for all
# ------------------------
# The test is a new text, for which the coins were tossed again. Its sentences are
# known, for there are only 256, but not which one comes next. It is cut into windows.
# And how much do its letters surprise one who knows the source? We count, as for the
# four words. So the networks are compared with the floor on the very same letters: luck
# in the tosses is the same luck for all.
def make_test(count: int) -> tuple[Tensor, Tensor]:
    """`count` windows (B, T + 1), and the bits (B, T + 1) of one who knows all."""
    known = {sentence: surprises(sentence, SENTENCES) for sentence in SENTENCES}
    length = count * (WINDOW + 1)
    text = ""
    bits = []
    while len(text) < length:
        (sentence,) = draw(1)
        text += sentence
        bits += known[sentence]
    windows = to_numbers(text[:length]).reshape(count, WINDOW + 1)  # (B, T + 1)
    floor = torch.tensor(bits[:length]).reshape(count, WINDOW + 1)  # (B, T + 1)
    return windows, floor


def bits_by_place(network: nn.Module, windows: Tensor) -> Tensor:
    """The loss at each place (T,), in bits, the mean of all windows."""
    losses = []
    for some in windows.split(100):  # a few at a time, to save memory
        with torch.no_grad():
            logits = network(some[:, :-1])  # (B, T, V)
        loss = F.cross_entropy(logits.mT, some[:, 1:], reduction="none")  # (B, T)
        losses.append(loss)
    return torch.cat(losses).mean(dim=0) / LN2  # (T,)


# %%
# Writing
# -------
# The network reads what is there, at most the last 64 letters, and its last place says
# how probable each next letter is. We draw one with these probabilities, write it
# after the others, and ask again.
#
# Both networks write twice. First after a single full stop. The network without a mask
# has never read so short a text: at each of its first 63 places the answer stood one
# place further. So we give it a fair try, and 64 letters of a true text to begin with.
# Then the place that is asked is always the last of 64. There it did learn to predict,
# for in training, too, no letter stood behind that place. But only one of its 64
# questions was of this kind. With the mask all 64 are.
def write(network: nn.Module, beginnings: Tensor, count: int) -> list[str]:
    """Continue each of the beginnings, rows of letters, by so many letters."""
    text = beginnings
    given = beginnings.shape[1]
    for _ in range(count):
        with torch.no_grad():
            logits = network(text[:, -WINDOW:])  # at every place
        probabilities = logits[:, -1].softmax(dim=-1)  # (B, V)
        letter = torch.multinomial(probabilities, num_samples=1)  # (B, 1)
        text = torch.cat([text, letter], dim=1)
    return [to_text(numbers) for numbers in text[:, given:]]


def whole_sentences(written: str) -> list[str]:
    """Those after the first full stop, and up to the last."""
    pieces = written.split(".")
    return [piece + "." for piece in pieces[1:-1]]


def share_allowed(texts: list[str]) -> float:
    """The share of the written sentences that are true."""
    allowed = 0
    total = 0
    for written in texts:
        for sentence in whole_sentences(written):
            total += 1
            if sentence in SENTENCES:
                allowed += 1
    if total == 0:  # no two full stops, with a sentence between them
        return 0.0
    return allowed / total


# %%
# When does the claim hold?
# -------------------------
# We count the second half of each window only. A sentence has at most 18 letters, so
# there the network has seen where it began, and can know as much as one who knows the
# source. In the first half it may not know yet where it is.
#
# That a loss cannot lie below the floor is certain beforehand, on average. In a single
# test a network may be lucky, and like the sentences that happen to be more frequent
# there. With 1,000 windows this luck is much smaller than the distance to the floor at
# which our network ends.
def claim_holds(numbers: dict[str, float]) -> bool:
    floor = numbers["floor"]
    never_below = numbers["masked"] >= floor
    comes_close = numbers["masked"] < 1.05 * floor
    learns = never_below and comes_close
    alarm = numbers["unmasked"] < 0.25 * floor
    worse_at_last = numbers["unmasked_last"] > 1.20 * numbers["floor_last"]
    cheats = alarm and worse_at_last
    masked_writes = numbers["masked_1"] > 0.80
    masked_goes_on = numbers["masked_64"] > 0.80
    writes = masked_writes and masked_goes_on
    unmasked_does_not = numbers["unmasked_1"] < 0.05
    unmasked_goes_on_badly = numbers["unmasked_64"] < 0.40
    cannot_write = unmasked_does_not and unmasked_goes_on_badly
    return learns and cheats and writes and cannot_write


# %%
# The picture
# -----------
def figure(losses: dict[str, list[float]], allowed: dict[str, list[float]]) -> Figure:
    """The loss at each place; the share of the written sentences that are right."""
    fig, (lines, bars) = plt.subplots(
        1, 2, width_ratios=[3, 2], figsize=(8, 4.5), layout="constrained"
    )
    places = range(1, WINDOW + 1)
    styles = {"masked": ("-", "black"), "unmasked": ("--", "#d06000")}
    for name, (style, color) in styles.items():
        lines.plot(places, losses[name], style, color=color, linewidth=2.5, label=name)
    floor = losses["knows the source"]
    lines.plot(places, floor, ":", color="0.6", linewidth=2.5, label="knows the source")
    last = losses["unmasked"][-1]
    lines.plot(WINDOW, last, "o", color=styles["unmasked"][1], markersize=8)
    lines.set(xlabel="place in the window", ylabel="loss, in bits")
    lines.set_ylim(bottom=-0.05)
    lines.legend(fontsize=11)

    left = -0.2  # of the tick: where the first bar of each pair stands
    for name, (_, color) in styles.items():
        middles = [left, left + 1]
        drawn = bars.bar(middles, allowed[name], width=0.4, color=color)
        bars.bar_label(drawn, fmt="{:.0%}", padding=3)
        left += 0.4
    bars.set(ylim=(0, 1.1), yticks=[0, 0.5, 1], xticks=[0, 1])
    bars.set_xticklabels(["behind\na full stop", "behind\n64 letters"])
    bars.set_ylabel("share of true sentences")
    for axes in (lines, bars):
        axes.spines[["top", "right"]].set_visible(False)
    fig.suptitle(
        f"Without the mask: {losses['unmasked'][-2]:.2f} bits where it sees the next "
        f"letter, {last:.2f} where it does not"
    )
    return fig


# %%
# The lesson
# ----------
def main(steps: int = 600, seed: int = 0) -> dict[str, float]:
    """Two networks read the same text, and one of them may see the next letter.

    Args:
        steps: number of training steps of each network, each on 16 windows of text
        seed: of everything random: the texts, the first parameters, what is written
    """
    if steps < 1:
        sys.exit(f"--steps must be at least 1, got {steps}")
    print(f"{ASK}\n")
    four_words()
    two_beliefs()
    three_places()
    four_numbers()

    torch.manual_seed(seed)
    text = to_numbers("".join(draw(20_000)))
    windows, floor = make_test(1_000)
    half = WINDOW // 2
    full_stops = torch.full((WRITERS, 1), NUMBER["."])  # (B, 1)
    numbers = {
        # Place t predicts the letter t + 1.
        "floor": floor[:, half + 1 :].mean().item(),
        "floor_last": floor[:, -1].mean().item(),
    }
    losses = {"knows the source": floor[:, 1:].mean(dim=0).tolist()}
    allowed = {}
    for name, masked in [("masked", True), ("unmasked", False)]:
        torch.manual_seed(seed)  # the same first parameters and windows for both
        network = GPT(masked)
        print(f"The {name} network reads:")
        train(network, text, steps, print_loss)
        by_place = bits_by_place(network, windows)  # (T,)
        losses[name] = by_place.tolist()
        numbers[name] = by_place[half:].mean().item()
        numbers[f"{name}_last"] = losses[name][-1]
        behind_a_stop = write(network, full_stops, LENGTH)
        behind_text = write(network, windows[:WRITERS, :-1], LENGTH)
        allowed[name] = [share_allowed(behind_a_stop), share_allowed(behind_text)]
        numbers[f"{name}_1"] = allowed[name][0]
        numbers[f"{name}_64"] = allowed[name][1]
        print(f"Behind a full stop it writes:\n    {behind_a_stop[0][:56]}")
        print(f"And behind 64 letters of a text:\n    {behind_text[0][:56]}\n")

    print("                        loss   loss at   true sentences behind")
    print("                      (bits)  the last   a full stop   64 letters")
    floors = f"{numbers['floor']:10.3f}{numbers['floor_last']:10.3f}"
    print(f"knows the source  {floors}{1:14.1%}{1:13.1%}")
    for name, (alone, after) in allowed.items():
        its_losses = f"{numbers[name]:10.3f}{numbers[f'{name}_last']:10.3f}"
        print(f"{name:18}{its_losses}{alone:14.1%}{after:13.1%}")
    print()

    holds = claim_holds(numbers)
    numbers["holds"] = float(holds)
    verdict = "does NOT hold"
    if holds:
        verdict = "holds"
    print(f"{textwrap.fill(CLAIM)}\nIn this run the claim {verdict}.")
    Path("figures").mkdir(exist_ok=True)
    figure(losses, allowed).savefig("figures/gpt.png", dpi=160)
    return numbers


# %%
# The command line
# ----------------
if __name__ == "__main__":
    torch.set_num_threads(1)  # more threads hardly help on networks this small
    if "kernel_launcher" in sys.argv[0]:  # a notebook: its arguments are not for us
        main()
    else:
        import tyro  # turns the arguments of main into options

        for word in sys.argv[1:]:
            number = word.rpartition("=")[2].strip("+-").replace("_", "")
            if number.isdecimal() and len(number) > 15:  # PyTorch counts in 64 bits
                sys.exit(f"A number must have at most 15 digits, got {word[:40]}")
        try:
            tyro.cli(main)
            print(end="", flush=True)
        except BrokenPipeError:  # who reads this has enough, as with `| head -1`
            sys.stdout = None
        except OSError as error:  # a folder that cannot be written, a full disk
            sys.exit(f"{type(error).__name__}: {error}")
    plt.show()  # a window, where there is a screen
