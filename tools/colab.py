"""What the set-up cell runs on Google Colab, once it has fetched the course: brings the course into reach.

Nothing is installed together with what it asks for: PyTorch, NumPy and ipywidgets stay those that Colab has.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

COURSE = Path(__file__).resolve().parents[1]
C2PA = "c2pa-python>=0.38"  # as in pyproject.toml; what it needs to run, cryptography included, is on Colab


def install(*what: str, otherwise: str) -> None:
    """Lets pip install something, by itself; where that fails, says what is done `otherwise`."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", *what]
    if subprocess.run(command, capture_output=True).returncode:
        print(f"pip could not install {Path(what[-1]).name}: {otherwise}.")


def main() -> None:
    """Puts the course first on the path, and installs it and c2pa-python unless that has been done."""
    again = str(COURSE) in sys.path
    # A running kernel does not see what pip installs as editable: the folder itself must be on the path.
    sys.path[:] = [str(COURSE), *(place for place in sys.path if place != str(COURSE))]
    if not again:
        install("--editable", str(COURSE), otherwise="the lessons use it from its folder, which does as well")
    if importlib.util.find_spec("c2pa") is None:
        install(C2PA, otherwise="the lessons do without Content Credentials")
    importlib.invalidate_caches()
    print(
        f"The course is in {COURSE}. What you save is in its folder outputs, and goes when Colab takes the machine "
        "back: download it, or set IMAGEGEN_OUTPUT to a folder on Drive."
    )


if __name__ == "__main__":
    main()
