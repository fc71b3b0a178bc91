"""The face swap: no reader of files can be reached from it, it takes factors alone, and it swaps."""

import ast
from pathlib import Path

import pytest
import torch
from PIL import Image

from imagegen_lessons import metrics, runtime
from imagegen_lessons.deepfakes import faceswap
from imagegen_lessons.synthetic import faces
from imagegen_lessons.training import checkpoint
from tests.unit.helpers import refused

PACKAGE = runtime.ROOT / "imagegen_lessons"
# What the modules that the swap can reach import from outside. None of it is used to read a file: see READERS.
HARMLESS = {
    "__future__", "collections", "concurrent", "contextlib", "dataclasses", "functools", "glob", "hashlib", "itertools",
    "math", "numpy", "os", "pathlib", "random", "re", "statistics", "sys", "time", "torch",
}  # fmt: skip
READERS = {
    "open", "fdopen", "read_bytes", "read_text", "read_image", "imread", "load", "fromfile", "from_file",
    "memmap", "loadtxt", "genfromtxt", "urlopen", "urlretrieve", "download", "exec", "eval", "compile",
    "__import__", "import_module", "decode_image", "frombuffer",
}  # fmt: skip


def files_of(module: str) -> set[Path]:
    """A dotted name's file in the package, and the `__init__.py` of every package above it, which runs as well."""
    parts = module.split(".")
    places = [PACKAGE.parent.joinpath(*parts[:end]) for end in range(1, len(parts) + 1)]
    files = {file for place in places for file in (place.with_suffix(".py"), place / "__init__.py")}
    return {file for file in files if file.is_file()}


def imports_of(path: Path) -> tuple[set[Path], set[str]]:
    """The package's files that a file imports, lazily or not, and the first names of all other imports."""
    inside, outside = files_of(".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)), set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = list(path.relative_to(PACKAGE.parent).parts)[: -node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        for name in names:
            if name.split(".")[0] == PACKAGE.name:
                inside |= files_of(name)
            else:
                outside.add(name.split(".")[0])
    return inside, outside


def reachable(start: Path) -> tuple[set[Path], set[str]]:
    """All of the package's files that can be reached from one by imports, and what these import from outside."""
    files, outside, waiting = {start}, set(), [start]
    while waiting:
        inside, others = imports_of(waiting.pop())
        outside |= others
        waiting += inside - files
        files |= inside
    return files, outside


def readers_in(source: str) -> set[str]:
    """The readers that a source mentions: names that it has not made itself (`open`), and all after a dot (`.load`).

    `with open(path, "wb")` only writes, so that it does not count.
    """
    tree = list(ast.walk(ast.parse(source)))
    writing = {id(call.func) for call in tree if isinstance(call, ast.Call) and _only_writes(call)}
    names = [node for node in tree if isinstance(node, ast.Name) and id(node) not in writing]
    own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    attributes = {node.attr for node in tree if isinstance(node, ast.Attribute)}
    return (({node.id for node in names} - own) | attributes) & READERS


def _only_writes(call: ast.Call) -> bool:
    modes = [argument.value for argument in call.args[1:] if isinstance(argument, ast.Constant)]
    return isinstance(call.func, ast.Name) and call.func.id == "open" and modes in (["w"], ["wb"])


def test_no_reader_of_pictures_or_files_can_be_reached_from_the_swap():
    files, outside = reachable(Path(faceswap.__file__))
    own = {str(file.relative_to(PACKAGE)) for file in files if file.parent.name != "synthetic"}
    assert own == {
        "__init__.py", "calibration.py", "runtime.py", "deepfakes/__init__.py", "deepfakes/faceswap.py",
    }  # fmt: skip
    assert {"__init__.py", "faces.py", "_factors.py"} <= {file.name for file in files}
    assert outside <= HARMLESS
    for file in files:
        assert not readers_in(file.read_text(encoding="utf-8")), file.name


def test_the_walk_finds_readers_where_there_are_some():
    """The proof would be worth nothing if it were blind."""
    files, outside = reachable(PACKAGE / "superres" / "upscaler.py")
    assert PACKAGE / "images" / "decode.py" in files and "PIL" in outside
    assert any(readers_in(file.read_text(encoding="utf-8")) for file in files)


A_PICTURE = torch.rand(1, 3, 48, 48)


@pytest.mark.parametrize(
    "not_factors",
    [A_PICTURE, A_PICTURE.numpy(), Image.new("RGB", (8, 8)), "me.jpg", Path("me.jpg"), b"\x89PNG", None],
    ids=lambda x: type(x).__name__,
)
def test_anything_but_factors_is_refused(not_factors):
    for call in (
        faceswap.FaceSwap(),
        faceswap.frames,
        lambda x: faceswap.film(x, 2),
        lambda x: faceswap.true_swap(x, faceswap.BEA),
        lambda x: faceswap.true_swap(faceswap.film(faceswap.ADA, 2), x),
        lambda x: faceswap.FaceSwap(faceswap.ADA, x),
    ):
        with refused("never a picture or a file"):
            call(not_factors)


ONE_FILM = faceswap.film(faceswap.ADA, 2)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: faceswap.FaceSwap()({**ONE_FILM, "picture": A_PICTURE}), "'picture'"),
        (lambda: faceswap.FaceSwap()({**ONE_FILM, "smile": A_PICTURE}), "one value"),
        (lambda: faceswap.FaceSwap()({**ONE_FILM, "smile": 2.0}), "smile cannot be 2"),
        (lambda: faceswap.person(smile=1.0), "'smile' is no part of an identity"),
        (lambda: faceswap.person(skin_tone="green"), "skin_tone cannot be 'green'"),
        (lambda: faceswap.film({"skin_tone": 1}, 2), "look at: .*hair_colour"),
        (lambda: faceswap.film({**faceswap.ADA, "smile": 1.0}, 2), "look at: smile"),
        (lambda: faceswap.film({**faceswap.ADA, "jaw": torch.zeros(3)}, 3), "one person"),
        (lambda: faceswap.frames(faceswap.ADA), "missing: smile"),
        (lambda: faceswap.FaceSwapTrainer(faceswap.FaceSwap(), steps=0), "steps is a whole number from 1"),
        (lambda: faceswap.FaceSwapTrainer(faceswap.FaceSwap(), steps=5, n=0), "n is a whole number from 1"),
        (lambda: faceswap.FaceSwapTrainer(faceswap.FaceSwap(), steps=5, n=4, batch=0), "batch is a whole"),
        (lambda: faceswap.encoder_input(A_PICTURE[0]), "makes one a batch"),
    ],
)
def test_mistakes_and_smuggled_pictures_get_one_clear_sentence(call, says):
    with refused(says):
        call()


