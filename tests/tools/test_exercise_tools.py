"""What maintainers run: solving exercises, storing clean outputs, finding lessons."""

import builtins
import re
import runpy
import symtable
import sys

import nbformat
import pytest
import torch
from nbclient.exceptions import CellExecutionError
from PIL import Image

from imagegen_lessons import exercises, images
from imagegen_lessons.display import show
from tools import course, lessons, solve

code, text = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
ALL = exercises.REGISTRY
BLANK = '''\
def luminance(x):
    """Grey picture."""
    raise NotImplementedError  # your turn

exercises.luminance.check(luminance)
# exercises.luminance.hint()
# exercises.luminance.solution()'''
EXERCISE = {"tags": ["exercise"]}


def run(source: str) -> None:
    exec(source, {"exercises": exercises, "torch": torch})


# ---- tools.solve ----------------------------------------------------------------------------------------------


def test_a_blank_is_replaced_by_the_answer_and_all_else_stays():
    between = "factor = 2  # stays\n\ndef helper(x):\n    return x.check_me\n"
    second = (
        "def downsample(x, factor):\n    raise NotImplementedError\n\nexercises.downsample.check(downsample)"
    )
    solved = solve.solve_source(f"{BLANK}\n\n{between}\n{second}")
    answers = [ALL[name].source() for name in ("luminance", "downsample")]
    assert between in solved and all(answer in solved for answer in answers)
    assert "exercises.luminance.test(luminance)\n# exercises.luminance.hint()\n# exercises.lum" in solved
    assert ".check(" not in solved and "NotImplementedError" not in solved
    run(solved)


def test_a_solved_cell_raises_when_its_answer_is_wrong():
    wrong = solve.solve_source(BLANK).replace("0.587", "0.5")
    assert wrong != solve.solve_source(BLANK)
    with pytest.raises(AssertionError, match="expected"):
        run(wrong)


def test_classes_are_replaced_too_with_their_decorators():
    blank = (
        "@once\nclass TinyClassifier:\n    def __init__(self):\n        raise NotImplementedError\n\nx = 1"
    )
    solved = solve.solve_source(blank)
    assert solved == ALL["TinyClassifier"].source() + "\n\nx = 1"


def test_a_definition_that_is_no_exercise_stays_blank_and_so_fails():
    misspelt = BLANK.replace("def luminance", "def luminanse").replace("check(luminance)", "check(luminanse)")
    with pytest.raises(NotImplementedError):
        run(solve.solve_source(misspelt))


def test_only_cells_tagged_as_exercises_are_solved():
    stream = nbformat.v4.new_output("stream", text="⏳ luminance: not attempted yet.")
    cells = [code(BLANK, metadata=EXERCISE, outputs=[stream]), code(BLANK, outputs=[stream]), text(BLANK)]
    solved = solve.solve(nbformat.v4.new_notebook(cells=cells))
    nbformat.validate(solved)
    assert [cell.source == BLANK for cell in solved.cells] == [False, True, True]
    assert solved.cells[0].outputs == [] and len(solved.cells[1].outputs) == 1


def global_names(table: symtable.SymbolTable) -> set[str]:
    own = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
    return own.union(*map(global_names, table.get_children()))


@pytest.mark.parametrize("path", lessons.paths(), ids=lambda path: path.stem)
def test_a_solved_lesson_has_no_blank_left_and_its_answers_find_what_they_need(path):
    """An answer may be the package's function: in the lesson it finds only what the cells so far have defined."""
    known = set(dir(builtins))
    for cell in lessons.code_cells(solve.solve(lessons.read(path))):
        table = symtable.symtable(cell.source, path.name, "exec")
        known |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_local()}
        if lessons.is_exercise(cell):
            assert "NotImplementedError" not in cell.source
            assert not re.search(r"^exercises\.\w+\.check\(", cell.source, re.MULTILINE)
            assert ".test(" in cell.source
            assert global_names(table) - known == set()


