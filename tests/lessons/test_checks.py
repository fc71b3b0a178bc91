"""That the tests of lessons find what they are there for: a few planted faults, beside the healthy form of each."""

import http.server
import inspect
import os
import subprocess
import sys
import threading
import xml.etree.ElementTree as xml
from pathlib import Path

import nbformat
import pytest

from imagegen_lessons import calibration, runtime
from tests.lessons import checks
from tools import lessons, solve

code, text = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell


def output(html=None, **data):
    data = {"text/html": html, "text/plain": "a picture"} if html else data
    return nbformat.v4.new_output("display_data", data=data)


# ---- Lessons under nbval: a pair of cells each, one healthy, one with the fault -------------------------------

EXERCISE = """
from imagegen_lessons import exercises

def luminance(x):
    raise NotImplementedError  # your turn

exercises.luminance.check(luminance)
"""
WRONG = "    return x.mean(dim=1, keepdim=True)"
EXPLORE = """
from imagegen_lessons.display import widgets
import torch

def picture(value=0.5):
    {line}
    return torch.full((3, 8, 8), value)

widgets.explore(picture, alt="A grey square.", value=(0.0, 1.0));
"""
UPLOAD = """
from imagegen_lessons.display import widgets
widgets.upload(lambda x: x{error}, alt="Your picture.");
"""
OPEN_URL = "import urllib.request\nurllib.request.urlopen('http://{host}/', timeout=5)"
MARKED = "# NBVAL_CHECK_OUTPUT\nprint((1, {channels}, 32, 32))"


def solved(answer: str | None = None):
    """The exercise cell as `tools.solve` leaves it, or with another answer in place of the right one."""
    source = solve.solve_source(EXERCISE)
    if answer:
        head, tail = source.index("    return"), source.index("exercises.luminance.test")
        source = f"{source[:head]}{answer}\n\n{source[tail:]}"
    return code(source)


def marked(channels: int):
    """A cell whose stored output says 3 channels."""
    stored = nbformat.v4.new_output("stream", name="stdout", text="(1, 3, 32, 32)\n")
    return code(MARKED.format(channels=channels), outputs=[stored], execution_count=1)


def pairs(port: int) -> dict:
    """name -> a healthy cell, the same with a fault, and the words that must name the fault."""
    attempt = code(EXERCISE.replace("    raise NotImplementedError  # your turn", WRONG))
    loud = "if value == 1.0: raise ArithmeticError('at the end of the slider')"
    return {
        "wrong answer": (solved(), solved(WRONG), "the plain mean of the channels"),
        # In a student's own copy a wrong answer is told, and stops nothing.
        "blank left in": (attempt, solved("    raise NotImplementedError"), "NotImplementedError"),
        "slider": (
            code(EXPLORE.format(line="")),
            code(EXPLORE.format(line=loud)),
            "at the end of the slider",
        ),
        "range": (
            code(EXPLORE.format(line="")),
            code(EXPLORE.format(line="value = 3 * value").replace("value=0.5", "value=0.1")),
            "must be in [0, 1]",
        ),
        "upload": (code(UPLOAD.format(error="")), code(UPLOAD.format(error=".no_such()")), "no_such"),
        "address": (
            code(OPEN_URL.format(host=f"localhost:{port}")),
            code(OPEN_URL.format(host="example.com")),
            "NetworkBlocked",
        ),
        "marked output": (marked(3), marked(4), "mismatch 'stdout'"),
        "error": (code("assert 1 + 1 == 2"), code("assert 1 + 1 == 3, 'bad sum'"), "bad sum"),
    }


PAIRS = list(pairs(0))


class Quiet(http.server.BaseHTTPRequestHandler):
    """Answers every request with "hello"."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def server():
    """A little web server on this machine; its port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory, server):
    """What nbval says of each cell of the two lessons: (lesson, name of the pair) -> the failure, or None."""
    folder = tmp_path_factory.mktemp("planted")
    (folder / "pytest.ini").write_text("[pytest]\n")  # and so this folder knows nothing of ours
    cells = pairs(server)
    for column, lesson in enumerate(("healthy", "planted")):
        notebook = nbformat.v4.new_notebook(cells=[pair[column] for pair in cells.values()])
        lessons.write(notebook, folder / f"{lesson}.ipynb")
    ours = {"IMAGEGEN_SWEEP": "1", "IMAGEGEN_PACE": "quick", "PYTHONPATH": os.environ["PYTHONPATH"]}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = "-m pytest --nbval-lax --nbval-current-env --nbval-cell-timeout=60 -p no:cacheprovider"
    done = subprocess.run(
        [sys.executable, *command.split(), "--junitxml=report.xml", "healthy.ipynb", "planted.ipynb"],
        cwd=folder,
        env=inherited | ours,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-3000:]
    found = {}
    for case in xml.parse(folder / "report.xml").iter("testcase"):
        lesson = "healthy" if "healthy" in case.get("classname") else "planted"
        name = PAIRS[int(case.get("name").split()[-1])]
        failure = case.find("failure")
        found[lesson, name] = None if failure is None else f"{failure.get('message')}\n{failure.text}"
    assert len(found) == 2 * len(PAIRS)
    return found


@pytest.mark.parametrize("name", PAIRS)
def test_a_healthy_cell_passes(verdicts, name):
    assert verdicts["healthy", name] is None


@pytest.mark.parametrize("name", PAIRS)
def test_a_planted_fault_turns_the_lesson_red(verdicts, name):
    words = pairs(0)[name][2]
    assert words in (verdicts["planted", name] or "it passed")


