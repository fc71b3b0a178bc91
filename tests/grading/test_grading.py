"""The grader: right, wrong and blank work from JupyterLab and Colab, and notebooks that want to break it."""

import ast
import csv
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from grading import __main__ as grade
from grading import checks, notebook
from grading.sandbox import protections
from imagegen_lessons import exercises
from imagegen_lessons.exercises.checker import Wrong
from tools import lessons
from tools.solve import solve

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the grader needs Linux or macOS")
ALL = exercises.REGISTRY
LINUX = sys.platform == "linux"
ROOT = Path(__file__).resolve().parents[2]
OTHERS = ROOT / "tests" / "unit" / "exercises" / "other_answers"
CHECK = "exercises.sgd_step.check(sgd_step)"
RIGHT = "def sgd_step(w, gradient, lr):\n    return w - lr * gradient"
BLANK = "def sgd_step(w, gradient, lr):\n    raise NotImplementedError"


def cells(*sources: str) -> dict:
    code = [{"cell_type": "code", "source": s, "metadata": {}, "outputs": [], "id": "x"} for s in sources]
    return {"cells": code, "metadata": {"colab": {"provenance": []}}, "nbformat": 4, "nbformat_minor": 0}


def body(text: str, result: str = "w - lr * gradient") -> str:
    """An attempt at sgd_step that does this first, and then returns the result."""
    lines = [*textwrap.dedent(text).strip().splitlines(), f"return {result}"]
    return "\n".join(["def sgd_step(w, gradient, lr):", *(f"    {line}" for line in lines), CHECK])


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
        "checker checker.Exercise.check checker.Exercise.test checker._compare_on checker.explain exercises"
        " torch.allclose torch.equal",
    ),
    "forger": (
        [body("""
            import json, os, struct
            text = json.dumps(["right", "", ""]).encode()
            for file in range(10):
                try: os.write(file, struct.pack(">Q", len(text)) + text)
                except OSError: pass
         """, "w")], "stopped: answer", "no result", "os",
    ),
    "cut_off": ([body("import os\nos.closerange(0, 99)\nwhile True: pass")], "stopped: crash", "cut the channel", "os"),
    "strange": ([body("", "torch.ones(()).to(torch.float8_e4m3fn)")], "wrong", "", ""),
    "strange_list": ([body("x = []\nfor _ in range(900): x = [x]", "x")], "wrong", "expected 2.8, got [[[", ""),
    "dripping": (
        [body("""
            import os, struct, time
            os.write(3, struct.pack(">Q", 1000))
            while True:
                os.write(3, b"x")
                time.sleep(0.3)
         """)], "stopped: time", "", "os",
    ),
    "babbling": ([body("import os; os.write(3, bytes(100))")], "stopped: answer", "cannot be read", "os"),
    "copied": ([body("", "exercises.sgd_step.answer(w, gradient, lr)")], "right", "", "answer exercises"),
}  # fmt: skip
PAST_PYTHON = """
import ctypes, os
c, victim, parent = ctypes.pythonapi, VICTIM, os.getppid()
assert "SECRET" not in os.environ
assert [c.fork(), c.socket(2, 1, 0), c.kill(parent, 0), c.prlimit(parent, 0, 0, 0)] == 4 * [-1]
assert [c.open(victim, 0), c.open(victim, 1), c.unlink(victim), c.chmod(victim, 0), c.rename(victim, b"x")] == 5 * [-1]
assert [c.open(b"new", 0o101, 0o600), c.mkdir(b"folder", 0o700), c.memfd_create(b"x", 0)] == 3 * [-1]
try:
    torch.from_file(victim.decode(), shared=True, size=8)
except RuntimeError:
    pass
else:
    raise AssertionError("a file could be opened for writing")
"""


