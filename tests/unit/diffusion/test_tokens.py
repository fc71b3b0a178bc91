"""The tokenizer: there and back, unknown words that are seen, and whatever somebody may type."""

import time

import pytest
import torch

from imagegen_lessons import diffusion
from imagegen_lessons.synthetic import captions
from tests.unit.helpers import refused


@pytest.fixture
def tokenizer():
    return diffusion.Tokenizer(captions.WORDS)


def test_sentences_come_back_but_for_upper_case_and_punctuation(tokenizer):
    tokens = tokenizer.encode(["A smiling person, with cat-eye glasses.", "Red HAIR"])
    assert tokens.shape == (2, 48) and tokens.dtype == torch.int64
    assert tokenizer.decode(tokens) == ["a smiling person with cat eye glasses", "red hair"]
    assert (tokens[1, 2:] == diffusion.NO_TOKEN).all() and (tokens[1, :2] > diffusion.UNKNOWN).all()


def test_every_caption_fits_and_has_no_unknown_word(tokenizer):
    texts = captions.captions(captions.people(2_000, seed=3), mention=1.0) + captions.skewed(300)[1]
    assert not (tokenizer.encode(texts) == diffusion.UNKNOWN).any()
    assert not [text for text in texts if tokenizer.remarks(text)]


def test_tokens_stay_the_same_as_long_as_the_words_do():
    tokenizer = diffusion.Tokenizer(("green", "red", "green"), length=3)
    assert len(tokenizer) == 3 and tokenizer.words == ("<unknown>", "green", "red")
    assert tokenizer.encode("red green tall red").tolist() == [[2, 1, 0]]


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("", []),
        ("  \n\t ", []),
        ("…!?,;", []),
        ("red red", []),
        ("Galsses and a bob", ["galsses"]),
        ("😀 red 😀", ["😀"]),
        ("👩🏽‍🚀", ["👩", "🚀"]),
        ("赤い髪の人", ["赤い髪の人"]),
        ("рыжие волосы", ["рыжие", "волосы"]),
        ("<b>red</b> hair", ["b"]),
        ("</script><script>alert('x')", ["script", "alert", "x"]),
        ("red\u200bhair\x00bob", ["redhair"]),
        ("ＲＥＤ hair", []),
        ("café", ["café"]),
        ("2 people", ["2", "people"]),
        ("$$", ["$"]),
    ],
)
def test_whatever_is_typed_is_read_or_named(tokenizer, text, unknown):
    assert tokenizer.unknown_words(text) == unknown
    assert bool(tokenizer.remarks(text)) == bool(unknown)
    for remark in tokenizer.remarks(text):
        assert "\n" not in remark and all(word in remark for word in unknown[:5])
    assert tokenizer.encode([text]).shape == (1, 48)


def test_an_empty_sentence_is_no_caption(tokenizer):
    assert (tokenizer.encode(["", "!"]) == diffusion.NO_TOKEN).all()
    assert tokenizer.encode([]).shape == (0, 48)


def test_much_too_long_a_text_is_cut_and_that_is_said(tokenizer):
    start = time.perf_counter()
    text = "red hair " * 5_000 + "wrod" * 100_000
    tokens, remarks = tokenizer.encode(text), tokenizer.remarks(text)
    assert (tokens > 0).all() and tokens.shape == (1, 48)
    assert "first 48 of 10,001" in remarks[-1] and all(len(remark) < 300 for remark in remarks)
    many = tokenizer.remarks(" ".join(f"x{i}" for i in range(10_000)))
    assert "9,995 more" in many[0]
    assert time.perf_counter() - start < 30


def test_typos_are_suggested_and_nothing_else(tokenizer):
    for typo, word in (("galsses", "glasses"), ("smilling", "smiling"), ("gotee", "goatee")):
        assert tokenizer.suggest(typo) == word
        assert f"did you mean {word}?" in tokenizer.remarks(f"a {typo}")[0]
    assert tokenizer.suggest("spaceship") is None and tokenizer.suggest("") is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: t.encode(7), "list of texts"),
        (lambda t: t.encode([7]), "a text, not a int"),
        (lambda t: t.encode([None]), "a text"),
        (lambda t: t.split(b"red"), "a text"),
        (lambda t: t.decode([[1]]), "whole numbers"),
        (lambda t: t.decode(torch.tensor([[1.0]])), "whole numbers"),
        (lambda t: t.decode(torch.tensor([[999]])), "from 0 to"),
        (lambda t: t.decode(torch.tensor([[-2]])), "from 0 to"),
        (lambda t: t.decode(torch.tensor([1])), r"\(n, length\)"),
        (lambda t: diffusion.Tokenizer([]), "at least one word"),
        (lambda t: diffusion.Tokenizer(["red"], length=0), "length"),
        (lambda t: diffusion.check_tokens(torch.tensor([[1]]), 5, n=2), "1 rows of tokens for 2"),
    ],
)
def test_what_is_no_text_gets_one_sentence(tokenizer, call, message):
    with refused(message):
        call(tokenizer)
