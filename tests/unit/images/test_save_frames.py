"""Saving clips: every frame comes back, at its pace, with its label; what cannot be saved is one sentence."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from imagegen_lessons import images
from imagegen_lessons.provenance import ai_label, c2pa
from tests.unit.helpers import noise, random, refused

CLIP = random(7, 3, 20, 40)
SOFT = random(5, 4, 20, 40, seed=1)
SOFT[:, 3, :10] = 0  # clear above
SOFT[:, :3] *= SOFT[:, 3:]  # premultiplied


def reread(path, mode):
    """All frames of a file, (n, 3 or 4, height, width), and how many milliseconds each is shown."""
    with Image.open(path) as clip:
        frames = ImageSequence.Iterator(clip)
        pairs = [(np.array(frame.convert(mode)), frame.info["duration"]) for frame in frames]
    frames = torch.from_numpy(np.stack([frame for frame, _ in pairs])).movedim(-1, 1) / 255
    return frames, [milliseconds for _, milliseconds in pairs]


@pytest.mark.parametrize("name", ["new/a.png", "b.APNG", "c.webp"])
@pytest.mark.parametrize("clip", [CLIP, list(CLIP), CLIP[:, :1], SOFT, SOFT.round()])
def test_frames_come_back_exactly_with_the_label_below(name, clip, tmp_path):
    path = images.save_frames(clip, str(tmp_path / name), fps=10)
    expected = torch.stack(list(clip))
    frames, pace = reread(path, "RGBA" if expected.shape[1] == 4 else "RGB")
    assert pace == [100] * len(clip)
    assert frames.shape[-2:] == (34, 40) and frames[..., 20:, :].max() > 0.9
    if expected.shape[1] == 4:
        assert frames[:, 3, 20:].min() == 1  # the label can be seen
        frames[:, :3] *= frames[:, 3:]
    expected = expected.expand(-1, frames.shape[1], -1, -1)
    torch.testing.assert_close(frames[..., :20, :], expected, atol=1.1 / 255, rtol=0)


def test_a_gif_keeps_still_parts_still_and_comes_close_to_the_colours(tmp_path):
    ramp = torch.linspace(0, 1, 64).expand(64, 64)
    clip = torch.stack([ramp, ramp.T, 1 - ramp]).repeat(40, 1, 1, 1)  # far more than 256 colours
    for k, frame in enumerate(clip):
        frame[:, 8:16, k : k + 8] = torch.tensor([1.0, 0.5, 0.0])[:, None, None]
    with Image.open(images.save_frames(clip, tmp_path / "a.gif", fps=25)) as gif:
        frames = torch.stack([images.load(f.convert("RGB"))[0] for f in ImageSequence.Iterator(gif)])
        assert gif.info["duration"] == 40 and gif.info["loop"] == 0
    assert (frames[..., :64, :] - clip).abs().max() < 0.1
    assert torch.equal(frames[:, :, 20:], frames[:1, :, 20:].expand(40, -1, -1, -1))


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp"])
def test_a_clip_loops_or_plays_once(name, tmp_path):
    for loop, counted in ((True, 0), (False, None if name == "a.gif" else 1)):
        with Image.open(images.save_frames(CLIP, tmp_path / name, loop=loop)) as clip:
            assert clip.n_frames == 7 and clip.info.get("loop") == counted


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp"])
def test_the_metadata_say_what_made_it(name, tmp_path):
    data = images.save_frames(CLIP, tmp_path / name).read_bytes()
    said = ai_label.COMMENT if name == "a.gif" else c2pa.IPTC + ai_label.SOURCE
    assert said.encode() in data
    if name == "a.png" and c2pa.available():
        assert c2pa.read(data, [ai_label.signer().root]).state == "trusted"


def test_one_frame_is_a_clip_and_a_long_one_has_its_colours_from_everywhere(tmp_path):
    with Image.open(images.save_frames(CLIP[:1], tmp_path / "a.gif")) as gif:
        assert gif.n_frames == 1
    clip = torch.zeros(100, 3, 20, 20)
    clip[50:, 0] = 1.0
    with Image.open(images.save_frames(clip, tmp_path / "b.gif")) as gif:
        *_, last = (frame.convert("RGB").getpixel((5, 5)) for frame in ImageSequence.Iterator(gif))
    assert last == (255, 0, 0)


@pytest.mark.parametrize(
    ("frames", "name", "says"),
    [
        (CLIP, "a.mp4", "must end in .gif, .png, .apng or .webp"),
        (CLIP, "a", "must end in .gif"),
        ([], "a.gif", "1 to 600 frames, not 0"),
        (CLIP[:0], "a.gif", "1 to 600 frames, not 0"),
        (torch.zeros(601, 1, 8, 8), "a.gif", "1 to 600 frames, not 601"),
        ([CLIP[0], CLIP[0, :, 1:]], "a.gif", "one size"),
        ([CLIP[0], CLIP[0, :1]], "a.gif", "number of channels"),
        (2 * CLIP, "a.gif", r"must be in \[0, 1\]"),
        (2 * SOFT, "a.webp", r"must be in \[0, 1\]"),
        (CLIP / 0, "a.png", "not finite"),
        (CLIP[0], "a.gif", r"\(n, channels, height, width\)"),
        (torch.zeros(2, 5, 8, 8), "a.png", "1 or 3 channels"),
        ("film", "a.gif", "not str"),
        ([CLIP[0].numpy()], "a.gif", "torch tensor, not ndarray"),
        (SOFT, "a.gif", "cannot be half transparent"),
        (CLIP, "taken.gif", "cannot be written"),
    ],
)
def test_what_cannot_be_saved_is_one_sentence_and_leaves_nothing(frames, name, says, tmp_path):
    (tmp_path / "taken.gif").mkdir()
    with refused(says, images.ImageError):
        images.save_frames(frames, tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == ["taken.gif"]


@pytest.mark.parametrize("fps", [0, 51, "12", None, float("nan")])
def test_a_pace_that_cannot_be_gets_one_sentence(fps, tmp_path):
    with refused("frames a second"):
        images.save_frames(CLIP, tmp_path / "a.gif", fps=fps)


def test_the_label_itself_refuses_other_formats():
    with refused("'JPEG'", ai_label.LabelError):
        ai_label.labelled_clip([noise()], "JPEG")
    assert Image.open(io.BytesIO(ai_label.labelled_clip([noise()] * 2, "WEBP"))).format == "WEBP"
