# JupyterLab as `make lab` starts it: nothing asks the network, nothing pops up over the lesson.
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.handlers.announcements.NeverCheckForUpdate"
# Containers and hosted machines often run as root; the server still listens to this machine alone, with a token.
c.ServerApp.allow_root = True
