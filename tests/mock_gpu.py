"""A mock GPU: tensors that say they are on another device, and are calculated on the CPU.

It finds, where there is no GPU, what would stop a lesson on one: tensors of two devices in one operation, a
generator of the wrong device, `.numpy()` on the device, and, in a loop, needless waiting for a number to arrive. It
cannot find what is CUDA's own: other roundings, other speed, full memory, kernels that are missing.

It stands on what PyTorch offers for devices of one's own: the device "privateuseone", wrapper subclasses, and modes.
"""

import torch
from torch import library
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

from imagegen_lessons import runtime, training

NAME = "mock"
# As on CUDA: a copy is there to cross over, and an index may come from the CPU.
CROSSES = ("aten::copy_", "aten::_to_copy")
TAKES_INDEX = ("aten::index.", "aten::index_put", "aten::_index_put_impl_")
# A GPU must have come so far before it can say a number, or how many elements there are.
ANSWERS = ["_local_scalar_dense", "nonzero", "equal", "is_nonzero", "masked_select", "_unique", "bincount"]
WAITS = tuple(f"aten::{name}" for name in ANSWERS)
waits: list[str] = []  # the operations that had to wait for the device
late_steps: dict[str, list[str]] = {}  # the trainings in which a step waited, and for what

kernels = library.Library("aten", "IMPL")


class Far(torch.Tensor):
    """A tensor on the mock device; `near` holds its numbers."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, near):
        layout = dict(strides=near.stride(), storage_offset=near.storage_offset(), dtype=near.dtype)
        far = torch.Tensor._make_wrapper_subclass(cls, near.shape, device=torch.device(NAME, 0), **layout)
        far.near = near
        return far

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return calculate(func, args, kwargs or {})

    # What follows is done in C++ past __torch_dispatch__.

    def __getitem__(self, index):
        return super().__getitem__(_far_index(index))

    def __setitem__(self, index, value):
        value = value if isinstance(value, torch.Tensor) else torch.tensor(value, dtype=self.dtype)
        super().__setitem__(
            _far_index(index), Far(value) if value.dim() == 0 and not is_far(value) else value
        )

    def __repr__(self, **_):
        return f"{self.near!r} on {NAME}"

    def __format__(self, spec):
        return format(self.item() if self.dim() == 0 else self.near, spec)

    def tolist(self):
        return self.cpu().tolist()

    def numpy(self, **_):
        raise TypeError(f"can't convert {NAME} device type tensor to numpy: use .cpu() first.")


def is_far(x) -> bool:
    return isinstance(x, Far)


def _far_index(index):
    def part(x):
        return _far(torch.tensor(list(x)) if isinstance(x, list | range) else x)

    return tuple(map(part, index)) if isinstance(index, tuple) else part(index)


def calculate(func, args, kwargs):
    """One operation: checked as a GPU would check it, calculated on the CPU."""
    name = func.name()
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    far = [tensor for tensor in tensors if is_far(tensor)]
    to_far = is_far(args[0]) if name.startswith(CROSSES) else bool(far)
    may_mix = name.startswith(CROSSES) or (name.startswith(TAKES_INDEX) and is_far(args[0]))
    if far and not may_mix and any(tensor.dim() and not is_far(tensor) for tensor in tensors):
        raise RuntimeError(f"Expected all tensors to be on the same device, but {name} got two devices.")
    if kwargs.get("device") is not None:
        to_far = torch.device(kwargs["device"]).type == NAME
        kwargs = {**kwargs, "device": torch.device("cpu")}
    if to_far and kwargs.get("generator") is not None:
        raise RuntimeError(f"Expected a '{NAME}' device type for generator but found 'cpu'.")
    if (far or to_far) and _waits(name, args, kwargs, to_far):
        waits.append(name)
    known = {id(tensor.near): tensor for tensor in far}  # an operation in place returns what it got
    result = func(*tree_map(_near, args), **tree_map(_near, kwargs))
    return tree_map(lambda x: known[id(x)] if id(x) in known else _far(x), result) if to_far else result


def _waits(name, args, kwargs, to_far) -> bool:
    """Whether the program waits here until the device has done all that it was told before."""
    if name.startswith(CROSSES) and to_far:
        blocking = not kwargs.get("non_blocking") and args[2:] != (True,)
        return blocking and not all(map(is_far, args[:2] if "copy_" in name else args[:1]))
    if name.startswith(TAKES_INDEX) and to_far:
        # picked by True and False: how many they are, the device must say first
        return any(is_far(part) and part.dtype == torch.bool for part in args[1])
    return name.startswith(WAITS) or not to_far


def _near(x):
    return x.near if is_far(x) else x


def _far(x):
    return Far(x) if isinstance(x, torch.Tensor) and not is_far(x) else x


class MockGPU(TorchDispatchMode):
    """Every operation of this thread passes here, also those that make new tensors."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return calculate(func, args, kwargs or {})


class Backend(_DummyBackendModule):
    """What `torch.cuda` is for CUDA. Random numbers come from the CPU's own generator, so there is no state here."""

    def get_rng_state(self):
        return torch.zeros(8, dtype=torch.uint8)

    def set_rng_state(self, state):
        pass


def _tensor(data, *, device=None, requires_grad=False, make=torch.tensor, **kwargs):
    """`torch.tensor` fills its result in C++, past every mode."""
    return make(data, **kwargs).to(device).requires_grad_(requires_grad)


def _empty(make):
    return lambda *args, **kwargs: Far(make(*args, **{**kwargs, "device": "cpu"}))


def _fit(step, batches, steps, *, fit=training.fit, **options):
    """`training.fit`, which notes in `late_steps` whether a step waited for the device."""

    def watched(*batch):
        before = len(waits)
        terms = step(*batch)
        if waits[before:]:
            late_steps[options.get("title", "training")] = sorted(set(waits[before:]))
        return terms

    return fit(watched, batches, steps, **options)


def install() -> None:
    """From here on this process has the mock device, and `runtime.device()` is it."""
    _setup_privateuseone_for_python_backend(NAME, Backend())
    torch.__future__.set_overwrite_module_params_on_conversion(True)  # a wrapper cannot be exchanged in place
    kernels.impl(
        "empty_strided", _empty(torch.empty_strided), "PrivateUse1"
    )  # for threads, where no mode is active
    kernels.impl("empty.memory_format", _empty(torch.empty), "PrivateUse1")
    torch.tensor = _tensor
    runtime.device = lambda: torch.device(NAME, 0)
    training.fit = _fit
    MockGPU().__enter__()
