"""The course's address: one home, the same wherever it is repeated, and stamped wholly or not at all."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import address, lessons

ROOT = lessons.ROOT
OTHER = "some-body/My.course_2"
OWNER, NAME = address.current().split("/")
# The course cites these; a copy of it may have the name of one of them.
CITED = ("jcjohnson/neural-style", "jcjohnson/fast-neural-style", "tegg89/SRCNN-Tensorflow", "BIDS/BSDS500")


def read(path: Path) -> str:
    return path.read_bytes().decode()


def texts() -> dict[str, str]:
    """The tracked files that are text, and those that are new, but for this one and its examples: name -> content."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git, and a clone of the repository rather than an archive")
    found = {}
    own = Path(__file__).relative_to(ROOT).as_posix()
    for path in (ROOT / name for name in done.stdout.split("\0") if name not in ("", own)):
        try:
            found[path.relative_to(ROOT).as_posix()] = read(path)
        except (OSError, UnicodeDecodeError):  # deleted meanwhile, or a picture
            continue
    return found


@pytest.fixture
def copy(tmp_path) -> Path:
    """A copy of the files that are stamped, with one fresh and one stale lesson among them."""
    (tmp_path / "notebooks").mkdir()
    for path in lessons.paths():
        shutil.copyfile(path, tmp_path / "notebooks" / path.name)
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("pictures"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    fresh, stale, *_ = sorted((tmp_path / "notebooks").glob("*.ipynb"))
    for path, code in {fresh: None, stale: "0" * 64}.items():
        lesson = lessons.read(path)
        lesson.metadata["imagegen_lessons"]["code_sha256"] = code or lessons.code_sha256(lesson)
        lessons.write(lesson, path)
    return tmp_path


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fits(path: Path) -> bool:
    lesson = lessons.read(path)
    return lesson.metadata["imagegen_lessons"]["code_sha256"] == lessons.code_sha256(lesson)


# ---- The tree as it is ----------------------------------------------------------------------------------------


def test_every_address_in_the_tree_is_the_one_in_pyproject():
    ours = re.compile(rf"github(?:\.com)?/([\w.-]+)/{re.escape(NAME)}\b|github(?:\.com)?/{OWNER}/([\w.-]+)")
    found = 0
    for name, text in texts().items():
        if name.startswith(("tests/", "tools/")):  # they name other people's repositories, as examples
            continue
        assert {match[2] for match in address.OURS.finditer(text)} <= {f"{OWNER}/{NAME}"}, name
        for match in ours.finditer(text):
            if not match[0].endswith(CITED):
                assert (match[1] or OWNER, match[2] or NAME) == (OWNER, NAME), f"{name}: {match[0]}"
                found += 1
    assert found >= 1 + 2 * len(lessons.paths()), "badge and set-up cell of each lesson"


@pytest.mark.parametrize("path", lessons.paths(), ids=lambda path: path.stem)
def test_the_badge_leads_to_the_lesson_itself(path):
    lesson = lessons.read(path)
    picture = "[![Open in Colab](../docs/pictures/open_in_colab.svg)]"
    assert (
        lesson.cells[0].source.split("\n\n")[-1]
        == f"{picture}(https://colab.research.google.com/github/{address.current()}/blob/main/notebooks/{path.name})"
    )
    assert f"https://github.com/{address.current()} course" in lesson.cells[1].source
    assert lesson.metadata["accelerator"] == "GPU"


# ---- Stamping -------------------------------------------------------------------------------------------------


def test_to_and_fro_changes_nothing(copy):
    before = everything(copy)
    changed = address.stamp(OTHER, copy)
    assert len(changed) == 1 + len(lessons.paths()) and address.current(copy) == OTHER
    assert not any(f"{OWNER}/{NAME}".encode() in data for data in everything(copy).values())
    assert address.stamp(OTHER, copy) == [], "twice does no more than once"
    address.stamp(f"{OWNER}/{NAME}", copy)
    assert everything(copy) == before


def test_fresh_outputs_stay_fresh_and_stale_ones_stale(copy):
    fresh, stale, *_ = sorted((copy / "notebooks").glob("*.ipynb"))
    hash_before = lessons.read(fresh).metadata["imagegen_lessons"]["code_sha256"]
    address.stamp(OTHER, copy)
    assert fits(fresh) and not fits(stale)
    assert lessons.read(fresh).metadata["imagegen_lessons"]["code_sha256"] != hash_before
    assert lessons.read(stale).metadata["imagegen_lessons"]["code_sha256"] == "0" * 64


def test_what_does_not_lead_to_the_course_is_left_alone(copy):
    others = "See https://github.com/jane/neural-style and `make address REPOSITORY=jane/x`.\r\nThe end."
    (copy / "docs" / "other.md").write_bytes(others.encode())
    address.stamp(OTHER, copy)
    assert read(copy / "docs" / "other.md") == others
    assert "make address REPOSITORY=owner/name" in read(copy / "README.md")


def broken_lesson(copy):
    (copy / "notebooks" / "99_broken.ipynb").write_text('{"cells": [')


def no_text(copy):
    (copy / "docs" / "photo.md").write_bytes(b"\xff\xd8\xff")


def no_home(copy):
    text = read(copy / "pyproject.toml")
    (copy / "pyproject.toml").write_text(text.replace("Repository =", "Homepage ="), encoding="utf-8")


def no_project(copy):
    (copy / "pyproject.toml").write_text("[tool]", encoding="utf-8")


def nothing(copy):
    (copy / "pyproject.toml").unlink()


FAULTS = {
    broken_lesson: "99_broken.ipynb",
    no_text: "photo.md",
    no_home: "pyproject.toml",
    no_project: "pyproject.toml",
    nothing: "pyproject.toml",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_changed_where_something_cannot_be_read_and_it_is_named(copy, fault):
    fault(copy)
    before = everything(copy)
    with pytest.raises(ValueError) as caught:
        address.stamp(OTHER, copy)
    message = str(caught.value)
    assert FAULTS[fault] in message and message.endswith(".") and "\n" not in message
    assert everything(copy) == before


def test_nothing_is_changed_on_a_full_disk(copy, monkeypatch):
    before, write = everything(copy), Path.write_bytes

    def full(self, data):
        write(self, data[:100])
        if self.name.startswith("15_"):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError):
        address.stamp(OTHER, copy)
    assert everything(copy) == before


# ---- What GitHub allows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("jane/course", "jane/course"),
        ("a-b-c/x.y_z-1", "a-b-c/x.y_z-1"),
        ("a" * 39 + "/" + "b" * 100, "a" * 39 + "/" + "b" * 100),
        ("  https://github.com/jane/course.git\n", "jane/course"),
        ("https://github.com/jane/course/tree/main/", "jane/course"),
        ("git@github.com:jane/course.git", "jane/course"),
        ("https://GitHub.com/jane/course/", "jane/course"),
        ("github.com/jane/course", "jane/course"),
        ("jane/.github", "jane/.github"),
        (address.PLACEHOLDER, address.PLACEHOLDER),
    ],
)
def test_names_that_can_be(text, expected):
    assert address.checked(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "jane",
        "jane/",
        "jane/a/b",
        "-jane/x",
        "ja--ne/x",
        "ja_ne/x",
        "a" * 40 + "/x",
        "jane/" + "b" * 101,
        "jane/..",
        "jane/a b",
        "jane/ü",
        "https://gitlab.com/jane/x",
        "jane/x'; rm y; '",
        "jane/x\ny",
    ],
)
def test_names_that_cannot_be_are_refused_in_one_sentence(text, copy):
    before = everything(copy)
    with pytest.raises(ValueError) as caught:
        address.stamp(text, copy)
    message = str(caught.value)
    assert message.startswith(repr(text)) and "owner/name" in message and "\n" not in message
    assert everything(copy) == before


def test_what_the_command_says(copy):
    (copy / "tools").mkdir()
    for name in ("__init__", "address", "lessons"):
        shutil.copyfile(ROOT / "tools" / f"{name}.py", copy / "tools" / f"{name}.py")

    def run(*arguments):
        command = [sys.executable, "-m", "tools.address", *arguments]
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    assert run() == (0, f"The course is at https://github.com/{OWNER}/{NAME}; 0 files changed.\n")
    code, said = run("no repository")
    assert code == 1 and "owner/name" in said and said.count("\n") == 1
    before = everything(copy)
    (copy / "pyproject.toml.tmp").mkdir()  # where the new text would be written first
    code, said = run(OTHER)
    assert code == 1 and said.startswith("The address could not be written everywhere: ")
    assert said.count("\n") == 1 and everything(copy) == before
