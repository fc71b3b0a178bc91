"""Every lesson has the form of a lesson, and fresh outputs. (nbval runs them: see the Makefile.)"""

import pytest

from tests.lessons import checks
from tools import course, lessons

LESSONS = lessons.paths()
SETUP = lessons.read(LESSONS[0]).cells[1].source

each_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


@each_lesson
def test_style(path):
    assert checks.style_problems(lessons.read(path), SETUP) == []


@each_lesson
def test_outputs_are_fresh(path):
    assert checks.freshness_problems(lessons.read(path)) == []


@each_lesson
def test_twins_are_the_same(path):
    assert checks.twin_problems(lessons.read(path)) == []


@each_lesson
def test_size(path):
    assert path.stat().st_size <= checks.MAX_NOTEBOOK_BYTES


def test_the_course_has_few_twins():
    sources = [cell.source for path in LESSONS for cell in lessons.code_cells(lessons.read(path))]
    assert len(checks.TWIN.findall("\n".join(sources))) <= 12


def test_the_readme_lists_the_lessons_as_they_are():
    assert course.readme_table() in (lessons.ROOT / "README.md").read_text(encoding="utf-8")
