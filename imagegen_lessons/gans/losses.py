"""The losses of a GAN and the gradient penalty.

Scores are raw (logits): large means "D takes it for real". Every loss takes (scores of real, scores of fake), so that
one can be exchanged for another.
"""

import torch
from torch.nn.functional import softplus

# softplus(s) = log(1 + exp(s)) is -log(1 - sigmoid(s)), and softplus(-s) is -log sigmoid(s): the two logarithms
# of the papers, without ever computing the logarithm of 0.


def d_loss_logistic(real_score, fake_score):
    """D's cross-entropy: real is 1, fake is 0 (Goodfellow et al. 2014, section 3). Returns a scalar."""
    return softplus(-real_score).mean() + softplus(fake_score).mean()


def g_loss_minimax(real_score, fake_score):
    """G wants what D does not: the negative of D's loss on fakes (Goodfellow et al. 2014, eq. 1). A scalar.

    Its gradient vanishes as soon as D is sure of itself.
    """
    return -softplus(fake_score).mean()


def g_loss_non_saturating(real_score, fake_score):
    """G wants its fakes called real (Goodfellow et al. 2014, end of section 3). Returns a scalar."""
    return softplus(-fake_score).mean()


def d_loss_relativistic(real_score, fake_score):
    """D wants each real score above the fake score it is paired with (Jolicoeur-Martineau 2018). A scalar."""
    return softplus(fake_score - real_score).mean()


def g_loss_relativistic(real_score, fake_score):
    """G wants the reverse of `d_loss_relativistic` (R3GAN: Huang et al. 2024, section 2). Returns a scalar."""
    return softplus(real_score - fake_score).mean()


MINIMAX = d_loss_logistic, g_loss_minimax


NON_SATURATING = d_loss_logistic, g_loss_non_saturating


RELATIVISTIC = d_loss_relativistic, g_loss_relativistic


def r1_penalty(scores, x):
    """The mean squared length of the gradient of D's scores with respect to the images they belong to. A scalar.

    On real images it is R1, on fakes R2; times gamma / 2 in D's loss (Mescheder et al. 2018, section 4.1; R3GAN: Huang
    et al. 2024, section 2). `x` must require gradients before D scores it: scores = D(x.requires_grad_()).
    D must score every image by itself: no batch normalisation.
    """
    # The scores are independent, so the gradient of their sum holds each one's gradient in its own row.
    (gradient,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return gradient.square().flatten(1).sum(1).mean()


def descent_directions(D, fake, g_loss, real=None):
    """Where G's loss would move each fake: minus the gradient of the loss on that fake. Shaped like `fake`.

    A loss that looks at real scores too (relativistic) needs as many `real`.
    """
    fake = fake.detach().requires_grad_()
    score = D(fake)
    real_score = torch.zeros_like(score) if real is None else D(real).detach()
    # The loss is a mean over the batch; times its size, a fake's direction no longer depends on how many there are.
    (gradient,) = torch.autograd.grad(g_loss(real_score, score) * len(fake), fake)
    return -gradient
