"""Trains lesson 14's networks: `python -m tools.train_motion [NAME] [--steps N]`, or all without a name.

Each takes at most half an hour of one thread, can be stopped and resumed, and lands in data/checkpoints with its card.
With IMAGEGEN_PACE=quick it is a rehearsal: a few steps, and what comes of them goes to the output folder.
"""

import argparse
import functools
import time

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import metrics, motion, runtime, style, training
from imagegen_lessons.networks import features
from imagegen_lessons.synthetic import sprites
from imagegen_lessons.training import checkpoint
from tools.train_checkpoints import count, resumable, steps_of

HELD_OUT = 9_000  # seed of clips and fluids that no network has seen
DRIFT = {
    "fire": (-4, 0),
    "water": (2, 2),
    "glass": (0, 2),
}  # pixels down and right in 8 steps of an automaton
PAIRS = ((0, 1, 2), (1, 2, 3), (0, 1, 3), (0, 2, 3))  # frames before, between and after, of four
FRAMES = 61  # of each film of a fire
POOL = 32  # states of an automaton that live on from step to step


def trained(name: str, network, loss, steps: int, lr: float, largest: float | None, **parts):
    """Brings `loss()` down by Adam; returns the average of the weights, and figures.

    largest: the norm to which gradients are cut; None for automata, where each tensor's gradient gets a norm of 1.
    """
    average = training.EMA(network, decay=0.998)
    optimizer = torch.optim.Adam(network.parameters(), lr, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, steps, pct_start=0.05, cycle_momentum=False)

    def step():
        value = loss()
        optimizer.zero_grad()
        value.backward()
        if largest is None:
            for p in network.parameters():
                p.grad /= p.grad.norm() + 1e-8
        else:
            nn.utils.clip_grad_norm_(network.parameters(), largest)
        optimizer.step()
        schedule.step()
        average.update_parameters(network)
        return {"loss": value}

    parts |= dict(network=network, average=average, optimizer=optimizer, schedule=schedule)
    history = training.fit(step, None, steps, **resumable(name, **parts))
    figures = {"steps": steps, "seconds of training": round(history.seconds)}
    return average.module.half().float().eval(), figures  # as it will be stored


# ---- The creature ---------------------------------------------------------------------------------------------


def creature_target() -> torch.Tensor:
    """Lesson 14's mushroom, in a field of 32 pixels: (1, 4, 32, 32)."""
    look = dict(
        kind="mushroom", pose="rest", facing="right", light="left", shift_x="middle", shift_y="middle"
    )
    return F.pad(sprites.render(sprites.sample(1, seed=3, **look)), (4, 4, 4, 4))


def creature(steps: int):
    """An automaton that grows a mushroom from one cell, and heals it: lesson 14's own training, four times as long."""
    target, network = creature_target(), motion.CellularAutomaton(12, 128)
    hear_slopes(network)
    pool, body = motion.seed(64, 12, 32), target[0, 3] > 0.5
    done = torch.zeros((), dtype=torch.long)  # a part of what is saved, so that a resumed training knows

    def error(state):
        return (state[:, :4] - target).square().mean(dim=(1, 2, 3))

    def loss():
        chosen = torch.randperm(len(pool))[:8]
        chosen = chosen[error(pool[chosen]).argsort(descending=True)]
        state = pool[chosen]
        state[:1] = motion.seed(1, 12, 32)  # the worst begins anew
        if done > 0.15 * steps:
            state[-3:] *= motion.holes(body, 3)  # the best are hurt
        done.add_(1)
        halfway, last = 0, int(torch.randint(10, 20, ()))
        for k in range(last):
            state = network(state, rate=1.0)
            if k == last - 1 - last // 3:
                halfway = error(state).mean()
        pool[chosen] = state.detach()
        return 0.5 * halfway + error(state).mean()

    network, figures = trained("creature", network, loss, steps, lr=4e-3, largest=None, pool=pool, done=done)
    return network, {**figures, **figures_of_creature(network, target)}


def hear_slopes(network, times=4) -> None:
    """Makes the slopes' weights larger at the start: slopes are small numbers, and what is not heard is not learned."""
    with torch.no_grad():
        network.hidden.weight[:, network.channels :] *= times


@torch.no_grad()
def figures_of_creature(network, target) -> dict:
    """In dB on white: grown, with three tenths erased, and healed. The mean of 48, and the worst."""
    runtime.seed_everything(1)
    white = torch.ones(1, 3, 32, 32)
    truth, figures = motion.over(target, white), {}

    def note(name, state):
        found = metrics.psnr(
            motion.over(motion.to_rgba(state), white).clamp(0, 1), truth.expand(len(state), -1, -1, -1)
        )
        figures[f"dB, {name}"] = f"{found.mean():.1f}, worst {found.min():.1f}"

    state = motion.seed(48, 12, 32)
    for _ in range(60):
        state = network(state, rate=1.0)
    note("grown", state)
    state = state * motion.holes(target[0, 3] > 0.5, 48)
    note("three tenths erased", state)
    for k in range(1, 401):
        state = network(state, rate=1.0)
        if k in (20, 50, 100, 400):
            note(f"{k} steps later", state)
    return figures


