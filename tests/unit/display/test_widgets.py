"""Widgets: their callbacks over the whole range of every control, and what happens when a function fails."""

import io

import ipywidgets
import pytest
import torch
from matplotlib import pyplot
from PIL import Image

from imagegen_lessons import images
from imagegen_lessons.display import widgets
from tests.unit.helpers import refused

ALT = "A grey square."
GREY = torch.full((3, 8, 8), 0.5)
PNG, JPEG = images.to_bytes(GREY), images.to_bytes(GREY, "JPEG")
NASTY = "<script>alert('1')</script>"


@pytest.fixture(autouse=True)
def no_sweep(monkeypatch):
    """The widgets as students get them; tests of the sweep set the variable again."""
    monkeypatch.delenv("IMAGEGEN_SWEEP", raising=False)


@pytest.fixture
def sweep(no_sweep, monkeypatch):
    monkeypatch.setenv("IMAGEGEN_SWEEP", "1")


def figure():
    fig, axes = pyplot.subplots(figsize=(2, 2))
    axes.plot([0, 1])
    return fig


class Recorder:
    """A function for a widget, which remembers with what it was called."""

    def __init__(self):
        self.calls = []

    def __call__(self, *, strength=0.25, count=3, kind="b", mirror=False):
        self.calls.append((strength, count, kind, mirror))
        return torch.full((3, 4, 4), strength)


CONTROLS = {"strength": (0.0, 1.0), "count": (1, 9), "kind": ["a", "b", "c"], "mirror": False}


def explorer(function=None, **controls) -> widgets.Explorer:
    return widgets.Explorer(function or Recorder(), ALT, **(controls or CONTROLS))


def test_each_specification_has_its_control_and_starts_at_the_default():
    made = explorer()
    types = [type(control).__name__ for control in made.controls.values()]
    assert types == ["FloatSlider", "IntSlider", "SelectionSlider", "Checkbox"]
    assert made.values() == {"strength": 0.25, "count": 3, "kind": "b", "mirror": False}
    assert made.function.calls == [(0.25, 3, "b", False)], "drawn once"
    made.controls["kind"].set_state({"index": 2})  # as the browser does: it sends no word
    assert made.function.calls[-1] == (0.25, 3, "c", False)


@pytest.mark.parametrize(
    ("spec", "start"),
    [((0.0, 1.0), 0.5), ((2, 9), 2), (["x", "y"], "x"), ([("ex", 10), ("why", 20)], 10), (True, True)],
)
def test_where_a_control_starts_when_the_function_has_no_default(spec, start):
    assert explorer(lambda value: GREY, value=spec).values() == {"value": start}
    made = explorer(lambda a, b, c: GREY, a=(0, 100, 25), b=(0.0, 1.0, 0.25), c=(0.0, 5.0))
    assert [control.step for control in made.controls.values()] == [25, 0.25, 0.1]


@pytest.mark.parametrize("spec", [5, "abc", (1,), (1, 2, 3, 4), None])
def test_a_specification_that_is_none_gets_a_sentence(spec):
    with refused("The control 'value' is "):
        explorer(lambda value: GREY, value=spec)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("strength", [0.0, 0.02, 1.0]),
        ("count", [1, 2, 9]),
        ("kind", ["a", "c", "b"]),
        ("mirror", [True, False]),
    ],
)
def test_the_picture_follows_every_control_over_its_whole_range(name, values):
    made = explorer()
    for count, value in enumerate(values, start=2):
        made.controls[name].value = value
        assert len(made.function.calls) == count and made.values()[name] == value
        expected = images.to_bytes(torch.full((3, 4, 4), made.values()["strength"]), "JPEG")
        assert made.picture.value == expected and made.message.value == ""


def brittle(strength=0.5):
    if strength > 0.9:
        raise ZeroDivisionError(f"too strong {NASTY}")
    return torch.full((3, 4, 4), strength)


