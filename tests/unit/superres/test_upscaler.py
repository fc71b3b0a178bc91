"""Super-resolution: the protocol is the field's, tiles leave no seam, and a wrong call gets a sentence."""

import signal
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from imagegen_lessons import datasets, images, metrics, runtime, superres
from imagegen_lessons.training import checkpoint

SET5 = Path(__file__).resolve().parents[4] / "shared" / "data" / "superres" / "Set5"
PUBLISHED = {2: 33.65, 3: 30.39, 4: 28.42}  # dB of bicubic interpolation on Set5's luma
each_scale = pytest.mark.parametrize("scale", superres.SCALES)


def upscaler(scale: int = 3, width: int = 8) -> superres.Upscaler:
    """As deep as the bundled ones, for the same receptive field, and with a residual that is not 0."""
    torch.manual_seed(0)
    network = superres.Upscaler(scale, width=width)
    torch.nn.init.normal_(network.conv_out.weight, std=0.05)
    return network.eval().requires_grad_(False).to(runtime.device())


@pytest.fixture(scope="module")
def photo():
    return datasets.photo("coffee")[..., 120:217, 200:331]  # 97 × 131: no tile divides it


def press_stop() -> None:
    signal.raise_signal(signal.SIGINT)


def pillow(x: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Pillow's bicubic (a = −0.5, antialiased) of each channel, in floats: an independent program."""
    channels = [Image.fromarray(channel.numpy()) for channel in x[0]]
    resized = [np.array(c.resize((width, height), Image.Resampling.BICUBIC)) for c in channels]
    return torch.from_numpy(np.stack(resized))[None]


@each_scale
def test_downscale_is_pillows_bicubic_rounded_to_8_bits(photo, scale):
    low = superres.downscale(photo, scale)
    height, width = (side // scale for side in photo.shape[-2:])
    expected = pillow(photo[..., : scale * height, : scale * width], height, width).clamp(0, 1)
    assert low.shape == expected.shape and (low - expected).abs().max() < 0.51 / 255
    assert ((low * 255) - (low * 255).round()).abs().max() < 1e-4


@each_scale
def test_bicubic_is_pillows_and_linear(photo, scale):
    large = superres.bicubic(photo, scale)
    assert large.allclose(pillow(photo, scale * 97, scale * 131), atol=1e-5)
    assert superres.bicubic(photo - 2, scale).allclose(large - 2, atol=1e-5)


@pytest.mark.skipif(not SET5.is_dir(), reason="needs ../shared/data/superres/Set5")
@each_scale
def test_the_protocol_gives_the_published_psnr_of_bicubic_interpolation(scale):
    values = []
    for file in sorted(SET5.glob(f"*_x{scale}.png")):
        high = superres.modcrop(images.load(file), scale)
        large = metrics.luma(superres.bicubic(superres.downscale(high, scale), scale))
        inside = slice(scale, -scale), slice(scale, -scale)
        values.append(metrics.psnr(large[..., *inside], metrics.luma(high)[..., *inside]).item())
    assert len(values) == 5
    assert np.mean(values) == pytest.approx(PUBLISHED[scale], abs=0.05)


@pytest.mark.parametrize("scale", [1, 5, 0, -2, "big", True, 2.5, 3.0, None, [2], float("nan")])
def test_a_wrong_scale_is_refused(photo, scale):
    for call in (
        lambda: superres.downscale(photo, scale),
        lambda: superres.modcrop(photo, scale),
        lambda: superres.bicubic(photo, scale),
        lambda: superres.Upscaler(scale),
        lambda: superres.enlarge(photo, scale),
        lambda: superres.PatchPairs([photo], scale),
        lambda: superres.load(scale),
    ):
        with pytest.raises(ValueError, match="scale can be 2, 3 or 4"):
            call()


@each_scale
def test_an_upscaler_begins_as_bicubic_interpolation_and_learns(scale):
    network, low = superres.Upscaler(scale, width=8, blocks=2), torch.rand(2, 1, 9, 13)
    assert network(low).allclose(superres.bicubic(low, scale), atol=1e-6)
    high = torch.rand(2, 1, 9 * scale, 13 * scale)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    for _ in range(2):  # in the first step only the last layer has a gradient: it begins at 0
        optimizer.zero_grad()
        F.mse_loss(network(low), high).backward()
        optimizer.step()
    assert all(p.grad.isfinite().all() and p.grad.abs().sum() > 0 for p in network.parameters())


def test_the_network_has_the_size_that_the_lesson_says():
    assert sum(p.numel() for p in superres.Upscaler(3).parameters()) == 150_889


def test_sub_pixel_values_lie_in_their_square():
    network = superres.Upscaler(2, width=4, blocks=0)
    with torch.no_grad():
        network.conv_out.bias[:] = torch.tensor([0.0, 0.1, 0.2, 0.3])
        added = network(torch.zeros(1, 1, 3, 3))[0, 0]
    assert added.allclose(torch.tensor([[0.0, 0.1], [0.2, 0.3]]).tile(3, 3))


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("mirror", [False, True])
def test_a_self_ensemble_turns_with_its_image(turn, mirror):
    ensemble, x = superres.self_ensemble(upscaler(2).cpu()), torch.rand(1, 1, 7, 12)

    def move(x):
        x = x.rot90(turn, (-2, -1))
        return x.flip(-1) if mirror else x

    assert ensemble(x).shape == (1, 1, 14, 24)
    assert ensemble(move(x)).allclose(move(ensemble(x)), atol=1e-5)


@each_scale
def test_back_projection_converges_to_the_low_resolution_image(photo, scale):
    low = superres.downscale(photo, scale)
    high = superres.bicubic(low, scale) + 0.05 * torch.randn(1, 3, *(scale * side for side in low.shape[-2:]))

    def error(high):
        return (F.interpolate(high, size=low.shape[-2:], mode="bicubic", antialias=True) - low).abs().max()

    before, once, ten = (error(superres.back_project(high, low, scale, steps)) for steps in (0, 1, 10))
    assert before > 2 * once and once > 10 * ten and ten < 0.25 / 255


def test_a_bundled_network_is_ready_for_use(monkeypatch, tmp_path):
    monkeypatch.setattr(runtime, "checkpoint_dir", lambda: tmp_path)
    checkpoint.save(tmp_path / "superres_x4.safetensors", network=superres.Upscaler(4).half())
    network = superres.load(4)
    assert not network.training and not any(p.requires_grad for p in network.parameters())
    assert all(p.dtype == torch.float32 for p in network.parameters())
    with pytest.raises(checkpoint.CheckpointError, match="superres_x2"):
        superres.enlarge(torch.rand(1, 3, 4, 4), 2)


@each_scale
@pytest.mark.parametrize("name, gain", [("coffee", 1.2), ("text", 2.5), ("retina", 1.8)])
def test_the_bundled_networks_beat_interpolation_on_held_out_photographs(scale, name, gain):
    high = superres.modcrop(datasets.photo(name)[..., :400, :448], scale)
    low = metrics.luma(superres.downscale(high, scale))
    ours, bicubic = superres.load(scale)(low.to(runtime.device())).cpu(), superres.bicubic(low, scale)
    ours, bicubic = (metrics.psnr(x, metrics.luma(high)).item() for x in (ours, bicubic))
    assert ours > bicubic + gain


@each_scale
@pytest.mark.parametrize("channels", [1, 3])
def test_tiles_leave_no_seam(photo, scale, channels):
    network, x = upscaler(scale), photo[:, :channels]
    whole = superres.enlarge(x, scale, network, tile=4096)
    assert whole.shape == (1, channels, 97 * scale, 131 * scale) and images.check(whole) is whole
    assert (whole - superres.bicubic(x, scale)).abs().max() > 0.01  # the residual is not 0
    for tile in (32, 45, 131):
        assert (superres.enlarge(x, scale, network, tile=tile) - whole).abs().max() < 1e-5


@each_scale
@pytest.mark.parametrize("height, width", [(1, 1), (1, 300), (300, 1), (17, 33), (64, 65)])
def test_any_size_is_enlarged(height, width, scale):
    network = upscaler(scale)
    for x in (torch.rand(1, 3, height, width), torch.rand(2, 1, height, width), torch.rand(3, height, width)):
        large = superres.enlarge(x, scale, network, tile=32)
        assert large.shape == (*(x if x.dim() == 4 else x[None]).shape[:2], scale * height, scale * width)
        assert images.check(large) is large
        # Interpolation counts in thirds of a pixel, in single precision: it shows far from the corner
        assert (superres.enlarge(x, scale, network) - large).abs().max() < 1e-4


def test_the_luma_is_the_networks_and_grey_images_stay_grey():
    low = 0.25 + 0.5 * torch.rand(1, 1, 20, 24)  # away from black and white, where colours are clamped
    network = upscaler()
    expected = network(metrics.luma(low).to(runtime.device())).cpu()
    large = superres.enlarge(low.expand(-1, 3, -1, -1), 3, network)
    assert metrics.luma(large).allclose(expected, atol=1e-5)
    assert (large.amax(dim=1) - large.amin(dim=1)).max() < 1e-6
    assert large[:, :1].allclose(superres.enlarge(low, 3, network), atol=1e-5)


@pytest.mark.parametrize("colour", [(0.9, 0.2, 0.1), (0.0, 0.0, 1.0), (0.3, 0.3, 0.3)])
def test_an_even_image_keeps_its_colour(colour):
    colour = torch.tensor(colour).view(1, 3, 1, 1)
    network = superres.Upscaler(3).to(runtime.device())
    large = superres.enlarge(colour.expand(-1, -1, 40, 50), 3, network, tile=16)
    assert large.allclose(colour.expand_as(large), atol=1e-5)


def test_the_input_is_not_changed_and_gives_single_precision_without_gradients(photo):
    x = photo.double().requires_grad_()
    large = superres.enlarge(x, 2, upscaler(2))
    assert torch.equal(x, photo.double())
    assert large.dtype == torch.float32 and not large.requires_grad


@pytest.mark.parametrize("x", [torch.full((1, 3, 8, 8), 128.0), torch.rand(1, 4, 8, 8), [[0.5]], "cat.jpg"])
def test_what_is_no_image_is_refused(x):
    with pytest.raises(images.ImageError):
        superres.enlarge(x, 3, upscaler())


def no_network(low):
    raise AssertionError("A wrong call should be refused before any work.")


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda x: superres.downscale(x[..., :2, :9], 3), "2 × 9 pixels"),
        (lambda x: superres.enlarge(torch.zeros(1, 1, 4000, 4000), 4, no_network), "256 million pixels"),
        (lambda x: superres.enlarge(torch.zeros(64, 1, 1000, 1000), 3, no_network), "576 million pixels"),
        *((lambda x, tile=tile: superres.enlarge(x, 2, no_network, tile=tile), "tile") for tile in (0, 2.5)),
        (lambda x: superres.enlarge(x, 3, upscaler(2)), "3 times as large"),
        (lambda x: superres.enlarge(x, 3, upscaler(4)), "3 times as large"),
        (lambda x: superres.enlarge(x, 2, SmallMemory(upscaler(2), largest=30)), "memory is full"),
        (lambda x: superres.PatchPairs([], 3), "72 pixels"),
        (lambda x: superres.PatchPairs([torch.rand(1, 3, 71, 500)], 3), "72 pixels"),
    ],
)
def test_a_wrong_call_gets_a_sentence(photo, call, words):
    with pytest.raises(ValueError, match=words):
        call(photo)


