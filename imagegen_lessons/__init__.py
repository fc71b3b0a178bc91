"""The helper package of the course: plumbing that the lessons import, and the finished form of what they build."""

__version__ = "0.1.0"
