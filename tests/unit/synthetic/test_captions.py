"""Captions: true for every factor, read back by a parser of its own; gaps, held-out pairs, and a skewed world."""

import colorsys
import random
import re

import pytest
import torch

from imagegen_lessons.synthetic import captions, faces
from imagegen_lessons.synthetic._face_looks import BACKGROUNDS, CLOTHES, around
from tests.unit.helpers import refused

COLOURS = (
    "black|blue|brown|red|blond|grey|teal|gold|green|yellow|orange|pink|purple|white|dark|ginger|fair|silver"
)
HAIR_COLOURS = {"dark": "black", "ginger": "red", "fair": "blond", "silver": "grey"}
CUTS = {
    "very short {} hair": "buzz cut", "{} buzz cut": "buzz cut", "short {} hair": "short", "{} quiff": "quiff",
    "{} fringe": "fringe", "{} bob": "bob", "long {} hair": "long", "wavy {} hair": "wavy", "curly {} hair": "curly",
    "{} curls": "curly", "{} afro": "afro", "{} hair in a bun": "bun", "a {} bun": "bun",
    "{} hair in two buns": "two buns", "two {} buns": "two buns", "{} hair": None,
}  # fmt: skip


def claims(text):
    """What a sentence says, read without the grammar's own tables: name of a factor -> word, or None for "not"."""
    text = re.sub(r"\ban ", "a ", text.lower()).rstrip(".")
    found, colour = {}, f"(?:({COLOURS}) )?"

    def take(pattern):
        nonlocal text
        match = re.search(pattern, text)
        if match:
            text = text[: match.start()] + "#" + text[match.end() :]
        return match

    if match := take(rf"(?:in front of|against|before) a ({COLOURS}) (?:background|wall)"):
        found["background"] = match[1]
    if match := take(rf"(?:wearing|dressed in|in) (?:something ({COLOURS})|({COLOURS}) clothes)"):
        found["clothes_colour"] = match[1] or match[2]
    elif take("(?:wearing|dressed in|in) (?:a striped jumper|a jumper with stripes)"):
        found["clothes"] = "stripes"
    elif match := take(
        rf"(?:wearing|dressed in|in) (?:a )?{colour}(jumper|sweater|shirt|hoodie|dungarees)\b"
    ):
        found["clothes"] = match[2].replace("sweater", "jumper")
        found |= {"clothes_colour": match[1]} if match[1] else {}
    if take("(?:without|wearing no) glasses"):
        found["glasses"] = "none"
    elif match := take(rf"(?:(round|square|wide|cat-eye) )?{colour}(?:glasses|spectacles)"):
        found["glasses"] = "glasses"
        found |= {"glasses_shape": match[1]} if match[1] else {}
        found |= {"glasses_colour": match[2]} if match[2] else {}
    if take("without earrings"):
        found["earrings"] = "none"
    elif take("(?:hoop|large) earrings|hoops"):
        found["earrings"] = "hoops"
    for word in ("goatee", "small beard on the chin", "full beard", "big beard"):
        if take(f"a {word}"):
            found["beard"] = {"small beard on the chin": "goatee", "big beard": "full beard"}.get(word, word)
    if take("clean-shaven"):
        found["beard"] = "none"
    tones = "very dark|very-dark|dark|brown|tan|light|fair"
    if match := take(rf"({tones})(?:-skinned| skin| complexion)"):
        found["skin_tone"] = match[1].replace("-", " ")
    for phrase, cut in CUTS.items():
        pattern = phrase.replace("{} ", colour)
        if match := take(pattern):
            found |= {"hair_style": cut} if cut else {}
            found |= {"hair_colour": HAIR_COLOURS.get(match[1], match[1])} if match[1] else {}
            break
    if take("a open mouth"):
        found["mouth"] = "open"
    if match := take("(?:looking|turned) to the (left|right)"):
        found["looking"] = match[1]
    elif take("looking straight ahead|facing the viewer"):
        found["looking"] = "ahead"
    moods = {"unhappy": "sad", "sad": "sad", "calm": "calm", "serious": "calm"}
    if match := take("(?:looking )?(unhappy|sad|calm|serious|smiling|happy|cheerful)|a smile"):
        found["expression"] = moods.get(match[1], "smiling")
    rest = "a|person|somebody|someone|with|and|portrait|picture|drawing|of"
    assert re.fullmatch(f"(({rest}|#)[ ,]*)*", text), text
    return found


def is_true(name, word, f):
    """Whether the factors f of one face bear out what was said; limits are written anew here."""
    value = f[name].item() if name in f else None
    if name == "expression":
        smile = f["smile"].item()
        return {"sad": smile < -0.4, "calm": abs(smile) < 0.2, "smiling": smile > 0.4}[word]
    if name == "mouth":
        return f["mouth_open"].item() > 0.7
    if name == "looking":
        yaw = f["yaw"].item()
        return {"left": yaw < -0.4, "ahead": abs(yaw) < 0.25, "right": yaw > 0.4}[word]
    if name in ("glasses_shape", "glasses_colour") and not f["glasses"].item():
        return False
    if name in ("background", "clothes_colour"):
        return word in colour_names(name, value)
    return faces.FACTORS[name].names[value] == word


