"""A sandbox for code that nobody has read: a process of its own with limits on what it may use, change and reach.

Three layers, each where the system has it: resource limits (Linux, macOS); the kernel's own refusals, for which no
privileges are needed (Linux: Landlock for files, seccomp for system calls); and Python's audit hook, which refuses the
same with a sentence. `protections` says which of them hold here. The instructors' guide says what that is worth.
"""

import ctypes
import json
import os
import platform
import resource
import signal
import site
import socket
import struct
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

import torch

from imagegen_lessons import runtime

LARGEST_MESSAGE = 8 * 2**20  # bytes; a child process must not fill its parent's memory
# Denied system calls, x86-64 and 64-bit ARM (None: not there). They start processes or threads; signal, trace or slow
# other processes; open sockets; change what Landlock does not guard (modes, owners, times); leave memory behind.
DENIED = {
    "x86_64": "56 57 58 59 322 435 | 62 101 129 141 142 144 200 203 234 251 297 302 310 311 314 424 434 438 440"
    " | 41 42 49 53 | 90 91 92 93 94 132 188 189 190 197 198 199 235 260 261 268 280 452 463 466"
    " | 29 30 64 68 161 165 166 240 241 248 250 256 272 279 298 308 319 321 323 425 426",
    "aarch64": "220 221 281 435 | 117 118 119 122 129 130 131 138 140 30 240 261 270 271 274 424 434 438 440"
    " | 198 199 200 203 | 5 6 7 14 15 16 52 53 54 55 88 452 463 466"
    " | 40 39 51 97 180 186 190 194 196 217 219 238 239 241 268 279 280 282 425 426",
}
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
REFUSED = (
    "socket.", "subprocess.", "shutil.", "os.fork", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.kill",
    "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown",
    "os.chflags", "os.utime", "os.setxattr", "os.removexattr", "ctypes.dlopen",
)  # fmt: skip
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Stopped(BaseException):
    """The child process is gone without an answer; `reason` is one word, the message a sentence.

    No ordinary exception, because the check that waits for the answer would take it for the attempt's own.
    """

    def __init__(self, reason: str, sentence: str):
        super().__init__(sentence)
        self.reason = reason


class Channel:
    """Messages (what JSON can say) over a socket, all of them before one deadline.

    `receive` raises EOFError when the other side is gone, both raise TimeoutError after the deadline.
    """

    def __init__(self, end: socket.socket, deadline: float):
        self.end, self.deadline = end, deadline
        self.layers: list[str] = []  # inside the sandbox: what `lock` says

    def send(self, message) -> None:
        text = json.dumps(message).encode()
        self._hurry()
        self.end.sendall(struct.pack(">Q", len(text)) + text)

    def receive(self):
        (length,) = struct.unpack(">Q", self._take(8))
        if length > LARGEST_MESSAGE:
            raise ValueError("The message is too long.")
        return json.loads(self._take(length))

    def _take(self, length: int) -> bytes:
        data = bytearray()
        while len(data) < length:
            self._hurry()
            piece = self.end.recv(min(length - len(data), 2**20))
            if not piece:
                raise EOFError
            data += piece
        return bytes(data)

    def _hurry(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:  # else a message that drips in byte by byte would never be late
            raise TimeoutError
        self.end.settimeout(left)


class Sandbox:
    """Runs `function(channel)` in a child process with limits; `send` and `receive` talk to it from outside.

    with Sandbox(function, home, seconds=30, megabytes=1024) as sandbox: ... At the end the process is killed. `home`
    is an empty folder. `receive` raises `Stopped` when there is no answer to be had. Needs `os.fork`.
    """

    def __init__(self, function: Callable, home: str, seconds: float = 30, megabytes: int = 1024):
        outside, inside = socket.socketpair()
        self.seconds, self.channel = seconds, Channel(outside, time.monotonic() + seconds)
        self.process = os.fork()
        if self.process == 0:
            _run_child(function, inside, home, seconds, megabytes)
        inside.close()

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        self.channel.end.close()
        if self.process:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)

    def send(self, message) -> None:
        self._talk(self.channel.send, message)

    def receive(self):
        return self._talk(self.channel.receive)

    def _talk(self, speak: Callable, *message):
        try:
            return speak(*message)
        except TimeoutError:
            raise Stopped("time", f"It did not end within {self.seconds:g} seconds.") from None
        except (EOFError, OSError):
            pass
        except (ValueError, RecursionError, MemoryError):
            raise Stopped("answer", "It answered with something that cannot be read.") from None
        os.kill(self.process, signal.SIGKILL)  # it may live on, and only have closed its end
        status, self.process = os.waitpid(self.process, 0)[1], 0
        if not os.WIFSIGNALED(status):
            raise Stopped("exit", "It ended the process instead of returning a result.")
        name = signal.Signals(os.WTERMSIG(status)).name
        raise Stopped("crash", f"It crashed the process, was killed, or cut the channel ({name}).")


