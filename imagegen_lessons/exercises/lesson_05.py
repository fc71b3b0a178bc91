"""Exercises of lesson 05: the projection, agreement, an atlas, purity, a conditional discriminator."""

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons.exercises.checker import Wrong, exercise
from imagegen_lessons.exercises.inputs import normal
from imagegen_lessons.images import spritesheet

_TABLES = [normal(3, 5, seed=1), normal(4, 5, seed=2)]
_Y = torch.tensor([[2, 0], [0, 3], [1, 1], [2, 2]])


@exercise(
    cases=(
        (normal(4, 5, seed=3), _Y, _TABLES),
        (normal(4, 5, seed=4), _Y[:, :1], _TABLES[:1]),
    ),
    hints=(
        "tables[0][y[:, 0]] looks up, for each picture, the vector of its first label: (n, d).",
        "The inner product of rows: (h * vectors).sum(dim=1, keepdim=True) has the shape (n, 1).",
        "Go through zip(tables, y.T) and add up one inner product for each label.",
    ),
)
def projection(h, y, tables):
    """Inner products of features h (n, d) with the vector of each label, added up: (n, 1); tables[k]: (classes, d)."""
    return sum((h * table[part]).sum(dim=1, keepdim=True) for table, part in zip(tables, y.T, strict=True))


@projection.mistake("The shape should be (n, 1), as that of a score: keepdim=True.")
def flat(h, y, tables):
    return projection.answer(h, y, tables)[:, 0]


@projection.mistake("Only the first label counts here; add one inner product for each label.")
def first_label(h, y, tables):
    return projection.answer(h, y[:, :1], tables[:1])


@projection.mistake("This is a mean over the features; an inner product is their sum.")
def mean_product(h, y, tables):
    return projection.answer(h, y, tables) / h.shape[1]


@projection.mistake("h @ vectors.T compares each picture with the labels of all others; match the rows.")
def all_with_all(h, y, tables):
    return sum(h @ table[part].T for table, part in zip(tables, y.T, strict=True))


_WANTED = torch.tensor([[0, 1], [2, 1], [3, 0], [1, 1]])
_PREDICTED = torch.tensor([[0, 1], [2, 0], [1, 0], [1, 0]])


@exercise(
    cases=((_WANTED, _PREDICTED), (_WANTED, _WANTED), (_WANTED[:, :1], _PREDICTED[:, :1])),
    hints=(
        "wanted == predicted is a table (n, k) of True and False; .float() makes 1 and 0 of it.",
        "The mean over dim=0 is the first result. For the second: .all(dim=1) asks for each picture.",
    ),
)
def agreement(wanted, predicted):
    """Of labels (n, k): the share of pictures as wanted for each label, (k,), and the share with all labels right."""
    right = wanted == predicted
    return right.float().mean(dim=0), right.all(dim=1).float().mean()


@agreement.mistake(
    "This is one share for each picture; asked is one for each label: the mean goes over dim=0."
)
def by_picture(wanted, predicted):
    right = wanted == predicted
    return right.float().mean(dim=1), right.all(dim=1).float().mean()


@agreement.mistake("The second is not the product of the others: mistakes may fall on the same picture.")
def product(wanted, predicted):
    each = (wanted == predicted).float().mean(dim=0)
    return each, each.prod()


@agreement.mistake("One right label is not enough for the second share: all of them must be right.")
def any_right(wanted, predicted):
    right = wanted == predicted
    return right.float().mean(dim=0), right.any(dim=1).float().mean()


frames = exercise(
    cases=((["a", "b", "c", "d", "e"], 24, 2), (["hero", "slime", "chest"], 16, 5), ([], 8, 4)),
    hints=(
        "Number i stands in row i // columns and in column i % columns.",
        'enumerate(names) gives number and name; x is column * size, y is row * size, and "w" and "h" are size.',
    ),
)(spritesheet.frames)


@frames.mistake("x and y are exchanged: x goes to the right, along a row.")
def column_first(names, size, columns):
    boxes = spritesheet.frames(names, size, columns)
    return {name: {**box, "x": box["y"], "y": box["x"]} for name, box in boxes.items()}


