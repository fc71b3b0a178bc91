"""Progress: one output, whole and small at the end, and drawing that leaves time for the work."""

import base64
import signal

import ipywidgets
import nbformat
import pytest
from nbclient import NotebookClient

from imagegen_lessons import runtime
from imagegen_lessons.display import progress
from tests.unit.helpers import tags

JPEG = b"\xff\xd8 a picture"


class Clock:
    """A clock that the test moves."""

    now = 100.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_the_line_and_the_picture_share_one_output(notebook):
    with progress.Progress("a title") as screen:
        screen.update("3 of 4", 0.75, lambda: (JPEG, "what there is to see"))
        screen.finish("done")
    before, after = notebook
    assert tags(before["text/html"])[1] == (
        "progress",
        {"max": "1", "value": "0.750", "aria-label": "a title"},
    )
    assert [name for name, _ in tags(after["text/html"])] == ["div", "progress", "b", "img"]
    image = tags(after["text/html"])[3][1]
    assert image["alt"] == "what there is to see"
    assert base64.b64decode(image["src"].removeprefix("data:image/jpeg;base64,")) == JPEG
    assert after["text/plain"] == "a title: done\n[picture: what there is to see]"
    assert 'value="1.000"' in after["text/html"]


def test_text_cannot_become_html(notebook):
    evil = "\"><script>alert(1)</script>'&"
    with progress.Progress(evil) as screen:
        screen.update(evil, 0.5, lambda: (JPEG, evil))
    names = [name for name, _ in tags(notebook[0]["text/html"])]
    assert names == ["div", "progress", "b", "img"]
    assert tags(notebook[0]["text/html"])[3][1]["alt"] == evil


def test_updates_come_at_most_ten_times_a_second(notebook, clock):
    with progress.Progress("t") as screen:
        for _ in range(1000):
            clock.now += 0.01
            if screen.due():
                screen.update("…", 0.5)
    assert 50 <= len(notebook) <= 102


@pytest.mark.parametrize("cost", [0.01, 4.0])
def test_drawing_takes_about_a_tenth_of_the_time(notebook, clock, cost):
    drawn = []

    def draw():
        clock.now += cost
        drawn.append(clock.now)
        return JPEG, "alt"

    start = clock.now
    with progress.Progress("t") as screen:
        while clock.now < start + 300:
            clock.now += 0.05
            if screen.due():
                screen.update("…", 0.5, draw)
    assert 3 < len(drawn) <= 0.1 * 300 / cost + 2
    assert min(b - a for a, b in zip(drawn, drawn[1:], strict=False)) >= 0.5


def test_an_error_is_named_and_the_bar_stays_where_it_was(notebook):
    with pytest.raises(ZeroDivisionError), progress.Progress("t") as screen:
        screen.update("1 of 4", 0.25)
        raise ZeroDivisionError
    assert notebook[-1]["text/plain"] == "t: 1 of 4 · ended by ZeroDivisionError"
    assert 'value="0.250"' in notebook[-1]["text/html"]


def test_a_log_gets_a_line_per_quarter_and_a_terminal_one_line(capsys, monkeypatch):
    def run():
        with progress.Progress("t") as screen:
            for i in range(1, 101):
                screen.update(f"{i} of 100", i / 100, lambda: 1 / 0)  # outside a notebook nothing is drawn
            screen.finish("done")
        return capsys.readouterr()

    captured = run()
    assert captured.out == ""
    assert captured.err.splitlines() == [f"t: {i} of 100" for i in (25, 50, 75, 100)] + ["t: done"]
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    text = run().err
    assert text.count("\n") == 1 and text.endswith("\n") and text.count("\r") == 101
    assert len({len(line) for line in text.strip("\n").split("\r")[1:]}) == 1  # each covers the one before


def test_without_a_console_nothing_is_printed(monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    with progress.Progress("t") as screen:
        screen.update("1 of 4", 0.25)


def test_an_output_widget_which_forwards_no_updates_gets_new_outputs(monkeypatch, notebook):
    cleared = []
    monkeypatch.setattr("IPython.display.clear_output", lambda wait: cleared.append(wait))
    monkeypatch.setattr(
        "IPython.display.display", lambda bundle, raw, display_id: notebook.append(bundle) or 1
    )
    catcher = ipywidgets.Output()
    catcher.set_trait("msg_id", "of the cell that runs")  # what `with catcher:` does in a kernel
    with progress.Progress("t") as screen:
        screen.update("1 of 4", 0.25)
        screen.update("2 of 4", 0.5)
        screen.finish("done")
    catcher.set_trait("msg_id", "")
    assert [bundle["text/plain"] for bundle in notebook] == ["t: 1 of 4", "t: 2 of 4", "t: done"]
    assert cleared == [True, True]


def test_the_first_press_is_a_wish_and_the_second_interrupts():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), progress.StopButton() as stop:
        assert not stop.pressed
        signal.raise_signal(signal.SIGINT)
        assert stop.pressed
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


CELL = """
import signal, torch
from imagegen_lessons import training

weight = torch.zeros(1)
batches = [torch.full((4,), float(k)) for k in range(500)]

def step(x):
    if x[0] == STOP_AT:
        signal.raise_signal(signal.SIGINT)  # what the stop button does
    return {"loss": x.mean(), "D": -x.mean()}

def sample():
    return torch.linspace(0, 1, 32).expand(16, 3, 32, 32)

training.fit(step, batches, 400, sample=sample, checkpoint=PATH, parts={"weight": weight}).stopped
"""


def test_in_a_real_kernel_one_small_output_remains_and_the_stop_button_ends_cleanly(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", str(runtime.ROOT))
    settings = f"PATH = {str(tmp_path / 'a.safetensors')!r}\n"
    cells = [nbformat.v4.new_code_cell(f"{settings}STOP_AT = {stop_at}\n{CELL}") for stop_at in (300, None)]
    NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=90, kernel_name="python3").execute()
    stopped, resumed = (cell.outputs for cell in cells)
    for outputs in (stopped, resumed):
        assert [output.output_type for output in outputs] == ["display_data", "execute_result"]
        assert len(outputs[0].data["text/html"]) < 80_000
    assert "stopped at step 301 of 400" in stopped[0].data["text/plain"]
    assert [outputs[1].data["text/plain"] for outputs in (stopped, resumed)] == ["True", "False"]
    html = resumed[0].data["text/html"]
    assert "resumed at step 301" in html and 'value="1.000"' in html and 'alt="Curves over' in html
