"""Executes lessons at full pace and stores their outputs: `python -m tools.course [02]`.

The notebook remembers how it was run (`metadata.imagegen_lessons`), so that a test can say when its outputs are
stale. A lesson that fails is left as it was.
"""

import base64
import io
import os
import re
import sys
import time
from datetime import datetime

import torch
from nbclient import NotebookClient
from PIL import Image

from imagegen_lessons import calibration, runtime
from tools import lessons

WIDGET = "application/vnd.jupyter.widget-view+json"


def clean(notebook) -> None:
    """Stores what a reader without a kernel can see: no dead widgets, no execution times, no machine's paths."""
    notebook.metadata.pop("widgets", None)
    for cell in lessons.code_cells(notebook):
        cell.metadata.pop("execution", None)
        for output in cell.outputs:
            if WIDGET in output.get("data", {}):
                output["data"] = {"text/plain": "(controls: run this cell to use them)"}
                output["metadata"] = {}


def save_cover(notebook, name: str) -> None:
    """Writes the picture of the cell tagged "cover" to docs/pictures, where the lesson's first cell shows it."""
    for cell in lessons.code_cells(notebook):
        if lessons.has_tag(cell, "cover"):
            html = "".join(output.get("data", {}).get("text/html", "") for output in cell.outputs)
            _, data = re.findall(r'src="data:image/(\w+);base64,([^"]+)"', html)[-1]
            folder = lessons.ROOT / "docs" / "pictures"
            folder.mkdir(parents=True, exist_ok=True)
            Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB").save(
                folder / f"{name}.jpg", quality=80
            )


def cell_seconds(cell) -> float:
    """How long a cell ran, from the times that the kernel reported."""
    times = cell.metadata.get("execution", {})
    ends = [times.get("shell.execute_reply"), times.get("iopub.status.busy")]
    if None in ends:
        return 0.0
    end, start = (datetime.fromisoformat(time.replace("Z", "+00:00")) for time in ends)
    return (end - start).total_seconds()


def run(notebook, timeout: int) -> None:
    """Executes all cells where lessons are at home; `timeout` in seconds is for each cell."""
    strict = {**os.environ, "IMAGEGEN_STRICT": "1"}  # what the text claims must come out
    place = {"metadata": {"path": str(lessons.NOTEBOOKS)}}
    NotebookClient(notebook, timeout=timeout, kernel_name="python3", resources=place).execute(env=strict)


def execute(path) -> float:
    notebook = lessons.read(path)
    before, start = calibration.reference_step_ms(), time.perf_counter()
    run(notebook, timeout=1200)
    seconds = time.perf_counter() - start
    milliseconds = (before + calibration.reference_step_ms()) / 2
    slowest = max(map(cell_seconds, lessons.code_cells(notebook)))
    clean(notebook)
    notebook.metadata["accelerator"] = "GPU"  # what Colab is asked for
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata["imagegen_lessons"] = {
        "pace": runtime.pace(),
        "device": runtime.device().type,
        "threads": torch.get_num_threads(),
        "seconds": round(seconds, 1),
        "slowest_cell_seconds": round(slowest, 1),
        "reference_step_ms": round(milliseconds, 2),
        "code_sha256": lessons.code_sha256(notebook),
    }
    lessons.write(notebook, path)
    save_cover(notebook, path.stem)
    return seconds


if __name__ == "__main__":
    for lesson in lessons.paths(*sys.argv[1:2]):
        print(f"{lesson.name}: {execute(lesson):.0f} s at {runtime.pace()} pace", flush=True)
