"""The training of a flow: it learns, hides labels, resumes exactly, and says what is wrong."""

import pytest
import torch

from imagegen_lessons import datasets, diffusion, metrics, training
from imagegen_lessons.synthetic import points
from imagegen_lessons.training import checkpoint
from tests.unit.helpers import refused


def trainer(steps=40):
    torch.manual_seed(0)
    return diffusion.FlowTrainer(diffusion.VelocityMLP(2, hidden=32), steps, lr=2e-3)


def test_it_learns_a_shape_in_the_plane():
    torch.manual_seed(0)
    flow = diffusion.FlowTrainer(diffusion.VelocityMLP(2, hidden=64), 1000)
    training.fit(flow.step, points.stream("ring", seed=1), 1000)
    z = torch.randn(500, 2)
    real = points.sample("ring", 500, seed=2)
    made = diffusion.sample(flow.average, z, 20)
    assert metrics.sliced_wasserstein(made, real) < 0.5 * metrics.sliced_wasserstein(z, real)
    covered, good, _ = metrics.mode_coverage(made, points.ring_centres(), radius=0.25)
    assert covered == 8 and good > 0.6


def test_training_that_was_stopped_goes_on_to_the_bit(tmp_path):
    def run(path, steps):
        torch.manual_seed(3)
        flow, batches = trainer(), datasets.Batches(points.sample("ring", 256), size=32)
        training.fit(flow.step, batches, steps, checkpoint=tmp_path / path, parts={"flow": flow})
        return flow

    run("halves.safetensors", 20)
    halves, whole = run("halves.safetensors", 40), run("whole.safetensors", 40)
    for one, other in zip(halves.average.parameters(), whole.average.parameters(), strict=True):
        assert torch.equal(one, other)


def test_every_second_row_keeps_its_labels_and_of_the_others_any_number_is_hidden_equally_often():
    hidden = diffusion.FlowTrainer.hide_some(torch.ones(16_000, 3, dtype=torch.long)) == -1
    assert not hidden[::2].any()
    hidden = hidden[1::2]
    for count in range(4):
        assert (hidden.sum(dim=1) == count).float().mean().item() == pytest.approx(1 / 4, abs=0.02)
    for label in range(3):  # each by itself
        alone = (hidden.sum(dim=1) == 1) & hidden[:, label]
        assert alone.float().mean().item() == pytest.approx(1 / 12, abs=0.02)


def test_a_step_with_labels_trains_a_conditional_network():
    network = diffusion.ConditionalUNet((3,), widths=(8, 8, 8))
    flow = diffusion.FlowTrainer(network, 5)
    before = [p.clone() for p in network.parameters()]
    for _ in range(3):
        values = flow.step((torch.randn(4, 3, 8, 8), torch.tensor([[0], [1], [2], [0]])))
    assert set(values) == {"loss"} and values["loss"].isfinite()
    assert sum(not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True)) > 20


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps is a whole number"),
        ({"lr": 0.0}, "nothing is learned"),
        ({"lr": -1.0}, "learning rate"),
    ],
)
def test_settings_that_are_none_get_one_sentence(settings, message):
    with refused(message):
        diffusion.FlowTrainer(diffusion.VelocityMLP(2), **{"steps": 5, **settings})


def test_a_cut_checkpoint_of_a_flow_gets_one_sentence(tmp_path):
    path = tmp_path / "flow.safetensors"
    checkpoint.save(path, network=diffusion.UNet(widths=(8, 8, 8)))
    path.write_bytes(path.read_bytes()[:-100])
    with refused("cut off"):
        checkpoint.load_network(path, diffusion.UNet(widths=(8, 8, 8)))


def test_with_its_own_loss_it_learns_maps_of_categories():
    """Stripes that run across or down, by their label: after few steps most places are right."""
    torch.manual_seed(0)
    lines = (torch.arange(8) % 4 < 2).long()
    maps = torch.stack([lines[:, None].expand(8, 8), lines[None, :].expand(8, 8)])
    x = torch.nn.functional.one_hot(maps, 2).movedim(-1, 1).float()
    network = diffusion.CategoricalUNet((2,), channels=2, widths=(16, 16, 16))
    flow = diffusion.FlowTrainer(network, 150, lr=4e-3, loss=diffusion.categorical_loss)
    y = torch.arange(32) % 2
    for _ in range(flow.steps):
        flow.step((x[y], y[:, None]))
    made = diffusion.sample(diffusion.guided(flow.average, y[:, None]), torch.randn(32, 2, 8, 8), 5)
    assert (made.argmax(dim=1) == maps[y]).float().mean() > 0.95