def test_an_error_is_said_under_the_picture_and_goes_at_the_next_good_value():
    made = explorer(brittle, strength=(0.0, 1.0))
    good = made.picture.value
    made.controls["strength"].value = 1.0  # raises nothing
    assert made.message.value.startswith("<p>⚠ ZeroDivisionError: too strong &lt;script&gt;")
    assert made.picture.value == good, "the last picture stays"
    made.controls["strength"].value = 0.2
    assert made.message.value == "" and made.picture.value != good
    with pytest.raises(ZeroDivisionError):  # in the first picture
        explorer(lambda x=1.0: brittle(x), x=(0.0, 1.0))


@pytest.mark.parametrize(
    ("control", "start", "expected"),
    [
        ((0.0, 1.0), 0.25, [0.0, 0.5, 1.0]),
        ((1, 9), 3, [1, 5, 9]),
        ((32, 128, 32), 64, [32, 96, 128]),
        (["a", "b", "c"], "a", ["a", "b", "c"]),
        ([("first", 1), ("second", 2)], 1, [1, 2]),
        (False, False, [False, True]),
    ],
)
def test_the_sweep_tries_both_ends_and_the_middle_and_raises_errors(sweep, control, start, expected):
    seen = []

    def function(value=start, broken=None, other=2):
        seen.append(value)
        assert value != broken, "broken there"
        return GREY

    made = explorer(function, value=control, other=(1, 4))
    assert seen[0] == start == made.values()["value"]
    assert {*seen} == {start, *expected}
    for broken in {*expected} - {start}:
        with pytest.raises(AssertionError, match="broken there"):
            explorer(lambda value=start, broken=broken: function(value, broken), value=control)


def test_the_sweep_finds_a_result_that_is_no_picture(sweep):
    with pytest.raises(images.ImageError, match=r"must be in \[0, 1\]"):
        explorer(lambda gain=1.0: GREY * gain, gain=(0.0, 3.0))
    with pytest.raises(TypeError, match="image tensor"):
        explorer(lambda on=True: GREY if on else None, on=True)
    with pytest.raises(ZeroDivisionError):  # an upload is tried with a picture of its own
        widgets.Upload(lambda x: 1 / 0, ALT)


def test_the_sweep_leaves_no_figures_open(sweep):
    before = pyplot.get_fignums()
    explorer(lambda value=1: figure(), value=(1, 9))
    assert pyplot.get_fignums() == before


@pytest.mark.parametrize(
    ("picture", "format"), [(GREY, "jpeg"), (figure, "png"), (PNG, "png"), (JPEG, "jpeg")]
)
def test_a_function_returns_a_picture_and_perhaps_a_line_of_text(picture, format):
    make = picture if callable(picture) else lambda: picture
    for result in (make, lambda: (make(), "a line of text")):
        made = widgets.Explorer(result, ALT)
        assert made.picture.format == format == Image.open(io.BytesIO(made.picture.value)).format.lower()
    assert made.text.value == "<p>a line of text</p>"
    with pytest.raises(TypeError, match="image tensor"):
        widgets.Explorer(lambda: (None, "text"), ALT)


@pytest.mark.parametrize("make", [widgets.Explorer, widgets.Upload])
def test_alt_text_is_required(make):
    with refused("needs alt text"):
        make(lambda *x: GREY, "  ")


def test_text_and_alt_text_are_escaped():
    escaped = "<p>&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;</p>"
    assert widgets.Explorer(lambda: GREY, NASTY).text.value == escaped
    assert widgets.Explorer(lambda: (GREY, NASTY), ALT).text.value == escaped
    assert widgets.Upload(lambda x: GREY, NASTY).text.value == escaped
    assert widgets.Buttons(lambda: (GREY, NASTY), {}, ALT).explorer.text.value == escaped


class Counter:
    """Something with a state, for buttons."""

    def __init__(self):
        self.count = 0

    def step(self):
        self.count += 1

    def reset(self):
        self.count = 0

    def fail(self):
        raise KeyError("lost")

    def draw(self, light=1.0):
        if self.count >= 3:
            raise OverflowError("too many")
        return torch.full((3, 4, 4), light * self.count / 4), f"{self.count} at {light}"


@pytest.fixture
def counter():
    return Counter()


