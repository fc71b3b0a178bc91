"""Sliders and buttons around plain functions. The only module that imports ipywidgets; works with 7.7 and 8.

The function comes first and works without any widget; what stands here calls it again when a control moves.
With IMAGEGEN_SWEEP=1 (the tests) every widget runs its function over the whole range of its controls at once
(an upload: with a picture of its own), so that one that breaks at the end of a slider breaks its lesson's test.
"""

import inspect
import os
from collections.abc import Callable
from html import escape

import ipywidgets
import torch
from IPython.display import display

from imagegen_lessons import images
from imagegen_lessons.display import show

# The server drops the connection at a larger message, before any of our code could say so.
UPLOAD_LIMITS = (
    "A picture may have 100 MB here, about 10 MB on most other servers, and 1 MB on Colab. If nothing happens, it is "
    "larger than the server takes: run this cell again, bring the file in with the file browser, and write its path."
)


def _control(name: str, spec, value):
    """The ipywidget for a range (low, high[, step]), a list of choices, or True/False; `value`: where it starts."""
    common = {
        "description": name.replace("_", " "),
        "style": {"description_width": "130px"},
        "layout": ipywidgets.Layout(width="420px"),
    }
    if isinstance(spec, bool):
        return ipywidgets.Checkbox(value=spec if value is None else bool(value), **common)
    if isinstance(spec, list):
        start = _choices(spec)[0] if value is None else value
        # A slider of words: in JupyterLab a drop-down loses its arrow keys to the notebook. (One word needs no slider.)
        control = ipywidgets.SelectionSlider if len(spec) > 1 else ipywidgets.Dropdown
        return control(options=spec, value=start, **common)
    if not isinstance(spec, tuple) or len(spec) not in (2, 3):
        raise ValueError(
            f"The control {name!r} is (low, high), (low, high, step), a list, or True/False, not {spec!r}."
        )
    low, high, *step = spec
    if all(isinstance(number, int) for number in spec):
        start = low if value is None else value
        return ipywidgets.IntSlider(value=start, min=low, max=high, step=step[0] if step else 1, **common)
    start = (low + high) / 2 if value is None else value
    size = step[0] if step else (high - low) / 50
    return ipywidgets.FloatSlider(value=start, min=low, max=high, step=size, readout_format=".2f", **common)


def _choices(options) -> list:
    """The values behind the options of a list, which are values or pairs (label, value)."""
    return [option[1] if isinstance(option, tuple) else option for option in options]


def _extremes(control) -> list:
    """Both ends and the middle of a control's range."""
    if isinstance(control, ipywidgets.Checkbox):
        return [False, True]
    if isinstance(control, ipywidgets.SelectionSlider | ipywidgets.Dropdown):
        return _choices(control.options)
    steps = round((control.max - control.min) / 2 / control.step)  # a slider stops only at its steps
    return [control.min, control.min + steps * control.step, control.max]


def _sweeping() -> bool:
    return os.environ.get("IMAGEGEN_SWEEP") == "1"


def _encoded(result) -> tuple[bytes, str, object]:
    """What a widget's function returned: the bytes of a picture, their format, and the text, or None."""
    picture, text = result if isinstance(result, tuple) else (result, None)
    return *show.encode(picture), text


class _Panel(ipywidgets.VBox):
    """Controls, a picture, a line of text (at first the alt text), and a place for the message of an error."""

    def __init__(self, alt: str, width: int, controls):
        show.require_alt(alt)
        self.picture = ipywidgets.Image(
            format="jpeg", width=width, value=images.to_bytes(torch.ones(3, 8, 8), "JPEG")
        )
        self.text = ipywidgets.HTML(f"<p>{escape(alt)}</p>")
        self.message = ipywidgets.HTML()
        super().__init__([*controls, self.picture, self.text, self.message])

    def put(self, result) -> None:
        """Shows what a function returned: a picture, or a pair of a picture and a line of text."""
        self.picture.value, self.picture.format, text = _encoded(result)
        if text is not None:
            self.text.value = f"<p>{escape(str(text))}</p>"

    def attempt(self, *actions: Callable) -> None:
        # A callback's error would vanish into the server's log: say it under the picture instead.
        try:
            for action in actions:
                action()
            self.message.value = ""
        except Exception as error:
            self.message.value = f"<p>⚠ {type(error).__name__}: {escape(str(error))}</p>"


