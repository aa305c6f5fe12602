"""What rnn's page reads with: networks from both starts, before and after training."""

import torch

import rnn


def learn(start: str, wait: int | None, seed: int = 0) -> rnn.SequenceClassifierRNN:
    """As the lesson's learn_and_recall, which returns only the share of right answers;
    without a wait it is not trained."""
    torch.manual_seed(seed)
    network = rnn.make_network(start)
    torch.manual_seed(seed)
    if wait:
        rnn.train(network, wait, steps=200)
    return network


def export() -> tuple[dict[str, torch.Tensor], str]:
    tensors = {"waits": torch.tensor(rnn.WAITS).float()}
    right = torch.zeros(len(rnn.STARTS), len(rnn.WAITS))  # the shares of right answers
    for row, start in enumerate(rnn.STARTS):
        for name, weights in learn(start, None).state_dict().items():
            tensors[f"{start}.0.{name}"] = weights  # 0 time steps: not trained
        for column, wait in enumerate(rnn.WAITS):
            network = learn(start, wait)
            right[row, column] = rnn.recall(network, wait)
            for name, weights in network.state_dict().items():
                tensors[f"{start}.{wait}.{name}"] = weights
    torch.manual_seed(1)  # not the sequences that training began with
    for wait in rnn.WAITS:
        tensors[f"examples.{wait}"] = rnn.deal(8, wait)[0].argmax(dim=2).float()
    tensors["right"] = right
    told = "The networks are the first of the lesson's eight from each start, trained"
    told += " over each wait. Over 25 time steps the one from the uniform start names"
    told += f" {right[0, -1]:.0%} of the first symbols, the other {right[1, -1]:.0%}."
    return tensors, told