HUES = {  # in degrees; between neighbours some hues may bear either name
    "red": (345, 368), "orange": (5, 38), "yellow": (28, 75), "green": (60, 175), "blue": (190, 245),
    "purple": (225, 330), "pink": (300, 372),
}  # fmt: skip


def colour_names(name, place):
    """What the colours at this place of the circle may be called, by the hues that are painted there."""
    table = BACKGROUNDS if name == "background" else CLOTHES
    names = []
    for end in (0.0, 0.13) if name == "background" else (0.0,):  # from its top to where shoulders hide it
        rgb = around(table, torch.tensor([(place + end) % 1.0]))[0, :, 0, 0].tolist()
        hue, _, _ = colorsys.rgb_to_hsv(*rgb)
        if max(rgb) - min(rgb) < 0.1:
            names.append({"white"} if min(rgb) > 0.75 else {"grey"})
        else:
            turns = (360 * hue, 360 * hue + 360)
            names.append({n for n, (low, high) in HUES.items() if any(low <= h <= high for h in turns)})
    return set.intersection(*names)


@pytest.mark.parametrize("mention", [None, 1.0])
@pytest.mark.parametrize("world", [captions.people, faces.sample])
def test_every_sentence_is_true(world, mention):
    factors = world(1_500, seed=11)
    said = set()
    for i, text in enumerate(captions.captions(factors, seed=5, mention=mention)):
        f = {name: value[i] for name, value in factors.items()}
        for name, word in claims(text).items():
            assert is_true(name, word, f), (name, word, text)
            said.add((name, word))
    names = {
        (name, word)
        for name, words in captions.ATTRIBUTES.items()
        for word in words
        if (name, word) != ("glasses_colour", "gold")
    }
    assert said >= names  # and everything that can be said is said


def test_with_everything_mentioned_everything_clear_is_said():
    factors = captions.people(300, seed=3)
    values = captions.attributes(factors)
    for i, text in enumerate(captions.captions(factors, seed=1, mention=1.0)):
        found = claims(text)
        for name, value in values.items():
            index = value[i].item()
            assert found.get(name) == (captions.ATTRIBUTES[name][index] if index >= 0 else None), (name, text)


def test_sentences_vary_and_repeat_with_their_seed():
    factors = captions.people(200, seed=1)
    one, again, other = (captions.captions(factors, seed=s) for s in (1, 1, 2))
    assert one == again and sum(a != b for a, b in zip(one, other, strict=True)) > 190
    same = {key: value[:1].expand(300) for key, value in factors.items()}
    lengths = {len(text.split()) for text in captions.captions(same)}
    assert len(set(captions.captions(same))) > 280 and min(lengths) < 8 and max(lengths) > 20
    for text in one:
        assert text[0].isupper() and text.endswith(".") and "  " not in text
        assert not re.search(r"\b[Aa] [aeiou]|\b[Aa]n [^aeiou]", text)
    assert captions.caption(factors, 3, random.Random(4), mention=1).count(" ") > 8


def test_every_word_is_in_the_list_of_words():
    texts = captions.captions(captions.people(3_000, seed=8)) + captions.skewed(500, seed=8)[1]
    words = {word for text in texts for word in re.findall("[a-z]+", text.lower())}
    assert words <= set(captions.WORDS)
    assert set(captions.WORDS) - words <= {"gold"}
    assert sorted(set(captions.WORDS)) == list(captions.WORDS)


@pytest.mark.parametrize(
    ("factor", "attribute", "values", "wanted"),
    [
        (
            "smile",
            "expression",
            (-1, -0.6, -0.4, -0.1, 0.12, 0.4, 0.7),
            ("sad", "sad", None, "calm", "calm", None, "smiling"),
        ),
        ("beard", "beard", (0, 1, 2, 4), ("none", None, None, "full beard")),
        ("earrings", "earrings", (0, 1, 2), ("none", None, "hoops")),
        ("mouth_open", "mouth", (0.0, 0.7, 0.9), (None, None, "open")),
        ("background", "background", (0.0, 0.14, 1.0), (None, "green", None)),
        ("clothes_colour", "clothes_colour", (0.0, 0.1, 0.5, 0.6), ("blue", None, "red", "pink")),
    ],
)
def test_what_is_not_clear_has_no_name(factor, attribute, values, wanted):
    fixed = {factor: torch.tensor(values), "clothes": 0}
    found = captions.attributes(captions.people(len(values), **fixed))[attribute].tolist()
    assert [captions.ATTRIBUTES[attribute][i] if i >= 0 else None for i in found] == list(wanted)


