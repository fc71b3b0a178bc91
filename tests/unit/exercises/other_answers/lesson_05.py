"""Differently written right answers to the exercises of lesson 05, by exercise."""

import numpy as np
import torch
import torch.nn.functional as F

from imagegen_lessons import gans


def projection(h, y, tables):
    rows = []
    for i in range(len(h)):
        rows.append(sum(h[i] @ table[y[i, k]] for k, table in enumerate(tables)))
    return torch.stack(rows)[:, None]


def agreement(wanted, predicted):
    hits = [[int(w == r) for w, r in zip(*rows, strict=True)] for rows in zip(wanted, predicted, strict=True)]
    n = len(hits)
    return torch.tensor([sum(column) / n for column in zip(*hits, strict=True)]), sum(map(all, hits)) / n


def frames(names, size, columns):
    result, x, y = {}, 0, 0
    for name in names:
        result[name] = dict(x=x, y=y, w=size, h=size)
        x += size
        if x == columns * size:
            x, y = 0, y + size
    return result


def purity(code, label):
    table = torch.zeros(int(code.max()) + 1, int(label.max()) + 1)
    table.index_put_((code, label), torch.ones(len(code)), accumulate=True)
    return table.amax(dim=1).sum() / table.sum()


class MyDiscriminator(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.features = torch.nn.Linear(4 * 24 * 24, 32)
        self.embed = torch.nn.Embedding(18, 8)
        self.score = torch.nn.Sequential(torch.nn.Linear(48, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))

    def forward(self, x, y):
        label = self.embed(y + torch.tensor([0, 12], device=y.device)).flatten(1)
        return self.score(torch.cat([F.leaky_relu(self.features(x.flatten(1))), label], dim=1))


class WithAClassifier(torch.nn.Module):
    """In the spirit of AC-GAN: the log-probability of the wanted labels is added to the score."""

    def __init__(self):
        super().__init__()
        self.plain = gans.Discriminator(channels=4, size=24, width=24)
        self.classifiers = torch.nn.ModuleList(
            torch.nn.Linear(self.plain.score.in_features, n) for n in (12, 6)
        )

    def forward(self, x, y):
        h = self.plain.features(x)
        logs = [c(h).log_softmax(dim=1).gather(1, y[:, k : k + 1]) for k, c in enumerate(self.classifiers)]
        return self.plain.score(h) + sum(logs)


class SpectrallyNormalised(MyDiscriminator):
    def __init__(self):
        super().__init__()
        for layer in (self.features, self.score[0], self.score[2]):
            torch.nn.utils.parametrizations.spectral_norm(layer)


ANSWERS = {
    "projection": [
        projection,
        lambda h, y, tables: torch.einsum(
            "nd,nd->n", h, sum(t[y[:, k]] for k, t in enumerate(tables))
        ).unsqueeze(1),
        lambda h, y, tables: torch.stack(
            [(h * F.embedding(y[:, k], t)).sum(1) for k, t in enumerate(tables)]
        ).sum(0)[:, None],
    ],
    "agreement": [
        agreement,
        lambda w, p: [(w == p).double().mean(0).numpy(), float(((w - p).abs().sum(1) == 0).float().mean())],
    ],
    "frames": [
        frames,
        lambda names, size, columns: {
            n: {"x": (i % columns) * size, "y": (i // columns) * size, "w": size, "h": size}
            for i, n in enumerate(names)
        },
    ],
    "purity": [
        purity,
        lambda code, label: (
            np.sum([np.bincount(label[code == c].numpy()).max() for c in np.unique(code)]) / len(code)
        ),
    ],
    "MyDiscriminator": [MyDiscriminator, WithAClassifier, SpectrallyNormalised],
}