# ---- Textures -------------------------------------------------------------------------------------------------


def look_of(name: str):
    """The style loss of states against a texture: a function of states (n, c, h, w), 0 for the texture itself."""
    extractor = features.load("bundled")
    maps = extractor(motion.texture(name), depth=4)
    terms = [style.StyleLoss(maps, layer, centred=False) for layer in range(4)]

    def look(states):
        pictures = motion.to_picture(states).split(1)
        found = [sum(term(maps) for term in terms) / 4 for maps in (extractor(x, depth=4) for x in pictures)]
        return torch.stack(found).mean()

    return look


def texture(name: str, steps: int):
    """An automaton that weaves a texture which drifts, from nothing, and goes on for good."""
    network, look, drift = motion.CellularAutomaton(12, 96, living=False), look_of(name), DRIFT[name]
    hear_slopes(network, 2)
    pool = torch.zeros(POOL, 12, 64, 64)

    def loss():
        chosen = torch.randperm(POOL)[:4]
        state = pool[chosen]
        if torch.rand(()) < 0.15:
            state[state.abs().amax(dim=(1, 2, 3)).argmax()] = 0  # what is farthest out of range begins anew
        for _ in range(int(torch.randint(8, 24, ()))):
            state = network(state)
        before = state[:, :3]
        for _ in range(8):
            state = network(state)
        pool[chosen] = state.detach()
        # What has drifted looks as before, and no channel leaves its range.
        moved = (state[:, :3] - before.roll(drift, (2, 3))).square().mean() / before.detach().var().clamp(
            min=1e-3
        )
        beyond = (state - state.clamp(-1, 1)).abs().mean() + (
            state[:, :3] - state[:, :3].clamp(-0.5, 0.5)
        ).abs().mean()
        return (look(state) + 0.05).log() + 0.1 * moved + beyond

    network, figures = trained(f"texture_{name}", network, loss, steps, lr=2e-3, largest=None, pool=pool)
    return network, {**figures, **figures_of_texture(network, look)}


@torch.no_grad()
def figures_of_texture(network, look) -> dict:
    """Does it still look like the texture after so many steps, and still move?"""
    state, figures = torch.zeros(1, network.channels, 96, 96), {}
    runtime.seed_everything(1)
    for k in range(1, count(1_000) + 1):
        before, state = state, network(state)
        if k in (100, 300, 1_000):
            figures[f"style loss after {k} steps"] = round(look(state).item(), 3)
    figures["largest value"] = round(state.abs().max().item(), 2)
    figures["mean change of a colour in a step"] = round((state - before)[:, :3].abs().mean().item(), 4)
    return figures


# ---- The fluid ------------------------------------------------------------------------------------------------


def fluid(name: str, unroll: int, steps: int):
    """The learned step of a fluid, trained on films of `unroll` steps in which it goes on from its own outputs."""
    fires = motion.sample_fires(count(96), 64, seed=1)
    films = motion.film(motion.solver_steps, *fires, FRAMES)
    network, rng = motion.FluidNetwork(), runtime.generator(0)

    def loss():
        chosen = torch.randint(len(films), (8,), generator=rng)
        first = torch.randint(FRAMES - unroll, (8,), generator=rng)
        clips = torch.stack([films[k, i : i + unroll + 1] for k, i in zip(chosen, first, strict=True)])
        return motion.film_loss(network, clips, *(x[chosen] for x in fires))

    network, figures = trained(name, network, loss, steps, lr=3e-3, largest=0.5)
    return network, {"unrolled steps": unroll, **figures, **figures_of_fluid(network)}