def test_the_stop_button_leaves_the_rest_interpolated(photo, capsys):
    inner, tiles = upscaler(2), []

    def network(low):
        tiles.append(low)
        if len(tiles) == 2:
            press_stop()
        return inner(low)

    large = superres.enlarge(photo, 2, network, tile=64, title="enlarging")  # tiles: 2 rows of 3
    assert len(tiles) == 2 and "2 of 6 tiles" in capsys.readouterr().out
    whole, smooth = superres.enlarge(photo, 2, inner), superres.bicubic(photo, 2).clamp(0, 1)
    assert large[..., :128, :256].allclose(whole[..., :128, :256], atol=1e-5)
    assert torch.equal(large[..., 128:, :], smooth[..., 128:, :])
    assert torch.equal(large[..., 256:], smooth[..., 256:])


def test_stopped_during_the_last_tile_there_is_nothing_to_say(photo, capsys):
    inner = upscaler(2)
    superres.enlarge(photo, 2, lambda low: press_stop() or inner(low))
    assert not capsys.readouterr().out


def test_progress_is_shown_where_a_title_is_given(photo, capsys):
    superres.enlarge(photo, 2, upscaler(2), tile=64, title="enlarging")
    assert capsys.readouterr().err.splitlines()[-1] == "enlarging: 6 of 6 tiles"
    superres.enlarge(photo, 2, upscaler(2), tile=64)
    assert not capsys.readouterr().err


