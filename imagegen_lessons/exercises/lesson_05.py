"""Exercises of lesson 05: the projection, agreement, an atlas, purity, a conditional discriminator."""

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import gans
from imagegen_lessons.exercises.checker import Wrong, exercise
from imagegen_lessons.exercises.inputs import normal
from imagegen_lessons.images import spritesheet

_TABLES = [normal(3, 5, seed=1).requires_grad_(), normal(4, 5, seed=2).requires_grad_()]
_Y = torch.tensor([[2, 0], [0, 3], [1, 1], [2, 2]])


@exercise(
    cases=(
        (normal(4, 5, seed=3).requires_grad_(), _Y, _TABLES),
        (normal(4, 5, seed=4), _Y[:, :1], _TABLES[:1]),
        (normal(1, 5, seed=5), torch.tensor([[1, 3, 0]]), [*_TABLES, normal(2, 5, seed=6).requires_grad_()]),
    ),
    hints=(
        "tables[0][y[:, 0]] looks up, for each picture, the vector of its first label: (n, d).",
        "The inner product of rows: (h * vectors).sum(dim=1, keepdim=True) has the shape (n, 1).",
        "Go through zip(tables, y.T) and add up one inner product for each label.",
    ),
)
def projection(h, y, tables):
    """Inner products of features h (n, d) with the vector of each label, added up: (n, 1); tables[k]: (classes,
    d)."""
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


projection.mistake(
    "The tables are detached, so the vectors of the labels can never learn.",
    lambda h, y, tables: projection.answer(h, y, [table.detach() for table in tables]),
)
projection.mistake(
    "The features are detached, so the convolutions learn nothing from the labels.",
    lambda h, y, tables: projection.answer(h.detach(), y, tables),
)
projection.mistake(
    "This is a mean over the labels; one inner product for each label is added up.",
    lambda h, y, tables: projection.answer(h, y, tables) / len(tables),
)
projection.mistake(
    "This is the cosine: the lengths are divided away. An inner product keeps them.",
    lambda h, y, tables: sum(
        F.cosine_similarity(h, table[part])[:, None] for table, part in zip(tables, y.T, strict=True)
    ),
)
projection.mistake(
    "The inner products are multiplied; add them up.",
    lambda h, y, tables: torch.stack(
        [projection.answer(h, y[:, k : k + 1], tables[k : k + 1]) for k in range(len(tables))]
    ).prod(dim=0),
)
projection.mistake(
    "The products are not added up over the features: sum over dimension 1, keepdim=True.",
    lambda h, y, tables: sum(h * table[part] for table, part in zip(tables, y.T, strict=True)),
)
projection.mistake(
    "Every picture gets the labels of the first one; look up a row for each: table[y[:, k]].",
    lambda h, y, tables: projection.answer(h, y[:1].expand(len(h), -1), tables),
)
projection.mistake(
    "y[k] is the picture number k with all its labels; the label number k of all pictures is y[:, k].",
    lambda h, y, tables: sum((h * table[y[k]]).sum(dim=1, keepdim=True) for k, table in enumerate(tables)),
)
projection.mistake(
    "Only the last label counts: each term replaces the one before. Add them up.",
    lambda h, y, tables: projection.answer(h, y[:, -1:], tables[-1:]),
)


_WANTED = torch.tensor([[0, 1], [2, 1], [3, 0], [1, 1]])
_PREDICTED = torch.tensor([[0, 1], [2, 0], [1, 0], [1, 0]])


