"""Training: the one loop (`fit`), checkpoints, and the running average of weights."""

from imagegen_lessons.training.checkpoint import CheckpointError
from imagegen_lessons.training.ema import EMA
from imagegen_lessons.training.fit import fit
from imagegen_lessons.training.run import History, TrainingError
