"""Every lesson in a real browser: it opens, runs without an error, and every widget answers to the keyboard."""

import functools
import math

import pytest

from tools import lessons

from . import lab

TRIES = 3  # one who comes late three times is slow; once or twice, the machine was busy
# Controls that may leave the picture alone: they count from the next press of a button on (lesson 07's live painting,
# lesson 16's quiz), or the best threshold stays where it is, among the few pictures of quick pace (lesson 16's costs).
LATER = ("strength", "layers", "percent", "false alarm", "miss")
CONTROLS = ".noUi-handle, input[type=checkbox]"
BUTTONS = "button.jupyter-button:not(.widget-upload, .widget-play *)"
PLAY = ".widget-play button:first-child"


def keys_for(control) -> tuple[str, str]:
    """What to press, after focusing, so that this control changes; and what else, where a small step shows nothing."""
    if control.evaluate("c => c.tagName") == "BUTTON":
        return "Enter", "Enter"
    if control.evaluate("c => c.type") == "checkbox":
        return "Space", "Space"
    at_the_end = control.get_attribute("aria-valuenow") == control.get_attribute("aria-valuemax")
    return ("ArrowLeft", "Home") if at_the_end else ("ArrowRight", "End")


def name_of(control) -> str:
    if control.evaluate("c => c.matches('.widget-play *')"):
        return "play"
    return control.evaluate("c => (c.closest('.widget-inline-hbox') || c).innerText").strip().split("\n")[0]


def use(page, cell, control) -> float:
    """Milliseconds until the picture followed; a play button is pressed twice, and then all must come to rest."""
    plays = name_of(control) == "play"
    for key in keys_for(control)[: 1 if plays else 2]:
        control.focus()
        took = lab.milliseconds_until_changed(page, cell, functools.partial(page.keyboard.press, key))
        if plays:
            page.keyboard.press("Space")
        lab.rest(page, cell, quiet=1000 if plays else 100)
        if math.isfinite(took):
            break
    return took


@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", lessons.paths(), ids=lambda path: path.stem)
def test_a_lesson_is_run_and_used_by_keyboard(browser, course, path):
    lesson = lab.Lesson(browser, course, f"notebooks/{path.name}")
    try:
        errors = [output for output in lesson.run_all() if output["output_type"] == "error"]
        assert not errors, errors[0]
        problems = []
        for number, widget in enumerate(lesson.widgets()):
            cell = widget()
            # The first controls choose what the later ones work on, so the last one is moved first.
            found = [cell.locator(which).all() for which in (BUTTONS, PLAY, CONTROLS)]
            for control in [*found[0], *found[1], *reversed(found[2])]:
                if not (control.is_visible() and control.is_enabled()):
                    continue
                name = name_of(control)
                tries = [use(lesson.page, cell, control)]
                if name in LATER:
                    continue
                lab.MEASURED.append(tries[0])
                while min(tries) > lab.PATIENCE and len(tries) < TRIES:
                    tries.append(use(lesson.page, cell, control))
                if min(tries) > lab.PATIENCE:
                    took = ", ".join(f"{ms:.0f}" for ms in tries)
                    problems.append(f"widget {number + 1}, {name!r}: {took} ms")
        assert not problems, "; ".join(problems)
        assert not lesson.complaints, lesson.complaints[:3]
    finally:
        lesson.close()
