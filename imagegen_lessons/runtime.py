"""Where and how fast the course runs: device, seed, pace, precision, folders."""

import contextlib
import glob
import os
import random
import sys
import time
from pathlib import Path

import numpy
import torch

from imagegen_lessons import calibration

# PyTorch's threads wait for each other by spinning. With a thread on every core, one busy program beside the lesson
# made small networks 20 and more times slower here; with half of them the loss was small, and so is the cost.
if "OMP_NUM_THREADS" not in os.environ:
    torch.set_num_threads(max(1, torch.get_num_threads() // 2))

ROOT = Path(__file__).resolve().parents[1]
PACES = ("full", "short", "quick")
SHORT = 0.4  # of the steps: for slow machines
_pace = PACES[0]  # as `begin` was told


class SettingError(ValueError):
    """An IMAGEGEN_* environment variable holds something that the course does not know."""


def _setting(name: str, allowed: tuple[str, ...], default: str) -> str:
    value = os.environ.get(name, "").strip().lower() or default
    if value not in allowed:
        raise SettingError(f"{name} is {value!r}, but it can only be one of: {', '.join(allowed)}.")
    return value


def device() -> torch.device:
    """The device of this machine: CUDA, Apple's MPS, or the CPU; IMAGEGEN_DEVICE forces one.

    Raises SettingError when a device is forced that this machine or this PyTorch does not have.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    wanted = _setting("IMAGEGEN_DEVICE", ("auto", *available), "auto")
    if wanted == "auto":
        wanted = next(name for name, there in available.items() if there)
    if not available[wanted]:
        raise SettingError(
            f"IMAGEGEN_DEVICE asks for {wanted!r}, but PyTorch does not find it on this machine. "
            "Unset the variable to use what is there."
        )
    return torch.device(wanted)


def pace() -> str:
    """One of PACES: "full" by default, "short" is two fifths of it, "quick" a rehearsal for tests; see `begin`."""
    return _setting("IMAGEGEN_PACE", PACES, _pace)


def steps(full: int, quick: int, gpu: int | None = None) -> int:
    """Steps to train: `full` on a CPU, `gpu` (default: `full`) on an accelerator, `quick` in tests; see `pace`."""
    if pace() == "quick":
        return quick
    most = full if gpu is None or device().type == "cpu" else gpu
    return most if pace() == "full" else max(quick, round(SHORT * most))


def expect(condition, sentence: str) -> None:
    """Holds a claim of the text against what came out at full pace; `sentence` says what the text claims.

    A student who changed or stopped something reads that sentence and goes on. Where lessons are made
    (IMAGEGEN_STRICT=1, as `make course` sets it) it is an AssertionError.
    """
    if condition or pace() != "full":
        return
    if _strict():
        raise AssertionError(sentence)
    print(
        f"⚠ It came out otherwise than the text says: {sentence} Did you change or stop something? Then go on."
    )


def _strict() -> bool:
    """Whether lessons are being made, and not taken."""
    return os.environ.get("IMAGEGEN_STRICT") == "1"


def seed_everything(seed: int = 0) -> None:
    """Seeds Python, NumPy and PyTorch: the one seed from which all randomness of a lesson follows."""
    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)


def generator(seed: int) -> torch.Generator:
    """A CPU generator of its own, for draws that must not depend on what was drawn before."""
    return torch.Generator().manual_seed(seed)


def autocast():
    """A context for mixed precision: bfloat16 on a GPU that calculates with it, and nothing elsewhere.

    Older GPUs (Colab's T4) only imitate bfloat16, which is slower than float32. For the forward pass of large
    convolutions; losses, statistics and gradient penalties stay outside, where their small differences count.
    """
    if device().type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return contextlib.nullcontext()


def in_notebook() -> bool:
    """True inside a Jupyter or Colab kernel, where pictures can be displayed."""
    # The bare name `get_ipython` is missing in callbacks, where a slider moves; the module's function is not.
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def as_path(path) -> Path:
    """A path as people write it: "~" is the home folder; quotes around it go, which Windows adds when it copies one.

    Raises TypeError for what is neither text nor a path.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"A path is text, such as 'pictures/cat.jpg', not {path!r}.")
    text = path.strip().strip("\"'") if isinstance(path, str) else path
    return Path(os.path.expanduser(text))


def _folder(variable: str, default: Path) -> Path:
    """The folder that `variable` names, or else `default`; made where it is missing."""
    folder = Path(os.environ.get(variable, "").strip() or default)
    try:
        folder = folder.expanduser()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: the home folder "~" is unknown
        reason = getattr(error, "strerror", None) or error
        raise SettingError(
            f"The folder '{folder}' cannot be made ({reason}): set {variable} to a folder of your own."
        ) from None
    return folder


def checkpoint_dir() -> Path:
    """The folder of the bundled checkpoints (read only)."""
    return ROOT / "data" / "checkpoints"


def cache_dir() -> Path:
    """The folder for downloads, made when first asked for; IMAGEGEN_CACHE moves it; SettingError where it cannot be."""
    return _folder("IMAGEGEN_CACHE", ROOT / "data" / "cache")


def output_dir() -> Path:
    """The folder for what the student makes, made when first asked for; IMAGEGEN_OUTPUT moves it; or SettingError."""
    return _folder("IMAGEGEN_OUTPUT", ROOT / "outputs")


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all: beside its place first, its folder made where missing, then moved there.

    Raises OSError where that cannot be done; a file that was there before is then still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):  # by a process that was killed
        if time.time() - left.stat().st_mtime > 3600:
            left.unlink(missing_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(unfinished, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _replace(source: Path, target: Path) -> None:
    for _ in range(20):
        try:
            return os.replace(source, target)
        except PermissionError:  # on Windows, while a virus scanner or a cloud drive looks at the old file
            time.sleep(0.05)
    os.replace(source, target)


def summary() -> str:
    """One line: pace, device, threads and the versions that matter."""
    where = device()
    name = torch.cuda.get_device_name() if where.type == "cuda" else f"threads: {torch.get_num_threads()}"
    return f"{pace()} pace · {where.type} ({name}) · torch {torch.__version__}"


def begin(seed: int = 0, pace: str = "full") -> None:
    """How every lesson begins: seeds everything, prints `summary`, and says where this machine takes longer.

    pace: "short" for two fifths of all training; IMAGEGEN_PACE, where set, goes before it. SettingError for another.
    """
    global _pace
    _pace = pace
    seed_everything(seed)
    print(summary())
    _say_whether_it_takes_longer()


def _say_whether_it_takes_longer() -> None:
    if device().type != "cpu" or pace() == "quick" or _strict():
        return
    longer = calibration.reference_step_ms(24) / calibration.REFERENCE_MS
    if longer > 1.4:
        print(
            f"This machine is slow, or busy: training takes about {longer:.1f} times as long as the text says. "
            'For two fifths of it, and rougher results, write runtime.begin(pace="short").'
        )
