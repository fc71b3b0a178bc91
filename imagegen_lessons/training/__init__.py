"""Training: the one loop (`fit`), checkpoints, and the running average of weights."""

from imagegen_lessons.training.checkpoint import CheckpointError
from imagegen_lessons.training.ema import EMA
from imagegen_lessons.training.fit import History, TrainingError, fit
