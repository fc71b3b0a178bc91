"""Moving pictures: optical flow, automata that grow pictures, smoke and fire, effects and loops."""

from imagegen_lessons.motion.automata import CellularAutomaton, alive, perceive, seed, to_rgba
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
from imagegen_lessons.motion.optical_flow import lucas_kanade, visible, warp, warping_error
