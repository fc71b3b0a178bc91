"""What the tests of the data sets share: no network, a cache, a small CIFAR-10, and a server that misbehaves."""

import hashlib
import http.server
import pickle
import socket
import threading
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import CIFAR10

from imagegen_lessons import datasets


@pytest.fixture
def no_network(monkeypatch):
    def blocked(*_):
        raise AssertionError("something asked for the network")

    monkeypatch.setattr(socket.socket, "connect", blocked)
    monkeypatch.setattr(socket, "getaddrinfo", blocked)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGEGEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Handler(http.server.BaseHTTPRequestHandler):
    """Gives what `Server.files` holds under the address; its first folder says how it misbehaves."""

    def do_GET(self):
        _, manner, name = self.path.split("/", 2)
        data = self.server.files.get(name)
        if manner == "silent":
            return self.server.over.wait(60)  # until the test is over
        if data is None:
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            data = {"half": data[: len(data) // 2], "changed": data[:-1] + b"x"}.get(manner, data)
            self.wfile.write(data)
        return None

    do_HEAD = do_GET  # torchvision asks first whether the address has moved

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """A server on this machine: `server.files[name]` is found under `server.url`/good/name, /half/name, …"""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.files, server.url = {}, f"http://127.0.0.1:{server.server_port}"
        server.over = threading.Event()
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()


@pytest.fixture
def cifar(tmp_path, monkeypatch) -> Path:
    """A small set in the form of CIFAR-10, known to torchvision by its checksums."""
    place = tmp_path / "own" / CIFAR10.base_folder
    place.mkdir(parents=True)

    def write(name, content):
        (place / name).write_bytes(pickle.dumps(content))
        return [name, hashlib.md5((place / name).read_bytes()).hexdigest()]

    pictures = np.random.default_rng(0).integers(0, 256, (20, 3072), dtype=np.uint8)
    batch = {"data": pictures, "labels": [k % 10 for k in range(20)]}
    monkeypatch.setattr(CIFAR10, "train_list", [write("data_batch_1", batch)])
    monkeypatch.setattr(CIFAR10, "test_list", [write("test_batch", batch)])
    meta = write("batches.meta", {"label_names": list(datasets.CIFAR10_LABELS)})
    monkeypatch.setattr(CIFAR10, "meta", {"filename": meta[0], "key": "label_names", "md5": meta[1]})
    return place.parent
