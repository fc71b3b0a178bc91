"""Trains the bundled checkpoints: `python -m tools.train_checkpoints NAME…`, or all of them without a name.

Each lands in data/checkpoints with its card inside (see it with `checkpoint.card(name)`), and data/README.md lists
them. With IMAGEGEN_PACE=quick it is a rehearsal: a few steps, and what comes of them goes to the output folder.
Networks that learn from photographs which are not ours have programs of their own: train_features, train_superres,
train_perceptual.
"""

import sys
import time

import torch
import torch.nn.functional as F

from imagegen_lessons import datasets, diffusion, gans, metrics, networks, runtime, superres, training
from imagegen_lessons.deepfakes import detectors, faceswap, forgeries
from imagegen_lessons.superres import stochastic
from imagegen_lessons.synthetic import faces, outfits, sprites
from imagegen_lessons.training import checkpoint
from tools.train_adain import adain

RECIPES = {
    "adain": adain
}  # name of the checkpoint -> function of a seed: the network, and figures for its card


def recipe(function):
    """Decorates a recipe, which bears the name of its checkpoint."""
    return RECIPES.setdefault(function.__name__, function)


def count(full: int) -> int:
    """So many images, and a few in a rehearsal."""
    return runtime.steps(full=full, quick=min(full, 128))


def steps_of(full: int) -> int:
    """So many steps, and a few in a rehearsal."""
    return runtime.steps(full=full, quick=5)


def resumable(name: str, **parts) -> dict:
    """Settings of `training.fit` with which training can be stopped and resumed."""
    path = runtime.output_dir() / f"{name}.training.safetensors"
    return {"title": name, "checkpoint": path, "parts": parts, "save_every": 120}


def minimise(loss, network, batches, steps: int, title: str) -> None:
    """Brings `loss(batch)` down by AdamW, with a learning rate that rises and falls again."""
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


def accuracy(predicted, truth, choices, numbers) -> dict:
    """For a card: the share of right predictions of each choice, and the mean error of each number."""
    right = {name: round((predicted[name] == truth[name]).float().mean().item(), 4) for name in choices}
    error = {name: round((predicted[name] - truth[name]).abs().mean().item(), 3) for name in numbers}
    return {"right": str(right), "mean error": str(error)}


@recipe
def digits_classifier(seed=0):
    """Lesson 01's classifier of handwritten digits, wider and trained longer; it measures in lesson 02.

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
    minimise(loss, network, batches, steps_of(2500), "digits_classifier")
    network.eval()
    with torch.no_grad():
        right = (network(x_test).argmax(dim=1) == y_test).sum().item()
    return network, {"test digits right": right, "test digits": len(y_test)}


@recipe
def faces_classifier(seed=0):
    """The classifier of lessons 03, 04 and 06: skin, hair, glasses, expression and pose of drawn faces."""
    factors = faces.sample(count(60_000), seed=1_000 + seed)
    network = networks.FaceClassifier()

    def loss(batch):
        x, *values = batch
        return network.loss(x, dict(zip(factors, values, strict=True)))

    batches = datasets.Batches(faces.render(factors), *factors.values(), size=128, seed=seed)
    minimise(loss, network, batches, steps_of(6000), "faces_classifier")
    test = faces.sample(count(5_000), seed=2_000)
    predicted = network.eval().predict(faces.render(test))
    classes = (faces.class_index(predicted) == faces.class_index(test)).float().mean().item()
    figures = accuracy(predicted, test, network.CHOICES, network.NUMBERS)
    return network, {"class right": round(classes, 4), **figures}


def calming(gan):
    """A function of how much of the training is done, 0 to 1, which sets the learning rate and the penalty's weight.

    In the second half both fall to a twentieth. R3GAN lets both fall as well (Huang et al. 2024, appendix); a straight
    line is ours.
    """
    rates = [(group, group["lr"]) for optimizer in (gan.opt_g, gan.opt_d) for group in optimizer.param_groups]
    gamma = gan.gamma

    def calm(done: float) -> None:
        share = min(1.0, 0.05 + 2 * (1 - done))
        gan.gamma = gamma * share
        for group, lr in rates:
            group["lr"] = lr * share

    return calm


def calmer_in_the_end(gan, steps: int):
    """The trainer's step, calmer and calmer in the second half of so many steps."""
    calm = calming(gan)

    def step(batch):
        calm(gan.d_steps / steps)
        return gan.step(batch)

    return step


