"""The set-up cell on a pretended Colab: a shell of that name, a Python of its own, and a clone without network."""

import json
import os
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.tools.test_project import requirements
from tools import address, colab, lessons

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="Colab's machines run Linux, and no test here needs another"
)
ROOT = lessons.ROOT
GIT = shutil.which("git")
# What a program does: it runs the set-up cell so often, in a shell of this module, and tells in JSON what came of it.
PROGRAM = """
import contextlib, importlib.metadata, io, json, sys
from unittest import mock
from IPython.core.interactiveshell import InteractiveShell

started, facts = [], {}
sys.addaudithook(lambda event, given: event == "subprocess.Popen" and started.append(str(given[1])))

def versions():
    return {name: importlib.metadata.version(name) for name in ("torch", "numpy", "ipywidgets")}

if STUBS:  # to be quicker where the lesson's modules are not what is looked at
    for name in STUBS:
        sys.modules[name] = mock.MagicMock()
    sys.modules["c2pa"] = sys.modules["trimesh"] = None  # as if they were not installed

def system(self, command):
    started.append(command)
    self.system_piped(command)

Shell = type("Shell", (InteractiveShell,), {"__module__": WHERE, "system": system})
shell = Shell.instance()
facts["shell"], facts["before"], facts["runs"] = str(shell), versions(), []
for _ in range(TIMES):
    out = io.StringIO()
    started.clear()
    with contextlib.redirect_stdout(out):
        result = shell.run_cell(CELL, silent=True)
    facts["runs"].append({
        "said": out.getvalue(),
        "started": list(started),
        "error": repr(result.error_in_exec) if result.error_in_exec else "",
    })
facts["after"], facts["path"] = versions(), sys.path[:3]
facts["names"] = list(shell.user_ns)
facts["package"] = str(getattr(sys.modules.get("imagegen_lessons"), "__file__", ""))
print(json.dumps(facts))
"""
# A pip that fails after it has left in the course's folder what looks like an installed course.
BROKEN_PIP = """
import pathlib, sys
if "--editable" in sys.argv:
    left = pathlib.Path(sys.argv[-1]) / "imagegen_lessons.egg-info"
    left.mkdir(exist_ok=True)
    (left / "PKG-INFO").write_text("Name: imagegen-lessons")
print("Building.")
sys.exit("The disk is full.")
"""
STUBS = ["torch", "imagegen_lessons", "imagegen_lessons.display"]
CELL = lessons.read(lessons.paths()[0]).cells[1].source
ON_COLAB, ELSEWHERE = "google.colab._shell", "ipykernel.zmqshell"


