"""A space of buildings: a variational autoencoder of grids (Kingma and Welling 2013), and a classifier of them."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from imagegen_lessons import gans
from imagegen_lessons.settings import number, whole
from imagegen_lessons.shapes.grid import REACH, STEP, Grids, ShapeGrid
from imagegen_lessons.synthetic import buildings

SURFACES = len(buildings.SURFACES)
LABELS = (len(buildings.KINDS), len(buildings.STOREYS), len(buildings.ROOFS))
METRES = 10.0  # about the size of a building: what the networks count in
NEAR = 1.5  # cells from the surface: farther away it does not matter which surface is the nearest


class Decoded(NamedTuple):
    """What a decoder says of n buildings: distance (n, s, s, s) in cells, logits (n, 9, s, s, s) of the surfaces,
    size (n, 3) in metres, and palette (n, 9, 3)."""

    distance: Tensor
    logits: Tensor
    size: Tensor
    palette: Tensor

    def building(self, i: int) -> ShapeGrid:
        """Building i: something to trace, to colour and to make meshes of."""
        scores = self.logits[i].detach().softmax(dim=0)
        return ShapeGrid(self.distance[i].detach(), scores, self.size[i].detach(), self.palette[i].detach())

    def grids(self) -> Grids:
        """All of them as drawn ones are stored, for the encoder and the classifier."""
        distance = (self.distance.detach() / STEP).round().to(torch.int8)
        surface = self.logits.detach().argmax(dim=1).to(torch.uint8)
        return Grids(distance, surface, self.size.detach(), self.palette.detach())


def features(grids: Grids, resolution: int) -> Tensor:
    """Grids as a network sees them, (n, 10, s, s, s): the distance, then 1 for the nearest of the nine surfaces.

    Raises ValueError for grids of another resolution.
    """
    s = resolution
    if not isinstance(grids, Grids) or tuple(grids.distance.shape[1:]) != (s, s, s):
        came = tuple(grids.distance.shape) if isinstance(grids, Grids) else type(grids).__name__
        raise ValueError(
            f"The network wants Grids of {s} x {s} x {s} points, as drawn_grids gives, not {came}."
        )
    kinds = torch.arange(SURFACES, device=grids.surface.device, dtype=torch.uint8)
    nearest = grids.surface[:, None] == kinds.view(-1, 1, 1, 1)
    x = torch.cat([grids.distance[:, None] * (STEP / REACH), nearest], dim=1)
    return x.contiguous(memory_format=torch.channels_last_3d)  # which is faster here


def check_resolution(resolution) -> int:
    """`resolution` as an int. Raises ValueError unless it is a multiple of 16."""
    if whole(resolution, "The resolution of the grids") % 16:
        raise ValueError(f"The resolution of the grids is a multiple of 16, not {resolution}.")
    return int(resolution)


class GridEncoder(nn.Module):
    """Grids of n buildings to outputs (n, outputs): four convolutions, each of which halves the sides."""

    def __init__(self, outputs, resolution=48, width=16):
        super().__init__()
        self.resolution = check_resolution(resolution)
        self.conv1 = nn.Conv3d(1 + SURFACES, width, kernel_size=4, stride=2, padding=1)
        self.conv2 = nn.Conv3d(width, 2 * width, kernel_size=4, stride=2, padding=1)
        self.conv3 = nn.Conv3d(2 * width, 2 * width, kernel_size=4, stride=2, padding=1)
        self.conv4 = nn.Conv3d(2 * width, 4 * width, kernel_size=4, stride=2, padding=1)
        inputs = 4 * width * (self.resolution // 16) ** 3 + 3 + 3 * SURFACES
        self.linear = nn.Linear(inputs, outputs)

    def forward(self, grids: Grids) -> Tensor:
        h = features(grids, self.resolution)
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
            h = F.leaky_relu(conv(h), 0.2)  # (n, 4 * width, s / 16, s / 16, s / 16) in the end
        seen = (h.flatten(1), grids.size / METRES, 4 * grids.palette.flatten(1) - 2)  # all about as large
        return self.linear(torch.cat(seen, dim=1))


class BuildingDecoder(nn.Module):
    """Latents (n, latent) to buildings on grids of `resolution`, a multiple of 16.

    Three transposed convolutions, as in lesson 03's generator, make distances and surfaces; a few linear layers say
    how large the building is, and its colours.
    """

    def __init__(self, latent=64, resolution=48, width=32):
        super().__init__()
        self.latent, start = whole(latent, "latent"), check_resolution(resolution) // 8
        self.start = (2 * width, start, start, start)
        self.project = nn.Linear(latent, 2 * width * start**3)
        self.up1 = nn.ConvTranspose3d(2 * width, width, kernel_size=4, stride=2, padding=1)
        self.up2 = nn.ConvTranspose3d(width, width // 2, kernel_size=4, stride=2, padding=1)
        self.up3 = nn.ConvTranspose3d(width // 2, 1 + SURFACES, kernel_size=4, stride=2, padding=1)
        self.measure = gans.mlp(latent, 128, 3 + 3 * SURFACES)

    def forward(self, z: Tensor) -> Decoded:
        gans.check_latent(z, self.latent, self.project.weight.dtype)
        h = self.project(z).unflatten(1, self.start).contiguous(memory_format=torch.channels_last_3d)
        for up in (self.up1, self.up2, self.up3):
            h = up(F.leaky_relu(h, 0.2))  # (n, 10, s, s, s) in the end
        return Decoded(REACH * torch.tanh(h[:, 0].float()), h[:, 1:].float(), *self.measured(z))

    def measured(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Sizes (n, 3) in metres and palettes (n, 9, 3) of latents."""
        size, colours = self.measure(z).float().split([3, 3 * SURFACES], dim=1)
        return METRES * F.softplus(size), torch.sigmoid(colours).unflatten(1, (SURFACES, 3))


