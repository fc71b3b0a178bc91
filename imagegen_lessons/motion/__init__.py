"""Moving pictures: optical flow, automata that grow pictures, smoke and fire."""

from imagegen_lessons.motion.automata import CellularAutomaton, alive, perceive, seed, to_rgba
from imagegen_lessons.motion.optical_flow import lucas_kanade, visible, warp, warping_error
