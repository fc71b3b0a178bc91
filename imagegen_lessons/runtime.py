"""Where and how fast the course runs: device, seed, pace, precision, and the folders it uses."""

import contextlib
import os
import random
import sys
from pathlib import Path

import numpy
import torch

# PyTorch's threads wait for each other by spinning. With a thread on every core, one busy program beside the lesson
# made small networks 20 and more times slower here; with half of them the loss was small, and so is the cost.
if "OMP_NUM_THREADS" not in os.environ:
    torch.set_num_threads(max(1, torch.get_num_threads() // 2))

ROOT = Path(__file__).resolve().parents[1]
PACES = ("full", "quick")


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
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
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
    """What IMAGEGEN_PACE says: "full" (the default, for students) or "quick" (a rehearsal, for tests)."""
    return _setting("IMAGEGEN_PACE", PACES, "full")


def steps(full: int, quick: int, gpu: int | None = None) -> int:
    """Steps to train: `full` on a CPU, `gpu` (default: `full`) on an accelerator, `quick` in tests."""
    if pace() == "quick":
        return quick
    return full if gpu is None or device().type == "cpu" else gpu


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
    """The folder for downloads, made when first asked for; IMAGEGEN_CACHE moves it.

    Raises SettingError when it cannot be made.
    """
    return _folder("IMAGEGEN_CACHE", ROOT / "data" / "cache")


def output_dir() -> Path:
    """The folder for what the student makes, made when first asked for; IMAGEGEN_OUTPUT moves it.

    Raises SettingError when it cannot be made.
    """
    return _folder("IMAGEGEN_OUTPUT", ROOT / "outputs")


def summary() -> str:
    """One line: pace, device, threads and the versions that matter."""
    where = device()
    name = torch.cuda.get_device_name() if where.type == "cuda" else f"threads: {torch.get_num_threads()}"
    return f"{pace()} pace · {where.type} ({name}) · torch {torch.__version__}"


def begin(seed: int = 0) -> None:
    """How every lesson begins: seeds everything and prints `summary`."""
    seed_everything(seed)
    print(summary())
