"""How the things among the sprites are drawn: items and tiles, each in one function, from back to front."""

from __future__ import annotations

from ._sprite_beings import eyes
from ._sprite_sheet import BONE, INK, MAIN, PINK, STEEL, TRIM, WHITE, WOOD, Sheet, grow


def twinkle(p: Sheet, x, y, when) -> None:
    """A white star of five pixels."""
    p.paint((p.gem(x, y, 1.6, 0.6) | p.gem(x, y, 0.6, 1.6)) & when, WHITE)


def potion(p: Sheet) -> None:
    """A bottle, its liquid in the palette's colours."""
    bob, tilt = p.when((0, -1, -1, 0)), p.when((0, 0.3, -0.3, 0))
    r, deep = 5 + p.broad, 10 + bob
    neck = -3 - p.tall + bob
    bottle = (
        p.oval(0, deep - r, r, r) & (p.form == 0)
        | p.cone(0, neck + 1, deep, 1.6, r + 1.6) & (p.form == 1)
        | p.box(1 - r, neck + 3, r - 1, deep) & (p.form == 2)
        | p.gem(0, deep - 6, r + 1, 8) & p.box(-8, neck + 2, 8, deep) & (p.form == 3)
    )
    glass = bottle | p.box(-2, neck, 2, deep - 4)
    p.solid(glass, STEEL)
    p.paint(~grow(~glass), STEEL + 2)
    level = deep - 7 - 1.4 * p.much
    liquid = ~grow(~glass) & (p.y > level + tilt * p.x)
    p.solid(liquid, MAIN)
    p.paint(liquid & (p.y < level + 1 + tilt * p.x), MAIN + 3)
    for x, y in ((-1.5, 2), (1.5, 4), (0.5, 6)):
        p.paint(p.box(x - 0.6, deep - y - 1, x + 0.6, deep - y) & liquid & (p.mark == 2), MAIN + 3)
    label = p.box(-3, deep - 6, 3, deep - 2) & ((p.mark == 1) | (p.mark == 3))
    p.solid(label, BONE)
    p.paint(p.gem(-0.5, deep - 4, 2.1, 2.1) & (p.mark == 1), PINK)
    p.paint((p.box(-2, deep - 5, 2, deep - 3) & ~p.box(-1, deep - 5, 1, deep - 4)) & (p.mark == 3), INK)
    shine = p.sun * (r - 2.5)
    p.paint(p.box(shine - 0.6, deep - r - 1, shine + 0.6, deep - r + 1) & glass, WHITE)
    p.solid(p.box(-2, neck - 3, 2, neck) & (p.extra != 1), WOOD)
    p.solid(p.oval(0, neck - 2, 2.6, 2.6) & (p.extra == 1), TRIM)
    p.solid(p.box(-3, neck - 1, 3, neck + 1), STEEL, INK)
    ribbon, tag = p.box(-3, neck + 1, 3, neck + 2), p.oval(3, neck + 4, 1.6, 2.1)
    p.solid(ribbon & (p.extra == 2) | tag & (p.extra == 3), TRIM, INK)
    twinkle(p, 6.5, -4.5, p.pose == 3)


def sword(p: Sheet) -> None:
    """A blade in the palette's colours, with a guard and a pommel."""
    upright, down = p.pose == 1, p.pose == 2
    along = (-1.8 * p.y).where(upright, p.x - p.y) - 1
    across = (1.8 * p.x).where(upright, p.x + p.y)
    along = along.where(~down, -along - 1)
    reach, half = 14.5 + 1.5 * p.tall, 2.5 + p.broad / 2
    bend = ((along + 6) / 12).square() * 1.6 * (p.form == 1)
    leaf = (along / 8) * (p.form == 2) + (p.form == 3)
    side = across + bend
    blade = (side.abs() < (half + leaf).minimum((reach - along) / 2 + 0.5)) & (along > -6) & (along < reach)
    p.solid(blade, MAIN)
    p.paint(blade & (side * (1 - 2 * (p.light == 2).float()) < -0.5), MAIN + 2)
    p.paint(blade & (side.abs() < 0.6) & (p.mark > 0) & (along < reach - 5), MAIN)
    p.paint(blade & (side.abs() < 1.1) & ((along % 6).abs() < 2) & (p.mark == 2), WHITE)
    p.solid((across.abs() < 1.6) & (along > -15) & (along < -6), WOOD, INK)
    guard = (across.abs() < 4 + p.much) & (along > -8.6) & (along < -5)
    tips = ((across.abs() - 3.5 - p.much).abs() < 1.6) & ((along + 5).abs() < 2.1) & (p.extra == 1)
    disc = (across.square() + (along + 7).square() < 16) & (p.extra == 2)
    p.solid(guard | tips | disc, TRIM, INK)
    p.solid((along + 16).abs() + across.abs() < 4, TRIM, INK)
    p.paint((along + 6.5).abs() + across.abs() < 2 + (p.extra == 2) * 1, PINK)
    p.paint(((along + 6.5).abs() + across.abs() < 2) & (p.extra == 3), WHITE)
    twinkle(p, 4.5, -7.5, p.pose == 3)


