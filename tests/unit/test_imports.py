"""The package stands on its floors and stays small."""

from imagegen_lessons import runtime
from tests.lessons import checks

FOLDER = runtime.ROOT / "imagegen_lessons"


def test_imports_point_strictly_downward():
    assert checks.floor_problems(FOLDER) == []


def test_modules_and_package_stay_small():
    assert checks.size_problems(FOLDER) == []


def test_a_planted_upward_import_is_found(tmp_path):
    (tmp_path / "images.py").write_text("def f():\n    from imagegen_lessons import gan\n")
    (tmp_path / "gan.py").write_text("import imagegen_lessons.style\n")
    (tmp_path / "show.py").write_text("from imagegen_lessons import images, runtime\n")
    (tmp_path / "attic.py").write_text("")
    assert checks.floor_problems(tmp_path) == [
        "attic.py: the room 'attic' stands on no floor.",
        "gan.py imports style, which does not stand below gan.",
        "images.py imports gan, which does not stand below images.",
    ]
