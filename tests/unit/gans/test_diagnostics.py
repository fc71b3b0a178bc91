"""The training doctor: games played badly on purpose, healthy ones that must pass, and made-up histories."""

import math

import pytest
import torch
from torch import nn

from imagegen_lessons import datasets, gans, training
from imagegen_lessons.gans import diagnostics

DIGITS = datasets.digits()[0]
OLD_ADAM = {"betas": (0.9, 0.999)}


class G(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = gans.mlp(16, 64, 64)

    def forward(self, z):
        return torch.sigmoid(self.net(z)).reshape(-1, 1, 8, 8)


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


def play(
    losses=gans.RELATIVISTIC,
    gamma=0.2,
    lr=2e-3,
    steps=150,
    real=DIGITS,
    seed=0,
    change=None,
    d_steps=1,
    **adam,
):
    """Plays a game, and returns what `examine` is given: losses, fakes, real pictures and the learning rate."""
    torch.manual_seed(seed)
    game = gans.GANTrainer(G(), D(), losses, latent=16, gamma=gamma, lr=lr, **adam)
    if change:
        change(game)
    batches = datasets.Batches(real, size=64, seed=seed)

    def step(x):
        for _ in range(d_steps - 1):
            game.d_step(next(batches))
        return game.step(x)

    history = training.fit(step, batches, steps)
    with torch.no_grad():
        fake = game.average(game.z(256))
    return history, {"fake": fake, "real": real[:256], "learning_rate": lr}


def names(history=None, **given):
    return [finding.name for finding in diagnostics.examine(history, **given)]


def healthy(name):
    """Faces to compare with, and a batch of the same kind."""
    return {"fake": DIGITS[300:600], "real": DIGITS[:300]}[name]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_healthy_game_raises_no_alarm_at_any_length(seed):
    history, given = play(steps=320, seed=seed)
    assert names(history, **given) == []
    for steps in range(50, 320, 30):
        assert names({name: series[:steps] for name, series in history.values.items()}) == []


def test_pictures_of_a_young_healthy_game_raise_no_alarm():
    for steps, lr in ((60, 2e-3), (60, 5e-4), (120, 2e-3)):
        history, given = play(steps=steps, lr=lr, seed=4)
        assert names(history, **given) == []


@pytest.mark.parametrize("losses", [gans.NON_SATURATING, gans.MINIMAX])
def test_a_mediocre_classic_game_raises_no_alarm(losses):
    history, given = play(losses, gamma=0.0, steps=400, seed=5)
    assert names(history, **given) == []


def test_a_good_end_is_a_coin_s_loss_too():
    late = {"D": [0.69 + 0.005 * math.sin(i) for i in range(400)], "G": [0.70] * 400}
    assert names(late, fake=healthy("fake"), real=healthy("real"), learning_rate=2e-3) == []


def test_a_detective_trained_twenty_times_is_saturated():
    history, given = play(gamma=0.0, d_steps=20, steps=60)
    found = diagnostics.examine(history)
    assert [finding.name for finding in found] == ["D saturated"]
    assert "over the last 30 steps" in found[0].sentence and "gan.RELATIVISTIC" in found[0].advice
    assert "D saturated" in names(history, **given)


def test_minimax_with_momentum_collapses():
    history, given = play(gans.MINIMAX, gamma=0.0, steps=320, lr=2e-3, **OLD_ADAM)
    found = names(history, **given)
    assert found[0] in ("collapsed", "partly collapsed") and "D saturated" in found


def test_a_generator_whose_hidden_units_are_dead_paints_one_picture():
    history, given = play(change=lambda game: nn.init.constant_(game.G.net[-3].bias, -100.0))
    assert names(history, **given)[0] == "collapsed"


def test_a_generator_with_a_hopeless_bias_is_constant():
    history, given = play(change=lambda game: nn.init.constant_(game.G.net[-1].bias, -100.0))
    assert names(history, **given)[0] == "constant"
    assert names(fake=given["fake"]) == ["constant"]


def test_real_pictures_in_minus_one_to_one_have_the_wrong_range():
    history, given = play(real=2 * DIGITS - 1)
    found = diagnostics.examine(history, **given)
    assert found[0].name == "wrong range" and "real pixels go from -1 to 1" in found[0].sentence


@pytest.mark.parametrize("losses", [gans.RELATIVISTIC, gans.NON_SATURATING])
def test_a_huge_learning_rate_explodes(losses):
    history, given = play(losses, lr=0.5, steps=60, gamma=0.2 if losses == gans.RELATIVISTIC else 0.0)
    found = {finding.name: finding for finding in diagnostics.examine(history, **given)}
    assert "exploding loss" in found and "learning rate too high" not in found
    assert "lr=2e-3" in found["exploding loss"].advice


@pytest.mark.parametrize("losses", [gans.RELATIVISTIC, gans.NON_SATURATING])
def test_a_learning_rate_ten_times_too_high_makes_jumps(losses):
    history, given = play(losses, gamma=0.0, lr=0.05, steps=150)
    assert {"learning rate too high", "exploding loss"} & set(names(history, **given))


@pytest.mark.parametrize("losses", [gans.RELATIVISTIC, gans.NON_SATURATING, gans.MINIMAX])
def test_a_tiny_learning_rate_moves_nothing(losses):
    history, given = play(losses, lr=1e-6)
    found = diagnostics.examine(history, **given)
    assert [finding.name for finding in found] == ["learning rate too low"]
    assert "150 steps" in found[0].sentence and "standard deviations off" in found[0].sentence
    assert names(history) == ["learning rate too low"]


@pytest.mark.parametrize("losses", [gans.RELATIVISTIC, gans.NON_SATURATING])
def test_a_dead_detective_learns_nothing(losses):
    history, given = play(losses, change=lambda game: nn.init.constant_(game.D.net[-3].bias, -100.0))
    assert names(history, **given) == ["D not learning"]


def test_a_detective_who_learns_too_slowly_is_fooled():
    history, given = play(steps=300, change=lambda game: game.opt_d.param_groups[0].update(lr=1e-6))
    assert "D not learning" in names(history, **given)


def test_a_training_that_fit_stopped():
    with pytest.raises(training.TrainingError) as stop:
        training.fit(lambda: {"D": 0.7, "G": math.nan}, None, 5)
    (found,) = diagnostics.examine(stop.value, learning_rate=1e-3)
    assert found.name == "training stopped" and "'G' became nan at step 1" in found.sentence
    assert "lr=0.0001" in found.advice


def steady(n=200, d=0.6, g=0.9):
    return {"D": [d + 0.05 * math.sin(i) for i in range(n)], "G": [g] * n}


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_made_up_losses_that_are_not_finite(broken):
    (found,) = diagnostics.examine({"D": [0.7] * 10 + [broken] * 3, "G": [0.7] * 13})
    assert found.name == "not finite" and "from step 11 on" in found.sentence
    assert names({"D": [0.7], "G": [broken]}) == ["not finite"]


def test_gaps_in_a_history_are_no_fault():
    seldom = steady()
    seldom["G"] = [0.9 if i % 3 == 0 else math.nan for i in range(200)]
    assert names(seldom) == []
    assert names(training.History(values=steady())) == []


def test_made_up_scores_far_apart_are_saturation():
    scores = {"real score": [9.0] * 200, "fake score": [-9.0] * 200}
    (found,) = diagnostics.examine({**steady(), **scores})
    assert found.name == "D saturated" and "18 apart" in found.sentence


def test_made_up_explosion_and_jumps():
    growing = {"D": [0.7 * 1.1**i for i in range(100)], "G": [0.7] * 100}
    assert names(growing) == ["exploding loss"]
    jumping = steady()
    jumping["D"][20::40] = [6.0] * 5
    assert names(jumping) == ["learning rate too high"]
    lone = steady()
    lone["D"][20] = 6.0
    assert names(lone) == []


@pytest.mark.parametrize(
    "real, fake, found",
    [
        (255 * DIGITS[:64], DIGITS[64:128], "wrong range"),
        ((255 * DIGITS[:64]).byte(), DIGITS[64:128], "wrong range"),
        (DIGITS[:64] / 255, DIGITS[64:128], "wrong range"),
        (DIGITS[:64], 2 * DIGITS[64:128] - 1, "wrong range"),
        (DIGITS[:64], 0.4 + 0.2 * DIGITS[64:128], "wrong range"),
        (DIGITS[:64], DIGITS[:1].repeat(64, 1, 1, 1), "collapsed"),
        (DIGITS[:64], DIGITS[:4].repeat(16, 1, 1, 1), "partly collapsed"),
        (DIGITS[:64], torch.full((64, 1, 8, 8), 0.5), "constant"),
        (DIGITS[:64], torch.full((64, 1, 8, 8), math.nan), "not finite"),
        (None, DIGITS[:1].repeat(64, 1, 1, 1), "collapsed"),
        (torch.full((64, 1, 8, 8), math.inf), None, "not finite"),
    ],
)
def test_made_up_pictures(real, fake, found):
    assert names(real=real, fake=fake) == [found]


def test_good_pictures_raise_no_alarm():
    assert names(fake=DIGITS[500:800], real=DIGITS[:400]) == []
    assert names(fake=DIGITS[500:800].requires_grad_()) == names(real=DIGITS[:8]) == []
    assert names(fake=DIGITS[:20], real=DIGITS[:1].repeat(20, 1, 1, 1)) == []  # one picture learnt by heart


@pytest.mark.parametrize(
    "given, message",
    [
        ({}, "nothing to examine"),
        ({"history": {"D": [0.7] * 60}}, "losses 'D' and 'G'.* not 'D'"),
        ({"history": [0.7] * 60}, "not list"),
        ({"history": {"D": [0.7] * 49, "G": [0.7] * 49}}, "49 steps are too few"),
        ({"history": {"D": [], "G": []}}, "0 steps are too few"),
        ({"fake": torch.rand(20, 64)}, "fake must be .* not \\(20, 64\\)"),
        ({"real": torch.rand(3, 1, 8, 8)}, "at least 8 pictures"),
        ({"fake": torch.rand(20, 1, 0, 8)}, "fake must be"),
        ({"real": [1, 2, 3]}, "not list"),
        ({"fake": torch.rand(20, 1, 8, 8), "real": torch.rand(20, 3, 8, 8)}, "Fakes are \\(1, 8, 8\\)"),
    ],
)
def test_bad_input_is_told_in_a_sentence(given, message):
    with pytest.raises(ValueError, match=message):
        diagnostics.examine(**given)


def test_report_prints_a_paragraph_each_or_that_nothing_is_conspicuous(capsys):
    diagnostics.report(steady())
    assert capsys.readouterr().out.startswith("✅ nothing conspicuous")
    diagnostics.report(steady(d=0.0), fake=torch.zeros(20, 1, 8, 8), real=DIGITS[:20])
    printed = capsys.readouterr().out
    assert printed.startswith("Begin with the first") and printed.count("⚠") == 2 == printed.count(" Try: ")


def test_a_slow_training_is_told_by_its_rate():
    history, given = play(lr=1e-5, steps=300)
    assert names(history, **given) == ["learning rate too low"]


def test_flat_real_pictures_do_not_disturb():
    real = torch.linspace(0, 1, 20).view(-1, 1, 1, 1).expand(-1, 1, 8, 8)
    assert names(fake=real, real=real) == []