def git(*arguments: str, cwd: Path) -> None:
    me = ["-c", "user.name=A student", "-c", "user.email=student@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run([GIT, *me, *arguments], cwd=cwd, check=True, capture_output=True)


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """What stands at the address: a repository of the course as it is here and now, without what no test needs."""
    if GIT is None:
        pytest.skip("needs git")
    folder = tmp_path_factory.mktemp("github") / "course"
    for name in ("imagegen_lessons", "tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", ".gitignore"):
        shutil.copyfile(ROOT / name, folder / name)
    git("init", "--quiet", cwd=folder)
    git("add", ".", cwd=folder)
    git("commit", "--quiet", "--message", "The course", cwd=folder)
    return folder


@pytest.fixture
def machine(tmp_path) -> Path:
    """A Python that has all that is installed here except the course; what pip installs stays in it."""
    environment = tmp_path / "python"
    venv.create(environment, system_site_packages=True, symlinks=True)
    inside = {"base": str(environment), "platbase": str(environment)}
    packages = Path(sysconfig.get_path("purelib", "venv", vars=inside))
    # A folder named in a .pth file is searched, but its own .pth files, this course's among them, are not read.
    (packages / "here.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return environment / "bin" / "python"


def run(machine: Path, repository: Path | None, where=ON_COLAB, times=1, stubs=(), **variables) -> dict:
    """Runs the set-up cell in a folder beside the machine, at first empty, where git is led to the repository."""
    folder = machine.parents[2] / "content"
    folder.mkdir(exist_ok=True)
    program = PROGRAM.replace("CELL", repr(CELL)).replace("WHERE", repr(where))
    program = program.replace("STUBS", repr(list(stubs))).replace("TIMES", str(times))
    target = (repository or folder / "nothing").as_uri()
    environment = {
        **os.environ,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{target}.insteadOf",
        "GIT_CONFIG_VALUE_0": f"https://github.com/{address.current()}",
        "IPYTHONDIR": str(machine.parents[2] / "ipython"),
        "OMP_NUM_THREADS": "1",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # as pip reads it: no isolation, so setuptools is taken from here
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        **variables,
    }
    done = subprocess.run(
        [machine, "-c", program], cwd=folder, env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout.splitlines()[-1])
    facts["folder"] = folder
    return facts


def installed() -> set[str]:
    """The names of what pip has put into the environment in which the tests run."""
    packages = Path(sysconfig.get_path("purelib"))
    return {path.name for kind in ("*.dist-info", "__editable__*") for path in packages.glob(kind)}


def test_the_course_is_fetched_once_and_colabs_packages_stay(machine, repository):
    before = installed()
    facts = run(machine, repository, times=2)
    course, (first, second) = facts["folder"] / "course", facts["runs"]
    assert "google.colab" in facts["shell"] and not first["error"] and not second["error"]
    assert facts["before"] == facts["after"]
    assert Path(facts["package"]) == course / "imagegen_lessons" / "__init__.py"
    assert facts["path"][0] == str(course)
    assert f"The course is in {course}." in first["said"] and "IMAGEGEN_OUTPUT" in first["said"]
    assert "could not" not in first["said"] and "quick pace" in first["said"]
    assert any("git clone" in command for command in first["started"])
    assert any("'install'" in command for command in first["started"])
    assert not any("'install'" in command for command in second["started"])
    assert "fatal" not in second["said"] and f"The course is in {course}." in second["said"]
    assert installed() == before, "pip changed the environment in which the tests run"
    own = {name for name in vars(colab) if not name.startswith("__")}
    assert "main" in own and not own & set(facts["names"]), "the script's names are among the student's"
    # After a restart of the kernel the course is there, on a path that does not know its folder.
    again = run(machine, repository, stubs=STUBS)
    (only,) = again["runs"]
    assert again["path"][0] == str(course) and not only["error"]
    assert not any("--editable" in command for command in only["started"])
    # Programs that the notebook starts find the installed course.
    where = [machine, "-c", "import imagegen_lessons; print(imagegen_lessons.__file__)"]
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(where, cwd=machine.parent, env=plain, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()) == course / "imagegen_lessons" / "__init__.py"


def test_an_address_that_leads_nowhere_is_said(machine, repository):
    (only,) = run(machine, None, stubs=STUBS)["runs"]
    assert "Cannot fetch the course: is this address right, and public?" in only["said"]
    assert "course/tools/colab.py" in only["error"] and "ModuleNotFoundError" not in only["said"]


def test_without_pip_the_course_is_used_from_its_folder(machine, repository, tmp_path):
    broken = tmp_path / "broken" / "pip"
    broken.mkdir(parents=True)
    (broken / "__init__.py").touch()
    (broken / "__main__.py").write_text(BROKEN_PIP)
    places = os.pathsep.join([str(broken.parent), os.environ.get("PYTHONPATH", "")])
    facts = run(machine, repository, stubs=STUBS, times=2, PYTHONPATH=places)
    assert facts["path"][0] == str(facts["folder"] / "course")
    for one in facts["runs"]:  # the second tries again
        assert not one["error"]
        for name in ("course: ", "trimesh", "c2pa-python"):
            assert f"pip could not install {name}" in one["said"]
        assert one["said"].count("It said: The disk is full.") == 3 and "Building" not in one["said"]
        calls = [command for command in one["started"] if "'install'" in command]
        assert len(calls) == 3 and all("'--no-deps'" in call for call in calls)


def test_elsewhere_neither_git_nor_pip_is_run(machine):
    facts = run(machine, None, where=ELSEWHERE, stubs=STUBS)
    (only,) = facts["runs"]
    assert not only["error"] and only["said"] == "" and only["started"] == []
    assert list(facts["folder"].iterdir()) == []


def test_the_requirements_are_those_of_pyproject():
    ours = {str(Requirement(requirement)) for requirement, _ in colab.MISSING.values()}
    assert len(ours) == 2 and ours <= {str(Requirement(r)) for r in requirements("credentials")}