def graded(folder: Path, *options: str) -> dict[tuple[str, str], dict]:
    """What the command writes: (file, exercise) -> row."""
    command = [sys.executable, "-m", "grading", folder, "--out", folder / "results.csv"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "SECRET": "token"}
    done = subprocess.run(
        [*command, "--jobs", "3", *options],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    with open(folder / "results.csv", encoding="utf-8-sig", newline="") as file:
        return {(row["file"], row["exercise"]): row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Everything that a terrible class submitted, graded by one command."""
    folder = tmp_path_factory.mktemp("class")
    victim = folder / "victim.txt"
    victim.write_text("precious")
    for name, (sources, *_) in WORK.items():
        (folder / f"{name}.ipynb").write_text(json.dumps(cells(*sources)), encoding="utf-8")
    deleting = f"import os, shutil\nshutil.rmtree({str(folder)!r})"
    writing = f"open({str(victim)!r}, 'w').write('gone')"
    calling = "import socket; socket.create_connection(('127.0.0.1', 9), 1)"
    killing = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"
    spying = f"assert open({str(victim)!r}).read() == 'precious'"
    hostile = dict(deleting=deleting, writing=writing, calling=calling, killing=killing)
    hostile |= dict(spying=spying) if "Landlock" in protections() else {}
    if {"Landlock", "seccomp"} <= set(protections()):
        hostile |= dict(past_python=PAST_PYTHON.replace("VICTIM", repr(os.fsencode(victim))))
    for name, text in hostile.items():
        (folder / f"hostile_{name}.ipynb").write_text(json.dumps(cells(body(text))), encoding="utf-8")
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
    for path in ("Only a report/report.docx", "Only a zip/parts/work.zip", ".hidden/notes.txt"):
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_text("precious")
    (folder / "A link").symlink_to(folder / "Anna Smith", target_is_directory=True)
    rows = graded(folder, "--seconds", "6")
    assert victim.read_text() == "precious"
    return rows


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


@pytest.mark.parametrize("name", ["deleting", "writing", "calling", "killing", "spying"])
def test_nothing_outside_is_reached(table, name):
    if (f"hostile_{name}.ipynb", "sgd_step") in table:
        row = table[f"hostile_{name}.ipynb", "sgd_step"]
        assert row["verdict"] == "wrong" and "PermissionError" in row["sentence"]


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
    ],
)
def test_what_is_no_notebook_is_a_row(table, file, part):
    row = table[f"{file}.ipynb", ""]
    assert row["verdict"] == "unreadable" and part in row["sentence"], str(row)


def test_a_folder_without_a_notebook_is_a_row(table):
    found = {row["file"]: row for row in table.values() if "no notebook in this folder" in row["sentence"]}
    assert set(found) == {"Only a report", "Only a zip"}
    for name, row in found.items():
        assert row["student"] == name and row["verdict"] == "unreadable"


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


@pytest.mark.skipif(not LINUX, reason="only Linux refuses this")
def test_the_kernel_refuses_what_goes_past_python(table):
    if ("hostile_past_python.ipynb", "sgd_step") not in table:
        pytest.skip("this kernel has no Landlock or no seccomp")
    row = table["hostile_past_python.ipynb", "sgd_step"]
    assert row["verdict"] == "right", str(row)  # the attempt asserts that all is refused


def test_an_untouched_lesson_is_not_attempted(good_table):
    rows = [row for (file, _), row in good_table.items() if file == "untouched.ipynb"]
    assert len(rows) == 5 and {row["verdict"] for row in rows} == {"not attempted"}


def test_the_answers_are_right_in_their_lessons(good_table):
    rows = [row for row in good_table.values() if row["student"] == "solved"]
    assert len(rows) == 12 and {row["verdict"] for row in rows} == {"right"}, str(rows)


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


def test_few_exercises_must_be_checked_inside_the_sandbox():
    inside = {name for name in ALL if not checks.can_check_outside(name)}
    assert {"TinyClassifier", "MyGenerator", "ema_update"} <= inside and len(inside) < len(ALL) / 5
    assert not inside & {"luminance", "brier", "fool_frechet", "frames", "crop_centre"}
    guide = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
    named = guide.partition('"right": ')[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", named)) == inside


@pytest.mark.parametrize("name", [name for name in ALL if checks.can_check_outside(name)])
def test_from_outside_mistakes_get_the_same_advice(name):
    for wrong in ALL[name].wrong:

        def sent(*arguments, wrong=wrong):
            given = checks.unpack(checks.pack(arguments))
            result = checks.unpack(checks.pack(wrong(*given)))
            for mine, after in zip(checks.tensors(arguments), checks.tensors(given), strict=True):
                with torch.no_grad():
                    mine.copy_(after)
            return result

        messages = []
        for attempt in (wrong, sent):
            with pytest.raises(Wrong) as caught:
                ALL[name].test(attempt)
            messages.append(str(caught.value))
        assert messages[0] == messages[1]


@pytest.mark.parametrize(
    "said",
    [
        ["tensor", "float32", [2**40], False, ""],
        ["tensor", "load", [1], False, ""],
        ["tensor", "float32", [1], False, "é"],
        ["tensor"],
        ["list", ["what"]],
        ["dict", 3],
        [],
        {},
    ],
)
def test_answers_from_a_sandbox_may_be_anything(said):
    with pytest.raises(Exception):  # noqa: B017 (any; the caller takes all for "no result")
        checks.unpack(said) if isinstance(said, list) else checks.unpack([said])


def test_all_kinds_of_results_can_be_sent():
    value = {"a": [1, 2.5, None, True], (1, 2): (torch.rand(2, 3), torch.tensor(3)), "b": torch.zeros(0, 2)}
    there = checks.unpack(json.loads(json.dumps(checks.pack(value))))
    assert list(there) == list(value) and there["a"] == value["a"] and isinstance(there[1, 2], tuple)
    assert torch.equal(there[1, 2][0], value[1, 2][0]) and there["b"].shape == (0, 2)
    assert checks.unpack(checks.pack(torch.ones(2).requires_grad_())).requires_grad
    assert repr(checks.unpack(checks.pack(len))) == "a builtin_function_or_method"
