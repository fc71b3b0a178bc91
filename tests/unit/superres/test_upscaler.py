"""Super-resolution: the protocol is the field's, the tiles leave no seam, and a wrong call gets a sentence."""

import io
import re
import signal
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from imagegen_lessons import datasets, images, metrics, runtime, superres
from imagegen_lessons.training import checkpoint

SET5 = Path(__file__).resolve().parents[2] / "shared" / "data" / "superres" / "Set5"
PUBLISHED = {2: 33.65, 3: 30.39, 4: 28.42}  # dB of bicubic interpolation on Set5's luma


def upscaler(scale: int = 3, width: int = 8) -> superres.Upscaler:
    """As deep as the bundled ones, so that it sees as far, and with something to say."""
    torch.manual_seed(0)
    network = superres.Upscaler(scale, width=width)
    torch.nn.init.normal_(network.conv_out.weight, std=0.05)
    return network.eval().requires_grad_(False).to(runtime.device())


@pytest.fixture(scope="module")
def photo():
    return datasets.photo("coffee")[..., 120:217, 200:331]  # 97 × 131: no tile divides it


def press() -> None:
    """Presses the stop button."""
    signal.raise_signal(signal.SIGINT)


def pillow(x: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Pillow's bicubic (a = −0.5, antialiased) of each channel, in floats: an independent program."""
    channels = [Image.fromarray(channel.numpy()) for channel in x[0]]
    resized = [np.array(c.resize((width, height), Image.Resampling.BICUBIC)) for c in channels]
    return torch.from_numpy(np.stack(resized))[None]


# ------------------------------------------------------------------------------------------------ protocol


@pytest.mark.parametrize("scale", superres.SCALES)
def test_shrink_is_pillows_bicubic_rounded_to_8_bits(photo, scale):
    low = superres.downscale(photo, scale)
    height, width = (side // scale for side in photo.shape[-2:])
    expected = pillow(photo[..., : scale * height, : scale * width], height, width).clamp(0, 1)
    assert low.shape == expected.shape and (low - expected).abs().max() < 0.51 / 255
    assert ((low * 255) - (low * 255).round()).abs().max() < 1e-4


@pytest.mark.parametrize("scale", superres.SCALES)
def test_bicubic_is_pillows_and_linear(photo, scale):
    large = superres.bicubic(photo, scale)
    assert large.allclose(pillow(photo, scale * 97, scale * 131), atol=1e-5)
    assert superres.bicubic(photo - 2, scale).allclose(large - 2, atol=1e-5)


@pytest.mark.skipif(not SET5.is_dir(), reason="needs ../shared/data/superres/Set5")
@pytest.mark.parametrize("scale", superres.SCALES)
def test_the_protocol_gives_the_published_figure_of_bicubic_interpolation(scale):
    values = []
    for file in sorted(SET5.glob(f"*_x{scale}.png")):
        high = superres.modcrop(images.load(file), scale)
        large = metrics.luma(superres.bicubic(superres.downscale(high, scale), scale))
        inside = slice(scale, -scale), slice(scale, -scale)
        values.append(metrics.psnr(large[..., *inside], metrics.luma(high)[..., *inside]).item())
    assert len(values) == 5
    assert np.mean(values) == pytest.approx(PUBLISHED[scale], abs=0.05)


@pytest.mark.parametrize("scale", [1, 5, 0, -2, "big", True, 2.5, 3.0, None, [2], float("nan")])
def test_a_wrong_scale_gets_the_sentence(photo, scale):
    calls = (
        lambda: superres.downscale(photo, scale),
        lambda: superres.modcrop(photo, scale),
        lambda: superres.bicubic(photo, scale),
        lambda: superres.Upscaler(scale),
        lambda: superres.enlarge(photo, scale),
        lambda: superres.PatchPairs([photo], scale),
        lambda: superres.load(scale),
    )
    for call in calls:
        with pytest.raises(ValueError, match=re.escape(f"The scale can be 2, 3 or 4, not {scale!r}.")):
            call()


def test_a_picture_too_small_to_shrink():
    with pytest.raises(ValueError, match=re.escape("A picture of 2 × 9 pixels cannot be shrunk by 3")):
        superres.downscale(torch.rand(1, 3, 2, 9), 3)


# ------------------------------------------------------------------------------------------------ networks


@pytest.mark.parametrize("scale", superres.SCALES)
def test_an_upscaler_begins_as_bicubic_interpolation_and_learns(scale):
    network, low = superres.Upscaler(scale, width=8, blocks=2), torch.rand(2, 1, 9, 13)
    assert network(low).allclose(superres.bicubic(low, scale), atol=1e-6)
    high = torch.rand(2, 1, 9 * scale, 13 * scale)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    for _ in range(2):  # the first step wakes the last layer, and then all others
        optimizer.zero_grad()
        F.mse_loss(network(low), high).backward()
        optimizer.step()
    assert all(p.grad.isfinite().all() and p.grad.abs().sum() > 0 for p in network.parameters())


def test_the_bundled_network_has_the_size_that_the_lesson_says():
    assert sum(p.numel() for p in superres.Upscaler(3).parameters()) == 150_889


def test_sub_pixel_values_lie_in_their_square():
    network = superres.Upscaler(2, width=4, blocks=0)
    with torch.no_grad():
        network.conv_out.bias[:] = torch.tensor([0.0, 0.1, 0.2, 0.3])
        added = network(torch.zeros(1, 1, 3, 3))[0, 0]
    assert added.allclose(torch.tensor([[0.0, 0.1], [0.2, 0.3]]).tile(3, 3))


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("mirror", [False, True])
def test_an_ensemble_turns_with_its_picture(turn, mirror):
    together, x = superres.self_ensemble(upscaler(2).cpu()), torch.rand(1, 1, 7, 12)

    def move(x):
        x = x.rot90(turn, (-2, -1))
        return x.flip(-1) if mirror else x

    assert together(x).shape == (1, 1, 14, 24)
    assert together(move(x)).allclose(move(together(x)), atol=1e-5)


@pytest.mark.parametrize("scale", superres.SCALES)
def test_back_projection_comes_to_shrink_to_the_small_picture(photo, scale):
    low = superres.downscale(photo, scale)
    high = superres.bicubic(low, scale) + 0.05 * torch.randn(1, 3, *(scale * side for side in low.shape[-2:]))

    def error(high):
        return (F.interpolate(high, size=low.shape[-2:], mode="bicubic", antialias=True) - low).abs().max()

    before, once, ten = (error(superres.back_project(high, low, scale, rounds)) for rounds in (0, 1, 10))
    assert before > 2 * once and once > 10 * ten and ten < 0.25 / 255


def test_a_bundled_network_is_ready_for_use(monkeypatch, tmp_path):
    monkeypatch.setattr(runtime, "checkpoint_dir", lambda: tmp_path)
    saved = superres.Upscaler(4)
    checkpoint.save(tmp_path / "superres_x4.safetensors", network=saved.half())
    network = superres.load(4)
    assert not network.training and not any(p.requires_grad for p in network.parameters())
    assert all(p.dtype == torch.float32 for p in network.parameters())
    with pytest.raises(checkpoint.CheckpointError, match=r"superres_x2"):
        superres.enlarge(torch.rand(1, 3, 4, 4), 2)


@pytest.mark.parametrize("scale", superres.SCALES)
@pytest.mark.parametrize("name, gain", [("coffee", 1.2), ("text", 2.5), ("retina", 1.8)])
def test_the_bundled_networks_beat_interpolation_where_they_never_learned(scale, name, gain):
    high = superres.modcrop(datasets.photo(name)[..., :400, :448], scale)
    low = metrics.luma(superres.downscale(high, scale))
    ours, theirs = superres.load(scale)(low.to(runtime.device())).cpu(), superres.bicubic(low, scale)
    ours, theirs = (metrics.psnr(x, metrics.luma(high)).item() for x in (ours, theirs))
    assert ours > theirs + gain


# ------------------------------------------------------------------------------------------------- enlarge


@pytest.mark.parametrize("scale", superres.SCALES)
@pytest.mark.parametrize("channels", [1, 3])
def test_tiles_leave_no_seam(photo, scale, channels):
    network, x = upscaler(scale), photo[:, :channels]
    whole = superres.enlarge(x, scale, network, tile=4096)
    assert whole.shape == (1, channels, 97 * scale, 131 * scale) and images.check(whole) is whole
    assert (whole - superres.bicubic(x, scale)).abs().max() > 0.01  # the network had something to say
    for tile in (32, 45, 131):
        assert (superres.enlarge(x, scale, network, tile=tile) - whole).abs().max() < 1e-5


@pytest.mark.parametrize("height, width", [(1, 1), (1, 300), (300, 1), (17, 33), (64, 65)])
@pytest.mark.parametrize("scale", superres.SCALES)
def test_any_size_is_enlarged(height, width, scale):
    network = upscaler(scale)
    for x in (torch.rand(1, 3, height, width), torch.rand(2, 1, height, width), torch.rand(3, height, width)):
        large = superres.enlarge(x, scale, network, tile=32)
        assert large.shape == (*(x if x.dim() == 4 else x[None]).shape[:2], scale * height, scale * width)
        assert images.check(large) is large
        # Interpolation counts in thirds of a pixel, in single precision: far from the corner that is seen
        assert (superres.enlarge(x, scale, network) - large).abs().max() < 1e-4


def test_the_luma_is_the_networks_and_grey_pictures_stay_grey():
    low = 0.25 + 0.5 * torch.rand(1, 1, 20, 24)  # away from black and white, where colours are cut off
    network = upscaler()
    expected = network(metrics.luma(low).to(runtime.device())).cpu()
    large = superres.enlarge(low.expand(-1, 3, -1, -1), 3, network)
    assert metrics.luma(large).allclose(expected, atol=1e-5)
    assert (large.amax(dim=1) - large.amin(dim=1)).max() < 1e-6
    assert large[:, :1].allclose(superres.enlarge(low, 3, network), atol=1e-5)


@pytest.mark.parametrize("colour", [(0.9, 0.2, 0.1), (0.0, 0.0, 1.0), (0.3, 0.3, 0.3)])
def test_an_even_picture_keeps_its_colour(colour):
    colour = torch.tensor(colour).view(1, 3, 1, 1)
    large = superres.enlarge(
        colour.expand(-1, -1, 40, 50), 3, superres.Upscaler(3).to(runtime.device()), tile=16
    )
    assert large.allclose(colour.expand_as(large), atol=1e-5)


def test_the_picture_itself_is_not_changed(photo):
    before = photo.clone()
    superres.enlarge(photo, 2, upscaler(2))
    assert torch.equal(photo, before)


def test_double_precision_and_gradients_are_dropped(photo):
    large = superres.enlarge(photo.double().requires_grad_(), 2, upscaler(2))
    assert large.dtype == torch.float32 and not large.requires_grad


@pytest.mark.parametrize(
    "picture, words",
    [
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), "use image.float() / 255"),
        (torch.full((1, 3, 8, 8), float("nan")), "not finite"),
        (torch.full((1, 3, 8, 8), 128.0), "use image / 255"),
        (torch.rand(1, 8, 8, 3), "use image.movedim(-1, -3)"),
        (torch.rand(1, 4, 8, 8), "1 or 3 channels"),
        (torch.rand(1, 3, 0, 8), "no pixels"),
        (torch.rand(8, 8), "has the shape"),
        ([[0.5]], "must be a torch tensor, not list"),
        ("cat.jpg", "must be a torch tensor, not str"),
    ],
)
def test_what_is_no_image_gets_the_usual_sentence(picture, words):
    with pytest.raises(images.ImageError, match=re.escape(words)):
        superres.enlarge(picture, 3, upscaler())


