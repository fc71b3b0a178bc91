"""Drawn floor plans: rules that all of them obey, repair that never fails, furniture and rooms that can be used."""

import re

import numpy as np
import pytest
import torch
from scipy import ndimage

from imagegen_lessons.synthetic import plans
from tests.unit.helpers import refused

OUTSIDE, WALL, DOOR, WINDOW, ENTRANCE, LIVING, KITCHEN, BATH, BEDROOM, HALL = range(10)
FLOORS = range(LIVING, HALL + 1)


def wished(factors, i):
    """What plan i was asked to be."""
    return plans.OUTLINES[int(factors["outline"][i])], int(factors["rooms"][i]) + 2


def two_rooms():
    """A living room on the left with the entrance, a bath on the right, one door, one window."""
    plan = torch.zeros(24, 24, dtype=torch.int64)
    plan[10:20, 5:19] = WALL
    plan[11:19, 6:12] = LIVING
    plan[11:19, 13:18] = BATH
    plan[14:16, 12] = DOOR
    plan[19, 8:10] = ENTRANCE
    plan[13:15, 5] = WINDOW
    return plan


def test_samples_are_repeatable_and_fixing_one_factor_leaves_the_others_alone():
    few, many = plans.sample(20, seed=3), plans.sample(60, seed=3)
    fixed = plans.sample(20, seed=3, rooms="five")
    assert all(torch.equal(few[name], many[name][:20]) for name in plans.FACTORS)
    assert (fixed["rooms"] == 3).all() and torch.equal(fixed["layout"], few["layout"])
    assert torch.equal(plans.draw(many)[:20], plans.draw(few))


def test_all_of_five_hundred_plans_obey_every_rule_and_are_what_was_asked_for():
    factors = plans.sample(500, seed=1)
    drawn = plans.draw(factors)
    assert drawn.shape == (500, 24, 24) and drawn.dtype == torch.int64
    for i in range(500):
        assert plans.rules(drawn[i], *wished(factors, i)) == [], i
    assert len(drawn.flatten(1).unique(dim=0)) > 450
    assert set(plans.class_index(factors).tolist()) == set(range(plans.CLASSES)) == set(range(20))
    assert set(drawn.unique().tolist()) == set(range(10))


def test_no_outline_at_the_ends_of_its_range_is_without_a_plan():
    for value in (0.0, 1.0):
        numbers = dict.fromkeys(("width", "depth", "cut_width", "cut_depth"), value)
        factors = plans.sample(
            60, 2, outline=torch.arange(60) % 4, rooms=torch.arange(60) // 4 % 5, **numbers
        )
        for i, plan in enumerate(plans.draw(factors)):
            assert plans.rules(plan, *wished(factors, i)) == []


def test_plans_lie_the_same_way():
    """What a network can learn: the front wall is always in the same row, and the entrance is in it."""
    drawn = plans.draw(plans.sample(60, seed=5))
    assert (drawn[:, 22] != OUTSIDE).any(1).all() and (drawn[:, 23] == OUTSIDE).all()
    assert ((drawn[:, 22] == ENTRANCE).sum(1) == 2).all()


@pytest.mark.parametrize("name", plans.FACTORS)
def test_every_factor_changes_the_plan(name):
    factor = plans.FACTORS[name]
    factors = plans.sample(8, seed=6, **({} if name == "outline" else {"outline": "L"}))
    values = (0, len(factor.names) - 1) if factor.names else (0.0, 0.99)
    some, others = (plans.draw({**factors, name: value}) for value in values)
    assert (some != others).flatten(1).any(1).float().mean() > 0.6


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda p: p[19].masked_fill_(p[19] == ENTRANCE, WALL), "0 entrances"),
        (lambda p: p[10, 15].fill_(ENTRANCE), "2 entrances"),
        (lambda p: p[12, 12].fill_(ENTRANCE), "not lead from outside"),
        (lambda p: p[14:16, 12].fill_(WALL), "bath cannot be reached"),
        (lambda p: p[13, 18].fill_(DOOR), "from one room into another"),
        (lambda p: p[13, 8].fill_(DOOR), "from one room into another"),
        (lambda p: p[17, 12].fill_(WINDOW), "not in the outer wall"),
        (lambda p: p[13:15, 5].fill_(WALL), "living room has no window"),
        (lambda p: p[17, 12].fill_(BATH), "touch without a wall"),
        (lambda p: p[13, 18].fill_(BATH), "open to the outside"),
        (lambda p: p[13, 18].fill_(OUTSIDE), "open to the outside"),
        (lambda p: p[13, 9].fill_(HALL), "only 1 of at least 4"),
        (lambda p: p[2, 2].fill_(WALL), "falls into pieces"),
        (lambda p: p.fill_(WALL), "There is no room"),
    ],
)
def test_each_rule_is_noticed_when_it_is_broken(change, says):
    plan = two_rooms()
    assert plans.rules(plan, "rectangle", 2) == []
    change(plan)
    broken = plans.rules(plan)
    assert any(says in sentence for sentence in broken), broken
    assert all(re.fullmatch(r"[A-Z][^.\n]*\.", sentence) for sentence in broken)
    fixed = plans.repair(plan)
    assert plans.rules(fixed) == []