def _run_child(function: Callable, end: socket.socket, home: str, seconds: float, megabytes: int) -> None:
    """What the child process does, from its first line to its end."""
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        os.dup2(end.fileno(), 3)  # one channel to the outside, and no other open file
        end.detach()
        os.closerange(4, 65536)
        os.chdir(home)
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        os.environ.clear()
        os.environ.update(kept, HOME=home, TMPDIR=home, IMAGEGEN_PACE="quick", IMAGEGEN_DEVICE="cpu")
        sys.dont_write_bytecode = True
        torch.set_num_threads(1)
        channel = Channel(socket.socket(fileno=3), time.monotonic() + seconds)
        channel.layers = lock(seconds, megabytes)
        function(channel)
    finally:
        os._exit(0)


def lock(seconds: float, megabytes: int) -> list[str]:
    """Locks this process in, for good; names the layers that hold.

    Processor time ends after `seconds`, memory may grow by `megabytes`. No file can be written.
    """
    memory = _memory_used() + megabytes * 2**20
    limits = dict(CPU=int(seconds) + 1, AS=memory, FSIZE=0, NPROC=0, NOFILE=64, CORE=0)
    for name, limit in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (limit, limit))
    layers = ["limits"]
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.syscall.restype = ctypes.c_long
        libc.prctl(38, 1, 0, 0, 0)  # no new privileges, the condition for the other two
        layers += ["Landlock"] * _landlock(libc) + ["seccomp"] * _seccomp(libc)
    sys.addaudithook(_refuse)
    return [*layers, "audit hook"]


def protections() -> list[str]:
    """The layers that hold on this machine."""
    with Sandbox(lambda channel: channel.send(channel.layers), os.getcwd()) as sandbox:
        return sandbox.receive()


def _memory_used() -> int:
    """The address space of this process in bytes; 0 where /proc is missing."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else 2**40


def _readable() -> list[str]:
    """The folders that Python and this course need: no home folder, and nobody else's submission."""
    folders = {sys.prefix, sys.base_prefix, "/usr", "/lib", "/lib64", *sysconfig.get_paths().values()}
    folders |= {*site.getsitepackages(), site.getusersitepackages(), str(Path(torch.__file__).parents[1])}
    folders |= {str(runtime.ROOT / "imagegen_lessons"), str(runtime.checkpoint_dir())}
    return sorted(folder for folder in folders if os.path.isdir(folder))


def _landlock(libc) -> bool:
    """Only `_readable` folders can be read, nothing can be written, no port opened, no other process signalled."""
    version = libc.syscall(444, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    files = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)) - 1
    rules = struct.pack("=QQQ", files, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    rules = rules[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = libc.syscall(444, rules, ctypes.c_size_t(len(rules)), 0)
    for folder in _readable():
        place = os.open(folder, os.O_PATH)
        libc.syscall(445, ruleset, 1, struct.pack("=Qi", 0b1101, place), 0)  # execute, read files and folders
        os.close(place)
    done = libc.syscall(446, ruleset, 0) == 0
    os.close(ruleset)
    return done


def _seccomp(libc) -> bool:
    """The DENIED system calls fail with "Operation not permitted"."""
    machine = platform.machine()
    if machine not in DENIED:
        return False
    numbers = [int(number) for number in DENIED[machine].replace("|", "").split()]
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06
    refuse, kill, allow = 0x00050001, 0x80000000, 0x7FFF0000  # refuse: errno 1, EPERM
    program = [(load, 0, 0, 4), (equal, 1, 0, ARCHITECTURE[machine]), (give, 0, 0, kill), (load, 0, 0, 0)]
    program += [(at_least, 0, 1, 0x40000000), (give, 0, 0, kill)]  # x86's other numbering
    for number in numbers:
        program += [(equal, 0, 1, number), (give, 0, 0, refuse)]
    program += [(give, 0, 0, allow)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    filters = struct.pack("@HP", len(program), ctypes.addressof(code))
    return libc.prctl(22, 2, filters, 0, 0) == 0


def _refuse(event: str, arguments: tuple) -> None:
    """The audit hook: the same refusals for all systems, as far as Python itself is asked."""
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
    if writes or event.startswith(REFUSED):
        raise PermissionError(f"While it is graded, code may not do this: {event}.")
