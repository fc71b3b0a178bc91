"""JupyterLab in headless Chromium, as a student has it before them: open a notebook, run it, use it by keyboard."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "for-the-test"
PATIENCE = 1000  # milliseconds: so soon the picture must have changed
AIM = 200  # milliseconds for the median control; it takes 50, and 120 with three busy programs for each core
MEASURED: list[float] = []  # every control's first try, in milliseconds: honest about a busy machine, too
NOTEBOOK = "window.jupyterapp.shell.currentWidget"
OUTPUTS = f"{NOTEBOOK}.content.widgets.flatMap(c => c.model.type === 'code' ? c.model.sharedModel.getOutputs() : [])"
IDLE = f"""() => {{
    const kernel = window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel;
    return kernel && kernel.connectionStatus === 'connected' && kernel.status === 'idle' && {NOTEBOOK}.content;
}}"""
WITH_WIDGETS = f"""{NOTEBOOK}.content.widgets
    .map((c, i) => c.model.type === 'code' && c.model.sharedModel.getOutputs()
        .some(o => o.data && o.data['application/vnd.jupyter.widget-view+json']) ? i : -1).filter(i => i >= 0)"""


@contextmanager
def server(home: Path, folder: Path = ROOT, **environment):
    """A JupyterLab of its own, with settings of nobody, that serves `folder`; gives its address."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    places = {f"JUPYTER_{name}_DIR": str(home / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    places |= {f"JUPYTERLAB_{name}_DIR": str(home / name) for name in ("SETTINGS", "WORKSPACES")}
    quiet = home / "CONFIG" / "labconfig" / "default_setting_overrides.json"
    quiet.parent.mkdir(parents=True)
    news = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
    quiet.write_text(json.dumps({"@jupyterlab/apputils-extension:notification": news}))
    command = [sys.executable, "-m", "jupyterlab", "--config", str(ROOT / "tools" / "lab_config.py")]
    command += ["--no-browser", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]
    command += [
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={folder}",
        "--expose-app-in-browser",
    ]
    environment = {**os.environ, **places, "IPYTHONDIR": str(home / "ipython"), **environment}
    with (home / "server.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)
        try:
            for _ in range(1200):
                try:
                    urllib.request.urlopen(
                        f"http://127.0.0.1:{port}/api/status?token={TOKEN}", timeout=1
                    ).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(60)


class Lesson:
    """A notebook open in JupyterLab, with its kernel; `complaints` are the errors in the browser's console."""

    def __init__(self, browser, address: str, path: str):
        self.page = browser.new_page(viewport={"width": 1280, "height": 1500})
        self.page.set_default_timeout(120_000)  # a busy machine is not a broken lesson
        self.complaints: list[str] = []
        self.page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type == "error" else None
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(f"{address}/lab/tree/{path}?reset&token={TOKEN}")
        self.page.wait_for_function(IDLE)

    def run_all(self) -> list[dict]:
        """Runs all cells, waits for the last, and gives all outputs."""
        self.page.evaluate(
            "window.jupyterapp.commands.execute('notebook:run-all-cells')"
        )  # until the last has run
        self.page.wait_for_function(IDLE)
        return self.page.evaluate(OUTPUTS)

    def widgets(self) -> list:
        """The cells with widgets, each as a function that scrolls to it and gives its part of the page."""
        return [lambda i=i: self._at(i) for i in self.page.evaluate(WITH_WIDGETS)]

    def _at(self, i: int):
        here = f"const all = {NOTEBOOK}.content; all.activeCellIndex = i;"
        self.page.evaluate(f"async i => {{ {here} await all.scrollToItem(i, 'start'); }}", i)
        cell = self.page.locator(".jp-Notebook .jp-Cell.jp-mod-active .jp-OutputArea").first
        cell.locator(".widget-vbox").first.wait_for()
        self.page.wait_for_function(IDLE)
        return cell

    def close(self) -> None:
        self.page.evaluate(f"{NOTEBOOK}.sessionContext.shutdown()")
        self.page.close()


SEEN = """cell => [...cell.querySelectorAll('img.widget-image')].map(i => i.src).join()
    + [...cell.querySelectorAll('.widget-html-content')].map(t => t.innerHTML).join()"""
RESTS = f"""([cell, quiet]) => {{
    const seen = ({SEEN})(cell), now = performance.now();
    if (seen !== cell.seen || !({IDLE})()) [cell.seen, cell.since] = [seen, now];
    return now - cell.since >= quiet;
}}"""


def milliseconds_until_changed(page, cell, act, patience: float = 4.0) -> float:
    """Acts, and waits until a picture or text of the cell's widgets is another one; infinity where none becomes so."""
    handle = cell.element_handle()
    before = handle.evaluate(SEEN)
    start = time.perf_counter()
    act()
    try:
        page.wait_for_function(
            f"([cell, before]) => ({SEEN})(cell) !== before", arg=[handle, before], timeout=1000 * patience
        )
    except Exception as error:
        if "Timeout" not in type(error).__name__:
            raise
        return float("inf")
    return 1000 * (time.perf_counter() - start)


def rest(page, cell, quiet: int = 100) -> None:
    """Waits until the kernel has been idle, and the cell's widgets unchanged, for `quiet` milliseconds."""
    page.wait_for_function(RESTS, arg=[cell.element_handle(), quiet], timeout=30_000)
