"""Lesson 03's GAN on all GPUs of a machine, or in several processes of its CPU, by DistributedDataParallel (DDP):

    torchrun --standalone --nproc-per-node=4 -m examples.train_on_many_gpus --batch 128

Every process has a copy of both networks and learns from its share of each batch. While `backward` runs, DDP averages
the gradients of all, so the copies stay alike, and a step is the one that a single process would take with the whole
batch, up to rounding. Stopped or cut off, the same command goes on from the last save, also with another number of
processes.
"""

import argparse
import os
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from imagegen_lessons import datasets, gans, runtime, training
from imagegen_lessons.synthetic import faces
from imagegen_lessons.training import checkpoint

# torchrun tells each process its number, the "rank", and how many there are, the "world size".
RANK, WORLD_SIZE = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))


def share(x):
    """This process's part of a batch (n, ...), where n is a multiple of the number of processes."""
    return x.chunk(WORLD_SIZE)[RANK]


class DistributedGANTrainer(gans.GANTrainer):
    """`gans.GANTrainer` in all processes together: `step` takes the whole batch, and each learns from its share."""

    def __init__(self, G, D, losses, **settings):
        # DDP averages when a gradient reaches the weights, in `backward`; the penalty's inner gradient stops at the
        # images, and is left alone. Not so with static_graph=True: the copies then drift apart without a word.
        super().__init__(DistributedDataParallel(G), DistributedDataParallel(D), losses, **settings)

    def z(self, n):
        return share(super().z(n * WORLD_SIZE))  # all draw the latents that one process would have

    def step(self, real):
        losses = super().step(share(real))
        for loss in losses.values():  # rank 0 shows the mean, and stops for all at one that is not finite
            dist.all_reduce(loss)
            loss /= WORLD_SIZE
        return losses


def train(args, device) -> None:
    """Trains, and writes G's running average and D to `args.out`, as in the bundled `faces_gan`."""
    faces_drawn = runtime.steps(full=60_000, quick=320)
    real = faces.render(faces.passports(faces_drawn, seed=10 + args.seed), args.size)
    # As in the lesson, the networks for larger images are wider.
    G = gans.Generator(size=args.size, width=2 * args.size).to(device)
    D = gans.Discriminator(size=args.size, width=args.size).to(device)
    average = training.EMA(G, decay=0.998)
    settings = dict(latent=64, average=average, gamma=1.0, penalty_interval=8)
    gan = DistributedGANTrainer(G, D, gans.RELATIVISTIC, **settings)
    batches = datasets.Batches(real, size=args.batch, seed=args.seed, device=device)
    parts = {"gan": gan, "batches": batches, "random": checkpoint.Randomness()}
    # Its name holds the settings, so training never goes on with others than it was begun with.
    path = args.out.with_name(
        f"{args.out.stem}_size{args.size}_batch{args.batch}_seed{args.seed}.safetensors"
    )
    if RANK == 0:  # one process shows progress and writes files
        saving = dict(checkpoint=path, parts=parts, save_every=args.save_every)
        history = training.fit(gan.step, batches, args.steps, title="lesson 03's GAN", **saving)
        card = {"steps": history.steps, "seconds": round(history.seconds), "processes": WORLD_SIZE}
        checkpoint.save(args.out, card, network=torch.nn.ModuleDict({"G": average.module, "D": D}))
        print(f"G and D are in {args.out}; in a lesson, checkpoint.load_network(path, networks) loads them.")
        return
    if path.is_file():  # the file that rank 0 loads, too: it saves only after a step of all processes
        checkpoint.load(path, **parts)
    while gan.d_steps < args.steps:
        gan.step(next(batches))


def main(argv=None) -> None:
    parser = argparse.ArgumentParser(prog="train_on_many_gpus", description="Start it by torchrun.")
    parser.add_argument("--steps", type=int, default=runtime.steps(full=50_000, quick=24))
    parser.add_argument("--batch", type=int, default=32, help="images of all processes together")
    parser.add_argument("--size", type=int, default=32, help="of the images, a multiple of 8")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save-every", type=float, default=30.0, help="seconds")
    parser.add_argument("--out", type=Path, default=runtime.output_dir() / "gan.safetensors")
    args = parser.parse_args(argv)
    if args.batch % WORLD_SIZE:
        parser.error(f"--batch {args.batch} cannot be shared by {WORLD_SIZE} processes: take a multiple.")
    device = runtime.device() if runtime.device().type == "cuda" else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))  # a GPU of its own for each process
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    runtime.seed_everything(args.seed)
    train(args, device)
    dist.destroy_process_group()
    # Not by Python's orderly end: now and then it meets a thread of gloo that still holds a tensor, and aborts.
    print(end="", flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
