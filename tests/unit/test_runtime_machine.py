"""The doctor: all is well on a good machine, and one clear sentence for everything that is wrong."""

import builtins
import os
import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import psutil
import pytest

from imagegen_lessons import runtime

GOOD = {
    "torch": "2.11.0+cpu",
    "torchvision": "0.26.0",
    "numpy": "2.1.3",
    "ipywidgets": "7.7.1",
    "pillow": "11.3.0",
}


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """A machine on which all is well, with Colab's versions; a test then breaks one thing."""
    monkeypatch.setattr(runtime, "version", lambda name: GOOD[name])
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=8e9))
    monkeypatch.setattr(runtime.shutil, "disk_usage", lambda path: SimpleNamespace(free=50e9))
    monkeypatch.setattr(os, "access", lambda path, mode: True)
    for name in ("IMAGEGEN_DEVICE", "IMAGEGEN_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def problem() -> str:
    """The one thing that is wrong; it must be one or two short sentences on one line."""
    facts, problems = runtime.examine_machine()
    assert len(facts) == 5 and len(problems) == 1, problems
    assert "\n" not in problems[0] and problems[0].endswith(".") and len(problems[0]) < 200
    return problems[0]


def test_on_a_good_machine_all_is_well(capsys):
    assert runtime.examine_machine()[1] == []
    runtime.check_machine()
    out = capsys.readouterr().out
    assert out.endswith("✅ All is well: you can begin.\n") and "⚠" not in out
    for word in ("Python", "torch 2.11.0+cpu", "cores", "8.0 GB free", "disk 50 GB", "quick pace"):
        assert word in out


@pytest.mark.parametrize(
    ("name", "found", "wanted"),
    [
        ("torch", "2.10.1+cu130", "2.11"),
        ("torch", "1.13.1", "2.11"),
        ("torchvision", "0.25.0", "0.26"),
        ("numpy", "1.26.4", "2.0"),
        ("ipywidgets", "7.6.5", "7.7"),
        ("pillow", "10.4.0", "11.0"),
    ],
)
def test_an_old_version(machine, name, found, wanted):
    machine.setitem(GOOD, name, found)
    assert problem() == f"{name} {found} is older than {wanted}: remove .venv and run `make lab` again."


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("torch", "2.11.0a0+gitabc"),
        ("torch", "2.16.0.dev20261101"),
        ("torch", "3.0"),
        ("numpy", "2"),
        ("numpy", "2.0rc1"),
        ("ipywidgets", "8.1.9"),
        ("pillow", "13.0.0"),
    ],
)
def test_versions_that_will_do(machine, name, found):
    machine.setitem(GOOD, name, found)
    assert runtime.examine_machine()[1] == []


def test_the_oldest_versions_are_those_of_the_project():
    text = (runtime.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    bounds = dict(re.split(">=", entry) for entry in tomllib.loads(text)["project"]["dependencies"])
    for name, oldest in runtime.OLDEST.items():
        assert oldest == runtime._release(bounds[name]), name


def test_a_missing_package(machine):
    def version(name):
        if name == "ipywidgets":
            raise PackageNotFoundError(name)
        return GOOD[name]

    machine.setattr(runtime, "version", version)
    assert problem() == "ipywidgets is missing: run `make lab` again, it installs what is needed."


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("operator torchvision::nms does not exist\nand more"), "operator torchvision::nms"),
        (ImportError("undefined symbol: _ZN3c10"), "undefined symbol"),
        (ImportError(), "ImportError"),
    ],
)
def test_a_torchvision_built_for_another_torch(machine, error, reason):
    original = builtins.__import__

    def without(name, *arguments, **options):
        if name == "torchvision":
            raise error
        return original(name, *arguments, **options)

    machine.delitem(sys.modules, "torchvision", raising=False)
    machine.setattr(builtins, "__import__", without)
    assert problem().startswith("torchvision does not fit this torch (") and reason in problem()


def test_little_memory(machine):
    machine.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1.2e9))
    assert problem() == "Only 1.2 GB of memory are free: close other programs before the larger lessons."


def test_little_disk(machine):
    machine.setattr(runtime.shutil, "disk_usage", lambda path: SimpleNamespace(free=0.3e9))
    assert problem() == "Only 0.3 GB of disk are free: what you make may not be saved."


def test_a_read_only_folder(machine, tmp_path):
    machine.setattr(os, "access", lambda path, mode: False)
    assert problem() == "The course's folder is read-only: set IMAGEGEN_OUTPUT to a folder of your own."
    machine.setenv("IMAGEGEN_OUTPUT", str(tmp_path))
    assert runtime.examine_machine()[1] == [], "and whoever followed the advice hears no more of it"


def test_an_old_python(machine):
    machine.setattr(runtime, "sys", SimpleNamespace(version_info=(3, 10, 2)))
    assert problem().startswith("Python is older than 3.11: install a newer one")


@pytest.mark.parametrize(("variable", "value"), [("IMAGEGEN_DEVICE", "gpu"), ("IMAGEGEN_PACE", "fast")])
def test_a_setting_that_the_course_does_not_know(machine, variable, value):
    machine.setenv(variable, value)
    assert variable in problem()


def test_several_problems_are_all_reported(machine, capsys):
    machine.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1e9))
    machine.setattr(os, "access", lambda path, mode: False)
    runtime.check_machine()
    out = capsys.readouterr().out
    assert out.count("⚠") == 2 and "✅" not in out
