"""Pictures: alt text always, small files, sizes that fit, and one sentence for what is no picture."""

import base64
import io

import numpy
import pytest
import torch
from PIL import Image

from imagegen_lessons import datasets, images, runtime
from imagegen_lessons.display import show
from imagegen_lessons.synthetic import faces
from tests.unit.helpers import random, refused, tags

ALT = "Two drawn faces."
NASTY = "\"><script>alert(1)</script> & 'smile'"


def pictures(html: str) -> list[Image.Image]:
    """Every picture embedded in `html`, opened; its declared kind must be its own."""
    opened = []
    for attributes in (a for tag, a in tags(html) if tag == "img"):
        kind, data = attributes["src"].removeprefix("data:image/").split(";base64,")
        picture = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
        assert picture.format.lower() == kind
        opened.append(picture)
    return opened


def figure():
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(figsize=(4, 3))
    axes.plot([0, 1], [1, 0])
    return fig


SHOWS = {
    "show_images": lambda alt: show.show_images(torch.rand(2, 3, 8, 8), alt),
    "compare": lambda alt: show.compare({"before": torch.rand(3, 8, 8), "after": torch.rand(3, 8, 8)}, alt),
    "show_rows": lambda alt: show.show_rows(
        {"before": torch.rand(2, 3, 8, 8), "after": torch.rand(2, 3, 8, 8)}, alt
    ),
    "figure": lambda alt: show.picture(figure(), alt),
    "picture": lambda alt: show.picture(images.to_bytes(torch.rand(3, 8, 8)), alt),
    "publish": lambda alt: show.publish("<p>hello</p>", alt),
}
each_show = pytest.mark.parametrize("name", SHOWS)


@each_show
@pytest.mark.parametrize("alt", ["", "  \n", None])
def test_without_alt_text_nothing_is_shown(notebook, capsys, name, alt):
    with pytest.raises(ValueError, match="needs alt text"):
        SHOWS[name](alt)
    assert notebook == [] and capsys.readouterr().out == ""


@each_show
def test_outside_a_notebook_the_alt_text_is_printed(monkeypatch, capsys, name):
    monkeypatch.setattr(runtime, "in_notebook", lambda: False)
    SHOWS[name](ALT)
    out = capsys.readouterr().out
    assert out.startswith(f"[picture: {ALT}") and out.count("\n") == 1


@each_show
def test_in_a_notebook_the_bundle_has_html_and_plain_text_and_alt_text_is_escaped(notebook, capsys, name):
    SHOWS[name](NASTY)
    (bundle,) = notebook
    assert set(bundle) == {"text/html", "text/plain"} and bundle["text/plain"].startswith(NASTY)
    found = tags(bundle["text/html"])
    assert "script" not in [tag for tag, _ in found]
    assert all(NASTY in attributes["alt"] for tag, attributes in found if tag == "img")
    assert capsys.readouterr().out == ""


def test_names_are_escaped_and_stand_in_the_alt_text(notebook):
    show.compare({"<b>low</b>": torch.rand(3, 8, 8), "high": torch.rand(3, 8, 8)}, ALT)
    html = notebook[0]["text/html"]
    found = tags(html)
    assert "b" not in [tag for tag, _ in found] and "&lt;b&gt;low&lt;/b&gt;" in html
    assert [a["alt"] for tag, a in found if tag == "img"] == [f"<b>low</b>: {ALT}", f"high: {ALT}"]
    assert notebook[0]["text/plain"] == f"{ALT} (<b>low</b>, high)"


def test_lists_are_joined_and_grey_ones_stand_beside_coloured_ones(notebook):
    mixed = [torch.zeros(1, 16, 16), torch.ones(2, 3, 16, 16), torch.zeros(1, 3, 16, 16, requires_grad=True)]
    show.show_images(mixed, ALT, columns=4, scale=1)
    assert pictures(notebook[0]["text/html"])[0].size == (4 * 16 + 3 * 2, 16)


@pytest.mark.parametrize(
    ("shape", "options", "expected"),
    [
        ((1, 3, 32, 32), {}, (96, 96)),  # enlarged by 3
        ((8, 3, 32, 32), {}, (8 * 98 - 2, 96)),
        ((9, 3, 32, 32), {"scale": 1}, (8 * 34 - 2, 2 * 34 - 2)),
        ((3, 1, 8, 8), {}, (3 * 98 - 2, 96)),  # by 12
        ((18, 3, 25, 25), {"columns": 18}, (18 * 27 - 2, 25)),  # by 2 it would not fit, with the gaps
        ((1, 3, 300, 400), {}, (400, 300)),
        ((1, 3, 1000, 2000), {}, (900, 450)),  # shrunk
        ((4, 3, 400, 400), {}, (900, 224)),
        ((2, 3, 16, 16), {"scale": 100}, (900, 450)),
    ],
)
def test_sizes(notebook, shape, options, expected):
    show.show_images(torch.rand(shape), ALT, **options)
    assert pictures(notebook[0]["text/html"])[0].size == expected


