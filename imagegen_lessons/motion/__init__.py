"""Moving pictures: optical flow, automata that grow pictures, smoke and fire, effects and loops."""

from imagegen_lessons.motion.automata import CellularAutomaton, alive, holes, perceive, seed, to_rgba
from imagegen_lessons.motion.clips import sample_clips
from imagegen_lessons.motion.effects import fire, make_loop, over, seam, smoke
from imagegen_lessons.motion.fluid import (
    Fluid,
    add_source,
    advect,
    confinement,
    curl,
    divergence,
    project,
    step,
    still_air,
)
from imagegen_lessons.motion.interpolation import InterpolationNetwork, between
from imagegen_lessons.motion.optical_flow import lucas_kanade, visible, warp, warping_error
from imagegen_lessons.motion.step_network import (
    STRIDE,
    FluidNetwork,
    film,
    film_loss,
    from_maps,
    from_stream,
    sample_fires,
    solver_steps,
    to_maps,
)
from imagegen_lessons.motion.textures import TEXTURES, texture, to_picture
