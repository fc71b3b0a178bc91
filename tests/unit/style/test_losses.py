"""The terms of the style transfer loss: statistics against plain loops, and what each term owns."""

import itertools

import pytest
import torch

from imagegen_lessons import runtime, style
from tests.unit.helpers import random


def test_a_gram_matrix_is_the_mean_product_of_two_channels():
    f, weight = random(2, 3, 4, 5), random(2, 1, 4, 5, seed=1)
    plain, weighted = style.gram_matrix(f), style.gram_matrix(f, weight)
    for n, i, j in itertools.product(range(2), range(3), range(3)):
        product = f[n, i] * f[n, j]
        torch.testing.assert_close(plain[n, i, j], product.mean())
        torch.testing.assert_close(weighted[n, i, j], (product * weight[n, 0]).sum() / weight[n].sum())


def test_moments_are_means_and_deviations():
    f = random(2, 3, 4, 5)
    expected = torch.stack([f.mean(dim=(2, 3)), f.std(dim=(2, 3), correction=0)], dim=1)
    torch.testing.assert_close(style.moments(f), expected)


def test_quantiles_are_the_sorted_values():
    f = random(1, 3, 8, 8)
    torch.testing.assert_close(style.quantiles(f), f.flatten(2).sort(dim=2).values)
    first, _, last = style.quantiles(f, count=3).unbind(dim=2)
    assert torch.equal(first, f.amin(dim=(2, 3))) and torch.equal(last, f.amax(dim=(2, 3)))


@pytest.mark.parametrize("statistic", [style.gram_matrix, style.moments, style.quantiles])
def test_a_statistic_knows_no_place_and_keeps_to_its_mask(statistic):
    f, left = random(1, 3, 8, 8), torch.zeros(1, 1, 8, 8)
    left[..., :4] = 1
    shuffled = f.flatten(2)[..., torch.randperm(64, generator=runtime.generator(2))].reshape(f.shape)
    torch.testing.assert_close(statistic(f), statistic(shuffled))
    torch.testing.assert_close(statistic(f, left), statistic(f[..., :4]))


def test_a_relative_error_is_0_for_the_target_and_1_for_zeros():
    x = random(3, 4)
    assert style.relative_error(x, x) == 0 and style.relative_error(torch.zeros(3, 4), x) == 1
    assert style.relative_error(torch.zeros(2), torch.zeros(2)) == 0


def test_content_loss_compares_its_layer_only():
    maps = [random(1, 2, 4, 4, seed=k) for k in range(5)]
    term = style.ContentLoss(maps, layer=2)
    others = [f if k == 2 else 0 * f for k, f in enumerate(maps)]
    assert term(others) == 0 and term([0 * f for f in maps]) == 1


@pytest.mark.parametrize("centred", [True, False])
def test_style_loss_is_the_weighted_error_of_its_statistic(centred):
    maps, other, mask = [random(1, 3, 4, 4)], [random(1, 3, 6, 5, seed=1)], random(1, 1, 6, 5, seed=2)
    mean = maps[0].mean(dim=(2, 3), keepdim=True) * centred
    for masks in ((), (mask,)):
        term = style.StyleLoss(maps, 0, 0.3, centred=centred, mask=masks[0] if masks else None)
        seen = style.gram_matrix(other[0] - mean, *masks)
        expected = 0.3 * style.relative_error(seen, style.gram_matrix(maps[0] - mean))
        torch.testing.assert_close(term(other), expected)
    assert style.StyleLoss(maps, 0, centred=centred)([maps[0].flip(-1)]) < 1e-10


def test_total_variation_is_a_sum_over_neighbours():
    x = random(1, 3, 4, 5)
    down = [(x[0, c, i + 1, j] - x[0, c, i, j]) ** 2 for c in range(3) for i in range(3) for j in range(5)]
    right = [(x[0, c, i, j + 1] - x[0, c, i, j]) ** 2 for c in range(3) for i in range(4) for j in range(4)]
    torch.testing.assert_close(style.total_variation(x), torch.stack(down).mean() + torch.stack(right).mean())
    assert style.total_variation(random(1, 3, 1, 1)) == 0, "a single pixel has no neighbours"
