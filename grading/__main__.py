"""`python -m grading FOLDER [--out results.csv]`: a row for each notebook and exercise."""

import argparse
import csv
import itertools
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from grading import isolation, notebook
from grading.judge import BLANK, can_check_outside, judge
from grading.limits import START, Stopped, within_limits
from grading.notebook import Statement
from imagegen_lessons import exercises, runtime

COLUMNS = ["student", "file", "lesson", "exercise", "verdict", "sentence", "look at by hand"]
SKIPPED = {".ipynb_checkpoints", "__MACOSX"}
LESSON = re.compile(r"[0-9]{2}_[a-z0-9_]+\.ipynb")  # as in tools/lessons.py: no copy made by JupyterLab
# Some browsers and mail programs add an ending.
NOTEBOOK = re.compile(r"\.ipynb(\.(txt|json))?$", re.IGNORECASE)
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")
DEEPEST = 20  # folders in folders; what lies deeper is not looked for
PATIENCE = 5  # a notebook may use so many times the seconds of an exercise
READING = 30  # seconds more than those of an exercise: a notebook may be large
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # some spreadsheets take the wide ones, too


@dataclass(frozen=True)
class Limits:
    seconds: float  # for each exercise
    megabytes: int


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


def submissions(folder: Path, out: Path) -> list[Path]:
    """What was handed in, in order of name: notebooks, archives, whatever else lies beside the students' folders, and
    the students' folders that hold no notebook. Not the table `out`, and no links to folders are followed.
    """
    found, table = [], os.path.realpath(out)  # Path.resolve fails at a link to itself
    for place, folders, files in os.walk(folder):
        depth = len(Path(place).relative_to(folder).parts)
        folders[:] = set(folders) - SKIPPED if depth < DEEPEST else ()
        for name in files:
            if name.startswith(".") or os.path.realpath(os.path.join(place, name)) == table:
                continue
            if depth == 0 or NOTEBOOK.search(name) or name.lower().endswith(ARCHIVES):
                found.append(Path(place) / name)
    theirs = {path.relative_to(folder).parts[0] for path in found}
    for path in folder.iterdir() if os.path.isdir(folder) else []:
        if os.path.isdir(path) and path.name not in theirs | SKIPPED and not path.name.startswith("."):
            found.append(path)
    return sorted(found)


def verdicts(path: Path, lessons: dict, limits: Limits) -> Iterator[tuple]:
    """(lesson, exercise, verdict, sentence, signs of tampering) for each exercise of a submission."""
    try:
        if os.path.islink(path) and os.path.isdir(path):
            raise notebook.Unreadable("This is a link to a folder; links are not followed.")
        if path.name.lower().endswith(ARCHIVES):
            raise notebook.Unreadable("This is an archive: unpack it, and grade again.")
        if os.path.isfile(path) and not os.path.islink(path) and not NOTEBOOK.search(path.name):
            raise notebook.Unreadable("This is no notebook: its name does not end with .ipynb.")
        data = notebook.load(path)
        found = within_limits(
            notebook.attempts, data, path.name, lessons, seconds=READING + limits.seconds, megabytes=2048
        )
        if isinstance(found, str):
            raise notebook.Unreadable(found)
    except notebook.Unreadable as error:
        yield "", "", "unreadable", str(error), ""
    except Stopped as error:
        yield "", "", "unreadable", f"While it was read: {error}", ""
    else:
        left = PATIENCE * limits.seconds
        for lesson, name, attempt, broken in found:
            start = time.monotonic()
            if attempt is None:
                said = ("wrong", broken) if broken else ("missing", "It is not defined in this notebook.")
            elif not attempt[0]:
                said = BLANK.verdict, BLANK.sentence
            elif left <= 0:
                said = (
                    "stopped: time",
                    f"Not run: its notebook has used {PATIENCE} times the seconds of one exercise.",
                )
            else:
                said = verdict_on(name, attempt[0], limits)
                left -= time.monotonic() - start
            yield lesson, name, *said, " ".join(attempt[1]) if attempt else ""


