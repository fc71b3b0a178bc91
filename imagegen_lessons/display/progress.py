"""The progress of a long computation: one line and one picture, in a single output.

Everything goes through one display handle, so that the notebook stores nothing but the last state, and that
state is whole: a finished bar, the outcome in words, and a small picture with alt text.
"""

import shutil
import signal
import sys
import time
from html import escape

from imagegen_lessons import runtime
from imagegen_lessons.display import show

UPDATE_SECONDS = 0.1  # a progress line faster than this is not read any better
PICTURE_SECONDS = 0.25  # the same for an output that carries a picture, some 30 kB at a time
DRAWING_SHARE = 0.1  # of the time goes into drawing, at most


class Progress:
    """Shows how far a computation is, in a notebook or on a terminal. Use it in a `with` statement.

    `due()` says whether it is time for another `update`; `finish` says how it ended. In a notebook the picture
    is drawn again as often as about a tenth of the time allows; outside one there is only text, on stderr.
    """

    def __init__(self, title: str):
        self.title = title
        self.text, self.fraction = "", 0.0
        self._notebook = runtime.in_notebook()
        self._handle = None
        self._image = ""  # the HTML of the last picture drawn
        self._alt = ""
        self._next_update = self._next_picture = 0.0  # in the seconds of perf_counter
        self._quarter = 0
        self._finished = False

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if not self._finished:
            ending = "" if kind is None else f" · ended by {kind.__name__}"
            self.finish(f"{self.text}{ending}", self.fraction)

    def due(self) -> bool:
        """Is it time for another update?"""
        return time.perf_counter() >= self._next_update

    def update(self, text: str, fraction: float, picture=None) -> None:
        """Shows the line `text` and how much is done (`fraction`, 0 to 1).

        `picture` is a function that draws and returns the bytes of a picture file and their alt text, or None where
        there is nothing new; it is called only in a notebook, and only when it is time for a new picture.
        """
        due = time.perf_counter() >= self._next_picture
        self._show(text, fraction, picture if due else None)
        pause = PICTURE_SECONDS if self._image else UPDATE_SECONDS
        self._next_update = time.perf_counter() + pause

    def finish(self, text: str, fraction: float = 1.0, picture=None) -> None:
        """Shows how it ended, with a last picture (as in `update`); this is what stays in the notebook."""
        self._finished = True
        self._show(text, fraction, picture)

    def _show(self, text: str, fraction: float, picture) -> None:
        self.text, self.fraction = text, fraction
        if not self._notebook:
            return self._print()
        if picture is not None:
            self._draw(picture)
        self._publish()

    def _draw(self, picture) -> None:
        start = time.perf_counter()
        drawn = picture()
        now = time.perf_counter()
        # The first picture also pays for importing matplotlib, which must not hold back the second.
        pause = (now - start) * (1 / DRAWING_SHARE - 1) if self._image else 1.0
        self._next_picture = now + max(pause, 2 * PICTURE_SECONDS)
        if drawn is not None:
            data, self._alt = drawn
            data, format = show.encode(data)
            self._image = show.img_tag(data, self._alt, format)

    def _publish(self) -> None:
        from IPython.display import clear_output, display

        html = (
            f'<div><progress max="1" value="{min(self.fraction, 1):.3f}" aria-label="{escape(self.title)}"></progress> '
            f"<b>{escape(self.title)}</b>: {escape(self.text)}</div>{self._image}"
        )
        plain = f"{self.title}: {self.text}" + (f"\n[picture: {self._alt}]" if self._alt else "")
        bundle = {"text/html": html, "text/plain": plain}
        if self._handle is not None and not _inside_output_widget():
            return self._handle.update(bundle, raw=True)
        if self._handle is not None:
            clear_output(wait=True)
        self._handle = display(bundle, raw=True, display_id=True)

    def _print(self) -> None:
        if sys.stderr is None:  # a Windows program without a console
            return
        line, last = f"{self.title}: {self.text}", self._finished
        if sys.stderr.isatty():
            width = shutil.get_terminal_size().columns - 1
            print("\r" + line[:width].ljust(width), end="\n" if last else "", file=sys.stderr, flush=True)
        elif last or int(4 * self.fraction) > self._quarter:  # a log file gets a line per quarter
            self._quarter = int(4 * self.fraction)
            print(line, file=sys.stderr, flush=True)


def _inside_output_widget() -> bool:
    """Does an ipywidgets.Output catch what is displayed now? It shows new outputs, but no updates of old ones."""
    ipywidgets = sys.modules.get("ipywidgets")
    if ipywidgets is None:
        return False
    living = getattr(ipywidgets.widgets.widget, "_instances", None)  # since 8; before, it was public
    living = ipywidgets.Widget.widgets if living is None else living
    return any(isinstance(widget, ipywidgets.Output) and widget.msg_id for widget in list(living.values()))


class StopButton:
    """The notebook's stop button, or Ctrl+C, as a request: within `with`, the first press only sets `pressed`.

    A loop that looks at `pressed` is then never cut in the middle of a step or a save. A second press interrupts
    at once, with KeyboardInterrupt as usual.
    """

    pressed = False

    def __enter__(self):
        self._before = signal.getsignal(signal.SIGINT)
        try:
            if callable(self._before):
                signal.signal(signal.SIGINT, self._press)
        except ValueError:  # not in the main thread, where no interrupt arrives either
            self._before = None
        return self

    def _press(self, number, frame) -> None:
        if self.pressed:
            self._before(number, frame)
        self.pressed = True

    def __exit__(self, *error) -> None:
        if callable(self._before):
            signal.signal(signal.SIGINT, self._before)
