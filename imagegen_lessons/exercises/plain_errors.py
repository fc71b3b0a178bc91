"""What PyTorch's own error messages mean, in plain words, for those that a student's code meets most often."""

import re

_MEANINGS = (
    (
        r"mat1 and mat2 shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)",
        "What is multiplied has {1} columns, and the matrix or linear layer takes {2}.",
    ),
    (
        r"size mismatch, got input \((\d+)\), mat \((\d+)x(\d+)\), vec \((\d+)\)",
        "A matrix with {2} columns is multiplied by a vector of {3}: is it transposed?",
    ),
    (
        r"expected 2D or 3D input \(got 4D",
        "BatchNorm1d is for vectors (n, c); for images (n, c, h, w) take BatchNorm2d.",
    ),
    (
        r"expected 4D input \(got [23]D",
        "BatchNorm2d is for images (n, c, h, w); for vectors (n, c) take BatchNorm1d, or put it before the flattening.",
    ),
    (
        r"Expected more than 1 (?:value|spatial element)",
        "Normalisation has only one value here to take a mean of: leave it out where the maps have one pixel.",
    ),
    (
        r"to have (\d+) channels, but got (\d+) channels",
        "The convolution was made for {0} channels, and its input has {1}.",
    ),
    (
        r"running_mean should contain (\d+) elements not (\d+)",
        "The batch normalisation was made for {1} channels, and its input has {0}.",
    ),
    (
        r"weight of size \[(\d+), \d+, .*expected input.* to be \d+D",
        "The shape of what enters the convolution is not (n, channels, height, width).",
    ),
    (
        r"The size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\) at non-singleton dimension (\d+)",
        "Two tensors with {0} and {1} entries along dimension {2} meet: look at both shapes.",
    ),
    (
        r"shape '\[.*\]' is invalid for input of size (\d+)",
        "There are {0} numbers, and the new shape holds another count. Is the batch dimension kept, as in (len(x), …)?",
    ),
    (
        r"grad can be implicitly created only for scalar outputs",
        "A gradient is taken of one number: add the values up first, with .sum().",
    ),
    (
        r"'tuple' object has no attribute",
        "This is a tuple: take one of its entries, as [0] (torch.autograd.grad gives one, too).",
    ),
    (
        r"does not require grad and does not have a grad_fn",
        "Nothing in this calculation requires a gradient: was it cut off by .detach(), .item() or no_grad()?",
    ),
    (
        r"Boolean value of Tensor with more than one value",
        "`if`, `and`, `or` and `not` take one value; for a tensor of them use torch.where, &, | and ~. "
        "(And nn.MSELoss(a, b) makes a loss instead of computing one: that is F.mse_loss(a, b).)",
    ),
    (
        r"Numpy is not available|Can't call numpy\(\) on Tensor that requires grad",
        "Stay in PyTorch here: NumPy keeps no track for the gradient.",
    ),
    (
        r"'float' object cannot be interpreted as an integer|slice indices must be integers",
        "A whole number is needed: is it the right variable? To get one, divide with //.",
    ),
    (
        r"only integer tensors of a single element can be converted to an index",
        "A tensor stands where a whole number belongs; or a tuple was multiplied by it: take the tuple's entries.",
    ),
    (
        r"object of type '(\w+)' has no len|'(\w+)' object is not subscriptable",
        "A single number has neither a length nor entries.",
    ),
    (
        r"before Module\.__init__\(\) call|has no attribute '_(?:parameters|modules)'",
        "Begin __init__ with super().__init__(), which makes the module ready for its layers.",
    ),
    (
        r"index out of range in self",
        "An embedding is asked for a row that its table does not have: was it made for too few classes?",
    ),
    (
        r"a leaf Variable that requires grad",
        "What learns cannot be changed in place while gradients are recorded: compute a new tensor.",
    ),
    (
        r"can't multiply sequence by non-int",
        "A list or tuple is multiplied, not a tensor: take its entries (of what torch.autograd.grad gives, [0]).",
    ),
    (
        r"could not infer output dtype.*Got: (\w+)",
        "Whole numbers and True or False ({0}) have no mean here: convert them first, with .float().",
    ),
    (
        r"to have the same dtype, but got: (\w+) != (\w+)",
        "Two precisions meet, {0} and {1}: give what you make the dtype of the input, as in dtype=x.dtype.",
    ),
    (
        r"only one element tensors can be converted",
        "math's functions and float() take one number; for a tensor there are torch's, as torch.exp. torch.tensor "
        "takes plain numbers; several tensors become one with torch.stack.",
    ),
    (
        r"stack expects each tensor to be equal size",
        "What is stacked must have one shape; torch.cat joins what differs along the dimension given to it.",
    ),
    (
        r"(\w+)\(\): argument '\w+' \(position 1\) must be Tensor, not (?:float|int)",
        "torch.{0} takes a tensor; for a plain number there is math.{0}.",
    ),
    (r"bitwise_xor", "The power is **, as in x ** 2; ^ is something else in Python."),
    (
        r"backward through the graph a second time",
        "Does your function call .backward()? Return the value; the check, or the training loop, asks for gradients.",
    ),
    (r"derivative for aten::floor_divide", "// rounds down and has no gradient: divide with /."),
    (
        r"cannot access local variable '(\w+)'",
        "`{0}` is used before it has a value: what should it be at first, before the loop?",
    ),
    (
        r"division by zero",
        "For which of the arguments is the divisor 0? It may be tried with steps = 1, or one sample.",
    ),
    (
        r"takes (?:from )?\d+ .*positional arguments? but \d+ (?:was|were) given",
        "A function is called with other arguments than stand in its line `def`.",
    ),
    (
        r"'(?:float|int)' object has no attribute '(\w+)'",
        "A plain number has no .{0}: a tensor is needed, as from torch.full((n,), value).",
    ),
    (
        r"math domain error",
        "A logarithm or a root of a number below 0, or acos beyond 1, does not exist.",
    ),
)


def in_plain_words(message: str) -> str:
    """What this message means, as a sentence; "" for one that is not known."""
    for pattern, meaning in _MEANINGS:
        if found := re.search(pattern, message):
            return meaning.format(*found.groups())
    return ""
