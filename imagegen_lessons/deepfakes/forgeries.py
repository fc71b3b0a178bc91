"""Forgeries of drawn portraits, by six methods, and one simulated camera for forgeries and true scenes alike.

A portrait begins as a clean scene (drawn, or forged); then the same lens, the same noise and the same JPEG go over
everything, so that a detector can find only what the forgery itself has left. Drawn faces: no claim about real ones.
"""

import functools
import io

import numpy
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from imagegen_lessons import gans, images, settings, superres
from imagegen_lessons.synthetic import faces
from imagegen_lessons.training import checkpoint

SIZE = 64
METHODS = ("alpha splice", "Poisson splice", "transposed", "bilinear", "enlarged", "generated")
ALIKE = (
    "skin_tone",
    "undertone",
    "hair_colour",
    "hair_style",
    "beard",
)  # what a donor has to share with the scene


def check_pictures(x: torch.Tensor, size: int | None = None) -> torch.Tensor:
    """Returns x unchanged; ValueError unless they are pictures (n, 3, H, W) in [0, 1], of this size where given."""
    images.check(x)
    if x.dim() != 4 or x.shape[1] != 3 or (size and x.shape[-2:] != (size, size)):
        sides = f"{size}, {size}" if size else "height, width"
        raise ValueError(
            f"Pictures (n, 3, {sides}) are needed, not {tuple(x.shape)}; x[None] makes one a batch."
        )
    return x


def portraits(people: int, each: int = 2, seed: int = 0, **fixed) -> tuple[dict, torch.Tensor]:
    """Factors of `each` portraits of so many people, (people · each,), and who is in each: 0 to people - 1.

    The portraits of a person share every factor of `faces.IDENTITY`; `fixed` as for `faces.sample`. Different
    seeds give different people. Raises what `faces.sample` raises.
    """
    people, each = settings.whole(people, "The number of people"), settings.whole(each, "Portraits of each")
    who = torch.arange(people).repeat_interleave(each)
    identities = faces.passports(people, seed=2 * seed, **fixed)
    factors = faces.passports(people * each, seed=2 * seed + 1)
    return factors | {name: identities[name][who] for name in faces.IDENTITY}, who


def camera(scene: torch.Tensor, rng: torch.Generator, photons: float = 500.0) -> torch.Tensor:
    """A photograph of each scene (n, 3, H, W): a lens that blurs a little, then shot noise and read noise.

    A pixel of brightness 1 catches `photons` on average, whose number varies by its square root (shot noise); reading
    it out adds 1 % more. In [0, 1], rounded to 8 bits. Colours are taken as linear: a simplification.
    Raises ValueError for what are no pictures, and for fewer photons than 1.
    """
    channels, photons = check_pictures(scene).shape[1], settings.number(photons, "The number of photons", 1)
    lens = torch.tensor([0.1, 0.8, 0.1]).expand(channels, 1, 3)
    x = F.conv2d(F.pad(scene, (1, 1, 1, 1), mode="replicate"), lens[:, :, None], groups=channels)
    x = F.conv2d(x, lens[..., None], groups=channels)
    noise = (x.clamp(min=0) / photons + 0.01**2).sqrt()
    return ((x + noise * torch.randn(x.shape, generator=rng)).clamp(0, 1) * 255).round() / 255


def jpeg(x: torch.Tensor, quality) -> torch.Tensor:
    """Each picture (n, 3, H, W) written as a JPEG file and read again; `quality` 1 to 95, for all or (n,).

    Raises ValueError for another quality.
    """
    try:
        qualities = torch.as_tensor(quality).expand(len(x)).tolist()
    except (TypeError, RuntimeError):  # text, or as many as there are no pictures
        qualities = [0]
    if not all(1 <= q <= 95 for q in qualities):
        raise ValueError(
            f"The quality of a JPEG file is 1 to 95, not {quality!r}; one for all, or one for each."
        )
    check_pictures(x)
    files = [io.BytesIO(images.to_bytes(one, "JPEG", q)) for one, q in zip(x, qualities, strict=True)]
    pixels = numpy.stack([numpy.asarray(Image.open(file)) for file in files])
    return torch.from_numpy(pixels).movedim(-1, 1).contiguous().float() / 255


