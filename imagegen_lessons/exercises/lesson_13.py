"""Exercises of lesson 13: box, sphere tracing, encoding, volume rendering, closed mesh, reachable rooms, a building."""

import torch
from scipy import ndimage

from imagegen_lessons import shapes
from imagegen_lessons.exercises.checker import Wrong, exercise, explain, guarded
from imagegen_lessons.exercises.inputs import ball_on_ground, normal, uniform
from imagegen_lessons.synthetic import buildings

_HALF = torch.tensor([0.5, 2.0, 1.0])


@exercise(
    cases=(
        (torch.tensor([[0.8, 0.0, 0.0], [0.0, 0.0, 3.0]]), _HALF),
        (torch.tensor([[0.8, 2.4, 0.0], [-0.8, 2.4, -2.2]]), _HALF),
        (torch.tensor([[0.0, 0.0, 0.0], [-0.4, 1.5, 0.2]]), _HALF),
        (3 * normal(40, 3, seed=1), torch.tensor([1.0, 3.0, 1.5])),
        (0.9 * uniform(20, 3, seed=2) - 0.45, _HALF),
    ),
    hints=(
        "p.abs() - half says how far a point is beyond the walls along each axis; it is negative inside them.",
        "Outside: keep what is beyond, .clamp(min=0), and take its length, .norm(dim=-1).",
        "Inside, the nearest wall is the axis with the largest of the three: .amax(dim=-1).clamp(max=0). Add both.",
    ),
)
def box_distance(p, half):
    """Signed distance (n,) of points (n, 3) to a box around 0 that reaches half (3,) metres to each side."""
    beyond = p.abs() - half
    return beyond.clamp(min=0).norm(dim=-1) + beyond.amax(dim=-1).clamp(max=0)


def _outside(p, half):
    return (p.abs() - half).clamp(min=0).norm(dim=-1)


def _inside(p, half):
    return (p.abs() - half).amax(dim=-1).clamp(max=0)


box_distance.mistake(
    "Inside it is 0, where the distance to the nearest wall is asked for, negative.", _outside
)
box_distance.mistake(
    "The largest of the three is right inside and beside a wall. Beyond an edge or a corner the way goes slantwise: "
    "the length of what is beyond.",
    lambda p, half: (p.abs() - half).amax(dim=-1),
)
box_distance.mistake(
    "Beyond an edge the parts are added; the way goes slantwise, so it is their length: .norm(dim=-1).",
    lambda p, half: (p.abs() - half).clamp(min=0).sum(dim=-1) + _inside(p, half),
)
box_distance.mistake(
    "The root is missing: these are squared distances outside.",
    lambda p, half: (p.abs() - half).clamp(min=0).square().sum(dim=-1) + _inside(p, half),
)
box_distance.mistake(
    "Inside, this is the way to the farthest wall. All three numbers are negative there, and the nearest wall is the "
    "largest of them: amax, not amin.",
    lambda p, half: _outside(p, half) + (p.abs() - half).amin(dim=-1).clamp(max=0),
)
box_distance.mistake(
    "Inside, the parts are added up; the nearest wall alone counts: .amax(dim=-1).",
    lambda p, half: _outside(p, half) + (p.abs() - half).clamp(max=0).sum(dim=-1),
)
box_distance.mistake(
    "Inside, this is the way to a corner. A wall is nearer: the largest of the three, .amax(dim=-1).",
    lambda p, half: torch.where(
        (p.abs() < half).all(dim=-1), -(p.abs() - half).norm(dim=-1), _outside(p, half)
    ),
)
box_distance.mistake(
    "Without abs only the walls at the right, above and in front count: p.abs() - half.",
    lambda p, half: (p - half).clamp(min=0).norm(dim=-1) + (p - half).amax(dim=-1).clamp(max=0),
)
box_distance.mistake(
    "What is inside along one axis must not lengthen the way: .clamp(min=0) before the length.",
    lambda p, half: (p.abs() - half).norm(dim=-1),
)
box_distance.mistake(
    "This is the distance to one corner. p.abs() - half is what is beyond the walls, of which .clamp(min=0) is kept.",
    lambda p, half: (p - half).norm(dim=-1),
)
box_distance.mistake(
    "half is halved once more: the box reaches half metres to each side.",
    lambda p, half: box_distance.answer(p, half / 2),
)
box_distance.mistake(
    "This is the distance to the centre less that of a corner, a sphere. Subtract half along each axis.",
    lambda p, half: p.norm(dim=-1) - half.norm(),
)
box_distance.mistake(
    "The sign is turned round: negative is inside.", lambda p, half: -box_distance.answer(p, half)
)
box_distance.mistake(
    "Inside it should be negative: this is the way to the surface without a sign.",
    lambda p, half: box_distance.answer(p, half).abs(),
)
box_distance.mistake(
    "Outside, the largest part is counted a second time: .clamp(max=0) keeps it for the inside.",
    lambda p, half: _outside(p, half) + (p.abs() - half).amax(dim=-1),
)
box_distance.mistake(
    "All sides take the first number of half; it has one for each axis.",
    lambda p, half: box_distance.answer(p, half[:1].expand(3)),
)
box_distance.mistake(
    "The length runs over the points (dimension 0); each point has its own: dim=-1.",
    lambda p, half: (p.abs() - half).clamp(min=0).norm(dim=0) + (p.abs() - half).amax(dim=0).clamp(max=0),
)


