"""Grades a class: `python -m grading FOLDER` writes a table of verdicts on all submitted notebooks.

`notebook` finds the attempts and `signs` what to look at in them; `isolation` locks in the process that runs one
(`attempt`); `judge` forms the verdict outside of it, over `wire`, in a process of its own with `limits`.
docs/instructors.md says how to use it, and what it protects against.
"""
