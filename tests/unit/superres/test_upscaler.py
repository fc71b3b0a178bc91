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
from tests.unit.helpers import SmallMemory, refused

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


@pytest.mark.parametrize(
    "call",
    [
        superres.downscale,
        superres.modcrop,
        superres.bicubic,
        superres.enlarge,
        lambda x, scale: superres.PatchPairs([x], scale),
        lambda x, scale: superres.Upscaler(scale),
        lambda x, scale: superres.load(scale),
    ],
)
def test_a_wrong_scale_is_refused(photo, call):
    for scale in (1, 5, -2, "big", True, 3.0, None, [2], float("nan")):
        with refused("2, 3 or 4"):
            call(photo, scale)


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


def test_sub_pixel_values_lie_in_their_square():
    network = superres.Upscaler(2, width=4, blocks=0)
    with torch.no_grad():
        network.conv_out.bias[:] = torch.tensor([0.0, 0.1, 0.2, 0.3])
        added = network(torch.zeros(1, 1, 3, 3))[0, 0]
    assert added.allclose(torch.tensor([[0.0, 0.1], [0.2, 0.3]]).tile(3, 3))


@pytest.mark.parametrize("turn, mirror", [(0, True), (1, False), (2, False), (3, True)])
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


@pytest.mark.parametrize("scale, name, gain", [(2, "coffee", 1.2), (3, "retina", 1.8), (4, "text", 2.5)])
def test_the_bundled_networks_beat_interpolation_on_held_out_photographs(scale, name, gain):
    high = superres.modcrop(datasets.photo(name)[..., :400, :448], scale)
    low = metrics.luma(superres.downscale(high, scale))
    ours, bicubic = superres.load(scale)(low.to(runtime.device())).cpu(), superres.bicubic(low, scale)
    ours, bicubic = (metrics.psnr(x, metrics.luma(high)).item() for x in (ours, bicubic))
    assert ours > bicubic + gain


@each_scale
def test_tiles_leave_no_seam(photo, scale):
    network = upscaler(scale)
    whole = superres.enlarge(photo, scale, network, tile=4096)
    assert whole.shape == (1, 3, 97 * scale, 131 * scale) and images.check(whole) is whole
    assert (whole - superres.bicubic(photo, scale)).abs().max() > 0.01  # the residual is not 0
    for tile in (32, 45):
        assert (superres.enlarge(photo, scale, network, tile=tile) - whole).abs().max() < 1e-5


@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (2, 1, 1, 300), (3, 300, 1), (2, 3, 64, 65)])
def test_any_shape_is_enlarged(shape):
    network, x = upscaler(3), torch.rand(shape)
    large = superres.enlarge(x, 3, network, tile=32)
    height, width = shape[-2:]
    assert large.shape == (*(x if x.dim() == 4 else x[None]).shape[:2], 3 * height, 3 * width)
    assert images.check(large) is large
    # Interpolation counts in thirds of a pixel, in single precision: it shows far from the corner
    assert (superres.enlarge(x, 3, network) - large).abs().max() < 1e-4


def test_the_luma_is_the_networks_and_grey_images_stay_grey():
    low = 0.4 + 0.2 * torch.rand(1, 1, 20, 24)  # away from black and white, where colours are clamped
    network = upscaler()
    expected = network(metrics.luma(low.expand(-1, 3, -1, -1)).to(runtime.device())).cpu()
    large = superres.enlarge(low.expand(-1, 3, -1, -1), 3, network)
    assert metrics.luma(large).allclose(expected, atol=1e-5)
    assert (large.amax(dim=1) - large.amin(dim=1)).max() < 1e-6
    assert large[:, :1].allclose(superres.enlarge(low, 3, network), atol=1e-5)


def test_the_input_is_not_changed_and_gives_single_precision_without_gradients(photo):
    x = photo.double().requires_grad_()
    large = superres.enlarge(x, 2, upscaler(2))
    assert torch.equal(x, photo.double())
    assert large.dtype == torch.float32 and not large.requires_grad


def unused(low):
    raise AssertionError("A wrong call should be refused before any work.")


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda x: superres.downscale(x[..., :2, :9], 3), "2 × 9 pixels"),
        (lambda x: superres.enlarge(torch.rand(1, 4, 8, 8), 3, unused), "channels"),
        (lambda x: superres.enlarge("cat.jpg", 3, unused), "str"),
        (lambda x: superres.enlarge(torch.zeros(64, 1, 1000, 1000), 3, unused), "576 million pixels"),
        (lambda x: superres.enlarge(x, 2, unused, tile=0), "tile"),
        (lambda x: superres.enlarge(x, 2, unused, tile=2.5), "tile"),
        (lambda x: superres.enlarge(x, 3, upscaler(2)), "3 times as large"),
        (lambda x: superres.enlarge(x, 2, SmallMemory(upscaler(2), largest=30)), "memory is full"),
        (lambda x: superres.PatchPairs([], 3), "72 pixels"),
        (lambda x: superres.PatchPairs([torch.rand(1, 3, 71, 500)], 3), "72 pixels"),
    ],
)
def test_a_wrong_call_gets_a_sentence(photo, call, words):
    with refused(words):
        call(photo)


