"""What every model promises, as tests; the test file of a lesson says of which model.

    class TestReader(ModelContract):
        output = (3,)

        def make(self):
            return Reader()

        def inputs(self, batch):
            return torch.rand(batch, 1, 6)

The first dimension of every input is the batch. Models may take several tensors, and
whole numbers for names; noise that a model needs is one of its inputs. Each method here
may be written anew, where a model is another kind of thing.
"""

import copy
import re

import pytest
import torch
from torch import Tensor, nn

Inputs = Tensor | tuple[Tensor, ...]


class ModelContract:
    """Fill in make, inputs, output; and wrong_inputs, if inputs are several tensors."""

    output: tuple[int, ...]  # the shape of one answer, without the batch
    refusal = ValueError  # what a wrong shape raises, whoever raises it

    def make(self) -> nn.Module:
        """The model, new."""
        raise NotImplementedError(f"{type(self).__name__} makes no model")

    def inputs(self, batch: int) -> Inputs:
        """Random inputs, as small as they may be: a sequence has one step."""
        raise NotImplementedError(f"{type(self).__name__} has no inputs")

    def answer(self, output) -> Tensor:
        """What is compared of all that the model returns."""
        return output

    def row(self, inputs: tuple[Tensor, ...], number: int) -> tuple[Tensor, ...]:
        """A batch of one, out of many."""
        return tuple(x[number : number + 1] for x in inputs)

    def wrong_inputs(self) -> list[Inputs]:
        """Inputs that the model must refuse: too many and too few dimensions, and a
        last one that is too small and too large by one."""
        (right,) = several(self.inputs(2))
        *leading, size = right.shape
        shapes = [(2, 5, 5, 5, 5, 5), (3,), (*leading, size - 1), (*leading, size + 1)]
        return [torch.rand(shape).to(right.dtype) for shape in shapes]

    def complaint(self, *wrong: Tensor) -> str:
        """The pattern of a message with both shapes, the right and the wrong one."""
        return rf"expected \(B.*\), got {re.escape(str(tuple(wrong[0].shape)))}$"

    def ask(self, model: nn.Module, inputs: Inputs) -> Tensor:
        return self.answer(model(*several(inputs)))

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    @pytest.mark.parametrize("batch", [1, 4])
    def test_a_model_takes_any_batch_in_either_precision(self, batch, dtype):
        inputs = in_precision(self.inputs(batch), dtype)
        answer = self.ask(self.make().to(dtype), inputs)
        assert answer.shape == (batch, *self.output)
        assert answer.dtype == dtype

    def test_a_batch_of_many_is_many_batches_of_one(self):
        model = self.make().double().eval()
        inputs = in_precision(self.inputs(5), torch.float64)
        together = self.ask(model, inputs)
        alone = [self.ask(model, self.row(inputs, number)) for number in range(5)]
        assert (together[0] != together[1]).any(), "all inputs are the same: no test"
        torch.testing.assert_close(together, torch.cat(alone))

    @pytest.mark.parametrize("batch", [1, 4])
    def test_every_parameter_gets_a_gradient(self, batch):
        model = self.make()
        self.ask(model, self.inputs(batch)).square().sum().backward()
        left_out = [name for name, p in model.named_parameters() if p.grad is None]
        assert not left_out

    def test_a_model_survives_saving_and_copying(self, tmp_path):
        model, other = self.make().eval(), self.make().eval()
        inputs = self.inputs(2)
        torch.save(model.state_dict(), tmp_path / "weights.pt")
        saved = torch.load(tmp_path / "weights.pt", weights_only=True)
        other.load_state_dict(saved)
        for twin in (other, copy.deepcopy(model)):
            answers = self.ask(twin, inputs), self.ask(model, inputs)
            torch.testing.assert_close(*answers)

    def test_a_wrong_shape_is_named_beside_the_right_one(self):
        for wrong in map(several, self.wrong_inputs()):
            with pytest.raises(self.refusal, match=self.complaint(*wrong)):
                self.make()(*wrong)


def several(inputs: Inputs) -> tuple[Tensor, ...]:
    return (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)


def in_precision(inputs: Inputs, dtype: torch.dtype) -> tuple[Tensor, ...]:
    """Numbers in this precision; names, which are whole, as they are."""
    return tuple(x.to(dtype) if x.is_floating_point() else x for x in several(inputs))
