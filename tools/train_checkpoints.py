"""Trains the bundled checkpoints: `python -m tools.train_checkpoints digits_classifier`.

Each lands in data/checkpoints with its card inside (see it with `checkpoint.card(name)`), and data/README.md lists
them. The eye of the style arc learns from photographs that are not ours and has a program of its own, tools/train_features.py.
"""

import sys
import time

import torch
import torch.nn.functional as F

from imagegen_lessons import datasets, gans, metrics, networks, runtime, superres, training
from imagegen_lessons.deepfakes import detectors, faceswap, forgeries
from imagegen_lessons.superres.stochastic import (
    NAMES,
    EnergyScoreTrainer,
    StochasticTrainer,
    StochasticUpscaler,
    mostly_light,
)
from imagegen_lessons.synthetic import faces, outfits, sprites
from imagegen_lessons.training import checkpoint
from tools.train_adain import adain


def _learn(network, loss, batches, steps: int, title: str) -> None:
    """Trains a classifier: `loss(batch)` is brought down in so many steps, with a rate that rises and falls again."""
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps)

    def step(batch):
        value = loss(batch)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        schedule.step()
        return {"loss": value}

    training.fit(step, batches, steps, title=title)


def digits_classifier(seed: int = 0) -> tuple[torch.nn.Module, dict]:
    """Lesson 01's reader of handwritten digits, wider and trained longer; the classifier in lesson 02.

    Every batch is moved by up to a pixel, so that the classifier does not depend on the digits' exact place.
    """
    x, y = datasets.digits()
    (x_train, y_train), (x_test, y_test) = datasets.split(x, y, test=0.2)
    network = networks.ConvNet(channels=1, outputs=10, size=8, width=24)

    def loss(batch):
        x, y = batch
        x = F.pad(x, (1, 1, 1, 1))
        top, left = torch.randint(3, (2,)).tolist()
        return F.cross_entropy(network(x[:, :, top : top + 8, left : left + 8]), y)

    batches = datasets.Batches(x_train, y_train, size=64, seed=seed)
    _learn(network, loss, batches, 2500, "digits_classifier")
    network.eval()
    with torch.no_grad():
        right = (network(x_test).argmax(dim=1) == y_test).sum().item()
    return network, {"test digits right": right, "test digits": len(y_test)}


def face_reader(seed: int = 0) -> tuple[torch.nn.Module, dict]:
    """The judge of lessons 03, 04 and 06: reads skin, hair, glasses, expression and pose off drawn faces."""
    factors = faces.sample(60_000, seed=1_000 + seed)
    x = faces.render(factors)
    network = networks.FaceClassifier()

    def loss(batch):
        x, *values = batch
        return network.loss(x, dict(zip(factors, values, strict=True)))

    batches = datasets.Batches(x, *factors.values(), size=128, seed=seed)
    _learn(network, loss, batches, 6000, "faces_classifier")
    test = faces.sample(5_000, seed=2_000)
    read = network.eval().read(faces.render(test))
    right = {name: round((read[name] == test[name]).float().mean().item(), 4) for name in network.CHOICES}
    error = {name: round((read[name] - test[name]).abs().mean().item(), 3) for name in network.NUMBERS}
    kinds = (faces.class_index(read) == faces.class_index(test)).float().mean().item()
    return network, {"kind right": round(kinds, 4), "right": str(right), "mean error": str(error)}


def figures_of_faces(G: torch.nn.Module, latent: int = 64) -> dict:
    """How good are 2,000 faces out of G? Read by the classifier, beside faces that it has not seen."""
    classifier = checkpoint.load_network("faces_classifier", networks.FaceClassifier())
    real = faces.render(faces.passports(5_000, seed=3_000))
    with torch.no_grad():
        fake = torch.cat(
            [G(z) for z in torch.randn(2_000, latent, generator=runtime.generator(1)).split(250)]
        )
        frechet = metrics.frechet_distance(classifier.features(real), classifier.features(fake))
    kinds = metrics.class_coverage(classifier.class_index(fake), faces.CLASSES)
    return {"kinds of 72 among 2,000": kinds, "Fréchet distance": round(frechet, 3)}


def faces_gan(seed: int = 0) -> tuple[torch.nn.Module, dict]:
    """Lesson 03's two players after about an hour; G is the running average. Used in lessons 03, 04 and 06."""
    G, D = gans.Generator(), gans.Discriminator()
    game = gans.GANTrainer(
        G, D, gans.RELATIVISTIC, latent=64, gamma=1.0, penalty_interval=8, average=training.EMA(G, decay=0.999)
    )
    real = faces.render(faces.passports(60_000, seed=10 + seed))
    path = runtime.output_dir() / "faces_gan.safetensors"  # so that it can be stopped and resumed
    batches = datasets.Batches(real, size=32, seed=seed)
    steps, saving = 50_000, dict(checkpoint=path, parts={"game": game}, save_every=120)
    history = training.fit(game.step, batches, steps, title="faces_gan", **saving)
    players = torch.nn.ModuleDict({"G": game.average.module, "D": D})
    figures = {"steps": steps, "seconds": round(history.seconds), **figures_of_faces(players["G"])}
    return players.eval(), figures


