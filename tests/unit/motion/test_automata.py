"""Neural cellular automata: every step against plain convolutions and SciPy, the rules of life, and that one learns."""

import numpy as np
import pytest
import scipy.ndimage
import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import motion
from tests.unit.helpers import random, refused


def automaton(living=True, channels=6, hidden=16):
    torch.manual_seed(0)
    ca = motion.CellularAutomaton(channels, hidden, living)
    nn.init.normal_(ca.change.weight, std=0.3)
    return ca


def patchy(n=3, channels=6, height=20, width=14):
    """States with an island of living cells and void around."""
    state = torch.zeros(n, channels, height, width)
    state[..., 4:13, 3:9] = random(n, channels, 9, 6) - 0.3
    return state


@pytest.mark.parametrize(("padding", "mode"), [("constant", "constant"), ("circular", "wrap")])
def test_cells_see_themselves_and_the_sobel_slopes(padding, mode):
    state = random(2, 3, 9, 12).double()
    seen = motion.perceive(state, padding)
    assert torch.equal(seen[:, :3], state)
    for k in range(2):
        for c in range(3):
            for channel, axis in ((3 + c, 1), (6 + c, 0)):
                expected = scipy.ndimage.sobel(state[k, c].numpy(), axis=axis, mode=mode) / 8
                np.testing.assert_allclose(seen[k, channel], expected, atol=1e-12)


def test_a_cell_lives_with_a_neighbour_whose_alpha_is_high_enough():
    state = random(2, 5, 15, 11) ** 24
    living = motion.alive(state)
    for k in range(2):
        expected = scipy.ndimage.maximum_filter(state[k, 3].numpy(), size=3, mode="constant") > 0.1
        assert np.array_equal(living[k, 0].numpy(), expected) and 0.1 < expected.mean() < 0.9


def reference(ca, state):
    """A step of all cells, as the paper draws it: convolutions, and life before and after."""
    mode = "constant" if ca.living else "circular"
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
    identity = torch.zeros(3, 3)
    identity[1, 1] = 1
    c, padded = ca.channels, F.pad(state, (1, 1, 1, 1), mode=mode)
    kernels = [kernel.expand(c, 1, 3, 3) for kernel in (identity, sobel, sobel.T)]
    seen = torch.cat([F.conv2d(padded, kernel, groups=c) for kernel in kernels], dim=1)
    hidden = F.relu(F.conv2d(seen, ca.hidden.weight[:, :, None, None], ca.hidden.bias))
    after = state + F.conv2d(hidden, ca.change.weight[:, :, None, None])
    if not ca.living:
        return after
    before, now = (F.max_pool2d(x[:, 3:4], 3, 1, 1) > 0.1 for x in (state, after))
    return after * before * now


@pytest.mark.parametrize("living", [True, False])
def test_a_step_and_its_gradients_are_those_of_plain_convolutions(living):
    ca = automaton(living)
    pairs = []
    for step in (lambda x: ca(x, rate=1.0), lambda x: reference(ca, x)):
        state = patchy().requires_grad_()
        out = step(step(state))
        ca.zero_grad()
        out.square().sum().backward()
        pairs.append([out.detach(), state.grad, *(p.grad.clone() for p in ca.parameters())])
    assert (pairs[1][0] - patchy()).abs().max() > 0.1
    for ours, expected in zip(*pairs, strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)


def test_before_training_nothing_changes_but_the_dead_are_emptied():
    ca, state = motion.CellularAutomaton(6), patchy()
    torch.testing.assert_close(ca(state), state * motion.alive(state))
    state[..., 18:, :] = 0.5
    state[:, 3, 18:] = 0.05  # colour, but no life
    assert ca(state)[..., 18:, :].abs().max() == 0
    texture = motion.CellularAutomaton(6, living=False)
    assert torch.equal(texture(state), state)


def test_about_half_of_the_cells_take_a_step_and_each_time_others():
    ca, state = automaton(living=False), random(1, 6, 100, 100)
    with torch.no_grad():
        everyone = ca(state, rate=1.0) != state
        for rate in (0.2, 0.5):
            one, other = (((ca(state, rate) - state) != 0).any(1) for _ in range(2))
            assert one.float().mean() == pytest.approx(rate, abs=0.03)
            assert (one & other).float().mean() == pytest.approx(rate**2, abs=0.03)
    assert everyone.any(1).all()
    stepped = ((ca(state) - state) != 0).any(1, keepdim=True)
    torch.testing.assert_close(ca(state, 1.0) * stepped, reference(ca, state) * stepped)


