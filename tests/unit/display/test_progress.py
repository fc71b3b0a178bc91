"""Progress: one output, whole and small at the end, and drawing that leaves time for the work."""

import base64
import os
import queue
import re
import signal
import time

import pytest

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


def test_the_first_press_is_a_wish_and_the_second_interrupts():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), progress.StopButton() as stop:
        assert not stop.pressed
        signal.raise_signal(signal.SIGINT)
        assert stop.pressed
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


CELL = """
import time, torch
from imagegen_lessons import training

weight = torch.zeros(1)

def step(x):
    time.sleep(0.002)
    return {"loss": x.mean(), "D": -x.mean()}

def batches():
    while True:
        yield torch.rand(4)

def sample():
    return torch.linspace(0, 1, 32).expand(16, 3, 32, 32)

training.fit(step, batches(), STEPS, sample=sample, checkpoint=PATH, parts={"weight": weight}).stopped
"""


@pytest.fixture(scope="module")
def kernel():
    manager = pytest.importorskip("jupyter_client").KernelManager(kernel_name="python3")
    modules = os.pathsep.join([str(runtime.ROOT), os.environ.get("PYTHONPATH", "")])
    manager.start_kernel(env={**os.environ, "PYTHONPATH": modules, "OMP_NUM_THREADS": "1"})
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def execute(kernel, code, interrupt_at=None):
    """All that a cell displays: (message type, data) in order; stops it once `interrupt_at` was displayed."""
    manager, client = kernel
    request = client.execute(code)
    outputs, deadline = [], time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            message = client.get_iopub_msg(timeout=1)
        except queue.Empty:
            continue
        if message["parent_header"].get("msg_id") != request:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind == "status" and content["execution_state"] == "idle":
            return outputs
        if kind not in ("status", "execute_input"):
            outputs.append((kind, content.get("data") or content))
            if interrupt_at and re.search(interrupt_at, str(content.get("data", {}).get("text/plain"))):
                manager.interrupt_kernel()
                interrupt_at = None
    raise AssertionError("The cell did not end.")


def test_in_a_real_kernel_one_small_output_remains_and_the_stop_button_ends_cleanly(kernel, tmp_path):
    path = tmp_path / "a.safetensors"
    settings = f"PATH = {str(path)!r}\n"

    outputs = execute(kernel, f"{settings}STEPS = 1_000_000\n{CELL}", r"\d\d of")
    types = [kind for kind, _ in outputs]
    assert types[0] == "display_data" and set(types[1:-1]) == {"update_display_data"}
    assert types[-1] == "execute_result" and outputs[-1][1]["text/plain"] == "True"
    text = outputs[-2][1]["text/plain"].replace(",", "")
    stopped = int(re.search(r"stopped at step (\d+) of 1000000", text)[1])

    outputs = execute(kernel, f"{settings}STEPS = {stopped + 200}\n{CELL}")
    final = outputs[-2][1]
    assert f"resumed at step {stopped}" in final["text/plain"].replace(",", "")
    assert 'value="1.000"' in final["text/html"] and 'alt="Curves over' in final["text/html"]
    assert len(final["text/html"]) < 80_000