_RAYS = torch.tensor(  # origin and direction
    [
        [0, 1, 4, 0, 0, -1],  # the ball
        [0, 1, 4, 0, 1, 0],  # the sky
        [0, 2, 4, 0.6, -0.48, -0.64],  # the ground beyond the ball
        [2, 1.5, 4, 0.3, -0.12, 1],  # the ground, far away
        [3, 1.5, 0, 0, -1, 0],  # the ground, straight down
        [3, 0.5, 0, -1, 0, 0],  # the ball from the right
        [-0.3, 2, 4, 0.1, -0.3, -1],  # the ball from above
    ]
)
_RAYS = _RAYS[:, :3], torch.nn.functional.normalize(_RAYS[:, 3:], dim=1)


@exercise(
    cases=(
        (ball_on_ground, *(part[:2] for part in _RAYS), 60, 10.0),
        (ball_on_ground, *_RAYS, 140, 10.0),
        (ball_on_ground, *_RAYS, 80, 100.0),
        (ball_on_ground, *(part[1:5] for part in _RAYS), 6, 100.0),
    ),
    rtol=2e-3,
    hints=(
        "Begin with depth 0 for each ray. A ray's point is origins + depth[:, None] * directions.",
        "In a loop: depth = (depth + distance(point)).clamp(max=far). No surface is nearer, so the step is safe.",
        "At the end: torch.where(gap < 1e-3, depth, torch.inf), and inf as well where depth has come to far.",
    ),
)
def sphere_trace(distance, origins, directions, steps=100, far=50.0):
    """How far rays (n, 3) go until they meet the surface: depth (n,), inf where they do not within steps or far."""
    depth = torch.zeros_like(origins[..., 0])
    for _ in range(steps):
        gap = distance(origins + depth[..., None] * directions)
        depth = (depth + gap).clamp(max=far)
    return torch.where((gap < 1e-3) & (depth < far), depth, torch.inf)


def _trace(distance, origins, directions, steps, far, stride=lambda gap: gap, met=1e-3, miss=torch.inf):
    """Sphere tracing with another stride, another threshold, or another number for a miss."""
    depth = torch.zeros(len(origins))
    for _ in range(steps):
        gap = distance(origins + depth[:, None] * directions)
        depth = (depth + stride(gap)).clamp(max=far)
    return torch.where((gap < met) & (depth < far), depth, miss)


def _trace_to(distance, origins, directions, steps):
    """The depth after all steps, wherever that is, and the distance there."""
    depth = torch.zeros(len(origins))
    for _ in range(steps):
        depth = depth + distance(origins + depth[:, None] * directions)
    return depth, distance(origins + depth[:, None] * directions)


@sphere_trace.mistake("Where a ray meets nothing its depth is inf; here it is where the ray stopped.")
def _never_inf(distance, origins, directions, steps, far):
    depth = torch.zeros(len(origins))
    for _ in range(steps):
        depth = (depth + distance(origins + depth[:, None] * directions)).clamp(max=far)
    return depth


@sphere_trace.mistake("A surface beyond far does not count: inf where the depth has come to far.")
def _no_far(distance, origins, directions, steps, far):
    return _trace(distance, origins, directions, steps, 1e6)


@sphere_trace.mistake(
    "A ray into the sky overflows (NaN): .clamp(max=far) in the loop. And a ray whose distance is not below 1e-3 after "
    "all steps has met nothing."
)
def _only_far(distance, origins, directions, steps, far):
    depth = _trace_to(distance, origins, directions, steps)[0]
    return torch.where(depth > far, torch.inf, depth)


sphere_trace.mistake(
    "Where a ray meets nothing its depth is inf: where it has come to far, and where the distance is not below 1e-3.",
    lambda f, o, d, n, far: _trace_to(f, o, d, n)[0],
)


@sphere_trace.mistake(
    "A ray into the sky takes longer and longer steps, until its numbers overflow (NaN): .clamp(max=far)."
)
def _overflows(distance, origins, directions, steps, far):
    depth, gap = _trace_to(distance, origins, directions, steps)
    return torch.where((gap > 1e-3) | (depth > far), torch.inf, depth)


