"""Labels: every saved picture says what made it, no other place writes pictures, nothing of uploads remains."""

import ast
import io
import re
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

from imagegen_lessons import images, runtime
from imagegen_lessons.images import save, spritesheet
from imagegen_lessons.provenance import ai_label, c2pa
from tests.lessons import checks
from tools import lessons

needs_c2pa = pytest.mark.skipif(not c2pa.available(), reason="needs the extra `credentials`")
FORMATS = ("PNG", "JPEG")
SOURCE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"


def noise(mode="RGB", width=200, height=30) -> Image.Image:
    bands = len(mode) if mode != "L" else 1
    values = np.random.default_rng(0).integers(0, 256, (height, width, bands), dtype=np.uint8)
    return Image.fromarray(values.squeeze(2) if bands == 1 else values)


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def source(picture: Image.Image) -> str:
    """What the file's XMP metadata says about where the picture comes from."""
    xmp = picture.info["xmp"] if "xmp" in picture.info else picture.info["XML:com.adobe.xmp"]
    text = xmp.decode() if isinstance(xmp, bytes) else xmp
    (found,) = [
        node.get(SOURCE) for node in ET.fromstring(text.strip("\ufeff\n")).iter() if SOURCE in node.attrib
    ]
    return found


# ---- The strip ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("width", [1, 5, 13, 14, 24, 100, 333, 1500])
def test_the_strip_lies_below_and_is_legible(mode, width):
    picture = noise(mode, width)
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
    ink = [
        (np.array(ai_label.with_strip(noise(width=width)).convert("L"))[30:] > 128).any(0).sum()
        for width in (40, 120, 240)
    ]
    assert ink[0] < 12 and 40 < ink[1] < 100 < ink[2]


def test_other_modes_are_refused():
    for mode in ("P", "F", "CMYK"):
        with pytest.raises(images.ImageError, match=f"not '{mode}'; convert"):
            ai_label.with_strip(Image.new(mode, (20, 20)))


# ---- The file says it in three ways ---------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
def test_the_metadata_say_it(format):
    picture = opened(ai_label.labelled(noise(), format))
    assert source(picture) == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    if format == "PNG":
        assert picture.text["Software"] == "imagegen_lessons"
        assert picture.text["Comment"] == ai_label.COMMENT
    else:
        assert picture.info["comment"] == f"imagegen_lessons: {ai_label.COMMENT}".encode()


@needs_c2pa
@pytest.mark.parametrize("format", FORMATS)
def test_the_credential_says_it(format):
    data = ai_label.labelled(noise(), format)
    verdict = c2pa.read(data, [ai_label.signer().root])
    assert (verdict.state, verdict.source) == ("trusted", "trainedAlgorithmicMedia")
    assert verdict.signer == "imagegen_lessons"
    assert ai_label.signer() is ai_label.signer()  # one for the whole process


@pytest.mark.parametrize("format", FORMATS)
def test_without_c2pa_the_other_two_remain(format, monkeypatch, capsys):
    whole = opened(ai_label.labelled(noise(), format))
    monkeypatch.setattr(c2pa, "available", lambda: False)
    data = ai_label.labelled(noise(), format)
    assert b"c2pa" not in data and source(opened(data)).endswith(ai_label.SOURCE)
    assert np.array_equal(np.array(opened(data)), np.array(whole))
    assert capsys.readouterr().out == ""


def test_a_failed_signature_does_not_lose_the_picture(monkeypatch, capsys, tmp_path):
    def broken(*arguments, **options):
        raise RuntimeError("no ink")

    monkeypatch.setattr(c2pa, "available", lambda: True)
    monkeypatch.setattr(c2pa, "sign", broken)
    monkeypatch.setattr(ai_label, "signer", lambda: None)
    path = save.write(noise(), tmp_path / "a.png")
    assert source(Image.open(path)).endswith(ai_label.SOURCE)
    assert capsys.readouterr().out == "Saved without a credential: no ink\n"


def test_refusals(tmp_path):
    with pytest.raises(images.ImageError, match="'PNG' or 'JPEG', not 'GIF'"):
        ai_label.labelled(noise(), "GIF")
    with pytest.raises(images.ImageError, match="cannot be transparent"):
        ai_label.labelled(noise("RGBA"), "JPEG")
    with pytest.raises(images.ImageError, match=r"must end in .png, .jpg or .jpeg, not ''"):
        save.write(noise(), tmp_path / "name")
    assert list(tmp_path.iterdir()) == []


def test_a_large_picture_costs_little_more():
    picture = Image.new("RGB", (6000, 4000), "teal")
    start = time.perf_counter()
    both = ai_label.with_strip(picture)
    assert both.size == (6000, 4168) and time.perf_counter() - start < 2
    ai_label.labelled(Image.new("L", (9000, 9000)), "JPEG")  # 81 million pixels


def test_it_is_as_large_on_the_way_back(tmp_path):
    x = torch.rand(1, 3, 40, 300)
    for name in ("a.png", "a.jpeg"):
        back = images.load(images.save(x, tmp_path / name))
        assert back.shape == (1, 3, 54, 300)
        torch.testing.assert_close(back[..., :40, :], x, atol=0.6 / 255 if name == "a.png" else 1, rtol=0)


def test_sprites_keep_their_places(tmp_path):
    x = torch.zeros(3, 4, 8, 8)
    x[:, 0], x[:, 3] = 1, 1
    path = spritesheet.save(x, ["a", "b", "c"], tmp_path, columns=1)  # narrower than its label
    torch.testing.assert_close(torch.stack(list(spritesheet.load(path).values())), x)
    assert Image.open(path).size == (14, 38)
    if c2pa.available():
        assert c2pa.read(path.read_bytes(), [ai_label.signer().root]).state == "trusted"