def test_a_result_too_large_is_refused_before_any_work():
    def network(low):
        raise AssertionError("work")

    grey = torch.zeros(1, 1, 4000, 4000)
    with pytest.raises(
        ValueError, match="^Enlarged 4 times, the picture would have 256 million pixels, and 200 "
    ):
        superres.enlarge(grey, 4, network)
    with pytest.raises(ValueError, match="would have 576 million pixels"):  # a batch counts as a whole
        superres.enlarge(torch.zeros(64, 1, 1000, 1000), 3, network)


@pytest.mark.parametrize("tile", [0, -256, 2.5, None])
def test_a_tile_has_pixels(photo, tile):
    with pytest.raises(
        ValueError, match=re.escape(f"A tile is a whole number of pixels, at least 1, not {tile!r}.")
    ):
        superres.enlarge(photo, 2, upscaler(2), tile=tile)


def test_a_network_of_another_scale_is_found_out(photo):
    for network in (upscaler(2), upscaler(4)):
        with pytest.raises(ValueError, match="does not make pictures 3 times as large"):
            superres.enlarge(photo, 3, network)


def test_the_stop_button_leaves_the_rest_interpolated(photo, capsys):
    inner, asked = upscaler(2), []

    def network(low):
        asked.append(low.shape)
        if len(asked) == 2:
            press()
        return inner(low)

    large = superres.enlarge(photo, 2, network, tile=64, title="enlarging")  # tiles: 2 rows of 3
    assert len(asked) == 2
    assert "Stopped after 2 of 6 tiles; the others are interpolated." in capsys.readouterr().out
    whole, smooth = superres.enlarge(photo, 2, inner), superres.bicubic(photo, 2).clamp(0, 1)
    assert large[..., :128, :256].allclose(whole[..., :128, :256], atol=1e-5)
    assert torch.equal(large[..., 128:, :], smooth[..., 128:, :])
    assert torch.equal(large[..., 256:], smooth[..., 256:])


