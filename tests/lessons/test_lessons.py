"""Every lesson has the form of a lesson, and fresh outputs. (nbval runs them: see the Makefile.)"""

import re
import subprocess
import sys

import nbconvert
import pytest

from tests.lessons import checks
from tools import lessons

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
def test_mirrored_code_is_the_same(path):
    assert checks.mirrored_problems(lessons.read(path)) == []


@each_lesson
def test_size(path):
    assert path.stat().st_size <= checks.MAX_NOTEBOOK_BYTES


def test_the_course_has_little_mirrored_code():
    sources = [cell.source for path in LESSONS for cell in lessons.code_cells(lessons.read(path))]
    assert len(checks.MIRRORED.findall("\n".join(sources))) <= 16


def test_the_readme_lists_the_lessons_as_they_are():
    readme = (lessons.ROOT / "README.md").read_text(encoding="utf-8")
    for path in LESSONS:
        title = lessons.read(path).cells[0].source.splitlines()[0].removeprefix("# ")
        assert f"[{title}](notebooks/{path.name})" in readme


def test_a_lesson_saved_as_a_script_runs(tmp_path):
    """What JupyterLab saves as "Executable Script" knows no notebook: nothing but the set-up cell may ask for one."""
    for path in LESSONS:
        cells = lessons.code_cells(lessons.read(path))
        asked = [cell.source for cell in cells[1:] if re.search(r"get_ipython|^\s*[%!]", cell.source, re.M)]
        assert asked == [], path.name
    text, _ = nbconvert.PythonExporter().from_notebook_node(lessons.read(LESSONS[0]))
    (tmp_path / "lesson.py").write_text(text, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "lesson.py")]
    done = subprocess.run(command, cwd=lessons.NOTEBOOKS, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "not attempted yet" in done.stdout
