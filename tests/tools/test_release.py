"""The students' copy: no answer can be read in it, and yet its exercises check, advise and hint as in the course."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from imagegen_lessons import exercises
from tools import address, lessons, release
from tools.solve import solve_source

ROOT = Path(__file__).resolve().parents[2]
ALL = exercises.REGISTRY
# Runs inside the copy, with the course's `tests` in reach but none of its package.
PROBE = """
import contextlib, io, json, sys
from pathlib import Path
from imagegen_lessons import exercises
from imagegen_lessons.exercises import checker
import torch
torch.set_num_threads(1)
sys.path.append(COURSE)
from tests.unit.exercises.other_answers import OTHER_ANSWERS
assert Path(checker.__file__).is_relative_to(Path.cwd()) and Path(exercises.__file__).is_relative_to(Path.cwd())

def blank(*arguments, **options):
    raise NotImplementedError

def said(function, *arguments):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        function(*arguments)
    return out.getvalue()

facts = {}
for name, known in exercises.REGISTRY.items():
    facts[name] = {
        "blank": said(known.check, blank),
        "right": "" if name in SLOW else said(known.check, OTHER_ANSWERS[name][0]),
        "wrong": [(said(known.check, wrong), advice) for wrong, advice in list(known.wrong.items())[:1]],
        "hints": [said(known.hint) for _ in known.hints] == [
            f"Hint {i} of {len(known.hints)}: {hint}\\n" for i, hint in enumerate(known.hints, start=1)
        ],
        "solution": said(known.solution),
        "source": said(known.source),
    }
print(json.dumps(facts))
"""
CELLS = """
import ast, json, sys
from pathlib import Path
for path in sorted(Path("notebooks").glob("*.ipynb")):
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    names = {"get_ipython": lambda: None}  # outside of Jupyter there is none; in it, it is not Colab
    for cell in cells:  # what the lesson imports, wherever
        imports = [n for n in ast.parse("".join(cell["source"])).body if isinstance(n, ast.Import | ast.ImportFrom)]
        exec(compile(ast.Module(imports, []), "imports", "exec"), names)
    for cell in [cells[0], *(cell for cell in cells if "exercise" in cell["metadata"].get("tags", []))]:
        # A name of its own: from Python 3.13 on, "<string>" is the file name of this program's own text.
        exec(compile("".join(cell["source"]), f"<{cell['id']}>", "exec"), names)
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("release") / release.NAME
    release.write(folder)
    return folder


def run(copy: Path, program: str) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(copy), "IMAGEGEN_PACE": "quick"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def facts(copy) -> dict:
    """What check, hint and solution say in the copy, for each exercise."""
    program = PROBE.replace("COURSE", repr(str(ROOT))).replace(
        "SLOW", "('TinyClassifier', 'MyDiscriminator')"
    )
    return json.loads(run(copy, program))


def test_checks_work(facts):
    assert set(facts) == set(ALL)
    for name, fact in facts.items():
        assert fact["blank"].startswith(f"⏳ {name}")
        assert fact["right"] == "" or fact["right"].startswith(f"✅ {name}: right.")
        for said, advice in fact["wrong"]:
            assert said.startswith(f"❌ {name}") and advice in said


def test_hints_work_and_solutions_are_not_told(facts):
    for name, fact in facts.items():
        assert fact["hints"]
        assert fact["solution"] == fact["source"]
        assert fact["solution"].startswith(f"{name}: ask your instructor")


def test_the_blank_cells_of_all_lessons_run(copy):
    said = re.findall(r"^⏳ (\w+): not attempted", run(copy, CELLS), re.MULTILINE)
    assert sorted(said) == sorted(ALL)


def test_no_answer_can_be_read(copy):
    texts = [path.read_text(encoding="utf-8") for path in copy.rglob("*.py")]
    texts += [c.source for path in copy.rglob("*.ipynb") for c in lessons.code_cells(lessons.read(path))]
    for name, known in ALL.items():
        answer = known.source()
        if known.answer.__module__.startswith("imagegen_lessons.exercises"):  # others are the package's own
            assert not [text[:60] for text in texts if answer in text], name


def test_sealed_modules_hold_nothing_but_their_title(copy):
    sealed = sorted((copy / "imagegen_lessons" / "exercises").glob("lesson_*.py"))
    assert len(sealed) == len(list((ROOT / "imagegen_lessons" / "exercises").glob("lesson_*.py")))
    for path in sealed:
        text = path.read_text(encoding="utf-8")
        kinds = [type(node) for node in ast.parse(text).body]
        assert kinds == [ast.Expr, ast.Import, ast.Import, ast.Assign, ast.Expr], path.name
        assert max(map(len, text.splitlines())) < 200


