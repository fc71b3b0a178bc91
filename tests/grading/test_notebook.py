"""Reading what was handed in: right work in odd forms, and folders made to stop the grader. No sandbox is needed."""

import json
import os
import subprocess

import pytest

from grading import __main__ as grade
from grading import attempt, notebook
from imagegen_lessons import exercises
from tests.grading.classroom import CHECK, cells

RIGHT = "def sgd_step(w, gradient, lr):\n    return w - lr * gradient"
MINE = RIGHT.replace("sgd_step", "mine")
LESSONS = {"01_learning_to_see": (["sgd_step"], [])}
ODD_FORMS = {
    "a check of a result": [RIGHT + "\nexercises.sgd_step.check(sgd_step(1.0, 2.0, 0.1))"],
    "a check of nothing": [RIGHT, "exercises.sgd_step.check(None)"],
    "a check by its long name": [MINE, "r = imagegen_lessons.exercises.sgd_step.check(attempt=mine)"],
    "names that need no import": [
        "from typing import TYPE_CHECKING\nfrom __future__ import annotations",
        RIGHT.replace("(w", "(w: Nowhere"),
        CHECK,
    ],
    "a counter": ["calls = 0", RIGHT.replace("    ", "    global calls\n    calls += 1\n    "), CHECK],
    "two magics": ["%%capture\n%%time\n" + RIGHT, CHECK],
    "a form and a magic": ["#@title Mine { run: 'auto' }\n%%time\n" + RIGHT, CHECK],
    "lines of Windows": ["%%time\r\n" + RIGHT.replace("\n", "\r\n"), CHECK],
    "another cell that does not compile": ["def f(a):\n    global a", "from __future__ import magic", RIGHT, CHECK],
    "a method": [
        "class A:\n    @staticmethod\n    " + MINE.replace("\n", "\n    "),
        "exercises.sgd_step.check(A.mine)",
    ],
    "another name after a wrong attempt": [RIGHT.replace("-", "+"), MINE, "sgd_step = mine", CHECK],
    "a partial after a wrong attempt": [
        RIGHT.replace("-", "+"),
        "import functools",
        MINE.replace("(w", "(by, w").replace("lr *", "by * lr *"),
        "sgd_step = functools.partial(mine, 1)",
        CHECK,
    ],
    "a number of the same name": [RIGHT, CHECK, "mine = sgd_step(3.0, 2.0, 0.1)", "sgd_step = mine"],
}  # fmt: skip


def read(sources: list[str], encoding: str = "utf-8") -> tuple:
    """Of sgd_step in a notebook of these cells: the attempt, and its cell's error."""
    data = json.dumps(cells(*sources)).encode(encoding)
    ((_, _, found, broken),) = notebook.attempts(data, "work (1).ipynb", LESSONS)
    return found, broken


@pytest.mark.parametrize("name", ODD_FORMS)
def test_right_work_in_an_odd_form_is_right(name):
    (source, signs), _ = read(ODD_FORMS[name])
    exercises.sgd_step.test(attempt._define("sgd_step", source))
    assert not signs


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings_are_read(encoding):
    assert read([RIGHT, CHECK], encoding)[0] == (RIGHT, [])


@pytest.mark.parametrize("letter", ["\ud800", "\0", "(", "\u00a0"])
def test_a_cell_that_is_no_python_says_so_wherever_its_check_stands(letter):
    found, broken = read([RIGHT + letter, CHECK])
    assert found is None and broken.startswith("The cell is no valid Python")


def test_a_line_of_the_grader_is_not_shown_as_the_student_s():
    said = []
    channel = type("", (), {"send": said.append})
    responder = attempt.Responder(lambda w: w)
    assert attempt._say(channel, responder, ["call", ["tuple", 1, 2]]) is None
    assert said[0][1].startswith("Your code stops with TypeError: ") and "takes 1" in said[0][1]


def test_links_to_themselves_and_deep_folders_are_rows(tmp_path):
    work = json.dumps(cells(RIGHT, CHECK))
    (tmp_path / "a victim.ipynb").write_text(work)
    (tmp_path / "loop.ipynb").symlink_to("loop.ipynb")
    (tmp_path / "two").mkdir()
    for name, other in ("ab", "ba"):
        (tmp_path / "two" / f"{name}.ipynb").symlink_to(f"{other}.ipynb")
    place = os.open(tmp_path, os.O_RDONLY)
    for name in ["well", *1200 * ["a"]]:  # longer than Python's recursion limit
        os.mkdir(name, dir_fd=place)
        above, place = place, os.open(name, os.O_RDONLY, dir_fd=place)
        os.close(above)
    os.close(place)
    nested = tmp_path.joinpath("an honest one", *"abcdefgh")
    nested.mkdir(parents=True)
    (nested / "work.ipynb").write_text(work)
    found = grade.submissions(tmp_path, tmp_path / "loop.csv")
    subprocess.run(["rm", "-r", tmp_path / "well" / "a"], check=True)  # pytest cannot remove it
    assert found == sorted(
        [tmp_path / name for name in ("a victim.ipynb", "loop.ipynb", "two/a.ipynb", "two/b.ipynb", "well")]
        + [nested / "work.ipynb"]
    )
    for path in found:
        if work not in (path.read_text() if path.is_file() else ""):
            (row,) = grade.rows(path, tmp_path, LESSONS, grade.Limits(5, 500))
            assert row[4] == "unreadable" and (
                "no ordinary file" in row[5] or "no notebook in this" in row[5]
            )