@recipe
def faces_gan(seed=0):
    """Lesson 03's G (its running average) and D after about an hour. Used in lessons 03, 04 and 06."""
    steps, G, D = steps_of(30_000), gans.Generator(), gans.Discriminator()
    average = training.EMA(G, decay=0.999)
    settings = dict(latent=64, average=average, gamma=1.0, penalty_interval=8)
    gan = gans.GANTrainer(G, D, gans.RELATIVISTIC, **settings)
    real = faces.render(faces.passports(count(60_000), seed=10 + seed))
    batches = datasets.Batches(real, size=32, seed=seed)
    history = training.fit(calmer_in_the_end(gan, steps), batches, steps, **resumable("faces_gan", gan=gan))
    both = torch.nn.ModuleDict({"G": average.module, "D": D}).eval().half().float()  # as it will be stored
    figures = {"steps": steps, "seconds": round(history.seconds), **figures_of_faces(both["G"])}
    return both.half(), figures


@torch.no_grad()
def figures_of_faces(G) -> dict:
    """How good are 2,000 faces of G? By the classifier's features, compared with faces that it has not seen."""
    z = torch.randn(count(2_000), 64, generator=runtime.generator(1))
    fake = torch.cat([G(part) for part in z.split(250)])
    classes, distance = compare_faces(*held_out_faces(), fake)
    return {"classes of 72 among 2,000": classes, "Fréchet distance": distance}


@torch.no_grad()
def held_out_faces() -> tuple:
    """The classifier of faces, and its features of 5,000 real faces that no generator has seen."""
    classifier = checkpoint.load_network("faces_classifier", networks.FaceClassifier())
    return classifier, classifier.features(faces.render(faces.passports(count(5_000), seed=3_000)))


@torch.no_grad()
def compare_faces(classifier, features, fake) -> tuple[int, float]:
    """Classes that occur among faces (n, 3, 32, 32), and their Fréchet distance to the held-out ones."""
    distance = metrics.frechet_distance(features, classifier.features(fake))
    return metrics.class_coverage(classifier.class_index(fake), faces.CLASSES), round(distance, 3)


FACE_LABELS = ("skin_tone", "hair_colour", "glasses")  # by which the flow of faces can be conditioned


@recipe
def faces_flow(seed=0):
    """Lesson 11's flow of faces, with labels for skin, hair and glasses: the average of a U-Net's weights."""
    network = diffusion.ConditionalUNet(output_sizes(faces, FACE_LABELS), widths=(48, 96, 128))
    network = network.to(memory_format=torch.channels_last)  # a tenth faster
    steps = steps_of(14_000)
    flow = diffusion.FlowTrainer(network, steps, lr=2e-3, average=training.EMA(network, decay=0.999))
    factors = faces.passports(count(60_000), seed=10 + seed)
    y = torch.stack([factors[name] for name in FACE_LABELS], dim=1)
    x = (2 * faces.render(factors) - 1).to(memory_format=torch.channels_last)
    batches = datasets.Batches(x, y, size=32, seed=seed)
    history = training.fit(flow.step, batches, steps, **resumable("faces_flow", flow=flow))
    network = flow.average.module.half().float().eval()  # as it will be stored
    figures = {"steps": steps, "seconds": round(history.seconds), **figures_of_flow(network)}
    return network.half(), figures


@torch.no_grad()
def figures_of_flow(network) -> dict:
    """How good are 2,000 faces without labels, by the number of evaluations? And how often are labels obeyed?"""
    rng, n = runtime.generator(1), count(2_000)
    z = torch.randn(n, 3, 32, 32, generator=rng)
    y = torch.stack([torch.randint(k, (n,), generator=rng) for k in output_sizes(faces, FACE_LABELS)], dim=1)

    def faces_of(steps, step=diffusion.euler_step, scale=None):
        parts = []
        for noise, labels in zip(z.split(250), y.split(250), strict=True):
            velocity = network if scale is None else diffusion.guided(network, labels, scale)
            parts.append(diffusion.sample(velocity, noise, steps, step=step))
        return (torch.cat(parts) / 2 + 0.5).clamp(0, 1)

    classifier, features = held_out_faces()
    figures = {}
    many = {n: n for n in (1, 2, 5, 10, 20, 50)}  # evaluations of the network for one picture -> steps
    half = {2 * n - 1: n for n in (2, 3, 5, 10)}  # Heun's last step is Euler's
    for name, step, counts in (("Euler", diffusion.euler_step, many), ("Heun", diffusion.heun_step, half)):
        counts = list(counts.items())[: runtime.steps(full=9, quick=1)]
        found = {n: compare_faces(classifier, features, faces_of(steps, step)) for n, steps in counts}
        figures[f"classes, {name}"] = ", ".join(f"{n}: {classes}" for n, (classes, _) in found.items())
        figures[f"Fréchet, {name}"] = ", ".join(f"{n}: {distance}" for n, (_, distance) in found.items())
    for scale in (1.0, 2.0):
        x = faces_of(steps_of(20), scale=scale)
        predicted = classifier.predict(x)
        right = [(predicted[name] == y[:, i]).float().mean().item() for i, name in enumerate(FACE_LABELS)]
        figures[f"agreement, guidance {scale:g}"] = str([round(share, 4) for share in right])
        figures[f"Fréchet, guidance {scale:g}"] = compare_faces(classifier, features, x)[1]
    return figures


