"""Style transfer, two comparisons of speed: against PyTorch's tutorial, and against PyTorch's feed-forward example.

python benchmarks/style_speed.py optimise | forward | train

`optimise`: the tutorial ("Neural transfer using PyTorch": L-BFGS from the photograph, 300 evaluations, a clamp before
each) against ours, both with the same layers of SqueezeNet and on the same total: 1 × the content's squared error
+ 1e6 × that of the Gram matrices, divided by their size. (The tutorial's weights suit VGG, whose maps are about as
large as 1. SqueezeNet's are in the hundreds, and the tutorial's optimiser diverges. So each map is divided by its root
mean square over the painting.) The clock of ours stops while its clamped picture is measured, in full precision, by
the tutorial's own function. Its goal is the total that the tutorial ends with, or else the lowest that it came to at
any time: the tutorial's total jumps up now and then.

`forward`: milliseconds for one picture, our TransformNet against a network like that of PyTorch's `fast_neural_style`.

`train`: both learn the same painting with the same loss, steps and batches, each with the learning rate that suits it,
and are tested in between on held-out photographs, by the loss's own style and content distances, with the bundled
feature extractor.

Whatever is compared takes turns. SqueezeNet's weights are torchvision's, from TORCH_HOME if that is set.
"""

import argparse
import contextlib
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn
from torchvision import models

from imagegen_lessons import datasets, images, runtime, style
from imagegen_lessons.networks import features
from imagegen_lessons.synthetic import paintings

SIZE = 256
PAIRS = (
    ("china", "brush", 1),
    ("cat", "dots", 2),
    ("coffee", "glass", 3),
    ("rocket", "waves", 4),
)
PLAIN, FAST = torch.contiguous_format, torch.channels_last


def square(name: str, size: int) -> torch.Tensor:
    photo = datasets.photo(name)
    return images.resize(images.crop_centre(photo, min(photo.shape[-2:])), size)


# ------------------------------------------------------------------------------------------------- optimise


class Gram(torch.autograd.Function):
    """f fᵀ for a map (1, c, h, w) with its channels side by side. Its gradient is one product; autograd takes two."""

    @staticmethod
    def forward(ctx, f):
        flat = f.permute(0, 2, 3, 1).flatten(0, 2)  # (positions, c), no copy
        ctx.save_for_backward(flat)
        ctx.shape = f.shape
        return flat.mT @ flat

    @staticmethod
    def backward(ctx, grad):
        (flat,) = ctx.saved_tensors
        n, c, h, w = ctx.shape
        return (flat @ (grad + grad.mT).to(flat.dtype)).reshape(n, h, w, c).permute(0, 3, 1, 2)


def tutorials_gram(f: torch.Tensor) -> torch.Tensor:
    flat = f.flatten(0, 1).flatten(1)
    return flat @ flat.T


class Total(nn.Module):
    """The loss that is minimised: the same numbers, computed as the tutorial does or as fast as we can."""

    TAPS = (1, 3, 4, 5, 8)

    def __init__(self, content, painting, fast: bool):
        super().__init__()
        weights = models.SqueezeNet1_0_Weights.DEFAULT
        normal = weights.transforms()
        self.gram = Gram.apply if fast else tutorials_gram
        self.layout = FAST if fast else PLAIN
        self.register_buffer("mean", torch.tensor(normal.mean)[:, None, None])
        self.register_buffer("std", torch.tensor(normal.std)[:, None, None])
        self.layers = models.squeezenet1_0(weights=weights).features[: self.TAPS[-1] + 1].eval()
        self.layers.requires_grad_(False).to(memory_format=self.layout)
        for layer in self.layers.modules():
            if isinstance(layer, nn.ReLU):
                layer.inplace = False
        with torch.no_grad():
            seen = self.see(painting)
            self.sizes = [f.square().mean().sqrt() for f in seen]
            self.wanted = self.see(content)[3] / self.sizes[3]
            self.grams = [self.statistic(f / size) for f, size in zip(seen, self.sizes, strict=True)]

    def see(self, x) -> list[torch.Tensor]:
        f, maps = ((x - self.mean) / self.std).contiguous(memory_format=self.layout), []
        for k, layer in enumerate(self.layers):
            f = layer(f)
            if k in self.TAPS:
                maps.append(f)
        return maps

    def statistic(self, f) -> torch.Tensor:
        return self.gram(f).float() / f.numel()

    def forward(self, x) -> torch.Tensor:
        maps = [f / size for f, size in zip(self.see(x), self.sizes, strict=True)]
        errors = [F.mse_loss(self.statistic(f), g) for f, g in zip(maps, self.grams, strict=True)]
        return F.mse_loss(maps[3].float(), self.wanted) + 1e6 * sum(errors)


def tutorial(content, painting, evaluations: int = 300):
    """Yields (seconds, total) of every evaluation, a turn at a time, as a list."""
    start = time.perf_counter()
    total, x = Total(content, painting, fast=False), content.clone().requires_grad_()
    optimizer, curve = torch.optim.LBFGS([x]), []
    spent = time.perf_counter() - start
    while len(curve) < evaluations:
        start = time.perf_counter()

        def closure(before=spent - start):
            with torch.no_grad():
                x.clamp_(0, 1)
            optimizer.zero_grad()
            loss = total(x)
            loss.backward()
            curve.append((before + time.perf_counter(), loss.item()))
            return loss

        optimizer.step(closure)
        spent += time.perf_counter() - start
        yield curve