def test_what_only_instructors_and_authors_need_is_left_out(copy):
    names = {path.relative_to(copy).as_posix() for path in copy.rglob("*")}
    for name in (
        "tests",
        "tools/solve.py",
        "tools/release.py",
        "docs/instructors.md",
        "data/cache",
        "build",
        ".git",
    ):
        assert name not in names
    assert not [
        name for name in names if "grading" in name or "__pycache__" in name or "other_answers" in name
    ]


def test_the_lessons_are_as_they_were(copy):
    assert sorted(path.name for path in (copy / "notebooks").iterdir()) == [p.name for p in lessons.paths()]
    for path in lessons.paths():
        assert (copy / "notebooks" / path.name).read_bytes() == path.read_bytes()


def answer_of(cell) -> str:
    return solve_source(cell.source)


def printed_solution(cell) -> str:
    cell.outputs = [nbformat.v4.new_output("stream", text=ALL["sgd_step"].source() + "\n")]
    return cell.source


def no_python(cell) -> str:
    return cell.source.replace("):", ")")


@pytest.mark.parametrize("change", [answer_of, printed_solution, no_python])
def test_a_lesson_that_tells_an_answer_is_not_handed_out(monkeypatch, tmp_path, change):
    lesson = lessons.read(lessons.paths("01")[0])
    cell = next(cell for cell in lessons.code_cells(lesson) if "def sgd_step" in cell.source)
    cell.source = change(cell)
    lessons.write(lesson, tmp_path / "notebooks" / "01_learning_to_see.ipynb")
    monkeypatch.setattr(lessons, "NOTEBOOKS", tmp_path / "notebooks")
    with pytest.raises(ValueError, match=r"^notebooks/01_learning_to_see\.ipynb tells answers \(sgd_step\)"):
        release.write(tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_colab_finds_in_the_copy_what_the_set_up_cell_runs(copy):
    setup = lessons.read(next((copy / "notebooks").glob("*.ipynb"))).cells[1].source
    (program,) = re.findall(r'"run", "course/(.+?)"', setup)
    assert (copy / program).read_bytes() == (ROOT / program).read_bytes()


def test_links_lead_somewhere(copy):
    pages = {"README.md": (copy / "README.md").read_text(encoding="utf-8")}
    for path in (copy / "notebooks").glob("*.ipynb"):
        text = [cell.source for cell in lessons.read(path).cells if cell.cell_type == "markdown"]
        pages[f"notebooks/{path.name}"] = "\n".join(text)
    for name, text in pages.items():
        links = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if not re.match("[a-z]+:", link)]
        assert [link for link in links if not ((copy / name).parent / link).exists()] == [], name


def test_its_makefile_knows_what_students_need(copy):
    text = (copy / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"^([^\s#.].*?):(?!=)", text, re.MULTILINE) == ["moved", "$(LAB)", "lab"]
    defined = set(re.findall(r"^(\w+) [?:]=", text, re.MULTILINE))
    used = set(re.findall(r"\$\((\w+)\)", text)) - {"CURDIR"}  # which make itself defines
    assert defined == used, "what is used is defined, and nothing else"
    for prerequisite in re.findall(r"^\$\(LAB\): ([^|\n]+)", text, re.MULTILINE)[0].split():
        assert (copy / prerequisite).is_file()
    readme = (copy / "README.md").read_text(encoding="utf-8")
    assert "make lab" in readme and "Windows" in readme and "make test" not in readme
    assert (copy / "tools" / "install.py").is_file()


def test_git_ignores_in_the_copy_what_a_student_makes(copy):
    ignored = (copy / ".gitignore").read_text(encoding="utf-8").split()
    assert {".venv*/", "outputs/", "data/cache/", ".ipynb_checkpoints/", "__pycache__/"} <= set(ignored)


def test_programs_that_are_left_out_are_said_to_be_elsewhere(copy):
    for name in ("README.md", "data/README.md"):
        assert "full course, which your instructor has" in (copy / name).read_text(encoding="utf-8")
    assert (copy / "data" / "README.md").read_text(encoding="utf-8").startswith("# Data")


@pytest.mark.parametrize("place, named", [(address.PLACEHOLDER, False), ("some-body/course", True)])
def test_nobody_is_sent_to_colab_before_the_course_is_somewhere(monkeypatch, place, named):
    monkeypatch.setattr(address, "current", lambda: place)
    text = release.readme((ROOT / "README.md").read_text(encoding="utf-8"))
    assert ("Open in Colab" in text) is named
    assert "](notebooks/16_provenance_and_ethics.ipynb)" in text
