"""What all tests share: their random numbers, and the browser of those that look at something in a real one."""

import os

import pytest

from imagegen_lessons import runtime
from tools import browser_needs


@pytest.fixture(autouse=True)
def seed():
    """Every test draws the same random numbers, whichever ran before it."""
    runtime.seed_everything(0)


@pytest.fixture(autouse=True)
def environment():
    """Every test finds the same environment, whatever the one before it has set."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys() - {"PYTEST_CURRENT_TEST"}:
        del os.environ[name]
    os.environ |= {name: value for name, value in before.items() if name != "PYTEST_CURRENT_TEST"}


# No wider scope: while playwright runs, no other test may run an event loop of its own.
@pytest.fixture(scope="module")
def browser():
    """Headless Chromium; a test that asks for it is skipped where it is missing."""
    if lacking := browser_needs.missing("playwright", "chromium"):
        pytest.skip(f"{lacking} `make test-browser` gets what it can.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        chromium = playwright.chromium.launch(executable_path=browser_needs.chromium(), args=arguments)
        yield chromium
        chromium.close()
