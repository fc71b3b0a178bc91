"""Decoding: good files come out with the right colours, hostile ones get one clear sentence."""

import gzip
import io
import os
import random
import struct
import zipfile
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, ImageFile, features

from imagegen_lessons import images
from imagegen_lessons.images import ImageError, decode
from tests.unit.helpers import encode, noise, refused

RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


def corners(size=32) -> Image.Image:
    """A picture that shows which way up it is: red, green / blue, white; wider than high."""
    four = Image.new("RGB", (2, 2))
    four.putdata([RED, GREEN, BLUE, WHITE])
    return four.resize((2 * size, size), Image.Resampling.NEAREST)


def tensor(picture: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)[None] / 255


def colour(x: torch.Tensor) -> list[int]:
    """The 8-bit colour at the centre."""
    return (x[0, :, x.shape[2] // 2, x.shape[3] // 2] * 255).round().int().tolist()


# ---------------------------------------------------------------------------------- files that are right


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "GIF", "WEBP"])
def test_lossless_formats_are_exact(format):
    x = images.load(encode(corners(), format, **({"lossless": True} if format == "WEBP" else {})))
    assert x.shape == (1, 3, 32, 64) and x.dtype == torch.float32 and x.is_contiguous()
    torch.testing.assert_close(x, tensor(corners()))


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF"])
def test_lossy_formats_are_close(format):
    if format == "AVIF" and "avif" not in features.get_supported():
        pytest.skip("this Pillow was built without AVIF")
    x = images.load(encode(corners(), format, subsampling="4:4:4", quality=95))
    assert (x - tensor(corners())).abs().mean() < 0.02


def png(width, height, depth, kind, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG built by hand, for what Pillow does not write."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def flat(mode, value, format="PNG", **options) -> bytes:
    return encode(Image.new(mode, (16, 16), value), format, **options)


def frames(format) -> bytes:
    red, *others = (Image.new("RGB", (16, 16), colour) for colour in (RED, GREEN, BLUE))
    return encode(red, format, save_all=True, append_images=others)


FLAT = {
    "grey": (flat("L", 77), (77, 77, 77)),
    "1 bit": (flat("1", 1), WHITE),
    "palette": (flat("P", 0), BLACK),
    "CMYK JPEG": (flat("CMYK", (0, 255, 255, 0), "JPEG", quality=100), RED),
    "CMYK TIFF": (flat("CMYK", (0, 255, 255, 0), "TIFF"), RED),
    "CMYK black": (flat("CMYK", (0, 0, 0, 255), "JPEG", quality=100), BLACK),
    "half transparent": (flat("RGBA", (255, 0, 0, 128)), (255, 127, 127)),
    "transparent grey": (flat("LA", (0, 0)), WHITE),
    "opaque grey": (flat("LA", (0, 255)), BLACK),
    "transparent WebP": (flat("RGBA", (0, 0, 255, 0), "WEBP", lossless=True), WHITE),
    "transparent GIF": (flat("P", 0, "GIF", transparency=0), WHITE),
    "16-bit colour": (png(1, 1, 16, 2, b"\0" + struct.pack(">HHH", 65535, 32896, 0)), (255, 128, 0)),
    "16-bit transparent": (png(1, 1, 16, 6, b"\0" + struct.pack(">HHHH", 65535, 0, 0, 0)), WHITE),
    **{f"first frame of {format}": (frames(format), RED) for format in ("GIF", "WEBP", "PNG", "TIFF", "MPO")},
}


@pytest.mark.parametrize("name", FLAT)
def test_colours_come_out_right_and_transparency_is_white(name):
    data, expected = FLAT[name]
    assert np.allclose(colour(images.load(data)), expected, atol=2)


@pytest.mark.parametrize(
    (
        "orientation",
        "stored",
    ),  # what the camera stores, so that undoing the orientation gives `corners` again
    [
        (1, None),
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.TRANSPOSE),
        (6, Image.Transpose.ROTATE_90),
        (7, Image.Transpose.TRANSVERSE),
        (8, Image.Transpose.ROTATE_270),
    ],
)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation(format, orientation, stored):
    picture = corners() if stored is None else corners().transpose(stored)
    exif = Image.Exif()
    exif[0x0112] = orientation
    x = images.load(encode(picture, format, exif=exif))
    assert x.shape == (1, 3, 32, 64)
    assert (x - tensor(corners())).abs().mean() < 0.02


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_keeps_its_range_and_precision(format):
    values = np.array([[0, 65535], [32768, 256]], dtype=np.uint16)
    x = images.load(encode(Image.fromarray(values), format))
    expected = torch.from_numpy(values.astype(np.float32) / 65535).expand(1, 3, 2, 2)
    torch.testing.assert_close(x, expected)
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (32, 1))
    x = images.load(encode(Image.fromarray(ramp), format), size=16)
    assert x.shape == (1, 3, 8, 16) and x[0, 0, 0].diff().min() > 0 and x.max() > 0.9


