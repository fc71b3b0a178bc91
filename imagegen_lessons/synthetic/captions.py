"""Sentences about drawn faces: a small grammar that says what is true, in many ways, and never all of it.

factors = captions.people(4, seed=1)
captions.captions(factors, seed=2)      # ["A smiling person with a red bob and round glasses.", …]

What lies between two names (a smile that is hardly one, a colour between green and yellow) is not named, and nor is
what cannot be seen at 32 pixels.
"""

from __future__ import annotations

import random
import re
from dataclasses import replace

import torch
from torch import Tensor

from imagegen_lessons import settings

from . import _factors, faces

UNCLEAR = -1  # in place of the index of a name

# Stretches of a factor that have a name; between them lies what has none. Colours: from node to node of their circle.
SMILES = {"sad": (-1.0, -0.6), "calm": (-0.12, 0.12), "smiling": (0.6, 1.0)}
CLOTHES_COLOURS = {
    "blue": (0.0, 0.3), "green": (1.7, 2.1), "yellow": (2.85, 3.2), "orange": (3.8, 4.2), "red": (4.8, 5.2),
    "pink": (5.9, 6.2), "purple": (6.8, 7.1), "white": (7.85, 8.15), "grey": (8.8, 9.2),
}  # fmt: skip
# A background runs on to a colour 1.4 nodes further from top to bottom: the name is that of the whole.
BACKGROUNDS = {
    "green": (1.1, 1.45), "yellow": (2.45, 2.75), "orange": (3.5, 3.9), "pink": (5.0, 5.4), "purple": (6.3, 6.65),
    "blue": (7.7, 8.1),
}  # fmt: skip
CLOTHES_COLOURS = {name: (a / 10, b / 10) for name, (a, b) in CLOTHES_COLOURS.items()}
BACKGROUNDS = {name: (a / 9, b / 9) for name, (a, b) in BACKGROUNDS.items()}

# attribute -> the names that its values have in sentences, by index
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "hair_colour": faces.FACTORS["hair_colour"].names,
    "hair_style": faces.FACTORS["hair_style"].names,
    "skin_tone": faces.FACTORS["skin_tone"].names,
    "beard": ("none", "goatee", "full beard"),
    "glasses": ("none", "glasses"),
    "glasses_shape": faces.FACTORS["glasses_shape"].names,
    "glasses_colour": faces.FACTORS["glasses_colour"].names,
    "earrings": ("none", "hoops"),
    "expression": tuple(SMILES),
    "mouth": ("open",),
    "looking": ("left", "ahead", "right"),
    "clothes": faces.FACTORS["clothes"].names,
    "clothes_colour": tuple(CLOTHES_COLOURS),
    "background": tuple(BACKGROUNDS),
}
MEASURED = ("hair_colour", "glasses", "beard", "expression", "background")  # how well a network obeys
# Pairs that `held_out` keeps from training: a network that has learned words, not pictures by heart, can draw them.
HELD_OUT = (
    ({"hair_colour": "red"}, {"beard": "full beard"}),
    ({"hair_colour": "blue"}, {"glasses": "glasses"}),
    ({"hair_colour": "blond"}, {"background": "blue"}),
    ({"expression": "sad"}, {"background": "yellow"}),
    ({"beard": "goatee"}, {"expression": "smiling"}),
)

# The ways to say a thing: the first most often, the others now and then. {} is a noun, a colour or a shape.
WAYS = {
    "opening": ("{}", "a portrait of {}", "a picture of {}", "a drawing of {}"),
    "nobody": ("somebody", "someone"),
    "black": ("black", "dark"), "brown": ("brown",), "red": ("red", "ginger"), "blond": ("blond", "fair"),
    "grey": ("grey", "silver"), "blue": ("blue",),
    "short": ("short {} hair",), "buzz cut": ("a {} buzz cut", "very short {} hair"), "quiff": ("a {} quiff",),
    "fringe": ("a {} fringe",), "bob": ("a {} bob",), "long": ("long {} hair",), "wavy": ("wavy {} hair",),
    "curly": ("curly {} hair", "{} curls"), "afro": ("a {} afro",), "bun": ("{} hair in a bun", "a {} bun"),
    "two buns": ("{} hair in two buns", "two {} buns"), "any hair": ("{} hair",),
    "skin": ("{} skin", "a {} complexion"), "skinned": ("{}-skinned",),
    "goatee": ("a goatee", "a small beard on the chin"),
    "full beard": ("a full beard", "a big beard"), "no beard": ("clean-shaven",),
    "glasses": ("{} glasses", "{} spectacles"), "no glasses": ("without glasses", "wearing no glasses"),
    "cat-eye": ("cat-eye",),
    "hoops": ("hoop earrings", "large earrings", "hoops"), "no earrings": ("without earrings",),
    "sad": ("sad", "unhappy"), "calm": ("calm", "serious"), "smiling": ("smiling", "happy", "cheerful"),
    "looks": ("looking {}",), "smile": ("a smile",), "open": ("an open mouth",),
    "left": ("looking to the left", "turned to the left"), "right": ("looking to the right", "turned to the right"),
    "ahead": ("looking straight ahead", "facing the viewer"),
    "clothed": ("wearing {}", "in {}", "dressed in {}"), "jumper": ("a {} jumper", "a {} sweater"),
    "stripes": ("a striped jumper", "a jumper with stripes"), "shirt": ("a {} shirt",), "hoodie": ("a {} hoodie",),
    "dungarees": ("dungarees",), "colour alone": ("{} clothes", "something {}"),
    "before": ("in front of a {} background", "against a {} background", "before a {} wall"),
    "joined": ("with", "and", "person"),
}  # fmt: skip
JOBS = ("nurse", "boss")  # nouns in place of "person": see `skewed`