# What the judges of lesson 05 read off, in the order of their outputs: factors with names, then factors with a value.
SPRITE_CHOICES = ("kind", "palette", "pose")
OUTFIT_CHOICES = ("garment", "colour", "pattern", "skin_tone", "hair_colour", "hair_style", "glasses")
OUTFIT_NUMBERS = ("body_width", "body_height", "left_arm", "right_arm", "stance")
# Easier worlds, so that half an hour is enough: everybody stands in the middle, and the light does not change.
SPRITES_STILL = dict(facing="right", light="left", shift_x="middle", shift_y="middle")
OUTFITS_STILL = dict(position=0.0, tilt=0.0, gaze_x=0.0, light_x=0.0)


def _reader(world, channels: int, size: int, choices, numbers=(), seed: int = 0):
    """A judge of `world`: a ConvNet whose outputs are the scores of each choice, then the numbers."""
    names = [world.FACTORS[name].names for name in choices]
    sizes = [len(n) for n in names] + [1] * len(numbers)
    network = networks.ConvNet(channels, sum(sizes), size, width=16)
    factors = world.sample(30_000, seed=1_000 + seed)

    def loss(batch):
        x, *values = batch
        # Some grain, so that it does not depend on pixels being as clean as drawn ones.
        x = (x + 0.1 * torch.rand(len(x), 1, 1, 1) * torch.randn_like(x)).clamp(0, 1)
        parts = network(x).split(sizes, dim=1)
        losses = [
            F.cross_entropy(*pair) for pair in zip(parts[: len(names)], values[: len(names)], strict=True)
        ]
        rest = zip(parts[len(names) :], values[len(names) :], strict=True)
        return sum(losses) + sum(F.mse_loss(part[:, 0], value) for part, value in rest)

    truth = [factors[name] for name in (*choices, *numbers)]
    batches = datasets.Batches(world.render(factors), *truth, size=64, seed=seed)
    _learn(network, loss, batches, 3000, world.__name__)
    test = world.sample(4_000, seed=2_000)
    with torch.no_grad():
        parts = torch.cat([network.eval()(x) for x in world.render(test).split(500)]).split(sizes, dim=1)
    read = dict(zip((*choices, *numbers), parts, strict=True))
    right = {name: round((read[name].argmax(1) == test[name]).float().mean().item(), 4) for name in choices}
    error = {name: round((read[name][:, 0] - test[name]).abs().mean().item(), 3) for name in numbers}
    return network, {"right": str(right), "mean error": str(error)}


def sprite_reader(seed: int = 0) -> tuple[torch.nn.Module, dict]:
    """The judge of lesson 05's sprites."""
    return _reader(sprites, 4, sprites.SIZE, SPRITE_CHOICES, seed=seed)


def outfit_reader(seed: int = 0) -> tuple[torch.nn.Module, dict]:
    """The judge of lesson 05's fitting room: what is worn, and by whom."""
    return _reader(outfits, 3, 32, OUTFIT_CHOICES, OUTFIT_NUMBERS, seed=seed)


def _conditional(name: str, x, y, classes, classifier, steps: int, seed: int) -> tuple[torch.nn.Module, dict]:
    """Lesson 05's conditional game on pictures x and labels y; the averaged G, and how often it obeys the classifier."""
    shape = dict(channels=x.shape[1], size=x.shape[2])
    G, D = gans.ConditionalGenerator(classes, **shape), gans.ProjectionDiscriminator(classes, **shape)
    game = gans.ConditionalGANTrainer(G, D, gans.RELATIVISTIC, latent=64, gamma=0.2, lr=1e-3)
    game.penalty_every, game.average = 8, training.EMA(G, decay=0.999)

    def step(batch):
        for optimizer in (game.opt_g, game.opt_d):  # full speed for half of the time, then ever smaller steps
            optimizer.param_groups[0]["lr"] = 1e-3 * min(1.0, 0.05 + 2 * (1 - game.d_steps / steps))
        return game.step(batch)

    path = runtime.output_dir() / f"{name}.safetensors"  # so that it can be stopped and resumed
    batches = datasets.Batches(x, y, size=32, seed=seed)
    history = training.fit(
        step, batches, steps, title=name, checkpoint=path, parts={"game": game}, save_every=120
    )
    G = game.average.module.eval()
    wanted = torch.stack(
        [torch.randint(n, (2_000,), generator=runtime.generator(k)) for k, n in enumerate(classes)], 1
    )
    z = torch.randn(2_000, 64, generator=runtime.generator(99))
    with torch.no_grad():
        scores = torch.cat(
            [classifier(G(*part)) for part in zip(z.split(250), wanted.split(250), strict=True)]
        )
    parts = scores[:, : sum(classes)].split(classes, dim=1)
    right = torch.stack([part.argmax(dim=1) for part in parts], dim=1) == wanted
    return G.half(), {
        "steps": steps,
        "seconds": round(history.seconds),  # of all runs, if it was stopped and resumed
        "agreement": str([round(share, 3) for share in right.float().mean(0).tolist()]),
        "all labels right": round(right.all(1).float().mean().item(), 3),
    }


