"""What maintainers run: solving exercises, storing clean outputs, finding lessons."""

import ast
import runpy
import sys

import nbformat
import pytest
import torch
from nbclient.exceptions import CellExecutionError
from PIL import Image

from imagegen_lessons import exercises
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


# ---- The line that a broken attempt is told -------------------------------------------------------------------


def test_an_error_inside_pytorch_is_told_at_the_students_own_line(capsys):
    class TinyEye(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Conv2d(77, 1, 3)

        def forward(self, x):
            return self.layer(x)  # the student's line

    ALL["TinyEye"].check(TinyEye)
    out = capsys.readouterr().out
    assert out.startswith("❌ TinyEye: Your code stops with RuntimeError at `return self.layer(x)")


def test_a_wrong_number_of_arguments_is_told_without_a_line_of_ours(capsys):
    ALL["luminance"].check(lambda: 0)
    out = capsys.readouterr().out
    assert "stops with TypeError: " in out and "takes 0 positional arguments but 1 was given" in out


# ---- tools.solve ----------------------------------------------------------------------------------------------


def test_a_blank_is_replaced_by_the_answer():
    solved = solve.solve_source(BLANK)
    assert "NotImplementedError" not in solved and ALL["luminance"].source() in solved
    assert solved.endswith(
        "exercises.luminance.test(luminance)\n# exercises.luminance.hint()\n# exercises.luminance.solution()"
    )
    run(solved)


def test_a_solved_cell_raises_when_its_answer_is_wrong():
    wrong = solve.solve_source(BLANK).replace("0.587", "0.5")
    assert wrong != solve.solve_source(BLANK)
    with pytest.raises(AssertionError, match="expected"):
        run(wrong)


def test_every_blank_in_the_cell_is_replaced_and_all_else_stays():
    between = "factor = 2  # stays\n\ndef helper(x):\n    return x.check_me\n"
    second = (
        "def downsample(x, factor):\n    raise NotImplementedError\n\nexercises.downsample.check(downsample)"
    )
    solved = solve.solve_source(f"{BLANK}\n\n{between}\n{second}")
    assert between in solved and solved.count(".test(") == 2 and ".check(" not in solved
    assert "NotImplementedError" not in solved
    run(solved)


def test_classes_are_replaced_too():
    blank = (
        "class TinyEye(torch.nn.Module):\n    def __init__(self):\n        raise NotImplementedError\n\nx = 1"
    )
    solved = solve.solve_source(blank)
    assert "NotImplementedError" not in solved and solved.endswith("\n\nx = 1")
    names = [node.name for node in ast.parse(solved).body if isinstance(node, ast.ClassDef)]
    assert names == ["TinyEye"]


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


@pytest.mark.parametrize("path", lessons.paths(), ids=lambda path: path.stem)
def test_solved_lessons_have_no_blank_left(path):
    for cell in filter(lessons.is_exercise, lessons.code_cells(solve.solve(lessons.read(path)))):
        assert "NotImplementedError" not in cell.source and ".check(" not in cell.source
        assert ".test(" in cell.source
        ast.parse(cell.source)


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A house of two small lessons, of which the second fails; returns its folder."""
    monkeypatch.setattr(lessons, "ROOT", tmp_path)
    monkeypatch.setattr(lessons, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(lessons, "SOLVED", tmp_path / "build" / "solved")
    (tmp_path / "README.md").write_text(f"# A\n\n{course.BEGIN}\nold\n{course.END}\n\nThe rest ✓\n", "utf-8")
    setup = code("from imagegen_lessons import exercises, runtime, show\nimport torch")
    cover = code("show.show_images(torch.rand(3, 8, 8), alt='Coloured noise.')", metadata={"tags": ["cover"]})
    cells = [text("# 00 · One\n\nA promise.\n\nMore."), setup, cover, code(BLANK, metadata=EXERCISE)]
    lessons.write(nbformat.v4.new_notebook(cells=cells), lessons.NOTEBOOKS / "00_one.ipynb")
    cells = [text("# 01 · Two\n\nAnother\npromise."), code("1 / 0")]
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


def test_the_command_solves_lessons_and_forgets_those_that_are_gone(house, command, capsys):
    lessons.write(nbformat.v4.new_notebook(), lessons.SOLVED / "07_gone.ipynb")
    command("tools.solve", "00")
    assert capsys.readouterr().out == "build/solved/00_one.ipynb\n"
    assert {path.name for path in lessons.SOLVED.iterdir()} == {"00_one.ipynb", "07_gone.ipynb"}
    command("tools.solve")
    assert capsys.readouterr().out == "build/solved/00_one.ipynb\nbuild/solved/01_two.ipynb\n"
    assert {path.name for path in lessons.SOLVED.iterdir()} == {"00_one.ipynb", "01_two.ipynb"}
    assert "NotImplementedError" in lessons.read(lessons.NOTEBOOKS / "00_one.ipynb").cells[-1].source


def test_a_lesson_that_does_not_exist_is_said(house, command):
    for module in ("tools.solve", "tools.course"):
        with pytest.raises(SystemExit, match="There is no lesson '55' in notebooks/."):
            command(module, "55")


# ---- tools.course ---------------------------------------------------------------------------------------------


def test_the_command_executes_a_lesson_and_stores_what_it_was(house, command, capsys):
    path = lessons.NOTEBOOKS / "00_one.ipynb"
    command("tools.course", "00")
    assert capsys.readouterr().out.startswith("00_one.ipynb: ")
    notebook = lessons.read(path)
    nbformat.validate(notebook)
    facts = notebook.metadata["imagegen_lessons"]
    assert facts["code_sha256"] == lessons.code_sha256(notebook) and facts["pace"] == "quick"
    assert 0 <= facts["slowest_cell_seconds"] <= facts["seconds"] < 100 and facts["device"]
    assert [cell.execution_count for cell in lessons.code_cells(notebook)] == [1, 2, 3]
    assert 'alt="Coloured noise."' in notebook.cells[2].outputs[0].data["text/html"]
    assert "⏳ luminance" in notebook.cells[3].outputs[0].text
    assert all("execution" not in cell.metadata for cell in notebook.cells)
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert str(house) not in path.read_text(encoding="utf-8")
    assert Image.open(house / "docs" / "pictures" / "00_one.jpg").format == "JPEG"
    readme = (house / "README.md").read_text(encoding="utf-8")
    assert readme.startswith("# A\n\n") and readme.endswith("\n\nThe rest ✓\n") and "old" not in readme
    assert f"| [00 · One](notebooks/00_one.ipynb) | A promise. | {facts['seconds']:.0f} |" in readme
    assert "| [01 · Two](notebooks/01_two.ipynb) | Another promise. | not yet measured |" in readme


def test_a_lesson_that_fails_is_left_as_it_was(house, command):
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
    html = "".join(show.img_tag(show.to_jpeg(colour), "A colour.") for colour in colours)
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


def test_lessons_are_found_in_order(monkeypatch, tmp_path):
    monkeypatch.setattr(lessons, "NOTEBOOKS", tmp_path)
    for name in ("10_c.ipynb", "02_b.ipynb", "01_a.ipynb", "scratch.ipynb", "03_notes.md"):
        (tmp_path / name).touch()
    assert [path.name for path in lessons.paths()] == ["01_a.ipynb", "02_b.ipynb", "10_c.ipynb"]
    assert [path.name for path in lessons.paths("02")] == ["02_b.ipynb"]
    with pytest.raises(SystemExit, match="There is no lesson '07'"):
        lessons.paths("07")


def test_copies_are_no_lessons_and_two_of_one_number_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(lessons, "NOTEBOOKS", tmp_path)
    for name in ("01_a", "01_a-Copy1", "01_a (1)", "01_A", "1_a", "101_a", "02_b"):
        (tmp_path / f"{name}.ipynb").touch()
    assert [path.stem for path in lessons.paths()] == ["01_a", "02_b"]
    (tmp_path / "01_a_my_copy.ipynb").touch()
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
