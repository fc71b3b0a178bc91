"""Inside the sandbox, `python -m grading.attempt`: defines an attempt, and then computes what the judge asks for.

The judge sits at the other end of standard input, which is a socket. Whatever this process says may be forged by the
student's code: the judge takes results from it, and verdicts only for the few exercises that cannot be judged outside.
"""

import importlib
import linecache
import os
import socket
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext

import torch

from grading.isolation import USERS
from grading.limits import limit, out_of_memory
from grading.wire import Channel, pack, tensors, unpack
from imagegen_lessons import exercises
from imagegen_lessons.exercises import checker, outcomes
from imagegen_lessons.exercises.checker import Wrong

FILE = "<notebook>"
outcomes.OTHERS.append(os.path.dirname(__file__))  # a sentence names no line of the sandbox
REFUSED = (
    "socket.", "subprocess.", "shutil.", "os.fork", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.kill",
    "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown",
    "os.chflags", "os.utime", "os.setxattr", "os.removexattr", "ctypes.dlopen",
)  # fmt: skip
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Responder:
    """Answers the judge's questions to an attempt; `by_hand` refuses autograd inside it."""

    def __init__(self, attempt: Callable, by_hand: bool = False):
        self.attempt, self.by_hand = attempt, by_hand
        self.calls = []  # of each: the tensors in its result and its arguments that carry gradients

    def __call__(self, question: list) -> list:
        """["call", arguments] → [result, arguments afterwards]; ["gradients", call, weights] → gradients."""
        what, *parts = question
        if what == "call":
            return self.call(unpack(parts[0]))
        number, weights = parts
        results, arguments = self.calls[number]
        return pack(
            torch.autograd.grad(results, arguments, unpack(weights), allow_unused=True, retain_graph=True)
        )

    def call(self, arguments: tuple) -> list:
        with outcomes.without_autograd() if self.by_hand else nullcontext():
            result = self.attempt(*arguments)
        self.calls.append([[t for t in tensors(value) if t.requires_grad] for value in (result, arguments)])
        return [pack(result), pack(arguments)]


def main() -> None:
    end = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    channel = Channel(end, time.monotonic() + 30)
    task = channel.receive()
    channel.deadline = time.monotonic() + task["seconds"]
    if task["inside"]:
        # Optimisers import it when first used: a second, and memory, that is not the student's.
        importlib.import_module("torch._dynamo")
    lock(task["seconds"], task["megabytes"])
    channel.send(["ready"])
    torch.set_num_threads(1)
    torch.manual_seed(0)
    known = exercises.REGISTRY[task["name"]]
    attempt = _say(channel, _define, task["name"], task["source"])
    if attempt is None:
        return
    if task["inside"]:
        remark = _say(channel, lambda: [known.test(attempt) or ""])
        if remark:
            channel.send(["right", *remark])
        return
    channel.send(["defined"])
    responder = Responder(attempt, known.by_hand)
    while True:
        answer = _say(channel, responder, channel.receive())
        if answer is not None:
            channel.send(answer)


def lock(seconds: float, megabytes: int) -> None:
    """Limits for this process, for good: processor time, memory, no file to write, no other process or thread.

    Root becomes another user first: for root the last limit does not hold.
    """
    if os.getuid() == 0:
        user = USERS[os.getpid() % len(USERS)]
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    limit(megabytes, CPU=int(time.process_time() + seconds) + 1, FSIZE=0, NOFILE=64, CORE=0, NPROC=0)
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple) -> None:
    """The audit hook: where Python is asked, what the sandbox refuses is refused with a sentence."""
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
    if writes or event.startswith(REFUSED):
        raise PermissionError(f"While it is graded, code may not do this: {event}.")


def _say(channel: Channel, function: Callable, *arguments):
    """The function's result; an error is sent as a sentence instead, and None returned."""
    try:
        return checker.guarded(function, *arguments)
    except NotImplementedError:
        channel.send(["blank", "", ""])
    except Wrong as error:
        cause = error.__context__
        what = "memory" if out_of_memory(cause) else "wrong"
        channel.send([what, str(error)[:2000], type(cause).__name__])
    except BaseException as error:
        channel.send(["wrong", f"Your code stops with {type(error).__name__}.", ""])


def _define(name: str, source: str) -> Callable:
    linecache.cache[FILE] = (len(source), None, source.splitlines(keepends=True), FILE)
    names = {"__name__": "__main__"}
    exec(compile(source, FILE, "exec"), names)
    return names[name]


if __name__ == "__main__":
    try:
        main()
    finally:
        os._exit(0)
