"""The program that trained the bundled generator of photographs still runs: with a few steps."""

import torch

from imagegen_lessons.training import checkpoint
from tools import train_photographs


def test_what_it_makes_fits_the_bundled_network(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGEGEN_OUTPUT", str(tmp_path))
    network, figures = train_photographs.learn(torch.rand(40, 3, 32, 32), steps=3)
    assert figures.keys() < checkpoint.card("horses_gan").keys() and figures["steps"] == 3
    assert not network.training
    checkpoint.load_network("horses_gan", network)  # raises where a tensor has another name or shape


def test_the_discriminator_sees_half_of_the_pictures_changed():
    trainer = train_photographs.new_trainer("cpu")
    x = torch.rand(1, 3, 32, 32).expand(400, -1, -1, -1)
    with torch.no_grad():
        as_it_is, seen = trainer.D(x[:1]), trainer.score(x)
    same = (seen - as_it_is).abs().squeeze(1) < 1e-5
    # Neither mirrored nor moved, each with probability ½: a quarter, and those that were moved by nothing.
    assert 0.15 < same.float().mean() < 0.4