def published(scene: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Each scene as it reaches us: photographed, then a JPEG file of some quality from 75 to 95."""
    return jpeg(camera(scene, rng), torch.randint(75, 96, (len(scene),), generator=rng))


def face_mask(n: int, rng: torch.Generator, soft: float = 0.2) -> torch.Tensor:
    """Ovals around the faces of passport portraits, each a little different: (n, 1, 64, 64), 1 inside, 0 outside.

    `soft`: how wide the border is, as a share of the oval's radius.
    """
    n, soft = (
        settings.whole(n, "The number of masks", 0),
        settings.number(soft, "The width of the border", 0.001),
    )
    line = (torch.arange(SIZE) + 0.5) / SIZE
    shift, stretch = torch.rand(2, n, 2, 1, 1, generator=rng)
    across = (line - 0.5 - 0.03 * (shift[:, 0] - 0.5)) / (0.17 + 0.04 * stretch[:, 0])
    down = (line[:, None] - 0.52 - 0.03 * (shift[:, 1] - 0.5)) / (0.20 + 0.04 * stretch[:, 1])
    return ((1 - (across**2 + down**2).sqrt()) / soft + 0.5).clamp(0, 1)[:, None]


def jitter(x: torch.Tensor, rng: torch.Generator, amount: float = 0.06) -> torch.Tensor:
    """Each picture turned, scaled and shifted a little, as when one face is fitted onto another.

    `amount`: up to this share in size, half of it in place, and about as much turned, in radians.
    """
    check_pictures(x)
    turn, scale, right, down = amount * (2 * torch.rand(4, len(x), generator=rng) - 1)
    cos, sin = (1 + scale) * turn.cos(), (1 + scale) * turn.sin()
    rows = torch.stack([cos, -sin, right / 2, sin, cos, down / 2], dim=1).view(-1, 2, 3)
    return F.grid_sample(
        x, F.affine_grid(rows, x.shape, align_corners=False), padding_mode="border", align_corners=False
    )


def donors(factors: dict, rng: torch.Generator) -> torch.Tensor:
    """Somebody else in each scene (n, 3, 64, 64): same pose and light, alike in skin and hair, moved a little."""
    n = len(factors["smile"])
    others = faces.passports(n, seed=int(torch.randint(2**31, (), generator=rng)))
    changed = {name: others[name] for name in faces.IDENTITY if name not in ALIKE}
    return jitter(faces.render(factors | changed, SIZE), rng)


def alpha_splice(scene, donor, mask):
    """The donor where the mask (n, 1, H, W) is 1, the scene where it is 0, a mixture between.

    Raises ValueError where their numbers or sizes differ.
    """
    _check_shapes(scene, donor, mask)
    return scene * (1 - mask) + donor * mask


def poisson_splice(scene, donor, mask, sweeps: int = 60):
    """The donor's edges with the scene's colours: within the mask, a picture with the donor's Laplacian that meets the
    scene at the border (Pérez et al. 2003). No seam in colour remains.

    Solved by successive over-relaxation, red and black pixels in turn. Inputs (n, c, H, W), mask (n, 1, H, W) of which
    what exceeds 0.5 counts as inside, away from the picture's edge. Clamped to [0, 1].
    Raises ValueError where their numbers or sizes differ.
    """
    _check_shapes(scene, donor, mask)
    inside = mask > 0.5
    inside[..., [0, -1], :] = inside[..., [0, -1]] = False
    if not inside.any():
        return scene.clamp(0, 1)
    rows, columns = (inside.any(dim=d).flatten(0, 1).any(dim=0).nonzero() for d in (-1, -2))
    window = ..., slice(rows.min() - 1, rows.max() + 2), slice(columns.min() - 1, columns.max() + 2)
    inside, donor, x = inside[window], donor[window], scene[window].clone()
    height, width = x.shape[-2:]
    red = (torch.arange(height)[:, None] + torch.arange(width)) % 2 == 0
    wanted = 4 * donor - _neighbours(donor)
    for _ in range(sweeps):
        for colour in (red, ~red):
            better = (_neighbours(x) + wanted) / 4
            x = torch.where(inside & colour, x + 1.7 * (better - x), x)
    spliced = scene.clone()
    spliced[window] = x
    return spliced.clamp(0, 1)


def _check_shapes(scene, donor, mask) -> None:
    if scene.shape != donor.shape or mask.shape != (len(scene), 1, *scene.shape[-2:]):
        shapes = ", ".join(str(tuple(x.shape)) for x in (scene, donor, mask))
        raise ValueError(f"Each scene needs a donor and a mask (1, H, W) of its size, but got {shapes}.")


def _neighbours(x):
    """The sum of the four pixels around each pixel."""
    around = F.pad(x, (1, 1, 1, 1), mode="replicate")
    up, down = around[..., :-2, 1:-1], around[..., 2:, 1:-1]
    return up + down + around[..., 1:-1, :-2] + around[..., 1:-1, 2:]


class Autoencoder(nn.Module):
    """Pictures (n, 3, H, W) → latent codes (n, 16, H / 4, W / 4) → pictures; 4 divides the sides.

    Its upsampling leaves traces: `up` is "transposed" (transposed convolutions, with checkerboard artefacts) or
    "bilinear" (interpolation, then a convolution).
    """

    def __init__(self, up: str = "transposed", width: int = 24):
        super().__init__()
        if up not in ("transposed", "bilinear"):
            raise ValueError(f"The upsampling is 'transposed' or 'bilinear', not {up!r}.")
        self.down1 = nn.Conv2d(3, width, kernel_size=4, stride=2, padding=1)
        self.down2 = nn.Conv2d(width, 2 * width, kernel_size=4, stride=2, padding=1)
        self.code = nn.Conv2d(2 * width, 16, kernel_size=1)
        self.expand = nn.Conv2d(16, 2 * width, kernel_size=3, padding=1)
        self.up1, self.up2 = (_upsampling(up, channels, width) for channels in (2 * width, width))
        self.to_rgb = nn.Conv2d(width, 3, kernel_size=3, padding=1)

    def forward(self, x):
        h = F.leaky_relu(self.down1(2 * x - 1), 0.1)  # (n, width, H / 2, W / 2)
        h = self.code(F.leaky_relu(self.down2(h), 0.1))  # (n, 16, H / 4, W / 4)
        h = F.leaky_relu(self.up1(F.leaky_relu(self.expand(h), 0.1)), 0.1)
        h = F.leaky_relu(self.up2(h), 0.1)  # (n, width, H, W)
        return torch.sigmoid(self.to_rgb(h))


def _upsampling(up: str, channels: int, width: int) -> nn.Module:
    """A layer (n, channels, h, w) → (n, width, 2 h, 2 w)."""
    if up == "transposed":
        return nn.ConvTranspose2d(channels, width, kernel_size=4, stride=2, padding=1)
    interpolation = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
    return nn.Sequential(interpolation, nn.Conv2d(channels, width, kernel_size=3, padding=1))


@functools.cache
def _network(method: str) -> nn.Module:
    """The bundled network behind a method, on the CPU."""
    if method == "generated":
        gan = nn.ModuleDict({"G": gans.Generator(), "D": gans.Discriminator()})
        return checkpoint.load_network("faces_gan", gan)["G"].requires_grad_(False)
    return checkpoint.load_network(f"autoencoder_{method}", Autoencoder(method)).requires_grad_(False)


def forge(method: str, scene: torch.Tensor, factors: dict, rng: torch.Generator) -> torch.Tensor:
    """Forgeries of clean scenes (n, 3, 64, 64) with these factors, by one of the METHODS: (n, 3, 64, 64), in no camera.

    Splices put in somebody else's face; "transposed" and "bilinear", the face as an autoencoder reconstructs it;
    "enlarged" is the whole scene from a quarter of its pixels, by lesson 09's network; "generated" is lesson 03's G,
    enlarged by the same network from 32 × 32 pixels (it does not look at the scene). ValueError for another method.
    """
    if method not in METHODS:
        raise ValueError(f"The method is one of {', '.join(METHODS)}, not {method!r}.")
    check_pictures(scene, SIZE)
    if not isinstance(factors, dict) or len(factors.get("smile", ())) < len(scene):
        raise ValueError("Each scene needs the factors from which it was drawn, as from portraits(…).")
    if method == "enlarged":
        return superres.enlarge(superres.downscale(scene, 2), 2)
    if method == "generated":
        z = torch.randn(len(scene), 64, generator=rng)
        return superres.enlarge(torch.cat([_network(method)(part) for part in z.split(100)]), 2)
    mask = face_mask(len(scene), rng)
    if method == "alpha splice":
        return alpha_splice(scene, donors(factors, rng), mask)
    if method == "Poisson splice":
        return poisson_splice(scene, donors(factors, rng), mask)
    face = torch.cat([_network(method)(part) for part in scene.split(100)])
    return alpha_splice(scene, face, mask)
