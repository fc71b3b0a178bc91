"""Installs what the course needs into .venv, and shows how it goes: `python3 tools/install.py`, or `make lab`.

With --test also what the tests need. Any Python can read this file, so that one that is too old says so in a sentence.
"""

import os
import shutil
import subprocess
import sys

OLDEST = (3, 11)
SIZE = 6  # GB that the environment takes, for the larger part PyTorch with its CUDA libraries
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "Scripts" if os.name == "nt" else "bin", "python")
PLACE = os.path.join(VENV, "place")  # holds the folder for which it was installed; make looks at it
NO_NEWS = "@jupyterlab/apputils-extension:announcements"  # else JupyterLab asks about news at its first start


def problem():
    """What stands in the way, as a sentence that says what to do; None where nothing does."""
    if sys.version_info < OLDEST:
        return (
            "The course needs Python {}.{} or newer, but this is {}.{}. Install a newer one (python.org) and name it:\n"
            "  make lab PYTHON=python3.13".format(*OLDEST, *sys.version_info[:2])
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return "Python's module venv is missing. On Debian and Ubuntu: sudo apt install python3-venv; then try again."
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < SIZE and not os.path.isdir(VENV):
        return f"About {SIZE} GB of disk are needed here, but {free:.1f} are free: make room, then try again."
    return None


def run(*command, advice):
    """Runs a command whose output is seen; where it fails, says what to do and ends the program."""
    if subprocess.run(command, cwd=ROOT).returncode:
        sys.exit("\nThat did not work. " + advice)


def moved():
    """Was the course's folder moved or renamed since it was installed?"""
    try:
        with open(PLACE, encoding="utf-8") as file:
            return file.read() != ROOT
    except OSError:
        return False


def mend():
    """Lets a moved environment find the course again, without network; whether that worked."""
    print("The course's folder was moved: its environment is told where it is now.", flush=True)
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    return subprocess.run([*command, "--no-build-isolation", "--editable", "."], cwd=ROOT).returncode == 0


def remember():
    with open(PLACE, "w", encoding="utf-8") as file:
        file.write(ROOT)


def main():
    sentence = problem()
    if sentence:
        sys.exit(sentence)
    if "--moved" in sys.argv:
        if moved() and not mend():
            sys.exit("\nThat did not work. Delete the folder .venv and try again.")
        remember()
        return
    extras = "lab,credentials,test" if "--test" in sys.argv else "lab,credentials"
    print(
        f"Installing the course's packages into .venv: about {SIZE} GB on the disk, and 3 to 10 minutes with a good "
        "network.\nThis is needed once. It can be stopped with Ctrl+C and begun again.\n",
        flush=True,
    )
    run(sys.executable, "-m", "venv", VENV, advice="Delete the folder .venv and try again.")
    run(
        PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--constraint", "constraints.txt",
        "--editable", f".[{extras}]",
        advice="If the network was away, connect and try again: what has arrived is kept. Otherwise delete the folder "
        ".venv and try again; the last lines above say what pip missed.",
    )  # fmt: skip
    # A JupyterLab that asks about its news is a small nuisance: no reason to fail.
    subprocess.run(
        [PYTHON, "-m", "jupyter", "labextension", "disable", "--level=sys_prefix", NO_NEWS], cwd=ROOT
    )
    for name in ["installed-lab", "installed-test"][: 1 + ("--test" in sys.argv)]:
        open(os.path.join(VENV, name), "w").close()  # what make looks at
    remember()
    print("\nInstalled. From now on this takes no time and needs no network.", flush=True)


if __name__ == "__main__":
    main()