def buttons(counter, *names, **options) -> widgets.Buttons:
    return widgets.Buttons(counter.draw, {name: getattr(counter, name) for name in names}, ALT, **options)


def test_each_button_acts_and_draws_and_controls_may_stand_beside_them(counter):
    made = buttons(counter, "step", "reset", light=(0.0, 1.0))
    assert list(made.buttons) == ["step", "reset"] and made.explorer.text.value == "<p>0 at 1.0</p>"
    made.buttons["step"].click()
    made.buttons["step"].click()
    assert counter.count == 2 and made.explorer.text.value == "<p>2 at 1.0</p>"
    assert made.explorer.picture.value == images.to_bytes(torch.full((3, 4, 4), 0.5), "JPEG")
    made.explorer.controls["light"].value = 0.2
    assert made.explorer.text.value == "<p>2 at 0.2</p>"
    made.buttons["reset"].click()
    assert made.explorer.text.value == "<p>0 at 0.2</p>"


def test_errors_of_buttons_are_said_and_go_again(counter):
    made = buttons(counter, "step", "fail", "reset")
    message = made.explorer.message
    made.buttons["fail"].click()  # in the action
    assert "KeyError" in message.value and "lost" in message.value
    made.buttons["step"].click()
    assert message.value == ""
    made.buttons["step"].click()
    made.buttons["step"].click()  # in the drawing
    assert message.value == "<p>⚠ OverflowError: too many</p>"
    assert made.explorer.text.value == "<p>2 at 1.0</p>", "the last picture stays"
    made.buttons["reset"].click()
    assert message.value == ""


def test_the_play_button_repeats_its_action(counter):
    made = buttons(counter, "step", play="step")
    for value in (1, 2, 3):
        made.player.value = value
    assert counter.count == 3 and "OverflowError" in made.explorer.message.value
    counter.reset()
    with pytest.raises(KeyError):
        buttons(counter, "step", play="stop")


def test_the_sweep_presses_every_button(sweep, counter):
    buttons(counter, "step")
    assert counter.count == 1
    with pytest.raises(KeyError, match="lost"):
        buttons(counter, "step", "fail")
    counter.count = 2
    with pytest.raises(OverflowError):
        buttons(counter, "step")


def choose(made: widgets.Upload, name: str, content: bytes) -> None:
    """What the browser sends when somebody chooses a file, in ipywidgets 7 (which Colab has) and in 8."""
    facts, data = {"name": name, "type": "image/png", "size": len(content)}, memoryview(content)
    if ipywidgets.__version__.startswith("7."):
        state = {"metadata": [facts], "data": [data], "_counter": made.chooser._counter + 1}
    else:
        state = {"value": [{**facts, "last_modified": 1700000000000, "content": data}]}
    made.chooser.set_state(state)


def test_an_uploaded_picture_reaches_the_function():
    seen = []

    def function(x):
        seen.append(x)
        return x, f"{x.shape[-1]} pixels"

    made = widgets.Upload(function, ALT, size=32)
    choose(made, "mine.png", images.to_bytes(torch.full((3, 40, 80), 0.25)))
    assert seen[0].shape == (1, 3, 16, 32) and (seen[0] - 0.25).abs().max() < 0.01
    assert made.text.value == "<p>32 pixels</p>" and made.message.value == ""
    assert made.picture.value == images.to_bytes(seen[0], "JPEG") and made.picture.format == "jpeg"
    choose(made, "other.png", images.to_bytes(torch.zeros(3, 4, 6)))
    assert made.text.value == "<p>6 pixels</p>"


