"""Files and tensors: good files come out with the right colours, hostile ones get one clear sentence."""

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

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


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


@pytest.mark.parametrize("format,options", [("JPEG", {"quality": 95}), ("WEBP", {"quality": 95})])
def test_lossy_formats_are_close(format, options):
    x = images.load(encode(corners(), format, subsampling=0, **options))
    assert (x - tensor(corners())).abs().mean() < 0.02


def test_webp_lossless_is_exact():
    torch.testing.assert_close(images.load(encode(noise(), "WEBP", lossless=True)), tensor(noise()))


@pytest.mark.skipif("avif" not in features.get_supported(), reason="this Pillow was built without AVIF")
def test_avif():
    assert (images.load(encode(corners(), "AVIF", quality=95)) - tensor(corners())).abs().mean() < 0.02


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation(format, orientation):
    stored = {  # what the camera stores, so that undoing the orientation gives `corners` again
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }[orientation]
    picture = corners()
    for turn in stored:
        picture = picture.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    x = images.load(encode(picture, format, exif=exif))
    assert x.shape == (1, 3, 32, 64)
    assert (x - tensor(corners())).abs().mean() < 0.02


def test_cmyk_jpeg_and_tiff():
    for ink, expected in [((0, 0, 0, 0), WHITE), ((0, 255, 255, 0), RED), ((0, 0, 0, 255), (0, 0, 0))]:
        picture = Image.new("CMYK", (16, 16), ink)
        for data in (encode(picture, "JPEG", quality=100), encode(picture, "TIFF")):
            assert np.allclose(colour(images.load(data)), expected, atol=2)


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_keeps_its_range_and_precision(format):
    values = np.array([[0, 65535], [32768, 256]], dtype=np.uint16)
    x = images.load(encode(Image.fromarray(values), format))
    expected = torch.from_numpy(values.astype(np.float32) / 65535).expand(1, 3, 2, 2)
    torch.testing.assert_close(x, expected)


def png(width, height, depth, kind, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG built by hand, for what Pillow does not write."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def test_sixteen_bit_colour():
    pixel = struct.pack(">HHH", 65535, 32896, 0)
    assert colour(images.load(png(1, 1, 16, 2, b"\0" + pixel))) == [255, 128, 0]
    pixel = struct.pack(">HHHH", 65535, 0, 0, 0)  # RGBA, transparent
    assert colour(images.load(png(1, 1, 16, 6, b"\0" + pixel))) == [255, 255, 255]


def test_sixteen_bit_survives_shrinking():
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (32, 1))
    x = images.load(encode(Image.fromarray(ramp), "PNG"), size=16)
    assert x.shape == (1, 3, 8, 16) and x[0, 0, 0].diff().min() > 0 and x.max() > 0.9


def test_float_tiff_in_unit_range():
    data = encode(Image.fromarray(np.full((4, 4), 0.25, dtype=np.float32)), "TIFF")
    torch.testing.assert_close(images.load(data), torch.full((1, 3, 4, 4), 0.25))


@pytest.mark.parametrize("mode,value", [("L", 77), ("1", 1), ("RGB", (77, 77, 77)), ("P", 0)])
def test_plain_modes(mode, value):
    picture = Image.new(mode, (8, 8), value)
    expected = {"1": 255, "P": 0}.get(mode, 77)
    assert colour(images.load(encode(picture, "PNG"))) == [expected] * 3


def test_alpha_is_put_on_white():
    half = images.load(encode(Image.new("RGBA", (8, 8), (255, 0, 0, 128)), "PNG"))
    assert colour(half) == [255, 127, 127]
    assert colour(images.load(encode(Image.new("LA", (8, 8), (0, 0)), "PNG"))) == [255, 255, 255]
    assert colour(images.load(encode(Image.new("LA", (8, 8), (0, 255)), "PNG"))) == [0, 0, 0]
    assert colour(images.load(encode(Image.new("RGBA", (8, 8), (0, 0, 255, 0)), "WEBP", lossless=True))) == [
        *WHITE
    ]


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


def test_first_frame_of_an_animation():
    frames = [Image.new("RGB", (16, 16), c) for c in (RED, GREEN, BLUE)]
    for format in ("GIF", "WEBP", "PNG", "TIFF"):
        data = encode(frames[0], format, save_all=True, append_images=frames[1:])
        assert np.allclose(colour(images.load(data)), RED, atol=3), format


def test_multi_picture_jpeg_of_a_phone():
    data = encode(
        Image.new("RGB", (16, 16), RED), "MPO", save_all=True, append_images=[Image.new("RGB", (16, 16))]
    )
    assert np.allclose(colour(images.load(data)), RED, atol=3)