def test_the_wish_is_a_rule_too():
    assert any("outline" in s for s in plans.rules(two_rooms(), outline="L"))
    assert any("2 rooms, not the 3" in s for s in plans.rules(two_rooms(), rooms=3))


def test_doors_in_a_flood_are_what_connects_the_rooms():
    """The same verdict by another way: flooding from the entrance through doors reaches all floors."""
    for plan in plans.draw(plans.sample(40, seed=8)).numpy():
        labels, _ = ndimage.label((plan >= LIVING) | (plan == DOOR) | (plan == ENTRANCE))
        assert len(set(labels[plan >= LIVING].tolist())) == 1


@pytest.mark.parametrize("rate", [0.01, 0.03, 0.1, 0.4, 1.0])
@pytest.mark.parametrize("wish", [True, False], ids=["as asked", "free"])
def test_every_repaired_plan_obeys_every_rule(rate, wish):
    n = 24
    factors, rng = plans.sample(n, seed=2), torch.Generator().manual_seed(int(100 * rate))
    drawn = plans.draw(factors)
    noise = torch.randint(0, 10, drawn.shape, generator=rng)
    spoiled = torch.where(torch.rand(drawn.shape, generator=rng) < rate, noise, drawn)
    kept = 0.0
    for i in range(n):
        asked = wished(factors, i) if wish else (None, None)
        fixed = plans.repair(spoiled[i], *asked)
        assert plans.rules(fixed, *asked) == []
        assert torch.equal(plans.repair(spoiled[i], *asked), fixed)
        kept += (fixed == drawn[i]).float().mean().item() / n
    assert kept > {0.01: 0.99, 0.03: 0.98, 0.1: 0.96, 0.4: 0.8, 1.0: 0.0}[rate]


def test_plans_of_one_kind_of_cell_can_be_repaired_too():
    for cell in range(10):
        plan = torch.full((24, 24), cell)
        assert plans.rules(plans.repair(plan)) == []
        assert plans.rules(plans.repair(plan, "U", 6), "U", 6) == []


def test_a_good_plan_stays_as_it_is_and_a_spoiled_one_is_not_changed_in_place():
    plan = two_rooms()
    assert torch.equal(plans.repair(plan), plan)
    spoiled = plan.clone()
    spoiled[14:16, 12] = WALL
    copy = spoiled.clone()
    plans.repair(spoiled)
    assert torch.equal(spoiled, copy)


def test_one_hot_and_scores_are_each_others_inverse():
    drawn = plans.draw(plans.sample(5, seed=4))
    x = plans.one_hot(drawn)
    assert x.shape == (5, 10, 24, 24) and x.dtype == torch.float32 and (x.sum(1) == 1).all()
    assert torch.equal(plans.from_scores(x), drawn)


def test_furniture_stands_in_rooms_beside_each_other_and_leaves_doors_free():
    drawn = plans.draw(plans.sample(30, seed=7))
    seen = set()
    for plan in drawn.numpy():
        doors = np.argwhere((plan == DOOR) | (plan == ENTRANCE))
        covered = np.zeros((240, 240), int)  # in steps of 5 cm
        pieces = plans.furnish(torch.from_numpy(plan))
        for name, low, high, colour in pieces:
            seen.add(name)
            assert all(a < b for a, b in zip(low, high, strict=True)) and low[1] >= 0 and high[1] < 2.5
            assert all(0 <= c <= 1 for c in colour)
            c0, r0, c1, r1 = (round((v + 6) / 0.05) for v in (low[0], low[2], high[0], high[2]))
            covered[r0:r1, c0:c1] = 1
            cells = plan[r0 // 10 : -(-r1 // 10), c0 // 10 : -(-c1 // 10)]
            assert len(np.unique(cells)) == 1 and cells.min() >= LIVING
        for r, c in doors:
            for i, j in ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)):
                assert not covered[10 * i : 10 * i + 10, 10 * j : 10 * j + 10].any()
        # One can walk from the entrance to every room, past the furniture.
        walk = ((plan >= LIVING) | (plan == DOOR) | (plan == ENTRANCE)).repeat(10, 0).repeat(10, 1) & (
            covered == 0
        )
        labels, _ = ndimage.label(walk)
        big = np.bincount(labels.ravel())[1:].max()
        assert big > 0.9 * walk.sum()
    assert {"double bed", "sofa", "counter", "bathtub", "toilet", "wardrobe"} <= seen


def test_plans_of_a_network_are_drawn_even_where_rooms_touch_the_edge():
    rng = np.random.default_rng(0)
    for plan in (
        np.full((24, 24), BEDROOM),
        rng.integers(0, 10, (24, 24)),
        np.roll(rooms_at_the_edge(), 7, 1),
    ):
        assert plans.render(torch.from_numpy(plan)[None], 48).shape == (1, 3, 48, 48)
        assert not any(
            low[0] < -6 or high[0] > 6 for _, low, high, _ in plans.furnish(torch.from_numpy(plan))
        )


