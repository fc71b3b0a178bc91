"""Grades a class: `python -m grading FOLDER` writes a table of verdicts on all submitted notebooks.

`notebook` finds the attempts, `sandbox` locks in the process that runs one, `checks` forms the verdict outside of it.
docs/instructors.md says how to use it, and what it protects against.
"""
