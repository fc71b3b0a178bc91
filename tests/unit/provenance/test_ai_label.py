"""The AI label: a strip below the picture, the file's metadata, and a signed credential, each says what made it."""

import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from imagegen_lessons.provenance import ai_label, c2pa
from tests.unit.helpers import noise, refused

needs_c2pa = pytest.mark.skipif(not c2pa.available(), reason="needs the extra `credentials`")
each_format = pytest.mark.parametrize("format", ["PNG", "JPEG"])
SOURCE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def source(picture: Image.Image) -> str:
    """What the file's XMP metadata says about where the picture comes from."""
    xmp = picture.info["xmp"] if "xmp" in picture.info else picture.info["XML:com.adobe.xmp"]
    text = xmp.decode() if isinstance(xmp, bytes) else xmp
    nodes = ET.fromstring(text.strip("\ufeff\n")).iter()
    (found,) = [node.get(SOURCE) for node in nodes if SOURCE in node.attrib]
    return found


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("width", [1, 13, 14, 100, 333, 1500])
def test_the_strip_lies_below_and_is_legible(mode, width):
    picture = noise(width, 30, mode)
    both = ai_label.with_strip(picture)
    assert both.mode == mode and both.width == max(width, 14)
    assert 14 <= both.height - 30 <= max(14, width / 30)
    assert np.array_equal(np.array(both)[:30, :width], np.array(picture))
    strip = np.array(both.convert("L"))[30:]
    assert strip.min() == 17 and strip.max() > 230  # light letters on dark ground
    if mode == "RGBA":
        assert np.array(both)[30:, :, 3].min() == 255  # not transparent
    ink = (strip > 128).nonzero()
    assert min(ink[0].min(), ink[1].min()) >= 1  # nothing is cut off
    assert ink[0].max() < strip.shape[0] - 1 and ink[1].max() < strip.shape[1] - 1
    assert len(set(ink[1])) >= min(5, width)


def test_larger_pictures_say_more():
    def columns_with_ink(width):
        strip = np.array(ai_label.with_strip(noise(width, 30)).convert("L"))[30:]
        return (strip > 128).any(0).sum()

    assert columns_with_ink(40) < 12 and 40 < columns_with_ink(120) < 100 < columns_with_ink(240)


@each_format
def test_the_metadata_say_it(format):
    picture = opened(ai_label.labelled(noise(200, 30), format))
    assert source(picture) == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    if format == "PNG":
        assert picture.text["Software"] == "imagegen_lessons"
        assert picture.text["Comment"] == ai_label.COMMENT
    else:
        assert picture.info["comment"] == f"imagegen_lessons: {ai_label.COMMENT}".encode()


@needs_c2pa
@each_format
def test_the_credential_says_it(format):
    verdict = c2pa.read(ai_label.labelled(noise(200, 30), format), [ai_label.signer().root])
    assert (verdict.state, verdict.source) == ("trusted", "trainedAlgorithmicMedia")
    assert verdict.signer == "imagegen_lessons"
    assert ai_label.signer() is ai_label.signer()  # one for the whole process


@each_format
def test_without_c2pa_the_other_two_remain(format, monkeypatch, capsys):
    whole = opened(ai_label.labelled(noise(200, 30), format))
    monkeypatch.setattr(c2pa, "available", lambda: False)
    data = ai_label.labelled(noise(200, 30), format)
    assert b"c2pa" not in data and source(opened(data)).endswith(ai_label.SOURCE)
    assert np.array_equal(np.array(opened(data)), np.array(whole))
    assert capsys.readouterr().out == ""


def test_a_failed_signature_does_not_lose_the_picture(monkeypatch, capsys):
    def broken(*arguments, **options):
        raise RuntimeError("no ink")

    monkeypatch.setattr(c2pa, "available", lambda: True)
    monkeypatch.setattr(c2pa, "sign", broken)
    monkeypatch.setattr(ai_label, "signer", lambda: None)
    assert source(opened(ai_label.labelled(noise(200, 30)))).endswith(ai_label.SOURCE)
    assert "no ink" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("mode", "format", "says"),
    [("P", "PNG", "'P'"), ("RGB", "GIF", "'GIF'"), ("RGBA", "JPEG", "transparent")],
)
def test_refusals(mode, format, says):
    with refused(says, ai_label.LabelError):
        ai_label.labelled(Image.new(mode, (20, 20)), format)
