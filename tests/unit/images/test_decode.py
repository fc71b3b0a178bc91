"""Decoding: good files come out with the right colours, hostile ones get one clear sentence."""

import bz2
import gzip
import io
import lzma
import os
import random
import re
import struct
import sys
import tarfile
import zipfile
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile, features

from imagegen_lessons import images
from imagegen_lessons.images import decode

RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


def encode(picture: Image.Image, format: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def corners(size=32) -> Image.Image:
    """A picture that shows which way up it is: red, green / blue, white; wider than high."""
    picture = Image.new("RGB", (2 * size, size))
    for k, colour in enumerate((RED, GREEN, BLUE, WHITE)):
        picture.paste(
            colour, (k % 2 * size, k // 2 * size // 2, (k % 2 + 1) * size, (k // 2 + 1) * size // 2)
        )
    return picture


def noise(width=80, height=60, mode="RGB") -> Image.Image:
    bands = len(Image.new(mode, (1, 1)).getbands())
    values = np.random.default_rng(0).integers(0, 256, (height, width, bands), dtype=np.uint8)
    return Image.fromarray(values if bands > 1 else values[..., 0])


def tensor(picture: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)[None] / 255


def colour(x: torch.Tensor) -> list[int]:
    """The 8-bit colour at the centre."""
    return (x[0, :, x.shape[2] // 2, x.shape[3] // 2] * 255).round().int().tolist()


def assert_sentence(message: str, *words: str):
    assert "\n" not in message and len(message) < 250
    assert message[0].isupper() or message[0] in "'\"", message
    assert message.endswith(".") and ". " not in message, message
    for word in words:
        assert word.lower() in message.lower(), message


# ---------------------------------------------------------------------------------- files that are right


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "GIF"])
def test_lossless_formats_are_exact(format):
    x = images.load(encode(corners(), format))
    assert x.shape == (1, 3, 32, 64) and x.dtype == torch.float32 and x.is_contiguous()
    torch.testing.assert_close(x, tensor(corners()))


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF"])
def test_lossy_formats_are_close(format):
    if format == "AVIF" and "avif" not in features.get_supported():
        pytest.skip("this Pillow was built without AVIF")
    x = images.load(encode(corners(), format, subsampling="4:4:4", quality=95))
    assert (x - tensor(corners())).abs().mean() < 0.02


def test_webp_lossless_is_exact():
    torch.testing.assert_close(images.load(encode(noise(), "WEBP", lossless=True)), tensor(noise()))


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


# What the camera stores, so that undoing the orientation gives `corners` again.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation(format, orientation):
    turn = STORED[orientation]
    picture = corners() if turn is None else corners().transpose(turn)
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


def test_sixteen_bit_survives_shrinking():
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (32, 1))
    x = images.load(encode(Image.fromarray(ramp), "PNG"), size=16)
    assert x.shape == (1, 3, 8, 16) and x[0, 0, 0].diff().min() > 0 and x.max() > 0.9


def test_float_tiff_in_unit_range():
    data = encode(Image.fromarray(np.full((4, 4), 0.25, dtype=np.float32)), "TIFF")
    torch.testing.assert_close(images.load(data), torch.full((1, 3, 4, 4), 0.25))


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


def test_every_way_of_handing_a_picture_over(tmp_path):
    data = encode(corners(), "PNG")
    path = tmp_path / "holiday.png"
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
    with path.open("rb") as file:
        torch.testing.assert_close(images.load(file), tensor(corners()))


@pytest.mark.parametrize("name", ["really_a_png.jpg", "Été à la plage 夏 .PNG"])
def test_names_do_not_matter(tmp_path, name, recwarn):
    path = tmp_path / name
    path.write_bytes(encode(corners(), "PNG"))
    torch.testing.assert_close(images.load(path), tensor(corners()))
    assert not recwarn.list, "the file is closed"


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


def test_place_and_camera_are_not_written_again():
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[1] = "N"
    x = images.load(encode(corners(), "JPEG", exif=exif))
    for format in ("PNG", "JPEG"):
        again = images.to_bytes(x, format)
        assert b"Secret" not in again and b"Exif" not in again
        assert len(Image.open(io.BytesIO(again)).getexif()) == 0


# ------------------------------------------------------------------------------------------ hostile files


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("cat.png", encode(corners(), "PNG"))
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("cat.png"), io.BytesIO())
    return buffer.getvalue()


