"""Trains lesson 13's networks: `python -m tools.train_shapes [classifier|buildings|plans] [--steps N]`, or all of them.

The classifier first, in ten minutes, as it measures the buildings; the other two take about an hour each, and can be
stopped and resumed. Each lands in data/checkpoints with its card. With IMAGEGEN_PACE=quick it is a rehearsal: a few
steps, and what comes of them goes to the output folder. What is drawn to learn from, ten minutes each, is kept there.
"""

import argparse
import time

import numpy
import torch

from imagegen_lessons import datasets, diffusion, metrics, runtime, shapes, training
from imagegen_lessons.shapes.building_networks import METRES, BuildingClassifier, BuildingVAE, building_loss
from imagegen_lessons.shapes.grid import STEP, Grids, drawn_grids
from imagegen_lessons.synthetic import buildings, plans
from imagegen_lessons.training import checkpoint
from tools.train_checkpoints import count, minimise, resumable, steps_of

DRAWN = 6_000  # buildings to learn from; with their mirror images twice as many
PLANS = 40_000  # floor plans to learn from
LR = 2e-3  # the highest, of a learning rate that rises and falls; 4e-3 diverged
KL = 5e-4  # weight of the divergence: small, since a flow learns how the latents lie
HELD_OUT = 9_000  # seed of buildings that no network has seen


def remembered(name: str, draw, n: int) -> list[torch.Tensor]:
    """The tensors of draw(n): from the output folder, if they lie there and are still drawn like that."""
    path = runtime.output_dir() / f"{name}_{n}.npz"
    if path.exists():
        with numpy.load(path) as file:
            found = [torch.from_numpy(file[key]) for key in file.files]
        if all(torch.equal(a[:4], b) for a, b in zip(found, draw(min(n, 4)), strict=True)):
            return found
    found = list(draw(n))
    path.parent.mkdir(parents=True, exist_ok=True)
    numpy.savez(path, *[x.numpy() for x in found])
    return found


def drawn(n: int, seed: int) -> Grids:
    """The grids of buildings.sample(n, seed)."""
    return Grids(*remembered(f"buildings_{seed}", lambda n: drawn_grids(buildings.sample(n, seed)), n))


def drawn_plans(n: int, seed: int) -> list[torch.Tensor]:
    """Plans (n, 24, 24) and their labels; the entrance is always in the middle of its wall."""

    def draw(n):
        factors = plans.sample(n, seed, entrance="middle")
        return plans.draw(factors), plans.label(factors)

    return remembered(f"plans_{seed}", draw, n)


def mirrored(batch) -> Grids:
    """Grids of which half, at random, are mirrored: left is right."""
    distance, surface, size, palette = batch
    chosen = torch.rand(len(size)) < 0.5
    distance, surface = distance.clone(), surface.clone()
    distance[chosen], surface[chosen] = distance[chosen].flip(1), surface[chosen].flip(1)
    return Grids(distance, surface, size, palette)


def parts_of(grids: Grids, size: int):
    """The grids in parts of this size, the last perhaps smaller."""
    return (Grids(*part) for part in zip(*(x.split(size) for x in grids), strict=True))


def fast():
    """Convolutions in bfloat16, which is three times as fast on new processors, and no worse here."""
    return torch.autocast("cpu", torch.bfloat16)


def buildings_decoder(steps: int):
    """Lesson 13's space of buildings: the average of a VAE's weights, and the latents of what it learned from."""
    bundled_classifier()  # that it is missing is better said before an hour's work than after it
    vae = BuildingVAE()
    average = training.EMA(vae, decay=0.998)
    optimizer = torch.optim.Adam(vae.parameters(), LR, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, steps, pct_start=0.05, cycle_momentum=False)
    grids = drawn(count(DRAWN), BuildingVAE.SEED)
    batches = datasets.Batches(*grids, size=8)

    def step(batch):
        target = mirrored(batch)
        with fast():
            mean, log_variance = (x.float() for x in vae.encode(target))
            decoded = vae.decoder(diffusion.reparametrise(mean, log_variance))
        parts = building_loss(decoded, target)
        kl = diffusion.kl_divergence(mean, log_variance).mean()
        optimizer.zero_grad()
        (sum(parts.values()) + KL * kl).backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        average.update_parameters(vae)
        return parts | {"KL": kl}

    parts = dict(vae=vae, average=average, optimizer=optimizer, schedule=schedule)
    history = training.fit(step, batches, steps, **resumable("buildings_decoder", **parts))
    vae = average.module
    with torch.no_grad():
        mean, log_variance = (torch.cat(x) for x in zip(*map(vae.encode, parts_of(grids, 16)), strict=True))
    measure_better(vae.decoder, mean, log_variance, grids)
    vae = vae.half().float().eval()  # as it will be stored
    known = mean[: vae.KNOWN]
    vae.known[: len(known)] = known
    figures = {"steps": steps, "seconds": round(history.seconds)}
    return vae, {**figures, **figures_of_restored(vae), **figures_of_new(vae, known)}