# What lesson 05's classifiers predict, in the order of their outputs: factors with names, then factors with a value.
SPRITE_CHOICES = ("kind", "palette", "pose")
OUTFIT_CHOICES = ("garment", "colour", "pattern", "skin_tone", "hair_colour", "hair_style", "glasses")
OUTFIT_NUMBERS = ("body_width", "body_height", "left_arm", "right_arm", "stance")
# Easier images, so that half an hour is enough: everybody stands in the middle, and the light does not change.
SPRITES_STILL = dict(facing="right", light="left", shift_x="middle", shift_y="middle")
OUTFITS_STILL = dict(position=0.0, tilt=0.0, gaze_x=0.0, light_x=0.0)


def output_sizes(world, choices, numbers=()) -> list[int]:
    """How many outputs a classifier has for each choice, then for each number."""
    return [len(world.FACTORS[name].names) for name in choices] + [1] * len(numbers)


def classifier_of(world, channels: int, size: int, choices, numbers=(), seed=0):
    """A ConvNet whose outputs are the scores of each choice, then the numbers."""
    names = (*choices, *numbers)
    sizes = output_sizes(world, choices, numbers)
    network = networks.ConvNet(channels, sum(sizes), size, width=16)
    factors = world.sample(count(30_000), seed=1_000 + seed)

    def loss(batch):
        x, *values = batch
        # Some noise, so that it does not depend on pixels being as clean as drawn ones.
        x = (x + 0.1 * torch.rand(len(x), 1, 1, 1) * torch.randn_like(x)).clamp(0, 1)
        outputs = zip(names, network(x).split(sizes, dim=1), values, strict=True)
        return sum(
            F.cross_entropy(part, value) if name in choices else F.mse_loss(part[:, 0], value)
            for name, part, value in outputs
        )

    truth = [factors[name] for name in names]
    batches = datasets.Batches(world.render(factors), *truth, size=64, seed=seed)
    minimise(loss, network, batches, steps_of(3000), world.__name__)
    test = world.sample(count(4_000), seed=2_000)
    with torch.no_grad():
        outputs = torch.cat([network.eval()(x) for x in world.render(test).split(500)])
    parts = zip(names, outputs.split(sizes, dim=1), strict=True)
    predicted = {name: part.argmax(1) if name in choices else part[:, 0] for name, part in parts}
    return network, accuracy(predicted, test, choices, numbers)


@recipe
def sprites_classifier(seed=0):
    """Lesson 05's classifier of sprites."""
    return classifier_of(sprites, 4, sprites.SIZE, SPRITE_CHOICES, seed=seed)


@recipe
def outfits_classifier(seed=0):
    """Lesson 05's classifier of outfits: what is worn, and by whom."""
    return classifier_of(outfits, 3, 32, OUTFIT_CHOICES, OUTFIT_NUMBERS, seed=seed)


