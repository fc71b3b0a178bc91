"""The AI label: every picture that the course saves says that a program made it.

It says so three times: in a strip below the picture, for people; in the file's metadata, for programs; and, where
c2pa-python is installed, in a signed Content Credential (`c2pa`). Nothing else is written about the picture or its
maker: what a photograph brought along (place, camera, time) does not come this far, because only pixels do.
"""

import functools
import io

from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from imagegen_lessons.provenance import c2pa

WORDS = ("made by a program · imagegen_lessons", "made by a program", "AI")  # the first that fits
SMALLEST = 10  # pixels: a smaller font cannot be read
SOURCE = "trainedAlgorithmicMedia"  # one of c2pa.SOURCES
COMMENT = "Made by a program, not taken by a camera."
XMP = f"""<?xpacket begin="\N{ZERO WIDTH NO-BREAK SPACE}" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:iptc="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 iptc:DigitalSourceType="{c2pa.IPTC}{SOURCE}"/></rdf:RDF></x:xmpmeta><?xpacket end="r"?>"""


class LabelError(ValueError):
    """A picture cannot be labelled; the message says why."""


def with_strip(picture: Image.Image) -> Image.Image:
    """The picture ("L", "RGB" or "RGBA") with a dark strip below it that says in white what made it.

    The picture's own pixels keep their places and values; the strip is about 3 % of the width high, and at
    least 14 pixels. A picture narrower than 14 pixels gets a broader strip, for "AI" to fit.
    Raises LabelError for another mode.
    """
    if picture.mode not in ("L", "RGB", "RGBA"):
        raise LabelError(
            f"A picture is saved as 'L', 'RGB' or 'RGBA', not {picture.mode!r}; convert it first."
        )
    width, height = picture.size
    size = max(SMALLEST, round(width / 50))
    font = ImageFont.load_default(size)
    words = next((words for words in WORDS if font.getlength(words) <= width - 4), WORDS[-1])
    thick = size * 7 // 5
    strip = Image.new("L", (max(width, thick), thick), 17)  # white on it has a contrast of 19 to 1
    draw = ImageDraw.Draw(strip)
    draw.text((strip.width / 2, strip.height / 2), words, fill=255, font=font, anchor="mm")
    both = Image.new(picture.mode, (strip.width, height + strip.height))
    both.paste(picture, (0, 0))
    both.paste(strip, (0, height))
    return both


def labelled(picture: Image.Image, format: str = "PNG") -> bytes:
    """A "PNG" or "JPEG" file of the picture with strip, metadata and, where c2pa is installed, a credential.

    When signing fails, the file comes without a credential, and a printed line says so.
    Raises LabelError for another format, and for transparency in a JPEG file.
    """
    if format not in ("PNG", "JPEG"):
        raise LabelError(f"The format can be 'PNG' or 'JPEG', not {format!r}.")
    if format == "JPEG" and picture.mode == "RGBA":
        raise LabelError("A JPEG file cannot be transparent; choose a name that ends in .png.")
    buffer = io.BytesIO()
    with_strip(picture).save(buffer, format, **_metadata(format))
    return _signed(buffer.getvalue())


def labelled_clip(
    pictures: list[Image.Image], format: str = "GIF", fps: float = 12, loop: bool = True
) -> bytes:
    """An animated "GIF", "PNG" (APNG) or "WEBP" file of pictures of one size and mode, each with strip; and metadata.

    PNG and WebP are exact and may be transparent. A GIF has one palette for all frames, so that still parts do not
    flicker, and counts time in hundredths of a second. Only the PNG file can carry a credential.
    Raises LabelError for another format, and for transparency in a GIF.
    """
    if format not in ("GIF", "PNG", "WEBP"):
        raise LabelError(f"The format of a clip can be 'GIF', 'PNG' or 'WEBP', not {format!r}.")
    frames = [with_strip(picture) for picture in pictures]
    options = {"loop": 0 if loop else 1}
    if format == "GIF":
        if frames[0].mode == "RGBA":
            raise LabelError("A GIF cannot be half transparent; choose a name that ends in .png or .webp.")
        options = {"loop": 0} if loop else {}  # without the word it plays once
        frames = _with_one_palette(frames)
    elif format == "WEBP":
        options["lossless"] = True
    options |= {"save_all": True, "append_images": frames[1:], "duration": round(1000 / fps)}
    buffer = io.BytesIO()
    frames[0].save(buffer, format, **options, **_metadata(format))
    return _signed(buffer.getvalue()) if format == "PNG" else buffer.getvalue()


def _with_one_palette(frames: list[Image.Image]) -> list[Image.Image]:
    """The frames in the 256 colours that serve all of them; up to sixteen, spread over the clip, choose these."""
    some = frames[:: -(-len(frames) // 16)]
    width, height = frames[0].size
    sheet = Image.new("RGB", (width, height * len(some)))
    for k, frame in enumerate(some):
        sheet.paste(frame, (0, k * height))
    palette = sheet.quantize(256)
    return [frame.convert("RGB").quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]


def _metadata(format: str) -> dict:
    """What Pillow writes into a file of this format beside the pixels."""
    if format == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Software", "imagegen_lessons")
        text.add_text("Comment", COMMENT)
        text.add_itxt("XML:com.adobe.xmp", XMP)
        return {"pnginfo": text}
    comment = f"imagegen_lessons: {COMMENT}"
    return {
        "JPEG": {"quality": 90, "comment": comment, "xmp": XMP.encode()},
        "WEBP": {"xmp": XMP.encode()},
        "GIF": {"comment": comment},
    }[format]


@functools.cache
def signer() -> c2pa.Authority:
    """Who signs what the course writes: made when first needed, and gone with this process."""
    return c2pa.authority("imagegen_lessons")


def _signed(data: bytes) -> bytes:
    if not c2pa.available():
        return data
    try:
        return c2pa.sign(data, signer(), source=SOURCE)
    except Exception as error:  # whatever goes wrong here must not cost the picture
        print(f"Saved without a credential: {error}")
        return data
