"""Pictures: alt text always, small files, sizes that fit, and one sentence for what is no picture."""

import base64
import io
from html.parser import HTMLParser

import numpy
import pytest
import torch
from PIL import Image

from imagegen_lessons import datasets, images, runtime
from imagegen_lessons.display import show

ALT = "Two drawn faces."
NASTY = "\"><script>alert(1)</script> & 'smile'"


class Tags(HTMLParser):
    """The tags of a piece of HTML, with their attributes."""

    def __init__(self, html: str):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def pictures(html: str) -> list[Image.Image]:
    """Every picture embedded in `html`, opened; its declared kind must be its own."""
    opened = []
    for attributes in (a for tag, a in Tags(html).found if tag == "img"):
        kind, data = attributes["src"].removeprefix("data:image/").split(";base64,")
        picture = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
        assert picture.format.lower() == kind
        opened.append(picture)
    return opened


@pytest.fixture
def shown(monkeypatch):
    """Pretends to be in a notebook; returns the bundles that were displayed."""
    bundles = []

    def display(bundle, raw):
        assert raw
        bundles.append(bundle)

    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr(runtime, "in_notebook", lambda: True)
    return bundles


def figure():
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(figsize=(4, 3))
    axes.plot([0, 1], [1, 0])
    return fig


SHOWS = {
    "show_images": lambda alt: show.show_images(torch.rand(2, 3, 8, 8), alt),
    "compare": lambda alt: show.compare({"before": torch.rand(3, 8, 8), "after": torch.rand(3, 8, 8)}, alt),
    "figure": lambda alt: show.picture(figure(), alt),
    "picture": lambda alt: show.picture(images.to_bytes(torch.rand(3, 8, 8)), alt),
    "publish": lambda alt: show.publish("<p>hello</p>", alt),
}
each_show = pytest.mark.parametrize("name", SHOWS)


@each_show
@pytest.mark.parametrize("alt", ["", "  \n", None])
def test_without_alt_text_nothing_is_shown(shown, capsys, name, alt):
    with pytest.raises(ValueError, match="needs alt text"):
        SHOWS[name](alt)
    assert shown == [] and capsys.readouterr().out == ""


@each_show
def test_outside_a_notebook_the_alt_text_is_printed(monkeypatch, capsys, name):
    monkeypatch.setattr(runtime, "in_notebook", lambda: False)
    SHOWS[name](ALT)
    out = capsys.readouterr().out
    assert out.startswith(f"[picture: {ALT}") and out.count("\n") == 1


@each_show
def test_in_a_notebook_the_bundle_has_html_and_plain_text_and_alt_text_is_escaped(shown, capsys, name):
    SHOWS[name](NASTY)
    (bundle,) = shown
    assert set(bundle) == {"text/html", "text/plain"} and bundle["text/plain"].startswith(NASTY)
    tags = Tags(bundle["text/html"]).found
    assert "script" not in [tag for tag, _ in tags]
    assert all(NASTY in attributes["alt"] for tag, attributes in tags if tag == "img")
    assert capsys.readouterr().out == ""


def test_names_are_escaped_and_stand_in_the_alt_text(shown):
    show.compare({"<b>low</b>": torch.rand(3, 8, 8), "high": torch.rand(3, 8, 8)}, ALT)
    html = shown[0]["text/html"]
    tags = Tags(html).found
    assert "b" not in [tag for tag, _ in tags] and "&lt;b&gt;low&lt;/b&gt;" in html
    assert [a["alt"] for tag, a in tags if tag == "img"] == [f"<b>low</b>: {ALT}", f"high: {ALT}"]
    assert shown[0]["text/plain"] == f"{ALT} (<b>low</b>, high)"


def test_lists_are_joined_and_grey_ones_stand_beside_coloured_ones(shown):
    mixed = [torch.zeros(1, 16, 16), torch.ones(2, 3, 16, 16), torch.zeros(1, 3, 16, 16, requires_grad=True)]
    show.show_images(mixed, ALT, columns=4, scale=1)
    assert pictures(shown[0]["text/html"])[0].size == (4 * 16 + 3 * 2, 16)