def chest(p: Sheet) -> None:
    """A treasure chest, its boards in the palette's colours; some of them bite."""
    half, hop = 7 + p.broad, p.when((0, 1, 0, 0))
    lift, floor, seam = p.when((0, 0, 2, 3)), 10 - hop, 3 - hop
    mimic = p.mark == 3
    inside = p.box(1 - half, seam - 1 - lift, half - 1, seam + 1)
    p.solid(p.box(-half, seam, half, floor), MAIN)
    top, high = seam - lift, 4 + p.tall
    lid = (
        p.box(-half, top - high, half, top) & (p.form == 0)
        | p.oval(0, top, half + 0.4, high + 1.5) & (p.y < top) & (p.form == 1)
        | p.cone(0, top - high, top, half - 3, half) & (p.form == 2)
        | (p.box(-half, top - 3, half, top) | p.box(4 - half, top - high - 1, half - 4, top)) & (p.form == 3)
    )
    p.solid(lid, MAIN)
    p.paint(p.box(-half, seam + 3, half, seam + 4), MAIN)
    for side in (-1, 1):
        x = side * (half - 2.5)
        strap = p.box(x - 1, -10, x + 1, 11) & (lid | p.box(-half, seam, half, floor)) & (p.extra != 0)
        p.solid(strap & (p.extra != 3), TRIM)
        stud = p.box(x - 0.5, seam + 1, x + 1.5, seam + 2) | p.box(x - 0.5, floor - 2, x + 1.5, floor - 1)
        p.paint(stud & (p.extra > 1), TRIM + 3)
    p.paint(p.box(-half, top - 1, half, top) | p.box(-half, seam, half, seam + 1), TRIM + 1)
    p.paint(inside, INK)
    gold = p.oval(0, seam + 1, half - 1.5, 1 + p.much / 2 + lift / 2) & inside & (lift > 0)
    p.solid(gold & ~mimic, BONE)
    p.paint(gold & ~mimic & ((p.x + p.y) % 3 < 1), TRIM + 3)
    rows = p.box(-half, top, half, top + 1) | p.box(-half, seam - 1, half, seam)
    p.paint(rows & inside & ((p.x.abs() + 0.5) % 3 < 1.6) & mimic & (lift > 0), WHITE)
    p.solid(p.box(-2, seam - (lift == 0) * 1, 2, seam + 3) & ~mimic, TRIM, INK)
    p.paint(p.box(-1, seam + 1, 1, seam + 2) & ~mimic, INK)
    p.paint(p.box(-1, seam, 1, seam + 2) & (p.mark == 1), PINK)
    p.paint(p.box(-1, seam, 1, seam + 1) & (p.mark == 2), WHITE)
    eyes(p, 1, top - 3, 3, mimic)
    twinkle(p, 3.5, seam - 1.5, (p.pose == 3) & ~mimic)


def tree(p: Sheet) -> None:
    """A tree, its leaves in the palette's colours."""
    sway, fall, face = p.when((0, 1, -1, 0)), p.pose == 3, p.mark == 2  # some trees smile
    rx, cy = 6 + p.broad, -1 - p.tall
    p.solid(p.box(-1.6, 2, 1.6, 10) | p.box(-3, 9, 3, 10), WOOD)
    ball, tall, cloud = (
        p.oval(sway, cy, rx, 6.6),
        p.oval(sway, cy, rx - 2, 8),
        p.oval(sway, cy - 2, rx - 2, 5),
    )
    for side in (-1, 1):
        cloud = cloud | p.oval(side * (rx / 2 + 0.5), cy + 2, rx / 2 + 1, 4)
    pine = p.cone(0, cy - 7, cy + 1, 0.6, rx - 2, sway) | p.cone(0, cy - 4, cy + 4, 1, rx - 1, sway)
    pine = pine | p.cone(0, cy - 1, cy + 8, 2, rx)
    leaves = ball & (p.form == 0) | pine & (p.form == 1) | cloud & (p.form == 2) | tall & (p.form == 3)
    p.solid(leaves, MAIN, INK)
    bright, dark = ((-3.5, -3.5), (0.5, -2.5), (-1.5, 0.5)), ((2.5, 1.5), (-2.5, 3.5), (3.5, -1.5))
    for place, tone in ((bright, MAIN + 2), (dark, MAIN)):
        for x, y in place:
            p.paint(p.box(x + sway - 1, cy + y - 0.6, x + sway + 1, cy + y + 0.6) & leaves, tone)
    for i, (x, y) in enumerate(((-3, 1), (3, -2), (0, 4), (-1, -3))):
        fruit = p.box(x + sway - 1, cy + y - 1, x + sway + 1, cy + y + 1) & leaves & (p.much >= i) & ~face
        p.paint(fruit & (p.extra == 1), PINK)
        p.paint(fruit & (p.extra == 2), WHITE)
        p.solid(fruit & (p.extra == 3), TRIM, INK)
    p.paint(p.box(-0.6, 6, 0.6, 8) & (p.mark == 1), INK)
    eyes(p, sway, cy, 2.5, face)
    for side in (-1, 1):
        p.solid(p.cone(side * 5, 7, 10, 0.6, 2, side) & (p.mark == 3), MAIN)
    p.solid(p.box(6, 4, 8, 5) & fall | p.box(-8, 6, -6, 7) & fall, MAIN)


