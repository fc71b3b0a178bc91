"""Settings: what the environment variables may hold, what follows from them, and one sentence for what may not."""

import os
import random
import sys
from types import SimpleNamespace

import numpy
import pytest
import torch

from imagegen_lessons import runtime

VARIABLES = ("IMAGEGEN_DEVICE", "IMAGEGEN_PACE", "IMAGEGEN_CACHE", "IMAGEGEN_OUTPUT")


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """A machine without settings and without an accelerator; the course's folder is a temporary one."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(runtime, "ROOT", tmp_path / "course")
    return monkeypatch


def sentence(call, *words) -> str:
    with pytest.raises(runtime.SettingError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message and message.endswith(".") and all(word in message for word in words), message
    return message


@pytest.mark.parametrize("value", [None, "", "  ", "full", "FULL", " Full "])
def test_full_pace(machine, value):
    if value is not None:
        machine.setenv("IMAGEGEN_PACE", value)
    assert runtime.pace() == "full"
    assert runtime.steps(full=300, quick=2) == 300


@pytest.mark.parametrize("value", ["quick", "Quick", " QUICK "])
def test_quick_pace(machine, value):
    machine.setenv("IMAGEGEN_PACE", value)
    assert runtime.pace() == "quick"
    assert runtime.steps(full=300, quick=2, gpu=900) == 2


@pytest.mark.parametrize("value", ["fast", "0", "quick,full", "🐢"])
def test_an_unknown_pace_is_refused(machine, value):
    machine.setenv("IMAGEGEN_PACE", value)
    sentence(runtime.pace, "IMAGEGEN_PACE", "full, quick")
    sentence(lambda: runtime.steps(full=300, quick=2), "IMAGEGEN_PACE")


@pytest.mark.parametrize("value", [None, "", "auto", "cpu", " CPU "])
def test_without_an_accelerator_it_is_the_cpu(machine, value):
    if value is not None:
        machine.setenv("IMAGEGEN_DEVICE", value)
    assert runtime.device() == torch.device("cpu")


@pytest.mark.parametrize(
    ("cuda", "mps", "forced", "expected"),
    [
        (True, False, "", "cuda"),
        (False, True, "", "mps"),
        (True, True, "auto", "cuda"),
        (True, True, "mps", "mps"),
        (True, True, "cpu", "cpu"),
    ],
)
def test_the_fastest_device_is_taken_unless_one_is_forced(machine, cuda, mps, forced, expected):
    machine.setattr(torch.cuda, "is_available", lambda: cuda)
    machine.setattr(torch.backends.mps, "is_available", lambda: mps)
    machine.setenv("IMAGEGEN_DEVICE", forced)
    assert runtime.device().type == expected


@pytest.mark.parametrize("value", ["cuda", "mps", "CUDA"])
def test_a_forced_device_that_is_missing_is_said(machine, value):
    machine.setenv("IMAGEGEN_DEVICE", value)
    assert "Unset the variable" in sentence(runtime.device, "IMAGEGEN_DEVICE", repr(value.lower()))


@pytest.mark.parametrize("value", ["gpu", "cuda:0", "tpu", "1"])
def test_an_unknown_device_is_refused(machine, value):
    machine.setenv("IMAGEGEN_DEVICE", value)
    sentence(runtime.device, repr(value), "auto, cuda, mps, cpu")


def test_steps_on_an_accelerator(machine):
    assert runtime.steps(full=300, quick=2, gpu=900) == 300
    machine.setattr(torch.cuda, "is_available", lambda: True)
    assert runtime.steps(full=300, quick=2, gpu=900) == 900
    assert runtime.steps(full=300, quick=2) == 300
    machine.setenv("IMAGEGEN_DEVICE", "cpu")
    assert runtime.steps(full=300, quick=2, gpu=900) == 300


def draws():
    return random.random(), numpy.random.rand(), torch.rand(3).tolist()


def test_one_seed_gives_everything_again():
    runtime.seed_everything(3)
    first = draws()
    assert draws() != first
    runtime.seed_everything(3)
    assert draws() == first
    runtime.seed_everything(4)
    assert all(a != b for a, b in zip(draws(), first, strict=True))


def test_a_generator_is_independent_of_what_was_drawn_before():
    runtime.seed_everything(0)
    expected = draws()
    runtime.seed_everything(0)
    a = torch.rand(5, generator=runtime.generator(7))
    torch.rand(100, generator=runtime.generator(8))
    assert torch.equal(a, torch.rand(5, generator=runtime.generator(7)))
    assert draws() == expected, "a generator of one's own leaves the others alone"


@pytest.mark.parametrize("native", [True, False])
def test_autocast_takes_half_the_bits_only_where_the_gpu_calculates_with_them(monkeypatch, native):
    monkeypatch.setattr(runtime, "device", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    context = runtime.autocast()
    assert isinstance(context, torch.autocast) == native
    assert not native or (context.device, context.fast_dtype) == ("cuda", torch.bfloat16)


def test_autocast_does_nothing_on_the_cpu():
    with runtime.autocast():
        assert not torch.is_autocast_enabled("cpu")
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


FOLDERS = [
    ("IMAGEGEN_CACHE", runtime.cache_dir, "data/cache"),
    ("IMAGEGEN_OUTPUT", runtime.output_dir, "outputs"),
]
each_folder = pytest.mark.parametrize(("variable", "folder", "default"), FOLDERS)


@each_folder
@pytest.mark.parametrize("value", [None, "", "  "])
def test_folders_are_inside_the_course_and_made_when_asked_for(machine, variable, folder, default, value):
    if value is not None:
        machine.setenv(variable, value)
    assert not (runtime.ROOT / default).exists()
    assert folder() == runtime.ROOT / default and folder().is_dir()


@each_folder
def test_folders_can_be_moved(machine, tmp_path, variable, folder, default):
    machine.setenv(variable, str(tmp_path / "a folder" / "größer"))
    assert folder() == tmp_path / "a folder" / "größer" and folder().is_dir()
    machine.setenv("HOME", str(tmp_path))
    machine.setenv("USERPROFILE", str(tmp_path))
    machine.setenv(variable, os.path.join("~", "mine"))
    assert folder() == tmp_path / "mine" and folder().is_dir()
    assert not (runtime.ROOT / default).exists()


@each_folder
@pytest.mark.parametrize("name", ["a file", "a file/inside"])
def test_a_folder_that_cannot_be_made_is_said(machine, tmp_path, variable, folder, default, name):
    (tmp_path / "a file").write_text("in the way")
    machine.setenv(variable, str(tmp_path / name))
    sentence(folder, variable, name.split("/")[-1])


def test_an_unknown_home_is_said(machine):
    def unknown(self):
        raise RuntimeError("Could not determine home directory.")

    machine.setattr("pathlib.Path.expanduser", unknown)
    machine.setenv("IMAGEGEN_OUTPUT", "~/mine")
    sentence(runtime.output_dir, "IMAGEGEN_OUTPUT", "home directory")


def test_bundled_checkpoints_are_not_moved(machine, tmp_path):
    machine.setenv("IMAGEGEN_CACHE", str(tmp_path))
    assert runtime.checkpoint_dir() == runtime.ROOT / "data" / "checkpoints"
    assert not runtime.checkpoint_dir().exists(), "only read, never made"


@pytest.mark.parametrize(
    ("shell", "expected"), [(None, False), (SimpleNamespace(), False), (SimpleNamespace(kernel=1), True)]
)
def test_a_notebook_is_a_shell_with_a_kernel(machine, shell, expected):
    machine.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert runtime.in_notebook() is expected  # the bare name get_ipython is missing here, as in a callback


def test_without_ipython_there_is_no_notebook(machine):
    machine.delitem(sys.modules, "IPython", raising=False)
    assert runtime.in_notebook() is False


def test_a_lesson_begins_with_the_seed_and_the_summary(capsys):
    runtime.seed_everything(7)
    expected = draws()
    assert runtime.begin(seed=7) is None, "a lesson's cell that ends with it must not show a value"
    assert draws() == expected
    runtime.begin()
    assert draws() != expected
    assert capsys.readouterr().out == f"{runtime.summary()}\n" * 2


def test_the_summary_names_what_matters(machine):
    machine.setenv("IMAGEGEN_PACE", "quick")
    line = runtime.summary()
    assert "quick pace" in line and "cpu" in line and torch.__version__ in line and "\n" not in line