class SmallMemory(torch.nn.Module):
    """A network that runs out of memory for tiles above a size."""

    def __init__(self, network, largest):
        super().__init__()
        self.network, self.largest = network, largest

    def forward(self, low):
        if max(low.shape[-2:]) > self.largest:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return self.network(low)


@pytest.mark.parametrize("tile", [384, 75])
def test_where_memory_is_full_tiles_are_halved_and_the_image_is_the_same(tile):
    network, x = upscaler(3), torch.rand(1, 3, 101, 130, generator=runtime.generator(0))
    small = superres.enlarge(x, 3, SmallMemory(network, largest=70), tile=tile)
    assert (small - superres.enlarge(x, 3, network)).abs().max() < 1e-5


def test_pairs_are_deterministic_and_resume_where_they_stopped(photo):
    pictures = [photo, datasets.photo("camera", 100)]
    batches = superres.PatchPairs(pictures, 3, size=12, batch=4, seed=5)
    assert iter(batches) is batches
    first = next(batches)
    state = batches.state_dict()
    then = [next(batches) for _ in range(3)]
    again = superres.PatchPairs(pictures, 3, size=12, batch=4, seed=5)
    assert all(map(torch.equal, next(again), first))
    other = superres.PatchPairs(pictures, 3, size=12, batch=4, seed=6)
    assert not torch.equal(next(other)[0], first[0])
    other.load_state_dict(state)
    for batch in then:
        assert all(map(torch.equal, next(other), batch))


