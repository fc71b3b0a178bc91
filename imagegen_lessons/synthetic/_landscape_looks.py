"""Light and colours of a landscape: everything about one that no pixel changes."""

from __future__ import annotations

import torch
from torch import Tensor

PLACES = ("mountains", "sea", "desert", "woods", "city")
TIMES = ("dawn", "day", "sunset", "night")
SEASONS = ("spring", "summer", "autumn", "winter")
WEATHERS = ("clear", "clouds", "mist", "rain")

# Each time of day in a cool and in a warm mood: the sky overhead, half-way down, at the horizon, and the sun or moon.
SKIES = {
    "dawn": (
        ((0.30, 0.42, 0.68), (0.66, 0.68, 0.84), (0.98, 0.82, 0.78), (1.00, 0.93, 0.86)),
        ((0.42, 0.44, 0.68), (0.86, 0.66, 0.72), (1.00, 0.80, 0.58), (1.00, 0.92, 0.72)),
    ),
    "day": (
        ((0.13, 0.38, 0.74), (0.38, 0.63, 0.90), (0.80, 0.91, 0.97), (1.00, 0.99, 0.94)),
        ((0.22, 0.52, 0.78), (0.52, 0.76, 0.88), (0.94, 0.94, 0.86), (1.00, 0.98, 0.88)),
    ),
    "sunset": (
        ((0.18, 0.16, 0.40), (0.58, 0.28, 0.50), (0.98, 0.52, 0.42), (1.00, 0.78, 0.56)),
        ((0.24, 0.22, 0.42), (0.82, 0.40, 0.34), (1.00, 0.70, 0.30), (1.00, 0.88, 0.50)),
    ),
    "night": (
        ((0.015, 0.03, 0.11), (0.05, 0.09, 0.24), (0.13, 0.21, 0.40), (0.93, 0.95, 0.98)),
        ((0.03, 0.02, 0.09), (0.09, 0.08, 0.21), (0.24, 0.19, 0.34), (0.98, 0.95, 0.86)),
    ),
}
# How bright the land is in the shade and in the sun, as colours, by time of day.
SHADE = {
    "dawn": (0.44, 0.42, 0.56), "day": (0.52, 0.58, 0.70), "sunset": (0.34, 0.24, 0.36), "night": (0.10, 0.14, 0.27),
}  # fmt: skip
SUNSHINE = {
    "dawn": (0.62, 0.46, 0.36), "day": (0.56, 0.52, 0.42), "sunset": (0.74, 0.42, 0.20), "night": (0.22, 0.27, 0.36),
}  # fmt: skip
# Grass, leaves, and other leaves of the same wood, by season.
GRASS = {
    "spring": (0.52, 0.72, 0.30), "summer": (0.42, 0.58, 0.22),
    "autumn": (0.66, 0.56, 0.28), "winter": (0.90, 0.93, 0.98),
}  # fmt: skip
LEAVES = {
    "spring": (0.50, 0.72, 0.30), "summer": (0.18, 0.46, 0.20),
    "autumn": (0.88, 0.46, 0.12), "winter": (0.80, 0.85, 0.92),
}  # fmt: skip
MORE_LEAVES = {
    "spring": (0.94, 0.70, 0.76), "summer": (0.30, 0.54, 0.20),
    "autumn": (0.72, 0.20, 0.12), "winter": (0.50, 0.56, 0.64),
}  # fmt: skip
SNOWLINE = {
    "spring": 0.42,
    "summer": 0.20,
    "autumn": 0.40,
    "winter": 1.30,
}  # how far down a mountain, of its height
LIGHTS = (1.00, 0.80, 0.42)  # of windows
ROCK, SAND, FIR = (0.46, 0.45, 0.50), (0.93, 0.66, 0.38), (0.16, 0.36, 0.28)


