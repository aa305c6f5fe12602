"""What cnnrnn's page answers with: the lesson's CNN and GRU, and how it films."""

import torch

import cnnrnn

STEPS = 300


def export() -> tuple[dict[str, torch.Tensor], str]:
    images, _, unseen, labels = cnnrnn.load_digits("digits")
    torch.manual_seed(0)
    films, motions = cnnrnn.shoot(unseen, digits=500)
    torch.manual_seed(0)  # as main() does
    network = cnnrnn.ImageSequenceClassifierCNNRNN()
    cnnrnn.train(network, images, STEPS, in_order=True)
    correct = cnnrnn.accuracy(network, films, motions)
    velocity = [cnnrnn.VELOCITY[motion] for motion in cnnrnn.MOTIONS]
    examples = [unseen[labels == digit][3] for digit in range(10)]  # (1, 28, 28) each
    tensors = network.state_dict() | {
        "velocity": torch.tensor(velocity).float(),  # (C, 2): down, right
        "frames": torch.tensor([float(cnnrnn.FRAMES)]),
        "pool": torch.tensor([float(network.pool.kernel_size)]),
        "examples": torch.stack(examples),
    }
    told = (
        f"It was trained on films of {len(images):,} small digits, in order. On films"
    )
    told += f" of unseen ones it names {correct[0]:.0%} of the motions after one frame,"
    told += f" {correct[1]:.0%} after two and {correct[-1]:.0%} after all six."
    return tensors, told
