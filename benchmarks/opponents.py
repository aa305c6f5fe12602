"""Lightning as it comes: its defaults, and one image after the other."""

import time
from statistics import median

from torch.utils.data import DataLoader, Dataset

import lightning


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
