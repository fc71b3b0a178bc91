import ast
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imagegen_lessons import metrics, runtime
from imagegen_lessons.deepfakes import faceswap
from imagegen_lessons.synthetic import faces
from imagegen_lessons.training import checkpoint

PACKAGE = Path(faceswap.__file__).parent
# What the rooms that a swap can reach may import from outside: none of it is used to read a file (see READERS).
HARMLESS = {
    "__future__", "collections", "concurrent", "contextlib", "dataclasses", "functools", "hashlib", "itertools", "math",
    "numpy", "os", "pathlib", "random", "sys", "torch",
}  # fmt: skip
READERS = {
    "open", "fdopen", "read_bytes", "read_text", "read_image", "imread", "load", "fromfile", "from_file",
    "memmap", "loadtxt", "genfromtxt", "urlopen", "urlretrieve", "download", "exec", "eval", "compile",
    "__import__", "import_module", "decode_image", "frombuffer",
}  # fmt: skip


def modules_of(path: Path) -> tuple[set[Path], set[str]]:
    """The package's files that a file imports, anywhere in it, and the first names of all other imports."""
    inside, outside = set(), set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            root = list(path.relative_to(PACKAGE.parent).parts)[: -node.level] if node.level else []
            base = ".".join([*root, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] != PACKAGE.name:
                outside.add(parts[0])
                continue
            for end in range(1, len(parts) + 1):  # a package runs its __init__, too
                place = PACKAGE.parent.joinpath(*parts[:end])
                inside |= {
                    file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()
                }
    return inside, outside


def reach(start: Path) -> tuple[set[Path], set[str]]:
    """All of the package's files that can be reached from one by imports, and what these import from outside."""
    files, outside, waiting = {start}, set(), [start]
    while waiting:
        inside, others = modules_of(waiting.pop())
        outside |= others
        waiting += inside - files
        files |= inside
    return files, outside


def mentioned(path: Path) -> set[str]:
    """The names that a file uses without having made them (`open`), and all after a dot (`load` in torch.load)."""
    tree = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = [node for node in tree if isinstance(node, ast.Name)]
    own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    return {node.id for node in names} - own | {node.attr for node in tree if isinstance(node, ast.Attribute)}


def test_no_reader_of_pictures_or_files_can_be_reached_from_the_swap():
    files, outside = reach(Path(faceswap.__file__))
    rooms = {file.relative_to(PACKAGE).parts[0].removesuffix(".py") for file in files}
    assert rooms == {"__init__", "runtime", "faceswap", "synthetic"}
    assert outside <= HARMLESS
    for file in files:
        assert not mentioned(file) & READERS, file.name


def test_the_walk_finds_readers_where_there_are_some():
    """The test above would be worth nothing if it were blind."""
    files, outside = reach(PACKAGE / "superres.py")
    assert {"images.py", "datasets.py"} <= {file.name for file in files}
    assert "PIL" in outside
    assert any(mentioned(file) & READERS for file in files)


A_PICTURE = torch.rand(1, 3, 48, 48)


@pytest.mark.parametrize(
    "not_factors",
    [
        A_PICTURE,
        A_PICTURE.numpy(),
        Image.new("RGB", (48, 48)),
        "me.jpg",
        Path("me.jpg"),
        b"\x89PNG",
        [faceswap.ADA],
        None,
    ],
    ids=lambda x: type(x).__name__,
)
def test_anything_but_factors_is_refused(not_factors):
    refused = pytest.raises(ValueError, match="never a picture or a file")
    for call in (
        faceswap.Swap(),
        faceswap.frames,
        lambda x: faceswap.film(x, 2),
        lambda x: faceswap.true_swap(x, faceswap.BEA),
        lambda x: faceswap.true_swap(faceswap.film(faceswap.ADA, 2), x),
        lambda x: faceswap.Swap(faceswap.ADA, x),
    ):
        with refused as error:
            call(not_factors)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"picture": A_PICTURE}, "no factor 'picture'"),
        ({"smile": A_PICTURE}, "needs one value or"),
        ({"smile": 2.0}, "smile cannot be 2"),
        ({"smile": float("nan")}, "smile cannot be nan"),
    ],
)
def test_no_picture_comes_in_among_the_factors(change, says):
    with pytest.raises(ValueError, match=says):
        faceswap.Swap()({**faceswap.film(faceswap.ADA, 2), **change})


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: faceswap.person(smile=1.0), "'smile' is no part of an identity"),
        (lambda: faceswap.person(skin_tone="green"), "skin_tone cannot be 'green'"),
        (lambda: faceswap.film({"skin_tone": 1}, 2), "look at: .*hair_colour"),
        (lambda: faceswap.film({**faceswap.ADA, "smile": 1.0}, 2), "look at: smile"),
        (lambda: faceswap.film({**faceswap.ADA, "jaw": torch.zeros(3)}, 3), "that of one person"),
        (lambda: faceswap.film(faceswap.ADA, -1), "cannot be -1"),
        (lambda: faceswap.frames(faceswap.ADA), "missing: smile"),
    ],
)
def test_mistakes_get_one_clear_sentence(call, says):
    with pytest.raises(ValueError, match=says) as error:
        call()
    assert "\n" not in str(error.value)


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
    assert faceswap.frames(faceswap.film(faceswap.ADA, 0)).shape == (0, 3, 48, 48)


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
    seen = faceswap.look(x)
    assert seen.shape == (4, 1, 48, 48)
    torch.testing.assert_close(seen.mean((1, 2, 3)), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen.std((1, 2, 3), correction=0), torch.ones(4), atol=1e-3, rtol=0)
    torch.testing.assert_close(faceswap.look(0.3 + 0.5 * x), seen, atol=1e-2, rtol=0)
    torch.testing.assert_close(faceswap.look(x.flip(1)), seen, atol=1e-2, rtol=0)
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    torch.testing.assert_close(faceswap.look(x, red), faceswap.look(x[:, :1].expand_as(x)), atol=1e-2, rtol=0)


