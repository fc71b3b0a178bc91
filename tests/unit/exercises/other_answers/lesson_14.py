"""Differently written right answers to the exercises of lesson 14, by exercise."""

import math

import numpy
import torch
import torch.nn.functional as F
from scipy import ndimage


def window_motion(slope_x, slope_y, difference):
    """PyTorch's own least squares, for all windows together."""
    system = torch.stack([slope_x, slope_y], dim=2)
    return torch.linalg.lstsq(system, difference[..., None]).solution[..., 0]


def window_by_window(slope_x, slope_y, difference):
    motions = []
    for x, y, d in zip(slope_x, slope_y, difference, strict=True):
        matrix = torch.stack([torch.stack([x @ x, x @ y]), torch.stack([x @ y, y @ y])])
        motions.append(torch.linalg.inv(matrix) @ torch.stack([x @ d, y @ d]))
    return torch.stack(motions)


def pseudo_inverse(slope_x, slope_y, difference):
    system = numpy.stack([slope_x.numpy(), slope_y.numpy()], axis=2).astype("float64")
    return torch.from_numpy(
        numpy.stack([numpy.linalg.pinv(a) @ b for a, b in zip(system, difference.numpy(), strict=True)])
    )


def perceive(state, padding="constant"):
    """Convolutions with the two filters."""
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
    channels = state.shape[1]
    x = F.pad(state, (1, 1, 1, 1), mode=padding)
    slopes = [F.conv2d(x, k.expand(channels, 1, 3, 3), groups=channels) for k in (sobel, sobel.T)]
    return torch.cat([state, *slopes], dim=1)


def nine_slices(state, padding="constant"):
    x = torch.nn.functional.pad(state, (1, 1, 1, 1), padding)
    h, w = state.shape[2:]
    around = [[x[:, :, i : i + h, j : j + w] for j in range(3)] for i in range(3)]
    right = sum(k * (around[i][2] - around[i][0]) for i, k in enumerate((1, 2, 1))) / 8
    down = sum(k * (around[2][j] - around[0][j]) for j, k in enumerate((1, 2, 1))) / 8
    return torch.hstack([state, right, down])


def advect(x, velocity):
    """The four neighbours of each place, weighed by hand."""
    n, _, height, width = x.shape
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    column, row = columns - velocity[:, 0], (rows - velocity[:, 1]).clamp(0, height - 1)
    left, above = column.floor(), row.floor()
    right_share, below_share = (column - left)[:, None], (row - above)[:, None]
    left, above = left.long(), above.long()
    below = (above + 1).clamp(max=height - 1)
    batch = torch.arange(n)[:, None, None]

    def at(r, c):
        return x[batch, :, r, c % width].movedim(-1, 1)

    upper = (1 - right_share) * at(above, left) + right_share * at(above, left + 1)
    lower = (1 - right_share) * at(below, left) + right_share * at(below, left + 1)
    return (1 - below_share) * upper + below_share * lower


