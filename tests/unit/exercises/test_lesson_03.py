"""What the open exercise of lesson 03 says of generators that are right and yet learn badly, or only look right."""

import pytest
import torch
from torch import nn

from imagegen_lessons import exercises
from imagegen_lessons.exercises.checker import Wrong

OURS = exercises.MyGenerator.answer


class Clamped(OURS):
    def forward(self, z):
        h = self.project(z).unflatten(1, (96, 4, 4))
        for conv in self.convs:
            h = nn.functional.leaky_relu(conv(nn.functional.interpolate(h, scale_factor=2.0)), 0.2)
        return self.to_rgb(h).clamp(0, 1)


class FixedNoise(OURS):
    """Not random from call to call, but the row of the batch decides, not z."""

    def forward(self, z):
        noise = torch.rand(len(z), 3, 32, 32, generator=torch.Generator().manual_seed(0))
        return 0.9 * noise + 0.01 * super().forward(z)


class InAList(nn.Module):
    """Its convolution is not among its parameters, and so never trained nor counted."""

    def __init__(self):
        super().__init__()
        self.project, self.layers = nn.Linear(64, 32 * 16 * 16), [nn.Conv2d(32, 3, 3, padding=1)]

    def forward(self, z):
        h = self.project(z).unflatten(1, (32, 16, 16))
        return self.layers[0](nn.functional.interpolate(h, scale_factor=2.0)).sigmoid()


class MadeAnew(OURS):
    def forward(self, z):
        return nn.Conv2d(3, 3, 1)(super().forward(z)).sigmoid()


class ChangesItsInput(OURS):
    def forward(self, z):
        return super().forward(z.mul_(2))


class WithAWidth(OURS):
    def __init__(self, width):
        super().__init__()


class WithDropout(OURS):
    """Random while it trains, and not in eval mode, as is usual."""

    def forward(self, z):
        return super().forward(nn.functional.dropout(z, 0.1, self.training))


def test_a_clamp_in_place_of_a_sigmoid_is_advised_against():
    assert "torch.sigmoid" in exercises.MyGenerator.test(Clamped)
    assert "torch.sigmoid" not in exercises.MyGenerator.test(OURS)


def test_noise_that_the_latent_does_not_decide_is_refused():
    with pytest.raises(Wrong, match="others of its batch"):
        exercises.MyGenerator.test(FixedNoise)


@pytest.mark.parametrize(
    ("attempt", "part"),
    [
        (InAList, "in a plain list"),
        (MadeAnew, "made in forward"),
        (ChangesItsInput, "changes its input z in place"),
        (WithAWidth, "give each a default"),
        (lambda z: OURS()(z), "This is a function"),
    ],
)
def test_what_stops_a_generator_from_learning_is_named(attempt, part):
    with pytest.raises(Wrong, match=part):
        exercises.MyGenerator.test(attempt)


def test_a_gradient_with_respect_to_a_copy_is_named():
    def of_each(scores, x):
        return sum(
            torch.autograd.grad(scores[i], x[i], create_graph=True)[0].square().sum() for i in range(len(x))
        )

    with pytest.raises(Wrong, match=r"no x\[i\]"):
        exercises.r1_penalty.test(of_each)


def test_dropout_while_training_is_right():
    assert exercises.MyGenerator.test(WithDropout)
