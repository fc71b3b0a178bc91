"""The program that trains lesson 13's networks: rehearsed with few buildings, few plans and a few steps."""

import pytest
import torch

from imagegen_lessons import diffusion, runtime
from imagegen_lessons.shapes.building_networks import BuildingClassifier, BuildingVAE
from imagegen_lessons.shapes.grid import Grids, drawn_grids
from imagegen_lessons.synthetic import buildings, plans
from imagegen_lessons.training import checkpoint
from tools import train_shapes


@pytest.fixture(autouse=True)
def rehearsal(monkeypatch, tmp_path):
    monkeypatch.setenv("IMAGEGEN_PACE", "quick")
    monkeypatch.setenv("IMAGEGEN_DEVICE", "cpu")
    monkeypatch.setenv("IMAGEGEN_OUTPUT", str(tmp_path))
    few = {train_shapes.PLANS: 32, train_shapes.DRAWN: 16}
    monkeypatch.setattr(train_shapes, "count", lambda full: few.get(full, 4))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "file", "network", "figures"),
    [
        ("classifier", "buildings_classifier", BuildingClassifier, {"right", "class right"}),
        ("buildings", "buildings_decoder", BuildingVAE, {"restored: surfaces right", "new: in one piece"}),
        (
            "plans",
            "plans_flow",
            lambda: diffusion.CategoricalUNet((4, 5), channels=10, widths=(48, 96, 128)),
            {"obey all rules", "and are as asked for"},
        ),
    ],
)
def test_a_rehearsal_makes_a_network_and_its_card(name, file, network, figures, rehearsal, monkeypatch):
    before = {file.name: file.stat().st_mtime_ns for file in runtime.checkpoint_dir().iterdir()}
    monkeypatch.setattr("sys.argv", ["train_shapes", name, "--steps", "3"])
    train_shapes.main()
    path = rehearsal / f"{file}.safetensors"
    card = checkpoint.card(path)
    assert card["steps"] == 3 and figures <= card.keys() and card["command"].endswith(name)
    loaded = checkpoint.load_network(path, network())
    assert all(p.isfinite().all() for p in loaded.parameters())
    if name == "buildings":
        assert loaded.known[:16].std() > 0 and not loaded.known[16:].any()
    assert before == {file.name: file.stat().st_mtime_ns for file in runtime.checkpoint_dir().iterdir()}


def test_half_of_the_buildings_are_mirrored():
    """A house without what is always on one side, mirrored, is the one with door and wing on the other side."""
    left, right = (
        drawn_grids(
            buildings.sample(
                1, 3, kind="house", chimney=0, door_place=place, wing=place, balcony=0, columns=0
            )
        )
        for place in ("left", "right")
    )
    torch.manual_seed(0)
    batch = [x.expand(40, *x.shape[1:]) for x in left]
    made = train_shapes.mirrored(batch)
    straight = [(x == left.distance[0]).all().item() for x in made.distance]
    assert 10 < sum(straight) < 30
    turned = Grids(*(x[straight.index(False)] for x in made))
    assert (turned.distance - right.distance[0]).abs().max() <= 1
    assert (turned.surface == right.surface[0]).float().mean() > 0.999
    assert torch.equal(batch[0][0], left.distance[0])


def test_drawings_are_kept_until_they_are_drawn_otherwise(rehearsal):
    drawn, offset = [], [0]

    def draw(n):
        drawn.append(n)
        return (torch.arange(n) + offset[0], torch.ones(n, 2))

    for _ in range(2):
        numbers, ones = train_shapes.remembered("things", draw, 10)
        assert numbers.tolist() == list(range(10)) and ones.shape == (10, 2)
    assert drawn == [10, 4]  # the second time only a few, to compare
    offset[0] = 1
    assert train_shapes.remembered("things", draw, 10)[0].tolist() == list(range(1, 11))


def test_plans_have_their_labels():
    cells, y = train_shapes.drawn_plans(6, 1)
    for plan, (outline, rooms) in zip(cells, y.tolist(), strict=True):
        assert not plans.rules(plan, plans.OUTLINES[outline], rooms + 2)
