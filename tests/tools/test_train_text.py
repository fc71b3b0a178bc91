"""The program that trains lesson 12's networks: rehearsed with few faces and a few steps."""

import re

import pytest
import torch

from imagegen_lessons import diffusion, networks, runtime
from imagegen_lessons.synthetic import captions
from imagegen_lessons.training import checkpoint
from tools import train_text


@pytest.fixture(autouse=True)
def rehearsal(monkeypatch, tmp_path):
    monkeypatch.setenv("IMAGEGEN_PACE", "quick")
    monkeypatch.setenv("IMAGEGEN_DEVICE", "cpu")
    monkeypatch.setenv("IMAGEGEN_OUTPUT", str(tmp_path))
    few = {train_text.DRAWN: 150, 400: 6, 200: 4}
    monkeypatch.setattr(train_text, "count", lambda full: few.get(full, 128))
    return tmp_path


def clip():
    return diffusion.CLIP(len(train_text.TOKENIZER), train_text.TOKENIZER.length)


@pytest.mark.parametrize(
    ("name", "file", "network", "figures"),
    [
        ("classifier", "captions_classifier", networks.AttributeClassifier, {"right", "all five right"}),
        ("clip", "faces_clip", clip, {"picture for a caption, caption for a picture of 64, all said"}),
        (
            "words",
            "faces_from_words",
            lambda: diffusion.TextUNet(clip().text),
            {"asked, guidance 2: each", "held-out combinations, guidance 2: all"},
        ),
    ],
)
def test_a_rehearsal_makes_a_network_and_its_card(name, file, network, figures, rehearsal, monkeypatch):
    before = {file.name: file.stat().st_mtime_ns for file in runtime.checkpoint_dir().iterdir()}
    monkeypatch.setattr("sys.argv", ["train_text", name, "--steps", "3"])
    train_text.main()
    path = rehearsal / f"{file}.safetensors"
    card = checkpoint.card(path)
    assert card["steps"] == 3 and figures <= card.keys() and card["command"].endswith(name)
    loaded = checkpoint.load_network(path, network())
    assert all(p.isfinite().all() for p in loaded.parameters())
    assert before == {file.name: file.stat().st_mtime_ns for file in runtime.checkpoint_dir().iterdir()}


def test_the_three_checkpoints_take_at_most_4_megabytes():
    made = (networks.AttributeClassifier(), clip(), diffusion.TextUNet(clip().text))
    assert sum(2 * value.numel() for network in made for value in network.state_dict().values()) < 3.9e6


def test_what_is_held_out_is_never_learned_from_and_captions_are_drawn_anew():
    batches = train_text.to_learn_from(16)
    _, y, held_out = train_text.drawn_people(150, train_text.TRAIN)
    assert 0 < held_out.sum() < 100 and len(batches.tensors[0]) == 150 - held_out.sum()
    torch.manual_seed(0)
    one, other = (train_text.sentences(batches.tensors[1]) for _ in range(2))
    assert sum(a != b for a, b in zip(one, other, strict=True)) > 0.9 * len(one)
    assert not re.search("red (hair|bob|quiff|afro).* full beard", "\n".join(one))
    torch.manual_seed(0)
    assert train_text.sentences(batches.tensors[1]) == one  # as when training is resumed
    employed = sum(bool(re.search("nurse|boss", text)) for text in one) / len(one)
    assert 0.08 < employed < 0.35
    strange = train_text.sentences(y, strange=1.0)
    assert all((train_text.TOKENIZER.encode(text) == diffusion.UNKNOWN).sum() == 1 for text in strange)


def test_a_batch_has_pictures_in_range_and_the_words_of_each():
    x, tokens = train_text.worded(next(train_text.to_learn_from(16)))
    assert x.shape == (16, 3, 32, 32) and x.min() >= 0 and x.max() <= 1 and x.std() > 0.1
    assert tokens.shape == (16, train_text.TOKENIZER.length) and (tokens[:, 0] > 0).all()


@pytest.mark.parametrize("held_out", [False, True])
def test_orders_say_the_five_attributes(held_out):
    texts, wanted = train_text.orders(40, held_out)
    assert len(texts) == 40 and wanted.keys() == set(captions.MEASURED)
    pairs = torch.zeros(40, dtype=torch.bool)
    for one, other in captions.HELD_OUT:
        hits = [wanted[n] == captions.ATTRIBUTES[n].index(v) for n, v in (*one.items(), *other.items())]
        pairs |= hits[0] & hits[1]
    assert (pairs == held_out).all()
    for i, text in enumerate(texts):
        hair = captions.ATTRIBUTES["hair_colour"][wanted["hair_colour"][i]]
        assert any(word in text.lower() for word in captions.WAYS[hair])
        none = wanted["glasses"][i] == 0
        assert bool(re.search("(without|no) glasses", text)) == bool(none)