def sprites_gan(seed: int = 0) -> tuple[torch.nn.Module, dict]:
    """Lesson 05's maker of sprite sheets, asked for kind, palette and pose: the averaged G."""
    factors = sprites.sample(40_000, seed=10 + seed, **SPRITES_STILL)
    y = torch.stack([factors[name] for name in SPRITE_CHOICES], dim=1)
    classifier = checkpoint.load_network(
        "sprites_classifier", networks.ConvNet(4, 22, sprites.SIZE, width=16)
    )
    return _conditional("sprites_gan", sprites.render(factors), y, (12, 6, 4), classifier, 30_000, seed)


def outfits_gan(seed: int = 0) -> tuple[torch.nn.Module, dict]:
    """Lesson 05's fitting room, asked for garment, colour and pattern: the averaged G."""
    factors = outfits.sample(30_000, seed=10 + seed, **OUTFITS_STILL)
    outputs = sum(len(outfits.FACTORS[name].names) for name in OUTFIT_CHOICES) + len(OUTFIT_NUMBERS)
    classifier = checkpoint.load_network("outfits_classifier", networks.ConvNet(3, outputs, width=16))
    return _conditional(
        "outfits_gan", outfits.render(factors), outfits.label(factors), (6, 8, 4), classifier, 28_000, seed
    )


def stochastic(seed: int = 0) -> tuple[torch.nn.Module, dict]:
    """Lesson 10's networks from faces of 8×8 to 32×32 pixels: a PSNR-oriented one and three stochastic ones."""
    networks = torch.nn.ModuleDict({name: StochasticUpscaler() for name in NAMES})
    psnr_oriented = networks["psnr_oriented"]
    everybody = faces.passports(60_000, 10 + seed)

    def batches(factors):
        real = faces.render(factors)
        return datasets.Batches(superres.downscale(real, 4), real, size=32, seed=seed)

    def loss(batch):
        low, high = batch
        return F.mse_loss(psnr_oriented(low, torch.zeros(len(low), 64)), high)

    _learn(psnr_oriented, loss, batches(everybody), 3_000, "psnr_oriented")
    plans = {
        "adversarial": (StochasticTrainer, everybody, 8_000),
        "adversarial_biased": (StochasticTrainer, mostly_light(60_000, 10 + seed), 8_000),
        "energy_score": (EnergyScoreTrainer, everybody, 5_000),
    }
    for name, (kind, factors, steps) in plans.items():
        G, D = networks[name], gans.Discriminator()
        G.load_state_dict(psnr_oriented.state_dict())
        optimizers, average = (gans.adam(G, 1e-3), gans.adam(D, 1e-3)), training.EMA(G, decay=0.999)
        settings = dict(latent=64, optimizers=optimizers, average=average, gamma=1.0, penalty_interval=8)
        trainer = kind(G, D, gans.RELATIVISTIC, **settings)
        path = runtime.output_dir() / f"stochastic_{name}.safetensors"  # so that it can be stopped and resumed
        saving = dict(checkpoint=path, parts={"trainer": trainer}, save_every=60)
        training.fit(trainer.step, batches(factors), steps, title=name, **saving)
        G.load_state_dict(average.module.state_dict())
    steps = ", ".join(f"{name} {steps:,}" for name, (_, _, steps) in plans.items())
    return networks.half(), {"steps": f"psnr_oriented 3,000, {steps}"}


