"""Widgets: their callbacks over the whole range of every control, and what happens when a function fails."""

import io
import time
import zipfile
from datetime import datetime

import ipywidgets
import pytest
import torch

from imagegen_lessons import images
from imagegen_lessons.display import show, widgets

ALT = "A grey square."
GREY = torch.full((3, 8, 8), 0.5)
PNG, JPEG = images.to_bytes(GREY), show.to_jpeg(GREY)
NASTY = "<script>alert('1')</script>"


@pytest.fixture(autouse=True)
def no_sweep(monkeypatch):
    """The widgets as students get them; tests of the sweep set the variable again."""
    monkeypatch.delenv("IMAGEGEN_SWEEP", raising=False)


@pytest.fixture
def sweep(no_sweep, monkeypatch):
    monkeypatch.setenv("IMAGEGEN_SWEEP", "1")


def figure():
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(figsize=(2, 2))
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
    kinds = [type(control) for control in made.controls.values()]
    assert kinds == [
        ipywidgets.FloatSlider,
        ipywidgets.IntSlider,
        ipywidgets.SelectionSlider,
        ipywidgets.Checkbox,
    ]
    assert made.values() == {"strength": 0.25, "count": 3, "kind": "b", "mirror": False}
    assert made.function.calls == [(0.25, 3, "b", False)], "drawn once"


@pytest.mark.parametrize(
    ("spec", "start"),
    [
        ((0.0, 1.0), 0.5),
        ((2, 9), 2),
        (["x", "y"], "x"),
        ([("ex", 10), ("why", 20)], 10),
        (True, True),
        (False, False),
    ],
)
def test_where_a_control_starts_when_the_function_has_no_default(spec, start):
    assert explorer(lambda value: GREY, value=spec).values() == {"value": start}


def test_a_step_can_be_given():
    made = explorer(lambda a, b, c: GREY, a=(0, 100, 25), b=(0.0, 1.0, 0.25), c=(0.0, 5.0))
    assert [control.step for control in made.controls.values()] == [25, 0.25, 0.1]


@pytest.mark.parametrize("spec", [5, "abc", (1,), (1, 2, 3, 4), None, {"a": 1}])
def test_a_specification_that_is_none_gets_a_sentence(spec):
    with pytest.raises(ValueError, match="The control 'value' is .* not ") as caught:
        explorer(lambda value: GREY, value=spec)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("strength", [0.0, 0.02, 0.5, 1.0]),
        ("count", list(range(1, 10))),
        ("kind", ["a", "c", "b"]),
        ("mirror", [True, False]),
    ],
)
def test_the_picture_follows_every_control_over_its_whole_range(name, values):
    made = explorer()
    for value in values:
        before = len(made.function.calls)
        if made.controls[name].value != value:
            made.controls[name].value = value
            assert len(made.function.calls) == before + 1
        assert made.values()[name] == value
        expected = show.to_jpeg(torch.full((3, 4, 4), made.values()["strength"]))
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


def test_an_error_in_the_first_picture_is_raised():
    with pytest.raises(ZeroDivisionError):
        explorer(lambda x=1.0: brittle(x), x=(0.0, 1.0))


@pytest.mark.parametrize(
    ("control", "broken"),
    [
        ((0.0, 1.0), 0.0),
        ((0.0, 1.0), 0.5),
        ((0.0, 1.0), 1.0),
        ((1, 9), 1),
        ((1, 9), 5),
        ((1, 9), 9),
        (["a", "b", "c", "d"], "c"),
        ([("first", 1), ("second", 2)], 2),
        (False, True),
        (True, False),
    ],
)
def test_the_sweep_finds_an_error_anywhere(sweep, control, broken):
    start = next(
        value for value in (0.25, 3, "a", 1, True, False) if value != broken and fits(value, control)
    )

    def function(value=start, other=2):
        if value == broken:
            raise RuntimeError("broken there")
        return GREY

    explorer(lambda value=start, other=2: GREY, value=control, other=(1, 4))
    with pytest.raises(RuntimeError, match="broken there"):
        explorer(function, value=control, other=(1, 4))


def fits(value, control) -> bool:
    if isinstance(control, list):
        return value in widgets._choices(control)
    if isinstance(control, bool):
        return isinstance(value, bool)
    return type(value) is type(control[0]) and control[0] <= value <= control[1]


