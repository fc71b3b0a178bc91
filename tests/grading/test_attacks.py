"""Submissions that want to be right without work, to harm, to spy, or to keep the grader from its other work.

A notebook of *probes* tries one thing after the other and gives the right result if all is refused, else the names of
what was possible. A *forger* gives a wrong result and wants to pass: it must not be right. All are graded in one
class, and another student's work lies before, between and after them.
"""

import json
import socket
import sys
import textwrap

import pytest

from grading import isolation, wire
from tests.grading.classroom import body, cells, graded

pytestmark = [
    pytest.mark.timeout(1200),  # a class of three dozen, on a machine that may be busy
    pytest.mark.skipif(
        not sys.platform.startswith("linux") or bool(isolation.failure("bubblewrap")),
        reason="these attacks are refused by bubblewrap, which is not here (Debian, Ubuntu: apt install bubblewrap)",
    ),
]
# All open files but standard ones: one of them leads to the judge.
SAY = """
import json, os, struct
def send(length, text):
    for file in range(3, 64):
        try: os.write(file, struct.pack(">Q", length) + text)
        except OSError: pass
def say(message):
    text = json.dumps(message).encode()
    send(len(text), text)
"""
FAKE = "2.8"  # not what the check expects in every case

PROBES = {}
PROBES["files"] = {  # VICTIM, FOLDER and TABLE are the class's, ROOT the course's
    "reads_a_submission": "refused(lambda: open(VICTIM).read())",
    "reads_past_python": "assert c.open(VICTIM.encode(), 0) == -1",
    "lists_the_class": "refused(lambda: os.listdir(FOLDER))",
    "writes_the_table": "refused(lambda: open(TABLE, 'a'))\nassert c.open(TABLE.encode(), 1) == -1",
    "deletes": "refused(lambda: os.unlink(VICTIM))\nassert c.unlink(VICTIM.encode()) == -1",
    "renames": "assert c.rename(VICTIM.encode(), b'/tmp/x') == c.symlink(VICTIM.encode(), b'/tmp/x') == -1",
    "poisons_the_course": "assert c.open(f'{ROOT}/imagegen_lessons/runtime.py'.encode(), 1) == -1",
    "poisons_the_grader": "assert c.open(f'{ROOT}/grading/judge.py'.encode(), 1) == -1",
    "poisons_python": "assert c.open(f'{sys.prefix}/sitecustomize.py'.encode(), 0o101, 0o600) == -1",
    "leaves_a_file": "assert {c.open(p + b'/x', 0o101, 0o600) for p in (b'/tmp', b'/dev/shm', b'/dev', b'')} == {-1}",
    "leaves_folders": "assert {c.mkdir(p + b'/x', 0o700) for p in (b'/tmp', b'/dev/shm', b'/dev', b'')} == {-1}",
    "fills_memory_files": "f = c.memfd_create(b'x', 0)\nassert f < 0 or c.ftruncate(f, ctypes.c_long(1)) == -1",
    "maps_a_file": "refused(lambda: torch.from_file(VICTIM, shared=True, size=8))",
    "other_notebooks": "refused(lambda: os.listdir(f'{ROOT}/notebooks'))\nrefused(lambda: os.listdir(f'{ROOT}/tests'))",
    "home": "refused(lambda: os.listdir(os.path.expanduser('~root')) if HOME_IS_FREE else open(VICTIM))",
}
PROBES["processes"] = {
    "environment": "assert 'SECRET' not in os.environ\nassert not any(b'SECRET' in e for e in environments())",
    "sees_others": "assert {int(p) for p in os.listdir('/proc') if p.isdigit()} <= set(range(1, 9))",
    "kills_its_parent": "refused(lambda: os.kill(os.getppid(), 9))\nassert c.kill(os.getppid(), 9) == -1",
    "kills_all": "assert c.kill(-1, 9) == -1",
    "traces": "assert c.ptrace(16, os.getppid(), 0, 0) == -1",
    "limits_of_others": "assert c.prlimit(1, 0, 0, 0) == -1",
    "raises_its_limits": "import resource\nrefused(lambda: resource.setrlimit(resource.RLIMIT_CPU, (-1, -1)))",
    "forks": "refused(os.fork)\nassert c.fork() == -1",
    "starts_a_shell": "import subprocess\nrefused(lambda: subprocess.run('ls'))\nrefused(lambda: os.system('ls'))",
    "starts_threads": "import threading\nrefused(threading.Thread(target=print).start)",
    "reads_memory_of_others": "refused(lambda: open(f'/proc/{os.getppid()}/mem', 'rb').read(1))",
}
PROBES["network"] = {
    "calls_a_server": "assert connects() == -1",
    "abstract_socket": "assert abstract() == -1",
}
PROBES["machine"] = {
    "is_somebody": "assert os.getuid() != 0 and c.setuid(0) == -1 and c.setresuid(0, 0, 0) == -1",
    "mounts": "assert c.mount(b'none', b'/tmp', b'tmpfs', 0, 0) == c.umount2(b'/', 2) == -1",
    "unshares": "assert c.unshare(0x20000000) == -1 or c.mount(b'none', b'/tmp', b'tmpfs', 0, 0) == -1",
    "changes_root": "assert c.chroot(b'/tmp') == -1",
    "reboots": "assert c.reboot(0x1234567) == c.sethostname(b'x', 1) == c.swapoff(b'/x') == -1",
    "shared_memory": "assert {c.shmctl(i, 0, 0) for i in range(64)} == {-1}",
    "devices": "assert not [d for d in os.listdir('/dev') if d.startswith(('sd', 'vd', 'nvme', 'mem', 'kvm', 'fuse'))]",
    "types_into_the_terminal": "import fcntl\nrefused(lambda: fcntl.ioctl(open('/dev/tty'), 0x5412, b'x'))",
}
FORGERS = {
    "says_right": (SAY + "say(['right', ''])", FAKE),
    "says_ready": (SAY + "say(['defined'])\nsay(['right', ''])", FAKE),
    "finds_the_channel": (
        """
        import sys
        frame = sys._getframe()
        while frame:
            for value in list(frame.f_locals.values()):
                if type(value).__name__ == "Channel":
                    value.send(["right", ""])
                if "task" in frame.f_locals:
                    frame.f_locals["task"]["inside"] = True
            frame = frame.f_back
        """,
        FAKE,
    ),
    "by_a_generator": (
        """
        def walk():
            frame = me.gi_frame
            while frame:
                yield frame
                frame = frame.f_back
        me = walk()
        for frame in me:
            frame.f_locals.get("channel") and frame.f_locals["channel"].send(["right", ""])
        """,
        FAKE,
    ),
    "patches_the_checker": (
        """
        from imagegen_lessons.exercises import checker, outcomes, sgd_step as known
        checker.where_they_differ = outcomes.where_they_differ = lambda *a, **k: None
        checker.Exercise.test = lambda *a: None
        known.cases = ()
        torch.equal = torch.allclose = lambda *a, **k: True
        """,
        FAKE,
    ),
    "patches_the_wire": ("import grading.wire\ngrading.wire.pack = lambda value: 2.8", FAKE),
    "crashing_type": (SAY + "say([['tensor', 'qint8', [1], False, '00'], [3, 2, 0.1]])", FAKE),
    "unknown_type": (SAY + "say([['tensor', 'load', [1], False, '00'], [3, 2, 0.1]])", FAKE),
    "endless_shape": (SAY + "say([['tensor', 'float32', [2**50], False, ''], [3, 2, 0.1]])", FAKE),
    "nested": (SAY + "x = []\nfor _ in range(900): x = [x]\nsay(x)", FAKE),
    "long_number": (SAY + "send(9000, b'9' * 9000)", FAKE),
    "huge_message": (SAY + "send(2**62, b'')", FAKE),
    "lying_number": ("class Lie(float):\n    __eq__ = __le__ = __ge__ = lambda *a: True\n    __sub__ = lambda *a: 0.0",
                     "Lie(1)"),
    "lying_object": ("class Lie:\n    __eq__ = lambda *a: True\n    __float__ = lambda self: 2.8", "Lie()"),
    "lying_tensor": ("class Lie(torch.Tensor):\n    def __torch_function__(*a, **k): return True",
                     "torch.ones(()).as_subclass(Lie)"),
    "raises_wrong": ("from imagegen_lessons.exercises.checker import Wrong\nraise Wrong('right')", FAKE),
    "changes_its_arguments": ("if isinstance(w, torch.Tensor): w.copy_(w - lr * gradient)", "w"),
    "lying_class": ("class Lie:\n    __class__ = float\n    __float__ = lambda self: 2.8", "Lie()"),
    "knows_the_exercise": (
        """
        from imagegen_lessons.exercises import REGISTRY
        known = REGISTRY["sgd_step"]
        known.cases, known.rtol, known.verify = ((w, gradient, lr),), 1e9, lambda attempt: "good"
        """,
        FAKE,
    ),
    "searches_memory": (
        """
        import gc
        for thing in gc.get_objects():
            try:
                if type(thing).__name__ == "Channel": thing.send(["right", ""])
                if type(thing) is dict and "inside" in thing: thing["inside"] = True
            except Exception: pass
        """,
        FAKE,
    ),
    "a_mode_of_torch": (
        """
        class Mode(torch.overrides.TorchFunctionMode):
            def __torch_function__(self, *a, **k): return torch.ones(())
        Mode().__enter__()
        """,
        FAKE,
    ),
    "names_a_formula": (SAY + "say([['foreign', '=1\\u202e;=2'], ['tuple', 3, 2, 0.1]])", FAKE),
    "stays_blank": ("raise NotImplementedError", FAKE),
}  # fmt: skip
# What stops itself, or must be stopped: the verdict.
STOPPED = {
    "aborts": ("import os; os.abort()", "crash"),
    "crashes": ("import ctypes; ctypes.string_at(0)", "crash"),
    "overflows_the_stack": ("import sys; sys.setrecursionlimit(10**9)\ndef f(): return f()\nf()", "crash time memory"),
    "raises_a_signal": ("import signal; signal.raise_signal(9)", "crash"),
    "spins": ("while True: pass", "time"),
    "ignores_signals": (
        "import signal\nfor s in set(signal.Signals) - {9, 19}: signal.signal(s, signal.SIG_IGN)\nwhile True: pass",
        "time",
    ),
    "sleeps": ("import time\nwhile True:\n    try: time.sleep(99)\n    except BaseException: pass", "time"),
    "stops_itself": ("import signal; signal.raise_signal(signal.SIGSTOP)\nimport time; time.sleep(99)", "time"),
    "floods": (SAY + "while True: say(0)", "answer"),
    "eats_memory": ("x = []\nwhile True: x.append(torch.ones(10**6))", "memory"),
    "answers_too_much": ("return torch.zeros(10**8)", "memory answer"),
    "ends_like_no_signal": ("import os; os._exit(200)", "exit"),
    "keys_of_one_hash": (
        SAY + "say([['dict', *([i * (2**61 - 1), 0] for i in range(99999))], ['tuple', 3, 2, 0.1]])",
        "time answer",
    ),
    "endless_list": ("class E(list):\n    def __iter__(self):\n        while True: yield 1\nreturn E([1])", "time"),
    "spins_in_c": ("max(iter(int, 1))", "time"),
}  # fmt: skip
HELP = """
import ctypes, os, sys
c = ctypes.pythonapi
VICTIM, FOLDER, TABLE, ROOT, HOME_IS_FREE, PORT, NAME = {}
def refused(action):
    try:
        action()
    except (OSError, RuntimeError, ValueError):
        return
    raise AssertionError("it was possible")
def environments():
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            yield open(f"/proc/{{process}}/environ", "rb").read()
        except OSError:
            pass
def connects():
    address = (2).to_bytes(2, "little") + PORT.to_bytes(2, "big") + bytes([127, 0, 0, 1]) + bytes(8)
    return c.connect(c.socket(2, 1, 0), address, 16)
def abstract():
    address = (1).to_bytes(2, "little") + b"\\0" + NAME.encode()
    return c.connect(c.socket(1, 1, 0), address, len(address))
"""


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """The class of the attackers, graded by one command; with a server that they must not reach."""
    folder = tmp_path_factory.mktemp("attackers")
    victim = folder / "a_victim.ipynb"
    name = f"imagegen-{id(folder)}"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0{name}")
        abstract.listen()
        places = [str(victim), str(folder), str(folder / "results.csv"), str(isolation.runtime.ROOT)]
        home_is_free = not any("/root/" in path for path in isolation.readable())
        help = HELP.format([*places, home_is_free, server.getsockname()[1], name])
        for student in ("a_victim", "n_victim", "z_victim"):
            write(folder, student, body(""))
        for topic, probes in PROBES.items():
            write(folder, f"probes_{topic}", help, notebook_of(probes))
        for name, (text, result) in FORGERS.items():
            write(folder, f"forger_{name}", body(text, result))
        for name, (text, _) in STOPPED.items():
            write(folder, f"stopped_{name}", body(text))
        before = {path: path.read_bytes() for path in folder.glob("*.ipynb")}
        rows = graded(folder, "--seconds", "8")
        for listener in (server, abstract):
            listener.settimeout(0)
            with pytest.raises(BlockingIOError):  # nobody has called
                listener.accept()
    assert {path: path.read_bytes() for path in folder.glob("*.ipynb")} == before
    assert {path.name for path in folder.iterdir()} == {path.name for path in before} | {"results.csv"}
    return {row["student"]: row for row in rows.values() if row["exercise"] == "sgd_step"}


