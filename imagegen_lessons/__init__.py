"""The helper package of the course: plumbing that the lessons import, and the finished form of what they build."""

__version__ = "0.1.0"

# What `from imagegen_lessons import *` brings. Not `display`: that name is IPython's own function in a notebook.
__all__ = [
    "datasets",
    "deepfakes",
    "diffusion",
    "exercises",
    "gans",
    "images",
    "metrics",
    "networks",
    "provenance",
    "runtime",
    "style",
    "superres",
    "synthetic",
    "training",
]
