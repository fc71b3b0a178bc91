"""The training loop: exact resumption, clean stops, kills, and one clear sentence when a step is wrong."""

import itertools
import json
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time

import numpy
import pytest
import torch
from torch import nn

from imagegen_lessons import runtime, training
from imagegen_lessons.display import plots, progress
from imagegen_lessons.training import TrainingError, checkpoint
from tests.unit.helpers import refused


class Batches:
    """An endless stream that can be saved."""

    def __init__(self):
        self.generator = runtime.generator(5)

    def __iter__(self):
        return self

    def __next__(self):
        return torch.rand(8, 4, generator=self.generator)

    def state_dict(self):
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state):
        self.generator.set_state(state["generator"])


class Trainer:
    """What the tests train, here and in the processes that get killed; it draws from every random generator."""

    def __init__(self):
        runtime.seed_everything(1)
        self.net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), nn.Linear(8, 1))
        self.optimiser = torch.optim.Adam(self.net.parameters(), lr=0.01)
        self.average = training.EMA(self.net, 0.9)
        self.batches = Batches()
        self.calls = 0

    def step(self, x):
        self.calls += 1
        x = x + 0.1 * random.random() + 0.1 * float(numpy.random.rand())
        loss = (self.net(x) - x.sum(1, keepdim=True)).pow(2).mean()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.average.update_parameters(self.net)
        return {"loss": loss, "seldom": 0.5} if self.calls % 4 == 1 else {"loss": loss}

    def fit(self, steps, path, **options):
        parts = {"net": self.net, "optimiser": self.optimiser, "average": self.average}
        return training.fit(self.step, self.batches, steps, checkpoint=path, parts=parts, **options)


def everything(trainer, history):
    """All that training has changed, comparable with ==."""
    tensors = {**trainer.net.state_dict(), **trainer.average.state_dict(prefix="average.")}
    for key, state in trainer.optimiser.state_dict()["state"].items():
        tensors.update({f"{key}.{name}": value for name, value in state.items()})
    result = {name: value.tolist() for name, value in tensors.items()}
    draws = random.random(), numpy.random.rand(), torch.rand(1).item()
    return result, history.steps, history.values["loss"], draws


def straight(steps):
    """What is reached without a stop."""
    trainer = Trainer()
    return everything(trainer, training.fit(trainer.step, trainer.batches, steps))


