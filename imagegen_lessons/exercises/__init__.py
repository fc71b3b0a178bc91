"""Every exercise of the course, by name: `exercises.luminance.check(luminance)`.

A module per lesson holds the answers, the cases, the mistakes that people make, and the hints; the decorator
`checker.exercise` registers what it decorates.
"""

from importlib import import_module
from pkgutil import iter_modules

from imagegen_lessons.exercises.checker import REGISTRY

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
globals().update(REGISTRY)
__all__ = sorted(REGISTRY)
