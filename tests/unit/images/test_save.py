"""Saving: files are whole and labelled, nothing of an upload remains, and no other place writes pictures."""

import ast
import io
import re

import pytest
import torch
from PIL import Image, PngImagePlugin

from imagegen_lessons import images, runtime
from imagegen_lessons.provenance import ai_label, c2pa
from tests.unit.helpers import encode, random, refused
from tools import lessons

X = random(1, 3, 40, 300)


def test_a_saved_picture_comes_back_with_its_label_below(tmp_path):
    for name, atol in (("a.png", 0.6 / 255), ("b.JPG", 1), ("c.jpeg", 1)):
        back = images.load(images.save(X, str(tmp_path / "new" / "folder" / name)))
        assert back.shape == (1, 3, 54, 300)
        torch.testing.assert_close(back[..., :40, :], X, atol=atol, rtol=0)
    path = images.save(torch.zeros_like(X), tmp_path / "new" / "folder" / "a.png")  # replaces
    assert images.load(path)[..., :40, :].max() == 0
    assert sorted(p.name for p in path.parent.iterdir()) == ["a.png", "b.JPG", "c.jpeg"]
    if c2pa.available():
        assert c2pa.read(path.read_bytes(), [ai_label.signer().root]).state == "trusted"


@pytest.mark.parametrize(
    ("mode", "name", "says"),
    [
        ("RGB", "name.tga", "must end in .png"),
        ("CMYK", "a.jpg", "'CMYK'"),
        ("RGBA", "a.jpg", "cannot be transparent"),
        ("RGB", "taken.png", "cannot be written"),
        ("RGB", "file/x.png", "cannot be written"),
    ],
)
def test_what_cannot_be_saved_is_one_sentence_and_leaves_nothing(mode, name, says, tmp_path):
    (tmp_path / "taken.png").mkdir()
    (tmp_path / "file").write_text("")
    with refused(says, images.ImageError):
        images.write(Image.new(mode, (9, 9)), tmp_path / name)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "taken.png"]


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
    profile = b"SECRET profile" * 20
    data = encode(images.to_pil(X), format, exif=exif, icc_profile=profile, dpi=(123, 123), **more)
    if c2pa.available():
        camera = c2pa.authority("SECRET camera")
        data = c2pa.sign(data, camera, source="digitalCapture", title="SECRET title")
    return data


@pytest.mark.parametrize("came", ["PNG", "JPEG"])
@pytest.mark.parametrize("goes", [".png", ".jpg"])
def test_no_trace_of_an_upload_is_saved(came, goes, tmp_path):
    data = upload(came)
    assert data.count(b"SECRET") > 5
    as_tensor = images.save(images.load(data), tmp_path / f"mine{goes}")
    opened = Image.open(io.BytesIO(data))  # Pillow's picture carries the metadata itself
    as_picture = images.write(opened, tmp_path / f"too{goes}")
    for written in (as_tensor.read_bytes(), as_picture.read_bytes()):
        assert b"SECRET" not in written and b"digitalCapture" not in written
        assert str(tmp_path).encode() not in written and b"mine" not in written
    with Image.open(as_tensor) as picture:
        assert len(picture.getexif()) == 0 and not {"exif", "icc_profile", "dpi"} & set(picture.info)


# ---- No other place writes pictures ---------------------------------------------------------------------------

WRITERS = {
    "save", "savefig", "imsave", "imwrite", "save_image", "write_bytes", "write_image", "to_file", "dump",
}  # fmt: skip
OTHERS = {  # what `save` also is: with a label, or no picture
    "checkpoint.save", "checkpoints.save", "images.save", "safetensors.torch.save", "spritesheet.save", "run.save",
}  # fmt: skip
IN_MEMORY = re.compile(
    r"([\w, ]+) = io\.BytesIO\(\)(?:, io\.BytesIO\(\))*$|io\.BytesIO\(\) as (\w+)", re.MULTILINE
)


def unlabelled(code: str) -> list[str]:
    """Calls that may write a picture into a file: all but those into an io.BytesIO and those of OTHERS."""
    in_memory = {name for pair in IN_MEMORY.findall(code) for names in pair for name in names.split(", ")}
    in_memory = {name.strip() for name in in_memory}
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    return [
        ast.unparse(call)
        for call in calls
        if ast.unparse(call.func).split(".")[-1] in WRITERS
        and ast.unparse(call.func) not in OTHERS
        and not (call.args and ast.unparse(call.args[0]) in in_memory)
    ]


def sources() -> dict[str, str]:
    """The code of the package's modules and of the lessons."""
    folder = runtime.ROOT / "imagegen_lessons"
    code = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.py")
    }
    for path in lessons.paths():
        code[path.name] = "\n".join(cell.source for cell in lessons.code_cells(lessons.read(path)))
    return code


def test_pictures_are_written_by_save_and_nowhere_else():
    code = sources()
    assert len(code) > 50
    assert {name: unlabelled(text) for name, text in code.items() if unlabelled(text)} == {}
    opening = re.compile(r"""open\([^)]*["'][wax]\+?b\+?["']|\.open\(["'][wax]\+?b""")
    assert [name for name, text in code.items() if opening.search(text)] == ["runtime.py"]
    atomic = {name for name, text in code.items() if "write_atomically(" in text}
    assert atomic == {"runtime.py", "images/save.py", "shapes/glb.py", "training/checkpoint.py"}
