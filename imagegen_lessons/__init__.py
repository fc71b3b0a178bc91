"""The helper package of the course: plumbing that the lessons import, and the finished form of what they build."""

import os

# PyTorch's threads wait for each other by spinning, which on a busy machine (a browser, a second notebook) makes
# small networks several times slower; waiting passively costs next to nothing. It is read when torch is loaded,
# so the lessons import this package first.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