sphere_trace.mistake(
    "The steps are all equally long. The distance says how far it is safe to go: step by it.",
    lambda f, o, d, n, far: _trace(f, o, d, n, far, stride=lambda gap: 0.1 * (gap > 1e-3)),
)
sphere_trace.mistake(
    "Two distances are too long a step: only within one distance nothing stands in the way.",
    lambda f, o, d, n, far: _trace(f, o, d, n, far, stride=lambda gap: 2 * gap),
)
sphere_trace.mistake(
    "The distance is subtracted: the ray goes backwards.",
    lambda f, o, d, n, far: _trace(f, o, d, n, far, stride=lambda gap: -gap),
)
sphere_trace.mistake(
    "A ray that meets nothing gets 0 here; it gets inf, or it looks as if something stood at the eye.",
    lambda f, o, d, n, far: _trace(f, o, d, n, far, miss=torch.tensor(0.0)),
)
sphere_trace.mistake(
    "A ray that meets nothing gets far here; it gets torch.inf.",
    lambda f, o, d, n, far: _trace(f, o, d, n, far, miss=torch.tensor(far)),
)
sphere_trace.mistake(
    "A decimetre is no hit: the ray has met the surface where the distance is below 1e-3.",
    lambda f, o, d, n, far: _trace(f, o, d, n, far, met=0.1),
)
sphere_trace.mistake(
    "The rays stop a decimetre before the surface; go on until the distance is below 1e-3.",
    lambda f, o, d, n, far: _trace(f, o, d, n, far, stride=lambda gap: gap * (gap > 0.1), met=0.1),
)
sphere_trace.mistake(
    "The distance is hardly ever exactly 0: a ray has met the surface where it is below 1e-3.",
    lambda f, o, d, n, far: _trace(f, o, d, n, far, met=0.0),
)
sphere_trace.mistake(
    "The rays begin at 0: a ray's point is origins + depth[:, None] * directions.",
    lambda f, o, d, n, far: _trace(f, 0 * o, d, n, far),
)
sphere_trace.mistake(
    "All rays begin at the first origin; each has its own.",
    lambda f, o, d, n, far: _trace(f, o[:1].expand_as(o), d, n, far),
)
sphere_trace.mistake(
    "This is the first step alone; go on, `steps` times. (Does `return` stand inside the loop?)",
    lambda f, o, d, n, far: _trace(f, o, d, 1, far),
)
sphere_trace.mistake(
    "The number of steps is an argument: a ray that has not met the surface after so many gets inf.",
    lambda f, o, d, n, far: _trace(f, o, d, 80, far),
)
sphere_trace.mistake(
    "depth counts one number for each ray: depth[:, None] * directions makes it a column.",
    lambda f, o, d, n, far: f(o + torch.zeros(len(o)) * d),
)
sphere_trace.mistake(
    "A column (n, 1) and distances (n,) are added. Keep depth (n,), and write depth[:, None] only in the point.",
    lambda f, o, d, n, far: torch.zeros(len(o), 1).add_(f(o)),
)


@sphere_trace.mistake("The last distance is returned; add up the steps: depth = depth + distance(point).")
def _last_gap(distance, origins, directions, steps, far):
    depth = torch.zeros(len(origins))
    for _ in range(steps):
        depth = distance(origins + depth[:, None] * directions)
    return depth


@sphere_trace.mistake(
    "These are the points where the rays arrive; asked for is how far that is, one number a ray."
)
def _points(distance, origins, directions, steps, far):
    return origins + _never_inf(distance, origins, directions, steps, far)[:, None] * directions


@sphere_trace.mistake("The loop ends when the first ray arrives; the others still have a way to go.")
def _first_stops_all(distance, origins, directions, steps, far):
    depth = torch.zeros(len(origins))
    for _ in range(steps):
        gap = distance(origins + depth[:, None] * directions)
        if (gap < 1e-3).any():
            break
        depth = (depth + gap).clamp(max=far)
    return torch.where((gap < 1e-3) & (depth < far), depth, torch.inf)


@exercise(
    cases=(
        (torch.tensor([[0.25, 0.1, -0.4]]), 1),
        ((uniform(5, 3, seed=3) * 2 - 1).requires_grad_(), 3),
        (uniform(2, 3, seed=4), 5),
    ),
    hints=(
        "In a loop over k = 0, 1, …: angle = 2**k * torch.pi * p, of shape (n, 3). Keep its sine and its cosine.",
        "First p, then all sines, then all cosines, side by side: torch.cat([p, *sines, *cosines], dim=1).",
    ),
)
def positional_encoding(p, frequencies):
    """Points (n, 3) to [p, sin(π p), sin(2π p), sin(4π p) …, cos(π p), cos(2π p) …], (n, 3 + 6 · frequencies)."""
    angles = [2**k * torch.pi * p for k in range(frequencies)]
    return torch.cat([p, *map(torch.sin, angles), *map(torch.cos, angles)], dim=1)


def _encoded(p, frequencies, factor=lambda k: 2**k * torch.pi):
    """The encoding with other factors in front of p."""
    angles = [factor(k) * p for k in range(frequencies)]
    return torch.cat([p, *map(torch.sin, angles), *map(torch.cos, angles)], dim=1)