@pytest.mark.parametrize(
    ("shape", "options", "expected"),
    [
        ((1, 3, 32, 32), {}, (96, 96)),  # enlarged by 3
        ((1, 8, 8), {}, (96, 96)),
        ((8, 3, 32, 32), {}, (8 * 98 - 2, 96)),
        ((9, 3, 32, 32), {"scale": 1}, (8 * 34 - 2, 2 * 34 - 2)),
        ((4, 3, 32, 32), {"columns": 2, "scale": 1}, (66, 66)),
        ((3, 1, 8, 8), {}, (3 * 98 - 2, 96)),  # by 12
        ((18, 3, 25, 25), {"columns": 18}, (18 * 27 - 2, 25)),  # by 2 it would not fit, with the gaps
        ((1, 3, 300, 400), {}, (400, 300)),
        ((1, 3, 1000, 2000), {}, (900, 450)),  # shrunk
        ((4, 3, 400, 400), {}, (900, 224)),
        ((2, 3, 16, 16), {"scale": 100}, (900, 450)),
    ],
)
def test_sizes(shown, shape, options, expected):
    show.show_images(torch.rand(shape), ALT, **options)
    assert pictures(shown[0]["text/html"])[0].size == expected


def test_enlarged_pixels_stay_squares_of_one_colour(shown):
    x = torch.rand(1, 3, 4, 4)
    show.show_images(x, ALT, scale=5)
    values = numpy.asarray(pictures(shown[0]["text/html"])[0].convert("RGB"))
    assert numpy.array_equal(values[2::5, 2::5], (x[0].permute(1, 2, 0) * 255).round().byte().numpy())
    assert (values.reshape(4, 5, 4, 5, 3) == values[::5, ::5].reshape(4, 1, 4, 1, 3)).all()


def test_compared_pictures_get_about_one_width(shown):
    sizes = {"tiny": (8, 8), "odd": (30, 50), "large": (1000, 2000), "flat": (1, 2000)}
    show.compare({name: torch.rand(3, *size) for name, size in sizes.items()}, ALT, width=260)
    found = [picture.size for picture in pictures(shown[0]["text/html"])]
    assert found == [(256, 256), (250, 150), (260, 130), (260, 1)]


def test_files_are_small_and_figures_closed(shown):
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
    sizes = [len(bundle["text/html"]) for bundle in shown]
    assert sizes[0] < 20_000 and sizes[1] < 60_000 and sizes[2] < 600_000 and sizes[3] < 30_000, sizes


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (torch.full((3, 8, 8), 1.5), r"must be in \[0, 1\].*clamp"),
        (torch.full((3, 8, 8), -0.5), r"\(image \+ 1\) / 2"),
        (torch.full((3, 8, 8), 200, dtype=torch.uint8), "/ 255"),
        (torch.full((3, 8, 8), float("nan")), "not finite"),
        (torch.rand(8, 9, 3), "movedim"),
        (torch.rand(8, 8), r"not \(8, 8\)"),
        (torch.rand(0, 3, 8, 8), "no pixels"),
        (numpy.zeros((3, 8, 8)), "not ndarray"),
        (None, "not NoneType"),
        ([], "at least one"),
        ([torch.rand(3, 8, 8), torch.rand(3, 9, 9)], "one size"),
    ],
)
def test_what_is_no_picture_gets_a_sentence(shown, wrong, words):
    for call in (show.show_images, lambda x, alt: show.compare({"wrong": x}, alt)):
        with pytest.raises(images.ImageError, match=words) as caught:
            call(wrong, ALT)
        assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
    assert shown == []


def test_drawings_are_stored_exactly_and_photographs_small(shown):
    drawing = torch.zeros(3, 300, 300)
    drawing[:, 100:200, 100:200] = 1.0
    show.show_images(drawing, ALT)
    show.show_images(datasets.photo("cat", size=300), ALT)
    show.compare({"drawing": drawing}, ALT)
    found = [pictures(bundle["text/html"])[0].format for bundle in shown]
    assert found == ["PNG", "JPEG", "PNG"]


@pytest.mark.parametrize(
    ("make", "format"),
    [
        (lambda: torch.rand(3, 8, 8), "jpeg"),
        (lambda: torch.rand(1, 1, 8, 8, requires_grad=True), "jpeg"),
        (lambda: torch.rand(4, 3, 8, 8).half(), "jpeg"),
        (lambda: figure(), "png"),
        (lambda: images.to_bytes(torch.rand(3, 8, 8)), "png"),
        (lambda: images.to_bytes(torch.rand(3, 8, 8), "JPEG"), "jpeg"),
    ],
)
def test_what_can_be_encoded(make, format):
    data, found = show.encode(make())
    assert found == format == Image.open(io.BytesIO(data)).format.lower()


@pytest.mark.parametrize("wrong", [None, "text", 3, [torch.rand(3, 8, 8)]])
def test_what_cannot_be_encoded(wrong):
    with pytest.raises(TypeError, match="image tensor"):
        show.encode(wrong)
