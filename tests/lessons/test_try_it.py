"""Every suggestion of every lesson works, every cell can run twice, and every section alone (`make try`)."""

import pytest

from tools import lessons, try_it


@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", lessons.paths(), ids=lambda path: path.stem)
def test_what_students_do_beside_running_a_lesson(path):
    assert try_it.problems(path) == []