def test_palette_with_transparency():
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putpixel((1, 0), 1)
    for transparency in (0, bytes([0, 255])):
        x = images.load(encode(picture, "PNG", transparency=transparency))
        assert (x[0] * 255).int().flatten(1).T.tolist() == [[255, 255, 255], [0, 0, 255]]
    assert colour(images.load(encode(picture, "PNG"))) == [0, 0, 255]


def test_transparent_colour_key():
    data = png(2, 1, 8, 2, b"\0" + bytes([255, 0, 0, 0, 0, 255]), (b"tRNS", struct.pack(">HHH", 255, 0, 0)))
    assert (images.load(data)[0] * 255).int().flatten(1).T.tolist() == [[255, 255, 255], [0, 0, 255]]
    data = png(2, 1, 8, 0, b"\0" + bytes([9, 200]), (b"tRNS", struct.pack(">H", 9)))
    assert (images.load(data)[0, 0] * 255).int().tolist() == [[255, 200]]


def test_every_way_of_handing_a_picture_over(tmp_path, recwarn):
    data = encode(corners(), "PNG")
    path = tmp_path / "Été à la plage 夏 .jpg"  # a file's name says nothing about its format
    path.write_bytes(data)
    sources = {
        "str": str(path),
        "Path": path,
        "bytes": data,
        "bytearray": bytearray(data),
        "memoryview": memoryview(data),
        "file-like": io.BytesIO(data),
        "PIL": corners(),
        "array": np.array(corners()),
        "upload 7": {"holiday.png": {"metadata": {"name": "holiday.png"}, "content": data}},
        "upload 8": ({"name": "holiday.png", "type": "image/png", "content": memoryview(data)},),
        "upload 8, one file": {"name": "holiday.png", "content": memoryview(data)},
        "Colab": {"holiday.png": data},
    }
    for name, source in sources.items():
        torch.testing.assert_close(images.load(source), tensor(corners()), msg=name)
    assert not recwarn.list, "the files are closed"


def test_size_only_shrinks_and_is_antialiased():
    data = encode(corners(), "PNG")
    assert images.load(data, size=16).shape == (1, 3, 8, 16)
    assert images.load(data, size=500).shape == (1, 3, 32, 64)
    assert images.load(encode(Image.new("RGB", (1000, 1)), "PNG"), size=10).shape == (1, 3, 1, 10)
    board = Image.fromarray((np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8))
    assert images.load(board, size=16)[..., 2:-2, 2:-2].std() < 0.02  # grey, no moiré


