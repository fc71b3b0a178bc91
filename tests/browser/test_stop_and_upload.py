"""Two things that only a real browser shows: the stop button during training, and an upload."""

import math

import nbformat
import pytest
import torch

from imagegen_lessons import images

from . import lab

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
TRAINING = """
import time
from imagegen_lessons import training

def step():
    time.sleep(0.002)
    return {"loss": 1.0}

history = training.fit(step, None, 1_000_000)
"""


@pytest.mark.timeout(180)
def test_the_stop_button_ends_training_and_keeps_what_was_reached(browser, course, course_folder):
    cells = [
        nbformat.v4.new_code_cell(TRAINING),
        nbformat.v4.new_code_cell("print(history.stopped, history.steps > 0)"),
    ]
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), course_folder / "notebooks" / "stop.ipynb"
    )
    lesson = lab.Lesson(browser, course, "notebooks/stop.ipynb")
    try:
        lesson.page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
        progress = lesson.page.locator(".jp-OutputArea-output progress").first
        progress.wait_for(timeout=60_000)
        lesson.page.locator("[data-jp-item-name=interrupt] jp-button").click()
        lesson.page.wait_for_function(f"() => {lab.OUTPUTS}.some(o => o.name === 'stdout')", timeout=60_000)
        outputs = lesson.page.evaluate(lab.OUTPUTS)
        assert [o for o in outputs if o["output_type"] == "error"] == []
        assert "".join(outputs[-1]["text"]).strip() == "True True"
        assert not lesson.complaints
    finally:
        lesson.close()


@pytest.mark.timeout(180)
def test_an_upload_is_shown_and_a_broken_one_is_one_sentence(browser, course, tmp_path):
    good, broken = tmp_path / "good.png", tmp_path / "broken.png"
    good.write_bytes(images.to_bytes(torch.rand(3, 90, 120)))
    broken.write_bytes(good.read_bytes()[:200])
    lesson = lab.Lesson(browser, course, "notebooks/00_start_here.ipynb")
    try:
        lesson.run_all()
        (cell,) = [
            cell for widget in lesson.widgets() if (cell := widget()).locator(".widget-upload").count()
        ]
        button = cell.locator(".widget-upload")

        def bring(path):
            with lesson.page.expect_file_chooser() as chosen:
                button.focus()
                lesson.page.keyboard.press("Enter")
            chosen.value.set_files(path)

        assert lab.milliseconds_until_changed(lesson.page, cell, lambda: bring(good), 20) < math.inf
        lab.rest(lesson.page, cell)
        shown = cell.locator("img.widget-image").first.get_attribute("src")
        assert lab.milliseconds_until_changed(lesson.page, cell, lambda: bring(broken), 20) < math.inf
        lab.rest(lesson.page, cell)
        assert "⚠" in cell.inner_text()
        assert cell.locator("img.widget-image").first.get_attribute("src") == shown
        assert not lesson.complaints
    finally:
        lesson.close()