def test_pressed_during_the_last_tile_there_is_nothing_to_say(photo, capsys):
    inner = upscaler(2)
    superres.enlarge(photo, 2, lambda low: press() or inner(low))
    assert not capsys.readouterr().out


def test_progress_is_shown_where_a_title_is_given(photo, capsys):
    superres.enlarge(photo, 2, upscaler(2), tile=64, title="enlarging")
    superres.enlarge(photo, 2, upscaler(2), tile=64)
    assert capsys.readouterr().err.splitlines()[-1] == "enlarging: 6 of 6 tiles"


def file(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def test_what_a_student_uploads():
    network = upscaler()
    clear = images.load(file(Image.new("RGBA", (9, 7), (255, 0, 0, 0))))  # transparent: on white
    assert superres.enlarge(clear, 3, superres.Upscaler(3).to(runtime.device())).allclose(
        torch.ones(1, 3, 21, 27)
    )
    grey = images.load(file(Image.fromarray(np.arange(63, dtype=np.uint8).reshape(7, 9))))
    assert superres.enlarge(grey, 3, network).shape == (1, 3, 21, 27)
    deep = images.load(file(Image.fromarray(np.full((7, 9), 30000, dtype=np.uint16))))
    assert superres.enlarge(deep, 3, network).shape == (1, 3, 21, 27)


def test_a_picture_of_200_megapixels_is_refused_by_its_header():
    head = struct.pack(">IIBBBBB", 20_000, 10_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    with pytest.raises(images.ImageError, match="at most 40 million are allowed"):
        superres.enlarge(images.load(bomb + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", 0)), 2)


class SmallMemory(torch.nn.Module):
    """A network for which pieces above a size are too large."""

    def __init__(self, network, largest):
        super().__init__()
        self.network, self.largest = network, largest

    def forward(self, low):
        if max(low.shape[-2:]) > self.largest:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return self.network(low)


@pytest.mark.parametrize("tile", [384, 75])
def test_where_memory_is_small_tiles_are_halved_and_the_picture_is_the_same(tile):
    network, x = upscaler(3), torch.rand(1, 3, 101, 130, generator=runtime.generator(0))
    small = superres.enlarge(x, 3, SmallMemory(network, largest=70), tile=tile)
    assert (small - superres.enlarge(x, 3, network)).abs().max() < 1e-5


def test_where_no_tile_fits_it_gives_up_with_a_sentence(photo):
    with pytest.raises(ValueError, match="GPU's memory is full"):
        superres.enlarge(photo, 2, SmallMemory(upscaler(2), largest=30))


# --------------------------------------------------------------------------------------------------- pairs


def test_pairs_are_deterministic_and_go_on_where_they_stopped(photo):
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


@pytest.mark.parametrize("scale", superres.SCALES)
def test_low_is_high_shrunk(photo, scale):
    low, high = next(superres.PatchPairs([photo], scale, size=16, batch=8))
    assert low.shape == (8, 1, 16, 16) and high.shape == (8, 1, 16 * scale, 16 * scale)
    assert low.dtype == high.dtype == torch.float32
    # Away from the border, where shrinking sees what lies outside. Colours were rounded, then both were to half.
    shrunk = F.interpolate(high, size=16, mode="bicubic", antialias=True)
    assert (low - shrunk)[..., 2:-2, 2:-2].abs().max() < 0.5 / 255 + 1e-3


def test_each_piece_is_a_piece_of_the_picture_and_all_eight_ways_come(photo):
    x = torch.arange(36.0).view(1, 1, 6, 6) / 40
    x = x.repeat_interleave(4, -1).repeat_interleave(4, -2)
    batches = superres.PatchPairs([x], 4, size=6, batch=32)
    low, high = next(batches)
    ways = {tuple(piece[0].flatten().tolist()) for piece in high}
    assert len(ways) == 8  # the picture has the size of a piece: nothing else differs
    assert high.flatten(1).sort(dim=1).values.allclose(metrics.luma(x).flatten().sort().values, atol=1e-3)


def test_pictures_may_come_as_a_batch():
    faces = torch.rand(5, 3, 40, 40)
    low, high = next(superres.PatchPairs(faces, 2, size=10, batch=3))
    assert low.shape == (3, 1, 10, 10) and high.shape == (3, 1, 20, 20)
    assert (
        len(superres.PatchPairs([faces], 2, size=10).pairs)
        == len(superres.PatchPairs(faces, 2, size=10).pairs)
        == 15
    )


def test_large_pictures_are_chosen_more_often():
    batches = superres.PatchPairs(
        [torch.zeros(1, 1, 48, 48), torch.ones(1, 1, 96, 144)], 2, size=24, batch=400
    )
    light = next(batches)[0].mean(dim=(1, 2, 3)) > 0.5
    assert 0.85 < light.float().mean() < 1


@pytest.mark.parametrize("pictures", [[], [torch.rand(1, 3, 71, 500)]])
def test_pictures_too_small_to_learn_from(pictures):
    with pytest.raises(ValueError, match=r"No picture has 72 pixels on each side"):
        superres.PatchPairs(pictures, 3)


def test_small_pictures_among_large_ones_are_left_out():
    assert len(superres.PatchPairs([torch.rand(1, 3, 20, 20), torch.rand(1, 3, 80, 80)], 3).pairs) == 1