# What `images.load` says of hostile files is tested there.
@pytest.mark.parametrize(
    ("name", "content"), [("cut.jpg", JPEG[: len(JPEG) // 2]), (f"{NASTY}.png", bytes(100))]
)
def test_a_hostile_file_gets_a_sentence_and_nothing_else_happens(name, content):
    made = widgets.Upload(lambda x: (x, "yours"), ALT)
    choose(made, "mine.png", PNG)
    picture = made.picture.value
    choose(made, name, content)
    assert made.message.value.startswith("<p>⚠ ImageError: ") and made.message.value.endswith(".</p>")
    assert "<script" not in made.message.value
    assert made.picture.value == picture and made.text.value == "<p>yours</p>"
    choose(made, "mine.png", JPEG)
    assert made.message.value == ""


def test_a_picture_too_large_for_the_server_can_be_given_by_its_path(tmp_path):
    made = widgets.Upload(lambda x: (x, f"{x.shape[-1]} pixels"), ALT)
    assert "100 MB" in made.children[2].value and "path" in made.children[2].value
    made.path.value = str(tmp_path / "none.png")
    assert "There is no file" in made.message.value
    (tmp_path / "mine.png").write_bytes(images.to_bytes(torch.zeros(3, 4, 6)))
    made.path.value = f'"{tmp_path / "mine.png"}"'
    assert made.text.value == "<p>6 pixels</p>" and made.message.value == ""


def test_a_function_that_fails_on_the_upload_is_said():
    made = widgets.Upload(lambda x: 1 / 0, ALT)
    made.chooser.notify_change({"name": "value", "new": (), "owner": made.chooser, "type": "change"})
    assert made.message.value == "", "nothing was chosen"
    choose(made, "mine.png", PNG)
    assert made.message.value.startswith("<p>⚠ ZeroDivisionError: ")


def test_the_short_forms_display_what_they_make(monkeypatch):
    displayed = []
    monkeypatch.setattr(widgets, "display", displayed.append)
    made = [
        widgets.explore(brittle, ALT, strength=(0.0, 1.0), width=99),
        widgets.buttons(Counter().draw, {}, ALT, width=99),
        widgets.upload(lambda x: x, ALT, width=99),
    ]
    assert displayed == made
    assert [type(widget) for widget in made] == [widgets.Explorer, widgets.Buttons, widgets.Upload]
    assert made[0].picture.width == made[1].explorer.picture.width == made[2].picture.width == "99"


def test_wipe_shows_one_picture_left_of_the_line_and_the_other_right_of_it():
    before, after = torch.zeros(1, 1, 4, 8), torch.full((1, 3, 8, 16), 0.5)
    assert torch.equal(widgets.wipe(before, after, 0.0), after)
    assert torch.equal(widgets.wipe(before, after, 1.0), torch.zeros(1, 3, 8, 16))
    half = widgets.wipe(before, after, 0.5)
    assert half.shape == after.shape
    assert not half[..., :7].any() and torch.equal(half[..., 8:], after[..., 8:])
    made = widgets.before_after(before, after, alt=ALT)
    assert list(made.controls) == ["position"] and made.values() == {"position": 0.5}


def test_the_loupe_shows_one_square_of_both_pictures_and_marks_it():
    x = torch.rand(1, 3, 60, 80)
    before, after = torch.zeros(1, 1, 60, 80), x
    sheet = widgets.with_loupe(x, before, after, across=1.0, down=0.0, zoom=4)
    assert sheet.shape == (1, 3, 60 + 2 + 40, 80)
    left, right = sheet[..., 62:, :40], sheet[..., 62:, 40:]
    assert not left.any()
    for shift in range(4):
        assert torch.equal(right[..., shift::4, shift::4], x[..., :10, 70:])
    marked = sheet[..., :60, :]
    assert (marked[..., 0, 70:] == 1).all() and (marked[..., 1, 71:79] == 0).all()
    assert torch.equal(marked[..., :70], x[..., :70]), "elsewhere the frame is as it was"
    assert torch.equal(marked[..., 2:8, 72:78], x[..., 2:8, 72:78])


@pytest.mark.parametrize(("place", "zoom"), [(0.0, 2), (0.37, 3), (1.0, 8)])
def test_the_loupe_stays_within_the_picture(place, zoom):
    x = torch.rand(1, 3, 97, 131)
    sheet = widgets.with_loupe(x, x, x, place, place, zoom)
    assert sheet.shape[-1] == 131 and sheet.min() >= 0 and sheet.max() <= 1
    with refused("one size"):
        widgets.with_loupe(x, x, x[..., 1:], place, place, zoom)
    with refused("smaller zoom"):
        widgets.with_loupe(x, x, x, place, place, zoom=70)
