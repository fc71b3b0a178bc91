# JupyterLab as `make lab` starts it: it opens lesson 00, with the whole course in reach (lessons show docs/pictures).
c.LabApp.default_url = "/lab/tree/notebooks/00_start_here.ipynb"
# Containers and hosted machines often run as root; the server still listens to this machine alone, with a token.
c.ServerApp.allow_root = True
