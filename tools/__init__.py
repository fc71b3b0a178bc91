"""What maintainers run: execute lessons, solve exercises, train checkpoints."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in lab_config.py, which says why
