"""What stands in the way of an installation is said in a sentence, by any Python that can be called python3."""

import ast
import builtins
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