def test_a_film_is_one_person_who_moves_in_one_studio():
    film = faceswap.film(faceswap.BEA, 400, seed=3)
    for name, factor in faces.FACTORS.items():
        values = film[name].float()
        assert values.shape == (400,)
        if factor.group == "identity":
            assert (values == faceswap.BEA[name]).all()
        elif factor.group == "expression":
            assert values.min() < factor.low + 0.02 * (factor.high - factor.low)
            assert values.max() > factor.high - 0.02 * (factor.high - factor.low)
        else:
            assert (values != values[0]).any() == (name == "yaw")
    assert 0.19 < film["yaw"].abs().max() <= 0.2
    shorter = faceswap.film(faceswap.BEA, 5, seed=3)
    assert all(torch.equal(shorter[name], film[name][:5]) for name in film)
    assert not torch.equal(faceswap.film(faceswap.BEA, 5, seed=4)["smile"], shorter["smile"])


def test_the_true_swap_changes_who_it_is_and_nothing_else():
    film = faceswap.film(faceswap.ADA, 20, seed=1)
    swapped = faceswap.true_swap(film, faceswap.BEA)
    changed = {name for name in film if not torch.equal(film[name], swapped[name])}
    assert changed <= set(faces.IDENTITY)
    assert changed >= {"skin_tone", "hair_colour", "hair_style", "eye_colour", "glasses", "freckles"}
    back = faceswap.true_swap(swapped, faceswap.ADA)
    assert all(torch.equal(film[name], back[name]) for name in film)
    assert torch.equal(faceswap.frames(swapped), faces.render(swapped, 96)[:, :, 28:76, 24:72])
    one = {name: values[0].item() for name, values in film.items()}  # as sliders give them: single values
    alone = faceswap.frames(faceswap.true_swap(one, faceswap.BEA))
    torch.testing.assert_close(alone, faceswap.frames(swapped)[:1], atol=1e-5, rtol=0)


