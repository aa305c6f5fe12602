"""cnn.py and what people use instead for MNIST's digits, from published settings.

A recipe yields (epochs done, seconds, accuracy, seconds of testing) after every epoch,
and at the deadline. Seconds begin after its imports, before network and optimiser are
built; testing is not counted, but for cnn.py, whose training ends with its test. What
published loaders cost beyond picking rows of a tensor is not counted either, which is
kind to them.

python -m benchmarks.recipes RECIPE SEED THREADS DEADLINE STARTED: one of them in this
process, until it reads 99 % or its epochs end. This file imports no other lesson than
cnn.py, for what is imported is a part of the race.
"""

import contextlib
import io
import json
import os
import sys
import time

import torch
import torch.nn.functional as F
from threadpoolctl import threadpool_limits
from torch import nn

import cnn

EPOCHS = 6  # at most
SHORT = 40  # at most, where an epoch takes a second: longer than cnn.py in all
PARTS = 20  # of an epoch, between which the clock is read
GOAL = 0.99  # of the test


def drive(begin, learn, test, size: int, batch: int, epochs: int, deadline: float):
    """Call learn(rows) for parts of every epoch's random order."""
    seconds, tested, due = time.perf_counter() - begin, 0.0, deadline
    for epoch in range(epochs):
        parts = torch.randperm(size).split(-(-size // PARTS // batch) * batch)
        for done, rows in enumerate(parts, 1):
            start = time.perf_counter()
            learn(rows)
            seconds += time.perf_counter() - start
            if done == len(parts) or seconds > due:
                due = due if seconds <= due else float("inf")
                start = time.perf_counter()
                accuracy = test()
                tested += time.perf_counter() - start
                yield epoch + done / len(parts), seconds, accuracy, tested


def ours(digits: list, seed: int, deadline: float):
    """cnn.py's own training, to its end."""
    begin = time.perf_counter()
    torch.manual_seed(seed)
    images, labels, unseen, answers = digits
    network = cnn.ImageClassifierCNN()
    cnn.train(network, images, labels, steps=960)  # as its main trains on MNIST
    accuracy = cnn.accuracy(network, unseen, answers)
    yield 1, time.perf_counter() - begin, accuracy, 0.0


def convnet(one: int, two: int, hidden: int) -> nn.Module:
    """Two 3x3 convolutions, pooled once, dropout before and between dense layers."""
    layers = [nn.Conv2d(1, one, 3), nn.ReLU(), nn.Conv2d(one, two, 3), nn.ReLU()]
    layers += [nn.MaxPool2d(2), nn.Dropout(0.25), nn.Flatten()]
    layers += [nn.Linear(144 * two, hidden), nn.ReLU(), nn.Dropout(0.5)]
    return nn.Sequential(*layers, nn.Linear(hidden, 10))


def fit(begin, network, optimizer, schedule, every, batch, epochs, digits, deadline):
    """The schedule moves on after so many steps."""
    images, labels, unseen, answers = digits
    images, unseen = (images - 0.1307) / 0.3081, (unseen - 0.1307) / 0.3081
    steps = 0

    def learn(rows):
        nonlocal steps
        for some in rows.split(batch):
            loss = F.cross_entropy(network(images[some]), labels[some])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            steps += 1
            if steps % every == 0:
                schedule.step()

    def test():
        network.eval()
        with torch.no_grad():
            guesses = torch.cat([network(x).argmax(1) for x in unseen.split(1000)])
        network.train()
        return (guesses == answers).double().mean().item()

    return drive(begin, learn, test, len(images), batch, epochs, deadline)


def official(digits: list, seed: int, deadline: float):
    """The example collection's: batch 64, Adadelta at 1.0, times 0.7 each epoch."""
    begin = time.perf_counter()
    torch.manual_seed(seed)
    network = convnet(32, 64, 128)
    optimizer = torch.optim.Adadelta(network.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.7)
    every = -(-len(digits[0]) // 64)
    return fit(begin, network, optimizer, schedule, every, 64, EPOCHS, digits, deadline)


def tuned(digits: list, seed: int, deadline: float):
    """One epoch: convolutions of 24 and 32, 256 hidden, batch 256, a cycle of Adam."""
    begin = time.perf_counter()
    torch.manual_seed(seed)
    network = convnet(24, 32, 256)
    optimizer = torch.optim.Adam(network.parameters())
    steps = -(-len(digits[0]) // 256)  # drive's parts are whole batches
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, steps)
    return fit(begin, network, optimizer, schedule, 1, 256, 1, digits, deadline)


def scikit_learn(digits: list, seed: int, deadline: float):
    """MLPClassifier with its own settings, part by part."""
    from sklearn.neural_network import MLPClassifier

    begin = time.perf_counter()
    torch.manual_seed(seed)
    images, labels, unseen, answers = digits
    images, unseen = (x.flatten(1).numpy() for x in (images, unseen))
    network = MLPClassifier(random_state=seed)

    def learn(rows):
        network.partial_fit(images[rows], labels[rows].numpy(), classes=range(10))

    def test():
        return network.score(unseen, answers.numpy())

    return drive(begin, learn, test, len(images), 200, SHORT, deadline)


def keras(digits: list, seed: int, deadline: float):
    """Its published convnet: 32 and 64, each pooled, dropout 0.5, batch 128, Adam."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    begin = time.perf_counter()
    keras.utils.set_random_seed(seed)
    images, labels, unseen, answers = digits
    images, unseen = (x.permute(0, 2, 3, 1).numpy() for x in (images, unseen))
    layers = [keras.Input((28, 28, 1))]
    for filters in 32, 64:
        layers += [keras.layers.Conv2D(filters, 3, activation="relu")]
        layers += [keras.layers.MaxPooling2D(2)]
    layers += [keras.layers.Flatten(), keras.layers.Dropout(0.5)]
    network = keras.Sequential([*layers, keras.layers.Dense(10, activation="softmax")])
    loss = "sparse_categorical_crossentropy"
    network.compile(optimizer="adam", loss=loss, metrics=["accuracy"])

    def learn(rows):
        some = labels[rows].numpy()
        network.fit(images[rows], some, batch_size=128, verbose=0, shuffle=False)

    def test():
        return float(network.evaluate(unseen, answers.numpy(), verbose=0)[1])

    return drive(begin, learn, test, len(images), 128, EPOCHS, deadline)


DIGITS = {
    "cnn.py": ours,
    "official": official,
    "tuned": tuned,
    "scikit-learn": scikit_learn,
    "keras": keras,
}


def main() -> None:
    recipe, seed, threads, deadline, started = sys.argv[1:]
    torch.set_num_threads(int(threads))
    threadpool_limits(int(threads))  # of scikit-learn's BLAS
    with contextlib.redirect_stdout(io.StringIO()):
        digits = cnn.load_digits("mnist")
    runs, tested = [], 0.0
    for *run, tested in DIGITS[recipe](digits, int(seed), float(deadline)):  # noqa: B007
        runs.append([round(number, 4) for number in run])
        if run[-1] >= GOAL:
            break
    whole = time.time() - float(started) - tested
    print(json.dumps({"runs": runs, "whole": whole}).replace(" ", ""))


if __name__ == "__main__":
    main()
