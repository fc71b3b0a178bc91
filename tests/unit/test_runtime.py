"""Settings, folders, files written whole: what follows, and one sentence for what is wrong."""

import os
import random
import sys
import time
from types import SimpleNamespace

import numpy
import pytest
import torch

from imagegen_lessons import calibration, runtime
from tests.unit.helpers import refused

COURSE = runtime.ROOT


pytestmark = pytest.mark.usefixtures("machine")


@pytest.mark.parametrize(
    ("value", "pace", "steps"),
    [("  ", "full", 300), (" FULL ", "full", 300), ("short", "short", 120), (" Quick ", "quick", 2)],
)
def test_pace(machine, value, pace, steps):
    assert runtime.pace() == "full"
    machine.setenv("IMAGEGEN_PACE", value)
    assert runtime.pace() == pace and runtime.steps(full=300, quick=2) == steps


@pytest.mark.parametrize("value", ["fast", "0", "quick,full"])
def test_an_unknown_pace_is_refused(machine, value):
    machine.setenv("IMAGEGEN_PACE", value)
    with refused("IMAGEGEN_PACE.*full, short, quick", runtime.SettingError):
        runtime.steps(full=300, quick=2)


@pytest.mark.parametrize(
    ("cuda", "mps", "forced", "expected"),
    [
        (False, False, "", "cpu"),
        (False, False, " CPU ", "cpu"),
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


@pytest.mark.parametrize(
    ("value", "words"), [("cuda", "Unset the variable"), ("MPS", "'mps'"), ("cuda:0", "auto, cuda, mps, cpu")]
)
def test_a_device_that_is_missing_or_unknown_is_said(machine, value, words):
    machine.setenv("IMAGEGEN_DEVICE", value)
    with refused(f"IMAGEGEN_DEVICE.*{words}", runtime.SettingError):
        runtime.device()


def test_steps_on_an_accelerator(machine):
    assert runtime.steps(full=300, quick=2, gpu=900) == 300
    machine.setattr(torch.cuda, "is_available", lambda: True)
    assert runtime.steps(full=300, quick=2, gpu=900) == 900
    assert runtime.steps(full=300, quick=2) == 300
    machine.setenv("IMAGEGEN_PACE", "short")
    assert runtime.steps(full=300, quick=2, gpu=900) == 360 and runtime.steps(full=3, quick=2) == 2
    machine.setenv("IMAGEGEN_PACE", "quick")
    assert runtime.steps(full=300, quick=2, gpu=900) == 2


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
def test_autocast_takes_half_the_bits_only_where_the_gpu_calculates_with_them(machine, native):
    machine.setattr(runtime, "device", lambda: torch.device("cuda"))
    machine.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    context = runtime.autocast()
    assert isinstance(context, torch.autocast) == native
    assert not native or (context.device, context.fast_dtype) == ("cuda", torch.bfloat16)
    machine.setattr(runtime, "device", lambda: torch.device("cpu"))
    with runtime.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


each_folder = pytest.mark.parametrize(
    ("variable", "folder", "default"),
    [("IMAGEGEN_CACHE", runtime.cache_dir, "data/cache"), ("IMAGEGEN_OUTPUT", runtime.output_dir, "outputs")],
)


@each_folder
def test_folders_are_inside_the_course_unless_moved(machine, tmp_path, variable, folder, default):
    assert not (runtime.ROOT / default).exists(), "made when asked for"
    assert folder() == runtime.ROOT / default and folder().is_dir()
    machine.setenv(variable, "  ")
    assert folder() == runtime.ROOT / default
    assert runtime.checkpoint_dir() == runtime.ROOT / "data" / "checkpoints", "which comes with the course"
    machine.setenv(variable, str(tmp_path / "a folder" / "größer"))
    assert folder() == tmp_path / "a folder" / "größer" and folder().is_dir()
    machine.setenv("HOME", str(tmp_path))
    machine.setenv("USERPROFILE", str(tmp_path))
    machine.setenv(variable, os.path.join("~", "mine"))
    assert folder() == tmp_path / "mine" and folder().is_dir()


@each_folder
def test_a_folder_that_cannot_be_made_is_said(machine, tmp_path, variable, folder, default):
    (tmp_path / "a file").write_text("in the way")
    machine.setenv(variable, str(tmp_path / "a file" / "inside"))
    with refused(variable, runtime.SettingError):
        folder()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_file_is_written_whole_or_not_at_all(machine, tmp_path, where, error):
    path = tmp_path / "new" / "a.txt"
    runtime.write_atomically(path, b"old")

    def fail(*_):
        raise error

    with machine.context() as patch, pytest.raises(error):
        patch.setattr(os, where, fail)
        runtime.write_atomically(path, b"new")
    assert path.read_bytes() == b"old" and [file.name for file in path.parent.iterdir()] == ["a.txt"]
    runtime.write_atomically(path, b"new")
    assert path.read_bytes() == b"new"


def test_writing_waits_while_windows_keeps_the_old_file_open(machine, tmp_path):
    replace, refusals = os.replace, iter([PermissionError, PermissionError])

    def sometimes(source, target):
        for refusal in refusals:
            raise refusal
        replace(source, target)

    machine.setattr(os, "replace", sometimes)
    runtime.write_atomically(tmp_path / "a", b"data")
    assert (tmp_path / "a").read_bytes() == b"data"


def test_what_a_killed_process_left_is_cleared_away_but_not_what_a_living_one_writes(tmp_path):
    path = tmp_path / "a[1].txt"
    old, young = (path.with_name(f".{path.name}.{number}.part") for number in (1, 2))
    for file in (old, young):
        file.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    runtime.write_atomically(path, b"whole")
    assert not old.exists() and young.exists() and path.read_bytes() == b"whole"


@pytest.mark.parametrize(
    ("shell", "expected"), [(None, False), (SimpleNamespace(), False), (SimpleNamespace(kernel=1), True)]
)
def test_a_notebook_is_a_shell_with_a_kernel(machine, shell, expected):
    machine.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert runtime.in_notebook() is expected  # the bare name get_ipython is missing here, as in a callback
    machine.delitem(sys.modules, "IPython")
    assert runtime.in_notebook() is False


def test_a_lesson_begins_with_the_seed_and_the_summary(machine, capsys):
    machine.setenv("IMAGEGEN_PACE", "quick")
    runtime.seed_everything(7)
    expected = draws()
    assert runtime.begin(seed=7) is None, "a lesson's cell that ends with it must not show a value"
    assert draws() == expected
    line = capsys.readouterr().out
    assert line.count("\n") == 1 and all(word in line for word in ("quick", "cpu", torch.__version__))


def test_a_lesson_may_begin_at_a_shorter_pace(machine):
    machine.setenv("IMAGEGEN_STRICT", "1")  # nothing is timed
    runtime.begin(pace="short")
    assert runtime.pace() == "short"
    machine.setenv("IMAGEGEN_PACE", "quick")
    assert runtime.pace() == "quick", "the environment, which tests set, goes before it"
    machine.delenv("IMAGEGEN_PACE")
    with refused("full, short, quick", runtime.SettingError):
        runtime.begin(pace="fast")
    runtime.begin()
    assert runtime.pace() == "full"


@pytest.mark.parametrize(("milliseconds", "said"), [(9.0, False), (12.0, False), (22.5, True)])
def test_a_slow_machine_is_told_how_much_longer_it_takes(machine, capsys, milliseconds, said):
    machine.setattr(calibration, "reference_step_ms", lambda steps: milliseconds)
    runtime.begin()
    assert ("2.5 times as long" in capsys.readouterr().out) is said
    machine.setenv("IMAGEGEN_STRICT", "1")  # what is stored is read on other machines
    runtime.begin()
    assert "times as long" not in capsys.readouterr().out


def test_a_claim_stops_those_who_make_lessons_and_is_told_to_those_who_take_them(monkeypatch, capsys):
    monkeypatch.setenv("IMAGEGEN_PACE", "full")
    runtime.expect(True, "Water is wet.")
    assert capsys.readouterr().out == ""
    runtime.expect(torch.tensor(False), "Water is wet.")
    assert "⚠" in (out := capsys.readouterr().out) and "Water is wet." in out
    monkeypatch.setenv("IMAGEGEN_STRICT", "1")
    with pytest.raises(AssertionError, match="Water is wet"):
        runtime.expect(False, "Water is wet.")
    monkeypatch.setenv("IMAGEGEN_PACE", "quick")
    runtime.expect(False, "Water is wet.")