def test_the_encoder_sees_neither_brightness_nor_contrast_nor_colour():
    x = faceswap.frames(faceswap.film(faceswap.ADA, 4))
    grey = faceswap.encoder_input(x)
    assert grey.shape == (4, 1, 48, 48)
    torch.testing.assert_close(grey.mean((1, 2, 3)), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(grey.std((1, 2, 3), correction=0), torch.ones(4), atol=1e-3, rtol=0)
    torch.testing.assert_close(faceswap.encoder_input(0.3 + 0.5 * x), grey, atol=1e-2, rtol=0)
    torch.testing.assert_close(faceswap.encoder_input(x.flip(1)), grey, atol=1e-2, rtol=0)
    red = faceswap.encoder_input(x, torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1))
    torch.testing.assert_close(red, faceswap.encoder_input(x[:, :1].expand_as(x)), atol=1e-2, rtol=0)


def test_a_shared_encoder_learns_from_both_and_separate_ones_each_from_their_own():
    grey = torch.randn(2, 1, 48, 48)
    for shared in (True, False):
        swap = faceswap.FaceSwap(shared=shared)
        a, b = swap.reconstruct(grey, grey)
        assert not torch.equal(a, b)  # two decoders
        b.sum().backward()
        assert (swap.encoders[0].layers[0].weight.grad is not None) == shared
        assert swap.decoders[0].layers[0].weight.grad is None


def test_a_swap_is_a_picture_of_b_for_every_frame_and_needs_no_gradients():
    swap = faceswap.FaceSwap()
    film = faceswap.film(faceswap.ADA, 3)
    x = swap(film)
    assert x.shape == (3, 3, 48, 48) and x.min() >= 0 and x.max() <= 1
    assert not x.requires_grad
    alone = swap({name: values[2] for name, values in film.items()})
    torch.testing.assert_close(alone, x[2:], atol=1e-5, rtol=0)
    assert swap(faceswap.film(faceswap.ADA, 0)).shape == (0, 3, 48, 48)


def trained(steps: int, seed: int) -> tuple[faceswap.FaceSwap, list[float]]:
    torch.manual_seed(seed)
    swap = faceswap.FaceSwap()
    trainer = faceswap.FaceSwapTrainer(swap, steps, n=24, batch=8, seed=seed)
    return swap, [trainer.step()["loss"].item() for _ in range(steps)]


def test_training_learns_and_is_the_same_every_time():
    (swap, losses), (again, _), (other, _) = trained(14, seed=1), trained(14, seed=1), trained(14, seed=2)
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])
    film = faceswap.film(faceswap.ADA, 2)
    torch.testing.assert_close(swap(film), again(film), atol=1e-5, rtol=0)
    assert not torch.allclose(swap(film), other(film), atol=1e-3)


def test_training_frames_are_not_those_of_the_test_film():
    a, b = faceswap.FaceSwapTrainer(faceswap.FaceSwap(), 1, n=8).frames
    assert a.shape == b.shape == (8, 3, 48, 48)
    test = faceswap.frames(faceswap.film(faceswap.ADA, 8, seed=9_000)).to(runtime.device())
    assert torch.cdist(test.flatten(1), a.flatten(1)).min() > 0.5


def test_the_bundled_swap_is_close_to_the_true_one():
    """Seven decibels above the mean face of B on frames that it has not seen, and the expression can be read."""
    swap = checkpoint.load_network("faceswap", faceswap.FaceSwap())
    factors = faceswap.film(faceswap.ADA, 60, seed=12_345)
    truth = faceswap.frames(faceswap.true_swap(factors, faceswap.BEA))
    mean = faceswap.frames(faceswap.film(faceswap.BEA, 200, seed=12_346)).mean(0).expand_as(truth)
    made = swap(factors)
    assert metrics.psnr(made, truth).mean() > metrics.psnr(mean, truth).mean() + 7
    opened = factors["mouth_open"] - factors["mouth_open"].mean()
    mouth, true_mouth = (x[:, :, 30:42, 14:34].mean(1).flatten(1) for x in (made, truth))
    # How each pixel around the mouth goes with its opening, in the made swap and in the true one.
    slope, true_slope = (opened @ (x - x.mean(0)) for x in (mouth, true_mouth))
    assert torch.cosine_similarity(slope, true_slope, dim=0) > 0.9
