"""The grader: right, wrong and blank work from JupyterLab and Colab, and notebooks that want to break it."""

import ast
import json
import os
from pathlib import Path

import pytest

from grading import __main__ as grade
from grading import notebook
from imagegen_lessons import exercises
from tests.grading.classroom import CHECK, body, can_grade, cells, graded
from tools import lessons
from tools.solve import solve

pytestmark = [can_grade, pytest.mark.timeout(1200)]  # classes of dozens, on a machine that may be busy
ALL = exercises.REGISTRY
ROOT = Path(__file__).resolve().parents[2]
OTHERS = ROOT / "tests" / "unit" / "exercises" / "other_answers"
RIGHT = "def sgd_step(w, gradient, lr):\n    return w - lr * gradient"
BLANK = "def sgd_step(w, gradient, lr):\n    raise NotImplementedError"


# name -> cells, and the verdict on sgd_step with a part of its sentence, and signs to look at
WORK = {
    "blank": ([BLANK, CHECK], "not attempted", "", ""),
    "right": (["# @title Exercise { run: 'auto' }\n!pip install -q torch\n" + RIGHT + "\n" + CHECK], "right", "", ""),
    "wrong": ([RIGHT.replace("-", "+"), CHECK], "wrong", "", ""),
    "timed": (["%%time\n" + RIGHT, "%matplotlib inline\nx = !ls\n?print\n" + CHECK], "right", "", ""),
    "answered_above_the_blank": ([RIGHT, BLANK, CHECK], "right", "", ""),
    "second_try": ([RIGHT.replace("-", "+"), CHECK, RIGHT, CHECK], "right", "", ""),
    "another_name": ([RIGHT.replace("sgd_step", "mine"), "exercises.sgd_step.check(mine)"], "right", "", ""),
    "a_lambda": (["sgd_step = lambda w, gradient, lr: w - lr * gradient", CHECK], "right", "", ""),
    "helper_below": (
        [body("", "moved(w, lr, gradient)"), "from math import *\nfrom string import *",
         "RATE = 2\nRATE -= int(cos(0))\ntable = {}\ntable['rate'] = RATE",
         "def moved(w, by, along):\n    return torch.sub(w, table['rate'] * by * along)"], "right", "", "",
    ),
    "needs_nothing_slow": (["import time\ntime.sleep(99)\nwhile True: pass", RIGHT, CHECK], "right", "", ""),
    "undefined": ([body("", "w - rate * gradient")], "wrong", "NameError at `return w - rate * gradient`", ""),
    "no_python": (["def sgd_step(w, gradient, lr)\n    return w\n" + CHECK], "wrong", "no valid Python", ""),
    "forgotten": ([CHECK], "missing", "not defined", ""),
    "returns_a_function": ([body("", "len")], "wrong", "a builtin_function_or_method", ""),
    "raises": ([body("raise ValueError('no')")], "wrong", "ValueError at `raise ValueError('no')`: no", ""),
    "an_alias": (["def mine(w, g, lr):\n    return w - lr * g", "sgd_step = mine", CHECK], "right", "", ""),
    "a_partial": (
        ["import functools", "def mine(power, w, g, lr):\n    return w - lr * g ** power",
         "sgd_step = functools.partial(mine, 1)", CHECK], "right", "", "",
    ),
    "in_a_branch": (
        ["if True:\n    " + RIGHT.replace("\n", "\n    ") + "\nelse:\n    sgd_step = None", CHECK], "right", "", "",
    ),
    "used_later": ([RIGHT, CHECK, "sgd_step = sgd_step(1.0, 2.0, 0.1)"], "right", "", ""),
    "no_check_line": ([RIGHT], "right", "", ""),
    "a_long_sum": (["x = " + " + ".join(["1"] * 1500), RIGHT, CHECK], "right", "", ""),
    "an_even_longer_sum": (["x = " + " + ".join(["1"] * 20_000), RIGHT, CHECK], "right", "", ""),
    "the_package_itself": (
        ["from imagegen_lessons.exercises.lesson_01 import sgd_step as mine\nsgd_step = mine.answer", CHECK],
        "right", "", "answer exercises imagegen_lessons.exercises.lesson_01.sgd_step",
    ),
    # those that want to break it, or to look right
    "endless": ([body("while True: pass")], "stopped: time", "seconds", ""),
    "sleeping": ([body("import time; time.sleep(99)")], "stopped: time", "seconds", ""),
    "greedy": ([body("x = [0] * 10**10")], "stopped: memory", "memory", ""),
    "greedy_torch": ([body("x = torch.ones(10**10)")], "stopped: memory", "memory", ""),
    "quitting": ([body("import os; os._exit(0)")], "stopped: exit", "ended the process", "_exit os"),
    "exiting": ([body("import sys; sys.exit(0)")], "wrong", "SystemExit", "sys"),
    "deep": ([body("return sgd_step(w, gradient, lr)")], "wrong", "RecursionError", ""),
    "fork_bomb": ([body("import os\nwhile True: os.fork()")], "wrong", "may not do this: os.fork", "os"),
    "shell": ([body("import os; os.system('ls')")], "wrong", "may not do this: os.system", "os"),
    "printing": ([body("print('✅ sgd_step: right.')", "w")], "wrong", "", ""),
    "checker": (
        ["exercises.Exercise = None\nexercises.sgd_step = None",
         body("""
            from imagegen_lessons.exercises import checker
            checker.Exercise.test = checker.Exercise.check = lambda *a: None
            checker.explain = checker._compare_on = lambda *a: None
            torch.allclose = torch.equal = lambda *a, **k: True
         """, "w")], "wrong", "expected 2.8, got 3",
        "_compare_on checker checker.Exercise.check checker.Exercise.test checker._compare_on checker.explain exercises"
        " torch.allclose torch.equal",
    ),
    "forger": (
        [body("""
            import json, os, struct
            text = json.dumps(["right", "", ""]).encode()
            for file in range(64):
                try: os.write(file, struct.pack(">Q", len(text)) + text)
                except OSError: pass
         """, "w")], "stopped: answer", "no result", "json os struct",
    ),
    "cut_off": ([body("import os\nos.closerange(0, 99)\nwhile True: pass")], "stopped: time", "", "os"),
    "strange": ([body("", "torch.ones(()).to(torch.float8_e4m3fn)")], "wrong", "", ""),
    "strange_list": ([body("x = []\nfor _ in range(200): x = [x]", "x")], "wrong", "expected 2.8, got [[[", ""),
    "dripping": (
        [body("""
            import os, struct, time
            def say(data):
                for file in range(3, 64):
                    try: os.write(file, data)
                    except OSError: pass
            say(struct.pack(">Q", 1000))
            while True:
                say(b"x")
                time.sleep(0.3)
         """)], "stopped: time", "", "os struct",
    ),
    "babbling": (
        [body("""
            import os
            for file in range(3, 64):
                try: os.write(file, bytes(100))
                except OSError: pass
         """)], "stopped: answer", "cannot be read", "os",
    ),
    "copied": (
        [body("", "exercises.sgd_step.answer(w, gradient, lr)")], "right", "", "answer exercises exercises.sgd_step",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Everything that a terrible class submitted, graded by one command."""
    folder = tmp_path_factory.mktemp("class")
    for name, (sources, *_) in WORK.items():
        (folder / f"{name}.ipynb").write_text(json.dumps(cells(*sources)), encoding="utf-8")
    files = {
        "empty": "", "broken": '{"cells": [', "a_list": "[]", "no_cells": "{}", "nested": "[" * 100_000,
        "odd": '{"cells": [{"cell_type": "code", "source": 7}]}', "none": json.dumps(cells("1 + 1")),
        "02_nothing": json.dumps(cells()), "deep_code": json.dumps(cells("(" * 9999, "-" * 99999 + "1", CHECK)),
        "=formula": json.dumps(cells(RIGHT, CHECK)), "bytes": "\udcff",
    }  # fmt: skip
    for name, text in files.items():
        (folder / f"{name}.ipynb").write_bytes(text.encode(errors="surrogateescape"))
    with open(folder / "huge.ipynb", "wb") as file:
        file.truncate(notebook.LARGEST + 1)
    os.mkfifo(folder / "pipe.ipynb")
    (folder / "link.ipynb").symlink_to("/dev/zero")
    (folder / "Anna Smith").mkdir()
    (folder / "Anna Smith" / "work (1).ipynb").write_text(json.dumps(cells(RIGHT, CHECK)))
    hidden = folder / ".ipynb_checkpoints"
    hidden.mkdir()
    (hidden / "right.ipynb").write_text("")
    for path in (
        "Only a report/report.docx",
        ".hidden/notes.txt",
        "report.docx",
        "Only a zip/parts/work.zip",
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("precious")
    work = json.dumps(cells(RIGHT, CHECK))
    (folder / "ending.ipynb.txt").write_text(work)
    (folder / "a zip by another name.ipynb").write_bytes(b"PK\5\6" + bytes(18))
    (folder / "Twice").mkdir()
    for name in ("work", "work (1)"):
        (folder / "Twice" / f"{name}.ipynb").write_text(work)
    (folder / "x;=1+1.ipynb").write_text(work)
    (folder / "A link").symlink_to(folder / "Anna Smith", target_is_directory=True)
    return graded(folder, "--seconds", "6")


# The first of them waits for some ninety attempts of two to four seconds each, the course's every exercise among them.
all_exercises = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def good_table(tmp_path_factory):
    """An untouched lesson, two with the course's answers, and other right answers to everything."""
    folder = tmp_path_factory.mktemp("good class")
    lesson = lessons.paths("01")[0]
    (folder / "untouched.ipynb").write_bytes(lesson.read_bytes())
    for number in ("00", "15"):
        lessons.write(solve(lessons.read(lessons.paths(number)[0])), folder / "solved" / f"{number}.ipynb")
    for path in lessons.paths():
        lesson = lessons.read(path)
        names = notebook.mentioned(cell.source for cell in lessons.code_cells(lesson))
        others = (OTHERS / f"lesson_{path.name[:2]}.py").read_text(encoding="utf-8").partition("ANSWERS =")[0]
        checks = [f"exercises.{name}.check({name})" for name in names]
        (folder / f"others of {names[0]}.ipynb").write_text(
            json.dumps(cells(others, *checks)), encoding="utf-8"
        )
    return graded(folder)


@pytest.mark.parametrize("name", WORK)
def test_the_verdict_and_what_it_says(table, name):
    _, verdict, sentence, signs = WORK[name]
    row = table[f"{name}.ipynb", "sgd_step"]
    assert row["verdict"] == verdict and sentence in row["sentence"], str(row)
    assert row["look at by hand"] == signs, str(row)
    assert row["lesson"] == "01_learning_to_see" and row["student"] == name


@pytest.mark.parametrize(
    ("file", "part"),
    [
        ("empty", "not JSON"),
        ("broken", "not JSON"),
        ("bytes", "not JSON"),
        ("nested", "not JSON"),
        ("a_list", "no cells"),
        ("no_cells", "no cells"),
        ("odd", "no cells"),
        ("none", "No exercise"),
        ("huge", "larger than"),
        ("pipe", "no ordinary file"),
        ("link", "no ordinary file"),
        ("a zip by another name", "an archive or a document"),
    ],
)
def test_what_is_no_notebook_is_a_row(table, file, part):
    row = table[f"{file}.ipynb", ""]
    assert row["verdict"] == "unreadable" and part in row["sentence"], str(row)


@pytest.mark.parametrize(
    ("student", "part"),
    [
        ("Only a report", "no notebook in this folder"),
        ("Only a zip", "unpack it"),
        ("report.docx", "does not end with .ipynb"),
    ],
)
def test_what_was_handed_in_instead_of_a_notebook_is_a_row(table, student, part):
    (row,) = [row for row in table.values() if row["student"] == student]
    assert row["verdict"] == "unreadable" and part in row["sentence"]


def test_a_notebook_with_another_ending_is_read(table):
    row = table["ending.ipynb.txt", "sgd_step"]
    assert row["verdict"] == "right" and row["student"] == "ending"


def test_two_files_of_a_student_are_both_graded_and_named(table):
    for name in ("work", "work (1)"):
        row = table[f"Twice/{name}.ipynb", "sgd_step"]
        assert row["verdict"] == "right" and row["look at by hand"] == "[in 2 files]"


def test_no_cell_begins_like_a_formula_wherever_a_spreadsheet_divides(table):
    for row in table.values():
        for cell in row.values():
            for divider in ";\t":  # not at commas: every cell stands in quotes
                assert not any(part.strip(' "').startswith(grade.FORMULA) for part in cell.split(divider)[1:])
            assert not cell.startswith(grade.FORMULA)
    assert table["x,=1+1.ipynb", "sgd_step"]["verdict"] == "right"


def test_a_link_to_a_folder_is_named_and_not_followed(table):
    row = table["A link", ""]
    assert row["verdict"] == "unreadable" and "This is a link" in row["sentence"]
    assert not any(file.startswith("A link/") for file, _ in table)


def test_the_rows_are_in_order_of_name(table):
    files = list(dict.fromkeys(file.lstrip("'") for file, _ in table))
    assert files == sorted(files)


def test_who_and_what_is_in_the_table(table):
    assert table["Anna Smith/work (1).ipynb", "sgd_step"]["student"] == "Anna Smith"
    assert table["'=formula.ipynb", "sgd_step"]["verdict"] == "right"
    assert not any("checkpoints" in file for file, _ in table)
    mine = [row for (file, _), row in table.items() if file == "02_nothing.ipynb"]
    assert len(mine) == 5 and {row["verdict"] for row in mine} == {"missing"}
    others = [row for (file, name), row in table.items() if file == "right.ipynb" and name != "sgd_step"]
    assert {row["verdict"] for row in others} == {"missing"}
    assert ("deep_code.ipynb", "sgd_step") in table


@all_exercises
def test_an_untouched_lesson_is_not_attempted(good_table):
    rows = [row for (file, _), row in good_table.items() if file == "untouched.ipynb"]
    assert len(rows) == 5 and {row["verdict"] for row in rows} == {"not attempted"}


@all_exercises
def test_the_answers_are_right_in_their_lessons(good_table):
    rows = [row for row in good_table.values() if row["student"] == "solved"]
    assert len(rows) == 12 and {row["verdict"] for row in rows} == {"right"}, str(rows)


@all_exercises
def test_differently_written_answers_to_everything_are_right(good_table):
    rows = {name: row for (file, name), row in good_table.items() if file.startswith("others")}
    assert set(rows) == set(ALL)
    assert {row["verdict"] for row in rows.values()} == {"right"}, str(rows)


def test_the_lessons_are_those_of_the_tools():
    assert list(grade.the_lessons()) == [path.stem for path in lessons.paths()]
    for path in lessons.paths():
        cells = [cell.source for cell in lessons.code_cells(lessons.read(path))]
        assert notebook.given(cells) == (notebook.statements(cells)[0], [])


def test_answers_in_the_course_itself_change_no_verdict():
    above, answer = "def sgd_step(w):\n    return w", RIGHT + "\n" + CHECK
    lesson = [above, "RATE = 2", BLANK + "\n" + CHECK]
    untouched = notebook.statements(lesson)[0]
    for filled in ([above, "RATE = 2", answer], [*lesson, answer], [*lesson[:2], BLANK, answer, "1 +"]):
        given, names = notebook.given(filled)
        assert names == ["sgd_step"]
        right, blank = (notebook.statements([*lesson[:2], cell])[0] for cell in (answer, lesson[2]))
        assert notebook.attempt_at("sgd_step", right, given)[0] == ast.unparse(ast.parse(RIGHT))
        assert "raise NotImplementedError" in (notebook.attempt_at("sgd_step", blank, given)[0] or BLANK)
        assert notebook.attempt_at("sgd_step", untouched[:2], given) is None, "the lesson's own is no attempt"
    assert notebook.given(["import torch", "1 +\n" + CHECK])[1] == ["sgd_step"], "nobody can run this blank"


def test_two_lessons_of_one_number_are_refused_and_copies_ignored(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(grade.runtime, "ROOT", tmp_path)
    (tmp_path / "notebooks").mkdir()
    for name in ("01_a", "01_a-Copy1", "01_A", "1_a", "02_b2"):
        (tmp_path / "notebooks" / f"{name}.ipynb").write_text(json.dumps(cells(BLANK, CHECK)))
    assert list(grade.the_lessons()) == ["01_a", "02_b2"]
    said = capsys.readouterr().err
    assert said.startswith("01_A.ipynb is taken for no lesson") and said.count("\n") == 1
    (tmp_path / "notebooks" / "01_a_my_copy.ipynb").write_text(json.dumps(cells(RIGHT, CHECK)))
    with pytest.raises(SystemExit, match="two lessons 01"):
        grade.the_lessons()