class Scene:
    """A batch of landscapes: attributes of shape (n, 1, 1), colours of shape (n, 3, 1, 1)."""

    def __init__(self, **attributes: Tensor):
        vars(self).update(attributes)

    def only(self, chosen: Tensor) -> Scene:
        """Some of the landscapes, by their indices."""
        return Scene(**{name: value[chosen] for name, value in vars(self).items()})

    @property
    def side(self) -> Tensor:
        """On which side of things the light falls: -1 left to 1 right, seldom near 0."""
        return torch.tanh(4 * self.sun_px)

    def lit(self, colour: Tensor, light: Tensor | float) -> Tensor:
        """A colour in the shade (light 0) to in the sun (light 1), (n, h, w)."""
        light = light.unsqueeze(1) if isinstance(light, Tensor) else light
        return colour * (self.shade + self.sunshine * light)

    def faded(self, colour: Tensor, distance: float) -> Tensor:
        """What a colour becomes in the distance, 0 to about 1: the colour of the sky at the horizon."""
        gone = 1 - torch.exp(-distance * 1.8 * self.fade).unsqueeze(1)
        return colour.lerp(self.skyline.lerp(self.middle, 0.35), gone)


def scene(factors: dict[str, Tensor]) -> Scene:
    """From factors, (n,) each, to everything about a landscape that does not depend on the pixel."""
    device = factors["mood"].device
    p = Scene(**{name: value.view(-1, 1, 1).float() for name, value in factors.items()})

    def pick(table: dict, name: str) -> Tensor:
        return torch.tensor(list(table.values()), device=device)[factors[name]]

    def colour(table: dict, name: str) -> Tensor:
        return pick(table, name)[:, :, None, None]

    def rgb(*values: float) -> Tensor:
        return torch.tensor(values, device=device).view(1, 3, 1, 1).expand(len(p.mood), 3, 1, 1)

    skies = pick(SKIES, "time")  # (n, two moods, four colours, 3)
    skies = skies[:, 0].lerp(skies[:, 1], p.mood)[:, :, :, None, None]
    p.zenith, p.middle, p.skyline, p.sun = skies.unbind(1)
    p.shade, p.sunshine = colour(SHADE, "time"), colour(SUNSHINE, "time")
    p.grass, p.leaves, p.more_leaves = (colour(t, "season") for t in (GRASS, LEAVES, MORE_LEAVES))
    p.rock, p.sand, p.fir = rgb(*ROCK), rgb(*SAND), rgb(*FIR)
    p.white, p.lights = rgb(0.97, 0.98, 1.0), rgb(*LIGHTS)
    p.snowline = pick(SNOWLINE, "season").view(-1, 1, 1)

    p.is_night, p.is_day = (p.time == TIMES.index("night")).float(), (p.time == TIMES.index("day")).float()
    p.is_winter = (p.season == SEASONS.index("winter")).float()
    p.mist, p.rain = ((p.weather == WEATHERS.index(name)).float() for name in ("mist", "rain"))
    cloudy = (p.weather == WEATHERS.index("clouds")).float()
    p.cover = 0.12 + 0.42 * cloudy + 0.10 * p.mist + 0.85 * p.rain  # of the sky, by clouds

    # Rain makes all colours greyer and the sun dim, mist makes the distance white.
    grey = p.middle.mean(1, keepdim=True) * rgb(0.92, 0.97, 1.04)
    for name in ("zenith", "middle", "skyline"):
        setattr(p, name, getattr(p, name).lerp(grey, 0.6 * p.rain.unsqueeze(1)))
    p.sunshine = p.sunshine * (1 - 0.6 * p.rain - 0.35 * p.mist).unsqueeze(1)
    p.fade = 0.30 + 0.35 * p.haze + 0.9 * p.mist + 0.35 * p.rain

    p.ground = 0.22 - 0.28 * p.horizon  # where the horizon lies
    high = torch.where(p.is_day + p.is_night > 0, 1.0, 0.18)
    p.sun_y = p.ground - 0.12 - 0.62 * high * (0.35 + 0.65 * p.sun_height)
    p.sun_px = 0.8 * p.sun_x
    return p