def shard(p: Sheet, x, top, half, lean, where=True) -> None:
    """One crystal that stands at (x, 9) and leans, with a lit and a dark face."""
    part = (9 - p.y) / (9 - top)
    side = p.x - x - lean * part
    mask = (side.abs() < half) & (side.abs() < (p.y - top) * 0.8 + 0.3) & (p.y < 9) & where
    p.solid(mask, MAIN, INK)
    p.paint(mask & (side * (2 * (p.sun > 0) - 1) > -0.4) & (p.y > top + 1), MAIN + 2)
    p.paint(mask & (side.abs() < 0.5) & (p.y < 6), MAIN + 3)


def crystal(p: Sheet) -> None:
    """A cluster of crystals in the palette's colours on a stone."""
    half, top = 2.5 + p.broad / 2, -5 - p.tall * 1.5
    p.solid(p.oval(0, 9, 8, 2) & (p.y < 10), STEEL)
    shard(p, -2, top + 4, half - 0.5, -4, (p.form == 0) | (p.form == 2))
    shard(p, 2, top + 5, half - 0.5, 4, p.form > 0)
    shard(p, 0, top, half, 0.6 * (p.form - 1))
    shard(p, -4, 3 - p.much, 2, -2, p.extra != 1)
    shard(p, 1, 5 - p.much, 2, 1, p.extra == 3)
    shard(p, 4, 4 - p.much, 2, 2, p.extra != 2)
    p.solid((p.oval(-6, 9, 3, 2) | p.oval(5, 9, 4, 2)) & (p.y < 10), STEEL, INK)
    p.solid(p.oval(1, 8, 2, 1.6) & (p.mark == 1), TRIM, INK)
    eyes(p, 0.5, 2, 2, p.mark == 2)
    for i, (x, y) in enumerate(((0.5, 0.5), (4.5, -6.5), (-5.5, -4.5), (6.5, 0.5))):
        twinkle(p, x, y, (p.pose == i) & (p.pose > 0))


def mushroom(p: Sheet) -> None:
    """A toadstool, its cap in the palette's colours."""
    squash, sway = p.when((0, 1, 0, -1)), p.when((0, 0, 1, 0))
    rx, high, rim = 7 + p.broad, 8 + p.tall - squash, 3 + squash
    p.solid(p.cone(0, rim - 1, 10, 4, 4.6 + (p.extra == 3)), BONE)
    cap = (
        p.oval(sway, rim, rx, high) & (p.form == 0)
        | p.cone(0, rim - high - 2, rim, 0.6, rx, sway * 2) & (p.form == 1)
        | p.oval(sway, rim, rx, high - 3) & (p.form == 2)
        | (p.oval(sway, rim - 3, rx - 2, high - 2) | p.oval(sway, rim, rx, 4)) & (p.form == 3)
    ) & (p.y < rim)
    p.solid(cap, MAIN, INK)
    p.paint(cap & (p.y > rim - 1), MAIN)
    for i, (x, y) in enumerate(((-3, -3), (3, -4), (0, -6), (5.5, -2))):
        spot = p.oval(x + sway, rim + y, 1.6, 1.3) & cap & (p.much >= i)
        p.paint(spot & (p.extra != 1), WHITE)
        p.paint(spot & (p.extra == 1), TRIM + 2)
    eyes(p, 0.5, rim + 2, 2)
    p.solid(p.oval(7, 7, 2.6, 2.6) & (p.y < 8) & (p.extra == 2), MAIN, INK)
    p.paint(p.box(6, 8, 8, 10) & (p.extra == 2), BONE + 1)
    for x, y in ((-8, -1), (8, -3), (-9, 2)):
        p.paint(p.box(x - 0.6, y - 0.1, x + 0.6, y + 1) & (p.pose == 3), MAIN + 3)


THINGS = {draw.__name__: draw for draw in (potion, sword, chest, tree, crystal, mushroom)}