positional_encoding.mistake(
    "The slowest wave is sin(π p), which goes once up and down from -1 to 1; this is twice as fast. Is π doubled, or "
    "does k begin with 1?",
    lambda p, n: _encoded(p, n, lambda k: 2**k * 2 * torch.pi),
)
positional_encoding.mistake(
    "π is missing: sin(π p), sin(2π p), sin(4π p) and so on.", lambda p, n: _encoded(p, n, lambda k: 2**k)
)
positional_encoding.mistake(
    "The factors grow by 1; each is twice the one before: 1, 2, 4, 8, 2**k.",
    lambda p, n: _encoded(p, n, lambda k: (k + 1) * torch.pi),
)
positional_encoding.mistake(
    "The factors begin with 0, and sin(0) is always 0. They are 1, 2, 4, 8: 2**k.",
    lambda p, n: _encoded(p, n, lambda k: k * torch.pi),
)
positional_encoding.mistake(
    "2 * k is not 2**k: the factors are 1, 2, 4, 8.", lambda p, n: _encoded(p, n, lambda k: 2 * k * torch.pi)
)
positional_encoding.mistake(
    "The factors get smaller: 2**k, not 2**-k. Fast waves are what the network lacks.",
    lambda p, n: _encoded(p, n, lambda k: 2.0**-k * torch.pi),
)
positional_encoding.mistake(
    "p itself comes first; it is missing.", lambda p, n: positional_encoding.answer(p, n)[:, 3:]
)
positional_encoding.mistake(
    "After p come all sines, then all cosines; here the cosines come first.",
    lambda p, n: torch.cat([p, _encoded(p, n)[:, 3 + 3 * n :], _encoded(p, n)[:, 3 : 3 + 3 * n]], dim=1),
)


def _in_turns(p, frequencies):
    return [wave(2**k * torch.pi * p) for k in range(frequencies) for wave in (torch.sin, torch.cos)]


positional_encoding.mistake(
    "Sine and cosine take turns here. After p come all sines, then all cosines.",
    lambda p, n: torch.cat([p, *_in_turns(p, n)], dim=1),
)
positional_encoding.mistake(
    "p itself is missing, and sine and cosine take turns. First p, then all sines, then all cosines.",
    lambda p, n: torch.cat(_in_turns(p, n), dim=1),
)
positional_encoding.mistake(
    "All waves of x come first, then those of y and z. A wave takes all of p: sin(π p) of x, y, z, then sin(2π p).",
    lambda p, n: torch.cat(
        [p, *(part.view(len(p), n, 3).mT.flatten(1) for part in _encoded(p, n)[:, 3:].chunk(2, dim=1))], dim=1
    ),
)
positional_encoding.mistake(
    "The cosines are missing.", lambda p, n: positional_encoding.answer(p, n)[:, : 3 + 3 * n]
)
positional_encoding.mistake(
    "The waves are added up; they stand side by side: torch.cat(…, dim=1).",
    lambda p, n: sum(positional_encoding.answer(p, n).split(3, dim=1)),
)
positional_encoding.mistake(
    "There is one frequency too many: range(frequencies) counts from 0 to frequencies - 1.",
    lambda p, n: _encoded(p, n + 1),
)
positional_encoding.mistake(
    "There is one frequency too few: the first is k = 0, and there are `frequencies` of them.",
    lambda p, n: _encoded(p, n - 1),
)
positional_encoding.mistake(
    "This is the positional encoding of words in a Transformer, with powers of 10,000; here they are of 2.",
    lambda p, n: _encoded(p, n, lambda k: 10_000 ** (-k / n)),
)


_DENSITY, _METRES = 3 * uniform(4, 6, seed=5), 0.1 + uniform(4, 6, seed=6)

volume_weights = exercise(
    cases=(
        (torch.tensor([[0.5, 2.0, 1.0]]), torch.tensor([[1.0, 0.5, 0.25]])),
        (_DENSITY.requires_grad_(), _METRES),
        (torch.tensor([[0.0, 0.0, 1e4, 1e4], [0.0, 0.0, 0.0, 0.0]]), torch.full((2, 4), 0.2)),
    ),
    hints=(
        "optical = density * steps says how much each sample dims the light: it lets exp(-optical) of it through.",
        "To a sample comes what all samples before it let through: exp(-sum of their optical). .cumsum(dim=-1) adds "
        "up to and with each; subtract its own.",
        "Of what comes to it, the sample shows 1 - exp(-optical). Return weights, transmittance.",
    ),
)(shapes.volume_weights)


def _let_through(density, steps):
    """What comes to each sample, and the share of it that the sample shows."""
    return volume_weights.answer(density, steps)[1], 1 - torch.exp(-density * steps)


def _weighed(before, alpha):
    return before * alpha, before


