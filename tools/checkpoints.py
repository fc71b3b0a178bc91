"""Trains the bundled checkpoints: `python -m tools.checkpoints digits_classifier`.

Each lands in data/checkpoints with its card inside (see it with `checkpoint.card(name)`), and data/README.md lists
them.
"""

import sys
import time

import torch
import torch.nn.functional as F

from imagegen_lessons import checkpoint, classifier, datasets, distances, gan, runtime, train
from imagegen_lessons.synthetic import faces


def digits_classifier(seed: int = 0) -> tuple[torch.nn.Module, dict]:
    """Lesson 01's reader of handwritten digits, wider and trained longer; the judge in lesson 02.

    Every batch is moved by up to a pixel, so that the judge does not depend on the digits' exact place.
    """
    x, y = datasets.digits()
    (x_train, y_train), (x_test, y_test) = datasets.split(x, y, test=0.2)
    network = classifier.ConvNet(channels=1, outputs=10, size=8, width=24)
    steps = 2500
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps)

    def step(batch):
        x, y = batch
        x = F.pad(x, (1, 1, 1, 1))
        top, left = torch.randint(3, (2,)).tolist()
        loss = F.cross_entropy(network(x[:, :, top : top + 8, left : left + 8]), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        return {"loss": loss}

    train.fit(step, datasets.Batches(x_train, y_train, size=64, seed=seed), steps, title="digits_classifier")
    network.eval()
    with torch.no_grad():
        right = (network(x_test).argmax(dim=1) == y_test).sum().item()
    return network, {"test digits right": right, "test digits": len(y_test)}


def face_reader(seed: int = 0) -> tuple[torch.nn.Module, dict]:
    """The judge of lessons 03, 04 and 06: reads skin, hair, glasses, expression and pose off drawn faces."""
    factors = faces.sample(60_000, seed=1_000 + seed)
    x = faces.render(factors)
    network = classifier.FaceReader()
    steps = 6000
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps)

    def step(batch):
        x, *values = batch
        loss = network.loss(x, dict(zip(factors, values, strict=True)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        return {"loss": loss}

    batches = datasets.Batches(x, *factors.values(), size=128, seed=seed)
    train.fit(step, batches, steps, title="face_reader")
    test = faces.sample(5_000, seed=2_000)
    read = network.eval().read(faces.render(test))
    right = {name: round((read[name] == test[name]).float().mean().item(), 4) for name in network.CHOICES}
    error = {name: round((read[name] - test[name]).abs().mean().item(), 3) for name in network.NUMBERS}
    kinds = (faces.kind(read) == faces.kind(test)).float().mean().item()
    return network, {"kind right": round(kinds, 4), "right": str(right), "mean error": str(error)}


def figures_of_faces(G: torch.nn.Module, latent: int = 64) -> dict:
    """How good are 2,000 faces out of G? Read by the judge, beside faces that it has not seen."""
    judge = checkpoint.load_network("face_reader", classifier.FaceReader())
    real = faces.render(faces.passports(5_000, seed=3_000))
    with torch.no_grad():
        fake = torch.cat(
            [G(z) for z in torch.randn(2_000, latent, generator=runtime.generator(1)).split(250)]
        )
        frechet = distances.frechet(judge.features(real), judge.features(fake))
    kinds = distances.kind_coverage(judge.kind(fake), faces.KINDS)
    return {"kinds of 72 among 2,000": kinds, "Fréchet distance": round(frechet, 3)}


def faces_gan(seed: int = 0) -> tuple[torch.nn.Module, dict]:
    """Lesson 03's two players after about an hour; G is the running average. Used in lessons 03, 04 and 06."""
    G, D = gan.Generator(), gan.Discriminator()
    game = gan.Game(G, D, gan.RELATIVISTIC, latent=64, gamma=1.0, lr=2e-3)
    game.penalty_every, game.average = 8, train.ema(G, decay=0.999)
    real = faces.render(faces.passports(60_000, seed=10 + seed))
    path = runtime.output_dir() / "faces_gan.safetensors"  # so that it can be stopped and resumed
    batches = datasets.Batches(real, size=32, seed=seed)
    train.fit(
        game.step, batches, 60_000, title="faces_gan", checkpoint=path, parts={"game": game}, save_every=120
    )
    players = torch.nn.ModuleDict({"G": game.average.module, "D": D})
    return players.eval(), {"steps": 60_000, **figures_of_faces(players["G"])}


RECIPES = {"digits_classifier": digits_classifier, "face_reader": face_reader, "faces_gan": faces_gan}


def make(name: str, seed: int = 0) -> None:
    runtime.seed_everything(seed)
    start = time.perf_counter()
    network, figures = RECIPES[name](seed)
    card = {
        "command": f"python -m tools.checkpoints {name}",
        "seed": seed,
        "device": runtime.device().type,
        "threads": torch.get_num_threads(),
        "seconds": round(time.perf_counter() - start),
        "parameters": sum(p.numel() for p in network.parameters()),
        **figures,
    }
    checkpoint.save(runtime.checkpoint_dir() / f"{name}.safetensors", card=card, network=network)
    print(card)


if __name__ == "__main__":
    for recipe in sys.argv[1:] or RECIPES:
        if recipe not in RECIPES:
            raise SystemExit(f"There is no recipe {recipe!r}; there are: {', '.join(RECIPES)}.")
        make(recipe)
