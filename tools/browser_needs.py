"""Gets what the browser's tests need, as far as this machine allows, and says what is missing (`make test-browser`)."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
AXE = ROOT / "build" / "node_modules" / "axe-core" / "axe.min.js"
NEEDS = {  # what -> is it there?, how to get it, what to say where that fails
    "playwright": (
        lambda: importlib.util.find_spec("playwright"),
        [sys.executable, "-m", "pip", "install", "--quiet", "playwright"],
        "the Python package playwright, with which the tests drive the browser",
    ),
    "chromium": (
        lambda: os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser"),
        ["apt-get", "install", "--yes", "--quiet", "chromium"],
        "the browser Chromium; install it, or name it in the environment variable CHROMIUM",
    ),
    "axe-core": (
        lambda: os.environ.get("IMAGEGEN_AXE") or AXE.is_file(),
        ["npm", "install", "--silent", "--no-save", "--prefix", str(ROOT / "build"), "axe-core@4"],
        "axe-core from the npm registry, for the accessibility of the pages",
    ),
}


def get_all() -> list[str]:
    """Tries to get what is not there; what is still missing afterwards, as sentences."""
    missing = []
    for there, command, sentence in NEEDS.values():
        if not there() and shutil.which(command[0]):
            subprocess.run(command, check=False)
            importlib.invalidate_caches()
        if not there():
            missing.append(f"Missing: {sentence}.")
    return missing


if __name__ == "__main__":
    print("\n".join(get_all()) or "All that the browser's tests need is here.")
