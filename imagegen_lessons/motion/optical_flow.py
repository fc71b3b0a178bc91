"""Optical flow: where each pixel goes from one frame to the next, and what is left when the motion is undone.

A flow is a tensor (n, 2, h, w) in pixels: channel 0 counts to the right, channel 1 down. The flow from frame a to frame
b says for each pixel of a where it lies in b, so that warp(b, flow) looks like a.
"""

import torch
import torch.nn.functional as F

from imagegen_lessons import images
from imagegen_lessons.settings import number, whole

FLAT = 1e-5  # squared slopes (of values in [0, 1] a pixel) below this are noise


def check_flow(flow, x):
    """Raises a ValueError in one sentence unless `flow` is finite and gives the pixels of x (n, c, h, w) a motion."""
    want = (len(x), 2, *x.shape[-2:])
    if not isinstance(flow, torch.Tensor) or not flow.is_floating_point() or tuple(flow.shape) != want:
        have = tuple(flow.shape) if isinstance(flow, torch.Tensor) else type(flow).__name__
        raise ValueError(f"A flow for these frames is a tensor of floats {want}, not {have}.")
    # A GPU is slow to answer: there training is not held up.
    if (flow.device.type == "cpu" or not torch.is_grad_enabled()) and not flow.isfinite().all():
        raise ValueError("The flow has values that are not finite (nan or inf).")


def pixel_positions(x):
    """Where the pixels of x (..., h, w) lie: (2, h, w), columns first, as a flow has it."""
    rows = torch.arange(x.shape[-2], dtype=x.dtype, device=x.device)
    columns = torch.arange(x.shape[-1], dtype=x.dtype, device=x.device)
    return torch.stack(torch.meshgrid(columns, rows, indexing="xy"))


def sample(x, places):
    """The colours of x (n, c, h, w) at places (n, 2, h', w') in pixels, bilinear; outside, the border goes on."""
    height, width = x.shape[-2:]
    # grid_sample counts from -1 to 1, from the middle of the first pixel to that of the last.
    column, row = places.unbind(dim=1)
    grid = torch.stack([column * (2 / max(width - 1, 1)) - 1, row * (2 / max(height - 1, 1)) - 1], dim=-1)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=True)


def _inside(places):
    """Which places (n, 2, h, w) lie in the picture, whose pixels reach half a pixel around their middles."""
    column, row = places.split(1, dim=1)
    height, width = places.shape[-2:]
    return (column >= -0.5) & (column <= width - 0.5) & (row >= -0.5) & (row <= height - 0.5)


def warp(x, flow):
    """Backward warping: each pixel p of the result is x at p + flow(p), bilinear; x (n, c, h, w), flow (n, 2, h, w)."""
    if not isinstance(x, torch.Tensor) or x.dim() != 4 or x.numel() == 0:
        raise ValueError("What is warped has the shape (n, channels, height, width), and is not empty.")
    check_flow(flow, x)
    return sample(x, pixel_positions(x) + flow)


def gaussian_blur(x, sigma):
    """Maps (n, c, h, w) smoothed with a Gaussian of standard deviation `sigma` pixels; outside counts as zero."""
    reach = round(3 * sigma)
    line = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
    line = torch.exp(-0.5 * (line / sigma).square())
    maps = x.flatten(0, 1)[:, None]
    line = line / line.sum()
    maps = F.conv2d(maps, line.view(1, 1, 1, -1), padding=(0, reach))
    return F.conv2d(maps, line.view(1, 1, -1, 1), padding=(reach, 0)).view_as(x)


