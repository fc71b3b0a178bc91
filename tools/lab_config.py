import os

# JupyterLab as `make lab` starts it: it opens lesson 00, with the whole course in reach (lessons show docs/pictures).
c.LabApp.default_url = "/lab/tree/notebooks/00_start_here.ipynb"
# Containers and hosted machines often run as root; the server still listens to this machine alone, with a token.
c.ServerApp.allow_root = True
# A picture that is uploaded into a lesson comes as one message; beyond the server's own 10 MB the connection breaks.
c.ServerApp.tornado_settings = {"websocket_max_message_size": 128 * 2**20}
# PyTorch's threads wait for each other after every operation, by default at full speed. Where others use the machine,
# too, training takes twice as long or worse. Kernels inherit this; it must be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