def test_enlarged_pixels_stay_squares_of_one_colour(notebook):
    x = torch.rand(1, 3, 4, 4)
    show.show_images(x, ALT, scale=5)
    values = numpy.asarray(pictures(notebook[0]["text/html"])[0].convert("RGB"))
    assert numpy.array_equal(values[2::5, 2::5], (x[0].permute(1, 2, 0) * 255).round().byte().numpy())
    assert (values.reshape(4, 5, 4, 5, 3) == values[::5, ::5].reshape(4, 1, 4, 1, 3)).all()


def test_compared_pictures_get_about_one_width(notebook):
    sizes = {"tiny": (8, 8), "odd": (30, 50), "large": (1000, 2000), "flat": (1, 2000)}
    show.compare({name: torch.rand(3, *size) for name, size in sizes.items()}, ALT, width=260)
    found = [picture.size for picture in pictures(notebook[0]["text/html"])]
    assert found == [(256, 256), (250, 150), (260, 130), (260, 1)]


def test_each_row_has_its_name_and_one_scale(notebook):
    show.show_rows({"one": torch.rand(5, 3, 8, 8), "<b>": torch.rand(2, 1, 8, 8)}, ALT, scale=3)
    html = notebook[0]["text/html"]
    assert [p.size for p in pictures(html)] == [(5 * 24 + 4 * show.GAP, 24), (2 * 24 + show.GAP, 24)]
    assert html.count("<figcaption") == 2 and "&lt;b&gt;" in html and "<b>" not in html


def test_files_are_small_and_figures_closed(notebook):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    smooth = torch.linspace(0, 1, 512).expand(1, 3, 512, 512)
    pixels = torch.rand(64, 3, 8, 8)
    noise = torch.rand(1, 3, 700, 900)  # the worst there is
    show.show_images(smooth, ALT)
    show.show_images(pixels, ALT)
    show.show_images(noise, ALT)
    show.picture(figure(), ALT)
    assert plt.get_fignums() == before
    sizes = [len(bundle["text/html"]) for bundle in notebook]
    assert sizes[0] < 20_000 and sizes[1] < 60_000 and sizes[2] < 600_000 and sizes[3] < 30_000, sizes


@pytest.mark.parametrize(  # what is no image at all: see tests/unit/images/test_tensors.py
    ("wrong", "words"),
    [
        (torch.full((3, 8, 8), 1.5), r"must be in \[0, 1\]"),
        (torch.rand(8, 9, 3), "movedim"),
        (None, "not NoneType"),
        ([], "at least one"),
        ([torch.rand(3, 8, 8), torch.rand(3, 9, 9)], "one size"),
    ],
)
def test_what_is_no_picture_gets_a_sentence(notebook, wrong, words):
    named = [lambda x, alt, call=call: call({"wrong": x}, alt) for call in (show.compare, show.show_rows)]
    for call in (show.show_images, *named):
        with refused(words, images.ImageError):
            call(wrong, ALT)
    assert notebook == []


def test_drawings_are_stored_exactly_and_photographs_small(notebook):
    drawing = torch.zeros(3, 300, 300)
    drawing[:, 100:200, 100:200] = 1.0
    show.show_images(drawing, ALT)
    show.show_images(datasets.photo("cat", size=300), ALT)
    show.compare({"drawing": drawing}, ALT)
    found = [pictures(bundle["text/html"])[0].format for bundle in notebook]
    assert found == ["PNG", "JPEG", "PNG"]


def test_enlarged_pixels_are_stored_as_squares_in_fewer_bytes(notebook):
    """A JPEG smears the squares, and noise costs it most."""
    faces_and_noise = torch.cat([faces.render(faces.passports(6, seed=1)), random(6, 3, 32, 32)])
    show.show_images(faces_and_noise, ALT, columns=6, scale=2)
    (picture,) = pictures(notebook[0]["text/html"])
    assert picture.format == "PNG" and len(picture.getcolors()) <= 128
    shown = torch.from_numpy(numpy.array(picture.convert("RGB"))).permute(2, 0, 1) / 255
    exact = images.grid(show.enlarge(faces_and_noise, 2), columns=6, gap=show.GAP)[0]
    as_jpeg = images.to_bytes(exact, "JPEG", quality=75)
    jpeg = torch.from_numpy(numpy.array(Image.open(io.BytesIO(as_jpeg)))).permute(2, 0, 1) / 255
    error, jpeg_error = ((x - exact).square().mean() for x in (shown, jpeg))
    assert error < jpeg_error and len(notebook[0]["text/html"]) < len(as_jpeg)
    assert torch.equal(shown[:, 0, 0], shown[:, 1, 1])


def test_what_can_be_encoded():
    tensors = torch.rand(3, 8, 8), torch.rand(1, 1, 8, 8, requires_grad=True), torch.rand(4, 3, 8, 8).half()
    files = [images.to_bytes(torch.rand(3, 8, 8), format) for format in ("PNG", "JPEG")]
    formats = ["jpeg"] * 3 + ["png"] + ["png", "jpeg"]
    for what, format in zip((*tensors, figure(), *files), formats, strict=True):
        data, found = show.encode(what)
        assert found == format == Image.open(io.BytesIO(data)).format.lower()
    for wrong in (None, "text", [torch.rand(3, 8, 8)]):
        with pytest.raises(TypeError, match="image tensor"):
            show.encode(wrong)
