"""What people use instead, built from published settings.

Recipes for MNIST's digits: each yields (epochs done, seconds, accuracy on the test)
after every epoch, and at the deadline. Testing is not counted; nor is what their
published loaders cost beyond picking rows of a tensor, which is kind to them.
"""

import os
import time
from statistics import median

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

import cnn
import lightning

EPOCHS = 6  # at most
PARTS = 20  # of an epoch, between which the clock is read


def drive(learn, test, size: int, batch: int, epochs: int, deadline: float):
    """Call learn(rows) for parts of every epoch's random order."""
    seconds, due = 0.0, deadline
    for epoch in range(epochs):
        parts = torch.randperm(size).split(-(-size // PARTS // batch) * batch)
        for done, rows in enumerate(parts, 1):
            start = time.perf_counter()
            learn(rows)
            seconds += time.perf_counter() - start
            if done == len(parts) or seconds > due:
                due = due if seconds <= due else float("inf")
                yield epoch + done / len(parts), seconds, test()


def ours(digits: list, seed: int, deadline: float):
    """cnn.py's own training, to its end."""
    torch.manual_seed(seed)
    start = time.perf_counter()
    right = cnn.train(cnn.ImageClassifierCNN(), *digits)
    yield 1, time.perf_counter() - start, right


def convnet(one: int, two: int, hidden: int) -> nn.Module:
    """Two 3x3 convolutions, pooled once, dropout before and between dense layers."""
    layers = [nn.Conv2d(1, one, 3), nn.ReLU(), nn.Conv2d(one, two, 3), nn.ReLU()]
    layers += [nn.MaxPool2d(2), nn.Dropout(0.25), nn.Flatten()]
    layers += [nn.Linear(144 * two, hidden), nn.ReLU(), nn.Dropout(0.5)]
    return nn.Sequential(*layers, nn.Linear(hidden, 10))


def torch_recipe(network, optimizer, schedule, every, batch, epochs, digits, deadline):
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

    return drive(learn, test, len(images), batch, epochs, deadline)


def official(digits: list, seed: int, deadline: float):
    """The example collection's: batch 64, Adadelta at 1.0, times 0.7 each epoch."""
    torch.manual_seed(seed)
    network = convnet(32, 64, 128)
    optimizer = torch.optim.Adadelta(network.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.7)
    every = -(-len(digits[0]) // 64)
    return torch_recipe(
        network, optimizer, schedule, every, 64, EPOCHS, digits, deadline
    )


def tuned(digits: list, seed: int, deadline: float):
    """One epoch: convolutions of 24 and 32, 256 hidden, batch 256, a cycle of Adam."""
    torch.manual_seed(seed)
    network = convnet(24, 32, 256)
    optimizer = torch.optim.Adam(network.parameters())
    steps = -(-len(digits[0]) // 256)  # drive's parts are whole batches
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, steps)
    return torch_recipe(network, optimizer, schedule, 1, 256, 1, digits, deadline)


def scikit_learn(digits: list, seed: int, deadline: float):
    """MLPClassifier with its own settings, part by part."""
    from sklearn.neural_network import MLPClassifier

    torch.manual_seed(seed)
    images, labels, unseen, answers = digits
    images, unseen = (x.flatten(1).numpy() for x in (images, unseen))
    network = MLPClassifier(random_state=seed)

    def learn(rows):
        network.partial_fit(images[rows], labels[rows].numpy(), classes=range(10))

    def test():
        return network.score(unseen, answers.numpy())

    return drive(learn, test, len(images), 200, EPOCHS, deadline)


def keras(digits: list, seed: int, deadline: float):
    """Its published convnet: 32 and 64, each pooled, dropout 0.5, batch 128, Adam."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

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

    return drive(learn, test, len(images), 128, EPOCHS, deadline)


DIGITS = {
    "cnn.py": ours,
    "official": official,
    "tuned": tuned,
    "scikit-learn": scikit_learn,
    "keras": keras,
}


# Lightning as it comes


class Images(Dataset):
    """One image after the other, from bytes to a tensor, as torchvision does it."""

    def __init__(self, images, labels):
        from torchvision.transforms import ToPILImage, ToTensor

        self.images = [ToPILImage()((x * 255).byte()) for x in images]
        self.labels, self.transform = labels.tolist(), ToTensor()

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.transform(self.images[i]), self.labels[i]


def defaults(epochs: int) -> float:
    """Median milliseconds of a step of the same model, the rest as Lightning has it."""
    data, ends = lightning.MNISTDataModule(data="digits"), []

    class Clock(lightning.pl.Callback):
        def on_train_batch_end(self, *_):
            ends.append(time.perf_counter())

    loader = DataLoader(Images(*data.parts[0]), lightning.BATCH, shuffle=True)
    others = DataLoader(Images(*data.parts[1]), lightning.BATCH)
    trainer = lightning.pl.Trainer(
        max_epochs=epochs, accelerator="cpu", callbacks=[Clock()]
    )
    trainer.fit(lightning.DigitClassifier(), loader, others)
    steps = len(loader)
    later = [n for n in range(steps, len(ends) - 1) if (n + 1) % steps]
    return 1e3 * median(ends[n + 1] - ends[n] for n in later)
