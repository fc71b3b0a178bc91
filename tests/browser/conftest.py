"""What the browser's tests need; without it they say what is missing. `make test-browser` gets what it can."""

import os
import shutil

import pytest

try:
    from playwright.sync_api import sync_playwright
except ImportError:
    sync_playwright = None

from . import lab

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser():
    if sync_playwright is None:
        pytest.skip("the browser's tests need the Python package playwright; run `make test-browser`")
    if CHROMIUM is None:
        pytest.skip(
            "the browser's tests need Chromium; install it, or name it in the environment variable CHROMIUM"
        )
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


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
