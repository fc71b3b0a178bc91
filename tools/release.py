"""Writes the copy for students, in which no answer can be read: `python -m tools.release`, to build/release.

The lessons stay as they are. The modules of exercises are sealed: packed, so that nobody reads an answer by accident
and no search finds one, while `check` and `hint` work as ever. It is a seal and no lock (docs/instructors.md).
"""

import ast
import base64
import re
import shutil
import zlib
from pathlib import Path

from grading import notebook
from imagegen_lessons import exercises
from tools import address, lessons

RELEASE = lessons.ROOT / "build" / "release"
NAME = "imagegen-lessons"
COPIED = [".gitignore", "imagegen_lessons", "data", "docs/pictures"]
COPIED += ["tools/install.py", "tools/lab_config.py", "tools/colab.py"]
COPIED += ["pyproject.toml", "constraints.txt", "environment.yml", "LICENSE", "LICENSE-TEXT"]
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "*.tmp", "cache")
SEALED = '''"""{title} The answers are sealed; `check` and `hint` know them."""

import base64
import zlib

PACKED = """
{packed}
"""
exec(compile(zlib.decompress(base64.b64decode(PACKED)), "sealed", "exec"))
'''
ASK = '''

def _ask(self) -> None:
    """Says whom to ask: in this copy of the course the answers are sealed."""
    print(f"{self.name}: ask your instructor for the solution. `hint()` helps you on.")


Exercise.solution = Exercise.source = _ask
'''
README = """# How machines make pictures

A course in Jupyter notebooks in which you build the machines that make pictures, **from scratch in PyTorch**.

{start}

{lessons}

Every lesson ends with exercises that check themselves: `check` says whether you are right and, if not, what to look at;
`hint` helps you on. For a solution ask your instructor. To try things out, work on a copy of a lesson, in the folder
`outputs` for example; pictures in the text appear there, too.

{elsewhere}

## Licences

Code: MIT (LICENSE). Text, drawn pictures and checkpoints: CC BY 4.0 (LICENSE-TEXT). Photographs: data/README.md.
"""
COLAB = """
**Google Colab**: a lesson's badge "Open in Colab" runs it on a computer of Google's; you need a Google account."""
ELSEWHERE = """Some programs that the lessons and data/README.md name (`tools`, `benchmarks`) are not in this copy: they
are in the full course, which your instructor has."""


def answered(path: Path) -> list[str]:
    """The exercises of a lesson to which it tells an answer: a filled-in blank, or a printed solution."""
    cells = lessons.code_cells(lessons.read(path))
    printed = "\n".join(output.get("text", "") for cell in cells for output in cell.outputs)
    told = [name for name, known in exercises.REGISTRY.items() if known.source() in printed]
    return notebook.given([cell.source for cell in cells])[1] + told


def seal(source: str) -> str:
    """A module that does what `source` does, without showing it."""
    title = ast.get_docstring(ast.parse(source)).splitlines()[0]
    packed = base64.b64encode(zlib.compress(source.encode(), 9)).decode()
    lines = [packed[i : i + 100] for i in range(0, len(packed), 100)]
    return SEALED.format(title=title, packed="\n".join(lines))


def readme(text: str) -> str:
    """The students' README, out of the course's: how to start, and the list of lessons.

    While the course has no address, nobody is sent to Colab.
    """
    start, lessons_ = (
        re.search(rf"^## {title}\n.+?(?=\n\n\*\*Google|\n\nEach begins)", text, re.M | re.S)[0]
        for title in ("Start", "The lessons")
    )
    start = re.sub(r"^make test .*\n", "", start, flags=re.M).replace("Two commands", "One command")
    if address.current() != address.PLACEHOLDER:
        start += f"\n{COLAB}"
    return README.format(start=start, lessons=lessons_, elsewhere=ELSEWHERE)


def makefile(text: str) -> str:
    """Of our Makefile the rule `lab`, the two that it needs, and their variables; students run no tests."""
    body = "".join(re.findall(r"^(?:\$\(LAB\)|lab|moved):.*\n(?:\t.*\n)+\n?", text, re.MULTILINE))
    variables = [
        line for line in re.findall(r"^\w+ [?:]=.*$", text, re.MULTILINE) if f"$({line.split()[0]})" in body
    ]
    return "\n".join([text.splitlines()[0], *variables, "", ".PHONY: lab moved", "", body])


def data_readme(text: str) -> str:
    title, rest = text.split("\n", 1)
    return f"{title}\n\n{ELSEWHERE}\n{rest}"


def write(folder: Path) -> None:
    """Writes the students' copy into a folder, which must not exist.

    Raises ValueError, before anything is written, where a lesson tells an answer.
    """
    for path in lessons.paths():
        if names := answered(path):
            raise ValueError(
                f"notebooks/{path.name} tells answers ({', '.join(names)}): move your work to outputs/, "
                f"and get the blank lesson back, with `git checkout notebooks/{path.name}` for example."
            )
    for name in [*COPIED, *(f"notebooks/{path.name}" for path in lessons.paths())]:
        source, target = lessons.ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=LEFT_OUT)
        else:
            shutil.copyfile(source, target)
    for name, change in {"README.md": readme, "Makefile": makefile, "data/README.md": data_readme}.items():
        text = (lessons.ROOT / name).read_text(encoding="utf-8")
        (folder / name).write_text(change(text), encoding="utf-8")
    package = folder / "imagegen_lessons"
    for path in (package / "exercises").glob("lesson_*.py"):
        path.write_text(seal(path.read_text(encoding="utf-8")), encoding="utf-8")
    with open(package / "exercises" / "checker.py", "a", encoding="utf-8") as file:
        file.write(ASK)


if __name__ == "__main__":
    shutil.rmtree(RELEASE, ignore_errors=True)
    try:
        write(RELEASE / NAME)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    shutil.make_archive(str(RELEASE / NAME), "zip", RELEASE, NAME)
    print(f"build/release/{NAME} and build/release/{NAME}.zip; badges lead to github.com/{address.current()}")
    if address.current() == address.PLACEHOLDER:
        print("Nothing is there, until you name the copy's repository: make address REPOSITORY=owner/name,")
        print("then make release again. The copy's README does not mention Colab so far.")
