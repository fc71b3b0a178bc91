"""Pictures of the plane: what is drawn where, and what must not break them."""

import io
import time

import torch
from PIL import Image

from imagegen_lessons import gans
from imagegen_lessons.display import plots
from imagegen_lessons.synthetic import points


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def test_points_lie_where_their_coordinates_say():
    picture = opened(plots.draw_points(torch.tensor([[1.0, 1.0]]), torch.tensor([[-1.0, -1.0]]), size=400))
    right_above, left_below = picture.crop((280, 80, 320, 120)), picture.crop((80, 280, 120, 320))
    least = [band[0] for band in right_above.getextrema()]
    assert max(least) < 80  # dark: real
    least = [band[0] for band in left_below.getextrema()]
    assert least[2] < 50 < 90 < least[0]  # orange: fake


def test_the_background_is_blue_where_d_leans_to_real():
    real, fake = torch.tensor([[1.5, 0.0]]).repeat(50, 1), torch.tensor([[-1.5, 0.0]]).repeat(50, 1)
    picture = opened(plots.draw_points(real, fake, lambda p: p[:, 0], size=400))
    left, right = picture.getpixel((20, 100)), picture.getpixel((380, 100))
    assert left[0] > left[2] and right[2] > right[0]


def test_far_points_no_fakes_no_arrows_and_a_flat_d_break_nothing():
    real = points.sample("ring", 30)
    flat = lambda p: torch.zeros(len(p), 1)  # noqa: E731
    for arguments in (
        (real,),
        (real, None, flat),
        (real, torch.empty(0, 2), flat, torch.empty(0, 2)),
        (1e6 * real, -1e6 * real, flat, torch.zeros(30, 2)),
    ):
        assert opened(plots.draw_points(*arguments)).size == (480, 480)


def test_it_is_fast_enough_to_follow_a_slider():
    real, fake, D = points.sample("ring", 300), torch.randn(200, 2), gans.mlp(2, 64, 1)
    times = []
    for _ in range(7):
        start = time.perf_counter()
        plots.draw_points(real, fake, D, torch.randn(200, 2))
        times.append(time.perf_counter() - start)
    assert min(times) < 0.1  # the best: what else the machine does can only slow it down
