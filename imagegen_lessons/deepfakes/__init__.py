"""Deepfakes of drawn people, other forgeries, and detectors.

Nothing is imported here: from `faceswap` no reader of files may be reached, not even by way of this file.
"""