@each_scale
def test_low_is_high_downscaled(photo, scale):
    low, high = next(superres.PatchPairs([photo], scale, size=16, batch=8))
    assert low.shape == (8, 1, 16, 16) and high.shape == (8, 1, 16 * scale, 16 * scale)
    assert low.dtype == high.dtype == torch.float32
    # Away from the border, beyond which the bicubic kernel reaches. Colours were rounded, then both to half precision.
    downscaled = F.interpolate(high, size=16, mode="bicubic", antialias=True)
    assert (low - downscaled)[..., 2:-2, 2:-2].abs().max() < 0.5 / 255 + 1e-3


def test_patches_come_from_the_image_in_all_eight_orientations():
    x = torch.arange(36.0).view(1, 1, 6, 6) / 40
    x = x.repeat_interleave(4, -1).repeat_interleave(4, -2)  # as large as a patch: only orientations differ
    _, high = next(superres.PatchPairs([x], 4, size=6, batch=32))
    assert len({tuple(patch[0].flatten().tolist()) for patch in high}) == 8
    assert high.flatten(1).sort(dim=1).values.allclose(metrics.luma(x).flatten().sort().values, atol=1e-3)


def test_images_may_come_as_a_batch():
    faces = torch.rand(5, 3, 40, 40)
    low, high = next(superres.PatchPairs(faces, 2, size=10, batch=3))
    assert low.shape == (3, 1, 10, 10) and high.shape == (3, 1, 20, 20)
    for pictures in (faces, [faces]):
        assert len(superres.PatchPairs(pictures, 2, size=10).pairs) == 15


def test_large_images_are_chosen_more_often():
    pictures = [torch.zeros(1, 1, 48, 48), torch.ones(1, 1, 96, 144)]
    low, _ = next(superres.PatchPairs(pictures, 2, size=24, batch=400))
    assert 0.85 < (low.mean(dim=(1, 2, 3)) > 0.5).float().mean() < 1


def test_small_images_among_large_ones_are_left_out():
    assert len(superres.PatchPairs([torch.rand(1, 3, 20, 20), torch.rand(1, 3, 80, 80)], 3).pairs) == 1
