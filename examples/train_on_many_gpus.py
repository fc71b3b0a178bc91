"""Lesson 03's game on all GPUs of a machine (or in several processes of its CPU), by DistributedDataParallel:

    torchrun --standalone --nproc-per-node=4 -m examples.train_on_many_gpus gan --batch 128

Every process has a copy of both players and learns from its share of each batch. While `backward` runs, the gradients
of all are averaged, so the copies stay alike, and a step is the one that a single process would take with the whole
batch, up to rounding. Stopped (Ctrl+C) or cut off, the same command goes on from the last save, also with another
number of processes. Without torchrun, `python -m examples.train_on_many_gpus gan` trains in one process.
"""

import argparse
import os
import signal
import sys
import tempfile
import threading
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from imagegen_lessons import datasets, gans, runtime, training
from imagegen_lessons.synthetic import faces
from imagegen_lessons.training import checkpoint

# torchrun tells each process its number, the "rank", and how many there are. Rank 0 shows progress and writes files.
RANK, PROCESSES = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
FACES = runtime.steps(full=60_000, quick=320)


def share(x):
    """This process's part of a batch (n, ...), where n is a multiple of the number of processes."""
    return x.chunk(PROCESSES)[RANK]


class SharedGame(gans.GANTrainer):
    """`gans.GANTrainer` played by all processes together: `step` takes the whole batch, and each works on its share.

    Only the forward passes go through DistributedDataParallel (DDP). Optimisers, average and `state_dict` see the bare
    players, so a saved game does not depend on how many processes played it.
    """

    def __init__(self, G, D, losses, **settings):
        super().__init__(G, D, losses, **settings)
        # DDP averages when a gradient reaches the weights, in `backward`; the penalty's inner gradient stops at the
        # pictures, and is left alone. Not so with static_graph=True: the copies then drift apart without a word.
        self.parallel_G, self.parallel_D = DistributedDataParallel(G), DistributedDataParallel(D)

    def z(self, n):
        # All roll the same rng, so together they have the latents that one process would have.
        return share(super().z(n * PROCESSES))

    def fakes(self, n):
        return self.parallel_G(self.z(n))

    def score(self, x):
        return self.parallel_D(x)

    def step(self, real):
        losses = super().step(share(real))
        for loss in losses.values():  # rank 0 reports, and stops at NaN, for all
            dist.all_reduce(loss)
            loss /= PROCESSES
        return losses


class Settings:
    """A part of a checkpoint: it refuses to go on with other settings than the training was begun with."""

    def __init__(self, **values):
        self.values = values

    def state_dict(self):
        return self.values

    def load_state_dict(self, values):
        if values != self.values:
            begun = " ".join(f"--{name} {value}" for name, value in values.items())
            raise ValueError(f"it was begun with {begun}")


def train_gan(args) -> None:
    """Lesson 03's players on drawn faces; G's running average and D are written to `args.out`, as in `faces_gan`."""
    device = torch.device("cpu") if dist.is_initialized() and not on_gpu() else runtime.device()
    real = faces.render(faces.passports(FACES, seed=10 + args.seed), args.size)
    # As in the lesson, the networks for larger pictures are wider.
    G = gans.Generator(size=args.size, width=2 * args.size).to(device)
    D = gans.Discriminator(size=args.size, width=args.size).to(device)
    kind = SharedGame if dist.is_initialized() else gans.GANTrainer
    game = kind(G, D, gans.RELATIVISTIC, latent=64, gamma=1.0, lr=2e-3)
    game.penalty_every, game.average = 8, training.EMA(G, decay=0.998)
    batches = datasets.Batches(real, size=args.batch, seed=args.seed, device=device)
    parts = {"game": game, "batches": batches, "settings": settings(args), "random": checkpoint.Randomness()}
    path = unfinished(args.out)
    if RANK == 0:
        saving = dict(checkpoint=path, parts=parts, save_every=args.save_every)
        history = training.fit(game.step, batches, args.steps, title="train_many gan", **saving)
        if history.stopped:
            sys.exit(f"Stopped. {way_on(path)}")
        players = torch.nn.ModuleDict({"G": game.average.module, "D": D}).eval()
        facts = {"steps": history.steps, "seconds": round(history.seconds), "processes": PROCESSES}
        card = {"command": "train_many gan", "device": device.type, **settings(args).values, **facts}
        checkpoint.save(args.out, card, network=players)
        print(f"G and D are in {args.out}; in a lesson, checkpoint.load_network(path, players) loads them.")
    else:
        if path.is_file():  # still the file that rank 0 loads: it cannot save before all have taken a step
            checkpoint.load(path, **parts)
        for _ in range(args.steps - game.d_steps):
            game.step(next(batches))


def settings(args) -> Settings:
    """What must stay the same when training goes on."""
    return Settings(batch=args.batch, size=args.size, seed=args.seed)


RECIPES = {"gan": train_gan}


def unfinished(out: Path) -> Path:
    """The file beside `out` that holds all that is needed to go on."""
    return out.with_name(f"{out.stem}.training{out.suffix}")