def test_shapes_and_size():
    code = faceswap.Encoder()(torch.randn(5, 1, 48, 48))
    assert code.shape == (5, 24)
    x = faceswap.Decoder()(code)
    assert x.shape == (5, 3, 48, 48)
    assert x.min() >= 0
    assert x.max() <= 1
    assert sum(p.numel() for p in faceswap.Swap().parameters()) < 175_000


def test_a_shared_encoder_learns_from_both_and_separate_ones_each_from_their_own():
    seen = torch.randn(2, 1, 48, 48)
    for shared, learns in ((True, True), (False, False)):
        swap = faceswap.Swap(shared=shared)
        a, b = swap.rebuild(seen, seen)
        assert torch.equal(a, b) is False  # two decoders
        b.sum().backward()
        assert (swap.encoders[0].layers[0].weight.grad is not None) == learns
        assert swap.decoders[0].layers[0].weight.grad is None


def test_a_swap_is_a_picture_of_b_for_every_frame_and_needs_no_gradients():
    swap = faceswap.Swap()
    film = faceswap.film(faceswap.ADA, 3)
    x = swap(film)
    assert x.shape == (3, 3, 48, 48)
    assert not x.requires_grad
    alone = swap({**{name: values[2] for name, values in film.items()}})
    torch.testing.assert_close(alone, x[2:], atol=1e-5, rtol=0)
    assert swap(faceswap.film(faceswap.ADA, 0)).shape == (0, 3, 48, 48)


def trained(steps: int, seed: int) -> tuple[faceswap.Swap, list[float]]:
    torch.manual_seed(seed)
    swap = faceswap.Swap()
    training = faceswap.Training(swap, steps, n=24, batch=8, seed=seed)
    return swap, [training.step()["loss"].item() for _ in range(steps)]


def test_training_learns_and_is_the_same_every_time():
    swap, losses = trained(14, seed=1)
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])
    before = torch.random.get_rng_state()
    again, _ = trained(14, seed=1)
    other, _ = trained(14, seed=2)
    film = faceswap.film(faceswap.ADA, 2)
    torch.testing.assert_close(swap(film), again(film), atol=1e-5, rtol=0)
    assert not torch.allclose(swap(film), other(film), atol=1e-3)
    torch.random.set_rng_state(before)


def test_training_trains_on_frames_that_the_test_film_does_not_show():
    training = faceswap.Training(faceswap.Swap(), 1, n=8, seed=0)
    a, b = training.frames
    assert a.shape == b.shape == (8, 3, 48, 48)
    test = faceswap.frames(faceswap.film(faceswap.ADA, 8, seed=9_000)).to(runtime.device())
    assert torch.cdist(test.flatten(1), a.flatten(1)).min() > 0.5
    with pytest.raises(ValueError, match="never a picture"):
        faceswap.film(np.zeros(3), 2)


def test_the_bundled_swap_is_close_to_the_true_one():
    """Seven decibels above the mean face of B on frames that it has not seen, and the expression can be read."""
    swap = checkpoint.load_network("faceswap", faceswap.Swap())
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