def measure_better(decoder, mean, log_variance, grids, steps: int = 10_000) -> None:
    """Sizes and colours are learned further from the latents alone, in a minute: on grids a step costs a hundred times
    as much, and after all of those the walls of a material still had the mean of its colours."""

    def loss(batch):
        mean, log_variance, size, palette = batch
        found_size, found_palette = decoder.measured(diffusion.reparametrise(mean, log_variance))
        return 4 * (found_size - size).abs().mean() / METRES + 10 * (found_palette - palette).abs().mean()

    decoder.measure.requires_grad_()  # those of an average are not trained by themselves
    batches = datasets.Batches(mean, log_variance, grids.size, grids.palette, size=min(256, len(mean)))
    minimise(loss, decoder.measure, batches, steps_of(steps), "size and colours")


@torch.no_grad()
def figures_of_restored(vae) -> dict:
    """How exactly are 200 buildings restored that it has not seen?"""
    grids, truth = drawn(count(200), HELD_OUT), buildings.label(buildings.sample(count(200), HELD_OUT))
    distances, surfaces, sizes, seen = [], [], [], []
    for part in parts_of(grids, 8):
        decoded = vae(vae.encode(part)[0])
        target = part.distance * STEP
        near = target.abs() < 1
        distances.append((decoded.distance - target)[near].abs().mean())
        surfaces.append((decoded.logits.argmax(dim=1) == part.surface)[near].float().mean())
        sizes.append((decoded.size - part.size).abs().mean())
        seen.append(decoded.grids())
    error, right, metres = (torch.stack(values).mean().item() for values in (distances, surfaces, sizes))
    return {
        "restored: cells off near the surface": round(error, 4),
        "restored: surfaces right": round(right, 4),
        "restored: metres off in size": round(metres, 3),
        "restored: labels right": shares_right(seen, truth),
    }


def bundled_classifier() -> BuildingClassifier:
    """The bundled classifier; in a rehearsal it may be an untrained one."""
    network = BuildingClassifier()
    try:
        return checkpoint.load_network("buildings_classifier", network)
    except checkpoint.CheckpointError:
        if runtime.pace() == "full":
            raise
        return network.eval()


def shares_right(grids: list[Grids], labels) -> str:
    """In how many buildings the classifier finds kind, storeys and roof that were wanted."""
    network = bundled_classifier()
    predicted = torch.cat([network.predict(part) for part in grids])
    return str([round(share, 3) for share in (predicted == labels).float().mean(dim=0).tolist()])


def new_latents(known, n: int, steps: int = 3_000):
    """Latents of n new buildings, by a flow that learns how the known ones lie, as in lesson 11."""
    mean, deviation = known.mean(dim=0), known.std(dim=0)
    flow = diffusion.FlowTrainer(diffusion.VelocityMLP(known.shape[1], hidden=384), steps_of(steps), lr=2e-3)
    batches = datasets.Batches((known - mean) / deviation, size=min(256, len(known)))
    training.fit(flow.step, batches, flow.steps, title="flow of latents", curves=False)
    z = torch.randn(n, known.shape[1], generator=runtime.generator(1))
    return mean + deviation * diffusion.sample(flow.average, z, 30)


def figures_of_new(vae, known) -> dict:
    """How good are 400 new buildings, and are all of the classes among them?"""
    z, network = new_latents(known, count(400)), bundled_classifier()
    good, whole, classes = 0, 0, []
    with torch.no_grad():
        for part in z.split(8):
            decoded = vae(part)
            classes.append(buildings.class_of(network.predict(decoded.grids())))
            for building in (decoded.building(i) for i in range(len(part))):
                pieces = building.pieces()
                whole += pieces == 1
                if pieces:
                    mesh = building.solid()
                    good += shapes.is_closed(mesh) and shapes.stands_on_ground(mesh, tolerance=0.1)
    return {
        "new": len(z),
        "new: closed and on the ground": round(good / len(z), 3),
        "new: in one piece": round(whole / len(z), 3),
        f"new: classes of {buildings.CLASSES}": metrics.class_coverage(torch.cat(classes), buildings.CLASSES),
    }