def fit(step, stream="endless", steps=5, **options):
    return training.fit(
        step, itertools.repeat(torch.zeros(1)) if stream == "endless" else stream, steps, **options
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "training.safetensors"


@pytest.fixture
def busy_screen(monkeypatch):
    """A display that draws after every step, to see that drawing changes nothing."""
    texts = []

    def update(self, text, fraction, picture=None):
        texts.append((text, picture()[1]))

    def finish(self, text, fraction=1.0, picture=None):
        self._finished = True
        texts.append((text, picture()[1]))

    monkeypatch.setattr(progress.Progress, "due", lambda self: True)
    monkeypatch.setattr(progress.Progress, "update", update)
    monkeypatch.setattr(progress.Progress, "finish", finish)
    monkeypatch.setattr(plots, "draw_curves", lambda values, sample: b"")
    return texts


# --- resuming


def test_stopped_and_resumed_training_ends_as_if_never_stopped(path):
    for steps in (1, 7, 30, 50):  # each time from new objects, as in a new kernel
        trainer = Trainer()
        history = trainer.fit(steps, path)
        assert history.steps == steps
    assert everything(trainer, history) == straight(50)
    assert trainer.calls == 20
    assert path.is_file() and list(path.parent.iterdir()) == [path]


def test_pictures_do_not_change_what_is_learned(path, busy_screen):
    expected = straight(20)
    busy_screen.clear()
    trainer = Trainer()

    def sample():
        assert not torch.is_grad_enabled()
        random.random(), numpy.random.rand()
        return torch.rand(4, 1, 8, 8)

    history = trainer.fit(20, path, sample=sample)
    assert everything(trainer, history) == expected
    assert busy_screen[5][0].startswith("6 of 20 steps (30 %) · ")
    assert "4 images" in busy_screen[5][1] and "loss from" in busy_screen[5][1]


def test_a_finished_training_is_not_repeated_unless_asked(path, capsys):
    Trainer().fit(5, path)
    written = path.stat().st_mtime_ns
    again = Trainer()
    history = again.fit(5, path)
    assert again.calls == 0 and history.steps == 5 and not history.stopped
    assert path.stat().st_mtime_ns == written
    assert "already trained for 5 steps" in capsys.readouterr().err
    assert again.fit(8, path).steps == 8 and again.calls == 3
    anew = Trainer()
    assert anew.fit(4, path, fresh=True).steps == 4 and anew.calls == 4
    assert checkpoint.card(path)["steps"] == 4


def test_the_history_is_restored_with_its_gaps_and_is_json(path):
    history = Trainer().fit(6, path)
    again = Trainer().fit(6, path)
    assert json.dumps(vars(history)) == json.dumps(vars(again))
    assert [math.isnan(v) for v in again.values["seldom"]] == [False, True, True, True, False, True]
    assert again.last("seldom") == 0.5 and len(repr(again)) < 100


def test_another_network_is_refused_with_the_way_out(path):
    Trainer().fit(2, path)
    other = Trainer()
    other.net = nn.Linear(4, 1)
    with refused("'net'.*fresh=True", checkpoint.CheckpointError):
        other.fit(2, path)


def restart(path, kind=torch.optim.SGD, **settings):
    """A network, its optimizer, and what a lesson's cell does with them and the file."""
    torch.manual_seed(0)
    network = nn.Linear(3, 1)
    optimizer = kind(network.parameters(), **settings)
    x = torch.randn(8, 3, generator=runtime.generator(0))

    def step():
        loss = (network(x) - 1).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return {"loss": loss}

    def run(steps, **options):
        parts = {"network": network, "optimizer": optimizer}
        return training.fit(step, None, steps, checkpoint=path, parts=parts, **options)

    return network, optimizer, run


def test_a_changed_setting_of_the_optimizer_counts_and_is_said(path, capsys):
    restart(path, torch.optim.Adam, lr=0.1)[2](10)
    _, optimizer, run = restart(path, torch.optim.Adam, lr=0.001, betas=(0.5, 0.9))
    run(20)
    assert optimizer.param_groups[0]["lr"] == 0.001 and optimizer.param_groups[0]["betas"] == (0.5, 0.9)
    assert len(optimizer.state) == 2 and optimizer.state_dict()["state"][0]["step"] == 20
    assert "optimizer: lr 0.001 now, 0.1 before" in capsys.readouterr().err
    restart(path, torch.optim.Adam, lr=0.001, betas=(0.5, 0.9))[2](30)
    assert "before" not in capsys.readouterr().err


def test_a_rate_that_the_training_itself_lowered_goes_on_from_there(path):
    for steps in (4, 8):
        network = nn.Linear(1, 1)
        optimizer = torch.optim.SGD(network.parameters(), lr=1.0)

        def step(optimizer=optimizer):
            optimizer.param_groups[0]["lr"] /= 2
            return {"lr": optimizer.param_groups[0]["lr"]}

        parts = {"network": network, "optimizer": optimizer}
        history = training.fit(step, None, steps, checkpoint=path, parts=parts)
    assert history.values["lr"][-1] == 2**-8


def test_after_a_divergence_the_advice_leads_out(path):
    with refused("lower learning rate.*fresh=True", TrainingError):
        restart(path, lr=3.0)[2](5000, save_every=0)
    network, _, run = restart(path, lr=0.01)
    assert run(5000, save_every=10, fresh=True).steps == 5000
    assert network.weight.isfinite().all()


def test_another_kind_of_optimizer_is_refused(path):
    restart(path, lr=0.1)[2](2)
    with refused(
        "another optimizer 'optimizer': SGD in the file, Adam here.*fresh=True", checkpoint.CheckpointError
    ):
        restart(path, torch.optim.Adam, lr=0.1)[2](4)


@pytest.mark.parametrize("name", ["folder", "file/run.safetensors"])
def test_a_path_that_cannot_be_written_is_said_before_the_work(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("no folder")
    trainer = Trainer()
    with refused("is a folder: name a file in it|cannot be written", checkpoint.CheckpointError):
        trainer.fit(5, tmp_path / name)
    assert trainer.calls == 0


def test_home_and_quotes_in_a_path_are_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    Trainer().fit(2, "~/run.safetensors")
    assert checkpoint.card(f'"{tmp_path / "run.safetensors"}"')["steps"] == 2
    assert [p.name for p in tmp_path.iterdir()] == ["run.safetensors"]


# --- stopping


@pytest.mark.parametrize("stop", ["press", "raise"])
def test_the_stop_button_keeps_and_saves_what_was_learned(path, capsys, stop):
    trainer = Trainer()
    plain = trainer.step

    def step(x):
        if trainer.calls == 9 and stop == "raise":
            raise KeyboardInterrupt  # as where a second press lands
        if trainer.calls == 8 and stop == "press":
            signal.raise_signal(signal.SIGINT)  # in the middle of a step, which is finished
        return plain(x)

    trainer.step = step
    history = trainer.fit(30, path)
    assert history.stopped and history.steps == 9 and trainer.calls == 9
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert "stopped at step 9 of 30" in capsys.readouterr().err

    trainer = Trainer()
    history = trainer.fit(30, path)
    assert not history.stopped and trainer.calls == 21
    assert "resumed at step 9" in capsys.readouterr().err
    if stop == "press":
        assert everything(trainer, history) == straight(30)


def test_without_a_file_the_networks_keep_what_they_learned(capsys):
    assert fit(lambda x: signal.raise_signal(signal.SIGINT) or {}).steps == 1
    assert "call fit again to go on" in capsys.readouterr().err


def test_pressed_while_saving_the_save_is_finished(path, monkeypatch):
    write = os.fsync

    def fsync(number):
        signal.raise_signal(signal.SIGINT)
        write(number)

    monkeypatch.setattr(os, "fsync", fsync)
    trainer = Trainer()
    history = trainer.fit(30, path, save_every=0)
    assert history.stopped and history.steps == 1 == checkpoint.card(path)["steps"]


def test_it_trains_in_another_thread_too(path):
    histories = []
    thread = threading.Thread(target=lambda: histories.append(Trainer().fit(3, path)))
    thread.start()
    thread.join()
    assert histories[0].steps == 3


# --- being killed


def test_killed_it_resumes_from_the_last_save(path):
    code = "from tests.unit.training.test_fit import Trainer\n"
    code += f"Trainer().fit(1_000_000, {str(path)!r}, save_every=0)"
    modules = os.pathsep.join([str(runtime.ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": modules, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL) as victim:
        while not path.exists():
            assert victim.poll() is None
            time.sleep(0.01)
        victim.kill()  # SIGKILL; on Windows, TerminateProcess
    steps = checkpoint.card(path)["steps"]
    trainer = Trainer()
    history = trainer.fit(steps + 10, path)
    assert trainer.calls == 10
    assert everything(trainer, history) == straight(steps + 10)


# --- what a step returns, and what it gets


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (None, "but it returned None"),
        (torch.zeros(()), "but it returned tensor"),
        ({"loss": torch.zeros(3)}, r"'loss' is a tensor of shape \(3,\)"),
        ({"loss": "0.1"}, "'loss' is '0.1'"),
        ({"D": 0.1, "G": math.nan}, "'G' became nan at step 1"),
        ({"D": torch.tensor(math.inf)}, "'D' became inf at step 1"),
    ],
)
def test_a_wrong_result_gets_one_clear_sentence(result, words):
    with refused(words, TrainingError):
        fit(lambda x: result)


def test_numbers_of_every_type_are_taken():
    numbers = [1, numpy.float32(1), torch.tensor([1.0]), torch.tensor(1.0, requires_grad=True)]
    history = fit(lambda x: dict(zip("abcd", numbers, strict=True)), steps=2)
    assert history.values == dict.fromkeys("abcd", [1.0, 1.0])


def test_numbers_on_a_device_are_not_waited_for_in_every_step(monkeypatch):
    monkeypatch.setattr(progress.Progress, "due", lambda self: False)
    loss = torch.zeros((), device="meta", dtype=torch.bfloat16, requires_grad=True)  # reading it raises
    steps = []

    def step(x):
        steps.append(x)
        return {"loss": loss}

    with pytest.raises(RuntimeError, match="meta"):
        fit(step, steps=3)
    assert len(steps) == 3, "it was read at the end only"


def test_weights_that_became_nan_do_not_replace_saved_ones(path):
    weight, calls = torch.zeros(1), []

    def step(x):
        calls.append(1)
        if len(calls) > 5:
            weight.fill_(math.nan)
        return {"loss": weight.clone()}

    with refused("'loss' became nan at step 6", TrainingError):
        fit(step, steps=50, checkpoint=path, parts={"weight": weight}, save_every=0)
    checkpoint.load(path, weight=weight)
    assert weight == 0 and checkpoint.card(path)["steps"] == 5


def test_weights_that_became_nan_behind_a_finite_loss_are_not_saved(path):
    weight, calls = nn.Parameter(torch.ones(1)), []
    optimizer = torch.optim.SGD([weight], lr=0.1)

    def step(x):
        calls.append(1)
        loss = (weight * 0).sqrt().sum() if len(calls) == 10 else weight.square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return {"loss": loss}

    parts = {"weight": nn.ParameterList([weight])}
    with refused("After step 10, 'weight' holds weights that are NaN", TrainingError):
        fit(step, steps=10, checkpoint=path, parts=parts, save_every=0)
    assert checkpoint.card(path)["steps"] == 9
    calls.clear()
    weight.data.fill_(1.0)
    with refused("'weight' holds weights that are NaN", TrainingError):
        fit(step, steps=10, parts=parts)


def test_an_error_leaves_a_file_to_go_on_from(path):
    trainer = Trainer()
    plain = trainer.step
    trainer.step = lambda x: plain(x) if trainer.calls < 6 else torch.rand(1) @ torch.rand(2)
    with pytest.raises(RuntimeError):
        trainer.fit(9, path, save_every=0)  # in half a step, which is not saved
    trainer = Trainer()
    trainer.batches = itertools.islice(trainer.batches, 2)
    with refused("batches ran out", TrainingError):
        trainer.fit(9, path)
    assert checkpoint.card(path)["steps"] == 8


def test_what_cannot_be_drawn_does_not_end_the_training(path, monkeypatch, capsys):
    monkeypatch.setattr(progress.Progress, "due", lambda self: True)
    drawn = []

    def update(self, text, fraction, picture=None):
        drawn.append((text, picture()))

    monkeypatch.setattr(progress.Progress, "update", update)
    trainer = Trainer()
    late = lambda: torch.rand(4, 3, 8, 8) if trainer.calls < 4 else torch.rand(4) @ torch.rand(5)  # noqa: E731
    history = trainer.fit(6, path, sample=late)
    assert history.steps == 6 == checkpoint.card(path)["steps"]
    assert drawn[1][1] is not None and drawn[-1][1] is None and "⚠ no picture: RuntimeError" in drawn[-1][0]


def test_a_short_training_may_do_without_curves(monkeypatch):
    shown = []
    monkeypatch.setattr(progress.Progress, "due", lambda self: True)
    monkeypatch.setattr(
        progress.Progress, "_show", lambda self, text, fraction, picture: shown.append(picture)
    )
    Trainer().fit(3, None, curves=False)
    assert shown == [None] * 4


def test_a_save_that_fails_on_the_way_is_said_and_the_next_one_counts(path, monkeypatch, capsys):
    write, calls = runtime.write_atomically, []

    def full_disk(*arguments):
        calls.append(1)
        if len(calls) < 4:
            raise OSError(28, "No space left on device")
        write(*arguments)

    monkeypatch.setattr(runtime, "write_atomically", full_disk)
    assert Trainer().fit(6, path, save_every=0).steps == 6
    assert checkpoint.card(path)["steps"] == 6
    calls.clear()
    with refused("cannot be written: No space left", checkpoint.CheckpointError):
        Trainer().fit(2, path, fresh=True)


class Slow(torch.utils.data.Dataset):
    def __len__(self):
        return 4000

    def __getitem__(self, i):
        time.sleep(0.05)
        return torch.zeros(1)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups that a signal reaches")
def test_the_stop_button_reaches_worker_processes_and_nothing_is_lost(path):
    code = f"""
import os, signal, itertools, torch
from imagegen_lessons import training
from tests.unit.training.test_fit import Slow
os.setpgrp()
network = torch.nn.Linear(1, 1)
batches = itertools.cycle(torch.utils.data.DataLoader(Slow(), batch_size=4, num_workers=2))
next(batches)
calls = []
def step(x):
    calls.append(1)
    if len(calls) == 5:
        os.killpg(os.getpgrp(), signal.SIGINT)
    return {{"loss": 1.0}}
history = training.fit(step, batches, 300, checkpoint={str(path)!r}, parts={{"network": network}})
print(history.stopped, history.steps)
"""
    environment = {**os.environ, "PYTHONPATH": str(runtime.ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout.startswith("True 5"), done.stderr
    assert checkpoint.card(path)["steps"] == 5


def test_full_memory_is_a_sentence_and_what_was_learned_is_saved(tmp_path):
    network, path = torch.nn.Linear(1, 1), tmp_path / "run.safetensors"

    def step(k):
        if k == 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        with torch.no_grad():
            network.bias.fill_(k)
        return {"k": k}

    with refused("memory was full after 3 steps", TrainingError):
        training.fit(step, range(9), 9, checkpoint=path, parts={"network": network})
    later = torch.nn.Linear(1, 1)
    history = training.fit(lambda k: {"k": k}, range(9), 4, checkpoint=path, parts={"network": later})
    assert history.steps == 4 and later.bias.item() == 2


def test_batches_come_from_a_list_an_iterator_or_nowhere():
    seen = []

    def step(*x):
        seen.append(x)
        return {}

    fit(step, [1, 2], steps=5)
    assert seen == [(1,), (2,), (1,), (2,), (1,)]
    stream = iter(range(10))
    fit(step, stream, steps=3)
    assert next(stream) == 3  # nothing is read ahead
    seen.clear()
    fit(step, None, steps=2)
    assert seen == [(), ()]
    for empty in ([], iter([1, 2])):
        with refused("batches ran out", TrainingError):
            fit(step, empty)


def test_wrong_settings_are_refused(path):
    with refused("at least 1, not 0"):
        fit(lambda x: {}, steps=0)
    with refused("whole number, at least 1, not 2.5"):
        fit(lambda x: {}, steps=2.5)
    with refused("parts="):
        fit(lambda x: {}, checkpoint=path)
