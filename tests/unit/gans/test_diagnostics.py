"""Training diagnostics: GANs trained badly on purpose, healthy ones that must pass, and made-up histories."""

import math

import pytest
import torch
from torch import nn

from imagegen_lessons import datasets, gans, training
from imagegen_lessons.gans import diagnostics

DIGITS = datasets.digits()[0]
MOMENTUM = (0.9, 0.999)


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


def train(
    losses=gans.RELATIVISTIC,
    gamma=0.2,
    lr=2e-3,
    steps=150,
    real=DIGITS,
    seed=0,
    change=None,
    d_steps=1,
    betas=(0.0, 0.99),
):
    """Trains a GAN, and returns what `examine` is given: losses, fakes, real images and the learning rate."""
    torch.manual_seed(seed)
    G = nn.Sequential(*gans.mlp(16, 64, 64), nn.Sigmoid(), nn.Unflatten(1, (1, 8, 8)))
    d = D()
    optimizers = gans.adam(G, lr, betas), gans.adam(d, lr, betas)
    gan = gans.GANTrainer(G, d, losses, latent=16, gamma=gamma, optimizers=optimizers)
    if change:
        change(gan)
    batches = datasets.Batches(real, size=64, seed=seed)

    def step(x):
        for _ in range(d_steps - 1):
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


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_healthy_training_raises_no_alarm_at_any_length(seed):
    history, given = train(steps=320, seed=seed)
    assert names(history, **given) == []
    for steps in range(50, 320, 30):
        assert names(history_of(**{name: series[:steps] for name, series in history.values.items()})) == []


@pytest.mark.parametrize("steps, lr", [(60, 2e-3), (60, 5e-4), (120, 2e-3)])
def test_images_of_a_young_healthy_gan_raise_no_alarm(steps, lr):
    history, given = train(steps=steps, lr=lr, seed=4)
    assert names(history, **given) == []


@pytest.mark.parametrize("losses", [gans.NON_SATURATING, gans.MINIMAX])
def test_mediocre_training_with_classic_losses_raises_no_alarm(losses):
    history, given = train(losses, gamma=0.0, steps=400, seed=5)
    assert names(history, **given) == []


def test_good_training_ends_at_chance_level_too():
    late = history_of(D=[0.69 + 0.005 * math.sin(i) for i in range(400)], G=[0.70] * 400)
    assert names(late, fake=DIGITS[300:600], real=DIGITS[:300], learning_rate=2e-3) == []


def test_a_discriminator_trained_twenty_times_is_saturated():
    history, given = train(gamma=0.0, d_steps=20, steps=60)
    (found,) = diagnostics.examine(history)
    assert found.name == "D saturated"
    assert "last 30 steps" in found.sentence and "gans.RELATIVISTIC" in found.advice
    assert "D saturated" in names(history, **given)


def test_minimax_with_momentum_collapses():
    history, given = train(gans.MINIMAX, gamma=0.0, steps=320, betas=MOMENTUM)
    found = names(history, **given)
    assert found[0] in ("collapsed", "partly collapsed") and "D saturated" in found


@pytest.mark.parametrize("layer, name", [(2, "collapsed"), (4, "constant")])
def test_a_generator_with_dead_units_makes_one_image(layer, name):
    history, given = train(change=lambda gan: nn.init.constant_(gan.G[layer].bias, -100.0))
    assert names(history, **given)[0] == name
    assert names(fake=given["fake"]) == [name]


def test_real_images_in_minus_one_to_one_have_the_wrong_range():
    history, given = train(real=2 * DIGITS - 1)
    found = diagnostics.examine(history, **given)
    assert found[0].name == "wrong range" and "from -1 to 1" in found[0].sentence


@pytest.mark.parametrize("losses", [gans.RELATIVISTIC, gans.NON_SATURATING])
def test_a_huge_learning_rate_explodes(losses):
    history, given = train(losses, lr=0.5, steps=60, gamma=0.2 if losses == gans.RELATIVISTIC else 0.0)
    found = {finding.name: finding for finding in diagnostics.examine(history, **given)}
    assert "exploding loss" in found and "learning rate too high" not in found
    assert "lr=2e-3" in found["exploding loss"].advice


