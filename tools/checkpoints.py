"""Trains the bundled checkpoints: `python -m tools.checkpoints digits_classifier`.

Each lands in data/checkpoints with its card inside (see it with `checkpoint.card(name)`), and data/README.md lists
them.
"""

import sys
import time

import torch
import torch.nn.functional as F

from imagegen_lessons import checkpoint, classifier, datasets, runtime, train


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


RECIPES = {"digits_classifier": digits_classifier}


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
