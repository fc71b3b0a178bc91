"""What crosses the border of a sandbox: messages of JSON, and the values that JSON can be made to say.

Nothing here can run code of the other side or crash this one: only numbers, text, lists, tuples, dictionaries, and
tensors of a few ordinary types come across.
"""

import base64
import json
import numbers
import socket
import struct
import time

import numpy
import torch

LARGEST_MESSAGE = 8 * 2**20  # bytes; the other side must not fill our memory
DTYPES = ["float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]
MOST_BITS = 1000  # of an integer; larger ones become no float, and some of them no text

SEQUENCES = (list, tuple, set, frozenset)
ERRORS = (ValueError, TypeError, KeyError, IndexError, RuntimeError, ZeroDivisionError)  # returned by mistake


class Channel:
    """Messages (what JSON can say) over a socket, all of them before one deadline.

    `receive` raises EOFError when the other side is gone, both raise TimeoutError after the deadline, and ValueError
    for what is no message.
    """

    def __init__(self, end: socket.socket, deadline: float):
        self.end, self.deadline = end, deadline

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


class Foreign:
    """Stands for a result that cannot be sent, such as a function; a subclass bears the name of its type."""

    def __repr__(self) -> str:
        return f"a {type(self).__name__}"


def pack(value):
    """A value as JSON can say it; `Foreign` for what cannot be said."""
    if type(value) is int and value.bit_length() > MOST_BITS:
        return ["foreign", "very large int"]
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, torch.Tensor) and value.layout == torch.strided and _name(value) in DTYPES:
        plain = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        text = base64.b85encode(plain).decode()
        return ["tensor", _name(value), list(value.shape), value.requires_grad, text]
    for kind in SEQUENCES:  # a namedtuple becomes a tuple
        if isinstance(value, kind):
            return [kind.__name__, *map(pack, value)]
    if isinstance(value, dict):
        return ["dict", *([pack(key), pack(item)] for key, item in value.items())]
    if isinstance(value, numpy.generic):
        return pack(value.item())
    if isinstance(value, numpy.ndarray) and value.dtype.name in DTYPES:
        return ["array", pack(torch.from_numpy(value.copy()))]
    if isinstance(value, numbers.Real):  # a fraction
        return float(value)
    if type(value) in ERRORS:
        return ["error", type(value).__name__, str(value)]
    return ["foreign", type(value).__name__]


def unpack(said):
    """The value that `pack` packed. What the other side said may be anything: raises all kinds of errors."""
    if not isinstance(said, list):
        return said
    kind, *parts = said
    if kind == "tensor":
        dtype, shape, gradient, text = parts
        if dtype not in DTYPES:
            raise ValueError(f"Tensors of {dtype} do not cross.")
        data, dtype = bytearray(base64.b85decode(text)), getattr(torch, dtype)
        plain = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
        # A copy, since PyTorch's errors call a view one.
        return plain.reshape(shape).clone().requires_grad_(bool(gradient))
    if kind == "array":
        return unpack(parts[0]).detach().numpy()
    if kind == "dict":
        return {unpack(key): unpack(item) for key, item in parts}
    if kind == "foreign":
        return type(str(parts[0])[:60], (Foreign,), {})()
    if kind == "error":
        return {error.__name__: error for error in ERRORS}[parts[0]](parts[1])
    return {sequence.__name__: sequence for sequence in SEQUENCES}[kind](map(unpack, parts))


def tensors(value) -> list[torch.Tensor]:
    """All tensors in lists, tuples and dictionaries, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, tuple | list) else ()
    return [tensor for part in parts for tensor in tensors(part)]


def _name(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