def test_lessons_run_at_quick_pace_without_a_network():
    first = os.environ["PYTHONPATH"].split(os.pathsep)[0]
    assert Path(first) == Path(__file__).parents[1] / "no_network", "else another sitecustomize is loaded"
    assert os.environ["IMAGEGEN_PACE"] == "quick" and os.environ["IMAGEGEN_SWEEP"] == "1"
    assert Path(os.environ["IMAGEGEN_OUTPUT"]) != runtime.ROOT / "outputs"


# ---- The form of a lesson -------------------------------------------------------------------------------------

SETUP = "import torch\nfrom imagegen_lessons import runtime\nruntime.seed_everything(0)"
PICTURE = '<img alt="Sixteen drawn faces." src="data:image/png;base64,AA==">'


def lesson():
    """A healthy lesson: small, in form, and freshly executed."""
    blank = {"metadata": {"tags": ["exercise"]}}
    cells = [
        text("# A title\n\nA promise. ![A picture of faces](a.jpg) 1 minute on CPU, 10 seconds on GPU."),
        code(SETUP),
        text("First the idea."),
        code("show.show_images(faces, alt='…')", outputs=[output(PICTURE)]),
        text("What to notice."),
        text("## Recap\n\nThis."),
        text("## Exercises\n\nThese."),
        *(cell for k in range(4) for cell in (text(f"**{k}**"), code(f"check({k})", **blank))),
        text("## Where this goes\n\nPapers."),
        text("## Next\n\nMore."),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    for number, cell in enumerate(lessons.code_cells(notebook), start=1):
        cell.execution_count = number
    notebook.metadata["imagegen_lessons"] = {
        "pace": "full",
        "seconds": 100,
        "slowest_cell_seconds": 60,
        "reference_step_ms": calibration.REFERENCE_MS,
        "code_sha256": lessons.code_sha256(notebook),
    }
    return notebook


def test_a_healthy_lesson_passes():
    nbformat.validate(lesson())
    assert checks.style_problems(lesson(), SETUP) == [] and checks.freshness_problems(lesson()) == []
    assert checks.mirrored_problems(lesson()) == []


STYLE_FAULTS = {
    "no title": (lambda n: n.cells[0].update(source=n.cells[0].source[2:]), "title"),
    "no times": (lambda n: n.cells[0].update(source="# Title\n![A face](a.jpg)"), "time"),
    "foreign set-up": (lambda n: n.cells[1].update(source=SETUP + "\nimport os"), "set-up"),
    "long cell": (lambda n: n.cells[3].update(source="x = 1\n" * 26), "26 lines"),
    "text after the end": (lambda n: n.cells.append(text("## More")), "does not end with"),
    "few exercises": (lambda n: n.cells[8].metadata.update(tags=[]), "exercises"),
    "no alt in text": (lambda n: n.cells[2].update(source="![](b.jpg)"), "alt text"),
    "idle alt in output": (
        lambda n: n.cells[3].update(outputs=[output(PICTURE + '<img alt="faces" src="data:,">')]),
        "alt text",
    ),
    "bare picture": (
        lambda n: n.cells[3].update(outputs=[output(**{"image/png": "AA=="})]),
        "without `show`",
    ),
}


@pytest.mark.parametrize("name", STYLE_FAULTS)
def test_a_fault_of_style_is_found(name):
    notebook, (plant, words) = lesson(), STYLE_FAULTS[name]
    plant(notebook)
    problems = checks.style_problems(notebook, SETUP)
    assert any(words in problem for problem in problems), problems


FRESHNESS_FAULTS = {
    "stale": (lambda n: n.cells[3].update(source="1 + 1"), "stale"),
    "never executed": (lambda n: n.metadata.pop("imagegen_lessons"), "never executed"),
    "quick pace": (lambda n: n.metadata["imagegen_lessons"].update(pace="quick"), "quick pace"),
    "slow lesson": (lambda n: n.metadata["imagegen_lessons"].update(seconds=181), "181 s"),
    "slow cell": (lambda n: n.metadata["imagegen_lessons"].update(slowest_cell_seconds=91), "91 s"),
    "error output": (
        lambda n: n.cells[3].update(outputs=[nbformat.v4.new_output("error", ename="E", evalue="v")]),
        "error",
    ),
    "cell left out": (lambda n: n.cells[3].update(execution_count=None), "not executed"),
}


@pytest.mark.parametrize("name", FRESHNESS_FAULTS)
def test_a_fault_of_freshness_is_found(name):
    notebook, (plant, words) = lesson(), FRESHNESS_FAULTS[name]
    plant(notebook)
    problems = checks.freshness_problems(notebook)
    assert len(problems) == 1 and words in problems[0], problems


def test_seconds_are_scaled_by_the_speed_of_the_machine():
    notebook = lesson()
    facts = notebook.metadata["imagegen_lessons"]
    facts.update(seconds=360, slowest_cell_seconds=180, reference_step_ms=2.1 * calibration.REFERENCE_MS)
    assert checks.freshness_problems(notebook) == []
    facts.update(reference_step_ms=1.9 * calibration.REFERENCE_MS)
    assert len(checks.freshness_problems(notebook)) == 1


def mirrored(source: str, name: str = "runtime.generator"):
    return nbformat.v4.new_notebook(cells=[code(f"# The same code is in imagegen_lessons.{name}\n{source}")])


def test_mirrored_code_may_differ_in_words_alone():
    source = inspect.getsource(runtime.generator)
    bare = "def generator(seed):\n    return torch.Generator().manual_seed(seed)  # reproducible"
    for same in (source, bare, "import torch\n\n" + source):
        assert checks.mirrored_problems(mirrored(same)) == []
    other = "def generator(seed):\n    return torch.Generator()"
    gone = "def gone(seed):\n    pass"
    assert "differs" in checks.mirrored_problems(mirrored(other))[0]
    assert "missing" in checks.mirrored_problems(mirrored(gone, "runtime.gone"))[0]