def conditional_gan(name: str, x, y, classes, classifier, steps: int, seed):
    """Lesson 05's conditional GAN on images x and labels y: the averaged G, and how often the classifier agrees."""
    shape = dict(channels=x.shape[1], size=x.shape[2])
    G, D = gans.ConditionalGenerator(classes, **shape), gans.ProjectionDiscriminator(classes, **shape)
    average, optimizers = training.EMA(G, decay=0.999), (gans.adam(G, 1e-3), gans.adam(D, 1e-3))
    settings = dict(latent=64, optimizers=optimizers, average=average, gamma=0.2, penalty_interval=8)
    gan = gans.GANTrainer(G, D, gans.RELATIVISTIC, **settings)
    step = calmer_in_the_end(gan, steps)
    batches = datasets.Batches(x, y, size=32, seed=seed)
    history = training.fit(step, batches, steps, **resumable(name, gan=gan))
    G, n = average.module.eval(), count(2_000)
    wanted = [torch.randint(k, (n,), generator=runtime.generator(i)) for i, k in enumerate(classes)]
    wanted = torch.stack(wanted, dim=1)
    z = torch.randn(n, 64, generator=runtime.generator(99))
    with torch.no_grad():
        pairs = zip(z.split(250), wanted.split(250), strict=True)
        scores = torch.cat([classifier(G(*pair)) for pair in pairs])
    parts = scores[:, : sum(classes)].split(classes, dim=1)
    right = torch.stack([part.argmax(dim=1) for part in parts], dim=1) == wanted
    return G.half(), {
        "steps": steps,
        "seconds": round(history.seconds),  # of all runs, if it was stopped and resumed
        "agreement": str([round(share, 3) for share in right.float().mean(0).tolist()]),
        "all labels right": round(right.all(1).float().mean().item(), 3),
    }


@recipe
def sprites_gan(seed=0):
    """Lesson 05's generator of sprites, conditioned on kind, palette and pose: the averaged G."""
    factors = sprites.sample(count(40_000), seed=10 + seed, **SPRITES_STILL)
    x, y = sprites.render(factors), torch.stack([factors[name] for name in SPRITE_CHOICES], dim=1)
    network = networks.ConvNet(4, sum(output_sizes(sprites, SPRITE_CHOICES)), sprites.SIZE, width=16)
    classifier = checkpoint.load_network("sprites_classifier", network)
    return conditional_gan("sprites_gan", x, y, (12, 6, 4), classifier, steps_of(30_000), seed)


@recipe
def outfits_gan(seed=0):
    """Lesson 05's generator of outfits, conditioned on garment, colour and pattern: the averaged G."""
    factors = outfits.sample(count(30_000), seed=10 + seed, **OUTFITS_STILL)
    x, y = outfits.render(factors), outfits.label(factors)
    outputs = sum(output_sizes(outfits, OUTFIT_CHOICES, OUTFIT_NUMBERS))
    classifier = checkpoint.load_network("outfits_classifier", networks.ConvNet(3, outputs, width=16))
    return conditional_gan("outfits_gan", x, y, (6, 8, 4), classifier, steps_of(28_000), seed)


@recipe
def stochastic_x4(seed=0):
    """Lesson 10's networks from faces of 8×8 to 32×32 pixels: a PSNR-oriented one and three stochastic ones."""
    upscalers = torch.nn.ModuleDict({name: superres.StochasticUpscaler() for name in stochastic.NAMES})
    psnr_oriented = upscalers["psnr_oriented"]
    everybody = faces.passports(count(60_000), 10 + seed)
    mostly_light = superres.mostly_light(count(60_000), 10 + seed)

    def batches(factors):
        real = faces.render(factors)
        return datasets.Batches(superres.downscale(real, 4), real, size=32, seed=seed)

    def loss(batch):
        low, high = batch
        return F.mse_loss(psnr_oriented(low, torch.zeros(len(low), 64)), high)

    minimise(loss, psnr_oriented, batches(everybody), steps_of(3_000), "psnr_oriented")
    plans = {
        "adversarial": (superres.StochasticTrainer, everybody, 8_000),
        "adversarial_biased": (superres.StochasticTrainer, mostly_light, 8_000),
        "energy_score": (superres.EnergyScoreTrainer, everybody, 5_000),
    }
    for name, (trainer, factors, steps) in plans.items():
        G, D = upscalers[name], gans.Discriminator()
        G.load_state_dict(psnr_oriented.state_dict())
        average, optimizers = training.EMA(G, decay=0.999), (gans.adam(G, 1e-3), gans.adam(D, 1e-3))
        settings = dict(latent=64, optimizers=optimizers, average=average, gamma=1.0, penalty_interval=8)
        gan = trainer(G, D, gans.RELATIVISTIC, **settings)
        training.fit(gan.step, batches(factors), steps_of(steps), **resumable(f"stochastic_{name}", gan=gan))
        G.load_state_dict(average.module.state_dict())
    steps = ", ".join(f"{name} {steps:,}" for name, (_, _, steps) in plans.items())
    return upscalers.half(), {"steps": f"psnr_oriented 3,000, {steps}"}


