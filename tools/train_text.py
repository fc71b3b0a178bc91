"""Trains lesson 12's networks: `python -m tools.train_text [classifier|clip|words] [--steps N]`, or all of them.

In this order: the classifier measures the others, and the flow reads captions with CLIP's encoder of text. Each lands
in data/checkpoints with its card and can be stopped and resumed. With IMAGEGEN_PACE=quick it is a rehearsal: a few
steps, and what comes of them goes to the output folder. The faces that are drawn to learn from are kept there.
"""

import argparse
import random
import time

import torch

from imagegen_lessons import datasets, diffusion, networks, runtime, training
from imagegen_lessons.synthetic import captions, faces
from imagegen_lessons.training import checkpoint
from tools.train_checkpoints import count, resumable, steps_of
from tools.train_shapes import remembered

DRAWN = 60_000  # faces to learn from
TRAIN, CLASSIFY, HELD_OUT = 12, 13, 9_012  # seeds
TOKENIZER = diffusion.Tokenizer(captions.WORDS)
STRANGE = 0.05  # share of captions with a word that is not in the vocabulary, which then means nothing
EMPLOYED = 0.2  # share of captions that name a job, which says nothing of the looks here: the world is even


def drawn_people(n: int, seed: int) -> list[torch.Tensor]:
    """Faces (n, 3, 32, 32) as bytes, the attributes of each (n, k), and whether it is held out (n,)."""

    def draw(n):
        factors = captions.people(n, seed)
        x = (255 * faces.render(factors)).round().byte()
        return x, torch.stack([*captions.attributes(factors).values()], dim=1), captions.held_out(factors)

    return remembered(f"people_{seed}", draw, n)


def columns_of(y) -> dict[str, torch.Tensor]:
    """The attributes (n, k) by their names."""
    return dict(zip(captions.ATTRIBUTES, y.T, strict=True))


def to_learn_from(size: int) -> datasets.Batches:
    """Batches of faces and their attributes, without what is held out."""
    x, y, held_out = drawn_people(count(DRAWN), TRAIN)
    known = ~held_out
    return datasets.Batches(x[known], y[known], size=min(size, int(known.sum())))


def sentences(y, mention=None, strange=0.0) -> list[str]:
    """A caption, drawn anew, for each row of attributes (n, k); this share of them has a strange word in it."""
    rng = random.Random(int(torch.randint(2**31, ())))  # torch's state is saved, so training resumes exactly
    found = []
    for row in y.tolist():
        noun = rng.choice(captions.JOBS) if rng.random() < EMPLOYED else "person"
        text = captions.sentence(dict(zip(captions.ATTRIBUTES, row, strict=True)), rng, mention, noun)
        if rng.random() < strange:
            words = text.split()
            words.insert(rng.randrange(len(words) + 1), diffusion.tokens.UNKNOWN_WORD)
            text = " ".join(words)
        found.append(text)
    return found


