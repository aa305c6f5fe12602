"""Lightning as it comes: its defaults, and one image after the other."""

from torch.utils.data import DataLoader, Dataset

import lightning
from benchmarks.cluster import BATCH, Clock


class Images(Dataset):
    """One image after the other, from bytes to a tensor, as torchvision does it."""

    def __init__(self, part: Dataset):
        from torchvision.transforms import ToPILImage, ToTensor

        self.images, self.labels = [], []
        for image, label in part:
            self.images.append(ToPILImage()((image * 255).byte()))
            self.labels.append(label.item())
        self.transform = ToTensor()

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.transform(self.images[i]), self.labels[i]


def defaults(epochs: int) -> None:
    """Print the median milliseconds of a step of the same model, the rest as Lightning
    has it."""
    data = lightning.MNISTDataModule("digits")
    loader = DataLoader(Images(data.train_set), BATCH, shuffle=True)
    others = DataLoader(Images(data.val_set), BATCH)
    trainer = lightning.pl.Trainer(
        max_epochs=epochs, accelerator="cpu", callbacks=[Clock()]
    )
    trainer.fit(lightning.DigitClassifier(), loader, others)