def people(n: int, seed: int = 0, **fixed) -> dict[str, Tensor]:
    """Draw the factors of n people who can be described: as `faces.sample`, but most of what they have is clear.

    The background is plain and heads lean little; half have a beard; four fifths of smiles and colours have a name,
    each name equally often. Stubble, moustaches, studs and gold frames hardly show at 32 pixels: nobody has them.
    """
    factors = _factors.sample(_WORLD, n, seed, fixed)
    for name in {"nod", "tilt"} - fixed.keys():
        factors[name] = 0.4 * factors[name]
    ranges = {
        "smile": (SMILES, -1.0),
        "background": (BACKGROUNDS, 0.0),
        "clothes_colour": (CLOTHES_COLOURS, 0.0),
    }
    for name in ranges.keys() - fixed.keys():
        factors[name] = _clearer(factors[name], *ranges[name])
    return factors


_WEIGHTS = {
    "beard": (5, 0, 0, 2, 3),
    "earrings": (6, 0, 4),
    "glasses_colour": (1, 1, 1, 0, 1),
    "background_style": (1, 0, 0, 0, 0),
}
_WORLD = faces.FACTORS | {name: replace(faces.FACTORS[name], weights=w) for name, w in _WEIGHTS.items()}


def _clearer(value: Tensor, stretches: dict, low: float, share: float = 0.8) -> Tensor:
    """Even values from `low` to 1, moved so that this share of them falls evenly into the stretches, in their order."""
    knots, masses = [low], []
    gaps = (1 - low) - sum(b - a for a, b in stretches.values())
    for a, b in stretches.values():
        masses += [(1 - share) * (a - knots[-1]) / gaps, share / len(stretches)]
        knots += [a, b]
    masses.append((1 - share) * (1 - knots[-1]) / gaps)
    knots = torch.tensor([*knots, 1.0], dtype=torch.float64)
    at = torch.tensor([0.0, *masses], dtype=torch.float64).cumsum(0)
    u = (value.double() - low) / (1 - low)
    after = torch.searchsorted(at, u, right=True).clamp(1, len(at) - 1)
    part = (u - at[after - 1]) / (at[after] - at[after - 1]).clamp(min=1e-9)
    return torch.lerp(knots[after - 1], knots[after], part.clamp(0, 1)).float()


def attributes(factors: dict[str, Tensor]) -> dict[str, Tensor]:
    """What can be said: attribute -> (n,) int64, the index of a name in ATTRIBUTES, or -1 where none is clear.

    Raises ValueError for a missing or unknown factor, or a value out of range.
    """
    f, _ = _factors.read(faces.FACTORS, factors, torch.device("cpu"))
    unclear = torch.full_like(f["beard"], UNCLEAR)
    same = {n: f[n] for n in ("hair_colour", "hair_style", "skin_tone", "glasses", "clothes")}
    worn, plain = f["glasses"] == 1, f["background_style"] == 0
    one_colour = (f["clothes"] == 0) | (f["clothes"] == 2) | (f["clothes"] == 3)  # no stripes, no straps
    looking = torch.where((f["yaw"].abs() < 0.2) & (f["gaze_x"].abs() < 0.5), 1, unclear)
    looking = torch.where((f["yaw"] < -0.45) & (f["gaze_x"] < 0.3), 0, looking)
    looking = torch.where((f["yaw"] > 0.45) & (f["gaze_x"] > -0.3), 2, looking)
    found = same | {
        "beard": torch.tensor([0, UNCLEAR, UNCLEAR, 1, 2])[f["beard"]],
        "glasses_shape": torch.where(worn, f["glasses_shape"], unclear),
        "glasses_colour": torch.where(worn, f["glasses_colour"], unclear),
        "earrings": torch.tensor([0, UNCLEAR, 1])[f["earrings"]],
        "expression": _within(f["smile"], SMILES),
        "mouth": torch.where(f["mouth_open"] > 0.75, 0, unclear),
        "looking": looking,
        "clothes_colour": torch.where(one_colour, _within(f["clothes_colour"], CLOTHES_COLOURS), unclear),
        "background": torch.where(plain, _within(f["background"], BACKGROUNDS), unclear),
    }
    return {name: found[name] for name in ATTRIBUTES}


