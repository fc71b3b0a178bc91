"""What keeps a student's code away from everything else: bubblewrap, or the container that the grader runs in.

Both are kept by people who do nothing else. Without either, `kind` is "none", and the grader asks for trust.
"""

import functools
import os
import shutil
import site
import subprocess
import sys
import sysconfig
from pathlib import Path

import torch

from imagegen_lessons import runtime

USERS = range(
    60_000, 65_000
)  # of nobody; each attempt of root's is another one's, so that none can signal another
SIGNS_OF_A_CONTAINER = ("/.dockerenv", "/run/.containerenv")
ENVIRONMENT = {
    "PATH": "/nowhere",  # with a compiler in reach ctypes would want to write a file
    "HOME": "/tmp",
    "TORCHINDUCTOR_CACHE_DIR": "/tmp",  # else it looks for a folder where it may write
    "LC_ALL": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "IMAGEGEN_PACE": "quick",
    "IMAGEGEN_DEVICE": "cpu",
}
PROMISES = {
    "bubblewrap": "no network, no file to write, none to read but Python's and the course's, no other process in sight",
    "container": "every attempt runs as a user of its own; files that all may read, and the container's network"
    " (start it with --network none), are open",
    "none": "Nothing but Python's own refusals keeps an attempt from your files, your network and the grader itself",
}


@functools.cache
def kind() -> str:
    """One of PROMISES: the best that this machine has."""
    return next((name for name in ("bubblewrap", "container") if not failure(name)), "none")


@functools.cache
def failure(name: str) -> str:
    """Why this kind cannot be had here, as a sentence; "" if it can."""
    if name == "bubblewrap":
        if not shutil.which("bwrap"):
            return "There is no bubblewrap here."
        return _tried([*bubblewrap(), sys.executable, "-c", ""], "bubblewrap is here, but does not work")
    if not any(map(os.path.exists, SIGNS_OF_A_CONTAINER)) and "KUBERNETES_SERVICE_HOST" not in os.environ:
        return "This is no container."
    if os.getuid() != 0:
        # Another user can be had by root only; without, an attempt could change what the grader does.
        return "In this container the grader is not root, and cannot run attempts as another user."
    code = f"import os; os.setresuid(*3 * [{USERS[-1]}]); import colorsys"
    return _tried([sys.executable, "-c", code], "Python's folders are not open to other users than root")


def _tried(command: list[str], sentence: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
    said = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    return f"{sentence} ({said})." if done.returncode else ""


def refusal(trust: bool) -> str | None:
    """Why nothing may be run here, as a text; None if it may. `trust`: the instructor trusts the students' code."""
    if kind() != "none":
        return None
    why = f"{failure('bubblewrap')} {failure('container')}"
    advice = (
        "Install it (Debian, Ubuntu: apt install bubblewrap), or grade in a container (docs/instructors.md)."
    )
    if os.getuid() == 0:
        return f"{why} {advice} Root's power is never lent to a student's code."
    if not trust:
        return (
            f"{why} {advice} {PROMISES['none']}. If you trust these students all the same: --trust-students."
        )
    return None


def command() -> list[str]:
    """What stands before `python` on the command line of a process that runs an attempt."""
    return bubblewrap() if kind() == "bubblewrap" else []


@functools.cache
def bubblewrap() -> list[str]:
    """bwrap and its options: a file system with Python and the course only, all read-only, and nothing else."""
    options = [shutil.which("bwrap") or "bwrap", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    options += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if os.getuid() == 0:  # the attempt becomes another user before a line of the student's runs
        options += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        options += ["--unshare-user"]
    for folder in ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin"):
        if os.path.islink(folder):
            options += ["--symlink", os.readlink(folder), folder]
        elif os.path.isdir(folder):
            options += ["--ro-bind", folder, folder]
    for folder in readable():
        for parent in reversed(Path(folder).parents[:-1]):  # else they are made for their owner alone
            options += ["--dir", str(parent)]
        options += ["--ro-bind", folder, folder]
    options += ["--proc", "/proc", "--dev", "/dev", "--dir", "/tmp"]
    return [*options, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", str(runtime.ROOT)]


def readable() -> list[str]:
    """The folders that Python and this course need: no home folder, and nobody's submission."""
    folders = {
        sys.prefix,
        sys.base_prefix,
        *sysconfig.get_paths().values(),
        str(Path(torch.__file__).parents[1]),
    }
    folders |= {*site.getsitepackages(), site.getusersitepackages(), str(runtime.checkpoint_dir())}
    folders |= {str(runtime.ROOT / name) for name in ("imagegen_lessons", "grading")}
    folders |= {os.path.realpath(folder) for folder in folders}
    there = sorted(folder for folder in folders if os.path.isdir(folder))
    return [
        folder
        for folder in there
        if not any(Path(other) in Path(folder).parents for other in [*there, "/usr"])
    ]
