"""The gates themselves: each planted fault turns its gate red, and the healthy twin of it passes.

(That floors are kept is tested in test_floors, and that wrong answers fail in test_exercises.)
"""

import asyncio
import contextlib
import hashlib
import http.server
import inspect
import os
import socket
import subprocess
import sys
import threading
import urllib.request
import xml.etree.ElementTree as xml
from pathlib import Path

import nbformat
import pytest
import sitecustomize

from imagegen_lessons import runtime
from tests.lessons import checks, test_lessons
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
OPEN_SOCKET = "import socket\nsocket.create_connection(({host}, {port}), timeout=5).close()"
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
    """name -> a healthy cell, its twin with a fault, and the words with which the gate must name the fault."""
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
        "socket": (
            code(OPEN_SOCKET.format(host="'127.0.0.1'", port=port)),
            code(OPEN_SOCKET.format(host="'192.0.2.1'", port=80)),
            "NetworkBlocked",
        ),
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


def test_lessons_run_in_the_environment_that_the_gates_need():
    first = os.environ["PYTHONPATH"].split(os.pathsep)[0]
    assert Path(first) == Path(__file__).parent / "guard", "the guard stands first, or another may be loaded"
    assert os.environ["IMAGEGEN_PACE"] == "quick" and os.environ["IMAGEGEN_SWEEP"] == "1"
    assert Path(os.environ["IMAGEGEN_OUTPUT"]) != runtime.ROOT / "outputs"


def test_every_new_process_is_guarded():
    program = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "NetworkBlocked" in done.stderr


# ---- The network guard ----------------------------------------------------------------------------------------


def connect(method: str, address, family=socket.AF_INET, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as s:
        s.settimeout(5)
        getattr(s, method)(address)


def send(*arguments, family=socket.AF_INET):
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.sendto(b"hello", *arguments)


async def open_asynchronously(host, port):
    reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 5)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    answer = await reader.predict()
    writer.close()
    return answer


