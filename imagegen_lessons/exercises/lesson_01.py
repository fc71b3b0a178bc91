"""Exercises of lesson 01: gradient descent, gradients, convolution sizes, counts by group, a tiny classifier."""

import functools
import inspect

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons.exercises.checker import Wrong, exercise
from imagegen_lessons.exercises.inputs import normal
from imagegen_lessons.synthetic import faces


@exercise(
    cases=((torch.tensor(3.0), torch.tensor(2.0), 0.1), (normal(4, seed=1), normal(4, seed=2), 0.5)),
    hints=(
        "The gradient points uphill. We want to go down.",
        "The step is the learning rate times the gradient.",
    ),
)
def sgd_step(w, gradient, lr):
    """One step of gradient descent from w."""
    return w - lr * gradient


@sgd_step.mistake("You walk uphill: the gradient says where the loss grows, so subtract it.")
def uphill(w, gradient, lr):
    return w + lr * gradient


@sgd_step.mistake("The learning rate is missing: a whole gradient at once is usually far too long a step.")
def no_learning_rate(w, gradient, lr):
    return w - gradient


@sgd_step.mistake("This is the step alone; start it from w.")
def step_alone(w, gradient, lr):
    return -lr * gradient


sgd_step.mistake(
    "The order is turned round: start from w and subtract the step.",
    lambda w, gradient, lr: lr * gradient - w,
)
sgd_step.mistake(
    "A small learning rate means a short step: multiply by it, do not divide.",
    lambda w, gradient, lr: w - gradient / lr,
)
sgd_step.mistake(
    "This steps by the sign of the gradient alone; a steep slope asks for a longer step.",
    lambda w, gradient, lr: w - lr * gradient.sign(),
)
sgd_step.mistake(
    "The weight itself is shrunk here: the learning rate belongs to the gradient only.",
    lambda w, gradient, lr: (1 - lr) * w - gradient,
)
sgd_step.mistake(
    "lr * (w - gradient) shrinks w as well; only the gradient is multiplied.",
    lambda w, gradient, lr: lr * (w - gradient),
)
sgd_step.mistake(
    "Every weight has a gradient of its own: do not take the mean.",
    lambda w, gradient, lr: w - lr * gradient.mean(),
)


@exercise(
    cases=(
        (normal(6, 3, seed=3), normal(6, seed=4), normal(3, seed=5)),
        (normal(2, 5, seed=6), normal(2, seed=7), normal(5, seed=8)),
        (normal(4, 4, seed=9), normal(4, seed=10), normal(4, seed=11)),
    ),
    by_hand=True,
    hints=(
        "First the errors: x @ w - y, one number per example.",
        "The loss is the mean of error², so each error counts 2 * error / n.",
        "Each weight collects the errors, weighted by its input: x.T @ (2 * error / n).",
    ),
)
def linear_gradient(x, y, w):
    """Gradient (k,) of the mean squared error of x @ w (n,) against y (n,), with respect to w (k,)."""
    error = x @ w - y  # (n,)
    return 2 * x.T @ error / len(y)


@linear_gradient.mistake("The sign is turned round: the error is prediction minus truth, x @ w - y.")
def turned_round(x, y, w):
    return -linear_gradient.answer(x, y, w)


@linear_gradient.mistake("The 2 of the square is missing: the derivative of e² is 2e.")
def without_two(x, y, w):
    return linear_gradient.answer(x, y, w) / 2


@linear_gradient.mistake("This is the gradient of the sum; for the mean, divide by the number of examples.")
def of_the_sum(x, y, w):
    return linear_gradient.answer(x, y, w) * len(y)


linear_gradient.mistake(
    "This divides by the number of weights. The mean is over the examples: divide by len(y).",
    lambda x, y, w: linear_gradient.answer(x, y, w) * len(y) / len(w),
)
linear_gradient.mistake(
    "x holds an example in each row; to add up over the examples, multiply by its transpose, x.T @ error.",
    lambda x, y, w: 2 * x @ (x @ w - y) / len(y),
)
linear_gradient.mistake(
    "Error and input belong together, example by example: multiply first, then take the mean.",
    lambda x, y, w: 2 * (x @ w - y).mean() * x.mean(dim=0),
)
linear_gradient.mistake(
    "This is one number; every weight has a slope of its own, so the mean is over the examples only (dim=0).",
    lambda x, y, w: (2 * x * (x @ w - y)[:, None]).mean(),
)
linear_gradient.mistake(
    "The inputs are missing: each error counts for a weight as much as that weight's input is large.",
    lambda x, y, w: 2 * (x @ w - y) / len(y),
)
linear_gradient.mistake("This is the loss; asked is its gradient.", lambda x, y, w: (x @ w - y).pow(2).mean())
linear_gradient.mistake(
    "Both the 2 and the mean are missing: 2 * x.T @ error / len(y).", lambda x, y, w: x.T @ (x @ w - y)
)
linear_gradient.mistake(
    "The error is squared here; in the derivative of e² the error stands once.",
    lambda x, y, w: 2 * x.T @ (x @ w - y).pow(2) / len(y),
)