def verdict_on(name: str, source: str, limits: Limits) -> tuple[str, str]:
    """Verdict and sentence on an attempt: its judge has a process of its own, too, with limits on all that it does."""
    inside = not can_check_outside(name)
    # The judge waits for the attempt, and then may need as long itself.
    most = dict(seconds=START + 2 * limits.seconds + 5, megabytes=limits.megabytes)
    try:
        return tuple(within_limits(judge, name, source, inside, limits.seconds, limits.megabytes, **most))
    except Stopped as error:
        return f"stopped: {error.reason}", str(error)


def rows(path: Path, folder: Path, lessons: dict, limits: Limits) -> list[list[str]]:
    """The rows of one submission: its student is the folder's name or, if it lies in none, its own."""
    place = path.relative_to(folder)
    who = place.parts[0] if len(place.parts) > 1 or os.path.isdir(path) else NOTEBOOK.sub("", place.name)
    try:
        found = list(verdicts(path, lessons, limits))
    except Exception as error:  # whatever it is, the other submissions must be graded
        found = [("", "", "unreadable", f"The grader failed ({type(error).__name__}: {error}).", "")]
    return [[harmless(cell) for cell in (who, place.as_posix(), *row)] for row in found]


def with_repeats(rows: list[list[str]]) -> list[list[str]]:
    """One student's rows; where two files hold the same exercise, each says so in the last column."""
    files = {}
    for _, file, _, exercise, *_ in rows:
        files.setdefault(exercise, set()).add(file)
    return [
        [*row[:-1], f"{row[-1]} [in {len(files[row[3]])} files]".strip()]
        if row[3] and len(files[row[3]]) > 1
        else row
        for row in rows
    ]


def harmless(text: str) -> str:
    """One short line that no spreadsheet takes for a formula, wherever it divides the lines of the file."""
    text = re.sub(r"\s+", " ", text).replace(";", ",").encode(errors="replace").decode()
    text = "".join(letter for letter in text if letter.isprintable()).strip()[:500]
    return f"'{text}" if text.startswith(FORMULA) else text


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
    parser.add_argument(
        "--trust-students", action="store_true", help="grade even where their code cannot be kept away"
    )
    options = parser.parse_args()
    if not (options.seconds > 0 and options.megabytes > 0 and options.jobs > 0):
        sys.exit("--seconds, --megabytes and --jobs are larger than 0.")
    found, lessons = submissions(options.folder, options.out), the_lessons()
    if not found or not lessons:
        sys.exit(f"There is no notebook in {options.folder if lessons else runtime.ROOT / 'notebooks'}.")
    if reason := isolation.refusal(options.trust_students):
        sys.exit(f"Nothing was run. {reason}")
    kind = isolation.kind()
    print(f"{len(found)} submissions. Isolation: {kind}: {isolation.PROMISES[kind]}.", flush=True)
    try:
        file = options.out.open("w", newline="", encoding="utf-8-sig")  # the mark tells Excel it is UTF-8
    except OSError as error:
        sys.exit(f"{options.out} cannot be written: {error.strerror}.")
    # The servers of processes start with one thread each; else PyTorch's would wait for each other.
    os.environ["OMP_NUM_THREADS"] = "1"
    limits, count = Limits(options.seconds, options.megabytes), Counter()
    for name in exercises.REGISTRY:  # one after the other: they share the state of random numbers
        can_check_outside(name)

    def graded(path: Path) -> list[list[str]]:
        return rows(path, options.folder, lessons, limits)

    with file, ThreadPoolExecutor(options.jobs) as pool:
        table = csv.writer(file, quoting=csv.QUOTE_ALL)
        table.writerow(COLUMNS)
        lines = itertools.chain.from_iterable(pool.map(graded, found))
        for _, new in itertools.groupby(lines, key=lambda row: row[0]):
            new = with_repeats(list(new))
            table.writerows(new)
            file.flush()
            count.update(row[COLUMNS.index("verdict")] for row in new)
    print(", ".join(f"{number} {verdict}" for verdict, number in count.most_common()), f"-> {options.out}")


if __name__ == "__main__":
    main()
    # The table is written. About one run in four ended in a segmentation fault after that, in the garbage collection of
    # Python's own ending (PyTorch 2.15, two jobs); to collect beforehand did not help, so that ending is left out.
    sys.stdout.flush()
    os._exit(0)