def test_the_sweep_finds_a_result_that_is_no_picture(sweep):
    with pytest.raises(images.ImageError, match=r"must be in \[0, 1\]"):
        explorer(lambda gain=1.0: GREY * gain, gain=(0.0, 3.0))
    with pytest.raises(TypeError, match="returns an image tensor or the bytes"):
        explorer(lambda on=True: GREY if on else None, on=True)


def test_the_sweep_keeps_to_the_steps_of_a_slider_and_leaves_it_where_it_was(sweep):
    seen = []

    def function(size=64):
        seen.append(size)
        return GREY

    made = explorer(function, size=(32, 160, 32))
    assert seen == [64, 32, 96, 160] and made.values() == {"size": 64}
    seen.clear()
    explorer(function, size=(32, 128, 32))
    assert set(seen) <= {32, 64, 96, 128}


def test_the_sweep_leaves_no_figures_open(sweep):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    explorer(lambda value=1: figure(), value=(1, 9))
    assert plt.get_fignums() == before


RESULTS = {
    "image": (lambda: GREY, "jpeg"),
    "batch of one": (lambda: GREY[None], "jpeg"),
    "batch": (lambda: GREY.repeat(4, 1, 1, 1), "jpeg"),
    "grey": (lambda: GREY[:1], "jpeg"),
    "needs gradients": (lambda: GREY.clone().requires_grad_(), "jpeg"),
    "half precision": (lambda: GREY.half(), "jpeg"),
    "figure": (figure, "png"),
    "png bytes": (lambda: PNG, "png"),
    "jpeg bytes": (lambda: JPEG, "jpeg"),
}


@pytest.mark.parametrize("name", RESULTS)
def test_what_a_function_may_return(name):
    from PIL import Image

    make, kind = RESULTS[name]
    for result in (make, lambda: (make(), "a line of text")):
        made = widgets.Explorer(result, ALT)
        assert made.picture.format == kind
        assert Image.open(io.BytesIO(made.picture.value)).format.lower() == kind
    assert made.text.value == "<p>a line of text</p>"


@pytest.mark.parametrize("result", [None, "text", 3, [GREY], (None, "text")])
def test_what_it_may_not_return(result):
    with pytest.raises(TypeError, match="returns an image tensor or the bytes of a picture, not"):
        widgets.Explorer(lambda: result, ALT)


def test_without_text_the_alt_text_stands_there():
    assert explorer().text.value == f"<p>{ALT}</p>"


@pytest.mark.parametrize("make", [widgets.Explorer, widgets.Upload])
@pytest.mark.parametrize("alt", ["", "  "])
def test_alt_text_is_required(make, alt):
    with pytest.raises(ValueError, match="needs alt text"):
        make(lambda *x: GREY, alt)


def test_text_and_alt_text_are_escaped():
    escaped = "<p>&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;</p>"
    assert widgets.Explorer(lambda: GREY, NASTY).text.value == escaped
    assert widgets.Explorer(lambda: (GREY, NASTY), ALT).text.value == escaped
    assert widgets.Upload(lambda x: GREY, NASTY).text.value == escaped
    assert widgets.Buttons(lambda: (GREY, NASTY), {}, ALT).explorer.text.value == escaped


def test_moving_a_slider_is_fast():
    def function(value=0.5):
        return torch.full((3, 256, 256), value)

    made = explorer(function, value=(0.0, 1.0))
    seconds = []
    for k in range(25):
        start = time.perf_counter()
        made.controls["value"].value = k / 25
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.1  # the best: what else the machine does can only slow it down


class Game:
    """Something with a state, for buttons."""

    def __init__(self):
        self.points = 0

    def step(self):
        self.points += 1

    def fail(self):
        raise KeyError("a lost piece")

    def draw(self):
        if self.points >= 3:
            raise OverflowError("too many")
        return torch.full((3, 4, 4), self.points / 4), f"{self.points} points"


