"""The course as the browser's tests use it: a copy, and a JupyterLab that serves it."""

import shutil
import statistics

import pytest

from . import lab


def pytest_terminal_summary(terminalreporter):
    """How fast the widgets were, with a warning where they missed the aim: no failure, since a machine may be busy."""
    if lab.MEASURED:
        late = sum(took > lab.PATIENCE for took in lab.MEASURED)
        median, slowest = statistics.median(lab.MEASURED), max(lab.MEASURED)
        terminalreporter.write_line(
            f"{len(lab.MEASURED)} controls: median {median:.0f} ms, slowest {slowest:.0f} ms, {late} late at first"
        )
        if median >= lab.AIM:
            terminalreporter.write_line(
                f"Warning: the median control should take less than {lab.AIM} ms.", yellow=True
            )


@pytest.fixture(scope="session")
def course_folder(tmp_path_factory):
    """A copy of the course, since JupyterLab saves by itself."""
    folder = tmp_path_factory.mktemp("course")
    for name in ("notebooks", "docs"):
        shutil.copytree(lab.ROOT / name, folder / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    return folder


@pytest.fixture(scope="session")
def course(course_folder, tmp_path_factory):
    """The address of a JupyterLab that serves that copy, at quick pace."""
    with lab.server(tmp_path_factory.mktemp("lab"), course_folder, IMAGEGEN_PACE="quick") as address:
        yield address
