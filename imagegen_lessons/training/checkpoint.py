"""Checkpoints: what training needs to go on, in one safetensors file that is written whole or not at all.

A safetensors file holds tensors and text and can run no code, unlike a pickle (`torch.save`). The tensors of all
parts lie in it under names such as `G.conv1.weight`; how they nest, and every number that is no tensor, is JSON
in its metadata. A SHA-256 over both tells a damaged file from a sound one.
"""

import copy
import hashlib
import json
import random
import tempfile
from pathlib import Path

import numpy
import safetensors
import safetensors.torch
import torch

from imagegen_lessons import runtime

FORMAT = "imagegen-lessons 1"


class CheckpointError(ValueError):
    """A checkpoint cannot be written, or does not fit what it is loaded into."""


def save(path, /, card: dict | None = None, **parts) -> None:
    """Writes `parts` to `path`, atomically: an interrupted save leaves the old file as it was.

    A part is a tensor or anything with `state_dict()`: a network, an optimiser, a scheduler, a stream of batches.
    `card` says where it came from (command, seed, device, seconds, figures): a flat dict of text and numbers.
    Raises CheckpointError for what a checkpoint cannot hold, and where the file cannot be written.
    """
    tensors: dict[str, torch.Tensor] = {}
    tree = {name: _encode(_state(name, part), name, tensors) for name, part in parts.items()}
    try:
        text = {"format": FORMAT, "card": json.dumps(card or {}), "parts": json.dumps(tree)}
    except TypeError as error:
        raise CheckpointError(f"The card can hold only text and numbers: {error}.") from None
    data = safetensors.torch.save(tensors, {**text, "sha256": _digest(text, tensors)})
    try:
        runtime.write_atomically(runtime.as_path(path), data)
    except OSError as error:
        raise _unwritable(path, error) from None


def check_writable(path) -> None:
    """Raises CheckpointError where no checkpoint can be written to `path`: better before the work than after it."""
    path = runtime.as_path(path)
    if path.is_dir():
        raise CheckpointError(
            f"{path} is a folder: name a file in it, such as {path / 'training.safetensors'}."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path, error: OSError) -> CheckpointError:
    return CheckpointError(f"The checkpoint {path} cannot be written: {error.strerror or error}.")


def is_finite(part) -> bool:
    """Whether the weights of a network, or the values of a tensor, are all numbers; of other parts nothing is asked."""
    values = part.parameters() if isinstance(part, torch.nn.Module) else [part]
    return all(
        torch.isfinite(v).all() for v in values if isinstance(v, torch.Tensor) and v.is_floating_point()
    )


def load(path, /, **parts) -> dict:
    """Loads the named `parts` from the checkpoint at `path` in place, on the device they are on; returns its card.

    Raises CheckpointError when the file is missing, damaged or not a checkpoint, lacks a part, or holds another
    network; then every part is as it was before.
    """
    text, tensors = _read(runtime.as_path(path))
    tree = json.loads(text["parts"])
    for name in parts:
        if name not in tree:
            raise CheckpointError(f"{path} holds no part {name!r}; its parts are: {', '.join(tree)}.")
    before = {name: copy.deepcopy(_state(name, part)) for name, part in parts.items()}
    try:
        for name, part in parts.items():
            _restore(part, _decode(tree[name], tensors))
    except BaseException as error:  # the stop button as well: half a load must not remain
        for other, part in parts.items():
            _restore(part, before[other])
        if not isinstance(error, Exception):
            raise
        reason = " ".join(str(error).split())  # PyTorch lists every name that differs, one a line
        reason = reason if len(reason) < 300 else f"{reason[:300]} …"
        raise CheckpointError(f"{path} does not fit the {name!r} that it is loaded into: {reason}") from None
    return json.loads(text["card"])


def card(name) -> dict:
    """The card of a checkpoint: a bundled one by its name, any other by its path."""
    return json.loads(_read(_find(name))[0]["card"])


def load_network(name, network: torch.nn.Module) -> torch.nn.Module:
    """Loads part "network" of a bundled checkpoint (by name) or any other (by path); returns it in eval mode."""
    load(_find(name), network=network)
    return network.eval()


