"""A notebook that is none: what is displayed lands in a list."""

import pytest

from imagegen_lessons import runtime


@pytest.fixture
def notebook(monkeypatch):
    """Pretends to be in a notebook; returns the bundles that were displayed, in order."""
    shown = []

    class Handle:
        def update(self, bundle, raw):
            assert raw
            shown.append(bundle)

    def display(bundle, raw, display_id=None):
        assert raw
        assert not (display_id and shown), "there is one display handle"
        shown.append(bundle)
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr(runtime, "in_notebook", lambda: True)
    return shown