@exercise(
    cases=(
        (32, 3, 1, 1),
        (32, 5, 1, 0),
        (33, 4, 2, 1),
        (8, 8, 8, 0),
        (31, 3, 2, 0),
        (9, 3, 3, 2),
        (10, 2, 4, 0),
        (11, 2, 4, 0),
    ),
    hints=(
        "With padding the picture has size + 2 * padding rows.",
        "In n rows, a kernel of k rows fits at n - k + 1 places.",
        "With a stride only every stride-th place counts: (n - k) // stride + 1.",
    ),
)
def output_size(size, kernel, stride, padding):
    """How many rows a convolution makes out of `size` rows."""
    return (size + 2 * padding - kernel) // stride + 1


output_size.mistake(
    "Padding is added on both sides, so it counts twice.", lambda n, k, s, p: (n + p - k) // s + 1
)
output_size.mistake(
    "The padding is forgotten: with it the picture has size + 2 * padding rows.",
    lambda n, k, s, p: (n - k) // s + 1,
)
output_size.mistake(
    "One place is missing: a kernel as large as the picture still fits once. Add 1.",
    lambda n, k, s, p: (n + 2 * p - k) // s,
)
output_size.mistake(
    "A size is a whole number: use // instead of /.", lambda n, k, s, p: (n + 2 * p - k) / s + 1
)
output_size.mistake(
    "The 1 is inside the division: without a stride there are n - kernel + 1 places, but of every stride-th place "
    "the "
    "first counts as well, so divide first and add 1 then.",
    lambda size, kernel, stride, padding: (size + 2 * padding - kernel + 1) // stride,
)
output_size.mistake(
    "A place that fits only in part does not count: round down, with //.",
    lambda size, kernel, stride, padding: -(-(size + 2 * padding - kernel) // stride) + 1,
)
output_size.mistake(
    "round() may round up, and a place that fits only in part does not count: round down, with //.",
    lambda size, kernel, stride, padding: round((size + 2 * padding - kernel) / stride) + 1,
)
output_size.mistake("The stride is forgotten.", lambda n, k, s, p: n + 2 * p - k + 1)
output_size.mistake("The kernel is forgotten: it must fit in whole.", lambda n, k, s, p: (n + 2 * p) // s)
output_size.mistake("// comes before + and -: mind brackets.", lambda n, k, s, p: n + 2 * p - k // s + 1)
output_size.mistake("The padding comes before the division.", lambda n, k, s, p: (n - k) // s + 1 + 2 * p)
output_size.mistake(
    "This multiplies by the stride; of the places only every stride-th counts, so divide.",
    lambda size, kernel, stride, padding: (size + 2 * padding - kernel) * stride + 1,
)
output_size.mistake(
    "The padding makes the picture larger: add it.",
    lambda size, kernel, stride, padding: (size - 2 * padding - kernel) // stride + 1,
)


_RIGHT = torch.tensor([True, True, False, True, False, True])
_GROUP = torch.tensor([0, 0, 0, 2, 2, 1])


@exercise(
    cases=(
        (_RIGHT, _GROUP, 3),
        (~_RIGHT, _GROUP, 3),
        (_RIGHT[:3], _GROUP[:3], 2),
        (_RIGHT[3:], _GROUP[3:], 4),
    ),
    hints=(
        "group == 0 marks the people of group 0; a mask can pick: right[group == 0].",
        "Counting True values is .sum(); .item() makes a plain number of it.",
        "One pair for every group in range(groups), even for a group in which nobody is.",
    ),
)
def right_by_group(right, group, groups):
    """For each group 0, 1, …: how many are right, and how many there are, as a list of pairs."""
    return [(right[group == g].sum().item(), (group == g).sum().item()) for g in range(groups)]


right_by_group.mistake(
    "This is a dictionary; asked is a list, in which the pair of group 0 comes first, then that of group 1, and so "
    "on.",
    lambda right, group, groups: dict(enumerate(right_by_group.answer(right, group, groups))),
)


@right_by_group.mistake("This divides every group's hits by all people; count the people of that group.")
def of_everybody(right, group, groups):
    return [(right[group == g].sum().item(), len(right)) for g in range(groups)]


@right_by_group.mistake("These are rates. A rate hides how few people it stands on, so give both counts.")
def rates(right, group, groups):
    return [right[group == g].float().mean().item() for g in range(groups)]


@right_by_group.mistake("The second number should be how many people there are, not how many are wrong.")
def right_and_wrong(right, group, groups):
    return [(right[group == g].sum().item(), (~right[group == g]).sum().item()) for g in range(groups)]


@right_by_group.mistake("The two numbers are exchanged: first how many are right, then how many there are.")
def exchanged(right, group, groups):
    return [pair[::-1] for pair in right_by_group.answer(right, group, groups)]


@right_by_group.mistake("These count who is wrong; the first number is for those who are right.")
def wrong_ones(right, group, groups):
    return [((~right[group == g]).sum().item(), (group == g).sum().item()) for g in range(groups)]


right_by_group.mistake(
    "A group in which nobody is has no pair here: go through range(groups), not through the groups that occur.",
    lambda right, group, groups: [pair for pair in right_by_group.answer(right, group, groups) if pair[1]],
)
right_by_group.mistake(
    "len counts the False ones, too; .sum() counts the True ones.",
    lambda right, group, groups: [((group == g).sum().item(),) * 2 for g in range(groups)],
)
right_by_group.mistake(
    "Each pair goes on counting from the last one: begin both counts with 0 for every group.",
    lambda right, group, n: [(right[group <= g].sum().item(), (group <= g).sum().item()) for g in range(n)],
)
right_by_group.mistake(
    "All groups share one pair: [[0, 0]] * groups repeats one list; [[0, 0] for g in range(groups)] makes new ones.",
    lambda right, group, groups: [[right.sum().item(), len(right)]] * groups,
)
right_by_group.mistake(
    "Groups are counted from 0: range(groups), not from 1.",
    lambda right, group, groups: right_by_group.answer(right, group - 1, groups),
)
right_by_group.mistake(
    "These are two lists, of hits and of totals; asked is one pair for each group.",
    lambda right, group, groups: tuple(zip(*right_by_group.answer(right, group, groups), strict=True)),
)
right_by_group.mistake(
    "These are the hits alone; beside each stands how many people there are.",
    lambda right, group, groups: [right[group == g].sum().item() for g in range(groups)],
)
right_by_group.mistake(
    "range(groups - 1) leaves out the last group.",
    lambda right, group, groups: right_by_group.answer(right, group, groups)[:-1],
)


@functools.cache
def _people():
    factors = faces.sample(1500, seed=11)
    return faces.render(factors, 32), factors["glasses"].float()


def made(attempt, name, like):
    """The network that the attempt makes without arguments. Raises `Wrong` where it makes none."""
    try:
        inspect.signature(attempt).bind()
    except TypeError as error:
        if isinstance(attempt, type):
            told = f"The check makes {name}() without arguments ({error}): give each a default."
        else:
            told = f"This is a function. Write a class derived from nn.Module, as {like} is: it keeps what it learns."
        raise Wrong(told) from None
    network = attempt()
    if not isinstance(network, nn.Module):
        raise Wrong(f"{name} must be a class derived from nn.Module, as {like} is.")
    return network


def _verify_tiny_classifier(attempt):
    network = made(attempt, "TinyClassifier", "ConvNet")
    parameters = sum(p.numel() for p in network.parameters())
    if parameters > 5000:
        raise Wrong(f"It has {parameters:,} parameters, and at most 5,000 are allowed.")
    x, y = _people()
    _check_form(network, x)
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    for i in range(220):
        batch = slice(i * 64 % 1152, i * 64 % 1152 + 64)
        loss = F.binary_cross_entropy_with_logits(network(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        scores = network.eval()(x[1200:])
    right = ((scores > 0) == y[1200:].bool()).float().mean().item()
    if right < 0.8:
        told = f"After 220 steps it is right about glasses for {right:.0%} of new faces; reach 80 %."
        raise Wrong(f"{told} {_why_so_few(scores)}")
    return f"It is right about glasses for {right:.0%} of new faces, with {parameters:,} parameters."


def _check_form(network, x):
    """Raises `Wrong` unless the network gives one score for each face by itself, and all its layers can learn."""
    score = network(first := x[:4].clone())
    if not isinstance(score, torch.Tensor):
        raise Wrong(f"forward returns {type(score).__name__}; it should return a tensor, one score a face.")
    if not torch.equal(first, x[:4]):
        raise Wrong("forward changes its input in place; make a new tensor: x = 2 * x, not x.mul_(2).")
    check_layers(network, score)
    if not any(True for _ in network.parameters()):
        raise Wrong("It has no parameters, so it cannot learn: make layers in __init__, self.name = layer.")
    if score.shape != (4,):
        raise Wrong(
            f"For 4 faces it gives the shape {tuple(score.shape)}; it should be one score each, (4,)."
        )
    if not score.requires_grad:
        raise Wrong(
            "No gradient flows through it. Is there a detach(), a no_grad(), an argmax or a comparison (> 0) in it?"
        )
    with torch.no_grad():
        network.eval()
        alone, beside, again = network(x[:1]), network(x[:4]), network(x[:4])
        network.train()
    if alone.shape != (1,):
        raise Wrong(
            f"For one face it gives the shape {tuple(alone.shape)}, not (1,): .squeeze() takes away all dimensions "
            "of length 1, here the batch as well; use .squeeze(1)."
        )
    if not torch.equal(beside, again):
        raise Wrong(
            "In evaluation mode it gives the same faces another score each time: F.dropout needs "
            "training=self.training, and nothing else may be random."
        )
    if not torch.allclose(alone, beside[:1], rtol=1e-3, atol=1e-4):
        raise Wrong(
            "A face alone gets another score than beside others. Is a mean or maximum taken over the batch, "
            "as in x - x.mean()? Each face must be judged by itself."
        )


def check_layers(network, result):
    """Raises `Wrong` where weights take part in the result that are not among the network's parameters."""
    if _leaves(result.grad_fn) - set(network.parameters()):
        raise Wrong(_whose_layers(network))


def _leaves(node):
    """The tensors with a gradient of their own from which this node of the graph was computed."""
    found, seen, waiting = set(), set(), [node]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            found |= {node.variable} if hasattr(node, "variable") else set()
            waiting += [before for before, _ in node.next_functions]
    return found


def _whose_layers(network):
    """What to say of weights that take part and are not among the network's parameters."""
    values = [value for module in network.modules() for value in vars(module).values()]
    inside = [part for value in values if isinstance(value, list | tuple) for part in value]
    inside += [part for value in values if isinstance(value, dict) for part in value.values()]
    if any(isinstance(part, nn.Module) and part not in set(network.modules()) for part in inside):
        return "Layers in a plain list or dict are not found, and so not trained: use nn.Sequential or nn.ModuleList."
    if any(isinstance(value, torch.Tensor) for value in values):
        return "A plain tensor is no parameter, and so not trained: wrap it in nn.Parameter(…)."
    return "A layer is made in forward, anew each time, so it never learns: make it in __init__, and use it in forward."


def _why_so_few(scores):
    if 0 <= scores.min() < scores.max() <= 1:  # a sigmoid that saturates gives exactly 0 or 1
        return (
            "All its scores lie between 0 and 1: return the score without a sigmoid or softmax, the loss has one (and "
            "without a ReLU, which can get stuck at 0)."
        )
    if scores.min() >= 0:
        return "None of its scores is negative: is there a ReLU, a softmax or an absolute value behind the last layer?"
    if scores.std() < 1e-3:
        return "All faces get nearly the same score: does every layer depend on the one before?"
    return "Try batch normalisation, one more convolution, or numbers around 0 (2 * x - 1)."


@exercise(
    verify=_verify_tiny_classifier,
    hints=(
        "Begin with ConvNet and a smaller width; count the parameters of each layer.",
        "A stride of 2 in the first convolution saves time; pooling to 4 x 4 saves weights in the linear layer.",
        "The last layer gives (n, 1); .squeeze(1) makes (n,) of it.",
    ),
)
class TinyClassifier(nn.Module):
    """Faces (n, 3, 32, 32) to one score (n,): positive for glasses."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(3, 12, kernel_size=3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(12, 16, kernel_size=3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(16 * 8 * 8, 1)),
        )

    def forward(self, x):
        return self.layers(2 * x - 1).squeeze(1)


@TinyClassifier.mistake("at most 5,000 are allowed")
class TooLarge(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3 * 32 * 32, 2)

    def forward(self, x):
        return self.linear(x.flatten(1))[:, 0]


@TinyClassifier.mistake("of new faces; reach 80 %")
class ColourOnly(nn.Module):
    def __init__(self, outputs=1):
        super().__init__()
        self.linear = nn.Linear(3, outputs)

    def forward(self, x):
        return self.linear(x.mean(dim=(2, 3))).squeeze(1)


@TinyClassifier.mistake("without a sigmoid")
class Sigmoid(TinyClassifier.answer):
    def forward(self, x):
        return (9 * super().forward(x)).sigmoid()  # in the end many are exactly 1


@TinyClassifier.mistake("is there a ReLU")
class ReLUAtTheEnd(ColourOnly):
    def forward(self, x):
        return super().forward(x).relu() + 1


@TinyClassifier.mistake("all faces get nearly the same score".capitalize())
class OneScoreForAll(ColourOnly):
    def forward(self, x):
        return super().forward(0 * x) - 1


@TinyClassifier.mistake("for images (n, c, h, w) take BatchNorm2d")
class WrongNormalisation(ColourOnly):
    def forward(self, x):
        return super().forward(nn.BatchNorm1d(3)(x))


@TinyClassifier.mistake("the matrix or linear layer takes 3")
class WrongInputs(ColourOnly):
    def forward(self, x):
        return self.linear(x.flatten(1)).squeeze(1)


@TinyClassifier.mistake("one score each")
class TwoScores(ColourOnly):
    def __init__(self):
        super().__init__(outputs=2)


@TinyClassifier.mistake("No gradient flows")
class Detached(ColourOnly):
    def forward(self, x):
        return super().forward(x).detach()


@TinyClassifier.mistake("has no parameters")
class NoLayers(nn.Module):
    def forward(self, x):
        return x.mean(dim=(1, 2, 3))


@TinyClassifier.mistake("in a plain list or dict")
class PlainList(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Conv2d(3, 8, kernel_size=3), nn.ReLU()]
        self.linear = nn.Linear(8, 1)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.linear(x.amax(dim=(2, 3))).squeeze(1)


@TinyClassifier.mistake("made in forward, anew each time")
class MadeAnew(ColourOnly):
    def forward(self, x):
        return super().forward(nn.Conv2d(3, 3, kernel_size=3)(x))


@TinyClassifier.mistake("wrap it in nn.Parameter")
class PlainTensor(ColourOnly):
    def __init__(self):
        super().__init__()
        self.scale = torch.ones(3, 1, 1, requires_grad=True)

    def forward(self, x):
        return super().forward(x * self.scale)


@TinyClassifier.mistake("Begin __init__ with super().__init__()")
class WithoutSuper(nn.Module):
    def __init__(self):
        self.linear = nn.Linear(3, 1)


@TinyClassifier.mistake("give each a default")
class NeedsAWidth(ColourOnly):
    def __init__(self, width):
        super().__init__(width)


@TinyClassifier.mistake("This is a function")
def a_function(x):
    return nn.Linear(3, 1)(x.mean(dim=(2, 3))).squeeze(1)


@TinyClassifier.mistake("must be a class derived from nn.Module")
class NoModule:
    pass


@TinyClassifier.mistake("use .squeeze(1)")
class SqueezesAll(ColourOnly):
    def forward(self, x):
        return self.linear(x.mean(dim=(2, 3))).squeeze()


@TinyClassifier.mistake("changes its input in place")
class InPlace(ColourOnly):
    def forward(self, x):
        return super().forward(x.mul_(2).sub_(1))


@TinyClassifier.mistake("Each face must be judged by itself")
class MinusTheMeanOfTheBatch(ColourOnly):
    def forward(self, x):
        score = super().forward(x)
        return score - score.mean()


@TinyClassifier.mistake("F.dropout needs training=self.training")
class AlwaysDropout(ColourOnly):
    def forward(self, x):
        return super().forward(F.dropout(x))
