"""How the beings among the sprites are drawn: characters and creatures, each in one function, from back to front.

They look to the right and stand on y = 10; what leaves the square from -10 to 10 is cut off, so that
the outline finds room.
"""

from __future__ import annotations

from torch import Tensor

from ._sprite_sheet import BONE, INK, MAIN, PINK, SKIN, STEEL, TRIM, WHITE, WOOD, Sheet


def eyes(p: Sheet, x, y, gap, where=True) -> None:
    """Two eyes, `gap` to the left and right of x, two pixels high: dots, bright, happy or stern."""
    for side in (-1, 1):
        e = x + side * gap
        dot, inner = p.box(e - 0.6, y, e + 0.6, y + 2), p.box(e - 0.6 - side, y, e + 0.6 - side, y + 2)
        low = p.y > y + 1
        happy = dot & ~low | (inner | p.box(e - 0.6 + side, y, e + 0.6 + side, y + 2)) & low
        stern = dot | inner & ~low | p.box(e - 0.6, y - 1, e + 0.6, y)
        p.paint((dot & (p.mark == 0) | (dot | inner) & (p.mark == 1)) & where, INK)
        p.paint((happy & (p.mark == 2) | stern & (p.mark == 3)) & where, INK)
        p.paint((dot if side < 0 else inner) & ~low & (p.mark == 1) & where, WHITE)


def legs(p: Sheet, ramp: int) -> None:
    """Two legs, one of them lifted in a step."""
    step = p.when((0, 1, -1, 0))
    for side in (-1, 1):
        lift = (step * side).clamp(min=0)
        p.solid(p.box(side * 2 - 1 + lift, 6, side * 2 + 1 + lift, 10 - lift), ramp)
        p.paint(p.box(side * 2 - 1 + lift, 9 - lift, side * 2 + 2 + lift, 10 - lift), ramp)


def chest(p: Sheet) -> tuple[Tensor, Tensor, Tensor]:
    """Where a character's chest begins, half its width, and whether it is in action."""
    return 4 - p.tall + p.when((0, 1, 1, 0)), 3 + p.broad, p.when((0, 0, 0, 1))


def face(p: Sheet, top) -> None:
    """A round head with hair, on a chest that begins at `top`."""
    p.solid(p.oval(0, top - 4, 5.6, 5.1), TRIM, INK)
    p.solid(p.oval(0.5, top - 3, 4.6, 3.6), SKIN)
    eyes(p, 1, top - 4, 2.5)
    for side in (-1, 1):
        p.paint(p.box(0.5 + side * 3.5, top - 2, 1.5 + side * 3.5, top - 1), PINK)


def knight(p: Sheet) -> None:
    """Armour in the palette's colours: helmet, plume, sword and shield."""
    top, half, act = chest(p)
    eye, crown = top - 4, top - 8
    plume = (
        (p.box(-1, crown - 2, 1, crown + 1) | p.box(-4, crown - 2, 1, crown)) & (p.extra == 1)
        | (p.oval(-5, crown + 1, 3, 3) | p.oval(-7, crown + 4, 2, 4)) & (p.extra == 2)
        | p.oval(-1, crown + 1, 5, 2.9) & (p.extra == 3)
    )
    p.solid(plume, TRIM)
    legs(p, STEEL)
    p.solid(p.box(-half, top, half, 8), MAIN)
    p.paint(p.box(-half, 6, half, 7), TRIM + 1)
    p.paint(p.box(-1, 6, 1, 7), TRIM + 3)
    head = p.oval(0, top - 3.5, 5.6, 5)
    p.solid(head, MAIN, INK)
    # An open face, or a visor with a slit.
    visor = p.form == 1
    p.paint(p.box(-2, eye - 1, 6, eye + 3) & head, SKIN + 1)
    p.paint(p.box(-2, eye - 1, 6, eye) & head, SKIN)
    eyes(p, 1.5, eye, 2)
    p.paint(p.box(3, eye + 2, 4, eye + 3), PINK)
    p.paint(p.box(-2, eye - 1, 6, eye + 3) & head & visor, MAIN + 2)
    p.paint(p.box(-2, eye, 6, eye + 2) & head & visor, INK)
    for side in (-1, 1):
        glow = p.box(1 + 2 * side, eye, 2 + 2 * side, eye + 1 + (p.mark == 1) * 1)
        p.paint(glow & visor, WHITE)
        horn = p.cone(side * 6, crown - 1, crown + 4, 0.6, 1.6, side)
        p.solid(horn & (p.form == 2), BONE, INK)
    p.paint(p.box(-5, eye - 2, 6, eye - 1) & head & (p.form == 3), TRIM + 2)
    # The sword rises when it strikes; the shield covers the other arm.
    hand = half + 1
    p.solid(p.box(hand - 1, top + 1, hand + 2, top + 4), MAIN, INK)
    p.solid(p.box(hand, top - 5 - 2 * act, hand + 2, top + 1), STEEL, INK)
    p.paint(p.box(hand - 1, top, hand + 3, top + 1), TRIM + 2)
    shield = p.oval(-half - 0.5, top + 3, 2 + p.much / 2, 2.5 + p.much / 2) & (p.much > 0)
    p.solid(shield, MAIN, INK)
    p.paint(p.gem(-half - 0.5, top + 3, 1.6, 2.1) & shield, TRIM + 2)