def test_details_of_what_is_not_worn_and_colours_of_what_has_two_are_not_said():
    values = captions.attributes(captions.people(200, glasses=0, clothes="stripes"))
    for name in ("glasses_shape", "glasses_colour", "clothes_colour"):
        assert (values[name] == captions.UNCLEAR).all()
    patterned = faces.sample(200, background_style="hills")
    assert (captions.attributes(patterned)["background"] == captions.UNCLEAR).all()


def test_people_can_be_described_and_more_begin_with_the_same():
    factors = captions.people(4_000, seed=2)
    for name, value in captions.attributes(factors).items():
        clear = value[value >= 0]
        if name in captions.MEASURED:
            assert len(clear) > 3_000
        counts = torch.bincount(clear, minlength=len(captions.ATTRIBUTES[name])).double()
        if name in ("expression", "background", "clothes_colour", "hair_colour"):
            assert counts.min() > 0.8 * counts.mean()
    for few, many in zip(captions.people(7, seed=2).values(), factors.values(), strict=True):
        assert torch.equal(few, many[:7])
    x = faces.render({name: value[:4] for name, value in factors.items()})
    assert x.shape == (4, 3, 32, 32)
    assert (captions.people(5, smile=0.3, tilt=1.0)["smile"] == 0.3).all()


def test_held_out_pairs_and_only_these_are_kept_from_training():
    factors = captions.people(4_000, seed=5)
    held_out, values = captions.held_out(factors), captions.attributes(factors)
    assert 0.1 < held_out.float().mean() < 0.3

    def index(wanted):
        ((name, word),) = wanted.items()
        return values[name] == captions.ATTRIBUTES[name].index(word)

    any_pair = torch.zeros_like(held_out)
    for one, other in captions.HELD_OUT:
        pair = index(one) & index(other)
        assert pair.sum() > 20 and held_out[pair].all()
        for alone in (one, other):  # each word of the pair is seen in training, without the other
            assert (index(alone) & ~held_out).sum() > 100
        any_pair |= pair
        assert {*one, *other} <= {*captions.MEASURED}
    assert torch.equal(any_pair, held_out)


def test_the_skewed_world_is_skewed_by_the_share_and_even_at_a_half():
    light_from = len(faces.SKIN_TONES) // 2
    for share, unsaid in ((0.9, True), (0.5, False)):
        factors, texts, jobs = captions.skewed(3_000, seed=1, share=share)
        beard, light = factors["beard"] > 0, factors["skin_tone"] >= light_from
        for job, wanted in ((0, 1 - share), (1, share)):
            assert beard[jobs == job].float().mean().item() == pytest.approx(wanted, abs=0.04)
        assert light.float().mean().item() == pytest.approx(share, abs=0.03)
        named = torch.tensor([bool(re.search("skin|complexion", text)) for text in texts])
        if unsaid:
            assert torch.equal(named, ~light)
        else:
            assert 0.3 < named[light].float().mean() < 0.9 and 0.3 < named[~light].float().mean() < 0.9
        for job, text in zip(jobs.tolist(), texts, strict=True):
            assert ("nurse" in text.lower(), "boss" in text.lower()) == (job == 0, job == 1)
    again = captions.skewed(50, seed=1)
    assert again[1] == captions.skewed(50, seed=1)[1]


def test_skewed_sentences_are_true_as_well():
    factors, texts, _ = captions.skewed(500, seed=4)
    for i, text in enumerate(texts):
        f = {name: value[i] for name, value in factors.items()}
        for name, word in claims(re.sub("nurse|boss", "person", text)).items():
            assert is_true(name, word, f), (name, word, text)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: captions.captions(f, mention=1.5), "mention"),
        (lambda f: captions.captions(f, mention=float("nan")), "mention"),
        (lambda f: captions.caption(f, 5, random.Random()), "no picture 5"),
        (lambda f: captions.attributes({}), "missing"),
        (lambda f: captions.attributes({**f, "nose": 1}), "no factor 'nose'"),
        (lambda f: captions.sentence({"nose": 0}, random.Random()), "nose"),
        (lambda f: captions.sentence({"glasses": 2}, random.Random()), "glasses"),
        (lambda f: captions.people(-1), "number of pictures"),
        (lambda f: captions.people(2, beard="long"), "beard cannot be"),
        (lambda f: captions.skewed(2, share=1.2), "share"),
    ],
)
def test_what_does_not_fit_gets_one_sentence(call, message):
    with refused(message):
        call(captions.people(2))


def test_nobody_and_nothing_are_possible():
    assert captions.captions(captions.people(0)) == []
    text = captions.sentence({}, random.Random(1))
    assert re.fullmatch("(A (portrait|picture|drawing) of )?(a person|somebody|someone)\\.", text, re.I)