def test_broken_exif_does_not_cost_the_picture():
    for junk in (b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"):
        assert images.load(encode(corners(), "JPEG", exif=junk)).shape == (1, 3, 32, 64)


def test_loading_is_quiet_and_leaves_the_source_alone(recwarn):
    picture = corners().convert("P")
    picture.info["transparency"] = bytes(10)
    before = picture.tobytes()
    images.load(picture)
    images.load(encode(picture, "PNG"))
    assert picture.tobytes() == before and picture.mode == "P"
    assert not recwarn.list


# ------------------------------------------------------------------------------------------ hostile files


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("cat.png", encode(corners(), "PNG"))
    return buffer.getvalue()


def patched(format: str, start: int | bytes, layout: str, *sides: int) -> bytes:
    """A small picture whose header claims other sides; `start`: where they stand, or the marker before them."""
    data = bytearray(encode(corners(), format))
    start = data.index(start) + 5 if isinstance(start, bytes) else start
    struct.pack_into(layout, data, start, *sides)
    return bytes(data)


def cut(format: str, **options) -> bytes:
    data = encode(noise(), format, **options)
    return data[: len(data) // 2]


BIG = bytes(20)
HOSTILE = {
    "empty": (b"", "empty"),
    "random": (random.Random(0).randbytes(5000), "not a picture"),
    "pickle": (b"\x80\x04\x95" + bytes(range(128, 178)), "not a picture"),
    "ICO": (b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0" + BIG, "not a picture"),
    "text": (b"This is a note about my holiday.\nIt was nice.\n", "text"),
    "utf-16 text": ("Grüße aus Köln, von uns allen".encode("utf-16"), "text"),
    "text that starts like a BMP": (b"BMW is a car maker.", "text"),
    "PPM": (b"P6 60000 60000 255\n", "text"),
    "HTML": (b"\n\n  <HTML><img src='cat.png'></HTML>", "web page"),
    "SVG": (b'<?xml version="1.0"?>\n<!-- x -->\n<svg></svg>', "SVG"),
    "zip": (zipped(), "archive"),
    "gzip": (gzip.compress(encode(corners(), "PNG")), "archive"),
    "tar": (b"cat.png".ljust(257, b"\0") + b"ustar" + bytes(250), "archive"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + BIG, "archive"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\n1 0 obj", "PDF.*export"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
    "Photoshop": (b"8BPS\0\1" + BIG, "Photoshop"),
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + BIG, "HEIC.*JPEG"),
    "HEIC, mif1": (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + BIG, "HEIC"),
    "broken AVIF": (b"\0\0\0\x18ftypavif\0\0\0\0avifmif1" + BIG, "AVIF"),
    "MP4": (b"\0\0\0\x18ftypisom\0\0\0\0" + BIG, "video"),
    "WebM": (b"\x1a\x45\xdf\xa3" + BIG, "video"),
    "JPEG signature only": (b"\xff\xd8\xff\xe0", "damaged"),
    "PNG signature only": (b"\x89PNG\r\n\x1a\n", "damaged"),
    "TIFF signature only": (b"II*\0\x08\0\0\0", "damaged"),
    **{f"half a {format}": (cut(format), "damaged") for format in ("JPEG", "PNG", "GIF", "BMP", "WEBP")},
    "half a compressed TIFF": (cut("TIFF", compression="tiff_deflate"), "damaged"),
    "PNG without pixels": (png(8, 8, 8, 2, b""), "damaged"),
    "PNG of width 0": (png(0, 8, 8, 2, b""), "pixels|damaged"),
    "PNG of odd depth": (png(8, 8, 5, 2, b"\0" * 300), "damaged"),
    "PNG bomb": (png(50_000, 50_000, 8, 2, bytes(100)), "pixels.*40 million"),
    "PNG, just too large": (png(8000, 5001, 8, 2, bytes(100)), "8000 × 5001 pixels.*40 million"),
    "BMP bomb": (patched("BMP", 18, "<ii", 60_000, 60_000), "pixels"),
    "BMP of negative width": (patched("BMP", 18, "<ii", -60_000, 60_000), "pixels|damaged"),
    "GIF bomb": (patched("GIF", 6, "<HH", 65_535, 65_535), "pixels"),
    "JPEG bomb": (patched("JPEG", b"\xff\xc0", ">HH", 65_000, 65_000), "pixels"),
    "32-bit TIFF": (encode(Image.fromarray(np.int32([[0, 2**30]])), "TIFF"), "beyond 16 bits"),
    "TIFF with nan": (encode(Image.fromarray(np.float32([[0, np.nan]])), "TIFF"), "beyond"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_get_one_sentence(name, recwarn):
    data, pattern = HOSTILE[name]
    with pytest.raises(ImageError, match=pattern) as caught:
        images.load(data)
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None  # no chain of tracebacks
    assert not recwarn.list


@pytest.mark.parametrize("name", [name for name in HOSTILE if "bomb" in name])
def test_bombs_are_found_before_decoding(name, monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.exit("it was decoded"))
    with pytest.raises(ImageError):
        images.load(HOSTILE[name][0])


def test_hostile_files_are_named(tmp_path):
    path = tmp_path / "cat.png"
    path.write_bytes(zipped())
    for source in (path, {"cat.png": {"metadata": {}, "content": zipped()}}):
        with refused("^'cat.png' is an archive", ImageError):
            images.load(source)
    with refused("empty", ImageError):
        images.load(({"name": "a\nb" + "c" * 500, "content": memoryview(b"")},))


@pytest.mark.parametrize(
    ("source", "word"),
    [
        (None, "NoneType"),
        (torch.zeros(3, 4, 4), "Tensor"),
        ([], "No picture has been chosen"),
        ({}, "No picture has been chosen"),
        ("https://example.org/cat.png", "address"),
        ("no/such/cat.png", "There is no file"),
        ("", "folder"),
        ("nul\0byte.png", "nul"),
        ("x" * 5000 + ".png", "cannot be opened"),
        ("~nosuchuser9/cat.png", "There is no file"),
        (io.StringIO("text"), "opened as text"),
        (np.zeros((4, 4, 3)), "uint8.*float64"),
        (np.zeros((4, 4, 2), dtype=np.uint8), r"\(4, 4, 2\)"),
        (np.zeros((0, 4, 3), dtype=np.uint8), "no pixels"),
        (Image.new("RGB", (0, 0)), "no pixels"),
        ({"content": None}, "NoneType"),
    ],
)
def test_wrong_sources_get_one_sentence(source, word):
    with refused(word, ImageError):
        images.load(source)


@pytest.mark.parametrize(
    ("limit", "word"), [({"max_pixels": 1000}, "0.001 million"), ({"size": 0}, "at least 1, not 0")]
)
def test_own_limits(limit, word):
    with refused(word, ImageError):
        images.load(encode(corners(), "PNG"), **limit)


@pytest.mark.timeout(30)  # a pipe is read for ever
def test_folders_large_files_and_pipes(tmp_path):
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(decode.MAX_BYTES + 1)  # sparse: takes no room
    wrong = {tmp_path: "is a folder", tmp_path / "large.png": "larger than 100 MB"}
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.png")
        wrong[tmp_path / "pipe.png"] = "not an ordinary file"
    for path, word in wrong.items():
        with refused(word, ImageError):
            images.load(path)


def test_no_flipped_byte_escapes():
    """Whatever is done to a file, it loads or raises ImageError, and nothing else."""
    rng = random.Random(0)
    exif = Image.Exif()
    exif[0x0112] = 6
    originals = [encode(noise(24, 16), format) for format in ("PNG", "GIF", "BMP", "WEBP")]
    originals += [
        encode(noise(24, 16), "JPEG", exif=exif),
        encode(noise(24, 16), "TIFF", compression="tiff_lzw"),
        encode(noise(24, 16), "PNG", transparency=(1, 2, 3)),
    ]
    for original in originals:
        for _ in range(60):
            data = bytearray(original)
            for _ in range(rng.randint(1, 6)):
                data[rng.randrange(min(len(data), 200))] = rng.randrange(256)
            if rng.random() < 0.3:
                del data[rng.randrange(len(data)) :]
            try:
                x = images.load(bytes(data))
                assert x.min() >= 0 and x.max() <= 1 and x.shape[:2] == (1, 3)
            except ImageError as error:
                assert "\n" not in str(error)


def profile(**primaries: tuple) -> bytes:
    """A colour profile: sRGB's, with other primaries (rXYZ, gXYZ, bXYZ)."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for number in range(int.from_bytes(data[128:132], "big")):
        entry = 132 + 12 * number
        values = primaries.get(data[entry : entry + 4].decode())
        if values:
            place = int.from_bytes(data[entry + 4 : entry + 8], "big") + 8
            for k, value in enumerate(values):
                data[place + 4 * k : place + 4 * k + 4] = round(value * 65536).to_bytes(4, "big", signed=True)
    return bytes(data)


P3 = profile(
    rXYZ=(0.51512, 0.24120, -0.00105), gXYZ=(0.29198, 0.69225, 0.04189), bXYZ=(0.15710, 0.06657, 0.78407)
)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colours_of_another_profile_become_srgb(mode):
    picture = Image.new("RGB", (9, 9), (230, 120, 40))
    picture = picture.quantize() if mode == "P" else picture.convert(mode)
    x = images.load(encode(picture, "PNG", icc_profile=P3))
    # Display P3 to sRGB, by the published matrices (CSS Color 4): red 246.6, green 112.5, blue below 0.
    assert (x[0, :, 4, 4] * 255).sub(torch.tensor([247.0, 112.0, 0.0])).abs().max() < 1.5


def test_srgb_stays_to_the_bit_and_a_broken_profile_costs_nothing():
    grain = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8))
    plain = images.load(grain)
    for data in (profile(), b"no profile", P3[:200]):
        assert torch.equal(images.load(encode(grain, "PNG", icc_profile=data)), plain)