# ---- Nothing of an upload remains -----------------------------------------------------------------------------


def upload(format: str) -> bytes:
    """A photograph as a telephone would write it: place, camera, comment, XMP, colour profile, credential."""
    exif = Image.Exif()
    exif[0x010F] = exif[0x013B] = "SECRET maker"
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2], gps[29] = "N", (48.0, 51.0, 29.0), "SECRET date"
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">SECRET place</x:xmpmeta>'
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", "SECRET author")
    text.add_itxt("XML:com.adobe.xmp", xmp.decode())
    more = {"pnginfo": text} if format == "PNG" else {"comment": b"SECRET comment", "xmp": xmp}
    buffer = io.BytesIO()
    noise().save(buffer, format, exif=exif, icc_profile=b"SECRET profile" * 20, dpi=(123, 123), **more)
    data = buffer.getvalue()
    if c2pa.available():
        camera = c2pa.authority("SECRET camera")
        data = c2pa.sign(data, camera, source="digitalCapture", title="SECRET title")
    return data


@pytest.mark.parametrize("came", FORMATS)
@pytest.mark.parametrize("goes", [".png", ".jpg"])
def test_no_trace_of_an_upload_is_saved(came, goes, tmp_path):
    data = upload(came)
    assert data.count(b"SECRET") > 5
    path = images.save(images.load(data), tmp_path / f"mine{goes}")
    written = path.read_bytes()
    picture = opened(written)
    assert b"SECRET" not in written and b"digitalCapture" not in written
    assert len(picture.getexif()) == 0 and not {"exif", "icc_profile", "dpi"} & set(picture.info)
    assert source(picture).endswith("/trainedAlgorithmicMedia")
    assert str(tmp_path).encode() not in written and b"mine" not in written


def test_a_picture_that_carries_metadata_itself_does_not_pass_them_on():
    picture = opened(upload("JPEG"))
    for format in FORMATS:
        assert b"SECRET" not in ai_label.labelled(picture, format)


# ---- No other place writes pictures ---------------------------------------------------------------------------

WRITERS = {
    "save",
    "savefig",
    "imsave",
    "imwrite",
    "save_image",
    "write_bytes",
    "write_image",
    "to_file",
    "dump",
}
OTHERS = {  # what `save` also is, and writes no picture
    "checkpoint.save",
    "checkpoints.save",
    "images.save",
    "safetensors.torch.save",
    "spritesheet.save",
    "run.save",
}
ALLOWED = {("labels.py", "write")}  # (module, function)


def writing_problems(name: str, code: str) -> list[str]:
    """Calls that may write a picture into a file: all but those into an io.BytesIO and those of `save.write`."""
    tree = ast.parse(code)
    in_memory = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.NamedExpr)
        and ast.unparse(node.value) in ("io.BytesIO()", "BytesIO()")
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.With):
            in_memory |= {
                item.optional_vars.id
                for item in node.items
                if ast.unparse(item.context_expr) == "io.BytesIO()"
                and isinstance(item.optional_vars, ast.Name)
            }
    problems = []
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        inside = {(name, f.name) for f in functions if f.lineno <= node.lineno <= f.end_lineno}
        target = ast.unparse(node.args[0]) if node.args else ""
        if (
            called.split(".")[-1] not in WRITERS
            or called in OTHERS
            or inside & ALLOWED
            or target in in_memory
        ):
            continue
        problems.append(
            f"{name}, line {node.lineno}: {called}({target}…) may write a picture without its label."
        )
    return problems


def sources() -> dict[str, str]:
    """The code of the package's modules and of the lessons."""
    folder = runtime.ROOT / "imagegen_lessons"
    found = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.py")
    }
    for path in sorted((runtime.ROOT / "notebooks").glob("*.ipynb")):
        cells = lessons.code_cells(nbformat.read(path, as_version=4))
        found[path.name] = "\n".join(cell.source for cell in cells)
    return found


def test_pictures_are_written_by_labels_and_nowhere_else():
    code = sources()
    assert len(code) > 50
    assert [problem for name, text in code.items() for problem in writing_problems(name, text)] == []


@pytest.mark.parametrize("name", ["labels.py", "images.py", "lesson.ipynb"])
@pytest.mark.parametrize(
    "line",
    [
        "picture.save(path)",
        "Image.fromarray(x).save('a.png')",
        "fig.savefig('a.png')",
        "plt.imsave('a.png', x)",
        "io.imsave('a.png', x)",
        "path.write_bytes(images.to_bytes(x))",
        "torchvision.utils.save_image(x, 'a.png')",
        "cv2.imwrite('a.png', x)",
        "file = open('a.png', 'wb')\npicture.save(file)",
    ],
)
def test_a_planted_writer_is_found(name, line):
    assert len(writing_problems(name, line)) == 1


def test_what_stays_in_memory_is_no_problem():
    fine = "buffer = io.BytesIO()\npicture.save(buffer, 'PNG')\nfig.savefig(buffer)\nimages.save(x, path)\n"
    fine += "with io.BytesIO() as file:\n    fig.savefig(file)\n"
    assert writing_problems("show.py", fine) == []


def test_files_opened_for_writing_hold_no_pictures():
    """Where the package opens a file to write bytes: the checkpoints, and nothing else."""
    opening = re.compile(r"""open\([^)]*["'][wax]\+?b\+?["']|\.open\(["'][wax]\+?b""")
    assert [name for name, text in sources().items() if opening.search(text)] == ["checkpoint.py"]


def test_the_room_stands_below_images():
    folder = Path(runtime.ROOT / "imagegen_lessons")
    assert checks.imports_of(folder / "labels.py") == {"credentials", "loading"}
