"""A function in a process of its own, with limits: for the reader of notebooks, and for the judge of an attempt.

Neither runs a student's code, but both take in what students made: it may keep them busy for ever, fill the memory, or
crash them. Then that process ends alone, and its caller hears why.
"""

import json
import multiprocessing
import signal
import sys
import time
from collections.abc import Callable

try:
    import resource
except ImportError:
    sys.exit("The grader needs Linux or macOS; on Windows use WSL.")

import torch

# A server that has imported PyTorch once, and of which each process is a fresh copy. (Copies of the grader itself would
# inherit its threads' locks.)
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["grading.judge", "grading.notebook"])
LARGEST_RESULT = 64 * 2**20  # bytes
START = 60  # seconds that a process may need to begin, on a busy machine


class Stopped(BaseException):
    """A process ended without an answer; `reason` is one word, the message a sentence.

    No ordinary exception, because the check that waits for the answer would take it for the attempt's own.
    """

    def __init__(self, reason: str, sentence: str):
        super().__init__(sentence)
        self.reason = reason


def within_limits(function: Callable, *arguments, seconds: float, megabytes: int):
    """What function(*arguments) returns (what JSON can say), computed in a process of its own.

    Raises `Stopped` after so many seconds, when memory grows by more, or when the process ends without a result. The
    time runs from when the process has begun: a busy machine may take long to make one, and no student can help that.
    """
    ours, theirs = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(
        target=_run, args=(theirs, seconds, megabytes, function, arguments), daemon=True
    )
    process.start()
    theirs.close()
    try:
        if not ours.poll(START):
            raise Stopped("time", f"The check did not begin within {START} seconds.")
        ours.recv_bytes()  # it has begun
        if not ours.poll(seconds):
            raise Stopped("time", f"The check did not end within {seconds:g} seconds.")
        said = json.loads(ours.recv_bytes(LARGEST_RESULT))
    except (EOFError, OSError):
        process.join(5)
        raise Stopped("crash", f"The check ended without a verdict ({_end(process.exitcode)}).") from None
    finally:
        process.kill()
        process.join()
        ours.close()
    if "memory" in said:
        raise Stopped("memory", "The check asked for more memory than is allowed.")
    if "error" in said:
        raise RuntimeError(said["error"])
    return said["result"]


def _run(channel, seconds: float, megabytes: int, function: Callable, arguments: tuple) -> None:
    """In the new process."""
    torch.set_num_threads(1)
    limit(megabytes, CPU=int(time.process_time() + seconds) + 1, CORE=0)
    channel.send_bytes(b"begun")
    try:
        said = {"result": function(*arguments)}
    except MemoryError:
        said = {"memory": True}
    except Exception as error:
        said = {"memory": True} if out_of_memory(error) else {"error": f"{type(error).__name__}: {error}"}
    channel.send_bytes(json.dumps(said).encode())


def limit(megabytes: int, **others: int) -> None:
    """Limits this process for good: `others` by their names in `resource`; its address space may grow by `megabytes`,
    where the system can say how large it is.
    """
    try:
        with open("/proc/self/statm") as file:
            others["AS"] = int(file.read().split()[0]) * resource.getpagesize() + megabytes * 2**20
    except OSError:
        pass
    for name, most in others.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def out_of_memory(error: BaseException | None) -> bool:
    """Was there no memory left? PyTorch says it in a RuntimeError."""
    said = ("can't allocate memory", "not enough memory", "Cannot allocate memory")
    return isinstance(error, MemoryError) or any(words in str(error) for words in said)


def _end(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit status {code}"
    return signal.Signals(-code).name
