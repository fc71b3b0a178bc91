"""Drawn faces: independent factors, equally likely classes, and differences that can be seen."""

import torch

from imagegen_lessons.synthetic import faces


def test_factors_are_independent():
    """No two factors are correlated, nor are the squares of their distances from the middle."""
    factors = torch.stack([value.double() for value in faces.sample(20_000, seed=7).values()])
    for table in (factors, (factors - factors.mean(1, keepdim=True)).square()):
        correlation = torch.corrcoef(table).fill_diagonal_(0)
        assert correlation.abs().max() < 0.035  # 4.9 standard errors, for the largest of 1,800


def test_all_classes_of_people_are_equally_likely():
    counts = torch.bincount(faces.class_index(faces.sample(20_000, seed=1)), minlength=faces.CLASSES).double()
    expected = 20_000 / faces.CLASSES
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert chi_square < 110  # 71 degrees of freedom: exceeded by chance twice in a thousand seeds


def test_the_class_is_made_of_skin_hair_and_glasses():
    one = torch.tensor([1])
    assert faces.class_index({"skin_tone": one, "hair_colour": one * 2, "glasses": one}).item() == 17
    assert faces.class_index({"skin_tone": one * 5, "hair_colour": one * 5, "glasses": one}).item() == 71
    assert len(faces.SKIN_TONES) == len(faces.HAIR_COLOURS) == 6 and len(faces.HAIR_STYLES) >= 6


def test_passports_look_ahead_before_a_plain_background():
    free, passports = faces.sample(100, seed=1), faces.passports(100, seed=1, tilt=0.5)
    assert (passports["background_style"] == 0).all() and (passports["tilt"] == 0.5).all()
    for name in ("yaw", "nod"):
        torch.testing.assert_close(passports[name], 0.4 * free[name])


def test_smile_glasses_skin_and_hair_can_be_seen_at_32_pixels():
    """How much of the picture changes: more than one per cent of the pixels, by more than ten per cent."""
    factors = faces.sample(48, seed=8)
    ends = dict(glasses=(0, 1), skin_tone=(0, 5), hair_colour=(0, 3), smile=(-1.0, 1.0))
    for name, values in ends.items():
        x, other = (faces.render({**factors, name: value}, 32) for value in values)
        assert ((x - other).abs().amax(1) > 0.1).float().mean() > 0.01


def test_faces_turn_and_light_comes_from_its_side():
    factors = faces.passports(64, seed=1, light_strength=1.0)
    left, right = (faces.render({**factors, "light_x": side}, 32)[:, :, :4] for side in (-1.0, 1.0))
    assert ((left - right)[..., :8].mean((1, 2, 3)) > 0.05).all()  # the upper corners: background
    assert ((right - left)[..., -8:].mean((1, 2, 3)) > 0.05).all()
    middles = []
    for yaw in (-1.0, 1.0):
        bare, glasses = (faces.render({**factors, "yaw": yaw, "glasses": worn}, 64) for worn in (0, 1))
        frame = (glasses - bare).abs().sum(1)
        middles.append((frame * torch.arange(64)).sum((1, 2)) / frame.sum((1, 2)))
    assert (middles[1] - middles[0] > 4).all()  # pixels