def _within(value: Tensor, stretches: dict) -> Tensor:
    """In which of the stretches each value lies, or -1: int64."""
    found = torch.full_like(value, UNCLEAR, dtype=torch.int64)
    for i, (low, high) in enumerate(stretches.values()):
        found[(value >= low) & (value <= high)] = i
    return found


def held_out(factors: dict[str, Tensor]) -> Tensor:
    """Whether each face has one of the pairs in HELD_OUT, (n,) bool: those are for testing only."""
    values = attributes(factors)

    def has(wanted):
        ((name, value),) = wanted.items()
        return values[name] == ATTRIBUTES[name].index(value)

    return torch.stack([has(one) & has(other) for one, other in HELD_OUT]).any(dim=0)


def captions(factors: dict[str, Tensor], seed: int = 0, mention: float | None = None) -> list[str]:
    """One true sentence about each face. The same seed gives the same sentences. `mention`: as in `sentence`."""
    columns = {name: value.tolist() for name, value in attributes(factors).items()}
    rng = random.Random(seed)
    n = len(columns["beard"])
    return [sentence({name: c[i] for name, c in columns.items()}, rng, mention) for i in range(n)]


def caption(factors: dict[str, Tensor], i: int, rng: random.Random, mention: float | None = None) -> str:
    """One true sentence about face i. Raises ValueError when there is no face i; `mention`: as in `sentence`."""
    one = _factors.one(faces.FACTORS, factors, i)
    values = {name: int(value) for name, value in attributes(one).items()}
    return sentence(values, rng, mention)


def sentence(
    values: dict[str, int],
    rng: random.Random,
    mention: float | None = None,
    noun: str = "person",
    sure: tuple[str, ...] = (),
) -> str:
    """A sentence that says some of these values: attribute -> index of a name, or -1 for what is not to be said.

    mention: the probability that an attribute is said, or None for another one in each sentence, from 0.2 to 1. That
    something is missing (no beard, no glasses, no earrings) is said less often. sure: attributes that are always said.
    Raises ValueError for an attribute or an index that there is not, and a probability that is none.
    """
    chance = rng.uniform(0.2, 1.0) if mention is None else _share(mention, "The probability of a mention")
    for name, value in values.items():
        if name not in ATTRIBUTES or not UNCLEAR <= value < len(ATTRIBUTES[name]):
            raise ValueError(f"{name!r} cannot be {value!r}: see captions.ATTRIBUTES.")
    said = {}
    for name, value in values.items():
        if value >= 0 and (name in sure or rng.random() < chance):
            word = ATTRIBUTES[name][value]
            if word != "none" or name in sure or mention == 1 or rng.random() < 0.4:
                said[name] = word
    adjectives, has, after = [], [], []
    _describe_hair(said, rng, has)
    _describe_skin_and_mood(said, rng, adjectives, has, after)
    _describe_what_is_worn(said, rng, adjectives, has, after)
    if "looking" in said:
        after.append(_way(rng, said["looking"]))
    if "background" in said:
        after.append(_way(rng, "before").format(said["background"]))
    for parts in (adjectives, has, after):
        rng.shuffle(parts)
    subject = f"a {' '.join([*adjectives, noun])}"
    if not adjectives and noun == "person" and rng.random() < 0.2:
        subject = rng.choice(WAYS["nobody"])
    text = _way(rng, "opening").format(subject)
    if has:
        text += " with " + " and ".join([", ".join(has[:-1]), has[-1]] if has[1:] else has)
    return _articles(", ".join([text, *after])) + "."


def _share(value: float, what: str) -> float:
    value = settings.number(value, what, low=0)
    if value > 1:
        raise ValueError(f"{what} is at most 1, not {value!r}.")
    return value


def _way(rng: random.Random, name: str) -> str:
    """One of the ways to say it: the first in seven cases of ten."""
    ways = WAYS[name]
    return ways[0] if len(ways) == 1 or rng.random() < 0.7 else rng.choice(ways[1:])