def test_transparent_gif():
    picture = Image.new("P", (4, 4), 0)
    picture.putpalette([0, 0, 255, 0, 255, 0])
    assert colour(images.load(encode(picture, "GIF", transparency=0))) == [255, 255, 255]


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


def test_extension_is_not_trusted(tmp_path):
    path = tmp_path / "really_a_png.jpg"
    path.write_bytes(encode(corners(), "PNG"))
    torch.testing.assert_close(images.load(path), tensor(corners()))


def test_names_with_spaces_accents_and_capitals(tmp_path):
    path = tmp_path / "Été à la plage 夏 .PNG"
    path.write_bytes(encode(corners(), "PNG"))
    assert images.load(path).shape == (1, 3, 32, 64)


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


def zipped(name="cat.png") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, encode(corners(), "PNG"))
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


def bmp_of(width, height) -> bytes:
    data = bytearray(encode(corners(), "BMP"))
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def gif_of(width, height) -> bytes:
    data = bytearray(encode(corners(), "GIF"))
    data[6:10] = struct.pack("<HH", width, height)
    return bytes(data)


def jpeg_of(width, height) -> bytes:
    data = bytearray(encode(corners(), "JPEG"))
    start = data.index(b"\xff\xc0") + 5
    data[start : start + 4] = struct.pack(">HH", height, width)
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
    "one byte": (b"\x00", "not a picture"),
    "zeros": (bytes(5000), "not a picture"),
    "random": (random.Random(0).randbytes(5000), "not a picture"),
    "text": (b"This is a note about my holiday.\nIt was nice.\n", "text"),
    "utf-16 text": ("Grüße aus Köln, von uns allen".encode("utf-16"), "text"),
    "csv": (b"a,b,c\n1,2,3\n" * 100, "text"),
    "text that starts like a BMP": (b"BMW is a car maker.", "text"),
    "HTML": (b"<!DOCTYPE html><html><body>Not found</body></html>", "web page"),
    "HTML, late": (b"\n\n  <HTML><img src='cat.png'></HTML>", "web page"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "SVG"),
    "SVG with XML header": (b'<?xml version="1.0"?>\n<!-- x -->\n<svg></svg>', "SVG"),
    "SVG bomb": (b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><svg>&a;</svg>', "SVG"),
    "zip": (zipped(), "archive"),
    "Office document": (zipped("word/document.xml"), "archive"),
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
    "half a JPEG": (half("JPEG"), "damaged or incomplete"),
    "half a PNG": (half("PNG"), "damaged or incomplete"),
    "half a GIF": (half("GIF"), "damaged or incomplete"),
    "half a BMP": (half("BMP"), "damaged or incomplete"),
    "half a WebP": (half("WEBP"), "damaged or incomplete"),
    "half a TIFF": (half("TIFF"), "damaged or incomplete"),
    "half a compressed TIFF": (half("TIFF", compression="tiff_deflate"), "damaged or incomplete"),
    "PNG with a flipped byte": (flipped_png(), "damaged"),
    "PNG without pixels": (png(8, 8, 8, 2, b""), "damaged"),
    "PNG of width 0": (png(0, 8, 8, 2, b""), "pixels|damaged"),
    "PNG of odd depth": (png(8, 8, 5, 2, b"\0" * 300), "damaged"),
    "PNG bomb": (png(50_000, 50_000, 8, 2, bytes(100)), "pixels.*40 million"),
    "PNG, just too large": (png(8000, 5001, 8, 2, bytes(100)), "8000 × 5001 pixels.*40 million"),
    "PNG bomb, real": (png(30_000, 30_000, 1, 0, bytes(30_000 * 3751)), "pixels.*40 million"),
    "BMP bomb": (bmp_of(60_000, 60_000), "pixels"),
    "BMP of negative width": (bmp_of(-60_000, 60_000), "pixels|damaged"),
    "GIF bomb": (gif_of(65_535, 65_535), "pixels"),
    "JPEG bomb": (jpeg_of(65_000, 65_000), "pixels"),
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
def test_bombs_are_judged_before_decoding(name, monkeypatch):
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


def test_folders_large_files_and_pipes(tmp_path):
    with pytest.raises(images.ImageError) as caught:
        images.load(tmp_path)
    assert_sentence(str(caught.value), "is a folder")
    large = tmp_path / "large.png"
    with large.open("wb") as file:
        file.truncate(images.load.__globals__["MAX_BYTES"] + 1)  # sparse: takes no room
    with pytest.raises(images.ImageError) as caught:
        images.load(large)
    assert_sentence(str(caught.value), "larger than 100 MB")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.png")
        with pytest.raises(images.ImageError) as caught:
            images.load(tmp_path / "pipe.png")
        assert_sentence(str(caught.value), "not an ordinary file")


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


# ------------------------------------------------------------------------------------------------ tensors


def test_png_round_trip_is_exact():
    x = tensor(noise())
    torch.testing.assert_close(images.load(images.to_bytes(x, "PNG")), x)
    torch.testing.assert_close(images.load(images.to_pil(x)), x)


def test_to_pil_shapes_and_rounding():
    assert images.to_pil(torch.zeros(3, 4, 5)).size == (5, 4)
    assert images.to_pil(torch.zeros(1, 3, 4, 5)).mode == "RGB"
    assert images.to_pil(torch.zeros(1, 4, 5)).mode == "L"
    assert images.to_pil(torch.zeros(1, 1, 4, 5)).mode == "L"
    x = torch.tensor([0, 0.499 / 255, 0.501 / 255, 254.4 / 255, 254.6 / 255, 1]).reshape(1, 1, 6)
    assert np.array(images.to_pil(x)).tolist() == [[0, 0, 1, 254, 255, 255]]
    images.to_pil(torch.full((3, 2, 2), 0.5, dtype=torch.bfloat16).requires_grad_())
    with pytest.raises(images.ImageError, match="batch of 2"):
        images.to_pil(torch.zeros(2, 3, 4, 4))


def test_jpeg_quality():
    x = tensor(noise())
    assert len(images.to_bytes(x, "JPEG", quality=20)) < len(images.to_bytes(x, "JPEG", quality=95))
    with pytest.raises(images.ImageError, match="PNG"):
        images.to_bytes(x, "BMP")


@pytest.mark.parametrize(
    "wrong,words",
    [
        (np.zeros((3, 4, 4)), ["torch tensor", "ndarray"]),
        (torch.zeros(3, 4, 4, dtype=torch.uint8), ["float() / 255"]),
        (torch.zeros(4, 4), ["(4, 4)"]),
        (torch.zeros(8, 8, 3), ["movedim"]),
        (torch.zeros(1, 4, 8, 8), ["channels"]),
        (torch.zeros(0, 3, 8, 8), ["no pixels"]),
        (torch.full((3, 4, 4), float("nan")), ["not finite"]),
        (torch.full((3, 4, 4), float("inf")), ["not finite"]),
        (torch.linspace(-1, 1, 48).reshape(3, 4, 4), ["(image + 1) / 2"]),
        (torch.full((3, 4, 4), 200.0), ["image / 255"]),
        (torch.full((3, 4, 4), 1.3), ["clamp"]),
    ],
)
def test_check_says_what_is_wrong(wrong, words):
    with pytest.raises(images.ImageError) as caught:
        images.check(wrong)
    assert_sentence(str(caught.value), *words)


def test_check_returns_the_image():
    x = torch.rand(2, 1, 4, 4)
    assert images.check(x) is x
    images.check(torch.full((3, 2, 2), 1.00001))


def test_resize():
    x = tensor(noise())
    assert images.resize(x, 20).shape == (1, 3, 20, 20)
    assert images.resize(x[0], (30, 40)).shape == (3, 30, 40)
    for mode in ("bicubic", "bilinear", "nearest"):
        y = images.resize(x, 200, mode)
        assert y.min() >= 0 and y.max() <= 1
    assert images.resize(x, (8, 8)).std() < images.resize(x, (8, 8), "nearest").std() / 2  # antialiased
    for size in (0, -3, 2.5, (3, 4, 5), "big"):
        with pytest.raises(images.ImageError) as caught:
            images.resize(x, size)
        assert_sentence(str(caught.value), "size")
    with pytest.raises(images.ImageError, match="mode"):
        images.resize(x, 8, "lanczos")


def test_crop_centre():
    x = torch.arange(35.0).reshape(1, 5, 7) / 35
    torch.testing.assert_close(images.crop_centre(x, 3), x[:, 1:4, 2:5])
    assert images.crop_centre(x, (5, 2)).shape == (1, 5, 2)
    with pytest.raises(images.ImageError) as caught:
        images.crop_centre(x, 6)
    assert_sentence(str(caught.value), "does not fit")


def test_grid():
    sheet = images.grid(torch.zeros(5, 1, 4, 6), columns=3, gap=1, background=0.5)
    assert sheet.shape == (1, 3, 9, 20)
    assert sheet[0, 0, 4, 0] == 0.5 and sheet[0, 0, 8, 19] == 0.5 and sheet[0, 0, 0, 0] == 0
    assert images.grid(torch.zeros(9, 3, 4, 4)).shape == (1, 3, 16, 16)
    assert images.grid([torch.zeros(3, 4, 4), torch.ones(1, 1, 4, 4)], columns=9, gap=0).shape == (1, 3, 4, 8)
    for wrong in ([], [torch.zeros(3, 4, 4), torch.zeros(3, 5, 4)]):
        with pytest.raises(images.ImageError) as caught:
            images.grid(wrong)
        assert_sentence(str(caught.value), "one size")