def mage(p: Sheet) -> None:
    """A robe and a pointed hat in the palette's colours, a staff, perhaps a beard."""
    top, half, act = chest(p)
    top = top + 1
    staff, orb = half + 3.5, top - 4 - 2 * act
    p.solid(p.box(staff - 0.6, orb, staff + 0.6, 10 - 2 * act), WOOD)
    p.solid(p.cone(0, top - 1, 10, half, half + 2, p.when((0, 1, -1, 0))), MAIN)
    p.paint(p.box(-half - 2, 9, half + 2, 10), TRIM + 1)
    face(p, top)
    long = p.cone(1.5, top - 2, top + 2 + p.much, 4, 0.6) & (p.extra == 1)
    full = p.oval(1, top - 0.5, 4.6, 2 + p.much / 2) & (p.y > top - 2) & (p.extra == 2)
    p.solid((long | full) & ~p.box(0, top - 2, 2, top - 1), TRIM)
    p.paint(p.box(-1, top - 1, 4, top) & (p.extra == 3), TRIM + 1)
    brim = top - 7
    lean = p.when((0, 0.5, -0.5, 0)) - 4 * (p.form == 1) + 2 * (p.form == 3)
    crown = p.oval(0, brim, 4.8, 3.6) & (p.y < brim)
    hat = p.cone(0, brim - 6, brim, 0.6 + 2 * (p.form == 2), 5, lean) | crown
    p.solid(hat | p.oval(lean - 1.5, brim - 4.5, 2.4, 1.2) & (p.form == 1), MAIN, INK)
    p.paint(hat & (p.y > brim - 2) & (p.y < brim), TRIM + 2)
    p.solid(p.oval(0, brim + 0.5, 7 + (p.form == 2) * 1, 1.1), MAIN, INK)
    p.solid(p.gem(staff, orb, 2.6, 2.6), TRIM, INK)
    p.paint(p.box(staff - 0.6, orb - 1, staff + 0.6, orb), TRIM + 3)
    p.paint((p.gem(staff, orb, 4, 0.9) | p.gem(staff, orb, 0.9, 4)) & (act > 0), WHITE)
    p.solid(p.box(half - 1, top + 1 - act, staff - 0.6, top + 3 - act), MAIN, INK)
    p.paint(p.box(staff - 1, top + 1 - act, staff + 1, top + 3 - act), SKIN + 1)