@pytest.fixture
def course_folder(tmp_path, monkeypatch):
    """A course of two small lessons, of which the second fails; returns its folder."""
    monkeypatch.setattr(lessons, "ROOT", tmp_path)
    monkeypatch.setattr(lessons, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(lessons, "SOLVED", tmp_path / "build" / "solved")
    setup = code(
        "from imagegen_lessons import exercises\nfrom imagegen_lessons.display import show\nimport torch"
    )
    cover = code("show.show_images(torch.rand(3, 8, 8), alt='Coloured noise.')", metadata={"tags": ["cover"]})
    cells = [text("# 00 · One"), setup, cover, code(BLANK, metadata=EXERCISE)]
    lessons.write(nbformat.v4.new_notebook(cells=cells), lessons.NOTEBOOKS / "00_one.ipynb")
    cells = [text("# 01 · Two"), code("1 / 0")]
    lessons.write(nbformat.v4.new_notebook(cells=cells), lessons.NOTEBOOKS / "01_two.ipynb")
    return tmp_path


@pytest.fixture
def command(monkeypatch):
    """Runs a tool as `python -m` does, in this process."""

    def run(module: str, *arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", [module, *arguments])
        monkeypatch.delitem(sys.modules, module, raising=False)
        runpy.run_module(module, run_name="__main__")

    return run


def test_the_command_solves_lessons_and_forgets_those_that_are_gone(course_folder, command, capsys):
    lessons.write(nbformat.v4.new_notebook(), lessons.SOLVED / "07_gone.ipynb")
    command("tools.solve", "00")
    assert capsys.readouterr().out == "build/solved/00_one.ipynb\n"
    assert {path.name for path in lessons.SOLVED.iterdir()} == {"00_one.ipynb", "07_gone.ipynb"}
    command("tools.solve")
    assert capsys.readouterr().out == "build/solved/00_one.ipynb\nbuild/solved/01_two.ipynb\n"
    assert {path.name for path in lessons.SOLVED.iterdir()} == {"00_one.ipynb", "01_two.ipynb"}
    assert "NotImplementedError" in lessons.read(lessons.NOTEBOOKS / "00_one.ipynb").cells[-1].source


# ---- tools.course ---------------------------------------------------------------------------------------------


def test_the_command_executes_a_lesson_and_stores_what_it_was(course_folder, command, capsys):
    path = lessons.NOTEBOOKS / "00_one.ipynb"
    command("tools.course", "00")
    assert capsys.readouterr().out.startswith("00_one.ipynb: ")
    notebook = lessons.read(path)
    nbformat.validate(notebook)
    facts = notebook.metadata["imagegen_lessons"]
    assert facts["code_sha256"] == lessons.code_sha256(notebook) and facts["pace"] == "quick"
    assert 0 < facts["slowest_cell_seconds"] <= facts["seconds"] and facts["reference_step_ms"] > 0
    assert [cell.execution_count for cell in lessons.code_cells(notebook)] == [1, 2, 3]
    assert 'alt="Coloured noise."' in notebook.cells[2].outputs[0].data["text/html"]
    assert "⏳ luminance" in notebook.cells[3].outputs[0].text
    assert all("execution" not in cell.metadata for cell in notebook.cells)
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert str(course_folder) not in path.read_text(encoding="utf-8")
    assert Image.open(course_folder / "docs" / "pictures" / "00_one.jpg").format == "JPEG"


def test_a_lesson_that_fails_is_left_as_it_was(course_folder, command):
    path = lessons.NOTEBOOKS / "01_two.ipynb"
    before = path.read_bytes()
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        command("tools.course", "01")
    assert path.read_bytes() == before


def test_cleaning_removes_dead_widgets_and_times_and_nothing_else():
    html = nbformat.v4.new_output("display_data", data={"text/html": "<p>a</p>", "text/plain": "a"})
    view = {"model_id": "123", "version_major": 2}
    widget = nbformat.v4.new_output(
        "display_data",
        data={course.WIDGET: view, "text/plain": "Explorer(children=(…))"},
        metadata={course.WIDGET: 1},
    )
    stream = nbformat.v4.new_output("stream", text="hello\n")
    cell = code("x", outputs=[html, widget, stream], metadata={"tags": ["cover"], "execution": {"a": "b"}})
    notebook = nbformat.v4.new_notebook(
        cells=[text("# T"), cell], metadata={"widgets": {"state": {}}, "a": 1}
    )
    course.clean(notebook)
    nbformat.validate(notebook)
    assert notebook.metadata == {"a": 1} and cell.metadata == {"tags": ["cover"]}
    assert cell.outputs[0] == html and cell.outputs[2] == stream and cell.source == "x"
    assert cell.outputs[1]["data"] == {"text/plain": "(controls: run this cell to use them)"}
    assert cell.outputs[1]["metadata"] == {}


def test_the_cover_is_the_last_picture_of_the_tagged_cell(monkeypatch, tmp_path):
    monkeypatch.setattr(lessons, "ROOT", tmp_path)
    colours = (torch.zeros(3, 8, 8), torch.ones(3, 8, 8))
    html = "".join(show.img_tag(images.to_bytes(colour, "JPEG"), "A colour.") for colour in colours)
    shown = nbformat.v4.new_output("display_data", data={"text/html": html})
    cells = [code("a", outputs=[shown]), code("b", outputs=[shown], metadata={"tags": ["cover"]})]
    course.save_cover(nbformat.v4.new_notebook(cells=cells), "00_one")
    saved = Image.open(tmp_path / "docs" / "pictures" / "00_one.jpg")
    assert saved.size == (8, 8) and saved.getpixel((4, 4)) == (255, 255, 255)


def test_the_seconds_of_a_cell_are_the_kernels():
    times = {
        "iopub.status.busy": "2026-01-01T10:00:00.250000Z",
        "shell.execute_reply": "2026-01-01T10:01:01.750000Z",
    }
    assert course.cell_seconds(code("", metadata={"execution": times})) == 61.5
    assert course.cell_seconds(code("")) == 0
    del times["shell.execute_reply"]
    assert course.cell_seconds(code("", metadata={"execution": times})) == 0


# ---- tools.lessons --------------------------------------------------------------------------------------------


def test_lessons_are_found_in_order_without_copies(monkeypatch, tmp_path):
    monkeypatch.setattr(lessons, "NOTEBOOKS", tmp_path)
    for name in ("10_c", "02_b", "01_a", "01_a-Copy1", "01_a (1)", "01_A", "1_a", "101_a", "scratch"):
        (tmp_path / f"{name}.ipynb").touch()
    (tmp_path / "03_notes.md").touch()
    assert [path.stem for path in lessons.paths()] == ["01_a", "02_b", "10_c"]
    assert [path.stem for path in lessons.paths("02")] == ["02_b"]
    with pytest.raises(SystemExit, match="There is no lesson '07'"):
        lessons.paths("07")


def test_two_lessons_of_one_number_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(lessons, "NOTEBOOKS", tmp_path)
    for name in ("01_a", "01_a_my_copy", "02_b"):
        (tmp_path / f"{name}.ipynb").touch()
    for number in ("", "02"):
        with pytest.raises(SystemExit, match="01_a.ipynb and 01_a_my_copy.ipynb .* the same number"):
            lessons.paths(number)


def test_a_lesson_is_written_whole_and_valid_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "00_one.ipynb"
    notebook = nbformat.v4.new_notebook(cells=[text("# größer ✓"), code("x", metadata=EXERCISE)])
    lessons.write(notebook, path)
    again = lessons.read(path)
    assert again.cells[0].source == "# größer ✓" and lessons.is_exercise(again.cells[1])
    assert lessons.code_cells(again) == [again.cells[1]]
    before = path.read_bytes()
    notebook.cells[1].cell_type = "unknown"
    with pytest.raises(nbformat.ValidationError):
        lessons.write(notebook, path)
    assert path.read_bytes() == before


def test_the_hash_sees_code_and_where_a_cell_ends():
    def sha(*sources):
        return lessons.code_sha256(nbformat.v4.new_notebook(cells=[code(source) for source in sources]))

    assert len({sha("a", "b"), sha("ab"), sha("a\nb"), sha("b", "a"), sha("a")}) == 5
    with_text = nbformat.v4.new_notebook(cells=[text("words"), code("a"), code("b")])
    with_text.cells[1].outputs = [nbformat.v4.new_output("stream", text="1")]
    assert lessons.code_sha256(with_text) == sha("a", "b")
