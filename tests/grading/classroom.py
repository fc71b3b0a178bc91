"""A class that hands in notebooks, for the tests of the grader."""

import csv
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from grading import isolation

ROOT = Path(__file__).resolve().parents[2]
CHECK = "exercises.sgd_step.check(sgd_step)"
can_grade = pytest.mark.skipif(
    not hasattr(os, "fork") or isolation.refusal(trust=True) is not None,
    reason="nothing here keeps a student's code away from root: install bubblewrap",
)


def cells(*sources: str) -> dict:
    """A notebook of these code cells."""
    code = [{"cell_type": "code", "source": s, "metadata": {}, "outputs": [], "id": "x"} for s in sources]
    return {"cells": code, "metadata": {"colab": {"provenance": []}}, "nbformat": 4, "nbformat_minor": 0}


def body(text: str, result: str = "w - lr * gradient") -> str:
    """An attempt at sgd_step that does this first, and then returns the result."""
    lines = [*textwrap.dedent(text).strip().splitlines(), f"return {result}"]
    return "\n".join(["def sgd_step(w, gradient, lr):", *(f"    {line}" for line in lines), CHECK])


def graded(folder: Path, *options: str) -> dict[tuple[str, str], dict]:
    """What the command writes: (file, exercise) -> row."""
    command = [sys.executable, "-m", "grading", folder, "--out", folder / "results.csv", "--trust-students"]
    done = subprocess.run(
        [*command, "--jobs", "2", *options],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "SECRET": "token"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    with open(folder / "results.csv", encoding="utf-8-sig", newline="") as file:
        return {(row["file"], row["exercise"]): row for row in csv.DictReader(file)}
