"""The verdict on one attempt. The attempt computes in a sandbox; the check is made here, where it cannot reach.

The check calls a proxy, which sends the arguments into the sandbox and brings results and gradients back.
What cannot be sent, a network or a function, must be checked inside; `can_check_outside` says which exercises need not.
"""

import builtins
import functools
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch._dynamo  # optimisers import it when first used

from grading import isolation
from grading.attempt import Responder
from grading.limits import START, Stopped
from grading.wire import Channel, pack, tensors, unpack
from imagegen_lessons import exercises, runtime
from imagegen_lessons.exercises.checker import Wrong

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


class Sandbox:
    """The process of one attempt: with Sandbox(seconds) as sandbox: … At the end it is killed."""

    def __init__(self, seconds: float):
        outside, inside = socket.socketpair()
        self.seconds, self.channel = seconds, Channel(outside, time.monotonic() + START + seconds)
        self.process = subprocess.Popen(
            [*isolation.command(), sys.executable, "-m", "grading.attempt"],
            cwd=runtime.ROOT,
            env=isolation.ENVIRONMENT,
            stdin=inside,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        inside.close()

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        self.channel.end.close()
        self.process.kill()
        self.process.wait()

    def begun(self) -> None:
        """Its time runs from here."""
        self.channel.deadline = time.monotonic() + self.seconds

    def ask(self, question):
        """What it answers. Raises `Stopped` where that is nothing, and what `_raise` raises."""
        self.tell(question)
        return self.hear()

    def tell(self, message) -> None:
        self._talk(self.channel.send, message)

    def hear(self):
        said = self._talk(self.channel.receive)
        if isinstance(said, list) and len(said) == 3 and all(isinstance(part, str) for part in said):
            _raise(*said)
        return said

    def expect(self, word: str) -> list[str]:
        """Waits for this message; what comes with it."""
        said = self.hear()
        if not (
            isinstance(said, list) and said[:1] == [word] and all(isinstance(part, str) for part in said)
        ):
            raise Stopped("answer", MEANING["answer"])
        return said[1:]

    def _talk(self, speak: Callable, *message):
        try:
            return speak(*message)
        except TimeoutError:
            raise Stopped("time", f"It did not end within {self.seconds:g} seconds.") from None
        except (EOFError, OSError):
            pass
        except (ValueError, RecursionError, MemoryError):
            raise Stopped("answer", "It answered with something that cannot be read.") from None
        try:
            code = self.process.wait(2)
        except subprocess.TimeoutExpired:
            raise Stopped("crash", "It cut the channel to its judge.") from None
        number = -code if code < 0 else code - 128  # bubblewrap passes signals on like a shell
        if code >= 0 and number not in set(signal.Signals):
            raise Stopped("exit", "It ended the process instead of returning a result.")
        name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        raise Stopped("crash", f"It crashed its process ({name}).")


@functools.cache
def can_check_outside(name: str) -> bool:
    """Can this exercise be checked from outside? It can if its answer passes with all that crosses packed."""
    known = exercises.REGISTRY[name]
    try:
        known.test(proxy(Responder(known.answer)))
    except Exception:
        return False
    return True


def judge(name: str, source: str, inside: bool, seconds: float, megabytes: int) -> list[str]:
    """The verdict on the attempt at the exercise that `source` defines under its name: [verdict, sentence]."""
    known = exercises.REGISTRY[name]
    try:
        with Sandbox(seconds) as sandbox:
            sandbox.tell(dict(name=name, source=source, inside=inside, seconds=seconds, megabytes=megabytes))
            sandbox.expect("ready")
            sandbox.begun()
            if inside:
                (remark,) = sandbox.expect("right")
            else:
                sandbox.expect("defined")
                remark = known.test(proxy(sandbox.ask))
    except NotImplementedError:
        verdict = BLANK
    except Wrong as error:
        verdict = Verdict("wrong", str(error))
    except Stopped as error:
        verdict = Verdict(f"stopped: {error.reason}", str(error))
    except MemoryError:
        raise
    except Exception as error:  # of the check itself, over a result that is like no other
        verdict = Verdict("stopped: answer", f"The check fails with its result ({type(error).__name__}).")
    else:
        verdict = Verdict("right", f"Right. {remark or ''}".strip())
    return [verdict.verdict, verdict.sentence]


def _raise(what: str, sentence: str, name: str) -> None:
    """Raises what a sandbox said instead of a result."""
    if what == "blank":
        raise NotImplementedError
    if what != "wrong":
        reason = what if what == "memory" else "answer"
        raise Stopped(reason, MEANING[reason])
    kind = getattr(builtins, name, None)
    if kind in (ValueError, TypeError, KeyError, IndexError, RuntimeError, ZeroDivisionError):
        raise type(name, (Wrong, kind), {})(sentence)  # some exercises ask for an error
    raise Wrong(sentence)


def proxy(ask: Callable) -> Callable:
    """A function that lets the attempt at the other end of `ask` do its work."""
    count = 0

    def attempt(*arguments):
        nonlocal count
        said = ask(["call", pack(arguments)])
        count += 1
        try:
            packed, after = said
            result, after = unpack(packed), unpack(after)
            for mine, changed in zip(tensors(arguments), tensors(after), strict=True):
                if not torch.equal(mine, changed):
                    with torch.no_grad():
                        mine.copy_(changed)  # the check wants to know whether arguments were changed
        except Exception:
            raise Stopped("answer", MEANING["answer"]) from None
        return _linked(result, arguments, functools.partial(_gradients, ask, count - 1))

    return attempt


def _gradients(ask: Callable, call: int, weights: tuple) -> list:
    """The gradients of the weighted results of a call, with respect to those of its arguments that ask for one."""
    try:
        return unpack(ask(["gradients", call, pack(weights)]))
    except (KeyError, TypeError, ValueError):
        raise Stopped("answer", MEANING["answer"]) from None


def _linked(result, arguments, gradients: Callable):
    """The result, its tensors joined to the arguments so that gradients flow, by way of the other side."""
    watched = [tensor for tensor in tensors(arguments) if tensor.requires_grad]
    learning = [tensor for tensor in tensors(result) if tensor.requires_grad]
    if not (watched and learning):
        return result
    joined = iter(_Joint.apply(gradients, [tensor.detach() for tensor in learning], *watched))

    def rebuilt(value):
        if isinstance(value, torch.Tensor):
            return next(joined) if value.requires_grad else value
        if isinstance(value, dict):
            return {key: rebuilt(item) for key, item in value.items()}
        return type(value)(map(rebuilt, value)) if isinstance(value, list | tuple) else value

    return rebuilt(result)


class _Joint(torch.autograd.Function):
    """Gives `results` for `watched`, and asks `gradients` for the way back."""

    @staticmethod
    def forward(ctx, gradients, results, *watched):
        ctx.gradients = gradients
        return tuple(results)

    @staticmethod
    def backward(ctx, *weights):
        return None, None, *ctx.gradients(weights)