def ranger(p: Sheet) -> None:
    """A hood or a feathered cap, a tunic and a cape in the palette's colours, and a bow."""
    top, half, act = chest(p)
    quiver = p.much > 0
    p.paint(p.box(-half - 3, top - 4, -half - 2, top) & quiver, BONE + 2)
    p.paint(p.box(-half - 1, top - 3 - (p.much > 2) * 1, -half, top) & quiver, BONE + 1)
    p.solid(p.box(-half - 3, top - 1, -half, top + 4) & quiver, WOOD)
    p.solid(p.cone(-1, top - 1, 9 - p.when((0, 0, 0, 1)), half, half + 2, 1), MAIN)
    legs(p, WOOD)
    p.solid(p.cone(0, top, 8, half, half + 0.6), MAIN, MAIN)
    p.paint(p.box(-half, 5, half, 6), WOOD)
    p.paint(p.box(0, 5, 2, 6), TRIM + 3)
    locks = p.box(-6, top - 5, -3, top + 3) & (p.extra == 1) | p.oval(-6.5, top - 3, 2.6, 3) & (p.extra == 2)
    p.solid(locks, TRIM, INK)
    face(p, top)
    p.paint(p.box(-2, top - 6, 4, top - 5) & (p.extra == 3), TRIM + 1)
    head = p.oval(0, top - 4, 6.1, 5.6)
    hood = (head | p.cone(-4, top - 9, top - 2, 0.6, 3, -3) & (p.form == 3)) & ~p.oval(1.5, top - 3, 4.6, 3.6)
    p.solid(hood & ((p.form == 0) | (p.form == 3)), MAIN)
    cap = head & (p.y < top - 6) | p.box(-6, top - 7, 8, top - 6)
    p.solid(cap & (p.form == 1), MAIN, INK)
    p.solid(p.cone(-3, top - 10, top - 6, 0.8, 1.6, -3) & (p.form == 1), TRIM, INK)
    band = head & p.box(-7, top - 7, 7, top - 5) | p.box(-8, top - 6, -5, top - 4)
    p.paint(band & (p.form == 2), MAIN + 1)
    # The bow: a ring of wood cut by its string, which is drawn back to shoot.
    bow, middle = half + 2, top + 2
    ring = p.oval(bow - 1, middle, 4, 5.2) & ~p.oval(bow - 1.6, middle, 3.6, 4.4) & (p.x > bow)
    p.solid(ring, WOOD)
    pull = act * (2.5 - (p.y - middle).abs() / 2).clamp(min=0)
    p.paint(((p.x - bow - 0.5 + pull).abs() < 0.6) & ((p.y - middle).abs() < 4.2), STEEL + 2)
    p.paint(p.box(bow - 2, middle - 1, bow + 5, middle) & (act > 0), BONE + 2)
    p.solid(p.box(half - 2, middle - 1, bow, middle + 1), MAIN, INK)
    p.paint(p.box(bow, middle - 1, bow + 1, middle + 1), SKIN + 1)


def slime(p: Sheet) -> None:
    """A drop of jelly that hops, with a big face."""
    squash, hop = p.when((0, 1, -1, 0)), p.when((0, 0, 0, 2))
    rx, high, foot = 6 + p.broad + squash, 9 + p.tall - 2 * squash, 8 - hop
    eye, crown = foot - 5, foot - high
    jelly = p.oval(0, foot, rx, high) & (p.y < foot) | p.oval(0, foot, rx, 2)
    drop = p.cone(-1, crown - 2, foot - high / 2, 0.6, rx * 0.85, -1) & (p.form == 1)
    cube = p.box(1 - rx, crown + 2, rx - 1, foot) & (p.form == 2)
    puddle = p.oval(0, foot + 1, rx + 1.6, 1.6) & (p.form == 3)
    p.solid(p.box(-0.6, crown - 3, 0.6, crown + 1) & (p.extra == 2) & (p.form != 1), WOOD)
    p.solid(jelly | drop | cube | puddle, MAIN)
    p.paint(p.oval(p.sun * rx / 2, foot - high * 0.62, 1.6, 1.1), MAIN + 3)
    for i, (x, y) in enumerate(((-4.5, -1), (4.5, -2), (-2.5, 0))):
        p.paint(p.box(x - 0.6, foot + y - 1, x + 0.6, foot + y) & (p.much > i), MAIN + 3)
    eyes(p, 1, eye, 3)
    p.paint(p.box(0, eye + 3, 2, eye + 4), INK)
    p.paint(p.box(0, eye + 4, 2, eye + 5) & (p.pose == 3), PINK)
    for side in (-1, 1):
        p.paint(p.box(1 + side * 4 - 1, eye + 2, 1 + side * 4 + 1, eye + 3), PINK)
        p.paint(p.oval(side * 2, crown - 3 - side / 2, 2, 1.1) & (p.extra == 2) & (p.form != 1), TRIM + 2)
        p.solid(p.cone(side * 4, crown - 2, crown + 2, 0.6, 2, side) & (p.extra == 3), BONE, INK)
    spikes = p.box(-3, crown, 3, crown + 2) | p.box(-3, crown - 2, -2, crown) | p.box(2, crown - 2, 3, crown)
    p.solid((spikes | p.box(-0.6, crown - 2, 0.6, crown)) & (p.extra == 1), TRIM, INK)


