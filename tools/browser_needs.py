"""Gets what the browser's tests need, as far as this machine allows, and says what is missing (`make test-browser`)."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def chromium() -> str | None:
    """The program: what the environment variable CHROMIUM names, or else the first that is installed."""
    installed = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    return os.environ.get("CHROMIUM") or next(filter(None, installed), None)


def axe() -> Path | None:
    """The file axe.min.js: what the environment variable IMAGEGEN_AXE names, or else what npm has put into build/."""
    path = Path(os.environ.get("IMAGEGEN_AXE") or ROOT / "build/node_modules/axe-core/axe.min.js")
    return path if path.is_file() else None


# A package registry that is out of reach is given up soon.
APT = ["apt-get", "-qq", "--yes", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=30"]
NPM = ["npm", "install", "--silent", "--no-save", "--fetch-retries=1", "--prefix", str(ROOT / "build")]
NEEDS = {  # what -> is it there?, how to get it, what to say where that fails
    "playwright": (
        lambda: importlib.util.find_spec("playwright"),
        [[sys.executable, "-m", "pip", "install", "--quiet", "--retries=1", "playwright"]],
        "the Python package playwright, with which the tests drive the browser",
    ),
    "chromium": (
        chromium,
        [[*APT, "update"], [*APT, "install", "--no-install-recommends", "chromium"]],
        "the browser Chromium; install it, or name it in the environment variable CHROMIUM",
    ),
    "axe-core": (
        axe,
        [[*NPM, "axe-core@4"]],
        "axe-core from the npm registry, or its axe.min.js named in IMAGEGEN_AXE, for the pages' accessibility",
    ),
}


def missing(*names: str) -> str:
    """Says which of these needs, or of all, this machine lacks; an empty text where it has them."""
    return "\n".join(
        f"Missing: {sentence}."
        for name, (there, _, sentence) in NEEDS.items()
        if name in (names or NEEDS) and not there()
    )


def get_all() -> None:
    """Tries to get what is not there."""
    for there, commands, _ in NEEDS.values():
        for command in commands:
            if not there() and shutil.which(command[0]):
                subprocess.run(command, check=False, stdin=subprocess.DEVNULL)
                importlib.invalidate_caches()


if __name__ == "__main__":
    get_all()
    print(missing() or "All that the browser's tests need is here.")