def buildings_classifier(steps: int):
    """The classifier of kind, storeys and roof, which measures buildings on grids."""
    grids = drawn(count(DRAWN), BuildingVAE.SEED)
    labels = buildings.label(buildings.sample(count(DRAWN), BuildingVAE.SEED))
    network = BuildingClassifier()

    def loss(batch):
        *parts, y = batch
        with fast():
            return network.loss(mirrored(parts), y)

    minimise(loss, network, datasets.Batches(*grids, labels, size=16), steps, "buildings_classifier")
    test = buildings.sample(count(200), HELD_OUT)
    network = network.half().float().eval()
    with torch.no_grad():
        seen = torch.cat([network.predict(part) for part in parts_of(drawn(count(200), HELD_OUT), 16)])
    right = seen == buildings.label(test)
    return network, {
        "steps": steps,
        "right": str([round(share, 3) for share in right.float().mean(dim=0).tolist()]),
        "class right": round(right.all(dim=1).float().mean().item(), 3),
    }


def plans_flow(steps: int):
    """Lesson 13's flow of floor plans, with labels for outline and number of rooms: the average of its weights."""
    cells, y = drawn_plans(count(PLANS), 100)
    x = plans.one_hot(cells)
    classes = (len(plans.OUTLINES), len(plans.ROOMS))
    network = diffusion.CategoricalUNet(classes, channels=x.shape[1], widths=(48, 96, 128))
    network = network.to(memory_format=torch.channels_last)
    average = training.EMA(network, decay=0.998)
    flow = diffusion.FlowTrainer(network, steps, lr=2e-3, average=average, loss=diffusion.categorical_loss)
    batches = datasets.Batches(x, y, size=32)
    history = training.fit(flow.step, batches, steps, **resumable("plans_flow", flow=flow))
    network = average.module.half().float().eval()  # as it will be stored
    return network, {"steps": steps, "seconds": round(history.seconds), **figures_of_plans(network)}


def figures_of_plans(network) -> dict:
    """Of 400 plans with labels, how many obey all rules, and have the outline and the rooms asked for?"""
    y = plans.label(plans.sample(count(400), HELD_OUT))
    z = torch.randn(len(y), network.channels, plans.SIDE, plans.SIDE, generator=runtime.generator(1))
    made = []
    for noise, labels in zip(z.split(50), y.split(50), strict=True):
        made.append(diffusion.sample(diffusion.guided(network, labels, 1.0), noise, steps_of(30)))
    made = plans.from_scores(torch.cat(made))
    wanted = [(plans.OUTLINES[outline], rooms + 2) for outline, rooms in y.tolist()]
    valid = [not plans.rules(plan) for plan in made]
    asked = [not plans.rules(plan, *wish) for plan, wish in zip(made, wanted, strict=True)]
    return {"obey all rules": sum(valid) / len(made), "and are as asked for": sum(asked) / len(made)}


# name on the command line -> recipe, which bears the name of its checkpoint, and its steps; in this order
RECIPES = {
    "classifier": (buildings_classifier, 1_500),
    "buildings": (buildings_decoder, 8_000),
    "plans": (plans_flow, 22_000),
}


def make(name: str, steps: int | None = None) -> None:
    """Trains one of the networks and writes it with its card."""
    recipe, full = RECIPES[name]
    runtime.seed_everything(0)
    start = time.perf_counter()
    network, figures = recipe(steps or steps_of(full))
    card = {
        "command": f"python -m tools.train_shapes {name}",
        "seed": 0,
        "device": runtime.device().type,
        "threads": torch.get_num_threads(),
        "seconds": round(time.perf_counter() - start),
        "parameters": sum(p.numel() for p in network.parameters()),
        **figures,
    }
    folder = runtime.checkpoint_dir() if runtime.pace() == "full" else runtime.output_dir()
    checkpoint.save(folder / f"{recipe.__name__}.safetensors", card=card, network=network.half())
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