def figures_of_fluid(network) -> dict:
    """How far does it go on well by itself? Three fires that it has not seen, after 20 frames of the solver."""
    mask, wind, fuel = motion.sample_fires(3, 64, HELD_OUT)
    frames = count(301)
    truth = motion.film(motion.solver_steps, mask, wind, fuel, 20 + frames)[:, 20:]
    start = motion.from_maps(truth[:, 0])
    seen = motion.film(network, mask, wind, fuel, frames, start=start)
    figures = {}
    for k in (k for k in (1, 10, 30, 100, 300) if k < frames):
        error = (seen[:, k] - truth[:, k]).square().mean(dim=(0, 2, 3)).sqrt()
        size = truth[:, k].square().mean(dim=(0, 2, 3)).sqrt()
        relative = error[:2].norm() / size[:2].norm()
        figures[f"frame {k}: relative error of velocity, of smoke"] = (
            f"{relative:.3f}, {error[2] / size[2]:.3f}"
        )
    late = slice(frames // 2, None)
    energy = [x[:, late, :2].square().mean(dim=(1, 2, 3, 4)) for x in (seen, truth)]
    smoke = [x[:, late, 2].mean(dim=(1, 2, 3)) for x in (seen, truth)]
    figures["energy against the solver's, second half"] = str(
        [round(v, 2) for v in (energy[0] / energy[1]).tolist()]
    )
    figures["smoke against the solver's, second half"] = str(
        [round(v, 2) for v in (smoke[0] / smoke[1]).tolist()]
    )
    found = [motion.divergence(x[:, late, :2].flatten(0, 1)).abs().mean().item() for x in (seen, truth)]
    figures["mean divergence, and the solver's"] = f"{found[0]:.1e}, {found[1]:.1e}"
    return figures


# ---- Frame interpolation --------------------------------------------------------------------------------------


def drawn_clips(n: int) -> torch.Tensor:
    """n clips of four frames, in bytes."""
    parts = [motion.sample_clips(min(50, n), 4, 64, seed=1 + k) for k in range(-(-n // 50))]
    return (torch.cat(parts)[:n] * 255).round().to(torch.uint8)


def interpolation(steps: int):
    """The network that finds the frame between: from clips forwards and backwards, upright, mirrored and lying."""
    clips, network, rng = drawn_clips(count(1_500)), motion.InterpolationNetwork(), runtime.generator(0)

    def loss():
        i, j, k = PAIRS[int(torch.randint(len(PAIRS), (), generator=rng))]
        x = clips[torch.randint(len(clips), (8,), generator=rng)][:, [i, j, k]] / 255
        t = (j - i) / (k - i)
        backwards, mirrored, lying = (torch.rand(3, generator=rng) < 0.5).tolist()
        x, t = (x.flip(1), 1 - t) if backwards else (x, t)
        x = x.flip(-1) if mirrored else x
        a, between, b = (x.mT if lying else x).unbind(dim=1)
        return network.loss(a, b, between, t)

    network, figures = trained("interpolation", network, loss, steps, lr=2e-3, largest=0.1)
    return network, {**figures, **figures_of_interpolation(network)}


@torch.no_grad()
def figures_of_interpolation(network) -> dict:
    """How near to the true frame is what it finds? In dB, for three seeds of clips that it has not seen."""
    figures = {}
    for seed in range(HELD_OUT, HELD_OUT + 3):
        a, truth, b = motion.sample_clips(count(96), 3, 64, seed).unbind(dim=1)
        by_flow = motion.between(a, b, motion.lucas_kanade(a, b))
        found = [metrics.psnr(x.clamp(0, 1), truth).mean() for x in (network(a, b), (a + b) / 2, by_flow)]
        figures[f"dB, blended, by Lucas-Kanade, seed {seed}"] = ", ".join(f"{x:.2f}" for x in found)
    return figures


# name on the command line and of the checkpoint -> recipe and its steps; in this order
RECIPES = {
    "creature": (creature, 4_500),
    "texture_fire": (functools.partial(texture, "fire"), 2_000),
    "texture_water": (functools.partial(texture, "water"), 2_000),
    "texture_glass": (functools.partial(texture, "glass"), 2_000),
    "fluid_one_step": (functools.partial(fluid, "fluid_one_step", 1), 4_000),
    "fluid_unrolled": (functools.partial(fluid, "fluid_unrolled", 6), 4_000),
    "interpolation": (interpolation, 12_000),
}


def make(name: str, steps: int | None = None) -> None:
    """Trains one of the networks and writes it with its card."""
    recipe, full = RECIPES[name]
    runtime.seed_everything(0)
    start = time.perf_counter()
    network, figures = recipe(steps or steps_of(full))
    card = {
        "command": f"python -m tools.train_motion {name}",
        "seed": 0,
        "device": "cpu",
        "threads": torch.get_num_threads(),
        "seconds": round(time.perf_counter() - start),
        "parameters": sum(p.numel() for p in network.parameters()),
        **figures,
    }
    folder = runtime.checkpoint_dir() if runtime.pace() == "full" else runtime.output_dir()
    checkpoint.save(folder / f"{name}.safetensors", card=card, network=network.half())
    print(card)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", nargs="?", choices=RECIPES, help="only this one")
    parser.add_argument("--steps", type=int, help="of the training, in place of the recipe's own")
    arguments = parser.parse_args()
    for name in [arguments.name] if arguments.name else RECIPES:
        make(name, arguments.steps)


if __name__ == "__main__":
    main()