def rooms_at_the_edge():
    return plans.draw(plans.sample(1, seed=7))[0].numpy()


def test_a_flat_in_three_dimensions_has_walls_openings_and_floors():
    flat = plans.extrude(two_rooms(), furnished=False)
    low, high = flat.corners
    assert low == pytest.approx((-3.5, 0.0, -1.0)) and high == pytest.approx((3.5, 2.6, 4.0))
    assert flat.size == pytest.approx((7.0, 2.6, 5.0))
    inside = {
        "wall": (-3.25, 1.5, -0.3),
        "room": (-2.0, 1.3, 2.3),
        "floor": (-2.0, 0.05, 1.0),
        "doorway": (0.25, 1.0, 1.5),
        "lintel": (0.25, 2.3, 1.5),
        "parapet": (-3.25, 0.6, 1.0),
        "glass": (-3.25, 1.5, 1.0),
        "before the glass": (-3.05, 1.5, 1.0),
        "entrance": (-1.5, 1.0, 3.75),
        "below": (-2.0, -0.1, 1.0),
    }
    d = dict(zip(inside, flat.distance(torch.tensor(list(inside.values()))).tolist(), strict=True))
    solid = {"wall", "floor", "lintel", "parapet", "glass"}
    assert {name for name, value in d.items() if value < 0} == solid
    assert d["room"] == pytest.approx(1.0, abs=1e-5)  # to the wall on the left
    names = [part.name for part in flat.parts]
    at = torch.tensor([inside["wall"], inside["floor"], inside["glass"]])
    assert [names[k] for k in flat.surface(at)] == ["wall", "floor of living room", "glass"]
    assert flat.colour(at).shape == (3, 3)
    assert len(plans.extrude(two_rooms()).parts) > len(flat.parts)


def test_drawings_show_walls_dark_windows_light_and_floors_in_colour():
    x = plans.render(two_rooms()[None], 240)
    assert x.shape == (1, 3, 240, 240) and x.min() >= 0 and x.max() <= 1
    wall, window, paper, living, bath = (
        x[0, :, 10 * r + 2 : 10 * r + 8, 10 * c + 2 : 10 * c + 8].mean((1, 2))
        for r, c in ((10, 12), (13, 5), (2, 2), (12, 10), (17, 15))
    )
    assert wall.max() < 0.3 and window[2] > 0.8 and window[2] > window[0] and paper.min() > 0.9
    assert living[0] > living[2] + 0.1 and bath[2] > bath[0] + 0.05


def test_views_from_above_and_inside_are_pictures_of_the_plan():
    drawn = plans.draw(plans.sample(2, seed=1))
    for view in (plans.render_above, plans.render_inside):
        x = view(drawn, 32)
        assert x.shape == (2, 3, 32, 32) and x.min() >= 0 and x.max() <= 1
        assert x.flatten(1).std(1).min() > 0.05 and (x[0] - x[1]).abs().mean() > 0.02
        torch.testing.assert_close(view(drawn[1:], 32), x[1:])
    assert (plans.render_above(drawn, 32, angle=110.0) - plans.render_above(drawn, 32)).abs().mean() > 0.02


def test_descriptions_are_one_sentence():
    factors = plans.sample(40, seed=1)
    for i in range(40):
        assert re.fullmatch(r"A [^{}.]*\.", plans.describe(factors, i))
    says = plans.describe(plans.sample(1, outline="L", rooms="three", entrance="left"), 0)
    assert "an L" in says and "three rooms" in says and "left" in says


def test_what_cannot_be_gets_one_clear_sentence():
    good = two_rooms()
    wrong = (
        None,
        "plan",
        good.float(),
        good[:20],
        good[None, None],
        good > 3,
        torch.full((24, 24), 10),
        good - 1,
    )
    for call in (plans.rules, plans.repair, plans.furnish, plans.extrude):
        for plan in wrong:
            with refused("plan is whole numbers|cells of a plan"):
                call(plan)
    for call in (plans.render, plans.render_above, plans.render_inside, plans.one_hot):
        with refused("Plans are whole numbers"):
            call(good)
    for call in (plans.rules, plans.repair):
        with refused("outline cannot be 'O'"):
            call(good, outline="O")
        for rooms in (1, 7, 2.5, "two", True):
            with refused("number of rooms cannot be"):
                call(good, rooms=rooms)
    with refused("empty"):
        plans.extrude(torch.zeros(24, 24, dtype=torch.int64))
    with refused("no room"):
        plans.render_inside(torch.zeros(1, 24, 24, dtype=torch.int64), 24)
    for size in (0, 100, 24.0, None):
        with refused("size"):
            plans.render(good[None], size)
    with refused("size"):
        plans.render_above(good[None], 8)
    with refused("height"):
        plans.render_above(good[None], 24, height=0)
    with refused("Scores"):
        plans.from_scores(torch.zeros(2, 9, 24, 24))
    with refused("NaN"):
        plans.from_scores(torch.full((1, 10, 24, 24), float("nan")))
    with refused("no factor"):
        plans.sample(2, walls=3)
    with refused("no plan|no picture"):
        plans.describe(plans.sample(2), 2)
