"""What the set-up cell runs on Google Colab, once it has fetched the course: brings the course into reach.

Nothing is installed together with what it asks for: PyTorch, NumPy and ipywidgets stay those that Colab has.
"""

import importlib.metadata
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

COURSE = Path(__file__).resolve().parents[1]
# What Colab lacks, as in pyproject.toml: the name to import -> the requirement, and what is done without it. What they
# need to run, NumPy and cryptography, is on Colab.
MISSING = {
    "trimesh": ("trimesh>=5", "the lessons do without GLB files"),
    "c2pa": ("c2pa-python>=0.38", "the lessons do without Content Credentials"),
}


def installed() -> bool:
    """Whether pip has installed the course from its folder. (What a failed attempt left behind names no folder.)"""
    found = importlib.metadata.distributions(name="imagegen-lessons")
    origins = [json.loads(one.read_text("direct_url.json") or "{}") for one in found]
    return any(origin.get("url") == COURSE.as_uri() for origin in origins)


def install(*what: str, otherwise: str) -> None:
    """Lets pip install something, by itself; where that fails, says why, and what is done `otherwise`."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check"]
    done = subprocess.run([*command, *what], capture_output=True, text=True, errors="replace")
    if done.returncode:
        why = (done.stdout + done.stderr).strip().rpartition("\n")[2]
        print(f"pip could not install {Path(what[-1]).name}: {otherwise}. It said: {why or 'nothing'}")


def main() -> None:
    """Puts the course first on the path, and installs it and what Colab lacks unless that has been done."""
    # A running kernel does not see what pip installs as editable: the folder itself must be on the path.
    sys.path[:] = [str(COURSE), *(place for place in sys.path if place != str(COURSE))]
    if not installed():
        install("--editable", str(COURSE), otherwise="the lessons use it from its folder, which does as well")
    for module, (requirement, otherwise) in MISSING.items():
        if importlib.util.find_spec(module) is None:
            install(requirement, otherwise=otherwise)
    importlib.invalidate_caches()
    print(
        f"The course is in {COURSE}. What you save is in its folder outputs, and goes when Colab takes the machine "
        "back: download it, or set IMAGEGEN_OUTPUT to a folder on Drive."
    )


if __name__ == "__main__":
    main()
    # What a script has at its end, %run puts among the student's names: so it ends with nothing.
    del importlib, json, subprocess, sys, Path, COURSE, MISSING, installed, install, main