def bat(p: Sheet) -> None:
    """A ball of fur on two wings."""
    flap, r, a = p.when((0.2, 0.8, -0.4, 1)), 3.5 + p.broad / 2, p.x.abs()
    # A wing rises with the flap up to its wrist, and its skin hangs in arcs between the fingers.
    rise = flap * (a - 3).clamp(max=4)
    arcs = ((a - 1 + p.form % 2) % 3 - 1.5).abs()
    wing = (p.y > -1 - rise + (a - 7).clamp(min=0)) & (p.y < 5 + p.tall / 2 - rise - arcs)
    wing = wing & (a < 9.5 + (p.tall > 0) * 0.5)
    p.solid(wing, MAIN)
    p.paint(wing & (p.y > 1 - rise), MAIN)
    for side in (-1, 1):
        ear = p.cone(side * 2.5, -5 - r / 2 - p.much / 2, -1, 0.5, 2 + (p.form > 1) * 0.6, side)
        p.solid(ear, MAIN, INK)
        p.paint(p.box(side * 3 - 0.6, -4, side * 3 + 0.6, -2), PINK)
        p.solid(p.box(side * 2 - 1, r, side * 2 + 1, r + 3), WOOD)
    p.solid(p.oval(0, 1, r + 0.6, r + 0.6), MAIN, INK)
    p.solid(p.oval(0.5, 3.5, 2.6, 2) & (p.extra == 1), BONE)
    p.solid(p.cone(0.5, -6 - p.broad / 2, -2, 0.6, 2, 1) & (p.extra == 2), TRIM)
    eyes(p, 0.5, -1, 2)
    p.paint(p.box(-1, 2, 2, 3), INK)
    for side in (-1, 1):
        p.paint(p.box(0.5 + side - 0.6, 3, 0.5 + side + 0.6, 4 + (p.pose == 3) * 1), WHITE)
    p.solid((p.gem(-1.5, 5.5, 2, 2) | p.gem(2.5, 5.5, 2, 2)) & (p.extra == 3), TRIM, INK)


def ghost(p: Sheet) -> None:
    """A sheet that floats, with two arms and a wavy hem."""
    drift, boo = p.when((0, 1, 0, 0)), p.when((0, 0, 0, 1))
    rx, eye = 5 + p.broad, -1 - p.tall + drift
    dome = eye + 2
    period = 4 + 2 * (p.form == 1) - (p.form == 2) * 1
    wave = ((p.x + p.when((0, 1, 2, 3))) % period - period / 2).abs()
    hem = 6 + drift + wave * (0.6 + p.much / 3)
    tail = p.cone(-3, dome, 9 + drift, rx, 0.6, 3)  # a body that ends in one wisp
    skirt = p.box(-rx, dome - 1, rx, 11) & (p.y < hem)
    p.solid(p.oval(0, dome, rx, 7) & (p.y < dome) | skirt & (p.form != 3) | tail & (p.form == 3), MAIN)
    p.paint(p.oval(p.sun * rx / 2, eye - 2, 1.2, 1.2), MAIN + 3)
    for side in (-1, 1):
        p.solid(p.oval(side * (rx + 0.5), eye + 5 - 4 * boo, 2.1, 1.6 + boo), MAIN, MAIN)
        p.paint(p.box(1 + side * 3.5 - 0.6, eye + 3, 1 + side * 3.5 + 0.6, eye + 4), PINK)
    eyes(p, 1, eye, 2.5)
    p.paint(p.oval(1, eye + 4, 1.1 + boo * 0.6, 1.1 + boo), INK)
    p.paint(p.box(0, eye + 4, 2, eye + 5) & (boo > 0), PINK)
    crown = eye - 4
    halo = p.oval(0, crown - 1, 4, 1.6) & ~p.box(-2, crown - 1.5, 2, crown - 0.4)
    hat = p.box(-5, crown, 5, crown + 1) | p.box(-3, crown - 3, 3, crown)
    p.solid(halo & (p.extra == 1) | hat & (p.extra == 2), TRIM, INK)
    p.paint(p.box(-3, crown - 1, 3, crown) & (p.extra == 2), PINK)
    bow = p.gem(-4.5, crown + 2, 2.1, 2.1) | p.gem(-1.5, crown + 2, 2.1, 2.1)
    p.solid(bow & (p.extra == 3), TRIM, INK)


BEINGS = {draw.__name__: draw for draw in (knight, mage, ranger, slime, bat, ghost)}
