"""Writes the address of the course's repository wherever it stands: `python -m tools.address owner/name`.

Its home is pyproject.toml. The lessons (badge and set-up cell), README.md and docs/ repeat it; without an argument they
are stamped with what pyproject.toml says.
"""

import re
import sys
import tomllib
from pathlib import Path

import nbformat

from tools import lessons

HOME = "pyproject.toml"
PLACEHOLDER = "your_account/imagegen-lessons"
# Other people's repositories are named in the course, too: ours is known by what stands before it.
OURS = re.compile(
    r'(Repository = "https://github\.com/|git clone [^"\n]*?https://github\.com/|colab\.research\.google\.com/github/)'
    r"([\w.-]+/[\w.-]+)"
)
ADDRESS = re.compile(
    r"(?=.{1,39}/)[A-Za-z0-9]+(-[A-Za-z0-9]+)*/(?!\.{1,2}$)[\w.-]{1,100}(?<!\.git)", re.ASCII
)


def checked(text: str) -> str:
    """`owner/name`, out of itself or of the pasted address of a repository.

    Raises ValueError where GitHub allows no such name.
    """
    name = re.sub(r"^(git@|(https?://)?(www\.)?)github\.com[/:]", "", text.strip(), flags=re.IGNORECASE)
    name = re.sub(r"/?(tree/[^/]+/?)?$", "", name).removesuffix(".git")
    if name != PLACEHOLDER and not ADDRESS.fullmatch(name):
        raise ValueError(
            f"{text!r} cannot be a repository on GitHub: say owner/name, owner in letters, digits and single hyphens "
            "(39 at most), name in letters, digits, '-', '_' and '.' (100 at most)."
        )
    return name


def current(root: Path = lessons.ROOT) -> str:
    """`owner/name`, as pyproject.toml has it. Raises ValueError where it has none."""
    try:
        text = tomllib.loads((root / HOME).read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
    except KeyError:
        raise ValueError(f"{HOME} has no line 'Repository = …' under [project.urls].") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"{HOME} cannot be read: {error}.") from error
    return checked(text)


def stamped(text: str, address: str) -> str:
    return OURS.sub(lambda match: match[1] + address, text)


def stamped_lesson(text: str, address: str) -> str:
    """The text of a lesson's file with the address. No output depends on it, so fresh outputs stay fresh."""
    lesson, text = nbformat.reads(text, as_version=4), stamped(text, address)
    stored = lesson.metadata.get("imagegen_lessons", {}).get("code_sha256")
    if stored == lessons.code_sha256(lesson):
        text = text.replace(stored, lessons.code_sha256(nbformat.reads(text, as_version=4)))
    return text


def before_and_after(path: Path, address: str) -> tuple[str, str]:
    """What a file says, and what it says with the address. Raises ValueError, which names it, if it cannot be read."""
    try:
        text = path.read_bytes().decode()  # and not read_text, which would change the ends of lines
        return text, (stamped_lesson if path.suffix == ".ipynb" else stamped)(text, address)
    except Exception as error:  # what is JSON and no notebook fails in nbformat in many ways
        raise ValueError(f"{path} cannot be read ({type(error).__name__}); nothing was changed.") from error


def stamp(address: str, root: Path = lessons.ROOT) -> list[Path]:
    """Writes the address into every file that names it; returns the files that changed.

    Raises ValueError for an address that cannot be, and for a file that cannot be read; then nothing is changed.
    """
    address = checked(address)
    current(root)
    files = [root / HOME, root / "README.md"]
    files += [*(root / "docs").glob("*.md"), *(root / "notebooks").glob("*.ipynb")]
    changed = {path: before_and_after(path, address) for path in files}
    drafts = {path: path.with_name(f"{path.name}.tmp") for path, (old, new) in changed.items() if old != new}
    try:
        for path, draft in drafts.items():
            draft.write_bytes(changed[path][1].encode())
        for path, draft in drafts.items():
            draft.replace(path)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
    return sorted(drafts)


if __name__ == "__main__":
    try:
        files = stamp(sys.argv[1] if sys.argv[1:] else current())
    except ValueError as error:
        raise SystemExit(str(error)) from error
    except OSError as error:
        raise SystemExit(f"The address could not be written everywhere: {error}.") from error
    print(f"The course is at https://github.com/{current()}; {len(files)} files changed.")
