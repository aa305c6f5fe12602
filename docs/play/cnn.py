"""What cnn's page reads drawings with: networks of the lesson, for centred digits."""

import torch

import cnn

STEPS = 240


def export() -> tuple[dict[str, torch.Tensor], str]:
    task = cnn.load_digits("digits")
    images, labels, unseen, unseen_labels = task
    torch.manual_seed(0)
    order = torch.randperm(784)
    shuffled = cnn.shuffle_pixels(images, order), cnn.shuffle_pixels(unseen, order)
    shuffled_task = shuffled[0], labels, shuffled[1], unseen_labels
    network, right = learn(cnn.ImageClassifierCNN, task)
    mlp, mlp_right = learn(cnn.make_mlp, task)
    other, other_right = learn(cnn.ImageClassifierCNN, shuffled_task)
    examples = [unseen[unseen_labels == digit][3] for digit in range(10)]
    tensors = network.state_dict() | {"examples": torch.stack(examples)}
    tensors |= {f"mlp.{name}": tensor for name, tensor in mlp.state_dict().items()}
    tensors |= {f"shuffled.{name}": one for name, one in other.state_dict().items()}
    told = f"The CNN was trained on {len(images):,} small digits, and names {right:.1%}"
    told += f" of {len(unseen)} unseen ones correctly. On yours expect mistakes. (The"
    told += f" MLP names {mlp_right:.1%}, and a CNN that was trained on shuffled images"
    told += f" {other_right:.1%} of unseen shuffled ones. That is far more than in the"
    told += (
        " lesson: digits as large as these, in the middle, can be told without knowing"
    )
    told += (
        " which pixels are neighbours. In the lesson they are half as large, anywhere.)"
    )
    return tensors | {"order": order}, told


def learn(make, task: cnn.Task) -> tuple[torch.nn.Module, float]:
    return cnn.learn(make, task, STEPS, "cpu", seed=0)