def eye_colour_reader(seed: int = 0) -> tuple[torch.nn.Module, dict]:
    """The judge of eye colour in lesson 10: of faces on passport photographs, with open eyes."""
    open_eyes = dict(eyelid=1.0)
    names = faces.FACTORS["eye_colour"].names
    network = networks.ConvNet(3, len(names), width=16)
    factors = faces.passports(30_000, seed=1_000 + seed, **open_eyes)

    def loss(batch):
        x, y = batch
        x = (x + 0.05 * torch.rand(len(x), 1, 1, 1) * torch.randn_like(x)).clamp(0, 1)
        return F.cross_entropy(network(x), y)

    batches = datasets.Batches(faces.render(factors), factors["eye_colour"], size=64, seed=seed)
    _learn(network, loss, batches, 2_000, "eye_colour_classifier")
    test = faces.passports(4_000, seed=2_000, **open_eyes)
    with torch.no_grad():
        read = torch.cat([network.eval()(x) for x in faces.render(test).split(500)]).argmax(dim=1)
    return network.half(), {"right": round((read == test["eye_colour"]).float().mean().item(), 4)}


def _forger(up: str, seed: int) -> tuple[torch.nn.Module, dict]:
    """An autoencoder of passport portraits, whose reconstructed faces are forgeries in lesson 15."""
    network = forgeries.Autoencoder(up)
    batches = datasets.Batches(_scenes(3_000, 700 + seed), size=16, seed=seed)
    _learn(network, lambda x: F.l1_loss(network(x), x), batches, 5_000, f"forger_{up}")
    test = _scenes(150, 900)
    with torch.no_grad():
        right = metrics.psnr(network(test), test).mean().item()
    return network.half(), {"steps": 5_000, "PSNR of 300 others in dB": round(right, 2)}


def _scenes(people: int, seed: int) -> torch.Tensor:
    return faces.render(forgeries.portraits(people, seed=seed)[0], forgeries.SIZE)


def forger_transposed(seed: int = 0) -> tuple[torch.nn.Module, dict]:
    return _forger("transposed", seed)


def forger_bilinear(seed: int = 0) -> tuple[torch.nn.Module, dict]:
    return _forger("bilinear", seed)


def fake_detector(seed: int = 0) -> tuple[torch.nn.Module, dict]:
    """The course's detector of lessons 15 and 16: trained with three methods of forgery, at many JPEG qualities."""
    network, train_part = detectors.ResidualDetector(), detectors.load_dataset("train")
    known = [train_part.fakes[kind] for kind in ("alpha splice", "transposed", "enlarged")]
    batches = datasets.Batches(train_part.real, *known, size=16, seed=seed)
    rng = runtime.generator(seed)

    def loss(batch):
        real, *forged = batch
        x = torch.cat([real, forged[int(torch.randint(3, (), generator=rng))]])
        x = x.flip(-1) if torch.rand((), generator=rng) < 0.5 else x
        x = forgeries.jpeg(x, torch.randint(30, 96, (len(x),), generator=rng))
        fake = (torch.arange(len(x)) >= len(real)).float()
        return F.binary_cross_entropy_with_logits(network(x)[:, 0], fake)

    _learn(network, loss, batches, 3_000, "forgery_detector")
    return network.half(), {"steps": 3_000, "taught with": "alpha splice, transposed, enlarged"}


def face_swap(seed: int = 0) -> tuple[torch.nn.Module, dict]:
    """Lesson 15's swap from Ada to Bea, trained longer; scored on frames of Ada that it has not seen."""
    swap = faceswap.FaceSwap()
    steps = 20_000
    trainer = faceswap.FaceSwapTrainer(swap, steps, n=4_000, seed=seed)
    training.fit(trainer.step, None, steps, title="faceswap")
    factors = faceswap.film(faceswap.ADA, 500, seed=9_000)
    truth = faceswap.frames(faceswap.true_swap(factors, faceswap.BEA))
    average = faceswap.frames(faceswap.film(faceswap.BEA, 1_500, seed=9_001)).mean(0).expand_as(truth)
    swap.half().float()  # as it will be stored
    figures = {
        "dB to the true swap": metrics.psnr(swap(factors), truth),
        "dB of the mean face": metrics.psnr(average, truth),
    }
    return swap.half(), {"steps": steps} | {name: round(x.mean().item(), 2) for name, x in figures.items()}


RECIPES = {
    "digits_classifier": digits_classifier,
    "faces_classifier": face_reader,
    "faces_gan": faces_gan,
    "sprites_classifier": sprite_reader,
    "outfits_classifier": outfit_reader,
    "sprites_gan": sprites_gan,
    "outfits_gan": outfits_gan,
    "adain": adain,
    "stochastic_x4": stochastic,
    "eye_colour_classifier": eye_colour_reader,
    "autoencoder_transposed": forger_transposed,
    "autoencoder_bilinear": forger_bilinear,
    "forgery_detector": fake_detector,
    "faceswap": face_swap,
}


def make(name: str, seed: int = 0) -> None:
    runtime.seed_everything(seed)
    start = time.perf_counter()
    network, figures = RECIPES[name](seed)
    card = {
        "command": f"python -m tools.train_checkpoints {name}",
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