def stopped_at(number, network):
    """The network, and the user presses the stop button while it works on that tile."""
    tiles = []

    def stopping(low):
        tiles.append(low)
        if len(tiles) == number:
            signal.raise_signal(signal.SIGINT)
        return network(low)

    return stopping


def test_the_stop_button_leaves_the_rest_interpolated(photo, capsys):
    network = upscaler(2)
    large = superres.enlarge(
        photo, 2, stopped_at(2, network), tile=64, title="enlarging"
    )  # 2 rows of 3 tiles
    told = capsys.readouterr()
    assert "2 of 6 tiles" in told.out and "enlarging" in told.err
    whole, smooth = superres.enlarge(photo, 2, network), superres.bicubic(photo, 2).clamp(0, 1)
    assert large[..., :128, :256].allclose(whole[..., :128, :256], atol=1e-5)
    assert torch.equal(large[..., 128:, :], smooth[..., 128:, :])
    assert torch.equal(large[..., 256:], smooth[..., 256:])
    superres.enlarge(photo, 2, stopped_at(1, network))  # during the last tile: nothing is missing
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("tile", [384, 75])
def test_where_memory_is_full_tiles_are_halved_and_the_image_is_the_same(tile):
    network, x = upscaler(3), torch.rand(1, 3, 101, 130, generator=runtime.generator(0))
    small = superres.enlarge(x, 3, SmallMemory(network, largest=70), tile=tile)
    assert (small - superres.enlarge(x, 3, network)).abs().max() < 1e-5


def test_pairs_are_deterministic_and_resume_where_they_stopped(photo):
    def pairs(seed):
        return superres.PatchPairs([photo, datasets.photo("camera", 100)], 3, size=12, batch=4, seed=seed)

    batches, other = pairs(5), pairs(6)
    first = next(batches)
    assert all(map(torch.equal, next(pairs(5)), first))
    assert not torch.equal(next(other)[0], first[0])
    other.load_state_dict(batches.state_dict())
    for _ in range(3):
        assert all(map(torch.equal, next(other), next(batches)))


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


def test_pictures_may_come_as_a_batch():
    low, high = next(superres.PatchPairs(torch.rand(5, 3, 40, 40), 2, size=10, batch=3))
    assert low.shape == (3, 1, 10, 10) and high.shape == (3, 1, 20, 20)


def test_large_pictures_are_chosen_more_often_and_too_small_ones_never():
    pictures = [torch.zeros(1, 1, 48, 48), torch.ones(1, 1, 96, 144), torch.full((1, 1, 20, 20), 0.5)]
    low, _ = next(superres.PatchPairs(pictures, 2, size=24, batch=400))
    luma = low.mean(dim=(1, 2, 3))  # 0, 1 and 0.5
    assert 0.85 < (luma > 0.7).float().mean() < 1 and ((luma - 0.5).abs() > 0.1).all()


LOW = torch.rand(1, 1, 8, 8)


@pytest.mark.parametrize(
    "call, key",
    [
        (lambda: superres.Upscaler(2)(torch.rand(1, 3, 8, 8)), "Luma"),  # colours
        (lambda: superres.Upscaler(2)(LOW[0]), "Luma"),  # no batch
        (lambda: superres.Upscaler(2)((255 * LOW).byte()), "Luma"),
        (lambda: superres.bicubic(LOW[0], 2), "n, c, h, w"),
        (lambda: superres.bicubic((255 * LOW).byte(), 2), "floats"),
        (lambda: superres.back_project(LOW, LOW, 2), "2 times as large"),
        (lambda: superres.back_project(LOW, LOW[..., :4, :4], 2, steps=-1), "number of steps"),
        (lambda: superres.PatchPairs([LOW], 2, size=0), "size of a patch"),
        (lambda: superres.PatchPairs([LOW], 2, size=4, batch=1.5), "patches in a batch"),
        (lambda: superres.PatchPairs("cat", 2), "tensor"),
        (lambda: superres.enlarge(LOW, 2, "superres_x2"), "network"),
        (lambda: superres.enlarge(LOW, 2, tile="large"), "tile"),
    ],
)
def test_what_cannot_be_enlarged_is_refused_with_a_sentence(call, key):
    with pytest.raises((ValueError, TypeError), match=f"(?i){key}"):
        call()