volume_weights.mistake(
    "The sample stands in its own light: to it comes what those *before* it let through, without its own part.",
    lambda s, d: _weighed(torch.exp(-(s * d).cumsum(-1)), 1 - torch.exp(-s * d)),
)
volume_weights.mistake(
    "What stands before a sample has no part in its weight: multiply by the transmittance.",
    lambda s, d: (_let_through(s, d)[1], _let_through(s, d)[0]),
)
volume_weights.mistake(
    "density · steps is more than 1 in a thick cloud. A sample shows 1 - exp(-density · steps).",
    lambda s, d: _weighed(_let_through(s, d)[0], s * d),
)
volume_weights.mistake(
    "The light is dimmed by each sample alone; it comes through all that stand before it: cumsum(dim=-1).",
    lambda s, d: _weighed(torch.exp(-s * d), 1 - torch.exp(-s * d)),
)
volume_weights.mistake(
    "The metres of the samples are left out: density · steps.",
    lambda s, d: volume_weights.answer(s, torch.ones_like(d)),
)
volume_weights.mistake(
    "The sum runs over the rays (dimension 0); the samples of a ray stand in the last: dim=-1.",
    lambda s, d: _weighed(torch.exp(-((s * d).cumsum(0) - s * d)), 1 - torch.exp(-s * d)),
)
volume_weights.mistake(
    "The light comes from the eye's side here as if the eye stood at the other end: the first sample is the nearest.",
    lambda s, d: tuple(part.flip(-1) for part in volume_weights.answer(s.flip(-1), d.flip(-1))),
)
volume_weights.mistake(
    "The weights are divided by their sum. They may add up to less than 1: the rest comes from the background.",
    lambda s, d: (
        (w := volume_weights.answer(s, d)[0]) / (w.sum(-1, keepdim=True) + 1e-8),
        _let_through(s, d)[0],
    ),
)
volume_weights.mistake(
    "1 - is missing: exp(-density · steps) is what a sample lets through; it shows the rest.",
    lambda s, d: _weighed(_let_through(s, d)[0], torch.exp(-s * d)),
)
volume_weights.mistake(
    "torch.roll brings the last number to the front; to the first sample comes all light: 1.",
    lambda s, d: _weighed(torch.exp(-(s * d).cumsum(-1)).roll(1, -1), 1 - torch.exp(-s * d)),
)
volume_weights.mistake(
    "To the first sample comes all light: 1, not 0.",
    lambda s, d: _weighed(
        torch.cat([0 * s[:, :1], torch.exp(-(s * d).cumsum(-1))[:, :-1]], dim=1), 1 - torch.exp(-s * d)
    ),
)
volume_weights.mistake(
    "The shares are added up, but of what is left each takes its share: exp of the sum, or a product.",
    lambda s, d: _weighed(
        1 - ((1 - torch.exp(-s * d)).cumsum(-1) - (1 - torch.exp(-s * d))), 1 - torch.exp(-s * d)
    ),
)
volume_weights.mistake(
    "This takes one sample's density for the whole way to it: add up density · steps of all before.",
    lambda s, d: _weighed(torch.exp(-s * (d.cumsum(-1) - d)), 1 - torch.exp(-s * d)),
)
volume_weights.mistake(
    "These are the weights alone; return weights, transmittance.",
    lambda s, d: volume_weights.answer(s, d)[0],
)
volume_weights.mistake(
    "The two are exchanged: weights first, then transmittance.",
    lambda s, d: volume_weights.answer(s, d)[::-1],
)
volume_weights.mistake(
    "The weights are right. Transmittance is what comes *to* a sample, before it takes its share.",
    lambda s, d: (volume_weights.answer(s, d)[0], torch.exp(-(s * d).cumsum(-1))),
)
volume_weights.mistake(
    "The transmittance is detached: what stands in front could not learn that it hides something.",
    lambda s, d: _weighed(_let_through(s, d)[0].detach(), 1 - torch.exp(-s * d)),
)


def _halved(quads) -> torch.Tensor:
    """Two triangles for each quadrilateral."""
    return torch.tensor([half for a, b, c, d in quads for half in ([a, b, c], [a, c, d])])


def _ring(n: int, m: int) -> torch.Tensor:
    """The faces of a torus of n times m quadrilaterals."""
    i, j = (part.flatten() for part in torch.meshgrid(torch.arange(n), torch.arange(m), indexing="ij"))
    right, up = (i + 1) % n, (j + 1) % m
    return _halved(torch.stack([i * m + j, right * m + j, right * m + up, i * m + up], dim=1).tolist())


_TETRAHEDRON = torch.tensor([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])
_CUBE = _halved(
    [[0, 3, 2, 1], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7], [4, 5, 6, 7]]
)  # last the lid
_APART = torch.cat([_TETRAHEDRON, _TETRAHEDRON + 4])
_FLIPPED = torch.cat([_TETRAHEDRON[:1].flip(1), _TETRAHEDRON[1:]])
_TWICE = torch.cat([_TETRAHEDRON, _TETRAHEDRON[:1]])
_SHARED = torch.cat([_TETRAHEDRON, torch.tensor([0, 1, 4, 5])[_TETRAHEDRON]])
_CLOSED = (
    ("A tetrahedron", _TETRAHEDRON, "Each face has three edges; the third leads back from its last corner."),
    ("A cube of twelve triangles", _CUBE, "The diagonals of its sides are edges as well."),
    ("Two tetrahedra apart", _APART, "Look at edges, not at how many parts."),
    ("A ring of 144 triangles", _ring(12, 6), "Can two edges get the same key? Tuples (a, b) cannot."),
)
_OPEN = (
    ("A tetrahedron without one face", _TETRAHEDRON[1:], "Three of its edges belong to one face only."),
    ("A cube without its lid", _CUBE[:-2], "Four of its edges belong to one face only; look at each edge."),
    (
        "A tetrahedron with one face turned over",
        _FLIPPED,
        "That face runs along its edges as its neighbours do.",
    ),
    (
        "A tetrahedron with one face twice",
        _TWICE,
        "Three faces meet at some edges: each direction once only.",
    ),
    (
        "Two tetrahedra with a common edge",
        _SHARED,
        "Four faces meet there, each direction twice: once is right.",
    ),
)