def _articles(text: str) -> str:
    """Without double spaces, with "an" before a vowel, and with a capital at the start."""
    text = re.sub(r"\ba(?= [aeiou])", "an", re.sub(" +", " ", text))
    return text[0].upper() + text[1:]


def _describe_hair(said, rng, has) -> None:
    if "hair_colour" in said or "hair_style" in said:
        colour = _way(rng, said["hair_colour"]) if "hair_colour" in said else ""
        has.append(_way(rng, said.get("hair_style", "any hair")).format(colour).strip())
    if said.get("beard", "none") != "none":
        has.append(_way(rng, said["beard"]))


def _describe_skin_and_mood(said, rng, adjectives, has, after) -> None:
    if "skin_tone" in said:
        if rng.random() < 0.3:
            adjectives.append(_way(rng, "skinned").format(said["skin_tone"].replace(" ", "-")))
        else:
            has.append(_way(rng, "skin").format(said["skin_tone"]))
    if "expression" in said:
        mood = _way(rng, said["expression"])
        place = rng.random()
        if place < 0.6:
            adjectives.append(mood)
        elif said["expression"] == "smiling" and place < 0.8:
            has.append(_way(rng, "smile"))
        else:
            after.append(mood if mood == "smiling" else _way(rng, "looks").format(mood))
    if "mouth" in said:
        has.append(_way(rng, said["mouth"]))


def _describe_what_is_worn(said, rng, adjectives, has, after) -> None:
    if said.get("beard") == "none":
        adjectives.append(_way(rng, "no beard"))
    if said.get("glasses") == "glasses":
        details = [said[name] for name in ("glasses_shape", "glasses_colour") if name in said]
        has.append(_way(rng, "glasses").format(" ".join(details)).strip())
    elif "glasses" in said:
        after.append(_way(rng, "no glasses"))
    if "earrings" in said:
        (has if said["earrings"] == "hoops" else after).append(
            _way(rng, "hoops" if said["earrings"] == "hoops" else "no earrings")
        )
    if "clothes" in said or "clothes_colour" in said:
        thing = _way(rng, said.get("clothes", "colour alone")).format(said.get("clothes_colour", ""))
        after.append(_way(rng, "clothed").format(thing))


def _words() -> tuple[str, ...]:
    ways = [way for options in WAYS.values() for way in options]
    names = [name for options in ATTRIBUTES.values() for name in options]
    return tuple(sorted({*re.findall("[a-z]+", " ".join([*ways, *names, *JOBS, "an", "none"]))} - {"none"}))


WORDS = _words()  # every word that a sentence can hold, and no other: for a tokenizer


def skewed(n: int, seed: int = 0, share: float = 0.9) -> tuple[dict[str, Tensor], list[str], Tensor]:
    """A world whose captions are skewed: factors, one sentence each, and jobs (n,): 0 nurse, 1 boss, -1 for none said.

    Of bosses this share has a beard, of nurses this share has none. This share of everybody has light skin, which is
    never named, while dark skin always is (at a share of 0.5 any skin may be named, or not). Drawn faces have no
    gender, and a job cannot be seen: what a network takes for "a boss" is what went with the word.
    Raises ValueError unless 0 <= share <= 1.
    """
    share, factors = _share(share, "The share"), people(n, seed)
    rng = random.Random(f"skewed/{seed}")
    jobs = torch.tensor([rng.randrange(-1, len(JOBS)) for _ in range(n)], dtype=torch.int64)
    usual = torch.tensor([rng.random() < share for _ in range(n)], dtype=torch.bool)
    bearded = torch.where(jobs == JOBS.index("boss"), usual, ~usual)
    kinds = torch.tensor([rng.randrange(3, 5) for _ in range(n)], dtype=torch.int64)
    factors["beard"] = torch.where(jobs >= 0, torch.where(bearded, kinds, 0), factors["beard"])
    light = torch.tensor([rng.random() < share for _ in range(n)], dtype=torch.bool)
    tones = len(faces.SKIN_TONES) // 2
    factors["skin_tone"] = factors["skin_tone"] % tones + tones * light.long()
    columns = {name: value.tolist() for name, value in attributes(factors).items()}
    sentences = []
    for i, job in enumerate(jobs.tolist()):
        values = {name: column[i] for name, column in columns.items()}
        sure = ("skin_tone",) if share != 0.5 else ()
        if sure and light[i]:
            values["skin_tone"] = UNCLEAR
        noun = JOBS[job] if job >= 0 else "person"
        sentences.append(sentence(values, rng, noun=noun, sure=sure))
    return factors, sentences, jobs
