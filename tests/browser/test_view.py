"""The view of meshes in JupyterLab: it draws, it turns by keyboard, and the notebook stays where it is."""

import nbformat
import pytest

from . import lab

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
CELL = """
import torch
from imagegen_lessons import shapes

box = shapes.to_mesh(lambda p: shapes.box(p, (1, 0.5, 0.5)), (-2, -1, -1), (2, 1, 1), 16, colour=(0.9, 0.3, 0.2))
shapes.view(box, "A red block.", torch.full((1, 3, 40, 64), 0.5))
"""
HAS_WEBGL = "() => !!document.createElement('canvas').getContext('webgl2')"


@pytest.mark.timeout(180)
def test_the_view_turns_by_keyboard(browser, course, course_folder):
    cells = [nbformat.v4.new_code_cell(CELL), nbformat.v4.new_code_cell("1 + 1")]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=KERNEL)
    nbformat.write(notebook, course_folder / "notebooks" / "view.ipynb")
    lesson = lab.Lesson(browser, course, "notebooks/view.ipynb")
    page = lesson.page
    try:
        if not page.evaluate(HAS_WEBGL):
            pytest.skip("This browser has no WebGL 2, so the still picture stays.")
        outputs = lesson.run_all()
        assert [o for o in outputs if o["output_type"] == "error"] == []
        canvas = page.get_by_role("img", name="A red block.").locator("visible=true")
        canvas.wait_for()
        assert canvas.evaluate("c => c.tagName") == "CANVAS"
        canvas.focus()
        cell = page.evaluate(f"{lab.NOTEBOOK}.content.activeCellIndex")
        seen = [canvas.screenshot()]
        for key in ("ArrowRight", "ArrowUp", "+"):
            page.keyboard.press(key)
            page.wait_for_timeout(300)
            seen.append(canvas.screenshot())
        assert len(set(seen)) == 4  # each key shows something else
        page.keyboard.press("0")
        page.wait_for_timeout(300)
        assert canvas.screenshot() == seen[0]
        assert page.evaluate(f"{lab.NOTEBOOK}.content.activeCellIndex") == cell
        assert not lesson.complaints
    finally:
        lesson.close()
