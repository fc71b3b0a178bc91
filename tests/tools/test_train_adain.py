"""The program that trained lesson 08's decoder still runs: a rehearsal of three steps."""

import torch

from imagegen_lessons import style
from imagegen_lessons.synthetic import paintings
from tools import train_adain


def test_the_decoder_learns(monkeypatch, tmp_path):
    monkeypatch.setenv("IMAGEGEN_OUTPUT", str(tmp_path))
    gallery = paintings.gallery
    small = lambda n, seed, size: gallery(min(n, 2), seed, 64, ["dots"])  # noqa: E731
    monkeypatch.setattr(paintings, "gallery", small)
    for name, value in {"STEPS": 3, "SIZE": 32, "LARGEST": 64}.items():
        monkeypatch.setattr(train_adain, name, value)
    content, styles = next(train_adain.Pairs(seed=0))
    assert content.shape == styles.shape == (train_adain.BATCH, 3, 32, 32)
    torch.manual_seed(0)
    net, figures = train_adain.adain()
    assert isinstance(net, style.AdaINNet) and figures["steps"] == 3
    assert all(p.dtype == torch.float16 and p.isfinite().all() for p in net.parameters())