@exercise(
    cases=(
        (_WANTED, _PREDICTED),
        (_WANTED, _WANTED),
        (_WANTED[:, :1], _PREDICTED[:, :1]),
        (  # two are right, and of the others only the sum, the beginning or the ends
            torch.tensor([[0, 1, 2], [2, 1, 0], [3, 0, 1], [1, 1, 1], [4, 2, 0], [2, 2, 3]]),
            torch.tensor([[0, 1, 2], [1, 2, 0], [3, 0, 0], [1, 0, 1], [4, 2, 0], [2, 2, 1]]),
        ),
    ),
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


def _shares(wanted, predicted):
    return (wanted == predicted).float()


agreement.mistake(
    "These are counts; asked are shares: divide by the number of pictures.",
    lambda w, p: (_shares(w, p).sum(dim=0), (w == p).all(dim=1).sum()),
)
agreement.mistake(
    "These are per cent; a share lies between 0 and 1.",
    lambda w, p: (100 * _shares(w, p).mean(dim=0), 100 * (w == p).all(dim=1).float().mean()),
)
agreement.mistake(
    "The order: first the share for each label, then the share with all right.",
    lambda w, p: ((w == p).all(dim=1).float().mean(), _shares(w, p).mean(dim=0)),
)
agreement.mistake(
    "The second is the smallest of the others; but the wrong ones may be different pictures.",
    lambda w, p: (_shares(w, p).mean(dim=0), _shares(w, p).mean(dim=0).min()),
)
agreement.mistake(
    "The second asks whether everything is right at all; asked is the share of the pictures.",
    lambda w, p: (_shares(w, p).mean(dim=0), float(torch.equal(w, p))),
)
agreement.mistake(
    "The second is the mean of the others; asked is for how many pictures all labels are right.",
    lambda w, p: (_shares(w, p).mean(dim=0), _shares(w, p).mean()),
)
agreement.mistake(
    "Sums can agree where labels do not, as in 2, 1 and 1, 2: compare label by label.",
    lambda w, p: (_shares(w, p).mean(dim=0), (w.sum(dim=1) == p.sum(dim=1)).float().mean()),
)
agreement.mistake(
    "For the second share there may be more than two labels: (wanted == predicted).all(dim=1).",
    lambda w, p: (_shares(w, p).mean(dim=0), (w == p)[:, :2].all(dim=1).float().mean()),
)
agreement.mistake(
    "These are the shares of what is wrong.",
    lambda w, p: (1 - _shares(w, p).mean(dim=0), 1 - (w == p).all(dim=1).float().mean()),
)


frames = exercise(
    cases=(
        (["a", "b", "c", "d", "e"], 24, 2),
        (["hero", "slime", "chest"], 16, 5),
        ([], 8, 4),
        (list("uvwxyz"), 8, 3),
    ),
    hints=(
        "Number i stands in row i // columns and in column i % columns.",
        'enumerate(names) gives number and name; x is column * size, y is row * size, and "w" and "h" are size.',
    ),
)(spritesheet.frames)


@frames.mistake(
    "x and y are exchanged: x goes to the right along a row, i % columns * size; y counts the rows, i // columns * "
    "size."
)
def column_first(names, size, columns):
    boxes = spritesheet.frames(names, size, columns)
    return {name: {**box, "x": box["y"], "y": box["x"]} for name, box in boxes.items()}


@frames.mistake("These are rows and columns; the atlas counts pixels, so multiply by size.")
def in_cells(names, size, columns):
    boxes = spritesheet.frames(names, size, columns)
    return {name: {**box, "x": box["x"] // size, "y": box["y"] // size} for name, box in boxes.items()}


@frames.mistake("All stand in one row; after `columns` of them a new row begins.")
def one_row(names, size, columns):
    return spritesheet.frames(names, size, max(1, len(names)))


def _boxes(names, size, place):
    return {n: dict(zip("xywh", (*place(i), size, size), strict=True)) for i, n in enumerate(names)}


frames.mistake(
    "Rows are counted from the top downwards, as pixels are: y is row * size, not minus that.",
    lambda names, size, columns: _boxes(names, size, lambda i: (i % columns * size, -(i // columns) * size)),
)
frames.mistake(
    "Counting begins at 0: the first sprite stands in the upper left corner.",
    lambda names, size, columns: _boxes(
        names, size, lambda i: ((i + 1) % columns * size, (i + 1) // columns * size)
    ),
)
frames.mistake(
    "The row is a whole number: i // columns, not i / columns.",
    lambda names, size, columns: _boxes(names, size, lambda i: (i % columns * size, i / columns * size)),
)
frames.mistake(
    "A gap of one pixel is left between the sprites; they stand side by side.",
    lambda names, size, columns: _boxes(
        names, size, lambda i: (i % columns * (size + 1), i // columns * (size + 1))
    ),
)
frames.mistake(
    "These are lists; the atlas wants a dictionary with x, y, w and h for each name.",
    lambda names, size, columns: {
        n: list(b.values()) for n, b in spritesheet.frames(names, size, columns).items()
    },
)
frames.mistake(
    "This is a list of boxes; the atlas is a dictionary: name -> box.",
    lambda names, size, columns: list(spritesheet.frames(names, size, columns).values()),
)
frames.mistake(
    "The centre of each sprite is given; the atlas wants the upper left corner.",
    lambda names, size, columns: _boxes(
        names, size, lambda i: (i % columns * size + size // 2, i // columns * size + size // 2)
    ),
)


_CODE = torch.tensor([0, 0, 0, 1, 1, 2])
_LABEL = torch.tensor([3, 3, 1, 1, 0, 2])


@exercise(
    cases=(
        (_CODE, _LABEL),
        (_CODE, torch.zeros(6, dtype=torch.long)),
        (torch.arange(4), torch.arange(4)),
        (torch.tensor([4, 4, 4, 4, 9, 9, 9]), torch.tensor([0, 1, 1, 2, 5, 5, 0])),
        (torch.tensor([40, 40, 13, 40, 13] + [40] * 4), torch.tensor([0, 0, 3, 5, 3, 0, 6, 7, 8])),
    ),
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


purity.mistake(
    "This counts the pictures; asked is their share.",
    lambda code, label: purity.answer(label=label, code=code) * len(code),
)
purity.mistake(
    "This is the share of the most frequent label of all; look within each code.",
    lambda code, label: torch.bincount(label).max() / len(label),
)
purity.mistake(
    "This is the smallest share of all codes; add up over the codes.",
    lambda code, label: min(
        (torch.bincount(label[code == c]).max() / (code == c).sum()).item() for c in code.unique()
    ),
)
purity.mistake(
    "This divides by the number of codes; divide by the number of pictures.",
    lambda code, label: purity.answer(code, label) * len(code) / len(code.unique()),
)
purity.mistake(
    "bincount(…).argmax() is the most frequent label itself; how often it occurs is .max().",
    lambda code, label: sum(torch.bincount(label[code == c]).argmax() for c in code.unique()) / len(code),
)
purity.mistake(
    "Only codes of a single label count here; in the others the most frequent label counts as well.",
    lambda code, label: (
        sum(int((code == c).sum()) for c in code.unique() if len(label[code == c].unique()) == 1) / len(code)
    ),
)
purity.mistake(
    "Equal codes need not stand side by side: take code.unique(), not unique_consecutive or groupby.",
    lambda c, label: sum(torch.bincount(label[c == k]).max() for k in c.unique_consecutive()) / len(c),
)
purity.mistake(
    "The codes need not be 0, 1, 2, …: go through code.unique().",
    lambda code, label: (
        sum(torch.bincount(label[code == c]).max() for c in range(len(code.unique()))) / len(code)
    ),
)
purity.mistake(
    "This takes the middle one of a code's labels (the median); asked is the most frequent one.",
    lambda code, label: (
        sum((label[code == c] == label[code == c].median()).sum() for c in code.unique()) / len(code)
    ),
)


def _verify_discriminator(attempt):
    torch.manual_seed(0)
    D = attempt()
    if isinstance(D, nn.Module) and any(isinstance(m, gans.ProjectionDiscriminator) for m in D.modules()):
        raise Wrong("This is the lesson's projection discriminator; let the labels in by another way.")
    x, y = torch.rand(5, 4, 24, 24), torch.tensor([[0, 0], [11, 5], [3, 2], [7, 1], [3, 2]])
    given = x.clone(), y.clone()
    score = D(x, y)
    if not (torch.equal(x, given[0]) and torch.equal(y, given[1])):
        raise Wrong("It changes the pictures or the labels in place; compute new ones, such as y + 12.")
    if not isinstance(score, torch.Tensor) or score.shape != (5, 1):
        got = tuple(score.shape) if isinstance(score, torch.Tensor) else type(score).__name__
        raise Wrong(f"Five pictures should get scores of shape (5, 1), but it gives {got}.")
    with torch.no_grad():
        for _ in range(100):  # spectral normalisation comes to rest
            score = D(x, y)
    if not all(torch.allclose(D(x, y), score, atol=1e-4) for _ in range(5)):
        raise Wrong(
            "The same pictures get other scores each time: leave out dropout and whatever else is random."
        )
    alone = torch.cat([D(x[i : i + 1], y[i : i + 1]) for i in range(5)])
    if not torch.allclose(alone, score, atol=1e-4):
        raise Wrong("A picture's score depends on the others in its batch: leave out batch normalisation.")
    D(x, y).sum().backward()
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
    _refuse_squeezed(attempt, x, y)
    _refuse_blind(attempt, x, y)
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
        one, other_one = (D(x, torch.tensor(5 * [label])) for label in ([1, 0], [0, 1]))
    if torch.allclose(one, other_one, atol=1e-6):
        raise Wrong(
            "Class 1 with palette 0 and class 0 with palette 1 get the same score: keep the labels apart."
        )
    total = sum(p.numel() for p in D.parameters())
    return (
        f"It has {total:,} parameters; after 30 steps its score tells two classes apart by "
        f"{(first[0] - first[1]).item():.1f} "
        f"and two palettes by {(other[0] - other[1]).item():.1f}."
    )


def _refuse_squeezed(network, x, y):
    """A score is a raw number: it learns to be above 1, and to be below -1."""
    for sign, where in ((1, "above 1"), (-1, "below -1")):
        D = network()
        optimizer = torch.optim.Adam(D.parameters(), lr=1e-2)
        for _ in range(30):
            score = D(x, y).mean()
            optimizer.zero_grad()
            (-sign * score).backward()
            optimizer.step()
        if sign * score <= 1:
            raise Wrong(
                f"The scores do not learn to be {where}: is there a sigmoid or tanh at the end, or a logarithm of "
                "one? A score is a raw number (a logit); the loss does the rest."
            )


def _refuse_blind(network, x, y):
    """All four channels of the picture count, and G can learn from the score."""
    D, x = network(), x.clone().requires_grad_()
    with torch.no_grad():
        for p in D.parameters():
            p += 0.05 * torch.randn_like(p)
    (gradient,) = torch.autograd.grad(D(x, y).sum(), x, allow_unused=True)
    if gradient is None:
        raise Wrong(
            "No gradient reaches the picture, so that G could learn nothing: is x detached, or not used?"
        )
    for channel, seen in zip(
        ("red", "green", "blue", "alpha"), gradient.abs().sum(dim=(0, 2, 3)), strict=True
    ):
        if seen == 0:
            raise Wrong(f"The picture's channel {channel} plays no role in the score: use all four.")


@exercise(
    verify=_verify_discriminator,
    hints=(
        "One way: turn each label into a map that is 1 for it and 0 otherwise, and append 12 + 6 maps to the "
        "picture.",
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


@MyDiscriminator.mistake("leave out dropout")
class WithDropout(MyDiscriminator.answer):
    def forward(self, x, y):
        return super().forward(F.dropout(x), y)


@MyDiscriminator.mistake("in place")
class InPlace(MyDiscriminator.answer):
    def forward(self, x, y):
        return super().forward(x, y.clamp_(max=2))


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


@MyDiscriminator.mistake("is there a sigmoid or tanh at the end")
class Sigmoid(MyDiscriminator.answer):
    def forward(self, x, y):
        return super().forward(x, y).sigmoid()


@MyDiscriminator.mistake("below -1: is there a sigmoid")
class LargeSigmoid(MyDiscriminator.answer):
    def forward(self, x, y):
        return 10 * super().forward(x, y).sigmoid()


@MyDiscriminator.mistake("is x detached, or not used")
class DetachedPicture(MyDiscriminator.answer):
    def forward(self, x, y):
        return super().forward(x.detach(), y)


@MyDiscriminator.mistake("channel red plays no role")
class OnlyAlpha(MyDiscriminator.answer):
    def forward(self, x, y):
        return super().forward(x[:, 3:].expand(-1, 4, -1, -1), y)


@MyDiscriminator.mistake("keep the labels apart")
class SumOfLabels(MyDiscriminator.answer):
    def forward(self, x, y):
        return super().forward(x, y.sum(dim=1, keepdim=True).clamp(max=5).expand(-1, 2))


@MyDiscriminator.mistake("the lesson's projection discriminator")
class Projection(gans.ProjectionDiscriminator):
    def __init__(self):
        super().__init__((12, 6), channels=4, size=24, width=24)


@MyDiscriminator.mistake("No gradient reaches idle.weight")
class WithAnIdleLayer(MyDiscriminator.answer):
    def __init__(self):
        super().__init__()
        self.idle = nn.Linear(2, 2)


@MyDiscriminator.mistake("was made for 4 channels, and its input has 22")
class WrongChannels(MyDiscriminator.answer):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(4, 24, kernel_size=4, stride=2, padding=1)


@MyDiscriminator.mistake("Normalisation has only one value")
class NormalisedFeatures(MyDiscriminator.answer):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(1)

    def forward(self, x, y):
        return self.norm(super().forward(x, y))
