"""`python -m grading FOLDER [--out results.csv]`: a row for each notebook and exercise."""

import argparse
import csv
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from grading import notebook
from grading.checks import BLANK, verdict_on
from grading.notebook import Statement
from grading.sandbox import Channel, Sandbox, Stopped, protections
from imagegen_lessons import exercises, runtime

COLUMNS = ["student", "file", "lesson", "exercise", "verdict", "sentence", "look at by hand"]
SKIPPED = {".ipynb_checkpoints", "__MACOSX"}
LESSON = re.compile(r"[0-9]{2}_[a-z0-9_]+\.ipynb")  # as in tools/lessons.py: no copy made by JupyterLab


def the_lessons() -> dict[str, tuple[list[str], list[Statement]]]:
    """The course's own notebooks: lesson -> the names of its exercises, and the statements that it gives.

    Ends the program where two have the same number; says which notebooks have a lesson's number and are none.
    """
    found = {}
    for path in sorted((runtime.ROOT / "notebooks").glob("*.ipynb")):
        if LESSON.fullmatch(path.name):
            if any(stem[:2] == path.stem[:2] for stem in found):
                sys.exit(
                    f"There are two lessons {path.name[:2]} in {path.parent}: move the copy to outputs/."
                )
            cells = notebook.code(notebook.load(path))
            names = [name for name in notebook.mentioned(cells) if name in exercises.REGISTRY]
            found[path.stem] = names, notebook.given(cells)[0]
        elif re.match("[0-9]{2}_", path.name) and "-Copy" not in path.name:
            print(
                f"{path.name} is taken for no lesson: only a-z, 0-9 and _ may follow its number.",
                file=sys.stderr,
            )
    return found


def submissions(folder: Path) -> list[Path]:
    """All notebooks in the folder and below it, and the students' folders that hold none.

    In order of name. Links to folders are not followed.
    """
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = set(folders) - SKIPPED
        names = [name for name in files if name.lower().endswith(".ipynb") and not name.startswith("._")]
        found += [Path(place) / name for name in names]
    theirs = {path.relative_to(folder).parts[0] for path in found}
    for path in folder.iterdir() if folder.is_dir() else []:
        if path.is_dir() and path.name not in theirs | SKIPPED and not path.name.startswith("."):
            found.append(path)
    return sorted(found)


def attempts(channel: Channel, data: bytes, file: str, lessons: dict) -> None:
    """In the sandbox, since a notebook may be made to choke its reader: which lesson it is, and its attempts."""
    try:
        cells = notebook.code(data)
    except notebook.Unreadable as error:
        channel.send(str(error))
        return
    student, broken = notebook.statements(cells)
    found, names = [], set(notebook.mentioned(cells))
    for lesson, (own, statements) in lessons.items():
        if names & set(own) or (not names and re.match(rf"{lesson[:2]}\D", file)):
            tries = {name: notebook.attempt_at(name, student, statements) for name in own}
            found += [(lesson, name, attempt, broken.get(name)) for name, attempt in tries.items()]
    channel.send(found)


def verdicts(path: Path, lessons: dict, seconds: float, megabytes: int) -> Iterator[tuple]:
    """(lesson, exercise, verdict, sentence, signs of tampering) for each exercise of a submitted notebook."""
    try:
        if path.is_symlink() and path.is_dir():
            raise notebook.Unreadable("This is a link to a folder; links are not followed.")
        data = notebook.load(path)
        with tempfile.TemporaryDirectory() as home:
            run = partial(attempts, data=data, file=path.name, lessons=lessons)
            with Sandbox(run, home, seconds) as sandbox:
                found = sandbox.receive()
            if not found:
                found = "No exercise of this course was found in it."
            if isinstance(found, str):
                raise notebook.Unreadable(found)
            for lesson, name, attempt, broken in found:
                if attempt is None:
                    said = ("wrong", broken) if broken else ("missing", "It is not defined in this notebook.")
                    yield lesson, name, *said, ""
                else:
                    verdict = verdict_on(name, attempt[0], home, seconds, megabytes) if attempt[0] else BLANK
                    yield lesson, name, verdict.verdict, verdict.sentence, " ".join(attempt[1])
    except notebook.Unreadable as error:
        yield "", "", "unreadable", str(error), ""
    except Stopped as error:
        yield "", "", "unreadable", f"While it was read: {error}", ""
    except Exception as error:  # whatever it is, the other submissions must be graded
        yield "", "", "unreadable", f"The grader failed ({type(error).__name__}: {error}).", ""


def rows(path: Path, folder: Path, **options) -> list[list[str]]:
    """The rows of one submission: its student is the folder's name or, if it lies in none, its own."""
    place = path.relative_to(folder)
    who = place.parts[0] if len(place.parts) > 1 or path.is_dir() else place.stem
    return [[harmless(cell) for cell in (who, place.as_posix(), *row)] for row in verdicts(path, **options)]


def harmless(text: str) -> str:
    """One short line that no spreadsheet takes for a formula."""
    text = re.sub(r"\s+", " ", text).encode(errors="replace").decode()
    text = "".join(letter for letter in text if letter.isprintable())[:500]
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m grading", description=__doc__)
    parser.add_argument("folder", type=Path, help="submitted notebooks, or a folder for each student")
    parser.add_argument(
        "--out", type=Path, default=Path("results.csv"), help="the table (default: results.csv)"
    )
    parser.add_argument("--seconds", type=float, default=60, help="for each exercise (default: 60)")
    parser.add_argument("--megabytes", type=int, default=1024, help="for each exercise (default: 1024)")
    parser.add_argument(
        "--jobs", type=int, default=max(1, (os.cpu_count() or 2) // 2), help="at the same time"
    )
    options = parser.parse_args()
    if not hasattr(os, "fork"):
        sys.exit("This needs Linux or macOS; on Windows use WSL.")
    found, lessons = submissions(options.folder), the_lessons()
    if not found or not lessons:
        sys.exit(f"There is no notebook in {options.folder if lessons else runtime.ROOT / 'notebooks'}.")
    try:
        print(
            f"{len(found)} submissions. Protection on this machine: {', '.join(protections())}.", flush=True
        )
    except Stopped as error:
        sys.exit(f"No attempt can be locked in on this machine, so nothing was run. {error}")
    try:
        file = options.out.open("w", newline="", encoding="utf-8-sig")  # the mark tells Excel it is UTF-8
    except OSError as error:
        sys.exit(f"{options.out} cannot be written: {error.strerror}.")
    work = partial(
        rows, folder=options.folder, lessons=lessons, seconds=options.seconds, megabytes=options.megabytes
    )
    count = Counter()
    with file, ProcessPoolExecutor(options.jobs, mp_context=get_context("fork")) as pool:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for new in pool.map(work, found):
            table.writerows(new)
            count.update(row[COLUMNS.index("verdict")] for row in new)
    print(", ".join(f"{number} {verdict}" for verdict, number in count.most_common()), f"-> {options.out}")


if __name__ == "__main__":
    main()
