"""What lstm's page reads with: a network of each forget bias, trained and not."""

import torch

import lstm as lesson


def learn(bias: int, steps: int, seed: int = 0) -> lesson.Recaller:
    """As the lesson's learn_and_recall over 100 time steps, which returns only a share
    of right answers; after 0 steps it is not trained."""
    torch.manual_seed(seed)
    network = lesson.make_network(bias)
    torch.manual_seed(seed)
    if steps:
        lesson.train(network, wait=100, steps=steps)
    return network


def export() -> tuple[dict[str, torch.Tensor], str]:
    tensors = {"biases": torch.tensor(lesson.BIASES).float()}
    told = (
        "The networks are the first of the lesson's four of each forget bias, trained"
    )
    told += " over 100 time steps. Right answers: "
    shares = []
    for bias in lesson.BIASES:
        for steps in [0, 200]:
            network = learn(bias, steps)
            for name, weights in network.state_dict().items():
                tensors[f"{bias}.{steps}.{name}"] = weights
        share = lesson.recall(network, 100)
        shares.append(f"{share:.0%} with a bias of {bias}")
    torch.manual_seed(1)  # not the sequences that training began with
    tensors["examples"] = lesson.deal(8, 100)[0].argmax(dim=2).float()
    return tensors, told + ", ".join(shares) + "."
