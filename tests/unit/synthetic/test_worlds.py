"""What all drawn worlds promise: samples that can be repeated, and the same pictures on every device."""

import pytest
import torch

from imagegen_lessons.synthetic import faces, outfits, sprites


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("world", [faces, outfits, sprites])
def test_sample_is_reproducible_and_leaves_global_randomness_alone(world):
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    assert same(world.sample(50, seed=3), world.sample(50, seed=3))
    assert not same(world.sample(50, seed=3), world.sample(50, seed=4))
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("world", [faces, outfits])
def test_cpu_and_gpu_draw_the_same(world):
    factors = world.sample(200, seed=1)
    for size in (32, 128):
        x = world.render(factors, size, device="cuda")
        assert x.device.type == "cuda"
        assert (x.cpu() - world.render(factors, size)).abs().max() < 2 / 255


@pytest.mark.parametrize("world", [faces, outfits])
def test_rounding_is_not_amplified(world):
    """What lets two devices agree: factors that differ in their last digits give the same pictures."""
    factors = world.sample(100, seed=1)
    nearly = {k: v * (1 - 1e-6) if v.is_floating_point() else v for k, v in factors.items()}
    assert (world.render(factors, 64) - world.render(nearly, 64)).abs().max() < 1 / 255
