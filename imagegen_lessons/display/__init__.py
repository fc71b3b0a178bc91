"""What is seen in the notebook: pictures with alt text, plots, progress, widgets.

Lessons import its modules (`show`, `plots`, `widgets`) and not the folder: the name `display` is IPython's own.
"""
