"""The program that trains lesson 14's networks: rehearsed with few clips, few fires and a few steps."""

import pytest
import torch

from imagegen_lessons import motion, runtime
from imagegen_lessons.training import checkpoint
from tools import train_motion


@pytest.fixture(autouse=True)
def rehearsal(monkeypatch, tmp_path):
    monkeypatch.setenv("IMAGEGEN_PACE", "quick")
    monkeypatch.setenv("IMAGEGEN_DEVICE", "cpu")
    monkeypatch.setenv("IMAGEGEN_OUTPUT", str(tmp_path))
    monkeypatch.setattr(train_motion, "count", lambda full: min(full, 4))
    monkeypatch.setattr(train_motion, "FRAMES", 8)
    return tmp_path


NETWORKS = {
    "creature": lambda: motion.CellularAutomaton(12, 128),
    "texture_fire": lambda: motion.CellularAutomaton(12, 96, living=False),
    "fluid_one_step": motion.FluidNetwork,
    "fluid_unrolled": motion.FluidNetwork,
    "interpolation": motion.InterpolationNetwork,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_rehearsal_makes_a_network_and_its_card(name, rehearsal, monkeypatch):
    before = {file.name: file.stat().st_mtime_ns for file in runtime.checkpoint_dir().iterdir()}
    monkeypatch.setattr("sys.argv", ["train_motion", name, "--steps", "3"])
    train_motion.main()
    path = rehearsal / f"{name}.safetensors"
    card = checkpoint.card(path)
    assert (
        card["steps"] == 3
        and card["command"].endswith(f"train_motion {name}")
        and card["parameters"] < 150_000
    )
    loaded = checkpoint.load_network(path, NETWORKS[name]())
    assert all(p.isfinite().all() for p in loaded.parameters())
    assert any(p.abs().max() > 0 for p in list(loaded.parameters())[-2:])  # the last layer begins at zero
    assert before == {file.name: file.stat().st_mtime_ns for file in runtime.checkpoint_dir().iterdir()}


def test_all_recipes_make_small_files():
    """Half precision: two bytes a weight, 2 MB for all."""
    networks = [*NETWORKS.values(), NETWORKS["texture_fire"], NETWORKS["texture_fire"]]
    assert 2 * sum(p.numel() for make in networks for p in make().parameters()) < 2_000_000
    assert set(NETWORKS) <= set(train_motion.RECIPES) and len(train_motion.RECIPES) == 7


@pytest.mark.parametrize("name", motion.TEXTURES)
def test_a_texture_itself_has_no_style_loss_and_another_has(name):
    look = train_motion.look_of(name)
    with torch.no_grad():
        itself, grey = (look(x - 0.5).item() for x in (motion.texture(name), torch.full((1, 3, 64, 64), 0.5)))
    assert itself < 1e-6 < 0.5 < grey


def test_clips_are_drawn_in_bytes():
    clips = train_motion.drawn_clips(3)
    assert clips.shape == (3, 4, 3, 64, 64) and clips.dtype == torch.uint8
    torch.testing.assert_close(clips[:2] / 255, motion.sample_clips(3, 4, 64, seed=1)[:2], atol=0.003, rtol=0)
