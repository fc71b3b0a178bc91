"""What `make try` does with a lesson, on small ones; tests/lessons/test_try_it.py tries the course's."""

import nbformat
import pytest

from tools import lessons, try_it

TEXT, CODE = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell


def notebook(*cells):
    return nbformat.v4.new_notebook(cells=[TEXT("# Title"), CODE("import math"), *cells])


def suggest(block: str, before: str = "**Try it:** another number.") -> nbformat.NotebookNode:
    return TEXT(f"{before}\n\n```python\n{block}\n```")


def problems(tmp_path, *cells) -> list[str]:
    path = tmp_path / "90_small.ipynb"
    lessons.write(notebook(*cells), path)
    return try_it.problems(path)


def test_a_lesson_in_which_all_works_has_no_problems(tmp_path):
    sound = [
        TEXT("## Data"),
        CODE("def double(x, by=2):\n    return by * x\n\n\nsize = 4"),
        TEXT("## Use\n*Run first: Data.*"),
        CODE("area = double(size, by=2)\nprint(area, 'in 0.3 s')"),
        suggest("double(-1)"),
        suggest(f"{try_it.ABOVE}\nby = 3"),
        CODE("assert area"),
        suggest("sgd_step(torch.ones(1), torch.ones(1), 0.1)", "**1 · A step.**\n\n**Try it:** then look."),
        CODE(
            "import torch\n\n\ndef sgd_step(w, gradient, lr):\n    raise NotImplementedError",
            metadata={"tags": ["exercise"]},
        ),
        TEXT("## Apart"),
        CODE("import time\n\nprint(math.pi, f'{time.perf_counter():.3f} s')"),
    ]
    assert problems(tmp_path, *sound) == []


@pytest.mark.parametrize(
    ("cells", "part"),
    [
        ([TEXT("Try a larger one.")], "suggests in prose: Try a larger one"),
        ([TEXT("Or try `f(2)`.")], "suggests in prose: try `f(2)`"),
        ([TEXT("**Try it:** a larger one.")], "without a block of code"),
        ([CODE("a = [1]"), suggest("a[1]")], "[3] **Try it:**: IndexError"),
        ([CODE("a = 1"), suggest("a = 0"), CODE("1 / a")], "[4]: ZeroDivisionError"),
        ([CODE("size = 1"), suggest(f"{try_it.ABOVE}\nsise = 2")], "the cell above sets no sise"),
        ([CODE("size = 1\nassert size < 2"), suggest(f"{try_it.ABOVE}\nsize = 2")], "AssertionError"),
        ([CODE("a = []"), CODE("a.append(1)\na")], "[3] run again: it shows something else"),
        ([CODE("a = [1]"), CODE("a.pop()")], "[3] run again: IndexError"),
        ([TEXT("## Data"), CODE("a = 1"), TEXT("## Use"), CODE("a")], "“Use” should say *Run first: Data.*"),
        ([TEXT("## Use\n*Run first: Data.*"), CODE("1")], "“Use” should say nothing"),
        (
            [TEXT("## A"), CODE("a = {}"), TEXT("## B\n*Run first: A.*"), CODE("a['b'] = 1")]
            + [TEXT("## C\n*Run first: A.*"), CODE("a['b']")],
            "“C” alone: KeyError",
        ),
    ],
)  # fmt: skip
def test_what_does_not_work_is_found(tmp_path, cells, part):
    found = problems(tmp_path, *cells)
    assert any(part in problem for problem in found), found


def test_the_line_is_written_once_and_removed_when_nothing_is_needed(tmp_path):
    path = tmp_path / "90_small.ipynb"
    cells = [
        TEXT("## A\n\nText."),
        CODE("a = 1"),
        TEXT("## B\n*Run first: C.*\n\nText."),
        CODE("b = 2"),
        TEXT("## C"),
        CODE("def f():\n    return a + b\n\n\nx = [a for a in (1, 2)]"),
        TEXT("## D"),
        CODE("f(), b"),
    ]
    lessons.write(notebook(*cells), path)
    for _ in range(2):
        try_it.write_run_first(path)
    texts = [cell.source for cell in lessons.read(path).cells if cell.source.startswith("## ")]
    assert texts == [
        "## A\n\nText.",
        "## B\n\nText.",
        "## C\n*Run first: everything above.*",
        "## D\n*Run first: everything above.*",
    ]
