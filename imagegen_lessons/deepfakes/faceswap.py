"""A face swap between two drawn people: one encoder for both, and a decoder for each of them.

It starts from the renderer's factors alone: the swap takes neither a picture nor a file, and from this module no
reader of files can be reached, so nobody who really lives can come into it. And since the true swap can be drawn,
the network's can be scored against it. The arrangement is that of the first deepfakes (2017).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from imagegen_lessons import runtime
from imagegen_lessons.synthetic import faces

# One studio for both: the head is straight and the light stays, as in frames that were aligned beforehand.
STUDIO = dict(
    nod=0.0, tilt=0.0, light_x=-0.3, light_strength=0.4, light_warmth=0.1,
    clothes="hoodie", clothes_colour=0.55, background=0.6, background_style="plain",
)  # fmt: skip


def person(seed: int = 0, **fixed) -> dict[str, Tensor]:
    """A drawn person: the identity factors, (1,) each; `fixed` sets some of them, as in `faces.sample`.

    Raises ValueError for a factor that is no part of an identity, or a value that is not possible.
    """
    for name in fixed:
        if name not in faces.IDENTITY:
            raise ValueError(f"{name!r} is no part of an identity: choose from {', '.join(faces.IDENTITY)}.")
    factors = faces.sample(1, seed, **fixed)
    return {name: factors[name] for name in faces.IDENTITY}


ADA = person(
    1, skin_tone="light", undertone=0.2, head_width=0.45, head_height=0.5, jaw=0.35, eye_colour="green",
    eye_size=0.7, eye_spacing=0.5, eye_slant=0.2, brow_thickness=0.5, lip_colour=0.5, freckles="many",
    hair_colour="red", hair_style="curly", hair_volume=0.6, beard="none", glasses="none",
)  # fmt: skip
BEA = person(
    1, skin_tone="tan", undertone=0.4, head_width=0.6, head_height=0.5, jaw=0.4, eye_colour="blue",
    eye_size=0.6, eye_spacing=0.5, eye_slant=0.0, brow_thickness=0.5, lip_colour=0.6, lip_fullness=0.6, blush=0.2,
    freckles="none", hair_colour="blue", hair_style="bob", hair_volume=0.4, parting="left", beard="none",
    glasses="glasses", glasses_shape="round", glasses_colour="red", earrings="none",
)  # fmt: skip


def film(who: dict, n: int, seed: int = 0) -> dict[str, Tensor]:
    """The factors of n frames of a person who moves: another expression and a slightly turned head in each.

    who: identity factors, as from `person`. Raises ValueError when they are none.
    """
    factors = faces.passports(n, seed, **STUDIO)
    factors["yaw"] = 0.5 * factors["yaw"]
    return true_swap(factors, who)


def true_swap(factors: dict, other: dict) -> dict[str, Tensor]:
    """The same expressions and scenes with the identity of `other`: what a perfect swap would show.

    Raises ValueError unless both are dicts of factors, and `other` is the identity of one person.
    """
    _check_factors(factors)
    n = max((value.numel() for value in factors.values() if isinstance(value, Tensor)), default=1)
    return {**factors, **{name: value.expand(n) for name, value in _identity(other).items()}}


def frames(factors: dict, device=None) -> Tensor:
    """Draws the frames and cuts out the faces: (n, 3, 48, 48).

    Raises ValueError for anything but a dict of factors, and as `faces.render`.
    """
    _check_factors(factors)
    return faces.render(factors, 96, device)[..., 28:76, 24:72]


def _check_factors(factors) -> None:
    if not isinstance(factors, dict):
        raise ValueError(
            "A face swap takes the factors of drawn faces, a dict as from film(…), and never a picture or a file; "
            f"this is a {type(factors).__name__}."
        )


def _identity(who) -> dict[str, Tensor]:
    """One person's factors, (1,) each, after a check."""
    _check_factors(who)
    if set(who) != set(faces.IDENTITY):
        wrong = ", ".join(sorted(set(who) ^ set(faces.IDENTITY)))
        raise ValueError(f"An identity has all of its factors and no others, but look at: {wrong}.")
    values = {name: faces.FACTORS[name].read(who[name], name).flatten() for name in faces.IDENTITY}
    if any(len(value) != 1 for value in values.values()):
        raise ValueError("An identity is that of one person: one value for each of its factors.")
    return values


def encoder_input(x: Tensor, mix: Tensor | float = 1.0) -> Tensor:
    """Frames (n, 3, 48, 48) in shades of grey, each of mean 0 and standard deviation 1: (n, 1, 48, 48).

    mix: how much red, green and blue count, (n, 3, 1, 1). At random in training, so that the colours of skin and
    hair tell the encoder little about who it is. Raises ValueError for other frames.
    """
    if x.dim() != 4 or x.shape[1:] != (3, 48, 48):
        raise ValueError(
            f"Frames (n, 3, 48, 48) are needed, not {tuple(x.shape)}; x[None] makes one a batch."
        )
    grey = (mix * x).mean(1, keepdim=True)
    return F.layer_norm(grey, grey.shape[1:])


