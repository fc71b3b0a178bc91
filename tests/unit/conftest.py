"""Fixtures that several test modules share."""

import pytest
import torch
import torchvision  # noqa: F401  (before a test pretends to have a GPU)

from imagegen_lessons import runtime


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine without settings and without an accelerator; the course's folder is a temporary one."""
    for name in ("DEVICE", "PACE", "CACHE", "OUTPUT"):
        monkeypatch.delenv(f"IMAGEGEN_{name}", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    (tmp_path / "course").mkdir()
    monkeypatch.setattr(runtime, "ROOT", tmp_path / "course")
    return monkeypatch
