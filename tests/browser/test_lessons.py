"""Every lesson in a real browser: it opens, runs without an error, and every widget answers to the keyboard."""

import functools
import math
import statistics

import pytest

from tools import lessons

from . import lab

PATIENCE = 1000  # milliseconds: so soon the picture must have changed
MEASURED: list[float] = []
# Controls that may leave the picture alone: they count from the next press of a button on (lesson 07's live painting,
# lesson 14's quiz), or the best threshold stays where it is, among the few pictures of quick pace (lesson 14's costs).
LATER = ("strength", "levels", "chance", "false alarm", "miss")


def keys_for(control) -> tuple[str, str]:
    """What to press, after focusing, so that this control changes; and what else, where a small step shows nothing."""
    if control.evaluate("c => c.type") == "checkbox":
        return "Space", "Space"
    at_the_end = control.get_attribute("aria-valuenow") == control.get_attribute("aria-valuemax")
    return ("ArrowLeft", "Home") if at_the_end else ("ArrowRight", "End")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", lessons.paths(), ids=lambda path: path.stem)
def test_a_lesson_is_run_and_used_by_keyboard(browser, course, path):
    lesson = lab.Lesson(browser, course, f"notebooks/{path.name}")
    try:
        errors = [output for output in lesson.run_all() if output["output_type"] == "error"]
        assert not errors, errors[0]
        problems = []
        for number, widget in enumerate(lesson.widgets()):
            cell = widget()
            controls = [c for c in cell.locator(".noUi-handle, input[type=checkbox]").all() if c.is_visible()]
            buttons = [
                b for b in cell.locator("button.jupyter-button:not(.widget-upload)").all() if b.is_visible()
            ]
            buttons = [b for b in buttons if b.inner_text().strip()]  # those of a Play control have no words
            pressed = [(b, ("Enter", "Enter")) for b in buttons if b.is_enabled()]
            # The first controls choose what the later ones work on, so the last one is moved first.
            pressed += [(c, keys_for(c)) for c in reversed(controls)]
            for control, keys in pressed:
                name = control.evaluate("c => (c.closest('.widget-inline-hbox') || c).innerText").strip()
                took = math.inf
                for key in keys:
                    if math.isinf(took):
                        control.focus()
                        press = functools.partial(lesson.page.keyboard.press, key)
                        took = lab.milliseconds_until_changed(lesson.page, cell, press)
                if name.split("\n")[0] in LATER:
                    continue
                MEASURED.append(took)
                if took > PATIENCE:
                    problems.append(f"widget {number + 1}, {name!r}, {keys}: {took:.0f} ms")
        assert not problems, "; ".join(problems)
        assert not lesson.complaints, lesson.complaints[:3]
    finally:
        lesson.close()


def test_the_median_widget_answers_at_once(browser):
    """Runs last: over all controls of all lessons that this run has used."""
    if not MEASURED:
        pytest.skip("no widget was used")
    finite = [took for took in MEASURED if math.isfinite(took)]
    print(
        f"\n{len(MEASURED)} controls, median {statistics.median(MEASURED):.0f} ms, slowest {max(finite):.0f} ms"
    )
    assert statistics.median(MEASURED) < 200
