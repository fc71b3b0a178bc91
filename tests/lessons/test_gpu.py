"""What can be tested of a GPU where there is none: every lesson, and faults planted, on a mock one."""

import ast
import json
import re
import subprocess
import sys

import nbformat
import pytest
from torch.utils import backend_registration

from tools import course, gpu, lessons

BEGIN = f"""import sys
sys.path.insert(0, {str(lessons.ROOT)!r})
from tests import mock_gpu
mock_gpu.install()"""

if not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"):
    pytest.skip("this PyTorch has no devices of one's own in Python", allow_module_level=True)


FAULTS = {  # code -> what must be said
    "torch.ones(3) + torch.ones(3, device=there)": "Expected all tensors to be on the same device",
    "gans.Discriminator().to(there)(torch.ones(1, 3, 32, 32))": "Expected all tensors to be on the same device",
    "torch.ones(3)[torch.ones(1, device=there).long()]": "Expected all tensors to be on the same device",
    "torch.rand(3, generator=runtime.generator(0), device=there)": "type for generator but found 'cpu'",
    "torch.ones(3).to(there).numpy()": "use .cpu() first",
}
WAITING = [  # steps that wait for the device, each in a way of its own
    "x.item()",
    "x[x > 0].sum()",
    "x.unique().sum()",
    "x.masked_select(x > 0).sum()",
    "torch.ones(1).to(there)",
]
FREE = ["x.sum()", "torch.ones(1).to(there, non_blocking=True)", "x.where(x > 0, 0).sum()"]
LEARN = """
import json, torch
from imagegen_lessons import gans, runtime, training
from imagegen_lessons.training import checkpoint
from tests import mock_gpu
mock_gpu.install()
there, said = runtime.device(), {}
for device in (torch.device("cpu"), there):
    torch.manual_seed(0)
    G, D = gans.Generator(width=16).to(device), gans.Discriminator(width=8).to(device)
    trainer = gans.GANTrainer(G, D, gans.RELATIVISTIC, latent=64, gamma=1.0)
    real, z = torch.rand(4, 3, 32, 32).to(device), torch.randn(4, 64).to(device)
    trainer.z = lambda n, z=z: z
    history = training.fit(trainer.step, [real], 5, title=f"on {device.type}")
    said[device.type] = [history.last("D"), history.last("G"), G.to_rgb.weight.sum().item()]
x = torch.ones(1, device=there)
for code in STEPS:
    training.fit(lambda k: {"loss": eval(code)}, range(9), 3, title=code)
for fault in FAULTS:
    try:
        eval(fault)
        said[fault] = "nothing"
    except Exception as error:
        said[fault] = str(error)
checkpoint.save(PATH, G=G)
again = gans.Generator(width=16)
checkpoint.load(PATH, G=again)
said["came back"] = torch.equal(again.to_rgb.weight, G.to_rgb.weight.cpu())
said["late"] = mock_gpu.late_steps
print("\\n" + json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What a process with the mock GPU says; a process of its own, since it cannot go back."""
    path = str(tmp_path_factory.mktemp("mock") / "G.safetensors")
    code = f"FAULTS, STEPS, PATH = {list(FAULTS)!r}, {WAITING + FREE!r}, {path!r}\n{LEARN}"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=lessons.ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(("fault", "sentence"), FAULTS.items())
def test_the_mock_gpu_finds(said, fault, sentence):
    assert sentence in said[fault]


def test_training_goes_as_on_the_cpu_and_no_step_waits(said):
    assert said["mock"] == pytest.approx(said["cpu"], rel=1e-5) and said["came back"]
    assert list(said["late"]) == WAITING


ONE_NUMBER, COPIED = "aten::_local_scalar_dense", "aten::_to_copy"
MAY_WAIT = {  # what a step may wait for, and why
    # Labels are checked before they index a table: on a GPU, a wrong one would end the kernel.
    "05": [ONE_NUMBER, COPIED],
    "07": [ONE_NUMBER],  # PyTorch's L-BFGS asks for its loss
    "15": [COPIED],  # a detector's batch, made on the CPU
}


def execute(path, first: str, last: str):
    """A lesson at quick pace, between two more cells: what the last one shows."""
    notebook = lessons.read(path)
    cells = [nbformat.v4.new_code_cell(source) for source in (first, last)]
    notebook.cells = [cells[0], *notebook.cells, cells[1]]
    course.run(notebook, timeout=300)
    return ast.literal_eval(cells[1].outputs[0]["data"]["text/plain"])


@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", lessons.paths(), ids=lambda path: path.stem)
def test_lesson_runs_on_the_mock_gpu(path, monkeypatch):
    monkeypatch.setenv("IMAGEGEN_PACE", "quick")
    late = execute(path, BEGIN, "mock_gpu.late_steps")
    allowed = set(MAY_WAIT.get(path.stem[:2], []))
    assert not {title: waits for title, waits in late.items() if set(waits) - allowed}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", ["08", "09"])
def test_lesson_runs_with_mixed_precision(number, monkeypatch):
    """With the CPU's mixed precision in place of the GPU's: bfloat16 where `runtime.autocast` stands."""
    monkeypatch.setenv("IMAGEGEN_PACE", "quick")
    mixed = "runtime.autocast = lambda: used.append(1) or torch.autocast('cpu', torch.bfloat16)"
    begin = f"import torch\nfrom imagegen_lessons import runtime\nused = []\n{mixed}"
    assert execute(lessons.paths(number)[0], begin, "len(used)") > 0


def tiny(tmp_path, source):
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": ["figures"]})
    path = tmp_path / "42_tiny.ipynb"
    lessons.write(nbformat.v4.new_notebook(cells=[cell]), path)
    return path


def test_the_table_has_a_row_for_each_lesson_failed_ones_too(tmp_path, monkeypatch):
    row = gpu.row(tiny(tmp_path, "print('blurred   0.06')\nprint('sharp 0.02')"))
    assert re.fullmatch(r"\| 42 \| \d+ \| \d+ \| \d* \| blurred 0.06<br>sharp 0.02 \|", row)
    for source, said in {
        "assert 1 == 2, 'too few'": "AssertionError: too few",
        "assert 1 == 2": "AssertionError:",
        "raise ValueError('a | b')": r"ValueError: a \| b",
        "import os; os._exit(1)": "Kernel died",
    }.items():
        assert gpu.row(tiny(tmp_path, source)) == f"| 42 | failed |  |  | {said} |"


def test_the_table_replaces_the_one_before_and_nothing_else(tmp_path, monkeypatch):
    page = tmp_path / "gpu.md"
    page.write_text(gpu.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(gpu, "PAGE", page)
    gpu.write("first")
    gpu.write("second")
    before, after = (
        gpu.PAGE.read_text(encoding="utf-8").split(mark)[k] for mark, k in ((gpu.BEGIN, 0), (gpu.END, 1))
    )
    assert page.read_text(encoding="utf-8") == f"{before}{gpu.BEGIN}\nsecond\n{gpu.END}{after}"
    assert "What was tested" in before


def test_every_lesson_has_figures_for_the_table():
    for path in lessons.paths():
        cells = [c for c in lessons.code_cells(lessons.read(path)) if lessons.has_tag(c, "figures")]
        assert len(cells) == 1 and gpu.printed(cells[0]).strip(), path.name
