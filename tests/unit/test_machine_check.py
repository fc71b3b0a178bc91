"""The machine check: what this machine has, and one sentence for what is wrong."""

import builtins
import os
import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import psutil
import pytest

from imagegen_lessons import machine_check, runtime

COURSE = runtime.ROOT
GOOD = {
    "torch": "2.11.0+cpu", "torchvision": "0.26.0", "numpy": "2.1.3", "ipywidgets": "7.7.1", "pillow": "11.3.0",
}  # fmt: skip


def with_free(machine, memory=8e9, disk=50e9):
    machine.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=memory))
    machine.setattr(machine_check.shutil, "disk_usage", lambda path: SimpleNamespace(free=disk))


@pytest.fixture
def good(machine):
    """A machine on which all is well, with Colab's versions; a test then breaks one thing."""
    machine.setattr(machine_check, "version", lambda name: GOOD[name])
    machine.setattr(os, "access", lambda path, mode: True)
    with_free(machine)
    return machine


def test_on_a_good_machine_all_is_well(good, capsys):
    machine_check.check()
    out = capsys.readouterr().out
    assert "✅" in out and "⚠" not in out
    for word in ("Python", "torch 2.11.0+cpu", "cores", "8.0 GB free", "disk 50 GB", "full pace"):
        assert word in out


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("torch", "2.11.0a0+gitabc"),
        ("torch", "3.0"),
        ("numpy", "2"),
        ("numpy", "2.0rc1"),
        ("pillow", "13.0.0"),
    ],
)
def test_versions_that_will_do(good, name, found):
    good.setitem(GOOD, name, found)
    assert machine_check.examine()[1] == []


def test_the_oldest_versions_are_those_of_the_project():
    text = (COURSE / "pyproject.toml").read_text(encoding="utf-8")
    bounds = dict(re.split(">=", entry) for entry in tomllib.loads(text)["project"]["dependencies"])
    for name, oldest in machine_check.OLDEST.items():
        assert tuple(map(int, f"{bounds[name]}.0".split(".")[:2])) == oldest, name


def missing(machine):
    def version(name):
        if name == "ipywidgets":
            raise PackageNotFoundError(name)
        return GOOD[name]

    machine.setattr(machine_check, "version", version)


def without_torchvision(machine):
    original = builtins.__import__

    def broken(name, *arguments, **options):
        if name == "torchvision":
            raise RuntimeError("operator torchvision::nms does not exist\nand more")
        return original(name, *arguments, **options)

    machine.delitem(sys.modules, "torchvision")
    machine.setattr(builtins, "__import__", broken)


BROKEN = {
    "torch 2.10.1+cu130 is older than 2.11": lambda m: m.setitem(GOOD, "torch", "2.10.1+cu130"),
    "ipywidgets 7.6.5 is older than 7.7": lambda m: m.setitem(GOOD, "ipywidgets", "7.6.5"),
    "ipywidgets is missing": missing,
    "does not fit this torch (operator torchvision::nms": without_torchvision,
    "1.2 GB of memory": lambda m: with_free(m, memory=1.2e9),
    "0.3 GB of disk": lambda m: with_free(m, disk=0.3e9),
    "set IMAGEGEN_OUTPUT": lambda m: m.setattr(os, "access", lambda path, mode: False),
    "older than 3.11": lambda m: m.setattr(machine_check, "sys", SimpleNamespace(version_info=(3, 10, 2))),
    "IMAGEGEN_DEVICE": lambda m: m.setenv("IMAGEGEN_DEVICE", "gpu"),
    "IMAGEGEN_PACE": lambda m: m.setenv("IMAGEGEN_PACE", "fast"),
}


@pytest.mark.parametrize("words", BROKEN)
def test_what_is_wrong_is_said_on_one_line(good, capsys, words):
    BROKEN[words](good)
    facts, problems = machine_check.examine()
    assert len(facts) == 5 and len(problems) == 1 and words in problems[0]
    assert "\n" not in problems[0]
    machine_check.check()
    out = capsys.readouterr().out
    assert f"⚠ {problems[0]}" in out and "✅" not in out