def three_times_as_wide(x, velocity):
    """With copies of x to the left and to the right, as many as the velocity needs."""
    height, width = x.shape[-2:]
    copies = 2 * math.ceil(velocity.abs().max().item() / width) + 3
    wide = torch.cat([x] * copies, dim=-1)
    grid_y, grid_x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    u = grid_x + (copies // 2) * width - velocity[:, 0]
    v = grid_y - velocity[:, 1]
    grid = torch.stack([2 * u / (copies * width - 1) - 1, 2 * v / (height - 1) - 1], dim=3)
    return F.grid_sample(wide.double(), grid.double(), padding_mode="border", align_corners=True).float()


def with_scipy(x, velocity):
    """SciPy's interpolation, map by map."""
    result = torch.empty_like(x)
    height, width = x.shape[-2:]
    for k in range(len(x)):
        right, down = velocity[k].double().numpy()
        rows, columns = numpy.mgrid[:height, :width].astype("float64")
        places = [(rows - down).clip(0, height - 1), (columns - right) % width]
        for c in range(x.shape[1]):
            wider = numpy.concatenate([x[k, c].numpy(), x[k, c, :, :1].numpy()], axis=1)
            result[k, c] = torch.from_numpy(ndimage.map_coordinates(wider, places, order=1))
    return result


def divergence(velocity):
    """A convolution of a picture whose sides meet."""
    x = F.pad(velocity, (1, 1, 1, 1), mode="circular")
    kernel = torch.zeros(1, 2, 3, 3)
    kernel[0, 0, 1] = torch.tensor([-0.5, 0, 0.5])
    kernel[0, 1, :, 1] = torch.tensor([-0.5, 0, 0.5])
    return F.conv2d(x, kernel)


def in_fourier_space(velocity):
    h, w = velocity.shape[-2:]
    waves = torch.fft.fft2(velocity.double())
    x = 1j * torch.sin(2 * math.pi * torch.fft.fftfreq(w, dtype=torch.float64))
    y = 1j * torch.sin(2 * math.pi * torch.fft.fftfreq(h, dtype=torch.float64))[:, None]
    return torch.fft.ifft2(x * waves[:, :1] + y * waves[:, 1:]).real.float()


def over(front, back):
    """By lists of channels."""
    through = 1 - front[:, 3]
    return torch.stack([front[:, c] + through * back[:, c] for c in range(back.shape[1])], dim=1)


def unpremultiplied(front, back):
    """As an editor with straight alpha does it: a weighted mean of colours, then multiplied again."""
    alpha = front[:, 3:4]
    colour = front[:, :3] / torch.where(alpha > 0, alpha, torch.ones_like(alpha))
    seen = alpha * colour + (1 - alpha) * back[:, :3]
    if back.size(1) == 3:
        return seen
    return torch.cat([seen, 1 - (1 - alpha) * (1 - back[:, 3:])], dim=1)


def make_loop(frames, overlap):
    """Frame by frame."""
    n, loop = len(frames), []
    for k in range(n - overlap):
        if k < overlap:
            share = (k + 1) / (overlap + 1)
            loop.append((1 - share) * frames[n - overlap + k] + share * frames[k])
        else:
            loop.append(frames[k])
    return torch.stack(loop)


def in_place(frames, overlap):
    loop = frames[: len(frames) - overlap].clone()
    share = torch.linspace(0, 1, overlap + 2)[1:-1].reshape(-1, 1, 1, 1)
    loop[:overlap] = frames[-overlap:] * (1 - share) + loop[:overlap] * share
    return loop


def my_effect(t, height, width):
    """Rain: drops that fall once from top to bottom and come in above again."""
    rng = torch.Generator().manual_seed(3)
    alpha = torch.zeros(height, width)
    rows, columns = torch.meshgrid(torch.arange(height) / height, torch.arange(width) / width, indexing="ij")
    for x, y, speed in zip(*torch.rand(3, 20, generator=rng).tolist(), strict=True):
        down = (rows - y - (1 if speed < 0.5 else 2) * t) % 1
        alpha = torch.maximum(
            alpha, 0.8 * (down / 0.15).clamp(max=1) * (1 - down) ** 8 * (-(((columns - x) / 0.02) ** 2)).exp()
        )
    return torch.stack([0.7 * alpha, 0.85 * alpha, alpha, alpha])


def pulsing_ring(t, height, width):
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    radius = 0.5 + 0.2 * math.sin(2 * math.pi * t)
    alpha = torch.exp(-((torch.hypot(rows, columns) - radius) ** 2) / 0.01)
    return alpha * torch.tensor([0.4, 0.2, 1.0, 1.0]).view(4, 1, 1)


ANSWERS = {
    "window_motion": [window_motion, window_by_window, pseudo_inverse],
    "perceive": [perceive, nine_slices],
    "advect": [advect, three_times_as_wide, with_scipy],
    "divergence": [divergence, in_fourier_space],
    "over": [over, unpremultiplied],
    "make_loop": [make_loop, in_place],
    "my_effect": [my_effect, pulsing_ring],
}
