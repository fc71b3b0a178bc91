"""Decoding: whatever picture a user brings becomes an image tensor, or one sentence that says why not."""

import io
import os
import warnings
from collections.abc import Mapping

import numpy as np
import torch
from PIL import Image, ImageCms

from imagegen_lessons import runtime

MAX_PIXELS = 40_000_000  # as a tensor, a picture of 40 megapixels takes 480 MB
MAX_BYTES = 100_000_000
# Pillow tries only these decoders: many of its others are old, rarely needed and rarely tested.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "AVIF")

_ARCHIVE = "is an archive; unpack it and choose a picture from inside"
_VIDEO = "is a video; save one of its frames as PNG or JPEG"
_DAMAGED = "is damaged or incomplete; get the file again or choose another"
_DOCUMENT = "is {}; export it as PNG or JPEG first"
# (offset, first bytes, what to tell the user): names of files lie, their first bytes seldom do.
_FOREIGN = (
    *((0, magic, _ARCHIVE) for magic in (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"Rar!")),
    *((0, magic, _ARCHIVE) for magic in (b"7z\xbc\xaf\x27\x1c", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")),
    (257, b"ustar", _ARCHIVE),
    (0, b"%PDF", _DOCUMENT.format("a PDF document")),
    (0, b"%!PS", _DOCUMENT.format("a PostScript drawing")),
    (0, b"8BPS", _DOCUMENT.format("a Photoshop file")),
    *((4, b"ftyp" + brand, _DOCUMENT.format("a HEIC photo")) for brand in (b"hei", b"hev", b"mif1", b"msf1")),
    (4, b"ftypavif", "is an AVIF picture that cannot be read here; save it as JPEG or PNG first"),
    (4, b"ftyp", _VIDEO),
    (0, b"\x1a\x45\xdf\xa3", _VIDEO),
    (8, b"AVI ", _VIDEO),
    *((0, magic, _DAMAGED) for magic in (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\x00", b"MM\x00*")),
    (6, bytes(4), _DAMAGED),  # the reserved bytes of BMP, checked together with its "BM"
    (8, b"WEBP", _DAMAGED),
)
# 6 × 6 × 6 colours, to see what a colour profile does to them
_CUBE = np.stack(np.meshgrid(*[np.arange(0, 256, 51, dtype=np.uint8)] * 3), axis=-1).reshape(6, 36, 3)
# EXIF orientation -> what undoes it (Exif 2.3, tag 0x0112)
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class ImageError(ValueError):
    """A picture cannot be used; the message is one sentence that says why and what to do."""


def load(source, size: int | None = None, max_pixels: int = MAX_PIXELS) -> torch.Tensor:
    """Reads a picture as an image (1, 3, H, W) in [0, 1]: upright, on white where transparent, first frame.

    `source`: a path, bytes, an open binary file, a PIL image, an array (H, W[, 3 or 4]) of uint8, or the
    `.value` of a FileUpload (ipywidgets 7 or 8; of several files the first). Files may be JPEG, PNG, WebP,
    GIF, BMP, TIFF or, where Pillow has it, AVIF; their metadata (place, camera, time) is dropped.
    `size`: pixels; a longer picture is shrunk, antialiased, until its longer side has this length.
    Raises ImageError, in one sentence, for everything else: damaged files, more than `max_pixels` (read in the
    header, before anything is decoded), other formats.
    """
    if size is not None and (not isinstance(size, int) or size < 1):
        raise ImageError(f"The size is the length of the longer side in pixels, at least 1, not {size!r}.")
    name, source = _unwrap(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's worries about odd files are not the student's
            picture = _open(source, name) if isinstance(source, bytes) else source
            width, height = picture.size
            if width * height > max_pixels:
                raise Image.DecompressionBombError(f"{width} × {height}")
            if width * height == 0:
                raise ImageError(f"{name} has no pixels ({width} × {height}); choose another.")
            picture.load()
            turn = _UPRIGHT.get(_orientation(picture))
            picture = _plain(picture, name)
            picture = picture if turn is None else picture.transpose(turn)
            if size is not None and max(picture.size) > size:
                shrunk = [max(1, round(side * size / max(width, height))) for side in picture.size]
                picture = picture.resize(shrunk, Image.Resampling.BICUBIC)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:  # Pillow's own, for what is far beyond, or ours
        count = str(error) if "×" in str(error) else "far too many"
        raise ImageError(
            f"{name} claims to have {count} pixels, and at most {max_pixels / 1e6:g} million are allowed; "
            "make it smaller first."
        ) from None
    except Exception:  # a hostile file can make a decoder fail in any way: they all mean the same
        raise ImageError(f"{name} {_DAMAGED}.") from None
    x = torch.from_numpy(np.array(picture))
    x = x.permute(2, 0, 1).contiguous().float().div_(255) if x.dim() == 3 else x.repeat(3, 1, 1)
    return x.clamp_(0, 1)[None]


def _label(name: str) -> str:
    return repr(name if len(name) <= 50 else "…" + name[-49:])  # repr: a name may hold line breaks


def _unwrap(source) -> tuple[str, bytes | Image.Image]:
    """What to call the picture in a message, and the picture: its bytes, or already open."""
    name = "The picture"
    if isinstance(source, Mapping) and "content" not in source:
        # ipywidgets 7: {name: {"metadata": …, "content": …}}; Colab's files.upload(): {name: content}
        uploads = ((k, v if isinstance(v, dict) else {"content": v}) for k, v in source.items())
        source = [{**upload, "name": name} for name, upload in uploads]
    if isinstance(source, tuple | list):
        if not source:
            raise ImageError("No picture has been chosen yet; choose one, then run this cell again.")
        source = source[0]
    if isinstance(source, Mapping):
        name, source = _label(str(source.get("name", "picture"))), source.get("content")
    if isinstance(source, str | os.PathLike):
        return _label(os.path.basename(os.fspath(source)) or str(source)), _read(source)
    if isinstance(source, np.ndarray):
        return name, _from_array(source)
    if isinstance(source, Image.Image):
        return name, source
    if hasattr(source, "read"):
        source = source.read(MAX_BYTES + 1)
        if isinstance(source, str):
            raise ImageError("The file was opened as text; open it with open(path, 'rb').")
    if isinstance(source, bytes | bytearray | memoryview):
        return name, bytes(source)
    kind = type(source).__name__
    raise ImageError(f"A picture is given as a path, as bytes or as an upload's .value, not as {kind}.")


def _from_array(values: np.ndarray) -> Image.Image:
    if values.dtype != np.uint8 or values.ndim not in (2, 3) or values.shape[2:] not in ((), (3,), (4,)):
        raise ImageError(
            "An array must hold uint8 and have the shape (H, W), (H, W, 3) or (H, W, 4), "
            f"but this one holds {values.dtype} and has the shape {values.shape}."
        )
    return Image.fromarray(values) if values.size else Image.new("L", (0, 0))


def _read(path) -> bytes:
    if str(path).lower().startswith(("http:", "https:", "ftp:", "data:")):
        raise ImageError("This is an address, not a file; download the picture first, then give its path.")
    label = _label(str(path))
    try:
        path = runtime.as_path(path)
        if path.is_dir():
            raise ImageError(f"{label} is a folder; give the path of one picture in it.")
        if not path.exists():
            raise ImageError(f"There is no file {label}; check its name and its folder.")
        if not path.is_file():  # a pipe or a device could be read for ever
            raise ImageError(f"{label} is not an ordinary file; give the path of a picture.")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except ImageError:
        raise
    except (OSError, ValueError, RuntimeError, TypeError):
        raise ImageError(f"{label} cannot be opened; check its name and whether you may read it.") from None


def _open(data: bytes, name: str) -> Image.Image:
    """The picture in these bytes: its header is read, nothing is decoded yet."""
    if not data:
        raise ImageError(f"{name} is empty (0 bytes); get the file again or choose another.")
    if len(data) > MAX_BYTES:
        raise ImageError(f"{name} is larger than {MAX_BYTES // 10**6} MB; make it smaller first.")
    Image.init()
    try:
        return Image.open(io.BytesIO(data), formats=[f for f in FORMATS if f in Image.OPEN])
    except Image.DecompressionBombError:
        raise
    except Exception:  # see load
        raise ImageError(f"{name} {_diagnose(data)}.") from None


def _diagnose(data: bytes) -> str:
    """What these bytes are, if not a readable picture, and what to do about it."""
    start = data[:4096]
    for offset, magic, words in _FOREIGN:
        if start.startswith(magic, offset) and (magic != bytes(4) or start.startswith(b"BM")):
            return words
    wide = start.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = start.decode("utf-16" if wide else "utf-8", errors="replace")
    if "<svg" in text:
        return _DOCUMENT.format("an SVG drawing")
    if "<html" in text.lower() or "<!doctype html" in text.lower():
        return "is a web page; save the picture itself, not the page around it"
    odd = sum(not (c.isprintable() or c.isspace()) or c == "\N{REPLACEMENT CHARACTER}" for c in text)
    kind = "is text, not a picture" if odd <= len(text) / 10 else "is not a picture that can be read here"
    return f"{kind}; choose a JPEG, PNG, WebP, GIF, BMP or TIFF file"


def _orientation(picture: Image.Image) -> int:
    try:
        return picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # broken metadata must not cost the picture
        return 1


def _in_srgb(picture: Image.Image) -> Image.Image:
    """The picture in sRGB, where its colour profile says that its values mean other colours."""
    profile = picture.info.get("icc_profile")
    if not profile:
        return picture
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            "RGB" if picture.mode == "RGBA" else picture.mode,
            "RGB",
        )
        if picture.mode in ("L", "CMYK"):
            return ImageCms.applyTransform(picture, transform)
        colours = Image.fromarray(_CUBE)
        change = np.subtract(ImageCms.applyTransform(colours, transform), _CUBE, dtype=int)
        if abs(change).max() <= 2:  # sRGB itself, whatever its name; two levels are rounding
            return picture
        changed = ImageCms.applyTransform(picture.convert("RGB"), transform)
        if picture.mode == "RGBA":
            changed.putalpha(picture.getchannel("A"))
        return changed
    except Exception:  # a broken profile must not cost the picture
        return picture


def _plain(picture: Image.Image, name: str) -> Image.Image:
    """The picture as "RGB" (8 bits), or as "F" in [0, 1] where it is grey with more than 8 bits."""
    if picture.mode == "F" or picture.mode.startswith("I"):
        values = np.array(picture).astype(np.float32)
        values = values if picture.mode == "F" else values / 65535  # floats are taken as they are
        if not (values.min() >= 0 and values.max() <= 1):  # so written, nan fails too
            raise ImageError(f"{name} has values beyond 16 bits; convert it to 8 or 16 bits first.")
        return Image.fromarray(values)
    if picture.mode in ("LA", "PA", "La", "RGBA", "RGBa") or "transparency" in picture.info:
        picture = _in_srgb(picture.convert("RGBA"))
        return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    return _in_srgb(picture if picture.mode in ("L", "CMYK") else picture.convert("RGB")).convert("RGB")