def _verify_closed(attempt):
    for right, meshes in ((True, _CLOSED), (False, _OPEN)):
        for name, faces, advice in meshes:
            got = guarded(attempt, given := faces.clone())
            if not torch.equal(given, faces):
                raise Wrong("Your function changes faces in place; compute a new tensor instead.")
            if isinstance(got, torch.Tensor) and got.numel() > 1:
                raise Wrong(
                    "Asked for is one answer for the mesh, True or False, not one for each edge: .all()."
                )
            if problem := explain(right, got):
                other = explain(not right, got)  # it is neither
                raise Wrong(f"{name}: {problem} {'The answer is True or False.' if other else advice}")


@exercise(
    verify=_verify_closed,
    hints=(
        "The face (a, b, c) runs along the edges (a, b), (b, c) and (c, a). Collect them from all faces.",
        "As a set of tuples: it has 3 · m entries if none occurs twice. And for each (a, b) it must hold (b, a).",
    ),
)
def is_closed(faces):
    """Does each edge of faces (m, 3) occur exactly once in each direction? True or False."""
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).tolist()
    found = {(a, b) for a, b in edges}
    return len(found) == len(edges) and all((b, a) in found for a, b in found)


def _edges(faces, corners=((0, 1), (1, 2), (2, 0))):
    return [(face[i], face[j]) for face in faces.tolist() for i, j in corners]


def _undirected(faces):
    """How many faces each edge has, whichever way they run along it."""
    edges = [tuple(sorted(edge)) for edge in _edges(faces)]
    return [edges.count(edge) for edge in edges]


@is_closed.mistake("Each face has three edges")
def _two_edges_a_face(faces):
    found = _edges(faces, ((0, 1), (1, 2)))
    return len(set(found)) == len(found) and all((b, a) in found for a, b in found)


@is_closed.mistake("The diagonals of its sides are edges as well")
def _counts_vertices(faces):
    return len(faces.unique()) == len(faces)


@is_closed.mistake("Look at edges, not at how many parts")
def _euler(faces):
    edges = {tuple(sorted(edge)) for edge in _edges(faces)}
    return len(faces.unique()) - len(edges) + len(faces) == 2


@is_closed.mistake("Can two edges get the same key?")
def _short_keys(faces):
    ahead, back = ([10 * a + b for a, b in edges] for edges in (_edges(faces), _edges(faces.flip(1))))
    return len(set(ahead)) == len(ahead) and set(ahead) == set(back)


is_closed.mistake("Three of its edges belong to one face only", lambda faces: True)
is_closed.mistake("Four of its edges belong to one face only", lambda faces: len(faces) % 2 == 0)
is_closed.mistake(
    "runs along its edges as its neighbours do", lambda faces: all(n == 2 for n in _undirected(faces))
)
is_closed.mistake(
    "each direction once only",
    lambda faces: {(b, a) for a, b in _edges(faces)} == set(_edges(faces)),
)
is_closed.mistake(
    "each direction twice: once",
    lambda faces: sorted((b, a) for a, b in _edges(faces)) == sorted(_edges(faces)),
)
is_closed.mistake(
    "not one for each edge", lambda faces: torch.tensor([(b, a) in _edges(faces) for a, b in _edges(faces)])
)
is_closed.mistake("got 0", lambda faces: sum(n != 2 for n in _undirected(faces)))
is_closed.mistake("returns nothing", lambda faces: print(end=""))


def _map(text: str) -> torch.Tensor:
    """Rows of cells, of which those with a dot are walkable."""
    return torch.tensor([[cell == "." for cell in row] for row in text.split()])


@exercise(
    cases=(
        (_map(".#.. ..#."), (0, 0)),
        (_map("#.......# #.#####.. #......#. ######.#. .......#. .#####.#. .......#."), (0, 7)),
        (_map(".......... .###..###. .#..#.#.#. .####.###. .........."), (4, 9)),
    ),
    hints=(
        "Begin with a tensor of False, torch.zeros_like(walkable), and make the start True.",
        "From reached[:-1] one comes a row down: wider[1:] |= reached[:-1]. So for all four sides, then & walkable.",
        "Repeat until torch.equal(wider, reached): then nothing new is reached.",
    ),
)
def reachable(walkable, start):
    """Which cells (h, w) can be reached from start (row, column), up, down, left and right over walkable (h, w)."""
    reached = torch.zeros_like(walkable)
    reached[start] = True
    while True:
        wider = reached.clone()
        wider[1:] |= reached[:-1]
        wider[:-1] |= reached[1:]
        wider[:, 1:] |= reached[:, :-1]
        wider[:, :-1] |= reached[:, 1:]
        wider &= walkable
        if torch.equal(wider, reached):
            return reached
        reached = wider


_FOUR = ((0, 1), (0, -1), (1, 0), (-1, 0))


