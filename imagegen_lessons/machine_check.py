"""Is this machine ready for the course? Versions, memory, disk, folders."""

import os
import platform
import re
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version

import torch

from imagegen_lessons import runtime

# The oldest versions that will do, as in pyproject.toml.
OLDEST = {"torch": (2, 11), "torchvision": (0, 26), "numpy": (2, 0), "ipywidgets": (7, 7), "pillow": (11, 0)}
NEEDED_MEMORY = 3  # GB free: the largest lesson so far needs about 2
NEEDED_DISK = 1  # GB free, for what the lessons save


def _release(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.match(r"(\d+)(?:\.(\d+))?", text).groups(default=0))


def _check_versions() -> tuple[list[str], list[str]]:
    lines, problems = [], []
    for name, oldest in OLDEST.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            problems.append(f"{name} is missing: run `make lab` again, it installs what is needed.")
            continue
        lines.append(f"{name} {found}")
        if _release(found) < oldest:
            wanted = ".".join(map(str, oldest))
            problems.append(f"{name} {found} is older than {wanted}: remove .venv and run `make lab` again.")
    return lines, problems


def _check_torchvision() -> list[str]:
    """torch and torchvision must have been built for each other."""
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        return [f"torchvision does not fit this torch ({reason}): install the two together, from one source."]
    return []


def examine() -> tuple[list[str], list[str]]:
    """What this machine has, and what is wrong with it: two lists of lines."""
    import psutil

    versions, problems = _check_versions()
    free = psutil.virtual_memory().available / 1e9
    disk = shutil.disk_usage(runtime.ROOT).free / 1e9
    try:
        running = runtime.summary()
    except runtime.SettingError as error:
        running = "unknown"
        problems.append(str(error))
    facts = [
        f"Python     {platform.python_version()} on {platform.system()}",
        f"packages   {', '.join(versions)}",
        f"running    {running}",
        f"processor  {os.cpu_count()} cores, of which PyTorch uses {torch.get_num_threads()}",
        f"memory     {free:.1f} GB free · disk {disk:.0f} GB free",
    ]
    if sys.version_info < (3, 11):  # noqa: UP036  (on Colab nothing has checked the version before us)
        problems.append(
            "Python is older than 3.11: install a newer one, remove .venv and run `make lab` again."
        )
    problems += _check_torchvision()
    if free < NEEDED_MEMORY:
        problems.append(f"Only {free:.1f} GB of memory are free: close other programs first.")
    if disk < NEEDED_DISK:
        problems.append(f"Only {disk:.1f} GB of disk are free: what you make may not be saved.")
    if not os.environ.get("IMAGEGEN_OUTPUT") and not os.access(runtime.ROOT, os.W_OK):
        problems.append("The course's folder is read-only: set IMAGEGEN_OUTPUT to a folder of your own.")
    return facts, problems


def check() -> None:
    """Prints what this machine has, and says in a clear word whether something is wrong."""
    facts, problems = examine()
    print("\n".join(facts))
    print("\n".join(f"⚠ {problem}" for problem in problems) or "✅ All is well: you can begin.")