class Encoder(nn.Module):
    """Expression and pose of a face: grey frames (n, 1, 48, 48) → latent codes (n, 24)."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 4, stride=2, padding=1),  # (n, 16, 24, 24)
            nn.LeakyReLU(0.1),
            nn.Conv2d(16, 32, 4, stride=2, padding=1),  # (n, 32, 12, 12)
            nn.LeakyReLU(0.1),
            nn.Conv2d(32, 32, 4, stride=2, padding=1),  # (n, 32, 6, 6)
            nn.LeakyReLU(0.1),
            nn.Flatten(),
            nn.Linear(32 * 6 * 6, 24),
        )

    def forward(self, grey):
        return self.layers(grey)


class Decoder(nn.Module):
    """One person with that expression: latent codes (n, 24) → frames (n, 3, 48, 48)."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(24, 24 * 6 * 6),
            nn.Unflatten(1, (24, 6, 6)),
            nn.LeakyReLU(0.1),
            nn.Conv2d(24, 24 * 4, 3, padding=1),
            nn.PixelShuffle(2),  # (n, 24, 12, 12)
            nn.LeakyReLU(0.1),
            nn.Conv2d(24, 16 * 4, 3, padding=1),
            nn.PixelShuffle(2),  # (n, 16, 24, 24)
            nn.LeakyReLU(0.1),
            nn.Conv2d(16, 3 * 4, 3, padding=1),
            nn.PixelShuffle(2),  # (n, 3, 48, 48)
            nn.Sigmoid(),
        )

    def forward(self, code):
        return self.layers(code)


class FaceSwap(nn.Module):
    """Factors of A's frames → pictures of B with A's expressions, (n, 3, 48, 48).

    a, b: the identities of two people. With `shared=False` each has an encoder of their own: the arrangement that
    cannot work, to compare with. Calling it raises ValueError for anything but a dict of factors.
    """

    def __init__(self, a: dict = ADA, b: dict = BEA, shared: bool = True):
        super().__init__()
        self.people = _identity(a), _identity(b)
        self.encoders = nn.ModuleList(Encoder() for _ in range(1 if shared else 2))
        self.decoders = nn.ModuleList([Decoder(), Decoder()])

    @torch.no_grad()
    def forward(self, factors: dict) -> Tensor:
        device = next(self.parameters()).device
        codes = [self.encoders[0](encoder_input(x)) for x in frames(factors, device).split(250)]
        return torch.cat([self.decoders[1](code) for code in codes])

    def reconstruct(self, grey_a: Tensor, grey_b: Tensor) -> tuple[Tensor, Tensor]:
        """Both people from grey frames of each, by their own decoders: this is what training asks for."""
        a = self.decoders[0](self.encoders[0](grey_a))
        b = self.decoders[1](self.encoders[-1](grey_b))
        return a, b


class FaceSwapTrainer:
    """Trains a swap to reconstruct either person; nothing tells it what the true swap would be.

    It draws `n` frames of each person (their seeds follow from `seed`). `step()` trains on a batch of them, and can
    be called `steps` times: `training.fit(trainer.step, None, steps)`.
    Raises ValueError unless these are whole numbers from 1.
    """

    def __init__(self, swap: FaceSwap, steps: int, n: int = 1500, batch: int = 16, seed: int = 0):
        for what, value in {"steps": steps, "n": n, "batch": batch}.items():
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{what} is a whole number from 1, not {value!r}.")
        device = runtime.device()
        self.swap, self.batch, self.rng = swap.to(device), batch, runtime.generator(seed)
        films = (film(who, n, seed=1_000 + 2 * seed + i) for i, who in enumerate(swap.people))
        self.frames = [frames(factors, device) for factors in films]
        self.optimizer = torch.optim.Adam(swap.parameters())
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, 1e-2, steps, pct_start=0.1)

    def step(self) -> dict[str, Tensor]:
        """One step down the mean squared errors of both reconstructions."""
        device = self.frames[0].device
        # Drawn on the CPU; a GPU gets the numbers without the program waiting for it (non_blocking).
        chosen = [torch.randint(len(x), (self.batch,), generator=self.rng) for x in self.frames]
        real = [x[k.to(device, non_blocking=True)] for x, k in zip(self.frames, chosen, strict=True)]
        mixes = torch.rand(2, self.batch, 3, 1, 1, generator=self.rng).to(device, non_blocking=True)
        made = self.swap.reconstruct(*map(encoder_input, real, mixes))
        loss = sum(map(F.mse_loss, made, real))
        self.optimizer.zero_grad()
        loss.backward()
        # So high a learning rate pays in half a minute, but without this one step may undo it all.
        nn.utils.clip_grad_norm_(self.swap.parameters(), 0.01)
        self.optimizer.step()
        self.schedule.step()
        return {"loss": loss.detach()}