def half(format, **options) -> bytes:
    data = encode(noise(), format, **options)
    return data[: len(data) // 2]


def flipped_png() -> bytes:
    data = bytearray(encode(noise(), "PNG"))
    data[len(data) // 2] ^= 0xFF
    return bytes(data)


def patched(format: str, start: int | bytes, layout: str, *sides: int) -> bytes:
    """A small picture whose header claims other sides; `start`: where they stand, or the marker before them."""
    data = bytearray(encode(corners(), format))
    start = data.index(start) + 5 if isinstance(start, bytes) else start
    struct.pack_into(layout, data, start, *sides)
    return bytes(data)


def webp_of(width, height) -> bytes:
    data = bytearray(encode(Image.new("RGBA", (8, 8)), "WEBP", exif=b"Exif\0\0"))
    start = data.index(b"VP8X") + 12
    data[start : start + 6] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes(data)


def text_bomb() -> bytes:
    body = b"comment\0\0" + zlib.compress(bytes(200_000_000), 9)
    return png(1, 1, 8, 2, b"\0abc", (b"zTXt", body))


BIG = bytes(20)
HOSTILE = {
    "empty": (b"", "empty"),
    "zeros": (bytes(5000), "not a picture"),
    "random": (random.Random(0).randbytes(5000), "not a picture"),
    "text": (b"This is a note about my holiday.\nIt was nice.\n", "text"),
    "utf-16 text": ("Grüße aus Köln, von uns allen".encode("utf-16"), "text"),
    "text that starts like a BMP": (b"BMW is a car maker.", "text"),
    "HTML": (b"<!DOCTYPE html><html><body>Not found</body></html>", "web page"),
    "HTML, late": (b"\n\n  <HTML><img src='cat.png'></HTML>", "web page"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "SVG"),
    "SVG with XML header": (b'<?xml version="1.0"?>\n<!-- x -->\n<svg></svg>', "SVG"),
    "zip": (zipped(), "archive"),
    "gzip": (gzip.compress(encode(corners(), "PNG")), "archive"),
    "tar": (tarred(), "archive"),
    "bzip2": (bz2.compress(BIG), "archive"),
    "xz": (lzma.compress(BIG), "archive"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + BIG, "archive"),
    "rar": (b"Rar!\x1a\x07" + BIG, "archive"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\n1 0 obj", "PDF.*export"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
    "Photoshop": (b"8BPS\0\1" + BIG, "Photoshop"),
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + BIG, "HEIC.*JPEG"),
    "HEIC, mif1": (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + BIG, "HEIC"),
    "broken AVIF": (b"\0\0\0\x18ftypavif\0\0\0\0avifmif1" + BIG, "AVIF"),
    "MP4": (b"\0\0\0\x18ftypisom\0\0\0\0" + BIG, "video"),
    "WebM": (b"\x1a\x45\xdf\xa3" + BIG, "video"),
    "pickle": (b"\x80\x04\x95" + bytes(range(128, 178)), "not a picture"),
    "ICO": (b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0" + BIG, "not a picture"),
    "PPM": (b"P6 60000 60000 255\n", "text"),
    "JPEG signature only": (b"\xff\xd8\xff\xe0", "damaged"),
    "PNG signature only": (b"\x89PNG\r\n\x1a\n", "damaged"),
    "GIF signature only": (b"GIF89a", "damaged"),
    "BMP signature only": (b"BM\x40\0\0\0\0\0\0\0", "damaged"),
    "TIFF signature only": (b"II*\0\x08\0\0\0", "damaged"),
    "WebP signature only": (b"RIFF\x20\0\0\0WEBPVP8 ", "damaged"),
    "half a JPEG": (half("JPEG"), "damaged"),
    "half a PNG": (half("PNG"), "damaged"),
    "half a GIF": (half("GIF"), "damaged"),
    "half a BMP": (half("BMP"), "damaged"),
    "half a WebP": (half("WEBP"), "damaged"),
    "half a compressed TIFF": (half("TIFF", compression="tiff_deflate"), "damaged"),
    "PNG with a flipped byte": (flipped_png(), "damaged"),
    "PNG without pixels": (png(8, 8, 8, 2, b""), "damaged"),
    "PNG of width 0": (png(0, 8, 8, 2, b""), "pixels|damaged"),
    "PNG of odd depth": (png(8, 8, 5, 2, b"\0" * 300), "damaged"),
    "PNG bomb": (png(50_000, 50_000, 8, 2, bytes(100)), "pixels.*40 million"),
    "PNG, just too large": (png(8000, 5001, 8, 2, bytes(100)), "8000 × 5001 pixels.*40 million"),
    "PNG bomb, real": (png(30_000, 30_000, 1, 0, bytes(30_000 * 3751)), "pixels.*40 million"),
    "BMP bomb": (patched("BMP", 18, "<ii", 60_000, 60_000), "pixels"),
    "BMP of negative width": (patched("BMP", 18, "<ii", -60_000, 60_000), "pixels|damaged"),
    "GIF bomb": (patched("GIF", 6, "<HH", 65_535, 65_535), "pixels"),
    "JPEG bomb": (patched("JPEG", b"\xff\xc0", ">HH", 65_000, 65_000), "pixels"),
    "WebP bomb": (webp_of(16_000, 16_000), "pixels|damaged"),
    "32-bit TIFF": (
        encode(Image.fromarray(np.array([[0, 2**30]], dtype=np.int32)), "TIFF"),
        "values beyond 16 bits",
    ),
    "TIFF with nan": (
        encode(Image.fromarray(np.array([[0, np.nan]], dtype=np.float32)), "TIFF"),
        "values beyond",
    ),
    "a text file called .png": (b"definitely not pixels " * 50, "text"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_get_one_sentence(name, recwarn):
    data, pattern = HOSTILE[name]
    with pytest.raises(images.ImageError) as caught:
        images.load(data)
    assert_sentence(str(caught.value))
    assert re.search(pattern, str(caught.value)), str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None  # no chain of tracebacks
    assert not recwarn.list


@pytest.mark.parametrize("name", [name for name in HOSTILE if "bomb" in name and "S" not in name])
def test_bombs_are_found_before_decoding(name, monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.exit("it was decoded"))
    with pytest.raises(images.ImageError):
        images.load(HOSTILE[name][0])


def test_hostile_files_are_named(tmp_path):
    path = tmp_path / "cat.png"
    path.write_bytes(zipped())
    with pytest.raises(images.ImageError, match="^'cat.png' is an archive"):
        images.load(path)
    with pytest.raises(images.ImageError, match="^'cat.png' is an archive"):
        images.load({"cat.png": {"metadata": {}, "content": zipped()}})
    upload = ({"name": "a\nb" + "c" * 500, "content": memoryview(b"")},)
    with pytest.raises(images.ImageError) as caught:
        images.load(upload)
    assert_sentence(str(caught.value), "empty")


@pytest.mark.parametrize(
    "source,words",
    [
        (None, ["NoneType", "path"]),
        (5, ["int"]),
        (torch.zeros(3, 4, 4), ["Tensor"]),
        ([], ["No picture has been chosen"]),
        ((), ["No picture has been chosen"]),
        ({}, ["No picture has been chosen"]),
        ("https://example.org/cat.png", ["address", "download"]),
        ("no/such/cat.png", ["There is no file"]),
        ("", ["folder"]),
        ("nul\0byte.png", ["nul"]),
        ("x" * 5000 + ".png", ["cannot be opened"]),
        ("~nosuchuser9/cat.png", ["cannot be opened"]),
        (io.StringIO("text"), ["opened as text"]),
        (np.zeros((4, 4, 3)), ["uint8", "float64"]),
        (np.zeros((4, 4, 2), dtype=np.uint8), ["(4, 4, 2)"]),
        (np.zeros((0, 4, 3), dtype=np.uint8), ["no pixels"]),
        (Image.new("RGB", (0, 0)), ["no pixels"]),
        ({"content": None}, ["NoneType"]),
    ],
)
def test_wrong_sources_get_one_sentence(source, words):
    with pytest.raises(images.ImageError) as caught:
        images.load(source)
    assert_sentence(str(caught.value), *words)


@pytest.mark.timeout(30)  # a pipe is read for ever
def test_folders_large_files_and_pipes(tmp_path):
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(decode.MAX_BYTES + 1)  # sparse: takes no room
    wrong = {tmp_path: "is a folder", tmp_path / "large.png": "larger than 100 MB"}
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.png")
        wrong[tmp_path / "pipe.png"] = "not an ordinary file"
    for path, words in wrong.items():
        with pytest.raises(images.ImageError) as caught:
            images.load(path)
        assert_sentence(str(caught.value), words)


@pytest.mark.skipif(
    sys.platform == "win32" or not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="as root all is readable",
)
def test_unreadable_file(tmp_path):
    path = tmp_path / "secret.png"
    path.write_bytes(encode(corners(), "PNG"))
    path.chmod(0)
    with pytest.raises(images.ImageError) as caught:
        images.load(path)
    assert_sentence(str(caught.value), "cannot be opened")


def test_compressed_text_does_no_harm():
    try:
        assert images.load(text_bomb()).shape == (1, 3, 1, 1)
    except images.ImageError as error:
        assert_sentence(str(error), "damaged")


def test_no_flipped_byte_escapes():
    """Whatever is done to a file, it loads or raises ImageError, and nothing else."""
    rng = random.Random(0)
    exif = Image.Exif()
    exif[0x0112] = 6
    originals = [
        encode(noise(24, 16), format, **options)
        for format, options in [
            ("PNG", {}),
            ("JPEG", {"exif": exif}),
            ("GIF", {}),
            ("BMP", {}),
            ("WEBP", {}),
            ("TIFF", {"compression": "tiff_lzw"}),
            ("PNG", {"transparency": (1, 2, 3)}),
        ]
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
            except images.ImageError as error:
                assert_sentence(str(error))


def test_own_limits():
    data = encode(corners(), "PNG")
    with pytest.raises(images.ImageError, match="at most 0.001 million"):
        images.load(data, max_pixels=1000)
    with pytest.raises(images.ImageError, match="at least 1, not 0"):
        images.load(data, size=0)
