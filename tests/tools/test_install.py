"""What stands in the way of an installation is said in a sentence, by any Python that can be called python3."""

import ast
import builtins
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools import install


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine on which nothing is missing, without an environment; a test then takes one thing away."""
    monkeypatch.setattr(install, "VENV", str(tmp_path / ".venv"))
    monkeypatch.setattr(install.shutil, "disk_usage", lambda path: SimpleNamespace(free=50e9))
    assert install.problem() is None
    return monkeypatch


def test_an_old_python_can_read_the_file_and_is_named(machine):
    ast.parse(Path(install.__file__).read_text(encoding="utf-8"), feature_version=(3, 7))
    machine.setattr(install.sys, "version_info", (3, 10, 4))
    assert "3.10" in install.problem() and "make lab PYTHON=" in install.problem()


def test_little_disk_is_said_unless_it_is_installed_already(machine, tmp_path):
    machine.setattr(install.shutil, "disk_usage", lambda path: SimpleNamespace(free=2e9))
    assert "2.0 are free" in install.problem()
    (tmp_path / ".venv").mkdir()
    assert install.problem() is None


def test_a_python_without_venv_is_told_what_to_install(machine):
    plain = builtins.__import__

    def without(name, *rest):
        if name == "ensurepip":
            raise ImportError(name)
        return plain(name, *rest)

    machine.setattr(builtins, "__import__", without)
    assert "python3-venv" in install.problem()


def test_a_command_that_fails_ends_with_advice(machine):
    with pytest.raises(SystemExit, match="Try this"):
        install.run(install.sys.executable, "-c", "raise SystemExit(1)", advice="Try this.")


def test_a_moved_folder_is_noticed_and_its_environment_told(machine, tmp_path):
    place = tmp_path / "place"
    machine.setattr(install, "PLACE", str(place))
    commands = []
    machine.setattr(
        install.subprocess,
        "run",
        lambda command, cwd: commands.append(command) or SimpleNamespace(returncode=0),
    )
    machine.setattr(install.sys, "argv", ["install.py", "--moved"])
    assert not install.moved()
    place.write_text("/where/it/was")
    assert install.moved()
    install.main()
    assert not install.moved() and place.read_text() == install.ROOT
    assert [command[-1] for command in commands] == ["."] and "--no-build-isolation" in commands[0]


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
@pytest.mark.parametrize(("place", "wanted"), [(None, False), ("here", False), ("/where/it/was", True)])
def test_make_tells_a_moved_environment_first(tmp_path, place, wanted):
    shutil.copy(Path(install.ROOT) / "Makefile", tmp_path)
    for name in ("pyproject.toml", "constraints.txt", ".venv/installed-lab"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    if place:
        (tmp_path / ".venv" / "place").write_text(str(tmp_path) if place == "here" else place)
    done = subprocess.run(["make", "-n", "lab"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ("install.py --moved" in done.stdout) == wanted and "jupyterlab" in done.stdout
