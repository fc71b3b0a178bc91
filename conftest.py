"""What every test and every lesson under test shares: quick pace, no network, outputs in a temporary folder.

It stands at the top because the lessons in notebooks/ and build/solved/ are tests, too. The variables are set
before any kernel or worker starts, and are inherited by both.
"""

import os
import signal
import sys
import tempfile
from pathlib import Path

GUARD = str(Path(__file__).parent / "tests" / "no_network")

os.environ.setdefault("IMAGEGEN_PACE", "quick")
os.environ.setdefault("IMAGEGEN_SWEEP", "1")
os.environ.setdefault("IMAGEGEN_OUTPUT", tempfile.mkdtemp(prefix="imagegen-output-"))
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
os.environ.setdefault("OMP_NUM_THREADS", str(max(1, CORES // 2)))  # two workers share the cores
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in tools/lab_config.py
if GUARD not in os.environ.get("PYTHONPATH", "").split(os.pathsep):
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [GUARD, os.environ.get("PYTHONPATH")]))
sys.path.insert(0, GUARD)

import sitecustomize  # noqa: E402  (Debian's Python may have loaded one of its own)

if not hasattr(sitecustomize, "NetworkBlocked"):
    del sys.modules["sitecustomize"]
    import sitecustomize
sitecustomize.install()

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A run that a script started in the background inherits an ignored stop button; the tests press it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