OUTSIDE = {
    "connect": lambda: connect("connect", ("192.0.2.1", 80)),
    "connect to a name": lambda: connect("connect", ("example.com", 80)),
    "connect to bytes": lambda: connect("connect", (b"192.0.2.1", 80)),
    "connect_ex": lambda: connect("connect_ex", ("192.0.2.1", 80)),
    "connect, IPv6": lambda: connect("connect", ("2001:db8::1", 80), socket.AF_INET6),
    "connect, UDP": lambda: connect("connect", ("192.0.2.1", 53), kind=socket.SOCK_DGRAM),
    "a name that looks like loopback": lambda: connect("connect", ("127.example.com", 80)),
    "create_connection": lambda: socket.create_connection(("example.com", 80), timeout=5),
    "create_connection to a number": lambda: socket.create_connection(("192.0.2.1", 80), timeout=5),
    "getaddrinfo": lambda: socket.getaddrinfo("example.com", 80),
    "getaddrinfo, bytes": lambda: socket.getaddrinfo(b"example.com", 80),
    "gethostbyname": lambda: socket.gethostbyname("example.com"),
    "gethostbyname_ex": lambda: socket.gethostbyname_ex("example.com"),
    "gethostbyaddr": lambda: socket.gethostbyaddr("192.0.2.1"),
    "sendto": lambda: send(("192.0.2.1", 53)),
    "sendto with flags": lambda: send(0, ("192.0.2.1", 53)),
    "asyncio": lambda: asyncio.run(open_asynchronously("192.0.2.1", 80)),
    "asyncio to a name": lambda: asyncio.run(open_asynchronously("example.com", 80)),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_the_outside_is_blocked_at_once(name):
    with pytest.raises(sitecustomize.NetworkBlocked, match="The tests block the network"):
        OUTSIDE[name]()


@pytest.mark.parametrize("address", ["http://example.com/", "https://192.0.2.1/", "ftp://example.com/a"])
def test_urllib_is_blocked(monkeypatch, address):
    for proxy in ("http_proxy", "https_proxy", "ftp_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(proxy, raising=False)
    with pytest.raises(OSError, match="The tests block the network"):
        urllib.request.urlopen(address, timeout=5)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_stays_open(server, host):
    with urllib.request.urlopen(f"http://{host}:{server}/", timeout=5) as answer:
        assert answer.read() == b"hello"
    assert asyncio.run(open_asynchronously(host, server)).endswith(b"hello")
    connect("connect", (host, server))
    with socket.socket() as s:
        assert s.connect_ex((host, server)) == 0


def test_datagrams_to_this_machine_stay_open():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        send(receiver.getsockname())
        assert receiver.recvfrom(10)[0] == b"hello"


def test_asyncio_and_other_sockets_still_work():
    async def work():
        return await asyncio.gather(asyncio.sleep(0.01, "a"), asyncio.to_thread(lambda: "b"))

    assert asyncio.run(work()) == ["a", "b"]
    one, other = socket.socketpair()
    with one, other:
        one.sendall(b"hello")
        assert other.recv(10) == b"hello"
    with contextlib.suppress(AttributeError), socket.socket(socket.AF_UNIX) as s:  # Windows has none
        with pytest.raises(OSError) as caught:
            s.connect("no such socket")
        assert not isinstance(caught.value, sitecustomize.NetworkBlocked)


def test_installing_the_guard_twice_does_no_harm():
    before = socket.socket.connect, socket.getaddrinfo
    sitecustomize.install()
    assert (socket.socket.connect, socket.getaddrinfo) == before


# ---- The form of a lesson -------------------------------------------------------------------------------------

SETUP = "import torch\nfrom imagegen_lessons import runtime, show\nruntime.seed_everything(0)"
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
        "code_sha256": lessons.code_sha256(notebook),
    }
    return notebook


def remove(notebook, beginning: str):
    (found,) = [cell for cell in notebook.cells if cell.source.startswith(beginning)]
    notebook.cells.remove(found)


def test_a_healthy_lesson_passes():
    nbformat.validate(lesson())
    assert checks.style_problems(lesson(), SETUP) == [] and checks.freshness_problems(lesson()) == []
    assert checks.twin_problems(lesson()) == []


STYLE_FAULTS = {
    "no title": (lambda n: n.cells[0].update(source=n.cells[0].source[2:]), "markdown cell with the title"),
    "code first": (lambda n: n.cells.insert(0, code("1")), "markdown cell with the title"),
    "no picture": (
        lambda n: n.cells[0].update(source="# Title\nCPU, GPU"),
        "lacks the picture, or the time",
    ),
    "no times": (lambda n: n.cells[0].update(source="# Title\n![A face](a.jpg)"), "the time on CPU"),
    "foreign set-up": (lambda n: n.cells[1].update(source=SETUP + "\nimport os"), "not the set-up cell"),
    "long cell": (lambda n: n.cells[3].update(source="x = 1\n" * 26), "A cell has 26 lines: 'x = 1"),
    "too little text": (
        lambda n: n.cells.extend([code("1"), code("2"), code("3"), code("4")]),
        "explains too little: 11 text cells for 10 code",
    ),
    "no recap": (lambda n: remove(n, "## Recap"), "does not end with Recap, Exercises"),
    "headings out of order": (lambda n: n.cells.append(n.cells.pop(5)), "does not end with Recap, Exercises"),
    "text after the end": (lambda n: n.cells.append(text("## More")), "does not end with"),
    "few exercises": (lambda n: n.cells[8].metadata.update(tags=[]), "fewer than four exercises"),
    "no alt in text": (lambda n: n.cells[2].update(source="![](b.jpg)"), "picture in the text has no alt"),
    "blank alt in text": (lambda n: n.cells[2].update(source="![ ](b.jpg)"), "in the text has no alt"),
    "no alt in HTML in text": (
        lambda n: n.cells[2].update(source='<img src="b.jpg" width="9">'),
        "in the text has no alt",
    ),
    "no alt in output": (
        lambda n: n.cells[3].update(outputs=[output('<img src="data:,">')]),
        'A picture has no alt text: "show.show_images',
    ),
    "empty alt in output": (
        lambda n: n.cells[3].update(outputs=[output('<img alt="" src="data:,">')]),
        "A picture has no alt text",
    ),
    "idle alt in output": (
        lambda n: n.cells[3].update(outputs=[output(PICTURE + '<img alt="faces" src="data:,">')]),
        "A picture has no alt text",
    ),
    "bare picture": (
        lambda n: n.cells[3].update(outputs=[output(**{"image/png": "AA=="})]),
        "A picture was shown without `show`",
    ),
}


@pytest.mark.parametrize("name", STYLE_FAULTS)
def test_a_fault_of_style_is_found(name):
    notebook, (plant, words) = lesson(), STYLE_FAULTS[name]
    plant(notebook)
    problems = checks.style_problems(notebook, SETUP)
    assert any(words in problem for problem in problems), problems


def test_a_long_set_up_cell_is_found():
    notebook, setup = lesson(), "\n".join(f"import m{k}" for k in range(13))
    notebook.cells[1].source = setup
    assert checks.style_problems(notebook, setup) == ["Its set-up cell is longer than 12 lines."]


def test_a_twin_may_be_long():
    notebook = lesson()
    notebook.cells[3].source = "# The same code is in imagegen_lessons.gans.Generator\n" + "x = 1\n" * 30
    assert checks.style_problems(notebook, SETUP) == []


FRESHNESS_FAULTS = {
    "stale": (lambda n: n.cells[3].update(source="1 + 1"), "stale: run `make course`"),
    "a cell more": (lambda n: n.cells.append(code("1", execution_count=9)), "stale"),
    "never executed": (lambda n: n.metadata.pop("imagegen_lessons"), "never executed"),
    "quick pace": (lambda n: n.metadata["imagegen_lessons"].update(pace="quick"), "made at quick pace"),
    "slow lesson": (lambda n: n.metadata["imagegen_lessons"].update(seconds=181), "It takes 181 s"),
    "slow cell": (
        lambda n: n.metadata["imagegen_lessons"].update(slowest_cell_seconds=91),
        "its slowest cell 91 s",
    ),
    "error output": (
        lambda n: n.cells[3].update(outputs=[nbformat.v4.new_output("error", ename="E", evalue="v")]),
        "stored output is an error",
    ),
    "cell left out": (lambda n: n.cells[3].update(execution_count=None), "cell was not executed"),
}


@pytest.mark.parametrize("name", FRESHNESS_FAULTS)
def test_a_fault_of_freshness_is_found(name):
    notebook, (plant, words) = lesson(), FRESHNESS_FAULTS[name]
    plant(notebook)
    problems = checks.freshness_problems(notebook)
    assert len(problems) == 1 and words in problems[0], problems


def test_new_words_leave_the_outputs_fresh():
    notebook = lesson()
    notebook.cells[2].source = "The idea, said better."
    assert checks.freshness_problems(notebook) == []


def test_a_lesson_that_is_too_large_is_found(tmp_path):
    path = tmp_path / "00_large.ipynb"
    path.write_bytes(b" " * 600_000)
    test_lessons.test_size(path)
    path.write_bytes(b" " * 600_001)
    with pytest.raises(AssertionError):
        test_lessons.test_size(path)


# ---- Twins, and the sizes of modules --------------------------------------------------------------------------


def twin(source: str, name: str = "runtime.generator"):
    return nbformat.v4.new_notebook(cells=[code(f"# The same code is in imagegen_lessons.{name}\n{source}")])


def test_a_twin_may_differ_in_words_alone():
    source = inspect.getsource(runtime.generator)
    bare = "def generator(seed):\n    return torch.Generator().manual_seed(seed)  # reproducible"
    for twins in (source, bare, "import torch\n\n" + source):
        assert checks.twin_problems(twin(twins)) == []


@pytest.mark.parametrize(
    ("source", "name", "words"),
    [
        ("def generator(seed):\n    return torch.Generator()", "runtime.generator", "differs between"),
        ("def generator(s):\n    return torch.Generator().manual_seed(s)", "runtime.generator", "differs"),
        ("def other(seed):\n    pass", "runtime.generator", "is missing on one side"),
        ("def gone(seed):\n    pass", "runtime.gone", "is missing on one side"),
    ],
)
def test_a_twin_that_differs_is_found(source, name, words):
    (problem,) = checks.twin_problems(twin(source, name))
    assert words in problem and name in problem


def test_a_module_that_has_outgrown_its_reader_is_found(tmp_path):
    (tmp_path / "fits.py").write_text('"""Doc."""\n# a comment\n\n' + "x = 1\n" * 190)
    assert checks.size_problems(tmp_path) == []
    (tmp_path / "large.py").write_text("x = 1\n" * 201)
    assert checks.size_problems(tmp_path) == ["large.py has 201 lines of code."]
    for k in range(20):
        (tmp_path / f"m{k}.py").write_text("x = 1\n" * 190)
    assert checks.size_problems(tmp_path)[-1] == "The package has 4191 lines of code."
    (tmp_path / "exercises").mkdir()
    for name in ("m13.py", "m14.py"):
        (tmp_path / name).rename(tmp_path / "exercises" / name)
    assert len(checks.size_problems(tmp_path)) == 1  # answers do not count for the whole


def test_the_hash_is_over_code_cells_alone():
    notebook = nbformat.v4.new_notebook(cells=[code("a"), text("b"), code("c")])
    assert lessons.code_sha256(notebook) == hashlib.sha256(b"a\0c").hexdigest()
