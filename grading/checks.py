"""The verdict on one attempt: it computes in a sandbox, and the check is made outside, where it cannot reach.

The check calls a proxy, which sends the arguments into the sandbox and brings the result back. What cannot be sent, a
network or a function, must be checked inside; `can_check_outside` says for which exercises that is not needed.
"""

import base64
import builtins
import functools
import linecache
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import numpy
import torch
import torch._dynamo  # optimisers import it when first used, and in the sandbox that would fail

from grading.sandbox import Channel, Sandbox, Stopped
from imagegen_lessons import exercises
from imagegen_lessons.exercises import checker
from imagegen_lessons.exercises.checker import Wrong

FILE = "<notebook>"
MEMORY = ("can't allocate memory", "not enough memory", "Cannot allocate memory")

MEANING = {
    "memory": "It asked for more memory than is allowed.",
    "answer": "It answered with something that is no result.",
}


@dataclass(frozen=True)
class Verdict:
    """What became of an attempt: "right", "wrong", "not attempted", "stopped: …"; and a sentence."""

    verdict: str
    sentence: str = ""


BLANK = Verdict("not attempted", "Not attempted yet.")


class Foreign:
    """Stands for a result that cannot be sent, such as a function; a subclass bears the name of its type."""

    def __repr__(self) -> str:
        return f"a {type(self).__name__}"


def pack(value):
    """A value as JSON can say it: tensors, numbers, text, lists, tuples and dictionaries; `Foreign` for the rest."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, torch.Tensor) and value.layout == torch.strided:
        plain = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        kind = str(value.dtype).removeprefix("torch.")
        return ["tensor", kind, list(value.shape), value.requires_grad, base64.b85encode(plain).decode()]
    if type(value) in (list, tuple):
        return [type(value).__name__, *map(pack, value)]
    if isinstance(value, dict):
        return ["dict", *([pack(key), pack(item)] for key, item in value.items())]
    if isinstance(value, numpy.generic):
        return pack(value.item())
    if isinstance(value, numpy.ndarray):
        return ["numpy"]
    return ["foreign", type(value).__name__]


def unpack(said):
    """The value that `pack` packed. What a child process said may be anything: raises all kinds of errors."""
    if not isinstance(said, list):
        return said
    kind, *parts = said
    if kind == "tensor":
        dtype, shape, gradient, text = parts
        data, dtype = bytearray(base64.b85decode(text)), getattr(torch, dtype)
        plain = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
        return plain.reshape(shape).requires_grad_(bool(gradient))
    if kind == "dict":
        return {unpack(key): unpack(item) for key, item in parts}
    if kind == "numpy":
        return numpy.zeros(0)
    if kind == "foreign":
        return type(str(parts[0])[:60], (Foreign,), {})()
    return {"list": list, "tuple": tuple}[kind](map(unpack, parts))


@functools.cache
def can_check_outside(name: str) -> bool:
    """Can this exercise be checked from outside? It can if its answer passes with all arguments and results packed."""
    known = exercises.REGISTRY[name]

    def sent(*arguments):
        return unpack(pack(known.answer(*unpack(pack(arguments)))))

    try:
        known.test(sent)
    except Exception:
        return False
    return True


def verdict_on(name: str, source: str, home: str, seconds: float, megabytes: int) -> Verdict:
    """The verdict on the attempt at the exercise that `source` defines under its name; home: an empty folder."""
    known, token = exercises.REGISTRY[name], secrets.token_hex()
    inside = not can_check_outside(name)
    try:
        with Sandbox(_attempt, home, seconds, megabytes) as sandbox:
            sandbox.send([name, source, inside, token])
            said = sandbox.receive()
            if said == [token, "ready"] and not inside:
                known.test(_proxy(sandbox))
            elif said != [token, "right"]:
                _raise(said)
    except NotImplementedError:
        return BLANK
    except Wrong as error:
        return Verdict("wrong", str(error))
    except Stopped as error:
        return Verdict(f"stopped: {error.reason}", str(error))
    except Exception as error:  # of the check itself, over a result that is like no other
        return Verdict("stopped: answer", f"The check fails with its result ({type(error).__name__}).")
    return Verdict("right", "Right.")


def _raise(said) -> None:
    """Raises what a child process said instead of a result: [what, sentence, name of the error]."""
    if not (isinstance(said, list) and len(said) == 3 and all(isinstance(part, str) for part in said)):
        raise Stopped("answer", MEANING["answer"])
    what, sentence, name = said
    if what == "blank":
        raise NotImplementedError
    if what != "wrong":
        reason = what if what == "memory" else "answer"
        raise Stopped(reason, MEANING[reason])
    kind = getattr(builtins, name, None)
    if kind in (ValueError, TypeError, KeyError, IndexError, RuntimeError, ZeroDivisionError):
        raise type(name, (Wrong, kind), {})(sentence)  # some exercises ask for an error
    raise Wrong(sentence)


def _proxy(sandbox: Sandbox) -> Callable:
    """A function that lets the attempt in the sandbox do its work."""

    def attempt(*arguments):
        sandbox.send(pack(arguments))
        said = sandbox.receive()
        if not (isinstance(said, list) and len(said) == 2):
            _raise(said)
        try:
            result, after = unpack(said[0]), unpack(said[1])
            for mine, changed in zip(tensors(arguments), tensors(after), strict=True):
                if not torch.equal(mine, changed):
                    with torch.no_grad():
                        mine.copy_(changed)  # the check wants to know whether arguments were changed
        except Exception:
            raise Stopped("answer", MEANING["answer"]) from None
        return result

    return attempt


def tensors(value) -> list[torch.Tensor]:
    """All tensors in lists, tuples and dictionaries, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, tuple | list) else ()
    return [tensor for part in parts for tensor in tensors(part)]


def _attempt(channel: Channel) -> None:
    """In the sandbox: defines the attempt, and then either checks it here or computes what is asked for."""
    name, source, inside, token = channel.receive()
    known = exercises.REGISTRY[name]
    torch.manual_seed(0)
    attempt = _say(channel, _define, name, source)
    if attempt is None:
        return
    if inside:
        if _say(channel, lambda: known.test(attempt) or [token, "right"]):
            channel.send([token, "right"])
        return
    channel.send([token, "ready"])
    while True:
        arguments = unpack(channel.receive())
        result = _say(channel, lambda given: [pack(attempt(*given)), pack(given)], arguments)
        if result is not None:
            channel.send(result)


def _say(channel: Channel, function: Callable, *arguments):
    """The function's result; an error is sent as a sentence instead, and None returned."""
    try:
        return checker.guarded(function, *arguments)
    except NotImplementedError:
        channel.send(["blank", "", ""])
    except Wrong as error:
        cause = error.__context__
        memory = isinstance(cause, MemoryError) or any(words in str(cause) for words in MEMORY)
        # A line that raises PermissionError is the sandbox's, not the student's.
        sentence = re.sub(r" at `raise PermissionError.*?`(?=: )", "", str(error))
        channel.send(["memory" if memory else "wrong", sentence[:2000], type(cause).__name__])
    except BaseException as error:
        channel.send(["wrong", f"Your code stops with {type(error).__name__}.", ""])


def _define(name: str, source: str) -> Callable:
    linecache.cache[FILE] = (len(source), None, source.splitlines(keepends=True), FILE)
    names = {"__name__": "__main__"}
    exec(compile(source, FILE, "exec"), names)
    return names[name]