def _refined(a, b, flow, sigma):
    """The flow (n, 2, h, w) from a to b, both (n, 1, h, w), after one more step of Lucas and Kanade."""
    places = pixel_positions(a) + flow
    moved = sample(b, places)
    padded = F.pad((a + moved) / 2, (1, 1, 1, 1), mode="replicate")
    slope_x = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    slope_y = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    # A pixel that has left the picture has no partner, so it says nothing.
    inside = _inside(places)
    slope_x, slope_y, difference = slope_x * inside, slope_y * inside, a - moved
    products = [slope_x**2, slope_x * slope_y, slope_y**2, slope_x * difference, slope_y * difference]
    xx, xy, yy, xd, yd = gaussian_blur(torch.cat(products, dim=1), sigma).split(1, dim=1)
    xx, yy = xx + FLAT, yy + FLAT
    # The least squares of a window: [xx xy; xy yy] · change = [xd; yd], solved by Cramer's rule.
    change = torch.cat([yy * xd - xy * yd, xx * yd - xy * xd], dim=1) / (xx * yy - xy**2)
    return flow + change.clamp(-1, 1)  # the slopes are known for the next pixel, not beyond


@torch.no_grad()
def lucas_kanade(a, b, sigma=3.0, steps=3, smallest=16):
    """The optical flow (n, 2, h, w) from frames a to frames b, both (n, c, h, w) with values in [0, 1].

    In a window (a Gaussian of standard deviation `sigma`) all pixels move alike; their least-squares motion is found in
    `steps` steps on every level of a pyramid, from coarse (a side of at least `smallest` pixels) to fine. Where nothing
    is to be seen, it is what the coarser level says. Raises ValueError for frames that do not fit together.
    Sources: Lucas and Kanade 1981; with a pyramid, Bouguet 2000.
    """
    for x in (a, b):
        images.check(x)
    if a.dim() != 4 or a.shape != b.shape:
        raise ValueError(
            f"Two equal batches (n, c, h, w) are needed, not {tuple(a.shape)} and {tuple(b.shape)}."
        )
    number(sigma, "The width of the window, sigma,", low=0.5)
    steps, smallest = whole(steps, "The number of steps"), whole(smallest, "The smallest side", least=4)
    pyramid = [(a.mean(dim=1, keepdim=True), b.mean(dim=1, keepdim=True))]
    while min(pyramid[-1][0].shape[-2:]) >= 2 * smallest:
        pyramid.append(tuple(F.avg_pool2d(x, 2) for x in pyramid[-1]))
    flow = a.new_zeros(len(a), 2, *pyramid[-1][0].shape[-2:])
    for a, b in reversed(pyramid):
        if flow.shape[-2:] != a.shape[-2:]:
            # Twice the pixels, so twice the way.
            flow = 2 * F.interpolate(flow, size=a.shape[-2:], mode="bilinear")
        for _ in range(steps):
            flow = _refined(a, b, flow, sigma)
    return flow


def visible(flow, back):
    """Which pixels of the first frame are seen in the second: bool (n, 1, h, w), from the flows there and back.

    Who goes there and back should be where they began; where they are not, something was in the way. Pixels that leave
    the picture are not visible. The tolerance is that of Sundaram et al. 2010 (as in Ruder et al. 2016).
    """
    check_flow(flow, flow)
    check_flow(back, flow)
    returned = warp(back, flow)
    lengths = flow.square().sum(1, keepdim=True) + returned.square().sum(1, keepdim=True)
    met = (flow + returned).square().sum(1, keepdim=True) <= 0.01 * lengths + 0.5
    return met & _inside(pixel_positions(flow) + flow)


def warping_error(frames, flows, back):
    """How much a clip flickers: the mean difference of neighbouring frames (t, c, h, w) once the motion is undone.

    flows (t - 1, 2, h, w): from each frame to the next; back: from each next one to it. Pixels that are not visible in
    both frames do not count. The flows may be those of another clip: those of a film, where a network has painted over
    it. A scalar, 0 for a clip that only moves. Raises ValueError when no pixel is left. After Lai et al. 2018.
    """
    if not isinstance(frames, torch.Tensor) or frames.dim() != 4 or len(frames) < 2:
        raise ValueError("A clip of at least two frames (t, c, h, w) is needed.")
    seen = visible(flows, back)
    differences = (frames[:-1] - warp(frames[1:], flows)).abs().mean(dim=1, keepdim=True)
    if not seen.any():
        raise ValueError("No pixel is visible in two frames: the flows do not fit the clip.")
    return differences[seen].mean()
