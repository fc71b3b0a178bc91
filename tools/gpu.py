"""Runs the lessons at full pace on this machine's GPU and writes the table in docs/gpu.md: `make gpu`.

The stored lessons stay as they are. A lesson in which an assert fails, or anything else, is a row that says so.
"""

import sys
import time
from datetime import date

import nbformat
import torch
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from imagegen_lessons import runtime
from tools import lessons
from tools.course import cell_seconds, run

PAGE = lessons.ROOT / "docs" / "gpu.md"
BEGIN, END = "<!-- table: written by `make gpu` -->", "<!-- end of table -->"
PEAK = "import torch\nprint(torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0)"


def printed(cell) -> str:
    """What a cell printed."""
    return "".join(output.get("text", "") for output in cell.outputs)


def row(path) -> str:
    """One lesson, executed: a row of the table with its seconds, peak memory, and figures."""
    notebook = lessons.read(path)
    code = lessons.code_cells(notebook)
    notebook.cells.append(nbformat.v4.new_code_cell(PEAK))
    begin = time.perf_counter()
    try:
        run(notebook, timeout=900)
    except CellExecutionError as error:
        return in_row(path, "failed", "", "", f"{error.ename}: {error.evalue}")
    except (CellTimeoutError, DeadKernelError) as error:
        return in_row(path, "failed", "", "", str(error))
    seconds, slowest = time.perf_counter() - begin, max(map(cell_seconds, code))
    peak = f"{int(printed(notebook.cells[-1])) / 2**20:.0f}" if torch.cuda.is_available() else ""
    figures = "\n".join(printed(cell) for cell in code if lessons.has_tag(cell, "figures"))
    return in_row(path, f"{seconds:.0f}", f"{slowest:.0f}", peak, figures)


def in_row(path, *columns: str) -> str:
    """A row of the table; a column may hold any text, of which the first lines are kept."""
    lines = ([" ".join(line.split()) for line in column.strip().splitlines()[:12]] for column in columns)
    return (
        f"| {path.stem[:2]} | " + " | ".join("<br>".join(part).replace("|", "\\|") for part in lines) + " |"
    )


def tables(paths):
    """The table as it grows: where and when, and a row for each lesson."""
    device = runtime.device().type
    where = torch.cuda.get_device_name() if device == "cuda" else f"the device {device!r}"
    head = f"{where}, PyTorch {torch.__version__}, {runtime.pace()} pace, {date.today():%Y-%m-%d}."
    rows = ["| lesson | seconds | slowest cell | peak memory, MiB | figures |", "|---|---|---|---|---|"]
    for path in paths:
        rows.append(row(path))
        print(rows[-1], flush=True)
        yield "\n".join([head, "", *rows])


def write(text: str) -> None:
    """Puts the table between its marks in docs/gpu.md."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    try:
        device = runtime.device().type
    except runtime.SettingError as error:
        raise SystemExit(str(error)) from None
    if device == "cpu":
        raise SystemExit(
            "The lessons would run on the CPU here: PyTorch finds no GPU, or IMAGEGEN_DEVICE says so."
        )
    for text in tables(lessons.paths(*sys.argv[1:2])):
        if not sys.argv[1:]:  # one lesson only is shown, and docs/gpu.md stays as it is
            write(text)