class Explorer(_Panel):
    """Controls, and the picture that follows them.

    function: called with one keyword argument per control; returns an image tensor (C, H, W) or (n, C, H, W),
    a matplotlib figure, or the bytes of a JPEG or PNG; or a pair of that and a line of text.
    alt: what the picture shows, in a sentence. width: of the picture on screen, in pixels.
    controls: name -> (low, high) or (low, high, step), a list of choices, or True/False. They start at the
    function's own default values.
    """

    def __init__(self, function: Callable, alt: str, *, width: int = 384, **controls):
        defaults = {name: p.default for name, p in inspect.signature(function).parameters.items()}
        start = {n: None if defaults.get(n) is inspect.Parameter.empty else defaults.get(n) for n in controls}
        self.function = function
        self.controls = {name: _control(name, spec, start[name]) for name, spec in controls.items()}
        super().__init__(alt, width, self.controls.values())
        self.draw()  # an error in the first picture is the lesson's error: it is raised
        if _sweeping():
            self.sweep()
        for control in self.controls.values():
            control.observe(lambda _: self.attempt(self.draw), names="value")

    def values(self) -> dict:
        return {name: control.value for name, control in self.controls.items()}

    def draw(self) -> None:
        """Calls the function with the values of the controls and shows what it returns."""
        self.put(self.function(**self.values()))

    def sweep(self) -> None:
        """Draws with every control at each end and in the middle of its range; errors are raised."""
        start = self.values()
        for name, control in self.controls.items():
            for value in _extremes(control):
                _encoded(self.function(**{**start, name: value}))


def explore(function: Callable, alt: str, *, width: int = 384, **controls) -> Explorer:
    """Shows sliders around `function`, and the picture that it returns; see `Explorer`."""
    explorer = Explorer(function, alt, width=width, **controls)
    display(explorer)
    return explorer


class Buttons(ipywidgets.VBox):
    """Buttons above a picture: each button calls its action, then the picture is drawn again.

    draw: called with one keyword argument per control; returns what an `Explorer`'s function returns.
    actions: label -> function without arguments.
    play: optional label of the action that a play button repeats, every tenth of a second.
    """

    def __init__(
        self, draw: Callable, actions: dict[str, Callable], alt: str, *, play=None, width=480, **controls
    ):
        self.explorer = Explorer(draw, alt, width=width, **controls)
        self.buttons = {label: ipywidgets.Button(description=label, tooltip=label) for label in actions}
        for label, button in self.buttons.items():
            button.on_click(lambda _, action=actions[label]: self._act(action))
        row = list(self.buttons.values())
        if play is not None:
            self.player = ipywidgets.Play(min=0, max=10_000, interval=100, description=f"play {play}")
            repeated = actions[play]
            self.player.observe(lambda _: self._act(repeated), names="value")
            row.append(self.player)
        super().__init__([ipywidgets.HBox(row), self.explorer])
        if _sweeping():
            for action in actions.values():
                action()
                self.explorer.draw()

    def _act(self, action: Callable) -> None:
        self.explorer.attempt(action, self.explorer.draw)


def buttons(draw: Callable, actions: dict[str, Callable], alt: str, **options) -> Buttons:
    """Shows buttons above a picture; see `Buttons`."""
    widget = Buttons(draw, actions, alt, **options)
    display(widget)
    return widget


