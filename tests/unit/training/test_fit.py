"""The training loop: exact resumption, clean stops, kills, and one clear sentence when a step is wrong."""

import json
import math
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy
import pytest
import torch
from torch import nn

from imagegen_lessons import runtime, training
from imagegen_lessons.display import plots, progress
from imagegen_lessons.training import TrainingError, checkpoint


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
    return (
        result,
        history.steps,
        history.values["loss"],
        random.random(),
        numpy.random.rand(),
        torch.rand(1).item(),
    )


def straight(steps):
    trainer = Trainer()
    return everything(trainer, training.fit(trainer.step, trainer.batches, steps))


def batches():
    while True:
        yield torch.zeros(1)


def fit(step, stream="endless", steps=5, **options):
    return training.fit(step, batches() if stream == "endless" else stream, steps, **options)


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
    assert again.last("seldom") == 0.5
    assert repr(again).startswith("History(6 steps, ") and len(repr(again)) < 100


def test_another_network_is_refused_with_the_way_out(path):
    Trainer().fit(2, path)
    other = Trainer()
    other.net = nn.Linear(4, 1)
    with pytest.raises(checkpoint.CheckpointError, match="'net'.*fresh=True"):
        other.fit(2, path)


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
    message = "stopped at step 9 of 30, nothing is lost: run this cell again to go on"
    assert message in capsys.readouterr().err

    trainer = Trainer()
    history = trainer.fit(30, path)
    assert not history.stopped and trainer.calls == 21
    assert "resumed at step 9" in capsys.readouterr().err
    if stop == "press":
        assert everything(trainer, history) == straight(30)


def test_without_a_file_the_networks_keep_what_they_learned(capsys):
    def step(x):
        signal.raise_signal(signal.SIGINT)
        return {"loss": 1.0}

    assert fit(step).steps == 1
    assert "call fit again to go on" in capsys.readouterr().err


def test_pressed_twice_it_stops_within_the_step(path):
    reached = []

    def step(x):
        for i in range(3):
            signal.raise_signal(signal.SIGINT)
            reached.append(i)

    history = fit(step)
    assert history.stopped and history.steps == 0 and reached == [0]


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


def test_killed_again_and_again_it_resumes_from_the_last_save(path, tmp_path):
    log = tmp_path / "log"
    script = textwrap.dedent(f"""
        import os, sys
        from tests.unit.training.test_fit import Trainer
        print("ready", flush=True)
        sys.stdin.readline()
        trainer, plain = Trainer(), Trainer.step
        log = os.open({str(log)!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        def step(x):
            os.write(log, b".")
            return plain(trainer, x)
        trainer.step = step
        trainer.fit(1_000_000, {str(path)!r}, save_every=0)
    """)
    modules = os.pathsep.join([str(runtime.ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": modules, "OMP_NUM_THREADS": "1"}
    victims = [  # started together, because most of their life is importing torch
        subprocess.Popen([sys.executable, "-c", script], env=environment, stdin=-1, stdout=-1, stderr=-3)
        for _ in range(3)
    ]
    moments, steps = random.Random(), 0
    for victim in victims:
        assert victim.stdout.readline().strip() == b"ready"
        started = log.stat().st_size if log.exists() else 0
        victim.stdin.write(b"go\n")
        victim.stdin.flush()
        while not log.exists() or log.stat().st_size < started + 3:
            assert victim.poll() is None
            time.sleep(0.001)
        time.sleep(moments.uniform(0, 0.1))
        victim.kill()  # SIGKILL; on Windows, TerminateProcess
        victim.communicate()
        done = log.stat().st_size - started
        saved = checkpoint.card(path)["steps"]
        assert (
            steps + done - 2 <= saved <= steps + done
        )  # at most the step since the last save, and one begun
        steps = saved

    trainer = Trainer()
    history = trainer.fit(steps + 10, path)
    assert trainer.calls == 10
    assert everything(trainer, history) == straight(steps + 10)


# --- what a step returns, and what it gets


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (None, "step must return the numbers to plot, as in return {\"loss\": loss}, but it returned None"),
        (torch.zeros(()), "but it returned tensor"),
        ({"loss": torch.zeros(3)}, "'loss' is a tensor of shape (3,)"),
        ({"loss": "0.1"}, "'loss' is '0.1'"),
        ({"D": 0.1, "G": math.nan}, "'G' became nan at step 1"),
        ({"D": torch.tensor(math.inf)}, "'D' became inf at step 1"),
    ],
)  # fmt: skip
def test_a_wrong_result_gets_one_clear_sentence(result, words):
    with pytest.raises(TrainingError) as caught:
        fit(lambda x: result)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_numbers_of_every_type_are_taken():
    report = {
        "a": 1,
        "b": numpy.float32(2),
        "c": torch.tensor([3.0]),
        "d": torch.tensor(4.0, requires_grad=True),
    }
    history = fit(lambda x: report, steps=2)
    assert history.values == {"a": [1.0] * 2, "b": [2.0] * 2, "c": [3.0] * 2, "d": [4.0] * 2}


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

    with pytest.raises(TrainingError, match="'loss' became nan at step 6.*lower learning rate"):
        fit(step, steps=50, checkpoint=path, parts={"weight": weight}, save_every=0)
    checkpoint.load(path, weight=weight)
    assert weight == 0 and checkpoint.card(path)["steps"] == 5


def test_an_error_in_the_step_is_shown_as_it_is(capsys):
    with pytest.raises(ZeroDivisionError):
        fit(lambda x: {"loss": 1 / 0})
    assert "ended by ZeroDivisionError" in capsys.readouterr().err


def test_full_memory_is_a_sentence_and_what_was_learned_is_saved(tmp_path):
    network, path = torch.nn.Linear(1, 1), tmp_path / "run.safetensors"

    def step(k):
        if k == 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        with torch.no_grad():
            network.bias.fill_(k)
        return {"k": k}

    with pytest.raises(TrainingError, match="memory was full after 3 steps: take smaller"):
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
        with pytest.raises(TrainingError, match="batches ran out"):
            fit(step, empty)


def test_wrong_settings_are_refused(path):
    with pytest.raises(ValueError, match="at least 1, not 0"):
        fit(lambda x: {}, steps=0)
    with pytest.raises(ValueError, match="parts="):
        fit(lambda x: {}, checkpoint=path)