@pytest.mark.parametrize("losses", [gans.RELATIVISTIC, gans.NON_SATURATING])
def test_a_learning_rate_ten_times_too_high_makes_jumps(losses):
    history, given = train(losses, gamma=0.0, lr=0.05)
    assert {"learning rate too high", "exploding loss"} & set(names(history, **given))


@pytest.mark.parametrize("losses", [gans.RELATIVISTIC, gans.NON_SATURATING, gans.MINIMAX])
def test_a_tiny_learning_rate_moves_nothing(losses):
    history, given = train(losses, lr=1e-6)
    (found,) = diagnostics.examine(history, **given)
    assert found.name == "learning rate too low"
    assert "150 steps" in found.sentence and "standard deviations off" in found.sentence
    assert names(history) == ["learning rate too low"]


def test_a_low_learning_rate_is_named_as_the_reason():
    history, given = train(lr=1e-5, steps=300)
    assert names(history, **given) == ["learning rate too low"]


@pytest.mark.parametrize("losses", [gans.RELATIVISTIC, gans.NON_SATURATING])
def test_a_discriminator_with_dead_units_learns_nothing(losses):
    history, given = train(losses, change=lambda gan: nn.init.constant_(gan.D.net[2].bias, -100.0))
    assert names(history, **given) == ["D not learning"]


def test_a_discriminator_that_learns_too_slowly_is_noticed():
    history, given = train(steps=300, change=lambda gan: gan.opt_d.param_groups[0].update(lr=1e-6))
    assert "D not learning" in names(history, **given)


def test_training_that_fit_stopped():
    with pytest.raises(training.TrainingError) as stop:
        training.fit(lambda: {"D": 0.7, "G": math.nan}, None, 5)
    (found,) = diagnostics.examine(stop.value, learning_rate=1e-3)
    assert found.name == "training stopped" and "nan at step 1" in found.sentence
    assert "lr=0.0001" in found.advice


def steady(n=200, d=0.6, g=0.9):
    return history_of(D=[d + 0.05 * math.sin(i) for i in range(n)], G=[g] * n)


def test_gaps_in_a_history_are_no_fault():
    seldom = steady()
    seldom.values["G"] = [0.9 if i % 3 == 0 else math.nan for i in range(200)]
    assert names(seldom) == []


def test_made_up_explosion_and_jumps():
    growing = history_of(D=[0.7 * 1.1**i for i in range(100)], G=[0.7] * 100)
    assert names(growing) == ["exploding loss"]
    jumping, lone = steady(), steady()
    jumping.values["D"][20::40] = [6.0] * 5
    assert names(jumping) == ["learning rate too high"]
    lone.values["D"][20] = 6.0
    assert names(lone) == []


@pytest.mark.parametrize(
    "real, fake, found",
    [
        (255 * DIGITS[:64], DIGITS[64:128], "wrong range"),
        ((255 * DIGITS[:64]).byte(), DIGITS[64:128], "wrong range"),
        (DIGITS[:64] / 255, DIGITS[64:128], "wrong range"),
        (DIGITS[:64], 2 * DIGITS[64:128] - 1, "wrong range"),
        (DIGITS[:64], DIGITS[:1].repeat(64, 1, 1, 1), "collapsed"),
        (DIGITS[:64], DIGITS[:4].repeat(16, 1, 1, 1), "partly collapsed"),
        (DIGITS[:64], torch.full((64, 1, 8, 8), 0.5), "constant"),
        (DIGITS[:64], torch.full((64, 1, 8, 8), math.nan), "not finite"),
        (None, DIGITS[:1].repeat(64, 1, 1, 1), "collapsed"),
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
    with pytest.raises(ValueError, match=message):
        diagnostics.examine(**given)


def test_report_prints_a_paragraph_each_or_that_nothing_is_conspicuous(capsys):
    diagnostics.report(steady())
    assert capsys.readouterr().out.startswith("✅")
    diagnostics.report(steady(d=0.0), fake=torch.zeros(20, 1, 8, 8), real=DIGITS[:20])
    printed = capsys.readouterr().out
    assert printed.startswith("Begin with the first") and printed.count("⚠") == 2 == printed.count(" Try: ")