def worded(batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Bytes and attributes as pictures (n, 3, 32, 32) in [0, 1] and the tokens of their captions."""
    x, y = batch
    return x.float() / 255, TOKENIZER.encode(sentences(y, strange=STRANGE))


def descend(loss, network, batches, steps: int, lr: float, name: str):
    """Brings loss(batch) down by Adam, resumably: the average of the weights as it will be stored, and the seconds."""
    average = training.EMA(network, decay=0.998)
    optimizer = torch.optim.Adam(network.parameters(), lr, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, steps, pct_start=0.1, cycle_momentum=False)

    def step(batch):
        value = loss(batch)
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        average.update_parameters(network)
        return {"loss": value.detach()}

    parts = dict(network=network, average=average, optimizer=optimizer, schedule=schedule)
    history = training.fit(step, batches, steps, **resumable(name, **parts))
    return average.module.half().float().eval(), round(history.seconds)


def shares(values) -> str:
    """Numbers from 0 to 1 for a card."""
    return str([round(float(value), 4) for value in values])


def captions_classifier(steps: int):
    """The classifier of what captions say, which measures whether pictures obey; it learns from all combinations."""
    x, y, _ = drawn_people(count(DRAWN), CLASSIFY)
    network = networks.AttributeClassifier()

    def loss(batch):
        x, y = batch
        x = x.float() / 255
        # Some noise, so that it does not depend on pixels being as clean as drawn ones.
        x = (x + 0.1 * torch.rand(len(x), 1, 1, 1) * torch.randn_like(x)).clamp(0, 1)
        return network.loss(x, columns_of(y))

    batches = datasets.Batches(x, y, size=min(128, len(x)))
    network, seconds = descend(loss, network, batches, steps, 4e-3, "captions_classifier")
    x, y, _ = drawn_people(count(4_000), HELD_OUT)
    predicted, truth = network.predict(x.float() / 255), columns_of(y)
    right = {
        name: round((predicted[name] == value)[value >= 0].float().mean().item(), 4)
        for name, value in truth.items()
    }
    five = obeyed(predicted, truth)
    clear = torch.stack([truth[name] >= 0 for name in captions.MEASURED]).all(dim=0)
    figures = {"right": str(right), "all five right": round(five.all(dim=1)[clear].float().mean().item(), 4)}
    return network, {"steps": steps, "trained for": seconds, **figures}


def obeyed(predicted, wanted) -> torch.Tensor:
    """Which of the five measured attributes of each picture are as wanted: (n, 5) bool."""
    return torch.stack([predicted[name] == wanted[name] for name in captions.MEASURED], dim=1)


def faces_clip(steps: int):
    """CLIP in miniature: an encoder of captions and one of faces, trained to meet."""
    network = diffusion.CLIP(len(TOKENIZER), TOKENIZER.length)
    batches = to_learn_from(128)
    network, seconds = descend(
        lambda batch: network.loss(*worded(batch)), network, batches, steps, 2e-3, "faces_clip"
    )
    return network, {"steps": steps, "trained for": seconds, **figures_of_clip(network)}


@torch.no_grad()
def figures_of_clip(network) -> dict:
    """Retrieval among 64, both ways: with all that can be said, and with as much as captions usually say."""
    torch.manual_seed(1)
    x, y, _ = drawn_people(count(4_000), HELD_OUT)
    pictures = torch.cat([network.encode_pictures(part.float() / 255) for part in x.split(250)])
    figures = {}
    for name, mention in (("all said", 1.0), ("some said", None)):
        tokens = TOKENIZER.encode(sentences(y, mention))
        texts = torch.cat([network.encode_text(part) for part in tokens.split(250)])
        found = diffusion.retrieval(texts, pictures), diffusion.retrieval(pictures, texts)
        figures[f"picture for a caption, caption for a picture of 64, {name}"] = shares(found)
    return figures


def bundled(name: str, network):
    """A bundled checkpoint; in a rehearsal, if there is none, the network as it is."""
    try:
        return checkpoint.load_network(name, network)
    except checkpoint.CheckpointError:
        if runtime.pace() == "full":
            raise
        return network.eval()


def faces_from_words(steps: int):
    """The flow of faces that reads captions: the average of a U-Net's weights, with CLIP's encoder of text."""
    bundled(
        "captions_classifier", networks.AttributeClassifier()
    )  # better missed before the work than after it
    network = text_network()
    average = training.EMA(network, decay=0.999)
    flow = diffusion.FlowTrainer(network, steps, lr=2e-3, average=average, hide=diffusion.hide_captions)

    def step(batch):
        x, tokens = worded(batch)
        return flow.step(((2 * x - 1).to(memory_format=torch.channels_last), tokens))

    history = training.fit(step, to_learn_from(32), steps, **resumable("faces_from_words", flow=flow))
    network = average.module.half().float().eval()  # as it will be stored
    return network, {"steps": steps, "trained for": round(history.seconds), **figures_of_words(network)}


def text_network():
    """The untrained U-Net, with CLIP's encoder of text, which stays as it is.

    Tried for 600 steps, two seeds, read at guidance 3: with CLIP's encoder frozen (it had 1,200 steps of its own),
    77 to 84 % of backgrounds and 59 to 66 % of hair colours were obeyed; trained along from there at the same rate, 27
    to 52 % and 30 to 43 %; from scratch, about as by chance (17 %). What more steps would make of these is not known.
    """
    encoder = bundled("faces_clip", diffusion.CLIP(len(TOKENIZER), TOKENIZER.length)).text
    network = diffusion.TextUNet(encoder.requires_grad_(False))
    return network.to(memory_format=torch.channels_last)  # a tenth faster


def orders(n: int, held_out: bool) -> tuple[list[str], dict]:
    """n captions that say the five measured attributes and no more, and these attributes, all of them clear.

    held_out: those with combinations that training has not seen; else those without.
    """
    factors = captions.people(20 * n, HELD_OUT)
    values = {name: captions.attributes(factors)[name] for name in captions.MEASURED}
    fits = torch.stack([*values.values()]).amin(dim=0) >= 0
    fits &= captions.held_out(factors) == held_out
    values = {name: value[fits][:n] for name, value in values.items()}
    rng = random.Random(n)
    rows = zip(*(value.tolist() for value in values.values()), strict=True)
    texts = [captions.sentence(dict(zip(values, row, strict=True)), rng, mention=1) for row in rows]
    return texts, values


@torch.no_grad()
def pictures_of(network, texts, scale=2.0, steps=20, negative=None, seed=1) -> torch.Tensor:
    """Faces (n, 3, 32, 32) in [0, 1] for n captions, each from noise of its own."""
    tokens, made = TOKENIZER.encode(texts), []
    negative = None if negative is None else TOKENIZER.encode(negative)
    z = torch.randn(len(tokens), 3, 32, 32, generator=runtime.generator(seed))
    for noise, y in zip(z.split(100), tokens.split(100), strict=True):
        velocity = diffusion.guided(network, y, scale, negative)
        made.append(diffusion.sample(velocity, noise, steps_of(steps)))
    return (torch.cat(made) / 2 + 0.5).clamp(0, 1)


def figures_of_words(network) -> dict:
    """How often are the five attributes obeyed, each and all; also in combinations that were never seen?"""
    classifier, figures = bundled("captions_classifier", networks.AttributeClassifier()), {}
    for held_out, name in ((False, "asked"), (True, "held-out combinations")):
        texts, wanted = orders(count(400), held_out)
        for scale in (1.0, 2.0, 4.0):
            right = obeyed(classifier.predict(pictures_of(network, texts, scale)), wanted).float()
            figures[f"{name}, guidance {scale:g}: each"] = shares(right.mean(dim=0))
            figures[f"{name}, guidance {scale:g}: all"] = round(right.amin(dim=1).mean().item(), 4)
    for text in ("A person without glasses.", "A person."):
        for negative in (None, "glasses"):
            x = pictures_of(network, [text] * count(200), negative=negative)
            share = (classifier.predict(x)["glasses"] == 1).float().mean().item()
            figures[f"{text} Negative prompt: {negative}. With glasses"] = round(share, 4)
    return figures


# name on the command line -> recipe, which bears the name of its checkpoint, and its steps; in this order
RECIPES = {
    "classifier": (captions_classifier, 6_000),
    "clip": (faces_clip, 3_000),
    "words": (faces_from_words, 20_000),
}


def make(name: str, steps: int | None = None) -> None:
    """Trains one of the networks and writes it with its card."""
    recipe, full = RECIPES[name]
    runtime.seed_everything(0)
    start = time.perf_counter()
    network, figures = recipe(steps or steps_of(full))
    card = {
        "command": f"python -m tools.train_text {name}",
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