class Upload(_Panel):
    """A button for the student's own picture: loaded safely, then handed to a plain function. Or its path.

    function: called with the picture (1, 3, H, W), its longest side at most `size`; returns what the function
    of an `Explorer` returns. A file that is no picture gives one clear sentence, and nothing else happens.
    """

    def __init__(self, function: Callable, alt: str, *, size: int = 512, width: int = 384):
        self.chooser = ipywidgets.FileUpload(accept="image/*", multiple=False, description="Your picture")
        self.path = ipywidgets.Text(
            description="or its path", placeholder="../outputs/cat.jpg", continuous_update=False
        )
        super().__init__(alt, width, [self.chooser, self.path, ipywidgets.HTML(f"<p>{UPLOAD_LIMITS}</p>")])
        if _sweeping():
            _encoded(function(torch.linspace(0, 1, 3 * 96 * 128).reshape(1, 3, 96, 128)))

        def follow(change):
            if change["new"]:
                self.attempt(lambda: self.put(function(images.load(change["new"], size=size))))

        for control in (self.chooser, self.path):
            control.observe(follow, names="value")


def upload(function: Callable, alt: str, **options) -> Upload:
    """Shows a button to bring in one's own picture; see `Upload`."""
    widget = Upload(function, alt, **options)
    display(widget)
    return widget


def wipe(before: torch.Tensor, after: torch.Tensor, position: float = 0.5) -> torch.Tensor:
    """`before` up to `position` (0 to 1) of the width, and from there `after`, with a line between: (1, 3, H, W).

    Two pictures (1, C, H, W); `before` is resized to the size of `after`.
    """
    after = after.detach().cpu().expand(1, 3, -1, -1)
    before = images.resize(before.detach().cpu(), tuple(after.shape[-2:])).expand(1, 3, -1, -1)
    width = after.shape[-1]
    cut = round(position * width)
    x = torch.cat([before[..., :cut], after[..., cut:]], dim=3)
    if 0 < cut < width:
        x[..., max(0, cut - width // 256 - 1) : cut] = 1.0
    return x


def before_after(before: torch.Tensor, after: torch.Tensor, alt: str, *, width: int = 512) -> Explorer:
    """Shows two pictures in one frame, and a slider that moves the line between them; see `wipe`."""
    return explore(
        lambda position=0.5: wipe(before, after, position), alt, width=width, position=(0.0, 1.0, 0.01)
    )


def with_loupe(frame, before, after, across: float = 0.5, down: float = 0.5, zoom: int = 4) -> torch.Tensor:
    """`frame` with a square drawn on it, and below it that square of `before` and of `after`, `zoom` times as large.

    Three pictures (1, C, H, W) of one size. `across` and `down` (0 to 1) move the square; its pixels become squares.
    Returns (1, 3, H + about W / 2, W). Raises ValueError for pictures of different sizes, or too small for `zoom`.
    """
    frame, before, after = (x.detach().cpu().expand(1, 3, -1, -1) for x in (frame, before, after))
    if not frame.shape == before.shape == after.shape:
        raise ValueError("A loupe needs three pictures of one size; resize or crop them first.")
    height, width = frame.shape[-2:]
    side, line = width // 2 // zoom, width // 400 + 1  # of the square, in pixels
    if not 8 * line <= side <= height:
        raise ValueError(
            f"A picture of {height} × {width} pixels is too small or too flat for a zoom of {zoom}; "
            "take a smaller zoom or a larger picture."
        )
    top, left = round(down * (height - side)), round(across * (width - side))

    def square(inset=0):
        return ..., slice(top + inset, top + side - inset), slice(left + inset, left + side - inset)

    marked = frame.clone()
    for inset, shade in ((0, 1.0), (line, 0.0)):  # white and black: one of them is seen anywhere
        marked[square(inset)] = shade
    marked[square(2 * line)] = frame[square(2 * line)]
    below = torch.ones(1, 3, zoom * side, width)
    for x, start in ((before, 0), (after, width - zoom * side)):
        below[..., start : start + zoom * side] = show.enlarge(x[square()], zoom)
    return torch.cat([marked, torch.ones(1, 3, 2, width), below], dim=2)