def test_each_button_acts_and_draws():
    game = Game()
    made = widgets.Buttons(game.draw, {"step": game.step, "again": lambda: game.__init__()}, ALT)
    assert list(made.buttons) == ["step", "again"] and made.explorer.text.value == "<p>0 points</p>"
    made.buttons["step"].click()
    made.buttons["step"].click()
    assert game.points == 2 and made.explorer.text.value == "<p>2 points</p>"
    assert made.explorer.picture.value == show.to_jpeg(torch.full((3, 4, 4), 0.5))
    made.buttons["again"].click()
    assert made.explorer.text.value == "<p>0 points</p>"


def test_errors_of_buttons_are_said_and_go_again():
    game = Game()
    made = widgets.Buttons(
        game.draw, {"step": game.step, "fail": game.fail, "again": lambda: game.__init__()}, ALT
    )
    message = made.explorer.message
    made.buttons["fail"].click()  # in the action
    assert "KeyError" in message.value and "a lost piece" in message.value
    made.buttons["step"].click()
    assert message.value == ""
    made.buttons["step"].click()
    made.buttons["step"].click()  # in the drawing
    assert message.value == "<p>⚠ OverflowError: too many</p>"
    assert made.explorer.text.value == "<p>2 points</p>", "the last picture stays"
    made.buttons["again"].click()
    assert message.value == ""


def test_the_play_button_repeats_its_action():
    game = Game()
    made = widgets.Buttons(game.draw, {"step": game.step}, ALT, play="step")
    assert made.player.interval == 100
    for value in (1, 2, 3):
        made.player.value = value
    assert game.points == 3 and "OverflowError" in made.explorer.message.value
    with pytest.raises(KeyError):
        widgets.Buttons(lambda: GREY, {"step": game.step}, ALT, play="stop")


def test_buttons_may_stand_beside_controls():
    game = Game()

    def draw(light=0.5):
        return game.draw()[0] * light, f"{game.points} points at {light:.1f}"

    made = widgets.Buttons(draw, {"step": game.step}, ALT, light=(0.0, 1.0))
    made.buttons["step"].click()
    assert made.explorer.text.value == "<p>1 points at 0.5</p>"
    made.explorer.controls["light"].value = 0.2
    assert made.explorer.text.value == "<p>1 points at 0.2</p>"
    made.buttons["step"].click()
    assert made.explorer.text.value == "<p>2 points at 0.2</p>"


def test_the_sweep_presses_every_button(sweep):
    game = Game()
    widgets.Buttons(game.draw, {"step": game.step}, ALT)
    assert game.points == 1
    with pytest.raises(KeyError, match="a lost piece"):
        widgets.Buttons(game.draw, {"step": game.step, "fail": game.fail}, ALT)
    game.points = 2
    with pytest.raises(OverflowError):
        widgets.Buttons(game.draw, {"step": game.step}, ALT)


def form_7(name: str, content: bytes) -> dict:
    """What FileUpload().value is in ipywidgets 7, which Colab has."""
    metadata = {"name": name, "type": "image/png", "size": len(content), "lastModified": 1700000000000}
    return {name: {"metadata": metadata, "content": content}}


def form_8(name: str, content: bytes) -> tuple:
    """And in ipywidgets 8."""
    facts = {"name": name, "type": "image/png", "size": len(content), "last_modified": datetime.now()}
    return ({**facts, "content": memoryview(content)},)


both_forms = pytest.mark.parametrize("form", [form_7, form_8])


@both_forms
def test_an_uploaded_picture_reaches_the_function(form):
    seen = []

    def function(x):
        seen.append(x)
        return x, "yours"

    made = widgets.Upload(function, ALT, size=32)
    data = images.to_bytes(torch.full((3, 40, 80), 0.25))
    made._follow({"new": form("mine.png", data)})
    assert seen[0].shape == (1, 3, 16, 32) and (seen[0] - 0.25).abs().max() < 0.01
    assert made.text.value == "<p>yours</p>" and made.message.value == ""
    assert made.picture.value == show.to_jpeg(seen[0]) and made.picture.format == "jpeg"


def choose(chooser: ipywidgets.FileUpload, name: str, content: bytes, count: int) -> None:
    """What the browser sends when somebody chooses a file, in ipywidgets 7 and in 8."""
    facts = {"name": name, "type": "image/png", "size": len(content)}
    if ipywidgets.__version__.startswith("7."):
        metadata = [{**facts, "lastModified": 1700000000000}]
        chooser.set_state({"metadata": metadata, "data": [memoryview(content)], "_counter": count})
    else:
        chooser.set_state(
            {"value": [{**facts, "last_modified": 1700000000000, "content": memoryview(content)}]}
        )