def _walk(walkable, start, ways=_FOUR, rounds=40, around=False):
    """Walks `rounds` steps; `around` comes in again on the other side."""
    h, w = walkable.shape
    reached = {start}
    for _ in range(rounds):
        ahead = {(i + di, j + dj) for i, j in reached for di, dj in ways}
        ahead = {(i % h, j % w) for i, j in ahead} if around else ahead
        reached |= {(i, j) for i, j in ahead if 0 <= i < h and 0 <= j < w and walkable[i, j]}
    found = torch.zeros_like(walkable)
    for cell in reached:
        found[cell] = True
    return found


reachable.mistake(
    "Here one slips diagonally between two walls; steps lead up, down, left and right.",
    lambda walkable, start: _walk(walkable, start, (*_FOUR, (1, 1), (1, -1), (-1, 1), (-1, -1))),
)
reachable.mistake(
    "Here one leaves at an edge and comes in again at the opposite one, as torch.roll does. Shift with slices.",
    lambda walkable, start: _walk(walkable, start, around=True),
)
reachable.mistake(
    "Here one walks through walls: & walkable after each step.",
    lambda walkable, start: _walk(torch.ones_like(walkable), start),
)
reachable.mistake(
    "This is one step; repeat until nothing new is reached.",
    lambda walkable, start: _walk(walkable, start, rounds=1),
)
reachable.mistake(
    "Height + width steps are too few where the way winds: repeat until nothing new is reached.",
    lambda walkable, start: _walk(walkable, start, rounds=sum(walkable.shape)),
)
reachable.mistake(
    "Steps lead up and left as well.", lambda walkable, start: _walk(walkable, start, ((0, 1), (1, 0)))
)
reachable.mistake(
    "These are all walkable cells; which of them can be reached?", lambda walkable, start: walkable.clone()
)
reachable.mistake(
    "Upside down: True is what can be reached.", lambda walkable, start: ~_walk(walkable, start)
)
reachable.mistake(
    "start is (row, column); here the two are exchanged.",
    lambda walkable, start: _walk(walkable, start[::-1]),
)


_LOW, _HIGH = buildings.SPACE


def _verify_building(attempt):
    def distance(p):
        d = guarded(attempt, given := p.clone())
        if not torch.equal(given, p):
            raise Wrong("Your function changes p in place; compute a new tensor instead.")
        if not isinstance(d, torch.Tensor) or d.shape != p.shape[:1] or not d.is_floating_point():
            kind = f"shape {tuple(d.shape)}, {d.dtype}" if isinstance(d, torch.Tensor) else type(d).__name__
            raise Wrong(
                f"For {len(p)} points it should give {len(p)} distances, of shape ({len(p)},), not {kind}."
            )
        if not d.isfinite().all():
            raise Wrong(f"At {_place(p[~d.isfinite()])} the distance is NaN or inf.")
        return d

    grid = shapes.grid_points(_LOW, _HIGH, 40)
    p = grid.flatten(0, 2)
    few, d = distance(p[:5]), distance(p)
    if max((few - d[:5]).abs().max(), (distance(p[::7]) - d[::7]).abs().max()) > 1e-4:
        raise Wrong(
            "The same points get other distances when they are asked without the others. Each point has its own, with "
            "nothing random: does a max, min or mean run over dimension 0?"
        )
    around = 40 * (uniform(2500, 3, seed=7) - torch.tensor([0.5, 0.3, 0.5]))
    around = around[((around < torch.tensor(_LOW)) | (around > torch.tensor(_HIGH))).any(dim=1)]
    _check_place(distance, p, d, around)
    _check_steps(torch.cat([p, around]), torch.cat([d, distance(around)]))
    return _measures(distance, d.view(grid.shape[:3]), grid)


def _place(p):
    """The first of some points, as in a message."""
    return f"({', '.join(f'{part:.1f}' for part in p[0].tolist())})"


def _check_place(distance, p, d, around):
    """Is there a building, on the ground and in the lesson's box? `around` are points outside the box."""
    outer = distance(around) < 0
    if outer.all():
        raise Wrong("Inside out: far away from the building the distance is negative. Negative is inside.")
    if not (d < 0).any():
        raise Wrong(
            "There is no building: the distance is negative nowhere. (A square never is, and an intersection of parts "
            "that do not meet, or a difference the wrong way round, is empty.)"
        )
    buried = (d < 0) & (p[:, 1] < -0.1)
    if buried.any():
        raise Wrong(f"It reaches below the ground, y = 0, where {_place(p[buried])} is inside. Move it up.")
    if outer.any():
        raise Wrong(f"It reaches out of the box from {_LOW} to {_HIGH}: {_place(around[outer])} is inside.")
    if not (_floor(distance) < 0).any():
        lowest = p[d < 0][:, 1].min()
        raise Wrong(
            f"It floats: nothing is inside at y = 0.1, and its lowest point is near y = {lowest:.1f}."
        )


def _floor(distance):
    """Distances a little above the ground, one every 0.2 m."""
    x, z = torch.meshgrid(torch.arange(-8.4, 8.5, 0.2), torch.arange(-8.4, 8.5, 0.2), indexing="ij")
    return distance(torch.stack([x, torch.full_like(x, 0.1), z], dim=-1).flatten(0, 1))


def _share_inside(d, cell):
    """How much of a cell is inside, from the distance in its middle."""
    return (0.5 - d / cell).clamp(0, 1)