@recipe
def eye_colour_classifier(seed=0):
    """Lesson 10's classifier of eye colour: of faces on passport photographs, with open eyes."""
    open_eyes = dict(eyelid=1.0)
    network = networks.ConvNet(3, len(faces.FACTORS["eye_colour"].names), width=16)
    factors = faces.passports(count(30_000), seed=1_000 + seed, **open_eyes)

    def loss(batch):
        x, y = batch
        x = (x + 0.05 * torch.rand(len(x), 1, 1, 1) * torch.randn_like(x)).clamp(0, 1)
        return F.cross_entropy(network(x), y)

    batches = datasets.Batches(faces.render(factors), factors["eye_colour"], size=64, seed=seed)
    minimise(loss, network, batches, steps_of(2_000), "eye_colour_classifier")
    test = faces.passports(count(4_000), seed=2_000, **open_eyes)
    with torch.no_grad():
        predicted = torch.cat([network.eval()(x) for x in faces.render(test).split(500)]).argmax(dim=1)
    return network.half(), {"right": round((predicted == test["eye_colour"]).float().mean().item(), 4)}


def autoencoder(up: str, seed):
    """An autoencoder of passport portraits, whose reconstructed faces are forgeries in lesson 15."""
    network = forgeries.Autoencoder(up)

    def scenes(people: int, seed: int):
        return faces.render(forgeries.portraits(people, seed=seed)[0], forgeries.SIZE)

    batches = datasets.Batches(scenes(count(3_000), 700 + seed), size=16, seed=seed)
    minimise(lambda x: F.l1_loss(network(x), x), network, batches, steps_of(5_000), f"autoencoder_{up}")
    test = scenes(count(150), 900)
    with torch.no_grad():
        psnr = metrics.psnr(network(test), test).mean().item()
    return network.half(), {"steps": 5_000, "PSNR of 300 others in dB": round(psnr, 2)}


@recipe
def autoencoder_transposed(seed=0):
    return autoencoder("transposed", seed)


@recipe
def autoencoder_bilinear(seed=0):
    return autoencoder("bilinear", seed)


@recipe
def forgery_detector(seed=0):
    """The course's detector of lessons 15 and 16: trained with three methods of forgery, at many JPEG qualities."""
    network, train_part = detectors.ResidualDetector(), detectors.load_dataset("train")
    known = [train_part.fakes[method] for method in ("alpha splice", "transposed", "enlarged")]
    batches = datasets.Batches(train_part.real, *known, size=16, seed=seed)
    rng = runtime.generator(seed)

    def loss(batch):
        real, *forged = batch
        x = torch.cat([real, forged[int(torch.randint(3, (), generator=rng))]])
        x = x.flip(-1) if torch.rand((), generator=rng) < 0.5 else x
        x = forgeries.jpeg(x, torch.randint(30, 96, (len(x),), generator=rng))
        fake = (torch.arange(len(x)) >= len(real)).float()
        return F.binary_cross_entropy_with_logits(network(x)[:, 0], fake)

    minimise(loss, network, batches, steps_of(3_000), "forgery_detector")
    return network.half(), {"steps": 3_000, "trained on": "alpha splice, transposed, enlarged"}


def face_swap(seed=0):
    """Lesson 15's swap from Ada to Bea, trained longer; scored on frames of Ada that it has not seen."""
    swap, steps = faceswap.FaceSwap(), steps_of(20_000)
    trainer = faceswap.FaceSwapTrainer(swap, steps, n=count(4_000), seed=seed)
    training.fit(trainer.step, None, steps, title="faceswap")
    factors = faceswap.film(faceswap.ADA, count(500), seed=9_000)
    truth = faceswap.frames(faceswap.true_swap(factors, faceswap.BEA))
    others = faceswap.film(faceswap.BEA, count(1_500), seed=9_001)
    average = faceswap.frames(others).mean(0).expand_as(truth)
    swap.half().float()  # as it will be stored
    figures = {
        "dB to the true swap": metrics.psnr(swap(factors), truth),
        "dB of the mean face": metrics.psnr(average, truth),
    }
    return swap.half(), {"steps": steps} | {name: round(x.mean().item(), 2) for name, x in figures.items()}


RECIPES["faceswap"] = face_swap  # whose name is that of the module


def make(name: str, seed: int = 0) -> None:
    """Trains a checkpoint and writes it with its card."""
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
    folder = runtime.checkpoint_dir() if runtime.pace() == "full" else runtime.output_dir()
    checkpoint.save(folder / f"{name}.safetensors", card=card, network=network)
    print(card)


if __name__ == "__main__":
    for name in sys.argv[1:] or RECIPES:
        if name not in RECIPES:
            raise SystemExit(f"There is no recipe {name!r}; there are: {', '.join(RECIPES)}.")
        make(name)