def test_what_the_browser_sends_arrives():
    made = widgets.Upload(lambda x: (PNG, f"{x.shape[-1]} pixels"), ALT)
    choose(made.chooser, "mine.png", PNG, 1)
    assert made.text.value == "<p>8 pixels</p>" and made.picture.format == "png"
    choose(made.chooser, "mine.png", b"I am no picture", 2)
    assert made.message.value.startswith("<p>⚠ ImageError: ") and made.text.value == "<p>8 pixels</p>"
    choose(made.chooser, "other.png", images.to_bytes(torch.zeros(3, 4, 6)), 3)
    assert made.text.value == "<p>6 pixels</p>" and made.message.value == ""
    words = explorer()
    words.controls["kind"].set_state({"index": 2})  # a slider of words sends no word
    assert words.function.calls[-1] == (0.25, 3, "c", False)


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("a.txt", "hello")
    return buffer.getvalue()


HOSTILE = {
    "empty.png": b"",
    "text.png": b"I am no picture",
    "cut.png": PNG[:40],
    "cut.jpg": JPEG[: len(JPEG) // 2],
    "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "archive.png": archive(),
    f"{NASTY}.png": b"\x00" * 100,
}


@both_forms
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_gets_a_sentence_and_nothing_else_happens(form, name):
    made = widgets.Upload(lambda x: (x, "yours"), ALT)
    made._follow({"new": form("mine.png", PNG)})
    picture = made.picture.value
    made._follow({"new": form(name, HOSTILE[name])})
    assert made.message.value.startswith("<p>⚠ ImageError: ") and made.message.value.endswith(".</p>")
    assert "<script" not in made.message.value
    assert made.picture.value == picture and made.text.value == "<p>yours</p>"
    made._follow({"new": form("mine.png", JPEG)})
    assert made.message.value == ""


@both_forms
def test_a_function_that_fails_on_the_upload_is_said(form):
    made = widgets.Upload(lambda x: x[:, :, ::0], ALT)
    made._follow({"new": form("mine.png", PNG)})
    assert made.message.value.startswith("<p>⚠ ValueError: ")


@pytest.mark.parametrize("nothing", [{}, ()])
def test_choosing_nothing_does_nothing(nothing):
    made = widgets.Upload(lambda x: 1 / 0, ALT)
    made._follow({"new": nothing})
    assert made.message.value == ""


def test_the_sweep_tries_an_upload_with_a_picture_of_its_own(sweep):
    widgets.Upload(lambda x: x, ALT)
    with pytest.raises(ZeroDivisionError):
        widgets.Upload(lambda x: 1 / 0, ALT)


def test_the_short_forms_display_what_they_make(monkeypatch):
    displayed = []
    monkeypatch.setattr(widgets, "display", displayed.append)
    made = [
        widgets.explore(brittle, ALT, strength=(0.0, 1.0), width=99),
        widgets.buttons(Game().draw, {}, ALT, width=99),
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
    assert (
        half.shape == after.shape and not half[..., :7].any() and torch.equal(half[..., 8:], after[..., 8:])
    )
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


@pytest.mark.parametrize("zoom", [2, 3, 4, 8])
@pytest.mark.parametrize("place", [0.0, 0.37, 1.0])
def test_the_loupe_stays_within_the_picture(zoom, place):
    x = torch.rand(1, 3, 97, 131)
    sheet = widgets.with_loupe(x, x, x, place, place, zoom)
    assert sheet.shape[-1] == 131 and sheet.min() >= 0 and sheet.max() <= 1


def test_the_loupe_says_what_it_cannot_do():
    x = torch.rand(1, 3, 60, 80)
    with pytest.raises(ValueError, match="three pictures of one size"):
        widgets.with_loupe(x, x, x[..., 1:])
    with pytest.raises(ValueError, match="60 × 80 pixels is too small.*smaller zoom"):
        widgets.with_loupe(x, x, x, zoom=40)