class Randomness:
    """A part: the states of the generators of Python, NumPy and PyTorch (with the one on the device)."""

    def state_dict(self) -> dict:
        name, keys, *rest = numpy.random.get_state()
        state = {"python": random.getstate(), "numpy": (name, keys.tolist(), *rest)}
        state["cpu"] = torch.get_rng_state()
        device = runtime.device().type
        if device != "cpu":
            state[device] = torch.get_device_module(device).get_rng_state()
        return state

    def load_state_dict(self, state: dict) -> None:
        random.setstate(state["python"])
        numpy.random.set_state(state["numpy"])
        torch.set_rng_state(state["cpu"])
        device = runtime.device().type
        if device in state and device != "cpu":
            torch.get_device_module(device).set_rng_state(state[device])


def _find(name) -> Path:
    path = runtime.as_path(name)
    if isinstance(name, Path) or path.suffix == ".safetensors":
        return path
    return runtime.checkpoint_dir() / f"{name}.safetensors"


def _state(name: str, part):
    if isinstance(part, torch.Tensor):
        return part
    if hasattr(part, "state_dict") and hasattr(part, "load_state_dict"):
        return part.state_dict()
    raise CheckpointError(
        f"Part {name!r} is of type {type(part).__name__}, but a part is a tensor or has "
        "state_dict() and load_state_dict(), as networks and optimisers have."
    )


def _restore(part, state) -> None:
    if isinstance(part, torch.Tensor):
        if not isinstance(state, torch.Tensor) or state.shape != part.shape:
            raise ValueError(
                f"{tuple(getattr(state, 'shape', ()))} in the file and {tuple(part.shape)} here."
            )
        with torch.no_grad():
            part.copy_(state)
    else:
        part.load_state_dict(state)


def _encode(value, path: str, tensors: dict):
    """`value` as JSON; its tensors go into `tensors`, as contiguous copies because safetensors shares no memory."""
    if isinstance(value, torch.Tensor):
        while path in tensors:  # the keys 1 and "1" give the same path
            path += "'"
        tensors[path] = value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        return {"tensor": path}
    if isinstance(value, dict):
        items = [
            [_encode(key, path, tensors), _encode(value[key], f"{path}.{key}", tensors)] for key in value
        ]
        return {"dict": items}
    if isinstance(value, list | tuple):
        items = [_encode(item, f"{path}.{i}", tensors) for i, item in enumerate(value)]
        return items if isinstance(value, list) else {"tuple": items}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise CheckpointError(
        f"{path} is of type {type(value).__name__}, but a checkpoint holds only tensors, numbers, text, "
        "and lists and dicts of them."
    )


def _decode(value, tensors: dict):
    if isinstance(value, list):
        return [_decode(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content].clone()  # memory of its own, aligned as torch likes it
    items = [_decode(item, tensors) for item in content]
    return tuple(items) if kind == "tuple" else dict(items)


def _digest(text: dict, tensors: dict) -> str:
    digest = hashlib.sha256("\n".join(text[key] for key in ("format", "card", "parts")).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _read(path: Path) -> tuple[dict, dict]:
    """The metadata and the tensors of a checkpoint, checked."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"There is no checkpoint {path}.") from None
    except OSError as error:
        raise CheckpointError(f"The checkpoint {path} cannot be read: {error.strerror}.") from None

    if data.startswith((b"PK", b"\x80")) and data[8:9] != b"{":  # where a safetensors file goes on with JSON
        raise CheckpointError(
            f"{path} is a pickle (as torch.save writes) and is not opened, because opening it can run "
            "any code; only .safetensors files are."
        )
    damaged = CheckpointError(
        f"{path} is cut off, damaged or no safetensors file: delete it, then train or download it again."
    )
    try:
        tensors = safetensors.torch.load(data)
        header = data[8 : 8 + int.from_bytes(data[:8], "little")]
        text = json.loads(header).get("__metadata__", {})
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, RuntimeError):
        raise damaged from None
    if not text.keys() >= {"format", "card", "parts", "sha256"} or text["format"] != FORMAT:
        raise CheckpointError(f"{path} holds tensors, but is not a checkpoint that this course wrote.")
    if text["sha256"] != _digest(text, tensors):
        raise damaged
    return text, tensors