class BuildingVAE(nn.Module):
    """Encoder and decoder of buildings; `known` holds the latents of the first buildings that it learned from.

    Those are buildings.sample(len(known), seed=SEED), and so their factors are known as well.
    """

    SEED, KNOWN = 100, 4096

    def __init__(self, latent=64, resolution=48):
        super().__init__()
        self.encoder = GridEncoder(2 * whole(latent, "latent"), resolution)
        self.decoder = BuildingDecoder(latent, resolution)
        self.register_buffer("known", torch.zeros(self.KNOWN, latent))
        # It begins with little noise: else the decoder learns at first to ignore the latents.
        nn.init.constant_(self.encoder.linear.bias[latent:], -4.0)

    def encode(self, grids: Grids) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the latents, each (n, latent); a variance is e² = 7.4 at most."""
        mean, log_variance = self.encoder(grids).chunk(2, dim=1)
        return mean, log_variance.clamp(max=2.0)

    def forward(self, z: Tensor) -> Decoded:
        return self.decoder(z)


def building_loss(decoded: Decoded, grids: Grids, visible: Tensor | None = None) -> dict[str, Tensor]:
    """How far decoded buildings are from these, in parts to be added up; scalars.

    distance: absolute error in cells, mostly near the surface. slope: squared error of the differences from point to
    point along each axis, without which edges are wavy. surface: cross-entropy of the nearest surface, close to it.
    size and palette: absolute errors. visible: (s, s, s), only where it is 1 (True) is compared, or everywhere.
    Raises ValueError for a mask of another shape, or one that hides everything.
    """
    target, mask = grids.distance * STEP, _mask(grids, visible)
    weight = torch.where(target.abs() < REACH - STEP, 1.0, 0.1) * mask
    parts = {"distance": ((decoded.distance - target).abs() * weight).sum() / weight.sum()}
    slope = 0
    for axis in (1, 2, 3):
        error = (decoded.distance - target).diff(dim=axis).square()
        both = weight.narrow(axis, 1, error.shape[axis]) * mask.narrow(axis, 0, error.shape[axis])
        slope = slope + (error * both).sum() / both.sum()
    near = (target.abs() < NEAR) & mask
    logits = decoded.logits.movedim(1, -1)[near]
    surface = F.cross_entropy(logits, grids.surface[near].long()) if len(logits) else logits.sum()
    size = (decoded.size - grids.size).abs().mean() / METRES
    palette = (decoded.palette - grids.palette).abs().mean()
    return parts | {"slope": slope, "surface": surface, "size": 4 * size, "palette": 10 * palette}


def _mask(grids: Grids, visible: Tensor | None) -> Tensor:
    if visible is None:
        return torch.ones_like(grids.distance, dtype=torch.bool)
    if visible.shape != grids.distance.shape[1:]:
        raise ValueError(
            f"A mask of shape {tuple(visible.shape)} does not fit grids {tuple(grids.distance.shape[1:])}."
        )
    if not visible.any():
        raise ValueError("Nothing is visible: the mask hides the whole building.")
    return visible.bool().expand_as(grids.distance)


def fit_latent(decoder, grids: Grids, visible=None, start=None, steps=60, lr=0.1, prior=0.01) -> Tensor:
    """Latents (n, latent) of the buildings that agree with what is visible of `grids`: by gradient descent.

    visible: as in `building_loss`. start: latents (n, latent) to begin from, or 0. prior: how strongly latents are
    held near 0, where those of buildings are; more where less is visible (Park et al. 2019, DeepSDF, section 4.2).
    """
    prior = number(prior, "The weight of the prior", low=0)
    weight = decoder.project.weight
    z = weight.new_zeros(len(grids.size), decoder.latent) if start is None else start.detach().clone()
    z.requires_grad_()
    optimizer = torch.optim.Adam([z], number(lr, "lr, the learning rate,", low=0))
    for _ in range(whole(steps, "steps")):
        loss = sum(building_loss(decoder(z), grids, visible).values()) + prior * z.square().mean()
        (z.grad,) = torch.autograd.grad(loss, [z])
        optimizer.step()
    return z.detach()


class BuildingClassifier(nn.Module):
    """Predicts kind, storeys and roof of buildings on grids: logits of each."""

    def __init__(self, resolution=48, width=16):
        super().__init__()
        self.encoder = GridEncoder(128, resolution, width)
        self.head = nn.Linear(128, sum(LABELS))

    def features(self, grids: Grids) -> Tensor:
        """(n, 128): the space in which two sets of buildings are compared."""
        return F.leaky_relu(self.encoder(grids), 0.2)

    def forward(self, grids: Grids) -> tuple[Tensor, Tensor, Tensor]:
        return self.head(self.features(grids)).split(LABELS, dim=1)

    def loss(self, grids: Grids, labels: Tensor) -> Tensor:
        """Cross-entropy of the three labels (n, 3), as `buildings.label` gives them, added up. A scalar."""
        return sum(F.cross_entropy(x, y) for x, y in zip(self(grids), labels.T, strict=True))

    @torch.no_grad()
    def predict(self, grids: Grids) -> Tensor:
        """Kind, storeys and roof, (n, 3) int64."""
        return torch.stack([logits.argmax(dim=1) for logits in self(grids)], dim=1)