def way_on(path: Path) -> str:
    """What to do when training has been cut off, in a sentence."""
    try:
        steps = checkpoint.card(path)["steps"]
    except checkpoint.CheckpointError:
        return "Nothing was saved yet: the same command begins anew."
    return f"The same command goes on from step {steps:,}, the last one saved (in {path})."


def on_gpu() -> bool:
    return runtime.device().type == "cuda"


def meet() -> None:
    """Waits for the other processes, if torchrun started any; each takes a GPU of its own where there are GPUs."""
    if "RANK" not in os.environ:
        return
    if on_gpu():
        gpus = torch.cuda.device_count()
        if gpus < PROCESSES:
            sys.exit(f"There are {PROCESSES} processes, and GPUs only for {gpus}: start that many.")
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if on_gpu() else "gloo", timeout=timedelta(minutes=5))


def say_goodbye(path: Path) -> None:
    """Ends this process because another one has ended, and says how to go on."""
    if RANK < 2:  # of two, one is alive; more need not say it
        sentence = f"Training is cut off: one process has ended, or was told to. {way_on(path)}"
        print(sentence, file=sys.stderr, flush=True)
    os._exit(1)


def expect_the_end(path: Path) -> None:
    """Says goodbye when torchrun ends this process, as it does when another one is gone.

    Python hears signals in the main thread only, which may wait for the lost process for long. So another thread
    reads them from the pipe into which they are written at once.
    """

    def listen():
        while os.read(heard, 1) != bytes([signal.SIGTERM]):
            pass
        say_goodbye(path)

    if os.name == "posix":
        heard, written = os.pipe()
        os.set_blocking(written, False)
        signal.set_wakeup_fd(written)
        signal.signal(signal.SIGTERM, lambda *_: None)
        threading.Thread(target=listen, daemon=True).start()


def whole(low: int, high: int):
    """A reader of whole numbers in a range, for argparse."""

    def whole_number(text):
        if not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"it can be a whole number from {low} to {high:,}, not {text}")
        return int(text)

    return whole_number


def arguments(argv=None) -> argparse.Namespace:
    """The arguments of the command line, looked through; a mistake ends the program with a sentence."""
    parser = argparse.ArgumentParser(prog="train_many", description="Start it by torchrun, on all GPUs.")
    parser.add_argument("recipe", choices=RECIPES, help="gan: lesson 03's generator of faces")
    steps = runtime.steps(full=50_000, quick=24)
    parser.add_argument("--steps", type=whole(1, 10**9), default=steps, help="default: %(default)s")
    parser.add_argument("--batch", type=whole(1, FACES), default=32, help="of all processes together (32)")
    parser.add_argument("--size", type=whole(16, 128), default=32, help="of the pictures, in pixels (32)")
    parser.add_argument("--seed", type=whole(0, 2**32 - 1), default=0)
    parser.add_argument("--save-every", type=float, default=30.0, help="seconds (30)")
    parser.add_argument("--out", type=Path, help="the file to write (outputs/RECIPE.safetensors)")
    args = parser.parse_args(argv)
    if args.batch % PROCESSES:
        parser.error(f"--batch {args.batch} cannot be shared by {PROCESSES} processes: take a multiple.")
    if args.size % 8:
        parser.error(f"--size must be a multiple of 8, not {args.size}.")
    try:
        on_gpu()  # a device that is not there is better heard of now
        args.out = args.out or runtime.output_dir() / f"{args.recipe}.safetensors"
        if args.out.suffix != ".safetensors" or args.out.is_dir():
            parser.error(f"--out must be a file that ends in .safetensors, not {args.out}.")
        args.out.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=args.out.parent).close()
    except runtime.SettingError as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"--out {args.out} cannot be written ({error.strerror}): choose a folder of yours.")
    if unfinished(args.out).is_file():
        try:
            checkpoint.load(unfinished(args.out), settings=settings(args))
        except checkpoint.CheckpointError as error:
            parser.error(f"{error} Name another --out, or delete that file, to begin anew.")
    return args


def main(argv=None) -> None:
    # Rank 0 looks at the arguments before it meets the others, so that of a mistake one hears once.
    if RANK:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for rank 0, which then saves
        meet()
    args = arguments(argv)
    if not RANK:
        meet()
    if dist.is_initialized():
        expect_the_end(unfinished(args.out))
    runtime.seed_everything(args.seed)
    try:
        RECIPES[args.recipe](args)
    except (checkpoint.CheckpointError, training.TrainingError) as error:
        sys.exit(str(error))
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or "gloo" in str(error):  # the connection to another process
            say_goodbye(unfinished(args.out))
        first = str(error).splitlines()[0]  # out of memory, for one
        sys.exit(f"Process {RANK} cannot go on: {first} {way_on(unfinished(args.out))}")
    if dist.is_initialized():
        dist.destroy_process_group()
        sys.stdout.flush()
        # Not by Python's orderly end: now and then it meets a thread of gloo that still holds a tensor, and aborts.
        os._exit(0)


if __name__ == "__main__":
    main()