@frames.mistake("These are rows and columns; the atlas counts pixels, so multiply by size.")
def in_cells(names, size, columns):
    boxes = spritesheet.frames(names, size, columns)
    return {name: {**box, "x": box["x"] // size, "y": box["y"] // size} for name, box in boxes.items()}


@frames.mistake("All stand in one row; after `columns` of them a new row begins.")
def one_row(names, size, columns):
    return spritesheet.frames(names, size, len(names))


_CODE = torch.tensor([0, 0, 0, 1, 1, 2])
_LABEL = torch.tensor([3, 3, 1, 1, 0, 2])


@exercise(
    cases=((_CODE, _LABEL), (_CODE, torch.zeros(6, dtype=torch.long)), (torch.arange(4), torch.arange(4))),
    hints=(
        "For one code c: label[code == c] are its labels, and torch.bincount(…).max() is the largest group.",
        "Add up the largest groups of all codes (code.unique()), then divide by the number of pictures.",
    ),
)
def purity(code, label):
    """The share of pictures whose label (n,) is the most frequent one among those with the same code (n,)."""
    largest = sum(torch.bincount(label[code == c]).max() for c in code.unique())
    return largest / len(code)


@purity.mistake("This is the mean of the codes' shares; a code with few pictures should count for less.")
def mean_of_codes(code, label):
    shares = [torch.bincount(label[code == c]).max() / (code == c).sum() for c in code.unique()]
    return torch.stack(shares).mean()


@purity.mistake("The roles are exchanged: look at the labels within a code, not at the codes within a label.")
def roles_exchanged(code, label):
    return purity.answer(label, code)


@purity.mistake("This asks whether the numbers are equal; code 3 need not mean label 3.")
def equal_numbers(code, label):
    return (code == label).float().mean()


def _verify_discriminator(attempt):
    torch.manual_seed(0)
    D = attempt()
    x, y = torch.rand(5, 4, 24, 24), torch.tensor([[0, 0], [11, 5], [3, 2], [7, 1], [3, 2]])
    score = D(x, y)
    if not isinstance(score, torch.Tensor) or score.shape != (5, 1):
        got = tuple(score.shape) if isinstance(score, torch.Tensor) else type(score).__name__
        raise Wrong(f"Five pictures should get scores of shape (5, 1), but it gives {got}.")
    alone = torch.cat([D(x[i : i + 1], y[i : i + 1]) for i in range(5)])
    if not torch.allclose(alone, score, atol=1e-4):
        raise Wrong("A picture's score depends on the others in its batch: leave out batch normalisation.")
    score.sum().backward()
    idle = [name for name, p in D.named_parameters() if p.grad is None]
    if idle:
        raise Wrong(f"No gradient reaches {idle[0]}: use every layer in forward.")
    optimizer = torch.optim.Adam(D.parameters(), lr=1e-2)
    for _ in range(30):  # can it learn that only the label tells two equal pictures apart?
        same = x[:1].expand(2, -1, -1, -1)
        first, other = D(same, torch.tensor([[0, 0], [1, 0]])), D(same, torch.tensor([[0, 0], [0, 1]]))
        loss = F.softplus(first[1] - first[0]).sum() + F.softplus(other[1] - other[0]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if first[0] - first[1] < 0.1:
        raise Wrong("It cannot learn to prefer one class: the first label plays no role in its score.")
    if other[0] - other[1] < 0.1:
        raise Wrong("It cannot learn to prefer one palette: the second label plays no role in its score.")
    D = attempt()
    with torch.no_grad():
        for p in D.parameters():
            p += 0.05 * torch.randn_like(p)  # so that tables which begin at zero say something, too
        for label in ([1, 0], [0, 1]):
            effect = D(x, torch.tensor(5 * [label])) - D(x, torch.zeros_like(y))
            if effect.std() < 1e-5:
                raise Wrong(
                    "A label adds the same to every picture; with a fake of the same label that cancels. "
                    "Put another layer after it."
                )


@exercise(
    verify=_verify_discriminator,
    hints=(
        "One way: turn each label into a map that is 1 for it and 0 otherwise, and append 12 + 6 maps to the picture.",
        "F.one_hot(y[:, 0], 12) is (n, 12); [:, :, None, None].expand(-1, -1, 24, 24) makes maps of it.",
        "With 4 + 18 channels, gans.Discriminator(channels=22, size=24, width=24) does the rest.",
    ),
)
class MyDiscriminator(nn.Module):
    """Sprites (n, 4, 24, 24) and labels (n, 2), class and palette, to scores (n, 1); not by projection."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(22, 24, kernel_size=4, stride=2, padding=1)
        self.conv2 = nn.Conv2d(24, 48, kernel_size=4, stride=2, padding=1)
        self.conv3 = nn.Conv2d(48, 96, kernel_size=4, stride=2, padding=1)
        self.score = nn.Linear(96 * 9, 1)

    def forward(self, x, y):
        hot = torch.cat([F.one_hot(y[:, 0], 12), F.one_hot(y[:, 1], 6)], dim=1)  # (n, 18)
        maps = hot.to(x)[:, :, None, None].expand(-1, -1, *x.shape[2:])
        h = F.leaky_relu(self.conv1(torch.cat([2 * x - 1, maps], dim=1)), 0.2)
        h = F.leaky_relu(self.conv2(h), 0.2)
        return self.score(F.leaky_relu(self.conv3(h), 0.2).flatten(1))


@MyDiscriminator.mistake("the first label plays no role")
class IgnoresClass(MyDiscriminator.answer):
    def forward(self, x, y):
        return super().forward(x, y * torch.tensor([0, 1]))


@MyDiscriminator.mistake("the second label plays no role")
class IgnoresPalette(MyDiscriminator.answer):
    def forward(self, x, y):
        return super().forward(x, y * torch.tensor([1, 0]))


@MyDiscriminator.mistake("depends on the others in its batch")
class BatchNormed(MyDiscriminator.answer):
    def forward(self, x, y):
        score = super().forward(x, y)
        return score - score.mean()


@MyDiscriminator.mistake("Put another layer after it.")
class Cancelling(nn.Module):
    def __init__(self):
        super().__init__()
        self.features, self.embed = nn.Linear(4 * 24 * 24, 32), nn.Embedding(18, 8)
        self.score = nn.Linear(32 + 8, 1)

    def forward(self, x, y):
        label = self.embed(y + torch.tensor([0, 12])).sum(dim=1)
        return self.score(torch.cat([F.leaky_relu(self.features(x.flatten(1)), 0.2), label], dim=1))


@MyDiscriminator.mistake("of shape (5, 1)")
class FlatScore(MyDiscriminator.answer):
    def forward(self, x, y):
        return super().forward(x, y)[:, 0]
