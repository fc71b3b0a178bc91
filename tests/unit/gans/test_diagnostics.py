"""Training diagnostics: GANs trained badly on purpose, healthy ones that must pass, and made-up histories."""

import math
import re

import pytest
import torch
from torch import nn

from imagegen_lessons import datasets, gans, training
from imagegen_lessons.gans import diagnostics
from tests.unit.helpers import refused

DIGITS = datasets.digits()[0]


class D(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = gans.mlp(64, 64, 1)

    def forward(self, x):
        return self.net((2 * x - 1).flatten(1))


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def train(losses=gans.RELATIVISTIC, gamma=0.2, lr=2e-3, steps=150, real=DIGITS, seed=0, **wrong):
    """Trains a GAN, and returns what `examine` is given: losses, fakes, real images and the learning rate."""
    torch.manual_seed(seed)
    G = nn.Sequential(*gans.mlp(16, 64, 64), nn.Sigmoid(), nn.Unflatten(1, (1, 8, 8)))
    d, betas = D(), wrong.get("betas", (0.0, 0.99))
    optimizers = gans.adam(G, lr, betas), gans.adam(d, lr, betas)
    gan = gans.GANTrainer(G, d, losses, latent=16, gamma=gamma, optimizers=optimizers)
    if "change" in wrong:
        wrong["change"](gan)
    batches = datasets.Batches(real, size=64, seed=seed)

    def step(x):
        for _ in range(wrong.get("d_steps", 1) - 1):
            gan.d_step(next(batches))
        return gan.step(x)

    history = training.fit(step, batches, steps)
    with torch.no_grad():
        fake = gan.average(gan.z(256))
    return history, {"fake": fake, "real": real[:256], "learning_rate": lr}


def history_of(**values):
    return training.History(values=values)


def names(history=None, **given):
    return [finding.name for finding in diagnostics.examine(history, **given)]


HEALTHY = {
    "relativistic": dict(steps=320, seed=1),
    "another seed": dict(steps=320, seed=2),
    "young": dict(steps=120, seed=4),
    "young and slow": dict(steps=60, lr=5e-4, seed=4),
    "mediocre": dict(losses=gans.NON_SATURATING, gamma=0.0, steps=400, seed=5),
}


@pytest.mark.parametrize("settings", HEALTHY.values(), ids=HEALTHY)
def test_healthy_training_raises_no_alarm_at_any_length(settings):
    history, given = train(**settings)
    assert names(history, **given) == []
    for steps in range(50, settings["steps"], 30):
        assert names(history_of(**{name: series[:steps] for name, series in history.values.items()})) == []


def test_good_training_ends_at_chance_level_too():
    late = history_of(D=[0.69 + 0.005 * math.sin(i) for i in range(400)], G=[0.70] * 400)
    assert names(late, fake=DIGITS[300:600], real=DIGITS[:300], learning_rate=2e-3) == []


def dead(layer_of):
    """Puts a bias so far below 0 that ReLU lets nothing through, and a sigmoid only 0."""
    return lambda gan: nn.init.constant_(layer_of(gan).bias, -100.0)


# What was done wrong, and a pattern of the names that are found, joined.
BAD = {
    "D trained twenty times": (dict(gamma=0.0, d_steps=20, steps=60), "D saturated"),
    "minimax with momentum": (
        dict(losses=gans.MINIMAX, gamma=0.0, steps=320, betas=(0.9, 0.999)),
        "^(partly )?collapsed.*D saturated",
    ),
    "dead units of G": (dict(change=dead(lambda gan: gan.G[2])), "^collapsed"),
    "dead last layer of G": (dict(change=dead(lambda gan: gan.G[4])), "^dead G"),
    "images from -1 to 1": (dict(real=2 * DIGITS - 1, steps=60), "^wrong range"),
    "huge learning rate": (dict(lr=0.5, steps=60), "exploding loss"),
    "huge, non-saturating": (
        dict(losses=gans.NON_SATURATING, lr=0.5, steps=60, gamma=0.0),
        "exploding loss(?!.*learning rate too high)",
    ),
    "high learning rate": (dict(gamma=0.0, lr=0.05), "learning rate too high|exploding loss"),
    "high, non-saturating": (
        dict(losses=gans.NON_SATURATING, gamma=0.0, lr=0.05),
        "learning rate too high|exploding loss",
    ),
    "tiny learning rate": (dict(lr=1e-6, steps=100), "^learning rate too low$"),
    "tiny, minimax": (dict(losses=gans.MINIMAX, lr=1e-6, steps=100), "^learning rate too low$"),
    "low learning rate": (dict(lr=1e-5, steps=300), "^learning rate too low$"),
    "dead units of D": (dict(change=dead(lambda gan: gan.D.net[2])), "^D not learning$"),
    "D too slow": (
        dict(steps=300, change=lambda gan: gan.opt_d.param_groups[0].update(lr=1e-6)),
        "D not learning",
    ),
}


@pytest.mark.parametrize("settings, pattern", BAD.values(), ids=BAD)
def test_bad_training_is_recognised(settings, pattern):
    history, given = train(**settings)
    assert re.search(pattern, "; ".join(names(history, **given)))


def test_losses_or_images_alone_say_something_too():
    assert names(steady(d=0.0)) == ["D saturated"]
    assert names(fake=DIGITS[:1].repeat(64, 1, 1, 1)) == ["collapsed"]


def test_the_advice_names_a_lower_learning_rate_than_was_used():
    (found,) = diagnostics.examine(history_of(D=[0.7 * 1.1**i for i in range(100)], G=[0.7] * 100))
    assert found.name == "exploding loss" and "lr=2e-3" in found.advice


def test_training_that_fit_stopped():
    with pytest.raises(training.TrainingError) as stop:
        training.fit(lambda: {"D": 0.7, "G": math.nan}, None, 5)
    (found,) = diagnostics.examine(stop.value, learning_rate=1e-3)
    assert found.name == "training stopped" and "lr=0.0001" in found.advice


def steady(n=200, d=0.6, g=0.9):
    return history_of(D=[d + 0.05 * math.sin(i) for i in range(n)], G=[g] * n)


def test_gaps_in_a_history_are_no_fault():
    seldom = steady()
    seldom.values["G"] = [0.9 if i % 3 == 0 else math.nan for i in range(200)]
    assert names(seldom) == []


def test_one_jump_is_no_fault_and_three_are():
    jumping, lone = steady(), steady()
    jumping.values["D"][20::40] = [6.0] * 5
    assert names(jumping) == ["learning rate too high"]
    lone.values["D"][20] = 6.0
    assert names(lone) == []


@pytest.mark.parametrize(
    "real, fake, found",
    [
        ((255 * DIGITS[:64]).byte(), DIGITS[64:128], "wrong range"),
        (DIGITS[:64] / 255, DIGITS[64:128], "wrong range"),
        (DIGITS[:64], 2 * DIGITS[64:128] - 1, "wrong range"),
        (DIGITS[:64], DIGITS[:1].repeat(64, 1, 1, 1), "collapsed"),
        (DIGITS[:64], DIGITS[:1].lerp(DIGITS[64:128], 0.05), "collapsed"),
        (DIGITS[:64], DIGITS[:4].repeat(16, 1, 1, 1), "partly collapsed"),
        (DIGITS[:64], torch.full((64, 1, 8, 8), 0.5), "constant"),
        (DIGITS[:64], torch.zeros(64, 1, 8, 8), "dead G"),
        (DIGITS[:64], 1 - 1e-4 * torch.rand(64, 1, 8, 8), "dead G"),
        (DIGITS[:64], torch.full((64, 1, 8, 8), math.nan), "not finite"),
        (torch.full((64, 1, 8, 8), math.inf), None, "not finite"),
    ],
)
def test_made_up_images(real, fake, found):
    assert names(real=real, fake=fake) == [found]


def test_good_images_raise_no_alarm_nor_do_flat_ones():
    assert names(fake=DIGITS[500:800], real=DIGITS[:400]) == []
    assert names(fake=DIGITS[500:800].requires_grad_()) == names(real=DIGITS[:8]) == []
    assert names(fake=DIGITS[:20], real=DIGITS[:1].repeat(20, 1, 1, 1)) == []
    flat = torch.linspace(0, 1, 20).view(-1, 1, 1, 1).expand(-1, 1, 8, 8)
    assert names(fake=flat, real=flat) == []


@pytest.mark.parametrize(
    "given, message",
    [
        ({}, "nothing to examine"),
        ({"history": history_of(D=[0.7] * 60)}, "losses 'D' and 'G'"),
        ({"history": [0.7] * 60}, "losses 'D' and 'G'"),
        ({"history": steady(n=49)}, "49 steps are too few"),
        ({"history": history_of(D=[], G=[])}, "0 steps are too few"),
        ({"fake": torch.rand(20, 64)}, r"fake must be .* not \(20, 64\)"),
        ({"real": torch.rand(3, 1, 8, 8)}, "at least 8 images"),
        ({"fake": torch.rand(20, 1, 0, 8)}, "fake must be"),
        ({"real": [1, 2, 3]}, "not list"),
        ({"fake": torch.rand(20, 1, 8, 8), "real": torch.rand(20, 3, 8, 8)}, r"Fakes are \(1, 8, 8\)"),
    ],
)
def test_wrong_input_gets_one_sentence(given, message):
    with refused(message):
        diagnostics.examine(**given)


def test_report_prints_a_paragraph_each_or_that_nothing_is_conspicuous(capsys):
    diagnostics.report(steady())
    assert capsys.readouterr().out.startswith("✅")
    diagnostics.report(steady(d=0.0), fake=torch.zeros(20, 1, 8, 8), real=DIGITS[:20])
    printed = capsys.readouterr().out
    assert printed.startswith("Begin with the first") and printed.count("⚠") == 2 == printed.count(" Try: ")
