"""Every recipe still runs, and makes what the bundled checkpoint of its name holds: rehearsed with a few steps.

That of adain, in a module of its own, has a test of its own.
"""

import pytest

from imagegen_lessons import runtime
from imagegen_lessons.training import checkpoint
from tools import train_checkpoints

OTHER_TOOLS = (
    "train_features",
    "train_superres",
    "train_perceptual",
    "train_photographs",
    "train_shapes",
    "train_text",
    "train_motion",
)


def test_each_bundled_checkpoint_has_a_recipe_or_a_tool_of_its_own():
    for path in runtime.checkpoint_dir().glob("*.safetensors"):
        _, _, tool, *_ = checkpoint.card(path.stem)["command"].split()
        assert path.stem in train_checkpoints.RECIPES or tool.removeprefix("tools.") in OTHER_TOOLS


@pytest.mark.parametrize("name", sorted(set(train_checkpoints.RECIPES) - {"adain"}))
def test_a_rehearsal_makes_a_network_that_fits_the_bundled_one(name, tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGEGEN_PACE", "quick")
    monkeypatch.setenv("IMAGEGEN_DEVICE", "cpu")
    monkeypatch.setenv("IMAGEGEN_OUTPUT", str(tmp_path))
    before = (runtime.checkpoint_dir() / f"{name}.safetensors").read_bytes()
    made = {}
    recipe = train_checkpoints.RECIPES[name]

    def keep(seed):
        made["network"], figures = recipe(seed)
        return made["network"], figures

    monkeypatch.setitem(train_checkpoints.RECIPES, name, keep)
    train_checkpoints.make(name)
    assert checkpoint.card(tmp_path / f"{name}.safetensors").keys() == checkpoint.card(name).keys()
    checkpoint.load_network(name, made["network"])  # raises where a tensor has another name or shape
    assert (runtime.checkpoint_dir() / f"{name}.safetensors").read_bytes() == before