def test_life_spreads_by_one_cell_a_step_at_most():
    ca = motion.CellularAutomaton(6, 16)
    nn.init.zeros_(ca.hidden.weight)
    nn.init.ones_(ca.hidden.bias)
    nn.init.constant_(ca.change.weight, 0.1)  # whatever it sees, a cell becomes brighter
    state = motion.seed(1, 6, 15)
    for k in range(1, 5):
        state = ca(state, rate=1.0).detach()
        rows = state[0].abs().sum(0).sum(1).nonzero().squeeze(1)
        assert rows.min() == 7 - k and rows.max() == 7 + k


def test_what_dies_in_a_step_is_emptied_in_the_same_step():
    ca = motion.CellularAutomaton(6, 16)
    nn.init.zeros_(ca.hidden.weight)
    nn.init.ones_(ca.hidden.bias)
    nn.init.constant_(ca.change.weight[3], -0.1)  # alpha falls by 1.6
    assert ca(motion.seed(1, 6, 9), rate=1.0).abs().max() == 0


def test_opposite_sides_of_a_texture_meet_and_those_of_a_picture_do_not():
    state = random(1, 6, 10, 12)
    ca = automaton(living=False)
    rolled = ca(state.roll((3, 5), dims=(2, 3)), rate=1.0)
    torch.testing.assert_close(rolled, ca(state, rate=1.0).roll((3, 5), dims=(2, 3)))
    edge = torch.zeros(1, 6, 10, 12)
    edge[..., 0] = 1.0
    assert automaton()(edge, rate=1.0)[..., -1].abs().max() == 0


def test_a_seed_is_one_cell_in_the_middle():
    state = motion.seed(3, 8, 9)
    assert state.shape == (3, 8, 9, 9) and state.sum() == 3 * 5 and (state[:, 3:, 4, 4] == 1).all()
    assert motion.to_rgba(state).shape == (3, 4, 9, 9)
    assert motion.to_rgba(3 * state - 1).aminmax() == (0, 1)


def test_holes_erase_their_share_of_a_body_in_one_piece():
    y, x = torch.meshgrid(torch.arange(24) - 12.0, torch.arange(30) - 15.0, indexing="ij")
    body = torch.hypot(x, y) < 9
    masks = motion.holes(body, 40, share=0.3)
    assert masks.shape == (40, 1, 24, 30) and set(masks.unique().tolist()) == {0, 1}
    erased = 1 - masks[:, 0][:, body].mean(dim=1)
    assert erased.min() > 0.25 and erased.max() < 0.4
    corners = masks[:, 0, [0, 0, -1, -1], [0, -1, 0, -1]].mean(dim=1)
    assert (corners == 1).any() and (corners < 1).any()  # discs, and sides of lines
    assert motion.holes(body, 3, share=0.0)[:, 0][:, body].mean() > 0.9


def test_nothing_alive_stays_nothing():
    assert automaton()(torch.zeros(2, 6, 8, 8)).abs().max() == 0


def test_one_learns_to_grow_a_ring():
    torch.manual_seed(0)
    ca, size = motion.CellularAutomaton(8, 32), 9
    y, x = torch.meshgrid(torch.arange(size) - 4, torch.arange(size) - 4, indexing="ij")
    ring = (torch.hypot(x.float(), y.float()) - 2.5).abs() < 0.8
    target = torch.stack([ring, 0 * ring, 0 * ring, ring]).float()
    optimizer = torch.optim.Adam(ca.parameters(), lr=5e-3)
    losses = []
    for _ in range(150):
        state = motion.seed(4, 8, size)
        for _ in range(12):
            state = ca(state)
        loss = (state[:, :4] - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(ca.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-10:]) < 0.25 * sum(losses[:10])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: motion.CellularAutomaton(3), "number of channels"),
        (lambda: motion.CellularAutomaton(12, 0), "hidden layer"),
        (lambda: motion.CellularAutomaton(12)(torch.zeros(1, 8, 9, 9)), r"\(n, 12, height, width\)"),
        (lambda: motion.CellularAutomaton(12)(torch.zeros(12, 9, 9)), r"\(n, 12, height, width\)"),
        (lambda: motion.CellularAutomaton(12)("state"), "not str"),
        (lambda: motion.CellularAutomaton(12)(motion.seed(1, 12, 9), rate=0), "probability"),
        (lambda: motion.CellularAutomaton(12)(motion.seed(1, 12, 9), rate=1.5), "probability"),
        (lambda: motion.CellularAutomaton(12)(motion.seed(1, 12, 9), rate=float("nan")), "rate"),
        (lambda: motion.seed(0, 12, 9), "number of states"),
        (lambda: motion.seed(1, 3, 9), "number of channels"),
        (lambda: motion.seed(1, 12, 2), "size"),
    ],
)
def test_refusals(call, says):
    with refused(says):
        call()
