"""The files around the course agree with each other, stay small, and name no machine of ours."""

import re
import subprocess
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LARGE = {  # the tracked files that may be larger than MAX_FILE -> how large, in bytes
    "data/checkpoints/feature_extractor.safetensors": 2_700_000,
    "data/checkpoints/adain.safetensors": 1_100_000,
    "data/checkpoints/faces_gan.safetensors": 2_000_000,
    "data/checkpoints/faces_flow.safetensors": 3_000_000,
    "data/checkpoints/buildings_decoder.safetensors": 3_700_000,
    "data/checkpoints/plans_flow.safetensors": 3_000_000,
    "data/checkpoints/sprites_gan.safetensors": 2_000_000,
    "data/checkpoints/outfits_gan.safetensors": 2_000_000,
}
MAX_FILE, MAX_ALL, MAX_CHECKPOINTS = 1_000_000, 80_000_000, 30_000_000
PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.!]*( ; [a-z_]+ [<>=!]+ '[\w.]+')?")
SLASH = "/"  # what must not stand anywhere is put together here, because it must not stand here either
# Texts that only make sense on the machine where the course was written -> where they may stand all the same.
FOREIGN = {
    f"{SLASH}work{SLASH}": (),
    f"shared{SLASH}data": ("tests/", "benchmarks/"),
    f".{'library'}": (),
}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def requirements(*extras: str) -> list[str]:
    return PROJECT["dependencies"] + [r for e in extras for r in PROJECT["optional-dependencies"][e]]


def tracked() -> list[Path]:
    """The files under version control that are there."""
    try:
        done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git, and a clone of the repository rather than an archive")
    paths = [ROOT / name for name in done.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


# ---- Dependencies ---------------------------------------------------------------------------------------------


def conda() -> tuple[list[str], list[str]]:
    """What environment.yml asks conda for, and what it asks pip for."""
    dependencies = yaml.safe_load(read("environment.yml"))["dependencies"]
    (pip,) = [entry["pip"] for entry in dependencies if isinstance(entry, dict)]
    return [entry for entry in dependencies if isinstance(entry, str)], pip


def test_environment_yml_repeats_the_requirements_of_pyproject():
    assert conda()[1] == [*requirements("lab"), "-e ."]


def test_no_upper_bound_shuts_out_the_newest_python():
    assert not re.search("[<=!~]=?", PROJECT["requires-python"].replace(">=", ""))


def test_environment_yml_has_a_python_that_pyproject_admits():
    content = yaml.safe_load(read("environment.yml"))
    assert set(content) == {"name", "channels", "dependencies"} and content["channels"] == ["conda-forge"]
    python, pip = conda()[0]
    assert python.startswith("python") and pip == "pip"
    asked = SpecifierSet(re.sub(r"^=(?=\d)", "==", python.removeprefix("python")))  # conda's = is pip's ==
    assert str(asked), "without a version conda takes the newest Python"
    for minor in range(8, 20):
        for version in (f"3.{minor}", f"3.{minor}.5"):
            assert not asked.contains(version) or SpecifierSet(PROJECT["requires-python"]).contains(version)


PINNED = ["constraints.txt", "tools/colab_versions.txt"]


def pins(name: str) -> dict[str, str]:
    lines = [line for line in read(name).splitlines() if line and not line.startswith("#")]
    return {canonicalize_name(line.split("==")[0]): line.split("==")[1].split(" ; ")[0] for line in lines}


@pytest.mark.parametrize("requirement", requirements("lab", "test"))
def test_every_direct_dependency_is_pinned_within_its_bounds(requirement):
    wanted = Requirement(requirement)
    assert wanted.specifier, "a lower bound says what the course needs"
    assert wanted.specifier.contains(pins("constraints.txt")[canonicalize_name(wanted.name)])


@pytest.mark.parametrize("name", PINNED)
def test_constraints_hold_pins_and_nothing_else(name):
    lines = read(name).splitlines()
    for line in lines:
        assert not line or line.startswith("#") or PIN.fullmatch(line), line
        assert not re.search(r"[/\\@]|\b[\w-]+\.(com|org|net|io|dev|local)\b", line), line
    names = [canonicalize_name(line.split("==")[0]) for line in lines if line and not line.startswith("#")]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("requirement", requirements())
def test_the_lower_bounds_admit_colab(requirement):
    wanted = Requirement(requirement)
    assert wanted.specifier.contains(pins("tools/colab_versions.txt")[canonicalize_name(wanted.name)])
    assert SpecifierSet(PROJECT["requires-python"]).contains("3.13.7")


# ---- Makefile, README, licences -------------------------------------------------------------------------------


def targets() -> list[str]:
    """The Makefile's targets that one types, in order."""
    return re.findall(r"^([a-z][a-z-]*):(?!=)", read("Makefile"), re.MULTILINE)


def test_every_target_is_explained_and_every_one_that_is_named_exists():
    commands = read("CONTRIBUTING.md").partition("## Commands")[2]
    assert [target for target in targets() if not re.search(rf"`{target}\b", commands)] == []
    for name in ("README.md", "CONTRIBUTING.md", "docs/instructors.md"):
        assert set(re.findall(r"`make ([a-z-]+)", read(name))) <= set(targets())


def test_phony_targets_are_the_targets():
    (phony,) = re.findall(r"^\.PHONY: (.+)$", read("Makefile"), re.MULTILINE)
    assert set(phony.split()) == set(targets())


PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "data/README.md",
    "docs/instructors.md",
    "docs/gpu.md",
    "docs/decisions.md",
]
PAGES += sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("name", PAGES)
def test_links_into_the_repository_lead_somewhere(name):
    text = read(name)
    if name.endswith(".ipynb"):
        cells = nbformat.reads(text, as_version=4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if not re.match("[a-z]+:", link)]
    assert [link for link in links if not ((ROOT / name).parent / link).exists()] == []


@pytest.mark.parametrize(
    ("name", "words"), [("LICENSE", "MIT License"), ("LICENSE-TEXT", "Creative Commons|CC BY")]
)
def test_the_licences_are_there(name, words):
    assert re.search(words, read(name))


# ---- What is under version control ----------------------------------------------------------------------------


def test_tracked_files_are_small():
    sizes = {path.relative_to(ROOT).as_posix(): path.stat().st_size for path in tracked()}
    too_large = {name: size for name, size in sizes.items() if size > LARGE.get(name, MAX_FILE)}
    assert too_large == {}
    assert sum(sizes.values()) < MAX_ALL
    checkpoints = [size for name, size in sizes.items() if name.startswith("data/checkpoints/")]
    assert sum(checkpoints) < MAX_CHECKPOINTS


def test_nothing_generated_is_tracked():
    generated = re.compile(
        r"^(build|outputs|\.venv|data/cache)/|\.(pyc|tmp|pt|pth|pkl|ckpt)$|\.ipynb_checkpoints"
    )
    names = [path.relative_to(ROOT).as_posix() for path in tracked()]
    assert [name for name in names if generated.search(name)] == []


@pytest.mark.parametrize("text", FOREIGN)
def test_no_tracked_file_names_the_machine_it_was_written_on(text):
    found = []
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(FOREIGN[text] or "\0") and text.encode() in path.read_bytes():
            found.append(name)
    assert found == []
