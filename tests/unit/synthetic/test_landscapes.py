"""Drawn landscapes: light that follows the hour, seasons, water that mirrors, and places that can be told apart."""

import pytest
import torch

from imagegen_lessons.synthetic import landscapes


def drawn(n=24, seed=1, size=64, **fixed):
    return landscapes.render(landscapes.sample(n, seed, **fixed), size)


def test_labels_are_place_and_time():
    factors = landscapes.sample(2_000, seed=1)
    label = landscapes.label(factors)
    assert torch.equal(label, torch.stack([factors["place"], factors["time"]], dim=1))
    assert len(label.unique(dim=0)) == landscapes.CLASSES == 20


def test_nights_are_darker_than_days_and_sunsets_are_warm():
    dawn, day, sunset, night = (
        drawn(time=time).mean((0, 2, 3)) for time in ("dawn", "day", "sunset", "night")
    )
    assert night.mean() < 0.5 * min(dawn.mean(), day.mean(), sunset.mean())
    assert sunset[0] > 1.3 * sunset[2] and day[2] > day[0]  # red and blue


@pytest.mark.parametrize("place", ["mountains", "woods", "city"])
def test_winter_whitens_the_land(place):
    fixed = dict(place=place, time="day", weather="clear", water="none")
    summer, winter = (drawn(season=season, **fixed)[:, :, 40:] for season in ("summer", "winter"))
    assert winter.amin(1).mean() > summer.amin(1).mean() + 0.2


def test_a_lake_mirrors_what_is_above_its_shore_and_the_sea_has_none():
    def likeness(water):
        x = drawn(place="woods", time="day", weather="clear", horizon=1.0, water=water).mean(1)
        below, above = x[:, 42:58].flatten(1), x[:, 23:39].flip(1).flatten(1)  # the shore is at row 40.3
        return sum(torch.corrcoef(torch.stack(pair))[0, 1] for pair in zip(below, above, strict=True)) / len(
            x
        )

    assert likeness("lake") > 0.7 > 0.4 > likeness("none")
    assert torch.equal(drawn(place="sea", water="lake"), drawn(place="sea", water="none"))


def test_the_windows_of_a_city_are_lit_at_night():
    x = drawn(place="city", time="night", weather="clear", water="none", size=128)
    lit = (x[:, 0] > 0.7) & (x[:, 2] < 0.6)
    assert 0.005 < lit.float().mean() < 0.2
    woods = drawn(place="woods", time="night", weather="clear", water="none", life="none", size=128)
    assert not ((woods[:, 0] > 0.7) & (woods[:, 2] < 0.6)).any()


def test_sun_and_moon_stand_where_the_factors_say():
    for time in ("day", "night"):
        fixed = dict(place="sea", weather="clear", time=time, moon=1.0, sun_height=1.0, clouds=0.3)
        for sun_x in (-1.0, 0.0, 1.0):
            x = drawn(4, sun_x=sun_x, **fixed)[:, :, :30].mean(1)
            where = x.amax(1).argmax(1).float() / 32 - 1
            assert (where - 0.8 * sun_x).abs().max() < 0.15