def ours(content, painting, bfloat16: bool, steps: int = 160, turn: int = 4):
    """The same, but (seconds, total) of the clamped picture after every turn; measuring it costs nothing.

    L-BFGS remembers how the gradient changed along its last steps. A clamp moves the picture behind its back, and the
    tutorial's totals jump; so colours may leave [0, 1] here, for a price, and are clamped once, at the end.
    """
    measure = Total(content, painting, fast=False)
    start = time.perf_counter()
    total, x = Total(content, painting, fast=True), content.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([x], max_iter=turn, history_size=20, tolerance_grad=0, tolerance_change=0)
    curve, spent = [], time.perf_counter() - start

    def closure():
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16) if bfloat16 else contextlib.nullcontext():
            loss = total(x)
        loss = loss + 300 * (x - x.clamp(0, 1)).square().mean()
        loss.backward()
        return loss

    for _ in range(steps // turn):
        start = time.perf_counter()
        optimizer.step(closure)
        spent += time.perf_counter() - start
        with torch.no_grad():
            curve.append((spent, measure(x.detach().clamp(0, 1)).item()))
        yield curve


def optimise() -> None:
    ways = {"full precision": dict(bfloat16=False), "bfloat16": dict(bfloat16=True)}
    ratios = {(way, goal): [] for way in ways for goal in ("end", "lowest")}
    for photo, look, seed in PAIRS:
        content, painting = square(photo, SIZE), paintings.paint(look, seed, SIZE)
        contestants = [
            tutorial(content, painting),
            *(ours(content, painting, **way) for way in ways.values()),
        ]
        curves = [[] for _ in contestants]
        running = set(range(len(contestants)))
        while running:
            for k in sorted(running):
                for _ in range(5 if k else 1):  # twenty evaluations each
                    curve = next(contestants[k], None)
                    if curve is None:
                        running.discard(k)
                        break
                    curves[k] = curve
        end, lowest = curves[0][-1], min(curves[0], key=lambda point: point[1])
        print(f"{photo} × {look}: the tutorial ends at {end[1]:.3f} after {end[0]:.1f} s,", end=" ")
        print(f"its lowest is {lowest[1]:.3f} after {lowest[0]:.1f} s")
        for way, curve in zip(ways, curves[1:], strict=True):
            for goal, (theirs, total) in (("end", end), ("lowest", lowest)):
                reached = next((seconds for seconds, value in curve if value <= total), float("inf"))
                ratios[way, goal].append(theirs / reached)
                print(f"  {way}, {goal}: {reached:.1f} s, {theirs / reached:.1f} times faster", flush=True)
    for (way, goal), values in ratios.items():
        print(f"median, {way}, {goal}: {statistics.median(values):.1f} times faster")


# -------------------------------------------------------------------------------------------- feed-forward


def reflected(narrow: int, wide: int, size: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.ReflectionPad2d(size // 2), nn.Conv2d(narrow, wide, size, stride))


class Residual(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        halves = [[reflected(width, width, 3), nn.InstanceNorm2d(width, affine=True)] for _ in range(2)]
        self.change = nn.Sequential(*halves[0], nn.ReLU(), *halves[1])

    def forward(self, f):
        return f + self.change(f)


class Example(nn.Module):
    """The shape of PyTorch's example, after Johnson et al. 2016: 9×9, 32-64-128, five residual blocks, and back."""

    def __init__(self):
        super().__init__()
        layers = []
        for narrow, wide, size, stride in ((3, 32, 9, 1), (32, 64, 3, 2), (64, 128, 3, 2)):
            layers += [reflected(narrow, wide, size, stride), nn.InstanceNorm2d(wide, affine=True), nn.ReLU()]
        layers += [Residual(128) for _ in range(5)]
        for narrow, wide in ((128, 64), (64, 32)):
            layers += [nn.Upsample(scale_factor=2), reflected(narrow, wide, 3)]
            layers += [nn.InstanceNorm2d(wide, affine=True), nn.ReLU()]
        self.layers = nn.Sequential(*layers, reflected(32, 3, 9))

    def forward(self, x):
        return self.layers(x)  # the example's own pictures go from 0 to 255


def contenders() -> dict[str, nn.Module]:
    runtime.seed_everything(0)
    return {"example": Example(), "TransformNet": style.TransformNet()}


@torch.no_grad()
def forward(rounds: int = 30) -> None:
    contestants = {
        (name, layout): network.eval().to(memory_format=layout)
        for layout in (PLAIN, FAST)
        for name, network in contenders().items()
    }
    for (name, layout), network in contestants.items():
        if layout == PLAIN:
            print(f"{name}: {sum(p.numel() for p in network.parameters()):,} parameters")
    for size in (256, 512):
        x, seconds = square("china", size), {key: [] for key in contestants}
        for turn in range(rounds + 3):
            for key, network in contestants.items():
                picture = x.contiguous(memory_format=key[1])
                start = time.perf_counter()
                network(picture)
                if turn >= 3:  # the first ones warm up
                    seconds[key].append(time.perf_counter() - start)
        middle = {key: 1000 * statistics.median(values) for key, values in seconds.items()}
        best = {name: min(v for (n, _), v in middle.items() if n == name) for name, _ in middle}
        line = " ".join(
            f"{n} {'plain' if f == PLAIN else 'channels last'} {v:.1f} ms," for (n, f), v in middle.items()
        )
        print(f"{size} px: {line} best to best {best['example'] / best['TransformNet']:.1f} ×")


# ---------------------------------------------------------------------------------------------------- train


RATES = {
    "example": 1e-3,
    "TransformNet": 4e-3,
}  # the better of the two for each: with 4e-3 the example diverges


class Task:
    """One painting to learn: random crops of the libraries' photographs, the loss, and held-out photographs."""

    HELD_OUT = ("cat", "coffee", "astronaut", "rocket")
    UNFIT = ("page", "text", "microaneurysms", "motorcycle_right")  # print, too small, nearly the same

    def __init__(self, painting, crop: int = 128, batch: int = 4):
        self.extractor, self.crop, self.batch, self.rng = features.load(), crop, batch, runtime.generator(0)
        names = [name for name in datasets.PHOTOS if name not in (*self.HELD_OUT, *self.UNFIT)]
        self.photos = [datasets.photo(name, 384).expand(-1, 3, -1, -1) for name in names]
        self.test = torch.cat([square(name, SIZE) for name in self.HELD_OUT])
        with torch.no_grad():
            maps = self.extractor(painting)
        self.means = [f.mean(dim=(2, 3), keepdim=True) for f in maps]
        self.grams = [style.gram_matrix(f - mean) for f, mean in zip(maps, self.means, strict=True)]

    def distances(self, picture, content) -> tuple[torch.Tensor, torch.Tensor]:
        """Style and content distance, as in `style.StyleTransfer`, the mean over the batch."""
        maps = self.extractor(picture)
        with torch.no_grad():
            wanted = self.extractor(content, depth=4)[style.CONTENT_LAYER]
        far = sum(
            style.relative_error(style.gram_matrix(f - mean), gram.expand(len(f), -1, -1))
            for f, mean, gram in zip(maps, self.means, self.grams, strict=True)
        )
        return far / len(maps), style.relative_error(maps[style.CONTENT_LAYER], wanted)

    def crops(self) -> torch.Tensor:
        pick = lambda n: int(torch.randint(n, (), generator=self.rng))  # noqa: E731
        crops = []
        for _ in range(self.batch):
            photo = self.photos[pick(len(self.photos))]
            top, left = (pick(side - self.crop + 1) for side in photo.shape[-2:])
            crops.append(photo[..., top : top + self.crop, left : left + self.crop])
        return torch.cat(crops)

    @torch.no_grad()
    def held_out_error(self, network) -> tuple[float, float]:
        far = [self.distances(network(x).clamp(0, 1), x) for x in self.test.split(1)]
        return tuple(sum(term).item() / len(far) for term in zip(*far, strict=True))


def train(steps: int, look: str, strength: float = 10.0) -> None:
    task = Task(paintings.paint(look, 1, SIZE))
    contestants = {}
    for name, network in contenders().items():
        network.to(memory_format=FAST)
        rate = RATES[name]
        optimizer = torch.optim.Adam(network.parameters(), lr=rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
        contestants[name] = network, optimizer, schedule
    seconds = dict.fromkeys(contestants, 0.0)
    print(f"{look}: style and content distance of the held-out photographs themselves:", end=" ")
    print("{:.3f} {:.3f}".format(*task.held_out_error(nn.Identity())))
    for step in range(1, steps + 1):
        x = task.crops()
        for name, (network, optimizer, schedule) in contestants.items():
            start = time.perf_counter()
            picture = network(x.contiguous(memory_format=FAST))
            far, content = task.distances(picture, x)
            loss = content + strength * far + style.total_variation(picture)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            seconds[name] += time.perf_counter() - start
            if step % (steps // 4) == 0:
                error = "style {:.3f}, content {:.3f}".format(*task.held_out_error(network))
                print(f"  {name:12} step {step:4}, {seconds[name]:5.0f} s: {error}", flush=True)
    for name, (network, *_) in contestants.items():
        with torch.no_grad():
            pictures = torch.cat([network(x).clamp(0, 1) for x in task.test.split(1)])
        images.save(images.grid(pictures, columns=4), runtime.output_dir() / f"style_speed_{look}_{name}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("optimise", "forward", "train"))
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--style", default="brush")
    chosen = parser.parse_args()
    print(f"torch {torch.__version__}, threads: {torch.get_num_threads()}")
    if chosen.what == "train":
        train(chosen.steps, chosen.style)
    else:
        {"optimise": optimise, "forward": forward}[chosen.what]()


if __name__ == "__main__":
    main()