def notebook_of(probes: dict[str, str]) -> str:
    """An attempt that tries all of them."""
    tries = [f"def probe_{name}():\n{textwrap.indent(text, '    ')}" for name, text in probes.items()]
    listed = ", ".join(f"probe_{name}" for name in probes)
    all_of_them = f"""
        possible = []
        for probe in [{listed}]:
            try:
                probe()
            except BaseException as error:
                possible.append(f"{{probe.__name__}}: {{type(error).__name__}} {{error}}")
        if possible:
            return " ".join(possible)
    """
    return "\n".join([*tries, body(all_of_them)])


def write(folder, name: str, *sources: str) -> None:
    notebook = cells(*(textwrap.dedent(source).strip() for source in sources))
    (folder / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


@pytest.mark.parametrize("topic", PROBES)
def test_what_probes_try_is_refused(table, topic):
    row = table[f"probes_{topic}"]
    assert row["verdict"] == "right", str(row)
    assert {"ctypes", "os"} <= set(row["look at by hand"].split())


@pytest.mark.parametrize("name", FORGERS)
def test_a_forger_is_never_right(table, name):
    row = table[f"forger_{name}"]
    assert row["verdict"] in ("wrong", "not attempted", "stopped: answer"), str(row)


@pytest.mark.parametrize("name", STOPPED)
def test_what_does_not_end_well_is_stopped_alone(table, name):
    row = table[f"stopped_{name}"]
    assert row["verdict"] in {f"stopped: {reason}" for reason in STOPPED[name][1].split()}, str(row)


@pytest.mark.parametrize("name", ["a_victim", "n_victim", "z_victim"])
def test_the_others_get_their_verdicts(table, name):
    assert table[name]["verdict"] == "right" and table[name]["look at by hand"] == ""


def test_whoever_reaches_for_the_machinery_is_named(table):
    unsuspicious = {
        "a_mode_of_torch",
        "lying_class",
        "lying_number",
        "lying_object",
        "lying_tensor",
        "changes_its_arguments",
        "stays_blank",
    }
    for name in FORGERS.keys() - unsuspicious:
        assert table[f"forger_{name}"]["look at by hand"], name


def test_the_types_that_cross_are_ordinary_ones():
    assert not any("q" in name or "float8" in name or "complex" in name for name in wire.DTYPES)