def _check_steps(p, d):
    """Is nothing of the building nearer than the distance says? Else sphere tracing steps through it."""
    if len(d.unique()) < 100:
        raise Wrong(
            f"Only {len(d.unique())} different numbers come out of it. A number for inside and another for outside is "
            "no distance; sphere tracing needs to know how far the surface is."
        )
    surface = p[d < 0][d[d < 0].argsort(descending=True)][:3000]  # the outermost points inside
    p, d = p[d > 0.1][::17], d[d > 0.1][::17]
    way = torch.cdist(p, surface, compute_mode="donot_use_mm_for_euclid_dist").amin(dim=1)
    ratio, worst = (d / way).max(dim=0)
    if ratio > 1.02:
        raise Wrong(
            f"At {_place(p[worst:])} it says that nothing is within {d[worst]:.1f} m, but the building is no farther "
            f"than {way[worst]:.1f} m: sphere tracing would step through it. Are distances added, multiplied or "
            f"squared, or points scaled? Divided by {ratio:.1f} it would be safe."
        )


def _measures(distance, d, grid) -> str:
    """How large the building is, whether a part of it floats, and how many steps its rays need."""
    cell = (grid[1, 0, 0, 0] - grid[0, 0, 0, 0]).item()
    parts, n = ndimage.label((d < 0).numpy())
    standing = set(parts[:, :4].flatten().tolist()) - {0}
    whole = "in one piece" if n == 1 else f"in {n} pieces"
    floats = f", of which {n - len(standing)} float in the air" if n > len(standing) else ""
    height = (grid[..., 1] - d)[d < 0].max().item()  # inside, nothing ends within -d
    ground, volume = (
        0.2**2 * _share_inside(_floor(distance), 0.2).sum(),
        cell**3 * _share_inside(d, cell).sum(),
    )
    steps, ours = _steps_a_ray(distance), _steps_a_ray(my_building.answer)
    slow = " That is many: the distance says less than it could." if steps > 4 * ours else ""
    return (
        f"It is {height:.1f} m high, stands on {ground:.0f} m² of ground and holds "
        f"{volume:.0f} m³, {whole}{floats}. A ray needs {steps:.0f} steps (ours: {ours:.0f}).{slow}"
    )


def _steps_a_ray(distance) -> float:
    """Evaluations of the distance for each ray of a small picture."""
    asked = []
    origins, directions = shapes.rays(shapes.orbit((0.0, 4.0, 0.0), 25.0, 30.0), 24)
    shapes.sphere_trace(lambda p: asked.append(len(p)) or distance(p), origins, directions)
    return sum(asked) / (24 * 24)


@exercise(
    verify=_verify_building,
    hints=(
        "A box that reaches 4 m, 1.5 m and 3 m stands on the ground when its middle is 1.5 m above: "
        "shapes.box(shapes.translate(p, (0, 1.5, 0)), (4, 1.5, 3)).",
        "Join parts with shapes.union(a, b), cut out doors with shapes.difference(house, door). Begin with the answer "
        "that `solution` shows, and change one thing after the other.",
    ),
)
def my_building(p):
    """The distance (n,) of points (n, 3) to a building that stands on the ground y = 0, negative inside."""
    walls = shapes.box(shapes.translate(p, (0, 1.5, 0)), (4, 1.5, 3))
    roof = shapes.gable_roof(shapes.translate(p, (0, 3, 0)), (4.4, 3.4), 2.4)
    chimney = shapes.box(shapes.translate(p, (2.5, 4, -1)), (0.4, 1.5, 0.4))
    door = shapes.box(shapes.translate(p, (0, 1, 3)), (0.5, 1, 0.3))
    return shapes.difference(shapes.union(walls, roof, chimney), door)


def _house(p, up=1.5):
    return shapes.box(shapes.translate(p, (0, up, 0)), (4, 1.5, 3))


my_building.mistake("It floats", lambda p: _house(p, 4.0))
my_building.mistake("below the ground", lambda p: _house(p, 0.0))
my_building.mistake("out of the box", lambda p: shapes.box(p - torch.tensor([0.0, 2.0, 0.0]), (12, 2, 3)))
my_building.mistake("Inside out", lambda p: -_house(p))
my_building.mistake(
    "There is no building", lambda p: shapes.intersection(_house(p), _house(p - torch.tensor([9.0, 0, 0])))
)
my_building.mistake("Only 2 different numbers", lambda p: torch.where(_house(p) < 0, -1.0, 1.0))
my_building.mistake("Divided by 2.0", lambda p: 2 * _house(p))
my_building.mistake("Divided by 1.5", lambda p: _house(p * torch.tensor([1.5, 1.0, 1.0])))
my_building.mistake("asked without the others", lambda p: _house(p) + 0.01 * p.mean())
my_building.mistake("distances, of shape", lambda p: _house(p)[:, None])
my_building.mistake("not bool", lambda p: bool((_house(p) < 0).all()))
my_building.mistake("NaN or inf", lambda p: _house(p) + 0 * p[:, 1].sqrt())
my_building.mistake("changes p in place", lambda p: _house(p.sub_(torch.tensor([0.0, 1.5, 0.0])), 0.0))
