"""What cnn's page reads drawings with: the lesson's CNN, trained on centred digits."""

import torch

import cnn


def export() -> tuple[dict[str, torch.Tensor], str]:
    task = cnn.load_digits("digits")
    network, right = cnn.learn(cnn.ImageClassifierCNN, task, 240, "cpu", seed=0)
    images, _, unseen, labels = task
    examples = [unseen[labels == digit][3] for digit in range(10)]  # (1, 28, 28) each
    told = f"It was trained on {len(images):,} small digits, and names {right:.1%} of"
    told += f" {len(unseen)} unseen ones correctly. On yours expect mistakes."
    return network.state_dict() | {"examples": torch.stack(examples)}, told
